"""What a source does beside matching: the keys that it wants in every query, the limit at which it cuts answers."""

from __future__ import annotations

from worklint.judge.place import KeyAt, Place
from worklint.judge.query import Query
from worklint.knowledge.profile import Cap


def selected(query: Query, alternatives: tuple[tuple[str, int], ...]) -> bool | None:
    """Tell if a query has one of the keys that a source wants; ``None``: it depends on a parameter."""
    answer: bool | None = False
    for key in query.keys:
        if key.literal.negated:
            continue
        # The values of a list are several queries, and each of them needs its key.
        met = [_meets(one, alternatives) for one in key.at]
        if False not in met:
            if None not in met and key.sends == "yes":
                return True
            answer = None
    return answer


def _meets(one: KeyAt, alternatives: tuple[tuple[str, int], ...]) -> bool | None:
    answer: bool | None = False
    for name, least in alternatives:
        if name == one.dotted or name.casefold() == (one.label or "").casefold():
            if one.sent.parameter is not None:
                answer = None
            elif len(one.sent.text.replace("*", "").replace("?", "")) >= least:
                return True
    return answer


def cap_rows(cap: Cap, place: Place) -> int | None:
    """Return the number of rows at which a source cuts; 0 for no limit, ``None`` where nobody has told."""
    if cap.setting is not None:
        value = dict(place.settings).get(cap.setting) or place.profile.default_setting(cap.setting)
        if value is not None and value.isdigit():
            return int(value)
    return cap.rows


def bounded(query: Query, rows: int | None, widened: frozenset[int] = frozenset()) -> bool:
    """Tell if unique keys hold the answer below the cap; ``widened`` are positions of keys that add rows."""
    for i, key in enumerate(query.keys):
        one = key.at[0]
        if one.unique and not key.literal.negated and i not in widened:
            if one.sent.kind == "single" and len(key.at) == 1:
                return True
            if one.sent.kind == "list-of-uid" and rows and one.sent.count < rows:
                return True
    return False

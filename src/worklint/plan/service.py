"""What a source's own service adds to a query: keys that it wants, limits on rows, unique keys of upper levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worklint.judge import bounded, cap_rows, selected
from worklint.judge.behaviour import best_grade
from worklint.judge.place import KeyAt, Place, place_fits
from worklint.judge.query import Key, Literal, Query
from worklint.knowledge.profile import Cap, Profile, Where
from worklint.model import GRADES, Constraint, Effect, Span
from worklint.plan.algebra import united
from worklint.plan.types import Limit
from worklint.record import replace

_NO_SPAN = Span("", 1, 1, 1, 1)


def constraint_of(key: KeyAt) -> Constraint:
    """Return a key as the test that it asks for; nobody wrote it."""
    return Constraint(key.dotted, _NO_SPAN, key.path, None, key.level, key.level, key.sent.kind, asked=key.sent.kind)


def service_of(
    place: Place, level: str, keys: Sequence[KeyAt], widened: frozenset[int], note: Callable[[str], None]
) -> tuple[Effect, Limit | None]:
    """Return what selectors and limits make of a query, and the limit that a client has to page through.

    ``widened`` are the positions of keys that bring more than their value asks for: they bound no answer. ``note``
    takes a sentence for the reader of the plan.
    """
    query = Query(tuple(Key(Literal(i, constraint_of(k), False), (k,)) for i, k in enumerate(keys)), (), ())
    effects = []
    for record in place.profile.selectors:
        fits = place_fits(record.where, place, level)
        if fits is False:
            continue
        met = selected(query, record.alternatives)
        if met is True:
            continue
        certain = best_grade(record.evidence) <= GRADES.index("documented") and met is False and fits is True
        names = " or ".join(n for n, _ in record.alternatives)
        note(f"the source wants {names} in every query")
        effects.append(Effect(rejected=True) if certain else Effect(frozenset({"other"}), frozenset({"other"})))
    limit: Limit | None = None
    for cap in place.profile.caps:
        if place_fits(cap.where, place, level) is False:
            continue
        rows = cap_rows(cap, place)
        if rows == 0 or bounded(query, rows, widened):
            continue
        limit = limit or _limit(cap, rows, keys)
        if cap.refuses:
            effects.append(Effect(frozenset({"other"}), frozenset({"cap"})))
        elif not cap.paging:
            effects.append(Effect(misses=frozenset({"cap"})))
            limit = _limit(cap, rows, keys)
    return united(effects), limit


def _limit(cap: Cap, rows: int | None, keys: Sequence[KeyAt]) -> Limit:
    dates = [k.dotted for k in keys if k.sent.vr == "DA" and k.sent.kind == "range" and k.sent.low and k.sent.high]
    return Limit(rows, cap.signalled, cap.paging, dates[0] if dates and not cap.paging else None)


def without_parents_rule(place: Place) -> Place:
    """Return the place as relational queries meet it: keys of any level, upper unique keys may be left out.

    PS3.4 C.4.1.2.2.1; only for a source that grants it.
    """
    profile: Profile = place.profile
    lifted = replace(
        profile,
        interactions=tuple(i for i in profile.interactions if "*parent-uid" not in i.when.none),
        lifts=(*profile.lifts, ("parents-required", Where())),
    )
    return replace(place, profile=lifted)

"""What a key asks for, held against one entity's values: is it a match, and if not, in what spirit would it be one?

A match is what the language means (``oracle.matcher``). For every other entity ``widened`` names the ways of comparing
under which a source would return it all the same, and ``narrowed`` those under which a source would lose a match. Both
speak of one asked value and one entity; what the source really does is found by putting many of them together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TEXT = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
NUMBERS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
MOMENTS = frozenset({"DA", "TM", "DT"})

PATTERN_SQL = "sql"
"""A way of comparing that the list of reasons has no word for: ``%`` and ``_`` of the value are wild cards too."""
WIDE = "wide"
"""A character outside ASCII counts as several where a question mark stands for one; a profile says ``charset``."""
TRAILING = "trailing"
"""Spaces at the end of a stored value count; in a profile that is ``padding``, as of those in front."""
FIRST = "first-group"
"""Of several component groups the first is asked for: a source that keeps that one only finds it, and no other.

In a profile that is ``group``.
"""
ENDS = "ends"
"""Names differ in empty components at the end, and the source compares these; in a profile that is ``group``."""
FAMILY = "family"
"""The family name alone is asked for, and finds whole names; in a profile that is ``prefix``."""
FRACTION = "fraction"
"""A fraction of a second is asked for, and the source keeps whole seconds; in a profile that is ``value-format``."""
FOREIGN = "foreign"
"""An extra row that no known way of comparing explains."""


def class_of(vr: str) -> str:
    """Return how values of a VR are compared, coarsely: as numbers, moments, names, UIDs or texts."""
    return "number" if vr in NUMBERS else "moment" if vr in MOMENTS else vr if vr in ("PN", "UI") else "text"


@dataclass(frozen=True, slots=True)
class Asked:
    """A key by what it asks: the kind of matching, the text on the wire, the bounds of a range, the UIDs of a list."""

    kind: str
    vr: str
    text: str
    low: str = ""
    high: str = ""
    legal: bool = True


def ask_single(vr: str, text: str, legal: bool = True) -> Asked:
    """Ask for one value."""
    return Asked("single", vr, text, legal=legal)


def ask_range(vr: str, low: str, high: str) -> Asked:
    """Ask for a range; an open end is empty text."""
    return Asked("range", vr, f"{low}-{high}", low, high)


def matches(asked: Asked, values: Iterable[str]) -> bool:
    """Tell if an entity with these values satisfies what is asked."""
    return any(_one(asked, v) for v in values)


def _one(asked: Asked, value: str) -> bool:
    from worklint.oracle import matcher

    if not value.strip(" \0"):
        return False
    if asked.kind == "universal":
        return True
    if asked.kind == "wildcard":
        return matcher.alike(value, asked.text, asked.vr)
    if asked.kind == "range":
        return _inside(value, asked)
    if asked.kind == "list-of-uid":
        return value.strip(" \0") in asked.text.split("\\")
    return matcher.equal(value, asked.text, asked.vr)


def _inside(value: str, asked: Asked) -> bool:
    from worklint.oracle import matcher

    def order(text: str) -> object:
        if asked.vr in MOMENTS:
            return matcher.moment(text, asked.vr)
        return matcher.number(text, asked.vr)

    at = order(value)
    low, high = order(asked.low) if asked.low else None, order(asked.high) if asked.high else None
    if at is None or (asked.low and low is None) or (asked.high and high is None):
        return False
    return (low is None or low <= at) and (high is None or at <= high)  # type: ignore[operator]


def plain(text: str) -> str:
    """Return the text without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def widened(asked: Asked, values: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    """Return the ways under which an entity that does not match would come back; each a set of reasons needed together.

    The simplest ones come first.
    """
    if not values:
        return (frozenset({"empty"}),)
    if asked.kind == "range":
        if any(_between_as_text(asked, v) for v in values):
            return (frozenset({"text-order"}),)
        # To a source that keeps whole seconds the last one of a range has come in all its fractions.
        cut = [v.strip()[: len(asked.high)] for v in values if asked.vr in ("TM", "DT") and "." in v]
        return (frozenset({"prefix"}),) if any(matches(asked, (v,)) for v in cut) else ()
    if asked.kind not in ("single", "wildcard"):
        return ()
    found = [way for v in values for way in _ways(asked, v)]
    if asked.kind == "wildcard" and len(values) > 1 and _fits(asked.text, "\\".join(values)):
        found.append(frozenset({"joined"}))
    if asked.kind == "wildcard" and "?" in asked.text and any(_fits_bytes(asked.text, v) for v in values):
        found.append(frozenset({WIDE}))
    return tuple(sorted(dict.fromkeys(found), key=len))


def _ways(asked: Asked, value: str) -> Iterable[frozenset[str]]:
    vr = asked.vr
    if vr in NUMBERS or vr in MOMENTS or vr == "UI":
        if asked.kind == "single" and value.strip().startswith(asked.text):
            yield frozenset({"prefix"})
        return
    folds: list[tuple[frozenset[str], str, str]] = [
        (frozenset(), asked.text, value),
        (frozenset({"case"}), asked.text.casefold(), value.casefold()),
        (frozenset({"accent"}), plain(asked.text), plain(value)),
        (frozenset({"case", "accent"}), plain(asked.text).casefold(), plain(value).casefold()),
    ]
    for needed, wanted, stored in folds:
        for reasons in _shapes(asked.kind, vr, wanted, stored):
            if needed | reasons:
                yield needed | reasons
        if wanted == asked.text and stored == value and "case" in needed:
            break


def _shapes(kind: str, vr: str, wanted: str, stored: str) -> Iterable[frozenset[str]]:
    wanted, stored = _bare(wanted, vr), _bare(stored, vr)
    tight, loose = wanted.strip(), stored.strip()
    if kind == "wildcard":
        if _fits(wanted, stored):
            yield frozenset()
        elif _fits(tight, loose):
            yield frozenset({"padding"})
        if vr == "PN" and any(_fits(tight, g) for g in loose.split("=")):
            yield frozenset({"group"})
        if _fits(tight + "*", loose):
            yield frozenset({"prefix"})
        if _fits("*" + tight + "*", loose):
            yield frozenset({"substring"})
        if ("%" in wanted or "_" in wanted) and _fits(tight.replace("%", "*").replace("_", "?"), loose):
            yield frozenset({PATTERN_SQL})
        return
    if wanted == stored:
        yield frozenset()
    elif tight == loose:
        yield frozenset({"padding"})
    if not tight:
        return
    if vr == "PN":
        groups = {_bare(g, vr).strip() for g in loose.split("=")}
        if groups & {_bare(g, vr).strip() for g in tight.split("=")} - {""}:
            yield frozenset({"group"})
    if loose.startswith(tight) and loose != tight:
        yield frozenset({"prefix"})
    if tight in re.split(r"[\s^=,]+", loose) and loose != tight:
        yield frozenset({"word"})
    if tight in loose and loose != tight:
        yield frozenset({"substring"})
    if vr == "PN" and "^" not in tight and loose.startswith(f"{tight}^"):
        yield frozenset({FAMILY})
    if ("%" in tight or "_" in tight) and tight != loose and _fits(tight.replace("%", "*").replace("_", "?"), loose):
        yield frozenset({PATTERN_SQL})
    if tight.isdigit() and loose.isdigit() and int(tight) == int(loose) and tight != loose:
        yield frozenset({"number"})


def _bare(text: str, vr: str) -> str:
    return text.rstrip("^= ") if vr == "PN" else text


def _fits(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _fits_bytes(pattern: str, text: str) -> bool:
    return not text.isascii() and _fits(*(t.encode().decode("latin-1") for t in (pattern, text)))


def _between_as_text(asked: Asked, value: str) -> bool:
    at = value.strip()
    return (not asked.low or asked.low <= at) and (not asked.high or at <= asked.high)


def narrowed(asked: Asked, values: tuple[str, ...], scattered: bool = False) -> frozenset[str]:
    """Return the ways under which a matching entity would be lost.

    ``scattered``: the values stand in several entities below, and not all of these match.
    """
    found: set[str] = set()
    mine = [v for v in values if _one(asked, v)]
    if scattered:
        found.add("one-instance")
    if len(values) > 1 and not scattered:
        found.add("one-value")
        if asked.kind != "wildcard" or not _fits(asked.text, "\\".join(values)):
            found.add("joined")
    if asked.kind == "wildcard":
        found.add("wildcard-literal")
        if asked.vr == "PN" and not any(_fits(asked.text, v) for v in mine):
            found.add(_part_of_name(mine, [v for v in mine if _fits(asked.text, v.split("=")[0])]))
    if asked.kind == "range" and not any(_between_as_text(asked, v) for v in mine):
        found.add("text-order")
    if asked.kind == "range":
        found.add("range-literal")
    if asked.kind == "single" and asked.vr in ("TM", "DT") and "." in asked.text:
        found.add(FRACTION)
    if asked.kind == "single" and not any(v == asked.text for v in mine):
        if asked.vr in NUMBERS:
            found.add("text-number")
        elif asked.vr in MOMENTS:
            found.add("value-format")
        elif asked.vr == "PN":
            # One of several groups, or a name that ends in empty components.
            found |= _spaces(asked.text, mine) or {_part_of_name(mine, [v for v in mine if v.startswith(asked.text)])}
        else:
            found |= _spaces(asked.text, mine)
    elif asked.vr in TEXT and asked.kind == "wildcard" and not any(_fits(asked.text, v) for v in mine):
        fits = [TRAILING for v in mine if _fits(asked.text, v.rstrip())]
        fits += ["padding" for v in mine if _fits(asked.text, v.strip())]
        found |= set(fits[:1])
    if asked.kind == "wildcard" and "?" in asked.text and any(not v.isascii() for v in mine):
        if not any(v.isascii() or _fits_bytes(asked.text, v) for v in mine):
            found.add(WIDE)
    elif not asked.text.isascii():
        found.add("charset")
    return frozenset(found)


def _part_of_name(names: Sequence[str], begin: Sequence[str]) -> str:
    """Return what is asked for of names that are not asked for as they stand; ``begin`` are those that begin so."""
    if not any("=" in v for v in names):
        return ENDS
    return FIRST if any("=" in v for v in begin) else "group"


def _spaces(asked: str, values: Iterable[str]) -> set[str]:
    """Return which spaces make the difference between what is asked and all of the values, if these do."""
    if any(v.rstrip() == asked.rstrip() for v in values):
        return {TRAILING}
    return {"padding"} if any(v.strip() == asked.strip() for v in values) else set()

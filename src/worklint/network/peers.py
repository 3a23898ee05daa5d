"""What attributes of the same kind tell of one another, and what may be taken over from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from worklint.knowledge import standard
from worklint.network import pairs
from worklint.network.evidence import Found, knowing, settle
from worklint.network.meaning import PATTERN_SQL
from worklint.network.measure import Measured, Slot
from worklint.network.subjects import About

if TYPE_CHECKING:
    from worklint.network.probe import Record


def is_same(mine: Found, theirs: Found) -> bool:
    """Tell if what one pair showed is what is known elsewhere."""
    if mine.does != theirs.does or mine.status != theirs.status:
        return False
    seen = mine.misses | (mine.open_misses & {"other"})
    return mine.adds <= theirs.adds | theirs.open_adds and seen <= theirs.misses | theirs.open_misses


def but_singles(one: Measured) -> tuple[object, ...]:
    """Return what was seen of patterns, ranges and lists, to hold it against that of another attribute."""
    return tuple(
        sorted((*slot, f.does, f.status, *sorted(f.blamed)) for slot, f in one.found.items() if slot[0] != "single")
    )


def weaker(several: Sequence[Found]) -> Found:
    """Return what several attributes have in common: whatever one of them left undecided is undecided."""
    open_adds, open_misses = (
        frozenset().union(*(getattr(f, name) for f in several)) for name in ("open_adds", "open_misses")
    )
    excluded = frozenset.intersection(*(f.excluded for f in several))
    return replace(several[0], open_adds=open_adds, open_misses=open_misses, excluded=excluded)


def family_of(vr: str) -> str:
    """Return the kind of attribute by how its values are compared."""
    return "text" if vr in pairs.CASED and vr != "PN" else vr


def _side(model: str, level: str, about: About) -> int:
    """Tell if an attribute is of the level asked at (0), above or below: values of another level are compared apart."""
    levels = standard.model(model).levels  # type: ignore[union-attr]
    if about.home not in levels:
        return 0
    distance = levels.index(about.home) - levels.index(level)
    return (distance > 0) - (distance < 0)


def settle_all(record: Record) -> None:
    """Let attributes of the same kind decide for one another what their own values could not."""
    _question_marks(record)
    _marks_of_sql(record)
    groups: dict[tuple[Slot, str, int], list[tuple[Measured, Slot]]] = {}
    for (model, level), place in record.measured.items():
        for one in place.values():
            family = "text" if one.about.vr in pairs.CASED else one.about.vr
            side = _side(model, level, one.about)
            for slot in one.found:
                groups.setdefault((slot, family, side), []).append((one, slot))
    for members in groups.values():
        before = [(m, m.found[slot]) for m, slot in members]
        for one, slot in members:
            near = [f for m, f in before if m is not one and (m.about.vr == "PN") == (one.about.vr == "PN")]
            far = [f for m, f in before if m is not one]
            one.found[slot] = settle(settle(one.found[slot], near), far)
    _without_start(record)
    every = [f for place in record.measured.values() for one in place.values() for f in one.found.values()]
    in_part = any("a large archive" in note for note in record.notes) and any("padding" in f.misses for f in every)
    for place in record.measured.values():
        for one in place.values():
            for (kind, value), found in one.found.items():
                if "padding" in found.open_misses and (
                    in_part or any("padding" in f.misses for f in one.found.values())
                ):
                    # Spaces in front that count in one kind of matching are stored, and count in all; and where they
                    # were seen to count, values that were not read may have some.
                    found = one.found[(kind, value)] = replace(
                        found, misses=found.misses | {"padding"}, open_misses=found.open_misses - {"padding"}
                    )
                if value and found.does == "applied" and (usual := one.found.get((kind, ""))) is not None:
                    one.found[(kind, value)] = knowing(found, usual)


def _without_start(record: Record) -> None:
    """Say of ranges without a start, where none was asked for, what those of other attributes of the kind showed.

    Where one was seen to add what has no value, others may; where none was seen to leave it out, those not asked may.
    """
    members = [m for place in record.measured.values() for m in place.values()]
    slots: tuple[Slot, ...] = (("range", ""), ("range", "open-start"))
    asked = [(family_of(m.about.vr), m.found[s]) for m in members for s in slots if s in m.found and m.full]
    adding = {family for family, found in asked if "empty" in found.adds}
    leaving = {family for family, found in asked if "+empty" in found.excluded}
    for one in members:
        family = family_of(one.about.vr)
        for slot in slots if family in adding or (not one.full and family not in leaving) else ():
            if slot in one.found:
                one.found[slot] = one.found[slot].leaving_open("empty")


def _marks_of_sql(record: Record) -> None:
    """Where % and _ were seen to be wild cards in texts, they are in those of which that was not asked."""
    members = [m for place in record.measured.values() for m in place.values() if m.about.vr in pairs.CASED]
    for kind in ("single", "wildcard"):
        seen = any(f.sql for m in members for slot, f in m.found.items() if slot[0] == kind)
        for one in members if seen else ():
            found = one.found.get((kind, ""))
            if found is not None and found.does == "applied" and "+" + PATTERN_SQL not in found.excluded:
                one.found[(kind, "")] = replace(found, sql=True)


def _question_marks(record: Record) -> None:
    """Where a question mark was seen not to do what an asterisk does, say so of those that were not asked for one."""
    slot, kind = ("wildcard", "question-mark"), ("wildcard", "")
    members = [m for place in record.measured.values() for m in place.values()]
    for one in members:
        alike = [m for m in members if slot in m.found and family_of(m.about.vr) == family_of(one.about.vr)]
        if alike and slot not in one.found and not one.full and one.found.get(kind, Found("unknown")).does == "applied":
            one.found[slot] = alike[0].found[slot]

"""What attributes of the same kind tell of one another, and what may be taken over from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from worklint.knowledge import standard
from worklint.model import SPELLING
from worklint.network import pairs
from worklint.network.evidence import LOST, UNSEEN, Found, knowing, settle
from worklint.network.meaning import FAMILY, PATTERN_SQL, class_of
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
            # What is said of a key of an upper level was measured at its own.
            side = 0 if one.about.parent else _side(model, level, one.about)
            for slot in one.found:
                groups.setdefault((slot, family, side), []).append((one, slot))
    for members in groups.values():
        before = [(m, m.found[slot]) for m, slot in members]
        for one, slot in members:
            near = [f for m, f in before if m is not one and (m.about.vr == "PN") == (one.about.vr == "PN")]
            far = [f for m, f in before if m is not one]
            one.found[slot] = settle(settle(one.found[slot], near), far)
    _without_start(record)
    _without_values(record)
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


def _without_values(record: Record) -> None:
    """Say of attributes of which no entity shows a value how others of their kind compare, or that they lose all.

    Their keys are looked at: values that cannot exist found nothing. That they find what has the value was not seen.
    """
    groups: dict[tuple[str, int], list[Measured]] = {}
    for (model, level), place in record.measured.items():
        for one in place.values():
            for kind in (k for k, value in one.found if not value):
                groups.setdefault((kind, _side(model, level, one.about)), []).append(one)
    elsewhere: dict[str, list[Measured]] = {}
    for (kind, _), members in groups.items():
        elsewhere.setdefault(kind, []).extend(m for m in members if _speaks(m.found[(kind, "")]))
    for (kind, _), members in groups.items():
        usual = (kind, "")
        known = [m for m in members if _speaks(m.found[usual])]
        unseen = [m for m in members if m.found[usual].status == UNSEEN]
        for one in unseen:
            near = [m for m in known if class_of(m.about.vr) == class_of(one.about.vr)]
            if len(near) < _SPEAK and len(known) > _SPEAK and all(m.found[usual].does == "nothing" for m in known):
                # Where every key of that level and kind is answered with nothing, so may this one.
                near = known
            if len(near) < _SPEAK:
                near = [m for m in elsewhere.get(kind, ()) if class_of(m.about.vr) == class_of(one.about.vr)]
            if len(near) >= _SPEAK:
                one.found.update(_as_others(one, kind, near))


def _speaks(found: Found) -> bool:
    return found.does in ("applied", "nothing") and found.status not in (LOST, UNSEEN)


_SPEAK = 2
"""Attributes with values that speak for those of their kind without."""
_SELDOM = ("word", FAMILY)
"""Ways of comparing of which few attributes have values that show them: one that does not speaks for all."""


def _as_others(one: Measured, kind: str, near: Sequence[Measured]) -> dict[Slot, Found]:
    """Return what is said of a kind of matching of an attribute without a value, by others that have some."""
    comparing = [f for m in near if (f := m.found[(kind, "")]).does == "applied"]
    possible = pairs.possible_adds(kind, one.about.vr, one.about.several)
    enough = {r: min(len(comparing), 1 if r in _SELDOM else _SPEAK) for r in possible | {"other"}}
    undecided = {r for r, count in enough.items() if sum(r in f.excluded_adds for f in comparing) < count}
    seen, *losses = (
        frozenset[str]().union(*(getattr(f, name) for f in comparing)) for name in ("adds", "misses", "open_misses")
    )
    losses.append(pairs.possible_misses(kind, one.about.vr, one.about.several, False))
    usual = replace(
        one.found[(kind, "")], does="applied", sql=any(f.sql for f in comparing),
        open_adds=seen | undecided | (possible & SPELLING), open_misses=frozenset({"other"}).union(*losses),
    )  # fmt: skip
    out = {(kind, ""): usual}
    for slot in dict.fromkeys(s for m in near for s in m.found if s[0] == kind and s[1]):
        # What is peculiar to some values may be so here; what is more than a way of comparing is not taken over.
        theirs = [m.found[slot] for m in near if slot in m.found]
        adds = frozenset[str]().union(*(f.adds | f.open_adds for f in theirs))
        alike = all(f.does == "applied" for f in theirs)
        out[slot] = replace(usual, open_adds=usual.open_adds | adds) if alike else Found("unknown", why=usual.why)
    return out


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

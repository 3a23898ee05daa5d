"""What a value is worth: rows that appear or are missing although the key is matched perfectly.

A client can repair a lost key; nobody can repair a lost value (``docs/verdicts.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

from worklint.judge.place import KeyAt, Place, attribute_rank, lifted, place_fits, vr_fits
from worklint.knowledge.profile import Keeping, Profile
from worklint.model import Constraint
from worklint.record import frozen, replace


@frozen
class Worth:
    """The effect of one keeping record on one test: reasons, and whether anything is known."""

    record: Keeping
    adds: frozenset[str] = frozenset()
    misses: frozenset[str] = frozenset()
    known: bool = True


def records_for(place: Place, key: KeyAt) -> tuple[tuple[Keeping, bool], ...]:
    """Return the keeping records that speak of a key at a place, and whether each holds for certain.

    A record of the topology belongs to the hub that sources share: it speaks of every source of the hub's group, unless
    the pairs of the group lift it.
    """
    out: list[tuple[Keeping, bool]] = []
    for record in place.profile.keeping:
        if not record.topology:
            _collect(out, record, place, key, place.profile)
    if place.hub is not None:
        # The settings that such a record names are those of the hub.
        there = replace(place, settings=place.hub_settings, profile=place.hub)
        for record in place.hub.keeping:
            if record.topology and not lifted(record.unless_pair, place.pairs):
                _collect(out, record, there, key, place.hub)
    return tuple(out)


def _collect(out: list[tuple[Keeping, bool]], record: Keeping, place: Place, key: KeyAt, profile: Profile) -> None:
    if attribute_rank(record.where, key, profile) is None or not vr_fits(record.where, key.sent.vr):
        return
    fits = place_fits(record.where, place, key.level)
    if fits is not False:
        out.append((record, fits is True))


def worth(record: Keeping, constraint: Constraint, place: Place, empty_matches: bool, certain_match: bool) -> Worth:
    """Return what a positive test evaluated at the source suffers from the way its value is kept.

    ``empty_matches``: the source counts an entity without the value as a match; ``certain_match``: on evidence.
    """
    gives = record.gives
    if gives == "faithful":
        return Worth(record)
    if gives == "unknown":
        return Worth(record, frozenset({"not-kept"}), frozenset({"not-kept"}), known=False)
    if gives == "wrong":
        return Worth(record, frozenset({"wrong"}), frozenset({"wrong"}))
    if gives in ("partial", "never", "some-values"):
        adds = frozenset({"not-kept"}) if empty_matches and gives != "some-values" else frozenset()
        misses = frozenset() if adds and certain_match else frozenset({"not-kept"})
        return Worth(record, adds, misses)
    wanted = _wanted(constraint)
    if gives == "behind":
        return _behind(record, wanted)
    return _shows(record, wanted, place)


def _wanted(constraint: Constraint) -> frozenset[str] | None:
    """Return the values that satisfy an equality or a list, casefolded; ``None`` if the test is of another kind."""
    listed = (constraint.asked or constraint.matching) in ("single", "any-of")
    if not listed or any(v.parameter or _pattern(v.text) for v in constraint.values) or not constraint.values:
        return None
    return frozenset(v.text.strip().casefold() for v in constraint.values)


def _pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _behind(record: Keeping, wanted: frozenset[str] | None) -> Worth:
    """The value shown may be an earlier one: a true later value shows as a wanted earlier one, or hides behind it."""
    order = [v.casefold() for v in record.order]
    if wanted is None or not wanted <= set(order):
        return Worth(record, frozenset({"behind"}), frozenset({"behind"}))
    inside = [v in wanted for v in order]
    adds = any(inside[i] and not inside[j] for i in range(len(order)) for j in range(i + 1, len(order)))
    misses = any(inside[j] and not inside[i] for i in range(len(order)) for j in range(i + 1, len(order)))
    return Worth(
        record, frozenset({"behind"}) if adds else frozenset(), frozenset({"behind"}) if misses else frozenset()
    )


def _shows(record: Keeping, wanted: frozenset[str] | None, place: Place) -> Worth:
    """Another value may be shown in place of the true one: a test for it adds, a test for another misses."""
    shown = shown_values(record, place)
    if not shown:
        return Worth(record)
    if wanted is None:
        return Worth(record, frozenset({"wrong"}), frozenset({"wrong"}))
    in_stead = {v.casefold() for v in shown}
    return Worth(
        record,
        frozenset({"wrong"}) if wanted & in_stead else frozenset(),
        frozenset({"wrong"}) if in_stead - wanted else frozenset(),
    )


def shown_values(record: Keeping, place: Place) -> tuple[str, ...]:
    """Return the values that are shown in stead: what the setting says, else what the record names."""
    if record.shows_setting:
        settings = dict(place.settings)
        value = settings.get(record.shows_setting) or place.profile.default_setting(record.shows_setting)
        if value is not None:
            return (value,)
    return record.shows


def total(parts: Sequence[Worth], negated: bool) -> tuple[frozenset[str], frozenset[str], bool]:
    """Return the reasons of all records together, swapped where the source itself evaluates the negation."""
    adds: frozenset[str] = frozenset().union(*(w.adds for w in parts)) if parts else frozenset()
    misses: frozenset[str] = frozenset().union(*(w.misses for w in parts)) if parts else frozenset()
    known = all(w.known for w in parts)
    return (misses, adds, known) if negated else (adds, misses, known)

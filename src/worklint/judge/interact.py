"""Keys of one query change one another: which interactions hold, and what they make of each key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from worklint.judge.behaviour import choose
from worklint.judge.place import KeyAt, Place, place_fits, selector_rank
from worklint.judge.query import upper_keys
from worklint.knowledge import products, standard
from worklint.knowledge.profile import Behaviour, Interaction, Profile, When
from worklint.record import frozen, replace


@frozen
class QueryEffect:
    """What an interaction adds to a whole query, and the positions of the keys that it is about."""

    interaction: Interaction
    behaviour: Behaviour
    keys: tuple[int, ...]
    certain: bool


def interactions_of(place: Place, level: str) -> tuple[tuple[Interaction, Profile], ...]:
    """Return the interactions that can hold at a place: the standard's (unless lifted), the product's, the viewer's."""
    base = products.profile("dicom-standard", None)
    out: list[tuple[Interaction, Profile]] = []
    lifted = {name for name, where in place.profile.lifts if place_fits(where, place, level) is True}
    if base is not None and place.profile.product != base.profile.product:
        out += [(i, base.profile) for i in base.profile.interactions if i.id not in lifted]
    out += [(i, place.profile) for i in place.profile.interactions]
    if place.viewer is not None:
        out += [(i, place.viewer) for i in place.viewer.interactions]
    return tuple(out)


def _matching(selectors: tuple[str, ...], keys: Sequence[KeyAt], profile: Profile) -> tuple[int, ...]:
    return tuple(i for i, key in enumerate(keys) if any(selector_rank(s, key, profile) is not None for s in selectors))


def _all_parents(place: Place, keys: Sequence[KeyAt], level: str) -> bool:
    named = {k.dotted for k in keys if k.parent and k.sent.kind == "single"}
    return set(upper_keys(place.model, level)) <= named


def date_and_time(keys: Sequence[KeyAt]) -> tuple[int, ...]:
    """Return the positions of keys that the standard reads as one interval: ranges of a date and of its time.

    A range within one day is the same either way (PS3.4 C.2.2.2.5.4).
    """
    found: list[int] = []
    for i, date in enumerate(keys):
        if date.sent.vr != "DA" or date.sent.kind != "range" or date.sent.low == date.sent.high:
            continue
        for j, time in enumerate(keys):
            if (
                time.sent.vr == "TM"
                and time.sent.kind == "range"
                and date.path[:-1] == time.path[:-1]
                and standard.is_combined_pair(date.path[-1].keyword, time.path[-1].keyword)
            ):
                found += [i, j]
    return tuple(dict.fromkeys(found))


def holds(
    when: When,
    place: Place,
    level: str,
    keys: Sequence[KeyAt],
    behaviours: Sequence[Behaviour],
    empties: Sequence[KeyAt],
    profile: Profile,
) -> tuple[int, ...] | None:
    """Return the positions of the keys that the condition is about, or ``None`` if it does not hold."""
    about: list[int] = []
    for selector in when.all:
        if selector == "*parent-uid":
            if not _all_parents(place, keys, level):
                return None
            continue
        found = _matching((selector,), keys, profile)
        if not found:
            return None
        about += found
    if when.any:
        found = _matching(when.any, keys, profile)
        if not found:
            return None
        about += found
    for selector in when.none:
        if selector == "*parent-uid":
            if not upper_keys(place.model, level) or _all_parents(place, keys, level):
                return None
        elif _matching((selector,), (*keys, *empties), profile):
            # A key that is there without a value is there.
            return None
    for selector in when.returns:
        if not _matching((selector,), empties, profile):
            return None
    if when.two_or_more:
        found = _matching(when.two_or_more, keys, profile)
        if len({keys[i].path for i in found}) < 2:
            return None
        about += found
    if when.two_or_more_join:
        found = tuple(i for i, b in enumerate(behaviours) if _joins(b) == when.two_or_more_join)
        if len({keys[i].path for i in found}) < 2:
            return None
        about += found
    if when.date_and_time:
        found = date_and_time(keys)
        if not found:
            return None
        about += found
    if when.without_keys and keys:
        return None
    if when.more_keys_than and len(_elements(place, level, keys, empties)) <= when.more_keys_than:
        return None
    valued = {k.path[0].tag for k in keys if k.path and k.sent.text}
    if when.more_values_than and len(valued) <= when.more_values_than:
        return None
    return tuple(dict.fromkeys(about))


def _elements(place: Place, level: str, keys: Sequence[KeyAt], empties: Sequence[KeyAt]) -> frozenset[str]:
    """Return the tags of an identifier beside the level and the character set: keys, and what tells rows apart."""
    tags = {k.path[0].tag for k in (*keys, *empties) if k.path}
    if place.transport == "dimse":
        tags |= {a.tag for name in standard.identity(place.model, level) if (a := standard.attribute_by_keyword(name))}
    return frozenset(tags)


def _joins(behaviour: Behaviour) -> str | None:
    return behaviour.joins or next((b.joins for b in behaviour.one_of if b.joins), None)


def interact(
    place: Place, level: str, keys: Sequence[KeyAt], behaviours: Sequence[Behaviour], empties: Sequence[KeyAt]
) -> tuple[tuple[Behaviour, ...], tuple[QueryEffect, ...], frozenset[str]]:
    """Apply the interactions in order: replacements of behaviours, then effects of the query.

    Returns the behaviours after replacement, the effects on the query, and what the source serves (``series has``).
    """
    now = list(behaviours)
    effects: list[QueryEffect] = []
    serves: set[str] = set()
    for interaction, profile in interactions_of(place, level):
        fits = place_fits(interaction.where, place, level)
        if fits is False:
            continue
        about = holds(interaction.when, place, level, keys, now, empties, profile)
        if about is None:
            continue
        for i, key in enumerate(keys):
            if not interaction.replace:
                break
            new = choose(interaction.replace, replace(place, profile=profile), key, now[i])
            if new is None:
                continue
            if fits is None:
                new = Behaviour("unknown", one_of=(now[i], new), because=new.because, evidence=new.evidence)
            now[i] = replace(new, returned=now[i].returned, joins=new.joins or _joins(now[i]))
        if interaction.serves and fits is True:
            serves.add(interaction.serves)
        if interaction.query is not None:
            effects.append(QueryEffect(interaction, interaction.query, about, fits is True))
    return tuple(_half_moments(keys, now)), tuple(effects), frozenset(serves)


def _half_moments(keys: Sequence[KeyAt], behaviours: Sequence[Behaviour]) -> list[Behaviour]:
    """Where one moment is asked for and its date is not looked at, its time is a window of every day, and may miss."""
    out = list(behaviours)
    moments = [(i, k) for i, k in enumerate(keys) if k.sent.kind == "datetime"]
    for (i, date), (j, time) in product(moments, moments):
        if date.path[:-1] != time.path[:-1] or not _may_be_ignored(out[i]):
            continue
        if standard.is_combined_pair(date.path[-1].keyword, time.path[-1].keyword):
            window = Behaviour("applied", misses=frozenset({"interval"}), evidence=out[i].evidence)
            out[j] = replace(window, does="unknown", one_of=(out[j], window), because=out[i].because)
    return out


def _may_be_ignored(behaviour: Behaviour) -> bool:
    return behaviour.does == "ignored" or any(map(_may_be_ignored, behaviour.one_of))

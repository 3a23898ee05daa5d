"""Empty keys beside those with values: some sources need one to behave."""

from __future__ import annotations

from functools import lru_cache

from worklint.judge.interact import interactions_of
from worklint.judge.place import KeyAt, Place, place_fits
from worklint.knowledge import standard
from worklint.model import Constraint, Span
from worklint.plan.checks import can_be_returned, universal
from worklint.plan.types import Path

MOST_BESIDE = 8
"""So many empty keys are tried beside the keys of one query."""

Beside = tuple[KeyAt, ...]
"""Empty keys that go out beside those with values, because the source needs them to behave."""

_NO_SPAN = Span("", 1, 1, 1, 1)


@lru_cache(maxsize=2_000)
def besides(place: Place, level: str) -> tuple[Beside, ...]:
    """Return the empty keys that change what a source does with others, by its profile: one alone, then all together.

    Over DICOMweb there are none: ``includefield`` is no key (PS3.18 8.3.4.3).
    """
    if place.transport != "dimse":
        return ()
    found: dict[KeyAt, None] = {}
    for interaction, profile in interactions_of(place, level):
        if place_fits(interaction.where, place, level) is False:
            continue
        for selector in (*interaction.when.returns, *interaction.when.none):
            names = sorted(profile.sets[selector[1:]]) if selector.startswith("#") else [selector]
            for name in names:
                path = [standard.attribute_by_keyword(k) for k in name.split(".")]
                if all(path):
                    key = universal_of(place, level, tuple(a for a in path if a is not None))
                    if can_be_returned(place, key):
                        found[key] = None
    keys = tuple(found)[:MOST_BESIDE]
    return (*((k,) for k in keys), *((keys,) if len(keys) > 1 else ()))


def universal_of(place: Place, level: str, path: Path) -> KeyAt:
    """Return the empty key of an attribute, wherever it lives."""
    keyword = path[0].keyword
    levels = standard.levels_of(keyword, place.model) if keyword else ()
    home = level if level in levels or not levels else levels[-1]
    constraint = Constraint("", _NO_SPAN, path, None, level, home, "universal")
    return universal(place, level, constraint)

"""Extended negotiation: what a source grants for certain, and the source as it then answers (PS3.4 C.5.1.1).

Over QIDO-RS a parameter of the search asks for an option, where the standard has one (PS3.18 8.3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from worklint.judge.behaviour import best_grade
from worklint.judge.place import Place, place_fits
from worklint.knowledge import standard
from worklint.model import GRADES

COMBINED, RELATIONAL = "combined-date-time", "relational-queries"
EMPTY_VALUE, SEVERAL_VALUES = "empty-value-matching", "multiple-value-matching"

_SURE = GRADES.index("documented")


@lru_cache(maxsize=5_000)
def granted(place: Place, level: str | None) -> frozenset[str]:
    """Return the options that a source is known to grant and to honour at a level (``None``: at any).

    Where a setting decides that nobody told, where records contradict one another, or only a report speaks of it, an
    option is not asked for.
    """
    web = place.transport == "dicomweb"
    # A plain word speaks of C-FIND, unless the product has nothing else than the web.
    plain = not web or "dimse" not in place.profile.transports
    found = {option for option, told in place.profile.negotiation.items() if told == "yes" and plain}
    refused = set()
    for grant in place.profile.grants:
        fits = place_fits(grant.where, place, level)
        if grant.granted and fits is True and best_grade(grant.evidence) <= _SURE:
            found.add(grant.option)
        elif not grant.granted and fits is not False:
            refused.add(grant.option)
    return frozenset(found - refused) & (parameters(place.model).keys() if web else found)


@lru_cache(maxsize=20)
def parameters(model: str) -> Mapping[str, str]:
    """Return the options that a search can ask for, each with its parameter (PS3.18 8.3.4.2, 8.3.4.5, 8.3.4.6)."""
    return {o.option: o.dicomweb for o in standard.negotiation_options(model) if o.dicomweb.endswith("=true")}


@lru_cache(maxsize=5_000)
def on_association(place: Place, level: str | None, options: frozenset[str]) -> Place:
    """Return the place as it answers on an association for which these options were granted."""
    sets = {
        name: value
        for grant in place.profile.grants
        if grant.option in options and grant.granted and place_fits(grant.where, place, level) is True
        for name, value in grant.sets
    }
    if not sets:
        return place
    return replace(place, settings=(*((n, v) for n, v in place.settings if n not in sets), *sets.items()))

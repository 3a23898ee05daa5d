"""Where a query is asked: a source with its profile, settings, role and neighbours; and what a record speaks of.

``place_fits`` and its neighbours are the one reader of ``Where``. They answer ``None`` where a setting that nobody told
decides: what such a record says is then one of several possibilities, never the truth.
"""

from __future__ import annotations

from collections.abc import Mapping

from worklint.judge.value import Sent, in_class
from worklint.knowledge import standard
from worklint.knowledge.products import release_key
from worklint.knowledge.profile import Profile, SettingMap, Statement, Where
from worklint.model import Attribute
from worklint.record import field, frozen


@frozen(eq=False)
class Place:
    """One source as one worklist meets it; compared by identity, so that look-ups over it can be kept.

    ``pair`` holds the link settings between the local source and this one, ``pairs`` those with every other source of
    its group; ``same`` the settings in which this source and the local one agree, ``differs`` those in which both are
    set and disagree; ``spokes`` counts the spokes of its hub (0 outside a group); ``own`` tells that the viewer
    searches the source by the product's own query path; ``named`` is false for the standard itself; ``offers`` holds
    the keywords and (casefolded) labels of the viewer.
    """

    source: str
    profile: Profile
    transport: str
    model: str
    purpose: str
    settings: tuple[tuple[str, str], ...] = ()
    role: str = "standalone"
    local: bool = False
    own: bool = False
    own_negation: bool = False
    pair: tuple[tuple[str, str], ...] = ()
    pairs: tuple[tuple[tuple[str, str], ...], ...] = ()
    same: frozenset[str] = frozenset()
    differs: frozenset[str] = frozenset()
    spokes: int = 0
    hub: Profile | None = None
    hub_settings: tuple[tuple[str, str], ...] = ()
    site: tuple[Statement, ...] = ()
    viewer: Profile | None = None
    viewer_settings: tuple[tuple[str, str], ...] = ()
    named: bool = True
    offers: frozenset[str] = frozenset()


@frozen
class KeyAt:
    """A key as a record may speak of it: the path or label, the level asked at, what goes out.

    ``lower`` and ``higher``: the attribute lives below or above the level asked at.
    """

    path: tuple[Attribute, ...]
    label: str | None
    level: str
    sent: Sent
    lower: bool = False
    higher: bool = False
    unique: bool = False
    parent: bool = False
    joins: str | None = field(default=None, compare=False)

    @property
    def dotted(self) -> str:
        """The keywords of the path, joined by dots; a private or unknown attribute stands by its tag."""
        return ".".join(a.keyword or a.tag for a in self.path)


def _setting_fits(wanted: SettingMap, given: Mapping[str, str], profile: Profile | None) -> bool | None:
    answer: bool | None = True
    for name, values in wanted:
        value = given.get(name)
        if value is None and profile is not None:
            value = profile.default_setting(name)
        if value is None:
            if None in values:
                continue
            answer = None if answer is not False else False
            continue
        if not any(_value_fits(value, v) for v in values if v is not None):
            return False
    return answer


def _value_fits(value: str, wanted: str) -> bool:
    """``wanted`` is a value, ``!value``, ``>number``, or ``>=release``; letter case does not count."""
    if wanted.startswith(">="):
        return bool(value) and release_key(value) >= release_key(wanted[2:])
    if wanted.startswith("!"):
        return value.casefold() != wanted[1:].casefold()
    if wanted.startswith(">"):
        try:
            return float(value) > float(wanted[1:])
        except ValueError:
            return False
    return value.casefold() == wanted.casefold()


def pair_fits(wanted: SettingMap, given: tuple[tuple[str, str], ...]) -> bool:
    """Tell if a pair of sources has these link settings; a setting that is not stated is not there."""
    settings = dict(given)
    return all(any(v is not None and _value_fits(settings.get(n, ""), v) for v in values) for n, values in wanted)


def lifted(unless: tuple[SettingMap, ...], pairs: tuple[tuple[tuple[str, str], ...], ...]) -> bool:
    """Tell if every pair of sources concerned has settings that lift a fact of the topology; so do no pairs at all."""
    return bool(unless) and all(any(pair_fits(u, p) for u in unless) for p in pairs)


def place_fits(where: Where, place: Place, level: str | None = None) -> bool | None:
    """Tell if a record speaks of this place (leaving the key aside); ``None``: a setting decides that nobody told."""
    if where.models and place.model not in where.models:
        return False
    if where.transports and place.transport not in where.transports:
        return False
    if where.levels and level is not None and level not in where.levels:
        return False
    if where.roles and place.role not in where.roles:
        return False
    if where.products and place.profile.product not in where.products:
        return False
    if where.purposes and place.purpose not in where.purposes:
        return False
    if where.local is not None and where.local != place.local:
        return False
    if where.spokes > place.spokes:
        return False
    if where.pair and not pair_fits(where.pair, place.pair):
        return False
    if not set(where.same) <= place.same or (where.differs and not set(where.differs) & place.differs):
        return False
    product = _setting_fits(where.settings, dict(place.settings), place.profile)
    viewer = _setting_fits(where.viewer_settings, dict(place.viewer_settings), place.viewer)
    if product is False or viewer is False:
        return False
    return None if product is None or viewer is None else True


def selector_rank(selector: str, key: KeyAt, profile: Profile) -> int | None:
    """Return how closely a selector names the key: 0 keyword, 1 set, 2 outside a set, 3 class, 4 all; else ``None``."""
    if selector == "*":
        return 4
    if selector.startswith("#"):
        return 1 if key.dotted in profile.sets[selector[1:]] else None
    if selector.startswith("!"):
        return 2 if key.path and key.dotted not in profile.sets[selector[1:]] else None
    if selector.startswith("*"):
        return 3 if _in_attribute_class(selector, key) else None
    return 0 if selector == key.dotted else None


def _in_attribute_class(name: str, key: KeyAt) -> bool:
    attribute = key.path[-1] if key.path else None
    if attribute is None:
        return False
    return {
        "*private": any(a.creator is not None or int(a.tag[3], 16) % 2 for a in key.path),
        "*unknown": not attribute.keyword and attribute.creator is None,
        "*sequence": len(key.path) > 1 or attribute.vr == "SQ",
        "*lower": key.lower,
        "*higher": key.higher and not key.parent,
        "*retired": attribute.retired,
        "*unique-key": key.unique,
        "*parent-uid": key.parent,
    }[name]


def attribute_rank(where: Where, key: KeyAt, profile: Profile) -> int | None:
    """Return how closely a record names the key, or ``None`` if it does not speak of it."""
    if key.label is not None and not key.path:
        if any(label.casefold() == key.label.casefold() for label in where.labels):
            return 0
        return 3 if "*" in where.labels else None
    if where.labels and not where.attributes:
        named = key.label is not None and any(lab.casefold() == key.label.casefold() for lab in where.labels)
        return 0 if named else None
    if not where.attributes:
        return 4
    ranks = [r for s in where.attributes if (r := selector_rank(s, key, profile)) is not None]
    return min(ranks) if ranks else None


def vr_fits(where: Where, vr: str) -> bool:
    """Tell if a record speaks of this VR; ``text`` stands for all text VRs."""
    if not where.vrs:
        return True
    return any(vr == v or (v == "text" and vr in standard.text_vrs()) for v in where.vrs)


def value_fits(where: Where, sent: Sent) -> bool | None:
    """Tell if the value is of one of the classes named (``a+b``: of both), or is one of the literals (``=VALUE``)."""
    if not where.values:
        return True
    answer: bool | None = False
    for entry in where.values:
        parts = [entry] if entry.startswith("=") else entry.split("+")
        found = [in_class(p, sent) for p in parts]
        one = False if False in found else (None if None in found else True)
        if one is True:
            return True
        answer = None if one is None else answer
    return answer

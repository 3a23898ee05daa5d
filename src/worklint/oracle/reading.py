"""Which record of a profile speaks: a second reading of docs/profiles.md, slow and plain.

What nobody told (a setting) is drawn, once for each simulated source.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any as Anything
from typing import TypeVar

from worklint.judge.place import Place
from worklint.knowledge import standard
from worklint.knowledge.products import release_key
from worklint.knowledge.profile import Behaviour, Interaction, Profile, Statement, Where
from worklint.model import GRADES, Attribute
from worklint.oracle.wire import Key, kind_of, of_classes
from worklint.record import replace

_T = TypeVar("_T")


class AmbiguousProfileError(Exception):
    """Two statements of equal rank say different things; the data linter refuses such a file."""


class Reading:
    """A place whose profile is read, with the chances of one simulated source."""

    def __init__(self, place: Place, seed: str) -> None:
        self.place, self.profile, self.seed = place, place.profile, seed
        self.met: set[str] = set()
        """What of the profile came to bear on the queries, so that a run can tell what it tried."""

    def draw(self, *about: object) -> float:
        """Return a number below 1 that is the same whenever this source meets the same question."""
        text = "|".join([self.seed, *map(str, about)])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / (1 << 48)

    def pick(self, options: Sequence[_T], *about: object) -> _T:
        """Return one of some options."""
        return options[int(self.draw(*about) * len(options))]

    def fits(self, where: Where, level: str | None, key: Key | None = None, profile: Profile | None = None) -> bool:
        """Tell if a record speaks of this place (and of this key)."""
        place, profile = self.place, profile or self.profile
        return (
            (not where.models or place.model in where.models)
            and (not where.transports or place.transport in where.transports)
            and (not where.levels or level is None or level in where.levels)
            and (not where.roles or place.role in where.roles)
            and (not where.products or self.profile.product in where.products)
            and (not where.purposes or place.purpose in where.purposes)
            and where.local in (None, place.local)
            and where.spokes <= place.spokes
            and all(fits_one_of(dict(place.pair).get(n, ""), values) for n, values in where.pair)
            and set(where.same) <= set(place.same)
            and (not where.differs or bool(set(where.differs) & set(place.differs)))
            and all(self.told(n, values, profile, dict(place.settings)) for n, values in where.settings)
            and all(
                self.told(n, values, place.viewer, dict(place.viewer_settings)) for n, values in where.viewer_settings
            )
            and (key is None or self.speaks_of(where, key, level, profile))
        )

    def told(self, name: str, values: tuple[str | None, ...], profile: Profile | None, given: dict[str, str]) -> bool:
        """``null`` holds where nobody told; else the true value decides, and where nobody told it is drawn."""
        value = given.get(name) or (profile.default_setting(name) if profile else None)
        if name in given:
            value = given[name]
        if value is None:
            info = next((s for s in profile.settings if s.name == name), None) if profile else None
            options = [
                None,
                *(info.values if info else ()),
                *(_an_example(v) for v in values if v is not None),
                "other",
            ]
            self.met.add("setting nobody told")
            value = self.pick(options, "setting", profile.product if profile else "", name)
        return None in values if value is None else fits_one_of(value, values)

    def setting(self, name: str) -> str | None:
        """Return what the project says of a setting, else its documented default."""
        given = dict(self.place.settings)
        return given[name] if name in given else self.profile.default_setting(name)

    def speaks_of(self, where: Where, key: Key, level: str | None, profile: Profile) -> bool:
        """Tell if a record speaks of a key: of its attribute, VR, kind and value."""
        return (
            self.closeness(where, key, level, profile) is not None
            and (not where.vrs or key.vr in where.vrs or ("text" in where.vrs and key.vr in standard.text_vrs()))
            and (not where.kinds or kind_of(key.vr, key.text) in where.kinds)
            and (not where.values or any(of_classes(entry, key) for entry in where.values))
        )

    def closeness(self, where: Where, key: Key, level: str | None, profile: Profile) -> int | None:
        """Keyword 0, set 1, outside a set 2, class 3, everything 4; ``None`` if it is not spoken of."""
        if where.labels and not key.path:
            named = (key.label or "").casefold() in [w.casefold() for w in where.labels]
            return 0 if named else (3 if "*" in where.labels else None)
        if not key.path:
            return None
        if where.labels and not where.attributes:
            return 0 if (key.label or "").casefold() in [w.casefold() for w in where.labels] else None
        if not where.attributes:
            return 4
        ranks = [r for s in where.attributes if (r := self.names(s, key, level, profile)) is not None]
        return min(ranks, default=None)

    def names(self, selector: str, key: Key, level: str | None, profile: Profile) -> int | None:
        """Return how closely a selector names a key, ``None`` if it does not."""
        if not key.path:
            return 4 if selector == "*" else None
        if selector == "*":
            return 4
        if selector[0] == "#":
            return 1 if key.name in profile.sets[selector[1:]] else None
        if selector[0] == "!":
            return 2 if key.name not in profile.sets[selector[1:]] else None
        if selector[0] == "*":
            return 3 if self.in_class(selector, key, level) else None
        return 0 if selector == key.name else None

    def in_class(self, name: str, key: Key, level: str | None) -> bool:
        """Tell if the attribute of a key is of a class, seen from the level of the query."""
        last, model = key.path[-1], standard.model(self.place.model)
        levels = model.levels if model else ()
        uniques = model.unique_keys if model else ()
        at = levels.index(level) if level in levels else -1
        home = self.home(key.path[0], level)
        lives = levels.index(home) if home in levels else -1
        parent = len(key.path) == 1 and bool(last.keyword) and last.keyword in uniques[: max(at, 0)]
        if name == "*private":
            return any(a.creator is not None or int(a.tag[3], 16) % 2 == 1 for a in key.path)
        if name == "*unknown":
            return not last.keyword and last.creator is None
        if name == "*sequence":
            return len(key.path) > 1 or last.vr == "SQ"
        if name == "*lower":
            return lives > at >= 0
        if name == "*higher":
            return 0 <= lives < at and not parent
        if name == "*retired":
            return last.retired
        if name == "*unique-key":
            return at >= 0 and len(key.path) == 1 and bool(last.keyword) and uniques[at : at + 1] == (last.keyword,)
        assert name == "*parent-uid", name
        return parent

    def home(self, attribute: Attribute, level: str | None) -> str | None:
        """Return the level at which the model has an attribute, seen from a query: this one, else below, else above."""
        model = standard.model(self.place.model)
        found = standard.levels_of(attribute.keyword, self.place.model) if attribute.keyword else ()
        if model is None or not found or level not in model.levels:
            return None
        if level in found:
            return level
        below = [x for x in found if model.levels.index(x) > model.levels.index(level)]
        return below[0] if below else found[-1]

    def choose(self, statements: Sequence[Statement], key: Key, level: str, profile: Profile) -> Behaviour | None:
        """Return what the closest statement says (docs/profiles.md, Which statement speaks)."""
        kind = kind_of(key.vr, key.text)
        speaking = [s for s in statements if s.speaks_of_key and s.behaviour.does != "also"]
        candidates = [s for s in speaking if self.fits(s.where, level, key, profile)]
        if kind not in ("universal", "empty", "fuzzy", "datetime"):
            named = [
                s for s in speaking
                if (self.closeness(s.where, key, level, profile) or 0) <= 1
                and self.closeness(s.where, key, level, profile) is not None
                and self.fits(replace(s.where, kinds=(), values=()), level, key, profile)
            ]  # fmt: skip
            if named and not any(not s.where.kinds or kind in s.where.kinds for s in named):
                # The keyword is stated for some kinds, and not for this one: no class speaks for it.
                candidates = [s for s in candidates if (self.closeness(s.where, key, level, profile) or 0) <= 1]
        if not candidates:
            return None

        def rank(s: Statement) -> tuple[int, ...]:
            w = s.where
            conditions = len(w.settings) + len(w.pair) + len(w.same) + len(w.differs) + bool(w.roles)
            closeness = self.closeness(w, key, level, profile)
            assert closeness is not None
            return (
                closeness, not w.kinds, not w.values, -conditions, not w.vrs, not w.levels, not w.models,
                not w.transports,
            )  # fmt: skip

        best = min(map(rank, candidates))
        chosen = [s.behaviour for s in candidates if rank(s) == best]
        if any(_meaning(b) != _meaning(chosen[0]) for b in chosen):
            raise AmbiguousProfileError(f"{self.profile.product}: {key.name} ({kind}) at {level}")
        one = chosen[0]
        if one.does == "applied" and not one.alone:
            unsure = one
            for s in statements:
                if s.speaks_of_key and s.behaviour.does == "also" and self.fits(s.where, level, key, profile):
                    self.met.add("also")
                    more = s.behaviour
                    unsure = replace(unsure, adds=unsure.adds | more.adds, misses=unsure.misses | more.misses)
                    if certain(more.evidence):
                        one = replace(one, adds=one.adds | more.adds, misses=one.misses | more.misses)
            if _meaning(unsure) != _meaning(one):
                return replace(one, does="unknown", one_of=(one, unsure))
        return one


def certain(evidence: Sequence[Anything]) -> bool:
    """Tell if something was seen or is documented, and not merely permitted, assumed or heard of."""
    return any(GRADES.index(e.grade) <= GRADES.index("documented") for e in evidence)


def _meaning(b: Behaviour) -> Anything:
    return (b.does, b.adds, b.misses, tuple(map(_meaning, b.one_of)), b.alone)


def fits_one_of(value: str, wanted: tuple[str | None, ...]) -> bool:
    """Tell if the value of a setting is one that a record names: ``v``, ``!v``, ``>n``, ``>=release``."""
    for one in wanted:
        if one is None:
            continue
        if one.startswith(">="):
            fits = bool(value) and release_key(value) >= release_key(one[2:])
        elif one.startswith(">"):
            fits = re.fullmatch(r"-?\d+(\.\d+)?", value) is not None and float(value) > float(one[1:])
        elif one.startswith("!"):
            fits = value.casefold() != one[1:].casefold()
        else:
            fits = value.casefold() == one.casefold()
        if fits:
            return True
    return False


def _an_example(wanted: str) -> str:
    if wanted.startswith(">="):
        return wanted[2:]
    return str(int(wanted[1:]) + 1) if wanted[:1] == ">" and wanted[1:].isdigit() else wanted.lstrip("!>")


def condition_of(one: Interaction) -> str:
    """Return what the condition of an interaction is about, in one word."""
    when = one.when
    named = (
        ("parents", "*parent-uid" in (*when.none, *when.all)), ("date and time", when.date_and_time),
        ("two or more", bool(when.two_or_more or when.two_or_more_join)), ("returns", bool(when.returns)),
        ("all", bool(when.all)), ("any", bool(when.any)), ("none", bool(when.none)),
        ("so many keys", bool(when.more_keys_than or when.more_values_than)),
    )  # fmt: skip
    return next((name for name, so in named if so), "always")

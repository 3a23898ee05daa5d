"""A source that executes its profile literally: a second reading of what a profile says, against the judge's.

Slow, small and obvious on purpose. It holds a real archive and answers real keys as they stand on the wire. What a
profile leaves open (``one-of``, ``unknown``, a setting that nobody told, whether a reason shows) is drawn once for each
simulated source, so that many of them together do everything that the profile allows. The order of the steps is that of
``docs/profiles.md``; no function of ``judge`` is called.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any as Anything
from typing import TypeVar

from pydicom.dataset import Dataset

from worklint.judge.place import Place
from worklint.knowledge import products, standard
from worklint.knowledge.products import release_key
from worklint.knowledge.profile import Behaviour, Interaction, Keeping, Profile, SettingMap, Statement, Where
from worklint.model import GRADES, SPELLING, Attribute
from worklint.oracle import matcher
from worklint.oracle.matcher import MOMENTS, NUMBERS, Entity, entities_at

TEXTS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "UN", ""})
"""Of an attribute that no dictionary knows, the source may know that it holds text."""
WILD = TEXTS - {"AS"}
# Comparisons that may find too much and too little alike.
_OTHER_COMPARISONS = frozenset({
    "wildcard-literal", "range-literal", "text-order", "text-number", "value-format", "list-literal", "list-all",
    "joined", "one-value", "one-instance", "other-attribute", "charset", "empty-literal",
})  # fmt: skip
# Comparisons that only find more.
_WIDER = frozenset({"case", "accent", "padding", "group", "prefix", "substring", "word", "list-any", "empty", "absent"})


_T = TypeVar("_T")


class AmbiguousProfileError(Exception):
    """Two statements of equal rank say different things; the data linter refuses such a file."""


@dataclass(frozen=True, slots=True)
class Key:
    """One attribute of an identifier (or a field of the viewer) with the text that stands on the wire."""

    path: tuple[Attribute, ...]
    text: str
    label: str | None = None
    vr: str = ""
    negated: bool = False

    @property
    def name(self) -> str:
        """How profiles name it: dotted keywords; a private attribute by its tag."""
        return ".".join(a.keyword or a.tag for a in self.path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back. ``cut``: a limit took rows away; ``refused``: a failure status and no rows."""

    rows: tuple[Entity, ...] = ()
    refused: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class _Doing:
    """What this source does with one key: ``does`` is ``applied ignored nothing refused coin``."""

    does: str
    adds: frozenset[str] = frozenset()
    misses: frozenset[str] = frozenset()
    joins: str | None = None


def kind_of(vr: str, text: str) -> str:
    """Return the kind of matching that a key on the wire asks for (PS3.4 C.2.2.2)."""
    if not text or (vr in WILD and not text.strip("*")):
        return "universal"
    if text == '""':
        return "empty"
    if vr == "UI" and "\\" in text:
        return "list-of-uid"
    if "\\" in text:
        return "multiple"
    if vr in MOMENTS | NUMBERS and bounds_of(vr, text) is not None:
        return "range"
    if vr in WILD and ("*" in text or "?" in text):
        return "wildcard"
    return "single"


def bounds_of(vr: str, text: str) -> tuple[str, str] | None:
    """Return low and high of a range on the wire (PS3.4 C.2.2.2.5), or ``None`` if it is none."""
    if vr in NUMBERS:
        found = re.fullmatch(r"(-?[0-9.eE+]*)-(-?[0-9.eE+]*)", text)
        return (found[1], found[2]) if found and (found[1] or found[2]) and found[1] != "-" else None
    if vr == "DT":
        moment = r"\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4}(?!\d))?"
        found = re.fullmatch(rf"({moment})?-({moment})?", text)
        return (found[1] or "", found[2] or "") if found and (found[1] or found[2]) else None
    low, dash, high = text.partition("-")
    return (low, high) if dash and (low or high) else None


class SimulatedSource:
    """One source as one worklist meets it: its place, its archive, and a character drawn from ``seed``."""

    def __init__(self, place: Place, archive: Sequence[Entity], seed: int | str, zone: tzinfo = UTC) -> None:
        self.place, self.profile, self.archive, self.zone = place, place.profile, tuple(archive), zone
        self.seed = str(seed)
        self._places_seen: dict[Anything, list[_Found]] = {}

    # --- chance

    def draw(self, *about: object) -> float:
        """Return a number below 1 that is the same whenever this source meets the same question."""
        text = "|".join([self.seed, *map(str, about)])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / (1 << 48)

    def pick(self, options: Sequence[_T], *about: object) -> _T:
        """Return one of some options."""
        return options[int(self.draw(*about) * len(options))]

    def _one(self, entity: Entity) -> str:
        dataset = entity.dataset
        return str(dataset.get("SOPInstanceUID") or dataset.get("SeriesInstanceUID") or dataset.get("StudyInstanceUID"))

    # --- what the source shows to everybody

    def shown(self, level: str) -> tuple[Entity, ...]:
        """Return the entities that answer a query without conditions; what the source hides is not among them."""
        rows = entities_at(self.archive, level)
        for record in self.profile.hides:
            if record.attribute and self.fits(record.where, level):
                path = tuple(a for k in record.attribute.split(".") if (a := standard.attribute_by_keyword(k)))
                rows = tuple(
                    r for r in rows if not any(v in record.values for f in self._found(r, path) for v in f.values)
                )
        return rows

    # --- the query

    def query(self, level: str, keys: Sequence[Key], empties: Sequence[Key] = ()) -> Answer:
        """Answer one query: ``keys`` with values as sent, ``empties`` with zero length."""
        if not self._offers():
            return Answer(refused=True)
        doings = [self.doing(k, level) for k in keys]
        # Over the web what is shown is asked for by includefield (PS3.18 8.3.4.3), which is no key.
        asked = [] if self.place.transport == "dicomweb" else list(empties)
        empty_doings = [self.doing(k, level) for k in asked]
        doings, effects = self._together(level, list(keys), doings, empties)
        if any(d.does == "refused" for d in (*doings, *empty_doings)) or not self._selected(level, keys):
            return Answer(refused=True)
        if any(e.doing.does == "refused" for e in effects):
            return Answer(refused=True)
        if any(d.does == "nothing" for d in (*doings, *empty_doings, *(e.doing for e in effects))):
            return Answer()
        candidates = list(self.shown(level))
        candidates.sort(key=lambda e: self.draw("order", self._one(e)))
        for cap in self.profile.caps:
            limit = self._limit(cap) if cap.before_filter and self.fits(cap.where, level) else 0
            if limit and keys:
                first = [c for c in candidates if self._all(c, level, keys[:-1], doings[:-1], [])]
                candidates = first[:limit]
        rows = [c for c in candidates if self._all(c, level, keys, doings, effects)]
        for key, doing in zip(asked, empty_doings, strict=True):
            rows = [r for r in rows if not self._left_out(doing.misses, r, key.name)]
        cut = False
        for cap in self.profile.caps:
            limit = self._limit(cap) if self.fits(cap.where, level) else 0
            if limit and len(rows) > limit:
                if cap.refuses:
                    return Answer(refused=True)
                rows, cut = rows[:limit], True
        return Answer(tuple(rows), cut=cut)

    def told(self, level: str, keys: Sequence[Key], empties: Sequence[Key] = ()) -> list[str]:
        """Return what this source does with each key of a query, and with the query, for people who doubt it."""
        doings, effects = self._together(level, list(keys), [self.doing(k, level) for k in keys], empties)
        lines = [f"{k.name or k.label} {_said(d)}" for k, d in zip(keys, doings, strict=True)]
        lines += [f"{k.name} (empty) {_said(self.doing(k, level))}" for k in empties]
        return lines + [f"together {[keys[i].name for i in e.about]}: {_said(e.doing)}" for e in effects]

    def _offers(self) -> bool:
        offered = self.profile.offered
        here = (self.place.model, self.place.transport)
        return not offered or any((o.model, o.transport) == here and self.fits(o.where, None) for o in offered)

    def _limit(self, cap: Anything) -> int:
        value = self._setting(cap.setting) if cap.setting else None
        if value is not None and value.isdigit():
            return int(value)
        return int(cap.rows) if cap.rows is not None else 1 + int(self.draw("cap", cap.because) * 3)

    def _selected(self, level: str, keys: Sequence[Key]) -> bool:
        for i, record in enumerate(self.profile.selectors):
            if not self.fits(record.where, level):
                continue
            met = any(
                name.casefold() in (k.name.casefold(), (k.label or "").casefold())
                and len(re.sub(r"[*?]", "", k.text)) >= least
                for k in keys if not k.negated for name, least in record.alternatives
            )  # fmt: skip
            if not met and (_certain(record.evidence) or self.draw("selector", i) < 0.5):
                return False
        return True

    # --- which statement speaks

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
            and all(_one_of(dict(place.pair).get(n, ""), values) for n, values in where.pair)
            and set(where.same) <= set(place.same)
            and (not where.differs or bool(set(where.differs) & set(place.differs)))
            and all(self._told(n, values, profile, dict(place.settings)) for n, values in where.settings)
            and all(
                self._told(n, values, place.viewer, dict(place.viewer_settings)) for n, values in where.viewer_settings
            )
            and (key is None or self._speaks_of(where, key, level, profile))
        )

    def _told(self, name: str, values: tuple[str | None, ...], profile: Profile | None, given: dict[str, str]) -> bool:
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
            value = self.pick(options, "setting", profile.product if profile else "", name)
        return None in values if value is None else _one_of(value, values)

    def _setting(self, name: str) -> str | None:
        given = dict(self.place.settings)
        return given[name] if name in given else self.profile.default_setting(name)

    def _speaks_of(self, where: Where, key: Key, level: str | None, profile: Profile) -> bool:
        return (
            self._closeness(where, key, level, profile) is not None
            and (not where.vrs or key.vr in where.vrs or ("text" in where.vrs and key.vr in standard.text_vrs()))
            and (not where.kinds or kind_of(key.vr, key.text) in where.kinds)
            and (not where.values or any(_of_classes(entry, key) for entry in where.values))
        )

    def _closeness(self, where: Where, key: Key, level: str | None, profile: Profile) -> int | None:
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
            return 3 if self._in_class(selector, key, level) else None
        return 0 if selector == key.name else None

    def _in_class(self, name: str, key: Key, level: str | None) -> bool:
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
                if (self._closeness(s.where, key, level, profile) or 0) <= 1
                and self._closeness(s.where, key, level, profile) is not None
                and self.fits(replace(s.where, kinds=(), values=()), level, key, profile)
            ]  # fmt: skip
            if named and not any(not s.where.kinds or kind in s.where.kinds for s in named):
                # The keyword is stated for some kinds, and not for this one: no class speaks for it.
                candidates = [s for s in candidates if (self._closeness(s.where, key, level, profile) or 0) <= 1]
        if not candidates:
            return None

        def rank(s: Statement) -> tuple[int, ...]:
            w = s.where
            conditions = len(w.settings) + len(w.pair) + len(w.same) + len(w.differs) + bool(w.roles)
            closeness = self._closeness(w, key, level, profile)
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
                    more = s.behaviour
                    unsure = replace(unsure, adds=unsure.adds | more.adds, misses=unsure.misses | more.misses)
                    if _certain(more.evidence):
                        one = replace(one, adds=one.adds | more.adds, misses=one.misses | more.misses)
            if _meaning(unsure) != _meaning(one):
                return replace(one, does="unknown", one_of=(one, unsure))
        return one

    def doing(self, key: Key, level: str) -> _Doing:
        """Return what this source does with a key alone: the site's word, then the product's, then the default."""
        chosen = self.choose(self.place.site, key, level, self.profile) if self.place.site else None
        if chosen is None:
            chosen = self.choose(self.profile.statements, key, level, self.profile)
        return self._default(key, level) if chosen is None else self._realised(chosen, key)

    def _realised(self, behaviour: Behaviour, key: Key | None, about: object = "") -> _Doing:
        name = key.name or key.label if key else ""
        # What a source does with an attribute hangs on kind and level too, but not on the value.
        here = (name, kind_of(key.vr, key.text) if key else "", about, behaviour.because, sorted(behaviour.adds))
        if behaviour.one_of:
            return self._realised(self.pick(behaviour.one_of, "one-of", *here), key, about)
        if behaviour.does == "unknown" or best_grade(behaviour) == "issue":
            if key is not None and kind_of(key.vr, key.text) == "universal":
                # What nobody knows is what becomes of a value; without one nothing is asked (PS3.4 C.2.2.2.3).
                return _Doing("applied")
            return self._anything(*here)
        certain = _certain(behaviour.evidence)
        if behaviour.does in ("refused", "nothing") and not certain:
            return self.pick([_Doing(behaviour.does), _Doing("ignored"), _Doing("coin")], "uncertain", *here)
        if behaviour.does != "applied":
            return _Doing(behaviour.does, joins=behaviour.joins)
        adds = {
            r for r in behaviour.adds
            # That it folds was seen, and it folds always; that it may fold is a permission.
            if (certain and r in SPELLING) or self.draw("shows", "+", r, *here) < 0.75
        }  # fmt: skip
        misses = {r for r in behaviour.misses if self.draw("shows", "-", r, *here) < 0.75}
        return _Doing("applied", frozenset(adds), frozenset(misses), behaviour.joins)

    def _anything(self, *about: object) -> _Doing:
        options = [_Doing("applied"), _Doing("ignored"), _Doing("nothing"), _Doing("refused"), _Doing("coin")]
        return self.pick(options, "anything", *about)

    def _default(self, key: Key, level: str) -> _Doing:
        """What a source may do of which nothing is known (semantics.md, the table of defaults)."""
        place, kind, vr = self.place, kind_of(key.vr, key.text), key.vr
        here = ("default", key.name or key.label, kind, level)
        exact = _Doing("applied")
        if kind == "universal" and not self._in_class_of(("*lower", "*higher"), key, level):
            return exact
        if place.own and (key.name in place.offers or (key.label or "").casefold() in place.offers):
            return exact
        if not key.path or self._in_class_of(("*private", "*unknown"), key, level):
            return self._anything(*here)
        rule = standard.key_rule(place.model, place.transport, level, tuple(a.keyword for a in key.path))
        type_ = rule.key_type if rule else None
        if key.path[-1].retired and type_ in (None, "-", "O", "OC"):
            return self._anything(*here)
        if kind == "universal":
            return exact
        if not _legal(key):
            return self._anything(*here)
        if self._in_class_of(("*parent-uid",), key, level) and kind in ("single", "list-of-uid"):
            return exact
        if self._in_class_of(("*lower",), key, level):
            return self._anything(*here)
        model = standard.model(place.model)
        worklist = bool(model and model.worklist)
        if rule is None or standard.permitted(vr, kind, worklist) != "yes" or type_ in (None, "-"):
            return self._anything(*here)
        optional = type_ in ("O", "OC")
        if place.transport == "dicomweb" and place.named and not optional:
            other = standard.key_rule(place.model, "dimse", level, tuple(a.keyword for a in key.path))
            optional = other is None or other.key_type in (None, "-", "O", "OC")
        if optional:
            if place.named or place.transport == "dicomweb":
                return self._anything(*here)
            return self.pick([exact, _Doing("ignored")], *here)
        if rule.kinds and kind not in rule.kinds:
            return self._anything(*here)
        adds, misses = set(), set()
        if type_ != "U" and not worklist:
            adds.add("empty")
        if vr == "PN":
            adds |= {"case", "accent", "group"}
            misses.add("group")
        if kind == "single" and vr in ("TM", "DT", "DS", "IS"):
            both = "text-number" if vr in ("DS", "IS") else "value-format"
            adds.add(both)
            misses.add(both)
        return _Doing(
            "applied",
            frozenset(r for r in adds if self.draw("+", r, *here) < 0.6),
            frozenset(r for r in misses if self.draw("-", r, *here) < 0.6),
        )

    def _in_class_of(self, classes: tuple[str, ...], key: Key, level: str) -> bool:
        return bool(key.path) and any(self._in_class(c, key, level) for c in classes)

    # --- what keys do to one another

    def _together(
        self, level: str, keys: list[Key], doings: list[_Doing], empties: Sequence[Key]
    ) -> tuple[list[_Doing], list[_Effect]]:
        base = products.profile("dicom-standard", None)
        assert base is not None
        lifted = {name for name, where in self.profile.lifts if self.fits(where, level)}
        everything: list[tuple[Interaction, Profile]] = []
        if self.profile.product != base.profile.product:
            everything += [(i, base.profile) for i in base.profile.interactions if i.id not in lifted]
        everything += [(i, self.profile) for i in self.profile.interactions]
        if self.place.viewer:
            everything += [(i, self.place.viewer) for i in self.place.viewer.interactions]
        effects = []
        for number, (one, profile) in enumerate(everything):
            if not self.fits(one.where, level):
                continue
            about = self._holds(one, level, keys, doings, empties, profile)
            if about is None:
                continue
            for i, key in enumerate(keys):
                new = self.choose(one.replace, key, level, profile)
                if new is not None:
                    realised = self._realised(new, key, one.id)
                    doings[i] = replace(realised, joins=realised.joins or doings[i].joins)
            if one.query is not None:
                if one.serves:
                    # It looks into one series, always: that is what it serves.
                    effects.append(_Effect(_Doing("applied", misses=one.query.misses), about))
                else:
                    effects.append(_Effect(self._realised(one.query, None, f"{one.id}{number}"), about))
        return doings, effects

    def _holds(
        self, one: Interaction, level: str, keys: list[Key], doings: list[_Doing], empties: Sequence[Key],
        profile: Profile,
    ) -> list[int] | None:  # fmt: skip
        when, about = one.when, []
        model = standard.model(self.place.model)
        above = model.unique_keys[: model.levels.index(level)] if model and level in model.levels else ()
        parents = all(
            any(k.name == u and kind_of(k.vr, k.text) == "single" and not k.negated for k in keys) for u in above
        )

        def named(selectors: tuple[str, ...], among: Sequence[Key]) -> list[int]:
            return [
                i for i, k in enumerate(among) if any(self.names(s, k, level, profile) is not None for s in selectors)
            ]

        for selector in when.all:
            found = [] if selector == "*parent-uid" else named((selector,), keys)
            if (selector == "*parent-uid" and not parents) or (selector != "*parent-uid" and not found):
                return None
            about += found
        if when.any:
            found = named(when.any, keys)
            if not found:
                return None
            about += found
        for selector in when.none:
            if selector == "*parent-uid":
                if not above or parents:
                    return None
            elif named((selector,), keys):
                return None
        if any(not named((s,), empties) for s in when.returns):
            return None
        if when.two_or_more:
            found = named(when.two_or_more, keys)
            if len({keys[i].name for i in found}) < 2:
                return None
            about += found
        if when.two_or_more_join:
            found = [i for i, d in enumerate(doings) if d.joins == when.two_or_more_join]
            if len({keys[i].name for i in found}) < 2:
                return None
            about += found
        if when.date_and_time:
            found = _date_and_time(keys)
            if not found:
                return None
            about += found
        if when.without_keys and keys:
            return None
        return sorted(set(about))

    # --- matching

    def _all(
        self, entity: Entity, level: str, keys: Sequence[Key], doings: Sequence[_Doing], effects: Sequence[_Effect]
    ) -> bool:
        held = [self._holds_key(entity, level, k, d) for k, d in zip(keys, doings, strict=True)]
        found = all(held)
        for number, effect in enumerate(effects):
            doing, name = effect.doing, f"query{number}"
            if doing.does == "coin":
                found = found != (self.draw("coin", name, self._one(entity)) < 0.3)
                continue
            others = all(h for i, h in enumerate(held) if i not in effect.about)
            if doing.does == "ignored" or "ignored" in doing.adds:
                found = found or others
            if "interval" in doing.adds:
                found = found or (others and self._interval(entity, level, keys, effect.about))
            if doing.adds & SPELLING:
                # All keys of the query are compared in that way.
                wide = [replace(d, adds=d.adds | (doing.adds & SPELLING)) for d in doings]
                pairs = zip(keys, wide, strict=True)
                found = found or all(self._holds_key(entity, level, k, d) for k, d in pairs)
            if doing.adds - SPELLING - {"ignored", "interval", "one-series"}:
                found = found or self.draw("more", name, self._one(entity)) < 0.3
            if "interval" in doing.misses:
                found = found and self._interval(entity, level, keys, effect.about)
            if "one-series" in doing.misses:
                found = found and self._one_series(entity, level, keys, doings, effect.about)
            if doing.misses - {"interval", "one-series"}:
                found = found and self.draw("fewer", name, self._one(entity)) >= 0.3
        return found

    def _interval(self, entity: Entity, level: str, keys: Sequence[Key], about: Sequence[int]) -> bool:
        """A date range and a time range read as one, from the first moment to the last (PS3.4 C.2.2.2.5.4)."""
        date = next((keys[i] for i in about if keys[i].vr == "DA"), None)
        time = next((keys[i] for i in about if keys[i].vr == "TM"), None)
        if date is None or time is None:
            return True
        days, times = bounds_of("DA", date.text), bounds_of("TM", time.text)
        if days is None or times is None:
            return True
        low = days[0] + (times[0] or "000000") if days[0] else ""
        high = days[1] + (times[1] or "235959.999999") if days[1] else ""
        for day in self._shown_values(entity, level, date):
            for clock in self._shown_values(entity, level, time):
                for d, t in zip(day.values, clock.values, strict=False):
                    if _inside(d.replace(".", "") + t.strip(), low, high, "DT"):
                        return True
        return False

    def _one_series(
        self, entity: Entity, level: str, keys: Sequence[Key], doings: Sequence[_Doing], about: Sequence[int]
    ) -> bool:
        """Tell if one and the same series satisfies all of these keys."""
        asked = [i for i in about if doings[i].does == "applied"]
        return any(
            all(self._holds_key(entity, level, keys[i], doings[i], series) for i in asked) for series in entity.below
        )

    def _holds_key(self, entity: Entity, level: str, key: Key, doing: _Doing, within: Entity | None = None) -> bool:
        if doing.does == "ignored":
            return True
        if kind_of(key.vr, key.text) == "universal":
            return not self._left_out(doing.misses, entity, key.name)
        name = key.name or key.label or ""
        if doing.does == "coin":
            return self.draw("coin", name, key.text, self._one(entity)) < 0.5
        found = self._shown_values(entity, level, key)
        if within is not None:
            around = (within.dataset, entity.dataset)
            parts = [p for f in found for p in (f.parts or [f])]
            found = [p for p in parts if any(p.owner is a for a in around) or any(w is within.dataset for w in p.ways)]
        has = self._agrees(found, key, frozenset()) or self._agrees(found, key, doing.adds)
        if not has and doing.adds - _WIDER - _OTHER_COMPARISONS:
            has = "ignored" in doing.adds or self.draw("more", name, key.text, self._one(entity)) < 0.4
        for reason in sorted(doing.misses):
            if not has:
                break
            if reason in _OTHER_COMPARISONS:
                has = self._agrees(found, key, doing.adds | {reason})
            elif reason in ("case", "accent", "group", "padding"):
                has = any(_spelled_plainly(v, reason, key) for f in found for v in f.values)
            elif reason not in ("interval", "one-series"):
                has = self.draw("fewer", reason, name, key.text, self._one(entity)) >= 0.3
        if key.negated:
            without = not any(f.values for f in found)
            # SQL's NULL passes no test, a negated one neither.
            return not has and not (without and self.draw("null", name) < 0.5)
        return has

    def _left_out(self, misses: frozenset[str], entity: Entity, name: str) -> bool:
        """Tell if an empty key leaves an entity out; a reason that speaks of how values compare cannot show there."""
        others = misses - _OTHER_COMPARISONS - _WIDER
        return bool(others) and self.draw("fewer", name, self._one(entity)) < 0.3

    def _agrees(self, found: list[_Found], key: Key, reasons: frozenset[str]) -> bool:
        """Compare a key with values in the way that these reasons describe; without reasons exactly."""
        if "one-instance" in reasons:
            found = [f for f in found if not f.index]
        if reasons & {"empty", "absent"} and not any(f.values for f in found):
            return True
        for one in found:
            values = one.others if "other-attribute" in reasons else one.values
            if "one-value" in reasons:
                values = values[:1]
            if "joined" in reasons and values:
                values = ["\\".join(values)]
            if self._value_fits(values, key, reasons):
                return True
        return False

    def _value_fits(self, values: list[str], key: Key, reasons: frozenset[str]) -> bool:
        kind, vr = kind_of(key.vr, key.text), key.vr
        if kind == "empty":
            return '""' in values if "empty-literal" in reasons else not values
        if kind in ("list-of-uid", "multiple"):
            if "list-literal" in reasons:
                return key.text in values or key.text == "\\".join(values)
            parts = [[self._text_fits(v, w, "single", vr, reasons) for v in values] for w in key.text.split("\\")]
            any_of = "list-any" in reasons or (kind == "list-of-uid" and "list-all" not in reasons)
            return any(map(any, parts)) if any_of else all(map(any, parts))
        return any(self._text_fits(v, key.text, kind, vr, reasons) for v in values)

    def _text_fits(self, stored: str, text: str, kind: str, vr: str, reasons: frozenset[str]) -> bool:
        ignoring = frozenset(reasons & {"case", "accent"})
        as_text = ("text-number" in reasons and vr in NUMBERS) or ("value-format" in reasons and kind == "single")
        if kind == "range":
            if "range-literal" in reasons:
                return stored == text
            bounds = bounds_of(vr, text)
            assert bounds is not None
            if "text-order" in reasons or as_text:
                low, high = bounds
                return (not low or low <= stored) and (not high or stored <= high)
            return _inside(stored, *bounds, vr, self.zone)
        if "charset" in reasons and vr in WILD and not text.isascii():
            text, kind = re.sub(r"[^\x00-\x7f]", "?", text), "wildcard"
        if "wildcard-literal" in reasons and kind == "wildcard":
            kind = "literal"
        if "padding" in reasons:
            stored, text = "".join(stored.split()), "".join(text.split())
        if as_text and vr in MOMENTS | NUMBERS:
            return stored == text
        spellings = [(stored, text)]
        if "group" in reasons and vr == "PN":
            # All of the name as one text, whatever stands between its parts.
            spellings.append((re.sub(r"[\^= ]+", " ", stored).strip(), re.sub(r"[\^= ]+", " ", text).strip()))
        for one, wanted in spellings:
            if kind == "literal":
                fits = matcher._folded(one, ignoring) == matcher._folded(wanted, ignoring)
            elif kind == "wildcard":
                fits = matcher.alike(one, wanted, vr, ignoring)
            else:
                fits = matcher.equal(one, wanted, vr, ignoring, self.zone)
            literal = wanted if kind == "wildcard" else re.sub(r"([\\*?])", r"\\\1", wanted)
            if "prefix" in reasons:
                fits = fits or matcher._fits(one, literal + "*", vr, ignoring)
            if "substring" in reasons:
                fits = fits or matcher._fits(one, f"*{literal}*", vr, ignoring)
            if "word" in reasons:
                fits = fits or any(matcher._fits(w, literal, vr, ignoring) for w in re.split(r"[\s^=]+", one) if w)
            if fits:
                return True
        return False

    # --- the values, and what they are worth

    def _found(self, entity: Entity, path: tuple[Attribute, ...], label: str | None = None) -> list[_Found]:
        key = (id(entity.dataset), tuple(a.tag for a in path), label)
        if key in self._places_seen:
            return self._places_seen[key]
        if not path:
            fields = [dict(e.labels).get((label or "").casefold(), ()) for e in matcher._ways_up(entity)]
            found = [_Found(entity.dataset, [v for field in fields for v in field], 0, [], ())]
        else:
            derived = matcher._derived(path, entity)
            home = self.home(path[0], entity.level) or matcher.home_of(path[0], entity)
            found = []
            if derived is not None:
                if path[0].keyword == "ModalitiesInStudy":
                    for i, e in enumerate(matcher._at_level(entity, "series") if entity.level == "study" else ()):
                        found.append(_Found(e.dataset, matcher.values_of(e.dataset, _MODALITY), i, [], ()))
                found = [_Found(entity.dataset, derived, 0, [], tuple(f.owner for f in found), found)]
            else:
                for i, e in enumerate(matcher._at_level(entity, home)):
                    ways = tuple(w.dataset for w in matcher._ways_up(e))
                    for item in matcher._items(e.dataset, path[:-1]):
                        others = [
                            str(x.value) for x in item
                            if x.VR in ("LO", "SH", "CS") and x.keyword != path[-1].keyword and x.value
                        ]  # fmt: skip
                        values = matcher.values_of(item, path[-1])
                        found.append(_Found(e.dataset, values, i, others[:1], ways))
        self._places_seen[key] = found
        return found

    def _shown_values(self, entity: Entity, level: str, key: Key) -> list[_Found]:
        found = self._found(entity, key.path, key.label)
        for number, record in enumerate(self._keeping(key, level)):
            found = self._kept(found, record, number, entity, key)
        return found

    def _keeping(self, key: Key, level: str) -> list[Keeping]:
        out = []
        any_kind = replace(key)
        for record in self.profile.keeping:
            if not record.topology and self._fits_any_kind(record.where, level, any_kind, self):
                out.append(record)
        hub = self.place.hub
        if hub is not None:
            there = SimulatedSource(
                replace(self.place, settings=self.place.hub_settings, profile=hub), (), self.seed, self.zone
            )
            for record in hub.keeping:
                made_here = record.topology and not self._lifted(record.unless_pair)
                if made_here and self._fits_any_kind(record.where, level, any_kind, there):
                    out.append(record)
        return out

    @staticmethod
    def _fits_any_kind(where: Where, level: str, key: Key, source: SimulatedSource) -> bool:
        return source.fits(replace(where, kinds=(), values=()), level, key)

    def _lifted(self, unless: tuple[SettingMap, ...]) -> bool:
        """A fact of the topology is lifted where every pair concerned has one of these maps of settings."""
        return bool(unless) and all(
            any(all(_one_of(dict(pair).get(n, ""), values) for n, values in one) for one in unless)
            for pair in self.place.pairs
        )

    def _kept(self, found: list[_Found], record: Keeping, number: int, entity: Entity, key: Key) -> list[_Found]:
        name = key.name or key.label or ""

        def chance(*about: object) -> float:
            return self.draw("keeping", number, name, self._one(entity), *about)

        gives = record.gives
        if gives == "unknown":
            gives = self.pick(["faithful", "partial", "never", "wrong"], "kept", number, name)
        if gives == "faithful":
            return found
        if gives == "never":
            return [replace(f, values=[], others=[]) for f in found]
        if gives == "partial":
            return found if chance() < 0.5 else [replace(f, values=[], others=[]) for f in found]
        if gives == "some-values":
            every = [(i, j) for i, f in enumerate(found) for j, _ in enumerate(f.values)]
            left = {p for p in every if chance(*p) < 0.6} or set(every[:1])
            return [
                replace(f, values=[v for j, v in enumerate(f.values) if (i, j) in left]) for i, f in enumerate(found)
            ]
        if gives == "behind":
            order = [v.casefold() for v in record.order]

            def earlier(value: str, *about: object) -> str:
                if value.casefold() not in order:
                    return value
                return record.order[int(chance(*about) * (order.index(value.casefold()) + 1))]

            return [replace(f, values=[earlier(v, i, j) for j, v in enumerate(f.values)]) for i, f in enumerate(found)]
        if gives == "wrong":
            if chance() < 0.5:
                return found
            pool = sorted(
                {v for e in self.shown(entity.level) for f in self._found(e, key.path, key.label) for v in f.values}
            )
            return [replace(f, values=[pool[int(chance(i) * len(pool))]] if pool else []) for i, f in enumerate(found)]
        shown = record.shows
        if record.shows_setting and (value := self._setting(record.shows_setting)):
            shown = (value,)
        if not shown or chance() < 0.5:
            return found
        return [replace(f, values=[shown[int(chance(i) * len(shown))]]) for i, f in enumerate(found)]


@dataclass(frozen=True, slots=True)
class _Found:
    """Values at one place: ``index`` counts the entities of that level, ``ways`` are the data sets above it."""

    owner: Dataset
    values: list[str]
    index: int
    others: list[str]
    ways: tuple[Dataset, ...]
    parts: list[_Found] | None = None


@dataclass(frozen=True, slots=True)
class _Effect:
    doing: _Doing
    about: list[int]


_MODALITY = Attribute("Modality", "00080060", "CS", "1")


def best_grade(behaviour: Behaviour) -> str:
    """Return the best grade of the evidence of a behaviour."""
    return min((e.grade for e in behaviour.evidence), key=GRADES.index, default="assumed")


def _said(doing: _Doing) -> str:
    return " ".join([doing.does, *(f"+{r}" for r in sorted(doing.adds)), *(f"-{r}" for r in sorted(doing.misses))])


def _certain(evidence: Sequence[Anything]) -> bool:
    return any(GRADES.index(e.grade) <= GRADES.index("documented") for e in evidence)


def _meaning(b: Behaviour) -> Anything:
    return (b.does, b.adds, b.misses, tuple(map(_meaning, b.one_of)), b.alone)


def _one_of(value: str, wanted: tuple[str | None, ...]) -> bool:
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


def _inside(stored: str, low: str, high: str, vr: str, zone: tzinfo = UTC) -> bool:
    return matcher._between(stored, low, high, (False, False), vr, matcher._World(zone, {}))


def _date_and_time(keys: Sequence[Key]) -> list[int]:
    out: list[int] = []
    for i, date in enumerate(keys):
        for j, time in enumerate(keys):
            if (
                date.path and time.path
                and date.path[:-1] == time.path[:-1]
                and standard.is_combined_pair(date.path[-1].keyword, time.path[-1].keyword)
                and kind_of("DA", date.text) == "range" and kind_of("TM", time.text) == "range"
            ):  # fmt: skip
                out += [i, j]
    return out


def _spelled_plainly(value: str, reason: str, key: Key) -> bool:
    """What a source finds that folds the key alone (case), knows ASCII only (accent), or compares texts as they are."""
    if reason == "case":
        return value == value.upper()
    if reason == "accent":
        return value.isascii()
    if reason == "padding":
        return value == value.strip(" ")
    return value == key.text if kind_of(key.vr, key.text) == "single" else "=" not in value


def _legal(key: Key) -> bool:
    kind = kind_of(key.vr, key.text)
    if kind == "range":
        bounds = bounds_of(key.vr, key.text)
        assert bounds is not None
        return all(not b or standard.legal_value(key.vr, b) is None for b in bounds)
    parts = key.text.split("\\") if kind in ("list-of-uid", "multiple") else [key.text]
    return all(standard.legal_value(key.vr, p, wildcards=kind == "wildcard") is None for p in parts)


def _of_classes(entry: str, key: Key) -> bool:
    if entry.startswith("="):
        return key.text == entry[1:]
    return all(_CLASSES[name](key) for name in entry.split("+"))


def _bounds(key: Key) -> tuple[str, str] | None:
    return bounds_of(key.vr, key.text) if kind_of(key.vr, key.text) == "range" else None


def _short_time(key: Key) -> bool:
    parts = _bounds(key) or (key.text,)
    return key.vr in ("TM", "DT") and any(0 < len(p) < 6 for p in parts)


_CLASSES: dict[str, Callable[[Key], bool]] = {
    "all-upper": lambda k: any(c.isalpha() for c in k.text) and not any(c.islower() for c in k.text),
    "has-lower": lambda k: any(c.islower() for c in k.text),
    "non-ascii": lambda k: any(ord(c) > 127 for c in k.text),
    "not-integer": lambda k: not re.fullmatch(r"[+-]?[0-9]+", k.text.strip()),
    "unreadable": lambda k: not _legal(k),
    "illegal": lambda k: not _legal(k),
    "not-8-digits": lambda k: not re.fullmatch(r"[0-9]{8}|[0-9]{8}-([0-9]{8})?|-[0-9]{8}", k.text),
    "not-full-time": lambda k: k.vr == "TM" and not re.fullmatch(r"[0-9]{6}\.[0-9]{6}", k.text),
    "no-seconds": _short_time,
    "closed": lambda k: all(_bounds(k) or ("",)),
    "open-start": lambda k: _bounds(k) is not None and not (_bounds(k) or "")[0],
    "open-end": lambda k: _bounds(k) is not None and not (_bounds(k) or "")[1],
    "bad-range": lambda k: all(_bounds(k) or ("",)) and (_bounds(k) or ("", ""))[0] > (_bounds(k) or ("", ""))[1],
    "one-day": lambda k: all(_bounds(k) or ("",)) and (_bounds(k) or ("", ""))[0] == (_bounds(k) or ("", ""))[1],
    "lone-asterisk": lambda k: set(k.text) == {"*"},
    "has-wildcard": lambda k: "*" in k.text or "?" in k.text,
    "no-wildcard": lambda k: "*" not in k.text and "?" not in k.text,
    "question-mark": lambda k: "?" in k.text,
    "trailing-asterisk": lambda k: re.fullmatch(r"[^*]*\*+", k.text) is not None,
    "inner-asterisk": lambda k: "*" in k.text.strip("*"),
    "sql-wildcard": lambda k: "%" in k.text or "_" in k.text,
    "regex-characters": lambda k: any(c in k.text for c in "[].^$+(){}|\\"),
    "double-quote": lambda k: '"' in k.text,
    "has-hyphen": lambda k: "-" in k.text,
    "percent-encoded": lambda k: re.search(r"[^A-Za-z0-9._~-]", k.text) is not None,
    "family-name-only": lambda k: k.vr == "PN" and "^" not in k.text,
    "name-affix": lambda k: k.vr == "PN" and k.text.count("^") >= 3,
    "leading-space": lambda k: k.text[:1] == " ",
    "long-list": lambda k: k.text.count("\\") >= 100,
    "short": lambda k: len(k.text.strip("*?")) <= 2,
}

"""A source that executes its profile literally: a second reading of what a profile says, against the judge's.

Slow, small and obvious on purpose. It holds a real archive and answers real keys as they stand on the wire. What a
profile leaves open (``one-of``, ``unknown``, a setting that nobody told, whether a reason shows) is drawn once for each
simulated source, so that many of them together do everything that the profile allows. The order of the steps is that of
``docs/profiles.md``; no function of ``judge`` is called.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Any as Anything

from pydicom.dataset import Dataset

from worklint.judge.place import Place
from worklint.knowledge import products, standard
from worklint.knowledge.profile import Behaviour, Interaction, Keeping, Profile, SettingMap, Where
from worklint.model import GRADES, SPELLING, Attribute
from worklint.oracle import matcher
from worklint.oracle.comparing import OTHER_COMPARISONS, WIDER, Found, agrees, inside, spelled_plainly, within
from worklint.oracle.matcher import Entity, entities_at
from worklint.oracle.reading import Reading, certain, condition_of, fits_one_of
from worklint.oracle.wire import Key, bounds_of, kind_of, legal
from worklint.record import replace as changed


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


class SimulatedSource:
    """One source as one worklist meets it: its place, its archive, and a character drawn from ``seed``."""

    def __init__(self, place: Place, archive: Sequence[Entity], seed: int | str, zone: tzinfo = UTC) -> None:
        self.place, self.profile, self.archive, self.zone = place, place.profile, tuple(archive), zone
        self.reading = Reading(place, str(seed))
        # What was looked up already. Nothing of it hangs on the query, so it is looked up once.
        self._places_seen: dict[Anything, list[Found]] = {}
        self._values_seen: dict[Anything, list[Found]] = {}
        self._doings_seen: dict[Anything, _Doing] = {}
        self._keeping_seen: dict[Anything, list[Keeping]] = {}
        self._names_seen: dict[int, str] = {}
        self._shown_seen: dict[str, tuple[Entity, ...]] = {}

    def _one(self, entity: Entity) -> str:
        known, dataset = id(entity.dataset), entity.dataset
        if known not in self._names_seen:
            names = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID")
            self._names_seen[known] = next((str(v) for n in names if (v := dataset.get(n))), "None")
        return self._names_seen[known]

    # --- what the source shows to everybody

    def shown(self, level: str) -> tuple[Entity, ...]:
        """Return the entities that answer a query without conditions; what the source hides is not among them."""
        if level in self._shown_seen:
            return self._shown_seen[level]
        rows = entities_at(self.archive, level)
        for record in self.profile.hides:
            if record.attribute and self.reading.fits(record.where, level):
                path = tuple(a for k in record.attribute.split(".") if (a := standard.attribute_by_keyword(k)))
                rows = tuple(
                    r for r in rows if not any(v in record.values for f in self._found(r, path) for v in f.values)
                )
        if len(rows) < len(entities_at(self.archive, level)):
            self.reading.met.add("hides")
        self._shown_seen[level] = rows
        return rows

    # --- the query

    def query(
        self, level: str, keys: Sequence[Key], empties: Sequence[Key] = (), negotiated: Collection[str] = ()
    ) -> Answer:  # fmt: skip
        """Answer one query: ``keys`` with values as sent, ``empties`` with zero length.

        ``negotiated``: the options of extended negotiation that were granted for it.
        """
        if not self._offers():
            return Answer(refused=True)
        doings = [
            self.doing(k, level)
            if _NEGOTIATED.get(kind_of(k.vr, k.text), "") in ("", *negotiated)
            else self._anything("not negotiated", k.name, level)
            for k in keys
        ]
        # Over the web what is shown is asked for by includefield (PS3.18 8.3.4.3), which is no key.
        asked = [] if self.place.transport == "dicomweb" else list(empties)
        empty_doings = [self.doing(k, level) for k in asked]
        moment = self._moment(level, keys, "combined-date-time" in negotiated)
        if moment:
            doings = [moment.doing if i in moment.about else d for i, d in enumerate(doings)]
        doings, effects = self._together(level, list(keys), doings, empties)
        if moment:
            moment = replace(moment, doing=max((doings[i] for i in moment.about), key=lambda d: d.does != "applied"))
            effects = [_as_one_moment(e) for e in effects]
        everything = (*doings, *empty_doings, *(e.doing for e in effects))
        if any(d.does == "refused" for d in everything) or not self._selected(level, keys):
            return Answer(refused=True)
        if any(d.does == "nothing" for d in everything):
            return Answer()
        candidates = list(self.shown(level))
        if moment and moment.doing.does == "applied":
            self.reading.met.add("date and time as one moment")
            candidates = [c for c in candidates if self._at_moment(c, level, keys, moment)]
            keys = [k for i, k in enumerate(keys) if i not in moment.about]
            doings = [d for i, d in enumerate(doings) if i not in moment.about]
            effects = [_without(e, moment.about) for e in effects]
        candidates.sort(key=lambda e: self.reading.draw("order", self._one(e)))
        for cap in self.profile.caps:
            limit = self._limit(cap) if cap.before_filter and self.reading.fits(cap.where, level) else 0
            others = [i for i, k in enumerate(keys) if not self._in_class_of(("*unique-key",), k, level)]
            if limit and others:
                # Unique keys come first, in the database; the last of the others is checked after the cut.
                early = [i for i in range(len(keys)) if i != others[-1]]
                some, their = [keys[i] for i in early], [doings[i] for i in early]
                found = [c for c in candidates if self._all(c, level, some, their, [])]
                if len(found) > limit:
                    self.reading.met.add("cap before the last key")
                candidates = found[:limit]
        rows = [c for c in candidates if self._all(c, level, keys, doings, effects)]
        for key, doing in zip(asked, empty_doings, strict=True):
            rows = [r for r in rows if not self._left_out(doing.misses, r, key, level)]
        cut = False
        for cap in self.profile.caps:
            limit = self._limit(cap) if self.reading.fits(cap.where, level) else 0
            if limit and len(rows) > limit:
                signal = "told" if cap.signalled else "silent"
                self.reading.met.add(f"cap {'refuses' if cap.refuses else 'cuts, ' + signal}")
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

    def _moment(self, level: str, keys: Sequence[Key], combined: bool) -> _Effect | None:
        """Return the date and time that this source reads as one moment, if it says what it does with one."""
        about = _date_and_time(keys)[:2]
        model = standard.model(self.place.model)
        lifted = any(name == "date-time-interval" and self.reading.fits(w, level) for name, w in self.profile.lifts)
        # Who takes the standard's word away may say it again in words of its own.
        again = any(i.when.date_and_time and self.reading.fits(i.where, level) for i in self.profile.interactions)
        always = (self.place.transport == "dicomweb" or bool(model and model.worklist)) and (again or not lifted)
        if not about or not (combined or always):
            return None
        doings = []
        for i in about:
            of_moments = [
                changed(s, where=changed(s.where, kinds=("range",)))
                for s in (*self.place.site, *self.profile.statements)
                if "datetime" in s.where.kinds
            ]
            chosen = self.reading.choose(of_moments, keys[i], level, self.profile)
            if chosen is None:
                return None
            doings.append(self._realised(chosen, keys[i], "moment"))
        return _Effect(max(doings, key=lambda d: d.does != "applied"), about)

    def _at_moment(self, entity: Entity, level: str, keys: Sequence[Key], moment: _Effect) -> bool:
        date, time = sorted((keys[i] for i in moment.about), key=lambda k: k.vr)
        days, times = ([v for f in self._shown_values(entity, level, k) for v in f.values if v] for k in (date, time))
        # A time that is absent counts as inside on each of the days; a time alone is held against nothing.
        lacks = not days or (not times and any(within(date, v) for v in days))
        adds, misses = moment.doing.adds - _OF_LETTERS, moment.doing.misses - _OF_LETTERS - {"interval"}
        found = self._interval(entity, level, keys, moment.about) or bool(adds & {"empty", "absent"} and lacks)
        if adds - {"empty", "absent", "interval"}:
            found = found or self.reading.draw("more", "moment", self._one(entity)) < 0.3
        return found and not (misses and self.reading.draw("fewer", "moment", self._one(entity)) < 0.3)

    def _offers(self) -> bool:
        offered = self.profile.offered
        here = (self.place.model, self.place.transport)
        return not offered or any((o.model, o.transport) == here and self.reading.fits(o.where, None) for o in offered)

    def _limit(self, cap: Anything) -> int:
        if cap.setting and (value := self.reading.setting(cap.setting)) is not None and value.isdigit():
            return int(value)
        return int(cap.rows) if cap.rows is not None else 1 + int(self.reading.draw("cap", cap.because) * 3)

    def _selected(self, level: str, keys: Sequence[Key]) -> bool:
        for i, record in enumerate(self.profile.selectors):
            if not self.reading.fits(record.where, level):
                continue
            met = any(
                name.casefold() in (k.name.casefold(), (k.label or "").casefold())
                and len(re.sub(r"[*?]", "", k.text)) >= least
                for k in keys if not k.negated for name, least in record.alternatives
            )  # fmt: skip
            self.reading.met.add(f"selector {'met' if met else 'missing'}")
            if not met and (certain(record.evidence) or self.reading.draw("selector", i) < 0.5):
                return False
        return True

    # --- what one key meets

    def doing(self, key: Key, level: str) -> _Doing:
        """Return what this source does with a key alone: the site's word, then the product's, then the default."""
        asked = (*_spoken(key), key.text, level)
        if asked in self._doings_seen:
            return self._doings_seen[asked]
        chosen = self.reading.choose(self.place.site, key, level, self.profile) if self.place.site else None
        if chosen is None:
            chosen = self.reading.choose(self.profile.statements, key, level, self.profile)
        found = self._default(key, level) if chosen is None else self._realised(chosen, key)
        self.reading.met.add(f"key {found.does}, {'nobody told' if chosen is None else 'stated'}")
        self._doings_seen[asked] = found
        return found

    def _realised(self, behaviour: Behaviour, key: Key | None, about: object = "") -> _Doing:
        name = key.name or key.label if key else ""
        # What a source does with an attribute hangs on kind and level too, but not on the value.
        here = (name, kind_of(key.vr, key.text) if key else "", about, behaviour.because, sorted(behaviour.adds))
        if behaviour.one_of:
            self.reading.met.add("one-of")
            return self._realised(self.reading.pick(behaviour.one_of, "one-of", *here), key, about)
        if behaviour.does == "unknown" or best_grade(behaviour) == "issue":
            if key is not None and kind_of(key.vr, key.text) == "universal":
                # What nobody knows is what becomes of a value; without one nothing is asked (PS3.4 C.2.2.2.3).
                return _Doing("applied")
            return self._anything(*here)
        sure = certain(behaviour.evidence)
        if behaviour.does in ("refused", "nothing") and not sure:
            return self.reading.pick([_Doing(behaviour.does), _Doing("ignored"), _Doing("coin")], "uncertain", *here)
        if behaviour.does != "applied":
            return _Doing(behaviour.does, joins=behaviour.joins)
        adds = {
            r for r in behaviour.adds
            # That it folds was seen, and it folds always; that it may fold is a permission.
            if (sure and r in SPELLING) or self.reading.draw("shows", "+", r, *here) < 0.75
        }  # fmt: skip
        misses = {r for r in behaviour.misses if self.reading.draw("shows", "-", r, *here) < 0.75}
        return _Doing("applied", frozenset(adds), frozenset(misses), behaviour.joins)

    def _anything(self, *about: object) -> _Doing:
        self.reading.met.add("unknown")
        options = [_Doing("applied"), _Doing("ignored"), _Doing("nothing"), _Doing("refused"), _Doing("coin")]
        return self.reading.pick(options, "anything", *about)

    def _default(self, key: Key, level: str) -> _Doing:
        """What a source may do of which nothing is known (docs/verdicts.md, the table of defaults)."""
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
        if not legal(key):
            return self._anything(*here)
        if self._in_class_of(("*parent-uid",), key, level) and kind in ("single", "list-of-uid"):
            return exact
        if self._in_class_of(("*lower",), key, level):
            return self._anything(*here)
        model = standard.model(place.model)
        worklist = bool(model and model.worklist)
        unfit = standard.permitted(vr, kind, worklist) in ("no", "negotiated")
        if rule is None or unfit or type_ in (None, "-"):
            return self._anything(*here)
        optional = type_ in ("O", "OC")
        if place.transport == "dicomweb" and place.named and not optional:
            other = standard.key_rule(place.model, "dimse", level, tuple(a.keyword for a in key.path))
            optional = other is None or other.key_type in (None, "-", "O", "OC")
        if optional:
            if place.named or place.transport == "dicomweb":
                return self._anything(*here)
            return self.reading.pick([exact, _Doing("ignored")], *here)
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
            frozenset(r for r in adds if self.reading.draw("+", r, *here) < 0.6),
            frozenset(r for r in misses if self.reading.draw("-", r, *here) < 0.6),
        )

    def _in_class_of(self, classes: tuple[str, ...], key: Key, level: str) -> bool:
        return bool(key.path) and any(self.reading.in_class(c, key, level) for c in classes)

    # --- what keys do to one another

    def _together(
        self, level: str, keys: list[Key], doings: list[_Doing], empties: Sequence[Key]
    ) -> tuple[list[_Doing], list[_Effect]]:
        base = products.profile("dicom-standard", None)
        assert base is not None
        lifted = {name for name, where in self.profile.lifts if self.reading.fits(where, level)}
        everything: list[tuple[Interaction, Profile]] = []
        if self.profile.product != base.profile.product:
            everything += [(i, base.profile) for i in base.profile.interactions if i.id not in lifted]
        everything += [(i, self.profile) for i in self.profile.interactions]
        if self.place.viewer:
            everything += [(i, self.place.viewer) for i in self.place.viewer.interactions]
        effects = []
        for number, (one, profile) in enumerate(everything):
            if not self.reading.fits(one.where, level):
                continue
            about = self._holds(one, level, keys, doings, empties, profile)
            if about is None:
                continue
            for i, key in enumerate(keys):
                new = self.reading.choose(one.replace, key, level, profile)
                if new is not None:
                    self.reading.met.add(f"interaction replaces, when {condition_of(one)}")
                    realised = self._realised(new, key, one.id)
                    doings[i] = replace(realised, joins=realised.joins or doings[i].joins)
            if one.query is not None:
                self.reading.met.add(f"interaction on the query, when {condition_of(one)}")
                if one.serves:
                    self.reading.met.add("interaction serves `series has`")
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
                i
                for i, k in enumerate(among)
                if any(self.reading.names(s, k, level, profile) is not None for s in selectors)
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
            elif named((selector,), keys) or named((selector,), empties):
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
        named_ones = {k.name.partition(".")[0] for k in keys if k.name}
        rows_by = set(standard.identity(self.place.model, level)) if self.place.transport == "dimse" else set()
        sent = named_ones | rows_by | {k.name.partition(".")[0] for k in empties}
        if when.more_keys_than and len(sent) <= when.more_keys_than:
            return None
        if when.more_values_than and len({k.name.partition(".")[0] for k in keys if k.text}) <= when.more_values_than:
            return None
        return sorted(set(about))

    # --- matching

    def _all(
        self, entity: Entity, level: str, keys: Sequence[Key], doings: Sequence[_Doing], effects: Sequence[_Effect]
    ) -> bool:
        held = [self._holds_key(entity, level, k, d) for k, d in zip(keys, doings, strict=True)]
        found = all(held) and self._one_item(entity, level, keys, doings)
        for number, effect in enumerate(effects):
            doing, name = effect.doing, f"query{number}"
            if doing.does == "coin":
                found = found != (self.reading.draw("coin", name, self._one(entity)) < 0.3)
                continue
            others = all(h for i, h in enumerate(held) if i not in effect.about)
            if doing.does == "ignored" or "ignored" in doing.adds:
                found = found or others
            if "interval" in doing.adds:
                found = found or (others and self._interval(entity, level, keys, effect.about))
            ways = doing.adds & (WIDER | OTHER_COMPARISONS)
            if ways:
                # All keys of the query are compared in that way.
                wide = [replace(d, adds=d.adds | ways) for d in doings]
                pairs = zip(keys, wide, strict=True)
                each = all(self._holds_key(entity, level, k, d) for k, d in pairs)
                found = found or (each and self._one_item(entity, level, keys, wide))
            if doing.adds - ways - {"ignored", "interval", "one-series"}:
                found = found or self.reading.draw("more", name, self._one(entity)) < 0.3
            if "interval" in doing.misses:
                found = found and self._interval(entity, level, keys, effect.about)
            if "one-series" in doing.misses:
                found = found and self._one_series(entity, level, keys, doings, effect.about)
            if doing.misses - {"interval", "one-series"}:
                found = found and self.reading.draw("fewer", name, self._one(entity)) >= 0.3
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
                    if inside(d.replace(".", "") + t.strip(), low, high, "DT"):
                        return True
        return False

    def _one_item(self, entity: Entity, level: str, keys: Sequence[Key], doings: Sequence[_Doing]) -> bool:
        """Keys of one sequence item are asked of one item (PS3.4 C.2.2.2.6)."""
        groups: dict[tuple[Attribute, ...], list[int]] = {}
        for i, key in enumerate(keys):
            if len(key.path) > 1 and not key.negated and doings[i].does == "applied":
                groups.setdefault(key.path[:-1], []).append(i)
        for members in groups.values():
            items = [f.item for f in self._shown_values(entity, level, keys[members[0]])]
            if items and len(members) > 1 and not any(
                all(self._holds_key(entity, level, keys[i], doings[i], item=item) for i in members) for item in items
            ):  # fmt: skip
                return False
        return True

    def _one_series(
        self, entity: Entity, level: str, keys: Sequence[Key], doings: Sequence[_Doing], about: Sequence[int]
    ) -> bool:
        """Tell if one and the same series satisfies all of these keys."""
        asked = [i for i in about if doings[i].does == "applied"]
        return any(
            all(self._holds_key(entity, level, keys[i], doings[i], series) for i in asked) for series in entity.below
        )

    def _holds_key(
        self, entity: Entity, level: str, key: Key, doing: _Doing, within: Entity | None = None,
        item: Dataset | None = None,
    ) -> bool:  # fmt: skip
        if doing.does == "ignored":
            return True
        if kind_of(key.vr, key.text) == "universal":
            return not self._left_out(doing.misses, entity, key, level)
        name = key.name or key.label or ""
        if doing.does == "coin":
            return self.reading.draw("coin", name, key.text, self._one(entity)) < 0.5
        found = self._shown_values(entity, level, key)
        if within is not None:
            around = (within.dataset, entity.dataset)
            parts = [p for f in found for p in (f.parts or [f])]
            found = [p for p in parts if any(p.owner is a for a in around) or any(w is within.dataset for w in p.ways)]
        if item is not None:
            found = [f for f in found if f.item is item]
        has = agrees(found, key, frozenset(), self.zone) or agrees(found, key, doing.adds, self.zone)
        if not has and doing.adds - WIDER - OTHER_COMPARISONS:
            has = "ignored" in doing.adds or self.reading.draw("more", name, key.text, self._one(entity)) < 0.4
        for reason in sorted(doing.misses):
            if not has:
                break
            if reason in OTHER_COMPARISONS:
                alone, together = frozenset({reason}), doing.adds | {reason}
                has = agrees(found, key, alone, self.zone) or agrees(found, key, together, self.zone)
            elif reason in ("case", "accent", "group", "padding"):
                has = spelled_plainly(found, reason, key, doing.adds, self.zone)
            elif reason not in ("interval", "one-series"):
                has = self.reading.draw("fewer", reason, name, key.text, self._one(entity)) >= 0.3
        if key.negated:
            without = not any(f.values for f in found)
            # SQL's NULL passes no test, a negated one neither.
            return not has and not (without and self.reading.draw("null", name) < 0.5)
        return has

    def _left_out(self, misses: frozenset[str], entity: Entity, key: Key, level: str) -> bool:
        """Tell if an empty key leaves an entity out; a reason that speaks of how values compare cannot show there."""
        if misses & {"absent", "empty"} and not any(f.values for f in self._shown_values(entity, level, key)):
            return True
        others = misses - OTHER_COMPARISONS - WIDER
        return bool(others) and self.reading.draw("fewer", key.name, self._one(entity)) < 0.3

    # --- the values, and what they are worth

    def _found(self, entity: Entity, path: tuple[Attribute, ...], label: str | None = None) -> list[Found]:
        key = (id(entity.dataset), tuple(a.tag for a in path), label)
        if key in self._places_seen:
            return self._places_seen[key]
        if not path:
            fields = [dict(e.labels).get((label or "").casefold(), ()) for e in matcher.ways_up(entity)]
            found = [Found(entity.dataset, [v for field in fields for v in field], 0, ())]
        else:
            described, found = matcher.described(path, entity), []
            home = self.reading.home(path[0], entity.level) or matcher.home_of(path[0], entity)
            if described:
                series = entity.below if (path[0].keyword, entity.level) == ("ModalitiesInStudy", "study") else ()
                parts = [Found(e.dataset, matcher.values_of(e.dataset, _MODALITY), i, ()) for i, e in enumerate(series)]
                ways = tuple(p.owner for p in parts)
                found = [Found(one.dataset, values, i, ways, parts) for i, (one, values) in enumerate(described)]
            else:
                for i, e in enumerate(matcher.at_level(entity, home)):
                    ways = tuple(w.dataset for w in matcher.ways_up(e))
                    for item in matcher.items(e.dataset, path[:-1]):
                        values = matcher.values_of(item, path[-1])
                        found.append(Found(e.dataset, values, i, ways, item=item, keyword=path[-1].keyword))
        self._places_seen[key] = found
        return found

    def _shown_values(self, entity: Entity, level: str, key: Key) -> list[Found]:
        asked = (id(entity.dataset), *_spoken(key), level)
        if asked not in self._values_seen:
            found = self._found(entity, key.path, key.label)
            for number, record in enumerate(self._keeping(key, level)):
                found = self._kept(found, record, number, entity, key)
            self._values_seen[asked] = found
        return self._values_seen[asked]

    def _keeping(self, key: Key, level: str) -> list[Keeping]:
        asked = (*_spoken(key), level)
        if asked in self._keeping_seen:
            return self._keeping_seen[asked]
        out = []
        for record in self.profile.keeping:
            if not record.topology and self._fits_any_kind(record.where, level, key, self):
                out.append(record)
        hub = self.place.hub
        if hub is not None:
            there = SimulatedSource(
                changed(self.place, settings=self.place.hub_settings, profile=hub), (), self.reading.seed, self.zone
            )
            for record in hub.keeping:
                made_here = record.topology and not self._lifted(record.unless_pair)
                if made_here and self._fits_any_kind(record.where, level, key, there):
                    out.append(record)
        self._keeping_seen[asked] = out
        return out

    @staticmethod
    def _fits_any_kind(where: Where, level: str, key: Key, source: SimulatedSource) -> bool:
        return source.reading.fits(changed(where, kinds=(), values=()), level, key)

    def _lifted(self, unless: tuple[SettingMap, ...]) -> bool:
        """A fact of the topology is lifted where every pair concerned has one of these maps of settings."""
        return bool(unless) and all(
            any(all(fits_one_of(dict(pair).get(n, ""), values) for n, values in one) for one in unless)
            for pair in self.place.pairs
        )

    def _kept(self, found: list[Found], record: Keeping, number: int, entity: Entity, key: Key) -> list[Found]:
        name = key.name or key.label or ""

        def chance(*about: object) -> float:
            return self.reading.draw("keeping", number, name, self._one(entity), *about)

        gives = record.gives
        self.reading.met.add(f"keeping {gives}")
        if gives == "unknown":
            gives = self.reading.pick(["faithful", "partial", "never", "wrong"], "kept", number, name)
        if gives == "faithful":
            return found
        if gives == "never":
            return [replace(f, values=[], kept=False) for f in found]
        if gives == "partial":
            return found if chance() < 0.5 else [replace(f, values=[], kept=False) for f in found]
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
        if record.shows_setting and (value := self.reading.setting(record.shows_setting)):
            shown = (value,)
        if not shown or chance() < 0.5:
            return found
        return [replace(f, values=[shown[int(chance(i) * len(shown))]]) for i, f in enumerate(found)]


@dataclass(frozen=True, slots=True)
class _Effect:
    doing: _Doing
    about: list[int]


def _as_one_moment(effect: _Effect) -> _Effect:
    """What two windows would be taken for does not matter where one moment is asked for."""
    doing = effect.doing
    return replace(effect, doing=replace(doing, adds=doing.adds - {"interval"}, misses=doing.misses - {"interval"}))


def _without(effect: _Effect, gone: list[int]) -> _Effect:
    return replace(effect, about=[i - sum(g < i for g in gone) for i in effect.about if i not in gone])


_OF_LETTERS = frozenset({"case", "accent", "group", "padding"})
_NEGOTIATED = {"empty": "empty-value-matching", "multiple": "multiple-value-matching"}
"""Kinds of matching that a source has to have granted (PS3.4 C.2.2.2.7, C.2.2.2.8)."""
_MODALITY = Attribute("Modality", "00080060", "CS", "1")


def _spoken(key: Key) -> tuple[Anything, ...]:
    """Return what records can tell of a key, its text left aside."""
    return tuple((a.tag, a.creator) for a in key.path), key.label, key.vr, key.negated


def best_grade(behaviour: Behaviour) -> str:
    """Return the best grade of the evidence of a behaviour."""
    return min((e.grade for e in behaviour.evidence), key=GRADES.index, default="assumed")


def _said(doing: _Doing) -> str:
    return " ".join([doing.does, *(f"+{r}" for r in sorted(doing.adds)), *(f"-{r}" for r in sorted(doing.misses))])


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

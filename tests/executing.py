"""Executes plans as printed: reads ``worklint/plan/1`` and the language, asks a simulated source, checks, unites.

A second reading of what a plan means (``docs/plans.md``). It gets JSON text and never the objects behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import product
from typing import Any
from urllib.parse import unquote

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from worklint.judge.behaviour import behaviour_at
from worklint.judge.place import KeyAt, Place
from worklint.judge.value import Sent
from worklint.knowledge import standard
from worklint.knowledge.profile import Where
from worklint.model import Attribute, Worklist
from worklint.oracle import matcher
from worklint.oracle.matcher import Entity
from worklint.oracle.reading import Reading
from worklint.oracle.simulated import Answer, SimulatedSource
from worklint.oracle.soundness import read
from worklint.oracle.wire import Key, bounds_of, kind_of
from worklint.record import replace as changed

Path = tuple[Attribute, ...]
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class UnreadableError(Exception):
    """What a plan says remains to be checked is no condition of the language."""


@dataclass
class Row:
    """One row of an answer: the entity behind it (which the client does not see), and what came back of it."""

    entity: Entity
    shown: Dataset


def _attribute(tag: str, creators: Mapping[str, str]) -> Attribute:
    found = standard.attribute_by_tag(tag)
    if found is not None:
        return found
    creator = creators.get(tag[:4] + "00" + tag[4:6])
    assert creator is not None, tag
    return Attribute("", f"{tag[:4]}xx{tag[6:]}", "UN", "1", "", False, creator)


def _elements(found: Mapping[str, Any], before: Path = ()) -> Iterator[tuple[Path, str]]:
    creators = {t: v["Value"][0] for t, v in found.items() if int(t[3], 16) % 2 and t[4:6] == "00" and "Value" in v}
    for tag, element in found.items():
        if tag == "00080052" or tag in creators:
            continue
        path = (*before, _attribute(tag, creators))
        if element["vr"] == "SQ":
            inside = list(_elements(element["Value"][0], path))
            yield from inside or [(path, "")]
            continue
        values = element.get("Value", [])
        texts = ["=".join(v.get(g, "") for g in _GROUPS).rstrip("=") if isinstance(v, dict) else str(v) for v in values]
        yield path, "\\".join(texts)


def _path(name: str) -> Path:
    found = []
    for part in name.split("."):
        attribute = standard.attribute_by_keyword(part) or standard.attribute_by_tag(part)
        if attribute is None:
            attribute = Attribute("", f"{part[:4]}xx{part[6:]}", "UN", "1", "", False, "ACME")
        found.append(attribute)
    return tuple(found)


PARAMETERS = {"emptyvaluematching": "empty-value-matching", "multiplevaluematching": "multiple-value-matching"}
"""What a search asks for in place of negotiation (PS3.18 8.3.4)."""


def negotiated_by(query: Mapping[str, Any]) -> frozenset[str]:
    """Return the options that a query goes out with: of a search those that its URL carries."""
    if "url" not in query:
        return frozenset(query["negotiation"])
    arguments = query["url"].partition("?")[2].split("&")
    return frozenset(option for name, option in PARAMETERS.items() if f"{name}=true" in arguments)


def _of_url(url: str) -> tuple[list[tuple[Path, str]], list[Path]]:
    place, _, rest = url.partition("?")
    steps = place.strip("/").split("/")
    keys: list[tuple[Path, str]] = []
    for word, value in zip(steps[:-1:2], steps[1::2], strict=False):
        keyword = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "patients": "PatientID"}[word]
        keys.append((_path(keyword), value if value.startswith("{") else unquote(value)))
    returns = []
    for argument in filter(None, rest.split("&")):
        name, _, value = argument.partition("=")
        if name == "includefield":
            returns.append(_path(value))
        elif name not in ("limit", "offset", *PARAMETERS):
            texts = [v if v.startswith("{") else unquote(v) for v in value.split(",")]
            keys.append((_path(name), "\\".join(texts)))
    return keys, returns


def keys_and_returns(query: Mapping[str, Any]) -> tuple[list[tuple[Path, str]], list[Path]]:
    """Return the keys of a query as they go out (those that others feed too), and what it only asks for."""
    if "url" in query:
        return _of_url(query["url"])
    elements = list(_elements(query["identifier"]))
    if not all(t.isascii() for _, t in elements):
        # It names the character set of the others (PS3.4 C.4.1.1.3), and is no key.
        assert ("SpecificCharacterSet", "ISO_IR 192") in [(p[0].keyword, t) for p, t in elements]
        elements = [(p, t) for p, t in elements if p[0].keyword != "SpecificCharacterSet"]
    fed = {n["attribute"] for n in query["needs"]}
    keys = [(p, t) for p, t in elements if t or p[-1].keyword in fed]
    return keys, [p for p, t in elements if not t and p[-1].keyword not in fed]


class Client:
    """A client that carries one printed plan out at one simulated source."""

    def __init__(self, plan: Mapping[str, Any], source: SimulatedSource, parameters: Mapping[str, str]) -> None:
        self.plan, self.source, self.parameters = plan, source, dict(parameters)
        self.rows: dict[str, list[Row]] = {}
        self.refused = False
        self.met: set[str] = set()
        """What the plan took, and what of the profile came to bear: a run can tell what it tried."""
        # Whoever asks for all pages gets what a source without the limit gives.
        self.unlimited = _at(source, _unlimited(source.place)) if any(c.paging for c in source.profile.caps) else source

    def answer(self) -> Answer:
        """Carry the plan out."""
        for query in self.plan["queries"]:
            self.rows[query["id"]] = self._query(query)
            if self.refused:
                return Answer(refused=True)
        rows = [r for q in self.plan["queries"] if q["role"] == "answer" for r in self.rows[q["id"]]]
        return Answer(tuple({id(r.entity.dataset): r.entity for r in rows}.values()))

    def _gone(self, query: Mapping[str, Any]) -> set[str]:
        """Return the entities that other queries take away from the answer to this one, whatever it is used for."""
        takers = [q for q in self.plan["queries"] if query["id"] in q.get("of", ())]
        return {_uid(r.entity, query["level"]) for q in takers for r in self.rows[q["id"]]}

    def _query(self, query: Mapping[str, Any]) -> list[Row]:
        keys, returns = keys_and_returns(query)
        filled = list(self._filled(query, keys))
        out: list[Row] = []
        for one in filled:
            sent = [Key(p, self._parameters(t), None, p[-1].vr.split(" ")[0]) for p, t in one]
            # What has no value after all asks for nothing.
            empties = [Key(p, "", None, p[-1].vr.split(" ")[0]) for p in returns if not _identifies(p, query)]
            answer = self._asked(query, sent, () if "url" in query else empties)
            if answer.refused:
                self.refused = True
                return []
            rows = [Row(e, self._shown(e, query["level"], sent, returns)) for e in answer.rows]
            out += [r for r in rows if self._passes(query, r)]
        gone = self._gone(query)
        return [r for r in out if _uid(r.entity, query["level"]) not in gone]

    def _asked(self, query: Mapping[str, Any], keys: list[Key], empties: Iterable[Key]) -> Answer:
        """Ask for all pages; where an answer is full and there is a range to halve, ask again for each half."""
        cap = query["cap"]
        source = self.unlimited if cap and cap["paging"] else self.source
        negotiated = frozenset(o for o in negotiated_by(query) if _grants(source, query["level"], o))
        if "relational-queries" in negotiated:
            source = _relational(source)
        self.met.update(negotiated)
        source = _negotiated(source, query["level"], negotiated)
        answer = source.query(query["level"], keys, tuple(empties), negotiated)
        self.met |= source.reading.met
        if not cap or answer.refused:
            return answer
        self.met.add("all pages" if cap["paging"] else "a limit that cannot be paged")
        full = (cap["rows"] and len(answer.rows) >= cap["rows"]) or (cap["signalled"] and answer.cut)
        halves = _halves(keys, cap["split"]) if full and not cap["paging"] and cap["split"] else ()
        answers = [self._asked(query, half, empties) for half in halves]
        if not answers or any(a.refused for a in answers):
            return answer
        self.met.add("a range halved")
        return Answer(tuple(r for a in answers for r in a.rows), cut=any(a.cut for a in answers))

    def _parameters(self, text: str) -> str:
        for name, value in self.parameters.items():
            text = text.replace(f"${name}", value)
        return text

    def _filled(self, query: Mapping[str, Any], keys: list[tuple[Path, str]]) -> Iterator[list[tuple[Path, str]]]:
        """Put the values of other queries in: united in a group, groups intersected; one query each, or as lists."""
        needs = query["needs"]
        if not needs:
            yield keys
            return
        rows = [n for n in needs if n["group"] == 0]
        lists = [n for n in needs if n["group"] != 0]
        parents: list[dict[str, str]] = [{}]
        if rows:
            names = sorted({n["attribute"] for n in rows})
            found = {tuple(_value(r.entity, name) for name in names) for n in rows for r in self.rows[n["query"]]}
            parents = [dict(zip(names, values, strict=True)) for values in sorted(found)]
        batches: list[dict[str, str]] = [{}]
        if lists:
            (name,) = {n["attribute"] for n in lists}
            groups: dict[int, set[str]] = {}
            for n in lists:
                groups.setdefault(n["group"], set()).update(_value(r.entity, name) for r in self.rows[n["query"]])
            values = sorted(set.intersection(*groups.values()))
            if lists[0]["each"]:
                batches = [{name: v} for v in values]
            else:
                most = lists[0]["at-most"]
                batches = [{name: "\\".join(values[i : i + most])} for i in range(0, len(values), most)]
        for parent, batch in product(parents, batches):
            values_now = parent | batch
            yield [(p, values_now.get(p[-1].keyword, t)) for p, t in keys]

    def _passes(self, query: Mapping[str, Any], row: Row) -> bool:
        text = query["remaining"]
        if not text:
            return True
        condition = _condition(text, query["model"], query["level"])
        row_alone = Entity(query["level"], row.shown)
        passed = matcher.matches(condition.filter, row_alone, zone=self.source.zone, parameters=self.parameters)
        self.met.add(f"a check {'keeps' if passed else 'drops'} a row")
        return passed

    # --- what comes back

    def _shown(self, entity: Entity, level: str, sent: list[Key], returns: list[Path]) -> Dataset:
        out = Dataset()
        for key in (*sent, *(Key(p, "", None, p[-1].vr.split(" ")[0]) for p in returns)):
            _place(out, key.path, self._values(entity, level, key))
        return out

    def _values(self, entity: Entity, level: str, key: Key) -> list[list[str]]:
        """Return the values of an attribute in the answer, one list for each item, as the profile says they come."""
        source, name = self.source, key.name
        one = source._one(entity)
        found = [f.values for f in source._shown_values(entity, level, key)]
        if len(key.path) == 1:
            found = [[v for values in found for v in values]]
        returned, flagged = _returned(source.place, level, key)
        self.met.add(f"returned {returned}" + (", absent means absent" if flagged else ""))
        if returned == "unknown":
            returned = source.reading.pick(["whole", "part", "other", "no"], "returned", name)
            flagged = False
        if returned == "no":
            return []
        if returned == "part":
            return [[v for i, v in enumerate(vs) if source.reading.draw("part", name, one, i) < 0.5] for vs in found]
        if returned == "other":
            form = source.reading.draw("other", name, one)
            if form < 0.3:
                return []
            if form < 0.7:
                pool = sorted({v for e in source.shown(level) for f in source._found(e, key.path) for v in f.values})
                return [[source.reading.pick(pool, "pool", name, one)]] if pool else []
            return found
        compared = bool(key.text) and kind_of(key.vr, key.text) != "universal"
        if not flagged and not compared and source.reading.draw("omitted", name, one) < 0.2:
            return []
        return found


@lru_cache(maxsize=5_000)
def _returned(place: Place, level: str, key: Key) -> tuple[str, bool]:
    home = Reading(place, "").home(key.path[0], level)
    model = standard.model(place.model)
    assert model is not None
    at = model.levels.index(level)
    lives = model.levels.index(home) if home in model.levels else -1
    kind = kind_of(key.vr, key.text)
    sent = Sent(key.text, kind, key.vr, key.path[-1].vm)
    if kind == "range":
        low, _, high = key.text.partition("-")
        sent = changed(sent, low=low, high=high)
    parent = len(key.path) == 1 and key.path[0].keyword in model.unique_keys[:at]
    unique = len(key.path) == 1 and bool(key.path[0].keyword) and key.path[0].keyword == model.unique_keys[at]
    at_key = KeyAt(key.path, None, level, sent, lives > at >= 0, 0 <= lives < at, unique, parent)
    behaviour = behaviour_at(place, at_key)
    if behaviour.returned == "unknown" and kind == "universal":
        # A required key comes back, however it is asked for (PS3.4 C.2.2.1.2).
        behaviour = behaviour_at(place, changed(at_key, sent=changed(sent, text="1", kind="single")))
    if behaviour.returned == "unknown" and unique:
        # What identifies the row stands in it: without it there is nothing to unite on.
        return "whole", behaviour.absent_means_absent
    return behaviour.returned, behaviour.absent_means_absent


@lru_cache(maxsize=500)
def _unlimited(place: Place) -> Place:
    caps = tuple(c for c in place.profile.caps if not c.paging)
    return changed(place, profile=changed(place.profile, caps=caps))


@lru_cache(maxsize=500)
def _without_parents_rule(place: Place) -> Place:
    profile = place.profile
    kept = tuple(i for i in profile.interactions if "*parent-uid" not in i.when.none)
    lifts = (*profile.lifts, ("parents-required", Where()))
    return changed(place, profile=changed(profile, interactions=kept, lifts=lifts))


def _at(source: SimulatedSource, place: Place) -> SimulatedSource:
    return SimulatedSource(place, source.archive, source.reading.seed, source.zone)


def _halves(keys: list[Key], split: str) -> tuple[list[Key], ...]:
    """Return the keys twice, with the halves of a range of days; nothing where it is one day, or no range."""
    for i, key in enumerate(keys):
        bounds = bounds_of("DA", key.text) if key.name == split and key.vr == "DA" else None
        if bounds and all(bounds) and bounds[0] < bounds[1]:
            low, high = (date(int(b[:4]), int(b[4:6]), int(b[6:])) for b in bounds)
            middle = low + (high - low) // 2
            parts = ((low, middle), (middle + timedelta(days=1), high))
            return tuple(
                [*keys[:i], changed_key(key, f"{a:%Y%m%d}-{b:%Y%m%d}"), *keys[i + 1 :]] for a, b in parts
            )  # fmt: skip
    return ()


def changed_key(key: Key, text: str) -> Key:
    return Key(key.path, text, key.label, key.vr, key.negated)


def _relational(source: SimulatedSource) -> SimulatedSource:
    """Return the source as it answers where relational queries were negotiated: upper unique keys may be left out."""
    return _at(source, _without_parents_rule(source.place))


def _negotiated(source: SimulatedSource, level: str, options: Iterable[str]) -> SimulatedSource:
    """Return the source as it answers on an association for which options were granted."""
    place = source.place
    settings = dict(place.settings)
    for grant in place.profile.grants:
        if grant.option in options and grant.granted and source.reading.fits(grant.where, level):
            settings |= grant.sets
    return source if settings == dict(place.settings) else _at(source, changed(place, settings=tuple(settings.items())))


def _grants(source: SimulatedSource, level: str, option: str) -> bool:
    """Tell if a source grants an option: by a record for where it is asked, or by a word of its only transport's."""
    profile, transport = source.profile, source.place.transport
    fitting = [g for g in profile.grants if g.option == option and source.reading.fits(g.where, level)]
    word = profile.negotiation.get(option) == "yes" and (transport == "dimse" or "dimse" not in profile.transports)
    return (word or any(g.granted for g in fitting)) and all(g.granted for g in fitting)


def _identifies(path: Path, query: Mapping[str, Any]) -> bool:
    """Tell if an empty key only asks for the identity of the row and the levels above."""
    model = standard.model(query["model"])
    assert model is not None
    names = {"StudyInstanceUID", "RequestedProcedureID", "ScheduledProcedureStepID", "IssuerOfPatientID"}
    asked = ".".join(a.display for a in path) in query["returns"]
    return path[-1].keyword in {*names, *model.unique_keys} and not asked


def _uid(entity: Entity, level: str) -> str:
    keyword = {
        "patient": "PatientID",
        "study": "StudyInstanceUID",
        "series": "SeriesInstanceUID",
        "image": "SOPInstanceUID",
    }.get(level)
    return _value(entity, keyword) if keyword else str(id(entity.dataset))


def _value(entity: Entity, keyword: str) -> str:
    for one in matcher.ways_up(entity):
        if keyword in one.dataset:
            return str(one.dataset[keyword].value)
    return ""


def _place(target: Dataset, path: Path, values: list[list[str]]) -> None:
    if len(path) == 1:
        flat = [v for vs in values for v in vs]
        _add(target, path[0], flat)
        return
    tag = int(path[0].tag, 16)
    if tag not in target:
        target.add(DataElement(tag, "SQ", Items([])))
    items = target[tag].value
    while len(items) < len(values):
        items.append(Dataset())
    for item, own in zip(items, values, strict=False):
        _place(item, path[1:], [own])


def _add(target: Dataset, attribute: Attribute, values: list[str]) -> None:
    if attribute.vr == "SQ" or not values:
        return
    tag = int(attribute.tag.replace("xx", "10"), 16)
    if attribute.creator is not None:
        target.add(DataElement((tag & 0xFFFF0000) | 0x10, "LO", attribute.creator))
    vr = attribute.vr.split(" ")[0]
    value: Any = values if len(values) > 1 else values[0]
    if vr in ("US", "SS", "UL", "SL"):
        value = [int(v) for v in values]
    target.add(DataElement(tag, vr, value, validation_mode=IGNORE))


_READ: dict[tuple[str, str, str], Worklist] = {}


def _condition(text: str, model: str, level: str) -> Worklist:
    """Read a printed condition: as one of its level, with nothing around it."""
    key = (text, model, level)
    if key not in _READ:
        setting = f"level {level}" if model != "modality-worklist" else ""
        found = read(f'worklist "R" {{ model {model} {setting} where {text} }}')
        if found is None:
            raise UnreadableError(text)
        _READ[key] = found
    return _READ[key]


def forget() -> None:
    """Let go of the conditions that were read."""
    _READ.clear()


def depth(text: str) -> int:
    """Return how deep parentheses are nested outside quotes."""
    deepest = now = 0
    for c in re.sub(r'"(?:\\.|[^"\\])*"', "", text):
        now += (c == "(") - (c == ")")
        deepest = max(deepest, now)
    return deepest

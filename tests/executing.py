"""Executes plans as printed: reads ``worklint/plan/1`` and the language, asks a simulated source, checks, unites.

A second reading of what a plan means (``docs/plans.md``). It gets JSON text and never the objects behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from urllib.parse import unquote

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from worklint.judge.behaviour import behaviour_at
from worklint.judge.place import KeyAt
from worklint.judge.value import Sent
from worklint.knowledge import standard
from worklint.knowledge.profile import Where
from worklint.model import Attribute, Worklist
from worklint.oracle import matcher
from worklint.oracle.matcher import Entity
from worklint.oracle.simulated import Answer, SimulatedSource
from worklint.oracle.soundness import read
from worklint.oracle.wire import Key, kind_of

Path = tuple[Attribute, ...]
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


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


def _of_url(url: str) -> tuple[list[tuple[Path, str]], list[Path]]:
    place, _, rest = url.partition("?")
    steps = place.strip("/").split("/")
    keys: list[tuple[Path, str]] = []
    for word, value in zip(steps[:-1:2], steps[1::2], strict=False):
        keyword = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID"}[word]
        keys.append((_path(keyword), value if value.startswith("{") else unquote(value)))
    returns = []
    for argument in filter(None, rest.split("&")):
        name, _, value = argument.partition("=")
        if name == "includefield":
            returns.append(_path(value))
        elif name not in ("limit", "offset"):
            texts = [v if v.startswith("{") else unquote(v) for v in value.split(",")]
            keys.append((_path(name), "\\".join(texts)))
    return keys, returns


class Client:
    """A client that carries one printed plan out at one simulated source."""

    def __init__(self, plan: Mapping[str, Any], source: SimulatedSource, parameters: Mapping[str, str]) -> None:
        self.plan, self.source, self.parameters = plan, source, dict(parameters)
        self.rows: dict[str, list[Row]] = {}
        self.refused = False
        caps = tuple(c for c in source.profile.caps if not c.paging)
        # Whoever asks for all pages gets what a source without the limit gives.
        unlimited = replace(source.place, profile=replace(source.profile, caps=caps))
        self.unlimited = SimulatedSource(unlimited, source.archive, source.reading.seed, source.zone)

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
        if "url" in query:
            keys, returns = _of_url(query["url"])
        else:
            elements = list(_elements(query["identifier"]))
            fed = {n["attribute"] for n in query["needs"]}
            keys = [(p, t) for p, t in elements if t or p[-1].keyword in fed]
            returns = [p for p, t in elements if not t and p[-1].keyword not in fed]
        filled = list(self._filled(query, keys))
        out: list[Row] = []
        for one in filled:
            sent = [Key(p, self._parameters(t), None, p[-1].vr.split(" ")[0]) for p, t in one]
            # What has no value after all asks for nothing.
            empties = [Key(p, "", None, p[-1].vr.split(" ")[0]) for p in returns if not _identifies(p, query)]
            paged = query["cap"] is not None and query["cap"]["paging"]
            source = self.unlimited if paged else self.source
            if "relational-queries" in query["negotiation"]:
                source = _relational(source)
            answer = source.query(query["level"], sent, () if "url" in query else empties)
            if answer.refused:
                self.refused = True
                return []
            rows = [Row(e, self._shown(e, query["level"], sent, returns)) for e in answer.rows]
            out += [r for r in rows if self._passes(query, r)]
        gone = self._gone(query)
        return [r for r in out if _uid(r.entity, query["level"]) not in gone]

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
        return matcher.matches(condition.filter, Entity(query["level"], row.shown), parameters=self.parameters)

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
        returned, flagged = self._returned(level, key)
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

    def _returned(self, level: str, key: Key) -> tuple[str, bool]:
        home = self.source.reading.home(key.path[0], level)
        model = standard.model(self.source.place.model)
        assert model is not None
        at = model.levels.index(level)
        lives = model.levels.index(home) if home in model.levels else -1
        kind = kind_of(key.vr, key.text)
        sent = Sent(key.text, kind, key.vr, key.path[-1].vm)
        if kind == "range":
            low, _, high = key.text.partition("-")
            sent = replace(sent, low=low, high=high)
        place = replace(self.source.place, own=False, viewer=None)
        parent = len(key.path) == 1 and key.path[0].keyword in model.unique_keys[:at]
        unique = len(key.path) == 1 and bool(key.path[0].keyword) and key.path[0].keyword == model.unique_keys[at]
        at_key = KeyAt(key.path, None, level, sent, lives > at >= 0, 0 <= lives < at, unique, parent)
        behaviour = behaviour_at(place, at_key)
        if behaviour.returned == "unknown" and kind == "universal":
            # A required key comes back, however it is asked for (PS3.4 C.2.2.1.2).
            asked = replace(sent, text="1", kind="single")
            behaviour = behaviour_at(place, replace(at_key, sent=asked))
        return behaviour.returned, behaviour.absent_means_absent


def _relational(source: SimulatedSource) -> SimulatedSource:
    """Return the source as it answers where relational queries were negotiated: upper unique keys may be left out."""
    profile = source.profile
    kept = tuple(i for i in profile.interactions if "*parent-uid" not in i.when.none)
    changed = replace(profile, interactions=kept, lifts=(*profile.lifts, ("parents-required", Where())))
    return SimulatedSource(replace(source.place, profile=changed), source.archive, source.reading.seed, source.zone)


def _identifies(path: Path, query: Mapping[str, Any]) -> bool:
    """Tell if an empty key only asks for the identity of the row and the levels above."""
    model = standard.model(query["model"])
    assert model is not None
    names = {"StudyInstanceUID", "RequestedProcedureID", "ScheduledProcedureStepID", "IssuerOfPatientID"}
    asked = ".".join(a.display for a in path) in query["returns"]
    return path[-1].keyword in {*names, *model.unique_keys} and not asked


def _uid(entity: Entity, level: str) -> str:
    keyword = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "image": "SOPInstanceUID"}.get(level)
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
        assert found is not None, f"what remains cannot be read: {text}"
        _READ[key] = found
    return _READ[key]


def depth(text: str) -> int:
    """Return how deep parentheses are nested outside quotes."""
    deepest = now = 0
    for c in re.sub(r'"(?:\\.|[^"\\])*"', "", text):
        now += (c == "(") - (c == ")")
        deepest = max(deepest, now)
    return deepest

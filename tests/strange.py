"""Servers that nobody has seen: scripted C-FIND sources over a drawn archive, each strange in one way or a few.

A server is data: what it keeps, how it compares, which keys it looks at, what it shows, when it fails. The probe asks
it through a door of its own, without a network; a plain client asks it for drawn conditions.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset

from lab import compare, heldout
from lab.archive import OTHER, SOP_CLASSES, as_file
from lab.ask import Answer as Came
from lab.ask import Identity, level_keys
from lab.compare import entities_of
from lab.predicted import _shown as _walked
from lab.predicted import said_by
from worklint.knowledge import standard
from worklint.model import Worklist
from worklint.network.ask import Answer, Greeting, Manners, NotOffered, Question, Row, name_of
from worklint.network.ask import Path as Keys
from worklint.network.dimse import identity_paths
from worklint.network.document import profile_of
from worklint.network.probe import Record, probe
from worklint.network.subjects import path_of
from worklint.oracle import matcher
from worklint.oracle.matcher import Entity
from worklint.project import read_project
from worklint.sources import Site, site_of

MODEL = "study-root"
ROOT = "1.2.826.0.1.3680043.8.498.6"

# --- archives ---------------------------------------------------------------------------------------------------------

FAMILY = ("Novak", "Okafor", "Lindqvist", "Haddad", "Silva", "Tanaka", "Moreau", "Novakova", "Li", "O'Brien", "Müller")
GIVEN = ("Eva", "Chidi", "Lars", "Layla", "Rui", "Yuki", "Zoé", "Evan", "Lin", "Sean", "Jürgen")
EXAMS = (
    "CT Abdomen",
    "CT Abdomen Pelvis",
    "MR Knee Left",
    "MR Knee Right",
    "Chest PA",
    "chest pa",
    "US Liver",
    "CT Head w/o contrast",
    "MR Brain",
    "Mammography screening bilateral with tomosynthesis and comparison views",
)
DOCTORS = ("Weber^Ruth", "Weber^Ruth^^Dr.", "Castillo^Ana", "Yilmaz^Can", "WEBER^RUTH")


def archive_of(seed: int, studies: int, plain: bool = True) -> heldout.Content:
    """Return an archive: of a hospital as most are, or (not ``plain``) with whatever one may meet in it."""
    if not plain:
        return heldout.content(seed)
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    rng = Random(f"strange {seed}")
    people = []
    for number in range(max(3, studies // 2)):
        people.append({
            "PatientName": f"{rng.choice(FAMILY)}^{rng.choice(GIVEN)}",
            "PatientID": f"{rng.choice('AB')}{1000 + number}",
            "PatientBirthDate": f"{rng.randint(1930, 2020)}0{rng.randint(1, 9)}1{rng.randint(0, 9)}",
            "PatientSex": rng.choice(("F", "M", "O")),
            "SpecificCharacterSet": "ISO_IR 192",
        })  # fmt: skip
    found = []
    for number in range(1, studies + 1):
        upper: dict[str, Any] = {
            **rng.choice(people), "StudyInstanceUID": f"{ROOT}.{seed}.{number}",
            "StudyDate": f"202{rng.randint(0, 5)}0{rng.randint(1, 9)}{rng.randint(10, 28)}",
            "StudyTime": f"{rng.randint(7, 18):02}{rng.choice((0, 15, 30, 47)):02}{rng.choice((0, 0, 11, 59)):02}"
            + rng.choice(("", "", ".5", ".250000")),
            "AccessionNumber": f"{rng.choice('RX')}{20000 + number * 7}", "StudyID": str(rng.randint(1, 30)),
            "StudyDescription": rng.choice(EXAMS), "ReferringPhysicianName": rng.choice(DOCTORS),
            "InstitutionName": rng.choice(("General Hospital", "GENERAL HOSPITAL", "Clinic West")),
        }  # fmt: skip
        for name in ("AccessionNumber", "StudyDescription", "ReferringPhysicianName", "StudyTime", "StudyID",
                     "InstitutionName"):  # fmt: skip
            if rng.random() < 0.12:
                upper[name] = ""
        for serial in range(1, rng.choice((1, 1, 2, 3)) + 1):
            own = {
                "SeriesInstanceUID": f"{upper['StudyInstanceUID']}.{serial}", "SeriesNumber": str(serial),
                "Modality": rng.choice(("CT", "MR", "US", "DX", "SR")), "BodyPartExamined": rng.choice(heldout.CODES),
                "SeriesDescription": rng.choice(("AX T1", "AX T2", "SAG", "SCOUT", "")),
                "StationName": rng.choice(("CT1", "MR1", "MR2")), "OperatorsName": rng.choice(DOCTORS),
                "PerformedProcedureStepStartDate": upper["StudyDate"],
            }  # fmt: skip
            for image in range(1, rng.choice((1, 1, 2)) + 1):
                data = Dataset()
                heldout.put(data, {
                    **upper, **own, "SOPClassUID": SOP_CLASSES.get(own["Modality"], OTHER),
                    "SOPInstanceUID": f"{own['SeriesInstanceUID']}.{image}", "InstanceNumber": str(image),
                    "ImageType": ["ORIGINAL", "PRIMARY"] if image % 2 else ["DERIVED", "SECONDARY"],
                    "ContentDate": upper["StudyDate"],
                })  # fmt: skip
                as_file(data)
                found.append(data)
    return heldout.Content(seed, tuple(found), ())


# --- servers ----------------------------------------------------------------------------------------------------------

TEXTS = {"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"}


@dataclass(frozen=True)
class Looked:
    """A key as a server meets it, and the values that an entity has of it."""

    path: Keys
    text: str
    lower: bool

    @property
    def name(self) -> str:
        return name_of(self.path)

    @property
    def vr(self) -> str:
        return self.path[-1].vr.split(" ")[0]

    @property
    def wild(self) -> bool:
        return self.vr in TEXTS and any(c in self.text for c in "*?")

    @property
    def ranged(self) -> bool:
        return self.vr in ("DA", "TM", "DT") and "-" in self.text


Compare = Callable[[Looked, str], bool]
"""Is one value what a key asks for? The value may be empty: the entity has none."""


def exactly(key: Looked, value: str) -> bool:
    """Compare as the language means it."""
    text, vr = key.text, key.vr
    if not value.strip(" \0"):
        return key.wild and not text.strip("*")
    if key.ranged:
        low, _, high = text.partition("-")
        at = matcher.moment(value, vr)
        ends = [matcher.moment(t, vr) if t else None for t in (low, high)]
        if at is None or any(t and e is None for t, e in zip((low, high), ends, strict=True)):
            return False
        return (ends[0] is None or ends[0] <= at) and (ends[1] is None or at <= ends[1])
    if vr == "UI":
        return value.strip() in text.split("\\")
    if key.wild:
        return matcher.alike(value, text, vr)
    return matcher.equal(value, text, vr)


@dataclass(frozen=True)
class Strange:
    """What a server does. The defaults are those of one that does all that the language means.

    ``lower``: what becomes of a key of a lower level: ``any`` entity below, the ``first`` one, ``ignored``,
    ``nothing``, ``refused``. ``known``: the attributes that it knows, others are not looked at and not returned.
    ``keeps`` changes what is stored before all else; ``shows`` a row before it goes out (row, keys of the query).
    ``fails``: the status of a query, by keys, empty keys and how many queries there were. ``picks`` orders and cuts;
    it ``hides`` if what it leaves out is never shown. ``keys`` changes what is asked. ``ways`` are reasons for which it
    adds rows, whether an archive shows them or not. ``least``: the share of cases that have to be precise.
    """

    name: str
    does: str
    compare: Compare = exactly
    lower: str = "any"
    known: frozenset[str] | None = None
    keeps: Callable[[Dataset], None] | None = None
    shows: Callable[[dict[str, tuple[str, ...]], Mapping[str, str]], None] | None = None
    fails: Callable[[str, Sequence[Looked], Sequence[Keys], int], str] | None = None
    picks: Callable[[list[Entity]], list[Entity]] = list
    keys: Callable[[str, list[Looked]], list[Looked]] = lambda level, keys: keys
    either: bool = False
    parents: bool = True
    copies: bool = False
    otherwise_all: bool = False
    joins: str = ""
    plain: bool = True
    studies: int = 40
    status: str = ""
    hides: bool = False
    ways: frozenset[str] = frozenset()
    least: float = 0.8


class Source:
    """One server with an archive in it: a door for the probe, and a client's partner."""

    transport = "dimse"
    keep_data = False

    def __init__(self, does: Strange, found: heldout.Content) -> None:
        self.does, self.count = does, 0
        self.instances = found.instances
        if does.keeps is not None:
            kept = []
            for data in found.instances:
                mine = copy.deepcopy(data)
                does.keeps(mine)
                kept.append(mine)
            self.instances = tuple(kept)
        self.content = heldout.Content(found.seed, self.instances, ())
        self.at: dict[str, Mapping[Identity, Entity]] = {
            level: entities_of(self.instances, (), MODEL, level) for level in ("study", "series", "image")
        }
        self.shown: dict[str, Mapping[Identity, Entity]] = {}
        self._values: dict[tuple[int, Keys], tuple[tuple[str, ...], bool]] = {}

    # what the probe sees

    def greet(self, model: str, options: frozenset[str]) -> Greeting:
        if model != MODEL:
            raise NotOffered("this model is not offered")
        return Greeting("1.2.3", self.does.name)

    def ask(self, question: Question, most_rows: int) -> Answer:
        keys = {k.path: k.text for k in question.keys}
        rows, failure, warning = self.find(question.level, keys, question.empties)
        if failure:
            return Answer(failure=failure)
        return Answer(tuple(rows[:most_rows]), cut=len(rows) > most_rows, warning=warning)

    def release(self, model: str, options: frozenset[str]) -> None:
        """Nothing is kept open."""

    def close(self) -> None:
        """Nothing is kept open."""

    # what it does

    def find(
        self, level: str, asked: Mapping[Keys, str], empties: Iterable[Keys]
    ) -> tuple[list[Row], str, str]:  # fmt: skip
        does = self.does
        self.count += 1
        empties = [p for p in (*identity_paths(MODEL, level), *empties) if p not in asked]
        keys = [Looked(p, t, self._lower(level, p)) for p, t in asked.items() if t]
        if does.fails is not None and (status := does.fails(level, keys, empties, self.count)):
            return [], status, ""
        found = standard.model(MODEL)
        assert found is not None
        named = {k.name for k in keys}
        if does.parents and not set(found.unique_keys[: found.levels.index(level)]) <= named:
            return [], "A900", ""
        keys = does.keys(level, keys)
        if any(k.lower for k in keys) and does.lower in ("nothing", "refused"):
            return [], ("A900" if does.lower == "refused" else ""), ""
        looked = [k for k in keys if self._knows(k.path) and not (k.lower and does.lower == "ignored")]
        combine = any if does.either else all
        parents = [k for k in looked if k.name in found.unique_keys[: found.levels.index(level)]]
        rest = [k for k in looked if k not in parents]
        entities = [
            e for e in self.at[level].values()
            if all(self._fits(e, k) for k in parents) and (not rest or combine(self._fits(e, k) for k in rest))
        ]  # fmt: skip
        if not entities and does.otherwise_all and rest:
            entities = [e for e in self.at[level].values() if all(self._fits(e, k) for k in parents)]
        rows = []
        for entity in does.picks(entities):
            row = {name_of(p): self.values(entity, p)[0] for p in (*asked, *empties) if self._knows(p)}
            if does.shows is not None:
                does.shows(row, {name_of(p): t for p, t in asked.items() if t})
            times = sum(1 for s in entity.below for _ in s.below or (s,)) if does.copies else 1
            rows += [row] * max(1, times)
        return rows, "", does.status

    def _lower(self, level: str, path: Keys) -> bool:
        found = standard.model(MODEL)
        assert found is not None
        at = standard.levels_of(path[0].keyword, MODEL)
        return (
            bool(at)
            and level not in at
            and all(found.levels.index(x) > found.levels.index(level) for x in at if x in found.levels)
        )

    def _knows(self, path: Keys) -> bool:
        return (self.does.known is None or name_of(path) in self.does.known) and path[-1].creator is None

    def _fits(self, entity: Entity, key: Looked) -> bool:
        values, below = self.values(entity, key.path)
        if below and self.does.lower == "first":
            values = values[:1]
        if self.does.joins and len(values) > 1 and not below:
            values = (self.does.joins.join(values),)
        return any(self.does.compare(key, v) for v in values or ("",))

    def values(self, entity: Entity, path: Keys) -> tuple[tuple[str, ...], bool]:
        """Return the values of an attribute at an entity, and whether they are those of lower ones."""
        known = self._values.get((id(entity), path))
        if known is None:
            known = self._values[(id(entity), path)] = self._find(entity, path)
        return known

    def _find(self, entity: Entity, path: Keys) -> tuple[tuple[str, ...], bool]:
        computed = matcher.derived(path, entity)
        if computed is not None:
            return tuple(dict.fromkeys(computed)), False
        for one in matcher.ways_up(entity):
            values = [v for item in matcher.items(one.dataset, path[:-1]) for v in matcher.values_of(item, path[-1])]
            if values:
                return tuple(values), False
        below = [e for b in entity.below for e in (b, *b.below)]
        values = [v for e in below for i in matcher.items(e.dataset, path[:-1]) for v in matcher.values_of(i, path[-1])]
        return tuple(dict.fromkeys(values)), bool(values)


class Plain:
    """The plain client of a source, as ``lab.compare`` wants one."""

    transport = "dimse"

    def __init__(self, source: Source) -> None:
        self.source = source

    def ask(self, model: str, level: str, keys: Any, empties: Any = ()) -> Came:
        asked = {k.path: k.sent.text for k in keys}
        rows, failure, _ = self.source.find(level, asked, [k.path for k in empties])
        names = level_keys(model, level)
        found = frozenset(tuple("\\".join(r.get(n, ())).strip() for n in names) for r in rows)
        return Came(len(rows), frozenset(i for i in found if any(i)), failure)


# --- conditions -------------------------------------------------------------------------------------------------------

ASKED = {
    "study": """PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber StudyID
        StudyDescription ReferringPhysicianName ModalitiesInStudy InstitutionName Modality BodyPartExamined
        SeriesDescription StationName""",
    "series": """Modality BodyPartExamined SeriesNumber SeriesDescription StationName OperatorsName StudyDate
        PerformedProcedureStepStartDate PatientID""",
    "image": "InstanceNumber SOPClassUID ImageType ContentDate Modality StudyDate",
}
"""What is asked at each level: what most worklists name, of the level and of others."""


UPPER = ("StudyInstanceUID", "SeriesInstanceUID")


def conditions(source: Source, rng: Random, many: int) -> list[heldout.Drawn]:
    """Return conditions of one key and of two, each with values of one entity, so that they find something."""
    out: list[heldout.Drawn] = []
    while len(out) < many:
        level = rng.choice(("study",) * 4 + ("series", "image"))
        entity = rng.choice(list(source.at[level].values()))
        names = rng.sample(ASKED[level].split(), 3)
        tests = [t for n in names if (t := _test(source, rng, entity, n))][: rng.choice((1, 1, 1, 2, 2, 3))]
        if not tests:
            continue
        parents = " and ".join(
            f'{k} = "{e.dataset.get(k)}"'
            for e, k in zip(
                reversed(matcher.ways_up(entity)[1:]), ("StudyInstanceUID", "SeriesInstanceUID"), strict=False
            )
        )
        out.append(heldout.Drawn(f"{len(out) + 1}", MODEL, level, parents, " and ".join(tests)))
    return out


def _test(source: Source, rng: Random, entity: Entity, name: str) -> str:
    path = path_of(name)
    assert path is not None
    values, _ = source.values(entity, path)
    value = rng.choice([v.strip() for v in values] or [""])
    if not value or any(c in value for c in '*?"\\'):
        return ""
    vr = path[-1].vr.split(" ")[0]
    if vr in ("DA", "TM"):
        others = [v for e in source.at[entity.level].values() for v in source.values(e, path)[0] if v.strip()]
        low, high = sorted((value, rng.choice(others).strip()))
        return rng.choice((f'{name} = "{value}"', f'{name} between "{low}" and "{high}"', f'{name} >= "{value}"',
                           f'{name} <= "{value}"'))  # fmt: skip
    if vr in ("IS", "UI"):
        return f'{name} = "{value}"'
    half = max(1, len(value) // 2)
    turned = value.swapcase() if rng.random() < 0.5 else value[:half].rstrip() or value
    return rng.choice((
        f'{name} = "{value}"', f'{name} = "{value}"', f'{name} like "{value[:half]}*"',
        f'{name} like "*{value[half:]}"', f'{name} like "?{value[1:]}"', f'{name} = "{turned}"',
        f'{name} contains "{value[1:] or value}"', f'{name} in ("{value}", "NOBODY")',
    ))  # fmt: skip


# --- trials -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """What a probe of a server took, and how its profile held: cases contradicted (as text), and figures."""

    record: Record
    profile: Mapping[str, Any]
    wrong: tuple[str, ...]
    telling: int
    precise: int
    vague: tuple[str, ...]


def probed(source: Source, manners: Manners | None = None) -> tuple[Record, dict[str, Any]]:
    """Probe a source; return the record and the profile."""
    manners = manners or Manners(per_second=1e9, seconds=1e9)
    record = probe(source, manners, [MODEL], "20261124", lambda text: None)
    return record, json.loads(json.dumps(profile_of(record, "2026-12-01")))


def trial(server: Strange, seed: int, many: int, further: int = 1, manners: Manners | None = None) -> Trial:
    """Probe a server and hold what its profile predicts against what comes back, here and from ``further`` archives.

    A case is precise if what is allowed happens in one of the archives, as far as an archive has to show it.
    """
    source = Source(server, archive_of(seed, server.studies, server.plain))
    record, profile = probed(source, manners)
    size = max(server.studies, 20)
    basis = source if server.studies >= MANY else Source(server, archive_of(seed, size, server.plain))
    rng = Random(f"cases {seed} {server.name}")
    cases = heldout.drawn(basis.content, [MODEL], many // 3)
    cases += conditions(basis, rng, many - len(cases))
    sources = [source, *(Source(server, archive_of(seed + 100 * n, size, server.plain)) for n in range(1, further + 1))]
    rows = _said(profile, cases)
    worklists = compare.resolved(cases)
    seen = [[_observed(s, c, worklists[c.id]) for c in cases] for s in sources]
    wrong: list[str] = []
    vague: list[str] = []
    telling = 0
    for number, case in enumerate(cases):
        row = rows.get(case.id)
        if row is None:
            continue
        said = f"{case.level}: {case.text}: {row.as_written} +{' '.join(row.add_reasons)} -{' '.join(row.miss_reasons)}"
        outcomes = [o[number] for o in seen]
        wrong += [f"{said}; {', '.join(a)}" for o in outcomes if (a := compare.contradictions(row, o))]
        first = outcomes[0]
        if not first.discriminates and not first.refused:
            continue
        telling += 1
        if not any(compare.precise(row, o) for o in _shown(first, outcomes)) and not compare.precise(
            replace(row, add_reasons=tuple(r for r in row.add_reasons if r not in server.ways) or ("empty",)), first
        ):
            vague.append(said)
    return Trial(record, profile, tuple(wrong), telling, telling - len(vague), tuple(vague))


MANY = 12
"""Studies that conditions are drawn from at least."""


def _shown(first: compare.Observation, every: Sequence[compare.Observation]) -> Iterable[compare.Observation]:
    yield first
    if not first.refused:
        most = {n: max(getattr(o, n) for o in every) for n in ("added", "missed", "beyond")}
        yield replace(first, **most)


def _said(profile: Mapping[str, Any], cases: Sequence[heldout.Drawn]) -> Mapping[str, Any]:
    with TemporaryDirectory(prefix="worklint-strange-") as folder:
        Path(folder, "probed.json").write_text(json.dumps(profile), encoding="utf-8")
        site = site_of(read_project("sources:\n  lab: {profile: probed.json, transport: dimse}\n", Path(folder)))
    return said_by(site, cases)


@cache
def _plain_site() -> Site:
    return compare.site_for(next(d for d in compare.DOORS.values() if d.transport == "dimse" and MODEL in d.models), "")


def _observed(source: Source, case: heldout.Drawn, worklist: Worklist) -> compare.Observation:
    known = source.at[case.level]
    if case.level not in source.shown:
        everything = set(known)
        if source.does.hides:
            plain = Source(replace(source.does, fails=None), source.content)
            plain.at = source.at
            everything = set(_walked(Plain(plain), known, MODEL, case.level))
        source.shown[case.level] = {i: known[i] for i in everything}
    answer = compare.query(_plain_site(), worklist, Plain(source))  # type: ignore[arg-type]
    answer = Came(answer.rows, frozenset(i for i in answer.identities if i in known), answer.refused)
    return compare.seen(case, worklist, answer, source.shown[case.level], known)[0]


__all__ = ["MODEL", "Looked", "Plain", "Source", "Strange", "Trial", "archive_of", "conditions", "exactly", "trial"]

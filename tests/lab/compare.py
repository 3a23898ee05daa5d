"""The cases, what each of them means, what a server made of it, and what worklint predicts.

Truth of a case: the reference matcher over the archive, for the entities that the source shows to an unconstrained
query. Observed: what came back against that. Predicted: the verdict "as written" of the report.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset

from worklint.judge.query import conjunctions, send
from worklint.model import SPELLING, All, Any, Filter, Has, Worklist
from worklint.network.verify import by_spelling
from worklint.oracle.matcher import Entity, entities_at, leaves, matches
from worklint.project import read_project
from worklint.report.types import FilterRow
from worklint.resolve import resolve
from worklint.run import run
from worklint.sources import Site, place_of, site_of
from worklint.syntax.parser import parse
from worklint.text import Text

from .archive import instances, study_uid, worklist_items
from .ask import Answer, Client, Identity, combinations, level_keys, shown
from .servers import DOORS, KINDS, Door

HERE = Path(__file__).parent
CASES = HERE / "cases.csv"
TRUTH = HERE / "truth"
TODAY = date(2026, 11, 24)

LEFT_TO_CONTENT = frozenset({
    "group", "padding", "text-order", "text-number", "value-format", "joined", "one-value", "one-instance",
    "one-series", "charset", "cap",
})  # fmt: skip
"""Reasons for which rows may be missing that this content need not show; they do not count against precision."""
FOLDS = frozenset({"case", "accent"})
"""Ways of writing a value that ``ignoring`` makes alike. To miss by one of them is left to the content as well, where
no entity that is asked for differs in it: a source that does not fold misses such an entity as soon as there is one."""


@dataclass(frozen=True)
class Case:
    """One query with its meaning.

    ``within``: a study or series of the archive, or ``@`` and a patient's ID. ``told``: what worklint is told beside
    the settings of the server: a fact of this archive that its verdicts take for exceptional.
    """

    id: str
    model: str
    level: str
    within: str
    condition: str
    show: str
    told: str = ""

    @property
    def text(self) -> str:
        """The condition with the unique keys of what it is asked within."""
        return " and ".join(p for p in (self.parents, self._own) if p)

    @property
    def _own(self) -> str:
        return f"({self.condition})" if self.parents and " or " in self.condition else self.condition

    @property
    def parents(self) -> str:
        """The unique keys of the upper levels, as the language writes them."""
        if not self.within:
            return ""
        names = []
        if self.within.startswith("@"):
            return f'PatientID = "{self.within[1:]}"'
        study, _, series = self.within.partition(".")
        if self.model == "patient-root":
            patient = next(d.PatientID for d in instances() if study_uid(int(study)) == d.StudyInstanceUID)
            names.append(f'PatientID = "{patient}"')
        names.append(f'StudyInstanceUID = "{study_uid(int(study))}"')
        if series:
            names.append(f'SeriesInstanceUID = "{study_uid(int(study))}.{series}"')
        return " and ".join(names)

    @property
    def worklist(self) -> str:
        """The case in the language."""
        level = "" if self.level == "worklist-item" else f"level {self.level}"
        show = f"show {self.show}" if self.show else ""
        return f'worklist "{self.id}" {{ model {self.model} {level} {show} where {self.text} }}'


@cache
def cases() -> tuple[Case, ...]:
    """Read the cases."""
    with CASES.open(encoding="utf-8", newline="") as file:
        return tuple(
            Case(r["case"], r["model"], r["level"], r["within"], r["condition"], r["show"], r["told"])
            for r in csv.DictReader(file)
        )


def cases_of(door: Door) -> tuple[Case, ...]:
    """Return the cases that can be asked at a door."""
    return tuple(c for c in cases() if c.model in door.models)


class Asked(Protocol):
    """What a case says of itself: its name, where it is asked, and its text in the language."""

    @property
    def id(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def parents(self) -> str: ...
    @property
    def worklist(self) -> str: ...


def text_of(chosen: Iterable[Asked]) -> Text:
    """Return the cases as one file of worklists."""
    return Text.of("\n".join(c.worklist for c in chosen) + "\n", "cases.worklist")


@cache
def worklists(door: Door) -> Mapping[str, Worklist]:
    """Return the cases of a door as resolved worklists."""
    found = resolved(cases_of(door))
    broken = [name for name, w in found.items() if not w.complete]
    assert not broken, f"cases that do not mean anything: {broken}"
    return found


def resolved(chosen: Iterable[Asked]) -> dict[str, Worklist]:
    """Return cases as resolved worklists, by name."""
    return {w.name: w for w in resolve([parse(text_of(chosen))], [], None, {}, TODAY).worklists}


# --- what is true -----------------------------------------------------------------------------------------------------

_OF_PATIENT = frozenset({
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "OtherPatientIDs", "EthnicGroup", "PatientComments",
    "IssuerOfPatientID", "SpecificCharacterSet",
})  # fmt: skip


def _part(data: Dataset, keywords: frozenset[str]) -> Dataset:
    part = Dataset()
    for element in data:
        if element.keyword in keywords:
            part.add(element)
    return part


def _grouped(found: Sequence[Dataset], keyword: str) -> list[list[Dataset]]:
    groups: dict[str, list[Dataset]] = {}
    for data in found:
        groups.setdefault(str(data.get(keyword, "")).strip(), []).append(data)
    return list(groups.values())


def _common(found: Sequence[Dataset]) -> Dataset:
    """What all instances of an entity have alike is what the entity has."""
    first = found[0]
    part = Dataset()
    for element in first:
        if all(element.tag in d and d[element.tag] == element for d in found):
            part.add(element)
    return part


def _studies(found: Sequence[Dataset]) -> tuple[Entity, ...]:
    out = []
    for study in _grouped(found, "StudyInstanceUID"):
        series = tuple(
            Entity("series", _common(s), tuple(Entity("image", d) for d in s))
            for s in _grouped(study, "SeriesInstanceUID")
        )
        out.append(Entity("study", _common(study), series))
    return tuple(out)


@cache
def entities(model: str, level: str) -> Mapping[Identity, Entity]:
    """Return the entities of the archive by identity."""
    return entities_of(instances(), worklist_items(), model, level)


def entities_of(
    stored: Sequence[Dataset], items: Sequence[Dataset], model: str, level: str
) -> Mapping[Identity, Entity]:
    """Return the entities that images and worklist files make, by identity."""
    if model == "modality-worklist":
        return dict(_steps(items))
    tops = _studies(stored)
    if model == "patient-root":
        tops = tuple(
            Entity("patient", _part(p[0], _OF_PATIENT), _studies(p))
            for same in _grouped(stored, "PatientID")
            for p in _grouped(same, "IssuerOfPatientID")
        )
    keys = level_keys(model, level)
    return {tuple(str(e.dataset.get(k, "")).strip() for k in keys): e for e in entities_at(tops, level)}


def _steps(items: Sequence[Dataset]) -> Iterable[tuple[Identity, Entity]]:
    for data in items:
        for step in data.ScheduledProcedureStepSequence:
            alone = Dataset()
            for element in data:
                if element.keyword != "ScheduledProcedureStepSequence":
                    alone.add(element)
            alone.ScheduledProcedureStepSequence = [step]
            name = (data.StudyInstanceUID, data.RequestedProcedureID, step.ScheduledProcedureStepID)
            yield tuple(map(str, name)), Entity("worklist-item", alone)


def folded(condition: Filter, here: Iterable[Entity]) -> frozenset[str]:
    """Return what of letter case and accents tells an entity from what is asked for, and is to be ignored."""
    asked = frozenset(w for t in leaves(condition) for w in t.constraint.ignoring)
    if not asked & FOLDS:
        return frozenset()
    true = [e for e in here if matches(condition, e)]
    return frozenset(w for w in asked & FOLDS if any(not matches(_heeding(condition, w), e) for e in true))


def _heeding(condition: Filter, way: str) -> Filter:
    """Return the condition without ``ignoring`` one way of writing."""
    if isinstance(condition, All | Any):
        return replace(condition, parts=tuple(_heeding(p, way) for p in condition.parts))
    if isinstance(condition, Has):
        return replace(condition, filter=_heeding(condition.filter, way))
    constraint = condition.constraint
    return replace(condition, constraint=replace(constraint, ignoring=constraint.ignoring - {way}))


def discriminates(case: Asked, condition: Filter, here: Iterable[Entity], some: bool) -> bool:
    """Tell if the content can show rows that are missed and, of each test, rows that are added.

    Something is asked for; and for each part of a conjunction (but those that only lead to the level) there is an
    entity that fails this part alone: else nobody could see that the source ignores it.
    """
    parts = condition.parts if isinstance(condition, All) else (condition,)
    led = len(case.parents.split(" and ")) if case.parents else 0
    own = parts[led:] if led < len(parts) else parts
    known = list(here)
    return some and all(
        any(not matches(p, e) and all(matches(q, e) for q in parts if q is not p) for e in known) for p in own
    )


# --- what came back ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Observation:
    """What a server made of a case: rows in all, true entities, added (beyond spelling), missed, the failure.

    ``folded``: the ways of writing in which a true entity differs from what is asked for.
    """

    case: str
    rows: int
    true: int
    added: int
    beyond: int
    missed: int
    refused: str
    discriminates: bool = False
    folded: frozenset[str] = field(default=FOLDS, compare=False)


def query(site: Site, worklist: Worklist, made: Client) -> Answer:
    """Send what a plain client sends, one query for each conjunction and value, and unite the answers."""
    place = place_of(site, site.sources[0], worklist)
    answer = Answer(0, frozenset())
    for conjunction in conjunctions(worklist) or ():
        asked = send(place, worklist, conjunction)
        for keys in combinations(asked):
            answer = answer.also(made.ask(worklist.model, worklist.level, keys, asked.empties))
    return answer


def resolved_names(found: Iterable[Identity], known: Mapping[Identity, Entity]) -> set[Identity]:
    """Return the entities that identities stand for: a patient without issuer stands for all that have the ID."""
    out = set()
    for one in found:
        same = {one} if one in known else {k for k in known if len(k) == 2 and k[0] == one[0]}
        assert same, f"the answer names what was never stored: {one}"
        out |= same
    return out


def observe(door: Door, made: Client, chosen: Sequence[Case] | None = None) -> list[Observation]:
    """Ask all cases of a door, and hold what comes back against what is true."""
    site = site_for(door, "")
    universe: dict[tuple[str, str], frozenset[Identity]] = {}
    out = []
    for case in chosen or cases_of(door):
        worklist = worklists(door)[case.id]
        where = (case.model, case.level)
        if where not in universe:
            universe[where] = shown(made, *where)
        known = entities(*where)
        here = {i: known[i] for i in resolved_names(universe[where], known)}
        out.append(seen(case, worklist, query(site, worklist, made), here, known)[0])
    return out


Names = frozenset[Identity]


def seen(
    case: Asked, worklist: Worklist, answer: Answer, here: Mapping[Identity, Entity], known: Mapping[Identity, Entity]
) -> tuple[Observation, Names, Names]:
    """Hold an answer against what is true ``here``, of all ``known``; return also what was added and missed."""
    true = {i for i, e in here.items() if matches(worklist.filter, e)}
    came = resolved_names(answer.identities, known)
    # What an unconstrained query keeps back and this one shows is no row too many, if it is asked for.
    added = {i for i in came - true if not matches(worklist.filter, known[i])}
    missed = true - came
    telling = discriminates(case, worklist.filter, here.values(), bool(true))
    beyond = [i for i in added if not by_spelling(worklist.filter, known[i])]
    if answer.refused:
        added, missed, beyond = set(), set(), []
    one = Observation(
        case.id, answer.rows, len(true), len(added), len(beyond), len(missed), answer.refused, telling,
        folded(worklist.filter, here.values()),
    )  # fmt: skip
    return one, frozenset(added), frozenset(missed)


COLUMNS = ("case", "rows", "true", "added", "beyond-spelling", "missed", "rejected", "discriminates")


def write_truth(door: Door, found: Sequence[Observation]) -> Path:
    """Write the truth table of a door."""
    path = TRUTH / f"{door.id}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for o in found:
            writer.writerow(
                (o.case, o.rows, o.true, o.added, o.beyond, o.missed, o.refused, "yes" if o.discriminates else "no")
            )
    return path


def _folded(door: Door, name: str) -> frozenset[str]:
    """Return what the archive of the lab shows of letter case and accents in a case."""
    case = next((c for c in cases_of(door) if c.id == name and "ignoring" in c.condition), None)
    if case is None:
        return FOLDS
    return folded(worklists(door)[name].filter, entities(case.model, case.level).values())


def read_truth(door: Door) -> list[Observation]:
    """Read the truth table of a door."""
    with (TRUTH / f"{door.id}.csv").open(encoding="utf-8", newline="") as file:
        return [
            Observation(
                r["case"], int(r["rows"]), int(r["true"]), int(r["added"]), int(r["beyond-spelling"]),
                int(r["missed"]), r["rejected"], r["discriminates"] == "yes", _folded(door, r["case"]),
            )
            for r in csv.DictReader(file)
        ]  # fmt: skip


def releases() -> dict[str, str]:
    """Return the release that each truth table was made with."""
    with (TRUTH / "releases.csv").open(encoding="utf-8", newline="") as file:
        return {r["door"]: r["release"] for r in csv.DictReader(file)}


def write_releases(found: Mapping[str, str]) -> None:
    """Write the releases of the truth tables."""
    with (TRUTH / "releases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("door", "release"), *((d, found[d]) for d in DOORS if d in found)])


# --- what worklint says -----------------------------------------------------------------------------------------------


def site_for(door: Door, release: str, told: str = "") -> Site:
    """Return an enterprise of one source: the door, with the shipped profile and the settings of its server."""
    kind = KINDS[door.server]
    product = kind.product + (f"@{release}" if release else "")
    lines = [f"product: {product}", f"transport: {door.transport}"]
    settings = [f"{n}: {v}" for n, v in kind.settings] + ([told] if told else [])
    if settings:
        lines.append(f"settings: {{{', '.join(settings)}}}")
    return site_of(read_project("sources:\n  lab: {" + ", ".join(lines) + "}\n", Path()))


def predictions(door: Door, release: str) -> Mapping[str, FilterRow]:
    """Return the verdict of each case, as written."""
    found = {}
    for told in dict.fromkeys(c.told for c in cases_of(door)):
        chosen = [c for c in cases_of(door) if c.told == told]
        report = run([text_of(chosen)], site_for(door, release, told), TODAY)
        found |= {f.worklist.partition("#")[2]: f for f in report.filters}
    return found


def contradictions(said: FilterRow, seen: Observation) -> list[str]:
    """Return what the observation contradicts in the prediction; nothing where it is sound."""
    found = []
    if said.rejected and not seen.refused:
        found.append("predicted rejected, but answered")
    if seen.refused and said.as_written not in ("rejected", "mixed", "unknown"):
        found.append(f"refused ({seen.refused}), predicted {said.as_written}")
    if said.rejected or seen.refused:
        return found
    if seen.added and not said.may_add:
        found.append(f"{seen.added} added, predicted {said.as_written}")
    if seen.missed and not said.may_miss:
        found.append(f"{seen.missed} missed, predicted {said.as_written}")
    if seen.beyond and said.may_add and set(said.add_reasons) <= SPELLING:
        found.append(f"{seen.beyond} added beyond spelling, predicted {' '.join(said.add_reasons)}")
    return found


def precise(said: FilterRow, seen: Observation) -> bool:
    """Tell if may-add, may-miss and rejected are as observed (what the content cannot show does not count)."""
    if said.rejected or seen.refused:
        return said.rejected and bool(seen.refused)
    adds = said.may_add and (bool(seen.added) or not set(said.add_reasons) <= SPELLING)
    left = LEFT_TO_CONTENT | (FOLDS - seen.folded)
    misses = said.may_miss and (bool(seen.missed) or not set(said.miss_reasons) <= left)
    return adds == bool(seen.added) and misses == bool(seen.missed)

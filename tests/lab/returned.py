"""How each server gives back what it was asked for with an empty key, held against what is stored.

An entity's stored values are those of all its instances (``whole`` means all of them, semantics of ``returned`` in
``docs/profiles.md``). Asked is beside the unique key of the level; where a server wants the unique keys of the upper
levels, below a few entities that differ in what they have.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from worklint.judge.place import KeyAt, Place
from worklint.judge.query import conjunctions, send
from worklint.judge.value import Sent
from worklint.knowledge import standard
from worklint.resolve import resolve
from worklint.sources import place_of
from worklint.syntax.parser import parse
from worklint.text import Text

from .archive import instances, study_uid, worklist_items
from .ask import Client, Identity, identities, level_keys
from .compare import TODAY, TRUTH, site_for
from .servers import Door

STUDIES = (5, 8, 11, 14, 18, 19, 24, 35)
SERIES = ("18.1", "19.1", "24.1", "35.1", "35.2", "36.1")
"""Where series and images are asked for; every attribute of theirs is there with values, and empty, and absent."""
ITEM = "ScheduledProcedureStepSequence"
NOT_ASKED = ("SpecificCharacterSet",)

Values = frozenset[str]


@dataclass(frozen=True)
class Returned:
    """What came back of one attribute at one level.

    ``valued``: entities with a value, ``distinct``: their different values; of them ``whole``, ``part``, ``other``,
    ``no``. ``without``: entities whose value is absent or empty, ``invented``: those of them that show one.
    """

    model: str
    level: str
    attribute: str
    valued: int = 0
    distinct: int = 0
    whole: int = 0
    part: int = 0
    other: int = 0
    no: int = 0
    without: int = 0
    invented: int = 0
    refused: str = ""

    @property
    def shows(self) -> bool:
        """Tell if every entity with a value shows it whole, at least two of them, with different values."""
        return not self.refused and self.distinct >= 2 and self.whole == self.valued

    @property
    def absent_means_absent(self) -> bool:
        """Tell if a row without the attribute was always of an entity without a value, and the reverse."""
        return self.shows and not self.invented


# --- what is stored ---------------------------------------------------------------------------------------------------


def _spelled(value: object, vr: str) -> str:
    text = str(value).strip(" \0")
    try:
        # A number is what it means (PS3.5 6.2), not how it is written.
        return str(float(text)) if text and vr in ("IS", "DS") else text
    except ValueError:
        return text


def _values(data: Dataset, path: tuple[str, ...]) -> Values:
    if len(path) > 1:
        return frozenset(v for item in data.get(path[0]) or () for v in _values(item, path[1:]))
    if path[0] not in data or data[path[0]].VR == "SQ":
        return frozenset()
    element = data[path[0]]
    many = element.value if isinstance(element.value, MultiValue | list) else [element.value]
    return frozenset(s for v in many if v is not None and (s := _spelled(v, element.VR)))


def _attributes(data: Dataset) -> Iterator[tuple[str, ...]]:
    for element in data:
        if element.VR == "SQ":
            yield from ((element.keyword, *rest) for item in element.value for rest in _attributes(item))
        elif element.keyword and element.keyword not in NOT_ASKED:
            yield (element.keyword,)


@cache
def attributes(model: str) -> tuple[tuple[str, ...], ...]:
    """Return every attribute of the archive that has a keyword; nested ones only of worklist items."""
    found = worklist_items() if model == "modality-worklist" else instances()
    every = {path for data in found for path in _attributes(data)}
    return tuple(sorted(p for p in every if model == "modality-worklist" or len(p) == 1))


@cache
def _stored(model: str, level: str) -> Mapping[str, tuple[Dataset, ...]]:
    """Return the instances of each entity, by its unique key; a worklist item is what its file holds."""
    # Two patients with one ID are one to every server (docs/lab.md): it shows one of them.
    groups: dict[str, list[Dataset]] = {}
    key = "StudyInstanceUID" if model == "modality-worklist" else level_keys(model, level)[0]
    for data in worklist_items() if model == "modality-worklist" else instances():
        groups.setdefault(str(data.get(key, "")).strip(), []).append(data)
    if level == "patient":
        groups = {k: g for k, g in groups.items() if len({str(d.get("IssuerOfPatientID", "")) for d in g}) == 1}
    return {k: tuple(g) for k, g in groups.items()}


# --- what comes back --------------------------------------------------------------------------------------------------


def _key(keyword: str, value: str, kind: str = "single", level: str = "", parent: bool = False) -> KeyAt:
    attribute = standard.attribute_by_keyword(keyword)
    assert attribute is not None
    return KeyAt((attribute,), None, level, Sent(value, kind, attribute.vr), parent=parent)


def _path(names: tuple[str, ...]) -> KeyAt:
    path = tuple(a for n in names if (a := standard.attribute_by_keyword(n)))
    assert len(path) == len(names)
    return KeyAt(path, None, "", Sent("", "universal", path[-1].vr))


def _scopes(door: Door, model: str, level: str) -> list[tuple[KeyAt, ...]]:
    """Return the unique keys of upper levels beside which to ask: none, or those of a few entities."""
    if level in ("patient", "worklist-item") or door.server.startswith("orthanc"):
        return [()]
    if level == "study" and model == "study-root":
        return [()]
    scopes = []
    for name in SERIES if level == "image" else map(str, STUDIES):
        study, _, serial = name.partition(".")
        uid = study_uid(int(study))
        values = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.{serial}"}
        one = next(d for d in instances() if uid == d.StudyInstanceUID)
        values["PatientID"] = str(one.PatientID).strip()
        found = standard.model(model)
        assert found is not None
        at = found.levels.index(level)
        above = zip(found.levels[:at], found.unique_keys[:at], strict=True)
        scopes.append(tuple(_key(k, values[k], level=name, parent=True) for name, k in above))
    return list(dict.fromkeys(scopes))


def _identity(row: Dataset, model: str, level: str) -> str:
    found: Iterable[Identity] = identities(row, model, level)
    return next(iter(found), ("",))[0]


def measure(door: Door, made: Client, every: int = 1) -> list[Returned]:
    """Ask for every attribute at every level of a door, and hold what comes back against what is stored.

    ``every``: of so many attributes only one, another one at each level.
    """
    out: list[Returned] = []
    for model in door.models:
        found = standard.model(model)
        assert found is not None
        for level in found.levels or ("worklist-item",):
            for names in attributes(model)[0 if every == 1 else len(out) % every :: every]:
                out.append(_measured(door, made, model, level, names))
    return out


def _measured(door: Door, made: Client, model: str, level: str, names: tuple[str, ...]) -> Returned:
    back: dict[str, set[str]] = {}
    for scope in _scopes(door, model, level):
        rows, refused = made.rows(model, level, scope, (_path(names),))
        if refused:
            return Returned(model, level, ".".join(names), refused=refused)
        for row in rows:
            back.setdefault(_identity(row, model, level), set()).update(_values(row, names))
    counts: Counter[str] = Counter()
    different = set()
    known = _stored(model, level)
    for identity in back.keys() & known.keys():
        shown = back[identity]
        stored = {v for data in known[identity] for v in _values(data, names)}
        if not stored:
            counts["without"] += 1
            counts["invented"] += bool(shown)
            continue
        different.add(frozenset(stored))
        counts["valued"] += 1
        counts["whole" if shown == stored else "no" if not shown else "part" if shown < stored else "other"] += 1
    return Returned(model, level, ".".join(names), distinct=len(different), **counts)


# --- the tables -------------------------------------------------------------------------------------------------------


def table_of(door: Door) -> Path:
    """Return the path of the truth table of a door."""
    return TRUTH / f"{door.id}.returned.csv"


def write(door: Door, found: Iterable[Returned]) -> None:
    """Write the truth table of a door."""
    with table_of(door).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([f.name for f in fields(Returned)])
        writer.writerows(astuple(one) for one in found)


def read(door: Door) -> list[Returned]:
    """Read the truth table of a door."""
    with table_of(door).open(encoding="utf-8", newline="") as file:
        return [
            Returned(**{k: int(v) if isinstance(getattr(Returned, k, ""), int) else v for k, v in row.items()})
            for row in csv.DictReader(file)
        ]  # fmt: skip


# --- what the profile says --------------------------------------------------------------------------------------------


def asked(door: Door, release: str, chosen: Iterable[Returned]) -> Iterator[tuple[Returned, Place, KeyAt]]:
    """Return the empty key of each attribute measured, as worklint sends it to the door, and the place."""
    site = site_for(door, release)
    groups: dict[tuple[str, str], dict[str, Returned]] = {}
    for one in chosen:
        groups.setdefault((one.model, one.level), {})[one.attribute] = one
    for (model, level), wanted in groups.items():
        at = "" if level == "worklist-item" else f"level {level}"
        text = f'worklist "asked" {{ model {model} {at} show {", ".join(wanted)} where PatientName is not empty }}\n'
        worklist = resolve([parse(Text.of(text, "asked.worklist"))], [], None, {}, TODAY).worklists[0]
        place = place_of(site, site.sources[0], worklist)
        for conjunction in conjunctions(worklist) or ():
            for key in send(place, worklist, conjunction).empties:
                if key.dotted in wanted:
                    yield wanted[key.dotted], place, key


def contradictions(one: Returned, said: str, flagged: bool) -> list[str]:
    """Return what was measured against what the profile says of an attribute; nothing where it is sound.

    That it says less than comes back ("no") loses no row.
    """
    if one.refused:
        return []
    found = []
    if said == "whole" and one.whole < one.valued:
        found.append(f"said whole: {one.part} part, {one.other} other, {one.no} not at all of {one.valued}")
    if said == "part" and (one.other or one.invented):
        found.append(f"said part: {one.other} other, {one.invented} invented")
    if flagged and not one.absent_means_absent:
        found.append("said that absent means absent")
    return found

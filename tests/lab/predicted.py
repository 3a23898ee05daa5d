"""Held-out archives on real servers: what the database, and a probe's profile, say of cases drawn from a seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from worklint.enterprise import parse_address
from worklint.network.ask import Manners
from worklint.network.document import profile_of, text_of
from worklint.network.door import open_door
from worklint.network.probe import probe
from worklint.oracle.matcher import Entity, leaves, values_of, ways_up
from worklint.project import read_project
from worklint.report.types import FilterRow
from worklint.run import run
from worklint.sources import Site, site_of

from . import compare
from .archive import write_worklists
from .ask import Answer, Client, Identity, WebClient, client, level_keys, load
from .compare import TODAY, Observation, contradictions, entities_of, precise, query, resolved, seen, site_for
from .heldout import HOMES, Content, Drawn, content, drawn
from .probed import told
from .servers import CALLING, DOORS, KINDS, Door, Kind, Server, running, worklist_folder


def _kind(of: str, name: str, told: Mapping[str, str] | None = None, untold: Mapping[str, str] | None = None) -> Kind:
    one = KINDS[of]
    settings = {**dict(one.settings), **(told or {})}
    return replace(one, id=name, settings=tuple(settings.items()), untold=tuple((untold or {}).items()))


VARIANTS: Mapping[str, Kind] = {
    kind.id: kind
    for kind in (
        *KINDS.values(),
        _kind("orthanc", "orthanc-answers", {"StorageAccessOnFind": "Answers"}),
        _kind("orthanc", "orthanc-never", {"StorageAccessOnFind": "Never"}),
        _kind("orthanc", "orthanc-case", {"CaseSensitivePN": "true"}),
        _kind("orthanc", "orthanc-limit", {"LimitFindResults": "6", "LimitFindInstances": "4"}),
        _kind("orthanc", "orthanc-utf8", {}, {"DefaultEncoding": "Utf8"}),
        _kind("orthanc", "orthanc-ascii", {}, {"DefaultEncoding": "Ascii"}),
        _kind("orthanc", "orthanc-few", {"StorageAccessOnFind": "Answers", "CaseSensitivePN": "true",
                                         "LimitFindResults": "9", "Worklists.LimitAnswers": "5"}),
        _kind("orthanc", "orthanc-aet", {"Worklists.FilterIssuerAet": "true", "LimitFindInstances": "7"}),
        _kind("dcmqrscp", "dcmqrscp-check", {"--check-find": "true"}),
        _kind("wlmscpfs", "wlmscpfs-nofail", {"--no-fail": "true"}),
        _kind("wlmscpfs", "wlmscpfs-all", {"--disable-file-reject": "true"}),
        _kind("wlmscpfs", "wlmscpfs-both", {"--no-fail": "true", "--disable-file-reject": "true"}),
        _kind("wlmscpfs", "wlmscpfs-plain", {}, {"--no-sq-expansion": "true", "--return-no-char-set": "true"}),
        _kind("wlmscpfs", "wlmscpfs-latin", {}, {"--return-iso-ir-100": "true", "--single-process": "true"}),
    )
}  # fmt: skip


def doors_of(kind: Kind) -> tuple[Door, ...]:
    """Return the doors of a server, or of the one that it is a variant of."""
    like = kind.id if kind.id in KINDS else next(k for k in KINDS if kind.id.startswith(k))
    web = {"dicomweb": "-web"}
    return tuple(
        replace(d, id=kind.id + web.get(d.transport, ""), server=kind.id) for d in DOORS.values() if d.server == like
    )


@contextmanager
def holding(kind: Kind, found: Content | None) -> Iterator[tuple[Server, Sequence[Dataset]]]:
    """Start a server with a drawn archive in it, or that of the lab; yield the images that it took."""
    with running(kind) as server:
        models = {m for d in doors_of(kind) for m in d.models}
        if "modality-worklist" in models:
            write_worklists(worklist_folder(server), found.items if found else None)
        taken: Sequence[Dataset] = ()
        if models != {"modality-worklist"}:
            taken = load(server, found.instances if found else None, every=found is None)
        yield server, taken


LIMITS = Manners(per_second=5000, timeout=10)
"""What a probe may do at a server of the lab."""


def measured(server: Server, door: Door, manners: Manners = LIMITS, told: list[str] | None = None) -> dict[str, Any]:
    """Return the profile that a probe of a door writes."""
    at = f"{server.web}" if door.transport == "dicomweb" else f"{server.address}?calling={CALLING}"
    record = probe(open_door(parse_address(at), manners.timeout, {}), manners, door.models, "20261124", lambda t: None)
    if told is not None:
        told.append(f"{record.queries} queries{'; ended: ' + record.ended if record.ended else ''}")
    return json.loads(text_of(profile_of(record, TODAY.isoformat())))  # type: ignore[no-any-return]


def site_with(profile: Mapping[str, Any], door: Door, folder: Path) -> Site:
    """Return an enterprise of one source that has a profile of its own."""
    path = folder / f"{door.id}.json"
    path.write_text(json.dumps(profile), encoding="utf-8")
    return site_of(
        read_project(f"sources:\n  lab: {{profile: {path.name}, transport: {door.transport}{told(profile)}}}\n", folder)
    )


def said_by(site: Site, cases: Sequence[Drawn]) -> Mapping[str, FilterRow]:
    """Return the verdict of each case, as written."""
    report = run([compare.text_of(cases)], site, TODAY)
    return {f.worklist.partition("#")[2]: f for f in report.filters}


@dataclass(frozen=True)
class Seen:
    """One case and what came of it: the observation, and rows that were added or missed, for people who doubt it."""

    case: Drawn
    observation: Observation
    rows: tuple[str, ...]


def asked(door: Door, made: Client, cases: Sequence[Drawn], stored: Sequence[Dataset], found: Content) -> list[Seen]:
    """Ask all cases at a door, and hold what comes back against what is true."""
    site = site_for(_like(door), "")
    universe: dict[tuple[str, str], frozenset[Identity]] = {}
    worklists, out = resolved(cases), []
    known_at: dict[tuple[str, str], Mapping[Identity, Entity]] = {}
    for case in cases:
        where = (case.model, case.level)
        if where not in universe:
            clear = _clear(stored) if case.model == "patient-root" else stored
            known_at[where] = entities_of(clear, found.items, *where)
            universe[where] = _shown(made, known_at[where], *where)
        known, worklist = known_at[where], worklists[case.id]
        answer = query(site, worklist, made)
        answer = Answer(answer.rows, _known(answer.identities, known), answer.refused)
        here = {i: known[i] for i in universe[where]}
        one, added, missed = seen(case, worklist, answer, here, known)
        paths = list(dict.fromkeys(t.constraint.path for t in leaves(worklist.filter) if t.constraint.path))
        rows = [f"added  {_told(known[i], paths)}" for i in sorted(added)[:2]]
        rows += [f"missed {_told(known[i], paths)}" for i in sorted(missed)[:2]]
        out.append(Seen(case, one, tuple(rows)))
    return out


def _clear(stored: Sequence[Dataset]) -> list[Dataset]:
    """Leave out patients of whom one study says something else than another: a source shows either, or both."""
    said: dict[str, set[str]] = {}
    for data in stored:
        part = [str(data.get(k, "absent")) for k in HOMES["patient"]]
        said.setdefault(str(data.get("PatientID") or "").strip(), set()).add("|".join(part))
    return [d for d in stored if len(said[str(d.get("PatientID") or "").strip()]) == 1]


def _like(door: Door) -> Door:
    """The door whose transport and models are the same, for what a plain client sends there."""
    return next(d for d in DOORS.values() if door.id.startswith(d.server) and d.transport == door.transport)


def _known(found: frozenset[Identity], known: Mapping[Identity, Entity]) -> frozenset[Identity]:
    """Leave out what is no entity by itself: a patient without ID. Padding of UIDs and IDs is none."""
    names = {k[0] for k in known} if known and len(next(iter(known))) == 2 else None
    return frozenset(i for i in found if (i in known if names is None else i[0] in names and i[0]))


def _shown(made: Client, known: Mapping[Identity, Entity], model: str, level: str) -> frozenset[Identity]:
    """Return what the source shows to an unconstrained query, walking down from the highest level."""
    from worklint.judge.place import KeyAt
    from worklint.judge.value import Sent
    from worklint.knowledge import standard

    found = standard.model(model)
    assert found is not None
    position = found.levels.index(level)
    if isinstance(made, WebClient) or position == 0:
        came = _known(made.ask(model, level, ()).identities, known)
        return frozenset(i for i in known if i in came or (len(i) == 2 and i[0] and i[0] in {c[0] for c in came}))
    out: set[Identity] = set()
    ways = {
        tuple(_unique_of(e, level_keys(model, at)[0], at) for at in found.levels[:position]) for e in known.values()
    }
    for way in sorted(ways):
        if not all(way) or any(c in "*?\\" for w in way for c in w):
            continue
        keys = []
        for at, keyword, value in zip(found.levels, found.unique_keys, way, strict=False):
            attribute = standard.attribute_by_keyword(keyword)
            assert attribute is not None
            keys.append(KeyAt((attribute,), None, at, Sent(value, "single", attribute.vr), parent=True))
        out |= _known(made.ask(model, level, keys).identities, known)
    return frozenset(out)


def _unique_of(entity: Entity, keyword: str, level: str) -> str:
    owner = next((e for e in ways_up(entity) if e.level == level), None)
    return str(owner.dataset.get(keyword) or "").strip() if owner else ""


def _told(entity: Entity, paths: Sequence[Any]) -> str:
    parts = []
    for path in paths:
        values: list[str] = []
        for one in (*_all_below(entity), *ways_up(entity)[1:]):
            values += _in(one.dataset, path)
        parts.append(f"{'.'.join(a.keyword or a.tag for a in path)}={values}")
    return "; ".join(parts)


def _in(dataset: Dataset, path: Sequence[Any]) -> list[str]:
    if len(path) == 1:
        return values_of(dataset, path[0])
    found = dataset.get(path[0].keyword) or []
    return [v for item in found for v in _in(item, path[1:])]


def _all_below(entity: Entity) -> Iterator[Entity]:
    yield entity
    for one in entity.below:
        yield from _all_below(one)


@dataclass(frozen=True)
class Score:
    """Figures of one teller at one door."""

    cases: int
    wrong: tuple[tuple[Seen, FilterRow, tuple[str, ...]], ...]
    telling: int
    precise: int
    vague: tuple[tuple[Seen, FilterRow], ...]

    def __add__(self, other: Score) -> Score:
        return Score(self.cases + other.cases, self.wrong + other.wrong, self.telling + other.telling,
                     self.precise + other.precise, self.vague + other.vague)  # fmt: skip


NONE = Score(0, (), 0, 0, ())


def score(said: Mapping[str, FilterRow], found: Sequence[Seen]) -> Score:
    """Hold verdicts against what was seen."""
    wrong, vague, telling, good = [], [], 0, 0
    for one in found:
        row = said.get(one.case.id)
        if row is None:
            continue
        against = contradictions(row, one.observation)
        if against:
            wrong.append((one, row, tuple(against)))
        if one.observation.discriminates or one.observation.refused:
            telling += 1
            good += precise(row, one.observation)
            if not precise(row, one.observation) and not against:
                vague.append((one, row))
    return Score(len(found), tuple(wrong), telling, good, tuple(vague))


def trial(kind: Kind, seed: int, many: int, folder: Path, lab_profiles: Mapping[str, Any],
          manners: Manners | None = LIMITS) -> Iterator[tuple[Door, str, Score, str]]:  # fmt: skip
    """Run the cases of a seed at each door of a server; yield the score of each teller.

    ``shipped``: the database. ``probed``: a probe of this very server within its ``manners`` (``None``: none). ``lab``:
    a probe with the archive of the lab.
    """
    found = content(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with holding(kind, found) as (server, taken):
        for door in doors_of(kind):
            cases = drawn(found, door.models, many)
            with client(server, door.transport) as made:
                answered = asked(door, made, cases, taken, found)
            yield door, "shipped", score(said_by(_shipped(door, kind, server.release), cases), answered), ""
            if manners is not None:
                told: list[str] = []
                site = site_with(measured(server, door, manners, told), door, folder)
                yield door, "probed", score(said_by(site, cases), answered), told[0]
            if door.id in lab_profiles:
                site = site_with(lab_profiles[door.id], door, folder)
                yield door, "lab", score(said_by(site, cases), answered), ""


def _shipped(door: Door, kind: Kind, release: str) -> Site:
    lines = [f"product: {kind.product}@{release}", f"transport: {door.transport}"]
    settings = [f"{n}: {v}" for n, v in (*kind.settings, ("leading-spaces", "true")) if n in _settings(kind.product)]
    if settings:
        lines.append(f"settings: {{{', '.join(settings)}}}")
    return site_of(read_project("sources:\n  lab: {" + ", ".join(lines) + "}\n", Path()))


def _settings(product: str) -> set[str]:
    from worklint.knowledge import products

    whole = products.product(product)
    return {s.name for s in whole.settings} if whole else set()


def lab_profiles(kind: Kind) -> dict[str, Any]:
    """Return, for each door of a server, the profile that a probe writes with the archive of the lab in it."""
    with holding(kind, None) as (server, _):
        return {door.id: measured(server, door) for door in doors_of(kind)}

"""Every row of the evidence holds of the product's profile: the behaviour chosen for the key of the row is the row's.

``tests/evidence/<product>.csv`` holds one fact a row. A row is a case: a key with a representative value of the row's
class, the other keys that the row names, the row's settings, at the first and the last release of its range. What the
profile says is compared before reasons are struck that this one value cannot show; reasons that no value of the VR can
show are left out on both sides. ``DEVIATIONS.csv`` lists, with the reason, the rows that the profile does not follow.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from worklint.judge.behaviour import behaviour_at
from worklint.judge.interact import interact
from worklint.judge.place import KeyAt, Place, attribute_rank
from worklint.judge.value import Sent, can_trigger, in_class
from worklint.knowledge import products, standard
from worklint.knowledge.profile import VALUE_CLASSES, Behaviour, Profile
from worklint.model import Attribute, Evidence

FOLDER = Path(__file__).parent / "evidence"
PRODUCTS = sorted(p.stem for p in FOLDER.glob("*.csv") if p.stem.islower())
KEY = ("transport", "model", "level", "attribute", "kind")
PARTS = ("transport", "model", "level", "attribute", "kind", "value", "with", "setting", "releases", "does")

# Values to try for a key, by kind and VR; the first that is of the row's class, and of no class of a sibling, is taken.
SINGLE = {
    "DA": ("20240115", "2024-01-15", "2024"),
    "TM": ("101500", "10", "1015", "xx"),
    "DT": ("20240115101500", "xx"),
    "UI": ("1.2.3", "1.2.x"),
    "IS": ("7", "x"),
    "DS": ("7.5", "x"),
    "US": ("7",),
    "AS": ("045Y", "old"),
    "PN": ("Meyer^Ann", "MEYER^ANN", "Meyer", "Müller^Ann", "Meyer^Ann^^Dr", 'Mey"er^A', "Mey_er^A", "(Meyer)^A",
           " M^A", "A-B^C", "A^B^C^D^E^F"),
    "": ("Chest", "CHEST", "Brüst", "7", "x_y", "(x)", 'x"y', "x y", "x-y", " x"),
}  # fmt: skip
PATTERN = {
    "PN": ("M*yer^?", "Mey*", "M?y", "Mey*r", "MEY*", "Mü*", "Mey_*", "(Mey*", "Mey*^A^^Dr", "*"),
    "UI": ("1.2.*", "1.2*3", "*"),
    "DA": ("202401*", "2024*15", "*"),
    "TM": ("10*", "1*00", "*"),
    "IS": ("7*", "1?", "*"),
    "": ("C*est?", "Ch*", "C?t", "Ch*t", "CH*", "Ü*", "x_*", "(x*", "*"),
}  # fmt: skip
RANGES = {
    "DA": ("20240101-20240131", "20240101-", "-20240131", "20240131-20240101", "2024-2025", "20240115-20240115"),
    "TM": ("090000-110000", "090000-", "-110000", "110000-090000", "09-11", "0900-1100", "090000.000000-110000.000000"),
    "IS": ("1-7",),
    "DS": ("1-7",),
    "DT": ("20240101000000-20240131000000", "20240101000000-", "-20240131000000"),
    "": ("A-B",),
}  # fmt: skip

# Who stands for a class of attributes: those that no other row of the product names. What is
# peculiar to times, numbers and several stored values is the matter of rows that name an attribute.
POOL = [
    "PatientName", "PatientID", "PatientBirthDate",
    "EthnicGroup", "PatientComments", "MilitaryRank", "CountryOfResidence",
    "IssuerOfPatientID", "StudyDate", "AccessionNumber",
    "StudyDescription",
    "AdditionalPatientHistory", "RequestingPhysician",
    "Laterality", "SeriesDescription",
    "PatientPosition", "SeriesDate",
    "ContentDate",
    "ImageComments",
    "AcquisitionNumber", "PatientState", "SpecialNeeds",
    "PregnancyStatus", "ReasonForTheRequestedProcedure",
    "PatientTransportArrangements", "ScheduledProcedureStepSequence.PreMedication",
    "ScheduledProcedureStepSequence.ScheduledProcedureStepModificationDateTime",
]  # fmt: skip
SEQUENCES = {
    "study": "ProcedureCodeSequence.CodeValue", "series": "RequestAttributesSequence.RequestedProcedureID",
    "image": "SourceImageSequence.ReferencedSOPInstanceUID", "patient": "OtherPatientIDsSequence.PatientID",
    "worklist-item": "RequestedProcedureCodeSequence.CodeValue", "workitem": "ScheduledWorkitemCodeSequence.CodeValue",
}  # fmt: skip
PRIVATE = Attribute("", "0029xx10", "LO", "1", "", False, "ACME 1.0")
UNKNOWN = Attribute("", "00189998", "UN", "1")


@dataclass(frozen=True)
class Expected:
    does: str
    adds: frozenset[str]
    misses: frozenset[str]


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def stand_ins(product: str) -> dict[str, str]:
    """Return which key stands for a class of "other keys" of a query (``with``)."""
    return {r["class"]: r["key"] for r in table("WITH") if r["product"] == product}


def path_of(attribute: str) -> tuple[Attribute, ...]:
    if attribute == "*private":
        return (PRIVATE,)
    if attribute == "*unknown":
        return (UNKNOWN,)
    found = tuple(standard.attribute_by_keyword(k) for k in attribute.split("."))
    assert all(found), f"no keyword: {attribute}"
    return found  # type: ignore[return-value]


def key_at(attribute: str, model: str, level: str, sent: Sent) -> KeyAt:
    path = path_of(attribute)
    known = standard.model(model)
    assert known is not None
    levels = known.levels
    lives = standard.levels_of(path[0].keyword, model) if path[0].keyword else ()
    upper = [known.unique_key(name) for name in levels[: levels.index(level)]]
    at = levels.index(level)
    lower = bool(lives) and level not in lives and all(levels.index(x) > at for x in lives)
    higher = bool(lives) and level not in lives and not lower
    keyword = path[0].keyword if len(path) == 1 else ""
    return KeyAt(
        path, None, level, replace(sent, vr=path[-1].vr, vm=path[-1].vm), lower, higher,
        unique=keyword == known.unique_key(level), parent=keyword in upper and keyword != "",
    )  # fmt: skip


def candidates(kind: str, vr: str) -> Iterator[Sent]:
    vr = vr.split(" ")[0]
    if kind == "universal":
        yield from (Sent("", kind, vr), Sent("*", kind, vr))
    elif kind in ("empty", "sequence"):
        yield Sent("", kind, vr)
    elif kind in ("range", "datetime"):
        for text in RANGES.get(vr, RANGES[""]):
            low, _, high = text.partition("-")
            yield Sent(text, kind, vr, low=low, high=high)
        yield Sent("x-y", kind, vr, low="x", high="y", legal=False)
    else:
        values = PATTERN.get(vr, PATTERN[""]) if kind == "wildcard" else SINGLE.get(vr, SINGLE[""])
        if kind in ("multiple", "list-of-uid"):
            yield Sent(f"{values[0]}\\{values[0]}1", kind, vr, count=2)
            yield Sent(f"{values[0]}\\C*", kind, vr, count=2)
            yield Sent("CHEST\\HEAD", kind, vr, count=2)
            yield Sent("2024-01\\2024-02", kind, vr, count=2)
            yield Sent("\\".join(f"x{i}" for i in range(200)), kind, vr, count=200)
        else:
            legal_values = [standard.legal_value(vr, v, kind == "wildcard") is None for v in values]
            for text, legal in zip(values, legal_values, strict=True):
                yield Sent(text, kind, vr, legal=legal)


@cache
def classes_named(product: str) -> dict[tuple[str, ...], set[str]]:
    """Return the value classes that the rows of each key name."""
    found: dict[tuple[str, ...], set[str]] = {}
    for row in table(product):
        if row["value"] in VALUE_CLASSES:
            found.setdefault(tuple(row[c] for c in KEY), set()).add(row["value"])
    return found


def values_for(product: str, row: dict[str, str], kind: str, vr: str) -> list[Sent]:
    """Return the value that stands for the row: of its class, of no class of a sibling, legal if possible."""
    key, named = tuple(row[c] for c in KEY[:-1]), classes_named(product)
    others = (named.get((*key, kind), set()) | named.get((*key, ""), set())) - {row["value"]}
    if row["value"].startswith("="):
        return [Sent(row["value"][1:], kind, vr)]
    if row["value"] and row["value"] not in VALUE_CLASSES:
        return []
    for sent in sorted(candidates(kind, vr), key=lambda s: not s.legal):
        if row["value"] and not in_class(row["value"], sent):
            continue
        if any(in_class(o, sent) for o in others):
            continue
        return [sent]
    return []


def representatives(product: str, row: dict[str, str], model: str, level: str) -> list[str]:
    """Return the attributes that stand for a class: unnamed by the file, or those that ``WITH.csv`` names for it."""
    name, rows = row["attribute"], table(product)
    if not name.startswith("*"):
        return [name]
    if name in ("*private", "*unknown"):
        return [name]
    if name == "*sequence":
        return [SEQUENCES[level].split(".")[0] if row["kind"] in ("universal", "sequence") else SEQUENCES[level]]
    named = {r["attribute"] for r in rows if r["transport"] == row["transport"]}
    wanted = {"*lower": (True, False), "*higher": (False, True), "*": (False, False)}[name]
    blank = Sent("", "single", "")
    found = []
    known_keys = stand_ins(product).get(name, "").split()
    for keyword in known_keys or POOL:
        if keyword in named and not known_keys:
            continue
        lives = standard.levels_of(keyword.split(".")[0], model)
        if not lives:
            continue
        key = key_at(keyword, model, level, blank)
        if (key.lower, key.higher) == wanted and not key.parent and not key.unique:
            found.append(keyword)
    return found


def kinds_for(product: str, row: dict[str, str], vr: str) -> list[str]:
    rows = table(product)
    if row["kind"]:
        return [row["kind"]]
    taken = {r["kind"] for r in rows if r["attribute"] == row["attribute"] and r["model"] == row["model"]}
    if row["attribute"].startswith("*") and row["attribute"] in stand_ins(product):
        return ["single"]
    kinds = ["single", "wildcard"] if vr in standard.text_vrs() else ["single"]
    return [k for k in kinds if k not in taken] or kinds[:1]


def others_of(row: dict[str, str], product: str, model: str, level: str) -> tuple[list[KeyAt], list[KeyAt]]:
    """Return the other keys of the query and its empty keys."""
    keys: list[KeyAt] = []
    empties: list[KeyAt] = []
    known = standard.model(model)
    assert known is not None
    single = {vr: next(candidates("single", vr)) for vr in ("DA", "TM", "UI", "IS", "PN", "")}
    names = []
    for word in row["with"].split():
        if word.startswith("!"):
            continue
        if word == "empty-modality-key":
            empties.append(key_at("Modality", model, level, Sent("", "universal", "CS")))
        elif word == "parent-uid":
            names += [known.unique_key(x) or "" for x in known.levels[: known.levels.index(level)]]
        elif word == "unique-key":
            names.append(known.unique_key(level) or "")
        elif word[0].islower():
            names.append(stand_ins(product)[word])
        else:
            names.append(word)
    if row["transport"] == "dimse" and "parent-uid" not in row["with"]:
        names += [known.unique_key(x) or "" for x in known.levels[: known.levels.index(level)]]
    for name in dict.fromkeys(n for n in names if f"!{n}" not in row["with"].split()):
        vr = path_of(name)[-1].vr
        sent = single.get(vr, single[""])
        if "datetime" in row["kind"] or "range" in row["kind"]:
            sent = next(candidates("range", vr)) if vr in ("DA", "TM") else sent
        keys.append(key_at(name, model, level, sent))
    return keys, empties


def releases_for(row: dict[str, str], profile: Profile) -> list[str]:
    fits = [r for r in profile.releases if products.in_ranges(r, tuple(row["releases"].split()), profile.releases)]
    return list(dict.fromkeys([fits[0], fits[-1]])) if fits else []


def settings_for(row: dict[str, str]) -> list[tuple[tuple[str, str], ...]]:
    """Return the settings of the row, one tuple for each combination of the values that it names (``A|B``)."""
    pairs = [pair.split("=", 1) for pair in row["setting"].split(";") if pair]
    return [
        tuple(zip((name for name, _ in pairs), values, strict=True))
        for values in itertools.product(*(v.split("|") for _, v in pairs))
    ]


def said(place: Place, key: KeyAt, keys: list[KeyAt], empties: list[KeyAt]) -> Behaviour:
    """Return what the profile says of the key among the others, with the effects on the query that it brings about."""
    query = [key, *(k for k in keys if k.dotted != key.dotted)]
    alone = [behaviour_at(place, k) for k in query]
    together, effects, _ = interact(place, key.level, query, alone, empties)
    found = together[0]
    for effect in effects:
        if 0 in effect.keys:
            more = effect.behaviour
            does = found.does if more.does == "applied" else more.does
            found = replace(found, does=does, adds=found.adds | more.adds, misses=found.misses | more.misses)
    return found


def showable(reasons: frozenset[str], sent: Sent) -> frozenset[str]:
    """Leave out what no value of this VR can show."""
    rich = replace(sent, text="Ä*b")
    richest = (sent, rich, replace(rich, kind="range"))
    return frozenset(r for r in reasons if any(can_trigger(r, s) for s in richest))


def compare(row: dict[str, str], expected: Expected, found: Behaviour, sent: Sent) -> str | None:
    got = Expected(found.does, found.adds, found.misses)
    if found.one_of:
        return f"several possibilities: {[(b.does, sorted(b.adds), sorted(b.misses)) for b in found.one_of]}"
    if got.does != expected.does:
        return f"does {got.does}"
    if got.does == "applied":
        for name, have, want in (("adds", got.adds, expected.adds), ("misses", got.misses, expected.misses)):
            have, want = showable(have, sent), showable(want, sent)
            if have != want:
                return f"{name} {' '.join(sorted(have)) or 'nothing'}"
    if got.does == "refused":
        return None
    if row["kind"] in ("universal", "empty", "fuzzy", "datetime"):
        return None
    if (row["returned"] == "no") != (found.returned == "no") and row["returned"] not in ("", "unknown"):
        return f"returned {found.returned}"
    return None


def places_for(product: str, row: dict[str, str]) -> Iterator[tuple[Place, str]]:
    """Yield each source and level at which the row is tried."""
    whole = products.product(product)
    assert whole is not None
    for release, settings in itertools.product(releases_for(row, whole), settings_for(row)):
        chosen = products.profile(product, release)
        known = standard.model(row["model"] or "study-root")
        assert chosen is not None and known is not None
        for level in [row["level"]] if row["level"] else known.levels:
            yield Place(product, chosen.profile, row["transport"], known.id, "reading", settings), level


def keys_for(product: str, row: dict[str, str], place: Place, level: str) -> Iterator[KeyAt]:
    """Yield the keys that stand for the row."""
    for name in representatives(product, row, place.model, level):
        vr = path_of(name)[-1].vr
        for kind in kinds_for(product, row, vr):
            for sent in values_for(product, row, kind, vr):
                yield key_at(name, place.model, level, sent)


@cache
def adding_everywhere(product: str) -> tuple[dict[str, str], ...]:
    return tuple(r for r in table(product) if r["does"] == "also")


def with_what_adds_everywhere(product: str, row: dict[str, str], place: Place, sent: Sent) -> Expected:
    """Return what the row says, and what the file says of every key with such a value (``also``)."""
    adds, misses = set(row["adds"].split()), set(row["misses"].split())
    for other in adding_everywhere(product):
        if other["transport"] == place.transport:
            at_hand = products.in_ranges(
                place.profile.release, tuple(other["releases"].split()), place.profile.releases
            )
            if at_hand and in_class(other["value"], sent):
                adds |= set(other["adds"].split())
                misses |= set(other["misses"].split())
    return Expected(row["does"], frozenset(adds), frozenset(misses))


def disagreements(product: str, row: dict[str, str]) -> Iterator[str]:
    whole = products.product(product)
    assert whole is not None
    if row["transport"] not in whole.transports:
        yield f"no transport {row['transport']}"
        return
    if not releases_for(row, whole):
        yield "no release of the profile lies in the range of the row"
    for place, level in places_for(product, row):
        tried = 0
        for key in keys_for(product, row, place, level):
            tried += 1
            keys, empties = others_of(row, product, place.model, level)
            expected = with_what_adds_everywhere(product, row, place, key.sent)
            problem = compare(row, expected, said(place, key, keys, empties), key.sent)
            if problem:
                yield f"{place.profile.release} {level} {key.dotted} {key.sent.kind} {key.sent.text!r}: {problem}"
        if not tried and row["level"]:
            yield f"{level}: no key or value stands for the row"


def in_service(product: str, row: dict[str, str]) -> str | None:
    """Return what is missing where the profile's service section should say the row's fact."""
    whole = products.product(product)
    assert whole is not None
    section = row["attribute"]
    cited = evidence_named(product, row["citation"])
    if section == "note":
        return None if whole.notes else "no notes"
    if section == "negotiation":
        return None if whole.negotiation or whole.grants else "no negotiation"
    if section in ("status", "duplicates", "web", "forwards"):
        from worklint.knowledge import data

        texts = data.read_json(f"dicom_dictionaries/products/{product}.json").get("service", {}).get(section, [])
        texts = texts if isinstance(texts, list) else [texts]
        said_there = any(row["citation"] in (t["evidence"], *t["evidence"]) for t in texts)
        return None if said_there else f"service.{section} does not cite {row['citation']}"
    records = {"cap": whole.caps, "hides": whole.hides, "selectors": whole.selectors, "keeping": whole.keeping}.get(
        section
    )
    if records is None:
        records = tuple(i for i in whole.interactions if i.id.startswith(section))
        if not records and any(name == section for name, _ in whole.lifts):
            return None
    for record in records:
        level = record.where.levels
        if cited & set(record.evidence) and (not level or not row["level"] or row["level"] in level):
            return None
    return f"no {section} record with citation {row['citation']}"


def evidence_named(product: str, name: str) -> set[Evidence]:
    from worklint.knowledge import data

    entry = data.read_json(f"dicom_dictionaries/products/{product}.json")["citations"][name]
    return {Evidence(entry["grade"], entry["citation"], entry.get("date"))}


def deviates(product: str, row: dict[str, str]) -> list[str]:
    if row["kind"] == "service":
        missing = in_service(product, row)
        return [missing] if missing else []
    return list(disagreements(product, row))


def listed(product: str, row: dict[str, str]) -> list[int]:
    """Return the lines of ``DEVIATIONS.csv`` that speak of the row; an empty cell speaks of all."""
    return [
        i for i, d in enumerate(table("DEVIATIONS"))
        if d["product"] == product and all(not d[p] or row[p] in d[p].split("|") for p in PARTS)
    ]  # fmt: skip


@pytest.mark.parametrize("product", PRODUCTS)
def test_evidence_holds(product: str) -> None:
    wrong, used = [], set()
    for number, row in enumerate(table(product), 2):
        lines = listed(product, row)
        if row["does"] == "also":
            continue
        problems = deviates(product, row)
        if problems and not lines:
            facts = ",".join(v for k, v in row.items() if k not in ("returned", "grade"))
            wrong.append(f"{product}.csv:{number} {facts}\n    {problems[0]} (of {len(problems)})")
        if problems:
            used.update(lines)
    stale = [i + 2 for i, d in enumerate(table("DEVIATIONS")) if d["product"] == product and i not in used]
    assert not wrong, f"{len(wrong)} rows do not hold:\n" + "\n".join(wrong[:60])
    assert not stale, f"DEVIATIONS.csv lines {stale}: these rows hold now; take the line out"


@pytest.mark.parametrize("product", PRODUCTS)
def test_citations_are_those_of_the_file(product: str) -> None:
    from worklint.knowledge import data

    citations = data.read_json(f"dicom_dictionaries/products/{product}.json")["citations"]
    have = {(name, c["grade"]) for name, c in citations.items()}
    whole = products.product(product)
    assert whole is not None
    wrong = {(r["citation"], r["grade"]) for r in table(product) if r["transport"] in whole.transports} - have
    assert not wrong, "the product file has no citation of that name and grade"


def test_attribute_ranks_are_used() -> None:
    """The stand-ins are what they stand for: a class row is never tested with a key that the file names itself."""
    for product in PRODUCTS:
        whole = products.product(product)
        assert whole is not None
        for name, keyword in stand_ins(product).items():
            if name.startswith("*"):
                continue
            key = key_at(keyword, "study-root", "study", next(candidates("single", "")))
            assert any(attribute_rank(s.where, key, whole) is not None for s in whole.statements), (product, name)

"""Random worlds: small archives in which everything that goes wrong in real ones happens, filters, profiles.

All from one ``random.Random``: a seed is a world. Values are few and close to one another, so that filters hit some
entities and miss their neighbours: letter case, accents, padding, groups of names, times of several precisions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any as Anything

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from worklint.knowledge import standard
from worklint.model import REASONS
from worklint.oracle.matcher import Entity

NAMES = ("SMITH^JOHN", "Smith^John", "SMITH", "SMITH^JOHN^^DR", "MÜLLER^EVA", "MULLER^EVA", "müller^eva",
         "SMITHSON^ANN", "YAMADA^TAROU=山田^太郎", "YAMADA^TAROU", "SMITH^ ", "SMITH JOHN")  # fmt: skip
IDS = ("A1", "a1", " A1", "A1 ", "A12", "0012", "12", "A-1")
TEXTS = ("CHEST PA", "Chest PA", "chest", "CHEST", "THORAX CHEST", "ABDOMEN", "CHEST*", "CH?ST", "100%", "THORAX É",
         "THORAX E", "CHEST  PA", "PA-CHEST", 'CHEST "PA"')  # fmt: skip
DAYS = ("20260101", "20260102", "20260103", "20260131", "20251231")
CLOCKS = ("1030", "103000", "103000.000", "103000.5", "10", "1045", "104500", "235959", "000000")
MOMENTS = ("20260101", "202601021030", "20260102103000", "20260102103000.5", "20260102103000+0100", "20260103")
SMALL = ("1", "01", "2", "10", "3")
REAL = ("1.0", "1", "1.00", "2.5", "10")
BODY = ("CHEST", "Chest", "HEAD", "ABDOMEN", "CHEST2")
KINDS = ("CT", "MR", "SR", "CR", "ct")
STEPS = ("RP1", "rp1", "RP2", "RP10")
STATUS = ("New", "Dictated", "Transcribed", "Approved")
TYPES = ("ORIGINAL", "PRIMARY", "AXIAL", "DERIVED", "SECONDARY")

POOLS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "study": {
        "PatientName": NAMES, "PatientID": IDS, "PatientBirthDate": DAYS, "PatientSex": ("M", "F", "m"),
        "StudyDate": DAYS, "StudyTime": CLOCKS, "AccessionNumber": IDS, "StudyDescription": TEXTS, "StudyID": SMALL,
        "ReferringPhysicianName": NAMES, "StudyInstanceUID": ("1.1", "1.2", "1.3", "1.99"), "ModalitiesInStudy": KINDS,
        "NumberOfStudyRelatedSeries": ("1", "2", "3"), '(0029,xx10 "ACME")': IDS, "StudyStatusID": ("READ", "NEW"),
        "IssuerOfPatientID": IDS, "OtherPatientIDs": IDS,
    },
    "series": {
        "Modality": KINDS, "BodyPartExamined": BODY, "SeriesDescription": TEXTS, "SeriesNumber": SMALL,
        "StationName": IDS, "OperatorsName": NAMES, "SeriesDate": DAYS, "SeriesTime": CLOCKS,
        "SeriesInstanceUID": ("1.1.1", "1.1.2", "1.2.1", "1.9.9"), "Laterality": ("L", "R"),
    },
    "image": {
        "InstanceNumber": SMALL, "ImageType": TYPES, "AcquisitionDateTime": MOMENTS, "SliceThickness": REAL,
        "SOPInstanceUID": ("1.1.1.1", "1.2.1.2", "1.9.9.9"), "ImageComments": TEXTS,
    },
    "item": {"RequestedProcedureID": STEPS, "ScheduledProcedureStepID": STEPS, "AccessionNumber": IDS},
    "step": {
        "Modality": KINDS, "ScheduledStationAETitle": IDS, "ScheduledProcedureStepStartDate": DAYS,
        "ScheduledProcedureStepStartTime": CLOCKS, "ScheduledPerformingPhysicianName": NAMES,
        "ScheduledProcedureStepDescription": TEXTS, "ScheduledProcedureStepStatus": ("SCHEDULED", "ARRIVED", "STARTED"),
    },
    "worklist-item": {
        "PatientName": NAMES, "PatientID": IDS, "AccessionNumber": IDS, "PatientBirthDate": DAYS,
        "RequestedProcedureID": STEPS, "StudyInstanceUID": ("1.1", "1.2"), "RequestedProcedureDescription": TEXTS,
    },
    "patient": {
        "PatientName": NAMES, "PatientID": IDS, "PatientBirthDate": DAYS, "PatientSex": ("M", "F", "m"),
        "IssuerOfPatientID": IDS, "PatientComments": TEXTS,
    },
    "workitem": {
        "PatientName": NAMES, "PatientID": IDS, "PatientBirthDate": DAYS, "SOPInstanceUID": ("1.1", "1.2", "1.9"),
        "ProcedureStepState": ("SCHEDULED", "IN PROGRESS", "COMPLETED"), "ProcedureStepLabel": TEXTS,
        "WorklistLabel": TEXTS, "ScheduledProcedureStepStartDateTime": MOMENTS,
        "ScheduledProcedureStepPriority": ("HIGH", "MEDIUM", "LOW"), "AdmissionID": IDS,
    },
}  # fmt: skip
LABELS = {"Study status": STATUS}
_SEVERAL = {"OperatorsName", "ImageType", "OtherPatientIDs", "ScheduledStationAETitle"}
_DERIVED = {"ModalitiesInStudy", "NumberOfStudyRelatedSeries"}
_UIDS = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"}


# --- archives ---------------------------------------------------------------------------------------------------------


def _fill(rng: Random, pool: Mapping[str, tuple[str, ...]]) -> Dataset:
    dataset = Dataset()
    for keyword, values in pool.items():
        fate = rng.random()
        if keyword in _DERIVED or keyword in _UIDS or fate < 0.12:
            continue
        value: Anything = rng.choice(values)
        if keyword in _SEVERAL:
            value = rng.sample(values, rng.randint(1, 3))
        if fate < 0.22:
            value = ""
        if keyword.startswith("("):
            dataset.add(DataElement(0x00290010, "LO", "ACME"))
            dataset.add(DataElement(0x00291010, "LO", value, validation_mode=IGNORE))
            continue
        attribute = standard.attribute_by_keyword(keyword)
        assert attribute is not None, keyword
        vr = attribute.vr.split(" ")[0]
        dataset.add(DataElement(Tag(int(attribute.tag, 16)), vr, value, validation_mode=IGNORE))
    return dataset


def archive(rng: Random, studies: int = 5) -> tuple[Entity, ...]:
    """Return studies with their series and instances."""
    return tuple(_study(rng, f"1.{n}") for n in range(1, rng.randint(2, studies) + 1))


def _study(rng: Random, uid: str) -> Entity:
    dataset = _fill(rng, POOLS["study"])
    dataset.StudyInstanceUID = uid
    series = tuple(_series(rng, f"{uid}.{n}") for n in range(1, rng.randint(1, 3) + 1))
    labels = tuple(
        (name.casefold(), (rng.choice(values),) if rng.random() < 0.85 else ()) for name, values in LABELS.items()
    )
    return Entity("study", dataset, series, None, labels)


def _series(rng: Random, uid: str) -> Entity:
    dataset = _fill(rng, POOLS["series"])
    dataset.SeriesInstanceUID = uid
    if rng.random() < 0.7:
        items = [_fill(rng, POOLS["item"]) for _ in range(rng.randint(0, 2))]
        dataset.RequestAttributesSequence = Items(items)
    images = []
    for n in range(1, rng.randint(1, 2) + 1):
        image = _fill(rng, POOLS["image"])
        image.SOPInstanceUID = f"{uid}.{n}"
        images.append(Entity("image", image))
    return Entity("series", dataset, tuple(images))


def schedule(rng: Random, steps: int = 6) -> tuple[Entity, ...]:
    """Return scheduled steps, each one item with its order and patient (PS3.4 K.6)."""
    out = []
    for n in range(1, rng.randint(2, steps) + 1):
        dataset = _fill(rng, POOLS["worklist-item"])
        dataset.StudyInstanceUID = f"1.{n}"
        dataset.ScheduledProcedureStepSequence = Items([_fill(rng, POOLS["step"])])
        out.append(Entity("worklist-item", dataset))
    return tuple(out)


def patients(rng: Random, most: int = 3) -> tuple[Entity, ...]:
    """Return patients with their studies; what describes the patient stands there alone (PS3.4 C.6.1)."""
    out = []
    for n, patient_id in enumerate(rng.sample(("A1", "a1", "A12", "0012", "12", "A-1"), rng.randint(2, most)), 1):
        dataset = _fill(rng, POOLS["patient"])
        dataset.PatientID = patient_id
        studies = []
        for m in range(1, rng.randint(1, 2) + 1):
            study = _study(rng, f"1.{n}{m}")
            for keyword in (*POOLS["patient"], "OtherPatientIDs"):
                if keyword in study.dataset:
                    delattr(study.dataset, keyword)
            studies.append(study)
        out.append(Entity("patient", dataset, tuple(studies)))
    return tuple(out)


def workitems(rng: Random, most: int = 6) -> tuple[Entity, ...]:
    """Return unified procedure steps (PS3.4 CC)."""
    out = []
    for n in range(1, rng.randint(2, most) + 1):
        dataset = _fill(rng, POOLS["workitem"])
        dataset.SOPInstanceUID = f"1.{n}"
        out.append(Entity("workitem", dataset))
    return tuple(out)


def names_at(level: str) -> list[str]:
    """Return the attributes of which profiles speak where filters ask at a level, dotted inside sequences."""
    pools = {"worklist-item": ("worklist-item",), "workitem": ("workitem",)}
    above = ("patient",) if level == "patient" else ()
    found = pools.get(level, (*above, "study", "series", "image"))
    names = [n for pool in found for n in POOLS[pool] if not n.startswith("(")]
    if level == "worklist-item":
        names += [f"ScheduledProcedureStepSequence.{n}" for n in POOLS["step"]]
    return names


# --- filters ----------------------------------------------------------------------------------------------------------


class Filters:
    """Writes random conditions in the language, so that a failure can be read."""

    def __init__(
        self, rng: Random, level: str = "study", labels: bool = False, parameters: bool = False,
        near: tuple[str, ...] = (), calm: bool = False, wide: bool = False, zone: str | None = None,
    ) -> None:  # fmt: skip
        """``wide``: relative dates, sounds and quotes as well; ``zone``: the time zone of the list."""
        self.rng, self.level, self.labels, self.parameters = rng, level, labels, parameters
        self.near, self.calm, self.wide, self.zone = near, calm, wide, zone
        self.filters: list[str] = []

    def worklist(self, model: str = "study-root") -> str:
        """Return the text of a file: one worklist, and the filters that it uses."""
        where = self.condition(self.rng.choice((0, 0, 1, 1) if self.calm else (0, 1, 1, 2, 2, 3)))
        lines = [*self.filters, 'worklist "W" {']
        if model != "study-root":
            lines.append(f"    model {model}")
        if self.level not in ("study", "worklist-item", "workitem"):
            lines.append(f"    level {self.level}")
        if self.zone:
            lines.append(f'    timezone "{self.zone}"')
        if self.rng.random() < (0.08 if self.calm else 0.25) and self.level in POOLS:
            names = [n for n in POOLS[self.level] if not n.startswith("(")]
            lines.append(f"    show {', '.join(self.rng.sample(names, 2))}")
        return "\n".join([*lines, f"    where {where}", "}"]) + "\n"

    def condition(self, depth: int, level: str | None = None, item: bool = False) -> str:
        """Return one condition."""
        rng, level = self.rng, level or self.level
        if depth == 0:
            return self.test(level)
        form = rng.random()
        if form < 0.45:
            joiner = rng.choice((" and ", " and ", " or "))
            return joiner.join(self._part(depth, level, item) for _ in range(rng.choice((2, 2, 3))))
        if form < 0.6:
            return f"not ({self.condition(depth - 1, level, item)})"
        if form < 0.7 and level in ("study", "patient") and not item:
            below = "study" if level == "patient" else "series"
            return f"{below} has ({self.condition(depth - 1, below)})"
        if form < 0.75 and level in ("study", "series") and not item:
            return f"image has ({self.condition(depth - 1, 'image')})"
        if form < 0.8 and level in ("study", "series") and not item:
            return f"RequestAttributesSequence has ({self.condition(depth - 1, 'item', True)})"
        if form < 0.9 and level == "worklist-item":
            return f"ScheduledProcedureStepSequence has ({self.condition(depth - 1, 'step', True)})"
        if form < 0.86 and not item and level == self.level:
            name = f"f{len(self.filters) + 1}"
            # Its place first: a filter inside may take the next number.
            self.filters.append("")
            self.filters[int(name[1:]) - 1] = f"filter {name} {{ {self.condition(depth - 1, level)} }}"
            return name
        return self.test(level)

    def _part(self, depth: int, level: str, item: bool) -> str:
        text = self.condition(depth - 1, level, item)
        # Without parentheses it means something else, which is as good.
        bare = self.wide and self.rng.random() < 0.3
        return f"({text})" if not bare and (" or " in text or " and " in text) else text

    def test(self, level: str) -> str:
        """Return one comparison."""
        rng = self.rng
        if self.labels and level in ("study", "series") and rng.random() < 0.4 + 0.3 * ("Study status" in self.near):
            name = rng.choice(list(LABELS))
            return self._texts(f'"{name}"', LABELS[name], "CS")
        if level == "patient" and rng.random() < 0.4:
            level = "study"
        if level == "study" and rng.random() < 0.3:
            level = rng.choice(("series", "series", "image"))
        elif level == "image" and rng.random() < 0.25:
            level = rng.choice(("study", "series"))
        elif level == "series" and rng.random() < 0.2:
            level = rng.choice(("study", "image"))
        prefix = ""
        if level == "worklist-item" and rng.random() < 0.5:
            level, prefix = "step", "ScheduledProcedureStepSequence."
        elif level == "series" and rng.random() < 0.1:
            level, prefix = "item", "RequestAttributesSequence."
        keyword = rng.choice(list(POOLS[level]))
        if rng.random() < 0.6:
            # What the profile speaks of is what the test is about.
            keyword = rng.choice([k for k in self.near if k in POOLS[level]] or [keyword])
        values, name = POOLS[level][keyword], prefix + keyword
        attribute = standard.attribute_by_keyword(keyword)
        vr = attribute.vr.split(" ")[0] if attribute else "LO"
        if vr in ("DA", "TM", "DT"):
            return self._moments(name, keyword, values, vr)
        if vr in ("IS", "DS"):
            return self._numbers(name, values)
        if vr == "UI":
            return self._listed(name, values)
        if keyword in (*_SEVERAL, "ModalitiesInStudy") and rng.random() < 0.2:
            return f"{name} has all ({self._list(values)})"
        return self._texts(name, values, vr)

    def _quoted(self, value: str) -> str:
        return '"' + value.replace('"', '\\"') + '"'

    def _list(self, values: tuple[str, ...]) -> str:
        return ", ".join(self._quoted(v) for v in self.rng.sample(values, min(len(values), self.rng.choice((2, 2, 3)))))

    def _listed(self, name: str, values: tuple[str, ...]) -> str:
        rng = self.rng
        if rng.random() < 0.5:
            return f"{name} {rng.choice(('=', '=', '!='))} {self._quoted(rng.choice(values))}"
        return f"{name} {rng.choice(('in', 'in', 'not in'))} ({self._list(values)})"

    def _texts(self, name: str, values: tuple[str, ...], vr: str) -> str:
        rng, ignoring = self.rng, ""
        if self.wide and vr == "PN" and rng.random() < 0.08:
            return f"{name} sounds like {self._quoted(rng.choice(values))}"
        if self.parameters and vr == "PN" and rng.random() < 0.5:
            return rng.choice((f"{name} = $user", f"{name} starts with $user", f"not {name} = $user"))
        if rng.random() < 0.25:
            ignoring = rng.choice((" ignoring case", " ignoring accents", " ignoring case accents"))
        form = rng.random()
        if form < 0.5:
            return self._listed(name, values) + ignoring
        if form < 0.6:
            return f"{name} is {rng.choice(('', 'not '))}empty"
        value = rng.choice(values)
        if form < 0.8:
            part = value[: rng.randint(1, len(value))] if rng.random() < 0.7 else value[rng.randrange(len(value)) :]
            word = rng.choice(("contains", "starts with", "ends with"))
            return f"{name} {word} {self._quoted(part.strip() or value)}{ignoring}"
        at = rng.randrange(len(value))
        pattern = rng.choice((
            value[:at] + "*", "*" + value[at:], value[:at] + "?" + value[at + 1 :], value[:at] + "*" + value[at + 1 :],
            value.replace("*", "\\*").replace("?", "\\?") + "*", "*", value.split("^")[0] + "^*",
        ))  # fmt: skip
        return f"{name} {rng.choice(('like', 'like', 'not like'))} {self._quoted(pattern)}{ignoring}"

    def _moments(self, name: str, keyword: str, values: tuple[str, ...], vr: str) -> str:
        rng = self.rng
        low, high = sorted(rng.sample(values, 2))
        if self.wide and vr in ("DA", "DT") and rng.random() < 0.25:
            return self._relative(name, vr)
        time = re.sub("Date$", "Time", name)
        often = 0.5 if keyword in self.near else 0.3
        if self.wide and time != name and keyword.endswith("Date") and "Birth" not in keyword and rng.random() < often:
            return self._pair(f"({name}, {time})", low, high)
        if keyword == "StudyDate" and rng.random() < 0.1:
            return f'(StudyDate, StudyTime) {rng.choice(("<=", ">=", "<", ">"))} "{low}1030"'
        form = rng.random()
        if form < 0.15:
            return f"{name} is {rng.choice(('', 'not '))}empty"
        if form < 0.4:
            return self._listed(name, values)
        if form < 0.7:
            return f'{name} between "{low}" and "{high}"'
        return f'{name} {rng.choice(("<", "<=", ">", ">="))} "{low}"'

    def _pair(self, name: str, low: str, high: str) -> str:
        rng = self.rng
        form, clock = rng.random(), rng.choice(("1030", "103000", "235959", "0000"))
        if form < 0.25:
            return f"{name} within last {rng.randint(1, 3)} {rng.choice(('days', 'hours', 'weeks'))}"
        if form < 0.6:
            last = rng.choice((low, high))
            return f'{name} between "{low}{min(clock, "1030")}" and "{last}{max(clock, "1045")}"'
        return f'{name} {rng.choice(("<=", ">=", "<", ">"))} "{low}{clock}"'

    def _relative(self, name: str, vr: str) -> str:
        rng = self.rng
        if vr == "DA" and rng.random() < 0.3:
            return f"{name} {rng.choice(('=', '=', '!=', '>=', '<'))} {rng.choice(('today', 'yesterday', 'tomorrow'))}"
        unit = rng.choice(("days", "days", "weeks", "months") if vr == "DA" else ("hours", "days", "days"))
        if rng.random() < 0.3:
            return f"{name} older than {rng.randint(1, 3)} {unit}"
        if vr == "DA" and rng.random() < 0.3:
            return f"{name} within this {rng.choice(('week', 'month', 'year'))}"
        return f"{name} within {rng.choice(('last', 'last', 'next'))} {rng.randint(1, 3)} {unit}"

    def _numbers(self, name: str, values: tuple[str, ...]) -> str:
        rng = self.rng
        if rng.random() < 0.6:
            return self._listed(name, values)
        return f"{name} {rng.choice(('<', '<=', '>', '>='))} {rng.choice(values)}"


# --- profiles ---------------------------------------------------------------------------------------------------------

_VALUE_CLASSES = ("all-upper", "has-lower", "has-wildcard", "no-wildcard", "non-ascii", "not-8-digits", "open-start",
                  "closed", "family-name-only", "not-integer", "short", "question-mark")  # fmt: skip
_MOST_KEYS = 3
"""Keys above which a drawn source may do otherwise."""
_ADDS = [r for r in REASONS if r not in ("cap", "hidden", "not-sent", "behind", "wrong", "not-kept", "one-series")]
_MISSES = [r for r in _ADDS if r not in ("ignored", "prefix", "substring", "word", "empty", "list-any")]


def profile(rng: Random, level: str = "study", calm: bool = False) -> dict[str, Anything]:
    """Return the content of a profile in which each record is small and all of them together are strange.

    A calm one has one strange record of its kind, on good evidence.
    """
    names = names_at(level)
    grades = {"good": "code", "weak": "assumed", "rumour": "issue"}
    data: dict[str, Anything] = {
        "product": "drawn", "name": "Drawn", "releases": ["1", "2"], "transports": ["dimse", "dicomweb"],
        "settings": {"fold": {"values": ["true", "false"]}, "limit": {"values": ["1", "2"]}},
        "citations": {k: {"grade": g, "citation": "drawn"} for k, g in grades.items()},
        "sets": {"a": rng.sample(names, 6), "b": rng.sample(names, 5)},
    }  # fmt: skip

    def proof() -> str:
        return "good" if calm and rng.random() < 0.9 else rng.choice(("good",) * 6 + ("weak",) * 2 + ("rumour",))

    def reasons(pool: list[str], likely: float) -> list[str]:
        return rng.sample(pool, 1 if calm else rng.randint(1, 2)) if rng.random() < likely else []

    def key(simple: bool = False) -> dict[str, Anything]:
        form = rng.random()
        if form < 0.1:
            return {"does": "ignored"}
        if form < 0.14:
            return {"does": "nothing"}
        if form < 0.18:
            return {"does": "refused"}
        if form < 0.24 and not simple:
            return {"one-of": [key(True), key(True)]}
        if form < 0.27:
            return {"does": "unknown"}
        out: dict[str, Anything] = {"does": "applied"}
        if adds := reasons(_ADDS, 0.5):
            out["adds"] = adds
        if misses := reasons(_MISSES, 0.35):
            out["misses"] = misses
        if rng.random() < 0.15:
            out["alone"] = True
        return out

    def selector() -> str | list[str]:
        form = rng.random()
        if form < 0.45:
            return rng.sample(names, 3)
        return rng.choice(
            ("#a", "#b", "!a", "*lower", "*higher", "*sequence", "*private", "*retired", "*", "*unique-key")
        )

    def where(wide: bool = True) -> dict[str, Anything]:
        out: dict[str, Anything] = {}
        if wide and rng.random() < 0.95:
            out["attribute"] = selector()
        if rng.random() < 0.35:
            out["kind"] = rng.sample(("single", "wildcard", "range", "list-of-uid", "universal"), 2)
        if rng.random() < 0.15:
            out["value"] = rng.choice(_VALUE_CLASSES)
        if rng.random() < 0.2:
            out["setting"] = {"fold": rng.choice(("true", "false", "!true"))}
        if rng.random() < 0.12:
            out["vr"] = rng.choice(("PN", "text", "DA", "TM", "IS"))
        if rng.random() < 0.1:
            out["transport"] = rng.choice(("dimse", "dicomweb"))
        if rng.random() < 0.1:
            out["releases"] = rng.choice(("=1", ">=2"))
        return out

    data["statements"] = [{"for": {"attribute": "*"}, "key": {"does": "applied"}, "evidence": "good"}]
    for n in range(rng.randint(1, 2) if calm else rng.randint(2, 9)):
        data["statements"].append({"for": where(), "key": key(), "because": f"s{n}", "evidence": proof()})
    if rng.random() < (0.15 if calm else 0.4):
        also = {"does": "also", "adds": rng.sample(_ADDS, 1)}
        data["statements"].append({"for": {"vr": rng.choice(("text", "PN", "TM"))}, "key": also, "evidence": "good"})
    interactions = []
    for n in range(rng.choice((0, 0, 0, 1) if calm else (0, 0, 1, 1, 2))):
        lower = [x for x in names if x in POOLS["series"]] or names
        form = rng.random()
        if form < 0.35 and level == "study":
            one: dict[str, Anything] = {
                "when": {"two-or-more": [*lower, "ModalitiesInStudy"]},
                "then": {"query": {"does": "applied", "misses": ["one-series"]}},
            }
            if rng.random() < 0.6:
                one["then"]["serves"] = "series has"
        elif form < 0.65:
            new = {"for": {"attribute": rng.sample(names, 4)}, "key": key()}
            one = {"when": {"all": [rng.choice(names)]}, "then": {"replace": [new]}}
        else:
            one = {"when": {"any": rng.sample(names, 5)}, "then": {"query": key()}}
            one["then"]["query"].pop("alone", None)
            if rng.random() < 0.3:
                one["when"] = {rng.choice(("none", "returns")): [rng.choice(names)]}
            elif (number := Random(f"{n} {one}").randint(1, 8)) <= _MOST_KEYS:
                one["when"] = {"more-keys-than" if number > 1 else "more-values-than": number}
        if rng.random() < 0.2:
            one["for"] = {"setting": {"fold": "true"}}
        interactions.append({"id": f"i{n}", **one, "because": f"i{n}", "evidence": proof()})
    data["interactions"] = interactions
    data["lifts"] = [{"lifts": "date-time-interval", "evidence": "good"}] if rng.random() < 0.3 else []
    keeping = []
    for n in range(rng.choice((0, 0, 1) if calm else (0, 0, 1, 2))):
        gives: Anything = rng.choice(
            ("faithful", "partial", "some-values", "never", "wrong", "unknown", {"behind": list(STATUS)},
             {"shows": [rng.choice(STATUS)]})
        )  # fmt: skip
        spoken: dict[str, Anything] = {"attribute": rng.sample(names, 4)}
        if not isinstance(gives, str) or rng.random() < 0.3:
            spoken = {"label": "Study status"}
        if rng.random() < 0.2:
            spoken["setting"] = {"fold": "true"}
        keeping.append({"for": spoken, "gives": gives, "because": f"k{n}", "evidence": "good"})
    data["keeping"] = keeping
    if level == "study" and rng.random() < 0.5:
        said = {"does": "applied"} if rng.random() < 0.7 else key()
        data["statements"].append(
            {"for": {"label": "Study status"}, "key": said, "evidence": "good", "because": "label"}
        )
    service: dict[str, Anything] = {}
    if rng.random() < (0.08 if calm else 0.2):
        cap: dict[str, Anything] = {"signalled": rng.random() < 0.5, "paging": rng.random() < 0.5, "evidence": "good"}
        limit: dict[str, Anything] = {"rows": rng.randint(1, 4)} if rng.random() < 0.7 else {"setting": "limit"}
        cap |= limit
        cap |= {"refuses": True} if rng.random() < 0.2 else {"before-filter": rng.random() < 0.4}
        service["cap"] = [cap]
    if rng.random() < (0.06 if calm else 0.15):
        some: list[Anything] = [*rng.sample(names, 4), {"key": names[0], "at-least": 3}]
        service["selectors"] = [
            {"any-of": some, "evidence": proof(), "for": where(False) if rng.random() < 0.3 else {}}
        ]
        for name in ("kind", "value", "vr"):
            service["selectors"][0]["for"].pop(name, None)
    if rng.random() < 0.15:
        service["hides"] = [{"what": "some", "attribute": names[3], "values": ["M", "20260101"], "evidence": "good"}]
    data["service"] = service
    return data


def with_small_caps(whole: Anything, rows: int) -> Anything:
    """Return a profile whose caps cut even a small archive; a shipped product cuts at hundreds."""
    return replace(whole, caps=tuple(replace(c, rows=rows) if c.rows else c for c in whole.caps))

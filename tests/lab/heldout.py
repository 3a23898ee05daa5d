"""An archive and cases that nobody tuned to: both drawn from a seed, for the servers of the lab.

Other patients, scripts, spellings and shapes than in ``archive.json``, and conditions over whatever the archive holds.
Values are few and near to one another, so that conditions hit some entities and miss their neighbours.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from worklint.knowledge import standard
from worklint.oracle import worlds

from .archive import OTHER, SOP_CLASSES, as_file

ROOT = "1.2.826.0.1.3680043.8.498.5"
CREATOR = "HELD OUT"

Charset = str | list[str] | None
PLAIN: tuple[str, ...] = (
    "MEYER^ANNA", "Meyer^Anna", "meyer^anna", "MEYER", "MEYER^", "MEYERHOFF^TIM", "MEYER^ANNA^LENA", "MEYER^ANNA^^Dr.",
    "O'HARA^LIAM", "DE LA CRUZ^ANA MARIA^^Prof.^III", "VAN_DYK^P", "VANXDYK^P", "LEE^K%", "LEE^KIM", "STAR*^B",
    "STARK^B",
    "MEYER ^ANNA ", "MEYER^^LENA", "[TEST]^A", "Q\"T^A", "LEFEVRE^ZOE", "KOHLER^JORG", "Hong^Gildong", "Zhang^XiaoDong",
)  # fmt: skip
SCRIPTS: tuple[tuple[Charset, tuple[str, ...], tuple[str, ...]], ...] = (
    ("ISO_IR 100", ("Lefèvre^Zoé", "KÖHLER^JÖRG", "Köhler^Jörg", "Åberg^Bjørn"), ("Épaule", "Schädel CT",
     "SCHÄDEL CT")),
    ("ISO_IR 192", ("Đorđević^Željko", "Lefèvre^Zoé", "Παπάς^Ελένη", "Zhang^XiaoDong=张^小东"), ("Łokieć", "頭部")),
    ("ISO_IR 101", ("Kovács^Ödön", "Dvořák^Jan"), ("Kéz",)),
    ("ISO_IR 126", ("Διονυσιος", "Παπάς^Ελένη"), ("Θώρακας",)),
    ("ISO_IR 127", ("قباني^لنزار",), ("صدر",)),
    ("ISO_IR 138", ("שרון^דבורה",), ()),
    ("ISO_IR 144", ("Иванов^Иван",), ("Грудь",)),
    (["", "ISO 2022 IR 87"], ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Suzuki^Hanako=鈴木^花子"), ("頭部",)),
    (["ISO 2022 IR 13", "ISO 2022 IR 87"], ("ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",), ()),
    (["", "ISO 2022 IR 149"], ("Hong^Gildong=洪^吉洞=홍^길동",), ("가슴",)),
    ("GB18030", ("Zhang^XiaoDong=张^小东", "Wang^Li=王^力"), ("胸部",)),
)  # fmt: skip
IDS = ("H100", "h100", "H1000", "H10", "0042", "42", "H-7", "H_7", "HX7", "A%B", "A B", "  H9", "H9  ", "[H]8", "'H'5",
       "H?1", "H*")  # fmt: skip
TEXTS = ("CT CHEST", "ct chest", "CT Chest", "CT CHEST WITH CONTRAST", "CHEST CT", "CHEST", "100% DOSE", "100 DOSE",
         "LEFT_KNEE", "LEFT KNEE", "KNEE [L]", "KNEE (L)", "A*B TEST", "WHO?", "WHOM", "Don't", 'SAY "A"', "  LEADING",
         "TRAILING  ", "DOUBLE  BLANK", "DOUBLE BLANK",
         "A VERY LONG DESCRIPTION THAT USES ALL OF ITS SIXTY-FOUR CHARACTERS")  # fmt: skip
DAYS = ("19691231", "19700101", "19551105", "20251231", "20260101", "20260131", "20260201", "20260228", "20260301")
TIMES = ("08", "0800", "080000", "080000.0", "080000.000", "080000.5", "0759", "075959", "075959.999999", "235959",
         "000000", "1200", "120000", "120030.25", "12")  # fmt: skip
MOMENTS = ("2026", "202601", "20260131", "2026013108", "20260131080000", "20260131080000.5", "20260131080000+0100",
           "20260131080000-0500", "20260201")  # fmt: skip
SMALL = ("1", "+1", "01", "2", "5", "05", "+5", "10", " 3")
REAL = ("70", "70.0", "7e1", "70.50", "70.5", "+70", "1e1", "10", "62")
CODES = ("CHEST", "chest", "Chest", "HEAD", "KNEE", "ABDOMEN", "CHEST_ABD", "CHESTABDOMEN")
MODALITIES = ("CT", "MR", "CR", "US", "SR", "PR", "ct")
AGES = ("045Y", "45Y", "006M", "010D", "")
AETS = ("CT1", "ct1", "CT 1", "CT10", "MR1")
MEANINGS = (("CTC", "99HELD", "CT chest"), ("ctc", "99HELD", "ct chest"), ("MRK", "99HELD", "MR knee"),
            ("CTC", "OTHER", "Other"))  # fmt: skip

PATIENT = {"PatientBirthDate": DAYS, "PatientSex": ("M", "F", "O", "m"), "EthnicGroup": TEXTS[:6],
           "PatientComments": TEXTS, "IssuerOfPatientID": ("NORTH", "north", "NORTHERN")}  # fmt: skip
STUDY = {
    "StudyDate": DAYS, "StudyTime": TIMES, "AccessionNumber": IDS, "StudyID": IDS, "StudyDescription": TEXTS,
    "ReferringPhysicianName": (), "InstitutionName": TEXTS, "RequestingPhysician": (), "StudyStatusID": ("READ",
    "read"),
    "PatientAge": AGES, "PatientWeight": REAL, "PatientSize": ("1.7", "1.70", "17e-1"),
    "NameOfPhysiciansReadingStudy": (),
    "AdmittingDiagnosesDescription": TEXTS, "OtherPatientIDs": IDS, "AdditionalPatientHistory": TEXTS,
    "RequestedProcedureDescription": TEXTS, "Occupation": TEXTS[:8],
}  # fmt: skip
SERIES = {
    "BodyPartExamined": CODES, "SeriesDescription": TEXTS, "SeriesNumber": SMALL, "StationName": AETS,
    "ProtocolName": TEXTS, "Laterality": ("L", "R", "l"), "OperatorsName": (), "PerformingPhysicianName": (),
    "SeriesDate": DAYS, "SeriesTime": TIMES, "Manufacturer": ("ACME", "Acme", "ACME INC"),
    "PerformedProcedureStepStartDate": DAYS, "PerformedProcedureStepDescription": TEXTS,
}  # fmt: skip
IMAGE = {
    "InstanceNumber": SMALL, "AcquisitionNumber": SMALL, "ContentDate": DAYS, "ContentTime": TIMES, "KVP": REAL,
    "AcquisitionDateTime": MOMENTS, "ImageType": ("ORIGINAL", "PRIMARY", "AXIAL", "DERIVED"), "ImageComments": TEXTS,
    "SliceThickness": REAL, "NumberOfFrames": SMALL, "InstanceCreationDate": DAYS,
}  # fmt: skip
ITEM = {
    "RequestedProcedureDescription": TEXTS, "RequestedProcedurePriority": ("HIGH", "LOW", "high"),
    "ReferringPhysicianName": (), "RequestingPhysician": (), "AdmissionID": IDS, "CurrentPatientLocation": TEXTS[:6],
    "RequestingService": TEXTS[:6], "PatientWeight": REAL,
}  # fmt: skip
STEP = {
    "Modality": MODALITIES, "ScheduledStationAETitle": AETS, "ScheduledProcedureStepStartDate": DAYS,
    "ScheduledProcedureStepStartTime": TIMES, "ScheduledPerformingPhysicianName": (),
    "ScheduledProcedureStepDescription": TEXTS, "ScheduledStationName": AETS,
    "ScheduledProcedureStepLocation": TEXTS[:6],
    "ScheduledProcedureStepStatus": ("SCHEDULED", "ARRIVED", "scheduled"),
}  # fmt: skip
SEVERAL = {"OtherPatientIDs", "OperatorsName", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "ImageType",
           "AdmittingDiagnosesDescription", "ScheduledStationAETitle"}  # fmt: skip


@dataclass(frozen=True)
class Content:
    """One drawn archive: images in the order in which they are stored, and worklist files."""

    seed: int
    instances: tuple[Dataset, ...]
    items: tuple[Dataset, ...]


class _Draw:
    """Draws the parts of an archive."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(f"held out {seed}")

    def patients(self) -> list[dict[str, Any]]:
        found = []
        names = [(None, n) for n in self.rng.sample(PLAIN, 13)]
        names += [(s[0], self.rng.choice(s[1])) for s in self.rng.sample(SCRIPTS, 7)]  # type: ignore[misc]
        for charset, name in names:
            number: Any = self.rng.choice(IDS) if self.rng.random() < 0.7 else f"P{self.rng.randint(1, 30)}"
            fate = self.rng.random()
            if fate < 0.05:
                number = None if fate < 0.025 else ""
            who: Any = name
            if self.rng.random() < 0.08:
                who = self.rng.choice((None, ""))
            one = {"SpecificCharacterSet": charset, "PatientName": who, "PatientID": number}
            found.append({**one, **self.values(PATIENT, charset, 0.35)})
        return found

    def values(self, pool: Mapping[str, Sequence[str]], charset: Charset, bare: float = 0.25) -> dict[str, Any]:
        """Return values for some of the attributes of a pool; others are empty or absent."""
        out: dict[str, Any] = {}
        for keyword, values in pool.items():
            fate = self.rng.random()
            if fate < bare:
                if fate < bare / 2:
                    out[keyword] = ""
                continue
            if keyword in SEVERAL:
                many = [self.one(keyword, values, charset) for _ in range(self.rng.choice((1, 1, 2, 3)))]
                if len(many) > 1 and self.rng.random() < 0.15:
                    many[self.rng.randrange(len(many))] = ""
                out[keyword] = many
            else:
                out[keyword] = self.one(keyword, values, charset)
        return out

    def one(self, keyword: str, values: Sequence[str], charset: Charset) -> str:
        names, texts = next(((s[1], s[2]) for s in SCRIPTS if s[0] == charset), ((), ()))
        attribute = standard.attribute_by_keyword(keyword)
        vr = attribute.vr if attribute else ""
        if not values:
            return self.rng.choice((*PLAIN, *names * 3))
        if texts and vr in ("LO", "SH", "LT", "ST") and values is TEXTS and self.rng.random() < 0.4:
            return self.rng.choice(texts)
        most = {"SH": 16, "AE": 16, "CS": 16}.get(vr, 64)
        return self.rng.choice([v for v in values if len(v) <= most])

    def codes(self) -> list[Dataset]:
        items = []
        for value, scheme, meaning in self.rng.sample(MEANINGS, self.rng.choice((0, 1, 1, 2))):
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
            items.append(item)
        return items

    def requests(self) -> list[Dataset]:
        items = []
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            item = Dataset()
            put(item, self.values({"RequestedProcedureID": IDS, "ScheduledProcedureStepID": IDS,
                                   "AccessionNumber": IDS}, None))  # fmt: skip
            if self.rng.random() < 0.5:
                item.ScheduledProtocolCodeSequence = self.codes()
            items.append(item)
        return items

    def studies(self) -> Iterator[Dataset]:
        patients = self.patients()
        for number in range(1, 29):
            who = self.rng.choice(patients)
            upper = {**who, "StudyInstanceUID": f"{ROOT}.{self.seed}.{number}",
                     **self.values(STUDY, who["SpecificCharacterSet"])}  # fmt: skip
            if self.rng.random() < 0.12:
                # The same patient under another spelling of the name.
                upper["PatientName"] = self.rng.choice(PLAIN)
            if self.rng.random() < 0.5:
                upper["ProcedureCodeSequence"] = self.codes()
            if self.rng.random() < 0.3:
                upper["private"] = self.rng.choice(IDS)
            for serial in range(1, self.rng.choice((1, 1, 2, 2, 3)) + 1):
                own = {
                    "SeriesInstanceUID": f"{upper['StudyInstanceUID']}.{serial}",
                    "Modality": self.rng.choice(MODALITIES),
                    **self.values(SERIES, who["SpecificCharacterSet"]),
                }
                if self.rng.random() < 0.6:
                    own["RequestAttributesSequence"] = self.requests()
                for image in range(1, self.rng.choice((1, 1, 2)) + 1):
                    data = Dataset()
                    put(data, {**upper, **own, **self.values(IMAGE, who["SpecificCharacterSet"]),
                               "SOPClassUID": SOP_CLASSES.get(own["Modality"], OTHER),
                               "SOPInstanceUID": f"{own['SeriesInstanceUID']}.{image}"})  # fmt: skip
                    as_file(data)
                    yield data

    def items(self) -> Iterator[Dataset]:
        patients = self.patients()
        for number in range(1, 17):
            who = self.rng.choice(patients)
            data = Dataset()
            put(data, who)
            put(
                data,
                {
                    "StudyInstanceUID": f"{ROOT}.{self.seed}.900.{number}",
                    "AccessionNumber": self.rng.choice(IDS),
                    "RequestedProcedureID": f"RP{number}",
                    **self.values(ITEM, who["SpecificCharacterSet"], 0.15),
                },
            )
            if self.rng.random() < 0.6:
                data.RequestedProcedureCodeSequence = self.codes()
            steps = []
            for step in range(1, self.rng.choice((1, 1, 1, 1, 2, 3)) + 1):
                one = Dataset()
                put(one, {**self.values(STEP, who["SpecificCharacterSet"], 0.1),
                          "ScheduledProcedureStepID": f"S{number}.{step}"})  # fmt: skip
                if self.rng.random() < 0.6:
                    one.ScheduledProtocolCodeSequence = self.codes()
                steps.append(one)
            data.ScheduledProcedureStepSequence = steps
            as_file(data)
            yield data


def put(target: Dataset, values: Mapping[str, Any]) -> None:
    """Set values as they are spelled, legal or not; ``None`` is absent."""
    for keyword, value in values.items():
        if value is None:
            continue
        if keyword == "private":
            target.private_block(0x0029, CREATOR, create=True).add_new(0x10, "LO", value)
            continue
        attribute = standard.attribute_by_keyword(keyword)
        assert attribute is not None, keyword
        vr = attribute.vr.split(" ")[0]
        target.add(DataElement(int(attribute.tag, 16), vr, value, validation_mode=config.IGNORE))


def content(seed: int) -> Content:
    """Return the archive of a seed."""
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    draw = _Draw(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Content(seed, tuple(draw.studies()), tuple(draw.items()))


# --- cases ------------------------------------------------------------------------------------------------------------

HOMES: Mapping[str, Sequence[str]] = {
    "patient": ("PatientName", "PatientID", *PATIENT),
    "study": ("StudyInstanceUID", "ModalitiesInStudy", *STUDY, "ProcedureCodeSequence.CodeValue",
              "ProcedureCodeSequence.CodingSchemeDesignator", f'(0029,xx10 "{CREATOR}")'),
    "series": ("SeriesInstanceUID", "Modality", *SERIES, "RequestAttributesSequence.RequestedProcedureID",
               "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue"),
    "image": ("SOPInstanceUID", "SOPClassUID", *IMAGE),
    "worklist-item": ("PatientName", "PatientID", *PATIENT, "StudyInstanceUID", "AccessionNumber",
    "RequestedProcedureID",
                      *ITEM, "RequestedProcedureCodeSequence.CodeValue",
                      *(f"ScheduledProcedureStepSequence.{k}" for k in STEP),
                      "ScheduledProcedureStepSequence.ScheduledProtocolCodeSequence.CodeValue"),
}  # fmt: skip
OFTEN = {
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber",
    "StudyID",
    "StudyDescription", "ModalitiesInStudy", "Modality", "BodyPartExamined", "SeriesDescription", "SeriesNumber",
    "InstanceNumber", "ReferringPhysicianName", "ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepSequence.ScheduledProcedureStepStartTime", "ScheduledProcedureStepSequence.Modality",
}  # fmt: skip
LEVELS = {
    "study-root": ("study", "study", "study", "series", "image"),
    "patient-root": ("patient", "study", "series", "image"),
    "modality-worklist": ("worklist-item",),
}
_UPPER = {"study-root": ("StudyInstanceUID", "SeriesInstanceUID"),
          "patient-root": ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")}  # fmt: skip


class Conditions(worlds.Filters):
    """Writes conditions over the attributes of a drawn archive, with its values and their neighbours."""

    def __init__(self, rng: Random, level: str, model: str, found: Content) -> None:
        super().__init__(rng, level)
        self.model, self.found = model, found

    def test(self, level: str) -> str:
        """Return one comparison."""
        rng = self.rng
        homes = [level]
        if level not in ("worklist-item", "item", "step"):
            order = ("patient", "study", "series", "image")
            here = order.index(level)
            homes += [level] * 4 + [order[here]] * 2 + list(order[:here]) + list(order[here + 1 :])
            if level == "study":
                homes += ["patient"] * 3
        home = rng.choice(homes)
        names: list[str] = list(HOMES.get(home, ()))
        prefix = ""
        if home == "item":
            names, prefix = ["RequestedProcedureID", "ScheduledProcedureStepID", "AccessionNumber"], ""
        elif home == "step":
            names = list(STEP)
        names += [n for n in names if n in OFTEN] * 3
        name = prefix + rng.choice(names)
        values = self.values(name, home)
        last = name.rpartition(".")[2]
        attribute = standard.attribute_by_keyword(last)
        vr = attribute.vr.split(" ")[0] if attribute else "LO"
        if vr in ("DA", "TM", "DT"):
            return self._moments(name, last, values, vr)
        if vr in ("IS", "DS"):
            return self._numbers(name, tuple(v for v in values if re.fullmatch(r"-?[0-9.]+", v)) or ("1", "2"))
        if vr == "UI":
            return self._listed(name, values)
        return self._texts(name, values, vr)

    def values(self, name: str, home: str) -> tuple[str, ...]:
        """Return values that the archive holds, and near ones."""
        rng, last = self.rng, name.rpartition(".")[2]
        stored: list[str] = []
        for data in self.found.items if home in ("worklist-item", "step") else self.found.instances:
            for element in data.iterall():
                if (element.keyword or CREATOR in name) == (last if CREATOR not in name else True) and (
                    CREATOR not in name or element.tag == 0x00291010
                ):
                    value = element.value
                    several = value if isinstance(value, list) or element.VM > 1 else [value]
                    stored += [str(v) for v in several if v is not None and str(v).strip()]
        if last == "ModalitiesInStudy":
            stored = list(MODALITIES)
        clean = sorted({v.strip() for v in stored if "\\" not in v})
        chosen = rng.sample(clean, min(len(clean), 6))
        made = list(chosen)
        attribute = standard.attribute_by_keyword(last)
        vr = attribute.vr.split(" ")[0] if attribute else "LO"
        if vr not in ("DA", "TM", "DT", "IS", "DS", "UI"):
            for v in chosen[:3]:
                made += [rng.choice((v.swapcase(), v[: max(1, len(v) // 2)], f"{v}X", v.split("=")[-1], v))]
            made.append("NOBODY")
        elif vr == "UI":
            made.append(f"{ROOT}.77")
        while len(made) < 2:
            made.append(
                {"DA": "20260115", "TM": "0930", "DT": "20260115", "IS": "7", "DS": "7"}.get(vr, f"NONE{len(made)}")
            )
        if len(set(made)) < 2:
            made.append({"DA": "20260116", "TM": "0931", "DT": "20260116", "IS": "8", "DS": "8"}.get(vr, "ELSE"))
        return tuple(dict.fromkeys(v for v in made if v.strip()))


@dataclass(frozen=True)
class Drawn:
    """One drawn case: a query with its meaning, as ``compare.Case``."""

    id: str
    model: str
    level: str
    parents: str
    condition: str
    show: str = ""

    @property
    def text(self) -> str:
        """The condition with the unique keys of what it is asked within."""
        own = f"({self.condition})" if self.parents and " or " in self.condition else self.condition
        return " and ".join(p for p in (self.parents, own) if p)

    @property
    def worklist(self) -> str:
        """The case in the language."""
        level = "" if self.level == "worklist-item" else f"level {self.level}"
        show = f"show {self.show}" if self.show else ""
        return f'worklist "{self.id}" {{ model {self.model} {level} {show} where {self.text} }}'


def drawn(found: Content, models: Sequence[str], many: int) -> list[Drawn]:
    """Return cases for the models of a door, all of which mean something."""
    from .compare import resolved

    rng = Random(f"cases {found.seed} {' '.join(models)}")
    out: list[Drawn] = []
    weights = {"study-root": 6, "patient-root": 2, "modality-worklist": 5}
    while len(out) < many:
        model = rng.choices(models, [weights[m] for m in models])[0]
        level = rng.choice(LEVELS[model])
        writer = Conditions(rng, level, model, found)
        condition = writer.condition(rng.choice((0, 0, 0, 1, 1, 2)))
        negated = re.search(r"not |!=|is empty", condition) is not None
        if writer.filters or (negated and rng.random() < 0.75):
            # What no query can say tells little; a few are enough.
            continue
        parents = ""
        if model != "modality-worklist" and rng.random() < 0.75:
            parents = _within(rng, found, model, level)
        show = (
            ", ".join(rng.sample([n for n in HOMES[level] if not n.startswith("(")], 2)) if rng.random() < 0.1 else ""
        )
        case = Drawn(f"{found.seed}.{len(out) + 1}", model, level, parents, condition, show)
        worklist = resolved([case]).get(case.id)
        if worklist is not None and worklist.complete:
            out.append(case)
    return out


def _within(rng: Random, found: Content, model: str, level: str) -> str:
    """Return the unique keys of the levels above, of an entity that is there."""
    uppers = _UPPER[model]
    position = ("patient", "study", "series", "image").index(level) - (model == "study-root")
    one = rng.choice(found.instances)
    parts = []
    for keyword in uppers[: max(position, 0)]:
        value = str(one.get(keyword) or "").strip()
        if not value or re.search(r'[*?\\"]', value):
            return ""
        parts.append(f'{keyword} = "{value}"')
    return " and ".join(parts)

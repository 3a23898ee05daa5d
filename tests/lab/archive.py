"""A synthetic archive that discriminates: 40 studies and 18 worklist files, the same in every run, no patient in it.

What the servers disagree about has entities on both sides of it: letter case, accents, ideographic names, padding,
absent and empty values, spellings of times and numbers, several values, several items, several series.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.8.498.4"
CREATOR = "WORKLINT LAB"
ABSENT = None
SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "CR": "1.2.840.10008.5.1.4.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1", "SR": "1.2.840.10008.5.1.4.1.1.88.11",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
}  # fmt: skip
OTHER = "1.2.840.10008.5.1.4.1.1.7"

LATIN, GREEK, RUSSIAN, JAPANESE, UTF8, CHINESE = (
    "ISO_IR 100", "ISO_IR 126", "ISO_IR 144", ["", "ISO 2022 IR 87"], "ISO_IR 192", "GB18030",
)  # fmt: skip

# name, ID, birth date, sex, character set, further attributes
PATIENTS: dict[str, tuple[Any, ...]] = {
    "upper": ("SMITH^JOHN", "1001", "19700101", "M", ABSENT, {"OtherPatientIDs": ["X1", "X2"], "EthnicGroup": "A"}),
    "mixed": ("Smith^John", "1002", "19700101", "M", ABSENT, {"OtherPatientIDs": "X1", "EthnicGroup": "a"}),
    "lower": ("smith^john", "1003", "19700102", "m", ABSENT, {}),
    "whole": ("SMITH^JOHN^ADAM^DR^JR", "1004", "19651231", "M", ABSENT, {"PatientComments": "Allergic to iodine"}),
    "family": ("SMITH", "1005", "19800229", "F", ABSENT, {"PatientComments": "allergic to iodine"}),
    "longer": ("SMITHERS^JANE", "1006", "19800301", "F", ABSENT, {"OtherPatientIDs": ["X2", "X3"]}),
    "latin": ("Müller^Jürgen", "1007", "19551105", "M", LATIN, {}),
    "plain": ("Muller^Jurgen", "1008", "19551106", "M", ABSENT, {}),
    "shout": ("MÜLLER^JÜRGEN", "1009", "19551107", "M", UTF8, {}),
    "japan": ("Yamada^Tarou=山田^太郎=やまだ^たろう", "1010", "19330401", "M", JAPANESE, {}),
    "china": ("Wang^XiaoDong=王^小东", "1011", "19901212", "F", CHINESE, {}),
    "roman": ("Wang^XiaoDong", "1012", "19901213", "F", ABSENT, {}),
    "russia": ("Люкceмбypг", "1013", "19710501", "F", RUSSIAN, {}),
    "empty": ("", "1014", "", "", ABSENT, {"EthnicGroup": "", "PatientComments": ""}),
    "absent": (ABSENT, "1015", ABSENT, ABSENT, ABSENT, {}),
    "id-upper": ("CODE^UPPER", "ABC-1", "20000101", "O", ABSENT, {}),
    "id-lower": ("CODE^LOWER", "abc-1", "20000101", "O", ABSENT, {}),
    "id-longer": ("CODE^LONGER", "ABC-12", "20000101", "O", ABSENT, {}),
    "zeros": ("ZERO^ONE", "0077", "20010101", "F", ABSENT, {}),
    "number": ("ZERO^TWO", "77", "20010101", "F", ABSENT, {}),
    "issuer-a": ("TWIN^ALEX", "5001", "19771111", "F", ABSENT, {"IssuerOfPatientID": "HOSPITAL A"}),
    "issuer-b": ("TWIN^ALEX", "5001", "19771111", "F", ABSENT, {"IssuerOfPatientID": "HOSPITAL B"}),
    "score": ("LEE^ANN_MARIE", "2001", "19820303", "F", ABSENT, {}),
    "letter": ("LEE^ANNXMARIE", "2002", "19820304", "F", ABSENT, {}),
    "blank": ("GARCIA LOPEZ^MARIA", "2003", "19820305", "F", ABSENT, {}),
    "carets": ("JONES^^", "2004", "19820306", "M", ABSENT, {}),
    "padded": ("DOE^JANE  ", "2005  ", "19820307", "F ", ABSENT, {}),
    "percent": ("O'NEIL^PAT", "20%6", "19820308", "M", ABSENT, {}),
    "accents": ("Dupré^Éloïse", "2007", "19820309", "F", LATIN, {}),
    "bare": ("Dupre^Eloise", "2008", "19820310", "F", ABSENT, {}),
}  # fmt: skip

CODES = {
    "ct": ("CTTH", "99LAB", "CT of the thorax"),
    "contrast": ("CONTR", "99LAB", "With contrast"),
    "mr": ("MRKN", "99LAB", "MR of the knee"),
    "x": ("CTTH", "OTHER", "Something else"),
}


def _codes(*names: str) -> list[Dataset]:
    items = []
    for name in names:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = CODES[name]
        items.append(item)
    return items


def _requests(*rows: tuple[str, str]) -> list[Dataset]:
    items = []
    for procedure, step in rows:
        item = Dataset()
        item.RequestedProcedureID, item.ScheduledProcedureStepID = procedure, step
        items.append(item)
    return items


# patient, date, time, accession number, study ID, description, further attributes of the study, series.
# A series: modality, body part, number of instances, further attributes.
_CHEST = ("CT", "CHEST", 2, {"SeriesDescription": "Lung 1mm", "ProtocolName": "THORAX", "StationName": "CT1"})
STUDIES: list[tuple[Any, ...]] = [
    ("upper", "20260110", "103000", "A100", "S1", "CT THORAX", {"ReferringPhysicianName": "HOUSE^GREGORY", "StudyStatusID": "READ", "NameOfPhysiciansReadingStudy": ["CUDDY^LISA", "WILSON^JAMES"], "ProcedureCodeSequence": _codes("ct", "contrast")}, [_CHEST, ("SR", ABSENT, 1, {})]),
    ("upper", "20260111", "1030", "a100", "s1", "ct thorax", {"ReferringPhysicianName": "House^Gregory", "StudyStatusID": "read", "NameOfPhysiciansReadingStudy": "CUDDY^LISA"}, [("CT", "chest", 1, {"StationName": "ct1", "ProtocolName": "thorax"})]),
    ("mixed", "20260112", "103000.000", "A1000", "S10", "CT THORAX WITH CONTRAST", {"ReferringPhysicianName": "HOUSE", "ProcedureCodeSequence": _codes("contrast")}, [("CT", "CHEST", 1, {"StationName": "CT1"}), ("CT", "ABDOMEN", 1, {"StationName": "CT1"})]),
    ("mixed", "20260113", "103000.5", "A-100", "S-1", "Thorax CT", {"ReferringPhysicianName": "CUDDY^LISA", "AdmittingDiagnosesDescription": ["PNEUMONIA", "FEVER"]}, [("CT", "ABDOMEN", 1, {"StationName": "CT2"}), ("MR", "CHEST", 1, {"StationName": "MR1"})]),
    ("lower", "20260114", "10", "A101", "S2", "MR KNEE", {"ReferringPhysicianName": "", "StudyStatusID": "", "ProcedureCodeSequence": _codes("mr")}, [("MR", "KNEE", 2, {"Laterality": "L", "StationName": "MR1"}), ("PR", ABSENT, 1, {})]),
    ("whole", "20260115", "1100", "A102", "S3", "MR Knie", {"ReferringPhysicianName": "HOUSE^GREGORY^MD"}, [("MR", "KNEE", 1, {"Laterality": "R", "StationName": "MR2"})]),
    ("family", "20260116", "110000", "A103 ", "S4 ", "CR HAND ", {"ReferringPhysicianName": "FOREMAN^ERIC", "NameOfPhysiciansReadingStudy": ["WILSON^JAMES"]}, [("CR", "HAND", 1, {"Laterality": "L"})]),
    ("family", "20260117", "105959.999", "A104", "S5", "CR HAND LEFT", {"ReferringPhysicianName": "FOREMAN^ERIC"}, [("CR", "HAND", 1, {"Laterality": "R"}), ("CR", "", 1, {"Laterality": ""})]),
    ("longer", "20260118", "000000", "A/105", "S/6", "US ABDOMEN", {}, [("US", "ABDOMEN", 1, {"StationName": "US 1"})]),
    ("longer", "20260119", "235959", "A 106", "S 7", "US ABDOMEN & LIVER", {}, [("US", "ABDOMEN", 1, {"StationName": "US1"}), ("us", "LIVER", 1, {})]),
    ("latin", "20260120", "120000", "A107", "S8", "Schädel nativ", {"ReferringPhysicianName": "Größe^Ärztin", "SpecificCharacterSet": LATIN}, [("CT", "HEAD", 1, {"SeriesDescription": "Schädelbasis"})]),
    ("plain", "20260121", "120001", "A108", "S9", "Schadel nativ", {"ReferringPhysicianName": "Grosse^Arztin"}, [("CT", "HEAD", 1, {"SeriesDescription": "Schadelbasis"})]),
    ("shout", "20260122", "115959", "A109", "S11", "SCHÄDEL NATIV", {"ReferringPhysicianName": "GRÖSSE^ÄRZTIN"}, [("CT", "HEAD", 1, {"SeriesDescription": "SCHÄDELBASIS"})]),
    ("japan", "20260123", "0930", "A110", "S12", "CT HEAD", {"ReferringPhysicianName": "Suzuki^Ichirou=鈴木^一郎"}, [("CT", "HEAD", 1, {}), ("MR", "HEAD", 1, {})]),
    ("china", "20260124", "093000", "A111", "S13", "CT HEAD", {}, [("CT", "HEAD", 1, {})]),
    ("roman", "20260125", "093001", "A112", "S14", "CT Head", {}, [("CT", "HEAD", 1, {})]),
    ("russia", "20260126", "093002", "A113", "S15", "CT HEAD", {}, [("CT", "HEAD", 1, {})]),
    ("empty", "", "", "", "", "", {"ReferringPhysicianName": "", "PatientAge": "", "PatientWeight": ""}, [("CT", "", 1, {"SeriesDescription": "", "SeriesNumber": "", "ProtocolName": "", "StationName": ""})]),
    ("absent", ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, {}, [("MR", ABSENT, 1, {"SeriesNumber": ABSENT})]),
    ("id-upper", "20260201", "080000", "B1", "T1", "CHEST PA", {"PatientAge": "026Y", "PatientWeight": "80"}, [("CR", "CHEST", 1, {"StationName": "CR1"})]),
    ("id-lower", "20260201", "080000.1", "B2", "T2", "CHEST LAT", {"PatientAge": "26Y", "PatientWeight": "80.0"}, [("CR", "CHEST", 1, {"StationName": "CR1"}), ("CR", "SPINE", 1, {"StationName": "CR1"})]),
    ("id-longer", "20260201", "0800", "B3", "T3", "CHEST", {"PatientAge": "026Y", "PatientWeight": "8"}, [("CR", "CHEST", 1, {"StationName": "CR2"}), ("CR", "CHESTABDPELVIS", 1, {})]),
    ("zeros", "20251231", "235959.999999", "B4", "007", "CT PELVIS", {}, [("CT", "PELVIS", 1, {"SeriesNumber": "007"})]),
    ("number", "20260101", "000000.000001", "B5", "7", "CT PELVIS", {}, [("CT", "PELVIS", 1, {"SeriesNumber": "7"})]),
    ("issuer-a", "20260301", "070000", "B6", "T6", "MR BRAIN", {}, [("MR", "BRAIN", 1, {})]),
    ("issuer-b", "20260302", "070000", "B6", "T7", "MR BRAIN", {}, [("MR", "BRAIN", 1, {})]),
    ("score", "20260303", "073000", "B_8", "T_8", "US 50%", {}, [("US", "NECK", 1, {"ProtocolName": "NECK_1"})]),
    ("letter", "20260304", "073059", "BX8", "TX8", "US 50X", {}, [("US", "NECK", 1, {"ProtocolName": "NECKX1"})]),
    ("blank", "20260305", "073100", "B+9", "T+9", "US NECK+SHOULDER", {}, [("US", "NECK", 1, {}), ("SR", ABSENT, 1, {})]),
    ("carets", "20260306", "07", "B*10", "T10", "CT SPINE", {}, [("CT", "SPINE", 1, {}), ("CT", "NECK", 1, {})]),
    ("padded", "20260307", "0730  ", " B11", " T11", " MR SPINE", {"InstitutionName": "CLINIC "}, [("MR", "SPINE ", 1, {"StationName": " MR1"})]),
    ("percent", "20260308", "0731", "B%12", "T%12", "50% DOSE", {"InstitutionName": "Clinic"}, [("CT", "CHEST", 1, {"SeriesDescription": "50% DOSE"})]),
    ("accents", "20260309", "0732", "B13", "T13", "Épaule gauche", {"InstitutionName": "CLINIC"}, [("MR", "SHOULDER", 1, {})]),
    ("bare", "20260310", "0733", "B14", "T14", "Epaule gauche", {"InstitutionName": "CLINIC EAST"}, [("MR", "SHOULDER", 1, {})]),
    ("upper", "20260401", "090000", "C1", "U1", "CT THORAX ABDOMEN", {"StudyStatusID": "VERIFIED", "RequestingPhysician": "HOUSE^GREGORY"}, [
        ("CT", "CHEST", 3, {"SeriesNumber": "1", "SeriesDescription": "Lung 1mm", "ProtocolName": "THORAX", "StationName": "CT1", "OperatorsName": ["ADAMS^A", "BAKER^B"], "SeriesDate": "20260401", "SeriesTime": "090500", "RequestAttributesSequence": _requests(("RP1", "SP1"), ("RP2", "SP2"))}),
        ("CT", "ABDOMEN", 2, {"SeriesNumber": "2", "SeriesDescription": "lung 1mm", "ProtocolName": "ABDOMEN", "StationName": "CT1", "OperatorsName": "ADAMS^A", "SeriesDate": "20260401", "SeriesTime": "0910", "RequestAttributesSequence": _requests(("RP1", "SP2"))}),
        ("CT", "chest", 1, {"SeriesNumber": "03", "SeriesDescription": "Lung 5mm", "ProtocolName": "thorax", "StationName": "ct1", "OperatorsName": "BAKER^B", "SeriesDate": "20260402", "SeriesTime": "091500.5"}),
        ("SR", ABSENT, 1, {"SeriesNumber": "10", "SeriesDescription": "Report", "SeriesDate": "", "SeriesTime": ""}),
        ("PR", "", 1, {"SeriesNumber": "100", "SeriesDescription": ""}),
        ("MR", "CHEST", 1, {"SeriesNumber": "20", "SeriesDescription": "Localizer", "StationName": "MR1", "Laterality": "L", "PerformingPhysicianName": ["HOUSE^GREGORY", "CUDDY^LISA"]}),
        ("ct", "CHEST", 1, {"SeriesNumber": "", "SeriesDescription": "LUNG 1MM", "StationName": "CT2", "PerformingPhysicianName": "HOUSE^GREGORY"}),
        ("CR", "HAND", 1, {"SeriesNumber": "5", "SeriesDescription": "Hand & wrist 50%", "Laterality": "R"}),
    ]),
    ("upper", "20260402", "091500", "C2", "U2", "CT HEAD", {}, [("CT", "HEAD", 8, {"SeriesNumber": "1", "images": True})]),
    ("latin", "20260403", "093000", "C3", "U3", "CT Nacken", {"SpecificCharacterSet": LATIN}, [("CT", "NECK", 1, {}), ("MR", "NECK", 1, {}), ("SR", ABSENT, 1, {})]),
    ("whole", "20260404", "100000", "C4", "U4", "CT THORAX", {"private": "alpha"}, [("CT", "CHEST", 1, {}), ("PR", ABSENT, 1, {})]),
    ("bare", "20260405", "101500", "C5", "U5", "CT THORAX", {"private": "beta"}, [("CT", "CHEST", 1, {})]),
    ("roman", "20260406", "102000", "C6", "U6", "CT THORAX", {"private": "Alpha"}, [("CT", "CHEST", 1, {}), ("MR", "BRAIN", 1, {})]),
]  # fmt: skip

# What the images of the one series with many differ in.
IMAGES: list[dict[str, Any]] = [
    {"InstanceNumber": "1", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "AcquisitionNumber": "1", "KVP": "120", "ImageComments": "First", "ContentDate": "20260402", "ContentTime": "091501", "Rows": 512},
    {"InstanceNumber": "2", "ImageType": ["DERIVED", "SECONDARY"], "AcquisitionNumber": "1", "KVP": "120.0", "ImageComments": "first", "ContentDate": "20260402", "ContentTime": "0916", "Rows": 256},
    {"InstanceNumber": "03", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "AcquisitionNumber": "02", "KVP": "80", "ImageComments": "", "ContentDate": "", "ContentTime": "", "Rows": 512},
    {"InstanceNumber": "10", "AcquisitionNumber": "2", "ImageComments": "Firstly", "NumberOfFrames": "1"},
    {"InstanceNumber": "", "ImageType": "AXIAL", "AcquisitionNumber": "", "KVP": "", "NumberOfFrames": "10"},
    {"ImageType": ["original", "primary"], "private": "alpha"},
    {"InstanceNumber": "20", "SOPClassUID": OTHER, "private": "beta", "KVP": "1.2e2"},
    {"InstanceNumber": "100", "SOPClassUID": OTHER, "ImageComments": "50% noise", "InstanceCreationDate": "20260402"},
]  # fmt: skip


def study_uid(number: int) -> str:
    """Return the UID of the study, counted from 1; series and instances count on below it."""
    return f"{ROOT}.{number}"


def _set(target: Dataset, values: dict[str, Any]) -> None:
    for keyword, value in values.items():
        if value is ABSENT or keyword == "images":
            continue
        if keyword == "private":
            target.private_block(0x0029, CREATOR, create=True).add_new(0x10, "LO", value)
        else:
            setattr(target, keyword, value)


def _patient(name: str) -> dict[str, Any]:
    who, number, birth, sex, charset, more = PATIENTS[name]
    return {
        "SpecificCharacterSet": charset, "PatientName": who, "PatientID": number, "PatientBirthDate": birth,
        "PatientSex": sex, **more,
    }  # fmt: skip


@cache
def instances() -> tuple[Dataset, ...]:
    """Return every instance of the archive, in the order in which it is stored."""
    found = []
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    for number, (patient, day, time, accession, study, description, more, series) in enumerate(STUDIES, 1):
        upper = _patient(patient)
        upper |= {
            "StudyInstanceUID": study_uid(number), "StudyDate": day, "StudyTime": time, "AccessionNumber": accession,
            "StudyID": study, "StudyDescription": description,
        } | more  # fmt: skip
        if upper.get("SpecificCharacterSet") is ABSENT and not str(description or "").isascii():
            upper["SpecificCharacterSet"] = LATIN
        for serial, (modality, part, images, further) in enumerate(series, 1):
            own = {
                "SeriesInstanceUID": f"{study_uid(number)}.{serial}", "Modality": modality, "BodyPartExamined": part,
                "SeriesNumber": str(serial),
            } | further  # fmt: skip
            for image in range(1, images + 1):
                data = Dataset()
                _set(data, upper)
                _set(data, own)
                lowest: dict[str, Any] = {
                    "SOPClassUID": SOP_CLASSES.get(modality, OTHER), "InstanceNumber": str(image),
                    "SOPInstanceUID": f"{study_uid(number)}.{serial}.{image}",
                }  # fmt: skip
                if further.get("images"):
                    del lowest["InstanceNumber"]
                    lowest |= IMAGES[image - 1]
                _set(data, lowest)
                _as_file(data)
                found.append(data)
    return tuple(found)


def _as_file(data: Dataset) -> None:
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.get("SOPClassUID", OTHER)
    data.file_meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID", ROOT)
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


# patient, accession number, procedure ID, description, priority, referring, further; then the steps:
# modality, station(s), date, time, performing physician, description, ID, status, location, codes
ITEMS: list[tuple[Any, ...]] = [
    ("upper", "W100", "RP100", "CT thorax", "HIGH", "HOUSE^GREGORY", {"AdmissionID": "ADM1", "RequestedProcedureCodeSequence": _codes("ct")}, [("CT", "CT1", "20260501", "080000", "ADAMS^A", "Thorax", "SP100", "SCHEDULED", "ROOM 1", ("ct", "contrast"))]),
    ("mixed", "w100", "rp100", "ct thorax", "LOW", "House^Gregory", {"AdmissionID": "adm1"}, [("CT", "CT2", "20260501", "0800", "Adams^A", "thorax", "SP101", "SCHEDULED", "room 1", ("ct",))]),
    ("lower", "W1000", "RP1000", "CT thorax", "MEDIUM", "HOUSE", {}, [("CT", "CT1", "20260502", "080001", "BAKER^B", "Thorax contrast", "SP102", "ARRIVED", "ROOM 2", ("contrast",))]),
    ("whole", "W101", "RP101", "MR knee", "HIGH", "CUDDY^LISA", {}, [("MR", "MR1", "20260502", "093000", "BAKER^B", "Knee left", "SP103", "SCHEDULED", "ROOM 3", ("mr",))]),
    ("family", "W102", "RP102", "MR knee", "HIGH", "CUDDY^LISA", {}, [("MR", "MR2", "20260503", "093000.5", "BAKER^B", "Knee right", "SP104", "SCHEDULED", "ROOM 3", ("mr",))]),
    ("longer", "W103 ", "RP103", "CR hand", "LOW", "FOREMAN^ERIC", {}, [("CR", "CR1", "20260503", "235959", "ADAMS^A", "Hand", "SP105", "SCHEDULED", "ROOM 4", ("mr", "x"))]),
    ("latin", "W104", "RP104", "Schädel", "LOW", "Größe^Ärztin", {}, [("CT", "CT1", "20260504", "120000", "Jäger^J", "Schädel nativ", "SP106", "SCHEDULED", "ROOM 1", ("x",))]),
    ("plain", "W105", "RP105", "Schadel", "LOW", "Grosse^Arztin", {}, [("CT", "CT1", "20260504", "115959", "Jager^J", "Schadel nativ", "SP107", "SCHEDULED", "ROOM 1", ("x",))]),
    ("shout", "W106", "RP106", "SCHÄDEL", "LOW", "GRÖSSE^ÄRZTIN", {}, [("CT", "CT2", "20260504", "120001", "JÄGER^J", "SCHÄDEL NATIV", "SP108", "SCHEDULED", "ROOM 1", ("x",))]),
    ("japan", "W107", "RP107", "CT head", "HIGH", "Suzuki^Ichirou=鈴木^一郎", {}, [("CT", "CT1", "20260505", "100000", "ADAMS^A", "Head", "SP109", "SCHEDULED", "ROOM 2", ("ct",))]),
    ("empty", "", "RP108", "CT head", "", "", {"AdmissionID": ""}, [("CT", "CT1", "20260505", "110000", "", "Head", "SP110", "", "", ("ct",))]),
    ("id-upper", "W109", "RP109", "CT spine", "HIGH", "HOUSE^GREGORY", {}, [("CT", "CT1", "20260506", "10", "ADAMS^A", "Spine", "SP111", "SCHEDULED", "ROOM 2", ("ct",))]),
    ("id-lower", "W110", "RP110", "CT spine", "HIGH", "HOUSE^GREGORY", {}, [("CT", "ct1", "20260507", "1030", "ADAMS^A", "Spine", "SP112", "STARTED", "ROOM 2", ("ct",))]),
    ("number", "W111", "RP111", "CT spine", "HIGH", "HOUSE^GREGORY", {}, [("US", ["US1", "US2"], "20260508", "103000", "ADAMS^A", "Abdomen", "SP113", "SCHEDULED", "ROOM 5", ("ct",))]),
    ("score", "W_12", "RP_12", "US neck", "HIGH", "CUDDY^LISA", {}, [("US", "US1", "20260509", "103001", "ADAMS^A", "Neck", "SP114", "SCHEDULED", "ROOM 5", ("ct",))]),
    ("letter", "WX12", "RPX12", "US neck", "HIGH", "CUDDY^LISA", {"private": "alpha"}, [("US", "US2", "20260510", "102959", "BAKER^B", "Neck", "SP115", "SCHEDULED", "ROOM 5", ("ct",))]),
    ("carets", "W113", "RP113", "CT two steps", "HIGH", "CUDDY^LISA", {}, [("CT", "CT1", "20260511", "080000", "ADAMS^A", "First", "SP116", "SCHEDULED", "ROOM 1", ("ct",)), ("MR", "MR1", "20260512", "090000", "BAKER^B", "Second", "SP117", "SCHEDULED", "ROOM 3", ("mr",))]),
    ("bare", "W114", "RP114", "Epaule", "LOW", "CUDDY^LISA", {"PatientWeight": "80"}, [("MR", "MR1", "20260513", "070000", "BAKER^B", "Epaule", "SP118", "SCHEDULED", "ROOM 3", ("mr",))]),
]  # fmt: skip


@cache
def worklist_items() -> tuple[Dataset, ...]:
    """Return the worklist files: one item each, with its scheduled steps."""
    found = []
    for number, (patient, accession, procedure, description, priority, referring, more, steps) in enumerate(ITEMS, 1):
        data = Dataset()
        _set(data, _patient(patient))
        _set(data, {
            "AccessionNumber": accession, "StudyInstanceUID": f"{ROOT}.900.{number}", "RequestedProcedureID": procedure,
            "RequestedProcedureDescription": description, "RequestedProcedurePriority": priority,
            "ReferringPhysicianName": referring, "RequestingPhysician": referring, **more,
        })  # fmt: skip
        if "SpecificCharacterSet" not in data and not description.isascii():
            data.SpecificCharacterSet = LATIN
        items = []
        for modality, station, day, time, performer, what, step, status, location, codes in steps:
            item = Dataset()
            _set(item, {
                "Modality": modality, "ScheduledStationAETitle": station, "ScheduledProcedureStepStartDate": day,
                "ScheduledProcedureStepStartTime": time, "ScheduledPerformingPhysicianName": performer,
                "ScheduledProcedureStepDescription": what, "ScheduledProcedureStepID": step,
                "ScheduledProcedureStepStatus": status, "ScheduledProcedureStepLocation": location,
                "ScheduledProtocolCodeSequence": _codes(*codes),
            })  # fmt: skip
            items.append(item)
        data.ScheduledProcedureStepSequence = items
        _as_file(data)
        found.append(data)
    return tuple(found)


def studies() -> Iterator[tuple[str, list[Dataset]]]:
    """Return UID and instances of each study."""
    for number in count(1):
        own = [d for d in instances() if study_uid(number) == d.StudyInstanceUID]
        if not own:
            return
        yield study_uid(number), own


def write_worklists(folder: Path) -> None:
    """Write the worklist files into the folder that a worklist server reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, data in enumerate(worklist_items(), 1):
            data.save_as(folder / f"item{number:02}.wl", enforce_file_format=True)

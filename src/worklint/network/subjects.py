"""What to ask a source about: the attributes of the standard's key tables, and those that worklists commonly name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from worklint.knowledge import data, standard
from worklint.model import Attribute
from worklint.network.ask import Path, name_of

COMMON = {
    "study": """InstitutionName RequestingPhysician RequestedProcedureDescription StudyStatusID StudyPriorityID
        OtherPatientIDs StudyComments RequestingService ReferringPhysicianName StudyDescription PatientBirthDate
        PatientSex PatientAge PatientWeight EthnicGroup PatientComments IssuerOfPatientID NameOfPhysiciansReadingStudy
        AdmittingDiagnosesDescription ProcedureCodeSequence.CodeValue ProcedureCodeSequence.CodingSchemeDesignator
        ReferencedStudySequence.ReferencedSOPInstanceUID OtherPatientIDsSequence.PatientID ReasonForStudy
        PhysiciansOfRecord CurrentPatientLocation AdmissionID InterpretationStatusID""",
    "series": """BodyPartExamined SeriesDescription Modality StationName ProtocolName Laterality OperatorsName
        PerformingPhysicianName SeriesDate SeriesTime SeriesNumber Manufacturer ManufacturerModelName
        InstitutionalDepartmentName PerformedProcedureStepStartDate PerformedProcedureStepStartTime
        PerformedProcedureStepID PerformedProcedureStepDescription PatientPosition DeviceSerialNumber
        RequestAttributesSequence.RequestedProcedureID RequestAttributesSequence.ScheduledProcedureStepID
        RequestAttributesSequence.AccessionNumber NumberOfSeriesRelatedInstances SeriesInstanceUID""",
    "image": """SOPClassUID ImageType InstanceNumber AcquisitionNumber AcquisitionDate AcquisitionTime ContentDate
        ContentTime NumberOfFrames Rows Columns ImageComments KVP SliceThickness InstanceCreationDate
        InstanceCreationTime ContrastBolusAgent AcquisitionDateTime SOPInstanceUID""",
    "worklist-item": """PatientName PatientID PatientBirthDate PatientSex AccessionNumber RequestedProcedureID
        RequestedProcedureDescription RequestedProcedurePriority ReferringPhysicianName RequestingPhysician AdmissionID
        StudyInstanceUID IssuerOfPatientID CurrentPatientLocation RequestingService PatientWeight PatientComments
        RequestedProcedureCodeSequence.CodeValue RequestedProcedureCodeSequence.CodingSchemeDesignator
        ScheduledProcedureStepSequence.Modality ScheduledProcedureStepSequence.ScheduledStationAETitle
        ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate
        ScheduledProcedureStepSequence.ScheduledProcedureStepStartTime
        ScheduledProcedureStepSequence.ScheduledPerformingPhysicianName
        ScheduledProcedureStepSequence.ScheduledProcedureStepDescription
        ScheduledProcedureStepSequence.ScheduledProcedureStepID
        ScheduledProcedureStepSequence.ScheduledProcedureStepStatus
        ScheduledProcedureStepSequence.ScheduledProcedureStepLocation
        ScheduledProcedureStepSequence.ScheduledStationName
        ScheduledProcedureStepSequence.ScheduledProtocolCodeSequence.CodeValue
        ScheduledProcedureStepSequence.ScheduledProtocolCodeSequence.CodingSchemeDesignator
        StudyDate StudyTime EthnicGroup PatientAge OtherPatientIDs OtherPatientNames StudyDescription
        StudyID Modality""",
}
"""Attributes that worklists name beside the printed keys, by the level that they describe; data, not rules."""

_NOT_ASKED = {"QueryRetrieveLevel", "SpecificCharacterSet", "RetrieveAETitle", "InstanceAvailability", "*"}
PRIVATE = (Attribute("", "0029xx77", "LO", "1", creator="WORKLINT PROBE"),)
"""A private key that no source can know."""
UNKNOWN = (Attribute("", "00091177", "UN", "1"),)


@dataclass(frozen=True, slots=True)
class About:
    """An attribute as a query at some level meets it."""

    path: Path
    home: str | None
    required: bool = False
    printed: bool = False
    unique: bool = False
    parent: bool = False

    @property
    def name(self) -> str:
        """The dotted name."""
        return name_of(self.path)

    @property
    def vr(self) -> str:
        """The value representation; of several the first."""
        return self.path[-1].vr.split(" ")[0]

    @property
    def several(self) -> bool:
        """Whether the attribute may have several values."""
        return self.path[-1].vm != "1"


def path_of(dotted: str) -> Path | None:
    """Return the path of a dotted name, or ``None`` if one of its parts is no keyword."""
    found = [standard.attribute_by_keyword(k) for k in dotted.split(".")]
    return None if None in found else tuple(a for a in found if a is not None)


@cache
def subjects(model_id: str, level: str) -> tuple[About, ...]:
    """Return what to ask about in queries of a model at a level, the most important first."""
    found = standard.model(model_id)
    assert found is not None
    names: dict[str, bool] = {}
    for at in (level, *(one for one in found.levels if one != level)):
        for name in _printed(model_id, at):
            names.setdefault(name, True)
        for group in ("study", "series", "image") if at in ("study", "series", "image") else (at,):
            if group == at:
                for name in COMMON.get(group, "").split():
                    names.setdefault(name, False)
    parents = found.unique_keys[: found.levels.index(level)]
    out = []
    for name, printed in names.items():
        path = path_of(name)
        if path is None or path[-1].vr == "SQ" or path[-1].keyword in _NOT_ASKED:
            continue
        levels = standard.levels_of(path[0].keyword, model_id)
        home = level if level in levels or not levels else levels[-1]
        if not levels and level == "patient":
            # Of no level that the dictionary knows: hardly one of the patient, whose studies may differ in it.
            home = found.levels[1]
        rule = standard.key_rule(model_id, "dimse", level, tuple(a.keyword for a in path))
        required = rule is not None and rule.key_type in ("R", "U", "RC")
        out.append(About(path, home, required, printed, name == found.unique_key(level), name in parents))
    rank = {at: abs(found.levels.index(at) - found.levels.index(level)) for at in found.levels}
    return tuple(sorted(out, key=lambda a: (not a.required, rank.get(a.home or "", 9), not a.printed)))


def _printed(model_id: str, level: str) -> Iterator[str]:
    found = standard.model(model_id)
    if found is None:
        return
    for table in found.key_tables:
        levels = data.read_json(f"dicom_dictionaries/standard/models/{table}.json")["levels"]
        for group in levels.get(level, ()):
            for row in group["keys"]:
                yield from _nested(row, "")


def _nested(row: dict[str, Any], prefix: str) -> Iterator[str]:
    name = prefix + row["keyword"]
    if row["keyword"] == "*":
        return
    if "items" in row:
        for item in row["items"]:
            if item.get("key") in ("R", "U", "RC"):
                yield from _nested(item, name + ".")
    elif "includes" not in row:
        yield name

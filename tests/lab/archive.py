"""A synthetic archive that discriminates: 40 studies and 18 worklist files, the same in every run, no patient in it.

What the servers disagree about has entities on both sides of it: letter case, accents, ideographic names, padding,
absent and empty values, spellings of times and numbers, several values, several items, several series.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.8.498.4"
CREATOR = "WORKLINT LAB"
DATA = Path(__file__).with_name("archive.json")
"""What is in it. Null: absent; empty text: there without a value.

A patient: name, ID, birth date, sex, character set, further attributes. A study: patient, date, time, accession number,
ID, description, further attributes, series. A series: modality, body part, number of instances, further attributes.
The images are those of the one series with many. A worklist item: patient, accession number, procedure ID, description,
priority, referring physician, further attributes, steps. A step: modality, stations, date, time, performing physician,
description, ID, status, location, codes.
"""
SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "CR": "1.2.840.10008.5.1.4.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1", "SR": "1.2.840.10008.5.1.4.1.1.88.11",
    "PR": "1.2.840.10008.5.1.4.1.1.11.1",
}  # fmt: skip
OTHER = "1.2.840.10008.5.1.4.1.1.7"
LATIN = "ISO_IR 100"


@cache
def _content() -> dict[str, Any]:
    return dict(json.loads(DATA.read_text(encoding="utf-8")))


def _codes(names: list[str]) -> list[Dataset]:
    items = []
    for name in names:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = _content()["codes"][name]
        items.append(item)
    return items


def _requests(rows: list[list[str]]) -> list[Dataset]:
    items = []
    for procedure, step in rows:
        item = Dataset()
        item.RequestedProcedureID, item.ScheduledProcedureStepID = procedure, step
        items.append(item)
    return items


def study_uid(number: int) -> str:
    """Return the UID of the study, counted from 1; series and instances count on below it."""
    return f"{ROOT}.{number}"


def _set(target: Dataset, values: dict[str, Any]) -> None:
    for keyword, value in values.items():
        if value is None or keyword == "images":
            continue
        if keyword.endswith("CodeSequence"):
            value = _codes(value)
        elif keyword == "RequestAttributesSequence":
            value = _requests(value)
        if keyword == "private":
            target.private_block(0x0029, CREATOR, create=True).add_new(0x10, "LO", value)
        else:
            setattr(target, keyword, value)


def _patient(name: str) -> dict[str, Any]:
    who, number, birth, sex, charset, more = _content()["patients"][name]
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
    for number, (patient, day, time, accession, study, description, more, series) in enumerate(
        _content()["studies"], 1
    ):
        upper = _patient(patient)
        upper |= {
            "StudyInstanceUID": study_uid(number), "StudyDate": day, "StudyTime": time, "AccessionNumber": accession,
            "StudyID": study, "StudyDescription": description,
        } | more  # fmt: skip
        if upper.get("SpecificCharacterSet") is None and not str(description or "").isascii():
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
                    lowest |= _content()["images"][image - 1]
                _set(data, lowest)
                as_file(data)
                found.append(data)
    return tuple(found)


@cache
def worklist_items() -> tuple[Dataset, ...]:
    """Return the worklist files: one item each, with its scheduled steps."""
    found = []
    for number, (patient, accession, procedure, description, priority, referring, more, steps) in enumerate(
        _content()["items"], 1
    ):
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
                "ScheduledProtocolCodeSequence": codes,
            })  # fmt: skip
            items.append(item)
        data.ScheduledProcedureStepSequence = items
        as_file(data)
        found.append(data)
    return tuple(found)


def as_file(data: Dataset) -> None:
    """Give a data set the file meta information that storing and saving need."""
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.get("SOPClassUID", OTHER)
    data.file_meta.MediaStorageSOPInstanceUID = data.get("SOPInstanceUID", ROOT)
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def write_worklists(folder: Path, items: Sequence[Dataset] | None = None) -> None:
    """Write the worklist files into the folder that a worklist server reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, data in enumerate(worklist_items() if items is None else items, 1):
            data.save_as(folder / f"item{number:02}.wl", enforce_file_format=True)

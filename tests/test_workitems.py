"""Unified Procedure Step: workitems are found by any of the SOP classes that have C-FIND (PS3.4 CC.2.8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityWorklistInformationFind,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)

import scp
from worklint.enterprise import parse_address
from worklint.knowledge.profile_reader import read_profile
from worklint.network.ask import Manners, NotOffered, Question
from worklint.network.dimse import DimseDoor
from worklint.network.document import profile_of, text_of
from worklint.network.probe import MODELS, probe

MODEL = "unified-procedure-step"
MANNERS = Manners(queries=400, per_second=5000, timeout=3)


def _items() -> list[Dataset]:
    out = []
    for number, (patient, label, state, priority) in enumerate(
        [
            ("SECRET1", "CHEST READ", "SCHEDULED", "HIGH"),
            ("SECRET2", "Chest read", "SCHEDULED", "LOW"),
            ("SECRET3", "KNEE READ", "IN PROGRESS", "LOW"),
            ("SECRET4", "HEAD CAD", "COMPLETED", "MEDIUM"),
        ],
        1,
    ):
        item = Dataset()
        item.SOPClassUID, item.SOPInstanceUID = str(UnifiedProcedureStepPush), f"1.2.9.{number}"
        item.PatientID, item.PatientName, item.ProcedureStepLabel = patient, f"{patient}^X", label
        item.ProcedureStepState, item.ScheduledProcedureStepPriority = state, priority
        item.ScheduledProcedureStepStartDateTime = f"202601{number:02}101500"
        out.append(item)
    return out


def workitems(asked: Dataset) -> Iterator[scp.Reply]:
    # Matched by the matcher of the scripted archive, which knows no levels here.
    for item in _items():
        if all(scp._fits(scp.exact, e, item, ()) for e in asked):
            row = Dataset()
            for element in asked:
                if element.keyword and element.VR != "SQ":
                    setattr(row, element.keyword, item.get(element.keyword, None))
            yield 0xFF00, row


@pytest.mark.parametrize(
    "offered", [UnifiedProcedureStepPull, UnifiedProcedureStepWatch, UnifiedProcedureStepQuery], ids=lambda c: c.keyword
)
def test_workitems_are_found_by_any_of_the_classes(offered: Any) -> None:
    with scp.serving(workitems, models=[offered]) as (address, count):
        door = DimseDoor(parse_address(address), 3)
        answer = door.ask(Question(MODEL, "workitem"), 100)
        door.close()
    assert not answer.failure and [r["SOPInstanceUID"] for r in answer.rows] == [(f"1.2.9.{n}",) for n in range(1, 5)]
    assert count == [1]


def test_a_class_without_queries_is_not_the_model() -> None:
    with scp.serving(workitems, models=[UnifiedProcedureStepPush, ModalityWorklistInformationFind]) as (address, _):
        door = DimseDoor(parse_address(address), 3)
        with pytest.raises(NotOffered):
            door.greet(MODEL)
        door.close()


def test_workitems_are_measured() -> None:
    with scp.serving(workitems, models=[UnifiedProcedureStepWatch]) as (address, _):
        record = probe(DimseDoor(parse_address(address), 3), MANNERS, MODELS, "20261124", lambda text: None)
    assert record.models == [MODEL] and not record.ended
    found = {n: m.found["single", ""].does for n, m in record.measured[MODEL, "workitem"].items()}
    wanted = ("ProcedureStepLabel", "ProcedureStepState", "PatientID")
    assert {n: found[n] for n in wanted} == dict.fromkeys(wanted, "applied")
    text = text_of(profile_of(record, "2026-11-24", None))
    assert read_profile(json.loads(text)).statements and "SECRET" not in text

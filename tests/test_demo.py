"""The demonstration enterprise: its reports byte for byte, and what the README promises of it."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path

import pytest

import worklint
from worklint.report.types import Report

ROOT = Path(__file__).resolve().parent.parent
_SPEC = importlib.util.spec_from_file_location("golden", ROOT / "tools" / "golden.py")
assert _SPEC is not None and _SPEC.loader is not None
golden = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(golden)


@pytest.fixture(scope="module")
def produced() -> dict[str, bytes]:
    return dict(golden.produced())


@pytest.fixture(scope="module")
def report() -> Report:
    return worklint.lint(["examples/lakeside"], today=date(2026, 11, 24), cwd=ROOT)


@pytest.mark.parametrize("name", golden.FILES)
def test_report_is_the_one_that_was_reviewed(name: str, produced: dict[str, bytes]) -> None:
    stored = (ROOT / "reports" / "demo" / name).read_bytes()
    assert produced[name] == stored, "run `make reports` and review the difference"


def test_no_report_names_this_machine(produced: dict[str, bytes]) -> None:
    for name, content in produced.items():
        assert str(ROOT).encode() not in content, name


def test_at_most_half_of_the_cells_are_marked(report: Report) -> None:
    marked = sum(1 for cell in report.cells if cell.mark)
    assert 0 < marked <= len(report.cells) / 2


def test_every_mark_can_be_acted_on(report: Report) -> None:
    causes = {c.id: c for c in report.causes}
    for cell in report.cells:
        if cell.mark:
            cause = causes[cell.cause]
            assert cause.rule and cause.message and cause.remedy, (cell, cause)


def test_body_part_is_answered_differently_nearly_everywhere(report: Report) -> None:
    first = next(w for w in report.worklists if w.name == "Body part chest")
    answers = {
        (c.verdict, report.causes[c.cause].rule)
        for c in report.cells
        if report.constraints[c.constraint].worklist == first.id
    }
    assert len(first.sources) == 6
    assert {v for v, _ in answers} >= {"exact", "superset", "subset", "mixed", "rejected"}


def test_every_worklist_is_judged(report: Report) -> None:
    assert len(report.worklists) >= 12
    assert all(w.complete and w.sources for w in report.worklists)


def test_as_a_data_frame(report: Report) -> None:
    frame = report.to_frame()
    assert len(frame) == len(report.cells)
    assert list(frame.columns[:4]) == ["worklist", "constraint", "source", "verdict"]

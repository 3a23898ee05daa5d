"""The judge as a table: source, condition → verdict, mark, rule and reasons of the first constraint, with clause."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from worklint.project import read_project
from worklint.run import run
from worklint.sources import site_of
from worklint.text import Text

CASES = Path(__file__).parent / "cases" / "judge.csv"


def _cases() -> list[dict[str, str]]:
    with CASES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", _cases(), ids=lambda c: f"{c['source']} | {c['condition']}")
def test_cell(case: dict[str, str]) -> None:
    source, _, web = case["source"].partition("+")
    transport = ", transport: dicomweb" if web else ""
    project = read_project(f"sources:\n  s: {{product: {source}{transport}}}\n", Path())
    text = Text.of(f'worklist "W" {{ {case["settings"]} where {case["condition"]} }}', "a.worklist")
    report = run([text], site_of(project), date(2026, 11, 24))
    cell = report.cells[0]
    found = (
        cell.verdict, cell.mark, report.causes[cell.cause].rule or "", " ".join(cell.add_reasons),
        " ".join(cell.miss_reasons),
    )  # fmt: skip
    assert found == (case["verdict"], case["mark"], case["rule"], case["adds"], case["misses"])

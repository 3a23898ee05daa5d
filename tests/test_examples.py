"""Every example is complete, and the small ones say what their comments promise."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import worklint

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.parametrize("name", sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir()))
def test_example_is_complete(name: str) -> None:
    report = worklint.lint([name], today=date(2026, 11, 24), cwd=EXAMPLES)
    assert report.worklists and all(w.complete and w.sources for w in report.worklists)


@pytest.mark.parametrize(
    ("name", "source", "verdicts"),
    [("first", "archive", ["superset"]), ("one-series", "vna", ["mixed", "superset"])],
)
def test_small_example(name: str, source: str, verdicts: list[str]) -> None:
    report = worklint.lint([name], today=date(2026, 11, 24), cwd=EXAMPLES)
    assert [f.as_written for f in report.filters if f.source == source] == verdicts


@pytest.mark.parametrize(
    ("name", "verdicts", "marks"),
    [
        ("By date", "exact superset superset", "- - -"),
        ("By modality", "exact unknown unknown", "- ? ?"),
        ("By body part", "exact superset superset", "- ! !"),
        ("Not approved", "superset superset superset", "! ! !"),
        ("New", "superset superset mixed", "! ! !"),
        ("By institution", "exact mixed mixed", "- ! !"),
    ],
)
def test_hub_and_spoke(name: str, verdicts: str, marks: str) -> None:
    report = worklint.lint(["hub-and-spoke"], today=date(2026, 11, 24), cwd=EXAMPLES)
    rows = [f for f in report.filters if f.worklist.endswith(f"#{name}")]
    assert [f.source for f in rows] == ["east", "west", "hub"]
    assert " ".join(f.as_written for f in rows) == verdicts
    assert " ".join(f.mark or "-" for f in rows) == marks

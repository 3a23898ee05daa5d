"""Every example is complete, and the small ones say what their comments promise."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import worklint
from worklint.cli import main
from worklint.inputs import gather
from worklint.run import run
from worklint.text import Text

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


EDITS = """
StudyInstanceUID = "1.2.840.99999.1" or StudyInstanceUID = "1.2.840.99999.2"
StudyDate = today and (StudyDescription contains "CHEST" or StudyDescription contains "THORAX")
StudyDate = today and ModalitiesInStudy in ("CT", "MR")
AccessionNumber starts with "X" and StudyDate within last 30 days
StudyDate = today and series has (BodyPartExamined = "CHEST" and StationName = "CT1")
StudyDate = today and PatientSex in ("F", "O")
StudyDate = today and StudyDescription in ("Trauma", "TRAUMA", "trauma")
"""


def test_edits(capsys: pytest.CaptureFixture[str]) -> None:
    """Each list of the example gets the edit that its comment speaks of, and is reliable at all its sources then."""
    command = ["check", str(EXAMPLES / "edits"), "--now", "2026-11-24"]
    wanted = [f"+    where {line}" for line in EDITS.strip().splitlines()]

    def added(*options: str) -> list[str]:
        capsys.readouterr()
        main([*command, "--diff", *options])
        return [line for line in capsys.readouterr().out.splitlines() if line.startswith("+    ")]

    assert added() == wanted[:1]
    assert added("--unsafe-fixes") == wanted
    whole = (EXAMPLES / "edits/lists.worklist").read_text()
    for line, new in zip([x for x in whole.splitlines() if x.startswith("    where ")], wanted, strict=True):
        whole = whole.replace(line, new[1:])
    gathered = gather([str(EXAMPLES / "edits")], EXAMPLES)
    report = run([Text.of(whole, "lists.worklist")], gathered.site, date(2026, 11, 24))
    left = {(f.worklist, f.source): f.as_written for f in report.filters if f.mark}
    assert left == {}


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

"""The hub-and-spoke enterprise: each cell and finding of the eight limitations, with its variants, as lines of data."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from worklint.project import read_project
from worklint.report.types import Report
from worklint.run import run
from worklint.sources import site_of
from worklint.text import Text

CASES = Path(__file__).parent / "cases" / "hub"
FILTER = 'filter unread { "Study status" = "New" }\n'


def _project(change: str) -> str:
    """The fixture's project file with changes: ``SOURCE.KEY VALUE`` (``-`` takes away), ``remove``, ``links A-B``."""
    sources: dict[str, dict[str, Any]] = {
        "east": {
            "product": "impax@6.5.1",
            "role": "spoke",
            "local": "true",
            "settings": {"default-status-of-stored": "new"},
        },
        "west": {"product": "impax@6.5.1", "role": "spoke", "settings": {"default-status-of-stored": "new"}},
        "hub": {"product": "impax-data-center@2.0", "role": "hub", "settings": {"maintain-study-status": "false"}},
    }
    viewer: dict[str, str] = {}
    links = []
    for one in filter(None, (c.strip() for c in change.split(";"))):
        what, *rest = one.split()
        if what == "remove":
            del sources[rest[0]]
        elif what == "links":
            links.append((rest[0].replace("-", ", "), rest[1], rest[2]))
        elif what.startswith("viewer."):
            viewer[what.removeprefix("viewer.")] = rest[0]
        else:
            name, _, key = what.partition(".")
            place = sources[name]
            if key.startswith("settings."):
                place, key = place["settings"], key.removeprefix("settings.")
            if rest[0] == "-":
                place.pop(key, None)
            else:
                place[key] = rest[0]
    lines = ["enterprise: Fixture", "viewer:", "  product: impax-client@6.5.1"]
    if viewer:
        lines.append("  settings: {" + ", ".join(f"{k}: {v}" for k, v in viewer.items()) + "}")
    lines.append("sources:")
    for name, keys in sources.items():
        lines.append(f"  {name}:")
        for key, value in keys.items():
            if value == {}:
                continue
            if isinstance(value, dict):
                value = "{" + ", ".join(f"{k}: {v}" for k, v in value.items()) + "}"
            lines.append(f"    {key}: {value}")
    if links:
        lines.append("links:")
        lines += [f"  - {{between: [{pair}], settings: {{{name}: {value}}}}}" for pair, name, value in links]
    return "\n".join(lines) + "\n"


def _report(change: str, settings: str, condition: str) -> Report:
    enterprise = read_project(_project(change), Path())
    text = f'{FILTER}worklist "W" {{ {settings} where {condition} }}\n'
    return run([Text.of(text, "a.worklist")], site_of(enterprise), date(2026, 11, 24))


def _lines(name: str) -> list[dict[str, str]]:
    with (CASES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", _lines("cells.csv"), ids=lambda c: " | ".join(filter(None, c.values())))
def test_cell(case: dict[str, str]) -> None:
    report = _report(case["change"], case["settings"], case["condition"])
    status = [c for c in report.constraints if "Study status" in c.text] or list(report.constraints)
    found = [c for c in report.cells if c.source == case["source"] and c.constraint == status[0].id]
    if case["verdict"] == "-":
        assert found == []
        return
    cell = found[0]
    assert (cell.verdict, cell.mark, report.causes[cell.cause].rule or "") == (
        case["verdict"], case["mark"], case["rule"],
    )  # fmt: skip
    assert report.causes[cell.cause].evidence, "every verdict cites its evidence"


@pytest.mark.parametrize("case", _lines("findings.csv"), ids=lambda c: " | ".join(filter(None, c.values())))
def test_finding_of_the_site(case: dict[str, str]) -> None:
    report = _report(case["change"], case["settings"], '"Study status" = "New" and StudyDate within last 7 days')
    found = [f.finding for f in report.findings if f.finding.rule == case["rule"] and f.finding.worklist is None]
    assert [f.severity for f in found] == ([case["severity"]] if case["fires"] == "yes" else [])


@pytest.mark.parametrize(
    ("change", "verdict", "mark"),
    [
        ("viewer.new-studies-as-priors false", "subset", "!"),
        ("viewer.new-studies-as-priors true", "superset", ""),
        ("", "unknown", "?"),
    ],
)
def test_priors_hang_on_a_preference(change: str, verdict: str, mark: str) -> None:
    report = _report(change, "purpose priors", 'PatientID = "4711"')
    hub = next(f for f in report.filters if f.source == "hub")
    if change.endswith("false"):
        # The preference leaves out, and an empty PatientID counts as a match.
        assert (hub.as_written, hub.mark, set(hub.miss_reasons)) == ("mixed", mark, {"hidden"})
    else:
        assert (hub.as_written, hub.mark) == (verdict, mark)

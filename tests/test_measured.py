"""What a probe measured of a product, and what the product's file states beside it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from worklint.judge.behaviour import completed
from worklint.knowledge import data, products
from worklint.knowledge.profile import Behaviour
from worklint.project import read_project
from worklint.run import run
from worklint.sources import site_of
from worklint.text import Text

CASES = Path(__file__).parent / "cases" / "measured.txt"
FILES = sorted(p.name for p in data.path("dicom_dictionaries/measured").glob("*.json"))


def _read(text: str) -> Behaviour | None:
    """Read a behaviour as the table writes it."""
    if text == "-":
        return None
    if text.startswith("one of: "):
        parts = tuple(b for t in text[8:].split("; ") if (b := _read(t)))
        return Behaviour("unknown", one_of=parts)
    does, *reasons = text.split()
    plain = {sign: frozenset(r[1:].strip("()") for r in reasons if r[0] == sign) for sign in "+-"}
    open_ = {sign: frozenset(r[2:-1] for r in reasons if r[:2] == f"{sign}(") for sign in "+-"}
    return Behaviour(does, plain["+"], plain["-"], open_adds=open_["+"], open_misses=open_["-"])


def _told(behaviour: Behaviour | None) -> object:
    if behaviour is None:
        return None
    if behaviour.one_of:
        return [_told(b) for b in behaviour.one_of]
    return behaviour.does, behaviour.adds, behaviour.misses


@pytest.mark.parametrize("line", [x for x in CASES.read_text().splitlines() if x and x[0] != "#"])
def test_together(line: str) -> None:
    measured, stated, together, *more = (part.strip() for part in line.split("|"))
    apart = frozenset(more[0][7:].split()) if more and more[0].startswith("apart: ") else frozenset()
    kind = "universal" if more == ["universal"] else "single"
    assert _told(completed(_read(measured), _read(stated), apart, kind)) == _told(_read(together))


def test_every_measurement_belongs_to_a_product() -> None:
    named = [m.file for i in products.product_ids() for p in [products.product(i)] if p for m in p.measurements]
    assert sorted(named) == FILES
    assert FILES


@pytest.mark.parametrize("name", FILES)
def test_a_measurement_holds_no_address(name: str) -> None:
    text = data.path(f"dicom_dictionaries/measured/{name}").read_text(encoding="utf-8")
    assert json.loads(text)["measured"]["complete"]
    assert not any(word in text for word in ("127.0.0.1", "localhost", "dicom://", "http://"))


@pytest.mark.parametrize(
    ("release", "setting", "measured"),
    [("3.6.7", "true", True), ("3.6.7", "false", False), ("3.6.6", "true", False)],
)  # fmt: skip
def test_a_measurement_speaks_of_what_was_measured(release: str, setting: str, measured: bool) -> None:
    """Another release, or another setting, is judged by the product's file alone."""
    source = f"{{product: dcmtk-dcmqrscp@{release}, settings: {{character-set-conversion: '{setting}'}}}}"
    site = site_of(read_project(f"sources:\n  s: {source}\n", Path()))
    report = run([Text.of('worklist "W" { where BodyPartExamined = "CHEST" }', "a.worklist")], site, date(2026, 11, 24))
    cited = [e.citation for c in report.causes for e in c.evidence]
    assert any(c.startswith("worklint probe of") for c in cited) == measured, cited

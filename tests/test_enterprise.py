"""A list over all its sources: who is asked alike, who apart, what comes twice; and how the reports say it."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from worklint.cli import judging, main
from worklint.knowledge.data import read_json
from worklint.project import read_project
from worklint.report import writer
from worklint.report.types import EnterpriseRow, Report
from worklint.run import Options, run
from worklint.sources import site_of
from worklint.text import Text

TODAY = date(2026, 11, 24)
PROJECT = """\
viewer: impax-client@6.5.1
sources:
  east: {product: impax@6.5.1, role: spoke, hub: centre, local: true}
  west: {product: impax@6.5.1, role: spoke, hub: centre}
  centre: {product: impax-data-center@2.0, role: hub}
  store: {product: orthanc@1.12.4, address: "dicom://ORTHANC@archive.example.org:4242"}
  web: {product: orthanc@1.12.4, address: "https://Archive.example.org/dicom-web"}
  other: {product: orthanc@1.12.4, address: "dicom://OTHER@other.example.org:4242"}
"""


def report(condition: str, settings: str = "", project: str = PROJECT) -> Report:
    where = f"where {condition}" if condition else ""
    text = Text.of(f'worklist "W" {{ {settings} {where} }}\n', "a.worklist")
    site = site_of(read_project(project, Path()))
    found = run([text], site, TODAY, options=Options(planned=True, enterprise=True))
    assert found.worklists[0].complete
    return found


def row(condition: str, settings: str = "") -> EnterpriseRow:
    return report(condition, settings).enterprise[0]


def test_who_holds_copies_is_what_the_project_says() -> None:
    found = row('PatientID = "1"')
    assert [sources for sources, _ in found.copies] == [("east", "west", "centre"), ("store", "web")]
    hub, doors = (because for _, because in found.copies)
    assert "one hub (centre)" in hub and "prefer the row of the source that owns the study" in hub
    assert "two doors of one archive" in doors
    assert found.untold == ("other",) and found.unite_on == ("StudyInstanceUID",)


@pytest.mark.parametrize(
    ("sources", "copies", "untold"),
    [
        ("east, store", [], ("east", "store")),
        ("east, west", [("east", "west")], ()),
        ("store", [], ()),
        ("web, store, other", [("store", "web")], ("other",)),
    ],
)
def test_copies_among_the_sources_that_are_asked(sources: str, copies: list[Any], untold: tuple[str, ...]) -> None:
    found = row('PatientID = "1"', f"sources {sources}")
    assert ([s for s, _ in found.copies], found.untold) == (copies, untold)


def test_linked_clusters_keep_their_copies_up_to_date() -> None:
    link = "links:\n  - {between: [east, west], settings: {link-internal-queries: true, link-cluster-updates: true}}\n"
    found = report('PatientID = "1"', "", PROJECT + link).enterprise[0]
    assert "later changes do not reach" not in found.copies[0][1]


def test_sources_are_grouped_by_what_they_are_sent() -> None:
    found = row('BodyPartExamined = "CHEST"', "sources east, west, centre, store, other")
    groups = {g.sources: g for g in found.groups}
    assert groups["east",].as_it_stands
    assert not groups["west", "centre"].as_it_stands and groups["west", "centre"].as_planned == "superset"
    alike = groups["store", "other"]
    assert alike.as_planned == "exact"
    assert alike.queries == ("q1 series: BodyPartExamined=CHEST", "q2 study: StudyInstanceUID from q1")
    assert sorted(s for g in found.groups for s in g.sources) == ["centre", "east", "other", "store", "west"]


def test_what_is_not_in_the_core_is_lost_with_the_sources_at_fault() -> None:
    found = row('StudyDate = 2026-01-01 and BodyPartExamined = "CHEST"', "sources store, other")
    exact, reliable, planned = found.cores
    assert exact.text == reliable.text == "StudyDate = 2026-01-01" and exact.sources == ("store", "other")
    assert planned.text == 'StudyDate = 2026-01-01 and BodyPartExamined = "CHEST"' and not planned.bounded
    assert found.lost == ((1, ("store", "other")),)


def test_a_list_without_condition_says_so() -> None:
    out = io.StringIO()
    writer("table")(report("", "sources store"), out)
    assert "the list has no condition; everything is asked for at store" in " ".join(out.getvalue().split())


def test_reports_tell_it_and_json_fits_its_schema() -> None:
    whole = report('PatientID = "1" and BodyPartExamined = "CHEST"')
    texts = {}
    for name in ("table", "markdown", "html", "json"):
        out = io.StringIO()
        writer(name)(whole, out)
        texts[name] = out.getvalue()
    for name in ("table", "markdown", "html"):
        plain = " ".join(texts[name].replace("\\", "").split())
        assert "nothing says whether they hold copies of others" in plain, name
        assert "1 can show one study twice" in plain, name
    assert max(map(len, texts["table"].splitlines())) <= 80
    found = json.loads(texts["json"])
    jsonschema.validate(found, read_json("reports/schema/report.schema.json"))
    assert [c["kind"] for c in found["enterprise"][0]["cores"]] == ["exact", "reliable", "planned"]
    del found["enterprise"][0]["cores"][0]["sources"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, read_json("reports/schema/report.schema.json"))


@pytest.mark.parametrize(
    ("words", "planned", "across"),
    [
        (("matrix",), True, False),
        (("matrix", "--enterprise"), True, True),
        (("matrix", "--output", "page.html"), True, True),
        (("check",), False, False),
        (("check", "--planned"), True, False),
        (("check", "--output", "page.md"), True, True),
    ],
)
@pytest.mark.parametrize("most", [500, 2])
def test_what_is_planned_unasked_is_bounded(
    words: tuple[str, ...], planned: bool, across: bool, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "worklint.yaml").write_text(PROJECT)
    (tmp_path / "a.worklist").write_text('worklist "W" { where PatientID = "1" }\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(judging, "PLANNED_AT_ONCE", most)
    found = []
    write = judging.write_results
    monkeypatch.setattr(judging, "write_results", lambda g, i, r, *a, **k: (found.append(r), write(g, i, r, *a, **k)))
    main([*words, "--fail-on", "never"])
    asked = {"--planned", "--enterprise"} & set(words)
    assert (found[0].summary.planned is not None) == (planned and (most == 500 or bool(asked)))
    assert bool(found[0].enterprise) == (across and (most == 500 or "--enterprise" in words))
    told = "are not planned unasked" in capsys.readouterr().err
    assert told == (words[0] == "matrix" and found[0].summary.planned is None)


@pytest.mark.parametrize(
    ("condition", "settings", "words"),
    [
        ('BodyPartExamined = "CHEST"', "sources west, store, other",
         "nothing: no condition of this list is answered exactly by all of its 3 sources"),
        ('BodyPartExamined = "CHEST"', "sources west, store",
         'BodyPartExamined = "CHEST" (can miss rows at west and store)'),
        ('PatientID = "1" and "Body part" = "CHEST"', "sources centre, store",
         'PatientID = "1" (spelling or empty values at centre) "Body part" = "CHEST" (extra rows at centre and store)'),
        ('ModalitiesInStudy = "CT"', "sources west, store", 'ModalitiesInStudy = "CT" (unknown at west)'),
        ('ModalitiesInStudy = "CT"', "sources west, store",
         "the whole list, exact when sent as planned at west and store:"),
        ('"Body part" = "CHEST"', "sources store", "q1 study: everything in the archive"),
    ],
)  # fmt: skip
def test_it_is_said_so_that_somebody_else_understands_it(condition: str, settings: str, words: str) -> None:
    whole = report(condition, settings)
    for name in ("table", "markdown"):
        out = io.StringIO()
        writer(name)(whole, out)
        # Where lines end, and what Markdown marks, is no matter here.
        assert re.sub(r"[\s`-]", "", words) in re.sub(r"[\s\\`-]", "", out.getvalue()), name

"""Predictions against a live (scripted) source: agreement, contradiction, unreachable sources, JSON."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import jsonschema
import pytest
from pydicom.dataset import Dataset

import scp
from worklint.cli import main
from worklint.knowledge import data
from worklint.network.printed import queries_of
from worklint.network.verify import by_spelling
from worklint.oracle.matcher import Entity
from worklint.resolve import resolve
from worklint.syntax.parser import parse
from worklint.text import Text

PROFILE = {
    "schema": "worklint/profile/1", "product": "scripted", "transports": ["dimse"], "models": ["study-root"],
    "citations": {"c": {"grade": "code", "citation": "a script"}},
    "statements": [
        {"for": {"attribute": "*"}, "key": {"does": "applied"}, "returned": "whole", "absent-means-absent": True,
         "evidence": "c"},
        {"for": {"attribute": "StudyDescription"}, "key": {"does": "ignored"}, "evidence": "c"},
        {"for": {"attribute": "Modality", "level": "study"}, "key": {"does": "ignored"}, "evidence": "c"},
    ],
}  # fmt: skip


def project(folder: Path, address: str, more: str = "") -> None:
    (folder / "own.json").write_text(json.dumps(PROFILE), encoding="utf-8")
    (folder / "worklint.yaml").write_text(
        f'sources:\n  here: {{profile: own.json, address: "{address}"}}\n{more}', encoding="utf-8"
    )


def run(folder: Path, condition: str, monkeypatch, capsys, address: str, more: str = "") -> tuple[int, dict]:
    (folder / "a.worklist").write_text(f'worklist "w" {{ where {condition} }}\n', encoding="utf-8")
    project(folder, address, more)
    monkeypatch.chdir(folder)
    code = main(["verify", "--format", "json", "--now", "2026-11-24"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, data.read_json("reports/schema/verify.schema.json"))
    return code, document


# the source, the condition, exit code, agreement of the filter, of each cell
CASES = [
    (scp.archive(), 'AccessionNumber = "ACC77"', 0, "agrees", []),
    (scp.archive(ignored=["StudyDescription"]), 'StudyDescription = "KNEE LEFT"', 0, "agrees", []),
    (scp.archive(), 'StudyDescription = "KNEE LEFT"', 0, "covers", []),
    (scp.archive(ignored=["AccessionNumber"]), 'AccessionNumber = "ACC77"', 1, "contradicted", []),
    (scp.archive(), 'PatientID = "OTHER4" and StudyDate >= 2026-01-01', 0, "agrees", ["agrees", "agrees"]),
    (
        scp.archive(ignored=["AccessionNumber"]), 'AccessionNumber = "ACC77" and StudyDate = 2026-01-01', 0, "agrees",
        ["contradicted", "agrees"],
    ),
    (scp.archive(), 'BodyPartExamined = "CHEST"', 0, "undecided", []),
    (scp.refusing, 'AccessionNumber = "ACC77"', 1, "contradicted", []),
]  # fmt: skip


@pytest.mark.parametrize(("script", "condition", "code", "whole", "cells"), CASES)
def test_agreement(script, condition, code, whole, cells, tmp_path, monkeypatch, capsys):
    with scp.serving(script) as (address, _):
        found, document = run(tmp_path, condition, monkeypatch, capsys, address)
    assert [f["agreement"] for f in document["filters"]] == [whole]
    assert [c["agreement"] for c in document["cells"]] == cells
    assert found == (1 if "contradicted" in (whole, *cells) else code)


def series(asked: Dataset) -> Iterator[scp.Reply]:
    """Answer at two levels: every second study has a series of CT, every third one of MR."""
    if asked.QueryRetrieveLevel == "STUDY":
        yield from scp.archive(ignored=["Modality"])(asked)
        return
    for number, study in enumerate(scp.ARCHIVE):
        for modality, each in (("CT", 2), ("MR", 3)):
            wanted = asked.get("Modality", ""), asked.get("StudyInstanceUID", "")
            if not number % each and wanted[0] in ("", modality) and wanted[1] in ("", study.StudyInstanceUID):
                row = scp.study(number + 1, Modality=modality, SeriesInstanceUID=f"1.2.4.{number}.{each}")
                row.QueryRetrieveLevel = "SERIES"
                yield 0xFF00, row


# the source, the condition, verdict of the filter as written, verdict and agreement of the plan
PLANS = [
    (scp.archive(), 'AccessionNumber = "ACC77"', "exact", "exact", "agrees"),
    (scp.archive(), 'StudyDescription = "KNEE LEFT"', "superset", "exact", "agrees"),
    (scp.archive(), 'not PatientID = "OTHER4"', "superset", "exact", "agrees"),
    (scp.archive(), 'PatientID = "OTHER4" or not StudyDescription = "*ROUTINE*"', "superset", "exact", "agrees"),
    (scp.archive(ignored=["AccessionNumber"]), 'AccessionNumber = "ACC77"', "exact", "exact", "contradicted"),
    (scp.refusing, 'AccessionNumber = "ACC77"', "exact", "exact", "contradicted"),
    (series, 'Modality = "CT"', "superset", "exact", "agrees"),
    (series, 'not series has (Modality = "CT")', "superset", "exact", "agrees"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "condition", "written", "verdict", "planned"), PLANS)
def test_the_plan_is_carried_out(script, condition, written, verdict, planned, tmp_path, monkeypatch, capsys):
    with scp.serving(script) as (address, _):
        _, document = run(tmp_path, condition, monkeypatch, capsys, address)
    assert [f["prediction"]["verdict"] for f in document["filters"]] == [written]
    assert [(f["prediction"]["verdict"], f["agreement"]) for f in document["plans"]] == [(verdict, planned)]


def test_what_a_plan_subtracts_must_have_been_read_whole(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.worklist").write_text('worklist "w" { where not series has (Modality = "CT") }\n', encoding="utf-8")
    with scp.serving(series) as (address, _):
        project(tmp_path, address)
        monkeypatch.chdir(tmp_path)
        main(["verify", "--format", "json", "--now", "2026-11-24", "--rows", "2"])
    (found,) = json.loads(capsys.readouterr().out)["plans"]
    assert found["agreement"] == "undecided" and "more is shown than was read" in found["observation"]["why"]


def test_a_contradiction_says_what_to_write(tmp_path, monkeypatch, capsys):
    with scp.serving(scp.archive(ignored=["AccessionNumber"])) as (address, _):
        _, document = run(tmp_path, 'AccessionNumber = "ACC77"', monkeypatch, capsys, address)
    assert "AccessionNumber: {matching: [single], does: applied, adds: [other]}" in document["filters"][0]["correction"]


def test_a_source_that_is_away_does_not_keep_the_others(tmp_path, monkeypatch, capsys):
    more = '  gone: {profile: own.json, address: "dicom://X@127.0.0.1:1"}\n'
    with scp.serving(scp.archive()) as (address, _):
        code, document = run(tmp_path, 'AccessionNumber = "ACC77"', monkeypatch, capsys, address, more)
    assert code == 2
    assert [(s["id"], s["reached"]) for s in document["sources"]] == [("here", True), ("gone", False)]
    assert len(document["filters"]) == 1


@pytest.mark.parametrize(("ca", "code", "said"), [("source", 0, None), ("other", 2, "not trusted")])
def test_over_tls(ca, code, said, tmp_path, monkeypatch, capsys):
    scp.name_files(scp.certificates(tmp_path), monkeypatch, ca, "client")
    with scp.serving(scp.archive(), scp.asking_for_certificates(tmp_path)) as (address, _):
        found, document = run(tmp_path, 'AccessionNumber = "ACC77"', monkeypatch, capsys, address)
    assert found == code and [f["agreement"] for f in document["filters"]] == (["agrees"] if code == 0 else [])
    assert said is None or said in document["sources"][0]["error"]


def test_without_an_address_it_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.worklist").write_text('worklist "w" { where PatientID = "1" }', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "--no-project"]) == 2
    assert "no source has an address" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "told"), [("Mü*", True), ("M?*", False)])
def test_a_printed_plan_names_its_character_set(name, told, tmp_path, monkeypatch, capsys):
    (tmp_path / "a.worklist").write_text(f'worklist "w" {{ where PatientName like "{name}" }}\n', encoding="utf-8")
    project(tmp_path, "dicom://X@127.0.0.1:104")
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "--format", "json", "--now", "2026-11-24"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    (query,) = plan["queries"]
    assert (query["identifier"].get("00080005") == {"vr": "CS", "Value": ["ISO_IR 192"]}) is told
    (read,) = queries_of(plan)
    assert [k.text for k in read.keys] == [name] and "SpecificCharacterSet" not in str(read.empties)
    assert main(["plan", "--now", "2026-11-24"]) == 0
    assert ("SpecificCharacterSet=ISO_IR 192" in capsys.readouterr().out) is told


SPELLED = """\
ContentDate < "19700101"              | 20260301,       | yes  one image has none
ContentDate < "19700101"              | 20260301,20260302 | no
image has (ContentDate < "19700101")  | 20260301,       | yes
image has (ContentDate < "19700101")  | 20260301,20260302 | no
not image has (ContentDate < "1970")  | 20260301,20260302 | yes  no query says it
ContentDate < "19700101"              |                 | yes
"""


@pytest.mark.parametrize("line", SPELLED.splitlines())
def test_what_is_added_for_want_of_a_value_is_told_entity_by_entity(line):
    condition, dates, expected = (p.strip() for p in line.split("|"))
    images = []
    for day in dates.split(","):
        image = Dataset()
        if day:
            image.ContentDate = day
        images.append(Entity("image", image))
    text = Text.of(f'worklist "a" {{ level series where {condition} }}', "a.worklist")
    (worklist,) = resolve([parse(text)], [], None, {}, date(2026, 11, 24)).worklists
    assert by_spelling(worklist.filter, Entity("series", Dataset(), tuple(images))) is expected.startswith("yes")

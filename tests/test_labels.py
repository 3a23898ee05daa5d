"""Label dictionaries: every label resolves, and what has no attribute gets none."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import jsonschema
import pytest

from worklint.knowledge import standard
from worklint.knowledge.labels import Label, find, labels, nearest_labels, vocabularies

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "dicom_dictionaries/schema/labels.schema.json").read_text())
VIEWER = "impax-client"

# Words that look like a standard attribute and are none (the archive computes or keeps the value itself).
NO_ATTRIBUTE = [
    "Body part", "Study status", "Specialty", "Verified status", "Global patient ID", "Patient location",
    "Patient comments", "Keywords", "Station alias", "Sending AE title", "Receiving AE title", "Archive flags",
    "Date created", "Date modified", "Date closed", "Protection expiry", "Private study field 1",
    "Private study field 2", "Parent study date", "Parent study time", "Report source",
]  # fmt: skip


@pytest.mark.parametrize("vocabulary", vocabularies())
def test_file_fits_its_schema(vocabulary: str) -> None:
    with (ROOT / f"dicom_dictionaries/labels/{vocabulary}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    jsonschema.validate(rows, SCHEMA)
    assert len({r["label"].casefold() for r in rows}) == len(rows)


@pytest.mark.parametrize("vocabulary", vocabularies())
def test_labels_agree_with_the_standard(vocabulary: str) -> None:
    for label in labels(vocabulary).values():
        if label.attribute:
            found = standard.attribute_by_keyword(label.attribute)
            assert found is not None, label
            assert found.vr == label.vr, label
        if label.private:
            assert re.fullmatch(r'\([0-9a-f]{3}[13579bdf],xx[0-9a-f]{2} "[^"\\]+"\)', label.private, re.IGNORECASE)
        assert [v for v in label.values if standard.legal_value(label.vr, v)] == []
        assert not label.near or (not label.attribute and standard.attribute_by_keyword(label.near.split()[0]))


@pytest.mark.parametrize("word", NO_ATTRIBUTE)
def test_never_a_look_alike(word: str) -> None:
    found = find(word, VIEWER)
    assert found is not None and found.attribute == ""


def test_all_other_labels_have_an_attribute() -> None:
    without = {label.label for label in labels(VIEWER).values() if not label.attribute}
    assert without == set(NO_ATTRIBUTE)


def test_study_status() -> None:
    status = labels(VIEWER)["study status"]
    assert status.values == ("New", "Dictated", "Transcribed", "Approved")
    assert status.display_only == ("UNKNOWN",)
    assert status.mutable and not status.computed


def test_body_part_is_computed_and_another_field_than_body_part_examined() -> None:
    assert labels(VIEWER)["body part"].computed
    assert labels(VIEWER)["body part examined"].attribute == "BodyPartExamined"


def test_case_and_blanks_do_not_count() -> None:
    assert find("  BODY   Part ", VIEWER) is labels(VIEWER)["body part"]


def test_own_labels_come_first() -> None:
    own = Label("Body Part", attribute="BodyPartExamined")
    assert find("body part", VIEWER, [own]) is own


@pytest.mark.parametrize("vocabulary", ["nobody", "", "../labels/impax-client", "IMPAX-CLIENT"])
def test_unknown_vocabulary_has_no_labels(vocabulary: str) -> None:
    assert labels(vocabulary) == {}
    assert find("Body part", vocabulary) is None


@pytest.mark.parametrize(
    ("word", "own", "first"),
    [("Body prat", (), "Body part"), ("studystatus", (), "Study status"), ("Triag", (Label("Triage"),), "Triage")],
)
def test_nearest_label(word: str, own: tuple[Label, ...], first: str) -> None:
    assert nearest_labels(word, VIEWER, own)[0] == first


def test_nothing_is_near() -> None:
    assert nearest_labels("zzzz", VIEWER) == ()

"""The reference matcher: hand-written truth, laws that hold for any values, and pydicom's own reading."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from pathlib import Path
from typing import Any as Anything

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag
from pydicom.valuerep import DA, DT, TM

from worklint.knowledge import standard
from worklint.model import All, Any, Attribute, Constraint, Filter, Has, Parameter, Span, Test, Value
from worklint.oracle.matcher import Entity, UndecidedError, alike, entities_at, equal, leaves, matches, moment
from worklint.resolve import resolve
from worklint.syntax.parser import parse
from worklint.text import Text

CASES = Path(__file__).parent / "cases" / "matcher"
TODAY = date(2026, 1, 3)

# One attribute for each VR, of the study.
ATTRIBUTES = {
    "CS": "PatientSex", "LO": "StudyDescription", "LT": "AdditionalPatientHistory", "PN": "PatientName",
    "DA": "StudyDate", "TM": "StudyTime", "IS": "NumberOfFrames", "DS": "PatientWeight", "UI": "StudyInstanceUID",
    "DT": "AcquisitionDateTime", "FL": "TableTopLateralPosition", "US": "Rows",
}  # fmt: skip


def condition(text: str, level: str = "study") -> Filter:
    where = f'worklist "W" {{\n level {level}\n where {text}\n}}\n'
    resolved = resolve([parse(Text.of(where, "a.worklist"))], [], None, {}, TODAY)
    assert resolved.worklists[0].complete, (text, resolved.findings)
    return resolved.worklists[0].filter


def element(keyword: str, text: str) -> DataElement:
    attribute = standard.attribute_by_keyword(keyword)
    assert attribute is not None, keyword
    vr = attribute.vr.split(" ")[0]
    value: Anything = text.split("\\") if "\\" in text else text
    if vr in ("FL", "US") and text:
        value = float(text) if vr == "FL" else int(text)
    return DataElement(int(attribute.tag, 16), vr, value, validation_mode=IGNORE)


VALUES = list(csv.DictReader((CASES / "values.csv").open(encoding="utf-8")))


@pytest.mark.parametrize("case", VALUES, ids=lambda c: f"{c['vr']} {c['stored']} {c['test']}")
def test_values(case: dict[str, str]) -> None:
    keyword = ATTRIBUTES[case["vr"]]
    test = case["test"]
    text = test.replace("@", keyword) if "@" in test else f"{keyword} {test}"
    dataset = Dataset()
    if case["stored"]:
        dataset.add(element(keyword, case["stored"]))
    # Where the attribute lives is another question: here the study holds it itself.
    found = at_home(condition(text))
    assert matches(found, Entity("study", dataset)) == (case["true"] == "1"), case["clause"]
    if not case["stored"]:
        dataset.add(element(keyword, ""))
        assert matches(found, Entity("study", dataset)) == (case["true"] == "1"), "zero length"


def at_home(node: Filter) -> Filter:
    if isinstance(node, Test):
        return replace(node, constraint=replace(node.constraint, attribute_level="study"))
    if isinstance(node, Has):
        return replace(node, filter=at_home(node.filter))
    return type(node)(tuple(at_home(p) for p in node.parts))


def test_every_vr_of_the_table_is_tried() -> None:
    assert {c["vr"] for c in VALUES} == set(ATTRIBUTES)
    assert {c["true"] for c in VALUES} == {"0", "1"}


# --- entities


def read_entities(text: str) -> tuple[tuple[Entity, ...], list[tuple[set[str], str]]]:
    tops: list[tuple[Dataset, list[tuple[Dataset, list[Dataset]]]]] = []
    filters = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if "|" in line and not line.lstrip().startswith(("study", "series", "image")):
            names, _, where = line.partition("|")
            filters.append((set(names.split()), where.strip()))
            continue
        what, _, rest = line.strip().partition(":")
        dataset = Dataset()
        rest, *items = re.split(r" items=", rest)
        for pair in rest.split():
            keyword, _, value = pair.partition("=")
            dataset.add(element(keyword, value))
        if items:
            sequence = []
            for item in re.findall(r"\[([^]]*)\]", items[0]):
                one = Dataset()
                for pair in item.split():
                    one.add(element(*pair.split("=")))
                sequence.append(one)
            dataset.RequestAttributesSequence = Items(sequence)
        if what.startswith("study"):
            dataset.StudyID = what.split()[1]
            tops.append((dataset, []))
        elif what == "series":
            tops[-1][1].append((dataset, []))
        else:
            tops[-1][1][-1][1].append(dataset)
    studies = tuple(
        Entity(
            "study", d, tuple(Entity("series", s, tuple(Entity("image", i) for i in images)) for s, images in series)
        )
        for d, series in tops
    )
    return studies, filters


STUDIES, FILTERS = read_entities((CASES / "entities.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("names", "where"), FILTERS, ids=[w for _, w in FILTERS])
def test_entities(names: set[str], where: str) -> None:
    found = condition(where)
    assert {e.dataset.StudyID for e in STUDIES if matches(found, e)} == names


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ('StudyDate = 2026-01-01 and Modality = "SR"', ["1"]),
        ('PatientName like "D*"', ["2", "2"]),
        ('image has (ImageType = "PRIMARY")', ["1"]),
        ("StudyTime is empty", ["2", "2"]),
    ],
)
def test_seen_from_the_series(where: str, names: list[str]) -> None:
    found = condition(where, "series")
    series = entities_at(STUDIES, "series")
    assert [e.above.dataset.StudyID for e in series if e.above and matches(found, e)] == names


def test_private_attributes_are_found_by_their_creator() -> None:
    found = condition('(0029,xx10 "ACME") = "X"')
    for block in (0x10, 0x11):
        dataset = Dataset()
        dataset.add(DataElement((0x0029, 0x10), "LO", "OTHER" if block == 0x11 else "ACME"))
        dataset.add(DataElement((0x0029, 0x11), "LO", "ACME" if block == 0x11 else "OTHER"))
        dataset.add(DataElement((0x0029, block << 8 | 0x10), "LO", "X"))
        assert matches(found, Entity("study", dataset))
        dataset[0x0029, block].value = "THIRD"
        assert not matches(found, Entity("study", dataset))


def test_what_sounds_like_is_nobodys_to_decide() -> None:
    with pytest.raises(UndecidedError):
        matches(condition('PatientName sounds like "Meyer"'), STUDIES[0])


def test_a_date_time_without_offset_is_in_the_zone_of_the_source() -> None:
    dataset = Dataset()
    dataset.add(element("AcquisitionDateTime", "20260131120000"))
    found = at_home(condition('AcquisitionDateTime = "20260131110000+0000"'))
    assert not matches(found, Entity("study", dataset))
    assert matches(found, Entity("study", dataset), zone=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("where", "user", "true"),
    [
        ("PatientName = $user", "SMITH^JOHN", True),
        ("PatientName = $user", "SM*", False),
        ("PatientName = $user", "", False),
        ("PatientName starts with $user", "SMITH", True),
        ("PatientName starts with $user", "SM*TH", False),
    ],
)
def test_a_parameter_is_text(where: str, user: str, true: bool) -> None:
    assert matches(condition(where), STUDIES[0], parameters={"user": user}) == true


# --- what tells of the entities below


@pytest.mark.parametrize(
    ("keyword", "value", "of_patient", "of_studies"),
    [
        ("ModalitiesInStudy", "CT", True, [True, False]),
        ("ModalitiesInStudy", "US", False, [False, False]),
        ("NumberOfStudyRelatedSeries", "2", True, [True, False]),
        ("NumberOfPatientRelatedStudies", "2", True, [True, True]),
        ("NumberOfPatientRelatedStudies", "1", False, [False, False]),
        ("NumberOfPatientRelatedSeries", "3", True, [True, True]),
    ],
)
def test_what_tells_of_those_below(keyword: str, value: str, of_patient: bool, of_studies: list[bool]) -> None:
    studies = []
    for modalities in (("CT", "MR"), ("MR",)):
        series = []
        for modality in modalities:
            data = Dataset()
            data.Modality = modality
            series.append(Entity("series", data))
        studies.append(Entity("study", Dataset(), tuple(series)))
    patient = Entity("patient", Dataset(), tuple(studies))
    attribute = standard.attribute_by_keyword(keyword)
    assert attribute is not None
    one = test_of(attribute, "single", value)
    assert matches(one, patient) is of_patient
    assert matches(replace(one, negated=True), patient) is not of_patient
    assert [matches(one, s) for s in entities_at((patient,), "study")] == of_studies


# --- laws

SPAN = Span("", 1, 1, 1, 1)
NAMES = st.text("aAbÄäé^= *?", min_size=1, max_size=6)
TEXTS = st.text("aAbBÄäé *?%\\_".replace("\\", ""), min_size=1, max_size=6).filter(lambda t: t.strip())
TIMES = st.builds(
    lambda h, m, s, f, n: "".join((f"{h:02}", f"{m:02}", f"{s:02}", f".{f:06}")[:n]),
    st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.integers(1, 4),
)  # fmt: skip
DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 6)).map(lambda d: d.strftime("%Y%m%d"))
LO = Attribute("StudyDescription", "00081030", "LO", "1")
TM_ = Attribute("StudyTime", "00080030", "TM", "1")
DA_ = Attribute("StudyDate", "00080020", "DA", "1")


def test_of(attribute: Attribute, matching: str, *values: str, **more: Anything) -> Test:
    return Test(Constraint("", SPAN, (attribute,), None, "study", "study", matching, tuple(map(Value, values)), **more))


test_of.__test__ = False  # type: ignore[attr-defined]


def entity(attribute: Attribute, *values: str) -> Entity:
    dataset = Dataset()
    if values:
        dataset.add(DataElement(int(attribute.tag, 16), attribute.vr, list(values), validation_mode=IGNORE))
    return Entity("study", dataset)


@st.composite
def some_test(draw: st.DrawFn) -> Filter:
    kind = draw(st.sampled_from(("single", "any-of", "wildcard", "empty", "range", "universal")))
    negated = draw(st.booleans())
    if kind == "range":
        made: Test = test_of(TM_, kind, draw(TIMES), draw(TIMES))
    elif kind in ("empty", "universal"):
        made = test_of(LO, kind)
    elif kind == "any-of":
        made = test_of(LO, kind, draw(TEXTS), draw(TEXTS))
    else:
        made = test_of(LO, kind, draw(TEXTS))
    return Test(made.constraint, negated)


def flipped(node: Filter) -> Filter:
    """Negation pushed to the leaves."""
    if isinstance(node, Test | Has):
        return replace(node, negated=not node.negated)
    return (Any if isinstance(node, All) else All)(tuple(flipped(p) for p in node.parts))


FILTER = st.recursive(
    some_test(), lambda f: st.builds(lambda k, p: k(tuple(p)), st.sampled_from((All, Any)), st.lists(f, max_size=3))
)
STORED = st.lists(TEXTS, max_size=3)


@given(FILTER, STORED, st.lists(TIMES, max_size=2))
@settings(max_examples=150, deadline=None)
def test_negation_flips(found: Filter, texts: list[str], times: list[str]) -> None:
    dataset = Dataset()
    dataset.update(entity(LO, *texts).dataset)
    dataset.update(entity(TM_, *times).dataset)
    one = Entity("study", dataset)
    assert matches(found, one) != matches(flipped(found), one)
    assert len(list(leaves(found))) == len(list(leaves(flipped(found))))


@given(STORED, st.lists(TEXTS, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_in_is_or_of_equals(stored: list[str], wanted: list[str]) -> None:
    one = entity(LO, *stored)
    assert matches(test_of(LO, "any-of", *wanted), one) == any(matches(test_of(LO, "single", w), one) for w in wanted)
    assert matches(test_of(LO, "multiple", *wanted), one) == all(matches(test_of(LO, "single", w), one) for w in wanted)


@given(TIMES, TIMES, TIMES)
@settings(max_examples=100, deadline=None)
def test_a_range_is_its_two_bounds(stored: str, low: str, high: str) -> None:
    one = entity(TM_, stored)
    both = matches(test_of(TM_, "range", low, high), one)
    assert both == (matches(test_of(TM_, "range", low, ""), one) and matches(test_of(TM_, "range", "", high), one))
    strictly = matches(test_of(TM_, "range", low, "", strict=(True, False)), one)
    assert strictly == (matches(test_of(TM_, "range", low, ""), one) and not matches(test_of(TM_, "single", low), one))


@given(TEXTS, TEXTS, st.sampled_from(("", " ", "  ")))
@settings(max_examples=100, deadline=None)
def test_padding_and_case_change_nothing(stored: str, wanted: str, pad: str) -> None:
    assert equal(stored + pad, wanted, "LO") == equal(stored, pad + wanted, "LO")
    folded = frozenset({"case"})
    assert equal(stored.upper(), wanted, "LO", folded) == equal(stored.lower(), wanted, "LO", folded)
    assert equal(stored, wanted, "LO") <= equal(stored, wanted, "LO", folded)


@given(TEXTS, st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=100, deadline=None)
def test_patterns_of_a_text_fit_it(stored: str, start: int, length: int) -> None:
    text = stored.strip()

    def literal(part: str) -> str:
        return re.sub(r"([*?\\])", r"\\\1", part)

    assert alike(text, literal(text), "LO")
    assert alike(text, f"*{literal(text[start : start + length])}*", "LO")
    assert alike(text, "?" * len(text), "LO")
    assert not alike(text, "?" * (len(text) + 1), "LO")


# --- pydicom reads dates and times too


@given(TIMES)
def test_times_mean_what_pydicom_reads(text: str) -> None:
    read, mine = TM(text), moment(text, "TM")
    assert read is not None and mine is not None
    assert mine.time() == read.replace()


@given(DAYS, TIMES, st.sampled_from(("", "+0130", "-0500")))
def test_date_times_mean_what_pydicom_reads(day: str, clock: str, offset: str) -> None:
    read, mine = DT(day + clock + offset), moment(day + clock + offset, "DT")
    assert read is not None and mine is not None
    assert mine == (read if read.tzinfo else read.replace(tzinfo=UTC))
    assert moment(day, "DA").date() == DA(day)  # type: ignore[union-attr]


def test_what_pydicom_cannot_read_is_text() -> None:
    dataset = Dataset()
    dataset[0x00101030] = RawDataElement(Tag(0x00101030), "DS", 2, b"x ", 0, False, True)  # type: ignore[assignment]
    assert not matches(condition("PatientWeight = 1.5"), Entity("study", dataset))
    assert matches(condition("PatientWeight is not empty"), Entity("study", dataset))


def test_a_parameter_stands_inside_a_pattern() -> None:
    value = Value("*$user*", Parameter("user"))
    test = Test(Constraint("", SPAN, (LO,), None, "study", "study", "wildcard", (value,)))
    assert matches(test, entity(LO, "A?B"), parameters={"user": "?"})
    assert not matches(test, entity(LO, "AB"), parameters={"user": "?"})

"""What no plan repairs: a reason for each thing that stays inexact and for nothing else, in words, with evidence."""

from __future__ import annotations

import json
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

import worklint
from test_portable import drawn
from worklint.judge import judge, verdict_name
from worklint.oracle.reading import AmbiguousProfileError
from worklint.plan import plan
from worklint.plan.types import Plan
from worklint.plan.why import how, stays
from worklint.planning import plans_of
from worklint.project import read_project
from worklint.run import Options
from worklint.sources import site_of
from worklint.text import Text

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 24)

# The project's source, the condition, the kind of reason, and words that tell it.
CASES = """
{product: impax@6.5.1}            | "Study status" = "Approved"          | label   | no DICOM attribute stands behind Study status
{product: dcm4chee-arc@5.31}      | PatientName sounds like "MEYER"      | fuzzy   | for the source to say
{product: impax@6.5.1}            | BodyPartExamined = "CHEST"           | unknown | nobody has evidence of how this source returns BodyPartExamined
{product: azure-dicom@v2}         | PatientID = "1"                      | other   | computed, joined or cut
{product: dcm4chee-arc@5.31, keys: {study: {StudyID: {does: ignored, returned: part, because: seen}}}} | StudyID = "7" | part | only some of the values of StudyID
{product: dcm4chee-arc@5.31, keys: {study: {StudyID: {does: ignored, returned: no, because: seen}}}} | StudyID = "7" | no | does not return StudyID
{product: dcm4chee-arc@5.31, keys: {study: {StudyID: {does: ignored, returned: whole, because: seen}}}} | StudyID = "7" | no-value | a row that shows no StudyID is kept
{product: azure-dicom@v2}         | series has (BodyPartExamined = "A" and Modality = "CT") | below | mixes the values
"""  # noqa: E501


def planned(source: str, condition: str) -> Plan:
    site = site_of(read_project(f"viewer: impax-client@6.5.1\nsources:\n  s: {source}\n", Path()))
    text = Text.of(f'worklist "W" {{ where {condition} }}\n', "a.worklist")
    worklists, plans = plans_of([text], site, TODAY)
    assert worklists[0].complete
    return plans[worklists[0].id]["s"]


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_reason(case: str) -> None:
    source, condition, kind, words = (part.strip() for part in case.split("|"))
    made = planned(source, condition)
    kinds = {dict(s.cause.facts)["stays"]: s.cause for s in made.stays}
    assert kind in kinds, (verdict_name(made.as_planned), [s.cause.message for s in made.stays])
    cause = kinds[kind]
    assert words in cause.message
    assert cause.evidence and all(e.citation for e in cause.evidence)
    assert dict(cause.facts)["why"] in cause.message


def test_every_thing_that_stays_has_a_reason_and_nothing_else_has() -> None:
    seen: set[str] = set()
    lists = ((o.worklist, p, o.text) for o in drawn(11) for p in o.places.values())
    for worklist, place, text in islice(lists, 700):
        try:
            written = judge(worklist, place)
            made = plan(worklist, place, written)
            left = stays(worklist, place, made, written)
        except AmbiguousProfileError:
            continue
        whole = made.as_planned
        if whole.rejected or not whole.known:
            assert [s.constraint for s in left] == [None], text
        else:
            told = {s.constraint for s in left}
            assert told - {None} == {i for i, e in enumerate(made.cells) if e.adds}, text
            assert bool(left) == (verdict_name(whole) != "exact"), text
        for stay in left:
            seen.add(dict(stay.cause.facts).get("stays", "own"))
            assert stay.cause.message.endswith("."), stay.cause.message
            assert "{" not in stay.cause.message, stay.cause.message
        assert how(made) or not made.queries
    assert {"label", "unknown", "no-value", "whole", "other", "part", "no", "below", "value"} <= seen


def test_report_counts_what_plans_repair() -> None:
    report = worklint.lint(["examples/lakeside"], today=TODAY, cwd=ROOT, options=Options(planned=True))
    found = report.summary.planned
    assert found is not None
    marked = [f for f in report.filters if f.mark]
    assert found.unreliable == len(marked) == found.exact + found.spelling + found.extra + found.missing
    assert found.exact == sum(1 for f in marked if f.as_planned == "exact")
    for row in (*report.cells, *report.filters):
        assert row.planned is not None
        assert bool(row.planned.causes) == (row.planned.verdict != "exact"), row
    plain = worklint.lint(["examples/lakeside"], today=TODAY, cwd=ROOT)
    assert plain.summary.planned is None and all(c.planned is None for c in plain.cells)


def test_plans_tell_it_as_json() -> None:
    from worklint.plan.print import document

    made = planned("{product: impax@6.5.1}", 'BodyPartExamined = "CHEST" and not "Study status" = "Approved"')
    told = json.loads(document([made]))["plans"][0]["stays"]
    assert [s["constraint"] for s in told] == ['BodyPartExamined = "CHEST"', 'not "Study status" = "Approved"']
    assert all(s["because"] and s["evidence"] for s in told)

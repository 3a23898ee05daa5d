"""Plans as data: a filter and sources → the text of the plan; what remains, read back; mistakes that must be caught."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from executing import depth
from plan_trials import story, tried
from test_plan_property import FAITHFUL, at
from worklint.judge import judge, judge_keys, verdict_name
from worklint.knowledge.data import read_json
from worklint.knowledge.products import product, product_ids
from worklint.model import Effect
from worklint.oracle import matcher, worlds
from worklint.oracle.soundness import read
from worklint.plan import MOST_CONJUNCTIONS, algebra, forms, predicate, split
from worklint.plan.negotiated import granted
from worklint.plan.predicate import text_of
from worklint.plan.print import document, lines, wire_values
from worklint.planning import plans_of
from worklint.project import read_project
from worklint.sources import asked_sources, place_of, site_of
from worklint.text import Text

CASES = Path(__file__).parent / "cases" / "plan"
NOW = datetime(2026, 11, 24, 8, 0)


def cases() -> Iterator[tuple[str, str, str, str]]:
    """Each case: ``== title``, a project, a worklist, the plan; parts are parted by a line ``--``."""
    for path in sorted(CASES.glob("*.txt")):
        for block in path.read_text("utf-8").split("\n== ")[0:]:
            title, _, rest = block.removeprefix("== ").partition("\n")
            project, worklist, wanted = (p.strip("\n") for p in rest.split("\n--\n"))
            yield f"{path.stem}: {title}", project, worklist, wanted


def planned(project: str, worklist: str) -> tuple[str, str]:
    """Return the plans of a worklist as text and as JSON."""
    site = site_of(read_project(project + "\n", Path()))
    text = Text.of(worklist + "\n", "a.worklist")
    worklists, plans = plans_of([text], site, NOW.date(), now=NOW)
    assert all(w.complete for w in worklists), worklist
    found = [p for of in plans.values() for p in of.values()]
    return "\n".join(line for p in found for line in lines(p)), document(found)


@pytest.mark.parametrize(("title", "project", "worklist", "wanted"), list(cases()), ids=lambda v: str(v)[:60])
def test_plan(title: str, project: str, worklist: str, wanted: str) -> None:
    text, printed = planned(project, worklist)
    assert text == wanted, f"{title}\n{text}"
    jsonschema.validate(json.loads(printed), read_json("reports/schema/plan.schema.json"))


# --- what remains, as text --------------------------------------------------------------------------------------------

REMAINS = """
PatientID = "A1" and (StudyDescription = "CHEST" or AccessionNumber = "A1")
not (PatientID = "A1" or StudyDescription contains "CHEST")
not (PatientID = "A1" and not StudyDescription = "CHEST")
(PatientID = "A1" or AccessionNumber = "A12") and (StudyID = "1" or not StudyDate is empty)
PatientID = "A1" or AccessionNumber = "A12" and StudyID = "1" or not StudyID = "2"
PatientName like "SM*\\?" or PatientName like "*\\*" ignoring case accents
StudyDescription = "CH?ST" or StudyDescription = "CHEST*"
StudyDescription = "say \\"now\\"" or StudyID != "1"
StudyDate between 2026-01-01 and 2026-01-03 and StudyTime > 10:30
(StudyDate, StudyTime) >= 2026-01-02T10:30 or StudyDate older than 3 days
OtherPatientIDs has all ("A1", "12") or not OtherPatientIDs in ("A1", "0012")
RequestAttributesSequence has (RequestedProcedureID = "RP1" and ScheduledProcedureStepID = "RP2")
RequestAttributesSequence.RequestedProcedureID = "RP1" or not RequestAttributesSequence.ScheduledProcedureStepID = "RP2"
not RequestAttributesSequence has (RequestedProcedureID = "RP1" or not ScheduledProcedureStepID = "RP2")
series has (Modality = "CT" and (BodyPartExamined = "CHEST" or not SeriesNumber = 2))
(0029,xx10 "ACME") = "A1" or (0008,0050) = "A1"
RequestAttributesSequence.RequestedProcedureID is empty and RequestAttributesSequence.ScheduledProcedureStepID is empty
StudyInstanceUID in ("1.1", "1.2") and NumberOfStudyRelatedSeries >= 2
PatientBirthDate < 2026-01-02 and not (StudyTime >= 10:00 and StudyTime <= 11:00)
ModalitiesInStudy has all ("CT", "MR") or PatientName = "YAMADA^TAROU=山田^太郎"
"""


@pytest.mark.parametrize("condition", REMAINS.strip().splitlines())
def test_what_remains_reads_back_with_the_same_meaning(condition: str) -> None:
    """Under ``or``, under ``not``, in named filters and deep in parentheses: the text means what was meant."""
    forms_of_it = [
        f'worklist "W" {{ where {condition} }}',
        f'filter f {{ {condition} }}\nworklist "W" {{ where not f and StudyInstanceUID is not empty }}',
        f'filter f {{ {condition} }}\nfilter g {{ not f or StudyID = "1" }}\nworklist "W" {{ where f or not g }}',
    ]
    for text in forms_of_it:
        worklist = read(text)
        assert worklist is not None, text
        printed = text_of(worklist.filter)
        again = read(f'worklist "W" {{ where {printed} }}')
        assert again is not None, printed
        assert text_of(again.filter) == printed
        for seed in range(6):
            for study in worlds.archive(Random(seed)):
                assert matcher.matches(worklist.filter, study) == matcher.matches(again.filter, study), printed


def test_a_printer_without_parentheses_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicate, "_inside", predicate.text_of)
    changed = [c for c in REMAINS.strip().splitlines() if not _reads_back(c)]
    assert len(changed) >= 3


def _reads_back(condition: str) -> bool:
    worklist = read(f'worklist "W" {{ where {condition} }}')
    assert worklist is not None
    again = read(f'worklist "W" {{ where {text_of(worklist.filter)} }}')
    studies = [s for seed in range(6) for s in worlds.archive(Random(seed))]
    return again is not None and all(
        matcher.matches(worklist.filter, s) == matcher.matches(again.filter, s) for s in studies
    )


def test_sets_of_keys_are_united_for_one_test_and_intersected_for_several() -> None:
    worklist = 'worklist "W" { where BodyPartExamined in ("CHEST", "HEAD") and SeriesDescription = "A" }'
    _, printed = planned("sources: {s: {product: orthanc@1.12.4}}", worklist)
    *feeds, answer = json.loads(printed)["plans"][0]["queries"]
    asked = {q["id"]: "00180015" in q["identifier"] for q in feeds}
    groups: dict[bool, set[int]] = {True: set(), False: set()}
    for need in answer["needs"]:
        groups[asked[need["query"]]].add(need["group"])
    assert len(feeds) == 3 and sorted(len(g) for g in groups.values()) == [1, 1] and groups[True] != groups[False]


def test_relative_dates_are_printed_as_days() -> None:
    worklist = 'worklist "W" { where not StudyDate within last 7 days }'
    _, printed = planned("sources: {s: {product: dicom-standard}}", worklist)
    (query,) = json.loads(printed)["plans"][0]["queries"]
    assert query["remaining"] == "not StudyDate between 2026-11-17 and 2026-11-24"


def test_parentheses_are_counted_outside_quotes() -> None:
    assert depth('a = "((" and (b = "\\")" or (c))') == 2


# --- empty keys that a source needs -----------------------------------------------------------------------------------

ALONE = [*FAITHFUL["statements"], {
    "for": {"attribute": "StudyDescription", "kind": ["single", "wildcard"]}, "key": {"does": "nothing"},
    "returned": "whole", "absent-means-absent": True, "evidence": "good"}]  # fmt: skip
BESIDE = {"id": "beside", "when": {"returns": ["PatientSex"]}, "evidence": "good", "then": {
    "replace": [{"for": {"attribute": "StudyDescription"}, "key": {"does": "applied"}}]}}  # fmt: skip
WITHOUT: dict[str, Any] = {"id": "without", "when": {"none": ["PatientSex"]}, "evidence": "good"}
ADDS = {"id": "adds", "when": {"returns": ["PatientSex"]}, "evidence": "good",
        "then": {"query": {"does": "applied", "adds": ["other"]}}}  # fmt: skip
EMPTY_KEYS = [
    # Title, profile, keys that ask for something, empty keys beside them, what remains.
    ("nothing comes back without it", {"statements": ALONE, "interactions": [BESIDE]},
     {"StudyDescription"}, {"PatientSex"}, ""),
    ("rows are left out without it",
     {"interactions": [WITHOUT | {"then": {"query": {"does": "applied", "misses": ["other"]}}}]},
     {"StudyDescription"}, {"PatientSex"}, ""),
    ("refused without it", {"interactions": [WITHOUT | {"then": {"query": {"does": "refused"}}}]},
     {"StudyDescription"}, {"PatientSex"}, ""),
    ("a set of them", {"statements": ALONE, "sets": {"some": ["StudyID", "PatientSex"]},
                       "interactions": [BESIDE | {"when": {"returns": ["#some"]}}]},
     {"StudyDescription"}, {"PatientSex"}, ""),
    ("two are needed", {"interactions": [
        WITHOUT | {"then": {"query": {"does": "refused"}}},
        {"id": "too", "when": {"none": ["StudyID"]}, "then": {"query": {"does": "refused"}}, "evidence": "good"}]},
     {"StudyDescription"}, {"PatientSex", "StudyID"}, ""),
    # Then the check is better: what a query adds by itself no check takes away.
    ("it would add rows", {"statements": ALONE, "interactions": [BESIDE, ADDS]},
     set(), {"StudyDescription"}, 'StudyDescription = "CHEST"'),
    ("the source refuses the empty key", {"interactions": [BESIDE], "statements": [*ALONE, {
        "for": {"attribute": "PatientSex", "kind": "universal"}, "key": {"does": "refused"}, "evidence": "good"}]},
     set(), {"StudyDescription"}, 'StudyDescription = "CHEST"'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "valued", "empty", "remaining"), [c[1:] for c in EMPTY_KEYS], ids=[c[0] for c in EMPTY_KEYS]
)
def test_an_empty_key_that_the_source_needs_is_added(
    profile: dict[str, Any], valued: set[str], empty: set[str], remaining: str
) -> None:
    for number in range(12):
        trial = tried(at(FAITHFUL | profile, 'StudyDescription = "CHEST"', number))
        assert trial is not None
        assert not trial.outcome.wrong, story(trial)
        assert trial.printed["as_planned"] == "exact"
        (query,) = trial.printed["queries"]
        sent = {e for e, v in query["identifier"].items() if "Value" in v} - {"00080052"}
        assert len(sent) == len(valued)
        assert set(query["returns"]) == empty
        assert query["remaining"] == remaining


# --- extended negotiation: asked for where it is granted and honoured -------------------------------------------------

GRANTING = {"settings": {"offers": {"default": "true"}, "asked": {"default": "false"}, "other": {}}, "statements": [
    *FAITHFUL["statements"],
    {"for": {"attribute": ["StudyDate", "StudyTime"], "kind": "datetime", "setting": {"asked": "true"}},
     "key": {"does": "applied"}, "evidence": "good"},
    {"for": {"attribute": ["StudyDate", "StudyTime"], "kind": "datetime", "setting": {"asked": "false"}},
     "key": {"does": "applied", "misses": ["interval"]}, "evidence": "good"},
    {"for": {"attribute": "StudyDescription", "kind": "empty"}, "key": {"does": "applied"}, "evidence": "good"},
    {"for": {"attribute": "OtherPatientIDs", "kind": "multiple"}, "key": {"does": "applied"}, "evidence": "good"},
]}  # fmt: skip
MOMENT = '(StudyDate, StudyTime) between "202601011000" and "202601031030"'
NO_VALUE, SEVERAL = "StudyDescription is empty", 'OtherPatientIDs has all ("A1", "12")'
COMBINED, EMPTY, ALL = "combined-date-time", "empty-value-matching", "multiple-value-matching"
ASKED = {"sets": {"asked": "true"}}
# Condition, option, what the profile says of it, and if it is asked for.
GRANTS: list[tuple[str, str, Any, bool]] = [
    (MOMENT, COMBINED, [{"granted": True, **ASKED}], True),
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "for": {"setting": {"offers": "true"}, "level": "study"}}], True),
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "for": {"model": "study-root"}}], True),
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "for": {"model": "patient-root"}}], False),
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "for": {"level": "series"}}], False),
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "for": {"setting": {"offers": "false"}}}], False),
    # A setting decides of which nobody told.
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "for": {"setting": {"other": "true"}}}], False),
    (MOMENT, COMBINED, [{"granted": True, **ASKED}, {"granted": False, "for": {"setting": {"other": "true"}}}], False),
    (MOMENT, COMBINED, [{"granted": False}], False),
    (MOMENT, COMBINED, [{"granted": True, **ASKED, "evidence": "weak"}], False),
    # Granted, and by the source's own word only honoured where the setting says so.
    (MOMENT, COMBINED, [{"granted": True}], False),
    (MOMENT, COMBINED, "yes", False),
    (NO_VALUE, EMPTY, [{"granted": True}], True),
    (NO_VALUE, EMPTY, "yes", True),
    (NO_VALUE, EMPTY, "no", False),
    (SEVERAL, ALL, [{"granted": True}], True),
    (SEVERAL, ALL, [{"granted": False}], False),
    # Granted, but nothing is said of this attribute.
    ("StudyID is empty", EMPTY, [{"granted": True}], False),
]


@pytest.mark.parametrize(("condition", "option", "told", "asked"), GRANTS)
def test_what_has_to_be_negotiated_is_asked_for_where_it_is_granted(
    condition: str, option: str, told: Any, asked: bool
) -> None:
    if isinstance(told, list):
        told = [{"evidence": "good", **record} for record in told]
    grades = {"good": "code", "weak": "assumed"}
    profile: dict[str, Any] = FAITHFUL | GRANTING | {"service": {"negotiation": {option: told}}}
    profile["citations"] = {name: {"grade": grade, "citation": "drawn"} for name, grade in grades.items()}
    for number in range(12):
        trial = tried(at(profile, condition, number))
        assert trial is not None
        assert not trial.outcome.wrong, story(trial)
        queries = trial.printed["queries"]
        assert {o for q in queries for o in q["negotiation"]} == ({option} if asked else set())
        if asked:
            assert len(queries) == 1 and queries[0]["remaining"] == ""
            assert trial.printed["as_planned"] == "exact"


# Condition, option, what the profile says of it, the transports that it speaks of, and what the URL carries.
SEARCHES: list[tuple[str, str, Any, list[str], str]] = [
    (NO_VALUE, EMPTY, "yes", ["dicomweb"], "StudyDescription=%22%22&emptyvaluematching=true"),
    (SEVERAL, ALL, "yes", ["dicomweb"], "OtherPatientIDs=A1,12&multiplevaluematching=true"),
    (
        NO_VALUE,
        EMPTY,
        [{"granted": True, "for": {"transport": "dicomweb"}}],
        ["dimse", "dicomweb"],
        "StudyDescription=%22%22&emptyvaluematching=true",
    ),
    # A plain word, and a record of C-FIND, say nothing of the web.
    (NO_VALUE, EMPTY, "yes", ["dimse", "dicomweb"], ""),
    (NO_VALUE, EMPTY, [{"granted": True, "for": {"transport": "dimse"}}], ["dimse", "dicomweb"], ""),
    (NO_VALUE, EMPTY, "no", ["dicomweb"], ""),
    (SEVERAL, ALL, [{"granted": False}], ["dicomweb"], ""),
    # No parameter asks for these.
    (MOMENT, COMBINED, "yes", ["dicomweb"], ""),
    ("StudyID is empty", EMPTY, "yes", ["dicomweb"], ""),
]


@pytest.mark.parametrize(("condition", "option", "told", "transports", "carried"), SEARCHES)
def test_a_search_carries_what_it_asks_for(
    condition: str, option: str, told: Any, transports: list[str], carried: str
) -> None:
    if isinstance(told, list):
        told = [{"evidence": "good", **record} for record in told]
    profile: dict[str, Any] = FAITHFUL | GRANTING | {"service": {"negotiation": {option: told}}}
    profile["transports"] = transports
    for number in range(12):
        trial = tried(at(profile, condition, number, transport="dicomweb"))
        assert trial is not None
        assert not trial.outcome.wrong, story(trial)
        queries = trial.printed["queries"]
        assert all(("matching=true" in q["url"]) == bool(carried) for q in queries)
        assert {o for q in queries for o in q["negotiation"]} == ({option} if carried else set())
        if carried:
            assert carried in queries[0]["url"]
            assert len(queries) == 1 and trial.printed["as_planned"] == "exact" and queries[0]["remaining"] == ""


@pytest.mark.parametrize(
    ("release", "settings", "found"),
    [
        ("5.31", "", {"relational-queries", "combined-date-time", "fuzzy-person-names", "timezone-query-adjustment"}),
        ("5.31", ", settings: {dcmRelationalQueries: 'false'}",
         {"combined-date-time", "fuzzy-person-names", "timezone-query-adjustment"}),
        ("5.10.6", "", set()),
    ],
)  # fmt: skip
def test_what_an_archive_grants_is_a_matter_of_release_and_setting(
    release: str, settings: str, found: set[str]
) -> None:  # fmt: skip
    text = f"sources: {{s: {{product: dcm4chee-arc@{release}{settings}}}}}\n"
    site = site_of(read_project(text, Path()))
    (source,) = site.sources
    worklist = read('worklist "W" { where StudyDate = today }')
    assert worklist is not None
    place = place_of(site, source, worklist)
    assert granted(place, "study") == found


# --- the arithmetic ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decides", "sent", "left"),
    [
        # A check that decides takes every reason away, sent or not.
        ("exactly", {"ignored"}, set()), ("exactly", None, set()), ("never", set(), set()),
        # What compares values has them to show; what came for want of a value stays.
        ("with-value", {"case", "widened"}, set()), ("with-value", {"case", "empty"}, {"empty"}),
        # A row may show nothing though it has a value.
        ("with-value", None, {"not-sent"}), ("with-value", {"ignored"}, {"ignored"}),
        ("some", None, {"not-sent"}), ("never", {"widened"}, {"other"}), ("never", {"case"}, {"case"}),
    ],
)  # fmt: skip
def test_what_a_check_leaves(decides: str, sent: set[str] | None, left: set[str]) -> None:
    assert algebra.left_after(algebra.Check(decides), frozenset(sent) if sent is not None else None) == left


def test_subtracting_swaps_and_is_refused_where_it_could_lose_rows() -> None:
    misses, adds, outer = Effect(misses=frozenset({"cap"})), Effect(frozenset({"case"})), Effect(frozenset({"empty"}))
    assert algebra.subtracting(adds, outer) is None
    assert algebra.subtracting(Effect(known=False), outer) is None
    taken = algebra.subtracting(misses, outer)
    assert taken is not None and verdict_name(taken) == "superset" and taken.adds == {"empty", "cap"}


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_a_filter_of_a_thousand_branches_is_bounded_and_says_so() -> None:
    branches = " or ".join(f'AccessionNumber = "A{n}"' for n in range(1000))
    text, printed = planned(
        "sources: {s: {product: orthanc@1.12.4}}", f'worklist "W" {{ where StudyDate = 2026-11-24 and ({branches}) }}'
    )
    (query,) = json.loads(printed)["plans"][0]["queries"]
    assert query["identifier"]["00080020"]["Value"] == ["20261124"]
    assert query["remaining"].count("AccessionNumber =") == 1000
    assert "the filter takes 1,000 queries, more than 64" in text


@pytest.mark.parametrize(
    ("branches", "told"),
    [
        ('AccessionNumber = "A{n}" and not BodyPartExamined = "B{n}"', "the filter takes 70 queries, more than 64"),
        (
            'PatientID = "P{n}" and StudyID in ("1", "2", "3") and ModalitiesInStudy = "CT" and StudyTime > 10:{n:02}',
            "",
        ),
    ],
)
def test_planning_is_bounded_at_every_product(branches: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plan takes grows with its branches up to the bound, and not with what could be put together of them."""
    names = [n for n in product_ids() if (p := product(n)) is not None and p.kind == "source"]
    project = "sources:\n" + "\n".join(f"  s{i}: {{product: {n}}}" for i, n in enumerate(names))
    number = 70 if told else 4
    some = " or ".join(f"({branches.format(n=n)})" for n in range(number))
    judged = []

    def counted(*given: Any) -> Any:
        judged.append(given)
        return judge_keys(*given)

    monkeypatch.setattr(split, "judge_keys", counted)
    _, printed = planned(project, f'worklist "W" {{ where StudyDate within last 7 days and ({some}) }}')
    plans = json.loads(printed)["plans"]
    assert len(judged) <= len(plans) * (split.MOST_JUDGED + 64 * number)
    assert max(len(p["queries"]) for p in plans) <= MOST_CONJUNCTIONS * split.MOST_REQUESTS
    for plan in plans:
        assert not told or not plan["queries"] or any(told in n for n in plan["notes"]), plan["source"]


def test_sets_of_keys_are_put_together_one_by_one_where_too_many_were_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    worklist = 'worklist "W" { where PatientID = "1" and ModalitiesInStudy = "CT" and BodyPartExamined = "CHEST" }'
    monkeypatch.setattr(split.Desk, "__init__", _spent(split.Desk.__init__))
    text, _ = planned("sources: {s: {product: dcm4chee-arc@5.31}}", worklist)
    assert "so many sets of keys were tried" in text and "exact as planned" in text, text


def _spent(made: Callable[..., None]) -> Callable[..., None]:
    return lambda self, *given, **named: made(self, *given, **{**named, "budget": 0})


def test_the_widest_disjunction_goes_first_and_selectors_last() -> None:
    narrow = 'PatientID = "1" or PatientID = "2" or PatientID = "3"'
    wide = 'StudyID = "1" or StudyID = "2"'
    worklist = read(f'worklist "W" {{ where ({narrow}) and ({wide}) }}')
    assert worklist is not None
    for selectors, left in ((frozenset[str](), "PatientID"), (frozenset({"PatientID"}), "StudyID")):
        whole = forms.kept_whole(worklist.filter, 3, selectors)
        kept = [a for c in forms.conjunctions(worklist.filter, whole) for a in c if id(a) in whole]
        assert kept and all(text_of(a).startswith(left) for a in kept)


def test_the_day_of_the_source_where_zones_differ() -> None:
    project = "timezone: Europe/Brussels\nsources: {s: {product: orthanc@1.12.4}}"
    worklist = 'worklist "W" { timezone "Asia/Tokyo" where StudyDate = today }'
    _, printed = planned(project, worklist)
    (query,) = json.loads(printed)["plans"][0]["queries"]
    # Eight in Brussels is the afternoon of the same day in Tokyo; the key is a day wider at each end, the check is not.
    assert query["identifier"]["00080020"]["Value"] == ["20261123-20261125"]
    assert query["remaining"].startswith("StudyDate between 2026-11-24 and 2026-11-24")


# --- clocks, zones, quoting ------------------------------------------------------------------------------------------


def _sent() -> Iterator[tuple[str, ...]]:
    """Each line: zone, now, source, condition, what goes out query by query, the verdict as planned."""
    for line in (CASES / "moments.table").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield tuple(part.strip() for part in line.split(" | "))


@pytest.mark.parametrize(("zone", "now", "source", "condition", "sent", "verdict"), list(_sent()))
def test_what_goes_out_at_a_moment(zone: str, now: str, source: str, condition: str, sent: str, verdict: str) -> None:
    site = site_of(read_project(f"timezone: {zone}\nsources: {{s: {{product: {source}}}}}\n", Path()))
    at = datetime.fromisoformat(now)
    text = Text.of(f'worklist "W" {{ where {condition} }}\n', "a.worklist")
    _, plans = plans_of([text], site, at.date(), now=at)
    (plan,) = next(iter(plans.values())).values()
    found = [" ".join("\\".join(wire_values(k)) for k in q.keys) for q in plan.queries if q.role == "answer"]
    assert (" ; ".join(found), verdict_name(plan.as_planned)) == (sent, verdict)


def test_half_of_the_demonstration_is_repaired() -> None:
    root = Path(__file__).resolve().parent.parent / "examples" / "lakeside"
    site = site_of(read_project((root / "worklint.yaml").read_text("utf-8"), root))
    shared = [Text.of(p.read_text("utf-8"), p.name) for p in sorted((root / "shared").glob("*"))]
    texts = [Text.of(p.read_text("utf-8"), p.name) for p in sorted((root / "lists").glob("*"))]
    worklists, plans = plans_of(texts, site, NOW.date(), shared=shared, now=NOW)
    cells, pairs = [], []
    for worklist in worklists:
        for source in asked_sources(site, worklist):
            plan = plans[worklist.id].get(source.id)
            if plan is None:
                continue
            written = judge(worklist, place_of(site, source, worklist))
            pairs.append((verdict_name(plan.as_written), verdict_name(plan.as_planned)))
            both = zip(written.cells, plan.cells, strict=True)
            cells += [(verdict_name(w.effect), verdict_name(p)) for w, p in both]
    for found in (cells, pairs):
        planned_of = [planned for written, planned in found if written != "exact"]
        assert len(planned_of) >= 20 and planned_of.count("exact") >= len(planned_of) / 2

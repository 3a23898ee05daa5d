"""No plan is ever contradicted: random worlds, the planner, and the printed plan carried out at a simulated source.

``plan_worlds`` draws, ``plan_trials`` tries (and runs by hand for as long as one likes), ``plan_shrinking`` makes what
is contradicted small. ``WORKLINT_PLAN_CASES`` and ``WORKLINT_SEED`` change the draw.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace as changed
from random import Random
from typing import Any

import pytest

import worklint.judge
import worklint.plan
import worklint.plan.print
from plan_shrinking import shrunk
from plan_trials import Tally, case_named, run, story, tried
from plan_worlds import NEVER_ZERO, Case, profile_of
from worklint.judge import keeping
from worklint.judge.place import Place
from worklint.model import All, Has, Test
from worklint.model import Any as AnyOf
from worklint.oracle import matcher, worlds
from worklint.plan import checks, forms, negotiated, predicate, ranges, semijoin, split
from worklint.plan.algebra import Check
from worklint.plan.types import NOTHING
from worklint.record import replace

CASES = int(os.environ.get("WORKLINT_PLAN_CASES", "20000"))
SEED = int(os.environ.get("WORKLINT_SEED", "1"))
PARTS = 8


def told(tally: Tally) -> str:
    small = [story(shrunk(trial)) for trial in tally.wrong[:2]]
    return "\n\n".join([tally.summary(), *tally.careless[:3], *small])


@pytest.mark.parametrize("part", range(PARTS))
def test_no_plan_is_contradicted(
    part: int, tmp_path_factory: pytest.TempPathFactory, testrun_uid: str
) -> None:  # fmt: skip
    tally = run(SEED * 100 + part, CASES // PARTS)
    print(f"\nseed {SEED * 100 + part}: {tally.summary()}")
    assert not tally.wrong and not tally.careless, told(tally)
    # Else the figure above says little. The parts may run in several processes; the last one looks at all of them.
    folder = tmp_path_factory.getbasetemp().parent / f"plans-{testrun_uid}"
    folder.mkdir(exist_ok=True)
    (folder / f"{part}.json").write_text(json.dumps(tally.seen), encoding="utf-8")
    parts = [json.loads(f.read_text(encoding="utf-8")) for f in folder.glob("*.json")]
    if len(parts) == PARTS and CASES >= 20_000:
        tried_at_all = Counter[str]()
        for one in parts:
            tried_at_all.update(one)
        missing = [
            f"{kind}: {n}" for kind, names in NEVER_ZERO.items() for n in names if not tried_at_all[f"{kind}: {n}"]
        ]
        assert not missing, f"never drawn: {missing}"


# --- residues: what remains of a branch, of a negation, of a filter ---------------------------------------------------

# At this source the description and the sex are ignored, and everything comes back: what asks for them remains.
IGNORES = {
    "product": "drawn", "citations": {"good": {"grade": "code", "citation": "drawn"}},
    "statements": [
        {"for": {"attribute": "*"}, "key": {"does": "applied"}, "returned": "whole", "absent-means-absent": True,
         "evidence": "good"},
        {"for": {"attribute": ["StudyDescription", "PatientSex", "StudyID"]}, "key": {"does": "ignored"},
         "returned": "whole", "absent-means-absent": True, "evidence": "good"},
    ],
}  # fmt: skip
D, S, N, P = 'StudyDescription = "CHEST"', 'PatientSex = "M"', 'StudyID = "1"', 'PatientID = "A1"'
# Condition (after its filters), and what remains of each query that answers, in order.
RESIDUES: list[tuple[str, list[str]]] = [
    # The remainder of one branch belongs to that branch.
    (f"{P} or {D}", ["", D]),
    (f"{D} or {S}", [D, S]),
    (f"{P} and {D} or {S}", [D, S]),
    (f"{P} and ({D} or {S})", [D, S]),
    (f"({P} or {D}) and ({S} or {N})", [S, N, f"{D} and {S}", f"{D} and {N}"]),
    (f"{P} and {D} or {P} and {S} or {N}", [D, S, N]),
    # Under `not` an `or` becomes an `and` of negations, and the other way round.
    (f"not {D}", [f"not {D}"]),
    (f"not ({D} or {S})", [f"not {D} and not {S}"]),
    (f"not ({D} and {S})", [f"not {D}", f"not {S}"]),
    (f"not ({D} and not {S})", [f"not {D}", S]),
    (f"{P} and not ({D} or {S} and {N})", [f"not {D} and not {S}", f"not {D} and not {N}"]),
    (f"not ({P} or not {D})", [f"not {P} and {D}"]),
    # A filter stands as if in parentheses, whatever is around it.
    (f"filter f {{ {D} or {S} }} {N} and f", [f"{N} and {D}", f"{N} and {S}"]),
    (f"filter f {{ {D} or {S} }} f and {P} or {N}", [D, S, N]),
    (f"filter f {{ {D} or {S} }} not f", [f"not {D} and not {S}"]),
    (f"filter f {{ {D} and {S} }} not f or {N}", [f"not {D}", f"not {S}", N]),
    (f"filter f {{ not {D} }} not f and {N}", [f"{D} and {N}"]),
    (f"filter g {{ {D} or {S} }} filter f {{ g and {N} }} not f", [f"not {D} and not {S}", f"not {N}"]),
]  # fmt: skip
# The same with no room for branches: disjunctions stay whole, and the check needs its parentheses.
WHOLE: list[tuple[str, list[str]]] = [
    (f"{P} and ({D} or {S})", [f"{D} or {S}"]),
    (f"({D} or {S}) and {N}", [f"({D} or {S}) and {N}"]),
    (f"({D} or {S} and {N}) and not {S}", [f"({D} or ({S} and {N})) and not {S}"]),
    (f"{D} or {S} and {N}", [f"{D} or ({S} and {N})"]),
    (f"{D} or {S} and ({N} or {D})", [f"{D} or ({S} and ({N} or {D}))"]),
    (f"({D} or {S}) and ({N} or {P})", [f"({D} or {S}) and ({N} or {P})"]),
    (f"not ({D} and {S}) and {N}", [f"(not {D} or not {S}) and {N}"]),
    (f"filter f {{ {D} or {S} }} {N} and f", [f"{N} and ({D} or {S})"]),
    (f"filter f {{ {D} and {S} }} {N} and not f", [f"{N} and (not {D} or not {S})"]),
    (f'({D} or StudyDescription like "CH\\*T" or StudyDescription = "CHEST \\"PA\\"") and {N}',
     [f'({D} or StudyDescription like "CH\\*T" or StudyDescription = "CHEST \\"PA\\"") and {N}']),
]  # fmt: skip


ARCHIVES = {"study-root": worlds.archive, "patient-root": worlds.patients, "modality-worklist": worlds.schedule}


def at(content: dict[str, Any], condition: str, number: int, bound: int = 64, **where: Any) -> Case:
    """A case of a condition (after the filters that it uses) at a source with this profile, in a drawn archive."""
    filters, _, where_ = condition.rpartition("} ")
    settings = "".join(f"    {name} {where.pop(name)}\n" for name in ("model", "level", "show") if name in where)
    text = f'{filters}{"}" if filters else ""}\nworklist "W" {{\n{settings}    where {where_}\n}}\n'
    named = next((m for m in ARCHIVES if m in settings), "study-root")
    known: dict[str, Any] = {"source": "s", "transport": "dimse", "model": named, "purpose": "reading"}
    place = Place(profile=profile_of(content, None), **(known | where))
    archive = ARCHIVES[named](Random(f"{condition}.{number}"))
    return Case(f"case.{number}", text, place, archive, bound=bound, content=content)


def _plainly(text: str) -> set[str]:
    """The branches of a check, whatever their order and outer parentheses."""
    return {" ".join(sorted(part.split(" and "))) for part in [text]}


@pytest.mark.parametrize(("condition", "bound", "left"), [
    *((c, 64, left) for c, left in RESIDUES), *((c, 1, left) for c, left in WHOLE)
])  # fmt: skip
def test_what_remains_stays_where_it_was_written(condition: str, bound: int, left: list[str]) -> None:
    dropped = 0
    for number in range(12):
        trial = tried(at(IGNORES, condition, number, bound))
        assert trial is not None
        assert not trial.outcome.wrong, story(shrunk(trial))
        assert trial.printed["as_planned"] == "exact"
        answers = [q["remaining"] for q in trial.printed["queries"] if q["role"] == "answer"]
        assert sorted(map(sorted_parts, answers)) == sorted(map(sorted_parts, left))
        dropped += "a check drops a row" in trial.met
    # Else nothing was checked.
    assert dropped


def sorted_parts(text: str) -> str:
    """The same for conjunctions that differ in their order alone."""
    return text if "(" in text or " or " in text else " and ".join(sorted(text.split(" and ")))


# --- what went wrong once ---------------------------------------------------------------------------------------------

FAITHFUL = {
    "product": "drawn", "citations": {"good": {"grade": "code", "citation": "drawn"}},
    "statements": [{"for": {"attribute": "*"}, "key": {"does": "applied"}, "returned": "whole",
                    "absent-means-absent": True, "evidence": "good"}],
    "lifts": [{"lifts": "parents-required", "evidence": "good"}],
}  # fmt: skip
KNOWS_EMPTY = FAITHFUL | {"transports": ["dicomweb"], "statements": [
    *FAITHFUL["statements"],
    {"for": {"attribute": "StudyDescription", "kind": "empty"}, "key": {"does": "applied"}, "evidence": "good"},
], "service": {"negotiation": {"empty-value-matching": "yes"}}}  # fmt: skip
LISTS_ADD = FAITHFUL | {"statements": [
    *FAITHFUL["statements"],
    {"for": {"attribute": ["StudyDescription", "Modality"], "level": "study"}, "key": {"does": "ignored"},
     "evidence": "good"},
    {"for": {"attribute": "StudyInstanceUID", "kind": "single"}, "key": {"does": "applied", "adds": ["other"]},
     "evidence": "good"},
    {"for": {"attribute": "StudyInstanceUID", "kind": "list-of-uid"}, "key": {"does": "applied"}, "evidence": "good"},
]}  # fmt: skip
BELOW = FAITHFUL | {"statements": [
    *FAITHFUL["statements"],
    {"for": {"attribute": "*lower"}, "key": {"does": "ignored"}, "returned": "no", "evidence": "good"},
]}  # fmt: skip
RANGES_TELL_NOTHING = FAITHFUL | {"statements": [
    {"for": {"attribute": "SeriesTime", "kind": "single"}, "key": {"does": "ignored"}, "returned": "whole",
     "absent-means-absent": True, "evidence": "good"},
    {"for": {"attribute": "SeriesTime", "kind": "range"}, "key": {"does": "applied", "adds": ["empty"]},
     "evidence": "good"},
]}  # fmt: skip
FOLDS = FAITHFUL | {"lifts": [], "statements": [
    *FAITHFUL["statements"],
    {"for": {"attribute": "PatientID"}, "key": {"does": "applied", "adds": ["case"]}, "evidence": "good"},
]}  # fmt: skip
ADDS_TO_QUERIES = FAITHFUL | {"interactions": [
    {"id": "i", "when": {"any": ["AccessionNumber"]}, "then": {"query": {"does": "applied", "adds": ["empty"]}},
     "evidence": "good"},
    {"id": "j", "when": {"returns": ["StudyDescription"]}, "then": {"query": {"does": "applied", "adds": ["empty"]}},
     "evidence": "good"},
]}  # fmt: skip
WINDOWS = FAITHFUL | {"statements": [
    *FAITHFUL["statements"],
    {"for": {"attribute": "*", "kind": "datetime"}, "key": {"does": "applied"}, "evidence": "good"},
], "lifts": [*FAITHFUL["lifts"], {"lifts": "date-time-interval", "evidence": "good"}]}  # fmt: skip
ONCE: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("no series has a value: it is not enough that one has none", BELOW, "Modality is empty", {}),
    ("one series has a value: another may have none", BELOW, "ImageType is not empty", {}),
    ("a list of one UID is a single value", LISTS_ADD, 'series has (Modality = "CT")', {}),
    ("a date of one series and a time of another", FAITHFUL,
     '(SeriesDate, SeriesTime) between "202512310000" and "202512312359"', {}),
    ("images under series that are hidden are shown", FAITHFUL | {
        "lifts": [], "service": {"hides": [{"what": "some", "attribute": "BodyPartExamined", "values": ["CHEST"],
                                            "for": {"level": "series"}, "evidence": "good"}]},
    }, 'image has (ImageType = "PRIMARY")', {}),
    ("a time that goes out as a range comes back as a range does", RANGES_TELL_NOTHING, 'SeriesTime = "1030"',
     {"level": "series"}),
    ("a source that takes a date and a time for two windows is asked for no moment", WINDOWS,
     '(StudyDate, StudyTime) between "202512310000" and "202601011200"', {"transport": "dicomweb"}),
    ("values of a list that are asked for one by one are worth what the list is", FAITHFUL | {"keeping": [
        {"for": {"attribute": "Modality"}, "gives": {"behind": ["CT", "MR", "SR"]}, "evidence": "good"}]},
     'Modality in ("CT", "SR")', {"level": "series"}),
    ("a report beside better evidence is a report", FAITHFUL | {
        "citations": {**FAITHFUL["citations"], "rumour": {"grade": "issue", "citation": "drawn"}},
        "statements": [
            *FAITHFUL["statements"],
            {"for": {"attribute": "StudyDate"}, "key": {"does": "applied"}, "evidence": "rumour"},
            {"for": {"attribute": "StudyDate", "product": "drawn"}, "key": {"does": "applied"}, "evidence": "good"}]},
     "StudyDate = 2026-01-02", {}),
    ("one moment is no two windows, whatever the source's own words say of them", WINDOWS | {
        "lifts": FAITHFUL["lifts"], "interactions": [
            {"id": "i", "when": {"all": ["StudyDate", "StudyTime"]}, "then": {"replace": [
                {"for": {"attribute": ["StudyDate", "StudyTime"], "kind": "range"}, "evidence": "good",
                 "key": {"does": "applied", "adds": ["interval"], "misses": ["interval"]}}]}, "evidence": "good"}]},
     '(StudyDate, StudyTime) between "202512291030" and "202601021200"', {"transport": "dicomweb"}),
    ("a moment whose date is not looked at is a window of every day", FAITHFUL | {
        "statements": [*FAITHFUL["statements"],
                       {"for": {"kind": "datetime"}, "key": {"does": "applied"}, "evidence": "good"}],
        "interactions": [{"when": {}, "then": {"replace": [
            {"for": {"attribute": "StudyDate"}, "key": {"does": "ignored"}}]}, "evidence": "good"}],
        "service": {"negotiation": {"combined-date-time": "yes"}}},
     '(StudyDate, StudyTime) between "202512291030" and "202601031200"', {}),
    ("a patient's studies have each their own number of series", FAITHFUL | {"lifts": [], "statements": [
        {"for": {}, "key": {"does": "applied", "misses": ["one-value"]}, "evidence": "good"}]},
     "NumberOfStudyRelatedSeries >= 2", {"model": "patient-root", "level": "patient"}),
    ("several moments in one query", FAITHFUL | {
        "lifts": [], "statements": [WINDOWS["statements"][1]],
        "service": {"negotiation": {"relational-queries": "yes", "combined-date-time": "yes"}}},
     '(StudyDate, StudyTime) > "202512270000" and (SeriesDate, SeriesTime) < "20260101235959"', {"level": "series"}),
    ("a moment that is checked comes back as the ranges that another moment sends", FAITHFUL | {
        "statements": [{"for": {"kind": kind}, "key": {"does": "applied"}, "evidence": "good"}
                       for kind in ("range", "datetime")],
        "service": {"negotiation": {"combined-date-time": "yes"}}},
     '(StudyDate, StudyTime) > "202512271030" and (StudyDate, StudyTime) < "202601031200"', {}),
    ("a unique key bounds no query that adds rows by itself", FAITHFUL | {
        "interactions": [{"when": {}, "then": {"query": {"does": "applied", "adds": ["other"]}}, "evidence": "good"}],
        "service": {"cap": [{"rows": 1, "paging": False, "evidence": "good"}]}},
     'StudyInstanceUID = "1.2"', {}),
    ("what stands under `or` inside a `has` is no key", FAITHFUL,
     'RequestAttributesSequence has (ScheduledProcedureStepID = "RP1" or RequestedProcedureID = "RP2")', {"bound": 1}),
    ("a pattern of a unique key of an upper level is no value of it", FAITHFUL | {"lifts": []},
     'PatientID in ("A1", "12") ignoring case', {"model": "patient-root"}),
    ("who folds the ID that is fed finds another patient", FOLDS, 'PatientSex = "F"', {"model": "patient-root"}),
    ("the half of a moment that is there is held against its own range", FAITHFUL | {"statements": [
        {"for": {"kind": "datetime"}, "key": {"does": "applied", "adds": ["absent"]}, "evidence": "good"},
        {"for": {"kind": "range"}, "key": {"does": "applied"}, "evidence": "good"}]},
     'ScheduledProcedureStepSequence has (ScheduledProcedureStepStartDate = today'
     ' and ScheduledProcedureStepStartTime = "103000.000")', {"model": "modality-worklist"}),
    ("a moment beside a time range of one day", FAITHFUL | {
        "lifts": [], "statements": [{"for": {"kind": "datetime"}, "key": {"does": "applied"}, "evidence": "good"}],
        "service": {"negotiation": {"combined-date-time": "yes"}}},
     '((StudyDate, StudyTime) between "202512311030" and "20251231235959")'
     ' and (SeriesDate, SeriesTime) <= "202601030000"', {}),
    ("a moment has no spaces at its ends", FAITHFUL | {
        "statements": [{"for": {"kind": "datetime"}, "key": {"does": "applied"}, "evidence": "good"}],
        "interactions": [{"when": {}, "then": {"replace": [
            {"for": {}, "key": {"does": "applied", "adds": ["padding"]}}]}, "evidence": "good"}]},
     '(ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate,'
     ' ScheduledProcedureStepSequence.ScheduledProcedureStepStartTime) between "202512311030" and "202512311045"',
     {"model": "modality-worklist", "transport": "dicomweb"}),
    ("an attribute of no level that the dictionary knows may be one of several below", FAITHFUL | {"statements": [
        {"for": {"kind": "empty"}, "key": {"does": "applied"}, "evidence": "good"}],
        "service": {"negotiation": {"empty-value-matching": "yes"}}},
     "StudyStatusID is empty", {"model": "patient-root", "level": "patient"}),
    ("where all queries fold, an item still has to satisfy all keys of it", FAITHFUL | {
        "statements": [{"for": {}, "key": {"does": "applied"}, "evidence": "good"}],
        "interactions": [{"when": {}, "then": {"query": {"does": "applied", "adds": ["case"]}}, "evidence": "good"}]},
     'RequestAttributesSequence has (AccessionNumber ends with "A1" and ScheduledProcedureStepID = "RP1")',
     {"level": "series"}),
    ("where all queries fold, the ID that is fed is folded too", FAITHFUL | {"lifts": [], "statements": [
        {"for": {}, "key": {"does": "applied"}, "evidence": "good"},
        {"for": {"attribute": "*lower"}, "key": {"does": "ignored"}, "evidence": "good"}],
        "interactions": [{"when": {}, "then": {"query": {"does": "applied", "adds": ["case"]}}, "evidence": "good"}]},
     'AccessionNumber contains "a1"', {"model": "patient-root", "level": "patient", "transport": "dicomweb"}),
    ("what is shown changes one value of a list and not the first", FAITHFUL | {
        "lifts": [], "interactions": [{"when": {"none": ["PatientComments"]}, "then": {"replace": [
            {"for": {}, "key": {"does": "applied", "adds": ["case"]}}]}, "evidence": "good"}]},
     'PatientID in ("12", "a1", "A12") ignoring case',
     {"model": "patient-root", "level": "patient", "show": "PatientComments"}),
    ("one study has all of them, not several of a patient", FAITHFUL | {"lifts": []},
     'ModalitiesInStudy has all ("CR", "SR")', {"model": "patient-root", "level": "patient"}),
    ("what a query adds is not decided by the key that makes it do so", ADDS_TO_QUERIES,
     'AccessionNumber like "A1*" and StudyDate >= 2026-01-01', {}),
    ("what comes with an empty key is added too", ADDS_TO_QUERIES,
     'StudyDate >= 2026-01-01 and StudyDescription != "X"', {}),
    ("what is in the list by mistake has to go too", FAITHFUL | {"statements": [
        *FAITHFUL["statements"],
        {"for": {"attribute": "Modality", "level": "series"}, "key": {"does": "applied", "adds": ["empty"]},
         "returned": "no", "evidence": "good"}]},
     'Modality = "CT" and SOPInstanceUID != "1.1.1.1"', {"level": "series"}),
    ("there are no lists of patient IDs", BELOW, "StudyDate >= 2026-01-01",
     {"model": "patient-root", "level": "patient", "transport": "dicomweb"}),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "condition", "where"), [o[1:] for o in ONCE], ids=[o[0] for o in ONCE])
def test_what_went_wrong_once(profile: dict[str, Any], condition: str, where: dict[str, Any]) -> None:
    for number in range(40):
        trial = tried(at(profile, condition, number, **where))
        assert trial is not None
        assert not trial.outcome.wrong, story(shrunk(trial))


# --- a planner with one mistake is caught -----------------------------------------------------------------------------

Patch = tuple[Any, str, Any]
checked, numbered, distributed = checks.check_of, worklint.plan._numbered, forms.conjunctions
ways_of_moments, key_ways, kept = ranges._moments, ranges.ways, worklint.plan.kept_whole
left_of, left_of_has, totals = checks.left_of, checks._left_of_has, keeping.total
inside_of, pattern_of, value_of = semijoin._inside, predicate._pattern, predicate._value
slack_of, query_json, service = ranges._slack, worklint.plan.print.query_json, split.service_of
union_of = semijoin.lifted


def _remainders(change: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], Any]:
    """The remainders of the queries that answer, changed."""

    def number(asked: list[Any]) -> Any:
        queries = numbered(asked)
        new = iter(change([q.remaining for q in queries if q.role == "answer"]))
        return tuple(changed(q, remaining=next(new)) if q.role == "answer" else q for q in queries)

    return number


def _all_of_them(left: list[Any]) -> list[Any]:
    some = tuple(dict.fromkeys(r for r in left if r != NOTHING))
    return [some[0] if len(some) == 1 else All(some)] * len(left)


def _decides(change: Callable[[Check, Test], Check]) -> Callable[..., Check]:
    return lambda place, level, test, sent: change(checked(place, level, test, sent), test)


def _json(**members: Any) -> Callable[[Any], dict[str, Any]]:
    """A query printed with some members wrong; a member may be told as a change."""

    def print_(query: Any) -> dict[str, Any]:
        out = query_json(query)
        for name, value in members.items():
            if name in out:
                out[name] = value(out[name]) if callable(value) else value
        return out

    return print_


def _slack(change: Callable[[Any], bool]) -> Callable[[Any], frozenset[str]]:
    return lambda c: frozenset() if change(c) else slack_of(c)


def _two_windows(constraint: Any, time: Any, combined: Any) -> Any:
    """A moment across midnight asked for as a range of days and a range of times."""
    low, high = constraint.values[0].text, constraint.values[1].text
    date = replace(constraint, pair=None)
    days = ranges._range(date, ranges.Value(low[:8]), ranges.Value(high[:8]))
    yield ranges.Way(((days, ranges._times(constraint, time, low[8:] or "000000", high[8:] or ranges._LAST)),))


def _first_value(constraint: Any, *given: Any) -> Any:
    for way in key_ways(constraint, *given):
        yield changed(way, alternatives=way.alternatives[:1])


def _last_branch(node: Any, whole: frozenset[int]) -> Any:
    """`A and (B or C)` read as `A and B or C`."""
    if isinstance(node, All) and any(isinstance(p, AnyOf) and id(p) not in whole for p in node.parts):
        at = next(i for i, p in enumerate(node.parts) if isinstance(p, AnyOf) and id(p) not in whole)
        first, *others = node.parts[at].parts
        left = All((*node.parts[:at], first, *node.parts[at + 1 :]))
        return [*distributed(left, whole), *(c for p in others for c in distributed(p, whole))]
    return distributed(node, whole)


def _never_whole(place: Any, level: str, node: Any, *given: Any) -> Any:
    found = left_of(place, level, node, *given)
    return changed(found, condition=NOTHING, adds=frozenset()) if isinstance(node, AnyOf) else found


def _some_of_has(place: Any, level: str, node: Any, sent: Any, keys: Any, ask: Any) -> Any:
    """A `has` is checked wherever its attributes come back, whole or not."""
    found = left_of_has(place, level, node, sent, keys, ask)
    if found.condition != NOTHING or node.scope != "item":
        return found
    return checks.Left(node, frozenset(), tuple(dict.fromkeys(ask(t.constraint) for t in checks.tests_of(node))))


def _any_of_has(atom: Any) -> Any:
    return [(p,) for c in inside_of(atom) for p in c] if isinstance(atom, Has) else inside_of(atom)


def _no_caps(place: Any, *given: Any) -> Any:
    return service(replace(place, profile=replace(place.profile, caps=())), *given)


# The judge, too, knows that a key cannot ask for a literal asterisk.
LITERAL: Patch = (worklint.judge, "_asks_for_more", lambda *given: None)
MISTAKES: dict[str, tuple[str, tuple[Patch, ...]]] = {
    # What remains, and where it belongs.
    "checks all remainders on all answers": ("100.5.4.1", ((worklint.plan, "_numbered", _remainders(_all_of_them)),)),
    "checks the remainder of the first branch on all": (
        "100.5.4.1", ((worklint.plan, "_numbered", _remainders(lambda left: left[:1] * len(left))),)
    ),
    "drops what remains": ("100.4.5.0",
        ((worklint.plan, "_numbered", _remainders(lambda left: [NOTHING] * len(left))),)),
    "drops a disjunction that is kept whole": ("100.12.1.0",
        tuple((m, "left_of", _never_whole) for m in (checks, split, semijoin))),
    "reads `A and (B or C)` as `A and B or C`": ("100.17.6.1", ((worklint.plan, "conjunctions", _last_branch),)),
    "forgets what the check needs": ("100.1.0.0", ((worklint.plan.print, "query_json", _json(returns=[])),
        (split, "_returns", lambda desk, level, atoms, lefts, *more: (lefts, (), ())))),
    # What a check may decide.
    "drops rows that show no value": ("100.2.1.0", ((checks, "check_of", _decides(
        lambda c, t: changed(c, decides="exactly") if c.decides == "with-value" else c)),)),
    "checks what does not come back whole": ("100.1.2.0", ((checks, "check_of", _decides(
        lambda c, t: changed(c, decides="with-value") if c.decides in ("some", "never") and t.constraint.path else c
    )),)),
    "refutes by a part of the values": ("100.28.2.1", ((checks, "_WORST", ("no", "unknown", "other", "whole", "part")),
                                            (checks, "check_of", _decides(
        lambda c, t: changed(c, decides="exactly") if c.decides == "some" else c)))),
    "checks values that are wrong": ("100.13.4.0", ((checks.keeping, "records_for", lambda place, key: ()),)),
    "does not turn `behind` round under `not`": (
        "101.1.2.1", ((checks.keeping, "total", lambda worths, negated: totals(worths, False)),)
    ),
    "says exact where a check decides nothing": ("100.1.2.1",
        ((checks, "left_after", lambda check, sent: frozenset()),)),
    "checks a `has` of which not all comes back": ("100.5.0.1", ((checks, "_left_of_has", _some_of_has),)),
    # What may be sent.
    "sends keys that miss": ("100.2.1.0", (
        (split, "_sendable", lambda effect: effect.known and not effect.rejected),
        (split._Joint, "cannot_miss", property(lambda joint: joint.effect.known and not joint.effect.rejected)),
    )),
    "sends keys of which nothing is known": ("100.2.1.0", (
        (split, "_sendable", lambda effect: not effect.rejected and not effect.blocks),
        (split._Joint, "cannot_miss", property(lambda joint: not joint.effect.rejected)),
    )),
    "judges each key alone": ("100.11.1.0", ((split._Joint, "cannot_miss", property(lambda joint: True)),)),
    "forgets what the query adds by itself": ("",
        ((split, "conjunction", lambda parts, bare: frozenset().union(*parts)),)),
    "sends one letter case where none is asked for": ("100.22.1.2",
        ((ranges, "_pattern", lambda text, *rest: text.upper()),)),
    "sends the first value of a list": ("100.11.4.1", ((split, "ways", _first_value),)),
    "sends both windows for a moment": ("100.46.4.1", ((ranges, "_moments", _two_windows),)),
    "takes a day for the next": ("100.46.4.1", ((ranges, "_stepped", lambda day, step: day),)),
    "takes excluded bounds for included ones": ("101.10.1.0", ((ranges, "_slack", _slack(lambda c: any(c.strict))),)),
    "takes wild cards in a value for themselves": ("", (
        (ranges, "_slack", _slack(lambda c: c.matching in ("single", "any-of"))), LITERAL,
    )),
    "takes escaped wild cards for themselves": ("102.95.4.0", (
        (ranges, "_slack", _slack(lambda c: c.matching == "wildcard")), LITERAL,
    )),
    "asks a day wider and does not check": ("100.3.6.0", ((ranges, "WIDENED", frozenset()),)),
    "asks for the last days only": ("100.100.4.0", ((ranges, "_a_day_wider", lambda c: replace(
        c, values=(c.values[1] if c.values[1].text else c.values[0], c.values[1]))),)),
    # What queries do to one another.
    "subtracts what may be there by mistake": ("100.18.7.0", (
        (semijoin, "certain_to_go", lambda effect: True), (semijoin, "subtracting", lambda inner, outer: outer),
    )),
    "forgets what the feeding query adds and misses": ("100.20.2.0",
        ((semijoin, "feeding", lambda inner, outer: outer),)),
    "forgets the limit of the feeding query": (
        "102.98.2.0", ((semijoin, "lifted", lambda effect: replace(union_of(effect), misses=frozenset())),)
    ),
    "forgets what is hidden below": ("100.111.5.0", ((semijoin, "_same_entities", lambda place, level, home: True),)),
    "asks one series for one thing and another for the other": ("100.38.2.0", ((semijoin, "_inside", _any_of_has),)),
    "is content with one series that has no value": ("100.121.4.1",
        ((semijoin, "_of_some_entity", lambda test: test),)),
    "takes a list of one UID for a list": ("", ((semijoin, "_also_one", lambda *given: given[-1]),)),
    # What the source allows.
    "forgets the limit on answers": ("100.1.0.2",
        ((split, "service_of", _no_caps),)),
    "forgets that there are pages": ("100.1.0.2", ((worklint.plan.print, "query_json", _json(cap=None)),)),
    "forgets to negotiate": ("100.41.1.0", ((worklint.plan.print, "query_json", _json(negotiation=[])),)),
    "leaves out the parameter of a search": ("", ((worklint.plan.print, "parameters", lambda model: dict.fromkeys(
        negotiated.parameters(model), "")),)),
    "asks a search for what an association grants": ("", ((negotiated, "place_fits", lambda *where: True),)),
    # What is printed.
    "unites what is to be intersected": ("101.89.7.0", ((worklint.plan.print, "query_json", _json(
        needs=lambda needs: [n | {"group": min(n["group"], 1)} for n in needs])),)),
    "does not take away what has to go": (
        "", ((worklint.plan.print, "query_json", _json(of=[])),)
    ),
    "leaves parentheses out": ("101.69.4.1",
        ((predicate, "_inside", lambda node, depth: predicate.text_of(node, depth)),)),
    "loses `not`": ("100.4.5.0",
        ((worklint.plan.print, "text_of", lambda node: predicate.text_of(node).replace("not ", "")),)),
    "writes `or` for `and`": (
        "100.13.1.0", ((worklint.plan.print, "text_of", lambda node: predicate.text_of(node).replace(" and ", " or ")),)
    ),
    "writes quotes as they are": ("100.22.0.0", ((predicate, "quote", lambda text: f'"{text}"'),)),
    "writes wild cards for literal characters": (
        "101.6.7.0", ((predicate, "_pattern", lambda value: re.sub(r"\\([*?])", r"\1", pattern_of(value))),)
    ),
    "loses `ignoring case`": ("100.22.7.2", ((predicate, "_ignoring", lambda constraint: ""),)),
    "writes excluded bounds as included": ("100.7.4.0",
        ((worklint.plan.print, "text_of", lambda node: predicate.text_of(
        node).replace("> ", ">= ").replace("< ", "<= ")),)),
}  # fmt: skip


# Mistakes that show seldom in the draw, each with a profile and a condition where they do.
SHOWS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "drops a disjunction that is kept whole": (IGNORES, f"{P} and ({D} or {S})", {"bound": 1}),
    "reads `A and (B or C)` as `A and B or C`": (FAITHFUL, f"{S} and ({D} or {P})", {}),
    "leaves out the parameter of a search": (KNOWS_EMPTY, "StudyDescription is empty", {"transport": "dicomweb"}),
    "asks a search for what an association grants": (KNOWS_EMPTY | {"service": {"negotiation": {
        "empty-value-matching": [{"granted": True, "for": {"transport": "dimse"}, "evidence": "good"}]}}},
        "StudyDescription is empty", {"transport": "dicomweb"}),
    "leaves parentheses out": (IGNORES, f"({D} or {S}) and {N}", {"bound": 1}),
    "takes a day for the next": (FAITHFUL, '(StudyDate, StudyTime) between "202601011000" and "202601031030"', {}),
    "takes wild cards in a value for themselves": (FAITHFUL, 'StudyDescription = "CHEST*"', {}),
    "takes escaped wild cards for themselves": (FAITHFUL, 'StudyDescription like "CHEST\\*"', {}),
    "forgets the limit of the feeding query": (BELOW | {"service": {"cap": [
        {"for": {"level": "series"}, "rows": 1, "signalled": False, "paging": False, "evidence": "good"}]}},
        'Modality in ("CT", "MR")', {}),
    "forgets what is hidden below": (BELOW | {"service": {"hides": [
        {"what": "some", "attribute": "Modality", "values": ["CT"], "for": {"level": "series"}, "evidence": "good"}]}},
        'Modality in ("CT", "MR")', {}),
    "asks one series for one thing and another for the other": (
        BELOW, 'series has (Modality = "CT" and BodyPartExamined = "CHEST")', {}),
    "is content with one series that has no value": (BELOW, "Modality is empty", {}),
    "takes a list of one UID for a list": (LISTS_ADD, 'series has (Modality = "CT")', {}),
    "unites what is to be intersected": (BELOW, 'Modality = "CT" and BodyPartExamined = "CHEST"', {}),
    "does not take away what has to go": (BELOW, 'Modality != "CT"', {}),
    "forgets what the query adds by itself": (FAITHFUL | {"interactions": [
        {"id": "i", "when": {"none": ["PatientID"]}, "then": {"query": {"does": "applied", "adds": ["other"]}},
         "evidence": "good"}]}, 'StudyDescription = "CHEST"', {}),
}  # fmt: skip


def caught(mistake: str, name: str, cases: int) -> Tally:
    """Try the case of the draw where a mistake shows, else the one made for it, else the draw until it does."""
    tally = Tally()
    if name:
        tally.take(case_named(name)[0])
    for number in range(40 if mistake in SHOWS and not tally.wrong else 0):
        profile, condition, where = SHOWS[mistake]
        trial = tried(at(profile, condition, number, **where))
        if trial is not None and trial.outcome.wrong:
            tally.wrong.append(trial)
    if tally.wrong:
        return tally
    tally = Tally()
    for part in range(PARTS):
        run(SEED * 100 + part, cases // PARTS, stop_at=1, tally=tally)
        if tally.wrong:
            break
    return tally


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_caught(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, patches = MISTAKES[mistake]
    for place, attribute, wrong in patches:
        monkeypatch.setattr(place, attribute, wrong)
    forget()
    try:
        tally = caught(mistake, name, 20_000)
    finally:
        monkeypatch.undo()
        forget()
    assert tally.wrong, f"{mistake}: not noticed in {tally.cases} cases"
    found = tally.wrong[0].case.name
    if name and not found.startswith(name.rpartition(".")[0]):
        warnings.warn(f"{mistake}: no longer shows in {name}, but in {found}", stacklevel=1)


@pytest.mark.parametrize("mistake", ["drops what remains", "checks all remainders on all answers", "loses `not`"])
def test_what_is_contradicted_is_made_small(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, patches = MISTAKES[mistake]
    for place, attribute, wrong in patches:
        monkeypatch.setattr(place, attribute, wrong)
    (first, *_) = caught(mistake, name, 20_000).wrong
    small = shrunk(first)
    assert small.outcome.wrong
    assert len(list(matcher.leaves(small.worklist.filter))) <= 2, small.case.text
    assert len(small.case.archive) == 1 and len(small.case.place.profile.statements) <= 3
    text = story(small)
    assert first.case.name in text and '"queries"' in text and ("added:" in text or "missed:" in text)


def forget() -> None:
    """What was looked up with a mistake, or without one, is no longer true."""
    for function in (checks._asked_for, checks._seen, checks._named, checks.can_be_returned, negotiated.granted):
        function.cache_clear()

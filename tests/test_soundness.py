"""Predictions against what happens: the judge, the simulated source and the reference matcher on random worlds.

The long run is ``python -m worklint.oracle``; ``docs/soundness.md`` tells what is drawn and what the figures mean.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from worklint import judge as judging
from worklint.judge import behaviour, keeping, query
from worklint.judge.behaviour import EXACT, KeyEffect
from worklint.knowledge import products
from worklint.model import Effect
from worklint.oracle.soundness import Tally, Trial, directed, hold, shrunk, story, trials

SEED = int(os.environ.get("WORKLINT_SEED", "1"))
VIEWER = products.profile("impax-client", None)
assert VIEWER is not None
SENDS_ALL = replace(VIEWER.profile, sends=())
CASES = int(os.environ.get("WORKLINT_CASES", "3200"))


def told(tally: Tally, seed: int) -> str:
    shown = [story(*shrunk(*first)) for first in tally.contradictions[:3]]
    return "\n\n".join([tally.summary(seed), *shown])


ALL = {"for": {"attribute": "*"}, "key": {"does": "applied"}, "evidence": "seen"}
STATUS = {"for": {"label": "Study status"}, "key": {"does": "applied"}, "evidence": "seen"}


def of(attribute: str, key: dict[str, Any], **where: Any) -> dict[str, Any]:
    return {"for": {"attribute": attribute, **where}, "key": key, "evidence": "seen"}


# What is rare among random worlds: profile, conditions, and where. Each line holds one thing that can go wrong.
DIRECTED: list[tuple[dict[str, Any], list[str], dict[str, Any]]] = [
    (
        {"statements": [of("*", {"does": "applied", "misses": ["wildcard-literal"]})]},
        ['StudyDescription like "CH*"'],
        {},
    ),
    ({"statements": [of("*", {"does": "applied", "adds": ["prefix"]})]}, ['StudyDescription = "CHEST"'], {}),
    ({"statements": [of("*", {"does": "applied", "adds": ["prefix"]})]}, ['StudyTime = "10"'], {}),
    (
        {"statements": [of("*", {"does": "applied", "adds": ["joined"], "misses": ["joined"]})]},
        ['OtherPatientIDs contains " A1"'],
        {},
    ),
    (
        {
            "statements": [ALL],
            "interactions": [
                {
                    "id": "i", "when": {"all": ["PatientID"]}, "evidence": "seen",
                    "then": {"replace": [{"for": {"attribute": "PatientSex"}, "key": {"does": "ignored"}}]},
                }
            ],
        },
        ['PatientID like "A*" and PatientSex = "M"'],
        {},
    ),
    (
        {"statements": [ALL]},
        ['PatientSex = "F" and PatientSex = "M"', 'StudyDate >= 2026-01-01 and StudyDate = 2026-01-02'],
        {},
    ),
    ({"statements": [ALL]}, ['series has (Modality = "CT" and BodyPartExamined = "CHEST")'], {}),
    (
        {"statements": [ALL]},
        ['RequestAttributesSequence has (RequestedProcedureID = "RP1") and '
         'RequestAttributesSequence has (ScheduledProcedureStepID = "RP2")'],
        {},
    ),
    (
        {"statements": [of("*lower", {"does": "applied", "misses": ["one-instance"]})]},
        ['BodyPartExamined = "CHEST"', 'InstanceNumber = "1"'],
        {},
    ),
    (
        {"statements": [of("*", {"does": "applied", "misses": ["text-order", "value-format"]})]},
        ['StudyTime = "1030"', 'StudyTime between "103000" and "1045"'],
        {},
    ),
    (
        {
            "statements": [
                of("*", {"does": "applied", "misses": ["other"]}),
                of("*", {"does": "ignored"}, setting={"fold": "true"}),
            ],
            "settings": {"fold": {"values": ["true", "false"]}},
        },
        ['PatientSex in ("M", "F", "m")', 'StudyDate >= 2026-01-01'],
        {},
    ),
    (
        {"statements": [ALL, of("PatientSex", {"does": "applied", "misses": ["absent"]}, kind="universal")]},
        ["show PatientSex where StudyDate >= 2026-01-01"],
        {},
    ),
    *[
        (
            {"statements": [ALL], "interactions": [{"id": "i", "when": {name: number}, "evidence": "seen",
                                                    "then": {"query": {"does": "refused"}}}]},
            ['PatientSex = "M" and StudyDate >= 2026-01-01', 'show PatientName where PatientSex = "M"',
             'PatientName like "*" and PatientSex = "M"'],
            {},
        )
        for name, number in (("more-keys-than", 2), ("more-values-than", 1))
    ],
    # What is taken away at one level holds at the others.
    ({"statements": [ALL], "lifts": [{"lifts": "parents-required", "for": {"level": "study"}, "evidence": "seen"}]},
     ['level series where Modality = "CT"'], {}),
    ({"statements": [ALL], "keeping": [{"for": {"attribute": "PatientSex"}, "gives": "never", "evidence": "seen"}]},
     ['PatientSex = "M"'], {}),
    *[
        (
            {"statements": [STATUS], "keeping": [{"for": STATUS["for"], "gives": gives, "evidence": "seen"}]},
            [f'"Study status" = "{v}"' for v in ("New", "Dictated", "Approved")],
            {"viewer": SENDS_ALL, "own": True, "local": True},
        )
        for gives in ({"behind": ["New", "Dictated", "Transcribed", "Approved"]}, {"shows": ["New"]})
    ],
]  # fmt: skip


def directed_trials() -> Iterator[Trial]:
    for number, (content, conditions, changes) in enumerate(DIRECTED):
        citations = {"seen": {"grade": "code", "citation": "drawn"}}
        whole = {"product": f"directed-{number}", "citations": citations, **content}
        texts = [
            f'worklist "W" {{\n    {c if c.startswith(("show", "level")) else f"where {c}"}\n}}\n' for c in conditions
        ]
        yield from directed(whole, texts, 12, **changes)


@pytest.fixture(scope="module")
def happened() -> list[Trial]:
    out, cases = list(directed_trials()), 0
    for trial in trials(SEED):
        out.append(trial)
        cases += len(trial.happened)
        if cases >= CASES:
            return out
    raise AssertionError


def test_no_prediction_is_contradicted(happened: list[Trial], capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    for trial in happened:
        hold(tally, trial)
    with capsys.disabled():
        print(f"\n{tally.summary(SEED)}")
    assert not tally.contradictions, told(tally, SEED)
    assert tally.cases >= CASES
    assert tally.skipped < tally.cases / 5
    # A run in which nothing can happen proves nothing.
    for verdict in ("exact", "superset", "subset", "mixed", "rejected", "unknown"):
        assert tally.verdicts[verdict] >= CASES / 100, verdict
    for what, least in (("adds", 0.5), ("misses", 0.25), ("refusal", 0.95)):
        assert tally.precise[f"{what} shown"] >= least * tally.precise[f"{what} allowed"], what


# --- lies ---------------------------------------------------------------------------------------------------------
# Each replaces one function of the judge by one that leaves something out. The same test has to notice.


def changed(module: Any, name: str, change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """A lie: ``change`` gets what the true function returned, and its arguments."""

    def tell(patch: pytest.MonkeyPatch) -> None:
        true = getattr(module, name)
        patch.setattr(module, name, lambda *a, **k: change(true(*a, **k), *a))

    return tell


def without(*reasons: str) -> Callable[[KeyEffect, Any, Any], KeyEffect]:
    def change(effect: KeyEffect, *_: Any) -> KeyEffect:
        return replace(effect, adds=effect.adds - set(reasons), misses=effect.misses - set(reasons))

    return change


def sent_as_well(sent: query.Query, *_: Any) -> query.Query:
    return replace(sent, unsent=tuple(u for u in sent.unsent if u.why != "negated"))


def as_if(why: str) -> Callable[[query.Query], query.Query]:
    return lambda sent, *_: replace(sent, unsent=tuple(u for u in sent.unsent if u.why != why))


def behind_turned(worth: keeping.Worth, *_: Any) -> keeping.Worth:
    return replace(worth, adds=worth.misses, misses=worth.adds)


interacting = importlib.import_module("worklint.judge.interact")
LIES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "what is ignored is applied": changed(judging, "effect_of", lambda e, b, s: EXACT if b.does == "ignored" else e),
    "nothing misses nothing": changed(
        judging, "effect_of", lambda e, b, s: replace(e, misses=frozenset()) if b.does == "nothing" else e
    ),
    "one-of is its first": changed(
        judging, "effect_of", lambda e, b, s: behaviour.effect_of(b.one_of[0], s) if b.one_of else e
    ),
    "what is unknown is applied": changed(
        judging, "effect_of", lambda e, b, s: EXACT if b.does == "unknown" and not b.one_of else e
    ),
    "empty values never match": changed(judging, "effect_of", without("empty", "absent")),
    "letter case counts everywhere": changed(judging, "effect_of", without("case")),
    "a prefix is the whole": changed(judging, "effect_of", without("prefix", "substring")),
    "wild cards are wild everywhere": changed(judging, "effect_of", without("wildcard-literal")),
    "all instances are looked at": changed(judging, "effect_of", without("one-instance")),
    "no reason is a reason": changed(judging, "effect_of", without("other")),
    "a rumour is a fact": changed(judging, "best_grade", lambda g, e: min(g, 1)),
    "keys do not change one another": changed(judging, "interact", lambda r, p, lv, k, b, e: (tuple(b), (), r[2])),
    "queries have no effect of their own": changed(judging, "interact", lambda r, *_: (r[0], (), r[2])),
    "so many keys do no harm": changed(interacting, "_elements", lambda r, *_: frozenset()),
    "only the first key is replaced": changed(
        judging, "interact", lambda r, p, lv, k, b, e: ((r[0][:1] + tuple(b)[1:]), r[1], r[2])
    ),
    "one series serves every has": changed(judging, "interact", lambda r, *_: (r[0], r[1], frozenset({"series has"}))),
    "values are what they are": changed(keeping, "records_for", lambda r, *_: ()),
    "what is not kept matches": changed(keeping, "_behind", lambda w, *_: replace(w, misses=frozenset())),
    "behind is before": changed(keeping, "_behind", behind_turned),
    "a shown value adds nothing": changed(keeping, "_shows", lambda w, *_: replace(w, adds=frozenset())),
    "negation is sent": changed(judging, "send", as_if("negated")),
    "negotiation is always there": changed(judging, "send", as_if("negotiated")),
    "each attribute goes out twice": changed(judging, "send", as_if("twice")),
    "an identifier holds two items": changed(judging, "send", as_if("item")),
    "a viewer sends all its fields": changed(judging, "send", as_if("label")),
    "a key can say what the filter says": changed(judging, "_asks_for_more", lambda r, *_: None),
    "a parameter has a value": changed(judging, "_open_parameter", lambda r, p, k, e, *_: (e, ())),
    "caps are high": changed(judging, "bounded", lambda r, *_: True),
    "every query has its selector": changed(judging, "selected", lambda r, *_: True),
    "empty keys do nothing": changed(judging, "_empty_key", lambda r, p, k, e, s, *_: (e, s)),
    "the first branch of an or decides": changed(judging, "join", lambda r, a, b: a),
    "one refused branch of an or is no matter": changed(
        judging, "join", lambda r, a, b: replace(r, rejected=a.rejected and b.rejected)
    ),
    "a key that blocks lets others through": changed(
        judging, "_conjunction", lambda r, parts: (Effect(r[0].adds, frozenset(), r[0].rejected, r[0].known), r[1])
    ),
    "what is refused is everywhere refused": changed(judging, "best_grade", lambda g, e: 0),
    "the closest statement is the last": changed(behaviour, "_specificity", lambda r, *_: tuple(-x for x in r)),
    "no addition counts": changed(behaviour, "_with_additions", lambda r, s, p, k, b: b),
    "settings are as documented": changed(behaviour, "place_fits", lambda r, *_: True if r is None else r),
    "a class speaks for every kind": changed(behaviour, "_kind_fits", lambda r, *_: True),
    "times have one precision": changed(
        behaviour, "strike", lambda r, *_: (r[0] - {"value-format"}, r[1] - {"value-format", "text-order"})
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_noticed(lie: str, happened: list[Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    judging._behaviour.cache_clear()
    LIES[lie](monkeypatch)
    tally = Tally()
    try:
        for trial in happened:
            hold(tally, trial)
            if tally.contradictions:
                return
    finally:
        judging._behaviour.cache_clear()
    pytest.fail(f"{tally.cases} cases, and nobody noticed: {lie}")

"""No profile that a probe writes is ever contradicted: simulated sources are probed, then asked for other things.

A source is drawn: how it compares each kind of value, what it does with the odd attribute, what keys do to one another,
what it hides, cuts and demands. The probe asks it through a door of its own, without a network. What the profile then
predicts of random filters is held against what the source answers, with the archive that was probed and with another.

``WORKLINT_PROBES=200`` and ``WORKLINT_SEED=n`` make it longer and other; run as a program it prints more.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from worklint.judge import Judged, judge
from worklint.judge.place import Place
from worklint.knowledge import standard
from worklint.knowledge.products import at_release
from worklint.knowledge.profile import Profile
from worklint.knowledge.profile_reader import read_profile
from worklint.model import SPELLING, All, Test, Worklist
from worklint.network.ask import Answer, Greeting, Manners, NotOffered, Path, Question, Row, name_of
from worklint.network.dimse import identity_paths
from worklint.network.document import profile_of
from worklint.network.probe import Record, probe
from worklint.oracle import client, matcher, worlds
from worklint.oracle.matcher import Entity
from worklint.oracle.simulated import SimulatedSource
from worklint.oracle.soundness import Outcome, held_against, read, wanted_of
from worklint.oracle.wire import Key

PROBES = int(os.environ.get("WORKLINT_PROBES", "4"))
SEED = int(os.environ.get("WORKLINT_SEED", "1"))
FILTERS = 40
MODELS = {"study": "study-root", "series": "study-root", "image": "study-root", "worklist-item": "modality-worklist"}
LEFT_TO_CONTENT = frozenset({
    "group", "padding", "text-order", "text-number", "value-format", "joined", "one-value", "one-instance",
    "one-series", "charset",
})  # fmt: skip
"""Reasons for which rows may be missing that an archive need not show."""


# --- sources ----------------------------------------------------------------------------------------------------------


def names_of(model: str) -> list[str]:
    if model == "modality-worklist":
        return [*worlds.POOLS["worklist-item"], *(f"ScheduledProcedureStepSequence.{n}" for n in worlds.POOLS["step"])]
    pools = ("study", "series", "image")
    return [n for p in pools for n in worlds.POOLS[p] if not n.startswith("(") and n not in worlds._UIDS]


def vr_of(name: str) -> str:
    attribute = standard.attribute_by_keyword(name.rpartition(".")[2])
    return attribute.vr.split(" ")[0] if attribute else "LO"


def drawn_source(rng: Random, model: str) -> dict[str, Any]:
    """A source that compares values in ways that have a name, not the same for all kinds and attributes."""
    names = names_of(model)
    statements: list[dict[str, Any]] = []

    def say(key: dict[str, Any], **where: Any) -> None:
        statements.append({"for": where, "key": key, "because": f"s{len(statements)}", "evidence": "seen"})

    def some(likely: float, *reasons: str) -> list[str]:
        return [r for r in reasons if rng.random() < likely]

    def applied(adds: Sequence[str] = (), misses: Sequence[str] = ()) -> dict[str, Any]:
        out: dict[str, Any] = {"does": "applied"}
        if adds:
            out["adds"] = list(adds)
        if misses:
            out["misses"] = list(misses)
        return out

    def refusal() -> dict[str, Any]:
        return rng.choice(({"does": "refused"}, {"does": "nothing"}, {"does": "ignored"}))

    folds, empty = some(0.2, "case", "accent"), some(0.12, "empty", "absent")
    empty = ["empty", "absent"] if empty else []
    shape = some(0.07, "prefix", "word", "substring")[:1]
    say(applied(), attribute="*")
    texts = ["AE", "AS", "CS", "LO", "LT", "SH", "ST", "UC", "UT"]
    say(applied([*folds, *shape, *empty]), vr=texts, kind="single", attribute="*")
    say(applied([*folds, *empty, *some(0.05, "joined")], some(0.07, "wildcard-literal")), vr=texts, kind="wildcard",
        attribute="*")  # fmt: skip
    names_as = some(0.3, "case", "accent", "group") if rng.random() < 0.5 else [*folds, *shape]
    say(applied([*names_as, *empty], some(0.4, "group")), vr="PN", kind=["single", "wildcard"], attribute="*")
    say(applied(empty, some(0.4, "value-format")), vr=["TM", "DT"], kind="single", attribute="*")
    say(applied(empty, some(0.4, "text-order")), vr=["TM", "DT"], kind="range", attribute="*")
    say(applied(empty), vr="DA", kind=["single", "range"], attribute="*")
    if rng.random() < 0.3:
        say(applied(["empty", "absent"]), vr="DA", kind="range", value="open-start", attribute="*")
    say(applied(empty, some(0.5, "text-number")), vr=["IS", "DS"], kind="single", attribute="*")
    number_range = rng.choice((applied(empty), applied([], ["text-order"]), applied([], ["range-literal"]), refusal()))
    say(number_range, vr=["IS", "DS"], kind="range", attribute="*")
    for vr in (["DA", "TM", "DT"], ["IS", "DS"], ["UI"]):
        say(
            rng.choice((applied([], ["wildcard-literal"]), applied(), refusal())), vr=vr, kind="wildcard", attribute="*"
        )
    if rng.random() < 0.3:
        say(rng.choice((refusal(), applied([], ["list-literal"]))), kind="list-of-uid", attribute="*")
    for vr, value, key in (
        ("CS", "has-lower", refusal()), ("DA", "illegal", refusal()), ("IS", "illegal", refusal()),
        (["LO", "SH", "LT", "ST", "PN"], "non-ascii", applied([], ["charset"])),
    ):  # fmt: skip
        if rng.random() < 0.15:
            say(key, vr=vr, kind="single", value=value, attribute="*")
    if rng.random() < 0.15:
        say(
            applied(folds, ["wildcard-literal"]),
            vr=[*texts, "PN"],
            kind="wildcard",
            value="question-mark",
            attribute="*",
        )
    if model != "modality-worklist":
        lower = rng.choice((
            {"does": "ignored"}, {"does": "nothing"}, {"does": "refused"}, applied(), applied([], ["one-instance"]),
        ))  # fmt: skip
        say(lower, attribute="*lower")
        if rng.random() < 0.4:
            say(rng.choice(({"does": "ignored"}, {"does": "nothing"}, {"does": "refused"})), attribute="*higher")
    for name in rng.sample(names, rng.choice((0, 2, 4, 6))):
        odd = rng.choice((
            {"does": "ignored"}, {"does": "ignored"}, {"does": "nothing"}, {"does": "refused"}, applied(),
            applied(["case"]), applied(["prefix"]), applied(["empty", "absent"]), applied([], ["one-value"]),
        ))  # fmt: skip
        if odd.get("adds") == ["prefix"] and vr_of(name) in ("IS", "DS"):
            continue
        say(odd, attribute=name)
    say(applied(), attribute="*unique-key", kind=["single", "list-of-uid"] if rng.random() < 0.8 else ["single"])
    if model != "modality-worklist":
        say(applied(), attribute="*parent-uid", kind="single")
    say(applied(), kind="universal", attribute="*")
    if rng.random() < 0.15:
        say(refusal(), attribute="*private", kind=["single", "wildcard"])
    return {
        "product": "drawn", "name": "Drawn", "transports": ["dimse"],
        "citations": {"seen": {"grade": "code", "citation": "drawn"}},
        "statements": statements, "interactions": drawn_interactions(rng, model, names),
        "lifts": drawn_lifts(rng), "service": drawn_service(rng, names),
    }  # fmt: skip


def drawn_lifts(rng: Random) -> list[dict[str, Any]]:
    # What the standard leaves open without the keys above is drawn as an interaction, for it has to be one thing.
    always = {"lifts": "parents-required", "evidence": "seen"}
    return [always, *([{"lifts": "date-time-interval", "evidence": "seen"}] if rng.random() < 0.5 else [])]


def drawn_interactions(rng: Random, model: str, names: Sequence[str]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []

    def add(when: dict[str, Any], then: dict[str, Any]) -> None:
        out.append({"id": f"i{len(out)}", "when": when, "then": then, "because": f"i{len(out)}", "evidence": "seen"})

    if rng.random() < 0.2:
        add({"date-and-time": True}, {"query": {"does": "applied", "adds": ["interval"], "misses": ["interval"]}})
    if model == "modality-worklist":
        return out
    if rng.random() < 0.3:
        lower = [n for n in names if n in worlds.POOLS["series"]]
        one = {"does": "applied", "misses": ["one-series"]}
        add({"two-or-more": [*lower, "ModalitiesInStudy"]}, {"query": one})
    if rng.random() < 0.15:
        ignored = {"for": {"attribute": ["StudyDate", "PatientSex", "StudyDescription"]}, "key": {"does": "ignored"}}
        add({"all": [rng.choice(("PatientID", "AccessionNumber"))]}, {"replace": [ignored]})
    if rng.random() < 0.25:
        add({"none": ["*parent-uid"]}, {"query": {"does": rng.choice(("refused", "nothing"))}})
    return out


def drawn_service(rng: Random, names: Sequence[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if os.environ.get("NOCAP"):
        return out
    if rng.random() < 0.1:
        out["cap"] = [{"signalled": rng.random() < 0.5, "rows": rng.randint(4, 8), "evidence": "seen",
                       **rng.choice(({}, {"refuses": True}))}]  # fmt: skip
    if rng.random() < 0.08:
        out["selectors"] = [
            {"any-of": ["PatientID", "PatientName", "StudyDate", "StudyInstanceUID"], "evidence": "seen"}
        ]
    if rng.random() < 0.15:
        out["hides"] = [{"what": "some", "attribute": rng.choice(("PatientSex", "PatientBirthDate")),
                         "values": ["M", "20260101"], "evidence": "seen"}]  # fmt: skip
    return out


class SimulatedDoor:
    """A way into a simulated source that the probe takes for a real one."""

    transport = "dimse"
    keep_data = False

    def __init__(self, source: SimulatedSource, shows: str) -> None:
        self.source, self.shows = source, shows

    def greet(self, model: str, options: frozenset[str]) -> Greeting:
        if model != self.source.place.model:
            raise NotOffered("this model is not offered")
        return Greeting("1.2.3", "DRAWN", tuple(sorted(options)))

    def ask(self, question: Question, most_rows: int) -> Answer:
        keys = [Key(k.path, k.text, None, k.path[-1].vr.split(" ")[0]) for k in question.keys]
        named = {k.path for k in question.keys}
        empties = [Key(p, "", None, p[-1].vr.split(" ")[0]) for p in question.empties if p not in named]
        answer = self.source.query(question.level, keys, empties)
        if answer.refused:
            return Answer(failure="C001")
        asked = [*identity_paths(question.model, question.level), *named, *question.empties]
        rows = tuple(self._row(entity, asked) for entity in answer.rows[:most_rows])
        return Answer(rows, cut=len(answer.rows) > most_rows)

    def _row(self, entity: Entity, asked: Sequence[Path]) -> Row:
        out: dict[str, tuple[str, ...]] = {}
        for path in dict.fromkeys(asked):
            found = self.source._found(entity, path)
            below = any(f.owner is not e.dataset for f in found for e in [entity] if e.level != "worklist-item")
            if below and not any(f.owner is e.dataset for f in found for e in matcher.ways_up(entity)):
                if self.shows == "no":
                    continue
                found = found[:1] if self.shows == "part" else found
            out[name_of(path)] = tuple(dict.fromkeys(v for f in found for v in f.values))
        return out

    def release(self, model: str, options: frozenset[str]) -> None:
        """Nothing is kept open."""

    def close(self) -> None:
        """Nothing is kept open."""


# --- one source -------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    probes: int = 0
    queries: int = 0
    cases: int = 0
    telling: int = 0
    precise: int = 0
    skipped: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    vague: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def summary(self, seed: int) -> str:
        share = 100 * self.precise / self.telling if self.telling else 0
        return (
            f"seed {seed}: {self.probes} probes ({self.queries} queries), {self.cases} cases, {self.skipped} skipped, "
            f"{len(self.wrong)} contradicted; precise {self.precise} of {self.telling} that tell ({share:.1f} %)\n"
            f"verdicts: {', '.join(f'{n} {v}' for v, n in self.verdicts.most_common())}"
        )


def probed(source: SimulatedSource, rng: Random) -> tuple[Record, Profile]:
    door = SimulatedDoor(source, rng.choice(("no", "no", "whole", "part")))
    manners = Manners(per_second=1e9, seconds=1e9)
    record = probe(door, manners, [source.place.model], "20260103", lambda text: None)
    return record, read_profile(json.loads(json.dumps(profile_of(record, "2026-01-03"))))


def archive_for(rng: Random, model: str, many: int) -> tuple[Entity, ...]:
    if model == "modality-worklist":
        return worlds.schedule(rng, many)
    return tuple(worlds._study(rng, f"1.{n}") for n in range(1, many + 1))


def try_one(seed: int, number: int, tally: Tally) -> None:
    rng = Random(f"probe.{seed}.{number}")
    model = rng.choice(("study-root",) * 3 + ("modality-worklist",))
    content = drawn_source(rng, model)
    whole = at_release(read_profile(content), None).profile
    place = Place(source="s", profile=whole, transport="dimse", model=model, purpose="reading")
    source = SimulatedSource(place, archive_for(rng, model, rng.choice((6, 14, 24))), f"{seed}.{number}")
    record, profile = probed(source, rng)
    tally.probes += 1
    tally.queries += record.queries
    here = replace(place, profile=profile, named=True)
    others = [source]
    if not whole.caps:
        # A limit above what an archive holds cannot be seen there.
        others.append(SimulatedSource(place, archive_for(rng, model, 14), f"{seed}.{number}"))
    for worklist, text in filters(rng, model, whole):
        try:
            judged = judge(worklist, here)
            for n, one in enumerate(others):
                hold(tally, worklist, judged, place, one, f"{seed}.{number} archive {n}", text)
        except matcher.UndecidedError:
            tally.skipped += 1


def filters(rng: Random, model: str, whole: Profile) -> Iterator[tuple[Worklist, str]]:
    near = tuple(a.rpartition(".")[2] for s in whole.statements for a in s.where.attributes if a[0] not in "*!#")
    found = 0
    while found < FILTERS:
        level = "worklist-item" if model == "modality-worklist" else rng.choice(("study", "study", "series", "image"))
        text = worlds.Filters(rng, level, near=near, calm=True).worklist(model)
        if level in ("series", "image") and rng.random() < 0.7:
            keys = ["1.1", "1.1.1"][: 1 + (level == "image")]
            above = " and ".join(
                f'{k} = "{v}"' for k, v in zip(("StudyInstanceUID", "SeriesInstanceUID"), keys, strict=False)
            )
            text = text.replace("    where ", f"    where {above} and (").replace("\n}", ")\n}")
        worklist = read(text)
        if worklist is not None:
            found += 1
            yield worklist, text


def hold(
    tally: Tally, worklist: Worklist, judged: Judged, place: Place, source: SimulatedSource, name: str, text: str
) -> None:
    answer = client.ask(worklist, place, source)
    wanted = wanted_of(worklist, source, {})
    outcome = held_against(worklist, judged, answer, wanted, {})
    tally.cases += 1
    tally.verdicts[outcome.predicted] += 1
    if telling(worklist, source, wanted) or outcome.refused:
        tally.telling += 1
        good = precise(judged, outcome)
        tally.precise += good
        if not good and not outcome.wrong:
            effect = judged.effect
            if os.environ.get("WORKLINT_TELL"):
                print(f"{name} {outcome.predicted} +{outcome.added} -{outcome.missed} {outcome.refused}: "
                      f"{' '.join(text.split())}")  # fmt: skip
            tally.vague[f"{outcome.predicted} +{' '.join(sorted(effect.adds))} -{' '.join(sorted(effect.misses))}"] += 1
    if outcome.wrong:
        tally.wrong.append(story(worklist, judged, outcome, place, source, name, text, answer, wanted))


def telling(worklist: Worklist, source: SimulatedSource, wanted: dict[int, Entity]) -> bool:
    condition = worklist.filter
    parts = condition.parts if isinstance(condition, All) else (condition,)
    known = source.shown(worklist.level)
    return bool(wanted) and all(
        any(not matcher.matches(p, e) and all(matcher.matches(q, e) for q in parts if q is not p) for e in known)
        for p in parts
    )


def precise(judged: Judged, outcome: Outcome) -> bool:
    effect = judged.effect
    if effect.rejected or outcome.refused:
        return effect.rejected and outcome.refused
    adds = outcome.may_add and (bool(outcome.added) or not effect.adds <= SPELLING or not effect.known)
    misses = outcome.may_miss and (bool(outcome.missed) or not effect.misses <= LEFT_TO_CONTENT or not effect.known)
    return adds == bool(outcome.added) and misses == bool(outcome.missed)


def story(
    worklist: Worklist, judged: Judged, outcome: Outcome, place: Place, source: SimulatedSource, name: str, text: str,
    answer: Any, wanted: dict[int, Entity],
) -> str:  # fmt: skip
    lines = [f"{name}: {'; '.join(outcome.wrong)}", text.rstrip(), f"said {outcome.predicted}: {judged.effect}"]
    for keys, empties in client.queries(worklist, place, source, {}):
        asked = ", ".join(f"{k.name}={k.text!r}" for k in keys)
        lines.append(f"  sent {asked}: {'; '.join(source.told(worklist.level, keys, empties))}")
    got = {id(r.dataset): r for r in answer.rows}
    paths = [t.constraint.path for t in matcher.leaves(worklist.filter) if isinstance(t, Test) and t.constraint.path]
    shown = [("added", e) for i, e in got.items() if i not in wanted]
    shown += [("missed", e) for i, e in wanted.items() if i not in got]
    for what, entity in shown[:2]:
        values = "; ".join(f"{name_of(p)}={[f.values for f in source._found(entity, p)]}" for p in dict.fromkeys(paths))
        lines.append(f"  {what} {values}")
    return "\n".join(lines)


def run(seed: int, probes: int) -> Tally:
    tally = Tally()
    for number in range(probes):
        try_one(seed, number, tally)
    return tally


def test_what_a_probe_predicts_is_never_contradicted():
    tally = run(SEED, PROBES)
    print(tally.summary(SEED))
    assert not tally.wrong, "\n\n".join([tally.summary(SEED), *tally.wrong[:3]])


if __name__ == "__main__":
    found = run(SEED, PROBES)
    print("\n\n".join(found.wrong[: int(sys.argv[1]) if len(sys.argv) > 1 else 10]))
    print(found.summary(SEED))
    for what, count in found.vague.most_common(25):
        print(f"{count:5} {what}")

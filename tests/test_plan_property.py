"""No plan is ever contradicted: random worlds, the planner, and the printed plan carried out at a simulated source."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

import worklint.plan
import worklint.plan.print
from executing import Client, _elements, _of_url
from worklint.judge import judge
from worklint.judge.place import Place
from worklint.knowledge.products import at_release
from worklint.knowledge.profile_reader import read_profile
from worklint.model import All, Effect, Worklist
from worklint.oracle import matcher, worlds
from worklint.oracle.reading import AmbiguousProfileError
from worklint.oracle.simulated import SimulatedSource
from worklint.oracle.soundness import PARAMETERS, Case, Outcome, _told, drawn_place, held_against, read, shipped_profile
from worklint.oracle.wire import Key
from worklint.plan import Plan, checks, plan, predicate, ranges, semijoin, split
from worklint.plan.algebra import Check
from worklint.plan.print import document
from worklint.plan.types import NOTHING

CASES = int(os.environ.get("WORKLINT_PLAN_CASES", "3000"))
SEED = int(os.environ.get("WORKLINT_SEED", "1"))
# Where each mistake shows soon.
SEEDS = {
    "checks values that are not to be trusted": 9, "sends one letter case where none is asked for": 3,
    "drops rows that show no value": 10, "checks all remainders on all answers": 3,
}  # fmt: skip


@dataclass
class Tally:
    cases: int = 0
    skipped: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[Case, Outcome, dict[str, Any]]] = field(default_factory=list)


def drawn_profile(rng: Random, level: str) -> dict[str, Any]:
    """A random profile that also says how attributes come back, and what it grants."""
    content = worlds.profile(rng, level)
    names = [n for pool in ("study", "series", "image") for n in worlds.POOLS[pool] if not n.startswith("(")]
    if level == "worklist-item":
        names = [*worlds.POOLS["worklist-item"],
                 *(f"ScheduledProcedureStepSequence.{n}" for n in worlds.POOLS["step"])]  # fmt: skip
    general = rng.choice(("whole", "whole", "part", "other", "no", None))
    if general:
        content["statements"].append(
            {"for": {"attribute": "*"}, "returned": general, "absent-means-absent": rng.random() < 0.5,
             "evidence": "good"}
        )  # fmt: skip
    for _ in range(rng.randint(1, 3)):
        content["statements"].append(
            {"for": {"attribute": rng.sample(names, 6)}, "returned": rng.choice(("whole", "whole", "part", "other")),
             "absent-means-absent": rng.random() < 0.5, "evidence": "good"}
        )  # fmt: skip
    return content


Archives = list[tuple[matcher.Entity, ...]]


def drawn(seed: int, shipped: float = 0.35) -> Iterator[tuple[Worklist, Place, str, Archives, str]]:
    """Filters at drawn places, without end, with the archives they are tried on; the same for the same seed."""
    number = 0
    while True:
        number += 1
        rng = Random(f"plan.{seed}.{number}")
        level = rng.choice(("study",) * 6 + ("series", "series", "worklist-item", "worklist-item"))
        if rng.random() < shipped:
            whole = shipped_profile(rng)
        else:
            whole = at_release(read_profile(drawn_profile(rng, level)), rng.choice(("1", "2"))).profile
        place = drawn_place(rng, whole, level)
        archives = [worlds.schedule(rng) if level == "worklist-item" else worlds.archive(rng) for _ in range(3)]
        for n in range(5):
            writer = worlds.Filters(rng, level, labels=place.viewer is not None and level == "study", parameters=True)
            text = writer.worklist("modality-worklist" if level == "worklist-item" else "study-root")
            worklist = read(text)
            if worklist is not None:
                yield worklist, place, text, archives, f"{seed}.{number}.{n}"


def run(seed: int, cases: int, stop_at: int = 0, careful: bool = True) -> Tally:
    tally = Tally()
    for worklist, place, text, archives, name in drawn(seed):
        try:
            judged = judge(worklist, place)
            made: Plan = plan(worklist, place, judged)
        except AmbiguousProfileError:
            continue
        printed = json.loads(document([made]))["plans"][0]
        # Where it is not certain that a query without a selector is refused, both can happen.
        doubtful = any("in every query" in n for n in made.notes)
        assert not careful or made.as_planned.misses <= {"cap"} or not made.queries or doubtful, (name, text)
        for i, archive in enumerate(archives):
            parameters = (("user", PARAMETERS[(tally.cases + i) % len(PARAMETERS)]),)
            case = Case(text, place, archive, f"{name}.{i}", parameters)
            if not printed["queries"]:
                tally.skipped += 1
                continue
            try:
                outcome = compare(worklist, made, printed, case)
            except (matcher.UndecidedError, AmbiguousProfileError):
                tally.skipped += 1
                continue
            tally.cases += 1
            tally.verdicts[printed["as_planned"]] += 1
            for role in {q["role"] for q in printed["queries"]}:
                tally.seen[role] += 1
            tally.seen["added"] += bool(outcome.added)
            if outcome.wrong:
                tally.wrong.append((case, outcome, printed))
        if tally.cases >= cases or (stop_at and len(tally.wrong) >= stop_at):
            return tally
    raise AssertionError


def compare(worklist: Worklist, made: Plan, printed: dict[str, Any], case: Case) -> Outcome:
    client = replace(case.place, viewer=None, own=False, own_negation=False, offers=frozenset())
    source = SimulatedSource(client, case.archive, case.seed)
    parameters = dict(case.parameters)
    shown = source.shown(worklist.level)
    wanted = {id(e.dataset): e for e in shown if matcher.matches(worklist.filter, e, parameters=parameters)}
    answer = Client(printed, source, parameters).answer()
    judged = replace(judge(worklist, case.place), effect=made.as_planned)
    return held_against(worklist, judged, answer, wanted, parameters)


def story(case: Case, outcome: Outcome, printed: dict[str, Any]) -> str:
    client = replace(case.place, viewer=None, own=False, own_negation=False, offers=frozenset())
    source = SimulatedSource(client, case.archive, case.seed)
    lines = [
        f"{outcome.predicted}, but: {'; '.join(outcome.wrong)}",
        f"seed {case.seed} {dict(case.parameters)}",
        case.text,
        f"{case.place.profile.product}@{case.place.profile.release} {case.place.transport}",
    ]
    for query in printed["queries"]:
        asks = query.get("url") or {t: e.get("Value", "") for t, e in query["identifier"].items()}
        fed = f"needs {query['needs']} of {query.get('of', '')}"
        left = f"check {query['remaining']!r} unchecked {query.get('unchecked', [])}"
        lines.append(f"{query['id']} {query['level']} {query['role']} {asks} {fed} {left}")
        keys = _of_url(query["url"])[0] if "url" in query else [(p, t) for p, t in _elements(query["identifier"]) if t]
        sent = [Key(p, t, None, p[-1].vr.split(" ")[0]) for p, t in keys]
        lines += [f"    {line}" for line in source.told(query["level"], sent)]
    lines += [f"note: {n}" for n in printed["notes"]] + [f"reasons {printed['add_reasons']} {printed['miss_reasons']}"]
    worklist = read(case.text)
    assert worklist is not None
    wanted = {id(e.dataset) for e in source.shown(worklist.level)
              if matcher.matches(worklist.filter, e, parameters=dict(case.parameters))}  # fmt: skip
    got = {id(e.dataset) for e in Client(printed, source, dict(case.parameters)).answer().rows}
    for e in source.shown(worklist.level):
        if (id(e.dataset) in wanted) != (id(e.dataset) in got):
            names = {a.tag.replace("xx", "10") for t in matcher.leaves(worklist.filter) for a in t.constraint.path}
            names |= {"00080060", "0020000D"}
            lines += ["missed:" if id(e.dataset) in wanted else "added:", *_told(e, names)]
    return "\n".join(lines)


def test_no_plan_is_contradicted() -> None:
    tally = run(SEED, CASES)
    print(f"\nseed {SEED}: {tally.cases} cases, {tally.skipped} without a plan, {len(tally.wrong)} contradicted; "
          f"{dict(tally.verdicts)}; {dict(tally.seen)}")  # fmt: skip
    assert not tally.wrong, "\n\n".join(story(*w) for w in tally.wrong[:3])
    # Else the figure above says little.
    assert {"exact", "superset"} <= set(tally.verdicts)
    assert {"answer", "feeds", "subtract"} <= set(tally.seen)


# --- a planner with one mistake is caught -----------------------------------------------------------------------------

Patch = tuple[Any, str, Any]


def _text_without(*words: str) -> Callable[..., str]:
    def text(node: Any, depth: int = 0) -> str:
        found = predicate.text_of(node, depth)
        for word in words:
            found = found.replace(word, "")
        return found

    return text


def _one_remainder(asked: list[Any]) -> Any:
    """The remainders of all branches are checked on every answer: what was deferred of an `or` has become an `and`."""
    queries = numbered(asked)
    left = tuple(dict.fromkeys(q.remaining for q in queries if q.role == "answer" and q.remaining != NOTHING))
    whole = left[0] if len(left) == 1 else All(left)
    return tuple(replace(q, remaining=whole) if q.role == "answer" else q for q in queries)


def _sure(place: Any, level: str, test: Any, sent: bool) -> Check:
    found = check_of(place, level, test, sent)
    return replace(found, decides="exactly") if found.decides == "with-value" else found


def _whole(place: Any, level: str, test: Any, sent: bool) -> Check:
    found = check_of(place, level, test, sent)
    undecided = found.decides in ("some", "never") and test.constraint.path
    return replace(found, decides="with-value") if undecided else found


numbered, check_of = worklint.plan._numbered, checks.check_of
MISTAKES: dict[str, tuple[Patch, ...]] = {
    "drops rows that show no value": ((checks, "check_of", _sure),),
    "checks what does not come back whole": ((checks, "check_of", _whole),),
    "checks values that are not to be trusted": ((checks.keeping, "records_for", lambda place, key: ()),),
    "sends keys that miss": (
        (split, "_sendable", lambda effect: effect.known and not effect.rejected),
        (split._Joint, "cannot_miss", property(lambda joint: joint.effect.known and not joint.effect.rejected)),
    ),
    "judges each key alone": ((split._Joint, "cannot_miss", property(lambda joint: True)),),
    "subtracts what may be there by mistake": (
        (semijoin, "certain_to_go", lambda effect: True), (semijoin, "subtracting", lambda inner, outer: outer),
    ),
    "forgets what the feeding query adds": ((semijoin, "feeding", lambda inner, outer: outer),),
    "forgets the limit on answers": ((split, "_service", lambda *given: (Effect(), None)),),
    "says exact where a check decides nothing": ((checks, "left_after", lambda check, sent: frozenset()),),
    "sends one letter case where none is asked for": (
        (ranges, "_pattern", lambda text, *rest: text.upper()),
    ),
    "checks all remainders on all answers": ((worklint.plan, "_numbered", _one_remainder),),
    "loses `not` in print": ((worklint.plan.print, "text_of", _text_without("not ")),),
}  # fmt: skip
CATCHES = int(os.environ.get("WORKLINT_MUTATION_CASES", "2000"))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_caught(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, name, wrong in MISTAKES[mistake]:
        monkeypatch.setattr(place, name, wrong)
    tally = run(SEEDS.get(mistake, 1), CATCHES, stop_at=1, careful=False)
    assert tally.wrong, f"{mistake}: not noticed in {tally.cases} cases"


if __name__ == "__main__":
    pytest.main([__file__, "-s"])

"""Plans against what happens: the plan is printed, read back, carried out, and held against the reference matcher.

By hand, for as long as one likes: ``python tests/plan_trials.py --cases 300000 --seed 7``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "src")]

import executing
from executing import Client, UnreadableError
from plan_worlds import Case, Drawn, drawn, features
from worklint.judge import judge
from worklint.judge.place import Place
from worklint.model import Effect, Worklist
from worklint.oracle import matcher
from worklint.oracle.client import texts_of
from worklint.oracle.reading import AmbiguousProfileError
from worklint.oracle.simulated import SimulatedSource
from worklint.oracle.soundness import Outcome, _told, held_against, read
from worklint.oracle.wire import Key
from worklint.plan import plan
from worklint.plan.print import document
from worklint.record import replace


@dataclass(frozen=True)
class Trial:
    """A case whose plan was carried out."""

    case: Case
    worklist: Worklist
    printed: Mapping[str, Any]
    outcome: Outcome
    met: frozenset[str]


@lru_cache(maxsize=50)
def client_at(place: Place) -> Place:
    """Return the source as a careful client meets it: without the project's viewer."""
    return replace(place, viewer=None, own=False, own_negation=False, offers=frozenset())


@lru_cache(maxsize=50)
def zone_of(name: str | None) -> tzinfo:
    return ZoneInfo(name) if name else UTC


def printed_plan(worklist: Worklist, case: Case) -> dict[str, Any]:
    """Return the plan as a program reads it: JSON text, parsed."""
    made = plan(worklist, case.place, judge(worklist, case.place), zone=case.zone, bound=case.bound)
    return json.loads(document([made]))["plans"][0]


def source_of(case: Case) -> SimulatedSource:
    return SimulatedSource(client_at(case.place), case.archive, case.name, zone_of(case.zone))


def carried_out(worklist: Worklist, printed: Mapping[str, Any], case: Case) -> Trial | None:
    """Carry a printed plan out; ``None`` where there is none, or nobody can say what was wanted."""
    if not printed["queries"]:
        return None
    source, parameters = source_of(case), dict(case.parameters)
    try:
        wanted = wanted_of(worklist, source, parameters)
        client = Client(printed, source, parameters)
        answer = client.answer()
    except (matcher.UndecidedError, AmbiguousProfileError):
        return None
    except UnreadableError as error:
        outcome = Outcome(printed["as_planned"], 0, 0, False, (f"cannot be read: {error}",))
        return Trial(case, worklist, printed, outcome, frozenset())
    predicted = Effect(
        frozenset(printed["add_reasons"]), frozenset(printed["miss_reasons"]), printed["as_planned"] == "rejected",
        printed["as_planned"] != "unknown",
    )  # fmt: skip
    outcome = held_against(worklist, SimpleNamespace(effect=predicted), answer, wanted, parameters)
    return Trial(case, worklist, printed, outcome, frozenset(source.reading.met | client.met))


def would_meet(worklist: Worklist, case: Case) -> set[str]:
    """Return what the keys of a filter would meet if all of them were sent."""
    source = source_of(case)
    for test in matcher.leaves(worklist.filter):
        c = test.constraint
        if c.path and c.matching in ("single", "any-of", "wildcard", "range", "list-of-uid"):
            with suppress(AmbiguousProfileError):
                source.doing(Key(c.path, texts_of(c, dict(case.parameters))[0], None, c.vr), worklist.level)
    return {f"a key of the filter: {m}" for m in source.reading.met}


def wanted_of(worklist: Worklist, source: SimulatedSource, parameters: Mapping[str, str]) -> dict[int, matcher.Entity]:
    return {
        id(e.dataset): e
        for e in source.shown(worklist.level)
        if matcher.matches(worklist.filter, e, zone=source.zone, parameters=parameters)
    }


def tried(case: Case) -> Trial | None:
    """Read, plan, print and carry out one case."""
    worklist = read(case.text)
    return None if worklist is None else carried_out(worklist, printed_plan(worklist, case), case)


# --- many -------------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """Counts of a run, and what was contradicted."""

    cases: int = 0
    skipped: int = 0
    worlds: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    precise: Counter[str] = field(default_factory=Counter)
    wrong: list[Trial] = field(default_factory=list)
    careless: list[str] = field(default_factory=list)

    def take(self, one: Drawn, stop_at: int = 0) -> None:
        """Plan one filter and try it on its archives."""
        first = one.cases[0]
        printed = printed_plan(one.worklist, first)
        # Where it is not certain that a query without a selector is refused, both can happen.
        doubtful = any("in every query" in n for n in printed["notes"])
        if printed["queries"] and not doubtful and not set(printed["miss_reasons"]) <= {"cap"}:
            self.careless.append(f"{first.name}: a plan that may miss by {printed['miss_reasons']}\n{first.text}")
        happened: Counter[str] = Counter()
        trials = [carried_out(one.worklist, printed, case) for case in one.cases]
        static = features(one.worklist, first, printed) | would_meet(one.worklist, first) if any(trials) else set()
        for trial in trials:
            if trial is None:
                self.skipped += 1
                continue
            self.cases += 1
            self.verdicts[printed["as_planned"]] += 1
            self.seen.update(static | {f"source: {m}" for m in trial.met})
            happened["adds"] += bool(trial.outcome.added)
            happened["misses"] += bool(trial.outcome.missed)
            if trial.outcome.wrong:
                self.wrong.append(trial)
        for what, reasons in (("adds", printed["add_reasons"]), ("misses", printed["miss_reasons"])):
            if any(trials) and reasons and printed["as_planned"] != "unknown":
                self.precise[f"{what} allowed"] += 1
                self.precise[f"{what} shown"] += bool(happened[what])

    def summary(self) -> str:
        """Return the figures as a person reads them."""
        verdicts = ", ".join(f"{n} {v}" for v, n in self.verdicts.most_common())
        lines = [
            f"{self.cases} cases in {self.worlds} worlds, {self.skipped} without a plan that can be tried, "
            f"{len(self.wrong)} contradicted; {verdicts}"
        ]
        for what in ("adds", "misses"):
            allowed, shown = self.precise[f"{what} allowed"], self.precise[f"{what} shown"]
            if allowed:
                lines.append(f"{what} allowed by {allowed} plans, shown by {shown} ({shown / allowed:.0%})")
        return "; ".join(lines)

    def table(self) -> str:
        """Return how many cases tried each thing."""
        return "\n".join(f"{self.seen[name]:>8} {name}" for name in sorted(self.seen))


def run(seed: int, cases: int, first: int = 1, stop_at: int = 0, tally: Tally | None = None) -> Tally:
    """Try cases of the worlds ``seed.first`` and after."""
    tally = tally or Tally()
    number, enough = first, tally.cases + cases
    while tally.cases < enough and not (stop_at and len(tally.wrong) >= stop_at):
        for one in drawn(seed, number):
            tally.take(one)
            if stop_at and len(tally.wrong) >= stop_at:
                break
        tally.worlds += 1
        number += 1
    return tally


def case_named(name: str) -> tuple[Drawn, Case]:
    """Return the case of a name: ``SEED.WORLD.FILTER.ARCHIVE``."""
    seed, number = map(int, name.split(".")[:2])
    return next((one, c) for one in drawn(seed, number) for c in one.cases if c.name == name)


# --- telling ----------------------------------------------------------------------------------------------------------


def story(trial: Trial) -> str:
    """Return a contradiction as a person reads it: seed, filter, profile, plan, what was added and missed."""
    case, printed = trial.case, trial.printed
    source, parameters = source_of(case), dict(case.parameters)
    place = case.place
    lines = [
        f"{trial.outcome.predicted}, but: {'; '.join(trial.outcome.wrong)}",
        f"case {case.name}, $user is {parameters['user']!r}, zone {case.zone}, at most {case.bound} branches",
        case.text.rstrip(),
        f"at {place.profile.product}@{place.profile.release} {place.model} {place.transport} {dict(place.settings)}",
        f"profile: {profile_text(case)}",
        f"plan: {json.dumps(printed, ensure_ascii=False)}",
    ]
    for query in printed["queries"]:
        keys, _ = executing.keys_and_returns(query)
        sent = [Key(p, t, None, p[-1].vr.split(" ")[0]) for p, t in keys if t]
        lines += [f"    {query['id']}: {line}" for line in source.told(query["level"], sent)]
    if any("cannot be read" in w for w in trial.outcome.wrong):
        return "\n".join(lines)
    wanted = wanted_of(trial.worklist, source, parameters)
    got = {id(e.dataset) for e in Client(printed, source, parameters).answer().rows}
    names = {a.tag.replace("xx", "10") for t in matcher.leaves(trial.worklist.filter) for a in t.constraint.path}
    names |= {"00080060", "0020000D", "00100020"}
    for e in source.shown(trial.worklist.level):
        if (id(e.dataset) in wanted) != (id(e.dataset) in got):
            lines += ["missed:" if id(e.dataset) in wanted else "added:", *_told(e, names)]
    return "\n".join(lines)


def profile_text(case: Case) -> str:
    """Return the profile as JSON; of a product of the database the records that are left of it."""
    if case.content is not None:
        return json.dumps({"release": case.release, **case.content}, ensure_ascii=False)
    found = case.place.profile
    parts = ("statements", "interactions", "lifts", "keeping", "caps", "selectors", "hides", "negotiation")
    told = {p: [_brief(r) for r in getattr(found, p)] for p in parts if getattr(found, p)}
    text = json.dumps(told, ensure_ascii=False)
    return text if len(text) < 4_000 else f"{found.product}@{found.release} of the database"


def _brief(record: Any) -> Any:
    members = getattr(type(record), "__record_members__", None)
    if members is None:
        return [_brief(r) for r in record] if isinstance(record, tuple) else str(record)
    out = {}
    for name in members:
        value = getattr(record, name)
        if value and name not in ("evidence", "because", "origin", "remedy"):
            out[name] = value if isinstance(value, str | int | float) else sorted(map(str, value)) if isinstance(
                value, frozenset) else _brief(value)  # fmt: skip
    return out


# --- by hand ----------------------------------------------------------------------------------------------------------


def chunks(seed: int, cases: int, each: int) -> Iterator[Tally]:
    """Yield the tally of a long run now and then; seeds count up, so that no world is tried twice."""
    tally = Tally()
    while tally.cases < cases:
        run(seed, min(each, cases - tally.cases), tally=tally)
        executing.forget()
        yield tally
        seed += 1


def main() -> int:
    """Run and print; the exit code is 1 if something was contradicted."""
    parser = argparse.ArgumentParser(prog="python tests/plan_trials.py", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=2_000, help="cases to a seed; figures are printed after each")
    parser.add_argument("--show", type=int, default=5, help="contradictions to shrink and tell in full")
    parser.add_argument("--case", help="try this one alone, and tell it")
    parser.add_argument("--table", action="store_true", help="how many cases tried each thing")
    given = parser.parse_args()
    if given.case:
        one, case = case_named(given.case)
        trial = carried_out(one.worklist, printed_plan(one.worklist, case), case)
        print(story(trial) if trial else "there is nothing to try")
        return bool(trial and trial.outcome.wrong)
    started, told = time.monotonic(), 0
    tally = Tally()
    for number, tally in enumerate(chunks(given.seed, given.cases, given.every)):
        took = time.monotonic() - started
        print(f"{took:.0f} s, seeds {given.seed} to {given.seed + number}: {tally.summary()}", flush=True)
        for trial in tally.wrong[told : given.show]:
            from plan_shrinking import shrunk

            print(f"\nCONTRADICTED {trial.case.name}\n{story(shrunk(trial))}\n", flush=True)
        for text in tally.careless[: given.show]:
            print(f"\nCARELESS {text}", flush=True)
        tally.careless.clear()
        told = len(tally.wrong)
    if given.table:
        print(tally.table())
    return bool(tally.wrong)


if __name__ == "__main__":
    sys.exit(main())

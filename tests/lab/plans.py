"""Plans carried out at real servers, as they are printed, and held against what is true of the archive.

The filters: the conditions of ``cases.csv``; what is made of two of them by ``or``, ``not``, ``and not``; and those of
``filters.csv``, written for what plans do with them.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache, partial

from worklint.enterprise import parse_address
from worklint.judge import verdict_name
from worklint.model import Worklist
from worklint.network.ask import Asker, Manners, Row, values_in
from worklint.network.carry_out import NotCarriedOutError, carry_out
from worklint.network.door import open_door
from worklint.network.printed import PrintedError, printed
from worklint.network.verify import AGREES, CONTRADICTED, UNDECIDED, Observed, compare
from worklint.oracle.matcher import UndecidedError, matches
from worklint.plan import Plan, plan
from worklint.resolve import resolve
from worklint.sources import place_of
from worklint.syntax.parser import parse
from worklint.text import Text

from .ask import Client, Identity, level_keys, shown
from .compare import HERE, TODAY, Case, by_spelling, cases_of, entities, resolved_names, site_for
from .servers import Door, Server

NOW = datetime.combine(TODAY, time(12), UTC)
SHAPES = ("{0} or {1}", "not ({0}) and {1}", "not ({0} or {1})", "({0} or {1}) and not ({2})")
"""What is made of conditions that stand near one another."""


@dataclass(frozen=True)
class Carried:
    """A plan that was carried out: the verdict as planned, what was seen, and how they agree."""

    filter: str
    text: str
    planned: str
    seen: Observed
    agreement: str
    queries: int = 0

    def __str__(self) -> str:
        s = self.seen
        return (
            f"{self.filter}: planned {self.planned}, {s.true} true, {s.added} added ({s.beyond_spelling} beyond "
            f"spelling), {s.missed} missed {s.refused}{s.why}: {self.text}"
        )


@cache
def filters(door: Door) -> tuple[Case, ...]:
    """Return the filters of a door, each with an id of its own; two filters that mean the same stand once."""
    with (HERE / "filters.csv").open(encoding="utf-8", newline="") as file:
        written = [
            Case(r["filter"], r["model"], r["level"], r["within"], r["condition"], "", r["told"] or "")
            for r in csv.DictReader(file)
        ]
    found = [c for c in written if c.model in door.models]
    mine = cases_of(door)
    found += [Case(c.id, c.model, c.level, c.within, c.condition, c.show, c.told) for c in mine]
    alike: dict[tuple[str, str, str, str], list[Case]] = {}
    for case in mine:
        alike.setdefault((case.model, case.level, case.within, case.told), []).append(case)
    for (model, level, within, told), group in alike.items():
        for number, case in enumerate(group):
            # Neighbours speak of one attribute; those further on of another.
            others = [group[(number + step) % len(group)].condition for step in (1 + number % 3, 17 + number % 11)]
            shape = SHAPES[number % len(SHAPES)]
            parts = [f"({c})" for c in (case.condition, *reversed(others))]
            found.append(Case(f"{case.id}x", model, level, within, shape.format(*parts), "", told))
    return tuple(found)


def worklists(chosen: Sequence[Case]) -> Mapping[str, Worklist]:
    """Return filters as resolved worklists; a combination that makes no sense is left out."""
    out: dict[str, Worklist] = {}
    text = "\n".join(c.worklist for c in chosen) + "\n"
    found = resolve([parse(Text.of(text, "filters.worklist"))], [], None, {}, TODAY, NOW)
    for one in found.worklists:
        if one.complete:
            out[one.name] = one
        else:
            assert one.name.endswith("x"), f"{one.name} does not mean anything: {found.findings}"
    return out


def sample(door: Door, every: int) -> tuple[Case, ...]:
    """Return one filter of so many; of those that were written for plans more."""
    found = filters(door)
    mine = [c for c in found if c.id.startswith("F")]
    return (*mine[:: max(1, every // 4)], *[c for c in found if c not in mine][::every])


def carried_out(door: Door, server: Server, made: Client, every: int = 1) -> Iterator[Carried]:
    """Carry out the plan of each filter (of ``every`` so many one), and hold it against the archive."""
    chosen = sample(door, every)
    site_of = cache(partial(site_for, door, server.release))
    read = worklists(chosen)
    address = server.web if door.transport == "dicomweb" else server.address
    way = open_door(parse_address(address), 30, {})
    way.keep_data = True
    asker = Asker(way, Manners(queries=10**7, rows=5000, per_second=10**6, timeout=30, seconds=3600))
    universe = {where: shown(made, *where) for where in dict.fromkeys((c.model, c.level) for c in chosen)}
    try:
        for case in chosen:
            worklist = read.get(case.id)
            if worklist is None:
                continue
            site = site_of(case.told)
            planned = plan(worklist, place_of(site, site.sources[0], worklist))
            before = asker.asked
            seen = (
                _seen(worklist, planned, asker, universe[case.model, case.level])
                if planned.queries
                else Observed(why="no query")
            )
            agreement = compare(planned.as_planned, seen)
            yield Carried(case.id, case.text, verdict_name(planned.as_planned), seen, agreement, asker.asked - before)
    finally:
        way.close()


def _seen(worklist: Worklist, planned: Plan, asker: Asker, universe: frozenset[Identity]) -> Observed:
    try:
        outcome = carry_out(printed(planned), asker, UTC)
    except UndecidedError:
        return Observed(why="alike by sound")
    except (NotCarriedOutError, PrintedError) as problem:
        return Observed(why=str(problem))
    if outcome.failure:
        return Observed(refused=outcome.failure)
    known = entities(worklist.model, worklist.level)
    here = resolved_names(universe, known)
    came = resolved_names({i for row in outcome.rows for i in identities(row, worklist)}, known)
    try:
        true = {i for i in here if matches(worklist.filter, known[i])}
        added = {i for i in came - true if not matches(worklist.filter, known[i])}
    except UndecidedError:
        return Observed(why="alike by sound")
    missed = set() if outcome.partial else true - came
    beyond = [i for i in added if not by_spelling(worklist.filter, known[i])]
    return Observed(
        len(outcome.rows), len(true), len(added), len(beyond), len(missed), "", not outcome.partial,
        ", ".join(outcome.partial),
    )  # fmt: skip


def identities(row: Row, worklist: Worklist) -> Iterator[Identity]:
    """Return the identities that a row stands for: one, or one for each scheduled step."""
    names = level_keys(worklist.model, worklist.level)
    if worklist.level != "worklist-item":
        yield tuple(t.strip() for t in values_in(row, names))
        return
    *upper, step = names
    for one in row.get(f"ScheduledProcedureStepSequence.{step}", ()):
        yield (*(t.strip() for t in values_in(row, upper)), one.strip())


def failed(found: Sequence[Carried]) -> list[Carried]:
    """Return the plans that are contradicted, and those that promise the reference answer and did not bring it."""
    return [f for f in found if f.agreement == CONTRADICTED or (f.planned == "exact" and f.agreement != AGREES)]


def summary(found: Sequence[Carried]) -> str:
    """Return the figures of a door in one line."""
    counts = Counter(f.agreement for f in found)
    exact = [f for f in found if f.planned == "exact"]
    full = sum(f.agreement == AGREES for f in exact)
    return (
        f"{len(found)} plans, {sum(f.queries for f in found)} queries: {counts[CONTRADICTED]} contradicted, "
        f"{counts[UNDECIDED]} undecided; {len(exact)} planned exact, {full} of them returned the reference answer"
    )

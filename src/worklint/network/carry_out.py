"""Carry a plan out at a live source (``docs/plans.md``): queries in their order, fed, checked, subtracted, united."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice, product
from typing import Any

from worklint.knowledge import standard
from worklint.network.ask import Asker, Key, Path, Question, Row, name_of, values_in
from worklint.network.dimse import identity_paths
from worklint.oracle.matcher import Entity, matches
from worklint.plan.print import wire_values
from worklint.plan.split import MOST_UIDS
from worklint.plan.types import Limit, Need, Plan, PlannedQuery

MOST_FED = 64
"""Queries that the values of other queries may lead to, for one query of a plan."""

Found = tuple[Row, Any]
"""A row that passed its check, and the response as a data set."""


class NotCarriedOutError(Exception):
    """A plan asks for what is not done here; the message says what."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan brought: the rows of its answers, a failure, and whether a limit of ours cut an answer."""

    rows: tuple[Row, ...] = ()
    failure: str = ""
    cut: bool = False


def carry_out(plan: Plan, asker: Asker, zone: tzinfo) -> Outcome:
    """Carry a plan out; its parameters must be known.

    Raises:
        NotCarriedOutError: if an answer comes in pages, is to be asked again in halves, feeds too many queries, or is
            too long where others go on with it.
        NetworkError: if the source is gone.
    """
    kept: dict[str, list[Found]] = {}
    cut = False
    for query in plan.queries:
        rows: list[Found] = []
        for keys in _filled(query, kept):
            answer = asker.ask(Question(query.model, query.level, keys, _empties(query), frozenset(query.negotiation)))
            if answer.failure:
                return Outcome(failure=answer.failure)
            if len(answer.data) != len(answer.rows):
                raise NotCarriedOutError("a response cannot be read")
            if answer.cut and query.role != "answer":
                raise NotCarriedOutError("an answer that other queries of the plan go on with is longer than was read")
            cut |= answer.cut
            _within(query.limit, len(answer.rows))
            rows += [
                (row, data) for row, data in zip(answer.rows, answer.data, strict=True)
                if matches(query.remaining, Entity(query.level, data), zone=zone)
            ]  # fmt: skip
        names = [name_of(p) for p in identity_paths(query.model, query.level)]
        takers = [q for q in plan.queries if query.id in q.of]
        gone = {values_in(row, names) for q in takers for row, _ in kept[q.id]}
        kept[query.id] = [f for f in rows if values_in(f[0], names) not in gone]
    answers = [q for q in plan.queries if q.role == "answer"]
    return Outcome(tuple(row for q in answers for row, _ in kept[q.id]), cut=cut)


def _empties(query: PlannedQuery) -> tuple[Path, ...]:
    """Return what is asked for without value: what is to be checked, and what leads to the levels above."""
    sent = {k.path for k in query.keys}
    model = standard.model(query.model)
    upper: list[Path] = []
    if model is not None and query.transport == "dimse":
        names = model.unique_keys[: model.levels.index(query.level)]
        upper = [(a,) for n in names if n and (a := standard.attribute_by_keyword(n)) is not None]
    return tuple(p for p in dict.fromkeys((*upper, *query.returns)) if p not in sent)


def _within(limit: Limit | None, rows: int) -> None:
    if limit is not None and (limit.paging or limit.split) and (limit.rows is None or rows >= limit.rows):
        raise NotCarriedOutError("the plan asks for further pages, which is not done here")


def _filled(query: PlannedQuery, kept: Mapping[str, list[Found]]) -> Iterator[tuple[Key, ...]]:
    """Yield the keys of each query to send: values of one group are united, groups are intersected."""
    keys = [Key(k.path, "\\".join(wire_values(k))) for k in query.keys]
    ways = list(islice(product(_of_rows(query, kept), _of_lists(query, kept)), MOST_FED + 1))
    if len(ways) > MOST_FED:
        raise NotCarriedOutError(f"the plan takes more than {MOST_FED} queries")
    for above, listed in ways:
        values = {**above, **listed}
        yield tuple(Key(k.path, values.get(name_of(k.path), k.text)) for k in keys)


def _of_rows(query: PlannedQuery, kept: Mapping[str, list[Found]]) -> list[dict[str, str]]:
    """Return the values that belong together because they come from one row (group 0)."""
    needs = [n for n in query.needs if n.group == 0]
    names = sorted({n.attribute for n in needs})
    found = {tuple(_value(row, name) for name in names) for n in needs for row, _ in kept[n.query]}
    return [dict(zip(names, values, strict=True)) for values in sorted(found)] if needs else [{}]


def _of_lists(query: PlannedQuery, kept: Mapping[str, list[Found]]) -> list[dict[str, str]]:
    """Return the values of one attribute: one each, or in lists."""
    needs: list[Need] = [n for n in query.needs if n.group != 0]
    if not needs:
        return [{}]
    groups: dict[int, set[str]] = {}
    for need in needs:
        groups.setdefault(need.group, set()).update(_value(row, need.attribute) for row, _ in kept[need.query])
    values = sorted(set.intersection(*groups.values()))
    most = 1 if needs[0].each else MOST_UIDS
    return [{needs[0].attribute: "\\".join(values[i : i + most])} for i in range(0, len(values), most)]


def _value(row: Row, name: str) -> str:
    value = "\\".join(row.get(name, ()))
    if not value:
        raise NotCarriedOutError(f"a row comes without {name}, which the plan goes on with")
    return value

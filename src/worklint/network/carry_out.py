"""Carry a plan out at a live source, as it is printed (``docs/plans.md``): fed, paged, halved, checked, united.

Every loop has a bound. Where one is hit the answer is a part of what the plan asks for, and the outcome says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta, tzinfo
from itertools import islice, product
from typing import Any

from worklint.network.ask import Answer, Asker, Key, Question, Row, name_of, values_in
from worklint.network.dimse import identity_paths
from worklint.network.printed import PrintedNeed, PrintedQuery, filled_keys, filled_url
from worklint.network.steps import apart
from worklint.oracle.matcher import Entity, matches

MOST_FED = 256
"""Queries that the values of other queries may lead to, for one query of a plan."""
MOST_PAGES = 64
"""Pages that one answer may have."""
MOST_HALVES = 64
"""Queries that one full answer may be asked again in, with its range halved."""

CUT = "more is shown than was read"
UNREAD = "some responses cannot be decoded"

Found = tuple[Row, Any]
"""A row that passed its check, and the response as a data set."""
Values = Mapping[str, tuple[str, ...]]


class NotCarriedOutError(Exception):
    """A plan asks for what is not done here; the message says what."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan brought: the rows of its answers, or a failure (``because`` says more).

    ``partial`` tells why rows may not have been read: a bound of ours, or responses that cannot be decoded.
    """

    rows: tuple[Row, ...] = ()
    failure: str = ""
    partial: tuple[str, ...] = ()
    because: str = ""


@dataclass(slots=True)
class _Answers:
    """What the answers to one query bring, all pages and halves."""

    rows: list[Found] = field(default_factory=list)
    failure: str = ""
    because: str = ""
    partial: list[str] = field(default_factory=list)

    def take(self, question: Question, answer: Answer) -> None:
        answer = apart(question, answer)
        self.failure, self.because = answer.failure, answer.because
        self.rows += zip(answer.rows, answer.data, strict=True)
        if answer.cut:
            self.say(CUT)
        if answer.unread:
            self.say(UNREAD)

    def say(self, why: str) -> None:
        if why not in self.partial:
            self.partial.append(why)


def carry_out(queries: Sequence[PrintedQuery], asker: Asker, zone: tzinfo) -> Outcome:
    """Carry the queries of a plan out in their order; its parameters must be known.

    Raises:
        NotCarriedOutError: if rows are to be taken away, or values to be fed, that were not read in full.
        NetworkError: if the source is gone.
    """
    kept: dict[str, list[Found]] = {}
    partial: list[str] = []
    for query in queries:
        found = _Answers()
        for values in _ways(query, kept, found):
            _ask(query, values, asker, found)
            if found.failure:
                return Outcome(failure=found.failure, because=found.because)
        if found.partial and query.id in _taken_away(queries):
            raise NotCarriedOutError(f"rows that are taken away from the list are not all known: {found.partial[0]}")
        partial += [p for p in found.partial if p not in partial]
        rows = [f for f in found.rows if matches(query.remaining, Entity(query.level, f[1]), zone=zone)]
        names = [name_of(p) for p in identity_paths(query.model, query.level)]
        takers = [q for q in queries if query.id in q.of]
        gone = {values_in(row, names) for q in takers for row, _ in kept[q.id]}
        kept[query.id] = [f for f in rows if values_in(f[0], names) not in gone]
    answers = [q for q in queries if q.role == "answer"]
    return Outcome(tuple(row for q in answers for row, _ in kept[q.id]), partial=tuple(partial))


def _taken_away(queries: Sequence[PrintedQuery]) -> set[str]:
    """Return the queries whose rows are taken away from others, and those that feed them."""
    out = {q.id for q in queries if q.role == "subtract"}
    for query in reversed(queries):
        if query.id in out:
            out |= {n.query for n in query.needs}
    return out


# --- one query --------------------------------------------------------------------------------------------------------


def _ask(query: PrintedQuery, values: Values, asker: Asker, found: _Answers) -> None:
    question = Question(
        query.model, query.level, filled_keys(query, values), query.empties, query.options, filled_url(query, values)
    )
    cap = query.cap
    if cap is not None and cap.paging:
        _pages(question, cap.rows, asker, found)
    elif cap is not None and cap.split:
        _halves(question, query, asker, found)
    else:
        found.take(question, asker.ask(question))


def _pages(question: Question, size: int | None, asker: Asker, found: _Answers) -> None:
    """Ask for one page after the other, until one is not full (PS3.18 8.3.4.4)."""
    start, before = 0, None
    for _ in range(MOST_PAGES):
        url = question.url.replace("{offset}", str(start))
        if url == question.url and start:
            url += f"{'&' if '?' in url else '?'}offset={start}"
        answer = asker.ask(replace(question, url=url))
        if answer.rows and answer.rows == before:
            found.say("the source answers every page alike")
            return
        found.take(question, replace(answer, cut=answer.cut and size is not None and len(answer.rows) < size))
        came = len(answer.rows) + answer.unread
        if answer.failure or not came or (size is not None and came < size):
            return
        start, before = start + came, answer.rows
    found.say(f"the answer has more than {MOST_PAGES} pages")


def _halves(question: Question, query: PrintedQuery, asker: Asker, found: _Answers) -> None:
    """Ask with a range of days; where the answer is full, with its two halves in its place."""
    assert query.cap is not None
    cap, name = query.cap, query.cap.split
    key = next((k for k in question.keys if name_of(k.path) == name), None)
    waiting = [key.text if key is not None else ""]
    for _ in range(MOST_HALVES):
        if not waiting:
            return
        text = waiting.pop(0)
        keys = tuple(Key(k.path, text) if k is key else k for k in question.keys)
        answer = asker.ask(replace(question, keys=keys, url=_with_range(question.url, name, text)))
        full = answer.cut or (cap.rows is not None and len(answer.rows) >= cap.rows)
        full |= cap.signalled and bool(answer.warning)
        halves = halved(text) if full else ()
        if full and not halves and not answer.cut:
            found.say("the answer for one day is full")
        if halves:
            waiting += halves
            answer = replace(answer, rows=(), data=(), cut=False)
        found.take(question, answer)
        if found.failure:
            return
    if waiting:
        found.say(f"the answer takes more than {MOST_HALVES} queries, its range halved")


def halved(text: str) -> tuple[str, ...]:
    """Return the two halves of a range of days, both ends included; nothing where there are none."""
    low, dash, high = text.partition("-")
    try:
        first, last = (date(int(t[:4]), int(t[4:6]), int(t[6:])) for t in (low, high) if len(t) == 8)
    except ValueError:
        return ()
    if not dash or last <= first:
        return ()
    middle = first + (last - first) // 2
    return f"{low}-{middle:%Y%m%d}", f"{middle + timedelta(days=1):%Y%m%d}-{high}"


def _with_range(url: str, name: str | None, text: str) -> str:
    place, mark, rest = url.partition("?")
    parts = [f"{name}={text}" if p.startswith(f"{name}=") else p for p in rest.split("&")]
    return place + mark + "&".join(parts)


# --- what other queries feed ------------------------------------------------------------------------------------------


def _ways(query: PrintedQuery, kept: Mapping[str, list[Found]], found: _Answers) -> Iterator[Values]:
    """Yield the values of each query to send: those of one group are united, groups are intersected."""
    ways = list(islice(product(_of_rows(query, kept), _of_lists(query, kept)), MOST_FED + 1))
    if len(ways) > MOST_FED:
        found.say(f"a query is to be asked more than {MOST_FED} times")
    for above, listed in ways[:MOST_FED]:
        yield {**above, **listed}


def _of_rows(query: PrintedQuery, kept: Mapping[str, list[Found]]) -> list[Values]:
    """Return the values that belong together because they come from one row (group 0)."""
    needs = [n for n in query.needs if n.group == 0]
    names = sorted({n.attribute for n in needs})
    found = {tuple(_value(row, name) for name in names) for n in needs for row, _ in kept[n.query]}
    return [{n: (v,) for n, v in zip(names, values, strict=True)} for values in sorted(found)] if needs else [{}]


def _of_lists(query: PrintedQuery, kept: Mapping[str, list[Found]]) -> list[Values]:
    """Return the values of one attribute: one each, or in lists."""
    needs: list[PrintedNeed] = [n for n in query.needs if n.group != 0]
    if not needs:
        return [{}]
    groups: dict[int, set[str]] = {}
    for need in needs:
        groups.setdefault(need.group, set()).update(_value(row, need.attribute) for row, _ in kept[need.query])
    values = sorted(set.intersection(*groups.values()))
    most = 1 if needs[0].each else needs[0].at_most
    return [{needs[0].attribute: tuple(values[i : i + most])} for i in range(0, len(values), most)]


def _value(row: Row, name: str) -> str:
    value = "\\".join(row.get(name, ()))
    if not value:
        raise NotCarriedOutError(f"a row comes without {name}, which the plan goes on with")
    return value

"""What a plan is made of: queries, what feeds them, what the client checks on each answer."""

from __future__ import annotations

from dataclasses import dataclass

from worklint.judge.place import KeyAt
from worklint.model import All, Attribute, Cause, Effect, Filter

Path = tuple[Attribute, ...]
NOTHING: Filter = All(())
"""The condition that holds of everything: nothing remains to be checked."""


@dataclass(frozen=True, slots=True)
class Need:
    """Values of ``attribute`` come from the answers to ``query``.

    ``each``: one query for each value (for each row, where several attributes come from one query); else one query with
    all of them. Values of one ``group`` are united, groups are intersected.
    """

    query: str
    attribute: str
    each: bool = False
    group: int = 1


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on the answer: its rows (``None``: nobody told), how the client gets past it, and what it says of it.

    ``split`` names the date whose range is halved when an answer is full.
    """

    rows: int | None
    signalled: bool
    paging: bool
    split: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedQuery:
    """One query of a plan.

    ``remaining`` is checked on each row of the answer as it came back: it holds of every row that belongs to the list,
    and is false only where what came back proves so. ``returns`` are the attributes that it needs beside the keys.
    ``unchecked`` names the tests that nothing in the answer can decide. ``of``: the queries that a ``subtract`` belongs
    to; rows of theirs whose ``subject`` it returns are dropped.
    """

    id: str
    transport: str
    model: str
    level: str
    keys: tuple[KeyAt, ...]
    returns: tuple[Path, ...] = ()
    negotiation: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    role: str = "answer"
    remaining: Filter = NOTHING
    unchecked: tuple[str, ...] = ()
    limit: Limit | None = None
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """What stays inexact although it is sent as planned, and why no client can repair it.

    ``constraint`` is an index of ``Worklist.constraints``, ``None`` for the list as a whole.
    """

    constraint: int | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class Plan:
    """What a careful client sends to one source for one worklist, and what it then gets.

    ``unite_on`` are the attributes by which rows of several answers are the same entity. ``cells`` is what each of the
    worklist's constraints leaves, in their order; a constraint that no query speaks of has the effect of the whole.
    ``stays`` tells why what is not exact stays so, where somebody asked (``plan.why``).
    """

    worklist: str
    source: str
    as_written: Effect
    as_planned: Effect
    queries: tuple[PlannedQuery, ...]
    unite_on: tuple[str, ...]
    notes: tuple[str, ...] = ()
    cells: tuple[Effect, ...] = ()
    stays: tuple[Stay, ...] = ()

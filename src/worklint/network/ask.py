"""Questions to a source and what came back, whatever the transport; and the asker, who keeps to what was promised.

Nothing here knows DICOM's wire: ``dimse`` and ``web`` do. A row maps dotted paths to the values that came back; a path
that came back without a value maps to no values, one that did not come back is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from worklint.model import Attribute

Path = tuple[Attribute, ...]
Row = Mapping[str, tuple[str, ...]]

ABORTED = "abort"
TIMED_OUT = "time-out"
UNREADABLE = "unreadable"


class NetworkError(Exception):
    """A source cannot be asked; the message says which and why, in one line."""


class Unreachable(NetworkError):
    """No connection, or the source takes none of what is asked for."""


class NotOffered(NetworkError):
    """The source is there, and does not offer this information model."""


class GaveUp(NetworkError):
    """The source stopped answering sensibly in the middle of the work."""


class BudgetSpent(NetworkError):
    """The number of queries that was promised is used up."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key with a value, as it goes out."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """One query. ``empties`` are sent without value (QIDO-RS: ``includefield``); ``options`` are negotiated.

    ``url``: path and query of QIDO-RS as they go out, in place of keys. ``page``: the ``limit`` of QIDO-RS (0: none is
    named) and its ``offset``, in place of a limit of as many rows as are read.
    """

    model: str
    level: str
    keys: tuple[Key, ...] = ()
    empties: tuple[Path, ...] = ()
    options: frozenset[str] = frozenset()
    url: str = ""
    page: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``failure``: a status in hexadecimal, ``HTTP 400``, ``abort``, ``time-out``, ``unreadable``.

    ``cut``: reading was ended at the row cap. ``unsupported``: some rows came with status FF01. ``unread``: so many
    responses could not be decoded, in whole or in part; what is missing from such an answer proves nothing.
    ``warning``: a warning status in hexadecimal, or the code of a ``Warning`` header and the parameter of ours that it
    names. ``because``: more about
    a failure, for people.
    """

    rows: tuple[Row, ...] = ()
    failure: str = ""
    cut: bool = False
    unsupported: bool = False
    warning: str = ""
    seconds: float = 0.0
    data: tuple[Any, ...] = ()
    """The responses as data sets, where a door was told to keep them."""
    unread: int = 0
    because: str = ""

    @property
    def partial(self) -> bool:
        """Whether rows may be missing that the source sent, or would have sent."""
        return self.cut or self.unread > 0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a source says of itself when a connection is made, and which options it accepts of those asked for."""

    implementation: str = ""
    version: str = ""
    asked: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    transfer_syntax: str = ""


class Door(Protocol):
    """One way into a source."""

    transport: str
    keep_data: bool

    def greet(self, model: str, options: frozenset[str]) -> Greeting:
        """Connect for a model; raises ``Unreachable`` or ``NotOffered``."""
        ...

    def ask(self, question: Question, most_rows: int) -> Answer:
        """Ask one question and read at most ``most_rows`` rows."""
        ...

    def release(self, model: str, options: frozenset[str]) -> None:
        """End the connection of a model and some options, if there is one of its own."""
        ...

    def close(self) -> None:
        """End all connections."""
        ...


@dataclass(frozen=True, slots=True)
class Manners:
    """What is promised before the start: how much is asked, how fast, how long is waited."""

    queries: int = 1500
    rows: int = 250
    per_second: float = 200.0
    timeout: float = 10.0
    seconds: float = 600.0


_PACED = 20
"""Queries after which it is known how long one takes."""
_DOUBTED = 8
"""So many queries that fail are asked a second time, and one of so many after these."""
_PATIENCE = 6
"""So many times a query that failed is asked again of a source that was seen to fail by chance."""


def name_of(path: Path) -> str:
    """Return the dotted name of a path: keywords, or tags where there is no keyword."""
    return ".".join(a.keyword or a.tag for a in path)


@dataclass(slots=True)
class Asker:
    """Asks through a door within the manners; ``told`` hears of every query, ``clock`` and ``sleep`` are the time."""

    door: Door
    manners: Manners
    told: Callable[[int, Question, Answer], None] | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    asked: int = 0
    started: float = field(default=-1.0)
    _next: float = 0.0
    _failed: set[Question] = field(default_factory=set)
    unread: int = 0
    """So many responses could not be decoded so far."""
    fickle: bool = False
    """A query failed that was answered when it was asked again."""
    _silences: int = 0
    _aborts: int = 0
    _failures: int = 0

    def left(self) -> int:
        """Return how many queries the budget still admits, and the time, as fast as answers came so far."""
        left = max(0, self.manners.queries - self.asked)
        if self.asked < _PACED:
            return left
        spent = self.clock() - self.started
        return min(left, max(0, int((self.manners.seconds - spent) * self.asked / max(spent, 1e-6))))

    def ask(self, question: Question, again: bool = False) -> Answer:
        """Ask one question; one that the source breaks off is asked a second time, and so are some that fail.

        A source of which one was answered then is ``fickle``; from then on each that fails is asked again, some times.

        Raises:
            BudgetSpent: if the promised number of queries or the time is used up.
            GaveUp: if the source keeps silent, or breaks every connection.
        """
        now = self.clock()
        if self.started < 0:
            self.started = now
        if self.asked >= self.manners.queries:
            raise BudgetSpent(f"the budget of {self.manners.queries} queries is used up")
        if now - self.started > self.manners.seconds:
            raise BudgetSpent(f"the time of {self.manners.seconds:.0f} s is used up")
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1.0 / self.manners.per_second
        self.asked += 1
        answer = self.door.ask(question, self.manners.rows)
        if self.told is not None:
            self.told(self.asked, question, answer)
        self._watch(answer)
        self.unread += answer.unread
        if answer.failure in (TIMED_OUT, ABORTED) and not again and question not in self._failed:
            # A connection may break by chance: what fails twice in a row fails.
            answer = self.ask(question, again=True)
            if answer.failure in (TIMED_OUT, ABORTED):
                self._failed.add(question)
        elif answer.failure and not again and question not in self._failed:
            answer = self._once_more(question, answer)
        return answer

    def _once_more(self, question: Question, failed: Answer) -> Answer:
        """Ask again what failed: whether a source fails for what it is asked shows only so."""
        self._failures += 1
        if not self.fickle and self._failures > _DOUBTED and self._failures % _DOUBTED:
            return failed
        for _ in range(_PATIENCE):
            answer = self.ask(question, again=True)
            if not answer.failure:
                self.fickle = True
                return answer
            if not self.fickle:
                return failed
        self._failed.add(question)
        return failed

    def _watch(self, answer: Answer) -> None:
        self._silences = self._silences + 1 if answer.failure == TIMED_OUT else 0
        self._aborts = self._aborts + 1 if answer.failure == ABORTED else 0
        if self._silences >= 3:
            raise GaveUp(f"no answer within {self.manners.timeout:.0f} s, three times in a row")
        if self._aborts >= 12:
            raise GaveUp("the source broke the connection on twelve queries in a row")


def values_in(row: Row, paths: Sequence[str]) -> tuple[str, ...]:
    """Return the values at some paths, joined in order (an identity)."""
    return tuple("\\".join(row.get(p, ())) for p in paths)

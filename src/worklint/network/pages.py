"""What a search answers of its own accord, and its pages (QIDO-RS ``limit`` and ``offset``, PS3.18 8.3.4.4).

The probe names a limit in every search; a plain client names none, and a source may then have one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from worklint.network.ask import Answer, Key, Question
from worklint.network.evidence import Id
from worklint.network.interactions import Together
from worklint.network.measure import Bench
from worklint.network.survey import Scope, keep

PAGES = "pages"
"""What a limit says of itself where a client can ask for the rest."""
_MOST_PAGES = 4


def measure(bench: Bench, scope: Scope, above: Sequence[Together] = ()) -> list[Together]:
    """Return the limit of a source that is asked without one, and that of any answer, where one was seen.

    ``above``: limits that were seen at other levels; such a limit may hold here, if no answer here was longer.

    Raises:
        BudgetSpent, GaveUp: as every question does.
    """
    fixed = () if scope.note == "narrowed" else scope.fixed
    usual, plain = bench.ask(), _ask(bench, scope, fixed, 0, 0)
    if usual.failure or plain.partial:
        return []
    if plain.failure:
        return [_said(scope, "refuses", 1, plain.failure)]
    rows = len(plain.rows)
    there = _back(_ask(bench, scope, fixed, bench.asker.manners.rows, 0), scope)
    shown = _back(plain, scope)
    if rows and (there - shown or _back(_ask(bench, scope, fixed, bench.asker.manners.rows, rows), scope) - shown):
        return [_said(scope, "cut", rows, plain.warning)]
    for seen in above:
        if seen.what == "cap" and seen.does == "cut" and rows <= int(seen.first):
            return [replace(seen, model=scope.model, level=scope.level)]
    return []


def paged(bench: Bench, scope: Scope, limit: Together) -> Together:
    """Return a limit with what is known of pages: each brings what no other did, together they bring all.

    Raises:
        BudgetSpent, GaveUp: as every question does.
    """
    size, fixed = int(limit.first), () if scope.note == "narrowed" else scope.fixed
    if limit.does != "cut" or limit.second:
        return limit
    found: set[Id] = set()
    for number in range(_MOST_PAGES):
        answer = _ask(bench, scope, fixed, size, size * number)
        page = _back(answer, scope)
        if answer.failure or len(answer.rows) > size or len(page) < len(answer.rows) or page & found:
            return limit
        found |= page
        if len(answer.rows) < size:
            break
    else:
        return replace(limit, second=PAGES)
    whole = number > 0 and (not scope.complete or scope.note == "narrowed" or scope.rows.keys() <= found)
    return replace(limit, second=PAGES) if whole else limit


def _ask(bench: Bench, scope: Scope, fixed: tuple[Key, ...], limit: int, offset: int) -> Answer:
    return bench.asker.ask(Question(scope.model, scope.level, fixed, page=(limit, offset)))


def _back(answer: Answer, scope: Scope) -> set[Id]:
    return set(keep(answer, scope.model, scope.level)) if not answer.failure else set()


def _said(scope: Scope, does: str, rows: int, status: str) -> Together:
    return Together("cap", scope.model, scope.level, does, str(rows), status=status)

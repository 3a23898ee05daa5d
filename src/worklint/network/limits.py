"""How many rows a source answers with at most, and which keys it wants in every query, seen from its answers.

Over C-FIND nothing is asked to find a limit that answers would not show by themselves: it shows where different queries
bring the same largest number of rows, and there are entities that the widest of them left out. A limit above what the
archive holds cannot be seen. Over QIDO-RS the rest of an answer can be asked for (``pages``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from worklint.knowledge import standard
from worklint.network import blank, pages, pairs
from worklint.network.ask import Key
from worklint.network.interactions import Together, known_value
from worklint.network.measure import Bench
from worklint.network.subjects import About, subjects
from worklint.network.survey import Scope, keep

MOST_WANTED = 120
"""Attributes that are tried as the one key of a query."""


def measure(
    bench: Bench, scope: Scope, applied: Sequence[About], above: Sequence[Together] = ()
) -> list[Together]:  # fmt: skip
    """Return the limit on rows at a level, and what every query has to name, where that was seen.

    ``above``: limits that were seen at other levels; such a limit may hold here, if no answer here was longer.
    """
    top = scope.level == standard.model(scope.model).levels[0]  # type: ignore[union-attr]
    out = wanted(bench, scope, applied) if top and scope.note == "selector" else []
    if bench.asker.door.transport == "dimse":
        return [*out, *(_cap(bench, scope) or _as_above(bench, scope, above))]
    found = pages.measure(bench, scope, above) or _cap(bench, scope)
    return [*out, *(pages.paged(bench, scope, t) for t in found), *blank.measure(bench, scope)]


def _said(scope: Scope, what: str, does: str, first: str = "", second: str = "", status: str = "") -> Together:
    return Together(what, scope.model, scope.level, does, first, second, status)


def _cap(bench: Bench, scope: Scope) -> list[Together]:
    if scope.note == "narrowed":
        # Keys that take the place of the narrowing one bring other entities back, which were not left out before.
        return []
    widest = bench.ask()
    # Beside other keys than those that narrow the scope, others may come.
    within = [a for q, a in bench.answers() if set(scope.fixed) <= set(q.keys)]
    answers = [a for a in within if not a.failure and not a.cut]
    if widest.failure or widest.cut or not widest.rows:
        return []
    told = {len(a.rows) for a in answers if a.warning}
    if widest.warning and told == {len(widest.rows)}:
        return [_said(scope, "cap", "cut", str(len(widest.rows)), status=widest.warning)]
    sizes = Counter(len(a.rows) for a in answers)
    most = max(sizes)
    shown = keep(widest, scope.model, scope.level).keys()
    others = frozenset().union(*(keep(a, scope.model, scope.level).keys() for a in answers)) - shown
    strangers = {i for i in others if bench.known(i) not in scope.rows}
    if strangers and len(widest.rows) == most and sizes[most] > 1:
        return [_said(scope, "cap", "cut", str(most))]
    return []


def _as_above(bench: Bench, scope: Scope, above: Sequence[Together]) -> list[Together]:
    most = max((len(a.rows) for _, a in bench.answers() if not a.failure and not a.cut), default=0)
    for seen in above:
        if seen.what == "cap" and seen.does == "cut" and 0 < most <= int(seen.first):
            return [_said(scope, "cap", "cut", str(most), status=seen.status)]
    return []


def wanted(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Return what every query has to name, or the limit, where one without keys failed.

    For want of a key, or because the answer would be long: then one that finds nothing is answered.
    """
    refused = bench.ask(fixed=False)
    if not refused.failure:
        return []
    narrow = [a for a in applied if not a.unique and not a.required][:3] or [a for a in applied if not a.unique][-3:]
    alone = [bench.ask(Key(a.path, pairs.impossible(a.vr)), fixed=False) for a in narrow]
    if alone and not any(a.failure for a in alone):
        rows = max((len(a.rows) for _, a in bench.answers() if not a.failure), default=1)
        return [_said(scope, "cap", "refuses", str(max(rows, 1)), status=refused.failure)]
    # Whatever was not tried, or is answered, may be what is wanted.
    every = subjects(scope.model, scope.level)
    vain = set()
    for about in sorted((a for a in every if not a.parent), key=lambda a: a not in applied)[:MOST_WANTED]:
        value = known_value(scope, about)
        text = value[1] if value is not None else pairs.impossible(about.vr)
        if bench.ask(Key(about.path, text), fixed=False).failure:
            vain.add(about.name)
    names = [a.name for a in every if a.name not in vain]
    return [_said(scope, "wants", "refused", ",".join(names), status=refused.failure)] if vain else []

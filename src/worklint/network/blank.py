"""Keys of a search that are there without a value (``PatientName=``): what a plain client sends for any value.

The standard has them match everything (PS3.18 8.3.4.1.1, PS3.4 C.2.2.2.3). There are stores that refuse them, and such
as look for an empty value.
"""

from __future__ import annotations

from collections.abc import Sequence

from worklint.network.ask import Key
from worklint.network.interactions import Together
from worklint.network.measure import Bench
from worklint.network.subjects import About, subjects
from worklint.network.survey import Scope, keep

BLANK = "blank"
"""What a ``Together`` of this module is about; ``first`` names the attributes."""
FINE, LOSES, REFUSED, UNKNOWN = "fine", "loses", "refused", "unknown"
_AT_ONCE = 40
_ALONE = 8
"""Attributes of a level that are asked for by themselves where some of many are not taken without a value."""


def measure(bench: Bench, scope: Scope) -> list[Together]:
    """Return what keys without value do at a level: many at once, and a few alone where that is not harmless.

    Raises:
        BudgetSpent, GaveUp: as every question does.
    """
    every = [a for a in subjects(scope.model, scope.level) if not a.parent and len(a.path) == 1]
    fine: list[str] = []
    open_: list[About] = []
    for start in range(0, len(every), _AT_ONCE):
        group = every[start : start + _AT_ONCE]
        does, _ = _asked(bench, scope, group)
        if does == FINE:
            fine += [a.name for a in group]
        else:
            open_ += group
    # Those that are there, and must be taken, are what lists ask for.
    open_.sort(key=lambda a: (not a.required, not any(scope.stored(a))))
    out = []
    for about in open_[:_ALONE]:
        does, status = _asked(bench, scope, [about])
        if does == FINE:
            fine.append(about.name)
        else:
            out.append(_said(scope, does, about.name, status))
    out += [_said(scope, FINE, ",".join(fine))] if fine else []
    rest = ",".join(a.name for a in open_[_ALONE:])
    return [*out, _said(scope, UNKNOWN, rest)] if rest else out


def _asked(bench: Bench, scope: Scope, group: Sequence[About]) -> tuple[str, str]:
    answer = bench.ask(*(Key(a.path, "") for a in group))
    if answer.failure:
        return REFUSED, answer.failure
    back = answer.partial or scope.rows.keys() <= keep(answer, scope.model, scope.level).keys()
    return (FINE if back else LOSES), ""


def _said(scope: Scope, does: str, names: str, status: str = "") -> Together:
    return Together(BLANK, scope.model, scope.level, does, names, status=status)

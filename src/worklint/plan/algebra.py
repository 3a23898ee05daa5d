"""The arithmetic of plans: small pure functions over effects. Why they are sound: ``docs/plans.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from worklint.judge import join
from worklint.model import SPELLING, Effect

OF_VALUES = frozenset({
    "case", "accent", "padding", "group", "prefix", "substring", "word", "list-any", "text-order", "text-number",
    "value-format", "widened",
})  # fmt: skip
"""Reasons for which a row comes back because its value was compared: such a row has a value."""
WITHOUT_VALUE = frozenset({"empty", "absent"})
"""Reasons for which a row comes back because it has no value."""
WIDENED = frozenset({"widened"})
"""What the client's own rewriting adds; never shown to a reader, for a check takes it away or it becomes ``other``."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check on the answer can do with one test.

    ``decides``: ``exactly``, ``with-value`` (a row that shows no value is kept), ``refutes`` (so is one whose values do
    not tell), ``some`` (a negated test: a value that is shown refutes it) or ``never``. ``adds`` are reasons that no
    check takes away, for the value shown is not to be trusted.
    """

    decides: str
    adds: frozenset[str] = frozenset()


def left_after(check: Check, sent: frozenset[str] | None) -> frozenset[str]:
    """Return the reasons for which rows may still be too many after a check.

    ``sent``: the reasons for which the key adds rows, ``None`` if it was not sent.
    """
    if sent is not None and not sent:
        return frozenset()
    if check.decides == "exactly":
        return check.adds
    if check.decides == "with-value" and sent is not None and sent <= OF_VALUES | WITHOUT_VALUE:
        # The source compared values and has them to show; what comes without one came because it has none.
        return check.adds | (sent & WITHOUT_VALUE)
    return check.adds | (frozenset({"not-sent"}) if sent is None else _shown(sent))


def _shown(reasons: frozenset[str]) -> frozenset[str]:
    return (reasons - WIDENED) | {"other"} if reasons & WIDENED else reasons


def conjunction(parts: Iterable[frozenset[str]], bare: frozenset[str]) -> frozenset[str]:
    """Return why rows of one query may be too many: component-wise OR of its tests and of the query's own effects."""
    return bare.union(*parts)


def rank(adds: frozenset[str]) -> int:
    """Return how bad it is that rows are too many: 0 none, 1 they differ by spelling or show no value, 2 others."""
    return 0 if not adds else 1 if adds <= SPELLING else 2


def united(effects: Iterable[Effect]) -> Effect:
    """Return the effect of several answers put together: component-wise OR."""
    return reduce(join, effects, Effect())


def feeding(inner: Effect, outer: Effect) -> Effect:
    """Return the effect of a query whose unique keys come from another one: what that misses or adds, this does."""
    return join(inner, outer)


def lifted(effect: Effect) -> Effect:
    """Return the effect of an answer of a lower level as seen from the upper one.

    A series without a value is no study without a value: other series of it may have other ones.
    """
    if not effect.adds & WITHOUT_VALUE:
        return effect
    return Effect((effect.adds - WITHOUT_VALUE) | {"other"}, effect.misses, effect.rejected, effect.known)


def subtracting(inner: Effect, outer: Effect) -> Effect | None:
    """Return the effect of taking rows away, or ``None`` where that could take away what belongs to the list.

    The two directions swap: a row that the inner query adds would be missing.
    """
    if inner.adds or inner.rejected or not inner.known:
        return None
    return Effect(outer.adds | inner.misses, outer.misses, outer.rejected, outer.known)

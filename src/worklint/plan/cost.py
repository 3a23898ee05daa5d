"""What a query costs: rows that come back, and requests. Rough on purpose; it chooses, it promises nothing."""

from __future__ import annotations

from collections.abc import Iterable

from worklint.judge.place import KeyAt

ARCHIVE = 1_000_000.0
"""Rows that a query without conditions is taken to return."""
REQUEST = 20.0
"""A request costs as much as so many rows."""

_ID_LIKE = frozenset({"SH", "LO", "UI"})


def share(key: KeyAt) -> float:
    """Return the share of an archive that a key is taken to leave."""
    sent = key.sent
    if key.unique or key.parent:
        return 1e-6 * max(1, sent.count)
    if sent.kind == "universal":
        return 1.0
    if sent.kind in ("range", "datetime"):
        return 1e-3 if sent.low and sent.high else 0.5
    if sent.kind == "wildcard":
        plain = len(sent.text.replace("*", "").replace("?", ""))
        return 0.5 if plain == 0 else 0.05
    if sent.vr in ("DA", "PN"):
        return 1e-3
    return 1e-5 if sent.vr in _ID_LIKE and not key.lower else 0.1


def cost(keys: Iterable[KeyAt], requests: int = 1) -> float:
    """Return the cost of some requests that all have these keys."""
    left = ARCHIVE
    for key in keys:
        left *= share(key)
    return requests * (REQUEST + left)

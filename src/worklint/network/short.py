"""Texts of one or two characters: some sources fail a query for them, lest everything comes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from worklint.network.ask import Key
from worklint.network.evidence import UNSEEN, Found
from worklint.network.interactions import Together
from worklint.network.meaning import TEXT
from worklint.network.measure import FAILS_SHORT, Bench
from worklint.network.subjects import About, subjects

if TYPE_CHECKING:
    from worklint.network.probe import Record

_ASKED = 3
"""Attributes that are asked for a short text at once."""
_FAILING, _PASSING = ("QJ", "QJ*"), ("QZX", "QZX*")


def learned(record: Record, bench: Bench) -> str:
    """Return the status with which short texts fail at the highest level of a model, asking once for it."""
    scope = bench.scope
    found = next((t.status for t in record.together if t.what == "short" and t.model == scope.model), "")
    if not found and f"{scope.model} short" not in record.done:
        found = fails(bench, [a for a in subjects(scope.model, scope.level) if a.required and any(scope.stored(a))])
        record.together += [Together("short", scope.model, scope.level, "refused", status=found)] if found else []
        record.done.append(f"{scope.model} short")
    return found


def fails(bench: Bench, abouts: Iterable[About]) -> str:
    """Return the status with which short texts, and these only, fail a query; nothing if they do not.

    ``abouts``: attributes of the level that a source has to look at.
    """
    texts = [a for a in abouts if a.vr in TEXT and a.vr not in ("AS", "CS") and not a.parent and not a.unique][:_ASKED]
    if not texts or not _together(bench, texts, _FAILING):
        return ""
    each = [bench.ask(Key(a.path, text)).failure for a in texts for text in _FAILING]
    longer = [bench.ask(Key(a.path, text)).failure for a in texts for text in _PASSING]
    return each[0] if all(each) and not any(longer) else ""


def _together(bench: Bench, texts: Sequence[About], values: Sequence[str]) -> str:
    return bench.ask(*(Key(a.path, values[i % len(values)]) for i, a in enumerate(texts))).failure


def told(record: Record) -> None:
    """Say of every text that was measured what becomes of short values, where these fail."""
    for seen in record.together:
        for (model, _), place in record.measured.items():
            for one in place.values() if seen.what == "short" and seen.model == model else ():
                for kind in ("single", "wildcard") if one.about.vr in TEXT else ():
                    usual = one.found.get((kind, ""))
                    if usual is not None and usual.does != "refused":
                        sure = usual.does in ("applied", "nothing") and usual.status != UNSEEN
                        does = "refused" if sure else "unknown"
                        found = Found(does, status=seen.status, trials=_ASKED, why=FAILS_SHORT)
                        one.found.setdefault((kind, "short"), found)

"""What ``verify`` found, as text and as JSON (``worklint/verify/1``): counts, never a value of an entity."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from worklint._version import __version__
from worklint.judge import verdict_name
from worklint.knowledge import data
from worklint.network.verify import AGREES, CONTRADICTED, COVERS, UNDECIDED, Compared, Observed


@dataclass(frozen=True, slots=True)
class Visited:
    """A source, and how it went there."""

    id: str
    product: str
    release: str | None
    reached: bool
    error: str = ""
    queries: int = 0


def _told(observed: Observed) -> str:
    if observed.refused:
        return f"refused ({observed.refused})"
    if observed.why and observed.complete:
        return observed.why
    text = f"{observed.true} match, {observed.added} added, {observed.missed} missing"
    return f"{text} ({observed.why})" if observed.why else text


def _one(found: Compared) -> dict[str, Any]:
    effect, seen = found.predicted, found.observed
    out: dict[str, Any] = {
        "worklist": found.worklist, "source": found.source, "text": found.text, "attribute": found.attribute or None,
        "prediction": {
            "verdict": verdict_name(effect), "may_add": bool(effect.adds), "may_miss": bool(effect.misses),
            "rejected": effect.rejected, "known": effect.known,
            "add_reasons": sorted(effect.adds), "miss_reasons": sorted(effect.misses),
        },
        "observation": {
            "rows": seen.rows, "true": seen.true, "added": seen.added, "added_beyond_spelling": seen.beyond_spelling,
            "missed": seen.missed, "refused": seen.refused or None, "complete": seen.complete, "why": seen.why or None,
        },
        "agreement": found.agreement, "correction": found.correction or None,
    }  # fmt: skip
    if found.constraint is not None:
        out["constraint"] = found.constraint
    return out


def summary(sources: Sequence[Visited], found: Sequence[Compared]) -> dict[str, int]:
    """Return the counts of a run."""
    counts = {name: sum(1 for f in found if f.agreement == name) for name in (AGREES, COVERS, CONTRADICTED, UNDECIDED)}
    return {
        "sources": len(sources), "unreachable": sum(1 for s in sources if not s.reached), "compared": len(found),
        **counts,
    }  # fmt: skip


def document(sources: Sequence[Visited], found: Sequence[Compared]) -> dict[str, Any]:
    """Return the JSON document."""
    return {
        "schema": "worklint/verify/1",
        "tool": {"name": "worklint", "version": __version__, "database": data.database()},
        "sources": [
            {"id": s.id, "product": s.product, "release": s.release, "reached": s.reached, "error": s.error or None,
             "queries": s.queries}
            for s in sources
        ],
        "filters": [_one(f) for f in found if f.constraint is None and not f.planned],
        "plans": [_one(f) for f in found if f.planned],
        "cells": [_one(f) for f in found if f.constraint is not None],
        "summary": summary(sources, found),
    }  # fmt: skip


def json_text(sources: Sequence[Visited], found: Sequence[Compared]) -> str:
    """Return the JSON document as text."""
    return json.dumps(document(sources, found), ensure_ascii=False, indent=2) + "\n"


_SIGN = {AGREES: "=", COVERS: "~", CONTRADICTED: "!", UNDECIDED: "?"}


def text_lines(sources: Sequence[Visited], found: Sequence[Compared]) -> Iterator[str]:
    """Yield the report for people."""
    for worklist in dict.fromkeys(f.worklist for f in found):
        yield worklist
        for f in (f for f in found if f.worklist == worklist):
            indent = "  " if f.constraint is None else "      "
            yield (
                f"{indent}{_SIGN[f.agreement]} {f.source}: {f.text}: predicted {verdict_name(f.predicted)}, "
                f"seen: {_told(f.observed)}"
            )
            if f.agreement == CONTRADICTED:
                yield f"{indent}    the prediction is wrong" + (
                    f"; under keys: of {f.source}: {f.correction}" if f.correction else ""
                )
        yield ""
    for s in sources:
        if not s.reached:
            yield f"{s.id}: {s.error}"
    counts = summary(sources, found)
    yield (
        f"{counts['compared']} compared: {counts[AGREES]} as predicted, {counts[COVERS]} covered by the prediction, "
        f"{counts[UNDECIDED]} undecided, {counts[CONTRADICTED]} contradicted"
    )

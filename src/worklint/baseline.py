"""The baseline file: what was found on some day and is accepted, counted without line numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from worklint.accept import BaselineKey
from worklint.knowledge import data
from worklint.output import OutputError

SCHEMA = "worklint/baseline/1"
_MEMBERS = ("worklist", "rule", "source", "attribute")


def write_baseline(counts: Mapping[BaselineKey, int], out: TextIO) -> None:
    """Write a baseline, one entry a line, so that two can be compared."""
    out.write(f'{{\n"schema": "{SCHEMA}",\n"database": "{data.database()}",\n"entries": [')
    comma = "\n"
    for key in sorted(counts):
        entry = {**dict(zip(_MEMBERS, key, strict=True)), "count": counts[key]}
        out.write(comma + json.dumps(entry, ensure_ascii=True))
        comma = ",\n"
    out.write("\n]\n}\n")


def read_baseline(path: Path, shown: str) -> dict[BaselineKey, int]:
    """Read a baseline.

    Raises:
        OutputError: if it cannot be read or is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"the baseline {shown} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise OutputError(f"the baseline {shown} is no JSON: {error}") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise OutputError(f"{shown} is no baseline ({SCHEMA}); write one with --write-baseline {shown}")
    counts: dict[BaselineKey, int] = {}
    entries = content.get("entries")
    for number, entry in enumerate(entries if isinstance(entries, list) else [None], 1):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(m), str) for m in _MEMBERS):
            raise OutputError(f"{shown}: entry {number} has not the members {', '.join(_MEMBERS)}, count")
        count = entry.get("count")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise OutputError(f"{shown}: the count of entry {number} is no number above zero")
        worklist, rule, source, attribute = (entry[m] for m in _MEMBERS)
        key = (worklist, rule, source, attribute)
        counts[key] = counts.get(key, 0) + count
    return counts

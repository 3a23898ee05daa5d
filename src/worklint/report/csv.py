"""The matrix as a table for other programs: long form, one row a cell, or one row a worklist and source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TextIO, TypeVar

from worklint.report.types import CauseRow, Report
from worklint.report.words import release, tag

CELL_COLUMNS = (
    "worklist", "constraint", "source", "verdict", "mark", "severity", "attribute", "tag", "vr", "level", "matching",
    "negated", "release", "rule", "message", "remedy", "grade", "citation", "file", "line", "column", "key",
    "as_planned",
)  # fmt: skip
FILTER_COLUMNS = (
    "worklist", "source", "verdict", "mark", "severity", "as_planned", "constraints", "release", "rule", "message",
    "remedy", "file", "line",
)  # fmt: skip

Field = str | int | bool | None
Piece = TypeVar("Piece", str, tuple[Field, ...])

_BREAKS = re.compile("[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def field(value: Field) -> str:
    """Return a value as a field: no line break, quoted where RFC 4180 asks for it, never a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = "'" + value if value.startswith(_RISKY) else value
    if not text.isprintable():
        text = _SURROGATES.sub("\ufffd", _BREAKS.sub(" ", text)).replace("\0", "\ufffd")
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text


def fields(*values: Field) -> str:
    """Return values as fields, each with a comma before it."""
    return "".join("," + field(v) for v in values)


def values(*found: Field) -> tuple[Field, ...]:
    """Return values as they are: the form that a data frame is made of."""
    return found


def write(report: Report, out: TextIO, *, rows: str = "cells", **_: object) -> None:
    """Write one row a cell; with ``rows="worklists"`` one row a worklist and source.

    Raises:
        ValueError: for another ``rows``.
    """
    if rows not in ("cells", "worklists"):
        raise ValueError(f"rows are cells or worklists, not {rows}")
    of_cells = rows == "cells"
    out.write(",".join(CELL_COLUMNS if of_cells else FILTER_COLUMNS) + "\r\n")
    for row in cell_rows(report, fields) if of_cells else filter_rows(report, fields):
        out.write(row[1:] + "\r\n")


def cell_rows(report: Report, pack: Callable[..., Piece]) -> Iterator[Piece]:
    """Yield a row for each cell, with the columns ``CELL_COLUMNS``.

    What cells share is packed once: the part of the constraint, of the source and of the cause. Of ten million cells
    only a few thousand of each differ.
    """
    planned: dict[str | None, Piece] = {}
    heads = [pack(c.worklist, c.text) for c in report.constraints]
    middles = [
        pack(c.attribute or c.label, tag(c.tag), c.vr, c.level, c.matching, c.negated) for c in report.constraints
    ]
    tails = [pack(c.file, c.line, c.column, c.key) for c in report.constraints]
    sources = {s.id: pack(s.id) for s in report.sources}
    releases = {s.id: pack(release(s)) for s in report.sources}
    verdicts: dict[tuple[str, str, str | None], Piece] = {}
    causes: dict[tuple[int, str], Piece] = {}
    for cell in report.cells:
        verdict_key = (cell.verdict, cell.mark, cell.severity)
        if (verdict := verdicts.get(verdict_key)) is None:
            verdict = verdicts[verdict_key] = pack(*verdict_key)
        cause_key = (cell.cause, cell.grade)
        if (cause := causes.get(cause_key)) is None:
            row = report.causes[cell.cause]
            cause = causes[cause_key] = pack(row.rule, row.message, row.remedy, cell.grade, citation(row, cell.grade))
        number = cell.constraint
        left = cell.as_planned
        if left not in planned:
            planned[left] = pack(left)
        yield (
            heads[number] + sources[cell.source] + verdict + middles[number] + releases[cell.source] + cause
            + tails[number] + planned[left]
        )  # fmt: skip


def filter_rows(report: Report, pack: Callable[..., Piece]) -> Iterator[Piece]:
    """Yield a row for each worklist and source that was judged, with the columns ``FILTER_COLUMNS``."""
    worklists = {w.id: w for w in report.worklists}
    releases = {s.id: release(s) for s in report.sources}
    numbers: dict[str, int] = {}
    for constraint in report.constraints:
        numbers[constraint.worklist] = numbers.get(constraint.worklist, 0) + 1
    for row in report.filters:
        worklist = worklists[row.worklist]
        causes = [report.causes[c] for c in row.causes]
        first = next((c for c in causes if c.rule), causes[0] if causes else None)
        yield pack(
            row.worklist, row.source, row.as_written, row.mark, row.severity, row.as_planned,
            numbers.get(row.worklist, 0), releases[row.source], first and first.rule, first and first.message,
            first and first.remedy, worklist.file, worklist.line,
        )  # fmt: skip


def citation(cause: CauseRow, grade: str) -> str:
    """Return the citation of the evidence that gives the cell its grade, else the first one."""
    found = next((e.citation for e in cause.evidence if e.grade == grade), None)
    return found if found is not None else cause.evidence[0].citation if cause.evidence else ""

"""The matrix as a spreadsheet shows it: one row a constraint, one column a source holding mark and verdict."""

from __future__ import annotations

from typing import TextIO

from worklint.report.csv import field, fields
from worklint.report.types import Report
from worklint.report.words import tag

COLUMNS = (
    "worklist", "constraint", "attribute", "tag", "vr", "level", "matching", "negated", "file", "line", "column",
)  # fmt: skip


def write(report: Report, out: TextIO, **_: object) -> None:
    """Write one row a constraint; a pair that was not judged is an empty field."""
    names = [s.id for s in report.sources]
    out.write(",".join([*COLUMNS, *map(field, names)]) + "\r\n")
    place = {name: i for i, name in enumerate(names)}
    rows: list[list[str] | None] = [None] * len(report.constraints)
    for cell in report.cells:
        row = rows[cell.constraint]
        if row is None:
            row = rows[cell.constraint] = [""] * len(names)
        row[place[cell.source]] = cell.mark + cell.verdict
    empty = [""] * len(names)
    for c, row in zip(report.constraints, rows, strict=True):
        head = fields(
            c.worklist, c.text, c.attribute or c.label, tag(c.tag), c.vr, c.level, c.matching, c.negated, c.file,
            c.line, c.column,
        )  # fmt: skip
        out.write(",".join([head[1:], *(row or empty)]) + "\r\n")

"""The JSON report, ``worklint/report/1``: one member a line, so that it streams and two reports can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from worklint.report.types import (
    CauseRow,
    CellRow,
    ConstraintRow,
    EnterpriseRow,
    FilterRow,
    FindingRow,
    PlannedRow,
    Report,
    Summary,
)
from worklint.report.words import reasons

SCHEMA = "worklint/report/1"


def write(report: Report, out: TextIO, **_: object) -> None:
    """Write the report as JSON."""
    for piece in pieces(report):
        out.write(piece)


def pieces(report: Report) -> Iterator[str]:
    """Yield the JSON document in pieces of a line or less."""
    project, summary = report.project, report.summary
    order = {s.id: i for i, s in enumerate(report.sources)}
    yield f'{{\n"schema": {_text(SCHEMA)},\n'
    yield f'"tool": {_text({"name": "worklint", "version": report.version, "database": report.database})},\n'
    yield f'"project": {_text(_members(project))},\n'
    yield from _array("worklists", map(_members, report.worklists))
    yield from _array("sources", map(_members, report.sources))
    yield from _array("constraints", map(_constraint, report.constraints))
    yield from _array("causes", map(_cause, report.causes))
    yield from _array("cells", map(_cell, report.cells))
    yield from _array("filters", map(_filter, report.filters))
    yield from _array("findings", (_finding(f, order) for f in report.findings))
    if report.enterprise:
        yield from _array("enterprise", map(_enterprise, report.enterprise))
    yield f'"summary": {_text(_summary(summary))}\n}}\n'


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # A file name that is no UTF-8 holds lone surrogates, which no stream can encode.
    return text if text.isprintable() else json.dumps(value, allow_nan=False)


def _array(name: str, items: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f'"{name}": ['
    comma = "\n"
    for item in items:
        yield comma + _text(item)
        comma = ",\n"
    yield "],\n" if comma == "\n" else "\n],\n"


def _members(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _constraint(row: ConstraintRow) -> dict[str, Any]:
    members = _members(row)
    members["via"] = [{"file": file, "line": line, "column": column} for file, line, column in row.via]
    return members


def _cause(row: CauseRow) -> dict[str, Any]:
    members = _members(row)
    members["facts"] = dict(row.facts)
    members["evidence"] = [{"grade": e.grade, "citation": e.citation, "date": e.date} for e in row.evidence]
    return members


def _cell(row: CellRow) -> dict[str, Any]:
    members = _members(row)
    members["add_reasons"] = reasons(row.add_reasons)
    members["miss_reasons"] = reasons(row.miss_reasons)
    return members | _planned(members.pop("planned"))


def _filter(row: FilterRow) -> dict[str, Any]:
    members = _members(row)
    members["add_reasons"] = reasons(row.add_reasons)
    members["miss_reasons"] = reasons(row.miss_reasons)
    return members | _planned(members.pop("planned"))


def _planned(row: PlannedRow | None) -> dict[str, Any]:
    """Return the members of what is left as planned; none where no plan was made."""
    if row is None:
        return {}
    members = {n: v for n, v in _members(row).items() if n != "verdict" and (n, v) != ("by", "")}
    members["add_reasons"] = reasons(row.add_reasons)
    members["miss_reasons"] = reasons(row.miss_reasons)
    return {"as_planned": row.verdict, "planned": members}


def _summary(row: Summary) -> dict[str, Any]:
    members = _members(row)
    repaired = members.pop("planned")
    for name in ("fixable", "fixable_unsafe", "fixable_open"):
        if not members[name]:
            del members[name]
    return members | ({"planned": _members(repaired)} if repaired is not None else {})


def _enterprise(row: EnterpriseRow) -> dict[str, Any]:
    members = _members(row)
    members["cores"] = [
        _members(c) | {"weakened": [{"constraint": i, "text": t} for i, t in c.weakened]} for c in row.cores
    ]
    members["groups"] = [_members(g) for g in row.groups]
    members["copies"] = [{"sources": sources, "because": because} for sources, because in row.copies]
    members["lost"] = [{"constraint": i, "sources": sources} for i, sources in row.lost]
    members["refusals"] = [{"source": source, "cause": cause} for source, cause in row.refusals]
    return members


def _finding(row: FindingRow, order: dict[str, int]) -> dict[str, Any]:
    found = row.finding
    span = found.span
    edits = [
        {
            "file": e.span.file, "line": e.span.line, "column": e.span.column, "end_line": e.span.end_line,
            "end_column": e.span.end_column, "text": e.text, "safe": e.safe,
            "meaning": "same" if e.safe else e.meaning, "description": e.description,
        }
        for e in found.edits
    ]  # fmt: skip
    return {
        "fingerprint": row.fingerprint,
        "rule": found.rule,
        "name": row.name,
        "severity": found.severity,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "worklist": found.worklist,
        "constraints": sorted(found.constraints),
        "attribute": found.attribute,
        "sources": sorted(found.sources, key=lambda s: (order.get(s, len(order)), s)),
        "message": found.message,
        "remedy": found.remedy,
        "suppressed": found.suppressed,
        "baselined": found.baselined,
        **({"edits": edits} if edits else {}),
    }

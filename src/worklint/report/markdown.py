"""The matrix and the findings in Markdown, for a pull request, a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO

from worklint.model import SEVERITIES
from worklint.report.terminal import clean
from worklint.report.types import FilterRow, FindingRow, Report
from worklint.report.words import (
    NOT_JUDGED,
    NOT_JUDGED_MEANING,
    SIGNS,
    grade_letter,
    headline,
    origin_line,
    release,
    sign,
    summary_line,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&@:$])")
_PLANNED = {"exact": "✓", "superset": "+", "subset": "−", "mixed": "±", "rejected": "×", "unknown": "?"}


def escape(text: str) -> str:
    """Return text in which nothing is markup, a mention or a link."""
    return _SPECIAL.sub(r"\\\1", clean(text)).replace("\\<", "&lt;").replace("\\@", "&#64;")


def code(text: str) -> str:
    """Return text as code, fit for a table."""
    text = clean(text).replace("|", "\\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def write(report: Report, out: TextIO, *, planned: bool = True, **_: object) -> None:
    """Write the matrix of worklists and sources, its legend, and the findings.

    ``planned``: after the verdict as written, the one of the plan where the report has it.
    """
    for line in lines(report, planned):
        out.write(line + "\n")


def lines(report: Report, planned: bool) -> Iterator[str]:
    """Yield the lines."""
    yield f"# {escape(headline(report))}"
    yield ""
    enterprise = f"{escape(report.project.enterprise)}, " if report.project.enterprise else ""
    yield enterprise + escape(origin_line(report))
    yield ""
    if report.filters:
        yield from _matrix(report, planned)
    yield from _findings(report)
    yield escape(summary_line(report))


def _matrix(report: Report, planned: bool) -> Iterator[str]:
    cells: dict[str, dict[str, FilterRow]] = {}
    for row in report.filters:
        cells.setdefault(row.worklist, {})[row.source] = row
    yield "## Worklists and sources"
    yield ""
    heads = [f"{code(s.id)}<br>{escape(release(s))}" if release(s) else code(s.id) for s in report.sources]
    yield "| worklist | " + " | ".join(heads) + " |"
    yield "|---|" + "---|" * len(heads)
    for w in report.worklists:
        of = cells.get(w.id, {})
        texts = [_cell(of.get(s.id), planned) for s in report.sources]
        name = escape(w.name) + ("" if w.complete else " (not read completely)")
        yield f"| {name}<br>{code(f'{w.file}:{w.line}')} | " + " | ".join(texts) + " |"
    yield ""
    found = {sign(c).name for c in report.filters}
    legend = [f"{escape(s.shape)} {s.meaning}" for s in SIGNS if s.name in found]
    if any(c.mark == "!" for c in report.filters):
        legend.insert(0, "❗ unreliable")
    if any(s.id not in cells.get(w.id, {}) for w in report.worklists for s in report.sources):
        legend.append(f"· {NOT_JUDGED}: {NOT_JUDGED_MEANING}")
    yield "; ".join(legend) + ". Letters: grade of the evidence."
    yield ""


def _cell(cell: FilterRow | None, planned: bool) -> str:
    if cell is None:
        return "·"
    mark = "❗ " if cell.mark == "!" else ""
    letter = f" ({grade_letter(cell.grade)})" if grade_letter(cell.grade) else ""
    text = f"{mark}{escape(sign(cell).shape)} {escape(sign(cell).word)}{letter}"
    if planned and cell.as_planned:
        text += f"; planned {escape(_PLANNED.get(cell.as_planned, '?'))} {cell.as_planned}"
    return text


def _findings(report: Report) -> Iterator[str]:
    shown = [f for f in report.findings if f.finding.suppressed is None and not f.finding.baselined]
    for severity in SEVERITIES:
        rows = [f for f in shown if f.finding.severity == severity]
        if not rows:
            continue
        yield f"## {severity.capitalize()}s ({len(rows):,})"
        yield ""
        for row in rows:
            yield _finding(row)
        yield ""


def _finding(row: FindingRow) -> str:
    found, span = row.finding, row.finding.span
    text = f"- **{found.rule}** {escape(row.name)} at {code(f'{span.file}:{span.line}:{span.column}')}"
    if found.sources:
        text += f" for {', '.join(code(s) for s in found.sources)}"
    text += f"  \n  {escape(found.message)}"
    if found.remedy:
        text += f"  \n  Remedy: {escape(found.remedy)}"
    return text

"""What ``check`` shows in a terminal: findings by file and worklist, with the line they lie on, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TextIO

from worklint.model import SEVERITIES
from worklint.report.terminal import clean, paint, plain, wrap
from worklint.report.types import FindingRow, PlannedRow, Report
from worklint.report.words import (
    FIXABLE,
    count,
    fixable_words,
    headline,
    origin_line,
    planned_line,
    planned_outcome_lines,
    planned_outcomes,
)
from worklint.text import Text, show


def write(
    report: Report,
    out: TextIO,
    *,
    texts: Mapping[str, Text] | None = None,
    colour: bool = False,
    width: int = 80,
    ascii: bool = False,
    **_: object,
) -> None:
    """Write the findings that count and the summary.

    ``texts`` maps a file, as findings name it, to its text; without it the lines are not shown. ``ascii``: letters
    and plain signs for a terminal that shows no others.
    """
    for line in lines(report, texts or {}, colour, max(40, width)):
        out.write(plain(line, ascii) + "\n")


def lines(report: Report, texts: Mapping[str, Text], colour: bool, width: int) -> Iterator[str]:
    """Yield the lines."""
    names = {w.id: w.name for w in report.worklists}
    plans = planned_outcomes(report)
    group: tuple[str, str | None] | None = None
    for row in _ordered(report):
        found = row.finding
        if (found.span.file, found.worklist) != group:
            group = (found.span.file, found.worklist)
            title = clean(found.span.file)
            if found.worklist is not None:
                title += f': worklist "{clean(names.get(found.worklist, found.worklist))}"'
            yield paint(title, "bold", colour)
            yield ""
        yield from _finding(row, texts.get(found.span.file), colour, width)
        yield from _planned(report, row, plans, colour, width)
        yield ""
    yield from wrap(headline(report), width)
    yield _summary(report, colour)
    planned = planned_line(report)
    if planned:
        yield from wrap(f"{planned} `worklint plan` shows what to send.", width)
    elif report.summary.planned is None and any(f.mark for f in report.filters):
        advice = "`worklint check --planned` tells what a careful client can repair, and what nobody can."
        for line in wrap(advice, width):
            yield paint(line, "dim", colour)
    for line in wrap(origin_line(report), width):
        yield paint(line, "dim", colour)


def _ordered(report: Report) -> list[FindingRow]:
    """Return the findings that count, those of one file and worklist together, in the order they stand in."""
    files = {file: i for i, file in enumerate(dict.fromkeys(f.finding.span.file for f in report.findings))}
    begins = {w.id: w.line for w in report.worklists}
    shown = [f for f in report.findings if f.finding.suppressed is None and not f.finding.baselined]
    return sorted(
        shown,
        key=lambda f: (
            files[f.finding.span.file],
            begins.get(f.finding.worklist or "", 0),
            f.finding.worklist or "",
            f.finding.span.line,
            f.finding.span.column,
            SEVERITIES.index(f.finding.severity),
            f.finding.rule,
        ),
    )


def _finding(row: FindingRow, text: Text | None, colour: bool, width: int) -> Iterator[str]:
    found, span = row.finding, row.finding.span
    severity = paint(found.severity, found.severity, colour)
    fixable = f" {FIXABLE}" if found.edits else ""
    yield f"  {span.line}:{span.column}  {severity}  {paint(found.rule, 'bold', colour)}{fixable} {row.name}"
    for line in wrap(found.message, width - 4):
        yield f"    {line}"
    if text is not None:
        source = text.line(span.line)
        gutter = str(span.line)
        last = span.end_column if span.end_line == span.line else len(source) + 1
        shown, carets = show(source, span.column, max(1, last - span.column), width - 7 - len(gutter))
        yield f"    {paint(gutter + ' |', 'dim', colour)} {shown}"
        yield f"    {' ' * len(gutter)} {paint('|', 'dim', colour)} {paint(carets, found.severity, colour)}"
    if found.sources:
        yield from _labelled("sources", ", ".join(found.sources), width, colour)
    if found.remedy:
        yield from _labelled("remedy", found.remedy, width, colour)
    for edit in found.edits[:1]:
        changes = "" if edit.safe else " (changes the meaning)"
        yield from _labelled("fix", f"{edit.description}{changes}", width, colour)


def _planned(
    report: Report, row: FindingRow, plans: Mapping[tuple[int | str, str], PlannedRow], colour: bool, width: int
) -> Iterator[str]:
    """Yield, for a finding of which plans were made, what is left as planned at its sources, and why."""
    found = row.finding
    keys: tuple[int | str, ...] = found.constraints or ((found.worklist,) if found.worklist else ())
    outcomes = [(s, plans[k, s]) for s in found.sources for k in keys[:1] if (k, s) in plans]
    for line in planned_outcome_lines(report, outcomes, not found.constraints):
        yield from _labelled("planned", line, width, colour)


def _labelled(label: str, text: str, width: int, colour: bool) -> Iterator[str]:
    for i, line in enumerate(wrap(text, width - 13)):
        yield f"    {paint(label.ljust(7), 'dim', colour) if i == 0 else ' ' * 7}  {line}"


def _summary(report: Report, colour: bool) -> str:
    s = report.summary
    cells = s.cells or len(report.cells)
    parts = [
        ", ".join(
            paint(count(number, name), name if number else None, colour)
            for number, name in ((s.errors, "error"), (s.warnings, "warning"), (s.infos, "info"))
        ),
        paint(f"{s.unknown:,} of {count(cells, 'cell')} unknown", "unknown" if s.unknown else None, colour),
    ]
    if s.suppressed:
        parts.append(f"{s.suppressed:,} suppressed")
    if s.baselined:
        parts.append(f"{s.baselined:,} in the baseline")
    if s.fixable or s.fixable_unsafe:
        parts.append(fixable_words(s))
    return "; ".join(parts)

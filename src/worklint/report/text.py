"""What ``check`` shows in a terminal: findings by file and worklist, with the line they lie on, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TextIO

from worklint.model import SEVERITIES
from worklint.report.terminal import clean, paint, plain, wrap
from worklint.report.types import FindingRow, PlannedRow, Report
from worklint.report.words import (
    count,
    fixable_mark,
    fixable_words,
    headline,
    meaning_words,
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
    unsafe: bool = False,
    **_: object,
) -> None:
    """Write the findings that count and the summary.

    ``texts`` maps a file, as findings name it, to its text; without it the lines are not shown. ``ascii``: letters
    and plain signs for a terminal that shows no others. ``unsafe``: edits that change the meaning were asked for.
    """
    for line in lines(report, texts or {}, colour, max(40, width), unsafe):
        out.write(plain(line, ascii) + "\n")


def lines(report: Report, texts: Mapping[str, Text], colour: bool, width: int, unsafe: bool = False) -> Iterator[str]:
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
            for line in wrap(title, width):
                yield paint(line, "bold", colour)
            yield ""
        yield from _finding(row, texts.get(found.span.file), colour, width, unsafe)
        yield from _planned(report, row, plans, colour, width)
        yield ""
    yield from wrap(headline(report), width)
    yield from _summary(report, colour, width)
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


def _finding(row: FindingRow, text: Text | None, colour: bool, width: int, unsafe: bool) -> Iterator[str]:
    found, span = row.finding, row.finding.span
    severity = paint(found.severity, found.severity, colour)
    code = f"{paint(found.rule, 'bold', colour)}{fixable_mark(found, unsafe)}"
    yield f"  {span.line}:{span.column}  {severity}  {code} {row.name}"
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
        option = "" if unsafe else "; --unsafe-fixes makes it"
        changes = "" if edit.safe else f" ({meaning_words(edit)}{option})"
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


def _summary(report: Report, colour: bool, width: int) -> Iterator[str]:
    s = report.summary
    cells = s.cells or len(report.cells)
    kinds = ((s.errors, "error"), (s.warnings, "warning"), (s.infos, "info"))
    unknown = f"{s.unknown:,} of {count(cells, 'cell')} unknown"
    parts = [
        (
            ", ".join(count(number, name) for number, name in kinds),
            ", ".join(paint(count(number, name), name if number else None, colour) for number, name in kinds),
        ),
        (unknown, paint(unknown, "unknown" if s.unknown else None, colour)),
    ]
    more = [f"{s.suppressed:,} suppressed"] if s.suppressed else []
    more += [f"{s.baselined:,} in the baseline"] if s.baselined else []
    more += [fixable_words(s)] if fixable_words(s) else []
    line, taken = "", 0
    for text, painted in (*parts, *((t, t) for t in more)):
        if line and taken + 3 + len(text) > width:
            yield f"{line};"
            line, taken = "", 0
        line, taken = (f"{line}; {painted}", taken + 2 + len(text)) if line else (painted, len(text))
    yield line

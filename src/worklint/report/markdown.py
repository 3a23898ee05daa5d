"""The matrix and the findings in Markdown, for a pull request, a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TextIO

from worklint.model import SEVERITIES, Edit
from worklint.report import across
from worklint.report.change import change_of
from worklint.report.terminal import clean
from worklint.report.types import FilterRow, FindingRow, Report
from worklint.report.words import (
    NOT_JUDGED,
    NOT_JUDGED_MEANING,
    SIGNS,
    changed,
    count,
    grade_letter,
    grade_words,
    headline,
    origin_line,
    planned_line,
    planned_sign,
    planned_word,
    release,
    sign,
    summary_line,
)
from worklint.text import Text

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&@:$])")


def escape(text: str) -> str:
    """Return text in which nothing is markup, a mention or a link."""
    return _SPECIAL.sub(r"\\\1", clean(text)).replace("\\<", "&lt;").replace("\\@", "&#64;")


def code(text: str) -> str:
    """Return text as code, fit for a table."""
    text = clean(text).replace("|", "\\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def write(report: Report, out: TextIO, *, texts: Mapping[str, Text] | None = None, **_: object) -> None:
    """Write the matrix of worklists and sources, its legend, what is left as planned, and the findings.

    ``texts`` maps a file, as findings name it, to its text; without it an edit is shown without what was before.
    """
    for line in lines(report, texts or {}):
        out.write(line + "\n")


def lines(report: Report, texts: Mapping[str, Text]) -> Iterator[str]:
    """Yield the lines."""
    yield f"# {escape(headline(report))}"
    yield ""
    enterprise = f"{escape(report.project.enterprise)}, " if report.project.enterprise else ""
    yield enterprise + escape(origin_line(report))
    yield ""
    if report.filters:
        yield from _matrix(report)
        yield from _planned(report)
    if report.enterprise:
        yield from _across(report)
    yield from _findings(report, texts)
    yield escape(summary_line(report))


def _matrix(report: Report) -> Iterator[str]:
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
        texts = [_cell(of.get(s.id)) for s in report.sources]
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


def _cell(cell: FilterRow | None) -> str:
    if cell is None:
        return "·"
    mark = "❗ " if cell.mark == "!" else ""
    letter = f" ({grade_letter(cell.grade)})" if grade_letter(cell.grade) else ""
    text = f"{mark}{escape(sign(cell).shape)} {escape(sign(cell).word)}{letter}"
    if cell.planned is not None and changed(cell):
        text += f"<br>planned: {escape(planned_sign(cell.planned).shape)} {planned_word(cell.planned)}"
    return text


def _planned(report: Report) -> Iterator[str]:
    """Yield what plans repair, and for all that stays unreliable the reason with its sources."""
    said = planned_line(report)
    if not said:
        return
    yield "## As planned"
    yield ""
    yield escape(said) + " `worklint plan` prints what to send, and what to check on the answer."
    yield ""
    where: dict[int, dict[str, set[str]]] = {}
    for row in report.filters:
        if row.planned is not None and row.mark and row.planned.mark:
            for one in row.planned.causes:
                where.setdefault(one, {}).setdefault(row.source, set()).add(row.worklist)
    if where:
        yield "What stays, and why no client can repair it:"
        yield ""
    for number, sources in where.items():
        cause = report.causes[number]
        at = ", ".join(f"{code(s)} ({count(len(lists), 'list')})" for s, lists in sources.items())
        text = f"- {escape(cause.message)}  \n  At {at}."
        if cause.remedy:
            text += f"  \n  Remedy: {escape(cause.remedy)}"
        for evidence in cause.evidence[:1]:
            text += f"  \n  Evidence: {escape(grade_words(evidence.grade))}: {escape(evidence.citation)}"
        yield text
    if where:
        yield ""


def _across(report: Report) -> Iterator[str]:
    yield f"## {across.TITLE}"
    yield ""
    yield f"{across.LEAD} {escape(across.headline(report))}"
    yield ""
    names = {w.id: w.name for w in report.worklists}
    for row in report.enterprise:
        yield f"### {escape(names[row.worklist])}"
        yield ""
        for one in across.said(report, row):
            label = f"**{one.label}** " if one.label else ""
            yield f"- {label}{escape(one.text)}"
            yield from (f"  - {code(text)}" for text in one.code)
        yield ""


def _findings(report: Report, texts: Mapping[str, Text]) -> Iterator[str]:
    shown = [f for f in report.findings if f.finding.suppressed is None and not f.finding.baselined]
    for severity in SEVERITIES:
        rows = [f for f in shown if f.finding.severity == severity]
        if not rows:
            continue
        yield f"## {severity.capitalize()}s ({len(rows):,})"
        yield ""
        for row in rows:
            yield _finding(row)
            for edit in row.finding.edits[:1]:
                yield from _edit(edit, texts)
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


def _edit(edit: Edit, texts: Mapping[str, Text]) -> Iterator[str]:
    """Yield what could be written instead, inside the item of its finding: in words, and as a difference."""
    change = change_of(edit, texts)
    rows = [f"- {clean(x)}" for x in change.before] + [f"+ {clean(x)}" for x in change.after]
    ticks = "`" * max(3, 1 + max((len(run) for row in rows for run in re.findall("`+", row)), default=0))
    yield ""
    yield f"  Suggested edit: {escape(change.said)}, made by {code(' '.join(('worklint check', *change.options)))}"
    yield ""
    yield from (f"  {row}" for row in (f"{ticks}diff", *rows, ticks))

"""One line a finding, as editors and grep read it: ``file:line:col: CODE severity message [sources]``."""

from __future__ import annotations

from typing import TextIO

from worklint.report.terminal import clean, plain
from worklint.report.types import Report
from worklint.report.words import fixable_mark, summary_line


def write(report: Report, out: TextIO, *, ascii: bool = False, unsafe: bool = False, **_: object) -> None:
    """Write the findings that count, then the summary. ``unsafe``: edits that change the meaning were asked for."""
    for row in report.findings:
        found = row.finding
        if found.suppressed is not None or found.baselined:
            continue
        span = found.span
        sources = f" [{', '.join(found.sources)}]" if found.sources else ""
        code = f"{found.rule}{fixable_mark(found, unsafe)}"
        line = f"{span.file}:{span.line}:{span.column}: {code} {found.severity} {found.message}{sources}"
        out.write(plain(clean(line), ascii) + "\n")
    out.write(plain(summary_line(report), ascii) + "\n")

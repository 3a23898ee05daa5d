"""What ``check`` and ``matrix`` have in common: read, judge, write, and decide on the exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from worklint import output
from worklint.cli.plain import Given
from worklint.cli.start import UsageError, one_of, say
from worklint.inputs import Gathered, gather
from worklint.model import SEVERITIES
from worklint.record import replace
from worklint.report.types import FindingRow, Report
from worklint.run import Options, run
from worklint.sources import Source
from worklint.text import Text

PLANNED_AT_ONCE = 500
"""So many pairs of list and source are planned without being asked to; a plan takes about 10 ms."""
_SHOW_PLANS = frozenset({"html", "markdown"})


def read_inputs(given: Given) -> Gathered:
    """Find and read what a command judges; notes go to standard error."""
    if given["no_project"] and given["project"]:
        raise UsageError("--project and --no-project exclude each other; give one of them")
    if given["no_project"] and given["local"]:
        raise UsageError("--local names a source of the project, and --no-project leaves it out; give one of them")
    _check_input(given)
    gathered = gather(
        given["paths"], Path.cwd(), project=given["project"], no_project=given["no_project"],
        sources=given["source"], local=given["local"], stdin_filename=given["stdin_filename"],
        allow_empty=given["allow_empty"],
    )  # fmt: skip
    for note in gathered.notes:
        tell(given, note)
    if given["verbose"]:
        files, sources = len(gathered.texts) + len(gathered.documents), len(gathered.site.sources)
        tell(given, f"project file: {_project_name(gathered)}; {files} files against {sources} sources")
    return gathered


def _check_input(given: Given) -> None:
    if given["input"] is not None:
        from worklint.syntax import inputs

        if given["input"] not in inputs.formats():
            raise UsageError(f"--input {given['input']}: {one_of(given['input'], inputs.formats())}")


def tell(given: Given, text: str) -> None:
    """Write a message beside the result, unless none is wanted."""
    if not given["quiet"]:
        say(f"worklint: {text}")


def moment(given: Given) -> tuple[date, datetime | None]:
    """Return the day that relative dates count from, and the moment where one is given.

    The only place of the program that asks what time it is.
    """
    text = given["now"]
    if text is None:
        return date.today(), None
    try:
        now = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--now {text}: no date or date-time; write 2026-11-24, 2026-11-24T08:30 or 2026-11-24T08:30+01:00"
        ) from None
    return now.date(), now if "T" in text.upper() or " " in text else None


def moment_in_zone(given: Given, gathered: Gathered) -> tuple[date, datetime | None]:
    """Return the day in the project's zone that relative dates count from, and the moment where one is given."""
    today, now = moment(given)
    zone = gathered.site.enterprise.timezone if gathered.site.enterprise else None
    if now is not None and now.tzinfo is not None and zone:
        from zoneinfo import ZoneInfo

        today = now.astimezone(ZoneInfo(zone)).date()
    return today, now


def judge(given: Given, gathered: Gathered, options: Options) -> Report:
    """Judge what was read."""
    today, now = moment_in_zone(given, gathered)
    return run(
        gathered.texts, gathered.site, today, shared=gathered.shared, documents=gathered.documents,
        unreadable=gathered.unreadable, options=replace(options, now=now),
    )  # fmt: skip


def tell_unplanned(given: Given, report: Report) -> None:
    """Say that nothing was planned, where there is too much of it to be done unasked."""
    if report.filters and report.summary.planned is None:
        pairs = f"{len(report.filters):,} pairs of list and source"
        tell(given, f"{pairs} are not planned unasked (only {PLANNED_AT_ONCE}); --planned plans them")


def shows_plans(given: Given) -> bool:
    """Tell if a format that is asked for is one in which people look for what plans repair."""
    wanted = {f.format for f in output.targets(given["output"], Path.cwd())} | {given["format"]}
    return bool(wanted & _SHOW_PLANS)


def write_results(
    given: Given, gathered: Gathered, report: Report, usual: str, more: Mapping[str, Any] | None = None
) -> None:
    """Write the files that are asked for and then standard output; ``usual`` is the format of the latter."""
    environment = os.environ
    place = output.terminal(given["color"], environment)
    chosen = output.known_format(given["format"]) if given["format"] is not None else None
    files = output.targets(given["output"], Path.cwd())
    rows = "worklists" if given["rows"] == "worklists" else "cells"
    unsafe = bool(given.get("unsafe_fixes"))
    options: dict[str, Any] = {"texts": _texts(gathered, report), "rows": rows, "unsafe": unsafe, **(more or {})}
    shown = report if given["verbose"] else without_infos(report)

    def pick(format: str) -> Report:
        return shown if format in output.TERMINAL_FORMATS else report

    for format in [*(f.format for f in files), *([chosen] if chosen else [])]:
        size = output.large(report, format)
        if size:
            tell(given, f"{format} will take about {size // 1_000_000:,} MB")
    output.write_files([
        (f.shown, f.path, partial(_write, pick(f.format), f.format, {**options, "width": 100})) for f in files
    ])  # fmt: skip
    here = {**options, "colour": place.colour, "width": place.width, "ascii": place.ascii}
    if chosen is None and files:
        if not given["quiet"]:
            output.write_stdout(partial(_write_summary, report), True)
        return
    format = chosen or usual
    output.write_stdout(partial(_write, pick(format), format, here), format in output.TERMINAL_FORMATS)
    hidden = sum(1 for f in report.findings if f.finding.severity == "info" and counts(f))
    if hidden and format in ("text", "concise") and not given["verbose"]:
        tell(given, f"{hidden} info{'s are' if hidden > 1 else ' is'} not shown; --verbose shows them")


def _write(report: Report, format: str, options: Mapping[str, Any], out: TextIO) -> None:
    output.write_report(report, format, out, options)


def _write_summary(report: Report, out: TextIO) -> None:
    from worklint.report.words import headline, origin_line, summary_line

    out.write(f"{headline(report)}\n{summary_line(report)}\n{origin_line(report)}\n")


def without_infos(report: Report) -> Report:
    """Return the report without the findings that only inform; its summary still counts them."""
    return replace(report, findings=tuple(f for f in report.findings if f.finding.severity != "info"))


def _texts(gathered: Gathered, report: Report) -> dict[str, Text]:
    texts = {text.file: text for text in (*gathered.texts, *gathered.shared)}
    enterprise = gathered.site.enterprise
    if enterprise and gathered.project and any(f.finding.span.file == enterprise.file for f in report.findings):
        texts[enterprise.file] = Text.of(gathered.project.read_text("utf-8-sig", "replace"), enterprise.file)
    return texts


def counts(row: FindingRow) -> bool:
    """Tell if a finding counts: it is neither suppressed nor in the baseline."""
    return row.finding.suppressed is None and not row.finding.baselined


def exit_code(report: Report, fail_on: str) -> int:
    """Return 1 if a finding that counts is at or above the level; ``unknown``: error, or a cell nobody knows."""
    if fail_on == "never":
        return 0
    level = "error" if fail_on == "unknown" else fail_on
    failing = SEVERITIES[: SEVERITIES.index(level) + 1]
    unknown = {(c.constraint, c.source) for c in report.cells if not c.known} if fail_on == "unknown" else set()
    for row in filter(counts, report.findings):
        found = row.finding
        if found.severity in failing or any((c, s) in unknown for c in found.constraints for s in found.sources):
            return 1
    return 0


def _project_name(gathered: Gathered) -> str:
    if gathered.project is None:
        return "none"
    from worklint.discover import display_name

    return display_name(gathered.project, Path.cwd())


def settings_lines(given: Given, gathered: Gathered) -> Sequence[str]:
    """Return what ``--show-settings`` shows: the project file, the sources, and the profile each resolved to."""
    from worklint.knowledge import data

    site = gathered.site
    enterprise = site.enterprise
    lines = [f"project file  {_project_name(gathered)}", f"database      {data.database()}"]
    if enterprise is not None:
        lines.append(f"enterprise    {enterprise.name or '(no name)'}")
        lines.append(f"timezone      {enterprise.timezone or '(none)'}")
    if site.viewer is not None:
        viewer = site.viewer.product + (f"@{site.viewer.release}" if site.viewer.release else "")
        lines.append(f"viewer        {viewer}{_settings(site.viewer_settings)}")
    lines.append("sources")
    width = max(len(s.id) for s in site.sources)
    for source in site.sources:
        release = source.profile.release
        judged = source.product + (f"@{release}" if release else "")
        parts = [source.role, source.transport, *(["local"] if source.local else [])]
        if source.hub:
            parts.append(f"hub {source.hub}")
        if source.asked is not None and source.asked != release:
            parts.append(f"asked for {source.asked}")
        if source.own_profile:
            parts.append(f"profile {source.own_profile}")
        lines.append(f"  {source.id.ljust(width)}  {judged}  ({', '.join(parts)}){_settings(source.settings)}")
        lines += [f"  {' ' * width}    {line}" for line in _not_given(source, given["verbose"])]
    lines.append("files")
    lines += [f"  {text.file}" for text in gathered.texts] or ["  none"]
    if gathered.shared:
        lines.append("shared filters")
        lines += [f"  {text.file}" for text in gathered.shared]
    return lines


def _settings(settings: Sequence[tuple[str, str]]) -> str:
    return "  " + ", ".join(f"{n}: {v}" for n, v in settings) if settings else ""


def _not_given(source: Source, all_of_them: bool) -> list[str]:
    """Return the settings that the project leaves open: those without a known default, or all of them."""
    given = dict(source.settings)
    out = []
    for setting in source.profile.settings:
        if setting.name in given:
            continue
        if setting.default is None:
            out.append(f"{setting.name} is not given: every value is possible")
        elif all_of_them:
            out.append(f"{setting.name} is not given: {setting.default or 'empty'}, the product's default")
    return out

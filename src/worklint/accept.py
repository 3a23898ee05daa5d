"""What the site accepts: comments in the file, entries of the project, severities, a baseline.

Accepted findings stay in the report, marked; they are not counted and do not fail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from worklint.enterprise import Enterprise, IgnoreEntry
from worklint.model import Finding
from worklint.record import frozen, replace
from worklint.rules import codes, nearest_codes
from worklint.syntax.tree import Suppression

_SYNTAX = "WL101"
BaselineKey = tuple[str, str, str, str]


@frozen
class Choice:
    """Which findings count: ``select`` and ``ignore`` hold codes or hundreds (``WL3``); ``unknown_fails``."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    no_ignore: bool = False


def names_code(entry: str, code: str) -> bool:
    """Tell if an entry (``WL310``, or the hundred ``WL3``) names a code."""
    return code == entry or (len(entry) == 3 and code.startswith(entry))


def known_code(entry: str) -> bool:
    """Tell if an entry names any rule."""
    return any(names_code(entry, code) for code in codes())


def chosen(findings: Iterable[Finding], choice: Choice) -> list[Finding]:
    """Return the findings of the codes that are selected and not ignored; syntax errors are always among them."""
    out = []
    for f in findings:
        selected = not choice.select or any(names_code(s, f.rule) for s in choice.select)
        ignored = any(names_code(i, f.rule) for i in choice.ignore)
        if (selected and not ignored) or f.rule == _SYNTAX:
            out.append(f)
    return out


def levelled(findings: Iterable[Finding], enterprise: Enterprise | None) -> list[Finding]:
    """Return the findings with the severities that the project gives to their codes; ``off`` drops them."""
    given = dict(enterprise.rules.severity) if enterprise else {}
    if not given:
        return list(findings)
    out = []
    for f in findings:
        level = given.get(f.rule, given.get(f.rule[:3]))
        if level == "off":
            continue
        out.append(f if level is None else replace(f, severity=level))
    return out


def suppressed(
    findings: Sequence[Finding],
    suppressions: Sequence[Suppression],
    enterprise: Enterprise | None,
    today: date,
) -> list[Finding]:
    """Return the findings with what comments and the project silence marked, and findings on the silencing itself."""
    used: Counter[int] = Counter()
    out: list[Finding] = []
    entries = enterprise.rules.ignore if enterprise else ()
    for finding in findings:
        out += _silenced(finding, suppressions, entries, today, used)
    for number, one in enumerate(suppressions):
        out += _about(one, used[number], today)
    return out


def _silenced(
    finding: Finding,
    suppressions: Sequence[Suppression],
    entries: Sequence[IgnoreEntry],
    today: date,
    used: Counter[int],
) -> list[Finding]:
    if finding.rule == _SYNTAX:
        return [finding]
    left: tuple[str, ...] = finding.sources
    out: list[Finding] = []
    for number, one in enumerate(suppressions):
        if _expired(one.until, today) or not one.covers_place(finding.span):
            continue
        for code, source in one.codes:
            if code != finding.rule:
                continue
            used[number] += 1
            if source is None:
                return [*out, replace(finding, sources=left, suppressed=one.reason or "no reason given")]
            if source in left:
                out.append(replace(finding, sources=(source,), suppressed=one.reason or "no reason given"))
                left = tuple(s for s in left if s != source)
    for entry in entries:
        if not names_code(entry.code, finding.rule) or _expired(entry.until, today):
            continue
        if entry.files and not any(_matches(finding.span.file, pattern) for pattern in entry.files):
            continue
        if entry.source is None:
            return [*out, replace(finding, sources=left, suppressed=entry.reason)]
        if entry.source in left:
            out.append(replace(finding, sources=(entry.source,), suppressed=entry.reason))
            left = tuple(s for s in left if s != entry.source)
    if left or not finding.sources:
        out.append(replace(finding, sources=left))
    return out


def _matches(file: str, pattern: str) -> bool:
    """Match a file's name against a pattern: ``*`` within a folder, ``**`` across folders."""
    regex = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(regex.replace(r"\?", "[^/]"), file) is not None


def _expired(until: str | None, today: date) -> bool:
    return until is not None and today.isoformat() > until


def _about(one: Suppression, uses: int, today: date) -> Iterable[Finding]:
    if not one.reason:
        yield Finding("WL151", "warning", one.span, "This comment silences a finding and gives no reason.",
                      "write why behind the codes")  # fmt: skip
    unknown = [code for code, _ in one.codes if code not in codes()]
    for code in unknown:
        near = nearest_codes(code)
        yield Finding("WL154", "warning", one.span, f"There is no rule {code}.",
                      f"did you mean {near[0]}?" if near else "`worklint rule` lists them")  # fmt: skip
    if _expired(one.until, today):
        yield Finding("WL152", "warning", one.span, f"This comment silenced its findings until {one.until}.",
                      "mend what it hides, or give a later day")  # fmt: skip
    elif not uses and len(unknown) < len(one.codes):
        yield Finding("WL153", "warning", one.span, "This comment silences nothing.", "take it out")


def baseline_key(finding: Finding, source: str) -> BaselineKey:
    """Return what a baseline counts by: worklist, rule, source, attribute. No line numbers."""
    return (finding.worklist or finding.span.file, finding.rule, source, finding.attribute or "")


def baselined(
    findings: Sequence[Finding], counts: Mapping[BaselineKey, int]
) -> tuple[list[Finding], list[BaselineKey]]:
    """Mark the findings that a baseline holds, source by source; return them and the entries that match nothing.

    Syntax errors are never baselined.
    """
    left = Counter(counts)
    out: list[Finding] = []
    for finding in findings:
        if finding.suppressed is not None or finding.rule == _SYNTAX:
            out.append(finding)
            continue
        old: list[str] = []
        for source in finding.sources or ("",):
            key = baseline_key(finding, source)
            if left[key] > 0:
                left[key] -= 1
                old.append(source)
        new = [s for s in finding.sources if s not in old]
        if old and finding.sources:
            out.append(replace(finding, sources=tuple(old), baselined=True))
            if new:
                out.append(replace(finding, sources=tuple(new)))
        else:
            out.append(replace(finding, baselined=bool(old)))
    return out, sorted(key for key, n in left.items() if n > 0 and counts.get(key, 0) == n)


def baseline_of(findings: Iterable[Finding]) -> dict[BaselineKey, int]:
    """Return the counts that make a baseline of these findings."""
    out: Counter[BaselineKey] = Counter()
    for finding in findings:
        if finding.suppressed is None and finding.rule != _SYNTAX:
            for source in finding.sources or ("",):
                out[baseline_key(finding, source)] += 1
    return dict(out)

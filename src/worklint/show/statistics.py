"""How often each rule, attribute and source is found: what to look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from worklint.report.terminal import clean
from worklint.report.types import Report
from worklint.report.words import origin_line, summary_line


def lines(report: Report) -> Iterator[str]:
    """Yield tables of the findings that count, most frequent first."""
    rules: Counter[tuple[str, str]] = Counter()
    attributes: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    for row in report.findings:
        found = row.finding
        if found.suppressed is not None or found.baselined:
            continue
        rules[found.severity, f"{found.rule} {row.name}".strip()] += 1
        attributes[found.attribute or ""] += 1
        sources.update(found.sources or ("",))
    yield from _table("By rule", Counter({f"{s.ljust(7)}  {r}": n for (s, r), n in rules.items()}))
    yield from _table("By attribute", attributes)
    yield from _table("By source (a finding counts at each)", sources)
    yield summary_line(report)
    yield origin_line(report)


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    named = sorted(((n, name) for name, n in counts.items() if name), key=lambda e: (-e[0], e[1]))
    if not named:
        return
    width = max(len(f"{n:,}") for n, _ in named)
    yield title
    for n, name in named:
        yield f"  {n:{width},}  {clean(name)}"
    yield ""

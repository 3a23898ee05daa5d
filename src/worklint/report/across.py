"""A worklist over all its sources, in words: what they have in common, what is lost, who is asked apart, what is twice.

Shared by the terminal, Markdown and HTML; no format of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from worklint.model import SPELLING
from worklint.record import frozen, replace
from worklint.report.terminal import clean, paint, wrap
from worklint.report.types import CellRow, CoreRow, EnterpriseRow, GroupRow, Report
from worklint.report.words import count, listed, shown

TITLE = "Across sources"
LEAD = (
    "For each list the strongest filter that all its sources answer exactly (its portable core), what that leaves out, "
    "which sources need a query of their own, and where one study can come back twice."
)
_LABELS = 11
_VERDICTS = {
    "exact": "exact", "superset": "nothing missing, extra rows", "subset": "can still miss", "mixed": "can still miss",
    "rejected": "still refused", "unknown": "still unknown",
}  # fmt: skip


@frozen
class Said:
    """One thing to say of a list: a label, a text, and in ``code`` a condition or queries in its language."""

    label: str
    text: str
    code: tuple[str, ...] = ()


def lines(report: Report, width: int, colour: bool) -> Iterator[str]:
    """Yield the section for a terminal."""
    yield paint(TITLE, "bold", colour)
    yield from wrap(f"{LEAD} {headline(report)}", width)
    yield ""
    names = {w.id: w.name for w in report.worklists}
    for row in report.enterprise:
        yield paint(clean(names[row.worklist]), "bold", colour)
        for one in said(report, row):
            head = one.label.ljust(_LABELS)
            for line in wrap(clean(one.text), width - _LABELS - 3):
                yield f"  {paint(head, 'dim', colour)} {line}"
                head = " " * _LABELS
            for code in one.code:
                for line in wrap(clean(code), width - _LABELS - 5):
                    yield f"  {head}   {line}"
        yield ""


def headline(report: Report) -> str:
    """Return in one sentence how many lists all their sources answer exactly, and how many need more than one query."""
    rows = report.enterprise
    of = {w: {c.id for c in report.constraints if c.worklist == w} for w in (r.worklist for r in rows)}

    def whole(row: EnterpriseRow, at: int) -> bool:
        core = row.cores[at]
        return (
            not core.without
            and not core.weakened
            and core.text is not None
            and set(core.constraints) == of[row.worklist]
        )

    written, planned = (sum(1 for r in rows if whole(r, at)) for at in (0, 2))
    apart = sum(1 for r in rows if len(r.groups) > 1)
    double = sum(1 for r in rows if r.copies)
    lists = count(len(rows), "list")
    parts = [f"{written:,} of {lists} {_is(written)} exact at all sources as written, {planned:,} as planned"]
    if apart:
        parts.append(f"{apart:,} need{'s' if apart == 1 else ''} more than one definition")
    if double:
        parts.append(f"{double:,} can show one study twice")
    return f"{'; '.join(parts)}."


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def renamed(row: EnterpriseRow, names: Mapping[str, str]) -> EnterpriseRow:
    """Return the same with other names for the sources."""

    def of(sources: Sequence[str]) -> tuple[str, ...]:
        return tuple(names[s] for s in sources)

    return replace(
        row,
        cores=tuple(replace(c, sources=of(c.sources), without=of(c.without)) for c in row.cores),
        groups=tuple(replace(g, sources=of(g.sources)) for g in row.groups),
        copies=tuple((of(sources), because) for sources, because in row.copies),
        untold=of(row.untold),
        lost=tuple((i, of(sources)) for i, sources in row.lost),
        refusals=tuple((names[s], cause) for s, cause in row.refusals),
    )


def said(report: Report, row: EnterpriseRow, names: Mapping[str, str] | None = None) -> list[Said]:
    """Return everything there is to say of one list. ``names`` are other names for the sources, by id."""
    lost = lost_words(report, row, names)
    row = renamed(row, names) if names else row
    out = list(common(report, row))
    if lost:
        out.append(
            Said("lost", "left out of the core, so that more rows come back than the list asks for:", tuple(lost))
        )
    for group in row.groups:
        if group.as_it_stands:
            out.append(Said("one query", f"{listed(group.sources)}: the list as it is written"))
        else:
            out.append(Said("own query", f"{listed(group.sources)}: {group_words(group)}", group.queries))
    out += [Said("twice", text) for text in twice(row)]
    return out


def group_words(group: GroupRow) -> str:
    """Return what sources give that are sent queries of their own."""
    if not group.queries:
        return f"as written, and nothing better can be sent ({_VERDICTS[group.as_planned]})"
    alike = ", the same queries" if len(group.sources) > 1 else ""
    return f"{_VERDICTS[group.as_planned]} when sent as planned{alike}"


def common(report: Report, row: EnterpriseRow) -> Iterator[Said]:
    """Yield what the sources of a list have in common: the exact core, then the stronger ones of less strict kinds."""
    total = sum(1 for c in report.constraints if c.worklist == row.worklist)
    exact, reliable, planned = row.cores
    yield Said("in common", core_words(exact, total), _code(exact))
    spelling, plans = "exact but for spelling and rows without a value", "exact when sent as planned"
    stronger = [c for c in (reliable, planned) if c.text and (c.text, c.sources) != (exact.text, exact.sources)]
    if len(stronger) == 2 and (reliable.text, reliable.sources) == (planned.text, planned.sources):
        whole = "the whole list, " if _whole(reliable, total) else ""
        yield Said("", f"{whole}{spelling} {_where(reliable)}, and {plans}:", _code(reliable))
        stronger = []
    for core in stronger:
        words = spelling if core is reliable else plans
        whole = "the whole list, " if _whole(core, total) else ""
        yield Said("", f"{whole}{words} {_where(core)}{_limits(core)}:", _code(core))
    for source, cause in row.refusals:
        yield Said("", f"{source} answers no filter of this list exactly as written: {report.causes[cause].message}")


def _code(core: CoreRow) -> tuple[str, ...]:
    return (core.text, *(f"or {t}" for t in core.others if t)) if core.text else ()


def _where(core: CoreRow) -> str:
    return f"at {listed(core.sources)}" if core.without else _all(core.sources)


def _all(sources: Sequence[str]) -> str:
    if len(sources) < 3:
        return f"at {listed(sources)}"
    return f"at all {len(sources)} sources"


def _limits(core: CoreRow) -> str:
    more = []
    if core.weakened:
        more.append("in part weaker than written")
    if core.bounded:
        more.append("not every combination was tried")
    return f" ({'; '.join(more)})" if more else ""


def _whole(core: CoreRow, total: int) -> bool:
    return len(core.constraints) == total and not core.weakened


def core_words(core: CoreRow, total: int) -> str:
    """Return what the exact core is, without its text; ``total``: so many conditions the list has."""
    if core.text is None:
        return "no filter of this list, however short, is answered exactly by all of its sources"
    if not total:
        return f"the list has no condition; everything is asked for {_where(core)}"
    if not core.text:
        of = f"all of {listed(core.sources)}" if len(core.sources) > 1 else core.sources[0]
        of = f"all of its {len(core.sources)} sources" if len(core.sources) > 2 and not core.without else of
        return f"nothing: no condition of this list is answered exactly by {of}"
    kept = len(core.constraints)
    what = "the whole list" if _whole(core, total) else f"{kept} of {count(total, 'condition')}"
    return f"{what}, answered exactly as written {_where(core)}{_limits(core)}:"


def lost_words(report: Report, row: EnterpriseRow, names: Mapping[str, str] | None = None) -> list[str]:
    """Return the conditions that are not in the exact core, each with what the sources at fault do with it."""
    cells = {(c.constraint, c.source): c for c in report.cells if any(c.constraint == i for i, _ in row.lost)}
    out = []
    for number, sources in row.lost:
        found: dict[str, list[str]] = {}
        for source in sources:
            found.setdefault(_fault(cells[number, source]), []).append((names or {}).get(source, source))
        faults = "; ".join(f"{what} at {listed(at)}" for what, at in found.items())
        out.append(f"{shown(report.constraints[number])} ({faults or 'exact alone, not together with the others'})")
    return out


def _fault(cell: CellRow) -> str:
    """Return in a few words why a test is not exact there."""
    if cell.rejected:
        return "refused"
    if not cell.known:
        return "unknown"
    if cell.may_miss:
        return "can miss rows"
    return "spelling or empty values" if SPELLING.issuperset(cell.add_reasons) else "extra rows"


def twice(row: EnterpriseRow) -> Iterator[str]:
    """Yield who can answer with the same entity, why, and on what the answers are united."""
    on = listed(row.unite_on)
    for sources, because in row.copies:
        yield f"{listed(sources)}: {because}. Unite their rows on {on}."
    if row.untold:
        others = "others" if row.copies or len(row.untold) > 1 else "another source"
        yield f"{listed(row.untold)}: nothing says whether they hold copies of {others}; unite on {on} all the same."

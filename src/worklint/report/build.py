"""Makes the report: numbers the constraints, names what is stable, sorts what is a set, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from worklint._version import __version__
from worklint.judge import Cell, Judged, mark_of, severity_of, verdict_name
from worklint.knowledge import data
from worklint.model import REASONS, SPELLING, Cause, Effect, Finding, Worklist
from worklint.record import replace
from worklint.report.types import (
    CauseRow,
    CellRow,
    ConstraintRow,
    CoreRow,
    EnterpriseRow,
    FilterRow,
    FindingRow,
    GroupRow,
    PlannedRow,
    ProjectRow,
    Repaired,
    Report,
    SourceRow,
    Summary,
    WorklistRow,
)
from worklint.report.words import misses
from worklint.rules import rule_name
from worklint.sources import Site, Source

if TYPE_CHECKING:
    from worklint.plan.enterprise import View
    from worklint.plan.types import Plan

try:
    # The same function without OpenSSL, which takes longer to load than a small check to run.
    from _sha256 import sha256  # type: ignore[import-not-found]
except ImportError:
    from hashlib import sha256

_SIGNS = {"exact": "✓", "superset": "+", "subset": "−", "mixed": "±", "rejected": "×", "unknown": "?"}
_PROMISED = ("standard", "assumed")


def _digest(*parts: str) -> str:
    digest: str = sha256("\0".join(parts).encode()).hexdigest()
    return digest


def sign_of(effect: Effect, grade: str, named: bool) -> str:
    """Return the sign of a verdict; ``≈`` for what is exact but for spelling, and promised rather than checked."""
    name = verdict_name(effect)
    if named and grade in _PROMISED and name in ("exact", "superset") and effect.adds <= SPELLING:
        return "≈"
    return _SIGNS[name]


def _ordered(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(reasons, key=REASONS.index))


def _flags(effect: Effect) -> tuple[bool, bool]:
    if effect.rejected:
        return False, False
    if not effect.known:
        return True, True
    return bool(effect.adds), bool(effect.misses)


def build(
    site: Site,
    worklists: Sequence[Worklist],
    judged: Mapping[str, Mapping[str, Judged]],
    findings: Sequence[Finding],
    today: date,
    planned: Mapping[str, Mapping[str, Plan]] | None = None,
    views: Mapping[str, View] | None = None,
    left_open: int = 0,
) -> Report:
    """Return the report. ``judged`` maps worklist id to source id to verdicts; a pair that is not judged is absent.

    ``planned`` are the plans, likewise, where they were made; ``views`` the worklists over all their sources;
    ``left_open`` findings were not looked at for edits that change the meaning.
    """
    sources = {s.id: s for s in site.sources}
    constraints: list[ConstraintRow] = []
    cells: list[CellRow] = []
    filters: list[FilterRow] = []
    causes: dict[Cause, int] = {}
    enterprise: list[EnterpriseRow] = []
    rows = []

    def cause_id(cause: Cause) -> int:
        return causes.setdefault(cause, len(causes))

    for worklist in worklists:
        verdicts = judged.get(worklist.id, {})
        rows.append(_worklist_row(worklist, verdicts))
        first = len(constraints)
        constraints += _constraint_rows(worklist, first)
        plans = (planned or {}).get(worklist.id, {})
        for index in range(len(worklist.constraints)):
            for source, one in verdicts.items():
                row = _cell_row(first + index, sources[source], one.cells[index], cause_id)
                if source in plans:
                    row = replace(row, planned=_planned_cell(plans[source], index, row, sources[source], cause_id))
                cells.append(row)
        for source, one in verdicts.items():
            of_list = _filter_row(worklist, sources[source], one, cause_id)
            if source in plans:
                of_list = replace(of_list, planned=_planned_list(plans[source], of_list, sources[source], cause_id))
            filters.append(of_list)
        if views and worklist.id in views:
            enterprise.append(_enterprise_row(views[worklist.id], first, cause_id))
    found = tuple(FindingRow(_fingerprint(f), rule_name(f.rule), f) for f in sorted(findings, key=_finding_order))
    cause_rows = tuple(CauseRow(i, c.rule, c.message, c.remedy, c.facts, c.evidence) for c, i in causes.items())
    return Report(
        version=__version__,
        database=data.database(),
        project=_project_row(site, today),
        worklists=tuple(rows),
        sources=tuple(_source_row(s) for s in site.sources),
        constraints=tuple(constraints),
        causes=cause_rows,
        cells=tuple(cells),
        filters=tuple(filters),
        findings=found,
        summary=_summary(rows, constraints, site.sources, cells, filters, found, left_open),
        enterprise=tuple(enterprise),
    )


def _fingerprint(finding: Finding) -> str:
    return _digest(
        finding.rule, finding.worklist or finding.span.file, finding.attribute or "", " ".join(sorted(finding.sources))
    )[:16]


def _finding_order(finding: Finding) -> tuple[str, int, int, str, str, tuple[str, ...]]:
    span = finding.span
    return (span.file, span.line, span.column, finding.rule, finding.worklist or "", finding.sources)


def _project_row(site: Site, today: date) -> ProjectRow:
    enterprise = site.enterprise
    if enterprise is None:
        return ProjectRow(None, None, None, None, today.isoformat(), None)
    viewer = None
    if site.viewer is not None:
        release = enterprise.viewer.release if enterprise.viewer else None
        viewer = f"{site.viewer.product}@{release}" if release else site.viewer.product
    local = site.local.id if site.local else None
    return ProjectRow(enterprise.file, enterprise.name, viewer, enterprise.timezone, today.isoformat(), local)


def _source_row(source: Source) -> SourceRow:
    product = None if source.own_profile else source.product
    return SourceRow(
        source.id, product, source.release, source.role, source.transport, source.own_profile, source.local,
        source.title or source.profile.name,
    )  # fmt: skip


def _worklist_row(worklist: Worklist, verdicts: Mapping[str, Judged]) -> WorklistRow:
    return WorklistRow(
        worklist.id, worklist.name, worklist.file, worklist.span.line, worklist.format, worklist.scope, worklist.model,
        worklist.level, worklist.purpose, tuple(verdicts), worklist.complete, worklist.description, worklist.owner,
    )  # fmt: skip


def _constraint_rows(worklist: Worklist, first: int) -> list[ConstraintRow]:
    out = []
    seen: dict[str, int] = {}
    for index, (constraint, negated) in enumerate(worklist.constraints):
        ordinal = seen[constraint.text] = seen.get(constraint.text, 0) + 1
        span = constraint.span
        out.append(
            ConstraintRow(
                id=first + index,
                key=_digest(worklist.id, constraint.text, str(ordinal))[:8],
                worklist=worklist.id,
                text=constraint.text,
                attribute=constraint.name if constraint.path else None,
                tag=constraint.attribute.tag if constraint.attribute else None,
                label=constraint.label,
                vr=constraint.vr,
                level=constraint.level,
                attribute_level=constraint.attribute_level,
                matching=constraint.matching,
                values=tuple(v.text for v in constraint.values),
                negated=negated,
                filter=constraint.filter,
                file=span.file,
                line=span.line,
                column=span.column,
                end_line=span.end_line,
                end_column=span.end_column,
                via=tuple((v.file, v.line, v.column) for v in constraint.via),
            )
        )
    return out


def _cell_row(constraint: int, source: Source, cell: Cell, cause_id: Callable[[Cause], int]) -> CellRow:
    may_add, may_miss = _flags(cell.effect)
    shown = Effect() if cell.effect.rejected else cell.effect
    return CellRow(
        constraint=constraint,
        source=source.id,
        verdict=verdict_name(cell.effect),
        mark=mark_of(cell.effect, cell.severity),
        severity=cell.severity,
        may_add=may_add,
        may_miss=may_miss,
        rejected=cell.effect.rejected,
        known=cell.effect.known,
        add_reasons=_ordered(shown.adds),
        miss_reasons=_ordered(shown.misses),
        cause=cause_id(cell.cause),
        sign=sign_of(cell.effect, cell.grade, source.named),
        grade=cell.grade,
        trace=cell.trace,
    )


def _filter_row(worklist: Worklist, source: Source, one: Judged, cause_id: Callable[[Cause], int]) -> FilterRow:
    may_add, may_miss = _flags(one.effect)
    shown = Effect() if one.effect.rejected else one.effect
    return FilterRow(
        worklist=worklist.id,
        source=source.id,
        as_written=verdict_name(one.effect),
        mark=mark_of(one.effect, one.severity),
        severity=one.severity,
        may_add=may_add,
        may_miss=may_miss,
        rejected=one.effect.rejected,
        known=one.effect.known,
        add_reasons=_ordered(shown.adds),
        miss_reasons=_ordered(shown.misses),
        causes=tuple(cause_id(c) for c in one.causes),
        sign=sign_of(one.effect, one.grade, source.named),
        grade=one.grade,
    )


def _planned_cell(plan: Plan, index: int, row: CellRow, source: Source, cause_id: Callable[[Cause], int]) -> PlannedRow:
    effect = plan.cells[index] if index < len(plan.cells) else plan.as_planned
    why = [s.cause for s in plan.stays if s.constraint == index]
    if not why and (effect.adds or effect.misses or effect.rejected or not effect.known):
        why = [s.cause for s in plan.stays if s.constraint is None]
    return _planned_row(effect, why, row.grade, source, cause_id)


def _planned_list(plan: Plan, row: FilterRow, source: Source, cause_id: Callable[[Cause], int]) -> PlannedRow:
    from worklint.plan.why import how

    made = _planned_row(plan.as_planned, [s.cause for s in plan.stays], row.grade, source, cause_id)
    return replace(made, by=how(plan))


def _planned_row(
    effect: Effect, why: Sequence[Cause], grade: str, source: Source, cause_id: Callable[[Cause], int]
) -> PlannedRow:
    severity = severity_of(effect)
    shown = Effect() if effect.rejected else effect
    return PlannedRow(
        verdict_name(effect), mark_of(effect, severity), severity, _ordered(shown.adds), _ordered(shown.misses),
        tuple(dict.fromkeys(cause_id(c) for c in why)), sign_of(effect, grade, source.named),
    )  # fmt: skip


def _enterprise_row(view: View, first: int, cause_id: Callable[[Cause], int]) -> EnterpriseRow:
    """Return a worklist over its sources; ``first`` is the number of its first constraint."""
    cores = tuple(
        CoreRow(
            kind, core.text, tuple(first + i for i in core.kept), tuple((first + i, t) for i, t in core.weakened),
            core.sources, core.without, core.others, core.bounded,
        )
        for kind, core in (("exact", view.written), ("reliable", view.reliable), ("planned", view.planned))
    )  # fmt: skip
    return EnterpriseRow(
        view.worklist,
        cores,
        tuple(GroupRow(g.sources, g.as_it_stands, g.verdict, g.queries) for g in view.groups),
        tuple((c.sources, c.because) for c in view.copies),
        view.untold,
        view.unite_on,
        tuple((first + i, sources) for i, sources in view.lost),
        tuple((source, cause_id(cause)) for source, cause in view.refusals),
    )


def _repaired(filters: Sequence[FilterRow]) -> Repaired | None:
    """Count what plans make of the pairs that are unreliable as written; ``None`` where none were made."""
    plans = [(f, f.planned) for f in filters if f.planned is not None]
    if not plans:
        return None
    marked = [p for f, p in plans if f.mark]
    exact = sum(1 for p in marked if p.verdict == "exact")
    extra = sum(1 for p in marked if p.verdict == "superset" and p.mark)
    spelling = sum(1 for p in marked if p.verdict == "superset" and not p.mark)
    return Repaired(len(marked), exact, spelling, extra, len(marked) - exact - spelling - extra)


def _summary(
    worklists: Sequence[WorklistRow],
    constraints: Sequence[ConstraintRow],
    sources: Sequence[Source],
    cells: Sequence[CellRow],
    filters: Sequence[FilterRow],
    findings: Sequence[FindingRow],
    left_open: int,
) -> Summary:
    live = [f.finding for f in findings if f.finding.suppressed is None and not f.finding.baselined]
    count = {s: sum(1 for f in live if f.severity == s) for s in ("error", "warning", "info")}
    return Summary(
        worklists=len(worklists),
        constraints=len(constraints),
        sources=len(sources),
        errors=count["error"],
        warnings=count["warning"],
        infos=count["info"],
        can_miss=len({f.worklist for f in filters if misses(f)}),
        unknown=sum(1 for c in cells if not c.known),
        suppressed=sum(1 for f in findings if f.finding.suppressed is not None),
        baselined=sum(1 for f in findings if f.finding.baselined),
        can_add=len({f.worklist for f in filters if f.may_add and f.known and not set(f.add_reasons) <= SPELLING}),
        cells=len(cells),
        planned=_repaired(filters),
        fixable=sum(1 for f in live if any(e.safe for e in f.edits)),
        fixable_unsafe=sum(1 for f in live if f.edits and not any(e.safe for e in f.edits)),
        fixable_open=left_open,
    )

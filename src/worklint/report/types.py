"""The report: what every writer writes from, member for member the JSON contract ``worklint/report/1``.

Immutable; made once by ``build``. A writer never asks the judge anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worklint.model import Evidence, Finding
from worklint.record import frozen

if TYPE_CHECKING:
    import pandas


@frozen
class ProjectRow:
    """The project that was judged. Members are ``None`` where there is no project file."""

    file: str | None
    enterprise: str | None
    viewer: str | None
    timezone: str | None
    date: str
    local: str | None


@frozen
class WorklistRow:
    """One worklist, as written and as judged."""

    id: str
    name: str
    file: str
    line: int
    format: str
    scope: str
    model: str
    level: str
    purpose: str
    sources: tuple[str, ...]
    complete: bool
    description: str | None = None
    owner: str | None = None


@frozen
class SourceRow:
    """One source of the enterprise and the profile that it resolved to."""

    id: str
    product: str | None
    release: str | None
    role: str
    transport: str
    profile: str | None
    local: bool = False
    title: str = ""


@frozen
class ConstraintRow:
    """One constraint of one worklist. ``id`` is its index in ``Report.constraints``."""

    id: int
    key: str
    worklist: str
    text: str
    attribute: str | None
    tag: str | None
    label: str | None
    vr: str
    level: str
    attribute_level: str | None
    matching: str
    values: tuple[str, ...]
    negated: bool
    filter: str | None
    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    via: tuple[tuple[str, int, int], ...] = ()


@frozen
class CauseRow:
    """Why cells have their verdict. ``rule`` is ``None`` where nothing is wrong."""

    id: int
    rule: str | None
    message: str
    remedy: str
    facts: tuple[tuple[str, str], ...]
    evidence: tuple[Evidence, ...]


@frozen
class PlannedRow:
    """What is left of a cell or a list when it is sent as planned, and in ``causes`` why nothing can repair that.

    ``by`` says in a few words what the plan of a list does.
    """

    verdict: str
    mark: str
    severity: str | None
    add_reasons: tuple[str, ...]
    miss_reasons: tuple[str, ...]
    causes: tuple[int, ...]
    sign: str
    by: str = ""


@frozen
class CellRow:
    """A constraint's part in the query that one source gets. ``severity`` is ``None`` for ``exact``.

    ``trace`` is the explanation: one sentence a step, in the order of the steps. ``planned`` is there where plans were
    made.
    """

    constraint: int
    source: str
    verdict: str
    mark: str
    severity: str | None
    may_add: bool
    may_miss: bool
    rejected: bool
    known: bool
    add_reasons: tuple[str, ...]
    miss_reasons: tuple[str, ...]
    cause: int
    sign: str
    grade: str
    trace: tuple[str, ...] = ()
    planned: PlannedRow | None = None

    @property
    def as_planned(self) -> str | None:
        """The verdict as planned, where plans were made."""
        return self.planned.verdict if self.planned else None


@frozen
class FilterRow:
    """The verdict of a whole worklist at one source."""

    worklist: str
    source: str
    as_written: str
    mark: str
    severity: str | None
    may_add: bool
    may_miss: bool
    rejected: bool
    known: bool
    add_reasons: tuple[str, ...]
    miss_reasons: tuple[str, ...]
    causes: tuple[int, ...]
    sign: str
    grade: str
    planned: PlannedRow | None = None

    @property
    def as_planned(self) -> str | None:
        """The verdict as planned, where plans were made."""
        return self.planned.verdict if self.planned else None


@frozen
class CoreRow:
    """The strongest filter that follows from a worklist and that its sources answer well enough.

    ``kind``: ``exact`` as written, ``reliable`` as written (but for spelling and rows without a value), ``planned``
    (exact when sent as planned). ``text`` is empty where no condition is left, ``None`` where there is no such filter.
    ``constraints`` are kept, ``weakened`` of them in a weaker form; ``without``: sources at which no filter does.
    """

    kind: str
    text: str | None
    constraints: tuple[int, ...]
    weakened: tuple[tuple[int, str], ...]
    sources: tuple[str, ...]
    without: tuple[str, ...]
    others: tuple[str, ...]
    bounded: bool


@frozen
class GroupRow:
    """Sources of a worklist that are asked alike: with its definition as it stands, or with queries of their own."""

    sources: tuple[str, ...]
    as_it_stands: bool
    as_planned: str
    queries: tuple[str, ...]


@frozen
class EnterpriseRow:
    """One worklist over all its sources.

    ``copies``: sources that can answer with the same entity, and why; ``untold``: sources of which nothing is said;
    ``unite_on``: what tells one entity from another. ``lost``: constraints that are not in the exact core, with the
    sources that do not apply them exactly; ``refusals``: a cause for each source at which no filter is exact.
    """

    worklist: str
    cores: tuple[CoreRow, ...]
    groups: tuple[GroupRow, ...]
    copies: tuple[tuple[tuple[str, ...], str], ...]
    untold: tuple[str, ...]
    unite_on: tuple[str, ...]
    lost: tuple[tuple[int, tuple[str, ...]], ...]
    refusals: tuple[tuple[str, int], ...]


@frozen
class FindingRow:
    """A finding with its identity for baselines and code scanning."""

    fingerprint: str
    name: str
    finding: Finding


@frozen
class Repaired:
    """What becomes of the pairs of list and source that are unreliable as written, when they are sent as planned.

    ``exact``; ``spelling``: a few more rows, which differ in spelling only or show no value; ``extra``: other rows too
    many, and none missing; ``missing``: rows can still be missing, or nobody knows.
    """

    unreliable: int
    exact: int
    spelling: int
    extra: int
    missing: int


@frozen
class Summary:
    """Counts. Suppressed and baselined findings are in none of errors, warnings, infos.

    ``can_miss``: worklists that can miss rows at some source; ``unknown``: cells without evidence. ``fixable``: those
    findings that carry an edit which keeps the meaning; ``fixable_unsafe``: those that carry only others;
    ``fixable_open``: those that were not looked at for others, which can take long.
    """

    worklists: int
    constraints: int
    sources: int
    errors: int
    warnings: int
    infos: int
    can_miss: int
    unknown: int
    suppressed: int
    baselined: int
    can_add: int = 0
    cells: int = 0
    planned: Repaired | None = None
    fixable: int = 0
    fixable_unsafe: int = 0
    fixable_open: int = 0


@frozen
class Report:
    """Everything that a user can be shown of one run."""

    version: str
    database: str
    project: ProjectRow
    worklists: tuple[WorklistRow, ...]
    sources: tuple[SourceRow, ...]
    constraints: tuple[ConstraintRow, ...]
    causes: tuple[CauseRow, ...]
    cells: tuple[CellRow, ...]
    filters: tuple[FilterRow, ...]
    findings: tuple[FindingRow, ...]
    summary: Summary
    enterprise: tuple[EnterpriseRow, ...] = ()

    def to_frame(self) -> pandas.DataFrame:
        """Return the matrix as a data frame: one row a cell, with the columns of the long CSV."""
        from worklint.report.frame import to_frame

        return to_frame(self)

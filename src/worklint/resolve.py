"""Tree, dictionaries, project and clock -> worklists of constraints, negation pushed to the leaves.

Everything that the language leaves to be judged after parsing is judged here. Pure: nothing is read, no clock is asked.
A part whose meaning nobody can know leaves its worklist not ``complete``: it is never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from worklint.clock import Clock, clock_at
from worklint.conditions import OF_THE_LIST, Condition, Notes, ResolveLimits, Told
from worklint.enterprise import Enterprise
from worklint.knowledge import standard
from worklint.knowledge.labels import Label
from worklint.model import All, Filter, Finding, Parameter, Severity, Span, Worklist
from worklint.names import Filters, Key
from worklint.record import frozen
from worklint.references import Names
from worklint.settings import Settings, judge_settings
from worklint.syntax.tree import Document, Suppression, WorklistBlock


@frozen
class Resolved:
    """What the files mean. ``suppressions`` are those of the judged and of the shared files."""

    worklists: tuple[Worklist, ...]
    findings: tuple[Finding, ...]
    suppressions: tuple[Suppression, ...]


def resolve(
    documents: Sequence[Document],
    shared: Sequence[Document],
    enterprise: Enterprise | None,
    vocabulary: Mapping[str, Label],
    today: date,
    now: datetime | None = None,
    limits: ResolveLimits | None = None,
) -> Resolved:
    """Return the worklists of ``documents``, and what is wrong in them as far as one test can show it.

    ``shared`` are the files that the project names under ``filters:``; ``vocabulary`` is the viewer's, by casefolded
    label. ``now`` may have an offset; without one it is of the project's zone, and without ``now`` it is noon of
    ``today``. Never raises for what people write.
    """
    limits = limits or ResolveLimits(**_own_limits(enterprise))
    names = Names.of(enterprise, vocabulary)
    parameters = {p.name: p for p in enterprise.parameters} if enterprise else {}
    filters = Filters.of(documents, shared)
    notes = Notes()
    worklists: list[Worklist] = []
    used, reached = filters.reached(documents)
    filters.tell_redefined(documents, shared, notes)
    filters.tell_cycles(reached, notes)
    for document in documents:
        ids: dict[str, int] = {}
        for position, block in enumerate(document.worklists, 1):
            name = block.name or str(position)
            ids[name] = ids.get(name, 0) + 1
            notes.worklist = f"{document.file}#{name}" + (f"~{ids[name]}" if ids[name] > 1 else "")
            notes.filter, notes.via, notes.attribute = None, (), None
            if ids[name] == 2 and not _told_already(document, block.name_span):
                notes(
                    "WL215", block.name_span, f"two worklists of this file are called {block.name}",
                    "give this one a name of its own",
                )  # fmt: skip
            settings = judge_settings(block, enterprise, names, notes)
            home = enterprise.timezone if enterprise else None
            clock = clock_at(today, now, settings.timezone or home, home)
            condition = Condition(settings.model, clock, names, filters, parameters, notes, limits)
            found: Filter = All(())
            if block.where is not None:
                found = condition.resolve(block.where, settings.level, document.file, block.head)
            complete = block.complete and condition.complete
            worklists.append(_worklist(notes.worklist, document, block, settings, found, condition, complete))
    _unused(filters, documents, used, names, parameters, clock_at(today, now), notes, limits)
    files = {d.file: d for d in (*shared, *documents)}
    findings = [f for f in _together(notes.told) if not _said_by_reader(f, files.get(f.span.file))]
    return Resolved(tuple(worklists), tuple(findings), tuple(s for d in files.values() for s in d.suppressions))


def _own_limits(enterprise: Enterprise | None) -> dict[str, int]:
    given = dict(enterprise.limits) if enterprise else {}
    return {"constraints": given["expanded"]} if "expanded" in given else {}


_OF_A_VALUE = frozenset({"WL401", "WL408"})


def _said_by_reader(finding: Finding, document: Document | None) -> bool:
    """Tell if the reader said of this value already that it is none: one message about a mistake is enough."""
    if document is None or finding.rule not in _OF_A_VALUE:
        return False
    here = (finding.span.line, finding.span.column)
    return any(
        problem.span.line == problem.span.end_line
        and (problem.span.line, problem.span.column) <= here <= (problem.span.end_line, problem.span.end_column)
        for problem in document.problems
    )


def _told_already(document: Document, span: Span) -> bool:
    return any(problem.span == span for problem in document.problems)


def _worklist(
    id_: str, document: Document, block: WorklistBlock, settings: Settings, found: Filter, condition: Condition,
    complete: bool,
) -> Worklist:  # fmt: skip
    return Worklist(
        id=id_,
        name=block.name,
        file=document.file,
        span=block.head,
        scope=settings.scope,
        sources=settings.sources,
        model=settings.model.id,
        level=settings.level,
        purpose=settings.purpose,
        filter=found,
        constraints=tuple(condition.constraints),
        show=settings.show,
        sort=settings.sort,
        limit=settings.limit,
        timezone=settings.timezone,
        description=settings.description,
        owner=settings.owner,
        format=document.format,
        complete=complete,
        setting_spans=settings.spans,
    )


def _unused(
    filters: Filters, documents: Iterable[Document], used: set[Key], names: Names, parameters: Mapping[str, Parameter],
    clock: Clock, notes: Notes, limits: ResolveLimits,
) -> None:  # fmt: skip
    """Say what is wrong in filters that no worklist here uses: a file of filters alone is linted too."""
    model = standard.model("study-root")
    assert model is not None
    notes.worklist, notes.accepts = None, lambda rule: rule not in OF_THE_LIST or rule == "WL316"
    for document in documents:
        for name, block in filters.own[document.file].items():
            if (document.file, name) in used or block.condition is None or not block.complete:
                continue
            condition = Condition(model, clock, names, filters, parameters, notes, limits)
            condition.active.append((document.file, name))
            # Its constraints stand in a filter, not in a use of it: there is no place to name.
            condition.resolve(block.condition, model.usual_level, document.file, block.name_span)


def _together(told: Iterable[Told]) -> list[Finding]:
    """Put equal findings on one place together: a filter that ten lists use has its mistake once."""
    groups: dict[tuple[str, Span, str, str, Severity, str | None], list[Told]] = {}
    for one in told:
        key = (one.rule, one.span, one.message, one.remedy, one.severity, one.instead)
        groups.setdefault(key, []).append(one)
    findings = []
    for (rule, span, message, remedy, severity, instead), group in groups.items():
        lists = {one.worklist for one in group}
        name = next((one.filter for one in group if one.via), None)
        places = list(dict.fromkeys(f"{v.file}:{v.line}" for one in group for v in one.via[-1:]))
        facts: tuple[tuple[str, str], ...] = ()
        if name and places:
            shown = ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
            message = f"{message} (in filter {name}, used at {shown})"
            facts = (("filter", name), ("used", shown))
        if instead is not None:
            facts = (*facts, ("instead", instead))
        findings.append(
            Finding(
                rule, severity, span, message, remedy, worklist=lists.pop() if len(lists) == 1 else None,
                attribute=group[0].attribute, facts=facts,
            )
        )  # fmt: skip
    return sorted(findings, key=lambda f: (f.span, f.rule))

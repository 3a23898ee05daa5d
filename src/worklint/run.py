"""The steps in order: read → resolve → judge → report. What the command line, the tests and ``import worklint`` call.

Pure but for ``lint``: texts, site and date come in, an immutable report goes out. Nothing here asks for the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from worklint.accept import BaselineKey, Choice, baselined, chosen, levelled, suppressed
from worklint.judge import Judged, judge, offers_model
from worklint.judge.place import Place
from worklint.model import Finding, Severity, Span, Worklist
from worklint.record import field, frozen
from worklint.report.build import build
from worklint.report.types import Report
from worklint.resolve import Resolved, resolve
from worklint.rules import default_severity
from worklint.rules.logic import logic_findings
from worklint.rules.site import site_findings, snapshot_findings
from worklint.rules.verdicts import cell_findings, copies_finding, hidden_findings, whole_findings
from worklint.sources import Site, asked_sources, astuple_but_source, place_of
from worklint.syntax.parser import DEFAULT_LIMITS, Limits, parse
from worklint.syntax.tree import Document, Problem
from worklint.text import Text

if TYPE_CHECKING:
    from worklint.plan.enterprise import View
    from worklint.plan.types import Plan


Places = dict[tuple[str, str, str], Place]
"""Sources as a list meets them, by source, model and purpose."""


@frozen
class Options:
    """How a run is made: which findings count, the baseline, the limits of reading.

    ``planned``: lists are planned too, and always where there are no more than ``plan_up_to`` pairs of list and source;
    ``enterprise``: and looked at over all their sources together, always where there are no more than ``across_up_to``
    pairs. ``edits``: findings carry the changes of the text that answer them: those that keep the meaning (``safe``),
    ``all``, or all where it takes little work to find them (``some``).
    """

    choice: Choice = field(default_factory=Choice)
    baseline: Mapping[BaselineKey, int] = field(default_factory=dict)
    limits: Limits = DEFAULT_LIMITS
    now: datetime | None = None
    planned: bool = False
    plan_up_to: int = 0
    enterprise: bool = False
    across_up_to: int = 0
    edits: Literal["", "safe", "some", "all"] = ""


@frozen
class Examined:
    """What texts say and what each source makes of it, before anything is accepted or left out.

    ``judged`` maps worklist id to source id to verdicts; ``documents`` are the trees of the texts, ``shared`` of those
    that the project names. ``places`` can serve the next run over the same site: what is looked up at a place is kept.
    """

    documents: tuple[Document, ...]
    shared: tuple[Document, ...]
    resolved: Resolved
    judged: Mapping[str, Mapping[str, Judged]]
    findings: tuple[Finding, ...]
    places: Places


def run(
    texts: Sequence[Text],
    site: Site,
    today: date,
    *,
    shared: Sequence[Text] = (),
    documents: Sequence[Document] = (),
    unreadable: Sequence[Finding] = (),
    options: Options | None = None,
) -> Report:
    """Judge texts against the sources of a site and return the report.

    ``shared`` are the files that the project names under ``filters:``; ``documents`` were read by another reader of the
    same tree; ``unreadable`` are findings on files that could not be read at all.
    """
    options = options or Options()
    examined = examine(texts, site, today, shared=shared, documents=documents, options=options)
    resolved = examined.resolved
    findings = levelled(dict.fromkeys((*unreadable, *examined.findings)), site.enterprise)
    if not options.choice.no_ignore:
        findings = suppressed(findings, resolved.suppressions, site.enterprise, today)
    findings = chosen(findings, options.choice)
    if options.baseline:
        findings, unused = baselined(findings, options.baseline)
        findings += [_unused_entry(key) for key in unused]
    left_open = 0
    if options.edits:
        from worklint.fixes import Material, offered

        material = Material(tuple(texts), tuple(shared), site, today, options)
        findings, left_open = offered(findings, examined, material, options.edits)
    plans: dict[str, dict[str, Plan]] = {}
    views: dict[str, View] = {}
    pairs = sum(len(of) for of in examined.judged.values())
    if options.planned or 0 < pairs <= options.plan_up_to:
        from worklint.planning import plan_all, views_of

        plans = plan_all(site, resolved.worklists, examined.judged)
        if options.enterprise or 0 < pairs <= options.across_up_to:
            views = views_of(site, resolved.worklists, examined.judged, plans)
    return build(site, resolved.worklists, examined.judged, findings, today, plans, views, left_open)


def examine(
    texts: Sequence[Text],
    site: Site,
    today: date,
    *,
    shared: Sequence[Text] = (),
    documents: Sequence[Document] = (),
    options: Options | None = None,
    places: Places | None = None,
) -> Examined:
    """Read, resolve and judge texts: the first half of ``run``, whose arguments these are.

    ``places`` are those of an earlier run over the same site.
    """
    options = options or Options()
    parsed = [*(parse(t, options.limits) for t in texts), *documents]
    shared_parsed = [parse(t, options.limits) for t in shared]
    resolved = resolve(parsed, shared_parsed, site.enterprise, site.vocabulary, today, options.now)
    findings: list[Finding] = [*site.findings, *resolved.findings]
    spoiled = {d.file for d in parsed}
    for document in {d.file: d for d in (*shared_parsed, *parsed)}.values():
        if document.file in spoiled or document.problems:
            findings += [_syntax_finding(p) for p in document.problems]
    judged: dict[str, dict[str, Judged]] = {}
    # Places are compared by identity, so that what is looked up at one serves every list that meets it alike.
    places = {} if places is None else places
    first = 0
    for worklist in resolved.worklists:
        if worklist.complete:
            verdicts, found = _judge_one(site, worklist, first, places)
            judged[worklist.id] = verdicts
            findings += found
        first += len(worklist.constraints)
    findings += site_findings(site, [w for w in resolved.worklists if w.complete])
    return Examined(tuple(parsed), tuple(shared_parsed), resolved, judged, tuple(findings), places)


def _syntax_finding(problem: Problem) -> Finding:
    message = problem.message
    if problem.expected and "expected" not in message:
        message = f"{message} Expected: {', '.join(problem.expected)}."
    facts = () if problem.instead is None else (("instead", problem.instead),)
    return Finding(
        problem.code, default_severity(problem.code), problem.span, message, problem.remedy, facts=facts
    )  # fmt: skip


def _unused_entry(key: BaselineKey) -> Finding:
    worklist, rule, source, attribute = key
    file = worklist.partition("#")[0]
    what = f"{rule}{'@' + source if source else ''}{' on ' + attribute if attribute else ''}"
    message = f"The baseline holds {what} for {worklist}, which is not found any more."
    return Finding("WL160", "info", Span(file, 1, 1, 1, 1), message, "write the baseline anew", worklist)


def _judge_one(site: Site, worklist: Worklist, first: int, known: Places) -> tuple[dict[str, Judged], list[Finding]]:
    verdicts: dict[str, Judged] = {}
    places = {}
    done: dict[tuple[object, ...], Judged] = {}
    named = set(worklist.sources or ())
    asked = asked_sources(site, worklist)
    for source in asked:
        asked_at = (source.id, worklist.model, worklist.purpose)
        if asked_at not in known:
            known[asked_at] = place_of(site, source, worklist)
        place = known[asked_at]
        if offers_model(place) is False and source.id not in named and not site.replaced:
            continue
        # Sources that are alike in all that judging looks at are judged once.
        alike = astuple_but_source(place)
        if alike not in done:
            done[alike] = judge(worklist, place)
        verdicts[source.id] = done[alike]
        places[source.id] = place
    findings: list[Finding] = list(logic_findings(worklist, first=first))
    findings += cell_findings(worklist, verdicts, first)
    findings += whole_findings(worklist, verdicts, worklist.span)
    findings += hidden_findings(worklist, places, worklist.span)
    findings += snapshot_findings(site, worklist, first, [s for s in asked if s.id in verdicts])
    groups = [tuple(s.id for s in site.group(h)) for h in site.sources if h.role == "hub"]
    findings += copies_finding(worklist, verdicts, groups, worklist.span)
    if not verdicts and not (named - {s.id for s in site.sources}):
        findings.append(_nobody_asked(site, worklist))
    return verdicts, findings


def _nobody_asked(site: Site, worklist: Worklist) -> Finding:
    span = dict(worklist.setting_spans).get("scope", worklist.span)
    severity: Severity = "error"
    if worklist.scope != "enterprise" and site.local is None:
        message = f"The list shows nothing: no source is marked local, so scope {worklist.scope} means none."
        return Finding(
            "WL214", severity, span, message, "write `local: true` at one source, or --local ID", worklist.id
        )
    message = f"The list shows nothing: no source of its scope offers the model {worklist.model}."
    return Finding("WL214", severity, span, message, "name a source, or change scope or model", worklist.id)


def lint(
    paths: Sequence[str | Path],
    *,
    today: date,
    project: str | Path | None = None,
    no_project: bool = False,
    sources: Sequence[str] = (),
    local: str | None = None,
    cwd: str | Path | None = None,
    options: Options | None = None,
) -> Report:
    """Judge worklist files and return the report: the whole of worklint in one function.

    Args:
        paths: files or folders; relative ones are relative to ``cwd``.
        today: the date that relative dates count from.
        project: the project file; by default the nearest ``worklint.yaml`` above the paths.
        no_project: judge against ``dicom-standard`` alone, or against ``sources``.
        sources: replace the project's sources: ids, profile files, or ``PRODUCT[@RELEASE]``.
        local: the source whose side is judged.
        cwd: the folder that paths are relative to.
        options: which findings count.

    Raises:
        worklint.yaml_text.ProjectError: for an invalid project, profile or source.
        worklint.discover.DiscoverError: for a path that is not there, or where nothing was found.
    """
    from worklint.inputs import gather

    gathered = gather(
        [str(p) for p in paths], Path(cwd or "."), project=str(project) if project else None, no_project=no_project,
        sources=sources, local=local,
    )  # fmt: skip
    return run(
        gathered.texts, gathered.site, today, shared=gathered.shared, documents=gathered.documents,
        unreadable=gathered.unreadable, options=options,
    )  # fmt: skip

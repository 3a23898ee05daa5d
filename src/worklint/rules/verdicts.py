"""From verdicts to findings: the cells of one constraint that share rule and severity are one finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from worklint.judge import Judged
from worklint.judge.cause import noun
from worklint.judge.place import Place, place_fits
from worklint.judge.value import sent_values
from worklint.model import Cause, Finding, Severity, Span, Worklist

_UNKNOWN = "WL504"


def cell_findings(worklist: Worklist, judged: Mapping[str, Judged], first: int) -> tuple[Finding, ...]:
    """Return the findings of a worklist's cells, its sources in the order given.

    ``first`` is the number of the worklist's first constraint in the report.
    """
    out: list[Finding] = []
    for index, (constraint, _) in enumerate(worklist.constraints):
        groups: dict[tuple[str, Severity], list[tuple[str, Cause]]] = {}
        for source, verdicts in judged.items():
            cell = verdicts.cells[index]
            if cell.severity is not None and cell.cause.rule is not None:
                groups.setdefault((cell.cause.rule, cell.severity), []).append((source, cell.cause))
        for (rule, severity), members in groups.items():
            message, remedy = _together([cause for _, cause in members])
            out.append(
                Finding(
                    rule,
                    severity,
                    constraint.span,
                    message,
                    remedy,
                    worklist.id,
                    (first + index,),
                    constraint.name,
                    tuple(source for source, _ in members),
                )
            )
    return tuple(out)


def _together(found: Sequence[Cause]) -> tuple[str, str]:
    """One message for several sources: the first, if they all say the same up to what stands in brackets."""
    messages = list(dict.fromkeys(c.message for c in found))
    remedies = list(dict.fromkeys(c.remedy for c in found if c.remedy))
    return messages[0], remedies[0] if remedies else ""


def whole_findings(worklist: Worklist, judged: Mapping[str, Judged], place: Span) -> tuple[Finding, ...]:
    """Return the findings about a whole worklist at a source: caps, selectors, what stands in no single constraint."""
    groups: dict[tuple[str, Severity, str], tuple[Cause, list[str]]] = {}
    for source, verdicts in judged.items():
        of_cells = {cell.cause for cell in verdicts.cells}
        for one in verdicts.causes:
            if one in of_cells or one.rule is None:
                continue
            severity = _severity_of_whole(one, verdicts)
            groups.setdefault((one.rule, severity, one.message), (one, []))[1].append(source)
    return tuple(
        Finding(
            rule, severity, place, cause.message, cause.remedy, worklist.id, (), None, tuple(dict.fromkeys(sources))
        )
        for (rule, severity, _), (cause, sources) in groups.items()
    )


def _severity_of_whole(cause: Cause, verdicts: Judged) -> Severity:
    facts = dict(cause.facts)
    return facts.get("severity", "error" if verdicts.severity == "error" else "warning")  # type: ignore[return-value]


def hidden_findings(worklist: Worklist, places: Mapping[str, Place], span: Span) -> tuple[Finding, ...]:
    """Return one finding a source that hides entities: an error where the filter asks for them, else info."""
    out: list[Finding] = []
    asked = {
        (c.name, v.text.casefold())
        for c, negated in worklist.constraints
        if not negated
        for v in c.values
    }  # fmt: skip
    asked |= {(c.name, s.text.casefold()) for c, n in worklist.constraints if not n for s in sent_values(c)}
    for source, place in places.items():
        for record in place.profile.hides:
            if place_fits(record.where, place, worklist.level) is not True:
                continue
            wanted = [v for v in record.values if (record.attribute, v.casefold()) in asked]
            severity: Severity = "error" if wanted else "info"
            if wanted:
                text = (
                    f"{noun(worklist.level).capitalize()} with {record.attribute} {', '.join(wanted)} never come back"
                )
                message = f"{text}: this source hides {record.what}."
            else:
                message = f"This source never shows {record.what}."
            out.append(Finding("WL512", severity, span, message, "", worklist.id, (), record.attribute, (source,)))
    return tuple(out)


def copies_finding(
    worklist: Worklist, sources: Iterable[str], groups: Sequence[Sequence[str]], span: Span
) -> tuple[Finding, ...]:
    """Return an info where one study can come back from several sources of a group that hold copies."""
    asked = set(sources)
    for group in groups:
        several = [s for s in group if s in asked]
        if len(several) > 1 and worklist.level in ("study", "series", "image"):
            message = (
                f"The same study can come back from {', '.join(several)}, and the copies can differ: "
                "which one the list shows is up to the viewer."
            )
            return (Finding("WL517", "info", span, message, "", worklist.id, (), None, tuple(several)),)
    return ()

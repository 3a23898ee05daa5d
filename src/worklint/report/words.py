"""What the reports say in words: verdicts, signs, grades, reasons, the first sentence. Shared by all writers."""

from __future__ import annotations

from collections.abc import Iterable

from worklint.model import REASONS, SPELLING, Edit, Finding
from worklint.record import frozen
from worklint.report.types import CauseRow, CellRow, ConstraintRow, FilterRow, PlannedRow, Report, SourceRow, Summary


@frozen
class Sign:
    """The sign of a verdict: its shape, a letter where the shape cannot be shown, a word, and what it means."""

    shape: str
    letter: str
    name: str
    word: str
    meaning: str


SIGNS: tuple[Sign, ...] = (
    Sign("✓", "E", "exact", "exact", "applied as written"),
    Sign("≈", "P", "promised", "promised", "promised by the standard or assumed, not checked at this product"),
    Sign("+", "X", "extra", "extra", "rows that were not asked for can come back"),
    Sign("−", "M", "missing", "missing", "rows that belong on the list can be missing"),
    Sign("±", "B", "both", "miss + extra", "rows can be missing, and others can come back"),
    Sign("×", "R", "refused", "refused", "the source refuses the whole query"),
    Sign("?", "U", "unknown", "unknown", "nobody has evidence of what this source does"),
)
"""The signs, in the order of a legend."""

_BY_SHAPE = {s.shape: s for s in SIGNS}
_BY_VERDICT = {
    "exact": "✓", "superset": "+", "subset": "−", "mixed": "±", "rejected": "×", "unknown": "?",
}  # fmt: skip

MARK = "unreliable: this constraint does not do here what the list asks for"
NOT_JUDGED = "not judged"
NOT_JUDGED_MEANING = "the list does not ask this source, or part of it could not be read"


@frozen
class GradeWords:
    """A grade of evidence: its letter and what it rests on."""

    grade: str
    letter: str
    words: str


GRADES: tuple[GradeWords, ...] = (
    GradeWords("measured", "M", "measured: somebody tried it"),
    GradeWords("code", "C", "read in the program text of the product"),
    GradeWords("statement", "S", "conformance statement, or what the site says of its own source"),
    GradeWords("documented", "D", "manual or knowledge base of the vendor"),
    GradeWords("standard", "N", "norm: the DICOM standard demands it; not checked at this product"),
    GradeWords("issue", "I", "somebody's report of a problem"),
    GradeWords("assumed", "A", "assumed: nothing is written about it"),
)
"""The grades, best first."""

_BY_GRADE = {g.grade: g for g in GRADES}

REASON_WORDS = {
    "empty": "entries without a value count as a match",
    "absent": "entries without the attribute count as a match",
    "case": "upper and lower case are compared otherwise",
    "accent": "accents are compared otherwise",
    "padding": "blanks at the end are compared otherwise",
    "group": "the groups of a person's name are compared otherwise",
    "prefix": "the value is taken as a beginning",
    "substring": "the value is looked for anywhere in the text",
    "word": "single words are compared",
    "text-order": "values are ordered as text",
    "text-number": "numbers are compared as text",
    "wildcard-literal": "* and ? are taken literally",
    "list-any": "any value of the list is enough",
    "list-all": "all values of the list are demanded",
    "list-literal": "the list is taken as one text",
    "value-format": "the spelling of the value decides",
    "range-literal": "the range is taken as one text",
    "empty-literal": "the two quotation marks of an empty value are taken literally",
    "interval": "date and time are taken as one interval, or as two",
    "one-instance": "only one image of the study is looked at",
    "one-series": "several conditions must hold in one series",
    "one-value": "only one of several stored values is looked at",
    "joined": "several stored values are compared as one text",
    "other-attribute": "another attribute is compared",
    "charset": "characters are lost on the way",
    "age": "it depends on when the data was stored",
    "not-kept": "the source does not keep the value",
    "behind": "the value shown can be an earlier one",
    "wrong": "the value shown can be a wrong one",
    "hidden": "the source hides entries",
    "cap": "the answer is cut off after a number of rows",
    "not-sent": "the test is not sent to the source",
    "ignored": "the source ignores the key",
    "other": "other ways of matching",
}
"""Each reason of the closed list as a clause."""

SEVERITY_WORDS = {"error": "error", "warning": "warning", "info": "info"}

ROLES = {"hub": "Hub", "spoke": "Spokes", "standalone": "Other sources"}

_NOUNS = {
    "study": ("study", "studies"),
    "series": ("series", "series"),
    "image": ("image", "images"),
    "patient": ("patient", "patients"),
}
_MODEL_NOUNS = {
    "modality-worklist": ("scheduled step", "scheduled steps"),
    "unified-procedure-step": ("workitem", "workitems"),
}


def noun(model: str, level: str) -> str:
    """Return the plural of what a worklist lists: studies, series, scheduled steps, entries."""
    return (_MODEL_NOUNS.get(model) or _NOUNS.get(level) or ("entry", "entries"))[1]


def common_noun(report: Report) -> str:
    """Return what most worklists of the report list, or ``entries`` where no kind is in the majority."""
    found = [noun(w.model, w.level) for w in report.worklists]
    most = max(found, key=found.count, default="entries")
    return most if found.count(most) * 2 > len(found) else "entries"


def sign(row: CellRow | FilterRow) -> Sign:
    """Return the sign of a cell: the one that the report gives, else that of the verdict."""
    verdict = row.verdict if isinstance(row, CellRow) else row.as_written
    return _BY_SHAPE.get(row.sign) or _BY_SHAPE[_BY_VERDICT[verdict]]


def shown(constraint: ConstraintRow) -> str:
    """Return a constraint as people read it: its text is the positive test, so a negated one says ``not``."""
    return f"not {constraint.text}" if constraint.negated else constraint.text


def grade_letter(grade: str) -> str:
    """Return the letter of a grade; empty where there is none."""
    found = _BY_GRADE.get(grade)
    return found.letter if found else ""


def grade_words(grade: str) -> str:
    """Return a grade spelled out."""
    found = _BY_GRADE.get(grade)
    return found.words if found else grade


def reasons(found: Iterable[str]) -> list[str]:
    """Return reasons in the order of the closed list; unknown ones last, by name."""
    order = {r: i for i, r in enumerate(REASONS)}
    return sorted(found, key=lambda r: (order.get(r, len(order)), r))


def misses(row: CellRow | FilterRow) -> bool:
    """Whether rows are known to be possibly missing: a miss, or a refusal of the whole query.

    Both flags are set where nothing is known; there the severity tells whether a known miss is part of it.
    """
    return row.rejected or (row.may_miss and (row.known or row.severity == "error"))


def adds(row: CellRow | FilterRow) -> bool:
    """Whether rows of another kind are known to be possibly added (not only spelled otherwise), and none missing."""
    return not misses(row) and row.known and row.may_add and not SPELLING.issuperset(row.add_reasons)


def verdict_template(row: CellRow | FilterRow) -> str:
    """Return a verdict as a sentence for somebody who has never heard of matching.

    In it stand ``{source}``, and ``{what}`` or ``{What}`` for the plural of what is listed.
    """
    name = sign(row).name
    if name == "exact":
        return "{source} shows exactly the {what} that are asked for."
    if name == "promised":
        if row.may_add:
            return (
                "{source} should show the {what} that are asked for, and perhaps some whose value is empty or "
                "spelled otherwise; nobody has checked it there."
            )
        return "{source} should show exactly the {what} that are asked for; nobody has checked it there."
    if name == "extra":
        if row.add_reasons and SPELLING.issuperset(row.add_reasons):
            return "{source} also shows {what} whose value is empty or spelled otherwise; none is missing."
        return "{source} also shows {what} that were not asked for; none is missing."
    if name == "missing":
        return "{What} that belong on the list can be missing at {source}, without any notice."
    if name == "both":
        return "{What} that belong on the list can be missing at {source}, and others can appear."
    if name == "refused":
        return "{source} refuses the query: the list gets nothing from there."
    sentence = "Nobody has evidence of what {source} does with this"
    if misses(row):
        return sentence + "; what is known is that {what} can be missing."
    return sentence + ": {what} may be missing, and others may appear."


def verdict_sentence(row: CellRow | FilterRow, source: str, what: str = "studies") -> str:
    """Return a verdict as a sentence about ``source`` (the name to print) and ``what`` (a plural)."""
    template = verdict_template(row)
    # In one pass: the name of a source may hold braces.
    return template.format_map({"source": source, "what": what, "What": what.capitalize()})


def planned_sign(row: PlannedRow) -> Sign:
    """Return the sign of what is left as planned."""
    return _BY_SHAPE.get(row.sign) or _BY_SHAPE[_BY_VERDICT[row.verdict]]


def changed(row: CellRow | FilterRow) -> bool:
    """Whether a plan was made that gives something of another kind than what is got as written."""
    planned = row.planned
    return planned is not None and (sign(row), row.mark) != (planned_sign(planned), planned.mark)


def planned_word(row: PlannedRow) -> str:
    """Return what is left as planned, in two or three words."""
    if row.verdict == "superset" and not row.mark:
        return "exact but for empty values" if set(row.add_reasons) <= {"empty", "absent"} else "exact but for spelling"
    if row.verdict == "exact" and planned_sign(row).name == "promised":
        return "promised"
    return {
        "exact": "exact", "superset": "still extra", "subset": "can still miss", "mixed": "can still miss",
        "rejected": "still refused", "unknown": "still unknown",
    }[row.verdict]  # fmt: skip


def planned_sentence(row: PlannedRow) -> str:
    """Return what a careful client gets, as a sentence with the places of ``verdict_template``."""
    if row.verdict == "exact":
        return "A client that sends the plan gets exactly the {what} that are asked for."
    if row.verdict == "superset" and not row.mark:
        return (
            "A client that sends the plan gets the {what} that are asked for, and perhaps some that show no value or "
            "are spelled otherwise; none is missing."
        )
    if row.verdict == "superset":
        return "A client that sends the plan misses nothing, but {what} that were not asked for stay on the list."
    if row.verdict == "rejected":
        return "{source} answers no query for this list, however it is asked."
    if row.verdict == "unknown":
        return "Nobody knows what a client that sends the plan would get from {source}."
    return "{What} can be missing at {source} even when the plan is sent."


def why_it_stays(cause: CauseRow) -> str:
    """Return the reason alone of what nothing can repair, without what is seen of it."""
    return dict(cause.facts).get("why", "") or cause.message.rstrip(".")


def planned_line(report: Report) -> str:
    """Return in one sentence what plans make of the unreliable pairs; empty where none were made or none is needed."""
    found = report.summary.planned
    if found is None or not found.unreliable:
        return ""
    pairs = count(found.unreliable, "unreliable pair")
    verb = "becomes" if found.exact == 1 else "become"
    text = f"Sent as planned, {found.exact:,} of {pairs} of list and source {verb} exact"
    more = []
    if found.spelling:
        more.append(f"{found.spelling:,} more but for spelling and rows without a value")
    if found.extra:
        more.append(f"{found.extra:,} miss{'es' if found.extra == 1 else ''} nothing but keep extra rows")
    if found.missing:
        more.append(f"{found.missing:,} can still miss rows, or nobody knows")
    return f"{'; '.join([text, *more])}."


def planned_outcomes(report: Report) -> dict[tuple[int | str, str], PlannedRow]:
    """Return what is left as planned of what is unreliable as written, by constraint or worklist, and source."""
    out: dict[tuple[int | str, str], PlannedRow] = {}
    for cell in report.cells:
        if cell.planned is not None and cell.mark:
            out[cell.constraint, cell.source] = cell.planned
    for row in report.filters:
        if row.planned is not None and row.mark:
            out[row.worklist, row.source] = row.planned
    return out


def planned_outcome_lines(
    report: Report, outcomes: Iterable[tuple[str, PlannedRow]], of_list: bool = False
) -> list[str]:
    """Return a line for each thing that is left as planned, with its sources and its first reason.

    ``of_list``: the outcomes are those of whole lists, whose reasons lie in their constraints.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for source, row in outcomes:
        why = why_it_stays(report.causes[row.causes[0]]) if row.causes and row.mark else ""
        if of_list and row.mark:
            why = (
                "nothing is missing, and the conditions of the list tell why rows stay"
                if row.verdict == "superset"
                else why
            )
        sources = groups.setdefault((planned_word(row), why), [])
        if source not in sources:
            sources.append(source)
    one = len(groups) == 1
    return [
        f"{word}{'' if one else ' at ' + ', '.join(sources)}{': ' + why if why else ''}"
        for (word, why), sources in groups.items()
    ]


def source_name(source: SourceRow) -> str:
    """Return the name of a source for a reader."""
    return source.title or source.id


def release(source: SourceRow) -> str:
    """Return ``product@release`` of a source, or the name of its own profile."""
    if source.product:
        return f"{source.product}@{source.release}" if source.release else source.product
    return source.profile or ""


def listed(names: Iterable[str]) -> str:
    """Return names as a list in English."""
    found = list(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else ""


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


@frozen
class Counts:
    """Worklists by what can happen at some source (one list may be in several), and where lists can miss."""

    missing: frozenset[str]
    extra: frozenset[str]
    unknown: frozenset[str]
    missing_at: tuple[str, ...]


def counts(report: Report) -> Counts:
    """Return which worklists can miss rows, get extra rows, or are unknown at some source."""
    missing: set[str] = set()
    extra: set[str] = set()
    unknown: set[str] = set()
    at: set[str] = set()
    for row in report.filters:
        if misses(row):
            missing.add(row.worklist)
            at.add(row.source)
        elif adds(row):
            extra.add(row.worklist)
        if not row.known:
            unknown.add(row.worklist)
    return Counts(
        frozenset(missing), frozenset(extra), frozenset(unknown), tuple(s.id for s in report.sources if s.id in at)
    )


def headline(report: Report) -> str:
    """Return the one sentence that says how many lists are in trouble and what follows from it."""
    total = len(report.worklists)
    if not report.filters:
        return "No worklist was judged." if total else "There is no worklist to judge."
    found, what = counts(report), common_noun(report)
    names = {s.id: source_name(s) for s in report.sources}
    lists = count(total, "worklist")
    parts = []
    if found.missing:
        at = [names[s] for s in found.missing_at]
        where = f" at {listed(at)}" if len(at) <= 3 else f", most often at {listed(_worst(report, names))}"
        parts.append(f"{len(found.missing):,} of {lists} can miss {what}{where}")
    elif found.unknown:
        parts.append(f"None of {lists} is known to miss {what}")
    else:
        parts.append(f"None of {lists} can miss {what} at {'the source' if len(names) == 1 else 'any source'}")
    more = []
    if found.extra:
        verb = "shows" if len(found.extra) == 1 else "show"
        more.append(f"{len(found.extra):,} {verb} {what} that were not asked for")
    if found.unknown:
        more.append(f"for {len(found.unknown):,} part of the answer is unknown")
    unread = sum(1 for w in report.worklists if not w.complete)
    if unread:
        more.append(f"{unread:,} could not be read completely")
    return "; ".join(parts + more) + "."


def _worst(report: Report, names: dict[str, str]) -> list[str]:
    """Return the names of the two sources at which most lists can miss rows, in the order of the sources."""
    lists: dict[str, int] = {}
    for row in report.filters:
        if misses(row):
            lists[row.source] = lists.get(row.source, 0) + 1
    first = sorted(lists, key=lambda s: -lists[s])[:2]
    return [names[s] for s in names if s in first]


FIXABLE = "[*]"
"""Marks a finding that the edits asked for can answer."""
_MEANING = {"narrower": "narrows the list", "wider": "widens the list", "other": "changes the meaning"}


def fixable_mark(finding: Finding, unsafe: bool) -> str:
    """Return the mark of a finding: those that keep the meaning answer it, or with ``unsafe`` any edits."""
    return f" {FIXABLE}" if any(e.safe or unsafe for e in finding.edits) else ""


def meaning_words(edit: Edit) -> str:
    """Return what becomes of the meaning with an edit."""
    return "keeps the meaning" if edit.safe else _MEANING.get(edit.meaning, _MEANING["other"])


def fixable_words(s: Summary) -> str:
    """Return how many findings edits can answer; empty for none."""
    at_least = "at least " if s.fixable_open else ""
    unsafe = f"{at_least}{s.fixable_unsafe:,}" if s.fixable_unsafe else "perhaps some" if s.fixable_open else ""
    if not s.fixable:
        return f"{unsafe} fixable with --fix --unsafe-fixes" if unsafe else ""
    return f"{s.fixable:,} fixable with --fix" + (f" ({unsafe} more with --unsafe-fixes)" if unsafe else "")


def summary_line(report: Report) -> str:
    """Return the counts of a run in one line; it always says how many cells are unknown."""
    s = report.summary
    parts = [
        f"{count(s.errors, 'error')}, {count(s.warnings, 'warning')}, {count(s.infos, 'info')}",
        f"{count(s.worklists, 'worklist')}, {s.can_miss:,} can miss rows",
        f"{s.unknown:,} of {count(s.cells or len(report.cells), 'cell')} unknown",
    ]
    if s.suppressed:
        parts.append(f"{s.suppressed:,} suppressed")
    if s.baselined:
        parts.append(f"{s.baselined:,} in the baseline")
    if fixable_words(s):
        parts.append(fixable_words(s))
    return "; ".join(parts)


def origin_line(report: Report) -> str:
    """Return what the verdicts rest on: the versions of program and database, the viewer, the date."""
    parts = [f"worklint {report.version}", f"database {report.database}"]
    if report.project.viewer:
        parts.append(f"viewer {report.project.viewer}")
    parts.append(report.project.date)
    return ", ".join(parts)


def tag(text: str | None) -> str:
    """Return a tag of eight digits as ``(gggg,eeee)``; empty for none."""
    return f"({text[:4]},{text[4:]})" if text else ""

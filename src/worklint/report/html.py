"""The matrix as one HTML file for somebody who has never heard of worklint: no network, readable without script.

Static are the first sentence, the counts, the matrix of worklists, the findings, and the reasons with their evidence.
The script adds filters, the rows of constraints and the details of a cell; it takes the reasons from the static part,
so that nothing stands in the file twice.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from string import Template
from typing import Any, TextIO

from worklint.knowledge.data import path
from worklint.model import SEVERITIES, Evidence
from worklint.report import across
from worklint.report.change import Change, change_of
from worklint.report.terminal import clean
from worklint.report.types import (
    CauseRow,
    CellRow,
    ConstraintRow,
    FilterRow,
    FindingRow,
    Report,
    SourceRow,
    WorklistRow,
)
from worklint.report.words import (
    GRADES,
    MARK,
    NOT_JUDGED,
    NOT_JUDGED_MEANING,
    REASON_WORDS,
    ROLES,
    SIGNS,
    Counts,
    changed,
    count,
    counts,
    grade_letter,
    grade_words,
    headline,
    noun,
    origin_line,
    planned_sentence,
    planned_sign,
    planned_word,
    reasons,
    release,
    shown,
    sign,
    source_name,
    summary_line,
    tag,
    verdict_template,
)
from worklint.text import Text

STATIC_ROWS = 300
"""Worklists that are in the page itself; the script draws further ones when they are asked for."""
STATIC_FINDINGS = 2000
_TOGGLE = (
    '<span class="toggle" role="group" aria-label="Which verdicts">'
    '<button type="button" data-view="written" aria-pressed="true">As written</button>'
    '<button type="button" data-view="planned" aria-pressed="false">As planned</button></span>'
)

_URL = re.compile(r"https?://[^\s<>\"'\\^`{|}]+[^\s<>\"'\\^`{|}.,;:!?)\]]", re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]")


def write(report: Report, out: TextIO, *, texts: Mapping[str, Text] | None = None, **_: object) -> None:
    """Write the page.

    ``texts`` maps a file, as findings name it, to its text; without it an edit is shown without what was before.
    """
    for piece in pieces(report, texts or {}):
        out.write(_SURROGATES.sub("\ufffd", piece))


def pieces(report: Report, texts: Mapping[str, Text]) -> Iterator[str]:
    """Yield the page in pieces."""
    style, script = _template("page.css"), _template("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _Page(report)
    slots: dict[str, Iterable[str]] = {
        "policy": [policy],
        "style": [style],
        "script": [script],
        "title": [_e(headline(report)), " – worklint"],
        "headline": [_e(headline(report))],
        "lead": [_lead(report)],
        "facts": _facts(report),
        "counts": _counts(page.counts, len(report.worklists)),
        "planned": _planned(report),
        "legend": page.legend(),
        "matrix": page.matrix(),
        "across": _across(report),
        "findings": _findings(report, texts),
        "causes_summary": [count(len(report.causes), "reason"), ", with evidence"],
        "causes": map(_cause, report.causes),
        "footer": [_e(summary_line(report)), ". ", _e(origin_line(report)), "."],
        "data": page.data(),
    }
    for text, slot in _parts(_template("page.html")):
        yield text
        if slot:
            yield from slots[slot]


def _template(name: str) -> str:
    return path(f"reports/templates/{name}").read_text(encoding="utf-8")


def _parts(template: str) -> Iterator[tuple[str, str]]:
    """Yield the text of a template up to each of its slots, and the name of the slot."""
    end = 0
    for found in Template.pattern.finditer(template):
        yield template[end : found.start()], found["named"] or ""
        end = found.end()
    yield template[end:], ""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _e(text: str) -> str:
    return escape(clean(text))


def _svg(name: str, cls: str = "sign") -> str:
    return f'<svg class="{cls}" aria-hidden="true"><use href="#{name}"/></svg>'


def _lead(report: Report) -> str:
    if not report.filters:
        return ""
    return (
        "A worklist puts the same question to several archives, and not every archive understands every part of it. "
        "This report tells for each list and each archive whether its answer can be relied on, why not, and what to "
        "do about it."
    )


def _facts(report: Report) -> Iterator[str]:
    project = report.project
    for name, value in (
        ("Enterprise", project.enterprise),
        ("Project", project.file),
        ("Viewer", project.viewer),
        ("Seen from", project.local),
        ("Compatibility database", report.database),
        ("Date", project.date),
    ):
        if value:
            yield f"<div><dt>{name}</dt><dd>{_e(value)}</dd></div>"


def _counts(found: Counts, total: int) -> Iterator[str]:
    for name, title, why, lists in (
        ("missing", "can miss rows", "Something that belongs on the list may not be shown.", found.missing),
        ("extra", "show extra rows", "The list holds more than was asked for.", found.extra),
        ("unknown", "are unknown in part", "Nobody has evidence for part of the answer.", found.unknown),
    ):
        zero = "" if lists else " zero"
        yield (
            f'<button type="button" class="count {name}{zero}" data-show="{name}" aria-pressed="false">'
            f'<b>{len(lists):,}</b><span><span class="name">of {count(total, "worklist")} {title}</span>'
            f'<span class="why">{why}</span></span></button>\n'
        )


def _planned(report: Report) -> Iterator[str]:
    """Yield what plans make of the unreliable pairs, as a bar and a sentence."""
    found = report.summary.planned
    if found is None or not found.unreliable:
        return
    parts = (
        ("exact", found.exact, "exact"),
        ("spelling", found.spelling, "exact but for spelling and rows without a value"),
        ("extra", found.extra, "nothing missing, but extra rows stay"),
        ("missing", found.missing, "can still miss rows, or nobody knows"),
    )
    shown = [p for p in parts if p[1]]
    yield '<div class="repair"><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
    at = 0.0
    for name, number, _ in shown:
        width = 100 * number / found.unreliable
        gap = 0.3 if at + width < 99.9 else 0.0
        yield f'<rect class="{name}" x="{at:.2f}" y="0" width="{width - gap:.2f}" height="6"/>'
        at += width
    pairs = count(found.unreliable, "unreliable pair")
    yield f"</svg><p>What becomes of the {pairs} of list and source when the lists are sent as planned</p><ul>"
    for name, number, words in shown:
        yield f'<li class="{name}"><b>{number:,}</b> {words}</li>'
    yield "</ul></div>\n"


class _Page:
    """The matrix, static and as data for the script; both number sources, worklists and verdicts alike."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.planned = any(f.planned is not None for f in report.filters)
        self.counts = counts(report)
        roles = list(dict.fromkeys(s.role for s in report.sources))
        self.sources = [s for role in roles for s in report.sources if s.role == role]
        self.filters: dict[str, dict[str, FilterRow]] = {}
        for row in report.filters:
            self.filters.setdefault(row.worklist, {})[row.source] = row
        self.nested = {c.worklist for c in report.constraints}
        file_order = {w.id: i for i, w in enumerate(report.worklists)}
        self.lists = sorted(report.worklists, key=lambda w: (self._rank(w), file_order[w.id]))
        self.file_order = file_order

    def _rank(self, worklist: WorklistRow) -> int:
        """Return the place of a worklist where those that can miss come first."""
        found = self.counts
        sets = (found.missing, found.unknown, found.extra)
        return next((i for i, s in enumerate(sets) if worklist.id in s), len(sets) - worklist.complete)

    def legend(self) -> Iterator[str]:
        rows: list[CellRow | FilterRow] = [*self.report.filters, *self.report.cells]
        if not rows:
            return
        found, letters = {sign(r).name for r in rows}, {grade_letter(r.grade) for r in rows}
        if any(r.mark == "!" for r in rows):
            yield f"<span>{_svg('bang', 'bang')}<span><b>unreliable</b> {_e(MARK.partition(': ')[2])}</span></span>"
        for s in SIGNS:
            if s.name in found:
                yield f"<span>{_svg('s-' + s.name)}<span><b>{_e(s.word)}</b> {_e(s.meaning)}</span></span>"
        if any(changed(r) for r in rows):
            yield f"<span>{_svg('arrow', 'arrow')}<span><b>as planned</b> what is left when the plan is sent</span>"
            yield "</span>"
        if any(s.id not in self.filters.get(w.id, {}) for w in self.lists for s in self.sources):
            yield f"<span>{_svg('s-none')}<span><b>{NOT_JUDGED}</b> {NOT_JUDGED_MEANING}</span></span>"
        grades = "; ".join(f"<b>{g.letter}</b> {_e(g.words)}" for g in GRADES if g.letter in letters)
        if grades:
            yield f'<span class="grades">Letters tell what a verdict rests on: {grades}.</span>'

    def matrix(self) -> Iterator[str]:
        if not self.lists:
            yield "<p>There is no worklist.</p>"
            return
        yield (
            '<div class="controls"><label>Find <input type="search" id="find" placeholder="name, file or condition">'
            '</label><label>Order <select id="order"><option value="worst">can miss first</option>'
            '<option value="file">as in the files</option></select></label>'
            '<button type="button" class="quiet" id="all" aria-pressed="false">Show all conditions</button>'
            f"{_TOGGLE if self.planned else ''}"
            '<span class="shown" id="shown"></span></div>\n'
        )
        yield '<div class="scroll"><table id="matrix"><caption>One row a worklist, one column a source. '
        yield "Open a cell for the reason, the evidence and the remedy.</caption>\n"
        yield from self._head()
        yield "<tbody>\n"
        for number, worklist in enumerate(self.lists[:STATIC_ROWS]):
            yield self._row(number, worklist)
        yield "</tbody></table></div>\n"
        if len(self.lists) > STATIC_ROWS:
            yield f'<p><button type="button" class="quiet more" id="more">The first {STATIC_ROWS:,} of '
            yield f"{len(self.lists):,} worklists are shown; show more</button></p>\n"

    def _head(self) -> Iterator[str]:
        roles = dict.fromkeys(s.role for s in self.sources)
        groups = [(role, [s for s in self.sources if s.role == role]) for role in roles]
        yield "<colgroup></colgroup>" + "".join(f'<colgroup span="{len(g)}"></colgroup>' for _, g in groups)
        yield '<thead><tr class="roles"><th class="corner" rowspan="2" scope="col">Worklist</th>'
        for role, group in groups:
            name = ROLES.get(role, role) if len(groups) > 1 else "Sources"
            if role == "spoke" and len(group) == 1:
                name = name.removesuffix("s")
            yield f'<th scope="colgroup" class="edge" colspan="{len(group)}">{_e(name)}</th>'
        yield "</tr><tr>"
        for _, group in groups:
            for i, s in enumerate(group):
                edge = ' class="edge"' if i == 0 else ""
                here = '<span class="here">this site</span>' if s.local else ""
                yield f'<th scope="col"{edge}>{_e(source_name(s))}{here}<small>{_e(_about(s))}</small></th>'
        yield "</tr></thead>\n"

    def _row(self, number: int, w: WorklistRow) -> str:
        """Return the row of a worklist; the script makes the same for those beyond the static ones."""
        badge = "" if w.complete else ' <span class="badge">not read completely</span>'
        name = f"<span>{_e(w.name)}{badge}</span>"
        if w.id in self.nested:
            name = f'<button type="button" class="expand" aria-expanded="false">{_svg("chevron", "")}{name}</button>'
        else:
            name = f'<span class="name-only"><span class="noexpand"></span>{name}</span>'
        more = f'<span class="place"><span class="clamp">{_e(w.description)}</span></span>' if w.description else ""
        place = f'<span class="place">{_e(w.file)}:{w.line}</span>'
        cells = self.filters.get(w.id, {})
        edges = self._edges()
        body = "".join(self._cell(cells.get(s.id), i in edges) for i, s in enumerate(self.sources))
        return f'<tr data-list="{number}"><th scope="row">{name}{more}{place}</th>{body}</tr>\n'

    def _edges(self) -> set[int]:
        return {i for i, s in enumerate(self.sources) if i == 0 or s.role != self.sources[i - 1].role}

    def _cell(self, row: FilterRow | None, edge: bool) -> str:
        side = " edge" if edge else ""
        if row is None:
            return (
                f'<td class="k-none{side}"><button type="button" class="cell"><span class="slot"></span>'
                f'{_svg("s-none")}<span class="word">{NOT_JUDGED}</span></button></td>'
            )
        s, letter = sign(row), grade_letter(row.grade)
        bang = _svg("bang", "bang") + '<span class="vh">unreliable: </span>' if row.mark == "!" else ""
        marked = " marked" if row.mark else ""
        grade = f'<span class="vh">, evidence </span><span class="grade">{letter}</span>' if letter else ""
        plan = ""
        if row.planned is not None and changed(row):
            name = planned_sign(row.planned).name if row.planned.mark or row.planned.verdict == "exact" else "promised"
            plan = (
                f'<span class="plan p-{name}">{_svg("arrow", "arrow")}<span class="vh">, as planned </span>'
                f"{_e(planned_word(row.planned))}</span>"
            )
        return (
            f'<td class="k-{s.name}{marked}{side}"><button type="button" class="cell"><span class="slot">{bang}</span>'
            f'{_svg("s-" + s.name)}<span class="word">{_e(s.word)}{plan}</span>{grade}</button></td>'
        )

    def data(self) -> Iterator[str]:
        """Yield the data for the script as JSON: verdicts and rows that are equal stand in it once."""
        report = self.report
        place = {s.id: i for i, s in enumerate(self.sources)}
        strings, verdicts, rows = _Table(), _Table(), _Table()
        cells: dict[int, list[int]] = {}
        for c in report.cells:
            row = cells.setdefault(c.constraint, [-1] * len(self.sources))
            row[place[c.source]] = verdicts.number(self._verdict(c, (c.cause,), c.trace, strings))
        nothing = (-1,) * len(self.sources)
        inside: dict[str, list[tuple[Any, ...]]] = {}
        for k in report.constraints:
            at = rows.number(tuple(cells.get(k.id, nothing)))
            inside.setdefault(k.worklist, []).append((clean(shown(k)), k.key, _place(k), _asked(k), at))
        lists = []
        edits = self._edits(place)
        for w in self.lists:
            of = self.filters.get(w.id, {})
            row = [-1] * len(self.sources)
            for source, f in of.items():
                row[place[source]] = verdicts.number(self._verdict(f, f.causes, (), strings))
            found = self.counts
            lists.append(
                {
                    "id": w.id, "name": clean(w.name), "file": clean(w.file), "line": w.line,
                    "order": self.file_order[w.id], "about": clean(w.description or ""),
                    "whole": w.complete, "what": noun(w.model, w.level),
                    "missing": w.id in found.missing, "extra": w.id in found.extra, "unknown": w.id in found.unknown,
                    "row": rows.number(tuple(row)), "parts": inside.get(w.id, []), "edits": edits.get(w.id, []),
                }
            )  # fmt: skip
        sources = [{"id": s.id, "name": clean(source_name(s)), "about": clean(_about(s))} for s in self.sources]
        yield f'{{\n"sources": {_json(sources)},\n'
        yield f'"edges": {_json(sorted(self._edges()))},\n'
        yield f'"strings": {_json(strings.found)},\n'
        yield f'"verdicts": {_json(verdicts.found)},\n'
        yield f'"rows": {_json(rows.found)},\n'
        yield '"lists": ['
        for i, item in enumerate(lists):
            yield (",\n" if i else "\n") + _json(item)
        yield "\n],\n"
        yield f'"reasons": {_json(REASON_WORDS)},\n'
        yield f'"grades": {_json({g.grade: [g.letter, g.words] for g in GRADES})},\n'
        yield f'"words": {_json({s.name: s.word for s in SIGNS} | {"none": NOT_JUDGED})},\n'
        yield f'"notJudged": {_json(NOT_JUDGED_MEANING)},\n"pageSize": {STATIC_ROWS}\n}}'

    def _edits(self, place: Mapping[str, int]) -> dict[str, list[tuple[Any, ...]]]:
        """Return for each list the findings that carry an edit: number, constraints inside the list, sources."""
        first: dict[str, int] = {}
        for c in self.report.constraints:
            first.setdefault(c.worklist, c.id)
        out: dict[str, list[tuple[Any, ...]]] = {}
        for number, row in enumerate(_sorted(self.report.findings)):
            found = row.finding
            if found.edits and found.worklist is not None and _live(row):
                inside = [i - first.get(found.worklist, 0) for i in found.constraints]
                at = [place[s] for s in found.sources if s in place]
                out.setdefault(found.worklist, []).append((number, inside, at))
        return out

    def _verdict(
        self, row: CellRow | FilterRow, causes: tuple[int, ...], trace: tuple[str, ...], strings: _Table
    ) -> tuple[Any, ...]:
        """Return kind, mark, grade, sentence, reasons for extra and missing rows, causes, trace, and what is planned.

        The latter: kind, mark, word, sentence, reasons for extra and missing rows, causes, what the plan does, and
        whether that is something else than as written; nothing where no plan was made.
        """
        plan: tuple[Any, ...] = ()
        if row.planned is not None:
            left = row.planned
            name = planned_sign(left).name
            plan = (
                name if left.mark or left.verdict == "exact" else "promised", left.mark, planned_word(left),
                strings.number(planned_sentence(left)), tuple(reasons(left.add_reasons)),
                tuple(reasons(left.miss_reasons)), left.causes, strings.number(left.by), int(changed(row)),
            )  # fmt: skip
        return (
            sign(row).name, row.mark, row.grade, strings.number(verdict_template(row)),
            tuple(reasons(row.add_reasons)), tuple(reasons(row.miss_reasons)), causes,
            tuple(strings.number(clean(t)) for t in trace), plan,
        )  # fmt: skip


class _Table:
    """Values, each once, and the number of each."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    @property
    def found(self) -> list[Any]:
        return list(self.numbers)

    def number(self, value: Any) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


def _json(value: Any) -> str:
    """Return JSON that cannot end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _about(source: SourceRow) -> str:
    transport = {"dimse": "DICOM", "dicomweb": "DICOMweb"}.get(source.transport, source.transport)
    return ", ".join(x for x in (release(source), transport) if x)


def _place(row: ConstraintRow) -> str:
    """Return what a constraint compares, and where it stands."""
    used = f"filter {row.filter}" if row.filter else ""
    return clean(" · ".join(x for x in (row.attribute or row.label, tag(row.tag), f"{row.file}:{row.line}", used) if x))


def _asked(row: ConstraintRow) -> str:
    """Return the level of a constraint and the kind of matching that it asks for."""
    kind = f"{row.matching} matching" if row.matching != "none" else "no attribute behind the label"
    level = f"{row.attribute_level} attribute, " if row.attribute_level else ""
    return f"{level}asked at {row.level} level; {kind}{', negated' if row.negated else ''}"


def _cause(cause: CauseRow) -> str:
    rule = f'<dt>Rule</dt><dd class="rule">{_e(cause.rule)}</dd>' if cause.rule else ""
    remedy = f'<dt>What to do</dt><dd class="remedy">{_e(cause.remedy)}</dd>' if cause.remedy else ""
    evidence = "".join(_evidence(e) for e in cause.evidence)
    evidence = f'<dt>Evidence</dt><dd class="evidence"><ul>{evidence}</ul></dd>' if evidence else ""
    return (
        f'<article class="cause" id="cause-{cause.id}"><p class="said">{_e(cause.message)}</p>'
        f"<dl>{remedy}{evidence}{rule}</dl></article>\n"
    )


def _evidence(evidence: Evidence) -> str:
    dated = f" ({_e(evidence.date)})" if evidence.date else ""
    grade = f"<b>{grade_letter(evidence.grade)}</b> {_e(grade_words(evidence.grade))}"
    return f"<li>{grade}: {_linked(evidence.citation)}{dated}</li>"


def _linked(text: str) -> str:
    """Return text in which addresses of the web, and no others, are links."""
    text, pieces, end = clean(text), [], 0
    for found in _URL.finditer(text):
        url = escape(found[0])
        link = f'<a href="{url}" rel="noopener noreferrer" target="_blank">{url}</a>'
        pieces += [escape(text[end : found.start()]), link]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])


_HEADINGS = {
    "in common": "In common", "lost": "Lost", "one query": "One definition", "own query": "Own queries",
    "twice": "Twice",
}  # fmt: skip


def _across(report: Report) -> Iterator[str]:
    """Yield each worklist over all its sources: what they have in common, what is lost, who is asked apart, copies."""
    if not report.enterprise:
        return
    names = {s.id: source_name(s) for s in report.sources}
    lists = {w.id: w.name for w in report.worklists}
    total = {w: sum(1 for c in report.constraints if c.worklist == w) for w in lists}
    yield f'<section class="across" aria-labelledby="across-title"><h2 id="across-title">{across.TITLE}</h2>'
    yield f'<p class="lead">{across.LEAD}</p><p class="sum">{_e(across.headline(report))}</p>\n'
    for row in report.enterprise:
        exact, _, planned = row.cores
        kept = f"{len(exact.constraints)} of {count(total[row.worklist], 'condition')} exact everywhere"
        if len(planned.constraints) > len(exact.constraints):
            kept += f", {len(planned.constraints)} as planned"
        apart = sum(1 for g in row.groups if not g.as_it_stands)
        asked = count(apart, "group") + " asked apart" if apart else "one definition serves all"
        yield f'<details class="list"><summary><b>{_e(lists[row.worklist])}</b><span>{kept}; {asked}</span></summary>'
        yield "<dl>"
        last = ""
        for one in across.said(report, row, names):
            heading = _HEADINGS.get(one.label, "")
            if heading and heading != last:
                yield f"{'</dd>' if last else ''}<dt>{heading}</dt><dd>"
                last = heading
            # Names of sources stay as they are written.
            named = one.text.startswith(tuple(names.values()))
            yield f"<p>{_e(one.text if named else one.text[:1].upper() + one.text[1:])}</p>"
            yield "".join(f'<code class="block">{_e(text)}</code>' for text in one.code)
        yield f"{'</dd>' if last else ''}</dl></details>\n"
    yield "</section>\n"


def _sorted(rows: Iterable[FindingRow]) -> list[FindingRow]:
    order = {s: i for i, s in enumerate(SEVERITIES)}
    return sorted(rows, key=lambda f: order[f.finding.severity])


def _live(row: FindingRow) -> bool:
    return row.finding.suppressed is None and not row.finding.baselined


def _findings(report: Report, texts: Mapping[str, Text]) -> Iterator[str]:
    names = {w.id: w.name for w in report.worklists}
    numbered = list(enumerate(_sorted(report.findings)))
    shown = [(i, f) for i, f in numbered if _live(f)]
    quiet = [(i, f) for i, f in numbered if not _live(f)]
    if not shown:
        yield "<p>There is nothing to report.</p>\n" if not quiet else "<p>There is nothing new to report.</p>\n"
    else:
        yield '<ul class="findings">\n'
        yield from (_finding(i, f, names, texts) for i, f in shown[:STATIC_FINDINGS])
        yield "</ul>\n"
    if len(shown) > STATIC_FINDINGS:
        yield f"<p>The first {STATIC_FINDINGS:,} of {len(shown):,} findings; the CSV and JSON reports hold all.</p>\n"
    if quiet:
        yield f'<details class="aside"><summary>{count(len(quiet), "finding")} suppressed or in the baseline</summary>'
        yield '<ul class="findings">\n'
        yield from (_finding(i, f, names, texts) for i, f in quiet[:STATIC_FINDINGS])
        yield "</ul></details>\n"


def _finding(number: int, row: FindingRow, names: dict[str, str], texts: Mapping[str, Text]) -> str:
    found, span = row.finding, row.finding.span
    head = [f'<span class="sev {found.severity}">{found.severity}</span>']
    if found.worklist is not None:
        head.append(f"<span>{_e(names.get(found.worklist, found.worklist))}</span>")
    if found.sources:
        head.append(f"<span>at {_e(', '.join(found.sources))}</span>")
    head.append(f"<span>{_e(f'{span.file}:{span.line}:{span.column}')}</span>")
    head.append(f"<span>{_e(found.rule)} {_e(row.name)}</span>")
    then = f'<p class="then">What to do: {_e(found.remedy)}</p>' if found.remedy else ""
    if found.suppressed is not None:
        then += f'<p class="then">Suppressed: {_e(found.suppressed)}</p>'
    if found.baselined:
        then += '<p class="then">In the baseline.</p>'
    said = f'<p class="said">{_e(found.message)}</p>'
    for edit in found.edits[:1]:
        then += _edit(number, change_of(edit, texts))
    return f'<li class="finding"><div class="head">{"".join(head)}</div>{said}{then}</li>\n'


def _edit(number: int, change: Change) -> str:
    """Return what could be written instead: in words, and its lines before and after."""
    before = "".join(f'<del><span class="vh">before: </span>{_e(x)}</del>' for x in change.before)
    after = "".join(f'<ins><span class="vh">after: </span>{_e(x)}</ins>' for x in change.after)
    options = " ".join(f'<code class="option">{o}</code>' for o in change.options)
    return (
        f'<div class="edit" id="edit-{number}"><p><b>Suggested edit</b> {_e(change.said)}, made by '
        f"<code>worklint check</code> {options}</p>"
        f'<code class="change">{before}{after}</code></div>'
    )

"""The matrix for a terminal: worklists and their constraints against sources, folded to the width there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from worklint.record import frozen
from worklint.report import across
from worklint.report.terminal import clean, columns, cut, pad, paint, plain, wrap
from worklint.report.types import CellRow, FilterRow, PlannedRow, Report, SourceRow
from worklint.report.words import (
    NOT_JUDGED,
    SIGNS,
    count,
    grade_words,
    headline,
    noun,
    origin_line,
    planned_line,
    planned_outcome_lines,
    planned_sign,
    release,
    shown,
    sign,
    summary_line,
    verdict_sentence,
)

_LONGEST_LABEL = 3  # lines of a row
_NOT_JUDGED = "·"


@frozen
class _Row:
    """A row of the matrix: its label, how far it is indented, and what each source does with it."""

    label: str
    indent: int
    cells: dict[str, CellRow | FilterRow]


def write(
    report: Report,
    out: TextIO,
    *,
    width: int = 80,
    colour: bool = False,
    ascii: bool = False,
    **_: object,
) -> None:
    """Write the matrix, a legend of the signs that occur, and a note for each trouble.

    Where plans were made, what is left as planned stands after the verdict as written, if it is something else.
    """
    for line in lines(report, max(40, width), colour):
        out.write(plain(line.rstrip(), ascii) + "\n")


def lines(report: Report, width: int, colour: bool) -> Iterator[str]:
    """Yield the lines."""
    for line in wrap(headline(report), width):
        yield paint(line, "bold", colour)
    yield ""
    rows = list(_rows(report))
    notes = _number(report, rows)
    if rows and report.sources:
        yield from _blocks(report, rows, notes, width, colour)
        yield from _legend(rows, report, width, colour)
        yield from _notes(report, notes, width, colour)
    if report.enterprise:
        yield from across.lines(report, width, colour)
    yield from wrap(summary_line(report), width)
    if planned_line(report):
        yield from wrap(planned_line(report), width)
    for line in wrap(origin_line(report), width):
        yield paint(line, "dim", colour)


def _rows(report: Report) -> Iterator[_Row]:
    of_worklist: dict[str, dict[str, CellRow | FilterRow]] = {}
    for row in report.filters:
        of_worklist.setdefault(row.worklist, {})[row.source] = row
    of_constraint: dict[int, dict[str, CellRow | FilterRow]] = {}
    for cell in report.cells:
        of_constraint.setdefault(cell.constraint, {})[cell.source] = cell
    inside: dict[str, list[_Row]] = {}
    for c in report.constraints:
        inside.setdefault(c.worklist, []).append(_Row(clean(shown(c)), 2, of_constraint.get(c.id, {})))
    file = None
    for w in report.worklists:
        if w.file != file:
            if file is not None:
                yield _Row("", -1, {})
            file = w.file
            yield _Row(clean(file), -1, {})
        label = clean(w.name) if w.complete else f"{clean(w.name)} (not read completely)"
        yield _Row(label, 0, of_worklist.get(w.id, {}))
        yield from inside.get(w.id, [])


# A trouble is one cause with one verdict: two sources with the same trouble share the note.
_Key = tuple[int, str]


@frozen
class _Note:
    """A trouble: its number, a cell that has it, its sources, and what is left of each of its cells as planned."""

    number: int
    cell: CellRow | FilterRow
    sources: list[str]
    planned: list[tuple[str, PlannedRow]]


def _key(cell: CellRow | FilterRow, cause: int) -> _Key:
    return cause, sign(cell).name


def _number(report: Report, rows: Sequence[_Row]) -> dict[_Key, _Note]:
    """Return the notes."""
    notes: dict[_Key, _Note] = {}
    inside: dict[str, set[int]] = {}  # the causes that a row of a constraint tells, by source
    for row in reversed(rows):  # so that a worklist comes after its constraints
        for source, cell in row.cells.items():
            if isinstance(cell, CellRow):
                inside.setdefault(source, set()).add(cell.cause)
    for row in rows:
        for source, cell in row.cells.items():
            if not cell.mark:
                continue
            if isinstance(cell, CellRow):
                causes: tuple[int, ...] = (cell.cause,)
            else:
                causes = tuple(
                    c for c in cell.causes if c not in inside.get(source, ()) and report.causes[c].rule is not None
                )
            for cause in causes:
                note = notes.setdefault(_key(cell, cause), _Note(len(notes) + 1, cell, [], []))
                if source not in note.sources:
                    note.sources.append(source)
                if cell.planned is not None:
                    note.planned.append((source, cell.planned))
    return notes


def _cell_text(cell: CellRow | FilterRow | None, notes: dict[_Key, _Note]) -> str:
    if cell is None:
        return f" {_NOT_JUDGED}"
    text = f"{cell.mark if cell.mark == '!' else ' '}{sign(cell).shape}"
    causes = (cell.cause,) if isinstance(cell, CellRow) else cell.causes
    numbers = [notes[_key(cell, c)].number for c in causes if cell.mark and _key(cell, c) in notes]
    if numbers:
        text += f" {numbers[0]}" + ("+" if len(numbers) > 1 else "")
    if cell.planned is not None and sign(cell) != planned_sign(cell.planned):
        text += f">{planned_sign(cell.planned).shape}"
    return text


def _short_names(sources: Sequence[SourceRow], longest: int) -> dict[str, str]:
    """Return the heading of each column: the id, or where ids are long a number that the legend explains."""
    if all(len(s.id) <= longest for s in sources):
        return {s.id: s.id for s in sources}
    short = {s.id: cut(s.id, longest) for s in sources}
    if len(set(short.values())) == len(short):
        return short
    return {s.id: s.id if len(s.id) <= longest else f"#{i}" for i, s in enumerate(sources, 1)}


def _blocks(
    report: Report,
    rows: Sequence[_Row],
    notes: dict[_Key, _Note],
    width: int,
    colour: bool,
) -> Iterator[str]:
    names = _short_names(report.sources, 12)
    texts = [{s.id: _cell_text(row.cells.get(s.id), notes) for s in report.sources} for row in rows]
    sizes = {s.id: max([columns(names[s.id]) + 1, *(columns(t[s.id]) for t in texts)]) + 2 for s in report.sources}
    longest = max(columns(row.label) + max(0, row.indent) for row in rows)
    label_width = min(longest + 1, max(20, width * 2 // 5, width - sum(sizes.values())))
    blocks: list[list[str]] = [[]]
    room = width - label_width
    for s in report.sources:
        if blocks[-1] and room < sizes[s.id]:
            blocks.append([])
            room = width - label_width
        blocks[-1].append(s.id)
        room -= sizes[s.id]
    shown = 0
    for block in blocks:
        if len(blocks) > 1:
            last = shown + len(block)
            which = f"source {last}" if len(block) == 1 else f"sources {shown + 1} to {last}"
            yield paint(f"{which} of {len(report.sources)}", "dim", colour)
            shown = last
        head = "".join(pad(f" {names[s]}", sizes[s]) for s in block)
        yield pad("", label_width) + paint(head.rstrip(), "bold", colour)
        yield "─" * min(width, label_width + sum(sizes[s] for s in block))
        for row, text in zip(rows, texts, strict=True):
            yield from _row(row, text, block, sizes, label_width, colour)
        yield ""
    shortened = [s for s in report.sources if names[s.id] != s.id]
    for s in shortened:
        yield f"{names[s.id]} = {s.id}"
    if shortened:
        yield ""


def _row(
    row: _Row, text: dict[str, str], block: Sequence[str], sizes: dict[str, int], label_width: int, colour: bool
) -> Iterator[str]:
    if row.indent < 0:
        yield paint(cut(row.label, label_width + sum(sizes[s] for s in block)), "dim", colour)
        return
    label = wrap(row.label, label_width - row.indent - 1)
    if len(label) > _LONGEST_LABEL:
        room = label_width - row.indent - 1
        label = [*label[: _LONGEST_LABEL - 1], cut(f"{label[_LONGEST_LABEL - 1]} …", room)]
        if not label[-1].endswith("…"):
            label[-1] = cut(label[-1], room - 1) + "…"
    cells = "".join(_painted(row.cells.get(s), text[s], sizes[s], colour) for s in block)
    for i, line in enumerate(label):
        left = " " * row.indent + line
        gap = " " * max(0, label_width - columns(left)) if i == 0 else ""
        yield (paint(left, "bold", colour) if row.indent == 0 else left) + gap + (cells if i == 0 else "")


def _painted(cell: CellRow | FilterRow | None, text: str, width: int, colour: bool) -> str:
    gap = " " * max(0, width - columns(text))
    if cell is None or not cell.mark:
        return text + gap
    return paint(text, "unknown" if cell.mark == "?" else cell.severity, colour) + gap


def _legend(rows: Sequence[_Row], report: Report, width: int, colour: bool) -> Iterator[str]:
    cells = [c for row in rows for c in row.cells.values()]
    found = {sign(c).name for c in cells}
    signs = [(s.shape, s.meaning) for s in SIGNS if s.name in found]
    if any(c.mark == "!" for c in cells):
        signs.insert(0, ("!", "unreliable: not what the list asks for"))
    if any(s.id not in row.cells for row in rows if row.indent >= 0 for s in report.sources):
        signs.append((_NOT_JUDGED, f"{NOT_JUDGED}: not asked, or not read completely"))
    if any(c.planned is not None and sign(c) != planned_sign(c.planned) for c in cells):
        signs.append((">", "what follows is left when the list is sent as planned (worklint plan)"))
    for shape, meaning in signs:
        for i, line in enumerate(wrap(meaning, width - 2)):
            yield f"{' ' if i else paint(shape, 'error' if shape == '!' else None, colour)} {line}"
    yield ""


def _notes(report: Report, notes: dict[_Key, _Note], width: int, colour: bool) -> Iterator[str]:
    nouns = {w.id: noun(w.model, w.level) for w in report.worklists}
    releases = {s.id: release(s) for s in report.sources}
    for (cause, _), note in notes.items():
        cell, sources = note.cell, note.sources
        worklist = report.constraints[cell.constraint].worklist if isinstance(cell, CellRow) else cell.worklist
        row = report.causes[cause]
        where = ", ".join(f"{s} ({releases[s]})" if releases[s] else s for s in sources)
        who = sources[0] if len(sources) == 1 else "each of these sources"
        said = verdict_sentence(cell, who, nouns[worklist])
        texts = [f"{cell.mark} {where}: {row.rule or ''} {row.message}".replace(":  ", ": ")]
        texts.append(said[0].upper() + said[1:] if len(sources) > 1 else said)
        if row.remedy:
            texts.append(f"Remedy: {row.remedy}")
        if cell.grade:
            texts.append(f"Evidence: {grade_words(cell.grade)}")
        left = planned_outcome_lines(report, note.planned, isinstance(cell, FilterRow))
        texts += [f"As planned: {line}" for line in left]
        head = f"{note.number}".rjust(3)
        for text in texts:
            for line in wrap(text, width - 5):
                yield f"{paint(head, 'bold', colour)}  {line}"
                head = "   "
    if notes:
        yield ""
    quiet = sum(1 for c in report.cells if c.severity == "info")
    if quiet:
        yield from wrap(f"{count(quiet, 'cell')} without a note: spelling only, or checked by the client.", width)
        yield ""

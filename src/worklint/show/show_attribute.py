"""Writes what ``attribute`` found: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from worklint._version import __version__
from worklint.knowledge import data, standard
from worklint.record import names
from worklint.report.csv import field
from worklint.report.terminal import clean, columns, pad, paint, wrap
from worklint.report.words import SIGNS, grade_words, tag
from worklint.show.attribute import Group, Named, Row, groups

SCHEMA = "worklint/attribute/1"
CSV_COLUMNS = (
    "product", "release", "transport", "model", "level", "matching", "test", "verdict", "mark", "severity", "grade",
    "rule", "message", "remedy", "citation",
)  # fmt: skip


def text_lines(name: Named, found: Sequence[Row], width: int, colour: bool, notes: bool) -> Iterator[str]:
    """Yield the page for a terminal; with ``notes`` the cause and the evidence of every sign."""
    yield from _heading(name, width, colour)
    signs: set[str] = set()
    for (model, level), folded in groups(found).items():
        yield ""
        levels = standard.model(model)
        at = f", {level} level" if levels and len(levels.levels) > 1 else ""
        yield paint(f"{model}{at}", "bold", colour)
        yield from _table(folded)
        if notes:
            yield from _notes(folded, width)
        signs |= {row.sign for group in folded for row in group.cells.values()}
    if not found:
        yield ""
        yield "No product offers a model in which this can be asked."
        return
    yield ""
    for sign in SIGNS:
        if sign.shape in signs:
            yield f"{sign.shape} {sign.meaning}"
    yield "! unreliable: not what is asked for"
    if not notes:
        yield ""
        yield "Why: --verbose, for one product --product PRODUCT[@RELEASE]"
    yield paint(f"worklint {__version__}, database {data.database()}; products' default settings", "dim", colour)


def _heading(name: Named, width: int, colour: bool) -> Iterator[str]:
    found = name.attribute
    if name.label is not None:
        yield paint(f"{name.label.label} (label of {name.viewer})", "bold", colour)
        behind = f"it stands for {'.'.join(name.path)}" if found else "no DICOM attribute stands behind it"
        yield from wrap(f"{behind}{'; ' + name.label.note if name.label.note else ''}", width)
    if found is not None:
        parts = [found.display, tag(found.tag), found.name, f"VR {found.vr}", f"VM {found.vm}"]
        if found.retired:
            parts.append("retired")
        yield paint("  ".join(p for p in parts if p), "bold", colour)
        levels = standard.entity_levels(found.keyword)
        if levels:
            yield from wrap(f"lives at the level: {', '.join(levels)}", width)
        replacement = standard.replacement(found.keyword)
        if replacement:
            note = standard.replacement_note(found.keyword)
            yield from wrap(f"at study level better: {replacement}{' (' + note + ')' if note else ''}", width)


def _table(folded: Sequence[Group]) -> Iterator[str]:
    kinds = list(dict.fromkeys(k for group in folded for k in group.cells))
    titles = [f"{g.title} ({g.transport})" for g in folded]
    first = max(map(columns, titles)) if titles else 0
    yield f"  {' ' * first}  {'  '.join(kinds)}".rstrip()
    for title, group in zip(titles, folded, strict=True):
        cells = [pad(_sign(group.cells.get(kind)), len(kind)) for kind in kinds]
        yield f"  {pad(title, first)}  {'  '.join(cells)}".rstrip()


def _sign(row: Row | None) -> str:
    return "" if row is None else f"{row.mark if row.mark == '!' else ''}{row.sign}"


def _notes(folded: Sequence[Group], width: int) -> Iterator[str]:
    for group in folded:
        told: dict[tuple[str, str], list[Row]] = {}
        for row in group.cells.values():
            if row.message or row.evidence:
                told.setdefault((row.sign, row.message), []).append(row)
        if not told:
            continue
        yield ""
        yield f"  {group.title} ({group.transport})"
        for (sign, message), rows in told.items():
            kinds = ", ".join(r.matching for r in rows)
            code = f"{rows[0].rule}: " if rows[0].rule else ""
            yield from _indented(f"{sign} {kinds}: {code}{message or 'nothing is wrong'}", "    ", width)
            if rows[0].remedy:
                yield from _indented(f"remedy: {rows[0].remedy}", "      ", width)
            for one in dict.fromkeys(e for r in rows for e in r.evidence):
                dated = f", {one.date}" if one.date else ""
                yield f"      {grade_words(one.grade)}{dated}:"
                yield f"        {clean(one.citation)}"  # in one piece, so that it can be followed


def _indented(text: str, indent: str, width: int) -> Iterator[str]:
    for i, line in enumerate(wrap(text, max(20, width - len(indent) - 2))):
        yield f"{indent}{'  ' if i else ''}{line}"


def json_text(name: Named, found: Sequence[Row]) -> str:
    """Return the JSON document ``worklint/attribute/1``."""
    attribute, label = name.attribute, name.label
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "worklint", "version": __version__, "database": data.database()},
        "name": name.written.strip('"'),
        "attribute": attribute
        and {
            "keyword": attribute.keyword, "path": ".".join(name.path), "tag": attribute.tag, "vr": attribute.vr,
            "vm": attribute.vm, "name": attribute.name, "retired": attribute.retired,
            "levels": list(standard.entity_levels(attribute.keyword)),
        },
        "label": label and {"label": label.label, "viewer": name.viewer, "note": label.note},
    }  # fmt: skip
    head = json.dumps(document, ensure_ascii=False, indent=1)[:-2]
    lines = ",\n".join(json.dumps(_members(row), ensure_ascii=False) for row in found)
    return f'{head},\n "verdicts": [\n{lines}\n]}}\n'


def _members(row: Row) -> dict[str, Any]:
    members = {name: getattr(row, name) for name in names(row)}
    members["test"] = members.pop("text")
    members["evidence"] = [{"grade": e.grade, "citation": e.citation, "date": e.date} for e in row.evidence]
    return members


def csv_text(found: Sequence[Row]) -> str:
    """Return the verdicts as CSV, written as ``matrix`` writes it."""
    lines = [",".join(CSV_COLUMNS)]
    for row in found:
        release = f"{row.product}@{row.release}" if row.release else row.product
        citation = next((e.citation for e in row.evidence if e.grade == row.grade), "")
        lines.append(
            ",".join(
                field(v)
                for v in (
                    row.product, release, row.transport, row.model, row.level, row.matching, row.text, row.verdict,
                    row.mark, row.severity, row.grade, row.rule, row.message, row.remedy, citation,
                )
            )
        )  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines)

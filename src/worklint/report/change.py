"""An edit as people read it: the lines that change, before and after. Shared by Markdown and HTML; no format itself."""

from __future__ import annotations

from collections.abc import Mapping

from worklint.model import Edit
from worklint.record import frozen
from worklint.report.words import meaning_words
from worklint.text import Text

MOST_LINES = 12
"""Lines of one side that are shown; of more the first ones."""


@frozen
class Change:
    """What an edit does to its lines. ``said``: what is written instead, and what becomes of the meaning.

    ``options`` are those of ``worklint check`` that make it. ``before`` and ``after`` are the lines that differ,
    without what they are all indented by. Without the text of the file ``before`` is empty and ``after`` holds what is
    written.
    """

    said: str
    options: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def change_of(edit: Edit, texts: Mapping[str, Text]) -> Change:
    """Return what an edit does. ``texts`` maps a file, as edits name it, to its text."""
    options = ("--fix",) if edit.safe else ("--fix", "--unsafe-fixes")
    said = f"{edit.description} ({meaning_words(edit)})"
    text, span = texts.get(edit.span.file), edit.span
    if text is None or span.end_line > len(text.line_starts):
        return Change(said, options, (), _shown(edit.text.split("\n")))
    lines = [text.line(n) for n in range(span.line, span.end_line + 1)]
    written = edit.text.replace("\r\n", "\n")
    joined = f"{lines[0][: span.column - 1]}{written}{lines[-1][span.end_column - 1 :]}"
    before, after = lines, joined.split("\n")
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    indent = min((len(x) - len(x.lstrip()) for x in (*before, *after) if x.strip()), default=0)
    return Change(said, options, _shown([x[indent:] for x in before]), _shown([x[indent:] for x in after]))


def _shown(lines: list[str]) -> tuple[str, ...]:
    kept = [x.rstrip() for x in lines if x.strip()]
    return tuple(kept if len(kept) <= MOST_LINES else [*kept[:MOST_LINES], "…"])

"""Where the parts of a condition stand in the text: which is at a span, how far its parentheses reach, its comments.

For those who change a text and leave the rest of it as its author wrote it.
"""

from __future__ import annotations

import re

from worklint.model import Span
from worklint.syntax.tree import And, Expression, FilterBlock, HasEntity, HasItem, Not, Or, WorklistBlock
from worklint.text import Text

_QUIET = re.compile(r'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|#[^\n]*+')

Block = WorklistBlock | FilterBlock
Stretch = tuple[int, int]
"""Two offsets of a text, the second exclusive."""


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the conditions directly inside a condition."""
    if isinstance(node, And | Or):
        return node.parts
    return (node.condition,) if isinstance(node, Not | HasItem | HasEntity) else ()


def holds(outer: Span, inner: Span) -> bool:
    """Tell if a span lies inside another, or is the same."""
    return (
        outer.file == inner.file
        and (outer.line, outer.column) <= (inner.line, inner.column)
        and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )


def chain_at(block: Block, span: Span) -> tuple[Expression, ...]:
    """Return the conditions that hold a span, from the whole condition of the block to the smallest."""
    node = block.where if isinstance(block, WorklistBlock) else block.condition
    found: list[Expression] = []
    while node is not None and holds(node.span, span):
        found.append(node)
        if node.span == span and not isinstance(node, And | Or):
            break
        node = next((part for part in children(node) if holds(part.span, span)), None)
    return tuple(found)


def stretch(text: Text, span: Span) -> Stretch:
    """Return the offsets of a span."""
    return text.offset(span.line, span.column), text.offset(span.end_line, span.end_column)


def without_comments(content: str) -> str:
    """Return a text of the same length in which comments, and what stands in quotes, are full stops."""

    def dots(match: re.Match[str]) -> str:
        return "." * len(match[0]) if match[0][0] == '"' else " " * len(match[0])

    return _QUIET.sub(dots, content)


def comments(content: str) -> tuple[str, ...]:
    """Return the comments of a text."""
    return tuple(m[0].rstrip() for m in _QUIET.finditer(content) if m[0][0] == "#")


def with_parentheses(bare: str, inner: Stretch, outer: Stretch) -> Stretch:
    """Return a stretch with the parentheses around it that lie inside ``outer``; ``bare`` is without comments."""
    start, end = inner
    while True:
        before, after = bare[outer[0] : start].rstrip(), bare[end : outer[1]]
        rest = after.lstrip()
        if not (before.endswith("(") and rest.startswith(")")):
            return start, end
        start, end = outer[0] + len(before) - 1, end + len(after) - len(rest) + 1

"""Tree to text: the canonical spelling of conditions, settings and blocks.

``parse`` of what is printed gives the same tree, but for spans. Comments are not kept: they are no part of the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from worklint.syntax.tree import (
    And,
    Between,
    Compare,
    Contains,
    Document,
    EndsWith,
    Expression,
    FilterBlock,
    HasAll,
    HasEntity,
    HasItem,
    In,
    IsEmpty,
    Like,
    Literal,
    Not,
    OlderThan,
    Or,
    PairReference,
    Part,
    Reference,
    Setting,
    SettingValue,
    SortKey,
    SoundsLike,
    StartsWith,
    Use,
    Within,
    Word,
    WorklistBlock,
)

_WORDS = {
    Like: "like",
    Contains: "contains",
    StartsWith: "starts with",
    EndsWith: "ends with",
    SoundsLike: "sounds like",
}
_INDENT = "    "
_NAME_WIDTH = max(len(name) for name in ("description", "timezone")) + 1
_FOLDS = ("case", "accents")


def quote(text: str) -> str:
    """Return a text in quotes, with the escapes that the language needs."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def print_literal(literal: Literal) -> str:
    """Return a value as the language writes it."""
    if literal.kind == "string":
        # The pattern keeps its own escapes, all but that of the quote.
        return '"' + literal.pattern.replace('"', '\\"') + '"'
    return f"${literal.text}" if literal.kind == "parameter" else literal.text


def _part(part: Part) -> str:
    if part.kind == "label":
        return quote(part.text)
    if part.kind == "tag":
        return f"({part.text[:4]},{part.text[4:]})"
    if part.kind == "private":
        return f"({part.text[:4]},{part.text[4:]} {quote(part.creator or '')})"
    return part.text


def print_reference(reference: Reference | PairReference) -> str:
    """Return a reference: parts joined by dots, or a date and a time in parentheses."""
    if isinstance(reference, PairReference):
        return f"({print_reference(reference.date)}, {print_reference(reference.time)})"
    return ".".join(_part(part) for part in reference.parts)


def _ignoring(ignoring: frozenset[str]) -> str:
    return " ignoring " + " ".join(fold for fold in _FOLDS if fold in ignoring) if ignoring else ""


def _values(values: tuple[Literal, ...]) -> str:
    return "(" + ", ".join(print_literal(value) for value in values) + ")"


def _compare(node: Compare) -> str:
    operator = "!=" if node.negated else node.operator
    subject, value = print_reference(node.subject), print_literal(node.value)
    return f"{subject} {operator} {value}{_ignoring(node.ignoring)}"


def _in(node: In) -> str:
    word = "not in" if node.negated else "in"
    return f"{print_reference(node.subject)} {word} {_values(node.values)}{_ignoring(node.ignoring)}"


def _has_all(node: HasAll) -> str:
    return f"{print_reference(node.subject)} has all {_values(node.values)}{_ignoring(node.ignoring)}"


def _text_test(node: Any) -> str:
    word = ("not " if node.negated else "") + _WORDS[type(node)]
    ignoring = "" if isinstance(node, SoundsLike) else _ignoring(node.ignoring)
    return f"{print_reference(node.subject)} {word} {print_literal(node.value)}{ignoring}"


def _between(node: Between) -> str:
    word = "not between" if node.negated else "between"
    return f"{print_reference(node.subject)} {word} {print_literal(node.low)} and {print_literal(node.high)}"


def _within(node: Within) -> str:
    word = "not within" if node.negated else "within"
    count = "" if node.direction == "this" else f"{node.count} "
    return f"{print_reference(node.subject)} {word} {node.direction} {count}{node.unit}"


def _older_than(node: OlderThan) -> str:
    word = "not older than" if node.negated else "older than"
    return f"{print_reference(node.subject)} {word} {node.count} {node.unit}"


def _is_empty(node: IsEmpty) -> str:
    return f"{print_reference(node.subject)} {'is not empty' if node.negated else 'is empty'}"


def _not(node: Not) -> str:
    inside = print_expression(node.condition)
    return f"not ({inside})" if isinstance(node.condition, And | Or) else f"not {inside}"


def _and(node: And) -> str:
    # An ``and`` directly inside an ``and`` was written in parentheses.
    return " and ".join(_inside(part) if isinstance(part, And | Or) else print_expression(part) for part in node.parts)


def _or(node: Or) -> str:
    return " or ".join(_inside(part) if isinstance(part, Or) else print_expression(part) for part in node.parts)


def _inside(node: Expression) -> str:
    return f"({print_expression(node)})"


_PRINTERS: dict[type, Callable[[Any], str]] = {
    Compare: _compare,
    In: _in,
    HasAll: _has_all,
    Like: _text_test,
    Contains: _text_test,
    StartsWith: _text_test,
    EndsWith: _text_test,
    SoundsLike: _text_test,
    Between: _between,
    Within: _within,
    OlderThan: _older_than,
    IsEmpty: _is_empty,
    HasItem: lambda node: f"{print_reference(node.subject)} has ({print_expression(node.condition)})",
    HasEntity: lambda node: f"{node.entity} has ({print_expression(node.condition)})",
    Use: lambda node: node.name,
    Not: _not,
    And: _and,
    Or: _or,
}


def print_expression(node: Expression) -> str:
    """Return the canonical text of a condition or constraint, on one line."""
    return _PRINTERS[type(node)](node)


def _setting_value(value: SettingValue) -> str:
    if isinstance(value, Literal):
        return print_literal(value)
    if isinstance(value, Word):
        return value.text
    if isinstance(value, SortKey):
        return print_reference(value.reference) + (" descending" if value.descending else "")
    return print_reference(value)


def print_setting(setting: Setting) -> str:
    """Return a setting on one line."""
    return f"{setting.name:<{_NAME_WIDTH}}{', '.join(_setting_value(value) for value in setting.values)}"


def print_block(block: WorklistBlock | FilterBlock) -> str:
    """Return a block over several lines: settings, then the condition with one line for each part of its ``and``."""
    lines = [f"{_INDENT}{print_setting(setting)}" for setting in block.settings]
    if isinstance(block, WorklistBlock):
        head = f"worklist {quote(block.name)} {{"
        condition, word = block.where, "where "
    else:
        head, condition, word = f"filter {block.name} {{", block.condition, ""
    if condition is not None:
        if block.settings and word:
            lines.append("")
        parts = condition.parts if isinstance(condition, And) else (condition,)
        texts = [_inside(part) if isinstance(condition, And) and isinstance(part, And | Or) else print_expression(part)
                 for part in parts]  # fmt: skip
        lines.append(f"{_INDENT}{word}{texts[0]}")
        lines += [f"{_INDENT}{'  and ' if word else 'and '}{text}" for text in texts[1:]]
    return "\n".join([head, *lines, "}"]) + "\n"


def print_document(document: Document) -> str:
    """Return the text of a whole file: filters, then worklists, each in the order written."""
    blocks: list[FilterBlock | WorklistBlock] = [*document.filters, *document.worklists]
    return "\n".join(print_block(block) for block in blocks)

"""References, values and tests as the language writes them, for messages and for the text of a constraint."""

from __future__ import annotations

from worklint.syntax.tree import (
    Between,
    Compare,
    Comparison,
    Contains,
    EndsWith,
    HasAll,
    In,
    IsEmpty,
    Like,
    Literal,
    OlderThan,
    PairReference,
    Part,
    Reference,
    StartsWith,
    Within,
)


def written(reference: Reference) -> str:
    """Return a reference as the language writes it."""
    return ".".join(_written_part(part) for part in reference.parts)


def _written_part(part: Part) -> str:
    if part.kind == "keyword":
        return part.text
    if part.kind == "label":
        return quoted(part.text)
    tag = f"{part.text[:4]},{part.text[4:]}"
    return f"({tag} {quoted(part.creator or '')})" if part.kind == "private" else f"({tag})"


def quoted(text: str) -> str:
    """Return a text in the quotes of the language."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written_test(node: Comparison) -> str:
    """Return the positive test as the language writes it, in its canonical layout."""
    subject = node.subject
    if isinstance(subject, PairReference):
        name = f"({written(subject.date)}, {written(subject.time)})"
    else:
        name = written(subject)
    if isinstance(node, Compare):
        text = f"{name} {node.operator} {written_value(node.value)}"
    elif isinstance(node, In | HasAll):
        word = "in" if isinstance(node, In) else "has all"
        text = f"{name} {word} ({', '.join(written_value(v) for v in node.values)})"
    elif isinstance(node, Between):
        text = f"{name} between {written_value(node.low)} and {written_value(node.high)}"
    elif isinstance(node, Within):
        period = node.unit if node.direction == "this" else f"{node.count} {node.unit}"
        text = f"{name} within {node.direction} {period}"
    elif isinstance(node, OlderThan):
        text = f"{name} older than {node.count} {node.unit}"
    elif isinstance(node, IsEmpty):
        text = f"{name} is empty"
    else:
        words = {Like: "like", Contains: "contains", StartsWith: "starts with", EndsWith: "ends with"}
        literal = node.value
        like = isinstance(node, Like) and literal.kind == "string"
        value = '"' + literal.pattern.replace('"', '\\"') + '"' if like else written_value(literal)
        text = f"{name} {words.get(type(node), 'sounds like')} {value}"
    ignoring: frozenset[str] = getattr(node, "ignoring", frozenset())
    return text + (f" ignoring {' '.join(sorted(ignoring, reverse=True))}" if ignoring else "")


def written_value(literal: Literal) -> str:
    """Return a value as the language writes it."""
    if literal.kind == "string":
        return quoted(literal.text)
    return f"${literal.text}" if literal.kind == "parameter" else literal.text

"""A condition as text of the language, from what it means: relative dates as days, lists and patterns as resolved.

The text is read anywhere and at any time with the same meaning, so no filter name and no ``last 7 days`` stands in it.
"""

from __future__ import annotations

import re

from worklint.knowledge import standard
from worklint.model import All, Any, Attribute, Constraint, Filter, Has, Test, Value
from worklint.syntax.printer import quote

_FOLDS = (("case", "case"), ("accent", "accents"))


def text_of(node: Filter, depth: int = 0) -> str:
    """Return a condition as the language writes it; ``depth``: so many sequences are already named around it."""
    if isinstance(node, Test):
        return _test(node, depth)
    if isinstance(node, Has):
        name = node.scope if node.scope != "item" else _path(node.path[depth:])
        inner = text_of(node.filter, len(node.path) if node.scope == "item" else 0)
        return f"{'not ' if node.negated else ''}{name} has ({inner})"
    word = " and " if isinstance(node, All) else " or "
    return word.join(_inside(p, depth) for p in node.parts)


def _inside(node: Filter, depth: int) -> str:
    text = text_of(node, depth)
    return f"({text})" if isinstance(node, All | Any) and len(node.parts) > 1 else text


def _path(path: tuple[Attribute, ...]) -> str:
    return ".".join(a.display for a in path)


def _test(test: Test, depth: int) -> str:
    c = test.constraint
    path = c.path[depth:]
    # Two tests through one sequence, side by side, would be read as of one item: each gets a clause of its own.
    if len(path) > 1:
        head, inner = path[:-1], _comparison(c, path[-1:], test.negated)
        if test.negated:
            return _comparison(c, path, True)
        if (c.asked or c.matching) == "empty":
            # In no item; a clause would want an item that lacks it.
            return f"not {_path(path)} is not empty"
        return f"{_path(head)} has ({inner})"
    return _comparison(c, path, test.negated)


def _comparison(c: Constraint, path: tuple[Attribute, ...], negated: bool) -> str:
    kind = c.asked or c.matching
    name = _path(path) if path else quote(c.label or "")
    if c.pair is not None:
        date, time = path, (*path[:-1], c.pair)
        name = f"({_path(date)}, {_path(time)})"
    if kind == "empty":
        return f"{name} is {'not ' if negated else ''}empty"
    if kind == "universal":
        return f"{name} is {'' if negated else 'not '}empty"
    text = name + " " + _operation(c, kind) + _ignoring(c)
    return f"not {text}" if negated else text


def _operation(c: Constraint, kind: str) -> str:
    values = [_value(c, v) for v in c.values]
    if kind in ("range", "datetime"):
        low, high = c.values[0].text, c.values[1].text
        if low and high:
            return f"between {values[0]} and {values[1]}"
        if low:
            return f"{'>' if c.strict[0] else '>='} {values[0]}"
        return f"{'<' if c.strict[1] else '<='} {values[1]}"
    if kind in ("any-of", "list-of-uid"):
        return f"in ({', '.join(values)})"
    if kind == "multiple":
        return f"has all ({', '.join(values)})"
    if kind == "fuzzy":
        return f"sounds like {values[0]}"
    if kind == "wildcard":
        return _pattern(c.values[0])
    return f"= {values[0]}"


def _pattern(value: Value) -> str:
    if value.parameter is not None:
        name = f"${value.parameter.name}"
        before, after = value.text.startswith("*"), value.text.endswith("*")
        word = "contains" if before and after else "ends with" if before else "starts with"
        return f"{word} {name}"
    return f'like "{value.text.replace(chr(34), chr(92) + chr(34))}"'


def _value(c: Constraint, value: Value) -> str:
    if value.parameter is not None:
        return f"${value.parameter.name}"
    if c.vr == "DA" and re.fullmatch(r"\d{8}", value.text) and standard.legal_value("DA", value.text) is None:
        return f"{value.text[:4]}-{value.text[4:6]}-{value.text[6:]}"
    return quote(value.text)


def _ignoring(c: Constraint) -> str:
    words = [word for fold, word in _FOLDS if fold in c.ignoring]
    return f" ignoring {' '.join(words)}" if words else ""

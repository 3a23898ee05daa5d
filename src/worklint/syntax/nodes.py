# ruff: noqa: D103 (an action is described by the rule of the grammar whose name it has)
"""The actions of the grammar: what each rule makes of the values of its parts.

A token is a tuple (kind, start, end, text). An action gets the reader (for spans and problems), the values of the
rule's parts, and the offsets where they begin and end. The names are those of rules and aliases in worklist.lark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from worklint.record import replace
from worklint.syntax.tree import (
    And,
    Between,
    Compare,
    Contains,
    EndsWith,
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
    SortKey,
    SoundsLike,
    StartsWith,
    Use,
    Within,
    Word,
    WorklistBlock,
)

if TYPE_CHECKING:
    from worklint.syntax.parser import Reader

Token = tuple[str, int, int, str]
Action = Callable[["Reader", list[Any], int, int], Any]

DAYS = frozenset({"today", "yesterday", "tomorrow"})
FOLDS = frozenset({"case", "accents"})
_KINDS = {
    "NUMBER": "number",
    "EIGHT_DIGITS": "number",
    "DATE": "date",
    "TIME": "time",
    "DATETIME": "datetime",
}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_ESCAPE = re.compile(r"\\(.)")
_PERIOD_DIGITS = 6
# Two days of the calendar with a hyphen between, or one with an open end: nothing but a range looks like that.
_DAY = r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_RANGE = re.compile(rf"({_DAY})-({_DAY})|({_DAY})-|-({_DAY})")


def decode_string(reader: Reader, raw: str, start: int, end: int) -> tuple[str, str]:
    """Return text and pattern of a string token without its quotes; report what must not stand in it."""
    if len(raw) > reader.limits.string:
        reader.limit("string", start, end, f"{len(raw):,} characters", f"{reader.limits.string:,}")
        raw = raw[: reader.limits.string]
    if "\\" not in raw and raw.isprintable():
        return raw, raw
    control = _CONTROL.search(raw)
    if control:
        at = start + 1 + control.start()
        reader.report("control-character", at, at + 1, character=f"U+{ord(control.group()):04X}")
    text: list[str] = []
    pattern: list[str] = []
    last = 0
    for match in _ESCAPE.finditer(raw):
        plain, last = raw[last : match.start()], match.end()
        text.append(plain)
        pattern.append(plain)
        character = match.group(1)
        if character == '"':
            text.append(character)
            pattern.append(character)
        elif character in "\\*?":
            text.append(character)
            pattern.append("\\" + character)
        else:
            at = start + 1 + match.start()
            values = raw.split("\\")
            if all(values) and len(values) < 20:
                listed = ", ".join(f'"{value}"' for value in values)
                reader.report("list-in-quotes", at, at + 2, values=listed)
            else:
                reader.report("bad-escape", at, at + 2, found="\\" + character, character=character)
            text.append("\\" + character)
            pattern.append("\\\\" + character)
    text.append(raw[last:])
    pattern.append(raw[last:])
    return "".join(text), "".join(pattern)


def string(reader: Reader, token: Token) -> Literal:
    """Make the literal of a string token."""
    _, start, end, raw = token
    text, pattern = decode_string(reader, raw[1:-1], start, end)
    return Literal("string", text, reader.span(start, end), pattern)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def value(reader: Reader, v: list[Any], a: int, b: int) -> Literal:
    token: Token = v[0]
    kind, text = token[0], token[3]
    if kind == "STRING":
        return string(reader, token)
    if kind == "PARAMETER":
        return Literal("parameter", text[1:], reader.span(a, b))
    if kind == "NAME":
        if text.lower() in DAYS:
            return Literal("day", text.lower(), reader.span(a, b))
        reader.report("bare-word", a, b, found=text)
        return Literal("string", text, reader.span(a, b), text)
    return Literal(_KINDS[kind], text, reader.span(a, b))  # type: ignore[arg-type]


def first(reader: Reader, v: list[Any], a: int, b: int) -> list[Any]:
    return [v[0]]


def two(reader: Reader, v: list[Any], a: int, b: int) -> list[Any]:
    return [v[0], v[2]]


def more(reader: Reader, v: list[Any], a: int, b: int) -> list[Any]:
    v[0].append(v[-1])
    return v[0]  # type: ignore[no-any-return]


def empty(reader: Reader, v: list[Any], a: int, b: int) -> list[Any]:
    return []


def only(reader: Reader, v: list[Any], a: int, b: int) -> Any:
    return v[0]


# References


def part(reader: Reader, v: list[Any], a: int, b: int) -> Part:
    kind, _, _, text = v[0]
    span = reader.span(a, b)
    if kind == "NAME":
        return Part("keyword", text, span)
    if kind == "STRING":
        return Part("label", decode_string(reader, text[1:-1], a, b)[0], span)
    if kind == "PRIVATE":
        number, _, rest = text[1:].partition('"')
        group, _, element = number.partition(",")
        creator = decode_string(reader, rest[: rest.rindex('"')], a, b)[0]
        return Part("private", f"{group.upper()}xx{element.strip()[2:].upper()}", span, creator)
    if kind == "TAG":
        return Part("tag", text[1:5].upper() + text[-5:-1].upper(), span)
    return Part("tag", text.upper(), span)


def reference(reader: Reader, v: list[Any], a: int, b: int) -> Reference:
    return Reference(tuple(v[0]), reader.span(a, b))


def pair(reader: Reader, v: list[Any], a: int, b: int) -> PairReference:
    return PairReference(v[1], v[3], reader.span(a, b))


# Tests


def _leaf(reader: Reader, a: int, b: int) -> Any:
    reader.tests += 1
    reader.places.append((a, b))
    return reader.span(a, b)


def _text_value(reader: Reader, literal: Literal, word: str, a: int, b: int) -> Literal:
    """Return the operand of a test that only text can answer; report another kind, and an empty text."""
    if literal.kind == "string":
        if not literal.text:
            reader.report("empty-text", a, b, word=word)
        return literal
    if literal.kind == "parameter":
        return literal
    reader.report("text-wanted", a, b, found=literal.text, word=word)
    return Literal("string", literal.text, literal.span, literal.text)


def _check_list(reader: Reader, literal: Literal, subject: str, a: int, b: int) -> None:
    """Report key syntax of DICOM inside quotes: a backslash list, a date range."""
    text = literal.text
    if literal.kind != "string" or not ("\\" in literal.pattern or "-" in text):
        return
    if "\\\\" in literal.pattern and all(text.split("\\")) and not reader.spoiled_at(literal.span):
        listed = ", ".join(f'"{value}"' for value in text.split("\\"))
        reader.report("list-in-quotes", a, b, values=listed, name=subject)
    match = _RANGE.fullmatch(text)
    if match:
        low, high = match.group(1) or match.group(3), match.group(2) or match.group(4)
        if low and high:
            written = f"{subject} between {low} and {high}"
        else:
            written = f"{subject} >= {low}" if low else f"{subject} <= {high}"
        reader.report("range-in-quotes", a, b, written=written)


def compare(reader: Reader, v: list[Any], a: int, b: int) -> Compare | IsEmpty:
    subject, operator, literal = v[0], v[1][3], v[2]
    span = _leaf(reader, a, b)
    negated = operator == "!="
    if operator == "=" or negated:
        if literal.kind == "string" and not literal.text and isinstance(subject, Reference):
            wanted = "is not empty" if negated else "is empty"
            reader.report("equals-empty", a, b, name=reader.source(subject.span), wanted=wanted)
            return IsEmpty(subject, span, negated)
        _check_list(reader, literal, reader.source(subject.span), a, b)
        operator = "="
    return Compare(subject, operator, literal, span, negated)


def in_list(reader: Reader, v: list[Any], a: int, b: int) -> In:
    for literal in v[-1]:
        if literal.kind == "string" and not literal.text:
            reader.report("empty-text", a, b, word="in")
    return In(v[0], v[-1], _leaf(reader, a, b), len(v) == 4)


def has_all(reader: Reader, v: list[Any], a: int, b: int) -> HasAll:
    return HasAll(v[0], v[3], _leaf(reader, a, b))


def _negated(v: list[Any]) -> bool:
    return bool(v[1][0] == "NOT")


def like(reader: Reader, v: list[Any], a: int, b: int) -> Like:
    literal = _text_value(reader, v[-1], "like", a, b)
    pattern = literal.pattern
    wild = pattern.replace("\\*", "").replace("\\?", "")
    if pattern and ("%" in (pattern[0], pattern[-1])) and "*" not in wild and "?" not in wild:
        literal = replace(literal, pattern=pattern.replace("%", "*"), text=literal.text.replace("%", "*"))
        reader.report("percent-in-like", a, b, wanted=literal.text)
    return Like(v[0], literal, _leaf(reader, a, b), _negated(v))


def contains(reader: Reader, v: list[Any], a: int, b: int) -> Contains:
    return Contains(v[0], _text_value(reader, v[-1], "contains", a, b), _leaf(reader, a, b), _negated(v))


def starts_with(reader: Reader, v: list[Any], a: int, b: int) -> StartsWith:
    return StartsWith(v[0], _text_value(reader, v[-1], "starts with", a, b), _leaf(reader, a, b), _negated(v))


def ends_with(reader: Reader, v: list[Any], a: int, b: int) -> EndsWith:
    return EndsWith(v[0], _text_value(reader, v[-1], "ends with", a, b), _leaf(reader, a, b), _negated(v))


def sounds_like(reader: Reader, v: list[Any], a: int, b: int) -> SoundsLike:
    return SoundsLike(v[0], _text_value(reader, v[-1], "sounds like", a, b), _leaf(reader, a, b), _negated(v))


def is_empty(reader: Reader, v: list[Any], a: int, b: int) -> IsEmpty:
    return IsEmpty(v[0], _leaf(reader, a, b), len(v) == 4)


def between(reader: Reader, v: list[Any], a: int, b: int) -> Between:
    return Between(v[0], v[-3], v[-1], _leaf(reader, a, b), _negated(v))


def _count(reader: Reader, token: Token) -> int:
    _, start, end, text = token
    if not text.isdigit():
        reader.report("whole-number", start, end, found=text)
        return 1
    if len(text) > _PERIOD_DIGITS:
        reader.limit("period", start, end, f"{len(text)} digits", f"{_PERIOD_DIGITS} digits")
        return 1
    return int(text)


def period(reader: Reader, v: list[Any], a: int, b: int) -> tuple[str, int, Token]:
    count = _count(reader, v[1]) if len(v) == 3 else 1
    return v[0][0].lower(), count, v[-1]


def within(reader: Reader, v: list[Any], a: int, b: int) -> Within:
    direction, count, (_, start, end, unit) = v[-1]
    return Within(v[0], direction, count, unit.lower(), reader.span(start, end), _leaf(reader, a, b), _negated(v))


def older_than(reader: Reader, v: list[Any], a: int, b: int) -> OlderThan:
    _, start, end, unit = v[-1]
    count = _count(reader, v[-2])
    return OlderThan(v[0], count, unit.lower(), reader.span(start, end), _leaf(reader, a, b), _negated(v))


def ignoring(reader: Reader, v: list[Any], a: int, b: int) -> Any:
    test, options = v
    known = set()
    for _, start, end, word in options:
        if word.lower() in FOLDS:
            known.add(word.lower())
        else:
            reader.report("unknown-option", start, end, found=word)
    reader.places.append((a, b))
    if isinstance(test, IsEmpty):
        return test
    return replace(test, ignoring=frozenset(known), span=reader.span(a, b))


def option_first(reader: Reader, v: list[Any], a: int, b: int) -> list[Any]:
    return [v[1]]


def has_item(reader: Reader, v: list[Any], a: int, b: int) -> HasItem:
    reader.places.append((a, b))
    return HasItem(v[0], v[3], reader.span(a, b))


def has_entity(reader: Reader, v: list[Any], a: int, b: int) -> HasEntity:
    reader.places.append((a, b))
    return HasEntity(v[0][0].lower(), v[3], reader.span(a, b))


def filter_use(reader: Reader, v: list[Any], a: int, b: int) -> Use:
    return Use(v[0][3], _leaf(reader, a, b))


def listed(reader: Reader, v: list[Any], a: int, b: int) -> tuple[Literal, ...]:
    values = tuple(v[1])
    if len(values) > reader.limits.list:
        reader.limit("list", a, b, f"{len(values):,} values", f"{reader.limits.list:,}")
    return values


def list_like_tag(reader: Reader, v: list[Any], a: int, b: int) -> tuple[Literal, ...]:
    _, start, _, text = v[0]
    literals = []
    for match in re.finditer(r"[0-9A-Fa-f]{4}", text):
        word = match.group()
        token = ("NUMBER" if word.isdigit() else "NAME", start + match.start(), start + match.end(), word)
        literals.append(value(reader, [token], token[1], token[2]))
    return tuple(literals)


# Conditions


def negation(reader: Reader, v: list[Any], a: int, b: int) -> Not:
    return Not(v[1], reader.span(a, b))


def group(reader: Reader, v: list[Any], a: int, b: int) -> Any:
    reader.places.append((a, b))
    return v[1]


def conjunction(reader: Reader, v: list[Any], a: int, b: int) -> And:
    return And(tuple(v[0]), reader.span(a, b))


def disjunction(reader: Reader, v: list[Any], a: int, b: int) -> Or:
    return Or(tuple(v[0]), reader.span(a, b))


# Settings and blocks


def word(reader: Reader, v: list[Any], a: int, b: int) -> Word:
    return Word(v[0][3], reader.span(a, b))


def text(reader: Reader, v: list[Any], a: int, b: int) -> Literal:
    return string(reader, v[0])


def sort_key(reader: Reader, v: list[Any], a: int, b: int) -> SortKey:
    return SortKey(v[0], len(v) == 2 and v[1][0] == "DESCENDING", reader.span(a, b))


def setting(reader: Reader, v: list[Any], a: int, b: int) -> Setting:
    keyword, values = v
    reader.places.append((a, b))
    if isinstance(values, tuple):
        values = [Literal("number", values[3], reader.span(values[1], values[2]))]
    elif not isinstance(values, list):
        values = [values]
    return Setting(keyword[0].lower(), tuple(values), reader.span(a, b))


def where(reader: Reader, v: list[Any], a: int, b: int) -> Where:
    return Where(v[1], a, a + len("where"))


class Where:
    """The condition of a worklist among its items, and where its keyword stands."""

    __slots__ = ("condition", "end", "start")

    def __init__(self, condition: Any, start: int, end: int) -> None:
        """Keep the parts."""
        self.condition, self.start, self.end = condition, start, end


def _settings(reader: Reader, items: list[Any]) -> tuple[Setting, ...]:
    """Return each setting once, the first of equal ones; report the others."""
    seen: dict[str, Setting] = {}
    for item in items:
        if item.name in seen:
            reader.report_span("setting-twice", item.span, name=item.name, line=str(seen[item.name].span.line))
        else:
            seen[item.name] = item
    return tuple(seen.values())


def worklist_block(reader: Reader, v: list[Any], a: int, b: int) -> None:
    name: Literal = v[1]
    settings: list[Setting] = []
    found: Where | None = None
    for item in v[3]:
        if isinstance(item, Setting):
            if found is not None:
                reader.report_span("setting-after-where", item.span, name=item.name)
            settings.append(item)
        elif found is None:
            found = item
        else:
            line = str(reader.span(found.start, found.end).line)
            reader.report("where-twice", item.start, item.end, line=line)
    condition = found.condition if found else None
    once = _settings(reader, settings)
    head = reader.span(a, reader.name_end)
    reader.close_block(a, b)
    reader.worklists.append(
        WorklistBlock(name.text, name.span, once, condition, reader.span(a, b), head, not reader.spoiled)
    )


def filter_block(reader: Reader, v: list[Any], a: int, b: int) -> None:
    name: Token = v[1]
    for item in v[3] + v[5]:
        if item.name != "description":
            reader.report_span("setting-in-filter", item.span, name=item.name)
    kept = [item for item in v[3] + v[5] if item.name == "description"]
    for item in v[5]:
        reader.report_span("setting-after-where", item.span, name=item.name)
    once = _settings(reader, kept)
    reader.close_block(a, b)
    condition = v[4]
    reader.filters.append(
        FilterBlock(
            name[3], reader.span(name[1], name[2]), once, condition, reader.span(a, b),
            condition is not None and not reader.spoiled,
        )
    )  # fmt: skip


def worklist_name(reader: Reader, v: list[Any], a: int, b: int) -> Literal:
    reader.name_end = b
    return string(reader, v[0])


ACTIONS: dict[str, Action | None] = {
    "": None,
    "empty": empty, "first": first, "two": two, "more": more,
    "more_after_comma": more, "more_after_word": more, "option_first": option_first,
    "filter_block": filter_block, "worklist_block": worklist_block, "filter_name": only, "worklist_name": worklist_name,
    "where": where, "condition": only, "setting": setting, "text": text, "count": only, "word": word,
    "sort_key": sort_key, "any": disjunction, "all": conjunction, "negation": negation, "group": group,
    "filter_use": filter_use, "ignoring": ignoring, "compare": compare, "in_list": in_list, "has_all": has_all,
    "like": like, "contains": contains, "starts_with": starts_with, "ends_with": ends_with,
    "sounds_like": sounds_like, "is_empty": is_empty, "has_item": has_item, "has_entity": has_entity,
    "between": between, "within": within, "older_than": older_than, "entity": only, "period": period, "unit": only,
    "pair": pair, "reference": reference, "part": part, "list": listed, "list_like_tag": list_like_tag, "value": value,
}  # fmt: skip

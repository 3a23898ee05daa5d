"""What could be written instead: for each rule the ways in which a condition can be changed to answer its finding.

Nothing is promised here. ``worklint.fixes`` reads each proposal again, proves whether the meaning is the same, judges
it at every source, and drops what does not help. A way knows the shape of the tree; values and names come from the
data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal as OneOf

from worklint.knowledge import standard
from worklint.knowledge.labels import Label
from worklint.model import Constraint, Finding, Span, Worklist
from worklint.record import frozen, replace
from worklint.rules.bounds import bounding_test, bounds_in_time, lower_level, of_one_entity
from worklint.rules.value_sets import value_set
from worklint.syntax.places import (
    Block,
    Stretch,
    chain_at,
    comments,
    holds,
    stretch,
    with_parentheses,
    without_comments,
)
from worklint.syntax.printer import print_expression, print_literal
from worklint.syntax.tree import (
    And,
    Between,
    Compare,
    Expression,
    HasAll,
    HasEntity,
    In,
    IsEmpty,
    Like,
    Literal,
    Not,
    Or,
    Reference,
    WorklistBlock,
)
from worklint.text import Text

MOST_ALTERNATIVES = 12
"""Alternatives that are written out in the place of one test."""


@frozen
class Proposal:
    """Text for the place of a span. ``keeps``: the meaning is kept ``always`` (else the proposal is worth nothing),
    ``perhaps`` (the proof decides), or ``never`` whatever the proof says."""

    span: Span
    text: str
    description: str
    keeps: OneOf["always", "perhaps", "never"] = "perhaps"


@frozen(eq=False)
class Spot:
    """A finding in its text. ``chain`` are the conditions around its place, from the whole to the smallest.

    ``tests`` are the constraints of the finding's worklist, by the span of the comparison; ``home`` is the block of
    that worklist with its text, which may be another than ``text``; ``labels`` is the vocabulary by casefolded label.
    """

    finding: Finding
    text: Text
    bare: str
    block: Block
    chain: tuple[Expression, ...]
    worklist: Worklist | None
    tests: Mapping[Span, tuple[Constraint, bool]]
    labels: Mapping[str, Label]
    home: tuple[Text, WorklistBlock] | None

    @property
    def node(self) -> Expression | None:
        """The smallest condition at the finding's place."""
        return self.chain[-1] if self.chain else None

    @property
    def test(self) -> tuple[Constraint, bool] | None:
        """The constraint at the finding's place, and whether it is negated."""
        return self.tests.get(self.node.span) if self.node is not None else None

    def source(self, span: Span) -> str:
        """Return the text of a span."""
        start, end = stretch(self.text, span)
        return self.text.content[start:end]

    def span(self, where: Stretch) -> Span:
        """Return the span of a stretch."""
        return self.text.span(*where)

    def outer(self, part: Expression, whole: Expression) -> Stretch:
        """Return the stretch of a part of a condition with its parentheses."""
        return with_parentheses(self.bare, stretch(self.text, part.span), stretch(self.text, whole.span))


def proposals(
    finding: Finding, block: Block | None, text: Text, bare: str, worklist: Worklist | None,
    labels: Mapping[str, Label], home: tuple[Text, WorklistBlock] | None,
) -> Iterator[Proposal]:  # fmt: skip
    """Yield what could be written in answer to a finding, the plainest first.

    ``block`` and ``text`` are those in which the finding lies, ``bare`` is the text without comments; ``worklist`` is
    its list, and ``home`` the text and the block of that; ``labels`` is the vocabulary by casefolded label.
    """
    instead = dict(finding.facts).get("instead")
    if instead is not None:
        yield _instead(text, finding.span, instead)
    if block is None or finding.rule not in WAYS:
        return
    tests = {c.span: (c, negated) for c, negated in worklist.constraints} if worklist else {}
    spot = Spot(finding, text, bare, block, chain_at(block, finding.span), worklist, tests, labels, home)
    for way in WAYS[finding.rule]:
        yield from way(spot)


def _instead(text: Text, span: Span, words: str) -> Proposal:
    start, end = stretch(text, span)
    if not words and text.content[start - 1 : start] == " " and text.content[end : end + 1] in ("", " ", "\n", "\r"):
        start -= 1
    return Proposal(text.span(start, end), words, f"write {words.strip()}" if words else "leave it out")


# --- parts of a condition


def _take_out(spot: Spot) -> Iterator[Proposal]:
    """Without the part that changes nothing: a test, a filter, a clause, or a value of a list."""
    node = spot.node
    if isinstance(node, In):
        again = [i for i, v in enumerate(node.values) if any(_same(v, w) for w in node.values[:i])]
        if len(again) == 1:
            before, value = node.values[again[0] - 1], node.values[again[0]]
            where = stretch(spot.text, before.span)[1], stretch(spot.text, value.span)[1]
            yield Proposal(spot.span(where), "", f"take out the second {print_literal(value)}", "always")
        elif again:
            where = stretch(spot.text, node.values[0].span)[0], stretch(spot.text, node.values[-1].span)[1]
            text = ", ".join(spot.source(v.span) for i, v in enumerate(node.values) if i not in again)
            yield Proposal(spot.span(where), text, f"name each value once: {text}", "always")
    # A part is named by its first test, so it may be any part around that.
    for outer, part in zip(spot.chain[-2::-1], spot.chain[:0:-1], strict=False):
        cut = _cut(spot, outer, part) if isinstance(outer, And | Or) else None
        if cut is not None:
            yield Proposal(spot.span(cut), "", f"take out {_short(part)}", "always")


def _same(one: Literal, other: Literal) -> bool:
    return one.kind == other.kind and one.text.strip().casefold() == other.text.strip().casefold()


def _cut(spot: Spot, whole: And | Or, part: Expression) -> Stretch | None:
    """Return what goes when a part is taken out: its ``and`` too, and its line where nothing else stands on it.

    ``None`` where the word that joins it is misspelt: that has to be mended first.
    """
    at = next(i for i, p in enumerate(whole.parts) if p is part)
    start, end = spot.outer(part, whole)
    if at == 0:
        return start, spot.outer(whole.parts[1], whole)[0]
    before = spot.outer(whole.parts[at - 1], whole)[1]
    word = "and" if isinstance(whole, And) else "or"
    start = spot.bare.lower().rfind(word, before, start)
    if start < 0:
        return None
    content = spot.text.content
    line = content.rfind("\n", 0, start) + 1
    line_end = content.find("\n", end)
    if not content[line:start].strip():
        rest = spot.bare[end : line_end if line_end >= 0 else len(content)]
        quiet = not comments(content[content.rfind("\n", 0, max(line - 1, 0)) + 1 : line])
        if rest.strip() and not (quiet and rest.lstrip().startswith(")")):
            end += len(rest) - len(rest.lstrip(" \t"))
        elif not quiet and comments(content[end : line_end if line_end >= 0 else len(content)]):
            # Its own comment would go on behind that of the line before.
            end += len(content[end:]) - len(content[end:].lstrip(" \t"))
        else:
            start = line - 1 - (content[line - 2 : line] == "\r\n")
    else:
        start = len(content[:start].rstrip(" \t"))
    return start, end


def _short(node: Expression) -> str:
    text = print_expression(node)
    return text if len(text) <= 60 else text[:59].rstrip() + "…"


def _once_positive(spot: Spot) -> Iterator[Proposal]:
    """``not not x`` is ``x``."""
    node = spot.node
    if isinstance(node, Not) and isinstance(node.condition, Not):
        inner = node.condition.condition
        text = spot.source(inner.span)
        text = f"({text})" if isinstance(inner, And | Or) else text
        yield Proposal(node.span, text, "take out both `not`", "always")


def _one_test(spot: Spot) -> Iterator[Proposal]:
    """Two ranges, or two lists, of one attribute joined by ``and`` are one test."""
    whole = next((n for n in reversed(spot.chain) if isinstance(n, And)), None)
    constraint = spot.test[0] if spot.test else None
    if whole is None or constraint is None:
        return
    mine = [
        (part, spot.tests[part.span][0])
        for part in whole.parts
        if part.span in spot.tests and spot.tests[part.span][0].path == constraint.path and not spot.tests[part.span][1]
    ]
    if len(mine) < 2:
        return
    (first, a), (last, b) = mine[0], mine[-1]
    joined = _both(first, a, last, b)
    if joined is None or len(mine) > 2:
        return
    start = spot.outer(first, whole)[0]
    cut = _cut(spot, whole, last)
    if cut is None:
        return
    between, end = spot.text.content[spot.outer(first, whole)[1] : cut[0]], cut[1]
    text = print_expression(joined)
    yield Proposal(spot.span((start, end)), text + between, f"write {text}", "always")


def _both(one: Expression, a: Constraint, other: Expression, b: Constraint) -> Expression | None:
    x, y = value_set(a), value_set(b)
    if x.clock or y.clock:
        return None
    if isinstance(one, In) and isinstance(other, In) and not one.negated and not other.negated:
        kept = tuple(v for v in one.values if any(_same(v, w) for w in other.values))
        return replace(one, values=kept) if len(kept) > 1 else None
    if x.kind != "range" or y.kind != "range" or True in (*x.open, *y.open, *a.strict, *b.strict):
        return None
    lows = [(s.low, _low(n)) for s, n in ((x, one), (y, other)) if s.low is not None]
    highs = [(s.high, _high(n)) for s, n in ((x, one), (y, other)) if s.high is not None]
    low = max(lows, key=lambda p: p[0])[1] if lows else None
    high = min(highs, key=lambda p: p[0])[1] if highs else None
    if low is None or high is None or not isinstance(one, Compare | Between):
        return None
    return Between(one.subject, low, high, one.span)


def _low(node: Expression) -> Literal | None:
    if isinstance(node, Between):
        return node.low
    return node.value if isinstance(node, Compare) and node.operator == ">=" else None


def _high(node: Expression) -> Literal | None:
    if isinstance(node, Between):
        return node.high
    return node.value if isinstance(node, Compare) and node.operator == "<=" else None


def _series_has(spot: Spot) -> Iterator[Proposal]:
    """Tests of one lower entity that stand side by side, as tests of one and the same."""
    whole = next((n for n in reversed(spot.chain) if isinstance(n, And)), None)
    if whole is None or spot.worklist is None or any(isinstance(n, HasEntity) for n in spot.chain):
        return
    levels = {
        part.span: lower_level(spot.worklist, spot.tests[part.span][0])
        for part in whole.parts
        if part.span in spot.tests and not spot.tests[part.span][1]
    }
    level = next((levels[n.span] for n in reversed(spot.chain) if levels.get(n.span)), None)
    inside = [part for part in whole.parts if level and levels.get(part.span) == level]
    if len(inside) < 2 or level is None:
        return
    texts = [of_one_entity(spot.source(part.span), spot.tests[part.span][0], level) for part in inside]
    clause = f"{level} has ({' and '.join(dict.fromkeys(texts))})"
    extents = [spot.outer(part, whole) for part in whole.parts]
    first, last = whole.parts.index(inside[0]), whole.parts.index(inside[-1])
    text = clause
    for i in range(first + 1, last + 1):
        if whole.parts[i] not in inside:
            text += spot.text.content[extents[i - 1][1] : extents[i][1]]
    where = extents[first][0], extents[last][1]
    yield Proposal(spot.span(where), text, f"write {clause}: one and the same {level}", "never")


# --- one test


def _exchanged(spot: Spot) -> Iterator[Proposal]:
    """The attribute that the standard has for the level asked at, or in the place of a retired one."""
    subject = getattr(spot.node, "subject", None)
    if spot.test is None or not isinstance(subject, Reference) or len(spot.test[0].path) != 1:
        return
    constraint = spot.test[0]
    use = standard.exchanged(constraint.path[0].keyword, constraint.level)
    if use and constraint.attribute_level != constraint.level:
        yield Proposal(subject.span, use, f"write {use}")


def _standard_key(spot: Spot) -> Iterator[Proposal]:
    """The attribute that a label of the viewer stands for, or a key that comes near to it."""
    node = spot.node
    subject = getattr(node, "subject", None)
    constraint = spot.test[0] if spot.test else None
    if constraint is None or constraint.label is None or not isinstance(subject, Reference) or node is None:
        return
    label = spot.labels.get(constraint.label.casefold())
    if label is None or len(subject.parts) != 1:
        return
    if constraint.path:
        exactly = label.mapping == "stated" and not label.computed
        keeps: OneOf["perhaps", "never"] = "perhaps" if exactly else "never"
        yield Proposal(subject.span, constraint.name, f"write {constraint.name}: it is sent to every source", keeps)
    elif label.near and isinstance(node, Compare | In) and not getattr(node, "ignoring", None):
        values = node.values if isinstance(node, In) else (node.value,)
        if all(v.kind == "string" and v.text for v in values):
            tests = [f"{label.near} {print_literal(v)}" for v in values]
            text = tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"
            text = f"not {text}" if node.negated else text
            yield Proposal(node.span, text, f"write {text}, which comes near to it", "never")


def _values_wanted(spot: Spot) -> Iterator[Proposal]:
    """The other values in the place of a negation, where the dictionaries list all of them."""
    node = spot.node
    if spot.test is None or not spot.test[1] or not isinstance(node, Compare | In):
        return
    constraint = spot.test[0]
    label = spot.labels.get((constraint.label or "").casefold())
    known = label.values if label and not constraint.path else ()
    if constraint.path and not known:
        known = standard.defined_values(constraint.path[-1].keyword)
    left_out = {v.text for v in constraint.values}
    if constraint.asked not in ("single", "any-of") or not known or not left_out <= set(known):
        return
    kept = tuple(Literal("string", v, node.span, v) for v in known if v not in left_out)
    outside = spot.chain[-2] if len(spot.chain) > 1 else None
    if isinstance(outside, Not):
        if node.negated:
            return
        where: Expression = outside
    elif node.negated:
        where = node
    else:
        return
    if not kept or not isinstance(node.subject, Reference):
        return
    one = len(kept) == 1
    test = Compare(node.subject, "=", kept[0], node.span) if one else In(node.subject, kept, node.span)
    text = print_expression(test)
    yield Proposal(where.span, text, f"name the values that are wanted: {text}", "never")


def _letter_case_counts(spot: Spot) -> Iterator[Proposal]:
    """Without ``ignoring``: the spelling that is stored, as the source compares it."""
    node = spot.node
    if node is not None and getattr(node, "ignoring", None):
        text = print_expression(replace(node, ignoring=frozenset()))
        yield Proposal(node.span, text, f"write {text}", "never")


def _whole_family(spot: Spot) -> Iterator[Proposal]:
    """A family name with whatever follows it."""
    node = next((n for n in reversed(spot.chain) if isinstance(n, Compare)), None)
    test = spot.tests.get(node.span) if node else None
    if node is None or test is None or test[0].vr != "PN" or not isinstance(node.subject, Reference):
        return
    text = node.value.text
    if node.operator != "=" or node.value.kind != "string" or not text or any(c in text for c in "*?=\\"):
        return
    tail = "*" if "^" in text else "^*"
    value = replace(node.value, text=text + tail, pattern=node.value.pattern + tail)
    yield _as(node, Like(node.subject, value, node.span, node.negated, node.ignoring), "never")


def _pattern(spot: Spot) -> Iterator[Proposal]:
    """``=`` with wild cards, as ``like``."""
    node = next((n for n in reversed(spot.chain) if isinstance(n, Compare)), None)
    if node is None or node.operator != "=" or node.value.kind != "string" or not isinstance(node.subject, Reference):
        return
    if "*" in node.value.text or "?" in node.value.text:
        pattern = node.value.pattern.replace("\\*", "*").replace("\\?", "?")
        value = replace(node.value, pattern=pattern)
        yield _as(node, Like(node.subject, value, node.span, node.negated, node.ignoring), "never")


def _not_empty(spot: Spot) -> Iterator[Proposal]:
    """``like "*"`` asks whether there is a value."""
    node = next((n for n in reversed(spot.chain) if isinstance(n, Like)), None)
    if node is not None and not node.value.pattern.strip("*"):
        yield _as(node, IsEmpty(node.subject, node.span, not node.negated), "perhaps")


def _empty(spot: Spot) -> Iterator[Proposal]:
    """A value that is only shown where none came: no value."""
    node = next((n for n in reversed(spot.chain) if isinstance(n, Compare)), None)
    if node is not None and isinstance(node.subject, Reference):
        yield _as(node, IsEmpty(node.subject, node.span, node.negated), "never")


def _one_value(spot: Spot) -> Iterator[Proposal]:
    """A list of one value is that value."""
    node = spot.node
    if isinstance(node, In | HasAll) and len(node.values) == 1:
        negated = getattr(node, "negated", False)
        yield _as(node, Compare(node.subject, "=", node.values[0], node.span, negated, node.ignoring), "perhaps")


def _one_by_one(spot: Spot) -> Iterator[Proposal]:
    """A list as one test for each of its values."""
    node = spot.node
    if not isinstance(node, In) or node.negated or not 1 < len(node.values) <= MOST_ALTERNATIVES:
        return
    tests = [print_expression(Compare(node.subject, "=", v, node.span, False, node.ignoring)) for v in node.values]
    text = " or ".join(tests)
    alone = len(spot.chain) < 2 or isinstance(spot.chain[-2], Or)
    describe = f"write a test for each value: {tests[0]} or …"
    yield Proposal(node.span, text if alone else f"({text})", describe, "always")


def _spellings(spot: Spot) -> Iterator[Proposal]:
    """Without ``ignoring``: the usual spellings of each value."""
    node = spot.node
    equal = isinstance(node, In) or (isinstance(node, Compare) and node.operator == "=")
    if not isinstance(node, Compare | In) or not isinstance(node.subject, Reference):
        return
    if not equal or node.ignoring != frozenset({"case"}) or node.negated:
        return
    written = node.values if isinstance(node, In) else (node.value,)
    if any(v.kind != "string" for v in written):
        return
    ways: tuple[Callable[[str], str], ...] = (str, str.upper, str.title, str.lower)
    spelled = dict.fromkeys((way(v.text), way(v.pattern)) for v in written for way in ways)
    values = tuple(Literal("string", text, node.span, pattern) for text, pattern in spelled)
    if 1 < len(values) <= MOST_ALTERNATIVES:
        yield _as(node, In(node.subject, values, node.span), "never")


def _equal_ends(spot: Spot) -> Iterator[Proposal]:
    """A single value as a range with equal ends, or such a range as a single value."""
    node = spot.node
    if isinstance(node, Compare) and node.operator == "=" and not node.ignoring and spot.test:
        if standard.vr(spot.test[0].vr).has_order and node.value.kind != "parameter":
            yield _as(node, Between(node.subject, node.value, node.value, node.span, node.negated), "perhaps")
    elif isinstance(node, Between) and _same(node.low, node.high) and isinstance(node.subject, Reference):
        yield _as(node, Compare(node.subject, "=", node.low, node.span, node.negated), "perhaps")


def _as(node: Expression, other: Expression, keeps: OneOf["perhaps", "never"]) -> Proposal:
    text = print_expression(other)
    return Proposal(node.span, text, f"write {text}", keeps)


# --- the whole list


def _date_bound(spot: Spot) -> Iterator[Proposal]:
    """A bound in time for the whole condition."""
    block = spot.block
    if not isinstance(block, WorklistBlock) or spot.worklist is None:
        return
    test = bounding_test(spot.worklist)
    content = spot.text.content
    start, end = stretch(spot.text, block.span)
    if block.where is None:
        at = end - 1
        line = content.rfind("\n", 0, at) + 1
        own = not content[line:at].strip() and line > start
        where = (line, line) if own else (at, at)
        text = f"    where {test}{_line_end(content)}" if own else f"where {test} "
        yield Proposal(spot.span(where), text, f"add where {test}", "never")
        return
    whole = with_parentheses(spot.bare, stretch(spot.text, block.where.span), (start, end))
    open_ = [p for p in block.where.parts if not _bounded(spot, p)] if isinstance(block.where, Or) else []
    if len(open_) == 1:
        at = spot.outer(open_[0], block.where)[1]
        yield Proposal(spot.span((at, at)), f" and {test}", f"add and {test} to {_short(open_[0])}", "never")
        return
    inside = content[whole[0] : whole[1]]
    if isinstance(block.where, Or) and whole == stretch(spot.text, block.where.span):
        inside = f"({inside})"
    before = content[content.rfind("\n", 0, whole[0]) + 1 : whole[0]]
    indent = before[: len(before) - len(before.lstrip())]
    separate = "\n" in inside
    text = f"{inside}{_line_end(content) + indent + '  ' if separate else ' '}and {test}"
    yield Proposal(spot.span(whole), text, f"add and {test}", "never")


def _bounded(spot: Spot, branch: Expression) -> bool:
    """Tell if a branch holds a test that bounds it in time, as it seems; whether it really does is judged later."""
    tests = (c for span, (c, negated) in spot.tests.items() if not negated and holds(branch.span, span))
    return any(bounds_in_time(c) for c in tests)


def _line_end(content: str) -> str:
    return "\r\n" if "\r\n" in content else "\n"


def _own_level(spot: Spot) -> Iterator[Proposal]:
    """The list at the level at which the attribute lives."""
    if spot.test is None or spot.home is None or spot.worklist is None:
        return
    constraint = spot.test[0]
    home = constraint.attribute_level
    if constraint.level != spot.worklist.level or home in (None, constraint.level) or lower_level(
        spot.worklist, constraint
    ) != home:  # fmt: skip
        return
    text, block = spot.home
    setting = block.setting("level")
    describe = f"make it a list of {home if home == 'series' else f'{home}s'}: level {home}"
    if setting is not None:
        value = setting.values[0]
        yield Proposal(value.span, str(home), describe, "never")
        return
    start, end = stretch(text, block.head)[1], stretch(text, block.span)[1]
    at = start + without_comments(text.content[start:end]).index("{") + 1
    ending = _line_end(text.content)
    inline = ending not in text.content[at : stretch(text, block.span)[1]]
    added = f" level {home}" if inline else f"{ending}    level {home}"
    yield Proposal(text.span(at, at), added, describe, "never")


Way = Callable[[Spot], Iterator[Proposal]]

_OF_A_KEY: Sequence[Way] = (_standard_key, _exchanged, _equal_ends, _one_value, _one_by_one, _values_wanted, _spellings,
                            _letter_case_counts, _whole_family, _series_has, _own_level)  # fmt: skip
"""What can be tried where a source does not do with a key what the test says."""

WAYS: Mapping[str, Sequence[Way]] = {
    "WL203": (_once_positive, _take_out),
    "WL204": (_take_out,),
    "WL205": (_date_bound,),
    "WL206": (_date_bound,),
    "WL207": (_one_test,),
    "WL210": (_series_has,),
    "WL213": (_whole_family,),
    "WL303": (_exchanged,),
    "WL322": (_exchanged, _own_level),
    "WL330": (_standard_key,),
    "WL331": (_empty,),
    "WL405": (_pattern,),
    "WL406": (_not_empty,),
    "WL422": (_one_test,),
    **dict.fromkeys(
        ("WL310", "WL311", "WL312", "WL313", "WL315", "WL320", "WL321", "WL411", "WL412", "WL413", "WL414",
         "WL415", "WL417", "WL418", "WL419", "WL420", "WL421", "WL424", "WL425", "WL426", "WL501", "WL502", "WL503",
         "WL504", "WL505", "WL602", "WL603", "WL605", "WL606", "WL607", "WL608"),
        _OF_A_KEY,
    ),
}  # fmt: skip
"""The ways by the rule that asks for them."""

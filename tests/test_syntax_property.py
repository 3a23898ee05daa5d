"""The language on generated text: the loop against Lark, trees there and back, nothing that raises."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lark import Lark, Tree
from lark.exceptions import UnexpectedInput

from worklint.model import Span
from worklint.syntax import parser, tree
from worklint.syntax._tables import KEYWORDS, RULES
from worklint.syntax.parser import DEFAULT_LIMITS, Reader, parse
from worklint.syntax.printer import print_document, print_expression
from worklint.text import Text

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]
from build_tables import grammar  # noqa: E402
from test_syntax import FORMS, bare  # noqa: E402

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
NOWHERE = Span("t", 1, 1, 1, 1)


# Trees there and back

names = st.sampled_from(["A", "PatientName", "x-ray_1", "Überweiser", "orB", "inn", "日本"])
texts = st.lists(
    st.sampled_from(["a", "É", " ", "*", "?", r"\*", r"\?", r"\\", '"', "^", "日", "#", "{", "}", "worklist", "'"]),
    min_size=1, max_size=6,
)  # fmt: skip


def literal(kind: str, text: str, pattern: str = "") -> tree.Literal:
    return tree.Literal(kind, text, NOWHERE, pattern)  # type: ignore[arg-type]


def string(pieces: list[str]) -> tree.Literal:
    text = "".join(p[1] if p[0] == "\\" and len(p) == 2 else p for p in pieces)
    return literal("string", text, "".join(pieces))


strings = texts.map(string)
plain = texts.map(lambda pieces: string([p for p in pieces if "\\" not in p] or ["x"]))
values = st.one_of(
    plain,
    st.sampled_from([
        literal("number", "-12.5"), literal("number", "20260131"), literal("date", "2026-01-31"),
        literal("time", "13:05:07.25"), literal("datetime", "2026-01-31T13:05Z"), literal("day", "today"),
        literal("parameter", "user"),
    ]),
)  # fmt: skip
parts = st.one_of(
    names.map(lambda name: tree.Part("keyword", name, NOWHERE)),
    st.sampled_from(["00180015", "00291010", "0018A0FE"]).map(lambda tag: tree.Part("tag", tag, NOWHERE)),
    st.just(tree.Part("private", "0029xx10", NOWHERE, 'SIEMENS "CSA" \\ HEADER')),
    st.sampled_from(["Body part", 'a "b" \\', "worklist {"]).map(lambda text: tree.Part("label", text, NOWHERE)),
)
references = st.lists(parts, min_size=1, max_size=3).map(lambda p: tree.Reference(tuple(p), NOWHERE))
moments = references | st.builds(tree.PairReference, references, references, st.just(NOWHERE))
folds = st.frozensets(st.sampled_from(["case", "accents"]))
booleans = st.booleans()
spans = st.just(NOWHERE)
lists = st.lists(values, min_size=1, max_size=4).map(tuple)
counts = st.integers(0, 999_999)
units = st.sampled_from(["days", "week", "unknown-unit"])
leaves = st.one_of(
    st.builds(tree.Compare, references, st.sampled_from(["<", "<=", ">", ">="]), values, spans, ignoring=folds),
    st.builds(tree.Compare, references, st.just("="), values, spans, booleans, folds),
    st.builds(tree.In, references, lists, spans, booleans, folds),
    st.builds(tree.HasAll, references, lists, spans, folds),
    *(st.builds(kind, references, strings, spans, booleans, folds)
      for kind in (tree.Like, tree.Contains, tree.StartsWith, tree.EndsWith)),
    st.builds(tree.SoundsLike, references, strings, spans, booleans),
    st.builds(tree.Between, moments, values, values, spans, booleans),
    st.builds(tree.Within, moments, st.sampled_from(["last", "next"]), counts, units, spans, spans, booleans),
    st.builds(tree.Within, moments, st.just("this"), st.just(1), units, spans, spans, booleans),
    st.builds(tree.OlderThan, moments, counts, units, spans, spans, booleans),
    st.builds(tree.IsEmpty, references, spans, booleans),
    st.builds(tree.Use, names, spans),
)  # fmt: skip
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(tree.Not, inner, spans),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: tree.And(tuple(p), NOWHERE)),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: tree.Or(tuple(p), NOWHERE)),
        st.builds(tree.HasItem, references, inner, spans),
        st.builds(tree.HasEntity, st.sampled_from(["study", "series", "image"]), inner, spans),
    ),
    max_leaves=8,
)


@QUICK
@given(conditions)
def test_a_tree_is_printed_and_read_again(condition: Any):
    printed = print_expression(condition)
    assert "\n" not in printed
    document = parse(Text.of(f'worklist "T" {{ where {printed} }} filter f {{ {printed} }}', "t"))
    assert document.problems == ()
    assert bare(document.worklists[0].where) == bare(condition)
    assert bare(document.filters[0].condition) == bare(condition)


# The loop against Lark


@pytest.fixture(scope="module")
def lark() -> Lark:
    return grammar()


def of_lark(node: Any) -> Any:
    if isinstance(node, Tree):
        return [] if node.data == "empty" else (str(node.data), [of_lark(child) for child in node.children])
    return (node.type, str(node))


def of_loop(content: str) -> Any:
    """What the loop makes with actions that only build tuples; ``None`` where it stops."""

    def action(name: str) -> Any:
        return lambda reader, v, a, b: (name, [(x[0], x[3]) if len(x) == 4 else x for x in v])

    kept = parser._RULES
    parser._RULES = tuple((n, origin, action(name) if name else None, k) for n, origin, name, k in RULES)
    try:
        reader = Reader(Text.of(content, "t"), DEFAULT_LIMITS)
        reader.recover = lambda token: False  # type: ignore[method-assign]
        reader.end = len(content)
        return reader.frames[1][1] if reader.run() else None
    finally:
        parser._RULES = kept


def lark_of(lark: Lark, content: str) -> Any:
    try:
        return of_lark(lark.parse(content))
    except UnexpectedInput:
        return None


def block(condition: str) -> str:
    return f'worklist "T" {{ where {condition} }}'


@pytest.mark.parametrize("line", FORMS)
def test_loop_and_lark_agree_on_the_corpus(lark: Lark, line: str):
    text = block(line.partition("  =>  ")[0])
    assert of_loop(text) == lark_of(lark, text) is not None


@QUICK
@given(conditions)
def test_loop_and_lark_agree_on_trees(lark: Lark, condition: Any):
    text = block(print_expression(condition))
    assert of_loop(text) == lark_of(lark, text)


PIECES = sorted(KEYWORDS) + [word.upper() for word in sorted(KEYWORDS)[::5]] + [
    "(", ")", ",", ".", "=", "!=", "<=", "==", "<>", '"CT"', '"', "'x'", "A", "Bc-d", "x", "chest", "12", "-1.5",
    "20260131", "00180015", "0018A001", "(0018,0015)", "(0018,00fe)", '(0029,xx10 "C")', "2026-01-31", "13:05",
    "2026-01-31T13:05", "31.01.2026", "1.2.840.1", "$user", "today", "days", "7", "#c\n", "\n", "%", "&&", "||", "!",
    '"a\\*b"', '"\\n"', '""', ";", "[", "]", "case", "liKe", "oſ", "worklst", "and-x", "a--b",
]  # fmt: skip
soup = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([" ", " ", " ", ""])), max_size=25)


def joined(pieces: list[tuple[str, str]]) -> str:
    return "".join(a + b for a, b in pieces)


@QUICK
@given(soup)
def test_loop_and_lark_agree_on_tokens(lark: Lark, pieces: list[tuple[str, str]]):
    text = block(joined(pieces)).replace("}", "") + "\n}"
    assert of_loop(text) == lark_of(lark, text)


# Nothing raises, and what is said points into the text


def judged(content: str) -> None:
    text = Text.of(content, "t")
    document = parse(text)
    for problem in document.problems:
        span = problem.span
        assert problem.message and "{" not in problem.code
        assert 1 <= span.line <= span.end_line <= len(text.line_starts)
        assert text.offset(span.line, span.column) <= text.offset(span.end_line, span.end_column) <= len(content)
        assert len(problem.expected) <= 8
    assert document.complete or document.problems
    if document.complete and not document.problems:
        again = parse(Text.of(print_document(document), "t"))
        assert again.problems == ()
        assert bare((again.filters, again.worklists)) == bare((document.filters, document.worklists))


@QUICK
@given(st.text(max_size=200))
def test_any_text_is_read_without_an_exception(content: str):
    judged(content)
    judged(block(content))


@settings(QUICK, max_examples=400)
@given(soup, soup)
def test_any_tokens_are_read_without_an_exception(first: list[tuple[str, str]], second: list[tuple[str, str]]):
    judged(joined(first))
    judged('worklist "A" { ' + joined(first) + " } filter f { " + joined(second) + '} worklist "B" { where A = "1" }')
    judged(block(joined(second)) + joined(first))


@QUICK
@given(soup)
def test_a_bad_block_hides_nothing_in_the_next(pieces: list[tuple[str, str]]):
    bad = joined([p for p in pieces if "ilter" not in p[0].lower() and "orkl" not in p[0].lower()])
    document = parse(Text.of(f'worklist "A" {{ {bad}\nworklist "B" {{ where A = "1" }}', "t"))
    assert [b.complete for b in document.worklists if b.name == "B"] == [True]


EXAMPLE = (ROOT / "tests/corpus/chest.worklist").read_text(encoding="utf-8")


@QUICK
@given(st.integers(0, len(EXAMPLE)), st.integers(0, 12), st.sampled_from(["", *PIECES]))
def test_a_file_with_a_slip_is_read(at: int, length: int, new: str):
    judged(EXAMPLE[:at] + new + EXAMPLE[at + length :])

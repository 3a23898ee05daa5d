"""The language: text to tree to text, and every mistake with its message.

``python tests/test_syntax.py`` rewrites the expected messages of tests/corpus/errors.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from worklint.knowledge.data import path
from worklint.model import Span
from worklint.syntax import parser, tree
from worklint.syntax.inputs import read_bytes, reader_for, suffixes
from worklint.syntax.parser import Limits, parse
from worklint.syntax.printer import print_document, print_expression
from worklint.syntax.tree import Document
from worklint.text import Text, TextError, caret, decode, show

ROOT = Path(__file__).resolve().parent.parent
CORPUS = sorted((ROOT / "tests" / "corpus").glob("*.worklist"))
ERRORS = sorted((ROOT / "tests" / "corpus" / "errors").glob("*.worklist"))
MISTAKES = json.loads(path("grammars/errors.json").read_text(encoding="utf-8"))["mistakes"]


def bare(node: Any) -> Any:
    """The tree without spans."""
    if isinstance(node, tuple):
        return tuple(bare(item) for item in node)
    if is_dataclass(node):
        held = ((f.name, getattr(node, f.name)) for f in fields(node))
        return (type(node).__name__, *((name, bare(v)) for name, v in held if not isinstance(v, Span)))
    return node


def read(content: str, **limits: int) -> Document:
    return parse(Text.of(content, "t.worklist"), Limits(**limits))


def block(condition: str) -> str:
    return f'worklist "T" {{ where {condition} }}'


def where(condition: str) -> Any:
    document = read(block(condition))
    assert document.problems == ()
    return document.worklists[0].where


def written(document: Document) -> str:
    """Everything that a document says, to compare with a golden file."""
    lines = []
    text = Text.of(Path(document.file).read_text(encoding="utf-8"), document.file)
    for p in document.problems:
        lines.append(f"{p.span.line}:{p.span.column} {p.code} {p.message}")
        lines += [f"    {line}" for line in caret(text, p.span).split("\n")]
        lines += [f"    {p.remedy}"] if p.remedy else []
        lines += ["    expected: " + "; ".join(p.expected)] if p.expected else []
    for b in (*document.filters, *document.worklists):
        lines.append(f"{type(b).__name__} {b.name}: {'complete' if b.complete else 'not judged'}")
    return "\n".join(lines) + "\n"


# Text to tree to text

FORMS = [line for line in (ROOT / "tests/corpus/forms.txt").read_text(encoding="utf-8").splitlines() if line.strip()]


@pytest.mark.parametrize("line", FORMS)
def test_canonical_text_of_a_condition(line: str):
    """One line a case: what is written, then ``=>`` and its canonical spelling where that differs."""
    source, _, canonical = line.partition("  =>  ")
    printed = print_expression(where(source))
    assert printed == (canonical or source)
    assert bare(where(printed)) == bare(where(source))


@pytest.mark.parametrize("file", CORPUS, ids=lambda f: f.stem)
def test_corpus_is_read_and_printed(file: Path):
    document = parse(decode(file.read_bytes(), file.name))
    assert document.problems == ()
    assert document.complete
    again = read(print_document(document))
    assert bare((again.filters, again.worklists)) == bare((document.filters, document.worklists))


def test_spans_point_at_what_was_written():
    text = Text.of('worklist "Ä" {\r\n  where PatientName = "Ö𝄞" and B.C like "x"\n}', "t.worklist")
    found = parse(text).worklists[0]
    assert isinstance(found.where, tree.And)
    first, second = found.where.parts
    assert isinstance(first, tree.Compare)
    assert first.value.span == Span("t.worklist", 2, 23, 2, 27)
    assert isinstance(second, tree.Like)
    assert second.subject.span == Span("t.worklist", 2, 32, 2, 35)
    assert found.span == Span("t.worklist", 1, 1, 3, 2)
    assert found.head == Span("t.worklist", 1, 1, 1, 13)


def test_a_pattern_keeps_its_escapes_and_the_text_does_not():
    like = where(r'A like "a\*b*\?\\\"c"')
    assert like.value.text == 'a*b*?\\"c'
    assert like.value.pattern == r"a\*b*\?\\" + '"c'


def test_settings_in_any_order_with_reserved_words_in_any_case():
    found = read('WorkList "T" { LEVEL Study SORT A descending, "Body part" limit 5 sources a-b, ß Where A = 1 }')
    assert found.problems == ()
    names = [(s.name, len(s.values)) for s in found.worklists[0].settings]
    assert names == [("level", 1), ("sort", 2), ("limit", 1), ("sources", 2)]


# Mistakes


def examples() -> list[Any]:
    cases = []
    for entry in MISTAKES:
        for broken, fixed, *count in entry.get("examples", ()):
            cases.append(pytest.param(entry, block(broken), fixed, *(count or [1]), id=f"{entry['name']}: {broken}"))
        for text in entry.get("file_examples", ()):
            cases.append(pytest.param(entry, text, None, 1, id=f"{entry['name']}: {text}"))
    return cases


def shape(template: str) -> str:
    return re.sub(r"\\\{\w+\\\}", ".*", re.escape(template))


@pytest.mark.parametrize(("entry", "text", "fixed", "count"), examples())
def test_mistake_has_its_message_and_its_correction(entry: dict[str, Any], text: str, fixed: str | None, count: int):
    document = read(text)
    assert [p.code for p in document.problems] == [entry["code"]] * count
    assert re.fullmatch(shape(entry["message"]), document.problems[0].message)
    assert "…`" not in document.problems[0].remedy or "(…)" in document.problems[0].remedy
    outside = entry["name"] in ("outside", "brace-too-much")
    assert document.complete == (not entry.get("spoils", False) and not outside)
    if fixed is not None:
        wanted = read(block(fixed))
        assert wanted.problems == ()
        assert bare(document.worklists) == bare(wanted.worklists)


@pytest.mark.parametrize(("entry", "text", "fixed", "count"), examples())
def test_what_stands_instead_is_what_was_read(entry: dict[str, Any], text: str, fixed: str | None, count: int):
    """Written as the reader offers, a text has no mistake any more and the same tree."""
    before = read(text)
    places = Text.of(text)
    for problem in before.problems[::-1]:
        if problem.instead is not None:
            span = problem.span
            start, end = places.offset(span.line, span.column), places.offset(span.end_line, span.end_column)
            text = text[:start] + problem.instead + text[end:]
    after = read(text)
    if any(p.instead is None for p in before.problems):
        assert "fix" not in entry
    else:
        assert after.problems == ()
        assert entry.get("spoils") or bare(after.worklists) == bare(before.worklists)


@pytest.mark.parametrize("entry", MISTAKES, ids=lambda e: e["name"])
def test_every_mistake_has_an_example(entry: dict[str, Any]):
    limited = entry["name"].endswith("-limit") or entry["name"] == "square-bracket-end"
    assert limited or entry.get("examples") or entry.get("file_examples")


@pytest.mark.parametrize("file", ERRORS, ids=lambda f: f.stem)
def test_errors_read_as_expected(file: Path):
    document = parse(decode(file.read_bytes(), str(file)))
    assert written(document) == file.with_suffix(".txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ERRORS, ids=lambda f: f.stem)
def test_what_could_stand_there_is_short(file: Path):
    for problem in parse(decode(file.read_bytes(), str(file))).problems:
        assert len(problem.expected) <= 8


# Limits


LIMITS = [
    ("nesting", block("(" * 100_000 + "A = 1" + ")" * 100_000), {}),
    ("nesting", block("not " * 100_000 + "A = 1"), {}),
    ("nesting", block("(" * 4 + "A = 1" + ")" * 4), {"nesting": 3}),
    ("string", block(f'A = "{"x" * 11_000}"'), {}),
    ("list", block(f"A in ({', '.join('1' * 12)})"), {"list": 11}),
    ("constraint", block(" and ".join(["A = 1"] * 12)), {"constraints": 11}),
    ("period", block("A within last 99999999999999999999 days"), {}),
]


@pytest.mark.parametrize(("what", "text", "limits"), LIMITS, ids=[f"{w}-{len(t)}" for w, t, _ in LIMITS])
def test_a_limit_is_stated_and_the_block_not_judged(what: str, text: str, limits: dict[str, int]):
    document = read(text, **limits)
    assert [p.code for p in document.problems] == ["WL105"]
    assert re.search(r"\d", document.problems[0].message)
    assert not document.worklists[0].complete


def test_nesting_up_to_the_limit_is_read_printed_and_compared():
    text = block("(A = 1 and (B = 2 or " * 99 + "not not C = 3" + "))" * 99)
    document = read(text)
    assert document.problems == ()
    assert bare(read(print_document(document)).worklists) == bare(document.worklists)
    assert hash(document) == hash(read(text))


def test_number_of_problems_is_bounded():
    document = read("\n".join(block("A = ^") for _ in range(300)))
    assert len(document.problems) == Limits().problems
    assert len(document.worklists) == 300


JUNK = [
    "x" * 2_000_000,
    "^" * 1_000_000,
    '"' * 100_000 + "\n" + '"\n' * 100_000,
    block("A = 1 and " + "^ " * 500_000),
    block("A in (" + '"x", ' * 60_000),
    'worklist "T" {' * 6_000,
    'filter x { A = "' * 6_000,
    "worklist\n" * 20_000,
    "1." * 500_000,
    block("A = " + "1." * 300_000),
    block("A = " + "-" * 1_000_000),
    "worklst \"X\" {\n" * 20_000,
    "a \"\" " * 200_000,
    "# worklint: ignore[A1] x\n" * 20_000,
    block("A = " + "\\" * 500_000),
    '\n'.join(f'worklist "{i}" {{ colour "x" where A == 1 }} rubbish' for i in range(4_000)),
]  # fmt: skip


@pytest.mark.parametrize("text", JUNK, ids=range(len(JUNK)))
def test_junk_takes_linear_time(text: str):
    """Compared with a tenth of it: quadratic work would take a hundred times as long."""
    start = time.process_time()
    read(text[: len(text) // 10])
    small = time.process_time() - start
    start = time.process_time()
    read(text)
    assert time.process_time() - start < 40 * small + 1


# Bytes

BYTES = [
    ('worklist "T" {}'.encode("utf-16"), "UTF-16"),
    ('worklist "T" {}'.encode("utf-16-le"), "UTF-16"),
    ("# Müller".encode("latin-1"), "0xFC"),
    (b"a\0b", "NUL"),
    (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 32)) * 3, "no text"),
]


@pytest.mark.parametrize(("data", "said"), BYTES, ids=[s for _, s in BYTES])
def test_other_encodings_are_refused_with_a_message(data: bytes, said: str):
    document = read_bytes(data, "t.worklist")
    assert [p.code for p in document.problems] == ["WL106"]
    assert said in document.problems[0].message
    assert document.problems[0].remedy


def test_a_large_file_is_refused():
    document = read_bytes(b"#" * 100, "t.worklist", limits=Limits(file=99))
    assert [p.code for p in document.problems] == ["WL105"]


def test_byte_order_mark_and_line_ends_do_not_count():
    first = read_bytes('worklist "T" { where A = "ü" }'.encode(), "t.worklist")
    second = read_bytes('\ufeffworklist "T" { where A = "ü" }'.encode(), "t.worklist")
    assert second == first


def test_only_lf_and_crlf_end_a_line():
    text = Text.of("a\u2028b\rc\x0bd\r\ne\nf")
    assert [text.line(n) for n in range(1, 5)] == ["a\u2028b\rc\x0bd", "e", "f", ""]
    assert text.position(text.content.index("f")) == (3, 1)
    with pytest.raises(TextError):
        decode(b"\xff\xfe")


CARETS = [
    (("abc", 2, 1), ("abc", " ^")),
    (("\tabc", 3, 2), ("\tabc", "\t ^^")),
    (("abc", 4, 1), ("abc", "   ^")),
    (("日本x", 3, 1), ("日本x", "    ^")),
    (("a\x1bb", 3, 1), ("a\ufffdb", "  ^")),
]


@pytest.mark.parametrize(("arguments", "wanted"), CARETS)
def test_caret_stands_below_what_is_meant(arguments: tuple[str, int, int], wanted: tuple[str, str]):
    assert show(*arguments) == wanted


@pytest.mark.parametrize("column", [1, 30, 500, 9_990, 10_000])
def test_an_endless_line_is_cut_around_the_caret(column: int):
    line = "".join(chr(97 + n % 26) for n in range(10_000))
    shown, carets = show(line, column, 3)
    assert len(shown) <= 80 and len(carets) <= 80
    assert shown[carets.index("^")] == line[column - 1]


# Suppressions


SUPPRESSED = """# worklint: ignore[WL1] all of the filter
filter x { A = "1" }
worklist "T" {
    # worklint: ignore[WL2, wl3@hub] until 2027-03-01 the level is right
    level study
    # a comment between
    # worklint: ignore[WL4] the whole parenthesis
    where (A = "1"
        or B = "2")  # worklint: ignore[WL5] this line
    # worklint: ignore[WL6] one test
      and not C = "# worklint: ignore[WL7] no comment"
}
# worklint: ignore[WL8] nothing follows
"""


def test_suppressions_cover_the_line_or_what_begins_next():
    found = {s.codes[0][0]: s for s in read(SUPPRESSED).suppressions}
    assert list(found) == ["WL1", "WL2", "WL4", "WL5", "WL6", "WL8"]
    assert found["WL2"].codes == (("WL2", None), ("WL3", "hub"))
    assert (found["WL2"].until, found["WL2"].reason) == ("2027-03-01", "the level is right")
    covers = {code: (s.covers.line, s.covers.column, s.covers.end_line, s.covers.end_column) if s.covers else None
              for code, s in found.items()}  # fmt: skip
    assert covers == {
        "WL1": (2, 1, 2, 21),
        "WL2": (5, 5, 5, 16),
        "WL4": (8, 11, 9, 20),
        "WL5": (9, 1, 10, 1),
        "WL6": (11, 15, 11, 55),
        "WL8": None,
    }
    assert found["WL4"].covers_place(Span("t.worklist", 9, 12, 9, 19))
    assert not found["WL4"].covers_place(Span("t.worklist", 11, 15, 11, 16))


# Tables


def test_tables_are_those_of_the_grammar():
    code = subprocess.run([sys.executable, str(ROOT / "tools/build_tables.py"), "--check"], check=False).returncode
    assert code == 0, "run tools/build_tables.py"


def test_reading_imports_no_parser_generator():
    code = "import sys; from worklint.syntax.parser import parse; from worklint.text import Text; " \
        "parse(Text.of('worklist \"T\" { where A = 1 }')); " \
        "print([m for m in ('lark', 'difflib', 'json', 'worklint.syntax.mistakes') if m in sys.modules])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_reserved_word_is_a_keyword():
    words = (
        "filter worklist where and or not in has all is empty like contains starts ends sounds with between within "
        "last next this older than ignoring ascending descending study series image group description owner scope "
        "sources model level purpose show sort limit timezone"
    )
    assert set(words.split(" ")) == set(parser.KEYWORDS)


PAGE = (ROOT / "docs/language.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", re.findall(r"```worklist\n(.*?)```", PAGE, re.DOTALL), ids=lambda text: text[:20])
def test_examples_of_the_page_are_read(text: str):
    document = read(text)
    assert document.problems == ()
    assert document.worklists


def test_the_page_names_every_reserved_word_and_every_code():
    listed = " ".join(line[2:] for line in PAGE.splitlines() if line.startswith("> ")).split()
    assert sorted(listed) == sorted(parser.KEYWORDS)
    assert {entry["code"] for entry in MISTAKES} <= set(re.findall(r"WL\d+", PAGE))


def test_reader_is_chosen_by_the_name_of_the_file():
    assert reader_for("a/b.WORKLIST") is parse
    assert reader_for("a/b.nothing") is None
    assert ".worklist" in suffixes()
    with pytest.raises(ValueError, match="no reader"):
        read_bytes(b"", "a.nothing")


if __name__ == "__main__":
    for error in ERRORS:
        error.with_suffix(".txt").write_text(written(parse(decode(error.read_bytes(), str(error)))), encoding="utf-8")

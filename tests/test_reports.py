"""Every writer, on a report with every state; JSON against its schema, CSV read back, nothing of the machine inside."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import fields, replace
from typing import Any

import jsonschema
import pytest

from sample_report import HOSTILE, LONG, SOURCES, TEXTS, edited, empty, sample, wide
from worklint.knowledge.data import read_json
from worklint.model import Edit, Span
from worklint.report import UnknownFormat, format_of_path, formats, words, writer
from worklint.report.change import change_of
from worklint.report.csv import CELL_COLUMNS, field
from worklint.report.terminal import columns, wrap
from worklint.report.types import Report
from worklint.text import Text

MINE = ("concise", "csv", "csv-wide", "html", "json", "markdown", "table", "text")
REPORTS = {"sample": sample(), "planned": sample(planned=True), "empty": empty(), "wide": wide(23), "edited": edited()}


def written(name: str, report: Report, **options: Any) -> str:
    out = io.StringIO(newline="")
    writer(name)(report, out, **options)
    return out.getvalue()


def test_formats_are_found() -> None:
    assert set(MINE) <= set(formats())
    assert not {"types", "build", "words", "terminal", "frame", "across", "change"} & set(formats())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.json", "json"),
        ("b/C.CSV", "csv"),
        ("x.html", "html"),
        ("x.htm", "html"),
        ("n.md", "markdown"),
        ("t.txt", "text"),
    ],
)
def test_format_of_path(path: str, name: str) -> None:
    assert format_of_path(path) == name


@pytest.mark.parametrize("path", ["report", "report.docx", ".json.", "words", "report.types"])
def test_path_of_no_format(path: str) -> None:
    with pytest.raises(UnknownFormat, match="csv-wide"):
        format_of_path(path)


def test_no_such_writer() -> None:
    for name in ("types", "../cli", "yaml"):
        with pytest.raises(UnknownFormat, match="markdown"):
            writer(name)


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("name", MINE)
def test_every_writer_writes_every_report(name: str, report: Report) -> None:
    first = written(name, report)
    assert first == written(name, report)
    assert first
    assert "/work" not in first and "Traceback" not in first
    first.encode()
    # Options of other formats are ignored, so that one command can serve several outputs.
    assert written(name, report, nobody="knows") == first


@pytest.mark.parametrize("name", MINE)
def test_a_name_that_no_encoding_holds(name: str) -> None:
    report = sample()
    odd = replace(report.worklists[0], description="d\udcff", name="n\udcff", file="f\udcff")
    constraint = replace(report.constraints[0], text="t\udcff", file="f\udcff")
    finding = replace(report.findings[0], finding=replace(report.findings[0].finding, message="m\udcff"))
    changed = replace(
        report,
        worklists=(odd, *report.worklists[1:]),
        constraints=(constraint, *report.constraints[1:]),
        findings=(finding, *report.findings[1:]),
    )
    written(name, changed).encode()


# JSON


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_json_against_its_schema(report: Report) -> None:
    schema = read_json("reports/schema/report.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(written("json", report)))


@pytest.mark.parametrize(
    ("member", "name", "value"),
    [
        ("cells", "verdict", "fine"),
        ("cells", "add_reasons", ["because"]),
        ("constraints", "key", "xyz"),
        ("constraints", "line", 0),
        ("findings", "rule", "E501"),
        ("sources", "role", "moon"),
    ],
)
def test_the_schema_refuses(member: str, name: str, value: object) -> None:
    found = json.loads(written("json", sample()))
    found[member][0][name] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, read_json("reports/schema/report.schema.json"))


def test_json_holds_the_report() -> None:
    report = sample(planned=True)
    found = json.loads(written("json", report))
    assert found["schema"] == "worklint/report/1"
    for member in ("worklists", "sources", "constraints", "causes", "cells", "filters", "findings"):
        assert len(found[member]) == len(getattr(report, member))
    assert set(found["cells"][0]) == {f.name for f in fields(report.cells[0])} | {"as_planned"}
    assert found["worklists"][6]["name"] == HOSTILE
    assert found["constraints"][2]["via"] == [{"file": "reading/chest.worklist", "line": 44, "column": 11}]
    assert found["causes"][2]["facts"] == {"attribute": "BodyPartExamined"}
    plain = json.loads(written("json", sample()))
    for member in ("cells", "filters"):
        worse = next(one for one in found[member] if one["severity"] == "error")
        assert worse["as_planned"] == "superset" and worse["planned"]["causes"] == [11]
        assert not {"as_planned", "planned"} & set(plain[member][0])
    assert found["summary"]["planned"]["unreliable"] == 9 and "planned" not in plain["summary"]


def test_sets_are_in_one_order() -> None:
    report = sample()
    cell = replace(report.cells[0], add_reasons=("other", "prefix", "case", "empty"))
    found = json.loads(written("json", replace(report, cells=(cell, *report.cells[1:]))))
    assert found["cells"][0]["add_reasons"] == ["empty", "case", "prefix", "other"]
    assert [f["sources"] for f in found["findings"]][1] == ["hub", "west"]  # the order of the columns


# CSV


def rows(text: str) -> list[list[str]]:
    assert "\n" not in text.replace("\r\n", "")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_long_csv() -> None:
    report = sample(planned=True)
    head, *body = rows(written("csv", report))
    assert ",".join(head) == (
        "worklist,constraint,source,verdict,mark,severity,attribute,tag,vr,level,matching,negated,release,rule,message,"
        "remedy,grade,citation,file,line,column,key,as_planned"
    )
    assert len(body) == len(report.cells)
    assert {len(row) for row in body} == {len(head)}
    cell = next(dict(zip(head, r, strict=True)) for r in body if r[2] == "hub" and r[1].startswith("BodyPart"))
    assert cell["verdict"] == "mixed" and cell["mark"] == "!" and cell["severity"] == "error"
    assert cell["tag"] == "(0018,0015)" and cell["release"] == "impax-data-center@2.0" and cell["negated"] == "false"
    assert cell["rule"] == "WL310" and cell["grade"] == "documented" and cell["citation"].startswith("http://193")
    assert cell["as_planned"] == "superset"


def test_csv_of_worklists() -> None:
    report = sample()
    head, *body = rows(written("csv", report, rows="worklists"))
    assert ",".join(head) == (
        "worklist,source,verdict,mark,severity,as_planned,constraints,release,rule,message,remedy,file,line"
    )
    assert len(body) == len(report.filters)
    first = dict(zip(head, body[0], strict=True))
    assert (first["constraints"], first["rule"], first["line"]) == ("4", "WL310", "4")
    with pytest.raises(ValueError, match="cells or worklists"):
        written("csv", report, rows="columns")


def test_wide_csv() -> None:
    report = sample()
    head, *body = rows(written("csv-wide", report))
    start = "worklist,constraint,attribute,tag,vr,level,matching,negated,file,line,column"
    assert ",".join(head) == f"{start},{','.join(s.id for s in SOURCES)}"
    assert len(body) == len(report.constraints)
    assert body[2][11:] == ["!mixed", "exact", "exact", "!subset", "!subset", "!rejected"]
    assert next(r for r in body if r[0].endswith("Only at the hub"))[12:] == [""] * 5  # not judged


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "' x"),
        ("\nx", "' x"),
        ('=a"b', '"\'=a""b"'),
        ("a\r\nb\nc\u2028d", "a b c d"),
        ("a,b", '"a,b"'),
        ("−", "−"),
        (" =x", " =x"),
        (-3, "-3"),
        (True, "true"),
        (None, ""),
    ],
)
def test_field(value: str | int | None, shown: str) -> None:
    assert field(value) == shown


def test_frame_is_the_long_csv() -> None:
    report = sample()
    frame = report.to_frame()
    assert tuple(frame.columns) == CELL_COLUMNS
    assert len(frame) == len(report.cells)
    assert set(frame[frame.mark == "?"].verdict) == {"unknown"}
    assert frame.negated.dtype == bool


# Terminal


def test_text_shows_place_line_remedy_and_unknowns() -> None:
    line = '      and BodyPartExamined = "CHEST"'
    text = written("text", sample(), texts={"reading/chest.worklist": Text.of("\n" * 10 + line)})
    block = text[text.index("11:7") : text.index("12:7")]
    assert "error  WL310 attribute-below-level" in block
    shown, carets = block.splitlines()[3:5]
    assert shown.endswith(line)
    assert shown[carets.index("^") : carets.rindex("^") + 1] == 'and BodyPartExamined = "CHEST"'[: carets.count("^")]
    assert "sources  hub, cloud" in block and "remedy   Ask for the study instead" in block
    assert "8 of 96 cells unknown" in text
    assert "suppressed" in text and "agreed with the readers" not in text
    assert "0 of 0 cells unknown" in written("text", empty())


@pytest.mark.parametrize("name", ["text", "table", "concise", "markdown"])
def test_nothing_moves_the_cursor(name: str) -> None:
    text = written(name, sample())
    assert "\x1b" not in text and "\u202e" not in text
    assert all(c.isprintable() or c == "\n" for c in text)


def test_colour_only_where_asked() -> None:
    for name in ("text", "table"):
        coloured = written(name, sample(), colour=True)
        assert "\x1b[1;31m" in coloured
        assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == written(name, sample())


@pytest.mark.parametrize("width", [40, 80, 132])
@pytest.mark.parametrize("report", [sample(), wide(23), wide(5, "s{}"), wide(40, "a-very-long-identifier-{}")])
def test_table_fits_and_loses_no_source(report: Report, width: int) -> None:
    text = written("table", report, width=width)
    assert max(map(columns, text.splitlines())) <= width
    for s in report.sources:
        assert re.search(rf"(^|[\s=]){re.escape(s.id)}(\s|,|:|$)", text), s.id
    # Every worklist is in every block of columns.
    blocks = max(1, len(re.findall(r"^sources? \d.* of \d+$", text, re.MULTILINE)))
    assert text.count("\nRecent CT ") == blocks


def test_table_has_a_legend_and_a_note_for_each_trouble() -> None:
    text = written("table", sample(), width=120)
    for s in words.SIGNS:
        assert f"\n{s.shape} {s.meaning}" in text
    assert re.search(r"BodyPartExamined = \"CHEST\" +!± 1 ", text)
    assert re.search(r"^  1  ! hub \(impax-data-center@2.0\).*WL310", text, re.MULTILINE)
    assert "WL511" in text  # of the worklist alone: no constraint of it has this cause


def test_letters_where_signs_cannot_be_shown() -> None:
    report = replace(sample(), worklists=tuple(w for w in sample().worklists if w.name.isascii()))
    for name in ("table", "text", "concise"):
        text = written(name, report, ascii=True)
        assert not re.search("[✓≈−±×…─·]", text)
    assert re.search(r"BodyPartExamined = \"CHEST\" +!B 1 ", written("table", report, ascii=True))
    letters = [s.letter for s in words.SIGNS]
    assert len(set(letters)) == len(letters)


def test_concise_is_one_line_a_finding() -> None:
    *lines, _summary = written("concise", sample()).splitlines()
    assert len(lines) == 7
    pattern = r"^[^\n]+:\d+:\d+: WL\d{3} (error|warning|info) .+( \[[a-z, ]+\])?$"
    assert all(re.match(pattern, line) for line in lines)
    assert lines[0].endswith("[hub, cloud]")


@pytest.mark.parametrize("text", ["a b c", "x" * 200, "放射線科" * 20, "", "one  two\tthree"])
def test_wrap(text: str) -> None:
    found = wrap(text, 20)
    assert all(columns(line) <= 20 for line in found)
    assert "".join(found).replace(" ", "") == re.sub(r"\s", "", text)


# Markdown


def test_markdown_table_has_its_columns_whatever_the_names() -> None:
    text = written("markdown", sample())
    table = [line for line in text.splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table}
    assert bars == {len(SOURCES) + 2}
    assert "<script" not in text and "</script" not in text
    assert not re.search(r"(?<!\\)\*bold", text)


# Words


def test_every_verdict_has_its_sentence() -> None:
    report = sample()
    said = {words.sign(c).name: words.verdict_sentence(c, "hub") for c in report.cells}
    assert set(said) == {s.name for s in words.SIGNS}
    assert len(set(said.values())) == len(said)
    assert all("hub" in s and "{" not in s for s in said.values())
    assert set(words.REASON_WORDS) == set(words.REASONS)


def test_headline_tells_where_and_how_many() -> None:
    report = sample()
    assert words.headline(report).startswith("4 of 12 worklists can miss studies, most often at ")
    one = replace(report, filters=tuple(f for f in report.filters if f.source == "hub"))
    assert "3 of 12 worklists can miss studies at Data Center;" in words.headline(one)
    good = replace(report, filters=tuple(f for f in report.filters if f.as_written == "exact"))
    assert words.headline(good).startswith("None of 12 worklists can miss studies at any source")
    unknown = replace(report, filters=tuple(f for f in report.filters if not f.known))
    assert words.headline(unknown).startswith("None of 12 worklists is known to miss studies; for 3")
    assert words.headline(empty()) == "There is no worklist to judge."


def test_long_texts_are_not_lost() -> None:
    assert LONG.strip() in written("html", sample())
    assert LONG.strip() in written("csv", sample())


def test_markdown_shows_an_edit_with_its_finding() -> None:
    text = written("markdown", edited(), texts=TEXTS)
    _, _, after = text.partition("**WL310**")
    shown = after.partition("- **WL602**")[0]
    assert "made by `worklint check --fix --unsafe-fixes`" in shown and "narrows the list" in shown
    tail = " # " + HOSTILE
    assert (
        f"""
  ```diff
  - and BodyPartExamined = "CHEST"{tail}
  + and series has (BodyPartExamined = "CHEST"){tail}
  ```
"""
        in shown
    )
    # A fence that is longer than what stands in it; no character that moves the cursor.
    _, _, after = text.partition("**WL504**")
    assert f"\n  ````diff\n  + {HOSTILE}\ufffd[31m\n  + ```\n  + last\n  ````\n" in after
    assert "made by `worklint check --fix`\n" in after
    assert "made by" not in written("markdown", sample(), texts=TEXTS)


@pytest.mark.parametrize("unsafe", [False, True])
def test_terminal_shows_an_edit_with_its_finding(unsafe: bool) -> None:
    text = written("text", edited(), texts=TEXTS, width=80, unsafe=unsafe)
    assert max(map(columns, text.splitlines())) <= 80
    plain = " ".join(text.split())
    assert ("narrows the list; --unsafe-fixes makes it)" in plain) is not unsafe
    assert "fix write something else " in plain
    assert "WL504 [*]" in plain and ("WL310 [*]" in plain) is unsafe
    assert "1 fixable with --fix (1 more with --unsafe-fixes)" in text
    short = written("concise", edited(), unsafe=unsafe)
    assert "WL504 [*]" in short and ("WL310 [*]" in short) is unsafe


@pytest.mark.parametrize(
    ("safe", "unsafe", "left", "said"),
    [
        (0, 0, 0, ""),
        (1, 0, 0, "1 fixable with --fix"),
        (1, 2, 0, "1 fixable with --fix (2 more with --unsafe-fixes)"),
        (0, 2, 0, "2 fixable with --fix --unsafe-fixes"),
        (1, 2, 7, "1 fixable with --fix (at least 2 more with --unsafe-fixes)"),
        (1, 0, 7, "1 fixable with --fix (perhaps some more with --unsafe-fixes)"),
        (0, 0, 7, "perhaps some fixable with --fix --unsafe-fixes"),
        (0, 2, 7, "at least 2 fixable with --fix --unsafe-fixes"),
    ],
)
def test_what_edits_can_answer(safe: int, unsafe: int, left: int, said: str) -> None:
    summary = replace(sample().summary, fixable=safe, fixable_unsafe=unsafe, fixable_open=left)
    assert words.fixable_words(summary) == said
    # At 80 columns, whatever else there is to count.
    many = replace(summary, suppressed=1234, baselined=1234, errors=1234)
    text = written("text", replace(sample(), summary=many), width=80)
    assert said in text and max(map(columns, text.splitlines())) <= 80


def test_an_edit_shows_the_lines_that_differ() -> None:
    text = Text.of("  one\r\n  two\r\n  three\r\n", "a")
    edit = Edit(Span("a", 1, 3, 3, 8), "ONE\r\n  two\r\n  three", False, "d", "wider")
    found = change_of(edit, {"a": text})
    assert (found.before, found.after, found.said) == (("one",), ("ONE",), "d (widens the list)")
    assert found.options == ("--fix", "--unsafe-fixes")
    assert change_of(edit, {}).before == ()
    many = change_of(Edit(Span("a", 1, 1, 1, 1), "x\n" * 50, True, "d"), {"a": text})
    assert len(many.after) == 13 and many.after[-1] == "…" and many.options == ("--fix",)

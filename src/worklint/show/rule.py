"""One rule in full, as its page tells it, or the list of rules by family."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from worklint._version import __version__
from worklint.knowledge import data
from worklint.report.terminal import clean, paint, wrap
from worklint.rules import FAMILIES, RuleInfo, codes, rule

SCHEMA = "worklint/rule/1"
_INLINE = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


def every() -> Iterator[RuleInfo]:
    """Yield all rules, by code."""
    for code in codes():
        found = rule(code)
        if found is not None:
            yield found


def list_lines(width: int, colour: bool) -> Iterator[str]:
    """Yield the list of rules, family by family."""
    found = list(every())
    for digit, family in FAMILIES.items():
        inside = [r for r in found if r.code[2] == digit]
        if not inside:
            continue
        yield paint(f"WL{digit}  {family}", "bold", colour)
        first = max(len(r.name) for r in inside)
        for one in inside:
            preview = "  (preview)" if one.stage == "preview" else ""
            severity = "as the verdict" if one.kind == "cell" else one.severity
            yield f"  {one.code}  {one.name.ljust(first)}  {severity}{preview}"
        yield ""
    if not found:
        yield "No rule has a page yet."
    yield "One in full: worklint rule CODE"
    yield paint(f"worklint {__version__}, database {data.database()}", "dim", colour)


def page_lines(info: RuleInfo, width: int, colour: bool) -> Iterator[str]:
    """Yield the page of a rule for a terminal."""
    yield paint(f"{info.code} {info.name}", "bold", colour)
    usual = "usually " if info.kind == "cell" else ""
    yield f"{info.family}; {usual}{info.severity}; {info.stage} since {info.since}"
    for title, text in (
        ("What", info.what), ("Why it matters in the reading room", info.why), ("What to do", info.remedy),
    ):  # fmt: skip
        yield ""
        yield paint(title, "bold", colour)
        yield from _prose(text, width)
    for example in info.examples:
        yield ""
        yield paint("Reported" if example.fires else "Not reported", "bold", colour)
        if example.project:
            yield "  worklint.yaml"
            yield from (f"    {clean(line)}" for line in example.project.rstrip("\n").split("\n"))
            yield "  worklist"
        yield from (f"    {clean(line)}" for line in example.text.rstrip("\n").split("\n"))
        if example.fixed is not None:
            yield ""
            yield paint(f"After --fix{' --unsafe-fixes' if example.unsafe else ''}", "bold", colour)
            yield from (f"    {clean(line)}" for line in example.fixed.rstrip("\n").split("\n"))
    yield ""
    yield paint("Source", "bold", colour)
    for citation in info.citations:
        yield "  " + clean(_INLINE.sub(r"\1: \2", citation))


def _prose(text: str, width: int) -> Iterator[str]:
    """Yield Markdown as text: paragraphs and lists are wrapped, links shown behind their words."""
    for number, block in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ""
        for item in re.split(r"\n(?=\s*[-*] )", block):
            bullet = re.match(r"\s*[-*] ", item)
            words = " ".join(_INLINE.sub(r"\1 (\2)", item[bullet.end() :] if bullet else item).split())
            words = words.replace("**", "")
            for i, line in enumerate(wrap(words, max(30, width - 4))):
                yield f"  {('- ' if i == 0 else '  ') if bullet else ''}{line}"


def list_json() -> str:
    """Return the list of rules as JSON: ``worklint/rule/1`` with ``rules``."""
    lines = ",\n".join(json.dumps(_head_of(one), ensure_ascii=False) for one in every())
    return f'{_head()},\n"rules": [\n{lines}\n]\n}}\n'


def page_json(info: RuleInfo) -> str:
    """Return one rule as JSON: ``worklint/rule/1`` with ``rule``."""
    members = _head_of(info) | {
        "what": info.what,
        "why": info.why,
        "remedy": info.remedy,
        "citations": list(info.citations),
        "examples": [
            {"fires": e.fires, "text": e.text, "project": e.project, "lines": list(e.marked(info.code))}
            | ({"fixed": e.fixed, "safe": not e.unsafe} if e.fixed is not None else {})
            for e in info.examples
        ],
    }
    return f'{_head()},\n"rule": {json.dumps(members, ensure_ascii=False, indent=1)}\n}}\n'


def _head() -> str:
    tool = {"name": "worklint", "version": __version__, "database": data.database()}
    return f'{{\n"schema": "{SCHEMA}",\n"tool": {json.dumps(tool)}'


def _head_of(info: RuleInfo) -> dict[str, Any]:
    return {
        "code": info.code, "name": info.name, "family": info.family, "severity": info.severity, "kind": info.kind,
        "stage": info.stage, "since": info.since,
    }  # fmt: skip

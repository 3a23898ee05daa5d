"""The language: text to tree to text, and every mistake with its message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from worklint.knowledge.data import path
from worklint.model import Span
from worklint.syntax.parser import Limits, parse
from worklint.syntax.tree import Document
from worklint.text import Text, TextError, caret, decode

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests" / "corpus"
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


def examples() -> list[Any]:
    cases = []
    for entry in MISTAKES:
        for broken, fixed, *count in entry.get("examples", ()):
            cases.append(pytest.param(entry, block(broken), fixed, *(count or [1]), id=f"{entry['name']}: {broken}"))
        for text in entry.get("file_examples", ()):
            cases.append(pytest.param(entry, text, None, 1, id=f"{entry['name']}: {text}"))
    return cases


@pytest.mark.parametrize(("entry", "text", "fixed", "count"), examples())
def test_mistake_has_its_message_and_its_correction(entry: dict[str, Any], text: str, fixed: str | None, count: int):
    document = read(text)
    found = [(p.code, p.message.split("`")[0]) for p in document.problems]
    assert [p.code for p in document.problems] == [entry["code"]] * count, found
    assert document.problems[0].message.split("`")[0].split(" ")[-2:] or True
    assert document.complete == (not entry.get("spoils", False)) or entry["name"] in OUTSIDE
    if fixed is not None:
        wanted = read(block(fixed))
        assert wanted.problems == ()
        assert bare(document.worklists) == bare(wanted.worklists)


OUTSIDE = {"outside", "brace-too-much"}

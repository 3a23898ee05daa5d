"""Edits: each case as a user meets it; what keeps the meaning is held against the reference matcher."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from worklint.cli import main
from worklint.fixes import Fixed, Material, applied, apart, fixed
from worklint.knowledge import labels as label_files
from worklint.model import Edit, Worklist
from worklint.oracle import worlds
from worklint.oracle.matcher import Entity, entities_at, matches
from worklint.project import read_project
from worklint.resolve import resolve
from worklint.rules.rewrites import WAYS
from worklint.run import Options, run
from worklint.sources import site_of
from worklint.syntax.parser import parse
from worklint.text import Text

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 11, 24)
CASES = (ROOT / "tests/cases/fixes.txt").read_text(encoding="utf-8")


def cases() -> Iterator[Any]:
    for block in re.split(r"^=== ", CASES, flags=re.MULTILINE)[1:]:
        head, _, rest = block.partition("\n")
        name, sources, viewer = (*(p.strip() for p in head.split("|")), "", "")[:3]
        before, *after = (part.strip("\n") + "\n" for part in re.split(r"^---\n", rest, flags=re.MULTILINE))
        safe = after[0] if after[0].strip() else before
        unsafe = after[1] if len(after) > 1 and after[1].strip() else safe
        listed = tuple(s.strip() for s in sources.split(",") if s.strip())
        yield pytest.param(before, safe, unsafe, listed, bool(viewer), id=name)


def material(text: str, sources: tuple[str, ...] = (), viewer: bool = False) -> Material:
    project = None
    if viewer:
        listed = [s.partition("=")[2] or s for s in sources]
        lines = [f"  s{i}: {{product: {s}{', local: true' if i == 1 else ''}}}" for i, s in enumerate(listed, 1)]
        project = read_project("viewer: impax-client@6.5.1\nsources:\n" + "\n".join(lines) + "\n", ROOT)
        sources = ()
    site = site_of(project, sources, None, ROOT)
    return Material((Text.of(text, "a.worklist"),), (), site, TODAY, Options())


def after(one: Material, unsafe: bool) -> str:
    return fixed(one, unsafe=unsafe).texts[0].content


@pytest.mark.parametrize(("before", "safe", "unsafe", "sources", "viewer"), list(cases()))
def test_case(before: str, safe: str, unsafe: str, sources: tuple[str, ...], viewer: bool) -> None:
    given = material(before, sources, viewer)
    assert after(given, False) == safe
    assert after(given, True) == unsafe
    # What is at rest stays so.
    assert after(material(safe, sources, viewer), False) == safe

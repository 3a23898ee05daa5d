"""Which reader reads which file.

A reader is a module of this package named ``input_*.py`` with ``SUFFIXES`` (endings of file names, lower case),
``FORMAT`` (its name in reports) and ``read(text, limits) -> Document``. Dropping a file in is all it takes; the
reader of the worklist language is built in, so that the usual case searches for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path, PurePath

from worklint.model import Span
from worklint.syntax.parser import DEFAULT_LIMITS, Limits, parse
from worklint.syntax.tree import Document, Problem
from worklint.text import Text, TextError, decode

Read = Callable[[Text, Limits], Document]
WORKLIST = ".worklist"


def _readers() -> Iterator[tuple[str, tuple[str, ...], Read]]:
    yield "worklist", (WORKLIST,), parse
    for file in sorted(Path(__file__).parent.glob("input_*.py")):
        module = import_module(f"worklint.syntax.{file.stem}")
        yield module.FORMAT, module.SUFFIXES, module.read


def formats() -> tuple[str, ...]:
    """Return the names of the formats that can be read."""
    return tuple(name for name, _, _ in _readers())


def suffixes() -> tuple[str, ...]:
    """Return the endings of the names of files that can be read."""
    return tuple(suffix for _, endings, _ in _readers() for suffix in endings)


def reader_for(file: str, name: str | None = None) -> Read | None:
    """Return the reader of a format, or without a name that of a file by the ending of its name; ``None`` for none."""
    path = PurePath(file).name.lower()
    if name in (None, "worklist") and (name or path.endswith(WORKLIST)):
        return parse
    for known, endings, read in _readers():
        if known == name if name else path.endswith(endings):
            return read
    return None


def read_bytes(data: bytes, file: str, name: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Decode and read a file. What cannot be decoded is a document with one problem.

    Raises:
        ValueError: where no reader reads such a file.
    """
    read = reader_for(file, name)
    if read is None:
        raise ValueError(f"{file}: no reader for files of this kind; known are {', '.join(suffixes())}")
    try:
        return read(decode(data, file, limits.file), limits)
    except TextError as error:
        code = "WL105" if error.limit else "WL106"
        span = Span(file, error.line, 1, error.line, 1)
        problem = Problem(code, span, error.message, error.remedy, spoils=True)
        return Document(file, (), (), (problem,), complete=False, format=name or "worklist")

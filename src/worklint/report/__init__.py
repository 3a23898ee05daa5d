"""The report and its writers, one module a format.

A format is a file of this package: ``csv_wide.py`` is the format ``csv-wide``. Each has one function
``write(report, out, **options)``; it takes the options that it knows and ignores the others, so that one command can
hand the same options to several outputs. ``out`` must not translate line ends (``newline=""``).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path, PurePath
from typing import Any, Protocol, TextIO, cast

from worklint.report.types import Report

# Modules of this package that are no format.
_OTHERS = frozenset({"__init__", "types", "build", "words", "terminal", "frame", "across", "change"})
# Endings that differ from the name of their format.
_ENDINGS = {"htm": "html", "md": "markdown", "txt": "text", "xml": "junit"}


class Writer(Protocol):
    """Writes a report to a stream in one format."""

    def __call__(self, report: Report, out: TextIO, **options: Any) -> None:
        """Write ``report``; options of other formats are ignored."""


class UnknownFormat(ValueError):
    """A format, or the ending of a file, that no writer is there for. The message says which there are."""


def formats() -> tuple[str, ...]:
    """Return the names of the formats, sorted."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems if stem not in _OTHERS))


def writer(name: str) -> Writer:
    """Return the writer of a format.

    Raises:
        UnknownFormat: if there is no such format.
    """
    if name not in formats():
        raise UnknownFormat(f"there is no format {name!r}; there are {', '.join(formats())}")
    return cast(Writer, import_module(f"worklint.report.{name.replace('-', '_')}").write)


def format_of_path(path: str | PurePath) -> str:
    """Return the format that the ending of a file asks for.

    Raises:
        UnknownFormat: if the ending is that of no format.
    """
    known = formats()
    name = PurePath(path).name.lower()
    if name.endswith(".sarif.json") and "sarif" in known:
        return "sarif"
    ending = name.rpartition(".")[2] if "." in name else ""
    found = _ENDINGS.get(ending, ending)
    if found not in known:
        raise UnknownFormat(
            f"the ending of {PurePath(path).name} names no format; "
            f"write FORMAT={PurePath(path).name} with one of {', '.join(known)}"
        )
    return found

"""Where results go: standard output in one format, and files, each written beside its place and then renamed.

A failure leaves the earlier files as they were; all of them are written before the first is renamed.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO, cast

from worklint.report import UnknownFormat, format_of_path, formats, writer
from worklint.report.terminal import plain
from worklint.report.types import Report

TERMINAL_FORMATS = frozenset({"text", "table", "concise"})
"""Formats for a person at a terminal; all others are UTF-8 wherever they are written."""
LARGE = 100_000_000
# Bytes that a cell takes in the formats that hold every cell, measured on large reports.
_BYTES_OF_A_CELL = {"csv": 340, "json": 420, "html": 12, "csv-wide": 14}

Write = Callable[[TextIO], object]


class OutputError(Exception):
    """An output cannot be written; the message names it and says why."""


class Target(NamedTuple):
    """A file to write, and its format."""

    format: str
    path: Path
    shown: str


def known_format(name: str) -> str:
    """Return the name of a format.

    Raises:
        UnknownFormat: if there is none; the message offers the nearest.
    """
    if name in formats():
        return name
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), formats(), 1, 0.5)
    offer = f"did you mean {near[0]}? " if near else ""
    raise UnknownFormat(f"there is no format {name!r}; {offer}({', '.join(formats())})")


def target(text: str, folder: Path) -> Target:
    """Read what ``--output`` says: ``FILE``, or ``FORMAT=FILE`` where a known format stands before the first ``=``.

    Raises:
        OutputError: for what is no file.
        UnknownFormat: if nothing tells the format.
    """
    name, sign, rest = text.partition("=")
    named = bool(sign) and name in formats()
    shown = rest if named else text
    if shown == "-":
        raise OutputError("--output -: standard output is no file; --format chooses what goes there")
    if not shown:
        raise OutputError("--output names no file")
    path = folder / shown
    if path.is_dir() or shown.endswith(("/", os.sep)):
        raise OutputError(f"--output {shown} is a folder; name a file in it")
    try:
        found = name if named else format_of_path(shown)
    except UnknownFormat as error:
        if sign and not named:
            from difflib import get_close_matches

            if near := get_close_matches(name.lower(), formats(), 1, 0.6):
                raise UnknownFormat(f"there is no format {name!r}; did you mean {near[0]}={rest}?") from None
        raise UnknownFormat(f"--output {shown}: {error}") from None
    return Target(found, path, shown)


def targets(texts: Sequence[str], folder: Path) -> tuple[Target, ...]:
    """Read all that ``--output`` says.

    Raises:
        OutputError: also for two that name one file.
        UnknownFormat: if nothing tells the format.
    """
    found = tuple(target(text, folder) for text in texts)
    places = [os.path.realpath(t.path) for t in found]
    for i, place in enumerate(places):
        if place in places[:i]:
            raise OutputError(f"--output names {found[i].shown} twice")
    return found


def large(report: Report, format: str) -> int | None:
    """Return about how many bytes a report takes in a format, if they are more than people expect."""
    size = len(report.cells) * _BYTES_OF_A_CELL.get(format, 0)
    return size if size > LARGE else None


def write_report(report: Report, format: str, out: TextIO, options: Mapping[str, Any]) -> None:
    """Write a report in one format."""
    writer(format)(report, out, **options)


def write_files(files: Sequence[tuple[str, Path, Write]]) -> None:
    """Write files, given what to call each, its path and its writer: each beside its place, then all are renamed.

    Raises:
        OutputError: if one cannot be written; then every earlier file is untouched.
    """
    done: list[tuple[Path, Path]] = []
    try:
        for shown, path, write in files:
            with _told(shown):
                real = Path(os.path.realpath(path))
                if real.exists() and not stat.S_ISREG(real.stat().st_mode):
                    # A device or a pipe cannot be replaced by a file; it has no earlier content to save either.
                    with real.open("w", encoding="utf-8", newline="") as out:
                        write(out)
                    continue
                beside = real.with_name(f".{real.name}.{os.getpid()}.part")
                done.append((beside, real))
                with beside.open("x", encoding="utf-8", newline="") as out:
                    write(out)
                if real.exists():
                    beside.chmod(stat.S_IMODE(real.stat().st_mode))
        for (beside, real), (shown, _, _) in zip(done, files, strict=False):
            with _told(shown):
                beside.replace(real)
    finally:
        for beside, _ in done:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


@contextmanager
def _told(shown: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{shown} cannot be written: {error.strerror or error}") from None


def write_stdout(write: Write, for_terminal: bool) -> None:
    """Write to standard output; for a program always UTF-8, with line ends as the writer makes them.

    Raises:
        OutputError: if it cannot be written (a full disk).
        BrokenPipeError: if nobody reads any further.
    """
    out = sys.stdout
    if out is None:
        return
    reconfigure = getattr(out, "reconfigure", None)
    if reconfigure is not None:
        if for_terminal:
            reconfigure(errors="replace")
        else:
            reconfigure(encoding="utf-8", errors="surrogateescape", newline="")
    try:
        with _told("standard output"):
            write(cast(TextIO, out))
            out.flush()
    except OutputError:
        # What is left in the buffer would fail once more, and unseen, when the interpreter ends.
        drop_output()
        raise


def drop_output() -> None:
    """Let everything that is still written to standard output vanish."""
    with suppress(OSError, ValueError, AttributeError):  # a stream without a file behind it complains of nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Terminal(NamedTuple):
    """What standard output can show: its columns, colours, and whether only ASCII."""

    width: int
    colour: bool
    ascii: bool


def terminal(color: str | None, environment: Mapping[str, str]) -> Terminal:
    """Look at standard output.

    ``color`` is ``always``, ``never``, or ``auto``: on a terminal, unless NO_COLOR or FORCE_COLOR decide.
    """
    out = sys.stdout
    tty = bool(out is not None and out.isatty())
    if color in ("always", "never"):
        colour = color == "always"
    elif environment.get("NO_COLOR"):
        colour = False
    elif environment.get("FORCE_COLOR"):
        colour = environment["FORCE_COLOR"] not in ("0", "false")
    else:
        colour = tty and environment.get("TERM") != "dumb"
    return Terminal(_width(out, tty, environment), colour, not _shows_signs(out))


def write_lines(lines: Iterable[str], place: Terminal) -> None:
    """Write lines to standard output, as far as it can show their signs.

    Raises:
        OutputError: as ``write_stdout``, and ``BrokenPipeError`` likewise.
    """
    write_stdout(lambda out: out.writelines(plain(line, place.ascii) + "\n" for line in lines), True)


def _width(out: TextIO | None, tty: bool, environment: Mapping[str, str]) -> int:
    told = environment.get("COLUMNS", "")
    if told.isdecimal() and 0 < int(told) < 100_000:
        return int(told)
    if tty and out is not None:
        with suppress(OSError, ValueError):
            return os.get_terminal_size(out.fileno()).columns or 80
    return 80


def _shows_signs(out: TextIO | None) -> bool:
    try:
        "✓≈−±×…".encode(getattr(out, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

"""``worklint check --fix`` and ``--diff``: edits are made in files, or shown. Loaded only where they are asked for."""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Iterator
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TextIO

from worklint import output
from worklint.cli import judging
from worklint.cli.plain import Given
from worklint.cli.start import UsageError
from worklint.fixes import Fixed, Material, fixed
from worklint.inputs import Gathered
from worklint.record import replace
from worklint.report.types import Report
from worklint.report.words import count
from worklint.run import Options
from worklint.text import Text, decode

_MARK = b"\xef\xbb\xbf"
_ALONE = ("format", "output", "statistics", "write_baseline")
_ON_STDOUT = ("format", "statistics")


def check_options(given: Given, gathered: Gathered) -> None:
    """Raise ``UsageError`` for options that do not go together."""
    if given["fix"] and given["diff"]:
        raise UsageError("--fix changes files and --diff only shows what would change; give one of them")
    for name in _ALONE if given["diff"] else ():
        if given[name]:
            raise UsageError(f"--diff shows a difference and no findings; leave --{name.replace('_', '-')} out")
    for name in _ON_STDOUT if given["fix"] and reads_stdin(gathered) else ():
        if given[name]:
            raise UsageError(
                f"--fix writes the new text of standard input to standard output; leave --{name} out, or see --output"
            )


def find(given: Given, gathered: Gathered, options: Options) -> Fixed:
    """Return what was read, after the edits that are asked for."""
    today, now = judging.moment_in_zone(given, gathered)
    material = Material(gathered.texts, gathered.shared, gathered.site, today, replace(options, now=now))
    return fixed(material, unsafe=given["unsafe_fixes"])


def show(given: Given, gathered: Gathered, found: Fixed) -> int:
    """Write the difference to standard output; 1 if there is one."""
    changed = list(_changed(gathered, found))
    output.write_stdout(lambda out: out.writelines(_difference(changed)), False)
    if changed:
        edits = count(len(found.made), "edit")
        files = count(len(changed), "file")
        judging.tell(
            given, f"would make {edits} in {files}; {_command(given)} makes {'it' if len(found.made) == 1 else 'them'}"
        )
    else:
        judging.tell(given, f"nothing to change{_hint(given)}")
    return 1 if changed else 0


def _command(given: Given) -> str:
    return "--fix --unsafe-fixes" if given["unsafe_fixes"] else "--fix"


def _hint(given: Given) -> str:
    return "" if given["unsafe_fixes"] else "; --unsafe-fixes looks for changes of the meaning too"


def _changed(gathered: Gathered, found: Fixed) -> Iterator[tuple[Text, Text]]:
    return (
        (one, other) for one, other in zip(gathered.texts, found.texts, strict=True) if one.content != other.content
    )


def _difference(changed: list[tuple[Text, Text]]) -> Iterator[str]:
    for one, other in changed:
        # Only LF ends a line: `splitlines` would cut at form feeds and the like as well.
        before, after = (re.findall(r"[^\n]*\n|[^\n]+", t.content) for t in (one, other))
        for line in unified_diff(before, after, one.file, other.file):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def write(given: Given, gathered: Gathered, found: Fixed) -> Gathered:
    """Write the files that changed, and standard input to standard output; return what they hold now.

    Raises:
        OutputError: if a file cannot be written, or is another than was read; then all are untouched.
    """
    paths = {one.name: one.path for one in gathered.inputs}
    files = []
    for before, after in _changed(gathered, found):
        path = paths.get(before.file)
        if path is not None:
            mark = _check(path, before)
            files.append((before.file, path, partial(_write, f"{mark}{after.content}")))
    output.write_files(files)
    if reads_stdin(gathered):
        name = next(one.name for one in gathered.inputs if one.path is None)
        content = next((t.content for t in found.texts if t.file == name), "")
        output.write_stdout(partial(_write, content), False)
    made = [file for file, _ in found.made]
    for file in dict.fromkeys(made):
        judging.tell(given, f"{file}: {count(made.count(file), 'edit')} made")
        if given["verbose"]:
            for name, description in found.made:
                if name == file:
                    judging.tell(given, f"  {description}")
    if not made:
        judging.tell(given, f"nothing was changed{_hint(given)}")
    return replace(gathered, texts=found.texts, shared=found.shared)


def _check(path: Path, text: Text) -> str:
    """Return the byte order mark of a file, after making sure that it can be replaced."""
    try:
        data = path.read_bytes()
        writable = bool(path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    except OSError as error:
        raise output.OutputError(f"{text.file} cannot be changed: {error.strerror or error}") from None
    if not writable:
        raise output.OutputError(f"{text.file} is read-only; nothing was changed. Make it writable, or see --diff")
    if decode(data, text.file, len(data)).content != text.content:
        raise output.OutputError(f"{text.file} was changed by somebody else meanwhile; nothing was written. Try again")
    return "\ufeff" if data.startswith(_MARK) else ""


def _write(content: str, out: TextIO) -> None:
    out.write(content)


def reads_stdin(gathered: Gathered) -> bool:
    """Tell if standard input is among what was read: then standard output belongs to its new text."""
    return any(one.path is None for one in gathered.inputs)


def tell_rest(given: Given, gathered: Gathered, report: Report) -> None:
    """Write the findings that remain to standard error, and the files that were asked for."""
    from worklint.report.concise import write as write_concise

    if given["output"]:
        judging.write_results({**given, "quiet": True, "format": None}, gathered, report, "text")
    if not given["quiet"] and sys.stderr is not None:
        shown = report if given["verbose"] else judging.without_infos(report)
        write_concise(shown, sys.stderr, unsafe=bool(given["unsafe_fixes"]))

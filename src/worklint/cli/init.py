"""``worklint init``: a project to start from."""

from __future__ import annotations

import os
from pathlib import Path

from worklint import output
from worklint.cli.plain import Given
from worklint.cli.start import UsageError
from worklint.scaffold import ScaffoldError, demonstration, project


def run(given: Given) -> int:
    """Write a project file and a first worklist, or the demonstration; never over what is there."""
    shown = given["folder"]
    if given["demo"] and shown is None:
        raise UsageError("--demo writes into a new folder; name it: worklint init --demo lakeside")
    shown = shown or "."
    try:
        names = (demonstration if given["demo"] else project)(Path(shown), shown)
    except ScaffoldError as error:
        raise UsageError(str(error)) from None
    if not given["quiet"]:
        inside = "" if shown == "." else f"{shown.rstrip('/')}/"
        following = f"worklint matrix {shown}" if given["demo"] else f"worklint check {inside}".rstrip()
        place = output.terminal(given["color"], os.environ)
        output.write_lines([*(f"wrote {inside}{name}" for name in names), f"next: {following}"], place)
    return 0

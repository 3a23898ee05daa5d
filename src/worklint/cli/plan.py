"""``worklint plan``: for each source what to send, what remains to be checked, and both verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from worklint import output
from worklint.cli import judging
from worklint.cli.plain import Given
from worklint.model import Worklist
from worklint.plan import Plan
from worklint.plan.print import document, lines
from worklint.planning import plans_of
from worklint.report.terminal import wrap
from worklint.sources import Site

Plans = dict[str, dict[str, Plan]]


def run(given: Given) -> int:
    """Plan worklists and show the plans."""
    gathered = judging.read_inputs(given)
    place = output.terminal(given["color"], os.environ)
    if given["show_settings"]:
        output.write_lines(judging.settings_lines(given, gathered), place)
        return 0
    today, now = judging.moment_in_zone(given, gathered)
    worklists, plans = plans_of(
        gathered.texts, gathered.site, today, shared=gathered.shared, documents=gathered.documents, now=now
    )
    text = document([p for of in plans.values() for p in of.values()])
    for one in worklists:
        if not one.complete:
            judging.tell(given, f"{one.id} is not read completely and has no plan; `worklint check` says why")
    if given["output"] is not None:

        def write(out: TextIO) -> None:
            out.write(text)

        output.write_files([(given["output"], Path(given["output"]), write)])
        return 0
    if given["format"] == "json":
        output.write_stdout(lambda out: out.write(text), False)
    else:
        output.write_lines(_lines(worklists, plans, gathered.site, place.width), place)
    return 0


_PROSE = ("  note: ", "  stays: ")
"""How the lines begin that are sentences; all others hold something to be copied, and stay whole."""


def _lines(worklists: tuple[Worklist, ...], plans: Plans, site: Site, width: int) -> Iterator[str]:
    for worklist in worklists:
        if worklist.id not in plans:
            continue
        yield worklist.id
        for source_id, one in plans[worklist.id].items():
            source = site.source(source_id)
            declared = source.declared if source else None
            for line in lines(one, declared.address if declared else None):
                if line.startswith(_PROSE):
                    first, *rest = wrap(line.strip(), max(40, width) - 6)
                    yield f"    {first}"
                    yield from (f"      {more}" for more in rest)
                else:
                    yield f"  {line}"
        yield ""

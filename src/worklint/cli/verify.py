"""``worklint verify``: the filters against live sources."""

from __future__ import annotations

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, tzinfo
from typing import Any

from worklint import output
from worklint.cli import judging
from worklint.cli.plain import Given
from worklint.cli.probe import CLEAR, number
from worklint.cli.start import UsageError, say
from worklint.model import Worklist
from worklint.sources import Site, Source

FAILED = 2
MOST_AT_ONCE = 8
"""Sources that are asked at the same time."""


def run(given: Given) -> int:
    """Verify worklists; 1 if a prediction is contradicted, 2 if a source cannot be reached."""
    from worklint.network.ask import Manners
    from worklint.network.verdicts import Visited, json_text, text_lines
    from worklint.resolve import resolve
    from worklint.syntax.parser import parse

    rows, timeout = int(number(given, "rows", 2000)), number(given, "timeout", 30)
    gathered = judging.read_inputs(given)
    place = output.terminal(given["color"], os.environ)
    if given["show_settings"]:
        output.write_lines(judging.settings_lines(given, gathered), place)
        return 0
    site = gathered.site
    live = [s for s in site.sources if s.declared is not None and s.declared.address is not None]
    if not live:
        raise UsageError("no source has an address; write `address: dicom://AETITLE@host:port` at one in worklint.yaml")
    today, now = judging.moment_in_zone(given, gathered)
    resolved = resolve(
        [*(parse(t) for t in gathered.texts), *gathered.documents], [parse(t) for t in gathered.shared],
        site.enterprise, site.vocabulary, today, now,
    )  # fmt: skip
    worklists = [w for w in resolved.worklists if w.complete]
    manners = Manners(queries=1_000_000, rows=rows, timeout=timeout, seconds=3600)
    visited: list[Visited] = []
    found: list[Any] = []
    stop = threading.Event()
    with warnings.catch_warnings(), ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, len(live))) as pool:
        # Libraries complain of values by showing them; what is switched off in one thread is switched off in all.
        warnings.simplefilter("ignore")
        jobs = [pool.submit(_at_source, given, site, source, worklists, manners, stop) for source in live]
        try:
            for job in jobs:
                one, compared = job.result()
                visited.append(one)
                found += compared
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if given["format"] == "json":
        text = json_text(visited, found)
        output.write_stdout(lambda out: out.write(text), False)
    else:
        output.write_lines(text_lines(visited, found), place)
    for one in visited:
        if not one.reached and given["format"] == "json":
            judging.tell(given, f"{one.id}: {one.error}")
    if any(f.agreement == "contradicted" for f in found):
        return 1
    return FAILED if any(not s.reached for s in visited) else 0


def _zone(site: Site) -> tzinfo:
    from zoneinfo import ZoneInfo

    name = site.enterprise.timezone if site.enterprise else None
    return ZoneInfo(name) if name else UTC


def _at_source(
    given: Given, site: Site, source: Source, worklists: list[Worklist], manners: Any, stop: threading.Event
) -> tuple[Any, list[Any]]:
    from worklint.network.ask import Asker, NetworkError
    from worklint.network.door import in_the_clear, open_door
    from worklint.network.verdicts import Visited
    from worklint.network.verify import Verifier
    from worklint.sources import asked_sources, place_of

    assert source.declared is not None and source.declared.address is not None
    found: list[Any] = []
    queries, error = 0, ""
    address, auth = source.declared.address, dict(source.declared.auth)
    try:
        if in_the_clear(address, os.environ, auth):
            say(f"worklint: {source.id}: {CLEAR}")
        door = open_door(address, manners.timeout, os.environ, auth)
    except NetworkError as problem:
        return Visited(source.id, source.product, source.release, False, str(problem)), []

    def told(*_: object) -> None:
        if stop.is_set():
            raise NetworkError("interrupted")

    asker = Asker(door, manners, told)
    verifier = Verifier(door, asker, _zone(site))
    try:
        for worklist in worklists:
            if source not in asked_sources(site, worklist):
                continue
            place = place_of(site, source, worklist)
            if not verifier.offered(place, source.id in (worklist.sources or ())):
                continue
            judging.tell(given, f"{source.id}: {worklist.id}")
            found.extend(verifier.verify(worklist, place))
    except NetworkError as problem:
        error = str(problem)
    finally:
        queries = asker.asked
        door.close()
    return Visited(source.id, source.product, source.release, not error, error, queries), found

"""Profiles made by ``probe`` alone, held against the truth tables: what worklint would say of a source never seen."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from worklint.network.ask import Answer, Manners, Question, name_of
from worklint.network.document import profile_of, text_of
from worklint.network.door import address_of, open_door
from worklint.network.probe import MODELS, probe
from worklint.project import read_project
from worklint.report.types import FilterRow
from worklint.run import run
from worklint.sources import site_of

from .compare import TODAY, cases_of
from .compare import text_of as cases_text
from .servers import Door, Server


@dataclass(frozen=True)
class Probed:
    """A door, what a probe of it took, and what worklint says of each case by its profile.

    ``asked`` counts the queries by model, level and keys.
    """

    queries: int
    seconds: float
    ended: str
    profile: str
    said: Mapping[str, FilterRow]
    asked: Mapping[tuple[str, str, str], int]


def probed(door: Door, server: Server, rows: int, queries: int, tell: Callable[[str], None]) -> Probed:
    """Probe a door of a server that runs, within so many rows an answer and queries in all."""
    address = address_of(server.web if door.transport == "dicomweb" else server.address)
    asked: Counter[tuple[str, str, str]] = Counter()

    def told(count: int, question: Question, answer: Answer) -> None:
        asked[question.model, question.level, " ".join(name_of(k.path) for k in question.keys)] += 1

    start = time.perf_counter()
    manners = Manners(queries=queries, rows=rows)
    way = open_door(address, manners.timeout, os.environ)
    record = probe(way, manners, MODELS, f"{TODAY:%Y%m%d}", tell, None, told)
    seconds = time.perf_counter() - start
    profile = text_of(profile_of(record, TODAY.isoformat(), f"lab-{door.id}"))
    return Probed(record.queries, seconds, record.ended, profile, said_by(door, profile), asked)


def said_by(door: Door, profile: str) -> Mapping[str, FilterRow]:
    """Return the verdict of each case at a source that is known by a profile of its own only."""
    with TemporaryDirectory(prefix="worklint-lab-") as folder:
        Path(folder, "probed.json").write_text(profile, encoding="utf-8")
        project = f"sources:\n  lab: {{profile: probed.json, transport: {door.transport}{told(json.loads(profile))}}}\n"
        report = run([cases_text(cases_of(door))], site_of(read_project(project, Path(folder))), TODAY)
    return {f.worklist.partition("#")[2]: f for f in report.filters}


def told(profile: Mapping[str, Any]) -> str:
    """Return what the source is told of the archive: that texts with spaces in front are stored in it.

    A profile that could not see of every attribute what becomes of them asks for it by a setting.
    """
    return ", settings: {leading-spaces: true}" if "leading-spaces" in profile.get("settings", {}) else ""

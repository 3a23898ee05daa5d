"""A server with the archive in it, and everything that its doors answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .archive import write_worklists
from .ask import client, load
from .compare import Observation, observe
from .returned import Returned, measure
from .servers import DOORS, Door, Server, running, worklist_folder


@contextmanager
def loaded(kind_id: str) -> Iterator[Server]:
    """Start a server and put the archive into it."""
    with running(kind_id) as server:
        models = {m for d in DOORS.values() if d.server == kind_id for m in d.models}
        if "modality-worklist" in models:
            write_worklists(worklist_folder(server))
        if models != {"modality-worklist"}:
            load(server)
        yield server


def observed(kind_id: str, every: int = 1) -> Iterator[tuple[Door, list[Observation], str, list[Returned]]]:
    """Ask a server all cases at each of its doors, and for its attributes (of ``every`` so many one)."""
    with loaded(kind_id) as server:
        for door in DOORS.values():
            if door.server == kind_id:
                with client(server, door.transport) as made:
                    yield door, observe(door, made), server.release, measure(door, made, every)

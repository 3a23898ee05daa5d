"""What a probe learned, as a file to continue from. It holds names, counts and statuses; no value of an entity."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from worklint.network.ask import Greeting
from worklint.network.evidence import Found
from worklint.network.interactions import Together
from worklint.network.measure import Measured
from worklint.network.probe import Record
from worklint.network.subjects import subjects

SCHEMA = "worklint/probe-record/1"


class RecordError(Exception):
    """A file to continue from that cannot be read; the message says why."""


def text_of(record: Record) -> str:
    """Return the record as JSON."""
    out: dict[str, Any] = {"schema": SCHEMA}
    for name in ("transport", "models", "not_offered", "negotiation", "notes", "done", "queries", "ended", "fickle"):
        out[name] = getattr(record, name)
    out["greeting"] = asdict(record.greeting)
    out["together"] = [asdict(t) for t in record.together]
    out["harmful"] = [[model, level, found] for (model, level), found in record.harmful.items()]
    out["illegal"] = [[*key, _found(found)] for key, found in record.illegal.items()]
    out["measured"] = [
        [model, level, name, one.returned, one.taken_over, [[*slot, _found(f)] for slot, f in one.found.items()]]
        for (model, level), place in record.measured.items() for name, one in place.items()
    ]  # fmt: skip
    return json.dumps(out, indent=1) + "\n"


def read(text: str) -> Record:
    """Return the record that a file holds.

    Raises:
        RecordError: if the file is none.
    """
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise RecordError(f"the file to continue from is of another kind ({data['schema']})")
        record = Record(data["transport"])
        for name in ("models", "not_offered", "negotiation", "notes", "done", "queries"):
            setattr(record, name, data[name])
        record.fickle = data.get("fickle", False)
        greeting: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["greeting"].items()}
        record.greeting = Greeting(**greeting)
        record.together = [Together(**t) for t in data["together"]]
        record.harmful = {(model, level): found for model, level, found in data["harmful"]}
        record.illegal = {(m, at, vr): _read_found(f) for m, at, vr, f in data["illegal"]}
        for model, level, name, returned, taken, slots in data["measured"]:
            about = next((a for a in subjects(model, level) if a.name == name), None)
            if about is not None:
                found = {(kind, value): _read_found(f) for kind, value, f in slots}
                record.measured.setdefault((model, level), {})[name] = Measured(about, found, returned, taken)
        return record
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"the file to continue from cannot be read: {type(error).__name__}") from None


def _found(found: Found) -> dict[str, Any]:
    return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in asdict(found).items()}


def _read_found(data: dict[str, Any]) -> Found:
    known = {f.name for f in fields(Found)}
    values: dict[str, Any] = {k: frozenset(v) if isinstance(v, list) else v for k, v in data.items() if k in known}
    return Found(**values)

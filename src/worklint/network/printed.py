"""Plans as they are printed (``worklint/plan/1``), read back: what is carried out is what a reader of the file gets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from worklint.knowledge import standard
from worklint.model import Attribute, Filter
from worklint.network.ask import Key, Path
from worklint.plan.types import NOTHING, Plan

_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_LEVEL = "00080052"
_UNRESERVED = "-._~"
_ANY_DAY = date(2000, 1, 1)
"""No printed condition depends on the day on which it is read."""


class PrintedError(Exception):
    """A printed plan that cannot be read back; the message says what."""


@dataclass(frozen=True, slots=True)
class PrintedNeed:
    """Values of ``attribute`` come from the rows of ``query`` (``docs/plans.md``)."""

    query: str
    attribute: str
    group: int
    each: bool
    at_most: int


@dataclass(frozen=True, slots=True)
class PrintedCap:
    """What the source does with long answers, and how a client gets past it."""

    rows: int | None
    signalled: bool
    paging: bool
    split: str | None


@dataclass(frozen=True, slots=True)
class PrintedQuery:
    """One query: an identifier as ``keys`` and ``empties``, or a ``url``; fed keys have no text yet."""

    id: str
    model: str
    level: str
    keys: tuple[Key, ...]
    empties: tuple[Path, ...]
    url: str
    options: frozenset[str]
    needs: tuple[PrintedNeed, ...]
    role: str
    remaining: Filter
    cap: PrintedCap | None
    of: tuple[str, ...]


def printed(plan: Plan) -> tuple[PrintedQuery, ...]:
    """Print a plan and read it back.

    Raises:
        PrintedError: if what is printed cannot be read.
    """
    from worklint.plan.print import document

    return queries_of(json.loads(document([plan]))["plans"][0])


def queries_of(plan: Mapping[str, Any]) -> tuple[PrintedQuery, ...]:
    """Read the queries of one plan of a ``worklint/plan/1`` document.

    Raises:
        PrintedError: if one of them cannot be read.
    """
    return tuple(_query(q) for q in plan["queries"])


def _query(found: Mapping[str, Any]) -> PrintedQuery:
    needs = tuple(
        PrintedNeed(n["query"], n["attribute"], n["group"], n["each"], n.get("at-most", 1)) for n in found["needs"]
    )
    fed = {n.attribute for n in needs}
    elements = list(_elements(found.get("identifier", {})))
    if not all(text.isascii() for _, text in elements):
        # Names the character set of the others, and is no key of its own; the door names it again.
        elements = [(path, text) for path, text in elements if path[0].keyword != "SpecificCharacterSet"]
    keys = [Key(path, text) for path, text in elements if text or path[-1].keyword in fed]
    empties = [path for path, text in elements if not text and path[-1].keyword not in fed]
    cap = found["cap"]
    return PrintedQuery(
        found["id"], found["model"], found["level"], tuple(keys), tuple(empties), found.get("url", ""),
        frozenset(found["negotiation"]), needs, found["role"],
        condition(found["remaining"], found["model"], found["level"]) if found["remaining"] else NOTHING,
        PrintedCap(cap["rows"], cap["signalled"], cap["paging"], cap["split"]) if cap is not None else None,
        tuple(found.get("of", ())),
    )  # fmt: skip


def _elements(found: Mapping[str, Any], before: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield path and value of the elements of an identifier in the DICOM JSON model (PS3.18 F.2)."""
    creators = {t: v["Value"][0] for t, v in found.items() if int(t[3], 16) % 2 and t[4:6] == "00" and "Value" in v}
    for tag, element in found.items():
        if tag == _LEVEL or tag in creators:
            continue
        path = (*before, _attribute(tag, element["vr"], creators))
        values = element.get("Value", [])
        if element["vr"] == "SQ":
            inside = list(_elements(values[0] if values else {}, path))
            yield from inside or [(path, "")]
        else:
            yield path, "\\".join(_text(v) for v in values)


def _attribute(tag: str, vr: str, creators: Mapping[str, str]) -> Attribute:
    creator = creators.get(f"{tag[:4]}00{tag[4:6]}")
    if creator is not None:
        return Attribute("", f"{tag[:4]}xx{tag[6:]}", vr, "1", "", False, creator)
    return standard.attribute_by_tag(tag) or Attribute("", tag, vr, "1")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "=".join(value.get(g, "") for g in _GROUPS).rstrip("=")
    return str(value)


@lru_cache(maxsize=1000)
def condition(text: str, model: str, level: str) -> Filter:
    """Read a printed condition, as one of its level with nothing around it.

    Raises:
        PrintedError: if it is none.
    """
    from worklint.resolve import resolve
    from worklint.syntax.parser import parse
    from worklint.text import Text

    found = standard.model(model)
    setting = f"level {level}" if found is not None and found.level_values else ""
    block = f'worklist "remaining" {{ model {model} {setting} where {text} }}'
    resolved = resolve([parse(Text.of(block, "plan.worklist"))], [], None, {}, _ANY_DAY)
    if len(resolved.worklists) != 1 or not resolved.worklists[0].complete:
        raise PrintedError("a condition of the plan cannot be read back")
    return resolved.worklists[0].filter


def filled_keys(query: PrintedQuery, values: Mapping[str, Sequence[str]]) -> tuple[Key, ...]:
    """Return the keys of a query with what other queries feed."""
    return tuple(
        Key(k.path, "\\".join(values[k.path[-1].keyword])) if k.path[-1].keyword in values else k for k in query.keys
    )


def filled_url(query: PrintedQuery, values: Mapping[str, Sequence[str]]) -> str:
    """Return the URL of a query with what other queries feed; lists have plain commas."""
    url = query.url
    for name, texts in values.items():
        url = url.replace(f"{{{name}}}", ",".join(quote(t, safe=_UNRESERVED) for t in texts))
    return url

"""The smallest case found that is still contradicted: less filter, less archive, less profile, a plainer place."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from plan_trials import Trial, tried
from plan_worlds import Case, profile_of
from worklint.knowledge.profile import ProfileError
from worklint.oracle.matcher import Entity
from worklint.record import replace
from worklint.syntax.parser import parse
from worklint.syntax.printer import print_document
from worklint.syntax.tree import And, Compare, Document, HasEntity, HasItem, In, Literal, Not, Or, Use
from worklint.text import Text

MOST_TRIALS, MOST_SECONDS = 3_000, 30


def shrunk(trial: Trial) -> Trial:
    """Return the smallest contradicted case that is found by leaving things out, one after the other."""
    left, until = MOST_TRIALS, time.monotonic() + MOST_SECONDS
    again = True
    while again:
        again = False
        for part in (_archives, _texts, _profiles, _places, _datasets):
            skip = 0
            while left and time.monotonic() < until:
                for number, smaller in enumerate(part(trial.case)):
                    if number < skip:
                        continue
                    left -= 1
                    found = _still(smaller)
                    if found is not None:
                        # What was tried before this one would fail again.
                        trial, again, skip = found, True, number
                        break
                    if not left or time.monotonic() > until:
                        break
                else:
                    break
    return trial


def _still(case: Case) -> Trial | None:
    try:
        found = tried(case)
    except (ProfileError, LookupError):
        # A set that is named and no longer there.
        return None
    return found if found is not None and found.outcome.wrong else None


# --- archive ----------------------------------------------------------------------------------------------------------


def _archives(case: Case) -> Iterator[Case]:
    for archive in _fewer(case.archive):
        yield changed(case, archive=archive)


def _fewer(entities: tuple[Entity, ...]) -> Iterator[tuple[Entity, ...]]:
    if len(entities) > 1:
        yield from (entities[:i] + entities[i + 1 :] for i in range(len(entities)))
    for i, one in enumerate(entities):
        for below in _fewer(one.below):
            yield (*entities[:i], changed(one, below=below), *entities[i + 1 :])


def _datasets(case: Case) -> Iterator[Case]:
    for archive in _plainer(case.archive):
        yield changed(case, archive=archive)


def _plainer(entities: tuple[Entity, ...]) -> Iterator[tuple[Entity, ...]]:
    for i, one in enumerate(entities):
        for dataset in _smaller(one.dataset):
            yield (*entities[:i], changed(one, dataset=dataset), *entities[i + 1 :])
        if one.labels:
            yield (*entities[:i], changed(one, labels=()), *entities[i + 1 :])
        for below in _plainer(one.below):
            yield (*entities[:i], changed(one, below=below), *entities[i + 1 :])


def _smaller(dataset: Dataset) -> Iterator[Dataset]:
    for element in dataset:
        if element.keyword.endswith("InstanceUID") or element.keyword == "PatientID":
            continue
        yield _with(dataset, element.tag)
        if element.VR == "SQ":
            for i, item in enumerate(element.value):
                for smaller in _smaller(item):
                    items = Items([*element.value[:i], smaller, *element.value[i + 1 :]])
                    yield _with(dataset, element.tag, DataElement(element.tag, "SQ", items))


def _with(dataset: Dataset, tag: Any, *new: DataElement) -> Dataset:
    """A data set with another element in the place of one, or with none."""
    out = Dataset()
    for element in (*(e for e in dataset if e.tag != tag), *new):
        out.add(element)
    return out


# --- filter -----------------------------------------------------------------------------------------------------------


def _texts(case: Case) -> Iterator[Case]:
    document = parse(Text.of(case.text, "random.worklist"))
    for smaller in _documents(document):
        text = print_document(smaller)
        if len(text) < len(case.text):
            yield changed(case, text=text)


def _documents(document: Document) -> Iterator[Document]:
    (block,) = document.worklists
    filters = {f.name: f.condition for f in document.filters}
    for i, setting in enumerate(block.settings):
        if setting.name not in ("model", "level"):
            yield replace(document, worklists=(replace(block, settings=block.settings[:i] + block.settings[i + 1 :]),))
    for i, one in enumerate(document.filters):
        yield replace(document, filters=document.filters[:i] + document.filters[i + 1 :])
        for condition in _conditions(one.condition, filters):
            mended = replace(one, condition=condition)
            yield replace(document, filters=(*document.filters[:i], mended, *document.filters[i + 1 :]))
    for condition in _conditions(block.where, filters):
        yield replace(document, worklists=(replace(block, where=condition),))


def _conditions(node: Any, filters: dict[str, Any]) -> Iterator[Any]:
    if isinstance(node, And | Or):
        yield from node.parts
        for i, part in enumerate(node.parts):
            if len(node.parts) > 2:
                yield replace(node, parts=node.parts[:i] + node.parts[i + 1 :])
            for smaller in _conditions(part, filters):
                yield replace(node, parts=(*node.parts[:i], smaller, *node.parts[i + 1 :]))
    elif isinstance(node, Not | HasItem | HasEntity):
        yield node.condition
        for smaller in _conditions(node.condition, filters):
            yield replace(node, condition=smaller)
    elif isinstance(node, Use):
        if node.name in filters:
            yield filters[node.name]
    else:
        if getattr(node, "negated", False):
            yield replace(node, negated=False)
        if getattr(node, "ignoring", None):
            yield replace(node, ignoring=frozenset())
        if isinstance(node, In):
            yield from (Compare(node.subject, "=", v, node.span, node.negated, node.ignoring) for v in node.values)
        elif isinstance(node, Compare) and node.value.kind == "string" and len(node.value.text) > 1:
            yield from (
                replace(node, value=_string(node.value, t)) for t in (node.value.text[:1], node.value.text[:-1])
            )


def _string(literal: Literal, text: str) -> Literal:
    return replace(literal, text=text, pattern=text)


# --- profile and place ------------------------------------------------------------------------------------------------

_RECORDS = ("statements", "interactions", "lifts", "keeping", "caps", "selectors", "hides")


def _profiles(case: Case) -> Iterator[Case]:
    if case.content is None:
        profile = case.place.profile
        for name in _RECORDS:
            records = getattr(profile, name)
            step = max(1, len(records) // 8)
            for width in dict.fromkeys((step, 1)):
                for i in range(0, len(records), width):
                    less = replace(profile, **{name: records[:i] + records[i + width :]})
                    yield changed(case, place=replace(case.place, profile=less))
        return
    for content in _contents(case.content):
        try:
            profile = profile_of(content, case.release)
        except (ProfileError, LookupError, AttributeError, TypeError):
            continue
        yield changed(case, content=content, place=replace(case.place, profile=profile))


def _contents(content: Any) -> Iterator[dict[str, Any]]:
    """Leave out one member or entry anywhere, the largest first."""
    kept = {"product", "name", "releases", "transports", "citations", "evidence", "does", "for"}
    for path in sorted(_paths(content), key=len):
        if path[-1] in kept:
            continue
        less = json.loads(json.dumps(content))
        at = less
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        yield less


def _paths(node: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in members:
        yield (*before, name)
        yield from _paths(value, (*before, name))


def _places(case: Case) -> Iterator[Case]:
    place = case.place
    plain: dict[str, Any] = {
        "viewer": None, "hub": None, "own": False, "own_negation": False, "offers": frozenset(), "role": "standalone",
        "pair": (), "pairs": (), "same": frozenset(), "spokes": 0, "settings": (), "local": False, "hub_settings": (),
        "viewer_settings": (), "purpose": "reading",
    }  # fmt: skip
    for name, value in plain.items():
        if getattr(place, name) != value:
            yield changed(case, place=replace(place, **{name: value}))
    if case.zone is not None:
        yield changed(case, zone=None)
    if case.bound != 64:
        yield changed(case, bound=64)
    if case.parameters != (("user", "SMITH"),):
        yield changed(case, parameters=(("user", "SMITH"),))

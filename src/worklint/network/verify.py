"""Run filters against live sources, and hold the predictions against what comes back.

The answer to a filter is compared with the reference matcher over what the source shows to a broader query: the same
without the filter's own keys (but for unique keys), with every attribute that the filter needs, and with the levels
below where it needs those. What the source does not show cannot be decided, and is told as such.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from itertools import islice, product
from typing import Any
from zoneinfo import ZoneInfo

from worklint.judge import judge, offers_model, verdict_name
from worklint.judge.behaviour import behaviour_at
from worklint.judge.place import KeyAt, Place
from worklint.judge.query import conjunctions, send
from worklint.knowledge import standard
from worklint.model import SPELLING, All, Attribute, Constraint, Effect, Filter, Has, Test, Worklist
from worklint.model import Any as Either
from worklint.network.ask import (
    TIMED_OUT,
    UNREADABLE,
    Answer,
    Asker,
    Door,
    Key,
    NotOffered,
    Path,
    Question,
    Row,
    name_of,
    values_in,
)  # fmt: skip
from worklint.network.carry_out import CUT, UNREAD, NotCarriedOutError, carry_out
from worklint.network.dimse import identity_paths, row_of
from worklint.network.printed import PrintedError, printed
from worklint.network.steps import apart
from worklint.oracle.matcher import Entity, UndecidedError, at_level, entities_at, leaves, matches
from worklint.plan import Plan, plan
from worklint.plan.checks import universal

AGREES, COVERS, CONTRADICTED, UNDECIDED = "agrees", "covers", "contradicted", "undecided"
NAMELESS = "some responses do not say which entity they mean"
MOST_PARENTS = 60
"""Entities of an upper level below which a filter's lower values are read."""
MOST_REQUESTS = 64
"""Queries that one filter as written may take here."""

Id = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """What a source made of a filter, in counts. ``why`` tells why something was not decided."""

    rows: int = 0
    true: int = 0
    added: int = 0
    beyond_spelling: int = 0
    missed: int = 0
    refused: str = ""
    complete: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One filter, or one constraint of it alone (``constraint``: its index), at one source."""

    worklist: str
    source: str
    constraint: int | None
    text: str
    attribute: str
    predicted: Effect
    observed: Observed
    agreement: str
    correction: str = ""
    planned: bool = False
    """Whether it is the plan that was carried out, and not the filter as written."""


class Verifier:
    """Verifies worklists at one source."""

    def __init__(self, door: Door, asker: Asker, place_level_zone: tzinfo = UTC) -> None:
        self._asker = asker
        self._zone = place_level_zone
        self._trees: dict[object, _Shown] = {}
        self._offered: dict[str, bool] = {}
        self._door = door
        door.keep_data = True

    def offered(self, place: Place, asked_by_name: bool) -> bool:
        """Tell if worklists of a model are asked at the source at all; found out once.

        Raises:
            NetworkError: if there is no connection.
        """
        if offers_model(place) is False and not asked_by_name:
            return False
        if place.model not in self._offered:
            try:
                self._door.greet(place.model, frozenset())
                self._offered[place.model] = True
            except NotOffered:
                self._offered[place.model] = False
        return self._offered[place.model]

    def verify(self, worklist: Worklist, place: Place) -> Iterator[Compared]:
        """Yield the comparison of a worklist's filter, of its plan, and of each of its constraints alone."""
        yield self._one(worklist, place, None)
        yield from self._as_planned(worklist, place)
        if len(worklist.constraints) > 1:
            for index, (constraint, negated) in enumerate(worklist.constraints):
                alone = replace(
                    worklist, filter=Test(constraint, negated), constraints=((constraint, negated),), show=(), sort=()
                )
                yield self._one(alone, place, index)

    def _one(self, worklist: Worklist, place: Place, index: int | None) -> Compared:
        predicted = judge(worklist, place).effect
        with warnings.catch_warnings():
            # Libraries complain of values by showing them.
            warnings.simplefilter("ignore")
            observed = self._observe(worklist, place)
        first = worklist.constraints[0][0] if worklist.constraints else None
        text = first.text if index is not None and first else "the whole filter"
        name = first.name if first and len(worklist.constraints) == 1 else ""
        observed, agreement = _concluded(predicted, observed, worklist, place)
        fix = correction(worklist, observed, predicted) if agreement == CONTRADICTED and name else ""
        return Compared(worklist.id, place.source, index, text, name, predicted, observed, agreement, fix)

    def _as_planned(self, worklist: Worklist, place: Place) -> list[Compared]:
        """Return the comparison of the plan where there is one that asks something."""
        made = plan(worklist, place, zone=self._zone.key if isinstance(self._zone, ZoneInfo) else None)
        if not made.queries:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            observed = self._carried_out(worklist, made)
        observed, agreement = _concluded(made.as_planned, observed, worklist, place)
        text = "the filter as planned"
        return [Compared(worklist.id, place.source, None, text, "", made.as_planned, observed, agreement, planned=True)]

    def _carried_out(self, worklist: Worklist, made: Plan) -> Observed:
        if any(v.parameter for c, _ in worklist.constraints for v in c.values):
            return Observed(why="a value is known only when the list is opened")
        try:
            outcome = carry_out(printed(made), self._asker, self._zone)
        except (NotCarriedOutError, PrintedError) as problem:
            return Observed(why=str(problem))
        except UndecidedError:
            return Observed(why="what is alike by sound is the source's own matter")
        if outcome.failure:
            return _failed(outcome.failure, outcome.because)
        shown = self._shown(worklist)
        if shown.why:
            return Observed(len(outcome.rows), why=shown.why)
        return self._held(worklist, shown, outcome.rows, outcome.partial)

    def _observe(self, worklist: Worklist, place: Place) -> Observed:
        form = conjunctions(worklist)
        if form is None:
            return Observed(why="the filter takes too many queries")
        queries = [send(place, worklist, c) for c in form]
        asked = [
            (keys, q.empties) for q in queries for keys in islice(product(*(k.at for k in q.keys)), MOST_REQUESTS + 1)
        ]
        if len(asked) > MOST_REQUESTS:
            return Observed(why=f"the filter takes more than {MOST_REQUESTS} queries")
        if any(k.sent.parameter for keys, _ in asked for k in keys):
            return Observed(why="a value is known only when the list is opened")
        if any(not k.path for keys, _ in asked for k in keys):
            return Observed(why="a label without DICOM attribute cannot be sent")
        rows: list[Row] = []
        partial: list[str] = []
        for keys, empties in asked:
            answer = self._ask(worklist, keys, empties)
            if answer.failure:
                return _failed(answer.failure, answer.because)
            rows += answer.rows
            partial += [CUT] if answer.cut else []
            partial += [UNREAD] if answer.unread else []
        shown = self._shown(worklist)
        if shown.why:
            return Observed(len(rows), why=shown.why)
        return self._held(worklist, shown, rows, tuple(dict.fromkeys(partial)))

    def _held(self, worklist: Worklist, shown: _Shown, rows: Sequence[Row], partial: tuple[str, ...]) -> Observed:
        names = tuple(name_of(p) for p in identity_paths(worklist.model, worklist.level))
        back = {i for r in rows if any(i := values_in(r, names))}
        if not all(any(values_in(r, names)) for r in rows):
            partial = (*partial, NAMELESS)
        if UNREAD in shown.partial:
            # What a test says of a value that cannot be read, nobody knows.
            return Observed(len(rows), why=f"{UNREAD}, so nothing can be compared")
        try:
            true = {i for i, e in shown.entities.items() if matches(worklist.filter, e, zone=self._zone)}
        except UndecidedError:
            return Observed(len(rows), why="what is alike by sound is the source's own matter")
        known = set(shown.entities)
        added = (back & known) - true
        missed = set() if partial else true - back
        beyond = {i for i in added if not by_spelling(worklist.filter, shown.entities[i])}
        parts = (*partial, *shown.partial)
        why = f"{', '.join(dict.fromkeys(parts))}: compared on a part" if parts else ""
        return Observed(len(rows), len(true), len(added), len(beyond), len(missed), "", not parts, why)

    def _ask(self, worklist: Worklist, keys: Sequence[KeyAt], empties: Sequence[KeyAt]) -> Answer:
        sent = tuple(Key(k.path, k.sent.text) for k in keys)
        question = Question(worklist.model, worklist.level, sent, tuple(e.path for e in empties))
        return apart(question, self._asker.ask(question))

    def _shown(self, worklist: Worklist) -> _Shown:
        """Read what the source shows, with all that the filter speaks of; kept for the next filter that needs it."""
        paths = tuple(dict.fromkeys(c.path for c, _ in worklist.constraints if c.path))
        pairs = tuple((*c.path[:-1], c.pair) for c, _ in worklist.constraints if c.pair is not None)
        levels = {c.attribute_level for c, _ in worklist.constraints} | _scopes(worklist.filter)
        for path in paths:
            # What is derived from the entities below is derived here as well.
            level, keyword = _DERIVED.get(path[0].keyword, ("", ""))
            attribute = standard.attribute_by_keyword(keyword) if keyword else None
            levels |= {level} if level else set()
            paths += ((attribute,),) if attribute is not None else ()
        unique = _unique_keys(worklist)
        cache = (worklist.model, worklist.level, paths, pairs, frozenset(levels), unique)
        if cache not in self._trees:
            reader = _Reader(self._asker, worklist, (*paths, *pairs), levels, unique)
            self._trees[cache] = reader.read()
        return self._trees[cache]


def _failed(failure: str, because: str) -> Observed:
    """Return what a failure tells: that the query is refused, or nothing where no answer came at all."""
    if failure == TIMED_OUT:
        return Observed(why="no answer came in time")
    if failure == UNREADABLE:
        return Observed(why=f"the answer cannot be read ({because})")
    return Observed(refused=failure)


@dataclass(frozen=True, slots=True)
class _Shown:
    entities: Mapping[Id, Entity]
    partial: tuple[str, ...] = ()
    why: str = ""


class _Reader:
    """Reads a source from the top level down to the lowest that a filter speaks of."""

    def __init__(
        self, asker: Asker, worklist: Worklist, paths: Sequence[Path], levels: set[str | None], unique: tuple[Key, ...]
    ) -> None:
        self.asker = asker
        self.model = worklist.model
        self.level = worklist.level
        self.paths = paths
        self.unique = unique
        found = standard.model(worklist.model)
        assert found is not None
        self.levels = found.levels
        lowest = max(self.levels.index(at) for at in {*levels, worklist.level} if at in self.levels)
        self.walked = self.levels[: lowest + 1]
        self.partial: list[str] = []
        self.failure = ""
        self.seen: set[str] = set()

    def read(self) -> _Shown:
        tops = self._below((), 0)
        if self.failure:
            return _Shown({}, why=f"the broader query fails ({self.failure})")
        missing = [name_of(p) for p in self.paths if name_of(p) not in self.seen and not _is_derived(p)]
        if missing:
            return _Shown({}, why=f"the source shows no value of {', '.join(missing)}, so nothing can be compared")
        names = [name_of(p) for p in identity_paths(self.model, self.level)]
        entities = {i: e for e in entities_at(tops, self.level) if any(i := values_in(row_of(e.dataset), names))}
        return _Shown(entities, tuple(self.partial))

    def _below(self, parents: tuple[Key, ...], depth: int) -> tuple[Entity, ...]:
        level = self.levels[depth]
        mine = tuple(k for k in self.unique if k.path[-1].keyword == standard.model(self.model).unique_key(level))  # type: ignore[union-attr]
        question = Question(self.model, level, (*parents, *mine), tuple(self.paths))
        answer = self.asker.ask(question)
        if answer.failure:
            answer = self._without_harm(level, (*parents, *mine))
        if answer.failure:
            self.failure = answer.failure
            return ()
        self.partial += [why for happened, why in ((answer.cut, CUT), (answer.unread, UNREAD)) if happened]
        for row in answer.rows:
            self.seen |= {n for n, v in row.items() if v}
        answer = apart(question, answer)
        found = []
        key = standard.model(self.model).unique_key(level)  # type: ignore[union-attr]
        for number, data in enumerate(_once(answer.data, key)):
            below: tuple[Entity, ...] = ()
            if depth + 1 < len(self.walked) and key:
                if number >= MOST_PARENTS:
                    self.partial.append(CUT)
                    break
                attribute = standard.attribute_by_keyword(key)
                value = str(data.get(key, "") or "")
                if attribute is not None and value:
                    below = self._below((*parents, Key((attribute,), value)), depth + 1)
                    if self.failure:
                        return ()
            found.append(Entity(level, data, below))
        return tuple(found)

    def _without_harm(self, level: str, keys: tuple[Key, ...]) -> Answer:
        """Ask for the attributes one by one, and leave out those that the source refuses even without a value."""
        good = [p for p in self.paths if not self.asker.ask(Question(self.model, level, keys, (p,))).failure]
        return self.asker.ask(Question(self.model, level, keys, tuple(good)))


def _once(data: Sequence[Any], key: str | None) -> list[Any]:
    if key is None:
        return list(data)
    return list({str(d.get(key, "")): d for d in data}.values())


_DERIVED = {
    "ModalitiesInStudy": ("series", "Modality"), "SOPClassesInStudy": ("image", "SOPClassUID"),
    "NumberOfStudyRelatedSeries": ("series", "SeriesInstanceUID"),
    "NumberOfStudyRelatedInstances": ("image", "SOPInstanceUID"),
    "NumberOfSeriesRelatedInstances": ("image", "SOPInstanceUID"),
}  # fmt: skip
"""What tells of the entities below (PS3.4 C.3.4): the level and the attribute that it is derived from."""


def _is_derived(path: Path) -> bool:
    return path[0].keyword in _DERIVED


def _scopes(node: Filter) -> set[str | None]:
    if isinstance(node, Test):
        return set()
    if isinstance(node, Has):
        return {node.scope} | _scopes(node.filter)
    return {s for p in node.parts for s in _scopes(p)}


def _unique_keys(worklist: Worklist) -> tuple[Key, ...]:
    """Return the single unique keys that the whole filter asks for; they may narrow the broader query."""
    found = standard.model(worklist.model)
    parts = worklist.filter.parts if isinstance(worklist.filter, All) else (worklist.filter,)
    out = []
    for part in parts:
        if isinstance(part, Test) and not part.negated:
            one: Constraint = part.constraint
            keyword = one.path[0].keyword if len(one.path) == 1 else ""
            if found and keyword in found.unique_keys and one.matching == "single" and not one.values[0].parameter:
                out.append(Key(one.path, one.values[0].text))
    return tuple(out)


def by_spelling(node: Filter, entity: Entity) -> bool:
    """Tell if an entity differs from what is asked at most in how a value is written, or has no value.

    Of an attribute of a lower level, or of one in an item, that is so as soon as one entity below, or one item, does.
    """
    return matches(_loosened(node, entity), entity)


def _loosened(node: Filter, entity: Entity) -> Filter:
    if isinstance(node, All | Either):
        return replace(node, parts=tuple(_loosened(p, entity) for p in node.parts))
    if node.negated:
        return All(())
    if isinstance(node, Has):
        nothing = All(tuple(Test(_emptied(t.constraint)) for t in leaves(node.filter) if not t.negated))
        return Either((replace(node, filter=_loosened(node.filter, entity)), nothing))
    loose = Test(replace(node.constraint, ignoring=frozenset({"case", "accent"})))
    none, below = Test(_emptied(node.constraint)), node.constraint.attribute_level
    return Either((loose, none, *((Has(below, (), none),) if below and at_level(entity, below) else ())))


def _emptied(constraint: Constraint) -> Constraint:
    return replace(constraint, matching="empty", asked="empty", values=())


def compare(predicted: Effect, observed: Observed) -> str:
    """Hold a prediction against what was seen (``docs/verdicts.md``: a prediction must cover what happens)."""
    name = verdict_name(predicted)
    if observed.refused:
        return AGREES if predicted.rejected else COVERS if name in ("mixed", "unknown") else CONTRADICTED
    if observed.why and observed.complete:
        return UNDECIDED
    if predicted.rejected:
        return CONTRADICTED
    if (observed.added and not predicted.adds) or (observed.missed and not predicted.misses):
        return CONTRADICTED
    if observed.beyond_spelling and predicted.adds <= SPELLING:
        return CONTRADICTED
    if not observed.complete:
        return UNDECIDED
    exactly = bool(observed.added) == bool(predicted.adds) and bool(observed.missed) == bool(predicted.misses)
    return AGREES if exactly and predicted.known else COVERS


def _concluded(predicted: Effect, observed: Observed, worklist: Worklist, place: Place) -> tuple[Observed, str]:
    """Return what was seen and how it agrees; values that do not come back as they are stored contradict nothing."""
    agreement = compare(predicted, observed)
    if agreement != CONTRADICTED or observed.refused or predicted.rejected:
        return observed, agreement
    for constraint, _ in worklist.constraints:
        if constraint.path:
            key = universal(place, worklist.level, constraint)
            if behaviour_at(place, key).returned in ("part", "other"):
                why = f"{constraint.name} does not come back as it is stored"
                return replace(observed, why=why), UNDECIDED
    return observed, agreement


def correction(worklist: Worklist, observed: Observed, predicted: Effect) -> str:
    """Return what to write under ``keys:`` of the source in the project file, as what was seen allows."""
    constraint, negated = worklist.constraints[0]
    if negated or len(constraint.path) != 1 or not constraint.path[0].keyword:
        return ""
    if observed.refused:
        does = "does: refused"
    else:
        adds = ["other"] if observed.beyond_spelling else sorted(predicted.adds) or (["case"] if observed.added else [])
        misses = ["other"] if observed.missed else sorted(predicted.misses)
        parts = ["does: applied"]
        parts += [f"adds: [{', '.join(adds)}]"] if adds and observed.added else []
        parts += [f"misses: [{', '.join(misses)}]"] if misses and observed.missed else []
        does = ", ".join(parts)
    kind = "single" if constraint.matching == "any-of" else constraint.matching
    return f"{worklist.level}: {{{constraint.path[0].keyword}: {{matching: [{kind}], {does}}}}}"


__all__ = ["Attribute", "Compared", "Observed", "Verifier", "compare", "correction"]

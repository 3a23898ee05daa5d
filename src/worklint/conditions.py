"""The condition of one worklist: names looked up, filters put in, negation pushed to the leaves, items joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from worklint.clock import Clock
from worklint.knowledge import standard
from worklint.knowledge.standard import Model
from worklint.model import (
    All,
    Any,
    Attribute,
    Constraint,
    Filter,
    Has,
    Parameter,
    Severity,
    Span,
    Test,
)
from worklint.names import Filters, Key
from worklint.record import frozen, replace
from worklint.references import Names, Subject, resolve_reference
from worklint.syntax.printer import print_expression
from worklint.syntax.tree import (
    And,
    Comparison,
    Expression,
    HasAll,
    HasEntity,
    HasItem,
    IsEmpty,
    Not,
    Or,
    PairReference,
    Use,
)
from worklint.values import Comparing

SEVERITY: Final[Mapping[str, Severity]] = {
    "WL203": "info", "WL208": "error", "WL209": "info", "WL211": "warning", "WL212": "error", "WL213": "info",
    "WL214": "warning",
    "WL215": "error", "WL301": "error", "WL302": "error", "WL303": "warning", "WL304": "error", "WL305": "error",
    "WL306": "warning", "WL307": "error", "WL308": "error", "WL309": "error", "WL316": "error", "WL317": "error",
    "WL318": "error", "WL319": "error", "WL322": "info", "WL323": "info", "WL330": "info", "WL331": "warning",
    "WL401": "error", "WL402": "warning",
    "WL403": "error", "WL404": "error", "WL405": "warning", "WL406": "warning", "WL407": "error", "WL408": "error",
    "WL409": "error",
}  # fmt: skip
"""The rules that fire here, and how severe each is unless its place says otherwise."""

OF_THE_LIST = frozenset({"WL209", "WL306", "WL322", "WL307", "WL309", "WL316", "WL318"})
"""Rules that depend on the worklist that uses a filter, or speak of the use: not asked of a filter that nobody uses."""

_FOLDS = {"case": "case", "accents": "accent", "accent": "accent"}


@frozen
class ResolveLimits:
    """Bounds after the filters are put in: ``constraints`` of one worklist, ``depth`` of conditions in
    conditions, which keeps every later walk inside the interpreter's stack."""

    constraints: int = 100_000
    depth: int = 600


class _TooLarge(Exception):
    """The filters of one worklist unfold beyond a limit."""


@frozen
class Told:
    """A finding before equal ones are put together."""

    rule: str
    severity: Severity
    span: Span
    message: str
    remedy: str
    attribute: str | None
    worklist: str | None
    filter: str | None
    via: tuple[Span, ...]
    instead: str | None = None


class Notes:
    """Collects findings; the members say where the work stands."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.worklist: str | None = None
        self.filter: str | None = None
        self.via: tuple[Span, ...] = ()
        self.attribute: str | None = None
        self.accepts: Callable[[str], bool] = lambda rule: True

    def __call__(
        self, rule: str, span: Span, message: str, remedy: str = "", *, severity: str = "", instead: str | None = None
    ) -> None:
        """Take one finding."""
        if self.accepts(rule):
            grade: Severity = severity or SEVERITY[rule]  # type: ignore[assignment]
            self.told.append(
                Told(rule, grade, span, message, remedy, self.attribute, self.worklist, self.filter, self.via, instead)
            )


@frozen
class _Scope:
    """Where in a condition the work stands. ``alone``: under ``not``, where each test asks for an item of its own."""

    level: str
    home: str
    prefix: tuple[Attribute, ...] = ()
    filter: str | None = None
    via: tuple[Span, ...] = ()
    alone: bool = False


class Condition:
    """The condition of one worklist while it is resolved."""

    def __init__(
        self, model: Model, clock: Clock, names: Names, filters: Filters, parameters: Mapping[str, Parameter],
        notes: Notes, limits: ResolveLimits,
    ) -> None:  # fmt: skip
        """Start without constraints."""
        self.model, self.clock, self.names, self.filters = model, clock, names, filters
        self.parameters, self.notes, self.limits = parameters, notes, limits
        self.constraints: list[tuple[Constraint, bool]] = []
        self.complete = True
        self.active: list[Key] = []
        self.depth = 0
        self.standing_alone: set[int] = set()
        self.undone: set[int] = set()

    def resolve(self, where: Expression, level: str, home: str, span: Span) -> Filter:
        """Return the condition in negation normal form."""
        try:
            found = self._walk(where, False, _Scope(level, home))
        except _TooLarge as error:
            self.notes(
                "WL212", span, str(error),
                "use fewer filters inside filters, or raise expanded-constraints under limits: in worklint.yaml",
            )  # fmt: skip
            self.complete = False
            self.constraints.clear()
            return All(())
        return self._items(found, 0) if found is not None else All(())

    def _walk(self, node: Expression, negated: bool, scope: _Scope) -> Filter | None:
        """Resolve one condition; ``None`` where nobody can know what it means.

        Conjunctions are resolved in this frame, so that conditions may be nested as deep as the language allows.
        """
        self.depth += 1
        if self.depth > self.limits.depth:
            raise _TooLarge(
                f"with its filters put in, the condition is nested more than {self.limits.depth} deep, so the list is "
                "not judged"
            )
        if isinstance(node, And | Or):
            joins_all = isinstance(node, And) != negated
            kind = All if joins_all else Any
            parts: list[Filter] = []
            for part in node.parts:
                found = self._walk(part, negated, scope)
                if found is None:
                    continue
                if not joins_all:
                    found = self._items(found, len(scope.prefix))
                if isinstance(found, All | Any) and isinstance(found, kind):
                    parts.extend(found.parts)
                else:
                    parts.append(found)
            found = None if not parts else parts[0] if len(parts) == 1 else kind(tuple(parts))
        elif isinstance(node, Not):
            if isinstance(node.condition, Not):
                if id(node) not in self.undone:
                    self._at(scope)
                    self.notes("WL203", node.span, "one `not` undoes the other", "take both out")
                # Of a whole row of them the first two are enough to tell.
                self.undone.add(id(node.condition))
            found = self._walk(node.condition, not negated, replace(scope, alone=True))
        elif isinstance(node, Use | HasItem | HasEntity):
            self.depth += 1
            if isinstance(node, Use):
                found = self._use(node, negated, scope)
            elif isinstance(node, HasItem):
                found = self._has_item(node, negated, scope)
            else:
                found = self._has_entity(node, negated, scope)
            self.depth -= 1
        else:
            found = self._test(node, negated, scope)
        self.depth -= 1
        if found is None:
            self.complete = False
        return found

    def _use(self, node: Use, negated: bool, scope: _Scope) -> Filter | None:
        key = self.filters.find(node.name, scope.home)
        self._at(scope)
        if key is None:
            self.filters.tell_unknown(node, scope.home, self.notes)
            return None
        block = self.filters.block(key)
        if not block.complete or block.condition is None:
            self.notes(
                "WL318", node.span, f"the list is not judged: its filter {node.name} ({key[0]}:{block.name_span.line}) "
                "has a mistake of syntax", "correct the filter",
            )  # fmt: skip
            return None
        if key in self.active:
            return None
        self.active.append(key)
        inner = replace(scope, home=key[0], filter=node.name, via=(*scope.via, node.span))
        found = self._walk(block.condition, negated, inner)
        self.active.pop()
        return found

    def _has_item(self, node: HasItem, negated: bool, scope: _Scope) -> Filter | None:
        self._at(scope)
        subject = resolve_reference(node.subject, self.names, self.notes, scope.prefix, scope.level)
        if subject is None:
            return None
        if not subject.path or subject.path[-1].vr not in ("SQ", "UN"):
            self.notes(
                "WL301", node.subject.span, f"{subject.written} is no sequence"
                f"{f' ({subject.vr})' if subject.vr else ''}, so it has no items",
                f"compare it: {subject.written} = …",
            )  # fmt: skip
            return None
        self._attribute_level(subject, scope, node.subject.span)
        inner = replace(scope, prefix=subject.path, alone=False)
        found = self._walk(node.condition, False, inner)
        if found is None:
            return None
        return Has("item", subject.path, self._items(found, len(subject.path)), negated, node.span)

    def _has_entity(self, node: HasEntity, negated: bool, scope: _Scope) -> Filter | None:
        self._at(scope)
        levels = self.model.levels
        if scope.prefix or node.entity not in levels:
            inside = f"an item of {scope.prefix[-1].display}" if scope.prefix else f"the model {self.model.id}"
            self.notes(
                "WL309", node.span, f"{inside} has no {node.entity}, so this cannot be asked",
                "take it out of the sequence" if scope.prefix else f"its levels are {', '.join(levels)}",
            )  # fmt: skip
            return None
        above = levels.index(node.entity) <= levels.index(scope.level)
        if above:
            self.notes(
                "WL309", node.span, f"{node.entity} has (…) asks for an entity below the {scope.level}, and a "
                f"{node.entity} is none", "write the condition in parentheses, without has", severity="warning",
            )  # fmt: skip
        inner = replace(scope, level=node.entity, alone=False)
        if above and node.entity == scope.level:
            return self._walk(node.condition, negated, scope)
        found = self._walk(node.condition, False, inner)
        return None if found is None else Has(node.entity, (), self._items(found, 0), negated, node.span)

    def _at(self, scope: _Scope, attribute: str | None = None) -> None:
        self.notes.filter, self.notes.via, self.notes.attribute = scope.filter, scope.via, attribute

    # --- one test

    def _test(self, node: Comparison, negated: bool, scope: _Scope) -> Filter | None:
        self._at(scope)
        time: Attribute | None = None
        if isinstance(node.subject, PairReference):
            found = self._pair(node.subject, scope)
            if found is None:
                return None
            subject, time = found
        else:
            resolved = resolve_reference(node.subject, self.names, self.notes, scope.prefix, scope.level)
            if resolved is None:
                return None
            subject = resolved
        self._at(scope, ".".join(a.display for a in subject.path) or (subject.label.label if subject.label else None))
        if subject.label and subject.label.computed:
            note = subject.label.note
            self.notes(
                "WL330", node.subject.span,
                f"{subject.written} is not read from the images" + (f": {note}" if note else ""),
            )  # fmt: skip
        asked = Comparing.of(subject, time, self.clock, self.parameters, self.notes).ask(node)
        attribute_level = self._attribute_level(subject, scope, node.subject.span)
        if asked is None:
            return None
        negated = negated != getattr(node, "negated", False)
        if negated and not isinstance(node, IsEmpty):
            self._none_of_several(node, subject, scope, attribute_level)
        ignoring = frozenset(_FOLDS.get(word, word) for word in getattr(node, "ignoring", ()))
        text = _positive(node)
        tests: list[Filter] = []
        for one in asked:
            constraint = Constraint(
                text=text,
                span=node.span,
                path=subject.path,
                label=subject.label.label if subject.label else None,
                level=scope.level,
                attribute_level=attribute_level,
                matching=one.matching if subject.path else "none",
                values=one.values,
                strict=one.strict,
                ignoring=ignoring,
                pair=time,
                relative=one.relative,
                filter=scope.filter,
                via=scope.via,
                label_vr=subject.label.vr if subject.label else "",
                asked=one.matching,
            )
            self.constraints.append((constraint, negated))
            if len(self.constraints) > self.limits.constraints:
                raise _TooLarge(
                    f"with its filters put in, the condition has more than {self.limits.constraints:,} constraints, so "
                    "the list is not judged"
                )
            if scope.alone:
                self.standing_alone.add(id(constraint))
            tests.append(Test(constraint, negated))
        return tests[0] if len(tests) == 1 else (All if negated else Any)(tuple(tests))

    def _pair(self, pair: PairReference, scope: _Scope) -> tuple[Subject, Attribute] | None:
        date_ = resolve_reference(pair.date, self.names, self.notes, scope.prefix, scope.level)
        time = resolve_reference(pair.time, self.names, self.notes, scope.prefix, scope.level)
        if date_ is None or time is None:
            return None
        one, other = date_.path[-1] if date_.path else None, time.path[-1] if time.path else None
        if not one or not other or date_.path[:-1] != time.path[:-1] or (one.vr, other.vr) != ("DA", "TM"):
            self.notes(
                "WL404", pair.span, f"{date_.written} and {time.written} are not a date and a time of one place, so "
                "they are no moment", "write a date and the time that belongs to it, as in (StudyDate, StudyTime)",
            )  # fmt: skip
            return None
        if not standard.is_combined_pair(one.keyword, other.keyword):
            partner = standard.time_of(one.keyword)
            self.notes(
                "WL404", pair.span, f"{one.keyword} and {other.keyword} are no pair in DICOM, so no source compares "
                "them as one moment", f"write ({one.keyword}, {partner})" if partner else "compare them one by one",
            )  # fmt: skip
        return replace(date_, written=f"({date_.written}, {time.written})"), other

    def _attribute_level(self, subject: Subject, scope: _Scope, span: Span) -> str | None:
        """Return the level that the attribute lives at: the one asked at, else the nearest below, else above."""
        levels = self.model.levels
        if not subject.path or not subject.path[0].keyword:
            label = subject.label.level if subject.label else ""
            if label == "patient" and label not in levels:
                label = self.model.patient_at or ""
            return label if label in levels else scope.level if not subject.path else None
        root = subject.path[0]
        found = standard.levels_of(root.keyword, self.model.id)
        if found:
            if scope.level in found:
                return scope.level
            at = levels.index(scope.level)
            below = [level for level in found if levels.index(level) > at]
            home = below[0] if below else found[-1]
            if not scope.prefix and not subject.label:
                self._better(root.keyword, scope.level, home, span)
            return home
        # Of a retired attribute that is no news, and what stands inside a sequence is told at the sequence.
        if scope.prefix or root.retired:
            return None
        places = standard.nested_paths(root.keyword, self.model.id)
        path = ".".join(places[0]) if places else ""
        if places and self.model.worklist:
            self.notes(
                "WL307", span, f"{root.keyword} stands inside {places[0][-2]} in this model; outside it a source has "
                "nothing to compare", f"write {path}", instead=path,
            )  # fmt: skip
        else:
            self.notes(
                "WL306", span, f"the model {self.model.id} knows no {root.keyword} at any level ({', '.join(levels)})",
                f"write {path}" if path else "ask by another attribute, or set model to one that has it",
                instead=path or None,
            )  # fmt: skip
        return None

    def _better(self, keyword: str, level: str, home: str, span: Span) -> None:
        """Name the attribute that the standard has at the level asked at, where there is one."""
        better = standard.replacement(keyword, level)
        if better:
            self.notes(
                "WL322", span, f"{keyword} is an attribute of the {home} level; at {level} level the standard has "
                f"{better} ({standard.replacement_note(keyword, level)})",
                f"ask by {better} where the source matches it, or at {home} level",
                instead=standard.exchanged(keyword, level),
            )  # fmt: skip

    def _none_of_several(self, node: Comparison, subject: Subject, scope: _Scope, attribute_level: str | None) -> None:
        levels = self.model.levels
        test = _positive(node)
        whole = f"{scope.prefix[-1].display} item" if scope.prefix else scope.level
        lower = attribute_level in levels and levels.index(attribute_level) > levels.index(scope.level)
        sequences = [subject.path[:n] for n in range(len(scope.prefix) + 1, len(subject.path))]
        if any(not self._single_item(path) for path in sequences):
            one = "item"
        elif lower and not scope.prefix:
            one = attribute_level or ""
        elif subject.vm not in ("0", "1"):
            one = "value"
        else:
            return
        remedy = ""
        if one in _ENTITIES:
            remedy = f'for "has a {one} that is something else" write {one} has (not {test})'
        self.notes(
            "WL209", node.span, f"a {whole} is kept only if no {one} satisfies {test}: one such {one} beside others "
            "is enough to leave it out", remedy,
        )  # fmt: skip

    def _single_item(self, path: tuple[Attribute, ...]) -> bool:
        keywords = tuple(a.keyword for a in path)
        rule = standard.key_rule(self.model.id, self.model.transport, self.model.levels[0], keywords)
        return rule is not None and "single-item" in rule.remarks

    # --- one item

    def _items(self, found: Filter, depth: int) -> Filter:
        """Join the positive tests of a conjunction that lead through the same sequence into one item (language.md)."""
        if not isinstance(found, All):
            return found
        groups: dict[Attribute, list[Filter]] = {}
        for part in found.parts:
            sequence = self._sequence(part, depth)
            if sequence is not None:
                groups.setdefault(sequence, []).append(part)
        if not any(len(group) > 1 for group in groups.values()):
            return found
        parts: list[Filter] = []
        done: set[Attribute] = set()
        for part in found.parts:
            sequence = self._sequence(part, depth)
            if sequence is None or len(groups[sequence]) == 1:
                parts.append(part)
            elif sequence not in done:
                done.add(sequence)
                group = groups[sequence]
                first = group[0]
                assert isinstance(first, Test)
                path = first.constraint.path[: depth + 1]
                parts.append(Has("item", path, self._items(All(tuple(group)), depth + 1), False, first.constraint.span))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _sequence(self, part: Filter, depth: int) -> Attribute | None:
        if not isinstance(part, Test) or part.negated or id(part.constraint) in self.standing_alone:
            return None
        path = part.constraint.path
        return path[depth] if len(path) > depth + 1 else None


def _positive(node: Comparison) -> str:
    """Return the test without its negation, which stands beside the constraint and not in it."""
    return print_expression(node if isinstance(node, HasAll) or not node.negated else replace(node, negated=False))


_ENTITIES = frozenset({"study", "series", "image"})

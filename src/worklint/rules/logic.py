"""What a condition says by itself: always true, never true, parts that change nothing, no bound, too large.

Nothing here knows a source. A claim is made only where the meaning of the language proves it: an attribute that may
have several values, or lives below the level of the list, can be equal to two things at once, and an absent value
satisfies no comparison. Work is pairwise inside one conjunction or disjunction only, by attribute, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from worklint.judge.query import MOST_QUERIES, size
from worklint.knowledge import standard
from worklint.model import All, Any, Constraint, Filter, Finding, Has, Severity, Span, Test, Worklist
from worklint.record import frozen, replace
from worklint.rules import bounds, default_severity
from worklint.rules.value_sets import ValueSet, both, disjoint, subset, value_set

_STEPS: Final = 60_000
"""Comparisons of two tests in one worklist; beyond it nothing more is claimed."""
_MOST_IN_A_GROUP: Final = 120
_DEEPEST: Final = 200
_SHOWN: Final = 90

_NOUNS = {"worklist-item": "scheduled step"}


@frozen
class _Lit:
    """A test. ``key`` is what it speaks of; ``single``: an entity has at most one value of it."""

    id: int
    key: tuple[str, ...]
    values: ValueSet
    negated: bool
    single: bool
    constraint: Constraint


@frozen
class _Join:
    """``all`` or ``any`` of its parts; no part is a join of the same kind."""

    id: int
    kind: str
    parts: tuple[_Node, ...]


@frozen
class _Inside:
    """A ``has``: one lower entity or item satisfies ``node``."""

    id: int
    key: tuple[str, ...]
    node: _Node
    negated: bool
    span: Span | None


_Node = _Lit | _Join | _Inside


class _Logic:
    """The condition of one worklist at work: equal parts have equal ids, and the steps are counted."""

    def __init__(self, worklist: Worklist, single_valued: frozenset[str]) -> None:
        """Start with nothing found."""
        self.worklist = worklist
        self.single_valued = single_valued
        self.noun = _NOUNS.get(worklist.level, worklist.level)
        found = standard.model(worklist.model)
        self.levels = found.levels if found else ()
        self.ids: dict[object, int] = {}
        self.steps = _STEPS
        self.index = {id(c): i for i, (c, _) in enumerate(worklist.constraints)}
        self.opposites: dict[int, tuple[_Node, _Node]] = {}
        self.findings: list[Finding] = []

    # --- from filter to nodes

    def _id(self, what: object) -> int:
        return self.ids.setdefault(what, len(self.ids))

    def node(self, part: Filter, item: tuple[str, ...] = ()) -> _Node:
        """Return the node of a filter; ``item`` is the path of the sequence whose item it speaks of."""
        if isinstance(part, Test):
            return self._lit(part, item)
        if isinstance(part, Has):
            path = tuple(a.tag for a in part.path)
            inner = self.node(part.filter, path)
            key = (part.scope, *path)
            return _Inside(self._id(("has", key, inner.id, part.negated)), key, inner, part.negated, part.span)
        return self._join("all" if isinstance(part, All) else "any", [self.node(p, item) for p in part.parts])

    def _join(self, kind: str, parts: Sequence[_Node]) -> _Node:
        flat: list[_Node] = []
        for part in parts:
            flat += part.parts if isinstance(part, _Join) and part.kind == kind else (part,)
        if len(flat) == 1:
            return flat[0]
        return _Join(self._id((kind, frozenset(p.id for p in flat))), kind, tuple(flat))

    def _lit(self, test: Test, item: tuple[str, ...]) -> _Lit:
        c = test.constraint
        # A label without attribute has another key than any path: a tag never begins with this word.
        key = tuple(a.tag for a in c.path) or ("label", (c.label or "").casefold())
        single = self._single(c, item)
        values, negated = value_set(c), test.negated
        if values.kind == "empty":
            if not single and self._below(c):
                # "is empty" and "is not empty" of several entities are not each other's opposite.
                values = ValueSet("opaque", identity=("empty", negated))
                negated = False
            else:
                values, negated = ValueSet("any", identity=("any",)), not negated
        ident = self._id(("test", key, values.identity, negated))
        return _Lit(ident, key, values, negated, single, c)

    def _below(self, c: Constraint) -> bool:
        at, home = self._rank(c.level), self._rank(c.attribute_level)
        return at < 0 or home < 0 or home > at or len(c.path) > 1

    def _rank(self, level: str | None) -> int:
        return self.levels.index(level) if level in self.levels else -1

    def _single(self, c: Constraint, item: tuple[str, ...]) -> bool:
        """Tell if an entity has at most one value of this, for certain."""
        if not c.path:
            return (c.label or "").casefold() in self.single_valued
        attribute = c.path[-1]
        if attribute.vm != "1" or attribute.creator is not None or not attribute.keyword or c.pair is not None:
            return False
        if item:
            return tuple(a.tag for a in c.path[:-1]) == item
        return len(c.path) == 1 and not self._below(c)

    def negation(self, node: _Node) -> _Node:
        """Return the opposite; the opposite of that is the node again."""
        known = self.opposites.get(id(node))
        if known is None:
            opposite = self._negation(node)
            # Both nodes are kept, so that no other object takes the place of one of them.
            known = self.opposites[id(node)] = (node, opposite)
            self.opposites[id(opposite)] = (opposite, node)
        return known[1]

    def _negation(self, node: _Node) -> _Node:
        if isinstance(node, _Lit):
            what = ("test", node.key, node.values.identity, not node.negated)
            if node.values.identity[:1] == ("empty",):
                return replace(node, id=self._id(("opposite", node.id)), negated=not node.negated)
            return replace(node, id=self._id(what), negated=not node.negated)
        if isinstance(node, _Inside):
            ident = self._id(("has", node.key, node.node.id, not node.negated))
            return replace(node, id=ident, negated=not node.negated)
        return self._join("any" if node.kind == "all" else "all", [self.negation(p) for p in node.parts])

    # --- what follows from what

    def implies(self, a: _Node, b: _Node) -> bool:
        """Tell if whatever satisfies ``a`` certainly satisfies ``b``; false where that takes too many steps."""
        if a.id == b.id:
            return True
        self.steps -= 1
        if self.steps <= 0:
            return False
        if isinstance(a, _Lit) and isinstance(b, _Lit):
            return _test_implies(a, b)
        if isinstance(b, _Join) and b.kind == "all":
            return all(self.implies(a, part) for part in b.parts)
        if isinstance(a, _Join) and a.kind == "any":
            return all(self.implies(part, b) for part in a.parts)
        if isinstance(b, _Join) and any(self.implies(a, part) for part in b.parts if _related(a, part)):
            return True
        if isinstance(a, _Lit) and isinstance(b, _Join):
            return self._each_implies(a, b)
        if isinstance(a, _Join):
            if any(self.implies(part, b) for part in a.parts if _related(part, b)):
                return True
            return isinstance(b, _Lit) and any(_test_implies(two, b) for two in self._two_as_one(a.parts, b.key))
        if isinstance(a, _Inside) and isinstance(b, _Inside) and (a.key, a.negated) == (b.key, b.negated):
            return self.implies(b.node, a.node) if a.negated else self.implies(a.node, b.node)
        if isinstance(a, _Inside) and isinstance(b, _Lit) and not a.negated and not b.negated:
            # A test of a lower entity asks for one that satisfies it; here is one.
            return a.key == (b.constraint.attribute_level,) and self._below(b.constraint) and self.implies(a.node, b)
        return False

    def _each_implies(self, a: _Lit, b: _Join) -> bool:
        """Tell if each value of a list satisfies a part of a disjunction: what satisfies a list is one of them."""
        if a.negated or a.values.kind != "finite" or not 1 < a.values.count <= _MOST_IN_A_GROUP:
            return False
        parts = [p for p in b.parts if _related(a, p)]
        self.steps -= a.values.count * len(parts)
        if self.steps <= 0:
            return False
        singles = (replace(a, id=-1, values=one) for one in a.values.each())
        return all(any(self.implies(one, part) for part in parts) for one in singles)

    def _two_as_one(self, parts: Sequence[_Node], key: tuple[str, ...]) -> Iterable[_Lit]:
        """Yield what two positive tests of the one value of an attribute say together."""
        tests = [p for p in parts if isinstance(p, _Lit) and p.key == key and p.single and not p.negated]
        for j, later in enumerate(tests[:_MOST_IN_A_GROUP]):
            for earlier in tests[:j]:
                self.steps -= 1
                values = both(earlier.values, later.values) if self.steps > 0 else None
                if values is not None:
                    yield replace(later, id=-1, values=values)

    def conflict(self, parts: Sequence[_Node]) -> tuple[_Node, _Node] | None:
        """Return two parts of a conjunction that cannot hold together, the earlier one first."""
        seen: dict[int, _Node] = {}
        for part in parts:
            opposite = seen.get(self.negation(part).id)
            if opposite is not None:
                return opposite, part
            seen.setdefault(part.id, part)
        for group in _groups(parts):
            for j, later in enumerate(group[:_MOST_IN_A_GROUP]):
                for earlier in group[:j]:
                    self.steps -= 1
                    if self.steps > 0 and _test_implies(earlier, _opposite(later)):
                        return earlier, later
            found = self._used_up(group)
            if found:
                return found
        by_key = {group[0].key: group for group in _groups(parts)}
        for part in parts:
            if isinstance(part, _Join) and part.kind == "any" and len(part.parts) <= _MOST_IN_A_GROUP:
                against = [self._against(branch, by_key) for branch in part.parts]
                if all(a is not None for a in against) and against[0] is not None:
                    return against[0], part
        return None

    def _against(self, branch: _Node, by_key: dict[tuple[str, ...], list[_Lit]]) -> _Lit | None:
        """Return a sibling test that a branch cannot hold together with."""
        tests = branch.parts if isinstance(branch, _Join) and branch.kind == "all" else (branch,)
        for test in tests:
            if isinstance(test, _Lit):
                for sibling in by_key.get(test.key, ())[:_MOST_IN_A_GROUP]:
                    self.steps -= 1
                    if self.steps > 0 and _test_implies(sibling, _opposite(test)):
                        return sibling
        return None

    def _used_up(self, group: Sequence[_Lit]) -> tuple[_Node, _Node] | None:
        """Find a list of values of which the other tests leave none."""
        if not group[0].single or not 2 < len(group) <= _MOST_IN_A_GROUP:
            return None
        for lit in group:
            if lit.negated or lit.values.kind != "finite" or lit.values.count > _MOST_IN_A_GROUP:
                continue
            others = [o for o in group if o is not lit]
            last: _Lit | None = None
            for value in lit.values.each():
                self.steps -= len(others)
                if self.steps <= 0:
                    return None
                alone = replace(lit, id=-1, values=value)
                last = next((o for o in others if _test_implies(alone, _opposite(o))), None)
                if last is None:
                    break
            else:
                if last is not None:
                    return lit, last
        return None

    # --- findings

    def visit(self, node: _Node) -> str | None:
        """Report what is wrong in a node; return ``never`` or ``always`` where that is its truth."""
        if isinstance(node, _Lit):
            self._list_twice(node)
            return None
        if isinstance(node, _Inside):
            outer, self.noun = self.noun, "item" if node.key[0] == "item" else node.key[0]
            inner = self.visit(node.node)
            self.noun = outer
            return ("always" if node.negated else "never") if inner == "never" else None
        states = [self.visit(part) for part in node.parts]
        absorbing, neutral = ("never", "always") if node.kind == "all" else ("always", "never")
        if absorbing in states:
            return absorbing
        parts = [p for p, state in zip(node.parts, states, strict=True) if state is None]
        if not parts:
            return neutral if node.parts else None
        found = self.conflict(parts if node.kind == "all" else [self.negation(p) for p in parts])
        if found:
            self._contradiction(node.kind, *found)
            return absorbing
        gone = self._redundant(node.kind, parts)
        if node.kind == "all":
            rest = [p for p in parts if isinstance(p, _Lit) and not p.negated and id(p) not in gone]
            self._one_key(rest)
        return None

    def _contradiction(self, kind: str, earlier: _Node, later: _Node) -> None:
        if kind == "any":
            earlier, later = self.negation(earlier), self.negation(later)
        a, b = self._text(earlier), self._text(later)
        name = _name(later)
        same = isinstance(later, _Lit) and isinstance(earlier, _Lit) and later.single
        one = f": it has one {name} at most" if same and self.negation(earlier).id != later.id else ""
        if kind == "all":
            remedy = "take one of them out"
            if same and _positive_values(earlier, later):
                remedy = f"write {name} in (…) if either will do"
            self._tell("WL202", later, earlier, f"no {self.noun} satisfies both {a} and {b}{one}", remedy)
            return
        remedy = "take this part out, or write what is meant"
        if same and isinstance(earlier, _Lit) and isinstance(later, _Lit) and earlier.negated and later.negated:
            remedy = f"write and between them: {name} not in (…)"
        self._tell("WL201", later, earlier, f"every {self.noun} satisfies {a} or {b}{one}", remedy)

    def _redundant(self, kind: str, parts: Sequence[_Node]) -> set[int]:
        """Report parts that another part makes idle; return their ids (of the objects)."""
        gone: set[int] = set()
        first: dict[int, _Node] = {}
        for part in parts:
            twin = first.setdefault(part.id, part)
            if twin is not part and not _one_place(twin, part):
                gone.add(id(part))
                self._tell("WL203", part, twin, f"{self._text(part)} stands here twice", "take one of them out")
        left = [p for p in parts if id(p) not in gone and first[p.id] is p]
        for earlier, later in self._pairs(left):
            if id(earlier) in gone or id(later) in gone or _one_place(earlier, later):
                continue
            forward, backward = self.implies(earlier, later), self.implies(later, earlier)
            if not (forward or backward):
                continue
            a, b = self._text(earlier), self._text(later)
            if kind == "all":
                idle, other = (later, earlier) if forward else (earlier, later)
                self._tell(
                    "WL203", idle, other, f"{self._text(idle)} changes nothing beside {self._text(other)}, which is "
                    "narrower or the same", "take it out, or say what else is meant",
                )  # fmt: skip
            elif backward:
                idle = later
                self._tell(
                    "WL204", later, earlier, f"{b} is never reached: {a} already takes all of it",
                    "take it out, or put what is narrower first",
                )  # fmt: skip
            else:
                idle = earlier
                self._tell(
                    "WL203", earlier, later, f"{a} changes nothing beside {b}, which takes all of it",
                    "take it out, or say what else is meant",
                )  # fmt: skip
            gone.add(id(idle))
        return gone

    def _pairs(self, parts: Sequence[_Node]) -> Iterable[tuple[_Node, _Node]]:
        """Yield the pairs worth comparing, in the order written: tests of one attribute, and the larger parts."""
        place = {id(p): i for i, p in enumerate(parts)}
        groups = _groups(parts)
        for group in groups:
            yield from ((earlier, later) for j, later in enumerate(group[:_MOST_IN_A_GROUP]) for earlier in group[:j])
        large = [p for p in parts if not isinstance(p, _Lit)][:_MOST_IN_A_GROUP]
        by_key = {group[0].key: group[:_MOST_IN_A_GROUP] for group in groups}
        for j, one in enumerate(large):
            yield from ((earlier, one) for earlier in large[:j])
            for key in dict.fromkeys(_keys(one)):
                for lit in by_key.get(key, ()):
                    pair: tuple[_Node, _Node] = (lit, one)
                    yield pair if place[id(lit)] < place[id(one)] else (one, lit)

    def _list_twice(self, lit: _Lit) -> None:
        twice = lit.values.twice
        if twice:
            self._tell("WL203", lit, lit, f"the list of {_name(lit)} holds {twice} twice", "take one of them out")

    def _one_key(self, lits: Sequence[_Lit]) -> None:
        for group in _groups(lits):
            paths = [lit for lit in group if lit.constraint.path]
            if len(paths) < 2 or _mergeable(paths):
                continue
            last, before = paths[-1], paths[-2]
            if _one_place(before, last):
                continue
            self._tell(
                "WL207", last, before,
                f"a query holds {_name(last)} once, and {len(paths)} tests of it are joined by and: "
                f"only {self._text(last)} is sent, the client has to check the others",
                "join them to one test if one is meant; put the one that leaves the fewest last",
            )  # fmt: skip

    def _tell(
        self, rule: str, node: _Node, other: _Node, message: str, remedy: str, severity: Severity | None = None
    ) -> None:
        mine, theirs = _first(node), _first(other)
        places = tuple(dict.fromkeys(i for c in (theirs, mine) for i in (self.index.get(id(c)),) if i is not None))
        self.findings.append(
            Finding(
                rule, severity or default_severity(rule), _place(node, mine, theirs), message, remedy,
                worklist=self.worklist.id, constraints=places, attribute=mine.name or None,
            )
        )  # fmt: skip

    def _text(self, node: _Node) -> str:
        text = _written(node)
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1].rstrip() + "…"


def _opposite(lit: _Lit) -> _Lit:
    return replace(lit, id=-1, negated=not lit.negated)


def _test_implies(a: _Lit, b: _Lit) -> bool:
    """Tell if a test follows from another of the same attribute, whatever the entity's values are."""
    if a.key != b.key:
        return False
    if a.negated and b.negated:
        return subset(b.values, a.values)
    if not a.negated and not b.negated:
        return subset(a.values, b.values)
    # An entity without the value satisfies every negated test, so no positive one follows from that.
    return not a.negated and a.single and b.single and disjoint(a.values, b.values)


def _keys(node: _Node) -> Iterable[tuple[str, ...]]:
    """Yield what the tests of a part speak of, its own and those one step inside."""
    parts = node.parts if isinstance(node, _Join) else (node,)
    for part in parts:
        if isinstance(part, _Lit):
            yield part.key
        elif isinstance(part, _Join):
            yield from (p.key for p in part.parts if isinstance(p, _Lit))
        elif not part.negated:
            yield from _keys(part.node)


def _related(a: _Node, b: _Node) -> bool:
    return not (isinstance(a, _Lit) and isinstance(b, _Lit)) or a.key == b.key


def _groups(parts: Iterable[_Node]) -> list[list[_Lit]]:
    found: dict[tuple[str, ...], list[_Lit]] = {}
    for part in parts:
        if isinstance(part, _Lit):
            found.setdefault(part.key, []).append(part)
    return list(found.values())


def _first(node: _Node) -> Constraint:
    while not isinstance(node, _Lit):
        node = node.parts[0] if isinstance(node, _Join) else node.node
    return node.constraint


def _one_place(a: _Node, b: _Node) -> bool:
    """Tell if both come from one comparison as written (a list of days and moments makes several tests)."""
    one, other = _first(a), _first(b)
    return isinstance(a, _Lit) and isinstance(b, _Lit) and (one.span, one.via) == (other.span, other.via)


def _place(node: _Node, mine: Constraint, other: Constraint) -> Span:
    """Return where a finding stands: on the part, or where a filter is used that the other part does not come from."""
    for i, use in enumerate(mine.via):
        if other.via[i : i + 1] != (use,):
            return use
    return node.span if isinstance(node, _Inside) and node.span else mine.span


def _name(node: _Node) -> str:
    constraint = _first(node)
    return constraint.path[-1].display if constraint.path else constraint.name


def _written(node: _Node) -> str:
    if isinstance(node, _Lit):
        text = node.constraint.text
        if (node.constraint.asked or node.constraint.matching) == "empty":
            empty = node.negated if node.values.kind == "any" else (node.values.identity[1] is True) == node.negated
            return text if empty else text.removesuffix("is empty") + "is not empty"
        return f"not {text}" if node.negated else text
    if isinstance(node, _Inside):
        head = ".".join(a.display for a in _first(node).path[: len(node.key) - 1]) if len(node.key) > 1 else node.key[0]
        return f"{'not ' if node.negated else ''}{head} has ({_written(node.node)})"
    word = " and " if node.kind == "all" else " or "
    return "(" + word.join(_written(p) for p in node.parts[:6]) + (" …" if len(node.parts) > 6 else "") + ")"


def _positive_values(a: _Node, b: _Node) -> bool:
    return all(isinstance(n, _Lit) and not n.negated and n.values.kind == "finite" for n in (a, b))


def _mergeable(lits: Sequence[_Lit]) -> bool:
    """Tell if two tests go out as the two ends of one range."""
    if len(lits) != 2 or not lits[0].single:
        return False
    ranges = [lit.constraint for lit in lits if lit.constraint.matching == "range"]
    return {tuple(bool(v.text) for v in c.values) for c in ranges} == {(True, False), (False, True)}


# --- the whole


Change = Literal["same", "narrower", "wider", "other"]
"""What becomes of a list: it holds the same, no row that it did not hold, every row that it held, or nobody proved it.

Narrower and wider do not exclude that it holds the same."""


def change_of_meaning(one: Worklist, other: Worklist) -> Change:
    """Return what certainly becomes of a worklist that is replaced by another; ``other`` in case of doubt.

    The same sources are asked, and what comes back is shown alike, or it is ``other``.
    """
    if not (one.complete and other.complete) or _without_places(one) != _without_places(other):
        return "other"
    if max(_depth(one.filter), _depth(other.filter)) > _DEEPEST:
        return "other"
    logic = _Logic(one, frozenset())
    a, b = logic.node(one.filter), logic.node(other.filter)
    forward, backward = logic.implies(a, b), logic.implies(b, a)
    if forward and backward:
        return "same"
    return "wider" if forward else "narrower" if backward else "other"


def same_meaning(one: Worklist, other: Worklist) -> bool:
    """Tell if two worklists certainly list the same of the same sources, and show it alike; false in case of doubt."""
    return change_of_meaning(one, other) == "same"


def _without_places(w: Worklist) -> tuple[object, ...]:
    shown = [(s.path, s.label, s.descending) for s in (*w.show, *w.sort)]
    settings = (w.scope, w.sources, w.model, w.level, w.purpose, w.limit, w.timezone, len(w.show))
    return (w.id, w.format, *settings, *shown)


def logic_findings(
    worklist: Worklist, single_valued: frozenset[str] = frozenset(), first: int = 0
) -> tuple[Finding, ...]:
    """Return what the condition of a worklist says by itself that its author can hardly mean.

    ``single_valued``: labels without attribute, casefolded, of which an entity has one value at most. A worklist of
    which part could not be read is not looked at: what is left may mean anything. ``first`` is the number of the
    worklist's first constraint in the report.
    """
    if not worklist.complete:
        return ()
    found: list[Finding] = []
    state: str | None = None
    queries = size(worklist.filter)
    if queries > MOST_QUERIES:
        shown = f"{queries:,}" if queries < 10**9 else "more than a thousand million"
        found.append(
            Finding(
                "WL212", default_severity("WL212"), worklist.span,
                f"the condition takes {shown} queries at each source, and more "
                f"than {MOST_QUERIES:,} are not judged",
                "multiply out fewer alternatives: write in (…) where one attribute has several values, or make several "
                "lists", worklist=worklist.id,
            )
        )  # fmt: skip
    if worklist.constraints and _depth(worklist.filter) <= _DEEPEST:
        logic = _Logic(worklist, single_valued)
        root = logic.node(worklist.filter)
        state = logic.visit(root)
        found += [_seen(f, state, logic.noun) for f in logic.findings]
    found += [f for f in bounds.bound_findings(worklist) if state != "never" or f.rule != "WL206"]
    numbered = (replace(f, constraints=tuple(first + i for i in f.constraints)) for f in found)
    return tuple(sorted(numbered, key=lambda f: (f.span, f.rule, f.message)))


def _seen(finding: Finding, state: str | None, noun: str) -> Finding:
    """Put behind a contradiction or tautology what a reader of the list sees."""
    many = noun if noun == "series" else "studies" if noun == "study" else f"{noun}s"
    if finding.rule == "WL202":
        if state == "never":
            return replace(finding, message=f"{finding.message}; the list stays empty")
        message = f"{finding.message}; this part of the condition finds nothing"
        return replace(finding, severity="warning", message=message)
    if finding.rule == "WL201":
        tail = f"the list shows all {many}" if state == "always" else "this part of the condition leaves nothing out"
        return replace(finding, message=f"{finding.message}; {tail}")
    return finding


def _depth(node: Filter) -> int:
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(part, All | Any):
            waiting += [(p, depth + 1) for p in part.parts]
        elif isinstance(part, Has):
            waiting.append((part.filter, depth + 1))
    return deepest

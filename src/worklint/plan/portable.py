"""The portable core of a worklist: the strongest filter that follows from it and is answered exactly at every source.

A core is made by leaving conditions out, or by putting a weaker one in their place, so that every row of the list is a
row of the core. What is left is judged as a whole, for keys change one another. The search is bounded and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from worklint.judge import judge, mark_of, severity_of, verdict_name
from worklint.judge.place import Place
from worklint.model import All, Any, Constraint, Effect, Filter, Has, Test, Worklist
from worklint.plan.predicate import text_of
from worklint.plan.ranges import ways
from worklint.record import frozen

SMALL = 5
"""Up to so many conditions all sets of them are tried, so that no other set can be stronger."""
SMALL_PLANNED = 4
"""The same where each set has to be planned, which takes longer than a verdict."""
MOST_CONDITIONS = 40
"""Above this many conditions the core is looked for among whole parts of the `and` at the top."""
MOST_PAIRED = 16
"""Up to so many conditions that were left out are tried again two at a time."""
MOST_TRIALS = 2_000
"""So many verdicts are asked for one core; then the search ends with what it has."""

Kept = Mapping[int, Constraint]
"""The conditions that are kept: for each index of ``Worklist.constraints`` itself, or a weaker one in its place."""


@frozen
class Answer:
    """What one filter is worth at one source: good enough or not, and the conditions that are to blame."""

    good: bool
    blamed: frozenset[int]


@frozen
class Core:
    """A core: the conditions kept, where it holds, and where no filter of this list does.

    ``text`` is the condition in the language, empty where no condition is left (everything is asked for), ``None``
    where there is no such filter. ``weakened`` are conditions that stand in it in a weaker form. ``others`` are cores
    of the same kind that are neither weaker nor stronger. ``bounded``: not every set of conditions was tried.
    """

    text: str | None
    filter: Filter | None
    kept: tuple[int, ...]
    weakened: tuple[tuple[int, str], ...]
    sources: tuple[str, ...]
    without: tuple[str, ...]
    others: tuple[str, ...] = ()
    bounded: bool = False


Verdict = tuple[Effect, Sequence[Effect]]
"""What a source makes of a list: the effect of the whole, and of each constraint."""
Asked = Callable[[Worklist, str], Verdict]
"""Tells what a source, by its id, makes of a list."""


def as_written(places: Mapping[str, Place]) -> Asked:
    """Return a function that judges a list as a plain client sends it."""

    def ask(worklist: Worklist, source: str) -> Verdict:
        found = judge(worklist, places[source])
        return found.effect, [c.effect for c in found.cells]

    return ask


def as_planned(places: Mapping[str, Place], zone: str | None = None) -> Asked:
    """Return a function that judges a list as a careful client sends it."""
    from worklint.plan import plan

    def ask(worklist: Worklist, source: str) -> Verdict:
        made = plan(worklist, places[source], zone=zone)
        return made.as_planned, made.cells

    return ask


def exact(effect: Effect) -> bool:
    """Tell if an answer holds the rows that are asked for and no others."""
    return verdict_name(effect) == "exact"


def reliable(effect: Effect) -> bool:
    """Tell if nothing is missing, and what is too much differs by spelling only or shows no value."""
    return mark_of(effect, severity_of(effect)) == "" and not effect.misses


def core_of(
    worklist: Worklist, sources: Sequence[str], ask: Asked, enough: Callable[[Effect], bool] = exact,
    exhaustive: int = SMALL, known: Mapping[str, Verdict] | None = None,
) -> Core:  # fmt: skip
    """Return the strongest filter, as far as it was looked for, that every one of the sources answers well enough.

    Where no filter of the list does at some sources, these are named in ``without``, and the core is that of the rest.
    Up to ``exhaustive`` conditions all sets of them are tried. ``known`` are the verdicts of the list itself, where
    somebody has them.
    """
    whole = {i: c for i, (c, _) in enumerate(worklist.constraints)}
    search = _Search(worklist, sources, ask, enough)
    for source, (effect, cells) in (known or {}).items():
        blamed = frozenset(i for i, e in enumerate(cells) if not enough(e))
        search.known[_key(whole, source)] = Answer(enough(effect), blamed)
    found = search.run(exhaustive)
    without: tuple[str, ...] = ()
    if not found:
        without = tuple(s for s in sources if not search.ever_good(s))
        rest = tuple(s for s in sources if s not in without)
        if not without or not rest:
            return Core(None, None, (), (), (), without or tuple(sources), (), search.bounded)
        search = _Search(worklist, rest, ask, enough, search.known)
        found = search.run(exhaustive)
        if not found:
            return Core(None, None, (), (), (), without, (), search.bounded)
    first, *others = (search.strengthened(kept) for kept in found)
    condition = weakened(worklist.filter, _by_identity(worklist, first))
    weaker = tuple((i, text_of(Test(c))) for i, c in sorted(first.items()) if c is not worklist.constraints[i][0])
    return Core(
        _text(worklist, condition), condition or All(()), tuple(sorted(first)), weaker, tuple(search.sources), without,
        tuple(_text(worklist, weakened(worklist.filter, _by_identity(worklist, o))) for o in others), search.bounded,
    )  # fmt: skip


# --- weaker filters ---------------------------------------------------------------------------------------------------


def weakened(node: Filter, kept: Mapping[int, Constraint]) -> Filter | None:
    """Return what follows from a condition if only these of its tests (by identity) are kept; ``None``: everything.

    A test that is left out is taken as true. A clause under ``not`` is kept whole or not at all: with a test less it
    would become stronger.
    """
    if isinstance(node, Test):
        found = kept.get(id(node.constraint))
        return None if found is None else node if found is node.constraint else replace(node, constraint=found)
    if isinstance(node, Has):
        if node.negated:
            return node if all(kept.get(id(c)) is c for c in _leaves(node.filter)) else None
        inner = weakened(node.filter, kept)
        return None if inner is None else replace(node, filter=inner)
    parts = [weakened(p, kept) for p in node.parts]
    if isinstance(node, Any):
        return None if any(p is None for p in parts) else Any(tuple(p for p in parts if p is not None))
    left = tuple(p for p in parts if p is not None)
    return None if not left else left[0] if len(left) == 1 else All(left)


def with_filter(worklist: Worklist, condition: Filter | None) -> Worklist:
    """Return the worklist with another condition; ``None``: without one."""
    condition = condition or All(())
    negated = {id(c): n for c, n in worklist.constraints}
    found = tuple(dict.fromkeys(id(c) for c in _leaves(condition)))
    leaves = {id(c): c for c in _leaves(condition)}
    constraints = tuple((leaves[i], negated.get(i, False)) for i in found)
    return replace(worklist, filter=condition, constraints=constraints)


def _leaves(node: Filter) -> Iterator[Constraint]:
    if isinstance(node, Test):
        yield node.constraint
    elif isinstance(node, Has):
        yield from _leaves(node.filter)
    else:
        for part in node.parts:
            yield from _leaves(part)


def weaker_forms(constraint: Constraint) -> Iterator[Constraint]:
    """Yield tests that follow from a positive test and that a key can say: an inclusive bound, the days alone.

    None of a test that moves with the clock: the days of now are not those of tomorrow, and a core is kept.
    """
    if constraint.relative:
        return
    for way in ways(constraint):
        if len(way.alternatives) != 1 or len(way.alternatives[0]) != 1:
            continue
        one = way.alternatives[0][0]
        if one != constraint and one.matching in ("single", "range"):
            yield one


def _by_identity(worklist: Worklist, kept: Kept) -> dict[int, Constraint]:
    return {id(worklist.constraints[i][0]): c for i, c in kept.items()}


def _text(worklist: Worklist, condition: Filter | None) -> str:
    """Return a condition in the language, its tests as they were written: a relative date does not age.

    One comparison may stand for several tests; then it stands as what it means.
    """
    if condition is None:
        return ""
    places = Counter((c.span, c.via) for c, _ in worklist.constraints)
    plain = {id(c) for c, _ in worklist.constraints if places[c.span, c.via] == 1}
    return _said(condition, plain, 0, True)


def _said(node: Filter, plain: set[int], depth: int, top: bool) -> str:
    if isinstance(node, Test):
        written = _as_written(node.constraint, depth) if id(node.constraint) in plain else None
        if written is None:
            return text_of(node, depth)
        return f"not {written}" if node.negated else written
    if isinstance(node, Has):
        of_item = node.scope == "item"
        name = ".".join(a.display for a in node.path[depth:]) if of_item else node.scope
        inner = _said(node.filter, plain, len(node.path) if of_item else 0, True)
        return f"{'not ' if node.negated else ''}{name} has ({inner})"
    word = " and " if isinstance(node, All) else " or "
    text = word.join(_said(p, plain, depth, False) for p in node.parts)
    return text if top or len(node.parts) < 2 else f"({text})"


def _as_written(c: Constraint, depth: int) -> str | None:
    """Return a test as it was written, by its path from an item at ``depth``; ``None`` where that cannot be told.

    A keyword in another letter case than that of the dictionary stands as it should.
    """
    names = [a.display for a in c.path]
    for begin in range(len(names)):
        name = ".".join(names[begin:])
        if c.text[: len(name) + 1].casefold() == f"{name} ".casefold():
            return ".".join(names[depth:]) + c.text[len(name) :]
    return c.text if len(names) <= 1 else None


# --- the search -------------------------------------------------------------------------------------------------------


def _key(kept: Kept, source: str) -> tuple[object, str]:
    return frozenset((i, id(c)) for i, c in kept.items()), source


class _Search:
    """Looks for the largest sets of conditions that all sources answer well enough."""

    def __init__(
        self, worklist: Worklist, sources: Sequence[str], ask: Asked, enough: Callable[[Effect], bool],
        known: dict[tuple[object, str], Answer] | None = None,
    ) -> None:  # fmt: skip
        self.worklist, self.sources, self.ask, self.enough = worklist, list(sources), ask, enough
        self.known: dict[tuple[object, str], Answer] = {} if known is None else known
        self.units = self._units()
        self.coarse = any(len(u) > 1 for u in self.units)
        self.trials, self.bounded = 0, False

    def _units(self) -> list[frozenset[int]]:
        """Return what is kept or left out together: single conditions, or whole parts where there are many."""
        index = {id(c): i for i, (c, _) in enumerate(self.worklist.constraints)}
        if len(index) <= MOST_CONDITIONS:
            return [frozenset({i}) for i in range(len(self.worklist.constraints))]
        top = self.worklist.filter
        parts = top.parts if isinstance(top, All) else (top,)
        return [frozenset(index[id(c)] for c in _leaves(p)) for p in parts]

    def answer(self, kept: Kept, source: str) -> Answer:
        """Return what one set of conditions is worth at one source."""
        key = _key(kept, source)
        if key not in self.known:
            self.trials += 1
            condition = weakened(self.worklist.filter, _by_identity(self.worklist, kept))
            smaller = with_filter(self.worklist, condition)
            whole, cells = self.ask(smaller, source)
            own = {id(c): i for i, c in kept.items()}
            blamed = frozenset(
                own[id(c)]
                for (c, _), e in zip(smaller.constraints, cells, strict=True)
                if id(c) in own and not self.enough(e)
            )
            self.known[key] = Answer(self.enough(whole), blamed)
        return self.known[key]

    def good(self, kept: Kept) -> bool:
        """Tell if every source answers well enough; those that last did not are asked first."""
        for source in list(self.sources):
            if not self.answer(kept, source).good:
                self.sources.remove(source)
                self.sources.insert(0, source)
                return False
        return True

    def ever_good(self, source: str) -> bool:
        """Tell if any filter that was tried does at a source; the empty one always was."""
        self.answer({}, source)
        return any(a.good for (_, s), a in self.known.items() if s == source)

    def kept(self, units: Sequence[frozenset[int]]) -> dict[int, Constraint]:
        """Return the conditions of some units, those that would stay without effect left out."""
        chosen = {i: self.worklist.constraints[i][0] for unit in units for i in unit}
        condition = weakened(self.worklist.filter, _by_identity(self.worklist, chosen))
        left = {id(c) for c in _leaves(condition)} if condition is not None else set()
        return {i: c for i, c in chosen.items() if id(c) in left}

    def run(self, exhaustive: int) -> list[dict[int, Constraint]]:
        """Return the largest sets found, the one with most conditions first; empty if there is none."""
        order = list(self.sources)
        try:
            return self._all() if len(self.units) <= exhaustive else self._descend(exhaustive >= SMALL)
        finally:
            self.sources = [s for s in order if s in self.sources]

    def _all(self) -> list[dict[int, Constraint]]:
        found: list[dict[int, Constraint]] = []
        self.bounded = self.coarse and not self.good(self.kept(self.units))
        for size in range(len(self.units), -1, -1):
            for units in combinations(self.units, size):
                kept = self.kept(units)
                if not any(kept.keys() <= other.keys() for other in found) and self.good(kept):
                    found.append(kept)
        return found

    def _descend(self, pairs: bool) -> list[dict[int, Constraint]]:
        """Leave out what is to blame until all is well, then try to take back one after the other.

        ``pairs``: two at a time as well, for of an `or` each branch has to keep something.
        """
        units = list(self.units)
        while True:
            kept = self.kept(units)
            blamed: set[int] = set()
            bad = False
            for source in self.sources:
                answer = self.answer(kept, source)
                bad = bad or not answer.good
                blamed |= answer.blamed
            if not bad:
                break
            self.bounded = len(self.units) > 1
            if not units or self.trials > MOST_TRIALS:
                return []
            left = [u for u in units if not u & blamed]
            # Where no condition is to blame, the list as a whole is: fewer conditions may still do.
            units = left if len(left) < len(units) else units[:-1]
        out = [u for u in self.units if u not in units]
        sizes = (1, 2) if pairs and len(out) <= MOST_PAIRED else (1,)
        for back in (b for size in sizes for b in combinations(out, size)):
            if self.trials > MOST_TRIALS or any(u in units for u in back):
                continue
            more = [u for u in self.units if u in units or u in back]
            if self.kept(more).keys() > self.kept(units).keys() and self.good(self.kept(more)):
                units = more
        return [self.kept(units)]

    def strengthened(self, kept: dict[int, Constraint]) -> dict[int, Constraint]:
        """Put a weaker form in the place of what was left out, where the sources answer that."""
        tests = {id(t.constraint): t for t in _tests(self.worklist.filter)}
        for i, (constraint, _) in enumerate(self.worklist.constraints):
            test = tests.get(id(constraint))
            if i in kept or test is None or test.negated or len(self.worklist.constraints) > MOST_CONDITIONS:
                continue
            for weaker in weaker_forms(constraint):
                more = {**kept, i: weaker}
                condition = weakened(self.worklist.filter, _by_identity(self.worklist, more))
                stands = condition is not None and any(c is weaker for c in _leaves(condition))
                if stands and self.trials <= MOST_TRIALS and self.good(more):
                    kept = more
                    break
        return kept


def _tests(node: Filter) -> Iterator[Test]:
    """Yield the tests that stand under no ``not``."""
    if isinstance(node, Test):
        yield node
    elif isinstance(node, Has):
        if not node.negated:
            yield from _tests(node.filter)
    else:
        for part in node.parts:
            yield from _tests(part)

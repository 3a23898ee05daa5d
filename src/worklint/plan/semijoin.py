"""One conjunction at one source: its query, and queries that feed it.

A test of a lower level is asked at that level, and its unique keys feed the next.

A negated one is subtracted, and only if what is taken away certainly has to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from worklint.judge.behaviour import behaviour_at
from worklint.judge.place import Place, place_fits
from worklint.judge.query import upper_keys
from worklint.knowledge import standard
from worklint.model import Effect, Filter, Has, Test
from worklint.plan import split
from worklint.plan.algebra import feeding, lifted, rank, subtracting, united
from worklint.plan.checks import Left, left_of, tests_of
from worklint.plan.forms import Conjunction, atoms_of, conjunctions
from worklint.plan.merging import merged
from worklint.plan.negotiated import RELATIONAL, granted
from worklint.plan.split import Asked, Desk, Fixed, KeySet
from worklint.plan.types import Need, PlannedQuery

# What describes the entities below (PS3.4 C.3.4): asked for there, by the attribute that it is made from.
_MADE_FROM = {"ModalitiesInStudy": ("series", "Modality"), "SOPClassesInStudy": ("image", "SOPClassUID")}


def ask(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test] = (), fixed: Sequence[Fixed] = (),
    place: Place | None = None,
) -> Asked:  # fmt: skip
    """Return the queries for a conjunction at a level.

    ``narrowing`` are tests that hold of everything that is looked for: they are sent where that cannot harm, and never
    checked. ``fixed`` are unique keys that other queries feed.
    """
    place = place or desk.place
    atoms = merged(atoms, desk.put_together)
    best = split.largest(desk, level, atoms, narrowing, fixed, place)
    if best is None and not _asks_above(place, level, atoms, narrowing):
        found = split.with_empty_keys(desk, level, atoms, narrowing, fixed, place)
        best = found if found is not None and len(found.chosen) >= split.sendable(atoms, narrowing) else None
    if best is None:
        return with_parents(desk, level, atoms, narrowing, fixed, place)
    return _asked(desk, level, atoms, narrowing, fixed, place, best)


def _asked(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], fixed: Sequence[Fixed], place: Place,
    best: KeySet,
) -> Asked:  # fmt: skip
    there = split.asked_at(place, level, best)
    lefts = {id(a): left_of(there, level, a, best.adds, best.keys, lambda c: c.path) for a in atoms}
    joined_levels = lower_level(desk, level, atoms, lefts, best, fixed, place, narrowed=bool(best.chosen or fixed))
    if joined_levels is not None:
        return joined_levels
    return split.finish(desk, level, atoms, lefts, best, fixed, place)


def home_of(desk: Desk, level: str, atom: Filter) -> str | None:
    """Return the level below at which a part of a conjunction can be asked by itself."""
    model = standard.model(desk.place.model)
    if model is None or level not in model.levels:
        return None
    if isinstance(atom, Test):
        made_from = _made_from(atom)
        home = made_from[0] if made_from else atom.constraint.attribute_level if atom.constraint.path else None
    else:
        home = atom.scope if isinstance(atom, Has) and atom.scope != "item" else None
    if home not in model.levels or model.levels.index(home) <= model.levels.index(level):
        return None
    return home


def _made_from(test: Test) -> tuple[str, str] | None:
    """Return level and keyword of the attribute that one is made from; tests of all its values stay as they are."""
    c = test.constraint
    several = (c.asked or c.matching) in ("multiple", "empty", "universal")
    return _MADE_FROM.get(c.path[0].keyword) if len(c.path) == 1 and not several else None


def _inside(atom: Filter) -> list[Conjunction]:
    """Return what one entity of the lower level has to satisfy: conjunctions, of which one suffices."""
    if isinstance(atom, Has):
        return [atoms_of(c[0]) if len(c) == 1 else c for c in conjunctions(atom.filter, frozenset())]
    assert isinstance(atom, Test)
    atom = _of_some_entity(atom)
    made_from = _made_from(atom)
    if made_from is not None:
        home, keyword = made_from
        attribute = standard.attribute_by_keyword(keyword)
        assert attribute is not None
        return [(Test(replace(atom.constraint, path=(attribute,), attribute_level=home)),)]
    return [(replace(atom, negated=False),)]


def _of_some_entity(test: Test) -> Test:
    """Return a test that is true if it is so of some entity below: "is empty" means that none of them has a value."""
    if (test.constraint.asked or test.constraint.matching) != "empty":
        return test
    return Test(replace(test.constraint, matching="universal", asked="universal"), not test.negated)


def _negated(atom: Filter) -> bool:
    atom = _of_some_entity(atom) if isinstance(atom, Test) else atom
    return isinstance(atom, Test | Has) and atom.negated


def lower_level(
    desk: Desk, level: str, atoms: Conjunction, lefts: dict[int, Left], best: KeySet, fixed: Sequence[Fixed],
    place: Place, narrowed: bool,
) -> Asked | None:  # fmt: skip
    """Return the plan with semi-joins, or ``None`` where none of them helps."""
    unique = _unique(place, level)
    if unique is None or any(f.key.dotted == unique for f in fixed):
        return None
    narrowing = [a for a in atoms if isinstance(a, Test) and not a.negated and _holds_below(place, level, a)]
    inner: list[tuple[Filter, list[Asked], Effect]] = []
    taken: list[tuple[Filter, list[Asked], Effect]] = []
    for atom in atoms:
        home = home_of(desk, level, atom)
        left = lefts[id(atom)]
        if home is None or not (left.adds or (not narrowed and not _negated(atom))):
            continue
        if not _same_entities(place, level, home):
            continue
        mine = [t for t in narrowing if t is not atom and home_of(desk, level, t) is None]
        if _negated(atom):
            # What is in the list by mistake has to go too: only what holds of every row narrows what is taken away.
            mine = [t for t in mine if not lefts[id(t)].adds]
        asked = [ask(desk, home, conjunction, mine) for conjunction in _inside(atom)]
        effect = lifted(united(a.effect for a in asked))
        if effect.rejected or not effect.known or effect.misses - {"cap"} or not all(_names(a, unique) for a in asked):
            continue
        if _negated(atom):
            if certain_to_go(effect):
                taken.append((atom, asked, effect))
        elif rank(effect.adds) < rank(left.adds) or (
            not narrowed and all(a.narrowed for a in asked) and rank(effect.adds) <= rank(left.adds)
        ):
            inner.append((atom, asked, effect))
    if not inner and not taken:
        return None
    result = _fed(desk, level, atoms, lefts, inner, fixed, place, unique) if inner else None
    if result is None:
        if not taken:
            return None
        result = split.finish(
            desk, level, atoms, lefts, best, fixed, place, frozenset(id(a) for a, _, _ in taken)
        )  # fmt: skip
    return _subtracted(result, taken) if taken else result


def certain_to_go(effect: Effect) -> bool:
    """Tell if what an answer holds can be taken away: nothing in it is there by mistake."""
    return not effect.adds


def _unique(place: Place, level: str) -> str | None:
    model = standard.model(place.model)
    return model.unique_key(level) if model else None


def _same_entities(place: Place, level: str, home: str) -> bool:
    """Tell if nothing is hidden on the way to a lower level that is shown at the upper one."""
    model = standard.model(place.model)
    levels = model.levels if model else ()
    return not any(
        place_fits(h.where, place, below) is not False and place_fits(h.where, place, level) is False
        for below in levels[levels.index(level) + 1 : levels.index(home) + 1]
        for h in place.profile.hides
    )


def _reached_from(place: Place, upper: str, level: str) -> bool:
    """Tell if everything that is shown at a level can be found from the level above: nothing there hides it."""
    model = standard.model(place.model)
    levels = model.levels if model else ()
    for record in place.profile.hides:
        if place_fits(record.where, place, upper) is False:
            continue
        homes = standard.levels_of(record.attribute.split(".")[0], place.model) if record.attribute else ()
        lower = any(h in levels and levels.index(h) > levels.index(upper) for h in homes)
        if lower or place_fits(record.where, place, level) is not True:
            return False
    return True


def _names(asked: Asked, unique: str) -> bool:
    """Tell if rows of the lower level name their upper entity: its unique key comes back as it is."""
    return bool(asked.queries) and bool(unique)


def _fed(
    desk: Desk, level: str, atoms: Conjunction, lefts: dict[int, Left],
    inner: Sequence[tuple[Filter, list[Asked], Effect]], fixed: Sequence[Fixed], place: Place, unique: str,
) -> Asked | None:  # fmt: skip
    gone = frozenset(id(a) for a, _, _ in inner)
    rest = tuple(a for a in atoms if id(a) not in gone)
    attribute = standard.attribute_by_keyword(unique)
    # Lists are defined for UIDs alone (PS3.4 C.2.2.2.2); a patient ID goes out one by one.
    for several in (True, False) if attribute is not None and attribute.vr == "UI" else (False,):
        key = split.fed_key(place, level, unique, several)
        behaviour = behaviour_at(place, key)
        if behaviour.does not in ("applied",) or behaviour.misses:
            continue
        needs = tuple(
            Need(query, unique, not several, group)
            for group, (_, asked, _) in enumerate(inner, 1)
            for a in asked
            for query in a.main
        )
        found = split.largest(desk, level, rest, (), (*fixed, Fixed(key, needs)), place)
        if found is not None and several:
            found = _also_one(desk, level, rest, fixed, place, unique, found)
        if found is None:
            continue
        there = split.asked_at(place, level, found)
        mine = {id(a): left_of(there, level, a, found.adds, found.keys, lambda c: c.path) for a in rest}
        outer = split.finish(desk, level, rest, mine, found, (*fixed, Fixed(key, needs)), place)
        queries: tuple[PlannedQuery, ...] = ()
        effect = outer.effect
        for _, asked, own in inner:
            for a in asked:
                queries += tuple(replace(q, role="feeds") if q.role == "answer" else q for q in a.queries)
            effect = feeding(own, effect)
        narrowed = bool(found.chosen) or any(a.narrowed for _, asked, _ in inner for a in asked)
        parts = tuple((t, own.adds) for atom, _, own in inner for t in tests_of(atom))
        return Asked((*queries, *outer.queries), outer.main, effect, narrowed, (*outer.parts, *parts))
    return None


def _also_one(
    desk: Desk, level: str, rest: Conjunction, fixed: Sequence[Fixed], place: Place, unique: str, found: KeySet
) -> KeySet | None:
    """Return the set with what a list of one UID adds as well, for on the wire that is a single value.

    ``None`` where such a value does not do as well as a longer list.
    """
    key = split.fed_key(place, level, unique, False)
    behaviour = behaviour_at(place, key)
    if behaviour.does != "applied" or behaviour.misses:
        return None
    alone = split.largest(desk, level, rest, (), (*fixed, Fixed(key, ())), place)
    if alone is None or alone.beside != found.beside:
        return None
    if [c.paths for c in alone.chosen] != [c.paths for c in found.chosen]:
        return None
    adds = {test: mine | alone.adds.get(test, frozenset()) for test, mine in found.adds.items()}
    return replace(found, adds=adds, bare=found.bare | alone.bare, effect=united((found.effect, alone.effect)))


def _subtracted(result: Asked, taken: Sequence[tuple[Filter, list[Asked], Effect]]) -> Asked:
    queries: tuple[PlannedQuery, ...] = ()
    effect = result.effect
    for _, asked, own in taken:
        for a in asked:
            queries += tuple(replace(q, role="subtract", of=result.main) if q.id in a.main else q for q in a.queries)
        less = subtracting(own, effect)
        assert less is not None
        effect = less
    parts = tuple((t, own.misses) for atom, _, own in taken for t in tests_of(atom))
    return replace(result, queries=(*queries, *result.queries), effect=effect, parts=(*result.parts, *parts))


def _holds_below(place: Place, level: str, test: Test) -> bool:
    """Tell if what a test says of an entity holds of all that is below it: its attribute is known to live no lower.

    Of two studies of a patient each may have another value; where a private attribute lives nobody knows.
    """
    model = standard.model(place.model)
    home = test.constraint.attribute_level
    return model is not None and home in model.levels and model.levels.index(home) <= model.levels.index(level)


def _lives_above(levels: tuple[str, ...], level: str, test: Test) -> bool:
    home = test.constraint.attribute_level
    return bool(test.constraint.path) and home in levels and levels.index(home) < levels.index(level)


def _asks_above(place: Place, level: str, atoms: Conjunction, narrowing: Sequence[Test]) -> bool:
    """Tell if a test is better asked, and checked, at a level above."""
    model = standard.model(place.model)
    tests = (*narrowing, *(a for a in atoms if isinstance(a, Test)))
    return model is not None and any(_lives_above(model.levels, level, t) for t in tests)


def with_parents(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], fixed: Sequence[Fixed], place: Place
) -> Asked:
    """Ask where the source wants the unique keys of the levels above: negotiate, else feed them from those levels."""
    if place is not desk.relational and RELATIONAL in granted(desk.place, level):
        best = split.largest(desk, level, atoms, narrowing, fixed, desk.relational)
        if best is not None:
            return ask(desk, level, atoms, narrowing, fixed, desk.relational)
    above = upper_keys(place.model, level)
    model = standard.model(place.model)
    upper = model.levels[model.levels.index(level) - 1] if above and model is not None else level
    if above and not any(f.key.dotted in above for f in fixed) and _reached_from(place, upper, level):
        assert model is not None
        tests = [t for t in (*narrowing, *(a for a in atoms if isinstance(a, Test))) if not t.negated]
        # What lives above is asked, and checked, above.
        of_above = tuple(a for a in atoms if isinstance(a, Test) and _lives_above(model.levels, level, a))
        rest = tuple(a for a in atoms if a not in of_above)
        parents = ask(desk, upper, of_above, tests)
        if not parents.effect.rejected and parents.effect.known and not parents.effect.misses - {"cap"}:
            keys = tuple(
                Fixed(
                    split.fed_key(place, level, keyword, False), tuple(Need(q, keyword, True, 0) for q in parents.main)
                )
                for keyword in above
            )
            if split.largest(desk, level, rest, narrowing, (*fixed, *keys), place) is not None:
                asked = ask(desk, level, rest, narrowing, (*fixed, *keys), place)
                feeders = tuple(replace(q, role="feeds") if q.role == "answer" else q for q in parents.queries)
                narrowed = parents.narrowed or asked.narrowed
                effect = feeding(parents.effect, asked.effect)
                parts = (*parents.parts, *asked.parts)
                return Asked((*feeders, *asked.queries), asked.main, effect, narrowed, parts)
    best = split.with_empty_keys(desk, level, atoms, narrowing, fixed, place)
    if best is not None:
        return _asked(desk, level, atoms, narrowing, fixed, place, best)
    return split.unsendable(desk, level, atoms, place)

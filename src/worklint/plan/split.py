"""One conjunction at one source: the part that is sent, the part that remains, and what feeds what.

What can be sent is a property of the set of keys: they change one another. The largest set is taken whose joint effect
cannot miss; everything else is checked on the answer, or asked at its own level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, count, product
from math import prod

from worklint.judge import Part, join, judge_keys
from worklint.judge.behaviour import KeyEffect, behaviour_at, effect_of
from worklint.judge.interact import date_and_time, interact
from worklint.judge.place import KeyAt, Place, attribute_rank
from worklint.judge.query import Key, Literal, Query, empty_keys, key_at
from worklint.judge.value import Sent, can_trigger, sent_values
from worklint.knowledge import standard
from worklint.knowledge.profile import Behaviour
from worklint.model import Constraint, Effect, Has, Parameter, Span, Test, Worklist
from worklint.plan.algebra import WIDENED, conjunction, feeding, united
from worklint.plan.beside import Beside, besides, universal_of
from worklint.plan.checks import Left, can_be_returned, left_of, tests_of
from worklint.plan.cost import cost
from worklint.plan.forms import Conjunction, atoms_of, joined
from worklint.plan.negotiated import COMBINED, EMPTY_VALUE, RELATIONAL, SEVERAL_VALUES, granted, on_association
from worklint.plan.predicate import text_of
from worklint.plan.ranges import Way, ways
from worklint.plan.service import constraint_of, service_of
from worklint.plan.types import NOTHING, Need, Path, PlannedQuery

MOST_TRIALS = 64
"""So many sets of keys are tried for one query; then they are put together key by key."""
MOST_JUDGED = 4_000
"""So many sets of keys are judged for one list; then those of each further query are put together key by key."""
MOST_REQUESTS = 64
"""So many queries one conjunction may take."""
MOST_UIDS = 100
"""So many UIDs that another query feeds go out in one list."""

_NO_SPAN = Span("", 1, 1, 1, 1)
_OF_NAMED_KEYS = frozenset({"interval", "ignored", "one-series"})
"""Reasons of a whole query for which a row comes back that satisfies all keys but those which the effect is about."""


@dataclass(slots=True)
class Desk:
    """The source as a careful client meets it, and what is used up while one list is planned."""

    worklist: Worklist
    place: Place
    relational: Place
    combined: str | None
    wider: bool
    single: str | None = None
    ids: Iterator[int] = field(default_factory=count)
    notes: list[str] = field(default_factory=list)
    ways_known: dict[tuple[Test, str, int, Beside], list[Choice]] = field(default_factory=dict)
    stands_for: dict[int, tuple[Constraint, ...]] = field(default_factory=dict)
    budget: int = MOST_JUDGED

    def written(self, constraint: Constraint) -> tuple[Constraint, ...]:
        """Return the constraints that one stands for: those that were put together, or said the same."""
        return self.stands_for.get(id(constraint), (constraint,))

    def put_together(self, one: Constraint, *parts: Constraint) -> None:
        """Remember what a constraint stands for."""
        # Of every part an object is held, so that no other one gets its identity.
        self.stands_for[id(one)] = (one, *(p for part in parts for p in self.written(part)))

    def note(self, text: str) -> None:
        """Keep a remark for the reader, once."""
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to send one test, with the keys of each alternative and the reasons for which it alone adds rows."""

    test: Test
    way: Way
    keys: tuple[tuple[KeyAt, ...], ...]
    adds: frozenset[str]

    @property
    def paths(self) -> frozenset[Path]:
        """The attributes that it takes up."""
        return frozenset(k.path for alternative in self.keys for k in alternative)


Candidate = tuple[Choice, Has | None]
"""A way to send a test, and the clause that it stands in."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A unique key whose values come from other queries."""

    key: KeyAt
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries that answer a conjunction at a level: ``main`` are those whose rows count."""

    queries: tuple[PlannedQuery, ...]
    main: tuple[str, ...]
    effect: Effect
    narrowed: bool
    parts: tuple[tuple[Test, frozenset[str]], ...] = ()


@dataclass(frozen=True, slots=True)
class _Joint:
    parts: tuple[KeyEffect, ...]
    bare: frozenset[str]
    effect: Effect

    @property
    def cannot_miss(self) -> bool:
        return self.effect.known and not self.effect.rejected and not self.effect.misses


# --- what keys do together --------------------------------------------------------------------------------------------


def _joint(
    desk: Desk, place: Place, level: str, keys: Sequence[tuple[Constraint, tuple[KeyAt, ...], Has | None]],
    empties: Sequence[KeyAt],
) -> _Joint:  # fmt: skip
    desk.budget -= 1
    literals = []
    groups: dict[int, int] = {}
    for number, (constraint, at, has) in enumerate(keys):
        group = groups.setdefault(id(has), len(groups)) if has is not None else None
        scope = has.scope if has is not None else None
        literals.append(Key(Literal(number, constraint, False, group, scope), at))
    query = Query(tuple(literals), (), tuple(empties))
    worklist = replace(desk.worklist, level=level)
    parts, effect, _, _ = judge_keys(worklist, place, query)
    by_index: dict[int, KeyEffect] = {}
    for part in parts:
        by_index[part.index] = _both(by_index.get(part.index), part)
    for i, more in _as_moments(desk, place, keys):
        by_index[i] = by_index[i].also(more)
        effect = join(effect, Effect(more.adds, more.misses, False, more.known and not more.rejected))
    flat = [k for key in literals for k in key.at]
    _, effects, _ = interact(place, level, flat, [behaviour_at(place, k) for k in flat], empties)
    bare = effect.adds if any(not e.keys for e in effects) else frozenset()
    # What a query adds is not the doing of the keys that it is asked with, unless the reason speaks of them alone.
    bare = bare.union(*(_all_adds(e.behaviour) - _OF_NAMED_KEYS for e in effects))
    return _Joint(tuple(by_index[i] for i in range(len(keys))), bare, effect)


def _all_adds(behaviour: Behaviour) -> frozenset[str]:
    return behaviour.adds.union(*(_all_adds(b) for b in behaviour.one_of))


def _as_moments(
    desk: Desk, place: Place, keys: Sequence[tuple[Constraint, tuple[KeyAt, ...], Has | None]]
) -> Iterator[tuple[int, KeyEffect]]:
    """Yield what a source does with a range of days and one of times where it always takes the two for a moment.

    What its profile says of moments then holds of them, even within one day, where the two mean the same.
    """
    if desk.combined != "always":
        return
    ranges = [(i, k) for i, (_, at, _) in enumerate(keys) for k in at if k.sent.kind == "range"]
    for (i, date), (j, time) in product(ranges, ranges):
        same_place = date.path[:-1] == time.path[:-1]
        if same_place and standard.is_combined_pair(date.path[-1].keyword, time.path[-1].keyword):
            for at, key in ((i, date), (j, time)):
                moment = replace(key, sent=replace(key.sent, kind="datetime"))
                if _told_of(place, moment, "datetime"):
                    effect = effect_of(behaviour_at(place, moment), moment.sent)
                    # Who finds entities without a moment finds those of any time that have no date.
                    halves = {"interval"} if effect.adds & {"absent", "empty"} else set()
                    yield at, replace(effect, adds=effect.adds | halves)


def _both(one: KeyEffect | None, part: Part) -> KeyEffect:
    return part.key if one is None else one.also(part.key)


def _sendable(effect: KeyEffect) -> bool:
    return effect.known and not effect.rejected and not effect.misses and not effect.blocks


# --- ways to send one test --------------------------------------------------------------------------------------------


def choices(desk: Desk, level: str, test: Test, place: Place, beside: Beside = ()) -> list[Choice]:
    """Return the ways in which a positive test can be sent without a miss, the best first."""
    known = (test, level, id(place), beside)
    if known in desk.ways_known:
        return desk.ways_known[known]
    found: list[Choice] = []
    constraint = test.constraint
    if not test.negated and constraint.path:
        options = granted(desk.place, level)
        combined = desk.combined or ("negotiated" if COMBINED in options else None)
        for way in ways(constraint, combined, desk.wider, options):
            choice = _choice(desk, level, test, place, way, beside)
            if choice is not None:
                found.append(choice)
                if not choice.adds:
                    break
    found.sort(key=lambda c: (bool(c.adds), len(c.keys) > 1, len(c.adds), len(c.keys)))
    desk.ways_known[known] = found
    return found


def _choice(desk: Desk, level: str, test: Test, place: Place, way: Way, beside: Beside) -> Choice | None:
    if len(way.alternatives) > MOST_REQUESTS:
        return None
    place = on_association(place, level, frozenset({way.negotiation} if way.negotiation else ()))
    keys = []
    adds = way.slack
    for alternative in way.alternatives:
        mine = tuple(key_at(place, level, c, sent_values(c)[0]) for c in alternative)
        if any(k.sent.kind == "universal" for k in mine):
            return None
        keys.append(mine)
    if any(behaviour_at(place, k).does == "ignored" for k in keys[0]):
        return None
    if not all(_told_of(place, k, "datetime") for k in keys[0] if k.sent.kind == "datetime"):
        return None
    if way.negotiation in (EMPTY_VALUE, SEVERAL_VALUES) and not all(
        _told_of(place, k, k.sent.kind)
        and len(k.path) == 1
        and not k.lower
        and (c.attribute_level or level != "patient")
        for k, c in zip(keys[0], way.alternatives[0], strict=True)
    ):
        # Of an attribute below a source looks at one entity after another. What the dictionary knows no level of is
        # hardly one of the patient.
        return None
    if any(len(mine) > 1 and any(k.lower for k in mine) for mine in keys):
        # Date and time of a lower level: the source may find them at two entities below.
        way = replace(way, slack=way.slack | WIDENED)
        adds = way.slack
    # Alternatives of one attribute are judged together, as values of one list.
    if _of_one_kind(keys):
        at = tuple(a[0] for a in keys)
        joint = _joint(desk, place, level, [(_listed(way), at, None)], beside)
        parts: list[KeyEffect] = [joint.parts[0]]
    else:
        parts = []
        for alternative, mine in zip(way.alternatives, keys, strict=True):
            together = [(c, (k,), None) for c, k in zip(alternative, mine, strict=True)]
            parts += _joint(desk, place, level, together, beside).parts
    if not all(_sendable(p) for p in parts):
        return None
    return Choice(test, way, tuple(keys), adds.union(*(p.adds for p in parts)))


def _listed(way: Way) -> Constraint:
    """Return the constraint that alternatives of one attribute are together: a value is worth what the set is."""
    first = way.alternatives[0][0]
    if len(way.alternatives) == 1 or any(a[0].matching != "single" for a in way.alternatives):
        return first
    return replace(first, values=tuple(v for a in way.alternatives for v in a[0].values), asked="any-of")


def _of_one_kind(keys: Sequence[tuple[KeyAt, ...]]) -> bool:
    """Tell if alternatives are values of one list: the same attribute, asked for in the same kind of matching."""
    return all(len(k) == 1 for k in keys) and len({k[0].sent.kind for k in keys}) == 1


def _told_of(place: Place, key: KeyAt, kind: str) -> bool:
    """Tell if the profile itself speaks of a kind of matching that is no kind like any other on the wire.

    Date and time as one moment are two ranges; what has to be negotiated is, without it, a value like any other.
    """
    return any(
        kind in s.where.kinds and attribute_rank(s.where, key, place.profile) is not None
        for s in (*place.site, *place.profile.statements)
    )


# --- one query --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys that are sent together: why each of their tests (by identity) adds rows, and why the query does.

    ``beside``: empty keys without which the source would leave rows out, or refuse.
    """

    chosen: tuple[Choice, ...]
    adds: dict[int, frozenset[str]]
    bare: frozenset[str]
    effect: Effect
    beside: Beside = ()

    @property
    def negotiation(self) -> frozenset[str]:
        """The options of extended negotiation that its ways take."""
        return _options(self.chosen)

    @property
    def keys(self) -> dict[int, tuple[KeyAt, ...]]:
        """The keys with which each test goes out, by its identity."""
        return {id(c.test): tuple(k for alternative in c.keys for k in alternative) for c in self.chosen}


def _options(chosen: Iterable[Choice]) -> frozenset[str]:
    return frozenset(c.way.negotiation for c in chosen if c.way.negotiation)


def asked_at(place: Place, level: str, best: KeySet) -> Place:
    """Return the place as it answers on the association on which these keys go out."""
    return on_association(place, level, best.negotiation)


def _candidates(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], place: Place, taken: frozenset[Path],
    beside: Beside,
) -> list[Candidate]:  # fmt: skip
    """Return one way for each test that can be sent, one test for each attribute, one clause for each sequence."""
    found: list[Candidate] = []
    for atom in atoms:
        if isinstance(atom, Test):
            found += [(c, None) for c in choices(desk, level, atom, place, beside)[:1]]
        elif isinstance(atom, Has) and atom.scope == "item" and not atom.negated:
            # What stands under an ``or`` need not hold.
            inside = [t for t in atoms_of(atom.filter) if isinstance(t, Test) and not _nested(atom, t)]
            found += [(c, atom) for t in inside for c in choices(desk, level, t, place, beside)[:1]]
    found += [(c, None) for t in narrowing for c in choices(desk, level, t, place, beside)[:1]]
    found.sort(key=lambda pair: (cost(pair[0].keys[0], len(pair[0].keys)), bool(pair[0].adds)))
    used: set[Path] = set(taken)
    items: dict[Path, object] = {}
    out = []
    for choice, has in found:
        clause: object = id(has) if has is not None else id(choice.test)
        tops = {p[:1] for p in choice.paths if len(p) > 1 and p[0].keyword != desk.single}
        if choice.paths & used or any(items.get(top, clause) != clause for top in tops):
            continue
        used |= choice.paths
        items.update(dict.fromkeys(tops, clause))
        out.append((choice, has))
    return out


def _nested(has: Has, test: Test) -> bool:
    return len(test.constraint.path) != len(has.path) + 1 or test.negated


def largest(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], fixed: Sequence[Fixed], place: Place
) -> KeySet | None:
    """Return the largest set of keys whose joint effect cannot miss; ``None`` if not even the empty set can be sent.

    Where a test would be left out, empty keys are tried beside the others.
    """
    found = _largest(desk, level, atoms, narrowing, fixed, place, ())
    return None if found is None else _with_empty_keys(desk, level, atoms, narrowing, fixed, place, found)


def with_empty_keys(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], fixed: Sequence[Fixed], place: Place
) -> KeySet | None:
    """Return the largest set of keys that can be sent with empty ones beside them, where none can without."""
    return _with_empty_keys(desk, level, atoms, narrowing, fixed, place, None)


def _largest(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], fixed: Sequence[Fixed], place: Place,
    beside: Beside,
) -> KeySet | None:  # fmt: skip
    taken = frozenset(f.key.path for f in fixed)
    candidates = _candidates(desk, level, atoms, narrowing, place, taken, beside)
    candidates = _affordable(desk, candidates)
    found = _best(desk, level, candidates, fixed, place, beside)
    if found is None or len(found.chosen) == len(candidates):
        return found
    return _with_other_ways(desk, level, candidates, found, fixed, place, beside)


def _with_empty_keys(
    desk: Desk, level: str, atoms: Conjunction, narrowing: Sequence[Test], fixed: Sequence[Fixed], place: Place,
    found: KeySet | None,
) -> KeySet | None:  # fmt: skip
    """Return a larger set that takes empty keys beside it, else the one at hand."""
    wanted = sendable(atoms, narrowing)
    for beside in besides(place, level):
        if desk.budget <= 0 or (found is not None and len(found.chosen) >= wanted):
            break
        if {k.path for k in beside} & {f.key.path for f in fixed}:
            continue
        other = _largest(desk, level, atoms, narrowing, fixed, place, beside)
        if other is None or {k.path for k in beside} & {p for c in other.chosen for p in c.paths}:
            continue
        # What a query adds by itself no check takes away.
        if found is None or (len(other.chosen) > len(found.chosen) and other.bare <= found.bare):
            found = other
    return found


def sendable(atoms: Conjunction, narrowing: Sequence[Test]) -> int:
    """Return how many tests could be sent by themselves, if the source did nothing wrong with them."""
    return sum(isinstance(a, Test) and not a.negated and bool(a.constraint.path) for a in (*atoms, *narrowing))


def _best(
    desk: Desk, level: str, candidates: list[Candidate], fixed: Sequence[Fixed], place: Place, beside: Beside
) -> KeySet | None:
    everything = tuple(range(len(candidates)))
    trials = 0
    for left_out in range(len(candidates) + 1):
        for dropped in combinations(reversed(everything), left_out):
            if trials >= MOST_TRIALS or (trials and desk.budget <= 0):
                return _one_by_one(desk, level, candidates, fixed, place, beside)
            trials += 1
            found = _tried(desk, level, [candidates[i] for i in everything if i not in dropped], fixed, place, beside)
            if found is not None:
                return found
    return None


def _one_by_one(
    desk: Desk, level: str, candidates: list[Candidate], fixed: Sequence[Fixed], place: Place, beside: Beside
) -> KeySet | None:
    """Return a set to which no key can be added, where there are too many sets to try all: the best keys first."""
    if desk.budget <= 0:
        desk.note("so many sets of keys were tried that the rest were put together key by key, the best first")
    kept: list[Candidate] = []
    best = _tried(desk, level, kept, fixed, place, beside)
    for candidate in candidates:
        found = _tried(desk, level, [*kept, candidate], fixed, place, beside)
        if found is not None:
            kept, best = [*kept, candidate], found
    return best


def _with_other_ways(
    desk: Desk, level: str, candidates: list[Candidate], found: KeySet, fixed: Sequence[Fixed], place: Place,
    beside: Beside,
) -> KeySet:  # fmt: skip
    """Return a set with the tests that were left out sent in another way, where that does no harm."""
    kept = [c for c in candidates if c[0] in found.chosen]
    for choice, has in candidates:
        if choice in found.chosen or has is not None:
            continue
        for other in choices(desk, level, choice.test, place, beside)[1:]:
            used = frozenset().union(*(c.paths for c, _ in kept), (f.key.path for f in fixed))
            requests = prod(len(c.keys) for c, _ in kept) * len(other.keys)
            if other.paths & used or any(len(p) > 1 for p in other.paths) or requests > MOST_REQUESTS:
                continue
            more = _tried(desk, level, [*kept, (other, has)], fixed, place, beside)
            if more is not None:
                kept, found = [*kept, (other, has)], more
                break
    return found


def _affordable(desk: Desk, candidates: list[Candidate]) -> list[Candidate]:
    """Leave lists of values to the check where they would take too many queries."""
    total = 1
    out = []
    for choice, has in candidates:
        if total * len(choice.keys) > MOST_REQUESTS:
            desk.note(f"{choice.test.constraint.text}: {len(choice.keys)} queries more are too many; it is checked")
            continue
        total *= len(choice.keys)
        out.append((choice, has))
    return out


def _tried(
    desk: Desk, level: str, kept: Sequence[Candidate], fixed: Sequence[Fixed], place: Place, beside: Beside
) -> KeySet | None:
    adds: dict[int, frozenset[str]] = {}
    bare: frozenset[str] = frozenset()
    effects: list[Effect] = []
    options = _options(c for c, _ in kept)
    place = on_association(place, level, options)
    versions = product(*(_versions(choice) for choice, _ in kept))
    for version in versions:
        keys: list[tuple[Constraint, tuple[KeyAt, ...], Has | None]] = []
        owner: list[int] = []
        for (choice, has), (constraints, at) in zip(kept, version, strict=True):
            keys += [(constraint, one, has) for constraint, one in zip(constraints, at, strict=True)]
            owner += [id(choice.test)] * len(at)
        keys += [(constraint_of(f.key), (f.key,), None) for f in fixed]
        if COMBINED in options and date_and_time([k for _, at, _ in keys for k in at]):
            # Another date and time, meant as two windows, would be one moment as well.
            return None
        if _are_several_moments([k for _, at, _ in keys for k in at]):
            # One moment a query: what a source does with several is told by nobody.
            return None
        joint = _joint(desk, place, level, keys, beside)
        if not joint.cannot_miss:
            return None
        for i, test in enumerate(owner):
            adds[test] = adds.get(test, frozenset()) | joint.parts[i].adds
        # What a fed key adds belongs to another entity: that its own value is spelled alike is no excuse.
        fed = any(p.adds for p in joint.parts[len(owner) :])
        fed = fed or any(can_trigger(reason, f.key.sent) for reason in joint.bare for f in fixed)
        bare |= joint.bare | (frozenset({"other"}) if fed else frozenset())
        effects.append(joint.effect)
    for choice, _ in kept:
        adds[id(choice.test)] |= choice.way.slack
    return KeySet(tuple(c for c, _ in kept), adds, bare, united(effects), beside)


def _are_several_moments(keys: Sequence[KeyAt]) -> bool:
    """Tell if a moment stands beside another, be it a time range of one day, which means the same either way."""
    moments = sum(k.sent.kind == "datetime" for k in keys) // 2
    ranges = [k for k in keys if k.sent.kind == "range"]
    days = sum(
        date.path[:-1] == time.path[:-1] and standard.is_combined_pair(date.path[-1].keyword, time.path[-1].keyword)
        for date, time in product(ranges, ranges)
    )
    return bool(moments) and moments + days > 1


def _versions(choice: Choice) -> list[tuple[tuple[Constraint, ...], tuple[tuple[KeyAt, ...], ...]]]:
    """Alternatives of one attribute stand together as the values of a list; others are tried one by one."""
    if _of_one_kind(choice.keys):
        return [((_listed(choice.way),), (tuple(k[0] for k in choice.keys),))]
    return [(a, tuple((k,) for k in keys)) for a, keys in zip(choice.way.alternatives, choice.keys, strict=True)]


def fed_key(place: Place, level: str, keyword: str, several: bool) -> KeyAt:
    """Return a unique key whose value is not known yet: one UID, or a list of them."""
    attribute = standard.attribute_by_keyword(keyword)
    assert attribute is not None, keyword
    kind = "list-of-uid" if several else "single"
    text = "1.2.3\\1.2.4" if several else ("1.2.3" if attribute.vr == "UI" else "1")
    # A UID is as good as another; of a text nobody knows case, letters or length.
    any_text = None if attribute.vr == "UI" else Parameter(keyword, never_empty=True, no_wildcards=True)
    sent = Sent(text, kind, attribute.vr, attribute.vm, parameter=any_text, count=MOST_UIDS if several else 1)
    found = standard.model(place.model)
    at = found.unique_keys.index(keyword) if found and keyword in found.unique_keys else -1
    home = found.levels[at] if found and at >= 0 else level
    constraint = Constraint(keyword, _NO_SPAN, (attribute,), None, level, home, kind)
    return key_at(place, level, constraint, sent)


# --- putting a query together -----------------------------------------------------------------------------------------


def finish(
    desk: Desk, level: str, atoms: Conjunction, lefts: dict[int, Left], best: KeySet, fixed: Sequence[Fixed],
    place: Place, replaced: frozenset[int] = frozenset(),
) -> Asked:  # fmt: skip
    """Return the queries of a set of keys, with what remains; ``replaced``: atoms that other queries answer."""
    relational = place is desk.relational and place is not desk.place
    place = asked_at(place, level, best)
    lefts, returns, empties = _returns(desk, level, atoms, lefts, best, fixed, place)
    kept = [lefts[id(a)] for a in atoms if id(a) not in replaced]
    conditions = tuple(c.condition for c in kept if c.condition != NOTHING)
    remaining = joined(conditions) if conditions else NOTHING
    bare = best.bare | _added_by(desk, level, best, fixed, place, empties, returns)
    adds = conjunction((left.adds for left in kept), bare)
    unchecked = tuple(dict.fromkeys(text_of(t) for left in kept for t in left.unchecked))
    queries = []
    alternatives = list(product(*(c.keys for c in best.chosen)))
    effect = Effect(adds)
    loose = {id(c.test) for c in best.chosen if best.adds.get(id(c.test))}
    for alternative in alternatives:
        owners = [id(c.test) for c, part in zip(best.chosen, alternative, strict=True) for _ in part]
        widened = frozenset(i for i, o in enumerate(owners, len(fixed)) if o in loose)
        keys = (*(f.key for f in fixed), *(k for part in alternative for k in part))
        if bare:
            # What a query adds by itself is bounded by none of its keys.
            widened = frozenset(range(len(keys)))
        served, limit = service_of(place, level, keys, widened, desk.note)
        effect = feeding(served, effect)
        negotiation = best.negotiation | ({RELATIONAL} if relational else set())
        queries.append(
            PlannedQuery(
                id=f"t{next(desk.ids)}", transport=place.transport, model=place.model, level=level, keys=keys,
                returns=tuple(dict.fromkeys((*(e.path for e in (*best.beside, *empties)), *returns))),
                negotiation=tuple(sorted(negotiation)),
                needs=tuple(n for f in fixed for n in f.needs), remaining=remaining, unchecked=unchecked, limit=limit,
            )
        )  # fmt: skip
    if effect.rejected:
        effect = Effect(rejected=True)
    parts = tuple((t, lefts[id(a)].adds) for a in atoms if id(a) not in replaced for t in tests_of(a))
    return Asked(tuple(queries), tuple(q.id for q in queries), effect, bool(best.chosen), parts)


def _as_sent(best: KeySet, fixed: Sequence[Fixed]) -> Iterator[list[tuple[Constraint, tuple[KeyAt, ...], Has | None]]]:
    """Yield the keys of each query that the alternatives of a set take, those that are fed among them."""
    fed = [(constraint_of(f.key), (f.key,), None) for f in fixed]
    for version in product(*(_versions(c) for c in best.chosen)):
        chosen = [(c, at, None) for constraints, keys in version for c, at in zip(constraints, keys, strict=True)]
        yield [*chosen, *fed]


def _added_by(
    desk: Desk, level: str, best: KeySet, fixed: Sequence[Fixed], place: Place, empties: Sequence[KeyAt],
    returns: Sequence[Path],
) -> frozenset[str]:  # fmt: skip
    """Return why rows come back only because of the empty keys: those change what the others do."""
    asked = [universal_of(place, level, p) for p in returns] if place.transport == "dimse" else []
    if not empties and not asked:
        return frozenset()
    more: frozenset[str] = frozenset()
    for keys in _as_sent(best, fixed):
        without, with_them = (_joint(desk, place, level, keys, (*best.beside, *e)) for e in ((), (*empties, *asked)))
        more |= with_them.bare - without.bare
        more = more.union(*(b.adds - a.adds for a, b in zip(without.parts, with_them.parts, strict=True)))
    return more


def _returns(
    desk: Desk,
    level: str,
    atoms: Conjunction,
    lefts: dict[int, Left],
    best: KeySet,
    fixed: Sequence[Fixed],
    place: Place,
) -> tuple[dict[int, Left], tuple[Path, ...], tuple[KeyAt, ...]]:
    """Return what has to come back: what the checks need, and at the list's own level what it shows if that is safe."""
    sent = {k.path for c in best.chosen for alternative in c.keys for k in alternative}
    shown = empty_keys(place, desk.worklist) if level == desk.worklist.level else ()
    empties = [e for e in shown if e.path not in sent and can_be_returned(place, e)]
    for dropped in [e for e in shown if e.path not in sent and e not in empties]:
        desk.note(f"{dropped.dotted} is not asked for: with that key the source leaves rows out, or refuses")

    def may_miss(beside: Sequence[KeyAt]) -> bool:
        sent = _as_sent(best, fixed)
        return not all(_joint(desk, place, level, k, (*best.beside, *beside)).cannot_miss for k in sent)

    if empties and may_miss(empties):
        empties = []
        desk.note("the attributes shown are not asked for: with their keys rows could be missing")
    needed = tuple(dict.fromkeys(r for a in atoms for r in lefts[id(a)].returns if r not in sent))
    if needed and place.transport == "dimse":
        asked = [universal_of(place, level, p) for p in needed]
        if may_miss((*empties, *asked)):
            # What the check needs would change the answer: then nothing is checked on it.
            spared = {id(a): left_of(place, level, a, best.adds, best.keys, lambda c: c.path) for a in atoms}
            for a in atoms:
                left = spared[id(a)]
                if any(r not in sent for r in left.returns):
                    more: frozenset[str] = frozenset()
                    for t in tests_of(a):
                        own = best.adds.get(id(t))
                        more |= (
                            {"not-sent"} if own is None else (own - WIDENED) | ({"other"} if own & WIDENED else set())
                        )
                    spared[id(a)] = Left(NOTHING, left.adds | more, (), tests_of(a))
            return spared, (), tuple(empties)
    return lefts, needed, tuple(empties)


def unsendable(desk: Desk, level: str, atoms: Conjunction, place: Place) -> Asked:
    """Return what is left where not even a query without keys is known to be answered in full."""
    joint = _joint(desk, place, level, [], ())
    served, _ = service_of(place, level, (), frozenset(), desk.note)
    effect = feeding(joint.effect, served)
    if effect.rejected:
        effect = Effect(rejected=True)
    desk.note(f"no query at {level} level is known to be answered in full there")
    return Asked((), (), effect, False)

"""What a client can still check on an answer: a row is dropped only if what came back proves the test false.

The check is a condition of the language, read as every condition is. It is weaker than the test where the answer may
hide something: a row that shows no value passes, a test that nothing can refute is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from worklint.judge import keeping
from worklint.judge.behaviour import behaviour_at, effect_of
from worklint.judge.place import KeyAt, Place
from worklint.judge.query import key_at
from worklint.judge.value import Sent, sent_values, value_signature
from worklint.knowledge.profile import Behaviour
from worklint.model import All, Any, Constraint, Filter, Has, Test
from worklint.plan.algebra import Check, left_after
from worklint.plan.types import NOTHING, Path

_WORST = ("no", "unknown", "other", "part", "whole")
NEVER = Check("never")


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one part of a conjunction: the condition to check, why rows may still be too many, what it needs.

    ``unchecked`` are the tests that nothing in the answer decides.
    """

    condition: Filter
    adds: frozenset[str]
    returns: tuple[Path, ...] = ()
    unchecked: tuple[Test, ...] = ()


def universal(place: Place, level: str, constraint: Constraint) -> KeyAt:
    """Return the empty key that asks for an attribute without asking anything of it."""
    vm = constraint.attribute.vm if constraint.attribute else "1"
    return key_at(place, level, constraint, Sent("", "universal", constraint.vr, vm))


@lru_cache(maxsize=10_000)
def _asked_for(place: Place, key: KeyAt) -> Behaviour:
    return behaviour_at(place, key)


@lru_cache(maxsize=1_000)
def _seen(place: Place) -> dict[tuple[object, ...], Behaviour]:
    """What was looked up at a place already; thousands of values of one list are looked up once."""
    return {}


def behaviour_of(place: Place, key: KeyAt) -> Behaviour:
    """Return what the source does with a key, looked up once for all values that are alike to it."""
    seen = _seen(place)
    known = (key.path, key.label, key.level, key.lower, key.higher, _signature(key.sent, _named(place)))
    if known not in seen:
        seen[known] = behaviour_at(place, key)
    return seen[known]


# The values of one list are the same at every source.
_signature = lru_cache(maxsize=20_000)(value_signature)


@lru_cache(maxsize=1_000)
def _named(place: Place) -> frozenset[str]:
    """Return the very values that statements of a place name."""
    records = (*place.site, *place.profile.statements)
    return frozenset(v[1:] for r in records for v in r.where.values if v.startswith("="))


@lru_cache(maxsize=10_000)
def can_be_returned(place: Place, key: KeyAt) -> bool:
    """Tell if asking for the attribute does no harm: some sources refuse an empty key, or leave rows out for it.

    Over DICOMweb ``includefield`` asks for it.
    """
    if place.transport == "dicomweb":
        return True
    effect = effect_of(_asked_for(place, key), key.sent)
    return not effect.rejected and not effect.misses and not effect.blocks


def check_of(place: Place, level: str, test: Test, sent: Sequence[KeyAt] | None) -> Check:
    """Return what the client can make of one test on the row that came back.

    ``sent``: the keys with which it was sent, ``None`` if it was not. A key says how its attribute comes back.
    """
    constraint = test.constraint
    kind = constraint.asked or constraint.matching
    if not constraint.path or kind in ("fuzzy", "sequence"):
        return NEVER
    found = _one(place, level, test, constraint, sent)
    if constraint.pair is not None:
        # The value of a lower level that belongs to this time is not known from a row of an upper one.
        if key_at(place, level, constraint, sent_values(constraint)[0]).lower:
            return NEVER
        time = replace(constraint, path=(*constraint.path[:-1], constraint.pair), pair=None)
        other = _one(place, level, test, time, sent)
        order = ("never", "some", "with-value", "exactly")
        found = Check(min(found.decides, other.decides, key=order.index), found.adds | other.adds)
        if found.decides == "some":
            return NEVER
        if found.decides == "with-value":
            # The key compares the date; of the time it is not known why it does not show.
            found = replace(found, decides="refutes")
    if kind == "multiple" and key_at(place, level, constraint, sent_values(constraint)[0]).lower:
        # One entity below has to have all of them; a row of the upper level mixes the values of all.
        tells = found.decides in ("exactly", "with-value") and not test.negated
        return replace(found, decides="refutes") if tells else NEVER
    if kind in ("empty", "universal") and found.decides in ("with-value", "some"):
        # A value refutes "is empty"; that none is shown refutes nothing.
        wants_none = (kind == "empty") != test.negated
        return Check("some", found.adds) if wants_none else NEVER
    if found.decides == "some" and not test.negated:
        return NEVER
    return found


def _on_the_wire(key: KeyAt) -> KeyAt:
    """Date and time as one moment go out as two ranges (PS3.4 C.2.2.2.5.4), and come back as ranges do."""
    return replace(key, sent=replace(key.sent, kind="range")) if key.sent.kind == "datetime" else key


def _one(place: Place, level: str, test: Test, constraint: Constraint, sent: Sequence[KeyAt] | None) -> Check:
    empty = universal(place, level, constraint)
    keys = [k for k in sent or () if k.path == constraint.path]
    if not keys and not can_be_returned(place, empty):
        return NEVER
    if keys:
        # A test may go out as a range, with a wild card, as one value of several: what goes out is what is spoken of.
        told = [behaviour_of(place, _on_the_wire(k)) for k in keys]
    else:
        # What is not sent comes back as it is asked for, whatever a key of the test's own kind would bring. A required
        # key comes back however it is asked for (PS3.4 C.2.2.1.2): then what is said of a key with a value holds too.
        with_value = key_at(place, level, constraint, Sent("1", "single", constraint.vr, empty.sent.vm))
        both = (_asked_for(place, empty), behaviour_of(place, with_value))
        told = [b for b in both if b.returned != "unknown"]
    if not told:
        return NEVER
    returned = min((b.returned for b in told), key=_WORST.index)
    flagged = all(b.absent_means_absent for b in told)
    adds: frozenset[str] = frozenset()
    for record, certain in keeping.records_for(place, empty):
        gives = record.gives
        if gives == "faithful":
            continue
        if gives == "some-values":
            returned = min(returned, "part", key=_WORST.index)
        elif gives in ("partial", "never"):
            flagged = False
            adds |= {"not-kept"}
        else:
            worth = keeping.worth(record, constraint, place, False, True)
            more, fewer, known = keeping.total([worth], test.negated)
            if not known or fewer or not certain:
                return NEVER
            adds |= more
    if returned == "whole":
        return Check("exactly" if flagged else "with-value", adds)
    return Check("some", adds) if returned == "part" else NEVER


def left_of(
    place: Place, level: str, node: Filter, sent: Mapping[int, frozenset[str]],
    keys: Mapping[int, Sequence[KeyAt]], ask: Callable[[Constraint], Path],
) -> Left:  # fmt: skip
    """Return what is left of a part of a conjunction.

    ``sent`` and ``keys`` tell of each test that was sent (by identity) why it adds rows, and with which keys.
    """
    if isinstance(node, Test):
        return _left_of_test(place, level, node, sent.get(id(node)), brought(keys, node), ask)
    if isinstance(node, Has):
        return _left_of_has(place, level, node, sent, keys, ask)
    inside = (sent if isinstance(node, All) else {}, keys)
    parts = [left_of(place, level, p, *inside, ask) for p in node.parts]
    adds = frozenset().union(*(p.adds for p in parts))
    returns = tuple(dict.fromkeys(r for p in parts for r in p.returns))
    unchecked = tuple(t for p in parts for t in p.unchecked)
    conditions = [p.condition for p in parts]
    if isinstance(node, Any):
        if any(c == NOTHING for c in conditions):
            return Left(NOTHING, adds | {"not-sent"}, (), unchecked or tuple(tests_of(node)))
        return Left(Any(tuple(conditions)), adds, returns, unchecked)
    kept = [c for c in conditions if c != NOTHING]
    return Left(kept[0] if len(kept) == 1 else All(tuple(kept)), adds, returns, unchecked)


def brought(keys: Mapping[int, Sequence[KeyAt]], test: Test) -> Sequence[KeyAt] | None:
    """Return the keys that bring the attribute of a test back: its own, else those of other tests; ``None``: none."""
    own = keys.get(id(test))
    if own:
        return own
    paths = {test.constraint.path}
    if test.constraint.pair is not None:
        paths.add((*test.constraint.path[:-1], test.constraint.pair))
    return tuple(k for some in keys.values() for k in some if k.path in paths) or None


def _left_of_test(
    place: Place, level: str, test: Test, sent: frozenset[str] | None, keys: Sequence[KeyAt] | None,
    ask: Callable[[Constraint], Path],
) -> Left:  # fmt: skip
    if sent is not None and not sent:
        return Left(NOTHING, frozenset())
    check = check_of(place, level, test, keys)
    adds = left_after(check, sent)
    if check.decides == "never":
        return Left(NOTHING, adds, (), (test,))
    constraint = test.constraint
    returns = [ask(constraint)]
    if constraint.pair is not None:
        returns.append((*constraint.path[:-1], constraint.pair))
    condition: Filter = test
    kind = constraint.asked or constraint.matching
    if check.decides in ("with-value", "refutes") and not test.negated and kind not in ("empty", "universal"):
        condition = Any((test, *(Test(_empty(constraint, path)) for path in returns)))
    unchecked = (test,) if check.decides in ("some", "refutes") else ()
    return Left(condition, adds, tuple(returns), unchecked)


@lru_cache(maxsize=20_000)
def _empty(constraint: Constraint, path: Path) -> Constraint:
    return replace(
        constraint, path=path, pair=None, matching="empty", asked="empty", values=(), strict=(False, False),
        ignoring=frozenset(),
    )  # fmt: skip


def _left_of_has(
    place: Place, level: str, node: Has, sent: Mapping[int, frozenset[str]],
    keys: Mapping[int, Sequence[KeyAt]], ask: Callable[[Constraint], Path],
) -> Left:  # fmt: skip
    tests = tests_of(node)
    mine = [sent.get(id(t)) for t in tests]
    if not node.negated and _plain(node.filter) and all(m is not None and not m for m in mine):
        return Left(NOTHING, frozenset())
    undecided = Left(NOTHING, frozenset({"not-sent"}) | frozenset().union(*(m or frozenset() for m in mine)), (), tests)
    if node.scope != "item":
        return undecided
    checks = [check_of(place, level, t, brought(keys, t)) for t in tests]
    if any(key_at(place, level, t.constraint, sent_values(t.constraint)[0]).lower for t in tests):
        # Values of several entities below are mixed in one row.
        return undecided
    if all(c.decides == "exactly" for c in checks):
        adds = frozenset().union(*(c.adds for c in checks))
        return Left(node, adds, tuple(dict.fromkeys(ask(t.constraint) for t in tests)))
    return undecided


def _plain(node: Filter) -> bool:
    """Tell if a condition is a conjunction of positive tests."""
    if isinstance(node, Test):
        return not node.negated
    return isinstance(node, All) and all(_plain(p) for p in node.parts)


def tests_of(node: Filter) -> tuple[Test, ...]:
    """Return the tests of a condition."""
    if isinstance(node, Test):
        return (node,)
    if isinstance(node, Has):
        return tests_of(node.filter)
    return tuple(t for p in node.parts for t in tests_of(p))

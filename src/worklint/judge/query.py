"""What a plain client sends: a filter in disjunctive form, one query for each conjunction (``docs/verdicts.md``).

As written, a client sends every positive test that a key can express, one value an attribute, and negotiates nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

from worklint.judge.place import KeyAt, Place, attribute_rank, place_fits
from worklint.judge.value import Sent, asked_kind, sent_values
from worklint.knowledge import standard
from worklint.model import Any, Attribute, Constraint, Filter, Has, Shown, Test, Worklist
from worklint.record import frozen, replace

MOST_QUERIES = 4096
"""Above this many conjunctions a filter is not expanded; its verdict is then ``unknown``."""

_NOT_SENT_KINDS = frozenset({"empty", "multiple", "fuzzy", "datetime"})


@frozen
class Literal:
    """A constraint in one conjunction. ``group`` names the ``has`` it stands in, ``scope`` that clause's scope.

    ``entities`` names all clauses around it that ask for one and the same entity.
    """

    index: int
    constraint: Constraint
    negated: bool
    group: int | None = None
    scope: str | None = None
    entities: tuple[int, ...] = ()


@frozen
class Key:
    """A literal that goes out, with what is sent for it: one key a value where several queries are needed."""

    literal: Literal
    at: tuple[KeyAt, ...]
    sends: str = "yes"


@frozen
class Unsent:
    """A literal that does not go out. ``why``: ``negated``, ``negotiated``, ``twice``, ``label``, ``item``."""

    literal: Literal
    why: str


@frozen
class Query:
    """One query: the keys with a value, the tests left out, the keys sent empty."""

    keys: tuple[Key, ...]
    unsent: tuple[Unsent, ...]
    empties: tuple[KeyAt, ...]


def size(node: Filter) -> int:
    """Return how many conjunctions the disjunctive form of a filter has."""
    if isinstance(node, Test):
        return 1
    if isinstance(node, Has):
        return 1 if node.negated else size(node.filter)
    total = 0 if isinstance(node, Any) else 1
    for part in node.parts:
        total = total + size(part) if isinstance(node, Any) else total * size(part)
    return total


def conjunctions(worklist: Worklist) -> tuple[tuple[Literal, ...], ...] | None:
    """Return the disjunctive form of the worklist's filter, or ``None`` if it has more than ``MOST_QUERIES`` parts."""
    if size(worklist.filter) > MOST_QUERIES:
        return None
    index = {id(c): i for i, (c, _) in enumerate(worklist.constraints)}
    groups = iter(range(1_000_000))

    def leaves(node: Filter) -> Iterator[Constraint]:
        if isinstance(node, Test):
            yield node.constraint
        elif isinstance(node, Has):
            yield from leaves(node.filter)
        else:
            for part in node.parts:
                yield from leaves(part)

    def form(
        node: Filter, group: int | None, scope: str | None, entities: tuple[int, ...] = ()
    ) -> list[tuple[Literal, ...]]:
        if isinstance(node, Test):
            return [(Literal(index[id(node.constraint)], node.constraint, node.negated, group, scope, entities),)]
        if isinstance(node, Has):
            if node.negated:
                # No query says that no item satisfies several tests: a scope without a group marks what never goes out.
                return [tuple(Literal(index[id(c)], c, True, None, node.scope) for c in leaves(node.filter))]
            own = next(groups)
            around = entities if node.scope == "item" else (*entities, own)
            return form(node.filter, own, node.scope, around)
        parts = [form(p, group, scope, entities) for p in node.parts]
        if isinstance(node, Any):
            return [c for p in parts for c in p]
        return [tuple(lit for c in combination for lit in c) for combination in product(*parts)]

    return tuple(form(worklist.filter, None, None))


def _position(model: str, level: str | None) -> int:
    found = standard.model(model)
    return found.levels.index(level) if found and level in found.levels else -1


def key_at(place: Place, level: str, constraint: Constraint, sent: Sent) -> KeyAt:
    """Return the key of a constraint in a query at ``level``: where its attribute lives seen from there."""
    return _key_at(place.model, level, constraint.path, constraint.label, constraint.attribute_level, sent)


@cache
def _upper_keys(model: str, level: str) -> tuple[str, ...]:
    found = standard.model(model)
    if found is None or level not in found.levels:
        return ()
    return found.unique_keys[: found.levels.index(level)]


def upper_keys(model: str, level: str) -> tuple[str, ...]:
    """Return the keywords of the unique keys of the levels above (PS3.4 C.4.1.2.1)."""
    return _upper_keys(model, level)


def _key_at(
    model: str, level: str, path: tuple[Attribute, ...], label: str | None, home: str | None, sent: Sent
) -> KeyAt:
    here, lives = _position(model, level), _position(model, home)
    keyword = path[0].keyword if len(path) == 1 else ""
    found = standard.model(model)
    unique = bool(
        found and level in found.levels and len(found.unique_keys) > here and found.unique_keys[here] == keyword
    )
    parent = bool(keyword) and keyword in _upper_keys(model, level)
    lower = lives > here >= 0
    higher = 0 <= lives < here
    return KeyAt(path, label, level, sent, lower, higher, unique and bool(keyword), parent)


def empty_keys(place: Place, worklist: Worklist) -> tuple[KeyAt, ...]:
    """Return the keys sent with zero length: what the worklist shows and sorts by."""
    out: dict[tuple[str, ...], KeyAt] = {}
    shown: tuple[Shown, ...] = worklist.show + worklist.sort
    for one in shown:
        if one.path:
            attribute = one.path[-1]
            levels = standard.levels_of(one.path[0].keyword, worklist.model) if one.path[0].keyword else ()
            home = worklist.level if worklist.level in levels or not levels else levels[-1]
            sent = Sent("", "universal", attribute.vr, attribute.vm)
            key = _key_at(worklist.model, worklist.level, one.path, one.label, home, sent)
            out.setdefault(tuple(a.tag for a in one.path), key)
    return tuple(out.values())


def _sends(place: Place, key: KeyAt) -> str:
    """Return ``yes``, ``no`` or ``unknown``: can the project's viewer send this to that source?"""
    if place.viewer is None:
        return "yes" if key.path else "no"
    for record in place.viewer.sends:
        if attribute_rank(record.where, key, place.viewer) is None:
            continue
        if place_fits(record.where, place, key.level) is True:
            return record.sends
    if key.path or place.own:
        return "yes"
    return "unknown"


def _mergeable(a: Constraint, b: Constraint, key: KeyAt) -> bool:
    """Two bounds of one range over a single-valued attribute at its own level go out as one key."""
    if a.matching != "range" or b.matching != "range" or key.lower or key.higher or key.sent.vm != "1":
        return False
    ends = {(bool(c.values[0].text), bool(c.values[1].text)) for c in (a, b)}
    return ends == {(True, False), (False, True)}


def _merged(a: Constraint, b: Constraint) -> Constraint:
    low = a if a.values[0].text else b
    high = b if low is a else a
    return replace(b, values=(low.values[0], high.values[1]), strict=(low.strict[0], high.strict[1]))


def send(place: Place, worklist: Worklist, conjunction: tuple[Literal, ...]) -> Query:
    """Return the query that a plain client sends for one conjunction."""
    unsent: list[Unsent] = []
    waiting: list[tuple[Literal, Constraint]] = []
    last_item: dict[tuple[str, ...], tuple[int, int]] = {}
    for position, literal in enumerate(conjunction):
        constraint = literal.constraint
        inside_none = literal.scope is not None and literal.group is None
        # "Some item does not" is not what a negated key asks for.
        inside_some = literal.negated and literal.group is not None
        # There is no key for "has no value" either.
        says_nothing = literal.negated and sent_values(constraint)[0].kind == "universal"
        if inside_none or inside_some or says_nothing or (literal.negated and not (place.own and place.own_negation)):
            unsent.append(Unsent(literal, "negated"))
        elif asked_kind(constraint) in _NOT_SENT_KINDS:
            unsent.append(Unsent(literal, "negotiated"))
        else:
            if len(constraint.path) > 1:
                prefix = tuple(a.tag for a in constraint.path[:-1])
                last_item[prefix] = (literal.group if literal.group is not None else -1 - position, position)
            waiting.append((literal, constraint))
    order = {id(lit): i for i, lit in enumerate(conjunction)}
    by_key: dict[tuple[str, ...], tuple[Literal, Constraint]] = {}
    kept: list[tuple[Literal, Constraint]] = []
    for literal, constraint in waiting:
        if len(constraint.path) > 1:
            prefix = tuple(a.tag for a in constraint.path[:-1])
            mine = literal.group if literal.group is not None else -1 - order[id(literal)]
            if last_item[prefix][0] != mine:
                unsent.append(Unsent(literal, "item"))
                continue
        name = tuple(a.tag for a in constraint.path) or ("label", (constraint.label or "").casefold())
        earlier = by_key.get(name)
        if earlier is not None and not literal.negated and not earlier[0].negated:
            probe = key_at(place, worklist.level, constraint, sent_values(constraint)[0])
            if _same_test(earlier[1], constraint):
                pass
            elif _mergeable(earlier[1], constraint, probe):
                merged = _merged(earlier[1], constraint)
                kept = [(lit, merged if lit is earlier[0] else c) for lit, c in kept]
                constraint = merged
            else:
                unsent.append(Unsent(earlier[0], "twice"))
                kept = [k for k in kept if k[0] is not earlier[0]]
        by_key[name] = (literal, constraint)
        kept.append((literal, constraint))
    keys = []
    for literal, constraint in kept:
        at = tuple(key_at(place, worklist.level, constraint, sent) for sent in sent_values(constraint))
        if literal.negated:
            # A unique key that is excluded names no parent.
            at = tuple(replace(one, parent=False) for one in at)
        sends = _sends(place, at[0])
        if sends == "no":
            unsent.append(Unsent(literal, "label"))
        else:
            keys.append(Key(literal, at, sends))
    sent_paths = {k.at[0].path for k in keys}
    empties = tuple(e for e in empty_keys(place, worklist) if e.path not in sent_paths)
    return Query(tuple(keys), tuple(unsent), empties)


def _same_test(a: Constraint, b: Constraint) -> bool:
    return a.matching == b.matching and a.values == b.values and a.ignoring == b.ignoring and a.strict == b.strict

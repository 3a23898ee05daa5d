"""The disjunctive form of a filter, estimated before it is built and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from worklint.model import All, Any, Filter, Has, Test

Conjunction = tuple[Filter, ...]
"""Tests, ``has`` clauses, and disjunctions that are kept whole."""


def size(node: Filter, whole: frozenset[int] = frozenset()) -> int:
    """Return how many conjunctions the form has; ``whole`` are the disjunctions (by identity) that stay as they are."""
    if isinstance(node, Test) or (isinstance(node, Has) and node.negated):
        return 1
    if isinstance(node, Has):
        return size(node.filter, whole)
    if isinstance(node, Any):
        return 1 if id(node) in whole else sum(size(p, whole) for p in node.parts)
    total = 1
    for part in node.parts:
        total *= size(part, whole)
    return total


def _disjunctions(node: Filter) -> Iterator[Any]:
    if isinstance(node, Any):
        yield node
    if isinstance(node, Has):
        if not node.negated:
            yield from _disjunctions(node.filter)
    elif not isinstance(node, Test):
        for part in node.parts:
            yield from _disjunctions(part)


def kept_whole(node: Filter, bound: int, selectors: frozenset[str]) -> frozenset[int]:
    """Return the disjunctions to keep whole so that at most ``bound`` conjunctions are left: the widest first.

    One that names what the source wants in every query (``selectors``) goes last, for the query needs it.
    """
    whole: frozenset[int] = frozenset()
    while size(node, whole) > bound:
        left = [d for d in _disjunctions(node) if id(d) not in whole]
        if not left:
            break
        widest = max(left, key=lambda d: (not _names(d, selectors), size(d, whole)))
        whole |= {id(widest)}
    return whole


def _names(node: Filter, keywords: frozenset[str]) -> bool:
    if isinstance(node, Test):
        return node.constraint.name in keywords or (node.constraint.label or "") in keywords
    if isinstance(node, Has):
        return _names(node.filter, keywords)
    return any(_names(p, keywords) for p in node.parts)


def conjunctions(node: Filter, whole: frozenset[int]) -> list[Conjunction]:
    """Return the disjunctive form. There is a series for "A or B" if there is one for A or one for B."""
    if isinstance(node, Test) or (isinstance(node, Has) and node.negated):
        return [(node,)]
    if isinstance(node, Has):
        return [(replace(node, filter=joined(c)),) for c in conjunctions(node.filter, whole)]
    if isinstance(node, Any):
        if id(node) in whole:
            return [(node,)]
        return [c for p in node.parts for c in conjunctions(p, whole)]
    return [tuple(a for c in chosen for a in c) for chosen in product(*(conjunctions(p, whole) for p in node.parts))]


def joined(parts: Conjunction) -> Filter:
    """Return the conjunction of some conditions."""
    flat = [q for p in parts for q in (p.parts if isinstance(p, All) else (p,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def atoms_of(node: Filter) -> Conjunction:
    """Return the parts of a conjunction."""
    return node.parts if isinstance(node, All) else (node,)


def single_item(node: Filter, sequence: str) -> Filter:
    """Take the clauses of a sequence away of which every entity has one item: its tests then stand by themselves.

    A scheduled step is one item of ScheduledProcedureStepSequence (PS3.4 K.6.1).
    """
    if isinstance(node, Test):
        return node
    if isinstance(node, Has):
        if node.scope == "item" and [a.keyword for a in node.path] == [sequence]:
            inner = single_item(node.filter, sequence)
            return _negation(inner) if node.negated else inner
        return node
    return type(node)(tuple(single_item(p, sequence) for p in node.parts))


def _negation(node: Filter) -> Filter:
    if isinstance(node, Test | Has):
        return replace(node, negated=not node.negated)
    other = Any if isinstance(node, All) else All
    return other(tuple(_negation(p) for p in node.parts))

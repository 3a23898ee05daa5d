"""The plain client: what it sends for a filter as written, and what it makes of the answers (a second reading).

It writes "as written" of docs/verdicts.md anew: disjunctive form, one query for each conjunction, positive tests only,
one key an attribute, answers united on the identity of the entity, nothing checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from worklint.judge.place import Place
from worklint.model import All, Any, Constraint, Filter, Has, Test, Worklist
from worklint.oracle.matcher import Entity
from worklint.oracle.simulated import Answer, SimulatedSource
from worklint.oracle.wire import Key

_NEVER_SENT = frozenset({"empty", "multiple", "fuzzy", "datetime"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A test of one conjunction; ``clause`` tells the ``has`` that it stands in."""

    constraint: Constraint
    negated: bool = False
    clause: int | None = None


def conjunctions(condition: Filter) -> list[list[Leaf]]:
    """Return the disjunctive form. The parts of a ``has`` become keys of the query; a negated one sends nothing."""
    numbers = iter(range(10**9))

    def form(node: Filter, clause: int | None) -> list[list[Leaf]]:
        if isinstance(node, Test):
            return [[Leaf(node.constraint, node.negated, clause)]]
        if isinstance(node, Has):
            return [[]] if node.negated else form(node.filter, next(numbers))
        if isinstance(node, Any):
            return [c for p in node.parts for c in form(p, clause)]
        assert isinstance(node, All)
        return [[leaf for c in chosen for leaf in c] for chosen in product(*(form(p, clause) for p in node.parts))]

    return form(condition, None)


def texts_of(constraint: Constraint, parameters: Mapping[str, str]) -> list[str]:
    """Return the text of a positive test on the wire; several texts are several queries (``in``)."""
    values = []
    for value in constraint.values:
        text = value.text
        if constraint.matching == "wildcard" or constraint.asked == "wildcard":
            # No key can ask for a literal asterisk: the escapes of the language go.
            text = re.sub(r"\\([*?\\])", r"\1", text)
        if value.parameter is not None:
            text = text.replace(f"${value.parameter.name}", parameters[value.parameter.name])
        values.append(text)
    kind = constraint.asked if constraint.matching == "none" else constraint.matching
    if kind == "range":
        return [f"{values[0]}-{values[1]}"]
    if kind == "list-of-uid":
        return ["\\".join(values)]
    if kind in ("universal", "sequence"):
        return [""]
    return values


def queries(
    worklist: Worklist, place: Place, source: SimulatedSource, parameters: Mapping[str, str]
) -> Iterator[tuple[list[Key], list[Key]]]:
    """Yield the keys with a value and the empty keys of each query that a plain client sends for a worklist."""
    shown = [Key(s.path, "", s.label, s.path[-1].vr) for s in (*worklist.show, *worklist.sort) if s.path]
    for conjunction in conjunctions(worklist.filter):
        sent = [leaf for leaf in conjunction if _goes_out(leaf, place, source)]
        sent = _one_item_a_sequence(sent)
        sent = _one_key_an_attribute(sent)
        alternatives: list[list[list[Key]]] = []
        for leaf in sent:
            c = leaf.constraint
            keys = [Key(c.path, t, c.label, c.vr, leaf.negated) for t in texts_of(c, parameters)]
            # Values of a list are asked for one by one; of a negated list none may hold, which is one query.
            alternatives.append([keys] if leaf.negated else [[k] for k in keys])
        for chosen in product(*alternatives):
            keys = [k for group in chosen for k in group]
            sent_paths = {k.path for k in keys}
            yield keys, [e for e in dict.fromkeys(shown) if e.path not in sent_paths]


def _goes_out(leaf: Leaf, place: Place, source: SimulatedSource) -> bool:
    c = leaf.constraint
    kind = c.asked if c.matching == "none" else c.matching
    # Only the product's own path can say "not"; no path can say "not anything".
    # "Some item is not x" is another thing than "no item is x".
    if leaf.negated and (not place.own_negation or kind == "universal" or leaf.clause is not None):
        return False
    if kind in _NEVER_SENT:
        return False
    return _viewer_sends(c, place, source)


def _viewer_sends(c: Constraint, place: Place, source: SimulatedSource) -> bool:
    if place.viewer is None:
        return bool(c.path)
    key = Key(c.path, "", c.label, c.vr)
    for record in place.viewer.sends:
        where = replace(record.where, labels=(), attributes=())
        if source.reading.closeness(record.where, key, None, place.viewer) is not None and source.reading.fits(
            where, None
        ):
            return record.sends == "yes" or (
                record.sends == "unknown" and source.reading.draw("sends", key.name, c.label) < 0.5
            )
    return bool(c.path) or place.own or source.reading.draw("sends", key.name, c.label) < 0.5


def _one_item_a_sequence(leaves: list[Leaf]) -> list[Leaf]:
    """An identifier holds a sequence once, with one item: of several clauses the last goes out."""
    last: dict[tuple[str, ...], object] = {}
    for i, leaf in enumerate(leaves):
        path = leaf.constraint.path
        if len(path) > 1 and not leaf.negated:
            last[tuple(a.tag for a in path[:-1])] = leaf.clause if leaf.clause is not None else ("alone", i)
    out = []
    for i, leaf in enumerate(leaves):
        path = leaf.constraint.path
        mine = leaf.clause if leaf.clause is not None else ("alone", i)
        if len(path) < 2 or leaf.negated or last[tuple(a.tag for a in path[:-1])] == mine:
            out.append(leaf)
    return out


def _one_key_an_attribute(leaves: list[Leaf]) -> list[Leaf]:
    """Of several tests on one attribute the last goes out, unless they are the two bounds of one range."""
    out: dict[object, Leaf] = {}
    for number, leaf in enumerate(leaves):
        c = leaf.constraint
        if leaf.negated:
            out[number] = leaf
            continue
        name = tuple(a.tag for a in c.path) or (c.label or "").casefold()
        before = out.pop(name, None)
        if before is not None and _two_bounds(before.constraint, c):
            one, other = (before.constraint, c) if before.constraint.values[0].text else (c, before.constraint)
            leaf = replace(leaf, constraint=replace(c, values=(one.values[0], other.values[1])))
        out[name] = leaf
    return list(out.values())


def _two_bounds(a: Constraint, b: Constraint) -> bool:
    if a.matching != "range" or b.matching != "range" or a.path[-1].vm != "1" or a.level != a.attribute_level:
        return False
    open_ends = {tuple(bool(v.text) for v in c.values) for c in (a, b)}
    return open_ends == {(True, False), (False, True)}


def ask(
    worklist: Worklist, place: Place, source: SimulatedSource, parameters: Mapping[str, str] | None = None
) -> Answer:
    """Send all queries of a worklist and unite the answers; one refused query of several refuses the whole."""
    rows: dict[int, Entity] = {}
    cut = False
    for keys, empties in queries(worklist, place, source, parameters or {}):
        answer = source.query(worklist.level, keys, empties)
        if answer.refused:
            return answer
        cut = cut or answer.cut
        rows.update((id(r.dataset), r) for r in answer.rows)
    return Answer(tuple(rows.values()), cut=cut)

"""Judging: a worklist at a source → a verdict for each constraint, and one for the whole (``docs/verdicts.md``).

The steps, in order: what the client sends, what the source does with each key alone, what the keys do to one another,
what the values are worth, the arithmetic, and what the service adds. Each appends its sentence to the trace.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, reduce

from worklint.judge import cause as causes
from worklint.judge import keeping
from worklint.judge.behaviour import EXACT, KeyEffect, behaviour_at, best_grade, effect_of
from worklint.judge.interact import QueryEffect, interact
from worklint.judge.place import KeyAt, Place, attribute_rank, place_fits
from worklint.judge.query import Key, Literal, Query, Unsent, conjunctions, key_at, send, upper_keys
from worklint.judge.remedy import remedy as find_remedy
from worklint.judge.service import bounded, cap_rows, selected
from worklint.judge.value import Sent, asked_kind, sent_values, value_signature
from worklint.knowledge.profile import Behaviour
from worklint.model import GRADES, SPELLING, Cause, Constraint, Effect, Evidence, Severity, Worklist
from worklint.record import frozen, replace

_WORST: dict[str | None, int] = {None: 0, "info": 1, "warning": 2, "error": 3}
_BOTH = Effect(frozenset({"other"}), frozenset({"other"}))


@frozen
class Cell:
    """A constraint's part in the queries that one source gets."""

    effect: Effect
    severity: Severity | None
    cause: Cause
    trace: tuple[str, ...]
    grade: str


@frozen
class Judged:
    """The verdicts of one worklist at one source: a cell for each index of ``Worklist.constraints``, and the whole."""

    cells: tuple[Cell, ...]
    effect: Effect
    severity: Severity | None
    causes: tuple[Cause, ...]
    grade: str


@frozen
class Part:
    """One literal in one query."""

    index: int
    key: KeyEffect
    severity: Severity | None
    cause: Cause
    trace: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    sent: bool = True


def verdict_name(effect: Effect) -> str:
    """Return the name of a verdict (``docs/verdicts.md``)."""
    if effect.rejected:
        return "rejected"
    if not effect.known:
        return "unknown"
    if effect.adds and effect.misses:
        return "mixed"
    return "superset" if effect.adds else ("subset" if effect.misses else "exact")


def severity_of(effect: Effect) -> Severity | None:
    """Return the severity of the worst reason; ``None`` for ``exact``."""
    if effect.rejected or (effect.misses and effect.known):
        return "error"
    if not effect.known or effect.adds - SPELLING:
        return "warning"
    return "info" if effect.adds else None


def mark_of(effect: Effect, severity: Severity | None) -> str:
    """Return the mark: ``!`` for a warning or an error of known cause, ``?`` for unknown, else nothing.

    A part that is known to miss keeps its mark beside parts of which nothing is known.
    """
    if not effect.known:
        return "!" if severity == "error" else "?"
    return "!" if severity in ("error", "warning") else ""


def join(a: Effect, b: Effect) -> Effect:
    """Return the component-wise OR of two effects, as of the queries of a disjunction.

    One refused query of several refuses the whole, unless the client is known to keep the rest.
    """
    return Effect(a.adds | b.adds, a.misses | b.misses, a.rejected or b.rejected, a.known and b.known)


def worse(a: Severity | None, b: Severity | None) -> Severity | None:
    """Return the worse of two severities."""
    return a if _WORST[a] >= _WORST[b] else b


@lru_cache(maxsize=100_000)
def _behaviour(place: Place, key: KeyAt) -> Behaviour:
    return behaviour_at(place, key)


def _effect(key: KeyEffect) -> Effect:
    return Effect(key.adds, key.misses, key.rejected, key.known)


def judge(worklist: Worklist, place: Place) -> Judged:
    """Judge a worklist at a place: what comes back, as written, against what was asked for."""
    if not _offers(place):
        return _refused(worklist, place)
    form = conjunctions(worklist)
    if form is None:
        return _too_large(worklist, place)
    parts: list[Part] = []
    whole: Effect | None = None
    whole_severity: Severity | None = None
    whole_causes: list[Cause] = []
    for conjunction in form:
        mine, effect, severity, extra = _judge_query(worklist, place, conjunction)
        parts += mine
        whole = effect if whole is None else join(whole, effect)
        whole_severity = worse(whole_severity, severity)
        whole_causes += extra
    of_index: dict[int, list[Part]] = {}
    for part in parts:
        of_index.setdefault(part.index, []).append(part)
    cells = tuple(_cell(i, of_index.get(i, []), worklist) for i in range(len(worklist.constraints)))
    worst: dict[Cause, int] = dict.fromkeys(whole_causes, 2)
    for cell in cells:
        if cell.cause.rule and cell.severity:
            worst[cell.cause] = max(worst.get(cell.cause, 0), _WORST[cell.severity])
    ordered = tuple(sorted(worst, key=lambda c: -worst[c]))
    return Judged(cells, whole or Effect(), whole_severity, ordered, _worst_grade(cells))


def _worst_grade(cells: Sequence[Cell]) -> str:
    index = max((GRADES.index(c.grade) for c in cells), default=GRADES.index("standard"))
    return GRADES[index]


def offers_model(place: Place) -> bool | None:
    """Tell if the product offers the model over this transport; ``None`` if its profile names no models at all."""
    if not place.profile.offered:
        return None
    return any(
        o.model == place.model and o.transport == place.transport and place_fits(o.where, place) is not False
        for o in place.profile.offered
    )


def _offers(place: Place) -> bool:
    return offers_model(place) is not False


def _refused(worklist: Worklist, place: Place) -> Judged:
    effect = Effect(rejected=True)
    facts = {"N": causes.noun(worklist.level), "text": "the list", "model": place.model, "name": place.model}
    evidence = (Evidence("documented", f"{place.profile.name}: models offered"),)
    cause = causes.make("WL514", effect, facts, evidence=evidence)
    cell = Cell(effect, "error", cause, ("The product does not offer this model.",), "documented")
    return Judged((cell,) * len(worklist.constraints), effect, "error", (cause,), "documented")


def _too_large(worklist: Worklist, place: Place) -> Judged:
    effect = Effect(frozenset({"other"}), frozenset({"other"}), known=False)
    facts = {"N": causes.noun(worklist.level), "text": "the filter", "name": "so large a filter"}
    cause = causes.make("WL504", effect, facts, "the filter takes more queries than are judged")
    cell = Cell(effect, "warning", cause, ("The filter takes too many queries to be judged.",), "assumed")
    return Judged((cell,) * len(worklist.constraints), effect, "warning", (cause,), "assumed")


def _facts(place: Place, literal: Literal, level: str) -> dict[str, str]:
    constraint = literal.constraint
    text = constraint.text
    if literal.negated and not text.startswith("not "):
        text = f"not {text}"
    return {
        "N": causes.noun(level),
        "text": text,
        "name": constraint.name,
        "level": level,
        "home": constraint.attribute_level or "another",
        "vr": constraint.vr,
        "kind": constraint.matching,
        "model": place.model,
        "parents": " and ".join(upper_keys(place.model, level)),
    }


def _judge_query(
    worklist: Worklist, place: Place, conjunction: tuple[Literal, ...]
) -> tuple[list[Part], Effect, Severity | None, list[Cause]]:
    query = send(place, worklist, conjunction)
    parts, effect, severity, extra = judge_keys(worklist, place, query)
    effect, severity = _selectors(worklist, place, query, parts, effect, severity, extra)
    effect, severity = _caps(worklist, place, query, parts, effect, severity, extra)
    return parts, effect, severity, extra


def judge_keys(
    worklist: Worklist, place: Place, query: Query
) -> tuple[list[Part], Effect, Severity | None, list[Cause]]:
    """Judge the keys of one query, however they were chosen; what the service adds is not in it.

    Returns a part for each literal, the effect of all of them together, its severity, and causes beside the parts.
    """
    versions = _versions(place, query)
    flat = [v for at in versions for v in at]
    alone = [_behaviour(place, k) for k in flat]
    now, effects, serves = interact(place, worklist.level, flat, alone, query.empties)
    parts: list[Part] = []
    position = 0
    for key, at in zip(query.keys, versions, strict=True):
        mine = now[position : position + len(at)]
        before = alone[position : position + len(at)]
        about = [e for e in effects if set(e.keys) & set(range(position, position + len(at)))]
        about = [e for e in about if not _served(e, query, flat, serves, place)]
        parts.append(_sent_part(worklist, place, key, at, mine, before, about, query, serves))
        position += len(at)
    parts += [_unsent_part(worklist, place, u) for u in query.unsent]
    effect, severity = _conjunction(parts)
    extra: list[Cause] = []
    bare = [e for e in effects if not e.keys]
    for one in bare:
        effect, severity, cause = _query_effect(worklist, place, one, effect, severity)
        extra.append(cause)
    for empty in query.empties:
        effect, severity = _empty_key(place, empty, effect, severity, extra, worklist)
    return parts, effect, severity, extra


def _versions(place: Place, query: Query) -> list[tuple[KeyAt, ...]]:
    """One key for each query that a list of values takes; values that no record can tell apart are asked once."""
    literals = _literals(place)
    out = []
    for key in query.keys:
        kinds = {value_signature(one.sent, literals): one for one in reversed(key.at)}
        out.append(tuple(reversed(kinds.values())))
    return out


@lru_cache(maxsize=1000)
def _literals(place: Place) -> frozenset[str]:
    """The very values that statements of a place name."""
    records = [*place.site, *place.profile.statements]
    for interaction in place.profile.interactions:
        records += interaction.replace
    return frozenset(v[1:] for r in records for v in r.where.values if v.startswith("="))


def _served(effect: QueryEffect, query: Query, flat: Sequence[KeyAt], serves: frozenset[str], place: Place) -> bool:
    """Tell if what the interaction does is just what a ``has`` asks for: all of its keys stand in one clause."""
    wanted = effect.interaction.serves
    if wanted is None or wanted not in serves:
        return False
    paths = {flat[i].path for i in effect.keys}
    groups = {(k.literal.group, k.literal.scope) for k in query.keys if k.at[0].path in paths}
    return len(groups) == 1 and all(g is not None and f"{scope} has" == wanted for g, scope in groups)


def _sent_part(
    worklist: Worklist,
    place: Place,
    key: Key,
    at: tuple[KeyAt, ...],
    behaviours: Sequence[Behaviour],
    before: Sequence[Behaviour],
    about: Sequence[QueryEffect],
    query: Query,
    serves: frozenset[str],
) -> Part:
    literal = key.literal
    facts = _facts(place, literal, worklist.level)
    trace: list[str] = [f"Sent as a {at[0].sent.kind} key: {_shown(at[0])}."]
    effect: KeyEffect | None = None
    for one, behaviour in zip(at, behaviours, strict=True):
        mine = effect_of(behaviour, one.sent) if not literal.negated else _negated(behaviour, one.sent)
        # The values of a list are several queries: one that is refused refuses the list.
        refused = mine.rejected or (effect is not None and effect.rejected)
        effect = KeyEffect(rejected=True) if refused else (mine if effect is None else effect.also(mine))
    assert effect is not None
    behaviour = behaviours[0]
    own_rule = causes.rule_of_behaviour(behaviour, _effect(effect))
    opened: tuple[str, ...] = ()
    for one in at:
        effect, more = _open_parameter(place, one, effect, literal.negated)
        opened = tuple(dict.fromkeys((*opened, *more)))
    evidence = list(behaviour.evidence)
    trace.append(_told(behaviour))
    rule, remedy, because = own_rule, "", behaviour.because
    wider = _asks_for_more(literal.constraint, key.at)
    if wider is not None:
        more_rows = frozenset({wider[0]})
        effect = effect.also(KeyEffect(misses=more_rows) if literal.negated else KeyEffect(adds=more_rows))
        rule = _over_spelling(rule, wider[1])
    if opened:
        rule = _over_spelling(rule, "WL423")
        trace.append(f"The value is known only when the list is opened, and may be {' or '.join(opened)}.")
    if behaviours[0] != before[0]:
        trace.append("Another key of the same query changes that.")
    for change in about:
        effect, rule, because, remedy = _apply(change, effect, rule, because, remedy)
        evidence += [e for e in change.interaction.evidence if e not in evidence]
        trace.append(f"Together with another key: {change.interaction.because or 'the query is changed'}.")
    if literal.entities and f"{literal.scope} has" not in serves:
        inside = [k for k in query.keys if set(k.literal.entities) & set(literal.entities)]
        if len({k.at[0].path for k in inside}) > 1 and not effect.rejected and not effect.blocks:
            effect = effect.also(KeyEffect(adds=frozenset({"one-series"})))
            rule = _over_spelling(rule, "WL417")
            trace.append("The source may find the parts in different entities.")
    applied = _evaluates(behaviour)
    worths = _worths(place, literal, at[0], behaviour)
    adds, misses, known = keeping.total(worths, literal.negated)
    if applied and (adds or misses or not known):
        effect = KeyEffect(effect.adds | adds, effect.misses | misses, effect.rejected, effect.known and known)
    if not effect.rejected and worths and (adds or misses or not known):
        rule, because, remedy = _keeping_rule(worths)
        evidence = [e for w in worths for e in w.record.evidence] + evidence
        trace += [w.record.because.rstrip(".") + "." for w in worths if w.record.because]
    if key.sends == "unknown":
        effect = effect.also(KeyEffect(adds=frozenset({"not-sent"})))
        trace.append("It is not known whether the viewer sends this field at all.")
        rule = _over_spelling(rule, "WL321")
    final = _effect(effect)
    severity = severity_of(final)
    remedy = remedy or find_remedy(place, at[0], behaviour, rule)
    if behaviour.origin == "standard" and because == behaviour.because and behaviour.rule:
        because = ""
    cause = causes.make(rule if severity else None, final, facts, because, remedy, tuple(dict.fromkeys(evidence)))
    return Part(literal.index, effect, severity, cause, tuple(trace), tuple(dict.fromkeys(evidence)))


def _asks_for_more(constraint: Constraint, at: Sequence[KeyAt]) -> tuple[str, str] | None:
    """Return reason and rule where no key can say what the test says, so that what goes out asks for more."""
    kind, kinds = asked_kind(constraint), {one.sent.kind for one in at}
    if kind in ("single", "any-of") and kinds & {"wildcard", "universal"}:
        return "other", "WL405"
    if kind == "wildcard" and any(re.search(r"\\[*?]", v.text) for v in constraint.values):
        return "other", "WL405"
    if kind in ("wildcard", "universal") and kinds == {"universal"}:
        # It means "has a value", and an empty key asks for nothing (PS3.4 C.2.2.2.3).
        return "empty", "WL406"
    if any(excluded and bound.text for excluded, bound in zip(constraint.strict, constraint.values, strict=False)):
        return "other", "WL427"
    return None


def _negated(behaviour: Behaviour, sent: Sent) -> KeyEffect:
    """Return the effect of a negated key: what is compared swaps, what is not looked at stays as it is.

    An entity without the value may fail a negated test, as SQL's NULL does.
    """
    if behaviour.one_of:
        return reduce(KeyEffect.also, (_negated(b, sent) for b in behaviour.one_of))
    effect = effect_of(behaviour, sent)
    if behaviour.does in ("ignored", "nothing"):
        return effect
    return KeyEffect(effect.misses, effect.adds | {"absent"}, effect.rejected, effect.known)


def _open_parameter(
    place: Place, key: KeyAt, effect: KeyEffect, negated: bool = False
) -> tuple[KeyEffect, tuple[str, ...]]:
    """Judge a parameter by what holds for every value: empty asks for everything, ``*`` and ``?`` for a pattern."""
    parameter = key.sent.parameter
    if parameter is None or key.sent.kind not in ("single", "wildcard"):
        return effect, ()
    opened: list[str] = []
    if not parameter.no_wildcards:
        if key.sent.kind == "single":
            pattern = replace(key, sent=replace(key.sent, kind="wildcard"))
            effect = effect.also(effect_of(_behaviour(place, pattern), pattern.sent))
        opened.append("a pattern")
    if not parameter.never_empty:
        empty = replace(key, sent=replace(key.sent, text="", kind="universal", parameter=None))
        effect = effect.also(effect_of(_behaviour(place, empty), empty.sent))
        opened.append("empty")
    if opened and not effect.rejected:
        both = frozenset({"other"})
        effect = effect.also(KeyEffect(adds=both, misses=both if negated else frozenset()))
    return effect, tuple(opened)


def _over_spelling(rule: str | None, other: str) -> str:
    """Return the rule that explains more than spelling, if the one found does not."""
    return other if rule in (None, "WL410") else rule  # type: ignore[return-value]


def _shown(key: KeyAt) -> str:
    name = key.dotted or key.label or ""
    return f"{name} = {key.sent.text}" if key.sent.text else name


def _told(behaviour: Behaviour) -> str:
    does = {
        "applied": "The source applies it", "ignored": "The source ignores it",
        "nothing": "The source answers with nothing", "refused": "The source refuses it",
        "unknown": "It is not known what the source does",
    }[behaviour.does]  # fmt: skip
    reasons = [*sorted(behaviour.adds), *sorted(behaviour.misses)] if behaviour.does == "applied" else []
    how = f", not exactly ({', '.join(dict.fromkeys(reasons))})" if reasons else ""
    return f"{does}{how}{': ' + behaviour.because if behaviour.because else ''}."


def _evaluates(behaviour: Behaviour) -> bool:
    """Tell if the source compares the key with a value at all: only then does it matter what the value is worth."""
    if behaviour.one_of:
        return any(_evaluates(b) for b in behaviour.one_of)
    return behaviour.does in ("applied", "unknown")


def _worths(place: Place, literal: Literal, key: KeyAt, behaviour: Behaviour) -> list[keeping.Worth]:
    certain = best_grade(behaviour.evidence) <= GRADES.index("documented")
    empty = bool(behaviour.adds & {"empty", "absent"})
    out = []
    for record, holds in keeping.records_for(place, key):
        worth = keeping.worth(record, literal.constraint, place, empty, certain)
        out.append(worth if holds else keeping.Worth(record, worth.adds, worth.misses, worth.known))
    return [w for w in out if w.adds or w.misses or not w.known]


def _keeping_rule(worths: Sequence[keeping.Worth]) -> tuple[str, str, str]:
    order = ["WL603", "WL602", "WL605", "WL608", "WL607", "WL606"]
    rules = [w.record.rule or causes.RULE_OF_KEEPING[w.record.gives] for w in worths]
    best = min(range(len(worths)), key=lambda i: order.index(rules[i]) if rules[i] in order else len(order))
    record = worths[best].record
    return rules[best], record.because, record.remedy


def _apply(
    one: QueryEffect, effect: KeyEffect, rule: str | None, because: str, remedy: str
) -> tuple[KeyEffect, str | None, str, str]:
    behaviour = one.behaviour
    adding = _query_key_effect(behaviour)
    if not one.certain:
        # A setting decides that nobody told.
        adding = replace(KeyEffect().also(adding), known=False)
    if adding.rejected:
        return KeyEffect(rejected=True), "WL501", one.interaction.because, remedy
    new = KeyEffect(
        effect.adds | adding.adds, effect.misses | adding.misses, effect.rejected, effect.known and adding.known,
        effect.blocks or adding.blocks,
    )  # fmt: skip
    if _effect(new) == _effect(effect):
        return effect, rule, because, remedy
    own = behaviour.rule or _interaction_rule(one, adding)
    return new, own or rule, one.interaction.because or because, remedy


def _interaction_rule(one: QueryEffect, adding: KeyEffect) -> str | None:
    if "*parent-uid" in one.interaction.when.none:
        return "WL513"
    return causes.rule_of_behaviour(one.behaviour, _effect(adding))


def _query_key_effect(behaviour: Behaviour) -> KeyEffect:
    """Return what an interaction does to the whole query."""
    if behaviour.one_of:
        return reduce(KeyEffect.also, map(_query_key_effect, behaviour.one_of))
    grade = best_grade(behaviour.evidence)
    certain = grade <= GRADES.index("documented")
    both = KeyEffect(frozenset({"other"}), frozenset({"other"}))
    if GRADES[grade] == "issue":
        return KeyEffect(behaviour.adds | both.adds, behaviour.misses | both.misses, known=False)
    if behaviour.does == "applied":
        return KeyEffect(behaviour.adds, behaviour.misses)
    if behaviour.does == "nothing":
        misses = behaviour.misses or both.misses
        return KeyEffect(misses=misses, blocks=True) if certain else KeyEffect(both.adds, misses)
    if behaviour.does == "refused":
        return KeyEffect(rejected=True) if certain else both
    if behaviour.does == "ignored":
        return KeyEffect(adds=frozenset({"ignored"}))
    return replace(both, known=False)


def _unsent_part(worklist: Worklist, place: Place, unsent: Unsent) -> Part:
    literal = unsent.literal
    facts = _facts(place, literal, worklist.level)
    effect = KeyEffect(adds=frozenset({"not-sent"}))
    key = key_at(place, worklist.level, literal.constraint, sent_values(literal.constraint)[0])
    behaviour = _behaviour(place, key)
    worths = _worths(place, literal, key, behaviour)
    rule, because, remedy = causes.RULE_OF_UNSENT[unsent.why], "", ""
    evidence: tuple[Evidence, ...] = (Evidence("standard", "PS3.4 C.2.2.2: no matching kind says it"),)
    severity: Severity | None = "warning"
    trace = {
        "negated": "Not sent: no query can say `not`.",
        "negotiated": "Not sent: it would have to be negotiated.",
        "twice": "Not sent: a query holds each attribute once, and another test of it goes out.",
        "item": "Not sent: a query asks for one item of the sequence, and another clause goes out.",
        "label": "Not sent: the viewer cannot send this field to this source.",
    }[unsent.why]
    lines = [trace]
    if unsent.why == "label" and place.viewer is not None:
        record = next(
            (s for s in place.viewer.sends if attribute_rank(s.where, key, place.viewer) is not None
             and place_fits(s.where, place, key.level) is True), None,
        )  # fmt: skip
        if record is not None:
            because, evidence = record.because, record.evidence
    if unsent.why == "negated":
        if behaviour.returned == "whole" and not worths and key.path:
            severity = "info"
            lines.append("The source returns the attribute whole, so any client can check it.")
        elif worths:
            rule, because, remedy = _keeping_rule(worths)
            evidence = tuple(e for w in worths for e in w.record.evidence)
            lines.append("A check by the client compares a value that is not to be trusted.")
            if not all(w.known for w in worths):
                effect = replace(effect, known=False)
        else:
            lines.append(
                "It is not known that the source returns the attribute whole: a client may not be able to check."
            )
    cause = causes.make(rule, _effect(effect), facts, because, remedy, evidence)
    return Part(literal.index, effect, severity, cause, tuple(lines), evidence, sent=False)


def _conjunction(parts: Sequence[Part]) -> tuple[Effect, Severity | None]:
    """Compose the parts of one query: a refusal refuses; a key answered with nothing cannot add."""
    if any(p.key.rejected for p in parts):
        return Effect(rejected=True), "error"
    adds: frozenset[str] = frozenset().union(*(p.key.adds for p in parts)) if parts else frozenset()
    misses: frozenset[str] = frozenset().union(*(p.key.misses for p in parts)) if parts else frozenset()
    known = all(p.key.known for p in parts)
    severity: Severity | None = None
    for p in parts:
        severity = worse(severity, p.severity)
    if any(p.key.blocks for p in parts):
        # Nothing comes back, unless another key has the query refused.
        doubtful = [p for p in parts if not p.key.blocks and "other" in p.key.adds and "other" in p.key.misses]
        adds = frozenset({"other"}) if doubtful else frozenset()
        severity = worse(severity, "error")
    return Effect(adds, misses, known=known), severity


def _query_effect(
    worklist: Worklist, place: Place, one: QueryEffect, effect: Effect, severity: Severity | None
) -> tuple[Effect, Severity | None, Cause]:
    adding = _query_key_effect(one.behaviour)
    if not one.certain:
        # A setting decides that nobody told.
        adding = replace(KeyEffect().also(adding), known=False)
    own = _effect(adding)
    rule = one.behaviour.rule or _interaction_rule(one, adding)
    facts = {
        "N": causes.noun(worklist.level), "text": "the list", "name": "the list",
        "parents": " and ".join(upper_keys(place.model, worklist.level)),
    }  # fmt: skip
    cause = causes.make(rule, own, facts, one.interaction.because, "", one.interaction.evidence)
    if own.rejected:
        return Effect(rejected=True), "error", cause
    return join(effect, own), worse(severity, severity_of(own)), cause


def _empty_key(
    place: Place, key: KeyAt, effect: Effect, severity: Severity | None, extra: list[Cause], worklist: Worklist
) -> tuple[Effect, Severity | None]:
    """An empty key asks for nothing, but some sources refuse it, or leave out entities without the value.

    Over DICOMweb what is shown is asked for by ``includefield`` (PS3.18 8.3.4.3), not by an empty key.
    """
    if place.transport == "dicomweb":
        return effect, severity
    own = _without_value(_behaviour(place, key), key.sent)
    if not own.misses and not own.rejected:
        return effect, severity
    facts = {"N": causes.noun(worklist.level), "text": f"show {key.dotted}", "name": key.dotted}
    behaviour = _behaviour(place, key)
    rule = causes.rule_of_behaviour(behaviour, _effect(own))
    extra.append(causes.make(rule, _effect(own), facts, behaviour.because, "do not show it", behaviour.evidence))
    if own.rejected:
        return Effect(rejected=True), "error"
    return join(effect, Effect(own.adds, own.misses)), worse(severity, "error")


def _without_value(behaviour: Behaviour, sent: Sent) -> KeyEffect:
    """Return the effect of an empty key: where nothing is known, it asks for nothing (PS3.4 C.2.2.2.3)."""
    if behaviour.one_of:
        return reduce(KeyEffect.also, (_without_value(b, sent) for b in behaviour.one_of))
    effect = effect_of(behaviour, sent)
    return effect if effect.known else EXACT


def _selectors(
    worklist: Worklist,
    place: Place,
    query: Query,
    parts: list[Part],
    effect: Effect,
    severity: Severity | None,
    extra: list[Cause],
) -> tuple[Effect, Severity | None]:
    for record in place.profile.selectors:
        fits = place_fits(record.where, place, worklist.level)
        if fits is False:
            continue
        met = selected(query, record.alternatives)
        if met is True:
            continue
        refused = best_grade(record.evidence) <= GRADES.index("documented") and met is False and fits is True
        own = Effect(rejected=True) if refused else _BOTH
        names = ", ".join(f"{n} of {least} characters" if least > 1 else n for n, least in record.alternatives)
        facts = {"N": causes.noun(worklist.level), "text": "the list", "name": "the list", "selectors": names}
        cause = causes.make("WL510", own, facts, record.because, "", record.evidence)
        extra.append(cause)
        for i, part in enumerate(parts):
            key = KeyEffect(rejected=True) if refused else part.key.also(KeyEffect(own.adds, own.misses))
            trace = (*part.trace, f"The source wants one of {names} in every query, and this one has none.")
            parts[i] = Part(part.index, key, "error", cause, trace, record.evidence, part.sent)
        effect = own if refused else join(effect, own)
        severity = "error"
    return effect, severity


def _adds_by_itself(worklist: Worklist, place: Place, query: Query) -> bool:
    """Tell if a query may bring rows that none of its keys lets through: then a unique key bounds nothing."""
    flat = [v for at in _versions(place, query) for v in at]
    _, effects, _ = interact(place, worklist.level, flat, [_behaviour(place, k) for k in flat], query.empties)
    return any(_query_key_effect(e.behaviour).adds for e in effects if not e.keys)


def _caps(
    worklist: Worklist,
    place: Place,
    query: Query,
    parts: Sequence[Part],
    effect: Effect,
    severity: Severity | None,
    extra: list[Cause],
) -> tuple[Effect, Severity | None]:
    for cap in place.profile.caps:
        if place_fits(cap.where, place, worklist.level) is False:
            continue
        rows = cap_rows(cap, place)
        widened = frozenset(i for i, p in enumerate(parts) if p.key.adds)
        if rows == 0 or (bounded(query, rows, widened) and not _adds_by_itself(worklist, place, query)):
            continue
        own = _BOTH if cap.refuses else Effect(misses=frozenset({"cap"}))
        level: Severity = "info" if cap.signalled and cap.paging else ("warning" if cap.signalled else "error")
        facts = {
            "N": causes.noun(worklist.level), "text": "the list", "name": "the list",
            "rows": f"{rows} {causes.noun(worklist.level)}" if rows else "a number of rows that its setting says",
            "severity": level,
        }  # fmt: skip
        extra.append(causes.make("WL511", own, facts, cap.because, "", cap.evidence))
        effect = effect if effect.rejected else join(effect, own)
        severity = worse(severity, level)
    return effect, severity


def _cell(index: int, parts: Sequence[Part], worklist: Worklist) -> Cell:
    if not parts:
        constraint, _ = worklist.constraints[index]
        facts = {"N": causes.noun(worklist.level), "text": constraint.text, "name": constraint.name}
        return Cell(Effect(), None, causes.make(None, Effect(), facts), (), "standard")
    effect = Effect()
    severity: Severity | None = None
    for p in parts:
        own = Effect() if p.key.rejected and not all(q.key.rejected for q in parts) else _effect(p.key)
        effect = join(effect, own)
        severity = worse(severity, p.severity)
    if any(p.key.rejected for p in parts):
        effect = Effect(rejected=True)
    worst = max(parts, key=lambda p: (_WORST[p.severity], p.cause.rule is not None))
    trace = tuple(dict.fromkeys(line for p in parts for line in p.trace))
    grade = GRADES[max((best_grade(p.evidence) for p in parts), default=0)]
    return Cell(effect, severity, worst.cause, trace, grade)


__all__ = [
    "EXACT", "Cell", "Judged", "Part", "bounded", "cap_rows", "join", "judge", "judge_keys", "mark_of", "offers_model",
    "selected", "severity_of", "verdict_name", "worse",
]  # fmt: skip

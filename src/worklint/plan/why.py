"""Why something stays although it is sent as planned: for each constraint the cause that no client can repair.

It explains what ``split`` and ``checks`` decided and decides nothing itself: a cause is given for every constraint that
the plan leaves inexact, and for no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worklint.judge import Judged, keeping
from worklint.judge import cause as causes
from worklint.judge.place import KeyAt, Place, attribute_rank, place_fits, vr_fits
from worklint.judge.query import key_at
from worklint.judge.value import sent_values
from worklint.knowledge import standard
from worklint.knowledge.profile import Behaviour
from worklint.model import Cause, Constraint, Effect, Evidence, Has, Test, Worklist
from worklint.plan import careful
from worklint.plan.algebra import WITHOUT_VALUE
from worklint.plan.checks import behaviour_of, can_be_returned, check_of, tests_of, universal
from worklint.plan.types import NOTHING, Plan, PlannedQuery, Stay

_NO_VALUE = WITHOUT_VALUE | {"not-kept"}

# Why it stays, and what could be done about it.
_BECAUSE = {
    "label": (
        "no DICOM attribute stands behind {name}, so no query of a client can ask for it and no answer shows it",
        "name a standard attribute that comes near it, or keep this list at the sources whose viewer has the field",
    ),
    "fuzzy": ("what sounds like {value} is for the source to say, and nobody can check it on the answer", ""),
    "no-key": (
        "asking for {name} does harm there: the source then leaves rows out, or refuses the query",
        "do not let the list depend on {name} there",
    ),
    "unknown": (
        "nobody has evidence of how this source returns {name}, and a check on what may be incomplete could drop a row "
        "that belongs on the list",
        "measure it: worklint probe ADDRESS",
    ),
    "part": (
        "the source shows only some of the values of {name}, and one that is not shown may be the one that is wanted",
        "",
    ),
    "other": ("what the source shows as {name} is computed, joined or cut: it proves nothing", ""),
    "no": ("the source does not return {name}, so there is nothing to check", "do not let the list depend on it there"),
    "no-value": (
        "a row that shows no {name} is kept, because it is not known that it has none",
        "measure it: worklint probe ADDRESS",
    ),
    "below": (
        "one row of {level} level mixes the values of all its {entities}, so which belong together cannot be checked",
        "",
    ),
    "widened": ("the source compares {name} in its own way, and what comes back does not tell why a row came", ""),
    "value": ("{name} itself cannot be relied on there: a client can repair a lost key, and nobody a lost value", ""),
}  # fmt: skip
_AT_HOME = {
    "unknown": "nobody has evidence of what it does with the key at {home} level, where {name} belongs",
    "ignored": "at {home} level, where {name} belongs, it ignores the key",
    "nothing": "at {home} level, where {name} belongs, it answers with nothing",
    "refused": "at {home} level, where {name} belongs, it refuses the key",
    "applied": "at {home} level, where {name} belongs, no query is known to be answered in full",
}


def stays(worklist: Worklist, place: Place, plan: Plan, written: Judged) -> tuple[Stay, ...]:
    """Return why what the plan leaves inexact stays so: for each such constraint, then for the list as a whole.

    ``written`` is the verdict as written, which explains what the product's own viewer gets.
    """
    out: list[Stay] = []
    if plan.as_planned.rejected or not plan.as_planned.known:
        return (Stay(None, _of_whole(worklist, plan, plan.as_planned, place)),)
    own = not plan.queries
    client = careful(place)
    rest: frozenset[str] = plan.as_planned.adds
    clauses = {id(t.constraint): has for has in _clauses(worklist.filter) for t in tests_of(has)}
    for index, (constraint, negated) in enumerate(worklist.constraints):
        effect = plan.cells[index] if index < len(plan.cells) else plan.as_planned
        if not effect.adds:
            continue
        if own and constraint.path:
            out.append(Stay(index, written.cells[index].cause))
        else:
            out.append(Stay(index, _cause(worklist, client, plan, constraint, negated, effect, clauses)))
        rest -= effect.adds
    if rest or plan.as_planned.misses:
        out.append(Stay(None, _of_whole(worklist, plan, Effect(rest, plan.as_planned.misses), client)))
    return tuple(out)


def how(plan: Plan) -> str:
    """Return in a few words what the plan does: its queries by level, and what the client checks."""
    if not plan.queries:
        refused = plan.as_planned.rejected or not plan.as_planned.known
        return "" if refused else "as written, by the product's own viewer"
    parts = []
    for role, words in (("feeds", " first"), ("answer", ""), ("subtract", " to take away")):
        mine = [q for q in plan.queries if q.role == role]
        levels = dict.fromkeys(q.level for q in mine)
        if mine:
            parts.append(" and ".join(_queries([q for q in mine if q.level == level]) for level in levels) + words)
    names = list(dict.fromkeys(n for q in plan.queries if q.remaining != NOTHING for n in _checked(q)))
    text = ", then ".join(parts)
    return text + (f"; the client checks {_listed(names)}" if names else "")


def _queries(alike: Sequence[PlannedQuery]) -> str:
    found = standard.model(alike[0].model)
    where = f" at {alike[0].level} level" if found is None or len(found.levels) > 1 else ""
    return f"{_number(len(alike))} {'query' if len(alike) == 1 else 'queries'}{where}"


def _number(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:4]) + (["others"] if len(names) > 4 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _checked(query: PlannedQuery) -> Iterator[str]:
    for test in tests_of(query.remaining):
        if test.constraint.path:
            yield test.constraint.path[-1].display


def _clauses(node: object) -> Iterator[Has]:
    if isinstance(node, Has):
        yield node
    elif not isinstance(node, Test):
        for part in getattr(node, "parts", ()):
            yield from _clauses(part)


def _cause(
    worklist: Worklist, place: Place, plan: Plan, constraint: Constraint, negated: bool, effect: Effect,
    clauses: dict[int, Has],
) -> Cause:  # fmt: skip
    name = constraint.name or constraint.text
    facts = {
        "N": causes.noun(worklist.level), "text": f"not {constraint.text}" if negated else constraint.text,
        "name": name, "level": worklist.level, "home": constraint.attribute_level or worklist.level,
        "value": constraint.values[0].text if constraint.values else "it", "entities": "entities",
    }  # fmt: skip
    why, rule, because, remedy, evidence = _reason(worklist, place, plan, constraint, negated, effect, clauses, facts)
    text, advice = _BECAUSE[why]
    if why == "no-value":
        seen = f"{facts['N'].capitalize()} that show no {name} still appear"
    else:
        seen = causes.consequence(Effect(effect.adds), None, facts)
    told = f" ({because})" if because else ""
    return Cause(
        rule, f"{seen}: {text.format_map(facts)}{told}.", remedy or advice.format_map(facts),
        tuple(sorted({**facts, "stays": why, "why": text.format_map(facts)}.items())), evidence,
    )  # fmt: skip


_Reason = tuple[str, str | None, str, str, tuple[Evidence, ...]]


def _reason(
    worklist: Worklist, place: Place, plan: Plan, constraint: Constraint, negated: bool, effect: Effect,
    clauses: dict[int, Has], facts: dict[str, str],
) -> _Reason:  # fmt: skip
    level = worklist.level
    if not constraint.path:
        return "label", "WL321", "", "", _promise(f"PS3.4 C.2.2.2: a key is an attribute; {constraint.name} is none")
    if (constraint.asked or constraint.matching) == "fuzzy":
        return "fuzzy", None, "", "", _promise("PS3.4 C.2.2.2.1.1: left to the source")
    empty = universal(place, level, constraint)
    own = behaviour_of(place, key_at(place, level, constraint, sent_values(constraint)[0]))
    lost = _lost(place, constraint, empty)
    if lost is not None:
        return lost
    has = clauses.get(id(constraint))
    if has is not None and has.scope != "item":
        facts["entities"] = causes.noun(has.scope)
        because, remedy, evidence = _at_home(place, constraint, level, has.scope, facts)
        return "below", None, because, remedy, evidence or _told(place, empty, own)
    sent = [k for q in plan.queries if q.level == level for k in q.keys if k.path == constraint.path]
    check = check_of(place, level, Test(constraint, negated), sent)
    if effect.adds <= _NO_VALUE or check.decides == "with-value":
        return "no-value", None, "", "", _told(place, empty, own)
    if check.decides == "exactly":
        return "widened", None, own.because, "", own.evidence
    if not sent and not can_be_returned(place, empty):
        return "no-key", None, "", "", behaviour_of(place, empty).evidence
    returned = behaviour_of(place, empty).returned if not sent else own.returned
    because, remedy = "", ""
    untold = _promise(f"{place.profile.name}: nothing is written about what it returns as {constraint.name}")
    evidence = untold if returned == "unknown" else _told(place, empty, own)
    home = constraint.attribute_level
    if home is not None and _below(place.model, level, home):
        because, remedy, there = _at_home(place, constraint, level, home, facts)
        evidence = there or evidence
    kind = {"unknown": "unknown", "part": "part", "other": "other", "no": "no"}.get(returned, "widened")
    return kind, None, because, remedy, evidence


def _lost(place: Place, constraint: Constraint, key: KeyAt) -> _Reason | None:
    """Return the reason where the value itself is lost: not kept, behind, wrong, or nobody knows."""
    for record, certain in keeping.records_for(place, key):
        if record.gives in ("faithful", "some-values", "partial"):
            continue
        if certain or record.gives == "unknown":
            rule = record.rule or causes.RULE_OF_KEEPING.get(record.gives)
            return "value", rule, record.because.rstrip("."), record.remedy, record.evidence
    return None


def _below(model: str, level: str, home: str) -> bool:
    found = standard.model(model)
    return bool(
        found and {level, home} <= set(found.levels) and found.levels.index(home) > found.levels.index(level)
    )  # fmt: skip


def _at_home(
    place: Place, constraint: Constraint, level: str, home: str, facts: dict[str, str]
) -> tuple[str, str, tuple[Evidence, ...]]:
    behaviour = behaviour_of(place, key_at(place, home, constraint, sent_values(constraint)[0]))
    facts = {**facts, "home": home}
    if behaviour.does not in _AT_HOME or behaviour.does == "unknown":
        # What the standard leaves open is no evidence of what the source does.
        return _AT_HOME["unknown"].format_map(facts), "measure it: worklint probe ADDRESS", ()
    return _AT_HOME[behaviour.does].format_map(facts), "", behaviour.evidence


def _told(place: Place, key: KeyAt, own: Behaviour) -> tuple[Evidence, ...]:
    """Return the evidence of how the attribute comes back, else of what the source does with its key."""
    for statement in (*place.site, *place.profile.statements):
        if statement.behaviour.returned == "unknown" or not vr_fits(statement.where, key.sent.vr):
            continue
        if attribute_rank(statement.where, key, place.profile) is None:
            continue
        if place_fits(statement.where, place, key.level) is True and statement.behaviour.evidence:
            return statement.behaviour.evidence
    return own.evidence or _promise(f"{place.profile.name}: nothing is written about it")


def _promise(citation: str) -> tuple[Evidence, ...]:
    return (Evidence("standard" if citation.startswith("PS3") else "assumed", citation),)


def _of_whole(worklist: Worklist, plan: Plan, effect: Effect, place: Place) -> Cause:
    noun = causes.noun(worklist.level)

    def made(rule: str, seen: str, why: str, remedy: str = "", evidence: tuple[Evidence, ...] = ()) -> Cause:
        facts = (("name", "the list"), ("stays", "whole"), ("why", why))
        return Cause(rule, f"{seen}: {why}.", remedy, facts, evidence)

    wanted = next((n for n in plan.notes if "in every query" in n), "")
    if effect.rejected:
        why = next((n for n in plan.notes if "offer" in n), "") or wanted or "it accepts no query for this list"
        evidence = tuple(e for r in place.profile.selectors for e in r.evidence)
        return made("WL501", "No query for this list is answered there", why, "", evidence)
    if "cap" in effect.misses:
        caps = [c for c in place.profile.caps if place_fits(c.where, place, worklist.level) is not False]
        why = "the source ends its answer after a number of rows, and has no further pages to ask for"
        return made(
            "WL511", f"{noun.capitalize()} can be missing however the list is asked", why,
            "narrow the list by date, so that no answer is full",
            tuple(dict.fromkeys(e for c in caps for e in c.evidence)),
        )  # fmt: skip
    if wanted:
        evidence = tuple(e for r in place.profile.selectors for e in r.evidence)
        return made("WL510", "The source may refuse the query", wanted, "add one of them", evidence)
    if not effect.known or effect.misses:
        full = next((n for n in plan.notes if "answered in full" in n), "")
        why = full or "nobody has evidence of what this source does with the query"
        return made("WL504", "Nobody knows what comes back", why, "measure it: worklint probe ADDRESS")
    why = "the source changes the query as a whole"
    return made("WL505", f"{noun.capitalize()} that do not belong there can appear", why)

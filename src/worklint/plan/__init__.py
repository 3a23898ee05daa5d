"""Planning: a worklist at a source → the queries that a careful client sends, and what it checks on the answers.

A plan never misses, except by a limit on answers that cannot be paged, and says where it may add. As written against as
planned: the distance between the two is the value of the advice (``docs/plans.md``).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from worklint.judge import Judged, judge, verdict_name
from worklint.judge.place import Place, place_fits
from worklint.knowledge import standard
from worklint.model import Effect, Worklist
from worklint.plan.algebra import united
from worklint.plan.forms import conjunctions, kept_whole, single_item, size
from worklint.plan.negotiated import RELATIONAL, granted, on_association
from worklint.plan.semijoin import ask
from worklint.plan.service import without_parents_rule
from worklint.plan.split import Asked, Desk
from worklint.plan.types import Limit, Need, Plan, PlannedQuery

MOST_CONJUNCTIONS = 64
"""So many queries the disjunctive form of a filter may take; wider disjunctions are checked on the answer instead."""

_WORKLIST = "modality-worklist"
_STEPS = "ScheduledProcedureStepSequence"
_STEP = ("StudyInstanceUID", "RequestedProcedureID", f"{_STEPS}.ScheduledProcedureStepID")
_RANK = {"exact": 0, "superset": 1, "unknown": 2, "mixed": 3, "subset": 3, "rejected": 4}


def plan(
    worklist: Worklist, place: Place, judged: Judged | None = None, *, zone: str | None = None,
    bound: int = MOST_CONJUNCTIONS,
) -> Plan:  # fmt: skip
    """Return the plan of a worklist at a place.

    ``judged`` is its verdict as written, if that is known already; ``zone`` the time zone of the source where it is not
    that of the list.
    """
    written = judged or judge(worklist, place)
    desk = _desk(worklist, place, zone)
    selectors = frozenset(n for r in place.profile.selectors for n, _ in r.alternatives)
    condition = worklist.filter
    if worklist.model == _WORKLIST:
        condition = single_item(condition, _STEPS)
    whole = kept_whole(condition, bound, selectors)
    if whole:
        desk.note(
            f"the filter takes {size(condition):,} queries, more than {bound}: its widest `or` "
            f"{'is' if len(whole) == 1 else f'({len(whole)} of them) are'} not sent, but checked on the answer"
        )
    offered = _offered(place)
    asked: list[Asked] = []
    if offered:
        asked = [ask(desk, worklist.level, c) for c in conjunctions(condition, whole)]
    effect = united(a.effect for a in asked) if asked else Effect(rejected=True)
    if effect.rejected:
        effect = Effect(rejected=True)
    if not offered:
        desk.note(f"the product does not offer the model {place.model}")
    for one in asked:
        if one.queries and not one.narrowed:
            desk.note(
                "asks for the whole archive: narrow the list by date, patient or accession number, in every branch"
            )
    cells = _cells(desk, asked, effect)
    if place.own and _no_worse(written, effect, cells):
        note = "searched by its own viewer as written; what the product's own query path does no network query does"
        own = tuple(c.effect for c in written.cells)
        return Plan(worklist.id, place.source, written.effect, written.effect, (), unite_on(worklist), (note,), own)
    queries = _numbered(asked) if not effect.rejected and all(a.queries for a in asked) else ()
    return Plan(
        worklist.id, place.source, written.effect, effect, queries, unite_on(worklist), tuple(desk.notes), cells
    )  # fmt: skip


def _cells(desk: Desk, asked: list[Asked], whole: Effect) -> tuple[Effect, ...]:
    """Return what each constraint leaves over all queries, as far as it can be told apart from the others."""
    worklist = desk.worklist
    if whole.rejected or not whole.known:
        return (whole,) * len(worklist.constraints)
    left: dict[int, frozenset[str]] = {}
    for one in asked:
        for test, adds in one.parts:
            for constraint in desk.written(test.constraint):
                left[id(constraint)] = left.get(id(constraint), frozenset()) | adds
    return tuple(Effect(left[id(c)]) if id(c) in left else whole for c, _ in worklist.constraints)


def _no_worse(written: Judged, planned: Effect, cells: tuple[Effect, ...]) -> bool:
    """Tell if what is written does as well: it cannot miss, and leaves no constraint open that the plan decides."""
    whole = written.effect
    if not whole.known or whole.rejected or whole.misses or _RANK[verdict_name(whole)] > _RANK[verdict_name(planned)]:
        return False
    return verdict_name(whole) != verdict_name(planned) or all(
        verdict_name(w.effect) == "exact" or verdict_name(p) != "exact"
        for w, p in zip(written.cells, cells, strict=True)
    )


def _offered(place: Place) -> bool:
    from worklint.judge import offers_model

    return offers_model(place) is not False


@lru_cache(maxsize=2_000)
def careful(place: Place) -> Place:
    """Return the place as a careful client meets it: what the project's viewer sends, presets or drops does not count.

    One and the same for one place, so that what is looked up there serves every list.
    """
    return replace(place, viewer=None, own=False, own_negation=False, offers=frozenset())


@lru_cache(maxsize=2_000)
def _relational(client: Place) -> Place:
    return without_parents_rule(on_association(client, None, frozenset({RELATIONAL})))


@lru_cache(maxsize=2_000)
def _takes_moments(place: Place) -> bool:
    """Tell if a range of days and one of times are one interval here, where the standard has it so (C.2.2.2.5.4).

    A profile may take that away, or tell it in words of its own.
    """
    profile = place.profile
    lifted = any(n == "date-time-interval" and place_fits(w, place) is not False for n, w in profile.lifts)
    return not lifted or any(i.when.date_and_time and place_fits(i.where, place) is True for i in profile.interactions)


def _desk(worklist: Worklist, place: Place, zone: str | None) -> Desk:
    client = careful(place)
    model = standard.model(place.model)
    combined: str | None = None
    if (place.transport == "dicomweb" or (model is not None and model.worklist)) and _takes_moments(client):
        combined = "always"
    relational = client
    if RELATIONAL in granted(client, None):
        relational = _relational(client)
    wider = bool(zone and worklist.timezone and zone != worklist.timezone)
    return Desk(worklist, client, relational, combined, wider, _STEPS if worklist.model == _WORKLIST else None)


def unite_on(worklist: Worklist) -> tuple[str, ...]:
    """Return the attributes by which two rows are the same entity."""
    model = standard.model(worklist.model)
    if worklist.model == _WORKLIST:
        return _STEP
    if worklist.level == "patient":
        return ("PatientID", "IssuerOfPatientID")
    unique = model.unique_key(worklist.level) if model else None
    return (unique,) if unique else ("SOPInstanceUID",)


def _numbered(asked: list[Asked]) -> tuple[PlannedQuery, ...]:
    """Give the queries short names in their order, each once."""
    found = [q for a in asked for q in a.queries]
    names = {q.id: f"q{i}" for i, q in enumerate(dict.fromkeys(found), 1)}
    out = []
    for query in dict.fromkeys(found):
        needs = tuple(replace(n, query=names[n.query]) for n in query.needs)
        out.append(replace(query, id=names[query.id], needs=needs, of=tuple(names[i] for i in query.of)))
    return tuple(out)


__all__ = ["Limit", "Need", "Plan", "PlannedQuery", "plan", "unite_on"]

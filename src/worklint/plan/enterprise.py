"""A worklist over all of its sources: what they have in common, who is asked separately, what comes twice.

Pure functions of the list, its places, verdicts and plans; who holds copies of whose studies comes from outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from worklint.judge import Judged, judge, mark_of, verdict_name
from worklint.judge.place import Place
from worklint.knowledge import standard
from worklint.model import Cause, Worklist
from worklint.plan import unite_on
from worklint.plan.portable import SMALL_PLANNED, Core, as_planned, as_written, core_of, exact, reliable, with_filter
from worklint.plan.predicate import text_of
from worklint.plan.print import wire_values
from worklint.plan.types import NOTHING, Plan, PlannedQuery
from worklint.record import frozen, replace


@frozen
class Group:
    """Sources that are asked alike. ``as_it_stands``: the definition of the list serves them all as it is written.

    Else ``queries`` says what each of them is sent, and ``verdict`` what a careful client then gets.
    """

    sources: tuple[str, ...]
    as_it_stands: bool
    verdict: str
    queries: tuple[str, ...]


@frozen
class Copies:
    """Sources that can answer with one and the same entity, and why."""

    sources: tuple[str, ...]
    because: str


@frozen
class View:
    """One worklist over the enterprise.

    ``written`` and ``planned`` are the cores that every source answers exactly, as written and as planned; ``reliable``
    is the one that every source answers without a mark: exactly, but for spelling and for rows without a value.
    ``lost`` are the conditions that are not in ``written``, with the sources that do not apply them exactly.
    ``refusals`` tell of sources that answer no filter of the list exactly, why not even one without conditions.
    """

    worklist: str
    written: Core
    reliable: Core
    planned: Core
    groups: tuple[Group, ...]
    copies: tuple[Copies, ...]
    untold: tuple[str, ...]
    unite_on: tuple[str, ...]
    lost: tuple[tuple[int, tuple[str, ...]], ...]
    refusals: tuple[tuple[str, Cause], ...]


def view(
    worklist: Worklist, places: Mapping[str, Place], judged: Mapping[str, Judged], plans: Mapping[str, Plan],
    copies: Sequence[Copies] = (), zone: str | None = None,
) -> View:  # fmt: skip
    """Return a worklist over its sources. ``places``, ``judged`` and ``plans`` have the sources that it asks."""
    sources = list(places)
    # Sources that are alike are one to the judge: one of them is asked for all.
    first: dict[int, str] = {}
    same = {s: first.setdefault(id(places[s]), s) for s in sources}
    asked = list(dict.fromkeys(same.values()))
    told = {s: (judged[s].effect, [c.effect for c in judged[s].cells]) for s in asked}
    left = {s: (plans[s].as_planned, plans[s].cells) for s in asked}
    ask = as_written(places)
    written = _over_all(core_of(worklist, asked, ask, known=told), sources, same)
    lost = tuple(
        (i, tuple(s for s in sources if not exact(judged[s].cells[i].effect)))
        for i in range(len(worklist.constraints))
        if i not in written.kept
    )
    held = {s for c in copies for s in c.sources}
    return View(
        worklist.id,
        written,
        _over_all(core_of(worklist, asked, ask, reliable, known=told), sources, same),
        _over_all(
            core_of(worklist, asked, as_planned(places, zone), exhaustive=SMALL_PLANNED, known=left), sources, same
        ),
        _groups(sources, judged, plans),
        tuple(copies),
        tuple(s for s in sources if s not in held) if len(sources) > 1 else (),
        unite_on(worklist),
        lost,
        tuple((s, _refusal(worklist, places[s], judged[s])) for s in written.without),
    )


def _over_all(core: Core, sources: Sequence[str], same: Mapping[str, str]) -> Core:
    return replace(
        core,
        sources=tuple(s for s in sources if same[s] in core.sources),
        without=tuple(s for s in sources if same[s] in core.without),
    )


def _refusal(worklist: Worklist, place: Place, judged: Judged) -> Cause:
    """Return why not even a list without conditions is answered exactly there."""
    found = judge(with_filter(worklist, None), place)
    return (found.causes or judged.causes)[0]


def _groups(sources: Sequence[str], judged: Mapping[str, Judged], plans: Mapping[str, Plan]) -> tuple[Group, ...]:
    shared = tuple(s for s in sources if not mark_of(judged[s].effect, judged[s].severity))
    out = [Group(shared, True, "", ())] if shared else []
    rest: dict[tuple[object, ...], list[str]] = {}
    for source in sources:
        if source not in shared:
            made = plans[source]
            rest.setdefault((made.queries, verdict_name(made.as_planned)), []).append(source)
    for (_, verdict), members in rest.items():
        queries = tuple(brief(q) for q in plans[members[0]].queries)
        out.append(Group(tuple(members), False, str(verdict), queries))
    return tuple(out)


def brief(query: PlannedQuery) -> str:
    """Return a query on one line: its level, its keys, where their values come from, what is checked."""
    fed: dict[str, str] = {}
    for need in query.needs:
        fed[need.attribute] = f"{fed[need.attribute]} and {need.query}" if need.attribute in fed else need.query
    keys = [
        f"{k.dotted} from {fed[k.dotted]}" if k.dotted in fed else f"{k.path[-1].display}={','.join(wire_values(k))}"
        for k in query.keys
    ]
    model = standard.model(query.model)
    level = f" {query.level}" if model is None or len(model.levels) > 1 else ""
    text = f"{query.id}{level}: {', '.join(keys) or 'everything in the archive'}"
    if query.role == "subtract":
        text += f" (taken from {', '.join(query.of)})"
    if query.remaining != NOTHING:
        text += f"; check {text_of(query.remaining)}"
    return text

"""Plans of many worklists at many sources: what ``worklint plan`` shows, and the verdicts as planned of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from worklint.judge import Judged, judge, offers_model
from worklint.judge.place import Place
from worklint.model import Worklist
from worklint.plan import Plan, plan
from worklint.plan.enterprise import Copies, View, view
from worklint.plan.why import stays
from worklint.resolve import resolve
from worklint.rules.site import copies
from worklint.sources import Site, asked_sources, astuple_but_source, place_of
from worklint.syntax.parser import DEFAULT_LIMITS, Limits, parse
from worklint.syntax.tree import Document
from worklint.text import Text


def plan_all(
    site: Site, worklists: Sequence[Worklist], judged: Mapping[str, Mapping[str, Judged]] | None = None
) -> dict[str, dict[str, Plan]]:
    """Return the plan of each complete worklist at each source that it asks, by worklist id and source id.

    ``judged`` are the verdicts as written, where they are known already.
    """
    zone = site.enterprise.timezone if site.enterprise else None
    out: dict[str, dict[str, Plan]] = {}
    # Places are compared by identity, so that what is looked up at one serves every list that meets it alike.
    places: dict[tuple[str, str, str], Place] = {}
    for worklist in worklists:
        if not worklist.complete:
            continue
        done: dict[tuple[object, ...], Plan] = {}
        named = set(worklist.sources or ())
        mine = out.setdefault(worklist.id, {})
        for source in asked_sources(site, worklist):
            met = (source.id, worklist.model, worklist.purpose)
            place = places[met] if met in places else places.setdefault(met, place_of(site, source, worklist))
            if offers_model(place) is False and source.id not in named and not site.replaced:
                continue
            # Sources that are alike in all that planning looks at get the same plan.
            alike = astuple_but_source(place)
            if alike not in done:
                verdict = (judged or {}).get(worklist.id, {}).get(source.id) or judge(worklist, place)
                made = plan(worklist, place, verdict, zone=zone)
                done[alike] = replace(made, stays=stays(worklist, place, made, verdict))
            mine[source.id] = replace(done[alike], source=source.id)
    return out


def views_of(
    site: Site, worklists: Sequence[Worklist], judged: Mapping[str, Mapping[str, Judged]],
    plans: Mapping[str, Mapping[str, Plan]],
) -> dict[str, View]:  # fmt: skip
    """Return each complete worklist over all the sources that it asks, by worklist id (``plan.enterprise``)."""
    zone = site.enterprise.timezone if site.enterprise else None
    met: dict[tuple[str, str, str], Place] = {}
    alike: dict[tuple[object, ...], Place] = {}
    out: dict[str, View] = {}
    for worklist in worklists:
        asked = judged.get(worklist.id, {})
        if not asked:
            continue
        places: dict[str, Place] = {}
        for source in (s for s in site.sources if s.id in asked):
            key = (source.id, worklist.model, worklist.purpose)
            if key not in met:
                place = place_of(site, source, worklist)
                met[key] = alike.setdefault(astuple_but_source(place), place)
            places[source.id] = met[key]
        held = [Copies(ids, because) for ids, because in copies(site, worklist, list(places))]
        out[worklist.id] = view(worklist, places, asked, plans[worklist.id], held, zone)
    return out


def plans_of(
    texts: Sequence[Text],
    site: Site,
    today: date,
    *,
    shared: Sequence[Text] = (),
    documents: Sequence[Document] = (),
    now: datetime | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[tuple[Worklist, ...], dict[str, dict[str, Plan]]]:
    """Read worklists and plan them; a worklist that is not complete is in the first part of the answer only."""
    parsed = [*(parse(t, limits) for t in texts), *documents]
    resolved = resolve(
        parsed, [parse(t, limits) for t in shared], site.enterprise, site.vocabulary, today, now
    )  # fmt: skip
    return resolved.worklists, plan_all(site, resolved.worklists)

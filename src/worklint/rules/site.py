"""Facts of the enterprise that no list can help: one finding a project, with the worklists that suffer from it.

The facts are declared by product profiles (``facts``) and made true by the roles and links of the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from worklint.judge.cause import noun
from worklint.judge.place import lifted, place_fits
from worklint.knowledge.profile import SiteFact
from worklint.model import Finding, Severity, Worklist
from worklint.rules import default_severity
from worklint.sources import Site, Source, asked_sources, place_of

_SEEN = {
    "WL601": "A study read or corrected after it was fetched looks unread or uncorrected in its copies",
    "WL604": "A study can be read without images that were added elsewhere",
    "WL702": "Studies of other clusters stand on the list and cannot be dictated from it",
    "WL701": "Old studies can stand among the new ones, or new ones be missing among the priors",
}
_REMEDY = {
    "WL601": "ask the hub too and prefer its row, or link the clusters so that updates reach the copies",
    "WL604": "drop the study from the cache and query again before reading, or link the clusters' updates",
    "WL702": "keep one list for each cluster, read where the study can be dictated",
    "WL701": "set the preference new-studies-as-priors in the project file, and bound the lists by date",
}


def site_findings(site: Site, worklists: Sequence[Worklist]) -> tuple[Finding, ...]:
    """Return the facts of the site that make some of these worklists suffer, at the line of the hub."""
    out: list[Finding] = []
    for hub in (s for s in site.sources if s.role == "hub"):
        facts = [*hub.profile.facts, *(site.viewer.facts if site.viewer else ())]
        for fact in facts:
            concerned = [w for w in worklists if _suffers(site, hub, fact, w)]
            if concerned:
                out.append(_finding(site, hub, fact, concerned))
    return tuple(out)


def _holds(site: Site, hub: Source, fact: SiteFact, worklist: Worklist) -> bool:
    place = place_of(site, hub, worklist)
    if place_fits(fact.where, place) is not True:
        return False
    spokes = [s for s in site.group(hub) if s.role == "spoke"]
    pairs = [site.pair(a, b) for i, a in enumerate(spokes) for b in spokes[i + 1 :]]
    return not (pairs and lifted(fact.unless_pair, tuple(pairs)))


def _suffers(site: Site, hub: Source, fact: SiteFact, worklist: Worklist) -> bool:
    if worklist.purpose not in fact.purposes:
        return False
    members = {s.id for s in site.group(hub)}
    asked = [s for s in asked_sources(site, worklist) if s.id in members]
    if not asked or all(s.local for s in asked):
        return False
    return _holds(site, hub, fact, worklist)


def _finding(site: Site, hub: Source, fact: SiteFact, concerned: Sequence[Worklist]) -> Finding:
    names = ", ".join(f'"{w.name}"' for w in concerned[:6]) + (
        f" and {len(concerned) - 6} more" if concerned[6:] else ""
    )
    severity: Severity = default_severity(fact.rule)
    if fact.rule == "WL702" and any(w.purpose == "dictation" for w in concerned):
        severity = "error"
    members = tuple(s.id for s in site.group(hub))
    seen = _SEEN.get(fact.rule, "These lists cannot be relied on")
    message = f"{seen}: {fact.because}. Concerned: {names}."
    return Finding(
        fact.rule, severity, hub.span, message, fact.remedy or _REMEDY.get(fact.rule, ""), None, (), None, members
    )


def snapshot_findings(site: Site, worklist: Worklist, first: int, sources: Iterable[Source]) -> tuple[Finding, ...]:
    """Return infos on constraints over what can change afterwards, at spokes whose hub does not forward changes."""
    spokes: list[str] = []
    for source in sources:
        hub = next((s for s in site.group(source) if s.role == "hub"), None)
        if source.role != "spoke" or hub is None:
            continue
        if any(f.rule == "WL601" and _holds(site, hub, f, worklist) for f in hub.profile.facts):
            spokes.append(source.id)
    if not spokes or worklist.purpose in ("research", "teaching", "export"):
        return ()
    mutable = _mutable(site)
    out = []
    for index, (constraint, _) in enumerate(worklist.constraints):
        name = constraint.label or constraint.name
        if name.casefold() not in mutable:
            continue
        message = (
            f"{noun(worklist.level).capitalize()} fetched before a change of {constraint.name} keep the old value "
            "there: a copy is a snapshot."
        )
        out.append(
            Finding(
                "WL609", "info", constraint.span, message, "prefer the row of the source that owns the study",
                worklist.id, (first + index,), constraint.name, tuple(spokes),
            )
        )  # fmt: skip
    return tuple(out)


def _mutable(site: Site) -> Mapping[str, bool]:
    found: dict[str, bool] = {}
    for label in site.vocabulary.values():
        if label.mutable:
            found[label.label.casefold()] = True
            if label.attribute:
                found[label.attribute.casefold()] = True
    return found


def copies(site: Site, worklist: Worklist, sources: Sequence[str]) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return which of some sources can answer with the same study, and why, as far as the project says it."""
    out: list[tuple[tuple[str, ...], str]] = []
    for hub in (s for s in site.sources if s.role == "hub"):
        several = tuple(s.id for s in site.group(hub) if s.id in sources)
        if len(several) > 1:
            stale = any(f.rule == "WL601" and _holds(site, hub, f, worklist) for f in hub.profile.facts)
            because = (
                f"they belong to one hub ({hub.title or hub.id}), and what one fetches over it stays there as a copy"
            )
            if stale:
                because += ", which later changes do not reach: prefer the row of the source that owns the study"
            out.append((several, because))
    doors: dict[str, list[str]] = {}
    for source in site.sources:
        address = source.declared.address if source.declared else None
        if address is not None and source.id in sources:
            doors.setdefault(address.host.casefold(), []).append(source.id)
    out += [
        (tuple(ids), "they are reached at the same host: two doors of one archive answer with the same studies")
        for ids in doors.values()
        if len(ids) > 1
    ]
    return tuple(out)

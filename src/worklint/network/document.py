"""The record of a probe as a profile: statements, interactions, service facts, in the form that every profile has.

Only names of attributes, kinds, counts and statuses go in. A value of an entity never does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from worklint.knowledge import standard
from worklint.network import blank, crowded, negotiation, pages
from worklint.network.evidence import EXCLUDES, UNSEEN, Found
from worklint.network.interactions import Together
from worklint.network.meaning import ENDS, FAMILY, FIRST, FRACTION, TRAILING, WIDE
from worklint.network.measure import Measured, Slot
from worklint.network.pairs import CASED
from worklint.network.probe import Record
from worklint.network.subjects import subjects
from worklint.network.unsteady import unsteady

_LONG = 8
"""Attributes in one statement above which they become a named set."""
_DROPPED = frozenset({"padding", TRAILING})
"""Undecided ways of missing that a setting speaks of: to believe them would mark every text of every source."""
_SPACES = "leading-spaces"

_PATTERN: Slot = ("wildcard", "")
_IN_BYTES: dict[str, Any] = {
    "key": {"does": "also", "adds": ["other"]}, "evidence": "probe",
    "because": "not decidable here: whether a letter or two are found in the bytes of a two-byte character (ISO 2022)",
}  # fmt: skip
"""What holds of short patterns at a source of which nobody knows whether it compares bytes."""

_OTHER_FORMS = (("parent-list", "list-of-uid", "a list of UIDs"), ("parent-pattern", "wildcard", "a pattern"))

Json = dict[str, Any]


def slug(greeting_version: str, fallback: str) -> str:
    """Return an id for a product from the name that it announces."""
    found = re.sub(r"[^a-z0-9]+", "-", greeting_version.lower()).strip("-")
    return found or fallback


def profile_of(record: Record, date: str, name: str | None = None) -> Json:
    """Return the profile as it is written to a file (``worklint/profile/1``)."""
    greeting = record.greeting
    announced = " ".join(
        filter(None, (greeting.version, f"({greeting.implementation})" if greeting.implementation else ""))
    )
    sets: dict[str, list[str]] = {}
    statements = _statements(record, sets)
    notes = [*record.notes, *_notes(record)]
    out: Json = {
        "schema": "worklint/profile/1",
        "product": slug(name or greeting.version, "probed-source"),
        "name": announced or "a source without version name",
        "description": "measured by worklint probe",
        "transports": [record.transport],
        "models": [{"model": m, "transport": record.transport} for m in record.models],
        "measured": {
            "date": date, "queries": record.queries, "complete": not record.ended,
            "implementation-class-uid": greeting.implementation, "implementation-version-name": greeting.version,
        },
        "citations": {
            "probe": {
                "grade": "measured", "date": date,
                "citation": f"worklint probe of {announced or 'this source'}, {record.queries} queries",
            }
        },
    }  # fmt: skip
    if any(_SPACES in s["for"].get("setting", ()) for s in statements):
        out["settings"] = {_SPACES: {
            "values": ["true", "false"], "default": "false",
            "meaning": "texts are stored with spaces in front, which PS3.5 calls insignificant; "
                       "whether they count could not be decided of every attribute",
        }}  # fmt: skip
    found, lifts = _interactions(record, sets)
    if sets:
        out["sets"] = sets
    out["statements"] = statements
    if found:
        out["interactions"] = found
    if lifts:
        out["lifts"] = lifts
    service = _limits(record)
    if record.negotiation:
        service["negotiation"] = negotiation.told(record.negotiation)
    if service:
        out["service"] = service
    if notes:
        out["notes"] = notes
    return unsteady(out) if record.fickle else out


def text_of(profile: Json) -> str:
    """Return the profile as text: one record a line, so that a change can be read."""
    lines = []
    for key, value in profile.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = ",\n".join("    " + json.dumps(v, ensure_ascii=False) for v in value)
            lines.append(f"  {json.dumps(key)}: [\n{inner}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


# --- statements -------------------------------------------------------------------------------------------------------


def key_of(found: Found) -> Json:
    """Return what a statement says of the key."""
    if found.does == "applied":
        adds = _told(found.adds | found.open_adds)
        misses = _told(found.misses | (found.open_misses - _DROPPED))
        key: Json = {"does": "applied"}
        if adds:
            key["adds"] = _order({*adds, "absent"} if "empty" in adds else adds)
        if misses:
            key["misses"] = _order(misses)
        open_adds = adds - _told(found.adds)
        undecided = {
            "adds": open_adds | {"absent"} if "empty" in open_adds else open_adds,
            "misses": misses - _told(found.misses),
        }
        if any(undecided.values()):
            key["undecided"] = {name: _order(reasons) for name, reasons in undecided.items() if reasons}
        return key
    if found.does == "nothing":
        return {"does": "nothing", "misses": _order(_told(found.misses) or {"other"})}
    if found.does == "refused":
        return {"does": "refused", "status": found.status}
    if found.does == "unknown" and found.status and found.status not in (EXCLUDES, UNSEEN):
        return {"one-of": [
            {"does": "refused", "status": found.status},
            {"does": "applied", "adds": ["other"], "misses": ["other"]},
        ]}  # fmt: skip
    return {"does": found.does}


def _told(reasons: frozenset[str]) -> frozenset[str]:
    words = {
        WIDE: "charset",
        TRAILING: "padding",
        FIRST: "group",
        ENDS: "group",
        FRACTION: "value-format",
        FAMILY: "prefix",
    }
    return frozenset(words.get(r, r) for r in reasons)


def _order(reasons: Iterable[str]) -> list[str]:
    from worklint.model import REASONS

    return sorted(reasons, key=REASONS.index)


def because_of(found: Found) -> str:
    """Return in words what was seen, without any value."""
    text = found.why
    undecided = sorted(_told((found.open_adds | found.open_misses) - _DROPPED))
    if found.does == "applied" and undecided:
        names = ", ".join("empty values" if r == "empty" else r for r in undecided)
        text = f"what could be decided is; not decidable here, for want of values that would show it: {names}"
    elif found.does == "applied":
        text = "every pair came out as told"
    if found.does == "applied" and found.status == UNSEEN:
        text = (
            f"{found.why}; one that cannot exist brings nothing back, so what comes back does as to others of its kind"
        )
    return text


def _statements(record: Record, sets: dict[str, list[str]]) -> list[Json]:
    groups: dict[str, tuple[Json, dict[tuple[str, str], list[str]]]] = {}

    def add(place: tuple[str, str], name: str, where: Json, body: Json) -> None:
        key = json.dumps([where, body], sort_keys=True)
        groups.setdefault(key, ({"for": where, **body}, {}))[1].setdefault(place, []).append(name)

    # What was seen of a key of an upper level in another form than a single value is said of that form.
    forms = {(t.model, t.level, t.first, kind) for t in record.together for what, kind, _ in _OTHER_FORMS
             if t.what == what}  # fmt: skip
    for place, members in record.measured.items():
        for one in members.values():
            found = {s: f for s, f in one.found.items() if (*place, one.about.name, s[0]) not in forms}
            _of_attribute(place, replace(one, found=found), add)
            pattern = found.get(_PATTERN)
            if record.transport == "dimse" and one.about.vr in CASED and pattern and pattern.does == "applied":
                add(place, one.about.name, {"kind": "wildcard", "value": "short-inside"}, _IN_BYTES)
    for (model, level, vr), illegal in record.illegal.items():
        members = record.measured.get((model, level), {})
        for one in members.values():
            if one.about.vr == vr and one.found.get(("single", ""), Found("unknown")).does == "applied":
                seen = _as_others(one, illegal) if illegal.does == "applied" else illegal
                if one.found[("single", "")].status == UNSEEN and seen is illegal:
                    seen = Found("unknown", why=illegal.why)
                add((model, level), one.about.name, {"kind": "single", "value": "illegal"}, _body(seen, None))
    for model in record.models:
        for level in standard.model(model).levels:  # type: ignore[union-attr]
            if (model, level) in record.measured:
                _of_empty_keys(record, (model, level), add)
            if (model, level) in record.measured or record.ended:
                _of_unreached(record, (model, level), add)
    out = []
    for body, places in groups.values():
        out += _spread(body, places, sets)
    out += [_private(t) for t in record.together if t.what == "private" and t.does in ("ignored", "refused")]
    out += [
        {
            "for": {"model": t.model, "level": t.level, "attribute": t.first, "kind": kind},
            "key": _outcome(t),
            "because": f"{form} in place of the unique key of a level above {_WITHOUT[t.does]}",
            "evidence": "probe",
        }
        for t in record.together
        for what, kind, form in _OTHER_FORMS
        if t.what == what
    ]
    out += [_private_empty(t) for t in record.together if t.what == "private-empty"]
    out += [_undecided(t) for t in dict.fromkeys(record.together) if t.what == "undecided"]
    return out


def _as_others(one: Measured, illegal: Found) -> Found:
    """Return what is said of illegal values that nothing has: those that something has compare as others do, or wider.

    Small letters in a code are such values; how they compare is known only where they were asked for.
    """
    lower = one.found.get(("single", "has-lower"))
    usual = lower if lower is not None and lower.does == "applied" else one.found[("single", "")]
    unasked = frozenset({"case"}) - usual.adds if one.about.vr == "CS" and usual is not lower else frozenset()
    return replace(usual, open_adds=usual.open_adds | unasked, excluded=usual.excluded - {"+case"} if unasked else
                   usual.excluded, trials=illegal.trials, why=illegal.why)  # fmt: skip


def _of_attribute(place: tuple[str, str], one: Measured, add: Any) -> None:
    by_body: dict[str, tuple[Json, list[Slot]]] = {}
    every = dict(one.found)
    usual = every.get(_PATTERN)
    if usual is not None and WIDE in usual.adds | usual.misses | usual.open_adds | usual.open_misses:
        # How many characters a question mark stands for is no matter of patterns without one.
        every.setdefault(("wildcard", "question-mark"), usual)
        wide = frozenset({WIDE})
        every[_PATTERN] = replace(
            usual, adds=usual.adds - wide, misses=usual.misses - wide, open_adds=usual.open_adds - wide,
            open_misses=usual.open_misses - wide,
        )  # fmt: skip
    for slot, found in every.items():
        body = _body(found, one.returned)
        if found.sql:
            more = {**key_of(found)}
            more["adds"] = _order({*more.get("adds", ()), "other"})
            add(place, one.about.name, {"kind": slot[0], "value": "sql-wildcard"},
                {**body, "key": more, "because": "% and _ of the value are wild cards too"})  # fmt: skip
        by_body.setdefault(json.dumps(body, sort_keys=True), (body, []))[1].append(slot)
    spaced = sorted({kind for (kind, _), f in every.items() if f.does == "applied" and f.open_misses & _DROPPED})
    if spaced:
        also = {"key": {"does": "also", "misses": ["padding"]}, "evidence": "probe",
                "because": "not decidable here: whether a stored text with spaces at its ends is found"}  # fmt: skip
        add(place, one.about.name, {"kind": spaced, "setting": {_SPACES: "true"}}, also)
    for body, slots in by_body.values():
        plain = [kind for kind, value in slots if not value]
        if plain:
            add(place, one.about.name, {"kind": plain if len(plain) > 1 else plain[0]}, body)
        for kind, value in slots:
            if value:
                add(place, one.about.name, {"kind": kind, "value": value}, body)


def _body(found: Found, returned: str | None) -> Json:
    body: Json = {"key": key_of(found)}
    if returned not in (None, "unknown"):
        body["returned"] = returned
    return {**body, "because": because_of(found), "evidence": "probe"}


def _of_unreached(record: Record, place: tuple[str, str], add: Any) -> None:
    """Say of keys that the standard promises that this source was not seen to keep the promise."""
    for about in subjects(*place):
        if about.parent or not about.required or about.name in record.measured.get(place, {}):
            continue
        kinds = ["wildcard", "list-of-uid"] if about.unique else ["single", "wildcard", "range", "list-of-uid"]
        because = "not reached by the probe: whether it is compared as the standard asks was not seen"
        add(place, about.name, {"kind": kinds}, {"key": {"does": "unknown"}, "because": because, "evidence": "probe"})


def _of_empty_keys(record: Record, place: tuple[str, str], add: Any) -> None:
    harmful = record.harmful.get(place, {})
    found: Json
    if record.transport == "dicomweb":
        # What is only asked for goes out by includefield, which is no key (``_fields``).
        for seen in record.together:
            if seen.what == blank.BLANK and (seen.model, seen.level) == place:
                for name in seen.first.split(","):
                    add(place, name, {"kind": "universal"}, {**_blank(seen), "evidence": "probe"})
        return
    for about in subjects(*place):
        name = about.name
        where: Json = {"kind": "universal"}
        if name not in harmful:
            found = {"key": {"does": "applied"}, "because": "asked for without a value, it changes nothing"}
        elif harmful[name]:
            found = {"key": {"does": "refused", "status": harmful[name]},
                     "because": "even without a value the key fails the query"}  # fmt: skip
        else:
            found = {"key": {"does": "applied", "misses": ["other"]},
                     "because": "asked for without a value, it makes entities disappear"}  # fmt: skip
        add(place, name, where, {**found, "evidence": "probe"})


def _blank(seen: Together) -> Json:
    if seen.does == blank.FINE:
        return {"key": {"does": "applied"}, "because": "without a value, it changes nothing"}
    loses: Json = {"does": "applied", "misses": ["other"]}
    refused = {"does": "refused", **({"status": seen.status} if seen.status else {})}
    if seen.does == blank.UNKNOWN:
        return {"key": {"one-of": [refused, loses]}, "because": "other keys without a value are refused, or lose rows"}
    if seen.does == blank.REFUSED:
        return {"key": refused, "because": "without a value it fails the query"}
    return {"key": loses, "because": "without a value, it makes entities disappear"}


def _spread(body: Json, places: dict[tuple[str, str], list[str]], sets: dict[str, list[str]]) -> list[Json]:
    """Write one statement for all places that have the same attributes in it."""
    by_names: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for place, names in places.items():
        by_names.setdefault(tuple(sorted(set(names))), []).append(place)
    out = []
    for listed, where in by_names.items():
        by_level: dict[str, list[str]] = {}
        for model, level in where:
            by_level.setdefault(level, []).append(model)
        by_models: dict[tuple[str, ...], list[str]] = {}
        for level, models in by_level.items():
            by_models.setdefault(tuple(models), []).append(level)
        for models_together, levels in by_models.items():
            # A keyword goes before a set: what is said of some values must not be farther than what is said of all.
            apart = "value" in body["for"] and len(listed) > 1
            named = list(listed) if apart else _named(listed, sets)
            target: Json = {"model": list(models_together), "level": levels, "attribute": named}
            out.append({**body, "for": {**target, **body["for"]}})
    return out


def _named(names: tuple[str, ...], sets: dict[str, list[str]], long: int = _LONG) -> list[str] | str:
    if len(names) == 1:
        return names[0]
    if len(names) < long:
        return list(names)
    for known, members in sets.items():
        if members == list(names):
            return f"#{known}"
    name = f"s{len(sets) + 1}"
    sets[name] = list(names)
    return f"#{name}"


def _private(seen: Together) -> Json:
    key: Json = {"does": seen.does}
    if seen.status:
        key["status"] = seen.status
    return {
        "for": {"model": seen.model, "level": seen.level, "attribute": "*private", "kind": ["single", "wildcard"]},
        "key": key, "because": "a private key that nobody can know was asked for", "evidence": "probe",
    }  # fmt: skip


def _undecided(seen: Together) -> Json:
    found = Found("unknown", status=seen.status)
    because = "every query failed" if seen.status else "nothing can be told from the answers"
    return {
        "for": {"model": seen.model, "level": seen.level, "attribute": "*"}, "key": key_of(found), "because": because,
        "evidence": "probe",
    }  # fmt: skip


def _private_empty(seen: Together) -> Json:
    outcomes: dict[str, Json] = {
        "refused": {"does": "refused", "status": seen.status}, "harmless": {"does": "applied"},
        "loses": {"does": "applied", "misses": ["other"]},
    }  # fmt: skip
    return {
        "for": {"model": seen.model, "level": seen.level, "attribute": "*private", "kind": "universal"},
        "key": outcomes[seen.does],
        "because": "a private key was asked for without a value", "evidence": "probe",
    }  # fmt: skip


# --- interactions -----------------------------------------------------------------------------------------------------


def _interactions(record: Record, sets: dict[str, list[str]]) -> tuple[list[Json], list[Json]]:
    found: list[Json] = []
    lifts: list[Json] = []
    beside: dict[tuple[str, str, str], list[str]] = {}
    below: dict[tuple[str, str], list[Together]] = {}
    for seen in record.together:
        where = {"model": seen.model, "level": seen.level}
        if seen.what == "date-time":
            lifts_too, one = _date_time(seen, where, record.transport)
            lifts += lifts_too
            found += one
        elif seen.what == "beside":
            if seen.does == "refused":
                continue
            beside.setdefault((seen.model, seen.level, seen.first), []).append(seen.second)
        elif seen.what == "one-series":
            below.setdefault((seen.model, seen.level), []).append(seen)
        elif seen.what == "undecided" and seen.status:
            # That no query was answered holds of those without a key as well.
            found.append({
                "id": f"undecided-{seen.model}-{seen.level}", "for": where, "when": {},
                "then": {"query": key_of(Found("unknown", status=seen.status))},
                "because": "every query failed", "evidence": "probe",
            })  # fmt: skip
    for (model, level, first), seconds in beside.items():
        found.append({
            "id": f"beside-{first}-{model}-{level}", "for": {"model": model, "level": level},
            "when": {"all": [first], "any": seconds},
            "then": {"replace": [{"for": {"attribute": seconds}, "key": {"does": "ignored"}}]},
            "because": "beside that key the other is not looked at", "evidence": "probe",
        })  # fmt: skip
    found += _parents(record)
    below_top = {(t.model, t.level) for t in record.together if t.what == "parent"}
    lifts += [
        {"lifts": "parents-required", "for": {"model": model, "level": level}, "evidence": "probe",
         "because": "what becomes of a query without the unique keys of the levels above was measured"}
        for model, level in sorted(below_top)
    ]  # fmt: skip
    found += _fields(record, sets)
    found += _steps(record)
    found += _woken(record)
    found += crowded.told(record.together)
    found += _two_below(record, below)
    return found, lifts


def _fields(record: Record, sets: dict[str, list[str]]) -> list[Json]:
    """Write which attributes a search must not ask for in its answer (``includefield``, PS3.18 8.3.4.3)."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for (model, level), harmful in record.harmful.items() if record.transport == "dicomweb" else ():
        for name, status in harmful.items():
            groups.setdefault((model, level, status), []).append(name)
    return [
        {"id": f"field-{number}", "for": {"model": model, "level": level},
         "when": {"returns": [_named(tuple(sorted(names)), sets, 2)]},
         "then": {"query": {"does": "refused", "status": status} if status else
                  {"does": "applied", "misses": ["other"]}},
         "because": f"to ask for it in the answer {'fails the query' if status else 'makes entities disappear'}",
         "evidence": "probe"}
        for number, ((model, level, status), names) in enumerate(groups.items(), 1)
    ]  # fmt: skip


def _steps(record: Record) -> list[Json]:
    """Write what comes back of an order with several scheduled steps of which one was asked for."""
    out: list[Json] = []
    for seen in record.together:
        if seen.what != "steps":
            continue
        names = [a.name for a in subjects(seen.model, seen.level) if len(a.path) > 1]
        key: Json = {"does": "applied"}
        if seen.does != "misses":
            key["adds"] = ["other"]
        if seen.does != "adds":
            key["misses"] = ["other"]
        out.append({
            "id": f"steps-{seen.model}", "for": {"model": seen.model, "level": seen.level}, "when": {"any": names},
            "then": {"query": key}, "evidence": "probe",
            "because": "of an order with several scheduled steps not just the one that was asked for comes back",
        })  # fmt: skip
    return out


def _limits(record: Record) -> Json:
    """Write what limits every answer, and what every query has to name."""
    out: Json = {}
    for seen in record.together:
        where = {"model": seen.model, "level": seen.level}
        if seen.what == "cap":
            refuses = seen.does == "refuses"
            because = (
                "a query without keys fails, and one that finds nothing does not" if refuses
                else f"without a limit of the client's {seen.first} rows come, and there are more entities"
                if record.transport == "dicomweb"
                else f"different queries bring {seen.first} rows, none more, though there are more entities"
            )  # fmt: skip
            cap: Json = {"for": where, "rows": int(seen.first), "signalled": bool(seen.status),
                         "paging": seen.second == pages.PAGES}  # fmt: skip
            more = {"refuses": True} if refuses else {}
            out.setdefault("cap", []).append({**cap, **more, "because": because, "evidence": "probe"})
        elif seen.what == "wants":
            because = "a query that names none of these fails; others were not tried"
            out.setdefault("selectors", []).append(
                {"for": where, "any-of": seen.first.split(","), "because": because, "evidence": "probe"}
            )
    return out


_WITHOUT = {
    "refused": "fails the query", "nothing": "brings nothing back", "mixed": "brings other entities back than with it",
}  # fmt: skip


def _parents(record: Record) -> list[Json]:
    """Write what becomes of a query in which a level above is not named, or not by a single value."""
    out: list[Json] = []
    for seen in record.together:
        if seen.what not in ("parent", "parent-empty") or seen.does == "relational":
            continue
        names = [seen.first] if seen.first else seen.second.split(",")
        when: Json = {"none": ["*parent-uid", *names]}
        because = f"to leave out {' and '.join(names)} {_WITHOUT[seen.does]}"
        if seen.what == "parent-empty":
            when = {"none": ["*parent-uid"], "returns": names}
            because = f"{names[0]} without a value {_WITHOUT[seen.does]}"
        where = {"model": seen.model, "level": seen.level}
        out.append({"id": f"{seen.what}-{'-'.join([*names, seen.model, seen.level])}", "for": where, "when": when,
                    "then": {"query": _outcome(seen)}, "because": because, "evidence": "probe"})  # fmt: skip
    return out


def _outcome(seen: Together) -> Json:
    outcomes: dict[str, Json] = {
        "refused": {"does": "refused", "status": seen.status}, "nothing": {"does": "nothing", "misses": ["other"]},
        "mixed": {"does": "applied", "adds": ["other"], "misses": ["other"]},
    }  # fmt: skip
    return outcomes[seen.does]


def _date_time(seen: Together, where: Json, transport: str) -> tuple[list[Json], list[Json]]:
    is_combined = transport == "dicomweb" or standard.model(seen.model).worklist  # type: ignore[union-attr]
    because = "a date range and a time range are one interval" if seen.does == "interval" else "two windows, one by one"
    if seen.does == "windows":
        lift = {"lifts": "date-time-interval", "for": where, "because": because, "evidence": "probe"}
        return ([lift] if is_combined else []), []
    query: Json = {"does": "applied", "adds": ["interval"], "misses": ["interval"]}
    if seen.does == "refused":
        query, because = {"does": "refused"}, "a date range beside a time range fails the query"
    if seen.does == "interval" and is_combined:
        return [], []
    return [], [{"id": f"date-time-{seen.model}-{seen.level}", "for": where, "when": {"date-and-time": True},
                 "then": {"query": query}, "because": because, "evidence": "probe"}]  # fmt: skip


def _woken(record: Record) -> list[Json]:
    """Write what a key that is answered with nothing does beside others: it is looked at, in a way of its own."""
    by_place: dict[tuple[str, str], set[str]] = {}
    for seen in record.together:
        if seen.what == "woken":
            by_place.setdefault((seen.model, seen.level), set()).add(seen.first)
    out = []
    for (model, level), wakers in by_place.items():
        silent = sorted(
            name for name, m in record.measured.get((model, level), {}).items()
            if m.found.get(("single", ""), Found("unknown")).does == "nothing"
        )  # fmt: skip
        out.append({
            "id": f"woken-{model}-{level}", "for": {"model": model, "level": level},
            "when": {"any": sorted(wakers), "two-or-more": [*sorted(wakers), *silent]},
            "then": {"replace": [
                {"for": {"attribute": silent}, "key": {"does": "applied", "adds": ["other"], "misses": ["other"]}}
            ]},
            "because": "answered with nothing alone, and looked at beside that key", "evidence": "probe",
        })  # fmt: skip
    return out


def _two_below(record: Record, below: dict[tuple[str, str], list[Together]]) -> list[Json]:
    out: list[Json] = []
    for place, members in record.measured.items():
        levels = standard.model(place[0]).levels  # type: ignore[union-attr]
        names = [
            m.about.name for m in members.values()
            if m.about.home in levels and levels.index(m.about.home) > levels.index(place[1])
            and m.found.get(("single", ""), Found("unknown")).does == "applied"
        ]  # fmt: skip
        seen = below.get(place, [])
        if len(names) < 2 or (seen and all(t.does == "independent" for t in seen)):
            continue
        because = (
            "two keys of lower entities have to hold in one and the same" if seen
            else "not decidable here: no entity shows whether two keys of lower entities may hold in two of them"
        )  # fmt: skip
        out.append({
            "id": f"two-below-{place[0]}-{place[1]}", "for": {"model": place[0], "level": place[1]},
            "when": {"two-or-more": names}, "then": {"query": {"does": "applied", "misses": ["one-series"]}},
            "because": because, "evidence": "probe",
        })  # fmt: skip
    return out


def _notes(record: Record) -> list[str]:
    notes = []
    if record.ended:
        notes.append(f"The measurement ended early: {record.ended}. What is not stated was not reached.")
    if record.not_offered:
        notes.append(f"Not offered: {', '.join(record.not_offered)}.")
    taken = sum(1 for place in record.measured.values() for m in place.values() if m.taken_over)
    if taken:
        notes.append(f"{taken} attributes of a second model answered two pairs as in the first, and were taken over.")
    undecided = [
        f"{name} ({model}, {level})" for (model, level), place in record.measured.items() for name, m in place.items()
        if m.found.get(("single", ""), Found("applied")).status in (EXCLUDES, UNSEEN)
    ]  # fmt: skip
    if undecided:
        notes.append(
            f"Not decidable here, because no entity shows a value: {', '.join(undecided[:40])}"
            f"{' and others' if len(undecided) > 40 else ''}."
        )
    open_padding = any(
        "padding" in f.open_misses
        for place in record.measured.values()
        for m in place.values()
        for f in m.found.values()
    )
    if open_padding:
        notes.append(
            "Whether stored texts with leading spaces are found could not be decided for every attribute: where there "
            f"are such texts, tell it by the setting {_SPACES}."
        )
    return notes

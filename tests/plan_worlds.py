"""Where plans are tried: random filters at random sources with random archives, each with a name that brings it back.

A world is named ``SEED.NUMBER``. What the draw has to hold is told by ``WANTED``; a test counts it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from worklint.judge.place import Place
from worklint.knowledge import products
from worklint.knowledge.products import at_release
from worklint.knowledge.profile import Profile
from worklint.knowledge.profile_reader import read_profile
from worklint.model import Any as AnyOf
from worklint.model import Filter, Has, Test, Worklist
from worklint.oracle import worlds
from worklint.oracle.matcher import Entity, leaves
from worklint.oracle.soundness import PARAMETERS, _spoken_of, drawn_place, read, shipped_profile
from worklint.record import replace

FILTERS, ARCHIVES = 8, 3
SHIPPED = 0.25
OPTIONS = 0.35
LEVELS = (
    ("study", "study-root"), ("study", "study-root"), ("study", "study-root"), ("study", "study-root"),
    ("study", "study-root"), ("study", "patient-root"), ("series", "study-root"), ("series", "study-root"),
    ("image", "study-root"), ("patient", "patient-root"), ("worklist-item", "modality-worklist"),
    ("worklist-item", "modality-worklist"), ("workitem", "unified-procedure-step"),
)  # fmt: skip
ZONES = ("Europe/Brussels", "America/New_York", "Asia/Tokyo", "UTC")
_ARCHIVES = {
    "study-root": worlds.archive, "patient-root": worlds.patients, "modality-worklist": worlds.schedule,
    "unified-procedure-step": worlds.workitems,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One filter at one source with one archive: all that is needed to run it again.

    ``content`` and ``release`` tell what the profile was read from, where it was drawn; ``zone`` is the source's.
    """

    name: str
    text: str
    place: Place
    archive: tuple[Entity, ...]
    parameters: tuple[tuple[str, str], ...] = (("user", "SM*"),)
    zone: str | None = None
    bound: int = 64
    content: Mapping[str, Any] | None = None
    release: str | None = None


@dataclass(frozen=True)
class Drawn:
    """One filter of a world, with the cases that differ in their archive alone."""

    worklist: Worklist
    cases: tuple[Case, ...]


def viewer() -> Profile:
    found = products.profile("impax-client", None)
    assert found is not None
    return found.profile


def profile_of(content: Mapping[str, Any], release: str | None) -> Profile:
    return at_release(read_profile(content), release).profile


THEMES = (
    *("nothing",) * 3, *("limits",) * 2, *("interactions",) * 3, *("keeping",) * 2, *("moments",) * 2, "labels",
    "hides",
)  # fmt: skip
# A value that may be an earlier one.
_BEHIND = {
    "StudyStatusID": ["NEW", "READ"], "ProcedureStepState": ["SCHEDULED", "IN PROGRESS", "COMPLETED"],
    "ScheduledProcedureStepSequence.ScheduledProcedureStepStatus": ["SCHEDULED", "ARRIVED", "STARTED"],
}  # fmt: skip


def _plain(rng: Random, level: str) -> dict[str, Any]:
    """A source that does what it is asked but for a few attributes that it ignores: what a plan says of it is exact."""
    names = worlds.names_at(level)
    whole = {"returned": "whole", "absent-means-absent": True, "evidence": "good"}
    ignored = rng.sample(names, rng.randint(1, len(names) // 3))
    statements: list[dict[str, Any]] = [
        {"for": {"attribute": "*"}, "key": {"does": "applied"}, **whole},
        {"for": {"attribute": ignored}, "key": {"does": "ignored"}, **whole},
    ]
    if rng.random() < 0.5:
        lower = rng.choice(({"does": "ignored"}, {"does": "nothing"}, {"does": "refused"}))
        statements.append({"for": {"attribute": "*lower"}, "key": lower, "evidence": "good",
                           **rng.choice(({}, {"returned": "no"}, {"returned": "part"}))})  # fmt: skip
    return {
        "product": "drawn", "name": "Drawn", "releases": ["1", "2"], "transports": ["dimse", "dicomweb"],
        "settings": {}, "citations": {"good": {"grade": "code", "citation": "drawn"},
                                      "weak": {"grade": "assumed", "citation": "drawn"}},
        "statements": statements, "interactions": [], "keeping": [],
        "lifts": [{"lifts": "parents-required", "evidence": "good"}] if rng.random() < 0.6 else [], "service": {},
    }  # fmt: skip


def _content(rng: Random, level: str, calm: bool, theme: str, hot: list[str]) -> dict[str, Any]:
    """A random profile that also says how attributes come back, what it grants, and more of its theme.

    ``hot`` are the attributes that its filters ask for most.
    """
    plain = rng.random() < 0.55
    content = _plain(rng, level) if plain else worlds.profile(rng, level, calm)
    names = worlds.names_at(level)
    statements, service = content["statements"], content["service"]

    def said(attribute: Any, returned: str, flagged: bool) -> None:
        statements.append({"for": {"attribute": attribute}, "returned": returned, "absent-means-absent": flagged,
                           "evidence": "good"})  # fmt: skip

    general = None if plain else rng.choice(("whole",) * (6 if calm else 2) + ("part", "other", "no", None))
    if general:
        said("*", general, rng.random() < (0.8 if calm else 0.5))
    for _ in range(0 if plain else rng.randint(0, 1) if calm else rng.randint(1, 3)):
        said(rng.sample(names, 6), rng.choice(("whole", "whole", "part", "other")), rng.random() < 0.5)
    if not plain and rng.random() < 0.3:
        of_level = level if level in ("worklist-item", "workitem") else rng.choice(("study", "series", "image"))
        does = rng.choice(("applied", "applied", "ignored", "nothing", "refused"))
        statements.append({"for": {"attribute": rng.sample(names, 4), "level": of_level}, "key": {"does": does},
                           "evidence": "good"})  # fmt: skip
    if theme == "moments" or rng.random() < 0.2:
        pairs = [n for n in names if re.search(r"(Study|Series|StepStart)(Date|Time)$", n)]
        adds = rng.choice(([], [], ["empty"], ["absent"]))
        # Who takes date and time for one moment does not take them for two windows.
        content["lifts"] = [x for x in content["lifts"] if x["lifts"] != "date-time-interval"]
        for kind in ("datetime", "range"):
            if pairs and (kind == "datetime" or rng.random() < 0.3):
                statements.append({"for": {"attribute": pairs, "kind": kind}, "key": {"does": "applied", "adds": adds},
                                   "evidence": "good"})  # fmt: skip
    if theme == "interactions":
        content["interactions"] += _interactions(rng, hot)
    if theme == "keeping":
        behind = {n: order for n, order in _BEHIND.items() if n in names}
        for name, order in behind.items():
            content["keeping"].append({"for": {"attribute": name}, "gives": {"behind": order}, "evidence": "good"})
        hot[:0] = behind
        for n, gives in enumerate(rng.sample(("faithful", "partial", "some-values", "never", "wrong", "unknown"), 2)):
            content["keeping"].append({"for": {"attribute": hot[n : n + 2]}, "gives": gives, "evidence": "good"})
    if theme == "limits":
        cap = {"rows": rng.randint(1, 3), "signalled": rng.random() < 0.5, "paging": rng.random() < 0.3,
               "before-filter": rng.random() < 0.3, "evidence": "good",
               "for": {"level": rng.choice(("series", "image"))} if rng.random() < 0.4 else {}}  # fmt: skip
        service["cap"] = [cap]
        if rng.random() < 0.3:
            wanted = [*hot[:2], {"key": hot[2], "at-least": 3}]
            service["selectors"] = [{"any-of": wanted, "evidence": rng.choice(("good", "good", "weak"))}]
    if theme == "hides":
        name, values = rng.choice((("Modality", ["CT", "SR"]), ("BodyPartExamined", ["CHEST"]), (hot[0], ["M", "1"])))
        service["hides"] = [{"what": "some", "attribute": name, "values": values, "evidence": "good",
                             "for": {"level": "series"} if rng.random() < 0.7 else {}}]  # fmt: skip
    service["negotiation"] = {
        option: rng.choice(("yes", "yes", "yes" if theme == "moments" else "no"))
        for option in ("relational-queries", "combined-date-time") if rng.random() < 0.8
    }  # fmt: skip
    if level in ("series", "image", "study") and rng.random() < 0.3:
        content["lifts"] = [*content["lifts"], {"lifts": "parents-required", "evidence": "good"}]
    return content


def _options(rng: Random, content: dict[str, Any], level: str) -> None:
    """Let a source know empty values, or several, where that is asked for: of its own negotiation, or in a search."""
    told: tuple[Any, ...] = (
        "yes", "no", [{"granted": True, "evidence": "good"}],
        [{"granted": True, "for": {"transport": rng.choice(("dimse", "dicomweb", "dicomweb"))}, "evidence": "good"}],
    )  # fmt: skip
    names = [n for n in worlds.names_at(level) if "." not in n and "(" not in n]
    for option, kind in (("empty-value-matching", "empty"), ("multiple-value-matching", "multiple")):
        content["service"].setdefault("negotiation", {})[option] = rng.choice(told)
        adds = rng.choice(([], [], ["case"], ["empty"])) if kind == "multiple" else rng.choice(([], [], ["other"]))
        key = {"does": "applied", "adds": adds}
        content["statements"].append({"for": {"attribute": names, "kind": kind}, "key": key, "evidence": "good"})


def _interactions(rng: Random, hot: list[str]) -> Iterator[dict[str, Any]]:
    """Interactions among the attributes that filters ask for, most of them such as a plan may live with."""
    effects = (
        {"does": "applied", "adds": ["other"]}, {"does": "applied", "adds": ["case"]},
        {"does": "applied", "adds": ["prefix", "empty"]}, {"does": "ignored"},
        {"does": "applied", "misses": ["other"]}, {"does": "applied", "misses": ["one-series"]}, {"does": "unknown"},
    )  # fmt: skip
    new = {"for": {"attribute": hot}, "key": rng.choice(effects[:4])}
    whens = ({"all": [hot[0]]}, {"any": hot[:2]}, {"none": [hot[0]]}, {"returns": [hot[0]]}, {"two-or-more": hot})
    for n, when in enumerate(rng.sample(whens, 2)):
        then = rng.choice(({"replace": [new]}, {"query": rng.choice(effects)}, {"query": effects[n]}))
        yield {"id": f"hot{n}", "when": when, "then": then, "because": f"hot{n}", "evidence": "good"}


def drawn(seed: int, number: int) -> Iterator[Drawn]:
    """Yield the filters of one world; the same for the same name."""
    rng = Random(f"plan.{seed}.{number}")
    level, model = rng.choice(LEVELS)
    calm, theme = rng.random() < 0.5, rng.choice(THEMES)
    content, release = None, None
    names = worlds.names_at(level)
    if theme == "interactions":
        # They show where their attributes meet in one query.
        names = [n for n in names if n in worlds.POOLS.get(level, {}) or "." in n]
    hot = [n for n in rng.sample(names, min(9, len(names))) if "UID" not in n][:4]
    if theme in ("moments", "limits") and rng.random() < 0.8:
        hot[: 2 if theme == "limits" else 4] = [n for n in names if re.search(r"(StudyDate|StartDate)", n)][:2] or hot[
            :2
        ]
    if rng.random() < (SHIPPED if theme != "labels" else 0):
        whole = shipped_profile(rng)
        hot = list(_spoken_of(whole)) if rng.random() < 0.5 else hot
    else:
        content, release = _content(rng, level, calm, theme, hot), rng.choice(("1", "2"))
        options = Random(f"options.{seed}.{number}")
        if options.random() < OPTIONS:
            _options(options, content, level)
        whole = profile_of(content, release)
    place = replace(drawn_place(rng, whole, level, calm), model=model)
    if theme == "labels" and level == "study":
        place = replace(place, viewer=viewer())
    near = tuple(n.rpartition(".")[2] for n in hot)
    source_zone = rng.choice((None, None, *ZONES))
    archives = [_ARCHIVES[model](rng) for _ in range(ARCHIVES)]
    for n in range(FILTERS):
        writer = worlds.Filters(
            rng, level, labels=place.viewer is not None and level == "study", parameters=rng.random() < 0.5, calm=calm,
            near=near if theme in ("interactions", "moments") or rng.random() < 0.6 else (), wide=True,
            zone=rng.choice(ZONES) if source_zone and rng.random() < 0.6 else None,
        )  # fmt: skip
        text = writer.worklist(model)
        worklist = read(text)
        bound = rng.choice((64, 64, 64, 2, 4))
        if worklist is None:
            continue
        yield Drawn(worklist, tuple(
            Case(f"{seed}.{number}.{n}.{i}", text, place, archive, (("user", rng.choice(PARAMETERS)),), source_zone,
                 bound, content, release)
            for i, archive in enumerate(archives)
        ))  # fmt: skip


# --- what a run has to hold -------------------------------------------------------------------------------------------

_OPERATORS = {
    "=": r" = (?!\$)", "!=": r" != ", "in": r"(?<!not) in \(", "not in": r" not in \(", "<": r" < ", "<=": r" <= ",
    ">": r" > ", ">=": r" >= ", "between": r" between ", "like": r"(?<!not) like ", "not like": r" not like ",
    "contains": r" contains ", "starts with": r" starts with ", "ends with": r" ends with ",
    "is empty": r" is empty", "is not empty": r" is not empty", "has": r" has \(", "has all": r" has all \(",
    "ignoring case": r" ignoring case", "ignoring accents": r" ignoring (case )?accents",
    "within": r" within ", "sounds like": r" sounds like ", "older than": r" older than ",
    "today": r" (today|yesterday|tomorrow)",
    "a parameter": r"\$user", "a named filter": r"\bf1\b(?! \{)", "a date and time pair": r"Date, [\w.]*Time\) ",
    "a private attribute": r"\(0029,xx10", "a label": r'"Study status"', "not ( … )": r"not \(", "show": r"^ +show ",
    "a list's own zone": r"^ +timezone ",
}  # fmt: skip


def _without_texts(text: str) -> str:
    return re.sub(r'"(?!Study status"|ACME")(?:\\.|[^"\\])*"', '""', text)


def _nesting(node: Filter) -> Iterator[str]:
    if isinstance(node, Test):
        if len(node.constraint.path) > 1:
            yield "filter: a path through a sequence"
        return
    if isinstance(node, Has):
        yield f"filter: {'not ' if node.negated else ''}{node.scope} has"
        inner = [node.filter]
    else:
        inner = list(node.parts)
    for part in inner:
        kinds = {Has: "has", AnyOf: "or"}
        if not isinstance(part, Test):
            yield f"filter: {kinds.get(type(part), 'and')} inside {kinds.get(type(node), 'and')}"
        yield from _nesting(part)


def features(worklist: Worklist, case: Case, printed: Mapping[str, Any]) -> set[str]:
    """Return what a case tries, as far as filter, place and plan tell it."""
    place = case.place
    plain = _without_texts(case.text)
    out = {f"operator: {name}" for name, form in _OPERATORS.items() if re.search(form, plain, re.MULTILINE)}
    out |= set(_nesting(worklist.filter))
    out |= {f"level: {worklist.level}", f"model: {worklist.model}", f"transport: {place.transport}"}
    out.add("source: drawn" if case.content else "source: of the database")
    out |= {f"source: {word}" for word, there in (
        ("hub or spoke", place.role != "standalone"), ("a viewer's own", place.own), ("settings told", place.settings),
    ) if there}  # fmt: skip
    if case.zone and worklist.timezone:
        out.add(f"zone: {'another one' if case.zone != worklist.timezone else 'the same'}")
    for test in leaves(worklist.filter):
        c = test.constraint
        if c.attribute_level not in (None, worklist.level):
            out.add(f"filter: asks of a {'lower' if _below(worklist, c.attribute_level) else 'higher'} level")
        if c.relative and case.zone and worklist.timezone and case.zone != worklist.timezone:
            out.add("zone: a relative date in another one")
        if any('"' in v.text or "\\" in v.text for v in c.values):
            out.add("filter: a value with an escape")
    queries = printed["queries"]
    for query in queries:
        out.add(f"plan: a query of role {query['role']}")
        out |= {f"plan: fed {'one by one' if n['each'] else 'as lists'}" for n in query["needs"]}
        out |= {f"plan: {'asks for' if 'url' in query else 'negotiates'} {n}" for n in query["negotiation"]}
        if query["cap"]:
            way = "pages" if query["cap"]["paging"] else "a range to halve" if query["cap"]["split"] else "a limit"
            out.add(f"plan: {way}")
        if query["remaining"]:
            out.add("plan: a check" + (" with `or`" if " or " in query["remaining"] else ""))
        if query.get("unchecked"):
            out.add("plan: what nothing can decide")
    answers = [q for q in queries if q["role"] == "answer"]
    if len({q["remaining"] for q in answers}) > 1:
        out.add("plan: branches with other checks")
    out |= {f"plan: {word}" for word, sign in (
        ("a disjunction kept whole", "not sent, but checked"), ("the whole archive", "whole archive"),
        ("a selector is wanted", "in every query"),
    ) if any(sign in n for n in printed["notes"])}  # fmt: skip
    return out


def _below(worklist: Worklist, level: str | None) -> bool:
    order = ("patient", "study", "series", "image")
    return level in order and worklist.level in order and order.index(level) > order.index(worklist.level)


NEVER_ZERO: dict[str, tuple[str, ...]] = {
    "a key of the filter": (
        "also", "key applied, nobody told", "key applied, stated", "key coin, nobody told", "key coin, stated",
        "key ignored, nobody told", "key ignored, stated", "key nothing, nobody told", "key nothing, stated",
        "key refused, nobody told", "key refused, stated", "one-of", "setting nobody told", "unknown",
    ),
    "filter": (
        "a path through a sequence", "a value with an escape", "and inside has", "and inside or",
        "asks of a higher level", "asks of a lower level", "has inside and", "has inside has", "has inside or",
        "image has", "item has", "not image has", "not item has", "not series has", "or inside and", "or inside has",
        "series has", "study has",
    ),
    "level": (
        "image", "patient", "series", "study", "workitem", "worklist-item",
    ),
    "model": (
        "modality-worklist", "patient-root", "study-root", "unified-procedure-step",
    ),
    "operator": (
        "!=", "<", "<=", "=", ">", ">=", "a date and time pair", "a label", "a list's own zone", "a named filter",
        "a parameter", "a private attribute", "between", "contains", "ends with", "has", "has all",
        "ignoring accents", "ignoring case", "in", "is empty", "is not empty", "like", "not ( … )", "not in",
        "not like", "older than", "show", "sounds like", "starts with", "today", "within",
    ),
    "plan": (
        "a check", "a check with `or`", "a disjunction kept whole", "a limit", "a query of role answer",
        "a query of role feeds", "a query of role subtract", "a range to halve", "a selector is wanted",
        "asks for empty-value-matching", "asks for multiple-value-matching", "branches with other checks",
        "fed as lists", "fed one by one", "negotiates combined-date-time", "negotiates relational-queries",
        "pages", "the whole archive", "what nothing can decide",
    ),
    "source": (
        "a check drops a row", "a check keeps a row", "a limit that cannot be paged", "a range halved",
        "a viewer's own", "all pages", "also", "cap before the last key", "cap cuts, silent", "cap cuts, told",
        "cap refuses", "combined-date-time", "date and time as one moment", "drawn", "hides", "hub or spoke",
        "interaction on the query, when all", "interaction on the query, when any",
        "interaction on the query, when date and time", "interaction on the query, when none",
        "interaction on the query, when returns", "interaction on the query, when two or more",
        "interaction replaces, when all", "interaction replaces, when any", "interaction replaces, when none",
        "keeping behind", "keeping faithful", "keeping never", "keeping partial", "keeping some-values",
        "keeping unknown", "keeping wrong", "key applied, nobody told", "key applied, stated", "key ignored, stated",
        "of the database", "one-of", "relational-queries", "returned no", "returned no, absent means absent",
        "returned other", "returned other, absent means absent", "returned part",
        "returned part, absent means absent", "returned unknown", "returned whole",
        "returned whole, absent means absent", "selector met", "selector missing", "setting nobody told",
        "settings told", "unknown",
    ),
    "transport": (
        "dicomweb", "dimse",
    ),
    "zone": (
        "a relative date in another one", "another one", "the same",
    ),
}  # fmt: skip
"""What 20,000 cases have to try: of filters, places and plans, and of what came to bear at the sources."""

"""Is a prediction ever contradicted? Random worlds, the judge, the simulated source and the reference matcher together.

A *case* is one filter judged at one place, one archive, one character of the source. It is sound if everything that
happened was allowed, and precise in a direction if what was allowed happens in some of the runs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import Any as Anything

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from worklint.judge import Judged, judge, verdict_name
from worklint.judge.place import Place
from worklint.knowledge import labels as label_files
from worklint.knowledge import products
from worklint.knowledge.products import at_release
from worklint.knowledge.profile import Profile
from worklint.knowledge.profile_reader import read_profile
from worklint.model import SPELLING, All, Any, Constraint, Filter, Has, Test, Worklist
from worklint.oracle import client, matcher, worlds
from worklint.oracle.matcher import Entity
from worklint.oracle.reading import AmbiguousProfileError
from worklint.oracle.simulated import Answer, SimulatedSource
from worklint.oracle.wire import TEXTS
from worklint.resolve import resolve
from worklint.syntax.parser import parse
from worklint.text import Text

TODAY = date(2026, 1, 3)
PARAMETERS = ("SMITH^JOHN", "Smith", "", "SM*", "MÜLLER^EVA", "SMITH^JOH?")


@dataclass(frozen=True, slots=True)
class Case:
    """One filter at one place, with all that is needed to run it again."""

    text: str
    place: Place
    archive: tuple[Entity, ...]
    seed: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was predicted and what happened. ``wrong`` names the contradictions; empty: sound."""

    predicted: str
    added: int
    missed: int
    refused: bool
    wrong: tuple[str, ...]
    may_add: bool = False
    may_miss: bool = False


@dataclass(slots=True)
class Tally:
    """Counts of a run, and its first contradictions."""

    cases: int = 0
    skipped: int = 0
    contradictions: list[tuple[Case, Outcome]] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    precise: Counter[str] = field(default_factory=Counter)

    def shown(self, judged: Judged, outcomes: list[Outcome]) -> None:
        """Count which of the things allowed did happen in some run of one filter at one place."""
        effect = judged.effect
        happened = {
            "adds": any(o.added for o in outcomes), "misses": any(o.missed for o in outcomes),
            "refusal": any(o.refused for o in outcomes),
        }  # fmt: skip
        allowed = {"adds": bool(effect.adds), "misses": bool(effect.misses), "refusal": effect.rejected}
        if effect.known:
            for what, was in allowed.items():
                if was:
                    self.precise[f"{what} allowed"] += 1
                    self.precise[f"{what} shown"] += happened[what]

    def summary(self, seed: int) -> str:
        """Return the figures as a person reads them."""
        lines = [
            f"seed {seed}: {self.cases} cases, {self.skipped} skipped, {len(self.contradictions)} contradicted",
            "verdicts: " + ", ".join(f"{n} {name}" for name, n in self.verdicts.most_common()),
        ]
        for what in ("adds", "misses", "refusal"):
            allowed, shown = self.precise[f"{what} allowed"], self.precise[f"{what} shown"]
            if allowed:
                lines.append(
                    f"precision: {what} allowed by {allowed} verdicts, shown by {shown} ({shown / allowed:.0%})"
                )
        return "\n".join(lines)

    def take(self, case: Case, outcome: Outcome) -> None:
        """Count one case."""
        self.cases += 1
        self.verdicts[outcome.predicted] += 1
        if outcome.wrong:
            self.contradictions.append((case, outcome))


def read(text: str) -> Worklist | None:
    """Return the one worklist of a text; ``None`` if it is not complete."""
    vocabulary = label_files.labels("impax-client")
    resolved = resolve([parse(Text.of(text, "random.worklist"))], [], None, vocabulary, TODAY)
    worklist = resolved.worklists[0] if resolved.worklists else None
    return worklist if worklist is not None and worklist.complete else None


def compare(worklist: Worklist, judged: Judged, case: Case) -> Outcome:
    """Run one case: ask the simulated source, ask the matcher, hold the prediction against both.

    Raises:
        matcher.UndecidedError: for a filter whose meaning is the source's.
        AmbiguousProfileError: for a profile that the data linter refuses.
    """
    one = happen(worklist, case)
    return held_against(worklist, judged, one.answer, one.wanted, dict(case.parameters))


def held_against(
    worklist: Worklist, judged: Judged, answer: Answer, wanted: dict[int, Entity], parameters: dict[str, str]
) -> Outcome:
    """Hold a prediction against an answer and the entities that were wanted."""
    effect = judged.effect
    may_add, may_miss = bool(effect.adds) or not effect.known, bool(effect.misses) or not effect.known
    got = {id(r.dataset): r for r in answer.rows}
    added = [e for i, e in got.items() if i not in wanted]
    missed = [e for i, e in wanted.items() if i not in got]
    wrong = []
    if effect.rejected and not answer.refused:
        wrong.append("rejected, but it answered")
    if answer.refused and not effect.rejected and not (may_add and may_miss):
        wrong.append("refused, and neither rejected nor mixed nor unknown was said")
    if not answer.refused and not effect.rejected:
        if added and not may_add:
            wrong.append(f"added {len(added)}")
        if missed and not may_miss:
            wrong.append(f"missed {len(missed)}")
        if effect.known and effect.adds and effect.adds <= SPELLING:
            others = [e for e in added if not _alike(worklist.filter, e, parameters)]
            if others:
                wrong.append(f"understated: {len(others)} added rows differ by more than spelling")
    name = verdict_name(effect)
    return Outcome(
        name, len(added), 0 if answer.refused else len(missed), answer.refused, tuple(wrong), may_add, may_miss
    )


def _alike(condition: Filter, entity: Entity, parameters: dict[str, str]) -> bool:
    """Tell if a row differs from what was asked by spelling only: case, accents, padding, groups, or no value."""
    if isinstance(condition, All):
        return all(_alike(p, entity, parameters) for p in condition.parts)
    if isinstance(condition, Any):
        return any(_alike(p, entity, parameters) for p in condition.parts)
    loose, plain = _loose(condition), _loose(condition, without_structure=True)
    return matcher.matches(loose, entity, parameters=parameters) or matcher.matches(
        plain, _without_structure(entity), parameters=parameters
    )


def _loose(node: Filter, without_structure: bool = False) -> Filter:
    if isinstance(node, Test):
        c = replace(node.constraint, ignoring=frozenset({"case", "accent"}))
        if without_structure and c.vr in TEXTS:
            c = replace(c, values=tuple(replace(v, text=re.sub(r"[\^= ]", "", v.text)) for v in c.values))
        if node.negated:
            # What a stricter comparison does not find is not excluded.
            return Any((node, Test(replace(node.constraint, ignoring=frozenset()), negated=True)))
        # Without its time a date has no moment to compare.
        times = (replace(c, path=(*c.path[:-1], c.pair), pair=None),) if c.pair is not None else ()
        return Any((Test(c), *(Test(_emptied(one)) for one in (c, *times))))
    if isinstance(node, Has):
        if node.negated:
            return node
        # Where none of the attributes has a value, there may be no item at all.
        nothing = tuple(Test(_emptied(t.constraint)) for t in matcher.leaves(node.filter) if not t.negated)
        return Any((replace(node, filter=_loose(node.filter, without_structure)), All(nothing)))
    return type(node)(tuple(_loose(p, without_structure) for p in node.parts))


def _emptied(c: Constraint) -> Constraint:
    return replace(c, asked="empty", matching="empty" if c.path else "none", values=())


def _without_structure(entity: Entity) -> Entity:
    """Return the entity with texts from which blanks and the delimiters of names are gone."""

    def plain(dataset: Dataset) -> Dataset:
        out = Dataset()
        for element in dataset:
            value: Anything = element.value
            if element.VR == "SQ":
                value = Items([plain(i) for i in value])
            elif element.VR in TEXTS and value:
                several = matcher.written(element)
                value = [re.sub(r"[\^= ]", "", v) for v in several]
            out.add(DataElement(element.tag, element.VR, value, validation_mode=IGNORE))
        return out

    above = _without_structure(replace(entity.above, below=())) if entity.above else None
    return replace(
        entity, dataset=plain(entity.dataset), below=tuple(map(_without_structure, entity.below)), above=above
    )


# --- drawing cases ----------------------------------------------------------------------------------------------------


def drawn_place(rng: Random, whole: Profile, level: str, calm: bool = False) -> Place:
    """Return a place for a profile, with transport, settings, viewer and neighbours drawn."""
    settings = {i.name: rng.choice(i.values) for i in whole.settings if i.values and rng.random() < 0.4}
    viewer = products.profile("impax-client", None)
    hub = products.profile("impax-data-center", rng.choice(("1.0", "2.0", "2.0su1", "3.0")))
    assert viewer is not None and hub is not None
    grouped = whole.product.startswith("impax") or rng.random() < 0.1
    own = rng.random() < (0.04 if calm else 0.1)
    link = {"link-internal-queries": "true", "link-cluster-updates": "true"}
    pairs = [tuple((k, v) for k, v in link.items() if rng.random() < 0.4) for _ in range(2)]
    return Place(
        source="s",
        profile=whole,
        transport=rng.choice(whole.transports or ("dimse",)),
        model="modality-worklist" if level == "worklist-item" else "study-root",
        purpose=rng.choice(("reading", "priors")),
        settings=tuple(settings.items()),
        role=rng.choice(("hub", "spoke")) if grouped else "standalone",
        local=rng.random() < 0.3,
        own=own,
        own_negation=own and rng.random() < 0.7,
        pair=pairs[0] if grouped else (),
        pairs=tuple(pairs) if grouped else (),
        same=frozenset({"body-part-map"}) if rng.random() < 0.2 else frozenset(),
        spokes=rng.randint(1, 3) if grouped else 0,
        hub=hub.profile if grouped else None,
        hub_settings=(("maintain-study-status", rng.choice(("true", "false"))),) if rng.random() < 0.6 else (),
        viewer=rng.choice((None, None, viewer.profile, replace(viewer.profile, sends=()))),
        viewer_settings=(("new-studies-as-priors", rng.choice(("true", "false"))),) if rng.random() < 0.5 else (),
        named=whole.product != "dicom-standard",
        offers=frozenset({"study status", "StudyDescription", "PatientName", "StudyDate"}) if own else frozenset(),
    )


def shipped_profile(rng: Random) -> Profile:
    """Return a product of the database in one of its releases, with caps that cut a small archive."""
    name = rng.choice([p for p in products.product_ids() if p != "impax-client"])
    whole = products.product(name)
    assert whole is not None
    chosen = products.profile(name, rng.choice(whole.releases) if whole.releases else None)
    assert chosen is not None
    # What was measured stands in a profile of its own; the simulated source executes one.
    profile = replace(chosen.profile, measurements=())
    return worlds.with_small_caps(profile, rng.randint(1, 5)) if rng.random() < 0.3 else _without_caps(profile)


def _without_caps(profile: Profile) -> Profile:
    # A cap hides every other miss.
    return replace(profile, caps=())


@dataclass(frozen=True, slots=True)
class Happened:
    """One case, what came back, and what was wanted, by the identity of the data set."""

    case: Case
    answer: Answer
    wanted: dict[int, Entity]


@dataclass(frozen=True, slots=True)
class Trial:
    """A filter at a place, and what happened in some worlds. Nothing in it depends on the judge."""

    text: str
    worklist: Worklist
    place: Place
    happened: tuple[Happened, ...]
    skipped: int = 0


JudgeFunction = Callable[[Worklist, Place], Judged]


def happen(worklist: Worklist, case: Case) -> Happened:
    """Ask the simulated source as a plain client does, and the matcher.

    Raises:
        matcher.UndecidedError: for a filter whose meaning is the source's.
        AmbiguousProfileError: for a profile that the data linter refuses.
    """
    source = SimulatedSource(case.place, case.archive, case.seed)
    parameters = dict(case.parameters)
    answer = client.ask(worklist, case.place, source, parameters)
    return Happened(case, answer, wanted_of(worklist, source, parameters))


def wanted_of(worklist: Worklist, source: SimulatedSource, parameters: Mapping[str, str]) -> dict[int, Entity]:
    """Return the entities that the source shows and of which the filter is true."""
    shown = source.shown(worklist.level)
    return {id(e.dataset): e for e in shown if matcher.matches(worklist.filter, e, parameters=parameters)}


def trials(seed: int, shipped: float = 0.4, filters: int = 4, runs: int = 2) -> Iterator[Trial]:
    """Yield filters at drawn places with what happened there, without end; the same for the same seed."""
    number = 0
    while True:
        number += 1
        rng = Random(f"{seed}.{number}")
        level = rng.choice(("study",) * 6 + ("series", "worklist-item", "worklist-item"))
        model = "modality-worklist" if level == "worklist-item" else "study-root"
        # Half of the worlds are calm: one strange thing is not hidden behind others.
        calm = rng.random() < 0.6
        if rng.random() < shipped:
            whole = shipped_profile(rng)
        else:
            whole = at_release(read_profile(worlds.profile(rng, level, calm)), rng.choice(("1", "2"))).profile
        place = drawn_place(rng, whole, level, calm)
        for n in range(filters):
            labels = place.viewer is not None and level == "study"
            writer = worlds.Filters(
                rng, level, labels, parameters=rng.random() < 0.3, near=_spoken_of(whole), calm=calm
            )
            text = writer.worklist(model)
            worklist = read(text)
            if worklist is None:
                continue
            happened, skipped = [], 0
            for run_number in range(runs):
                archive = worlds.schedule(rng) if level == "worklist-item" else worlds.archive(rng)
                parameters = (("user", rng.choice(PARAMETERS)),)
                case = Case(text, place, archive, f"{seed}.{number}.{n}.{run_number}", parameters)
                try:
                    happened.append(happen(worklist, case))
                except (matcher.UndecidedError, AmbiguousProfileError):
                    skipped += 1
            yield Trial(text, worklist, place, tuple(happened), skipped)


def directed(
    content: Mapping[str, Anything], texts: Sequence[str], worlds_of_each: int, **changes: Anything
) -> Iterator[Trial]:
    """Yield trials of chosen filters at a place of a chosen profile (the content of a file), in random worlds."""
    whole = at_release(read_profile(content), None).profile
    settings: dict[str, Anything] = {"source": "s", "transport": "dimse", "model": "study-root", "purpose": "reading"}
    place = Place(profile=whole, **{**settings, **changes})
    for text in texts:
        worklist = read(text)
        assert worklist is not None, text
        happened = []
        for n in range(worlds_of_each):
            rng = Random(f"{text}.{n}")
            happened.append(happen(worklist, Case(text, place, worlds.archive(rng), str(n), (("user", "SM*"),))))
        yield Trial(text, worklist, place, tuple(happened))


def _spoken_of(profile: Profile) -> tuple[str, ...]:
    """Return keywords that the records of a profile name, so that filters meet them."""
    wheres = [s.where for s in profile.statements] + [k.where for k in profile.keeping]
    names = [a for w in wheres for a in w.attributes if a[0] not in "*!#"]
    names += [
        a for i in profile.interactions for a in (*i.when.all, *i.when.any, *i.when.two_or_more) if a[0].isalpha()
    ]
    names += ["Study status" for w in wheres if w.labels]
    return tuple(n.rpartition(".")[2] for n in names)


def hold(tally: Tally, trial: Trial, decide: JudgeFunction = judge) -> None:
    """Hold a prediction against what happened in each world, and count."""
    judged = decide(trial.worklist, trial.place)
    tally.skipped += trial.skipped
    outcomes = []
    for one in trial.happened:
        outcome = held_against(trial.worklist, judged, one.answer, one.wanted, dict(one.case.parameters))
        outcomes.append(outcome)
        tally.take(one.case, outcome)
    if outcomes:
        tally.shown(judged, outcomes)


def run(
    seed: int, cases: int, *, shipped: float = 0.4, runs: int = 2, stop_at: int = 0, decide: JudgeFunction = judge
) -> Tally:
    """Run a number of cases; ``stop_at`` ends after so many contradictions. ``decide`` is the judge that is tried."""
    tally = Tally()
    for trial in trials(seed, shipped, runs=runs):
        hold(tally, trial, decide)
        if tally.cases >= cases or (stop_at and len(tally.contradictions) >= stop_at):
            break
    return tally


def shrunk(case: Case, outcome: Outcome, decide: JudgeFunction = judge) -> tuple[Case, Outcome]:
    """Return the smallest case found that is still contradicted: fewer entities, and parts of the condition alone."""

    def tried(one: Case) -> Outcome | None:
        worklist = read(one.text)
        if worklist is None:
            return None
        try:
            found = compare(worklist, decide(worklist, one.place), one)
        except (matcher.UndecidedError, AmbiguousProfileError):
            return None
        return found if found.wrong else None

    again = True
    while again:
        again = False
        for smaller in _smaller(case):
            found = tried(smaller)
            if found is not None:
                case, outcome, again = smaller, found, True
                break
    return case, outcome


def _smaller(case: Case) -> Iterator[Case]:
    for i in range(len(case.archive)):
        if len(case.archive) > 1:
            yield replace(case, archive=case.archive[:i] + case.archive[i + 1 :])
    for i, top in enumerate(case.archive):
        if len(top.below) > 1:
            for j in range(len(top.below)):
                less = replace(top, below=top.below[:j] + top.below[j + 1 :])
                yield replace(case, archive=(*case.archive[:i], less, *case.archive[i + 1 :]))
    shown = re.sub(r"^    show .*\n", "", case.text, flags=re.MULTILINE)
    if shown != case.text:
        yield replace(case, text=shown)
    head, _, where = case.text.partition("    where ")
    for part in _parts(where.removesuffix("\n}\n")):
        yield replace(case, text=f"{head}    where {part}\n}}\n")


def _parts(condition: str) -> list[str]:
    """Return the conditions that stand in a condition, one level down, by its parentheses and words."""
    pieces: list[str] = []
    start, depth, quoted, i = 0, 0, False, 0
    while i < len(condition):
        c = condition[i]
        if c == "\\" and quoted:
            i += 1
        elif c == '"':
            quoted = not quoted
        elif not quoted:
            depth += (c == "(") - (c == ")")
            joiner = re.match(r" (and|or) ", condition[i:])
            if joiner and depth == 0 and not re.search(r"between \S+$", condition[:i]):
                pieces.append(condition[start:i])
                i += len(joiner[0]) - 1
                start = i + 1
        i += 1
    pieces.append(condition[start:])
    if len(pieces) > 1:
        return pieces
    inside = re.fullmatch(r"(?:not )?\((.*)\)", condition, re.DOTALL)
    return [inside[1]] if inside else []


def story(case: Case, outcome: Outcome) -> str:
    """Return a contradiction as a person reads it: filter, place, prediction, what came back."""
    source = SimulatedSource(case.place, case.archive, case.seed)
    worklist = read(case.text)
    assert worklist is not None
    parameters = dict(case.parameters)
    place = case.place
    lines = [f"{outcome.predicted}, but: {'; '.join(outcome.wrong)}", f"seed {case.seed}", case.text.rstrip()]
    lines.append(
        f"at {place.profile.product}@{place.profile.release} {place.transport} settings {dict(place.settings)}"
    )
    if place.viewer or place.own:
        lines.append(
            f"viewer: {bool(place.viewer)}, own: {place.own}, negation: {place.own_negation}, role: {place.role}"
        )
    for keys, empties in client.queries(worklist, place, source, parameters):
        lines.append("query: " + " & ".join(f"{'not ' * k.negated}{k.name or k.label} {k.text!r}" for k in keys))
        lines += [f"   {line}" for line in source.told(worklist.level, keys, empties)]
    answer = client.ask(worklist, place, source, parameters)
    shown = source.shown(worklist.level)
    wanted = {id(e.dataset) for e in shown if matcher.matches(worklist.filter, e, parameters=parameters)}
    got = {id(e.dataset) for e in answer.rows}
    names = {a.tag.replace("xx", "10") for t in matcher.leaves(worklist.filter) for a in t.constraint.path}
    for e in shown:
        if (id(e.dataset) in wanted) != (id(e.dataset) in got):
            lines.append("missed:" if id(e.dataset) in wanted else "added:")
            lines += [f"   {line}" for line in _told(e, names)]
    return "\n".join(lines)


def _told(entity: Entity, tags: set[str]) -> list[str]:
    def said(dataset: Dataset) -> list[str]:
        out = []
        for x in dataset:
            if x.VR == "SQ":
                out += [f"[{', '.join(said(i))}]" for i in x.value]
            elif f"{int(x.tag):08X}" in tags:
                out.append(f"{x.keyword} {x.value!r}")
        return out

    own = f"{entity.level}: {', '.join(said(entity.dataset))} {dict(entity.labels) or ''}"
    return [own, *(f"  {line}" for b in entity.below for line in _told(b, tags))]

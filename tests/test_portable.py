"""The portable core: it follows from the list, every source answers it exactly, and nothing stronger was overlooked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest

from worklint.inputs import gather
from worklint.judge import judge, offers_model, verdict_name
from worklint.judge.place import Place
from worklint.knowledge import standard
from worklint.knowledge.products import at_release
from worklint.knowledge.profile_reader import read_profile
from worklint.model import Has, Worklist
from worklint.oracle import matcher, worlds
from worklint.oracle.reading import AmbiguousProfileError
from worklint.oracle.soundness import drawn_place, read, shipped_profile
from worklint.plan import plan, portable
from worklint.plan.portable import Core, as_planned, as_written, core_of, exact, reliable
from worklint.resolve import resolve
from worklint.sources import Site, asked_sources, place_of
from worklint.syntax.parser import parse
from worklint.text import Text

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 24)
CASES = int(os.environ.get("WORKLINT_PORTABLE_CASES", "400"))


# --- the demonstration enterprise -------------------------------------------------------------------------------------


def lakeside() -> tuple[Site, tuple[Worklist, ...]]:
    gathered = gather(["examples/lakeside"], ROOT)
    site = gathered.site
    read_all = resolve(
        [parse(t) for t in gathered.texts], [parse(t) for t in gathered.shared], site.enterprise, site.vocabulary, TODAY
    )
    return site, read_all.worklists


def places_of(site: Site, worklist: Worklist) -> dict[str, Place]:
    found = {s.id: place_of(site, s, worklist) for s in asked_sources(site, worklist)}
    return {i: p for i, p in found.items() if offers_model(p) is not False or i in (worklist.sources or ())}


def again(site: Site, worklist: Worklist, text: str) -> Worklist:
    """The list with the printed condition in the place of its own, read anew."""
    where = f"where {text}" if text else ""
    model = standard.model(worklist.model)
    level = f"level {worklist.level}" if model and len(model.levels) > 1 else ""
    block = f'worklist "W" {{ model {worklist.model} {level} {where} }}'
    found = resolve([parse(Text.of(block, "a.worklist"))], [], site.enterprise, site.vocabulary, TODAY).worklists[0]
    assert found.complete, block
    return replace(found, show=worklist.show, sort=worklist.sort, purpose=worklist.purpose)


@pytest.mark.parametrize("kind", ["exact", "reliable", "planned"])
def test_printed_cores_of_the_demonstration_are_what_they_claim(kind: str) -> None:
    site, worklists = lakeside()
    told = 0
    for worklist in worklists:
        places = places_of(site, worklist)
        ask, enough = (as_planned(places) if kind == "planned" else as_written(places)), exact
        if kind == "reliable":
            enough = reliable
        most = portable.SMALL_PLANNED if kind == "planned" else portable.SMALL
        core = core_of(worklist, list(places), ask, enough, most)
        assert set(core.sources) | set(core.without) == set(places)
        if core.text is None:
            continue
        told += bool(core.text)
        printed = again(site, worklist, core.text)
        for source in core.sources:
            assert enough(ask(printed, source)[0]), (worklist.name, core.text, source)
        for source in core.without:
            assert not enough(ask(printed, source)[0]), (worklist.name, source)
    assert told >= 5


CORES = """
Unread chest CT      | exact    |
Unread chest CT      | reliable | StudyDate within last 7 days
Research export 2025 | exact    | StudyDate between 2025-01-01 and 2025-12-31
Today on CT1         | exact    | ScheduledProcedureStepSequence has (ScheduledStationAETitle = "CT1" and Modality = "CT" and ScheduledProcedureStepStartDate = today)
Research export 2025 | planned  | StudyDate between 2025-01-01 and 2025-12-31 and ModalitiesInStudy = "CT"
"""  # noqa: E501


@pytest.mark.parametrize("case", CORES.strip().splitlines())
def test_core(case: str) -> None:
    name, kind, text = (part.strip() for part in case.split("|"))
    site, worklists = lakeside()
    worklist = next(w for w in worklists if w.name == name)
    places = places_of(site, worklist)
    ask = as_planned(places) if kind == "planned" else as_written(places)
    assert core_of(worklist, list(places), ask, reliable if kind == "reliable" else exact).text == text


# --- keys that change one another, weaker forms, sources at which nothing does ----------------------------------------

INTERACTING = {
    "product": "two", "name": "Two", "releases": ["1"], "transports": ["dimse"],
    "citations": {"e": {"grade": "code", "citation": "here"}},
    "statements": [{"for": {"attribute": "*"}, "key": {"does": "applied"}, "evidence": "e"}],
    "interactions": [
        {"id": "two", "for": {}, "when": {"all": ["StudyDate", "AccessionNumber"]}, "because": "seen", "evidence": "e",
         "then": {"replace": [{"for": {"attribute": "StudyDate"}, "key": {"does": "ignored"}}]}}
    ],
}  # fmt: skip


def place(content: dict[str, Any], **more: Any) -> Place:
    whole = at_release(read_profile(content), "1").profile
    return Place("s", whole, "dimse", "study-root", "reading", **more)


def written(text: str) -> Worklist:
    found = read(f'worklist "W" {{ where {text} }}')
    assert found is not None
    return found


def test_keys_that_change_one_another_leave_two_cores() -> None:
    core = core_of(
        written('StudyDate = 2026-01-01 and AccessionNumber = "A1" and PatientID = "P"'), ["s"],
        as_written({"s": place(INTERACTING)}),
    )  # fmt: skip
    assert (core.text, core.others) == (
        'StudyDate = 2026-01-01 and PatientID = "P"', ('AccessionNumber = "A1" and PatientID = "P"',),
    )  # fmt: skip
    assert not core.bounded


def test_a_weaker_form_stands_in_for_what_no_key_says() -> None:
    core = core_of(written('StudyTime > 10:30 and not StudyID = "1"'), ["s"], as_written({"s": place(INTERACTING)}))
    assert core.text == 'StudyTime >= "103000"' and core.weakened == ((0, 'StudyTime >= "103000"'),)


NOW = ("within last 2 hours", "within last 7 days", "older than 3 days", "> yesterday", "= today")


@pytest.mark.parametrize("now", NOW)
def test_no_core_holds_the_days_of_now(now: str) -> None:
    """What moves with the clock stands as it was written, by a longer path as well and twice, or it is left out."""
    attribute = "(StudyDate, StudyTime)" if "hours" in now else "StudyDate"
    text = f'{attribute} {now} and PatientID = "P" and not StudyID = "1"'
    core = core_of(written(text), ["s"], as_written({"s": place(INTERACTING)}))
    assert core.text == ('PatientID = "P"' if "hours" in now else f'StudyDate {now} and PatientID = "P"')
    if "hours" in now:
        return
    either = f'(StudyDate {now} and PatientID = "P") or (StudyDate {now} and not StudyID = "1")'
    core = core_of(written(either), ["s"], as_written({"s": place(INTERACTING)}))
    assert core.text == f'(StudyDate {now} and PatientID = "P") or StudyDate {now}'
    step = "ScheduledProcedureStepSequence"
    date = f"{step}.ScheduledProcedureStepStartDate {now}"
    steps = f'{step}.Modality = "CT" and {date} and (AccessionNumber = "A" or not {date})'
    item = read(f'worklist "W" {{ model modality-worklist where {steps} }}')
    assert item is not None
    content = {**INTERACTING, "interactions": []}
    core = core_of(item, ["s"], as_written({"s": replace(place(content), model="modality-worklist")}))
    assert core.text == f'{step} has (Modality = "CT" and ScheduledProcedureStepStartDate {now})'


def test_a_core_is_printed_as_it_should_have_been_written() -> None:
    core = core_of(written('studyid = "1" and not PatientID = "P"'), ["s"], as_written({"s": place(INTERACTING)}))
    assert core.text == 'StudyID = "1"'


def test_an_or_is_kept_whole_or_weakened_in_each_branch() -> None:
    ask = as_written({"s": place(INTERACTING)})
    text = '(StudyID = "1" and not PatientID = "A") or (StudyID = "2" and AccessionNumber = "B")'
    wanted = 'StudyID = "1" or (StudyID = "2" and AccessionNumber = "B")'
    assert core_of(written(text), ["s"], ask).text == wanted


def test_a_source_that_cuts_every_answer_is_named() -> None:
    capped = {
        **INTERACTING,
        "service": {"cap": [{"for": {}, "rows": 10, "signalled": False, "paging": False, "evidence": "e"}]},
    }
    core = core_of(written('PatientID = "P"'), ["a", "b"], as_written({"a": place(INTERACTING), "b": place(capped)}))
    assert (core.text, core.sources, core.without) == ('PatientID = "P"', ("a",), ("b",))
    alone = core_of(written('PatientID = "P"'), ["b"], as_written({"b": place(capped)}))
    assert (alone.text, alone.without) == (None, ("b",))
    one = core_of(written('StudyInstanceUID = "1.2" and StudyID = "1"'), ["b"], as_written({"b": place(capped)}))
    assert one.text == 'StudyInstanceUID = "1.2" and StudyID = "1"'


def test_a_source_that_has_further_pages_is_not_reliable_as_written() -> None:
    """There is no mark, for any client can ask for them; a plain one does not, and misses."""
    cap = [{"for": {}, "rows": 10, "signalled": True, "paging": True, "evidence": "e"}]
    paged = as_written({"s": place({**INTERACTING, "service": {"cap": cap}})})
    core = core_of(written('PatientID = "P"'), ["s"], paged, reliable)
    assert (core.text, core.without) == (None, ("s",))


def test_a_large_filter_is_bounded_and_says_so() -> None:
    asked = Counter[str]()
    inner = as_written({"s": place(INTERACTING)})

    def ask(worklist: Worklist, source: str) -> Any:
        asked["times"] += 1
        return inner(worklist, source)

    many = " or ".join(f'PatientID = "P{n}"' for n in range(300))
    core = core_of(written(f'({many}) and not StudyID = "1" and AccessionNumber = "A"'), ["s"], ask)
    assert core.bounded and core.text is not None and core.text.endswith('and AccessionNumber = "A"')
    assert asked["times"] <= 10


# --- random lists at random sources -----------------------------------------------------------------------------------


@dataclass
class Drawn:
    worklist: Worklist
    text: str
    places: dict[str, Place]
    archives: list[tuple[matcher.Entity, ...]]


def drawn(seed: int) -> Iterator[Drawn]:
    number = 0
    while True:
        number += 1
        rng = Random(f"portable.{seed}.{number}")
        level = rng.choice(("study",) * 5 + ("series", "worklist-item"))
        places = {}
        calm = rng.random() < 0.7
        for source in ("a", "b")[: rng.randint(1, 2)]:
            if rng.random() < 0.5:
                whole = shipped_profile(rng)
            else:
                whole = at_release(read_profile(worlds.profile(rng, level, calm)), "1").profile
            places[source] = drawn_place(rng, whole, level, calm)
        archives = [worlds.schedule(rng) if level == "worklist-item" else worlds.archive(rng) for _ in range(3)]
        for _ in range(4):
            writer = worlds.Filters(rng, level, labels=level == "study", parameters=True, calm=calm)
            text = writer.worklist("modality-worklist" if level == "worklist-item" else "study-root")
            worklist = read(text)
            if worklist is not None:
                yield Drawn(worklist, text, places, archives)


def contradiction(one: Drawn, core: Core) -> str:
    """What is wrong with a core; empty if nothing is."""
    assert core.filter is not None and core.text is not None
    head = one.text[: one.text.rindex("    where ")]
    printed = read(f"{head}{'    where ' + core.text if core.text else ''}\n}}\n")
    if printed is None:
        return f"does not read back: {core.text}"
    parameters = {"user": "SMITH^JOHN", "patient_id": "A1"}
    for archive in one.archives:
        for entity in matcher_entities(one, archive):
            try:
                if not matcher.matches(one.worklist.filter, entity, parameters=parameters):
                    continue
                if not matcher.matches(core.filter, entity, parameters=parameters):
                    return f"does not follow from the list: {core.text}"
                if not matcher.matches(printed.filter, entity, parameters=parameters):
                    return f"is printed with another meaning: {core.text}"
            except matcher.UndecidedError:
                continue
    for source in core.sources:
        effect = judge(replace(printed, show=one.worklist.show), one.places[source]).effect
        if verdict_name(effect) != "exact":
            return f"is {verdict_name(effect)} at {source}: {core.text}"
    return ""


def test_cores_stay_true_on_other_days() -> None:
    """A core that somebody keeps still follows from the list when both are opened weeks later."""
    later, told = date(2026, 12, 31), 0
    for seed in range(260):
        rng = Random(f"later {seed}")
        plain = place({**INTERACTING, "interactions": []})
        places = {"s": plain if seed % 2 else drawn_place(rng, shipped_profile(rng), "study", True)}
        writer = worlds.Filters(rng, "study", wide=True, near=("StudyDate", "StudyTime"))
        text = writer.worklist("study-root")
        worklist = read(text)
        if worklist is None or not any(c.relative for c, _ in worklist.constraints):
            continue
        try:
            core = core_of(worklist, ["s"], as_written(places), reliable)
        except AmbiguousProfileError:
            continue
        if not core.text:
            continue
        told += 1
        head = text[: text.rindex("    where ")]
        one, other = (
            resolve([parse(Text.of(t))], [], None, {}, later).worklists[0]
            for t in (text, f"{head}    where {core.text}\n}}\n")
        )
        assert other.complete, core.text
        for archive in [worlds.archive(rng) for _ in range(4)]:
            for entity in matcher.entities_at(moved(archive, rng), "study"):
                try:
                    if matcher.matches(one.filter, entity):
                        assert matcher.matches(other.filter, entity), (text, core.text)
                except matcher.UndecidedError:
                    continue
    assert told >= 15


def moved(archive: tuple[matcher.Entity, ...], rng: Random) -> tuple[matcher.Entity, ...]:
    """The archive with some studies of the last days of December."""
    for entity in archive:
        if rng.random() < 0.7:
            entity.dataset.StudyDate = f"202612{rng.randint(20, 31)}"
    return archive


def matcher_entities(one: Drawn, archive: tuple[matcher.Entity, ...]) -> Iterator[matcher.Entity]:
    from worklint.oracle.simulated import SimulatedSource

    yield from SimulatedSource(next(iter(one.places.values())), archive, "portable").shown(one.worklist.level)


def stronger(one: Drawn, core: Core) -> str:
    """A set of conditions that is larger than the core and as exact; empty if there is none."""
    worklist = one.worklist
    everything = range(len(worklist.constraints))
    for size in range(len(core.kept) + 1, len(worklist.constraints) + 1):
        for chosen in combinations(everything, size):
            if not set(core.kept) < set(chosen):
                continue
            kept = {id(worklist.constraints[i][0]): worklist.constraints[i][0] for i in chosen}
            condition = portable.weakened(worklist.filter, kept)
            smaller = portable.with_filter(worklist, condition)
            if len(smaller.constraints) == size and all(
                verdict_name(judge(smaller, one.places[s]).effect) == "exact" for s in core.sources
            ):
                return f"{core.text!r} could be {chosen}"
    return ""


def run(seed: int, cases: int, stop: bool = False) -> tuple[Counter[str], list[str]]:
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for one in drawn(seed):
        try:
            core = core_of(one.worklist, list(one.places), as_written(one.places))
            seen["cases"] += 1
            if core.filter is None:
                seen["none"] += 1
            else:
                kept = len(core.kept)
                seen["whole" if kept == len(one.worklist.constraints) else "part" if kept else "empty"] += 1
                seen["weakened"] += bool(core.weakened)
                open_ = core.weakened or core.bounded
                seen["maximal"] += not open_
                found = contradiction(one, core) or ("" if open_ else stronger(one, core))
                if found:
                    wrong.append(f"{found}\n{one.text}")
        except AmbiguousProfileError:
            continue
        if seen["cases"] >= cases or (stop and wrong):
            return seen, wrong
    raise AssertionError


def test_every_core_follows_is_exact_and_cannot_be_stronger() -> None:
    seen, wrong = run(1, CASES)
    print(f"\n{dict(seen)}, {len(wrong)} contradicted")
    assert not wrong, "\n\n".join(wrong[:3])
    assert min(seen[k] for k in ("whole", "part", "empty", "none")) > CASES / 60
    assert seen["maximal"] > CASES / 2


def test_a_clause_under_not_that_is_weakened_inside_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = portable.weakened

    def mistaken(node: Any, kept: Any) -> Any:
        if isinstance(node, Has) and node.negated:
            inner = right(node.filter, kept)
            return None if inner is None else replace(node, filter=inner)
        if isinstance(node, portable.Any):
            parts = [mistaken(p, kept) for p in node.parts]
            left = tuple(p for p in parts if p is not None)
            return None if not left else portable.Any(left)
        return right(node, kept)

    monkeypatch.setattr(portable, "weakened", mistaken)
    assert any("does not follow" in w for w in run(1, 2_000, stop=True)[1])


def test_cores_as_planned_are_exact_as_planned() -> None:
    found = 0
    for one in drawn(2):
        try:
            core = core_of(one.worklist, list(one.places), as_planned(one.places), exhaustive=portable.SMALL_PLANNED)
        except AmbiguousProfileError:
            continue
        if core.filter is None:
            continue
        found += 1
        smaller = portable.with_filter(one.worklist, core.filter if core.text else None)
        for source in core.sources:
            assert verdict_name(plan(smaller, one.places[source]).as_planned) == "exact", (one.text, core.text)
        if found >= 40:
            return

"""Edits: each case as a user meets it; what keeps the meaning is held against the reference matcher."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from worklint import fixes
from worklint.fixes import Material, apart, applied, fixed
from worklint.model import Edit, Finding, Worklist
from worklint.oracle import worlds
from worklint.oracle.matcher import Entity, entities_at, matches
from worklint.project import read_project
from worklint.resolve import resolve
from worklint.rules.logic import change_of_meaning, same_meaning
from worklint.run import Options, run
from worklint.sources import site_of
from worklint.syntax.parser import parse
from worklint.text import Text

ROOT = Path(__file__).parent.parent
TODAY = date(2026, 11, 24)
CASES = (ROOT / "tests/cases/fixes.txt").read_text(encoding="utf-8")


def cases() -> Iterator[Any]:
    for block in re.split(r"^=== ", CASES, flags=re.MULTILINE)[1:]:
        head, _, rest = block.partition("\n")
        name, sources, viewer = (*(p.strip() for p in head.split("|")), "", "")[:3]
        before, *after = (part.strip("\n") + "\n" for part in re.split(r"^---\n", rest, flags=re.MULTILINE))
        safe = after[0] if after[0].strip() else before
        unsafe = after[1] if len(after) > 1 and after[1].strip() else safe
        listed = tuple(s.strip() for s in sources.split(",") if s.strip())
        yield pytest.param(before, safe, unsafe, listed, bool(viewer), id=name)


def material(text: str, sources: tuple[str, ...] = (), viewer: bool = False) -> Material:
    project = None
    if viewer:
        listed = [s.partition("=")[2] or s for s in sources]
        lines = [f"  s{i}: {{product: {s}{', local: true' if i == 1 else ''}}}" for i, s in enumerate(listed, 1)]
        project = read_project("viewer: impax-client@6.5.1\nsources:\n" + "\n".join(lines) + "\n", ROOT)
        sources = ()
    site = site_of(project, sources, None, ROOT)
    return Material((Text.of(text, "a.worklist"),), (), site, TODAY, Options())


def after(one: Material, unsafe: bool) -> str:
    return fixed(one, unsafe=unsafe).texts[0].content


@pytest.mark.parametrize(("before", "safe", "unsafe", "sources", "viewer"), list(cases()))
def test_case(before: str, safe: str, unsafe: str, sources: tuple[str, ...], viewer: bool) -> None:
    given = material(before, sources, viewer)
    assert after(given, False) == safe
    assert after(given, True) == unsafe
    # What is at rest stays so.
    assert after(material(safe, sources, viewer), False) == safe


# --- what keeps the meaning keeps it


def listed(text: str) -> list[Worklist]:
    found = resolve([parse(Text.of(text, "a.worklist"))], [], None, {}, TODAY)
    return list(found.worklists)


NOISE = (
    "twice", "twice or", "not not", "absorbed", "absorbing", "tag", "letter case", "value twice", "bound", "list",
    "two lists", "any", "wider beside", "one by one",
)  # fmt: skip
NAME = re.compile(r"(?<![\w.\"(,])(?:[A-Z][a-z]+){2,}\w*(?= (?:=|!=|in|not|like|contains|starts|ends|between|is|[<>]))")


def noisy(rng: Random, condition: str, other: str, kind: str) -> str:
    """A condition that means the same (or nearly), written in a way that has a finding."""
    one, two = f"({condition})", f"({other})"
    joined = {
        "twice": f"{one} and {two} and {one}",
        "twice or": f"{one} or {two} or {one}",
        "not not": f"not not {one} and {two}",
        "absorbed": f"{one} or {two} and {one}",
        "absorbing": f"{one} and ({two} or {one})",
    }
    if kind in joined:
        return joined[kind]
    if kind == "value twice":
        return re.sub(r'in \(("[^"]*"),', r"in (\1, \1,", condition)
    if kind == "two lists":
        values = rng.sample(worlds.POOLS["study"]["PatientID"], 3)
        lists = [", ".join(f'"{v}"' for v in (*values[i : i + 2], f"X{i}", "X2")) for i in (0, 1)]
        return f"PatientID in ({lists[0]}) and {one} and PatientID in ({lists[1]})"
    if kind == "one by one":
        listed_ = ", ".join(f'"{v}"' for v in rng.sample(("1.1", "1.2", "1.3", "1.99"), rng.choice((2, 3))))
        return f"StudyInstanceUID in ({listed_}) and {one}"
    if kind == "any":
        return f'{rng.choice(("StudyDescription", "StationName", "PatientName"))} like "*" and {one}'
    if kind == "wider beside":
        test = 'BodyPartExamined = "CHEST" and StationName = "CT1"'
        return f"series has ({test}) and {one} and {rng.choice(test.split(' and '))}"
    if kind == "list":
        return f'StudyInstanceUID in ("{rng.choice(("1.1", "1.2"))}") and {one}'
    if kind == "bound":
        low, middle, high = sorted(rng.sample(worlds.DAYS, 3))
        second = rng.choice((f'>= "{middle}"', f'<= "{middle}"', f'between "{middle}" and "20270101"'))
        return f'StudyDate between "{low}" and "{high}" and {one} and StudyDate {second}'
    names = NAME.findall(condition)
    if not names:
        return condition
    name = rng.choice(names)
    from worklint.knowledge.standard import attribute_by_keyword

    attribute = attribute_by_keyword(name)
    assert attribute is not None
    instead = f"({attribute.tag[:4]},{attribute.tag[4:]})" if kind == "tag" else name[0].lower() + name[1:]
    return re.sub(rf"(?<![\w.\"]){name}(?!\w)", instead, condition)


@pytest.mark.parametrize("kind", NOISE)
def test_safe_edits_keep_every_entity(kind: str) -> None:
    """Random conditions with something to mend, at random products: the same entities before and after."""
    made: Counter[str] = Counter()
    for seed in range(24):
        rng = Random(f"{kind} {seed}")
        at_study = kind in ("bound", "list", "two lists", "any", "wider beside", "one by one")
        level = "study" if at_study else rng.choice(("study", "study", "series"))
        draw = worlds.Filters(rng, level, calm=True)
        condition = noisy(rng, draw.condition(rng.choice((0, 1))), draw.condition(0), kind)
        text = "\n".join([*draw.filters, f'worklist "W" {{\n    level {level}\n    where {condition}\n}}\n'])
        source = (
            "azure-dicom@v2"
            if kind in ("list", "one by one")
            else rng.choice(("dicom-standard", "orthanc@1.12.4", "dcm4chee-arc@5.31", "azure-dicom@v2"))
        )
        found = fixed(material(text, (source,)))
        if not found.made:
            continue
        made[found.made[0][1].split(" ")[0]] += 1
        before, now = listed(text)[0], listed(found.texts[0].content)[0]
        for archive in (worlds.archive(rng, 6) for _ in range(4)):
            for entity in entities_at(archive, level):
                assert matches(before.filter, entity) == matches(now.filter, entity), (text, found)
    assert sum(made.values()) >= 4, "too little was mended: the test shows nothing"


# conditions that findings want to have another meaning
SUGGESTED = (
    "{0}", "({0}) or {DATE}", '{DATE} and not PatientSex = "M" and ({0})', '{DATE} and PatientName = "SMITH" and ({0})',
    '{DATE} and not (PatientName = "SMITH" and {0})', '{DATE} and PatientSex not in ("M", "O")',
    '{DATE} and BodyPartExamined = "CHEST" and StationName = "CT1" and ({0})',
    '{DATE} and (StudyDescription starts with "C" ignoring case or {0})',
    '{DATE} and not (StudyDescription starts with "C" ignoring case and {0})',
    '{DATE} and Modality in ("CT", "MR") and ({0})', '{DATE} and not (PatientSex != "M" and {0})',
    '{DATE} and (StudyDescription = "C*" or {0})',
)  # fmt: skip


def test_what_is_said_of_the_other_edits_holds() -> None:
    """Narrower: no entity comes to the list; wider: none leaves it. Of random archives, at random products."""
    said: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for seed in range(240):
        rng = Random(f"suggested {seed}")
        draw = worlds.Filters(rng, "study", calm=True)
        condition = SUGGESTED[seed % len(SUGGESTED)].replace("{DATE}", "StudyDate >= 2020-01-01")
        condition = condition.replace("{0}", draw.condition(rng.choice((0, 0, 1))))
        text = "\n".join([*draw.filters, f'worklist "W" {{ where {condition} }}\n'])
        products = rng.sample(("orthanc@1.12.4", "dcm4chee-arc@5.31", "azure-dicom@v2", "dicom-standard"), 1)
        given = material(text, tuple(products))
        report = run(given.texts, given.site, TODAY, options=Options(edits="all"))
        archives = [worlds.archive(rng, 6) for _ in range(3)]
        for one in {e for row in report.findings for e in row.finding.edits}:
            assert one.safe == (one.meaning == "same")
            said[one.meaning] += 1
            new = applied(given.texts[0], [one]).content
            assert not parse(Text.of(new)).problems
            before, now = listed(text)[0], listed(new)[0]
            if before.level != now.level:
                assert one.meaning == "other"
                continue
            for entity in (e for archive in archives for e in entities_at(archive, "study")):
                had, has = matches(before.filter, entity), matches(now.filter, entity)
                if had != has:
                    seen[one.meaning] += 1
                    assert one.meaning in ("other", "narrower" if had else "wider"), (text, one)
    assert said["narrower"] >= 40 and said["wider"] >= 10 and said["other"] >= 20, said
    assert seen["narrower"] >= 40 and seen["wider"] >= 5, seen


REWRITTEN = (
    (r"(\w+) = (\"[^\"]*\")", r"\1 between \2 and \2"),
    (r"(\w+) = (\"[^\"]*\")", r"\1 in (\2, \2)"),
    (r"like \"\*\"", "is not empty"),
    (r"(\w+) (<=|>=) (\S+)", r"(\1 \2 \3 or \1 = \3)"),
    (r"series has \((\w+ \S+ \S+)\)", r"\1"),
    (r" and .*", ""),
    (r" or .*", ""),
    (r"^.* and ", ""),
    (r"not \(", "("),
    (r"(.*) (and|or) (.*)", r"\3 \2 \1"),
    (r" ignoring case", ""),
)


def test_no_proof_is_refuted() -> None:
    """What is proved to mean the same does, of every entity of random archives."""
    proved = 0
    for seed in range(500):
        rng = Random(f"proof {seed}")
        draw = worlds.Filters(rng, "study")
        condition = draw.condition(rng.choice((0, 1, 1, 2)))
        pattern, instead = REWRITTEN[seed % len(REWRITTEN)]
        other = re.sub(pattern, instead, condition, count=1)
        texts = ["\n".join([*draw.filters, f'worklist "W" {{ where {c} }}\n']) for c in (condition, other)]
        if other == condition or any(parse(Text.of(t)).problems for t in texts):
            continue
        one, two = (listed(t)[0] for t in texts)
        if not same_meaning(one, two):
            continue
        proved += 1
        for entity in entities_at(worlds.archive(rng, 6), "study"):
            assert matches(one.filter, entity) == matches(two.filter, entity), texts
    assert proved >= 25, "too little was proved: the test shows nothing"


# condition; another; what becomes of a list that has the other instead
CHANGES = """
StudyID in ("1", "2") | StudyID = "1" or StudyID = "2" | same
StudyID in ("1", "2") | StudyID = "1" or StudyID = "3" | other
StudyID in ("1", "2") | StudyID = "1" | narrower
StudyID = "1" | StudyID = "1" or PatientID = "A" | wider
StationName in ("1", "2") | StationName = "1" or StationName = "2" | same
series has (BodyPartExamined = "A" and StationName = "B") | BodyPartExamined = "A" and StationName = "B" | wider
series has (BodyPartExamined = "A" and StationName = "B") | BodyPartExamined = "C" | other
not series has (BodyPartExamined = "A") | BodyPartExamined = "A" | other
series has (not BodyPartExamined = "A") | BodyPartExamined = "A" | other
"""


@pytest.mark.parametrize("line", CHANGES.strip().splitlines())
def test_change_of_meaning(line: str) -> None:
    one, other, change = (part.strip() for part in line.split("|"))
    before, now = (listed(f'worklist "W" {{ where {c} }}')[0] for c in (one, other))
    assert change_of_meaning(before, now) == change
    opposite = {"narrower": "wider", "wider": "narrower"}
    assert change_of_meaning(now, before) == opposite.get(change, change)


# condition before; after; a study (and its series) of which one is true and the other is not
DIFFERENT = """
StudyID = "1" | StudyID = "1" and StudyDate within last 30 days | StudyID=1 StudyDate=20200101
not PatientSex = "M" | PatientSex in ("F", "O") | StudyID=1
StudyID starts with "CT" ignoring case | StudyID starts with "CT" | StudyID=ct1
PatientName = "SMITH" | PatientName like "SMITH^*" | PatientName=SMITH^JOHN
StudyID = "ct" | StudyID = "CT" | StudyID=ct
StudyID = "CT*" | StudyID like "CT*" | StudyID=CT1
BodyPartExamined = "CHEST" and StationName = "CT1" | series has (BodyPartExamined = "CHEST" and StationName = "CT1") \
| StudyID=1 / BodyPartExamined=CHEST / StationName=CT1
StudyDate between 2026-02-01 and 2026-01-01 | StudyDate between 2026-01-01 and 2026-02-01 | StudyDate=20260115
"""


@pytest.mark.parametrize("line", [line for line in DIFFERENT.replace("\\\n", "").splitlines() if line])
def test_unsafe_edits_change_the_meaning(line: str) -> None:
    before, after_, stored = (part.strip() for part in line.split("|"))
    one, other = (listed(f'worklist "A" {{ where {c} }}')[0] for c in (before, after_))
    study = entity_of(stored)
    assert matches(one.filter, study) != matches(other.filter, study)


def entity_of(stored: str) -> Entity:
    from pydicom.dataset import Dataset

    def filled(words: str) -> Dataset:
        dataset = Dataset()
        for word in words.split():
            keyword, _, value = word.partition("=")
            setattr(dataset, keyword, value)
        return dataset

    study, *series = stored.split("/")
    return Entity("study", filled(study), tuple(Entity("series", filled(s)) for s in series))


# --- texts


def edit(text: Text, start: int, end: int, new: str) -> Edit:
    return Edit(text.span(start, end), new, True, "")


def test_edits_of_one_text() -> None:
    text = Text.of("abc\ndef\n", "a")
    two = (edit(text, 5, 6, "EE"), edit(text, 0, 1, ""))
    assert applied(text, two).content == applied(text, two[::-1]).content == "bc\ndEEf\n"
    assert applied(text, ()).content == text.content


@pytest.mark.parametrize("other", [(0, 2), (1, 1), (1, 3), (0, 6)])
def test_edits_that_overlap_are_refused_and_come_later(other: tuple[int, int]) -> None:
    text = Text.of("abcdef", "a")
    first, second = edit(text, 1, 3, "x"), edit(text, *other, "y")
    with pytest.raises(ValueError, match="beside the others"):
        applied(text, (first, second))
    assert apart((first, second, first)) == (first,)


def test_an_edit_of_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="beside the others"):
        applied(Text.of("abc", "a"), (edit(Text.of("abc", "b"), 0, 1, ""),))
    assert len(apart((edit(Text.of("abc", "a"), 0, 1, ""), edit(Text.of("abc", "b"), 0, 1, "")))) == 2


def test_findings_carry_edits_only_where_they_are_asked_for() -> None:
    given = material('worklist "A" { where studyID = "1" and StudyID = "1" }\n')

    def edits(what: Any) -> dict[str, list[tuple[str, bool]]]:
        report = run(given.texts, given.site, TODAY, options=Options(edits=what))
        return {f.finding.rule: [(e.text, e.safe) for e in f.finding.edits] for f in report.findings if f.finding.edits}

    safe = {"WL302": [("StudyID", True)], "WL203": [("", True)]}
    assert edits("") == {}
    assert edits("safe") == safe
    assert edits("all").items() >= safe.items()
    assert edits("all")["WL206"] == [('studyID = "1" and StudyID = "1" and StudyDate within last 30 days', False)]


def test_unsafe_edits_nobody_asked_for_are_bounded_by_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that keep the meaning are not; what was left open is counted, and findings without any edit are not."""
    lists = "\n".join(f'worklist "{n}" {{ where studyID = "{n}" }}' for n in range(12))
    given = material(lists + '\nworklist "5" { where StudyDate = today }\n')

    def carried(what: Any) -> tuple[int, int, int]:
        summary = run(given.texts, given.site, TODAY, options=Options(edits=what)).summary
        return summary.fixable, summary.fixable_unsafe, summary.fixable_open

    assert carried("some") == carried("all") == (12, 12, 0)
    assert carried("safe") == (12, 0, 0)
    monkeypatch.setattr(fixes, "TIMES_TRIED", 0)
    monkeypatch.setattr(fixes, "MOST_TRIED", 15 * 41)
    found = carried("some")
    assert found[0] == 12 and 0 < found[1] < 12 and found[1] + found[2] == 12
    assert carried("all") == (12, 12, 0)


def test_a_label_that_is_only_inferred_is_no_safe_edit() -> None:
    """The same attribute for the program, and not certainly for the viewer."""
    given = material(
        'worklist "A" { where StudyDate = today and "Modality" = "CT" }\n', ("a=impax@6.5.1", "dcm4chee-arc@5.31"), True
    )
    report = run(given.texts, given.site, TODAY, options=Options(edits="all"))
    edits = {e for row in report.findings for e in row.finding.edits}
    assert {(e.text, e.safe, e.meaning) for e in edits} == {("ModalitiesInStudy", False, "other")}


@pytest.mark.parametrize(
    ("uses", "meaning"),
    [(("one", "one"), "narrower"), (("one", "not one"), "other"), (("one", "not not one"), "narrower")],
)
def test_what_is_said_of_an_edit_is_true_of_every_list_that_it_concerns(uses: tuple[str, str], meaning: str) -> None:
    lists = "\n".join(f'worklist "{n}" {{ where StudyDate = today and {use} }}' for n, use in enumerate(uses))
    text = f'filter one {{ StudyDescription starts with "CT" ignoring case }}\n{lists}\n'
    given = material(text, ("orthanc@1.12.4",))
    report = run(given.texts, given.site, TODAY, options=Options(edits="all"))
    edits = {(e.text, e.meaning) for row in report.findings for e in row.finding.edits}
    assert ('StudyDescription starts with "CT"', meaning) in edits


def test_lists_of_other_files_count() -> None:
    """A filter of the project serves a list that an edit would make worse: it is not offered."""
    filters = Text.of('filter male { not PatientSex = "M" }\n', "filters.worklist")
    lists = 'worklist "A" {{ sources {} where StudyDate = today and male }}\n'
    project = read_project(
        "filters: [filters.worklist]\nsources:\n  a: {product: dcm4chee-arc@5.31}\n  b: {product: azure-dicom@v2}\n",
        ROOT,
    )
    site = site_of(project, (), None, ROOT)
    for sources, changed in (("a", True), ("a, b", False)):
        texts = (filters, Text.of(lists.format(sources), "lists.worklist"))
        found = fixed(Material(texts, (filters,), site, TODAY, Options()), unsafe=True)
        assert (found.texts[0].content != filters.content) is changed
        assert found.shared[0].content == found.texts[0].content
        # A file that is not among those given is never changed.
        assert not fixed(Material(texts[1:], (filters,), site, TODAY, Options()), unsafe=True).made
        report = run(texts[1:], site, TODAY, shared=(filters,), options=Options(edits="all"))
        assert not [e for row in report.findings for e in row.finding.edits]


def standing(
    at: dict[tuple[str, str], tuple[int, ...]], wrong: tuple[str, ...] = (), complete: tuple[str, ...] = ("w",)
) -> fixes._Standing:
    return fixes._Standing(at, Counter(wrong), Counter(wrong), frozenset(complete))


HERE, THERE = ("w", "here"), ("w", "there")


@pytest.mark.parametrize(
    ("before", "after_", "fine"),
    [
        (standing({HERE: (0, 1)}), standing({HERE: (0, 1)}), True),
        (standing({HERE: (0, 1)}), standing({HERE: (0, 0)}), True),
        (standing({HERE: (0, 1)}), standing({HERE: (1, 0)}), False),
        (standing({HERE: (1,), THERE: (0,)}), standing({HERE: (0,), THERE: (1,)}), False),
        (standing({HERE: (1,), THERE: (0,)}), standing({HERE: (0,)}), False),
        (standing({HERE: (1,)}), standing({HERE: (1,), THERE: (1,)}), True),
        (standing({HERE: (1,)}), standing({}, complete=()), False),
        (standing({HERE: (1,)}), standing({HERE: (1,)}, complete=()), False),
        (standing({}, ("WL301",), ()), standing({HERE: (1,)}, ("WL206",)), True),
        (standing({HERE: (1,)}), standing({HERE: (0,)}, ("WL202",)), False),
        (standing({HERE: (1,)}, ("WL206", "WL206")), standing({HERE: (1,)}, ("WL206",)), True),
    ],
)
def test_no_worse(before: fixes._Standing, after_: fixes._Standing, fine: bool) -> None:
    assert fixes._no_worse(before, after_) is fine


@pytest.mark.parametrize(
    ("after_", "fine"),
    [({HERE: (0,), THERE: (0,)}, True), ({HERE: (0,), THERE: (1,)}, False), ({HERE: (1,), THERE: (1,)}, False)],
)
def test_an_edit_helps_at_each_source_of_its_finding(
    after_: dict[tuple[str, str], tuple[int, ...]], fine: bool
) -> None:
    place = Text.of("abc", "a").span(0, 1)
    found = Finding("WL310", "error", place, "", worklist="w", sources=("here", "there"))
    assert fixes._helps(found, standing({HERE: (1,), THERE: (1,)}), standing(after_), False) is fine


def test_edits_that_keep_the_meaning_come_first() -> None:
    made = fixed(material('worklist "A" { where studyID = "1" and studyID = "1" }\n'), unsafe=True).made
    assert [words for _, words in made][-1] == "add and StudyDate within last 30 days" and len(made) == 3


def test_what_two_edits_make_together_is_held_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it fails they are made one a pass, and nothing is lost."""
    text = 'worklist "A" { where studyDate = today and studyID = "1" }\n'
    together, made = [], fixes._with_edits

    def counted(one: Material, edits: Any) -> Material:
        together.append(len(edits))
        return made(one, edits)

    monkeypatch.setattr(fixes, "_with_edits", counted)
    assert fixed(material(text)).made and together == [2, 0]
    together.clear()
    monkeypatch.setattr(fixes, "_holds_together", lambda *_: False)
    found = fixed(material(text))
    assert together == [2, 1, 1, 0]
    assert found.texts[0].content == 'worklist "A" { where StudyDate = today and StudyID = "1" }\n'
    assert len(found.made) == 2

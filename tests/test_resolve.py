"""From the tree to constraints: every case is a line or a block under cases/resolve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worklint import clock
from worklint.conditions import SEVERITY, ResolveLimits
from worklint.enterprise import Enterprise
from worklint.knowledge.labels import labels
from worklint.model import All, Any, Constraint, Filter, Has, Test, Worklist
from worklint.project import read_project
from worklint.resolve import Resolved, resolve
from worklint.syntax.parser import parse
from worklint.text import Text

CASES = Path(__file__).parent / "cases" / "resolve"
TODAY, NOW = date(2026, 11, 24), datetime(2026, 11, 24, 13, 5)
SHORT = {"ScheduledProcedureStepSequence": "SPS", "ScheduledProtocolCodeSequence": "Protocol"}


@cache
def site() -> Enterprise:
    return read_project((CASES / "worklint.yaml").read_text(encoding="utf-8"), Path())


def resolved(
    files: dict[str, str],
    enterprise: Enterprise | None = None,
    shared: tuple[str, ...] = (),
    now: datetime | None = NOW,
    limits: ResolveLimits | None = None,
) -> Resolved:
    documents = {name: parse(Text.of(text, name)) for name, text in files.items()}
    vocabulary = labels("impax-client") if enterprise and enterprise.viewer else {}
    return resolve(
        [d for name, d in documents.items() if name not in shared],
        [documents[name] for name in shared],
        enterprise,
        vocabulary,
        TODAY,
        now,
        limits,
    )


def lines(name: str) -> Iterator[object]:
    for number, line in enumerate((CASES / name).read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            condition, arrow, expected = line.partition(" =>")
            assert arrow, f"{name}:{number} has no arrow"
            yield pytest.param(condition, expected.strip(), id=f"{number}")


def listed(condition: str) -> str:
    match = re.match(r"\[(\S+)(?: (\S+))?\] ", condition)
    settings = f"model {match[1]}\n" + (f"level {match[2]}\n" if match[2] else "") if match else ""
    return f'worklist "w" {{\n{settings}where {condition[match.end() :] if match else condition}\n}}\n'


def shown(found: Filter) -> str:
    if isinstance(found, Test):
        return ("not " if found.negated else "") + shown_constraint(found.constraint)
    if isinstance(found, Has):
        scope = dotted(found.path) if found.scope == "item" else found.scope
        return f"{'not ' if found.negated else ''}has {scope}({shown(found.filter)})"
    return f"{'all' if isinstance(found, All) else 'any'}({'; '.join(shown(part) for part in found.parts)})"


def dotted(path: tuple[object, ...]) -> str:
    return ".".join(SHORT.get(a.display, a.display) for a in path)  # type: ignore[attr-defined]


def shown_constraint(c: Constraint) -> str:
    values = [v.text + ("" if v.legal else "!") for v in c.values]
    if c.asked in ("range", "datetime"):
        values = [f"{'(' if c.strict[0] else ''}{values[0]}..{values[1]}{')' if c.strict[1] else ''}"]
    pieces = [dotted(c.path) + (f"+{c.pair.display}" if c.pair else "")] if c.path else []
    pieces += [f'"{c.label}"'] if c.label else []
    pieces += [c.matching if c.path else f"{c.matching}/{c.asked}"]
    pieces += [",".join(values)] if values else []
    pieces += ["~" + "+".join(sorted(c.ignoring))] if c.ignoring else []
    pieces += ["rel"] if c.relative else []
    if c.level == "series" or c.attribute_level != c.level:
        pieces.append(f"@{c.level}/{c.attribute_level or '-'}")
    return " ".join(pieces)


def leaves(found: Filter) -> Iterator[tuple[Constraint, bool]]:
    if isinstance(found, Test):
        yield found.constraint, found.negated
    for part in (found.filter,) if isinstance(found, Has) else found.parts if isinstance(found, All | Any) else ():
        yield from leaves(part)


def assert_leaves(worklist: Worklist) -> None:
    """The constraints are the leaves of the filter, the very objects, in source order."""
    assert {(id(c), n) for c, n in worklist.constraints} == {(id(c), n) for c, n in leaves(worklist.filter)}
    assert [c.span for c, _ in worklist.constraints] == sorted(c.span for c, _ in worklist.constraints)


@pytest.mark.parametrize(("condition", "expected"), list(lines("conditions.txt")))
def test_condition(condition: str, expected: str) -> None:
    found = resolved({"w.worklist": listed(condition)}, site())
    [worklist] = found.worklists
    assert shown(worklist.filter) == expected
    assert_leaves(worklist)


@pytest.mark.parametrize(("condition", "expected"), list(lines("findings.txt")))
def test_finding(condition: str, expected: str) -> None:
    found = resolved({"w.worklist": listed(condition)}, site())
    expected, unjudged, _ = expected.partition(", judged: no") if ", judged: no" in expected else (expected, "", "")
    assert found.worklists[0].complete is not bool(unjudged), [f.message for f in found.findings]
    assert [f.rule for f in found.findings] == re.findall(r"\bWL\d+", expected), [f.message for f in found.findings]
    for finding in found.findings:
        severity, _, words = expected.partition(" ")[2].partition(" ")
        if severity not in ("error", "warning", "info"):
            severity, words = SEVERITY[finding.rule], expected.partition(" ")[2]
        assert finding.severity == severity
        assert words in f"{finding.message} => {finding.remedy}", f"{finding.message} => {finding.remedy}"


def blocks() -> Iterator[object]:
    for file in sorted(CASES.glob("files/*.txt")):
        for block in re.split(r"^=== ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, body = block.partition("\n")
            parts = re.split(r"^--- (.+)\n", body, flags=re.MULTILINE)[1:]
            yield pytest.param(dict(zip(parts[::2], parts[1::2], strict=True)), id=f"{file.stem}: {title}")


@pytest.mark.parametrize("parts", list(blocks()))
def test_files(parts: dict[str, str]) -> None:
    """Each line of ``expected``: a worklist with what it becomes, or a finding with its place and words."""
    expected = [line for line in parts.pop("expected").splitlines() if line.strip()]
    shared = tuple(name.removesuffix(" (shared)") for name in parts if name.endswith(" (shared)"))
    bare = parts.pop("no project", None) is not None
    files = {name.removesuffix(" (shared)"): text for name, text in parts.items()}
    found = resolved(files, None if bare else site(), shared)
    wanted = [line.split(" ", 2) for line in expected if re.match(r"WL\d+ ", line)]
    told = [(f.rule, f"{f.span.file}:{f.span.line}:{f.span.column}") for f in found.findings]
    assert told == [(rule, place) for rule, place, *_ in wanted], [f"{f.rule} {f.message}" for f in found.findings]
    for finding, (_, _, *words) in zip(found.findings, wanted, strict=True):
        assert "".join(words) in f"{finding.message} => {finding.remedy}"
    lists = [f"{w.id}{'' if w.complete else ' (not judged)'}: {shown(w.filter)}" for w in found.worklists]
    assert lists == [line for line in expected if not re.match(r"WL\d+ ", line)]
    for worklist in found.worklists:
        assert all(c.filter is None or c.via for c, _ in worklist.constraints)


def settings_cases() -> Iterator[object]:
    for number, line in enumerate((CASES / "settings.txt").read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            written, values, codes = (part.strip() for part in line.split("=>", 2))
            yield pytest.param(written, values, codes, id=str(number))


@pytest.mark.parametrize(("written", "values", "codes"), list(settings_cases()))
def test_settings(written: str, values: str, codes: str) -> None:
    lines_ = "\n".join(written.split("; "))
    found = resolved({"w.worklist": f'worklist "w" {{\n{lines_}\nwhere StudyID = "1"\n}}\n'}, site())
    [w] = found.worklists
    assert w.complete
    everything = {
        "scope": w.scope, "model": w.model, "level": w.level, "purpose": w.purpose, "sources": w.sources,
        "limit": w.limit, "timezone": w.timezone, "description": w.description, "owner": w.owner,
        "show": [dotted(s.path) or f'"{s.label}"' for s in w.show],
        "sort": [dotted(s.path) + (" descending" if s.descending else "") for s in w.sort],
    }  # fmt: skip
    for pair in values.split("; "):
        name, _, value = pair.partition("=")
        actual = everything[name]
        assert (", ".join(actual) if isinstance(actual, list | tuple) else str(actual)) == value
    told = " | ".join(f"{f.rule} {f.severity} {f.message} => {f.remedy}" for f in found.findings)
    assert re.findall(r"WL\d+", told) == re.findall(r"WL\d+", codes), told
    assert re.sub(r"WL\d+ ?", "", codes) in told


# --- the clock


@pytest.mark.parametrize(
    ("start", "count", "unit", "end"),
    [
        ("2026-03-31", -1, "months", "2026-02-28"),
        ("2024-03-31", -1, "months", "2024-02-29"),
        ("2026-01-31", 1, "months", "2026-02-28"),
        ("2026-12-31", 2, "months", "2027-02-28"),
        ("2026-01-15", -1, "months", "2025-12-15"),
        ("2024-02-29", -1, "years", "2023-02-28"),
        ("2024-02-29", 4, "years", "2028-02-29"),
        ("2026-03-01", -1, "days", "2026-02-28"),
        ("2026-03-01", -2, "weeks", "2026-02-15"),
    ],
)
def test_months_end_on_the_last_day(start: str, count: int, unit: str, end: str) -> None:
    assert clock.shift(datetime.fromisoformat(start), count, unit) == datetime.fromisoformat(end)


@pytest.mark.parametrize("day", range(1, 29))
def test_weeks_begin_on_monday(day: int) -> None:
    today = date(2026, 2, day)
    stretch = clock.within(clock.clock_at(today, None), "this", 1, "weeks")
    assert (stretch.low.weekday(), stretch.high.weekday()) == (0, 6)
    assert stretch.low.date() <= today <= stretch.high.date()
    assert stretch.high - stretch.low < timedelta(days=7)


@pytest.mark.parametrize(
    ("now", "zone", "home", "expected"),
    [
        (datetime(2026, 11, 24, 23, 30), None, None, "2026-11-24T23:30:00"),
        (datetime(2026, 11, 24, 23, 30), "Asia/Tokyo", "Europe/Brussels", "2026-11-25T07:30:00"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "Europe/Brussels", None, "2026-11-25T00:30:00"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), None, None, "2026-11-24T23:30:00"),
        (None, "Asia/Tokyo", "Europe/Brussels", "2026-11-24T12:00:00"),
    ],
)
def test_clock_of_a_zone(now: datetime | None, zone: str | None, home: str | None, expected: str) -> None:
    found = clock.clock_at(TODAY, now, zone, home)
    assert found.now.isoformat() == expected
    assert found.today == found.now.date()


# --- limits, and no traceback


def chain(length: int, joined: str) -> str:
    filters = "".join(f"filter f{i} {{ {joined.replace('#', f'f{i + 1}')} }}\n" for i in range(length))
    return f'{filters}filter f{length} {{ StudyID = "1" }}\nworklist "w" {{ where f0 }}\n'


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        pytest.param(chain(60, "# and #"), ["WL212"], id="filters that double"),
        pytest.param(chain(5000, "not #"), ["WL212"], id="a long chain"),
        pytest.param(chain(100, "not #"), [], id="a chain"),
        pytest.param(
            'worklist "w" { where ' + '(StudyID = "1" or StudyID = "2" and ' * 99 + 'StudyID = "1"' + ")" * 99 + " }",
            [],
            id="parentheses",
        ),
        pytest.param('worklist "w" { where ' + "not " * 199 + 'StudyID = "1" }', ["WL203"], id="not not not"),
    ],
)
def test_too_large_is_a_finding(text: str, rules: list[str]) -> None:
    found = resolved({"w.worklist": text}, limits=ResolveLimits(constraints=1000))
    assert [f.rule for f in found.findings] == rules
    assert [w.complete for w in found.worklists] == ["WL212" not in rules]


REFERENCES = st.sampled_from(
    [
        "StudyDate",
        "StudyTime",
        "PatientAge",
        "StudyInstanceUID",
        "SeriesNumber",
        "PatientWeight",
        "RequestAttributesSequence",
        "AcquisitionDateTime",
        "(StudyDate, StudyTime)",
        "PixelData",
        "(0029,1010)",
        '(0029,xx10 "X")',
        '"Body part"',
        '"Date created"',
        "RequestAttributesSequence.RequestedProcedureID",
        "PatientName",
        "SelectorATValue",
        "Modality",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            "today",
            "$user",
            "0",
            "-3",
            "20260131",
            "2026-01-31",
            "25:61",
            "0001-01-01",
            "9999-12-31T23:59",
            "99999999999999999999",
            '"20260101-"',
            '"a\\\\b"',
            '"*"',
            '"=^"',
            '"UNKNOWN"',
            '"1.2."',
        ]
    ),
    st.text(max_size=6).map(lambda text: '"' + re.sub(r'[\\"\n]', "", text) + '"'),
)
TESTS = st.one_of(
    st.tuples(
        REFERENCES,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "like", "contains", "starts with", "sounds like"]),
        VALUES,
    ),
    st.tuples(REFERENCES, st.sampled_from(["in", "not in", "has all"]), VALUES.map(lambda v: f"({v}, {v})")),
    st.tuples(REFERENCES, st.just("between"), st.tuples(VALUES, VALUES).map(" and ".join)),
    st.tuples(
        REFERENCES,
        st.sampled_from(["within last", "within next", "older than", "not within last"]),
        st.tuples(
            st.integers(0, 999_999).map(str),
            st.sampled_from(["minutes", "hours", "day", "weeks", "months", "years", "x"]),
        ).map(" ".join),
    ),
    st.tuples(REFERENCES, st.just("within this"), st.sampled_from(["minute", "day", "week", "month", "year"])),
).map(" ".join)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda t: f"({''.join(t)})"),
        inner.map(lambda c: f"not ({c})"),
        inner.map(lambda c: f"series has ({c})"),
        inner.map(lambda c: f"RequestAttributesSequence has ({c})"),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONDITIONS, st.sampled_from(["study-root", "patient-root", "modality-worklist"]), st.dates())
def test_whatever_is_written_is_resolved(condition: str, model: str, day: date) -> None:
    document = parse(Text.of(f'worklist "w" {{ model {model} where {condition} }}', "w.worklist"))
    found = resolve([document], [], site(), labels("impax-client"), day)
    for worklist in found.worklists:
        assert_leaves(worklist)
        for constraint, _ in worklist.constraints:
            assert len(constraint.values) == {"range": 2, "datetime": 2, "empty": 0}.get(
                constraint.asked, len(constraint.values)
            )
    assert all(f.message and f.rule in SEVERITY for f in found.findings)


def test_same_input_same_output() -> None:
    text = "\n".join(listed(str(case.values[0])) for case in lines("conditions.txt"))  # type: ignore[attr-defined]
    assert resolved({"w.worklist": text}, site()) == resolved({"w.worklist": text}, site())

"""The project file: what is read, what is refused and how, and that editors are told the same."""

import json
import re
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from worklint import project
from worklint.project import (
    Address,
    Enterprise,
    ProjectError,
    load_project,
    parse_address,
    parse_product,
    read_project,
    require_database,
    span_of,
)

CASES = Path(__file__).parent / "cases" / "project"
SCHEMA = json.loads(
    (Path(__file__).parents[1] / "dicom_dictionaries/schema/project.schema.json").read_text(encoding="utf-8")
)
VALID = sorted((CASES / "valid").glob("*.yaml"))


def broken() -> list[tuple[str, str, list[tuple[str, str]]]]:
    cases = []
    for block in re.split(r"^=== ", (CASES / "errors.txt").read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, rest = block.partition("\n")
        expected = re.findall(r"^--- (\d+:\d+) (.*)$", rest, flags=re.M)
        cases.append((title, re.split(r"^--- \d", rest, flags=re.M)[0], expected))
    return cases


BROKEN = broken()


@pytest.mark.parametrize(("text", "expected"), [c[1:] for c in BROKEN], ids=[c[0] for c in BROKEN])
def test_broken(text: str, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(ProjectError) as caught:
        read_project(text, Path())
    told = [str(p).removeprefix("worklint.yaml:") for p in caught.value.problems]
    assert [":".join(t.split(":")[:2]) for t in told] == [place for place, _ in expected], told
    for line, (_, piece) in zip(told, expected, strict=True):
        assert piece in line
    assert "hunter2" not in str(caught.value)


def plain(name: str) -> Enterprise:
    return load_project(CASES / "valid" / name)


def test_full() -> None:
    e = plain("full.yaml")
    hub, east, west, research, cloud = e.sources
    assert (e.name, e.database, e.timezone, e.filters) == (
        "Lakeside Health",
        "2026.11",
        "Europe/Brussels",
        ("lists/*.worklist",),
    )
    assert e.folder == CASES / "valid"
    assert e.viewer is not None
    assert (e.viewer.product, e.viewer.release, e.viewer.settings) == (
        "impax-client",
        "6.5.1",
        (("new-studies-as-priors", "true"),),
    )
    assert (hub.role, hub.release, hub.settings) == ("hub", "2.0", (("maintain-study-status", "false"),))
    assert (east.hub, west.hub, research.hub, e.local) == ("hub", "hub", None, east)
    assert research.address == Address("dicom", "localhost", 4242, "", "ORTHANC", "WORKLINT")
    assert [(s.attribute, s.matching, s.does, s.adds, s.returned) for s in research.keys] == [
        ("BodyPartExamined", ("single", "wildcard"), "applied", (), "whole"),
        ("StudyDescription", ("single",), "applied", ("case",), None),
        ("StudyDescription", ("wildcard",), "nothing", (), None),
        ("StudyComments", (), None, (), "no"),
    ]
    assert (cloud.profile, cloud.product, cloud.transport) == ("profiles/cloud.yaml", None, "dicomweb")
    assert cloud.auth == (("bearer", "PACS_TOKEN"),)
    assert e.links[0].between == ("east", "west")
    assert [(lab.name, lab.attribute, lab.vr) for lab in e.labels] == [
        ("Reading room", '(0031,xx20 "SITE")', "LO"),
        ("Triage", None, None),
        ("Station", "ScheduledProcedureStepSequence.00400001", None),
    ]
    assert [(p.name, p.example, p.never_empty, p.no_wildcards) for p in e.parameters] == [
        ("user", "HOUSE^GREGORY", True, False),
        ("site", None, False, True),
    ]
    assert e.rules.severity == (("WL700", "off"), ("WL3", "warning"))
    assert [(i.code, i.source, i.files, i.until, i.reason) for i in e.rules.ignore] == [
        ("WL120", "cloud", ("archive/*",), "2027-03-01", "extended query tag is ordered"),
        ("WL310", None, ("a.worklist", "b.worklist"), None, "known since the last upgrade"),
    ]
    assert e.limits == (("list", 20000), ("file", 33554432))
    assert (east.span.line, east.span.column) == (11, 3)
    assert span_of(hub, "settings.maintain-study-status").column == 63


def test_every_scalar_is_text() -> None:
    e = plain("looks.yaml")
    assert e.name == "0123"
    assert [(s.id, s.release) for s in e.sources] == [("no", "1.10"), ("y", "MAG*3.0*239@a"), ("on", None)]
    assert dict(e.sources[0].settings) == {
        "A": "yes",
        "B": "1e3",
        "C": "0x1F",
        "D": "1.10",
        "E": "off",
        "F": "~",
        "G": "2026-01-31",
        "H": "",
        "I": "012",
    }
    assert e.local is e.sources[1]
    assert e.sources[2].address == Address("dicoms", "::1", 11112, "", "AE 1", None)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"enterprise: A\nviewer: \xe4\n", "worklint.yaml:2:9: a byte that is not UTF-8 (0xE4)"),
        ("enterprise: A\n".encode("utf-16"), "worklint.yaml:1:1: UTF-16"),
        (b"enterprise: A\x07\n", "worklint.yaml:1:14: a control character (U+0007)"),
        (b"enterprise: \xc3\xa4\xf0\x9f\xa9\xbb\n\xff", "worklint.yaml:2:1: a byte"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes, place: str) -> None:
    (tmp_path / "worklint.yaml").write_bytes(data)
    with pytest.raises(ProjectError) as caught:
        load_project(tmp_path / "worklint.yaml")
    assert str(caught.value).startswith(place)
    assert str(tmp_path) not in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"gone\.yaml:1:1: cannot be read"):
        load_project(tmp_path / "gone.yaml")


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")])
def test_byte_order_mark_and_crlf_change_nothing(change: object) -> None:
    text = (CASES / "valid/full.yaml").read_text(encoding="utf-8")
    assert callable(change)
    assert read_project(change(text), CASES) == read_project(text, CASES)


def test_only_lf_ends_a_line_and_columns_are_code_points() -> None:
    with pytest.raises(ProjectError) as caught:
        read_project('enterprise: "a\u0085b\u2028\U0001fa7b"\nlabels: {"\U0001fa7b": {vr: LO}}\n', Path())
    assert {(p.line, p.column) for p in caught.value.problems} == {(1, 13), (2, 10)}


def test_nesting_has_an_end() -> None:
    with pytest.raises(ProjectError, match="nesting deeper"):
        read_project("a: " + "[" * 100, Path())


@given(st.text(alphabet="ab:{}[],&*!|>'\"#%@-?\n \t$~<0\u00e4\u2028", max_size=60))
def test_no_text_leads_to_another_exception(text: str) -> None:
    try:
        read_project(text, Path())
    except ProjectError as error:
        assert error.problems
        assert all(p.line >= 1 and p.column >= 1 and p.message for p in error.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dicom://AE@host", Address("dicom", "host", 104, "", "AE")),
        ("DICOM://AE@host", Address("dicom", "host", 104, "", "AE")),
        ("dicoms://AE@host", Address("dicoms", "host", 2762, "", "AE")),
        ("dicom://A%40B@10.0.0.1:11112/", Address("dicom", "10.0.0.1", 11112, "", "A@B")),
        ("http://host", Address("http", "host", 80)),
        ("https://host:8443/a/b/", Address("https", "host", 8443, "/a/b")),
        ("https://host/a@b", Address("https", "host", 443, "/a@b")),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


def test_a_product_ends_at_the_first_at() -> None:
    assert parse_product("a-1@b@c") == ("a-1", "b@c")


def test_pin_of_the_database() -> None:
    e = read_project('enterprise: A\ndatabase: "2026.10"\n', Path())
    require_database(e, "2026.10")
    with pytest.raises(ProjectError, match=r"^worklint\.yaml:2:11: .*2026\.10, installed is 2026\.11"):
        require_database(e, "2026.11")


# --- the schema that editors use ------------------------------------------------------------------------------------


def validator() -> object:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA)


def as_an_editor_reads(text: str) -> object:
    """By the rules of YAML 1.2, as editors do: true and false are truth values, digits are numbers."""

    class Loader(yaml.BaseLoader):
        yaml_implicit_resolvers: ClassVar[dict[str, object]] = {}

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false|True|False|TRUE|FALSE)$"), None)
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?$"), None)
    Loader.add_constructor("tag:yaml.org,2002:bool", lambda _, node: node.value.lower() == "true")
    Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))
    return yaml.load(text, Loader)


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.name)
def test_schema_admits_what_is_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    load_project(path)
    for document in (yaml.load(text, yaml.BaseLoader), as_an_editor_reads(text)):
        assert [e.message for e in validator().iter_errors(document)] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "enterprize: A",
        "sources: {a: {role: hub}}",
        "sources: {a: {product: x, profile: y}}",
        "sources: {a: {product: x, local: maybe}}",
        "sources: {a: {product: x, auth: {bearer: secret}}}",
        "sources: {1a: {product: x}}",
        "sources: {a: {product: x, keys: {study: {StudyDate: {adds: case}}}}}",
        "links: [{between: [a]}]",
        "labels: {A: {vr: LO}}",
        "rules: {severity: {WL700: of}}",
        "rules: {ignore: [{code: WL120}]}",
        "sources: {}",
        "enterprise: [A]",
    ],
)
def test_schema_and_reader_refuse_alike(text: str) -> None:
    assert list(validator().iter_errors(yaml.load(text, yaml.BaseLoader)))  # type: ignore[attr-defined]
    with pytest.raises(ProjectError):
        read_project(text, Path())


def test_schema_names_the_keys_that_are_read() -> None:
    of_schema = {"project": SCHEMA["properties"]} | {
        name: part["properties"] for name, part in SCHEMA["$defs"].items() if "properties" in part
    }
    assert {name: tuple(keys) for name, keys in of_schema.items()} == dict(project.KEYS)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("source.properties.role", project.ROLES),
        ("source.properties.transport", project.TRANSPORTS),
        ("statement.properties.does", project.DOES),
        ("statement.properties.returned", project.RETURNED),
        ("label.properties.vr", project.VRS),
        ("level", project.LEVELS),
        ("reason", project.REASONS),
        ("kind", project.MATCHING_KINDS),
    ],
)
def test_schema_names_the_words_that_are_read(place: str, words: tuple[str, ...]) -> None:
    part = SCHEMA["$defs"]
    for step in place.split("."):
        part = part[step]
    assert tuple(part["enum"]) == words


def test_levels_are_those_of_the_standard_models() -> None:
    from worklint.knowledge.standard import models

    assert {level for model in models() for level in model.levels} == set(project.LEVELS)

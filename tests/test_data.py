"""The product files are right, and the linter sees each kind of mistake it promises to see."""

from __future__ import annotations

import copy
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from worklint.knowledge import data, products, profile_reader

ROOT = Path(__file__).parent.parent
_spec = importlib.util.spec_from_file_location("lint_data", ROOT / "tools" / "lint_data.py")
assert _spec and _spec.loader
lint_data = importlib.util.module_from_spec(_spec)
import sys  # noqa: E402

sys.modules["lint_data"] = lint_data
_spec.loader.exec_module(lint_data)

SCHEMA = data.read_json("dicom_dictionaries/schema/profile.schema.json")


@pytest.mark.parametrize("name", products.product_ids())
def test_product_file_has_no_problem(name: str) -> None:
    found = lint_data.lint(data.read_json(f"dicom_dictionaries/products/{name}.json"))
    assert not found, "\n".join(map(str, found))


GOOD: dict[str, Any] = {
    "product": "example",
    "releases": ["1.0", "1.1", "2.0"],
    "transports": ["dimse", "dicomweb"],
    "models": ["study-root", {"model": "modality-worklist", "transport": "dimse"}],
    "settings": {"FoldCase": {"values": ["true", "false"], "default": "false"}},
    "citations": {"manual": {"grade": "documented", "citation": "Manual, page 7"}},
    "sets": {"texts": ["PatientID", "StudyDescription"]},
    "statements": [
        {"for": {"attribute": "#texts", "kind": "single"}, "key": {"does": "applied"}, "evidence": "manual"},
        {
            "for": {"attribute": "#texts", "kind": "wildcard", "setting": {"FoldCase": True}, "releases": ">=1.1"},
            "key": {"does": "applied", "adds": ["case"]},
            "evidence": "manual",
        },
    ],
}

# What is changed (path = new value), and a word of the message that answers it.
MISTAKES = """
sets.texts.0 = PatientIdent                                         | write PatientI
statements.0.for.attribute = ModalityX                              | write Modality
statements.0.for.level = instance                                   | study, series, image
statements.0.for.model = studyroot                                  | write study-root
statements.0.for.attribute = "#text"                                | one of: texts
statements.0.for.attribute = "*below"                               | *lower
statements.0.for.kind = like                                        | wildcard
statements.0.for.value = uppercase                                  | all-upper
statements.0.for = {model: modality-worklist, attribute: Modality}  | ScheduledProcedureStepSequence.Modality
releases = ["2.0", "1.0", "1.1"]                                    | oldest first
releases = ["1.0", "1.0", "1.1"]                                    | twice
statements.1.for.releases = ">=1.2"                                 | add it there
statements.1.for.releases = "1.0..3.0"                              | 3.0 is not in releases
statements.1.for.setting = {FoldCases: true}                        | add "FoldCases"
statements.1.for.setting = {FoldCase: maybe}                        | true, false
statements.1.for = {attribute: "#texts", kind: single}              | equal right
statements.0.for = {attribute: StudyDate, kind: wildcard}           | wildcard-literal
statements.0.key.does = refuses                                     | refused
statements.0.key.adds = [lowercase]                                 | lowercase
statements.0.key = {does: ignored, misses: [other]}                 | leave out
statements.0.evidence = handbook                                    | one of: manual
citations.manual.grade = measured                                   | date
citations.book = {grade: code, citation: "x.c"}                     | take it out
sets.unused = [PatientID]                                           | take it out
statements.0.forr = {}                                              | forr
extends = nothing                                                   | no product file
measurements = [{for: {releases: "=1.1"}, file: "no.json"}]         | tools/measure.py
measurements = [{for: {releases: "=1.3"}, file: "no.json"}]         | add it there
measurements = [{for: {releases: ">=1.1", transport: dimse}, file: "pynetdicom-qrscp@3.0.4_dimse.json"}] | one release
measurements = [{for: {releases: "=1.1", transport: dicomweb}, file: "pynetdicom-qrscp@3.0.4_dimse.json"}] | over dimse
statements.0.key = {does: applied, undecided: {adds: [case]}}       | counted too
"""


@pytest.mark.parametrize("line", list(MISTAKES.strip().splitlines()))
def test_mistake_is_seen(line: str) -> None:
    change, _, word = line.rpartition("|")
    path, _, value = change.partition(" = ")
    content = copy.deepcopy(GOOD)
    assert not lint_data.lint(content)
    at: Any = content
    *steps, last = path.strip().split(".")
    for step in steps:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    at[int(last) if isinstance(at, list) else last] = yaml.safe_load(value)
    messages = "\n".join(map(str, lint_data.lint(content)))
    assert word.strip() in messages, messages or "nothing seen"


def test_two_settings_or_releases_are_no_tie() -> None:
    content = copy.deepcopy(GOOD)
    one = content["statements"][0]
    one["for"]["releases"] = "1.0"
    content["statements"].append({**one, "for": {**one["for"], "releases": ">=1.1"}, "key": {"does": "ignored"}})
    assert not lint_data.lint(content)


# Where each kind of record stands in a file, and the definition of the schema that describes it.
SHAPES = {
    (): None, ("citations", "*"): "citation", ("settings", "*"): "setting", ("statements", 0): "statement",
    ("statements", 0, "for"): "where", ("statements", 0, "key"): "key", ("interactions", 0): "interaction",
    ("interactions", 0, "when"): "when", ("interactions", 0, "then"): "then", ("lifts", 0): "lift",
    ("keeping", 0): "keeping", ("keeping", 0, "gives"): "gives", ("service",): "service", ("viewer",): "viewer",
    ("service", "cap", 0): "cap", ("service", "selectors", 0): "selectors", ("service", "hides", 0): "hidden",
    ("service", "selectors", 0, "any-of", 0): "selector-key", ("facts", 0): "fact", ("models", 0): "model",
    ("viewer", "sends", 0): "sending", ("measurements", 0): "measurement",
    ("statements", 0, "key", "undecided"): "undecided",
}  # fmt: skip
EVERYTHING: dict[str, Any] = {
    "product": "everything",
    "citations": {"c": {"grade": "code", "citation": "x"}},
    "settings": {"S": {}},
    "models": ["study-root"],
    "statements": [{"for": {}, "key": {"does": "applied"}, "evidence": "c"}],
    "interactions": [{"when": {}, "then": {"query": {"does": "applied"}}, "evidence": "c"}],
    "lifts": [{"lifts": "parents-required"}],
    "measurements": [{"file": "x.json"}],
    "keeping": [{"gives": {"behind": ["a", "b"]}, "evidence": "c"}],
    "service": {
        "cap": [{"evidence": "c"}],
        "selectors": [{"any-of": ["PatientID"], "evidence": "c"}],
        "hides": [{"what": "x", "evidence": "c"}],
    },
    "facts": [{"rule": "WL600", "evidence": "c"}],
    "viewer": {"sends": [{"sends": "yes", "evidence": "c"}]},
}


def test_schema_and_reader_know_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    read: dict[tuple[Any, ...], set[str]] = {}
    original = profile_reader._Reader.keys

    def spy(self: Any, record: Any, allowed: Any, place: tuple[Any, ...]) -> Mapping[str, Any]:
        shape = tuple("*" if i and place[i - 1] in ("citations", "settings") else p for i, p in enumerate(place))
        read.setdefault(shape, set(allowed))
        return original(self, record, allowed, place)

    monkeypatch.setattr(profile_reader._Reader, "keys", spy)
    profile_reader.read_profile(EVERYTHING)
    for shape, name in SHAPES.items():
        described = SCHEMA if name is None else SCHEMA["$defs"][name]
        assert read[shape] == set(described["properties"]), (shape, name)
    statement, replacement = (set(SCHEMA["$defs"][n]["properties"]) for n in ("statement", "replacement"))
    assert statement == replacement
    assert {s for s in read if s not in SHAPES and "for" not in s} <= {
        ("interactions", 0, "then", "query"), ("interactions", 0, "then", "query", "undecided"),
    }  # fmt: skip


def test_schema_and_reader_know_the_same_words() -> None:
    from worklint.model import GRADES, MATCHING_KINDS, REASONS

    defs = SCHEMA["$defs"]
    assert defs["key"]["properties"]["does"]["enum"] == list(profile_reader.DOES)
    assert defs["statement"]["properties"]["returned"]["enum"] == list(profile_reader.RETURNED)
    assert defs["keeping"]["properties"]["gives"]["anyOf"][0]["enum"] == list(profile_reader.GIVES)
    assert defs["citation"]["properties"]["grade"]["enum"] == list(GRADES)
    assert defs["reasons"]["anyOf"][0]["enum"] == list(REASONS)
    assert defs["where"]["properties"]["kind"]["anyOf"][0]["enum"] == [*MATCHING_KINDS, "any"]
    assert defs["where"]["properties"]["transport"]["anyOf"][0]["enum"] == list(profile_reader.TRANSPORTS)
    assert defs["where"]["properties"]["role"]["anyOf"][0]["enum"] == list(profile_reader.ROLES)


def test_example_of_the_documentation_is_right() -> None:
    text = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    examples = [block.partition("```")[0] for block in text.split("```json\n")[1:]]
    assert examples
    for example in examples:
        found = lint_data.lint(json.loads(example))
        assert not found, "\n".join(map(str, found))

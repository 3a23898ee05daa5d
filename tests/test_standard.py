"""The standard dictionary: complete, current, equal to pydicom where both speak, and right on known facts."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.uid import UID_dictionary

from worklint.knowledge import standard
from worklint.model import MATCHING_KINDS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "dicom_dictionaries/standard"
CASES = Path(__file__).parent / "standard"
TABLES = sorted((FOLDER / "models").glob("*.json"))
ALL_MODELS = [entry["id"] for entry in json.loads((FOLDER / "models.json").read_text())["models"]]


def cases(name: str) -> list[dict[str, str]]:
    with (CASES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def expanded() -> Iterator[tuple[str, str, str, tuple[str, ...], dict[str, Any]]]:
    """Every row of every key table with the rows of its macros: model, level, table, path, row."""
    macros = read("macros.json")["macros"]

    def below(path: tuple[str, ...], row: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        path = (*path, row["keyword"])
        yield path, row
        for item in [r for name in row.get("includes", ()) for r in macros[name]] + row.get("items", []):
            yield from below(path, item)

    for file in TABLES:
        table = json.loads(file.read_text(encoding="utf-8"))
        for level, groups in table["levels"].items():
            for group in groups:
                for top in group["keys"]:
                    for path, row in below((), top):
                        yield table["model"], level, group["table"], path, row


# ------------------------------------------------------------------------------------------------- completeness


def test_every_table_has_as_many_rows_as_are_printed() -> None:
    printed = {(r["model"], r["level"], r["table"]): int(r["rows"]) for r in cases("rows.csv")}
    assert Counter((model, level, table) for model, level, table, _, _ in expanded()) == printed


def test_no_key_is_stated_twice() -> None:
    found = Counter((model, level, path) for model, level, _, path, _ in expanded() if path[-1] != "*")
    assert [key for key, count in found.items() if count > 1] == []


def test_generated_file_is_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools/update_standard.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "file", ["models", "macros", "matching", "modules", "negotiation", "statuses", "identifier", "vr"]
)
def test_file_fits_its_schema(file: str) -> None:
    schema = json.loads((ROOT / f"dicom_dictionaries/schema/standard-{file}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(read(f"{file}.json"), schema)


@pytest.mark.parametrize("file", TABLES, ids=lambda f: f.stem)
def test_key_table_fits_its_schema(file: Path) -> None:
    schema = json.loads((ROOT / "dicom_dictionaries/schema/standard-keys.schema.json").read_text())
    jsonschema.validate(json.loads(file.read_text(encoding="utf-8")), schema)


# ---------------------------------------------------------------------------------------------------- keywords


def test_tags_vr_and_vm_are_those_of_pydicom() -> None:
    wrong = []
    for tag, (vr, vm, _, retired, keyword) in DicomDictionary.items():
        found = standard.attribute_by_tag(f"{tag:08X}")
        if vr == "NONE":
            assert found is None
        elif found is None or (found.keyword, found.vr, found.vm, found.retired) != (keyword, vr, vm, bool(retired)):
            wrong.append((f"{tag:08X}", found))
    assert wrong == []


def test_every_keyword_finds_its_own_tag() -> None:
    wrong = [
        keyword
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
        if keyword and vr != "NONE" and getattr(standard.attribute_by_keyword(keyword), "tag", None) != f"{tag:08X}"
    ]
    assert wrong == []


def test_every_keyword_of_the_data_is_in_the_dictionary() -> None:
    used = {path[-1] for *_, path, _ in expanded()} - {"*"}
    used |= {r["keyword"] for r in rows("levels.csv")} | {r["keyword"] for r in rows("replacements.csv")}
    used |= {part for r in rows("replacements.csv") if r["use"] for part in r["use"].split(".")}
    used |= {r["keyword"] for r in read("identifier.json")["attributes"]}
    used |= {k for r in rows("date_time_pairs.csv") for k in (r["date"], r["time"])}
    used |= {k for module in read("modules.json")["modules"].values() for k in module["attributes"]}
    assert sorted(k for k in used if standard.attribute_by_keyword(k) is None) == []


def test_sequences_alone_have_items() -> None:
    parents = {path[-2] for *_, path, _ in expanded() if len(path) > 1}
    vrs = {k: standard.attribute_by_keyword(k) for k in parents}
    assert {k: a for k, a in vrs.items() if a is None or a.vr != "SQ"} == {}


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [("OverlayData", "60003000"), ("SourceImageIDs", "00203100"), ("CurrentFrameFunctionalGroupsSequence", "00060001")],
)
def test_repeating_groups_and_additions(keyword: str, tag: str) -> None:
    found = standard.attribute_by_keyword(keyword)
    assert found is not None and found.tag == tag
    again = standard.attribute_by_tag(tag)
    assert again is not None and again.keyword == keyword


@pytest.mark.parametrize("word", ["", "bodypartexamined", "CS", "1-n", "Body Part Examined", "Name,CS", "Größe", "\n"])
def test_no_keyword(word: str) -> None:
    assert standard.attribute_by_keyword(word) is None


@pytest.mark.parametrize("tag", ["", "0010", "0010001G", "00091001", "60013000", "0010,0010", "99999998"])
def test_no_tag(tag: str) -> None:
    assert standard.attribute_by_tag(tag) is None


def test_elements_of_a_repeating_group() -> None:
    found = standard.attribute_by_tag("601E3000")
    assert found is not None and (found.keyword, found.tag) == ("OverlayData", "601E3000")


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("bodypartexamined", "BodyPartExamined"),
        ("Body part examined", "BodyPartExamined"),
        ("BodyPartExaminde", "BodyPartExamined"),
        ("PatientsName", "PatientName"),
        ("ModalityInStudy", "ModalitiesInStudy"),
        ("ModalitiesInStud", "ModalitiesInStudy"),
        ("StudyInstanceUId", "StudyInstanceUID"),
    ],
)
def test_nearest_keyword(word: str, first: str) -> None:
    assert standard.nearest_keywords(word)[0] == first


@pytest.mark.parametrize("word", ["", "zzzzzzzzzz", "ß" * 300])
def test_nothing_is_near(word: str) -> None:
    assert standard.nearest_keywords(word) == ()


# ------------------------------------------------------------------------------------------------------ models


def test_every_sop_class_is_known_to_pydicom() -> None:
    for entry in read("models.json")["models"]:
        for uid in (uid for uids in entry.get("sop_classes", {}).values() for uid in uids):
            assert uid in UID_dictionary, uid
            retired = UID_dictionary[uid][3] == "Retired"
            assert retired == entry.get("retired", False), uid


def test_levels_and_unique_keys_are_aligned() -> None:
    for name in ALL_MODELS:
        found = standard.model(name)
        assert found is not None and len(found.levels) == len(found.unique_keys)
        assert found.usual_level in found.levels
        for level, key in zip(found.levels, found.unique_keys, strict=True):
            rule = standard.key_rule(name, found.transport, level, (key,)) if key and not found.retired else None
            # UPS and the single-level models mark their instance UID as an ordinary key or leave it to the model.
            if rule and found.patient_at:
                assert rule.key_type == "U", (name, level)


def test_users_name_models_and_no_transport() -> None:
    ids = [m.id for m in standard.models()]
    assert {"study-root", "patient-root", "modality-worklist", "unified-procedure-step"} <= set(ids)
    assert not [i for i in ids if "/" in i]


def test_every_resource_is_described() -> None:
    named = {r for m in standard.models() for _, ids in m.resources for r in ids}
    described = {i for i in ALL_MODELS if "/" in i}
    # Asked for neither by a level alone nor by a full parent path; still part of the standard.
    assert described - named == {"qido-rs/study-instances"}
    assert named <= described


@pytest.mark.parametrize(
    ("model", "level", "parent", "found"),
    [
        ("study-root", "study", False, "qido-rs/studies"),
        ("study-root", "series", False, "qido-rs/series"),
        ("study-root", "series", True, "qido-rs/study-series"),
        ("patient-root", "image", True, "qido-rs/study-series-instances"),
        ("patient-root", "patient", False, None),
        ("unified-procedure-step", "workitem", False, "ups-rs/workitems"),
        ("hanging-protocol", "instance", False, "npi-rs/hanging-protocols"),
        ("modality-worklist", "worklist-item", False, None),
        ("none", "study", False, None),
    ],
)
def test_resource(model: str, level: str, parent: bool, found: str | None) -> None:
    assert standard.resource(model, level, parent) == found


@pytest.mark.parametrize(
    ("word", "found"),
    [("studyroot", "study-root"), ("Study Root", "study-root"), ("modality_worklist", "modality-worklist")],
)
def test_nearest_model(word: str, found: str) -> None:
    assert standard.nearest_model(word) == found


# -------------------------------------------------------------------------------------------------- key tables


@pytest.mark.parametrize(
    "case", cases("keys.csv"), ids=lambda c: f"{c['model']}-{c['transport']}-{c['level']}-{c['path']}"
)
def test_key_rule(case: dict[str, str]) -> None:
    found = standard.key_rule(
        case["model"], case["transport"], case["level"], tuple(case["path"].split(".")), case["parent"] == "yes"
    )
    if case["key"] == "none":
        assert found is None
    else:
        assert found is not None
        got = (found.key_type, " ".join(found.kinds), "yes" if found.open_ended else "no")
        assert got == (case["key"], case["kinds"], case["open"])
        assert found.table.startswith("PS3.")


def test_every_printed_row_is_found_again() -> None:
    for model, level, table, path, row in expanded():
        if path[-1] == "*" or model == "qido-rs":
            continue
        found = standard.key_rule(model, "dimse", level, path)
        assert found is not None and found.table == table and not found.open_ended, (model, level, path)
        if row["key"] != "inherited":
            assert found.key_type == row["key"], (model, level, path)


def test_modules_hold_what_the_tables_print_of_them() -> None:
    modules = read("modules.json")["modules"]
    missing = set()
    for file in TABLES:
        for groups in json.loads(file.read_text(encoding="utf-8"))["levels"].values():
            for group in groups:
                module = modules.get(group.get("module", "").removesuffix(" Module"))
                printed = {r["keyword"] for r in group["keys"]}
                if module and "*" in printed:
                    missing |= {(file.stem, group["module"], k) for k in printed - {"*", *module["attributes"]}}
    assert missing == set()


def test_tables_state_only_kinds_that_exist() -> None:
    stated = {kind for *_, row in expanded() for kind in row.get("kinds", ())}
    assert stated <= set(MATCHING_KINDS)


@pytest.mark.parametrize(
    ("keyword", "model", "levels"),
    [
        ("PatientName", "study-root", ("study",)),
        ("PatientName", "patient-root", ("patient",)),
        ("PatientBirthDate", "study-root", ("study",)),
        ("StudyDate", "study-root", ("study",)),
        ("ModalitiesInStudy", "study-root", ("study",)),
        ("NumberOfStudyRelatedInstances", "study-root", ("study",)),
        ("NumberOfPatientRelatedStudies", "study-root", ()),
        ("NumberOfPatientRelatedStudies", "patient-root", ("patient",)),
        ("BodyPartExamined", "study-root", ("series",)),
        ("InstitutionName", "study-root", ("series",)),
        ("StationName", "study-root", ("series",)),
        ("ApprovalStatus", "study-root", ("image",)),
        ("ProtocolName", "study-root", ("series", "image")),
        ("StudyStatusID", "study-root", ()),
        ("ScheduledStationAETitle", "study-root", ()),
        ("ScheduledProcedureStepSequence", "modality-worklist", ("worklist-item",)),
        ("Modality", "modality-worklist", ()),
        ("ProcedureStepState", "unified-procedure-step", ("workitem",)),
        ("PatientName", "no-such-model", ()),
    ],
)
def test_levels_of(keyword: str, model: str, levels: tuple[str, ...]) -> None:
    assert standard.levels_of(keyword, model) == levels


# ------------------------------------------------------------------------------------------------- value lists


@pytest.mark.parametrize("row", rows("value_lists.csv"), ids=lambda r: r["keyword"])
def test_value_list_fits_its_attribute(row: dict[str, str]) -> None:
    attribute = standard.attribute_by_keyword(row["keyword"])
    assert attribute is not None and not attribute.retired
    values = row["values"].split(";")
    assert standard.defined_values(row["keyword"]) == tuple(values)
    assert len(set(values)) == len(values) > 1
    assert [v for v in values if standard.legal_value(attribute.vr, v)] == []
    assert row["closed"] in ("yes", "no") and row["source"].startswith("PS3.")


# ------------------------------------------------------------------------------------------------ replacements

_LEVEL_MODEL = {"study": "study-root", "series": "study-root", "worklist-item": "modality-worklist",
                "workitem": "unified-procedure-step"}  # fmt: skip


@pytest.mark.parametrize("row", rows("replacements.csv"), ids=lambda r: f"{r['keyword']}-{r['level']}")
def test_replacement_is_needed_and_fits(row: dict[str, str]) -> None:
    found = standard.attribute_by_keyword(row["keyword"])
    assert found is not None
    if row["level"]:
        model = _LEVEL_MODEL[row["level"]]
        assert found.retired or standard.key_rule(model, "dimse", row["level"], (row["keyword"],)) is None
        assert standard.key_rule(model, "dimse", row["level"], tuple(row["use"].split(".")))
    else:
        assert found.retired
        used = [standard.attribute_by_keyword(part) for part in row["use"].split(".") if part]
        assert not [a for a in used if a is None or a.retired]


@pytest.mark.parametrize(
    ("keyword", "level", "use"),
    [
        ("BodyPartExamined", "study", "AnatomicRegionsInStudyCodeSequence"),
        ("BodyPartExamined", "series", None),
        ("OtherPatientIDs", "study", "OtherPatientIDsSequence"),
        ("OtherPatientIDs", "patient", "OtherPatientIDsSequence"),
        ("StudyStatusID", "study", None),
        ("Modality", "study", "ModalitiesInStudy"),
        ("PatientName", "study", None),
    ],
)
def test_replacement(keyword: str, level: str, use: str | None) -> None:
    assert standard.replacement(keyword, level) == use


def test_no_replacement_says_why() -> None:
    assert "reading" in (standard.replacement_note("StudyStatusID") or "")
    assert standard.replacement_note("PatientName") is None


# ----------------------------------------------------------------------------- matching, negotiation, statuses


@pytest.mark.parametrize(
    ("vr", "kind", "worklist", "found"),
    [
        ("CS", "single", False, "yes"),
        ("CS", "wildcard", False, "yes"),
        ("CS", "range", False, "no"),
        ("AS", "wildcard", False, "no"),
        ("DA", "wildcard", False, "no"),
        ("DA", "range", False, "yes"),
        ("DA", "datetime", False, "negotiated"),
        ("DA", "datetime", True, "built-in"),
        ("DS", "single", False, "implementation-defined"),
        ("DS", "single", True, "implementation-defined"),
        ("UI", "list-of-uid", False, "yes"),
        ("UI", "wildcard", False, "no"),
        ("LO", "list-of-uid", False, "no"),
        ("LO", "empty", False, "negotiated"),
        ("LO", "empty", True, "no"),
        ("IS", "empty", False, "no"),
        ("CS", "multiple", False, "negotiated"),
        ("ST", "multiple", False, "no"),
        ("PN", "fuzzy", True, "negotiated"),
        ("SQ", "single", False, "no"),
        ("SQ", "sequence", False, "yes"),
        ("US or SS", "single", False, "yes"),
        ("CS", "any-of", False, "no"),
        ("??", "single", False, "no"),
    ],
)
def test_permitted(vr: str, kind: str, worklist: bool, found: str) -> None:
    assert standard.permitted(vr, kind, worklist) == found


def test_wildcards_and_ranges_are_said_once_in_two_places() -> None:
    """What `vr.json` says of patterns and ranges is what `matching.json` permits (PS3.4 C.2.2.2.4 and .5)."""
    for entry in read("vr.json")["vr"]:
        rule = standard.vr(entry["vr"])
        assert rule.wildcards == (standard.permitted(rule.vr, "wildcard", False) == "yes"), rule.vr
        assert rule.range == (standard.permitted(rule.vr, "range", False) == "yes"), rule.vr


def test_every_vr_of_the_dictionary_has_a_rule() -> None:
    used = {part for r in rows("attributes.csv") for part in r["vr"].split(" or ")}
    assert {vr for vr in used if standard.vr(vr).vr != vr} == set()


@pytest.mark.parametrize(
    ("model", "bytes_"),
    [
        ("study-root", 7),
        ("modality-worklist", 4),
        ("unified-procedure-step", 4),
        ("product-characteristics", 0),
        ("x", 0),
    ],
)
def test_negotiation(model: str, bytes_: int) -> None:
    assert [o.byte for o in standard.negotiation_options(model)] == list(range(1, bytes_ + 1))


def test_statuses() -> None:
    found = {(s.protocol, s.code): s.effect for s in standard.statuses()}
    assert found["dimse", "FF00"] == ("none",)
    assert found["dimse", "FF01"] == ("may-add",)
    assert found["dimse", "A900"] == ("rejected",)
    assert found["dicomweb", "206"] == ("partial",)


@pytest.mark.parametrize(
    ("date", "time", "paired"),
    [
        ("StudyDate", "StudyTime", True),
        ("PatientBirthDate", "PatientBirthTime", True),
        ("ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", True),
        ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", True),
        ("StudyDate", "SeriesTime", False),
        ("StudyTime", "StudyDate", False),
    ],
)
def test_date_and_time_pair(date: str, time: str, paired: bool) -> None:
    assert standard.is_combined_pair(date, time) is paired
    assert (standard.time_of(date) == time) is paired


def test_pairs_are_a_date_and_a_time() -> None:
    for row in rows("date_time_pairs.csv"):
        found = [standard.attribute_by_keyword(row[k]) for k in ("date", "time")]
        assert [a and a.vr for a in found] == ["DA", "TM"], row


# ------------------------------------------------------------------------------------------------------- values


def _plain(text: str) -> str:
    return text.replace("<TAB>", "\t").replace("<LF>", "\n").replace("<ESC>", "\x1b")


@pytest.mark.parametrize("case", cases("values.csv"), ids=lambda c: f"{c['vr']}:{c['text'][:30]}")
def test_value(case: dict[str, str]) -> None:
    text = _plain(case["text"])
    problem = standard.legal_value(case["vr"], text, case["pattern"] == "yes")
    assert (problem is None) == (case["says"] == ""), problem
    assert case["says"] in (problem or "")
    assert standard.canonical(case["vr"], text) == _plain(case["canonical"])


@pytest.mark.parametrize(
    "case", [c for c in cases("values.csv") if not c["says"]], ids=lambda c: f"{c['vr']}:{c['text']}"
)
def test_a_legal_value_stays_legal_when_sent(case: dict[str, str]) -> None:
    sent = standard.canonical(case["vr"], _plain(case["text"]))
    assert standard.legal_value(case["vr"], sent, case["pattern"] == "yes") is None
    assert standard.canonical(case["vr"], sent) == sent


@given(
    vr=st.sampled_from([*sorted(r["vr"] for r in read("vr.json")["vr"]), "US or SS", "??"]),
    text=st.text(max_size=40) | st.text("01289.+-:TZeE^=\\ DY*", max_size=20),
)
@settings(max_examples=300, deadline=None)
def test_no_text_raises(vr: str, text: str) -> None:
    sent = standard.canonical(vr, text)
    assert standard.canonical(vr, sent) == sent
    if standard.legal_value(vr, text) is None:
        assert standard.legal_value(vr, sent) is None


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from worklint.knowledge import standard as s;"
        "s.key_rule('study-root','dimse','study',('PatientName',)); s.legal_value('DA','x');"
        "print([m for m in ('pydicom','pandas','jsonschema','difflib','csv') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src")
    assert done.stdout.strip() == "[]"

"""The probe against scripted sources of known behaviour, and against bad ones; the meaning of single answers."""

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from queue import Queue

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

import scp
from worklint.cli import main
from worklint.enterprise import parse_address
from worklint.knowledge.profile_reader import read_profile
from worklint.network.ask import ABORTED, Answer, Manners, Question, Unreachable
from worklint.network.dimse import DimseDoor
from worklint.network.document import key_of, profile_of, text_of
from worklint.network.door import address_of
from worklint.network.evidence import Found, Subject, Trial, infer
from worklint.network.meaning import ENDS, FIRST, WIDE, Asked, ask_range, ask_single
from worklint.network.measure import Measured
from worklint.network.pairs import possible_adds, possible_misses, single
from worklint.network.peers import settle_all
from worklint.network.probe import Record, probe
from worklint.network.subjects import subjects
from worklint.project import read_project
from worklint.run import run
from worklint.sources import site_of
from worklint.text import Text

MANNERS = Manners(queries=700, per_second=5000, timeout=2)


def measure(address: str, manners: Manners = MANNERS, record: Record | None = None) -> Record:
    door = DimseDoor(parse_address(address), manners.timeout)
    return probe(door, manners, ["study-root"], "20261124", lambda text: None, record)


def folded(keyword: str, vr: str, asked: str, stored: str) -> bool:
    return scp.exact(keyword, vr, asked.casefold(), stored.casefold())


def prefixed(keyword: str, vr: str, asked: str, stored: str) -> bool:
    return scp.exact(keyword, vr, asked, stored) or (vr in scp.TEXTS and bool(stored) and stored.startswith(asked))


def literal(keyword: str, vr: str, asked: str, stored: str) -> bool:
    pattern = vr in scp.TEXTS and asked.strip("*") and ("*" in asked or "?" in asked)
    return asked == stored if pattern else scp.exact(keyword, vr, asked, stored)


def empties_match(keyword: str, vr: str, asked: str, stored: str) -> bool:
    return scp.exact(keyword, vr, asked, stored) or not stored


def nothing_for_descriptions(keyword: str, vr: str, asked: str, stored: str) -> bool:
    return keyword != "StudyDescription" and scp.exact(keyword, vr, asked, stored)


def from_the_start(keyword: str, vr: str, asked: str, stored: str) -> bool:
    return (asked[:1] == "-" and not stored) or scp.exact(keyword, vr, asked, stored)


def only_capitals(asked: Dataset) -> Iterator[scp.Reply]:
    """Refuse codes in small letters; the only ones that are stored are such."""
    sex = str(asked.get("PatientSex") or "")
    texts = ("PatientID", "AccessionNumber", "StudyID", "StudyDescription")
    studies = [scp.study(n, PatientSex=s, **dict.fromkeys(texts, f"T{n}")) for n, s in ((1, "m"), (2, "m"), (3, "f"))]
    return iter([(0xA900, None)]) if sex != sex.upper() else scp.archive(studies=studies)(asked)


UNDATED = [*scp.ARCHIVE, *(scp.study(n, PatientID=f"P{n}") for n in (11, 12))]

# what the source does, attribute, kind, what the probe has to find: does, adds that must be there, adds that must not,
# misses that must be there
CASES = [
    (scp.archive(), "AccessionNumber", "single", "applied", "", "case prefix word substring empty other", ""),
    (scp.archive(), "StudyDescription", "wildcard", "applied", "", "case prefix substring empty other", ""),
    (scp.archive(), "StudyDate", "range", "applied", "", "other", ""),
    (scp.archive(studies=UNDATED), "StudyDate", "range", "applied", "", "empty other", ""),
    (scp.archive(from_the_start, studies=UNDATED), "StudyTime", "range/open-start", "applied", "empty", "other", ""),
    (scp.archive(folded), "AccessionNumber", "single", "applied", "case", "prefix word other", ""),
    (scp.archive(prefixed), "AccessionNumber", "single", "applied", "prefix", "case other", ""),
    (scp.archive(literal), "StudyDescription", "wildcard", "nothing", "", "", "wildcard-literal"),
    (scp.archive(empties_match), "StudyDate", "single", "applied", "empty", "other", ""),
    (scp.archive(ignored=["StudyDescription"]), "StudyDescription", "single", "ignored", "", "", ""),
    (scp.archive(nothing_for_descriptions), "StudyDescription", "single", "nothing", "", "", "other"),
    (scp.archive(), "ProcedureCodeSequence.CodeValue", "single", "ignored", "", "", ""),
    (only_capitals, "PatientSex", "wildcard", "unknown", "", "", ""),
]  # fmt: skip
NAMES = [
    "exact", "wildcards", "ranges", "undated", "from the start", "folds", "prefix", "literal", "empties", "ignores",
    "nothing", "in items", "small patterns",
]  # fmt: skip


@pytest.mark.parametrize(("script", "name", "kind", "does", "adds", "not_adds", "misses"), CASES, ids=NAMES)
def test_the_behaviour_is_found(script, name, kind, does, adds, not_adds, misses):
    with scp.serving(script) as (address, _):
        record = measure(address)
    kind, _, value = kind.partition("/")
    found = record.measured[("study-root", "study")][name].found[(kind, value)]
    assert found.does == does, found
    assert set(adds.split()) <= found.adds
    assert not set(not_adds.split()) & (found.adds | found.open_adds)
    assert set(misses.split()) <= found.misses
    assert record.queries < 700


def test_a_profile_is_readable_and_holds_no_value_of_the_archive():
    with scp.serving(scp.archive()) as (address, _):
        record = measure(address)
    text = text_of(profile_of(record, "2026-11-24"))
    profile = read_profile(json.loads(text))
    assert {e.grade for s in profile.statements for e in s.behaviour.evidence} == {"measured"}
    words = set(re.findall(r"[A-Za-z0-9.^]+", text))
    for data in scp.ARCHIVE:
        for element in data:
            value = str(element.value)
            assert not value or (value not in words and f'"{value}"' not in text), element.keyword


def test_what_no_query_decided_stays_in():
    subjects = [Subject(("1",), ("ABC",)), Subject(("2",), ("XYZ",))]
    trial = Trial(ask_single("LO", "ABC"), frozenset({("1",)}))
    found = infer([trial], subjects, possible_adds("single", "LO"), possible_misses("single", "LO", False, False))
    assert found.does == "applied" and not found.adds
    assert {"case", "prefix", "word", "empty"} <= found.open_adds


@pytest.mark.parametrize(("asked", "decided"), [("7E1", False), ("70", True), ("7e1 ", False), ("70.0", True)])
def test_a_number_that_is_found_as_a_text_is_not_compared_as_a_number(asked, decided):
    subjects = [Subject(("1",), ("7e1",)), Subject(("2",), ("5",))]
    trial = Trial(ask_single("DS", asked), frozenset({("1",)}))
    found = infer([trial], subjects, possible_adds("single", "DS"), possible_misses("single", "DS", False, False))
    assert found.does == "applied" and ("text-number" not in found.open_misses) == decided


@pytest.mark.parametrize(("kept", "does"), [({"1", "2", "3"}, "ignored"), ({"1", "2"}, "applied")])
def test_a_key_is_not_ignored_while_entities_whose_value_is_not_known_are_gone(kept, does):
    subjects = [Subject(("1",), ("ABC",)), Subject(("2",), ("XYZ",)), Subject(("3",), None)]
    trial = Trial(ask_single("LO", "ABC"), frozenset((k,) for k in kept))
    found = infer([trial], subjects, possible_adds("single", "LO"), possible_misses("single", "LO", False, False))
    assert found.does == does
    assert does == "ignored" or "other" in found.adds


def test_an_impossible_value_alone_is_no_evidence_of_matching():
    trial = Trial(ask_single("LO", "QZXJ7"), frozenset())
    assert infer([trial], [Subject(("1",), None)], frozenset(), frozenset()).does == "unknown"


@pytest.mark.parametrize(("asked", "decided"), [(["ABC"], False), (["ABC", "XYZ"], True), (["XYZ"], False)])
def test_that_every_value_counts_shows_only_where_two_were_found(asked, decided):
    subjects = [Subject(("1",), ("ABC", "XYZ")), Subject(("2",), ("DEF",))]
    trials = [Trial(ask_single("LO", text), frozenset({("1",)})) for text in asked]
    found = infer(trials, subjects, frozenset(), possible_misses("single", "LO", True, False))
    assert ("one-value" not in found.open_misses) == decided and "-joined" in found.excluded


@pytest.mark.parametrize(("pattern", "kept", "told"), [("M?LLER", False, True), ("M?LLER", True, False)])
def test_a_question_mark_that_stands_for_a_byte_widens_and_narrows(pattern, kept, told):
    subjects = [Subject(("1",), ("MÜLLER",)), Subject(("2",), ("MILLER",))]
    back = frozenset({("2",), *([("1",)] if kept else [])})
    possible = possible_adds("wildcard", "LO"), possible_misses("wildcard", "LO", False, False)
    found = infer([Trial(Asked("wildcard", "LO", pattern), back)], subjects, *possible)
    assert ("charset" in key_of(found).get("adds", ())) and ("charset" in key_of(found)["misses"])
    assert (WIDE in found.misses and WIDE in found.adds) == told


def test_an_add_is_spelling_only_where_all_else_was_excluded():
    subjects = [Subject(("1",), ("ABC",)), Subject(("2",), ("abcd",))]
    found = infer(
        [Trial(ask_single("LO", "abc"), frozenset({("1",)}))], subjects, possible_adds("single", "LO"), frozenset()
    )
    assert found.adds == {"case"} and "prefix" in key_of(found)["adds"]


def test_an_illegal_value_that_some_entity_may_have_compares_as_others_do():
    about = next(a for a in subjects("study-root", "series") if a.name == "BodyPartExamined")
    record = Record("dimse", models=["study-root"])
    record.measured[("study-root", "series")] = {about.name: Measured(about, {("single", ""): Found("applied")})}
    record.illegal[("study-root", "series", "CS")] = Found("applied", why="an illegal value brings nothing back")
    said = [s for s in profile_of(record, "2026-11-24")["statements"] if s["for"].get("value") == "illegal"]
    assert [s["key"]["adds"] for s in said] == [["case"]]


@pytest.mark.parametrize(
    ("asked", "stored", "decided", "open_"),
    [
        ("YAMADA^TAROU", "YAMADA^TAROU=X^Y", FIRST, {"group", ENDS}),
        ("X^Y", "YAMADA^TAROU=X^Y", "group", {FIRST, ENDS}),
        ("SMITH", "SMITH^", ENDS, {"group", FIRST}),
    ],
)
def test_one_part_of_a_name_that_is_found_decides_no_other(asked, stored, decided, open_):
    trial = Trial(ask_single("PN", asked), frozenset({("1",)}))
    subjects = [Subject(("1",), (stored,)), Subject(("2",), ("OTHER",))]
    found = infer([trial], subjects, frozenset(), possible_misses("single", "PN", False, False))
    assert "-" + decided in found.excluded and open_ <= found.open_misses


@pytest.mark.parametrize(("kept", "adds"), [(True, {"prefix"}), (False, set())])
def test_a_range_that_ends_in_a_second_may_take_its_fractions_in(kept, adds):
    subjects = [Subject(("1",), ("103000.5",)), Subject(("2",), ("102900",))]
    back = frozenset({("2",), *([("1",)] if kept else [])})
    found = infer(
        [Trial(ask_range("TM", "102900", "103000"), back)], subjects, possible_adds("range", "TM"), frozenset()
    )
    assert found.adds == adds and "prefix" not in found.open_adds


def by_patient(asked):
    """Answer at patient level as a source that knows ranges at study level only."""
    if asked.get("QueryRetrieveLevel") == "STUDY":
        yield from scp.archive(studies=BORN)(asked)
    elif asked.get("QueryRetrieveLevel") != "PATIENT" or "-" in str(asked.get("PatientBirthDate") or ""):
        yield 0xA900 if asked.get("QueryRetrieveLevel") != "PATIENT" else 0x0000, None
    else:
        asked.QueryRetrieveLevel = "STUDY"
        for status, row in scp.archive(studies=BORN)(asked):
            row.QueryRetrieveLevel = "PATIENT"
            yield status, row


BORN = [
    scp.study(n, PatientID=f"P{n}", PatientName=f"NAME{n}^A", PatientBirthDate=f"19{60 + n}0101", StudyDate="20260101")
    for n in range(1, 7)
]  # fmt: skip


def test_ranges_are_not_taken_over_from_another_model_where_they_find_nothing():
    with scp.serving(by_patient, models=(*scp.STUDY_ROOT, PatientRootQueryRetrieveInformationModelFind)) as (
        address,
        _,
    ):
        door = DimseDoor(parse_address(address), MANNERS.timeout)
        record = probe(door, MANNERS, ["study-root", "patient-root"], "20261124", lambda text: None)
    there, here = (
        record.measured[p]["PatientBirthDate"] for p in (("study-root", "study"), ("patient-root", "patient"))
    )
    assert there.found[("range", "")].does == "applied" and not there.found[("range", "")].misses
    assert here.found[("range", "")].does == "nothing"


def test_a_large_archive_is_measured_in_parts_of_it():
    studies = [
        scp.study(
            n, PatientID=f"P{n:03}", PatientName=f"NAME{n}^A", StudyDate=f"2026{n // 20 + 1:02}{n % 20 + 1:02}",
            AccessionNumber=f"AC{n}{'X' * (n % 3)}", StudyDescription=("CHEST", "chest pa", "KNEE LEFT")[n % 3],
        )
        for n in range(1, 100)
    ]  # fmt: skip
    with scp.serving(scp.archive(studies=studies)) as (address, _):
        record = measure(address, Manners(queries=700, rows=20, per_second=5000, timeout=2))
    assert not record.ended and any("large archive" in n for n in record.notes)
    for name in ("AccessionNumber", "StudyDescription", "StudyDate"):
        found = record.measured[("study-root", "study")][name].found[("single", "")]
        assert found.does == "applied" and not found.adds and not found.misses, (name, found)
    assert {"prefix", "case"} <= {r[1:] for r in record.measured[("study-root", "study")]["StudyDescription"].found[
        ("single", "")].excluded}  # fmt: skip


class Choosy(DimseDoor):
    """A door of a source that refuses the association where it takes none of the models in it."""

    def greet(self, model, options=frozenset()):
        if model == "patient-root":
            raise Unreachable("refuses the association")
        return super().greet(model, options)


def test_a_source_that_refuses_a_model_is_asked_for_the_next():
    with scp.serving(scp.archive()) as (address, _):
        door = Choosy(parse_address(address), MANNERS.timeout)
        record = probe(door, MANNERS, ["patient-root", "study-root"], "20261124", lambda text: None)
    assert record.models == ["study-root"] and record.not_offered == ["patient-root"] and record.measured


class Late(threading.Event):
    """An event that a thread passes and is then held up until there is something to take, as chance has it at times."""

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self.queue = queue
        self.set()

    def wait(self, timeout: float | None = None) -> bool:
        passed = super().wait(timeout)
        end = time.monotonic() + 0.02
        while self.queue.empty() and time.monotonic() < end:
            time.sleep(0.0001)
        return passed


def test_a_kept_association_loses_no_response():
    with scp.serving(scp.archive()) as (address, queries):
        door = DimseDoor(parse_address(address), 2)
        door.greet("study-root")
        (association,) = door._open.values()
        association._reactor_checkpoint = Late(association.dimse.msg_queue)
        answers = [door.ask(Question("study-root", "study"), 100) for _ in range(250)]
        kept = list(door._open.values()) == [association]
        door.close()
    assert {(len(a.rows), a.failure, a.cut) for a in answers} == {(len(scp.ARCHIVE), "", False)}
    assert kept and queries[0] == 250


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    return scp.certificates(tmp_path_factory.mktemp("tls"))


def test_a_source_is_measured_over_tls(certificates, monkeypatch, tmp_path, capsys):
    scp.name_files(certificates, monkeypatch, "source", "client")
    target = tmp_path / "own.json"
    with scp.serving(scp.archive(), scp.asking_for_certificates(certificates)) as (address, queries):
        assert address.startswith("dicoms://")
        assert main(["probe", address, "--output", str(target), "--model", "study-root", "--rate", "5000"]) == 0
    assert queries[0] > 50 and read_profile(json.loads(target.read_text(encoding="utf-8"))).statements


@pytest.mark.parametrize(
    ("ca", "own", "said"),
    [
        ("other", "client", "certificate that is not trusted"),
        ("", "client", "WORKLINT_TLS_CA has to name"),
        ("source", "other", "client certificate that it knows"),
        ("source", "", "WORKLINT_TLS_CERT and WORKLINT_TLS_KEY name the files"),
        ("missing", "client", "a file named by WORKLINT_TLS_CA, WORKLINT_TLS_CERT, WORKLINT_TLS_KEY cannot be used"),
    ],
)
def test_a_certificate_that_does_not_do_is_told(ca, own, said, certificates, monkeypatch, capsys):
    scp.name_files(certificates, monkeypatch, ca, own)
    with scp.serving(scp.archive(), scp.asking_for_certificates(certificates)) as (address, queries):
        assert main(["probe", address, "--timeout", "2"]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and not queries[0]


def test_a_port_with_tls_that_is_asked_without_is_told(certificates, capsys):
    with scp.serving(scp.archive(), scp.asking_for_certificates(certificates)) as (address, _):
        assert main(["probe", address.replace("dicoms:", "dicom:"), "--timeout", "2"]) == 2
    assert "dicoms://" in capsys.readouterr().err


def test_tls_with_a_port_that_has_none_is_told(certificates, monkeypatch, capsys):
    scp.name_files(certificates, monkeypatch, "source", "client")
    with scp.serving(scp.archive()) as (address, _):
        assert main(["probe", address.replace("dicom:", "dicoms:"), "--timeout", "2"]) == 2
    assert "dicom://" in capsys.readouterr().err


# --- bad sources ------------------------------------------------------------------------------------------------------


def test_a_source_that_refuses_everything_is_believed_nothing():
    with scp.serving(scp.refusing) as (address, _):
        record = measure(address)
    assert not record.measured and "A700" in record.notes[0]
    statements = profile_of(record, "2026-12-01")["statements"]
    assert {s["for"]["level"] for s in statements} == {"study", "series", "image"}
    assert all(s["for"]["attribute"] == "*" and s["key"]["one-of"][0] == {"does": "refused", "status": "A700"}
               for s in statements)  # fmt: skip


def test_a_silent_source_ends_the_probe_with_what_is_known():
    with scp.serving(scp.silent) as (address, _):
        record = measure(address, Manners(queries=50, timeout=0.5))
    assert "no answer within" in record.ended


def test_an_endless_answer_is_cancelled():
    with scp.serving(scp.endless) as (address, count):
        record = measure(address, Manners(queries=12, rows=20, per_second=5000, timeout=3))
    assert count[0] <= 12 and "budget" in record.ended


def test_a_source_that_shows_one_entity_over_and_over_gets_no_statement():
    with scp.serving(scp.repeating) as (address, _):
        record = measure(address, Manners(queries=300, per_second=5000, timeout=2))
    assert not record.measured and "every row of an answer is the same study" in record.notes[0]


def test_a_lying_source_gets_no_exact_statement():
    with scp.serving(scp.lying()) as (address, _):
        record = measure(address, Manners(queries=300, per_second=5000, timeout=2))
    for place in record.measured.values():
        for one in place.values():
            for found in one.found.values():
                assert found.does != "applied" or found.adds | found.open_adds or found.misses


class Breaking(DimseDoor):
    """A door that breaks after a number of queries."""

    left = 60

    def ask(self, question: Question, most_rows: int) -> Answer:
        self.left -= 1
        return super().ask(question, most_rows) if self.left > 0 else Answer(failure=ABORTED)


def test_a_lost_connection_keeps_what_was_learned_and_goes_on():
    with scp.serving(scp.archive()) as (address, _):
        door = Breaking(parse_address(address), MANNERS.timeout)
        record = probe(door, MANNERS, ["study-root"], "20261124", lambda text: None)
    assert "broke the connection" in record.ended and record.measured
    from worklint.network.record import read
    from worklint.network.record import text_of as record_text

    again = read(record_text(record))
    before = sum(len(p) for p in again.measured.values())
    with scp.serving(scp.archive()) as (address, count):
        whole = measure(address, record=again)
    assert not whole.ended and sum(len(p) for p in whole.measured.values()) > before
    assert count[0] + 60 < 700


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("dicom://X@127.0.0.1:1", "cannot be reached"),
        ("http://127.0.0.1:1/dicom-web", "cannot be reached"),
        ("dicom://127.0.0.1:104", "names no AE title"),
        ("http://me:secret@host/", "password"),
    ],
)
def test_a_source_that_cannot_be_asked_is_one_line(address, said, capsys):
    assert main(["probe", address]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and "secret" not in err


def test_an_address_may_name_both_ae_titles():
    found = address_of("dicom://ME@YOU@host:104")
    assert (found.calling, found.called, found.port) == ("ME", "YOU", 104)


def test_the_command_writes_a_profile_and_no_partial_file(tmp_path: Path, capsys):
    target = tmp_path / "own.json"
    with scp.serving(scp.archive()) as (address, _):
        assert main(["probe", address, "--output", str(target), "--model", "study-root", "--rate", "5000"]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["own.json"]
    assert "at most 1500 queries" in capsys.readouterr().err


def test_a_dry_run_sends_nothing(capsys):
    assert main(["probe", "dicom://X@127.0.0.1:1", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "At most 1500 queries" in out and "screen  AccessionNumber=" in out


@pytest.mark.parametrize(
    ("told", "said"), [("", "exact"), (", settings: {leading-spaces: true}", "subset")], ids=["not told", "told"]
)
def test_undecided_spaces_are_a_setting(told, said, tmp_path: Path):
    """What attributes of the same kind decided says nothing of the spaces in a stored text."""
    about = {a.name: a for a in subjects("study-root", "study")}
    peer = Found("applied", excluded=frozenset({"-padding", "-other"}))
    record = Record("dimse", models=["study-root"])
    record.measured[("study-root", "study")] = {
        n: Measured(about[n], {("single", ""): Found("applied", open_misses=frozenset({"padding"})) if not i else peer})
        for i, n in enumerate(("AccessionNumber", "StudyID"))
    }
    record.measured[("study-root", "study")]["RequestingPhysician"] = Measured(about["StudyID"], {("single", ""): peer})
    settle_all(record)
    (tmp_path / "own.json").write_text(text_of(profile_of(record, "2026-11-24")), encoding="utf-8")
    site = site_of(read_project(f"sources:\n  x: {{profile: own.json{told}}}\n", tmp_path))
    lists = [Text.of(f'worklist "a" {{ where {n} = "B11" }}', f"{n}.worklist") for n in ("AccessionNumber", "StudyID")]
    report = run(lists, site, date(2026, 11, 24))
    assert [f.as_written for f in report.filters] == [said, "exact"]


@pytest.mark.parametrize(("vr", "stored"), [("PN", "^ MEYER^ANNA"), ("PN", "^= MEYER"), ("LO", ". A")])
def test_no_value_is_asked_for_that_says_nothing(vr, stored):
    held = (*((v,) for v in stored.split(" ")), ())
    assert all(a.text.strip() for a in single(vr, held) + single(vr, held, web=True))


@pytest.mark.parametrize(
    ("ended", "condition", "said"),
    [
        ("the budget is used up", 'AccessionNumber = "A"', "unknown"),
        ("the budget is used up", 'level series StudyInstanceUID = "1.2" and Modality = "CT"', "unknown"),
        ("the budget is used up", 'StudyInstanceUID in ("1.2", "1.3")', "unknown"),
        ("the budget is used up", 'StudyID = "A"', "exact"),
        ("", 'level series StudyInstanceUID = "1.2" and Modality = "CT"', "superset"),
    ],
)
def test_what_was_not_reached_is_not_taken_for_what_the_standard_promises(ended, condition, said, tmp_path: Path):
    record = Record("dimse", models=["study-root"], ended=ended)
    (study_id,) = (a for a in subjects("study-root", "study") if a.name == "StudyID")
    record.measured[("study-root", "study")] = {"StudyID": Measured(study_id, {("single", ""): Found("applied")})}
    (tmp_path / "own.json").write_text(text_of(profile_of(record, "2026-11-24")), encoding="utf-8")
    site = site_of(read_project("sources:\n  x: {profile: own.json}\n", tmp_path))
    level, where = ("level series", condition[12:]) if condition.startswith("level") else ("", condition)
    text = Text.of(f'worklist "a" {{ {level} where {where} }}', "a.worklist")
    assert [f.as_written for f in run([text], site, date(2026, 11, 24)).filters] == [said]

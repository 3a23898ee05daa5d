"""Extended negotiation: sources that do what they grant, and sources that only say so."""

from __future__ import annotations

import json

import pytest

import scp
import web
from worklint.enterprise import parse_address
from worklint.knowledge import standard
from worklint.knowledge.profile_reader import read_profile
from worklint.network import negotiation
from worklint.network.ask import Asker, Key, Manners, Question
from worklint.network.dimse import DimseDoor
from worklint.network.document import profile_of, text_of
from worklint.network.probe import probe
from worklint.network.subjects import path_of
from worklint.network.survey import Scope, keep
from worklint.network.web import WebDoor

OPTIONS = [o.option for o in standard.negotiation_options("study-root")]
MANNERS = Manners(queries=900, per_second=5000, timeout=3)


def scopes_of(asker: Asker) -> list[Scope]:
    """Return what a probe knows of the scripted archive when it comes to negotiation."""
    shown = {
        "study": "PatientName StudyDate StudyTime AccessionNumber ModalitiesInStudy", "series": "Modality",
        "image": "SOPClassUID InstanceNumber",
    }  # fmt: skip
    keys = [Key(path_of(n) or (), v) for n, v in (("StudyInstanceUID", "1.2.3.1"), ("SeriesInstanceUID", "1.2.3.1.1"))]
    out = []
    for number, (level, names) in enumerate(shown.items()):
        fixed = tuple(keys[:number])
        wanted = tuple(p for n in names.split() if (p := path_of(n)))
        rows = keep(asker.ask(Question("study-root", level, fixed, wanted)), "study-root", level)
        scope = Scope("study-root", level, fixed, rows, complete=True)
        scope.shown = {n for row in rows.values() for n, v in row.items() if v}
        out.append(scope)
    return out


def measured(honoured: list[int], grants: bytes) -> dict[str, str]:
    with scp.serving(scp.negotiating(honoured), grants=grants) as (address, _):
        door = DimseDoor(parse_address(address), 3)
        try:
            asker = Asker(door, MANNERS)
            return negotiation.measure(asker, "study-root", scopes_of(asker))
        finally:
            door.close()


def test_a_source_that_does_what_it_grants() -> None:
    found = measured(list(range(7)), b"\1" * 7)
    assert {k: v.partition(":")[0] for k, v in found.items()} == {
        f"study-root: {o}": negotiation.HONOURED for o in OPTIONS
    }
    told = negotiation.told(found)
    assert all(told[o] == "yes" for o in OPTIONS)


def test_a_source_that_only_grants() -> None:
    found = measured([], b"\1" * 7)
    assert {k: v.partition(":")[0] for k, v in found.items()} == {
        f"study-root: {o}": negotiation.BROKEN for o in OPTIONS
    }
    assert all(negotiation.told(found)[o] == "no" for o in OPTIONS)


@pytest.mark.parametrize("number", range(7), ids=OPTIONS)
def test_each_option_is_told_from_the_others(number: int) -> None:
    found = measured([number], b"\1" * 7)
    assert [o for o in OPTIONS if found[f"study-root: {o}"].startswith(negotiation.HONOURED)] == [OPTIONS[number]]


def test_what_is_not_granted_is_not_asked() -> None:
    found = measured(list(range(7)), b"\0\1\0\0\0\0\0")
    assert [o for o in OPTIONS if found[f"study-root: {o}"] != negotiation.REFUSED] == ["combined-date-time"]
    assert measured([], b"") == {f"study-root: {o}": negotiation.REFUSED for o in OPTIONS}


def test_what_the_archive_cannot_decide_is_not_guessed() -> None:
    with scp.serving(scp.negotiating([]), grants=b"\1" * 7) as (address, _):
        door = DimseDoor(parse_address(address), 3)
        asker = Asker(door, MANNERS)
        (bare,) = [Scope("study-root", "study", (), {("1.2.3.1",): {"StudyInstanceUID": ("1.2.3.1",)}}, complete=True)]
        found = negotiation.measure(asker, "study-root", [bare])
        door.close()
    assert all(text.startswith(negotiation.UNDECIDED) for text in found.values()), found
    assert not set(negotiation.told(found)) & set(OPTIONS)


def test_the_models_of_a_source_speak_together() -> None:
    yes, no, open_ = "granted and honoured: x", "granted, not honoured: x", "granted, not decidable here: x"
    told = negotiation.told({"study-root: a": yes, "patient-root: a": open_, "study-root: b": yes, "study-root: c": no})
    assert {k: v for k, v in told.items() if ":" not in k} == {"b": "yes", "c": "no"}


def test_the_profile_tells_it() -> None:
    with scp.serving(scp.negotiating([scp.COMBINED, scp.RELATIONAL]), grants=b"\1" * 7) as (address, _):
        record = probe(DimseDoor(parse_address(address), 3), MANNERS, ["study-root"], "20261124", lambda text: None)
    profile = read_profile(json.loads(text_of(profile_of(record, "2026-11-24", None))))
    assert profile.negotiation["combined-date-time"] == profile.negotiation["relational-queries"] == "yes"
    assert profile.negotiation["fuzzy-person-names"] == "no"
    assert not any(name in text for text in profile.negotiation.values() for name in ("MILLER", "20260110", "1.2.3"))


# --- parameters of a search -------------------------------------------------------------------------------------------

ASKED_FOR = {
    "fuzzy-person-names": ("fuzzymatching", scp.FUZZY), "empty-value-matching": ("emptyvaluematching", scp.EMPTY),
    "multiple-value-matching": ("multiplevaluematching", scp.SEVERAL),
    "timezone-query-adjustment": ("TimezoneOffsetFromUTC", scp.ZONE),
}  # fmt: skip


def over_http(honoured: list[int], unsupported: dict[str, str] | None = None) -> dict[str, str]:
    with web.serving(web.negotiating(honoured, unsupported)) as (address, _):
        door = WebDoor(parse_address(address), 3)
        try:
            asker = Asker(door, MANNERS)
            found = negotiation.measure(asker, "study-root", scopes_of(asker))
        finally:
            door.close()
    assert "HIDDEN" not in str(found)
    return {name.removeprefix("study-root: "): text for name, text in found.items()}


def test_every_parameter_is_put_to_the_test() -> None:
    found = over_http([number for _, number in ASKED_FOR.values()])
    assert {k: v.partition(":")[0] for k, v in found.items()} == dict.fromkeys(ASKED_FOR, negotiation.HONOURED)


@pytest.mark.parametrize("option", ASKED_FOR)
def test_each_parameter_is_told_from_the_others(option: str) -> None:
    found = over_http([ASKED_FOR[option][1]])
    assert [o for o, text in found.items() if text.startswith(negotiation.HONOURED)] == [option]
    assert {v.partition(":")[0] for o, v in found.items() if o != option} == {negotiation.BROKEN}


@pytest.mark.parametrize("how", ["warned", "refused"])
def test_a_parameter_that_is_not_supported_is_not_granted(how: str) -> None:
    # The standard has no warning for a time zone.
    asked = {o: parameter for o, (parameter, _) in ASKED_FOR.items() if how == "refused" or parameter in web.PARAMETERS}
    found = over_http([number for _, number in ASKED_FOR.values()], dict.fromkeys(asked.values(), how))
    found = {o: text for o, text in found.items() if o in asked}
    assert all(text.startswith(negotiation.REFUSED) for text in found.values()), found
    told = negotiation.told({f"study-root: {o}": text for o, text in found.items()})
    assert all(told[o] == "no" for o in asked)


def test_what_a_plan_asks_a_search_for_is_carried_out() -> None:
    url = "/studies?StudyDescription=%22%22&includefield=StudyDescription&emptyvaluematching=true"
    with web.serving(web.negotiating([scp.EMPTY])) as (address, log):
        door = WebDoor(parse_address(address), 3)
        asked, not_asked, every = (
            door.ask(Question("study-root", "study", url=text), 100).rows
            for text in (url, url.replace("&emptyvaluematching=true", ""), url.replace("%22%22", ""))
        )
        door.close()
    # The scripted archive has no description anywhere at this level.
    assert asked == every != () and not any(r["StudyDescription"] for r in asked)
    assert not_asked == () and log[0] == f"/dicom-web{url}&limit=100"

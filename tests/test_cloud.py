"""Stores that do QIDO-RS their own way: what a probe writes is not contradicted, and each end has its message."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping

import pytest

import cloud
import web
from lab.heldout import content, drawn
from lab.predicted import asked, said_by, score, site_with
from lab.servers import Door
from worklint.cli import main
from worklint.enterprise import parse_address
from worklint.knowledge.profile_reader import read_profile
from worklint.network.ask import Manners, Question
from worklint.network.document import profile_of, text_of
from worklint.network.probe import Record, probe
from worklint.network.web import WebDoor

SEED = int(os.environ.get("WORKLINT_SEED", "6"))
USUAL = ("few attributes", "its own limit, told", "loose")
"""Those that are always tried; ``WORKLINT_STORES=1`` tries all."""
CHOSEN = cloud.STORES if os.environ.get("WORKLINT_STORES") else USUAL
DOOR = Door("orthanc-web", "orthanc", "dicomweb", ("study-root",))
MANNERS = Manners(per_second=5000, timeout=5)


def measured(script: web.Script, manners: Manners = MANNERS) -> Record:
    with web.serving(script) as (address, _):
        door = WebDoor(parse_address(address), manners.timeout)
        return probe(door, manners, ("study-root",), "20261124", lambda text: None)


@pytest.mark.parametrize("name", CHOSEN)
def test_what_is_written_of_a_store_is_not_contradicted(name, tmp_path) -> None:
    found = content(SEED)
    store = cloud.Store(cloud.STORES[name], found)
    profile = json.loads(text_of(profile_of(measured(store.reply), "2026-11-24")))
    read_profile(profile)
    cases = drawn(found, DOOR.models, 60)
    seen = asked(DOOR, cloud.Plain(store), cases, found.instances, found)
    result = score(said_by(site_with(profile, DOOR, tmp_path), cases), seen)
    assert not result.wrong, [(one.case, row, why, one.rows) for one, row, why in result.wrong]
    assert result.precise >= result.telling / 2 > 5


def test_what_an_answer_must_not_be_asked_for_is_kept_whatever_ends_the_probe() -> None:
    store = cloud.Store(cloud.STORES["few attributes"], content(SEED))
    record = measured(store.reply, Manners(queries=600, per_second=5000, timeout=5))
    assert "used up" in record.ended and record.harmful[("study-root", "study")]["PatientWeight"] == "HTTP 400"
    profile = profile_of(record, "2026-11-24")
    (asked_for,) = [i["when"]["returns"] for i in profile["interactions"] if i["for"]["level"] == "study"
                    and "returns" in i["when"]]  # fmt: skip
    assert "PatientWeight" in profile["sets"][asked_for[0].removeprefix("#")]


def limits_of(name: str) -> list[tuple[str, int, bool, bool]]:
    store = cloud.Store(cloud.STORES[name], content(SEED))
    record = measured(store.reply, Manners(queries=900, per_second=5000, timeout=5))
    service = profile_of(record, "2026-11-24").get("service", {})
    return [(c["for"]["level"], c["rows"], c["signalled"], c["paging"]) for c in service.get("cap", [])][:1]


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("its own limit, told", [("study", 9, True, True)]),
        ("pages that repeat", [("study", 9, False, False)]),
        ("one page", [("study", 9, False, False)]),
    ],
)
def test_the_limit_that_a_plain_client_meets_is_found(name, limit) -> None:
    assert limits_of(name) == limit


# --- how an answer comes ----------------------------------------------------------------------------------------------

ROW = b'{"0020000D": {"vr": "UI", "Value": ["1.2.%d"]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]}},'
ALL = Question("study-root", "study")


def test_a_million_rows_are_read_as_far_as_they_are_wanted() -> None:
    body = b"[" + b"".join(ROW % n for n in range(1_000_000)).removesuffix(b",") + b"]"
    with web.serving(web.always(200, body)) as (address, _):
        door = WebDoor(parse_address(address), 5)
        started = time.monotonic()
        answers = [door.ask(ALL, 250) for _ in range(3)]
        door.close()
    assert [(len(a.rows), a.cut, a.failure) for a in answers] == [(250, True, "")] * 3
    assert time.monotonic() - started < 5


def test_an_answer_that_only_ever_goes_on_has_an_end() -> None:
    """Two bytes a moment, and no end: the answer is given up, and the next one is not mistaken for it."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=drip, args=(client,), daemon=True).start()

        def drip(client: socket.socket) -> None:
            with client:
                client.recv(10_000)
                try:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n\r\n[")
                    for _ in range(200):
                        client.sendall(b"  ")
                        time.sleep(0.05)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        door = WebDoor(parse_address(f"http://127.0.0.1:{server.getsockname()[1]}/dicom-web"), 0.3)
        answer = door.ask(ALL, 250)
        door.close()
    assert answer.failure == "time-out" and answer.seconds < 3


LOOSE = [
    b'[{"0020000d": {"Value": ["1.2.1"]}, "00100010": {"Value": ["MILLER^ANN"]}, "00200011": {"Value": ["07"]}}]',
    b'[{"0020000D": {"vr": "UI", "Value": "1.2.1"}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "MILLER^ANN"}]},'
    b' "00200011": {"vr": "IS", "Value": ["07"]}}]',
    b'\xef\xbb\xbf[{"StudyInstanceUID": {"vr": "UI", "Value": ["1.2.1"]}, "PatientName": {"vr": "PN",'
    b' "Value": ["MILLER^ANN"]}, "SeriesNumber": {"vr": "IS", "Value": ["07"]}}]',
]


@pytest.mark.parametrize("body", LOOSE)
def test_loosely_written_results_are_read(body: bytes) -> None:
    with web.serving(web.always(200, body)) as (address, _):
        door = WebDoor(parse_address(address), 5)
        door.keep_data = True
        answer = door.ask(ALL, 250)
        door.close()
    (row,) = answer.rows
    assert row == {"StudyInstanceUID": ("1.2.1",), "PatientName": ("MILLER^ANN",), "SeriesNumber": ("07",)}
    assert str(answer.data[0].PatientName) == "MILLER^ANN" and not answer.unread


def test_a_coding_that_is_none_is_told() -> None:
    with web.serving(web.always(200, b"[]", Content_Encoding="gzip")) as (address, _):
        door = WebDoor(parse_address(address), 5)
        assert door.ask(ALL, 250).failure == "unreadable"
        door.close()


# --- what says nothing of a query -------------------------------------------------------------------------------------


def after(many: int, status: int, **headers: str) -> web.Script:
    """Return a store that answers some queries, and then all alike."""
    store = cloud.Store(cloud.STORES["of the standard"], content(SEED))
    count = iter(range(10**6))

    def script(target: str, asked: Mapping[str, str]) -> web.Reply:
        if next(count) < many:
            return store.reply(target, asked)
        return status, {k.replace("_", "-"): v for k, v in headers.items()}, b""

    return script


@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        (401, {}, "wants authentication (HTTP 401)"),
        (403, {}, "wants authentication (HTTP 403)"),
        (429, {"Retry_After": "3600"}, "does not answer now (HTTP 429, again in 3600 s)"),
        (503, {"Retry_After": "0"}, "does not answer now (HTTP 503, again in 0 s)"),
        (504, {}, "answers no query any more (HTTP 504)"),
        (302, {"Location": "http://127.0.0.1:1/login"}, "sends elsewhere (HTTP 302)"),
    ],
)
def test_a_source_that_answers_no_more_ends_the_probe_with_what_is_known(status, headers, said) -> None:
    record = measured(after(120, status, **headers))
    assert said in record.ended
    places = [m for place in record.measured.values() for m in place.values()]
    assert len(places) > 20 and not any(f"HTTP {status}" in f.status for m in places for f in m.found.values())


def test_a_source_that_is_busy_now_and_then_is_waited_for() -> None:
    store = cloud.Store(cloud.STORES["below its parents only"], content(SEED))
    count = iter(range(10**6))

    def script(target: str, asked: Mapping[str, str]) -> web.Reply:
        return (429, {"Retry-After": "0"}, b"") if next(count) % 7 == 6 else store.reply(target, asked)

    record = measured(script, Manners(queries=150, per_second=5000, timeout=5))
    assert "used up" in record.ended
    assert not any("429" in f.status for p in record.measured.values() for m in p.values() for f in m.found.values())


@pytest.mark.parametrize("many", [0, 30])
def test_credentials_do_not_follow_to_another_host(many, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("WORKLINT_TOKEN", "HIDDEN")
    output = ["--output", str(tmp_path / "p.json"), "--rate", "5000"]
    with (
        web.serving(web.always(200, b"[]")) as (elsewhere, asked_there),
        web.serving(after(many, 307, Location=f"{elsewhere}/studies")) as (address, _),
    ):
        code = main(["probe", address, *output])
    err = capsys.readouterr().err
    assert code == 2 and "sends elsewhere" in err and "HIDDEN" not in err and not asked_there


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (web.always(406), "does not answer application/dicom+json (HTTP 406)"),
        (
            web.always(200, b"--x\r\n", Content_Type="multipart/related; boundary=x"),
            "does not answer application/dicom",
        ),
        (web.always(200, b'[{"0020000D": {"vr"', Content_Type="application/dicom+json"), "answers no list of results"),
        (web.always(429, Retry_After="60"), "does not answer now (HTTP 429, again in 60 s)"),
    ],
)
def test_what_cannot_be_probed_is_one_line(script, said, capsys) -> None:
    with web.serving(script) as (address, _):
        assert main(["probe", address, "--timeout", "2"]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err

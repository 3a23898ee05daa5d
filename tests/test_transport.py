"""What goes wrong on the way: answers that cannot be read, servers that do as they like, logins; told in one line."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

import scp
import web
from worklint.cli import main
from worklint.enterprise import parse_address
from worklint.network.ask import Asker, Manners, NetworkError, Question, Unreachable
from worklint.network.carry_out import carry_out, halved
from worklint.network.dimse import DimseDoor
from worklint.network.door import address_of, in_the_clear, login_from, open_door
from worklint.network.printed import queries_of
from worklint.network.probe import probe
from worklint.network.verify import UNDECIDED
from worklint.network.web import WebDoor

STUDIES = len(scp.ARCHIVE)
ALL = Question("study-root", "study")
SECRET = "s3cret-t0ken"


def web_door(address: str, timeout: float = 2, environment: Mapping[str, str] | None = None) -> WebDoor:
    door = open_door(parse_address(address), timeout, environment or {})
    assert isinstance(door, WebDoor)
    return door


def profile(folder: Path, transport: str, **service: Any) -> None:
    text = {
        "schema": "worklint/profile/1", "product": "scripted", "transports": [transport], "models": ["study-root"],
        "citations": {"c": {"grade": "code", "citation": "a script"}},
        "statements": [{
            "for": {"attribute": "*"}, "key": {"does": "applied"}, "returned": "whole", "absent-means-absent": True,
            "evidence": "c",
        }],
        "service": service,
    }  # fmt: skip
    (folder / "own.json").write_text(json.dumps(text), encoding="utf-8")


def verify(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], condition: str, *addresses: str,
    more: str = "", arguments: tuple[str, ...] = (), **service: Any,
) -> tuple[int, dict[str, Any], str]:  # fmt: skip
    profile(folder, "dicomweb" if addresses[0].startswith("http") else "dimse", **service)
    sources = "".join(
        f'  here{i or ""}: {{profile: own.json, address: "{a}"{more}}}\n' for i, a in enumerate(addresses)
    )
    (folder / "worklint.yaml").write_text(f"sources:\n{sources}", encoding="utf-8")
    (folder / "a.worklist").write_text(f'worklist "w" {{ where {condition} }}\n', encoding="utf-8")
    monkeypatch.chdir(folder)
    code = main(["verify", "--format", "json", "--now", "2026-11-24", *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err and SECRET not in out + err
    return code, json.loads(out), err


# --- responses that cannot be decoded ---------------------------------------------------------------------------------


@pytest.fixture
def garbled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Let the scripted source send other bytes in place of its third response; what they are is for the test to say."""
    import pynetdicom.service_class as module

    encode = module.encode
    bodies: list[bytes] = []

    def other(data: Dataset, *more: Any) -> bytes | None:
        third = data.get("StudyInstanceUID") == "1.2.3.3" and bodies
        return bodies[0] if third else encode(data, *more)

    monkeypatch.setattr(module, "encode", other)
    yield bodies


BROKEN = {
    "rubbish": b"abc",
    "cut off": b"\x08\x00\x50\x00\x08\x00\x00\x00ACC",
    "a number that is none": b"\x20\x00\x0d\x00\x08\x00\x00\x001.2.3.3\0\x28\x00\x10\x00\x04\x00\x00\x00\x01\x02\x03",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_response_that_cannot_be_decoded_is_counted(what: str, garbled: list[bytes]) -> None:
    garbled.append(BROKEN[what])
    with scp.serving(scp.archive()) as (address, _):
        door = DimseDoor(parse_address(address), 2)
        door.keep_data = True
        answer = door.ask(ALL, 100)
        door.close()
    assert answer.unread == 1 and answer.partial and not answer.failure and not answer.cut
    assert len(answer.rows) == len(answer.data) >= STUDIES - 1


def test_verify_concludes_no_miss_from_it(garbled, tmp_path, monkeypatch, capsys) -> None:
    garbled.append(b"abc")
    with scp.serving(scp.archive()) as (address, _):
        code, found, _ = verify(tmp_path, monkeypatch, capsys, "StudyDate >= 2026-01-01", address)
    (whole,), (planned,) = found["filters"], found["plans"]
    assert code == 0 and whole["agreement"] == planned["agreement"] == UNDECIDED
    assert "cannot be decoded" in whole["observation"]["why"] and not whole["observation"]["missed"]


def test_the_probe_says_so(garbled) -> None:
    garbled.append(b"abc")
    with scp.serving(scp.archive()) as (address, _):
        door = DimseDoor(parse_address(address), 2)
        record = probe(
            door, Manners(queries=400, per_second=5000, timeout=2), ["study-root"], "20261124", lambda t: None
        )
    assert any("could not be decoded" in n for n in record.notes)
    texts = ("AccessionNumber", "StudyDescription", "PatientID", "PatientName")
    for name in texts:
        found = record.measured["study-root", "study"][name].found
        assert found["single", ""].does == "applied" and not any(f.misses for f in found.values()), name


# --- connections that end ---------------------------------------------------------------------------------------------


@contextmanager
def listening(answer: Any) -> Iterator[int]:
    """Take connections on a port and do with each what ``answer`` says."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    continue
                with connection:
                    connection.settimeout(0.5)
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join(5)


def silence(connection: socket.socket) -> None:
    try:
        connection.recv(1000)
        time.sleep(1.5)
    except OSError:
        return


def other_protocol(connection: socket.socket) -> None:
    try:
        connection.recv(1000)
        connection.sendall(b"220 mail.example.org ESMTP\r\n" * 20)
    except OSError:
        return


def end_at_once(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("scheme", ["dicom://X@127.0.0.1:{}", "http://127.0.0.1:{}/dicom-web"])
@pytest.mark.parametrize("answer", [silence, other_protocol, end_at_once], ids=lambda f: f.__name__)
def test_something_else_at_the_port_is_one_line(scheme, answer, capsys) -> None:
    with listening(answer) as port:
        assert main(["probe", scheme.format(port), "--timeout", "1"]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert f"127.0.0.1:{port} " in err[-1] and "Traceback" not in "".join(err)
    assert any(w in err[-1] for w in ("not answer", "abort", "closes", "HTTP with us")), err[-1]


def test_an_ae_title_that_is_not_known_is_told(capsys) -> None:
    from pynetdicom import AE

    entity = AE(ae_title="ARCHIVE")
    entity.require_called_aet = True
    entity.add_supported_context(scp.STUDY_ROOT[0])
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        assert main(["probe", f"dicom://WRONG@127.0.0.1:{server.socket.getsockname()[1]}"]) == 2
    finally:
        server.shutdown()
    err = capsys.readouterr().err
    assert "is 'WRONG' its AE title" in err and "'WORKLINT'" in err


def test_an_abort_in_the_middle_is_a_refusal_of_that_query_alone(tmp_path, monkeypatch, capsys) -> None:
    with abort_on("AccessionNumber") as address:
        code, found, _ = verify(
            tmp_path, monkeypatch, capsys, 'AccessionNumber = "ACC77" or PatientID = "OTHER4"', address
        )
    assert code == 1 and found["filters"][0]["observation"]["refused"] == "abort"
    assert [c["agreement"] for c in found["cells"]] == ["contradicted", "agrees"]


@contextmanager
def abort_on(keyword: str) -> Iterator[str]:
    from pynetdicom import AE, evt

    def find(event: Any) -> Iterator[scp.Reply]:
        if event.identifier.get(keyword):
            event.assoc.abort()
            return
        yield from scp.archive()(event.identifier)

    entity = AE(ae_title="SCRIPTED")
    entity.add_supported_context(scp.STUDY_ROOT[0])
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, find)])
    assert server is not None
    try:
        yield f"dicom://SCRIPTED@127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()


def test_a_source_that_goes_away_is_no_refusal() -> None:
    with scp.serving(scp.archive()) as (address, _):
        door = DimseDoor(parse_address(address), 2)
        asker = Asker(door, Manners(per_second=5000, timeout=2))
        assert len(asker.ask(ALL).rows) == STUDIES
    door.close()
    with pytest.raises(Unreachable, match="cannot be reached"):
        asker.ask(ALL)
    with web.serving(web.archive()) as (address, _):
        asker = Asker(web_door(address), Manners(per_second=5000, timeout=2))
        assert len(asker.ask(ALL).rows) == STUDIES
    asker.door.close()
    with pytest.raises(Unreachable, match="cannot be reached"):
        asker.ask(ALL)


def test_no_answer_in_time_is_no_refusal(tmp_path, monkeypatch, capsys) -> None:
    def slow(asked: Dataset) -> Iterator[scp.Reply]:
        if asked.get("PatientID"):
            time.sleep(2)
        yield from scp.archive()(asked)

    with scp.serving(slow) as (address, _):
        code, found, _ = verify(
            tmp_path, monkeypatch, capsys, 'PatientID = "OTHER4"', address, arguments=("--timeout", "1")
        )
    # Three silences end it; what was found before is kept, and nothing is concluded from them.
    assert code == 2 and "three times in a row" in found["sources"][0]["error"]
    assert [f["agreement"] for f in found["filters"]] == [UNDECIDED]
    assert "in time" in found["filters"][0]["observation"]["why"]


# --- servers that do as they like -------------------------------------------------------------------------------------

HTML = b"<html><body>HIDDEN^ALFA</body></html>"
ROWS = json.dumps(web.rows_of()).encode()

# the server; what a search brings: rows, failure, whether the rest is known to be more, unread results
SEARCHES = [
    (web.archive(), STUDIES, "", False, 0),
    (web.archive(limit=STUDIES), 4, "", True, 0),
    (web.always(204), 0, "", False, 0),
    (web.always(200), 0, "", False, 0),
    (web.always(206, ROWS), 4, "", True, 0),
    (web.always(200, b"[]", Warning='299 x "more"'), 0, "", False, 0),
    (web.always(400, HTML), 0, "HTTP 400", False, 0),
    (web.always(413), 0, "HTTP 413", False, 0),
    (web.always(500, b"{"), 0, "HTTP 500", False, 0),
    (web.always(200, HTML, Content_Type="text/html"), 0, "unreadable", False, 0),
    (web.always(200, b'{"error": 1}'), 0, "unreadable", False, 0),
    (web.always(200, b"[" * 100_000), 0, "unreadable", False, 0),
    (web.always(200, b"\xff\xfe\x00"), 0, "unreadable", False, 0),
    (web.always(200, b"--x\r\nContent-Type: application/dicom+xml\r\n", Content_Type="multipart/related; boundary=x"),
     0, "unreadable", False, 0),
    (web.always(200, b'[{"0020000D": {"vr": "UI", "Value": ["1.2"]}}, 7, null, {"x": 1}]'), 1, "", True, 3),
    (web.always(200, b'[{"0020000D": {"vr": "UI", "Value": 7}}]'), 0, "", False, 1),
    (web.always(200, ROWS[:-9], Content_Length=str(len(ROWS))), 0, "abort", False, 0),
    (web.always(0), 0, "abort", False, 0),
]  # fmt: skip


@pytest.mark.parametrize(("script", "rows", "failure", "cut", "unread"), SEARCHES)
def test_a_server_that_does_as_it_likes(script, rows, failure, cut, unread) -> None:
    with web.serving(script) as (address, _):
        door = web_door(address)
        door.keep_data = True
        answer = door.ask(ALL, 4 if cut else 100)
        again = door.ask(ALL, 4 if cut else 100)
        door.close()
    assert (len(answer.rows), answer.failure, answer.cut, answer.unread) == (rows, failure, cut, unread)
    assert answer.rows == again.rows and len(answer.data) == rows
    assert "HIDDEN" not in answer.because


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (web.always(200, HTML, Content_Type="text/html; x=HIDDEN"), "is no DICOMweb service (HTTP 200, text/html)"),
        (web.always(404), "is no DICOMweb service (HTTP 404)"),
        (web.always(302, Location="http://127.0.0.1:1/"), "sends elsewhere (HTTP 302)"),
        (web.always(401), "wants authentication (HTTP 401); set WORKLINT_TOKEN"),
        (web.always(0), "closes the connection without an answer; does it want TLS (https://)?"),
    ],
)
def test_what_is_no_service_is_one_line(script, said, capsys) -> None:
    with web.serving(script) as (address, _):
        assert main(["probe", address, "--timeout", "2"]) == 2
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and "HIDDEN" not in err


@pytest.mark.parametrize("script", [s[0] for s in SEARCHES])
def test_neither_probe_nor_verify_stumbles(script, tmp_path, monkeypatch, capsys) -> None:
    with web.serving(script) as (address, _):
        code = main(["probe", address, "--timeout", "1", "--queries", "40", "--rate", "5000"])
        err = capsys.readouterr().err
        assert code in (0, 2) and "Traceback" not in err and "bug" not in err
        code, found, err = verify(
            tmp_path, monkeypatch, capsys, 'PatientID = "OTHER4"', address, arguments=("--timeout", "1")
        )
    assert code in (0, 1, 2) and "bug" not in err
    assert all(s["reached"] or s["error"] for s in found["sources"])


# --- pages and halves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "agreement", "why"),
    [
        (web.archive(most=2), "agrees", None),
        (web.archive(limit=2), "agrees", None),
        (web.archive(limit=2, offset=False), UNDECIDED, "answers every page alike"),
    ],
)
def test_pages_are_asked_for(script, agreement, why, tmp_path, monkeypatch, capsys) -> None:
    cap = [{"rows": 2, "signalled": True, "paging": True, "because": "pages", "evidence": "c"}]
    with web.serving(script) as (address, log):
        _, found, _ = verify(tmp_path, monkeypatch, capsys, "StudyDate >= 2026-01-01", address, cap=cap)
    (planned,) = found["plans"]
    assert planned["agreement"] == agreement and (why is None or why in planned["observation"]["why"])
    assert any("offset=2" in p for p in log)


def query(**more: Any) -> dict[str, Any]:
    return {
        "id": "q1", "transport": "dimse", "model": "study-root", "level": "study", "negotiation": [], "needs": [],
        "identifier": {"00080020": {"vr": "DA", "Value": ["20260101-20260131"]}, "0020000D": {"vr": "UI"}},
        "role": "answer", "remaining": "", "returns": [], "cap": None, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("most", "told", "rows", "partial"),
    [(2, 2, 4, ()), (1, 1, 4, ("the answer for one day is full",)), (10, 2, 4, ()), (2, None, 2, ())],
)
def test_a_full_answer_is_asked_for_in_halves(most, told, rows, partial) -> None:
    def script(asked: Dataset) -> Iterator[scp.Reply]:
        for number, reply in enumerate(scp.archive()(asked)):
            if number == most:
                return
            yield reply

    plan = {"queries": [query(cap={"rows": told, "signalled": False, "paging": False, "split": "StudyDate"})]}
    with scp.serving(script) as (address, _):
        door = DimseDoor(parse_address(address), 2)
        door.keep_data = True
        outcome = carry_out(queries_of(plan), Asker(door, Manners(per_second=5000)), tzinfo_utc())
        door.close()
    assert (len({r["StudyInstanceUID"] for r in outcome.rows}), outcome.partial) == (rows, partial)


def tzinfo_utc() -> Any:
    from datetime import UTC

    return UTC


@pytest.mark.parametrize(
    ("text", "halves"),
    [
        ("20260101-20260102", ("20260101-20260101", "20260102-20260102")),
        ("20251231-20260102", ("20251231-20260101", "20260102-20260102")),
        ("20260101-20260101", ()),
        ("20260102-20260101", ()),
        ("20260101-", ()),
        ("20260101", ()),
        ("2026-x", ()),
    ],
)
def test_halves_of_a_range(text: str, halves: tuple[str, ...]) -> None:
    assert halved(text) == halves


def test_an_endless_number_of_pages_has_an_end(tmp_path, monkeypatch, capsys) -> None:
    count = iter(range(10**6))

    def endless(target: str, asked: Mapping[str, str]) -> web.Reply:
        rows = [{"0020000D": {"vr": "UI", "Value": [f"1.2.{next(count)}"]}} for _ in range(2)]
        return 200, web.JSON, json.dumps(rows).encode()

    plan = {"queries": [{**query(), "url": "/studies?limit=2&offset={offset}", "identifier": {}, "cap": {
        "rows": 2, "signalled": True, "paging": True, "split": None}}]}  # fmt: skip
    with web.serving(endless) as (address, _):
        door = web_door(address)
        door.keep_data = True
        outcome = carry_out(queries_of(plan), Asker(door, Manners(per_second=5000)), tzinfo_utc())
        door.close()
    assert outcome.partial == ("the answer has more than 64 pages",) and len(outcome.rows) == 128


# --- several sources --------------------------------------------------------------------------------------------------


def test_sources_are_asked_at_the_same_time_and_told_in_their_order(tmp_path, monkeypatch, capsys) -> None:
    both = threading.Barrier(2, timeout=5)

    def together(asked: Dataset) -> Iterator[scp.Reply]:
        if asked.get("PatientID"):
            both.wait()
        yield from scp.archive()(asked)

    with scp.serving(together) as (first, _), scp.serving(together) as (second, _):
        code, found, _ = verify(tmp_path, monkeypatch, capsys, 'PatientID = "OTHER4"', first, second)
    assert code == 0 and not both.broken
    assert [s["id"] for s in found["sources"]] == [f["source"] for f in found["filters"]] == ["here", "here1"]


# --- logins -----------------------------------------------------------------------------------------------------------


def guarded(target: str, asked: Mapping[str, str]) -> web.Reply:
    return web.archive()(target, asked) if asked.get("authorization") == f"Bearer {SECRET}" else (401, {}, b"")


@pytest.mark.parametrize(
    ("variables", "auth", "code", "said"),
    [
        ({"WORKLINT_TOKEN": SECRET}, "", 0, None),
        ({"PACS": SECRET}, ", auth: {bearer: $PACS}", 0, None),
        ({"PACS": "other"}, ", auth: {bearer: $PACS}", 2, "does not accept the credentials in PACS (HTTP 401)"),
        ({"WORKLINT_TOKEN": SECRET}, ", auth: {bearer: $PACS}", 2, "wants authentication (HTTP 401); set PACS"),
        ({}, "", 2, "set WORKLINT_TOKEN, or WORKLINT_USER and WORKLINT_PASSWORD"),
        ({"WORKLINT_USER": "me", "WORKLINT_PASSWORD": SECRET}, "", 2, "in WORKLINT_USER and WORKLINT_PASSWORD"),
        ({"WORKLINT_TOKEN": f"{SECRET}\nX: y"}, "", 2, "WORKLINT_TOKEN holds no token"),
    ],
)
def test_a_token_comes_from_the_environment(variables, auth, code, said, tmp_path, monkeypatch, capsys) -> None:
    for name in ("WORKLINT_TOKEN", "WORKLINT_USER", "WORKLINT_PASSWORD", "PACS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with web.serving(guarded) as (address, log):
        found, document, _ = verify(tmp_path, monkeypatch, capsys, 'PatientID = "OTHER4"', address, more=auth)
        if not auth:
            target = tmp_path / "probed.json"
            assert main(["probe", address, "--output", str(target), "--queries", "30", "--rate", "5000"]) == code
            written = target.read_text(encoding="utf-8") if target.exists() else ""
            assert SECRET not in written + "".join(capsys.readouterr())
    assert found == code and not any(SECRET in p for p in log)
    assert said is None or said in document["sources"][0]["error"]


def test_basic_authentication_is_of_the_form_that_is_usual() -> None:
    login = login_from({"U": "Aladdin", "P": "open sesame"}, {"user": "$U", "password": "$P"})
    # RFC 7617, section 2
    assert login.headers == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}
    assert SECRET not in repr(login.variables)
    with pytest.raises(NetworkError):
        login_from({"WORKLINT_TOKEN": "two words"})


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("", {}),
        ("X-Api-Key: abc", {"X-Api-Key": "abc"}),
        ("X-Api-Key: abc\n\nX-Site:  a:b ", {"X-Api-Key": "abc", "X-Site": "a:b"}),
        ("abc", None),
        ("X Api: abc", None),
        ("X-Api: é", None),
    ],
)
def test_further_headers_come_from_the_environment(text: str, headers: dict[str, str] | None) -> None:
    if headers is None:
        with pytest.raises(NetworkError, match="WORKLINT_HEADERS: line 1 is no header; write NAME: VALUE"):
            login_from({"WORKLINT_HEADERS": text})
        return
    assert login_from({"WORKLINT_HEADERS": text}).headers == headers
    together = login_from({"WORKLINT_HEADERS": text, "WORKLINT_TOKEN": "t"}).headers
    assert together == {**headers, "Authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("address", "secret", "clear"),
    [
        ("http://pacs.example.org/dicom-web", "WORKLINT_TOKEN", True),
        ("http://pacs.example.org/dicom-web", "WORKLINT_HEADERS", True),
        ("http://pacs.example.org/dicom-web", "OTHER", False),
        ("https://pacs.example.org/dicom-web", "WORKLINT_TOKEN", False),
        ("http://localhost:8042/dicom-web", "WORKLINT_TOKEN", False),
        ("dicom://A@pacs.example.org:104", "WORKLINT_TOKEN", False),
    ],
)
def test_a_secret_in_the_clear_is_seen(address: str, secret: str, clear: bool) -> None:
    assert in_the_clear(address_of(address), {secret: "X-Key: t" if secret == "WORKLINT_HEADERS" else "t"}) is clear


# --- https ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scp.certificates(tmp_path_factory.mktemp("tls"), "DNS:localhost,IP:127.0.0.1")


@pytest.mark.parametrize(
    ("ca", "own", "said"),
    [
        ("source", "client", None),
        ("other", "client", "presents a certificate that is not trusted"),
        ("", "client", "WORKLINT_TLS_CA has to name"),
        ("source", "", "WORKLINT_TLS_CERT and WORKLINT_TLS_KEY name the files"),
        ("missing", "client", "a file named by WORKLINT_TLS_CA"),
    ],
)
def test_over_https(ca, own, said, certificates, tmp_path, monkeypatch, capsys) -> None:
    scp.name_files(certificates, monkeypatch, ca, own)
    with web.serving(web.archive(), scp.asking_for_certificates(certificates)) as (address, _):
        code, found, _ = verify(
            tmp_path, monkeypatch, capsys, 'PatientID = "OTHER4"', address, arguments=("--timeout", "2")
        )
    assert (code, found["sources"][0]["reached"]) == ((0, True) if said is None else (2, False))
    assert said is None or said in found["sources"][0]["error"]


def test_https_with_a_port_that_has_none_is_told(capsys) -> None:
    with web.serving(web.archive()) as (address, _):
        assert main(["probe", address.replace("http:", "https:"), "--timeout", "2"]) == 2
    assert "is this a port without TLS (http://)?" in capsys.readouterr().err

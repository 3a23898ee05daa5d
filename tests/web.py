"""A scripted QIDO-RS server on loopback: a function makes the answers, so that a server can be anything."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydicom.dataset import Dataset

import scp

Reply = tuple[int, Mapping[str, str], bytes]
Script = Callable[[str, Mapping[str, str]], Reply]
"""Takes path and query, and the headers with names in small letters."""
JSON = {"Content-Type": "application/dicom+json"}


def rows_of(studies: Any = scp.ARCHIVE) -> list[dict[str, Any]]:
    return [json.loads(s.to_json()) for s in studies]


def archive(
    limit: int | None = None, offset: bool = True, most: int = 10_000, headers: Mapping[str, str] = JSON
) -> Script:
    """Answer study searches from the archive of ``scp``: at most ``most`` results, pages if ``offset`` is looked at.

    ``limit``: a limit of its own, in place of the one that is asked for.
    """

    def script(target: str, asked: Mapping[str, str]) -> Reply:
        at = urlsplit(target)
        if not at.path.endswith("/studies"):
            return 404, {}, b""
        found = []
        arguments = parse_qs(at.query, keep_blank_values=True)
        keys = {k: v[0] for k, v in arguments.items() if k not in ("limit", "offset", "includefield")}
        for study in scp.ARCHIVE:
            stored = {k: str(study.get(k, "") or "") for k in keys}
            if all(scp.exact(k, _vr(k), v.replace(",", "\\"), stored[k]) for k, v in keys.items()):
                found.append(study)
        start = int(arguments["offset"][0]) if offset and "offset" in arguments else 0
        size = limit or int(arguments.get("limit", ["10000"])[0])
        some = rows_of(found[start:][: min(size, most)])
        return (200, headers, json.dumps(some).encode()) if some else (204, {}, b"")

    return script


PARAMETERS = {"fuzzymatching": scp.FUZZY, "emptyvaluematching": scp.EMPTY, "multiplevaluematching": scp.SEVERAL}


def negotiating(honoured: Collection[int], unsupported: Mapping[str, str] | None = None) -> Script:
    """Answer as ``scp.negotiating``, with parameters in place of options; time zones need none.

    ``unsupported``: parameters that are ``warned`` of or ``refused``.
    """
    does = scp.negotiating([*honoured, scp.RELATIONAL])

    def script(target: str, asked: Mapping[str, str]) -> Reply:
        at = urlsplit(target)
        steps = at.path.strip("/").split("/")[1:]
        query = Dataset()
        query.QueryRetrieveLevel = {"studies": "STUDY", "series": "SERIES", "instances": "IMAGE"}[steps[-1]]
        grants, headers = [0] * 7, dict(JSON)
        grants[scp.RELATIONAL] = grants[scp.ZONE] = 1
        arguments = list(zip(("StudyInstanceUID", "SeriesInstanceUID"), steps[1:-1:2], strict=False))
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(query, keyword, "")
        for name, values in parse_qs(at.query, keep_blank_values=True).items():
            how = (unsupported or {}).get(name)
            if how == "refused":
                return 400, {}, b""
            if how == "warned":
                headers["Warning"] = f"299 HIDDEN: The {name} parameter is not supported."
            elif name in PARAMETERS:
                grants[PARAMETERS[name]] = values == ["true"]
            elif name == "includefield":
                arguments[:0] = [(v, "") for v in values]
            elif name not in ("limit", "offset"):
                arguments.append((name, values[0].replace(",", "\\")))
        for name, text in arguments:
            setattr(query, name, text)
        query.granted = grants
        rows = [json.loads(row.to_json()) for _, row in does(query) if row is not None]
        return 200, headers, json.dumps(rows).encode()

    return script


def _vr(keyword: str) -> str:
    return {"StudyDate": "DA", "StudyTime": "TM", "StudyInstanceUID": "UI", "PatientName": "PN"}.get(keyword, "LO")


def always(status: int, body: bytes = b"", **headers: str) -> Script:
    """Answer everything alike; the underscores of header names are hyphens."""
    return lambda target, asked: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


@contextmanager
def serving(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve a script; yields the address and a list of what was asked for."""
    log: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            log.append(self.path)
            status, headers, body = script(self.path, {k.lower(): v for k, v in self.headers.items()})
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = "Content-Length" in headers

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is none."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/dicom-web", log
    finally:
        server.shutdown()
        server.server_close()

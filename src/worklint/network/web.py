"""QIDO-RS over http.client: the query string is ours to the last character, redirects are not followed."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from worklint.enterprise import Address
from worklint.knowledge import standard
from worklint.network.ask import ABORTED, TIMED_OUT, Answer, Greeting, Key, NotOffered, Path, Question, Row, Unreachable

_RESOURCE = {"study": "studies", "series": "series", "image": "instances"}
_FOLDER = {"StudyInstanceUID": "studies", "SeriesInstanceUID": "series"}
_UNRESERVED = "-._~"
_MOST_BYTES = 64 * 1024 * 1024


class WebDoor:
    """A source reached by QIDO-RS (PS3.18 10.6)."""

    transport = "dicomweb"

    def __init__(
        self, address: Address, timeout: float, headers: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._address = address
        self._timeout = timeout
        self._headers = {"Accept": "application/dicom+json", "User-Agent": "worklint", **(headers or {})}
        self._environment = environment or {}
        self._connection: Any = None
        self.keep_data = False

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def greet(self, model: str, options: frozenset[str] = frozenset()) -> Greeting:
        """Ask for one study and return what the server calls itself.

        Raises:
            Unreachable: if there is no connection, or no right to ask.
            NotOffered: for models that QIDO-RS has no resource for.
        """
        if model != "study-root":
            raise NotOffered(f"QIDO-RS does not offer the model {model}")
        at = f"{self._address.host}:{self._address.port}"
        status, body, server = self._get(f"{self._address.path}/studies?limit=1")
        if status in (401, 403):
            raise Unreachable(
                f"{at} wants authentication (HTTP {status}); set WORKLINT_TOKEN, or WORKLINT_USER and WORKLINT_PASSWORD"
            )
        if 300 <= status < 400:
            raise Unreachable(f"{at} sends elsewhere (HTTP {status}); write the address where the service is")
        if status == 404 or (status == 200 and body[:1] not in (b"[", b"")):
            raise Unreachable(f"{at}{self._address.path} is no DICOMweb service (HTTP {status})")
        return Greeting("", server)

    def ask(self, question: Question, most_rows: int) -> Answer:
        """Send one search and read its rows."""
        started = time.monotonic()
        try:
            status, body, _ = self._get(url(self._address.path, question, most_rows))
        except Unreachable:
            slow = time.monotonic() - started >= self._timeout
            return Answer(failure=TIMED_OUT if slow else ABORTED, seconds=time.monotonic() - started)
        seconds = time.monotonic() - started
        if status >= 300:
            return Answer(failure=f"HTTP {status}", seconds=seconds)
        try:
            rows = [row_of(r) for r in (json.loads(body) if body.strip() else [])]
        except (ValueError, TypeError, AttributeError):
            return Answer(failure=ABORTED, seconds=seconds)
        data = _data_sets(body)[:most_rows] if self.keep_data else []
        return Answer(tuple(rows[:most_rows]), cut=len(rows) >= most_rows, seconds=seconds, data=tuple(data))

    def _get(self, target: str) -> tuple[int, bytes, str]:
        import http.client

        at = f"{self._address.host}:{self._address.port}"
        for attempt in (1, 2):
            if self._connection is None:
                self._connection = self._connect()
            try:
                self._connection.request("GET", target, headers=self._headers)
                response = self._connection.getresponse()
                body = response.read(_MOST_BYTES)
                return response.status, body, response.getheader("Server") or ""
            except (http.client.HTTPException, OSError) as error:
                self.close()
                # A kept connection may have been closed meanwhile: that is found out once.
                if attempt == 2 or isinstance(error, TimeoutError):
                    raise Unreachable(f"{at} does not answer: {type(error).__name__}") from None
        raise AssertionError

    def _connect(self) -> Any:
        import http.client

        address = self._address
        if address.scheme == "https":
            from worklint.network.dimse import tls_context

            context: ssl.SSLContext = tls_context(self._environment)
            connection: Any = http.client.HTTPSConnection(
                address.host, address.port, timeout=self._timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(address.host, address.port, timeout=self._timeout)
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Unreachable(f"{address.host}:{address.port} cannot be reached: {error.strerror or error}") from None
        return connection


def _data_sets(body: bytes) -> list[Any]:
    from pydicom.dataset import Dataset

    found = []
    for one in json.loads(body) if body.strip() else []:
        with suppress(ValueError, TypeError, KeyError):
            found.append(Dataset.from_json(one))
    return found


def _name(path: Path) -> str:
    return ".".join(a.keyword or a.tag.replace("xx", "10") for a in path)


def url(root: str, question: Question, most_rows: int) -> str:
    """Return path and query of a search: unique keys above in the path, values percent-encoded, list commas plain."""
    found = standard.model(question.model)
    upper = found.unique_keys[: found.levels.index(question.level)] if found else ()
    wanted = [k for k in upper if k in _FOLDER]
    parents = {_name(k.path): k for k in question.keys if "\\" not in k.text and k.text}
    path, rest = "", list(question.keys)
    if wanted and all(k in parents for k in wanted):
        path = "".join(f"/{_FOLDER[k]}/{quote(parents[k].text, safe=_UNRESERVED)}" for k in wanted)
        rest = [k for k in rest if _name(k.path) not in wanted]
    parts = [f"{_name(k.path)}={_value(k)}" for k in rest]
    parts += [f"includefield={_name(p)}" for p in question.empties]
    parts.append(f"limit={most_rows}")
    return f"{root}{path}/{_RESOURCE[question.level]}?" + "&".join(parts)


def _value(key: Key) -> str:
    if key.path[-1].vr == "UI":
        return ",".join(quote(t, safe=_UNRESERVED) for t in key.text.split("\\"))
    return quote(key.text, safe=_UNRESERVED)


def row_of(data: Mapping[str, Any]) -> Row:
    """Return the values of one result in the DICOM JSON model (PS3.18 F.2) by dotted path."""
    row: dict[str, tuple[str, ...]] = {}
    _collect(data, "", row)
    return row


def _collect(data: Mapping[str, Any], prefix: str, row: dict[str, tuple[str, ...]]) -> None:
    for tag, element in data.items():
        found = standard.attribute_by_tag(tag) if len(tag) == 8 else None
        private = len(tag) == 8 and int(tag[3], 16) % 2 and tag[4:6] not in ("00",)
        name = prefix + (found.keyword if found and found.keyword else f"{tag[:4]}xx{tag[6:]}" if private else tag)
        values = element.get("Value", ()) or ()
        if element.get("vr") == "SQ":
            row.setdefault(name, ())
            for item in values:
                _collect(item or {}, name + ".", row)
            continue
        texts = tuple(_text(v) for v in values)
        row[name] = row.get(name, ()) + (texts if any(t.strip() for t in texts) else ())


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        groups = [str(value.get(g, "")) for g in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)

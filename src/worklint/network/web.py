"""QIDO-RS over http.client: the query string is ours to the last character, redirects are not followed."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from worklint.enterprise import Address
from worklint.knowledge import standard
from worklint.network import tls
from worklint.network.ask import (
    ABORTED,
    TIMED_OUT,
    UNREADABLE,
    Answer,
    Greeting,
    Key,
    NotOffered,
    Path,
    Question,
    Row,
    Unreachable,
)  # fmt: skip

_RESOURCE = {"study": "studies", "series": "series", "image": "instances"}
_FOLDER = {"StudyInstanceUID": "studies", "SeriesInstanceUID": "series"}
_UNRESERVED = "-._~"
_MOST_BYTES = 64 * 1024 * 1024
_TYPE = "application/dicom+json"
_NOT_ALLOWED = (401, 403, 407)
_PAUSES = (0.2, 0.4)
"""Seconds between attempts to connect again."""


class _NoConnection(Unreachable):
    """There is nobody to ask."""


class WebDoor:
    """A source reached by QIDO-RS (PS3.18 10.6). ``secrets`` are the names of the variables that hold credentials."""

    transport = "dicomweb"

    def __init__(
        self, address: Address, timeout: float, headers: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None, secrets: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._address = address
        self._timeout = timeout
        self._headers = {"Accept": _TYPE, "User-Agent": "worklint", **(headers or {})}
        self._environment = environment or {}
        self._secrets = secrets
        self._connection: Any = None
        self.keep_data = False

    @property
    def _at(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def release(self, model: str, options: frozenset[str]) -> None:
        """Do nothing: all models share one connection."""

    def greet(self, model: str, options: frozenset[str] = frozenset()) -> Greeting:
        """Ask for one study and return what the server calls itself.

        Raises:
            Unreachable: if there is no connection, or no right to ask, or something else than DICOMweb answers.
            NotOffered: for models that QIDO-RS has no resource for.
        """
        if model != "study-root":
            raise NotOffered(f"QIDO-RS does not offer the model {model}")
        status, body, headers = self._get(f"{self._address.path}/studies?limit=1")
        if status in _NOT_ALLOWED:
            raise Unreachable(self._not_allowed(status))
        if 300 <= status < 400:
            raise Unreachable(f"{self._at} sends elsewhere (HTTP {status}); write the address where the service is")
        if status == 404 or (status == 200 and _results(body) is None):
            what = f", {_kind_of(headers)}" if status == 200 else ""
            raise Unreachable(f"{self._at}{self._address.path} is no DICOMweb service (HTTP {status}{what})")
        return Greeting("", headers.get("server", ""))

    def ask(self, question: Question, most_rows: int) -> Answer:
        """Send one search and read its rows.

        Raises:
            Unreachable: if a connection that was lost cannot be made again, or the right to ask is gone.
        """
        root = self._address.path
        target = root + _bounded(question.url, most_rows) if question.url else url(root, question, most_rows)
        self._again()
        started = time.monotonic()
        try:
            status, body, headers = self._get(target)
        except _NoConnection:
            raise
        except Unreachable as error:
            seconds = time.monotonic() - started
            return Answer(
                failure=TIMED_OUT if seconds >= self._timeout else ABORTED, seconds=seconds, because=str(error)
            )
        seconds = time.monotonic() - started
        if status == 401:
            raise Unreachable(self._not_allowed(status))
        if status >= 300:
            return Answer(failure=f"HTTP {status}", seconds=seconds)
        results = _results(body)
        if results is None:
            return Answer(failure=UNREADABLE, seconds=seconds, because=f"not {_TYPE}: {_kind_of(headers)}")
        rows: list[Row] = []
        data: list[Any] = []
        unread = 0
        for one in results[:most_rows]:
            try:
                row, whole = row_of(one), _data_set(one) if self.keep_data else None
            except Exception:
                # Whatever is wrong with one result is no reason to lose the others.
                unread += 1
                continue
            rows.append(row)
            data += [whole] if self.keep_data else []
        warning = headers.get("warning", "")[:3]
        return Answer(
            tuple(rows),
            cut=len(results) >= most_rows,
            warning=warning,
            seconds=seconds,
            data=tuple(data),
            unread=unread,
        )

    def _not_allowed(self, status: int) -> str:
        names = " or ".join(self._secrets) or "WORKLINT_TOKEN, or WORKLINT_USER and WORKLINT_PASSWORD"
        if "Authorization" in self._headers:
            return f"{self._at} does not accept the credentials in {names} (HTTP {status})"
        return f"{self._at} wants authentication (HTTP {status}); set {names}"

    def _get(self, target: str) -> tuple[int, bytes, Mapping[str, str]]:
        """Return status, body and headers (names in small letters).

        Raises:
            Unreachable: if no answer comes.
        """
        import http.client

        for attempt in (1, 2):
            if self._connection is None:
                self._connection = self._connect()
            try:
                self._connection.request("GET", target, headers=self._headers)
                response = self._connection.getresponse()
                body = response.read(_MOST_BYTES)
                if len(body) < _MOST_BYTES and response.length:
                    raise http.client.IncompleteRead(b"")
                if not response.isclosed():
                    # Longer than is read: what is left of it must not be taken for the next answer.
                    self.close()
                return response.status, body, {k.lower(): v for k, v in response.getheaders()}
            except ssl.SSLError as error:
                self.close()
                raise Unreachable(f"{self._at} {tls.problem(error, 'http://')}") from None
            except TimeoutError:
                self.close()
                raise Unreachable(f"{self._at} does not answer within {self._timeout:.0f} s") from None
            except (http.client.HTTPException, OSError) as error:
                self.close()
                # A kept connection may have been closed meanwhile: that is found out once.
                if attempt == 2:
                    raise Unreachable(f"{self._at} {self._broken(error)}") from None
        raise AssertionError

    def _broken(self, error: Exception) -> str:
        import http.client

        if isinstance(error, http.client.IncompleteRead):
            return "breaks off in the middle of an answer"
        if isinstance(error, ConnectionError):
            files = " and ".join(tls.VARIABLES[w] for w in ("cert", "key"))
            hint = f"a client certificate ({files})" if self._address.scheme == "https" else "TLS (https://)"
            return f"closes the connection without an answer; does it want {hint}?"
        if isinstance(error, http.client.HTTPException):
            return f"does not speak HTTP with us ({type(error).__name__}); is this the port of another protocol?"
        return f"cannot be reached: {getattr(error, 'strerror', None) or type(error).__name__}"

    def _again(self) -> None:
        """Connect where there is no connection; a source may need a moment after it broke one off."""
        for pause in _PAUSES:
            if self._connection is not None:
                return
            try:
                self._connection = self._connect()
            except _NoConnection:
                time.sleep(pause)

    def _connect(self) -> Any:
        import http.client

        address = self._address
        if address.scheme == "https":
            connection: Any = http.client.HTTPSConnection(
                address.host, address.port, timeout=self._timeout, context=tls.context(self._environment)
            )
        else:
            connection = http.client.HTTPConnection(address.host, address.port, timeout=self._timeout)
        try:
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except ssl.SSLError as error:
            raise _NoConnection(f"{self._at} {tls.problem(error, 'http://')}") from None
        except TimeoutError:
            raise _NoConnection(f"{self._at} does not answer within {self._timeout:.0f} s") from None
        except OSError as error:
            raise _NoConnection(f"{self._at} cannot be reached: {error.strerror or error}") from None
        return connection


def _results(body: bytes) -> list[Any] | None:
    """Return the results in a body, none of them for an empty one (HTTP 204); ``None`` if it is something else."""
    if not body.strip():
        return []
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _kind_of(headers: Mapping[str, str]) -> str:
    """Return the media type of an answer; parameters of it may hold anything."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()[:60] or "no media type"


def _data_set(one: Mapping[str, Any]) -> Any:
    from pydicom.dataset import Dataset

    return Dataset.from_json(one)  # type: ignore[arg-type]


def _bounded(target: str, most_rows: int) -> str:
    """Return a URL with a limit, where it has none: no answer is longer than is read."""
    place, _, rest = target.partition("?")
    parts = [p for p in rest.split("&") if p]
    if not any(p.startswith("limit=") for p in parts):
        parts.append(f"limit={most_rows}")
    return f"{place}?{'&'.join(parts)}"


def _name(path: Path) -> str:
    return ".".join(a.keyword or a.tag.replace("xx", "10") for a in path)


def url(root: str, question: Question, most_rows: int) -> str:
    """Return path and query of a search: unique keys above in the path, values percent-encoded, list commas plain."""
    found = standard.model(question.model)
    upper = found.unique_keys[: found.levels.index(question.level)] if found else ()
    wanted = [k for k in upper if k in _FOLDER]
    parents = {_name(k.path): k for k in question.keys if k.text and not set(k.text) & set("\\*?")}
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

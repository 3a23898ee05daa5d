"""QIDO-RS over http.client: the query string is ours to the last character, redirects are not followed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
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
from worklint.network.results import TooLongError, normal, read_body, results_of, row_of

_RESOURCE = {"study": "studies", "series": "series", "image": "instances"}
_FOLDER = {"StudyInstanceUID": "studies", "SeriesInstanceUID": "series"}
_UNRESERVED = "-._~"
SEVERAL = "multiple-value-matching"
"""The option with which a key of several values means all of them (PS3.4 C.2.2.2.8)."""
_MOST_BYTES = 64 * 1024 * 1024
_TYPE = "application/dicom+json"
_NOT_ALLOWED = (401, 403, 407)
_NOT_NOW = (429, 503)
_OF_ALL = (401, 403, 407, 429, 502, 503, 504)
"""Statuses that may say something of us, of the way there, or of this moment, and nothing of the query."""
_LONGEST = 3
"""So many times the time to wait for an answer it may take to come to its end."""
_FEWER = (200, 100, 50, 20, 10)
"""Limits that are tried where a source takes none as high as ours."""
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
        self._most: int | None = None
        self._most_known = False
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
        status, body, headers = self._get(self._plain, 1)
        if status in _NOT_ALLOWED:
            raise Unreachable(self._not_allowed(status))
        if status in _NOT_NOW:
            raise Unreachable(_not_now(self._at, status, headers))
        if 300 <= status < 400:
            raise Unreachable(f"{self._at} sends elsewhere (HTTP {status}); write the address where the service is")
        kind = _kind_of(headers)
        if status == 406 or (status == 200 and kind.startswith("multipart/")):
            what = f", {kind}" if status == 200 else ""
            raise Unreachable(f"{self._at}{self._address.path} does not answer {_TYPE} (HTTP {status}{what})")
        if status == 200 and isinstance(body, bytes) and "json" in kind and results_of(body) is None:
            raise Unreachable(f"{self._at}{self._address.path} answers no list of results (HTTP {status}, {kind})")
        if status == 404 or (status == 200 and isinstance(body, bytes) and results_of(body) is None):
            what = f", {kind}" if status == 200 else ""
            raise Unreachable(f"{self._at}{self._address.path} is no DICOMweb service (HTTP {status}{what})")
        return Greeting("", headers.get("server", ""))

    @property
    def _plain(self) -> str:
        return f"{self._address.path}/studies?limit=1"

    def ask(self, question: Question, most_rows: int) -> Answer:
        """Send one search and read its rows.

        A source that takes no limit as high as ``most_rows`` is asked for fewer.

        Raises:
            Unreachable: if a connection that was lost cannot be made again, or no query at all is answered any more.
        """
        most = min(most_rows, self._most or most_rows)
        answer = self._search(question, most)
        if answer.failure.startswith("HTTP 4") and question.page is None and not self._most_known:
            for fewer in (n for n in _FEWER if n < most):
                other = self._search(question, fewer)
                if not other.failure:
                    self._most, answer = fewer, other
                    break
        self._most_known |= not answer.failure and question.page is None
        return answer

    def _search(self, question: Question, most: int) -> Answer:
        root = self._address.path
        target = root + _bounded(question.url, most) if question.url else url(root, question, most)
        self._again()
        started = time.monotonic()
        try:
            status, body, headers = self._get(target, most)
            if status in _NOT_NOW and self._waits(headers):
                status, body, headers = self._get(target, most)
        except _NoConnection:
            raise
        except TooLongError:
            return Answer(failure=UNREADABLE, seconds=time.monotonic() - started, because="an answer without an end")
        except ValueError as error:
            return Answer(failure=UNREADABLE, seconds=time.monotonic() - started, because=str(error))
        except Unreachable as error:
            seconds = time.monotonic() - started
            return Answer(
                failure=TIMED_OUT if seconds >= self._timeout else ABORTED, seconds=seconds, because=str(error)
            )
        seconds = time.monotonic() - started
        if status in _OF_ALL or 300 <= status < 400:
            self._is_of_the_query(status)
        if status >= 300:
            return Answer(failure=f"HTTP {status}", seconds=seconds)
        results = body if isinstance(body, list) else results_of(body)
        if results is None:
            return Answer(failure=UNREADABLE, seconds=seconds, because=f"not {_TYPE}: {_kind_of(headers)}")
        rows: list[Row] = []
        data: list[Any] = []
        unread = 0
        for one in results[:most]:
            try:
                plain = normal(one)
                row, whole = row_of(plain), _data_set(plain) if self.keep_data else None
            except Exception:
                # Whatever is wrong with one result is no reason to lose the others.
                unread += 1
                continue
            rows.append(row)
            data += [whole] if self.keep_data else []
        return Answer(
            tuple(rows), cut=len(results) >= most, warning=_warning(headers, question), seconds=seconds,
            data=tuple(data), unread=unread,
        )  # fmt: skip

    def _waits(self, headers: Mapping[str, str]) -> bool:
        """Wait as long as the source wants us to; tell if it is not longer than an answer may take."""
        seconds = _seconds(headers)
        if seconds > self._timeout:
            return False
        time.sleep(seconds)
        return True

    def _is_of_the_query(self, status: int) -> None:
        """Ask the plainest query: a status that it meets as well says nothing of another one.

        Raises:
            Unreachable: if it does.
        """
        again, _, headers = self._get(self._plain, 1)
        if status in _NOT_NOW or again in _NOT_NOW:
            raise Unreachable(_not_now(self._at, status, headers))
        if again in _NOT_ALLOWED:
            raise Unreachable(self._not_allowed(again))
        if 300 <= again < 400:
            raise Unreachable(f"{self._at} sends elsewhere (HTTP {again})")
        if again in _OF_ALL:
            raise Unreachable(f"{self._at} answers no query any more (HTTP {again})")

    def _not_allowed(self, status: int) -> str:
        names = " or ".join(self._secrets) or "WORKLINT_TOKEN, or WORKLINT_USER and WORKLINT_PASSWORD"
        if "Authorization" in self._headers:
            return f"{self._at} does not accept the credentials in {names} (HTTP {status})"
        return f"{self._at} wants authentication (HTTP {status}); set {names}"

    def _get(self, target: str, most: int) -> tuple[int, bytes | list[Any], Mapping[str, str]]:
        """Return status, body and headers (names in small letters); of a body without end so many results and one.

        Raises:
            Unreachable: if no answer comes.
            TooLongError, ValueError: as ``read_body``.
        """
        import http.client

        for attempt in (1, 2):
            if self._connection is None:
                self._connection = self._connect()
            try:
                self._connection.request("GET", target, headers=self._headers)
                response = self._connection.getresponse()
                headers = {k.lower(): v for k, v in response.getheaders()}
                try:
                    coding = headers.get("content-encoding", "").strip().lower()
                    body, whole = read_body(self._reading(response), _MOST_BYTES, most, coding)
                    if whole and response.length:
                        raise http.client.IncompleteRead(b"")
                finally:
                    if not response.isclosed():
                        # Longer than is read: what is left of it must not be taken for the next answer.
                        self.close()
                return response.status, body, headers
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

    def _reading(self, response: Any) -> Callable[[int], bytes]:
        """Return what reads a body piece by piece, and gives up on one that only ever goes on."""
        end = time.monotonic() + _LONGEST * self._timeout

        def read(size: int) -> bytes:
            if time.monotonic() > end:
                raise TimeoutError
            return response.read1(size)  # type: ignore[no-any-return]

        return read

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


def _kind_of(headers: Mapping[str, str]) -> str:
    """Return the media type of an answer; parameters of it may hold anything."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()[:60] or "no media type"


def _seconds(headers: Mapping[str, str]) -> float:
    """Return how long a source wants us to wait (RFC 9110 10.2.3); a date, or nothing, is a moment."""
    text = headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() else 1.0


def _not_now(at: str, status: int, headers: Mapping[str, str]) -> str:
    text = headers.get("retry-after", "").strip()
    when = f", again in {text} s" if text.isascii() and text.isdigit() and len(text) < 9 else ""
    return f"{at} does not answer now (HTTP {status}{when}); ask for less at a time (--rate)"


def _warning(headers: Mapping[str, str], question: Question) -> str:
    """Return the code of a warning, and which of the parameters that went out it names; the rest may hold anything."""
    text = headers.get("warning", "")
    names = [p.partition("=")[0] for p in parameters(question.model, question.options)]
    return " ".join([text[:3], *(n for n in names if n in text.lower())]).strip()


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
    """Return path and query of a search: unique keys above in the path, values percent-encoded, list commas plain.

    Options go out as the parameters that the standard has for them (PS3.18 8.3.4).
    """
    found = standard.model(question.model)
    upper = found.unique_keys[: found.levels.index(question.level)] if found else ()
    wanted = [k for k in upper if k in _FOLDER]
    parents = {_name(k.path): k for k in question.keys if k.text and not set(k.text) & set("\\*?")}
    path, rest = "", list(question.keys)
    if wanted and all(k in parents for k in wanted):
        path = "".join(f"/{_FOLDER[k]}/{quote(parents[k].text, safe=_UNRESERVED)}" for k in wanted)
        rest = [k for k in rest if _name(k.path) not in wanted]
    several = SEVERAL in question.options
    parts = [f"{_name(k.path)}={_value(k, several)}" for k in rest]
    parts += [f"includefield={_name(p)}" for p in question.empties]
    parts += parameters(question.model, question.options)
    limit, offset = question.page or (most_rows, 0)
    parts += [f"limit={limit}"] if limit else []
    parts += [f"offset={offset}"] if offset else []
    return f"{root}{path}/{_RESOURCE[question.level]}?" + "&".join(parts)


def parameters(model: str, options: Collection[str]) -> list[str]:
    """Return the parameters of a search that ask for options (PS3.18 8.3.4.2, 8.3.4.5, 8.3.4.6), in their order."""
    found = {o.option: o.dicomweb for o in standard.negotiation_options(model)}
    return [found[o] for o in found if o in options and found[o].endswith("=true")]


def _value(key: Key, several: bool = False) -> str:
    # The standard has no syntax for several values that are no UIDs; the comma is that of its lists (PS3.18 8.3.4.1).
    if key.path[-1].vr == "UI" or several:
        return ",".join(quote(t, safe=_UNRESERVED) for t in key.text.split("\\"))
    return quote(key.text, safe=_UNRESERVED)

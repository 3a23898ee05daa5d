"""Asks a server what a plain client asks, and says what came back: identities, rows, failure.

One kept association a model. Our socket sends small writes at once and acknowledges at once: a server whose writes wait
for an acknowledgement (Nagle) is then not held up for 40 ms by each of our delayed ones.
"""

from __future__ import annotations

import http.client
import json
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import quote, urlsplit

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, Association, _config
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from worklint.judge.place import KeyAt
from worklint.judge.query import Query
from worklint.knowledge import standard
from worklint.model import Attribute

from .archive import instances
from .servers import CALLING, LOOPBACK, Server

_config.LOG_HANDLER_LEVEL = "none"
warnings.filterwarnings("ignore", module="pydicom")

FIND = {
    "study-root": StudyRootQueryRetrieveInformationModelFind,
    "patient-root": PatientRootQueryRetrieveInformationModelFind,
    "modality-worklist": ModalityWorklistInformationFind,
}
PACK = {"US": "<H", "SS": "<h", "UL": "<L", "SL": "<l", "FL": "<f", "FD": "<d"}
STEP = ("StudyInstanceUID", "RequestedProcedureID", "ScheduledProcedureStepID")

CUT = 0xFE00
"""An answer that the source itself ended early: what came stands."""

Identity = tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What came back. ``refused`` holds the failure: a status, ``HTTP 400``, or ``abort``."""

    rows: int
    identities: frozenset[Identity]
    refused: str = ""

    def also(self, other: Answer) -> Answer:
        """Unite with the answer to another query of the same list."""
        return Answer(self.rows + other.rows, self.identities | other.identities, self.refused or other.refused)


Keys = Sequence[KeyAt]


def combinations(query: Query) -> Iterator[tuple[KeyAt, ...]]:
    """One query for each combination of the values of lists."""
    yield from product(*(key.at for key in query.keys))


def level_keys(model: str, level: str) -> tuple[str, ...]:
    """The keys that identify an entity of a level (a patient: ID and issuer, which some servers do not know)."""
    if level == "worklist-item":
        return STEP
    return {
        "patient": ("PatientID", "IssuerOfPatientID"), "study": ("StudyInstanceUID",),
        "series": ("SeriesInstanceUID",), "image": ("SOPInstanceUID",),
    }[level]  # fmt: skip


def _tag(attribute: Attribute) -> int:
    return int(attribute.tag.replace("xx", "10"), 16)


def _put(target: Dataset, path: Sequence[Attribute], text: str) -> None:
    for sequence in path[:-1]:
        tag = _tag(sequence)
        if tag not in target:
            target.add_new(tag, "SQ", [Dataset()])
        target = target[tag].value[0]
    attribute = path[-1]
    if attribute.creator is not None:
        target.add_new(_tag(attribute) & 0xFFFF0000 | 0x10, "LO", attribute.creator)
    tag = _tag(attribute)
    if attribute.vr == "SQ":
        if tag not in target:
            target.add_new(tag, "SQ", [Dataset()])
    elif attribute.vr in PACK:
        form = PACK[attribute.vr]
        number = float(text) if form[1] in "fd" else int(text or 0)
        target.add_new(tag, attribute.vr, number if text else None)
    else:
        # On the wire there is no VR (implicit VR), so that an illegal number or date goes out as it stands.
        target.add_new(tag, {"PN": "PN", "UI": "UI"}.get(attribute.vr, "LO"), text)


def identifier(model: str, level: str, keys: Keys, empties: Keys) -> Dataset:
    """Return the identifier of a C-FIND request: keys, empty keys, and the identity of what is asked for."""
    data = Dataset()
    found = standard.model(model)
    if found is not None and model != "modality-worklist":
        data.QueryRetrieveLevel = found.level_values[found.levels.index(level)]
        names: list[tuple[str, ...]] = [(k,) for k in level_keys(model, level)]
    else:
        names = [("StudyInstanceUID",), ("RequestedProcedureID",),
                 ("ScheduledProcedureStepSequence", "ScheduledProcedureStepID")]  # fmt: skip
    for path in names:
        _put(data, [a for k in path if (a := standard.attribute_by_keyword(k))], "")
    for key in (*empties, *keys):
        _put(data, key.path, key.sent.text)
    if not all(k.sent.text.isascii() for k in keys):
        data.SpecificCharacterSet = "ISO_IR 192"
    return data


class DicomClient:
    """C-FIND on one association a model, opened anew where a server closed it."""

    transport = "dimse"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._open: dict[str, Association] = {}

    def close(self) -> None:
        for association in self._open.values():
            if association.is_established:
                association.release()
        self._open.clear()

    def _association(self, model: str) -> Association:
        association = self._open.get(model)
        if association is None or not association.is_established:
            association = associate(self._server, [(FIND[model], [ImplicitVRLittleEndian])])
            self._open[model] = association
        return association

    def ask(self, model: str, level: str, keys: Keys, empties: Keys = ()) -> Answer:
        """Send one query and read the whole answer."""
        association = self._association(model)
        rows, found, refused = 0, set(), ""
        try:
            for status, row in association.send_c_find(identifier(model, level, keys, empties), FIND[model]):
                code = status.get("Status") if status else None
                if code is None:
                    refused = "abort"
                elif code in (0xFF00, 0xFF01):
                    rows += 1
                    if row is not None:
                        found |= set(identities(row, model, level))
                elif code not in (0, CUT):
                    refused = f"{code:04X}"
        except (RuntimeError, ValueError) as error:
            refused = "abort" if not association.is_established else f"abort: {error}"
        return Answer(rows, frozenset(found), refused)

    def rows(self, model: str, level: str, keys: Keys, empties: Keys) -> tuple[list[Dataset], str]:
        """Send one query; return the rows as they came, and the failure."""
        found, refused = [], ""
        for status, row in self._association(model).send_c_find(identifier(model, level, keys, empties), FIND[model]):
            code = status.get("Status") if status else None
            if code in (0xFF00, 0xFF01) and row is not None:
                found.append(row)
            elif code != 0:
                refused = "abort" if code is None else f"{code:04X}"
        return found, refused


def identities(row: Dataset, model: str, level: str) -> Iterator[Identity]:
    """Return the identities that a row stands for: one, or one for each scheduled step."""
    if level == "worklist-item":
        for step in row.get("ScheduledProcedureStepSequence") or ():
            yield (
                _text(row, "StudyInstanceUID"), _text(row, "RequestedProcedureID"),
                _text(step, "ScheduledProcedureStepID"),
            )  # fmt: skip
    else:
        yield tuple(_text(row, k) for k in level_keys(model, level))


def _text(row: Dataset, keyword: str) -> str:
    value = row.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def associate(server: Server, contexts: Sequence[tuple[Any, list[Any]]]) -> Association:
    """Open an association whose socket neither waits with small writes nor with acknowledgements."""
    entity = AE(ae_title=CALLING)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 30
    for sop_class, syntaxes in contexts:
        entity.add_requested_context(sop_class, syntaxes)
    association = entity.associate(LOOPBACK, server.port, ae_title=server.ae_title)
    if not association.is_established:
        raise ConnectionError(f"{server.kind.id} accepts no association")
    transport = association.dul.socket
    assert transport is not None and transport.socket is not None
    plain, receive = transport.socket, transport.recv
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    quick = getattr(socket, "TCP_QUICKACK", None)
    if quick is not None:

        def recv(size: int) -> bytearray:
            data = receive(size)
            plain.setsockopt(socket.IPPROTO_TCP, quick, 1)
            return data

        transport.recv = recv  # type: ignore[method-assign]
    # The association's own thread looks for requests of the peer, and now and then takes a response instead (pynetdicom
    # 3.0: it is paused by a flag that can be read a moment too early). Nobody sends requests to us.
    take = association.dimse.get_msg
    association.dimse.get_msg = lambda block=False: take(block) if block else (None, None)  # type: ignore[method-assign]
    return association


def load(server: Server, stored: Sequence[Dataset] | None = None, every: bool = True) -> list[Dataset]:
    """Store images (C-STORE; the archive), and return those that were taken.

    Raises:
        ConnectionError: if one is not taken, unless not ``every`` one has to be.
    """
    stored = instances() if stored is None else stored
    classes = sorted({d.SOPClassUID for d in stored})
    association = associate(server, [(c, [ExplicitVRLittleEndian]) for c in classes])
    taken = []
    for data in stored:
        status = association.send_c_store(data)
        if status and status.Status == 0:
            taken.append(data)
        elif every:
            raise ConnectionError(f"{server.kind.id} does not store {data.SOPInstanceUID}: {status}")
        elif not association.is_established:
            association = associate(server, [(c, [ExplicitVRLittleEndian]) for c in classes])
    association.release()
    return taken


_RESOURCE = {"study": "studies", "series": "series", "image": "instances"}
_TAGS = {"study": "0020000D", "series": "0020000E", "image": "00080018"}


class WebClient:
    """QIDO-RS on one kept connection."""

    transport = "dicomweb"

    def __init__(self, server: Server) -> None:
        at = urlsplit(server.web)
        self._root = at.path
        self._connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def _get(self, path: str) -> tuple[int, bytes]:
        for again in (True, False):
            try:
                self._connection.request("GET", path, headers={"Accept": "application/dicom+json"})
                response = self._connection.getresponse()
                return response.status, response.read()
            except (http.client.RemoteDisconnected, ConnectionResetError):
                # A kept connection on which nothing was asked for a while is closed at the other end.
                self._connection.close()
                if not again:
                    raise
        raise AssertionError

    def ask(self, model: str, level: str, keys: Keys, empties: Keys = ()) -> Answer:
        """Send one search and read the whole answer."""
        status, body = self._get(url(self._root, model, level, keys, empties))
        if status >= 400:
            return Answer(0, frozenset(), f"HTTP {status}")
        rows = json.loads(body) if body else []
        found = {(row[_TAGS[level]]["Value"][0],) for row in rows}
        return Answer(len(rows), frozenset(found))

    def rows(self, model: str, level: str, keys: Keys, empties: Keys) -> tuple[list[Dataset], str]:
        """Send one search; return the rows as they came, and the failure."""
        status, body = self._get(url(self._root, model, level, keys, empties))
        if status >= 400:
            return [], f"HTTP {status}"
        return [Dataset.from_json(row) for row in (json.loads(body) if body else [])], ""


def url(root: str, model: str, level: str, keys: Keys, empties: Keys) -> str:
    """Return the path and query of a search: unique keys of upper levels in the path, where all are there."""
    parents = {k.path[-1].keyword: k for k in keys if k.parent and k.sent.kind == "single"}
    wanted = [k for k in ("StudyInstanceUID", "SeriesInstanceUID") if k in level_upper(model, level)]
    path, rest = "", list(keys)
    if wanted and all(k in parents for k in wanted):
        for name, folder in zip(wanted, ("studies", "series"), strict=False):
            path += f"/{folder}/{parents[name].sent.text}"
        rest = [k for k in keys if k is not parents.get(k.path[-1].keyword)]
    parts = []
    for key in rest:
        name = ".".join(a.keyword or a.tag.replace("xx", "10") for a in key.path)
        text = key.sent.text.replace("\\", ",")
        parts.append(f"{name}={','.join(quote(t, safe='-._~') for t in text.split(','))}")
    parts += [f"includefield={'.'.join(a.keyword or a.tag.replace('xx', '10') for a in k.path)}" for k in empties]
    return f"{root}{path}/{_RESOURCE[level]}" + ("?" + "&".join(parts) if parts else "")


def level_upper(model: str, level: str) -> tuple[str, ...]:
    """Return the unique keys of the levels above."""
    found = standard.model(model)
    return found.unique_keys[: found.levels.index(level)] if found else ()


Client = DicomClient | WebClient


@contextmanager
def client(server: Server, transport: str) -> Iterator[Client]:
    """Open a client for one door of a server."""
    made: Client = WebClient(server) if transport == "dicomweb" else DicomClient(server)
    try:
        yield made
    finally:
        made.close()


def shown(made: Client, model: str, level: str) -> frozenset[Identity]:
    """Return what the source shows to an unconstrained query, walking down from the highest level."""
    found = standard.model(model)
    assert found is not None
    if isinstance(made, WebClient) or found.levels.index(level) == 0:
        return made.ask(model, level, ()).identities
    ways: list[tuple[str, ...]] = [()]
    for position, step in enumerate(found.levels[: found.levels.index(level) + 1]):
        below: list[tuple[str, ...]] = []
        for way in ways:
            keys = [_unique(found.levels[i], found.unique_keys[i], v) for i, v in enumerate(way)]
            below += [(*way, i) for i in sorted({i[0] for i in made.ask(model, step, keys).identities})]
        ways = below
        assert all(len(w) == position + 1 for w in ways)
    return frozenset((w[-1],) for w in ways)


def _unique(level: str, keyword: str, value: str) -> KeyAt:
    from worklint.judge.value import Sent

    attribute = standard.attribute_by_keyword(keyword)
    assert attribute is not None
    return KeyAt((attribute,), None, level, Sent(value, "single", attribute.vr), parent=True)


__all__ = [
    "Answer", "Client", "DicomClient", "Identity", "WebClient", "associate", "client", "combinations", "identifier",
    "load", "shown", "url",
]  # fmt: skip

"""C-FIND over pynetdicom: one kept association for each information model and negotiation.

Small writes go out at once and what arrives is acknowledged at once: a server whose own small writes wait for an
acknowledgement (Nagle) is then not held up for 40 ms by each of our delayed ones.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from worklint.enterprise import Address
from worklint.knowledge import standard
from worklint.network import tls
from worklint.network.ask import (
    ABORTED,
    TIMED_OUT,
    Answer,
    Greeting,
    NetworkError,
    NotOffered,
    Path,
    Question,
    Row,
    Unreachable,
)

CALLING = "WORKLINT"
MISSING = "C-FIND needs the package pynetdicom: pip install 'worklint[network]'"

_PENDING = {0xFF00, 0xFF01}
_CANCELLED = 0xFE00
_PACKED = {"US": "<H", "SS": "<h", "UL": "<L", "SL": "<l", "FL": "<f", "FD": "<d", "UV": "<Q", "SV": "<q"}
_UNDEFINED = 0xFFFFFFFF
_PAUSES = (0.2, 0.4)
"""Seconds between attempts to connect again."""
_AFTER_CANCEL = 3.0
"""Seconds that a source gets to stop after C-CANCEL before the association is aborted."""


def _libraries() -> Any:
    try:
        import pynetdicom
    except ImportError:
        raise NetworkError(MISSING) from None
    pynetdicom._config.LOG_HANDLER_LEVEL = "none"
    # Every identifier would be laid out as text for a log that nobody reads; values are read on the way, too.
    pynetdicom._config.LOG_REQUEST_IDENTIFIERS = pynetdicom._config.LOG_RESPONSE_IDENTIFIERS = False
    # One more response than is expected is no reason for a message on standard error.
    import logging

    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    return pynetdicom


class DimseDoor:
    """A source reached by C-FIND."""

    transport = "dimse"

    def __init__(self, address: Address, timeout: float, environment: Mapping[str, str] | None = None) -> None:
        self._address = address
        self._timeout = timeout
        self._environment = os.environ if environment is None else environment
        self._open: dict[tuple[str, frozenset[str]], Any] = {}
        self.keep_data = False
        _libraries()

    def close(self) -> None:
        """Release every association."""
        for association in self._open.values():
            if association.is_established:
                association.release()
        self._open.clear()

    def release(self, model: str, options: frozenset[str]) -> None:
        """Release the association of a model and some options."""
        association = self._open.pop((model, options), None)
        if association is not None and association.is_established:
            association.release()

    def greet(self, model: str, options: frozenset[str] = frozenset()) -> Greeting:
        """Open the association of a model and return what the source announces.

        Raises:
            Unreachable: if there is no connection, or the association is refused.
            NotOffered: if the source does not take the model.
        """
        association = self._association(model, options)
        accepted: list[str] = []
        known = standard.negotiation_options(model)
        for item in association.acceptor.sop_class_extended.values():
            accepted += [o.option for o in known if len(item) >= o.byte and item[o.byte - 1]]
        acceptor = association.acceptor
        version = acceptor.implementation_version_name or b""
        return Greeting(
            implementation=str(acceptor.implementation_class_uid or ""),
            version=version.decode("ascii", "replace") if isinstance(version, bytes) else str(version),
            asked=tuple(sorted(options)),
            accepted=tuple(o for o in dict.fromkeys(accepted) if o != "reserved"),
            transfer_syntax=str(association.accepted_contexts[0].transfer_syntax[0]),
        )

    def ask(self, question: Question, most_rows: int) -> Answer:
        """Send one C-FIND; at the row cap send C-CANCEL, and abort if the source goes on regardless.

        Raises:
            Unreachable, NotOffered: if a connection that was lost cannot be made again.
        """
        association = self._again(question.model, question.options)
        sop_class = _sop_class(association, question.model)
        started = time.monotonic()
        rows: list[Row] = []
        data: list[Any] = []
        failure, warning, cut, unsupported, stop_by = "", "", False, False, 0.0
        broken = undecoded = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for status, found in association.send_c_find(identifier(question), sop_class, msg_id=1):
                    code = status.get("Status") if status else None
                    now = time.monotonic()
                    if code is None:
                        failure = TIMED_OUT if now - started >= self._timeout else ABORTED
                    elif code in _PENDING:
                        unsupported |= code == 0xFF01
                        if len(rows) < most_rows:
                            # What cannot be decoded comes as nothing, and twice (pynetdicom 3.0), or as no element.
                            undecoded += found is None
                            if found is not None and len(found):
                                broken += not _readable(found)
                                rows.append(row_of(found))
                                if self.keep_data:
                                    data.append(found)
                            else:
                                broken += found is not None
                        if not cut and (len(rows) >= most_rows or now - started > 4 * self._timeout):
                            cut, stop_by = True, now + _AFTER_CANCEL
                            association.send_c_cancel(1, query_model=sop_class)
                        if cut and now > stop_by:
                            association.abort()
                            self._open.pop((question.model, question.options), None)
                            break
                    elif code == _CANCELLED and cut:
                        pass
                    elif code == _CANCELLED or code >> 12 == 0xB or code in (0x0001, 0x0107, 0x0116):
                        warning = f"{code:04X}"
                    elif code != 0:
                        failure = f"{code:04X}"
        except (RuntimeError, ValueError, OSError, struct.error):
            failure = ABORTED
        if failure in (ABORTED, TIMED_OUT):
            # That it is ended the library notices a moment later; a query on it would wait for nothing.
            self._open.pop((question.model, question.options), None)
            if association.is_established:
                association.abort()
        return Answer(
            tuple(rows), failure, cut, unsupported, warning, time.monotonic() - started, tuple(data),
            unread=broken + (undecoded + 1) // 2,
        )  # fmt: skip

    def _again(self, model: str, options: frozenset[str]) -> Any:
        """Return the association of a model; a source may need a moment after it broke one off."""
        for pause in _PAUSES:
            try:
                return self._association(model, options)
            except (Unreachable, NotOffered):
                time.sleep(pause)
        return self._association(model, options)

    def _association(self, model: str, options: frozenset[str]) -> Any:
        known = self._open.get((model, options))
        if known is not None and known.is_established:
            return known
        pynetdicom = _libraries()
        address = self._address
        entity = pynetdicom.AE(ae_title=address.calling or CALLING)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = self._timeout
        entity.connection_timeout = self._timeout
        found = standard.model(model)
        assert found is not None
        for sop_class in found.sop_classes:
            entity.add_requested_context(sop_class, ["1.2.840.10008.1.2"])
        more: dict[str, Any] = {}
        if options:
            more["ext_neg"] = [self._extended(model, s, options) for s in found.sop_classes]
        if address.scheme == "dicoms":
            more["tls_args"] = (self._tls(), address.host)
        association = entity.associate(address.host, address.port, ae_title=address.called or "ANY-SCP", **more)
        if not association.is_established:
            raise self._why(association, model)
        _hurry(association)
        _take_alone(association)
        self._open[(model, options)] = association
        return association

    def _tls(self) -> ssl.SSLContext:
        # AE titles are no host names: many archives present certificates of another name, by an authority of their own.
        return tls.context(self._environment, named=False)

    def _extended(self, model: str, sop_class: str, options: frozenset[str]) -> Any:
        from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

        known = standard.negotiation_options(model)
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = sop_class
        item.service_class_application_information = bytes(
            int(o.option in options or o.option == "reserved") for o in known
        )
        return item

    def _why(self, association: Any, model: str) -> NetworkError:
        at = f"{self._address.host}:{self._address.port}"
        answer = association.acceptor.primitive
        if association.is_rejected:
            reason = getattr(answer, "reason_str", "") or "no reason given"
            return Unreachable(
                f"{at} refuses the association ({reason}); is {self._address.called!r} its AE title, and does it know "
                f"the calling AE title {self._address.calling or CALLING!r}?"
            )
        if answer is not None and getattr(answer, "result", None) == 0:
            return NotOffered(f"{at} does not offer the model {model}")
        if association.is_aborted and answer is not None:
            return Unreachable(f"{at} aborts the association")
        try:
            with socket.create_connection((self._address.host, self._address.port), timeout=self._timeout) as plain:
                if self._address.scheme == "dicoms":
                    tls.shake_hands(plain, self._tls(), self._address.host)
        except ssl.SSLError as error:
            return Unreachable(f"{at} {tls.problem(error, 'dicom://')}")
        except TimeoutError:
            return Unreachable(f"{at} does not answer within {self._timeout:.0f} s")
        except OSError as error:
            return Unreachable(f"{at} cannot be reached: {error.strerror or error}")
        hint = "" if self._address.scheme == "dicoms" else "; does it want TLS (dicoms://)?"
        return Unreachable(
            f"{at} takes the connection and does not answer an association within {self._timeout:.0f} s{hint}"
        )


def _sop_class(association: Any, model: str) -> str:
    """Return the first SOP class of a model that the source takes: workitems have several (PS3.4 CC.2)."""
    accepted = {str(c.abstract_syntax) for c in association.accepted_contexts}
    return next(s for s in standard.model(model).sop_classes if s in accepted)  # type: ignore[union-attr]


def _hurry(association: Any) -> None:
    transport = association.dul.socket
    plain = transport.socket if transport is not None else None
    if plain is None:
        return
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    quick = getattr(socket, "TCP_QUICKACK", None)
    if quick is None:
        return
    receive = transport.recv

    def recv(size: int) -> bytearray:
        data: bytearray = receive(size)
        plain.setsockopt(socket.IPPROTO_TCP, quick, 1)
        return data

    transport.recv = recv


def _take_alone(association: Any) -> None:
    """Let nobody but the thread that asks take responses from the association.

    pynetdicom (3.0) runs a thread for each association that looks for requests of the peer in the same queue, and
    drops what is none. A query pauses it by clearing an event and waiting for the flag ``_is_paused``; but the flag is
    still up for a moment after the thread has passed the event, so that it may go on, and take one response out of the
    answer. That thread looks without blocking, and a query always blocks: this tells them apart. No peer has requests
    for a client of C-FIND; end and abort of the association come another way (ACSE).
    """
    take = association.dimse.get_msg
    association.dimse.get_msg = lambda block=False: take(block=True) if block else (None, None)


# --- identifiers ------------------------------------------------------------------------------------------------------


def identity_paths(model: str, level: str) -> tuple[Path, ...]:
    """Return the paths that tell entities of a level apart: unique keys, or what identifies a scheduled step."""
    found = standard.model(model)
    key = found.unique_key(level) if found else None
    names: tuple[tuple[str, ...], ...] = ((key,),) if key else ()
    if not names:
        names = (
            ("StudyInstanceUID",), ("RequestedProcedureID",),
            ("ScheduledProcedureStepSequence", "ScheduledProcedureStepID"),
        )  # fmt: skip
    return tuple(tuple(a for k in path if (a := standard.attribute_by_keyword(k))) for path in names)


def identifier(question: Question) -> Any:
    """Return the identifier of a C-FIND request (PS3.4 C.4.1.1.3): keys, empty keys, the level, the identity asked."""
    from pydicom.dataset import Dataset

    data = Dataset()
    found = standard.model(question.model)
    if found is not None and found.level_values:
        value = found.level_values[found.levels.index(question.level)]
        _put(data, (_attribute("QueryRetrieveLevel"),), value)
    for path in (*identity_paths(question.model, question.level), *question.empties):
        _put(data, path, "")
    for key in question.keys:
        _put(data, key.path, key.text)
    if not all(k.text.isascii() for k in question.keys):
        _put(data, (_attribute("SpecificCharacterSet"),), "ISO_IR 192")
    return data


def _attribute(keyword: str) -> Any:
    return standard.attribute_by_keyword(keyword)


def _put(target: Any, path: Path, text: str) -> None:
    from pydicom.dataelem import RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import Tag

    for sequence in path[:-1]:
        tag = Tag(int(sequence.tag, 16))
        if tag not in target:
            target.add_new(tag, "SQ", [Dataset()])
        target = target[tag].value[0]
    attribute = path[-1]
    number = int(attribute.tag.replace("xx", "10"), 16)
    if attribute.creator is not None:
        _put_raw(target, number & 0xFFFF0000 | 0x10, "LO", attribute.creator.encode("ascii", "replace"), RawDataElement)
    vr = attribute.vr.split(" ")[0]
    if vr == "SQ":
        if Tag(number) not in target:
            target.add_new(number, "SQ", [Dataset()])
        return
    if vr in _PACKED and text:
        form = _PACKED[vr]
        try:
            data = b"".join(struct.pack(form, float(t) if form[1] in "fd" else int(t)) for t in text.split("\\"))
        except (ValueError, struct.error):
            data = text.encode("ascii", "replace")
    else:
        data = text.encode("utf-8")
    _put_raw(target, number, vr, data, RawDataElement)


def _put_raw(target: Any, number: int, vr: str, data: bytes, raw: Any) -> None:
    """Put bytes as they stand: a key may hold what its VR does not admit, and no library has a say in it."""
    from pydicom.tag import Tag

    if len(data) % 2:
        data += b"\0" if vr == "UI" else b" "
    tag = Tag(number)
    target._dict[tag] = raw(tag, vr, len(data), data, 0, True, True)


# --- rows -------------------------------------------------------------------------------------------------------------


def row_of(data: Any) -> Row:
    """Return the values of a response by dotted path; values of several items of a sequence stand in one list."""
    row: dict[str, tuple[str, ...]] = {}
    _readable(data)
    _collect(data, "", row)
    return row


def _readable(data: Any) -> bool:
    """Take out of a response what no library can read; tells if there was nothing of the kind, and no end missing."""
    whole = not any(_cut_off(data.get_item(tag)) for tag in list(data.keys()))
    with suppress(Exception):
        data.decode()
    for tag in list(data.keys()):
        try:
            element = data[tag]
            for item in (element.value or ()) if element.VR == "SQ" else ():
                whole &= _readable(item)
        except Exception:
            whole = False
            del data[tag]
    return whole


def _cut_off(element: Any) -> bool:
    """Tell if an element is shorter than it says; the library reads what is there."""
    length, value = getattr(element, "length", None), element.value
    return isinstance(value, bytes) and length is not None and length != _UNDEFINED and length != len(value)


def _collect(data: Any, prefix: str, row: dict[str, tuple[str, ...]]) -> None:
    for tag in list(data.keys()):
        element = data[tag]
        name = prefix + _name(element, data)
        if element.VR == "SQ":
            row.setdefault(name, ())
            for item in element.value or ():
                _collect(item, name + ".", row)
            continue
        row[name] = row.get(name, ()) + tuple(_texts(element))


def _name(element: Any, data: Any) -> str:
    tag = f"{int(element.tag):08X}"
    found = standard.attribute_by_tag(tag)
    if found is not None and found.keyword:
        return found.keyword
    if element.tag.is_private and element.tag.element >= 0x1000:
        return f"{tag[:4]}xx{tag[6:]}"
    return tag


def _texts(element: Any) -> Iterable[str]:
    value = element.value
    if value is None or value == "":
        return ()
    from pydicom.multival import MultiValue

    several = value if isinstance(value, MultiValue | list | tuple) else [value]
    out = []
    for one in several:
        written = getattr(one, "original_string", None)
        text = one.decode("latin-1") if isinstance(one, bytes) else written if isinstance(written, str) else str(one)
        out.append(text.rstrip("\0"))
    return tuple(out) if any(t.strip() for t in out) else ()

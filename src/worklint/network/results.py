"""Results of a search in the DICOM JSON model (PS3.18 F), read as servers write them: also late, long or loosely.

What one server leaves out or spells otherwise (no ``vr``, a name as a plain string, a number as text, a value that is
no list) is read as what it must mean; nothing is guessed beyond that.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from worklint.knowledge import standard
from worklint.network.ask import Row

_PIECE = 1 << 18
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_BINARY = {"SL": int, "SS": int, "SV": int, "UL": int, "US": int, "UV": int, "FD": float, "FL": float}
"""Numbers that have no spelling of their own; those of DS and IS stay as they are written."""


class TooLongError(Exception):
    """A body is longer than is read, and no list of results."""


def read_body(
    read: Callable[[int], bytes], most_bytes: int, most_rows: int, coding: str
) -> tuple[bytes | list[Any], bool]:  # fmt: skip
    """Read a body to its end, or the first results of one that has none in sight.

    Returns what was read (bytes, or results where the end was not waited for), and whether that is all of it.

    Raises:
        TooLongError: if the end is not in sight, and no results are.
        ValueError: if the body is not compressed as it says.
    """
    unpack = _unpacking(coding)
    # What is compressed may be a thousand times as long.
    size = _PIECE if unpack is bytes else _PIECE >> 5
    whole = bytearray()
    rows = _Partial()
    taken = 0
    while piece := read(size):
        whole += unpack(piece)
        if len(whole) > _PIECE:
            # Longer than a usual answer: it is looked at while it comes.
            rows.take(bytes(whole[taken:]))
            taken = len(whole)
            if len(rows.found) > most_rows:
                return rows.found, False
        if len(whole) >= most_bytes:
            if rows.found:
                return rows.found, False
            raise TooLongError
    return bytes(whole), True


def _unpacking(coding: str) -> Callable[[bytes], bytes]:
    if coding not in ("gzip", "x-gzip", "deflate"):
        return bytes
    # 32 more bits of window: either header, as it comes.
    machine = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(piece: bytes) -> bytes:
        try:
            return machine.decompress(piece)
        except zlib.error as error:
            raise ValueError(f"not {coding}") from error

    return unpack


class _Partial:
    """The elements of a JSON array that are there so far."""

    def __init__(self) -> None:
        import codecs

        self.found: list[Any] = []
        self._rest = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._json = json.JSONDecoder()
        self._open = False
        self._wrong = False

    def take(self, piece: bytes) -> None:
        self._rest += self._decode(piece)
        if self._wrong:
            return
        if not self._open:
            self._rest = self._rest.lstrip("\ufeff \t\r\n")
            if self._rest[:1] != "[":
                self._wrong = bool(self._rest)
                return
            self._open, self._rest = True, self._rest[1:]
        at = 0
        while True:
            start = at
            while start < len(self._rest) and self._rest[start] in ", \t\r\n":
                start += 1
            try:
                one, at = self._json.raw_decode(self._rest, start)
            except (ValueError, RecursionError):
                break
            self.found.append(one)
        self._rest = self._rest[at:]


def results_of(body: bytes) -> list[Any] | None:
    """Return the results in a body, none of them for an empty one (HTTP 204); ``None`` if it is something else."""
    if not body.strip():
        return []
    try:
        found = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def normal(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return one result as the standard writes it: upper case tags, each with ``vr``, values in lists, names in groups.

    Raises:
        ValueError, TypeError, AttributeError: if it is nothing like a result.
    """
    out = {}
    for written, element in found.items():
        tag = _tag(written)
        known = standard.attribute_by_tag(tag)
        vr = element.get("vr") or (known.vr.split(" ")[0] if known else "UN")
        one: dict[str, Any] = {k: v for k, v in element.items() if k not in ("vr", "Value")}
        values = element.get("Value")
        if values is not None and "Value" in element:
            several = values if isinstance(values, list) else [values]
            one["Value"] = [_value(vr, v) for v in several]
        out[tag] = {"vr": vr, **one}
    return out


def _tag(written: str) -> str:
    if len(written) == 8 and all(c in "0123456789abcdefABCDEF" for c in written):
        return written.upper()
    known = standard.attribute_by_keyword(written)
    if known is None:
        raise ValueError("neither a tag nor a keyword")
    return known.tag.upper()


def _value(vr: str, value: Any) -> Any:
    if vr == "SQ":
        return normal(value) if value else {}
    if vr == "PN" and isinstance(value, str):
        return {name: group for name, group in zip(_GROUPS, value.split("="), strict=False) if group}
    if isinstance(value, str) and vr in _BINARY:
        try:
            return _BINARY[vr](value)
        except ValueError:
            return value
    return value


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
        return "=".join(str(value.get(g) or "") for g in _GROUPS).rstrip("=")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)

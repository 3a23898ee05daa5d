"""What stands on the wire: keys, the kind of matching that their text asks for, and classes of values."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from worklint.knowledge import standard
from worklint.model import Attribute
from worklint.oracle.matcher import MOMENTS, NUMBERS

TEXTS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "UN", ""})
"""Of an attribute that no dictionary knows, the source may know that it holds text."""
WILD = TEXTS - {"AS"}


@dataclass(frozen=True, slots=True)
class Key:
    """One attribute of an identifier (or a field of the viewer) with the text that stands on the wire."""

    path: tuple[Attribute, ...]
    text: str
    label: str | None = None
    vr: str = ""
    negated: bool = False

    @property
    def name(self) -> str:
        """How profiles name it: dotted keywords; a private attribute by its tag."""
        return ".".join(a.keyword or a.tag for a in self.path)


def kind_of(vr: str, text: str) -> str:
    """Return the kind of matching that a key on the wire asks for (PS3.4 C.2.2.2)."""
    if not text or (vr in WILD and not text.strip("*")):
        return "universal"
    if text == '""':
        return "empty"
    if vr == "UI" and "\\" in text:
        return "list-of-uid"
    if "\\" in text:
        return "multiple"
    if vr in MOMENTS | NUMBERS and bounds_of(vr, text) is not None:
        return "range"
    if vr in WILD and ("*" in text or "?" in text):
        return "wildcard"
    return "single"


def bounds_of(vr: str, text: str) -> tuple[str, str] | None:
    """Return low and high of a range on the wire (PS3.4 C.2.2.2.5), or ``None`` if it is none."""
    if vr in NUMBERS:
        found = re.fullmatch(r"(-?[0-9.eE+]*)-(-?[0-9.eE+]*)", text)
        return (found[1], found[2]) if found and (found[1] or found[2]) and found[1] != "-" else None
    if vr == "DT":
        moment = r"\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4}(?!\d))?"
        found = re.fullmatch(rf"({moment})?-({moment})?", text)
        return (found[1] or "", found[2] or "") if found and (found[1] or found[2]) else None
    low, dash, high = text.partition("-")
    return (low, high) if dash and (low or high) else None


def legal(key: Key) -> bool:
    """Tell if the values of a key are legal for their VR."""
    kind = kind_of(key.vr, key.text)
    if kind == "range":
        bounds = bounds_of(key.vr, key.text)
        assert bounds is not None
        return all(not b or standard.legal_value(key.vr, b) is None for b in bounds)
    parts = key.text.split("\\") if kind in ("list-of-uid", "multiple") else [key.text]
    return all(standard.legal_value(key.vr, p, wildcards=kind == "wildcard") is None for p in parts)


def of_classes(entry: str, key: Key) -> bool:
    """Tell if a key is of the value classes that a record names (``a+b``), or has that very value (``=V``)."""
    if entry.startswith("="):
        return key.text == entry[1:]
    return all(_CLASSES[name](key) for name in entry.split("+"))


def _bounds(key: Key) -> tuple[str, str] | None:
    return bounds_of(key.vr, key.text) if kind_of(key.vr, key.text) == "range" else None


def _short_time(key: Key) -> bool:
    parts = _bounds(key) or (key.text,)
    return key.vr in ("TM", "DT") and any(0 < len(p) < 6 for p in parts)


_CLASSES: dict[str, Callable[[Key], bool]] = {
    "all-upper": lambda k: any(c.isalpha() for c in k.text) and not any(c.islower() for c in k.text),
    "has-lower": lambda k: any(c.islower() for c in k.text),
    "non-ascii": lambda k: any(ord(c) > 127 for c in k.text),
    "not-integer": lambda k: not re.fullmatch(r"[+-]?[0-9]+", k.text.strip()),
    "unreadable": lambda k: not legal(k),
    "illegal": lambda k: not legal(k),
    "not-8-digits": lambda k: not re.fullmatch(r"[0-9]{8}|[0-9]{8}-([0-9]{8})?|-[0-9]{8}", k.text),
    "not-full-time": lambda k: k.vr == "TM" and not re.fullmatch(r"[0-9]{6}\.[0-9]{6}", k.text),
    "no-seconds": _short_time,
    "closed": lambda k: all(_bounds(k) or ("",)),
    "open-start": lambda k: _bounds(k) is not None and not (_bounds(k) or "")[0],
    "open-end": lambda k: _bounds(k) is not None and not (_bounds(k) or "")[1],
    "bad-range": lambda k: all(_bounds(k) or ("",)) and (_bounds(k) or ("", ""))[0] > (_bounds(k) or ("", ""))[1],
    "one-day": lambda k: all(_bounds(k) or ("",)) and (_bounds(k) or ("", ""))[0] == (_bounds(k) or ("", ""))[1],
    "lone-asterisk": lambda k: set(k.text) == {"*"},
    "has-wildcard": lambda k: "*" in k.text or "?" in k.text,
    "no-wildcard": lambda k: "*" not in k.text and "?" not in k.text,
    "question-mark": lambda k: "?" in k.text,
    "trailing-asterisk": lambda k: re.fullmatch(r"[^*]*\*+", k.text) is not None,
    "inner-asterisk": lambda k: "*" in k.text.strip("*"),
    "sql-wildcard": lambda k: "%" in k.text or "_" in k.text,
    "regex-characters": lambda k: any(c in k.text for c in "[].^$+(){}|\\"),
    "double-quote": lambda k: '"' in k.text,
    "has-hyphen": lambda k: "-" in k.text,
    # The commas of a list go out plain.
    "percent-encoded": lambda k: any(re.search(r"[^A-Za-z0-9._~-]", t) for t in k.text.split("\\")),
    "family-name-only": lambda k: k.vr == "PN" and "^" not in k.text,
    "name-affix": lambda k: k.vr == "PN" and k.text.count("^") >= 3,
    "leading-space": lambda k: k.text[:1] == " ",
    "long-list": lambda k: k.text.count("\\") >= 100,
    "short": lambda k: len(k.text.strip("*?")) <= 2,
    "short-inside": lambda k: re.fullmatch(r"[^*?]*([*?]+.{0,2})*[*?]*", k.text) is not None
    and re.search(r"[*?][^*?]", k.text) is not None,
}

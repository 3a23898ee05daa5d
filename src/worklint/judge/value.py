"""Can this value trigger that reason? One pure function a question, over the value as it is sent and its VR.

Answers have three values: ``True``, ``False``, and ``None`` for "depends on what stands there when the list is opened"
(a parameter). A caller that must not promise too much takes ``None`` as ``True``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from worklint.knowledge.profile import VALUE_CLASSES
from worklint.model import Constraint, Parameter, Value
from worklint.record import frozen

TEXT_VRS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"})
"""Of an attribute that no dictionary knows (UN), the source may know that it is a text."""
WILDCARD_VRS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"})
NUMBER_VRS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
DECIMAL_TEXT_VRS = frozenset({"DS", "IS"})
MOMENT_VRS = frozenset({"DA", "TM", "DT"})


@frozen
class Sent:
    """One key as it goes out: the text on the wire, the kind of matching that it then asks for, and its meaning.

    ``low`` and ``high`` are the bounds of a range. ``ignoring`` is what the author asked to be ignored. ``one_byte``:
    each ``?`` stands for a letter of ASCII.
    """

    text: str
    kind: str
    vr: str
    vm: str = "1"
    low: str = ""
    high: str = ""
    ignoring: frozenset[str] = frozenset()
    parameter: Parameter | None = None
    legal: bool = True
    count: int = 1
    one_byte: bool = False


def on_the_wire(pattern: str) -> str:
    """Return a pattern of the language as a key; the escapes go: no key can ask for a literal ``*`` or ``?``."""
    return re.sub(r"\\([*?\\])", r"\1", pattern)


def asked_kind(constraint: Constraint) -> str:
    """Return the matching kind that a test asks for; that of a label without attribute is told by its operator."""
    return constraint.asked if constraint.matching == "none" and constraint.asked else constraint.matching


def sent_values(constraint: Constraint) -> tuple[Sent, ...]:
    """Return what a client sends for a constraint, one key for each query that it takes (``in`` takes several).

    A value in which the standard reads a wild card is looked up as one (PS3.4 C.2.2.2.4), whatever the author meant.
    """
    vr, vm = constraint.vr, constraint.attribute.vm if constraint.attribute else "1"
    kind, values = asked_kind(constraint), constraint.values
    if kind in ("range", "datetime"):
        low, high = values[0], values[1]
        parameter = low.parameter or high.parameter
        text = f"{low.text}-{high.text}"
        legal = low.legal and high.legal
        return (Sent(text, kind, vr, vm, low.text, high.text, constraint.ignoring, parameter, legal),)
    if kind in ("list-of-uid", "multiple"):
        text = "\\".join(v.text for v in values)
        parameter = next((v.parameter for v in values if v.parameter), None)
        legal = all(v.legal for v in values)
        return (Sent(text, kind, vr, vm, "", "", constraint.ignoring, parameter, legal, len(values)),)
    if kind in ("empty", "sequence", "none", "universal"):
        return (Sent("", kind, vr, vm),)
    return tuple(_one(constraint, v, vr, vm) for v in values) or (Sent("", kind, vr, vm),)


def _one(constraint: Constraint, value: Value, vr: str, vm: str) -> Sent:
    text, kind = value.text, asked_kind(constraint)
    if kind == "wildcard":
        text = on_the_wire(text)
    elif kind == "any-of":
        kind = "single"
    if kind in ("single", "wildcard") and value.parameter is None and vr in WILDCARD_VRS:
        if text and not text.strip("*"):
            kind = "universal"
        elif "*" in text or "?" in text:
            kind = "wildcard"
    return Sent(text, kind, vr, vm, "", "", constraint.ignoring, value.parameter, value.legal, 1, value.one_byte)


# --- reasons ----------------------------------------------------------------------------------------------------------


def _always(sent: Sent) -> bool | None:
    return True


def _case(sent: Sent) -> bool | None:
    if sent.vr not in TEXT_VRS and sent.vr != "":
        return False
    return None if sent.parameter else any(c.lower() != c.upper() for c in sent.text)


def _accent(sent: Sent) -> bool | None:
    if sent.vr not in TEXT_VRS and sent.vr != "":
        return False
    return None if sent.parameter else any(c.isalpha() for c in sent.text)


def _text_value(sent: Sent) -> bool | None:
    return sent.vr in TEXT_VRS or sent.vr in ("", "UI")


def _as_characters(sent: Sent) -> bool | None:
    # A whole day has one spelling; the beginning of a time or number is that of others too.
    return _text_value(sent) or sent.vr in ("TM", "DT") or sent.vr in NUMBER_VRS


def _name(sent: Sent) -> bool | None:
    return sent.vr == "PN"


def _moment_as_text(sent: Sent) -> bool | None:
    # Eight digits sort as they mean; times and date-times come in several precisions.
    return sent.vr in ("TM", "DT") or sent.vr in NUMBER_VRS or sent.vr == ""


def _number_as_text(sent: Sent) -> bool | None:
    return sent.vr in NUMBER_VRS or sent.vr == ""


def _spelled_in_ways(sent: Sent) -> bool | None:
    return sent.vr in ("TM", "DT", "DA", "AS", "") or sent.vr in NUMBER_VRS


def _pattern(sent: Sent) -> bool | None:
    return None if sent.parameter else ("*" in sent.text or "?" in sent.text)


def _several(sent: Sent) -> bool | None:
    return sent.count > 1


def _range(sent: Sent) -> bool | None:
    return sent.kind in ("range", "datetime")


def _empty(sent: Sent) -> bool | None:
    return sent.kind == "empty"


def _multi_valued(sent: Sent) -> bool | None:
    return sent.vm != "1" or sent.count > 1


def _outside_ascii(sent: Sent) -> bool | None:
    if sent.vr not in TEXT_VRS and sent.vr != "":
        return False
    # A source that compares bytes takes ? for one of them, and a letter outside ASCII has several.
    wide = sent.kind == "wildcard" and "?" in sent.text and not sent.one_byte
    return None if sent.parameter else not sent.text.isascii() or wide


def _percent_encoded(sent: Sent) -> bool:
    # The separators of a list of UIDs are commas in a URL, and stand as they are.
    text = sent.text.replace("\\", "") if sent.kind == "list-of-uid" else sent.text
    return re.fullmatch(r"[A-Za-z0-9._~-]*", text) is None


def _one_way(sent: Sent) -> tuple[frozenset[str], frozenset[str]]:
    """Return the reasons that can only miss, and those that can only add, with this value.

    Several values written as one text: too much is found only by a wild card inside the pattern, which spans two of
    them; too little only where the pattern does not begin and end with ``*``. Bytes taken for characters: one ``?``
    finds too little, only several find too much.
    """
    no_adds, no_misses = set(), set()
    if sent.parameter is None and sent.kind in ("single", "wildcard"):
        inside = sent.text.strip("*") if sent.kind == "wildcard" else ""
        # A blank at the edge of a value is padding, and none where the values stand in one text.
        if "*" not in inside and "?" not in inside and inside == inside.strip():
            no_adds.add("joined")
        if sent.kind == "wildcard" and sent.text.startswith("*") and sent.text.endswith("*"):
            no_misses.add("joined")
        if sent.text.isascii() and sent.text.count("?") < 2:
            no_adds.add("charset")
    return frozenset(no_adds), frozenset(no_misses)


_TRIGGERS: dict[str, Callable[[Sent], bool | None]] = {
    "empty": _always, "absent": _always, "case": _case, "accent": _accent, "padding": _text_value, "group": _name,
    "prefix": _as_characters, "substring": _as_characters, "word": _as_characters, "text-order": _moment_as_text,
    "text-number": _number_as_text, "wildcard-literal": _pattern, "list-any": _several, "list-all": _several,
    "list-literal": _several, "value-format": _spelled_in_ways, "range-literal": _range, "empty-literal": _empty,
    "one-value": _multi_valued, "joined": _multi_valued, "charset": _outside_ascii,
}  # fmt: skip


def can_trigger(reason: str, sent: Sent) -> bool:
    """Tell if this value can make rows appear or disappear for that reason; in doubt it can."""
    return _TRIGGERS.get(reason, _always)(sent) is not False


def strike(
    adds: frozenset[str], misses: frozenset[str], sent: Sent, seen: frozenset[str] | None = None
) -> tuple[frozenset[str], frozenset[str]]:
    """Strike the reasons that this value cannot trigger; turn letter case and accents round where they are ignored.

    Under ``ignoring case`` a source that folds does what is asked, and one that does not may miss. ``seen`` are those
    of ``adds`` that the evidence saw (default: all); it does not merely allow them (PS3.4 C.2.2.2.1.1 leaves it open).
    """
    no_adds, no_misses = _one_way(sent)
    keep_adds = {r for r in adds - no_adds if can_trigger(r, sent)}
    keep_misses = {r for r in misses - no_misses if can_trigger(r, sent)}
    for reason in ("case", "accent"):
        if reason in sent.ignoring and can_trigger(reason, sent):
            if not (reason in keep_adds and (seen is None or reason in seen)):
                keep_misses.add(reason)
            keep_adds.discard(reason)
    return frozenset(keep_adds), frozenset(keep_misses)


# --- value classes ----------------------------------------------------------------------------------------------------


def _letters(sent: Sent) -> bool:
    return any(c.isalpha() for c in sent.text)


def _bad_range(sent: Sent) -> bool:
    if sent.kind not in ("range", "datetime"):
        return False
    return bool(sent.low and sent.high and sent.low > sent.high) or not (sent.low or sent.high)


def _short_inside(sent: Sent) -> bool:
    """Tell if a pattern asks behind its first wild card for pieces of one or two characters, and for no longer one."""
    behind = re.split(r"[*?]+", sent.text)[1:] if sent.kind == "wildcard" else []
    return 0 < max(map(len, behind), default=0) <= 2


_CLASSES: dict[str, Callable[[Sent], bool | None]] = {
    "all-upper": lambda s: _letters(s) and s.text == s.text.upper(),
    "has-lower": lambda s: any(c.islower() for c in s.text),
    "non-ascii": lambda s: not s.text.isascii(),
    "not-integer": lambda s: re.fullmatch(r"\s*[+-]?\d+\s*", s.text) is None,
    "unreadable": lambda s: not s.legal,
    "illegal": lambda s: not s.legal,
    "not-8-digits": lambda s: re.fullmatch(r"\d{8}(-\d{8})?|\d{8}-|-\d{8}", s.text) is None,
    "not-full-time": lambda s: s.vr == "TM" and re.fullmatch(r"\d{6}\.\d{6}", s.text) is None,
    "no-seconds": lambda s: s.vr in ("TM", "DT") and any(0 < len(t) < 6 for t in (s.low, s.high, s.text.split("-")[0])),
    "closed": lambda s: _range(s) and bool(s.low and s.high),
    "open-start": lambda s: _range(s) and not s.low,
    "open-end": lambda s: _range(s) and not s.high,
    "bad-range": _bad_range,
    "one-day": lambda s: _range(s) and s.low == s.high,
    "lone-asterisk": lambda s: bool(s.text) and not s.text.strip("*"),
    "has-wildcard": _pattern,
    "no-wildcard": lambda s: not _pattern(s),
    "question-mark": lambda s: "?" in s.text,
    "trailing-asterisk": lambda s: s.text.endswith("*") and "*" not in s.text.rstrip("*"),
    "inner-asterisk": lambda s: "*" in s.text.strip("*"),
    "sql-wildcard": lambda s: "%" in s.text or "_" in s.text,
    "regex-characters": lambda s: re.search(r"[][.^$+(){}|\\]", s.text) is not None,
    "double-quote": lambda s: '"' in s.text,
    "has-hyphen": lambda s: "-" in s.text,
    "percent-encoded": _percent_encoded,
    "family-name-only": lambda s: s.vr == "PN" and "^" not in s.text,
    "name-affix": lambda s: s.vr == "PN" and s.text.count("^") > 2,
    "leading-space": lambda s: s.text.startswith(" "),
    "long-list": lambda s: s.count > 100,
    "short": lambda s: len(s.text.strip("*?")) < 3,
    "short-inside": _short_inside,
}
# What a class says of a parameter, where that can be said at all: most depend on what stands there.
_FIXED_FOR_PARAMETERS = {
    "closed", "open-start", "open-end", "one-day", "bad-range", "illegal", "unreadable", "long-list",
}  # fmt: skip


def in_class(name: str, sent: Sent) -> bool | None:
    """Tell if the key's value is of a class (``profile.VALUE_CLASSES``, or ``=VALUE`` for that very value)."""
    if sent.parameter is not None and name not in _FIXED_FOR_PARAMETERS:
        if name in ("has-wildcard", "lone-asterisk") and sent.parameter.no_wildcards:
            return False
        if name == "short-inside" and sent.parameter.no_wildcards and "*" not in sent.text.rstrip("*"):
            return False
        return True if name == "no-wildcard" and sent.parameter.no_wildcards else None
    if name.startswith("="):
        return sent.text == name[1:]
    return _CLASSES[name](sent)


def value_signature(sent: Sent, literals: frozenset[str]) -> tuple[object, ...]:
    """Return what records can tell of a value: its classes, the reasons it can trigger, itself where one names it."""
    classes = tuple(in_class(name, sent) for name in VALUE_CLASSES)
    reasons = tuple(trigger(sent) for trigger in _TRIGGERS.values())
    named = sent.text if sent.text in literals else None
    return (sent.kind, sent.vr, sent.ignoring, sent.legal, sent.parameter, classes, reasons, named)

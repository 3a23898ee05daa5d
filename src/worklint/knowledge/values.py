"""What the DICOM standard says of values: the rules of each VR, whether a text is a legal value, how it is sent.

PS3.5 6.2. Nothing here raises on a bad value: what is wrong is a sentence for the person who wrote it.
"""

from __future__ import annotations

import re
from functools import cache

from worklint.knowledge import data
from worklint.record import frozen


@frozen
class VRRule:
    """What PS3.5 6.2 says of a value representation.

    ``leading`` and ``trailing`` say what spaces are there: ``insignificant``, ``padding``, ``significant``,
    ``ignorable``, ``forbidden`` or ``none``. ``repertoire`` is the form that ``legal_value`` checks. ``step`` is the
    smallest step between two values (``1 day``), ``None`` where there is none.
    """

    vr: str
    name: str
    max_length: int | None
    unit: str
    characters: str
    repertoire: str
    leading: str
    trailing: str
    multiple: bool
    is_text: bool
    wildcards: bool
    range: bool
    has_order: bool
    step: str | None
    bounds: tuple[int, int] | None


@cache
def _vrs() -> dict[str, VRRule]:
    found = {}
    for r in data.read_json("dicom_dictionaries/standard/vr.json")["vr"]:
        found[r["vr"]] = VRRule(
            r["vr"],
            r["name"],
            r["max_length"],
            r.get("unit", ""),
            r["characters"],
            r["repertoire"],
            r.get("leading", "none"),
            r.get("trailing", "none"),
            r.get("multiple", False),
            r.get("text", False),
            r.get("wildcards", False),
            r.get("range", False),
            r.get("order", False),
            r.get("step"),
            tuple(r["bounds"]) if "bounds" in r else None,
        )
    return found


def vr(name: str) -> VRRule:
    """Return the rules of a VR; of ``US or SS`` those of the first; of anything unknown those of ``UN``."""
    return _vrs().get(name.split(" ")[0]) or _vrs()["UN"]


@cache
def text_vrs() -> frozenset[str]:
    """Return the VRs whose values are text that people compare letter by letter."""
    return frozenset(rule.vr for rule in _vrs().values() if rule.is_text)


_DATE = r"(\d{4})-?(\d\d)-?(\d\d)"
_TIME = r"(\d\d)(?::?(\d\d)(?::?(\d\d)(\.\d{1,6})?)?)?"
_DATE_TIME = (
    r"(?P<date>\d{4}(?:-?\d\d(?:-?\d\d)?)?)(?:[T ]?(?P<time>\d\d(?::?\d\d(?::?\d\d(?:\.\d{1,6})?)?)?))?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def canonical(vr_name: str, text: str) -> str:
    """Return the value as it is sent: padding trimmed, dates and times compact, numbers without leading zeros.

    ``DA`` YYYYMMDD; ``TM`` HHMMSS, with a fraction only where one is written; ``PN`` without trailing delimiters. A
    value that is illegal for its VR comes back trimmed, else as it is. Never raises.
    """
    rule = vr(vr_name)
    if rule.leading in ("insignificant", "padding"):
        text = text.lstrip(" ")
    if rule.trailing != "significant":
        text = text.rstrip("\0 " if rule.repertoire == "uid" else " ")
    convert = _CANONICAL.get("person-name" if rule.vr == "PN" else rule.repertoire)
    return convert(text) if convert else text


def _canonical_date(text: str) -> str:
    match = re.fullmatch(_DATE, text, re.ASCII)
    return "".join(match.groups()) if match else text


def _canonical_time(text: str) -> str:
    match = re.fullmatch(_TIME, text, re.ASCII)
    if not match:
        return text
    hour, minute, second, fraction = match.groups()
    return f"{hour}{minute or '00'}{second or '00'}{fraction or ''}"


def _canonical_date_time(text: str) -> str:
    match = re.fullmatch(_DATE_TIME, text, re.ASCII)
    if not match:
        return text
    date, time, zone = (match[name] or "" for name in ("date", "time", "zone"))
    zone = "+0000" if zone == "Z" else zone.replace(":", "")
    return date.replace("-", "") + (_canonical_time(time) if time else "") + zone


def _canonical_integer(text: str) -> str:
    match = re.fullmatch(r"([+-]?)0*(\d+)", text, re.ASCII)
    if not match:
        return text
    return ("-" if match[1] == "-" and match[2] != "0" else "") + match[2]


def _canonical_decimal(text: str) -> str:
    match = re.fullmatch(r"([+-]?)(?=\.?\d)0*(\d*)(\.\d*)?(?:[eE]([+-]?\d+))?", text, re.ASCII)
    if not match:
        return text
    fraction = "" if match[3] in (None, ".") else match[3]
    whole = match[2] or "0"
    sign = "-" if match[1] == "-" and (whole + fraction).strip("0.") else ""
    return f"{sign}{whole}{fraction}" + (f"E{_canonical_integer(match[4])}" if match[4] else "")


def _canonical_name(text: str) -> str:
    groups = [group.rstrip(" ^") for group in text.split("=")]
    return "=".join(groups).rstrip("=")


_CANONICAL = {
    "date": _canonical_date,
    "time": _canonical_time,
    "date-time": _canonical_date_time,
    "integer": _canonical_integer,
    "decimal": _canonical_decimal,
    "person-name": _canonical_name,
}


@cache
def legal_value(vr_name: str, text: str, wildcards: bool = False) -> str | None:
    """Return ``None`` for a legal value of the VR (PS3.5 6.2), else a sentence: what is wrong, what would be right.

    ``wildcards``: the text is a pattern, so ``*`` and ``?`` are admitted and its length is free (PS3.4 C.2.2.2).
    """
    rules = [vr(name) for name in vr_name.split(" or ")]
    found = [_problem(rule, text, wildcards and rule.wildcards) for rule in rules]
    return None if None in found else found[0]


def _problem(rule: VRRule, text: str, pattern: bool) -> str | None:
    if text == "":
        return None
    for character in text:
        if (character < " " or character == "\x7f") and not (
            (character == "\x1b" and rule.characters == "declared") or character in _LINES.get(rule.repertoire, "")
        ):
            return f"{rule.vr} admits no control character (U+{ord(character):04X} here); take it out"
    if rule.characters == "default" and not text.isascii():
        odd = next(c for c in text if not c.isascii())
        return f'{rule.vr} holds only the default character repertoire; "{odd}" is not in it'
    problem = _FORM[rule.repertoire](rule, text, pattern)
    if problem or pattern:
        return problem
    if rule.vr == "PN":
        return _name_problem(text)
    trimmed = text.strip(" ") if rule.leading in ("insignificant",) else text
    if rule.max_length is not None and rule.characters != "binary" and len(trimmed) > rule.max_length:
        return f"{rule.vr} holds at most {rule.max_length} characters; these are {len(trimmed)}"
    return None


_LINES = {"text-lines": "\t\n\f\r"}


def _name_problem(text: str) -> str | None:
    groups = text.split("=")
    if len(groups) > 3:
        return "a person name has at most three groups (alphabetic=ideographic=phonetic)"
    for group in groups:
        if len(group) > 64:
            return f"a group of a person name holds at most 64 characters; these are {len(group)}"
        if group.count("^") > 4:
            return "a person name has at most five components (FAMILY^GIVEN^MIDDLE^PREFIX^SUFFIX)"
    return None


def _no_form(rule: VRRule, text: str, pattern: bool) -> str | None:
    return None


def _single_text(rule: VRRule, text: str, pattern: bool) -> str | None:
    if "\\" in text:
        return f"a backslash separates values in {rule.vr} and cannot be part of one; write the values as a list"
    if rule.vr == "AE" and not text.strip(" "):
        return "an AE title of spaces alone is not a title"
    return None


def _code(rule: VRRule, text: str, pattern: bool) -> str | None:
    admitted = r"[A-Z0-9 _*?]*" if pattern else r"[A-Z0-9 _]*"
    if re.fullmatch(admitted, text):
        return None
    upper = text.upper()
    if re.fullmatch(admitted, upper):
        return f'CS holds no lower-case letters; write "{upper}"'
    odd = next(c for c in upper if not re.fullmatch(admitted, c))
    return f'CS holds only capital letters, digits, space and underscore; "{odd}" is none of these'


def _uri(rule: VRRule, text: str, pattern: bool) -> str | None:
    if text.startswith(" "):
        return "UR admits no leading spaces; take them out"
    odd = re.search(r"[^A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]", text.rstrip(" "))
    return f'UR holds only the characters of a URI; write "{odd[0]}" percent-encoded' if odd else None


def _date(rule: VRRule, text: str, pattern: bool) -> str | None:
    if re.fullmatch(r"\d{8}", text, re.ASCII):
        return _calendar_problem(text)
    right = _canonical_date(text.replace(".", "-"))
    example = right if re.fullmatch(r"\d{8}", right, re.ASCII) else "20260131"
    return f'a date is written YYYYMMDD, as in "{example}"'


def _calendar_problem(text: str) -> str | None:
    """Check YYYY, YYYYMM or YYYYMMDD against the calendar."""
    year, month, day = int(text[:4]), int(text[4:6] or 1), int(text[6:8] or 1)
    if not 1 <= month <= 12:
        return f"there is no month {text[4:6]} in {text}; a date is written YYYYMMDD"
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= (28 if month == 2 and not leap else _DAYS[month - 1]):
        return f"there is no day {text[6:8]} in month {text[4:6]} of {year:04}; a date is written YYYYMMDD"
    return None


def _time(rule: VRRule, text: str, pattern: bool) -> str | None:
    text = text.rstrip(" ")
    match = re.fullmatch(r"(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?", text, re.ASCII)
    if not match:
        right = _canonical_time(text)
        example = right if right != text else "130500"
        return f'a time is written HHMMSS, with an optional fraction, as in "{example}"'
    return _clock_problem(match[1], match[2], match[3])


def _clock_problem(hour: str, minute: str | None, second: str | None) -> str | None:
    if int(hour) > 23:
        return f"there is no hour {hour}; hours run from 00 to 23"
    if minute and int(minute) > 59:
        return f"there is no minute {minute}; minutes run from 00 to 59"
    if second and int(second) > 60:
        return f"there is no second {second}; seconds run from 00 to 60"
    return None


def _date_time(rule: VRRule, text: str, pattern: bool) -> str | None:
    text = text.rstrip(" ")
    form = r"(\d{4}(?:\d\d(?:\d\d)?)?)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?)?([+-]\d{4})?"
    match = re.fullmatch(form, text, re.ASCII)
    if not match or (match[2] and len(match[1]) != 8):
        right = _canonical_date_time(text)
        example = right if right != text else "20260131130500"
        return f'a date-time is written YYYYMMDDHHMMSS, with optional fraction and offset, as in "{example}"'
    if match[5] and not -1200 <= int(match[5]) <= 1400:
        return f"an offset lies between -1200 and +1400; {match[5]} does not"
    return _calendar_problem(match[1]) or (_clock_problem(match[2], match[3], match[4]) if match[2] else None)


def _age(rule: VRRule, text: str, pattern: bool) -> str | None:
    if re.fullmatch(r"\d{3}[DWMY]", text, re.ASCII):
        return None
    match = re.fullmatch(r"(\d{1,3})\s*([dwmyDWMY])?", text, re.ASCII)
    example = f"{int(match[1]):03}{(match[2] or 'Y').upper()}" if match else "045Y"
    return f'an age is three digits and one of D W M Y, as in "{example}"'


def _integer(rule: VRRule, text: str, pattern: bool) -> str | None:
    text = text.strip(" ")
    if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return f'{rule.vr} is a whole number, as in "12"'
    # Long runs of digits are compared by length: int() of thousands of digits is slow and may raise.
    low, high = rule.bounds or (0, 0)
    if len(text.lstrip("+-0")) > 20 or not low <= int(text) <= high:
        return f"{rule.vr} lies between {low} and {high}"
    return None


def _decimal(rule: VRRule, text: str, pattern: bool) -> str | None:
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text.strip(" "), re.ASCII):
        return None
    return f'{rule.vr} is a number, as in "-12.5" or "1E3"'


def _uid(rule: VRRule, text: str, pattern: bool) -> str | None:
    text = text.rstrip("\0 ")
    if not re.fullmatch(r"\d+(\.\d+)*", text, re.ASCII):
        return 'a UID is digits and single dots, as in "1.2.840.10008.1.1"'
    if re.search(r"(^|\.)0\d", text):
        return "no component of a UID begins with a zero that is not alone; take the zero out"
    return None


def _tag(rule: VRRule, text: str, pattern: bool) -> str | None:
    if re.fullmatch(r"[0-9A-Fa-f]{8}", text):
        return None
    return 'a tag is eight hexadecimal digits, as in "00100020"'


def _none(rule: VRRule, text: str, pattern: bool) -> str | None:
    if rule.vr == "SQ":
        return "a sequence has items and no value; compare an attribute inside it, or write `has (…)`"
    return None if rule.vr == "UN" else f"{rule.vr} holds binary data and cannot be compared with a value"


_FORM = {
    "default-single": _single_text,
    "code": _code,
    "text-single": _single_text,
    "text-lines": _no_form,
    "uri": _uri,
    "date": _date,
    "time": _time,
    "date-time": _date_time,
    "age": _age,
    "integer": _integer,
    "decimal": _decimal,
    "uid": _uid,
    "tag": _tag,
    "items": _none,
    "binary": _none,
}

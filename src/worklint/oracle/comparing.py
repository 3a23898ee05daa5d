"""How a source compares a key with values: exactly, or in one of the ways that the reasons of a profile name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from itertools import islice

from pydicom.dataset import Dataset

from worklint.oracle import matcher
from worklint.oracle.matcher import MOMENTS, NUMBERS
from worklint.oracle.wire import TEXTS, WILD, Key, bounds_of, kind_of

# Comparisons that may find too much and too little alike.
OTHER_COMPARISONS = frozenset({
    "wildcard-literal", "range-literal", "text-order", "text-number", "value-format", "list-literal", "list-all",
    "joined", "one-value", "one-instance", "other-attribute", "charset", "empty-literal",
})  # fmt: skip
# Comparisons that only find more.
WIDER = frozenset({"case", "accent", "padding", "group", "prefix", "substring", "word", "list-any", "empty", "absent"})


@dataclass(frozen=True, slots=True)
class Found:
    """Values at one place: ``index`` counts the entities of that level, ``ways`` are the data sets above it."""

    owner: Dataset
    values: list[str]
    index: int
    ways: tuple[Dataset, ...]
    parts: list[Found] | None = None
    item: Dataset | None = None
    keyword: str = ""
    kept: bool = True

    @property
    def others(self) -> list[str]:
        """The value of another attribute beside this one, where there is one and it is kept."""
        beside = (
            str(x.value)
            for x in (self.item if self.item is not None and self.kept else ())
            if x.VR in ("LO", "SH", "CS") and x.keyword != self.keyword and x.value
        )
        return list(islice(beside, 1))


def agrees(found: list[Found], key: Key, reasons: frozenset[str], zone: tzinfo = UTC) -> bool:
    """Compare a key with values in the way that these reasons describe; without reasons exactly."""
    if "one-instance" in reasons:
        found = [f for f in found if not f.index]
    if reasons & {"empty", "absent"} and not any(f.values for f in found):
        return True
    for one in found:
        values = one.others if "other-attribute" in reasons else one.values
        if "one-value" in reasons:
            values = values[:1]
        if "joined" in reasons and values:
            values = ["\\".join(values)]
        if _value_fits(values, key, reasons, zone):
            return True
    return False


def _value_fits(values: list[str], key: Key, reasons: frozenset[str], zone: tzinfo) -> bool:
    kind, vr = kind_of(key.vr, key.text), key.vr
    if kind == "empty":
        return '""' in values if "empty-literal" in reasons else not values
    if kind in ("list-of-uid", "multiple"):
        if "list-literal" in reasons:
            return key.text in values or key.text == "\\".join(values)
        parts = [[_text_fits(v, w, "single", vr, reasons, zone) for v in values] for w in key.text.split("\\")]
        any_of = "list-any" in reasons or (kind == "list-of-uid" and "list-all" not in reasons)
        return any(map(any, parts)) if any_of else all(map(any, parts))
    return any(_text_fits(v, key.text, kind, vr, reasons, zone) for v in values)


def _text_fits(stored: str, text: str, kind: str, vr: str, reasons: frozenset[str], zone: tzinfo) -> bool:
    ignoring = frozenset(reasons & {"case", "accent"})
    as_text = ("text-number" in reasons and vr in NUMBERS) or ("value-format" in reasons and kind == "single")
    if kind == "range":
        if "range-literal" in reasons:
            return stored == text
        bounds = bounds_of(vr, text)
        assert bounds is not None
        if "text-order" in reasons or as_text:
            low, high = bounds
            return (not low or low <= stored) and (not high or stored <= high)
        return inside(stored, *bounds, vr, zone)
    if "charset" in reasons and vr in WILD and not text.isascii():
        text, kind = re.sub(r"[^\x00-\x7f]", "?", text), "wildcard"
    if "wildcard-literal" in reasons and kind == "wildcard":
        kind = "literal"
    if "padding" in reasons:
        stored, text = "".join(stored.split()), "".join(text.split())
    if as_text and vr in MOMENTS | NUMBERS:
        return stored == text
    spellings = [(stored, text)]
    if "group" in reasons and vr == "PN":
        # All of the name as one text, whatever stands between its parts.
        spellings.append((re.sub(r"[\^= ]+", " ", stored).strip(), re.sub(r"[\^= ]+", " ", text).strip()))
    for one, wanted in spellings:
        if kind == "literal":
            fits = matcher.folded(one, ignoring) == matcher.folded(wanted, ignoring)
        elif kind == "wildcard":
            fits = matcher.alike(one, wanted, vr, ignoring)
        else:
            fits = matcher.equal(one, wanted, vr, ignoring, zone)
        literal = wanted if kind == "wildcard" else re.sub(r"([\\*?])", r"\\\1", wanted)
        if "prefix" in reasons:
            fits = fits or matcher.fits_pattern(one, literal + "*", vr, ignoring)
        if "substring" in reasons:
            fits = fits or matcher.fits_pattern(one, f"*{literal}*", vr, ignoring)
        if "word" in reasons:
            fits = fits or any(matcher.fits_pattern(w, literal, vr, ignoring) for w in re.split(r"[\s^=]+", one) if w)
        if fits:
            return True
    return False


def inside(stored: str, low: str, high: str, vr: str, zone: tzinfo = UTC) -> bool:
    """Tell if a stored value lies in a range of the wire."""
    return matcher.between(stored, low, high, (False, False), vr, zone)


def within(key: Key, stored: str) -> bool:
    """Tell if a stored value lies in the range that a key asks for; in none it always does."""
    bounds = bounds_of(key.vr, key.text)
    return bounds is None or inside(stored, *bounds, key.vr)


def spelled_plainly(found: list[Found], reason: str, key: Key, reasons: frozenset[str], zone: tzinfo) -> bool:
    """What is found by a source that folds the key alone, or compares texts and names as they are written."""

    def found_by(text: str, values: list[Found]) -> bool:
        asked = replace(key, text=text)
        return agrees(values, asked, frozenset(), zone) or agrees(values, asked, reasons, zone)

    if key.vr not in TEXTS and not (reason == "padding" and key.vr == "UI"):
        return True
    if reason == "case":
        return found_by(key.text.upper(), found)
    if reason == "accent":
        return found_by(matcher.folded(key.text, frozenset({"accent"})), found)
    if reason == "padding":
        return found_by(key.text, [replace(f, values=[v for v in f.values if v == v.strip(" ")]) for f in found])
    if key.vr != "PN":
        return True
    # Names as one text: without the groups, and with the delimiters that are there.
    return found_by(
        key.text, [replace(f, values=[v for v in f.values if "=" not in v and v[-1] != "^"]) for f in found]
    )

"""The values that satisfy a comparison, as far as it is certain which: one contains another, or they share none.

``docs`` of the meaning: text is compared letter by letter but for padding, dates, times and numbers by meaning, a
person's name against the whole or one of its groups. Where the meaning leaves any doubt the answer is ``False``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from worklint.model import Constraint, Value
from worklint.record import frozen, replace

_TEXT = frozenset({"AE", "AS", "CS", "LO", "LT", "SH", "ST", "UC", "UI", "UR", "UT"})
_NUMBERS = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "UV", "SV"})
_WHOLE = _NUMBERS - {"DS"}
# Periods whose ends keep their order on every day; "this week" against "last 7 days" depends on the day.
_DAYS = re.compile(
    r".* (?:within (?:last|next) \d+ (?:day|week)s?|older than \d+ (?:day|week)s?"
    r"|(?:=|<|>|<=|>=) (?:today|yesterday|tomorrow))",
    re.IGNORECASE | re.DOTALL,
)
_MONTHS = re.compile(
    r".* (?:within (?:last|next)|older than) \d+ (?:month|year)s?", re.IGNORECASE | re.DOTALL
)  # fmt: skip


@frozen
class ValueSet:
    """A set of values. ``kind``: ``finite``, ``range``, ``pattern``, ``any`` (every value), ``empty``, ``opaque``.

    ``family`` says how values compare (``text``, ``number``, ``name``, or ``other``: only the same spelling is the
    same). ``clock``: its ends move with the clock, so only sets of the same motion compare. ``identity`` is equal for
    equal sets.
    """

    kind: str
    family: str = "other"
    texts: tuple[str, ...] = ()
    numbers: tuple[Decimal, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    open: tuple[bool, bool] = (False, False)
    ignoring: frozenset[str] = frozenset()
    clock: str = ""
    identity: tuple[object, ...] = ()
    twice: str = ""

    @property
    def count(self) -> int:
        """Return how many values a finite set lists."""
        return len(self.texts)

    def each(self) -> Iterator[ValueSet]:
        """Yield the sets of one value each that make up a finite set."""
        for i, text in enumerate(self.texts):
            numbers = self.numbers[i : i + 1]
            yield replace(self, texts=(text,), numbers=numbers, identity=("one", text, self.family, self.ignoring))


def value_set(c: Constraint) -> ValueSet:
    """Return the values that satisfy the positive test of a constraint."""
    kind = c.asked or c.matching
    vr = c.vr.split(" ")[0]
    texts = tuple(v.text for v in c.values)
    parameters = tuple(v.parameter.name if v.parameter else "" for v in c.values)
    pair, moving = c.pair.tag if c.pair else "", c.text if c.relative else ""
    opaque = ValueSet("opaque", identity=(kind, texts, parameters, c.strict, c.ignoring, pair, moving))
    if kind == "empty":
        return ValueSet("empty", identity=("empty",))
    if kind == "universal":
        return ValueSet("any", identity=("any",)) if all(v.legal for v in c.values) else opaque
    if c.pair is not None or any(v.parameter or not v.legal for v in c.values):
        return opaque
    clock = _motion(c)
    if clock is None:
        return opaque
    if kind in ("single", "any-of", "list-of-uid") and texts:
        return _finite(vr, texts, c.ignoring, clock)
    if kind == "range" and len(c.values) == 2:
        return _range(vr, c.values, c.strict, clock) or opaque
    if kind == "wildcard" and len(texts) == 1 and "\\" not in texts[0]:
        family = "text" if vr in _TEXT else "other"
        return ValueSet("pattern", family, texts, ignoring=c.ignoring, identity=("pattern", texts, c.ignoring))
    return opaque


def _motion(c: Constraint) -> str | None:
    """Return how the ends of a test move with the clock; ``None`` where they do so in a way of their own."""
    if not c.relative:
        return ""
    if _DAYS.fullmatch(c.text):
        return "days"
    return "months" if _MONTHS.fullmatch(c.text) else None


def _number(vr: str, text: str) -> Decimal | None:
    """Return what orders the values of a VR: the number, the day, the second of the day; ``None`` where unknown."""
    try:
        if vr == "DA":
            return Decimal(date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal()) if len(text) == 8 else None
        if vr == "TM":
            match = re.fullmatch(r"(\d\d)(\d\d)?(\d\d)?(\.\d+)?", text, re.ASCII)
            if not match:
                return None
            hours, minutes, seconds = (int(match[i] or 0) for i in (1, 2, 3))
            return Decimal(hours * 3600 + minutes * 60 + seconds) + Decimal(match[4] or 0)
        found = Decimal(text) if vr in _NUMBERS else None
        return found if found is not None and found.is_finite() and abs(found.adjusted()) < 300 else None
    except (ValueError, InvalidOperation):
        return None


def _finite(vr: str, texts: tuple[str, ...], ignoring: frozenset[str], clock: str) -> ValueSet:
    twice = ""
    if vr in _NUMBERS or vr in ("DA", "TM"):
        numbers = [_number(vr, t) for t in texts]
        if all(n is not None for n in numbers):
            known = {n: t for n, t in zip(numbers, texts, strict=True) if n is not None}
            if len(known) < len(texts):
                twice = next(t for i, t in enumerate(texts) if numbers[i] in numbers[:i])
            ordered = tuple(sorted(known))
            return ValueSet(
                "finite", "number", tuple(known[n] for n in ordered), ordered, clock=clock,
                identity=("finite", ordered, clock), twice=twice,
            )  # fmt: skip
    family = "text" if vr in _TEXT else "name" if vr == "PN" else "other"
    trimmed = tuple(t.rstrip(" ") for t in texts) if family != "other" else texts
    plain = tuple(sorted(set(trimmed)))
    if len(plain) < len(trimmed):
        twice = next(t for i, t in enumerate(trimmed) if t in trimmed[:i])
    elif "case" in ignoring and all(t.isascii() for t in trimmed):
        folded = [t.lower() for t in trimmed]
        twice = next((t for i, t in enumerate(trimmed) if folded[i] in folded[:i]), "") if len(folded) < 500 else ""
    identity = ("finite", plain, ignoring, clock)
    return ValueSet("finite", family, plain, ignoring=ignoring, clock=clock, identity=identity, twice=twice)


def _range(vr: str, values: tuple[Value, ...], strict: tuple[bool, bool], clock: str) -> ValueSet | None:
    low = _number(vr, values[0].text) if values[0].text else None
    high = _number(vr, values[1].text) if values[1].text else None
    if (values[0].text and low is None) or (values[1].text and high is None) or (low is None and high is None):
        return None
    if vr in _WHOLE or vr == "DA":
        low = low + 1 if low is not None and strict[0] else low
        high = high - 1 if high is not None and strict[1] else high
        strict = (False, False)
    if low is not None and high is not None and low > high:
        # Upside down: told elsewhere, and nothing is concluded from it.
        return None
    identity = ("range", low, high, strict, clock)
    return ValueSet("range", "number", low=low, high=high, open=strict, clock=clock, identity=identity)


# --- one within another


def subset(a: ValueSet, b: ValueSet) -> bool:
    """Tell if every value that satisfies ``a`` certainly satisfies ``b``."""
    if a.identity == b.identity or (b.kind == "any" and a.kind not in ("empty", "opaque")):
        return True
    if a.clock != b.clock or (a.family != b.family and "other" not in (a.family, b.family)):
        return False
    if a.kind == "finite":
        if b.kind == "finite":
            return _lists_within(a, b)
        if b.kind == "range":
            return bool(a.numbers) and all(_inside(n, b) for n in a.numbers)
        return b.kind == "pattern" and all(_fits(t, a, b) is True for t in a.texts)
    if a.kind == "range" and b.kind == "finite":
        return a.low is not None and a.low == a.high and not any(a.open) and a.low in b.numbers
    if a.kind == b.kind == "range":
        return _not_before(a.low, b.low, a.open[0], b.open[0]) and _not_before(
            None if a.high is None else -a.high, None if b.high is None else -b.high, a.open[1], b.open[1]
        )
    if a.kind != b.kind or a.kind != "pattern" or not a.ignoring <= b.ignoring:
        return False
    # Other letters can become several ones, or join with the next, when case or accents are taken away.
    plain = a.ignoring == b.ignoring or (a.texts[0] + b.texts[0]).isascii()
    return plain and _pattern_within(a.texts[0], b.texts[0])


def _lists_within(a: ValueSet, b: ValueSet) -> bool:
    if a.numbers or b.numbers:
        return bool(a.numbers and b.numbers) and set(a.numbers) <= set(b.numbers)
    if not a.ignoring <= b.ignoring:
        return False
    if set(a.texts) <= set(b.texts):
        return True
    if "case" not in b.ignoring or not all(t.isascii() for t in (*a.texts, *b.texts)):
        return False
    return {t.lower() for t in a.texts} <= {t.lower() for t in b.texts}


def _less(a: Decimal, b: Decimal) -> bool:
    """Tell if ``a`` is less than ``b`` also for somebody who computes with floating point."""
    return a < b and float(a) < float(b)


def _not_before(a: Decimal | None, b: Decimal | None, a_open: bool, b_open: bool) -> bool:
    """Tell if a range that begins at ``a`` does not begin before one that begins at ``b``."""
    if b is None:
        return True
    if a is None:
        return False
    return _less(b, a) or (a == b and (a_open or not b_open))


def _inside(number: Decimal, r: ValueSet) -> bool:
    low = r.low is None or _less(r.low, number) or (number == r.low and not r.open[0])
    return low and (r.high is None or _less(number, r.high) or (number == r.high and not r.open[1]))


def _fits(text: str, a: ValueSet, pattern: ValueSet) -> bool | None:
    """Tell if a value fits a pattern; ``None`` where letter case, blanks or characters leave a doubt."""
    shape = pattern.texts[0]
    if pattern.family != "text" or a.family != "text" or a.ignoring or pattern.ignoring:
        return None
    if not (text + shape).isascii() or " " in (text[:1], text[-1:], shape[:1], shape[-1:]) or not text:
        return None
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in re.sub(r"\*+", "*", shape))
    return re.fullmatch(expression, text, re.DOTALL) is not None if shape.count("*") < 6 else None


_SIMPLE = re.compile(r"(\*?)([^*?]*)(\*?)")


def _pattern_within(a: str, b: str) -> bool:
    one, other = _SIMPLE.fullmatch(a), _SIMPLE.fullmatch(b)
    if not one or not other or not one[2].strip() or not other[2].strip():
        return False
    if other[1] and other[3]:
        return other[2] in one[2]
    if other[3]:
        return not one[1] and one[2].startswith(other[2])
    return bool(other[1]) and not one[3] and one[2].endswith(other[2])


def both(a: ValueSet, b: ValueSet) -> ValueSet | None:
    """Return the values that satisfy two ranges, or two lists of one spelling; ``None`` where that is no such set."""
    if a.clock != b.clock or a.family != b.family or a.ignoring != b.ignoring:
        return None
    if a.kind == b.kind == "finite" and not a.ignoring and a.family != "name" and bool(a.numbers) == bool(b.numbers):
        kept = [i for i, text in enumerate(a.texts) if (a.numbers[i] in b.numbers if a.numbers else text in b.texts)]
        texts, numbers = tuple(a.texts[i] for i in kept), tuple(a.numbers[i] for i in kept) if a.numbers else ()
        return replace(a, texts=texts, numbers=numbers, identity=("both", texts, a.family)) if kept else None
    if a.kind == b.kind == "range" and not any(a.open) and not any(b.open):
        low = max((n for n in (a.low, b.low) if n is not None), default=None)
        high = min((n for n in (a.high, b.high) if n is not None), default=None)
        if low is None or high is None or low <= high:
            return replace(a, low=low, high=high, identity=("range", low, high, a.open, a.clock))
    return None


# --- nothing in common


def disjoint(a: ValueSet, b: ValueSet) -> bool:
    """Tell if certainly no single value satisfies both."""
    if a.clock != b.clock or a.family != b.family or a.family not in ("text", "number"):
        return False
    if a.kind == "pattern" and b.kind == "finite":
        a, b = b, a
    if a.kind == b.kind == "finite":
        return _lists_apart(a, b)
    if a.kind == "finite" and b.kind == "pattern":
        return all(_fits(t, a, b) is False for t in a.texts)
    if a.kind == "range" and b.kind == "finite":
        a, b = b, a
    if a.kind == "finite" and b.kind == "range":
        return bool(a.numbers) and all(_outside(n, b) for n in a.numbers)
    return a.kind == b.kind == "range" and (_ends_before(a, b) or _ends_before(b, a))


def _lists_apart(a: ValueSet, b: ValueSet) -> bool:
    if a.numbers and b.numbers:
        return {float(n) for n in a.numbers}.isdisjoint(float(n) for n in b.numbers)
    if a.numbers or b.numbers:
        return False
    one, other = {_coarse(t) for t in a.texts}, {_coarse(t) for t in b.texts}
    if a.ignoring or b.ignoring:
        if not all(t.isascii() for t in (*a.texts, *b.texts)):
            return False
        one, other = {t.lower() for t in one}, {t.lower() for t in other}
    return one.isdisjoint(other)


def _coarse(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip(" \0")


def _outside(number: Decimal, r: ValueSet) -> bool:
    if r.low is not None and (_less(number, r.low) or (number == r.low and r.open[0])):
        return True
    return r.high is not None and (_less(r.high, number) or (number == r.high and r.open[1]))


def _ends_before(a: ValueSet, b: ValueSet) -> bool:
    if a.high is None or b.low is None:
        return False
    return _less(a.high, b.low) or (a.high == b.low and (a.open[1] or b.open[0]))

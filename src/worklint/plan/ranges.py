"""Ways to send one test: as it is, or rewritten so that nothing is lost and the rest is checked.

Every way asks for at least what the test asks for. ``slack`` says that it may ask for more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from worklint.clock import day_text, next_day
from worklint.judge.value import WILDCARD_VRS, on_the_wire
from worklint.model import Attribute, Constraint, Value
from worklint.plan.algebra import WIDENED
from worklint.plan.negotiated import COMBINED, EMPTY_VALUE, SEVERAL_VALUES

_LAST = "235959.999999"
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Way:
    """One way to send a test: one query for each alternative, with the keys that stand in it together.

    ``negotiation``: the option of extended negotiation that it takes.
    """

    alternatives: tuple[tuple[Constraint, ...], ...]
    slack: frozenset[str] = _NONE
    negotiation: str | None = None
    why: str = ""


def ways(
    constraint: Constraint, combined: str | None = None, wider: bool = False, granted: frozenset[str] = _NONE
) -> Iterator[Way]:
    """Yield the ways to send a positive test, the plainest first.

    ``combined``: how date and time are taken as one moment: ``negotiated``, ``always``, ``None`` (they are not).
    ``granted``: the options of extended negotiation that may be asked for.
    ``wider``: the clocks of list and source differ, so a relative range is asked for with a day more at each end.
    """
    if constraint.matching == "list-of-uid" and len(constraint.values) == 1:
        # A list of one is no list on the wire.
        constraint = _single(constraint, constraint.values[0])
    kind = constraint.matching
    if constraint.relative and wider and kind == "range" and constraint.vr == "DA":
        yield Way(((_a_day_wider(constraint),),), WIDENED, why="a day wider: the zones of list and source differ")
        return
    if kind in ("single", "wildcard", "range", "list-of-uid"):
        yield Way(((_as_read(constraint),),), _slack(constraint))
    if kind == "any-of":
        yield Way(tuple((_as_read(_single(constraint, v)),) for v in constraint.values), _slack(constraint))
    if kind == "list-of-uid":
        alternatives = tuple((_single(constraint, v),) for v in constraint.values)
        yield Way(alternatives, why="one query for each UID")
    plain = not any(v.parameter or not v.legal for v in constraint.values)
    if not plain:
        return
    if kind == "single" and constraint.vr in ("DA", "TM", "DT"):
        yield Way(((_range(constraint, constraint.values[0], constraint.values[0]),),), why="a range with equal ends")
    if kind == "any-of" and constraint.vr == "DA":
        found = sorted(constraint.values, key=lambda v: v.text)
        yield Way(((_range(constraint, found[0], found[-1]),),), WIDENED, why="from the first day to the last")
    if kind == "empty" and EMPTY_VALUE in granted:
        yield Way(((constraint,),), _NONE, EMPTY_VALUE, "no value, as negotiated")
    if kind == "multiple" and SEVERAL_VALUES in granted:
        yield Way(((constraint,),), _NONE, SEVERAL_VALUES, "all the values, as negotiated")
    if kind == "multiple":
        yield Way(((_single(constraint, constraint.values[0]),),), WIDENED, why="one of the values that it must have")
    if kind == "datetime" and constraint.pair is not None:
        yield from _moments(constraint, constraint.pair, combined)
    if kind in ("single", "any-of", "wildcard") and constraint.vr in WILDCARD_VRS:
        yield from _widened(constraint)


def _slack(constraint: Constraint) -> frozenset[str]:
    escaped = constraint.matching == "wildcard" and any(re.search(r"\\[*?\\]", v.text) for v in constraint.values)
    literal = (
        constraint.matching in ("single", "any-of")
        and constraint.vr in WILDCARD_VRS
        and any("*" in v.text or "?" in v.text for v in constraint.values)
    )
    return WIDENED if escaped or literal or any(constraint.strict) else _NONE


def _as_read(constraint: Constraint) -> Constraint:
    """Return the test that a source reads in the key: bounds included, and wild cards where the text has them."""
    if any(constraint.strict):
        return replace(constraint, strict=(False, False))
    if not _slack(constraint) or constraint.values[0].parameter:
        return constraint
    text = on_the_wire(constraint.values[0].text) if constraint.matching == "wildcard" else constraint.values[0].text
    if not text.strip("*"):
        return constraint
    return replace(
        constraint, matching="wildcard", asked="wildcard", values=(replace(constraint.values[0], text=text),)
    )


def _single(constraint: Constraint, value: Value) -> Constraint:
    return replace(constraint, matching="single", asked="single", values=(value,))


def _range(constraint: Constraint, low: Value, high: Value) -> Constraint:
    return replace(
        constraint, matching="range", asked="range", values=(low, high), strict=(False, False), ignoring=_NONE
    )


def _a_day_wider(constraint: Constraint) -> Constraint:
    low, high = constraint.values[0].text, constraint.values[1].text
    return replace(constraint, values=(Value(_stepped(low, -1)), Value(_stepped(high, 1))))


def _stepped(day: str, step: int) -> str:
    if not day:
        return day
    found = next_day(datetime.strptime(day, "%Y%m%d").date(), step)
    return day_text(found) if found else ""


# --- date and time as one moment --------------------------------------------------------------------------------------


def _moments(constraint: Constraint, time: Attribute, combined: str | None) -> Iterator[Way]:
    low, high = constraint.values[0].text, constraint.values[1].text
    if re.search(r"[+-]\d{4}$", low + high):
        return
    date = replace(constraint, pair=None)
    first, start = low[:8], low[8:]
    last, end = high[:8], high[8:]
    slack = WIDENED if any(constraint.strict) else _NONE
    if first and first == last:
        # A range within one day is the same whether or not it is combined.
        both = (_range(date, Value(first), Value(first)), _times(constraint, time, start or "000000", end or _LAST))
        yield Way((both,), slack, why="within one day")
        yield Way(((_range(date, Value(first), Value(first)),),), WIDENED, why="the day alone")
        return
    if combined is not None:
        both = (
            replace(date, matching="datetime", asked="datetime"),
            replace(_times(constraint, time, start, end), matching="datetime", asked="datetime"),
        )
        yield Way((both,), slack, COMBINED if combined == "negotiated" else None, "as one moment")
    yield Way(((_range(date, Value(first), Value(last)),),), WIDENED, why="the days alone")
    yield Way(
        tuple(_day_by_day(date, constraint, time, first, start, last, end)),
        slack,
        why="first day, days between, last day",
    )


def _day_by_day(
    date: Constraint, constraint: Constraint, time: Attribute, first: str, start: str, last: str, end: str
) -> Iterator[tuple[Constraint, ...]]:
    """Two windows never make an interval across midnight (PS3.4 C.2.2.2.5.4): it takes up to three queries."""
    after, before = _stepped(first, 1), _stepped(last, -1)
    if first:
        yield _range(date, Value(first), Value(first)), _times(constraint, time, start or "000000", _LAST)
    if not (after and before) or after <= before:
        # The time has to be there, whatever it is: an entity without it has no moment.
        yield _range(date, Value(after), Value(before)), _times(constraint, time, "000000", _LAST)
    if last:
        yield _range(date, Value(last), Value(last)), _times(constraint, time, "000000", end or _LAST)


def _times(constraint: Constraint, time: Attribute, low: str, high: str) -> Constraint:
    return replace(
        constraint, path=(*constraint.path[:-1], time), matching="range", asked="range", pair=None,
        values=(Value(low), Value(high)), strict=(False, False),
    )  # fmt: skip


# --- wild cards for what is not known ---------------------------------------------------------------------------------

# Several characters that one character folds to: ß is ss, ﬁ is fi. A ? each would miss the one.
_LIGATURES = ("ss", "ff", "fi", "fl", "st")
# Letters that one outside ASCII folds to: the long s and the Kelvin sign.
_WIDE = frozenset("ksKS")


def _widened(constraint: Constraint) -> Iterator[Way]:
    case, accent = "case" in constraint.ignoring, "accent" in constraint.ignoring
    if case or accent:
        yield from _patterns(constraint, lambda c: c.isalpha() or not c.isascii(), accent, "? for each letter")
        if not accent:
            why = "? for each letter that is one byte"
            yield from _patterns(constraint, lambda c: c.isalpha() or not c.isascii(), False, why, one_byte=True)
    elif any(not v.text.isascii() for v in constraint.values):
        yield from _patterns(constraint, lambda c: not c.isascii(), True, "? for letters outside ASCII")


def _patterns(
    constraint: Constraint, unknown: Callable[[str], bool], several: bool, why: str, one_byte: bool = False
) -> Iterator[Way]:
    patterns = []
    is_pattern = constraint.matching == "wildcard"
    if one_byte and is_pattern and any("?" in re.sub(r"\\.", "", v.text) for v in constraint.values):
        # What the author's own ? stands for is not known.
        return
    for value in constraint.values:
        pattern = _pattern(value.text, is_pattern, unknown, several, one_byte)
        if not pattern.strip("*"):
            return
        patterns.append(pattern)
    alternatives = tuple((_as_sent(constraint, p, one_byte),) for p in dict.fromkeys(patterns))
    yield Way(alternatives, WIDENED, why=why)


def _as_sent(constraint: Constraint, pattern: str, one_byte: bool) -> Constraint:
    """Return the test that a pattern asks for; without a wild card that is a whole value."""
    kind = "wildcard" if "*" in pattern or "?" in pattern else "single"
    text = pattern if kind == "wildcard" else re.sub(r"\\(.)", r"\1", pattern)
    value = Value(text, one_byte=one_byte)
    return replace(constraint, matching=kind, asked=kind, values=(value,), ignoring=_NONE)


def _pattern(text: str, is_pattern: bool, unknown: Callable[[str], bool], several: bool, one_byte: bool) -> str:
    out: list[str] = []
    tokens = re.findall(r"\\.|.", text, re.DOTALL) if is_pattern else list(text)
    run = ""

    def close() -> None:
        nonlocal run
        if run:
            risky = not run.isascii() or any(pair in run.casefold() for pair in _LIGATURES)
            letters = "".join("*" if one_byte and c in _WIDE else "?" for c in run)
            out.append("*" if risky else letters + ("*" if several else ""))
            run = ""

    for token in tokens:
        if len(token) == 1 and unknown(token):
            run += token
            continue
        close()
        wild = is_pattern and token in ("*", "?")
        out.append(token if wild or len(token) > 1 else re.sub(r"([*?\\])", r"\\\1", token))
    close()
    return re.sub(r"\*+", "*", "".join(out)) if "\\*" not in "".join(out) else "".join(out)

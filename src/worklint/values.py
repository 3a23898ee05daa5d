"""What a comparison asks of a source: the matching kind of its positive test, and its values in canonical spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worklint import clock as clocks
from worklint.clock import Clock, Stretch
from worklint.knowledge import standard
from worklint.model import Attribute, Parameter, Span, Value
from worklint.record import frozen, replace
from worklint.references import Subject, Tell
from worklint.syntax.printer import print_expression, print_literal, quote
from worklint.syntax.tree import (
    Between,
    Compare,
    Comparison,
    Contains,
    EndsWith,
    HasAll,
    In,
    IsEmpty,
    Like,
    Literal,
    OlderThan,
    SoundsLike,
    StartsWith,
    Within,
)
from worklint.yaml_text import nearest

_OPEN = Value("")
_RANGE = re.compile(r"(?=.*\d)(\d{4,8}(?:\.\d+)?)?-(\d{4,8}(?:\.\d+)?)?|\d{14}-\d{14}")
_NATURAL = {"date": ("DA", "DT"), "time": ("TM",), "datetime": ("DT",)}
_MOMENTS = ("DA", "TM", "DT")
_FORM = {
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d\d(?:\d\d(?:\d\d(?:\.\d{1,6})?)?)?"),
    "DT": re.compile(r"\d{8}(?:\d\d(?:\d\d(?:\d\d(?:\.\d{1,6})?)?)?)?(?:[+-]\d{4})?"),
}
"""What looks right; if it is illegal all the same, it is the calendar or the clock that has no such day or hour."""


@frozen
class Asked:
    """One test: matching kind, values, excluded bounds. Several mean that one of them has to hold."""

    matching: str
    values: tuple[Value, ...] = ()
    strict: tuple[bool, bool] = (False, False)
    relative: bool = False


@frozen
class Comparing:
    """One comparison at work. ``time`` is set where a date and a time are compared as one moment.

    ``vr`` is that of the values: of a date and a time together DT; empty where nobody knows it.
    """

    subject: Subject
    time: Attribute | None
    vr: str
    clock: Clock
    parameters: Mapping[str, Parameter]
    tell: Tell

    @classmethod
    def of(
        cls, subject: Subject, time: Attribute | None, clock: Clock, parameters: Mapping[str, Parameter], tell: Tell
    ) -> Comparing:
        """Begin a comparison of ``subject``."""
        return cls(subject, time, "DT" if time else subject.vr.split(" ")[0], clock, parameters, tell)

    def ask(self, node: Comparison) -> tuple[Asked, ...] | None:
        """Return what is asked; ``None`` (and told) where it cannot be expanded."""
        if isinstance(node, Compare):
            return self._compare(node)
        if isinstance(node, In):
            return self._in(node)
        if isinstance(node, Between):
            return (self._between(node),)
        if isinstance(node, Within | OlderThan):
            return self._period(node)
        if isinstance(node, IsEmpty):
            return (Asked("empty"),)
        if isinstance(node, HasAll):
            return (Asked("multiple", tuple(self._equal(v, node.ignoring) for v in node.values)),)
        if isinstance(node, SoundsLike):
            return (Asked("fuzzy", (self._value(node.value),)),)
        return (self._pattern(node),)

    # --- equality and lists

    def _compare(self, node: Compare) -> tuple[Asked, ...]:
        if node.operator != "=":
            return (self._order(node),)
        literal = node.value
        if self.time or self._whole_day(literal):
            low, relative = self._bound(literal, False, False)
            high, _ = self._bound(literal, True, False)
            return (self._range(low, high, (False, False), relative),)
        return (Asked("single", (self._equal(literal, node.ignoring),)),)

    def _whole_day(self, literal: Literal) -> bool:
        """Tell if a day is compared with a moment, or by its name."""
        if literal.kind == "day":
            return self.vr in ("DA", "DT")
        return self.vr == "DT" and bool(re.fullmatch(r"\d{8}", standard.canonical("DT", literal.text)))

    def _in(self, node: In) -> tuple[Asked, ...]:
        days = [v for v in node.values if self.vr == "DT" and self._whole_day(v)]
        rest = [v for v in node.values if v not in days]
        asked = []
        if rest:
            values = tuple(self._equal(v, node.ignoring) for v in rest)
            relative = any(v.kind == "day" and self.vr == "DA" for v in rest)
            asked.append(Asked("list-of-uid" if self.vr == "UI" else "any-of", values, relative=relative))
        for day in days:
            low, relative = self._bound(day, False, False)
            asked.append(self._range(low, self._bound(day, True, False)[0], (False, False), relative))
        return tuple(asked)

    def _equal(self, literal: Literal, ignoring: frozenset[str]) -> Value:
        value = self._value(literal, folded="case" in ignoring)
        text, name = literal.text, self.subject.written
        if literal.kind != "string" or not value.legal:
            return value
        if self.vr == "" or standard.vr(self.vr).wildcards:
            if "*" in text or "?" in text:
                self.tell(
                    "WL405", literal.span, f"a source reads * and ? in a key as wild cards, so {quote(text)} asks for "
                    "more than this text", f"write {name} like {quote(text)} if they are meant as wild cards",
                )  # fmt: skip
            elif text == '""':
                self.tell(
                    "WL405", literal.span, "a source reads two quotation marks as the request for an empty value",
                    f"write {name} is empty",
                )  # fmt: skip
        if self.vr == "PN" and value.text and not any(c in value.text for c in "^=*?"):
            self.tell(
                "WL213", literal.span, f"this asks for people whose whole name is {value.text}, without a given name",
                f"write {name} like {quote(value.text + '^*')} for everybody of that family name",
            )  # fmt: skip
        return value

    # --- one value

    def _value(self, literal: Literal, folded: bool = False) -> Value:
        vr = self.vr
        if literal.kind == "parameter":
            name = literal.text
            return Value(f"${name}", self.parameters.get(name) or Parameter(name))
        if literal.kind == "day":
            if vr in ("DA", ""):
                return Value(clocks.day_text(clocks.day_of(self.clock, literal.text)))
            self.tell(
                "WL409", literal.span, f"{literal.text} is a day, and {self.subject.written} holds no date ({vr})",
                self._example(),
            )  # fmt: skip
            return Value(literal.text, legal=False)
        text = standard.canonical(vr, literal.text) if vr else literal.text
        if text == "" and literal.kind == "string":
            self.tell(
                "WL401", literal.span, "an empty key asks for everything, not for what has no value",
                f"write {self.subject.written} is empty",
            )  # fmt: skip
            return Value(text, legal=False)
        self._label_value(literal, text)
        return Value(text, legal=not vr or self._legal(literal, text, folded))

    def _legal(self, literal: Literal, text: str, folded: bool) -> bool:
        vr, name, span = self.vr, self.subject.written, literal.span
        problem = standard.legal_value(self.subject.vr if not self.time else "DT", text)
        if problem is None:
            if not self._natural(literal, text):
                self.tell(
                    "WL407", span, f"{name} holds {_holds(vr)}, and {literal.text} stands there without quotes",
                    f"write {quote(literal.text)}", instead=quote(literal.text),
                )  # fmt: skip
            return True
        if literal.kind == "string" and "\\" in text and standard.vr(vr).multiple:
            values = ", ".join(quote(v) for v in text.split("\\"))
            self.tell(
                "WL408", span, "a backslash in a key begins the next value of a list, so this is no single text",
                f"write {name} in ({values})",
            )  # fmt: skip
        elif literal.kind == "string" and vr in _MOMENTS and _RANGE.fullmatch(text):
            low, high = text.split("-")
            bounds = f"between {quote(low)} and {quote(high)}" if low and high else f">= {quote(low)}" if low else ""
            self.tell(
                "WL408", span, f"{quote(text)} is a range of DICOM in quotes, and no value of {name}",
                f"write {name} {bounds or f'<= {quote(high)}'}",
            )  # fmt: skip
        elif vr == "CS" and standard.legal_value("CS", text.upper()) is None:
            # What letter case does at a source is judged there: archives do hold small letters in CS.
            self.tell(
                "WL402", span, f"{name} holds codes (CS), which have no lower-case letters: {quote(text)} is none",
                f"write {quote(text.upper())}", instead=quote(text.upper()),
            )  # fmt: skip
        elif vr == "DA" and literal.kind == "datetime":
            time = standard.time_of(self.subject.path[-1].keyword) if self.subject.path else None
            self.tell(
                "WL401", span, f"{name} holds days without a time, and {literal.text} is a moment",
                f"write ({name}, {time}) for the moment, or the day alone" if time else "write the day alone",
            )  # fmt: skip
        elif vr in _FORM and _FORM[vr].fullmatch(text):
            what = problem.partition("; ")[0]
            self.tell("WL409", span, f"{name} cannot be {print_literal(literal)}: {what}", "write one that exists")
        elif vr == "SQ":
            self.tell("WL401", span, f"{name} cannot be compared with a value: {problem}", f"write {name} has (…)")
        else:
            first, _, rest = problem.partition("; ")
            self.tell(
                "WL401", span, f"{print_literal(literal)} is no value of {name}: {first}", rest or self._example()
            )
        return False

    def _natural(self, literal: Literal, text: str) -> bool:
        """Tell if a value without quotes is of the kind that the VR holds."""
        if literal.kind == "number":
            rule = standard.vr(self.vr)
            numeric = rule.has_order and self.vr not in _MOMENTS
            return numeric or self.vr == "AT" or (self.vr in ("DA", "DT") and re.fullmatch(r"\d{8}", text) is not None)
        return literal.kind == "string" or self.vr in _NATURAL[literal.kind]

    def _label_value(self, literal: Literal, text: str) -> None:
        label = self.subject.label
        if label is None or literal.kind != "string":
            return
        folded = text.casefold()
        if folded in (v.casefold() for v in label.display_only):
            self.tell(
                "WL331", literal.span, f"{quote(text)} is what the viewer shows where no {label.label.lower()} came, "
                "not a value that studies have", f"write {quote(label.label)} is empty",
            )  # fmt: skip
        elif label.values and text not in label.values and "*" not in text:
            near = nearest(text, label.values)
            self.tell(
                "WL401", literal.span, f"nothing is found: {quote(text)} is no value of {quote(label.label)}",
                f"did you mean {quote(near)}?" if near else
                f"its values are {', '.join(quote(v) for v in label.values)}", severity="warning",
                instead=quote(near) if near else None,
            )  # fmt: skip

    def _example(self) -> str:
        return {
            "DA": "write a date, as in 2026-01-31",
            "TM": "write a time, as in 13:05",
            "DT": "write a date and time, as in 2026-01-31T13:05",
        }.get(self.vr, "write a value in quotes")

    # --- order

    def _has_order(self, node: Comparison) -> bool:
        vr = self.vr
        if vr == "" or standard.vr(vr).has_order:
            return True
        name = self.subject.written
        remedy = f"compare it with =, or write {name} in (…)"
        if vr == "AS":
            # An age changes its unit (D W M Y) with its size; a date of birth is what can be compared.
            remedy = "write PatientBirthDate older than 18 years"
        elif standard.vr(vr).wildcards:
            remedy = f"write {name} starts with …"
        self.tell("WL404", node.span, f"{name} has no order that a source could compare by ({vr})", remedy)
        return False

    def _between(self, node: Between) -> Asked:
        if not self._has_order(node):
            self = replace(self, tell=_silence)
        low, one = self._bound(node.low, False, False)
        high, other = self._bound(node.high, True, False)
        self._upside_down(low, high, node)
        return self._range(low, high, (False, False), one or other)

    def _order(self, node: Compare) -> Asked:
        if not self._has_order(node):
            # One message about the comparison is enough: its value is not what has to change.
            self = replace(self, tell=_silence)
        upper = node.operator in ("<", "<=")
        strict = node.operator in ("<", ">")
        value, relative = self._bound(node.value, upper, strict)
        inclusive = self._inclusive(value, -1 if upper else 1) if strict else None
        if inclusive is not None:
            value, strict = inclusive, False
        if upper:
            return self._range(_OPEN, value, (False, strict), relative)
        return self._range(value, _OPEN, (strict, False), relative)

    def _bound(self, literal: Literal, upper: bool, strict: bool) -> tuple[Value, bool]:
        """Return a bound and whether it hangs on the clock; a day stands for its first or its last moment."""
        relative = literal.kind == "day"
        if self.vr != "DT" or literal.kind == "parameter":
            return self._value(literal), relative and self.vr in ("DA", "")
        if relative:
            text = clocks.day_text(clocks.day_of(self.clock, literal.text))
            return Value(_end_of(text, upper != strict)), True
        value = self._value(literal)
        match = re.fullmatch(r"(\d{8})([+-]\d{4})?", value.text)
        if match and value.legal:
            return Value(_end_of(match[1], upper != strict) + (match[2] or "")), False
        return value, False

    def _inclusive(self, value: Value, step: int) -> Value | None:
        """Return the bound that includes what the excluded one excludes, where the VR has a smallest step."""
        if value.parameter or not value.legal:
            return None
        if self.vr == "DA" and re.fullmatch(r"\d{8}", value.text):
            try:
                day = clocks.next_day(datetime.strptime(value.text, "%Y%m%d").date(), step)
            except ValueError:
                return None
            return Value(clocks.day_text(day)) if day else None
        rule = standard.vr(self.vr) if self.vr else None
        if rule and rule.step == "1":
            number = int(value.text) + step
            if rule.bounds is None or rule.bounds[0] <= number <= rule.bounds[1]:
                return Value(str(number))
        return None

    def _range(self, low: Value, high: Value, strict: tuple[bool, bool], relative: bool) -> Asked:
        return Asked("datetime" if self.time else "range", (low, high), strict, relative)

    def _upside_down(self, low: Value, high: Value, node: Between) -> None:
        if low.parameter or high.parameter or not (low.legal and high.legal and low.text and high.text):
            return
        one, other = _sort_key(self.vr, low.text), _sort_key(self.vr, high.text)
        if one is not None and other is not None and one > other:
            self.tell(
                "WL208", node.span, f"nothing is found: between {low.text} and {high.text} lies nothing, the first is "
                f"the {'later' if self.vr in _MOMENTS else 'larger'} one",
                f"write between {high.text} and {low.text}",
                instead=print_expression(replace(node, low=node.high, high=node.low)),
            )  # fmt: skip

    # --- relative dates

    def _period(self, node: Within | OlderThan) -> tuple[Asked, ...] | None:
        if not self._has_order(node):
            return None
        vr = self.vr or "DA"
        if vr not in _MOMENTS:
            self.tell(
                "WL404", node.span, f"{self.subject.written} holds no date or time ({vr})", "compare it with a number"
            )
            return None
        unit = clocks.unit_of(node.unit)
        if unit is None:
            near = nearest(node.unit, clocks.UNITS)
            self.tell(
                "WL308", node.unit_span, f"{node.unit} is no unit of time", f"did you mean {near}?" if near else
                f"write one of {', '.join(clocks.UNITS)}", instead=near,
            )  # fmt: skip
            if near is None:
                return None
            unit = near
        direction = "last" if isinstance(node, OlderThan) else node.direction
        if direction == "this" and unit not in clocks.CALENDAR_UNITS:
            self.tell(
                "WL409", node.unit_span, f"there is no calendar unit \"this {node.unit}\"",
                "write this day, week, month or year, or within last 1 hour",
            )  # fmt: skip
            return None
        stretch = clocks.within(self.clock, direction, node.count, unit)
        if stretch.overflow:
            self.tell(
                "WL409", node.span, f"{node.count} {node.unit} from now lie outside the calendar",
                "write a smaller number",
            )  # fmt: skip
        if vr == "TM":
            self.tell(
                "WL211", node.span, f"this holds on every day: {self.subject.written} is a time of day without a date",
                self._pair_remedy(node),
            )  # fmt: skip
            return self._times(stretch, isinstance(node, OlderThan))
        if vr == "DA" and unit in ("minutes", "hours"):
            self.tell(
                "WL409", node.span, f"{self.subject.written} holds days, so this keeps the whole of every day that "
                f"the {node.unit} touch", self._pair_remedy(node), severity="info",
            )  # fmt: skip
        return (self._stretch(stretch, vr, isinstance(node, OlderThan)),)

    def _pair_remedy(self, node: Within | OlderThan) -> str:
        keyword = self.subject.path[-1].keyword if self.subject.path else ""
        date, time = standard.date_of(keyword) or keyword, standard.time_of(keyword) or keyword
        what = f"older than {node.count} {node.unit}"
        if isinstance(node, Within):
            what = f"within {node.direction} {'' if node.direction == 'this' else f'{node.count} '}{node.unit}"
        return f"write ({date}, {time}) {what}" if date != time else "compare the date as well"

    def _stretch(self, stretch: Stretch, vr: str, before: bool) -> Asked:
        if vr == "DA":
            if not before:
                low, high = clocks.day_text(stretch.low.date()), clocks.day_text(stretch.high.date())
                return self._range(Value(low), Value(high), (False, False), True)
            # A day counts as within if any moment of it does; older is what lies before the first such day.
            day = clocks.next_day(stretch.low.date(), -1) or stretch.low.date()
            return self._range(_OPEN, Value(clocks.day_text(day)), (False, False), True)
        low, high = clocks.moment_text(stretch.low), clocks.moment_text(stretch.high)
        if before:
            return self._range(_OPEN, Value(low), (False, True), True)
        return self._range(Value(low), Value(high), (False, False), True)

    def _times(self, stretch: Stretch, before: bool) -> tuple[Asked, ...]:
        low, high = Value(clocks.time_text(stretch.low)), Value(clocks.time_text(stretch.high))
        if before:
            return (self._range(_OPEN, low, (False, True), True),)
        if (stretch.high - stretch.low).total_seconds() >= 86_399:
            return (self._range(Value("000000"), Value("235959.999999"), (False, False), True),)
        if stretch.low.date() == stretch.high.date():
            return (self._range(low, high, (False, False), True),)
        # A range of times never runs across midnight (PS3.4 C.2.2.2.5): it takes two.
        return (
            self._range(low, _OPEN, (False, False), True),
            self._range(_OPEN, high, (False, False), True),
        )

    # --- patterns

    def _pattern(self, node: Like | Contains | StartsWith | EndsWith) -> Asked:
        literal, name = node.value, self.subject.written
        if isinstance(node, Like) and literal.kind == "string" and not re.search(r"\\[*?]|[*?]", literal.pattern):
            return Asked("single", (self._value(literal, folded="case" in node.ignoring),))
        if self.vr and not standard.vr(self.vr).wildcards:
            remedy = f"write {name} in (…)"
            if standard.vr(self.vr).has_order:
                remedy = f"write {name} between … and …"
            elif self.vr == "AS":
                remedy = "write PatientBirthDate older than 18 years"
            self.tell("WL403", literal.span, f"{name} ({self.vr}) takes no wild cards in a key", remedy)
        before = "" if isinstance(node, Like | StartsWith) else "*"
        after = "" if isinstance(node, Like | EndsWith) else "*"
        if literal.kind == "parameter":
            value = self._value(literal)
            return Asked("wildcard", (Value(f"{before}{value.text}{after}", value.parameter),))
        text, pattern = literal.text, literal.pattern
        if not isinstance(node, Like):
            if text == "":
                self.tell(
                    "WL401", literal.span, "every text contains the empty one, so this asks for nothing",
                    f"write {name} is not empty",
                )  # fmt: skip
                return Asked("universal", (Value("*", legal=False),))
            if "*" in text or "?" in text:
                word = {Contains: "contains", StartsWith: "starts with", EndsWith: "ends with"}[type(node)]
                self.tell(
                    "WL405", literal.span, f"a source reads * and ? in a key as wild cards, also after {word}",
                    f"write {name} like {quote(before + text + after)} if they are meant as wild cards",
                )  # fmt: skip
            pattern = before + _escape(text) + after
        elif not pattern.strip("*"):
            self.tell(
                "WL406", literal.span, "everything comes back, empty values too: a lone * goes out as an empty key",
                f"write {name} is not empty",
            )  # fmt: skip
            return Asked("universal", (Value("*"),))
        else:
            self._label_value(literal, text)
        return Asked("wildcard", (Value(pattern, legal=self._legal_pattern(literal, text, node.ignoring)),))

    def _legal_pattern(self, literal: Literal, text: str, ignoring: frozenset[str]) -> bool:
        if not self.vr or not standard.vr(self.vr).wildcards:
            return True
        problem = standard.legal_value(self.vr, text, wildcards=True)
        if problem is None:
            return True
        name = self.subject.written
        if self.vr == "CS" and standard.legal_value("CS", text.upper(), wildcards=True) is None:
            self.tell(
                "WL402", literal.span, f"{name} holds codes (CS), which have no lower-case letters: {quote(text)} "
                "fits none", f"write {quote(text.upper())}",
            )  # fmt: skip
        else:
            first, _, rest = problem.partition("; ")
            self.tell("WL401", literal.span, f"no value of {name} can look like {quote(text)}: {first}", rest)
        return False


def _silence(
    rule: str, span: Span, message: str, remedy: str = "", *, severity: str = "", instead: str | None = None
) -> None:
    """Tell nobody."""


def _holds(vr: str) -> str:
    return "text" if vr in standard.text_vrs() else f"values of another kind ({vr})"


def _end_of(day: str, last: bool) -> str:
    return f"{day}235959.999999" if last else f"{day}000000"


def _escape(text: str) -> str:
    return re.sub(r"([\\*?])", r"\\\1", text)


def _sort_key(vr: str, text: str) -> Any:
    """Return something by which legal values of an ordered VR compare; ``None`` where only a source can tell."""
    if vr == "DA":
        return text
    if vr == "TM":
        return text.ljust(6, "0")
    if vr == "DT":
        return None if re.search(r"[+-]\d{4}$", text) else text.ljust(14, "0")
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation:
        return None

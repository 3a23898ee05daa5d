"""The reference matcher: is a filter true of an entity? The table "What a comparison means", written to be obvious.

It reads values out of pydicom data sets and compares them one by one. It knows nothing of sources, keys or queries, and
shares no code with the judge: whoever doubts a verdict can read this file beside the language's page.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any as Anything

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import PersonName

from worklint.model import All, Any, Attribute, Constraint, Filter, Has, Test, Value

NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
MOMENTS = frozenset({"DA", "DT", "TM"})


class UndecidedError(Exception):
    """A comparison whose meaning is the source's own (``sounds like``), so that nothing can be held against it."""


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """A patient, study, series, instance, workitem or scheduled step: its own attributes, and its relatives.

    ``dataset`` holds the attributes of this entity; those of the levels above stand in ``above``, those of the levels
    below in ``below``. At study root a study holds those of its patient. ``labels`` are the values of viewer fields
    that have no attribute, by casefolded label.
    """

    level: str
    dataset: Dataset
    below: tuple[Entity, ...] = ()
    above: Entity | None = None
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()


def entities_at(tops: tuple[Entity, ...], level: str) -> tuple[Entity, ...]:
    """Return all entities of a level of some archive, each with its way up."""
    if not tops or tops[0].level == level:
        return tops
    return entities_at(tuple(replace(b, above=t) for t in tops for b in t.below), level)


def matches(
    condition: Filter,
    entity: Entity,
    *,
    zone: tzinfo = UTC,
    parameters: Mapping[str, str] | None = None,
) -> bool:
    """Tell if a filter is true of an entity, whatever any source makes of it (language.md, What a comparison means).

    ``zone`` is the source's time zone, for date-times without offset; ``parameters`` are the values of ``$name``.

    Raises:
        UndecidedError: for ``sounds like``.
        KeyError: for a parameter without a value.
    """
    return _true(condition, entity, entity.dataset, 0, _World(zone, parameters or {}))


@dataclass(frozen=True, slots=True)
class _World:
    zone: tzinfo
    parameters: Mapping[str, str]


def _true(condition: Filter, entity: Entity, here: Dataset, depth: int, world: _World) -> bool:
    """Two-valued logic. ``here`` is the entity's data set, or the item of a sequence ``depth`` steps inside it."""
    if isinstance(condition, All):
        return all(_true(p, entity, here, depth, world) for p in condition.parts)
    if isinstance(condition, Any):
        return any(_true(p, entity, here, depth, world) for p in condition.parts)
    if isinstance(condition, Has):
        return _has(condition, entity, here, depth, world) != condition.negated
    # Negation: none satisfies it. Absent satisfies nothing, so ``not A = "x"`` is true where A is absent.
    return _satisfied(condition, entity, here, depth, world) != condition.negated


def _has(condition: Has, entity: Entity, here: Dataset, depth: int, world: _World) -> bool:
    if condition.scope == "item":
        # One and the same item satisfies everything inside.
        holders = _holders(condition.path, entity, here, depth)
        inside = condition.path[depth:]
        found = [i for e, d in holders for i in items(d, inside)]
        owner = {id(i): e for e, d in holders for i in items(d, inside)}
        return any(_true(condition.filter, owner[id(i)], i, len(condition.path), world) for i in found)
    # One and the same entity of that level does.
    return any(_true(condition.filter, e, e.dataset, 0, world) for e in at_level(entity, condition.scope))


def _satisfied(test: Test, entity: Entity, here: Dataset, depth: int, world: _World) -> bool:
    constraint = test.constraint
    kind = constraint.asked or constraint.matching
    if kind == "fuzzy":
        raise UndecidedError(constraint.text)
    if not constraint.path:
        label = (constraint.label or "").casefold()
        fields = [dict(e.labels).get(label, ()) for e in (*ways_up(entity), *entity.below)]
        return _compare(constraint, kind, [v for f in fields for v in f], world)
    if kind == "sequence":
        return any(
            items(d, constraint.path[depth:])
            for _, d in _holders(constraint.path, entity, here, depth, constraint.attribute_level)
        )
    places = _places(constraint, entity, here, depth)
    if kind == "empty":
        # ``is not empty``: at least one value is there. So ``is empty``: none is, in whatever entity or item.
        return not any(_compare(constraint, "universal", values, world) for values, _ in places)
    if kind == "datetime":
        return any(_moment_between(constraint, values, times, world) for values, times in places)
    return any(_compare(constraint, kind, values, world) for values, _ in places)


# --- where the values are ---------------------------------------------------------------------------------------------


def _places(constraint: Constraint, entity: Entity, here: Dataset, depth: int) -> list[tuple[list[str], list[str]]]:
    """Return the values at each place where the attribute may stand (with those of the paired time)."""
    attribute, steps = constraint.path[-1], constraint.path[depth:-1]
    if depth == 0 and (those := described(constraint.path, entity)):
        # Each study is one place: of a patient at least one of them satisfies it.
        return [(values, []) for _, values in those]
    found = []
    for _, dataset in _holders(constraint.path, entity, here, depth, constraint.attribute_level):
        for item in items(dataset, steps) if steps else [dataset]:
            times = values_of(item, constraint.pair) if constraint.pair else []
            found.append((values_of(item, attribute), times))
    return found


def _holders(
    path: tuple[Attribute, ...], entity: Entity, here: Dataset, depth: int, home: str | None = None
) -> list[tuple[Entity, Dataset]]:
    """Return the data sets that may hold the first attribute of a path: this one, those below, that above.

    An attribute of a lower level is satisfied if at least one entity below does; one of a higher level if the parent
    does. Where the model does not say at which level an attribute lives, it lives where it is.
    """
    if depth:
        return [(entity, here)]
    if home not in (entity.level, *_nearest_first(entity)):
        home = home_of(path[0], entity)
    return [(e, e.dataset) for e in at_level(entity, home or entity.level)]


def home_of(attribute: Attribute, entity: Entity) -> str:
    """Return the level at which an entity's own family holds an attribute; the entity's own level if none does."""
    if _element(entity.dataset, attribute) is not None:
        return entity.level
    for level in _nearest_first(entity):
        if any(_element(e.dataset, attribute) is not None for e in at_level(entity, level)):
            return level
    return entity.level


def _nearest_first(entity: Entity) -> list[str]:
    down, up = [], []
    level: tuple[Entity, ...] = entity.below
    while level:
        down.append(level[0].level)
        level = tuple(b for e in level for b in e.below)
    parent = entity.above
    while parent is not None:
        up.append(parent.level)
        parent = parent.above
    return down + up


def at_level(entity: Entity, level: str) -> tuple[Entity, ...]:
    """Return the relatives of an entity at a level, each with its way up."""
    if entity.level == level:
        return (entity,)
    for parent in ways_up(entity)[1:]:
        if parent.level == level:
            return (parent,)
    return tuple(e for b in entity.below for e in at_level(replace(b, above=entity), level))


def ways_up(entity: Entity) -> tuple[Entity, ...]:
    """Return an entity and all above it."""
    return (entity,) if entity.above is None else (entity, *ways_up(entity.above))


_DERIVED = {
    "ModalitiesInStudy": ("study", "series", "Modality"),
    "SOPClassesInStudy": ("study", "image", "SOPClassUID"),
    "NumberOfPatientRelatedStudies": ("patient", "study", ""),
    "NumberOfPatientRelatedSeries": ("patient", "series", ""),
    "NumberOfPatientRelatedInstances": ("patient", "image", ""),
    "NumberOfStudyRelatedSeries": ("study", "series", ""),
    "NumberOfStudyRelatedInstances": ("study", "image", ""),
    "NumberOfSeriesRelatedInstances": ("series", "image", ""),
}
"""Whom an attribute describes, what is looked at below, and which attribute of it (none: how many there are)."""


def derived(path: tuple[Attribute, ...], entity: Entity) -> list[str] | None:
    """Return the values of an attribute that describes what lies below (PS3.4 C.3.4), or ``None`` if it is none.

    ``ModalitiesInStudy`` speaks of all series (language.md, several stored values); of a patient, of all studies.
    """
    keyword = path[0].keyword if len(path) == 1 else ""
    if keyword not in _DERIVED:
        return None
    owner, level, source = _DERIVED[keyword]
    found = [at_level(one, level) for one in at_level(entity, owner) if one.below]
    if not found:
        return None
    if not source:
        return [str(len(members)) for members in found]
    attribute = Attribute(source, "", "CS", "1")
    return [v for members in found for e in members for v in values_of(e.dataset, attribute)]


def described(path: tuple[Attribute, ...], entity: Entity) -> list[tuple[Entity, list[str]]]:
    """Return whom an attribute describes by what lies below it, each with its values; nobody if it is none such."""
    keyword = path[0].keyword if len(path) == 1 else ""
    those = at_level(entity, _DERIVED[keyword][0]) if keyword in _DERIVED else []
    return [(one, derived(path, one) or []) for one in those if one.below]


def items(dataset: Dataset, path: tuple[Attribute, ...]) -> list[Dataset]:
    """Return the items that a path of sequences leads to; without a path the data set itself."""
    found = [dataset]
    for sequence in path:
        elements = [_element(d, sequence) for d in found]
        found = [i for e in elements if e is not None and e.VR == "SQ" and e.value for i in e.value]
    return found


def _element(dataset: Dataset, attribute: Attribute) -> Anything:
    tag = tag_in(dataset, attribute)
    if tag is None or tag not in dataset:
        return None
    try:
        return dataset[tag]
    except (ValueError, TypeError, OverflowError):
        # Archives hold what its VR does not admit; then the value is the text that is there.
        return DataElement(tag, "UN", dataset.get_item(tag).value)


def tag_in(dataset: Dataset, attribute: Attribute) -> Anything:
    """Return the tag of an attribute in a data set; a private block stands where its creator says (PS3.5 7.8.1)."""
    if attribute.keyword:
        return Tag(attribute.keyword)
    if attribute.creator is None or "xx" not in attribute.tag.lower():
        return Tag(int(attribute.tag, 16))
    group = int(attribute.tag[:4], 16)
    for block in range(0x10, 0x100):
        creator = dataset.get((group, block))
        if creator is not None and str(creator.value).strip() == attribute.creator:
            return Tag(group, block << 8 | int(attribute.tag[6:], 16))
    return None


def values_of(dataset: Dataset, attribute: Attribute) -> list[str]:
    """Return the stored values of an attribute as text, as they are written; an empty one is no value."""
    element = _element(dataset, attribute)
    if element is None or element.VR == "SQ" or element.value is None:
        return []
    return [t for t in written(element) if t.strip(" \0")]


def written(element: Anything) -> list[str]:
    """Return the values of an element, each as it is written."""
    value = element.value
    several = value if not isinstance(value, str | bytes | PersonName) and hasattr(value, "__iter__") else [value]
    return [_as_written(v, element.VR) for v in several]


def _as_written(value: Anything, vr: str) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if vr == "AT":
        return f"{int(value):08X}"
    # A number keeps how it was written, beside what it is; so does a name, but undecoded or not at all.
    written = getattr(value, "original_string", None)
    return written if isinstance(written, str) else str(value)


# --- comparing --------------------------------------------------------------------------------------------------------


def _compare(constraint: Constraint, kind: str, stored: list[str], world: _World) -> bool:
    """Tell if one of the stored values satisfies the comparison."""
    vr, ignoring = constraint.vr, constraint.ignoring
    wanted = [_text(v, world, pattern=kind == "wildcard") for v in constraint.values]
    if kind == "universal":
        return bool(stored)
    if kind == "range":
        return any(between(v, wanted[0], wanted[1], constraint.strict, vr, world.zone) for v in stored)
    if kind == "multiple":
        # Together they cover the list.
        return all(any(equal(v, w, vr, ignoring, world.zone) for v in stored) for w in wanted)
    if kind == "wildcard":
        return any(alike(v, w, vr, ignoring) for v in stored for w in wanted)
    return any(equal(v, w, vr, ignoring, world.zone) for v in stored for w in wanted)


def _text(value: Value, world: _World, pattern: bool) -> str:
    if value.parameter is None:
        return value.text
    text = world.parameters[value.parameter.name]
    if pattern:
        text = re.sub(r"([\\*?])", r"\\\1", text)
    return value.text.replace(f"${value.parameter.name}", text)


def equal(stored: str, wanted: str, vr: str, ignoring: frozenset[str] = frozenset(), zone: tzinfo = UTC) -> bool:
    """Tell if one stored value equals one that is asked for, by what its VR means (PS3.5 6.2)."""
    if vr in NUMBERS:
        one, other = number(stored, vr), number(wanted, vr)
        return one is not None and one == other
    if vr in MOMENTS:
        at, to = moment(stored, vr, zone), moment(wanted, vr, zone)
        return at is not None and at == to
    if vr == "PN":
        return _name_fits(stored, wanted, ignoring, lambda s, w: folded(s, ignoring) == folded(w, ignoring))
    return bool(trimmed(wanted, vr)) and folded(trimmed(stored, vr), ignoring) == folded(trimmed(wanted, vr), ignoring)


def alike(stored: str, pattern: str, vr: str, ignoring: frozenset[str] = frozenset()) -> bool:
    r"""Tell if a stored text fits a pattern: ``*`` any characters, ``?`` one, ``\\*`` and ``\\?`` themselves."""
    if vr == "PN":
        return _name_fits(stored, pattern, ignoring, lambda s, w: fits_pattern(s, w, vr, ignoring))
    return fits_pattern(trimmed(stored, vr), trimmed(pattern, vr), vr, ignoring)


def fits_pattern(text: str, pattern: str, vr: str, ignoring: frozenset[str]) -> bool:
    """Tell if the whole of a text fits a pattern."""
    expression, tail = "", ""
    if vr == "PN" and (end := re.search(r"\^[\^*]*\Z", pattern)):
        # Trailing empty components do not count: SMITH is SMITH^, and so SMITH^* is asked for.
        pattern, rest = pattern[: end.start()], end[0]
        tail = "(?:" + "".join(".*" if c == "*" else re.escape(c) for c in rest) + ")?"
    for literal, wild in re.findall(r"\\(.)|(.)", folded(pattern, ignoring), re.DOTALL):
        expression += re.escape(literal) if literal else {"*": ".*", "?": "."}.get(wild, re.escape(wild))
    return re.fullmatch(expression + tail, folded(text, ignoring), re.DOTALL) is not None


def _name_fits(stored: str, wanted: str, ignoring: frozenset[str], fits: Anything) -> bool:
    """Person names: the whole value or one of its component groups (PS3.5 6.2.1.1, PS3.4 C.2.2.2.1.1)."""
    if not _name(wanted):
        return False
    groups = stored.split("=")
    if "=" in wanted:
        # Groups by position; a group that is not asked for may be anything.
        pairs = list(zip([*groups, "", ""], wanted.split("="), strict=False))
        return all(fits(_name(s), _name(w)) for s, w in pairs if w.strip())
    return any(fits(_name(s), _name(wanted)) for s in [stored, *groups])


def _name(text: str) -> str:
    """Trailing empty components and groups do not count, nor does padding at the end."""
    return "=".join(g.rstrip(" ^") for g in text.split("=")).rstrip("=")


def trimmed(text: str, vr: str) -> str:
    """Take away the padding that PS3.5 Table 6.2-1 calls insignificant."""
    if vr in ("AE", "CS", "LO", "SH", "DS", "IS"):
        return text.strip(" ")
    if vr == "UI":
        return text.rstrip("\0 ")
    return text.rstrip(" ")


def folded(text: str, ignoring: frozenset[str]) -> str:
    """Return a text without what is ignored: ``case``, ``accent``."""
    if "accent" in ignoring:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text)
    return text.casefold() if "case" in ignoring else text


def number(text: str, vr: str) -> Decimal | None:
    """Return what a number means; ``None`` if it is none. FL holds single precision (PS3.5 6.2)."""
    try:
        value = Decimal(text.strip(" \0"))
    except InvalidOperation:
        return None
    if vr == "FL" and value.is_finite():
        return Decimal(struct.unpack("<f", struct.pack("<f", float(value)))[0])
    return value if value.is_finite() else None


_DATE = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d))?)?")
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?")
_DATE_TIME = re.compile(r"(\d{4}(?:\d\d){0,2})((?:\d\d){0,3}(?:\.\d{1,6})?)([+-]\d{4})?")


def moment(text: str, vr: str, zone: tzinfo = UTC) -> datetime | None:
    """Return what a date, time or date-time means: missing parts of a time are zero (PS3.5 6.2). ``None``: nothing."""
    text = text.strip(" \0")
    try:
        if vr == "DA":
            # ACR-NEMA wrote dots (PS3.5 6.2, note to DA).
            if not re.fullmatch(r"\d{8}|\d{4}\.\d\d\.\d\d", text):
                return None
            return datetime.combine(_day(text.replace(".", "")), time(), UTC)
        if vr == "TM":
            return datetime.combine(date(1, 1, 2), _clock(text), UTC)
        match = _DATE_TIME.fullmatch(text)
        if match is None:
            return None
        clock = _clock(match[2]) if match[2] else time()
        return datetime.combine(_day(match[1]), clock, _offset(match[3]) if match[3] else zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(text: str) -> date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))


def _clock(text: str) -> time:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    second = int(match[3] or 0)
    # A leap second is written 60 (PS3.5 6.2).
    return time(int(match[1]), int(match[2] or 0), min(second, 59), int((match[4] or "").ljust(6, "0")))


def _offset(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def between(stored: str, low: str, high: str, strict: tuple[bool, bool], vr: str, zone: tzinfo = UTC) -> bool:
    """Both bounds belong to the range unless they are excluded; an open end is empty text."""

    def order(text: str) -> Anything:
        if vr in MOMENTS:
            return moment(text, vr, zone)
        return number(text, vr) if vr in NUMBERS else trimmed(text, vr)

    value = order(stored)
    if value is None:
        return False
    for bound, excluded, above in ((low, strict[0], True), (high, strict[1], False)):
        if bound:
            limit = order(bound)
            if limit is None or (excluded and value == limit) or (value < limit if above else value > limit):
                return False
    return True


def _moment_between(constraint: Constraint, dates: list[str], times: list[str], world: _World) -> bool:
    """A date and its time compared as one moment; where one of them is absent there is no moment to compare."""
    low, high = (_text(v, world, pattern=False) for v in constraint.values[:2])
    for day, clock in zip(dates, times, strict=False):
        text = day.strip() + re.sub(r"[ :]", "", clock)
        if between(text, low, high, constraint.strict, "DT", world.zone):
            return True
    return False


def leaves(condition: Filter) -> Iterator[Test]:
    """Walk through the tests of a filter."""
    if isinstance(condition, Test):
        yield condition
    elif isinstance(condition, Has):
        yield from leaves(condition.filter)
    else:
        for part in condition.parts:
            yield from leaves(part)

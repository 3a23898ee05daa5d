"""What a condition leaves open: no condition, no bound in time, tests of lower entities that need not meet in one."""

from __future__ import annotations

from collections.abc import Iterator

from worklint.knowledge import standard
from worklint.model import All, Any, Constraint, Filter, Finding, Has, Severity, Test, Worklist
from worklint.rules import default_severity

_GROWS: dict[str, Severity] = {
    "reading": "warning", "dictation": "warning", "approval": "warning", "scheduling": "info", "quality": "info",
    "export": "info",
}  # fmt: skip
"""Purposes whose lists are opened again and again while the archive grows. Priors are asked for by patient; teaching
and research mean the whole archive."""

# What names one patient or one order. The unique keys of the models are added: they name one entity.
_NAMES_ONE = frozenset({"PatientID", "AccessionNumber", "RequestedProcedureID", "ScheduledProcedureStepID"})
_EQUAL = frozenset({"single", "any-of", "list-of-uid"})


def bound_findings(worklist: Worklist) -> Iterator[Finding]:
    """Yield WL205, WL206 and WL210 of a worklist that is complete."""
    if not worklist.constraints:
        yield Finding(
            "WL205", default_severity("WL205"), worklist.span, "this list has no condition: it asks each source for "
            "everything", "write where … (a range of dates at least)", worklist=worklist.id,
        )  # fmt: skip
        return
    if worklist.purpose in _GROWS and not _bounded(worklist.filter):
        some = isinstance(worklist.filter, Any) and any(_bounded(p) for p in worklist.filter.parts)
        yield Finding(
            "WL206", _GROWS[worklist.purpose], worklist.span,
            f"{'a branch of the `or` in this list' if some else 'this list'} is not bounded in time: the older the "
            "archive, the longer the answer",
            f"add a range of dates{' to each branch' if some else ''}, as in {bounding_test(worklist)}",
            worklist=worklist.id,
        )  # fmt: skip
    index = {id(c): i for i, (c, _) in enumerate(worklist.constraints)}
    for one, other in _same_entity_meant(worklist, worklist.filter):
        lower = lower_level(worklist, other) or "series"
        inside = " and ".join(of_one_entity(c.text, c, lower) for c in (one, other))
        yield Finding(
            "WL210", default_severity("WL210"), other.span, f"{one.text} and {other.text} may be met by two different "
            f"{lower if lower == 'series' else lower + 's'} of one {worklist.level}",
            f"write {lower} has ({inside}) if one {lower} is meant", worklist=worklist.id,
            constraints=(index[id(one)], index[id(other)]), attribute=other.name,
        )  # fmt: skip


def bounding_test(worklist: Worklist) -> str:
    """Return a test that bounds a list of this model."""
    found = standard.model(worklist.model)
    if found is None or not found.worklist:
        return "StudyDate within last 30 days"
    date = standard.replacement("ScheduledProcedureStepStartDate", worklist.level)
    return f"{date or 'the date of the schedule'} = today"


# --- bounded in time


def _bounded(node: Filter) -> bool:
    """Tell if every branch asks for a date from some day on, or names a patient, an order or an entity."""
    if isinstance(node, Test):
        return not node.negated and bounds_in_time(node.constraint)
    if isinstance(node, Has):
        return not node.negated and _bounded(node.filter)
    if isinstance(node, All):
        return any(_bounded(p) for p in node.parts)
    return all(_bounded(p) for p in node.parts)


def bounds_in_time(c: Constraint) -> bool:
    """Tell if a test keeps a list from growing: it begins at a day, or names a patient, an order or an entity."""
    return _from_a_day_on(c) or _names_one(c)


def _of_a_person(c: Constraint) -> bool:
    return bool(c.path) and "patient" in standard.entity_levels(c.path[0].keyword)


def _from_a_day_on(c: Constraint) -> bool:
    if c.vr not in ("DA", "DT") or _of_a_person(c):
        return False
    kind = c.asked or c.matching
    if kind in ("range", "datetime"):
        return bool(c.values and c.values[0].text)
    return kind in _EQUAL


def _names_one(c: Constraint) -> bool:
    kind = c.asked or c.matching
    if kind not in _EQUAL:
        return False
    if any(v.parameter and v.parameter.name.startswith(("patient", "study", "accession")) for v in c.values):
        return True
    keyword = c.path[-1].keyword if c.path else ""
    return keyword in _NAMES_ONE or any(keyword and keyword in m.unique_keys for m in standard.models()) or (
        _of_a_person(c) and any(v.parameter for v in c.values)
    )  # fmt: skip


# --- one lower entity


def lower_level(worklist: Worklist, c: Constraint) -> str | None:
    """Return the level below the list's that a test speaks of; of the modalities in a study, that of the modality."""
    model = standard.model(worklist.model)
    if model is None or worklist.level not in model.levels or len(c.path) != 1:
        return None
    below = model.levels[model.levels.index(worklist.level) + 1 :]
    if c.attribute_level in below:
        return c.attribute_level
    if c.path[0].vm != "1" and c.path[0].keyword:
        for level in below:
            single = standard.replacement(c.path[0].keyword, level)
            if single and level in standard.entity_levels(single):
                return level
    return None


def of_one_entity(text: str, c: Constraint, level: str | None) -> str:
    """Return the text of a test as it is written inside ``has`` of a level."""
    single = standard.replacement(c.path[0].keyword, level or "") if c.attribute_level != level else None
    return text.replace(c.path[0].keyword, single, 1) if single else text


def _same_entity_meant(worklist: Worklist, node: Filter) -> Iterator[tuple[Constraint, Constraint]]:
    """Yield, of each conjunction outside `has`, the first two tests that two lower entities may meet apart."""
    if isinstance(node, Test | Has):
        return
    if isinstance(node, All):
        first: Constraint | None = None
        for part in node.parts:
            if not isinstance(part, Test) or part.negated or lower_level(worklist, part.constraint) is None:
                continue
            if first is None:
                first = part.constraint
            elif _what(worklist, first) != _what(worklist, part.constraint):
                yield first, part.constraint
                break
    for part in node.parts:
        yield from _same_entity_meant(worklist, part)


def _what(worklist: Worklist, c: Constraint) -> str:
    level = lower_level(worklist, c)
    single = standard.replacement(c.path[0].keyword, level or "") if c.attribute_level != level else None
    return single or c.path[0].keyword or c.path[0].tag

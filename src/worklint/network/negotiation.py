"""Extended negotiation (PS3.4 C.5.1.1, K.5.1): what is granted is put to the test, and not believed.

Over QIDO-RS a parameter of the search asks for an option (PS3.18 8.3.4). It is granted where the search is not refused,
and no warning says that the parameter is not supported.

Each test is a pair of queries whose answers differ if the source does what it grants: one that has to keep an entity
that is known, one that has to leave it out. Nothing but names, counts and statuses is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from worklint.knowledge import standard
from worklint.network import pairs
from worklint.network.ask import Answer, Asker, Key, NotOffered, Path, Question, Unreachable
from worklint.network.evidence import Id
from worklint.network.subjects import path_of
from worklint.network.survey import Scope, keep

YES, NO = "yes", "no"
HONOURED, BROKEN = "granted and honoured", "granted, not honoured"
UNDECIDED = "granted, not decidable here"
REFUSED = "not granted"

_ENHANCED = {
    "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2", "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.4.4", "1.2.840.10008.5.1.4.1.1.128.1", "1.2.840.10008.5.1.4.1.1.130",
}  # fmt: skip
"""Enhanced CT, MR and PET images, converted ones included (PS3.4 B.5)."""
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_STEP = "ScheduledProcedureStepSequence.ScheduledProcedureStepStart"
_MAY_BE_EMPTY = ("StudyDate", "AccessionNumber", "StudyID", "StudyDescription", "PatientName", "BodyPartExamined")
_OFFSETS = ("+0000", "+0630", "-0630")


@dataclass(frozen=True, slots=True)
class Tried:
    """How a test of an option ended: ``HONOURED``, ``BROKEN`` or ``UNDECIDED``, and what was seen."""

    outcome: str
    because: str

    def __str__(self) -> str:
        return f"{self.outcome}: {self.because}"


def measure(asker: Asker, model: str, scopes: Sequence[Scope]) -> dict[str, str]:
    """Ask for every option of a model, test those that are granted; return a sentence for each, by ``model: option``.

    Raises:
        BudgetSpent, GaveUp: as every question does.
    """
    options = [o.option for o in standard.negotiation_options(model) if o.option != "reserved"]
    if not options or not scopes:
        return {}
    if asker.door.transport != "dimse":
        return {f"{model}: {o}": str(_by_parameter(asker, o, p, scopes)) for o, p in _parameters(model).items()}
    try:
        accepted = asker.door.greet(model, frozenset(options)).accepted
    except (Unreachable, NotOffered) as error:
        return {model: f"an association that asks for options is refused: {error}"}
    finally:
        asker.door.release(model, frozenset(options))
    out = {}
    for option in options:
        out[f"{model}: {option}"] = str(_test(asker, model, option, scopes)) if option in accepted else REFUSED
    return out


def told(found: Mapping[str, str]) -> dict[str, str]:
    """Return what a profile says of options: ``yes`` and ``no`` where that is certain, and the sentences."""
    by_option: dict[str, list[str]] = {}
    for name, text in found.items():
        _, colon, option = name.partition(": ")
        if colon:
            by_option.setdefault(option, []).append(text)
    out = {}
    for option, texts in by_option.items():
        if any(t.startswith((REFUSED, BROKEN)) for t in texts):
            out[option] = NO
        elif all(t.startswith(HONOURED) for t in texts):
            out[option] = YES
    return out | dict(found)


def _test(asker: Asker, model: str, option: str, scopes: Sequence[Scope]) -> Tried:
    negotiated = frozenset({option})
    try:
        if option not in asker.door.greet(model, negotiated).accepted:
            return Tried(UNDECIDED, "alone it is not granted")
        return _TESTS[option](asker, negotiated, scopes)
    except (Unreachable, NotOffered):
        return Tried(UNDECIDED, "an association that asks for it alone is refused")
    finally:
        asker.door.release(model, negotiated)


def _parameters(model: str) -> dict[str, str]:
    """Return the options that a search can ask for, each with its parameter; one always holds, others have none."""
    return {o.option: o.dicomweb.partition("=")[0] for o in standard.negotiation_options(model)
            if o.dicomweb and o.dicomweb != "always"}  # fmt: skip


def _by_parameter(asker: Asker, option: str, parameter: str, scopes: Sequence[Scope]) -> Tried:
    """Ask with a parameter and nothing else, then test what it promises."""
    scope, options = scopes[0], frozenset({option})
    path = path_of(parameter)
    keys = (Key(path, _OFFSETS[0]),) if path is not None else ()
    plain, asked = _ask(asker, scope, frozenset()), _ask(asker, scope, options, *keys)
    if plain.failure:
        return Tried(UNDECIDED, "a query without keys fails")
    if asked.failure:
        return Tried(REFUSED, f"a query with {parameter} fails ({asked.failure})")
    if parameter in asked.warning:
        return Tried(REFUSED, f"a warning says that {parameter} is not supported")
    if not asked.partial and not _back(plain, scope) <= _back(asked, scope):
        return Tried(BROKEN, f"{parameter} alone leaves entities out")
    return _TESTS[option](asker, options, scopes)


def _ask(
    asker: Asker, scope: Scope, options: frozenset[str], *keys: Key, fixed: bool = True, empties: tuple[Path, ...] = ()
) -> Answer:
    named = {k.path for k in keys}
    narrowing = tuple(k for k in scope.fixed if k.path not in named) if fixed else ()
    return asker.ask(Question(scope.model, scope.level, (*narrowing, *keys), empties, options))


def _back(answer: Answer, scope: Scope) -> set[Id]:
    return set(keep(answer, scope.model, scope.level))


# --- relational queries -----------------------------------------------------------------------------------------------


def _relational(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask below the highest level without the unique keys of the levels above (PS3.4 C.4.1.2.2.1)."""
    lower = [s for s in scopes[1:] if s.rows]
    if not lower:
        return Tried(UNDECIDED, "no entity of a lower level is known")
    for scope in lower:
        unique = path_of(standard.model(scope.model).unique_key(scope.level) or "")  # type: ignore[union-attr]
        identity = next(iter(scope.rows))
        if unique is None:
            return Tried(UNDECIDED, "the level has no unique key")
        everything = _ask(asker, scope, options, fixed=False)
        one = _ask(asker, scope, options, Key(unique, identity[0]), fixed=False)
        none = _ask(asker, scope, options, Key(unique, pairs.impossible("UI")), fixed=False)
        failure = everything.failure or one.failure or none.failure
        if failure:
            return Tried(BROKEN, f"at {scope.level} level a query without the unique keys above fails ({failure})")
        if not everything.partial and not scope.rows.keys() <= _back(everything, scope):
            return Tried(
                BROKEN, f"at {scope.level} level known entities do not come back without the unique keys above"
            )
        if identity not in _back(one, scope) or _back(none, scope):
            return Tried(BROKEN, f"at {scope.level} level keys are not looked at without the unique keys above")
    return Tried(HONOURED, f"without the unique keys above, down to the {lower[-1].level} level")


# --- dates and times --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Moments:
    """Entities of a scope with one day and one time each, the time as six digits."""

    scope: Scope
    date: Path
    time: Path
    at: Mapping[Id, tuple[str, str]]


def _moments(scopes: Sequence[Scope]) -> Iterator[_Moments]:
    for scope in scopes:
        starts = ((f"{_STEP}Date", f"{_STEP}Time"),) if scope.level == "worklist-item" else ()
        for day, clock in (*starts, *((d, standard.time_of(d) or "") for d in _DATES)):
            first, second = path_of(day), path_of(clock)
            found = {
                i: (row[day][0], _six(row[clock][0])) for i, row in scope.rows.items()
                if len(row.get(day, ())) == 1 and len(row.get(clock, ())) == 1
                and _is_day(row[day][0]) and _six(row[clock][0])
            }  # fmt: skip
            if first is not None and second is not None and found:
                yield _Moments(scope, first, second, found)


def _is_day(text: str) -> bool:
    return _day(text, 0) != ""


def _day(text: str, step: int) -> str:
    try:
        return f"{date(int(text[:4]), int(text[4:6]), int(text[6:])) + timedelta(days=step):%Y%m%d}"
    except (ValueError, OverflowError):
        return ""


def _six(text: str) -> str:
    plain = text.strip().partition(".")[0]
    return plain if len(plain) == 6 and plain.isdigit() else ""


def _combined(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask a range across midnights that loses an entity if it is two windows, and one that starts after it.

    PS3.4 C.2.2.2.5.4.
    """
    for found in _moments(scopes):
        for identity, (day, clock) in found.at.items():
            if not "010000" < clock < "230000":
                continue
            outside = "133000-143000" if clock < "120000" else "013000-023000"
            later = f"{int(clock[:2]) + 1:02}5959"
            across = (Key(found.date, f"{_day(day, -1)}-{_day(day, 1)}"), Key(found.time, outside))
            after = (Key(found.date, f"{day}-{_day(day, 1)}"), Key(found.time, f"{later}-235959"))
            kept, left, plain = (
                _ask(asker, found.scope, options, *across), _ask(asker, found.scope, options, *after),
                _ask(asker, found.scope, frozenset(), *across),
            )  # fmt: skip
            failure = kept.failure or left.failure
            if failure:
                return Tried(BROKEN, f"a range of dates with one of times fails ({failure})")
            if kept.partial and identity not in _back(kept, found.scope):
                continue
            if identity not in _back(kept, found.scope):
                return Tried(BROKEN, "date and time are two windows: a range across midnight loses what lies inside")
            if identity in _back(left, found.scope):
                return Tried(BROKEN, "what lies before the first moment of a range comes back")
            also = identity in _back(plain, found.scope) and not plain.failure
            return Tried(HONOURED, "date and time are one interval" + (", also without negotiation" if also else ""))
    return Tried(UNDECIDED, "no entity with a day and a time of day that decides it is known")


def _zone(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask for one moment as the clocks of several zones show it: at most one of them can be the source's."""
    offset = path_of("TimezoneOffsetFromUTC")
    assert offset is not None
    for found in _moments(scopes):
        identity, (day, clock) = next(iter(found.at.items()))
        near = Key(found.time, f"{clock[:4]}00-{clock[:4]}59")
        days = Key(found.date, f"{_day(day, -1)}-{_day(day, 1)}")
        plain = _ask(asker, found.scope, options, days, near)
        if plain.failure or identity not in _back(plain, found.scope):
            continue
        narrow = [_ask(asker, found.scope, options, days, near, Key(offset, o)) for o in _OFFSETS]
        wide = [_ask(asker, found.scope, options, days, Key(offset, o)) for o in _OFFSETS]
        failure = next((a.failure for a in (*narrow, *wide) if a.failure), "")
        if failure:
            return Tried(BROKEN, f"a query that names its time zone fails ({failure})")
        if any(a.partial for a in (*narrow, *wide)):
            continue
        if not all(identity in _back(a, found.scope) for a in wide):
            return Tried(BROKEN, "the time zone of the query is compared with a stored one")
        kept = sum(identity in _back(a, found.scope) for a in narrow)
        if kept == len(_OFFSETS):
            return Tried(BROKEN, "a time of day means the same in every zone that the query names")
        return Tried(HONOURED, "a time of day is read in the zone that the query names")
    return Tried(UNDECIDED, "no entity with a day and a time of day that decides it is known")


# --- names, empty values, several values, views -----------------------------------------------------------------------


def misspelt(name: str) -> tuple[str, ...]:
    """Return names that sound like one, or are like it: another vowel, a doubled letter, two letters exchanged."""
    family, caret, given = name.partition("^")
    out = []
    for i, letter in enumerate(family):
        if i and letter.upper() in "AEIOUY":
            other = {"I": "Y", "Y": "I", "E": "A", "A": "E", "O": "U", "U": "O"}[letter.upper()]
            out.append(family[:i] + (other if letter.isupper() else other.lower()) + family[i + 1 :])
            break
    middle = max(1, len(family) // 2)
    out.append(family[: middle + 1] + family[middle] + family[middle + 1 :])
    if family[middle - 1] != family[middle]:
        out.append(family[: middle - 1] + family[middle] + family[middle - 1] + family[middle + 1 :])
    found = [f"{f}{caret}{given}" for f in out]
    first = given.partition("^")[0]
    return (*found, f"{first}^{family}") if first else tuple(found)


def _fuzzy(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask for names that are not stored, and are like one that is; with the option and without it."""
    path = path_of("PatientName")
    assert path is not None
    for scope in scopes:
        stored = {v.casefold() for row in scope.rows.values() for v in row.get("PatientName", ())}
        for identity, row in scope.rows.items():
            name = next(iter(row.get("PatientName", ())), "").partition("=")[0].rstrip("^ ")
            family = name.partition("^")[0]
            if len(family) < 4 or not family.isascii() or not family.isalpha():
                continue
            nobody = _ask(asker, scope, options, Key(path, "QZXJVK"))
            if nobody.failure:
                return Tried(BROKEN, f"a name fails the query ({nobody.failure})")
            if identity in _back(nobody, scope):
                return Tried(BROKEN, "a name that is like none brings back everything")
            tried = [m for m in misspelt(name) if m.casefold() not in stored]
            for like in tried:
                answer = _ask(asker, scope, options, Key(path, like))
                if answer.failure or identity not in _back(answer, scope):
                    continue
                plain = _ask(asker, scope, frozenset(), Key(path, like))
                if identity in _back(plain, scope):
                    return Tried(HONOURED, "names that are alike bring each other back, also without negotiation")
                return Tried(HONOURED, "a name that is misspelt brings back the one that is stored")
            return Tried(BROKEN, f"of {len(tried)} names that are like a stored one none brings it back")
    return Tried(UNDECIDED, "no name of letters is known that could be misspelt")


def _empty(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask for what is empty: two quotation marks (PS3.4 C.2.2.2.7)."""
    for scope in scopes:
        for name in _MAY_BE_EMPTY:
            path = path_of(name)
            if path is None or name not in scope.shown:
                continue
            without = {i for i, row in scope.rows.items() if not row.get(name)}
            if not without or without == scope.rows.keys():
                continue
            answer = _ask(asker, scope, options, Key(path, '""'))
            if answer.failure:
                return Tried(BROKEN, f"two quotation marks fail the query ({answer.failure})")
            back = _back(answer, scope) & scope.rows.keys()
            if answer.partial and back <= without:
                continue
            if back == without:
                return Tried(HONOURED, "two quotation marks bring back what has no value, and nothing else")
            what = "nothing" if not back else "other rows than those without a value"
            return Tried(BROKEN, f"two quotation marks bring back {what}")
    return Tried(UNDECIDED, "no attribute is known that some entities have a value of and others not")


def _several(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask for two values that one entity has, and for one of them beside one that it has not (PS3.4 C.2.2.2.8)."""
    for scope in scopes:
        for identity, row in scope.rows.items():
            for name, values in row.items():
                path = path_of(name)
                # Values of several items, and lists of UIDs, mean something else.
                if path is None or len(path) > 1 or path[-1].vm == "1" or path[-1].vr not in ("CS", "LO", "SH", "PN"):
                    continue
                plain = [v for v in dict.fromkeys(values) if v.strip() and v.isascii()]
                if len(plain) < 2:
                    continue
                both = _ask(asker, scope, options, Key(path, "\\".join(plain[:2])))
                half = _ask(asker, scope, options, Key(path, f"{plain[0]}\\{pairs.impossible(path[-1].vr)}"))
                failure = both.failure or half.failure
                if failure:
                    return Tried(BROKEN, f"a key with two values fails the query ({failure})")
                if identity not in _back(both, scope):
                    return Tried(BROKEN, "an entity that has both values does not come back")
                if identity in _back(half, scope):
                    return Tried(BROKEN, "an entity that has one of two values comes back")
                return Tried(HONOURED, "only what has each of the values comes back")
    return Tried(UNDECIDED, "no entity with two values of one attribute is known")


def _views(asker: Asker, options: frozenset[str], scopes: Sequence[Scope]) -> Tried:
    """Ask for the classic and the enhanced view of images (PS3.4 C.4.1.2.2.2)."""
    view = path_of("QueryRetrieveView")
    kind = path_of("SOPClassUID")
    if view is None or kind is None:
        return Tried(UNDECIDED, "the view has no key")
    for scope in reversed(scopes):
        if scope.level not in ("series", "image"):
            continue
        answers = [_ask(asker, scope, options, Key(view, name)) for name in ("CLASSIC", "ENHANCED")]
        failure = next((a.failure for a in answers if a.failure), "")
        if failure:
            return Tried(BROKEN, f"a query that names a view fails ({failure})")
        if any(a.partial for a in answers):
            continue
        if _back(answers[0], scope) != _back(answers[1], scope):
            return Tried(HONOURED, f"the two views of one {'series' if scope.level == 'image' else 'study'} differ")
        if any(set(row.get("SOPClassUID", ())) & _ENHANCED for row in scope.rows.values()):
            return Tried(BROKEN, "enhanced images come back in the classic view as well")
    return Tried(UNDECIDED, "no enhanced image is known")


_TESTS: Mapping[str, Callable[[Asker, frozenset[str], Sequence[Scope]], Tried]] = {
    "relational-queries": _relational,
    "combined-date-time": _combined,
    "fuzzy-person-names": _fuzzy,
    "timezone-query-adjustment": _zone,
    "enhanced-multi-frame-image-conversion": _views,
    "empty-value-matching": _empty,
    "multiple-value-matching": _several,
}

"""What a source does with one key: which statement speaks, and what its words mean for this value.

Steps 1 to 3 of the evaluation (``docs/profiles.md``): candidates, choice, value. Where a setting decides that nobody
told, every possibility is kept, and the effect is their join.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce

from worklint.judge.default import default_behaviour
from worklint.judge.place import KeyAt, Place, attribute_rank, place_fits, value_fits, vr_fits
from worklint.judge.value import Sent, strike
from worklint.knowledge.products import measurement
from worklint.knowledge.profile import Behaviour, Statement
from worklint.model import GRADES, Evidence
from worklint.record import frozen, replace

# A statement about a keyword speaks for the kinds that it names; only these fall back to a class (PS3.4 C.2.2.2).
_FALL_BACK = frozenset({"universal", "empty", "fuzzy", "datetime"})
# Classes that hold values which their VR does not admit.
_ILLEGAL = frozenset(
    {"illegal", "unreadable", "not-8-digits", "not-full-time", "not-integer", "bad-range", "has-lower"}
)
_CERTAIN_REFUSAL = GRADES.index("documented")


@frozen
class KeyEffect:
    """What a key, taken alone, does to the answer. ``blocks``: nothing comes back at all."""

    adds: frozenset[str] = frozenset()
    misses: frozenset[str] = frozenset()
    rejected: bool = False
    known: bool = True
    blocks: bool = False

    def also(self, other: KeyEffect) -> KeyEffect:
        """Return the effect where one of the two holds and it is not known which, or both in different queries."""
        adds, misses = self.adds | other.adds, self.misses | other.misses
        if self.rejected != other.rejected:
            adds, misses = adds | {"other"}, misses | {"other"}
        return KeyEffect(
            adds, misses, self.rejected and other.rejected, self.known and other.known, self.blocks and other.blocks
        )


EXACT = KeyEffect()


def best_grade(evidence: Iterable[Evidence]) -> int:
    """Return the index in ``GRADES`` of the best evidence (``assumed`` where there is none)."""
    return min((GRADES.index(e.grade) for e in evidence), default=len(GRADES) - 1)


def effect_of(behaviour: Behaviour, sent: Sent) -> KeyEffect:
    """Return what a behaviour means for this value (``docs/verdicts.md``)."""
    if behaviour.one_of:
        return reduce(KeyEffect.also, (effect_of(b, sent) for b in behaviour.one_of))
    grade = best_grade(behaviour.evidence)
    certain = grade <= _CERTAIN_REFUSAL
    if GRADES[grade] == "issue":
        # Somebody's report may make a promise doubtful; it never makes one.
        return KeyEffect(behaviour.adds | {"other"}, behaviour.misses | {"other"}, known=False)
    if behaviour.does == "applied":
        seen = behaviour.adds - behaviour.open_adds if certain else frozenset()
        adds, misses = strike(behaviour.adds, behaviour.misses, sent, seen)
        if sent.kind == "universal":
            # A key without a value asks for nothing: what it "adds" is what was asked.
            adds = frozenset()
        return KeyEffect(adds, misses)
    if behaviour.does == "ignored":
        return EXACT if sent.kind == "universal" else KeyEffect(adds=frozenset({"ignored"}))
    if behaviour.does == "nothing":
        misses = behaviour.misses or frozenset({"other"})
        return KeyEffect(misses=misses, blocks=True) if certain else KeyEffect(frozenset({"other"}), misses)
    if behaviour.does == "refused":
        if certain:
            return KeyEffect(rejected=True)
        return KeyEffect(frozenset({"other"}), frozenset({"other"}))
    return KeyEffect(frozenset({"other"}), frozenset({"other"}), known=False)


def _specificity(statement: Statement, attribute: int) -> tuple[int, ...]:
    where = statement.where
    return (
        attribute,
        0 if where.kinds else 1,
        0 if where.values else 1,
        -(len(where.settings) + len(where.pair) + len(where.same) + len(where.differs) + bool(where.roles)),
        0 if where.vrs else 1,
        0 if where.levels else 1,
        0 if where.models else 1,
        0 if where.transports else 1,
    )


def _merge(behaviours: list[Behaviour]) -> Behaviour:
    """Put statements together that hold at once: a refusal wins, then nothing, then ignored, else all their reasons."""
    for does in ("refused", "nothing", "ignored"):
        for b in behaviours:
            if b.does == does:
                return b
    first = behaviours[0]
    if len(behaviours) == 1:
        return first
    evidence = tuple(dict.fromkeys(e for b in behaviours for e in b.evidence))
    # Better evidence beside it does not make a report a promise.
    reported = any(GRADES[best_grade(b.evidence)] == "issue" for b in behaviours)
    if reported or any(b.does == "unknown" or b.one_of for b in behaviours):
        return replace(first, does="unknown", one_of=tuple(behaviours), evidence=evidence)
    adds = frozenset().union(*(b.adds for b in behaviours))
    misses = frozenset().union(*(b.misses for b in behaviours))
    # What one of them saw is decided.
    open_adds = adds - frozenset().union(*(b.adds - b.open_adds for b in behaviours))
    open_misses = misses - frozenset().union(*(b.misses - b.open_misses for b in behaviours))
    return replace(first, adds=adds, misses=misses, open_adds=open_adds, open_misses=open_misses, evidence=evidence)


def _kind_fits(statement: Statement, kind: str) -> bool:
    return not statement.where.kinds or kind in statement.where.kinds


def choose(
    statements: Iterable[Statement], place: Place, key: KeyAt, otherwise: Behaviour | None = None
) -> Behaviour | None:
    """Return the behaviour that the statements give to the key, or ``None`` if none of them speaks.

    A keyword goes before a class, a named kind before any, a value class before none, a setting before none. Among
    equals all speak together. ``also`` statements add their reasons to whatever was chosen. ``otherwise`` is what holds
    where perhaps no statement does; the default, if none is given.
    """
    kind, profile = key.sent.kind, place.profile
    candidates: list[tuple[tuple[int, ...], bool, Statement]] = []
    # Whether a keyword is named at all, and for this kind: for certain, or if a setting is what nobody told.
    named: set[bool] = set()
    for_this_kind: set[bool] = set()
    for statement in statements:
        if not statement.speaks_of_key or statement.behaviour.does == "also":
            continue
        rank = attribute_rank(statement.where, key, profile)
        if rank is None or not vr_fits(statement.where, key.sent.vr):
            continue
        here = place_fits(statement.where, place, key.level)
        if here is False:
            continue
        if rank <= 1:
            named.add(here is True)
        if not _kind_fits(statement, kind):
            continue
        if rank <= 1:
            for_this_kind.add(here is True)
        value = value_fits(statement.where, key.sent)
        if value is False:
            continue
        candidates.append((_specificity(statement, rank), here is True and value is True, statement))
    perhaps_silent = bool(named) and True not in for_this_kind and kind not in _FALL_BACK
    if perhaps_silent and True in named and not for_this_kind:
        candidates = [c for c in candidates if c[0][0] <= 1]
        perhaps_silent = False
    candidates.sort(key=lambda c: c[0])
    possible: list[Behaviour] = []
    chosen: Behaviour | None = None
    at = 0
    while at < len(candidates):
        rank_now = candidates[at][0]
        group = [c for c in candidates[at:] if c[0] == rank_now]
        certain = [c[2].behaviour for c in group if c[1]]
        possible += [c[2].behaviour for c in group if not c[1]]
        if certain:
            chosen = _merge(certain)
            break
        at += len(group)
    if chosen is None and not possible:
        return None
    options = [_with_additions(statements, place, key, b) for b in [*([chosen] if chosen else []), *possible]]
    if chosen is None or perhaps_silent:
        # Perhaps none of the possible ones holds: then the default speaks.
        options.append(otherwise or default_behaviour(place, key))
    return options[0] if len(options) == 1 else _one_of(options)


def _one_of(options: list[Behaviour]) -> Behaviour:
    evidence = tuple(dict.fromkeys(e for b in options for e in b.evidence))
    because = "; or ".join(dict.fromkeys(b.because for b in options if b.because))
    returned = {b.returned for b in options}
    return Behaviour(
        "unknown",
        one_of=tuple(options),
        evidence=evidence,
        because=because,
        returned=returned.pop() if len(returned) == 1 else "unknown",
        joins=next((b.joins for b in options if b.joins), None),
        origin=options[0].origin,
    )


def _with_additions(statements: Iterable[Statement], place: Place, key: KeyAt, chosen: Behaviour) -> Behaviour:
    if chosen.does != "applied" or chosen.alone:
        return chosen
    adds, misses, evidence = set(chosen.adds), set(chosen.misses), list(chosen.evidence)
    unsure: list[Behaviour] = []
    grade = best_grade(chosen.evidence)
    for statement in statements:
        extra = statement.behaviour
        if extra.does != "also" or not statement.speaks_of_key:
            continue
        if (
            attribute_rank(statement.where, key, place.profile) is not None
            and vr_fits(statement.where, key.sent.vr)
            and place_fits(statement.where, place, key.level) is not False
            and _kind_fits(statement, key.sent.kind)
            and value_fits(statement.where, key.sent) is not False
        ):
            if not _surely(statement, place, key):
                unsure.append(extra)
                continue
            adds |= extra.adds
            misses |= extra.misses
            # Better evidence for an addition makes what it is added to no surer.
            evidence += [e for e in extra.evidence if e not in evidence and GRADES.index(e.grade) >= grade]
    sure = replace(chosen, adds=frozenset(adds), misses=frozenset(misses), evidence=tuple(evidence))
    if not unsure:
        return sure
    adds |= {r for b in unsure for r in b.adds}
    misses |= {r for b in unsure for r in b.misses}
    return _one_of([sure, replace(sure, adds=frozenset(adds), misses=frozenset(misses))])


def _surely(statement: Statement, place: Place, key: KeyAt) -> bool:
    """Tell if an addition holds for certain: on evidence, and whatever a setting or a parameter turns out to be."""
    return (
        best_grade(statement.behaviour.evidence) <= _CERTAIN_REFUSAL
        and place_fits(statement.where, place, key.level) is True
        and value_fits(statement.where, key.sent) is True
    )


def _returned(statements: Iterable[Statement], place: Place, key: KeyAt) -> tuple[str, bool] | None:
    best: tuple[tuple[int, ...], str, bool] | None = None
    for statement in statements:
        if statement.behaviour.returned == "unknown":
            continue
        rank = attribute_rank(statement.where, key, place.profile)
        if rank is None or not vr_fits(statement.where, key.sent.vr):
            continue
        if place_fits(statement.where, place, key.level) is not True:
            continue
        found = (_specificity(statement, rank), statement.behaviour.returned, statement.behaviour.absent_means_absent)
        if best is None or found[0] < best[0]:
            best = found
    return None if best is None else best[1:]


def _choose(statements: Sequence[Statement], place: Place, key: KeyAt) -> Behaviour | None:
    """Choose; that a key is applied holds for the values of its VR, unless a statement speaks of illegal ones."""
    chosen = choose(statements, place, key)
    if chosen is None or key.sent.legal or key.sent.kind == "wildcard":
        return chosen
    of_illegal = choose(
        [s for s in statements if _ILLEGAL & set(s.where.values) or s.behaviour.does == "also"], place, key
    )
    if of_illegal is not None:
        return of_illegal
    return default_behaviour(place, key) if chosen.does == "applied" or chosen.one_of else chosen


@lru_cache(maxsize=20_000)
def _that_speak_of(place: Place, key: KeyAt) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Return the statements of the site and of the product that can speak of an attribute here, whatever its value."""

    def speaks(statement: Statement) -> bool:
        return (
            attribute_rank(statement.where, key, place.profile) is not None
            and vr_fits(statement.where, key.sent.vr)
            and place_fits(statement.where, place, key.level) is not False
        )

    return tuple(filter(speaks, place.site)), tuple(filter(speaks, place.profile.statements))


@lru_cache(maxsize=2_000)
def _measured(place: Place) -> tuple[tuple[Place, frozenset[str]], ...]:
    """Return the place once for each measurement of such a source, with what was measured as its profile."""
    return tuple(
        (replace(place, profile=measurement(m.file), site=()), m.apart)
        for m in place.profile.measurements
        if place_fits(m.where, place) is True
    )


def _measured_behaviour(measured: Place, nothing_sent: KeyAt, key: KeyAt) -> Behaviour | None:
    """Return what a probe saw the source do with the key; ``None`` if it did not look at such a key or value."""
    statements = _that_speak_of(measured, nothing_sent)[1]
    if not key.sent.legal and key.sent.kind != "wildcard":
        statements = tuple(s for s in statements if _ILLEGAL & set(s.where.values))
    return choose(statements, measured, key)


def completed(
    measured: Behaviour | None, stated: Behaviour | None, apart: frozenset[str] = frozenset(), kind: str = "single"
) -> Behaviour | None:
    """Return what was measured, completed by what the product's file states.

    What a probe saw holds. What it could neither see nor exclude is as the file states it; and so is every further
    reason of the file, which an archive of that day may only not have shown. ``apart`` are reasons of which the file
    alone speaks. Where the two say different things, both are possible.
    """
    if measured is None or measured.does == "unknown":
        return stated
    if stated is None or (stated.does == "unknown" and not stated.one_of):
        return measured
    if stated.one_of:
        return stated
    adds, misses = measured.adds - measured.open_adds - apart, measured.misses - measured.open_misses - apart
    if stated.does != measured.does:
        alike = kind == "universal" and {stated.does, measured.does} == {"ignored", "applied"} and not adds | misses
        # A pattern that is taken literally finds nothing: the file only says why. And where nothing is found, a probe
        # of few values saw some that were lost.
        why = measured.does == "nothing" and stated.does == "applied" and stated.misses
        lost = misses or "other" in measured.open_misses
        few = stated.does == "nothing" and measured.does == "applied" and lost and not adds
        if not (alike or why or few):
            return _one_of([measured, stated])
        adds = misses = frozenset()
    doubtful = GRADES[best_grade(stated.evidence)] in ("issue", "assumed")
    return replace(
        stated,
        adds=stated.adds | adds,
        misses=stated.misses | misses,
        evidence=measured.evidence if doubtful else tuple(dict.fromkeys((*measured.evidence, *stated.evidence))),
    )


def behaviour_at(place: Place, key: KeyAt) -> Behaviour:
    """Return what the source does with the key: the site's word first, then the product's, then the default.

    The product's word is what was measured of it, completed by what its file says.
    """
    nothing_sent = replace(key, sent=Sent("", "", key.sent.vr))
    site, product = _that_speak_of(place, nothing_sent)
    chosen = _choose(site, place, key) if site else None
    if chosen is None:
        chosen = _choose(product, place, key)
        for measured, apart in _measured(place):
            chosen = completed(_measured_behaviour(measured, nothing_sent, key), chosen, apart, key.sent.kind)
    if chosen is None:
        chosen = default_behaviour(place, key)
    if chosen.returned == "unknown" or chosen.origin == "standard":
        back = (_returned(site, place, key) if site else None) or _returned(product, place, key)
        if back is not None:
            chosen = replace(chosen, returned=back[0], absent_means_absent=back[1])
    return chosen

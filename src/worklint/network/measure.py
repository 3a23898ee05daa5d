"""Measure one attribute at one level: ask the pairs, and let the evidence speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from worklint.network import pairs
from worklint.network.ask import Answer, Asker, Key, Question
from worklint.network.evidence import NOT_SEEN, Found, Id, Subject, Trial, infer
from worklint.network.meaning import TEXT, Asked, ask_single
from worklint.network.subjects import About
from worklint.network.survey import Scope, keep

RANGED = frozenset({"DA", "TM", "DT", "IS", "DS"})
PATTERNED = TEXT | {"DA", "TM", "DT", "IS", "DS", "UI"}

Slot = tuple[str, str]
"""A kind of matching and a class of values (empty: all)."""


@dataclass(slots=True)
class Measured:
    """What was found for one attribute at one level of a model."""

    about: About
    found: dict[Slot, Found] = field(default_factory=dict)
    returned: str = "unknown"
    taken_over: bool = False
    full: bool = False


class Bench:
    """Asks the keys of one scope; equal questions are asked once."""

    def __init__(self, asker: Asker, scope: Scope) -> None:
        self.asker = asker
        self.scope = scope
        self._answers: dict[Question, Answer] = {}

    def ask(self, *keys: Key, fixed: bool = True) -> Answer:
        """Ask for keys, beside those that narrow the scope unless one of them is asked for itself."""
        named = {k.path for k in keys}
        narrowing = tuple(k for k in self.scope.fixed if k.path not in named) if fixed else ()
        question = Question(self.scope.model, self.scope.level, (*narrowing, *keys))
        if question not in self._answers:
            self._answers[question] = self.asker.ask(question)
        return self._answers[question]

    def trial(self, about: About, asked: Asked, *beside: Key) -> Trial:
        """Ask one key and return which entities came back."""
        answer = self.ask(*beside, Key(about.path, asked.text))
        rows = keep(answer, self.scope.model, self.scope.level)
        kept = {self._known(i): row for i, row in rows.items()}
        strangers = tuple(
            Subject(i, row[about.name]) for i, row in kept.items() if i not in self.scope.rows and about.name in row
        )
        expected = any(k.path == about.path for k in self.scope.fixed)
        return Trial(asked, frozenset(kept), answer.failure, answer.cut, strangers, expected)

    def _known(self, identity: Id) -> Id:
        """A row may show some of the scheduled steps that stand in one order: that is the same row."""
        if identity in self.scope.rows:
            return identity
        parts = [set(p.split("\\")) for p in identity]
        for known in self.scope.rows:
            whole = [set(p.split("\\")) for p in known]
            if len(whole) == len(parts) and all(p and p <= w for p, w in zip(parts, whole, strict=True)):
                return known
        return identity

    def all_back(self, trial: Trial) -> bool:
        """Tell if a key made no difference: whatever is known came back."""
        if trial.failure:
            return False
        return bool(trial.kept) if trial.cut else bool(self.scope.rows) and self.scope.rows.keys() <= trial.kept


def screen(bench: Bench, abouts: Sequence[About], many: int = 12) -> list[Measured]:
    """Ask for values that cannot exist; where everything comes back the keys are ignored, and that is all to know.

    Several keys go out at once: if all entities come back none of them is looked at; else they are asked in halves. At
    a source that looks at nearly everything this ends after the first group.
    """
    out: list[Measured] = []
    for start in range(0, len(abouts), many):
        group = list(abouts[start : start + many])
        ignored = _ignored(bench, group, 0)
        patterned = set(_ignored(bench, [a for a in ignored if _kinds(a.vr)], 1))
        out += [_as_ignored(a) for a in ignored if not _kinds(a.vr) or a in patterned]
        if many > 1 and len(ignored) * 4 < len(group):
            break
    return out


def _ignored(bench: Bench, abouts: list[About], turn: int) -> list[About]:
    """Return those of the attributes that are ignored: asked by one value (0), or by a pattern or a range (1)."""
    if not abouts:
        return []
    keys = []
    for about in abouts:
        single = pairs.impossible(about.vr)
        keys.append(Key(about.path, _far(_kinds(about.vr)[-1], about.vr).text if turn else single))
    answer = bench.ask(*keys)
    rows = keep(answer, bench.scope.model, bench.scope.level)
    if bench.all_back(Trial(ask_single("LO", ""), frozenset(rows), answer.failure, answer.cut)):
        return abouts
    if len(abouts) == 1:
        return []
    half = len(abouts) // 2
    return _ignored(bench, abouts[:half], turn) + _ignored(bench, abouts[half:], turn)


def _as_ignored(about: About) -> Measured:
    found = Found("ignored", trials=2, why="values that cannot exist bring back everything")
    return Measured(about, {(kind, ""): found for kind in ("single", *_kinds(about.vr))})


def _kinds(vr: str) -> tuple[str, ...]:
    if vr == "UI":
        return ("wildcard", "list-of-uid")
    return tuple(k for k, vrs in (("wildcard", PATTERNED), ("range", RANGED)) if vr in vrs)


def _far(kind: str, vr: str) -> Asked:
    from worklint.network.meaning import ask_range

    value = pairs.impossible(vr)
    if kind == "range":
        return ask_range(vr, value, value)
    if kind == "list-of-uid":
        return Asked(kind, vr, f"{value}\\{value}.2")
    return Asked(kind, vr, f"{value[:4]}*")


FULL, LEAN, PAIR = "full", "lean", "pair"
"""How deep an attribute is measured: every way of comparing, the coarse ones, or one pair."""


Decided = Callable[[str], frozenset[str]]
"""Takes a kind of matching; returns what was decided at other attributes, and need not be asked here."""


def detail(bench: Bench, about: About, depth: str = FULL, decided: Decided = lambda kind: pairs.NOTHING) -> Measured:
    """Ask the pairs of every kind of matching that a worklist can ask of the attribute."""
    scope, vr, lean = bench.scope, about.vr, depth != FULL
    subjects = scope.subjects(about)
    stored = scope.stored(about)
    below = any(s.scattered for s in subjects) or _is_below(scope, about)
    out = Measured(about, full=depth == FULL)

    def conclude(kind: str, trials: Sequence[Trial]) -> Found:
        return infer(
            trials, subjects, pairs.possible_adds(kind, vr, about.several),
            pairs.possible_misses(kind, vr, about.several, below), scope.complete,
        )  # fmt: skip

    if not any(stored) and depth == FULL:
        # Without a value to ask for there is nothing to tell an exact source from one that answers nothing.
        nobody = Found("unknown", status="excludes", why=f"{NOT_SEEN}: no entity shows a value")
        if about.required:
            nobody = conclude("single", [bench.trial(about, ask_single(vr, pairs.impossible(vr)))])
        out.found = {(kind, ""): nobody for kind in ("single", *_kinds(vr))}
        return out
    keys = pairs.single(vr, stored, lean, decided("single"))
    first = tuple(dict.fromkeys((*keys[:1], keys[-1])))
    trials = [bench.trial(about, a) for a in first]
    # A key that is refused or answered with nothing does not say more when it is asked more often.
    quiet = depth == LEAN and conclude("single", trials).does in ("nothing", "refused")
    if depth != PAIR and not quiet:
        trials += [bench.trial(about, a) for a in keys if a not in first]
    lower = [t for t in trials if not t.asked.legal and vr == "CS" and t.asked.text != t.asked.text.upper()]
    legal = [t for t in trials if t.asked.legal]
    # How letters are compared shows at a lower case value too, legal or not, if the source takes it at all.
    as_evidence = lower if all(not t.failure for t in lower) else []
    usual = out.found[("single", "")] = conclude("single", [*legal, *as_evidence])
    if vr == "CS" and lower:
        out.found[("single", "has-lower")] = _knowing(conclude("single", lower), usual)
    bad = [t for t in trials if not t.asked.legal and t not in lower]
    if bad:
        out.found[("single", "illegal")] = _knowing(conclude("single", bad), usual)
    if depth == PAIR:
        return out
    if vr in PATTERNED:
        asked = pairs.wildcard(vr, stored, lean, decided("wildcard"))
        _patterns(bench, about, asked[-2 if quiet else 0 :], conclude, out)
    if vr in RANGED:
        shapes = pairs.ranges(vr, stored, lean)
        _ranges(bench, about, dict(list(shapes.items())[-1:]) if quiet else shapes, conclude, out)
        swapped = None if lean else pairs.bad_range(vr, stored)
        if swapped is not None:
            trial = bench.trial(about, swapped)
            nothing = Found("applied", trials=1, why="a range with its ends swapped brings nothing back")
            out.found[("range", "bad-range")] = conclude("range", [trial]) if trial.failure or trial.kept else nothing
    if vr == "UI":
        trials = [bench.trial(about, a) for a in pairs.uid_lists(stored)]
        out.found[("list-of-uid", "")] = conclude("list-of-uid", trials)
    return out


def _knowing(found: Found, usual: Found) -> Found:
    """Leave out what was decided at other values of the attribute."""
    return replace(
        found, open_adds=found.open_adds - usual.excluded_adds, open_misses=found.open_misses - usual.excluded_misses,
    )  # fmt: skip


Conclude = Callable[[str, Sequence[Trial]], Found]


def _patterns(bench: Bench, about: About, asked: Sequence[Asked], conclude: Conclude, out: Measured) -> None:
    """Ask patterns; what is seen only with question marks, small letters or a lone asterisk is said of those."""
    vr = about.vr
    trials = [bench.trial(about, a) for a in asked]
    star = [t for t in trials if t.asked.text == "*"]
    marked = [t for t in trials if "?" in t.asked.text]
    rest = [t for t in trials if t not in star and t not in marked]
    # A pattern with small letters may be no legal code; that it is refused says nothing of others.
    small = [t for t in rest if t.failure and vr == "CS" and t.asked.text != t.asked.text.upper()]
    if small and len(small) < len(rest):
        rest = [t for t in rest if t not in small]
        out.found[("wildcard", "has-lower")] = conclude("wildcard", small)
    usual, one_each, every = (conclude("wildcard", t) for t in (rest, marked, [*rest, *marked]))
    if not marked or (one_each.blamed <= usual.blamed and one_each.does == usual.does == every.does):
        out.found[("wildcard", "")] = every
    else:
        out.found[("wildcard", "")] = _knowing(usual, one_each) if one_each.does == usual.does else usual
        out.found[("wildcard", "question-mark")] = _knowing(one_each, usual)
    if not star:
        return
    slot = ("universal", "lone-asterisk") if vr in TEXT else ("wildcard", "lone-asterisk")
    out.found[slot] = _star(conclude("universal" if vr in TEXT else "wildcard", star))


def _ranges(
    bench: Bench, about: About, asked: Mapping[str, Sequence[Asked]], conclude: Conclude, out: Measured
) -> None:
    """Ask ranges; shapes that behave alike are one finding, in which each counts as evidence for the others."""
    shapes = {shape: [bench.trial(about, a) for a in ranges] for shape, ranges in asked.items() if ranges}
    every = conclude("range", [t for trials in shapes.values() for t in trials])
    each = {shape: conclude("range", trials) for shape, trials in shapes.items()}
    alike = all(f.does == every.does and f.blamed == every.blamed and f.status == every.status for f in each.values())
    if alike or every.does == "nothing":
        out.found[("range", "")] = every
    else:
        for shape, found in each.items():
            out.found[("range", shape)] = found


def _star(found: Found) -> Found:
    """What a lone asterisk "adds" are entities without the value: an empty key means to bring them back as well."""
    return replace(found, adds=frozenset(), open_adds=frozenset())


def _is_below(scope: Scope, about: About) -> bool:
    from worklint.knowledge import standard

    levels = standard.model(scope.model).levels  # type: ignore[union-attr]
    return about.home in levels and levels.index(about.home) > levels.index(scope.level)

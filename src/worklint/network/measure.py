"""Measure one attribute at one level: ask the pairs, and let the evidence speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from worklint.network import pairs
from worklint.network.ask import Answer, Asker, Key, Question
from worklint.network.evidence import (
    EXCLUDES,
    LOST,
    NOT_SEEN,
    UNSEEN,
    Found,
    Id,
    Subject,
    Trial,
    infer,
    is_bare,
    knowing,
)
from worklint.network.meaning import TEXT, Asked, ask_single, class_of, matches, narrowed, widened
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
        self.failing: dict[str, set[About]] = {}
        """By kind of matching, attributes without a value that are known to fail a query."""
        self.finds_nothing: dict[tuple[str | None, str, str], list[bool]] = {}
        """By home level, class of VR and kind: whether what cannot exist found nothing, whenever it was asked."""
        self.short = ""
        """The status with which texts of one or two characters fail; nothing if they do not."""
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
        kept = {self.known(i): row for i, row in rows.items()}
        strangers = tuple(
            Subject(i, row[about.name]) for i, row in kept.items() if i not in self.scope.rows and about.name in row
        )
        expected = any(k.path == about.path for k in self.scope.fixed)
        return Trial(asked, frozenset(kept), answer.failure, answer.partial, strangers, expected)

    def answers(self) -> tuple[tuple[Question, Answer], ...]:
        """Return all questions so far with their answers."""
        return tuple(self._answers.items())

    def known(self, identity: Id) -> Id:
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
    a source that looks at nearly everything this ends with a few: what is not asked is not stated.
    """
    out: list[Measured] = []
    for start in range(0, len(abouts), many):
        group = list(abouts[start : start + many])
        if many > _FEW and len(_ignored(bench, group, 0, whole=True)) < len(group):
            some = group[:: max(1, len(group) // _FEW)]
            if not any(_ignored(bench, [a], 0) for a in some):
                break
        ignored = _ignored(bench, group, 0)
        patterned = set(_ignored(bench, [a for a in ignored if _kinds(a.vr)], 1))
        out += [_as_ignored(a) for a in ignored if not _kinds(a.vr) or a in patterned]
        if many > 1 and len(ignored) * 4 < len(group):
            break
    return out


_FEW = 4


def _ignored(bench: Bench, abouts: list[About], turn: int, whole: bool = False) -> list[About]:
    """Return those of the attributes that are ignored: asked by one value (0), or by a pattern or a range (1).

    ``whole``: all of them or none, by one query.
    """
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
    if len(abouts) == 1 or whole:
        return []
    half = len(abouts) // 2
    return _ignored(bench, abouts[:half], turn) + _ignored(bench, abouts[half:], turn)


def failing(bench: Bench, abouts: Sequence[About], kind: str, many: int = 16) -> set[About]:
    """Return those of the attributes that may fail a query of a kind of matching: together with others of their VR."""

    def fails(some: Sequence[About]) -> bool:
        return bool(bench.ask(*(Key(a.path, _far(kind, a.vr).text) for a in some)).failure)

    out: set[About] = set()
    found = sorted((a for a in abouts if kind in _kinds(a.vr)), key=lambda a: a.vr)
    for start in range(0, len(found), many):
        group = found[start : start + many]
        if fails(group):
            of_vr = [[a for a in group if a.vr == vr] for vr in dict.fromkeys(a.vr for a in group)]
            out |= {a for some in of_vr if len(of_vr) == 1 or fails(some) for a in some}
    return out


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


Conclude = Callable[[str, Sequence[Trial]], Found]

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
        return _without_values(bench, about, conclude)
    web = bench.asker.door.transport == "dicomweb" and vr in TEXT
    *keys, nowhere = pairs.single(vr, stored, lean, decided("single"), web)
    trials = [bench.trial(about, a) for a in keys[:1]]
    if not trials or trials[0].failure or not _tells(trials[0], subjects):
        trials.append(bench.trial(about, nowhere))
    if trials[0].asked != nowhere and not trials[0].kept and not trials[0].failure:
        # That one value was not found does not say that none is.
        trials += [bench.trial(about, a) for a in _another(keys[0], subjects, web)]
    so_far = conclude("single", trials)
    if so_far.does == "ignored" and about in _ignored(bench, [about], 1):
        return _as_ignored(about)
    # A key that is refused or answered with nothing does not say more when it is asked more often.
    quiet = depth == LEAN and (so_far.does in ("nothing", "refused") or so_far.status == LOST)
    if depth != PAIR and not quiet:
        asked = {t.asked for t in trials}
        trials += [bench.trial(about, a) for a in keys if a not in asked]
    trials = _but_short(trials, "single", bench, out)
    lower = [t for t in trials if not t.asked.legal and vr == "CS" and t.asked.text != t.asked.text.upper()]
    legal = [t for t in trials if t.asked.legal]
    # How letters are compared shows at a lower case value too, legal or not, if the source takes it at all.
    as_evidence = lower if all(not t.failure for t in lower) else []
    usual = out.found[("single", "")] = conclude("single", [*legal, *as_evidence])
    if web and usual.does != "refused":
        _by_coding(out, legal, subjects, conclude, Found(
            "applied", open_adds=pairs.possible_adds("single", vr, about.several) | {"other"},
            open_misses=pairs.possible_misses("single", vr, about.several, below) | {"other"},
            why=f"{NOT_SEEN}: no such value is stored",
        ))  # fmt: skip
    if vr == "CS" and lower:
        small = knowing(conclude("single", lower), usual)
        if small.status == EXCLUDES and usual.does == "applied":
            # Nothing says that small letters are found where they are stored; that others are not, the pairs say.
            small = replace(usual, open_misses=usual.open_misses | {"other"}, trials=small.trials)
        out.found[("single", "has-lower")] = small
    bad = [t for t in trials if not t.asked.legal and t not in lower]
    if bad:
        out.found[("single", "illegal")] = knowing(conclude("single", bad), usual)
    if depth == PAIR:
        return out
    if vr in PATTERNED:
        patterns = pairs.wildcard(vr, stored, lean, decided("wildcard"))
        _patterns(bench, about, [*patterns[:1], *patterns[1:][-1:]] if quiet else patterns, conclude, out)
    if vr in RANGED:
        shapes = pairs.ranges(vr, stored, lean)
        _ranges(bench, about, dict(list(shapes.items())[-1:]) if quiet and usual.does != "nothing" else shapes,
                conclude, out)  # fmt: skip
        swapped = None if lean else pairs.bad_range(vr, stored)
        if swapped is not None:
            trial = bench.trial(about, swapped)
            nothing = Found("applied", trials=1, why="a range with its ends swapped brings nothing back")
            out.found[("range", "bad-range")] = conclude("range", [trial]) if trial.failure or trial.kept else nothing
    if vr == "UI":
        trials = [bench.trial(about, a) for a in pairs.uid_lists(stored, lean)]
        out.found[("list-of-uid", "")] = conclude("list-of-uid", trials)
    return out


_SAMPLE = 2
"""Attributes of a home and a class that are asked by a pattern or a range before they speak for the others."""


def _without_values(bench: Bench, about: About, conclude: Conclude) -> Measured:
    """Measure an attribute of which no entity shows a value, by values that cannot exist.

    There is no value to ask for, which alone tells a source that compares from one that answers nothing. That it does
    not ignore the key shows.
    """
    out = Measured(about, full=True)
    alone = bench.trial(about, ask_single(about.vr, pairs.impossible(about.vr)))
    single = out.found[("single", "")] = _of_nobody(bench, "single", alone, conclude)
    for kind in _kinds(about.vr):
        asked = bench.finds_nothing.setdefault((about.home, class_of(about.vr), kind), [])
        fails = about in bench.failing.get(kind, ())
        if fails or single.status != UNSEEN or len(asked) < _SAMPLE or not all(asked):
            found = _of_nobody(bench, kind, bench.trial(about, _far(kind, about.vr)), conclude)
            asked += [found.status == UNSEEN] if not fails else []
        else:
            found = replace(single, trials=0)
        out.found[(kind, "")] = found
    return out


def _of_nobody(bench: Bench, kind: str, trial: Trial, conclude: Conclude) -> Found:
    if trial.failure:
        return conclude(kind, [trial])
    if bench.all_back(trial):
        return Found("ignored", trials=1, why="values that cannot exist bring back everything")
    if trial.kept or trial.strangers or trial.cut:
        return Found("unknown", trials=1, why=f"{NOT_SEEN}: no entity shows a value, and some come back")
    return Found("unknown", status=UNSEEN, trials=1, why=f"{NOT_SEEN}: no entity shows a value")


def _tells(trial: Trial, subjects: Sequence[Subject]) -> bool:
    """Tell if the answer shows whether the key is looked at: something that it has to leave out was left out."""
    return any(
        s.values is not None and s.id not in trial.kept and not trial.cut and not matches(trial.asked, s.values)
        for s in subjects
    )


def _another(first: Asked, subjects: Sequence[Subject], web: bool) -> list[Asked]:
    """Return a further stored value to ask for, the plainest one that there is; over HTTP one of each coding."""
    others = [ask_single(first.vr, v) for v in pairs.distinct(first.vr, [s.values or () for s in subjects])]
    others = [a for a in others if a.text != first.text]
    others.sort(key=lambda a: (not any(is_bare(a, s) for s in subjects), not a.text.isascii()))
    if not web:
        return others[:1]
    kinds = (pairs.is_coded(first.text), not pairs.is_coded(first.text))
    return [a for coded in kinds for a in [o for o in others if pairs.is_coded(o.text) == coded][:1]]


def _by_coding(
    out: Measured, trials: Sequence[Trial], subjects: Sequence[Subject], conclude: Conclude, untested: Found
) -> None:
    """Tell values apart that a URL holds as they are from those that are percent-encoded in it (RFC 3986 2.1)."""
    groups = {is_coded: [t for t in trials if pairs.is_coded(t.asked.text) == is_coded] for is_coded in (False, True)}
    stored = {
        is_coded: any(matches(t.asked, s.values) for t in group for s in subjects if s.values)
        for is_coded, group in groups.items()
    }
    plain, coded = (conclude("single", groups[c]) if stored[c] else untested for c in (False, True))
    if stored[False] and stored[True] and (plain.does, plain.blamed) == (coded.does, coded.blamed):
        plain = coded = out.found[("single", "")]
    out.found[("single", "")] = plain
    out.found[("single", "percent-encoded")] = coded


@dataclass(frozen=True, slots=True)
class Joint:
    """Two keys at once: entities that have to come back, and all that may."""

    keys: tuple[Key, Key]
    kept: frozenset[Id]
    possible: frozenset[Id]


def joint(scope: Scope, first: About, one: Found, second: About, other: Found) -> Joint | None:
    """Return two keys of which each alone has to leave out an entity that the other keeps, or ``None``.

    ``one`` and ``other`` are what is known of them elsewhere; values whose outcome that could explain either way are
    not used.
    """
    for asked in _certain(scope, first, one):
        for beside in _certain(scope, second, other):
            kept, possible = asked.kept & beside.kept, asked.possible & beside.possible
            if kept and beside.kept - asked.possible and asked.kept - beside.possible:
                return Joint((asked.key, beside.key), kept, possible)
    return None


@dataclass(frozen=True, slots=True)
class _Sure:
    key: Key
    kept: frozenset[Id]
    possible: frozenset[Id]


def _certain(scope: Scope, about: About, found: Found) -> list[_Sure]:
    """Return a few keys of an attribute with what surely comes back to each, and what can."""
    subjects = scope.subjects(about)
    if any(s.values is None for s in subjects):
        return []
    out = []
    for text in pairs.distinct(about.vr, [s.values or () for s in subjects])[:6]:
        asked = ask_single(about.vr, text)
        if not text.isascii():
            continue
        held = {s.id: s.values or () for s in subjects if matches(asked, s.values or ())}
        kept = {i for i, v in held.items() if not narrowed(asked, v) & (found.misses | found.open_misses)}
        may = {s.id for s in subjects if any(w <= found.adds | found.open_adds for w in widened(asked, s.values or ()))}
        out.append(_Sure(Key(about.path, text), frozenset(kept), frozenset(held) | may))
    return out


def returned(scope: Scope, about: About) -> str:
    """Return how values come back of what entities were seen to have: whole, in part, others, or not at all."""
    from worklint.knowledge import standard

    if about.name not in scope.came:
        return "no"
    if about.name in scope.partly:
        return "unknown"
    levels = standard.model(scope.model).levels  # type: ignore[union-attr]
    below = about.home in levels and levels.index(about.home) > levels.index(scope.level)
    if about.name not in scope.shown:
        return "unknown"
    if not below:
        return "whole"
    kinds = set()
    for subject in scope.subjects(about):
        if subject.values is None:
            continue
        back, held = set(scope.rows[subject.id].get(about.name, ())), set(subject.values)
        kinds.add("whole" if back == held else "part" if back < held else "other")
    return "other" if "other" in kinds else "part" if "part" in kinds else "whole" if kinds else "unknown"


def without_value(bench: Bench, about: About, theirs: Found) -> bool:
    """Tell if a value that cannot exist comes to what it came to elsewhere, where no entity has one to ask for."""
    trial = bench.trial(about, ask_single(about.vr, pairs.impossible(about.vr)))
    if trial.failure or theirs.does == "refused":
        return theirs.does == "refused" and theirs.status == trial.failure
    back = bench.all_back(trial)
    return back == (theirs.does == "ignored") or (back and "empty" in theirs.adds | theirs.open_adds)


def other_kinds_hold(
    bench: Bench, about: About, known: Measured, each: bool, held: dict[tuple[str, str | None, str, str], bool]
) -> bool:
    """Tell if patterns and ranges come to what they come to elsewhere, by one query each.

    Unless ``each`` attribute is asked, one of a VR and a home speaks for the others: ``held`` keeps what it said.
    """
    for kind in dict.fromkeys(k for k, _ in known.found if k in ("wildcard", "range")):
        key = (bench.scope.level, about.home, about.vr, kind)
        if each or not held.get(key, False):
            same = same_kind(bench, about, known, kind)
            if same is not None:
                held[key] = same
            if same is False:
                return False
    return True


def same_kind(bench: Bench, about: About, known: Measured, kind: str) -> bool | None:
    """Ask one pattern or range, and tell if it comes to what is known of that kind elsewhere; ``None``: no telling.

    Values whose outcome that could explain either way are not asked.
    """
    stored, vr = bench.scope.stored(about), about.vr
    shaped = {"": pairs.wildcard(vr, stored, True)} if kind == "wildcard" else pairs.ranges(vr, stored)
    for shape, several in shaped.items():
        found = known.found.get((kind, shape)) or known.found.get((kind, ""))
        if found is None or found.does not in ("applied", "ignored", "refused"):
            continue
        for asked in several:
            sure = _outcome(bench.scope, about, asked, found)
            if sure is None:
                continue
            trial = bench.trial(about, asked)
            if found.does == "refused":
                return trial.failure == found.status
            if trial.failure or trial.cut:
                return False if trial.failure else None
            return sure.kept <= trial.kept & bench.scope.rows.keys() <= sure.possible
    return None


def _outcome(scope: Scope, about: About, asked: Asked, found: Found) -> _Sure | None:
    """Return what surely comes back to a key and what can, if it can tell whether the key is looked at."""
    subjects = scope.subjects(about)
    everything = frozenset(scope.rows)
    key = Key(about.path, asked.text)
    if found.does == "refused":
        return _Sure(key, frozenset(), everything)
    if asked.text == "*" or any(s.values is None for s in subjects):
        return None
    held = {s.id: s for s in subjects if matches(asked, s.values or ())}
    if found.does == "ignored":
        return _Sure(key, everything, everything) if len(held) < len(everything) else None
    losing = found.misses | found.open_misses
    kept = {i for i, s in held.items() if not narrowed(asked, s.values or (), s.scattered) & losing}
    may = {s.id for s in subjects if any(w <= found.adds | found.open_adds for w in widened(asked, s.values or ()))}
    possible = frozenset(held) | may
    return _Sure(key, frozenset(kept), possible) if kept and possible < everything else None


def _patterns(bench: Bench, about: About, asked: Sequence[Asked], conclude: Conclude, out: Measured) -> None:
    """Ask patterns; what is seen only with question marks, small letters or a lone asterisk is said of those."""
    vr = about.vr
    trials: list[Trial] = []
    for one in asked:
        if len(trials) > 1 and all(t.failure for t in trials) and vr not in TEXT:
            # A pattern where none is defined: what fails twice fails.
            break
        trials.append(bench.trial(about, one))
    if not any(t.kept or t.failure for t in trials if t.asked.text != "*"):
        # That one pattern finds nothing does not say that none does.
        trials += [bench.trial(about, a) for a in pairs.further_pattern(vr, bench.scope.stored(about), asked)]
    if all(t.failure for t in trials) and vr in TEXT and all(len(_fixed(t.asked)) < _SHORT for t in trials):
        # Some sources fail short texts, with wild cards or without.
        trials.append(bench.trial(about, Asked("wildcard", vr, f"{pairs.impossible(vr)}*")))
    trials = _but_short(trials, "wildcard", bench, out)
    star = [t for t in trials if t.asked.text == "*"]
    marked = [t for t in trials if "?" in t.asked.text]
    rest = [t for t in trials if t not in star and t not in marked]
    # A pattern with small letters may be no legal code; that it is refused says nothing of others.
    small = [t for t in (*rest, *marked) if t.failure and vr == "CS" and t.asked.text != t.asked.text.upper()]
    marked = [t for t in marked if t not in small]
    if small and all(t in small for t in rest):
        rest.append(bench.trial(about, Asked("wildcard", vr, small[0].asked.text.upper())))
    if small:
        rest = [t for t in rest if t not in small]
        out.found[("wildcard", "has-lower")] = conclude("wildcard", small)
    usual, one_each, every = (conclude("wildcard", t) for t in (rest, marked, [*rest, *marked]))
    undecided = one_each.does == "unknown" and one_each.status == EXCLUDES
    if not marked or undecided or (one_each.blamed <= usual.blamed and one_each.does == usual.does == every.does):
        out.found[("wildcard", "")] = every
    else:
        out.found[("wildcard", "")] = knowing(usual, one_each) if one_each.does == usual.does else usual
        out.found[("wildcard", "question-mark")] = knowing(one_each, usual)
    if vr == "CS" and out.found[("wildcard", "")].does in ("applied", "nothing"):
        if not any(t.asked.text != t.asked.text.upper() for t in trials):
            # Small letters make no legal code: a source that finds nothing by patterns may still refuse such a one.
            lower = bench.trial(about, Asked("wildcard", vr, "*qzxj", legal=False))
            if lower.failure:
                out.found[("wildcard", "has-lower")] = conclude("wildcard", [lower])
        odd = bench.trial(about, Asked("wildcard", vr, "QZX^J*", legal=False))
        if odd.failure:
            why = "a pattern with a character that no code has fails the query, and others may"
            out.found[("wildcard", "illegal")] = Found("unknown", status=odd.failure, trials=1, why=why)
    if not star:
        return
    slot = ("universal", "lone-asterisk") if vr in TEXT else ("wildcard", "lone-asterisk")
    out.found[slot] = _star(conclude("universal" if vr in TEXT else "wildcard", star))


def is_short(text: str) -> bool:
    """Tell if a text is short as a profile means it (value class ``short``)."""
    return len(text.strip("*?")) < _FEW_CHARACTERS


def _but_short(trials: Sequence[Trial], kind: str, bench: Bench, out: Measured) -> list[Trial]:
    """Leave out what failed for being short, where such texts fail, and say so."""
    failed = [t for t in trials if bench.short and t.failure and is_short(t.asked.text) and t.asked.vr in TEXT]
    if failed:
        out.found[(kind, "short")] = Found("refused", status=bench.short, trials=len(failed), why=FAILS_SHORT)
    return [t for t in trials if t not in failed]


FAILS_SHORT = "texts of one or two characters fail the query"
_FEW_CHARACTERS = 3


def _fixed(asked: Asked) -> str:
    return asked.text.replace("*", "").replace("?", "")


_SHORT = 5


def _ranges(
    bench: Bench, about: About, asked: Mapping[str, Sequence[Asked]], conclude: Conclude, out: Measured
) -> None:
    """Ask ranges; shapes that behave alike are one finding, in which each counts as evidence for the others."""
    shapes = {shape: [bench.trial(about, a) for a in ranges] for shape, ranges in asked.items() if ranges}
    every = conclude("range", [t for trials in shapes.values() for t in trials])
    each = {shape: conclude("range", trials) for shape, trials in shapes.items()}
    if "open-start" in each and sum(1 for s in bench.scope.stored(about) if not s) < _WITHOUT_VALUE:
        # A range without a start may hold a value of zero length, and none that is absent: in a row they look alike.
        each["open-start"] = each["open-start"].leaving_open("empty")
        every = every.leaving_open("empty")
    if "open-end" in each:
        # Nothing comes after its last moment.
        each["open-end"] = replace(each["open-end"], open_adds=each["open-end"].open_adds - {"prefix"})
    alike = all(f.does == every.does and f.blamed == every.blamed and f.status == every.status for f in each.values())
    if alike or every.does == "nothing":
        out.found[("range", "")] = every
    else:
        for shape, found in each.items():
            out.found[("range", shape)] = found


_WITHOUT_VALUE = 4
"""Entities without a value that a range without a start has to leave out before it is said to add none."""


def _star(found: Found) -> Found:
    """What a lone asterisk "adds" are entities without the value: an empty key means to bring them back as well."""
    return replace(found, adds=frozenset(), open_adds=frozenset())


def _is_below(scope: Scope, about: About) -> bool:
    from worklint.knowledge import standard

    levels = standard.model(scope.model).levels  # type: ignore[union-attr]
    return about.home in levels and levels.index(about.home) > levels.index(scope.level)

"""What keys do to one another, measured in pairs, and whether an accepted option does what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worklint.knowledge import standard
from worklint.network import pairs
from worklint.network.ask import Key, Question, name_of
from worklint.network.evidence import LOST
from worklint.network.measure import Bench
from worklint.network.subjects import PRIVATE, About, path_of, subjects
from worklint.network.survey import Scope, identities, keep

if TYPE_CHECKING:
    from worklint.network.probe import Record

MOST_PAIRS = 18
MOST_CROSSED = 15
_MOST_OTHERS = 5


@dataclass(frozen=True, slots=True)
class Together:
    """An interaction that was seen, or looked for and not seen.

    ``what``: ``parent`` (nothing names that level above; without ``first``: any), ``parent-pattern``, ``parent-list``,
    ``parent-empty`` (something else than a single value names it), ``cap`` (rows at most), ``wants`` (every query has
    to name one of these), ``steps`` (which scheduled steps of an order come back), ``private``, ``empties``,
    ``undecided`` (nothing shows at that level), ``date-time``, ``one-series``, ``beside`` (``first`` is there,
    ``second`` is no longer looked at, or the query fails), ``either`` (of several keys one is enough), ``nobody`` (what
    nobody has is asked for, and everything comes), ``many`` (so many keys fail), ``short`` (texts of one or two
    characters fail). ``does`` is the outcome.
    """

    what: str
    model: str
    level: str
    does: str
    first: str = ""
    second: str = ""
    status: str = ""


def undecided(model: str, levels: Sequence[str], status: str = "") -> list[Together]:
    """Return that at some levels nothing can be seen: what the standard promises is not believed there either."""
    return [Together("undecided", model, level, "unknown", status=status) for level in levels]


def measure(
    bench: Bench, record: Record, scope: Scope, applied: Sequence[About], sister: str | None = None
) -> None:  # fmt: skip
    """Measure the interactions of one level; ``sister`` is a model of the same entities that was measured before."""
    seen: list[Together] = []
    place = record.measured.get((scope.model, scope.level), {})
    silent = [m.about for m in place.values() if (f := m.found.get(("single", ""))) and f.does == "nothing"]
    levels = standard.model(scope.model).levels  # type: ignore[union-attr]
    top = scope.level == levels[0]
    # What keys of a sister model did to one another is looked for in this one first; what they did not, in a sample.
    theirs = [t for t in record.together if t.model == sister]
    sample = sister is not None and not any(t.what == "beside" for t in theirs)
    if top:
        wakers = None if sister is None else {t.first for t in theirs if t.what == "woken"}
        seen += _silent(bench, scope, applied, silent, wakers)
    seen += _beside(bench, scope, applied, sample)
    lost = {m.about for m in place.values() if (f := m.found.get(("single", ""))) and f.status == LOST}
    seen += _two_below(bench, scope, [a for a in applied if a not in lost])
    for step in (_parents, _private, _date_and_time, _several_steps):
        seen += step(bench, scope, applied)
    record.together += seen


def _said(scope: Scope, what: str, does: str, first: str = "", second: str = "", status: str = "") -> Together:
    return Together(what, scope.model, scope.level, does, first, second, status)


def _parents(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Ask below the highest level without the unique keys of the levels above (PS3.4 C.4.1.2.1), each and all.

    Another form of such a key may do where a single value does: a list of UIDs, a pattern, a key without value.
    """
    found = standard.model(scope.model)
    parents = found.unique_keys[: found.levels.index(scope.level)] if found else ()
    named = [k for k in scope.fixed if name_of(k.path) in parents]
    if len(named) < len(parents) or not named:
        return []
    # Keys of upper levels: a source that finds entities by these may not want a unique key.
    others = [a for a in subjects(scope.model, scope.level) if not a.unique and not a.parent]
    wanted = {a.name for a in subjects(scope.model, found.levels[0]) if a.required} if found else set()
    others.sort(key=lambda a: (a.name not in scope.above, a.name not in wanted, not a.required, a not in applied))
    none, status = _without(bench, scope, [], others)
    out = []
    for missing in named if len(named) > 1 else ():
        rest = [k for k in named if k is not missing]
        out.append(_said(scope, "parent", *_told(missing, *_without(bench, scope, rest, others))))
    if len(named) == 1:
        out.append(_said(scope, "parent", *_told(named[0], none, status)))
    elif none != "relational" and all(t.does == "relational" for t in out):
        # Only where no level is named at all.
        out.append(_said(scope, "parent", none, "", ",".join(parents), status))
    by_other = {t.first for t in out if t.does == "mixed"}
    for key in named:
        rest = [k for k in named if k is not key]
        forms = [("parent-pattern", f"{key.text[:-1]}*")]
        if key.path[-1].vr == "UI":
            forms.append(("parent-list", f"{key.text}\\{key.text}.31742"))
        for what, text in forms:
            answer = bench.ask(Key(key.path, text), *rest, fixed=False)
            rows = keep(answer, scope.model, scope.level)
            back = scope.rows.keys() <= rows.keys() or answer.partial
            does = "refused" if answer.failure else "applied" if back else "mixed" if rows else "nothing"
            if does != "applied":
                out.append(_said(scope, what, does, name_of(key.path), status=answer.failure))
        empty = bench.asker.ask(Question(scope.model, scope.level, tuple(rest), (key.path,)))
        back = scope.rows.keys() <= keep(empty, scope.model, scope.level).keys() or empty.partial
        does = "refused" if empty.failure else "relational" if back else "mixed"
        does = "mixed" if name_of(key.path) in by_other else does
        out.append(_said(scope, "parent-empty", does, name_of(key.path), status=empty.failure))
    return out


def _told(key: Key, does: str, status: str) -> tuple[str, str, str, str]:
    return does, name_of(key.path), "", status


def _named(scope: Scope, about: About) -> str:
    """Return a value of an entity, or of those above it, to ask for."""
    known = known_value(scope, about)
    above = [t for v in scope.above.get(about.name, ()) if (t := pairs.askable(about.vr, v))]
    return known[1] if known is not None else above[0] if above else ""


def _without(
    bench: Bench, scope: Scope, keys: Sequence[Key], others: Sequence[About]
) -> tuple[str, str]:  # fmt: skip
    """Ask with these keys of upper levels alone: for everything, and beside a unique key of the level itself."""
    found = standard.model(scope.model)
    value = next(iter(scope.rows), None)
    unique = path_of(found.unique_key(scope.level) or "") if found else None
    narrow = [Key(unique, value[0])] if unique and value and value[0] else []
    bare = bench.ask(*keys, fixed=False)
    own = bench.ask(*keys, *narrow, fixed=False) if narrow else bare
    rows, mine = keep(bare, scope.model, scope.level), keep(own, scope.model, scope.level)
    if bare.failure and own.failure:
        # What it wants may be any key of some, not that one.
        named = [Key(a.path, text) for a in others if (text := _named(scope, a))][:_MOST_OTHERS]
        if any(not bench.ask(*keys, one, fixed=False).failure for one in named):
            return "mixed", bare.failure
        return "refused", bare.failure
    if bare.failure or own.failure:
        return "mixed", bare.failure or own.failure
    if not rows and not mine:
        return "nothing", ""
    if (bare.cut or scope.rows.keys() <= rows.keys()) and value in mine:
        return "relational", ""
    return "mixed", ""


def known_value(scope: Scope, about: About) -> tuple[tuple[str, ...], str] | None:
    """Return an entity and a legal value of it to ask for."""
    for subject in scope.subjects(about):
        for value in subject.values or ():
            text = pairs.askable(about.vr, value)
            if text is not None and text.isascii() and text == value.strip():
                return subject.id, text
    return None


def _private(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Ask for a private key that nobody can know: alone, and beside a key that is looked at."""
    empty = bench.asker.ask(Question(scope.model, scope.level, scope.fixed, (PRIVATE,)))
    shown = keep(empty, scope.model, scope.level)
    does = "refused" if empty.failure else "harmless" if empty.partial or scope.rows.keys() <= shown.keys() else "loses"
    return [_said(scope, "private-empty", does, status=empty.failure), *_private_key(bench, scope, applied)]


def _private_key(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    key = Key(PRIVATE, "QZXJ7")
    alone = bench.ask(key)
    if alone.failure:
        return [_said(scope, "private", "refused", status=alone.failure)]
    rows = keep(alone, scope.model, scope.level)
    if not rows:
        return [_said(scope, "private", "excludes")]
    if not alone.partial and not scope.rows.keys() <= rows.keys():
        return [_said(scope, "private", "mixed")]
    for about in applied[:2]:
        known = known_value(scope, about)
        if known is None:
            continue
        with_it, without = bench.ask(Key(about.path, known[1]), key), bench.ask(Key(about.path, known[1]))
        if (with_it.failure, keep(with_it, scope.model, scope.level).keys()) != (
            without.failure, keep(without, scope.model, scope.level).keys(),
        ):  # fmt: skip
            return [_said(scope, "private", "mixed", first=about.name)]
    return [_said(scope, "private", "ignored")]


def _beside(bench: Bench, scope: Scope, applied: Sequence[About], sample: bool) -> list[Together]:
    """Beside a key that names an entity, ask another key for a value that it cannot have: it must exclude it."""
    names = [a for a in applied if known_value(scope, a)]
    top = not sample and scope.level == standard.model(scope.model).levels[0]  # type: ignore[union-attr]
    firsts = [a for a in names if a.unique or a.required][: 8 if top else 3]
    seconds = [a for a in names if not a.unique][: 24 if top else 7]
    out = []
    asked = 0
    for first in firsts:
        known = known_value(scope, first)
        assert known is not None
        lost: list[str] = []
        failed: dict[str, str] = {}
        for number, second in enumerate(s for s in seconds if s.path != first.path):
            # One that is lost makes all others worth asking.
            few = (sample or not first.unique) and not lost
            if few and (number >= (2 if sample else 6) or asked >= MOST_PAIRS):
                break
            asked += few
            answer = bench.ask(Key(first.path, known[1]), Key(second.path, pairs.impossible(second.vr)))
            if answer.failure:
                failed[second.name] = answer.failure
            if known[0] in keep(answer, scope.model, scope.level):
                if not lost and _is_either(bench, scope, first, second):
                    return [_said(scope, "either", "adds")]
                lost.append(second.name)
        out += [_said(scope, "beside", "ignored", first.name, name) for name in lost]
        out += [_said(scope, "beside", "refused", first.name, name, status) for name, status in failed.items()]
    return out


def _is_either(bench: Bench, scope: Scope, first: About, second: About) -> bool:
    """Tell if of two keys, each of which brings something back alone, either is enough."""
    known = known_value(scope, second)
    answer = bench.ask(Key(first.path, pairs.impossible(first.vr)), Key(second.path, known[1] if known else ""))
    return known is not None and known[0] in keep(answer, scope.model, scope.level)


def _silent(
    bench: Bench, scope: Scope, applied: Sequence[About], silent: Sequence[About], there: set[str] | None
) -> list[Together]:  # fmt: skip
    """Ask a key that is answered with nothing beside one that is looked at: some sources evaluate it then."""
    out: list[Together] = []
    # Optional keys first, on either side: they are the ones that a source may answer in another way.
    for number, quiet in enumerate(sorted(silent, key=lambda a: (a.required, a.printed))[:4]):
        wakers = {t.first for t in out} | (there or set())
        many = 3 if number or there is not None else 12
        for other in sorted(applied, key=lambda a: (a.name not in wakers, a.required))[:many]:
            for subject in scope.subjects(quiet):
                texts = [t for v in subject.values or () if (t := pairs.askable(quiet.vr, v)) and t.isascii()]
                mine = next((s for s in scope.subjects(other) if s.id == subject.id), None)
                others = [t for v in (mine.values if mine else None) or () if (t := pairs.askable(other.vr, v))]
                if texts and others:
                    answer = bench.ask(Key(quiet.path, texts[0]), Key(other.path, others[0]))
                    if answer.rows:
                        out.append(_said(scope, "woken", "applied", other.name, quiet.name))
                    break
    return out


def _date_and_time(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Ask a range of dates and a range of times that that hold an entity as one interval, and not as two windows."""
    by_name = {a.name: a for a in applied}
    out = []
    for name, date in by_name.items():
        head, _, last = name.rpartition(".")
        time_name = standard.time_of(last)
        time = by_name.get(f"{head}.{time_name}" if head else time_name or "")
        if time is None:
            continue
        times = {s.id: s.values for s in scope.subjects(time) if s.values}
        moments = sorted(
            (d, t, s.id) for s in scope.subjects(date) if s.values and len(s.values) == 1
            for d in s.values for t in times.get(s.id, ())[:1] if len(d) == 8 and len(t) >= 6 and t[:6].isdigit()
        )  # fmt: skip
        does = ""
        for day, clock, identity in moments:
            before = [m for m in moments if m[0] < day]
            after = [m for m in moments if m[0] > day]
            if not before or not after or clock[:2] in ("00", "23"):
                continue
            # Times of the ends of the window, so that this entity's own time lies outside it.
            late = f"{min(int(clock[:2]) + 1, 23):02}3000"
            keys = (Key(date.path, f"{before[-1][0]}-{after[0][0]}"), Key(time.path, f"{late}-235959"))
            answer = bench.ask(*keys)
            if answer.failure:
                does = "refused"
            else:
                does = "interval" if identity in keep(answer, scope.model, scope.level) else "windows"
            break
        if does:
            out.append(_said(scope, "date-time", does, name, time.name))
    return out


def _two_below(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Ask two keys of lower entities that an entity satisfies in two of them, and in none together."""
    found = standard.model(scope.model)
    levels, keys = (found.levels, found.unique_keys) if found else ((), ())
    here = levels.index(scope.level)
    lower = [a for a in applied if a.home in levels and levels.index(a.home) == here + 1 and a.name not in keys]
    out = []
    start = bench.asker.asked
    for i, first in enumerate(lower[:5]):
        for second in lower[i + 1 : 6]:
            left = MOST_CROSSED - (bench.asker.asked - start)
            if left <= 0:
                break
            verdict = _crossed(bench, scope, first, second, left)
            if verdict:
                out.append(_said(scope, "one-series", verdict, first.name, second.name))
    return out


_STEP = "ScheduledProcedureStepSequence."
_STEP_DEPTH = 2


def _several_steps(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Of an order with several scheduled steps ask for what one of them has: does that one come back, and alone?"""
    at = next((i for i, name in enumerate(identities(scope.model, scope.level)) if name.startswith(_STEP)), None)
    orders = {i: i[at].split("\\") for i in scope.rows if at is not None and "\\" in i[at]}
    if at is None or not orders:
        return []
    outcomes = set()
    # Where a step may have several values, or items of its own, it does not show which of them is whose.
    for about in (a for a in applied if a.name.startswith(_STEP) and len(a.path) == _STEP_DEPTH and not a.several):
        for identity, steps in list(orders.items())[:4]:
            stored = scope.rows[identity].get(about.name, ())
            values = [pairs.askable(about.vr, v) or "" for v in stored]
            # A value in an odd spelling may be lost for that.
            single = [i for i, v in enumerate(values) if v and v.isascii() and v == stored[i] and values.count(v) == 1]
            if len(values) != len(steps) or not single:
                continue
            answer = bench.ask(Key(about.path, values[single[-1]]))
            if answer.failure or answer.partial:
                continue
            order = identity[:at]
            came = [p for i in keep(answer, scope.model, scope.level) if i[:at] == order for p in i[at].split("\\")]
            wanted = steps[single[-1]]
            outcomes.add("exact" if came == [wanted] else "adds" if wanted in came else "mixed" if came else "misses")
            break
    odd = outcomes - {"exact"}
    does = odd.pop() if len(odd) == 1 else "mixed" if odd or not outcomes else "exact"
    return [] if does == "exact" else [_said(scope, "steps", does)]


def _crossed(bench: Bench, scope: Scope, first: About, second: About, most: int) -> str:
    start = bench.asker.asked
    for identity, members in scope.below.items():
        pairs_seen = {(m.get(first.name, ())[:1], m.get(second.name, ())[:1]) for m in members}
        ones = {a[0] for a, _ in pairs_seen if a}
        twos = {b[0] for _, b in pairs_seen if b}
        for one in ones:
            for two in twos:
                if ((one,), (two,)) in pairs_seen or bench.asker.asked - start >= most:
                    continue
                left, right = pairs.askable(first.vr, one), pairs.askable(second.vr, two)
                if left is None or right is None:
                    continue
                keys = (Key(first.path, left), Key(second.path, right))
                if any(identity not in keep(bench.ask(k), scope.model, scope.level) for k in keys):
                    continue
                answer = bench.ask(*keys)
                if answer.failure:
                    return "refused"
                return "independent" if identity in keep(answer, scope.model, scope.level) else "one"
    return ""

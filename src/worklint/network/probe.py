"""Measure a live source and say what it does, as a profile. Read-only; asks in pairs; promises before it starts.

The order: say hello and learn what is offered; find a few entities; screen every attribute with values that cannot
exist; ask the pairs of those that are looked at; then what keys do to one another. Each step leaves its findings in the
``Record``, which holds no value of any patient and can be written, read and continued at any moment.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from worklint.knowledge import standard
from worklint.network import crowded, interactions, limits, negotiation, pairs, short
from worklint.network.ask import (
    Answer,
    Asker,
    BudgetSpent,
    Door,
    GaveUp,
    Greeting,
    Key,
    Manners,
    NotOffered,
    Question,
    Row,
    Unreachable,
    name_of,
)
from worklint.network.evidence import EXCLUDES, UNSEEN, Found
from worklint.network.interactions import Together
from worklint.network.meaning import TEXT, TRAILING, ask_single
from worklint.network.measure import (
    FULL,
    LEAN,
    PAIR,
    Bench,
    Measured,
    detail,
    failing,
    joint,
    other_kinds_hold,
    returned,
    screen,
    without_value,
)
from worklint.network.peers import but_singles, family_of, is_same, settle_all, weaker
from worklint.network.subjects import About, path_of, subjects
from worklint.network.survey import Scope, Surveyor, keep

MODELS = ("study-root", "patient-root", "modality-worklist", "unified-procedure-step")
"""Models that are probed; the first that a source offers is measured in depth, its sisters are compared with it."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Record:
    """What a probe learned so far; no value of an entity is in it."""

    transport: str
    greeting: Greeting = field(default_factory=Greeting)
    models: list[str] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    measured: dict[tuple[str, str], dict[str, Measured]] = field(default_factory=dict)
    illegal: dict[tuple[str, str, str], Found] = field(default_factory=dict)
    together: list[Together] = field(default_factory=list)
    negotiation: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    harmful: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    queries: int = 0
    ended: str = ""
    fickle: bool = False

    def note(self, text: str) -> None:
        """Keep a sentence for the reader of the profile, once."""
        if text not in self.notes:
            self.notes.append(text)


def probe(
    door: Door, manners: Manners, models: Sequence[str], today: str, say: Say, record: Record | None = None,
    told: Callable[[int, Question, Answer], None] | None = None, saved: Callable[[Record], None] | None = None,
) -> Record:  # fmt: skip
    """Measure a source and return what was learned, also when it ends early (``Record.ended`` says why).

    ``saved`` gets the record after each step and at an early end.

    Raises:
        Unreachable: if the source cannot be asked at all.
    """
    record = record or Record(door.transport)
    asker = Asker(door, manners, told)
    measured: list[_Model] = []
    try:
        _greet(door, models, record, say, manners.timeout / 2)
        offered = [m for m in models if m in record.models]
        for number, model in enumerate(offered):
            # What a model leaves of its share of the budget goes to the next.
            weights = [_SHARES.get(m, 2) for m in offered[number:]]
            limit = asker.asked + asker.left() * weights[0] // sum(weights)
            found = _Model(asker, model, record, today, say, limit, saved)
            found.run(weights[0] / sum(weights))
            measured.append(found)
        waiting = [one for one in measured if len(one.levels) > 1]
        for number, one in enumerate(waiting):
            weights = [_SHARES.get(m.model, 2) for m in waiting[number:]]
            one.limit = asker.asked + max(0, asker.left() - _LAST) * weights[0] // sum(weights)
            one.finish()
        record.ended = ""
    except (BudgetSpent, GaveUp) as error:
        record.ended = str(error)
    except (Unreachable, NotOffered) as error:
        if not record.measured:
            raise
        record.ended = f"the connection was lost: {error}"
    except KeyboardInterrupt:
        record.ended = "interrupted"
    finally:
        record.queries += asker.asked
        record.fickle |= asker.fickle
        if asker.unread:
            record.note(f"{asker.unread} responses could not be decoded; what they hold counts as not known.")
        record.done = sorted(set(record.done))
        if record.ended and saved is not None:
            saved(record)
        door.close()
    settle_all(record)
    short.told(record)
    return record


def _greet(door: Door, models: Sequence[str], record: Record, say: Say, patience: float) -> None:
    offered = []
    refused: Unreachable | None = None
    for model in models:
        if model in record.models:
            offered.append(model)
            continue
        started = time.monotonic()
        try:
            greeting = door.greet(model, frozenset())
        except (NotOffered, Unreachable) as error:
            # Some sources refuse an association in which they take no model, and say no more.
            if isinstance(error, Unreachable):
                refused = refused or error
                if time.monotonic() - started > patience:
                    raise
            if model not in record.not_offered:
                record.not_offered.append(model)
            continue
        record.greeting = greeting
        offered.append(model)
    record.models = offered
    if not offered:
        raise refused or Unreachable(f"the source offers none of the models asked for: {', '.join(models)}")
    say(f"{record.greeting.version or 'a source without version name'} offers {', '.join(offered)}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Entities of a lower level that one of an upper scope has, and the keys that name it."""

    upper: Scope
    keys: tuple[Key, ...]
    members: Sequence[Row]

    @property
    def names(self) -> frozenset[str]:
        """The attributes that some member shows a value of."""
        return frozenset(n for m in self.members for n, values in m.items() if values)


class _Model:
    """The measurement of one model at one source."""

    def __init__(
        self, asker: Asker, model: str, record: Record, today: str, say: Say, limit: int,
        saved: Callable[[Record], None] | None = None,
    ) -> None:  # fmt: skip
        self.asker = asker
        self.limit = limit
        self.saved = saved
        self.model = model
        self.record = record
        self.say = say
        self.surveyor = Surveyor(asker, today)
        # What is found is kept, whatever ends the probe.
        self.surveyor.reader.harmful = record.harmful
        self.benches: dict[tuple[str, tuple[Key, ...]], Bench] = {}
        self.scopes: list[Scope] = []
        self.spare: dict[str, list[Scope]] = {}
        self.alike: dict[tuple[str, str | None], list[bool]] = {}
        self.kept_above: set[str] = set()
        self.as_there: dict[tuple[str, str | None], list[bool]] = {}
        self.kinds_hold: dict[tuple[str, str | None, str, str], bool] = {}
        found = standard.model(model)
        assert found is not None
        self.levels = found.levels
        # A model whose levels were measured at its sister is compared with it: the same program answers.
        self.sister = next((m for m in record.models if m != model and m in _SISTERS.get(model, ())
                            and (m, self.levels[-1]) in record.measured), None)  # fmt: skip

    def run(self, share: float) -> None:
        """Measure what matters most: attributes at their own level, and just below the highest; keys together.

        ``share``: the part of what is left that this model may take, if answers are slow.
        """
        scope = self._top()
        if scope is None:
            return
        self.scopes = self._scopes(scope)
        left = self.asker.left()
        if left < self.asker.manners.queries - self.asker.asked:
            self.say(f"{self.model}: answers are slow; the time is enough for about {left} more queries")
            self.limit = min(self.limit, self.asker.asked + int(left * share))
        for one in self.scopes:
            self._screen(one)
        self._wants(scope)
        status = short.learned(self.record, self._bench(scope))
        for one in (*self.scopes, *(s for several in self.spare.values() for s in several)):
            self._bench(one).short = status
        self._details(main=True)
        for one in self.scopes:
            name = f"{self.model} {one.level} together"
            if name not in self.record.done:
                interactions.measure(self._bench(one), self.record, one, self._applied(one), self.sister)
                known = {t.what for t in self.record.together if t.model == self.model} & {"wants"}
                seen = limits.measure(self._bench(one), one, self._applied(one), self.record.together)
                self.record.together += [t for t in seen if t.what not in known]
                most = self.surveyor.reader.most.get((self.model, one.level))
                self.record.together += crowded.measure(self._bench(one), one, self._applied(one), most)
                self.record.done.append(name)
                self._save()
        self._negotiate(self.scopes)

    def _wants(self, top: Scope) -> None:
        """Learn what every query has to name before the budget is spent: without it every query may be refused."""
        name = f"{self.model} wanted"
        if top.note != "selector" or name in self.record.done:
            return
        place = self._place(top)
        some = [a for a in subjects(self.model, top.level) if a.name not in place and interactions.known_value(top, a)]
        self.record.together += [t for t in limits.wanted(self._bench(top), top, some) if t.what == "wants"]
        self.record.done.append(name)

    def finish(self) -> None:
        """Measure the rest: keys of upper levels, and of those far below."""
        self._details(main=False)

    def _details(self, main: bool) -> None:
        kept = min(_RESERVE, (self.limit - self.asker.asked) // 8) * len(self.scopes)
        for number, one in enumerate(self.scopes):
            self._save()
            if not main:
                self._detail(one, self.limit, main)
                continue
            # What a level leaves of its share goes to the next.
            levels = _LEVEL_SHARES[: len(self.scopes)]
            share = levels[number] / sum(levels[number:])
            left = max(0, self.limit - self.asker.asked - kept)
            self._detail(one, self.asker.asked + int(left * share), main)

    def _save(self) -> None:
        if self.saved is not None:
            self.saved(self.record)

    def _top(self) -> Scope | None:
        self.say(f"{self.model}: looking for entities")
        top = self.surveyor.top(self.model)
        if isinstance(top, Answer):
            self.record.note(
                f"{self.model}: every query at the {self.levels[0]} level failed ({top.failure}); nothing is known"
            )
            self.record.together += interactions.undecided(self.model, self.levels, top.failure)
            return None
        if not top.rows:
            self.record.note(f"{self.model}: {pairs_missing(self.levels[0])}")
            return None
        if top.duplicates and len(top.rows) == 1:
            self.record.note(f"{self.model}: every row of an answer is the same {top.level}: nothing is decidable here")
            self.record.together += interactions.undecided(self.model, self.levels)
            return None
        if top.duplicates:
            self.record.note(f"{self.model}: the same entity comes back in several rows at the {top.level} level")
        if top.note == "narrowed":
            by = name_of(top.fixed[0].path)
            self.record.note(f"{self.model}: a large archive; measured among entities found by a few values of {by}")
        if top.note == "selector":
            self.record.note(f"{self.model}: a query without keys is refused")
        return top

    def _scopes(self, top: Scope) -> list[Scope]:
        """Return a scope for each level: from the top down, each below the richest entity of the one above."""
        others = self.surveyor.others.get(self.model, [])[:_MOST_OTHERS]
        for one in (top, *others):
            self._look(one)
        self.spare[top.level] = others
        scopes = [top]
        for level in self.levels[1:]:
            found: list[Scope] = []
            for place in self._richest(scopes, level):
                lower = self._lower(place, level)
                if lower is not None:
                    self._look(lower)
                    found.append(lower)
            if not found:
                self.record.note(f"{self.model}: the {level} level could not be reached")
                self.record.together += interactions.undecided(self.model, self.levels[len(scopes) :])
                break
            scopes.append(found[0])
            self.spare[level] = found[1:]
        return scopes

    def _look(self, scope: Scope) -> None:
        self.surveyor.fill(scope)
        self.surveyor.below(self.model, scope)
        self.surveyor.deepest(self.model, scope)

    def _richest(self, scopes: list[Scope], level: str) -> list[_Place]:
        """Return below which entities to measure: where members differ most, then where there is what is not there."""
        found = [
            _Place(upper, keys, members)
            for upper in (*scopes[-2:-1], *self.spare.get(scopes[-2].level, ())) if self.levels.index(level) > 1
            for keys, members in upper.nested.items() if members
        ] if len(scopes) > 1 else []  # fmt: skip
        uppers = () if found else (scopes[-1], *self.spare.get(scopes[-1].level, ()))
        for upper in uppers:
            unique = path_of(standard.model(self.model).unique_key(upper.level) or "")  # type: ignore[union-attr]
            if unique is not None:
                found += [_Place(upper, (Key(unique, i[0]),), m) for i, m in upper.below.items() if m and i[0]]
        if not found:
            return []
        chosen = [max(found, key=lambda p: _variety(p.members))]
        while len(chosen) < _MOST_LOWER:
            had = frozenset().union(*(p.names for p in chosen))
            best = max(found, key=lambda p: len(p.names - had))
            if len(best.names - had) < _WORTH_IT:
                break
            chosen.append(best)
        return chosen

    def _lower(self, place: _Place, level: str) -> Scope | None:
        """Return the entities of a level below one that is named by the keys of a place."""
        upper, keys = place.upper, place.keys
        above = {**upper.above, **next((r for i, r in upper.rows.items() if i[0] == keys[0].text), {})}
        for key in keys[1:]:
            members, name = upper.below.get((keys[0].text,), []), name_of(key.path)
            above.update(next((r for r in members if r.get(name) == (key.text,)), {}))
        parents = standard.model(self.model).unique_keys  # type: ignore[union-attr]
        fixed = (*(k for k in upper.fixed if name_of(k.path) in parents and k.path != keys[0].path), *keys)
        answer = self.asker.ask(Question(self.model, level, fixed))
        rows = keep(answer, self.model, level)
        if answer.failure or not rows:
            return None
        scope = Scope(
            self.model, level, fixed, rows, complete=not answer.partial, above={n: v for n, v in above.items() if v}
        )
        scope.duplicates = len(rows) < len(answer.rows)
        return scope

    def _place(self, scope: Scope) -> dict[str, Measured]:
        return self.record.measured.setdefault((self.model, scope.level), {})

    def _bench(self, scope: Scope) -> Bench:
        return self.benches.setdefault((scope.level, scope.fixed), Bench(self.asker, scope))

    def _screen(self, scope: Scope) -> None:
        bench, place = self._bench(scope), self._place(scope)
        waiting = [
            a for a in subjects(self.model, scope.level) if a.name not in place and not a.parent and not a.unique
        ]
        self.say(
            f"{self.model}, {scope.level}: screening {len(waiting)} attributes ({self.asker.asked} queries so far)"
        )
        theirs = self.record.measured.get((self.sister or "", scope.level), {})
        if not theirs and self.sister is not None:
            theirs = self.record.measured.get((self.sister, standard.model(self.sister).levels[0]), {})  # type: ignore[union-attr]
        if theirs:
            same = [a for a in waiting if a.name in theirs and _is_ignored(theirs[a.name])]
            found = screen(bench, same, 16)
        else:
            # A stored value that has to leave something out tells by itself whether the key is looked at.
            telling = [a for a in waiting if len(set(scope.stored(a))) > 1]
            rest = [a for a in waiting if a not in telling]
            required = [a for a in rest if a.required]
            found = screen(bench, required, 1)
            # What a source does with keys of its own level tells nothing of those of another, or of those in items.
            groups = {a: (a.home, len(a.path) > 1) for a in rest if not a.required}
            for group in dict.fromkeys(groups.values()):
                found += screen(bench, [a for a, its in groups.items() if its == group])
        for one in found:
            one.returned = returned(scope, one.about)
            place[one.about.name] = one

    def _detail(self, scope: Scope, limit: int, main: bool) -> None:
        bench, place = self._bench(scope), self._place(scope)
        waiting = [a for a in subjects(self.model, scope.level) if a.name not in place and not a.parent]
        if main:
            # In a sister model the keys just below the highest level wait until the rest of the first is measured.
            lowest = 1 if scope.level == self.levels[0] and self.sister is None else 0
            waiting = [a for a in waiting if a.required or 0 <= self._distance(scope, a) <= lowest]
        waiting.sort(
            key=lambda a: (
                # What no entity has goes by what was seen of others of that level: those first.
                self._distance(scope, a) < 0 and not any(scope.stored(a)),
                not a.required,
                not any(scope.stored(a)),
                0 if self._distance(scope, a) > 0 and scope.level == self.levels[0] else 1,
                self._distance(scope, a) != 0,
            )
        )
        self.say(
            f"{self.model}, {scope.level}: pairs for {len(waiting)} attributes ({self.asker.asked} queries so far)"
        )
        left = 0
        full: dict[str, int] = {}
        if self.asker.asked < limit:
            unseen = [a for a in waiting if not any(scope.stored(a))]
            bench.failing = {kind: failing(bench, unseen, kind) for kind in ("wildcard", "range")}
            self._above(bench, waiting)
        if self.sister is not None:
            self._jointly(bench, waiting, limit)
            waiting = [a for a in waiting if a.name not in place]
        for about in waiting:
            if self.asker.asked >= limit:
                left += 1
                continue
            family = family_of(about.vr)
            most = _ENOUGH if about.vr in pairs.CASED and about.vr != "PN" else _ENOUGH // 2
            most = most if scope.level == self.levels[0] else most // 2
            depth = FULL if self._distance(scope, about) == 0 and full.get(family, 0) < most else LEAN
            if depth == FULL and any(scope.stored(about)):
                full[family] = full.get(family, 0) + 1
            there = self._bench(self._best(scope, about))
            found = (
                self._compared(there, about)
                or self._as_others_below(there, about)
                or detail(
                    there, about, depth if any(there.scope.stored(about)) else FULL, partial(self._decided, about)
                )
            )
            found.returned = returned(scope, about)
            place[about.name] = found
        if left and not main:
            self.record.note(f"{self.model}, {scope.level}: {left} attributes were not reached within the budget")
        for about in subjects(self.model, scope.level):
            # How texts compare in a key of an upper level (a patient's ID) is known from there.
            known = self.record.measured.get((self.model, about.home or ""), {}).get(about.name)
            if about.parent and about.vr != "UI" and known is not None:
                place[about.name] = replace_measured(known, about)
        for vr in dict.fromkeys(a.vr for a in waiting) if main else ():
            self._illegal(bench, scope, vr, [a for a in waiting if a.vr == vr and a.name in place])

    def _as_others_below(self, bench: Bench, about: About) -> Measured | None:
        """Take over patterns and ranges of a key of a lower level from two others of that level that were alike in all.

        One pair has to come to the same as theirs.
        """
        if self._distance(bench.scope, about) <= 0 or not any(bench.scope.stored(about)):
            return None
        near = [m for m in self._place(bench.scope).values() if m.about.home == about.home and not m.taken_over
                and family_of(m.about.vr) == family_of(about.vr) and m.about.unique == about.unique]  # fmt: skip
        if len(near) < _LIKE_TWO:
            return None
        found = detail(bench, about, PAIR, partial(self._decided, about))
        mine = found.found[("single", "")]
        near = [m for m in near if is_same(mine, m.found[("single", "")])]
        if len(near) < _LIKE_TWO or len({but_singles(m) for m in near}) > 1:
            return None
        for slot in near[0].found:
            if slot[0] != "single":
                found.found[slot] = weaker([m.found[slot] for m in near])
        return found

    def _above(self, bench: Bench, waiting: Sequence[About]) -> None:
        """Ask for the values of the entities above, several at once, where the key is looked at elsewhere."""
        self.kept_above = set()
        known = []
        for about in waiting:
            elsewhere = self._elsewhere(bench.scope, about)
            values = bench.scope.above.get(about.name, ())
            if self._distance(bench.scope, about) >= 0 or elsewhere is None or len(values) != 1:
                continue
            text = pairs.askable(about.vr, values[0])
            found = elsewhere.found.get(("single", ""), _UNKNOWN)
            if text is not None and text == values[0] and found.does == "applied" and not found.misses:
                known.append((about, text))
        for start in range(0, len(known), _TOGETHER):
            group = known[start : start + _TOGETHER]
            answer = bench.ask(*(Key(a.path, text) for a, text in group))
            if len(group) > 1 and bench.scope.rows.keys() <= keep(answer, self.model, bench.scope.level).keys():
                self.kept_above |= {a.name for a, _ in group}

    def _jointly(self, bench: Bench, waiting: Sequence[About], limit: int) -> None:
        """Compare attributes with what they are elsewhere two at a time: each has to leave out what the other keeps."""
        scope, place = bench.scope, self._place(bench.scope)
        known = {a.name: k for a in waiting if (k := self._elsewhere(scope, a)) is not None
                 and k.found.get(("single", ""), _UNKNOWN).does == "applied"}  # fmt: skip
        waiting = [a for a in waiting if a.name in known and not a.unique]
        while waiting and self.asker.asked < limit:
            first, *waiting = waiting
            for second in waiting:
                keys = joint(scope, first, known[first.name].found[("single", "")],
                             second, known[second.name].found[("single", "")])  # fmt: skip
                if keys is None:
                    continue
                answer = bench.ask(*keys.keys)
                rows = keep(answer, scope.model, scope.level)
                if not answer.failure and not answer.partial and keys.kept <= rows.keys() <= keys.possible:
                    for about in (first, second):
                        if self._other_kinds_hold(bench, about, known[about.name]):
                            place[about.name] = replace_measured(known[about.name], about)
                            place[about.name].returned = returned(scope, about)
                    waiting = [a for a in waiting if a is not second]
                break

    def _best(self, scope: Scope, about: About) -> Scope:
        """Return the entities among which an attribute is measured, perhaps those of another part of the archive."""
        others = self.spare.get(scope.level, [])

        def worth(one: Scope) -> tuple[bool, int]:
            return (all(k.path != about.path for k in one.fixed), len(pairs.distinct(about.vr, one.stored(about))))

        mine = worth(scope)
        best = max(others, key=worth, default=scope)
        return best if worth(best) > mine and (not mine[0] or mine[1] < _FEW_VALUES) else scope

    def _decided(self, about: About, kind: str) -> frozenset[str]:
        """Return what attributes of the same kind decided: at two of them excluded, at none seen."""
        near = [m for place in self.record.measured.values() for m in place.values()
                if family_of(m.about.vr) == family_of(about.vr) and m.about is not about]  # fmt: skip
        found = [f for m in near if (f := m.found.get((kind, ""))) is not None and f.does == "applied"]
        excluded = Counter(r for f in found for r in f.excluded)
        seen = frozenset[str]().union(*(f.blamed for f in found))
        # Stored spaces are stripped by whoever stored the value, or not: that differs from attribute to attribute.
        decided = {r for r, count in excluded.items() if count >= 2 and r not in seen} - {"-padding", "-" + TRAILING}
        if kind == "wildcard":
            full = [m for m in near if m.full and m.found.get((kind, ""), _UNKNOWN).does == "applied"]
            if len(full) >= 2 and not any(("wildcard", "question-mark") in m.found for m in near):
                decided.add(pairs.ONE_EACH)
            text = about.vr in TEXT
            lone = [(f, m.found.get((kind, ""), _UNKNOWN)) for m in near for (_, value), f in m.found.items()
                    if value == "lone-asterisk"]  # fmt: skip
            alike = [f.does == "applied" and not f.misses if text else f.does == usual.does for f, usual in lone]
            if len(alike) > 2 and all(alike):
                decided.add(pairs.LONE)
        return frozenset(decided) - pairs.ALWAYS

    def _distance(self, scope: Scope, about: About) -> int:
        if about.home not in self.levels:
            return 0
        return self.levels.index(about.home) - self.levels.index(scope.level)

    def _elsewhere(self, scope: Scope, about: About) -> Measured | None:
        """Return what was measured of the attribute where its meaning is the same."""
        measured, sister = self.record.measured, self.sister or ""
        known = measured.get((sister, scope.level), {}).get(about.name)
        if known is not None and known.about.home == about.home:
            return known
        distance = self._distance(scope, about)
        if distance < 0 and about.home is not None:
            return measured.get((self.model, about.home), {}).get(about.name)
        if sister and scope.level == self.levels[0]:
            # What is an attribute of the patient, or of a lower level, is one of the study, or of a level below, there.
            levels = standard.model(sister).levels  # type: ignore[union-attr]
            known = measured.get((sister, levels[0]), {}).get(about.name)
            if known is not None and (known.about.home == levels[0]) == (distance == 0):
                return known
        return None

    def _compared(self, bench: Bench, about: About) -> Measured | None:
        """Take over what was measured elsewhere, if two queries come to the same here.

        Elsewhere is the same level of the sister model, or, for an attribute of an upper level, its own level.
        """
        known = self._elsewhere(bench.scope, about)
        if known is None:
            return None
        theirs = known.found.get(("single", ""))
        valued = any(bench.scope.stored(about))
        if theirs is None or (theirs.status in (EXCLUDES, UNSEEN) and valued):
            return None
        level = bench.scope.level
        alike = self.alike.setdefault((level, known.about.home), [])
        if not valued:
            if level != known.about.home and set(alike) != {True}:
                return None
            # After some that were alike the others are not asked one by one.
            unasked = self.as_there.setdefault((level, known.about.home), [])
            if len(unasked) < _ALIKE or set(unasked) != {True}:
                unasked.append(without_value(bench, about, theirs))
            return replace_measured(known, about) if unasked[-1] else None
        if about.name in self.kept_above:
            # That it keeps what has the value is known; that it leaves out what has another is not.
            trial = bench.trial(about, ask_single(about.vr, pairs.impossible(about.vr)))
            if not trial.kept and not trial.failure:
                alike.append(True)
                return replace_measured(known, about) if self._other_kinds_hold(bench, about, known) else None
        mine = detail(bench, about, PAIR).found[("single", "")]
        alike.append(is_same(mine, theirs))
        return replace_measured(known, about) if alike[-1] and self._other_kinds_hold(bench, about, known) else None

    def _other_kinds_hold(self, bench: Bench, about: About, known: Measured) -> bool:
        each = self._distance(bench.scope, about) == 0 and bench.scope.level == self.levels[0]
        return other_kinds_hold(bench, about, known, each, self.kinds_hold)

    def _illegal(self, bench: Bench, scope: Scope, vr: str, abouts: list[About]) -> None:
        """Ask for illegal values of a VR, at the first attribute of that VR whose legal values are looked at."""
        theirs = self.record.illegal.get((self.sister or "", scope.level, vr))
        if theirs is not None:
            self.record.illegal[(self.model, scope.level, vr)] = theirs
            return
        looked_at = [
            a for a in abouts if self._place(scope)[a.name].found.get(("single", ""), _UNKNOWN).does == "applied"
        ]
        if not looked_at:
            return
        about = looked_at[0]
        above = self.record.illegal.get((self.model, self.levels[0], vr)) if scope.level != self.levels[0] else None
        asked = pairs.illegal(vr)[: 1 if above is not None else 2]
        trials = [bench.trial(about, a) for a in asked]
        if not trials:
            return
        failures = [t for t in trials if t.failure]
        if len(failures) == len(trials):
            found = Found("refused", status=trials[0].failure, trials=len(trials), why="illegal values fail the query")
        elif failures:
            return
        elif all(bench.all_back(t) for t in trials):
            found = Found("ignored", trials=len(trials), why="an illegal value is dropped")
        elif not any(t.kept for t in trials):
            found = Found("applied", trials=len(trials), why="an illegal value brings nothing back")
        else:
            return
        self.record.illegal[(self.model, scope.level, vr)] = found

    def _applied(self, scope: Scope) -> list[About]:
        place = self._place(scope)
        return [
            a for a in subjects(self.model, scope.level)
            if a.name in place and place[a.name].found.get(("single", ""), _UNKNOWN).does == "applied"
        ]  # fmt: skip

    def _negotiate(self, scopes: list[Scope]) -> None:
        self.record.negotiation.update(negotiation.measure(self.asker, self.model, scopes))


_SHARES = {"study-root": 7, "patient-root": 3, "modality-worklist": 3}
_LEVEL_SHARES = (20, 6, 5, 4)
_LIKE_TWO = 2
_TOGETHER = 5
"""Keys of upper levels that are asked at once for what has all of their values."""
_ALIKE = 4
"""Attributes without a value of which each was alike elsewhere, before others are taken to be."""
_ENOUGH = 4
"""Attributes of a kind that are measured in every way; the others are asked coarse pairs, and compared."""
_MOST_OTHERS = 3
_MOST_LOWER = 3
_WORTH_IT = 3
"""Attributes without a value so far for which a further entity is worth being looked below."""
_FEW_VALUES = 4
"""Values of an attribute below which another part of a large archive is looked at."""
_LAST = 25
"""Queries that the last attribute may take."""
_RESERVE = 60
"""Queries of each level that are kept for what keys do to one another."""
_SISTERS = {"patient-root": ("study-root",), "study-root": ("patient-root",)}
_UNKNOWN = Found("unknown")


def pairs_missing(level: str) -> str:
    """Return the note of an archive that holds nothing."""
    return f"no entity is shown at the {level} level: an empty answer is no evidence, and nothing is said"


def replace_measured(known: Measured, about: About) -> Measured:
    """Return what was measured elsewhere, marked as taken over."""
    return Measured(about, dict(known.found), known.returned, taken_over=True)


def _variety(rows: Sequence[Row]) -> int:
    """Return how many values of attributes stand beside another value, or beside none."""
    names = {n for r in rows for n in r}
    return sum(len({r.get(n) for r in rows}) - 1 for n in names)


def _is_ignored(one: Measured) -> bool:
    return all(f.does == "ignored" for f in one.found.values())


__all__ = ["MODELS", "Record", "probe", "replace"]

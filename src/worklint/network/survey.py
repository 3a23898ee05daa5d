"""Find a few entities to ask about, by narrow queries, and learn which values the source shows for them.

An entity found here is a pivot of the measurement. It lives in memory only: nothing of it goes into a profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from worklint.knowledge import standard
from worklint.network.ask import Answer, Asker, Key, Path, Question, Row, name_of, values_in
from worklint.network.evidence import Id, Subject
from worklint.network.subjects import About, path_of, subjects
from worklint.network.values import Reader, identities, keep

MOST_WALKED = 40
"""Entities of a level whose lower level is read, one query each, if the source does not answer them all at once."""
MOST_DEEP = 6
MOST_SINGLE = 25
_MOST_HARMFUL = 12
"""Keys that make entities disappear of which the values of the others are read."""
_FEW = 2
_SOME = 12
"""Entities below which is looked where it takes several queries for each."""


@dataclass(slots=True)
class Scope:
    """The entities of one level that the queries of a measurement can bring back, and what is known of each.

    ``fixed`` keys narrow every query: the unique keys of the levels above, and in a large archive a date.
    ``shown`` are the names that came back with a value at least once; ``below`` holds the values of lower entities.
    ``partly`` are those that make entities disappear when they are asked for: their values are known of the others.
    """

    model: str
    level: str
    fixed: tuple[Key, ...]
    rows: dict[Id, Row]
    complete: bool
    above: Row = field(default_factory=dict)
    below: dict[Id, list[Row]] = field(default_factory=dict)
    deep: dict[Id, list[Row]] = field(default_factory=dict)
    nested: dict[tuple[Key, ...], list[Row]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)
    partly: set[str] = field(default_factory=set)
    duplicates: bool = False
    note: str = ""

    def subjects(self, about: About) -> tuple[Subject, ...]:
        """Return the entities as one attribute knows them."""
        return tuple(self._subject(i, row, about) for i, row in self.rows.items())

    def _subject(self, identity: Id, row: Row, about: About) -> Subject:
        name = about.name
        levels = standard.model(self.model).levels  # type: ignore[union-attr]
        here, home = levels.index(self.level), levels.index(about.home) if about.home in levels else -1
        if home in (here, -1):
            steps = any("\\" in part for part in identity)
            if name not in self.shown or steps:
                return Subject(identity, None)
            return Subject(identity, row.get(name, None if name in self.partly else ()))
        if home < here:
            return Subject(identity, self.above.get(name) or None)
        # The dictionary knows several levels for some attributes: what is shown nearer counts, if anything is.
        places = (self.below, self.deep) if home == here + 1 else (self.deep, self.below)
        for lower in places:
            members = lower.get(identity)
            if members and any(m.get(name) for found in lower.values() for m in found):
                lists = [m.get(name, ()) for m in members]
                values = tuple(dict.fromkeys(v for one in lists for v in one))
                different = tuple(dict.fromkeys(lists))
                return Subject(identity, values, scattered=len(different) > 1, members=different)
        return Subject(identity, None)

    def stored(self, about: About) -> tuple[tuple[str, ...], ...]:
        """Return the known values of all entities."""
        return tuple(s.values for s in self.subjects(about) if s.values is not None)


class Surveyor:
    """Finds scopes at one source."""

    def __init__(self, asker: Asker, today: str) -> None:
        self._asker = asker
        self._today = today
        self.reader = Reader(asker)
        self.others: dict[str, list[Scope]] = {}

    def top(self, model: str) -> Scope | Answer:
        """Return the scope of the highest level of a model, or the answer that tells why there is none."""
        found = standard.model(model)
        assert found is not None
        level = found.levels[0]
        fields = self._first_fields(model, level)
        answer = self._asker.ask(Question(model, level, (), fields))
        if answer.failure or not answer.rows:
            # A key that is only asked for can fail a query, or empty its answer.
            answer = self._asker.ask(Question(model, level))
        if answer.failure:
            return self._with_selector(model, level, fields) or answer
        rows = keep(answer, model, level)
        if answer.cut and not any(row.get(name_of(p)) for row in rows.values() for p in fields):
            # Where empty keys bring no value back, one that is asked for by a value may.
            days = [Key(p, "19000101-") for p in fields if p[-1].vr == "DA"]
            rows = keep(self._asker.ask(Question(model, level, tuple(days))), model, level) or rows
        if not answer.cut:
            scope = Scope(model, level, (), rows, complete=not answer.unread)
            scope.duplicates = len(rows) < len(answer.rows)
            return scope
        return self._narrowed(model, level, rows, fields) or Scope(model, level, (), rows, complete=False)

    def _first_fields(self, model: str, level: str) -> tuple[Path, ...]:
        names = {
            "study": ("StudyDate", "PatientID"), "patient": ("PatientID", "PatientName"),
            "worklist-item": ("PatientID", "ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate"),
        }.get(level, ())  # fmt: skip
        return tuple(p for n in names if (p := path_of(n)) is not None)

    def _narrowed(self, model: str, level: str, rows: dict[Id, Row], fields: tuple[Path, ...]) -> Scope | None:
        """In a large archive stay within some days, or one patient, that hold several entities and not too many."""
        found: list[Scope] = []
        for path in reversed(fields) if level == "worklist-item" else fields:
            counts: dict[str, int] = {}
            for row in rows.values():
                for value in row.get(name_of(path), ()):
                    counts[value] = counts.get(value, 0) + 1
            ranked = sorted(counts, key=lambda v: (-counts[v], v))
            if path[-1].vr == "DA":
                found += self._windows(model, level, path, sorted(v for v in counts if len(v) == 8), fields)
            for value in ranked[:3]:
                scope = self._within(model, level, Key(path, value), fields, {value})
                if scope is not None:
                    found.append(scope)
                    break
        if not found:
            return None
        # The one with most in it is measured in; the others lend it what it has nothing of.
        found.sort(key=lambda s: -len(s.rows))
        self.others[model] = found[1:]
        return found[0]

    def _windows(self, model: str, level: str, path: Path, days: list[str], fields: tuple[Path, ...]) -> list[Scope]:
        """Return ranges of days about some of the days that were seen, as wide as the row cap admits."""
        out: list[Scope] = []
        for day in dict.fromkeys(days[len(days) * n // 4] for n in (2, 1, 3, 0)) if days else ():
            best: Scope | None = None
            for width in _WIDTHS:
                low, high = _shifted(day, -width), _shifted(day, width)
                covered = {s.fixed[0].text for s in out}
                if any(low <= t.partition("-")[2] and t.partition("-")[0] <= high for t in covered):
                    break
                scope = self._within(model, level, Key(path, f"{low}-{high}"), fields)
                if scope is None:
                    break
                best = scope
            out += [best] if best is not None else []
        return out

    def _within(
        self, model: str, level: str, key: Key, fields: tuple[Path, ...], values: set[str] | None = None
    ) -> Scope | None:
        """Return the entities that a narrowing key leaves, if it is looked at and all of them are read."""
        name = name_of(key.path)
        answer = self._asker.ask(Question(model, level, (key,), fields))
        found = keep(answer, model, level)
        low, _, high = key.text.partition("-")

        def inside(value: str) -> bool:
            return value in values if values is not None else low <= value <= high

        honoured = all(any(map(inside, row.get(name, ()))) for row in found.values())
        if answer.failure or answer.cut or len(found) < 2 or not honoured:
            return None
        return Scope(model, level, (key,), found, complete=not answer.unread, note="narrowed")

    def _with_selector(self, model: str, level: str, fields: tuple[Path, ...]) -> Scope | None:
        """Where a query without keys is refused, a range of dates or a letter of a name may be enough of a key."""
        tries = [
            ("StudyDate", f"{int(self._today[:4]) - 1}{self._today[4:]}-{self._today}"),
            ("StudyDate", "19000101-"),
        ]
        tries += [("PatientName", f"{letter}*") for letter in "AMS"]
        for name, text in tries:
            path = path_of(name)
            if path is None:
                continue
            key = Key(path, text)
            answer = self._asker.ask(Question(model, level, (key,), fields))
            rows = keep(answer, model, level)
            if rows and not answer.failure:
                return Scope(model, level, (key,), rows, complete=not answer.partial, note="selector")
        return None

    def fill(self, scope: Scope) -> None:
        """Learn the values that the source shows for the entities of a scope, and which attributes it returns."""
        model, level = scope.model, scope.level
        every = subjects(model, level)
        rows = self.reader.returns(model, level, scope.fixed, [a.path for a in every], tuple(scope.rows))
        if rows is None:
            return
        scope.rows = {i: rows.get(i, row) for i, row in scope.rows.items()}
        harmful = self.reader.harmful.get((model, level), {})
        for path in [a.path for a in every if harmful.get(a.name) == ""][:_MOST_HARMFUL]:
            # A key that makes entities disappear shows its values for those that stay.
            name = name_of(path)
            answer = self._asker.ask(Question(model, level, scope.fixed, (path,)))
            stay = keep(answer, model, level)
            scope.rows = {i: {**r, name: stay[i].get(name, ())} if i in stay else r for i, r in scope.rows.items()}
            scope.partly.add(name)
        for row in scope.rows.values():
            scope.came |= row.keys()
        self._look_for_values(scope, every)
        for row in scope.rows.values():
            scope.shown |= {name for name, values in row.items() if values}

    def _look_for_values(self, scope: Scope, every: Sequence[About]) -> None:
        """Where empty keys bring back nothing of what every entity should have, ask for any value."""
        place, top = (scope.model, scope.level), standard.model(scope.model).levels[0]  # type: ignore[union-attr]
        own = [a for a in every if a.home == scope.level and not a.unique and not a.parent]
        shown = {name for row in scope.rows.values() for name, values in row.items() if values}
        usual = [a for a in own if a.required]
        if (len(usual) > 1 or (scope.model, top) in self.reader.silent) and not any(a.name in shown for a in usual):
            self.reader.silent.add(place)
            rows = dict(scope.rows)
            scope.partly |= self.reader.by_value(*place, scope.fixed, rows, [a for a in own if a.name not in shown])
            scope.rows = rows

    def below(self, model: str, scope: Scope) -> None:
        """Read the entities below those of a scope: all at once where the source allows it, else one by one."""
        found = standard.model(model)
        assert found is not None
        position = found.levels.index(scope.level)
        if position + 1 >= len(found.levels):
            return
        level = found.levels[position + 1]
        wanted = [p for n in _names_of(model, level) if (p := path_of(n)) is not None]
        if self._at_once(scope, level, wanted, 1):
            return
        by_value = (model, scope.level) in self.reader.silent
        several = by_value or (model, level) in self.reader.most
        asked_for = [a for a in subjects(model, level) if a.home == level and not a.unique and not a.parent]
        for identity in list(scope.rows)[: _SOME if several else MOST_WALKED]:
            unique = self._unique(model, scope.level, identity)
            if unique is None:
                return
            keys = (*self._parents(scope), unique)
            rows = self.reader.returns(model, level, keys, wanted)
            if rows is None:
                return
            if by_value:
                self.reader.by_value(model, level, keys, rows, asked_for[:_SOME])
                by_value = any(r.get(a.name) for r in rows.values() for a in asked_for)
            wanted = self._most_wanted(model, level, keys, wanted)
            scope.below[identity] = list(rows.values())

    def _most_wanted(self, model: str, level: str, keys: tuple[Key, ...], wanted: list[Path]) -> list[Path]:
        """Where few keys have room in a query, the first ones are enough of what lies below."""
        room = self.reader.room(model, level, keys)
        return wanted[: max(_FEW, room) * 3] if room else wanted

    def deepest(self, model: str, scope: Scope) -> None:
        """Carry up to a scope what lies two levels below, for the entities that have most below them."""
        found = standard.model(model)
        assert found is not None
        position = found.levels.index(scope.level)
        if position + 2 >= len(found.levels):
            return
        middle, level = found.levels[position + 1], found.levels[position + 2]
        wanted = [p for n in _names_of(model, level) if (p := path_of(n)) is not None]
        if self._at_once(scope, level, wanted, 2):
            return
        ranked = sorted(scope.below, key=lambda i: -len(scope.below[i]))
        # A few with much below them, and many with one member below: one query each tells all of those.
        chosen = ranked[:MOST_DEEP] + [i for i in ranked[MOST_DEEP:] if len(scope.below[i]) == 1][:MOST_SINGLE]
        for identity in chosen:
            if (model, level) in self.reader.most and len(scope.deep) >= _FEW:
                return
            unique = self._unique(model, scope.level, identity)
            members: list[Row] = []
            for row in scope.below[identity][:8]:
                inner = self._unique(model, middle, values_in(row, identities(model, middle)))
                if unique is None or inner is None:
                    return
                keys = (*self._parents(scope), unique, inner)
                rows = self.reader.returns(model, level, keys, wanted)
                if rows is None:
                    return
                wanted = self._most_wanted(model, level, keys, wanted)
                scope.nested[(unique, inner)] = list(rows.values())
                members += rows.values()
            if len(scope.below[identity]) <= 8:
                scope.deep[identity] = members

    def _at_once(self, scope: Scope, level: str, wanted: list[Path], steps: int) -> bool:
        """Read all entities of a lower level with one query, where the source answers it without their parents."""
        found = standard.model(scope.model)
        assert found is not None
        position = found.levels.index(scope.level)
        uppers = [path_of(found.unique_keys[i]) for i in range(position, position + steps)]
        if any(p is None for p in uppers) or (len(scope.rows) < 2 and steps == 1):
            return False
        keys = [p for p in uppers if p is not None]
        answer = self._asker.ask(Question(scope.model, level, self._parents(scope), (*wanted, *keys)))
        names = [name_of(p) for p in keys]
        if answer.failure or answer.partial or not all(r.get(n) for r in answer.rows for n in names):
            return False
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in keep(answer, scope.model, level).values():
            groups.setdefault(tuple(row[n][0] for n in names), []).append(row)
        if not {i[0] for i in scope.rows} <= {g[0] for g in groups}:
            return False
        for group, rows in groups.items():
            if (group[0],) not in scope.rows:
                continue
            if steps == 1:
                scope.below[group] = rows
            else:
                scope.nested[tuple(Key(p, v) for p, v in zip(keys, group, strict=True))] = rows
                scope.deep.setdefault((group[0],), []).extend(rows)
        return True

    def _parents(self, scope: Scope) -> tuple[Key, ...]:
        parents = standard.model(scope.model).unique_keys  # type: ignore[union-attr]
        return tuple(k for k in scope.fixed if name_of(k.path) in parents)

    def _unique(self, model: str, level: str, identity: Id) -> Key | None:
        found = standard.model(model)
        name = found.unique_key(level) if found else None
        path = path_of(name) if name else None
        return Key(path, identity[0]) if path is not None and identity and identity[0] else None


_WIDTHS = (1, 8, 60, 500)
"""Days on either side of one: a range is widened as long as its answer is read to the end."""


def _shifted(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return day


def _names_of(model: str, level: str) -> tuple[str, ...]:
    levels = standard.model(model).levels  # type: ignore[union-attr]
    here = levels.index(level)
    return tuple(a.name for a in subjects(model, level) if a.home in levels and levels.index(a.home) >= here)


__all__ = ["Scope", "Surveyor", "identities", "keep"]

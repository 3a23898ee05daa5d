"""Reading the values of entities: by empty keys, in pieces where many fail, by asking where empty keys bring nothing.

An empty key asks for a value back (PS3.4 C.2.2.1.3). There are sources that fail a query of many keys, some that fail
or lose rows over one of them, and some that return what was asked for by a value and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from worklint.network.ask import Answer, Asker, Key, Path, Question, Row, name_of, values_in
from worklint.network.dimse import identity_paths
from worklint.network.evidence import Id
from worklint.network.meaning import MOMENTS, TEXT
from worklint.network.subjects import About

_GROUP = 16
"""Attributes that are asked for together, each for any value."""
_EVER = {"DA": "19000101-", "TM": "000000-235959.999999", "DT": "19000101000000-"}
"""Ranges that hold every moment."""
_COUNTED = ("1", "2")
"""Numbers that counts and numbers of series or images have, wherever there are any."""
_HALVINGS = 4
"""Halves of halves of empty keys after which each is asked alone: where most are harmful, that is cheaper."""


class Reader:
    """Reads rows with all the attributes wanted at one source, and keeps what stood in the way.

    ``harmful``: by model and level the empty keys that fail a query (their status) or lose rows (no text). ``most``: so
    many elements an identifier may have, and the status where it has more. ``silent``: models and levels at which empty
    keys bring no value back.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.harmful: dict[tuple[str, str], dict[str, str]] = {}
        self.most: dict[tuple[str, str], tuple[int, str]] = {}
        self.silent: set[tuple[str, str]] = set()

    def returns(
        self, model: str, level: str, keys: tuple[Key, ...], wanted: Sequence[Path], expected: Sequence[Id] = ()
    ) -> dict[Id, Row] | None:
        """Return rows with all the attributes wanted; empty keys that refuse or lose rows are asked without."""
        good = tuple(p for p in wanted if name_of(p) not in self.harmful.get((model, level), {}))
        if (model, level) in self.most:
            return self._in_pieces(model, level, keys, good)
        answer = self._asker.ask(Question(model, level, keys, good))
        rows = keep(answer, model, level)
        if not answer.failure and set(expected) <= rows.keys() and (rows or not good):
            return rows
        plain = self._asker.ask(Question(model, level, keys))
        if plain.failure:
            return None
        everything = keep(plain, model, level).keys()
        if answer.failure or not everything <= rows.keys():
            if answer.failure and self._is_too_many(model, level, keys, good, answer.failure):
                return self._in_pieces(model, level, keys, good)
            found = self.harmful.setdefault((model, level), {})
            found.update(self._harm(model, level, keys, list(good), frozenset(everything)))
            good = tuple(p for p in good if name_of(p) not in found)
            answer = self._asker.ask(Question(model, level, keys, good))
            if answer.failure and self._is_too_many(model, level, keys, good, answer.failure):
                return self._in_pieces(model, level, keys, good)
        return None if answer.failure else keep(answer, model, level)

    def _is_too_many(
        self, model: str, level: str, keys: tuple[Key, ...], good: tuple[Path, ...], status: str
    ) -> bool:  # fmt: skip
        """Tell if so many empty keys fail a query, each of which fails none by itself; find how many do not."""
        least, most = 0, len(good)
        while most - least > 1:
            half = (least + most) // 2
            failure = self._asker.ask(Question(model, level, keys, good[:half])).failure
            least, most, status = (least, half, failure) if failure else (half, most, status)
        # The one that is too many does no harm in the place of another.
        if not least or self._asker.ask(Question(model, level, keys, good[1:most])).failure:
            return False
        self.most[(model, level)] = (elements(Question(model, level, keys, good[:least])), status)
        return True

    def room(self, model: str, level: str, keys: Sequence[Key]) -> int:
        """Return how many empty keys have room beside these keys; none: any number."""
        if (model, level) not in self.most:
            return 0
        return max(1, self.most[(model, level)][0] - elements(Question(model, level, tuple(keys))))

    def _in_pieces(
        self, model: str, level: str, keys: tuple[Key, ...], good: Sequence[Path]
    ) -> dict[Id, Row] | None:  # fmt: skip
        size = self.room(model, level, keys)
        out: dict[Id, dict[str, tuple[str, ...]]] = {}
        came = False
        for start in range(0, len(good), size):
            answer = self._asker.ask(Question(model, level, keys, tuple(good[start : start + size])))
            came |= not answer.failure
            for identity, row in keep(answer, model, level).items():
                out.setdefault(identity, {}).update(row)
        return dict(out) if came else None

    def _harm(
        self, model: str, level: str, keys: tuple[Key, ...], wanted: list[Path], everything: frozenset[Id],
        failed: int = 0,
    ) -> dict[str, str]:  # fmt: skip
        """Find which empty keys make a query fail (their status), or lose rows (no text), by halving.

        ``failed``: so many halves that this one is a part of were harmful.
        """
        if not wanted:
            return {}
        answer = self._asker.ask(Question(model, level, keys, tuple(wanted)))
        if not answer.failure and everything <= keep(answer, model, level).keys():
            return {}
        if len(wanted) == 1:
            return {name_of(wanted[0]): answer.failure}
        parts = 2 if failed < _HALVINGS else len(wanted)
        out: dict[str, str] = {}
        for number in range(parts):
            some = wanted[len(wanted) * number // parts : len(wanted) * (number + 1) // parts]
            out |= self._harm(model, level, keys, some, everything, failed + 1)
        return out

    # --- by value

    def by_value(
        self, model: str, level: str, keys: tuple[Key, ...], rows: dict[Id, Row], abouts: Sequence[About]
    ) -> set[str]:
        """Ask for any value of attributes of which an empty key brings none, and add to rows what comes back.

        Returns the names of those of which some rows stayed away: what these have is not known.
        """
        partly: set[str] = set()
        texts = [a for a in abouts if a.vr in TEXT or a.vr in MOMENTS]
        for start in range(0, len(texts), _GROUP):
            self._ask_any(model, level, keys, rows, texts[start : start + _GROUP], partly)
        for about in abouts:
            for text in _COUNTED if about.vr == "IS" else ():
                answer = self._asker.ask(Question(model, level, (*keys, Key(about.path, text))))
                self._add(rows, keep(answer, model, level), [about], {about.name: text})
                partly.add(about.name)
        return partly

    def _ask_any(
        self, model: str, level: str, keys: tuple[Key, ...], rows: dict[Id, Row], abouts: Sequence[About],
        partly: set[str],
    ) -> None:  # fmt: skip
        asked = {a.name: Key(a.path, _EVER.get(a.vr, "*")) for a in abouts}
        answer = self._asker.ask(Question(model, level, (*keys, *asked.values())))
        came = keep(answer, model, level)
        if len(abouts) > 1 and (answer.failure or not rows.keys() <= came.keys()):
            half = len(abouts) // 2
            self._ask_any(model, level, keys, rows, abouts[:half], partly)
            self._ask_any(model, level, keys, rows, abouts[half:], partly)
            return
        self._add(rows, came, abouts, {n: k.text for n, k in asked.items()})
        if not rows.keys() <= came.keys():
            partly |= asked.keys()

    def _add(
        self, rows: dict[Id, Row], came: dict[Id, Row], abouts: Sequence[About], asked: dict[str, str]
    ) -> None:  # fmt: skip
        for identity, row in came.items():
            if identity in rows:
                # Some sources send the key back in the place of the value.
                found = {a.name: row[a.name] for a in abouts if (a.name in row and row[a.name] != (asked[a.name],))
                         or (a.vr == "IS" and row.get(a.name))}  # fmt: skip
                rows[identity] = {**rows[identity], **found}


def identities(model: str, level: str) -> tuple[str, ...]:
    """Return the names of what identifies an entity of a level."""
    return tuple(name_of(p) for p in identity_paths(model, level))


def keep(answer: Answer, model: str, level: str) -> dict[Id, Row]:
    """Return the rows of an answer by identity; a row without one is no entity."""
    names = identities(model, level)
    found: dict[Id, Row] = {}
    for row in answer.rows:
        identity = values_in(row, names)
        if any(identity):
            found.setdefault(identity, row)
    return found


def elements(question: Question) -> int:
    """Return the number of elements of an identifier beside the level and the character set."""
    paths = (*identity_paths(question.model, question.level), *(k.path for k in question.keys), *question.empties)
    return len({p[0].tag for p in paths})


__all__ = ["Reader", "elements", "identities", "keep"]

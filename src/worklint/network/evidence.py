"""From answers to a behaviour: what a source was seen to do with one key, and what it was not seen *not* to do.

Inference is sound in one sense: a reason is left out of ``adds`` or ``misses`` only if some query would have shown it
and did not. Whatever was not put to the test stays in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from worklint.model import SPELLING
from worklint.network.meaning import FAMILY, FOREIGN, PATTERN_SQL, TRAILING, WIDE, Asked, matches, narrowed, widened

Id = tuple[str, ...]
NOT_SEEN = "not decidable here"
LOST = "lost"
"""Status of a finding: what has the value did not come back, and that is not enough to say that nothing does."""
EXCLUDES = "excludes"
"""Status of a finding: no entity is known to have the value asked for, and nothing comes back."""
UNSEEN = "unseen"
"""Status of a finding: no entity shows any value, and one that cannot exist brings nothing back.

What is ``applied`` then goes by attributes of the same kind.
"""
_OTHER = frozenset({"other"})
_BY_PLACE = frozenset({"one-value", "one-instance"})
"""Ways of losing a match that depend on which of several places a source looks at."""
_BROAD = frozenset({"wildcard-literal", "range-literal"})
"""Ways of losing that every value of a kind of matching shares; all others need a peculiar value."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An entity as one attribute knows it: its values (``None``: not known), and whether they lie in several below.

    ``members`` are then the different lists of values of the entities below.
    """

    id: Id
    values: tuple[str, ...] | None
    scattered: bool = False
    members: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """A key that was asked and the identities that came back. ``cut``: what did not come may only have been cut off.

    ``strangers`` are entities that were not known before, with the values that their rows show; ``expected``: the key
    took the place of one that narrows the scope, so that there are such entities.
    """

    asked: Asked
    kept: frozenset[Id]
    failure: str = ""
    cut: bool = False
    strangers: tuple[Subject, ...] = ()
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a source does with one key in one kind of matching.

    ``open_adds`` and ``open_misses`` are reasons that no query decided; ``excluded`` those that one excluded.
    """

    does: str
    adds: frozenset[str] = frozenset()
    misses: frozenset[str] = frozenset()
    open_adds: frozenset[str] = frozenset()
    open_misses: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    status: str = ""
    sql: bool = False
    why: str = ""
    trials: int = 0

    @property
    def blamed(self) -> frozenset[str]:
        """The reasons that were seen to work."""
        return frozenset("+" + r for r in self.adds) | frozenset("-" + r for r in self.misses)

    @property
    def excluded_adds(self) -> frozenset[str]:
        """The ways of adding that a query excluded."""
        return frozenset(r[1:] for r in self.excluded if r[0] == "+")

    @property
    def excluded_misses(self) -> frozenset[str]:
        """The ways of missing that a query excluded."""
        return frozenset(r[1:] for r in self.excluded if r[0] == "-")

    def leaving_open(self, reason: str) -> Found:
        """Return the finding with a way of adding that was not seen as one that was not excluded either."""
        if self.does != "applied" or reason in self.adds:
            return self
        return replace(self, open_adds=self.open_adds | {reason}, excluded=self.excluded - {f"+{reason}"})


@dataclass(slots=True)
class _Tally:
    kept: int = 0
    lost: int = 0
    added: int = 0
    left_out: int = 0
    gone: int = 0
    adds: set[str] = field(default_factory=set)
    misses: set[str] = field(default_factory=set)
    cleared_adds: dict[str, set[Id]] = field(default_factory=dict)
    cleared_misses: set[str] = field(default_factory=set)
    unexplained: list[tuple[Asked, tuple[frozenset[str], ...]]] = field(default_factory=list)
    lost_by: list[frozenset[str]] = field(default_factory=list)
    asked_in_vain: set[str] = field(default_factory=set)
    values_in_vain: set[str] = field(default_factory=set)
    places: dict[Id, list[frozenset[int]]] = field(default_factory=dict)

    def found_at(self, subject: Subject, asked: Asked, ways: frozenset[str]) -> None:
        """Count a match that was kept. That every place is looked at shows only where two were found, one by one."""
        self.kept += 1
        if "text-number" in ways and asked.text.strip().casefold() in {
            v.strip().casefold() for v in subject.values or ()
        }:
            # 7E1 finds 7e1 as text, where letter case and spaces do not count.
            ways -= {"text-number"}
        self.cleared_misses |= ways - _BY_PLACE
        if ways & _BY_PLACE:
            places = subject.members if subject.scattered else tuple((v,) for v in subject.values or ())
            here = frozenset(i for i, values in enumerate(places) if matches(asked, values))
            before = self.places.setdefault(subject.id, [])
            if here and any(not here & other for other in before):
                self.cleared_misses |= ways & _BY_PLACE
            before.append(here)


def infer(
    trials: Sequence[Trial],
    subjects: Sequence[Subject],
    possible_adds: frozenset[str],
    possible_misses: frozenset[str],
    complete: bool = True,
) -> Found:
    """Return what the trials show. ``complete``: the subjects are all that the queries can bring back."""
    if not trials:
        return Found("unknown", why=f"{NOT_SEEN}: it was not asked")
    answered = [t for t in trials if not t.failure]
    if not answered:
        status = trials[0].failure
        return Found("refused", status=status, trials=len(trials), why="every such query fails")
    tally = _Tally()
    known = {s.id: s for s in subjects}
    for trial in answered:
        _weigh(trial, known, tally, complete)
    count = len(trials)
    failures = len(trials) - len(answered)
    if failures:
        status = next(t.failure for t in trials if t.failure)
        return Found(
            "unknown", status=status, trials=count, why="some such queries fail and others are answered",
            excluded=frozenset(),
        )  # fmt: skip
    if tally.added and not tally.left_out and not tally.gone and "other" in _blame(tally):
        return Found("ignored", trials=count, why="entities without the value come back just the same")
    bare = [w for w in tally.lost_by if not w - _BROAD]
    if not tally.kept and not tally.added and bare:
        # Two patterns of one value may be lost for that value.
        if len(tally.asked_in_vain) >= 2 and len(tally.values_in_vain) >= 2:
            common = frozenset.intersection(*tally.lost_by) if tally.lost_by else frozenset()
            return Found(
                "nothing", misses=common or frozenset({"other"}), trials=count,
                why="nothing comes back, not even what has the value",
            )  # fmt: skip
        return Found(
            "applied", misses=frozenset({"other"}), open_misses=possible_misses, trials=count,
            open_adds=possible_adds - {r for r, ids in tally.cleared_adds.items() if len(ids) > 1 or r != "empty"},
            status=LOST, why="one value that an entity has was not found",
        )  # fmt: skip
    if not tally.kept and not tally.lost:
        if tally.added:
            reasons = _blame(tally)
            return Found("applied", adds=reasons - {PATTERN_SQL}, misses=frozenset({"other"}), trials=count,
                         sql=PATTERN_SQL in reasons, open_adds=possible_adds - reasons, open_misses=possible_misses,
                         why="no entity is known to have the value asked for")  # fmt: skip
        return Found(
            "unknown", trials=count, status=EXCLUDES,
            why=f"{NOT_SEEN}: no entity is known to have a value, and one that cannot exist brings nothing back",
        )  # fmt: skip
    adds = _blame(tally)
    misses = _losses(tally)
    cleared_adds = {r for r, ids in tally.cleared_adds.items() if len(ids) > 1 or r != "empty"} - adds
    cleared_misses = tally.cleared_misses - misses
    # Where every entity is one that was asked for, a key that is looked at and one that is not are alike.
    unlooked = frozenset() if tally.left_out or tally.added else frozenset({"other"})
    # Where no match was kept, that each has a reason of its own to be lost does not tell that the key is looked at.
    unkept = frozenset() if tally.kept else frozenset({"other"})
    sql = PATTERN_SQL in adds
    if tally.left_out > 1 and "other" not in adds:
        cleared_adds.add("other")
    if tally.kept and "other" not in misses:
        cleared_misses.add("other")
    if WIDE in misses:
        # Where a character counts as several, a pattern of that many question marks finds it.
        adds |= {WIDE}
        cleared_adds -= {WIDE}
    return Found(
        "applied",
        adds=frozenset(adds - {PATTERN_SQL}),
        misses=frozenset(misses),
        open_adds=possible_adds - adds - cleared_adds | unlooked,
        open_misses=(possible_misses | unkept) - misses - cleared_misses,
        excluded=frozenset("+" + r for r in cleared_adds) | frozenset("-" + r for r in cleared_misses),
        sql=sql,
        trials=count,
        why=_told(tally),
    )


def _weigh(trial: Trial, known: Mapping[Id, Subject], tally: _Tally, complete: bool) -> None:
    asked = trial.asked
    for subject in known.values():
        came = subject.id in trial.kept
        if subject.values is None:
            tally.gone += not came and not trial.cut
            continue
        if trial.cut and not came:
            continue
        if matches(asked, subject.values):
            ways = narrowed(asked, subject.values, subject.scattered)
            if came:
                tally.found_at(subject, asked, ways)
            else:
                tally.lost += 1
                tally.lost_by.append(ways)
                if not ways - _BROAD:
                    tally.asked_in_vain.add(asked.text)
                    tally.values_in_vain |= {v for v in subject.values if matches(asked, (v,))}
        else:
            found = widened(asked, subject.values)
            if came:
                tally.added += 1
                tally.unexplained.append((asked, found))
            else:
                tally.left_out += 1
                for way in found:
                    if len(way) == 1:
                        tally.cleared_adds.setdefault(next(iter(way)), set()).add(subject.id)
    shown = {s.id for s in trial.strangers}
    for stranger in trial.strangers:
        if stranger.values and not matches(asked, stranger.values):
            tally.added += 1
            tally.unexplained.append((asked, widened(asked, stranger.values)))
    if trial.kept - known.keys() - shown and complete and not trial.expected:
        tally.added += 1
        tally.unexplained.append((asked, ()))


def _blame(tally: _Tally) -> frozenset[str]:
    """Explain the extra rows by the fewest ways of comparing that no other row contradicts."""
    cleared = {r for r, ids in tally.cleared_adds.items() if r != "empty"}
    rows = [[w for w in ways if not w & cleared] or list(ways[:1]) for _, ways in tally.unexplained]
    rows.sort(key=lambda ways: sum(1 for w in ways if len(w) == 1))
    adds: set[str] = set()
    for ways in rows:
        if not any(w <= adds for w in ways):
            adds |= ways[0] if ways else {FOREIGN}
    return frozenset("other" if r in (FOREIGN, "number") else r for r in adds)


def _losses(tally: _Tally) -> frozenset[str]:
    """Explain each lost match: by a way that never let a match through, first where only one can be to blame."""
    rest = [ways - tally.cleared_misses for ways in tally.lost_by]
    rest = [(sure - _BROAD) or sure for sure in rest]
    misses = {next(iter(ways)) for ways in rest if len(ways) == 1}
    for ways, sure in zip(tally.lost_by, rest, strict=True):
        if not sure & misses:
            misses |= sure or (ways - _BROAD) or {"other"}
    return frozenset(misses)


def _told(tally: _Tally) -> str:
    return f"{tally.kept} matches kept, {tally.lost} lost; {tally.left_out} others left out, {tally.added} added"


def settle(found: Found, peers: Iterable[Found]) -> Found:
    """Decide what this attribute's values could not by what was seen at attributes of the same kind.

    Two of them must have excluded a reason, none may have shown it, and nothing that was seen may differ.
    """
    if found.does != "applied":
        return found
    if found.status == LOST:
        peers = list(peers)
        silent = [p for p in peers if p.does == "nothing"]
        if len(silent) > 1 and not any(p.does == "applied" and p.status != LOST for p in peers):
            return replace(found, does="nothing", misses=silent[0].misses)
    alike = [p for p in peers if p.does == "applied" and _agree(found, p)]
    open_adds, open_misses, excluded = set(found.open_adds), set(found.open_misses), set(found.excluded)
    # How several values of one attribute are held is no matter of how texts are compared. What differs by spelling
    # alone costs little where it stays open.
    # Spaces are stripped by whoever stores a value, or not: that differs from attribute to attribute.
    own = {"-joined", "-one-value", "-padding", f"-{TRAILING}", *(f"+{r}" for r in SPELLING)}
    if "-joined" not in found.excluded:
        own.add("+joined")
    for sign, undecided in (("+", open_adds), ("-", open_misses)):
        for reason in list(undecided):
            if sign + reason in own:
                continue
            cleared = sum(1 for p in alike if sign + reason in p.excluded)
            blamed = sum(1 for p in alike if sign + reason in p.blamed)
            # Few attributes hold several words: one that was seen not to be searched by word speaks for all.
            if cleared >= (1 if reason in ("word", FAMILY) else 2) and not blamed:
                undecided.discard(reason)
                excluded.add(sign + reason)
    return replace(
        found, open_adds=frozenset(open_adds), open_misses=frozenset(open_misses), excluded=frozenset(excluded)
    )


def knowing(found: Found, usual: Found) -> Found:
    """Leave out what was decided at other values of the attribute; that these are found says nothing of those."""
    return replace(
        found, open_adds=found.open_adds - (usual.excluded_adds - _OTHER),
        open_misses=found.open_misses - (usual.excluded_misses - _OTHER),
    )  # fmt: skip


def is_bare(asked: Asked, subject: Subject) -> bool:
    """Tell if an entity has what is asked for, and there is nothing peculiar for which it could be lost."""
    values = subject.values or ()
    return matches(asked, values) and not narrowed(asked, values, subject.scattered) - _BROAD


def _agree(a: Found, b: Found) -> bool:
    return not (a.blamed & b.excluded or a.excluded & b.blamed)

"""What several keys do, whichever they are: so many fail a query, or one of them is enough. As seen, and as written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from worklint.network.ask import Key, Question
from worklint.network.interactions import Together, known_value
from worklint.network.meaning import ask_single
from worklint.network.measure import Bench
from worklint.network.pairs import impossible
from worklint.network.subjects import About, subjects
from worklint.network.survey import Scope
from worklint.network.values import elements

MANY = 8
"""Keys with a value that are asked at once; worklists seldom have more."""

Json = dict[str, Any]


def measure(
    bench: Bench, scope: Scope, applied: Sequence[About], most: tuple[int, str] | None
) -> list[Together]:  # fmt: skip
    """Ask for what nobody has, and many keys at once, each of which is answered by itself.

    ``most``: so many elements an identifier was seen to have room for where most keys had no value, and the status
    where it had more.
    """
    return [*_nobody(bench, scope, applied), *_many(bench, scope, applied, most)]


def _nobody(bench: Bench, scope: Scope, applied: Sequence[About]) -> list[Together]:
    """Ask for a value that nobody has, by a key that is looked at: some sources then answer with everything."""
    about = next((a for a in applied if not a.unique), None)
    trial = bench.trial(about, ask_single(about.vr, impossible(about.vr))) if about is not None else None
    if trial is None or not bench.all_back(trial):
        return []
    return [Together("nobody", scope.model, scope.level, "adds")]


def _many(
    bench: Bench, scope: Scope, applied: Sequence[About], most: tuple[int, str] | None
) -> list[Together]:  # fmt: skip
    named = {k.path[0].tag: k for k in scope.fixed}
    for about in applied:
        value = known_value(scope, about)
        if value is not None and about.path[0].tag not in named and not about.unique:
            named[about.path[0].tag] = Key(about.path, value[1])
    keys = [k for k in named.values() if k not in scope.fixed][:MANY]
    every = _question(scope, keys)
    if most is not None and elements(every) <= most[0]:
        return [_said(scope, "mixed", most[0], "keys", most[1])]
    status = bench.asker.ask(every).failure if keys else ""
    if not status:
        return [_said(scope, "mixed", most[0], "keys", most[1])] if most is not None else []
    least, least_failing = 0, len(keys)
    while least_failing - least > 1:
        half = (least + least_failing) // 2
        failure = bench.asker.ask(_question(scope, keys[:half])).failure
        least, least_failing, status = (least, half, failure) if failure else (half, least_failing, status)
    if most is not None and elements(_question(scope, keys[:least])) == most[0]:
        return [_said(scope, "refused", most[0], "keys", status)]
    # The one that is too many does no harm in the place of another.
    alone = least > 0 and not bench.asker.ask(_question(scope, keys[1:least_failing])).failure
    values = len(scope.fixed) + least
    found = [_said(scope, "refused" if alone and values else "mixed", max(1, values), "values", status)]
    return [*found, _said(scope, "mixed", most[0], "keys", most[1])] if most is not None else found


def _question(scope: Scope, keys: Sequence[Key]) -> Question:
    return Question(scope.model, scope.level, (*scope.fixed, *keys))


def _said(scope: Scope, does: str, number: int, what: str, status: str) -> Together:
    return Together("many", scope.model, scope.level, does, str(number), what, status)


def told(together: Iterable[Together]) -> list[Json]:
    """Return the interactions of a profile that say what several keys of a query do, whichever they are."""
    out: list[Json] = []
    refusing: dict[tuple[str, str, str, str], list[str]] = {}
    for seen in together:
        where = {"model": seen.model, "level": seen.level}
        refused: Json = {"does": "refused", "status": seen.status}
        if seen.what == "many":
            query = refused if seen.does == "refused" else {"one-of": [refused, _MIXED]}
            which = "fails, whichever they are" if seen.does == "refused" else "may fail"
            out.append({
                "id": f"more-{seen.second}-{seen.model}-{seen.level}", "for": where,
                "when": {f"more-{seen.second}-than": int(seen.first)}, "then": {"query": query},
                "because": f"a query of more than {seen.first} {seen.second} {which}", "evidence": "probe",
            })  # fmt: skip
        elif seen.what in _MORE:
            names = [a.name for a in subjects(seen.model, seen.level) if not a.parent]
            which, because = _MORE[seen.what]
            out.append({
                "id": f"{seen.what}-{seen.model}-{seen.level}", "for": where, "when": {which: names},
                "then": {"query": {"does": "applied", "adds": ["other"]}}, "because": because, "evidence": "probe",
            })  # fmt: skip
        elif seen.what == "beside" and seen.does == "refused":
            refusing.setdefault((seen.model, seen.level, seen.first, seen.status), []).append(seen.second)
    for (model, level, first, status), seconds in refusing.items():
        out.append({
            "id": f"refused-beside-{first}-{model}-{level}", "for": {"model": model, "level": level},
            "when": {"all": [first], "any": seconds},
            "then": {"query": {"one-of": [{"does": "refused", "status": status}, _MIXED]}},
            "because": "beside that key the other failed the query", "evidence": "probe",
        })  # fmt: skip
    return out


_MORE = {
    "either": ("two-or-more", "of two keys one is enough, for what it finds alone"),
    "nobody": ("any", "where nothing matches everything is answered"),
}
_MIXED: Json = {"does": "applied", "adds": ["other"], "misses": ["other"]}

"""Check product files: what the JSON Schema and the reader cannot see. Every message says what to write instead.

Run ``python tools/lint_data.py [FILE …]``; without files all products of the database are checked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from worklint.judge.behaviour import _specificity, best_grade
from worklint.judge.value import MOMENT_VRS, Sent, in_class
from worklint.knowledge import data, products, standard
from worklint.knowledge.profile import Behaviour, Profile, ProfileError, Statement, Where
from worklint.knowledge.profile_reader import read_profile
from worklint.model import GRADES

_FOLDER = "dicom_dictionaries/products"
_MEASURED = "dicom_dictionaries/measured"
_SAMPLES = tuple(
    Sent(text, kind, vr, low=text.partition("-")[0], high=text.partition("-")[2], count=text.count("\\") + 1)
    for kind, vr, text in (
        ("single", "LO", "CHEST"), ("single", "LO", "Chest"), ("single", "LO", "é"), ("single", "LO", "7"),
        ("single", "LO", "x_y"), ("single", "LO", 'x"(y)-z'), ("single", "LO", " x"), ("single", "PN", "A^B"),
        ("single", "PN", "A^B^C^D"), ("single", "PN", "A"), ("single", "DA", "20240115"), ("single", "DA", "2024"),
        ("single", "TM", "10"), ("single", "TM", "101500.000000"), ("wildcard", "LO", "*"), ("wildcard", "LO", "A*"),
        ("wildcard", "LO", "A?B"), ("wildcard", "LO", "A*B"), ("wildcard", "LO", "*_a"), ("universal", "LO", "*"),
        ("range", "DA", "20240101-20240131"), ("range", "DA", "20240101-"), ("range", "DA", "-20240131"),
        ("range", "DA", "20240131-20240101"), ("range", "DA", "20240101-20240101"), ("range", "TM", "10-11"),
        ("multiple", "LO", "A\\B"), ("multiple", "LO", "A*\\B"), ("multiple", "DA", "2024-01\\2024-02"),
        ("list-of-uid", "UI", "1.2\\1.3"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file: where, what, and what would be right."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def _place(path: Iterable[str | int]) -> str:
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else (f".{step}" if out else str(step))
    return out or "top"


def schema_problems(content: Any) -> list[Problem]:
    """Return where a file is not of the JSON Schema."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(data.read_json("dicom_dictionaries/schema/profile.schema.json"))
    return [
        Problem(_place(e.absolute_path), f"{e.message[:200]} (profile.schema.json)")
        for e in validator.iter_errors(content)
    ]


def lint(content: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with the content of one product file."""
    found = schema_problems(content)
    try:
        profile = read_profile(products._with_base(dict(content)))
    except ProfileError as error:
        right = f"; {error.right}" if error.right else ""
        return [*found, Problem(_place(error.place), f"{error.message}{right}")]
    except FileNotFoundError:
        return [*found, Problem("extends", f"no product file {content.get('extends')!r}; name one of {_FOLDER}")]
    if found:
        return found
    for check in (_keywords, _levels, _releases, _unused, _settings, _wildcards, _ties, _measurements):
        found += check(content, profile)
    return found


# --- what a file names ------------------------------------------------------------------------------------------------


def _records(content: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every record that has a ``for``, with its place."""
    sections = [
        (name, content.get(name, []))
        for name in ("statements", "interactions", "lifts", "keeping", "facts", "models", "measurements")
    ]
    sections += [(f"service.{n}", content.get("service", {}).get(n, [])) for n in ("cap", "selectors", "hides")]
    negotiation = content.get("service", {}).get("negotiation", {})
    sections += [(f"service.negotiation.{n}", v) for n, v in negotiation.items() if isinstance(v, list)]
    sections += [("viewer.sends", content.get("viewer", {}).get("sends", []))]
    for name, records in sections:
        for i, record in enumerate(records):
            if not isinstance(record, str):
                yield f"{name}[{i}]", record
                for j, one in enumerate(record.get("then", {}).get("replace", [])):
                    yield f"{name}[{i}].then.replace[{j}]", one


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _selectors(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, members in content.get("sets", {}).items():
        yield from ((f"sets.{name}", m) for m in _texts(members))
    for place, record in _records(content):
        yield from ((f"{place}.for.attribute", s) for s in _texts(record.get("for", {}).get("attribute")))
        for part in ("all", "any", "none", "returns", "two-or-more"):
            yield from ((f"{place}.when.{part}", s) for s in _texts(record.get("when", {}).get(part)))
        for one in record.get("any-of", []):
            yield f"{place}.any-of", one if isinstance(one, str) else one["key"]


def _keywords(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    labels = profile.kind == "viewer" or bool(profile.labels) or profile.product.startswith("impax")
    for place, selector in _selectors(content):
        if selector[:1] in "#!*":
            continue
        for keyword in selector.split("."):
            if standard.attribute_by_keyword(keyword) or (len(keyword) == 8 and keyword[0].isdigit()):
                continue
            if ".any-of" in place and labels:
                continue  # a label of the viewer can be a selector too
            near = standard.nearest_keywords(keyword, 1)
            yield Problem(
                place, f"no attribute has the keyword {keyword}; " + (f"write {near[0]}" if near else "see PS3.6")
            )


def _levels(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    for place, record in _records(content):
        where = record.get("for", {})
        named = _texts(where.get("model")) or [o.model for o in profile.offered] or ["study-root", "patient-root"]
        models = [m for name in named if (m := standard.model(name))]
        for name in _texts(where.get("model")):
            if standard.model(name) is None:
                yield Problem(
                    f"{place}.for.model", f"no model {name!r}; write {standard.nearest_model(name) or 'study-root'}"
                )
        levels = list(dict.fromkeys(x for m in models for x in m.levels))
        for level in _texts(where.get("level")):
            if models and level not in levels:
                yield Problem(
                    f"{place}.for.level", f"{level!r} is no level of {', '.join(named)}; one of: {', '.join(levels)}"
                )
        if [m.id for m in models] == ["modality-worklist"]:
            yield from _nested(f"{place}.for.attribute", _texts(where.get("attribute")))


def _nested(place: str, attributes: list[str]) -> Iterator[Problem]:
    """A key of the scheduled step stands in its sequence (PS3.4 Table K.6-1)."""
    for keyword in attributes:
        if "." in keyword or keyword[:1] in "#!*":
            continue
        inside = ("ScheduledProcedureStepSequence", keyword)
        at_top = standard.key_rule("modality-worklist", "dimse", "worklist-item", (keyword,))
        rule = standard.key_rule("modality-worklist", "dimse", "worklist-item", inside)
        if at_top is None and rule is not None and not rule.open_ended:
            yield Problem(place, f"a key of the scheduled step: write {'.'.join(inside)}")


def _releases(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    known = profile.releases
    ordered = sorted(known, key=products.release_key)
    if list(known) != ordered:
        wrong = next(b for a, b in zip(known, ordered, strict=True) if a != b)
        yield Problem("releases", f"not in order: {wrong} stands too late; oldest first")
    if len(set(known)) < len(known):
        yield Problem("releases", "a release stands twice; once is enough")
    for place, record in _records(content):
        for one in _texts(record.get("for", {}).get("releases")):
            for bound in one.split("..") if ".." in one else [one.lstrip("<>= ")]:
                if bound not in known:
                    yield Problem(f"{place}.for.releases", f"{bound} is not in releases; add it there, in its place")


def _unused(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    text = json.dumps({k: v for k, v in content.items() if k != "citations"})
    for name in content.get("citations", {}):
        if f'"{name}"' not in text and not any(f"({name})" in note for note in profile.notes):
            yield Problem(
                f"citations.{name}",
                f"no record names it; take it out, name it under evidence, or in a note as ({name})",
            )
    used = {s[1:] for _, s in _selectors(content) if s[:1] in "#!"}
    for name in content.get("sets", {}):
        if name not in used:
            yield Problem(f"sets.{name}", f'no record uses it; take it out, or write "#{name}" under attribute')


def _settings(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    declared = {s.name: s for s in profile.settings}
    for place, record in _records(content):
        for name, wanted in record.get("for", {}).get("setting", {}).items():
            if name not in declared:
                yield Problem(f"{place}.for.setting", f'{name} is not declared; add "{name}": {{…}} to settings')
                continue
            values = declared[name].values
            for value in wanted if isinstance(wanted, list) else [wanted]:
                text = str(value).lower() if isinstance(value, bool) else str(value)
                if value is not None and values and text[:1] != ">" and text.lstrip("!") not in values:
                    yield Problem(
                        f"{place}.for.setting.{name}", f"{text} is no value of it; one of: {', '.join(values)}"
                    )


# --- what statements claim --------------------------------------------------------------------------------------------


def _named(where: Where, profile: Profile) -> dict[str, int]:
    """Return the keywords and classes that a record names, with how closely it names each."""
    found: dict[str, int] = {}
    for selector in where.attributes or (() if where.labels else ("*",)):
        if selector == "*":
            members, rank = ["*"], 4
        elif selector.startswith("#"):
            members, rank = sorted(profile.sets[selector[1:]]), 1
        elif selector.startswith("!"):
            members, rank = [selector], 2
        elif selector.startswith("*"):
            members, rank = [selector], 3
        else:
            members, rank = [selector], 0
        for member in members:
            found[member] = min(rank, found.get(member, rank))
    found.update({f"label {label.casefold()}": 0 for label in where.labels})
    return found


def _wildcards(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    for i, statement in enumerate(profile.statements):
        b, where = statement.behaviour, statement.where
        if "wildcard" not in where.kinds or b.does != "applied" or b.misses or b.adds or b.one_of:
            continue
        if best_grade(b.evidence) <= GRADES.index("code"):
            continue  # somebody looked: some products lay patterns over UIDs and numbers
        for name in _named(where, profile):
            attribute = standard.attribute_by_keyword(name.split(".")[-1])
            if attribute is None or (where.vrs and attribute.vr not in where.vrs):
                continue
            vr = attribute.vr.split(" ")[0]
            if vr in MOMENT_VRS | {"UI", "IS", "DS", "AS"} and standard.permitted(vr, "wildcard", False) == "no":
                yield Problem(
                    f"statements[{i}]",
                    f"a wild card in {name} (VR {vr}) cannot be exact; write misses wildcard-literal, or refused",
                )


def _same(one: Behaviour, two: Behaviour) -> bool:
    return (one.does, one.adds, one.misses, one.one_of) == (two.does, two.adds, two.misses, two.one_of)


def _meet(one: tuple[Any, ...], two: tuple[Any, ...]) -> bool:
    return not one or not two or bool(set(one) & set(two))


def _settings_meet(one: Where, two: Where) -> bool:
    other = dict(two.settings)
    for name, values in one.settings:
        if name not in other:
            continue
        pairs = [(a, b) for a in values for b in other[name]]
        if not any(_values_meet(a, b) for a, b in pairs):
            return False
    return True


def _values_meet(one: str | None, two: str | None) -> bool:
    if one is None or two is None:
        return one == two
    if one.startswith("!") or two.startswith("!"):
        return one.lstrip("!") != two.lstrip("!") or (one[:1] == two[:1])
    return one == two or one.startswith(">") or two.startswith(">")


def _values_of_one_key_meet(one: Where, two: Where) -> bool:
    if not one.values or not two.values:
        return True

    def fits(where: Where, sent: Sent) -> bool:
        return any(all(in_class(p, sent) for p in ([v] if v[:1] == "=" else v.split("+"))) for v in where.values)

    samples = [s for s in _SAMPLES if _meet((s.kind,), one.kinds) and _meet((s.kind,), two.kinds)]
    return any(fits(one, s) and fits(two, s) for s in samples)


def _both_can_hold(one: Where, two: Where, profile: Profile) -> bool:
    vrs = [set(w.vrs) | (standard.text_vrs() if "text" in w.vrs else set()) for w in (one, two)]
    releases = profile.releases or (None,)
    return (
        all(
            _meet(getattr(one, part), getattr(two, part))
            for part in ("models", "transports", "levels", "kinds", "roles", "products", "purposes")
        )
        and _meet(tuple(vrs[0]), tuple(vrs[1]))
        and not set(one.same) & set(two.differs)
        and not set(one.differs) & set(two.same)
        and (one.local is None or two.local is None or one.local == two.local)
        and _settings_meet(one, two)
        and _values_of_one_key_meet(one, two)
        and any(
            products.in_ranges(r, one.releases, profile.releases)
            and products.in_ranges(r, two.releases, profile.releases)
            for r in releases
        )
    )


def _ties(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    """Two statements that speak of one key with equal right and say different things."""
    groups: dict[tuple[Any, ...], list[tuple[int, Statement]]] = {}
    for i, statement in enumerate(profile.statements):
        if not statement.speaks_of_key or statement.behaviour.does == "also":
            continue
        for name, rank in _named(statement.where, profile).items():
            groups.setdefault((*_specificity(statement, rank), name), []).append((i, statement))
    told = set()
    for (*_, name), members in groups.items():
        for (i, one), (j, two) in combinations(members, 2):
            if (i, j) in told or _same(one.behaviour, two.behaviour):
                continue
            if _both_can_hold(one.where, two.where, profile):
                told.add((i, j))
                yield Problem(
                    f"statements[{i}] and [{j}]",
                    f"both speak of {name} with equal right and differ; give one a value, a setting or releases",
                )


def _measurements(content: Mapping[str, Any], profile: Profile) -> Iterator[Problem]:
    """What a probe wrote is of one release, is graded so, and says no more than it measured."""
    for i, one in enumerate(profile.measurements):
        place = f"measurements[{i}]"
        try:
            written = data.read_json(f"{_MEASURED}/{one.file}")
        except FileNotFoundError:
            yield Problem(f"{place}.file", f"there is no {_MEASURED}/{one.file}; tools/measure.py writes it")
            continue
        for problem in schema_problems(written):
            yield Problem(f"{place}.file", f"{one.file}: {problem}")
        if [r[:1] for r in one.where.releases] != ["="]:
            yield Problem(f"{place}.for.releases", 'one release was measured: write "=1.2.3"')
        if one.where.transports != tuple(written["transports"]):
            yield Problem(f"{place}.for.transport", f"it was measured over {', '.join(written['transports'])}")
        if not written.get("measured", {}).get("complete"):
            yield Problem(f"{place}.file", "the measurement ended early; measure again")
        if any(c["grade"] != "measured" for c in written["citations"].values()):
            yield Problem(f"{place}.file", "only what was measured stands there; state the rest in the product's file")


def main(arguments: list[str]) -> int:
    """Lint the files named, or all products; print the problems; return 1 if there are any."""
    paths = [Path(a) for a in arguments] or [data.path(f"{_FOLDER}/{p}.json") for p in products.product_ids()]
    count = 0
    for path in paths:
        try:
            found = lint(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            found = [Problem("file", str(error))]
        for problem in found:
            print(f"{path.name}: {problem}")
        count += len(found)
    print(f"{len(paths)} files, {count} problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

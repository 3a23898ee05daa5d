"""One product of the database in full, as sentences: what it is, what it does with keys, on what evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from worklint._version import __version__
from worklint.enterprise import parse_product
from worklint.knowledge import data, products
from worklint.knowledge.profile import Behaviour, Profile, SettingMap, When, Where
from worklint.model import Evidence
from worklint.record import is_record, names
from worklint.report.terminal import clean, paint, wrap
from worklint.report.words import REASON_WORDS, grade_words

SCHEMA = "worklint/source/1"

_DOES = {
    "ignored": "is ignored: whatever it asks for, nothing is filtered",
    "nothing": "makes the source answer with nothing",
    "refused": "makes the source refuse the whole query",
    "unknown": "nobody has evidence of what happens to it",
    "also": "on top of what else happens to it",
    "applied": "is applied",
}
_RETURNED = {
    "whole": "comes back with all its values",
    "part": "comes back with some of its values only",
    "other": "comes back changed (computed, joined, cut or emptied)",
    "no": "does not come back",
}
_CLASSES = {
    "*private": "private attributes", "*unknown": "tags that no dictionary knows", "*sequence": "keys in sequences",
    "*lower": "attributes of a lower level", "*higher": "attributes of a higher level",
    "*retired": "retired attributes", "*unique-key": "the unique key of the level",
    "*parent-uid": "unique keys of upper levels", "*": "every other attribute",
}  # fmt: skip
_GIVES = {
    "faithful": "kept and shown as it is",
    "partial": "missing at some entities, though it is there",
    "some-values": "shown with some of its values only",
    "never": "never kept",
    "wrong": "possibly any other value than the true one",
    "unknown": "of unknown worth",
    "behind": "possibly an earlier one than the true one",
    "shows": "shown as another one",
}


class UnknownProduct(Exception):
    """There is no such product, release or profile; the message offers the nearest."""


def find(word: str, folder: Path) -> tuple[Profile, str | None]:
    """Return the profile of ``PRODUCT[@RELEASE]``, or of a profile's file, and the release that was asked for.

    Raises:
        UnknownProduct: with the nearest.
        worklint.knowledge.profile.ProfileError: for a file that cannot be read as a profile.
    """
    if word.endswith((".yaml", ".yml", ".json")) or "/" in word:
        return products.profile_from_file(folder / word, word), None
    name, sign, release = word.partition("@")
    try:
        name, _ = parse_product(word)
    except ValueError as error:
        near = products.nearest_products(name)
        raise UnknownProduct(f"{word!r}: {f'did you mean {near[0]}?' if near else error}") from None
    whole = products.product(name)
    if whole is None:
        near = products.nearest_products(name)
        offer = f"did you mean {near[0]}?" if near else "`worklint source` lists the products"
        raise UnknownProduct(f"the database has no product {name!r}; {offer}")
    return (products.at_release(whole, release).profile, release) if sign else (whole, None)


def listed() -> Iterator[Profile]:
    """Yield the products of the database, in alphabetical order."""
    for name in products.product_ids():
        found = products.product(name)
        if found is not None:
            yield found


def list_lines(width: int, colour: bool) -> Iterator[str]:
    """Yield the list of products for a terminal."""
    everything = list(listed())
    first = max(len(p.product) for p in everything)
    for kind, title in (("source", "Sources"), ("viewer", "Viewers")):
        found = [p for p in everything if p.kind == kind]
        if not found:
            continue
        yield paint(title, "bold", colour)
        for profile in found:
            releases = _span_of(profile.releases)
            text = f"{profile.name}{', ' + releases if releases else ''}. {profile.description}"
            for i, line in enumerate(wrap(text, max(30, width - first - 4))):
                yield f"  {(profile.product if not i else '').ljust(first)}  {line}"
        yield ""
    yield "One in full: worklint source PRODUCT[@RELEASE]"
    yield paint(f"worklint {__version__}, database {data.database()}", "dim", colour)


def _span_of(releases: Sequence[str]) -> str:
    if not releases:
        return ""
    return releases[0] if len(releases) == 1 else f"{releases[0]} to {releases[-1]}"


def page_lines(profile: Profile, asked: str | None, width: int, colour: bool) -> Iterator[str]:
    """Yield the page of one product, or of one release of it."""
    release = f"@{profile.release}" if profile.release else ""
    yield paint(f"{profile.product}{release}  {profile.name}", "bold", colour)
    yield from wrap(profile.description, width)
    if asked is not None and asked != profile.release:
        yield from wrap(f"{asked} is not in the database: judged as {profile.release}.", width)
    if profile.aliases:
        yield from wrap(f"Also called {', '.join(profile.aliases)}.", width)
    if profile.releases:
        yield from wrap(f"Releases: {', '.join(profile.releases)}", width)
    if profile.kind == "source":
        yield f"Transports: {', '.join(profile.transports)}"
        models: dict[str, list[str]] = {}
        for offered in profile.offered:
            extra = _where(offered.where)
            models.setdefault(offered.model + (f" ({extra})" if extra else ""), []).append(offered.transport)
        for model, transports in models.items():
            yield f"Model: {model} over {' and '.join(dict.fromkeys(transports))}"
    for title, entries in _sections(profile):
        lines = list(_entries(entries, width))
        if lines:
            yield ""
            yield paint(title, "bold", colour)
            yield from lines
    yield ""
    yield paint(f"worklint {__version__}, database {data.database()}", "dim", colour)


Entry = tuple[str, str, tuple[Evidence, ...]]
"""A sentence, why it is so, and on what evidence."""


def _entries(entries: Iterable[Entry], width: int) -> Iterator[str]:
    told: tuple[Evidence, ...] = ()
    for sentence, because, evidence in entries:
        for i, line in enumerate(wrap(sentence, max(30, width - 4))):
            yield f"{'    ' if i else '  - '}{line}"
        if because:
            for line in wrap(f"because: {because}", max(30, width - 6)):
                yield f"      {line}"
        if evidence and evidence == told:
            yield "      evidence: as above"
        else:
            for one in evidence:
                dated = f", {one.date}" if one.date else ""
                yield f"      {grade_words(one.grade)}{dated}: {clean(one.citation)}"
        told = evidence


def _sections(profile: Profile) -> Iterator[tuple[str, list[Entry]]]:
    yield (
        "Settings that verdicts depend on",
        [
            (
                f"{s.name}: {s.meaning} [{' | '.join(s.values) or 'any text'}; "
                f"default {s.default if s.default is not None else 'not known'}]",
                "",
                (),
            )
            for s in profile.settings
        ],
    )
    yield (
        "Sets of attributes",
        [(f"{name}: {', '.join(sorted(members))}", "", ()) for name, members in sorted(profile.sets.items())],
    )
    yield "What a probe measured, and speaks first", [
        (f"{_where(m.where, True)}: {len(found.statements)} statements ({m.file})", "",
         tuple(dict.fromkeys(e for s in found.statements for e in s.behaviour.evidence)))
        for m in profile.measurements for found in [products.measurement(m.file)]
    ]  # fmt: skip
    yield "What happens to a key", [
        (f"{_where(s.where, True)}: {_behaviour(s.behaviour, s.speaks_of_key)}", s.behaviour.because,
         s.behaviour.evidence)
        for s in profile.statements
    ]  # fmt: skip
    yield (
        "Keys that change one another",
        [
            (f"{_when(i.when)}{_joined(_where(i.where))}: {_then(i)}", i.because, i.evidence)
            for i in profile.interactions
        ],
    )
    yield (
        "What the standard says and this product lifts",
        [(f"{name}{_joined(_where(where))}", "", ()) for name, where in profile.lifts],
    )
    yield (
        "What the values are worth",
        [
            (f"{_where(k.where, True)}: the value is {_keeping(k)}{_unless(k.unless_pair)}", k.because, k.evidence)
            for k in profile.keeping
        ],
    )
    yield (
        "Limits on the number of answers",
        [(f"{_cap(c)}{_joined(_where(c.where))}", c.because, c.evidence) for c in profile.caps],
    )
    yield "Keys that a query must have", [
        (f"one of {', '.join(f'{k} ({n} characters)' if n > 1 else k for k, n in s.alternatives)}"
         f"{_joined(_where(s.where))}", s.because, s.evidence)
        for s in profile.selectors
    ]  # fmt: skip
    yield (
        "What it holds and never shows",
        [(f"{h.what}{_joined(_where(h.where))}", h.because, h.evidence) for h in profile.hides],
    )
    yield (
        "Facts of a site with it",
        [(f"{f.rule}{_joined(_where(f.where))}{_unless(f.unless_pair)}", f.because, f.evidence) for f in profile.facts],
    )
    yield (
        "What the viewer can send",
        [(f"{_where(s.where, True)}: {s.sends}", s.because, s.evidence) for s in profile.sends],
    )
    yield "Negotiation", [
        *((f"{name}: {value}", "", ()) for name, value in profile.negotiation.items()),
        *((f"{g.option}: {'yes' if g.granted else 'no'}{_joined(_where(g.where))}", g.because, g.evidence)
          for g in profile.grants),
    ]  # fmt: skip
    yield "Notes", [(note, "", ()) for note in profile.notes]


def _then(interaction: Any) -> str:
    parts = [f"{_where(s.where, True)} {_behaviour(s.behaviour, s.speaks_of_key)}" for s in interaction.replace]
    if interaction.query is not None:
        parts.append(f"the whole query {_behaviour(interaction.query, True)}")
    if interaction.serves:
        parts.append(f"this is how `{interaction.serves}` can be asked")
    return "; ".join(parts)


def _behaviour(behaviour: Behaviour, speaks: bool) -> str:
    if behaviour.one_of:
        return "one of these, and it is not known which: " + "; or ".join(_behaviour(b, True) for b in behaviour.one_of)
    parts = []
    if speaks:
        text = _DOES[behaviour.does]
        if behaviour.does == "applied" and not behaviour.adds and not behaviour.misses:
            text = "is applied exactly as asked"
        if behaviour.status:
            text += f" (status {behaviour.status})"
        parts.append(text)
        if behaviour.adds:
            parts.append(f"adds rows: {_reasons(behaviour.adds)}")
        if behaviour.misses:
            parts.append(f"misses rows: {_reasons(behaviour.misses)}")
    if behaviour.returned in _RETURNED:
        parts.append(_RETURNED[behaviour.returned])
    return "; ".join(parts)


def _reasons(names: Iterable[str]) -> str:
    return ", ".join(f"{REASON_WORDS.get(n, n)} [{n}]" for n in REASON_WORDS if n in set(names))


def _keeping(keeping: Any) -> str:
    text: str = _GIVES.get(keeping.gives, keeping.gives)
    if keeping.order:
        text += f" ({' < '.join(keeping.order)})"
    if keeping.shows or keeping.shows_setting:
        text += f" ({', '.join(keeping.shows) or 'as the setting ' + keeping.shows_setting + ' says'})"
    return text


def _cap(cap: Any) -> str:
    rows = f"{cap.rows:,} rows" if cap.rows is not None else f"as many rows as {cap.setting or 'a setting'} says"
    if cap.refuses:
        return f"a query with more than {rows} is refused"
    parts = [f"at most {rows}", "the answer says that it was cut" if cap.signalled else "nothing tells that it was cut"]
    if cap.paging:
        parts.append("the rest can be fetched in pages")
    if cap.before_filter:
        parts.append("cut before the last keys are looked at")
    return "; ".join(parts)


def _unless(maps: Sequence[SettingMap]) -> str:
    return f"; unless a link has {' or '.join(map(_settings, maps))}" if maps else ""


def _joined(text: str) -> str:
    return f" ({text})" if text else ""


def _settings(settings: SettingMap) -> str:
    return " and ".join(f"{n} {' or '.join('not set' if v is None else v for v in values)}" for n, values in settings)


def _where(where: Where, subject: bool = False) -> str:
    """Return what a record speaks of; with ``subject`` beginning with the attributes."""
    parts = []
    names = [*where.attributes, *(f'"{label}"' for label in where.labels)]
    if names:
        parts.append(", ".join(_selector(n) for n in names))
    elif subject:
        parts.append("every key")
    simple = (
        ("VR", where.vrs), ("asked as", where.kinds), ("for values", where.values), ("at level", where.levels),
        ("in", where.models), ("over", where.transports), ("of", where.products), ("as", where.roles),
        ("for", where.purposes),
    )  # fmt: skip
    parts += [f"{word} {' or '.join(values)}" for word, values in simple if values]
    if where.local is not None:
        parts.append("at the local source" if where.local else "at other than the local source")
    for word, settings in (
        ("with", where.settings), ("with the viewer's", where.viewer_settings), ("with a link of", where.pair),
    ):  # fmt: skip
        if settings:
            parts.append(f"{word} {_settings(settings)}")
    if where.same:
        parts.append(f"where {', '.join(where.same)} agrees with the local source")
    if where.differs:
        parts.append(f"where {' or '.join(where.differs)} differs from the local source")
    if where.spokes:
        parts.append(f"beside {where.spokes} spokes or more")
    if where.releases:
        parts.append(f"releases {', '.join(where.releases)}")
    return ", ".join(parts)


def _selector(name: str) -> str:
    if name.startswith("#"):
        return f"the set {name[1:]}"
    if name.startswith("!"):
        return f"attributes outside the set {name[1:]}"
    return _CLASSES.get(name, name)


def _when(when: When) -> str:
    parts = []
    for selectors, words in (
        (when.all, "all of"), (when.any, "any of"), (when.two_or_more, "two or more of"), (when.none, "none of"),
    ):  # fmt: skip
        if selectors:
            parts.append(f"{words} {', '.join(map(_selector, selectors))}")
    if when.two_or_more_join:
        parts.append(f"two or more keys that are looked for in the {when.two_or_more_join}")
    if when.returns:
        parts.append(f"returning {', '.join(map(_selector, when.returns))}")
    if when.date_and_time:
        parts.append("a date and its time")
    if when.without_keys:
        parts.append("no key with a value")
    if when.more_keys_than:
        parts.append(f"more than {when.more_keys_than} keys, with a value or without")
    if when.more_values_than:
        parts.append(f"more than {when.more_values_than} keys with a value")
    return f"A query with {' and '.join(parts)}" if parts else "Every query"


def list_json() -> str:
    """Return the list of products as JSON: ``worklint/source/1`` with ``products``."""
    found = [
        {"product": p.product, "name": p.name, "kind": p.kind, "description": p.description,
         "releases": list(p.releases), "transports": list(p.transports), "aliases": list(p.aliases)}
        for p in listed()
    ]  # fmt: skip
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in found)
    return f'{_head()},\n"products": [\n{lines}\n]\n}}\n'


def _head() -> str:
    tool = {"name": "worklint", "version": __version__, "database": data.database()}
    return f'{{\n"schema": "{SCHEMA}",\n"tool": {json.dumps(tool)}'


def page_json(profile: Profile) -> str:
    """Return one profile as JSON: ``worklint/source/1`` with ``profile``; what says nothing is left out."""
    return f'{_head()},\n"profile": {json.dumps(_plain(profile), ensure_ascii=False, indent=1)}\n}}\n'


_SETTING_MAPS = {"settings", "viewer_settings", "pair"}
_ALWAYS = {"rows", "default", "date"}


def _plain(value: Any, name: str = "") -> Any:
    if is_record(value):
        out = {}
        for member in names(value):
            found = _plain(getattr(value, member), member)
            if found not in (None, [], {}, "", False) or member in _ALWAYS:
                out[member] = found
        return out
    if name in _SETTING_MAPS and isinstance(value, tuple) and all(isinstance(v, tuple) for v in value):
        return {n: list(values) for n, values in value}
    if name == "unless_pair":
        return [_plain(v, "pair") for v in value]
    if name == "lifts":
        return [{"lifts": n, "where": _plain(w)} for n, w in value]
    if name == "alternatives":
        return [{"key": k, "at_least": n} for k, n in value]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(v) for v in value] if isinstance(value, tuple) else value

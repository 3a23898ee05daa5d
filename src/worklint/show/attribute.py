"""One attribute at every product and release of the database: what each matching kind gets there.

A small worklist is written for each matching kind, read by the language itself, and judged where nothing of a site is
known: no settings but the products' defaults, no neighbours, no viewer. So this can never differ from ``check``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from worklint.enterprise import parse_product
from worklint.judge import judge, mark_of, offers_model, verdict_name
from worklint.knowledge import data, labels, products, standard
from worklint.knowledge.labels import Label
from worklint.knowledge.profile import Profile
from worklint.model import REASONS, Attribute, Evidence, Worklist
from worklint.record import frozen, replace
from worklint.report.build import sign_of
from worklint.resolve import resolve
from worklint.sources import Site, Source, place_of, site_of
from worklint.syntax.parser import parse
from worklint.text import Text

_STEP = "ScheduledProcedureStepSequence"
_STUDY, _STEPS, _WORKITEMS = "study-root", "modality-worklist", "unified-procedure-step"
_DAY = date(2026, 1, 31)  # no comparison below is relative

# What is asked, by VR: an example of a legal value for each kind. Text VRs that are not listed get the last line.
_TESTS: dict[str, tuple[tuple[str, str], ...]] = {
    "UI": (("single", '= "1.2.3"'), ("list-of-uid", 'in ("1.2.3", "1.2.4")')),
    "DA": (("single", "= 2026-01-31"), ("range", "between 2026-01-01 and 2026-01-31")),
    "TM": (("single", "= 13:05"), ("range", "between 08:00 and 13:05")),
    "DT": (("single", "= 2026-01-31T13:05"), ("range", "between 2026-01-01T00:00 and 2026-01-31T13:05")),
    "number": (("single", "= 5"), ("range", "between 2 and 5")),
    "PN": (("single", '= "Doe^Jane"'), ("wildcard", 'like "Doe^*"'), ("any-of", 'in ("Doe^Jane", "Roe^Joe")')),
    "AS": (("single", '= "045Y"'), ("wildcard", 'like "04*"'), ("any-of", 'in ("045Y", "046Y")')),
    "CS": (("single", '= "CHEST"'), ("wildcard", 'like "CH*T"'), ("any-of", 'in ("CHEST", "ABDOMEN")')),
    "": (("single", '= "Chest"'), ("wildcard", 'like "Ch*t"'), ("any-of", 'in ("Chest", "Abdomen")')),
}
_NUMBERS = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "FL", "FD", "SV", "UV"})
_ALL = (("empty", "is empty"),)


class UnknownName(Exception):
    """Nothing in the dictionaries has this name; the message offers what is near."""


class Named(NamedTuple):
    """What was asked for: how the language writes it, the attribute behind it, the label and whose word it is."""

    written: str
    attribute: Attribute | None
    path: tuple[str, ...]
    label: Label | None
    viewer: str | None


class Asked(NamedTuple):
    """One question: a model, a level, a matching kind, and the worklist that asks it."""

    model: str
    level: str
    kind: str
    text: str
    worklist: Worklist


@frozen
class Row:
    """One verdict."""

    product: str
    release: str | None
    transport: str
    model: str
    level: str
    matching: str
    text: str
    verdict: str
    mark: str
    sign: str
    severity: str | None
    grade: str
    add_reasons: tuple[str, ...]
    miss_reasons: tuple[str, ...]
    rule: str | None
    message: str
    remedy: str
    evidence: tuple[Evidence, ...]


def known_names() -> tuple[str, ...]:
    """Return the names that can be asked for: all keywords, and the labels of viewers."""
    words = {label.label for v in labels.vocabularies() for label in labels.labels(v).values()}
    text = data.path("dicom_dictionaries/standard/attributes.csv").read_text(encoding="utf-8")
    words |= {line.split(",", 2)[1] for line in text.splitlines()[1:]}
    return tuple(sorted(words - {""}))


def named(word: str) -> Named:
    """Find an attribute by keyword, dotted keywords, tag, or label of a viewer.

    Raises:
        UnknownName: with the nearest names.
    """
    text = word.strip().strip('"')
    tag = text.strip("()").replace(",", "").replace(" ", "")
    found = standard.attribute_by_tag(tag) if len(tag) == 8 else None
    if found is not None:
        written = found.keyword or f"({tag[:4]},{tag[4:]})"
        return Named(written, found, (found.keyword,) if found.keyword else (), None, None)
    parts = tuple(text.split("."))
    attributes = [standard.attribute_by_keyword(p) for p in parts]
    if all(attributes):
        return Named(text, attributes[-1], parts, None, None)
    for viewer in labels.vocabularies():
        label = labels.find(text, viewer)
        if label is not None:
            behind = named(label.attribute) if label.attribute else None
            quoted = f'"{label.label}"'
            return Named(quoted, behind.attribute if behind else None, behind.path if behind else (), label, viewer)
    near = [*standard.nearest_keywords(parts[-1] if len(parts) > 1 else text)]
    near += [n for viewer in labels.vocabularies() for n in labels.nearest_labels(text, viewer) if n not in near]
    offer = f"did you mean {' or '.join(near[:3])}?" if near else "write a keyword of PS3.6, a tag, or a viewer's label"
    raise UnknownName(f"nothing is called {text!r}; {offer}")


def questions(name: Named, model: str | None = None, level: str | None = None) -> tuple[Asked, ...]:
    """Return what is asked of every product. Without a model: of studies, and of steps where the tables name it."""
    vr = name.attribute.vr.split(" ")[0] if name.attribute else name.label.vr if name.label else ""
    tests = (*_TESTS.get("number" if vr in _NUMBERS else vr, _TESTS[""]), *_ALL)
    if vr == "SQ":
        tests = _ALL
    lines: list[tuple[str, str, str, str]] = []
    for model_id in (model,) if model else _models(name):
        found = standard.model(model_id)
        for at in found.levels if found else ():
            if at == level or (level is None and (name.attribute or not name.label or at == name.label.level)):
                lines += [(model_id, at, kind, f"{_in(name, model_id)} {test}") for kind, test in tests]
    blocks = [
        f'worklist "{i}" {{ model {m} {f"level {at} " if len(_levels(m)) > 1 else ""}where {text} }}\n'
        for i, (m, at, _, text) in enumerate(lines)
    ]
    vocabulary = labels.labels(name.viewer) if name.viewer else {}
    resolved = resolve([parse(Text.of("".join(blocks)))], (), None, vocabulary, _DAY)
    by_name = {w.name: w for w in resolved.worklists if w.complete and w.constraints}
    return tuple(Asked(*line, by_name[str(i)]) for i, line in enumerate(lines) if str(i) in by_name)


def _levels(model: str) -> tuple[str, ...]:
    found = standard.model(model)
    return found.levels if found else ()


def _in(name: Named, model: str) -> str:
    """Write the name as this model knows it: most keys of a modality worklist stand in the items of one sequence."""
    if model == _STEPS and name.path and standard.key_rule(model, "dimse", _levels(model)[0], (_STEP, *name.path)):
        return f"{_STEP}.{name.written}" if name.label is None else f"{_STEP}.{'.'.join(name.path)}"
    return name.written


def _models(name: Named) -> Iterator[str]:
    if not name.path or name.path[0] != _STEP:
        yield _STUDY
    if name.path:
        for model in (_STEPS, _WORKITEMS):
            level = _levels(model)[0]
            for path in (name.path, (_STEP, *name.path)):
                rule = standard.key_rule(model, "dimse", level, path)
                if rule is not None and not rule.open_ended:
                    yield model
                    break


def rows(name: Named, asked: Sequence[Asked], only: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the verdicts, products in alphabetical order, their releases as listed.

    Raises:
        UnknownName: if one of ``only`` is no product.
    """
    viewer = _viewer(name)
    for product, releases in _products(only):
        for release in releases:
            spec = f"{product}@{release}" if release else product
            site = replace(site_of(None, [spec]), viewer=viewer)
            for transport in site.sources[0].profile.transports or ("dimse",):
                yield from _at(site, replace(site.sources[0], transport=transport), release, asked)


def _products(only: Sequence[str]) -> Iterator[tuple[str, tuple[str | None, ...]]]:
    wanted: dict[str, list[str]] = {}
    for text in only:
        try:
            product, release = parse_product(text)
        except ValueError as error:
            raise UnknownName(f"{text!r}: {error}") from None
        whole = products.product(product)
        if whole is None or whole.kind != "source":
            near = products.nearest_products(product)
            offer = f"did you mean {near[0]}?" if near else "`worklint source` lists them"
            raise UnknownName(f"{product!r} is no product that holds studies; {offer}")
        wanted.setdefault(whole.product, []).extend([release] if release else [])
    for product in wanted or products.product_ids():
        whole = products.product(product)
        if whole is not None and whole.kind == "source":
            yield product, tuple(wanted.get(product, ())) or whole.releases or (None,)


def _viewer(name: Named) -> Profile | None:
    """Only a label with nothing in DICOM behind it needs its viewer: nobody else can send it."""
    if name.viewer is None or name.attribute is not None:
        return None
    for product in products.product_ids():
        found = products.product(product)
        if found is not None and found.labels == name.viewer:
            chosen = products.profile(product, None)
            return chosen.profile if chosen else None
    return None


def _at(site: Site, source: Source, release: str | None, asked: Sequence[Asked]) -> Iterator[Row]:
    places: dict[str, Any] = {}
    for one in asked:
        if one.model not in places:
            place = place_of(site, source, one.worklist)
            places[one.model] = place if offers_model(place) is not False else None
        place = places[one.model]
        if place is None:
            continue
        cell = judge(one.worklist, place).cells[0]
        effect = cell.effect
        shown_adds = () if effect.rejected else tuple(sorted(effect.adds, key=REASONS.index))
        shown_misses = () if effect.rejected else tuple(sorted(effect.misses, key=REASONS.index))
        yield Row(
            source.product, release, source.transport, one.model, one.level, one.kind, one.text,
            verdict_name(effect), mark_of(effect, cell.severity), sign_of(effect, cell.grade, place.named),
            cell.severity, cell.grade, shown_adds, shown_misses, cell.cause.rule, cell.cause.message,
            cell.cause.remedy, cell.cause.evidence,
        )  # fmt: skip


class Group(NamedTuple):
    """Releases of one product over one transport with the same verdicts at one level."""

    product: str
    releases: tuple[str | None, ...]
    transport: str
    cells: Mapping[str, Row]

    @property
    def title(self) -> str:
        """The product and its releases, those that follow one another as first and last."""
        known = [r for r in self.releases if r]
        if not known:
            return self.product
        return f"{self.product} {known[0]}" + (f" - {known[-1]}" if len(known) > 1 else "")


def groups(found: Sequence[Row]) -> dict[tuple[str, str], list[Group]]:
    """Return, for each model and level, the verdicts folded: neighbouring releases that agree stand together."""
    cells: dict[tuple[str, str, str, str], dict[str | None, dict[str, Row]]] = {}
    for row in found:
        of_releases = cells.setdefault((row.model, row.level, row.product, row.transport), {})
        of_releases.setdefault(row.release, {})[row.matching] = row
    out: dict[tuple[str, str], list[Group]] = {key: [] for key in dict.fromkeys((r.model, r.level) for r in found)}
    for (model, level, product, transport), of_releases in cells.items():
        folded: list[Group] = []
        for release, kinds in of_releases.items():
            if folded and _same(folded[-1].cells, kinds):
                folded[-1] = folded[-1]._replace(releases=(*folded[-1].releases, release))
            else:
                folded.append(Group(product, (release,), transport, kinds))
        out[model, level] += folded
    return out


def _same(a: Mapping[str, Row], b: Mapping[str, Row]) -> bool:
    return all(replace(a[k], release=None) == replace(b[k], release=None) for k in a) and a.keys() == b.keys()


def database() -> str:
    """Return the date of the database that the verdicts come from."""
    return data.database()

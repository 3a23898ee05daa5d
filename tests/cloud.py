"""QIDO-RS servers that nobody tuned to, as known stores do their searches: each over a drawn archive, by its own rules.

A server is data: which attributes it takes, how it compares, what it returns, how it cuts and pages, how it writes.
``Store.reply`` answers a URL; the probe asks it over HTTP (``web.serving``), a plain client without.
"""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from lab import heldout
from lab.ask import Answer, Identity, WebClient, url
from lab.compare import entities_of
from web import JSON, Reply
from worklint.knowledge import standard
from worklint.model import Attribute
from worklint.oracle import matcher
from worklint.oracle.matcher import Entity

MODEL = "study-root"
LEVEL = {"studies": "study", "series": "series", "instances": "image"}
TEXTS = frozenset({"AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
ROOT = "/dicom-web"

STUDY = frozenset({
    "StudyInstanceUID", "PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName",
    "StudyDate", "StudyDescription", "ModalitiesInStudy",
})  # fmt: skip
SERIES = frozenset({"SeriesInstanceUID", "Modality", "PerformedProcedureStepStartDate", "ManufacturerModelName",
                    "SeriesNumber", "SeriesDescription"})  # fmt: skip
IMAGE = frozenset({"SOPInstanceUID", "SOPClassUID", "InstanceNumber"})
PARAMETERS = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")


@dataclass(frozen=True)
class Does:
    """What a server does. The defaults are those of one that knows everything and compares exactly.

    ``known``: the attributes that it takes, of the level asked at and those above; others are ``unknown`` (``refused``,
    ``ignored``, ``nothing``). ``lower``: the same of attributes of lower levels, or ``any`` entity below.
    ``fold``: ``case``, ``accent`` that do not count. ``over``: a limit above ``most`` is ``cut`` or ``refused``.
    ``offset``: ``yes``, ``ignored``, ``repeats`` the last row. ``options``: what becomes of parameters.
    """

    name: str
    known: frozenset[str] | None = None
    unknown: str = "refused"
    lower: str = "any"
    fold: frozenset[str] = frozenset()
    wild: bool = True
    lists: bool = True
    ranges: frozenset[str] | None = None
    strict_days: bool = False
    decodes: bool = True
    parents: bool = False
    returned: frozenset[str] | None = None
    default: int | None = None
    most: int | None = None
    over: str = "cut"
    warns: bool = False
    offset: str = "yes"
    loose: bool = False
    zipped: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


class Store:
    """A server with an archive in it."""

    def __init__(self, does: Does, found: heldout.Content) -> None:
        self.does, self.content = does, found
        self.at: dict[str, Mapping[Identity, Entity]] = {
            level: entities_of(found.instances, (), MODEL, level) for level in LEVEL.values()
        }
        self._values: dict[tuple[int, str], tuple[tuple[str, ...], bool]] = {}

    def reply(self, target: str, asked: Mapping[str, str]) -> Reply:
        """Answer a request as a script of ``web``."""
        status, rows, warning = self.search(target.removeprefix(ROOT))
        if status != 200:
            return status, {}, b"<html>no</html>"
        headers = {**JSON, **({"Warning": warning} if warning else {})}
        if not rows:
            return 204, headers, b""
        body = json.dumps(rows).encode()
        if self.does.zipped:
            return 200, {**headers, "Content-Encoding": "gzip"}, gzip.compress(body, 1)
        return 200, headers, body

    def search(self, target: str) -> tuple[int, list[Any], str]:
        """Return status, results and warning."""
        does, at = self.does, urlsplit(target)
        steps = at.path.strip("/").split("/")
        level = LEVEL.get(steps[-1])
        if level is None or (does.parents and len(steps) != {"study": 1, "series": 3, "image": 5}[level]):
            return 404, [], ""
        keys = [
            (_attribute(k), unquote(v))
            for k, v in zip(("StudyInstanceUID", "SeriesInstanceUID"), steps[1::2], strict=False)
        ]
        given: dict[str, str] = {}
        fields: list[str] = []
        for argument in filter(None, at.query.split("&")):
            name, _, value = argument.partition("=")
            if name == "includefield":
                fields += value.split(",")
            elif name in given:
                return 400, [], ""
            else:
                given[name] = unquote(value) if does.decodes else value
        limit, offset = (given.pop(n, None) for n in ("limit", "offset"))
        fuzzy, warning = False, ""
        for name in PARAMETERS:
            wanted, how = given.pop(name, "false") == "true", does.options.get(name, "ignored")
            if wanted and how == "refused":
                return 400, [], ""
            if wanted and how == "warned":
                warning = f'299 store "The {name} parameter is not supported."'
            fuzzy |= wanted and how == "does" and name == "fuzzymatching"
        if does.most and limit and int(limit) > does.most and does.over == "refused":
            return 400, [], ""
        for name, text in given.items():
            attribute = _attribute(name)
            how = self._takes(attribute, level, name)
            if how == "refused" or (attribute and does.strict_days and attribute.vr == "DA" and not _is_day(text)):
                return 400, [], ""
            if how == "nothing":
                return 200, [], ""
            if how == "looked":
                keys.append((attribute, text))
        if does.known is not None and does.unknown == "refused" and not all(self._shows(f, level) for f in fields):
            return 400, [], ""
        found = [e for e in self.at[level].values() if all(self._fits(e, a, t, fuzzy) for a, t in keys if a)]
        start = int(offset or 0) if does.offset != "ignored" else 0
        start -= does.offset == "repeats" and start > 0
        size = min(int(limit) if limit else does.default or 10**9, does.most or 10**9)
        if does.warns and len(found) > start + size:
            warning = '299 store "There are more results."'
        shown = sorted(does.returned or STUDY | SERIES | IMAGE)
        rows = [self._row(e, level, [*shown, *fields]) for e in found[start : start + size]]
        return 200, rows, warning

    def _takes(self, attribute: Attribute | None, level: str, name: str) -> str:
        does = self.does
        if attribute is None or "." in name:
            return does.unknown
        if self._below(attribute, level):
            return "looked" if does.lower == "any" else does.lower
        return "looked" if does.known is None or attribute.keyword in does.known else does.unknown

    def _below(self, attribute: Attribute, level: str) -> bool:
        if attribute.keyword == "ModalitiesInStudy":
            return False
        order = ("patient", *LEVEL.values())
        homes = standard.levels_of(attribute.keyword, MODEL)
        return (
            bool(homes) and level not in homes and all(order.index(h) > order.index(level) for h in homes if h in order)
        )

    def _shows(self, name: str, level: str) -> bool:
        attribute = _attribute(name)
        return (
            attribute is not None
            and (name in (self.does.known or ()) or name in (self.does.returned or ()))
            and not self._below(attribute, level)
        )

    def _fits(self, entity: Entity, attribute: Attribute, text: str, fuzzy: bool) -> bool:
        values, _ = self.values(entity, attribute)
        vr = attribute.vr.split(" ")[0]
        return any(self._is(vr, attribute.keyword, text, v, fuzzy) for v in values)

    def _is(self, vr: str, keyword: str, text: str, value: str, fuzzy: bool) -> bool:
        does = self.does
        if not value.strip():
            return False
        if vr == "UI":
            return value.strip() in (text.split(",") if does.lists else [text])
        if vr in ("DA", "TM", "DT") and "-" in text and (does.ranges is None or keyword in does.ranges):
            return _between(vr, text, value)
        stored, wanted = (self._folded(t.strip()) for t in (value, text))
        if fuzzy and vr == "PN":
            words = re.split(r"[\s^=]+", stored.casefold())
            return all(any(w.startswith(p) for w in words) for p in re.split(r"[\s^=]+", wanted.casefold()) if p)
        if does.wild and vr in TEXTS and re.search(r"[*?]", wanted):
            parts = ({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in wanted)
            return re.fullmatch("".join(parts), stored, re.DOTALL) is not None
        return stored == wanted

    def _folded(self, text: str) -> str:
        if "accent" in self.does.fold:
            text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
        return text.casefold() if "case" in self.does.fold else text

    def values(self, entity: Entity, attribute: Attribute) -> tuple[tuple[str, ...], bool]:
        """Return the values of an attribute at an entity, and whether they are those of lower ones."""
        known = (id(entity), attribute.keyword)
        if known not in self._values:
            self._values[known] = self._find(entity, (attribute,))
        return self._values[known]

    def _find(self, entity: Entity, path: tuple[Attribute, ...]) -> tuple[tuple[str, ...], bool]:
        computed = matcher.derived(path, entity)
        if computed is not None:
            return tuple(dict.fromkeys(computed)), False
        for one in matcher.ways_up(entity):
            values = matcher.values_of(one.dataset, path[-1])
            if values:
                return tuple(values), False
        below = [e for b in entity.below for e in (b, *b.below)]
        values = [v for e in below for v in matcher.values_of(e.dataset, path[-1])]
        return tuple(dict.fromkeys(values)), bool(values)

    def _row(self, entity: Entity, level: str, names: Sequence[str]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name in dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", *names)):
            attribute = _attribute(name)
            if attribute is None or attribute.vr == "SQ" or self._below(attribute, level):
                continue
            values = [v for v in self.values(entity, attribute)[0] if v.strip()]
            row[attribute.tag] = self._element(attribute.vr.split(" ")[0], values)
        return row

    def _element(self, vr: str, values: Sequence[str]) -> dict[str, Any]:
        if self.does.loose:
            return {"Value": list(values)} if values else {}
        told = [_told(vr, v) for v in values]
        return {"vr": vr, "Value": told} if told else {"vr": vr}


def _attribute(name: str) -> Attribute | None:
    return standard.attribute_by_keyword(name) or standard.attribute_by_tag(name)


def _told(vr: str, value: str) -> Any:
    if vr == "PN":
        return dict(zip(("Alphabetic", "Ideographic", "Phonetic"), value.split("="), strict=False))
    if vr in ("IS", "US", "SS", "UL", "SL") and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{8}|\d{8}-(\d{8})?|-\d{8}", text) is not None


def _between(vr: str, text: str, value: str) -> bool:
    low, _, high = text.partition("-")
    at = matcher.moment(value, vr)
    ends = [matcher.moment(t, vr) if t else None for t in (low, high)]
    if at is None or any(t and e is None for t, e in zip((low, high), ends, strict=True)):
        return False
    return (ends[0] is None or ends[0] <= at) and (ends[1] is None or at <= ends[1])


class Plain(WebClient):
    """The plain client of a store: it names no limit, and asks without a network."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def close(self) -> None:
        """Nothing is open."""

    def ask(self, model: str, level: str, keys: Any, empties: Any = ()) -> Answer:
        """Send one search and read the whole answer."""
        status, rows, _ = self.store.search(url("", model, level, keys, empties))
        if status >= 400:
            return Answer(0, frozenset(), f"HTTP {status}")
        tag = {"study": "0020000D", "series": "0020000E", "image": "00080018"}[level]
        return Answer(len(rows), frozenset((row[tag]["Value"][0].strip(),) for row in rows))


# --- stores -----------------------------------------------------------------------------------------------------------

CASE, BOTH = frozenset({"case"}), frozenset({"case", "accent"})
STORES = {
    does.name: does
    for does in (
        Does("of the standard", lower="ignored"),
        Does("all levels at once", fold=CASE, unknown="ignored"),
        Does("few attributes", STUDY | SERIES | IMAGE, lower="refused", fold=BOTH, wild=False, lists=False,
             strict_days=True, most=200, over="refused", options={"fuzzymatching": "does"}),
        Does("few that are ignored", STUDY | SERIES | IMAGE, unknown="ignored", lower="ignored", wild=False,
             ranges=frozenset({"StudyDate"}), options={"fuzzymatching": "does", "emptyvaluematching": "warned"}),
        Does("its own limit", default=9, most=1000, fold=CASE, options={"fuzzymatching": "warned"}),
        Does("its own limit, told", default=9, most=12, warns=True, unknown="ignored"),
        Does("pages that repeat", default=9, offset="repeats", lower="nothing"),
        Does("one page", default=9, most=9, offset="ignored", lower="ignored"),
        Does("percent as written", decodes=False, fold=CASE),
        Does("below its parents only", parents=True, lower="refused", zipped=True),
        Does("loose", STUDY | SERIES | IMAGE, unknown="nothing", loose=True, lower="nothing"),
        Does("hardly anything shown", returned=frozenset({"PatientName"}), known=STUDY | SERIES | IMAGE,
             unknown="ignored", lower="any", zipped=True, options=dict.fromkeys(PARAMETERS, "refused")),
    )
}  # fmt: skip

"""What the DICOM standard says: attributes, levels, models, key tables, matching kinds; values by way of ``values``.

Look-ups only, over the files of ``dicom_dictionaries/standard``; a file is read when the first question needs it.
Nothing here knows a product, and nothing decides a verdict.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal, NamedTuple

from worklint.knowledge import data
from worklint.knowledge.values import VRRule, canonical, legal_value, text_vrs, vr
from worklint.model import Attribute
from worklint.record import frozen

__all__ = [
    "KeyRule", "KeyType", "Model", "NegotiationOption", "Permission", "Status", "VRRule", "attribute_by_keyword",
    "attribute_by_tag", "canonical", "entity_levels", "is_combined_pair", "key_rule", "legal_value", "levels_of",
    "matching_section", "model", "models", "nearest_keywords", "nearest_model", "negotiation_options", "permitted",
    "replacement", "replacement_note", "resource", "statuses", "text_vrs", "time_of", "vr",
]  # fmt: skip

_FOLDER = "dicom_dictionaries/standard"

Permission = Literal["yes", "no", "negotiated", "implementation-defined", "built-in"]
KeyType = Literal["U", "R", "O", "RC", "OC", "-"]

# ---------------------------------------------------------------------------------------------------- attributes


@cache
def _attributes() -> bytes:
    # The whole of PS3.6 is searched as bytes: parsing 5,000 lines would cost more than a whole run of `check`.
    return data.path(f"{_FOLDER}/attributes.csv").read_bytes()


def _line(text: bytes, position: int) -> list[str]:
    start = text.rfind(b"\n", 0, position) + 1
    return text[start : text.find(b"\n", position)].decode("utf-8").split(",", 5)


def _attribute(fields: list[str], tag: str | None = None) -> Attribute:
    mask, keyword, vr, vm, retired, name = fields
    if name.startswith('"'):
        name = name[1:-1].replace('""', '"')
    return Attribute(keyword, tag or _first_tag(mask), vr, vm, name, retired == "Y")


def _first_tag(mask: str) -> str:
    # A repeating group named by keyword stands for its first element that no other attribute occupies.
    for digit in "0123":
        tag = mask.replace("x", digit if "xx" not in mask else "0")
        if tag == mask or _attributes().find(f"\n{tag},".encode()) < 0:
            return tag
    return mask.replace("x", "0")


@cache
def attribute_by_keyword(keyword: str) -> Attribute | None:
    """Return the attribute with this keyword in exactly this spelling (PS3.6), or ``None``.

    An element of a repeating group (``OverlayData``, 60xx) gets the tag of its first group.
    """
    if not (keyword.isascii() and keyword.isalnum()):
        return None
    text, needle = _attributes(), f",{keyword},".encode()
    position = text.find(needle)
    while position >= 0:
        fields = _line(text, position)
        if fields[1] == keyword:
            return _attribute(fields)
        position = text.find(needle, position + 1)
    return None


@cache
def attribute_by_tag(tag: str) -> Attribute | None:
    """Return the attribute with this tag, eight hexadecimal digits; ``None`` where PS3.6 has none.

    Private elements (odd group) are never in PS3.6.
    """
    tag = tag.upper()
    if not re.fullmatch("[0-9A-F]{8}", tag) or int(tag[3], 16) % 2:
        return None
    text = _attributes()
    position = text.find(f"\n{tag},".encode())
    if position >= 0:
        return _attribute(_line(text, position + 1))
    for mask, at in _masks():
        if all(m in ("x", t) for m, t in zip(mask, tag, strict=True)):
            return _attribute(_line(text, at), tag)
    return None


@cache
def _masks() -> tuple[tuple[str, int], ...]:
    found = re.finditer(rb"^([0-9A-F]*x[0-9A-Fx]*),", _attributes(), re.MULTILINE)
    return tuple((match[1].decode(), match.start()) for match in found)


@cache
def _keywords() -> dict[str, str]:
    lines = _attributes().decode("utf-8").splitlines()[1:]
    words = [line.split(",", 2)[1] for line in lines]
    return {word.casefold(): word for word in words if word}


@cache
def nearest_keywords(word: str, n: int = 3) -> tuple[str, ...]:
    """Return at most ``n`` keywords that the writer of ``word`` may have meant, nearest first.

    A word that differs from a keyword only in letter case, blanks or punctuation finds that keyword alone.
    """
    folded = "".join(c for c in word if c.isalnum()).casefold()
    keywords = _keywords()
    if folded in keywords:
        return (keywords[folded],)
    import difflib

    near = [k for k in keywords if abs(len(k) - len(folded)) <= 2 + len(folded) // 3]
    found = difflib.get_close_matches(folded, near, n, 0.75)
    if len(folded) > 5:
        # The beginning of a keyword is a keyword cut short; the common attributes have the short ones.
        found += [k for k in sorted(keywords, key=len) if k.startswith(folded) and k not in found]
    return tuple(keywords[k] for k in found[:n])


@cache
def _replacements() -> dict[tuple[str, str], tuple[str, str]]:
    import csv

    with data.path(f"{_FOLDER}/replacements.csv").open(encoding="utf-8", newline="") as file:
        return {(r["keyword"], r["level"]): (r["use"], r["note"]) for r in csv.DictReader(file)}


def replacement(keyword: str, level: str = "study") -> str | None:
    """Return the dotted keywords that people should use instead at this level; ``None`` if there is nothing better.

    For a retired attribute, or one that does not live at ``level`` (BodyPartExamined asked of studies).
    """
    table = _replacements()
    found = table.get((keyword, level)) or table.get((keyword, ""))
    return (found[0] or None) if found else None


def replacement_note(keyword: str, level: str = "study") -> str | None:
    """Return what to know about the replacement, or why there is none; ``None`` where the data say nothing."""
    table = _replacements()
    found = table.get((keyword, level)) or table.get((keyword, ""))
    return found[1] if found else None


def exchanged(keyword: str, level: str = "study") -> str | None:
    """Return the replacement of a keyword where a test of the one can be written as a test of the other: equal VR."""
    use = replacement(keyword, level)
    before = attribute_by_keyword(keyword)
    after = attribute_by_keyword(use.rpartition(".")[2]) if use else None
    return use if before and after and before.vr == after.vr else None


@cache
def _value_lists() -> dict[str, tuple[str, ...]]:
    import csv

    with data.path(f"{_FOLDER}/value_lists.csv").open(encoding="utf-8", newline="") as file:
        return {r["keyword"]: tuple(r["values"].split(";")) for r in csv.DictReader(file)}


def defined_values(keyword: str) -> tuple[str, ...]:
    """Return the enumerated values or defined terms of an attribute, in the order of PS3.3; empty for all others."""
    return _value_lists().get(keyword, ())


@cache
def _levels_file() -> bytes:
    return data.path(f"{_FOLDER}/levels.csv").read_bytes()


@cache
def entity_levels(keyword: str) -> tuple[str, ...]:
    """Return the levels (``patient study series image``) at whose entities the attribute stands (PS3.4 C.3.1, PS3.3).

    Empty for an attribute that stands at the top level of no composite object: nested, normalized, private, retired.
    """
    line = _levels_line(keyword)
    levels = line.split(",", 2)[1].split(";") if line else ()
    return tuple(level for level in levels if level != "non-patient-object")


def _levels_line(keyword: str) -> str:
    text = _levels_file()
    position = text.find(f"\n{keyword},".encode())
    if position < 0 or not keyword:
        return ""
    return text[position + 1 : text.find(b"\n", position + 1)].decode("utf-8")


def _is_derived(keyword: str) -> bool:
    # Attributes that a service computes (PS3.4 Table C.3-1) are in no object: they belong to their level alone.
    return _levels_line(keyword).endswith("PS3.4 Table C.3-1")


@cache
def _pairs() -> frozenset[tuple[str, str]]:
    lines = data.path(f"{_FOLDER}/date_time_pairs.csv").read_text(encoding="utf-8").splitlines()[1:]
    return frozenset((date, time) for date, time in (line.split(",") for line in lines))


def is_combined_pair(date_keyword: str, time_keyword: str) -> bool:
    """Tell whether the standard pairs this date with this time, so that both can be one moment (PS3.4 C.2.2.2.5.4)."""
    return (date_keyword, time_keyword) in _pairs()


def time_of(date_keyword: str) -> str | None:
    """Return the time attribute that is paired with a date attribute, or ``None``."""
    return next((time for date, time in _pairs() if date == date_keyword), None)


def date_of(time_keyword: str) -> str | None:
    """Return the date attribute that is paired with a time attribute, or ``None``."""
    return next((date for date, time in _pairs() if time == time_keyword), None)


# -------------------------------------------------------------------------------------------------------- models


@frozen
class Model:
    """An information model of a query service, or a search resource of DICOMweb.

    ``unique_keys`` is aligned with ``levels`` (empty text: the level has none), and so is ``level_values``, the
    values of QueryRetrieveLevel. ``value_unknown_rule``: what an entity without value does when a required key asks
    for one (``matches``, PS3.4 C.2.2.1.2; ``fails``, K.2.2.1.1.1; ``not-stated``). ``match_levels``: for a search
    resource, the entities whose attributes it may be asked by (PS3.18 10.6.1.2.1).
    """

    id: str
    name: str
    service: str
    section: str
    transport: str
    levels: tuple[str, ...]
    level_values: tuple[str, ...]
    unique_keys: tuple[str, ...]
    usual_level: str
    value_unknown_rule: str
    worklist: bool
    negotiation: str | None
    sop_classes: tuple[str, ...]
    retired: bool
    patient_at: str | None
    match_levels: tuple[str, ...]
    key_tables: tuple[str, ...]
    resources: tuple[tuple[str, tuple[str, ...]], ...]

    def unique_key(self, level: str) -> str | None:
        """Return the keyword of the level's unique key, or ``None``."""
        return (self.unique_keys[self.levels.index(level)] or None) if level in self.levels else None


def identity(model_id: str, level: str) -> tuple[str, ...]:
    """Return the keywords of the elements that tell rows of a level apart: a unique key, or those of a step's order."""
    found = model(model_id)
    key = found.unique_key(level) if found else None
    return (key,) if key else ("StudyInstanceUID", "RequestedProcedureID", "ScheduledProcedureStepSequence")


@cache
def _models() -> dict[str, Model]:
    found = {}
    for entry in data.read_json(f"{_FOLDER}/models.json")["models"]:
        found[entry["id"]] = Model(
            id=entry["id"],
            name=entry["name"],
            service=entry["service"],
            section=entry["section"],
            transport=entry["transport"],
            levels=tuple(entry["levels"]),
            level_values=tuple(entry.get("level_values", ())),
            unique_keys=tuple(entry["unique_keys"]),
            usual_level=entry["usual_level"],
            value_unknown_rule=entry["unknown_value"],
            worklist=entry["worklist_matching"],
            negotiation=entry.get("negotiation"),
            sop_classes=tuple(entry.get("sop_classes", {}).get("find", ())),
            retired=entry.get("retired", False),
            patient_at=entry.get("patient_at"),
            match_levels=tuple(entry.get("match", ())),
            key_tables=tuple(entry["keys"]),
            resources=tuple((level, tuple(ids)) for level, ids in entry.get("resources", {}).items()),
        )
    return found


def model(model_id: str) -> Model | None:
    """Return the model, or the DICOMweb search resource, with this id."""
    return _models().get(model_id)


def models() -> tuple[Model, ...]:
    """Return the models that a worklist can name, in the order of the standard; no DICOMweb resources."""
    return tuple(m for m in _models().values() if m.transport == "dimse")


def nearest_model(word: str) -> str | None:
    """Return the id of the model that the writer of ``word`` probably meant."""
    import difflib

    ids = [m.id for m in models()]
    found = difflib.get_close_matches("-".join(word.casefold().replace("_", " ").split()), ids, 1, 0.5)
    return found[0] if found else None


def resource(model_id: str, level: str, with_parent: bool = False) -> str | None:
    """Return the DICOMweb search resource that answers this model at this level, or ``None`` if there is none.

    ``with_parent``: the unique keys of the upper levels are known and stand in the path of the URL (PS3.18 10.6.1).
    """
    found = model(model_id)
    ids = dict(found.resources).get(level, ()) if found else ()
    return (ids[-1] if with_parent else ids[0]) if ids else None


# ---------------------------------------------------------------------------------------------------- key tables


@frozen
class KeyRule:
    """What a key table says of one key.

    ``key_type``: ``U`` unique, ``R`` required, ``O`` optional, ``RC`` and ``OC`` the same under a condition, ``-`` no
    matching key. ``kinds``: the matching kinds that the table itself states; empty where it leaves them to the VR.
    ``open_ended``: the key has no row of its own, it is one of "all other attributes".
    """

    key_type: KeyType
    return_type: str
    kinds: tuple[str, ...]
    remarks: tuple[str, ...]
    table: str
    open_ended: bool = False


class _Group(NamedTuple):
    table: str
    module: str
    rows: dict[str, dict[str, Any]]


@cache
def _table(name: str) -> dict[str, tuple[_Group, ...]]:
    levels = data.read_json(f"{_FOLDER}/models/{name}.json")["levels"]
    return {
        level: tuple(_Group(g["table"], g.get("module", ""), {r["keyword"]: r for r in g["keys"]}) for g in groups)
        for level, groups in levels.items()
    }


@cache
def _macro(name: str) -> dict[str, dict[str, Any]]:
    macros = data.read_json(f"{_FOLDER}/macros.json")["macros"]
    return {row["keyword"]: row for row in macros[name]}


def _items(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in row.get("includes", ()):
        found |= _macro(name)
    found |= {item["keyword"]: item for item in row.get("items", ())}
    return found


def _rule(row: dict[str, Any], table: str, inherited: KeyType, open_ended: bool = False) -> KeyRule:
    key: KeyType = inherited if row["key"] == "inherited" else row["key"]
    return KeyRule(
        key, row.get("return", ""), tuple(row.get("kinds", ())), tuple(row.get("remarks", ())), table, open_ended
    )


def _descend(row: dict[str, Any], group: _Group, path: tuple[str, ...]) -> KeyRule | None:
    """Follow the path below a row that the table prints."""
    rule = _rule(row, group.table, "-")
    for keyword in path:
        items, parent = _items(row), row["keyword"]
        if keyword in items:
            row = items[keyword]
            rule = _rule(row, group.table, rule.key_type)
        elif "*" in items:
            admitted = _modules().get(parent)
            if admitted is not None and keyword not in admitted:
                return None
            return _rule(items["*"], group.table, rule.key_type, open_ended=True)
        else:
            # The table prints some of the item's attributes or none: the rest are "other attributes" of the level.
            return KeyRule("-" if rule.key_type == "-" else "O", "", (), (), group.table, open_ended=True)
    return rule


@cache
def key_rule(
    model_id: str, transport: str, level: str, path: tuple[str, ...], with_parent: bool = False
) -> KeyRule | None:
    """Return what the key tables say of a key, or ``None`` where the attribute has no place at this level.

    ``path`` holds keywords, sequences first. With ``transport`` ``dicomweb`` the tables of the search resource are
    read (PS3.18 10.6.1.2), which admits keys of upper levels unless ``with_parent`` puts those into the URL.
    """
    found = model(model_id)
    if found is None or not path or level not in found.levels:
        return None
    if transport == "dicomweb" and found.transport == "dimse":
        found = model(resource(model_id, level, with_parent) or "")
        if found is None:
            return None
    entities = set(entity_levels(path[0]))
    # Where a search resource takes keys of other entities, their rows stand in the tables of those levels.
    levels = (level, *(other for other in ("study", "series", "image") if other in found.match_levels))
    if "patient" in found.match_levels and "patient" in entities:
        levels = (*levels, "study")
    groups = [g for name in found.key_tables for at in dict.fromkeys(levels) for g in _table(name).get(at, ())]
    for group in groups:
        if path[0] in group.rows:
            return _descend(group.rows[path[0]], group, path[1:])
    context = _identifier(found).get(path[0])
    if context:
        return context
    return _open_ended(found, level, path[0], groups)


@cache
def nested_paths(keyword: str, model_id: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths through sequences at which the model's key tables print this key, shortest first.

    The tables of the search resources that answer the model count too (PS3.18 10.6.1.2).
    """
    found = model(model_id)
    if found is None:
        return ()
    resources = [model(one) for _, ids in found.resources for one in ids]
    tables = dict.fromkeys(name for one in (found, *resources) if one for name in one.key_tables)
    paths: list[tuple[str, ...]] = []

    def descend(row: dict[str, Any], path: tuple[str, ...]) -> None:
        for name, item in _items(row).items():
            if name == keyword:
                paths.append((*path, name))
            if name not in path:
                descend(item, (*path, name))

    for table in tables:
        for groups in _table(table).values():
            for group in groups:
                for name, row in group.rows.items():
                    descend(row, (name,))
    return tuple(sorted(dict.fromkeys(paths), key=len))


def _open_ended(found: Model, level: str, keyword: str, groups: list[_Group]) -> KeyRule | None:
    """Resolve the rows "all other attributes of …"."""
    for group in groups:
        row = group.rows.get("*")
        if row is None:
            continue
        if found.match_levels:
            entities = set(entity_levels(keyword)) - ({"patient"} if _is_derived(keyword) else set())
            fits = bool(entities & set(found.match_levels))
        elif found.patient_at:
            fits = level in _model_levels(keyword, found)
        else:
            fits = keyword in _module(group.module)
        if fits:
            return _rule(row, group.table, "-", open_ended=True)
    return None


@cache
def _modules() -> dict[str, frozenset[str]]:
    modules = data.read_json(f"{_FOLDER}/modules.json")["modules"]
    return {name: frozenset(entry["attributes"]) for name, entry in modules.items()}


def _module(name: str) -> frozenset[str]:
    return _modules().get(name.removesuffix(" Module"), frozenset())


def _model_levels(keyword: str, found: Model) -> tuple[str, ...]:
    upper = "patient" if _is_derived(keyword) else found.patient_at
    entities = {upper if e == "patient" else e for e in entity_levels(keyword)}
    return tuple(level for level in found.levels if level in entities)


@cache
def _identifier_rows() -> tuple[dict[str, str], ...]:
    return tuple(data.read_json(f"{_FOLDER}/identifier.json")["attributes"])


def _identifier(found: Model) -> dict[str, KeyRule]:
    service = found.id.split("/")[0] if found.transport == "dicomweb" else found.id
    names = {service, *found.key_tables, *({"query-retrieve"} if found.patient_at else ())}
    return {
        row["keyword"]: KeyRule("-", row["response"], (), ("identifier-attribute",), row["section"])
        for row in _identifier_rows()
        if row["model"] in names
    }


@cache
def levels_of(keyword: str, model_id: str) -> tuple[str, ...]:
    """Return the levels of the model at which the attribute lives, in the model's order; none: it has no place there.

    Patient attributes count as study attributes where the model has no patient level (PS3.4 C.3.2). An attribute with
    a row in a key table lives at that table's level. For a path ask with its outermost keyword.
    """
    found = model(model_id)
    if found is None:
        return ()
    if len(found.levels) == 1:
        return found.levels if key_rule(model_id, found.transport, found.levels[0], (keyword,)) else ()
    printed = {
        level
        for name in found.key_tables
        for level, groups in _table(name).items()
        for group in groups
        if keyword in group.rows
    }
    return tuple(level for level in found.levels if level in printed or level in _model_levels(keyword, found))


# ---------------------------------------------------------------------------------- matching, negotiation, statuses


@cache
def _matching() -> dict[tuple[str, str], dict[str, Any]]:
    rows = data.read_json(f"{_FOLDER}/matching.json")["rows"]
    return {(one, row["kind"]): row for row in rows for one in row["vr"]}


def permitted(vr_name: str, kind: str, worklist_model: bool) -> Permission:
    """Tell whether a matching kind is defined for a VR (PS3.4 C.2.2.2), in worklist models by K.2.2.2.

    A kind that no table names is not permitted.
    """
    row = _matching().get((vr_name.split(" ")[0], kind))
    if row is None:
        return "no"
    found: Permission = row["worklist"] if worklist_model else row["permitted"]
    if worklist_model and found == "yes":
        found = row["permitted"]
    return found


def matching_section(vr_name: str, kind: str) -> str | None:
    """Return the section of PS3.4 that defines a matching kind for a VR."""
    row = _matching().get((vr_name.split(" ")[0], kind))
    return row["section"] if row else None


class NegotiationOption(NamedTuple):
    """One byte of the SOP Class Extended Negotiation of a query service."""

    byte: int
    option: str
    without: str
    accepted: str
    section: str
    dicomweb: str = ""


def negotiation_options(model_id: str) -> tuple[NegotiationOption, ...]:
    """Return what can be negotiated for a model, by byte; empty where its service negotiates nothing."""
    found = model(model_id)
    if found is None or found.negotiation is None:
        return ()
    return tuple(
        NegotiationOption(r["byte"], r["option"], r["without"], r["accepted"], r["section"], r.get("dicomweb", ""))
        for r in data.read_json(f"{_FOLDER}/negotiation.json")["options"]
        if r["service"] == found.negotiation
    )


class Status(NamedTuple):
    """A status of a response and what it means for the rows received.

    ``effect`` of: ``none may-add may-miss partial rejected rejected-or-partial``.
    """

    protocol: str
    code: str
    kind: str
    meaning: str
    effect: tuple[str, ...]
    section: str
    models: tuple[str, ...]


@cache
def statuses() -> tuple[Status, ...]:
    """Return the statuses of C-FIND and of DICOMweb searches, in the order of the file."""
    rows = data.read_json(f"{_FOLDER}/statuses.json")["statuses"]
    return tuple(
        Status(r["protocol"], r["code"], r["class"], r["meaning"], tuple(r["effect"]), r["section"], tuple(r["models"]))
        for r in rows
    )

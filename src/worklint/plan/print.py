"""Plans as others can execute them: DICOM JSON identifiers, findscu command lines, QIDO-RS URLs, text for people."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from worklint._version import __version__
from worklint.enterprise import Address
from worklint.judge import verdict_name
from worklint.judge.place import KeyAt
from worklint.knowledge import data, standard
from worklint.model import Attribute
from worklint.plan.negotiated import parameters
from worklint.plan.predicate import text_of
from worklint.plan.split import MOST_UIDS
from worklint.plan.types import NOTHING, Limit, Need, Path, Plan, PlannedQuery, Stay

SCHEMA = "worklint/plan/1"
_LEVEL_TAG = "00080052"
_CHARACTER_SET_TAG, _UTF_8 = "00080005", "ISO_IR 192"
_MODELS = {"patient-root": "-P", "study-root": "-S", "modality-worklist": "-W"}
_NUMBERS = frozenset({"IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"})
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NO_VALUE = '""'
"""What matches an entity without a value, where that was negotiated (PS3.4 C.2.2.2.7)."""
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


# --- identifiers ------------------------------------------------------------------------------------------------------


def identifier(query: PlannedQuery) -> dict[str, Any]:
    """Return the C-FIND identifier of a query as DICOM JSON (PS3.18 F.2); a fed key stands with zero length."""
    out: dict[str, Any] = {}
    model = standard.model(query.model)
    if model is not None and model.level_values:
        level = model.level_values[model.levels.index(query.level)]
        out[_LEVEL_TAG] = {"vr": "CS", "Value": [level]}
    fed = {n.attribute for n in query.needs}
    for path in (*_identity(query), *query.returns):
        _put(out, path, None)
    for key in query.keys:
        _put(out, key.path, None if key.dotted in fed else key)
    if _beyond_ascii(query):
        out.setdefault(_CHARACTER_SET_TAG, {"vr": "CS", "Value": [_UTF_8]})
    return _sorted(out)


def _beyond_ascii(query: PlannedQuery) -> bool:
    """Tell if the character set of the keys has to be named (PS3.4 C.4.1.1.3, PS3.3 C.12.1.1.2)."""
    return not all(v.isascii() for k in query.keys for v in wire_values(k))


def _identity(query: PlannedQuery) -> list[Path]:
    """Return the attributes that tell rows apart, and lead to the levels above."""
    model = standard.model(query.model)
    names: list[tuple[str, ...]] = []
    if query.model == "modality-worklist":
        names = [
            ("StudyInstanceUID",), ("RequestedProcedureID",),
            ("ScheduledProcedureStepSequence", "ScheduledProcedureStepID"),
        ]  # fmt: skip
    elif model is not None and query.level in model.levels:
        at = model.levels.index(query.level)
        names = [(k,) for k in model.unique_keys[: at + 1] if k]
        if query.level == "patient":
            names.append(("IssuerOfPatientID",))
    found = [[standard.attribute_by_keyword(k) for k in n] for n in names]
    return [tuple(a for a in path if a is not None) for path in found]


def _put(target: dict[str, Any], path: Path, key: KeyAt | None) -> None:
    for sequence in path[:-1]:
        element = target.setdefault(sequence.tag, {"vr": "SQ", "Value": [{}]})
        target = element["Value"][0]
    attribute = path[-1]
    tag = attribute.tag.replace("xx", "10").upper()
    if attribute.creator is not None:
        target.setdefault(f"{tag[:4]}0010", {"vr": "LO", "Value": [attribute.creator]})
    vr = attribute.vr.split(" ")[0]
    if vr == "SQ":
        target.setdefault(tag, {"vr": "SQ", "Value": [{}]})
        return
    if key is None:
        target.setdefault(tag, {"vr": vr})
        return
    if key.sent.kind == "empty" and vr == "PN":
        target[tag] = {"vr": vr, "Value": [{_GROUPS[0]: _NO_VALUE}]}
        return
    # A range looks like a negative number, "up to 1" like -1: what is no single value stays text.
    plain = key.sent.kind not in ("single", "wildcard", "list-of-uid", "multiple")
    target[tag] = {"vr": vr, "Value": [v if plain else _json_value(vr, v) for v in wire_values(key)]}


def wire_values(key: KeyAt) -> list[str]:
    """Return the values of a key as they go out; a range is one value."""
    sent = key.sent
    if sent.kind == "empty":
        return [_NO_VALUE]
    if sent.kind in ("list-of-uid", "multiple"):
        return sent.text.split("\\")
    if sent.kind == "datetime":
        # The dates and the times of one interval go out as two ranges.
        return [f"{sent.low[:8]}-{sent.high[:8]}" if sent.vr == "DA" else f"{sent.low}-{sent.high}"]
    return [sent.text]


def _json_value(vr: str, text: str) -> Any:
    if vr == "PN":
        return {name: group for name, group in zip(_GROUPS, text.split("="), strict=False) if group}
    if vr in _NUMBERS:
        try:
            number = float(text) if vr in ("DS", "FL", "FD") else int(text)
        except ValueError:
            return text
        # A spelling that JSON would lose goes out as text.
        return number if str(number) == text else text
    return text


def _sorted(found: dict[str, Any]) -> dict[str, Any]:
    out = {}
    for tag in sorted(found):
        element = found[tag]
        if element["vr"] == "SQ":
            element = {"vr": "SQ", "Value": [_sorted(i) for i in element["Value"]]}
        out[tag] = element
    return out


# --- command lines and URLs -------------------------------------------------------------------------------------------


def findscu(query: PlannedQuery, address: Address | None = None) -> str:
    """Return the command of DCMTK's findscu that sends a query; fed keys stand as ``{StudyInstanceUID}``."""
    words = ["findscu", _MODELS.get(query.model, "-S")]
    if address is not None:
        if address.calling:
            words += ["-aet", address.calling]
        if address.called:
            words += ["-aec", address.called]
    fed = {n.attribute for n in query.needs}
    model = standard.model(query.model)
    if model is not None and model.level_values:
        words += ["-k", f"QueryRetrieveLevel={model.level_values[model.levels.index(query.level)]}"]
    if _beyond_ascii(query):
        words += ["-k", f"SpecificCharacterSet={_UTF_8}"]
    valued = {k.path for k in query.keys}
    for path in dict.fromkeys((*_identity(query), *query.returns)):
        if path not in valued:
            words += ["-k", _dcmtk_path(path)]
    for key in query.keys:
        text = f"{{{key.dotted}}}" if key.dotted in fed else "\\".join(wire_values(key))
        words += ["-k", f"{_dcmtk_path(key.path)}={text}"]
    words += [address.host, str(address.port)] if address is not None else ["HOST", "PORT"]
    return " ".join(w if w in ("HOST", "PORT") else shlex.quote(w) for w in words)


def _dcmtk_path(path: Path) -> str:
    return ".".join([*(f"{_dcmtk_name(a)}[0]" for a in path[:-1]), _dcmtk_name(path[-1])])


def _dcmtk_name(attribute: Attribute) -> str:
    tag = attribute.tag.replace("xx", "10")
    return attribute.keyword or f"({tag[:4]},{tag[4:]})"


def url(query: PlannedQuery) -> str:
    """Return the QIDO-RS URL of a query, relative to the base of the service (PS3.18 10.6).

    Everything but RFC 3986's unreserved characters is percent-encoded inside a value; commas of lists are plain. Fed
    keys stand as ``{StudyInstanceUID}``. Options of negotiation are parameters (PS3.18 8.3.4).
    """
    fed = {n.attribute for n in query.needs}
    model = standard.model(query.model)
    parents = list(model.unique_keys[: model.levels.index(query.level)]) if model and model.levels else []
    in_path = [p for p in parents if any(k.dotted == p and k.sent.kind == "single" for k in query.keys)]
    place = ""
    left = list(query.keys)
    if parents and in_path == parents and query.level in ("series", "image"):
        for keyword, word in zip(("StudyInstanceUID", "SeriesInstanceUID"), ("studies", "series"), strict=True):
            key = next((k for k in left if k.dotted == keyword), None)
            if key is not None and keyword in parents:
                text = f"{{{keyword}}}" if keyword in fed else _encoded(key.sent.text)
                place += f"/{word}/{text}"
                left.remove(key)
    place += {"study": "/studies", "series": "/series", "image": "/instances", "patient": "/patients"}.get(
        query.level, "/workitems"
    )
    arguments = []
    for key in left:
        if key.dotted in fed:
            text = f"{{{key.dotted}}}"
        else:
            text = ",".join(_encoded(v) for v in wire_values(key))
        arguments.append(f"{_name(key.path)}={text}")
    arguments += [f"includefield={_name(p)}" for p in query.returns]
    arguments += [parameters(query.model)[option] for option in query.negotiation]
    if query.limit is not None and query.limit.paging and query.limit.rows:
        arguments += [f"limit={query.limit.rows}", "offset={offset}"]
    return place + ("?" + "&".join(arguments) if arguments else "")


def _name(path: Path) -> str:
    return ".".join(a.keyword or a.tag.replace("xx", "10") for a in path)


def _encoded(text: str) -> str:
    return "".join(
        c if c in _UNRESERVED else "".join(f"%{b:02X}" for b in c.encode("utf-8")) for c in text
    )  # fmt: skip


# --- JSON -------------------------------------------------------------------------------------------------------------


def query_json(query: PlannedQuery) -> dict[str, Any]:
    """Return one query as ``worklint/plan/1`` has it."""
    out: dict[str, Any] = {
        "id": query.id,
        "transport": query.transport,
        "model": query.model,
        "level": query.level,
    }
    if query.transport == "dicomweb":
        out["url"] = url(query)
    else:
        out["identifier"] = identifier(query)
    fed = {n.attribute for n in query.needs}
    parameters = sorted({k.sent.parameter.name for k in query.keys if k.sent.parameter and k.dotted not in fed})
    out |= {
        "negotiation": list(query.negotiation),
        "needs": [_need(n) for n in query.needs],
        "role": query.role,
        "remaining": "" if query.remaining == NOTHING else text_of(query.remaining),
        "returns": [_dotted(p) for p in query.returns],
        "cap": _cap(query.limit),
    }
    if query.of:
        out["of"] = list(query.of)
    if query.unchecked:
        out["unchecked"] = list(query.unchecked)
    if parameters:
        out["parameters"] = parameters
    return out


def _dotted(path: Path) -> str:
    return ".".join(a.display for a in path)


def _need(need: Need) -> dict[str, Any]:
    out: dict[str, Any] = {"query": need.query, "attribute": need.attribute, "group": need.group, "each": need.each}
    if not need.each:
        out["at-most"] = MOST_UIDS
    return out


def _cap(limit: Limit | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    return {"rows": limit.rows, "signalled": limit.signalled, "paging": limit.paging, "split": limit.split}


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return one plan as ``worklint/plan/1`` has it."""
    return {
        "worklist": plan.worklist,
        "source": plan.source,
        "as_written": verdict_name(plan.as_written),
        "as_planned": verdict_name(plan.as_planned),
        "add_reasons": sorted(plan.as_planned.adds),
        "miss_reasons": sorted(plan.as_planned.misses),
        "queries": [query_json(q) for q in plan.queries],
        "unite_on": list(plan.unite_on),
        "notes": list(plan.notes),
        "stays": [_stay(s) for s in plan.stays],
    }


def _stay(stay: Stay) -> dict[str, Any]:
    """Return what stays inexact, and why: ``constraint`` is its text, ``null`` for the list as a whole."""
    cause = stay.cause
    return {
        "constraint": None if stay.constraint is None else dict(cause.facts).get("text"),
        "rule": cause.rule,
        "because": cause.message,
        "remedy": cause.remedy,
        "evidence": [{"grade": e.grade, "citation": e.citation, "date": e.date} for e in cause.evidence],
    }


def document(plans: Sequence[Plan]) -> str:
    """Return all plans as one JSON text."""
    content = {
        "schema": SCHEMA,
        "tool": {"name": "worklint", "version": __version__, "database": data.database()},
        "plans": [plan_json(p) for p in plans],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


# --- text for people --------------------------------------------------------------------------------------------------


def lines(plan: Plan, address: Address | None = None) -> Iterator[str]:
    """Yield a plan as a person reads it: verdicts, queries, what remains to be checked, remarks."""
    yield f"{plan.source}: {_verdict(plan)}"
    for query in plan.queries:
        what = {"answer": "", "feeds": "  (feeds others)", "subtract": f"  (its rows are taken from {_and(query.of)})"}
        yield f"  {query.id}  {query.level} level{what[query.role]}"
        request = f"GET {url(query)}" if query.transport == "dicomweb" else findscu(query, address)
        yield f"      {request}"
        for need in query.needs:
            how = "one query each" if need.each else f"as lists of at most {MOST_UIDS}"
            yield f"      {need.attribute} from {need.query}, {how}"
        if query.negotiation and query.transport != "dicomweb":
            yield f"      negotiate: {', '.join(query.negotiation)}"
        if query.remaining != NOTHING:
            yield f"      check: {text_of(query.remaining)}"
        for text in query.unchecked:
            yield f"      cannot be checked there: {text}"
        if query.limit is not None:
            yield f"      {_limit_words(query.limit)}"
    for note in plan.notes:
        yield f"  note: {note}"
    for stay in plan.stays:
        yield f"  stays: {stay.cause.message}"


def _verdict(plan: Plan) -> str:
    written, planned = verdict_name(plan.as_written), verdict_name(plan.as_planned)
    why = [*sorted(plan.as_planned.misses), *sorted(plan.as_planned.adds)]
    return f"{written} as written, {planned} as planned" + (f" ({', '.join(dict.fromkeys(why))})" if why else "")


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _limit_words(limit: Limit) -> str:
    rows = f"{limit.rows} rows" if limit.rows else "some rows"
    if limit.paging:
        return f"answers come in pages of {rows}: ask for all of them"
    if limit.split:
        return f"answers end at {rows}: where one is full, halve the range of {limit.split} and ask again"
    return f"answers end at {rows}" + ("" if limit.signalled else ", and nothing tells")

"""The project file: what a site says of its sources, viewer, labels, parameters and rules, read strictly.

Every scalar is text, read by what its place expects. Mistakes are collected, so that one run tells them all. A
problem says where it is, what is there and what would be right; what may be a secret is never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from worklint.enterprise import (
    Address,
    DeclaredSource,
    Enterprise,
    IgnoreEntry,
    Link,
    RuleConfig,
    Settings,
    SiteLabel,
    SiteStatement,
    Spans,
    ViewerChoice,
    parse_address,
    parse_product,
    span_of,
)
from worklint.model import MATCHING_KINDS, REASONS, Parameter, Span
from worklint.yaml_text import INVISIBLE, Node, Problem, ProjectError, compose, nearest, problem_at, read_text

__all__ = [
    "Address", "DeclaredSource", "Enterprise", "IgnoreEntry", "Link", "Problem", "ProjectError", "RuleConfig",
    "SiteLabel", "SiteStatement", "ViewerChoice", "known_timezone", "load_project", "nearest_timezone",
    "parse_address", "parse_product", "read_project", "require_database", "span_of",
]  # fmt: skip

_T = TypeVar("_T")

PROJECT_FILE: Final = "worklint.yaml"

KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "project": (
            "enterprise", "database", "viewer", "timezone", "filters", "sources", "links", "labels", "parameters",
            "rules", "limits",
        ),
        "viewer": ("product", "settings"),
        "source": (
            "title", "product", "profile", "role", "hub", "local", "settings", "transport", "address", "auth", "keys",
        ),
        "auth": ("bearer", "user", "password"),
        "statement": ("matching", "does", "adds", "misses", "returned", "because"),
        "link": ("between", "settings"),
        "label": ("attribute", "vr", "level"),
        "parameter": ("example", "never-empty", "no-wildcards"),
        "rules": ("severity", "ignore"),
        "ignore": ("code", "files", "until", "reason"),
        "limits": (
            "file", "string", "nesting", "list", "constraints", "expanded",
        ),
    }
)  # fmt: skip
"""The keys of each kind of mapping; the schema for editors names the same ones."""

ROLES: Final = ("hub", "spoke", "standalone")
TRANSPORTS: Final = ("dimse", "dicomweb")
DOES: Final = ("applied", "ignored", "nothing", "refused", "unknown")
RETURNED: Final = ("whole", "part", "other", "no", "unknown")
LEVELS: Final = (
    "patient", "study", "series", "image", "worklist-item", "workitem", "patient-record", "instance", "product",
    "approval",
)  # fmt: skip
SEVERITY_WORDS: Final = ("error", "warning", "info", "off")
VRS: Final = (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN",
    "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
)  # fmt: skip

RESERVED: Final = frozenset(
    {
        "filter", "worklist", "where", "and", "or", "not", "in", "has", "all", "is", "empty", "like",
        "contains", "starts", "ends", "sounds", "with", "between", "within", "last", "next", "this", "older",
        "than", "ignoring", "ascending", "descending", "study", "series", "image", "group", "scope", "sources",
        "model", "level", "purpose", "show", "sort", "limit", "timezone", "description", "owner",
    }
)  # fmt: skip
"""Words of the worklist language; a source of that name could not be written in a worklist."""
CSV_COLUMNS: Final = frozenset(
    {
        "worklist", "constraint", "source", "verdict", "mark", "severity", "attribute", "tag", "vr", "level",
        "matching", "negated", "release", "rule", "message", "remedy", "grade", "citation", "file", "line", "column",
        "key",
        "as_planned", "constraints",
    }
)  # fmt: skip
NOT_VALUES: Final = frozenset({"na", "null", "nan", "none", "true", "false"})
"""Words that a spreadsheet or pandas takes for something else than text."""


def known_timezone(name: str) -> bool:
    """Return whether this is the name of a time zone (IANA) that this machine knows."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*", name) or name.startswith(("posix/", "right/")):
        return False
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def nearest_timezone(name: str) -> str | None:
    """Return the time zone whose name is most like this one, or none."""
    import zoneinfo

    zones = zoneinfo.available_timezones()
    city = {z.rpartition("/")[2].casefold(): z for z in sorted(zones)}
    return city.get(name.replace(" ", "_").casefold()) or nearest(name, sorted(zones))


_SOURCE_ID = re.compile("[A-Za-z][A-Za-z0-9_-]{0,31}")
_CODE = re.compile(r"WL(?:\d|\d{3})")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_NAME = re.compile(r"[^\W\d_](?:\w|-(?=\w))*")
_REFERENCE = re.compile(
    r"""[A-Z][A-Za-z0-9]* | \([0-9A-Fa-f]{4},\ ?[0-9A-Fa-f]{4}\) | [0-9][0-9A-Fa-f]{7}
        | \([0-9A-Fa-f]{4},\ ?(?:xx|[0-9A-Fa-f]{2})[0-9A-Fa-f]{2}\ "[^"\\]+"\)""",
    re.VERBOSE,
)
_KINDS = {"text": "a text", "mapping": "a mapping", "list": "a list"}


def _quoted(text: str) -> str:
    """What was written, if it is short and certainly no secret: a key typed for a value may be an address."""
    return f"`{text}`" if re.fullmatch(r"[\w .,+@/-]{1,40}", text) and "//" not in text else "this"


class _Reader:
    """Reads nodes by what their place expects; notes problems and reads on, so that one run tells them all."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, span: Span, message: str, remedy: str = "") -> None:
        self.problems.append(problem_at(span, message, remedy))

    def wrong(self, node: Node, message: str, remedy: str = "") -> None:
        self.note(node.span, message, remedy)

    def _kind(self, node: Node, wanted: str, place: str, example: str) -> bool:
        if node.kind == wanted:
            return True
        found = "nothing" if node.nothing else _KINDS[node.kind]
        self.wrong(node, f"{place} is {_KINDS[wanted]}, found {found}", f"write {example}")
        return False

    def pairs(self, node: Node, place: str, example: str) -> Iterator[tuple[str, Node, Node]]:
        """The entries of a mapping with free keys: key text, key, value. Each key once."""
        if not self._kind(node, "mapping", place, example):
            return
        if not node.entries:
            self.wrong(node, f"{place} has no entry", f"write {example}, or leave the key out")
        seen: dict[str, Node] = {}
        for key, value in node.entries:
            if key.kind != "text":
                self.wrong(
                    key, f"a key is a text, found {_KINDS[key.kind]}", "close braces and brackets before the colon"
                )
            elif key.text == "<<":
                self.wrong(key, "a merge key (<<)", "write every value where it holds")
            elif not key.text or INVISIBLE.search(key.text) or "\n" in key.text:
                self.wrong(key, "an empty key, or one with an invisible character", "write a name")
            elif key.text in seen:
                line = seen[key.text].span.line
                self.wrong(key, f"{_quoted(key.text)} is given twice (first in line {line})", "keep one")
            else:
                seen[key.text] = key
                yield key.text, key, value

    def fields(self, node: Node, kind: str, place: str, example: str) -> dict[str, Node]:
        """The entries of a mapping with known keys."""
        found: dict[str, Node] = {}
        for name, key, value in self.pairs(node, place, example):
            if name in KEYS[kind]:
                found[name] = value
                continue
            near = nearest(name, KEYS[kind])
            remedy = f"did you mean `{near}`?" if near else f"{place} takes {', '.join(KEYS[kind])}"
            self.wrong(key, f"unknown key {_quoted(name)} in {place}", remedy)
        return found

    def items(self, node: Node, place: str, example: str) -> tuple[Node, ...]:
        return node.items if self._kind(node, "list", place, example) else ()

    def text(self, node: Node, place: str, example: str = "a text", *, empty: bool = False) -> str | None:
        """One line of text. A folded one (``>``) is joined."""
        if not self._kind(node, "text", place, example) or (node.nothing and not empty):
            if node.nothing and node.kind == "text":
                self.wrong(node, f"{place} has no value", f"write {example}, or leave the key out")
            return None
        text = " ".join(node.text.split()) if "\n" in node.text else node.text
        if INVISIBLE.search(text):
            self.wrong(
                node, f"{place} holds a control character or one that changes the direction of text", "remove it"
            )
            return None
        if not empty and not text.strip():
            self.wrong(node, f"{place} is blank", f"write {example}, or leave the key out")
            return None
        return text

    def texts(self, node: Node, place: str, example: str) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one."""
        nodes = (node,) if node.kind == "text" else self.items(node, place, example)
        if node.kind == "list" and not node.items:
            self.wrong(node, f"{place} has no entry", f"write {example}, or leave the key out")
        return tuple(t for n in nodes if (t := self.text(n, place, example)) is not None)

    def choice(self, node: Node, place: str, offered: Sequence[str]) -> str | None:
        text = self.text(node, place, " | ".join(offered))
        if text is None or text in offered:
            return text
        near = nearest(text, offered)
        remedy = f"did you mean `{near}`?" if near else f"write {', '.join(offered)}"
        self.wrong(node, f"{place} cannot be {_quoted(text)}", remedy)
        return None

    def choices(self, node: Node, place: str, offered: Sequence[str]) -> tuple[str, ...]:
        nodes = (node,) if node.kind == "text" else self.items(node, place, f"[{offered[0]}, {offered[1]}]")
        found = tuple(c for n in nodes if (c := self.choice(n, place, offered)) is not None)
        return tuple(dict.fromkeys(found))

    def flag(self, node: Node | None, place: str) -> bool:
        if node is None:
            return False
        text = self.text(node, place, "true or false")
        if text is not None and text.lower() not in ("true", "false"):
            self.wrong(node, f"{place} cannot be {_quoted(text)}", "write true or false")
        return text is not None and text.lower() == "true"

    def settings(self, node: Node | None, place: str) -> tuple[Settings, Spans]:
        if node is None:
            return (), ()
        found, spans = [], []
        for name, key, value in self.pairs(node, place, "{name-of-setting: value}"):
            if (text := self.text(value, f"the setting {_quoted(name)}", empty=not value.plain)) is not None:
                found.append((name, text))
                spans.append((f"settings.{name}", key.span))
        return tuple(found), tuple(spans)

    def parsed(self, node: Node, place: str, example: str, parse: Callable[[str], _T]) -> _T | None:
        """What ``parse`` makes of a text; its ``ValueError`` says what is wrong without repeating the text."""
        if (text := self.text(node, place, example)) is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            self.wrong(node, str(error))
            return None


def _viewer(r: _Reader, node: Node) -> ViewerChoice | None:
    example = "impax-client@6.5.1"
    if node.kind == "text":
        product = r.parsed(node, "`viewer`", example, parse_product)
        return ViewerChoice(*product, (), node.span) if product else None
    fields = r.fields(node, "viewer", "`viewer`", f"{{product: {example}}}")
    settings, spans = r.settings(fields.get("settings"), "`settings`")
    if "product" not in fields:
        if fields:
            r.wrong(node, "the viewer names no product", f"write product: {example}")
        return None
    product = r.parsed(fields["product"], "`product`", example, parse_product)
    spans = (("product", fields["product"].span), *spans)
    return ViewerChoice(*product, settings, fields["product"].span, spans) if product else None


def _source_id(r: _Reader, key: Node, taken: Mapping[str, str]) -> None:
    id_ = key.text
    if not _SOURCE_ID.fullmatch(id_):
        r.wrong(
            key, f"{_quoted(id_)} cannot name a source", "begin with a letter; letters, digits, _ and -, at most 32"
        )
    elif id_.casefold() in RESERVED:
        r.wrong(
            key,
            f"`{id_}` is a word of the worklist language and cannot name a source",
            f"write {id_}-1 or the site's name",
        )
    elif id_.casefold() in CSV_COLUMNS:
        r.wrong(
            key, f"`{id_}` is a column of the CSV output and cannot name a source", f"write {id_}-1 or the site's name"
        )
    elif id_.casefold() in NOT_VALUES:
        r.wrong(key, f"spreadsheets read `{id_}` as no text, so it cannot name a source", "write the site's name")
    elif id_.casefold() in taken:
        r.wrong(key, f"`{id_}` differs from `{taken[id_.casefold()]}` only in case", "name one of them otherwise")


def _statements(r: _Reader, node: Node) -> Iterator[SiteStatement]:
    for level, key, value in r.pairs(node, "`keys`", "{study: {BodyPartExamined: {does: ignored}}}"):
        if level not in LEVELS:
            near = nearest(level, LEVELS)
            r.wrong(
                key,
                f"{_quoted(level)} is no level",
                f"did you mean `{near}`?" if near else f"write {', '.join(LEVELS)}",
            )
        for attribute, name, body in r.pairs(value, f"level {_quoted(level)}", "{BodyPartExamined: {does: ignored}}"):
            if body.kind == "list" and not body.items:
                r.wrong(body, f"{_quoted(attribute)} has no entry", "write {does: ignored}, or leave the key out")
            for part in body.items if body.kind == "list" else (body,):
                yield _statement(r, level, attribute, name, part)


def _statement(r: _Reader, level: str, attribute: str, name: Node, body: Node) -> SiteStatement:
    fields = r.fields(body, "statement", "a statement", '{does: ignored, because: "seen on 2026-03-01"}')
    chosen = {k: r.choice(fields[k], f"`{k}`", o) for k, o in (("does", DOES), ("returned", RETURNED)) if k in fields}
    reasons = {k: r.choices(fields[k], f"`{k}`", REASONS) for k in ("adds", "misses") if k in fields}
    kinds = r.choices(fields["matching"], "`matching`", MATCHING_KINDS) if "matching" in fields else ()
    because = r.text(fields["because"], "`because`", '"who knows it, since when"') if "because" in fields else ""
    if reasons and chosen.get("does", "") != "applied" and (chosen.get("does") or "does" not in fields):
        r.wrong(name, "`adds` and `misses` belong to does: applied", "write does: applied, or remove them")
    elif fields and not reasons and "does" not in fields and "returned" not in fields:
        message = f"{_quoted(attribute)}: says neither what the source does nor what it returns"
        r.wrong(name, message, "add does: or returned:")
    return SiteStatement(
        level, attribute, kinds, chosen.get("does"), reasons.get("adds", ()), reasons.get("misses", ()),
        chosen.get("returned"), because or "", name.span,
    )  # fmt: skip


def _auth(r: _Reader, node: Node) -> tuple[tuple[str, str], ...]:
    found = []
    for what, value in r.fields(node, "auth", "`auth`", "{bearer: $NAME_OF_A_VARIABLE}").items():
        text = value.text if value.kind == "text" else ""
        if match := _VARIABLE.fullmatch(text):
            found.append((what, match[1] or match[2]))
        else:
            r.wrong(
                value,
                f"`{what}` takes the name of an environment variable and nothing else (not shown)",
                f"write {what}: $NAME",
            )
    return tuple(found)


def _source(r: _Reader, key: Node, node: Node) -> DeclaredSource | None:
    place = f"source {_quoted(key.text)}"
    fields = r.fields(node, "source", place, "{product: orthanc@1.12.4}")
    if not fields:
        return None
    get = fields.get
    if ("product" in fields) == ("profile" in fields):
        count = "both product and profile" if "product" in fields else "neither product nor profile"
        r.wrong(key, f"{place} names {count}", "write product: PRODUCT@RELEASE, or profile: and the path of a profile")
    product = r.parsed(fields["product"], "`product`", "orthanc@1.12.4", parse_product) if "product" in fields else None
    settings, spans = r.settings(get("settings"), "`settings`")
    address = (
        r.parsed(fields["address"], "`address`", "dicom://AETITLE@host:104", parse_address)
        if "address" in fields
        else None
    )
    transport = r.choice(fields["transport"], "`transport`", TRANSPORTS) if "transport" in fields else None
    if address and transport and address.transport != transport:
        r.wrong(fields["transport"], f"`transport` is {transport}, the address is of {address.transport}",
                "one source is one door: declare a second source for the other transport")  # fmt: skip
    role = r.choice(fields["role"], "`role`", ROLES) if "role" in fields else "standalone"
    hub = r.text(fields["hub"], "`hub`", "the id of a source") if "hub" in fields else None
    if hub is not None and role is not None and role != "spoke":
        r.wrong(fields["hub"], f"{place} names a hub, but its role is {role}", "write role: spoke, or remove hub:")
    optional = {k: r.text(fields[k], f"`{k}`") for k in ("title", "profile") if k in fields}
    return DeclaredSource(
        id=key.text, product=product[0] if product else None, release=product[1] if product else None,
        profile=optional.get("profile"), role=role or "standalone", hub=hub, local=r.flag(get("local"), "`local`"),
        settings=settings, transport=address.transport if address else transport, address=address,
        auth=_auth(r, fields["auth"]) if "auth" in fields else (),
        keys=tuple(_statements(r, fields["keys"])) if "keys" in fields else (),
        title=optional.get("title") or "", span=key.span,
        spans=(*((name, value.span) for name, value in fields.items()), *spans),
    )  # fmt: skip


def _sources(r: _Reader, node: Node) -> tuple[DeclaredSource, ...]:
    found: list[DeclaredSource] = []
    taken: dict[str, str] = {}
    for _, key, value in r.pairs(node, "`sources`", "{east: {product: impax@6.5.1}}"):
        _source_id(r, key, taken)
        taken.setdefault(key.text.casefold(), key.text)
        if source := _source(r, key, value):
            found.append(source)
    hubs = [s.id for s in found if s.role == "hub"]
    locals_ = [s for s in found if s.local]
    for source in locals_[1:]:
        r.note(
            span_of(source, "local"),
            f"`{locals_[0].id}` is the local source already",
            "keep one local: true; --local ID judges another",
        )
    return tuple(_with_hub(r, source, found, hubs) for source in found)


def _with_hub(
    r: _Reader, source: DeclaredSource, all_: Sequence[DeclaredSource], hubs: Sequence[str]
) -> DeclaredSource:
    if source.role != "spoke":
        return source
    if source.hub is None:
        if len(hubs) > 1:
            r.note(
                source.span, f"spoke `{source.id}` could belong to any of {', '.join(hubs)}", f"write hub: {hubs[0]}"
            )
        return source._replace(hub=hubs[0]) if len(hubs) == 1 else source
    named = next((s for s in all_ if s.id == source.hub), None)
    if named is None:
        near = nearest(source.hub, [s.id for s in all_])
        remedy = f"did you mean `{near}`?" if near else "declare it under sources:"
        r.note(span_of(source, "hub"), f"no source {_quoted(source.hub)} is declared", remedy)
    elif named.role != "hub":
        r.note(
            span_of(source, "hub"),
            f"`{named.id}` is no hub, its role is {named.role}",
            f"write role: hub at {named.id}, or name another",
        )
    return source


def _links(r: _Reader, node: Node, sources: Sequence[DeclaredSource]) -> Iterator[Link]:
    ids = [s.id for s in sources]
    example = "{between: [east, west], settings: {link-internal-queries: true}}"
    pairs: set[frozenset[str]] = set()
    for item in r.items(node, "`links`", f"[{example}]"):
        fields = r.fields(item, "link", "a link", example)
        settings, spans = r.settings(fields.get("settings"), "`settings`")
        if "between" not in fields:
            if fields:
                r.wrong(item, "a link says between which sources", "write between: [east, west]")
            continue
        between = fields["between"]
        ends = r.items(between, "`between`", "[east, west]")
        if between.kind == "list" and len(ends) != 2:
            r.wrong(between, f"`between` names two sources, found {len(ends)}", "write between: [east, west]")
        names = [t for end in ends if (t := r.text(end, "`between`", "[east, west]")) is not None]
        for end, name in zip(ends, names, strict=False):
            if name not in ids:
                near = nearest(name, ids)
                r.wrong(
                    end,
                    f"no source {_quoted(name)} is declared",
                    f"did you mean `{near}`?" if near else "declare it under sources:",
                )
        if len(ends) != 2 or len(names) != 2:
            continue
        if names[0] == names[1]:
            r.wrong(between, "a link joins two different sources", "write between: [east, west]")
        elif frozenset(names) in pairs:
            r.wrong(between, f"`{names[0]}` and `{names[1]}` are linked already", "put the settings into one entry")
        pairs.add(frozenset(names))
        yield Link((names[0], names[1]), settings, between.span, spans)


def _labels(r: _Reader, node: Node) -> Iterator[SiteLabel]:
    taken: dict[str, str] = {}
    for name, key, value in r.pairs(node, "`labels`", "{Triage: {attribute: none}}"):
        if name.casefold() in taken:
            r.wrong(key, f"{_quoted(name)} differs from {_quoted(taken[name.casefold()])} only in case", "keep one")
        taken.setdefault(name.casefold(), name)
        fields = r.fields(value, "label", f"label {_quoted(name)}", "{attribute: StudyComments}")
        texts = {k: r.text(fields[k], f"`{k}`") for k in ("attribute", "level") if k in fields}
        vr = r.choice(fields["vr"], "`vr`", VRS) if "vr" in fields else None
        level = r.choice(fields["level"], "`level`", LEVELS) if "level" in fields else None
        if fields and "attribute" not in fields:
            r.wrong(
                key,
                f"label {_quoted(name)} names no attribute",
                "write attribute: and a keyword or tag, or attribute: none",
            )
        attribute = texts.get("attribute")
        if attribute is not None and attribute.casefold() == "none":
            attribute = None
        elif attribute is not None and not _is_reference(attribute):
            r.wrong(fields["attribute"], f"{_quoted(attribute)} names no attribute",
                    'write a keyword, (gggg,eeee), (gggg,xxee "CREATOR"), or none')  # fmt: skip
        yield SiteLabel(name, attribute, vr, level, key.span, tuple((k, v.span) for k, v in fields.items()))


def _is_reference(text: str) -> bool:
    return bool(re.fullmatch(rf"(?:{_REFERENCE.pattern})(?:\.(?:{_REFERENCE.pattern}))*", text, re.VERBOSE))


def _parameters(r: _Reader, node: Node) -> Iterator[Parameter]:
    for name, key, value in r.pairs(node, "`parameters`", "{user: {never-empty: true}}"):
        if not _NAME.fullmatch(name):
            r.wrong(
                key, f"{_quoted(name)} cannot name a parameter", "write the name without $: letters, digits, _ and -"
            )
        fields = r.fields(value, "parameter", f"parameter {_quoted(name)}", "{never-empty: true}")
        example = r.text(fields["example"], "`example`", '"HOUSE^GREGORY"', empty=True) if "example" in fields else None
        flags = [r.flag(fields.get(k), f"`{k}`") for k in ("never-empty", "no-wildcards")]
        if example is not None and ((flags[0] and not example) or (flags[1] and re.search(r"[*?]", example))):
            r.wrong(fields["example"], "the example is a value that the parameter never has", "change one of them")
        yield Parameter(name, example, *flags)


def _rules(r: _Reader, node: Node, sources: Sequence[DeclaredSource]) -> RuleConfig:
    fields = r.fields(node, "rules", "`rules`", "{severity: {WL700: off}}")
    severity, spans = [], []
    if "severity" in fields:
        for code, key, value in r.pairs(fields["severity"], "`severity`", "{WL700: off}"):
            if not _CODE.fullmatch(code):
                r.wrong(
                    key, f"{_quoted(code)} is no rule code", "write WL and three digits, or WL and one for the hundred"
                )
            if word := r.choice(value, f"the severity of {_quoted(code)}", SEVERITY_WORDS):
                severity.append((code, word))
                spans.append((f"severity.{code}", key.span))
    ignore = tuple(_ignores(r, fields["ignore"], sources)) if "ignore" in fields else ()
    return RuleConfig(tuple(severity), ignore, (("rules", node.span), *spans))


def _ignores(r: _Reader, node: Node, sources: Sequence[DeclaredSource]) -> Iterator[IgnoreEntry]:
    example = '{code: WL120, reason: "why"}'
    ids = [s.id for s in sources]
    for item in r.items(node, "`ignore`", f"[{example}]"):
        fields = r.fields(item, "ignore", "an entry of `ignore`", example)
        for needed in ("code", "reason"):
            if fields and needed not in fields:
                r.wrong(item, f"an entry of `ignore` needs a {needed}", f"write {example}")
        text = r.text(fields["code"], "`code`", "WL120") if "code" in fields else None
        code, sign, source = (text or "").partition("@")
        if text is not None and not _CODE.fullmatch(code):
            r.wrong(
                fields["code"], f"{_quoted(code)} is no rule code", "write WL and three digits, perhaps @ and a source"
            )
        if sign and source not in ids:
            near = nearest(source, ids)
            r.wrong(
                fields["code"], f"no source {_quoted(source)} is declared", f"did you mean `{near}`?" if near else ""
            )
        files = r.texts(fields["files"], "`files`", '"archive/*"') if "files" in fields else ()
        until = r.parsed(fields["until"], "`until`", "2027-03-01", _date) if "until" in fields else None
        reason = r.text(fields["reason"], "`reason`", '"why"') if "reason" in fields else None
        if text is not None and reason is not None:
            yield IgnoreEntry(code, source or None, files, until, reason, fields["code"].span)


def _date(text: str) -> str:
    import datetime

    try:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "`until` is the last day of the exception; write a day of the calendar, as in 2027-03-01"
        ) from None
    return text


def _limits(r: _Reader, node: Node) -> Iterator[tuple[str, int]]:
    for name, value in r.fields(node, "limits", "`limits`", "{list: 10000}").items():
        text = r.text(value, f"`{name}`", "a number")
        if text is not None and not re.fullmatch("[1-9][0-9]{0,11}", text):
            r.wrong(value, f"`{name}` cannot be {_quoted(text)}", "write a number of 1 or more, in digits only")
        elif text is not None:
            yield name, int(text)


def _timezone(r: _Reader, node: Node) -> str | None:
    text = r.text(node, "`timezone`", "Europe/Brussels")
    if text is not None and not known_timezone(text):
        near = nearest_timezone(text)
        r.wrong(
            node,
            f"{_quoted(text)} is no time zone",
            f"did you mean `{near}`?" if near else "write an IANA name, as in Europe/Brussels",
        )
    return text


def _database(r: _Reader, node: Node) -> str | None:
    text = r.text(node, "`database`", '"2026.11"')
    if text is not None and not re.fullmatch(r"[0-9]{4}\.[0-9]{2}(?:\.[0-9]+)?", text):
        r.wrong(
            node,
            f"{_quoted(text)} is no date of a compatibility database",
            'write "2026.11", as `worklint --version` prints it',
        )
    return text


def read_project(text: str, folder: Path, file: str = PROJECT_FILE) -> Enterprise:
    """Read the text of a project file. ``file`` is what problems and spans call it; nothing is opened.

    Whether products, releases, settings, rule codes and attributes exist is not asked here.

    Raises:
        ProjectError: with every problem found, in the order of the file.
    """
    root = compose(text, file)
    r = _Reader()
    fields = r.fields(root, "project", "the project file", "`sources:` and so on, one key a line")
    sources = _sources(r, fields["sources"]) if "sources" in fields else ()
    enterprise = Enterprise(
        file=file, folder=folder,
        name=r.text(fields["enterprise"], "`enterprise`", "its name") if "enterprise" in fields else None,
        database=_database(r, fields["database"]) if "database" in fields else None,
        viewer=_viewer(r, fields["viewer"]) if "viewer" in fields else None,
        timezone=_timezone(r, fields["timezone"]) if "timezone" in fields else None,
        filters=tuple(t for n in r.items(fields["filters"], "`filters`", "[lists/*.worklist]")
                      if (t := r.text(n, "`filters`", "[lists/*.worklist]"))) if "filters" in fields else (),
        sources=sources,
        links=tuple(_links(r, fields["links"], sources)) if "links" in fields else (),
        labels=tuple(_labels(r, fields["labels"])) if "labels" in fields else (),
        parameters=tuple(_parameters(r, fields["parameters"])) if "parameters" in fields else (),
        rules=_rules(r, fields["rules"], sources) if "rules" in fields else RuleConfig(spans=(("rules", root.span),)),
        limits=tuple(_limits(r, fields["limits"])) if "limits" in fields else (),
        spans=(("", root.span), *((name, value.span) for name, value in fields.items())),
    )  # fmt: skip
    if r.problems:
        raise ProjectError(r.problems)
    return enterprise


def load_project(path: Path) -> Enterprise:
    """Read a project file from disk. Problems name it by its file name, never by where it lies.

    Raises:
        ProjectError: if it cannot be read, is not UTF-8, or holds a mistake.
    """
    text = read_text(path, path.name)
    return read_project(text, path.absolute().parent, path.name)


def require_database(enterprise: Enterprise, installed: str) -> None:
    """Hold the project's pin against the compatibility database that is installed.

    Raises:
        ProjectError: if the project wants another one, because other data means other verdicts.
    """
    if enterprise.database is not None and enterprise.database != installed:
        raise ProjectError([problem_at(
            span_of(enterprise, "database"),
            f"the project wants compatibility database {enterprise.database}, installed is {installed}",
            f'install the worklint with {enterprise.database}, or review the difference and write "{installed}"',
        )])  # fmt: skip

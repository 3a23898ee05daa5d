"""The project file: what a site says of its sources, viewer, labels, parameters and rules, read strictly.

Every scalar is text, read by what its place expects: YAML's own guesses would turn the source ``no`` into false, the
release ``1.10`` into 1.1 and the severity ``off`` into false. So this reads the parser's events, not its objects.
A problem says where it is, what is there and what would be right; what may be a secret is never repeated.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, TypeVar

from worklint.model import MATCHING_KINDS, REASONS, Parameter, Span

_T = TypeVar("_T")

PROJECT_FILE: Final = "worklint.yaml"
MAX_CHARACTERS: Final = 4_000_000
MAX_NESTING: Final = 32

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
            "file-bytes", "string-characters", "nesting", "list-items", "block-constraints", "expanded-constraints",
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
    "filter worklist where and or not in has all is empty like contains starts ends sounds with between within last "
    "next this older than ignoring ascending descending study series image group "
    "scope sources model level purpose show sort limit timezone description owner".split()
)
CSV_COLUMNS: Final = frozenset(
    "worklist constraint source verdict mark severity attribute tag vr level matching negated release rule message "
    "remedy grade citation file line column key as_planned constraints".split()
)
NOT_VALUES: Final = frozenset("na null nan none true false".split())
"""Words that a spreadsheet or pandas takes for something else than text."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file that a person wrote: where, what is there, what would be right."""

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """The problem as one line."""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{remedy}"


class ProjectError(Exception):
    """The project file cannot be used. Carries its problems in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems, sorted by place."""
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


Settings = tuple[tuple[str, str], ...]
Spans = tuple[tuple[str, Span], ...]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is reached. ``called`` and ``calling`` are AE titles (DIMSE only), ``path`` the base of DICOMweb."""

    scheme: str
    host: str
    port: int
    path: str = ""
    called: str | None = None
    calling: str | None = None

    @property
    def transport(self) -> str:
        """``dimse`` or ``dicomweb``."""
        return "dimse" if self.scheme in ("dicom", "dicoms") else "dicomweb"


@dataclass(frozen=True, slots=True)
class ViewerChoice:
    """The viewer whose labels, workflow rules and ways of sending apply."""

    product: str
    release: str | None
    settings: Settings
    span: Span
    spans: Spans = ()


@dataclass(frozen=True, slots=True)
class SiteStatement:
    """What the site knows of one attribute at one source; ``matching`` empty: of every kind.

    ``does`` is ``None`` where only ``returned`` is stated.
    """

    level: str
    attribute: str
    matching: tuple[str, ...]
    does: str | None
    adds: tuple[str, ...]
    misses: tuple[str, ...]
    returned: str | None
    because: str
    span: Span


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source as the project declares it. Exactly one of ``product`` and ``profile`` is set.

    ``profile`` is a path relative to the project's folder; ``auth`` pairs what is needed with the name of an
    environment variable; ``transport`` is what the address or the file says, ``None``: the product's usual one.
    """

    id: str
    product: str | None
    release: str | None
    profile: str | None
    role: str
    hub: str | None
    local: bool
    settings: Settings
    transport: str | None
    address: Address | None
    auth: tuple[tuple[str, str], ...]
    keys: tuple[SiteStatement, ...]
    title: str
    span: Span
    spans: Spans = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Properties of a pair of sources."""

    between: tuple[str, str]
    settings: Settings
    span: Span
    spans: Spans = ()


@dataclass(frozen=True, slots=True)
class SiteLabel:
    """A label of the site's own; ``attribute`` is ``None`` where nothing in DICOM stands behind it."""

    name: str
    attribute: str | None
    vr: str | None
    level: str | None
    span: Span
    spans: Spans = ()


@dataclass(frozen=True, slots=True)
class IgnoreEntry:
    """Findings that the site accepts. No ``files``: everywhere; ``until`` is an ISO date, that day included."""

    code: str
    source: str | None
    files: tuple[str, ...]
    until: str | None
    reason: str
    span: Span


@dataclass(frozen=True, slots=True)
class RuleConfig:
    """What the project changes about the rules; codes are ``WL120`` or a hundred, ``WL1``."""

    severity: tuple[tuple[str, str], ...] = ()
    ignore: tuple[IgnoreEntry, ...] = ()
    spans: Spans = ()


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A project file, read. ``file`` is its name (as in every span), ``folder`` the place that paths are relative to."""

    file: str
    folder: Path
    name: str | None
    database: str | None
    viewer: ViewerChoice | None
    timezone: str | None
    filters: tuple[str, ...]
    sources: tuple[DeclaredSource, ...]
    links: tuple[Link, ...]
    labels: tuple[SiteLabel, ...]
    parameters: tuple[Parameter, ...]
    rules: RuleConfig
    limits: tuple[tuple[str, int], ...] = ()
    spans: Spans = ()

    @property
    def local(self) -> DeclaredSource | None:
        """The source that is marked local."""
        return next((s for s in self.sources if s.local), None)


def span_of(item: Enterprise | DeclaredSource | ViewerChoice | Link | SiteLabel | RuleConfig, name: str) -> Span:
    """Return the place of a value by its key (``product``, ``settings.database``), else that of the whole."""
    for key, span in item.spans:
        if key == name:
            return span
    return item.spans[0][1] if isinstance(item, Enterprise | RuleConfig) else item.span


def problem_at(span: Span, message: str, remedy: str = "") -> Problem:
    """Return a problem at a place of the project file, for checks that need more knowledge than this module has."""
    return Problem(span.file, span.line, span.column, message, remedy)


# --- YAML as text ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of YAML: a text, a mapping or a list, and where it stands. ``plain``: a text without quotes."""

    kind: Literal["text", "mapping", "list"]
    span: Span
    text: str = ""
    plain: bool = False
    entries: tuple[tuple[Node, Node], ...] = ()
    items: tuple[Node, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether the place was left blank."""
        return self.kind == "text" and self.plain and not self.text


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_TAB_IN_COMMENT = re.compile("(?:[^\"'\t\n]*[ ])?#")
_YAML_REMEDIES = (
    ("mapping values are not allowed", "put a text that holds `: ` in quotes, and line up keys of one mapping"),
    ("cannot start any token", "put a text that begins with @ ` % or a comma in quotes"),
    ("block collection", "line up the entries of one list with the same indentation"),
    ("block mapping", "line up keys of one mapping with the same indentation"),
    ("quoted scalar", "close the quotes"),
    ("flow sequence", "close the list with ]"),
    ("flow mapping", "close the braces with }"),
    ("expected ':'", "put a colon and a blank after the key"),
)


def _positions(text: str, file: str) -> Callable[[int, int], Span]:
    """Return the function from two offsets to a span; only LF ends a line (CRLF ends with it)."""
    starts = [0] + [m.end() for m in re.finditer("\n", text)]

    def span(start: int, end: int) -> Span:
        line, end_line = bisect_right(starts, start), bisect_right(starts, max(start, end))
        return Span(file, line, start - starts[line - 1] + 1, end_line, max(start, end) - starts[end_line - 1] + 1)

    return span


def compose(text: str, file: str) -> Node:
    """Read YAML into nodes whose scalars are text. ``file`` is the name that problems and spans carry.

    Raises:
        ProjectError: for text that is no YAML, is empty, or uses tabs, anchors, tags, merge keys or several documents.
    """
    import yaml

    text = text.removeprefix("\ufeff")
    at = _positions(text, file)

    def fail(index: int, message: str, remedy: str) -> NoReturn:
        raise ProjectError([problem_at(at(index, index), message, remedy)])

    if len(text) > MAX_CHARACTERS:
        fail(0, f"the file has more than {MAX_CHARACTERS:,} characters", "is this the right file?")
    if control := _FORBIDDEN.search(text):
        fail(control.start(), f"a control character (U+{ord(control[0]):04X})", "remove it")
    for tab in re.finditer("\t", text):
        if not _TAB_IN_COMMENT.match(text, text.rfind("\n", 0, tab.start()) + 1, tab.start()):
            fail(tab.start(), "a tab", "use blanks")

    parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    problems: list[Problem] = []
    stack: list[tuple[int, list[Node]]] = [(0, [])]
    documents = 0
    try:
        for event in yaml.parse(text, Loader=parser):
            start, end = event.start_mark.index, event.end_mark.index
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    problems.append(problem_at(at(start, start), "a second document", "keep one; remove the `---`"))
                    break
            elif isinstance(event, yaml.AliasEvent):
                problems.append(problem_at(at(start, end), "an alias (*name)", "write the value itself"))
                stack[-1][1].append(Node("text", at(start, end), "?"))
            elif isinstance(event, yaml.NodeEvent):
                if event.anchor is not None:
                    problems.append(
                        problem_at(at(start, start), "an anchor (&name)", "write every value where it holds")
                    )
                if event.tag is not None:  # type: ignore[attr-defined]
                    problems.append(problem_at(at(start, start), "a tag (!name)", "every value is text; remove it"))
                if isinstance(event, yaml.ScalarEvent):
                    plain = not event.style or event.style not in "'\"|>"
                    stack[-1][1].append(Node("text", at(start, end), event.value, plain))
                else:
                    stack.append((start, []))
                    if len(stack) > MAX_NESTING:
                        fail(start, f"nesting deeper than {MAX_NESTING}", "a project file needs five levels")
            elif isinstance(event, yaml.CollectionEndEvent):
                start, parts = stack.pop()
                # A block collection's end mark lies at the next token; its last part says where it really ends.
                whole = at(start, start)
                if isinstance(event, yaml.MappingEndEvent):
                    pairs = tuple(zip(parts[::2], parts[1::2], strict=True))
                    stack[-1][1].append(Node("mapping", _until(whole, parts), entries=pairs))
                else:
                    stack[-1][1].append(Node("list", _until(whole, parts), items=tuple(parts)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = " ".join(filter(None, (error.problem, error.context)))
        remedy = next((remedy for words, remedy in _YAML_REMEDIES if words in told), "see https://yaml.org")
        fail(mark.index if mark else 0, f"this is not YAML: {told}", remedy)
    except yaml.YAMLError:
        fail(0, "this is not YAML", "see https://yaml.org")
    if problems:
        raise ProjectError(problems)
    if not stack[0][1] or stack[0][1][0].nothing:
        fail(0, "the file is empty", "write at least `sources:`; `worklint init` writes a first file")
    return stack[0][1][0]


def _until(start: Span, parts: Sequence[Node]) -> Span:
    end = parts[-1].span if parts else start
    return Span(start.file, start.line, start.column, end.end_line, end.end_column)


def nearest(word: str, offered: Iterable[str]) -> str | None:
    """Return the offered word that is most like this one, compared without case, or none."""
    import difflib

    folded = {o.casefold(): o for o in offered}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


# --- addresses, releases, time zones ----------------------------------------------------------------------------------

_ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?:(?P<user>[^/?#]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[^?#\s]*)?(?:\?(?P<query>[^#\s]*))?(?P<fragment>#.*)?"
)
_PORTS = {"dicom": 104, "dicoms": 2762, "http": 80, "https": 443}
_AE_TITLE = re.compile(r"(?! *$)[\x20-\x5b\x5d-\x7e]{1,16}")


def parse_address(text: str) -> Address:
    """Read ``dicom://CALLED@host:port?calling=AE`` (``dicoms:``) or ``http(s)://host/path``. AE titles: PS3.5 6.2.

    Raises:
        ValueError: with a message that never repeats the address, which may hold a password.
    """
    example = "dicom://AETITLE@host:104 or https://host/dicom-web"
    scheme = text.partition(":")[0].lower()
    if scheme not in _PORTS or "://" not in text:
        raise ValueError(f"an address begins with dicom://, dicoms://, http:// or https://, as in {example}")
    dimse = scheme in ("dicom", "dicoms")
    authority = re.split("[/?#]", text.split("://", 1)[1], maxsplit=1)[0]
    # Looked for before anything else, and generously, so that no message about the rest has a password in it.
    if "@" in authority and (not dimse or ":" in authority.rpartition("@")[0]):
        raise ValueError("a user name or password stands in the address; write `auth: {bearer: $NAME}` instead")
    if not (match := _ADDRESS.fullmatch(text)):
        raise ValueError(f"the address cannot be read; it looks like {example}")
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if not 1 <= port <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    if match["fragment"] is not None:
        raise ValueError("an address has no part after #")
    if not dimse:
        if match["query"] is not None:
            raise ValueError("an address has no part after ?; a token goes into `auth: {bearer: $NAME}`")
        return Address(scheme, match["host"].strip("[]"), port, (match["path"] or "").rstrip("/"))
    if (match["path"] or "/") != "/":
        raise ValueError("a DIMSE address has no path")
    called, calling = match["user"], None
    if not called:
        raise ValueError("the address names no AE title; write dicom://AETITLE@host:port")
    if match["query"]:
        name, _, calling = match["query"].partition("=")
        if name != "calling" or "&" in calling:
            raise ValueError("after ? a DIMSE address takes only calling=AETITLE")
        calling = _ae_title(calling)
    return Address(scheme, match["host"].strip("[]"), port, "", _ae_title(called), calling)


def _ae_title(text: str) -> str:
    title = re.sub("%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), text)
    if not _AE_TITLE.fullmatch(title):
        raise ValueError("an AE title has 1 to 16 characters of ASCII, no backslash, and is not blank")
    return title


_PRODUCT = re.compile("[a-z0-9][a-z0-9-]*")


def parse_product(text: str) -> tuple[str, str | None]:
    """Split ``PRODUCT`` or ``PRODUCT@RELEASE`` at the first ``@``. Whether they exist is not asked here.

    Raises:
        ValueError: with a message for the person who wrote it.
    """
    product, sign, release = text.partition("@")
    if not _PRODUCT.fullmatch(product):
        wanted = re.sub("[^a-z0-9]+", "-", product.lower()).strip("-")
        hint = f", perhaps {wanted}" if wanted else ""
        raise ValueError(
            f"a product is written in small letters, digits and hyphens{hint}; `worklint source` lists them"
        )
    if sign and (not release or re.search(r"\s", release)):
        raise ValueError("after @ stands a release without blanks, as in impax-data-center@2.0su1")
    return product, release or None


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


# --- the project file ---------------------------------------------------------------------------------------------------

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

    def wrong(self, node: Node, message: str, remedy: str = "") -> None:
        self.problems.append(problem_at(node.span, message, remedy))

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
            elif not key.text or _INVISIBLE.search(key.text) or "\n" in key.text:
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
        if _INVISIBLE.search(text):
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
            for part in body.items if body.kind == "list" else (body,):
                yield _statement(r, level, attribute, name, part)


def _statement(r: _Reader, level: str, attribute: str, name: Node, body: Node) -> SiteStatement:
    fields = r.fields(body, "statement", "a statement", '{does: ignored, because: "seen on 2026-03-01"}')
    chosen = {k: r.choice(fields[k], f"`{k}`", o) for k, o in (("does", DOES), ("returned", RETURNED)) if k in fields}
    reasons = {k: r.choices(fields[k], f"`{k}`", REASONS) for k in ("adds", "misses") if k in fields}
    kinds = r.choices(fields["matching"], "`matching`", MATCHING_KINDS) if "matching" in fields else ()
    because = r.text(fields["because"], "`because`", '"who knows it, since when"') if "because" in fields else ""
    if fields and "does" not in fields and "returned" not in fields:
        r.wrong(
            name,
            f"{_quoted(attribute)}: says neither what the source does nor what it returns",
            "add does: or returned:",
        )
    if reasons and chosen.get("does", "applied") != "applied":
        r.wrong(name, "`adds` and `misses` belong to does: applied", "remove them, or write does: applied")
    elif reasons and "does" not in fields:
        r.wrong(name, "`adds` and `misses` belong to does: applied", "write does: applied")
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
        r.problems.append(problem_at(span_of(source, "local"), f"`{locals_[0].id}` is the local source already",
                                     "keep one local: true; --local ID judges another"))  # fmt: skip
    return tuple(_with_hub(r, source, found, hubs) for source in found)


def _with_hub(
    r: _Reader, source: DeclaredSource, all_: Sequence[DeclaredSource], hubs: Sequence[str]
) -> DeclaredSource:
    if source.role != "spoke":
        return source
    if source.hub is None:
        if len(hubs) > 1:
            r.problems.append(problem_at(source.span, f"spoke `{source.id}` could belong to several hubs: {', '.join(hubs)}",
                                         f"write hub: {hubs[0]}"))  # fmt: skip
        return replace(source, hub=hubs[0]) if len(hubs) == 1 else source
    named = next((s for s in all_ if s.id == source.hub), None)
    if named is None:
        near = nearest(source.hub, [s.id for s in all_])
        remedy = f"did you mean `{near}`?" if near else "declare it under sources:"
        r.problems.append(problem_at(span_of(source, "hub"), f"no source {_quoted(source.hub)} is declared", remedy))
    elif named.role != "hub":
        r.problems.append(problem_at(span_of(source, "hub"), f"`{named.id}` is no hub, its role is {named.role}",
                                     f"write role: hub at {named.id}, or name another"))  # fmt: skip
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
    for name, value in r.fields(node, "limits", "`limits`", "{list-items: 10000}").items():
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
        name=r.text(fields["enterprise"], "`enterprise`", "the name of the enterprise") if "enterprise" in fields else None,
        database=_database(r, fields["database"]) if "database" in fields else None,
        viewer=_viewer(r, fields["viewer"]) if "viewer" in fields else None,
        timezone=_timezone(r, fields["timezone"]) if "timezone" in fields else None,
        filters=tuple(t for n in r.items(fields["filters"], "`filters`", "[shared/*.worklist]")
                      if (t := r.text(n, "`filters`", "[shared/*.worklist]"))) if "filters" in fields else (),
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


def read_text(path: Path, file: str) -> str:
    """Return the text of a YAML file that a person wrote.

    Raises:
        ProjectError: if it cannot be read or is not UTF-8; then with the place of the first byte that is not.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProjectError(
            [Problem(file, 1, 1, f"cannot be read: {error.strerror or 'input or output error'}")]
        ) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        line = good.count("\n") + 1
        message = (
            "UTF-16, not UTF-8"
            if data[:2] in (b"\xff\xfe", b"\xfe\xff")
            else f"a byte that is not UTF-8 (0x{data[error.start]:02X})"
        )
        column = len(good) - good.rfind("\n")
        raise ProjectError([Problem(file, line, column, message, "save the file as UTF-8")]) from None


def require_database(enterprise: Enterprise, installed: str) -> None:
    """Hold the project's pin against the compatibility database that is installed.

    Raises:
        ProjectError: if the project wants another one, because other data means other verdicts.
    """
    if enterprise.database is not None and enterprise.database != installed:
        raise ProjectError([problem_at(
            span_of(enterprise, "database"),
            f"the project wants compatibility database {enterprise.database}, installed is {installed}",
            f"install the worklint that carries {enterprise.database}, or review the difference and write \"{installed}\"",
        )])  # fmt: skip

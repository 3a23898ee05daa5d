"""The enterprise as its project file declares it: sources, viewer, links, labels, what is accepted.

Named tuples rather than frozen dataclasses: as immutable, and made in a seventh of the time (0.14 against 1 ms each),
which every start of ``check`` pays.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from worklint.model import Parameter, Span

Settings = tuple[tuple[str, str], ...]
Spans = tuple[tuple[str, Span], ...]


class Address(NamedTuple):
    """Where a source is reached. ``called`` and ``calling`` are AE titles (DIMSE), ``path`` the base of DICOMweb."""

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


class ViewerChoice(NamedTuple):
    """The viewer whose labels, workflow rules and ways of sending apply."""

    product: str
    release: str | None
    settings: Settings
    span: Span
    spans: Spans = ()


class SiteStatement(NamedTuple):
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

    @property
    def short(self) -> dict[str, str | list[str]]:
        """What was stated, by the keys of the project file; nothing for what was left out."""
        stated: dict[str, str | list[str] | None] = {
            "matching": list(self.matching),
            "does": self.does,
            "adds": list(self.adds),
            "misses": list(self.misses),
            "returned": self.returned,
            "because": self.because,
        }
        return {name: value for name, value in stated.items() if value}


class DeclaredSource(NamedTuple):
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


class Link(NamedTuple):
    """Properties of a pair of sources."""

    between: tuple[str, str]
    settings: Settings
    span: Span
    spans: Spans = ()


class SiteLabel(NamedTuple):
    """A label of the site's own; ``attribute`` is ``None`` where nothing in DICOM stands behind it."""

    name: str
    attribute: str | None
    vr: str | None
    level: str | None
    span: Span
    spans: Spans = ()


class IgnoreEntry(NamedTuple):
    """Findings that the site accepts. No ``files``: everywhere; ``until`` is an ISO date, that day included."""

    code: str
    source: str | None
    files: tuple[str, ...]
    until: str | None
    reason: str
    span: Span


class RuleConfig(NamedTuple):
    """What the project changes about the rules; codes are ``WL120`` or a hundred, ``WL1``."""

    severity: tuple[tuple[str, str], ...] = ()
    ignore: tuple[IgnoreEntry, ...] = ()
    spans: Spans = ()


class Enterprise(NamedTuple):
    """A project file, read. ``file`` is its name, as in every span; its paths are relative to ``folder``."""

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
        raise ValueError(
            "a user name or password stands in the address; a project names variables instead, `auth: {bearer: $NAME}`,"
            " and `probe` reads WORKLINT_USER and WORKLINT_PASSWORD, or WORKLINT_TOKEN"
        )
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

"""What a product profile can say, as immutable records; ``profile_reader`` makes them from a file.

Shipped products, a site's own profiles and what a probe writes share this form (``docs/profiles.md``).
"""

from __future__ import annotations

from collections.abc import Mapping

from worklint.model import Evidence
from worklint.record import field, frozen

DOES = ("applied", "ignored", "nothing", "refused", "unknown", "also")
RETURNED = ("whole", "part", "other", "no", "unknown")
GIVES = ("faithful", "partial", "some-values", "never", "wrong", "unknown")
TRANSPORTS = ("dimse", "dicomweb")
ROLES = ("hub", "spoke", "standalone")
CLASSES = ("*private", "*unknown", "*sequence", "*lower", "*higher", "*retired", "*unique-key", "*parent-uid", "*")
VALUE_CLASSES = (
    "all-upper", "has-lower", "non-ascii", "not-integer", "unreadable", "illegal", "not-8-digits", "not-full-time",
    "no-seconds", "closed", "open-start", "open-end", "bad-range", "one-day", "lone-asterisk", "has-wildcard",
    "no-wildcard", "question-mark", "trailing-asterisk", "inner-asterisk", "sql-wildcard", "regex-characters",
    "double-quote", "has-hyphen", "percent-encoded", "family-name-only", "name-affix", "leading-space", "long-list",
    "short", "short-inside",
)  # fmt: skip
"""Closed list of value classes; ``judge.value`` holds the predicate of each.

A literal is written ``=VALUE``, two classes at once ``a+b``.
"""


class ProfileError(Exception):
    """A profile that cannot be read: ``place`` is the path of keys inside it, ``right`` what would be right."""

    def __init__(self, message: str, place: tuple[str | int, ...] = (), right: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.right = right


SettingMap = tuple[tuple[str, tuple[str | None, ...]], ...]
"""Settings and the values that they may have, all of them wanted; ``None`` stands for "not set"."""


@frozen
class Where:
    """What a record speaks of. An empty member speaks of everything; a ``None`` inside ``settings`` means "not set".

    ``attributes`` are selectors: a keyword or dotted path, ``#set``, ``!set`` (outside the set), or one of ``CLASSES``.
    """

    models: tuple[str, ...] = ()
    transports: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    vrs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    local: bool | None = None
    settings: SettingMap = ()
    viewer_settings: SettingMap = ()
    pair: SettingMap = ()
    same: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    spokes: int = 0
    releases: tuple[str, ...] = ()


@frozen
class Behaviour:
    """What a source does with a key, before the value is looked at.

    ``one_of`` lists alternatives of which it is not known which holds. ``alone``: no ``also`` statement adds to it.
    ``returned`` says how the attribute comes back, ``absent_means_absent`` whether a row without it has no value.
    ``rule`` is the code of the rule that explains it, where it is not the obvious one. ``open_adds`` and
    ``open_misses`` are those of the reasons that a measurement did not see, and could not exclude either.
    """

    does: str
    adds: frozenset[str] = frozenset()
    misses: frozenset[str] = frozenset()
    one_of: tuple[Behaviour, ...] = ()
    status: str | None = None
    alone: bool = False
    returned: str = "unknown"
    absent_means_absent: bool = False
    joins: str | None = None
    because: str = ""
    evidence: tuple[Evidence, ...] = ()
    origin: str = ""
    rule: str | None = None
    open_adds: frozenset[str] = frozenset()
    open_misses: frozenset[str] = frozenset()


@frozen
class Statement:
    """``where`` it holds and what happens to the key there; not ``speaks_of_key`` if only ``returned`` is stated."""

    where: Where
    behaviour: Behaviour
    speaks_of_key: bool = True


@frozen
class When:
    """A condition over the keys of one query; selectors as in ``Where.attributes``.

    ``more_keys_than`` counts the elements of the identifier, with a value or without, and the unique key that names
    what comes back too; ``more_values_than`` those with a value. Zero: not asked for.
    """

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    two_or_more: tuple[str, ...] = ()
    two_or_more_join: str | None = None
    date_and_time: bool = False
    without_keys: bool = False
    more_keys_than: int = 0
    more_values_than: int = 0


@frozen
class Interaction:
    """When these keys stand together, replace the behaviour of named keys, or add an effect to the query."""

    id: str
    where: Where
    when: When
    replace: tuple[Statement, ...] = ()
    query: Behaviour | None = None
    serves: str | None = None
    because: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Keeping:
    """What the value is worth there. ``order`` for ``behind``; ``shows`` names the value that is shown in its stead.

    ``shows_setting`` is the product setting that names that value. ``topology`` records are made true by the hub that
    sources share; ``unless_pair`` lists maps of settings, each of which lifts the record where
    every pair of sources concerned has it.
    """

    where: Where
    gives: str
    order: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    shows_setting: str | None = None
    topology: bool = False
    unless_pair: tuple[SettingMap, ...] = ()
    rule: str | None = None
    because: str = ""
    remedy: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Grant:
    """Whether an option of extended negotiation is granted, and honoured, at the places that ``where`` speaks of.

    ``sets``: settings that have these values on an association for which it was granted (PS3.4 C.5.1.1).
    """

    where: Where
    option: str
    granted: bool
    sets: tuple[tuple[str, str], ...] = ()
    because: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Cap:
    """A limit on the number of answers. ``rows`` is ``None`` where only the setting knows."""

    where: Where
    rows: int | None
    signalled: bool
    paging: bool
    refuses: bool = False
    before_filter: bool = False
    setting: str | None = None
    because: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Selectors:
    """Every query needs one of these alternatives: a key with a value, perhaps with a least number of characters."""

    where: Where
    alternatives: tuple[tuple[str, int], ...]
    because: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Hidden:
    """Entities that the source holds and never shows; by ``attribute`` and ``values`` where they can be named."""

    where: Where
    what: str
    attribute: str | None = None
    values: tuple[str, ...] = ()
    because: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Offered:
    """A model that the product offers over a transport, perhaps only in some releases or settings."""

    where: Where
    model: str
    transport: str


@frozen
class SiteFact:
    """Something that no list can help: a fact of the enterprise, one finding a project (rules 6xx and 7xx)."""

    rule: str
    where: Where
    purposes: tuple[str, ...]
    unless_pair: tuple[SettingMap, ...] = ()
    because: str = ""
    remedy: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class Sending:
    """Whether the viewer can send a label or attribute to a source: ``yes``, ``no`` or ``unknown``."""

    where: Where
    sends: str
    because: str = ""
    evidence: tuple[Evidence, ...] = ()


@frozen
class SettingInfo:
    """A setting of the product: its values, the default (``None``: not known), what it means."""

    name: str
    values: tuple[str, ...]
    default: str | None
    meaning: str


@frozen
class Measurement:
    """What a probe wrote of the product, and what it was asked of: ``where`` names release, transport and settings.

    ``apart`` are reasons of which the product's own records alone speak, because they know what these depend on.
    ``products.measurement`` reads the file, where a place is one of which it speaks.
    """

    where: Where
    file: str
    apart: frozenset[str] = frozenset()


@frozen
class Profile:
    """Everything known of one product. ``release`` is set once a release was chosen (``products.profile``)."""

    product: str
    name: str
    kind: str
    description: str
    releases: tuple[str, ...]
    transports: tuple[str, ...]
    offered: tuple[Offered, ...]
    settings: tuple[SettingInfo, ...]
    sets: Mapping[str, frozenset[str]]
    statements: tuple[Statement, ...]
    interactions: tuple[Interaction, ...]
    lifts: tuple[tuple[str, Where], ...]
    keeping: tuple[Keeping, ...]
    caps: tuple[Cap, ...]
    selectors: tuple[Selectors, ...]
    hides: tuple[Hidden, ...]
    facts: tuple[SiteFact, ...]
    sends: tuple[Sending, ...]
    labels: str | None = None
    own: tuple[str, ...] = ()
    own_negation: bool = False
    aliases: tuple[str, ...] = ()
    release: str | None = None
    notes: tuple[str, ...] = ()
    negotiation: Mapping[str, str] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    grade: str = "product"

    def default_setting(self, name: str) -> str | None:
        """Return the documented default of a setting, or ``None`` where none is known."""
        return next((s.default for s in self.settings if s.name == name), None)

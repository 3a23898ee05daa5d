"""The immutable types that the stages hand to one another: read, resolve, judge, plan, report.

No type here knows how it was made or how it is shown. Tuples, never lists; frozen, with slots.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from worklint.record import field, frozen

Grade = Literal["measured", "code", "statement", "documented", "standard", "issue", "assumed"]
GRADES: tuple[Grade, ...] = ("measured", "code", "statement", "documented", "standard", "issue", "assumed")
"""Grades of evidence, best first."""

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

VerdictName = Literal["exact", "superset", "subset", "mixed", "rejected", "unknown"]

# The closed list of reasons for rows that are added or missed. Its order is the order in every output.
REASONS = (
    "empty", "absent", "case", "accent", "padding", "group", "prefix", "substring", "word", "text-order",
    "text-number", "wildcard-literal", "list-any", "list-all", "list-literal", "value-format", "range-literal",
    "empty-literal", "interval", "one-instance", "one-series", "one-value", "joined", "other-attribute", "charset",
    "age", "not-kept", "behind", "wrong", "hidden", "cap", "not-sent", "ignored", "other",
)  # fmt: skip
SPELLING = frozenset({"empty", "absent", "case", "accent", "padding", "group"})
"""Reasons whose extra rows differ only in how the value is written, or have none."""

MATCHING_KINDS = (
    "single", "any-of", "list-of-uid", "universal", "wildcard", "range", "sequence", "empty", "multiple", "fuzzy",
    "datetime", "none",
)  # fmt: skip


@frozen(order=True)
class Span:
    """A stretch of a file. Lines and columns count from 1, columns in code points, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@frozen
class Evidence:
    """What a statement rests on: a grade, a citation that a person can open, a date (ISO) or none."""

    grade: Grade
    citation: str
    date: str | None = None


@frozen
class Attribute:
    """A DICOM attribute (PS3.6).

    ``tag`` is eight upper-case hexadecimal digits; for a private attribute the block is written ``xx``
    (``0029xx10``), ``keyword`` is empty and ``creator`` is set. A tag that no dictionary knows has VR ``UN``.
    """

    keyword: str
    tag: str
    vr: str
    vm: str
    name: str = ""
    retired: bool = False
    creator: str | None = None

    @property
    def display(self) -> str:
        """The keyword, or for a private or unknown attribute its tag as the language writes it."""
        if self.keyword:
            return self.keyword
        tag = f"{self.tag[:4]},{self.tag[4:]}"
        return f'({tag} "{self.creator}")' if self.creator else f"({tag})"


@frozen
class Parameter:
    """A value known only when the list is opened, and what the project says of it."""

    name: str
    example: str | None = None
    never_empty: bool = False
    no_wildcards: bool = False


@frozen
class Value:
    """One value of a constraint in its canonical DICOM spelling (PS3.5 6.2).

    In a wild-card pattern ``\\*`` and ``\\?`` stand for the literal characters. ``legal`` is false for a value that
    its VR does not admit; it is then judged as it stands. ``one_byte``: each ``?`` stands for a letter of ASCII.
    """

    text: str
    parameter: Parameter | None = None
    legal: bool = True
    one_byte: bool = False


@frozen
class Constraint:
    """One comparison of a worklist, resolved against the dictionaries.

    ``path`` leads through sequences to the attribute (last); it is empty for a label without attribute.
    ``level`` is the level asked at, ``attribute_level`` the one that the attribute lives at (``None``: no level of the
    model). ``matching`` is the kind that the positive test asks of a source (PS3.4 C.2.2.2). ``values``: one for
    ``single``, ``wildcard`` and ``fuzzy``; low and high for ``range`` and ``datetime`` (empty text: open); all of them
    for lists; none for ``empty`` and ``sequence``. ``strict`` tells for low and high whether the bound is excluded.
    ``pair`` is the time attribute of a date and time compared as one moment. ``asked`` is the kind that the comparison
    has by its operator: that of ``matching`` but for a label without attribute, where ``matching`` is ``none``.
    """

    text: str
    span: Span
    path: tuple[Attribute, ...]
    label: str | None
    level: str
    attribute_level: str | None
    matching: str
    values: tuple[Value, ...] = ()
    strict: tuple[bool, bool] = (False, False)
    ignoring: frozenset[str] = frozenset()
    pair: Attribute | None = None
    relative: bool = False
    filter: str | None = None
    via: tuple[Span, ...] = ()
    label_vr: str = ""
    asked: str = ""

    @property
    def attribute(self) -> Attribute | None:
        """The attribute compared, or ``None`` for a label with no attribute behind it."""
        return self.path[-1] if self.path else None

    @property
    def vr(self) -> str:
        """The value representation, or the one that the label dictionary gives to the label."""
        return self.path[-1].vr if self.path else self.label_vr

    @property
    def name(self) -> str:
        """What the constraint speaks of, as the reports name it: dotted keywords, or the label."""
        return ".".join(a.display for a in self.path) if self.path else (self.label or "")


@frozen
class Test:
    """A leaf of a filter: a constraint, perhaps negated."""

    __test__: ClassVar[bool] = False  # pytest would take the name for a test of its own
    constraint: Constraint
    negated: bool = False


@frozen
class Has:
    """Tests that one and the same item of a sequence, or one lower (or upper) entity, satisfies together.

    ``scope`` is ``item`` (then ``path`` names the sequence) or a level (``series``, ``image``, ``study``).
    """

    scope: str
    path: tuple[Attribute, ...]
    filter: Filter
    negated: bool = False
    span: Span | None = None


@frozen
class All:
    """Conjunction; without parts it is true of everything."""

    parts: tuple[Filter, ...]


@frozen
class Any:
    """Disjunction."""

    parts: tuple[Filter, ...]


Filter = Test | Has | All | Any
"""A condition in negation normal form: negation stands on ``Test`` and ``Has`` only."""


@frozen
class Shown:
    """An attribute or label that a worklist shows or sorts by; it is sent as an empty key."""

    path: tuple[Attribute, ...]
    label: str | None
    span: Span
    descending: bool = False


@frozen
class Worklist:
    """A worklist whose names are resolved. ``filter`` is ``All(())`` where there is no condition."""

    id: str
    name: str
    file: str
    span: Span
    scope: str
    sources: tuple[str, ...] | None
    model: str
    level: str
    purpose: str
    filter: Filter
    constraints: tuple[tuple[Constraint, bool], ...]
    show: tuple[Shown, ...] = ()
    sort: tuple[Shown, ...] = ()
    limit: int | None = None
    timezone: str | None = None
    description: str | None = None
    owner: str | None = None
    format: str = "worklist"
    complete: bool = True
    setting_spans: tuple[tuple[str, Span], ...] = ()


@frozen
class Effect:
    """How an answer relates to what was asked: reasons for extra rows and for absent ones.

    ``rejected``: the source certainly refuses the query. ``known`` is false where nobody has evidence.
    """

    adds: frozenset[str] = frozenset()
    misses: frozenset[str] = frozenset()
    rejected: bool = False
    known: bool = True


@frozen
class Cause:
    """Why a verdict is what it is: the rule, the facts its message is rendered from, evidence, remedy."""

    rule: str | None
    message: str
    remedy: str
    facts: tuple[tuple[str, str], ...] = ()
    evidence: tuple[Evidence, ...] = ()


@frozen
class Edit:
    """A change of the text that answers a finding: ``text`` takes the place of what stands in ``span``.

    ``safe``: the condition means exactly the same afterwards. ``description`` says what is written instead. ``meaning``
    is what is proved of an edit that is not safe: no row comes to the list (``narrower``), none leaves it (``wider``),
    or neither (``other``).
    """

    span: Span
    text: str
    safe: bool
    description: str
    meaning: Literal["same", "narrower", "wider", "other"] = "other"


@frozen
class Finding:
    """One thing to tell the user: a rule, a place, the worklist and sources concerned.

    ``edits`` are changes that answer it, each by itself, the best one first.
    """

    rule: str
    severity: Severity
    span: Span
    message: str
    remedy: str = ""
    worklist: str | None = None
    constraints: tuple[int, ...] = ()
    attribute: str | None = None
    sources: tuple[str, ...] = ()
    suppressed: str | None = None
    baselined: bool = False
    facts: tuple[tuple[str, str], ...] = field(default=())
    edits: tuple[Edit, ...] = ()

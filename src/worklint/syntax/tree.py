"""What was written: the immutable tree that every reader returns, before any name is looked up.

Spans are kept on everything that a finding may point at. Nothing here is judged: a keyword may not exist, a unit may
be no unit, a value may be illegal for its attribute. ``negated`` marks the spellings ``!=``, ``not in``, ``not like``,
``is not empty`` …; they mean the same as ``Not`` around the positive test.
"""

from __future__ import annotations

from typing import Literal as OneOf

from worklint.model import Span
from worklint.record import field, frozen

PartKind = OneOf["keyword", "tag", "private", "label"]
LiteralKind = OneOf["string", "number", "date", "time", "datetime", "day", "parameter"]
Operator = OneOf["=", "<", "<=", ">", ">="]
Direction = OneOf["last", "next", "this"]
Entity = OneOf["study", "series", "image"]


@frozen
class Problem:
    """A mistake of syntax: code, place, what was found, what would be right.

    ``expected`` names by kind what could stand there (at most eight). ``spoils`` is true where the block that holds
    the mistake cannot be judged. ``instead`` is what to write in the place of ``span``, where there is only one way.
    """

    code: str
    span: Span
    message: str
    remedy: str = ""
    expected: tuple[str, ...] = ()
    spoils: bool = False
    instead: str | None = None


@frozen
class Suppression:
    """A comment ``# worklint: ignore[CODE, CODE@source] until DATE reason``.

    ``codes`` pairs each code with the only source it is silenced for, or ``None``. A finding is covered if its span
    begins inside ``covers``: the line of the comment, or, where the comment stands alone on its line, the block,
    setting, constraint or parenthesis that begins next (``None`` where nothing follows).
    """

    codes: tuple[tuple[str, str | None], ...]
    until: str | None
    reason: str
    span: Span
    covers: Span | None

    def covers_place(self, place: Span) -> bool:
        """Tell whether a finding at ``place`` lies in what this comment covers."""
        if self.covers is None or self.covers.file != place.file:
            return False
        here = (place.line, place.column)
        start = (self.covers.line, self.covers.column)
        return start <= here < (self.covers.end_line, self.covers.end_column) or here == start


@frozen
class Part:
    """One step of a reference.

    ``text`` by kind: the keyword as written; eight upper-case hexadecimal digits for a tag; for a private element the
    same with ``xx`` for the block (``0029xx10``) and its ``creator``; the label without its quotes.
    """

    kind: PartKind
    text: str
    span: Span
    creator: str | None = None


@frozen
class Reference:
    """What a test speaks of: one part, or several through sequences (``A.B.C``)."""

    parts: tuple[Part, ...]
    span: Span


@frozen
class PairReference:
    """A date and a time compared as one moment: ``(StudyDate, StudyTime)``."""

    date: Reference
    time: Reference
    span: Span


@frozen
class Literal:
    """A value as written.

    ``text``: for ``string`` the decoded text; for ``parameter`` its name without ``$``; for ``day`` one of ``today``,
    ``yesterday``, ``tomorrow``; for the rest the characters written. A ``number`` of exactly eight digits without a
    sign is a date where the attribute is one. ``pattern`` (strings only, else empty) is the text in which ``\\*``,
    ``\\?`` and ``\\\\`` are still escaped, so that ``like`` can tell them from wild cards.
    """

    kind: LiteralKind
    text: str
    span: Span
    pattern: str = ""


@frozen
class Compare:
    """``A = v`` and the order signs; ``A != v`` is ``=`` with ``negated``."""

    subject: Reference | PairReference
    operator: Operator
    value: Literal
    span: Span
    negated: bool = False
    ignoring: frozenset[str] = frozenset()


@frozen
class In:
    """``A in (v, w)``."""

    subject: Reference
    values: tuple[Literal, ...]
    span: Span
    negated: bool = False
    ignoring: frozenset[str] = frozenset()


@frozen
class HasAll:
    """``A has all (v, w)``."""

    subject: Reference
    values: tuple[Literal, ...]
    span: Span
    ignoring: frozenset[str] = frozenset()


@frozen
class Like:
    """``A like "CH*T?"``; use ``value.pattern``."""

    subject: Reference
    value: Literal
    span: Span
    negated: bool = False
    ignoring: frozenset[str] = frozenset()


@frozen
class Contains:
    """``A contains "x"``."""

    subject: Reference
    value: Literal
    span: Span
    negated: bool = False
    ignoring: frozenset[str] = frozenset()


@frozen
class StartsWith:
    """``A starts with "x"``."""

    subject: Reference
    value: Literal
    span: Span
    negated: bool = False
    ignoring: frozenset[str] = frozenset()


@frozen
class EndsWith:
    """``A ends with "x"``."""

    subject: Reference
    value: Literal
    span: Span
    negated: bool = False
    ignoring: frozenset[str] = frozenset()


@frozen
class SoundsLike:
    """``A sounds like "Meyer"``."""

    subject: Reference
    value: Literal
    span: Span
    negated: bool = False


@frozen
class Between:
    """``A between v and w``."""

    subject: Reference | PairReference
    low: Literal
    high: Literal
    span: Span
    negated: bool = False


@frozen
class Within:
    """``A within last 7 days``, ``within this week`` (then ``count`` is 1); ``unit`` as written, lower case."""

    subject: Reference | PairReference
    direction: Direction
    count: int
    unit: str
    unit_span: Span
    span: Span
    negated: bool = False


@frozen
class OlderThan:
    """``A older than 3 days``."""

    subject: Reference | PairReference
    count: int
    unit: str
    unit_span: Span
    span: Span
    negated: bool = False


@frozen
class IsEmpty:
    """``A is empty``, ``A is not empty``."""

    subject: Reference
    span: Span
    negated: bool = False


@frozen
class HasItem:
    """``S has (…)``: one item of the sequence satisfies all of it."""

    subject: Reference
    condition: Expression
    span: Span


@frozen
class HasEntity:
    """``series has (…)``: one entity of that level satisfies all of it."""

    entity: Entity
    condition: Expression
    span: Span


@frozen
class Use:
    """The name of a filter in the place of a condition (or a keyword left alone: only its resolver can know)."""

    name: str
    span: Span


@frozen
class Not:
    """``not …``."""

    condition: Expression
    span: Span


@frozen
class And:
    """Two or more conditions joined by ``and``."""

    parts: tuple[Expression, ...]
    span: Span


@frozen
class Or:
    """Two or more conditions joined by ``or``."""

    parts: tuple[Expression, ...]
    span: Span


TextTest = Like | Contains | StartsWith | EndsWith | SoundsLike
Comparison = Compare | In | HasAll | TextTest | Between | Within | OlderThan | IsEmpty
Expression = Comparison | HasItem | HasEntity | Use | Not | And | Or


@frozen
class Word:
    """A name used as the value of a setting (source, scope, model, level, purpose), case as written."""

    text: str
    span: Span


@frozen
class SortKey:
    """An attribute that ``sort`` names."""

    reference: Reference
    descending: bool
    span: Span


SettingValue = Literal | Word | Reference | SortKey


@frozen
class Setting:
    """One setting; ``name`` in lower case.

    Values by name: ``description owner timezone`` one string literal; ``scope model level purpose`` one word;
    ``sources`` words; ``show`` references; ``sort`` sort keys; ``limit`` one number literal.
    """

    name: str
    values: tuple[SettingValue, ...]
    span: Span


@frozen
class FilterBlock:
    """``filter NAME { … }``. ``condition`` is ``None`` where it could not be read; then ``complete`` is false."""

    name: str
    name_span: Span
    settings: tuple[Setting, ...]
    condition: Expression | None
    span: Span
    complete: bool = True


@frozen
class WorklistBlock:
    """``worklist "NAME" { … }``. ``where`` is ``None`` where it is absent (``complete``) or could not be read.

    ``settings`` holds each setting at most once, in the order written. A block that is not ``complete`` must not be
    judged: a mistake of syntax may have taken part of it away. ``span`` is the whole block, ``head`` the keyword and
    the name.
    """

    name: str
    name_span: Span
    settings: tuple[Setting, ...]
    where: Expression | None
    span: Span
    head: Span
    complete: bool = True

    def setting(self, name: str) -> Setting | None:
        """Return the setting of that name, or ``None``."""
        return next((setting for setting in self.settings if setting.name == name), None)


@frozen
class Document:
    """One file, read. Blocks in the order written; names may repeat (that is a problem, the first one counts).

    ``complete`` is false where any block is not, or text outside the blocks could not be read. ``format`` names the
    reader.
    """

    file: str
    filters: tuple[FilterBlock, ...]
    worklists: tuple[WorklistBlock, ...]
    problems: tuple[Problem, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    complete: bool = True
    format: str = field(default="worklist")

"""YAML that people write, as nodes whose scalars are text, with the place of every one.

YAML's own guesses would turn the source ``no`` into false, the release ``1.10`` into 1.1 and the severity ``off`` into
false. So this reads the parser's events, not its objects, and refuses what makes a file say more than it shows.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, NoReturn

from worklint.model import Span

MAX_CHARACTERS: Final = 4_000_000
MAX_NESTING: Final = 32


class Problem(NamedTuple):
    """One mistake in a file that a person wrote: where, what is there, what would be right."""

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """The problem as one line."""
        remedy = f"; {self.remedy}" if self.remedy else ""
        # An option of the command line has no lines.
        place = self.file if self.file.startswith("--") else f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.message}{remedy}"


class ProjectError(Exception):
    """The project file cannot be used. Carries its problems in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems, sorted by place."""
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


def problem_at(span: Span, message: str, remedy: str = "") -> Problem:
    """Return a problem at a place of the file, also for checks that need more knowledge than the reader has."""
    return Problem(span.file, span.line, span.column, message, remedy)


class Node(NamedTuple):
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


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
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
        event: Any
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
            elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
                if event.anchor is not None:
                    problems.append(
                        problem_at(at(start, start), "an anchor (&name)", "write every value where it holds")
                    )
                if event.tag is not None:
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
        fail(getattr(mark, "index", 0), f"this is not YAML: {told}", remedy)
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

"""The text of one file: decoding, lines, spans, and a line shown with a caret.

Only LF and CRLF end a line; columns count code points, so that they agree with what editors and SARIF call columns.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache

from worklint.model import Span
from worklint.record import frozen

FILE_LIMIT = 16 * 1024 * 1024


class TextError(Exception):
    """A file that cannot be read as text. ``message`` says what it is, ``remedy`` what to do; ``line`` may be 1."""

    def __init__(self, message: str, remedy: str, line: int = 1, limit: bool = False) -> None:
        """Keep the parts; ``limit`` is true where the file is too large rather than unreadable."""
        super().__init__(f"{message}; {remedy}")
        self.message, self.remedy, self.line, self.limit = message, remedy, line, limit


@frozen(eq=False)
class Text:
    """The decoded content of a file and where its lines begin (offsets in code points)."""

    file: str
    content: str
    line_starts: tuple[int, ...]

    @classmethod
    def of(cls, content: str, file: str = "-") -> Text:
        """Make a text of a string that is decoded already."""
        starts = [0]
        starts.extend(m.end() for m in re.finditer("\n", content))
        return cls(file, content, tuple(starts))

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, of an offset."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """Return the span from one offset to another (exclusive)."""
        starts = self.line_starts
        line = bisect_right(starts, start)
        column = start - starts[line - 1] + 1
        # Nearly every span ends on the line that it begins on: no second search for those.
        if line == len(starts) or end < starts[line]:
            return Span(self.file, line, column, line, column + end - start)
        end_line, end_column = self.position(end)
        return Span(self.file, line, column, end_line, end_column)

    def line(self, number: int) -> str:
        """Return a line (from 1) without its end; empty past the last."""
        if not 1 <= number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.content)
        return self.content[start:end].removesuffix("\n").removesuffix("\r")

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column."""
        return self.line_starts[line - 1] + column - 1


def decode(data: bytes, file: str = "-", limit: int = FILE_LIMIT) -> Text:
    """Decode the bytes of a file: UTF-8, with or without a byte order mark.

    Raises:
        TextError: for a file above ``limit`` bytes, another encoding, or no text at all.
    """
    if len(data) > limit:
        raise TextError(
            f"the file has {len(data):,} bytes; the limit is {limit:,}", "split it, or raise the limit", limit=True
        )
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or [b == 0 for b in data[:4]] in ([True, False] * 2, [False, True] * 2):
        raise TextError("the file is UTF-16", "save it as UTF-8")
    null = data.find(0)
    if null >= 0:
        raise TextError("the file holds a NUL byte: it is no text", "check the path", data.count(b"\n", 0, null) + 1)
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        if sum(1 for b in data[:4096] if b < 32 and b not in b"\t\n\r\f") > 8:
            raise TextError("the file is no text", "check the path", line) from None
        raise TextError(
            f"line {line} holds the byte 0x{byte:02X}, which is not UTF-8 (Latin-1 or Windows-1252?)",
            "save the file as UTF-8",
            line,
        ) from None
    return Text.of(content.removeprefix("\ufeff"), file)


@cache
def _columns(character: str) -> int:
    """Return how many columns of a terminal a character takes."""
    import unicodedata

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def show(line: str, column: int, length: int = 1, width: int = 80) -> tuple[str, str]:
    """Return a line and the carets below it, cut around ``column`` (from 1) to at most ``width`` characters.

    Tabs stay tabs in both; characters that would move the cursor or turn the text are shown as U+FFFD.
    """
    begin, end = 0, len(line)
    at = min(column - 1, len(line))
    if len(line) > width:
        begin = max(0, min(at - width // 3, len(line) - (width - 2)))
        end = begin + width - (1 if begin else 0)
        end = end - 1 if end < len(line) else len(line)
    cut = line[begin:end]
    shown = "".join(c if c == "\t" or c.isprintable() else "\ufffd" for c in cut)
    before = shown[: at - begin]
    if begin:
        shown, before = "…" + shown, "…" + before
    if end < len(line):
        shown += "…"
    pad = "".join("\t" if c == "\t" else " " * (1 if c.isascii() else _columns(c)) for c in before)
    under = shown[len(before) : len(before) + max(1, length)]
    carets = sum(1 if c.isascii() else _columns(c) for c in under.rstrip("…")) if under else 1
    return shown, pad + "^" * max(1, carets)


def caret(text: Text, span: Span, width: int = 80) -> str:
    """Return the line of a span and, below it, carets under the span (its first line only)."""
    line = text.line(span.line)
    last = span.end_column if span.end_line == span.line else len(line) + 1
    return "\n".join(show(line, span.column, max(1, last - span.column), width))

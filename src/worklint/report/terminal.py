"""What a terminal needs: colours, widths of characters, wrapping, and text that cannot move the cursor."""

from __future__ import annotations

import re

COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;36", "bold": "1", "dim": "2", "unknown": "1;35"}
"""What is coloured, and how (parameters of SGR)."""

_PLAIN = {"✓": "E", "≈": "P", "−": "M", "±": "B", "×": "R", "…": "...", "─": "-", "│": "|", "·": "."}
_ASCII = str.maketrans({**_PLAIN, "–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "→": "->", "≥": ">=", "≤": "<="})
_SPACE = re.compile(r"\s+")


def paint(text: str, name: str | None, colour: bool) -> str:
    """Return text in a colour, or as it is."""
    return f"\033[{COLOURS[name]}m{text}\033[0m" if colour and name in COLOURS else text


def clean(text: str) -> str:
    """Return text on one line; characters that would move the cursor or turn the text are shown as U+FFFD."""
    if text.isprintable():
        return text
    text = _SPACE.sub(" ", text)
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def plain(text: str, ascii_only: bool) -> str:
    """Return text with letters in place of signs, where the terminal cannot show those."""
    return text.translate(_ASCII) if ascii_only and not text.isascii() else text


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int) -> str:
    """Return text filled with blanks to a width."""
    return text + " " * max(0, width - columns(text))


def cut(text: str, width: int) -> str:
    """Return text cut to a width, with ``…`` for what was cut."""
    if columns(text) <= width:
        return text
    kept, taken = [], 0
    for c in text:
        taken += columns(c)
        if taken > width - 1:
            break
        kept.append(c)
    return "".join(kept).rstrip() + "…"


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text at most ``width`` columns wide; a word that is longer is broken."""
    lines: list[str] = []
    line, taken = "", 0
    for word in clean(text).split(" "):
        size = columns(word)
        if line and taken + 1 + size <= width:
            line, taken = f"{line} {word}", taken + 1 + size
            continue
        if line:
            lines.append(line)
        while size > width:
            at, room = 0, 0
            while at < len(word) and room + columns(word[at]) <= width:
                room += columns(word[at])
                at += 1
            at = max(at, 1)
            lines.append(word[:at])
            word = word[at:]
            size = columns(word)
        line, taken = word, size
    if line or not lines:
        lines.append(line)
    return lines

"""Text to tree: cuts a file into blocks, runs the tables of the grammar over each, and reads on after mistakes.

Lark computed the tables (tools/build_tables.py); it is not imported here. The loop does not recurse, so no depth of
nesting can break it, and each step consumes text, so its time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from worklint.model import Span
from worklint.record import frozen
from worklint.syntax._tables import KEYWORDS, RULES, STATES, TOKENS
from worklint.syntax.nodes import ACTIONS, Token
from worklint.syntax.tree import Document, FilterBlock, Problem, Suppression, WorklistBlock
from worklint.text import Text

_RULES = tuple((length, origin, ACTIONS[action], nesting) for length, origin, action, nesting in RULES)
# What no terminal of the grammar matches: the rest of a line after a quote without its pair, else one clump.
_TOKEN = re.compile(TOKENS + r'|(?P<UNCLOSED>"[^\n{}]*+)|(?P<JUNK>[\w.:+$%\\/-]++|.)', re.DOTALL)
_CUT = re.compile(
    r'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|"[^\n]*+|#[^\n]*+|(?<!\w)(?<!\w-)(?ai:worklist|filter)(?!\w|-\w)'
)
_SUPPRESSION = re.compile(r"#\s*worklint\s*:\s*", re.ASCII)
_END = "$END"
_DONE = STATES[0]["start"]


@frozen
class Limits:
    """Bounds of what is read, stated in the message that each raises.

    ``file`` in bytes (see ``text.decode``), ``string`` in characters, ``nesting`` in open parentheses and ``not``,
    ``list`` in values, ``constraints`` in a block, ``problems`` in a file.
    """

    file: int = 16 * 1024 * 1024
    string: int = 10_240
    nesting: int = 200
    list: int = 10_000
    constraints: int = 10_000
    problems: int = 200


DEFAULT_LIMITS = Limits()


Frame = tuple[int, Any, int, int]


class Reader:
    """The state of one parse. The actions in ``nodes`` call back to it; nobody else sees it."""

    def __init__(self, text: Text, limits: Limits) -> None:
        """Start at the beginning of a text."""
        self.text = text
        self.content = text.content
        self.limits = limits
        self.span = text.span
        self.problems: list[Problem] = []
        self.filters: list[FilterBlock] = []
        self.worklists: list[WorklistBlock] = []
        self.places: list[tuple[int, int]] = []
        self.complete = True
        self.spoiled = False
        self.tests = 0
        self.name_end = 0
        self.position = 0
        self.end = 0
        self.queue: list[Token] = []
        # What was read and not yet made into a block: state, value, begin, end of each part.
        self.frames: list[Frame] = []
        # The reductions since the last token that was taken, so that a mistake is seen where it was made.
        self.undo: list[tuple[list[Frame], int, int, int, int, bool]] = []
        self.depth = 0
        self.corrections = 0
        self.corrected_at = -1

    # Problems

    def report(self, mistake: str, start: int, end: int, **facts: str) -> None:
        """Report a mistake of ``grammars/errors.json`` between two offsets."""
        self.report_span(mistake, self.span(start, end), (), **facts)

    def report_span(self, mistake: str, span: Span, expected: tuple[str, ...] = (), **facts: str) -> None:
        """Report a mistake at a span."""
        from worklint.syntax.mistakes import render

        self.add(render(mistake, span, expected, facts))

    def add(self, problem: Problem) -> None:
        """Keep a problem, unless the file has too many."""
        self.spoiled = self.spoiled or problem.spoils
        if len(self.problems) < self.limits.problems:
            self.problems.append(problem)

    def limit(self, what: str, start: int, end: int, found: str, limit: str) -> None:
        """Report that a limit is passed."""
        self.report(f"{what}-limit", start, end, found=found, limit=limit)

    def source(self, span: Span) -> str:
        """Return the text of a span."""
        offset = self.text.offset
        return self.content[offset(span.line, span.column) : offset(span.end_line, span.end_column)]

    def spoiled_at(self, span: Span) -> bool:
        """Tell whether the last problem lies inside a span."""
        if not self.problems:
            return False
        last = self.problems[-1].span
        return (span.line, span.column) <= (last.line, last.column) < (span.end_line, span.end_column)

    # The loop

    def tokens(self) -> Iterator[Token]:
        """Yield the tokens of the block, what a correction put into the queue first, then ``$END`` for ever."""
        queue, content, keywords = self.queue, self.content, KEYWORDS
        while True:
            while queue:
                yield queue.pop()
            for match in _TOKEN.finditer(content, self.position, self.end):
                kind = match.lastgroup
                if kind is None:
                    continue
                text = match.group()
                if kind == "NAME":
                    kind = keywords.get(text) or (keywords.get(text.lower(), kind) if text.isascii() else kind)
                start, self.position = match.span()
                yield kind, start, self.position, text
                if queue or self.position != match.end():
                    break
            else:
                self.position = self.end
                yield _END, self.end, self.end, ""

    def run(self, *first: Token) -> bool:
        """Run the tables from ``position`` to the ``}`` of the block; false where it could not be read to there.

        ``first``: tokens to be read before those of the text.
        """
        frames, undo, problems, places = self.frames, self.undo, self.problems, self.places
        frames[:] = [(0, None, self.position, self.position)]
        undo.clear()
        self.queue[:] = first
        self.depth, self.corrections, self.corrected_at = 0, 0, -1
        states, rules, deepest = STATES, _RULES, self.limits.nesting
        state = 0
        for token in self.tokens():
            kind = token[0]
            while True:
                action = states[state].get(kind)
                if action is None:
                    if kind == _END and state == _DONE and len(frames) == 2:
                        return True
                    if not self.recover(token):
                        return False
                    state = frames[-1][0]
                    break
                if action >= 0:
                    state = action
                    frames.append((state, token, token[1], token[2]))
                    undo.clear()
                    if kind == "LPAR" or kind == "NOT":
                        self.depth += 1
                        if self.depth > deepest:
                            if not self.too_deep(token):
                                return False
                            state = frames[-1][0]
                    elif kind == "RBRACE":
                        # Braces enclose blocks and nothing else: what follows is no part of this one.
                        self.position = token[2]
                        token = (kind := _END, token[2], token[2], "")
                        continue
                    break
                length, origin, build, nesting = rules[~action]
                popped = frames[-length:] if length else []
                undo.append((popped, ~action, len(problems), len(places), self.tests, self.spoiled))
                if length:
                    del frames[-length:]
                    begin, end = popped[0][2], popped[-1][3]
                    value = popped[0][1] if build is None else build(self, [p[1] for p in popped], begin, end)
                    self.depth -= nesting
                else:
                    value, begin, end = [], token[1], token[1]
                state = states[frames[-1][0]][origin]
                frames.append((state, value, begin, end))
        return False

    def recover(self, token: Token) -> bool:
        """Explain a token that cannot stand where it is, correct it or skip it; false to give the block up."""
        from worklint.syntax.mistakes import recover

        return recover(self, token)

    def too_deep(self, token: Token) -> bool:
        """Report a nesting beyond the limit and skip what it stands in."""
        from worklint.syntax.mistakes import skip

        limit = f"{self.limits.nesting:,}"
        self.limit("nesting", token[1], token[2], "more", limit)
        return skip(self, token)

    def close_block(self, start: int, end: int) -> None:
        """Note a block as a place that a suppression can cover; judge the number of its tests."""
        self.places.append((start, end))
        if self.tests > self.limits.constraints:
            end = start + len(self.content[start:end].split(None, 1)[0])
            self.limit("constraint", start, end, f"{self.tests:,}", f"{self.limits.constraints:,}")
        self.tests = 0

    # The file

    def read(self) -> Document:
        """Read all of it."""
        cuts: list[int] = []
        comments: list[tuple[int, int]] = []
        for match in _CUT.finditer(self.content):
            character = match.group()[0]
            if character == "#":
                if _SUPPRESSION.match(match.group()):
                    comments.append(match.span())
            elif character != '"':
                cuts.append(match.start())
        last = len(self.content)
        at = 0
        for start, end in zip(cuts, [*cuts[1:], last], strict=False):
            self.between(at, start)
            at = self.block(start, end)
        self.between(at, last)
        if len(self.problems) >= self.limits.problems:
            self.problems.pop()
            self.limit("problem", last, last, "more", f"{self.limits.problems:,}")
        self.twice()
        suppressions: tuple[Suppression, ...] = ()
        if comments:
            from worklint.syntax.mistakes import suppressions as read_suppressions

            suppressions = read_suppressions(self, comments)
        return Document(
            self.text.file,
            tuple(self.filters),
            tuple(self.worklists),
            tuple(sorted(self.problems, key=lambda problem: problem.span)),
            suppressions,
            self.complete and all(b.complete for b in self.filters) and all(b.complete for b in self.worklists),
        )

    def block(self, start: int, end: int) -> int:
        """Read the block that begins at ``start``; return where it ends, at most at ``end``."""
        self.position, self.end = start, end
        self.spoiled, self.tests = False, 0
        blocks = len(self.filters) + len(self.worklists)
        if self.run():
            return self.position
        self.complete = False
        if len(self.filters) + len(self.worklists) == blocks:
            from worklint.syntax.mistakes import remnant

            remnant(self, start, end)
        return end

    def between(self, start: int, end: int) -> None:
        """Report text that stands outside the blocks; read on where it is a block with its first word misspelt."""
        for match in _TOKEN.finditer(self.content, start, end):
            if match.lastgroup is not None:
                from worklint.syntax.mistakes import stray

                stray(self, match.start(), end)
                return

    def twice(self) -> None:
        """Report names that two blocks have."""
        named = [("worklist", block.name, block.name_span) for block in self.worklists]
        named += [("filter", block.name, block.name_span) for block in self.filters]
        seen: dict[tuple[str, str], Span] = {}
        for kind, name, span in named:
            before = seen.setdefault((kind, name), span)
            if before is not span:
                self.report_span("name-twice", span, (), kind=kind, name=name, line=str(before.line))


def parse(text: Text, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Return the tree of a text. Mistakes are its ``problems``; no text raises an exception."""
    return Reader(text, limits).read()

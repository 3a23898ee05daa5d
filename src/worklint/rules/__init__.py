"""The rules: one Markdown page each, which is documentation, help text and test at once.

A page is found by its file name, so there is no list to edit. Its layout is told in ``docs/add-a-rule.md``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

from worklint.model import SEVERITIES, Severity
from worklint.record import frozen, replace

Kind = Literal["definition", "cell", "site"]
Stage = Literal["stable", "preview"]

FAMILIES = {
    "1": "file", "2": "filter logic", "3": "attribute and level", "4": "matching and value", "5": "source",
    "6": "topology", "7": "workflow",
}  # fmt: skip
"""The hundreds of the codes."""

_FOLDER = Path(__file__).parent
_CODE = re.compile(r"WL[1-9]\d\d")
_HEADING = re.compile(r"# (WL[1-9]\d\d) ([a-z0-9]+(?:-[a-z0-9]+)*)\n")
_FACTS = re.compile(r"severity (\w+), kind (\w+), stage (\w+), since (\d+\.\d+\.\d+)\n")
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"#\s+((?:WL[1-9]\d\d\s*)+)(next line)?\s*$")

WHAT, WHY, REMEDY, SOURCE = "What", "Why it matters in the reading room", "What to do", "Source"


@frozen
class Example:
    """A worklist file that the rule reports (``fires``), or one that it does not (``quiet``).

    ``project`` is the project file that it is judged with, or ``None``. ``fixed`` is the file after its edits, or
    ``None``; ``unsafe``: they change the meaning.
    """

    fires: bool
    text: str
    project: str | None = None
    fixed: str | None = None
    unsafe: bool = False

    def marked(self, code: str) -> tuple[int, ...]:
        """Return the lines of the worklist file, from 1, that a comment marks with the code: they must be reported."""
        return _marked(self.text, code)

    def marked_in_project(self, code: str) -> tuple[int, ...]:
        """Return the marked lines of the project file."""
        return _marked(self.project or "", code)


def _marked(text: str, code: str) -> tuple[int, ...]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        mark = _MARK.search(line)
        if mark and code in mark[1].split():
            found.append(number + 1 if mark[2] else number)
    return tuple(found)


@frozen
class RuleInfo:
    """What the page of a rule says.

    ``kind``: ``definition`` (a finding on what is written), ``cell`` (the cause of a verdict: then ``severity`` is the
    usual one, and each finding has that of its verdict), ``site`` (a fact of the enterprise). ``page`` is the page.
    """

    code: str
    name: str
    severity: Severity
    kind: Kind
    stage: Stage
    since: str
    what: str
    why: str
    remedy: str
    source: str
    examples: tuple[Example, ...]
    page: str

    @property
    def family(self) -> str:
        """The family: what the hundred of the code stands for."""
        return FAMILIES[self.code[2]]

    @property
    def citations(self) -> tuple[str, ...]:
        """The sources, one a line of the page."""
        return tuple(line.removeprefix("- ").strip() for line in self.source.splitlines() if line.strip())


@cache
def codes() -> tuple[str, ...]:
    """Return the codes of all rules, in order."""
    return tuple(sorted(p.stem for p in _FOLDER.glob("WL*.md")))


def _path(code: str) -> Path | None:
    path = _FOLDER / f"{code}.md"
    return path if _CODE.fullmatch(code) and path.is_file() else None


@cache
def _head(code: str) -> tuple[str, Severity]:
    path = _path(code)
    if path is None:
        return "", "warning"
    with path.open(encoding="utf-8") as file:
        lines = [file.readline() for _ in range(3)]
    heading, facts = _HEADING.fullmatch(lines[0]), _FACTS.fullmatch(lines[2])
    if heading is None or facts is None or facts[1] not in SEVERITIES:
        raise ValueError(_complaint(code, "its first three lines are heading, blank line, facts"))
    return heading[2], cast(Severity, facts[1])


def rule_name(code: str) -> str:
    """Return the name of a rule, which says what is wrong; empty for a code that no rule has."""
    return _head(code)[0]


def default_severity(code: str) -> Severity:
    """Return the severity of a rule's findings where nothing else decides; ``warning`` for a code no rule has."""
    return _head(code)[1]


@cache
def rule(code: str) -> RuleInfo | None:
    """Return what is written about a rule, or ``None`` for a code that no rule has.

    Raises:
        ValueError: if the page does not have the layout of a rule page (an error of the project, not of a user).
    """
    path = _path(code)
    return None if path is None else read_page(code, path.read_text(encoding="utf-8"))


def nearest_codes(word: str, n: int = 3) -> tuple[str, ...]:
    """Return at most ``n`` codes that the writer of ``word`` may have meant: a code, part of one, or a rule's name."""
    plain = word.strip().strip("`'\"[]").upper()
    plain = plain if not plain.isdigit() else f"WL{plain}"
    if plain in codes():
        return (plain,)
    name = word.strip().lower().replace("_", "-").replace(" ", "-")
    named = {rule_name(code): code for code in codes()}
    if name in named:
        return (named[name],)
    if len(name) > 3 and (within := [code for n_, code in named.items() if name in n_]):
        return tuple(within[:n])
    import difflib

    if name and not any(c.isdigit() for c in name) and len(name) > 4:
        return tuple(named[f] for f in difflib.get_close_matches(name, named, n, 0.6))
    digits = re.sub(r"\D", "", plain)[:3]
    begin = [code for code in codes() if len(digits) > 1 and code[2:].startswith(digits)]
    return tuple(begin[:n] or difflib.get_close_matches(f"WL{digits}", codes(), n, 0.75))


def _complaint(code: str, wanted: str) -> str:
    return f"rules/{code}.md is no rule page: {wanted} (docs/add-a-rule.md)"


def read_page(code: str, page: str) -> RuleInfo:
    """Read a rule page.

    Raises:
        ValueError: if the page does not have the layout of a rule page.
    """
    heading = _HEADING.match(page)
    facts = _FACTS.match(page, heading.end() + 1) if heading and page[heading.end() :].startswith("\n") else None
    if heading is None or facts is None:
        raise ValueError(_complaint(code, "its first three lines are heading, blank line, facts"))
    severity, kind, stage, since = facts.groups()
    if heading[1] != code:
        raise ValueError(_complaint(code, f"its heading names {heading[1]}"))
    if severity not in SEVERITIES or kind not in get_args(Kind) or stage not in get_args(Stage):
        raise ValueError(_complaint(code, f"{severity}, {kind} or {stage} is no such word"))
    prose = _FENCE.sub("", page)
    cut = _SECTION.split(prose)
    sections = {title.strip(): text.strip() for title, text in zip(cut[1::2], cut[2::2], strict=True)}
    for wanted in (WHAT, WHY, REMEDY, SOURCE):
        if not sections.get(wanted):
            raise ValueError(_complaint(code, f"the section {wanted!r} is missing"))
    return RuleInfo(
        code,
        heading[2],
        cast(Severity, severity),
        cast(Kind, kind),
        cast(Stage, stage),
        since,
        sections[WHAT],
        sections[WHY],
        sections[REMEDY],
        sections[SOURCE],
        _examples(code, page),
        page,
    )


def _examples(code: str, page: str) -> tuple[Example, ...]:
    """Read the fenced blocks: a project file belongs to the example behind it, what is fixed to the one before it."""
    found: list[Example] = []
    project: str | None = None
    for fence in _FENCE.finditer(page):
        words = fence[1].split()
        if words == ["yaml", "project"]:
            project = fence[2]
        elif words in (["worklist", "fires"], ["worklist", "quiet"]):
            found.append(Example(words[1] == "fires", fence[2], project))
            project = None
        elif words in (["worklist", "fixed"], ["worklist", "fixed", "unsafe"]) and found and found[-1].fires:
            found[-1] = replace(found[-1], fixed=fence[2], unsafe=words[2:] == ["unsafe"])
        else:
            raise ValueError(_complaint(code, f"a fenced block is headed {fence[1]!r}"))
    return tuple(found)

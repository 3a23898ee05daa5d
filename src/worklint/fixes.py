"""Edits: what could be written instead is read again, proved, judged at every source, and only then offered or made.

Pure: texts go in, findings with edits or other texts come out. Nothing is offered that does not parse, that makes any
list less reliable at any source, or that claims to keep a meaning which is not proved to be the same.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal

from worklint.accept import Choice
from worklint.judge import Judged
from worklint.knowledge.labels import Label
from worklint.model import SPELLING, Edit, Effect, Finding, Span
from worklint.record import frozen, replace
from worklint.references import Names
from worklint.rules.logic import Change, change_of_meaning
from worklint.rules.rewrites import WAYS, Proposal, proposals
from worklint.run import Examined, Options, Places, examine
from worklint.sources import Site
from worklint.syntax.places import Block, comments, holds, stretch, without_comments
from worklint.syntax.tree import Document, FilterBlock, WorklistBlock
from worklint.text import Text

MOST_PASSES = 100
"""An edit can make room for the next one; after so many passes a text is taken as it is then."""
_EACH_TRIED = 40
"""What reading a text anew takes, in the same measure."""
MOST_EDITS = 3
"""Edits that one finding is offered."""
MOST_TRIED, TIMES_TRIED = 2_000, 2
"""Constraints times sources that are judged anew for edits nobody asked for, those that change the meaning; or so often
those of the run, where that is more."""
_ALL = Choice(no_ignore=True)
_WORD = re.compile(r"[^\W\d_](?:\w|-(?=\w))*")


@frozen(eq=False)
class Material:
    """What a run was made of. Edits are made in ``texts`` only; ``shared`` are the files that the project names."""

    texts: tuple[Text, ...]
    shared: tuple[Text, ...]
    site: Site
    today: date
    options: Options

    def with_text(self, changed: Text) -> Material:
        """Return the material with another content of one file, wherever it stands."""
        texts, shared = (
            tuple(changed if t.file == changed.file else t for t in group) for group in (self.texts, self.shared)
        )
        return replace(self, texts=texts, shared=shared)


def can_be_edited(finding: Finding) -> bool:
    """Tell if there is any way to answer a finding by an edit; whether it helps is another question."""
    live = finding.suppressed is None and not finding.baselined
    return live and (finding.rule in WAYS or any(name == "instead" for name, _ in finding.facts))


def offered(
    findings: Iterable[Finding], examined: Examined, material: Material, which: Which
) -> tuple[list[Finding], int]:
    """Return the findings, each with the edits that answer it, and the number of those that were not looked at for all.

    ``which``: edits that keep the meaning (``safe``), ``all`` of them, or all of them as long as that takes little work
    (``some``): then those that change the meaning are not looked for any more.
    """
    desk = _Desk(examined, material, which)
    found = [replace(f, edits=desk.edits(f)) if can_be_edited(f) else f for f in findings]
    return found, desk.left_open


# --- texts


def applied(text: Text, edits: Iterable[Edit]) -> Text:
    """Return a text after edits.

    Raises:
        ValueError: for edits that overlap, or of another file.
    """
    content, last = text.content, len(text.content) + 1
    for edit in sorted(edits, key=lambda e: (e.span, e.text), reverse=True):
        start, end = stretch(text, edit.span)
        if edit.span.file != text.file or not 0 <= start <= end <= len(content) or end > last or start == last:
            raise ValueError(f"an edit of {edit.span} cannot be made beside the others")
        content, last = content[:start] + edit.text + content[end:], start
    return Text.of(content, text.file)


def apart(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return those edits that do not touch an earlier one of their file; equal ones once."""
    kept: list[Edit] = []
    for edit in dict.fromkeys(edits):
        begin, end = _ends(edit.span)
        if all(k.span.file != edit.span.file or end < _ends(k.span)[0] or begin > _ends(k.span)[1] for k in kept):
            kept.append(edit)
    return tuple(kept)


def _ends(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    return (span.line, span.column), (span.end_line, span.end_column)


# --- made


@frozen
class Fixed:
    """Texts after all edits that could be made. ``made``: file and description of each, in the order of making."""

    texts: tuple[Text, ...]
    shared: tuple[Text, ...]
    made: tuple[tuple[str, str], ...]


def fixed(material: Material, *, unsafe: bool = False) -> Fixed:
    """Make the edits that findings carry, pass by pass, until none is left; unsafe ones only if asked for, and last.

    Of edits that touch one another the first is made, and the others get their turn in the next pass, on the text that
    they meet then. What several edits make together is proved or judged once more: if it fails, they are made singly.
    """
    from worklint.run import run

    options = replace(material.options, edits="all" if unsafe else "safe", planned=False, plan_up_to=0)
    made: list[tuple[str, str]] = []
    seen = {_contents(material)}
    for _ in range(MOST_PASSES):
        report = run(material.texts, material.site, material.today, shared=material.shared, options=options)
        first = [e for row in report.findings for e in row.finding.edits[:1]]
        wanted = apart([e for e in first if e.safe] or first)
        after = _with_edits(material, wanted)
        if len(wanted) > 1 and not _holds_together(material, after, all(e.safe for e in wanted)):
            wanted = wanted[:1]
            after = _with_edits(material, wanted)
        if not wanted or _contents(after) in seen:
            break
        seen.add(_contents(after))
        made += [(edit.span.file, edit.description) for edit in wanted]
        material = after
    return Fixed(material.texts, material.shared, tuple(made))


def _contents(material: Material) -> tuple[str, ...]:
    return tuple(t.content for t in material.texts)


def _with_edits(material: Material, edits: Sequence[Edit]) -> Material:
    for text in material.texts:
        mine = [e for e in edits if e.span.file == text.file]
        if mine:
            material = material.with_text(applied(text, mine))
    return material


def _holds_together(before: Material, after: Material, safe: bool) -> bool:
    one, other = (_examined(m, m.texts, m.shared) for m in (before, after))
    return _no_worse(_standing(one), _standing(other)) and (not safe or _change(one, other) == "same")


# --- judged

Place = tuple[str, str]
Which = Literal["safe", "some", "all"]


@frozen
class _Standing:
    """How lists stand: how reliable each is at each source, what is wrong in what is written, which lists are read."""

    at: Mapping[Place, tuple[int, ...]]
    wrong: Mapping[str, int]
    counted: Mapping[str, int]
    complete: frozenset[str]


def _examined(
    material: Material, texts: Sequence[Text], shared: Sequence[Text], places: Places | None = None
) -> Examined:
    options = replace(material.options, choice=_ALL, baseline={}, planned=False, plan_up_to=0, edits="")
    return examine(texts, material.site, material.today, shared=shared, options=options, places=places)


def _standing(examined: Examined) -> _Standing:
    at = {
        (worklist, source): (*_flags(judged.effect), *_marks(judged))
        for worklist, of in examined.judged.items()
        for source, judged in of.items()
    }
    # What sources make of a test is in ``at``; these are the findings on what is written.
    written = [f for f in examined.findings if not f.sources]
    wrong = Counter(f.rule for f in written if f.severity != "info")
    complete = frozenset(w.id for w in examined.resolved.worklists if w.complete)
    return _Standing(at, wrong, Counter(f.rule for f in written), complete)


def _flags(effect: Effect) -> tuple[int, ...]:
    adds = bool(effect.adds - SPELLING) or not effect.known
    return int(effect.rejected), int(not effect.known), int(bool(effect.misses) or not effect.known), int(adds)


def _marks(judged: Judged) -> tuple[int, int]:
    """Count the constraints at which rows can be missing, and those that are unreliable in any way."""
    severities = [c.severity for c in judged.cells]
    return severities.count("error"), sum(1 for s in severities if s in ("error", "warning"))


def _no_worse(before: _Standing, after: _Standing) -> bool:
    if not (before.complete <= after.complete and set(before.at) <= set(after.at)):
        return False
    # Of a list that could not be read before, more is known afterwards.
    if before.complete == after.complete and any(n > before.wrong.get(rule, 0) for rule, n in after.wrong.items()):
        return False
    return all(now <= then for key in before.at for then, now in zip(before.at[key], after.at[key], strict=True))


def _change(before: Examined, after: Examined) -> Change:
    """Return what certainly becomes of all lists together."""
    pairs = list(zip(before.resolved.worklists, after.resolved.worklists, strict=False))
    if not pairs or len(before.resolved.worklists) != len(after.resolved.worklists):
        return "other"
    found = {change_of_meaning(one, other) for one, other in pairs} - {"same"}
    return found.pop() if len(found) == 1 else "other" if found else "same"


class _Sheet:
    """One file at work: its blocks by place, and its filters by name, so that a few blocks can be looked at alone."""

    def __init__(self, text: Text, document: Document | None) -> None:
        """Take a file as it was read."""
        self.text = text
        self.bare = without_comments(text.content)
        lists = document.worklists if document else ()
        filters = document.filters if document else ()
        self.blocks: list[Block] = sorted([*lists, *filters], key=lambda b: b.span)
        self.starts = [(b.span.line, b.span.column) for b in self.blocks]
        self.filters = {b.name: b for b in filters}
        self.lists = {b.head: b for b in lists}

    def block_at(self, span: Span) -> Block | None:
        """Return the block in which a span lies."""
        at = bisect_right(self.starts, (span.line, span.column)) - 1
        return self.blocks[at] if at >= 0 and holds(self.blocks[at].span, span) else None

    def source(self, block: Block, edit: Edit | None = None) -> str:
        """Return the text of a block, after an edit if it lies there."""
        start, end = stretch(self.text, block.span)
        if edit is None or edit.span.file != self.text.file or not holds(block.span, edit.span):
            return self.text.content[start:end]
        first, last = stretch(self.text, edit.span)
        return self.text.content[start:first] + edit.text + self.text.content[last:end]


class _Desk:
    """The findings of one run at work, and how the lists that an edit concerns stood before and stand after it.

    An edit is judged on a text of nothing but the blocks that it concerns: places in that text mean nothing.
    """

    def __init__(self, examined: Examined, material: Material, which: Which) -> None:
        """Begin with nothing judged."""
        self.material, self.which, self.places = material, which, examined.places
        whole = sum(len(w.constraints) for w in examined.resolved.worklists) * len(material.site.sources)
        self.most = max(MOST_TRIED, TIMES_TRIED * whole)
        self.tried, self.left_open = 0, 0
        self.worklists = {w.id: w for w in examined.resolved.worklists}
        self.by_place = {(w.file, w.span): w.id for w in examined.resolved.worklists}
        documents = {d.file: d for d in (*examined.shared, *examined.documents)}
        self.sheets = {t.file: _Sheet(t, documents.get(t.file)) for t in (*material.shared, *material.texts)}
        self.own = {t.file for t in material.texts}
        self.labels: Mapping[str, Label] = Names.of(material.site.enterprise, material.site.vocabulary).labels
        self.named: dict[str, list[Block]] = {}
        for sheet in self.sheets.values():
            for name, block in sheet.filters.items():
                self.named.setdefault(name, []).append(block)
        self.before: dict[tuple[object, ...], tuple[Examined, _Standing]] = {}
        self.after: dict[tuple[Span, str], tuple[Examined, _Standing]] = {}
        self.words: dict[Span, set[str]] = {}

    def edits(self, finding: Finding) -> tuple[Edit, ...]:
        """Return the edits that answer a finding, those that keep the meaning first."""
        found: dict[tuple[Span, str], Edit] = {}
        left_open = False
        for proposal in self._proposals(finding):
            if proposal.keeps == "never" and self.which != "all":
                left_open = left_open or (self.which == "some" and self.tried > self.most)
                if self.which == "safe" or left_open:
                    continue
            edit = self._judged(finding, proposal)
            if edit is not None and (edit.safe or self.which != "safe"):
                found.setdefault((edit.span, edit.text), edit)
            if len(found) >= MOST_EDITS:
                break
        self.left_open += left_open
        return tuple(sorted(found.values(), key=lambda e: not e.safe))

    def _proposals(self, finding: Finding) -> Iterator[Proposal]:
        if finding.span.file not in self.own:
            return
        sheet = self.sheets[finding.span.file]
        worklist = self.worklists.get(finding.worklist or "")
        home = None
        if worklist is not None and worklist.file in self.own and worklist.span in self.sheets[worklist.file].lists:
            other = self.sheets[worklist.file]
            home = (other.text, other.lists[worklist.span])
        block = sheet.block_at(finding.span)
        yield from proposals(finding, block, sheet.text, sheet.bare, worklist, self.labels, home)

    def _judged(self, finding: Finding, proposal: Proposal) -> Edit | None:
        """Return the edit of a proposal, or ``None`` if it is not to be offered."""
        file = proposal.span.file
        start, end = stretch(self.sheets[file].text, proposal.span)
        content = self.sheets[file].text.content
        if Counter(comments(content[start:end])) - Counter(comments(proposal.text)):
            # What somebody wrote beside it would be lost.
            return None
        if not proposal.text and _silences_near(content, start, end):
            # Left behind, it would silence something else.
            return None
        edit = Edit(proposal.span, proposal.text, False, proposal.description, "other")
        lists = self._concerned(file, proposal.span)
        (before, stood), (after, stands) = self._stood_and_stand(lists, edit)
        if not _no_worse(stood, stands):
            return None
        if proposal.keeps == "never" and not _helps(finding, stood, stands, False):
            # Before the proof, which takes longer.
            return None
        meaning = _change(before, after)
        safe = proposal.keeps != "never" and meaning == "same"
        if (proposal.keeps == "always" and not safe) or not _helps(finding, stood, stands, safe):
            return None
        # What is the same for the program only is not called the same.
        return replace(edit, safe=safe, meaning="other" if meaning == "same" and not safe else meaning)

    def _concerned(self, file: str, span: Span) -> frozenset[str]:
        """Return the lists that may change where a span of a file is edited."""
        block = self.sheets[file].block_at(span)
        if isinstance(block, WorklistBlock):
            return frozenset({self.by_place[file, block.head]} if (file, block.head) in self.by_place else ())
        if block is None:
            return frozenset(w.id for w in self.worklists.values() if w.file == file)
        # A list of which part could not be read may use it without our knowing.
        return frozenset(
            w.id
            for w in self.worklists.values()
            if not w.complete or any(holds(block.span, place) for c, _ in w.constraints for place in (c.span, *c.via))
        )

    def _stood_and_stand(
        self, lists: frozenset[str], edit: Edit
    ) -> tuple[tuple[Examined, _Standing], tuple[Examined, _Standing]]:
        """Examine the lists that an edit concerns, with the filters that they use, before and after it."""
        file = edit.span.file
        block = self.sheets[file].block_at(edit.span)
        used = self._used(lists, block, edit.text)
        key = (lists, file, used if block is not None else None)
        if key not in self.before:
            self.before[key] = self._examined(lists, used, block, edit, None)
        if (edit.span, edit.text) not in self.after:
            self.after[edit.span, edit.text] = self._examined(lists, used, block, edit, edit)
            cells = sum(len(self.worklists[one].constraints) for one in lists) * len(self.material.site.sources)
            self.tried += cells + _EACH_TRIED
        return self.before[key], self.after[edit.span, edit.text]

    def _examined(
        self, lists: frozenset[str], used: frozenset[str], block: Block | None, edit: Edit, made: Edit | None
    ) -> tuple[Examined, _Standing]:
        file = edit.span.file
        texts, shared = [], list(self.material.shared)
        if block is None:
            # It lies outside the blocks, or makes one: nothing less than the file shows what it does.
            whole = self.sheets[file].text
            texts = [whole if made is None else applied(whole, (made,))]
        else:
            shared = [self._sheet(t.file, (), used, made) for t in shared]
            for home in dict.fromkeys([file, *sorted(self.worklists[one].file for one in lists)]):
                texts.append(self._sheet(home, lists, used, made))
            if not lists and isinstance(block, FilterBlock):
                user = f'\nworklist "" {{ where {block.name} }}\n'
                texts = [Text.of(texts[0].content + user, file)]
        examined = _examined(self.material, texts, shared, self.places)
        return examined, _standing(examined)

    def _used(self, lists: frozenset[str], block: Block | None, words: str) -> frozenset[str]:
        """Return the names of the filters that lists and words use, and of what those use."""
        waiting: list[Block] = [
            self.sheets[w.file].lists[w.span] for w in (self.worklists[one] for one in lists)
        ]  # fmt: skip
        waiting += [block] if block is not None else []
        found = {block.name} if isinstance(block, FilterBlock) else set()
        names = set(_WORD.findall(words))
        while waiting or names:
            for name in names & self.named.keys() - found:
                found.add(name)
                waiting += self.named[name]
            names = self._words(waiting.pop()) if waiting else set()
        return frozenset(found)

    def _words(self, block: Block) -> set[str]:
        known = self.words.get(block.span)
        if known is None:
            sheet = self.sheets[block.span.file]
            start, end = stretch(sheet.text, block.span)
            known = self.words[block.span] = set(_WORD.findall(sheet.bare, start, end))
        return known

    def _sheet(self, file: str, lists: frozenset[str] | tuple[()], used: frozenset[str], made: Edit | None) -> Text:
        """Return a text of some blocks of a file."""
        sheet = self.sheets[file]
        mine = [sheet.lists[w.span] for w in (self.worklists[one] for one in sorted(lists)) if w.file == file]
        blocks: list[Block] = [*(b for name, b in sheet.filters.items() if name in used), *mine]
        return Text.of("\n".join(sheet.source(b, made) for b in blocks) + "\n", file)


def _silences_near(content: str, start: int, end: int) -> bool:
    """Tell if a comment on the lines of a stretch, or on the line before, silences a finding."""
    first = content.rfind("\n", 0, max(content.rfind("\n", 0, start), 0)) + 1
    last = content.find("\n", end)
    return any("worklint" in c for c in comments(content[first : last if last >= 0 else len(content)]))


def _helps(finding: Finding, before: _Standing, after: _Standing, safe: bool) -> bool:
    """Tell if a finding is answered: its constraint is better off at each of its sources, or it is gone."""
    better = {key for key in before.at if after.at[key] != before.at[key]}
    if finding.sources and finding.worklist:
        return all((finding.worklist, source) in better for source in finding.sources)
    gone = after.counted.get(finding.rule, 0) < before.counted.get(finding.rule, 0)
    # Where nothing is wrong with the rows, a change of meaning has to be worth it.
    return gone and (safe or finding.severity != "info" or bool(better))

"""Edits: what could be written instead is read again, proved, judged at every source, and only then offered or made.

Pure: texts go in, findings with edits or other texts come out. Nothing is offered that does not parse, that makes any
list less reliable at any source, or that claims to keep a meaning which is not proved to be the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from worklint.accept import Choice
from worklint.judge import Judged
from worklint.knowledge.labels import Label
from worklint.model import SPELLING, Edit, Effect, Finding, Span
from worklint.record import frozen, replace
from worklint.references import Names
from worklint.rules.logic import same_meaning
from worklint.rules.rewrites import WAYS, Proposal, proposals
from worklint.run import Examined, Options, examine
from worklint.sources import Site
from worklint.syntax.places import block_at, comments, holds, stretch
from worklint.syntax.tree import WorklistBlock
from worklint.text import Text

MOST_PASSES = 10
"""An edit can make room for the next one; after so many passes a text is taken as it is then."""
MOST_EDITS = 3
"""Edits that one finding is offered."""
_ALL = Choice(no_ignore=True)
_NO_LINE_END = re.compile(r"[^\r\n]")


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


def offered(findings: Iterable[Finding], examined: Examined, material: Material, unsafe: bool) -> list[Finding]:
    """Return the findings, each with the edits that answer it: those that keep the meaning, or all of them."""
    desk = _Desk(examined, material, unsafe)
    return [replace(f, edits=desk.edits(f)) if can_be_edited(f) else f for f in findings]


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
    return _no_worse(_standing(one), _standing(other)) and (not safe or _proved(one, other))


# --- judged

Place = tuple[str, str]


@frozen
class _Standing:
    """How lists stand: how reliable each is at each source, what is wrong in what is written, which lists are read."""

    at: Mapping[Place, tuple[int, ...]]
    wrong: Mapping[str, int]
    counted: Mapping[str, int]
    complete: frozenset[str]


def _examined(material: Material, texts: Sequence[Text], shared: Sequence[Text]) -> Examined:
    options = replace(material.options, choice=_ALL, baseline={}, planned=False, plan_up_to=0, edits="")
    return examine(texts, material.site, material.today, shared=shared, options=options)


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


def _proved(before: Examined, after: Examined) -> bool:
    """Tell if all lists certainly mean the same as before."""
    pairs = list(zip(before.resolved.worklists, after.resolved.worklists, strict=False))
    alike = len(before.resolved.worklists) == len(after.resolved.worklists) and bool(pairs)
    return alike and all(same_meaning(one, other) for one, other in pairs)


class _Desk:
    """The findings of one run at work: trees by file, and how the lists that an edit concerns stood before."""

    def __init__(self, examined: Examined, material: Material, unsafe: bool) -> None:
        """Begin with nothing judged."""
        self.material, self.unsafe = material, unsafe
        self.worklists = examined.resolved.worklists
        self.texts = {t.file: t for t in material.texts}
        self.documents = {d.file: d for d in examined.documents}
        self.labels: Mapping[str, Label] = Names.of(material.site.enterprise, material.site.vocabulary).labels
        self.before: dict[tuple[frozenset[str], str], tuple[Examined, _Standing]] = {}
        self.after: dict[tuple[Span, str], tuple[Examined, _Standing]] = {}

    def edits(self, finding: Finding) -> tuple[Edit, ...]:
        """Return the edits that answer a finding, those that keep the meaning first."""
        found: dict[tuple[Span, str], Edit] = {}
        for proposal in self._proposals(finding):
            if proposal.keeps == "never" and not self.unsafe:
                continue
            edit = self._judged(finding, proposal)
            if edit is not None and (edit.safe or self.unsafe):
                found.setdefault((edit.span, edit.text), edit)
            if len(found) >= MOST_EDITS:
                break
        return tuple(sorted(found.values(), key=lambda e: not e.safe))

    def _proposals(self, finding: Finding) -> Iterator[Proposal]:
        file = finding.span.file
        if file not in self.texts or file not in self.documents:
            return
        worklist = next((w for w in self.worklists if w.id == finding.worklist), None)
        home = None
        if worklist is not None and worklist.file in self.texts and worklist.file in self.documents:
            block = next((b for b in self.documents[worklist.file].worklists if b.head == worklist.span), None)
            home = (self.texts[worklist.file], block) if block is not None else None
        yield from proposals(finding, self.documents[file], self.texts[file], worklist, self.labels, home)

    def _judged(self, finding: Finding, proposal: Proposal) -> Edit | None:
        """Return the edit of a proposal, or ``None`` if it is not to be offered."""
        text = self.texts.get(proposal.span.file)
        if text is None:
            return None
        start, end = stretch(text, proposal.span)
        if Counter(comments(text.content[start:end])) - Counter(comments(proposal.text)):
            # What somebody wrote beside it would be lost.
            return None
        lists = self._concerned(text.file, proposal.span)
        before, stood = self._stood(lists, text.file)
        edit = Edit(proposal.span, proposal.text, False, proposal.description)
        known = self.after.get((edit.span, edit.text))
        if known is None:
            examined = self._examined(lists, text.file, edit)
            known = self.after[(edit.span, edit.text)] = examined, _standing(examined)
        after, stands = known
        if not _no_worse(stood, stands):
            return None
        safe = proposal.keeps != "never" and _proved(before, after)
        if (proposal.keeps == "always" and not safe) or not _helps(finding, stood, stands, safe):
            return None
        return replace(edit, safe=safe)

    def _concerned(self, file: str, span: Span) -> frozenset[str]:
        """Return the lists that may change where a span of a file is edited."""
        block = block_at(self.documents[file], span)
        if isinstance(block, WorklistBlock):
            return frozenset(w.id for w in self.worklists if (w.file, w.span) == (file, block.head))
        if block is None:
            return frozenset(w.id for w in self.worklists if w.file == file)
        return frozenset(
            w.id
            for w in self.worklists
            if not w.complete or any(holds(block.span, place) for c, _ in w.constraints for place in (c.span, *c.via))
        )

    def _stood(self, lists: frozenset[str], file: str) -> tuple[Examined, _Standing]:
        found = self.before.get((lists, file))
        if found is None:
            examined = self._examined(lists, file, None)
            found = self.before[(lists, file)] = examined, _standing(examined)
        return found

    def _examined(self, lists: frozenset[str], file: str, edit: Edit | None) -> Examined:
        """Examine these lists alone, perhaps after an edit in a file."""
        homes = {w.file for w in self.worklists if w.id in lists}
        texts = [self._alone(t, lists) for t in self.material.texts if t.file == file or t.file in homes]
        shared = self.material.shared
        if edit is not None:
            texts = [applied(t, (edit,)) if t.file == file else t for t in texts]
            shared = tuple(applied(t, (edit,)) if t.file == file else t for t in shared)
        if not lists:
            texts = [self._with_users(t) if t.file == file else t for t in texts]
        return _examined(self.material, texts, shared)

    def _alone(self, text: Text, lists: frozenset[str]) -> Text:
        """Return a text of which all lists but these are blanked out; what is left keeps its place."""
        kept = {w.span for w in self.worklists if w.id in lists and w.file == text.file}
        content = text.content
        for block in self.documents[text.file].worklists if text.file in self.documents else ():
            if block.head not in kept:
                start, end = stretch(text, block.span)
                content = content[:start] + _NO_LINE_END.sub(" ", content[start:end]) + content[end:]
        return Text.of(content, text.file)

    def _with_users(self, text: Text) -> Text:
        """Return a text with a list for each filter, so that what no list uses is judged too."""
        names = [b.name for b in self.documents[text.file].filters]
        users = "".join(f'\nworklist "{name}" {{ where {name} }}' for name in names)
        return Text.of(f"{text.content}\n{users}\n", text.file)


def _helps(finding: Finding, before: _Standing, after: _Standing, safe: bool) -> bool:
    """Tell if a finding is answered: its constraint is better off at each of its sources, or it is gone."""
    better = {key for key in before.at if after.at[key] != before.at[key]}
    if finding.sources and finding.worklist:
        return all((finding.worklist, source) in better for source in finding.sources)
    gone = after.counted.get(finding.rule, 0) < before.counted.get(finding.rule, 0)
    # Where nothing is wrong with the rows, a change of meaning has to be worth it.
    return gone and (safe or finding.severity != "info" or bool(better))

"""What a reference speaks of: keyword, tag, private element or label -> attributes; a wrong name gets the nearest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from worklint.enterprise import Enterprise
from worklint.knowledge import standard
from worklint.knowledge.labels import Label, labels, vocabularies
from worklint.model import Attribute, Span
from worklint.record import frozen
from worklint.syntax.printer import print_reference, quote
from worklint.syntax.tree import Part, PartKind, Reference
from worklint.yaml_text import nearest

_STEP = re.compile(
    r"""(?P<keyword>[A-Za-z][A-Za-z0-9]*) | \((?P<group>[0-9A-Fa-f]{4}),[ ]?(?P<element>[0-9A-Fa-f]{4})\)
        | (?P<tag>[0-9][0-9A-Fa-f]{7})
        | \((?P<odd>[0-9A-Fa-f]{4}),[ ]?(?:[xX]{2}|[0-9A-Fa-f]{2})(?P<last>[0-9A-Fa-f]{2})[ ]"(?P<creator>[^"]+)"\)""",
    re.VERBOSE,
)


class Tell(Protocol):
    """Takes one finding: rule, place, what is wrong, what to write."""

    def __call__(
        self, rule: str, span: Span, message: str, remedy: str = "", *, severity: str = "", instead: str | None = None
    ) -> None:
        """Take it; without ``severity`` it has that of its rule. ``instead`` is text for the place of ``span``."""


@frozen
class Names:
    """What the project lets people write: labels by casefolded text, and whether there is a viewer."""

    labels: Mapping[str, Label]
    viewer: str | None

    @classmethod
    def of(cls, enterprise: Enterprise | None, vocabulary: Mapping[str, Label]) -> Names:
        """Put the site's own labels before those of its viewer."""
        found = dict(vocabulary)
        viewer = None
        if enterprise:
            viewer = enterprise.viewer.product if enterprise.viewer else None
            for own in enterprise.labels:
                folded = " ".join(own.name.split()).casefold()
                found[folded] = Label(own.name, own.attribute or "", "", own.vr or "", own.level or "")
        return cls(found, viewer)

    def private_vr(self, attribute: Attribute) -> str:
        """Return the VR that a label gives to a private element, else ``UN``."""
        for label in self.labels.values():
            if label.attribute.startswith("(") and label.vr:
                steps = reference_steps(label.attribute)
                if steps and (steps[-1].text, steps[-1].creator) == (attribute.tag, attribute.creator):
                    return label.vr
        return "UN"


@frozen
class Subject:
    """What a comparison speaks of. ``path`` is empty for a label with no attribute behind it."""

    path: tuple[Attribute, ...]
    label: Label | None
    written: str

    @property
    def vr(self) -> str:
        """The value representation; empty where nobody knows it."""
        vr = self.path[-1].vr if self.path else self.label.vr if self.label else ""
        return "" if vr == "UN" else vr

    @property
    def vm(self) -> str:
        """The value multiplicity."""
        return self.path[-1].vm if self.path else "1"


def reference_steps(text: str) -> tuple[Part, ...]:
    """Read a reference that stands in the data or in a project file (dotted keywords, tags, private elements)."""
    nowhere = Span("", 1, 1, 1, 1)
    steps: list[Part] = []
    for match in _STEP.finditer(text):
        kind: PartKind = "tag"
        creator = None
        if match["keyword"]:
            kind, word = "keyword", match["keyword"]
        elif match["odd"]:
            kind, word, creator = "private", f"{match['odd'].upper()}xx{match['last'].upper()}", match["creator"]
        else:
            word = (match["tag"] or match["group"] + match["element"]).upper()
        steps.append(Part(kind, word, nowhere, creator))
    return tuple(steps)


def resolve_reference(
    reference: Reference, names: Names, tell: Tell, prefix: tuple[Attribute, ...] = (), level: str = "study"
) -> Subject | None:
    """Return what a reference speaks of, below the sequences of ``prefix``; ``None`` (and told) if nobody can say."""
    path = prefix
    label: Label | None = None
    for index, part in enumerate(reference.parts):
        last = index == len(reference.parts) - 1
        if part.kind == "label":
            found = _label(part, names, tell)
            if found is None:
                return None
            if isinstance(found, Label):
                label = found
                if not label.attribute:
                    if last and index == 0 and not prefix:
                        return Subject((), label, quote(label.label))
                    tell(
                        "WL304", part.span, f"{quote(label.label)} has no DICOM attribute behind it, so it has no "
                        "place in a path", "write it as a comparison of its own",
                    )  # fmt: skip
                    return None
                steps = [_step(step, names, label.vr) for step in reference_steps(label.attribute)]
                if None in steps:
                    tell(
                        "WL301",
                        part.span,
                        f"{quote(label.label)} stands for {label.attribute}, which DICOM does not have",
                        f"correct the label {label.label} under labels: in worklint.yaml",
                    )
                    return None
            else:
                steps = [found]
        elif part.kind == "keyword":
            steps = [_keyword(part, tell)]
        else:
            steps = [_step(part, names)]
            if part.kind == "tag" and steps[0] and steps[0].keyword:
                tell(
                    "WL323", part.span, f"{steps[0].keyword} stands here as a tag, which few readers know by heart",
                    f"write {steps[0].keyword}", instead=steps[0].keyword,
                )  # fmt: skip
        for attribute in steps:
            if attribute is None:
                return None
            if path and not _admits_items(path[-1]):
                tell(
                    "WL301", part.span, f"{path[-1].display} is no sequence ({path[-1].vr}), so nothing lies inside it",
                    f"write {attribute.display} by itself, or name the sequence that holds it",
                )  # fmt: skip
                return None
            if attribute.retired:
                _retired(attribute, level, part.span, tell)
            path = (*path, attribute)
    return Subject(path, label, print_reference(reference))


def _admits_items(attribute: Attribute) -> bool:
    return attribute.vr == "SQ" or (attribute.vr == "UN" and not attribute.keyword)


def _step(part: Part, names: Names, vr: str = "") -> Attribute | None:
    if part.kind == "keyword":
        return standard.attribute_by_keyword(part.text)
    if part.kind == "tag":
        return standard.attribute_by_tag(part.text) or Attribute("", part.text, "UN", "1")
    found = Attribute("", part.text, "UN", "1", creator=part.creator)
    return Attribute("", part.text, vr or names.private_vr(found), "1", creator=part.creator)


def _keyword(part: Part, tell: Tell) -> Attribute | None:
    found = standard.attribute_by_keyword(part.text)
    if found:
        return found
    near = standard.nearest_keywords(part.text)
    if near and near[0].casefold() == part.text.casefold():
        tell(
            "WL302", part.span, f"{part.text} is spelled {near[0]} in DICOM: letter case counts", f"write {near[0]}",
            instead=near[0],
        )  # fmt: skip
        return standard.attribute_by_keyword(near[0])
    tell(
        "WL301", part.span, f"DICOM has no attribute {part.text}, so this cannot be asked or judged",
        f"did you mean {_either(near)}?" if near else "write a keyword of PS3.6, a tag as in (0018,0015), "
        "or a label of the viewer in quotes", instead=near[0] if len(near) == 1 else None,
    )  # fmt: skip
    return None


def _retired(attribute: Attribute, level: str, span: Span, tell: Tell) -> None:
    use = standard.replacement(attribute.keyword, level)
    note = standard.replacement_note(attribute.keyword, level)
    tell(
        "WL303", span, f"{attribute.display} is retired: newer objects do not carry it, so it finds old ones only"
        + (f" ({note})" if note else ""), f"use {use} instead" if use else "", severity="warning" if use else "info",
        instead=standard.exchanged(attribute.keyword, level),
    )  # fmt: skip


def _label(part: Part, names: Names, tell: Tell) -> Label | Attribute | None:
    folded = " ".join(part.text.split()).casefold()
    if found := names.labels.get(folded):
        return found
    keywords = standard.nearest_keywords(part.text)
    if keywords and keywords[0].casefold() == folded:
        tell(
            "WL304", part.span, f"{quote(part.text)} is a DICOM keyword; in quotes it would be a label of the viewer",
            f"write {keywords[0]} without quotes", instead=keywords[0],
        )  # fmt: skip
        return standard.attribute_by_keyword(keywords[0])
    if not names.labels and names.viewer is None:
        tell(
            "WL305", part.span, f"{quote(part.text)} is a label, and no viewer is known whose label it could be",
            "name the viewer in worklint.yaml (viewer: PRODUCT@RELEASE), define the label under labels:, or write "
            "a DICOM keyword without quotes", instead=_stated_of_any_viewer(folded),
        )  # fmt: skip
        return None
    near = nearest(folded, [label.label for label in names.labels.values()])
    meant = keywords[0] if keywords and not near else ""
    where = f"neither the project nor {names.viewer}" if names.viewer else "the project, which names no viewer,"
    tell(
        "WL304", part.span, f"{where} has {'a' if names.viewer else 'no'} label {quote(part.text)}",
        f"did you mean {quote(near)}?" if near else f"did you mean the keyword {meant}, without quotes?" if meant
        else "define it under labels: in worklint.yaml, or write a DICOM keyword without quotes",
        instead=quote(near) if near else meant or None,
    )  # fmt: skip
    return None


def _stated_of_any_viewer(folded: str) -> str | None:
    """Return the attribute that every known viewer means by a label, where somebody stated it."""
    known = [label for vocabulary in vocabularies() if (label := labels(vocabulary).get(folded))]
    meant = {label.attribute if label.mapping == "stated" and not label.computed else "" for label in known}
    return (meant.pop() or None) if len(meant) == 1 else None


def _either(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" or {words[-1]}"

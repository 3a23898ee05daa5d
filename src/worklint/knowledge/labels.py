"""The words that viewers use for what they filter by: label -> attribute, or "no attribute behind it".

One file a viewer, ``dicom_dictionaries/labels/<viewer>.csv``. A label without attribute never becomes a look-alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from worklint.knowledge import data
from worklint.record import frozen

_FOLDER = "dicom_dictionaries/labels"


@frozen
class Label:
    """One word of a viewer or of a site.

    ``attribute`` is a keyword (dotted for a path), a tag or a private element as the language writes them, or empty:
    no DICOM attribute. ``private`` is an element in which archives hand the value on; it is no key. ``values``: all of
    them where they are few, else empty. ``display_only``: shown, and never a value to ask for. ``mapping`` is
    ``stated`` (somebody wrote that the label is this attribute) or ``inferred``. ``computed``: made by the archive,
    not taken from the images. ``mutable``: changes while the study is there. ``near`` is a test of a standard key that
    comes near to an ``=`` of a label without attribute: all of it but the value.
    """

    label: str
    attribute: str = ""
    private: str = ""
    vr: str = ""
    level: str = ""
    values: tuple[str, ...] = ()
    display_only: tuple[str, ...] = ()
    mapping: str = "stated"
    mutable: bool = False
    computed: bool = False
    offered: bool = True
    note: str = ""
    citation: str = ""
    near: str = ""


@cache
def vocabularies() -> tuple[str, ...]:
    """Return the ids of the viewers whose labels are known, sorted."""
    return tuple(sorted(file.stem for file in data.path(_FOLDER).glob("*.csv")))


@cache
def labels(vocabulary: str) -> Mapping[str, Label]:
    """Return a viewer's labels by casefolded label; empty for a viewer whose labels nobody has written down."""
    if vocabulary not in vocabularies():
        return MappingProxyType({})
    import csv

    with data.path(f"{_FOLDER}/{vocabulary}.csv").open(encoding="utf-8", newline="") as file:
        found = [_label(row) for row in csv.DictReader(file)]
    return MappingProxyType({label.label.casefold(): label for label in found})


def _label(row: Mapping[str, str]) -> Label:
    return Label(
        label=row["label"],
        attribute=row["attribute"],
        private=row["private"],
        vr=row["vr"],
        level=row["level"],
        values=_split(row["values"]),
        display_only=_split(row["display_only"]),
        mapping=row["mapping"],
        mutable=row["mutable"] == "yes",
        computed=row["computed"] == "yes",
        offered=row["offered"] == "yes",
        note=row["note"],
        citation=row["citation"],
        near=row["near"],
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def find(word: str, vocabulary: str, own: Iterable[Label] = ()) -> Label | None:
    """Return the label that this word names, the site's ``own`` before the viewer's; without regard to case."""
    folded = " ".join(word.split()).casefold()
    for label in own:
        if label.label.casefold() == folded:
            return label
    return labels(vocabulary).get(folded)


def nearest_labels(word: str, vocabulary: str, own: Iterable[Label] = (), n: int = 3) -> tuple[str, ...]:
    """Return at most ``n`` labels that the writer of ``word`` may have meant, nearest first."""
    import difflib

    known = {label.casefold(): found.label for label, found in labels(vocabulary).items()}
    known |= {label.label.casefold(): label.label for label in own}
    return tuple(known[k] for k in difflib.get_close_matches(word.casefold(), known, n, 0.6))

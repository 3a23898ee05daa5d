"""What is assumed of a key that no statement speaks of: the table of defaults (``docs/verdicts.md``).

The standard is a promise, not evidence. ``dicom-standard`` gets the promise as it stands; of a named product nobody
knows whether it does more than it must, so optional keys are ``unknown`` there.
"""

from __future__ import annotations

from worklint.judge.place import KeyAt, Place
from worklint.knowledge import standard
from worklint.knowledge.profile import Behaviour
from worklint.model import Evidence


def _says(
    does: str,
    section: str,
    because: str,
    adds: str = "",
    misses: str = "",
    returned: str = "unknown",
    rule: str | None = None,
    absent_means_absent: bool = False,
) -> Behaviour:
    return Behaviour(
        does,
        frozenset(adds.split()),
        frozenset(misses.split()),
        returned=returned,
        absent_means_absent=absent_means_absent,
        rule=rule,
        because=because,
        evidence=(Evidence("standard", section),),
        origin="standard",
    )


def mixed(section: str, because: str, rule: str) -> Behaviour:
    """Return "both can happen": the key may be ignored, answered with nothing, or fail the query."""
    return _says("applied", section, because, adds="ignored other", misses="other", rule=rule)


def default_behaviour(place: Place, key: KeyAt) -> Behaviour:
    """Return what a conforming source must do with the key, or ``unknown`` where a named product need not.

    Sections are of PS3.4 unless another part is named.
    """
    kind, vr = key.sent.kind, key.sent.vr
    if kind in ("universal", "sequence") and not key.lower and not key.higher:
        return _says("applied", "PS3.4 C.2.2.2.3", "a key without a value asks for nothing")
    if place.own and (key.dotted in place.offers or (key.label or "").casefold() in place.offers):
        return Behaviour(
            "applied",
            returned="whole",
            because="the viewer searches this source itself and offers the field",
            evidence=(Evidence("assumed", "the local source, searched by its own viewer"),),
            origin="own",
        )
    if not key.sent.legal:
        return mixed("PS3.5 6.2", f"the value is not legal for VR {vr}", "WL401")
    if not key.path:
        return Behaviour(
            "unknown",
            because="the label has no DICOM attribute, and nobody has told what this source does when it is sent",
            origin="none",
        )
    attribute = key.path[-1]
    if any(a.creator is not None or int(a.tag[3], 16) % 2 for a in key.path):
        return mixed("PS3.4 C.4.1.1.3.2", "private attributes in a request may be ignored", "WL312")
    if not attribute.keyword:
        return mixed("PS3.4 C.2.2.1.3", "no dictionary knows this tag", "WL314")
    worklist = _is_worklist(place.model)
    path = tuple(a.keyword for a in key.path)
    rule = standard.key_rule(place.model, place.transport, key.level, path)
    if attribute.retired and (rule is None or rule.key_type in (None, "-", "O")):
        return mixed("PS3.6", "the attribute is retired", "WL313")
    if kind == "universal":
        return _says("applied", "PS3.4 C.2.2.2.3", "a key without a value asks for nothing")
    if key.parent and kind in ("single", "list-of-uid"):
        return _says("applied", "PS3.4 C.4.1.2.1", "the unique key of an upper level")
    if key.lower:
        return mixed(
            "PS3.4 C.4.1.3.1.1", f"the attribute lives below the {key.level} level and has no meaning there", "WL310"
        )
    if key.higher and rule is None:
        return mixed("PS3.4 C.4.1.2.1", f"the attribute lives above the {key.level} level", "WL311")
    permitted = standard.permitted(vr, kind, worklist)
    if permitted == "no":
        return mixed("PS3.4 C.2.2.2", f"{kind} matching is not defined for VR {vr}", "WL426")
    if permitted == "negotiated":
        return _not_negotiated(place, kind)
    if rule is None or rule.key_type in (None, "-"):
        if place.transport == "dicomweb":
            return mixed("PS3.18 10.6.1.2", "the resource need not match this attribute: ignored, or refused", "WL315")
        return mixed("PS3.4 C.6", f"the attribute is no key of the {place.model} model at this level", "WL315")
    if rule.key_type in ("O", "OC"):
        if place.transport == "dicomweb":
            return mixed("PS3.18 10.6.1.2", "the resource need not match this attribute: ignored, or refused", "WL315")
        return _optional(place, key, rule.table)
    if place.named and place.transport == "dicomweb" and _only_required_on_the_web(place, key, path):
        return _optional(place, key, rule.table)
    if rule.kinds and kind not in rule.kinds:
        return mixed(rule.table, f"the table asks for {', '.join(rule.kinds)} matching of this key only", "WL426")
    return _required(key, rule.table, worklist, unique=rule.key_type == "U", web=place.transport == "dicomweb")


def _is_worklist(model: str) -> bool:
    found = standard.model(model)
    return found is not None and found.value_unknown_rule.startswith("fails")


def _not_negotiated(place: Place, kind: str) -> Behaviour:
    because = f"{kind} matching holds only where it was negotiated"
    if place.named:
        return Behaviour(
            "unknown", because=because, evidence=(Evidence("standard", "PS3.4 C.5.1.1"),), origin="standard"
        )
    return mixed("PS3.4 C.5.1.1", because, "WL420")


def _optional(place: Place, key: KeyAt, table: str) -> Behaviour:
    if place.named:
        return Behaviour(
            "unknown",
            because="an optional key: nobody has told what this product does with it",
            evidence=(Evidence("standard", f"PS3.4 C.2.2.1.3; {table}"),),
            origin="standard",
        )
    because = "an optional key may be unknown to the source, or returned unmatched"
    # A source that does match it may do so as with a required key: names and times in its own way, and it need not
    # fold what the author wants folded.
    misses = _required(key, table, worklist=True, unique=False, web=False).misses
    does, adds = ("applied", "ignored") if misses or key.sent.ignoring else ("ignored", "")
    return _says(does, f"PS3.4 C.2.2.1.3; {table}", because, adds, " ".join(misses), rule="WL320")


def _only_required_on_the_web(place: Place, key: KeyAt, path: tuple[str, ...]) -> bool:
    elsewhere = standard.key_rule(place.model, "dimse", key.level, path)
    return elsewhere is None or elsewhere.key_type in (None, "-", "O", "OC")


def _required(key: KeyAt, table: str, worklist: bool, unique: bool, web: bool) -> Behaviour:
    kind, vr = key.sent.kind, key.sent.vr
    adds: set[str] = set()
    misses: set[str] = set()
    because = "a unique key" if unique else "a required key"
    section = table
    if not unique and not worklist:
        adds.add("empty")
        section = f"PS3.4 C.2.2.1.2; {table}"
        because = "a required key; an entity whose value is empty counts as a match"
    if vr == "PN":
        adds |= {"case", "accent", "group"}
        misses.add("group")
        section = f"PS3.4 C.2.2.2.1.1; {table}"
        because += "; how names are compared is left to the source"
    if kind == "single" and vr in ("TM", "DT", "DS", "IS"):
        reason = "text-number" if vr in ("DS", "IS") else "value-format"
        adds.add(reason)
        misses.add(reason)
        section = f"PS3.4 C.2.2.2.1.3; {table}"
        because += "; how values of this kind are compared is left to the source"
    # Its existence is supported for every entity: it comes back with its value, and with zero length only where the
    # source knows none (PS3.4 C.2.2.1.2, C.4.1.1.3.2; K.2.2.1.1.1). Which script a name comes back in is not promised.
    return _says(
        "applied", section, because, " ".join(adds), " ".join(misses), returned="whole",
        absent_means_absent=not web and vr != "PN",
    )  # fmt: skip

"""Which values to ask for: few, and chosen so that each way of comparing shows itself.

A value that is stored is the best test of how values are compared: it must bring some entities back and leave others
out, and every other entity is evidence. What the archive cannot show by itself is made from stored values: turned in
letter case, stripped of accents, cut short, spelled in another way. Nothing is made of the air but values that cannot
exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from datetime import date, timedelta

from worklint.knowledge.values import canonical, legal_value
from worklint.network.meaning import (
    ENDS,
    FAMILY,
    FIRST,
    FRACTION,
    MOMENTS,
    NUMBERS,
    PATTERN_SQL,
    TEXT,
    TRAILING,
    WIDE,
    Asked,
    ask_range,
    ask_single,
    matches,
    narrowed,
    plain,
    widened,
)

CASED = TEXT - {"AS"}
MOST_STORED = 4
"""Stored values asked for, for each attribute and level."""

_IMPOSSIBLE = {
    "DA": "18500203", "TM": "031742", "DT": "18500203031742", "IS": "987654", "DS": "98765.5", "AS": "111W",
    "UI": "1.2.3.999999.31742", "US": "64999", "SS": "31742", "UL": "987654", "SL": "987654", "UV": "987654",
    "SV": "987654", "FL": "98765.5", "FD": "98765.5", "UR": "qzxj:31742",
}  # fmt: skip
_ILLEGAL = {
    "DA": ("2026", "20261341"), "TM": ("7", "256199"), "DT": ("20",), "IS": ("1.5", "X"), "DS": ("1,5", "X"),
    "AS": ("26", "X"), "UI": ("1.2.X", "1..2"), "CS": ("QZX-J!", "QZXJ QZXJ QZXJ QZXJ"),
    "SH": ("QZXJ QZXJ QZXJ QZXJ",), "AE": ("QZXJ QZXJ QZXJ QZXJ",), "LO": ("QZXJ " * 14,), "PN": ("A^B^C^D^E^F",),
}  # fmt: skip


def impossible(vr: str) -> str:
    """Return a legal value that no entity can have."""
    return _IMPOSSIBLE.get(vr, "QZXJ7")


def illegal(vr: str) -> tuple[Asked, ...]:
    """Return keys whose values their VR does not admit (PS3.5 6.2)."""
    return tuple(ask_single(vr, text.strip(), legal=False) for text in _ILLEGAL.get(vr, ()))


def possible_adds(kind: str, vr: str, several: bool = False) -> frozenset[str]:
    """Return the ways in which a source may widen a key; each is believed until a query excluded it."""
    found = {"empty"}
    if kind == "single" and vr in TEXT:
        # That an age has a capital letter is no reason to store, or to ask for, no other.
        found |= {"case"} if vr == "AS" else {"case", "accent", "prefix", "word", "substring"}
    if kind == "wildcard" and vr in CASED:
        found |= {"case", "accent", "prefix", "substring"}
    if kind in ("single", "wildcard") and vr in ("ST", "LT", "UT", "UC", "PN"):
        # Spaces in front are part of the value only there (PS3.5 6.2).
        found.add("padding")
    if vr == "PN" and kind in ("single", "wildcard"):
        found |= {"group"} | ({FAMILY} if kind == "single" else set())
    if kind == "wildcard" and vr in CASED:
        found.add(WIDE)
    if kind == "wildcard" and several:
        found.add("joined")
    if kind == "single" and vr == "UI":
        found.add("prefix")
    if kind == "range" and vr in NUMBERS:
        found.add("text-order")
    if kind in ("single", "range") and vr in ("TM", "DT"):
        # Fractions of a second.
        found.add("prefix")
    return frozenset(found)


def possible_misses(kind: str, vr: str, several: bool, below: bool) -> frozenset[str]:
    """Return the ways in which a source may lose a match; each is believed until a query excluded it."""
    found: set[str] = set()
    if vr in CASED and kind in ("single", "wildcard"):
        found |= {"padding", TRAILING, "charset"} | ({WIDE} if kind == "wildcard" else set())
    if vr == "PN" and kind in ("single", "wildcard"):
        found |= {FIRST, "group", ENDS}
    if kind == "wildcard":
        found.add("wildcard-literal")
    if kind == "single" and vr in NUMBERS:
        found.add("text-number")
    if kind == "single" and vr in ("TM", "DT"):
        found |= {"value-format", FRACTION}
    if kind == "range" and (vr in ("TM", "DT") or vr in NUMBERS):
        found.add("text-order")
    if several and not below:
        found |= {"one-value", "joined"}
    if below:
        found.add("one-instance")
    return frozenset(found)


def askable(vr: str, text: str) -> str | None:
    """Return the spelling in which a stored value is asked for, or ``None`` if no single value key can say it."""
    bare = text.strip(" \0")
    if not bare or "\\" in bare or (vr in TEXT and re.search(r"[*?]", bare)):
        return None
    if len(bare) > 64 or any(ord(c) < 32 for c in bare):
        return None
    # A name of delimiters alone is no text, and a key without value asks for everything.
    return canonical(vr, bare) or None


def is_coded(text: str) -> bool:
    """Tell if a URL holds a value percent-encoded (RFC 3986 2.3: what is not unreserved)."""
    return re.fullmatch(r"[A-Za-z0-9._~-]*", text) is None


Stored = Sequence[tuple[str, ...]]


def distinct(vr: str, stored: Stored) -> list[str]:
    """Return the askable values of all entities, those of fewest entities last."""
    counts: dict[str, int] = {}
    for values in stored:
        for v in dict.fromkeys(values):
            if (text := askable(vr, v)) is not None:
                counts[text] = counts.get(text, 0) + 1
    return sorted(counts, key=lambda t: (-counts[t], t))


def _asked(vr: str, text: str) -> Asked:
    return ask_single(vr, text, legal_value(vr, text) is None)


_SHAPES = {"prefix", "substring", "word", FAMILY}
"""Ways that go together: one row decides them all, or shows one of them."""


def _worth(asked: Asked, stored: Stored) -> frozenset[str]:
    """Return what the answer to a key can decide, over the entities that are known."""
    found: set[str] = set()
    for values in stored:
        if matches(asked, values):
            ways = narrowed(asked, values) - {"wildcard-literal", "range-literal"}
            found |= {"kept", *(["-" + "+".join(sorted(ways))] if ways else [])}
        else:
            singles = {next(iter(w)) for w in widened(asked, values) if len(w) == 1}
            if len(singles) == 1 or singles <= _SHAPES:
                found |= {"+" + r for r in singles}
    return frozenset(found)


def _is_covered(reason: str, covered: Set[str]) -> bool:
    """Tell if what a query is made for, one way or several at once, is covered, or each of these is."""
    return reason in covered or {reason[0] + r for r in reason[1:].split("+")} <= covered


NOTHING: frozenset[str] = frozenset()


def _greedy(
    candidates: Iterable[Asked], stored: Stored, most: int, decided: frozenset[str] = NOTHING
) -> tuple[list[Asked], set[str]]:
    pool = [(a, _worth(a, stored) - decided) for a in candidates]
    chosen: list[Asked] = []
    covered: set[str] = set()
    while pool and len(chosen) < most:
        best = max(range(len(pool)), key=lambda i: (len(pool[i][1] - covered), len(pool[i][1])))
        asked, worth = pool.pop(best)
        if chosen and not worth - covered:
            break
        chosen.append(asked)
        covered |= worth
    return chosen, covered


def single(
    vr: str, stored: Stored, lean: bool = False, decided: frozenset[str] = NOTHING, web: bool = False
) -> tuple[Asked, ...]:
    """Return the keys for single value matching: stored values, values made from them, one that cannot exist.

    ``decided`` are ways of comparing (``+case``, ``-padding``) for which nobody needs to be asked any more.
    """
    values = distinct(vr, stored)
    chosen, _ = _greedy((_asked(vr, v) for v in values[:60]), stored, 2 if lean else MOST_STORED, decided)
    covered: dict[bool, set[str]] = {False: set(decided), True: set(decided)}

    def apart(one: Asked) -> bool:
        # What is seen of values that a URL holds encoded says nothing of the others.
        return web and is_coded(one.text)

    for one in chosen:
        covered[apart(one)] |= _worth(one, stored)
    spaced = [_asked(vr, v.strip()) for held in stored for v in held if v[:1] == " " and askable(vr, v)]
    chosen += [a for a in spaced if a not in chosen and "-padding" in _worth(a, stored) - covered[apart(a)]][:1]
    made: list[Asked] = []
    for reason, text in _made(vr, values):
        if lean and len(made) > 1:
            break
        one = _asked(vr, text)
        known = covered[apart(one)]
        if one not in chosen and one not in made and not _is_covered(reason, known) and reason in _worth(one, stored):
            made.append(one)
            known |= _worth(one, stored)
    # Whatever else is peculiar: an ordinary value has to be among them, and one that a URL does not hold as it is.
    if not any(a.legal and _is_ordinary(a, stored) for a in chosen):
        chosen += [a for v in values if (a := _asked(vr, v)).legal and _is_ordinary(a, stored)][:1]
    for coded in (False, True) if web else ():
        if not any(a.legal and is_coded(a.text) == coded for a in chosen):
            chosen += [a for v in values if is_coded(v) == coded and (a := _asked(vr, v)).legal][:1]
    every = (*chosen, *made)
    if vr == "CS" and not any(a.text != a.text.upper() for a in every):
        # Codes have no small letters; archives and users do.
        small = [v.lower() for v in values if v.lower() != v][:1]
        every += tuple(_asked(vr, v) for v in small)
    return (*every, ask_single(vr, impossible(vr)))


_USUAL = {"wildcard-literal", "one-value", "one-instance", "joined"}


def _is_ordinary(asked: Asked, stored: Stored) -> bool:
    """Tell if some entity matches for which there is nothing peculiar in the way."""
    return asked.text.isascii() and any(
        matches(asked, values) and narrowed(asked, values) <= _USUAL for values in stored
    )


def _made(vr: str, values: list[str]) -> Iterable[tuple[str, str]]:
    """Yield what a value is made for, and the value."""
    for v in values if vr == "PN" else ():
        if "^" in v and "=" not in v:
            yield "+" + FAMILY, v.partition("^")[0].strip()
    if vr in CASED:
        for v in values[:6]:
            for turned in (v.swapcase(), v.upper(), v.lower()):
                if turned != v and len(turned) == len(v):
                    yield "+case", turned
        for v in values:
            if plain(v) != v:
                yield "+accent", plain(v)
    if vr in ("TM", "DT"):
        for v in values:
            if "." in v:
                yield "+prefix", v.partition(".")[0]
    if vr in CASED:
        for v in [v for v in values if len(v) > 2 and v.isascii() and v[1].isalnum()][:2]:
            yield "+" + PATTERN_SQL, f"{v[0]}_{v[2:]}"
    if vr in TEXT or vr == "UI":
        long = sorted((v for v in values if len(v) > 1 and v.isascii()), key=lambda v: (len(v) < 4, len(v)))
        for v in long[:4]:
            yield "+prefix", v[:-1].rstrip(" ^=.")
            if vr != "UI":
                yield "+substring", (v[1:-1] if len(v) > 3 else v[1:]).strip(" ^=")
    if vr == "PN":
        for v in values:
            for group in v.split("=") if "=" in v else ():
                if group.strip("^ "):
                    name = "-" + FIRST if v.startswith(group) else "-group"
                    yield name if group.isascii() else f"-charset+{name[1:]}", group.strip("^ ")
    if vr in CASED:
        for v in values[:20]:
            for word in re.split(r"[\s^=,]+", v)[1:]:
                if len(word) > 1:
                    yield "+word", word
    if vr == "TM":
        for v in values[:4]:
            if re.fullmatch(r"\d{6}", v):
                yield "-value-format", f"{v}.000000"
            if v.endswith("00") and len(v) == 6:
                yield "-value-format", v[:4]
    if vr in ("IS", "DS"):
        for v in values[:4]:
            if v.isdigit() and len(v) < 10:
                yield "-text-number", f"0{v}"


ALWAYS = frozenset({"+case", "+prefix", "+substring"})
"""Asked of every attribute: a source may search one text by its beginning, and compare another as it stands."""
ONE_EACH = "?"
"""Decided: a question mark is taken for one character, as an asterisk for several."""
LONE = "*"
"""Decided: a lone asterisk asks for everything."""


def wildcard(vr: str, stored: Stored, lean: bool = False, decided: frozenset[str] = NOTHING) -> tuple[Asked, ...]:
    """Return the keys for wild card matching: a start, an end, a middle, one character, another letter case."""
    values = distinct(vr, stored)
    texts = sorted(values, key=lambda v: (not v.isascii(), abs(len(v) - 8)))
    candidates = []
    for v in texts[:12]:
        half = max(1, len(v) // 2)
        candidates += [f"{v[:half]}*", f"*{v[-half:]}"]
        if len(v) > 3:
            # A source may take the asterisks at the ends for something else than one inside.
            candidates += [f"*{v[1:-1]}*", *([] if lean else [f"{v[0]}*{v[-1]}"])]
    made, covered = _greedy(
        (Asked("wildcard", vr, t) for t in dict.fromkeys(candidates) if t.strip("*?")),
        stored,
        1 if lean else 3 if vr in TEXT else 2,
        decided,
    )
    covered |= decided
    if not any(_is_ordinary(a, stored) for a in made):
        usual = (Asked("wildcard", vr, f"{v[: max(1, len(v) // 2)]}*") for v in texts)
        made += [a for a in usual if _is_ordinary(a, stored)][:1]
    if not any("*" in (a.text[0], a.text[-1]) for a in made):
        made += [Asked("wildcard", vr, f"{v[: max(1, len(v) // 2)]}*") for v in texts[:1]]
    crossed = [(v[0].strip(), v[-1].strip()) for v in stored if len(v) > 1]
    over = [("+joined", f"{a[:-1]}*{b[1:]}") for a, b in crossed if min(len(a), len(b)) > 1][:4] if vr in TEXT else []
    spaced = [v.strip() for values in stored for v in values if v[:1] == " "]
    over += [("-padding", f"{v[:-1]}*") for v in spaced if len(v) > 1][:2] if vr in TEXT else []
    ended = [v.strip() for values in stored for v in values if v[-1:] == " "]
    over += [("-" + TRAILING, f"*{v[1:]}") for v in ended if len(v) > 1][:2] if vr in TEXT else []
    for reason, pattern in over if lean else (*over, *_patterns(vr, values, texts)):
        one = Asked("wildcard", vr, pattern)
        worth = _worth(one, stored)
        wanted = ONE_EACH not in decided if reason == "kept" else not _is_covered(reason, covered)
        if reason in worth and wanted and one not in made:
            made.append(one)
            covered |= worth
    made = list(dict.fromkeys(made))
    cut = Asked("wildcard", vr, "QZXJ7*" if vr in TEXT else f"{impossible(vr)[:4]}*")
    star = () if made and LONE in decided else (Asked("wildcard", vr, "*"),)
    # A pattern that finds nothing is evidence where no other leaves anything out.
    return (*made, *(() if made and (lean or not star) else (cut,)), *star)


def further_pattern(vr: str, stored: Stored, asked: Sequence[Asked]) -> tuple[Asked, ...]:
    """Return one more pattern that has to find something, unlike those that were asked."""
    for v in sorted(distinct(vr, stored), key=lambda v: (not v.isascii(), is_coded(v), -len(v))):
        for text in (f"{v[:-1]}*", f"*{v[1:]}"):
            one = Asked("wildcard", vr, text)
            if len(text) > 1 and one not in asked:
                return (one,)
    return ()


def _patterns(vr: str, values: list[str], texts: list[str]) -> Iterable[tuple[str, str]]:
    """Yield what a pattern is made for, and the pattern."""
    if vr not in CASED:
        return
    for v in texts[:1]:
        yield "kept", f"?{v[1:]}"
        yield "kept", f"{v[:-1]}?"
    for v in values:
        if not v.isascii():
            # One character may be several bytes.
            at = next(i for i, c in enumerate(v) if not c.isascii())
            yield "-" + WIDE, f"{v[:at]}?{v[at + 1 :]}"
            yield "+" + WIDE, f"{v[:at]}{'?' * len(v[at].encode())}{v[at + 1 :]}"
    for v in texts if vr == "PN" else ():
        if "^" not in v and "=" not in v:
            yield "-" + ENDS, f"{v}^*"
    for v in texts[:3]:
        yield "+case", f"{v[:-1].swapcase()}*"
        yield "+" + PATTERN_SQL, f"{_scored(v)}*"
        if len(v) > 3:
            yield "+prefix", f"?{v[1:-1]}"
            yield "+substring", f"{v[1:-2]}?"
        else:
            yield "+prefix", "?" * max(1, len(v) - 1)
    for v in values:
        if plain(v) != v:
            yield "+accent", f"{plain(v)[:-1]}*"
        if not v.isascii() and "=" not in v:
            yield "-charset", f"{v[:-1]}*"
        for group in v.split("=")[:1] if vr == "PN" and "=" in v else ():
            yield "-" + FIRST, f"*{group[2:]}"
        for group in v.split("=")[1:] if vr == "PN" else ():
            if group.strip("^ "):
                yield "-group" if group.isascii() else "-charset+group", f"{group[:-1]}*"


def _scored(value: str) -> str:
    at = next((i for i, c in enumerate(value) if i and c.isalnum()), 1)
    return f"{value[:at]}_{value[at + 1 : -1]}"


def ranges(vr: str, stored: Stored, lean: bool = False) -> dict[str, tuple[Asked, ...]]:
    """Return the keys for range matching, by shape: closed, open at the start, open at the end."""
    values = [v for v in distinct(vr, stored) if legal_value(vr, v) is None and _order(vr, v) is not None]
    if not values:
        far = {"DA": ("18500101", "18501231"), "TM": ("031742", "031743")}.get(vr, (impossible(vr), impossible(vr)))
        return {"closed": (ask_range(vr, *far),)}
    values.sort(key=lambda v: _order(vr, v))  # type: ignore[arg-type,return-value]
    low, middle, high = values[0], values[len(values) // 2], values[-1]
    closed = [ask_range(vr, low, middle), ask_range(vr, middle, middle)]
    if vr in ("TM", "DT") or vr in NUMBERS:
        pool = [ask_range(vr, a, b) for a in values[:8] for b in values[-8:] if _order(vr, a) <= _order(vr, b)]  # type: ignore[operator]
        closed, _ = _greedy(pool, stored, 3)
        if vr == "TM":
            rounded = [ask_range(vr, f"{v[:4]}00", f"{v[:4]}59") for v in values[:6] if len(v) >= 4]
            closed += _greedy(rounded, stored, 1)[0]
            whole = [v.partition(".")[0] for v in values if "." in v]
            seconds = [ask_range(vr, f"{v[:4]}00", v) for v in whole if len(v) == 6]
            closed += [a for a in seconds if "+prefix" in _worth(a, stored)][:1]
    if vr == "DA":
        closed.append(ask_range(vr, "18500101", "18501231"))
    if lean:
        # Where all entities lie inside, only what lies outside tells that the key is looked at.
        late = [ask_range(vr, middle, ""), *([] if middle != low else [ask_range(vr, _after(vr, high), "")])]
        return {"closed": tuple(closed[:1]), "open-end": tuple(a for a in late if a.low)}
    start = [ask_range(vr, "", middle), ask_range(vr, "", _before(vr, low))]
    end = [ask_range(vr, middle, ""), ask_range(vr, _after(vr, high), "")]
    return {
        "closed": tuple(dict.fromkeys(closed)),
        "open-start": tuple(dict.fromkeys(a for a in start if a.high)),
        "open-end": tuple(dict.fromkeys(a for a in end if a.low)),
    }


def bad_range(vr: str, stored: Stored) -> Asked | None:
    """Return a range whose ends are swapped."""
    found = [v for v in distinct(vr, stored) if legal_value(vr, v) is None and _order(vr, v) is not None]
    found.sort(key=lambda v: _order(vr, v))  # type: ignore[arg-type,return-value]
    return ask_range(vr, found[-1], found[0]) if len(found) > 1 and found[0] != found[-1] else None


def _order(vr: str, text: str) -> object:
    from worklint.oracle import matcher

    return matcher.moment(text, vr) if vr in MOMENTS else matcher.number(text, vr)


def _before(vr: str, text: str) -> str:
    if vr == "DA":
        return (date.fromisoformat(text) - timedelta(days=1)).strftime("%Y%m%d")
    return ""


def _after(vr: str, text: str) -> str:
    if vr == "DA":
        return (date.fromisoformat(text) + timedelta(days=1)).strftime("%Y%m%d")
    return ""


def uid_lists(stored: Stored, lean: bool = False) -> tuple[Asked, ...]:
    """Return the keys for a list of UIDs: two that are there, one that is there beside one that is not."""
    values = distinct("UI", stored)
    nowhere = impossible("UI")
    made = [Asked("list-of-uid", "UI", f"{nowhere}\\{nowhere}.2")]
    if values:
        made.insert(0, Asked("list-of-uid", "UI", f"{values[0]}\\{nowhere}"))
        made.insert(0, Asked("list-of-uid", "UI", f"{nowhere}\\{values[-1]}"))
    if len(values) > 1:
        made.insert(0, Asked("list-of-uid", "UI", f"{values[0]}\\{values[-1]}"))
    return tuple(made[:2] if lean and values else made)

"""What to write instead, judged before it is offered: advice that is itself not exact at that source is not given."""

from __future__ import annotations

from worklint.judge.behaviour import KeyEffect, behaviour_at, effect_of
from worklint.judge.place import KeyAt, Place
from worklint.knowledge import standard
from worklint.knowledge.profile import Behaviour
from worklint.model import SPELLING
from worklint.record import replace

_LEVEL_RULES = frozenset({"WL310", "WL417", "WL501", "WL502", "WL503"})
_LIST_RULES = frozenset({"WL414", "WL501", "WL502", "WL503", "WL504"})
_LEFT_OUT = frozenset(
    {"WL310", "WL311", "WL315", "WL320", "WL411", "WL413", "WL418", "WL501", "WL502", "WL503", "WL505"}
)


def _good(effect: KeyEffect) -> bool:
    return effect.known and not effect.rejected and not effect.misses and effect.adds <= SPELLING


def _is_good(place: Place, key: KeyAt) -> bool:
    return _good(effect_of(behaviour_at(place, key), key.sent))


def remedy(place: Place, key: KeyAt, behaviour: Behaviour, rule: str | None) -> str:
    """Return what helps at this source for a key that is not applied as written, or an empty text.

    Tried in this order: the attribute's own level, each value of a list alone, a single value or a range with equal
    ends in place of the kind that fails, and leaving the key out where the client can check the attribute on what
    comes back.
    """
    name = key.dotted
    if not name or rule is None:
        return ""
    if rule in _LEVEL_RULES and key.lower:
        found = standard.model(place.model)
        homes = [lev for lev in standard.levels_of(key.path[0].keyword, place.model) if found and lev in found.levels]
        for home in homes:
            if _is_good(place, replace(key, level=home, lower=False)):
                return f"ask for {name} at {home} level, which this source applies"
    if rule in _LIST_RULES and key.sent.kind == "list-of-uid":
        one = replace(key.sent, kind="single", text=key.sent.text.partition("\\")[0], count=1)
        if _is_good(place, replace(key, sent=one)):
            return f"ask for each {name} in a query of its own, which this source applies"
    if rule == "WL413" and _is_good(place, replace(key, sent=replace(key.sent, text="X", kind="single"))):
        return f"ask for whole values of {name}, one query each"
    if rule == "WL412" and key.sent.kind == "single" and key.sent.vr in ("DA", "TM", "DT"):
        text = key.sent.text
        ends = replace(key.sent, kind="range", text=f"{text}-{text}", low=text, high=text)
        if _is_good(place, replace(key, sent=ends)):
            return f"ask for a range with equal ends: {name} between the same value twice"
    if rule in _LEFT_OUT:
        if behaviour.returned == "whole":
            return f"leave {name} out there, and check it on what comes back"
        return f"leave {name} out of the query there and narrow by other keys; what comes back may not show it"
    return ""

"""Which rule explains a verdict, and its message: first what a reader of the list would see, then why.

The templates are the only prose of the judge. ``{N}`` are the entities of the level (studies, series …), ``{text}`` the
constraint, ``{name}`` what it speaks of.
"""

from __future__ import annotations

from worklint.knowledge.profile import Behaviour
from worklint.model import SPELLING, Cause, Effect, Evidence

_NOUNS = {
    "patient": "patients", "study": "studies", "series": "series", "image": "images",
    "worklist-item": "scheduled steps", "workitem": "workitems",
}  # fmt: skip

# Misses first: a missing study is worse than one too many.
_RULE_OF_MISS = {
    "wildcard-literal": "WL413", "list-literal": "WL414", "list-all": "WL414", "range-literal": "WL415",
    "empty-literal": "WL415", "text-order": "WL412", "text-number": "WL412", "value-format": "WL412",
    "interval": "WL416", "one-instance": "WL417", "one-series": "WL417", "one-value": "WL417", "joined": "WL417",
    "case": "WL419", "accent": "WL419", "group": "WL418", "charset": "WL424", "other-attribute": "WL425",
    "behind": "WL605", "wrong": "WL608", "hidden": "WL512", "cap": "WL511", "absent": "WL505", "age": "WL505",
    "not-kept": "WL505",
}  # fmt: skip
_RULE_OF_ADD = {
    "prefix": "WL411", "substring": "WL411", "word": "WL411", "list-any": "WL414", "text-number": "WL412",
    "text-order": "WL412", "value-format": "WL412", "interval": "WL416", "one-series": "WL417", "joined": "WL417",
    "one-value": "WL417", "one-instance": "WL417", "ignored": "WL503", "other-attribute": "WL425", "charset": "WL424",
    "behind": "WL605", "wrong": "WL608", "not-sent": "WL420",
}  # fmt: skip

RULE_OF_UNSENT = {
    "negated": "WL421", "negotiated": "WL420", "twice": "WL422", "item": "WL422", "label": "WL321",
}  # fmt: skip
RULE_OF_KEEPING = {
    "never": "WL602", "behind": "WL605", "shows": "WL606", "partial": "WL607", "some-values": "WL607", "wrong": "WL608",
    "unknown": "WL603",
}  # fmt: skip

# rule: (why, what to do). The consequence is put before it; rules in _SEEN bring their own.
_WHY = {
    "WL310": (
        "{name} describes the {home} level, and a query at {level} level gives it no meaning",
        "",
    ),
    "WL311": (
        "{name} belongs to a level above {level}",
        "ask at its own level first, and use the unique key that comes back",
    ),
    "WL312": (
        "{name} is a private attribute, which a source may ignore",
        "use a standard attribute, or have it stated",
    ),
    "WL313": ("{name} is retired from the standard", "use the attribute that took its place"),
    "WL314": ("no dictionary knows {name}", "check the tag"),
    "WL315": (
        "{name} is no key that this query has to match: it is ignored, or the query is refused",
        "",
    ),
    "WL320": ("{name} is an optional key: a source may ignore it and still conform", ""),
    "WL321": (
        "the viewer cannot send the field {name} to this source",
        "use a standard key that approximates it (a description with a wild card, the modalities)",
    ),
    "WL401": ("the value is not legal for {vr}", "write a legal value"),
    "WL410": ("the source does not compare exactly as written", ""),
    "WL411": ("the source widens the value", ""),
    "WL412": ("the source compares the value as text", "widen the range, and check {name} on what comes back"),
    "WL413": ("the source takes * and ? literally", ""),
    "WL414": ("the source reads a list of values in its own way", "send one query for each value"),
    "WL415": ("the source takes the range or the empty value literally", "leave the key out and check the answer"),
    "WL416": (
        "the source joins the date range and the time range to one interval, from the first moment to the last",
        "write the pair (date, time) if an interval is meant, else check the time on what comes back",
    ),
    "WL417": (
        "the source looks at one value, instance or series where several count",
        "ask for these keys in queries of their own, and keep what all of them return",
    ),
    "WL418": ("the source compares names as one text, not by their groups", ""),
    "WL419": ("the source counts letter case or accents, and the filter does not", "write the spelling that is stored"),
    "WL420": (
        "{kind} matching is not sent without negotiation",
        "a client that negotiates it, or checks the answer, is needed",
    ),
    "WL421": (
        "no query can say `not`; the client has to check it on what comes back",
        "name the values that are wanted",
    ),
    "WL422": ("a query holds each attribute once, and this test is left out", "join the tests to one"),
    "WL423": (
        "the value is known only when the list is opened",
        "say under `parameters:` in the project file that it is never-empty and has no-wildcards",
    ),
    "WL424": ("the value has characters outside the character set of the source", "use plain letters, or ? for them"),
    "WL425": ("the source compares another attribute", "ask for the attribute that it compares"),
    "WL426": ("{kind} matching is not defined for {name}", "ask for a whole value or a range"),
    "WL427": (
        "a range in a query holds its bounds, and this test leaves one out",
        "check the bound on what comes back, or write <= or >= with the last value that is wanted",
    ),
    "WL501": ("this source does not accept {name} in such a query", ""),
    "WL502": ("this source answers with nothing as soon as {name} is asked for", ""),
    "WL503": ("this source does not look at {name}", ""),
    "WL504": ("nobody has evidence of what this source does with {name}", "measure it: worklint probe ADDRESS"),
    "WL505": ("this source applies {name} in its own way", "do not let the list depend on {name} there"),
    "WL510": ("this source wants one of {selectors} in every query", "add one of them, in every branch of an `or`"),
    "WL511": ("this source cuts its answer at {rows}", "narrow the list by date"),
    "WL512": ("this source hides some of what is asked for", "ask where the rows are shown"),
    "WL513": ("the query names no {parents}, which the levels below need", "ask at study level"),
    "WL514": ("this source does not offer the model {model}", "take it out of the sources of this list"),
    "WL602": (
        "no {name} is kept there, so there is nothing to compare",
        "move the condition to the sources that keep it, and narrow the others by date and institution",
    ),
    "WL603": (
        "it depends on a setting whether {name} is kept there, and the project file does not say",
        "ask its administrator, and set it in the project file",
    ),
    "WL605": (
        "a change of {name} made at one site does not reach the copies at the others",
        "link the sites' updates, or keep one list for each site",
    ),
    "WL606": (
        "studies that come without {name} are shown with a default there",
        "bound the list by date, or choose another default",
    ),
    "WL607": ("not every study shows its {name} there", "do not let the list depend on it"),
    "WL608": ("the {name} shown there may be another than the true one", "do not let the list depend on it"),
    "WL701": (
        "whether studies of status New count as priors is a preference of the viewer",
        "set new-studies-as-priors in the project file",
    ),
}  # fmt: skip

# What the evidence says replaces these explanations.
_TOO_GENERAL = frozenset({"WL410", "WL505"})

_SEEN = {
    ("WL605", "adds"): "{N} whose {name} changed at another site still appear here under the earlier one",
    ("WL605", "misses"): "{N} that reached {text} at another site are missing here",
    ("WL606", "adds"): "{N} that came without {name}, old ones among them, appear as if {text}",
    ("WL421", "adds"): "{N} that the list means to leave out come back",
}


def noun(level: str) -> str:
    """Return what the rows of a level are called."""
    return _NOUNS.get(level, "entries")


def consequence(effect: Effect, rule: str | None, facts: dict[str, str]) -> str:
    """Return the sentence of what a reader of the list sees, without full stop."""
    if effect.rejected:
        return "The whole query is refused: the list shows an error, or nothing".format(**facts)
    if not effect.known:
        return "{N} can be missing or be too many, and nobody knows".format(**facts).capitalize()
    directions = [d for d, reasons in (("misses", effect.misses), ("adds", effect.adds)) if reasons]
    own = [_SEEN[(rule or "", d)] for d in directions if (rule or "", d) in _SEEN]
    if own and len(own) == len(directions):
        text = ", and ".join(own)
    elif facts.get("text") == "the list":
        both = "can be missing from the list, and others can appear"
        text = "{N} " + (
            both
            if effect.misses and effect.adds
            else "can be missing from the list"
            if effect.misses
            else "that do not belong there can appear"
        )
    elif effect.misses and effect.adds:
        text = "{N} that match {text} can be missing, and others can appear"
    elif effect.misses:
        text = "{N} that match {text} can be missing from the list"
    elif effect.adds and facts.get("text", "").startswith("not "):
        text = "{N} that the list means to leave out still appear"
    elif effect.adds and effect.adds <= SPELLING:
        text = "a few more {N} can appear, which differ from {text} only in spelling or have no value"
    elif effect.adds:
        text = "{N} that do not match {text} still appear"
    else:
        text = "{text} is applied as written"
    out = text.format(**facts)
    return out if out.startswith(facts.get("text", "\0")) else out[:1].upper() + out[1:]


def rule_of_behaviour(behaviour: Behaviour, effect: Effect) -> str | None:
    """Return the code of the rule that explains what a source does with a key."""
    if not effect.known:
        return "WL504"
    if behaviour.rule:
        return behaviour.rule
    if effect.rejected or behaviour.does == "refused":
        return "WL501"
    if behaviour.does == "nothing":
        return "WL502"
    if behaviour.does == "ignored":
        return "WL503" if effect.adds else None
    return rule_of_reasons(effect)


def rule_of_reasons(effect: Effect) -> str | None:
    """Return the code of the rule for the worst reason of an effect, or ``None`` if there is none."""
    for reason in sorted(effect.misses):
        if reason in _RULE_OF_MISS:
            return _RULE_OF_MISS[reason]
    if effect.misses:
        return "WL505"
    for reason in sorted(effect.adds - SPELLING):
        if reason in _RULE_OF_ADD:
            return _RULE_OF_ADD[reason]
    if effect.adds - SPELLING:
        return "WL505"
    return "WL410" if effect.adds else None


def make(
    rule: str | None,
    effect: Effect,
    facts: dict[str, str],
    because: str = "",
    remedy: str = "",
    evidence: tuple[Evidence, ...] = (),
) -> Cause:
    """Render a cause: consequence, why, what to do."""
    seen = consequence(effect, rule, facts)
    why, advice = _WHY.get(rule or "", ("", ""))
    if rule in _TOO_GENERAL and because:
        why, because = because.replace("{", "{{").replace("}", "}}"), ""
    parts = [seen]
    if why:
        parts.append(why.format_map(_Lenient(facts)))
    text = ": ".join(parts)
    if because and because not in text:
        text += f" ({because})"
    return Cause(rule, f"{text}.", remedy or advice.format_map(_Lenient(facts)), tuple(sorted(facts.items())), evidence)


class _Lenient(dict[str, str]):
    """A fact that a template names and nobody gave stays out of the sentence."""

    def __missing__(self, key: str) -> str:
        return "it"

"""The settings of a worklist: names judged against what there is, a wrong one read on as the nearest."""

from __future__ import annotations

from collections.abc import Iterable

from worklint.enterprise import Enterprise
from worklint.knowledge import standard
from worklint.knowledge.standard import Model
from worklint.model import Shown, Span
from worklint.record import frozen
from worklint.references import Names, Tell, resolve_reference
from worklint.syntax.printer import quote
from worklint.syntax.tree import Literal, Reference, Setting, SortKey, Word, WorklistBlock
from worklint.yaml_text import nearest

SCOPES = ("enterprise", "local", "remote")
PURPOSES = ("reading", "scheduling", "priors", "dictation", "approval", "teaching", "research", "export", "quality")
SCHEDULING_MODELS = frozenset({"modality-worklist", "unified-procedure-step"})
"""Models whose lists serve scheduling unless they say otherwise."""


@frozen
class Settings:
    """What the settings of one worklist say, defaults put in."""

    scope: str
    sources: tuple[str, ...] | None
    model: Model
    level: str
    purpose: str
    show: tuple[Shown, ...]
    sort: tuple[Shown, ...]
    limit: int | None
    timezone: str | None
    description: str | None
    owner: str | None
    spans: tuple[tuple[str, Span], ...]


def judge_settings(block: WorklistBlock, enterprise: Enterprise | None, names: Names, tell: Tell) -> Settings:
    """Return the settings of a block; what is wrong in them is told, and read on as the nearest or the default."""
    study_root = standard.model("study-root")
    assert study_root is not None
    ids = [model.id for model in standard.models()]
    model = standard.model(_choice(block, "model", ids, study_root.id, tell)) or study_root
    level = _level(block, model, tell)
    scope = _choice(block, "scope", SCOPES, "enterprise", tell)
    usual = "scheduling" if model.id in SCHEDULING_MODELS else "reading"
    return Settings(
        scope=scope,
        sources=_sources(block, scope, enterprise, tell),
        model=model,
        level=level,
        purpose=_choice(block, "purpose", PURPOSES, usual, tell),
        show=tuple(_shown(block.setting("show"), names, level, tell)),
        sort=tuple(_shown(block.setting("sort"), names, level, tell)),
        limit=_limit(block, tell),
        timezone=_timezone(block, tell),
        description=_text(block, "description"),
        owner=_text(block, "owner"),
        spans=tuple((setting.name, setting.span) for setting in block.settings),
    )


def _text(block: WorklistBlock, name: str) -> str | None:
    setting = block.setting(name)
    value = setting.values[0] if setting and setting.values else None
    return value.text if isinstance(value, Literal) else None


def _choice(block: WorklistBlock, name: str, offered: Iterable[str], default: str, tell: Tell) -> str:
    setting = block.setting(name)
    word = setting.values[0] if setting and setting.values else None
    if not isinstance(word, Word):
        return default
    known = list(offered)
    if word.text.lower() in known:
        return word.text.lower()
    near = (standard.nearest_model(word.text) if name == "model" else None) or nearest(word.text, known)
    tell(
        "WL308", word.span, f"there is no {name} {word.text}; the list is judged as {near or default}",
        f"did you mean {near}?" if near else f"write one of {', '.join(known)}", instead=near,
    )  # fmt: skip
    return near or default


def _level(block: WorklistBlock, model: Model, tell: Tell) -> str:
    setting = block.setting("level")
    word = setting.values[0] if setting and setting.values else None
    if not isinstance(word, Word) or word.text.lower() in model.levels:
        return word.text.lower() if isinstance(word, Word) else model.usual_level
    every = dict.fromkeys(level for m in standard.models() for level in m.levels)
    near = nearest(word.text, model.levels)
    level = near or model.usual_level
    if word.text.lower() in every:
        tell(
            "WL309", word.span, f"the model {model.id} has no level {word.text.lower()}; the list is judged at {level}",
            f"write one of {', '.join(model.levels)}" if len(model.levels) > 1 else "leave level out",
        )  # fmt: skip
    else:
        tell(
            "WL308", word.span, f"there is no level {word.text}; the list is judged at {level}",
            f"did you mean {near}?" if near else f"write one of {', '.join(model.levels)}", instead=near,
        )  # fmt: skip
    return level


def _sources(block: WorklistBlock, scope: str, enterprise: Enterprise | None, tell: Tell) -> tuple[str, ...] | None:
    setting = block.setting("sources")
    if setting is None:
        return None
    words = [word for word in setting.values if isinstance(word, Word)]
    if enterprise is None:
        return tuple(dict.fromkeys(word.text for word in words))
    known = {source.id.casefold(): source for source in enterprise.sources}
    chosen: list[str] = []
    for word in words:
        source = known.get(word.text.casefold())
        if source is None or source.id != word.text:
            near = source.id if source else nearest(word.text, [s.id for s in enterprise.sources])
            tell(
                "WL214", word.span, f"the project has no source {word.text}", f"did you mean {near}?" if near else
                f"write one of {', '.join(s.id for s in enterprise.sources)}", severity="error", instead=near,
            )  # fmt: skip
            if source is None:
                continue
        if source.id in chosen:
            tell("WL214", word.span, f"source {source.id} is named twice", "take one of them out")
            continue
        if enterprise.local is not None and scope != "enterprise" and source.local != (scope == "local"):
            tell(
                "WL214", word.span, f"source {source.id} is not asked: it lies outside the scope {scope} of this list",
                "take it out, or widen the scope",
            )  # fmt: skip
            continue
        chosen.append(source.id)
    return tuple(chosen)


def _shown(setting: Setting | None, names: Names, level: str, tell: Tell) -> Iterable[Shown]:
    for value in setting.values if setting else ():
        reference = value.reference if isinstance(value, SortKey) else value
        if not isinstance(reference, Reference):
            continue
        subject = resolve_reference(reference, names, tell, (), level)
        if subject:
            label = subject.label.label if subject.label else None
            yield Shown(subject.path, label, reference.span, isinstance(value, SortKey) and value.descending)


def _limit(block: WorklistBlock, tell: Tell) -> int | None:
    setting = block.setting("limit")
    value = setting.values[0] if setting and setting.values else None
    if not isinstance(value, Literal):
        return None
    # A number of thousands of digits is no number of rows, and int() refuses it.
    if value.text.isdigit() and value.text.isascii() and len(value.text) <= 18 and int(value.text) >= 1:
        return int(value.text)
    tell("WL308", value.span, f"a list cannot end after {value.text[:24]} rows", "write a whole number of 1 or more")
    return None


def _timezone(block: WorklistBlock, tell: Tell) -> str | None:
    setting = block.setting("timezone")
    value = setting.values[0] if setting and setting.values else None
    if not isinstance(value, Literal):
        return None
    from worklint.project import known_timezone, nearest_timezone

    if known_timezone(value.text):
        return value.text
    near = nearest_timezone(value.text)
    tell(
        "WL308", value.span, f"{value.text} is no time zone; the list is judged in that of the project",
        f"did you mean {near}?" if near else 'write an IANA name, as in "Europe/Brussels"',
        instead=quote(near) if near else None,
    )  # fmt: skip
    return None

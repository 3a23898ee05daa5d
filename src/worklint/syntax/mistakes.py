"""What happens after a mistake: the message, the correction if there is only one, else the way back into the text.

Loaded only where there is a mistake. Messages and corrections are data: ``grammars/errors.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from worklint.knowledge.data import read_json
from worklint.model import Span
from worklint.record import replace
from worklint.syntax._tables import ACCESS, KEYWORDS, RULES, STATES
from worklint.syntax.nodes import Token, string
from worklint.syntax.tree import (
    Compare,
    FilterBlock,
    In,
    IsEmpty,
    Problem,
    Reference,
    Suppression,
    WorklistBlock,
)

if TYPE_CHECKING:
    from worklint.syntax.parser import Reader

SETTINGS = (
    "DESCRIPTION", "OWNER", "SCOPE", "SOURCES", "MODEL", "LEVEL", "PURPOSE", "SHOW", "SORT", "LIMIT", "TIMEZONE",
)  # fmt: skip
_COMPARISONS = (
    "OPERATOR", "IN", "LIKE", "CONTAINS", "STARTS", "ENDS", "SOUNDS", "BETWEEN", "WITHIN", "OLDER", "IS", "HAS", "NOT",
)  # fmt: skip
_VALUES = ("STRING", "NUMBER", "EIGHT_DIGITS", "DATE", "TIME", "DATETIME", "PARAMETER", "NAME")
_ATTRIBUTES = ("NAME", "TAG", "EIGHT_DIGITS", "HEX_TAG", "PRIVATE", "STRING")
_PIECES = frozenset({*_ATTRIBUTES, "DOT", "part", "parts", "reference"})
_BOUNDARY = re.compile(r'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|"[^\n{}]*+|#[^\n]*+|[^\W\d_](?:\w|-(?=\w))*+|\}')
_BLOCK_HEAD = re.compile(
    r'(?<![\w-])(?P<word>[^\W\d_](?:\w|-(?=\w)){0,40}+)(?![\w-])\s++(?:"[^"\n]*+"|[^\W\d_](?:\w|-(?=\w)){0,200}+)\s*+\{'
)
_CONDITION_AHEAD = re.compile(
    r"\s*+(?:[=<>!.(]|(?ai:in|is|has|like|contains|starts|ends|sounds|between|within|older|not)(?!\w|-\w))"
)
_SETTING_AHEAD = re.compile(r'[ \t]+["\w$]')
_OPERATORS = frozenset({"OPERATOR", "IN", "LPAR", "COMMA", "LIKE", "CONTAINS", "WITH"})
_PUNCTUATION = {"LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")", "COMMA": ",", "DOT": "."}
_SHOWN = 40
_MOST = 8
_CORRECTIONS = 1_000


@cache
def mistakes() -> dict[str, dict[str, Any]]:
    """Return the entries of ``grammars/errors.json`` by name, in their order."""
    return {entry["name"]: entry for entry in read_json("grammars/errors.json")["mistakes"]}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], dict[str, Any]], ...]:
    return tuple((re.compile(e["found"]), e) for e in mistakes().values() if "found" in e)


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


def render(name: str, span: Span, expected: tuple[str, ...], facts: dict[str, str]) -> Problem:
    """Make the problem of a mistake: its templates filled with facts."""
    entry = mistakes()[name]
    shown = _Facts({key: clip(text) for key, text in facts.items()})
    instead = entry["fix"].format_map(facts) if "fix" in entry else facts.get("read")
    return Problem(
        entry["code"],
        span,
        entry["message"].format_map(shown),
        entry.get("remedy", "").format_map(shown),
        expected,
        bool(entry.get("spoils")),
        instead,
    )


def clip(text: str) -> str:
    """Return a text short enough for a message, without characters that would disturb it."""
    clean = "".join(c if c.isprintable() else " " for c in text[: _SHOWN + 1])
    return clean[:_SHOWN].rstrip() + "…" if len(text) > _SHOWN else clean


# What could stand there


def accepts(stack: Sequence[int], kind: str) -> bool:
    """Tell whether the tables would take a token of this kind, by trying on a copy of the stack."""
    trial: list[int] = []
    kept = len(stack)
    while True:
        state = trial[-1] if trial else stack[kept - 1]
        action = STATES[state].get(kind)
        if action is None:
            return False
        if action >= 0:
            return True
        length, origin = RULES[~action][:2]
        if length <= len(trial):
            del trial[len(trial) - length :]
        else:
            kept -= length - len(trial)
            trial.clear()
        trial.append(STATES[trial[-1] if trial else stack[kept - 1]][origin])


def acceptable(stack: Sequence[int]) -> set[str]:
    """Return the kinds of tokens that could stand next."""
    return {kind for kind in STATES[stack[-1]] if kind.isupper() and accepts(stack, kind)}


def expected(kinds: set[str]) -> tuple[str, ...]:
    """Say in the user's words, by kind and at most eight, what could stand there."""
    rest = set(kinds) - {"$END"}
    said: list[str] = []
    if "PARAMETER" in rest:
        said.append("a value: text in quotes, a number, a date, a time, `today`, or `$parameter`")
        rest -= {*_VALUES}
    elif {"NAME", "TAG", "STRING"} <= rest:
        if "SERIES" in rest:
            said += ["a condition: an attribute, a label in quotes, or the name of a filter", "`not`", "`(`"]
            said.append("`series has (…)`")
            rest -= {*_ATTRIBUTES, "NOT", "LPAR", "STUDY", "SERIES", "IMAGE"}
        else:
            said.append("an attribute or a label in quotes")
            rest -= {*_ATTRIBUTES}
    if "OPERATOR" in rest:
        said.append("a comparison: `=`, `!=`, `<`, `>=` …")
        for kind in _COMPARISONS:
            if kind in rest and len(said) < _MOST - 2 and kind not in ("OPERATOR", "STARTS", "ENDS", "SOUNDS", "NOT"):
                said.append({"IS": "`is empty`", "OLDER": "`older than`"}.get(kind, f"`{kind.lower()}`"))
        rest -= {*_COMPARISONS}
    if {"NUMBER", "EIGHT_DIGITS"} & rest:
        said.append("a number")
        rest -= {"NUMBER", "EIGHT_DIGITS"}
    if "STRING" in rest:
        said.append("text in quotes")
    if "NAME" in rest:
        said.append("a name")
        rest -= {"STUDY", "SERIES", "IMAGE"}
    rest -= {"STRING", "NAME", "TAG"}
    if "AND" in rest:
        rest -= {*SETTINGS, "WHERE"}
    named = [kind for kind in SETTINGS if kind in rest]
    if len(named) > 2:
        said += [f"`{_PUNCTUATION[kind]}`" for kind in ("COMMA", "RPAR", "LPAR") if kind in rest]
        said += [f"`{kind.lower()}`" for kind in ("AND", "OR", "IGNORING", "WHERE") if kind in rest]
        said.append("a setting (`scope`, `show` …)")
        rest -= {*named, "COMMA", "RPAR", "LPAR", "AND", "OR", "IGNORING", "WHERE"}
    for kind in sorted(rest, key=lambda kind: (kind in _PUNCTUATION, kind)):
        said.append(f"`{_PUNCTUATION.get(kind, kind.lower())}`")
    return tuple(said[:_MOST])


def describe(token: Token, reader: Reader) -> str:
    """Say what was found."""
    kind, _, _, text = token
    if kind == "$END":
        return "the end of the file" if reader.end >= len(reader.content) else "the next block"
    if kind == "STRING":
        return f"the text {clip(text)}"
    return f"`{clip(text)}`"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that was probably meant, or ``None``."""
    from difflib import get_close_matches

    if len(word) > _SHOWN:
        return None
    return next(iter(get_close_matches(word.lower(), list(words), 1, 0.72 if len(word) > 3 else 0.66)), None)


# The way on


def _states(reader: Reader) -> list[int]:
    return [frame[0] for frame in reader.frames]


def _top(reader: Reader) -> str:
    """Return the symbol that was read last."""
    return ACCESS[reader.frames[-1][0]]


def _restore(reader: Reader) -> None:
    """Take back what was reduced in view of a token that cannot stand there."""
    while reader.undo:
        popped, rule, problems, places, reader.tests, reader.spoiled = reader.undo.pop()
        reader.frames.pop()
        reader.frames += popped
        if RULES[rule][2].startswith("more"):
            popped[0][1].pop()
        del reader.problems[problems:], reader.places[places:]
    _count_depth(reader)


def _count_depth(reader: Reader) -> None:
    reader.depth = sum(ACCESS[frame[0]] in ("LPAR", "NOT") for frame in reader.frames)


def recover(reader: Reader, token: Token) -> bool:
    """Report the mistake at a token that cannot stand there, and arrange how to read on; false to give the block up."""
    kind, start, end, _ = token
    _restore(reader)
    again, reader.corrected_at = reader.corrected_at == start, start
    reader.corrections += 1
    if reader.corrections > _CORRECTIONS:
        return False
    if len(reader.problems) >= reader.limits.problems:
        return skip(reader, token)
    kinds = acceptable(_states(reader))
    if kind == "UNCLOSED" or _quotes_are_odd(reader, start):
        return _missing_quote(reader, token, kinds)
    if kind == "RBRACE" and reader.spoiled and not _open(kinds):
        return skip(reader, token)
    if not again:
        if _known(reader, token, kinds) or _alone(reader, token, kinds):
            return True
        if kind == "NAME":
            decided = _name(reader, token, kinds)
            if decided is not None:
                return decided
    if kind == "$END":
        if not reader.spoiled:
            if "RBRACE" in kinds:
                _unclosed_block(reader, token)
            else:
                span = reader.span(start, end)
                reader.report_span("unfinished", span, expected(kinds), found=describe(token, reader))
        return skip(reader, token)
    # Behind what may be an attribute, a word that no comparison follows was meant as the comparison.
    joins = "OPERATOR" not in kinds or _CONDITION_AHEAD.match(reader.content, end, reader.end)
    if "AND" in kinds and "OR" in kinds and _begins_condition(kind) and joins:
        span = reader.span(start, end)
        reader.report_span("and-missing", span, expected(kinds), found=describe(token, reader))
        reader.queue += [token, ("AND", start, start, "and")]
        return True
    if not (again and reader.spoiled):
        name = "junk" if kind == "JUNK" else "syntax"
        reader.report_span(name, reader.span(start, end), expected(kinds), found=describe(token, reader))
    return skip(reader, token)


def _open(kinds: set[str]) -> bool:
    """Tell whether a value or a condition is wanted: then what is missing has not been reported yet."""
    return bool(kinds & {"TAG", "PARAMETER", "OPERATOR"})


def _begins_condition(kind: str) -> bool:
    return kind in _ATTRIBUTES or kind in ("LPAR", "NOT", "STUDY", "SERIES", "IMAGE")


def _quotes_are_odd(reader: Reader, start: int) -> bool:
    """Tell whether the line of an offset lacks a quote (cheaply: only where the line is not endless)."""
    line = reader.text.line(reader.text.position(start)[0])
    if len(line) > 10_000 or '"' not in line:
        return False
    rest = re.sub(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(?<!")#.*', "", line)
    return '"' in rest


def _missing_quote(reader: Reader, token: Token, kinds: set[str]) -> bool:
    kind, start, end, text = token
    line = reader.span(start, start).line
    reported = any(p.span.line == line and p.code == mistakes()["quote-missing"]["code"] for p in reader.problems[-3:])
    if not reported:
        reader.report("quote-missing", start, end)
    if kind == "UNCLOSED" and "STRING" in kinds:
        inside = text[1:].split("#")[0].rstrip().rstrip(",)").rstrip()
        reader.queue.append(("STRING", start, start + 1 + len(inside), '"' + inside.replace("\\", "/") + '"'))
        reader.position = start + 1 + len(inside)
        return True
    return skip(reader, token)


def _block_begin(reader: Reader) -> int:
    return next((frame[2] for frame in reader.frames if ACCESS[frame[0]] in ("FILTER", "WORKLIST")), reader.position)


def _unclosed_block(reader: Reader, token: Token) -> None:
    begin, last = _block_begin(reader), reader.frames[-1][3]
    line = str(reader.span(begin, begin).line)
    reader.report("block-not-closed", last, last, line=line, found=describe(token, reader))


def _known(reader: Reader, token: Token, kinds: set[str]) -> bool:
    """Report and correct one of the mistakes that ``grammars/errors.json`` knows by what was found."""
    start = token[1]
    previous = _top(reader)
    before = reader.frames[-1][1]
    for pattern, entry in _patterns():
        if "previous" in entry and previous not in entry["previous"]:
            continue
        if not kinds >= set(entry.get("accepts", ())) or kinds & set(entry.get("refuses", ())):
            continue
        if token[0] == "STRING" and start >= reader.end:
            continue
        match = pattern.match(reader.content, start, reader.end)
        if match is None or match.end() == start:
            continue
        drop = entry.get("drop", 0)
        earlier = before[3] if drop and isinstance(before, tuple) else ""
        if "previous_text" in entry and earlier != entry["previous_text"]:
            continue
        groups = [match.group(), *(group or "" for group in match.groups())]
        at = reader.frames[-1][2] if drop else start
        tokens: list[Token] = []
        for kind, template in entry.get("read", ()):
            text = template.format(*groups, earlier=earlier)
            quoted = kind == "STRING" and not entry.get("raw")
            tokens.append((kind, at, match.end(), f'"{text}"' if quoted else text))
        facts = {f"g{number}": group for number, group in enumerate(groups)}
        if not entry.get("spoils") and not entry.get("again"):
            around = reader.content[at - 1 : at], reader.content[match.end() : match.end() + 1]
            facts["read"] = _apart(around[0], _as_written(tokens), around[1])
        reader.report(
            entry["name"], at, match.end(), found=match.group(), name=_subject(reader), earlier=earlier, **facts
        )
        for _ in range(drop):
            reader.frames.pop()
        _count_depth(reader)
        reader.queue += tokens[::-1]
        reader.position = match.end()
        if entry.get("again"):
            reader.position = start
        reader.corrected_at = -1
        return True
    return False


def _as_written(tokens: Sequence[Token]) -> str:
    """Return tokens as text."""
    out = ""
    for before, token in zip((None, *tokens), tokens, strict=False):
        tight = before is None or before[0] == "LPAR" or token[0] in ("RPAR", "COMMA")
        out += token[3] if tight else f" {token[3]}"
    return out


def _apart(before: str, text: str, after: str) -> str:
    """Return a text with blanks where a word of it would run into the words around it."""
    first, last = before.isalnum() and text[:1].isalnum(), after.isalnum() and text[-1:].isalnum()
    return f"{' ' * first}{text}{' ' * last}"


def _push(reader: Reader, symbol: str, value: Any, start: int, end: int) -> None:
    reader.frames.append((STATES[reader.frames[-1][0]][symbol], value, start, end))


def _subject(reader: Reader) -> str:
    """Return what the test that is being read speaks of, as written."""
    for state, value, start, end in reversed(reader.frames[-8:]):
        if ACCESS[state] == "reference" or ACCESS[state] in _ATTRIBUTES:
            content = reader.content[start:end]
            if ACCESS[state] != "STRING" or len(reader.frames) < 3 or ACCESS[reader.frames[-2][0]] not in _OPERATORS:
                return content
        if isinstance(value, Compare | In):
            return reader.source(value.subject.span)
    return "A"


def _alone(reader: Reader, token: Token, kinds: set[str]) -> bool:
    """Report an attribute without a comparison; behind ``A = "x" or`` a text is one more value of A."""
    ends = ("AND", "OR", "RPAR", "RBRACE", "WHERE", "$END", *SETTINGS)
    frames = reader.frames
    if "OPERATOR" not in kinds or token[0] not in ends or _top(reader) not in _PIECES:
        return False
    depth = len(frames)
    while ACCESS[frames[depth - 1][0]] in _PIECES:
        depth -= 1
    below, before_that = frames[depth - 1], frames[depth - 2]
    if "atom" not in STATES[below[0]]:
        return False
    start, end = frames[depth][2], frames[-1][3]
    text = reader.content[start:end]
    is_text = len(frames) - depth == 1 and _top(reader) == "STRING"
    del frames[depth:]
    _count_depth(reader)
    joined = ACCESS[below[0]]
    before = _last_test(before_that[1]) if joined in ("AND", "OR") else None
    span = reader.span(start, end)
    node: Any
    if is_text and isinstance(before, Compare) and before.operator == "=" and isinstance(before.subject, Reference):
        literal = string(reader, ("STRING", start, end, text))
        name, value = reader.source(before.subject.span), reader.source(before.value.span)
        which = {("OR", False): "or-value", ("AND", True): "and-value-negated"}.get((joined, before.negated))
        reader.report(which or "and-value", start, end, name=name, values=f"{value}, {text}", found=text)
        node = Compare(before.subject, "=", literal, span, before.negated)
    else:
        reader.report("attribute-alone", start, end, found=text)
        node = IsEmpty(Reference((), span), span, True)
    _push(reader, "atom", node, start, end)
    reader.queue.append(token)
    reader.corrected_at = -1
    return True


def _last_test(value: Any) -> Any:
    while True:
        if isinstance(value, list):
            value = value[-1]
        elif hasattr(value, "parts"):
            value = value.parts[-1]
        else:
            return value


def _name(reader: Reader, token: Token, kinds: set[str]) -> bool | None:
    """Deal with a name where none can stand: an unknown setting, a missing ``where``, a misspelt keyword."""
    _, start, end, text = token
    near = nearest(text, [word for word, kind in KEYWORDS.items() if kind in kinds])
    if near in ("where", "and", "or", "ignoring", "ascending", "descending"):
        return _misspelt(reader, token, near)
    if "RBRACE" in kinds:
        first = _starts_line(reader.content, start)
        ahead = _CONDITION_AHEAD.match(reader.content, end)
        at_item = "AND" not in kinds
        if ahead and at_item and "WHERE" in kinds:
            reader.report("where-missing", start, end, found=text)
            reader.queue += [token, ("WHERE", start, start, "where")]
            return True
        if not ahead and (at_item or (first and _SETTING_AHEAD.match(reader.content, end))):
            return _unknown_setting(reader, token)
    if near:
        return _misspelt(reader, token, near)
    return None


def _unknown_setting(reader: Reader, token: Token) -> bool:
    """Report a setting that does not exist and leave it out: the block is not spoiled by it."""
    _, start, end, text = token
    close = nearest(text, [kind.lower() for kind in SETTINGS])
    offer = f"did you mean `{close}`?" if close else "the settings are " + ", ".join(f"`{k.lower()}`" for k in SETTINGS)
    spoiled = reader.spoiled
    reader.add(replace(render("unknown-setting", reader.span(start, end), (), {"found": text}), remedy=offer))
    done = skip(reader, token)
    reader.spoiled = spoiled
    return done


def _misspelt(reader: Reader, token: Token, near: str) -> bool:
    _, start, end, text = token
    reader.report("misspelt", start, end, found=text, nearest=near)
    reader.queue.append((KEYWORDS[near], start, end, near))
    return True


def skip(reader: Reader, token: Token) -> bool:
    """Leave the setting or condition that a mistake stands in; read on at the next one or at the ``}``."""
    _restore(reader)
    reader.spoiled = True
    found = _boundary(reader, token[1])
    if not accepts(_states(reader), found[0]):
        while len(reader.frames) > 1 and _top(reader) not in ("items", "settings", "condition", "LBRACE"):
            reader.frames.pop()
        if len(reader.frames) == 1:
            return False
        _count_depth(reader)
        at = reader.frames[-1][3]
        if _top(reader) == "LBRACE" and "settings" in STATES[reader.frames[-1][0]]:
            _push(reader, "settings", [], at, at)
        if found[0] == "RBRACE" and "condition" in STATES[reader.frames[-1][0]]:
            _push(reader, "condition", None, at, at)
    if found[1] == reader.end and found[3] == "":
        begin = reader.span(_block_begin(reader), reader.position)
        if not any(begin.line <= p.span.line for p in reader.problems):
            _unclosed_block(reader, token)
    reader.position = found[2]
    reader.queue[:] = [found]
    reader.corrected_at = -1
    return True


def _boundary(reader: Reader, start: int) -> Token:
    """Return the next word that begins a setting or the condition, or the ``}``, or one in the place of the end."""
    for match in _BOUNDARY.finditer(reader.content, start, reader.end):
        text = match.group()
        if text == "}":
            return ("RBRACE", match.start(), match.end(), text)
        if not text[0].isalpha():
            continue
        kind = KEYWORDS.get(text.lower(), "") if text.isascii() else ""
        if kind in SETTINGS or kind == "WHERE":
            return (kind, match.start(), match.end(), text)
        if not kind and match.start() > start and _starts_line(reader.content, match.start()):
            after = match.end()
            ahead = _SETTING_AHEAD.match(reader.content, after)
            if ahead and not _CONDITION_AHEAD.match(reader.content, after) and _at_settings(reader):
                return ("NAME", match.start(), match.end(), text)
    return ("RBRACE", reader.end, reader.end, "")


def _at_settings(reader: Reader) -> bool:
    """Tell whether a setting of a worklist, not its condition, is being skipped."""
    return not any(ACCESS[frame[0]] in ("WHERE", "settings", "where") for frame in reader.frames)


def _starts_line(content: str, start: int) -> bool:
    return not content[max(content.rfind("\n", 0, start) + 1, start - 80) : start].strip()


def remnant(reader: Reader, start: int, end: int) -> None:
    """Keep the name of a block that could not be read, so that its users are known to be incomplete."""
    match = re.compile(r'(\w+)\s+(?:"([^"\n]+)"|([^"\s{}]+))').match(reader.content, start, end)
    if match is None:
        return
    group = 2 if match.group(2) else 3
    span = reader.span(start, end)
    name, name_span = match.group(group), reader.span(match.start(group), match.end(group))
    if match.group(1).lower() == "filter":
        reader.filters.append(FilterBlock(name, name_span, (), None, span, False))
    else:
        head = reader.span(start, match.end())
        reader.worklists.append(WorklistBlock(name, name_span, (), None, span, head, False))


def stray(reader: Reader, start: int, end: int) -> None:
    """Report text outside the blocks; read a block whose first word is misspelt."""
    at = start
    while at < end:
        match = _BLOCK_HEAD.search(reader.content, at, end)
        stop = match.start() if match else end
        rubbish = reader.content[at:stop].strip()
        if rubbish and not all(line.strip().startswith("#") or not line.strip() for line in rubbish.split("\n")):
            line_end = reader.content.find("\n", at, stop)
            last = line_end if line_end >= 0 else stop
            found = reader.content[at:last]
            name = "brace-too-much" if rubbish == "}" else "outside"
            reader.spoiled = False
            reader.report(name, at, last, found=found.strip())
            reader.complete = False
        if match is None:
            return
        word = match.group("word")
        meant = "worklist" if reader.content[match.end("word") :].lstrip()[:1] == '"' else "filter"
        reader.report("misspelt-block", match.start(), match.end("word"), found=word, nearest=meant)
        at = _block_as(reader, meant, match, end)


def _block_as(reader: Reader, meant: str, match: re.Match[str], end: int) -> int:
    """Read a block as if its first word were the one that was meant."""
    start, stop = match.span("word")
    reader.position, reader.end = stop, end
    reader.spoiled, reader.tests = False, 0
    if reader.run((KEYWORDS[meant], start, stop, meant)):
        return reader.position
    reader.complete = False
    return end


# Suppressions

_IGNORE = re.compile(r"ignore\s*\[([^\]\n]*)\]\s*(?:until\s+(\S+))?\s*(.*)", re.DOTALL)
_CODE = re.compile(r"([A-Za-z]+\d+)(?:@(.+))?")
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")


def suppressions(reader: Reader, comments: list[tuple[int, int]]) -> tuple[Suppression, ...]:
    """Read the comments that begin with ``# worklint:``; report those that nobody can read."""
    found: list[Suppression] = []
    places = sorted(reader.places, key=lambda place: (place[0], -place[1]))
    begins = [place[0] for place in places]
    for start, end in comments:
        comment = reader.content[start:end].rstrip("\r")
        span = reader.span(start, start + len(comment))
        match = _IGNORE.fullmatch(comment.partition(":")[2].strip())
        if match is None:
            reader.report_span("suppression-unreadable", span, found=comment)
            continue
        codes: list[tuple[str, str | None]] = []
        for item in match.group(1).split(","):
            code = _CODE.fullmatch(item.strip())
            if code is None:
                reader.report_span("suppression-code", span, found=item.strip() or "nothing")
            else:
                codes.append((code.group(1).upper(), code.group(2)))
        until = match.group(2)
        if until is not None and not _DATE.fullmatch(until):
            reader.report_span("suppression-date", span, found=until)
            continue
        if codes:
            covers = _covered(reader, start, begins, places)
            found.append(Suppression(tuple(codes), until, match.group(3).strip(), span, covers))
    return tuple(found)


def _covered(reader: Reader, start: int, begins: list[int], places: list[tuple[int, int]]) -> Span | None:
    from bisect import bisect_left

    line, column = reader.text.position(start)
    line_start = start - column + 1
    if reader.content[line_start:start].strip():
        return Span(reader.text.file, line, 1, line + 1, 1)
    index = bisect_left(begins, start)
    return reader.span(*places[index]) if index < len(places) else None

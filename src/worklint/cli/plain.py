"""Reads a command line that is written without mistake, by the table of ``options``; leaves all others to ``full``.

The framework that explains mistakes, prints help and completes words costs more than a whole run of ``check``. It is
loaded when one of those is wanted. Both readers give the same values (a test holds them side by side).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from worklint.cli.options import COMMANDS, Command

Given = dict[str, Any]


def nothing_given(command: Command) -> Given:
    """Return the values of a command of which nothing was said."""
    given: Given = {o.key: () if o.many else None if o.metavar else False for o in command.options}
    if command.argument is not None:
        given[command.argument.key] = () if command.argument.many else None
    return given


def read(argv: Sequence[str]) -> tuple[Command, Given] | None:
    """Return the command and its values, or ``None`` where this reader does not understand every word."""
    command = COMMANDS.get(argv[0]) if argv else None
    if command is None:
        return None
    options = {o.name: o for o in command.options} | {o.short: o for o in command.options if o.short}
    given = nothing_given(command)
    words: list[str] = []
    waiting = list(reversed(argv[1:]))
    while waiting:
        word = waiting.pop()
        if word == "--":
            words += reversed(waiting)
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, sign, value = word.partition("=")
        option = options.get(name)
        if option is None or (sign and not (option.metavar and name.startswith("--"))):
            return None
        if not option.metavar:
            given[option.key] = True
            continue
        if not sign:
            if not waiting:
                return None
            value = waiting.pop()
        given[option.key] = (*given[option.key], value) if option.many else value
    argument = command.argument
    if argument is not None and argument.many:
        given[argument.key] = tuple(words)
    elif argument is not None and len(words) <= 1 and (words or not argument.required):
        given[argument.key] = words[0] if words else None
    elif words or argument is not None:
        return None
    return command, given

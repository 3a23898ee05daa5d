"""From the words of the command line to the exit code; turns every failure into a message for its reader."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from worklint.cli import INTERRUPTED
from worklint.cli.options import COMMANDS, Command
from worklint.cli.plain import Given, read

FAILED = 2
COMPLETING = "_WORKLINT_COMPLETE"


class UsageError(Exception):
    """What was asked for makes no sense; the message says what would."""


def start(argv: Sequence[str]) -> int:
    """Run the command that the words ask for and return the exit code."""
    found = None if COMPLETING in os.environ else read(argv)
    if found is None:
        from worklint.cli.full import read_fully

        outcome = read_fully(list(argv))
        if isinstance(outcome, int):
            return outcome
        name, given = outcome
        found = COMMANDS[name], given
    return carry_out(*found)


def carry_out(command: Command, given: Given) -> int:
    """Run a command; a failure becomes a message on standard error and the exit code 2."""
    from worklint.discover import DiscoverError
    from worklint.knowledge.profile import ProfileError
    from worklint.output import OutputError, drop_output
    from worklint.report import UnknownFormat
    from worklint.yaml_text import ProjectError

    try:
        check_choices(command, given)
        code: int = import_module(f"worklint.cli.{command.module}").run(given)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except ProjectError as error:
        for problem in error.problems:
            say(str(problem))
    except (DiscoverError, ProfileError, UnknownFormat, UsageError, OutputError) as error:
        say(f"worklint: {error}")
    except BrokenPipeError:
        drop_output()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        _tell_bug(error, bool(given["debug"]))
    return FAILED


def _tell_bug(error: Exception, debug: bool) -> None:
    if debug:
        import traceback

        say(traceback.format_exc().rstrip())
    text = " ".join(str(error).split())
    hint = "" if debug else "; --debug shows where"
    say(f"this is a bug in worklint: {type(error).__name__}{': ' if text else ''}{text}{hint}")


def say(text: str) -> None:
    """Write a message to standard error, whatever its encoding; a message that nobody can get is dropped."""
    if sys.stderr is None:
        return
    try:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    except OSError:
        pass


def check_choices(command: Command, given: Given) -> None:
    """Raise ``UsageError`` for a value that is not among the choices of its option."""
    for option in command.options:
        value = given[option.key]
        if option.choices and value is not None and value not in option.choices:
            raise UsageError(f"{option.name} {value}: {one_of(value, option.choices)}")


def one_of(word: str, choices: Sequence[str]) -> str:
    """Return what to say of a word that is none of the choices: the nearest, or all of them."""
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), choices, 1, 0.5)
    known = f"one of {', '.join(choices)}"
    return f"did you mean {near[0]}? ({known})" if near else f"write {known}"

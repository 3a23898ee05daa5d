"""The command-line framework: help, messages on mistakes, completion in the shell. Made of the table of ``options``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from worklint.cli.options import COMMANDS, Argument, Command, Option
from worklint.cli.plain import Given

HELP = "What each PACS, archive and DICOMweb store really does with the filters of a radiology worklist."
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
FAILED = 2
_POSSIBLE = re.compile(r"\.? \((?:Possible options: )([^)]*)\)\.?$")


def read_fully(argv: list[str]) -> tuple[str, Given] | int:
    """Return the name of the command and its values; or an exit code, after help, completion or a complaint."""
    if not argv:
        read_fully(["--help"])
        return FAILED
    try:
        found = app()(args=argv, prog_name="worklint", standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except Exception as error:
        # The framework's own classes moved between its releases; what they have in common is this method.
        if not hasattr(error, "format_message"):
            raise
        sys.stderr.write(f"worklint: {_complaint(error, argv)}\n")
        return FAILED
    return found if isinstance(found, tuple) else int(found or 0)


def _complaint(error: Any, argv: list[str]) -> str:
    message = " ".join(error.format_message().split())
    message = _POSSIBLE.sub(lambda m: f"; did you mean {m[1]}?", message)
    command = argv[0] if argv[0] in COMMANDS else None
    if command is None and not argv[0].startswith("-") and Path(argv[0]).exists():
        return f"{argv[0]} is no command; did you mean worklint check {argv[0]}?"
    more = f"worklint {command} --help" if command else "worklint --help"
    return f"{message}{'' if message.endswith(('?', '.')) else '.'} ({more})"


def app() -> typer.Typer:
    """Return the command line."""
    found = typer.Typer(
        name="worklint", help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
    )  # fmt: skip
    found.callback()(_general)
    for command in COMMANDS.values():
        epilog = "\b\nExamples:\n" + "\n".join(_example(*e) for e in command.examples)
        settings = {"help": command.help, "epilog": epilog, "context_settings": _SETTINGS}
        found.command(command.name, **settings)(_function(command))  # type: ignore[arg-type]
    return found


def _general(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Show the versions of program and database.")
    ] = False,
) -> None:
    if version:
        from worklint.cli import main

        raise typer.Exit(main(["--version"]))


def _example(line: str, meaning: str) -> str:
    return f"  {line}\n      {meaning}" if meaning else f"  {line}"


def _function(command: Command) -> Callable[..., tuple[str, Given]]:
    def function(**values: Any) -> tuple[str, Given]:
        return command.name, {k: tuple(v or ()) if k in many else v for k, v in values.items()}

    parts = [(o.key, *_option(o)) for o in command.options]
    if command.argument is not None:
        parts.insert(0, (command.argument.key, *_argument(command.argument)))
    many = {o.key for o in command.options if o.many}
    if command.argument is not None and command.argument.many:
        many.add(command.argument.key)
    parameters = [
        Parameter(key, Parameter.KEYWORD_ONLY, annotation=kind, default=default) for key, kind, default in parts
    ]
    # The framework reads signatures and annotations: both are made of the table.
    function.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {key: kind for key, kind, _ in parts}
    function.__doc__ = command.help
    return function


def _option(option: Option) -> tuple[Any, Any]:
    names = [option.name, *([option.short] if option.short else [])]
    if not option.metavar:
        return Annotated[bool, typer.Option(*names, help=option.help)], False
    text = f"{option.help} One of: {', '.join(option.choices)}." if option.choices else option.help
    info = typer.Option(
        *names, help=text, metavar=option.metavar, show_default=False,
        autocompletion=_offer(lambda: option.choices or offers(option.complete)),
    )  # fmt: skip
    if option.many:
        return Annotated[list[str], info], []
    return Annotated[str | None, info], None


def _argument(argument: Argument) -> tuple[Any, Any]:
    info = typer.Argument(
        help=argument.help, metavar=argument.metavar, show_default=False,
        autocompletion=_offer(lambda: offers(argument.complete)),
    )  # fmt: skip
    if argument.many:
        return Annotated[list[str] | None, info], None
    return (Annotated[str, info], Parameter.empty) if argument.required else (Annotated[str | None, info], None)


def _offer(words: Callable[[], tuple[str, ...]]) -> Callable[[str], list[str]]:
    def completion(incomplete: str) -> list[str]:
        return [w for w in words() if w.lower().startswith(incomplete.lower())]

    return completion


def offers(what: str) -> tuple[str, ...]:
    """Return the words that a shell can offer: ids of products, codes, formats, keywords."""
    if what == "products":
        from worklint.knowledge import products

        return tuple(f for i in products.product_ids() for f in (i, *_releases(i)))
    if what == "codes":
        from worklint.rules import codes

        return codes()
    if what == "formats":
        from worklint.report import formats

        return formats()
    if what == "inputs":
        from worklint.syntax import inputs

        return inputs.formats()
    if what == "models":
        from worklint.knowledge import standard

        return tuple(m.id for m in standard.models())
    if what == "levels":
        return ("patient", "study", "series", "image")
    if what == "attributes":
        from worklint.show.attribute import known_names

        return known_names()
    return ()


def _releases(product: str) -> tuple[str, ...]:
    from worklint.knowledge import products

    whole = products.product(product)
    return tuple(f"{product}@{r}" for r in whole.releases) if whole else ()

"""``worklint attribute``: one attribute over all products and releases."""

from __future__ import annotations

import os

from worklint import output
from worklint.cli.plain import Given
from worklint.cli.start import UsageError, one_of
from worklint.knowledge import standard
from worklint.show import show_attribute
from worklint.show.attribute import UnknownName, named, questions, rows


def run(given: Given) -> int:
    """Show what every product does with an attribute."""
    models = [m.id for m in standard.models()]
    if given["model"] is not None and given["model"] not in models:
        raise UsageError(f"--model {given['model']}: {one_of(given['model'], models)}")
    found_levels = dict.fromkeys(at for m in standard.models() for at in m.levels)
    if given["level"] is not None and given["level"] not in found_levels:
        raise UsageError(f"--level {given['level']}: {one_of(given['level'], tuple(found_levels))}")
    try:
        name = named(given["name"])
        found = tuple(rows(name, questions(name, given["model"], given["level"]), given["product"]))
    except UnknownName as error:
        raise UsageError(str(error)) from None
    if given["format"] in ("json", "csv"):
        text = show_attribute.json_text(name, found) if given["format"] == "json" else show_attribute.csv_text(found)
        output.write_stdout(lambda out: out.write(text), False)
        return 0
    place = output.terminal(given["color"], os.environ)
    notes = given["verbose"] or bool(given["product"])
    output.write_lines(show_attribute.text_lines(name, found, place.width, place.colour, notes), place)
    return 0

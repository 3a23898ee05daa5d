"""``worklint source``: the products of the database, or one in full."""

from __future__ import annotations

import os
from pathlib import Path

from worklint import output
from worklint.cli.plain import Given
from worklint.cli.start import UsageError
from worklint.show import profile


def run(given: Given) -> int:
    """List the products, or show one profile."""
    place = output.terminal(given["color"], os.environ)
    if given["product"] is None:
        if given["format"] == "json":
            output.write_stdout(lambda out: out.write(profile.list_json()), False)
        else:
            output.write_lines(profile.list_lines(place.width, place.colour), place)
        return 0
    try:
        found, asked = profile.find(given["product"], Path.cwd())
    except profile.UnknownProduct as error:
        raise UsageError(str(error)) from None
    if given["format"] == "json":
        output.write_stdout(lambda out: out.write(profile.page_json(found)), False)
    else:
        output.write_lines(profile.page_lines(found, asked, place.width, place.colour), place)
    return 0

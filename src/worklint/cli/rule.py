"""``worklint rule``: the rules, or one in full."""

from __future__ import annotations

import os

from worklint import output
from worklint.cli.plain import Given
from worklint.cli.start import UsageError
from worklint.rules import codes, nearest_codes, rule
from worklint.show import rule as page


def run(given: Given) -> int:
    """List the rules, or show one."""
    place = output.terminal(given["color"], os.environ)
    word = given["code"]
    if word is None:
        if given["format"] == "json":
            output.write_stdout(lambda out: out.write(page.list_json()), False)
        else:
            output.write_lines(page.list_lines(place.width, place.colour), place)
        return 0
    near = nearest_codes(word)
    plain = word.strip().upper()
    code = plain if plain in codes() else near[0] if _is_name(word, near) else None
    info = rule(code) if code else None
    if info is None:
        offer = f"did you mean {' or '.join(near)}?" if near else "`worklint rule` lists them"
        raise UsageError(f"there is no rule {word}; {offer}")
    if given["format"] == "json":
        output.write_stdout(lambda out: out.write(page.page_json(info)), False)
    else:
        output.write_lines(page.page_lines(info, place.width, place.colour), place)
    return 0


def _is_name(word: str, near: tuple[str, ...]) -> bool:
    from worklint.rules import rule_name

    return len(near) == 1 and rule_name(near[0]) == word.strip().lower()

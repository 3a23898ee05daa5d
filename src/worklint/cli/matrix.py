"""``worklint matrix``: every worklist and constraint against every source."""

from __future__ import annotations

import os

from worklint import output
from worklint.cli import judging
from worklint.cli.plain import Given
from worklint.run import Options


def run(given: Given) -> int:
    """Judge worklists and show the matrix; 1 only if ``--fail-on`` is given and something reaches it."""
    gathered = judging.read_inputs(given)
    if given["show_settings"]:
        output.write_lines(judging.settings_lines(given, gathered), output.terminal(given["color"], os.environ))
        return 0
    options = Options(
        planned=given["planned"] or given["enterprise"], plan_up_to=judging.PLANNED_AT_ONCE,
        enterprise=given["enterprise"], across_up_to=judging.PLANNED_AT_ONCE if judging.shows_plans(given) else 0,
        edits="some" if judging.shows_plans(given) else "",
    )  # fmt: skip
    report = judging.judge(given, gathered, options)
    judging.tell_unplanned(given, report)
    code = judging.exit_code(report, given["fail_on"]) if given["fail_on"] else 0
    try:
        judging.write_results(given, gathered, report, "table")
    except BrokenPipeError:
        from worklint.output import drop_output

        drop_output()
    return code

"""``worklint check``: the findings."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from worklint import output
from worklint.accept import BaselineKey, Choice, known_code
from worklint.cli import judging
from worklint.cli.plain import Given
from worklint.cli.start import UsageError
from worklint.record import replace
from worklint.rules import nearest_codes
from worklint.run import Options


def run(given: Given) -> int:
    """Judge worklists and show what is wrong; 1 if something is at or above ``--fail-on``."""
    choice = Choice(codes(given, "select"), codes(given, "ignore"), given["no_ignore"])
    if given["statistics"] and given["format"] not in (None, "text"):
        raise UsageError("--statistics are text; leave --format out, or write the other format with --output")
    baseline: dict[BaselineKey, int] = {}
    if given["baseline"] is not None:
        from worklint.baseline import read_baseline

        baseline = read_baseline(Path(given["baseline"]), given["baseline"])
    gathered = judging.read_inputs(given)
    if given["show_settings"]:
        output.write_lines(judging.settings_lines(given, gathered), output.terminal(given["color"], os.environ))
        return 0
    if given["fix"] or given["diff"]:
        from worklint.cli import fixing

        fixing.check_options(given, gathered)
        found = fixing.find(given, gathered, Options(choice=choice, baseline=baseline))
        if given["diff"]:
            return fixing.show(given, gathered, found)
        gathered = fixing.write(given, gathered, found)
    unasked = judging.PLANNED_AT_ONCE if judging.shows_plans(given) else 0
    options = Options(
        choice=choice, baseline=baseline, planned=given["planned"], plan_up_to=unasked, across_up_to=unasked
    )  # fmt: skip
    options = replace(options, edits="all" if given["unsafe_fixes"] else "some")
    report = judging.judge(given, gathered, options)
    if given["write_baseline"] is not None:
        from worklint.accept import baseline_of
        from worklint.baseline import write_baseline

        if baseline:
            report = judging.judge(given, gathered, replace(options, baseline={}))
        baseline = baseline_of(f.finding for f in report.findings)
        path = given["write_baseline"]
        output.write_files([(path, Path(path), partial(write_baseline, baseline))])
        judging.tell(
            given, f"{path}: {sum(baseline.values())} findings are accepted from now on with --baseline {path}"
        )
        if baseline:
            report = judging.judge(given, gathered, replace(options, baseline=baseline))
    code = judging.exit_code(report, given["fail_on"] or "error")
    try:
        usual = "text"
        if given["fix"] and fixing.reads_stdin(gathered):
            fixing.tell_rest(given, gathered, report)
        elif given["statistics"]:
            from worklint.show import statistics

            if given["output"]:
                judging.write_results({**given, "quiet": True}, gathered, report, usual)
            output.write_lines(statistics.lines(report), output.terminal(given["color"], os.environ))
        else:
            judging.write_results(given, gathered, report, usual)
    except BrokenPipeError:
        from worklint.output import drop_output

        drop_output()
    return code


def codes(given: Given, name: str) -> tuple[str, ...]:
    """Return the codes and hundreds that an option names."""
    found = tuple(c.strip().upper() for text in given[name] for c in text.split(",") if c.strip())
    for one in found:
        if not known_code(one):
            near = nearest_codes(one)
            offer = f"did you mean {near[0]}?" if near else "`worklint rule` lists them"
            raise UsageError(f"--{name}: there is no rule {one}; {offer}")
    return found

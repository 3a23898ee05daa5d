"""A long run by hand: ``python -m worklint.oracle --cases 100000``. Prints cases, contradictions, precision."""

from __future__ import annotations

import argparse
import sys

from worklint.oracle.soundness import run, story


def main() -> int:
    """Run and print; the exit code is 1 if something was contradicted."""
    parser = argparse.ArgumentParser(prog="python -m worklint.oracle", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shipped", type=float, default=0.4, help="share of products of the database")
    parser.add_argument("--runs", type=int, default=4, help="worlds for each filter at each place")
    parser.add_argument("--show", type=int, default=5, help="contradictions to tell in full")
    given = parser.parse_args()
    tally = run(given.seed, given.cases, shipped=given.shipped, runs=given.runs)
    print(tally.summary(given.seed))
    for case, outcome in tally.contradictions[: given.show]:
        print(f"\n{story(case, outcome)}")
    return bool(tally.contradictions)


if __name__ == "__main__":
    sys.exit(main())

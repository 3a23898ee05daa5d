"""Hold worklint's predictions against what the servers of the lab did: ``python tools/score.py [--write] [--all]``.

Reads the truth tables (``tools/lab.py --write`` makes them), starts no server. ``--write`` writes
``reports/score/score.md``. The exit code is 1 if a prediction is contradicted.

``--probed`` starts the servers, measures each door with ``worklint probe`` and predicts from that profile alone;
``--rows`` and ``--queries`` are the limits of the probe (few rows: what it does in a large archive). ``--asked N``
tells which N keys were asked most.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

compare, servers = (import_module(f"lab.{name}") for name in ("compare", "servers"))

LEGEND = """\
*Sound*: nothing that was observed is excluded by the prediction. *Precise*: may-add, may-miss and rejected are as
observed, in cases that discriminate: something that the source shows is asked for, and for each part of the condition
there is something that fails this part alone (or the query is refused). An add by spelling that this content does not
show does not count against precision, nor does a miss by one of
{},
or by letter case or accents that are to be ignored and in which nothing that is asked for differs."""
REPORT = ROOT / "reports" / "score" / "score.md"


@dataclass(frozen=True)
class Line:
    """One case at one door: what was said, what was seen."""

    case: Any
    said: Any
    seen: Any

    @property
    def wrong(self) -> list[str]:
        """What the observation contradicts."""
        found: list[str] = compare.contradictions(self.said, self.seen)
        return found

    @property
    def precise(self) -> bool:
        """Whether the flags are as observed."""
        return bool(compare.precise(self.said, self.seen))

    @property
    def counts(self) -> bool:
        """Whether the case can tell: it has true and other entities, or the query was refused."""
        return bool(self.seen.discriminates or self.seen.refused)


def lines(door: Any, said: Any = None) -> list[Line]:
    """Return every case of a door; ``said`` are predictions in place of those of the shipped profile."""
    said = said or compare.predictions(door, compare.releases()[door.id])
    seen = {o.case: o for o in compare.read_truth(door)}
    return [Line(c, said[c.id], seen[c.id]) for c in compare.cases_of(door)]


def _source(name: str) -> str:
    kind = servers.KINDS[servers.DOORS[name].server]
    settings = "".join(f", {n}={v}" for n, v in kind.settings)
    transport = "QIDO-RS" if servers.DOORS[name].transport == "dicomweb" else "C-FIND"
    return f"{kind.product}@{compare.releases()[name]}, {transport}{settings}"


def _percent(part: int, whole: int) -> str:
    # Never rounded up to a hundred.
    return f"{int(1000 * part / whole) / 10:.1f} %" if whole else "-"


def _told(line: Line) -> str:
    seen, said = line.seen, line.said
    saw = f"rejected ({seen.refused})" if seen.refused else f"{seen.added} added, {seen.missed} missed of {seen.true}"
    why = " ".join([*said.add_reasons, "/", *said.miss_reasons]) if said.add_reasons or said.miss_reasons else ""
    within = f" within {line.case.within}" if line.case.within else ""
    return f"| {line.case.id} | {line.case.level}{within} | `{_cell(line)}` | {said.as_written} | {why} | {saw} |"


def _cell(line: Line) -> str:
    shown = f" show {line.case.show}" if line.case.show else ""
    return str(line.case.condition + shown).replace("|", "\\|")


def report(everything: dict[str, list[Line]]) -> Iterator[str]:
    """Yield the report, line by line."""
    yield "# Score: predictions against real servers"
    yield ""
    yield "Written by `python tools/score.py --write` from the truth tables in `tests/lab/truth`; see `docs/lab.md`."
    yield ""
    yield "| door | source | cases | sound | soundness | discriminating | precise | precision |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for name, all_lines in everything.items():
        sound = sum(not x.wrong for x in all_lines)
        telling = [x for x in all_lines if x.counts]
        good = sum(x.precise for x in telling)
        yield (
            f"| {name} | {_source(name)} | {len(all_lines)} | {sound} | {_percent(sound, len(all_lines))} "
            f"| {len(telling)} | {good} | {_percent(good, len(telling))} |"
        )
    yield ""
    yield from LEGEND.format(", ".join(f"`{r}`" for r in sorted(compare.LEFT_TO_CONTENT))).splitlines()
    for name, all_lines in everything.items():
        wrong = [x for x in all_lines if x.wrong]
        vague = [x for x in all_lines if x.counts and not x.precise and not x.wrong]
        if not wrong and not vague:
            continue
        yield ""
        yield f"## {name}"
        for title, found in (("Contradicted", wrong), ("Not precise", vague)):
            if found:
                yield ""
                yield f"{title}:"
                yield ""
                yield "| case | level | condition | predicted | adds / misses | observed |"
                yield "|---|---|---|---|---|---|"
                yield from map(_told, found)


def of_probes(names: list[str], arguments: argparse.Namespace) -> tuple[dict[str, list[Line]], list[str]]:
    """Probe the doors of servers that are started for it; returns the cases of each, and a line on each probe."""
    doors, probed = (import_module(f"lab.{name}") for name in ("doors", "probed"))
    everything: dict[str, list[Line]] = {}
    told: list[str] = []
    for kind in dict.fromkeys(servers.DOORS[n].server for n in names):
        missing = servers.KINDS[kind].missing()
        if missing:
            told.append(f"{kind}: not installed: {', '.join(missing)} (package {servers.KINDS[kind].package})")
            continue
        with doors.loaded(kind) as server:
            for door in (servers.DOORS[n] for n in names if servers.DOORS[n].server == kind):
                found = probed.probed(door, server, arguments.rows, arguments.queries, lambda text: None)
                end = f", ended: {found.ended}" if found.ended else ""
                told.append(f"{door.id}: {found.queries} queries, {found.seconds:.0f} s{end}")
                most = sorted(found.asked.items(), key=lambda item: -item[1])[: arguments.asked]
                told += [f"  {count:4} {' '.join(keys)}" for keys, count in most]
                everything[door.id] = lines(door, found.said)
                if arguments.keep:
                    Path(arguments.keep, f"{door.id}.json").write_text(found.profile, encoding="utf-8")
    return everything, told


def main() -> int:
    """Print the table, perhaps write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"one of {', '.join(servers.DOORS)} (default: all)")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    parser.add_argument("--all", action="store_true", help="print the misses too")
    parser.add_argument("--probed", action="store_true", help="predict from profiles that a probe makes now")
    parser.add_argument("--rows", type=int, default=250, help="with --probed: rows read of one answer (default: 250)")
    parser.add_argument("--queries", type=int, default=1500, help="with --probed: queries at most (default: 1500)")
    parser.add_argument("--asked", type=int, default=0, metavar="N", help="with --probed: the N keys asked most")
    parser.add_argument("--keep", metavar="FOLDER", help="with --probed: write the profiles there")
    arguments = parser.parse_args()
    names: list[str] = arguments.doors or list(servers.DOORS)
    told: list[str] = []
    if arguments.probed and arguments.write:
        parser.error("--write writes the score of the shipped profiles; --probed only prints")
    if arguments.probed:
        everything, told = of_probes(names, arguments)
    else:
        everything = {name: lines(servers.DOORS[name]) for name in names}
    text = list(report(everything))
    print("\n".join([*told, ""])) if told else None
    print("\n".join(text if arguments.all else text[4 : 6 + len(everything)]))
    if arguments.write:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text("\n".join(text) + "\n", encoding="utf-8")
    return int(any(x.wrong for all_lines in everything.values() for x in all_lines))


if __name__ == "__main__":
    sys.exit(main())

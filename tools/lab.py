"""Ask the real servers of the lab every case: ``python tools/lab.py [--write] [DOOR …]``.

With ``--write`` the truth tables in ``tests/lab/truth`` are written anew; look at the difference before you commit it.
Without it the difference is printed, and the exit code is 1 if there is one.

``python tools/lab.py heldout [--seed N] [--seeds K] [--cases M] [--server KIND] [--lab] [--vague]`` fills the servers
with an archive drawn from a seed, asks drawn cases, and holds the database and profiles that a probe writes against
what comes back; the exit code is 1 if one is contradicted.

``python tools/lab.py plans [--every N] [--server KIND]`` carries the plan of every filter of the lab out, as it is
printed; the exit code is 1 if one is contradicted, or planned ``exact`` and not what the reference matcher says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

compare, servers, doors, returned, predicted, plans, ask = (
    import_module(f"lab.{name}") for name in ("compare", "servers", "doors", "returned", "predicted", "plans", "ask")
)


def _releases() -> dict[str, str]:
    return dict(compare.releases()) if (compare.TRUTH / "releases.csv").exists() else {}


def _row(name: str, teller: str, score: Any) -> str:
    sound, good = score.cases - len(score.wrong), score.precise
    share = f"{100 * good / score.telling:.1f} %" if score.telling else "-"
    return (
        f"{name:24} {teller:8} {sound}/{score.cases} sound ({100 * sound / max(score.cases, 1):.2f} %), "
        f"{good}/{score.telling} precise ({share})"
    )


def _case(one: Any, row: Any) -> str:
    case, o = one.case, one.observation
    why = " ".join([*row.add_reasons, "/", *row.miss_reasons])
    saw = f"refused {o.refused}" if o.refused else f"+{o.added} (beyond {o.beyond}) -{o.missed} of {o.true}"
    shown = f" show {case.show}" if case.show else ""
    return (
        f"    {case.id} {case.model} {case.level}: {case.text}{shown}\n      said {row.as_written} ({why}); saw {saw}"
    )


def heldout(words: list[str]) -> int:
    """Hold predictions against drawn archives and cases."""
    parser = argparse.ArgumentParser(prog="lab.py heldout")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from that one on")
    parser.add_argument("--cases", type=int, default=200, help="cases a door and seed")
    parser.add_argument("--server", action="append", choices=sorted(predicted.VARIANTS), help="default: all")
    parser.add_argument("--shipped", action="store_true", help="the database only, without a probe")
    parser.add_argument("--rows", type=int, default=250, help="rows that the probe reads of one answer (default: 250)")
    parser.add_argument("--queries", type=int, default=1500, help="queries of the probe at most (default: 1500)")
    parser.add_argument("--lab", action="store_true", help="also a profile probed with the archive of the lab")
    parser.add_argument("--vague", action="store_true", help="print what is not precise, too")
    arguments = parser.parse_args(words)
    manners = replace(predicted.LIMITS, rows=arguments.rows, queries=arguments.queries)
    total: dict[tuple[str, str], Any] = {}
    with tempfile.TemporaryDirectory(prefix="worklint-heldout-") as name:
        for kind_id in arguments.server or predicted.VARIANTS:
            kind = predicted.VARIANTS[kind_id]
            if missing := kind.missing():
                print(f"{kind_id}: not installed: {', '.join(missing)} (package {kind.package})")
                continue
            lab = predicted.lab_profiles(kind) if arguments.lab else {}
            for seed in range(arguments.seed, arguments.seed + arguments.seeds):
                folder = Path(name, f"{kind_id}-{seed}")
                probing = None if arguments.shipped else manners
                tried = predicted.trial(kind, seed, arguments.cases, folder, lab, probing)
                for door, teller, score, note in tried:
                    total[(door.id, teller)] = total.get((door.id, teller), predicted.NONE) + score
                    print(_row(f"{door.id} seed {seed}", teller, score), note, flush=True)
                    for one, row, against in score.wrong:
                        print(f"{_case(one, row)}\n      WRONG {'; '.join(against)}")
                        print("".join(f"        {r}\n" for r in one.rows), end="")
                    for one, row in score.vague if arguments.vague else ():
                        print(f"{_case(one, row)}\n      vague")
    print("\nIn all:")
    for (door_id, teller), score in total.items():
        print(_row(door_id, teller, score))
    return int(any(score.wrong for score in total.values()))


def planned(words: list[str]) -> int:
    """Carry plans out, and hold the answers against the archive."""
    parser = argparse.ArgumentParser(prog="lab.py plans")
    parser.add_argument("--every", type=int, default=1, help="of so many filters one")
    parser.add_argument("--server", action="append", choices=sorted(servers.KINDS), help="default: all")
    arguments = parser.parse_args(words)
    wrong = 0
    for name in arguments.server or servers.KINDS:
        if missing := servers.KINDS[name].missing():
            print(f"{name}: not installed: {', '.join(missing)} (package {servers.KINDS[name].package})")
            continue
        with doors.loaded(name) as server:
            for door in (d for d in servers.DOORS.values() if d.server == name):
                start = time.perf_counter()
                with ask.client(server, door.transport) as made:
                    found = list(plans.carried_out(door, server, made, arguments.every))
                print(f"{door.id}: {plans.summary(found)}, {time.perf_counter() - start:.0f} s", flush=True)
                for one in plans.failed(found):
                    wrong += 1
                    print(f"  {one}")
    return int(wrong > 0)


def main() -> int:
    """Observe, then write or compare."""
    if sys.argv[1:2] == ["plans"]:
        return planned(sys.argv[2:])
    if sys.argv[1:2] == ["heldout"]:
        return heldout(sys.argv[2:])
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"one of {', '.join(servers.DOORS)} (default: all)")
    parser.add_argument("--write", action="store_true", help="write the truth tables anew")
    arguments = parser.parse_args()
    different = 0
    for name in {servers.DOORS[d].server: None for d in arguments.doors or servers.DOORS}:
        missing = servers.KINDS[name].missing()
        if missing:
            print(f"{name}: not installed: {', '.join(missing)} (package {servers.KINDS[name].package})")
            continue
        start = time.perf_counter()
        for door, found, release, back in doors.observed(name):
            print(
                f"{door.id}: {len(found)} cases, {len(back)} attributes, release {release}, "
                f"{time.perf_counter() - start:.1f} s"
            )
            if arguments.write:
                compare.write_truth(door, found)
                returned.write(door, back)
                compare.write_releases({**_releases(), door.id: release})
                continue
            stored = {o.case: o for o in compare.read_truth(door)}
            for one in found:
                if stored.get(one.case) != one:
                    different = 1
                    print(f"  {one.case}: was {stored.get(one.case)}\n  {'':{len(one.case)}}  now {one}")
            for one in sorted(set(back) - set(returned.read(door)), key=str):
                different = 1
                print(f"  now {one}")
    return different


if __name__ == "__main__":
    sys.exit(main())

"""Ask the real servers of the lab every case: ``python tools/lab.py [--write] [DOOR …]``.

With ``--write`` the truth tables in ``tests/lab/truth`` are written anew; look at the difference before you commit it.
Without it the difference is printed, and the exit code is 1 if there is one.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

compare, servers, doors, returned = (
    import_module(f"lab.{name}") for name in ("compare", "servers", "doors", "returned")
)


def _releases() -> dict[str, str]:
    return dict(compare.releases()) if (compare.TRUTH / "releases.csv").exists() else {}


def main() -> int:
    """Observe, then write or compare."""
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

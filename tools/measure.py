"""Probe the servers of the lab and write what was measured into the database: ``python tools/measure.py [DOOR …]``.

For each door ``worklint probe`` is run as a user runs it, against the server with the lab's archive in it. The file is
written to ``dicom_dictionaries/measured`` as the probe wrote it; a product's file names it under ``measurements``, with
the release, transport and settings that it speaks of. Nobody edits these files.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

servers, doors = (import_module(f"lab.{name}") for name in ("servers", "doors"))
MEASURED = ROOT / "dicom_dictionaries" / "measured"


def file_name(door_id: str, release: str) -> str:
    """Return the name of the file of a door: product, release, transport, and the settings that are not the usual."""
    door = servers.DOORS[door_id]
    kind = servers.KINDS[door.server]
    usual = {s.name: s.default for s in _product(kind.product).settings}
    words = [f"{n}={v}" for n, v in kind.settings if usual.get(n) != v]
    return "_".join([f"{kind.product}@{release}", door.transport, *words]) + ".json"


def _product(name: str) -> Any:
    found = import_module("worklint.knowledge.products").product(name)
    assert found is not None, name
    return found


def main() -> int:
    """Probe each door; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"one of {', '.join(servers.DOORS)} (default: all)")
    wanted = parser.parse_args().doors or list(servers.DOORS)
    MEASURED.mkdir(exist_ok=True)
    for server_id in dict.fromkeys(servers.DOORS[d].server for d in wanted):
        with doors.loaded(server_id) as server:
            for door_id in wanted:
                door = servers.DOORS[door_id]
                if door.server != server_id:
                    continue
                target = MEASURED / file_name(door_id, server.release)
                address = server.web if door.transport == "dicomweb" else server.address
                command = [sys.executable, "-m", "worklint", "probe", address, "--output", str(target), "--quiet"]
                code = subprocess.run(command, cwd=ROOT / "src", check=False).returncode
                print(f"{door_id}: {target.relative_to(ROOT)}" if code == 0 else f"{door_id}: exit code {code}")
                if code:
                    return code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long a cold `worklint check` keeps you waiting, as a multiple of `python -c pass`, in one interleaved run.

    python benchmarks/cold_check.py [RUNS]

Whole processes, user CPU as the operating system accounts for it. Quote the ratios, not the milliseconds.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = """\
viewer: impax-client@6.5.1
sources:
  east: {product: impax@6.5.1, local: true}
  vna: {product: dcm4chee-arc@5.31}
  research: {product: orthanc@1.12.4}
  cloud: {product: azure-dicom@v2}
"""
WORKLIST = """\
worklist "Chest CT" {
    where ModalitiesInStudy = "CT" and BodyPartExamined = "CHEST" and StudyDate within last 7 days
}
"""


def user_seconds(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command once and return the user CPU that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main() -> None:
    """Measure and print medians and ratios."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "worklint --version": [sys.executable, "-m", "worklint", "--version"],
        "worklint check": [sys.executable, "-m", "worklint", "check", "a.worklist", "--now", "2026-11-24"],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "worklint.yaml").write_text(PROJECT, encoding="utf-8")
        (folder / "a.worklist").write_text(WORKLIST, encoding="utf-8")
        for command in commands.values():
            user_seconds(command, folder, environment)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for label, command in commands.items():
                taken[label].append(user_seconds(command, folder, environment))
    medians = {label: statistics.median(times) * 1000 for label, times in taken.items()}
    floor = medians["python -c pass"]
    for label, median in medians.items():
        print(f"{label:22} {median:7.1f} ms user CPU   {median / floor:5.1f} x pass")
    limit = 2.5 * floor + 100
    print(f"{'limit for check':22} {limit:7.1f} ms            2.5 x pass + 100 ms")


if __name__ == "__main__":
    main()

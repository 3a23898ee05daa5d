"""Plans a filter of many branches at many sources: is the work bounded, and what does the plan say of it?

python benchmarks/plan_size.py [BRANCHES [SOURCES]]
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from pathlib import Path

from worklint.planning import plans_of
from worklint.project import read_project
from worklint.sources import site_of
from worklint.text import Text

PRODUCTS = (
    "orthanc@1.12.4",
    "dcm4chee-arc@5.31",
    "dcmtk-dcmqrscp@3.6.7",
    "impax@6.5.1",
    "azure-dicom@v2",
    "dicom-standard",
)


def main() -> None:
    """Plan, and print what it took."""
    branches = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    # A setting that no verdict depends on keeps sources from being planned as one.
    rows = [f"  s{n}: {{product: {PRODUCTS[n % len(PRODUCTS)]}, settings: {{site: s{n}}}}}" for n in range(count)]
    site = site_of(read_project("sources:\n" + "\n".join(rows) + "\n", Path()))
    some = " or ".join(
        f'(PatientID = "P{n}" and not BodyPartExamined = "B{n % 7}" and StudyDescription contains "T{n % 5}")'
        for n in range(branches)
    )
    text = Text.of(f'worklist "Large" {{ where StudyDate within last 7 days and ({some}) }}\n', "large.worklist")
    now = datetime(2026, 11, 24, 8)
    start = time.perf_counter()
    _, plans = plans_of([text], site, now.date(), now=now)
    spent = time.perf_counter() - start
    found = [p for of in plans.values() for p in of.values()]
    print(f"{branches} branches, {len(found)} sources: {spent:.1f} s, {spent / len(found) * 1000:.0f} ms a plan")
    print(f"queries a plan: at most {max(len(p.queries) for p in found)}")
    for note in dict.fromkeys(n for p in found for n in p.notes):
        print(f"note: {note}")


if __name__ == "__main__":
    main()

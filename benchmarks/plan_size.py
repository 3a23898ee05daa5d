"""Plans a filter of many branches at many sources: is the work bounded, and what does the plan say of it?

python benchmarks/plan_size.py [BRANCHES [SOURCES [UNLIKE]]]

The sources are drawn over all products, their releases and the values of their settings, UNLIKE of them different from
one another (default: all); the others are like one of those, as the archives of one vendor in many hospitals are.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice, zip_longest
from pathlib import Path

from worklint.knowledge.products import product, product_ids
from worklint.planning import plans_of
from worklint.project import read_project
from worklint.sources import site_of
from worklint.text import Text

NOW = datetime(2026, 11, 24, 8)


def _of_product(name: str) -> Iterator[str]:
    """Yield the ways in which a product can stand in a project file: newest release first, then each setting."""
    found = product(name)
    assert found is not None
    for release in reversed(found.releases or ("",)):
        what = f"{name}@{release}" if release else name
        yield f"product: {what}"
        for setting in found.settings:
            for value in setting.values:
                if value != setting.default:
                    yield f'product: {what}, settings: {{"{setting.name}": "{value}"}}'


def project(count: int, unlike: int) -> str:
    """Return a project file of so many sources."""
    names = [n for n in product_ids() if (p := product(n)) is not None and p.kind == "source"]
    rounds = zip_longest(*(_of_product(n) for n in names))
    different = list(islice((row for each in rounds for row in each if row), unlike))
    rows = (f"  s{n}: {{{different[n % len(different)]}}}" for n in range(count))
    return "sources:\n" + "\n".join(rows) + "\n"


def worklist(branches: int) -> str:
    """Return a list of so many branches, with negation, an attribute of a lower level and a text in each."""
    some = " or ".join(
        f'(PatientID = "P{n}" and not BodyPartExamined = "B{n % 7}" and StudyDescription contains "T{n % 5}")'
        for n in range(branches)
    )
    return f'worklist "Large" {{ where StudyDate within last 7 days and ({some}) }}\n'


def main() -> None:
    """Plan, and print what it took."""
    branches, count = (int(sys.argv[i]) if len(sys.argv) > i else n for i, n in ((1, 1000), (2, 200)))
    unlike = int(sys.argv[3]) if len(sys.argv) > 3 else count
    site = site_of(read_project(project(count, unlike), Path()))
    text = Text.of(worklist(branches), "large.worklist")
    start, used = time.perf_counter(), time.process_time()
    _, plans = plans_of([text], site, NOW.date(), now=NOW)
    spent, used = time.perf_counter() - start, time.process_time() - used
    found = [p for of in plans.values() for p in of.values()]
    print(f"{branches} branches, {len(found)} sources ({unlike} unlike): {used:.1f} s of CPU, {spent:.1f} s")
    print(f"queries a plan: at most {max(len(p.queries) for p in found)}")
    for note in dict.fromkeys(n for p in found for n in p.notes):
        print(f"note: {note}")


if __name__ == "__main__":
    main()

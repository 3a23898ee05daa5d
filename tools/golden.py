"""Rewrites ``reports/demo``: the demonstration enterprise in every format. Review the difference before committing it.

python tools/golden.py            write
python tools/golden.py --check    say what would change, and exit with 1
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from worklint import report as writers  # noqa: E402
from worklint.inputs import gather  # noqa: E402
from worklint.run import Options, run  # noqa: E402

TODAY = date(2026, 11, 24)
FOLDER = ROOT / "reports" / "demo"
FILES = {
    "check.txt": ("text", {}),
    "check-planned.txt": ("text", {}),
    "check.concise.txt": ("concise", {}),
    "matrix.txt": ("table", {}),
    "matrix-enterprise.txt": ("table", {}),
    "matrix.csv": ("csv", {}),
    "lists.csv": ("csv", {"rows": "worklists"}),
    "matrix-wide.csv": ("csv-wide", {}),
    "matrix.json": ("json", {}),
    "matrix.md": ("markdown", {}),
    "matrix.html": ("html", {}),
}
"""The files of ``reports/demo``: format and options of each."""

PAGES = ("matrix.md", "matrix.html")
"""Those of them that show edits."""

ENTERPRISE = ("matrix-enterprise.txt", "matrix.json", "matrix.md", "matrix.html")
"""Those that show each list over all its sources."""


def produced() -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file, as the commands write them for 80 columns without colour."""
    gathered = gather(["examples/lakeside"], ROOT)
    plain, checked, planned, whole, page = (
        run(gathered.texts, gathered.site, TODAY, shared=gathered.shared, options=options)
        for options in (
            Options(edits="some"), Options(edits="some", planned=True), Options(planned=True),
            Options(planned=True, enterprise=True), Options(edits="some", planned=True, enterprise=True),
        )
    )  # fmt: skip
    texts = {t.file: t for t in (*gathered.shared, *gathered.texts)}
    for name, (format_, options) in FILES.items():
        out = io.StringIO(newline="")
        # A plain `check` makes no plans, `matrix` does; each list over all its sources, and edits, are in some only.
        report = plain if name in ("check.txt", "check.concise.txt") else whole if name in ENTERPRISE else planned
        report = checked if name == "check-planned.txt" else page if name in PAGES else report
        writers.writer(format_)(report, out, texts=texts, width=80, colour=False, ascii=False, **options)
        yield name, out.getvalue().encode()


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with ``--check`` compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file would change")
    options = parser.parse_args(arguments)
    changed = []
    for name, content in produced():
        path = FOLDER / name
        if not path.is_file() or path.read_bytes() != content:
            changed.append(name)
            if not options.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    print(f"{'would change' if options.check else 'written'}: {', '.join(changed) or 'nothing'}")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    raise SystemExit(main())

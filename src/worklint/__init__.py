"""worklint: what each source really does with the filters of a radiology worklist.

>>> from datetime import date
>>> import worklint
>>> report = worklint.lint(["lists/"], today=date.today())    # doctest: +SKIP
>>> report.to_frame()                                         # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from worklint._version import __version__

__all__ = ["Options", "Report", "__version__", "lint"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `worklint --version` needs none of it.
    if name in ("lint", "Options"):
        from worklint import run

        return getattr(run, name)
    if name == "Report":
        from worklint.report.types import Report

        return Report
    raise AttributeError(f"module 'worklint' has no attribute {name!r}")

"""The matrix as a data frame, for notebooks, pivots and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worklint.report.csv import CELL_COLUMNS, cell_rows, values
from worklint.report.types import Report

if TYPE_CHECKING:
    import pandas


def to_frame(report: Report) -> pandas.DataFrame:
    """Return one row a cell with the columns of the long CSV; verdicts as categories, ``negated`` as truth values."""
    import pandas

    frame = pandas.DataFrame(list(cell_rows(report, values)), columns=list(CELL_COLUMNS))
    for name in ("source", "verdict", "mark", "severity", "matching", "grade", "rule"):
        frame[name] = frame[name].astype("category")
    return frame

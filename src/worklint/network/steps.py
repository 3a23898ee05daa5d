"""Rows of a worklist that hold several scheduled steps of one order: so many rows.

PS3.4 K.6.1.2.2 asks for one item in the sequence; there are sources that send all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worklint.knowledge import standard
from worklint.network.ask import Answer, Question, Row

STEPS = "ScheduledProcedureStepSequence"


def apart(question: Question, answer: Answer) -> Answer:
    """Return an answer whose data were kept with one row for each scheduled step; others as they are."""
    model = standard.model(question.model)
    if model is None or not model.worklist or len(answer.data) != len(answer.rows):
        return answer
    found = [one for row, data in zip(answer.rows, answer.data, strict=True) for one in _steps(row, data)]
    return replace(answer, rows=tuple(row for row, _ in found), data=tuple(data for _, data in found))


def _steps(row: Row, data: Any) -> list[tuple[Row, Any]]:
    from pydicom.dataset import Dataset

    from worklint.network.dimse import row_of

    items = data.get(STEPS) or ()
    if len(items) < 2:
        return [(row, data)]
    out: list[tuple[Row, Any]] = []
    for item in items:
        alone = Dataset()
        alone.update({e.tag: e for e in data if e.keyword != STEPS})
        setattr(alone, STEPS, [item])
        out.append((row_of(alone), alone))
    return out

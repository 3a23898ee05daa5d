"""Tests of one conjunction that say the same, or that meet in one range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from worklint.model import Constraint, Filter, Span, Test
from worklint.plan.forms import Conjunction

_NO_SPAN = Span("", 1, 1, 1, 1)


def merged(atoms: Conjunction, put_together: Callable[..., None]) -> Conjunction:
    """Put ranges of one attribute with a single value into one test: the value lies in all of them.

    ``put_together`` is told what a constraint stands for.
    """
    out: list[Filter] = []
    for atom in atoms:
        alike = next((o for o in out if _same(atom, o)), None)
        if isinstance(alike, Test) and isinstance(atom, Test):
            put_together(alike.constraint, alike.constraint, atom.constraint)
            continue
        if isinstance(atom, Test) and not atom.negated and atom.constraint.matching == "range":
            for i, other in enumerate(out):
                both = _in_both(other, atom.constraint)
                if both is not None and isinstance(other, Test):
                    put_together(both, other.constraint, atom.constraint)
                    out[i] = Test(both)
                    break
            else:
                out.append(atom)
            continue
        out.append(atom)
    return tuple(out)


def _in_both(other: Filter, c: Constraint) -> Constraint | None:
    """Return the range in which two ranges of one single value meet (PS3.4 C.2.2.2.5), if that is a range."""
    if not isinstance(other, Test) or not _two_ranges(other, c):
        return None
    o = other.constraint
    lows, highs = ([v for x in (o, c) if (v := x.values[end]).text] for end in (0, 1))
    if max(len(lows), len(highs)) > 1 and (c.vr != "DA" or any(not v.legal or v.parameter for v in (*lows, *highs))):
        return None
    low = max(lows, key=lambda v: v.text) if lows else o.values[0]
    high = min(highs, key=lambda v: v.text) if highs else o.values[1]
    if c.vr == "DA" and low.text and high.text and low.text > high.text:
        return None
    return replace(c, values=(low, high), relative=o.relative or c.relative)


def _same(one: Filter, other: Filter) -> bool:
    """Tell if two tests say the same, wherever they were written."""
    if not isinstance(one, Test) or not isinstance(other, Test) or one.negated != other.negated:
        return False
    plain = [replace(t.constraint, text="", span=_NO_SPAN, filter=None, via=()) for t in (one, other)]
    return plain[0] == plain[1]


def _two_ranges(other: Test, c: Constraint) -> bool:
    o = other.constraint
    if other.negated or o.matching != "range" or o.path != c.path or o.level != c.level or o.pair or c.pair:
        return False
    one_value = all(a.vm == "1" for a in c.path[-1:]) and len(c.path) == 1 and c.level == c.attribute_level
    return one_value and not any((*o.strict, *c.strict))

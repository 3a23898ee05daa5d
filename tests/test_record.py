"""Records behave as frozen dataclasses with slots do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import ClassVar

import pytest

from worklint.record import field, frozen, names, replace


@frozen
class Point:
    x: int
    y: int = 2
    tags: dict[str, int] = field(default_factory=dict, compare=False)
    kind: ClassVar[str] = "point"

    @property
    def total(self) -> int:
        return self.x + self.y


@frozen
class Other:
    x: int
    y: int = 2
    tags: dict[str, int] = field(default_factory=dict, compare=False)


@frozen(eq=False)
class Thing:
    x: int


@frozen(order=True)
class Version:
    major: int
    minor: int


@frozen
class Empty:
    pass


def test_members_and_defaults() -> None:
    assert (Point(1).x, Point(1).y, Point(1, y=5).y, Point(1).tags, Point(1).total) == (1, 2, 5, {}, 3)
    assert Point(1).tags is not Point(1).tags
    assert names(Point) == ("x", "y", "tags") == names(Point(1))
    assert Point.kind == "point"


@pytest.mark.parametrize("wrong", [(), (1, 2, {}, 4)])
def test_wrong_arguments(wrong: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        Point(*wrong)  # type: ignore[arg-type]


def test_frozen_with_slots() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 1  # type: ignore[attr-defined]
    assert not hasattr(point, "__dict__")


def test_comparison() -> None:
    assert Point(1) == Point(1, tags={"a": 1})
    assert hash(Point(1)) == hash(Point(1, tags={"a": 1}))
    assert Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Thing(1) != Thing(1)
    assert Version(1, 9) < Version(2, 0) <= Version(2, 0)
    assert Empty() == Empty()
    with pytest.raises(TypeError):
        assert Point(1) < Point(2)  # type: ignore[operator]


def test_copies() -> None:
    point = Point(1, tags={"a": 1})
    assert replace(point, y=7) == Point(1, 7)
    assert replace(point, y=7).tags == {"a": 1}
    assert copy.deepcopy(point) == point
    assert pickle.loads(pickle.dumps(point)).tags == {"a": 1}


def test_dataclasses_takes_it_for_its_own() -> None:
    point = Point(1)
    assert dataclasses.replace(point, x=4) == Point(4)  # type: ignore[type-var]
    assert [f.name for f in dataclasses.fields(point)] == ["x", "y", "tags"]  # type: ignore[arg-type]
    assert dataclasses.asdict(point) == {"x": 1, "y": 2, "tags": {}}  # type: ignore[call-overload]
    assert repr(point) == "Point(x=1, y=2, tags={})"


def test_match() -> None:
    match Point(1, 3):
        case Point(x, y):
            assert (x, y) == (1, 3)

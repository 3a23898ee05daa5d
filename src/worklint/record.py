"""Frozen records with slots, made in a tenth of the time that ``dataclasses`` takes (``docs/decisions``).

``dataclasses`` writes and compiles six functions for each class when it is defined, and imports ``inspect``: with a
hundred classes on its way, that was half of a cold ``worklint check``. Here the constructor is compiled when the first
instance is made, and comparison, hash and repr are shared. Type checkers see ordinary frozen dataclasses, and
``dataclasses.replace``, ``fields`` and ``asdict`` work on the instances.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, dataclass_transform

T = TypeVar("T")


class Member(NamedTuple):
    """How a member gets its default, and whether it counts in comparisons."""

    default: Any = ...
    factory: Callable[[], Any] | None = None
    compare: bool = True


def field(*, default: Any = ..., default_factory: Callable[[], Any] | None = None, compare: bool = True) -> Any:
    """Describe a member that needs more than a default value."""
    return Member(default, default_factory, compare)


def replace(record: T, **changes: Any) -> T:
    """Return the record with other values for some members."""
    kind = type(record)
    for name in kind.__record_members__:  # type: ignore[attr-defined]
        if name not in changes:
            changes[name] = getattr(record, name)
    return kind(**changes)


def names(record: Any) -> tuple[str, ...]:
    """Return the names of the members of a record or of its class, in order."""
    return tuple(record.__record_members__)


def is_record(value: Any) -> bool:
    """Tell if a value is an instance of a record."""
    return hasattr(type(value), "__record_members__")


class _DataclassFields:
    """Shows a record to ``dataclasses`` as one of its own, made only when somebody asks."""

    def __get__(self, instance: Any, owner: Any) -> dict[str, Any]:
        import dataclasses

        out: dict[str, Any] = {}
        for name, one in owner.__record_members__.items():
            made: Any = dataclasses.field(compare=one.compare)
            made.name, made.type, made._field_type = name, Any, dataclasses._FIELD  # type: ignore[attr-defined]
            out[name] = made
        return out


def _frozen(self: Any, name: str, *value: Any) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")


def _repr(self: Any) -> str:
    return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self.__record_members__)})"


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, n) for n in self.__record_members__]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__record_members__, state, strict=True):
        object.__setattr__(self, name, value)


def _constructor(cls: type, members: dict[str, Member]) -> Callable[..., None]:
    known: dict[str, Any] = {"_absent": members}
    parameters, body = ["self"], []
    for name, one in members.items():
        known[f"_set_{name}"] = getattr(cls, name).__set__
        value = name
        if one.factory is not None:
            known[f"_make_{name}"] = one.factory
            parameters.append(f"{name}=_absent")
            value = f"_make_{name}() if {name} is _absent else {name}"
        elif one.default is not ...:
            known[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        body.append(f"    _set_{name}(self, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(body or ["    pass"]), known)
    made: Callable[..., None] = known["__init__"]
    return made


def _compared(members: dict[str, Member]) -> Callable[[Any], Any]:
    chosen = [n for n, m in members.items() if m.compare]
    return attrgetter(*chosen) if chosen else lambda record: ()


def _make(cls: type, eq: bool, order: bool) -> type:
    namespace = dict(cls.__dict__)
    members: dict[str, Member] = {}
    for name, kind in namespace.get("__annotations__", {}).items():
        if "ClassVar" not in str(kind):
            found = namespace.pop(name, ...)
            members[name] = found if isinstance(found, Member) else Member(found)
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        made.__init__ = _constructor(made, members)
        made.__init__(self, *args, **kwargs)

    namespace.update(
        __slots__=tuple(members), __record_members__=members, __match_args__=tuple(members), __init__=first,
        __setattr__=_frozen, __delattr__=_frozen, __getstate__=_getstate, __setstate__=_setstate,
        __dataclass_fields__=_DataclassFields(),
    )  # fmt: skip
    namespace.setdefault("__repr__", _repr)
    if eq:
        get = _compared(members)
        namespace["__eq__"] = lambda a, b: get(a) == get(b) if a.__class__ is b.__class__ else NotImplemented
        namespace["__hash__"] = lambda a: hash(get(a))
    if order:
        namespace["__lt__"] = lambda a, b: get(a) < get(b) if a.__class__ is b.__class__ else NotImplemented
        namespace["__le__"] = lambda a, b: get(a) <= get(b) if a.__class__ is b.__class__ else NotImplemented
        namespace["__gt__"] = lambda a, b: get(a) > get(b) if a.__class__ is b.__class__ else NotImplemented
        namespace["__ge__"] = lambda a, b: get(a) >= get(b) if a.__class__ is b.__class__ else NotImplemented
    made: Any = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made  # type: ignore[no-any-return]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, *, eq: bool = True, order: bool = False) -> Any:
    """Make a class a frozen record with slots, compared member by member (``eq=False``: by identity)."""
    return (lambda c: _make(c, eq, order)) if cls is None else _make(cls, eq, order)

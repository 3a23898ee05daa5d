"""Product files: finds them, orders their releases, and gives the profile of one release.

Only the products that are asked for are read. A release that no file names is judged as the one before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from worklint.knowledge import data
from worklint.knowledge.profile import Profile, ProfileError, Where
from worklint.knowledge.profile_reader import read_profile
from worklint.record import frozen, replace
from worklint.yaml_text import Node, ProjectError, compose

_FOLDER = "dicom_dictionaries/products"
_MEASURED = "dicom_dictionaries/measured"


@frozen
class Chosen:
    """The profile of one release. ``judged_as`` differs from ``asked`` where the file does not name that release."""

    profile: Profile
    asked: str | None
    judged_as: str | None


@cache
def product_ids() -> tuple[str, ...]:
    """Return the ids of all products of the database, sorted."""
    return tuple(sorted(p.stem for p in data.path(_FOLDER).glob("*.json")))


def nearest_products(word: str) -> tuple[str, ...]:
    """Return up to three product ids that ``word`` may have been meant to be."""
    from difflib import get_close_matches

    return tuple(get_close_matches(word.lower(), product_ids(), 3, 0.5))


@cache
def product(name: str) -> Profile | None:
    """Return the whole profile of a product, all releases, by id or alias; ``None`` if the database has none."""
    if name not in product_ids():
        return next((p for i in product_ids() if (p := _load(i)) and name in p.aliases), None)
    return _load(name)


@cache
def _load(name: str) -> Profile:
    return read_profile(_with_base(data.read_json(f"{_FOLDER}/{name}.json")))


@cache
def measurement(name: str) -> Profile:
    """Return what a probe wrote of a product of the database (``dicom_dictionaries/measured``)."""
    return read_profile(data.read_json(f"{_MEASURED}/{name}"))


def _with_base(child: dict[str, Any]) -> dict[str, Any]:
    """Put a product on the base that it extends; a record with the same ``for`` takes the base's place."""
    base_name = child.get("extends")
    if base_name is None:
        return child
    base = _with_base(data.read_json(f"{_FOLDER}/{base_name}.json"))
    # A measurement is of the product that was measured.
    merged = {**base, "measurements": [], **{k: v for k, v in child.items() if k != "extends"}}
    for section in ("citations", "sets", "settings"):
        merged[section] = {**base.get(section, {}), **child.get(section, {})}
    for section in ("statements", "interactions", "keeping", "lifts", "facts"):
        own = child.get(section, [])
        taken = [r.get("for") for r in own]
        merged[section] = own + [r for r in base.get(section, []) if r.get("for") not in taken]
    return merged


def release_key(release: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts releases naturally: ``1.9 < 2.0rc1 < 2.0 < 2.0su1 < 2.1``."""
    out: list[tuple[int, int, str]] = []
    for number, word in re.findall(r"(\d+)|([a-z]+)", release.lower()):
        if number:
            out.append((2, int(number), ""))
        else:
            before = word in ("a", "alpha", "b", "beta", "rc", "pre", "dev")
            out.append((-1 if before else 1, 0, word))
    return (*out, (0, 0, ""))


def judged_as(profile: Profile, release: str | None) -> str | None:
    """Return the release that the file knows for the one asked: itself, the last before it, the newest for ``None``.

    A release older than all that are known stays as it is: no record with a release speaks of it.
    """
    known = profile.releases
    if not known:
        return release
    if release is None:
        return known[-1]
    if release in known:
        return release
    before = [k for k in known if release_key(k) <= release_key(release)]
    return max(before, key=known.index) if before else release


def in_ranges(release: str | None, ranges: tuple[str, ...], known: tuple[str, ...]) -> bool:
    """Tell if a release lies in one of the ranges: ``>=R``, ``<=R``, ``>R``, ``<R``, ``=R``, ``R..S`` (both included).

    An empty list of ranges holds for all. A release that is not known lies in no range.
    """
    if not ranges:
        return True
    if release is None:
        return False

    def key(r: str) -> tuple[Any, ...]:
        if r in known and release in known:
            return (known.index(r),)
        return release_key(r)

    mine = key(release)
    for one in ranges:
        if ".." in one:
            low, _, high = one.partition("..")
            fits = key(low) <= mine <= key(high)
        else:
            sign, _, bound = re.match(r"(>=|<=|>|<|=|)(\s*)(.*)", one).groups()  # type: ignore[union-attr]
            other = key(bound)
            fits = {
                ">=": mine >= other, "<=": mine <= other, ">": mine > other, "<": mine < other,
            }.get(sign, mine == other)  # fmt: skip
        if fits:
            return True
    return False


_Record = TypeVar("_Record")


def at_release(whole: Profile, release: str | None) -> Chosen:
    """Return the profile with only the records that speak of that release."""
    known = judged_as(whole, release)

    def fits(where: Where) -> bool:
        return in_ranges(known, where.releases, whole.releases)

    def keep(records: tuple[_Record, ...]) -> tuple[_Record, ...]:
        return tuple(r for r in records if fits(r.where))  # type: ignore[attr-defined]

    profile = replace(
        whole,
        release=known,
        offered=keep(whole.offered),
        statements=keep(whole.statements),
        interactions=tuple(replace(i, replace=keep(i.replace)) for i in keep(whole.interactions)),
        lifts=tuple(pair for pair in whole.lifts if fits(pair[1])),
        keeping=keep(whole.keeping),
        caps=keep(whole.caps),
        selectors=keep(whole.selectors),
        hides=keep(whole.hides),
        grants=keep(whole.grants),
        facts=keep(whole.facts),
        sends=keep(whole.sends),
        measurements=keep(whole.measurements),
    )
    return Chosen(profile, release, known)


@cache
def profile(name: str, release: str | None) -> Chosen | None:
    """Return the profile of ``PRODUCT@RELEASE``, or ``None`` if the database does not know the product."""
    whole = product(name)
    return None if whole is None else at_release(whole, release)


def profile_from_file(path: Path, shown: str) -> Profile:
    """Read a site's own or a probed profile (YAML or JSON), as strictly as a project file: nothing is guessed.

    ``shown`` is the name of the file in messages.

    Raises:
        ProfileError: with file, line and what would be right in its text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ProfileError(f"{shown}: not UTF-8; save the profile as UTF-8") from None
    except OSError as error:
        raise ProfileError(f"{shown}: {error.strerror or error}") from None
    if path.suffix == ".json":
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            raise ProfileError(f"{shown}:{error.lineno}:{error.colno}: {error.msg}") from None
        except RecursionError:
            raise ProfileError(f"{shown}: nested too deeply for a profile") from None
        # JSON written with tabs is JSON all the same; inside a text it has \\t.
        text = text.replace("\t", " ")
    try:
        root = compose(text, shown)
        content = _content(root)
        if not isinstance(content, Mapping):
            raise ProfileError("a profile is a mapping", (), '{"product": …}')
        if "measurements" in content:
            right = "name what was measured as the profile of the source"
            raise ProfileError("measurements belong to products of the database", ("measurements",), right)
        return read_profile(content)
    except ProjectError as error:
        raise ProfileError(str(error.problems[0])) from None
    except ProfileError as error:
        span = _node_at(root, error.place).span
        place = ".".join(map(str, error.place))
        right = f"; {error.right}" if error.right else ""
        where = f"at {place}: " if place else ""
        raise ProfileError(
            f"{shown}:{span.line}:{span.column}: {where}{error.message}{right}", error.place, error.right
        ) from None


def _content(node: Node, place: tuple[str | int, ...] = ()) -> Any:
    """Return nodes as plain content: mappings, lists and texts (``null`` for nothing)."""
    if node.kind == "list":
        return [_content(item, (*place, i)) for i, item in enumerate(node.items)]
    if node.kind == "text":
        return None if node.plain and node.text in ("", "null") else node.text
    out: dict[str, Any] = {}
    for key, value in node.entries:
        if key.text in out:
            raise ProfileError(f"{key.text!r} stands here twice", (*place, key.text), "keep one of them")
        out[key.text] = _content(value, (*place, key.text))
    return out


def _node_at(node: Node, place: tuple[str | int, ...]) -> Node:
    """Return the node that a path of keys leads to, as far as it leads; of a key that stands twice the second."""
    for step in place:
        found: list[Node] = []
        if node.kind == "mapping":
            found = [value for key, value in node.entries if key.text == str(step)]
        elif node.kind == "list" and isinstance(step, int):
            found = list(node.items[step : step + 1])
        if not found:
            break
        node = found[-1]
    return node

"""Which files a run reads: the worklists that paths lead to, and the project file that they belong to.

Nothing is opened but folders and ``.gitignore`` files. Names for the reader are relative to one folder, with ``/``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from worklint.enterprise import Enterprise, span_of
from worklint.yaml_text import ProjectError, nearest, problem_at

PROJECT_FILE: Final = "worklint.yaml"
SUFFIXES: Final = (".worklist",)
STANDARD_INPUT: Final = "<stdin>"


class DiscoverError(Exception):
    """The paths given cannot be worked with; the message is for the person who gave them."""


class InputFile(NamedTuple):
    """A file to read. ``path`` is ``None`` for standard input; ``named``: given by name, not found by searching."""

    path: Path | None
    name: str
    named: bool


def find_project(start: Path, home: Path | None = None) -> Path | None:
    """Return the nearest project file, walking up from a folder.

    The walk ends with the first folder that holds ``.git``, with the home folder, and with the root; these are still
    looked into.
    """
    last = home or Path.home()
    for folder in _upwards(start):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
        if folder == last or (folder / ".git").exists():
            return None
    return None


def project_of(
    paths: Sequence[str], cwd: Path, stdin_filename: str | None = None, home: Path | None = None
) -> Path | None:
    """Return the project file that the paths of one run lead to, or ``None`` if they all lead to none.

    Raises:
        DiscoverError: if they lead to different ones; a run has one project, or none.
    """
    first: tuple[str, Path | None] | None = None
    for shown in paths or (".",):
        place = (stdin_filename if shown == "-" else shown) or "."
        path = _absolute(cwd, place)
        found = find_project(path if path.is_dir() else path.parent, home)
        if first is None:
            first = (shown, found)
        elif first[1] != found:
            told = [f"{s} to {display_name(p, cwd) if p else 'none'}" for s, p in (first, (shown, found))]
            raise DiscoverError(
                f"the paths lead to different project files: {', '.join(told)}; "
                "run them apart, or choose one with --project FILE"
            )
    return first[1] if first else None


def find_inputs(
    paths: Sequence[str],
    cwd: Path,
    root: Path | None = None,
    *,
    stdin_filename: str | None = None,
    suffixes: Sequence[str] = SUFFIXES,
    allow_empty: bool = False,
) -> tuple[InputFile, ...]:
    """Return the files that the paths lead to, in the order of the paths, those of one folder sorted, each once.

    ``root`` is the folder that names are relative to: that of the project file, else the current one (``cwd``).
    ``suffixes`` are the endings searched for in folders (``--scan`` adds those of the other input formats). Not found
    by searching: what is hidden, what ``.gitignore`` excludes, what lies behind a link that leads out.

    Raises:
        DiscoverError: for a path that does not exist, a second ``-``, or if nothing was found and that is not allowed.
    """
    root = root or cwd
    if list(paths).count("-") > 1:
        raise DiscoverError("standard input (-) can be read only once")
    found: dict[str, InputFile] = {}
    for shown in paths or (".",):
        if shown == "-":
            name = display_name(_absolute(cwd, stdin_filename), root) if stdin_filename else STANDARD_INPUT
            found.setdefault("-", InputFile(None, name, True))
            continue
        path = _absolute(cwd, shown)
        if path.is_dir():
            inside = [InputFile(p, display_name(p, root), False) for p in _search(path, root, tuple(suffixes))]
            files = sorted(inside, key=lambda f: f.name)
        elif path.exists():
            files = [InputFile(path, display_name(path, root), True)]
        else:
            raise DiscoverError(_missing(shown, path))
        for file in files:
            found.setdefault(os.path.realpath(file.path or ""), file)
    if not found and not allow_empty:
        where = ", ".join(paths) or "the current folder"
        endings = " or ".join(f"*{s}" for s in suffixes)
        raise DiscoverError(f"no {endings} in {where}; name a file, or allow this with --allow-empty")
    return tuple(found.values())


def filter_files(enterprise: Enterprise) -> tuple[InputFile, ...]:
    """Return the files that a project names under ``filters:``, sorted, each once.

    Raises:
        ProjectError: for an entry that matches no file.
    """
    found: dict[str, InputFile] = {}
    for pattern in enterprise.filters:
        matches = sorted(_expand(enterprise.folder, pattern), key=lambda p: display_name(p, enterprise.folder))
        if not matches:
            remedy = "paths are relative to the project file; * stands for a part of a name, ** for folders"
            raise ProjectError([problem_at(span_of(enterprise, "filters"), f"`{pattern}` matches no file", remedy)])
        for path in matches:
            named = InputFile(path, display_name(path, enterprise.folder), True)
            found.setdefault(os.path.realpath(path), named)
    return tuple(found.values())


def nested_projects(files: Sequence[InputFile], project: Path | None, home: Path | None = None) -> tuple[Path, ...]:
    """Return other project files that files found by searching lie under.

    A path given decides which project holds, so these are not used; the user may want to know.
    """
    folders = dict.fromkeys(f.path.parent for f in files if f.path and not f.named)
    nearest_ones = (find_project(folder, home) for folder in folders)
    return tuple(dict.fromkeys(p for p in nearest_ones if p and p != project))


def display_name(path: Path, root: Path) -> str:
    """Return the name of a file relative to a folder, with ``/`` on every platform; never an absolute path."""
    try:
        name = os.path.relpath(path, root)
        if name.startswith(".."):
            # The folder may have been reached by a link; then only the real paths have a short way between them.
            name = min(name, os.path.relpath(os.path.realpath(path), os.path.realpath(root)), key=len)
    except ValueError:  # another drive
        name = path.name
    return name.replace(os.sep, "/").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _absolute(cwd: Path, path: str) -> Path:
    return Path(os.path.abspath(cwd / path))  # noqa: PTH100 - Path.resolve would follow links and change names


def _upwards(start: Path) -> Iterator[Path]:
    start = _absolute(Path.cwd(), str(start))
    yield start
    yield from start.parents


def _missing(shown: str, path: Path) -> str:
    parent = path.parent
    while not parent.is_dir():
        path, parent = parent, parent.parent
    try:
        near = nearest(path.name, sorted(entry.name for entry in parent.iterdir()))
    except OSError:
        near = None
    wrong = f"{shown} does not exist"
    if path.exists():
        return f"{wrong}: {path.name} is a file"
    if not near:
        return wrong
    # Only the part that is wrong is replaced, so that the offer reads like what was typed.
    head, _, tail = shown.replace(os.sep, "/").rpartition(path.name)
    return f"{wrong}; did you mean {head}{near}{tail}?"


def _expand(folder: Path, pattern: str) -> Iterator[Path]:
    parts = pattern.replace(os.sep, "/")
    if not re.search(r"[*?\[]", parts):
        path = _absolute(folder, parts)
        return iter([path] if path.is_file() else [])
    base = folder
    while parts.startswith("../"):
        base, parts = base.parent, parts[3:]
    if parts.startswith("/"):
        base, parts = Path(base.anchor), parts.lstrip("/")
    return (p for p in base.glob(parts) if p.is_file())


def _search(folder: Path, root: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files below a folder that have one of the endings."""
    inside = os.path.realpath(folder)
    rules = _rules_above(folder, root)
    real: list[Path] = []
    links: list[Path] = []

    def walk(place: Path, rules: tuple[_Rule, ...]) -> None:
        rules = rules + _read_ignore(place)
        try:
            entries = sorted(os.scandir(place), key=lambda e: e.name)
        except OSError as error:
            raise DiscoverError(f"the folder {place.name} cannot be searched: {error.strerror}") from None
        for entry in entries:
            path = place / entry.name
            link = entry.is_symlink()
            directory = entry.is_dir(follow_symlinks=False)
            if entry.name.startswith(".") or _ignored(path, directory, rules):
                continue
            if directory:
                walk(path, rules)
            elif entry.name.endswith(suffixes) and path.is_file():
                # A link to a folder is never followed: what lies inside is found at its own place.
                if not link:
                    real.append(path)
                elif Path(os.path.realpath(path)).is_relative_to(inside):
                    links.append(path)

    walk(folder, rules)
    known = {os.path.realpath(p) for p in real}
    return real + [p for p in links if os.path.realpath(p) not in known]


class _Rule(NamedTuple):
    """A line of a ``.gitignore``: the folder it stands in, what it matches there, whether it takes back."""

    base: str
    pattern: re.Pattern[str]
    folders_only: bool
    taken_back: bool


def _rules_above(folder: Path, root: Path) -> tuple[_Rule, ...]:
    """The rules of the folders above, up to the one that holds the repository; without one, up to the root."""
    above: list[Path] = []
    for place in _upwards(folder):
        if place != folder:
            above.append(place)
        if (place / ".git").exists():
            break
    else:
        above = [place for place in above if place.is_relative_to(root)]
    return tuple(rule for place in reversed(above) for rule in _read_ignore(place))


@cache
def _compiled(line: str) -> tuple[re.Pattern[str], bool, bool] | None:
    """Read a line of a ``.gitignore``: pattern of the path below its folder, folders only, taken back."""
    text = re.sub(r"(?<!\\) +$", "", line)
    if not text or text.startswith("#"):
        return None
    taken_back = text.startswith("!")
    text = text[1:] if taken_back else text
    folders_only = text.endswith("/")
    text = text.rstrip("/") if folders_only else text
    anchored = "/" in text
    text = text.removeprefix("/")
    out, i = "" if anchored else "(?:.*/)?", 0
    while i < len(text):
        if text.startswith("**/", i) and (i == 0 or text[i - 1] == "/"):
            out, i = out + "(?:.*/)?", i + 3
        elif text[i:] == "**" and i and text[i - 1] == "/":
            out, i = out + ".+", i + 2
        elif text[i] == "*":
            out, i = out + "[^/]*", i + 1
        elif text[i] == "?":
            out, i = out + "[^/]", i + 1
        elif text[i] == "[" and (group := re.compile(r"\[([!^]?)(\]?[^\]]*)\]").match(text, i)):
            members = re.sub(r"([\\\[&~|])", r"\\\1", group[2])
            out, i = f"{out}(?!/)[{'^' if group[1] else ''}{members}]", group.end()
        else:
            i += text[i] == "\\" and i + 1 < len(text)
            out, i = out + re.escape(text[i]), i + 1
    try:
        return re.compile(out, re.DOTALL), folders_only, taken_back
    except re.error:
        return None


def _read_ignore(folder: Path) -> tuple[_Rule, ...]:
    try:
        text = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    compiled = (_compiled(line.rstrip("\r")) for line in text.removeprefix("\ufeff").split("\n"))
    return tuple(_Rule(folder.as_posix(), *parts) for parts in compiled if parts)


def _ignored(path: Path, directory: bool, rules: Sequence[_Rule]) -> bool:
    """Whether the last rule that matches excludes the path. What lies in an excluded folder is never asked."""
    text = path.as_posix()
    for rule in reversed(rules):
        below = text[len(rule.base.rstrip("/")) + 1 :]
        if (directory or not rule.folders_only) and rule.pattern.fullmatch(below):
            return not rule.taken_back
    return False

"""The edge on the reading side: from paths to texts, project and site. Everything after is pure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from worklint.discover import InputFile, filter_files, find_inputs, nested_projects, project_of
from worklint.enterprise import Enterprise
from worklint.knowledge import data
from worklint.model import Finding, Span
from worklint.project import load_project, require_database
from worklint.record import frozen
from worklint.sources import Site, site_of
from worklint.syntax.tree import Document
from worklint.text import FILE_LIMIT, Text, TextError, decode

UNREADABLE = "WL106"


@frozen
class Gathered:
    """What a run needs. ``notes`` are for stderr; ``project`` is the project file used; ``inputs`` were read."""

    texts: tuple[Text, ...]
    shared: tuple[Text, ...]
    documents: tuple[Document, ...]
    unreadable: tuple[Finding, ...]
    site: Site
    project: Path | None
    notes: tuple[str, ...]
    inputs: tuple[InputFile, ...] = ()


def gather(
    paths: Sequence[str],
    cwd: Path,
    *,
    project: str | None = None,
    no_project: bool = False,
    sources: Sequence[str] = (),
    local: str | None = None,
    stdin_filename: str | None = None,
    allow_empty: bool = False,
    file_limit: int = FILE_LIMIT,
) -> Gathered:
    """Find and read everything that a run needs.

    A file that cannot be read is a finding, so that the others are still judged.

    Raises:
        worklint.yaml_text.ProjectError: for an invalid project, profile or source.
        worklint.discover.DiscoverError: for a path that is not there, or where nothing was found.
    """
    notes: list[str] = []
    found: Path | None = None
    if project is not None:
        found = cwd / project
    elif not no_project:
        found = project_of(paths, cwd, stdin_filename)
    enterprise: Enterprise | None = None
    if found is not None:
        enterprise = load_project(found)
        require_database(enterprise, data.database())
        root = enterprise.folder
    else:
        root = cwd.resolve()
        if not sources:
            notes.append("no project file: judged against dicom-standard alone (what any conforming source must do)")
    site = site_of(enterprise, sources, local, cwd)
    if sources and enterprise is not None:
        names = ", ".join(s.id for s in site.sources)
        notes.append(f"--source: judged against {names}; sources of the project and scopes of the lists do not count")
    inputs = find_inputs(paths, cwd, root, stdin_filename=stdin_filename, allow_empty=allow_empty)
    for nested in nested_projects(inputs, found):
        notes.append(f"{nested.parent.name}/{nested.name} is not used: the nearest project file of the paths is")
    if enterprise is not None and not no_project:
        file_limit = dict(enterprise.limits).get("file", file_limit)
    texts, unreadable = _read_all(inputs, file_limit)
    shared, bad = _read_all(filter_files(enterprise) if enterprise is not None else (), file_limit)
    return Gathered(texts, shared, (), (*unreadable, *bad), site, found, tuple(notes), tuple(inputs))


def _read_all(inputs: Sequence[InputFile], limit: int) -> tuple[tuple[Text, ...], tuple[Finding, ...]]:
    texts: list[Text] = []
    findings: list[Finding] = []
    for one in inputs:
        try:
            content = sys.stdin.buffer.read(limit + 1) if one.path is None else one.path.read_bytes()
            texts.append(decode(content, one.name, limit))
        except TextError as error:
            span = Span(one.name, error.line, 1, error.line, 1)
            message = f"{error.message[:1].upper()}{error.message[1:]}."
            findings.append(Finding(UNREADABLE, "error", span, message, error.remedy))
        except OSError as error:
            what = error.strerror or "cannot be read"
            findings.append(
                Finding(UNREADABLE, "error", Span(one.name, 1, 1, 1, 1), f"The file cannot be read: {what}.", "")
            )
    return tuple(texts), tuple(findings)

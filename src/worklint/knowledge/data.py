"""Finds the data that the package carries: grammars, dictionaries, schemas, templates.

In a wheel they lie beside the package, in a checkout at the top of the repository. No other module builds a path to
them, so that both layouts behave alike (an editable install copies forced files where nobody looks).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent.parent


def path(name: str) -> Path:
    """Return the path of package data, for example ``path("grammars/worklist.lark")``.

    Raises:
        FileNotFoundError: if neither the package nor the repository holds it.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent.parent):
        found = root / name
        if found.exists():
            return found
    raise FileNotFoundError(f"worklint's own data file {name} is missing; the installation is damaged, reinstall it")


def read_json(name: str) -> Any:
    """Return the parsed content of a JSON file of the package."""
    return json.loads(path(name).read_text(encoding="utf-8"))


@cache
def database() -> str:
    """Return the date of the compatibility database (``2026.11``), printed in every output."""
    return path("dicom_dictionaries/VERSION").read_text(encoding="utf-8").strip()

"""The house: who may import whom, what stays out of the way of `check`, how large a room may get."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "worklint"

# A module imports from its own row and the rows above it. The longest name that fits decides.
ROWS = (
    {"_version", "record"},
    {"model", "text", "yaml_text", "enterprise"},
    {"knowledge", "syntax.tree"},
    {"project", "discover", "syntax"},
    {"resolve", "conditions", "settings", "names", "references", "values", "clock", "wording", "judge", "oracle"},
    {"sources", "plan"},
    {"rules"},
    {"accept", "output", "report", "compare"},
    {"baseline", "inputs", "run", "planning", "fixes", "show", "scaffold"},
    {"network", "lsp", "cli", "__main__", "__init__"},
)

# What may be imported only there.
ONLY_IN = {
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "pandas": {"report"},
    "pydicom": {"oracle", "network", "syntax"},
    "pynetdicom": {"network"},
    "socket": {"network"},
    "socketserver": {"network"},
    "ssl": {"network"},
    "http": {"network"},
    "urllib.request": {"network"},
    "asyncio": {"network"},
    "lark": {"syntax"},
    "yaml": {"yaml_text"},
    "jsonschema": set(),
    "importlib.resources": {"knowledge.data"},
}

ON_THE_WAY_OF_CHECK = {
    "asyncio", "http.client", "importlib.metadata", "jinja2", "jsonschema", "numpy", "pandas", "pydantic", "pydicom",
    "pynetdicom", "rich",
}  # fmt: skip

MOST_LINES = 700
MAY_BE_LONGER: dict[str, str] = {"syntax._tables": "generated"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(TEXTS[name])


@cache
def imports(name: str, top_level_only: bool = False) -> frozenset[str]:
    """The modules that a module's import statements name, in full; those of ``if TYPE_CHECKING`` too."""
    found = set()
    for node in tree(name).body if top_level_only else ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively (line {node.lineno}); write the module in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def own(names: frozenset[str]) -> Iterator[str]:
    """Of imported names, our own modules: ``worklint.model.Span`` is in ``model``."""
    for full in names:
        if full.split(".")[0] == "worklint":
            name = full.removeprefix("worklint").lstrip(".")
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            yield name or "__init__"


def within(name: str, rooms: set[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def row(name: str) -> int:
    fits = [(len(room), i) for i, rooms in enumerate(ROWS) for room in rooms if within(name, {room})]
    assert fits, f"{name} stands in no row of the house; give it one in tests/test_house.py and docs"
    return max(fits)[1]


@pytest.mark.parametrize("name", MODULES)
def test_imports_look_upwards_only(name: str) -> None:
    below = [other for other in own(imports(name)) if row(other) > row(name) and other != "__init__"]
    assert not below, f"{name} imports {below}, which stand below it"


def test_no_module_imports_itself_by_way_of_others() -> None:
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in own(imports(name, top_level_only=True)):
                if other not in (name, "__init__"):
                    visit(other, (*way, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


@pytest.mark.parametrize("package", ONLY_IN)
def test_who_may_import_a_package(package: str) -> None:
    users = {n for n in MODULES if any(i == package or i.startswith(f"{package}.") for i in imports(n))}
    assert {n for n in users if not within(n, ONLY_IN[package])} == set()


def test_the_rooms_have_no_lumber() -> None:
    assert not {n for n in MODULES if n.rpartition(".")[2] in {"utils", "util", "helpers", "common", "misc"}}


@pytest.mark.parametrize("name", MODULES)
def test_size(name: str) -> None:
    lines = TEXTS[name].count("\n")
    assert name in MAY_BE_LONGER or lines <= MOST_LINES, f"{name} has {lines} lines: stop and think"


def test_data_is_found_in_one_place() -> None:
    # Rules, readers and writers are found by the names of their files; everything else by knowledge.data.
    users = {n for n in MODULES if any(isinstance(x, ast.Name) and x.id == "__file__" for x in ast.walk(tree(n)))}
    assert {n for n in users if not within(n, {"knowledge.data", "rules", "report", "syntax"})} == set()


def test_the_clock_is_an_argument() -> None:
    users = {
        name
        for name in MODULES
        for x in ast.walk(tree(name))
        if isinstance(x, ast.Call) and isinstance(x.func, ast.Attribute) and x.func.attr in {"now", "utcnow", "today"}
    }
    assert {n for n in users if not within(n, {"cli", "network", "lsp"})} == set()


def test_one_module_knows_colours() -> None:
    users = {
        name
        for name in MODULES
        for x in ast.walk(tree(name))
        if isinstance(x, ast.Constant) and isinstance(x.value, str) and "\x1b[" in x.value
    }
    assert users <= {"report.text", "report.terminal"}


CHECK = """
import contextlib, io, sys
sys.argv = ["worklint", "check", *sys.argv[1:]]
from worklint.cli import main
out = io.StringIO()
code = 0
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
    try:
        code = main()
    except SystemExit as end:
        code = end.code
print(code or 0, *sorted(sys.modules))
"""


def test_check_imports_only_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "a.worklist").write_text('worklist "A" { where StudyDate within last 7 days and Modality = "CT" }\n')
    (tmp_path / "worklint.yaml").write_text("timezone: UTC\nsources: {a: {product: dicom-standard}}\n")
    command = [sys.executable, "-c", CHECK, "a.worklist", "--now", "2026-11-24", "--fail-on", "never"]
    here = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    code, *loaded = done.stdout.split()
    assert code == "0", done.stderr
    # Else nothing was checked at all, and the absence of the others says nothing.
    assert {"yaml", "worklint.judge", "worklint.project"} <= set(loaded)
    assert set(loaded) & ON_THE_WAY_OF_CHECK == set()

"""The wheel, as users get it: built, installed into an empty environment, run from an unrelated folder."""

import email
import importlib.util
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKLIST = 'worklist "Unread CT" {\n    where Modality = "CT" and StudyDate within last 7 days\n}\n'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (importlib.util.find_spec("build") and importlib.util.find_spec("hatchling")),
        reason="building a wheel without download needs the packages build and hatchling",
    ),
]


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # An environment of its own: the checkout must not be found by way of PYTHONPATH.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "VIRTUAL_ENV"}
    return subprocess.run(
        [str(c) for c in command], cwd=cwd, env=clean | {"PYTHONUTF8": "1"}, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel. Its dependencies are borrowed from ours."""
    folder = tmp_path_factory.mktemp("environment")
    assert run(sys.executable, "-m", "venv", "--without-pip", folder).returncode == 0
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    python = commands / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    done = run(*pip, wheel)
    assert done.returncode == 0, done.stderr
    # A path in a .pth comes last and has its own .pth files ignored, so our editable worklint is not borrowed.
    place = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    Path(place, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return commands


def test_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = email.message_from_string(archive.read(name).decode("utf-8"))
        entry_points = archive.read(name.replace("METADATA", "entry_points.txt")).decode("utf-8")

    def normal(requirement: str) -> tuple[str, frozenset[str], str]:
        requirement, _, marker = requirement.replace('"', "'").partition(";")
        package, bounds = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement.strip()).groups()  # type: ignore[union-attr]
        return package.lower(), frozenset(b.strip() for b in bounds.split(",")), marker.strip()

    required = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert {normal(r) for r in required} == {normal(r) for r in PROJECT["dependencies"]}
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "worklint = worklint.cli:main" in entry_points


def test_contents(wheel: Path) -> None:
    """Every file of the package and of its data is there, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {n for n in archive.namelist() if ".dist-info/" not in n}
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    forced = config["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    folders = {"src/worklint": "worklint"} | forced
    listed = run("git", "ls-files", "-z", "--", *folders)
    if listed.returncode:
        pytest.skip("what belongs to the project is known only in a git checkout")
    expected = set()
    for file in filter(None, listed.stdout.split("\0")):
        source = next(f for f in folders if file.startswith(f"{f}/"))
        expected.add(folders[source] + file.removeprefix(source))
    assert expected - packed == set()
    stray = {n for n in packed - expected if not (ROOT / "src" / n).is_file()}
    assert {n for n in stray if "_data/" not in n or "__pycache__" in n} == set()


def test_check_in_an_unrelated_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "ct.worklist").write_text(WORKLIST, encoding="utf-8")
    where = run(installed / "python", "-c", "import worklint; print(worklint.__file__)", cwd=tmp_path).stdout
    assert Path(where).is_relative_to(installed.parent)
    command = [installed / "worklint", "check", "ct.worklist", "--no-project", "--now", "2026-11-24"]
    done = run(*command, "--fail-on", "never", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [w["id"] for w in report["worklists"]] == ["ct.worklist#Unread CT"]
    assert [s["product"] for s in report["sources"]] == ["dicom-standard"]
    assert len(report["cells"]) == len(report["constraints"]) == 2


@pytest.mark.parametrize("kind", ["html", "csv", "table", "json"])
def test_matrix_in_an_unrelated_folder(installed: Path, tmp_path: Path, kind: str) -> None:
    """Templates, schemas and product files travel with the wheel."""
    (tmp_path / "ct.worklist").write_text(WORKLIST, encoding="utf-8")
    sources = ["--source", "impax-data-center@2.0", "--source", "orthanc"]
    command = [installed / "worklint", "matrix", "ct.worklist", *sources, "--now", "2026-11-24", "--format", kind]
    done = run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "orthanc" in done.stdout

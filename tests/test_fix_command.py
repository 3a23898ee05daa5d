"""check --fix and --diff at the edge: what is written where, what is left alone, exit codes, messages."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from worklint.cli import main

ROOT = Path(__file__).parents[1]
NOW = ("--now", "2026-11-24", "--no-project")
WRONG = 'worklist "A" {\n    where studyDate = today\n      and StudyDate = today\n      and StudyID = "1"\n}\n'
RIGHT = 'worklist "A" {\n    where StudyDate = today\n      and StudyID = "1"\n}\n'
OPEN = 'worklist "A" { where StudyID = "1" }\n'
BOUND = 'worklist "A" { where StudyID = "1" and StudyDate within last 30 days }\n'


class Command:
    """Runs check in a folder, in this process; the exit code, then what went to stdout and stderr."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def __call__(self, *argv: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main(("check", *argv, *NOW))
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "bug in worklint" not in err
        return code, out, err

    def write(self, content: str | bytes, name: str = "a.worklist") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path, capsys)


def test_fix(check: Command) -> None:
    path = check.write(WRONG)
    code, out, err = check("a.worklist", "--fix")
    assert path.read_text() == RIGHT
    assert code == 0
    assert "a.worklist: 2 edits made" in err
    assert "0 errors, 0 warnings" in out
    assert [p.name for p in check.folder.iterdir()] == ["a.worklist"]
    # A second time there is nothing to do, and the file is not touched.
    before = path.stat().st_mtime_ns
    assert "nothing was changed" in check("a.worklist", "--fix")[2]
    assert path.stat().st_mtime_ns == before


def test_what_remains_decides_on_the_exit_code(check: Command) -> None:
    check.write(WRONG + OPEN.replace('"A"', '"B"').replace("StudyID", "StudyDescripton"))
    code, out, _ = check("a.worklist", "--fix")
    assert code == 1
    assert "WL301" in out and "WL302" not in out
    check.write(OPEN)
    assert check("a.worklist", "--fix", "--fail-on", "warning")[0] == 1
    assert check("a.worklist", "--fix", "--unsafe-fixes", "--fail-on", "warning")[0] == 0


def test_unsafe_fixes_only_if_asked_for(check: Command) -> None:
    path = check.write(OPEN)
    check("a.worklist", "--fix")
    assert path.read_text() == OPEN
    check("a.worklist", "--unsafe-fixes")
    assert path.read_text() == OPEN
    check("a.worklist", "--fix", "--unsafe-fixes", "--ignore", "WL206")
    assert path.read_text() == OPEN
    check("a.worklist", "--fix", "--unsafe-fixes")
    assert path.read_text() == BOUND


def test_diff(check: Command) -> None:
    path = check.write(WRONG)
    code, out, err = check("a.worklist", "--diff")
    assert path.read_text() == WRONG
    assert code == 1
    assert out.splitlines() == [
        "--- a.worklist",
        "+++ a.worklist",
        "@@ -1,5 +1,4 @@",
        ' worklist "A" {',
        "-    where studyDate = today",
        "-      and StudyDate = today",
        "+    where StudyDate = today",
        '       and StudyID = "1"',
        " }",
    ]
    assert "would make 2 edits in 1 file; --fix makes them" in err
    check.write(RIGHT)
    assert check("a.worklist", "--diff")[:2] == (0, "")
    check.write(OPEN)
    assert check("a.worklist", "--diff")[0] == 0
    code, out, _ = check("a.worklist", "--diff", "--unsafe-fixes")
    assert code == 1
    assert "+" + BOUND.rstrip() in out


def test_diff_can_be_applied(check: Command) -> None:
    """What ``patch`` makes of the difference is what ``--fix`` writes, also without a line end at the end."""
    path = check.write(WRONG.rstrip("\n") + "\n" + OPEN.replace('"A"', '"B"').rstrip("\n"))
    difference = check("a.worklist", "--diff", "--unsafe-fixes")[1]
    done = subprocess.run(
        ["git", "apply", "-p0", "-"], input=difference, text=True, cwd=check.folder, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    applied = path.read_text()
    check.write(WRONG.rstrip("\n") + "\n" + OPEN.replace('"A"', '"B"').rstrip("\n"))
    check("a.worklist", "--fix", "--unsafe-fixes")
    assert path.read_text() == applied
    assert not applied.endswith("\n")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_byte_order_mark_stay(check: Command, mark: bytes, end: str) -> None:
    text = WRONG + OPEN.replace('"A"', '"B"').replace(" and", "\n and") + 'worklist "C" {\n    limit 5\n}\n'
    path = check.write(mark + text.replace("\n", end).encode())
    check("a.worklist", "--fix", "--unsafe-fixes")
    data = path.read_bytes()
    assert data.startswith(mark + b"worklist")
    assert b"within last 30 days" in data
    assert data.count(b"\n") == data.count(b"\r\n") + (0 if end == "\r\n" else data.count(b"\n"))


def test_permissions_stay_and_links_are_followed(check: Command) -> None:
    path = check.write(WRONG, "real.worklist")
    path.chmod(0o640)
    (check.folder / "a.worklist").symlink_to(path.name)
    check("a.worklist", "--fix")
    assert (check.folder / "a.worklist").is_symlink()
    assert path.read_text() == RIGHT
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_read_only_file_is_left_alone_and_so_are_the_others(check: Command) -> None:
    first, second = check.write(WRONG), check.write(WRONG.replace('"A"', '"B"'), "b.worklist")
    second.chmod(0o444)
    code, _, err = check(".", "--fix")
    assert code == 2
    assert "b.worklist is read-only" in err
    assert first.read_text() == WRONG
    assert sorted(p.name for p in check.folder.iterdir()) == ["a.worklist", "b.worklist"]


def test_standard_input(check: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    typed(WRONG)
    code, out, err = check("-", "--fix")
    assert (code, out) == (0, RIGHT)
    assert "2 edits made" in err
    typed(RIGHT.replace("StudyID", "StudyDescripton"))
    code, out, err = check("-", "--fix")
    assert code == 1
    assert out == RIGHT.replace("StudyID", "StudyDescripton")
    assert "WL301" in err
    typed(WRONG)
    code, out, _ = check("-", "--diff", "--stdin-filename", "lists/a.worklist")
    assert code == 1
    assert out.startswith("--- lists/a.worklist\n")


def test_what_would_meet_the_new_text_on_standard_output(check: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for option in (("--format", "json"), ("--statistics",)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
        code, out, err = check("-", "--fix", *option)
        assert (code, out) == (2, "") and f"leave {option[0]} out, or see --output" in err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
    code, out, _ = check("-", "--fix", "--output", "r.json")
    assert (code, out) == (0, RIGHT)
    assert json.loads((check.folder / "r.json").read_text())["summary"]["errors"] == 0


def test_only_line_feeds_end_a_line_of_the_difference(check: Command) -> None:
    """A form feed or a next-line character in a comment is no end of line, and the difference can be applied."""
    path = check.write(WRONG.replace("today\n", "today # a\x0cb\x85c\n", 1))
    difference = check("a.worklist", "--diff")[1]
    assert "-    where studyDate = today # a\x0cb\x85c\n" in difference and "No newline" not in difference
    done = subprocess.run(
        ["git", "apply", "-p0", "-"], input=difference.encode(), cwd=check.folder, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    applied = path.read_bytes()
    check.write(WRONG.replace("today\n", "today # a\x0cb\x85c\n", 1))
    check("a.worklist", "--fix")
    assert path.read_bytes() == applied


def test_a_file_that_somebody_else_changed_meanwhile(check: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    path, other = check.write(WRONG), check.write(WRONG.replace('"A"', '"B"'), "b.worklist")
    from worklint.cli import fixing

    find = fixing.find

    def meanwhile(*args: object) -> object:
        found = find(*args)  # type: ignore[arg-type]
        other.write_text(WRONG.replace('"A"', '"C"'))
        return found

    monkeypatch.setattr(fixing, "find", meanwhile)
    code, _, err = check(".", "--fix")
    assert code == 2 and "b.worklist was changed by somebody else meanwhile; nothing was written" in err
    assert path.read_text() == WRONG and '"C"' in other.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fix", "--diff"), "give one of them"),
        (("--diff", "--format", "json"), "leave --format out"),
        (("--diff", "--output", "x.json"), "leave --output out"),
        (("--diff", "--statistics"), "leave --statistics out"),
        (("--diff", "--write-baseline", "b.json"), "leave --write-baseline out"),
    ],
)
def test_options_that_do_not_go_together(check: Command, options: tuple[str, ...], words: str) -> None:
    path = check.write(WRONG)
    code, out, err = check("a.worklist", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert path.read_text() == WRONG


def test_report_marks_what_can_be_fixed(check: Command) -> None:
    check.write(WRONG)
    _, out, _ = check("a.worklist", "--verbose")
    assert "WL302 [*] keyword-letter-case" in out
    assert "fix      write StudyDate\n" in out
    assert "; 2 fixable with --fix\n" in out
    check.write(WRONG + OPEN.replace('"A"', '"B"'))
    _, out, _ = check("a.worklist")
    assert "2 fixable with --fix (1 more with --unsafe-fixes)\n" in out
    assert "WL206 no-date-bound" in out and "WL302 [*]" in out
    assert (
        "fix      add and StudyDate within last 30 days (narrows the list;\n             --unsafe-fixes makes it)\n"
        in out
    )
    _, out, _ = check("a.worklist", "--unsafe-fixes")
    assert "2 fixable with --fix (1 more with --unsafe-fixes)" in out
    assert "WL206 [*] no-date-bound" in out
    assert "fix      add and StudyDate within last 30 days (narrows the list)\n" in out
    assert max(map(len, out.splitlines())) <= 80
    _, out, _ = check("a.worklist", "--format", "concise")
    assert "a.worklist:2:11: WL302 [*] error" in out
    check.write(OPEN)
    assert "1 fixable with --fix --unsafe-fixes" in check("a.worklist", "--unsafe-fixes")[1]


def test_json(check: Command) -> None:
    check.write(WRONG + OPEN.replace('"A"', '"B"'))
    report = json.loads(check("a.worklist", "--format", "json", "--unsafe-fixes")[1])
    jsonschema.validate(report, json.loads((ROOT / "reports/schema/report.schema.json").read_text()))
    [found] = [f for f in report["findings"] if f["rule"] == "WL302"]
    assert found["edits"] == [
        {
            "file": "a.worklist", "line": 2, "column": 11, "end_line": 2, "end_column": 20, "text": "StudyDate",
            "safe": True, "meaning": "same", "description": "write StudyDate",
        }
    ]  # fmt: skip
    assert (report["summary"]["fixable"], report["summary"]["fixable_unsafe"]) == (2, 1)
    [found] = [f for f in report["findings"] if f["rule"] == "WL206"]
    assert [(e["safe"], e["meaning"]) for e in found["edits"]] == [(False, "narrower")]
    # Without the option they are found as well, and told from the others.
    plain = json.loads(check("a.worklist", "--format", "json")[1])
    assert plain["findings"] == report["findings"] and plain["summary"] == report["summary"]


def test_a_baseline_and_a_selection_are_obeyed(check: Command) -> None:
    path = check.write(WRONG)
    check("a.worklist", "--write-baseline", "b.json")
    check("a.worklist", "--fix", "--baseline", "b.json")
    assert path.read_text() == WRONG
    check("a.worklist", "--fix", "--select", "WL302")
    assert path.read_text() == WRONG.replace("studyDate", "StudyDate")


PLAIN = """
import contextlib, io, sys
from worklint.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    main(["check", "a.worklist", "--now", "2026-11-24", "--no-project"])
print(*sys.modules)
"""


def test_plain_check_loads_nothing_for_files_and_differences(check: Command) -> None:
    check.write(WRONG)
    here = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", PLAIN], cwd=check.folder, env=here, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "worklint.run" in loaded, done.stderr
    assert not loaded & {"difflib", "worklint.cli.fixing"}

"""The command line: exit codes, what goes to stdout and what to stderr, files, mistakes of the person who types."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import jsonschema
import pytest

from worklint.cli import main
from worklint.cli.options import COMMANDS
from worklint.cli.plain import read

ROOT = Path(__file__).parents[1]
NOW = ("--now", "2026-11-24")
WRONG = 'worklist "A" {\n  where BodyPartExamined = "CHEST"\n    and StudyDate within last 7 days\n}\n'
RIGHT = 'worklist "B" {\n  where PatientID = "4711" and StudyDate within last 7 days\n}\n'
BROKEN = 'worklist "C" {\n  where StudyDate = = 3\n}\n'
PROJECT = "enterprise: E\nsources: {hub: {product: orthanc@1.12.4}, std: {product: dicom-standard, local: true}}\n"


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Run:
    """Runs a command in a folder, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys

    def __call__(self, *argv: str) -> Done:
        self.capsys.readouterr()
        code = main(argv)
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        assert "bug in worklint" not in err
        return Done(code, out, err)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".git").mkdir()
    return Run(tmp_path, capsys)


def validated(text: str, name: str) -> dict[str, object]:
    document = json.loads(text)
    schema = json.loads((ROOT / f"reports/schema/{name}.schema.json").read_text())
    assert document["schema"] == f"worklint/{name}/1"
    jsonschema.Draft202012Validator(schema).validate(document)
    return document  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------------- exit codes

FILES = {"a.worklist": WRONG, "b.worklist": RIGHT, "c.worklist": BROKEN}

# The command, the exit code, and what stderr says of it ("" for: no matter).
EXITS = """
check b.worklist                                       | 0 |
check a.worklist                                       | 1 |
check c.worklist                                       | 1 |
check a.worklist --fail-on never                       | 0 |
check c.worklist --fail-on never                       | 0 |
check b.worklist --fail-on info                        | 1 |
check a.worklist --source impax --ignore WL3 --fail-on unknown | 0 |
check b.worklist --fail-on warning                     | 0 |
check b.worklist --source horos --fail-on warning      | 1 |
check a.worklist --ignore WL3 --ignore wl2             | 0 |
check a.worklist --select WL2                          | 0 |
check c.worklist --ignore WL1                          | 1 |
check nothing.worklist                                 | 2 | nothing.worklist does not exist
check empty                                            | 2 | no *.worklist in empty
check empty --allow-empty                              | 0 |
check a.workist                                        | 2 | did you mean a.worklist?
check --fail-on eror b.worklist                        | 2 | did you mean error?
source --format                                        | 2 | requires an argument. (worklint source --help)
check --select WL31 a.worklist                         | 2 | there is no rule WL31; did you mean WL310
check --select always-true a.worklist                  | 2 | did you mean WL201?
check --format jsno a.worklist                         | 2 | did you mean json?
check --input wroklist a.worklist                      | 2 | did you mean worklist?
check --now yesterday a.worklist                       | 2 | --now yesterday
check --fromat json a.worklist                         | 2 | did you mean --format?
check --color maybe a.worklist                         | 2 | always
check --project x.yaml a.worklist                      | 2 | x.yaml
check --no-project --project x.yaml a.worklist         | 2 | exclude each other
check --source orthnac a.worklist                      | 2 | did you mean orthanc?
check --local hub --no-project a.worklist              | 2 | --local
check --statistics --format json a.worklist            | 2 | --statistics
check --baseline none.json a.worklist                  | 2 | none.json cannot be read
check --baseline a.worklist a.worklist                 | 2 | no JSON
check a.worklist --output -                            | 2 | standard output is no file
check a.worklist --output empty                        | 2 | is a folder
check a.worklist --output report                       | 2 | names no format
check a.worklist --output cvs=report                   | 2 | did you mean csv=report?
check a.worklist --output r.json --output json=r.json  | 2 | twice
check a.worklist --output no/such/r.json               | 2 | cannot be written
chek a.worklist                                        | 2 | Did you mean 'check'?
a.worklist                                             | 2 | did you mean worklint check a.worklist?
matrix a.worklist                                      | 0 |
matrix a.worklist --fail-on error                      | 1 |
matrix b.worklist --fail-on error                      | 0 |
matrix a.worklist --planned                            | 0 |
plan a.worklist                                        | 0 |
plan a.worklist --format yaml                          | 2 | text, json
matrix a.worklist --rows cells                         | 2 | worklists, constraints
attribute BodyPartExamined --product orthanc@1.12.4    | 0 |
attribute BodyPartExmined                              | 2 | did you mean BodyPartExamined
attribute "Studystatus"                                | 2 | Study status
attribute                                              | 2 | NAME
attribute Modality --level stuy                        | 2 | did you mean study?
attribute Modality --model study-rot                   | 2 | did you mean study-root?
attribute Modality --product orthnac                   | 2 | did you mean orthanc?
attribute Modality --product impax-client              | 2 | no product that holds studies
source                                                 | 0 |
source orthanc@1.12.4                                  | 0 |
source orthnac                                         | 2 | did you mean orthanc?
source Orthanc                                         | 2 | did you mean orthanc?
source a b                                             | 2 | unexpected
source --format csv                                    | 2 | text, json
rule                                                   | 0 |
rule WL310                                             | 0 |
rule wl310                                             | 0 |
rule attribute-below-level                             | 0 |
rule WL399                                             | 2 | there is no rule WL399
init --demo                                            | 2 | name it
init --demo empty/new                                  | 0 |
init --demo full                                       | 2 | full is there already
"""


def _exits() -> list[tuple[str, int, str]]:
    rows = [[part.strip() for part in line.split("|")] for line in EXITS.strip().splitlines()]
    return [(row[0], int(row[1]), row[2]) for row in rows]


@pytest.mark.parametrize(("line", "code", "told"), _exits())
def test_exit_codes(run: Run, line: str, code: int, told: str) -> None:
    import shlex

    for name, content in FILES.items():
        run.write(name, content)
    (run.folder / "empty").mkdir()
    run.write("full/x", "")
    words = shlex.split(line)
    done = run(*words, *(NOW if words[0] in ("check", "matrix") and "--now" not in words else ()))
    assert (done.code, done.err) == (code, done.err)
    assert told in done.err
    if code == 2:
        assert not done.out
        assert len(done.err.strip().splitlines()) <= 2


def test_two_projects_are_refused(run: Run) -> None:
    for name in ("x", "y"):
        run.write(f"{name}/worklint.yaml", PROJECT)
        run.write(f"{name}/a.worklist", RIGHT)
    done = run("check", "x", "y", *NOW)
    assert done.code == 2
    assert "x/worklint.yaml" in done.err and "y/worklint.yaml" in done.err


def test_mistakes_in_the_project_are_told_with_their_place(run: Run) -> None:
    run.write("worklint.yaml", "sources: {a: {product: orthnac}}\n")
    run.write("a.worklist", RIGHT)
    done = run("check", *NOW)
    assert done.code == 2
    assert re.search(r"^worklint\.yaml:1:\d+: .*did you mean orthanc", done.err)


def test_an_internal_error_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import worklint.cli.rule

    def fall(given: object) -> int:
        raise ZeroDivisionError("over\nthere")

    monkeypatch.setattr(worklint.cli.rule, "run", fall)
    capsys.readouterr()
    assert main(["rule"]) == 2
    assert capsys.readouterr().err == (
        "this is a bug in worklint: ZeroDivisionError: over there; --debug shows where\n"
    )
    assert main(["rule", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------- two readers, one table

LINES = (
    "check", "check a b", "check - --stdin-filename x.worklist", "check --select WL1,WL2 --select WL3 a",
    "check --format=json a", "check --output a.json --output html=b.html -q a", "check -- --odd", "check --color=",
    "matrix --planned --rows worklists --source a=orthanc --source b", "attribute Modality --level study",
    "attribute --product orthanc -- Modality", "source", "source orthanc@1 --format json -v", "rule WL310", "init",
    "init --demo x", "check --no-ignore --statistics --no-project --scan --allow-empty --show-settings --debug",
)  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_the_two_readers_agree(line: str) -> None:
    from worklint.cli.full import read_fully

    plain = read(line.split())
    assert plain is not None
    assert read_fully(line.split()) == (plain[0].name, plain[1])


@pytest.mark.parametrize(
    "line", ["check --help", "check --no-such", "check --select", "attribute", "source a b", "", "x"]
)
def test_the_plain_reader_leaves_what_it_does_not_know(line: str) -> None:
    assert read(line.split()) is None


# -------------------------------------------------------------------------------------------------------------- output


def test_findings_go_to_stdout_and_messages_to_stderr(run: Run) -> None:
    run.write("a.worklist", WRONG)
    done = run("check", *NOW)
    assert "WL310" in done.out and "a.worklist" in done.out
    assert "no project file" in done.err and "no project file" not in done.out
    assert run("check", "--quiet", *NOW).err == ""


def test_infos_are_counted_and_shown_only_if_wanted(run: Run) -> None:
    run.write("a.worklist", 'worklist "A" { where PatientName = "SMITH" }\n')
    assert "  info  " not in (plain := run("check", *NOW)).out
    assert re.search(r"[1-9]\d* infos?\b", plain.out)
    assert "--verbose" in plain.err
    assert "  info  " in run("check", "--verbose", *NOW).out
    findings = json.loads(run("check", "--format", "json", *NOW).out)["findings"]
    assert any(f["severity"] == "info" for f in findings)


def test_several_outputs_in_one_run(run: Run) -> None:
    run.write("a.worklist", WRONG)
    done = run("check", "--output", "r.json", "--output", "html=page", "--output", "x=y.csv", *NOW)
    assert done.code == 1
    assert json.loads((run.folder / "r.json").read_bytes())["schema"] == "worklint/report/1"
    assert (run.folder / "page").read_text().startswith("<!")
    assert (run.folder / "x=y.csv").read_bytes().startswith(b"worklist,constraint,source,")
    assert "1 error" in done.out and "of 2 cells unknown" in done.out and "WL310" not in done.out
    assert not [p for p in run.folder.iterdir() if p.name.endswith(".part")]


def test_stdout_has_its_format_beside_files(run: Run) -> None:
    run.write("a.worklist", WRONG)
    done = run("matrix", "--format", "json", "--output", "m.json", *NOW)
    assert done.out.encode() == (run.folder / "m.json").read_bytes()


def test_rows_of_csv(run: Run) -> None:
    run.write("a.worklist", WRONG)
    assert len(run("matrix", "--format", "csv", "--rows", "worklists", *NOW).out.splitlines()) == 2
    assert len(run("matrix", "--format", "csv", "--rows", "constraints", *NOW).out.splitlines()) == 3
    assert (
        run("matrix", "--format", "csv", *NOW).out
        == run("matrix", "--format", "csv", "--rows", "constraints", *NOW).out
    )


@pytest.mark.parametrize(
    "argv", [["--output", "old.json", "--output", "no/such/x.json"], ["--output", "old.json", "a", "zz"]]
)
def test_an_earlier_report_is_untouched_by_a_failure(run: Run, argv: list[str]) -> None:
    run.write("a/a.worklist", WRONG)
    old = run.write("old.json", "earlier")
    assert run("check", *argv, *NOW).code == 2
    assert old.read_text() == "earlier"
    assert sorted(p.name for p in run.folder.iterdir()) == [".git", "a", "old.json"]


def test_a_writer_that_fails_leaves_the_earlier_file(run: Run) -> None:
    from worklint.output import OutputError, write_files

    old = run.write("old", "earlier")

    def full(out: io.TextIOBase) -> None:
        out.write("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="old cannot be written: No space left on device"):
        write_files([("new", run.folder / "new", lambda out: out.write("x")), ("old", old, full)])
    assert old.read_text() == "earlier"
    assert sorted(p.name for p in run.folder.iterdir()) == [".git", "old"]


def test_a_link_and_its_mode_stay(run: Run) -> None:
    run.write("a.worklist", WRONG)
    real = run.write("real.json", "earlier")
    real.chmod(0o640)
    (run.folder / "link.json").symlink_to(real)
    assert run("check", "--output", "link.json", *NOW).code == 1
    assert (run.folder / "link.json").is_symlink()
    assert real.read_text() != "earlier" and real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("argv", "environment", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours(
    run: Run, monkeypatch: pytest.MonkeyPatch, argv: list[str], environment: dict[str, str], coloured: bool
) -> None:
    run.write("a.worklist", WRONG)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\033[" in run("check", *argv, *NOW).out) == coloured


@pytest.mark.parametrize("command", ["check", "matrix"])
def test_a_pipe_has_eighty_columns(run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    run.write("a.worklist", WRONG)
    assert 40 < max(map(len, run(command, *NOW).out.splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "70")
    assert max(map(len, run(command, *NOW).out.splitlines())) <= 70


def test_sentences_of_a_plan_are_wrapped_and_commands_are_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run.folder.joinpath("a.worklist").write_text(
        'worklist "A" { where "Study status" = "New" and StudyDate = today }\n'
    )
    run.folder.joinpath("worklint.yaml").write_text("viewer: impax-client@6.5.1\nsources: {a: {product: horos}}\n")
    lines = run("plan", "a.worklist", *NOW).out.splitlines()
    assert max(map(len, (x for x in lines if "findscu" not in x))) <= 80
    assert [x for x in lines if "findscu" in x and x.endswith("HOST PORT")]
    start = next(i for i, x in enumerate(lines) if x.startswith("    stays: "))
    assert lines[start + 1].startswith("      ") and not lines[start + 1].startswith("       ")


def test_now_decides(run: Run) -> None:
    run.write("worklint.yaml", "timezone: Pacific/Kiritimati\nsources: {a: {product: dicom-standard}}\n")
    run.write("a.worklist", 'worklist "A" { where StudyDate = today }\n')

    def day(now: str) -> list[str]:
        return json.loads(run("check", "--format", "json", "--now", now).out)["constraints"][0]["values"]  # type: ignore[no-any-return]

    assert day("2026-11-24") == day("2026-11-24T23:30") == ["20261124", "20261124"][: len(day("2026-11-24"))]
    assert day("2026-11-24T12:00Z") == [v.replace("20261124", "20261125") for v in day("2026-11-24")]
    assert run("check", *NOW).out == run("check", *NOW).out


def test_show_settings_names_what_was_used(run: Run) -> None:
    run.write("sub/worklint.yaml", PROJECT)
    run.write("sub/a.worklist", WRONG)
    done = run("check", "sub", "--show-settings", *NOW)
    assert done.code == 0
    for told in ("sub/worklint.yaml", "orthanc@1.12.4", "dicom-standard", "local", "a.worklist"):
        assert told in done.out
    assert str(run.folder) not in done.out


def test_statistics(run: Run) -> None:
    run.write("a.worklist", WRONG)
    done = run("check", "--statistics", *NOW)
    assert done.code == 1
    assert re.search(r"^ +1  error +WL310", done.out, re.MULTILINE)
    assert re.search(r"^ +\d+  BodyPartExamined$", done.out, re.MULTILINE)


# ------------------------------------------------------------------------------------------------------------ baseline


def test_a_baseline_accepts_what_was_there_and_nothing_more(run: Run) -> None:
    run.write("a.worklist", WRONG)
    assert run("check", "--write-baseline", "base.json", *NOW).code == 0
    document = validated((run.folder / "base.json").read_text(), "baseline")
    assert any(e["rule"] == "WL310" for e in document["entries"])  # type: ignore[attr-defined]
    assert run("check", *NOW).code == 1
    assert run("check", "--baseline", "base.json", *NOW).code == 0
    moved = "\n\n# moved down\n" + WRONG
    run.write("a.worklist", moved)
    assert run("check", "--baseline", "base.json", *NOW).code == 0
    run.write("a.worklist", moved.replace("\n}", '\n    and Laterality = "L"\n}'))
    assert run("check", "--baseline", "base.json", *NOW).code == 1
    run.write("a.worklist", RIGHT.replace('"B"', '"A"'))
    assert "WL160" in run("check", "--baseline", "base.json", "--verbose", *NOW).out


def test_a_baseline_does_not_hold_syntax_errors(run: Run) -> None:
    run.write("c.worklist", BROKEN)
    assert run("check", "--write-baseline", "base.json", *NOW).code == 1
    assert "WL101" not in (run.folder / "base.json").read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "is no baseline"),
        ('{"schema": "worklint/baseline/1", "entries": [{}]}', "entry 1"),
        ('{"schema": "worklint/baseline/1", "entries": 3}', "entry 1"),
        ('{"schema": "worklint/baseline/1", "entries": [{"worklist": "a", "rule": "WL310", "source": "",'
         ' "attribute": "", "count": true}]}', "entry 1"),
        ("[" * 100_000, "no JSON"),
        (b"\xff\xfe", "no JSON"),
    ],
)  # fmt: skip
def test_files_that_are_no_baseline(run: Run, content: str | bytes, told: str) -> None:
    run.write("a.worklist", WRONG)
    run.write("b.json", content)
    done = run("check", "--baseline", "b.json", *NOW)
    assert done.code == 2 and told in done.err


# --------------------------------------------------------------------------------------------------------------- input

UNREADABLE = {
    "empty": b"", "binary": bytes(range(256)) * 20, "utf-16": 'worklist "A" {}'.encode("utf-16"), "nul": b"worklist\0",
    "long line": b'worklist "A" { where PatientID = "' + b"x" * 1_000_000 + b'" }',
    "deep": b'worklist "A" { where ' + b"(" * 5000 + b'PatientID = "1"' + b")" * 5000 + b" }",
    "crlf": WRONG.replace("\n", "\r\n").encode(), "bom": b"\xef\xbb\xbf" + RIGHT.encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNREADABLE)
def test_other_files_are_judged_beside_a_bad_one(run: Run, kind: str) -> None:
    run.write("bad.worklist", UNREADABLE[kind])
    run.write("z.worklist", WRONG.replace('"A"', '"Z"'))
    done = run("check", "--format", "json", *NOW)
    assert done.code == 1
    assert any(w["name"] == "Z" and w["complete"] for w in json.loads(done.out)["worklists"])
    text = run("check", *NOW)
    assert "WL310" in text.out and max(map(len, text.out.splitlines())) <= 80


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(run: Run) -> None:
    run.write("bad.worklist", RIGHT).chmod(0)
    run.write("z.worklist", WRONG)
    done = run("check", *NOW)
    assert done.code == 1 and "WL106" in done.out and "WL310" in done.out


def test_a_folder_named_like_a_file(run: Run) -> None:
    (run.folder / "odd.worklist").mkdir()
    run.write("z.worklist", WRONG)
    assert run("check", *NOW).code == 1


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.write("sub/worklint.yaml", PROJECT)
    stream = io.TextIOWrapper(io.BytesIO(WRONG.encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    done = run("check", "-", "--stdin-filename", "sub/a.worklist", "--format", "json", *NOW)
    report = json.loads(done.out)
    assert done.code == 1
    assert report["worklists"][0]["id"] == "a.worklist#A"
    assert [s["id"] for s in report["sources"]] == ["hub", "std"]


def test_sources_of_the_command_line_replace_those_of_the_project(run: Run) -> None:
    run.write("worklint.yaml", PROJECT)
    run.write("a.worklist", WRONG)
    done = run("matrix", "--source", "hub", "--source", "new=orthanc@1.12.9", "--format", "json", *NOW)
    assert [s["id"] for s in json.loads(done.out)["sources"]] == ["hub", "new"]
    assert "--source" in done.err


# ----------------------------------------------------------------------------------------------------------- knowledge


def test_attribute_tells_verdicts_of_every_product(run: Run) -> None:
    document = validated(run("attribute", "BodyPartExamined", "--format", "json").out, "attribute")
    found = {
        (v["product"], v["release"]): v["verdict"]
        for v in document["verdicts"]  # type: ignore[attr-defined]
        if (v["level"], v["matching"], v["transport"]) == ("study", "single", "dimse")
    }
    assert found["orthanc", "1.12.4"] == "subset"
    assert found["dicom-standard", None] == "mixed"
    assert found["dcm4chee-arc", "5.16.1"] == "superset"
    products = {
        p["product"] for p in json.loads(run("source", "--format", "json").out)["products"] if p["kind"] == "source"
    }
    assert {v["product"] for v in document["verdicts"]} >= products - {"dcmtk-wlmscpfs"}  # type: ignore[attr-defined]


NAMES = (
    "PatientName", "StudyInstanceUID", "SeriesNumber", "RequestAttributesSequence", "00080061", "(0008,0060)",
    "Body part", "study status", "PatientAge", "PixelData", "StudyTime", "ScheduledProcedureStepSequence.Modality",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_attributes_of_all_kinds(run: Run, name: str) -> None:
    for extra in ([], ["--verbose"]):
        assert run("attribute", name, "--product", "orthanc@1.12.4", *extra).code == 0
    document = validated(run("attribute", name, "--product", "orthanc@1.12.4", "--format", "json").out, "attribute")
    assert document["attribute"] or document["label"]
    table = run("attribute", name, "--product", "orthanc@1.12.4", "--format", "csv").out.splitlines()
    assert len(table) == len(document["verdicts"]) + 1  # type: ignore[arg-type]


def test_an_attribute_is_judged_as_check_judges_it(run: Run) -> None:
    run.write("a.worklist", 'worklist "A" { where BodyPartExamined = "CHEST" }\n')
    checked = json.loads(run("matrix", "--source", "orthanc@1.12.4", "--format", "json", *NOW).out)["cells"][0]
    shown = json.loads(run("attribute", "BodyPartExamined", "--product", "orthanc@1.12.4", "--format", "json").out)
    cell = next(
        v for v in shown["verdicts"] if (v["level"], v["matching"], v["transport"]) == ("study", "single", "dimse")
    )
    for member in ("verdict", "mark", "severity", "grade", "add_reasons", "miss_reasons"):
        assert cell[member] == checked[member]


def _products() -> list[str]:
    return sorted(p.stem for p in (ROOT / "dicom_dictionaries/products").glob("*.json"))


@pytest.mark.parametrize("product", _products())
def test_every_profile_can_be_read(run: Run, product: str) -> None:
    done = run("source", product)
    assert done.code == 0 and product in done.out
    document = validated(run("source", product, "--format", "json").out, "source")
    told = json.loads((ROOT / f"dicom_dictionaries/products/{product}.json").read_text())
    for citation in told.get("citations", {}).values():
        assert citation["citation"].split()[0] in done.out or citation["citation"] not in json.dumps(document)


def test_a_site_profile_is_shown_too(run: Run) -> None:
    run.write("p.json", (ROOT / "dicom_dictionaries/products/horos.json").read_text())
    assert "Horos" in run("source", "./p.json").out
    run.write("q.json", '{"product": "x", "nonsense": 1}')
    done = run("source", "q.json")
    assert done.code == 2 and "nonsense" in done.err


def test_lists_are_valid(run: Run) -> None:
    validated(run("source", "--format", "json").out, "source")
    rules = validated(run("rule", "--format", "json").out, "rule")["rules"]
    text = run("rule").out
    for one in rules:  # type: ignore[attr-defined]
        assert one["code"] in text and one["name"] in text


def test_a_rule_shows_both_examples(run: Run) -> None:
    document = validated(run("rule", "WL310", "--format", "json").out, "rule")
    text = run("rule", "WL310").out
    assert text.index("Reported\n") < text.index("Not reported\n")
    for example in document["rule"]["examples"]:  # type: ignore[index]
        assert example["text"].splitlines()[0] in text


def test_init_writes_what_check_reads_and_never_over_it(run: Run) -> None:
    assert run("init").code == 0
    before = {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()}
    assert len(before) == 2
    assert run("check", *NOW).code in (0, 1)
    done = run("init")
    assert done.code == 2 and "worklint.yaml" in done.err
    assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == before
    assert run("init", "new/place").code == 0


def test_init_demo(run: Run) -> None:
    assert run("init", "--demo", "lake").code == 0
    done = run("matrix", "lake", "--format", "json", *NOW)
    assert done.code == 0 and json.loads(done.out)["summary"]["worklists"] > 5
    assert run("init", "--demo", "lake").code == 2


# ----------------------------------------------------------------------------------------------------------- the whole


def test_version_loads_nothing(tmp_path: Path) -> None:
    done = process("-c", "import sys; from worklint.cli import main; main(['--version']); print(*sys.modules)")
    first, loaded = done.stdout.decode().splitlines()
    assert re.fullmatch(r"worklint \S+ \(database \d{4}\.\d+\)", first)
    assert not {"typer", "click", "worklint.run", "worklint.cli.start", "yaml"} & set(loaded.split())


@pytest.mark.parametrize(
    ("argv", "heavy"), [(["check", "--help"], {"rich", "worklint.run"}), (["rule"], {"rich", "typer"})]
)
def test_what_stays_unloaded(argv: list[str], heavy: set[str]) -> None:
    code = f"import sys; from worklint.cli import main; main({argv!r}); print(*sys.modules)"
    assert not heavy & set(process("-c", code).stdout.decode().splitlines()[-1].split())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_and_an_example(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    for option in COMMANDS[command].options:
        assert option.name in done.out
    assert COMMANDS[command].examples[0][0] in done.out


def test_no_word_gets_the_help_and_is_no_success(run: Run) -> None:
    done = run()
    assert done.code == 2 and all(name in done.out for name in COMMANDS)


@pytest.mark.parametrize(
    ("line", "word", "offered"),
    [
        ("worklint ch", "1", "check"),
        ("worklint source orth", "2", "orthanc@1.12.4"),
        ("worklint rule WL31", "2", "WL310"),
        ("worklint check --format js", "3", "json"),
        ("worklint check --fail-on w", "3", "warning"),
        ("worklint attribute BodyP", "2", "BodyPartExamined"),
    ],
)
def test_completion(line: str, word: str, offered: str) -> None:
    environment = {"_WORKLINT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": word}
    done = process("-m", "worklint", **environment)
    assert offered in done.stdout.decode().split()


def process(
    *argv: str, stdin: int = subprocess.DEVNULL, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    here = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    return subprocess.run([sys.executable, *argv], env=here, cwd=cwd, stdin=stdin, capture_output=True, check=False)


SHELL = f'"{sys.executable}" -m worklint'


def shell(line: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    here = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    return subprocess.run(["bash", "-c", line], env=here, cwd=cwd, capture_output=True, check=False)


def test_a_closed_pipe_ends_quietly_and_keeps_the_exit_code(tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"{i}.worklist").write_text(WRONG)
    done = shell(f"{SHELL} check --format csv --now 2026-11-24 | head -1; echo ${{PIPESTATUS[0]}}", tmp_path)
    header, code = done.stdout.decode().splitlines()
    assert header.startswith("worklist,") and code == "1"
    assert b"rror" not in done.stderr and b"Exception" not in done.stderr
    done = shell(f"{SHELL} source orthanc | head -1; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert done.stdout.decode().splitlines()[1] == "0" and done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "a.worklist").write_text(WRONG)
    for line in (f"{SHELL} check --quiet > /dev/full", f"{SHELL} check --quiet --output csv=/dev/full"):
        done = shell(line, tmp_path)
        assert done.returncode == 2
        assert b"No space left on device" in done.stderr and b"Traceback" not in done.stderr


def test_output_that_cannot_show_the_signs_gets_letters(tmp_path: Path) -> None:
    (tmp_path / "a.worklist").write_text(WRONG)
    line = f"{SHELL} matrix --now 2026-11-24"
    done = shell(line, tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stdout.isascii()
    assert "±" in shell(line, tmp_path, PYTHONIOENCODING="utf-8").stdout.decode()
    machine = [shell(f"{line} --format json", tmp_path, PYTHONIOENCODING=e).stdout for e in ("ascii", "utf-8")]
    assert machine[0] == machine[1]


def test_interrupted(tmp_path: Path) -> None:
    here = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    argv = [sys.executable, "-m", "worklint", "check", "-", "--now", "2026-11-24"]
    with subprocess.Popen(
        argv, env=here, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as p:
        time.sleep(1.0)  # until it waits for its input
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=20)
    assert p.returncode == 130
    assert b"Traceback" not in err


def test_standard_output_may_be_closed(tmp_path: Path) -> None:
    (tmp_path / "a.worklist").write_text(WRONG)
    done = shell(f"{SHELL} check --quiet >&-", tmp_path)
    assert done.returncode == 1 and b"Traceback" not in done.stderr

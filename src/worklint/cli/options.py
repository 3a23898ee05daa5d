"""Every command with its arguments and options, as data: what the plain reader and the full one both read.

A value that stands for one of a few words has ``choices``; ``complete`` names what a shell can offer.
"""

from __future__ import annotations

from typing import NamedTuple


class Option(NamedTuple):
    """An option. Without ``metavar`` it is a switch; ``many``: it can be given more than once."""

    name: str
    help: str
    metavar: str = ""
    many: bool = False
    choices: tuple[str, ...] = ()
    complete: str = ""
    short: str = ""

    @property
    def key(self) -> str:
        """The name under which commands find the value."""
        return self.name[2:].replace("-", "_")


class Argument(NamedTuple):
    """The words that follow a command."""

    key: str
    metavar: str
    help: str
    many: bool = False
    required: bool = False
    complete: str = ""


class Command(NamedTuple):
    """A command: ``module`` of this package has its function ``run(given) -> exit code``."""

    name: str
    module: str
    help: str
    argument: Argument | None
    options: tuple[Option, ...]
    examples: tuple[tuple[str, str], ...]


FAIL_ON = ("error", "warning", "info", "never", "unknown")
ROWS = ("worklists", "constraints")

_PATHS = Argument("paths", "[PATHS]...", "Files or folders; - is standard input; none: the current folder.", many=True,
                  complete="files")  # fmt: skip

_PROJECT = (
    Option("--project", "Use this project file, not the nearest above the paths.", "FILE", complete="files"),
    Option("--no-project", "Use no project file: judge against dicom-standard alone, or against --source."),
    Option("--source", "Judge against this instead of the project's sources: an id, a profile's file, or "
           "PRODUCT[@RELEASE]; NAME=... names the latter two. Repeatable.", "SOURCE", many=True,
           complete="products"),
    Option("--local", "Judge the side of this source.", "ID"),
    Option("--now", "Count relative dates from this date or date-time (ISO), by default today.", "TIME"),
    Option("--stdin-filename", "The name of what comes from standard input.", "NAME", complete="files"),
    Option("--scan", "Search folders for every input format, not only for *.worklist."),
    Option("--input", "Read all files as this format, whatever their names.", "FORMAT", complete="inputs"),
    Option("--allow-empty", "Finding no file to judge is no failure."),
    Option("--show-settings", "Show the project file, the sources and their profiles, and stop."),
)  # fmt: skip
_OUTPUT = (
    Option("--format", "What goes to standard output.", "FORMAT", complete="formats"),
    Option("--output", "Write a file, in the format of its ending or as FORMAT=FILE. Repeatable.", "FILE",
           many=True, complete="files"),
    Option("--rows", "Rows of csv: one a constraint and source, or one a worklist and source.", "WHAT",
           choices=ROWS),
    Option("--fail-on", "Exit with 1 from this severity on; unknown: as error, and unknown counts too.", "SEVERITY",
           choices=FAIL_ON),
)  # fmt: skip
_TALK = (
    Option("--quiet", "No messages beside the result.", short="-q"),
    Option("--verbose", "Show infos too, and say what is done.", short="-v"),
    Option("--debug", "Show where in the program an internal error happened."),
    Option("--color", "Colours: auto (on a terminal), always, never.", "WHEN",
           choices=("auto", "always", "never")),
)  # fmt: skip
_SHORT_FORMATS = ("text", "json")

CHECK = Command(
    "check",
    "check",
    "Say what each source really does with the filters of worklists, and what is wrong with them.",
    _PATHS,
    (
        Option("--select", "Only these rules: codes or hundreds (WL3), with commas or repeated.", "CODES", many=True,
               complete="codes"),
        Option("--ignore", "Not these rules.", "CODES", many=True, complete="codes"),
        Option("--baseline", "Accept the findings that this file holds.", "FILE", complete="files"),
        Option("--write-baseline", "Accept what is found now: write it to this file.", "FILE", complete="files"),
        Option("--no-ignore", "Show what comments and the project file silence."),
        Option("--planned", "Tell of each finding what a careful client can repair, and what nobody can."),
        Option("--fix", "Make the edits that keep the meaning of the lists, in their files, and say what remains."),
        Option("--unsafe-fixes", "Make with --fix, or show, the edits that change the meaning too."),
        Option("--diff", "Show what --fix would change, change nothing, and exit with 1 if it would."),
        Option("--statistics", "Count findings by rule, attribute and source instead of showing them."),
        *_PROJECT,
        *_OUTPUT,
        *_TALK,
    ),
    (
        ("worklint check", "everything below the current folder"),
        ("worklint check lists/ --fail-on warning", "stricter"),
        ("worklint check a.worklist --source orthanc@1.12.4", "against a product, without a project"),
        ("worklint check --output findings.sarif --output report.html", "two files, and a summary"),
        ("worklint check --diff --unsafe-fixes", "what could be written instead"),
        ("worklint check - --stdin-filename lists/a.worklist < draft", "what an editor holds"),
    ),
)  # fmt: skip
MATRIX = Command(
    "matrix",
    "matrix",
    "Show the compatibility matrix: each worklist and constraint against each source.",
    _PATHS,
    (Option("--planned", "Plan every list, also where that takes long (more than 500 pairs of list and source)."),
     Option("--enterprise", "Show each list over all its sources: the portable core, what is lost, who is asked apart, "
            "what comes twice. HTML and Markdown do unasked, up to 500 pairs of list and source."),
     *_PROJECT, *_OUTPUT, *_TALK),
    (
        ("worklint matrix", "a table on the terminal"),
        ("worklint matrix --enterprise", "and what the sources have in common, list by list"),
        ("worklint matrix --output matrix.html --output matrix.csv", "files for others"),
        ("worklint matrix --format csv --rows worklists", "one row a worklist and source"),
        ("worklint matrix a.worklist --source old=orthanc@1.10.1 --source new=orthanc@1.12.4", "two releases"),
    ),
)  # fmt: skip
PLAN = Command(
    "plan",
    "plan",
    "Show what a careful client sends to each source, what it then has to check, and what that gives.",
    _PATHS,
    (
        *_PROJECT,
        Option("--format", "text or json.", "FORMAT", choices=_SHORT_FORMATS),
        Option("--output", "Write the plans to this file, as JSON.", "FILE", complete="files"),
        *_TALK,
    ),
    (
        ("worklint plan", "commands and URLs, as text"),
        ("worklint plan a.worklist --source orthanc@1.12.4 --format json", "for a program that sends them"),
    ),
)  # fmt: skip
ATTRIBUTE = Command(
    "attribute",
    "attribute",
    "Show what every product of the database does with one attribute.",
    Argument("name", "NAME", 'A keyword, a tag, or a label of a viewer ("Body part").', required=True,
             complete="attributes"),
    (
        Option("--model", "The information model asked.", "MODEL", complete="models"),
        Option("--level", "Only this level.", "LEVEL", complete="levels"),
        Option("--product", "Only this product. Repeatable.", "PRODUCT", many=True, complete="products"),
        Option("--format", "text, json or csv.", "FORMAT", choices=(*_SHORT_FORMATS, "csv")),
        *_TALK,
    ),
    (
        ("worklint attribute BodyPartExamined", ""),
        ('worklint attribute "Study status" --product impax', "a label of the viewer"),
        ("worklint attribute 00080061 --level study --format csv", ""),
    ),
)  # fmt: skip
SOURCE = Command(
    "source",
    "source",
    "List the products of the database, or show one profile in full, with its evidence.",
    Argument("product", "[PRODUCT[@RELEASE]]", "A product of the database, or the file of a profile.",
             complete="products"),
    (Option("--format", "text or json.", "FORMAT", choices=_SHORT_FORMATS), *_TALK),
    (("worklint source", "all products"), ("worklint source orthanc@1.12.4", "one release in full")),
)  # fmt: skip
RULE = Command(
    "rule",
    "rule",
    "List the rules, or show one in full, with an example that it reports and one that it does not.",
    Argument("code", "[CODE]", "A code, as in WL310, or the name of a rule.", complete="codes"),
    (Option("--format", "text or json.", "FORMAT", choices=_SHORT_FORMATS), *_TALK),
    (("worklint rule", "all rules"), ("worklint rule WL310", "one in full")),
)
PROBE = Command(
    "probe",
    "probe",
    "Measure a live source, read-only and within a budget, and write its profile.",
    Argument("addresses", "ADDRESS...", "dicom://[CALLING@]CALLED@host:port, dicoms:, http(s)://host/path. Several "
             "are measured at the same time.", many=True, required=True),
    (
        Option("--output", "Write the profile to this file (several addresses: into this folder); without it, to "
               "standard output.", "FILE", complete="files"),
        Option("--model", "Probe only this information model. Repeatable.", "MODEL", many=True, complete="models"),
        Option("--queries", "The most queries that are sent (1500).", "N"),
        Option("--rows", "The most rows that are read of one answer (250).", "N"),
        Option("--rate", "The most queries a second (200).", "N"),
        Option("--timeout", "Wait so many seconds for an answer (10).", "SECONDS"),
        Option("--minutes", "End after so many minutes (10).", "N"),
        Option("--name", "Call the source so in the profile, not by the name that it announces.", "NAME"),
        Option("--dry-run", "Show what would be sent, and send nothing."),
        Option("--resume", "Go on where an earlier probe with the same --output ended."),
        *_TALK,
    ),
    (
        ("worklint probe dicom://ARCHIVE@localhost:11112 --output archive.json", "C-FIND: every model that is offered"),
        ("worklint probe https://pacs.example.org/dicom-web --output cloud.json", "QIDO-RS; WORKLINT_TOKEN is sent"),
        ("worklint probe dicom://ARCHIVE@localhost:11112 --dry-run", "what would be asked"),
    ),
)  # fmt: skip
VERIFY = Command(
    "verify",
    "verify",
    "Run the filters against the project's live sources and hold the predictions against what comes back.",
    _PATHS,
    (
        *_PROJECT,
        Option("--format", "text or json.", "FORMAT", choices=_SHORT_FORMATS),
        Option("--rows", "The most rows that are read of one answer (2000).", "N"),
        Option("--timeout", "Wait so many seconds for an answer (30).", "SECONDS"),
        *_TALK,
    ),
    (
        ("worklint verify lists/", "all worklists at every source that has an address"),
        ("worklint verify a.worklist --source research --format json", "one source"),
    ),
)  # fmt: skip
INIT = Command(
    "init",
    "init",
    "Write a commented worklint.yaml and a first worklist.",
    Argument("folder", "[FOLDER]", "Where; by default here. It may be new.", complete="files"),
    (Option("--demo", "Write the demonstration enterprise into FOLDER, a new one."), *_TALK),
    (("worklint init", "in the current folder"), ("worklint init --demo lakeside", "the demonstration")),
)

COMMANDS = {c.name: c for c in (CHECK, MATRIX, PLAN, ATTRIBUTE, SOURCE, RULE, PROBE, VERIFY, INIT)}
"""The commands by name, in the order of the help text."""

# ruff: noqa: E501
"""A report made by hand: every verdict, mark, grade and state that a writer can meet, and names that bite.

It is not what worklint would say of these lists; it is what a writer must be able to show.
"""

from __future__ import annotations

from dataclasses import replace

from worklint.model import Edit, Evidence, Finding, Grade, Severity, Span
from worklint.report.types import (
    CauseRow,
    CellRow,
    ConstraintRow,
    CoreRow,
    EnterpriseRow,
    FilterRow,
    FindingRow,
    GroupRow,
    PlannedRow,
    ProjectRow,
    Repaired,
    Report,
    SourceRow,
    Summary,
    WorklistRow,
)
from worklint.text import Text

HOSTILE = "</script><script>alert(1)</script> | *bold* `code` <b>&amp; \"quoted\" 'x'"
LONG = "thorax or lungs or mediastinum or pleura or heart or aorta " * 12

SOURCES = (
    SourceRow("hub", "impax-data-center", "2.0", "hub", "dimse", None, title="Data Center"),
    SourceRow("east", "impax", "6.5.1", "spoke", "dimse", None, local=True),
    SourceRow("west", "impax", "6.5.1", "spoke", "dimse", None),
    SourceRow("research", "orthanc", "1.12.4", "standalone", "dimse", None),
    SourceRow("vna", "dcm4chee-arc", "5.31.2", "standalone", "dimse", None),
    SourceRow("cloud", None, None, "standalone", "dicomweb", "profiles/cloud.yaml"),
)

# rule, message, remedy, evidence
_CAUSES: tuple[tuple[str | None, str, str, tuple[tuple[Grade, str, str | None], ...]], ...] = (
    (
        None,
        "The source applies the key as written.",
        "",
        (("documented", "http://193.206.252.46/documents/client/en/topics/8623.html", None),),
    ),
    (None, "A conforming source must match this key.", "", (("standard", "PS3.4 C.2.2.2.1", None),)),
    (
        "WL310",
        "Studies of the chest can be missing, and others can appear: BodyPartExamined is an attribute of the series, and this source is asked about studies.",
        'Ask for the study instead: StudyDescription contains "CHEST", or ModalitiesInStudy with a date.',
        (
            ("documented", "http://193.206.252.46/documents/server/topics/101839.html", "2014-06-01"),
            ("standard", "PS3.4 C.4.1.3.1.1", None),
        ),
    ),
    (
        "WL501",
        "The list stays empty: the store refuses a query with this key (HTTP 400).",
        "Add the attribute as an extended query tag, or leave the test to the viewer.",
        (
            (
                "measured",
                "probe of 2026-11-03, see https://learn.microsoft.com/azure/healthcare-apis/dicom/dicom-services-conformance-statement-v2",
                "2026-11-03",
            ),
        ),
    ),
    (
        "WL411",
        "More studies than asked for appear: the archive takes the name as its beginning.",
        'Write the whole name: PatientName like "SMITH^*".',
        (("code", "dcm4chee-arc-query/src/main/java/org/dcm4che3/arc/query/util/QueryBuilder.java", None),),
    ),
    (
        "WL419",
        "Studies written in capitals are missing: letter case counts there.",
        "Write the value as the modality sends it.",
        (("measured", "javascript:alert(1)", "2026-10-12"),),
    ),
    (
        "WL504",
        "Nobody has evidence of what this product does with the key.",
        "worklint probe dicom://ORTHANC@localhost:4242 --key StudyDescription",
        (("assumed", "no statement found", None),),
    ),
    (
        "WL410",
        "Studies whose value is spelled otherwise appear as well.",
        "",
        (("statement", "Orthanc book, https://orthanc.uclouvain.be/book/faq/case-sensitivity.html", None),),
    ),
    (
        "WL602",
        "The study status is not kept at the hub: approved studies stay on the list for ever.",
        "Ask each cluster by itself, or upgrade the Data Center to 2.0 SU1.",
        (("documented", "http://193.206.252.46/documents/client/en/topics/101839.html", None),),
    ),
    (
        "WL421",
        f"The negated test is not sent; the viewer has to check it. {HOSTILE}",
        "",
        (("issue", "ftp://example.org/ticket <script>", "2025-01-02"),),
    ),
    (
        "WL511",
        "Of a long answer only the first 1,000 studies come back, without a warning.",
        "Add a date range.",
        (("code", "https://github.com/example/archive/blob/main/Find.java", None),),
    ),
    (
        None,
        "Studies that do not match the list still appear: the source does not return the value, so nobody can check it.",
        "Ask the vendor whether it can return the value.",
        (("documented", "manual of the archive, chapter 7", "2025-06-01"),),
    ),
)

# verdict, mark, severity, adds, misses, cause, sign, grade
_KINDS: dict[str, tuple[str, str, str | None, tuple[str, ...], tuple[str, ...], int, str, Grade]] = {
    "e": ("exact", "", None, (), (), 0, "✓", "documented"),
    "p": ("exact", "", None, (), (), 1, "≈", "standard"),
    "m": ("mixed", "!", "error", ("ignored",), ("other",), 2, "±", "documented"),
    "r": ("rejected", "!", "error", (), (), 3, "×", "measured"),
    "x": ("superset", "!", "warning", ("prefix", "case"), (), 4, "+", "code"),
    "s": ("subset", "!", "error", (), ("case",), 5, "−", "measured"),
    "u": ("unknown", "?", "warning", ("other",), ("other",), 6, "?", "assumed"),
    "i": ("superset", "", "info", ("case",), (), 7, "+", "statement"),
    "k": ("subset", "!", "error", (), ("not-kept",), 8, "−", "documented"),
    "n": ("superset", "", "info", ("not-sent",), (), 9, "+", "issue"),
}

# name, file, line, description, constraints (text, attribute, tag, label, vr, level of the attribute, matching, values, negated, cells)
_C = tuple[str, str | None, str | None, str | None, str, str | None, str, tuple[str, ...], bool, str]
_CT: _C = (
    'ModalitiesInStudy = "CT"',
    "ModalitiesInStudy",
    "00080061",
    None,
    "CS",
    "study",
    "single",
    ("CT",),
    False,
    "eeeppi",
)
_DATE: _C = (
    "StudyDate within last 7 days",
    "StudyDate",
    "00080020",
    None,
    "DA",
    "study",
    "range",
    ("20261117", "20261124"),
    False,
    "eeepee",
)
_CHEST: _C = (
    'BodyPartExamined = "CHEST"',
    "BodyPartExamined",
    "00180015",
    None,
    "CS",
    "series",
    "single",
    ("CHEST",),
    False,
    "mepssr",
)
_STATUS: _C = (
    'not "Study status" = "Approved"',
    None,
    None,
    "Study status",
    "CS",
    None,
    "none",
    ("Approved",),
    True,
    "keknnn",
)
_NAME: _C = (
    'PatientName like "SMITH^*"',
    "PatientName",
    "00100010",
    None,
    "PN",
    "patient",
    "wildcard",
    ("SMITH^*",),
    False,
    "iiipxi",
)
_DESCRIPTION: _C = (
    'StudyDescription contains "THORAX" ignoring case',
    "StudyDescription",
    "00081030",
    None,
    "LO",
    "study",
    "wildcard",
    ("*THORAX*",),
    False,
    "peeuiu",
)
_WORKLISTS: tuple[tuple[str, str, int, str | None, tuple[_C, ...]], ...] = (
    (
        "Unread chest CT",
        "reading/chest.worklist",
        4,
        "What the morning chest reader starts from",
        (_CT, _DATE, _CHEST, _STATUS),
    ),
    ("Recent CT", "reading/chest.worklist", 24, None, (_CT, _DATE)),
    ("Thorax by description", "reading/chest.worklist", 34, None, (_DESCRIPTION, _DATE)),
    ("Patients called Smith", "reading/names.worklist", 3, None, (_NAME, _DATE)),
    ("MR of the last month", "reading/neuro.worklist", 2, None, (_CT, _DATE)),
    ("Déjà vu: Ärzte 放射線科", "reading/neuro.worklist", 12, None, (_DATE,)),
    (
        HOSTILE,
        "odd/markup, and <commas>.worklist",
        2,
        HOSTILE,
        (
            (
                '=cmd|"/c calc"!A1\nsecond line',
                "StudyDescription",
                "00081030",
                None,
                "LO",
                "study",
                "single",
                ("x",),
                False,
                "uiuuuu",
            ),
        ),
    ),
    (
        "A very long condition",
        "odd/long.worklist",
        2,
        LONG,
        (
            (
                f'StudyDescription = "{LONG.strip()}"',
                "StudyDescription",
                "00081030",
                None,
                "LO",
                "study",
                "single",
                (LONG.strip(),),
                False,
                "epe ux",
            ),
        ),
    ),
    (
        "CSA header",
        "odd/private.worklist",
        2,
        None,
        (
            (
                '(0029,xx10 "SIEMENS CSA HEADER") is not empty',
                '(0029,xx10 "SIEMENS CSA HEADER")',
                "0029xx10",
                None,
                "OB",
                None,
                "universal",
                (),
                False,
                "mmm mr",
            ),
        ),
    ),
    ("Only at the hub", "local/hub.worklist", 2, None, ((*_CT[:9], "i     "), (*_STATUS[:9], "k     "))),
    ("Not readable", "odd/broken.worklist", 2, None, ()),
    ("Everything", "odd/all.worklist", 2, None, ()),
)
_WORST = "rksmuxinpe"


def _cells(number: int, kinds: str) -> list[CellRow]:
    cells = []
    for source, kind in zip(SOURCES, kinds, strict=True):
        if kind == " ":
            continue
        verdict, mark, severity, adds, misses, cause, sign, grade = _KINDS[kind]
        unknown = verdict == "unknown"
        cells.append(
            CellRow(
                number, source.id, verdict, mark, severity, bool(adds), bool(misses), verdict == "rejected", not unknown,
                adds, misses, cause, sign, grade,
                (f"The statement of {source.product or 'the own profile'} for this key was chosen.", "This value can trigger the reason.") if mark else (),
            )
        )  # fmt: skip
    return cells


def _finding(
    rule: str, name: str, severity: Severity, span: Span, message: str, remedy: str = "", **more: object
) -> FindingRow:
    return FindingRow(
        f"{int(rule[2:]):08x}{span.line:08x}", name, Finding(rule, severity, span, message, remedy, **more)
    )  # type: ignore[arg-type]


def _left(severity: str | None) -> PlannedRow:
    if severity is None:
        return PlannedRow("exact", "", None, (), (), (), "✓", "one query at study level")
    if severity == "error":
        return PlannedRow("superset", "!", "warning", ("not-sent",), (), (11,), "+", "one query at series level first")
    return PlannedRow("exact", "", None, (), (), (), "✓", "one query at study level; the client checks PatientName")


def _over_all(file: str, constraints: list[ConstraintRow]) -> EnterpriseRow:
    """The first list of a file over all its sources: something of each kind to be said."""
    mine = [c for c in constraints if c.file == file]
    of_list = [c for c in mine if c.worklist == mine[0].worklist]
    first, last = of_list[0].id, of_list[-1].id
    return EnterpriseRow(
        of_list[0].worklist,
        (
            CoreRow("exact", of_list[0].text, (first,), (), ("hub", "east"), ("cloud",), ("StudyID = \"1\"",), False),
            CoreRow("reliable", None, (), (), (), ("cloud",), (), False),
            CoreRow("planned", "StudyDate >= 2026-01-01", (last,), ((last, "StudyDate >= 2026-01-01"),),
                    tuple(s.id for s in SOURCES), (), (), True),
        ),
        (
            GroupRow(("hub", "east"), True, "", ()),
            GroupRow(("west", "vna"), False, "exact", ("q1 series: Modality=CT", f"q2 study: <b>{HOSTILE}")),
            GroupRow(("research",), False, "superset", ()),
        ),
        ((("hub", "east"), f"they share {HOSTILE}"),), ("vna", "cloud"), ("StudyInstanceUID",),
        ((last, ("west",)), (last, ())), (("cloud", 10),),
    )  # fmt: skip


def sample(planned: bool = False) -> Report:
    """Return the report; ``planned`` gives cells and filters a second verdict."""
    worklists, constraints, cells, filters = [], [], [], []
    for name, file, line, description, parts in _WORKLISTS:
        id_ = f"{file}#{name}"
        worklists.append(
            WorklistRow(
                id_, name, file, line, "worklist", "enterprise", "study-root", "study", "reading",
                tuple(s.id for s in SOURCES), name != "Not readable", description,
                "radiology-it@lakeside.example" if description else None,
            )
        )  # fmt: skip
        kinds = [part[9] for part in parts]
        for at, (text, attribute, tag, label, vr, level, matching, values, negated, kind) in enumerate(parts):
            number = len(constraints)
            row = line + 5 + at
            constraints.append(
                ConstraintRow(
                    number, f"{number:08x}", id_, text, attribute, tag, label, vr, "study", level, matching, values,
                    negated, "chest" if attribute == "BodyPartExamined" else None, file, row, 7, row, 7 + len(text),
                    ((file, line + 40, 11),) if attribute == "BodyPartExamined" else (),
                )
            )  # fmt: skip
            cells += _cells(number, kind)
        if name == "Not readable":
            continue
        for i, source in enumerate(SOURCES):
            column = [k[i] for k in kinds if k[i] != " "] or ([] if kinds else ["e"])
            if not column:
                continue
            worst = min(column, key=_WORST.index)
            verdict, mark, severity, adds, misses, cause, sign, grade = _KINDS[worst]
            capped = name == "Everything" and source.id == "vna"
            if capped:
                verdict, mark, severity, adds, misses, cause, sign, grade = (
                    "subset",
                    "!",
                    "error",
                    (),
                    ("cap",),
                    10,
                    "−",
                    "code",
                )
            causes = tuple(sorted({_KINDS[k][5] for k in column if _KINDS[k][2]} | ({10} if capped else set()))) or (
                cause,
            )
            filters.append(
                FilterRow(
                    id_, source.id, verdict, mark, severity, bool(adds), bool(misses), verdict == "rejected",
                    verdict != "unknown", adds, misses, causes, sign, grade,
                    _left(severity) if planned else None,
                )
            )  # fmt: skip
    chest, names, odd = "reading/chest.worklist", "reading/names.worklist", "odd/markup, and <commas>.worklist"
    findings = (
        _finding("WL310", "attribute-below-level", "error", Span(chest, 11, 7, 11, 33), _CAUSES[2][1], _CAUSES[2][2],
                 worklist=f"{chest}#Unread chest CT", constraints=(2,), attribute="BodyPartExamined", sources=("hub", "cloud")),
        _finding("WL602", "value-not-kept", "error", Span(chest, 12, 7, 12, 39), _CAUSES[8][1], _CAUSES[8][2],
                 worklist=f"{chest}#Unread chest CT", constraints=(3,), attribute="Study status", sources=("west", "hub")),
        _finding("WL411", "value-widened", "warning", Span(names, 8, 7, 8, 33), _CAUSES[4][1], _CAUSES[4][2],
                 worklist=f"{names}#Patients called Smith", constraints=(8,), attribute="PatientName", sources=("vna",)),
        _finding("WL504", "no-evidence", "warning", Span(odd, 7, 7, 7, 20), f"{_CAUSES[6][1]} {HOSTILE} \x1b[31mred\u202e", "",
                 worklist=f"{odd}#{HOSTILE}", constraints=(11,), attribute="StudyDescription", sources=("hub", "west")),
        _finding("WL421", "negation-not-sent", "info", Span(chest, 12, 7, 12, 39), "The test is checked by the client.",
                 worklist=f"{chest}#Unread chest CT", constraints=(3,), sources=("research",)),
        _finding("WL206", "no-date-bound", "info", Span("odd/all.worklist", 2, 1, 2, 22), "The list grows without end.", "Add StudyDate within last 30 days.",
                 worklist="odd/all.worklist#Everything"),
        _finding("WL410", "spelling-only", "info", Span(names, 8, 7, 8, 33), _CAUSES[7][1], worklist=f"{names}#Patients called Smith",
                 constraints=(8,), sources=("hub",), suppressed="agreed with the readers"),
        _finding("WL511", "row-cap", "error", Span("odd/all.worklist", 2, 1, 2, 22), _CAUSES[10][1], _CAUSES[10][2],
                 worklist="odd/all.worklist#Everything", sources=("vna",), baselined=True),
        _finding("WL601", "stale-copies", "warning", Span("worklint.yaml", 9, 3, 9, 7), "Copies at two clusters can differ.", "", sources=("east", "west")),
    )  # fmt: skip
    if planned:
        cells = [replace(c, planned=_left(c.severity)) for c in cells]
    causes = tuple(
        CauseRow(
            i,
            rule,
            message,
            remedy,
            (("attribute", "BodyPartExamined"),) if rule == "WL310" else (),
            tuple(Evidence(*e) for e in evidence),
        )
        for i, (rule, message, remedy, evidence) in enumerate(_CAUSES)
    )
    miss = {f.worklist for f in filters if f.rejected or (f.may_miss and f.known)}
    enterprise = (_over_all(chest, constraints), _over_all(odd, constraints)) if planned else ()
    return Report(
        "1.0.0", "2026.11",
        ProjectRow("worklint.yaml", "Lakeside Health & Sons <i>", "impax-client@6.5.1", "Europe/Brussels", "2026-11-24", "east"),
        tuple(worklists), SOURCES, tuple(constraints), causes, tuple(cells), tuple(filters), findings,
        Summary(len(worklists), len(constraints), len(SOURCES), 2, 3, 2, len(miss), sum(not c.known for c in cells), 1, 1, 0, len(cells), Repaired(9, 4, 0, 5, 0) if planned else None),
        enterprise,
    )  # fmt: skip


_BEFORE = (
    'worklist "Unread chest CT" {\n' + "    # ...\n" * 9 + f'      and BodyPartExamined = "CHEST" # {HOSTILE}\n}}\n'
)
TEXTS = {"reading/chest.worklist": Text.of(_BEFORE, "reading/chest.worklist")}
"""The text in which the first finding of ``edited`` lies."""


def edited() -> Report:
    """Return the sample with two findings that carry edits: the first with its text, the fourth of a file without."""
    full = sample()
    rows = list(full.findings)
    for at, edit in (
        (0, Edit(Span("reading/chest.worklist", 11, 11, 11, 37), 'series has (BodyPartExamined = "CHEST")', False,
                 f"write series has (…) {HOSTILE}", "narrower")),
        (3, Edit(Span("odd/all.worklist", 7, 1, 7, 9), f"{HOSTILE}\x1b[31m\n```\nlast", True, "write something else", "same")),
    ):  # fmt: skip
        rows[at] = replace(rows[at], finding=replace(rows[at].finding, edits=(edit,)))
    return replace(full, findings=tuple(rows), summary=replace(full.summary, fixable=1, fixable_unsafe=1))


def empty() -> Report:
    """Return a report without worklists, project or viewer, against the standard alone."""
    full = sample()
    return replace(
        full, project=ProjectRow(None, None, None, None, "2026-11-24", None), worklists=(), constraints=(), cells=(),
        filters=(), findings=(), causes=(), sources=(SourceRow("dicom-standard", "dicom-standard", "2026c", "standalone", "dimse", None),),
        summary=Summary(0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    )  # fmt: skip


def wide(sources: int, name: str = "archive-of-the-{}th-hospital") -> Report:
    """Return the sample with many sources of long names, each answering as the vna does."""
    full = sample()
    rows = tuple(replace(SOURCES[4], id=name.format(i)) for i in range(sources))
    return replace(
        full,
        sources=rows,
        cells=tuple(replace(c, source=s.id) for c in full.cells if c.source == "vna" for s in rows),
        filters=tuple(replace(f, source=s.id) for f in full.filters if f.source == "vna" for s in rows),
        findings=(),
    )

"""Each page of a rule: its layout, its code, and every example in it, run through the whole of worklint."""

import re
from datetime import date
from pathlib import Path

import pytest

from worklint import rules
from worklint.accept import Choice
from worklint.conditions import SEVERITY
from worklint.fixes import Material, fixed
from worklint.model import Finding
from worklint.project import read_project
from worklint.rules import Example, RuleInfo
from worklint.run import Options, run
from worklint.sources import site_of
from worklint.syntax.parser import Limits
from worklint.text import Text

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 24)
INFOS = [info for code in rules.codes() if (info := rules.rule(code))]
CASES = [
    pytest.param(info, example, id=f"{info.code}-{'fires' if example.fires else 'quiet'}-{number}")
    for info in INFOS
    for number, example in enumerate(info.examples, 1)
]

# Codes that stand in the program or its data as examples of how a code looks.
NO_RULES = {"WL120", "WL700"}

WITHOUT_EXAMPLE = {
    "WL106": "a file that is no UTF-8 cannot be shown in one that is",
    "WL160": "needs a baseline file",
    "WL215": "readers of other input syntaxes alone tell it; here it is WL107",
    "WL319": "needs a second file",
}


def findings(example: Example) -> list[Finding]:
    enterprise = read_project(example.project, ROOT) if example.project else None
    site = site_of(enterprise, (), None, ROOT)
    limits = Limits(**{k: n for k, n in enterprise.limits if k in Limits.__slots__}) if enterprise else Limits()
    report = run([Text.of(example.text, "example.worklist")], site, TODAY, options=Options(limits=limits))
    return [row.finding for row in report.findings]


@pytest.mark.parametrize(("info", "example"), CASES)
def test_example(info: RuleInfo, example: Example) -> None:
    everything = findings(example)
    found = [f for f in everything if f.rule == info.code and f.suppressed is None]
    here = {f.span.line for f in found if f.span.file == "example.worklist"}
    project = {f.span.line for f in found if f.span.file != "example.worklist"}
    if example.fires:
        assert (here, project) == (set(example.marked(info.code)), set(example.marked_in_project(info.code)))
        assert found, "an example that fires marks the lines that are reported"
        assert all(f.message for f in found)
    else:
        assert not found
    if info.code[2] != "1" and info.code != "WL318":
        assert [f for f in everything if f.rule[2] == "1"] == [], "the example has mistakes of its own"


FIXES = [
    pytest.param(info, example, id=f"{info.code}-{number}")
    for info in INFOS
    for number, example in enumerate(info.examples, 1)
    if example.fixed is not None
]


@pytest.mark.parametrize(("info", "example"), FIXES)
def test_fixed_example(info: RuleInfo, example: Example) -> None:
    enterprise = read_project(example.project, ROOT) if example.project else None
    site = site_of(enterprise, (), None, ROOT)
    options = Options(choice=Choice(select=(info.code,)))
    material = Material((Text.of(example.text, "example.worklist"),), (), site, TODAY, options)
    safe, every = (fixed(material, unsafe=unsafe).texts[0].content for unsafe in (False, True))
    assert (every if example.unsafe else safe) == example.fixed
    assert not example.unsafe or safe == example.text, "the page says that these edits change the meaning"


def test_most_findings_have_the_severity_of_their_page() -> None:
    """The severity on the page is that of its first example; others are said in its text."""
    wrong = {}
    for info in INFOS:
        for example in (e for e in info.examples[:1] if e.fires):
            severities = {f.severity for f in findings(example) if f.rule == info.code}
            if info.severity not in severities:
                wrong[info.code] = (info.severity, severities)
    assert wrong == {}


@pytest.mark.parametrize("info", INFOS, ids=lambda info: info.code)
def test_page(info: RuleInfo) -> None:
    kinds = {e.fires for e in info.examples}
    assert kinds == {True, False} or (info.code in WITHOUT_EXAMPLE and not info.examples)
    assert info.severity == SEVERITY.get(info.code, info.severity)
    assert not info.name.startswith(("no-no", "use-", "wl"))
    assert info.citations
    assert not re.search(r"(?<!\w)/(work|tmp)/|\bTODO\b", info.page)
    assert max(map(len, info.page.splitlines())) < 500


def test_names_are_unique() -> None:
    names = [info.name for info in INFOS]
    assert len(set(names)) == len(names)


def written_codes() -> set[str]:
    folders = ("src/worklint", "grammars", "dicom_dictionaries/products")
    files = [f for folder in folders for f in (ROOT / folder).rglob("*") if f.suffix in {".py", ".json"}]
    return {code for f in files for code in re.findall(r"\bWL[1-9]\d\d\b", f.read_text(encoding="utf-8"))} - NO_RULES


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    written, pages = written_codes(), set(rules.codes())
    assert written - pages == set(), "these codes have no page in src/worklint/rules"
    assert pages - written == set(), "nothing in the program reports these codes"


def test_index_is_complete() -> None:
    index = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(WL\d{3})\]\(\.\./src/worklint/rules/\1\.md\) \| (\S+) \| (\w+) \|", index, re.MULTILINE)
    assert rows == [(info.code, info.name, info.severity) for info in INFOS]


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("WL310", ("WL310",)),
        ("wl310", ("WL310",)),
        ("310", ("WL310",)),
        ("attribute-below-level", ("WL310",)),
        ("attribute below level", ("WL310",)),
        ("atribute-below-levl", ("WL310",)),
        ("WL31O", ("WL310", "WL311", "WL312")),
        ("row-cap", ("WL511",)),
        ("", ()),
        ("zzzzzz", ()),
    ],
)
def test_nearest_codes(word: str, codes: tuple[str, ...]) -> None:
    found = rules.nearest_codes(word)
    assert found[: len(codes)] == codes if codes else found == ()


@pytest.mark.parametrize("word", ["WL999", "", "../WL310", "WL31", "wl310", "WL310.md"])
def test_no_such_rule(word: str) -> None:
    assert rules.rule(word) is None
    assert rules.rule_name(word) == ""


def test_head_alone() -> None:
    assert (rules.rule_name("WL310"), rules.default_severity("WL310")) == ("attribute-below-level", "error")


PAGE = """# WL999 something-wrong

severity error, kind cell, stage stable, since 0.1.0

## What

One.

## Why it matters in the reading room

Two.

## What to do

Three.

## Source

- Four

```yaml project
sources: {a: {product: dicom-standard}}   # WL999
```
```worklist fires
worklist "A" {            # WL999
    # WL999 next line
    where x               # worklint: ignore[WL310] why
}
```
"""


def test_reader() -> None:
    info = rules.read_page("WL999", PAGE)
    assert (info.name, info.severity, info.kind, info.stage, info.since) == (
        "something-wrong", "error", "cell", "stable", "0.1.0",
    )  # fmt: skip
    assert (info.what, info.why, info.remedy, info.citations) == ("One.", "Two.", "Three.", ("Four",))
    (example,) = info.examples
    assert example.marked("WL999") == (1, 3)
    assert example.marked("WL310") == ()
    assert example.marked_in_project("WL999") == (1,)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# WL999", "# WL998", "names WL998"),
        ("severity error", "severity fatal", "fatal"),
        ("kind cell", "kind other", "other"),
        ("## Source\n", "## Sauce\n", "Source"),
        ("worklist fires", "worklist burns", "burns"),
        ("worklist fires", "worklist fixed", "fixed"),
        ("# WL999 something-wrong\n\n", "# WL999 something-wrong\n", "first three lines"),
    ],
)
def test_reader_refuses(old: str, new: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        rules.read_page("WL999", PAGE.replace(old, new, 1))

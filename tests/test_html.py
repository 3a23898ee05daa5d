"""The HTML report: what it holds without script, that nothing leaves it, and in Chromium that it works."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sample_report import HOSTILE, SOURCES, TEXTS, edited, empty, sample
from worklint.report import writer
from worklint.report.types import Report


def page(report: Report, **options: Any) -> str:
    out = io.StringIO()
    writer("html")(report, out, **options)
    return out.getvalue()


class Reader(HTMLParser):
    """Reads a page into elements with their text; fails on what is not closed."""

    VOID = frozenset({"meta", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.feed(text)
        assert not self.open, self.open[-1][0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text: list[str] = []
        self.elements.append((tag, dict(attrs), text))
        if tag not in self.VOID:
            self.open.append((tag, text))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, text in self.open:
            text.append(data)

    def all(self, tag: str, **attrs: str) -> list[tuple[dict[str, str | None], str]]:
        return [(a, "".join(t)) for n, a, t in self.elements if n == tag and attrs.items() <= a.items()]


@pytest.fixture(scope="module")
def text() -> str:
    return page(sample())


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    return Reader(text)


def test_policy_names_the_hashes_of_what_is_there(read: Reader) -> None:
    policy = read.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][0]["content"] or ""
    assert policy.startswith("default-src 'none'; ")
    styles, scripts = read.all("style"), [s for s in read.all("script") if s[0].get("type") is None]
    assert (len(styles), len(scripts)) == (1, 1)
    for name, (_, content) in (("style-src", styles[0]), ("script-src", scripts[0])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


def test_nothing_is_loaded_and_only_web_addresses_are_links(read: Reader) -> None:
    for tag, attrs, _ in read.elements:
        assert "style" not in attrs and "title" not in attrs
        assert not [name for name in attrs if name.startswith("on")]
        assert "src" not in attrs and tag not in ("iframe", "img", "object", "embed", "base", "form")
        href = attrs.get("href") or "#"
        assert href.startswith("#") or (tag == "link" and href == "data:,") or re.match("https?://", href)
    links = [attrs["href"] for attrs, _ in read.all("a")]
    assert "http://193.206.252.46/documents/server/topics/101839.html" in links
    assert "https://orthanc.uclouvain.be/book/faq/case-sensitivity.html" in links  # inside a sentence


def test_markup_in_names_stays_text(text: str, read: Reader) -> None:
    assert len(read.all("script")) == 2 and not read.all("b", id="x")
    assert text.count("<script") == 2
    assert HOSTILE in {t for _, t in read.all("span")}
    data = json.loads(read.all("script", type="application/json")[0][1])
    assert HOSTILE in {item["name"] for item in data["lists"]}


def test_without_script_there_is_the_whole_story(read: Reader) -> None:
    assert read.all("h1")[0][1].startswith("4 of 12 worklists can miss studies")
    counts = [t for a, t in read.all("button") if (a.get("class") or "").startswith("count")]
    assert [re.match(r"\d+", c)[0] for c in counts] == ["4", "2", "3"]  # type: ignore[index]
    heads = read.all("th", scope="row")
    assert len(heads) == len(sample().worklists)
    assert heads[0][1].startswith("Unread chest CT")  # can miss first
    assert len(read.all("th", scope="col")) == len(SOURCES) + 1
    assert [t for _, t in read.all("th", scope="colgroup")] == ["Hub", "Spokes", "Other sources"]
    assert read.all("caption")
    cells = [t for a, t in read.all("button") if a.get("class") == "cell"]
    assert len(cells) == len(sample().worklists) * len(SOURCES)
    assert "unreliable: missing, evidence D" in cells and "not judged" in cells and "unknown, evidence A" in cells
    findings = [t for a, t in read.all("li") if a.get("class") == "finding"]
    assert len(findings) == len(sample().findings)
    assert len(read.all("article")) == len(sample().causes)


def test_legend_shows_what_occurs_and_no_more() -> None:
    report = sample()
    good = tuple(f for f in report.filters if f.as_written == "exact")
    legend = Reader(page(replace(report, filters=good, cells=()))).all("div", **{"class": "legend"})[0][1]
    assert "exact" in legend and "refused" not in legend and "unreliable" not in legend


def test_empty_and_planned() -> None:
    assert "There is no worklist to judge." in page(empty())
    planned = Reader(page(sample(planned=True)))
    assert "unreliable: missing, as planned still extra, evidence D" in planned.all("table")[0][1]
    assert "the 9 unreliable pairs of list and source" in planned.all("div", **{"class": "repair"})[0][1]
    assert [t for _, t in planned.all("li", **{"class": "exact"})] == ["4 exact"]
    plain = Reader(page(sample()))
    assert "as planned" not in plain.all("table")[0][1] and not plain.all("div", **{"class": "repair"})
    assert planned.all("button", **{"data-view": "planned"}) and not plain.all("button", **{"data-view": "planned"})


def test_each_list_over_all_its_sources() -> None:
    found = Reader(page(sample(planned=True)))
    first, second = found.all("details", **{"class": "list"})
    assert "Unread chest CT" in first[1] and "1 of 4 conditions exact everywhere" in first[1]
    assert "Data Center and east: the list as it is written" in first[1]  # sources by their titles
    assert "West and vna" not in first[1] and "west and vna: exact when sent as planned" in first[1]
    assert "or StudyID" in first[1] and "not every combination was tried" in first[1]
    assert "Of a long answer only the first 1,000 studies" in first[1]
    assert [t for _, t in found.all("dt") if t in ("In common", "Lost", "One definition", "Own queries", "Twice")] == [
        "In common", "Lost", "One definition", "Own queries", "Twice"
    ] * 2  # fmt: skip
    assert HOSTILE in second[1] and len(found.all("script")) == 2
    assert not Reader(page(sample())).all("details", **{"class": "list"})


def test_edits_stand_beside_their_findings_without_script() -> None:
    found = Reader(page(edited(), texts=TEXTS))
    first, second = (t for _, t in found.all("div", **{"class": "edit"}))
    assert first.startswith(f"Suggested edit write series has (…) {HOSTILE} (narrows the list), made by worklint check")
    assert "worklint check --fix --unsafe-fixes" in first and second.count("--") == 1
    tail = f" # {HOSTILE}"
    assert [t for _, t in found.all("del")] == [f'before: and BodyPartExamined = "CHEST"{tail}']
    assert [t for _, t in found.all("ins")] == [
        f'after: and series has (BodyPartExamined = "CHEST"){tail}', f"after: {HOSTILE}\ufffd[31m", "after: ```",
        "after: last",
    ]  # fmt: skip
    assert len(found.all("script")) == 2
    inside = [t for a, t in found.all("li") if a.get("class") == "finding" and "Suggested edit" in t]
    assert len(inside) == 2 and "WL310" in inside[0] and "WL504" in inside[1]
    assert not Reader(page(sample(), texts=TEXTS)).all("div", **{"class": "edit"})


def test_edits_of_a_list_are_told_by_condition_and_source() -> None:
    found = Reader(page(edited(), texts=TEXTS))
    data = json.loads(found.all("script", type="application/json")[0][1])
    [chest] = [item for item in data["lists"] if item["name"] == "Unread chest CT"]
    [(number, parts, at)] = chest["edits"]
    assert parts == [2] and [data["sources"][s]["id"] for s in at] == ["hub", "cloud"]
    assert found.all("div", id=f"edit-{number}")[0][1].startswith("Suggested edit write series has")


def test_equal_rows_are_in_the_data_once() -> None:
    data = json.loads(Reader(page(sample())).all("script", type="application/json")[0][1])
    assert len({json.dumps(r) for r in data["rows"]}) == len(data["rows"]) < len(data["lists"]) + 17
    assert len({json.dumps(v) for v in data["verdicts"]}) == len(data["verdicts"])


def test_many_worklists_do_not_all_become_rows() -> None:
    report = sample()
    many = tuple(replace(report.worklists[1], id=f"x#{i}", name=f"list {i}") for i in range(1000))
    found = Reader(page(replace(report, worklists=many)))
    assert len(found.all("th", scope="row")) == 300
    assert len(json.loads(found.all("script", type="application/json")[0][1])["lists"]) == 1000


# In a browser

PROBE = """
window.problems = [];
window.addEventListener("error", (e) => problems.push("error " + e.message));
document.addEventListener("securitypolicyviolation", (e) => problems.push("policy " + e.violatedDirective));
"""


class Chromium:
    """Opens a page in Chromium and returns what became of it; a local server counts what the page asks for."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: Any, **more: Any) -> None:
                super().__init__(*args, directory=str(folder), **more)

            def end_headers(self) -> None:
                # The next page has the same address, and may be written in the same second.
                self.send_header("Cache-Control", "no-store")
                super().end_headers()

            def do_GET(self) -> None:
                asked.append(self.path)
                super().do_GET()

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def open(self, text: str, fragment: str = "", steps: str = "") -> tuple[Reader, str]:
        """Return the page after ``steps`` (JavaScript), and what the browser had to say about it."""
        self.asked.clear()
        if steps:
            # The steps are a script of the test, allowed by a hash of their own beside that of the page.
            script = f'{PROBE}window.addEventListener("load", () => {{ {steps} }});'
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            text = text.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
            text = text.replace("<title>", f"<script>{script}</script><title>", 1)
        (self.folder / "page.html").write_text(text, encoding="utf-8", newline="")
        profile = self.folder / "profile"
        command = [
            self.program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-first-run", "--enable-logging=stderr", "--v=0",
            f"--user-data-dir={profile}", "--dump-dom",
            f"http://127.0.0.1:{self.server.server_port}/page.html{fragment}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        said = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
        return Reader(done.stdout.replace('="">', ">")), said


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no Chromium, which the tests of the HTML report need")
        pytest.skip("there is no Chromium")
    browser = Chromium(program, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


CELL = "#list=reading%2Fchest.worklist%23Unread+chest+CT&key=00000002&source=hub"


@pytest.mark.browser
def test_page_is_quiet_and_asks_for_nothing(text: str, chromium: Chromium) -> None:
    found, said = chromium.open(text)
    assert said == ""
    assert chromium.asked == ["/page.html"]
    assert "js" in (found.all("html")[0][0].get("class") or "")
    assert found.all("span", id="shown")[0][1] == "All 12 worklists shown"
    assert "hidden" in found.all("aside")[0][0]
    # One stop of the Tab key in the matrix.
    stops = [a for a, _ in found.all("button") if a.get("class") in ("cell", "expand") and a.get("tabindex") == "0"]
    assert len(stops) == 1


@pytest.mark.browser
def test_only_the_matrix_is_wider_than_the_window(chromium: Chromium) -> None:
    """What only a screen reader reads stands in the cells, and must not widen the page."""
    demo = (Path(__file__).parents[1] / "reports" / "demo" / "matrix.html").read_text(encoding="utf-8")
    measure = "const page = document.documentElement; page.dataset.beyond = page.scrollWidth - page.clientWidth;"
    # On a busy machine the page can be printed before the steps have run.
    opened = (chromium.open(demo, steps=measure)[0].all("html")[0][0] for _ in range(4))
    assert next((page["data-beyond"] for page in opened if "data-beyond" in page), None) == "0"


@pytest.mark.browser
def test_address_opens_a_cell(text: str, chromium: Chromium) -> None:
    found, said = chromium.open(text, CELL)
    assert said == ""
    attrs, details = found.all("aside")[0]
    assert "hidden" not in attrs
    assert "Studies that belong on the list can be missing at Data Center, and others can appear." in details
    assert 'BodyPartExamined = "CHEST"' in details and "WL310" in details
    assert "manual or knowledge base of the vendor" in details and "Ask for the study instead" in details
    assert "the source ignores the key" in details and "This value can trigger the reason." in details
    assert len([1 for a, _ in found.all("tr") if a.get("class") == "sub"]) == 4
    assert len([1 for a, _ in found.all("button") if a.get("aria-current") == "true"]) == 1


@pytest.mark.browser
@pytest.mark.parametrize(("source", "offered"), [("hub", True), ("west", False)])
def test_details_show_the_edits_of_a_cell(source: str, offered: bool, chromium: Chromium) -> None:
    found, said = chromium.open(page(edited(), texts=TEXTS), CELL.replace("source=hub", f"source={source}"))
    assert said == ""
    attrs, details = found.all("aside")[0]
    assert "hidden" not in attrs
    assert ("narrows the list" in details) is offered
    assert ('after: and series has (BodyPartExamined = "CHEST")' in details) is offered


@pytest.mark.browser
def test_address_opens_a_cell_as_planned(chromium: Chromium) -> None:
    found, said = chromium.open(page(sample(planned=True)), CELL + "&view=planned")
    assert said == ""
    _, details = found.all("aside")[0]
    assert "misses nothing, but studies that were not asked for stay on the list" in details
    assert "so nobody can check it" in details and "manual of the archive, chapter 7" in details
    assert "Ask the vendor whether it can return the value." in details
    pressed = [a["data-view"] for a, _ in found.all("button", **{"aria-pressed": "true"}) if a.get("data-view")]
    assert pressed == ["planned"]
    cells = [t for a, t in found.all("button") if a.get("class") == "cell"]
    assert "unreliable: still extrawritten: missing, evidence D" in cells


@pytest.mark.browser
def test_keyboard_click_and_filters(text: str, chromium: Chromium) -> None:
    steps = """
    const event = (key) => new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true});
    const press = (key) => document.activeElement.dispatchEvent(event(key));
    const log = [], panel = document.getElementById("panel"), title = document.getElementById("panel-title");
    const note = (name, ok) => log.push(name + "=" + ok);
    document.querySelector("#matrix .expand").focus();
    press("ArrowRight"); note("right", document.activeElement.matches("td:nth-of-type(1) .cell"));
    document.activeElement.click(); note("opened", !panel.hidden && title.textContent.includes("Data Center"));
    note("address", location.hash.includes("source=hub"));
    note("stays", document.activeElement.matches(".cell"));
    press("ArrowRight"); note("follows", title.textContent.includes("east"));
    document.activeElement.click(); note("into", document.activeElement === title);
    press("Escape"); note("closed", panel.hidden && document.activeElement.matches("td:nth-of-type(2) .cell"));
    document.querySelector("#matrix .expand").click();
    note("expanded", document.querySelectorAll("tr.sub").length === 4);
    press("ArrowDown"); note("down", document.activeElement.closest("tr").classList.contains("sub"));
    document.querySelector("#matrix .expand").click();
    note("folded", document.querySelectorAll("tr.sub").length === 0);
    document.querySelector("[data-show=extra]").click();
    note("filtered", document.getElementById("status").textContent === "2 of 12 worklists shown");
    document.querySelector("[data-show=extra]").click();
    const find = document.getElementById("find"); find.value = "csa"; find.dispatchEvent(new Event("input"));
    note("found", document.querySelectorAll("#matrix tbody tr").length === 1);
    find.value = ""; find.dispatchEvent(new Event("input"));
    const order = document.getElementById("order"); order.value = "file"; order.dispatchEvent(new Event("change"));
    note("order", document.querySelectorAll("#matrix tbody tr")[1].textContent.includes("Recent CT"));
    window.dispatchEvent(new Event("beforeprint"));
    note("print", document.querySelectorAll("tr.sub").length === 18 && document.getElementById("causes-all").open);
    window.dispatchEvent(new Event("afterprint"));
    note("after", document.querySelectorAll("tr.sub").length === 0);
    document.body.dataset.log = log.join(" "); document.body.dataset.problems = problems.join(" ");
    """
    # On a busy machine the page can be printed before the steps have run: then it is opened again.
    for _ in range(4):
        found, said = chromium.open(text, "", steps)
        assert said == ""
        body = found.all("body")[0][0]
        if "data-log" in body:
            break
    assert not body["data-problems"]
    assert [x for x in (body["data-log"] or "").split() if not x.endswith("=true")] == []
    assert (body["data-log"] or "").count("=") == 15

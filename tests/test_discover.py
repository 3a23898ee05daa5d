"""Which files a run reads, and which project it belongs to."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from worklint.discover import (
    STANDARD_INPUT,
    DiscoverError,
    InputFile,
    display_name,
    filter_files,
    find_inputs,
    find_project,
    nested_projects,
    project_of,
)
from worklint.project import ProjectError, read_project

Tree = Callable[[str], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes the files named; a name that ends in / is a folder, NAME=TEXT gives a content."""

    def make(names: str) -> Path:
        for name in names.split():
            name, _, text = name.partition("=")
            path = tmp_path / name
            if name.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.replace(";", "\n"), encoding="utf-8")
        return tmp_path

    return make


def names(files: Iterable[InputFile]) -> str:
    return " ".join(f.name for f in files)


@pytest.mark.parametrize(
    ("files", "start", "found"),
    [
        ("worklint.yaml a/b/", "a/b", "worklint.yaml"),
        ("worklint.yaml a/worklint.yaml a/b/", "a/b", "a/worklint.yaml"),
        ("worklint.yaml a/.git/ a/b/", "a/b", None),
        ("worklint.yaml a/.git=gitdir a/b/", "a/b", None),
        ("worklint.yaml .git/ a/b/", "a/b", "worklint.yaml"),
        ("worklint.yaml home/me/lists/", "home/me/lists", None),
        ("home/me/worklint.yaml home/me/lists/", "home/me/lists", "home/me/worklint.yaml"),
        ("worklint.yaml a/worklint.yaml/", "a", "worklint.yaml"),
        ("a/worklint.yml", "a", None),
    ],
)
def test_find_project(tree: Tree, files: str, start: str, found: str | None) -> None:
    root = tree(files)
    assert find_project(root / start, home=root / "home/me") == (root / found if found else None)


@pytest.mark.parametrize(
    ("paths", "stdin", "found"),
    [
        ("", None, "worklint.yaml"),
        ("x.worklist", None, "worklint.yaml"),
        ("sub", None, "sub/worklint.yaml"),
        ("sub/a.worklist sub/deep", None, "sub/worklint.yaml"),
        ("-", None, "worklint.yaml"),
        ("-", "sub/new.worklist", "sub/worklint.yaml"),
        ("x.worklist sub", None, "x.worklist to worklint.yaml, sub to sub/worklint.yaml"),
        ("sub/deep alone/a.worklist", None, "sub/deep to sub/worklint.yaml, alone/a.worklist to none"),
        ("- sub", "x.worklist", "- to worklint.yaml, sub to sub/worklint.yaml"),
    ],
)
def test_one_project_a_run(tree: Tree, paths: str, stdin: str | None, found: str) -> None:
    root = tree("worklint.yaml x.worklist sub/worklint.yaml sub/a.worklist sub/deep/ alone/.git/ alone/a.worklist")
    if " to " in found:
        with pytest.raises(DiscoverError) as caught:
            project_of(paths.split(), root, stdin, home=root)
        assert found in str(caught.value)
        assert str(root) not in str(caught.value)
    else:
        assert project_of(paths.split(), root, stdin, home=root) == root / found


@pytest.mark.parametrize(
    ("files", "paths", "found"),
    [
        ("b.worklist a.worklist A.worklist note.txt", "", "A.worklist a.worklist b.worklist"),
        ("b.worklist a/z.worklist a.worklist c/", ".", "a.worklist a/z.worklist b.worklist"),
        ("b.worklist a/z.worklist", "b.worklist a", "b.worklist a/z.worklist"),
        ("b.worklist a.worklist", "b.worklist . ./b.worklist a/../b.worklist", "b.worklist a.worklist"),
        ("a.txt b.worklist", "a.txt", "a.txt"),
        (".hidden/a.worklist .b.worklist c.worklist", ".", "c.worklist"),
        (".hidden/a.worklist .b.worklist c.worklist", ".hidden .b.worklist", ".hidden/a.worklist .b.worklist"),
        ("x.worklist/a.worklist", ".", "x.worklist/a.worklist"),
        ("a.worklist b.worklist", "b.worklist - a.worklist", f"b.worklist {STANDARD_INPUT} a.worklist"),
        ("a.worklist .gitignore=a.worklist", "a.worklist", "a.worklist"),
        ("old/a.worklist .git/ .gitignore=old/", "old", "old/a.worklist"),
        ("s/a.worklist s/b.worklist .git/ .gitignore=/s/a.*", "s", "s/b.worklist"),
        ("s/a.worklist s/b.worklist .gitignore=/s/a.*", "s", "s/b.worklist"),
    ],
)
def test_find_inputs(tree: Tree, files: str, paths: str, found: str) -> None:
    assert names(find_inputs(paths.split(), tree(files))) == found


# Held against git 2.39 (`git ls-files --others --exclude-standard`).
@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        ("a.worklist", "b.worklist d/b.worklist d/e/b.worklist"),
        ("*.worklist", ""),
        ("*.worklist;!b.worklist", "b.worklist d/b.worklist d/e/b.worklist"),
        ("!b.worklist;*.worklist", ""),
        ("/a.worklist", "b.worklist d/a.worklist d/b.worklist d/e/a.worklist d/e/b.worklist"),
        ("d/", "a.worklist b.worklist"),
        ("d", "a.worklist b.worklist"),
        ("d/;!d/b.worklist", "a.worklist b.worklist"),
        ("d/*;!d/b.worklist", "a.worklist b.worklist d/b.worklist"),
        ("e/", "a.worklist b.worklist d/a.worklist d/b.worklist"),
        ("/e/", "a.worklist b.worklist d/a.worklist d/b.worklist d/e/a.worklist d/e/b.worklist"),
        ("d/e", "a.worklist b.worklist d/a.worklist d/b.worklist"),
        ("**/e", "a.worklist b.worklist d/a.worklist d/b.worklist"),
        ("d/**", "a.worklist b.worklist"),
        ("d/**/b.worklist", "a.worklist b.worklist d/a.worklist d/e/a.worklist"),
        ("d/*.worklist", "a.worklist b.worklist d/e/a.worklist d/e/b.worklist"),
        ("a.worklist/", "a.worklist b.worklist d/a.worklist d/b.worklist d/e/a.worklist d/e/b.worklist"),
        ("[ac].worklist", "b.worklist d/b.worklist d/e/b.worklist"),
        ("[!a].worklist", "a.worklist d/a.worklist d/e/a.worklist"),
        ("?.worklist", ""),
        ("#a.worklist;\\a.worklist", "b.worklist d/b.worklist d/e/b.worklist"),
        ("[", "a.worklist b.worklist d/a.worklist d/b.worklist d/e/a.worklist d/e/b.worklist"),
    ],
)
def test_gitignore(tree: Tree, patterns: str, kept: str) -> None:
    root = tree("a.worklist b.worklist d/a.worklist d/b.worklist d/e/a.worklist d/e/b.worklist .git/")
    (root / ".gitignore").write_text(patterns.replace(";", "\n") + "  \r\n\r\n", encoding="utf-8")
    assert names(find_inputs([], root, allow_empty=True)) == kept


def test_gitignore_of_a_lower_folder_speaks_last(tree: Tree) -> None:
    root = tree("d/a.worklist d/b.worklist .git/ .gitignore=*.worklist d/.gitignore=!a.worklist")
    assert names(find_inputs([], root)) == "d/a.worklist"


def test_links(tree: Tree) -> None:
    root = tree("in/a.worklist in/plain.txt out/b.worklist in/d/c.worklist")
    links = {
        "leads-out.worklist": "../out/b.worklist",
        "twice.worklist": "a.worklist",
        "inside.worklist": "plain.txt",
        "broken.worklist": "nowhere",
        "folder": "../out",
        "loop": ".",
    }
    for name, target in links.items():
        (root / "in" / name).symlink_to(target)
    assert names(find_inputs(["in"], root)) == "in/a.worklist in/d/c.worklist in/inside.worklist"
    # By name, a link is read wherever it leads.
    assert names(find_inputs(["in/leads-out.worklist", "in/folder"], root)) == "in/leads-out.worklist"
    (root / "other").symlink_to("out")
    assert names(find_inputs(["other"], root)) == "other/b.worklist"


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ("a.worklits", "a.worklits does not exist; did you mean a.worklist?"),
        ("sbu/b.worklist", "sbu/b.worklist does not exist; did you mean sub/b.worklist?"),
        ("sub/zzz", "sub/zzz does not exist"),
        ("a.worklist/x", "a.worklist/x does not exist: a.worklist is a file"),
        ("- -", "only once"),
        ("empty", "no *.worklist in empty"),
    ],
)
def test_paths_that_lead_nowhere(tree: Tree, paths: str, message: str) -> None:
    root = tree("a.worklist sub/b.worklist empty/note.txt")
    with pytest.raises(DiscoverError) as caught:
        find_inputs(paths.split(), root)
    assert message in str(caught.value)
    assert ("did you mean" in message) == ("did you mean" in str(caught.value))


def test_nothing_found_can_be_allowed(tree: Tree) -> None:
    assert find_inputs([], tree("note.txt"), allow_empty=True) == ()


def test_endings_that_are_searched(tree: Tree) -> None:
    root = tree("a.json b.worklist c.txt")
    assert names(find_inputs([], root, suffixes=(".worklist", ".json"))) == "a.json b.worklist"


def test_names_are_relative_to_the_project(tree: Tree) -> None:
    root = tree("p/lists/a.worklist b.worklist p/link/")
    files = find_inputs([str(root / "p/lists/a.worklist"), "../../b.worklist"], root / "p/lists", root / "p")
    assert files == (
        InputFile(root / "p/lists/a.worklist", "lists/a.worklist", True),
        InputFile(root / "b.worklist", "../b.worklist", True),
    )
    (root / "way").symlink_to(root / "p/lists")
    assert display_name(root / "way/a.worklist", root / "p") == "lists/a.worklist"


def test_standard_input_has_the_name_that_it_is_given(tree: Tree) -> None:
    root = tree("p/")
    assert find_inputs(["-"], root / "p", root, stdin_filename="new.worklist") == (
        InputFile(None, "p/new.worklist", True),
    )


@pytest.mark.skipif(os.name == "nt", reason="file names are Unicode there")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.worklist")).touch()
    assert names(find_inputs([], tmp_path)).encode() == "\ufffd.worklist".encode()


def test_projects_passed_over(tree: Tree) -> None:
    root = tree("worklint.yaml a.worklist sub/worklint.yaml sub/b.worklist")
    files = find_inputs([], root)
    assert nested_projects(files, root / "worklint.yaml", home=root) == (root / "sub/worklint.yaml",)
    assert nested_projects(files[:1], root / "worklint.yaml", home=root) == ()


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ("lists/*.worklist", "lists/a.worklist lists/b.worklist"),
        ("lists/b.worklist, lists/*.worklist", "lists/b.worklist lists/a.worklist"),
        ("'**/a.worklist'", "deep/er/a.worklist lists/a.worklist"),
        ("../common/*.worklist", "../common/c.worklist"),
    ],
)
def test_filter_files(tree: Tree, patterns: str, found: str) -> None:
    root = tree("p/lists/a.worklist p/lists/b.worklist p/deep/er/a.worklist common/c.worklist")
    assert names(filter_files(read_project(f"filters: [{patterns}]", root / "p"))) == found


@pytest.mark.parametrize("pattern", ["lists/*.worklist", "gone.worklist", "lists"])
def test_filter_files_that_are_not_there(tree: Tree, pattern: str) -> None:
    enterprise = read_project(f"enterprise: A\nfilters: [{pattern}]", tree("lists/"))
    with pytest.raises(ProjectError, match=r"^worklint\.yaml:2:10: .* matches no file"):
        filter_files(enterprise)

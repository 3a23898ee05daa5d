"""A site's own profile: read strictly, and every mistake is told with file, line and what would be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from worklint.knowledge.products import profile_from_file
from worklint.knowledge.profile import ProfileError

GOOD = """\
product: ours
citations:
  seen: {grade: measured, citation: probe of 2026-11-24, date: 2026-11-24}
statements:
  - {for: {attribute: StudyDate, kind: range}, key: {does: applied}, evidence: seen}
  - for: {level: study, setting: {fold: no}}
    key: {does: ignored}
    evidence: seen
"""

# What is changed in the good profile, and words of the message.
WRONG = [
    ("does: applied", "does: aplied", "own.yaml:5:", "'aplied' is not known here", "applied"),
    ("evidence: seen}", "evidence: sen}", "own.yaml:5:", "no citation is called 'sen'", "seen"),
    ("kind: range", "kinds: range", "own.yaml:5:", "unknown key 'kinds'", "did you mean kind?"),
    ("date: 2026-11-24}", "}", "own.yaml:3:", "a measurement needs its date", "2026-11-24"),
    ("attribute: StudyDate", "attribute: '#none'", "own.yaml:5:", "no set is called 'none'", ""),
    ("product: ours\n", "product: ours\nproduct: theirs\n", "own.yaml:2:", "stands here twice", ""),
    ("product: ours", "product: &x ours", "own.yaml:1:", "anchor", ""),
    ("    key: {does: ignored}", "\tkey: {does: ignored}", "own.yaml:7:", "tab", ""),
    ("level: study", "value: loud", "own.yaml:6:", "'loud' is no class of values", "all-upper"),
]


def test_good(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(GOOD, encoding="utf-8")
    profile = profile_from_file(tmp_path / "own.yaml", "own.yaml")
    assert profile.product == "ours"
    assert [s.behaviour.does for s in profile.statements] == ["applied", "ignored"]
    # `no` is the text of a setting, not a truth value.
    assert profile.statements[1].where.settings == (("fold", ("no",)),)


@pytest.mark.parametrize(("old", "new", "place", "message", "right"), WRONG, ids=[w[3] for w in WRONG])
def test_wrong(tmp_path: Path, old: str, new: str, place: str, message: str, right: str) -> None:
    assert old in GOOD
    (tmp_path / "own.yaml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        profile_from_file(tmp_path / "own.yaml", "own.yaml")
    assert place in str(caught.value) and message in str(caught.value) and right in str(caught.value)


def test_json_is_the_same(tmp_path: Path) -> None:
    content = {
        "product": "ours",
        "citations": {"seen": {"grade": "code", "citation": "x"}},
        "statements": [
            {"for": {"setting": {"fold": None}}, "key": {"does": "refused", "status": 400}, "evidence": "seen"}
        ],
    }
    (tmp_path / "own.json").write_text(json.dumps(content, indent="\t"), encoding="utf-8")
    profile = profile_from_file(tmp_path / "own.json", "own.json")
    assert profile.statements[0].where.settings == (("fold", (None,)),)
    assert profile.statements[0].behaviour.status == "400"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "own.json:1:1"),
        (b"[1]", "a profile is a mapping"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "own.json"),
        (
            b'{"product": "ours", "measurements": [{"file": "x.json"}]}',
            "own.json:1:37: at measurements: .*as the profile",
        ),
    ],
)
def test_no_profile_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "own.json").write_bytes(content)
    with pytest.raises(ProfileError, match=message):
        profile_from_file(tmp_path / "own.json", "own.json")

"""A release that the lab's machine does not have: its stored tables against what the profile says of it.

The tables were made by hand with the lab's own tools (``docs/lab.md``); no server is started.
"""

from __future__ import annotations

import pytest

from lab import compare, returned
from lab.servers import DOORS
from worklint.judge.behaviour import behaviour_at

TABLES = {"orthanc-1.12.7": ("1.12.7", ("orthanc", "orthanc-web", "orthanc-strict", "orthanc-strict-web"))}
CASES = [(folder, release, door) for folder, (release, doors) in TABLES.items() for door in doors]


@pytest.fixture
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compare.TRUTH / request.node.callspec.params["folder"]
    for module in (compare, returned):
        monkeypatch.setattr(module, "TRUTH", folder)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("folder", "release", "name"), CASES)
def test_nothing_that_was_seen_contradicts_the_profile(folder: str, release: str, name: str) -> None:
    door = DOORS[name]
    said = compare.predictions(door, release)
    seen = [o for o in compare.read_truth(door) if o.case in said]
    assert len(seen) > 500
    wrong = [f"{o.case}: {compare.contradictions(said[o.case], o)}" for o in seen]
    assert [w for w in wrong if not w.endswith("[]")] == []
    precise = [compare.precise(said[o.case], o) for o in seen if o.discriminates or o.refused]
    assert sum(precise) >= 0.9 * len(precise)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("folder", "release", "name"), CASES)
def test_what_came_back_contradicts_nothing_that_the_profile_says_of_it(folder: str, release: str, name: str) -> None:
    found = []
    for one, place, key in returned.asked(DOORS[name], release, returned.read(DOORS[name])):
        behaviour = behaviour_at(place, key)
        told = returned.contradictions(one, behaviour.returned, behaviour.absent_means_absent)
        found += [f"{one.level} {one.attribute}: {t}" for t in told]
    assert found == []

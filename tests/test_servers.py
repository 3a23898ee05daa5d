"""Real servers on loopback: what they answer is what the truth tables say, and no prediction is contradicted by it.

``tools/lab.py --write`` rewrites the tables, ``tools/score.py --write`` the score. Where a server is not installed its
test says so and is skipped; with ``CI=true`` it must run.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("pynetdicom") is None:
    if os.environ.get("CI") == "true":
        raise ModuleNotFoundError("pynetdicom is not installed; .[dev] has it")
    pytest.skip("pynetdicom is not installed (.[network])", allow_module_level=True)

from lab import compare, plans, returned
from lab import servers as servers_module
from lab.ask import client
from lab.doors import loaded, observed
from lab.servers import DOORS, KINDS, Door, Kind, NotReady, free_port, running
from worklint.cli import main
from worklint.enterprise import parse_address
from worklint.judge.behaviour import behaviour_at
from worklint.judge.value import Sent
from worklint.model import Effect
from worklint.network.ask import Question, Unreachable
from worklint.network.door import open_door
from worklint.network.verify import AGREES, CONTRADICTED, UNDECIDED, Observed
from worklint.network.verify import compare as compare_with

pytestmark = pytest.mark.servers
Capture = pytest.CaptureFixture[str]

LEAST_PRECISION = 0.95
"""Reached on each of these servers; a change that loses more than this says what it gains."""

KNOWN = {"orthanc": "patient-root patient ReferringPhysicianName"}
"""A name below the level asked at is part of what is stored, and of a name in another script only a part comes back."""

PLANS = {"qrscp": 128}
"""Of so many filters the plan of one is carried out, if not of 32; ``WORKLINT_PLANS=1`` takes them all."""

LEAST_EXACT = 0.2
"""A share of plans that promise the reference answer; without it the test would say nothing."""

VERIFIED = 7
"""Of so many filters that were written for plans one goes through the command ``verify``."""

EVERY = 16
"""Of so many attributes of a level one is asked for anew; ``tools/lab.py`` asks for all of them."""


def _installed(kind_id: str) -> None:
    missing = KINDS[kind_id].missing()
    if missing:
        message = f"not installed: {', '.join(missing)} (package {KINDS[kind_id].package})"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.mark.parametrize("kind_id", KINDS)
def test_predictions_hold(kind_id: str) -> None:
    _installed(kind_id)
    for door, found, release, back in observed(kind_id, every=EVERY):
        measured = compare.releases()[door.id]
        if release != measured:
            message = f"{door.id}: the truth table is of release {measured}, installed is {release}"
            if os.environ.get("CI") == "true":
                pytest.fail(message + "; measure it with tools/lab.py --write, and review the difference")
            pytest.skip(message)
        stored = {o.case: o for o in compare.read_truth(door)}
        changed = [f"{o.case}: {stored.get(o.case)} is now {o}" for o in found if stored.get(o.case) != o]
        assert not changed, f"{door.id}: tools/lab.py --write, and review the difference:\n" + "\n".join(changed[:20])
        other = sorted(set(back) - set(returned.read(door)), key=str)
        assert not other, f"{door.id}: tools/lab.py --write, and review the difference: comes back as {other[:5]}"
        assert back
        said = compare.predictions(door, release)
        wrong = [f"{o.case}: {w}" for o in found for w in compare.contradictions(said[o.case], o)]
        assert not wrong, f"{door.id}: contradicted\n" + "\n".join(wrong[:20])
        telling = [o for o in found if o.discriminates or o.refused]
        precise = [o for o in telling if compare.precise(said[o.case], o)]
        assert len(precise) >= LEAST_PRECISION * len(telling), f"{door.id}: {len(precise)} of {len(telling)} precise"


@pytest.mark.parametrize("kind_id", KINDS)
def test_plans_bring_the_reference_answer(kind_id: str) -> None:
    _installed(kind_id)
    every = int(os.environ.get("WORKLINT_PLANS", PLANS.get(kind_id, 32)))
    with loaded(kind_id) as server:
        for door in DOORS.values():
            if door.server != kind_id:
                continue
            with client(server, door.transport) as made:
                found = list(plans.carried_out(door, server, made, every))
            wrong = [str(f) for f in plans.failed(found)]
            assert not wrong, f"{door.id}: {plans.summary(found)}\n" + "\n".join(wrong[:20])
            carried = [f for f in found if f.agreement != UNDECIDED]
            # Only a bound on queries keeps a plan from being compared: one of 1,397 at the source that looks at least.
            assert len(carried) >= 0.99 * len(found), [str(f) for f in found if f not in carried][:20]
            assert sum(f.planned == "exact" for f in found) >= LEAST_EXACT * len(found), plans.summary(found)
            assert any(f.seen.true for f in found if f.planned == "exact")


def test_verify_contradicts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    kinds = ("orthanc", "dcmqrscp", "wlmscpfs")
    for kind_id in kinds:
        _installed(kind_id)
    with ExitStack() as stack:
        servers = {k: stack.enter_context(loaded(k)) for k in kinds}
        lines, cases = [], {}
        for door in (d for d in DOORS.values() if d.server in kinds):
            server, kind = servers[door.server], KINDS[door.server]
            address = server.web if door.transport == "dicomweb" else server.address
            told = f", settings: {{{', '.join(f'{n}: {v}' for n, v in kind.settings)}}}" if kind.settings else ""
            product = f"product: {kind.product}@{server.release}, transport: {door.transport}"
            lines.append(f'  {door.id}: {{{product}, address: "{address}"{told}}}\n')
            cases |= {c.id: c for c in plans.filters(door) if c.id.startswith("F") and not int(c.id[1:]) % VERIFIED}
        (tmp_path / "worklint.yaml").write_text("sources:\n" + "".join(lines), encoding="utf-8")
        (tmp_path / "lab.worklist").write_text("\n".join(c.worklist for c in cases.values()) + "\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        code = main(["verify", "--format", "json", "--now", f"{compare.TODAY}T12:00", "--quiet"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0, [
        f for part in ("filters", "plans", "cells") for f in found[part] if f["agreement"] == CONTRADICTED
    ]
    assert [s["id"] for s in found["sources"]] == [d.id for d in DOORS.values() if d.server in kinds]
    assert all(s["reached"] for s in found["sources"])
    exact = [p for p in found["plans"] if p["prediction"]["verdict"] == "exact"]
    assert len(exact) > 10 and {p["agreement"] for p in exact} <= {AGREES, UNDECIDED}
    assert sum(p["agreement"] == AGREES for p in exact) > len(exact) / 2


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [
        ("ann", "c0rrect-horse", None),
        ("ann", "wr0ng-horse", "does not accept the credentials in WORKLINT_USER and WORKLINT_PASSWORD (HTTP 401)"),
        ("", "", "wants authentication (HTTP 401)"),
    ],
)
def test_a_server_with_users(user: str, password: str, said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    _installed("orthanc")
    configured = servers_module._COMMANDS["orthanc"]

    def guarded(kind: Kind, folder: Path, port: int, at: int) -> list[str]:
        command = configured(kind, folder, port, at)
        settings = json.loads((folder / "orthanc.json").read_text(encoding="utf-8"))
        settings |= {"AuthenticationEnabled": True, "RegisteredUsers": {"ann": "c0rrect-horse"}}
        (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
        return command

    monkeypatch.setitem(servers_module._COMMANDS, "orthanc", guarded)
    with running("orthanc") as server:
        environment = {"WORKLINT_USER": user, "WORKLINT_PASSWORD": password}
        door = open_door(parse_address(server.web), 10, environment)
        if said is None:
            door.greet("study-root", frozenset())
            assert not door.ask(Question("study-root", "study"), 10).failure
        else:
            with pytest.raises(Unreachable) as problem:
                door.greet("study-root", frozenset())
            assert said in str(problem.value) and "horse" not in str(problem.value)
        door.close()


@pytest.mark.parametrize(
    ("spoiled", "agreement"),
    [
        ({}, "agrees"),
        ({"added": 1}, "contradicted"),
        ({"missed": 1}, "contradicted"),
        ({"refused": "C000"}, "contradicted"),
    ],
)
def test_a_plan_that_goes_wrong_is_noticed(spoiled: dict[str, object], agreement: str) -> None:
    seen = replace(Observed(rows=3, true=3), **spoiled)  # type: ignore[arg-type]
    assert compare_with(Effect(), seen) == agreement


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_no_profile_promises_more_than_came_back(door: Door) -> None:
    table = returned.read(door)
    places = list(returned.asked(door, compare.releases()[door.id], table))
    assert len(places) == len(table)
    wrong, flagged = [], 0
    for one, place, key in places:
        # What is checked on the answer was asked for with an empty key, or is the key that was sent.
        for kind, value in (("universal", ""), ("single", "1"), ("range", "1-2"), ("wildcard", "1*")):
            behaviour = behaviour_at(place, replace(key, sent=Sent(value, kind, key.sent.vr)))
            flagged += behaviour.absent_means_absent
            found = returned.contradictions(one, behaviour.returned, behaviour.absent_means_absent)
            wrong += [f"{one.model} {one.level} {one.attribute}, {kind}: {w}" for w in found]
    assert [w for w in wrong if not w.startswith(KNOWN.get(door.id, "-"))] == []
    assert flagged


@pytest.mark.parametrize(
    ("seen", "said", "flagged"),
    [
        ({"whole": 2, "part": 1}, "whole", False),
        ({"whole": 2, "no": 1}, "whole", True),
        ({"whole": 3, "invented": 1}, "whole", True),
        ({"whole": 2, "other": 1}, "part", False),
        ({"whole": 3, "distinct": 1}, "whole", True),
    ],
)
def test_a_promise_that_is_broken_is_noticed(seen: dict[str, int], said: str, flagged: bool) -> None:
    sound = returned.Returned("study-root", "study", "StudyID", valued=3, distinct=2, whole=3, without=1)
    assert not returned.contradictions(sound, said, flagged)
    assert returned.contradictions(replace(sound, **seen), said, flagged)  # type: ignore[arg-type]


def test_the_cases_are_many_and_tell() -> None:
    # Figures that somebody who shortens the list should stumble over.
    cases = compare.cases()
    assert len(cases) >= 400
    assert len({c.id for c in cases}) == len(cases)
    assert sum(" and " in c.condition or bool(c.show) for c in cases) >= 80
    assert {(c.model, c.level) for c in cases} == {
        ("study-root", "study"), ("study-root", "series"), ("study-root", "image"), ("patient-root", "patient"),
        ("patient-root", "study"), ("patient-root", "series"), ("patient-root", "image"),
        ("modality-worklist", "worklist-item"),
    }  # fmt: skip
    for door in DOORS.values():
        table = compare.read_truth(door)
        assert [o.case for o in table] == [c.id for c in compare.cases_of(door)], f"{door.id}: tools/lab.py --write"
        assert sum(o.discriminates for o in table) > len(table) / 2


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        ({"added": 1}, "added"),
        ({"missed": 1}, "missed"),
        ({"refused": "C000"}, "refused"),
    ],
)
def test_a_contradiction_is_noticed(spoiled: dict[str, object], told: str) -> None:
    door = DOORS["dcmqrscp"]
    said = compare.predictions(door, compare.releases()[door.id])
    exact = next(o for o in compare.read_truth(door) if said[o.case].as_written == "exact")
    assert not compare.contradictions(said[exact.case], exact)
    found = compare.contradictions(said[exact.case], replace(exact, **spoiled))  # type: ignore[arg-type]
    assert len(found) == 1
    assert told in found[0]


def test_more_than_spelling_is_noticed() -> None:
    door = DOORS["orthanc-web"]
    said = compare.predictions(door, compare.releases()[door.id])
    spelling = next(o for o in compare.read_truth(door) if said[o.case].add_reasons == ("case",))
    assert not compare.contradictions(said[spelling.case], replace(spelling, added=1, beyond=0))
    assert compare.contradictions(said[spelling.case], replace(spelling, added=1, beyond=1))


def test_a_server_is_stopped_whatever_happens() -> None:
    _installed("dcmqrscp")
    with pytest.raises(ZeroDivisionError), running("dcmqrscp") as server:
        folder, port = server.folder, server.port
        raise ZeroDivisionError
    assert not folder.exists()
    import socket

    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass


def test_a_server_that_does_not_come_up_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab import servers

    monkeypatch.setitem(servers._COMMANDS, "pynetdicom-qrscp", lambda *_: ["false"])
    with pytest.raises(NotReady, match="qrscp"), loaded("qrscp"):
        pass
    assert free_port() > 0

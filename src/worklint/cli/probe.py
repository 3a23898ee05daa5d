"""``worklint probe``: measure live sources and write their profiles."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from worklint import output
from worklint.cli import INTERRUPTED
from worklint.cli.plain import Given
from worklint.cli.start import UsageError, one_of, say
from worklint.enterprise import Address

FAILED = 2
PARTIAL = ".partial"


CLEAR = "credentials go unencrypted to a http: address; use https: where the source has it"


def run(given: Given) -> int:
    """Measure sources; 2 if one of them cannot be asked or was lost on the way (what was learned is written)."""
    from worklint.network.ask import Manners
    from worklint.network.door import address_of
    from worklint.network.probe import MODELS

    if not given["addresses"]:
        raise UsageError("probe needs an address, as in dicom://ARCHIVE@localhost:11112")
    try:
        addresses = [address_of(text) for text in given["addresses"]]
    except ValueError as error:
        raise UsageError(str(error)) from None
    if given["resume"] and given["output"] is None:
        raise UsageError("--resume goes on from the file beside --output; name the output of the earlier probe")
    for model in given["model"]:
        if model not in MODELS:
            raise UsageError(f"--model {model}: {one_of(model, MODELS)}")
    manners = Manners(
        queries=int(number(given, "queries", 1500)), rows=int(number(given, "rows", 250)),
        per_second=number(given, "rate", 200), timeout=number(given, "timeout", 10),
        seconds=60 * number(given, "minutes", 10),
    )  # fmt: skip
    models = given["model"] or MODELS
    if given["dry_run"]:
        return _dry_run(given, addresses, models, manners)
    if not given["quiet"]:
        say(
            f"worklint: read-only; at most {manners.queries} queries and {manners.seconds / 60:.0f} minutes a source, "
            f"{manners.per_second:.0f} queries a second, {manners.rows} rows an answer, {manners.timeout:.0f} s to wait"
        )
    targets = [_target(given, i, len(addresses)) for i in range(len(addresses))]
    jobs = [_Job(given, a, t, models, manners, len(addresses) > 1) for a, t in zip(addresses, targets, strict=True)]
    if len(jobs) == 1:
        return jobs[0].run()
    with ThreadPoolExecutor(max_workers=min(8, len(jobs))) as pool:
        return max(pool.map(_Job.run, jobs))


def number(given: Given, name: str, usual: float) -> float:
    """Return the value of an option that is a number above zero.

    Raises:
        UsageError: if it is none.
    """
    text = given[name]
    if text is None:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e7:
        raise UsageError(f"--{name} {text}: a number above zero")
    return value


def _target(given: Given, index: int, several: int) -> Path | None:
    if given["output"] is None:
        return None
    path = Path(given["output"])
    if several == 1:
        return path
    if path.suffix:
        raise UsageError("--output names a folder where several sources are measured")
    path.mkdir(parents=True, exist_ok=True)
    return path / f"source-{index + 1}.json"


class _Job:
    """The probe of one source, with its progress and its files."""

    def __init__(
        self, given: Given, address: Address, target: Path | None, models: Any, manners: Any, labelled: bool
    ) -> None:
        self.given = given
        self.address = address
        self.target = target
        self.models = models
        self.manners = manners
        self.label = f"{address.host}:{address.port}: " if labelled else ""

    def run(self) -> int:
        from worklint.network.ask import NetworkError
        from worklint.network.document import profile_of, text_of
        from worklint.network.door import in_the_clear, open_door
        from worklint.network.probe import Record, probe
        from worklint.network.record import RecordError

        bar = _Bar(self.manners.queries, self.label, self.given["quiet"])
        try:
            record: Record | None = self._earlier()
            if in_the_clear(self.address, os.environ):
                bar.say(CLEAR)
            door = open_door(self.address, self.manners.timeout, os.environ)
            today = date.today()
            found = probe(
                door, self.manners, self.models, f"{today:%Y%m%d}", bar.say, record,
                told=bar.told, saved=self._save if self.target is not None else None,
            )  # fmt: skip
        except (NetworkError, RecordError) as error:
            bar.end()
            say(f"worklint: {self.label}{error}")
            return FAILED
        bar.end()
        text = text_of(profile_of(found, today.isoformat(), self.given["name"]))
        if self.target is None:
            output.write_stdout(lambda out: out.write(text), False)
        else:
            output.write_files([(str(self.target), self.target, lambda out: out.write(text))])
        return self._conclude(found)

    def _conclude(self, found: Any) -> int:
        measured = sum(len(place) for place in found.measured.values())
        if not self.given["quiet"]:
            where = f" → {self.target}" if self.target is not None else ""
            say(f"worklint: {self.label}{found.queries} queries, {measured} attributes and levels measured{where}")
            for note in found.notes:
                say(f"worklint: {self.label}{note}")
        if not found.ended:
            if self._partial is not None:
                self._partial.unlink(missing_ok=True)
            return 0
        more = "; --resume goes on from there" if self.target is not None else ""
        say(f"worklint: {self.label}{found.ended}: what was learned is kept{more}")
        if found.ended == "interrupted":
            return INTERRUPTED
        return 0 if "used up" in found.ended else FAILED

    @property
    def _partial(self) -> Path | None:
        return self.target.with_name(self.target.name + PARTIAL) if self.target is not None else None

    def _save(self, record: Any) -> None:
        from worklint.network.record import text_of

        path, text = self._partial, text_of(record)
        if path is not None:
            output.write_files([(str(path), path, lambda out: out.write(text))])

    def _earlier(self) -> Any:
        from worklint.network.record import read

        path = self._partial
        if not self.given["resume"] or path is None:
            return None
        if not path.exists():
            raise UsageError(f"{path} does not exist: there is nothing to go on from")
        return read(path.read_text(encoding="utf-8"))


class _Bar:
    """Progress on standard error: a bar on a terminal, else a line a step."""

    _lock = threading.Lock()

    def __init__(self, most: int, label: str, quiet: bool) -> None:
        self.most = most
        self.label = label
        self.quiet = quiet
        self.live = not quiet and not label and sys.stderr is not None and sys.stderr.isatty()
        self.step = ""

    def say(self, text: str) -> None:
        """Tell of a step."""
        self.step = text
        if not self.quiet and not self.live:
            with self._lock:
                say(f"worklint: {self.label}{text}")

    def told(self, count: int, question: object, answer: object) -> None:
        """Hear of a query."""
        if self.live and count % 5 == 0:
            filled = min(30, 30 * count // self.most)
            step = self.step.partition(" (")[0][:60]
            sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {count}/{self.most} {step:<60}")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self.live:
            sys.stderr.write("\r" + " " * 105 + "\r")
            sys.stderr.flush()


def _dry_run(given: Given, addresses: list[Address], models: Any, manners: Any) -> int:
    from worklint.network.outline import lines

    text: list[str] = []
    for address in addresses:
        text += lines(address.transport, models, manners)
    output.write_lines(text, output.terminal(given["color"], os.environ))
    return 0


Told = Callable[[int, object, object], None]

"""Starts real DICOM servers on free ports of the loopback interface, and stops them whatever happens.

``with running("orthanc") as server`` gives an empty, ready server; ``doors(...)`` tells which sources worklint sees
there. One process may have several doors: C-FIND and QIDO-RS of one Orthanc are two sources.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
READY_WITHIN = 20.0
"""Seconds that a server may take to answer the first time."""
CALLING = "WORKLINT"


class NotReady(RuntimeError):
    """A server did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class Kind:
    """A server that the lab can start: what it is in the database, and what it needs on this machine."""

    id: str
    product: str
    programs: tuple[str, ...]
    files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    package: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    untold: tuple[tuple[str, str], ...] = ()
    """Settings of the server of which worklint is not told."""

    def missing(self) -> list[str]:
        """What is not installed here."""
        here = [p for p in self.programs if shutil.which(p) is None and not Path("/usr/sbin", p).exists()]
        here += [f for f in self.files if not Path(f).exists()]
        return here + [m for m in self.modules if find_spec(m) is None]


@dataclass(frozen=True)
class Server:
    """A server that runs: where to ask it, and the folder that it lives in."""

    kind: Kind
    port: int
    ae_title: str
    folder: Path
    web: str = ""
    release: str = ""

    @property
    def address(self) -> str:
        """The address as ``worklint.yaml`` writes it."""
        return f"dicom://{self.ae_title}@{LOOPBACK}:{self.port}"


@dataclass(frozen=True)
class Door:
    """One source as worklint sees it: a server, a transport, and the models that it is asked for there."""

    id: str
    server: str
    transport: str
    models: tuple[str, ...]


_PLUGINS = Path("/usr/share/orthanc/plugins")
_ORTHANC = {
    "programs": ("Orthanc",),
    "files": (str(_PLUGINS / "libOrthancDicomWeb.so"), str(_PLUGINS / "libModalityWorklists.so")),
    "package": "orthanc orthanc-dicomweb",
}
KINDS = {
    kind.id: kind
    for kind in (
        Kind("orthanc", "orthanc", **_ORTHANC),  # type: ignore[arg-type]
        Kind(
            "orthanc-strict", "orthanc", **_ORTHANC,  # type: ignore[arg-type]
            settings=(("StorageAccessOnFind", "Never"), ("CaseSensitivePN", "true")),
        ),
        Kind(
            "dcmqrscp", "dcmtk-dcmqrscp", ("dcmqrscp",), package="dcmtk",
            settings=(("character-set-conversion", "true"),),
        ),
        Kind("wlmscpfs", "dcmtk-wlmscpfs", ("wlmscpfs",), package="dcmtk"),
        Kind("qrscp", "pynetdicom-qrscp", (), modules=("pynetdicom", "sqlalchemy"), package="(Python) sqlalchemy"),
    )
}  # fmt: skip
DOORS = {
    door.id: door
    for door in (
        Door("orthanc", "orthanc", "dimse", ("study-root", "patient-root", "modality-worklist")),
        Door("orthanc-web", "orthanc", "dicomweb", ("study-root",)),
        Door("orthanc-strict", "orthanc-strict", "dimse", ("study-root", "patient-root")),
        Door("orthanc-strict-web", "orthanc-strict", "dicomweb", ("study-root",)),
        Door("dcmqrscp", "dcmqrscp", "dimse", ("study-root", "patient-root")),
        Door("wlmscpfs", "wlmscpfs", "dimse", ("modality-worklist",)),
        Door("qrscp", "qrscp", "dimse", ("study-root", "patient-root")),
    )
}


def free_port() -> int:
    """Return a port that is free now; whoever takes it first has it."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str:
    return shutil.which(name) or str(Path("/usr/sbin", name))


def _orthanc(kind: Kind, folder: Path, port: int, web: int) -> list[str]:
    # Orthanc listens on every interface and cannot be told otherwise: only the one peer on loopback is let in.
    configuration = {
        "Name": "lab",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": web,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomPort": port,
        "DicomAet": "LAB",
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomAlwaysAllowFind": False,
        "DicomAlwaysAllowFindWorklist": False,
        "DicomCheckModalityHost": True,
        "DicomModalities": {
            "lab": {"AET": CALLING, "Host": LOOPBACK, "Port": 104, "AllowEcho": True, "AllowFind": True,
                    "AllowFindWorklist": True, "AllowStore": True, "AllowGet": False, "AllowMove": False},
        },
        "Plugins": [str(_PLUGINS / "libOrthancDicomWeb.so"), str(_PLUGINS / "libModalityWorklists.so")],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        "Worklists": {"Enable": True, "Database": str(folder / "worklists")},
    }  # fmt: skip
    for name, value in (*kind.settings, *kind.untold):
        section, _, own = name.rpartition(".")
        part: Any = configuration[section] if section else configuration
        part[own] = {"true": True, "false": False}.get(value, int(value) if value.isdigit() else value)
    (folder / "storage").mkdir()
    (folder / "worklists").mkdir()
    (folder / "orthanc.json").write_text(json.dumps(configuration), encoding="utf-8")
    return [_program("Orthanc"), str(folder / "orthanc.json")]


def _dcmqrscp(kind: Kind, folder: Path, port: int, web: int) -> list[str]:
    (folder / "storage").mkdir()
    lines = [
        f"NetworkTCPPort = {port}", "MaxPDUSize = 16384", "MaxAssociations = 16",
        "HostTable BEGIN", f"lab = ({CALLING}, {LOOPBACK}, 11112)", "HostTable END",
        "VendorTable BEGIN", "VendorTable END",
        "AETable BEGIN", f"LAB {folder / 'storage'} RW (2000, 1024mb) ANY", "AETable END", "",
    ]  # fmt: skip
    (folder / "dcmqrscp.cfg").write_text("\n".join(lines), encoding="utf-8")
    return [_program("dcmqrscp"), *_flags(kind), "--config", str(folder / "dcmqrscp.cfg")]


def _wlmscpfs(kind: Kind, folder: Path, port: int, web: int) -> list[str]:
    (folder / "worklists" / "LAB").mkdir(parents=True)
    (folder / "worklists" / "LAB" / "lockfile").touch()
    flags = _flags(kind)
    charset = [] if any(f.startswith("--return-") for f in flags) else ["--keep-char-set"]
    return [_program("wlmscpfs"), "--data-files-path", str(folder / "worklists"), *charset, *flags, str(port)]


def _flags(kind: Kind) -> list[str]:
    return [name for name, value in (*kind.settings, *kind.untold) if name.startswith("--") and value == "true"]


def _qrscp(kind: Kind, folder: Path, port: int, web: int) -> list[str]:
    (folder / "instances").mkdir()
    lines = [
        "[DEFAULT]", "ae_title: LAB", f"port: {port}", "max_pdu: 16382", "acse_timeout: 30", "dimse_timeout: 30",
        "network_timeout: 60", f"bind_address: {LOOPBACK}", f"instance_location: {folder / 'instances'}",
        f"database_location: {folder / 'instances.sqlite'}", "log_identifier: False", "",
    ]  # fmt: skip
    (folder / "qrscp.ini").write_text("\n".join(lines), encoding="utf-8")
    return [sys.executable, "-m", "pynetdicom", "qrscp", "--quiet", "--config", str(folder / "qrscp.ini")]


_COMMANDS: dict[str, Callable[[Kind, Path, int, int], list[str]]] = {
    "orthanc": _orthanc, "dcmtk-dcmqrscp": _dcmqrscp, "dcmtk-wlmscpfs": _wlmscpfs, "pynetdicom-qrscp": _qrscp,
}  # fmt: skip


def worklist_folder(server: Server) -> Path:
    """Return the folder from which the server answers worklist queries."""
    return server.folder / "worklists" / (server.ae_title if server.kind.product == "dcmtk-wlmscpfs" else "")


def release_of(kind: Kind) -> str:
    """Return the version of the program that is installed, as the compatibility database writes releases."""
    import re

    if kind.modules:
        from importlib.metadata import version

        return version(kind.modules[0])
    said = subprocess.run([_program(kind.programs[0]), "--version"], capture_output=True, text=True, timeout=20)
    found = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    if found is None:
        raise NotReady(f"{kind.programs[0]} --version names no version")
    return found.group()


@contextmanager
def running(kind_id: str | Kind, tries: int = 3) -> Iterator[Server]:
    """Start a server in a temporary folder, wait until it answers, stop it at the end.

    Raises:
        NotReady: if it does not answer in time; a port that somebody else took meanwhile is another try.
    """
    kind = KINDS[kind_id] if isinstance(kind_id, str) else kind_id
    with tempfile.TemporaryDirectory(prefix="worklint-lab-") as name:
        for attempt in range(1, tries + 1):
            folder = Path(name, str(attempt))
            folder.mkdir()
            port, web = free_port(), free_port()
            command = _COMMANDS[kind.product](kind, folder, port, web)
            log = folder / "log"
            with log.open("wb") as out:
                environment = {**os.environ, "LC_ALL": "C.UTF-8"}
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder,
                    env=environment, start_new_session=True,
                )  # fmt: skip
            try:
                ready = _ready(process, port) and (kind.product != "orthanc" or _ready(process, web))
                if not ready and attempt < tries:
                    continue
                if not ready:
                    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    raise NotReady(f"{kind.id} does not answer within {READY_WITHIN:.0f} s:\n{tail}")
                at = f"http://{LOOPBACK}:{web}/dicom-web" if kind.product == "orthanc" else ""
                yield Server(kind, port, "LAB", folder, at, release_of(kind))
                return
            finally:
                _stop(process)


def _ready(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1):
                return True
        except OSError:
            time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and the children that it forked for associations: they are its own process group."""
    import signal

    for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.poll()

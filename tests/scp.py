"""A scripted SCP on loopback: C-FIND answers are made by a function, so that a source can be anything, bad ones too."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

Reply = tuple[int, Dataset | None]
Script = Callable[[Dataset], Iterator[Reply]]
TEXTS = {"LO", "SH", "PN", "CS"}
STUDY_ROOT = (StudyRootQueryRetrieveInformationModelFind,)


def study(number: int, **values: str) -> Dataset:
    data = Dataset()
    data.StudyInstanceUID = f"1.2.3.{number}"
    for keyword, value in values.items():
        setattr(data, keyword, value)
    return data


def _archive() -> list[Dataset]:
    names = ("PatientID", "PatientName", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription")
    rows = [
        ("SECRET1", "HIDDEN^ALFA", "20260101", "101500", "ACC77", "CHEST ROUTINE"),
        ("secret1", "Hidden^Alfa", "20260102", "111500", "acc77", "Chest routine"),
        ("SECRET12", "HIDDENLY^BETA", "20260103", "121500", "ACC778", "CHEST ROUTINE LATER"),
        ("OTHER4", "MASKED^GAMMA", "", "", "", ""),
        ("OTHER5", "VEILED^DELTA", "", "", "", ""),
        ("MORE6", "CLOAKED^EPSILON", "20260106", "151500", "BCC99", "KNEE LEFT"),
    ]
    return [study(i, **dict(zip(names, row, strict=True))) for i, row in enumerate(rows, 1)]


ARCHIVE = _archive()

Matcher = Callable[[str, str, str, str], bool]
"""Takes keyword, VR, asked, stored."""


def exact(keyword: str, vr: str, asked: str, stored: str) -> bool:
    """Match as the language means it, for what the archive above holds."""
    import fnmatch

    if vr in ("DA", "TM") and "-" in asked:
        low, _, high = asked.partition("-")
        return bool(stored) and (not low or low <= stored) and (not high or stored <= high)
    if vr == "UI":
        return stored in asked.split("\\")
    if vr in TEXTS and ("*" in asked or "?" in asked):
        return (asked.strip("*") == "") or (bool(stored) and fnmatch.fnmatchcase(stored, asked))
    return bool(stored) and stored == asked


def archive(match: Matcher = exact, ignored: Sequence[str] = (), studies: Sequence[Dataset] = ARCHIVE) -> Script:
    """Return a script that answers study queries from the archive; ``ignored`` keys are not looked at."""

    def script(asked: Dataset) -> Iterator[Reply]:
        if asked.get("QueryRetrieveLevel") != "STUDY":
            yield 0xA900, None
            return
        for one in studies:
            if all(_fits(match, element, one, ignored) for element in asked):
                row = Dataset()
                row.QueryRetrieveLevel = "STUDY"
                for element in asked:
                    if element.keyword and element.VR != "SQ" and element.keyword != "QueryRetrieveLevel":
                        setattr(row, element.keyword, one.get(element.keyword, None))
                yield 0xFF00, row

    return script


def _fits(match: Matcher, element: Any, one: Dataset, ignored: Sequence[str]) -> bool:
    if element.keyword in ("", "QueryRetrieveLevel", "SpecificCharacterSet", *ignored) or element.VR == "SQ":
        return True
    value = element.value
    text = "\\".join(map(str, value)) if isinstance(value, list) or element.VM > 1 else str(value or "")
    if not text:
        return True
    return match(element.keyword, element.VR, text, str(one.get(element.keyword, "") or ""))


def silent(asked: Dataset) -> Iterator[Reply]:
    time.sleep(4)
    yield 0xFF00, ARCHIVE[0]


def endless(asked: Dataset) -> Iterator[Reply]:
    number = 0
    while number < 20000:
        number += 1
        yield 0xFF00, study(number, PatientID=f"P{number}")


def refusing(asked: Dataset) -> Iterator[Reply]:
    yield 0xA700, None


def lying() -> Script:
    """Answer with other studies each time, whatever is asked."""
    count = iter(range(100, 10_000_000))

    def script(asked: Dataset) -> Iterator[Reply]:
        for _ in range(3):
            yield 0xFF00, study(next(count), PatientID="X", StudyDate="20260101")

    return script


def repeating(asked: Dataset) -> Iterator[Reply]:
    """Send the first study in the place of each."""
    for _ in ARCHIVE:
        yield 0xFF00, ARCHIVE[0]


@contextmanager
def serving(
    script: Script, tls: ssl.SSLContext | None = None, grants: bytes = b"", models: Sequence[Any] = STUDY_ROOT
) -> Iterator[tuple[str, list[int]]]:
    """Serve a script, over TLS if told so; yields the address and a list that counts queries.

    ``grants`` are the bytes of extended negotiation that it may be asked for; then what was granted on the association
    stands in ``asked.granted``, as ones and zeros.
    """
    count = [0]
    granted: dict[Any, bytes] = {}

    def find(event: Any) -> Iterator[Reply]:
        count[0] += 1
        asked = event.identifier
        asked.granted = granted.get(event.assoc, b"")
        for status, row in script(asked):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield status, row

    def negotiate(event: Any) -> dict[Any, bytes]:
        answers = {
            sop: bytes(a & g for a, g in zip(asked, grants, strict=False)) for sop, asked in event.app_info.items()
        }
        granted[event.assoc] = next(iter(answers.values()), b"")
        return answers if grants else {}

    entity = AE(ae_title="SCRIPTED")
    for model in models:
        entity.add_supported_context(model)
    handlers: list[Any] = [(evt.EVT_C_FIND, find), (evt.EVT_SOP_EXTENDED, negotiate)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls)
    assert server is not None
    try:
        yield f"dicom{'s' if tls else ''}://SCRIPTED@127.0.0.1:{server.socket.getsockname()[1]}", count
    finally:
        server.shutdown()


# --- extended negotiation ---------------------------------------------------------------------------------------------

RELATIONAL, COMBINED, FUZZY, ZONE, VIEWS, EMPTY, SEVERAL = range(7)
"""Positions of the options in the bytes of extended negotiation (PS3.4 C.5.1.1)."""
ENHANCED = "1.2.840.10008.5.1.4.1.1.2.1"
CLASSIC = "1.2.840.10008.5.1.4.1.1.2"


def _three_levels() -> dict[str, list[Dataset]]:
    studies, series, images = [], [], []
    for number, (name, day, clock, accession, modalities) in enumerate(
        [
            ("MILLER^ANNA", "20260110", "101500", "A1", ["CT", "MR"]),
            ("BRONTE^EMILY", "20260111", "083000", "", ["CT"]),
            ("KOWALSKI^JAN", "20260112", "141500", "A3", ["MR"]),
        ],
        1,
    ):
        upper = study(number, PatientName=name, PatientID=f"P{number}", StudyDate=day, StudyTime=clock)
        upper.AccessionNumber, upper.ModalitiesInStudy = accession, modalities
        studies.append(upper)
        for serial, modality in enumerate(modalities, 1):
            middle = study(number, SeriesInstanceUID=f"1.2.3.{number}.{serial}", Modality=modality)
            series.append(middle)
            for image, sop_class in enumerate((CLASSIC, ENHANCED), 1):
                lower = study(number, SeriesInstanceUID=middle.SeriesInstanceUID, SOPClassUID=sop_class)
                lower.SOPInstanceUID, lower.InstanceNumber = f"{middle.SeriesInstanceUID}.{image}", str(image)
                images.append(lower)
    return {"STUDY": studies, "SERIES": series, "IMAGE": images}


_PARENTS = {"STUDY": (), "SERIES": ("StudyInstanceUID",), "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID")}


def negotiating(honoured: Sequence[int]) -> Script:
    """Return a script that does what it grants for some options, and for the others only says so."""
    levels = _three_levels()

    def script(asked: Dataset) -> Iterator[Reply]:
        does = {o for o in honoured if len(asked.granted) > o and asked.granted[o]}
        level = asked.QueryRetrieveLevel
        if RELATIONAL not in does and not all(asked.get(k) for k in _PARENTS[level]):
            yield 0xA900, None
            return
        for one in levels[level]:
            if _suits(asked, one, does):
                row = Dataset()
                row.QueryRetrieveLevel = level
                for element in asked:
                    if element.keyword and element.VR != "SQ" and element.keyword in one:
                        setattr(row, element.keyword, one.get(element.keyword))
                    elif element.keyword and element.keyword != "QueryRetrieveLevel":
                        setattr(row, element.keyword, None)
                yield 0xFF00, row

    return script


def _suits(asked: Dataset, one: Dataset, does: set[int]) -> bool:
    special = {"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC", "QueryRetrieveView"}
    if COMBINED in does and "-" in str(asked.get("StudyDate") or "") and "-" in str(asked.get("StudyTime") or ""):
        (first, _, last), (start, _, end) = asked.StudyDate.partition("-"), asked.StudyTime.partition("-")
        if not first + start <= one.get("StudyDate", "") + one.get("StudyTime", "") <= last + end:
            return False
        special |= {"StudyDate", "StudyTime"}
    view = asked.get("QueryRetrieveView")
    if VIEWS in does and view and "SOPClassUID" in one and (one.SOPClassUID == ENHANCED) != (view == "ENHANCED"):
        return False
    for element in asked:
        if element.keyword in special or not element.keyword or element.VR == "SQ" or not element.value:
            continue
        stored = one.get(element.keyword, "")
        values = [str(v) for v in stored] if isinstance(stored, MultiValue) else [str(stored)]
        text = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)
        if EMPTY in does and text == '""':
            fits = values == [""]
        elif element.VM > 1 and element.VR != "UI":
            # What it grants only by word it takes as "any of".
            every = all if SEVERAL in does else any
            fits = every(v in values for v in text.split("\\"))
        elif FUZZY in does and element.VR == "PN":
            fits = _sound(text) == _sound(values[0])
        elif ZONE in does and element.VR == "TM" and asked.get("TimezoneOffsetFromUTC"):
            fits = exact(element.keyword, "TM", text, _there(values[0], str(asked.TimezoneOffsetFromUTC)))
        else:
            fits = any(exact(element.keyword, element.VR, text, v) for v in values)
        if not fits:
            return False
    return True


def _sound(name: str) -> tuple[str, ...]:
    from itertools import groupby

    groups = [[c for c, _ in groupby(p.upper()) if c not in "AEIOUY"] for p in name.split("^")]
    return tuple(sorted("".join(g) for g in groups))


def _there(clock: str, offset: str) -> str:
    """Return the time of a source in UTC as a clock with an offset shows it."""
    minutes = int(clock[:2]) * 60 + int(clock[2:4]) + int(f"{offset[0]}1") * (int(offset[1:3]) * 60 + int(offset[3:]))
    return f"{minutes // 60 % 24:02}{minutes % 60:02}{clock[4:]}"


# --- TLS --------------------------------------------------------------------------------------------------------------


def certificates(folder: Path, names: str = "") -> Path:
    """Make three self-signed certificates: of the source, of the client, and of somebody else; ``names`` of hosts."""
    more = ["-addext", f"subjectAltName={names}"] if names else []
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make certificates with")
    for name in ("source", "client", "other"):
        made = subprocess.run(
            [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem",
             *more],
            capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip(f"openssl makes no certificate: {made.stderr.decode(errors='replace').strip()[-200:]}")
    return folder


def asking_for_certificates(folder: Path) -> ssl.SSLContext:
    """Return the TLS settings of a source that asks for the client's certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "client.pem")
    context.load_cert_chain(folder / "source.pem", folder / "source.key")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def name_files(folder: Path, monkeypatch: pytest.MonkeyPatch, ca: str, own: str) -> None:
    """Name an authority and a client certificate in the environment; an empty name is none."""
    for variable, name, ending in (("CA", ca, "pem"), ("CERT", own, "pem"), ("KEY", own, "key")):
        monkeypatch.delenv(f"WORKLINT_TLS_{variable}", raising=False)
        if name:
            monkeypatch.setenv(f"WORKLINT_TLS_{variable}", str(folder / f"{name}.{ending}"))

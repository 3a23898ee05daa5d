"""What ``worklint init`` writes: a project file with comments and a first worklist, or the demonstration enterprise."""

from __future__ import annotations

from pathlib import Path

from worklint.discover import PROJECT_FILE
from worklint.knowledge import data

FIRST_LIST = "lists/unread-chest-ct.worklist"
DEMONSTRATION = "examples/lakeside"

PROJECT = """\
# The sources that your worklists ask, and what each of them is. `worklint check` and `worklint matrix` read this.
# Every value is text as it stands: write releases and names without quotes.

enterprise: My hospital

# Where "today" is, and "the last seven days".
timezone: UTC

# The products that are known: `worklint source`. One of them in full, with its settings: `worklint source orthanc`.
sources:
  archive:
    # PRODUCT@RELEASE. Without a release the newest that is known is assumed, and a finding says so.
    product: dicom-standard
    # The source whose side you read at: worklists of scope `local` ask it alone.
    local: true

  # A second source: take the # away, and put yours in its place.
  # research:
  #   product: orthanc@1.12.4
  #   # Settings of the product that change what it does, by the product's own names.
  #   settings: {StorageAccessOnFind: Always}
  #   # Only `worklint probe` and `worklint verify` ever connect to it.
  #   address: dicom://ORTHANC@localhost:4242?calling=WORKLINT

# Files that hold named filters for all worklists.
# filters: [shared/*.worklist]

# What this site accepts, and why.
# rules:
#   severity: {WL320: info}
#   ignore:
#     - {code: WL310@research, files: "lists/*", until: 2027-12-31, reason: "the research archive is replaced"}
"""

WORKLIST = """\
# A worklist: which studies it shows, in which order. `worklint check` says what each source really makes of it.

worklist "Unread chest CT" {
    description "What the morning chest reader starts from"
    scope   enterprise
    level   study
    purpose reading
    show    PatientName, PatientID, StudyDate, StudyDescription
    sort    StudyDate descending, PatientName

    where ModalitiesInStudy in ("CT", "MR")
      and StudyDate within last 7 days
      and BodyPartExamined = "CHEST"
}
"""


class ScaffoldError(Exception):
    """Something is in the way, or cannot be written; the message says what."""


def project(folder: Path, shown: str) -> tuple[str, ...]:
    """Write a project file and a first worklist, and return their names. Nothing that is there is touched.

    Raises:
        ScaffoldError: if one of them is there already, or cannot be written.
    """
    files = {PROJECT_FILE: PROJECT, FIRST_LIST: WORKLIST}
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise ScaffoldError(f"{_place(shown)} holds {' and '.join(there)} already; nothing was written")
    return _write(folder, {name: text.encode("utf-8") for name, text in files.items()})


def demonstration(folder: Path, shown: str) -> tuple[str, ...]:
    """Copy the demonstration enterprise into a new folder, and return the names of its files.

    Raises:
        ScaffoldError: if the folder is there and not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(f"{_place(shown)} is there already; --demo writes into a new folder")
    root = data.path(DEMONSTRATION)
    found = sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith("."))
    return _write(folder, {p.relative_to(root).as_posix(): p.read_bytes() for p in found})


def _place(shown: str) -> str:
    return "the current folder" if shown == "." else shown


def _write(folder: Path, files: dict[str, bytes]) -> tuple[str, ...]:
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Exclusive: what appeared since it was looked for is not overwritten either.
            with path.open("xb") as out:
                out.write(content)
        except OSError as error:
            raise ScaffoldError(f"{name} cannot be written: {error.strerror or error}") from None
    return tuple(files)

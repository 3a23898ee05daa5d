"""Writes the part of the standard dictionary that is generated: every data element of PS3.6 with its VR and VM.

    python tools/update_standard.py            writes dicom_dictionaries/standard/attributes.csv
    python tools/update_standard.py --check    changes nothing; exit 1 if the file is not what would be written

Run by people when the edition changes (docs/standard-dictionary.md); the program never imports it, nor pydicom.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

TARGET = Path(__file__).resolve().parent.parent / "dicom_dictionaries/standard/attributes.csv"

# In PS3.6 of the edition (dicom_dictionaries/standard/EDITION) but not yet in pydicom's dictionary.
ADDITIONS = {
    "00060001": ("SQ", "1", "Current Frame Functional Groups Sequence", "", "CurrentFrameFunctionalGroupsSequence"),
}


def rows() -> list[tuple[str, str, str, str, str, str]]:
    """Return (tag, keyword, VR, VM, retired, name) of every data element, by tag.

    A repeating group keeps its mask (``60xx3000``). Item delimiters have no VR and can never be named: left out.
    """
    found = {f"{tag:08X}": entry for tag, entry in DicomDictionary.items()}
    # pydicom writes the mask in lower case and the digits in either.
    found |= {tag.upper().replace("X", "x"): entry for tag, entry in RepeatersDictionary.items()}
    found |= ADDITIONS
    return [
        (tag, keyword, vr, vm, "Y" if retired else "N", name)
        for tag, (vr, vm, name, retired, keyword) in sorted(found.items())
        if vr != "NONE"
    ]


def text() -> str:
    """Return the whole file as it ought to be."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("tag", "keyword", "vr", "vm", "retired", "name"))
    writer.writerows(rows())
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` say whether it is current."""
    wanted = text()
    if arguments == ["--check"]:
        current = TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted
        if not current:
            print(f"{TARGET.name} is not current: run python tools/update_standard.py", file=sys.stderr)
        return 0 if current else 1
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    TARGET.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

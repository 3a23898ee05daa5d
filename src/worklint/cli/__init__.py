"""The command line: arguments in, exit code out.

Nothing is imported until ``main`` knows what is asked for, so that ``worklint --version`` costs next to nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done, 1 findings, 2 could not work, 130 interrupted."""
    try:
        arguments = list(sys.argv[1:] if argv is None else argv)
        if arguments[:1] in (["--version"], ["-V"]):
            from worklint._version import __version__
            from worklint.knowledge import data

            sys.stdout.write(f"worklint {__version__} (database {data.database()})\n")
            sys.stdout.flush()
            return 0
        from worklint.cli.start import start

        return start(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Who reads no further wants no more; not even the interpreter's own complaint when it flushes at its end.
        from worklint.output import drop_output

        drop_output()
        return 0

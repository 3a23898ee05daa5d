"""``python -m worklint``."""

import sys

from worklint.cli import main

if __name__ == "__main__":
    sys.exit(main())

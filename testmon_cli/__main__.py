"""`python -m testmon_cli` is `testmon`."""

import sys

from testmon_cli.cli import main

if __name__ == "__main__":
    sys.exit(main())

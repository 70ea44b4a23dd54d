"""Where `testmon` and `python -m testmon_cli` begin.

Importing the command line is most of what a short command does: an interrupt may come meanwhile.
"""

import sys


def main() -> int:
    """Run the command line and give its exit code."""
    from testmon_cli.domain.errors import EXIT_INTERRUPTED

    try:
        from testmon_cli import cli

        return cli.main()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())

"""When the project is testmon: the copy that watches makes room for the one under test.

The modules that are loaded stay with those that use them. Whoever imports them from now on gets
others, with probes.
"""

import sys

from testmon_cli.tracing.settings import Scope

_PACKAGE = __name__.partition(".")[0]


def make_room(scope: Scope) -> None:
    """Forget our modules if they are the project's.

    None of ours may be imported after that, but by the project.
    """
    if scope.source(__file__) is not None:
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]

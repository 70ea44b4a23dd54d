"""Whether a debugger, a profiler or the like sees the calls of this process."""

import sys
import threading
from typing import Any

# numbers for sys.monitoring: 1 is that of coverage, from 5 on they are Python's
_OTHERS_TOOLS = (0, 2, 3, 4)


def is_watched() -> bool:
    """Tell whether a debugger, a profiler or a test of one sees every call of this process.

    Coverage.py may see ours, too: it counts only those in files of the project.
    """
    tracer = sys.gettrace()
    if tracer is not None and type(tracer).__module__.partition(".")[0] != "coverage":
        return True
    others = (sys.getprofile(), threading.gettrace(), threading.getprofile())
    if any(other is not None for other in others):
        return True
    monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return monitoring is not None and any(map(monitoring.get_tool, _OTHERS_TOOLS))

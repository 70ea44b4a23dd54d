"""Starts tracing in Python processes that tests start.

Found through PYTHONPATH; leaves no trace of itself there.

Any Python may run this, so it is written for all of them.
"""

# ruff: noqa: INP001, UP031, UP036
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import os
import sys


def _chain():
    """Run the sitecustomize that this one hides."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or os.curdir) != here]
    if sys.version_info < (3, 4):
        return
    import importlib.machinery
    import importlib.util

    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _trace():
    """Trace this process for the test that started it."""
    if not os.environ.get("TESTMON_COLLECT"):
        return
    if sys.version_info < (3, 11):
        _cannot("it runs Python %d.%d" % sys.version_info[:2])
        return
    root = os.path.abspath(__file__)
    for _ in range(5):  # out of bootstrap, processes, tracing and testmon_cli
        root = os.path.dirname(root)
    sys.path.insert(0, root)
    try:
        from testmon_cli.tracing.processes import child

        child.start()
    except Exception as problem:  # a failure of ours must not break the user's program
        _cannot("%s: %s" % (type(problem).__name__, problem))
    finally:
        if root in sys.path:
            sys.path.remove(root)


def _cannot(why):
    """Say that this process goes unseen, as a record that needs nothing of ours."""
    import json
    import marshal
    import struct

    settings = json.loads(os.environ["TESTMON_COLLECT"])
    identity = os.environ.get("TESTMON_COLLECT_IDENTITY", "session:")
    # Text in all Pythons, which is what JSON gives.
    name, identity, why = json.loads(
        json.dumps(["Trace", identity, "a Python subprocess was not traced: " + why])
    )
    # A wire.Trace in a frame: hits, resources, uses and module_level are empty, then why it is not
    # complete.
    data = marshal.dumps([(name, identity, (), (), (), (), (why,))], 2)
    with open(os.path.join(settings["spool"], "%d-unseen.spool" % os.getpid()), "ab") as handle:
        handle.write(struct.pack("<I", len(data)) + data)


def _hide():
    """Leave an environment that was made from scratch as it was made."""
    if os.environ.pop("TESTMON_COLLECT_HIDDEN", None) is None:
        return
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [
        folder
        for folder in os.environ.pop("PYTHONPATH", "").split(os.pathsep)
        if folder not in ("", here)
    ]
    if folders:
        os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    for name in ("TESTMON_COLLECT", "TESTMON_COLLECT_IDENTITY"):
        os.environ.pop(name, None)


try:
    _chain()
finally:
    try:
        _trace()
    finally:
        _hide()

"""Python processes that tests start.

They are traced for the test, and report even when they are killed.

A child maps its hits to a file in the spool folder (`<process>.hits`, with `<process>.owner` beside
it that says for whom and where each source has its probes) and removes both when it ends in good
order. What is left when the session is over is read by the pytest process.
"""

import atexit
import importlib
import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import SESSION
from testmon_cli.tracing.disguise import OURS, disguise
from testmon_cli.tracing.engines.probe_code import LOST, LOST_ON_IMPORT
from testmon_cli.tracing.engines.protocol import Hits, LoadedFile
from testmon_cli.tracing.originals import environ, paths
from testmon_cli.tracing.processes.self_hosting import make_room
from testmon_cli.tracing.recorder import Recorder, activate, current
from testmon_cli.tracing.settings import (
    HIDDEN_VARIABLE,
    IDENTITY_VARIABLE,
    LAUNCHER,
    VARIABLE,
    TraceSettings,
)
from testmon_cli.tracing.watch.commands import command_words, is_isolated, is_python, path_of
from testmon_cli.tracing.watch.states import ANY_NAME, CODE, EVERYTHING, KEPT

BOOTSTRAP = paths.join(paths.dirname(paths.abspath(__file__)), "bootstrap")
FORK_SERVER = "multiprocessing.popen_forkserver"
FORK = "multiprocessing.popen_fork"
# they stay, and run no tests' code
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
_READ = "+"  # before what was read, in the file of an owner
_KEY = "testmon_identity"  # among what multiprocessing tells a child to prepare
_FROM_SCRATCH = "a Python subprocess was not traced: its environment was made from scratch"
_ONCE = bytes(min(value, 1) for value in range(256))  # hits that were taken count as others


class Owner:
    """The files that speak for this process if it is killed."""

    def __init__(self, folder: str, identity: str) -> None:
        self._stem = paths.join(folder, f"{os.getpid()}-{os.urandom(4).hex()}")
        self._pid = os.getpid()
        self._is_gone = False
        self._noted: set[wire.Resource] = set()
        with open(self._stem + ".owner", "w", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(identity.replace("\n", "\0") + "\n")

    def open_hits(self, size: int) -> int:
        handle = os.open(self._stem + ".hits", os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(handle, size)
        return handle

    def loaded(self, file: LoadedFile, base: int, count: int) -> None:
        if self._is_gone:
            return
        self._tell(f"{base}\t{count}\t{file.digest}\t{file.size}\t{file.mtime_ns}\t{file.path}\n")

    def read(self, resource: wire.Resource) -> None:
        if self._is_gone or resource in self._noted:
            return
        self._noted.add(resource)
        self._tell(f"{_READ}{json.dumps(resource)}\n")

    def _tell(self, line: str) -> None:
        with open(self._stem + ".owner", "a", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(line)

    def gone(self) -> None:
        """Nothing is left to tell."""
        self._is_gone = True
        if os.getpid() == self._pid:
            for end in (".owner", ".hits"):
                if paths.exists(self._stem + end):
                    os.unlink(self._stem + end)


_owner: Owner | None = None
_is_hidden = False  # whether what tells children about us is taken out of the environment


def start() -> None:
    """Trace this process, which a traced one started."""
    global _is_hidden  # noqa: PLW0603
    settings = TraceSettings.from_environment(os.environ)
    # a test runs `testmon collect`
    if settings is None or current() is not None or LAUNCHER in sys.orig_argv:
        return
    _is_hidden = HIDDEN_VARIABLE in os.environ
    command = " ".join(sys.orig_argv[1:4])
    if "multiprocessing.resource_tracker" in command:
        return
    # The server forks children for many tests: what it runs itself may count for any of them.
    server = "multiprocessing.forkserver" in command
    identity = SESSION if server else os.environ.get(IDENTITY_VARIABLE, SESSION)
    own(settings.spool, identity)
    recorder = activate(settings, identity, owner=_owner)
    if server and recorder.engine.name == "coverage":
        disown()  # it outlives the session, and its children speak for themselves
    prepare(recorder)
    if server:
        _follow_requests(recorder)
    # as execnet starts workers of pytest-xdist, where the plugin comes later
    if "sys.stdin.readline" not in command:
        make_room(recorder.scope)


def own(folder: str, identity: str) -> Owner:
    """Leave a note for the case that this process is killed.

    `folder` is the spool, `identity` whom the process runs for.
    """
    global _owner  # noqa: PLW0603
    _owner = Owner(folder, identity)
    return _owner


def disown() -> None:
    """Nobody needs to speak for this process: it told all, or pytest runs in it."""
    global _owner  # noqa: PLW0603
    if _owner is not None:
        _owner.gone()
        _owner = None


def finish() -> None:
    """Write all that is known, at the end of this process."""
    recorder = current()
    if recorder is not None:
        try:
            recorder.flush()
        except OSError:  # it runs as another user now, or may not write: what speaks for it if it is killed does so
            return
        disown()


def prepare(recorder: Recorder) -> None:
    """Have the children of this process traced, and its own end noticed."""
    recorder.why_unseen = partial(why_unseen, own=recorder.told)
    recorder.about_to_end = finish
    recorder.announce(recorder.attribution.caller())
    os.environ["PYTHONPATH"] = _with_bootstrap(os.environ.get("PYTHONPATH"))
    recorder.once_loaded("subprocess", lambda: _wrap_popen(recorder))
    _wrap_fork_exec(recorder)
    _name_in_requests(recorder)
    _note_processes(recorder)
    leave = os._exit

    def _exit(status: int) -> Any:
        try:
            finish()
        finally:
            leave(status)

    os._exit = disguise(_exit)
    atexit.register(finish)
    os.register_at_fork(after_in_child=lambda: _forked(recorder))


def is_prepared() -> bool:
    """Tell whether this process is traced, be it by other copies of our modules."""
    code = getattr(os._exit, "__code__", None)
    return code is not None and code.co_filename == OURS


def _wrap_fork_exec(recorder: Recorder) -> None:
    """See the processes that multiprocessing starts, which pass by subprocess."""
    try:
        import _posixsubprocess
    except ImportError:
        return
    original: Any = _posixsubprocess.fork_exec

    def fork_exec(*arguments: Any) -> Any:
        identity = recorder.attribution.caller()
        recorder.announce(identity)
        if VARIABLE not in environ and "resource_tracker" not in str(arguments[0]):
            recorder.pending(identity).unknown.add(_FROM_SCRATCH)
        pid = original(*arguments)
        if not any(helper in str(arguments[0]) for helper in _HELPERS):
            recorder.started(pid)
        return pid

    _posixsubprocess.fork_exec = disguise(fork_exec)

    # which is wrapped on its own, and knows what environment it gives
    def spare_subprocess() -> None:
        vars(sys.modules["subprocess"]).update(_fork_exec=original)

    recorder.once_loaded("subprocess", spare_subprocess)


def _forked(recorder: Recorder) -> None:
    global _owner  # noqa: PLW0603
    _owner = None  # the parent's

    def speak() -> Owner:
        return own(recorder.settings.spool, recorder.attribution.caller())

    if recorder.engine.name == "coverage":
        speak()
    else:  # hits of what the parent had loaded are in memory shared with it
        recorder.engine.entrust(speak)


def _name_in_requests(recorder: Recorder) -> None:
    """Tell the fork server of multiprocessing for whom it forks.

    A process that never uses it loads nothing of it.
    """

    def wrap() -> None:
        spawn: Any = importlib.import_module("multiprocessing.spawn")
        original = spawn.get_preparation_data

        def get_preparation_data(*arguments: Any) -> Any:
            return {**original(*arguments), _KEY: recorder.attribution.caller()}

        spawn.get_preparation_data = disguise(get_preparation_data)

    recorder.once_loaded(FORK_SERVER, wrap)


def _note_processes(recorder: Recorder) -> None:
    """Note the processes of multiprocessing that are forked.

    Others are noted where they are started.
    """

    def wrap(name: str) -> None:
        popen = sys.modules[name].Popen
        original = popen._launch

        def _launch(self: Any, process: Any) -> None:
            original(self, process)
            recorder.started(self.pid)

        popen._launch = disguise(_launch)

    for name in (FORK, FORK_SERVER):
        recorder.once_loaded(name, partial(wrap, name))


def _follow_requests(recorder: Recorder) -> None:
    """Let what a child of this fork server runs belong to who asked for it."""
    spawn: Any = importlib.import_module("multiprocessing.spawn")
    original = spawn.prepare

    def prepare(data: dict[str, Any]) -> Any:
        identity = data.pop(_KEY, None)
        if identity is not None:
            recorder.attribution.rebase(identity)
            if _owner is not None:
                disown()
                own(recorder.settings.spool, identity)
        return original(data)

    spawn.prepare = disguise(prepare)


def _wrap_popen(recorder: Recorder) -> None:
    popen: Any = sys.modules["subprocess"].Popen
    original = popen._execute_child
    code = original.__code__
    names = code.co_varnames[1 : code.co_argcount]
    position, words, program = names.index("env"), names.index("args"), names.index("executable")

    def _execute_child(self: Any, *arguments: Any) -> Any:
        __tracebackhide__ = True
        changed = list(arguments)
        try:
            command = arguments[program], command_words(arguments[words])
            changed[position] = environment_of_child(arguments[position], recorder, *command)
        except Exception as problem:
            recorder.failed(problem)
        result = original(self, *changed)
        recorder.started(self.pid)
        return result

    popen._execute_child = disguise(_execute_child)


def environment_of_child(env: Any, recorder: Recorder, program: Any, words: list[str]) -> Any:
    """The environment that a child gets in place of `env`.

    Of one that was made from scratch, only Python sees more than is in it, and takes that out as it
    starts.
    """
    identity = recorder.attribution.caller()
    known = environ if env is None else env
    path = known.get("PYTHONPATH")
    added = {IDENTITY_VARIABLE: identity, "PYTHONPATH": _with_bootstrap(path)}
    if VARIABLE not in known:
        name = path_of(os.fsdecode(program) if program is not None else words[0], known)
        if not is_python(name) or is_isolated(name, words):
            return env
        return {**known, **added, VARIABLE: recorder.told, HIDDEN_VARIABLE: "1"}
    if known[VARIABLE] != recorder.told:
        return env  # a test runs `testmon collect`
    recorder.announce(identity)
    if env is None and path is not None and BOOTSTRAP in path.split(paths.pathsep):
        return None
    return {**known, **added}


def _with_bootstrap(path: str | None) -> str:
    folders = (
        [] if not path else [folder for folder in path.split(paths.pathsep) if folder != BOOTSTRAP]
    )
    return paths.pathsep.join([BOOTSTRAP, *folders])


def is_alive(pid: int) -> bool:
    """Tell whether a process runs. Its exit status is left to who waits for it."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except (ChildProcessError, AttributeError):  # of a fork server, or waited for already
        return _answers(pid)


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def why_unseen(program: str, words: list[str], env: Any, own: str = "") -> str:
    """Why the Python process that a command starts cannot be traced, "" when it can or is none.

    `own` is what children are to find in our variable.
    """
    program = path_of(program, environ if env is None else env)
    if not is_python(program):
        # it may start Python in its turn, which nothing is told
        return _FROM_SCRATCH if _is_hidden else ""
    told = (environ if env is None else env).get(VARIABLE)
    if told is None:
        return _FROM_SCRATCH
    if own and told != own:
        return "a Python subprocess was traced for another `testmon collect`"
    option = is_isolated(program, words)
    return f"a Python subprocess was not traced: it was started with {option}" if option else ""


def sweep(recorder: Recorder) -> list[wire.Record]:
    """Collect what killed children left behind."""
    records: list[wire.Record] = []
    for name in sorted(os.listdir(recorder.settings.spool)):
        if name.endswith(".owner"):
            stem = paths.join(recorder.settings.spool, name.removesuffix(".owner"))
            records += _left_behind(stem, recorder)
    return records


def _left_behind(stem: str, recorder: Recorder) -> Iterator[wire.Record]:
    try:
        with open(stem + ".owner", encoding="utf-8", errors="surrogateescape") as handle:
            identity, *lines = handle.read().split("\n")[:-1]
    except (OSError, ValueError):  # it ended just now
        return
    identity = identity.replace("\0", "\n")
    if not paths.exists(stem + ".hits"):
        yield wire.Trace(
            identity, unknown=("a Python subprocess was killed before it could tell what it ran",)
        )
        return
    with open(stem + ".hits", "rb") as handle:
        data = handle.read()
    hits = []
    reads = [line.removeprefix(_READ) for line in lines if line.startswith(_READ)]
    for line in (line for line in lines if not line.startswith(_READ)):
        base, count, digest, size, mtime_ns, path = line.split("\t", 5)
        part = data[int(base) : int(base) + int(count)]
        file = LoadedFile(path, digest, int(size), int(mtime_ns))
        yield recorder.numbers.file(file)
        if any(part):
            hits.append(Hits(file, part.translate(_ONCE)))
    records, numbers = recorder.numbers.hits(hits)
    # Which names it looked up it kept to itself, and what code that is no source it ran.
    asked = recorder.numbers.names(
        [(found.file, frozenset({LOST, LOST_ON_IMPORT})) for found in hits], records
    )
    yield from records
    untold = wire.Resource(KEPT, f"\t{EVERYTHING}", ""), wire.Resource(CODE, ANY_NAME, "")
    known = (_resource(*json.loads(read)) for read in reads)
    yield wire.Trace(identity, numbers, (*untold, *known), asked=asked)


def _resource(kind: str, name: str, state: str, frames: list[list[Any]]) -> wire.Resource:
    return wire.Resource(kind, name, state, tuple((path, code, at) for path, code, at in frames))

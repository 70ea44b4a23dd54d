import ast
import cProfile
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from testmon_cli.tracing.engines import probe_code as probing
from testmon_cli.tracing.engines.instrument import instrument
from testmon_cli.tracing.engines.probe_code import Probes
from testmon_cli.tracing.engines.probes import ProbesEngine
from testmon_cli.tracing.engines.watchers import is_watched
from testmon_cli.tracing.settings import Scope, TraceSettings

SOURCE = "def first():\n    return 1\n\ndef second():\n    return 2\n"


class Loaded:
    """An engine that loaded a number of sources with two functions each, and the namespaces of these."""

    def __init__(self, root: Path, count: int) -> None:
        self.engine = ProbesEngine(Scope(TraceSettings(spool="", root=str(root))))
        self.modules: list[dict[str, Any]] = []
        for number in range(count):
            tree = ast.parse(SOURCE)
            instrument(tree)
            path = str(root / f"m{number}.py")
            code = self.engine.code.bound(
                compile(tree, path, "exec"), path, f"digest {number}", len(SOURCE)
            )
            assert code is not None
            self.modules.append({})
            exec(code, self.modules[-1])
        self.engine.switch("test:a")
        self.engine.drain()

    def hits(self) -> dict[str, list[int]]:
        """What was hit since the last call: name of the file -> blocks."""
        self.engine.harvest()
        drained = self.engine.drain()
        return {Path(hit.file.path).name: list(hit.seen) for hit in drained.hits.get("test:a", [])}


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Loaded]:
    return Loaded(tmp_path, 20)


def test_a_harvest_looks_only_at_sources_that_ran(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    rest = Probes.rest

    def noted(self: Probes, *arguments: Any) -> Any:
        looked.append(self.number)
        return rest(self, *arguments)

    monkeypatch.setattr(Probes, "rest", noted)

    loaded.modules[3]["first"]()
    loaded.modules[11]["second"]()

    assert loaded.hits() == {"m3.py": [1, 0], "m11.py": [0, 1]}
    assert looked == [3, 11]
    assert loaded.hits() == {}
    assert looked == [3, 11]


def test_whoever_watches_calls_sees_none_of_ours(loaded: Loaded) -> None:
    seen: list[str] = []

    def tracer(frame: FrameType, event: str, _: object) -> None:
        seen.append(f"{event} {frame.f_code.co_name}")

    before = sys.gettrace()
    loaded.engine.watched()  # as the audit event does before it takes effect
    sys.settrace(tracer)
    try:
        loaded.modules[3]["first"]()
        loaded.engine.harvest()
        seen.clear()
        loaded.modules[3]["second"]()
        loaded.modules[4]["second"]()
    finally:
        sys.settrace(before)

    assert seen == ["call second", "call second"]
    assert loaded.hits() == {"m3.py": [1, 1], "m4.py": [0, 1]}


def test_sources_rest_again_when_nobody_watches_any_more(loaded: Loaded) -> None:
    loaded.engine.watched()
    loaded.engine.harvest()

    assert not is_watched()
    assert loaded.hits() == {}
    loaded.modules[5]["first"]()
    assert loaded.hits() == {"m5.py": [1, 0]}


def test_code_that_was_pickled_is_seen_also_where_its_source_was_never_loaded(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "finder", loaded.engine.code.recalled)
    constants = loaded.modules[0]["first"].__code__.co_consts
    (probes,) = (constant for constant in constants if isinstance(constant, Probes))
    assert pickle.loads(pickle.dumps(probes)) is probes

    assert probes.source is not None
    probes.source = probes.source._replace(path="/elsewhere/new.py")
    pickle.loads(pickle.dumps(probes)).hits[1] = 1

    assert loaded.hits() == {"new.py": [0, 1]}


def test_a_profiler_watches() -> None:
    with cProfile.Profile():
        assert is_watched()
    assert not is_watched()


def asked(loaded: Loaded, identity: str = "test:a") -> dict[str, list[str]]:
    """Names that were looked up since the last call: name of the file -> them."""
    loaded.engine.harvest()
    found = loaded.engine.drain().asked.get(identity, {})
    return {Path(file.path).name: sorted(names) for file, names in found.items()}


LOOKING = "def look(name):\n    return hasattr(int, name)\n"


@pytest.fixture
def looking(tmp_path: Path) -> Loaded:
    loaded = Loaded(tmp_path, 1)
    tree = ast.parse(LOOKING)
    instrument(tree)
    path = str(tmp_path / "looking.py")
    code = loaded.engine.code.bound(compile(tree, path, "exec"), path, "digest", len(LOOKING))
    assert code is not None
    exec(code, loaded.modules[0])
    loaded.engine.harvest()
    loaded.engine.drain()
    return loaded


def test_names_belong_to_who_runs(looking: Loaded) -> None:
    look = looking.modules[0]["look"]
    look("a")
    looking.engine.switch("test:b")
    look("a"), look("b")
    looking.engine.switch("test:a")
    look("c")
    looking.engine.harvest()

    drained = looking.engine.drain().asked
    assert {who: [sorted(n) for n in found.values()] for who, found in drained.items()} == {
        "test:a": [["1a", "1c"]],
        "test:b": [["1a", "1b"]],
    }
    assert asked(looking) == {}


def test_names_are_lost_while_somebody_watches_calls(looking: Loaded) -> None:
    seen: list[str] = []

    def profiler(frame: FrameType, event: str, argument: Any) -> None:
        seen.append(f"{event} {frame.f_code.co_name} {getattr(argument, '__name__', '')}")

    looking.engine.watched()
    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        looking.modules[0]["look"]("a")
    finally:
        sys.setprofile(before)

    assert [found for found in seen if "setprofile" not in found] == [
        "call look ", "c_call look hasattr", "c_return look hasattr", "return look ",
    ]  # fmt: skip
    assert asked(looking) == {"looking.py": [probing.LOST]}
    looking.modules[0]["look"]("a")
    assert asked(looking) == {"looking.py": ["1a"]}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_names_are_lost_in_forked_children(looking: Loaded) -> None:
    pid = os.fork()
    if not pid:
        looking.engine.forked("test:a")
        looking.modules[0]["look"]("a")
        os._exit(0)
    looking.engine._harvest.share()  # as the hook does once the engine is started
    os.waitpid(pid, 0)

    assert asked(looking) == {"looking.py": [probing.LOST]}

"""From records of collecting processes to rows."""

from pathlib import Path

import pytest

from testmon_cli.analysis import lookups
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.collect.joiner import (
    Joiner,
    SpoolReader,
    glob_state,
    matches_test,
)
from testmon_cli.application.collect.loaded_sources import LoadedSource, LoadedSources
from testmon_cli.domain.errors import DatafileError
from testmon_cli.domain.records import SourceVersion, Trace
from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.probe_code import LOST, LOST_ON_IMPORT

FUNCTION = "def f(n):\n    if n:\n        return 1\n    return 2\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(FUNCTION)
    return tmp_path


def _file(root: Path, number: int = 0, digest: str = "") -> wire.File:
    return wire.File(number, str(root / "a.py"), digest, len(FUNCTION), 1)


def _outcome(root: Path, nodeid: str = "a.py::test_x", **more: object) -> wire.Outcome:
    values = {"outcome": "passed", "duration": 0.1, "failure": "", "always": "", **more}
    return wire.Outcome(nodeid, str(root / "a.py"), "test_x", "function", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("length", [1, 3, 4, 10])
def test_a_frame_that_is_not_finished_waits(tmp_path: Path, length: int) -> None:
    reader = SpoolReader(tmp_path)
    frame = wire.encode([wire.CollectionError("a.py", "/a.py", "bad")])
    spool = tmp_path / "1-a.spool"
    spool.write_bytes(frame[:length])
    assert list(reader.poll()) == []
    spool.write_bytes(frame + frame[:length])
    assert [record for _, record in reader.poll()] == [wire.CollectionError("a.py", "/a.py", "bad")]
    assert list(reader.poll()) == []


def test_how_much_is_left_to_be_read(tmp_path: Path) -> None:
    frame = wire.encode([wire.CollectionError("a.py", "/a.py", "bad")])
    for name in "ab":
        (tmp_path / f"{name}.spool").write_bytes(frame)
    reader = SpoolReader(tmp_path)
    list(reader.poll())
    for name in "ab":
        (tmp_path / f"{name}.spool").write_bytes(frame * 3)
    told: list[tuple[int, int]] = []
    assert len(list(reader.poll(lambda done, total: told.append((done, total))))) == 4
    size = len(frame)
    assert told == [(size * done, size * 4) for done in range(1, 5)]


def test_lines_and_blocks_give_the_same_fingerprint(root: Path) -> None:
    found = []
    for hits in ((2, 3), b"\1\1\0"):
        joiner = Joiner(LoadedSources(root), {}, ())
        joiner.add("s", _file(root))
        joiner.add("s", wire.Hits(0, 0, hits))
        joiner.add("s", wire.Trace("test:a.py::test_x", (0,)))
        joiner.add("s", _outcome(root))
        (execution,) = joiner.take().executions
        found.append(execution.trace.fingerprints)
    assert found[0] == found[1]
    assert len(found[0]["a.py"]) == 2


def _session(root: Path, engine: str) -> wire.Session:
    return wire.Session(str(root), "", (), (), engine, {})


LOOKING = "def f(n):\n    if n:\n        return hasattr(n, n)\n    return 2\n"
LOST_NAMES = lookups.checksums_of((LOST, LOST_ON_IMPORT))
NAMES = [
    pytest.param("probes", b"\1\1\0", (), None, id="none-asked-for"),
    pytest.param("probes", b"\1\1\0", (0,), lookups.checksums_of(["1x"]), id="asked-for"),
    pytest.param(
        "probes", b"\1\1\0", (0, 1), lookups.checksums_of(["1x", "2y"]), id="asked-for-in-two-steps"
    ),
    pytest.param("probes", (2, 3), (), LOST_NAMES, id="lines-of-a-child"),
    pytest.param("coverage", (2, 3), (), None, id="a-run-that-records-none"),
]


@pytest.mark.parametrize(("engine", "hits", "asked", "wanted"), NAMES)
def test_names_that_were_looked_up_are_kept_beside_the_blocks(
    root: Path,
    engine: str,
    hits: bytes | tuple[int, ...],
    asked: tuple[int, ...],
    wanted: frozenset[int] | None,
) -> None:
    (root / "a.py").write_text(LOOKING)
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", _session(root, engine))
    joiner.add("s", _file(root))
    joiner.add("s", wire.Hits(0, 0, hits))
    joiner.add("s", wire.Asked(0, 0, ("1x",)))
    joiner.add("s", wire.Asked(1, 0, ("2y",)))
    joiner.add("s", wire.Trace("module:a.py", (0,), asked=asked))

    (trace,) = joiner.take().traces
    assert [set(found) for path, found in trace.fingerprints.items() if lookups.is_place(path)] == (
        [] if wanted is None else [set(wanted)]
    )
    assert joiner.told.keeps_names == (engine == "probes")


def test_a_source_that_looks_nothing_up_loses_no_names(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", _session(root, "probes"))
    joiner.add("s", _file(root))
    joiner.add("s", wire.Hits(0, 0, b"\1\1\0"))
    joiner.add("s", wire.Asked(0, 0, (LOST,)))
    joiner.add("s", wire.Trace("module:a.py", (0,), asked=(0,)))

    (trace,) = joiner.take().traces
    assert list(trace.fingerprints) == ["a.py"]


def test_names_of_which_the_record_is_lost_are_a_gap(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", wire.Trace("module:a.py", (), asked=(7,)))
    (trace,) = joiner.take().traces
    assert trace.unknown == "a part of its record was lost"


def test_what_several_processes_saw_of_a_test_is_joined(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("child", _file(root, 7))
    joiner.add("child", wire.Hits(3, 7, b"\0\1"))
    joiner.add("child", wire.Trace("test:a.py::test_x", (3,), unknown=("lost",)))
    joiner.add("parent", _file(root))
    joiner.add("parent", wire.Hits(0, 0, b"\0\0\1"))
    joiner.add("parent", wire.Trace("test:a.py::test_x", (0,)))
    joiner.add("parent", _outcome(root))
    (execution,) = joiner.take().executions
    assert len(execution.trace.fingerprints["a.py"]) == 3
    assert execution.trace.unknown == "lost"


def test_a_source_that_changed_while_tests_ran_makes_them_unknown(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", _file(root, digest="of what was compiled"))
    joiner.add("s", wire.Hits(0, 0, b"\1"))
    joiner.add("s", wire.Trace("test:a.py::test_x", (0,)))
    joiner.add("s", _outcome(root))
    (execution,) = joiner.take().executions
    assert execution.trace.unknown == "a.py changed while tests ran"


def test_a_test_without_a_record_is_unknown(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", _outcome(root))
    (execution,) = joiner.take().executions
    assert execution.trace.unknown == "nothing was recorded of it"


def test_the_settings_make_a_test_run_always(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {"a.py": ("*.sql",)}, ("a.py::test_*",))
    joiner.add("s", wire.Trace("test:a.py::test_x"))
    joiner.add("s", _outcome(root))
    (execution,) = joiner.take().executions
    assert execution.always == 'always = "a.py::test_*" in the settings'
    assert [(r.kind, r.name) for r in execution.trace.resources] == [("glob", "*.sql")]


def test_a_fixture_is_complete_when_its_last_record_is() -> None:
    first = Trace("fixture:1:db", {"a.py": frozenset({1})}, complete=False)
    second = Trace("fixture:1:db", {"a.py": frozenset({2})}, complete=True)
    assert first.joined(second) == Trace("fixture:1:db", {"a.py": frozenset({1, 2})}, complete=True)


def test_a_pattern_of_files_is_their_names_and_contents(tmp_path: Path) -> None:
    states = [glob_state(tmp_path, "data/*.sql")]
    (tmp_path / "data").mkdir()
    for name, text in (("a.sql", "1"), ("a.sql", "2"), ("b.sql", "2"), ("c.txt", "3")):
        (tmp_path / "data" / name).write_text(text)
        states.append(glob_state(tmp_path, "data/*.sql"))
    assert len(set(states)) == 4
    assert states[-1] == states[-2]


def test_a_pattern_of_files_may_be_absolute_or_name_a_folder(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    patterns = (f"{outside}/*.sql", "data", "data/**")
    states = []
    for name in ("outside/a.sql", "root/data/below/b.sql", "root/c.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
        states.append([glob_state(root, pattern) for pattern in patterns])
    absolute, folder, recursive = zip(*states, strict=True)
    assert absolute[0] == absolute[1] != glob_state(root, f"{outside}/*.txt")
    assert folder[0] != folder[1] == folder[2]
    assert recursive[0] != recursive[1] == recursive[2]


def test_a_marker_whose_pattern_is_none_makes_the_test_run_always(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", wire.Trace("test:a.py::test_x"))
    joiner.add("s", _outcome(root)._replace(depends=("",)))
    (execution,) = joiner.take().executions
    assert execution.trace.unknown == "testmon_depends('') is no pattern of files"


@pytest.mark.parametrize(
    ("pattern", "holds"),
    [
        ("tests/test_a.py", True),
        ("tests", True),
        ("tests/", True),
        ("tests/*", True),
        ("tests/test_a.py::test_one", True),
        ("tests/test_a.py::test_*", True),
        ("test", False),
        ("other/*", False),
        ("tests/test_a.py::test_two", False),
    ],
)
def test_patterns_of_tests(pattern: str, holds: bool) -> None:
    assert matches_test("tests/test_a.py::test_one[a-b]", pattern) is holds


def test_hits_that_were_lost_are_told(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", _file(root))
    joiner.add("s", wire.Trace("test:a.py::test_x", (5,)))
    joiner.add("s", _outcome(root))
    (execution,) = joiner.take().executions
    assert execution.trace.unknown == "a part of its record was lost"


def test_a_number_that_comes_again_has_another_meaning(root: Path) -> None:
    joiner = Joiner(LoadedSources(root), {}, ())
    joiner.add("s", _file(root))
    found = []
    for hits in (b"\1\0\0", b"\0\1\1"):
        joiner.add("s", wire.Hits(0, 0, hits))
        joiner.add("s", wire.Trace("test:a.py::test_x", (0,)))
        joiner.add("s", _outcome(root))
        (execution,) = joiner.take().executions
        found.append(execution.trace.fingerprints["a.py"])
    assert found[0] < found[1]


def test_a_stored_model_that_cannot_be_read_is_an_error_of_the_datafile() -> None:
    loaded = LoadedSource(
        SourceVersion("a.py", "", MODEL_KEY, b"\x10\0\0\0\x20\0\0\0nothing", b"", 1, 1)
    )
    with pytest.raises(DatafileError, match="holds what cannot be read"):
        _ = loaded.table

"""The project's sources as they are now."""

import os
import time
from pathlib import Path

import pytest

from testmon_cli.analysis import codec
from testmon_cli.analysis.model import build_model
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.application.checkout import sources
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.domain.records import SourceVersion, VersionRef
from testmon_cli.domain.source import SourceError
from testmon_cli.storage.datafile import Datafile
from tests.conftest import Project


def _write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("X = 1\n")


def test_what_is_scanned(tmp_path: Path) -> None:
    _write(
        tmp_path,
        "a.py",
        "app/b.py",
        "notes.txt",
        ".git/c.py",
        "node_modules/d.py",
        "venv2/lib/e.py",
        "gen/f.py",
    )
    (tmp_path / "venv2/pyvenv.cfg").write_text("")
    assert sorted(sources.scan(tmp_path, exclude=("gen/*",))) == ["a.py", "app/b.py"]


def test_source_folders_outside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "project"
    _write(tmp_path, "project/a.py", "shared/b.py")
    assert sorted(sources.scan(root, [str(tmp_path / "shared")])) == ["../shared/b.py", "a.py"]


def _ref(tree: Tree, path: str, digest: str) -> VersionRef:
    stat = tree.stats[path]
    return VersionRef(
        id=1, path=path, digest=digest, model_key="1", size=stat.size, mtime_ns=stat.mtime_ns
    )


def test_a_file_is_recognised_by_size_and_time_alone(tmp_path: Path) -> None:
    _write(tmp_path, "a.py")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    later = time.time_ns() + 2 * sources.RACY_NS
    assert tree.is_unchanged(_ref(tree, "a.py", "not even read"), later)


def test_a_file_as_young_as_the_record_is_read(tmp_path: Path) -> None:
    _write(tmp_path, "a.py")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    now = tree.stats["a.py"].mtime_ns
    assert not tree.is_unchanged(_ref(tree, "a.py", "other"), now)
    assert tree.is_unchanged(_ref(tree, "a.py", tree.digest("a.py")), now)


def test_a_touched_file_is_the_same(tmp_path: Path) -> None:
    _write(tmp_path, "a.py")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    ref = _ref(tree, "a.py", tree.digest("a.py"))
    os.utime(tmp_path / "a.py", ns=(1, 1))
    assert Tree(tmp_path, sources.scan(tmp_path)).is_unchanged(ref, time.time_ns())


def test_a_file_that_went_has_changed(tmp_path: Path) -> None:
    _write(tmp_path, "a.py")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    ref = _ref(tree, "a.py", tree.digest("a.py"))
    (tmp_path / "a.py").unlink()
    assert not Tree(tmp_path, sources.scan(tmp_path)).is_unchanged(ref, 0)


def test_a_file_that_does_not_parse(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = (\n")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    for _ in range(2):
        with pytest.raises(SourceError) as caught:
            tree.model("a.py")
        assert caught.value.line == 1


@pytest.mark.parametrize(
    ("key", "model", "taken"),
    [
        pytest.param(
            MODEL_KEY, codec.encode(build_model(b"stored = 1\n")), True, id="same-analysis"
        ),
        pytest.param(
            "other", codec.encode(build_model(b"stored = 1\n")), False, id="another-analysis"
        ),
        pytest.param(MODEL_KEY, b"", False, id="stored-without-a-model"),
    ],
)
def test_what_is_stored_of_a_content_is_not_made_again(
    tmp_path: Path, key: str, model: bytes, taken: bool
) -> None:
    _write(tmp_path, "a.py")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    with Datafile.open(tmp_path / "datafile", mode="write", create=True) as tree.datafile:
        tree.datafile.add_sources(
            [SourceVersion("a.py", tree.digest("a.py"), key, model, b"", 1, 1)]
        )
        names = tree.model("a.py").definitions[0].names
    assert names == (("stored",) if taken else ("X",))


def test_another_content_of_a_file_is_parsed(tmp_path: Path) -> None:
    _write(tmp_path, "a.py")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    stored = codec.encode(build_model(b"stored = 1\n"))
    with Datafile.open(tmp_path / "datafile", mode="write", create=True) as tree.datafile:
        tree.datafile.add_sources(
            [SourceVersion("a.py", "another digest", MODEL_KEY, stored, b"", 1, 1)]
        )
        assert tree.model("a.py").definitions[0].names == ("X",)


def test_what_is_no_source_exists_too(tmp_path: Path) -> None:
    _write(tmp_path, "a.py", "checks/b.yaml")
    tree = Tree(tmp_path, sources.scan(tmp_path))
    assert [tree.exists(path) for path in ("a.py", "checks/b.yaml", "c.py")] == [True, True, False]


def test_a_stored_version_is_decoded_once_for_an_answer(project: Project) -> None:
    project.write({"test_a.py": "def test():\n    pass\n"})
    assert project.testmon("collect", "-q").code == 0
    with Datafile.open(project.path / ".testmondata") as datafile:
        ref = datafile.snapshot(datafile.runs()[0].id)["test_a.py"]
        model = sources.stored_model(datafile, ref)
        assert model is not None
        assert sources.stored_model(datafile, ref) is model


def test_who_imports_whom_is_told_without_decoding_models(depot: Project) -> None:
    with Datafile.open(depot.path / ".testmondata") as datafile:
        run = datafile.runs()[0]
        snapshot = sources.Snapshot(datafile, datafile.snapshot(run.id))
        edges = snapshot.project().edges("depot/files.py", lazy=True)
        assert (edges, datafile.decoded) == ({"depot/__init__.py", "depot/lazy.py"}, {})
        assert snapshot.outline("gone.py") == snapshot.imports("gone.py") == ()

import subprocess
import sys

import synthetic


def _testmon(root, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "testmon_cli", *arguments], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_datafile_that_was_filled_answers_like_one_that_was_collected(tmp_path, monkeypatch):
    for name, size in (("MODULES", 6), ("FUNCTIONS", 4), ("IN_FILE", 10)):
        monkeypatch.setattr(synthetic, name, size)
    planned = synthetic.plan(40)
    root = tmp_path / "project"
    synthetic.write_project(root, planned)
    synthetic.age(root)
    _testmon(root, "collect", "-q", "-p", "no:cacheprovider", "tests/test_00000.py")
    synthetic.fill(root, planned)
    assert _testmon(root, "select") == []
    path = root / synthetic.SHARED
    path.write_text(path.read_text().replace("total += 5", "total += 6", 1))
    callers = {nodeid for nodeid, calls in planned.items() if synthetic.Call("shared", 0) in calls}
    assert 0 < len(callers) < 40
    assert set(_testmon(root, "select")) == callers

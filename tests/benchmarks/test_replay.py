import subprocess

import lab
import replay


def _git(folder, *command):
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


def _worktree(tmp_path, *commits):
    folder = tmp_path / "home" / "till"
    folder.mkdir(parents=True)
    _git(folder, "init", "-q", "-b", "main")
    for name, text in commits:
        (folder / name).write_text(text)
        _git(folder, "add", ".")
        _git(folder, "commit", "-q", "-m", name)
    recipe = lab.Recipe("till", "1", "")
    return replay.Worktree(lab.Project(recipe, tmp_path / "home"))


def test_commits_that_change_no_python_are_passed_over(tmp_path):
    tree = _worktree(
        tmp_path, ("a.py", "a = 1"), ("README", "text"), ("a.py", "a = 2"), ("b.py", "b = 1")
    )
    commits = tree.commits("main", 5)
    assert len(commits) == 3
    assert commits == tree.commits("main", 2)
    assert tree.commits("main", 1) == commits[1:]
    tree.at(commits[0])
    assert (tree.project.folder / "a.py").read_text() == "a = 1"
    assert not (tree.project.folder / "README").exists()


def test_another_commit_keeps_the_datafile_and_nothing_else_that_is_untracked(tmp_path):
    tree = _worktree(tmp_path, ("a.py", "a = 1"), ("a.py", "a = 2"))
    for name in (".testmondata", "left.txt", "a.py"):
        (tree.project.folder / name).write_text("other")
    tree.at(tree.commits("main", 1)[0])
    assert {path.name for path in tree.project.folder.iterdir()} == {".git", ".testmondata", "a.py"}
    assert (tree.project.folder / "a.py").read_text() == "a = 1"


def test_needed_are_tests_that_come_out_otherwise_or_are_new():
    before = {"a": "passed", "b": "passed", "gone": "passed"}
    assert replay.changed(before, {"a": "passed", "b": "failed", "new": "passed"}) == {"b", "new"}


def test_a_row_sums_up_the_commits_of_a_project():
    steps = [replay.Step("c1", 10, 1, 2, 4, ("t",), 0), replay.Step("c2", 20, 0, 0, 20, (), 3)]
    expected = ("till", 2, "5.0%", "10.0% / 10.0%", "1 / 1", "70.0% / 70.0%", "3 / 1")
    assert replay.row("till", steps) == expected

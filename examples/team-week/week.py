"""A week of a team, played on one machine: every job is a fresh checkout that knows others by a hub alone.

    python examples/team-week/week.py [--on folder|s3|postgresql] [--python OTHER] [--small]

The hub is a folder, or a bucket or database on a server that is started for it, as the tests of testmon do.

After each step plain pytest runs all tests on the same sources. The step has missed a test if it fails there and no job
ran it. The table says what each step selected and missed, whether evidence that was there was used, and what it took.
The exit code is 1 where anything was missed, or where evidence was not used.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from testmon_cli.bundles import files
from testmon_cli.bundles.errors import BundleError
from testmon_cli.hubs.opening import open_hub

ROOT = Path(__file__).parents[2]
AREAS = ("cart", "price", "stock", "tax", "ship", "user", "mail", "search")
KNOWN = re.compile(r"^(\S+::\S+) (PASSED|FAILED|ERROR)", re.MULTILINE)
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("TESTMON_", "PYTEST_", "CI", "GIT", "BUILD"))}


def write_project(folder):
    """A project of eight areas, each with a module that uses the shared one, and with six tests."""
    (folder / "shop").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (folder / ".gitignore").write_text(".testmon*\n__pycache__/\n.pytest_cache/\n")
    (folder / "shop/__init__.py").write_text("")
    (folder / "shop/base.py").write_text("RATE = 2\n\n\ndef scaled(x):\n    return x * RATE\n")
    for area in AREAS:
        functions = "".join(f"\n\ndef {area}_{n}(x):\n    return x + {n}\n" for n in range(5))
        (folder / f"shop/{area}.py").write_text(
            f"from shop.base import scaled\n\n\ndef {area}_base(x):\n    return scaled(x)\n{functions}"
        )
        tests = "".join(f"\n\ndef test_{n}():\n    assert {area}.{area}_{n}(1) == {n + 1}\n" for n in range(5))
        (folder / f"tests/test_{area}.py").write_text(
            f"from shop import {area}\n\n\ndef test_base():\n    assert {area}.{area}_base(1) == 2\n{tests}"
        )


class Week:
    """The team: its repository, its hub, and what became of each step."""

    def __init__(self, folder, hub):
        self.folder = folder
        self.repository = folder / "repository"
        self.hub = hub
        self.steps = []
        self.seen = {}  # (python, tree) -> who may use what ran on it
        self.jobs = 0
        write_project(self.repository)
        self.git("init", "-q", "-b", "main")
        self.commit("Begin")

    def git(self, *arguments):
        identity = ("-c", "user.name=team", "-c", "user.email=team@example.org", "-c", "commit.gpgsign=false")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.repository, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-qm", message, "--allow-empty")

    def edit(self, name, old, new):
        path = self.repository / name
        text = path.read_text()
        assert old in text, (name, old)
        path.write_text(text.replace(old, new))

    def branch(self, name, start="main"):
        self.git("checkout", "-q", "-B", name, start)

    def checkout(self):
        """A fresh copy of what is checked out in the repository, as a runner makes it."""
        self.jobs += 1
        place = self.folder / "runners" / str(self.jobs) / "project"
        subprocess.run(["git", "clone", "-q", str(self.repository), str(place)], check=True)
        return place

    def step(self, what, event, ref, shards=1, python=sys.executable, cancel=None, expect="", before=None):
        """Let jobs run what is checked out and compare with all tests, run by plain pytest."""
        started, ran, code, said = time.time(), set(), 0, ""
        size = self.size()
        for shard in range(1, shards + 1):
            place = self.checkout()
            if before is not None:
                before(place)
            environ = {**CLEAN, **variables(event, ref), "TESTMON_HUB": self.hub}
            command = [python, "-m", "testmon_cli", "ci", *(["--shard", f"{shard}/{shards}"] if shards > 1 else [])]
            done, out, err = run([*command, "-v", "-p", "no:cacheprovider"], place, environ, cancel)
            ran |= {nodeid for nodeid, _ in KNOWN.findall(out)}
            code, said = code or done, said + err
        seconds = time.time() - started
        assert expect in said, (what, said)
        place = self.checkout()
        _, out, _ = run([python, "-m", "pytest", "-v", "-p", "no:cacheprovider"], place, CLEAN, None)
        outcomes = dict(KNOWN.findall(out))
        failing = {nodeid for nodeid, outcome in outcomes.items() if outcome != "PASSED"}
        missed = failing - ran if cancel is None else set()
        key = python, self.git("rev-parse", "HEAD^{tree}")
        who = "trusted" if event in ("main", "merge-queue") else ref
        hits = "-"
        if self.seen.get(key, set()) & {"trusted", who}:
            hits = f"{100 * (1 - len(ran - failing) / len(outcomes)):.0f} %"
        if cancel is None and event != "fork":
            self.seen.setdefault(key, set()).add(who)
        if cancel is None:
            assert bool(code) == bool(failing), (what, code, failing, said)
        self.steps.append((what, len(ran), len(outcomes), len(missed), hits, seconds, self.size() - size))
        print(self.row(self.steps[-1]), flush=True)

    def size(self):
        """The bytes in the hub."""
        with contextlib.closing(open_hub(self.hub)) as store:
            return sum(entry.size for entry in store.entries())

    def empty(self):
        """Remove all that is in the hub."""
        with contextlib.closing(open_hub(self.hub)) as store:
            for entry in [*store.entries()]:
                store.remove(entry.name)

    def poison(self):
        """Damage every second bundle of the main branch, and let the others be of a format that nobody knows.

        Gives whether the hub took them: a database looks into what it is given.
        """
        place, taken = self.folder / "bundle", False
        with contextlib.closing(open_hub(self.hub)) as store:
            for number, entry in enumerate(sorted(store.entries("push/main/"))):
                store.get(entry.name, place)
                header = files.check(place)
                data = bytearray(place.read_bytes())
                if number % 2:
                    data[len(data) // 2] ^= 0xFF
                else:
                    data = data.replace(b"testmon bundle 1", b"testmon bundle 9", 1)
                place.write_bytes(data)
                store.remove(entry.name)
                with contextlib.suppress(BundleError):
                    taken |= store.put(entry.name, place, header)
        return taken

    def row(self, step):
        what, ran, of, missed, hits, seconds, size = step
        return f"| {what} | {ran} | {of} | {missed} | {hits} | {seconds:.1f} | {size:,} |"

    def is_good(self):
        hits = [float(hits.removesuffix(" %")) for *_, hits, _, _ in self.steps if hits != "-"]
        return not any(step[3] for step in self.steps) and all(hit >= 99 for hit in hits)


def variables(event, ref):
    """What a provider sets for a job."""
    found = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_JOB_NAME": "test", "GITLAB_USER_LOGIN": "team"}
    if event in ("main", "branch"):
        return {**found, "CI_COMMIT_BRANCH": ref}
    found |= {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": ref}
    found |= {"CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2" if event == "fork" else "1"}
    return {**found, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"} if event == "merge-queue" else found


def run(command, place, environ, cancel):
    """Run a job to its end, or send it a signal after the first tests have ended."""
    process = subprocess.Popen(
        command, cwd=place, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if cancel is None:
        out, err = process.communicate()
        return process.returncode, out, err
    out = ""
    while out.count("PASSED") < 3 and (line := process.stdout.readline()):
        out += line
    os.killpg(process.pid, cancel)
    rest, err = process.communicate()
    return process.returncode, out + rest, err


def play(week, other, small):
    """The week, day by day."""
    week.step("main collects in three shards", "main", "main", shards=3)
    week.step("main again, other runners", "main", "main", shards=3)
    for number, area in enumerate(AREAS[: 2 if small else 8], 1):
        week.branch(f"branch-{number}")
        week.edit(f"shop/{area}.py", "x + 3", "3 + x" if number != 2 else "3 - x")
        week.commit(f"Change {area}")
        week.step(f"branch {number} changes a function" + " and breaks it" * (number == 2), "branch", f"branch-{number}")
    week.git("checkout", "-q", "branch-2")
    week.edit("shop/price.py", "3 - x", "3 + x")
    week.commit("Mend price")
    week.step("branch 2 mends it", "branch", "branch-2")
    week.branch("branch-9")
    week.edit("shop/base.py", "RATE = 2", "RATE = 1 + 1")
    week.commit("Change a constant")
    week.step("branch 9 changes a constant", "branch", "branch-9")
    week.branch("branch-10")
    week.edit("tests/test_mail.py", "\n\n\ndef test_base", "\n\n\ndef test_new():\n    pass\n\n\ndef test_base")
    week.commit("Add a test")
    week.step("branch 10 adds a test", "branch", "branch-10")
    week.git("checkout", "-q", "main")
    week.git("merge", "-q", "--no-ff", "--no-edit", "branch-1")
    week.step("the merge queue takes branch 1", "merge-queue", "1")
    week.step("main after the merge", "main", "main", shards=3)
    week.branch("fork")
    week.edit("shop/tax.py", "x + 4", "4 - x")
    week.commit("A stranger breaks tax")
    week.step("a fork breaks a function", "fork", "50")
    week.step("the fork runs again", "fork", "50")
    week.git("checkout", "-q", "branch-2")
    week.git("rebase", "-q", "main")
    week.step("branch 2 after a rebase", "branch", "branch-2")
    week.git("checkout", "-q", "main")
    week.git("revert", "--no-edit", "-m", "1", "HEAD")
    week.step("main reverts branch 1", "main", "main", shards=3)
    week.edit("shop/base.py", "x * RATE", "RATE * x")
    for area in AREAS:
        week.edit(f"tests/test_{area}.py", "def test_base():\n", "def test_base():\n    import time; time.sleep(0.2)\n")
    week.commit("Change what all use")
    week.step("a job is cancelled", "main", "main", cancel=signal.SIGINT)
    week.step("a runner dies", "main", "main", cancel=signal.SIGKILL)
    week.step("the job runs again", "main", "main")
    poisoned = week.poison()
    week.seen.clear()
    week.step("a poisoned and a newer bundle in the hub", "main", "main", expect="refused" if poisoned else "")
    week.empty()
    week.seen.clear()
    week.step("the hub is emptied", "main", "main")
    week.step("main again", "main", "main")
    if other:
        week.step("another Python", "main", "main", python=other)
        week.step("another Python again", "main", "main", python=other)


@contextlib.contextmanager
def served(kind, folder):
    """The address of a hub, on a server of its own."""
    if kind == "folder":
        (folder / "hub").mkdir()
        yield str(folder / "hub")
        return
    sys.path.insert(0, str(ROOT))
    if kind == "s3":
        import logging

        from tests.hubs import s3

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        with s3.server() as port:
            given = {"ENDPOINT": f"http://127.0.0.1:{port}", "ALLOW_HTTP": "true", "REGION": "us-east-1"}
            given |= {"ACCESS_KEY_ID": "any", "SECRET_ACCESS_KEY": "any"}
            environ = {f"AWS_{name}": value for name, value in given.items()}
            CLEAN.update(environ)
            os.environ.update(environ)
            yield "s3://bucket/week"
    else:
        from tests.hubs import postgres

        with postgres.server() as running:
            running.run("CREATE DATABASE hub OWNER owner", database="postgres")
            yield running.url()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--on", choices=("folder", "s3", "postgresql"), default="folder", help="where the hub is")
    parser.add_argument("--python", help="another Python, with testmon")
    parser.add_argument("--small", action="store_true", help="two branches instead of ten")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="team-week-") as folder, served(options.on, Path(folder)) as hub:
        week = Week(Path(folder), hub)
        print("| step | ran | of | missed | evidence used | seconds | bytes given |")
        print("| --- " * 7 + "|")
        play(week, options.python, options.small)
    return 0 if week.is_good() else 1


if __name__ == "__main__":
    sys.exit(main())

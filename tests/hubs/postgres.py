"""A server of PostgreSQL on this machine, with a database, an owner and roles of fewer rights."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def _program(name: str) -> str:
    found = shutil.which(name)
    for pattern in _PLACES:
        found = found or next(
            (
                str(path / name)
                for path in sorted(Path("/").glob(pattern[1:]))
                if (path / name).exists()
            ),
            None,
        )
    if found is None:
        message = f"{name} of PostgreSQL was not found: install the package postgresql"
        if os.environ.get("TESTMON_TEST_ALL"):
            pytest.fail(message)
        pytest.skip(message)
    return found


class Server:
    """A server that runs."""

    def __init__(self, port: int, start: list[str]) -> None:
        self.port = port
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, role: str = "owner", database: str = "hub") -> str:
        return f"postgresql://{role}:a-secret-of-{role}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        import psycopg

        for _ in range(300):  # for a moment it takes connections and has no database yet
            with suppress(psycopg.OperationalError):
                self.run("SELECT 1", database="postgres")
                return
            time.sleep(0.1)
        raise AssertionError("PostgreSQL did not start")

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(2)  # fast shutdown
        self._process.wait(30)

    def run(
        self, *statements: str, role: str = "postgres", database: str = "hub"
    ) -> list[tuple[object, ...]]:
        """Run SQL; the rows of the last statement."""
        import psycopg

        with psycopg.connect(self.url(role, database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def server() -> Iterator[Server]:
    """A server of its own; not below the folders of pytest, which another user may not enter."""
    with (
        tempfile.TemporaryDirectory(prefix="testmon-postgres-") as folder,
        _in(Path(folder)) as running,
    ):
        yield running


@contextmanager
def _in(folder: Path) -> Iterator[Server]:
    initdb, postgres = _program("initdb"), _program("postgres")
    become: list[str] = []
    data = folder / "data"
    (folder / "password").write_text("a-secret-of-postgres")
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            user = pwd.getpwnam("nobody")
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    subprocess.run(
        [
            *become,
            initdb,
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "-N",
            f"--pwfile={folder}/password",
        ],
        check=True,
        capture_output=True,
        cwd="/",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": "40",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    running = Server(port, [*become, postgres, "-D", str(data), "-p", str(port), *settings])
    running.start()
    try:
        roles = [
            f"CREATE ROLE {name} LOGIN PASSWORD 'a-secret-of-{name}'"
            for name in ("owner", "reader", "adder")
        ]
        running.run(*roles, database="postgres")
        yield running
    finally:
        running.stop()

"""A server of Azure's blobs on this machine: Azurite, which npm installs."""

import base64
import hashlib
import hmac
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key for tests, which is no secret at all").decode()
_VERSION = "2021-08-06"
_PATIENCE = 30.0  # seconds


def program() -> str | None:
    """The path of Azurite, where it is installed."""
    return shutil.which("azurite-blob")


@contextmanager
def server() -> Iterator[int]:
    """The port of a server with a container `hub`."""
    found = program()
    assert found is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    serving = subprocess.Popen(
        [found, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(port)
        _make_container(port)
        yield port
    finally:
        serving.terminate()
        serving.wait()


def _await(port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _make_container(port: int) -> None:
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    head = "PUT" + "\n" * 12
    signed = f"{head}x-ms-date:{now}\nx-ms-version:{_VERSION}\n/{ACCOUNT}/{ACCOUNT}/hub\nrestype:container"
    seal = base64.b64encode(
        hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    ).decode()
    headers = {
        "x-ms-date": now,
        "x-ms-version": _VERSION,
        "Authorization": f"SharedKey {ACCOUNT}:{seal}",
    }
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(
        "PUT", f"/{ACCOUNT}/hub?restype=container", headers={**headers, "Content-Length": "0"}
    )
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    connection.close()

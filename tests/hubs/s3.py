"""A server of S3 on this machine, and a proxy before it that goes wrong on demand."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def server() -> Iterator[int]:
    """The port of an S3 server with a bucket."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        _, port = moto.get_host_and_port()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("PUT", "/bucket")
        assert connection.getresponse().status == 200
        connection.close()
        yield port
    finally:
        moto.stop()


Fault = Callable[["_Handler", "Answer"], bool]  # says whether it has answered


class Answer:
    """What the server said."""

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Proxy:
    """Passes requests on.

    `faults` are used up, one for each request whose method and path begin so.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.faults: list[tuple[str, Fault]] = []
        self.requests: list[str] = []
        self.translated: dict[str, tuple[str, str]] = {}  # headers of requests that become others
        self.given: dict[str, str] = {}  # headers of all requests
        self.added: list[tuple[str, str]] = []  # headers of answers
        self.lock = threading.Lock()

    def fault_of(self, request: str) -> Fault | None:
        with self.lock:
            self.requests.append(request)
            for place, (begins, fault) in enumerate(self.faults):
                if request.startswith(begins):
                    del self.faults[place]
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _pass(self) -> None:
        fault = self.proxy.fault_of(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault is not None and getattr(fault, "is_early", False):
            fault(self, Answer(0, [], b""))
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.upstream)
        sent = [(name.lower(), value) for name, value in self.headers.items()]
        headers = [self.proxy.translated.get(name, (name, value)) for name, value in sent]
        connection.request(self.command, self.path, body, {**dict(headers), **self.proxy.given})
        found = connection.getresponse()
        answer = Answer(found.status, [*found.getheaders(), *self.proxy.added], found.read())
        connection.close()
        if fault is None or not fault(self, answer):
            self.give(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass

    def give(self, answer: Answer, part: int | None = None) -> None:
        """Send an answer, or so many bytes of its body, and hang up."""
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in (
                "transfer-encoding",
                "content-length",
                "connection",
                "server",
                "date",
            ):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[:part])
        if part is not None:
            self.hang_up()

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def proxy(upstream: int) -> Iterator[tuple[Proxy, int]]:
    """A proxy and its port."""
    between = Proxy(upstream)
    handler = type("Handler", (_Handler,), {"proxy": between})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield between, listening.server_address[1]
        listening.shutdown()
        thread.join()


def status(code: int) -> Fault:
    """The request does not get through; the server says why."""

    def fault(handler: _Handler, answer: Answer) -> bool:
        handler.give(Answer(code, [], b"<Error><Code>Oops</Code></Error>"))
        return True

    fault.is_early = True  # type: ignore[attr-defined]
    return fault


def slow(seconds: float) -> Fault:
    """The answer takes its time."""

    def fault(handler: _Handler, answer: Answer) -> bool:
        time.sleep(seconds)
        return False

    return fault


def dropped(part: int) -> Fault:
    """The connection ends after so many bytes of the answer, or before it."""

    def fault(handler: _Handler, answer: Answer) -> bool:
        if part < 0:
            handler.hang_up()
        else:
            handler.give(answer, part)
        return True

    return fault


def instead(body: bytes) -> Fault:
    """An answer of before."""

    def fault(handler: _Handler, answer: Answer) -> bool:
        answer.body = body
        return False

    return fault

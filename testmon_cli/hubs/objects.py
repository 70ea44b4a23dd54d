"""Object storage as a hub: S3, Google, Azure, and WebDAV, through obstore.

Credentials come by obstore's own ways: variables of the environment, profiles of machines, workload
identities. None is ever part of a message: what the library says is not passed on.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from testmon_cli.bundles.files import Header
from testmon_cli.domain.errors import EnvironmentFailure, HubError
from testmon_cli.hubs.store import Entry, Gone

_CHUNK: Final = 1 << 20
_REFUSED: Final = "permission denied, or there are no credentials"
_FINAL: Final = ("it answered 4", "without", _REFUSED)  # to try again would not help
_ATTEMPTS: Final = 3
# seconds before the second attempt; before each other it is twice as long as before
_PAUSE: Final = 0.2
_RETRIES: Final = {
    "max_retries": 4,
    "backoff": {
        "init_backoff": timedelta(seconds=0.1),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=60),
}
# variables of obstore
_PLAIN: Final = ("AWS_ALLOW_HTTP", "AZURE_ALLOW_HTTP", "GOOGLE_ALLOW_HTTP", "ALLOW_HTTP")
Answer = TypeVar("Answer")


class ObjectStore:
    """Objects under a prefix of a bucket.

    An object is written under the condition that there is none of its name.
    """

    def __init__(self, address: str) -> None:
        try:
            import obstore
            from obstore import store
        except ImportError:
            raise EnvironmentFailure(
                "a hub in object storage needs the package obstore: install testmon-cli[hub]"
            ) from None
        self._library: Any = obstore
        self._errors: Any = obstore.exceptions
        parts = urlsplit(address)
        self.where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._has_conditions = parts.scheme not in ("http", "https")
        # Servers of WebDAV list whole paths: what is below ours has it as a prefix there.
        self._above = "" if self._has_conditions else f"{parts.path.strip('/')}/".lstrip("/")
        if not self._has_conditions:
            address = f"{parts.scheme}://{parts.netloc}"
        with_url: Callable[..., Any] = (
            store.from_url if self._has_conditions else store.HTTPStore.from_url
        )
        try:
            self._store = with_url(
                address, client_options=_client(parts.scheme), retry_config=_RETRIES
            )
        except (self._errors.BaseError, ValueError, TypeError) as error:
            raise HubError(
                f"the hub {self.where} cannot be opened: its address or the configuration is wrong"
            ) from error

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        def all_of_them() -> list[Entry]:
            found = self._library.list(
                self._store, prefix=f"{self._above}{prefix}".rstrip("/") or None
            )
            return [Entry(meta["path"], meta["size"]) for batch in found for meta in batch]

        for name, size in self._tried("read", all_of_them):
            if name.startswith(self._above + prefix):
                yield Entry(name.removeprefix(self._above), size)

    def get(self, name: str, path: Path) -> None:
        def copy() -> None:
            answer = self._library.get(self._store, self._above + name)
            size = 0
            with open(path, "wb") as file:
                for chunk in answer.stream(min_chunk_size=_CHUNK):
                    size += file.write(chunk)
            if size != answer.meta["size"]:
                raise _Dropped

        try:
            self._tried("read", copy)
        except FileNotFoundError as error:
            raise Gone(name) from error

    def put(self, name: str, path: Path, header: Header) -> bool:
        def give() -> bool:
            if not self._has_conditions:
                with suppress(FileNotFoundError):
                    self._library.head(self._store, self._above + name)
                    return False
            # by the same, since it is named by content
            mode: Any = "create" if self._has_conditions else "overwrite"
            try:
                self._library.put(
                    self._store, self._above + name, path, mode=mode, use_multipart=False
                )
            except (self._errors.AlreadyExistsError, self._errors.PreconditionError):
                return False  # or an earlier attempt got there, and only its answer was lost
            return True

        return self._tried("written", give)

    def remove(self, name: str) -> None:
        def delete() -> None:
            with suppress(FileNotFoundError):
                self._library.delete(self._store, self._above + name)

        self._tried("written", delete)

    def tidy(self, now: float) -> int:
        return 0  # an object is there in full or not at all

    def close(self) -> None:
        pass

    def _tried(self, what: str, act: Callable[[], Answer]) -> Answer:
        """Try again what may succeed then, each time after a longer pause.

        The library has done so for each request.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return act()
            except FileNotFoundError:
                if what == "read":
                    raise
                raise HubError(
                    f"the hub {self.where} cannot be {what}: there is no such place"
                ) from None
            except (self._errors.PermissionDeniedError, self._errors.UnauthenticatedError):
                raise HubError(f"the hub {self.where} cannot be {what}: {_REFUSED}") from None
            except (self._errors.BaseError, OSError, ValueError, _Dropped) as error:
                reason = _reason(error)
                if attempt == _ATTEMPTS or reason.startswith(_FINAL):
                    raise HubError(f"the hub {self.where} cannot be {what}: {reason}") from None
                time.sleep(_PAUSE * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
        raise AssertionError


def _client(scheme: str) -> dict[str, Any]:
    """Options of a connection. Plain HTTP needs a variable, where nothing else is set."""
    is_plain = scheme == "http" or any(
        os.environ.get(name, "").lower() in ("1", "true") for name in _PLAIN
    )
    return {
        "timeout": timedelta(seconds=60),
        "connect_timeout": timedelta(seconds=10),
        "allow_http": is_plain,
    }


class _Dropped(Exception):  # noqa: N818
    """An answer was over before its end."""


def _reason(error: Exception) -> str:
    """Say in a word what is wrong; the library's text may hold addresses with secrets."""
    status = re.search(r"\b([45]\d\d) (?:[A-Z][A-Za-z]+ ?)+", str(error))
    if status is not None and status[1] in ("401", "403"):
        return _REFUSED
    if status is not None:
        return f"it answered {status[0].strip()}"
    if "BadScheme" in str(error):
        return "without encryption it is read only with AWS_ALLOW_HTTP=true"
    return (
        "there is no connection to it"
        if "connect" in str(error).lower()
        else "the connection failed"
    )

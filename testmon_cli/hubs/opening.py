"""From the address of a hub to the hub."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from testmon_cli.domain.errors import SettingsError
from testmon_cli.hubs.store import Store

_OBJECTS: Final = ("s3", "s3a", "gs", "az", "https", "http")
_KNOWN: Final = "a folder, file:///FOLDER, s3://, gs://, az://, https:// or postgresql://"


def open_hub(address: str) -> Store:
    """The hub at a URL or in a folder."""
    from testmon_cli.hubs.folder import FolderStore

    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", address):
        return FolderStore(Path(address))
    parts = urlsplit(address)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme in _OBJECTS and parts.netloc:
        from testmon_cli.hubs.objects import ObjectStore

        return ObjectStore(address)
    if parts.scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        from testmon_cli.hubs.database import DatabaseStore

        return DatabaseStore(address)
    if parts.scheme in _OBJECTS:
        raise SettingsError(
            f"no hub can be at {address}: name a bucket or server, like {parts.scheme}://NAME/FOLDER"
        )
    raise SettingsError(f"no hub can be at {parts.scheme}://: give {_KNOWN}")

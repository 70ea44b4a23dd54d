"""Editable installs of the project itself, and what their metadata say.

Their code is that of the checkout, so the metadata matter to who reads them alone. A version that
is made of the commit changes with each.
"""

import json
import re
from typing import Any, Final

from testmon_cli.domain.hashing import blake2b
from testmon_cli.tracing.originals import open_file, paths
from testmon_cli.tracing.watch.states import MISSING

DISTRIBUTION: Final = "distribution"  # kind of resource: what they say
METADATA_FILES: Final = ("METADATA", "entry_points.txt")
_OF_INSTALLER: Final = "direct_url.json"
FOLDER: Final = ".dist-info"  # ends the name of a folder of metadata


def name_of_own(folder: str, root: str) -> str | None:
    """The name of a distribution, if it is an editable install of the project below `root`.

    `folder` is that of its metadata.
    """
    told = _read(paths.join(folder, _OF_INSTALLER))
    if told is None or not folder.endswith(FOLDER):
        return None
    from urllib.parse import unquote, urlsplit

    try:
        found: Any = json.loads(told)
        if found["dir_info"]["editable"] is not True:
            return None
        place = paths.realpath(unquote(urlsplit(found["url"]).path))
    except (ValueError, KeyError, TypeError):
        return None
    if not f"{place}{paths.sep}".startswith(f"{paths.realpath(root)}{paths.sep}"):
        return None
    stem = paths.basename(folder).removesuffix(FOLDER)
    return normalise(stem.partition("-")[0])


def normalise(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_state(folder: str) -> str:
    """The digest of what the metadata in a folder say, "missing" without any."""
    texts = [_read(paths.join(folder, name)) for name in METADATA_FILES]
    if all(text is None for text in texts):
        return MISSING
    return blake2b(repr(texts).encode(), digest_size=16).hexdigest()


def _read(path: str) -> bytes | None:
    try:
        with open_file(path, "rb") as file:
            found: bytes = file.read()
            return found
    except OSError:
        return None

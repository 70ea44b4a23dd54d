from collections.abc import Iterator
from pathlib import Path

import pytest

from testmon_cli.storage.datafile import Datafile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".testmondata"


@pytest.fixture
def datafile(path: Path) -> Iterator[Datafile]:
    """A blank datafile, opened to write."""
    with Datafile.open(path, "write", create=True) as opened:
        yield opened

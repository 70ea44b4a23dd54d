"""A folder as a hub: whole files alone, whatever else is there."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from testmon_cli.bundles.files import header_of
from testmon_cli.domain.errors import HubError, SettingsError
from testmon_cli.hubs.folder import FolderStore
from testmon_cli.hubs.opening import open_hub
from testmon_cli.hubs.store import Gone
from tests.hubs.stores import bundle_of, check_contract


def test_the_contract(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    check_contract(FolderStore(tmp_path / "hub"), tmp_path / "made")


def test_it_is_made_where_its_place_is_there(tmp_path: Path) -> None:
    path, header, name = bundle_of(tmp_path / "made", 1.0, "test_one")
    assert FolderStore(tmp_path / "hub").put(name, path, header)
    with pytest.raises(
        HubError, match=r"the hub .*/no/hub cannot be written: there is no folder .*/no$"
    ):
        FolderStore(tmp_path / "no" / "hub").put(name, path, header)
    with pytest.raises(
        HubError, match=r"the hub .*/no/hub cannot be read: No such file or directory"
    ):
        list(FolderStore(tmp_path / "no" / "hub").entries())


def test_what_is_no_whole_file_of_ours_is_left_alone(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    path, header, name = bundle_of(tmp_path / "made", 1.0, "test_one")
    store = FolderStore(hub)
    store.put(name, path, header)
    place = (hub / name).parent
    os.symlink(path, place / "link.testmonbundle")
    os.symlink("/etc", hub / "local")
    os.mkfifo(place / "pipe.testmonbundle")
    (place / ".x.new").write_text("a part")
    (place / "deeper" / "more").mkdir(parents=True)
    (place / "deeper" / "file").write_text("")
    (hub / "lost+found").mkdir(mode=0)
    (hub / "README").write_text("ours")
    assert sorted(entry.name for entry in store.entries()) == sorted(["README", name])
    for odd in ("push/main/link.testmonbundle", "push/main/pipe.testmonbundle"):
        with pytest.raises((HubError, Gone)):
            store.get(odd, tmp_path / "got")
    assert store.tidy(time.time()) == 0
    assert store.tidy(time.time() + 90_000) == 1
    assert not (place / ".x.new").exists()


def _put(at: tuple[Path, Path, str]) -> bool:
    hub, path, name = at
    return FolderStore(hub).put(name, path, header_of(path))


def test_processes_that_give_the_same_at_the_same_time(tmp_path: Path) -> None:
    path, _, name = bundle_of(tmp_path / "made", 1.0, *(f"test_{n}" for n in range(200)))
    with ProcessPoolExecutor(4) as pool:
        assert sum(pool.map(_put, [(tmp_path / "hub", path, name)] * 16)) == 1
    assert [entry.name for entry in FolderStore(tmp_path / "hub").entries()] == [name]
    assert os.listdir((tmp_path / "hub" / name).parent) == [name.rpartition("/")[2]]


def test_addresses(tmp_path: Path) -> None:
    assert open_hub(f"file://{tmp_path}/a%20b").where == f"{tmp_path}/a b"
    assert open_hub(str(tmp_path)).where == str(tmp_path)
    for address in ("ftp://host/x", "file://host/x"):
        with pytest.raises(SettingsError, match="no hub can be at"):
            open_hub(address)
    with pytest.raises(SettingsError, match="no hub can be at s3://: name a bucket or server"):
        open_hub("s3://")

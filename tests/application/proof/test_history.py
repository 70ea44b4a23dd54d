"""What a worktree imports is its own, wherever the project is installed."""

import sysconfig
from pathlib import Path

from testmon_cli.application.proof.history import import_folders


def test_the_folders_that_a_checkout_is_imported_from(tmp_path: Path) -> None:
    (tmp_path / "two" / "src").mkdir(parents=True)
    site = sysconfig.get_path("purelib")
    inner = str(tmp_path / "lib")
    assert import_folders(tmp_path, ["", inner, site, "/elsewhere"], []) == ["lib"]
    assert import_folders(tmp_path, [str(tmp_path), inner], [str(tmp_path / "two")]) == [".", "lib", "two/src"]
    assert import_folders(Path(site).parents[2], [site], []) == []  # an environment in the checkout is not its source

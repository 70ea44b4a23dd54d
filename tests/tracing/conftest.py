from pathlib import Path

import pytest

from tests.tracing.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty folder for a project that is run for real."""
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)

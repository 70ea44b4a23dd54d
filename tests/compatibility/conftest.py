import pytest

from tests.compatibility.suite import Suite
from tests.conftest import Project


@pytest.fixture(autouse=True)
def _only_named_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each suite names the plugins it is about."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def suite(project: Project) -> Suite:
    """A project without files."""
    return Suite(project)

import pytest

from tests.compatibility.suite import Suite
from tests.conftest import Project


@pytest.fixture
def suite(project: Project) -> Suite:
    """A project without files."""
    return Suite(project)

"""What depends on the version of Python."""

import pytest

from testmon_cli.analysis import python_versions


@pytest.mark.parametrize(
    ("python", "annotations", "lazy"),
    [("3.11", True, False), ("3.13", True, False), ("3.14", False, False), ("3.15", False, True)],
)
def test_what_a_python_does_on_import(python: str, annotations: bool, lazy: bool) -> None:
    assert (
        python_versions.evaluates_annotations(python),
        python_versions.has_lazy_imports(python),
    ) == (
        annotations,
        lazy,
    )

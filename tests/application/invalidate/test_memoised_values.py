"""What a source tells of values that objects keep."""

from typing import Any

import pytest

from testmon_cli.application.invalidate.memoised_values import KeptValues
from tests.analysis.projects import project

TILL = "class Till:\n    def clear(self):\n        self.known = None\n"
PLAIN = [
    pytest.param(TILL, True, id="plain"),
    pytest.param(TILL + "class Below(Till):\n    known = None", True, id="value-of-a-class-below"),
    pytest.param(
        TILL + "class Other:\n    def __setattr__(self, name, value): pass",
        True,
        id="hook-of-another-class",
    ),
    pytest.param(
        "class Base:\n    pass\n" + TILL.replace("Till", "Till(Base)"), True, id="known-base"
    ),
    pytest.param("import lib\n" + TILL.replace("Till", "Till(lib.Base)"), False, id="unknown-base"),
    pytest.param(TILL.replace("Till", "Till(metaclass=Meta)"), False, id="metaclass"),
    pytest.param("import lib\n@lib.wrap\n" + TILL, False, id="decorated"),
    pytest.param(TILL + "    def __setattr__(self, name, value): pass", False, id="own-hook"),
    pytest.param(
        TILL + "class Below(Till):\n    def __setattr__(self, name, value): pass",
        False,
        id="hook-below",
    ),
    pytest.param(
        TILL
        + "class Mixin:\n    def __setattr__(self, name, value): pass\nclass Both(Mixin, Till): pass",
        False,
        id="hook-beside",
    ),
    pytest.param(
        TILL + "class Below(Till):\n    known = lib.Field()", False, id="descriptor-below"
    ),
]


@pytest.mark.parametrize(("source", "wanted"), PLAIN)
def test_whether_setting_an_attribute_reads_what_was_there(source: str, wanted: bool) -> None:
    nothing: Any = None
    kept = KeptValues(
        nothing, nothing, project({"till.py": source}), {}, nothing, nothing, nothing, nothing
    )
    assert kept.only_stores("till.py", "Till.clear", "known") is wanted


def test_a_function_that_is_no_method_may_be_given_any_object() -> None:
    nothing: Any = None
    files = {"till.py": TILL + "def clear(self):\n    self.known = None\n"}
    kept = KeptValues(nothing, nothing, project(files), {}, nothing, nothing, nothing, nothing)
    assert not kept.only_stores("till.py", "clear", "known")

"""The safety net: a test that ran must have been seen to run, or its record is not trusted."""

from collections.abc import Callable
from types import CodeType
from typing import Any, NamedTuple

import pytest

from testmon_cli.tracing.pending import Pending
from testmon_cli.tracing.pytest_plugin.items import code_of_test, is_function
from testmon_cli.tracing.recorder import Recorder


class TestedFunction(NamedTuple):
    """A test function with what is needed to tell whether it ran.

    Many tests have the same, with other parameters.
    """

    function: object
    code: CodeType | None
    path: str | None  # its source, if it is the project's


class SafetyNet:
    """Looks whether the functions of tests were seen to run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._function = TestedFunction(None, None, None)  # of the last test

    def check_of(self, item: pytest.Item) -> Callable[[Pending], None] | None:
        """A check of what is known of a test that was called; None where it has no function."""
        if not is_function(type(item)):
            return None
        found: Any = item.obj  # type: ignore[attr-defined] # of a pytest.Function
        function = getattr(found, "__func__", found)
        if function is not self._function.function:
            self._function = self._tested(function)
        _, code, path = self._function
        if code is None or path is None:
            return None

        def check(pending: Pending) -> None:
            if not self._recorder.observed(path, code, pending):
                pending.unknown.add("own function not observed")

        return check

    def _tested(self, function: Any) -> TestedFunction:
        code = code_of_test(function)
        path = self._recorder.scope.source(code.co_filename) if code is not None else None
        return TestedFunction(function, code, path)

"""The key of the cache of instrumented code."""

import ast
import inspect

from testmon_cli.tracing.engines import instrument, probe_cache


def test_the_key_changes_with_all_that_places_probes() -> None:
    imports = [
        n
        for n in ast.parse(inspect.getsource(instrument)).body
        if isinstance(n, ast.ImportFrom) and n.module
    ]
    analysing = {
        f"{node.module}.{name.name}" if node.module == "testmon_cli.analysis" else str(node.module)
        for node in imports
        for name in node.names
        if str(node.module).startswith("testmon_cli.analysis")
    }
    types_alone = {"testmon_cli.analysis.scopes"}

    assert len(analysing) > 3
    assert {
        f"{name.removeprefix('testmon_cli.').replace('.', '/')}.py"
        for name in analysing - types_alone
    } <= {*probe_cache._PLACING}

"""Which branches single observations tell of."""

import ast
import textwrap

import pytest
from coverage.parser import PythonParser

from testmon_cli.analysis.executed_arcs import branches

IF = """
    def f(x):
        if x:
            a()
        b()
    """
LEAVING = """
    def f(x):
        if x:
            return
        b()
    """
AT_THE_END = """
    def f(x):
        if x:
            a()
    """
LOOP = """
    def f(x):
        for i in x:
            a()
    """
LEFT = """
    def f(x):
        for i in x:
            if i:
                break
        b()
    """
MATCH = """
    def f(x):
        match x:
            case 1:
                a()
            case 2:
                b()
    """
WAITING = """
    async def f(x):
        if await x:
            a()
    """
ON_IMPORT = """
    for i in x:
        if i:
            a()
    if TYPE_CHECKING:
        b()
    """

# Text, the lines of each observation, the branches that were taken and those that may have been.
CASES = {
    "nothing ran": (IF, [], [], []),
    "the body and the rest": (IF, [{2, 3, 4}], [(2, 3)], [(2, 4)]),
    "the rest alone": (IF, [{2, 4}], [(2, 4)], []),
    "another test went past it": (IF, [{2, 3, 4}, {2, 4}], [(2, 3), (2, 4)], []),
    "left before the rest": (LEAVING, [{2, 3, 4}], [(2, 3), (2, 4)], []),
    "left each time": (LEAVING, [{2, 3}], [(2, 3)], []),
    "an end past the body": (AT_THE_END, [{2}], [(2, -1)], []),
    "an end after the body": (AT_THE_END, [{2, 3}], [(2, 3)], [(2, -1)]),
    "a loop comes to its end": (LOOP, [{2, 3}], [(2, -1), (2, 3)], []),
    "a loop over nothing": (LOOP, [{2}], [(2, -1)], []),
    "a loop that is left": (LEFT, [{2, 3, 4, 5}], [(2, 3), (3, 4)], [(2, 5), (3, 2)]),
    "a loop that is not left": (LEFT, [{2, 3, 5}], [(2, 3), (2, 5), (3, 2)], []),
    "the first case": (MATCH, [{2, 3, 4}], [(3, 4)], []),
    "the second case": (MATCH, [{2, 3, 5, 6}], [(3, 5), (5, 6)], [(5, -1)]),
    "an import of which the arms are not known": (
        ON_IMPORT,
        [{1, 2, 4}],
        [(1, 2), (1, 4), (4, -1)],
        [(2, 1)],
    ),
    "it may still wait": (WAITING, [{2}], [], [(2, -1)]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_branches(
    case: tuple[str, list[set[int]], list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    text, views, taken, left = case
    text = textwrap.dedent(text).lstrip("\n")
    parser = PythonParser(text=text)
    parser.parse_source()
    deciding = {line for line, count in parser.exit_counts().items() if count > 1}
    found = branches(ast.parse(text), parser.arcs(), deciding, views)
    assert (sorted(found.taken), sorted(found.open)) == (sorted(taken), sorted(left))

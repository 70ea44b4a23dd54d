"""Which attributes are mentioned: those of values of builtin types are not."""

import pytest

from tests.analysis.sources import model

MENTIONS = [
    pytest.param("x.join", True, id="name"),
    pytest.param("','.join", False, id="text"),
    pytest.param("f'{x}'.format", False, id="f-string"),
    pytest.param("b'x'.decode", False, id="bytes"),
    pytest.param("[x].append", False, id="list"),
    pytest.param("{x: 1}.get", False, id="dictionary"),
    pytest.param("{y for y in x}.add", False, id="comprehension"),
    pytest.param("('%s' % x).join", False, id="percent"),
    pytest.param("('a' + 'b').join", False, id="sum"),
    pytest.param("('a' + x).join", True, id="sum-with-something-else"),
    pytest.param("','.join(x).split", False, id="result-of-a-method"),
    pytest.param("b'x'.decode().join", False, id="decoded"),
    pytest.param("{}.get(x).join", True, id="result-that-may-be-anything"),
    pytest.param("str(x).join", False, id="constructor"),
    pytest.param("sorted(x).pop", False, id="builtin-function"),
    pytest.param("len(x).real", True, id="another-builtin-function"),
    pytest.param("','.launch", True, id="no-attribute-of-the-type"),
]


@pytest.mark.parametrize(("expression", "mentioned"), MENTIONS)
def test_attributes(expression: str, mentioned: bool) -> None:
    block = model(f"def f(x):\n    return {expression}").blocks[0]
    assert ("." + expression.rpartition(".")[2] in block.mentions) == mentioned


@pytest.mark.parametrize(
    "head",
    [
        "from a import str",
        "def g(str): return str(1).join(2)",
        "import a as str",
        "def str(x): pass",
        "if a: str = b",
    ],
)
def test_a_name_that_hides_the_builtin(head: str) -> None:
    source = head if "def g" in head else f"{head}\ndef g(x): return str(x).join(2)"
    assert ".join" in model(source).blocks[-2].mentions

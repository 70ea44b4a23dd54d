import pytest

from testmon_cli.application.checkout.pytest_options import without_options


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ("tests", "tests"),
        ("-q tests -x", "tests"),
        ("-k tests tests/unit", "tests/unit"),
        ("-ktests tests/unit", "tests/unit"),
        ("--cov shop --cov-report html tests", "tests"),
        ("--cov=shop tests", "tests"),
        ("--deselect -k tests", "tests"),  # what follows is a value, whatever it looks like
        ("-k", ""),
    ],
)
def test_what_is_neither_an_option_nor_its_value(arguments: str, left: str) -> None:
    given = arguments.split()
    assert " ".join(given[place] for place in without_options(given)) == left

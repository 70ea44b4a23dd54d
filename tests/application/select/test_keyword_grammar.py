"""The expressions of -k, held against those of pytest."""

import re

import pytest
from _pytest.mark.expression import Expression
from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.application.select.keyword_grammar import Answer, compiled
from testmon_cli.domain.errors import TestmonError

WORDS = ("a", "b[x-1]", "c.d", "None", "tests/e", "nota", "andb", "or_c", "1", "+", "f::g", "\\")


def _matches(word: str) -> bool:
    return word in ("a", "c.d", "None", "1", "or_c")


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a or f::g",
        "not a",
        "not not a",
        "a and not b[x-1]",
        "(a or f::g) and c.d",
        "a\tor f::g",
        "f::g or nota and a",
        "f::g and nota or a",
        "not (a or c.d)",
        "not a or c.d",
        "(a)and(c.d)",
        "not(f::g)",
        "None and 1",
    ],
)
def test_what_pytest_takes(text: str) -> None:
    assert compiled(text)(_matches) is Expression.compile(text).evaluate(
        lambda name, /, **_: _matches(name)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(", "at column 2: expected not OR left parenthesis OR identifier; got end of input"),
        ("(a", "at column 3: expected right parenthesis; got end of input"),
        ("a or", "at column 5: expected not OR left parenthesis OR identifier; got end of input"),
        ("a b", "at column 3: expected end of input; got identifier"),
        ("NOT a", "at column 5: expected end of input; got identifier"),
        ("a)", "at column 2: expected end of input; got right parenthesis"),
        ("or", "at column 1: expected not OR left parenthesis OR identifier; got or"),
        ("a=1", "at column 2: expected end of input; got ="),
        ("a & b", "at column 3: unexpected character '&'"),
        ("a\nb", "at column 2: unexpected character '\\n'"),
        ("a(b=1)", "at column 2: keyword expressions do not support call parameters"),
        ("(" * 5000, "at column 101: nested too deeply"),
        ("not " * 5000, "at column 401: nested too deeply"),
    ],
)
def test_what_pytest_refuses_is_an_error_in_its_words(text: str, message: str) -> None:
    with pytest.raises(TestmonError) as caught:
        compiled(text)
    assert str(caught.value) == f"wrong expression passed to -k: {text!r}: {message}"


@given(st.lists(st.sampled_from(("and", "or", "not", "(", ")", *WORDS)), max_size=9).map(" ".join))
def test_the_same_texts_are_expressions_and_mean_the_same(text: str) -> None:
    try:
        expected = (
            Expression.compile(text).evaluate(lambda name, /, **_: _matches(name)) if text else None
        )
    except SyntaxError:
        expected = None
    if expected is not None:
        assert compiled(text)(_matches) is expected
    elif not re.search(r"[^ ()] \(", text):  # there pytest looks for parameters of a call first
        with pytest.raises(TestmonError):
            compiled(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("yes or perhaps", True),
        ("perhaps or yes", True),
        ("perhaps or no", None),
        ("perhaps and no", False),
        ("yes and perhaps", None),
        ("not perhaps", None),
        ("not (no and perhaps)", True),
        ("not (yes or perhaps) or no", False),
    ],
)
def test_what_is_not_known_leaves_the_answer_open_where_it_counts(
    text: str, answer: Answer
) -> None:
    words: dict[str, Answer] = {"yes": True, "no": False, "perhaps": None}
    assert compiled(text)(words.__getitem__) is answer


def test_many_words() -> None:
    assert (
        compiled(" or ".join(f"w{number}" for number in range(5000)))(lambda word: word == "w4999")
        is True
    )

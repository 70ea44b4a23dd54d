"""The grammar of `-k`, as pytest has it: words, `and`, `or`, `not` and parentheses.

Asked here is also what pytest never has to ask: a word may match or not as far as is known. So an
expression answers yes, no or perhaps.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, NoReturn

from testmon_cli.domain.errors import TestmonError

Answer = bool | None  # None: perhaps
Word = Callable[[str], Answer]  # whether a word matches
Expression = Callable[[Word], Answer]

_WORD = re.compile(r"(:?\w|:|\+|-|\.|\[|\]|\\|/)+")
_SIGNS = {"(": "left parenthesis", ")": "right parenthesis", "=": "=", ",": ","}
_OPERATORS = ("or", "and", "not")
_IDENTIFIER = "identifier"
_END = "end of input"
_DEEPEST = 100  # parentheses and `not`s within each other


class _Token(NamedTuple):
    kind: str  # as messages name it
    text: str
    place: int


class _WrongError(Exception):
    """A syntax error in an expression, with its position in the text."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def compiled(text: str) -> Expression:
    """An expression. Raises TestmonError for what pytest would refuse, in its words."""
    try:
        return _Parser(text).whole()
    except _WrongError as wrong:
        raise TestmonError(
            f"wrong expression passed to -k: {text!r}: at column {wrong.place + 1}: {wrong}"
        ) from None


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        sign = text[place]
        if sign in " \t":
            place += 1
        elif sign in _SIGNS:
            yield _Token(_SIGNS[sign], sign, place)
            place += 1
        else:
            match = _WORD.match(text, place)
            if match is None:
                raise _WrongError(f"unexpected character {sign!r}", place)
            word = match.group()
            yield _Token(word if word in _OPERATORS else _IDENTIFIER, word, place)
            place = match.end()
    yield _Token(_END, "", place)


class _Parser:
    """Reads an expression by these rules, the first of which is the whole.

    expression: or_expr end
    or_expr:    and_expr ("or" and_expr)*
    and_expr:   not_expr ("and" not_expr)*
    not_expr:   "not" not_expr | "(" or_expr ")" | identifier
    """

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._token = next(self._tokens)
        self._depth = 0

    def whole(self) -> Expression:
        found = self._or()
        self._expect(_END)
        return found

    def _or(self) -> Expression:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return _joined(parts, decisive=True)

    def _and(self) -> Expression:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return _joined(parts, decisive=False)

    def _not(self) -> Expression:
        token = self._token
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _WrongError("nested too deeply", token.place)
        if self._take("not"):
            found = _opposite(self._not())
        elif self._take("left parenthesis"):
            found = self._or()
            self._expect("right parenthesis")
        elif self._take(_IDENTIFIER):
            if self._token.kind == "left parenthesis":
                raise _WrongError(
                    "keyword expressions do not support call parameters", self._token.place
                )
            found = _word(token.text)
        else:
            self._reject("not OR left parenthesis OR identifier")
        self._depth -= 1
        return found

    def _take(self, kind: str) -> bool:
        if self._token.kind != kind:
            return False
        if kind != _END:
            self._token = next(self._tokens)
        return True

    def _expect(self, kind: str) -> None:
        if not self._take(kind):
            self._reject(kind)

    def _reject(self, expected: str) -> NoReturn:
        raise _WrongError(f"expected {expected}; got {self._token.kind}", self._token.place)


def _word(text: str) -> Expression:
    return lambda word: word(text)


def _opposite(part: Expression) -> Expression:
    def answer(word: Word) -> Answer:
        found = part(word)
        return None if found is None else not found

    return answer


def _joined(parts: Sequence[Expression], *, decisive: bool) -> Expression:
    """Join expressions: by `or` if a true one decides, by `and` if a false one does."""
    if len(parts) == 1:
        return parts[0]

    def answer(word: Word) -> Answer:
        is_open = False
        for part in parts:
            found = part(word)
            if found is decisive:
                return decisive
            is_open = is_open or found is None
        return None if is_open else not decisive

    return answer

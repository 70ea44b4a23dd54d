"""The base of all questions: the connection, and an error for what cannot be decoded."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from testmon_cli.domain.records import Environment
from testmon_cli.storage.connection import Connection, decoding
from testmon_cli.storage.packing import storable

if TYPE_CHECKING:
    from testmon_cli.storage.compiled_sqlite import AddEnvironmentValues

Asked = TypeVar("Asked", bound="Questions")
Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def decoded(
    method: Callable[Concatenate[Asked, Parameters], Answer],
) -> Callable[Concatenate[Asked, Parameters], Answer]:
    """Make a question raise DatafileError where a value of its answer cannot be read.

    The answer has to be read in full before it is given.
    """

    @wraps(method)
    def asked(self: Asked, /, *values: Parameters.args, **named: Parameters.kwargs) -> Answer:
        with self.decoding():
            return method(self, *values, **named)

    return asked


class Questions:
    """Questions to one datafile, each a query or two; answers are values of `domain.records`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def decoding(self) -> AbstractContextManager[None]:
        """Raise DatafileError for what cannot be read of a value within this context."""
        return decoding(self._connection.path)


def key_of(environment: Environment) -> "AddEnvironmentValues":
    """The parameters by which statements know an environment."""
    return {
        "name": storable(environment.name),
        "python": environment.python,
        "platform": environment.platform,
    }

"""Errors that a user can cause, each with its exit code."""

# pytest uses 0 to 5; ours stay clear of them so that CI can tell who spoke.
EXIT_USAGE = 64  # a wrong option, argument or setting
EXIT_DATAFILE = 65  # the datafile is foreign, newer, locked, unwritable ...
EXIT_ENVIRONMENT = 66  # pytest, git or another program needed here is missing or failed
EXIT_HUB = 69  # a hub cannot be reached, or refuses
EXIT_IO = 74  # the system refused to read or write something
EXIT_INTERRUPTED = 130


class TestmonError(Exception):
    """A problem the user can fix: one line that says what, which and what next."""

    __test__ = False  # pytest would collect a class named Test*
    exit_code = EXIT_USAGE


class SettingsError(TestmonError):
    """A setting, option or environment variable holds something that cannot be."""


class DatafileError(TestmonError):
    """The datafile cannot be read or written; it was left as it was."""

    exit_code = EXIT_DATAFILE


class HubError(TestmonError):
    """A hub cannot be reached, or refuses what was asked of it; nothing of ours is lost."""

    exit_code = EXIT_HUB


class OutputError(TestmonError):
    """There is no place for results."""

    exit_code = EXIT_IO


class SourceError(Exception):
    """A source that cannot be parsed: message and line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class EnvironmentFailure(TestmonError):  # noqa: N818 - EnvironmentError is a builtin, and another thing
    """Something outside (pytest, git) is missing or refused."""

    exit_code = EXIT_ENVIRONMENT

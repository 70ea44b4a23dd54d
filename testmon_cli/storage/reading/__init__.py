"""The questions to the datafile, by what they are about."""

from testmon_cli.storage.reading.executions import ExecutionQuestions
from testmon_cli.storage.reading.fingerprints import FingerprintQuestions
from testmon_cli.storage.reading.sources import SourceQuestions
from testmon_cli.storage.reading.traces import TraceQuestions

__all__ = ["Reader"]


class Reader(ExecutionQuestions, SourceQuestions, FingerprintQuestions, TraceQuestions):
    """All questions to a datafile."""

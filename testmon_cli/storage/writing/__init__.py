"""Writes what collecting learned. Each call is one transaction, all or nothing."""

from testmon_cli.storage.writing.runs import RunChanges
from testmon_cli.storage.writing.sources import SourceChanges
from testmon_cli.storage.writing.traces import TraceChanges

__all__ = ["Writer"]


class Writer(RunChanges, SourceChanges, TraceChanges):
    """All changes of a datafile. Nothing here reads more than the ids it needs."""

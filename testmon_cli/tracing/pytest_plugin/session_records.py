"""Records of a session as a whole, and of tests that were not seen to run."""

import sys
from typing import Any

import pytest

from testmon_cli.domain.nodeid import NodeId
from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import identity_of_test
from testmon_cli.tracing.originals import paths
from testmon_cli.tracing.pytest_plugin.outcomes import OutcomeReader
from testmon_cli.tracing.recorder import Recorder

_INI = [
    "python_files",
    "python_classes",
    "python_functions",
    "testpaths",
    "norecursedirs",
    "doctest_optionflags",
    "pythonpath",
    "usefixtures",
]
_OPTIONS = ("doctestmodules", "doctestglob", "importmode")


def session_record(config: pytest.Config, engine: str) -> wire.Session:
    """The record of a session's arguments and options that decide which tests there are."""
    return wire.Session(
        rootdir=str(config.rootpath),
        inipath=str(config.inipath) if config.inipath else "",
        arguments=tuple(sys.argv[1:]),
        plugins=plugin_distributions(config),
        engine=engine,
        settings=naming_settings(config),
        is_whole=config.args_source is not pytest.Config.ArgsSource.ARGS,
    )


def crash_records(nodeid: str, root: str, report: pytest.TestReport) -> list[wire.Record]:
    """A test whose process died."""
    outcome = OutcomeReader()
    outcome.fail(str(report.longreprtext))
    return unseen_records(nodeid, root, "the process that ran it crashed", outcome)


def unseen_records(text: str, root: str, reason: str, outcome: OutcomeReader) -> list[wire.Record]:
    """A test that came out somehow, but what it ran is not known."""
    nodeid = NodeId.parse(text)
    trace = wire.Trace(identity_of_test(text), unknown=(reason,))
    shown = outcome.outcome, outcome.duration, outcome.failure
    path = paths.join(root, nodeid.path)
    return [trace, wire.Outcome(text, path, ".".join(nodeid.names), "other", *shown, reason)]


def plugin_distributions(config: pytest.Config) -> tuple[str, ...]:
    """The distributions of the active plugins."""
    found: set[str] = set()
    for _, facade in config.pluginmanager.list_plugin_distinfo():
        distribution: Any = getattr(facade, "_dist", facade)
        found.add(f"{distribution.metadata['Name']}=={distribution.version}")
    return tuple(sorted(found))


def naming_settings(config: pytest.Config) -> dict[str, object]:
    """The options and settings that decide which tests there are, and what they are called."""
    settings: dict[str, object] = {}
    for name in _INI:
        try:
            value = config.getini(name)
        except (ValueError, KeyError):
            continue
        settings[name] = (
            [str(entry) for entry in value] if isinstance(value, list | tuple) else str(value)
        )
    for name in _OPTIONS:
        value = config.getoption(name, None)
        if value is not None:
            settings[name] = (
                value if isinstance(value, bool | str) else [str(entry) for entry in value]
            )
    return settings


def project_modules(recorder: Recorder) -> dict[str, str]:
    """The modules of the project that are loaded: name -> path."""
    modules = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        source = recorder.scope.source(path) if isinstance(path, str) else None
        if source is not None and name != "__main__":
            modules[name] = source
    return modules

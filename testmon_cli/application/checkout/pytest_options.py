"""Options of pytest and common plugins that take the next argument as their value."""

from collections.abc import Iterator, Sequence

# Those whose value may be the name of something that is there, too: a word, a module, a path.
_VALUED = frozenset({
    "-k", "-m", "-p", "-c", "-o", "-W", "-n", "--maxfail", "--rootdir", "--confcutdir", "--ignore", "--ignore-glob",
    "--deselect", "--basetemp", "--config-file", "--override-ini", "--pythonwarnings", "--junit-xml", "--junitxml",
    "--junit-prefix", "--import-mode", "--doctest-glob", "--doctest-report", "--tb", "--color", "--capture",
    "--durations", "--log-file", "--log-level", "--assert", "--verbosity", "--numprocesses", "--dist", "--tx", "--px",
    "--cov", "--cov-config", "--cov-report", "--cov-context", "--ds", "--dc", "--html", "--css", "--reruns",
    "--timeout", "--randomly-seed",
})  # fmt: skip


def without_options(arguments: Sequence[str]) -> Iterator[int]:
    """The places of those arguments that are neither an option nor the value of one."""
    is_value = False
    for place, argument in enumerate(arguments):
        if not is_value and not argument.startswith("-"):
            yield place
        is_value = not is_value and argument in _VALUED

"""Small projects, really run under tracing, and what was recorded of them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import testmon_cli
from testmon_cli.tracing import wire
from testmon_cli.tracing.engines import cache_seal
from testmon_cli.tracing.processes import launch
from testmon_cli.tracing.settings import TraceSettings

PACKAGE_ROOT = str(Path(testmon_cli.__file__).parent.parent)


@dataclass(frozen=True)
class Recorded:
    """The records of one run."""

    root: Path
    exitcode: int
    stdout: str
    stderr: str
    by_file: tuple[tuple[wire.Record, ...], ...]

    @property
    def records(self) -> list[wire.Record]:
        return [record for records in self.by_file for record in records]

    def outcomes(self) -> dict[str, str]:
        return {
            record.nodeid: record.outcome
            for record in self.records
            if isinstance(record, wire.Outcome)
        }

    def outcome(self, nodeid: str) -> wire.Outcome:
        return next(r for r in self.records if isinstance(r, wire.Outcome) and r.nodeid == nodeid)

    def traces(self, identity: str) -> list[wire.Trace]:
        return [
            record
            for record in self.records
            if isinstance(record, wire.Trace) and record.identity == identity
        ]

    def hits(self, identity: str) -> dict[str, set[int]]:
        """Relative path -> blocks or lines, of all records of an identity."""
        found: dict[str, set[int]] = {}
        for records in self.by_file:
            names = {r.number: self.relative(r.path) for r in records if isinstance(r, wire.File)}
            hits: dict[int, wire.Hits] = {}
            for record in records:
                if isinstance(record, wire.Hits):
                    hits[record.number] = record
                elif isinstance(record, wire.Trace) and record.identity == identity:
                    for hit in map(hits.__getitem__, record.hits):
                        found.setdefault(names[hit.file], set()).update(numbers(hit.seen))
        return found

    @property
    def is_of_lines(self) -> bool:
        """Whether hits are lines, not blocks."""
        return any(
            isinstance(record, wire.Hits) and isinstance(record.seen, tuple)
            for record in self.records
        )

    def uses(self, identity: str) -> set[str]:
        """What an identity relies on, by itself and through the collectors above it.

        Idle ones are left out.
        """
        found = {use for trace in self.traces(identity) for use in trace.uses}
        above = {
            use
            for collector in found
            if collector.startswith("collect:")
            for use in self.uses(collector)
        }
        return {use for use in found | above if not use.startswith("collect:") or self.hits(use)}

    def unknown(self, identity: str) -> set[str]:
        return {reason for trace in self.traces(identity) for reason in trace.unknown}

    def resources(self, identity: str) -> dict[tuple[str, str], str]:
        return {
            (r.kind, self.relative(r.name)): r.state
            for t in self.traces(identity)
            for r in t.resources
        }

    def edges(self) -> set[tuple[str, str]]:
        edges = [r for r in self.records if isinstance(r, wire.ImportEdge)]
        return {(self.relative(edge.importer), self.relative(edge.imported)) for edge in edges}

    def relative(self, path: str) -> str:
        prefix = str(self.root) + os.sep
        return path.removeprefix(prefix)


@dataclass(frozen=True)
class Project:
    """A folder with sources, run by pytest in a child process."""

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def collect(
        self,
        *arguments: str,
        engine: str = "auto",
        environ: Mapping[str, str] | None = None,
        **settings: object,
    ) -> Recorded:
        """Run pytest, traced."""
        spool = self.root.parent / f"{self.root.name}-spool-{len(list(self.root.parent.iterdir()))}"
        spool.mkdir()
        settings.setdefault("key", cache_seal.make_key(str(self.root.parent / "key")))
        trace = TraceSettings(spool=str(spool), root=str(self.root), engine=engine, **settings)  # type: ignore[arg-type]
        environment = launch.environment(trace, {**self.environ(), **(environ or {})})
        done = self._run(launch.command(arguments), environment)
        by_file = tuple(tuple(read(path)) for path in sorted(spool.glob("*.spool")))
        return Recorded(self.root, done.returncode, done.stdout, done.stderr, by_file)

    def plain(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run pytest as a user would."""
        return self._run(
            [sys.executable, "-m", "pytest", *arguments], {**self.environ(), **(environ or {})}
        )

    def environ(self) -> dict[str, str]:
        kept = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("TESTMON", "PYTEST", "COVERAGE", "COV_"))
        }
        ours = {"PYTHONPATH": PACKAGE_ROOT, "COLUMNS": "80", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return {**kept, **ours}

    def _run(
        self, command: list[str], environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=120
        )


def read(path: Path) -> list[wire.Record]:
    return wire.decode(path.read_bytes())[0]


def numbers(seen: bytes | tuple[int, ...]) -> list[int]:
    """The blocks or lines that were hit."""
    return (
        [index for index, hit in enumerate(seen) if hit] if isinstance(seen, bytes) else list(seen)
    )

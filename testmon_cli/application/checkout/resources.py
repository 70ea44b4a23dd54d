"""How things that tests relied on are now."""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from testmon_cli.application.checkout import environment, rewritten_files
from testmon_cli.application.checkout.patterns import GLOB, glob_state
from testmon_cli.application.checkout.sources import Overlay
from testmon_cli.domain.hashing import blake2b
from testmon_cli.domain.records import ResourceState, Run
from testmon_cli.tracing.watch import states
from testmon_cli.tracing.watch.distributions import DISTRIBUTION, distribution_state


class Today:
    """Looks each resource up once."""

    def __init__(
        self,
        root: Path,
        hash_key: str,
        environ: Mapping[str, str] = os.environ,
        overlay: Overlay | None = None,
        own: Collection[str] = (),
    ) -> None:
        self.root = root
        self.overlay = overlay or Overlay()
        self.hash_key = hash_key
        self.environ = environ
        self._own = own  # what runs make anew each time: how they are now says nothing
        self._found: dict[tuple[str, str], str] = {}

    @classmethod
    def for_run(cls, root: Path, run: Run, overlay: Overlay | None = None) -> "Today":
        """To be compared with what a run found."""
        return cls(
            root,
            str(run.facts.get("hash_key", "")),
            overlay=overlay,
            own=rewritten_files.own_files(run.facts),
        )

    def holds(self, state: ResourceState) -> bool:
        """Tell whether a resource is as it was recorded."""
        if state.kind in ("file", "directory") and state.name in self._own:
            return True
        if state.kind == "file" and state.state == states.EXISTS:
            return self.state("existence", state.name) == states.EXISTS
        return self.state(state.kind, state.name) == state.state

    def state(self, kind: str, name: str) -> str:
        key = (kind, name)
        if key not in self._found:
            look: dict[str, Callable[[str], str]] = {
                "file": self._file,
                "existence": self._existence,
                "directory": self._directory,
                states.METADATA: lambda n: states.metadata_state(str(self.root / n)),
                DISTRIBUTION: self._distribution,
                "environment": self._variable,
                GLOB: lambda n: glob_state(self.root, n, self.overlay),
            }
            self._found[key] = look[kind](name) if kind in look else ""
        return self._found[key]

    def _file(self, name: str) -> str:
        if name not in self.overlay:
            return states.file_state(str(self.root / name))
        if not self.overlay.exists(name):
            return states.MISSING
        return blake2b(self.overlay.read(name), digest_size=16).hexdigest()

    def content(self, name: str) -> bytes:
        """The bytes of a file below the root; empty when it cannot be read."""
        if name in self.overlay:
            return self.overlay.read(name) if self.overlay.exists(name) else b""
        try:
            return (self.root / name).read_bytes()
        except OSError:
            return b""

    def _existence(self, name: str) -> str:
        if name not in self.overlay:
            return states.existence_state(str(self.root / name))
        return states.EXISTS if self.overlay.exists(name) else states.MISSING

    def _directory(self, name: str) -> str:
        inside = "" if name == "." else f"{name}/"
        below = {
            path[len(inside) :]: self.overlay.exists(path)
            for path in self.overlay
            if path.startswith(inside)
        }
        added = {entry.partition("/")[0] for entry, exists in below.items() if exists}
        without = {entry for entry, exists in below.items() if not exists}
        return states.directory_state(str(self.root / name), without, added)

    @staticmethod
    def _distribution(name: str) -> str:
        return distribution_state(environment.metadata_entries().get(name, ""))

    def _variable(self, name: str) -> str:
        return states.environment_state(self.environ.get(name), self.hash_key)

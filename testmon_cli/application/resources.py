"""How things that tests relied on are now."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from testmon_cli.application.patterns import GLOB, glob_state
from testmon_cli.domain.records import ResourceState
from testmon_cli.tracing import states


class Today:
    """Looks each resource up once."""

    def __init__(self, root: Path, hash_key: str, environ: Mapping[str, str] = os.environ) -> None:
        self.root = root
        self.hash_key = hash_key
        self.environ = environ
        self._found: dict[tuple[str, str], str] = {}

    def holds(self, state: ResourceState) -> bool:
        """Whether a resource is as it was recorded."""
        if state.kind == "file" and state.state == states.EXISTS:
            return self.state("existence", state.name) == states.EXISTS
        return self.state(state.kind, state.name) == state.state

    def state(self, kind: str, name: str) -> str:
        key = (kind, name)
        if key not in self._found:
            look: dict[str, Callable[[str], str]] = {
                "file": lambda n: states.file_state(str(self.root / n)),
                "existence": lambda n: states.existence_state(str(self.root / n)),
                "directory": lambda n: states.directory_state(str(self.root / n)),
                "environment": self._variable,
                GLOB: lambda n: glob_state(self.root, n),
            }
            self._found[key] = look[kind](name) if kind in look else ""
        return self._found[key]

    def _variable(self, name: str) -> str:
        return states.environment_state(self.environ.get(name), self.hash_key)

"""Names that look like tests and that pytest passed over when it collected their files."""

from testmon_cli.application.select.run_changes import RunChanges
from testmon_cli.domain.records import Run


class InertNames:
    """Looks for such names in what runs told of files, and that would be passed over again."""

    def __init__(self, changes: RunChanges) -> None:
        self._changes = changes
        self._learned = changes.learned
        self._runs = changes.runs
        self._tree = changes.tree

    def by_file(self) -> dict[str, frozenset[str]]:
        """The names, as far as they still mean what they meant then; "*" for all of a file."""
        found: dict[str, frozenset[str]] = {}
        for run in self._runs:
            for path, value in run.mapping("inert").items():
                if path not in self._tree.stats or not isinstance(value, list):
                    continue
                if not self._changes.is_configured(run):
                    continue
                names = frozenset(value[1])
                if self._tree.digest(path) != value[0]:
                    names = frozenset(n for n in names if self._is_still_inert(run, path, n))
                if "*" not in names or self._holds_nothing_still(run, path):
                    found[path] = found.get(path, frozenset()) | names
        return found

    def _is_still_inert(self, run: Run, path: str, name: str) -> bool:
        """Tell whether nothing that could make a test of a name has changed in a file that has."""
        if name == "*" or run.id not in self._changes.matches_so_far():
            return False
        if path in self._learned.doubted or self._changes.matched(run).everything is not None:
            return False
        names = name.split("::")
        around = {".".join(names[:count]) for count in range(1, len(names) + 1)}
        affected = {name for where, name in self._learned.affected if where == path}
        return around.isdisjoint(affected)

    def _holds_nothing_still(self, run: Run, path: str) -> bool:
        """Tell whether a file that gave pytest no test gives none today.

        Nothing that could matter has changed.
        """
        compared = self._changes.compared(run)
        if not compared.differs:
            return True
        if compared.everything is not None or compared.packages.changed():
            return False
        touched = self._changes.touched(run)
        folders = path.split("/")[:-1]
        conftests = (
            "/".join([*folders[:count], "conftest.py"]) for count in range(len(folders) + 1)
        )
        return self._changes.holds(run, path) and touched.isdisjoint(conftests)

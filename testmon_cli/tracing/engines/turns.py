"""For whom code runs now, down to the statement of the module that is imported."""

import _thread

from testmon_cli.tracing.attribution import SESSION


class Turn:
    """The identity that code runs for, and the owner of its hits.

    The owner is the identity itself, or a statement of its module.

    Where code of an earlier statement may still run, in a thread or a forked child, the owner is
    the identity.
    """

    def __init__(self, identity: str = SESSION) -> None:
        self.identity = identity
        self.owner = identity
        self.has_children = False  # that were forked
        # of modules that are being imported: identity -> that of the statement
        self._statements: dict[str, str] = {}
        self._threads: int | None = None  # how many there were when the first module was imported
        self._had_threads = False  # whether there were more when the statement began

    def begin(self, identity: str) -> None:
        self.identity = identity
        self.owner = self._statements.get(identity, identity)

    def count_threads(self) -> None:
        """Remember how many threads there are before the first module is imported."""
        if self._threads is None:
            self._threads = _thread._count()

    def doubt(self) -> None:
        """An earlier statement may have begun to run code that others ran meanwhile."""
        if self._had_threads or self.has_children or _thread._count() != self._threads:
            self.owner = self.identity

    def proceed(self, identity: str, statement: str | None) -> str | None:
        """Let what runs for a module belong to a statement of it, or to the whole.

        Returns the statement before.
        """
        self._had_threads = _thread._count() != self._threads
        before = self._statements.pop(identity, None)
        if statement is not None:
            self._statements[identity] = statement
        if identity == self.identity:
            self.owner = self._statements.get(identity, identity)
        return before

    def forget_statements(self) -> None:
        """Let everything belong to whole modules from now on."""
        self._statements = {}
        self.owner = self.identity

    def forked(self, identity: str) -> None:
        """Begin anew in a forked child, which runs for `identity`."""
        self.has_children = False
        self._statements = {}
        self.identity = self.owner = identity

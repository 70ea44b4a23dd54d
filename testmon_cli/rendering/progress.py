"""A progress bar on stderr, where a person watches."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

Progress = Callable[[int, int], None]
_PATIENCE = 0.5  # seconds that a person waits without being told


@contextmanager
def bar(title: str) -> Iterator[Progress | None]:
    """A function to call with steps done and steps in all; None when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextmanager
def late_bar(title: str) -> Iterator[Progress | None]:
    """A function like that of `bar`, whose bar is shown half a second after the first call."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as shown:
        began = 0.0
        advance: Progress | None = None

        def tell(done: int, total: int) -> None:
            nonlocal began, advance
            began = began or time.monotonic()
            if advance is None and time.monotonic() - began > _PATIENCE:
                advance = shown.enter_context(bar(title))
            if advance is not None:
                advance(done, total)

        yield tell

"""What one test relies on."""

from typing import NamedTuple


class Reliance(NamedTuple):
    """The dependencies of a test; `selected` says why it is selected already, "" if it is not."""

    nodeid: str
    selected: str
    functions: tuple[tuple[str, tuple[str, ...]], ...]  # path -> functions of which it executed something
    fixtures: tuple[str, ...]  # of a wider scope than the test
    resources: tuple[tuple[str, str], ...]  # kind, name
    imports: tuple[str, ...]  # files whose import it needs
    packages: tuple[str, ...]  # distributions that these files import

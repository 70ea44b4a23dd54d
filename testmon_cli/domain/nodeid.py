"""Node ids: how pytest names files, classes, functions and single tests.

They are taken apart here and nowhere else.
"""

from collections.abc import Iterator
from typing import NamedTuple


class NodeId(NamedTuple):
    """A folder, a file, a class or function in it, or a function with parameters.

    The path is relative to our root, which need not be pytest's.
    """

    path: str  # with forward slashes; it may hold brackets and colons
    names: tuple[str, ...] = ()  # classes, then the function; () for a file or folder
    parameters: str = ""  # with the brackets around them; "" without

    @classmethod
    def parse(cls, text: str, path: str = "") -> "NodeId":
        """Take a node id apart.

        The path of its file, where it is known, settles where the names begin.
        """
        end = _end_of_path(text, path)
        if end == len(text):
            return cls(text)
        names, bracket, rest = text[end + 2 :].partition("[")
        return cls(text[:end], tuple(names.split("::")), bracket + rest)

    def __str__(self) -> str:
        return "::".join((self.path, *self.names)) + self.parameters

    @property
    def file(self) -> "NodeId":
        return NodeId(self.path)

    @property
    def function(self) -> "NodeId":
        """The node id without parameters."""
        return self._replace(parameters="") if self.parameters else self

    @property
    def name(self) -> str:
        """The part behind the path, without parameters: "TestTill::test_count".

        "" for a file or folder.
        """
        return "::".join(self.names)

    @property
    def below(self) -> str:
        """The part behind the path: "TestTill::test_count[1]"; "" for a file or folder."""
        return self.name + self.parameters

    @property
    def group(self) -> "NodeId":
        """The class that a test stands in, or its file."""
        return NodeId(self.path, self.names[:-1])

    @property
    def outermost(self) -> "NodeId":
        """The first class or function below the file."""
        return NodeId(self.path, self.names[:1])

    def above(self) -> Iterator["NodeId"]:
        """Yield the nodes around this one, from its function or class up to its folders."""
        if self.parameters:
            yield self.function
        for count in range(len(self.names) - 1, -1, -1):
            yield NodeId(self.path, self.names[:count])
        folder = self.path
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            yield NodeId(folder)


def readings(text: str) -> Iterator[tuple[str, str]]:
    """The ways to divide a text into a path and names: a path may hold colons, too.

    The longest path comes first. To know which one is meant takes a look at the files.
    """
    yield text, ""
    place = text.rfind("::")
    while place >= 0:
        yield text[:place], text[place + 2 :]
        place = text.rfind("::", 0, place)


def path_of(text: str, path: str = "") -> str:
    """The path of the file that a node id begins with."""
    return text[: _end_of_path(text, path)]


def is_path(text: str) -> bool:
    """Tell whether a text names a file or folder, and nothing in it."""
    return _end_of_path(text, "") == len(text)


def depth_of(text: str) -> tuple[int, int]:
    """How deep a node lies, names and folders apart.

    Of two that lie equally deep, none contains the other.
    """
    return text.count("::"), text.count("/")


def function_of(text: str, path: str = "") -> str:
    """A node id without parameters."""
    bracket = text.find("[", _end_of_path(text, path))
    return text if bracket < 0 else text[:bracket]


def _end_of_path(text: str, path: str) -> int:
    """Where the names begin: behind a known path, or a name with a suffix.

    A text that ends like a file, and has no such colons, is a path as a whole.
    """
    begins_with_path = path and text.startswith(path)
    if begins_with_path and (text == path or text.startswith("::", len(path))):
        return len(path)
    first = place = text.find("::")
    if first > 0 and text.endswith(".py", 0, first):  # mostly; the loop would find the same
        return first
    while place >= 0 and "." not in text[text.rfind("/", 0, place) + 1 : place]:
        place = text.find("::", place + 2)
    if place < 0 and text.endswith(".py"):
        return len(text)
    return next((end for end in (place, first) if end >= 0), len(text))

"""Which files and functions pytest would collect, by its naming options alone.

Nothing is imported. The rules are pytest's own: `python_files` are glob patterns of the file's name
(or of its path, if they hold a slash); `python_classes` and `python_functions` are prefixes, or
glob patterns if they hold a wildcard.
"""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from testmon_cli.domain.source import Definition, Outline

    Named = Definition | Outline


Wraps = Callable[[str], bool]  # of a decorator, by its dotted name


class Naming(NamedTuple):
    """pytest's naming options."""

    files: tuple[str, ...] = ("test_*.py", "*_test.py")
    classes: tuple[str, ...] = ("Test",)
    functions: tuple[str, ...] = ("test",)
    testpaths: tuple[str, ...] = ()
    norecursedirs: tuple[str, ...] = (
        "*.egg",
        ".*",
        "_darcs",
        "build",
        "CVS",
        "dist",
        "node_modules",
        "venv",
        "{arch}",
    )
    doctest_modules: bool = False
    doctest_globs: tuple[str, ...] = ("test*.txt",)

    def is_test_file(self, path: str) -> bool:
        """Whether pytest without arguments would collect the file as a module of tests."""
        return any(_matches_path(path, pattern) for pattern in self.files) and self.is_visited(path)

    def is_text(self, path: str) -> bool:
        """Whether pytest without arguments would look for doctests in a file that is not Python."""
        return any(
            _matches_path(path, pattern) for pattern in self.doctest_globs
        ) and self.is_visited(path)

    def is_visited(self, path: str) -> bool:
        """Whether pytest would come to the file's folder at all."""
        folder = path.split("/")[:-1]
        start = 0
        if self.testpaths:
            roots = [PurePosixPath(p) for p in self.testpaths if _under(path, p)]
            if not roots:
                return False
            start = max(len(root.parts) for root in roots)
        folders = ["/".join(folder[:count]) for count in range(start + 1, len(folder) + 1)]
        return not any(_is_passed_over(above, self.norecursedirs) for above in folders)

    def is_test_function(self, name: str) -> bool:
        return any(_matches_name(name, pattern) for pattern in self.functions)

    def is_test_class(self, name: str) -> bool:
        return any(_matches_name(name, pattern) for pattern in self.classes)


@lru_cache(maxsize=1024)
def _is_passed_over(folder: str, patterns: tuple[str, ...]) -> bool:
    """Whether pytest does not go into a folder.

    A pattern with a slash is compared with the end of its whole path.
    """
    name = folder.rpartition("/")[2]
    return any(fnmatch(f"/{folder}", f"*/{p}") if "/" in p else fnmatch(name, p) for p in patterns)


def _under(path: str, folder: str) -> bool:
    pattern = folder.rstrip("/")
    return (
        pattern in (".", "")
        or path == pattern
        or path.startswith(pattern + "/")
        or fnmatch(path, pattern + "/*")
    )


def _matches_path(path: str, pattern: str) -> bool:
    name = path.rpartition("/")[2]
    return (
        fnmatch(path, "*/" + pattern) or fnmatch(path, pattern)
        if "/" in pattern
        else fnmatch(name, pattern)
    )


def _matches_name(name: str, pattern: str) -> bool:
    return name.startswith(pattern) or (any(c in pattern for c in "*?[") and fnmatch(name, pattern))


class Candidate(NamedTuple):
    """A test that the source names, or a class that inherits its tests."""

    names: tuple[str, ...]  # classes, then the function
    line: int
    certain: bool  # False: the statement may bind something else, or pytest may pass it over

    @property
    def name(self) -> str:
        """What follows the path in its node id, like "TestBox::test_size"."""
        return "::".join(self.names)


def candidates(
    definitions: "Sequence[Definition] | Sequence[Outline]",
    naming: Naming,
    wraps: Wraps = lambda _: True,
) -> Iterator[Candidate]:
    """Tests of a module as its definitions name them, in the order they are written.

    `wraps` tells whether a decorator leaves a test its name, by which it is certain to be there.
    """
    classes = {_qualname(d): d for d in definitions if d.kind == "class"}
    members: dict[str, list[Named]] = {}
    for definition in definitions:
        members.setdefault(definition.owner, []).append(definition)
    yield from _of_scope("", members, classes, naming, wraps)


def _of_scope(
    owner: str,
    members: "dict[str, list[Named]]",
    classes: "dict[str, Named]",
    naming: Naming,
    wraps: Wraps,
) -> Iterator[Candidate]:
    for definition in members.get(owner, ()):
        for name in definition.names:
            if definition.kind == "class":
                yield from _of_class(definition, members, classes, naming, wraps)
                continue
            is_function = definition.kind == "function"
            if not is_function and definition.kind != "statement":
                continue
            if naming.is_test_function(name) and "fixture" not in definition.flags:
                certain = is_function and _keeps_its_name(definition, wraps)
                yield Candidate(_names(owner, name), definition.line, certain)


def _keeps_its_name(function: "Named", wraps: Wraps) -> bool:
    decorators: Sequence[str] = getattr(function, "decorators", ())
    return all(map(wraps, decorators))


def _of_class(
    definition: "Named",
    members: "dict[str, list[Named]]",
    classes: "dict[str, Named]",
    naming: Naming,
    wraps: Wraps,
) -> Iterator[Candidate]:
    qualname = _qualname(definition)
    names = {name for d in members.get(qualname, ()) for name in d.names}
    is_unittest = any(base.rpartition(".")[2].endswith("TestCase") for base in definition.bases)
    if "__test__" in names or not (naming.is_test_class(definition.names[0]) or is_unittest):
        return
    if not is_unittest and names & {"__init__", "__new__"}:
        return
    own = list(_of_scope(qualname, members, classes, naming, wraps))
    yield from own
    if definition.bases and not own and not is_unittest:
        yield Candidate(
            _names(definition.owner, definition.names[0]), definition.line, certain=False
        )


def _qualname(definition: "Named") -> str:
    return f"{definition.owner}.{definition.names[0]}" if definition.owner else definition.names[0]


def _names(owner: str, name: str) -> tuple[str, ...]:
    return (*owner.split("."), name) if owner else (name,)

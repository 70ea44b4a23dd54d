"""Which files pytest takes tests from, as far as names and a look for examples tell."""

from testmon_cli.analysis.pytest_naming import Naming
from testmon_cli.application.checkout import sources
from testmon_cli.application.checkout.sources import Tree
from testmon_cli.application.settings import Settings


def is_collectable(tree: Tree, path: str, naming: Naming) -> bool:
    """Tell whether pytest looks for tests in a source file."""
    if path.startswith("../"):
        return False
    if naming.is_test_file(path):
        return True
    return naming.doctest_modules and naming.is_visited(path) and b">>>" in tree.read(path)


def text_files(tree: Tree, naming: Naming, settings: Settings) -> list[str]:
    """Text files in which pytest finds doctests."""
    found = sources.texts(tree.root, naming.doctest_globs, settings.exclude)
    return [path for path in found if naming.is_text(path) and b">>>" in tree.read(path)]

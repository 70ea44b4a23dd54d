"""What `-k` of pytest matches besides the names that a node id holds: markers, attributes of functions and more."""

from collections import defaultdict
from collections.abc import Iterable

import pytest
from _pytest.mark import KeywordMatcher


class Keywords:
    """The keywords of the tests of a session; tests that have the same share them."""

    def __init__(self) -> None:
        self._tests: dict[frozenset[str], list[str]] = defaultdict(list)

    def add(self, items: Iterable[pytest.Item]) -> None:
        for item in items:
            found = _keywords_of(item)
            if found:
                self._tests[found].append(item.nodeid)

    def groups(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """Keywords, and the node ids of the tests that have just these."""
        return tuple((tuple(sorted(keywords)), tuple(tests)) for keywords, tests in self._tests.items())


def _keywords_of(item: pytest.Item) -> frozenset[str]:
    matcher = KeywordMatcher.from_item(item)  # differs between versions of pytest
    return frozenset(matcher._names).difference([node.name for node in item.listchain()])

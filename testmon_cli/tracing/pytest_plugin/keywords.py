"""The keywords of a test that its node id does not hold, for `-k`.

Markers, attributes of functions and more.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import pytest
from _pytest.mark import KeywordMatcher
from _pytest.nodes import Node


class Keywords:
    """The keywords of the tests of a session; tests that have the same share them."""

    def __init__(self, name: Callable[[pytest.Item], str]) -> None:
        """`name` gives the node id of a test."""
        self._name = name
        self._tests: dict[frozenset[str], list[str]] = defaultdict(list)
        self._parent: object = None  # of the test before
        self._is_parent_plain = False
        self._key: tuple[object, ...] = ()  # what the keywords of the test before depend on
        self._found: frozenset[str] = frozenset()

    def add(self, items: Iterable[pytest.Item]) -> None:
        for item in items:
            function = getattr(item, "function", None)
            if self._is_plain(item, function):
                continue
            key = (
                item.parent,
                function,
                [mark.name for mark in item.own_markers],
                set(item.extra_keyword_matches),
            )
            # those of a function mostly have the same, whatever their parameters
            if key != self._key:
                self._key, self._found = key, _keywords_of(item)
            if self._found:
                self._tests[self._found].append(self._name(item))

    def groups(self) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        """Keywords, and the node ids of the tests that have just these."""
        return tuple(
            (tuple(sorted(keywords)), tuple(tests)) for keywords, tests in self._tests.items()
        )

    def _is_plain(self, item: pytest.Item, function: object) -> bool:
        """Tell whether a test has no keywords of its own; to ask pytest for them takes long."""
        if item.parent is not self._parent:
            self._parent = item.parent
            self._is_parent_plain = item.parent is not None and not any(
                map(_is_marked, item.parent.listchain())
            )
        return (
            self._is_parent_plain
            and not _is_marked(item)
            and not getattr(function, "__dict__", None)
        )


def _is_marked(node: Node) -> bool:
    return bool(node.own_markers or node.extra_keyword_matches)


def _keywords_of(item: pytest.Item) -> frozenset[str]:
    matcher = KeywordMatcher.from_item(item)  # differs between versions of pytest
    return frozenset(matcher._names).difference([node.name for node in item.listchain()])

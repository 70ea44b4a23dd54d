"""The branches that ran, from the lines that single observations ran.

An observation is of a test, a fixture, or an import. Which lines ran in all does not tell which way
control took: the line after an `if` is reached with or without its body. One test that ran the `if`
and not its body does. So each observation is looked at on its own, and a branch counts as taken
where nothing else explains what ran. What all observations leave open is not known.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from testmon_cli.analysis.blocks import first_line
from testmon_cli.analysis.executed_lines import undecided_conditions

Arc = tuple[int, int]  # from a line to a line; minus the first line of a function for its end

_LEAVING = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)
_WAITING = (ast.Yield, ast.YieldFrom, ast.Await)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Branches(NamedTuple):
    """The branches of a file by what is known of them."""

    taken: frozenset[Arc]
    open: frozenset[Arc]  # both its ends ran; whether it was taken is not known


def branches(
    tree: ast.Module,
    arcs: Collection[Arc],
    deciding: AbstractSet[int],
    views: Iterable[AbstractSet[int]],
) -> Branches:
    """Tell which branches were taken.

    `arcs` are all ways that control can go from a line to the next, `deciding` the lines with more
    than one way; `views` are the lines that ran in each observation.
    """
    targets: dict[int, set[int]] = defaultdict(set)
    origins: dict[int, set[int]] = defaultdict(set)
    for start, end in arcs:
        targets[start].add(end)
        origins[end].add(start)
    loops, waiting, undecided = _loops(tree), _waiting(tree), undecided_conditions(tree)
    taken: set[Arc] = set()
    every: set[int] = set()
    for view in views:
        every |= view
        candidates = ((start, end) for start in deciding & view for end in targets[start])
        for start, end in candidates:
            if (start, end) in taken:
                continue
            # A line that waits may have been left while it did.
            is_told_by_start = start not in undecided and not (end < 0 and start in waiting)
            if _is_only_way_to(start, end, view, origins) or (
                is_told_by_start and _is_only_way_from(start, end, view, targets[start], loops)
            ):
                taken.add((start, end))
    possible = {
        (start, end)
        for start in deciding & every
        for end in targets[start]
        if end < 0 or end in every
    }
    return Branches(frozenset(taken), frozenset(possible - taken))


def _is_only_way_to(
    start: int, end: int, view: AbstractSet[int], origins: Mapping[int, AbstractSet[int]]
) -> bool:
    """Whether control came to `end` from nowhere else.

    To the header of a loop it came from above at first.
    """
    return 0 < start < end and end in view and not origins[end] & view - {start}


def _is_only_way_from(
    start: int,
    end: int,
    view: AbstractSet[int],
    targets: AbstractSet[int],
    loops: Mapping[int, int],
) -> bool:
    """Whether control went nowhere else, or left a loop that comes to its end."""
    if end > 0 and end not in view:
        return False
    if all(other > 0 and other not in view for other in targets - {end}):
        return True
    return start in loops and end != loops[start]


def _loops(tree: ast.Module) -> dict[int, int]:
    """Loops that go on until they are over: line of the header -> first line of the body."""
    return {
        node.lineno: first_line(node.body[0])
        for node in ast.walk(tree)
        if isinstance(node, _LOOPS) and not any(map(_leaves, node.body))
    }


def _leaves(node: ast.AST) -> bool:
    if isinstance(node, _SCOPES):
        return False
    return isinstance(node, _LEAVING) or any(map(_leaves, ast.iter_child_nodes(node)))


def _waiting(tree: ast.Module) -> set[int]:
    """Lines of conditions and loops in which a function can wait."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.While):
            condition: ast.AST = node.test
        elif isinstance(node, ast.For | ast.Match):
            condition = node.iter if isinstance(node, ast.For) else node.subject
        elif isinstance(node, ast.AsyncFor):
            found.add(node.lineno)
            continue
        else:
            continue
        if any(isinstance(child, _WAITING) for child in ast.walk(condition)):
            found.add(node.lineno)
    return found

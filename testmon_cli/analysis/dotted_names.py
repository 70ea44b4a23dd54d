"""Dotted names in expressions, and what they mean in a file."""

import ast
from collections.abc import Mapping

from testmon_cli.analysis import known_effects


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` as text, "" for anything that is not names and attributes."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def root_name(node: ast.expr) -> str:
    """The name an expression starts from, "" if it starts from none.

    It is `a` for `a.b[c].d()`.
    """
    while True:
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node.id if isinstance(node, ast.Name) else ""


class Names:
    """Name resolution within one file: its import aliases and what it binds itself."""

    def __init__(
        self,
        aliases: Mapping[str, str],
        bound: frozenset[str],
        classes: frozenset[str] = frozenset(),
    ) -> None:
        """`classes` are names of classes of which each call makes another object."""
        self.aliases = aliases
        self.bound = bound
        self.classes = classes

    def expand(self, dotted: str) -> str:
        """A dotted name with its first part replaced by what was imported under it."""
        first, dot, rest = dotted.partition(".")
        return self.aliases.get(first, first) + dot + rest

    def is_imported(self, name: str) -> bool:
        return name in self.aliases

    def is_builtin(self, name: str) -> bool:
        return (
            name in known_effects.BUILTINS and name not in self.bound and name not in self.aliases
        )

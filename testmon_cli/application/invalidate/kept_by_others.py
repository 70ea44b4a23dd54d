"""Functions whose results something else keeps: a decorator, or what they are given to.

Their own text does not tell. A decorator of the project counts if what it puts in a function's
place may leave out the call: it has more than one way through, or changes something.
"""

import re
from collections.abc import Iterator
from functools import cached_property

from testmon_cli.analysis.definition_index import DefinitionIndex
from testmon_cli.analysis.known_effects import BUILTIN_METHODS, MEMOISING, is_pure_decorator
from testmon_cli.analysis.project import Project
from testmon_cli.domain.source import Block, Definition

# Many objects have attributes of these names, and texts hold them.
_COMMON = frozenset({".cache", ".cached"})
_KEEPING = frozenset((*MEMOISING, *(f".{name}" for name in MEMOISING))) - _COMMON
_OF_FUNCTOOLS = frozenset({".cache", "functools"})
_SOUNDS_LIKE_KEEPING = re.compile("cache|memo|lazy|once|reify", re.IGNORECASE)
_OWN = frozenset({"@self", "@cls"})
_FEW = 3  # functions of one name
_NO_KEEPING = ("call:", "!")  # effects of an inner function that keeps nothing


class KeptByOthers:
    """Answers for the sources of today."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[tuple[str, str], bool] = {}
        self._keepers: dict[tuple[str, str], bool] = {}

    def is_kept(self, path: str, qualname: str) -> bool:
        """Whether others may find what a function once returned."""
        key = path, qualname
        if key not in self._known:
            self._known[key] = "<locals>" not in qualname and (
                self._is_decorated(path, qualname) or self._is_given(path, qualname)
            )
        return self._known[key]

    def _is_decorated(self, path: str, qualname: str) -> bool:
        owner, _, name = qualname.rpartition(".")
        decorators = {
            each for d in self._project.definitions(path, name, owner) for each in d.decorators
        }
        return any(self._keeps(each, path) for each in decorators if not is_pure_decorator(each))

    def _keeps(self, decorator: str, path: str) -> bool:
        """Whether a decorator, as it is written in a file, may keep results."""
        last = decorator.rpartition(".")[2]
        if decorator == "?" or last in MEMOISING:
            return decorator == "?"  # the function itself is known to be memoised
        found = self._project.resolve(decorator, path)
        if found is None:
            return bool(_SOUNDS_LIKE_KEEPING.search(last))
        where, called = found
        owner, _, name = called.rpartition(".")
        definitions = self._project.definitions(where, name, owner)
        if definitions:
            return any(self._makes_keepers(where, called, each) for each in definitions)
        return any(
            self._puts_keeper(p, q) for p, q, _ in self._project.functions_named(last)
        )  # a method of some object

    def _makes_keepers(self, path: str, called: str, definition: Definition) -> bool:
        if definition.kind == "function":
            return self._puts_keeper(path, called)
        # An object of it, or what this gives, stands for the function.
        if definition.kind == "class":
            return any(
                self._puts_keeper(path, f"{called}.{name}") for name in ("__get__", "__call__")
            )
        return definition.kind != "import"

    def _puts_keeper(self, path: str, qualname: str) -> bool:
        """Whether what a function returns may keep what a function, that it is given, returns."""
        key = path, qualname
        if key not in self._keepers:
            facts = self._project.facts(path)
            inside = f"{qualname}.<locals>."
            around = facts.blocks_below(qualname) if facts is not None else ()
            blocks = [b for b in around if b.qualname == qualname or b.qualname.startswith(inside)]
            is_method = qualname.endswith("__")  # it runs each time itself
            inner = [b for b in blocks if is_method or b.qualname != qualname]
            names = {b.qualname for b in inner}
            functions = [facts.function(name) for name in names] if facts is not None else []
            effects = [
                e for function in functions if function is not None for e in function.effects
            ]
            self._keepers[key] = (
                len(inner) > len(names)
                or any(map(_mentions_keeping, blocks))
                or not all(e.startswith(_NO_KEEPING) for e in effects)
            )
        return self._keepers[key]

    def _is_given(self, path: str, qualname: str) -> bool:
        """Whether a statement or block has to do with the function and with what keeps results."""
        owner, _, name = qualname.rpartition(".")
        if owner and (name in BUILTIN_METHODS or len(self._project.functions_named(name)) > _FEW):
            return False  # by this name others are meant, mostly
        mentions = (name, f".{name}", f"&{name}")
        # In a function the bare name is another: the class around it has no say there.
        in_blocks = mentions[1:] if owner else mentions
        for candidate in self._project.mentioning(frozenset({name})):
            facts = (
                self._project.facts(candidate)
                if candidate in self._project.reaching(path)
                else None
            )
            if facts is None:
                continue
            statements = (
                d
                for d in facts.definitions_mentioning(mentions)
                if d.kind in ("assign", "statement")
            )
            if any(self._is_kept_by(each, candidate, name) for each in statements):
                return True
            blocks = (block for mention in in_blocks for block in facts.blocks_mentioning(mention))
            if self._is_any_kept and any(self._gives(facts, block) for block in blocks):
                return True
        return False

    def _is_kept_by(self, statement: Definition, path: str, name: str) -> bool:
        """Whether a statement that mentions a function may give it to what keeps results."""
        if _mentions_keeping(statement) or not self._words.isdisjoint(statement.mentions):
            return True
        others = (m for m in statement.mentions if m.isidentifier() and m != name)
        return any(self._keeps(each, path) for each in statement.bases) or any(
            self._is_keeper(each, path) for each in others
        )

    def _is_keeper(self, name: str, path: str) -> bool:
        """Whether something of the project keeps what a function returns that it is given."""
        where, called = self._project.resolve(name, path) or (path, "")
        owner, _, last = called.rpartition(".")
        found = self._project.definitions(where, last, owner) if called else ()
        return any(
            self._makes_keepers(where, called, d) for d in found if d.kind in ("function", "class")
        )

    def _gives(self, facts: DefinitionIndex, block: Block) -> bool:
        """Whether a block may give something to what keeps results.

        Its own decorators are among what it mentions.
        """
        if block.qualname == "<module>":
            return False  # statements of the module are looked at one by one
        function = facts.function(block.qualname)
        is_memoised = function is not None and function.memoised
        return not self._words.isdisjoint(block.mentions) or (
            not is_memoised and _mentions_keeping(block)
        )

    @cached_property
    def _is_any_kept(self) -> bool:
        return bool(list(self._project.mentioning(MEMOISING)))

    @cached_property
    def _words(self) -> frozenset[str]:
        """How code mentions the functions that keep results of what they are given."""
        paths = self._project.mentioning(MEMOISING)
        return frozenset(name for path in paths for name in self._giving_keepers(path))

    def _giving_keepers(self, path: str) -> Iterator[str]:
        facts = self._project.facts(path)
        blocks = (
            [b for m in (*_KEEPING, *_COMMON) for b in facts.blocks_mentioning(m)]
            if facts is not None
            else []
        )
        for block in filter(_mentions_keeping, blocks):
            name = block.qualname.partition(".<locals>")[0].rpartition(".")[2]
            is_given_something = any(m.startswith("@") and m not in _OWN for m in block.mentions)
            if name != "<module>" and is_given_something:
                yield from (name, f".{name}")


def _mentions_keeping(code: Block | Definition) -> bool:
    if not _KEEPING.isdisjoint(code.mentions) or code.mentions >= _OF_FUNCTOOLS:
        return True
    return ".cached" in code.mentions and any(
        mention.isidentifier() and _SOUNDS_LIKE_KEEPING.search(mention) for mention in code.mentions
    )

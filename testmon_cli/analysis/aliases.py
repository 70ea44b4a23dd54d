"""What the locals of a function may be other names for, or parts of.

That is what the function was given, globals, and results of functions. A copy is another object,
and so is what a display or comprehension makes.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

from testmon_cli.analysis import known_effects
from testmon_cli.analysis.ast_walk import own_nodes, walk
from testmon_cli.analysis.dotted_names import Names, dotted_name, root_name
from testmon_cli.analysis.memoisation import set_by_name
from testmon_cli.analysis.scopes import FunctionNode, bound_names, parameters
from testmon_cli.domain.source import RESULT

GIVEN = "^"  # what a function was given; in a source, its place and name follow: `^0:rows`

_ROUNDS = 3
_PARTS = (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)
# Builtins and methods that give what they were given, or a part of it.
_PASSING_ON = frozenset(
    {"enumerate", "filter", "getattr", "iter", "max", "min", "next", "reversed", "zip"}
)
# Functions of the standard library that change their first argument.
_CHANGING = frozenset({
    "bisect.insort", "bisect.insort_left", "bisect.insort_right", "heapq.heapify", "heapq.heappush",
    "heapq.heappushpop", "heapq.heapreplace", "random.shuffle",
})  # fmt: skip
_COPYING = frozenset(
    {"copy", "difference", "fromkeys", "intersection", "symmetric_difference", "union"}
)


class Aliases:
    """Answers for one function, all of whose nodes are given."""

    def __init__(
        self, function: FunctionNode, nodes: Sequence[ast.AST], names: Names, local: Iterable[str]
    ) -> None:
        """`local` are the names that are no globals."""
        self._names = names
        self._nodes = nodes
        self._own = list(own_nodes(function.body))
        self._local = {*local, *parameters(function.args)}
        arguments = function.args
        placed = enumerate((*arguments.posonlyargs, *arguments.args))
        self._bound: dict[str, set[str]] = {
            **{argument.arg: {f"{GIVEN}{place}:{argument.arg}"} for place, argument in placed},
            **{argument.arg: {f"{GIVEN}:{argument.arg}"} for argument in arguments.kwonlyargs},
        }
        bind(nodes, self._bound, self.of)

    def of(self, node: ast.expr) -> Iterator[str]:
        """What the value of an expression is, or is a part of.

        GIVEN, globals, and functions with RESULT after them.
        """
        while isinstance(node, _PARTS):
            if (
                isinstance(node, ast.Attribute)
                and dotted_name(node)
                and self._is_in_global(root_name(node))
            ):
                yield dotted_name(node)
                return
            node = node.value
        if isinstance(node, ast.Name):
            if node.id in self._local:
                yield from self._bound.get(node.id, ())
            elif not self._names.is_builtin(node.id):
                yield node.id
        elif isinstance(node, ast.NamedExpr):
            yield from self.of(node.value)
        elif isinstance(node, ast.IfExp):
            yield from (*self.of(node.body), *self.of(node.orelse))
        elif isinstance(node, ast.BoolOp):
            yield from (source for value in node.values for source in self.of(value))
        elif isinstance(node, ast.Call):
            yield from self._of_call(node)

    def _is_in_global(self, name: str) -> bool:
        """Whether a name stands for a module, or a class of this one."""
        return name not in self._local and (
            self._names.is_imported(name) or name in self._names.classes
        )

    def _of_call(self, node: ast.Call) -> Iterator[str]:
        called = node.func
        dotted = dotted_name(called)
        root = root_name(called)
        if isinstance(called, ast.Attribute) and called.attr in known_effects.BUILTIN_METHODS:
            if called.attr not in _COPYING:
                yield from self.of(called.value)
        elif root in self._local or not dotted:
            return
        elif self._names.is_builtin(root):
            if dotted in _PASSING_ON:
                yield from (source for argument in node.args for source in self.of(argument))
        else:
            yield f"{dotted}{RESULT}"

    def changed(self) -> set[str]:
        """What the function changes a part of, by way of a local or of a result.

        An attribute or an item counts as a part.
        """
        found: set[str] = set()
        for node in self._nodes:
            base: ast.expr | None = None
            if isinstance(node, ast.Attribute | ast.Subscript):
                base = None if isinstance(node.ctx, ast.Load) else node.value
            elif isinstance(node, ast.Call) and set_by_name(node) is not None:
                base = node.args[0]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in known_effects.CONTAINER_MUTATORS:
                    base = node.func.value
                if self._names.expand(dotted_name(node.func)) in _CHANGING and node.args:
                    found.update(self.of(node.args[0]))
            if base is not None and not self._is_global(base):
                found.update(self.of(base))
        return found

    def _is_global(self, node: ast.expr) -> bool:
        """Whether an expression is a global, or a part of one that is written out."""
        while isinstance(node, _PARTS):
            node = node.value
        return isinstance(node, ast.Name) and node.id not in self._local

    def given(self) -> Iterator[tuple[str, str, str]]:
        """What the function gives to others that have a name, with their names.

        And as which argument: its place or keyword, "" where that is not known.
        """
        for node in self._nodes:
            dotted = dotted_name(node.func) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and dotted and self._is_of_project(dotted):
                for slot, argument in _arguments(node):
                    yield from ((source, dotted, slot) for source in self._as_given(argument))
            elif isinstance(node, ast.Call) and dotted.partition(".")[0] in self._local:
                method = dotted.rpartition(".")[2]
                if method in known_effects.BUILTIN_METHODS or "." not in dotted:
                    continue
                for slot, argument in _arguments(node, first=1):
                    yield from ((source, f".{method}", slot) for source in self.of(argument))

    def asked(self) -> Iterator[tuple[str, str, bool]]:
        """What the function calls methods of, with their names.

        And whether it also looks at that, to decide what it does.
        """
        looked = self._looked_at()
        called = (node.func for node in self._nodes if isinstance(node, ast.Call))
        for method in called:
            if not isinstance(method, ast.Attribute):
                continue
            for source in self.of(method.value):
                is_part = source.startswith(GIVEN) and not isinstance(method.value, ast.Name)
                if not is_part and not source.endswith(RESULT):
                    yield source, method.attr, source.partition(".")[0] in looked

    def _looked_at(self) -> set[str]:
        """The first names of what decides which way the function goes."""
        deciding = [part for node in self._nodes for part in _deciding_in(node)]
        names = (n.id for part in deciding for n in walk(part) if isinstance(n, ast.Name))
        sources = (each for name in names for each in self.of(ast.Name(name, ast.Load())))
        return {source.removesuffix(RESULT).partition(".")[0] for source in sources}

    def _as_given(self, argument: ast.expr) -> Iterator[str]:
        """What an argument is, or is a part of.

        After a dot, the attribute that it is of a local.
        """
        yield from self.of(argument)
        if isinstance(argument, ast.Attribute) and root_name(argument) in self._local:
            yield f".{argument.attr}"  # which may be of the class

    def _is_of_project(self, dotted: str) -> bool:
        root = dotted.partition(".")[0]
        is_known = root in self._local or self._names.is_builtin(root)
        return not is_known and not known_effects.is_stdlib(self._names.expand(dotted))

    def returned(self) -> set[str]:
        """What the result may be, or be a part of."""
        values = (
            node.value
            for node in self._own
            if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom)
        )
        return {source for value in values if value is not None for source in self.of(value)}


def _deciding_in(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield node.test
    elif isinstance(node, ast.BoolOp):
        yield node
    elif isinstance(node, ast.Match):
        yield node.subject
    elif isinstance(node, ast.Try | ast.TryStar):
        yield from node.body


def _arguments(call: ast.Call, first: int = 0) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a call, with their places or keywords; "" where these are not known.

    `first` is the place of the first one: that of a method is given the object before it.
    """
    is_placed = True
    for place, argument in enumerate(call.args, first):
        is_placed = is_placed and not isinstance(argument, ast.Starred)
        yield str(place) if is_placed else "", argument
    yield from ((keyword.arg or "", keyword.value) for keyword in call.keywords)


def bind(
    nodes: Iterable[ast.AST],
    bound: dict[str, set[str]],
    sources_of: Callable[[ast.expr], Iterable[str]],
) -> None:
    """Add to `bound` what the values come from that some nodes bind locals to, by name.

    `sources_of` tells that of an expression, by what is known in `bound` already.
    """
    bindings = [binding for node in nodes for binding in _bindings_in(node)]
    for _ in range(_ROUNDS):  # a local may come from one that is bound below it, in a loop
        size = sum(map(len, bound.values()))
        for target, value in bindings:
            sources = set(sources_of(value))
            for name in bound_names(target):
                bound.setdefault(name, set()).update(sources)
        if sum(map(len, bound.values())) == size:
            break


def _bindings_in(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The targets of a statement, or of a part of one, with what they are bound to."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        if node.value is not None:
            yield node.target, node.value
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield node.target, node.iter
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield node.optional_vars, node.context_expr

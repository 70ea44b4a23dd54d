"""What evaluating code can change besides the names it binds.

The notation, a text per effect, resolved against the whole project by `analysis.project`:

    *                 anything
    ?m|a|b            calls what has no name here, as method m of something,
                      or (?) a function that it was given
    !                 may raise (see analysis.fallibility): then the module does not import
    ~name, ~a.b       changes the object that the module's global, or an attribute of it, stands for
    part:b()<c        changes what b returned, or a part of it
    part:.a           changes what the attribute `a` of some object holds
    set:a.b           sets the attribute b of the global a
    =name             binds the module's global `name` (a function with a `global` statement)
    ^                 changes an object given as argument (or self)
    ^.a               changes what the attribute `a` of self holds
    .                 sets attributes of an object that is just being made
    call:f|a|b()      calls f (a dotted name) with arguments that stand for the global a
                      and for what b returned;
                      after b() comes what b was given, which that may be a part of: b()<c<^
    bare:f|a|b        the same as a statement of its own
    method:o.m|a|b    calls method m of what the global o stands for; bare-method: as a statement
    deco:f            decorates with f
    made:f            decorates with what f(...) returns
"""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from testmon_cli.analysis import known_effects
from testmon_cli.analysis.aliases import GIVEN, Aliases, bind
from testmon_cli.analysis.ast_walk import children, walk
from testmon_cli.analysis.dotted_names import Names, dotted_name, root_name
from testmon_cli.analysis.making import (
    emptying,
    is_memoised,
    kept_inside,
    making_bodies,
    names_inside,
)
from testmon_cli.analysis.memoisation import (
    given_away,
    given_results,
    keeps_in_itself,
    keeps_under_computed_name,
    kept_in_class,
    kept_in_class_alone,
    kept_in_object,
    kept_in_object_alone,
    object_of_cached_property,
    passed_on,
    roots_of_given,
    roots_of_results,
)
from testmon_cli.analysis.scopes import FunctionNode, Scope, bound_names, parameters
from testmon_cli.domain.source import ITEM, OF_CLASS, RESULT, FunctionSummary

ANYTHING = "*"
FALLIBLE = "!"
ARGUMENT = GIVEN
SELF = "."
UNNAMED = "?"
INITIALISER = "__init__"  # as the method that an unnamed class calls
THROUGH = "<"
AS = "@"  # before the place or keyword of an argument
OWNER = "0"  # the place at which a method is given its object
# Self is new there.
MAKING = frozenset({"__init__", "__post_init__", "__attrs_post_init__", "__init_subclass__"})

_CHAINING = (ast.LShift, ast.RShift)  # `first >> second`: libraries give these operators effects
_WRITING = frozenset("wax+")
# Methods that put something into an object: of containers, queues and context variables.
_PUTTING = known_effects.CONTAINER_MUTATORS | {"put", "put_nowait", "set"}
_LONGEST_SOURCE = 200  # characters; what is longer went through many calls
# Builtins that give what they were given, or a part of it.
_PASSING_ON = frozenset({
    "dict", "enumerate", "filter", "frozenset", "getattr", "iter", "list", "map", "max", "min", "next", "reversed",
    "set", "sorted", "tuple", "zip",
})  # fmt: skip


class Reader:
    """Effects of statements and expressions; `local` says which names are not globals."""

    def __init__(
        self,
        names: Names,
        local: Mapping[str, str] | None = None,
        origins: Mapping[str, Collection[str]] | None = None,
        own_class: str = "",
    ) -> None:
        self.names = names
        # None at module or class level; else name -> "argument", "fresh", "unknown", "self" (the
        # first argument of a method), or "made" (an object that is just being made: attributes of
        # it are set)
        self.local = local
        self.origins = origins or {}  # what locals come from, in the notation of arguments
        self.own_class = own_class  # the local that is the class of the method, or one below it
        self.found: set[str] = set()

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        """Add the effects of one statement."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.decorators(node)
            for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
                self.expression(default)
            return
        if isinstance(node, ast.ClassDef):
            self.decorators(node)
            for base in (*node.bases, *(k.value for k in node.keywords)):
                self.expression(base)
            self.statements(node.body)
            return
        if isinstance(node, ast.Expr):
            self._bare(node.value)
            return
        if isinstance(
            node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete | ast.For | ast.AsyncFor
        ):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
            for target in targets:
                self.target(target, rebinds=isinstance(node, ast.AugAssign))
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.expression(node.value)
            return
        if isinstance(node, ast.Global):
            self.found.update("=" + name for name in node.names)
        for child in children(node):
            self._child(child)

    def _bare(self, node: ast.expr) -> None:
        """Read an expression that stands alone.

        Nobody uses its value, so it is there for what it changes.
        """
        if isinstance(node, ast.Call):
            self.call(node, bare=True)
            return
        self.expression(node)
        if self.local is None and isinstance(node, ast.BinOp | ast.Subscript):
            self._operands(node)

    def _operands(self, node: ast.expr) -> None:
        """Add the effects of an operator, which may change operands of the project's classes."""
        for part in (node.left, node.right) if isinstance(node, ast.BinOp) else (node,):
            if isinstance(part, ast.BinOp):
                self._operands(part)
            elif root_name(part):
                self.mutated(part)

    def _child(self, child: ast.AST) -> None:
        if isinstance(child, ast.expr):
            self.expression(child)
        elif isinstance(child, ast.stmt):
            self.statement(child)
        elif not isinstance(child, ast.expr_context | ast.operator):
            for inner in children(child):
                self._child(inner)

    def decorators(self, node: FunctionNode | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            function = decorator.func if isinstance(decorator, ast.Call) else decorator
            dotted = dotted_name(function)
            if isinstance(decorator, ast.Call):
                for argument in (*decorator.args, *(k.value for k in decorator.keywords)):
                    self.expression(argument)
            if isinstance(decorator, ast.Lambda):
                self._applied(decorator)
                continue
            if not dotted:
                self.found.add(ANYTHING if self.local is None else UNNAMED)
                continue
            expanded = self.names.expand(dotted)
            if known_effects.is_pure_decorator(expanded) and not self._is_own(dotted):
                continue
            if self._is_own(dotted) and dotted.rpartition(".")[2] in (
                "setter",
                "getter",
                "deleter",
            ):
                continue
            self.found.add(f"{'made' if isinstance(decorator, ast.Call) else 'deco'}:{expanded}")

    def _applied(self, node: ast.Lambda) -> None:
        """A lambda is called with what it decorates, which nobody else has yet."""
        inside = Reader(
            self.names, {**(self.local or {}), **dict.fromkeys(parameters(node.args), "argument")}
        )
        inside.expression(node.body)
        self.found |= inside.found - {ARGUMENT}

    def _is_own(self, dotted: str) -> bool:
        first = dotted.partition(".")[0]
        return first in self.names.bound and not self.names.is_imported(first)

    def target(self, node: ast.expr, *, rebinds: bool = False) -> None:
        """Something assigned to or deleted."""
        if isinstance(node, ast.Tuple | ast.List):
            for element in node.elts:
                self.target(element)
        elif isinstance(node, ast.Starred):
            self.target(node.value)
        elif isinstance(node, ast.Attribute | ast.Subscript):
            if self.local is None and isinstance(node, ast.Attribute) and self._is_of_project(node):
                self.found.add(f"set:{dotted_name(node)}")
            else:
                self.mutated(node, holder=node.value if isinstance(node, ast.Attribute) else None)
        elif (
            rebinds
            and isinstance(node, ast.Name)
            and self.local is None
            and self.names.is_imported(node.id)
        ):
            self.found.add("~" + node.id)

    def mutated(self, node: ast.expr, holder: ast.expr | None = None) -> None:
        """The object that an expression starts from changes.

        An attribute is set of `holder`, if there is one.
        """
        root = root_name(node)
        if self.local is not None and root in self.local:
            kind = self.local[root]
            self._origins_changed(node, root, kind)
            if isinstance(holder, ast.Name) and kind != "fresh":
                self.found.add(SELF if kind in ("made", "making") else ARGUMENT)
            elif kind in ("self", "making"):
                self._changes_self(_owner_of(node, root))
            elif kind != "fresh":
                self.found.add(ARGUMENT)
        elif not root or self._is_of_stdlib(root):
            self.found.add(ANYTHING)
        else:
            self.found.add("~" + _owner_of(node, root))

    def _origins_changed(self, node: ast.expr, local: str, kind: str) -> None:
        """A local, or a part of it, changes.

        So does what it comes from, or what that shares with others.
        """
        attribute = _innermost_attribute(node)
        if attribute and kind not in ("self", "making", "made"):
            self.found.add(f"part:.{attribute}")
        if kind == "fresh" and isinstance(getattr(node, "value", None), ast.Name):
            return  # what was made here has another item
        for source in self.origins.get(local, ()):
            self.found.add(f"part:{source}")

    def _is_of_stdlib(self, root: str) -> bool:
        return self.names.is_imported(root) and known_effects.is_stdlib(self.names.expand(root))

    def _is_of_project(self, node: ast.Attribute) -> bool:
        """Whether an attribute is named in full, and is not of the standard library."""
        return bool(dotted_name(node)) and not self._is_of_stdlib(root_name(node))

    def _changes_self(self, dotted: str) -> None:
        attribute = dotted.split(".")[1:2]
        self.found.add(f"{ARGUMENT}.{attribute[0]}" if attribute else ARGUMENT)

    def expression(self, node: ast.expr) -> None:
        stack: list[ast.AST] = [node]
        while stack:
            current = stack.pop()
            if isinstance(current, ast.Call):
                self.call(current, bare=False)
                continue
            if isinstance(current, ast.Lambda):
                continue
            if (
                isinstance(current, ast.BinOp)
                and isinstance(current.op, _CHAINING)
                and self.local is None
            ):
                self._operands(current)
            stack.extend(children(current))

    def call(self, node: ast.Call, *, bare: bool) -> None:
        arguments = [*node.args, *(k.value for k in node.keywords)]
        for argument in arguments:
            self.expression(argument)
        dotted = dotted_name(node.func)
        sources = dict.fromkeys(self._sources(arguments))
        roots = "".join(f"|{root}" for root in sources if root != ARGUMENT)
        if not dotted:
            self._computed(node, roots, bare=bare)
            return
        if ARGUMENT in sources:
            roots += "|^"
        first, _, rest = dotted.partition(".")
        if self.local is not None and first in self.local:
            self._method_of_local(first, rest, roots)
        elif self.names.is_builtin(first):
            self._builtin(first, node)
        elif self.names.is_imported(first):
            self._imported(self.names.expand(dotted), roots, bare=bare)
        elif rest:
            self.found.add(f"{'bare-' if bare else ''}method:{dotted}{roots}")
        else:
            self.found.add(f"{'bare' if bare else 'call'}:{dotted}{roots}")

    def _sources(self, arguments: Iterable[ast.expr]) -> Iterator[str]:
        """The globals that arguments come from: `a`, `module.a`, or `a.f()` where that was called.

        ARGUMENT for locals. What a part of the standard library without state makes of something
        may be a part of that.
        """
        for node in arguments:
            yield from self.sources_of(node)

    def sources_of(self, node: ast.expr) -> Iterator[str]:
        """What the value of an expression may be a part of, in the notation of arguments."""
        while isinstance(
            node, ast.Attribute | ast.Subscript | ast.Starred | ast.Await | ast.NamedExpr
        ):
            if isinstance(node, ast.Attribute) and (dotted := dotted_name(node)):
                root = root_name(node)
                if self._is_global(root) and self.names.is_imported(root):
                    if not known_effects.is_stateless(self.names.expand(dotted)):
                        yield dotted
                    return
            node = node.value
        if isinstance(node, ast.Name):
            yield from self._source_of_name(node.id)
        elif isinstance(node, ast.Call):
            yield from self._source_of_call(node)
        else:
            yield from self._sources(_parts_of(node))

    def _source_of_name(self, name: str) -> Iterator[str]:
        if self.local is not None and name in self.local:
            if self.local[name] != "fresh":
                yield ARGUMENT
            yield from sorted(self.origins.get(name, ()))
        elif self._is_global(name) and not (
            self.names.is_imported(name) and known_effects.is_stateless(self.names.expand(name))
        ):
            yield name

    def _source_of_call(self, node: ast.Call) -> Iterator[str]:
        arguments = [*node.args, *(k.value for k in node.keywords)]
        dotted = dotted_name(node.func)
        if not dotted:
            yield from self.sources_of(node.func)
            return
        root = root_name(node.func)
        if self.local is not None and root in self.local:
            yield from self._source_of_name(root)
        elif self.names.is_builtin(root):
            if dotted in _PASSING_ON:
                yield from self._sources(arguments)
        elif self.names.is_imported(root) and known_effects.is_stateless(self.names.expand(dotted)):
            if not known_effects.makes_new(self.names.expand(dotted)):
                yield from self._sources(arguments)
        else:
            yield "".join(
                (
                    f"{dotted}()",
                    *(f"{THROUGH}{each}" for each in dict.fromkeys(self._sources(arguments))),
                )
            )

    def _is_global(self, root: str) -> bool:
        return (
            bool(root)
            and not self.names.is_builtin(root)
            and (self.local is None or root not in self.local)
        )

    def _imported(self, expanded: str, roots: str, *, bare: bool) -> None:
        if known_effects.is_stdlib(expanded):
            if not known_effects.is_pure_call(expanded) or (bare and self.local is None):
                self.found.add(ANYTHING)
            return
        if known_effects.is_pure_call(expanded):
            return
        self.found.add(f"{'bare' if bare else 'call'}:{expanded}{roots}")

    def _builtin(self, name: str, node: ast.Call) -> None:
        if name in ("setattr", "delattr") and node.args:
            self.mutated(node.args[0], holder=node.args[0])
        elif name == "print":
            if self.local is None:
                self.found.add(ANYTHING)  # a test may import the module to see what it prints
        elif name == "next":
            if node.args and isinstance(node.args[0], ast.Name | ast.Attribute):
                self.mutated(node.args[0])  # who asks it next gets another value
        elif name == "open":
            if _may_write(node):
                self.found.add(ANYTHING)
        elif name in ("map", "filter") and node.args and dotted_name(node.args[0]):
            self.call(ast.copy_location(ast.Call(node.args[0], [], []), node), bare=False)
        elif name not in known_effects.PURE_BUILTINS:
            self.found.add(ANYTHING)

    def _method_of_local(self, first: str, rest: str, roots: str) -> None:
        kind = (self.local or {}).get(first)
        owner, _, method = rest.rpartition(".")
        if kind == "fresh" or (not rest and kind != "unknown"):
            if not rest:
                # A function given as argument is called, or an object of the own class is made.
                called = INITIALISER if first == self.own_class else ""
                self.found.add(f"{UNNAMED}{called}{roots}")
            return
        if method in known_effects.CONTAINER_MUTATORS:
            if kind in ("self", "making"):
                self._changes_self(f"{first}.{owner}" if owner else first)
            else:
                self.found.add(ARGUMENT)
                self.found.update(f"part:{source}" for source in self.origins.get(first, ()))
                if owner:
                    self.found.add(f"part:.{owner.partition('.')[0]}")
        elif method not in known_effects.BUILTIN_METHODS:
            own = "".join(f"|{source}" for source in sorted(self.origins.get(first, ())))
            called = INITIALISER if method == "__class__" else method
            self.found.add(f"{UNNAMED}{called}{own}{roots}")

    def _computed(self, node: ast.Call, roots: str, *, bare: bool) -> None:
        """Read a call of something that is not a name.

        Examples are `f(x)(y)`, `"a b".split()`, `Path(x).glob()` and `table[k]()`.
        """
        function = node.func
        if isinstance(function, ast.Attribute):
            value = function.value
            if isinstance(value, ast.Constant | ast.JoinedStr):
                return
            self.expression(value)
            root = root_name(value)
            innermost = self._innermost_call(value)
            if innermost and self.names.is_imported(innermost.partition(".")[0]):
                expanded = self.names.expand(innermost)
                if known_effects.is_stdlib(expanded) and not bare:
                    return
            if function.attr in known_effects.BUILTIN_METHODS and not self._is_new(value):
                if function.attr in known_effects.CONTAINER_MUTATORS and root:
                    self.mutated(value)
                return
            source = "".join(
                f"|{root}" for root in dict.fromkeys(self.sources_of(value)) if root != ARGUMENT
            )
            self.found.add(f"{UNNAMED}{function.attr}{source}{roots}")
            return
        if isinstance(function, ast.Call):
            dotted = dotted_name(function.func)
            self.call(function, bare=False)
            if dotted and known_effects.is_pure_decorator(self.names.expand(dotted)):
                return
            if dotted == "type" and self.local is not None:
                self.found.add(f"{UNNAMED}{INITIALISER}{roots}")
                return
        self.found.add(ANYTHING if self.local is None else UNNAMED)

    def _is_new(self, node: ast.expr) -> bool:
        """Whether an expression makes an object of a class of the module that nobody else has."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in self.names.classes
        )

    def _innermost_call(self, node: ast.expr) -> str:
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
            inner = node.func if isinstance(node, ast.Call) else node.value
            if isinstance(node, ast.Call) and (dotted := dotted_name(inner)):
                return dotted
            node = inner
        return dotted_name(node)


def _parts_of(node: ast.expr) -> list[ast.expr]:
    """The expressions of which the value of another may be, or hold, a part."""
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return [node.elt, *(generator.iter for generator in node.generators)]
    if isinstance(node, ast.DictComp):
        return [node.value, *(generator.iter for generator in node.generators)]
    return []


def _innermost_attribute(node: ast.expr) -> str:
    """`a` of `x.a[b].c`, of which a part changes; "" where `x` itself does."""
    attribute = ""
    top = node
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node is not top:
            attribute = node.attr
        node = node.value
    return attribute


def _origins(nodes: Sequence[ast.AST], reader: "Reader") -> dict[str, set[str]]:
    """What the locals of a function come from, besides what it was given, by its nodes."""
    found: dict[str, set[str]] = {}
    reader.origins = found

    def sources_of(value: ast.expr) -> Iterator[str]:
        sources = reader.sources_of(value)
        return (each for each in sources if each != ARGUMENT and len(each) < _LONGEST_SOURCE)

    bind(nodes, found, sources_of)
    return found


def _owner_of(node: ast.expr, root: str) -> str:
    """The dotted name that an expression starts from.

    It is `a.b` for `a.b[c].d`, in case `a` stands for a module.
    """
    while not (dotted := dotted_name(node)):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return root
    return dotted


def changed_global(effect: str) -> str:
    """The name of the module that an effect binds, or the object of which it changes.

    "" for any other effect.
    """
    kind, _, rest = effect.partition(":")
    if effect[0] in "=~":
        return effect[1:].partition(".")[0]
    return (
        rest.partition("|")[0].partition(".")[0] if kind.endswith("method") or kind == "set" else ""
    )


def _is_classmethod(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id == "classmethod"


def summary_of(
    node: FunctionNode, qualname: str, scope: Scope, names: Names, *, outlives: bool = False
) -> FunctionSummary:
    """Summarise what a call of the function can change.

    It may outlive the call of the one that it stands in.
    """
    nodes = list(walk(node))
    local = _locals_of(node, qualname, scope, nodes)
    own_class = _own_class(node, qualname)
    reader = Reader(names, local, _origins(nodes, Reader(names, local)), own_class)
    reader.statements(node.body)
    is_decorated = is_memoised(node)
    memoised = (
        is_decorated or keeps_in_itself(node, nodes) or keeps_under_computed_name(node, nodes)
    )
    in_closure = _changed_in_closure(nodes, reader.found, names) if outlives else set()
    memoised = memoised or bool(in_closure)
    emptied = frozenset(emptying(node).values())
    of_names = dict(_kept_by(reader.found, names, emptied))
    aliases = Aliases(node, nodes, names, local)
    changed = aliases.changed()
    given_to_others = set(aliases.given())
    asked = set(aliases.asked())
    of_parts = set(_outliving_of(changed, names))
    of_calls = {
        f"{name}{THROUGH}{called}{AS}{slot}"
        for source, called, slot in given_to_others
        if not source.endswith(RESULT)
        for name in _outliving_of([source], names)
    }
    of_methods = dict(_kept_by_asking(asked, names, emptied))
    of_class = kept_in_class(node, nodes)
    of_object, made = kept_in_object(node)
    lines = {line for found in (of_class, of_object) for group in found.values() for line in group}
    given = roots_of_results(node, nodes) if of_names or of_methods else set()
    results = {kept for kept, root in (of_names | of_methods).items() if root in given} | {
        f".{name}" for name in (*of_class, *made)
    }
    results |= of_parts | of_calls
    given_to = roots_of_given(node, nodes)
    of_given = {kept for kept, root in (of_names | of_methods).items() if root in given_to}
    others = of_parts | of_calls
    if given_to.isdisjoint(local):  # no other name for one of these
        others = {each for each in others if _root_of(each) in given_to}
    # Of its object those, too, that only the class is known to have. What is set after a look in
    # here has been made before, by whoever comes.
    of_own = {each for each in given_to if each[0] == "." and each[1:] not in of_object}
    takes = {each.partition(THROUGH)[0].removesuffix(RESULT) for each in of_given | others | of_own}
    takes |= {RESULT} if given_to & in_closure else set()
    keeps = {*of_names, *of_parts, *of_calls, *of_methods}
    keeps |= {f".{name}" for name in (*of_class, *of_object)}
    by_methods = _kept_by_methods(reader.found) - of_parts
    keeps, results = (_marked(found, by_methods) for found in (keeps, results))
    of_others = {*of_names, *(f".{name}" for name in of_class)}
    whole, items = kept_in_object_alone(node) if of_object else (set(), set())
    owned = {f".{name}" for name in whole} - of_others
    owned |= {f"{ITEM}.{name}" for name in items if f".{name}" not in of_others}
    in_class = kept_in_class_alone(node, nodes) if of_class else set()
    owned |= {
        f"{OF_CLASS}.{name}"
        for name in in_class
        if f".{name}" not in of_names and name not in of_object
    }
    owned |= {RESULT} if object_of_cached_property(node) else set()
    bodies = making_bodies(node) if is_decorated or of_others or of_object else []
    recorded = {f".{name}" for name in kept_inside(node, bodies)}
    if bodies:
        recorded |= of_others - {f".{name}" for name in of_object}
        recorded |= {RESULT} if is_decorated else set()
    return FunctionSummary(
        qualname=qualname,
        effects=tuple(sorted(reader.found)),
        memoised=memoised,
        keeps=tuple(sorted(keeps)),
        results=tuple(sorted(results)),
        fills=() if of_names or of_parts or of_calls or of_methods else tuple(sorted(lines)),
        owned=tuple(sorted(owned)),
        passes=tuple(sorted(passed_on(node, nodes))),
        gives=given_away(node, nodes, names),
        made=tuple(sorted(recorded)),
        inside=tuple(sorted(names_inside(node, bodies, names))),
        alters=tuple(sorted(set(_altered(changed, given_to_others, asked)))),
        returns=tuple(sorted(_outliving_of(aliases.returned(), names))),
        hands=tuple(sorted(given_results(nodes))),
        takes=tuple(sorted(takes)),
    )


def _locals_of(
    node: FunctionNode, qualname: str, scope: Scope, nodes: Iterable[ast.AST]
) -> dict[str, str]:
    """The locals of a function, with their kinds; see `Reader.local`."""
    local = dict.fromkeys(scope.bound, "unknown")
    arguments = node.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    local.update((argument.arg, "argument") for argument in parameters)
    for child in nodes:
        if isinstance(child, ast.comprehension):
            local.update(
                (name, "unknown") for name in bound_names(child.target) if name not in local
            )
    for name, kind in _fresh(nodes):
        if local.get(name) == "unknown":
            local[name] = kind
    owner, _, own = qualname.rpartition(".")
    first = _first_parameter(node)
    is_method = bool(owner) and not owner.endswith("<locals>")
    if is_method and local.get(first) == "argument":
        local[first] = "making" if own in MAKING else "self"
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            local[statement.name] = "fresh"
    return local


def _own_class(node: FunctionNode, qualname: str) -> str:
    """The parameter for the class that a method is of; "" where it is given an object."""
    owner, _, own = qualname.rpartition(".")
    is_of_class = own == "__new__" or any(map(_is_classmethod, node.decorator_list))
    return _first_parameter(node) if owner and is_of_class else ""


def _first_parameter(node: FunctionNode) -> str:
    placed = [*node.args.posonlyargs, *node.args.args]
    return placed[0].arg if placed else ""


def _altered(
    changed: Iterable[str],
    given: Iterable[tuple[str, str, str]],
    asked: Iterable[tuple[str, str, bool]],
) -> Iterator[str]:
    """Yield what a function changes of what it is given, as in `FunctionSummary.alters`."""
    yield from (source for source in changed if source.startswith(GIVEN))
    for source, called, slot in given:
        if source.startswith(GIVEN):
            yield f"{called}{AS}{slot}{source}"
    for source, method, _ in asked:
        if source.startswith(GIVEN) and method not in known_effects.BUILTIN_METHODS:
            yield f".{method}{AS}{OWNER}{source}"


def _root_of(kept: str) -> str:
    return kept.partition(THROUGH)[0].removesuffix(RESULT).partition(".")[0]


def _kept_by(
    effects: Iterable[str], names: Names, emptied: AbstractSet[str]
) -> Iterator[tuple[str, str]]:
    """Yield what outlives a call with these effects, with its root name.

    It is written as in `FunctionSummary.keeps`. What a call only empties keeps nothing.
    """
    for effect in effects:
        kind, _, rest = effect.partition(":")
        dotted = effect[1:] if effect[0] in "=~" else ""
        if kind.endswith("method"):
            called = rest.partition("|")[0]
            owner, _, method = called.rpartition(".")
            dotted = owner if method in _PUTTING and called not in emptied else ""
        first = dotted.partition(".")[0]
        # Other names are builtins, and locals of functions around this one.
        if first and (effect[0] == "=" or names.is_imported(first) or first in names.bound):
            yield _outliving(dotted, names), first


def _kept_by_asking(
    asked: Iterable[tuple[str, str, bool]], names: Names, emptied: AbstractSet[str]
) -> Iterator[tuple[str, str]]:
    """Yield objects of others that methods of theirs may change, each with its root name.

    They are written as in `FunctionSummary.keeps`. Whether a method that only the project knows
    does so is told where the project is known. It counts only where the function looks at the
    object as well: what is set anew each time hides nothing of the one who comes next.
    """
    for source, method, is_looked_at in asked:
        if source.startswith(GIVEN) or known_effects.is_stdlib(names.expand(source)):
            continue
        root = source.partition(".")[0]
        is_builtin = method in known_effects.BUILTIN_METHODS
        if method in _PUTTING:
            # For others see `_kept_by`.
            is_kept = names.is_imported(root) and f"{source}.{method}" not in emptied
            way = ""
        else:
            is_kept, way = is_looked_at and not is_builtin, f".{method}{AS}{OWNER}"
        if is_kept:
            yield from ((f"{name}{THROUGH}{way}", root) for name in _outliving_of([source], names))


def _kept_by_methods(effects: Collection[str]) -> set[str]:
    """Names that a function only calls a method of, like `table` in `table.clear()`.

    Where a name stands for a class, that changes something else, or nothing.
    """
    called = {
        effect.partition(":")[2].partition("|")[0].rpartition(".")[0]
        for effect in effects
        if effect.partition(":")[0].endswith("method")
    }
    changed = {effect[1:] for effect in effects if effect[0] in "=~"}
    return {name for name in called - changed if name.isidentifier()}


def _marked(kept: Iterable[str], by_methods: AbstractSet[str]) -> set[str]:
    return {f"{name}{THROUGH}" if name in by_methods else name for name in kept}


def _changed_in_closure(nodes: Iterable[ast.AST], effects: Iterable[str], names: Names) -> set[str]:
    """The locals of functions around this one that it changes: its own later calls find that."""
    changed = {name for node in nodes if isinstance(node, ast.Nonlocal) for name in node.names}
    for effect in effects:
        kind, _, rest = effect.partition(":")
        called = rest.partition("|")[0]
        name = ""
        if effect[0] == "~":
            name = effect[1:].partition(".")[0]
        elif (
            kind.endswith("method")
            and called.rpartition(".")[2] in known_effects.CONTAINER_MUTATORS
        ):
            name = called.partition(".")[0]
        if name and not names.is_imported(name) and name not in names.bound:
            changed.add(name)
    return changed


def _outliving_of(sources: Iterable[str], names: Names) -> Iterator[str]:
    """Yield which of some sources outlive a call.

    The sources are written as in `aliases`, the result as in `FunctionSummary.keeps`.
    """
    for source in sources:
        dotted = source.removesuffix(RESULT)
        first = dotted.partition(".")[0]
        if not first:
            yield source  # an attribute of some object
        elif names.is_imported(first) or first in names.bound:
            yield _outliving(dotted, names) + source[len(dotted) :]


def _outliving(dotted: str, names: Names) -> str:
    owner, _, last = dotted.rpartition(".")
    if last in known_effects.BUILTIN_METHODS and owner:  # of `table.setdefault(k, []).append(x)`
        dotted = owner
    first, dot, _ = dotted.partition(".")
    return dotted if names.is_imported(first) or not dot else "." + dotted.rpartition(".")[2]


def _fresh(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Locals that are only ever bound to objects made here, with their kinds.

    For the kinds see `Reader.local`.
    """
    made: dict[str, str] = {}
    for child in nodes:
        if isinstance(child, ast.Assign | ast.AnnAssign):
            value = child.value
            is_made = isinstance(
                value, ast.List | ast.Dict | ast.Set | ast.Tuple | ast.Constant | ast.ListComp
            )
            is_made = is_made or isinstance(
                value, ast.DictComp | ast.SetComp | ast.JoinedStr | ast.GeneratorExp
            )
            kind = "fresh" if is_made else "made" if _is_made(value) else ""
            for target in child.targets if isinstance(child, ast.Assign) else [child.target]:
                for name in bound_names(target):
                    made[name] = kind if made.get(name, kind) == kind else ""
        elif isinstance(child, ast.For | ast.AsyncFor | ast.withitem | ast.NamedExpr):
            place = child.optional_vars if isinstance(child, ast.withitem) else child.target
            for name in bound_names(place) if place is not None else ():
                made[name] = ""
    return ((name, kind) for name, kind in made.items() if kind)


def _is_made(value: ast.expr | None) -> bool:
    """Whether an expression is what `super().__new__(...)` or another `__new__` gives."""
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "__new__"
    )


def _may_write(node: ast.Call) -> bool:
    """Whether a call of `open` may do more than read."""
    modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg in ("mode", None))]
    return any(
        not isinstance(m, ast.Constant) or not _WRITING.isdisjoint(str(m.value)) for m in modes
    )

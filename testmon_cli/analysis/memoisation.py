"""Methods that keep what they make once: in their class, or in an object that tests may share."""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from testmon_cli.analysis import known_effects, namespaces
from testmon_cli.analysis.ast_walk import children, walk
from testmon_cli.analysis.dotted_names import Names, dotted_name
from testmon_cli.analysis.lookups import WALKS, way_of
from testmon_cli.analysis.scopes import FunctionNode, parameters
from testmon_cli.domain.source import ANY, BY_PLACE, NAMED, OWN, WALKED

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_INITIALISERS = (
    "__init__",
    "__new__",
    "__post_init__",
    "__attrs_post_init__",
    "__setstate__",
    "setUp",
    "setup_method",
)
_LOOK_UPS = ("getattr", "hasattr", "setattr")
_STATES = (
    "__getstate__",
    "__setstate__",
    "__reduce__",
    "__reduce_ex__",
    "__copy__",
    "__deepcopy__",
)
CLASSES = ("cls", "mcs", "mcls")  # names of parameters that are classes
_OWN = frozenset({"self", *CLASSES})
_BASES = ("mro", "__mro__", "getmro", "__bases__")
_BINDING = (ast.Assign, ast.For, ast.comprehension)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_GETTING = ("get", "setdefault", "pop", "values", "items")
_CONTAINERS = (ast.Dict, ast.List, ast.Set, ast.Call, ast.DictComp, ast.ListComp, ast.SetComp)

Kept = dict[str, set[int]]  # attribute -> lines of the statements that set it


def kept_in_class(node: FunctionNode, nodes: Iterable[ast.AST]) -> Kept:
    """Attributes of its class that a method, all of whose nodes these are, sets.

    They outlive the test that called it. `cls` is a new class where a metaclass or a base
    initialises it.
    """
    roots = _class_roots(node)
    nodes = list(nodes)
    aliases = _parts_of_class(nodes, roots)
    kept: Kept = {}
    for child in nodes:
        changed = {_of_class(target, roots) for target in _set_by(child)}
        for part in _changed_by(child):
            changed.add(_of_class(part, roots) or aliases.get(_root(part), ""))
        for attribute in changed - {""}:
            kept.setdefault(attribute, set()).add(child.lineno)  # type: ignore[attr-defined]
    return kept


def _parts_of_class(nodes: Iterable[ast.AST], roots: Collection[str]) -> dict[str, str]:
    """The locals that hold a part of an attribute of a class, with its name."""
    return {
        target.id: attribute
        for node in nodes
        if isinstance(node, ast.Assign | ast.NamedExpr)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and (attribute := _of_class(_part_taken(node.value), roots))
    }


def _part_taken(node: ast.expr) -> ast.expr:
    """`x.a` in `x.a.get(key)`: what a method of containers gives a part of."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _GETTING
    ):
        return node.func.value
    return node


def kept_in_class_alone(node: FunctionNode, nodes: Iterable[ast.AST]) -> set[str]:
    """The attributes of `kept_in_class` that each statement sets as a whole.

    They are set where `fills_of_class` finds it.
    """
    roots = _class_roots(node)
    noted = {id(fill.statement) for fill in fills_of_class(node)}
    alone: set[str] = set()
    shared: set[str] = set()
    nodes = list(nodes)
    aliases = _parts_of_class(nodes, roots)
    for child in nodes:
        for target in _set_by(child):
            if attribute := _of_class(target, roots):
                is_alone = id(child) in noted and _is_set_whole(target, roots)
                (alone if is_alone else shared).add(attribute)
        # an item of what an attribute holds, or one by a method
        shared.update(
            _of_class(part, roots) or aliases.get(_root(part), "") for part in _changed_by(child)
        )
    return alone - shared


def fills_of_class(node: FunctionNode) -> list["ClassFill"]:
    """The statements that set an attribute of a class as a whole, and its local name.

    The name is that under which the function has the class. Whether what is kept outlives a test
    can be told from the class alone. An item of what an attribute holds may be of something that a
    class above has, too.
    """
    roots = _class_roots(node)
    found: list[ClassFill] = []
    bodies = [node.body]
    while bodies:
        body = bodies.pop()
        for statement in body:
            bodies += bodies_of(statement)
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                for root in roots:
                    names = {
                        _of_class(t, roots) for t in _set_by(statement) if _is_set_whole(t, (root,))
                    }
                    if names:
                        found.append(ClassFill(body, statement, tuple(sorted(names)), root))
    return found


def _class_roots(node: FunctionNode) -> Sequence[str]:
    return () if node.name in ("__init__", "__init_subclass__") else CLASSES


def _set_by(node: ast.AST) -> list[ast.expr]:
    """What an assignment sets, part by part."""
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return []
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return [part for target in _targets(node) for part in _parts(target)]
    if isinstance(node, ast.Call) and (attribute := set_by_name(node)) is not None:
        return [attribute]
    return []


def set_by_name(node: ast.Call) -> ast.Attribute | None:
    """`x.name` for `setattr(x, "name", value)`; its name is "" where it is computed."""
    if not isinstance(node.func, ast.Name) or node.func.id != "setattr" or len(node.args) != 3:
        return None
    owner, name, _ = node.args
    text = str(name.value) if isinstance(name, ast.Constant) else ""
    return ast.copy_location(ast.Attribute(owner, text, ast.Store()), node)


def keeps_under_computed_name(node: FunctionNode, nodes: Iterable[ast.AST]) -> bool:
    """Whether a function sets an attribute under a name that it computes, and looks for it as well.

    Where the object lives on, who comes next gets what was made for the first. Nobody else is
    known to read it.
    """
    if node.name in (*_INITIALISERS, "__init_subclass__"):  # there the object or class is new
        return False
    looked_for: set[str] = set()
    kept: set[str] = set()
    for child in nodes:
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name):
            if child.func.id in ("getattr", "hasattr") and len(child.args) > 1:
                looked_for.add(_of_both(*child.args[:2]))
            elif (attribute := set_by_name(child)) is not None and not attribute.attr:
                kept.add(_of_both(*child.args[:2]))
        elif isinstance(child, ast.Compare) and isinstance(child.ops[0], ast.In | ast.NotIn):
            namespace = child.comparators[0]
            if isinstance(namespace, ast.Attribute) and namespace.attr == "__dict__":
                looked_for.add(_of_both(namespace.value, child.left))
            elif isinstance(namespace, ast.Call) and dotted_name(namespace.func) in ("vars", "dir"):
                looked_for.update(_of_both(each, child.left) for each in namespace.args)
    return not kept.isdisjoint(looked_for)


def _of_both(owner: ast.expr, name: ast.expr) -> str:
    """An object and the name of an attribute, as they are written.

    A class counts as its object, since that finds what the class has.
    """
    if isinstance(owner, ast.Call) and dotted_name(owner.func) == "type" and owner.args:
        owner = owner.args[0]
    elif isinstance(owner, ast.Attribute) and owner.attr == "__class__":
        owner = owner.value
    return f"{ast.dump(owner)} {ast.dump(name)}"


def _is_set_whole(target: ast.expr, roots: Collection[str]) -> bool:
    """Whether a target is `cls.name`: nothing else than the class gets it."""
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id in roots
    )


def keeps_in_itself(node: FunctionNode, nodes: Iterable[ast.AST]) -> bool:
    """Whether a function changes the default of a parameter, which all its calls share."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(
            positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True
        ),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    shared = {argument.arg for argument, default in pairs if isinstance(default, _CONTAINERS)}
    return bool(shared) and any(
        _root(changed) in shared for child in nodes for changed in _changed_by(child)
    )


def _changed_by(node: ast.AST) -> Iterator[ast.expr]:
    """What a node sets an item or attribute of, or changes by a method of containers."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        yield node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in known_effects.CONTAINER_MUTATORS
    ):
        yield node.func.value


def kept_in_object(node: FunctionNode) -> tuple[Kept, set[str]]:
    """Attributes that a method sets only after a look at them.

    That is `if self.x is None: self.x = ...` in all its forms. Then those of them that get what a
    call makes.
    """
    reader = _read(node)
    return reader.kept, reader.results


def _read(node: FunctionNode) -> "_Reader":
    reader = _Reader()
    if node.name not in _INITIALISERS:  # there the object is new
        reader.body(node.body, frozenset())
    return reader


class Fill(NamedTuple):
    """A statement that keeps something in an object."""

    body: list[ast.stmt]  # where it stands
    statement: ast.stmt
    attributes: tuple[str, ...]


class ClassFill(NamedTuple):
    """A statement that keeps something in a class."""

    body: list[ast.stmt]  # where it stands
    statement: ast.stmt
    attributes: tuple[str, ...]
    root: str  # the local that the class is known under


def fills_of_object(node: FunctionNode) -> list[Fill]:
    """The statements that set attributes of `self` which `kept_in_object` tells of.

    Whether what is kept outlives a test can be told from the object alone, as long as nothing else
    can be meant by `self`. An item or attribute of what an attribute holds may be of something that
    many objects share.
    """
    if not _is_about_one_object(node):
        return []
    reader = _read(node)
    return [fill for fill in reader.fills if not reader.shared.issuperset(fill.attributes)]


def keeping_statements(node: FunctionNode) -> list[Fill]:
    """The statements that set, or change, attributes of `kept_in_object`, or parts of these."""
    return _read(node).keeping


def kept_in_object_alone(node: FunctionNode) -> tuple[set[str], set[str]]:
    """The attributes of `kept_in_object` that are kept in nothing but the object itself.

    Then those of which some statement sets an item, and none sets a part of an item.
    """
    if not _is_about_one_object(node):
        return set(), set()
    reader = _read(node)
    alone = reader.kept.keys() - reader.shared
    return alone - reader.items, alone & reader.items


def attributes_set(tree: ast.Module) -> frozenset[str]:
    """The attributes that a module sets, with the fields of named tuples.

    Those of `fills_of_class` are left out.
    """
    noted = {
        id(fill.statement): fill.root
        for node, _ in functions_of(tree)
        for fill in fills_of_class(node)
    }
    in_classes: set[int] = set()
    found: set[str] = set()
    for node in walk(tree):  # what is above a node comes before it
        if id(node) in noted:
            in_classes |= {
                id(target) for target in _set_by(node) if _is_set_whole(target, (noted[id(node)],))
            }
        if (
            isinstance(node, ast.Attribute)
            and not isinstance(node.ctx, ast.Load)
            and id(node) not in in_classes
        ):
            found.add(node.attr)
        elif isinstance(node, ast.Call):
            last = last_part(node)
            if last in ("namedtuple", "make_dataclass", "make_class") or "setattr" in last:
                texts = [
                    n.value
                    for n in walk(node)
                    if isinstance(n, ast.Constant) and isinstance(n.value, str)
                ]
                found |= {word for text in texts for word in text.replace(",", " ").split()}
    return frozenset(found)


def functions_of(tree: ast.Module) -> Iterator[tuple[FunctionNode, str]]:
    """All functions of a module with their qualified names."""
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, prefix = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, prefix + node.name
            prefix = f"{prefix}{node.name}.<locals>."
        elif isinstance(node, ast.ClassDef):
            prefix = f"{prefix}{node.name}."
        stack += [
            (child, prefix)
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.expr)
        ]


def kept_names(nodes: Iterable[FunctionNode]) -> frozenset[str]:
    """The attributes of `kept_in_object_alone` of functions, and results of cached properties."""
    nodes = list(nodes)
    kept = {name for node in nodes for names in kept_in_object_alone(node) for name in names}
    return frozenset(kept | {node.name for node in nodes if object_of_cached_property(node)})


class Reading(NamedTuple):
    """A statement that may read attributes of the object itself."""

    body: list[ast.stmt]  # where it stands
    statement: ast.stmt
    attributes: tuple[str, ...]


def readings_of(node: FunctionNode, names: frozenset[str]) -> tuple[list[Reading], frozenset[str]]:
    """The statements of a function that may read some attributes of `self`.

    With all attributes of `self` that the function uses. A compound statement reads what its header
    reads. Functions inside of the function are left out.
    """
    if not names or not _is_about_one_object(node) or _has_lambda_of_self(node):
        return [], frozenset()
    found: list[Reading] = []
    used: set[str] = set()
    bodies = [node.body]
    while bodies:
        body = bodies.pop()
        for statement in body:
            inner = bodies_of(statement)
            bodies += inner
            uses, reads = _uses_in(
                statement, {id(child) for within in inner for child in within}, names
            )
            used |= uses
            if reads:
                found.append(Reading(body, statement, tuple(sorted(reads))))
    return found, frozenset(used)


def _has_lambda_of_self(node: FunctionNode) -> bool:
    return any(
        isinstance(child, ast.Lambda) and "self" in parameters(child.args) for child in walk(node)
    )


def bodies_of(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The lists of statements inside of a compound one.

    Functions and classes have bodies of their own.
    """
    if isinstance(statement, SCOPES):
        return []
    parts = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
    lists = [
        getattr(part, name, None) for part in parts for name in ("body", "orelse", "finalbody")
    ]
    return [found for found in lists if isinstance(found, list) and found]


def _uses_in(
    statement: ast.stmt, without: Collection[int], names: Collection[str]
) -> tuple[set[str], set[str]]:
    """Which attributes of `self` a statement uses, and which of them it may read."""
    uses: set[str] = set()
    reads: set[str] = set()
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Attribute) and node.attr in names and _is_self(node.value):
            uses.add(node.attr)
            if not isinstance(node.ctx, ast.Store) or isinstance(statement, ast.AugAssign):
                reads.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            reads.add(node.value)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending += [*node.decorator_list, node.args]
            continue
        pending += [child for child in children(node) if id(child) not in without]
    return uses, reads


def _is_about_one_object(node: FunctionNode) -> bool:
    """Whether `self` is a parameter, and always what it was on entry."""
    return "self" in parameters(node.args) and not any(
        (isinstance(child, ast.Name) and child.id == "self" and not isinstance(child.ctx, ast.Load))
        or (isinstance(child, ast.Nonlocal) and "self" in child.names)
        or (
            isinstance(child, ast.ExceptHandler | ast.MatchAs | ast.MatchStar)
            and child.name == "self"
        )
        or (isinstance(child, ast.alias) and "self" in (child.name, child.asname))
        for statement in node.body
        for child in walk(statement)
    )


def object_of_cached_property(node: FunctionNode) -> str:
    """The parameter for the object in which a `cached_property` keeps its result.

    "" for any other function.
    """
    if not any(last_part(decorator) == "cached_property" for decorator in node.decorator_list):
        return ""
    return next((argument.arg for argument in (*node.args.posonlyargs, *node.args.args)), "")


def given_away(function: FunctionNode, nodes: Iterable[ast.AST], names: Names) -> str:
    """Whose attributes a function may pass on all at once, by its nodes.

    OWN, ANY or "" for nobody's. NAMED where it sets attributes under names that a run records,
    WALKED where a run records whose they are. Those of modules and classes stay where they are, and
    a look at one attribute is no more than that. What copies and pickles an object asks it for
    them, which is seen where it runs.
    """
    nodes = list(nodes)
    single = {id(part) for node in nodes for part in namespaces.looked_into(node)}
    classes = _of_bases(nodes)
    found = {
        _given_by(node, function, classes, names) for node in nodes if id(node) not in single
    } - {""}
    return ANY if len(found) > 1 else "".join(found)


def _given_by(node: ast.AST, function: FunctionNode, classes: Collection[str], names: Names) -> str:
    """The same of one node of the function, whose locals that hold a class are given."""
    is_state = function.name in _STATES
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        is_computed = len(node.args) > 1 and not isinstance(node.args[1], ast.Constant)
        return "" if not is_computed else NAMED if way_of(node) is not None else ANY
    if isinstance(node, ast.Attribute) and node.attr == "__dict__":
        holder: ast.expr = node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "vars"
        and node.args
    ):
        holder = node.args[0]
    else:
        return (
            ANY if isinstance(node, ast.Attribute) and node.attr in _STATES and not is_state else ""
        )
    if isinstance(holder, ast.Name) and (
        holder.id in classes or "." not in names.aliases.get(holder.id, ".")
    ):
        return ""
    if _is_self(holder):
        return "" if is_state else OWN
    return WALKED if way_of(node) == WALKS else ANY


def _of_bases(nodes: Collection[ast.AST]) -> set[str]:
    """Locals that are classes: by convention, and those that come from the bases of a class."""
    classes, lists = set(CLASSES), set[str]()
    binding = [node for node in nodes if isinstance(node, _BINDING)]
    for _ in range(2):  # those that go over a local
        for node in binding:
            if isinstance(node, ast.Assign) and _is_list_of_bases(node.value, lists):
                lists |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.For | ast.comprehension):
                target = node.target
                if isinstance(target, ast.Name) and _is_list_of_bases(node.iter, lists):
                    classes.add(target.id)
    return classes


def _is_list_of_bases(node: ast.expr, lists: Collection[str]) -> bool:
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id in lists
    return (
        dotted_name(node.func if isinstance(node, ast.Call) else node).rpartition(".")[2] in _BASES
    )


def passed_on(function: FunctionNode, nodes: Iterable[ast.AST]) -> set[str]:
    """Attributes that a function may read of one object and set on another, by its nodes.

    Those that it reads of its own object alone come as "~name", those that may get another name
    there with BY_PLACE after it, all those of a class as `namespaces` says.
    """
    nodes = list(nodes)
    found = namespaces.passed_on(function, nodes)
    passed = list(_passed_on(nodes))
    is_about_one = bool(passed) and _is_about_one_object(function)
    for read, is_named in passed:
        name = "~" + read.attr if is_about_one and _is_self(read.value) else read.attr
        found.add(name if is_named else name + BY_PLACE)
    return found


def _passed_on(nodes: Iterable[ast.AST]) -> Iterator[tuple[ast.Attribute, bool]]:
    """The attributes that are read, and whether the other object gets each under its name."""
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            for part in (part for target in _targets(node) for part in _parts(target)):
                if isinstance(part, ast.Attribute):
                    for read in _attributes_in(node.value):
                        if read.attr == part.attr and ast.dump(read.value) != ast.dump(part.value):
                            yield read, True
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                word = (keyword.arg or "").strip("_")
                yield from (
                    (read, True)
                    for read in _attributes_in(keyword.value)
                    if read.attr.strip("_") == word
                )
            is_setting = isinstance(node.func, ast.Name) and node.func.id == "setattr"
            if _makes_object(node.func) or is_setting:
                for argument in node.args:
                    yield from ((read, is_setting) for read in _attributes_in(argument))


def _attributes_in(node: ast.expr) -> list[ast.Attribute]:
    return [child for child in walk(node) if isinstance(child, ast.Attribute)]


def _makes_object(function: ast.expr) -> bool:
    """Whether a call may make an object of a class of the project.

    By the name, which begins with a capital letter.
    """
    if isinstance(function, ast.Call):
        return True
    name = dotted_name(function).rpartition(".")[2].lstrip("_")
    return name[:1].isupper() or name in ("cls", "class__")


def last_part(decorator: ast.expr) -> str:
    """The last part of the name of a decorator."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    return dotted_name(function).rpartition(".")[2]


def roots_of_results(node: FunctionNode, nodes: Sequence[ast.AST]) -> set[str]:
    """Names that what is set, or changed by a method, starts from.

    Only where it gets what a call made, or what was given.
    """
    reader = _Reader()
    reader.computed = _given(node)
    return _getting(nodes, reader.computed, reader.computes)


def roots_of_given(node: FunctionNode, nodes: Sequence[ast.AST]) -> set[str]:
    """Names that what is set, or changed by a method, starts from; `.name` for the object's own.

    Only where it gets what was given, or what is made of that, and not under a key that holds the
    same: who looks for an item by its key has made the key.
    """
    origins = {name: {name} for name in _given(node)}  # what locals are made of
    if not origins:
        return set()

    def given_in(*parts: ast.expr) -> set[str]:
        names = (n.id for part in parts for n in walk(part) if isinstance(n, ast.Name))
        return set().union(*(origins.get(name, ()) for name in names))

    outside = {
        name
        for child in nodes
        if isinstance(child, ast.Global | ast.Nonlocal)
        for name in child.names
    }
    found: set[str] = set()
    for _ in range(2):  # a local may get its value below the place where it is used, in a loop
        for child in nodes:
            value, targets = _bound_in(child)
            given = given_in(value) if value is not None else set()
            for part in (part for target in targets for part in _parts(target) if given):
                if isinstance(part, ast.Name) and part.id not in outside:
                    origins.setdefault(part.id, set()).update(given)
                elif given - given_in(*_keys_in(part)):
                    found.update(_root_and_attribute(part))
    for child in nodes:
        if not isinstance(child, ast.Call):
            continue
        is_keyed = isinstance(child.func, ast.Attribute) and child.func.attr == "setdefault"
        if given_in(*_arguments(child)) - (given_in(*child.args[:1]) if is_keyed else set()):
            named = child.args[0] if isinstance(child.func, ast.Name) and child.args else child.func
            found.update(each for inner in walk(named) for each in _root_and_attribute(inner))
    return found


def _root_and_attribute(node: ast.AST) -> Iterator[str]:
    """The name that an expression starts from, or the attribute of the object or class itself."""
    if isinstance(node, ast.Name) and node.id not in _OWN:
        yield node.id
    while isinstance(node, ast.Attribute | ast.Subscript):
        value = node.value
        if isinstance(value, ast.Name):
            is_own = isinstance(node, ast.Attribute) and value.id in _OWN
            yield f".{node.attr}" if is_own else value.id  # type: ignore[union-attr]
        node = value


def _keys_in(target: ast.expr) -> Iterator[ast.expr]:
    """The keys of the items that a target is, or is a part of."""
    while isinstance(target, ast.Attribute | ast.Subscript):
        if isinstance(target, ast.Subscript):
            yield target.slice
        target = target.value


def given_results(nodes: Sequence[ast.AST]) -> set[str]:
    """The names, without what is in front of a dot, of what gets the result of some call."""
    reader = _Reader()
    _getting(nodes, reader.computed, reader.computes)
    return {
        called
        for node in nodes
        if isinstance(node, ast.Call)
        and (called := getattr(node.func, "attr", "") or getattr(node.func, "id", ""))
        and called not in known_effects.BUILTINS
        and any(map(reader.computes, _arguments(node)))
    }


def _given(node: FunctionNode) -> set[str]:
    return set(parameters(node.args)) - {"self", "cls"}


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _getting(
    nodes: Iterable[ast.AST], known: set[str], is_wanted: Callable[[ast.expr], bool]
) -> set[str]:
    """The names that what gets a wanted value starts from.

    Locals that hold such a value are added to `known`, by which `is_wanted` knows them.
    """
    found: set[str] = set()
    for _ in range(2):  # a local may get its value below the place where it is used, in a loop
        for child in nodes:
            value, targets = _bound_in(child)
            if value is not None and is_wanted(value):
                roots = {_root(part) for target in targets for part in _parts(target)}
                known |= roots
                found |= roots
    for child in nodes:
        if isinstance(child, ast.Call) and any(map(is_wanted, _arguments(child))):
            named = child.args[0] if isinstance(child.func, ast.Name) and child.args else child.func
            found |= {inner.id for inner in walk(named) if isinstance(inner, ast.Name)}
    return found


def _bound_in(node: ast.AST) -> tuple[ast.expr | None, Sequence[ast.expr]]:
    """The value that a statement, or a part of one, binds, and to what."""
    if isinstance(node, ast.Assign):
        return node.value, node.targets
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        return node.value, [node.target]
    if isinstance(node, ast.For | ast.AsyncFor):
        return node.iter, [node.target]
    if isinstance(node, ast.withitem) and node.optional_vars is not None:
        return node.context_expr, [node.optional_vars]
    return None, ()


class _Reader:
    """Follows which attributes have been looked at when a statement runs."""

    def __init__(self) -> None:
        self.kept: Kept = {}
        self.results: set[str] = set()  # those of `kept` that a call made
        self.aliases: dict[str, set[str]] = {}  # locals that come from an attribute
        self.same: set[str] = set()  # those that are one
        self.computed: set[str] = set()  # locals that hold what a call gave
        self.keeping: list[Fill] = []
        self.fills: list[Fill] = []  # those that keep it in nothing but the object itself
        self.items: set[str] = set()  # attributes of which an item is set
        # Those of which a part is set by other ways, which other objects may have, too.
        self.shared: set[str] = set()
        self._body: list[ast.stmt] = []
        self._statement: ast.stmt = ast.Pass()

    def body(self, statements: list[ast.stmt], looked: frozenset[str]) -> None:
        for statement in statements:
            self._body, self._statement = statements, statement
            looked = self.statement(statement, looked)

    def statement(self, node: ast.stmt, looked: frozenset[str]) -> frozenset[str]:
        """Read one statement; what has been looked at after it."""
        if isinstance(node, ast.If | ast.While):
            missing, there = self.told(node.test)
            self.body(node.body, looked | missing)
            self.body(node.orelse, looked | there)
            return looked | there if isinstance(node.body[-1], _LEAVING) else looked
        if isinstance(node, ast.Try | ast.TryStar):
            tried = looked.union(*(self.attributes(inner) for inner in node.body))
            self.body(node.body, looked)
            for handler in node.handlers:
                self.body(handler.body, tried)
            self.body(node.orelse, looked)
            self.body(node.finalbody, looked)
            return tried if isinstance(node.body[-1], _LEAVING) else looked
        if isinstance(node, ast.Assign | ast.AnnAssign):
            self.assignment(node, looked)
        elif isinstance(node, ast.Expr):
            self.set_by_call(node.value, looked)
        for name in ("body", "orelse"):
            self.body(getattr(node, name, []) if not isinstance(node, SCOPES) else [], looked)
        for case in getattr(node, "cases", ()):
            self.body(case.body, looked)
        return looked

    def assignment(self, node: ast.Assign | ast.AnnAssign, looked: frozenset[str]) -> None:
        if isinstance(node.value, ast.BoolOp | ast.IfExp):
            looked |= self.attributes(
                node.value.test if isinstance(node.value, ast.IfExp) else node.value
            )
        computes = node.value is not None and self.computes(node.value)
        for target in _targets(node):
            for part in _parts(target):
                if isinstance(part, ast.Name):
                    found = (
                        self.attributes(node.value)
                        if node.value is not None and part is target
                        else set()
                    )
                    self.aliases[part.id] = found
                    self.same -= {part.id}
                    self.same |= {part.id} if _is_attribute(node.value) else set()
                    self.computed |= {part.id} if computes else set()
                elif _root(part) == "self" or _root(part) in self.same:
                    whole = _is_attribute(part) or _is_item(part)
                    self.keep(
                        self.changed(part) & looked,
                        node,
                        computes,
                        is_whole=whole,
                        is_item=_is_item(part),
                    )
        self.set_by_call(node.value, looked)

    def set_by_call(self, node: ast.expr | None, looked: frozenset[str]) -> None:
        if not isinstance(node, ast.Call):
            return
        computes = any(map(self.computes, node.args))
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in known_effects.CONTAINER_MUTATORS
        ):
            whole = _is_attribute(node.func.value)
            changed = self.attributes(node.func.value)
            if node.func.attr != "setdefault":  # which looks itself
                changed &= looked
            self.keep(changed, node, computes, is_whole=whole, is_item=whole)
        elif isinstance(node.func, ast.Name) and node.func.id == "setattr":
            named = self.attributes(ast.Call(node.func, node.args[:2], []))
            is_whole = bool(node.args) and _is_self(node.args[0]) and named == self.attributes(node)
            self.keep(self.attributes(node) & looked, node, computes, is_whole=is_whole)

    def keep(
        self,
        attributes: Collection[str],
        node: ast.stmt | ast.expr,
        computes: bool,
        *,
        is_whole: bool = False,
        is_item: bool = False,
    ) -> None:
        self.results |= set(attributes) if computes else set()
        self.items |= set(attributes) if is_item else set()
        if attributes:
            fill = Fill(self._body, self._statement, tuple(sorted(attributes)))
            self.keeping.append(fill)
            if is_whole:
                self.fills.append(fill)
            else:
                self.shared |= set(attributes)
        for attribute in attributes:
            self.kept.setdefault(attribute, set()).add(node.lineno)

    def told(self, test: ast.expr) -> tuple[set[str], set[str]]:
        """Attributes that are missing yet where a test holds, and where it does not."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            missing, there = self.told(test.operand)
            return there, missing
        if isinstance(test, ast.BoolOp):
            pairs = [self.told(value) for value in test.values]
            return set().union(*(first for first, _ in pairs)), set().union(
                *(second for _, second in pairs)
            )
        found = self.attributes(test)
        if isinstance(test, ast.Compare):
            if isinstance(test.ops[0], ast.Is | ast.Eq | ast.NotIn):
                return found, set()
            if not isinstance(test.ops[0], ast.IsNot | ast.NotEq | ast.In):
                return found, found
        return set(), found

    def computes(self, node: ast.expr) -> bool:
        """Whether a value is made by a call of the project, or read from outside of Python.

        What is given is not kept.
        """
        for child in walk(node):
            if (
                isinstance(child, ast.Subscript)
                and dotted_name(child.value).rpartition(".")[2] == "environ"
            ):
                return True
            if isinstance(child, ast.Call) and dotted_name(child.func) == "open":
                return True
            if isinstance(child, ast.Name) and child.id in self.computed:
                return True
            if isinstance(child, ast.Call) and not _only_passes_on(child.func):
                return True
        return False

    def changed(self, target: ast.expr) -> set[str]:
        """Attributes of the object itself that an assignment sets, or a part of which it sets.

        Keys are only read.
        """
        while isinstance(target, ast.Attribute | ast.Subscript):
            if isinstance(target, ast.Attribute) and _is_self(target.value):
                return {target.attr}
            target = target.value
        return self.attributes(target)

    def attributes(self, node: ast.AST) -> set[str]:
        """Attributes of `self` that an expression uses, by their names or through a local."""
        found: set[str] = set()
        for child in walk(node):
            if isinstance(child, ast.Attribute) and _is_self(child.value):
                found.add(child.attr)
            elif isinstance(child, ast.Name):
                found |= self.aliases.get(child.id, set())
            elif (
                isinstance(child, ast.Call)
                and isinstance(child.func, ast.Name)
                and child.func.id in _LOOK_UPS
            ):
                found |= {
                    str(a.value)
                    for a in child.args[1:2]
                    if isinstance(a, ast.Constant) and _is_self(child.args[0])
                }
        return found


def _is_attribute(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        return bool(node.args) and _is_self(node.args[0])
    return isinstance(node, ast.Attribute) and _is_self(node.value)


def _is_item(node: ast.expr) -> bool:
    """`self.x[key]`, as a target of an assignment."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Attribute)
        and _is_self(node.value.value)
    )


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _only_passes_on(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id == "copy"
    return isinstance(function, ast.Name) and (
        function.id in known_effects.BUILTINS or function.id in ("copy", "deepcopy")
    )


def _targets(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _parts(target: ast.expr) -> list[ast.expr]:
    """The single targets of an assignment that may unpack."""
    if isinstance(target, ast.Tuple | ast.List):
        return [part for element in target.elts for part in _parts(element)]
    return _parts(target.value) if isinstance(target, ast.Starred) else [target]


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _of_class(node: ast.expr, roots: Collection[str]) -> str:
    """The attribute of the class that an assignment target is, or is a part of.

    "" when it is none.
    """
    attribute = ""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            if node.attr == "__class__":
                return attribute
            attribute = node.attr
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
        return attribute
    return attribute if isinstance(node, ast.Name) and node.id in roots else ""

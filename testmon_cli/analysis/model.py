"""The model of one file's text."""

import ast
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from testmon_cli.analysis import lookups
from testmon_cli.analysis.ast_walk import own_nodes, walk
from testmon_cli.analysis.blocks import blocks_of, find_blocks, is_docstring
from testmon_cli.analysis.checksums import checksum
from testmon_cli.analysis.containers import private_containers
from testmon_cli.analysis.definitions import find_definitions, names_of
from testmon_cli.analysis.dotted_names import Names
from testmon_cli.analysis.effects import ARGUMENT, summary_of
from testmon_cli.analysis.imports import find_imports, lazy_lines
from testmon_cli.analysis.memoisation import (
    attributes_set,
    functions_of,
    kept_names,
    readings_of,
)
from testmon_cli.analysis.mentions import READS_DOCS
from testmon_cli.analysis.normalise import Text
from testmon_cli.analysis.python_versions import CURRENT, has_lazy_imports
from testmon_cli.analysis.scopes import FunctionNode, Scope, module_scope
from testmon_cli.domain.source import (
    Block,
    Definition,
    FunctionSummary,
    Import,
    SourceError,
    SourceModel,
)

MODULE_QUALNAME = "<module>"
_CONTAINERS = frozenset({
    "dict", "list", "set", "collections.Counter", "collections.OrderedDict", "collections.defaultdict",
    "collections.deque", "queue.Queue", "weakref.WeakKeyDictionary", "weakref.WeakSet",
    "weakref.WeakValueDictionary",
})  # fmt: skip
_LAZY_IMPORT = re.compile(r"\s*lazy\s+(import|from)\s")


def parse(data: bytes) -> ast.Module:
    """The syntax tree of a file's bytes, whatever their encoding and line ends.

    Raises SourceError.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        raise SourceError(_message(error), error.lineno) from error
    except (ValueError, RecursionError, MemoryError, LookupError) as error:
        raise SourceError(str(error) or type(error).__name__) from error


def _message(error: SyntaxError) -> str:
    if _LAZY_IMPORT.match(error.text or "") and not has_lazy_imports(CURRENT):
        return f"`lazy import` is syntax of Python 3.15, and this is {CURRENT}"
    return error.msg or "invalid syntax"


def build_model(data: bytes) -> SourceModel:
    """The model of a file's bytes. Raises SourceError when they do not parse."""
    tree = parse(data)
    try:
        return model_of(tree)
    except RecursionError as error:
        raise SourceError("nested too deeply") from error


def model_of(tree: ast.Module) -> SourceModel:
    """The model of a syntax tree."""
    lookups.note(tree)
    names = names_of(tree)
    imports = find_imports(tree)
    lazy = lazy_lines(tree)
    imported = frozenset(found.binds for found in imports)
    definitions = find_definitions(tree, names, imported)
    if lazy:
        imports, definitions = _deferring(imports, definitions, lazy)
    scopes: dict[ast.AST, Scope] = {}
    raw = find_blocks(tree, imported, scopes)
    functions = _summaries(tree.body, "", scopes, names)
    sets = attributes_set(tree)
    functions = [_with_tables_of_class(function, definitions, sets) for function in functions]
    return SourceModel(
        blocks=(*blocks_of(raw), _module_block(tree, definitions, imported)),
        definitions=definitions,
        imports=imports,
        functions=tuple(_seeing(functions, tree)),
        doctests=frozenset(_doctests(tree.body, "")),
        private=private_containers(tree),
        sets=sets,
    )


def _deferring(
    imports: tuple[Import, ...], definitions: tuple[Definition, ...], lazy: frozenset[int]
) -> tuple[tuple[Import, ...], tuple[Definition, ...]]:
    """Imports and definitions with the imports of these lines deferred.

    An import stays as it is if the module itself uses the name.
    """
    used = frozenset().union(*(d.mentions for d in definitions if d.kind != "import"))
    imports = tuple(i._replace(deferred=i.line in lazy and i.binds not in used) for i in imports)
    deferred = {(i.line, i.binds) for i in imports if i.deferred}
    return imports, tuple(
        d._replace(flags=d.flags | {"guarded", "caught", "deferred"})
        if d.kind == "import" and not deferred.isdisjoint((d.line, name) for name in d.names)
        else d
        for d in definitions
    )


def _module_block(
    tree: ast.Module, definitions: tuple[Definition, ...], imported: frozenset[str]
) -> Block:
    """The last block of every model, the module's own code.

    For who runs it outside an import (`-m`, runpy).
    """
    guards = [node for node in tree.body if isinstance(node, ast.If)]
    guarded = Text()  # what runs only there is in no definition
    for node in guards:
        guarded.add(node, module_scope(imported))
    mentions = guarded.mentioned.union(*(d.mentions for d in definitions))
    # Annotations are executed, and annotated names without a value leave no other trace.
    docs = [f"{d.doc_checksum}" for d in definitions] if READS_DOCS in mentions else []
    own = (f"{d.names} {d.checksum} {d.hint_checksum}" for d in definitions)
    total = checksum("module", *own, *docs, *map(ast.dump, guards))
    return Block(total, MODULE_QUALNAME, 1, (), -1, mentions)


def _summaries(
    body: list[ast.stmt],
    prefix: str,
    scopes: Mapping[ast.AST, Scope],
    names: Names,
    returned: Collection[str] = (),
) -> list[FunctionSummary]:
    """The summaries of functions in a body.

    The function around them uses some names in what it returns.
    """
    found: list[FunctionSummary] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            outlives = node.name in returned
            found.append(
                summary_of(node, prefix + node.name, scopes[node], names, outlives=outlives)
            )
            inner = _names_returned(node)
            found += _summaries(node.body, f"{prefix}{node.name}.<locals>.", scopes, names, inner)
        elif isinstance(node, ast.ClassDef):
            found += _summaries(node.body, f"{prefix}{node.name}.", scopes, names)
        else:
            for field in ("body", "orelse", "finalbody"):
                found += _summaries(getattr(node, field, []), prefix, scopes, names, returned)
            for handler in getattr(node, "handlers", ()):
                found += _summaries(handler.body, prefix, scopes, names, returned)
            for case in getattr(node, "cases", ()):
                found += _summaries(case.body, prefix, scopes, names, returned)
    return found


def _with_tables_of_class(
    function: FunctionSummary, definitions: Iterable[Definition], sets: AbstractSet[str]
) -> FunctionSummary:
    """A method with the tables of its class that it changes: all objects of the class have them.

    A class above that another file has is not looked at.
    """
    changed = {e[len(ARGUMENT) + 1 :] for e in function.effects if e.startswith(f"{ARGUMENT}.")}
    changed -= sets  # an object has one of its own
    if not changed:
        return function
    classes = {d.names[0]: d for d in definitions if d.kind == "class" and not d.owner}
    lineage = _lineage(function.qualname.rpartition(".")[0], classes)
    # Fields are copied for each object, by a decorator or by a class that is not known here.
    has_fields = any(c not in classes or classes[c].decorators for c in lineage - {"object"})
    tables = {
        f".{name}"
        for definition in definitions
        if definition.owner in lineage
        and _is_table(definition)
        and not (has_fields and definition.hint_checksum)
        for name in changed.intersection(definition.names)
    }
    if not tables:
        return function
    return function._replace(
        keeps=tuple(sorted({*function.keeps, *tables})),
        results=tuple(sorted({*function.results, *tables})),
        fills=(),
        owned=tuple(each for each in function.owned if each not in tables),
    )


def _lineage(name: str, classes: Mapping[str, Definition]) -> AbstractSet[str]:
    """The names of a class and of those above it, as far as they are known."""
    found, pending = {name}, [name]
    while pending:
        definition = classes.get(pending.pop())
        above = set(definition.bases if definition is not None else ()) - found
        found |= above
        pending += above
    return found


def _is_table(definition: Definition) -> bool:
    """Whether a name of a class stands for a container, which its methods may change."""
    if definition.kind != "assign" or not definition.flags.isdisjoint({"constant", "bare"}):
        return False
    made = set(definition.bases) if "instance" in definition.flags else set()
    return "literal" in definition.flags or not made.isdisjoint(_CONTAINERS)


def _names_returned(function: FunctionNode) -> frozenset[str]:
    values = [
        node.value
        for node in own_nodes(function.body)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    return frozenset(
        node.id for value in values for node in walk(value) if isinstance(node, ast.Name)
    )


def _seeing(functions: Iterable[FunctionSummary], tree: ast.Module) -> Iterator[FunctionSummary]:
    """Functions, with the attributes of which they note all reading.

    See `tracing.engines.holders`.
    """
    functions = list(functions)
    if not any(function.owned for function in functions):
        return iter(functions)
    nodes: dict[str, list[FunctionNode]] = {}
    for node, qualname in functions_of(tree):
        nodes.setdefault(qualname, []).append(node)
    names = kept_names(node for same in nodes.values() for node in same)
    return (
        function._replace(sees=tuple(sorted(_seen_by(nodes.get(function.qualname, []), names))))
        for function in functions
    )


def _seen_by(nodes: Sequence[FunctionNode], names: frozenset[str]) -> frozenset[str]:
    """What all functions of one qualified name see."""
    found = [readings_of(node, names)[1] for node in nodes]
    return frozenset.intersection(*found) if found else frozenset()


def _doctests(body: list[ast.stmt], prefix: str) -> list[str]:
    found: list[str] = []
    if body and is_docstring(body[0]) and ">>>" in ast.dump(body[0]):
        found.append(prefix.rstrip(".") or MODULE_QUALNAME)
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if ">>>" in (ast.get_docstring(node) or ""):
                found.append(prefix + node.name)
        elif isinstance(node, ast.ClassDef):
            found += _doctests(node.body, f"{prefix}{node.name}.")
    return found

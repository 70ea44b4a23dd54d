"""Import statements of a file, and which files they mean."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from testmon_cli.analysis.ast_walk import children, walk
from testmon_cli.analysis.constant_conditions import is_type_checking
from testmon_cli.analysis.python_versions import CURRENT, has_lazy_imports
from testmon_cli.domain.source import Import

_PLUGINS = "pytest_plugins"
_LAZY_MODULES = "__lazy_modules__"


def find_imports(tree: ast.Module) -> tuple[Import, ...]:
    """Every name that an import statement asks for, also in functions.

    With the plugins that pytest is told to load.
    """
    return (*_walk(tree, lazy=False), *_plugins(tree))


def _plugins(tree: ast.Module) -> Iterator[Import]:
    """The modules in `pytest_plugins`, which pytest imports right after the file."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        if not any(isinstance(t, ast.Name) and t.id == _PLUGINS for t in node.targets):
            continue
        for child in walk(node.value):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                yield Import(child.value, "", 0, "", node.lineno, lazy=False)


def lazy_lines(tree: ast.Module) -> frozenset[int]:
    """Lines of the import statements that Python runs where a name of theirs is first used."""
    named = _named_lazy(tree) if has_lazy_imports(CURRENT) else frozenset()
    lines: dict[int, bool] = {}
    for node in _module_imports(tree.body):
        is_lazy = bool(getattr(node, "is_lazy", 0)) or (
            bool(named) and _names_modules(node) <= named
        )
        lines[node.lineno] = lines.get(node.lineno, True) and is_lazy
    return frozenset(line for line, is_lazy in lines.items() if is_lazy)


def _named_lazy(tree: ast.Module) -> frozenset[str]:
    """The modules that `__lazy_modules__` lists.

    For Pythons that know no `lazy import`, they are no different.
    """
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == _LAZY_MODULES for t in node.targets
        ):
            try:
                return frozenset(map(str, ast.literal_eval(node.value)))
            except (ValueError, TypeError):
                return frozenset()
    return frozenset()


def _names_modules(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The modules that a statement imports; "" stands for one that no list of names can mean."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    is_plain = node.module and not node.level and all(alias.name != "*" for alias in node.names)
    return {node.module if is_plain and node.module else ""}


def _module_imports(body: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that may be lazy.

    None of these is in a function, in a class, or where an exception is awaited.
    """
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        if not isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Match):
            continue
        for child in children(node):
            if isinstance(child, ast.stmt):
                yield from _module_imports([child])
            elif isinstance(child, ast.match_case):
                yield from _module_imports(child.body)


def imported_names(tree: ast.Module) -> frozenset[str]:
    """The names that imports bind, at module level or in functions: what may stand for a module."""
    return frozenset(imported.binds for imported in find_imports(tree))


def of_statement(node: ast.Import | ast.ImportFrom, *, lazy: bool = False) -> Iterator[Import]:
    """An import statement as one value per name."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            binds = alias.asname or alias.name.partition(".")[0]
            yield Import(alias.name, "", 0, binds, node.lineno, lazy)
        else:
            yield Import(
                node.module or "",
                alias.name,
                node.level,
                alias.asname or alias.name,
                node.lineno,
                lazy,
            )


def _walk(node: ast.AST, *, lazy: bool) -> Iterator[Import]:
    for child in children(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield from of_statement(child, lazy=lazy)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child, lazy=True)
        elif isinstance(child, ast.If) and is_type_checking(child.test):
            for statement in child.orelse:
                yield from _walk(ast.Module([statement], []), lazy=lazy)
        elif not isinstance(child, ast.expr):
            yield from _walk(child, lazy=lazy)


class ModuleIndex:
    """Which project file a module name stands for: by suffix of its path, and as a run observed it.

    The analyser imports nothing, so it cannot know `sys.path`. A name stands for every file whose
    path ends as the name says ("shop.price": "src/shop/price.py", "shop/price/__init__.py"), with
    what runs observed first. What was observed says nothing of files that were `added` since: they
    may hide what was found.
    """

    def __init__(
        self,
        paths: Iterable[str],
        observed: Mapping[str, str] | None = None,
        added: Iterable[str] = (),
    ) -> None:
        self.paths = frozenset(paths)
        self._added = frozenset(added)
        self._observed = dict(observed or {})
        self._cache: dict[str, tuple[str, ...]] = {}
        self._parents: dict[str, tuple[str, ...]] = {}
        self._relatives: dict[tuple[str, str], tuple[str, ...]] = {}

    @cached_property
    def _by_last(self) -> Mapping[str, list[tuple[tuple[str, ...], str]]]:
        """By the last part of their module's name, made when a name is looked for.

        Most changes need none.
        """
        found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for path in sorted(self.paths):
            parts = module_parts(path)
            if parts:
                found.setdefault(parts[-1], []).append((parts, path))
        return found

    def files(self, module: str) -> tuple[str, ...]:
        """Paths that `import module` could load; () when it is not of the project."""
        found = self._cache.get(module)
        if found is None:
            found = self._cache[module] = self._find(module)
        return found

    def _find(self, module: str) -> tuple[str, ...]:
        observed = self._observed.get(module)
        wanted = tuple(module.split("."))
        hits = [
            path
            for parts, path in self._by_last.get(wanted[-1], ())
            if parts[-len(wanted) :] == wanted
        ]
        if observed in self.paths:
            return (observed, *(path for path in hits if path in self._added and path != observed))
        return tuple(hits)

    def with_parents(self, module: str) -> tuple[str, ...]:
        """The files of a module and of the packages above it, which Python imports first."""
        if module not in self._parents:
            above, dot, _ = module.rpartition(".")
            self._parents[module] = (
                *(self.with_parents(above) if dot else ()),
                *self.files(module),
            )
        return self._parents[module]

    def targets(self, imported: Import, importer: str) -> Iterator[str]:
        """All files that an import statement of the file `importer` may load."""
        if imported.level:
            yield from self._relative(imported, importer)
            return
        yield from self.with_parents(imported.module)
        if imported.name and imported.name != "*":
            yield from self.files(f"{imported.module}.{imported.name}")

    def module_files(self, imported: Import, importer: str) -> tuple[str, ...]:
        """The files of the module that names are taken from (without its parents)."""
        if imported.level:
            return tuple(self._package_files(self._base(imported, importer)))
        return self.files(imported.module)

    def submodule_files(self, imported: Import, importer: str) -> tuple[str, ...]:
        """Files of `name` in `from module import name`, where that is a module."""
        if not imported.name or imported.name == "*":
            return ()
        if imported.level:
            return tuple(self._package_files(_below(self._base(imported, importer), imported.name)))
        return (
            self.files(f"{imported.module}.{imported.name}")
            if imported.module
            else self.files(imported.name)
        )

    def _base(self, imported: Import, importer: str) -> str:
        """Where the module of a relative import would be, without a suffix."""
        folder = _above(importer, imported.level)
        return _below(folder, imported.module.replace(".", "/")) if imported.module else folder

    def _package_files(self, base: str) -> Iterator[str]:
        for candidate in (f"{base}.py", _below(base, "__init__.py")):
            if candidate in self.paths:
                yield candidate

    def _relative(self, imported: Import, importer: str) -> Iterator[str]:
        base = self._base(imported, importer)
        yield from self._bases(base, _above(importer, imported.level))
        if imported.name and imported.name != "*":
            yield from self._package_files(_below(base, imported.name))

    def _bases(self, base: str, anchor: str) -> tuple[str, ...]:
        """The files of a module and of the packages above it, up to a folder."""
        if (base, anchor) not in self._relatives:
            found = list(self._package_files(base))
            folder = base
            while folder != anchor:
                folder = folder.rpartition("/")[0]
                found += self._package_files(folder)
            self._relatives[base, anchor] = tuple(dict.fromkeys(found))
        return self._relatives[base, anchor]


def _above(path: str, level: int) -> str:
    """The folder that so many leading dots stand for in a file; "" is the root."""
    for _ in range(level):
        path = path.rpartition("/")[0]
    return path


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def module_parts(path: str) -> tuple[str, ...]:
    """The longest dotted name that a path could have.

    It is ("src", "shop", "price") for src/shop/price.py.
    """
    if not path.endswith(".py"):
        return ()
    parts = tuple(path[:-3].split("/"))
    return parts[:-1] if parts and parts[-1] == "__init__" else parts

"""The project as a whole: which name of which file another name stands for, and which file can reach which."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from testmon_cli.analysis import codec, purity
from testmon_cli.analysis.imports import ModuleIndex, module_parts
from testmon_cli.domain.source import Definition, FunctionSummary, Import, SourceModel

CONFTEST = "conftest.py"
_DEEPEST_ALIAS = 12


@dataclass
class Project:
    """Models of the current sources, loaded when they are asked for.

    `model` gives the model of a path (None when the file does not parse or is gone), `mentioning` the paths whose
    text may mention any of some names; `dynamic_edges` are imports that runs observed (importer -> imported).
    """

    index: ModuleIndex
    model: Callable[[str], SourceModel | None]
    mentioning: Callable[[frozenset[str]], Iterable[str]]
    dynamic_edges: Mapping[str, Iterable[str]] = field(default_factory=dict)
    plugins: frozenset[str] = frozenset()  # files that pytest loads as plugins for every test
    starts: Callable[[str], bool] = lambda _: True  # whether something else than an import statement loads a file
    _eager: dict[str, frozenset[str]] = field(default_factory=dict)
    _lazy: dict[str, frozenset[str]] = field(default_factory=dict)
    _reverse: dict[bool, dict[str, set[str]]] = field(default_factory=dict)
    _escaping: dict[str, bool] = field(default_factory=dict)
    _reaching: dict[tuple[str, bool], frozenset[str]] = field(default_factory=dict)

    def edges(self, path: str, *, lazy: bool) -> frozenset[str]:
        """Files that `path` imports: at import only, or (lazy) in its functions and dynamically as well."""
        if path not in self._eager:
            model = self.model(path)
            imports = model.imports if model else ()
            eager = {t for i in imports if i.is_eager for t in self.index.targets(i, path)}
            eager |= set(self.conftests(path)) - {path}
            eager.update(self._resolved_by(path, model))
            every = eager | {t for i in imports if not i.is_eager for t in self.index.targets(i, path)}
            every.update(self.dynamic_edges.get(path, ()))
            self._eager[path] = frozenset({*eager, *self.packages(path)} - {path})
            self._lazy[path] = frozenset(every - {path})
        return self._lazy[path] if lazy else self._eager[path]

    def packages(self, path: str) -> Iterator[str]:
        """The packages that a file stands in: Python imports them before it."""
        for folder in PurePosixPath(path).parents:
            candidate = str(folder / "__init__.py")
            if candidate not in self.index.paths:
                return
            yield candidate

    def _resolved_by(self, path: str, model: SourceModel | None) -> Iterator[str]:
        """Files whose deferred import elsewhere runs when `path` is imported, since that takes the name from there."""
        if model is None or not self._deferred:
            return
        for imported in model.imports:
            if imported.name == "*":
                for file in self.index.module_files(imported, path):
                    yield from self._deferred_targets(file)
        for definition in model.definitions:
            if "deferred" not in definition.flags:
                for name in definition.mentions & self._deferred.keys():
                    for importer, imported in self._deferred[name]:
                        if importer != path:
                            yield from self.index.targets(imported, importer)

    def _deferred_targets(self, path: str) -> Iterator[str]:
        model = self.model(path)
        for imported in model.imports if model else ():
            if imported.deferred:
                yield from self.index.targets(imported, path)

    @cached_property
    def _deferred(self) -> Mapping[str, list[tuple[str, Import]]]:
        """The deferred imports, each with its file, by what mentions their names in other files."""
        found: dict[str, list[tuple[str, Import]]] = {}
        for path in self.mentioning(frozenset({codec.DEFERS})):
            model = self.model(path)
            for imported in model.imports if model else ():
                if imported.deferred:
                    found.setdefault("." + imported.binds, []).append((path, imported))
        return found

    def conftests(self, path: str) -> Iterator[str]:
        """Conftest files and plugins that pytest loads for a test file (any file may be one)."""
        for folder in PurePosixPath(path).parents:
            candidate = str(folder / CONFTEST)
            if candidate in self.index.paths:
                yield candidate
        yield from self.plugins

    def reaching(self, path: str, *, lazy: bool = True) -> frozenset[str]:
        """Files from which `path` can be reached through imports, itself among them."""
        key = (path, lazy)
        if key not in self._reaching:
            reverse = self._reversed(lazy)
            found = {path}
            stack = [path]
            while stack:
                for importer in reverse.get(stack.pop(), ()):
                    if importer not in found:
                        found.add(importer)
                        stack.append(importer)
            self._reaching[key] = frozenset(found)
        return self._reaching[key]

    def runs(self, path: str) -> bool:
        """Whether a run would import a file at all: a script that nothing imports can do what it wants."""
        return any(map(self.starts, self.reaching(path)))

    def _reversed(self, lazy: bool) -> dict[str, set[str]]:
        if lazy not in self._reverse:
            reverse: dict[str, set[str]] = {}
            for path in self.index.paths:
                for target in self.edges(path, lazy=lazy):
                    reverse.setdefault(target, set()).add(path)
            self._reverse[lazy] = reverse
        return self._reverse[lazy]

    def escapes(self, path: str) -> bool:
        """Whether the module of a file is passed on as an object somewhere, so that its names may be looked up."""
        if path not in self._escaping:
            self._escaping[path] = any(self._passes_on(user, path) for user in self.reaching(path))
        return self._escaping[path]

    def _passes_on(self, user: str, path: str) -> bool:
        model = self.model(user)
        if model is None:
            return False
        names = {"&" + part for part in module_parts(path)[-1:]}
        names |= {"&" + i.binds for i in model.imports if self.binds_module(i, user, path)}
        mentions = [*(b.mentions for b in model.blocks), *(d.mentions for d in model.definitions)]
        return any(not names.isdisjoint(found) for found in mentions)

    def binds_module(self, imported: Import, user: str, path: str) -> bool:
        """Whether an import statement of the file `user` binds the module that `path` is."""
        if not imported.name:
            first = imported.module.partition(".")[0]  # what `import a.b` binds; `import a.b as c` binds the whole
            return path in self.index.files(first if imported.binds == first else imported.module)
        return path in self.index.submodule_files(imported, user)

    def definitions(self, path: str, name: str, owner: str = "") -> list[Definition]:
        model = self.model(path)
        return [d for d in model.definitions if d.owner == owner and name in d.names] if model else []

    def is_module_level(self, path: str, name: str) -> bool:
        return bool(self.definitions(path, name))

    def function(self, path: str, qualname: str) -> FunctionSummary | None:
        model = self.model(path)
        return next((f for f in model.functions if f.qualname == qualname), None) if model else None

    def functions_in(self, path: str, qualname: str) -> list[FunctionSummary]:
        """Functions that a function makes itself."""
        model = self.model(path)
        prefix = f"{qualname}.<locals>."
        inner = [f for f in model.functions if f.qualname.startswith(prefix)] if model else []
        return [f for f in inner if "." not in f.qualname.removeprefix(prefix)]

    def resolve(self, dotted: str, path: str, depth: int = 0) -> tuple[str, str] | None:
        """The file and qualified name that a dotted name, written in `path`, stands for; None outside the project.

        ("shop/wrap.py", "") is a module, ("shop/show.py", "show.register") an attribute of something in it.
        """
        if depth > _DEEPEST_ALIAS:
            return None
        if dotted.startswith("."):
            return self._resolve_relative(dotted, path, depth)
        first, _, rest = dotted.partition(".")
        own = self.definitions(path, first)
        if any(d.kind != "import" for d in own):
            return path, dotted
        for imported in self._imports_of(path, first):
            written = imported.module if not imported.name else f"{imported.module}.{imported.name}"
            if imported.level:
                written = "." * imported.level + written.lstrip(".")
            elif not imported.name and imported.binds == imported.module.partition(".")[0]:
                written = imported.binds
            whole = f"{written}.{rest}" if rest else written
            # What an import statement names is a module or in one: the file's own names do not count again.
            if imported.level:
                return self._resolve_relative(whole, path, depth)
            return self._resolve_absolute(whole, depth)
        return self._resolve_absolute(dotted, depth)

    def _imports_of(self, path: str, name: str) -> list[Import]:
        model = self.model(path)
        return [i for i in model.imports if i.binds == name and not i.lazy] if model else []

    def _resolve_relative(self, dotted: str, path: str, depth: int) -> tuple[str, str] | None:
        level = len(dotted) - len(dotted.lstrip("."))
        parts = dotted.lstrip(".").split(".")
        for length in range(len(parts), -1, -1):
            files = self.index.module_files(Import(".".join(parts[:length]), "", level, "", 0, False), path)
            if files:
                return self._in_module(files[0], parts[length:], depth)
        return None

    def _resolve_absolute(self, dotted: str, depth: int) -> tuple[str, str] | None:
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            files = self.index.files(".".join(parts[:length]))
            if files and not purity.is_stdlib(parts[0]):
                return self._in_module(files[0], parts[length:], depth)
        return None

    def _in_module(self, path: str, rest: list[str], depth: int) -> tuple[str, str] | None:
        if not rest:
            return path, ""
        own = self.definitions(path, rest[0])
        if own and all(d.kind == "import" for d in own):
            return self.resolve(".".join(rest), path, depth + 1) or (path, ".".join(rest))
        return path, ".".join(rest)

    def class_definition(self, dotted: str, path: str) -> tuple[str, Definition] | None:
        """The project class that a name stands for."""
        found = self.resolve(dotted, path)
        if found is None:
            return None
        owner, _, name = found[1].rpartition(".")
        for definition in self.definitions(found[0], name, owner):
            if definition.kind == "class":
                return found[0], definition
        return None

    def is_plain_class(self, path: str, definition: Definition, depth: int = 0) -> bool:
        """Whether a member of the class is no more than a member: nothing looks at the class as a whole."""
        if definition.decorators or "keywords" in definition.flags or depth > _DEEPEST_ALIAS:
            return False
        for base in definition.bases:
            parent = self.class_definition(base, path) if base != "?" else None
            if parent is not None:
                if not self.is_plain_class(parent[0], parent[1], depth + 1):
                    return False
            elif base not in purity.PLAIN_BASES:
                return False
        return True

    def ancestors(
        self, path: str, definition: Definition, depth: int = 0
    ) -> Iterator[tuple[str, Definition | None, str]]:
        """Project classes above a class, and (None) the names of bases from outside."""
        if depth > _DEEPEST_ALIAS:
            return
        for base in definition.bases:
            parent = self.class_definition(base, path) if base != "?" else None
            if parent is None:
                yield path, None, base
            else:
                yield parent[0], parent[1], base
                yield from self.ancestors(parent[0], parent[1], depth + 1)

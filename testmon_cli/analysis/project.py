"""The project as a whole: what names stand for across files, and which file reaches which."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from testmon_cli.analysis import codec, known_effects
from testmon_cli.analysis.definition_index import DefinitionIndex
from testmon_cli.analysis.imports import ModuleIndex, module_parts
from testmon_cli.domain.source import METACLASS, Definition, FunctionSummary, Import, SourceModel

CONFTEST = "conftest.py"
_DEEPEST_ALIAS = 12


class AskedNames(Protocol):
    """Which names, of those that are recorded, code of a run looked up."""

    def on_import(self, path: str, way: str, name: str) -> bool | None:
        """Whether definitions of a file looked a name up in some way.

        None where that is not known.
        """

    def is_module(self, name: str) -> bool:
        """Whether a module of this name was asked for."""


class _NotRecorded:
    def on_import(self, path: str, way: str, name: str) -> bool | None:
        return None

    def is_module(self, name: str) -> bool:
        return False


class Ran(NamedTuple):
    """A function of which something ran, with all that it may change, now or then."""

    path: str
    qualname: str
    effects: tuple[str, ...]


class Consequence(NamedTuple):
    """What is affected when a definition runs with another outcome, see `import_effects`."""

    what: str
    path: str
    name: str = ""
    owner: str = ""  # the qualified name of the class of a member


@dataclass
class Project:
    """Models of the current sources, loaded when they are asked for.

    `model` gives the model of a path (None when the file does not parse or is gone), `mentioning`
    the paths whose text may mention any of some names; `dynamic_edges` are imports that runs
    observed (importer -> imported).
    """

    index: ModuleIndex
    model: Callable[[str], SourceModel | None]
    mentioning: Callable[[frozenset[str]], Iterable[str]]
    dynamic_edges: Mapping[str, Iterable[str]] = field(default_factory=dict)
    # Those that libraries imported for themselves, by the file on whose behalf ("" for none).
    handed: Mapping[str, Iterable[str]] = field(default_factory=dict)
    plugins: frozenset[str] = frozenset()  # files that pytest loads as plugins for every test
    # Whether something else than an import statement loads a file.
    starts: Callable[[str], bool] = lambda _: True
    loaded: Collection[str] | None = None  # files that a run would load; None for all
    # The imports of a file, for less than its whole model takes; None where there is no such way.
    imports: Callable[[str], Sequence[Import]] | None = None
    asked: AskedNames = field(default_factory=_NotRecorded)
    # What a definition ran on import; None where that was not seen, or where it may run something
    # else now.
    ran: Callable[[str, Definition], Sequence[Ran] | None] = lambda *_: None
    # Whether what a definition ran on import may come upon a class, given by its file and qualified
    # name, otherwise than by a member of some name.
    comes_upon: Callable[[str, Definition, tuple[str, str], str], bool] = lambda *_: True
    # Names of the fixtures for which tests ask; None where that is not known.
    requested: frozenset[str] | None = None
    _eager: dict[str, frozenset[str]] = field(default_factory=dict)
    _lazy: dict[str, frozenset[str]] = field(default_factory=dict)
    _reverse: dict[tuple[bool, bool], dict[str, set[str]]] = field(default_factory=dict)
    _escaping: dict[str, bool] = field(default_factory=dict)
    _reaching: dict[tuple[str, bool], frozenset[str]] = field(default_factory=dict)
    _indices: dict[str, DefinitionIndex | None] = field(default_factory=dict)
    _running: dict[str, bool] = field(default_factory=dict)
    _resolved: dict[tuple[str, str], tuple[str, str] | None] = field(default_factory=dict)
    _looking_up: dict[frozenset[str], Mapping[str, Sequence[Definition]]] = field(
        default_factory=dict
    )
    _functions_named: dict[str, Sequence[tuple[str, str, tuple[str, ...]]]] = field(
        default_factory=dict
    )
    _members_named: dict[str, Sequence[tuple[str, Definition]]] = field(default_factory=dict)
    _importing_stars: dict[str, tuple[str, ...]] = field(default_factory=dict)
    holders: Callable[[str, str, str], "Held"] | None = None  # kept for Growth.holders
    made: dict["Held", list["Made"]] = field(default_factory=dict)  # kept for Growth
    # Kept for ImportEffects, by path, identity, importing file and whether these are coarse; with
    # the definition, so that no other one gets that.
    consequences: dict[tuple[str, int, str, bool], tuple[Definition, tuple[Consequence, ...]]] = (
        field(default_factory=dict)
    )
    # kept for `results.sources_of`, by file and qualified name
    results: dict[tuple[str, str], frozenset[tuple[str, str, str]] | None] = field(
        default_factory=dict
    )
    _in_classes: dict[str, frozenset[str]] = field(default_factory=dict)
    # By path and identity of the definition, which is kept so that no other one gets it.
    _plain: dict[tuple[str, int, bool], tuple[Definition, bool]] = field(default_factory=dict)
    _lineages: dict[tuple[str, int], tuple[Definition, tuple["Ancestor", ...]]] = field(
        default_factory=dict
    )

    def facts(self, path: str) -> DefinitionIndex | None:
        """The index of a file's definitions; None when it does not parse or is gone."""
        if path not in self._indices:
            model = self.model(path)
            self._indices[path] = None if model is None else DefinitionIndex(model)
        return self._indices[path]

    def functions_named(self, name: str) -> Sequence[tuple[str, str, tuple[str, ...]]]:
        """The functions of the project with a name: their files, qualified names and effects."""
        if name not in self._functions_named:
            found = ((path, self.facts(path)) for path in self.mentioning(frozenset({name})))
            self._functions_named[name] = [
                (path, function.qualname, function.effects)
                for path, facts in found
                if facts is not None
                for function in facts.functions_named(name)
            ]
        return self._functions_named[name]

    def members_named(self, name: str) -> Sequence[tuple[str, Definition]]:
        """The members of that name that any class of the project has, with their files."""
        if name not in self._members_named:
            found = ((path, self.facts(path)) for path in self.mentioning(frozenset({name})))
            self._members_named[name] = [
                (path, member)
                for path, facts in found
                if facts is not None
                for member in facts.members_named(name)
            ]
        return self._members_named[name]

    def looking_up(self, ways: frozenset[str]) -> Mapping[str, Sequence[Definition]]:
        """Definitions that look names up in some ways, by their files."""
        if ways not in self._looking_up:
            found = ((path, self.facts(path)) for path in self.mentioning(ways))
            ones = {
                path: facts.definitions_using(ways) for path, facts in found if facts is not None
            }
            self._looking_up[ways] = {
                path: definitions for path, definitions in ones.items() if definitions
            }
        return self._looking_up[ways]

    def edges(self, path: str, *, lazy: bool) -> frozenset[str]:
        """Files that `path` imports.

        On import only, or (lazy) in its functions and dynamically as well.
        """
        if path not in self._eager:
            imports = self._imports(path)
            eager = {t for i in imports if i.is_eager for t in self.index.targets(i, path)}
            eager |= set(self.conftests(path)) - {path}
            eager.update(self._resolved_by(path))
            every = eager | {
                t for i in imports if not i.is_eager for t in self.index.targets(i, path)
            }
            every.update(self.dynamic_edges.get(path, ()))
            self._eager[path] = frozenset({*eager, *self.packages(path)} - {path})
            self._lazy[path] = frozenset(every - {path})
        return self._lazy[path] if lazy else self._eager[path]

    def _imports(self, path: str) -> Sequence[Import]:
        if self.imports is not None:
            return self.imports(path)
        model = self.model(path)
        return model.imports if model is not None else ()

    def packages(self, path: str) -> Iterator[str]:
        """The packages that a file stands in: Python imports them before it."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            candidate = f"{folder}/__init__.py" if folder else "__init__.py"
            if candidate not in self.index.paths:
                return
            yield candidate

    def _resolved_by(self, path: str) -> Iterator[str]:
        """Files whose deferred import elsewhere runs when `path` is imported.

        It runs since `path` takes the name from there.
        """
        model = self.model(path) if self._deferred else None
        if model is None:
            return
        for imported in model.imports:
            if imported.name == "*":
                for file in self.index.module_files(imported, path):
                    yield from self._deferred_targets(file)
        for definition in model.definitions:
            if "deferred" in definition.flags:
                continue
            names = definition.mentions & self._deferred.keys()
            deferred = (found for name in names for found in self._deferred[name])
            for importer, imported in deferred:
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
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            candidate = f"{folder}/{CONFTEST}" if folder else CONFTEST
            if candidate in self.index.paths:
                yield candidate
        yield from self.plugins

    def reaching(self, path: str, *, lazy: bool = True) -> frozenset[str]:
        """Files from which `path` can be reached through imports, itself among them.

        What no run loads is left out: to read the imports of all that is there would take most of
        the time.
        """
        key = (path, lazy)
        if key not in self._reaching:
            self._reaching[key] = self._reached_backwards(path, self._reversed(lazy))
        return self._reaching[key]

    @staticmethod
    def _reached_backwards(path: str, reverse: Mapping[str, Iterable[str]]) -> frozenset[str]:
        found = {path}
        stack = [path]
        while stack:
            for importer in reverse.get(stack.pop(), ()):
                if importer not in found:
                    found.add(importer)
                    stack.append(importer)
        return frozenset(found)

    def runs(self, path: str) -> bool:
        """Whether a run would import a file at all.

        A script that nothing imports can do what it wants.
        """
        if path not in self._running:
            is_reached = any(map(self.starts, self.reaching(path)))
            self._running[path] = is_reached or self._is_imported_elsewhere(path)
        return self._running[path]

    def _is_imported_elsewhere(self, path: str) -> bool:
        """Whether files that no run has loaded yet, but one may, import a file."""
        if self.loaded is None:
            return False
        return any(
            map(
                self.starts,
                self._reached_backwards(path, self._reversed(lazy=True, everywhere=True)),
            )
        )

    def _reversed(self, lazy: bool, *, everywhere: bool = False) -> dict[str, set[str]]:
        everywhere = everywhere or self.loaded is None
        if (lazy, everywhere) not in self._reverse:
            reverse: dict[str, set[str]] = {}
            for path in self.index.paths if everywhere else self.loaded or ():
                for target in self.edges(path, lazy=lazy):
                    reverse.setdefault(target, set()).add(path)
            self._reverse[lazy, everywhere] = reverse
        return self._reverse[lazy, everywhere]

    def escapes(self, path: str) -> bool:
        """Whether the module of a file is passed on as an object: its names may be looked up."""
        if path not in self._escaping:
            users, by_name = self._passing
            reaching = self.reaching(path)
            names = module_parts(path)[-1:]
            passing = (users.get(path, ()), *(by_name.get(name, ()) for name in names))
            self._escaping[path] = any(not reaching.isdisjoint(found) for found in passing) or any(
                map(self.asked.is_module, names)
            )
        return self._escaping[path]

    def loaders(self, path: str) -> frozenset[str]:
        """The files on whose behalf libraries imported a file, so that they have its module."""
        return self._loaders.get(path, frozenset())

    @cached_property
    def _loaders(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for importer, paths in self.handed.items():
            for path in paths:
                found[path].add(importer)
        return {path: frozenset(importers) for path, importers in found.items()}

    def is_read_by_libraries(self, path: str, name: str) -> bool:
        """Whether a library may read a name of a file, or of a class there, that it imported.

        It may know any; but what others of the project import and use is most likely theirs.
        """
        if path not in self._loaders or (name.startswith("__") and name.endswith("__")):
            return False
        return not self.is_in_statements(path) or set(self.mentioning(frozenset({name}))) <= {path}

    def is_in_statements(self, path: str) -> bool:
        """Whether an import statement of the project names a file."""
        return path in self._in_statements

    @cached_property
    def _in_statements(self) -> frozenset[str]:
        """The files that import statements of the project name."""
        users = self.index.paths if self.loaded is None else self.loaded
        return frozenset(
            t for user in users for i in self._imports(user) for t in self.index.targets(i, user)
        )

    @cached_property
    def _passing(self) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
        """Files that pass modules on as objects.

        By the file of the module, and by the name that they use.
        """
        users: dict[str, set[str]] = defaultdict(set)
        by_name: dict[str, set[str]] = defaultdict(set)
        for user in self.index.paths if self.loaded is None else self.loaded:
            facts = self.facts(user)
            if facts is None:
                continue
            for name in facts.passed_on:
                by_name[name].add(user)
            imports = (found for name in facts.passed_on for found in facts.imports_of(name))
            for imported in imports:
                for path in self.bound_modules(imported, user):
                    users[path].add(user)
        return users, by_name

    def bound_modules(self, imported: Import, user: str) -> tuple[str, ...]:
        """Files of the module that an import statement of the file `user` binds."""
        if not imported.name:
            # What `import a.b` binds; `import a.b as c` binds the whole.
            first = imported.module.partition(".")[0]
            return self.index.files(first if imported.binds == first else imported.module)
        return self.index.submodule_files(imported, user)

    def binds_module(self, imported: Import, user: str, path: str) -> bool:
        """Whether an import statement of the file `user` binds the module that `path` is."""
        return path in self.bound_modules(imported, user)

    def definitions(self, path: str, name: str, owner: str = "") -> Sequence[Definition]:
        facts = self.facts(path)
        return facts.definitions(name, owner) if facts is not None else ()

    def is_module_level(self, path: str, name: str) -> bool:
        return bool(self.definitions(path, name))

    def function(self, path: str, qualname: str) -> FunctionSummary | None:
        facts = self.facts(path)
        return facts.function(qualname) if facts is not None else None

    def functions_in(self, path: str, qualname: str) -> Sequence[FunctionSummary]:
        """Functions that a function makes itself."""
        facts = self.facts(path)
        return facts.functions_in(qualname) if facts is not None else ()

    def star_importers(self, path: str) -> tuple[str, ...]:
        """Files that import all names of a file by `from module import *`."""
        if path not in self._importing_stars:
            found = (
                importer for importer in self.reaching(path) if self._imports_star(importer, path)
            )
            self._importing_stars[path] = tuple(found)
        return self._importing_stars[path]

    def _imports_star(self, importer: str, path: str) -> bool:
        facts = self.facts(importer)
        stars = facts.stars if facts is not None else ()
        return any(path in self.index.module_files(star, importer) for star in stars)

    def resolve(self, dotted: str, path: str, depth: int = 0) -> tuple[str, str] | None:
        """The file and qualified name that a dotted name, written in `path`, stands for.

        None outside the project. ("shop/wrap.py", "") is a module, ("shop/show.py",
        "show.register") an attribute of something in it.
        """
        if depth:
            return self._resolve(dotted, path, depth)
        key = (dotted, path)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(dotted, path, depth)
        return self._resolved[key]

    def _resolve(self, dotted: str, path: str, depth: int) -> tuple[str, str] | None:
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
            # What an import statement names is a module or in one: the file's own names do not
            # count again.
            if imported.level:
                return self._resolve_relative(whole, path, depth)
            return self._resolve_absolute(whole, depth)
        return self._resolve_absolute(dotted, depth)

    def _imports_of(self, path: str, name: str) -> list[Import]:
        facts = self.facts(path)
        return [i for i in facts.imports_of(name) if not i.lazy] if facts is not None else []

    def _resolve_relative(self, dotted: str, path: str, depth: int) -> tuple[str, str] | None:
        level = len(dotted) - len(dotted.lstrip("."))
        parts = dotted.lstrip(".").split(".")
        for length in range(len(parts), -1, -1):
            files = self.index.module_files(
                Import(".".join(parts[:length]), "", level, "", 0, False), path
            )
            if files:
                return self._in_module(files[0], parts[length:], depth)
        return None

    def _resolve_absolute(self, dotted: str, depth: int) -> tuple[str, str] | None:
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            files = self.index.files(".".join(parts[:length]))
            if files and not known_effects.is_stdlib(parts[0]):
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

    def class_named(self, path: str, qualname: str) -> Definition | None:
        """The class of a file that has a qualified name."""
        outer, _, name = qualname.rpartition(".")
        return next((d for d in self.definitions(path, name, outer) if d.kind == "class"), None)

    def has_pure_decorators(self, path: str, definition: Definition) -> bool:
        """Whether a definition has the documentation that it has without its decorators."""
        return all(
            known_effects.is_pure_decorator(d) and not self.resolve(d, path)
            for d in definition.decorators
        )

    def is_plain_class(self, path: str, definition: Definition, *, above: bool = False) -> bool:
        """Whether a member of the class is no more than a member.

        Nothing looks at the class as a whole. With `above` the member is one of a class above it.
        Code of the project that makes the class is not given such a member. It has to ask for it by
        its name, and is seen to run.
        """
        key = (path, id(definition), above)
        if key not in self._plain:
            self._plain[key] = definition, self._is_plain(path, definition, 0, above)
        return self._plain[key][1]

    def _is_plain(self, path: str, definition: Definition, depth: int, above: bool) -> bool:
        if depth > _DEEPEST_ALIAS:
            return False
        if any(not (above and self.resolve(name, path)) for name in definition.decorators):
            return False
        if "keywords" in definition.flags and not self._has_plain_keywords(path, definition, above):
            return False
        for base in definition.bases:
            parent = self.class_definition(base, path) if base != "?" else None
            if parent is not None:
                if not self._is_plain(parent[0], parent[1], depth + 1, above):
                    return False
            elif base not in known_effects.PLAIN_BASES:
                return False
        return True

    def binds_in_class(self, path: str, name: str) -> bool:
        """Whether a class of a file binds a name.

        Then an attribute of that name may be what it stands for.
        """
        if path not in self._in_classes:
            facts = self.facts(path)
            definitions = facts.model.definitions if facts is not None else ()
            self._in_classes[path] = frozenset(
                name for d in definitions if d.owner for name in d.names
            )
        return name in self._in_classes[path]

    def is_only_of_module(self, path: str, name: str) -> bool:
        """Whether a name is bound by the module of a file, and by no class of it."""
        return self.is_module_level(path, name) and not self.binds_in_class(path, name)

    def passes_over_functions(self, path: str, definition: Definition) -> bool:
        """Whether nothing that makes something of the class looks at its plain functions."""
        lineage = self.lineage(path, definition)
        makers = [
            *self.outside_bases(path, definition),
            *(decorator for _, cls in lineage for decorator in cls.decorators),
        ]
        return not any("keywords" in cls.flags for _, cls in lineage) and all(
            maker in known_effects.PLAIN_BASES or known_effects.passes_over_functions(maker)
            for maker in makers
        )

    def is_asked_for_by_bases(self, path: str, owner: Definition, member: str) -> bool:
        """Whether a base from outside the project calls or reads a member by itself."""
        outside = self.outside_bases(path, owner)
        return any(known_effects.is_asked_for(base, member) for base in outside)

    def shows_docs_outside(self, path: str, owner: Definition) -> bool:
        """Whether a base or decorator from outside may show the documentation of a class."""
        outside = self.outside_bases(path, owner)
        for at, cls in self.lineage(path, owner):
            outside += [name for name in cls.decorators if not self.resolve(name, at)]
        return not all(known_effects.passes_over_docs(maker) for maker in outside)

    def is_given_to_readers(self, path: str, owner: Definition, reads: str) -> bool:
        """Whether code that may read documentation, or annotations, is given a class."""
        readers = self.mentioning(frozenset({reads}))
        return any(
            self._is_given_to_project(at, cls) for at, cls in self.lineage(path, owner)
        ) and any(path in self.reaching(reader) for reader in readers)

    def _is_given_to_project(self, path: str, cls: Definition) -> bool:
        """Whether code of the project is given a class, or those below it, as they are made."""
        is_decorated = any(self.resolve(name, path) for name in cls.decorators)
        is_told = bool(self.definitions(path, "__init_subclass__", cls.qualname))
        return is_decorated or is_told or "keywords" in cls.flags

    def minds_order(self, path: str, definition: Definition) -> bool:
        """Whether a member may be something else when it stands elsewhere among the members."""
        owner = self.class_named(path, definition.owner)
        if definition.kind != "function" or owner is None:
            return True
        if self.is_plain_class(path, owner):
            return False
        return not (
            self.has_pure_decorators(path, definition) and self.passes_over_functions(path, owner)
        )

    def _has_plain_keywords(self, path: str, definition: Definition, above: bool) -> bool:
        metaclass = next(
            (flag[len(METACLASS) :] for flag in definition.flags if flag.startswith(METACLASS)), ""
        )
        if not metaclass:
            return above  # they are for an `__init_subclass__`, of the project if the bases are
        if metaclass in known_effects.PLAIN_METACLASSES:
            return True
        found = self.class_definition(metaclass, path) if above else None
        if found is None:
            return False
        return all(
            base in known_effects.PLAIN_METACLASSES or parent is not None
            for _, parent, base in self.ancestors(*found)
        )

    def classes_above(self, path: str, definition: Definition) -> frozenset[tuple[str, str]]:
        """The classes of the project that a class is below, by file and qualified name."""
        above = self.ancestors(path, definition)
        return frozenset((at, parent.qualname) for at, parent, _ in above if parent is not None)

    def ancestors(self, path: str, definition: Definition) -> tuple["Ancestor", ...]:
        """Project classes above a class, and (None) the names of bases from outside."""
        key = (path, id(definition))
        if key not in self._lineages:
            self._lineages[key] = definition, tuple(self._above(path, definition, 0))
        return self._lineages[key][1]

    def outside_bases(self, path: str, definition: Definition) -> list[str]:
        """The bases from outside the project that a class, or one above it, has."""
        return [base for _, known, base in self.ancestors(path, definition) if known is None]

    def lineage(self, path: str, definition: Definition) -> list[tuple[str, Definition]]:
        """A class and those of the project above it, with their files."""
        above = ((at, known) for at, known, _ in self.ancestors(path, definition))
        return [(path, definition), *((at, known) for at, known in above if known is not None)]

    def _above(self, path: str, definition: Definition, depth: int) -> Iterator["Ancestor"]:
        if depth > _DEEPEST_ALIAS:
            return
        for base in definition.bases:
            parent = self.class_definition(base, path) if base != "?" else None
            if parent is None:
                yield path, None, base
            else:
                yield parent[0], parent[1], base
                yield from self._above(parent[0], parent[1], depth + 1)


@dataclass(frozen=True, eq=False)
class Held:
    """Under which names a class, and what is made of it, is known.

    Those of subclasses, instances, and other names for these.
    """

    names: frozenset[tuple[str, str]]  # of modules, with their files
    # Mentions of these names, and of members of other classes that hold it.
    attributes: frozenset[str]
    own: Mapping[str, frozenset[str]]  # by file, the names that it may use without a dot
    carriers: frozenset[str]  # mentions of the classes that have such members

    def is_mentioned(self, path: str, mentions: frozenset[str], *, looks_up: bool) -> bool:
        """Whether code of a file has to do with the class.

        Some looks attributes up by a computed name.
        """
        if not self.attributes.isdisjoint(mentions):
            return True
        if not self.own.get(path, _NO_NAMES).isdisjoint(mentions):
            return True
        return looks_up and not self.carriers.isdisjoint(mentions)

    def is_used(self, path: str, mentions: frozenset[str], *, besides: str) -> bool:
        """Whether code of a file may come upon the class by a name that is not given.

        Code of its own object is included.
        """
        own = self.own.get(path, _NO_NAMES) - {besides}
        names = {mention[1:] for mention in mentions if mention[:1] in ".~"} - {besides}
        return not own.isdisjoint(mentions) or any("." + name in self.attributes for name in names)


class Made(NamedTuple):
    """A class of which a metaclass, decorator or base from outside makes something."""

    path: str
    definition: Definition
    above: frozenset[tuple[str, str]]  # the classes above it, by file and qualified name


_NO_NAMES: frozenset[str] = frozenset()

# The path of the class, or of what names it; the class, None outside the project; and the name as
# written.
Ancestor = tuple[str, Definition | None, str]

"""Which files can come to what changed, as far as text tells.

The ways are imports, and names that code mentions. For sources of which nothing was recorded. The
parts of a file are what its module binds: a class or function with all that is in it counts as one.
Code comes to a part if it mentions its name, and some import leads to its file. That is enough,
since who calls a method has made its object, or was given it by who has, and so mentions the class.
What is found by other means (a name that is computed, a module that a text names, a process) counts
as open to everything.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from testmon_cli.analysis import known_effects, lookups
from testmon_cli.analysis.effects import FALLIBLE
from testmon_cli.analysis.imports import ModuleIndex
from testmon_cli.analysis.mentions import DYNAMIC, DYNAMIC_ATTRIBUTES, OWN_NAMESPACE
from testmon_cli.analysis.model_diff import DOC, block_changes, definition_changes
from testmon_cli.analysis.project import Project
from testmon_cli.analysis.propagation import is_fixture
from testmon_cli.domain.causes import ADDED, CHANGED, MOVED, REMOVED, Cause, Kind, Manner
from testmon_cli.domain.source import Block, Definition, SourceModel

# A file, and a name that its module binds; ON_IMPORT for what importing it runs.
Part = tuple[str, str]

ON_IMPORT = ""

_TEXT_OF_MODULE = re.compile(rb"""['"]([A-Za-z_]\w*(?:\.\w+)*)(?:['"]|:\w)""")
# Who loads all of a package that is given by its name.
_LOADING_PACKAGES = re.compile(rb"INSTALLED_APPS|autodiscover|import_module|__import__|importlib|import_string|scan\(|"
                               rb"find_modules|walk_packages|pytest_plugins")  # fmt: skip
_ONLY_FALLIBLE = frozenset({FALLIBLE})
_PREFIXES = ".@&=~%^"
_WAYS = (DYNAMIC, OWN_NAMESPACE, DYNAMIC_ATTRIBUTES, lookups.ANYWHERE, lookups.OWN_NAMESPACE, lookups.ATTRIBUTES,
         lookups.WALKS)  # fmt: skip
# Names that load code which no import names, wherever they are used.
_LOADING = frozenset({
    "runpy", "run_path", "run_module", "spec_from_file_location", "exec_module", "load_module", "SourceFileLoader",
    "load_source", "iter_modules", "walk_packages", "pytester", "testdir", "runpytest", "script_runner",
})  # fmt: skip
_LOADING_COMPUTED = frozenset({"import_module", "__import__", "reload", "import_string"})
_EVALUATING = frozenset({"eval", "exec"})
_STARTING = frozenset({
    "subprocess", "Popen", "check_output", "check_call", "create_subprocess_exec", "create_subprocess_shell",
    "subprocess_exec", "subprocess_shell", "pexpect",
})  # fmt: skip
_STARTING_OF_OS = frozenset({"system", "popen", "posix_spawn", "posix_spawnp"}) | {
    f"{verb}{how}"
    for verb in ("exec", "spawn")
    for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
}
_PYTHON = re.compile(rb"python|executable|__main__")
_LOOKED_UP = frozenset({"__getattr__", "__dir__", "__all__", "__path__"})  # of modules, by Python


class ReachedChange(NamedTuple):
    """Why a file can come to a change."""

    cause: Cause
    is_on_import: bool = False  # whether importing is enough
    is_open: bool = False  # whether it may come to anything


def modules_in_text(
    data: bytes, index: ModuleIndex, is_test: Callable[[str], bool] = lambda _: False
) -> tuple[frozenset[str], frozenset[str]]:
    """Files of modules that strings of a source name.

    With those of which a string names something inside. Of a package that is named, frameworks load
    what they find, but for files of tests.
    """
    loads_packages = _LOADING_PACKAGES.search(data) is not None
    exact: set[str] = set()
    inside: set[str] = set()
    for match in sorted(set(_TEXT_OF_MODULE.findall(data))):
        name = match.decode("ascii", "ignore")
        if "." not in name:
            files = index.files(name) if loads_packages else ()
            packages = [path for path in files if path.endswith("/__init__.py")]
            for folder in [path.removesuffix("__init__.py") for path in packages]:
                within = (path for path in index.paths if path.startswith(folder))
                exact.update(path for path in within if not is_test(path))
            continue
        files = index.files(name)
        exact.update(files)
        while not files and "." in name:
            name = name.rpartition(".")[0]
            files = index.files(name) if "." in name else ()
            inside.update(files)
    return frozenset(exact), frozenset(inside)


@dataclass
class _File:
    """The parts of a file, each with what it mentions."""

    parts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    has_stars: bool = False


@dataclass
class StaticReach:
    """Follows names and imports from files to what changed.

    `models` gives a file as it is now and as it was, `text` its bytes. `plugins` are loaded for
    every test, by name. Code that is of tests may start or evaluate anything; what else does so
    only where the text of a test says it.
    """

    project: Project
    models: Callable[[str], Sequence[SourceModel]]
    text: Callable[[str], bytes]
    plugins: frozenset[str] = frozenset()
    is_test: Callable[[str], bool] = lambda _: False  # whether pytest collects a file
    is_of_tests: Callable[[str], bool] = lambda _: True
    commands: frozenset[str] = frozenset()  # that the project installs
    fixtures: frozenset[str] = frozenset()  # that the configuration may ask for
    # Files of which the import may come out otherwise.
    on_import: dict[str, Cause] = field(default_factory=dict)
    changed: dict[Part, Cause] = field(default_factory=dict)
    _files: dict[str, _File] = field(default_factory=dict)
    _named: dict[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)
    _edges: dict[str, frozenset[str]] = field(default_factory=dict)
    _modules: dict[str, AbstractSet[str]] = field(default_factory=dict)

    # What changed

    def whole_file(self, path: str, how: Manner) -> None:
        """A file came, went or cannot be read any more."""
        cause = Cause(Kind.FILE, how, path, "")
        self.on_import.setdefault(path, cause)
        for name in self._file(path).parts:
            self.changed.setdefault((path, name), cause)

    def differing(self, path: str, old: SourceModel, new: SourceModel) -> None:
        """A file was edited."""
        bound: list[tuple[Part, Cause]] = []
        for change in definition_changes(old, new):
            definition = change.definition
            if change.how == MOVED and not self.project.minds_order(path, definition):
                continue
            cause = Cause(Kind.DEFINITION, change.how, path, change.name, definition.line)
            root = definition.owner.partition(".")[0] or change.name
            self.changed.setdefault((path, root), cause)
            if change.how == DOC:
                continue
            if (
                not change.name
                or definition.effects
                or definition.kind == "import"
                or self._acts(path, definition)
            ):
                self.on_import.setdefault(path, cause)
            bound.append(((path, change.name), cause))
            if not (
                definition.owner and definition.kind == "function" and not definition.decorators
            ):
                bound.append(((path, root), cause))
        for block_change in block_changes(old, new):
            block = block_change.block
            cause = Cause(Kind.BLOCK, block_change.how, path, block.qualname, block.line)
            if not _is_of_module(block):
                self.changed.setdefault((path, block.qualname.partition(".")[0]), cause)
        self._spread_on_import(bound)
        if self._runs_in_another_order(path, old, new):
            self.on_import.setdefault(path, Cause(Kind.IMPORT, CHANGED, path, ""))

    def _runs_in_another_order(self, path: str, old: SourceModel, new: SourceModel) -> bool:
        """Whether modules, and statements that do something, run in another order on import.

        Only modules of the project count.
        """
        before, after = self._run_by(path, old), self._run_by(path, new)
        return [run for run in before if run in after] != [run for run in after if run in before]

    def _run_by(self, path: str, model: SourceModel) -> Mapping[str | int, int]:
        """The modules that a file imports and its statements with effects, in their order."""
        found: dict[str | int, int] = {}
        for imported in model.imports:
            for target in self.project.index.targets(imported, path) if imported.is_eager else ():
                found.setdefault(target, imported.line)
        for definition in model.definitions:
            if definition.kind != "import" and not _ONLY_FALLIBLE.issuperset(definition.effects):
                found.setdefault(definition.checksum, definition.line)
        return dict(sorted(found.items(), key=lambda run: run[1]))

    def _spread_on_import(self, bound: list[tuple[Part, Cause]]) -> None:
        """Statements that use, on import, a name which is bound anew.

        They may fail now, or do something else.
        """
        seen = {part for part, _ in bound}
        while bound:
            (path, name), cause = bound.pop()
            using = (
                (candidate, definition)
                for candidate in self.project.reaching(path)
                for definition in self._using(candidate, name, is_own=candidate == path)
            )
            for candidate, definition in using:
                link = Cause(
                    Kind.DEFINITION, Manner.MENTIONS, candidate, name, definition.line, cause
                )
                is_import = definition.kind == "import"
                if cause.origin.comes_or_goes if is_import else definition.effects:
                    self.on_import.setdefault(candidate, link)
                new = [other for other in _roots(definition) if (candidate, other) not in seen]
                seen.update((candidate, other) for other in new)
                bound += [((candidate, other), link) for other in new]

    def _using(self, path: str, name: str, *, is_own: bool) -> Iterator[Definition]:
        facts = self.project.facts(path)
        if facts is not None and name:
            wanted = [prefix + name for prefix in _PREFIXES]
            yield from facts.definitions_using(
                [*wanted, *([name] if is_own or facts.stars else ())]
            )

    # The question

    def why(self, path: str, conftests: Iterable[str] = ()) -> ReachedChange | None:
        """Why the tests of a file can come to a change; None where they cannot."""
        loaded, named = self._loaded([path, *conftests, *self.plugins])
        found = next((p for p in loaded if p in self.on_import), None)
        if found is not None:
            return ReachedChange(self.on_import[found], is_on_import=True)
        whole = {path, *self.plugins, *named}
        runs_python = self._names_python([path, *conftests])
        stack = [
            (file, name)
            for file in loaded
            for name in sorted(self._relevant.get(file, ()))
            if file in whole or name == ON_IMPORT or name in self.fixtures
        ]
        seen = set(stack)
        while stack:
            part = stack.pop()
            if part in self.changed:
                return ReachedChange(self.changed[part])
            if self._is_open(part) or (self._starts(part) and runs_python):
                return ReachedChange(Cause(Kind.BLOCK, Manner.RUNS, part[0], part[1]), is_open=True)
            for other in self._next(part, loaded):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        return None

    def loaded_by(self, starts: Iterable[str]) -> frozenset[str]:
        """The files to which imports lead from some others, those included."""
        return frozenset(self._loaded([*starts, *self.plugins])[0])

    # Imports

    def _loaded(self, starts: Sequence[str]) -> tuple[AbstractSet[str], AbstractSet[str]]:
        """All files that some files may import, and those among them that a text names."""
        stack = [*starts]
        loaded = dict.fromkeys(stack)
        named: set[str] = set()
        while stack:
            path = stack.pop()
            named |= self._texts(path)[0]
            for other in sorted(self._imported(path)):
                if other not in loaded:
                    loaded[other] = None
                    stack.append(other)
        return loaded.keys(), named

    def _imported(self, path: str) -> frozenset[str]:
        if path not in self._edges:
            exact, inside = self._texts(path)
            self._edges[path] = self.project.edges(path, lazy=True) | exact | inside
        return self._edges[path]

    def _texts(self, path: str) -> tuple[frozenset[str], frozenset[str]]:
        if path not in self._named:
            self._named[path] = modules_in_text(self.text(path), self.project.index, self.is_test)
        return self._named[path]

    # Names

    def _file(self, path: str) -> _File:
        if path not in self._files:
            file = self._files[path] = _File()
            for model in self.models(path):
                self._add(path, file, model)
        return self._files[path]

    def _add(self, path: str, file: _File, model: SourceModel) -> None:
        for block in model.blocks:
            if not _is_of_module(block):
                file.parts[block.qualname.partition(".")[0]] |= block.mentions
        for definition in model.definitions:
            mentions = definition.mentions | definition.hint_mentions
            roots = _roots(definition)
            for root in roots:
                file.parts[root] |= mentions
            if not roots or self._acts(path, definition):
                file.parts[ON_IMPORT] |= mentions
                file.parts[ON_IMPORT].update(roots)
            file.has_stars = file.has_stars or "star" in definition.flags

    def _acts(self, path: str, definition: Definition) -> bool:
        """Whether a definition does more on import than bind names, for others to find."""
        if definition.kind == "import":
            return False
        if not definition.names or not _ONLY_FALLIBLE.issuperset(definition.effects):
            return True
        if definition.flags & {"keywords", "autouse"}:
            return True
        if not self.project.has_pure_decorators(path, definition):
            return True
        names = set(definition.names)
        if names & (_LOOKED_UP | known_effects.PYTEST_NAMES):
            return True
        if any(name.startswith("pytest_") for name in names):
            return True
        return definition.kind == "class" and any(
            self._is_told(*ancestor) for ancestor in self.project.ancestors(path, definition)
        )

    def _is_told(self, path: str, definition: Definition | None, base: str) -> bool:
        """Whether a base class hears of classes that are made below it."""
        if definition is None:
            return base not in known_effects.PLAIN_BASES and not known_effects.is_stdlib(base)
        hears = self.project.definitions(path, "__init_subclass__", definition.qualname)
        return "keywords" in definition.flags or bool(hears)

    @cached_property
    def _relevant(self) -> Mapping[str, AbstractSet[str]]:
        """By file, the parts that may come to a change, whatever imports lead there."""
        by_mention: dict[str, list[Part]] = defaultdict(list)
        found: dict[Part, None] = {}
        for path in self.project.index.paths:
            for name, mentions in self._file(path).parts.items():
                part = (path, name)
                if part in self.changed or self._may_reach_anything(part):
                    found[part] = None
                for mention in mentions:
                    by_mention[mention].append(part)
        stack = [*found]
        while stack:
            for part in self._mentioning(stack.pop(), by_mention):
                if part not in found:
                    found[part] = None
                    stack.append(part)
        relevant: dict[str, set[str]] = defaultdict(set)
        for path, name in found:
            relevant[path].add(name)
        return relevant

    def _may_reach_anything(self, part: Part) -> bool:
        """Tell whether a part may come to code that it does not mention."""
        return self._is_open(part) or self._starts(part) or self._looks_up(part)

    def _mentioning(self, part: Part, by_mention: Mapping[str, Sequence[Part]]) -> Iterator[Part]:
        """The parts that may mean a part by what they mention, whatever imports lead there."""
        path, name = part
        if not name:
            return
        for known in (name, *self._called(path, name)):
            yield from by_mention.get("." + known, ())
            yield from by_mention.get("@" + known, ())
        for other in by_mention.get(name, ()):
            if other[0] == path or self._file(other[0]).has_stars:
                yield other

    @cached_property
    def _binding(self) -> Mapping[str, Sequence[str]]:
        """By name, the files with a relevant part of that name."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, names in self._relevant.items():
            for name in names:
                found[name].append(path)
        return found

    def _next(self, part: Part, loaded: AbstractSet[str]) -> Iterator[Part]:
        """The relevant parts that a part may come to."""
        path, name = part
        file = self._file(path)
        for mention in sorted(file.parts[name]):
            wanted = mention.lstrip(_PREFIXES)
            if wanted == mention:
                if mention in self._relevant.get(path, ()):
                    yield path, mention
                elif file.has_stars and mention not in file.parts:
                    others = self._binding.get(wanted, ())
                    yield from ((other, wanted) for other in others if other in loaded)
                continue
            if mention[0] not in ".@":
                continue
            for other in self._binding.get(wanted, ()):
                if other in loaded and self._is_meant(mention, path, (other, wanted)):
                    yield other, wanted
            for fixture in self._fixtures_called.get(wanted, ()):
                if fixture[0] in loaded:
                    yield fixture
        for other in self._looked_into(part, loaded):
            yield from ((other, found) for found in self._relevant.get(other, ()))

    def _is_meant(self, mention: str, path: str, part: Part) -> bool:
        """Whether a file may mean a part of another, or of itself.

        It does as a fixture, or as an attribute of the module.
        """
        other, name = part
        if any(map(is_fixture, self.project.definitions(other, name))):
            return True
        if other in self._taken_from(path, name):
            return True
        return mention[0] == "." and (
            other in self._modules_of(path) or self.project.escapes(other)
        )

    def _taken_from(self, path: str, name: str) -> Iterator[str]:
        """The files from which a file imports a name."""
        for model in self.models(path):
            for imported in model.imports:
                if imported.name in (name, "*"):
                    yield from self.project.index.module_files(imported, path)

    def _modules_of(self, path: str) -> AbstractSet[str]:
        """Files of modules of which code of a file takes attributes.

        These are the files that it imports, and those of theirs that it names.
        """
        if path in self._modules:
            return self._modules[path]
        parts = self._file(path).parts.values()
        named = {mention[1:] for mentions in parts for mention in mentions if mention[0] == "."}
        stack = [other for _, other in self._own_modules(path)]
        found = set(stack)
        while stack:
            for name, other in self._own_modules(stack.pop()):
                if name in named and other not in found:
                    found.add(other)
                    stack.append(other)
        self._modules[path] = found
        return found

    def _own_modules(self, path: str) -> Iterator[tuple[str, str]]:
        """The modules that are, or may be, attributes of the module of a file.

        Their names there, and files.
        """
        for model in self.models(path):
            for imported in model.imports:
                yield from (
                    (imported.binds, other) for other in self.project.bound_modules(imported, path)
                )
        if path.endswith("/__init__.py"):
            folder = path.removesuffix("__init__.py")
            for other in self.project.index.paths:
                below = other.removeprefix(folder).removesuffix("/__init__.py").removesuffix(".py")
                if other.startswith(folder) and other != path and "/" not in below:
                    yield below, other

    def _called(self, path: str, name: str) -> frozenset[str]:
        """Names that a fixture may have been given: `@pytest.fixture(name="till")`."""
        found = (
            d
            for d in self.project.definitions(path, name)
            if "=name" in d.mentions and is_fixture(d)
        )
        return frozenset(
            mention[1:] for d in found for mention in d.mentions if mention.startswith(".")
        )

    @cached_property
    def _fixtures_called(self) -> Mapping[str, Sequence[Part]]:
        """Relevant fixtures by other names that they may have been given."""
        found: dict[str, list[Part]] = defaultdict(list)
        for path, names in self._relevant.items():
            for name in names:
                for called in self._called(path, name):
                    found[called].append((path, name))
        return found

    def _looked_into(self, part: Part, loaded: AbstractSet[str]) -> Iterator[str]:
        """Files in which a part looks names up that are computed."""
        mentions, names = self._mentions(part)
        # An attribute that is called like `sys.modules` is noted in the same way.
        is_another = (
            "sys" not in names
            and names.isdisjoint(_EVALUATING)
            and lookups.ANYWHERE not in mentions
        )
        if not mentions.isdisjoint((DYNAMIC, lookups.ANYWHERE)) and not is_another:
            yield from loaded & self._relevant.keys()
        elif not mentions.isdisjoint((DYNAMIC_ATTRIBUTES, lookups.ATTRIBUTES, lookups.WALKS)):
            yield from (
                path for path in loaded & self._relevant.keys() if self.project.escapes(path)
            )
        if not mentions.isdisjoint((OWN_NAMESPACE, lookups.OWN_NAMESPACE)):
            yield part[0]

    def _looks_up(self, part: Part) -> bool:
        return not self._file(part[0]).parts[part[1]].isdisjoint(_WAYS)

    def _is_open(self, part: Part) -> bool:
        """Whether a part may run anything.

        It imports what is computed, or evaluates or starts what it wants.
        """
        mentions, names = self._mentions(part)
        if not names.isdisjoint(_LOADING):
            return True
        computes_names = not mentions.isdisjoint((DYNAMIC, lookups.ANYWHERE))
        if computes_names and not names.isdisjoint(_LOADING_COMPUTED):
            return True
        return self.is_of_tests(part[0]) and (
            not names.isdisjoint(_EVALUATING) or self._starts(part)
        )

    def _starts(self, part: Part) -> bool:
        """Whether a part starts processes."""
        _, names = self._mentions(part)
        return not names.isdisjoint(_STARTING) or (
            "os" in names and not names.isdisjoint(_STARTING_OF_OS)
        )

    def _mentions(self, part: Part) -> tuple[AbstractSet[str], AbstractSet[str]]:
        """What a part mentions, and the mere names of that."""
        mentions = self._file(part[0]).parts[part[1]]
        return mentions, {mention.lstrip(_PREFIXES) for mention in mentions}

    def _names_python(self, paths: Iterable[str]) -> bool:
        """Whether the text of some files names Python, or a command of the project.

        A process may run it then.
        """
        return any(
            _PYTHON.search(data) or any(command.encode() in data for command in self.commands)
            for data in map(self.text, paths)
        )


def _roots(definition: Definition) -> Sequence[str]:
    return (definition.owner.partition(".")[0],) if definition.owner else definition.names


def _is_of_module(block: Block) -> bool:
    return block.qualname == "<module>"


__all__ = [
    "ADDED",
    "CHANGED",
    "ON_IMPORT",
    "REMOVED",
    "ReachedChange",
    "StaticReach",
    "modules_in_text",
]

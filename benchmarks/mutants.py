"""Edits of every kind, each of a kind named before it is drawn.

For a fair share of those that are rare in source.
"""

import ast
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import edits
from edits import FUNCTIONS, SPAN

Slips = Callable[[ast.Module], Iterator[SPAN]]

FUNCTION, COMMENT = "function", "comment"
# How often each kind comes in a round; where a project has nothing of a kind, a function is edited
# in its place.
ROUND = {
    FUNCTION: 6, "constant": 2, "attribute": 2, "default": 1, "decorator": 2, "annotation": 2, "import": 2, "base": 1,
    "definition": 2, "method": 1, "helper": 3, "test": 2, "renamed test": 1, "data": 1, "configuration": 1, "file": 2,
    COMMENT: 1,
}  # fmt: skip
SECTIONS = re.compile(r"^\[(pytest|tool:pytest|tool\.pytest(\.ini_options)?)\]$")
PATIENCE = 5  # rounds without anything new
TRIES = 20  # places of a kind of slip, of which some may make no valid source
CONFIGURATION = ("pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


@dataclass(frozen=True)
class Mutant:
    """A file that holds another text, or none."""

    kind: str
    path: Path
    what: str
    text: str | None  # nothing: the file is removed

    def key(self, folder: Path) -> str:
        return f"{self.kind}: {self.path.relative_to(folder)}: {self.what}"


@dataclass(frozen=True)
class Files:
    """What of a project can be edited."""

    folder: Path
    sources: Sequence[Path]
    helpers: Sequence[Path]  # conftest files and what else stands beside tests
    tests: Sequence[Path]
    data: Sequence[Path]


def draw(files: Files, seed: int) -> Iterator[Mutant]:
    """Mutants, each once, until rounds bring nothing new."""
    chance = random.Random(seed)
    seen: set[str] = set()
    idle = 0
    while idle < PATIENCE:
        idle += 1
        kinds = [kind for kind, times in ROUND.items() for _ in range(times)]
        chance.shuffle(kinds)
        for kind in kinds:
            mutant = of_kind(kind, files, chance) or of_kind(FUNCTION, files, chance)
            if mutant and (key := mutant.key(files.folder)) not in seen:
                seen.add(key)
                idle = 0
                yield mutant


def of_kind(kind: str, files: Files, chance: random.Random) -> Mutant | None:
    """A mutant of this kind, if the project has anything that can be edited so."""
    match kind:
        case "data":
            return _of_data(files.data, chance)
        case "configuration":
            return _of_configuration(files.folder, chance)
        case "file":
            return _of_file(files, chance)
        case "comment":
            return _comment([*files.sources, *files.tests], chance)
        case "helper":
            return _of_source(kind, files.helpers, _anywhere, chance)
        case "test":
            return _of_source(kind, files.tests, _anywhere, chance)
        case "renamed test":
            return _of_source(kind, files.tests, _renamed_tests, chance)
        case "function":
            return _of_source(kind, files.sources, _in_functions, chance)
    return _of_source(kind, files.sources, partial(_at_import, kind), chance)


def _of_source(
    kind: str, paths: Sequence[Path], slips: Slips, chance: random.Random
) -> Mutant | None:
    for path in chance.sample(paths, len(paths)):
        source = path.read_bytes().decode(errors="replace")
        found: dict[str, list[tuple[ast.AST, str]]] = {}
        for slip, node, new in slips(ast.parse(source)):
            found.setdefault(slip, []).append((node, new))
        for slip in chance.sample(sorted(found), len(found)):
            for node, new in chance.sample(found[slip], min(TRIES, len(found[slip]))):
                text = edits.replaced(source, node, new)
                if text != source and edits.parses(text):
                    what = f"{node.lineno}:{node.col_offset}: {slip}: {new[:60]!r}"  # type: ignore[attr-defined]
                    return Mutant(kind, path, what, text)
    return None


def _anywhere(tree: ast.Module) -> Iterator[SPAN]:
    yield from edits.in_functions(tree)
    yield from edits.at_import(tree)


def _in_functions(tree: ast.Module) -> Iterator[SPAN]:
    yield from edits.in_functions(tree)
    for function in (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)):
        first = next((node for node in function.body if not _is_text(node)), None)
        if isinstance(first, ast.Assign | ast.Expr | ast.Return | ast.Pass):
            yield "raise", first, "raise RuntimeError('edited')"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _at_import(kind: str, tree: ast.Module) -> Iterator[SPAN]:
    """Those slips at module and class level that are of a kind."""
    of_module = {id(node) for statement in tree.body for node in _own(statement)}
    for slip, node, new in edits.at_import(tree):
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        found = {
            "constant": slip in ("constant", "order") and id(node) in of_module,
            "attribute": slip in ("constant", "order") and id(node) not in of_module,
            "definition": slip in ("definition", "rebound")
            or (slip == "statement" and not is_import),
            "import": slip == "statement" and is_import,
        }
        if found.get(kind, slip == kind):
            yield slip, node, new
    for node in ast.walk(tree):
        if kind == "annotation":
            yield from _annotations(node)
        elif kind == "import" and isinstance(node, ast.ImportFrom):
            yield from _renamed_imports(node)


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement at module level, unless it is a class or function."""
    if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        yield from ast.walk(statement)


def _annotations(node: ast.AST) -> Iterator[SPAN]:
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield "annotation", node.annotation, "object"
        yield "unknown annotation", node.annotation, "Missing"
    if isinstance(node, FUNCTIONS) and node.returns:
        yield "returned", node.returns, "object"


def _renamed_imports(node: ast.ImportFrom) -> Iterator[SPAN]:
    if node.names[0].name != "*" and node.module != "__future__":
        dots, names = "." * node.level, ", ".join(ast.unparse(alias) for alias in node.names[1:])
        first = node.names[0].asname or node.names[0].name
        yield (
            "unknown name",
            node,
            f"from {dots}{node.module or ''} import missing as {first}"
            + (f", {names}" if names else ""),
        )


def _renamed_tests(tree: ast.Module) -> Iterator[SPAN]:
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and node.name.startswith("test"):
            yield (
                "renamed",
                node,
                edits.laid_out(node, type(node)(**_with_name(node, f"{node.name}_again"))),
            )


def _with_name(node: ast.AST, name: str) -> dict[str, object]:
    return dict(ast.iter_fields(node)) | {"name": name, "decorator_list": []}


def _of_data(paths: Sequence[Path], chance: random.Random) -> Mutant | None:
    edit = next(edits.draw_data(paths, chance.randrange(1 << 32)), None)
    if edit is None:
        return None
    return Mutant("data", edit.path, f"{edit.line}: {edit.what}", None if edit.gone else edit.text)


def _of_configuration(folder: Path, chance: random.Random) -> Mutant | None:
    """A line of pytest's section dropped, or one put behind its head.

    Without a section a new file.
    """
    for path in (folder / name for name in CONFIGURATION):
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        head = next(
            (number for number, line in enumerate(lines) if SECTIONS.match(line.strip())), None
        )
        if head is not None:
            return _of_section(path, lines, head, chance)
    text = "[pytest]\nfilterwarnings = error\n"
    return (
        Mutant("configuration", folder / "pytest.ini", "new", text)
        if not (folder / "pytest.ini").exists()
        else None
    )


def _of_section(path: Path, lines: list[str], head: int, chance: random.Random) -> Mutant:
    end = next((n for n in range(head + 1, len(lines)) if lines[n].startswith("[")), len(lines))
    simple = [
        n for n in range(head + 1, end) if re.fullmatch(r"\w+ *= *[^\[\"']*[^\[{(,]\n?", lines[n])
    ]
    written = "".join(lines[head:end])
    new = [
        line
        for line in ("xfail_strict = true\n", "junit_family = 'xunit1'\n")
        if line.split()[0] not in written
    ]
    if simple and (chance.random() < 0.5 or not new):
        gone = chance.choice(simple)
        return Mutant(
            "configuration",
            path,
            f"without {lines[gone].strip()}",
            "".join(lines[:gone] + lines[gone + 1 :]),
        )
    added = chance.choice(new) if new else "# nothing\n"
    return Mutant(
        "configuration",
        path,
        f"with {added.strip()}",
        "".join([*lines[: head + 1], added, *lines[head + 1 :]]),
    )


def _of_file(files: Files, chance: random.Random) -> Mutant | None:
    """A source that is gone or empty, a file of tests that is gone, a new conftest file."""
    source = chance.choice(files.sources)
    test = chance.choice(files.tests)
    conftest = test.with_name("conftest.py")
    fixture = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef refused():\n    raise RuntimeError('refused')\n"
    return chance.choice((
        Mutant("file", source, "gone", None),
        Mutant("file", source, "empty", ""),
        Mutant("file", test, "gone", None),
        Mutant("file", test.with_name("test_of_arena.py"), "new", "def test_new():\n    assert True\n"),
        Mutant("file", conftest, "new", fixture) if not conftest.exists() else Mutant("file", conftest, "gone", None),
    ))  # fmt: skip


def _comment(paths: Sequence[Path], chance: random.Random) -> Mutant:
    """A line of comment before a statement of a module: nothing runs otherwise."""
    while True:
        path = chance.choice(paths)
        source = path.read_bytes().decode(errors="replace")
        if body := ast.parse(source).body:
            before = chance.choice(body)
            decorators = getattr(before, "decorator_list", [])
            line = (decorators[0] if decorators else before).lineno - 1
            lines = source.splitlines(keepends=True)
            text = "".join([*lines[:line], "# a comment\n", *lines[line:]])
            if edits.parses(text):
                return Mutant(COMMENT, path, f"{line + 1}", text)

"""Measure how the source reads: length, density, size of classes, docstrings, and strings where types should be.

python benchmarks/measure_code.py [--worst N] [REVISION]...

Every revision of git is a column before that of the working tree. The numbers watch the style of
the package; they are no limits, and nothing fails when one gets worse.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lab

ROOT = Path(__file__).parents[1]
PACKAGE = "testmon_cli"
GENERATED = ("testmon_cli/storage/compiled_sqlite.py",)
# The one place that may take a node id apart.
PARSER = "testmon_cli/domain/nodeid.py"
# Guides, not limits.
LONG_FUNCTION, MANY_DECISIONS, LONG_CLASS, MANY_FIELDS = 50, 15, 200, 12
# A docstring that begins so asks for the text around it, or names a value where it should say what
# is done.
ALONE = ("The same", "Of", "Those", "As", "In a")
DIALECT = ("What", "Whether")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DECISIONS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.comprehension,
)


@dataclass(frozen=True)
class Function:
    """A function or method, with the functions that are nested in it."""

    place: str  # path:line
    name: str  # with the names of what it stands in
    lines: int  # from `def` to the end
    decisions: int  # ways through it, as cyclomatic complexity counts them: 1 without any fork
    doc: str  # "" without
    parameters: frozenset[str]  # without self and cls
    is_public: bool  # neither its name nor that of what it stands in begins with an underscore

    @property
    def is_documented(self) -> bool:
        """Whether the docstring says anything of parameters, of the result or of errors by name."""
        sections = re.search(r"\b(Args:|Returns:|Raises\b|Yields:|Returns `)", self.doc)
        return bool(sections) or any(f"`{name}`" in self.doc for name in self.parameters)


@dataclass(frozen=True)
class Class:
    """A class with the size of its body."""

    place: str  # path:line
    name: str
    lines: int
    fields: int  # attributes that methods set on self, and names that the class body annotates


@dataclass
class Measured:
    """What one tree of sources holds."""

    modules: dict[str, int] = field(default_factory=dict)  # lines by path
    widths: list[int] = field(default_factory=list)  # characters of the lines that are not blank
    functions: list[Function] = field(default_factory=list)
    classes: list[Class] = field(default_factory=list)
    docs: list[str] = field(default_factory=list)  # every docstring
    node_ids: list[str] = field(default_factory=list)  # path:line where a node id is cut by hand
    # path:line where `.kind` or `.how` is compared with a text
    kinds: list[str] = field(default_factory=list)


def measure(sources: Mapping[str, str]) -> Measured:
    """Measure sources, given by their paths."""
    found = Measured()
    for path, text in sorted(sources.items()):
        lines = text.splitlines()
        found.modules[path] = len(lines)
        found.widths += [len(line) for line in lines if line.strip()]
        tree = ast.parse(text)
        found.docs += _docstrings(tree)
        _add_scopes(found, path, tree, "")
        for node in ast.walk(tree):
            place = f"{path}:{getattr(node, 'lineno', 0)}"
            if path != PARSER and _cuts_node_id(node):
                found.node_ids.append(place)
            if isinstance(node, ast.Compare) and _compares_kind(node):
                found.kinds.append(place)
    return found


def _docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)) and (
            doc := ast.get_docstring(node)
        ):
            yield doc


def _add_scopes(found: Measured, path: str, node: ast.AST, owner: str) -> None:
    """Add the classes, and the functions that are not nested in others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            found.functions.append(_function(path, child, f"{owner}{child.name}"))
        elif isinstance(child, ast.ClassDef):
            name = f"{owner}{child.name}"
            found.classes.append(
                Class(f"{path}:{child.lineno}", name, _lines(child), len(_fields(child)))
            )
            _add_scopes(found, path, child, f"{name}.")
        elif not isinstance(child, ast.expr):
            _add_scopes(found, path, child, owner)


def _function(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Function:
    arguments = node.args
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return Function(
        f"{path}:{node.lineno}",
        name,
        _lines(node),
        1 + sum(map(_decisions, ast.walk(node))),
        ast.get_docstring(node) or "",
        frozenset(argument.arg for argument in every if argument is not None) - {"self", "cls"},
        not any(part.startswith("_") for part in name.split(".")),
    )


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _decisions(node: ast.AST) -> int:
    """How often a node alone forks the way.

    Operands of `and` and `or` count behind the first, conditions of `for`.
    """
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    return int(isinstance(node, DECISIONS))


def _fields(node: ast.ClassDef) -> set[str]:
    found = {
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    }
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and _is_self(inner.value)
        ):
            found.add(inner.attr)
    return found


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _cuts_node_id(node: ast.AST) -> bool:
    """Whether this is `text.partition("::")` or the like, or a cut at a bracket of something called a node id."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return False
    sign = node.args[0]
    if node.func.attr not in (
        "partition",
        "rpartition",
        "split",
        "rsplit",
        "find",
        "rfind",
        "index",
        "count",
    ):
        return False
    if not isinstance(sign, ast.Constant):
        return False
    owner = ast.unparse(node.func.value).lower()
    return sign.value == "::" or (
        sign.value == "[" and any(word in owner for word in ("nodeid", "test", "name"))
    )


def _compares_kind(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    texts = [
        side
        for side in sides
        if any(_is_text(inner) for inner in [side, *ast.iter_child_nodes(side)])
    ]
    return bool(texts) and any(
        isinstance(side, ast.Attribute) and side.attr in ("kind", "how") for side in sides
    )


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


# The table


def _part(numbers: Sequence[int], share: float) -> int:
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def _begin(docs: Sequence[str], words: Sequence[str]) -> int:
    return sum(doc.startswith(tuple(f"{word} " for word in words)) for doc in docs)


def _public(found: Measured) -> list[Function]:
    return [function for function in found.functions if function.is_public]


def _density(found: Measured) -> float:
    lines = sum(function.lines for function in found.functions)
    return sum(function.decisions for function in found.functions) / max(lines, 1)


ROWS: Mapping[str, Callable[[Measured], str]] = {
    "modules": lambda m: f"{len(m.modules):,}",
    "lines": lambda m: f"{sum(m.modules.values()):,}",
    "lines a module, median / p95 / most": lambda m: _spread(list(m.modules.values())),
    "functions": lambda m: f"{len(m.functions):,}",
    "lines a function, median / p95 / most": lambda m: _spread([f.lines for f in m.functions]),
    f"functions above {LONG_FUNCTION} lines": lambda m: str(
        sum(f.lines > LONG_FUNCTION for f in m.functions)
    ),
    "decisions a line of functions": lambda m: f"{_density(m):.2f}",
    f"functions above {MANY_DECISIONS} decisions": lambda m: str(
        sum(f.decisions > MANY_DECISIONS for f in m.functions)
    ),
    "characters a line, median / p90": lambda m: f"{_part(m.widths, 0.5)} / {_part(m.widths, 0.9)}",
    f"classes above {LONG_CLASS} lines": lambda m: str(
        sum(c.lines > LONG_CLASS for c in m.classes)
    ),
    f"classes above {MANY_FIELDS} fields": lambda m: str(
        sum(c.fields > MANY_FIELDS for c in m.classes)
    ),
    "docstrings": lambda m: f"{len(m.docs):,}",
    f"docstrings that begin with {', '.join(DIALECT)}": lambda m: str(_begin(m.docs, DIALECT)),
    f"docstrings that begin with {', '.join(ALONE)}": lambda m: str(_begin(m.docs, ALONE)),
    "public functions": lambda m: str(len(_public(m))),
    "public functions with a docstring": lambda m: str(sum(bool(f.doc) for f in _public(m))),
    "public functions that name a parameter, result or error": lambda m: str(
        sum(f.is_documented for f in _public(m))
    ),
    "node ids cut by hand": lambda m: str(len(m.node_ids)),
    "comparisons of a kind or manner with a text": lambda m: str(len(m.kinds)),
}


def _spread(numbers: Sequence[int]) -> str:
    return f"{_part(numbers, 0.5)} / {_part(numbers, 0.95)} / {max(numbers, default=0)}"


def table(columns: Mapping[str, Measured]) -> str:
    """All numbers as a table, with one column for each tree."""
    return lab.table(
        ("", *columns), [(name, *map(row, columns.values())) for name, row in ROWS.items()]
    )


def worst(found: Measured, count: int) -> str:
    """List the longest and most branching functions, the largest classes, and every place of a string."""
    functions = {
        "longest functions, lines": [(f.lines, f.name, f.place) for f in found.functions],
        "most branching functions, decisions": [
            (f.decisions, f.name, f.place) for f in found.functions
        ],
        "largest classes, lines": [(c.lines, c.name, c.place) for c in found.classes],
        "classes with most fields": [(c.fields, c.name, c.place) for c in found.classes],
    }
    parts = [
        f"{title}\n" + _listed(sorted(items, reverse=True)[:count])
        for title, items in functions.items()
    ]
    parts.append(
        "node ids cut by hand\n" + "".join(f"        {place}\n" for place in found.node_ids)
    )
    return "\n".join(parts)


def _listed(items: Sequence[tuple[int, str, str]]) -> str:
    return "".join(f"  {number:4}  {name}  {place}\n" for number, name, place in items)


# The sources


def sources_now(root: Path) -> dict[str, str]:
    """The modules of the package in a folder."""
    paths = (path.relative_to(root).as_posix() for path in sorted((root / PACKAGE).rglob("*.py")))
    return {
        path: (root / path).read_text(encoding="utf-8") for path in paths if path not in GENERATED
    }


def sources_at(root: Path, revision: str) -> dict[str, str]:
    """The modules of the package as git has them in a revision.

    Raises CalledProcessError if it does not know it.
    """
    command = ("git", "archive", "--format=tar", revision, PACKAGE)
    archive = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            content = files.extractfile(member) if member.name.endswith(".py") else None
            if content is not None and member.name not in GENERATED:
                found[member.name] = content.read().decode()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("revisions", nargs="*", help="revisions to compare with")
    parser.add_argument(
        "--worst", type=int, default=0, metavar="N", help="list the N worst of each kind as well"
    )
    options = parser.parse_args()
    columns = {revision: measure(sources_at(ROOT, revision)) for revision in options.revisions}
    columns["now"] = measure(sources_now(ROOT))
    print(table(columns))
    if options.worst:
        print(worst(columns["now"], options.worst))
    return 0


if __name__ == "__main__":
    sys.exit(main())

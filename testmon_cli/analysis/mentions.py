"""Mentions: the identifiers that code uses, in the notation that definitions and blocks share.

name     a name looked up among the module's globals (or builtins)
.name    an attribute, imported name, or a string that could be one
~name    an attribute of the object or class that a method belongs to (`self`, `cls`, `super()`)
^name    an attribute that a method sets on its own object;
         the block does not read that name of anything
%name    an attribute of what is named like a class: a function of it may be given any object
=name    a keyword of a call: it uses what has this name only to ask whether that is there
@name    a parameter, which pytest may fill with the fixture of that name
&name    an imported name used as a value, not for one of its attributes: a module that is passed on
*        looks names up by a computed name wherever they are: imports, evaluates text
*=       looks attributes of some object up by a computed name;
         names of a module only if that is passed on
*.       looks attributes of its own object (`self`, `cls`) up by a computed name:
         members of its class
*g       looks at the namespace it stands in
!*       (and !*=, !*., !*g) does what these do, where the names are recorded as they are asked for,
         see `lookups`
!w       goes through all names of an object; what that is, is recorded
?d       looks at docstrings
?a       looks at annotations or signatures
?m       takes attributes of an object that its class names, by their position in a pattern
?c       makes a class, or an object of one, in a way that joins other classes
"""

import ast
import re

from testmon_cli.analysis import lookups
from testmon_cli.analysis.lookups import name_of

DYNAMIC = "*"
DYNAMIC_ATTRIBUTES = "*="
DYNAMIC_MEMBERS = "*."
OWN_NAMESPACE = "*g"
READS_DOCS = "?d"
READS_HINTS = "?a"
MATCHES_BY_POSITION = "?m"
JOINS_CLASSES = "?c"
STORES = "^"

# What a recorded look-up counts as where nothing was recorded.
OPEN = {
    lookups.ANYWHERE: DYNAMIC,
    lookups.ATTRIBUTES: DYNAMIC_ATTRIBUTES,
    lookups.MEMBERS: DYNAMIC_MEMBERS,
    lookups.OWN_NAMESPACE: OWN_NAMESPACE,
    lookups.WALKS: DYNAMIC_ATTRIBUTES,
}
_LONGEST_STRING = 100  # characters; longer strings are texts, not names
_WORD = re.compile(r"(?:\w+://|\d+\.)?([^\W\d]\w*(?:[.\-:][^\W\d]\w*)*)\Z")
_FILLED = re.compile(r"\{[^{}]*\}")
_ATTRIBUTE = re.compile(r"[.\[]['\"]?([^\W\d]\w*)")
_SEPARATOR = re.compile(r"[.\-:]")

# Names whose use means that names may be looked up, and where.
_DYNAMIC_NAMES = {
    **{
        key: {DYNAMIC}
        for key in ("eval", "exec", "__import__", "iter_modules", "walk_packages", "modules")
    },
    **{key: {OWN_NAMESPACE} for key in ("globals", "locals")},
    **{key: {OWN_NAMESPACE, DYNAMIC_ATTRIBUTES} for key in ("vars", "dir")},
    **{key: {DYNAMIC_ATTRIBUTES} for key in ("__dict__", "__subclasses__")},
    **{
        key: {DYNAMIC_ATTRIBUTES}
        for key in (
            "getmembers",
            "getmembers_static",
            "getattr_static",
            "attrgetter",
            "methodcaller",
        )
    },
}
# Those that are builtins: a local of the same name is something else.
BUILTINS_THAT_LOOK_UP = frozenset(
    {"eval", "exec", "__import__", "globals", "locals", "vars", "dir"}
)
# Of the above, those that as attributes are something else.
_BUILTINS = {"globals", "locals", "vars", "dir"}
# Names that look one name up, given as this argument; a literal there is an ordinary mention.
_LOOKUPS = {
    "getattr": 1,
    "hasattr": 1,
    "setattr": 1,
    "delattr": 1,
    "import_module": 0,
    "find_spec": 0,
    "reload": 0,
}
_LOOKUPS |= {"getfixturevalue": 0, "entry_points": 0, "run_module": 0}
# Those of them that others, like `map` and `reduce`, are often given.
_GIVEN = {key: DYNAMIC_ATTRIBUTES if _LOOKUPS[key] else DYNAMIC for key in ("getattr", "hasattr", "setattr", "delattr",
          "import_module", "find_spec")}  # fmt: skip
# Functions of importlib.metadata that take the name of a distribution.
_LOOKUPS |= {"distribution": 0, "metadata": 0, "version": 0, "requires": 0}
_LISTING = {"vars", "dir", "getmembers", "getmembers_static"}
_MAKING_CLASSES = {"new_class", "make_dataclass", "with_metaclass", "create_model"}
_READING_DOCS = {
    "__doc__",
    "getdoc",
    "help",
    "pydoc",
    "testmod",
    "testfile",
    "DocTestFinder",
    "DocTestSuite",
}
_READING_SOURCE = {"getsource", "getsourcelines"}
_READING_HINTS = {
    "__annotate__", "__annotate_func__", "__annotations__", "__signature__", "__wrapped__", "call_annotate_function",
    "from_callable", "get_annotations", "get_type_hints", "getfullargspec", "signature",
}  # fmt: skip


def of_string(text: str) -> set[str]:
    """Names that a string could stand for: an identifier, a dotted path, a distribution's name.

    It may stand behind the number of an argument or a scheme (`0.size`, `ext://app.LIMIT`). A text
    to be filled in, by `str.format` or as a template, names attributes in its braces.
    """
    if "{" in text:
        return {
            "." + name for filled in _FILLED.findall(text) for name in _ATTRIBUTE.findall(filled)
        }
    word = _WORD.match(text) if len(text) <= _LONGEST_STRING else None
    if word is None:
        return set()
    text = word[1]
    parts = _SEPARATOR.split(text)
    found = {"." + part for part in parts}
    for part in parts:
        if part.startswith("__"):  # as in `getattr(f, "__doc__")`
            found |= of_identifier(part)
    if "-" in text:
        found.add("." + text.replace("-", "_"))
    return found


def of_identifier(name: str) -> set[str]:
    """Mentions that the bare use of `name` implies besides the name itself."""
    found = set(_DYNAMIC_NAMES.get(name, ()))
    if name in _READING_DOCS or name in _READING_SOURCE:
        found.add(READS_DOCS)
    if name in _READING_HINTS or name in _READING_SOURCE:
        found.add(READS_HINTS)
    return found


def of_attribute(node: ast.Attribute) -> set[str]:
    """Mentions that the use of an attribute implies besides its name."""
    lent = (
        {"%" + node.attr}
        if isinstance(node.ctx, ast.Load) and _is_named_like_a_class(node.value)
        else set()
    )
    return lent | _of_its_name(node)


def _of_its_name(node: ast.Attribute) -> set[str]:
    if node.attr in ("__class__", "__bases__") and isinstance(node.ctx, ast.Store):
        return {JOINS_CLASSES}
    if node.attr in _BUILTINS and not (
        isinstance(node.value, ast.Name) and node.value.id == "builtins"
    ):
        return set()
    return of_identifier(node.attr)


def of_pattern(node: ast.MatchClass) -> set[str]:
    """Mentions of the attributes that a pattern as `case Point(0, y=1)` looks at."""
    return {"." + name for name in node.kwd_attrs} | (
        {MATCHES_BY_POSITION} if node.patterns else set()
    )


def of_class(node: ast.ClassDef) -> set[str]:
    """Mentions of a class statement in a function: with several bases it joins classes."""
    return (
        {JOINS_CLASSES}
        if len(node.bases) > 1 or any(isinstance(b, ast.Starred) for b in node.bases)
        else set()
    )


def _is_named_like_a_class(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    return name.lstrip("_")[:1].isupper()


def of_listing(node: ast.Call) -> set[str]:
    """Mentions of the names that `vars(x)`, `dir(x)` or `getmembers(x)` may find.

    Empty for another call.
    """
    if not isinstance(node.func, ast.Name) or node.func.id not in _LISTING or not node.args:
        return set()
    return {DYNAMIC_ATTRIBUTES}


def of_call(node: ast.Call) -> set[str]:
    """A look-up by a name that is computed."""
    way = lookups.way_of(node)
    if way is not None:
        return _of_recorded(node, way)
    name = name_of(node.func)
    if (name == "type" and len(node.args) > 1) or name in _MAKING_CLASSES:
        return {JOINS_CLASSES}
    position = _LOOKUPS.get(name)
    if position is None:
        return set()
    if any(isinstance(argument, ast.Starred) for argument in node.args[: position + 1]):
        return {DYNAMIC_ATTRIBUTES if position else DYNAMIC}
    if position >= len(node.args):
        return set()
    argument = node.args[position]
    if isinstance(argument, ast.Constant):
        # What import_module gives is the module itself, which may be passed on.
        return _passed_on(argument) if position == 0 else set()
    if position == 0:
        return {DYNAMIC}
    return {DYNAMIC_ATTRIBUTES}


def of_key(node: ast.Subscript | ast.Compare) -> set[str]:
    """A look-up in a mapping of names, as far as it is recorded."""
    way = lookups.way_of(node)
    return set() if way is None else _of_recorded(node, way)


def _of_recorded(node: ast.Call | ast.Subscript | ast.Compare, way: str) -> set[str]:
    if way != lookups.MODULE:
        return {way} if way else set()
    return _passed_on(lookups.key_of(node))


def _passed_on(name: ast.expr) -> set[str]:
    """Mentions which say that the module of a literal name may be passed on."""
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return {"&" + name.value.rpartition(".")[2]}
    return set()


def of_given(name: str) -> set[str]:
    """Mentions of a look-up function that is passed to another, as in `map(getattr, ...)`."""
    return {_GIVEN[name]} if name in _GIVEN else set()


def looks_up(function: ast.expr) -> bool:
    """Whether an expression names a function that looks names up, like `getattr`."""
    return name_of(function) in _GIVEN


def literal_name(node: ast.Call) -> ast.Constant | None:
    """The name of the attribute in `getattr(x, "name")` and its like, where it is written out."""
    position = _LOOKUPS.get(name_of(node.func))
    if (
        position != 1
        or not isinstance(node.func, ast.Name)
        or any(isinstance(a, ast.Starred) for a in node.args[:2])
    ):
        return None
    name = node.args[1] if len(node.args) > 1 else None
    if (
        not isinstance(name, ast.Constant)
        or not isinstance(name.value, str)
        or not name.value.isidentifier()
    ):
        return None
    return name


def of_import(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The parts of the module's name and the names imported."""
    found: set[str] = set()
    if isinstance(node, ast.ImportFrom) and node.module:
        found.update("." + part for part in node.module.split("."))
    for alias in node.names:
        if alias.name == "*":
            found.add(DYNAMIC)
        else:
            found.update("." + part for part in alias.name.split("."))
    return found

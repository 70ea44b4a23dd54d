"""Mentions: the identifiers that code uses, in the notation that definitions and blocks share.

name     a name looked up among the module's globals (or builtins)
.name    an attribute, imported name, or a string that could be one
~name    an attribute of the object or class that a method belongs to (`self`, `cls`, `super()`)
=name    a keyword of a call: it uses what has this name only to ask whether that is there
@name    a parameter, which pytest may fill with the fixture of that name
&name    an imported name used as a value, not for one of its attributes: a module that is passed on
*        looks names up by a computed name wherever they are: imports, evaluates text
*=       looks attributes of some object up by a computed name; names of a module only if that is passed on
*.       looks attributes of its own object (`self`, `cls`) up by a computed name: members of its class
*g       looks at the namespace it stands in
?d       looks at docstrings
?a       looks at annotations or signatures
?c       makes a class, or an object of one, in a way that joins other classes
"""

import ast
import re

DYNAMIC = "*"
DYNAMIC_ATTRIBUTES = "*="
DYNAMIC_MEMBERS = "*."
OWN_NAMESPACE = "*g"
READS_DOCS = "?d"
READS_HINTS = "?a"
JOINS_CLASSES = "?c"

_LONGEST_STRING = 100  # characters; longer strings are texts, not names
_WORD = re.compile(r"[^\W\d]\w*(?:[.\-:][^\W\d]\w*)*\Z")
_FILLED = re.compile(r"\{[^{}]*\}")
_ATTRIBUTE = re.compile(r"[.\[]['\"]?([^\W\d]\w*)")
_SEPARATOR = re.compile(r"[.\-:]")

# Names whose use means that names may be looked up, and where.
_DYNAMIC_NAMES = {
    **{key: {DYNAMIC} for key in ("eval", "exec", "__import__", "iter_modules", "walk_packages", "modules")},
    **{key: {OWN_NAMESPACE} for key in ("globals", "locals")},
    **{key: {OWN_NAMESPACE, DYNAMIC_ATTRIBUTES} for key in ("vars", "dir")},
    **{key: {DYNAMIC_ATTRIBUTES} for key in ("__dict__", "__subclasses__")},
    **{key: {DYNAMIC_ATTRIBUTES} for key in ("getmembers", "getattr_static", "attrgetter", "methodcaller")},
}
# Names that look one name up, given as this argument; a literal there is an ordinary mention.
_LOOKUPS = {"getattr": 1, "hasattr": 1, "setattr": 1, "delattr": 1, "import_module": 0, "find_spec": 0, "reload": 0}
_LOOKUPS |= {"getfixturevalue": 0, "entry_points": 0, "run_module": 0}
# Functions of importlib.metadata that take the name of a distribution.
_LOOKUPS |= {"distribution": 0, "metadata": 0, "version": 0, "requires": 0}
_MAKING_CLASSES = {"new_class", "make_dataclass", "with_metaclass", "create_model"}
_READING_DOCS = {"__doc__", "getdoc", "help", "pydoc", "testmod", "testfile", "DocTestFinder", "DocTestSuite"}
_READING_SOURCE = {"getsource", "getsourcelines"}
_READING_HINTS = {
    "__annotate__", "__annotate_func__", "__annotations__", "__signature__", "__wrapped__", "call_annotate_function",
    "from_callable", "get_annotations", "get_type_hints", "getfullargspec", "signature",
}  # fmt: skip


def of_string(text: str) -> set[str]:
    """Names that a string could stand for: an identifier, a dotted path, a distribution's name.

    A text to be filled in, by `str.format` or as a template, names attributes in its braces.
    """
    if "{" in text:
        return {"." + name for filled in _FILLED.findall(text) for name in _ATTRIBUTE.findall(filled)}
    if len(text) > _LONGEST_STRING or not _WORD.match(text):
        return set()
    parts = _SEPARATOR.split(text)
    found = {"." + part for part in parts}
    if "-" in text:
        found.add("." + text.replace("-", "_"))
    return found


def of_identifier(name: str) -> set[str]:
    """What the bare use of `name` says beyond the name itself."""
    found = set(_DYNAMIC_NAMES.get(name, ()))
    if name in _READING_DOCS or name in _READING_SOURCE:
        found.add(READS_DOCS)
    if name in _READING_HINTS or name in _READING_SOURCE:
        found.add(READS_HINTS)
    return found


def of_attribute(node: ast.Attribute) -> set[str]:
    """What the use of an attribute says beyond its name."""
    if node.attr in ("__class__", "__bases__") and isinstance(node.ctx, ast.Store):
        return {JOINS_CLASSES}
    if node.attr == "__dict__" and _is_own_object(node.value):
        # An object's own attributes are set in blocks that ran; those of a class also stand in its body.
        return set() if isinstance(node.value, ast.Name) and node.value.id == "self" else {DYNAMIC_MEMBERS}
    return of_identifier(node.attr)


def of_class(node: ast.ClassDef) -> set[str]:
    """What a class statement in a function says: with several bases it joins classes."""
    return {JOINS_CLASSES} if len(node.bases) > 1 or any(isinstance(b, ast.Starred) for b in node.bases) else set()


def of_listing(node: ast.Call) -> set[str]:
    """What `vars(x)` or `dir(x)` may find, the empty set for another call."""
    if not isinstance(node.func, ast.Name) or node.func.id not in ("vars", "dir") or not node.args:
        return set()
    return {DYNAMIC_MEMBERS if _is_own_object(node.args[0]) else DYNAMIC_ATTRIBUTES}


def of_call(node: ast.Call) -> set[str]:
    """A look-up by a name that is computed."""
    function = node.func
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if (name == "type" and len(node.args) > 1) or name in _MAKING_CLASSES:
        return {JOINS_CLASSES}
    position = _LOOKUPS.get(name)
    if position is None or position >= len(node.args):
        return set()
    argument = node.args[position]
    if isinstance(argument, ast.Constant):
        # What import_module gives is the module itself, which may be passed on.
        if position == 0 and isinstance(argument.value, str):
            return {"&" + argument.value.rpartition(".")[2]}
        return set()
    if position == 0:
        return {DYNAMIC}
    return {DYNAMIC_MEMBERS if _is_own_object(node.args[0]) else DYNAMIC_ATTRIBUTES}


def _is_own_object(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("type", "super"):
        return True
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        node = node.value
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


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

"""Expressions whose value is known to be of a builtin type.

Their attributes are none of the project's.
"""

import ast
from collections.abc import Callable

_DISPLAYS: dict[type[ast.expr], type] = {
    ast.JoinedStr: str,
    ast.List: list,
    ast.ListComp: list,
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.Set: set,
    ast.SetComp: set,
    ast.Tuple: tuple,
}
# What methods of builtin types give; a method that is not here may give anything.
_RESULTS: dict[type, dict[str, type]] = {
    str: {
        **dict.fromkeys(
            ("capitalize", "casefold", "center", "expandtabs", "format", "format_map", "join", "ljust", "lower",
             "lstrip", "removeprefix", "removesuffix", "replace", "rjust", "rstrip", "strip", "swapcase", "title",
             "translate", "upper", "zfill"),
            str,
        ),
        **dict.fromkeys(("split", "rsplit", "splitlines"), list),
        **dict.fromkeys(("partition", "rpartition"), tuple),
        "encode": bytes,
    },
    bytes: {
        **dict.fromkeys(("join", "lower", "replace", "strip", "lstrip", "rstrip", "upper"), bytes),
        **dict.fromkeys(("split", "rsplit", "splitlines"), list),
        **dict.fromkeys(("decode", "hex"), str),
    },
    dict: {"copy": dict},
    list: {"copy": list},
    set: {"copy": set},
}  # fmt: skip
_CONSTRUCTORS: dict[str, type] = {
    **{kind.__name__: kind for kind in (str, bytes, list, dict, set, tuple)},
    "sorted": list,
    "repr": str,
    "ascii": str,
    "chr": str,
    "hex": str,
}


def builtin_type(node: ast.expr, is_builtin: Callable[[str], bool]) -> type | None:
    """The builtin type of an expression's value, None where it may be another.

    `is_builtin` tells whether a name, where it is used, stands for the builtin.
    """
    if isinstance(node, ast.Constant):
        return type(node.value) if isinstance(node.value, str | bytes | int | float) else None
    if type(node) in _DISPLAYS:
        return _DISPLAYS[type(node)]
    if isinstance(node, ast.BinOp):
        left = builtin_type(node.left, is_builtin)
        if isinstance(node.op, ast.Mod):
            return left if left in (str, bytes) else None
        same = isinstance(node.op, ast.Add) and left in (str, bytes, list, tuple)
        return left if same and builtin_type(node.right, is_builtin) is left else None
    if isinstance(node, ast.Call):
        return _result(node.func, is_builtin)
    return None


def _result(function: ast.expr, is_builtin: Callable[[str], bool]) -> type | None:
    if isinstance(function, ast.Name):
        return _CONSTRUCTORS.get(function.id) if is_builtin(function.id) else None
    if isinstance(function, ast.Attribute):
        kind = builtin_type(function.value, is_builtin)
        return _RESULTS.get(kind, {}).get(function.attr) if kind is not None else None
    return None

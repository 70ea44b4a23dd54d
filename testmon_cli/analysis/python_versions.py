"""What depends on the version of Python that imports a source.

It is given as in `Environment.python`, for example "3.14".
"""

import sys

CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"


def evaluates_annotations(python: str) -> bool:
    """Whether importing a module evaluates the annotations in it.

    It does not where `from __future__` postpones them. From 3.14 on they are evaluated when
    somebody asks for them.
    """
    return _numbers(python) < (3, 14)


def has_lazy_imports(python: str) -> bool:
    """Whether `lazy import` is syntax and `__lazy_modules__` has a meaning."""
    return _numbers(python) >= (3, 15)


def _numbers(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split("."))

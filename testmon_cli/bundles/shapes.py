"""Which facts a run can have in a bundle, and what they look like.

Whoever reads them later counts on that.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from testmon_cli.domain.evidence import EvidenceError
from testmon_cli.domain.provenance import FACT, from_facts
from testmon_cli.domain.records import (
    AUDIT,
    HANDED,
    LOOKUPS_ARE_RECORDED,
    RUN_KEY,
    SET_UPS,
    STATEMENTS,
    WHOLE,
)

Shape = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_version(value: Any) -> bool:
    """Which kind of an observation was made, 0 for none."""
    return isinstance(value, int) and 0 <= value <= LOOKUPS_ARE_RECORDED


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_list_of(value: Any, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_names(value: Any) -> bool:
    """The digest of a file, and names in it."""
    return _is_list_of(value, 2) and _is_text(value[0]) and _is_list(value[1])


def _is_provenance(value: Any) -> bool:
    return from_facts(value) is not None


def _is_some(value: Any) -> bool:
    return _is_text(value) or _is_list(value)


def _by_name(shape: Shape) -> Shape:
    return lambda value: isinstance(value, dict) and all(map(shape, value.values()))


def _is_set_up(value: Any) -> bool:
    """A place, microseconds, and a test."""
    if not _is_list_of(value, 3):
        return False
    place, microseconds, test = value
    return _is_text(place) and _is_count(microseconds) and _is_text(test)


def _is_tally(value: Any) -> bool:
    return _is_list_of(value, 3) and all(map(_is_count, value))


_FACTS: Final[Mapping[str, Shape]] = {
    RUN_KEY: _is_text,
    STATEMENTS: _is_flag,
    AUDIT: _is_tally,
    "config": _is_text,
    "edges": _by_name(_is_list),
    "engine": _is_text,
    "errors": _by_name(_is_text),
    "in_part": _by_name(_is_list),
    "fixtures": _is_list,
    HANDED: _by_name(_is_list),
    "inert": _by_name(_is_names),
    "keywords": _by_name(_by_name(_is_some)),
    "left_out": _by_name(_is_names),
    "lookups": _is_version,
    "modules": _by_name(_is_text),
    "own": _is_list,
    "pending": _is_list,
    "place": lambda value: _is_list(value) and len(value) == 4,
    "plugins": _is_list,
    FACT: _is_provenance,
    "rewritten": _is_list,
    SET_UPS: _by_name(_is_set_up),
    "survival": _is_flag,
    "unwanted": _is_list,
    WHOLE: _is_flag,
}


def check_facts(text: str) -> None:
    """Raise EvidenceError for facts that no run of this version of testmon has."""
    facts = _loaded(text)
    if not isinstance(facts, dict):
        raise EvidenceError("facts of a run that are no facts")
    for name, value in facts.items():
        shape = _FACTS.get(name)
        if shape is None:
            raise EvidenceError(f"a fact {name[:40]!r} that this testmon does not know")
        if not shape(value):
            raise EvidenceError(f"a fact {name!r} that cannot be")


def check_packages(text: str) -> None:
    """Raise EvidenceError for what is no list of distributions."""
    packages = _loaded(text)
    if not isinstance(packages, list) or not all(map(_is_package, packages)):
        raise EvidenceError("a list of packages that cannot be")


def check_arguments(text: str) -> None:
    """Raise EvidenceError for what is no list of arguments."""
    if not _is_list(_loaded(text)):
        raise EvidenceError("arguments of a run that cannot be")


def _is_package(value: Any) -> bool:
    if not _is_list_of(value, 5):
        return False
    *texts, modules, requires = value
    return all(map(_is_text, texts)) and _is_list(modules) and _is_list(requires)


def _loaded(text: str) -> Any:
    """Write JSON in one spelling only, so that equal evidence makes equal bundles."""
    try:
        value = json.loads(text)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        raise EvidenceError("JSON that cannot be read") from None
    if again != text:
        raise EvidenceError("JSON that is not written as it should be")
    return value

"""Sources of the tables, and what the model says of them."""

import textwrap

from testmon_cli.analysis.model import build_model
from testmon_cli.domain.source import Definition, SourceModel


def dedent(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def model(text: str) -> SourceModel:
    """The model of an indented text."""
    return build_model(dedent(text).encode())


def checksums(text: str) -> set[int]:
    """The checksums of the blocks of all functions."""
    return {block.checksum for block in model(text).blocks[:-1]}


def only(text: str) -> Definition:
    """The definition of a text that has only one."""
    (definition,) = model(text).definitions
    return definition


def named(text: str, name: str) -> Definition:
    """The one definition of a text that binds `name` ("Class.member" in a class)."""
    owner, _, name = name.rpartition(".")
    (definition,) = (d for d in model(text).definitions if name in d.names and d.owner == owner)
    return definition

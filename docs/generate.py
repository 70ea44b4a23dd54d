"""Write the pages that are made from code: the command line, the schema and the changelog.

python docs/generate.py          writes them
python docs/generate.py --check  exits 1 when one of them is stale
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from testmon_cli.cli import cli
from testmon_cli.storage import schema_docs

DOCS = Path(__file__).parent
INTRODUCTION = """# Command line

This page is generated from the program. What a command answers goes to stdout, everything else to stderr;
see [exit codes and errors](exit-codes.md) for what it returns.
"""


def command_line() -> str:
    """The page on all commands and options."""
    sections = [INTRODUCTION, _section("testmon", cli)]
    sections += _sections("testmon", cli)
    return "\n".join(sections)


def _sections(above: str, group: click.Group) -> Iterator[str]:
    """A section for each command, and after that of a group those of its own commands."""
    for name, command in sorted(group.commands.items()):
        yield _section(f"{above} {name}", command)
        if isinstance(command, click.Group):
            yield from _sections(f"{above} {name}", command)


def _section(path: str, command: click.Command) -> str:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    arguments = [
        _argument(parameter)
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    ]
    usage = " ".join(
        [path, "[OPTIONS]", *(["COMMAND"] if isinstance(command, click.Group) else arguments)]
    )
    text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    rows = [f"| {_names(option)} | {_help(option)} |" for option in options]
    table = "\n".join(["| option | meaning |", "| --- | --- |", *rows]) if rows else ""
    return "\n\n".join(filter(None, (f"## {path}", f"```text\n{usage}\n```", text, table))) + "\n"


def _argument(argument: click.Argument) -> str:
    return argument.metavar or f"[{(argument.name or '').upper()}]..."


def _names(option: click.Option) -> str:
    value = "" if option.is_flag else f" {_value(option)}"
    return ", ".join(f"`{name}{value}`" for name in (*option.opts, *option.secondary_opts))


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        # a table would take | for a new cell
        return "{" + ",".join(map(str, option.type.choices)) + "}"
    return option.metavar or "N"


def _help(option: click.Option) -> str:
    text = (option.help or "").replace("|", r"\|").replace("  [default:", " [default:")
    return f"{text} [default: {_default(option)}]" if option.show_default else text


def _default(option: click.Option) -> str:
    if option.is_flag and option.secondary_opts:
        return (option.opts if option.default else option.secondary_opts)[0].lstrip("-")
    return str(option.default)


def pages() -> dict[Path, str]:
    """All generated pages with what they must hold."""
    return {
        DOCS / "cli.md": command_line(),
        DOCS / "schema.md": schema_docs.render(),
        DOCS / "changelog.md": (DOCS.parent / "CHANGELOG.md").read_text(encoding="utf-8"),
    }


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which are stale."""
    stale = [
        path
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in stale:
        if "--check" in arguments:
            print(
                f"{path.relative_to(DOCS.parent)} is stale: run `python docs/generate.py`",
                file=sys.stderr,
            )
        else:
            path.write_text(pages()[path], encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

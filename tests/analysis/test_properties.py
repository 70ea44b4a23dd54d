"""What holds of fingerprints for any source: hypothesis writes the functions."""

import ast
import sys
import textwrap

from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.analysis import codec
from testmon_cli.analysis.model import build_model
from testmon_cli.analysis.model_diff import definition_changes
from testmon_cli.domain.source import SourceModel

NAMES = st.sampled_from(["a", "b", "total", "item"])
NUMBERS = st.integers(0, 9)


@st.composite
def statements(draw: st.DrawFn, depth: int = 2) -> str:
    """A few statements that run to their end whatever the values are."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(
            st.sampled_from(
                ["assign", "assign", "if", "for", "try", "with", "return"] if depth else ["assign"]
            )
        )
        name, number = draw(NAMES), draw(NUMBERS)
        if kind == "assign":
            lines.append(f"{name} = [{number}, x]")
            continue
        if kind == "return":
            lines += [f"if x == {number}:", f"    return {number}"]
            continue
        body = textwrap.indent(draw(statements(depth=depth - 1)), "    ")
        other = textwrap.indent(draw(statements(depth=depth - 1)), "    ")
        if kind == "if":
            lines += [f"if x > {number}:", body, "else:", other]
        elif kind == "for":
            lines += [f"for {name} in range({number % 3}):", body]
        elif kind == "with":
            lines += ["with open('/dev/null'):", body]
        else:
            lines += ["try:", body, "except ValueError:", other]
    return "\n".join(lines)


@st.composite
def modules(draw: st.DrawFn) -> str:
    count = draw(st.integers(1, 3))
    functions = [
        f"def f{n}(x):\n{textwrap.indent(draw(statements()), '    ')}\n    return x\n"
        for n in range(count)
    ]
    return f"LIMIT = {draw(NUMBERS)}\n\n\n" + "\n\n".join(functions)


def checksums(model: SourceModel) -> set[int]:
    return {block.checksum for block in model.blocks[:-1]}


@given(modules())
def test_another_formatting_changes_nothing(source: str) -> None:
    spread = (
        source.replace("[", "[\n  (")
        .replace(", x]", "), # why\n\n x,\n ]")
        .replace("    return x", "\n\n    return (x)")
    )
    old, new = build_model(source.encode()), build_model(spread.encode())
    assert checksums(old) == checksums(new)
    assert definition_changes(old, new) == ()


@given(modules())
def test_comments_and_line_ends_change_nothing(source: str) -> None:
    commented = "# top\n" + source.replace("\n", "  # note\r\n")
    assert checksums(build_model(source.encode())) == checksums(build_model(commented.encode()))


@given(modules())
def test_moved_and_added_functions_leave_every_fingerprint_valid(source: str) -> None:
    tree = ast.parse(source)
    tree.body.reverse()
    added = ast.parse("def added(y):\n    return y\n").body
    moved = ast.unparse(ast.Module([*added, *tree.body], []))
    old, new = build_model(source.encode()), build_model(moved.encode())
    assert checksums(old) <= checksums(new)
    assert {change.name for change in definition_changes(old, new)} == {"added"}


@given(modules())
def test_a_model_survives_storing(source: str) -> None:
    model = build_model(source.encode())
    assert codec.decode(codec.encode(model)) == model


@given(modules(), st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_change_of_an_executed_statement_breaks_the_fingerprint(
    source: str, x: int, random: object
) -> None:
    executed = _executed_lines(source, x)
    model = build_model(source.encode())
    relied_on = {
        model.blocks[index].checksum for index in model.table.reached(model.table.on(executed))
    } & checksums(model)
    lines = source.splitlines()
    simple = [n for n in sorted(executed) if " = [" in lines[n - 1]]
    for number in simple:
        changed = [*lines]
        changed[number - 1] = changed[number - 1].replace("x]", "x, 'changed']")
        assert relied_on - checksums(build_model("\n".join(changed).encode())), changed[number - 1]


@given(modules(), st.integers(0, 9))
def test_a_change_of_a_statement_in_a_block_not_reached_breaks_nothing(source: str, x: int) -> None:
    executed = _executed_lines(source, x)
    model = build_model(source.encode())
    reached = model.table.reached(model.table.on(executed))
    relied_on = {model.blocks[index].checksum for index in reached}
    lines = source.splitlines()
    for index, block in enumerate(model.blocks[:-1]):
        for first, _ in block.lines if index not in reached else ():
            if " = [" not in lines[first - 1]:
                continue
            changed = [*lines]
            changed[first - 1] = changed[first - 1].replace("x]", "x, 'changed']")
            now = {b.checksum for b in build_model("\n".join(changed).encode()).blocks}
            assert relied_on - {model.blocks[-1].checksum} <= now


def _executed_lines(source: str, x: int) -> set[int]:
    """Lines of the first function that a call with `x` executes, by the interpreter's own trace."""
    namespace: dict[str, object] = {}
    exec(compile(source, "<generated>", "exec"), namespace)
    seen: set[int] = set()

    def trace(frame: object, event: str, _: object) -> object:
        code = frame.f_code  # type: ignore[attr-defined]
        if code.co_filename != "<generated>":
            return None
        if event == "line":
            seen.add(frame.f_lineno)  # type: ignore[attr-defined]
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        namespace["f0"](x)  # type: ignore[operator]
    finally:
        sys.settrace(before)
    return seen

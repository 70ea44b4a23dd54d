"""Blocks: where one begins, and which edits end it."""

import ast
import sys
from pathlib import Path

import pytest

from testmon_cli.analysis import blocks
from tests.analysis.sources import checksums, dedent, model

# Every line names its block; "B<A" says that block A must have been reached before B.
PARTITIONS = [
    pytest.param("@x  # A\ndef f(x):\n    'Only a docstring.'  # A", id="docstring-only"),
    pytest.param(
        "def f(x):  # A\n    'Nothing runs.'\n    global a  # A\n    b: int  # A", id="nothing-runs"
    ),
    pytest.param(
        """
        def f(x):
            'A docstring.'
            a = x  # A
            b = x  # A
        """,
        id="statements-run-on",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # A
                a = 1  # B<A
            elif x == 2:  # C<A
                a = 2  # D<C
            else:
                a = 3  # E<C
            b = 2  # A
        """,
        id="arms-of-if",
    ),
    pytest.param(
        """
        def f(x):
            for a in x:  # A
                b = 1  # B<A
            else:
                c = 1  # C<A
            while x:  # A
                d = 1  # D<A
            else:
                e = 1  # E<A
        """,
        id="loops-and-else",
    ),
    pytest.param(
        """
        def f(x):
            for a in x:  # A
                if a:  # B<A
                    break  # C<B
                if not a:  # D<B
                    continue  # E<D
                b = 1  # F<D
            c = 1  # G<A
        """,
        id="break-and-continue-split",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # A
                return 1  # B<A
            a = 1  # C<A
            if a:  # C
                raise ValueError  # D<C
            b = 2  # E<C
        """,
        id="return-and-raise-split",
    ),
    pytest.param(
        """
        def f(x):
            a = yield x  # A
            b = a  # B<A
            yield from b  # B
            c = 1  # C<B
        """,
        id="yield-splits",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # A
                y: int
            elif x == 2:  # B<A
                return  # C<B
            z: int
            global w
        """,
        id="what-runs-nothing-begins-no-block",
    ),
    pytest.param(
        """
        async def f(x):
            a = 1  # A
            await x  # A
            b = 1  # B<A
            [y async for y in x]  # B
            c = 1  # C<B
        """,
        id="await-splits",
    ),
    pytest.param(
        """
        async def f(x):
            async with x:  # A
                a = 1  # B<A
            async for y in x:  # C<B
                b = 1  # D<C
            c = 1  # E<C
        """,
        id="async-with-and-for",
    ),
    pytest.param(
        """
        def f(x):
            with x:  # A
                a = 1  # A
                if a:  # A
                    return a  # B<A
                b = 1  # C<A
            c = 1  # D<C
        """,
        id="with-continues",
    ),
    pytest.param(
        """
        def f(x):
            try:  # A
                a = x()  # A
            except ValueError:  # A
                b = 1  # B<A
            except (KeyError,
                    TypeError):  # A
                c = 1  # C<A
            else:
                d = 1  # D<A
            finally:
                e = 1  # E<A
            g = 1  # A
        """,
        id="try-continues",
    ),
    pytest.param(
        """
        def f(x):
            try:  # A
                return x()  # A
            except* ValueError:  # A
                b = 1  # B<A
            g = 1  # C<A
        """,
        id="try-that-returns",
    ),
    pytest.param(
        """
        def f(x):
            match x:  # A
                case 1:  # A
                    a = 1  # B<A
                case [y] if y:  # A
                    a = 2  # C<A
                case _:  # A
                    a = 3  # D<A
            b = 1  # A
        """,
        id="cases",
    ),
    pytest.param(
        """
        def f(x):
            class C:  # A
                a = 1  # A
                if x:  # A
                    b = 1  # B<A
                def g(self):  # A
                    return x  # C
            return C  # A
        """,
        id="class-body-continues",
    ),
    pytest.param(
        """
        def f(x):
            @x  # A
            def g(y):  # A
                return y  # B
            return lambda: (  # A
                g  # A
            )  # A
        """,
        id="nested-function-and-lambda",
    ),
    pytest.param(
        """
        def f(x):
            if x: a = 1  # A B<A
            else: a = 2  # C<A
            return a  # A
        """,
        id="one-line-compound-statements",
    ),
    pytest.param(
        """
        class C:
            if True:
                def f(self):
                    return 1  # A
            try:
                pass
            except ValueError:
                def g(self):
                    return 1  # B
        """,
        id="methods-in-arms-of-a-class",
    ),
]


@pytest.mark.parametrize("source", PARTITIONS)
def test_blocks_begin_where_control_can_enter(source: str) -> None:
    lines: dict[str, set[int]] = {}
    parents: dict[str, str] = {}
    for number, line in enumerate(dedent(source).splitlines(), 1):
        for word in line.partition("# ")[2].split():
            block, _, parent = word.partition("<")
            lines.setdefault(block, set()).add(number)
            parents[block] = parent or parents.get(block, "")
    wanted = {(frozenset(lines[b]), frozenset(lines.get(parents[b], ()))) for b in lines}
    assert _partition(source) == wanted


def _partition(source: str) -> set[tuple[frozenset[int], frozenset[int]]]:
    """Every block as its own lines that bear a mark, with those of the block before it."""
    blocks = model(source).blocks[:-1]
    marked = {n for n, line in enumerate(dedent(source).splitlines(), 1) if "# " in line}
    lines = [
        frozenset(n for first, last in b.lines for n in range(first, last + 1)) & marked
        for b in blocks
    ]
    return {
        (lines[n], lines[b.parent] if b.parent >= 0 else frozenset()) for n, b in enumerate(blocks)
    }


HOLDS = [
    pytest.param("def f(x): return x", "def f(x): return x", id="nothing"),
    pytest.param("def f(x): return x", "\n\n# why\ndef f(x):\n\n    return (x)  # so\n", id="comments-and-lines"),
    pytest.param("def f(x): return x", "def g(): pass\n\ndef f(x): return x", id="function-added-above"),
    pytest.param("def f(x): return x", "LIMIT = 1\ndef f(x): return x", id="global-added"),
    pytest.param("def f(): return 1\ndef g(): return 2", "def g(): return 2\ndef f(): return 1", id="reordered"),
    pytest.param("@a\ndef f(): return 1\n@b\ndef f(): return 2", "@b\ndef f(): return 2\n@a\ndef f(): return 1",
                 id="decorated-reordered"),
    pytest.param("def f(x): return x", "def f(x):\n    'Says what.'\n    return x", id="docstring-added"),
    pytest.param("def f(x): return x", "def f(x: int) -> int: return x", id="annotated"),
    pytest.param("def f(x): return x", "def f(x=1): return x", id="default-belongs-to-the-definition"),
    pytest.param("def f(x): return x", "@wrap\ndef f(x): return x", id="decorator-belongs-to-the-definition"),
    pytest.param("def f(x):\n    a = 1", "def f(x):\n    a: int = 1", id="local-annotated"),
    pytest.param("def f(x):\n    a = 1", "def f(x):\n    a = 1\n    ...\n    'a text'", id="constant-statement-added"),
    pytest.param("def f(x): return x", "if True:\n    def f(x): return x", id="moved-into-an-arm-of-the-module"),
    pytest.param("def f(x):\n    def g(): return 1\n    return g", "def f(x):\n    def g(): return 1\n    return g",
                 id="nested"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), HOLDS)
def test_what_leaves_every_block_as_it_was(old: str, new: str) -> None:
    assert checksums(old) <= checksums(new)


# The blocks of the lines that say "gone" have another checksum, all other blocks keep theirs.
BREAKS = [
    pytest.param(
        """
        def f(x):
            if x:
                a = 1  # gone
            else:
                a = 2
        """,
        "a = 1", "a = 3",
        id="only-its-arm",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # gone
                a = 1
            return 1  # gone
        """,
        "if x:", "if not x:",
        id="a-condition-but-not-its-arms",
    ),
    pytest.param(
        """
        def f(x):
            if x:
                return 1
            return 2  # gone
        """,
        "return 2", "return 3",
        id="after-the-split-but-not-before",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # gone
                return 1
        """,
        "return 1", "return 1\n    return 2",
        id="appended-after-a-return",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # gone
                y: int
        """,
        "y: int", "y: int\n        return 1",
        id="appended-in-an-arm-that-ran-nothing",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # gone
                return 1
            y: int
        """,
        "y: int", "y: int\n    return 1",
        id="appended-where-nothing-ran",
    ),
    pytest.param(
        """
        def f(x):
            if x:
                return 1  # gone
            return 2
        """,
        "return 1", "return 1\n        a = 2",
        id="appended-in-the-arm-of-a-return",
    ),
    pytest.param(
        """
        def f(x):
            if x:  # gone
                a = 1
            b = 2  # gone
        """,
        "    b = 2", "    else:\n        a = 2\n    b = 2",
        id="else-added",
    ),
    pytest.param(
        """
        def f(x):
            a = 1  # gone
            if x:
                pass  # gone
            return a
        """,
        "pass", "yield",
        id="yield-in-dead-code-makes-a-generator",
    ),
    pytest.param(
        """
        def f(x):
            if x:
                y = 1  # gone
            return LIMIT  # gone
        """,
        "y = 1", "LIMIT = 1",
        id="dead-assignment-makes-a-global-local",
    ),
    pytest.param(
        """
        def f(x):
            def g():
                return LIMIT  # gone
            if x:
                y = 1  # gone
            return g
        """,
        "y = 1", "LIMIT = 1",
        id="dead-assignment-makes-a-global-of-a-nested-function-free",
    ),
    pytest.param(
        """
        def f(x):  # gone
            return 1  # gone
        """,
        "f(x)", "f(x, y=1)",
        id="parameter-added",
    ),
    pytest.param(
        """
        def f(x):
            try:  # gone
                x()  # gone
            except ValueError:  # gone
                return 1
        """,
        "ValueError", "KeyError",
        id="caught-type",
    ),
    pytest.param(
        """
        def f(x):
            match x:  # gone
                case 1:  # gone
                    a = 1
                case 2:  # gone
                    a = 2
        """,
        "case 2", "case 3",
        id="pattern",
    ),
    pytest.param(
        """
        def f(x):
            with x:  # gone
                a = 1  # gone
            b = 2  # gone
        """,
        "    b = 2", "        b = 2",
        id="statement-moved-into-with",
    ),
    pytest.param(
        """
        def f(x):
            try:  # gone
                a = 1  # gone
                b = 2  # gone
            finally:
                c = 3
        """,
        "try:\n        a = 1", "a = 1\n    try:",
        id="statement-moved-out-of-try",
    ),
    pytest.param(
        """
        def f(x):
            def g(y=1):  # gone
                return y
            return g  # gone
        """,
        "y=1", "y=2",
        id="default-of-a-nested-function",
    ),
    pytest.param(
        """
        def f(x):
            return [lambda: x + 1]  # gone
        """,
        "x + 1", "x + 2",
        id="body-of-a-lambda",
    ),
    pytest.param(
        """
        class C:
            def f(self):
                return 1  # gone
        """,
        "class C", "class D",
        id="class-renamed",
    ),
    pytest.param(
        """
        def f(x):
            for y in x:
                a = y
                if a:
                    break
                b = y  # gone
        """,
        "b = y", "b = x",
        id="after-break-in-a-loop",
    ),
    pytest.param(
        """
        def f(x):
            while x:
                a = 1  # gone
                b = 2  # gone
            c = 3
        """,
        "a = 1\n        b = 2", "b = 2\n        a = 1",
        id="order-of-statements",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "old", "new"), BREAKS)
def test_what_ends_which_blocks(source: str, old: str, new: str) -> None:
    text = dedent(source)
    marked = {n for n, line in enumerate(text.splitlines(), 1) if "# gone" in line}
    plain = text.replace("  # gone", "")
    assert plain.count(old) == 1
    before, now = model(plain), checksums(plain.replace(old, new))
    for block in before.blocks[:-1]:
        lines = {n for first, last in block.lines for n in range(first, last + 1)}
        assert (block.checksum not in now) == bool(lines & marked), block


def test_functions_of_one_name_are_told_apart_by_their_order() -> None:
    first, second = checksums("def f(): return 1"), checksums("def f(): return 2")
    both = checksums("def f(): return 1\ndef f(): return 2")
    assert first <= both
    assert not second <= both
    assert both.isdisjoint(checksums("def f(): return 2\ndef f(): return 1") - second)


def test_the_qualified_name_is_that_of_python() -> None:
    source = "class C:\n    def f(self):\n        class D:\n            def g(self): pass\n        def h(): pass"
    names = [b.qualname for b in model(source).blocks]
    assert names == ["C.f", "C.f.<locals>.D.g", "C.f.<locals>.h", "<module>"]


def test_the_last_block_is_the_module_itself() -> None:
    block, same = model("a = 1").blocks[-1], model("# so\na = (1)").blocks[-1]
    assert block.checksum == same.checksum != model("a = 2").blocks[-1].checksum
    assert block.lines == ()


def test_a_main_guard_counts_for_who_runs_the_module() -> None:
    old, new = (model(f"if __name__ == '__main__':\n    {x}()").blocks[-1].checksum for x in "ab")
    assert old != new


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with 3.12")
def test_type_parameters_are_no_part_of_a_block() -> None:
    assert checksums("def f(x): return x") == checksums("def f[T](x): return x")


def test_lines_lead_to_what_must_have_been_reached_before() -> None:
    source = model("def f(x):\n    if x:\n        return 1\n    a = 2\n    return a")
    table = source.table
    assert {source.blocks[n].line for n in table.reached(table.on([3]))} == {1, 3}
    assert {source.blocks[n].line for n in table.reached(table.on([5]))} == {1, 4}
    assert table.on([99]) == table.reached([99]) == set()


def test_places_are_those_of_the_blocks() -> None:
    tree = ast.parse(Path(blocks.__file__).read_text(encoding="utf-8"))
    read, places = blocks.find_blocks(tree), blocks.find_places(tree)
    assert [(p.qualname, p.start, id(p.body), p.line) for p in places] == [
        (b.qualname, b.start, id(b.body), b.line) for b in read
    ]

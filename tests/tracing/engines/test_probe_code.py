import ast
import dis
import marshal
import pickle
import subprocess
import sys
import traceback
import types
from typing import Any

import pytest

from testmon_cli.analysis.blocks import find_blocks
from testmon_cli.tracing.engines import probe_code as probing
from testmon_cli.tracing.engines.instrument import instrument
from testmon_cli.tracing.engines.probe_code import HitArray, Probes, Source, bind, probed

SOURCE = '''\
"""Doc."""
from __future__ import annotations

def plain(x):
    """Doc of plain."""
    if x > 1:
        return "big"
    for y in range(x):
        if y:
            continue
        x += y
    else:
        x -= 1
    return x

def only_docstring():
    """Nothing else."""

class Till__:
    """Doc of Till."""
    __count = 1

    @property
    @staticmethod
    def decorated():
        return 1

    def _Till__mangled__(self):
        return self.__count

def generate():
    """Generates."""
    got = yield 1
    yield got
    try:
        yield 2
    except ValueError:
        yield 3
    finally:
        got = None

def nested(x):
    class Inner:
        """Doc of Inner."""
        value = x
        def get(self):
            return self.value
    global SHARED
    SHARED = 1
    def inner():
        nonlocal x
        x = x + 1
        return x
    with open(__file__) as handle:
        match x:
            case 1:
                return "one"
            case [a, b] if a:
                return b
            case _:
                pass
    while True:
        x += 1
        if x > 5:
            break
    return Inner, inner, lambda: x

async def asynchronous():
    async with thing() as x:
        async for y in x:
            await y
    return [z async for z in x]
'''


def compiled(source: str, *, with_probes: bool = True) -> types.CodeType:
    tree = ast.parse(source)
    if with_probes:
        instrument(tree)
    return compile(tree, "sample.py", "exec", dont_inherit=True)


def fresh() -> Probes:
    return Probes([0] * 200)


def namespace(source: str, probes: Probes) -> dict[str, Any]:
    found: dict[str, Any] = {"__file__": __file__, "__name__": "sample"}
    exec(bind(compiled(source), probes), found)
    return found


def hits(probes: Probes) -> list[int]:
    return [index for index, value in enumerate(probes.hits) if value]


def codes(code: types.CodeType) -> list[types.CodeType]:
    nested = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return [code, *(inner for constant in nested for inner in codes(constant))]


def test_a_probe_for_each_block_and_one_for_the_module() -> None:
    found = probed(compiled(SOURCE))

    assert found is not None
    assert list(found.qualnames) == [block.qualname for block in find_blocks(ast.parse(SOURCE))]


def test_code_without_probes_says_so() -> None:
    assert probed(compiled(SOURCE, with_probes=False)) is None


@pytest.mark.parametrize(
    "source", ["", '"""Doc."""', "from __future__ import annotations", "x = 1"]
)
def test_a_module_without_functions_has_its_own_probe(source: str) -> None:
    probes = fresh()
    names = namespace(source, probes)

    assert hits(probes) == [0]
    assert names.get("__doc__") == ast.get_docstring(ast.parse(source))


def test_lines_and_names_are_as_without_probes() -> None:
    probes, plain = codes(compiled(SOURCE)), codes(compiled(SOURCE, with_probes=False))

    assert [code.co_qualname for code in probes] == [code.co_qualname for code in plain]
    for ours, theirs in zip(probes, plain, strict=True):
        assert ours.co_firstlineno == theirs.co_firstlineno
        # attributes of probes
        assert set(ours.co_names) <= {*theirs.co_names, "hits", "made", "makes", "statement"}
        assert ours.co_varnames == theirs.co_varnames
        assert ours.co_flags == theirs.co_flags
        assert {line for _, line in dis.findlinestarts(ours)} <= {
            line for _, line in dis.findlinestarts(theirs)
        } | {ours.co_firstlineno}


def test_docstrings_stay() -> None:
    names = namespace(SOURCE, fresh())

    assert names["plain"].__doc__ == "Doc of plain."
    assert names["only_docstring"].__doc__ == "Nothing else."
    assert names["Till__"].__doc__ == "Doc of Till."
    assert names["nested"](7)[0].__doc__ == "Doc of Inner."


def test_what_runs_is_hit_and_nothing_else() -> None:
    probes = fresh()
    names = namespace(SOURCE, probes)
    probes.hits[:] = [0] * 200
    blocks = find_blocks(ast.parse(SOURCE))

    assert names["plain"](5) == "big"

    assert [(blocks[index].qualname, blocks[index].line) for index in hits(probes)] == [
        ("plain", 4),
        ("plain", 7),
    ]


def test_a_generator_goes_on_in_a_new_block() -> None:
    probes = fresh()
    running = namespace(SOURCE, probes)["generate"]()
    next(running)
    probes.hits[:] = [0] * 200

    assert running.send("x") == "x"

    assert len(hits(probes)) == 1


def test_lines_seen_by_a_tracer_are_the_same() -> None:
    def trace(code: types.CodeType) -> list[tuple[str, int]]:
        seen: list[tuple[str, int]] = []

        def tracer(frame: types.FrameType, event: str, _: object) -> Any:
            if frame.f_code.co_filename == "sample.py":
                seen.append((event, frame.f_lineno))
                return tracer
            return None

        names: dict[str, Any] = {"__file__": __file__, "__name__": "sample"}
        exec(code, names)
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            (
                names["plain"](1),
                names["plain"](3),
                list(names["generate"]()),
                names["nested"](1),
                names["nested"](3),
            )
            names["only_docstring"](), names["nested"]([1, 2])
        finally:
            sys.settrace(before)
        return seen

    source = SOURCE.replace("x > 5", "isinstance(x, list) or x > 5").replace(
        "x += 1\n        if", "x *= 2\n        if"
    )
    assert trace(bind(compiled(source), fresh())) == trace(compiled(source, with_probes=False))


def test_code_can_be_cached_before_it_is_bound() -> None:
    probes = fresh()
    code = marshal.loads(marshal.dumps(compiled(SOURCE)))
    exec(bind(code, probes), {"__name__": "sample"})

    assert hits(probes) == [len(find_blocks(ast.parse(SOURCE)))]


def test_equal_functions_are_told_apart() -> None:
    probes = fresh()
    names = namespace("def a():\n    return 1\nb = a\ndef a():\n    return 1\n", probes)
    probes.hits[:] = [0] * 200

    names["a"]()

    assert hits(probes) == [1]


def sent(code: types.CodeType) -> types.CodeType:
    """Code that was pickled by value and loaded, as cloudpickle does it."""
    constants = [
        sent(found) if isinstance(found, types.CodeType) else pickle.loads(pickle.dumps(found))
        for found in code.co_consts
    ]
    return code.replace(co_consts=tuple(constants))


def test_pickled_code_runs_and_has_a_hash_where_nothing_is_traced() -> None:
    probes = fresh()
    code = sent(bind(compiled(SOURCE), probes))
    names: dict[str, Any] = {"__file__": __file__, "__name__": "sample"}
    exec(code, names)

    assert names["plain"](5) == "big"
    assert isinstance(hash(code), int)
    assert code == code.replace()
    assert hits(probes) == []


def test_pickled_code_needs_nothing_of_ours_where_it_is_loaded() -> None:
    probes = fresh()
    probes.source = Source("/a.py", "digest", 5, 200)
    load = f"import pickle, sys; print(hash(pickle.loads({pickle.dumps(probes)!r})) != 0, 'testmon_cli' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", load], capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr) == ("True False\n", "")


def test_pickled_code_finds_its_probes_where_it_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    probes = fresh()
    probes.source = Source("/a.py", "digest", 5, 200)
    monkeypatch.setattr(probing, "finder", {probes.source: probes}.get)
    code = bind(compiled(SOURCE), probes)

    assert sent(code) == code
    assert hash(sent(code)) == hash(code)
    monkeypatch.setattr(probing, "finder", lambda _: None)
    assert sent(code) != code


def test_memory_that_is_shared_can_take_the_place_of_a_list() -> None:
    array, probes = HitArray(), fresh()
    names = namespace(SOURCE, probes)
    probes.hits = array.part(100, 50)

    names["only_docstring"]()

    assert [position - 100 for position in range(200) if array[position]] == [
        [block.qualname for block in find_blocks(ast.parse(SOURCE))].index("only_docstring")
    ]


def test_the_first_store_into_an_idle_source_wakes_it() -> None:
    probes, woken = Probes([0] * 200, 7), {}
    names = namespace(SOURCE, probes)
    assert sum(probes.rest([0] * 200, woken)) > 0

    names["plain"](5)

    assert list(woken) == [7]
    assert len(hits(probes)) == 2


@pytest.mark.parametrize("is_harvested", [False, True])
def test_a_store_that_another_thread_came_before_is_not_lost(*, is_harvested: bool) -> None:
    woken: dict[int, None] = {}
    probes = Probes([], 7)
    probes.rest([0] * 5, woken)
    seen_by_first = probes.hits
    probes.hits[1] = 1  # the second wakes it
    if is_harvested:
        woken.clear()
        assert probes.rest([0] * 5, woken) == [0, 1, 0, 0, 0]

    seen_by_first[3] = 1

    assert list(woken) == [7]
    assert hits(probes) == ([3] if is_harvested else [1, 3])


def ran_with_names(source: str) -> tuple[dict[str, Any], list[str]]:
    """The namespace of a module that ran, and the names that it looked up."""
    tree = ast.parse(source)
    instrument(tree)
    probes = Probes([0] * 20)
    namespace: dict[str, Any] = {}
    exec(bind(compile(tree, "<source>", "exec"), probes), namespace)
    return namespace, sorted(probes.take_asked())


LOOKED_UP = [
    pytest.param("getattr(int, 'real' + '')", ["6real"], id="found"),
    pytest.param("getattr(int, 'no' + 'thing', 0)", ["6nothing"], id="missing"),
    pytest.param(
        "def f(x): return hasattr(1, x)\nf('a'), f('b'), f('a')", ["1a", "1b"], id="in-a-function"
    ),
    pytest.param("globals()['x' + 'y'] = 1\nassert xy == 1", ["8xy"], id="set"),
    pytest.param("def f(x): return x in globals()\nf('a')", ["3a"], id="asked-for"),
    pytest.param(
        "import sys\ndel sys.modules[sys.modules.setdefault('q' * 2, 'qq')]",
        ["5qq", "5qq"],
        id="modules",
    ),
    pytest.param("class S(str): __str__ = None\ngetattr(int, S('real'))", ["6real"], id="derived"),
    pytest.param("{}.get([].__class__)\nvars(int).get(int)", [], id="no-text"),
    pytest.param("def f(x):\n    assert hasattr(int, x)\nf('real')", ["1real"], id="asserted"),
    pytest.param("def f(x): return vars(x)\nf(int)", ["4int"], id="class-gone-through"),
    pytest.param(
        "def f(x): return dir(x)\nf(True), f('text')",
        ["4bool", "4int", "4str"],
        id="objects-gone-through",
    ),
    pytest.param("class A:\n    class B: pass\nA.B().__dict__", ["9B"], id="by-qualified-name"),
    pytest.param("class C: pass\nC.__name__ = 'D'\ndir(C)", ["9C", "9D"], id="renamed"),
    pytest.param(
        "class C: __eq__ = __hash__ = __repr__ = None\nvars(C())", ["9C"], id="not-asked-itself"
    ),
    pytest.param("class C(dict): pass\ndir(C())", ["9C", "9dict"], id="below-a-builtin"),
    pytest.param(
        "class C:\n    def __dir__(self): return []\ndir(C())", ["9*"], id="names-of-its-own"
    ),
    pytest.param("class C:\n    __class__ = int\nclass D(C): pass\nvars(D())", ["9*"], id="proxy"),
    pytest.param(
        "class C:\n    __dict__ = property(lambda s: {})\nvars(C())",
        ["9*"],
        id="proxy-of-a-namespace",
    ),
    pytest.param(
        "class C:\n    def __getattribute__(s, n): return {}\nvars(C())", ["9*"], id="proxy-of-all"
    ),
    pytest.param(
        "import enum\nclass E(enum.Enum): A = 1\ndir(E)", ["9*"], id="class-with-names-of-its-own"
    ),
    pytest.param(
        "class M(type):\n    def __getattr__(c, n): return 1\nclass C(metaclass=M): pass\nvars(C)",
        ["9C"],
        id="class-that-has-any-name",
    ),
    pytest.param(
        "import inspect\ninspect.getmembers(inspect, None)", ["9inspect"], id="module-gone-through"
    ),
    pytest.param("import sys\nvars(sys)", ["9sys"], id="builtin-module"),
    pytest.param("import types\nvars(types.ModuleType('m'))", ["9*"], id="module-of-no-file"),
]


@pytest.mark.parametrize(("source", "wanted"), LOOKED_UP)
def test_names_that_are_looked_up_are_noted(source: str, wanted: list[str]) -> None:
    assert ran_with_names(source)[1] == sorted(set(wanted))


def test_a_look_up_is_as_it_was() -> None:
    source = """
order = []
def say(word):
    order.append(word)
    return word
class Mine(str):
    pass
name = Mine("real")
def getattr(thing, name, *rest):
    return thing, name, rest
def look():
    return getattr(say("thing"), say(name), say("rest"))
def fails(*given):
    return hasattr(*given[:1], given[1])
def unhashable():
    return vars(int)[[]]
def wrong():
    return hasattr(int, [])
"""
    namespace, _ = ran_with_names(source)
    thing, name, rest = namespace["look"]()

    assert (thing, rest, namespace["order"]) == ("thing", ("rest",), ["thing", "real", "rest"])
    assert name is namespace["name"]
    plain: dict[str, Any] = {}
    exec(compile(source, "<source>", "exec"), plain)
    for function in ("unhashable", "wrong"):
        assert shown(namespace[function]) == shown(plain[function])


def shown(function: Any) -> list[Any]:
    """What a traceback shows of a call that fails."""
    try:
        function()
    except Exception as problem:
        frames = traceback.extract_tb(problem.__traceback__)[1:]
        return [repr(problem), [(f.name, f.lineno, f.colno, f.end_colno) for f in frames]]
    return []


def test_too_many_names_count_as_all() -> None:
    _, names = ran_with_names(f"for n in range({probing.MOST_ASKED + 1}): hasattr(int, f'a{{n}}')")

    assert probing.LOST_ON_IMPORT in names
    assert len(names) == probing.MOST_ASKED + 1


def test_names_are_given_on_where_nobody_notes_them() -> None:
    probes = Probes([0])
    probes.overlook()

    assert probes.look(1, "real") == "real"
    probes.look_on()
    assert (probes.look(1, "imag"), list(probes.take_asked())) == ("imag", ["1imag"])


def test_pickled_code_looks_names_up_where_nothing_is_traced() -> None:
    assert pickle.loads(pickle.dumps(Probes([0]))).look(1, "real") == "real"


def test_names_may_come_while_others_are_taken() -> None:
    probes = Probes([0])
    probes.look(1, "a")
    taken = probes.take_asked()

    assert next(taken) == "1a"
    probes.look(1, "b")
    assert list(taken) == ["1b"]


FILLING = '''\
class Till:
    def price(self):
        """Doc."""
        if self.known is None:
            self.known = make()
        return self.known

    def again(self):
        try:
            return self.seen
        except AttributeError:
            self.seen = make()
        return self.seen

    @cached_property
    def result(this):
        """Doc."""
        return make()

    def item(self, key):
        if key not in self.items:
            self.items[key] = make()
        return self.items[key]

    def plain(self):
        self.count = make()
'''


class Noted(list[tuple[str, object]]):
    """Takes notes."""

    def __setitem__(self, what: Any, holder: Any) -> None:
        self.append((what, holder))


def test_statements_that_read_what_is_kept_note_the_object() -> None:
    probes = fresh()
    noted = probes.reads = Noted()
    found: dict[str, Any] = {"make": lambda: 1, "cached_property": property}
    exec(bind(compiled(FILLING), probes), found)
    till = found["Till"]()
    till.known, till.items = None, {}
    till.price()
    till.item(1)
    till.plain()
    assert [(what, holder is till) for what, holder in noted] == [
        (".known", True), (".known", True), (".items", True), (".items", True), (".items", True)
    ]  # fmt: skip


def test_statements_that_keep_something_in_their_object_note_it() -> None:
    probes = fresh()
    noted = probes.fills = Noted()
    found: dict[str, Any] = {"make": lambda: 1, "cached_property": property}
    exec(bind(compiled(FILLING), probes), found)
    till = found["Till"]()
    till.known, till.items = None, {}
    for _ in range(2):
        assert (till.price(), till.again(), till.item(1), till.plain()) == (1, 1, 1, None)
    assert noted == [
        ("Till.price\t.known", till),
        ("Till.again\t.seen", till),
        ("Till.item\t.items", till),
    ]
    assert till.result == 1
    assert noted[3:] == [("Till.result\t() .result", till)]
    assert found["Till"].price.__doc__ == "Doc."
    assert {line for line in found["Till"].price.__code__.co_lines() if line[2] == 5}


def test_nothing_is_noted_where_nobody_reads_it() -> None:
    found: dict[str, Any] = {"make": lambda: 1, "cached_property": property}
    exec(bind(compiled(FILLING), fresh()), found)
    till = found["Till"]()
    till.known = None
    assert till.price() == 1

"""What is recorded of real runs, by each engine."""

import ast
import re
from collections.abc import Callable

import pytest

from testmon_cli.analysis.blocks import blocks_of, find_blocks
from testmon_cli.domain.source import SourceModel
from testmon_cli.tracing import wire
from testmon_cli.tracing.attribution import is_import_of
from tests.tracing.projects import Project, Recorded

ENGINES = ["coverage", "probes"]
APP = """\
RATE = 2

def total(x):
    if x > 10:
        return x * RATE
    return x

def other():
    return 1
"""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def collect(project: Project, engine: str) -> Callable[..., Recorded]:
    """Write files, run pytest as is and traced.

    Same output, same exit code, and what was recorded.
    """

    def run(files: dict[str, str], *arguments: str, exitcode: int = 0) -> Recorded:
        project.write(files)
        plain = project.plain("-p", "no:cacheprovider", *arguments)
        recorded = project.collect("-p", "no:cacheprovider", *arguments, engine=engine)
        assert clean(recorded.stdout) == clean(plain.stdout)
        assert clean(recorded.stderr) == clean(plain.stderr)
        assert recorded.exitcode == plain.returncode == exitcode
        return recorded

    return run


def clean(output: str) -> str:
    output = re.sub(
        r"=+ (.* in) \d+\.\d\ds.* =+", r"\1", output
    )  # the longer it takes, the shorter the lines around it
    return re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"\d+\.\d\ds", "0.00s", output))


def functions(recorded: Recorded, identity: str) -> dict[str, list[str]]:
    """Relative path -> qualified names of the functions that ran for an identity."""
    return {
        path: sorted({name for name, _ in blocks})
        for path, blocks in blocks_hit(recorded, identity).items()
    }


def imported(recorded: Recorded, path: str) -> dict[str, list[str]]:
    """The same of the import of a module; which statement of it ran them, one engine sees."""
    found: dict[str, list[str]] = {}
    for identity in {r.identity for r in recorded.records if isinstance(r, wire.Trace)}:
        if is_import_of(identity, str(recorded.root / path)):
            for name, ran in functions(recorded, identity).items():
                found[name] = sorted({*found.get(name, ()), *ran})
    return found


def statements(recorded: Recorded, path: str) -> dict[str, set[int]]:
    """The identities of statements of a module, with their lines."""
    found = {r.identity for r in recorded.records if isinstance(r, wire.Trace)}
    ending = f":{recorded.root / path}"
    return {
        i: {*map(int, i.split(":")[1].split(","))}
        for i in found
        if i.startswith("statement:") and i.endswith(ending)
    }


def blocks_hit(recorded: Recorded, identity: str) -> dict[str, set[tuple[str, int]]]:
    """Relative path -> (function, line) of the blocks, closed over what came before, whatever the engine."""
    found: dict[str, set[tuple[str, int]]] = {}
    for path, seen in recorded.hits(identity).items():
        blocks = blocks_of(find_blocks(ast.parse((recorded.root / path).read_text())))
        table = SourceModel(blocks, (), ()).table
        indices = table.reached(table.on(seen) if recorded.is_of_lines else seen)
        if indices:
            found[path] = {(blocks[index].qualname, blocks[index].line) for index in indices}
    return found


@pytest.mark.parametrize("arguments", [(), ("-p", "xdist", "-n1")], ids=["here", "worker"])
def test_the_garbage_collector_is_spared_what_stays_but_nothing_of_the_project(
    project: Project, arguments: tuple[str, ...]
) -> None:
    spared = """\
import gc, sys

class Kept: pass

KEPT = Kept()

def test_spared():
    seen = {id(found) for found in gc.get_objects()}
    assert id(vars(sys.modules["_pytest.main"])) not in seen
    assert {id(KEPT), id(Kept)} <= seen
"""
    project.write({"test_gc.py": spared})
    recorded = project.collect(*arguments)
    assert recorded.exitcode == 0, recorded.stdout


def test_what_runs_between_two_tests_counts_for_the_second(
    collect: Callable[..., Recorded],
) -> None:
    around = """\
import app

def pytest_runtestloop(session):
    for item, following in zip(session.items, [*session.items[1:], None]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        app.total(11 if item.name == "test_first" else 1)
    return True
"""
    recorded = collect(
        {
            "app.py": APP,
            "conftest.py": around,
            "test_b.py": "def test_first(): pass\n\ndef test_second(): pass\n",
        }
    )
    hit = {
        name: blocks_hit(recorded, name).get("app.py", set())
        for name in ("test:test_b.py::test_first", "test:test_b.py::test_second", "session:")
    }
    assert hit == {
        "test:test_b.py::test_first": set(),
        "test:test_b.py::test_second": {("total", 3), ("total", 5)},
        "session:": {("total", 3), ("total", 6)},
    }


def test_a_source_that_was_idle_is_seen_again(collect: Callable[..., Recorded]) -> None:
    late = """\
import app, pytest

def test_first():
    assert app.total(1) == 1

@pytest.mark.parametrize("number", range(150))
def test_idle(number):
    pass

def test_last():
    assert app.total(11) == 22

def test_other():
    assert app.other() == 1

def test_again():
    assert app.total(1) == 1
"""
    recorded = collect({"app.py": APP, "test_late.py": late})
    for name, seen in {
        "first": ["total"],
        "idle[149]": [],
        "last": ["total"],
        "other": ["other"],
        "again": ["total"],
    }.items():
        assert functions(recorded, f"test:test_late.py::test_{name}").get("app.py", []) == seen
    hit = blocks_hit(recorded, "test:test_late.py::test_last")["app.py"]
    assert hit - blocks_hit(recorded, "test:test_late.py::test_again")["app.py"] == {("total", 5)}


def test_tracers_and_profilers_of_tests_see_no_call_of_ours(
    collect: Callable[..., Recorded],
) -> None:
    watching = """\
import app, cProfile, sys

def test_tracer():
    seen = []
    sys.settrace(lambda frame, event, _: seen.append(frame.f_code.co_name))
    app.total(1)
    sys.settrace(None)
    assert seen == ["total"]

def test_profiler():
    profile = cProfile.Profile()
    profile.runcall(app.total, 1)
    names = sorted(entry.code.co_name for entry in profile.getstats() if not isinstance(entry.code, str))
    assert names == ["total"]
"""
    recorded = collect({"app.py": APP, "test_watching.py": watching})
    assert set(recorded.outcomes().values()) == {"passed"}, recorded.stdout
    if recorded.is_of_lines:  # to trace lines makes coverage.py blind
        return
    for name in ("tracer", "profiler"):
        assert functions(recorded, f"test:test_watching.py::test_{name}").get("app.py") == ["total"]


def test_a_test_has_the_code_it_ran(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "app.py": APP,
            "test_a.py": "import app\n\ndef test_small():\n    assert app.total(1) == 1\n\n"
            "def test_big():\n    assert app.total(20) == 40\n",
        }
    )

    assert blocks_hit(recorded, "test:test_a.py::test_small") == {
        "app.py": {("total", 3), ("total", 6)},
        "test_a.py": {("test_small", 3)},
    }
    assert blocks_hit(recorded, "test:test_a.py::test_big") == {
        "app.py": {("total", 3), ("total", 5)},
        "test_a.py": {("test_big", 6)},
    }
    assert recorded.edges() == {("", "test_a.py"), ("test_a.py", "app.py")}
    outcome = recorded.outcome("test_a.py::test_small")
    assert outcome == wire.Outcome(
        nodeid="test_a.py::test_small",
        path=str(recorded.root / "test_a.py"),
        function="test_small",
        kind="function",
        outcome="passed",
        duration=outcome.duration,
        failure="",
        always="",
    )
    assert 0 < outcome.duration < 5
    assert recorded.uses("test:test_a.py::test_small") == {"session:"}
    assert recorded.unknown("test:test_a.py::test_small") == set()


OUTCOMES = """\
import unittest
import pytest

def test_passed(): pass
def test_failed(): assert 1 == 2
@pytest.mark.skip
def test_skipped(): pass
def test_skipped_inside(): pytest.skip("now")
@pytest.mark.xfail
def test_xfailed(): assert 0
@pytest.mark.xfail
def test_xpassed(): pass
@pytest.mark.xfail(strict=True)
def test_strict(): pass
@pytest.mark.xfail(run=False)
def test_not_run(): assert 0
@pytest.fixture
def broken(): raise ValueError("in setup")
@pytest.fixture
def breaks():
    yield
    raise ValueError("in teardown")
def test_setup_error(broken): pass
def test_teardown_error(breaks): pass
class TestIn:
    class TestDeep:
        @pytest.mark.parametrize("x", [1, 2])
        def test_method(self, x): pass
class Case(unittest.TestCase):
    def test_unit(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    def test_sub(self):
        for x in range(2):
            with self.subTest(x=x):
                self.assertEqual(x, 0)
"""


def test_outcomes(collect: Callable[..., Recorded]) -> None:
    recorded = collect({"test_o.py": OUTCOMES}, exitcode=1)

    assert {
        nodeid.partition("::")[2]: outcome for nodeid, outcome in recorded.outcomes().items()
    } == {
        "test_passed": "passed",
        "test_failed": "failed",
        "test_skipped": "skipped",
        "test_skipped_inside": "skipped",
        "test_xfailed": "xfailed",
        "test_xpassed": "xpassed",
        "test_strict": "failed",
        "test_not_run": "xfailed",
        "test_setup_error": "error",
        "test_teardown_error": "error",
        "TestIn::TestDeep::test_method[1]": "passed",
        "TestIn::TestDeep::test_method[2]": "passed",
        "Case::test_unit": "passed",
        "Case::test_expected": "xfailed",
        "Case::test_sub": "failed",
    }
    assert "assert 1 == 2" in recorded.outcome("test_o.py::test_failed").failure
    assert "in setup" in recorded.outcome("test_o.py::test_setup_error").failure
    assert "in teardown" in recorded.outcome("test_o.py::test_teardown_error").failure
    assert (
        recorded.outcome("test_o.py::TestIn::TestDeep::test_method[1]").function
        == "TestIn.TestDeep.test_method"
    )
    assert recorded.outcome("test_o.py::Case::test_unit").kind == "unittest"
    assert {r.unknown for r in recorded.records if isinstance(r, wire.Trace)} == {()}


FIXTURES = """\
import app
import pytest

@pytest.fixture(scope="session")
def base():
    yield app.total(20)
    app.other()

@pytest.fixture(scope="module", params=[1, 2])
def mod(request):
    return request.getfixturevalue("base") + request.param

@pytest.fixture
def small(base):
    return app.total(1)
"""


def test_every_user_of_a_shared_fixture_relies_on_what_it_ran(
    collect: Callable[..., Recorded],
) -> None:
    recorded = collect(
        {
            "app.py": APP,
            "conftest.py": FIXTURES,
            "test_f.py": "def test_one(mod): pass\ndef test_two(mod): pass\ndef test_base(base): pass\n"
            "def test_small(small): pass\ndef test_none(): pass\n",
        }
    )

    base, *_ = {
        r.identity
        for r in recorded.records
        if isinstance(r, wire.Trace) and r.identity.endswith(":base")
    }
    mods = [
        r.identity
        for r in recorded.records
        if isinstance(r, wire.Trace) and r.identity.endswith(":mod")
    ]
    first, second = dict.fromkeys(mods)
    assert functions(recorded, base) == {"app.py": ["other", "total"], "conftest.py": ["base"]}
    assert [trace.complete for trace in recorded.traces(base)] == [False, True]
    assert recorded.uses(first) == recorded.uses(second) == {base}
    assert recorded.uses("test:test_f.py::test_one[1]") == {"session:", base, first} - {base} | {
        base
    }
    assert {first, base} <= recorded.uses("test:test_f.py::test_two[1]") | recorded.uses(first)
    assert second in recorded.uses("test:test_f.py::test_two[2]")
    assert first not in recorded.uses("test:test_f.py::test_two[2]")
    assert recorded.uses("test:test_f.py::test_base") == {"session:", base}
    assert recorded.uses("test:test_f.py::test_small") == {"session:", base}
    assert functions(recorded, "test:test_f.py::test_small") == {
        "app.py": ["total"],
        "conftest.py": ["small"],
        "test_f.py": ["test_small"],
    }
    assert recorded.uses("test:test_f.py::test_none") == {"session:"}
    assert functions(recorded, "test:test_f.py::test_none") == {"test_f.py": ["test_none"]}


def test_a_failed_shared_fixture_counts_for_all_its_users(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "test_f.py": "import pytest\n@pytest.fixture(scope='module')\ndef bad():\n    raise ValueError\n"
            "def test_one(bad): pass\ndef test_two(bad): pass\n"
        },
        exitcode=1,
    )

    assert recorded.outcomes() == {"test_f.py::test_one": "error", "test_f.py::test_two": "error"}
    assert recorded.uses("test:test_f.py::test_one") == {"session:", "fixture:0:bad"}
    assert recorded.uses("test:test_f.py::test_two") == {"session:", "fixture:0:bad"}


XUNIT = """\
import unittest
import app

def setup_module():
    app.total(20)

class TestX:
    def setup_class(cls):
        app.other()
    def test_x(self): pass

class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        app.total(1)
    def test_y(self): pass
"""


def test_xunit_set_up_is_shared(collect: Callable[..., Recorded]) -> None:
    recorded = collect({"app.py": APP, "test_x.py": XUNIT})

    def shared(nodeid: str) -> set[str]:
        names = set()
        for use in recorded.uses(f"test:{nodeid}"):
            names |= {name for found in functions(recorded, use).values() for name in found}
        return names

    assert shared("test_x.py::TestX::test_x") == {
        "setup_module",
        "total",
        "TestX.setup_class",
        "other",
    }
    assert shared("test_x.py::Case::test_y") == {"setup_module", "total", "Case.setUpClass"}


def test_what_runs_at_import_belongs_to_the_module(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "app.py": APP,
            "early.py": "import app\nVALUE = app.total(20)\n",
            "test_m.py": "def test_lazy():\n    import early\n    early.app.other()\n",
        }
    )

    assert imported(recorded, "early.py") == {"app.py": ["total"]}
    assert functions(recorded, "test:test_m.py::test_lazy") == {
        "app.py": ["other"],
        "test_m.py": ["test_lazy"],
    }
    assert ("test_m.py", "early.py") in recorded.edges()


STATEMENTS = """\
import app

FIRST = app.total(20)


class Outer:
    size = app.other()

    class Inner(metaclass=app.Meta):
        pass

    def method(self, default=app.total(1)):
        return default


@app.decorate
def decorated():
    app.total(3)


if FIRST:
    LAST = app.other()
"""


def test_what_runs_at_import_belongs_to_the_statement(project: Project) -> None:
    app = APP + (
        "def decorate(function):\n    return function\n"
        "class Meta(type):\n    def __init__(cls, *_):\n        decorate(cls)\n"
    )
    project.write(
        {
            "app.py": app,
            "early.py": STATEMENTS,
            "test_m.py": "import app, early, pytest\n\n"
            "@pytest.mark.parametrize('x', [app.total(5)])\ndef test_x(x): pass\n",
        }
    )
    recorded = project.collect("-p", "no:cacheprovider", engine="probes")

    def at(path: str, line: int) -> dict[str, list[str]]:
        (found,) = [
            i for i in statements(recorded, path) if line in statements(recorded, path)[i]
        ] or [""]
        return functions(recorded, found)

    assert at("early.py", 3) == {"app.py": ["total"]}
    assert at("early.py", 6) == {}
    assert at("early.py", 7) == {"app.py": ["other"]}
    assert at("early.py", 9) == {"app.py": ["Meta.__init__", "decorate"]}
    assert at("early.py", 12) == {"app.py": ["total"]}
    assert at("early.py", 16) == {"app.py": ["decorate"]}
    assert at("early.py", 21) == {"app.py": ["other"]}
    assert at("test_m.py", 3) == {"app.py": ["total"]}
    assert functions(recorded, f"module:{recorded.root / 'early.py'}") == {}


CIRCULAR = {
    "first.py": "def base():\n    return 1\nimport second\nOWN = base()\n",
    "second.py": "import first\nVALUE = first.base()\nOTHER = first.base()\n",
    "test_m.py": "import first\ndef test_m(): pass\n",
}


def test_a_statement_goes_on_after_the_import_of_another_module(project: Project) -> None:
    project.write(CIRCULAR)
    recorded = project.collect(engine="probes")

    found = {
        identity.replace(f"{recorded.root}/", ""): functions(recorded, identity)
        for identity in sorted({r.identity for r in recorded.records if isinstance(r, wire.Trace)})
        if identity.startswith("statement:")
    }
    ran = {"first.py": ["base"]}
    assert found == {"statement:2,3:second.py": ran, "statement:4:first.py": ran}


def test_with_a_thread_that_an_import_started_what_runs_belongs_to_the_module(
    project: Project,
) -> None:
    project.write(
        {
            "app.py": APP,
            "early.py": "import threading\nimport app\nBEFORE = app.other()\nGO = threading.Event()\n"
            "THREAD = threading.Thread(target=lambda: (GO.wait(), app.total(1)))\nTHREAD.start()\n"
            "GO.set()\nTHREAD.join()\nAFTER = app.other()\n",
            "test_m.py": "import early\ndef test_m(): pass\n",
        }
    )
    recorded = project.collect(engine="probes")

    early = recorded.root / "early.py"
    assert functions(recorded, f"module:{early}") == {"app.py": ["total"]}
    assert functions(recorded, f"statement:3,9:{early}") == {"app.py": ["other"]}


def test_while_somebody_watches_what_runs_belongs_to_the_module(project: Project) -> None:
    project.write(
        {
            "app.py": APP,
            "early.py": "import app\nFIRST = app.total(1)\n",
            "test_m.py": "import app, sys\nseen = []\n"
            "def test_m():\n"
            "    def tracer(frame, event, _):\n"
            "        seen.append(frame.f_code.co_name)\n"
            "    sys.settrace(tracer)\n"
            "    import early\n"
            "    sys.settrace(None)\n"
            "    assert 'statement' not in seen and 'reached' not in seen and 'total' in seen\n",
        }
    )
    recorded = project.collect(engine="probes")

    assert recorded.outcomes() == {"test_m.py::test_m": "passed"}
    assert functions(recorded, f"module:{recorded.root / 'early.py'}")["app.py"] == ["total"]


def test_what_runs_at_collection_belongs_to_the_tests_collected(
    collect: Callable[..., Recorded],
) -> None:
    recorded = collect(
        {
            "app.py": APP,
            "test_c.py": "import app\ndef pytest_generate_tests(metafunc):\n"
            "    if 'x' in metafunc.fixturenames:\n        metafunc.parametrize('x', [app.total(20)])\n"
            "def test_c(x): pass\n",
            "test_d.py": "def test_d(): pass\n",
        }
    )

    assert recorded.uses("test:test_c.py::test_c[40]") == {"session:", "collect:test_c.py"}
    assert functions(recorded, "collect:test_c.py") == {
        "app.py": ["total"],
        "test_c.py": ["pytest_generate_tests"],
    }
    assert recorded.uses("test:test_d.py::test_d") == {"session:"}


def test_hooks_of_the_session_count_for_all_tests(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "conftest.py": "def pytest_collection_modifyitems(items):\n    items.reverse()\n"
            "def pytest_terminal_summary():\n    pass\n",
            "test_h.py": "def test_h(): pass\ndef test_i(): pass\n",
        }
    )

    assert functions(recorded, "session:") == {"conftest.py": ["pytest_collection_modifyitems"]}
    collected = [r for r in recorded.records if isinstance(r, wire.Collected)]
    assert collected == [
        wire.Collected(("test_h.py::test_h", "test_h.py::test_i"), (), (), ("test_h.py",))
    ]


def test_what_was_deselected_is_told(collect: Callable[..., Recorded]) -> None:
    recorded = collect({"test_s.py": "def test_a(): pass\ndef test_b(): pass\n"}, "-k", "test_b")

    collected = [r for r in recorded.records if isinstance(r, wire.Collected)]
    assert collected == [
        wire.Collected(
            ("test_s.py::test_a", "test_s.py::test_b"), ("test_s.py::test_a",), (), ("test_s.py",)
        )
    ]
    assert recorded.outcomes() == {"test_s.py::test_b": "passed"}


def test_collection_errors(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "app.py": "def helper():\n    raise ImportError('boom')\nhelper()\n",
            "broken.py": "def x(:\n",
            "test_e.py": "import app\n",
            "test_s.py": "import broken\n",
            "test_t.py": "def test_x(:\n",
            "test_v.py": "def test_v(): pass\n",
        },
        "--continue-on-collection-errors",
        exitcode=1,
    )

    errors = {r.nodeid: r for r in recorded.records if isinstance(r, wire.CollectionError)}
    assert sorted(errors) == ["test_e.py", "test_s.py", "test_t.py"]
    assert errors["test_e.py"].path == str(recorded.root / "test_e.py")
    assert "boom" in errors["test_e.py"].failure
    assert recorded.outcomes() == {"test_v.py::test_v": "passed"}


def test_the_session_tells_how_pytest_was_set_up(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "pytest.ini": "[pytest]\npython_files = check_*.py\n",
            "check_a.py": "def test_a(): pass\n",
        },
        "-q",
    )

    (session,) = [r for r in recorded.records if isinstance(r, wire.Session)]
    assert session.rootdir == str(recorded.root)
    assert session.inipath == str(recorded.root / "pytest.ini")
    assert session.arguments == ("-p", "no:cacheprovider", "-q")
    assert session.settings["python_files"] == ["check_*.py"]
    assert isinstance(recorded.records[-1], wire.Ended)
    assert recorded.records[-1] == wire.Ended(0, {"check_a": str(recorded.root / "check_a.py")})


def test_the_tests_own_marks(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "pytest.ini": "[pytest]\nmarkers =\n  testmon_always\n  testmon_depends\n",
            "test_k.py": "import pytest\npytestmark = pytest.mark.testmon_depends('a/*.sql')\n"
            "@pytest.mark.testmon_always('clock')\ndef test_a(): pass\n"
            "@pytest.mark.testmon_depends('b', 'c')\ndef test_b(): pass\n",
        },
        "--strict-markers",
    )

    assert recorded.outcome("test_k.py::test_a").always == "marked testmon_always: clock"
    assert recorded.outcome("test_k.py::test_b").depends == ("b", "c", "a/*.sql")


def test_doctests_and_items_of_other_plugins(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "conftest.py": "import pytest\n"
            "class Item(pytest.Item):\n    def runtest(self): pass\n"
            "class File(pytest.File):\n    def collect(self):\n        yield Item.from_parent(self, name='it')\n"
            "def pytest_collect_file(file_path, parent):\n    if file_path.suffix == '.yaml':\n"
            "        return File.from_parent(parent, path=file_path)\n",
            "mod.py": "def f():\n    '''\n    >>> f()\n    1\n    '''\n    return 1\n",
            "case.yaml": "",
        },
        "--doctest-modules",
    )

    assert recorded.outcome("mod.py::mod.f").kind == "doctest"
    assert functions(recorded, "test:mod.py::mod.f") == {"mod.py": ["f"]}
    assert recorded.outcome("case.yaml::it").kind == "other"
    assert recorded.uses("test:case.yaml::it") == {"session:", "collect:.", "collect:case.yaml"} & (
        recorded.uses("test:case.yaml::it")
    )
    assert functions(recorded, "collect:case.yaml") == {"conftest.py": ["File.collect"]}


def test_an_interrupted_test_has_no_outcome(collect: Callable[..., Recorded]) -> None:
    recorded = collect(
        {
            "test_i.py": "def test_a(): pass\ndef test_b():\n    raise KeyboardInterrupt\ndef test_c(): pass\n",
        },
        exitcode=2,
    )

    assert recorded.outcomes() == {"test_i.py::test_a": "passed"}
    assert recorded.traces("test:test_i.py::test_b") == []


def test_a_test_that_was_not_seen_to_run_is_unknown(project: Project) -> None:
    project.write(
        {
            "test_u.py": "import sys\ndef test_u():\n    sys.settrace(None)\n    x = 1\ndef test_v(): pass\n"
        }
    )

    recorded = project.collect(engine="coverage")

    assert recorded.unknown("test:test_u.py::test_u") == {
        "the trace function was replaced while it ran"
    }
    assert recorded.unknown("test:test_u.py::test_v") == set()
    assert project.collect(engine="probes").unknown("test:test_u.py::test_u") == set()


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_module_level_code_outside_an_import_is_told(project: Project, engine: str) -> None:
    project.write(
        {
            "script.py": "def main():\n    return 1\nmain()\n",
            "test_r.py": "import runpy\ndef test_r():\n    runpy.run_module('script')\n",
        }
    )

    recorded = project.collect(engine=engine)

    (trace,) = recorded.traces("test:test_r.py::test_r")
    assert trace.module_level == (str(recorded.root / "script.py"),)
    assert functions(recorded, "test:test_r.py::test_r") == {
        "script.py": ["main"],
        "test_r.py": ["test_r"],
    }


def test_cached_code_with_probes_is_never_read_by_plain_runs(project: Project) -> None:
    project.write(
        {"app.py": APP, "test_a.py": "import app\ndef test_a():\n    assert app.total(1) == 1\n"}
    )
    environ = {"PYTHONDONTWRITEBYTECODE": ""}
    first = project.collect(engine="probes", environ=environ)
    names = {path.name for path in (project.root / "__pycache__").iterdir()}
    assert names
    assert all("testmon" in name for name in names)
    project.write(
        {
            "conftest.py": "import app, dis\ndef pytest_sessionstart():\n"
            "    assert 'testmon' not in repr(app.total.__code__.co_consts)\n"
        }
    )

    assert project.plain(environ=environ).returncode == 0
    project.root.joinpath("conftest.py").unlink()
    second = project.collect(engine="probes", environ=environ)
    assert (
        blocks_hit(second, "test:test_a.py::test_a")
        == blocks_hit(first, "test:test_a.py::test_a")
        != {}
    )


def test_code_is_kept_also_where_python_writes_no_caches(project: Project) -> None:
    project.write(
        {"app.py": APP, "test_a.py": "import app\ndef test_a():\n    assert app.total(1) == 1\n"}
    )
    environ = {"PYTHONDONTWRITEBYTECODE": "1"}
    first = project.collect(engine="probes", environ=environ)
    (kept,) = project.root.rglob("app.py.code")
    number = kept.stat().st_ino

    second = project.collect(engine="probes", environ=environ)

    assert kept.stat().st_ino == number
    assert (
        blocks_hit(second, "test:test_a.py::test_a")
        == blocks_hit(first, "test:test_a.py::test_a")
        != {}
    )
    assert not list(project.root.rglob("__pycache__"))


def test_cached_code_is_of_runs_with_the_same_files(project: Project) -> None:
    project.write(
        {"test_a.py": "def test_a():\n    pass\n", "test_b.py": "def test_b():\n    pass\n"}
    )
    environ = {"PYTHONDONTWRITEBYTECODE": ""}
    for exclude in (("test_a.py",), (), ("test_a.py",)):
        recorded = project.collect(engine="probes", environ=environ, exclude=exclude)
        assert recorded.outcomes() == {"test_a.py::test_a": "passed", "test_b.py::test_b": "passed"}
        assert functions(recorded, "test:test_a.py::test_a") == (
            {} if exclude else {"test_a.py": ["test_a"]}
        )
        assert recorded.unknown("test:test_a.py::test_a") == set()


def test_bytecode_can_be_left_as_it_is_and_then_counts_as_run_by_all(
    project: Project, engine: str
) -> None:
    plain = "def one():\n    return 1\n\ndef two():\n    if one():\n        return 2\n"
    compare = """\
import app, pytest

def code_of(source, name):
    names = {}
    exec(compile(source, "any.py", "exec"), names)
    return names[name].__code__.co_code

def test_bytecode():
    assert app.two.__code__.co_code == code_of(open(app.__file__).read(), "two")
    assert code_of.__code__.co_code == code_of(open(__file__).read(), "code_of")

def test_nothing():
    pass
"""
    project.write({"app.py": plain, "test_a.py": compare, "test_b.py": "def test_b():\n    pass\n"})

    recorded = project.collect(engine=engine, without_probes=("app.py", "test_a*"))

    assert set(recorded.outcomes().values()) == {"passed"}, recorded.stdout
    assert {
        reason for record in recorded.records for reason in getattr(record, "unknown", ())
    } == set()
    if engine == "probes":
        assert blocks_hit(recorded, "session:") == {
            "app.py": {("one", 1), ("two", 4), ("two", 6)},
            "test_a.py": {("code_of", 3), ("test_bytecode", 8), ("test_nothing", 12)},
        }


def test_files_of_virtual_environments_and_excluded_ones_are_not_traced(
    project: Project, engine: str
) -> None:
    project.write(
        {
            "env/pyvenv.cfg": "",
            "env/lib/inner.py": "def f(): pass\n",
            "vendor/lib.py": "def f(): pass\n",
            "test_a.py": "import sys\nsys.path += ['env/lib', 'vendor']\nimport inner, lib\n"
            "def test_a():\n    inner.f(), lib.f()\n",
        }
    )

    recorded = project.collect(engine=engine, exclude=("vendor",))

    assert {r.path for r in recorded.records if isinstance(r, wire.File)} == {
        str(project.root / "test_a.py")
    }


def test_the_names_under_which_pytest_keeps_rewritten_code_are_as_they_were(
    project: Project,
) -> None:
    look = """\
import pathlib, sys
from _pytest.assertion import rewrite

def test_names():
    assert rewrite.PYC_TAIL == f".{rewrite.PYTEST_TAG}{rewrite.PYC_EXT}"
    assert rewrite.get_cache_dir(pathlib.Path("/elsewhere/test_x.py")) == pathlib.Path("/elsewhere/__pycache__")
"""
    project.write({"test_look.py": look})
    recorded = project.collect(engine="probes", environ={"PYTHONPYCACHEPREFIX": ""})
    assert recorded.outcomes() == {"test_look.py::test_names": "passed"}, recorded.stdout

"""Threads, event loops and greenlets: what they run belongs to the running test."""

import sys

import pytest

from tests.compatibility.suite import Suite, needs

SHOP = """
    def one():
        return 1


    def two():
        return 2


    def late():
        return 3


    async def aone():
        return one()


    async def numbers():
        yield one()
        yield two()
    """


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_threads(suite: Suite, engine: str, capfd: pytest.CaptureFixture[str]) -> None:
    suite.project.write(
        {
            "shop.py": SHOP,
            "test_threads.py": """
                import concurrent.futures
                import threading

                import shop

                go = threading.Event()


                def test_thread():
                    thread = threading.Thread(target=shop.one)
                    thread.start()
                    thread.join()


                def test_pool():
                    with concurrent.futures.ThreadPoolExecutor(2) as pool:
                        assert [f.result() for f in [pool.submit(shop.one), pool.submit(shop.two)]] == [1, 2]


                def outlive():
                    go.wait()
                    shop.late()


                def test_starts():
                    test_starts.thread = threading.Thread(target=outlive, name="straggler")
                    test_starts.thread.start()


                def test_meets():
                    go.set()
                    test_starts.thread.join()


                def test_nothing():
                    pass
                """,
        }
    )
    assert suite.collect("-q", engine=engine, verbose=True) == 0
    assert suite.functions() == {
        "thread": {"one"}, "pool": {"one", "two"}, "starts": set(), "meets": {"late"}, "nothing": set(),
    }  # fmt: skip
    assert suite.unsure() == {}
    note = "testmon: test_threads.py::test_starts left threads behind: straggler\n"
    assert capfd.readouterr().err.endswith(note)


def test_event_loops(suite: Suite) -> None:
    needs("pytest_asyncio", "anyio")
    suite.project.write(
        {
            "shop.py": SHOP,
            "conftest.py": """
                import pytest
                import pytest_asyncio
                import shop


                @pytest_asyncio.fixture(scope="session", loop_scope="session")
                async def base():
                    yield await shop.aone()
                    shop.late()


                @pytest_asyncio.fixture
                async def each():
                    return shop.two()


                @pytest.fixture(scope="module")
                def anyio_backend():
                    return "asyncio"


                @pytest.fixture(scope="module")
                async def anybase(anyio_backend):
                    yield await shop.aone()
                    shop.two()
                """,
            "test_loops.py": """
                import asyncio

                import pytest
                import shop


                @pytest.mark.asyncio
                async def test_coroutine():
                    assert await shop.aone() == 1


                @pytest.mark.asyncio
                async def test_tasks():
                    async def add():
                        return [n async for n in shop.numbers()]

                    assert await asyncio.gather(add(), asyncio.to_thread(shop.late)) == [[1, 2], 3]


                @pytest.mark.asyncio
                async def test_each(each):
                    assert each == 2


                @pytest.mark.asyncio(loop_scope="session")
                async def test_base(base):
                    assert base == 1


                @pytest.mark.asyncio(loop_scope="session")
                async def test_base_again(base):
                    assert base == 1


                def test_nothing():
                    pass
                """,
            "test_any.py": """
                import anyio
                import pytest
                import shop

                pytestmark = pytest.mark.anyio


                async def test_group():
                    async with anyio.create_task_group() as group:
                        group.start_soon(shop.aone)
                        group.start_soon(anyio.to_thread.run_sync, shop.two)


                async def test_anybase(anybase):
                    assert anybase == 1


                async def test_anybase_again(anybase):
                    assert anybase == 1
                """,
        }
    )
    assert suite.collect("-q", "-p", "pytest_asyncio.plugin", "-p", "anyio.pytest_plugin") == 0
    session = {"base", "aone", "one", "late"}
    module = {"anybase", "anyio_backend", "aone", "one", "two"}
    assert suite.functions() == {
        "coroutine": {"aone", "one"},
        "tasks": {"numbers", "one", "two", "late"},
        "each": {"each", "two"},
        "base": session,
        "base_again": session,
        "nothing": set(),
        "group": {"anyio_backend", "aone", "one", "two"},
        "anybase": module,
        "anybase_again": module,
    }
    assert suite.unsure() == {}


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_exceptions_thrown_into_what_waits(suite: Suite, engine: str) -> None:
    """Python 3.11 does not tell tracers that the frames which waited go on."""
    suite.project.write(
        {
            "shop.py": SHOP,
            "test_thrown.py": """
                import asyncio
                import contextlib

                import shop


                async def inner():
                    try:
                        await asyncio.sleep(9)
                    except asyncio.CancelledError:
                        pass


                async def outer():
                    await inner()
                    shop.one()


                async def cancelled():
                    task = asyncio.ensure_future(outer())
                    await asyncio.sleep(0)
                    task.cancel()
                    await task


                def test_coroutines():
                    asyncio.run(cancelled())
                    shop.two()


                def test_of_the_library():
                    try:
                        asyncio.run(asyncio.wait_for(asyncio.sleep(9), 0.01))
                    except asyncio.TimeoutError:
                        pass
                    shop.two()


                def part():
                    try:
                        yield
                    except KeyError:
                        pass


                @contextlib.contextmanager
                def whole():
                    yield from part()
                    shop.one()


                def test_generators():
                    with whole():
                        raise KeyError
                    shop.two()


                def test_ordinary():
                    shop.two()
                """,
        }
    )
    assert suite.collect("-q", engine=engine) == 0
    if engine == "coverage" and sys.version_info < (3, 12):
        why = "with Python 3.11 coverage.py can lose lines where coroutines are cancelled; --engine probes does not"
        names = ("coroutines", "of_the_library", "generators")
        assert suite.unsure() == {f"test_thrown.py::test_{name}": why for name in names}
    else:
        assert suite.unsure() == {}
        shown = {name: functions & {"one", "two"} for name, functions in suite.functions().items()}
        assert shown == {
            "coroutines": {"one", "two"},
            "of_the_library": {"two"},
            "generators": {"one", "two"},
            "ordinary": {"two"},
        }


@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_greenlets(suite: Suite, engine: str) -> None:
    needs("greenlet", "gevent")
    suite.project.write(
        {
            "shop.py": SHOP,
            "test_green.py": """
                import gevent
                import greenlet
                import shop


                def test_greenlet():
                    def inner():
                        shop.one()
                        parent.switch()
                        shop.two()

                    parent = greenlet.getcurrent()
                    child = greenlet.greenlet(inner)
                    child.switch()
                    child.switch()


                def test_gevent():
                    jobs = [gevent.spawn(shop.one), gevent.spawn(shop.late)]
                    gevent.joinall(jobs)
                    assert [job.value for job in jobs] == [1, 3]


                def test_nothing():
                    pass
                """,
        }
    )
    assert suite.collect("-q", engine=engine) == 0
    assert suite.functions() == {
        "greenlet": {"one", "two"},
        "gevent": {"one", "late"},
        "nothing": set(),
    }
    assert suite.unsure() == {}


# Of pytest, whose tests run one after the other, what threads would share.
IN_THREADS = """
    import threading
    from concurrent.futures import ThreadPoolExecutor

    import pytest
    from _pytest import runner


    class StatePerThread(threading.local):
        def __init__(self):
            self.state = runner.SetupState()

        def __getattr__(self, name):
            return getattr(self.state, name)


    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(session):
        session._setupstate = StatePerThread()
        runner._update_current_test_var = lambda *_: None

        def run(item):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, session.items[:2]))
        run(session.items[2])
        return True
    """


def test_tests_that_run_at_once_in_threads_are_selected_every_time(suite: Suite) -> None:
    suite.project.write(
        {
            "shop.py": SHOP,
            "conftest.py": IN_THREADS,
            "test_both.py": """
                import threading

                import shop

                both = threading.Barrier(2)


                def test_first():
                    both.wait(60)
                    assert shop.one() == 1


                def test_second():
                    both.wait(60)
                    assert shop.two() == 2


                def test_alone():
                    assert shop.late() == 3
                """,
        }
    )
    assert suite.collect("-q", "-s") == 0
    both = ["test_both.py::test_first", "test_both.py::test_second"]
    reasons = suite.unsure()
    assert sorted(reasons) == both
    assert all(
        "other tests ran at the same time, in threads" in reason for reason in reasons.values()
    )
    assert sorted(suite.select(exact=True)) == both


def test_tests_that_a_plugin_runs_in_its_own_way_are_selected_every_time(suite: Suite) -> None:
    suite.project.write(
        {
            "conftest.py": """
                import pytest
                from _pytest.runner import call_and_report


                @pytest.hookimpl(tryfirst=True)
                def pytest_runtestloop(session):
                    for item in session.items:
                        item._initrequest()
                        for when in ("setup", "call"):
                            call_and_report(item, when, log=True)
                        call_and_report(item, "teardown", log=True, nextitem=None)
                    return True
                """,
            "test_apart.py": "def test_good(): pass\ndef test_bad(): assert 0\n",
        }
    )
    assert suite.collect("-q") == 1
    apart = "a plugin ran it in another way than pytest does"
    assert {nodeid: (seen.outcome, seen.always) for nodeid, seen in suite.known().items()} == {
        "test_apart.py::test_good": ("passed", apart),
        "test_apart.py::test_bad": ("failed", apart),
    }
    assert sorted(suite.select()) == ["test_apart.py::test_bad", "test_apart.py::test_good"]

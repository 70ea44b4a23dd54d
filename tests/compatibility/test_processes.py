"""Processes that tests start: what they run belongs to the test."""

import os
import sys

import pytest

from tests.compatibility.suite import Suite

FILES = {
    "conftest.py": """
        pytest_plugins = ["pytester"]
        """,
    "shop.py": """
        import os
        import sys


        def work(x=1):
            return deeper(x)


        def deeper(x):
            return x + 1


        def main():
            sys.stdout.write(str(work()))


        def leave():
            work()
            os._exit(3)


        if __name__ == "__main__":
            main()
        """,
    "test_processes.py": """
        import concurrent.futures
        import multiprocessing
        import os
        import subprocess
        import sys

        import shop

        HERE = os.path.dirname(os.path.abspath(__file__))


        def in_child(method):
            process = multiprocessing.get_context(method).Process(target=shop.work)
            process.start()
            process.join()
            assert process.exitcode == 0


        def test_module():
            assert subprocess.check_output([sys.executable, "-m", "shop"], cwd=HERE) == b"2"


        def test_script(tmp_path):
            script = tmp_path / "console-script"
            script.write_text(f"#!{sys.executable}\\nimport sys\\nfrom shop import main\\nsys.exit(main())\\n")
            script.chmod(0o755)
            env = {**os.environ, "PYTHONPATH": HERE + os.pathsep + os.environ["PYTHONPATH"]}
            assert subprocess.check_output([str(script)], env=env) == b"2"


        def test_fork():
            in_child("fork")


        def test_spawn():
            in_child("spawn")


        def test_forkserver():
            in_child("forkserver")


        def test_forkserver_again():
            in_child("forkserver")


        def test_pool():
            with concurrent.futures.ProcessPoolExecutor(1) as pool:
                assert list(pool.map(shop.work, [1, 2])) == [2, 3]


        def test_spawned_pool():
            context = multiprocessing.get_context("spawn")
            with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
                assert list(pool.map(shop.work, [1])) == [2]


        def test_exit():
            pid = os.fork()
            if not pid:
                shop.leave()
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3


        def test_pytester(pytester):
            pytester.makepyfile("import shop\\ndef test_inner():\\n    assert shop.work() == 2\\n")
            pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


        def test_pytester_apart(pytester, monkeypatch):
            monkeypatch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
            pytester.makepyfile("import shop\\ndef test_inner():\\n    assert shop.work() == 2\\n")
            pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


        def test_nothing():
            pass
        """,
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("engine", ["probes", "coverage"])
def test_what_processes_run(suite: Suite, engine: str) -> None:
    suite.project.write(FILES)
    assert suite.collect("-q", "-W", "ignore", engine=engine) == 0
    work = {"work", "deeper"}
    assert suite.functions() == {
        "module": {*work, "main", "<module>"},
        "script": {*work, "main"},
        "fork": work,
        "spawn": work,
        "forkserver": work,
        "forkserver_again": work,
        "pool": work,
        "spawned_pool": work,
        "exit": {*work, "leave"},
        "pytester": work,
        "pytester_apart": work,
        "nothing": set(),
    }
    assert suite.unsure() == {}
    assert set(suite.outcomes().values()) == {"passed"}
    suite.project.edit("shop.py", "x + 1", "1 + x")
    assert len(suite.select()) == 11


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_outlives_its_test_counts_for_those_after_it(
    suite: Suite, capfd: pytest.CaptureFixture[str]
) -> None:
    suite.project.write(
        {
            "shop.py": """
                def serve(x):
                    return x + 1


                def pool(x):
                    return x + 2
                """,
            "server.py": """
                import sys

                import shop

                if __name__ == "__main__":
                    for line in sys.stdin:
                        print(shop.serve(int(line)), flush=True)
                """,
            "test_left.py": """
                import multiprocessing
                import subprocess
                import sys

                import pytest

                @pytest.fixture(scope="session")
                def kept():
                    return {}


                def ask(kept, x):
                    try:
                        server = kept["server"]
                    except KeyError:
                        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
                        server = kept["server"] = subprocess.Popen([sys.executable, "-m", "server"], **pipes)
                    server.stdin.write(b"%d\\n" % x)
                    server.stdin.flush()
                    return int(server.stdout.readline())


                def work(kept, method, x):
                    if method not in kept:
                        kept[method] = multiprocessing.get_context(method).Pool(1)
                    import shop

                    return kept[method].apply(shop.pool, (x,))


                @pytest.fixture(scope="module")
                def own():
                    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
                    yield
                    process.communicate()


                def test_own(own):
                    pass


                def test_before():
                    pass


                @pytest.mark.parametrize("x", [1, 2])
                def test_server(kept, x):
                    assert ask(kept, x) == x + 1


                def test_end(kept):
                    kept.pop("server").communicate()


                @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
                @pytest.mark.parametrize("x", [1, 2])
                def test_pool(kept, method, x):
                    assert work(kept, method, x) == x + 2
                    if x == 2:
                        pool = kept.pop(method)
                        pool.terminate()
                        pool.join()


                def test_after():
                    pass
                """,
        }
    )
    assert suite.collect("-q", "-W", "ignore", verbose=True) == 0
    assert suite.unsure() == {}
    notes = [line for line in capfd.readouterr().err.splitlines() if "processes behind" in line]
    left = [
        "test_server[1]",
        *(f"test_pool[1-{method}]" for method in ("fork", "spawn", "forkserver")),
    ]
    text = "left processes behind: they count for the tests after it"
    assert notes == [f"testmon: test_left.py::{test} {text}" for test in left]
    suite.project.edit("shop.py", "x + 1", "1 + x")
    tests = {argument.partition("::test_")[2] for argument in suite.select()}
    assert tests == {"server[1]", "server[2]", "end"}
    suite.project.edit("shop.py", "1 + x", "x + 1")
    suite.project.edit("shop.py", "x + 2", "2 + x")
    tests = {argument.partition("::test_")[2] for argument in suite.select()}
    assert tests == {
        f"pool[{x}-{method}]" for x in (1, 2) for method in ("fork", "spawn", "forkserver")
    }


def test_a_process_outside_of_python_says_nothing(suite: Suite) -> None:
    """Its arguments that are files of the project count; Python that lets nobody in is told."""
    suite.project.write(
        {
            "data.txt": "x",
            "test_cat.py": f"""
                import subprocess


                def test_cat():
                    assert subprocess.check_output(["cat", "data.txt"]) == b"x"


                def test_scratch():
                    subprocess.check_call([{sys.executable!r}, "-c", "pass"], env={{}})


                def test_isolated():
                    subprocess.check_call([{sys.executable!r}, "-I", "-c", "pass"])
                """,
        }
    )
    assert suite.collect("-q") == 0
    assert suite.unsure() == {
        "test_cat.py::test_isolated": "a Python subprocess was not traced: it was started with -I"
    }
    suite.project.write({"data.txt": "y"})
    assert sorted(suite.select()) == ["test_cat.py::test_cat", "test_cat.py::test_isolated"]

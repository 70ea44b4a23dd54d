"""Tests that put other things in the place of what we use too.

They come out as without us, and are known.
"""

import pytest

from tests.compatibility.suite import Suite

SHOP = "def price(x):\n    return x * 2\n"
TESTS = """
    import builtins
    import importlib
    import os
    import pathlib
    import subprocess
    import sys
    from unittest import mock

    import pytest
    import shop

    ASKED = ["stat", "lstat", "open", "write", "getcwd", "listdir", "makedirs", "replace", "readlink"]


    def refuse(*_, **__):
        raise RuntimeError("not now")


    @pytest.mark.parametrize("name", ASKED)
    def test_calls_are_counted(name):
        with mock.patch(f"os.{name}") as replaced:
            assert shop.price(1) == 2
        replaced.assert_not_called()


    def test_nothing_can_be_asked(tmp_path, monkeypatch):
        (tmp_path / "outside.py").write_text("import shop\\n")
        with monkeypatch.context() as patch:
            for name in ("abspath", "realpath", "isfile", "isdir", "exists"):
                patch.setattr(os.path, name, refuse)
            patch.setattr(os, "lstat", refuse)
            patch.setattr(builtins, "open", refuse)
            patch.setattr(os, "makedirs", refuse)
            import late

            assert late.price(1) == 2


    def test_files_are_there(monkeypatch):
        monkeypatch.setattr(os.path, "isfile", lambda path: True)
        monkeypatch.setattr(os.path, "exists", lambda path: True)
        from deep import later

        assert later.price(1) == 2


    def test_arguments_of_open():
        with mock.patch("builtins.open", mock.mock_open(read_data="x")) as replaced:
            import last

            assert open("data.txt").read() == "x"
            assert last.price(1) == 2
        replaced.assert_called_once_with("data.txt")


    def test_no_folder(tmp_path, monkeypatch):
        folder = tmp_path / "gone"
        folder.mkdir()
        monkeypatch.chdir(folder)
        folder.rmdir()
        assert not os.path.exists("x")
        assert not pathlib.Path("x").exists()
        with pytest.raises(FileNotFoundError):
            open("x")
        exec(compile("import shop; shop.price(1)", "made.py", "exec"), {})


    def test_environment(monkeypatch):
        monkeypatch.setattr(os, "environ", {"A": "1"})
        assert subprocess.call([sys.executable, "-c", "pass"]) == 0
        assert os.environ == {"A": "1"}
        assert shop.price(1) == 2


    def test_paths(monkeypatch):
        import ntpath

        monkeypatch.setattr(os, "path", ntpath)
        monkeypatch.setattr(os, "sep", ntpath.sep)
        assert open("words.txt").read() == "one"
        import paths

        assert paths.price(1) == 2


    def test_reload():
        assert importlib.reload(shop).price(1) == 2


    def test_modules():
        with mock.patch.dict(sys.modules):
            for name in list(sys.modules):
                if name not in ("sys", "builtins"):
                    del sys.modules[name]
            import shop as again

            assert again is not shop
            assert again.price(1) == 2


    def test_after():
        assert shop.price(1) == 2
    """


def test_functions_of_the_system(suite: Suite) -> None:
    suite.project.write({"shop.py": SHOP, "test_replaced.py": TESTS, "words.txt": "one"})
    suite.project.write(
        dict.fromkeys(
            ("late.py", "deep/later.py", "last.py", "paths.py"), "from shop import price\n"
        )
    )
    plain = suite.plain("-q")
    assert suite.collect("-q") == plain.returncode == 0, plain.stdout
    assert suite.unsure() == {}
    assert suite.select() == []
    suite.project.write({"words.txt": "One"})
    assert suite.select() == ["test_replaced.py::test_paths"]
    suite.project.edit("shop.py", "x * 2", "2 * x")
    assert len(suite.select()) == len(suite.known())


@pytest.mark.parametrize("scope", ["function", "session"])
def test_fixtures_that_patch(suite: Suite, scope: str) -> None:
    """What is in place while we write down what a test did."""
    suite.project.write({
        "shop.py": SHOP,
        "conftest.py": f"""
            from unittest import mock

            import pytest


            @pytest.fixture(autouse=True, scope="{scope}")
            def patched():
                with (
                    mock.patch("os.open", side_effect=OSError),
                    mock.patch("os.write", side_effect=OSError),
                    mock.patch("os.getpid", return_value=1),
                    mock.patch("os.path.exists", return_value=False),
                ):
                    yield
            """,
        "test_shop.py": "import shop\n\n\ndef test_shop():\n    assert shop.price(1) == 2\n",
    })  # fmt: skip
    assert suite.collect("-q", "-p", "no:cacheprovider", "-s") == 0
    assert suite.unsure() == {}
    suite.project.edit("shop.py", "x * 2", "2 * x")
    assert suite.select() == ["test_shop.py::test_shop"]


def test_variables_that_tests_set_for_processes(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not count; those that come from outside do, in processes too."""
    monkeypatch.setenv("SHOP_FROM_OUTSIDE", "1")
    suite.project.write({
        "shop.py": """
            import os

            MODE = os.environ.get("SHOP_MODE")


            def outside():
                return os.environ["SHOP_FROM_OUTSIDE"]
            """,
        "test_shop.py": """
            import os
            import subprocess
            import sys


            def run(code, **variables):
                env = {**os.environ, **variables}
                return subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip()


            def test_mode():
                assert run("import shop; print(shop.MODE)", SHOP_MODE="2") == "2"


            def test_outside():
                assert run("import shop; print(shop.outside())", SHOP_MODE="3")
            """,
    })  # fmt: skip
    assert suite.collect("-q") == 0
    assert suite.select() == []
    monkeypatch.setenv("SHOP_FROM_OUTSIDE", "2")
    assert suite.select() == ["test_shop.py::test_outside"]

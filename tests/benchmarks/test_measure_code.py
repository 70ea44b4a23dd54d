import subprocess
import textwrap

import measure_code

SOURCE = textwrap.dedent('''\
    """Of a page."""

    class Page:
        """What is printed."""

        title: str

        def __init__(self, text):
            self.text = text
            self._size = len(text)

        def cut(self, at):
            """Return the text up to `at`."""
            return [c for c in self.text if c != "." and c] if at or self.title else ""

        def _kept(self):
            def inner(): pass

    if True:
        def of(nodeid, cause):
            nodeid.partition("::")
            nodeid.find("[")
            text.partition("[")
            return cause.kind == "file" or cause.how in ("a", "b") or cause.kind == FILE
    ''')


def test_one_source():
    found = measure_code.measure({"p.py": SOURCE})

    assert [(f.place, f.name, f.lines, f.decisions, f.is_public) for f in found.functions] == [
        ("p.py:8", "Page.__init__", 3, 1, False),
        ("p.py:12", "Page.cut", 3, 6, True),
        ("p.py:16", "Page._kept", 2, 1, False),
        ("p.py:20", "of", 5, 3, True),
    ]
    assert [f.name for f in found.functions if f.is_documented] == ["Page.cut"]
    assert [(c.name, c.lines, c.fields) for c in found.classes] == [("Page", 15, 3)]
    assert found.docs == ["Of a page.", "What is printed.", "Return the text up to `at`."]
    assert (found.node_ids, found.kinds) == (["p.py:21", "p.py:22"], ["p.py:24", "p.py:24"])
    assert found.modules == {"p.py": len(SOURCE.splitlines())}


def test_the_parser_of_node_ids_may_cut_them():
    assert measure_code.measure({measure_code.PARSER: 'x.split("::")\n'}).node_ids == []


def test_a_revision_is_a_column(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True
        )

    module = tmp_path / "testmon_cli" / "a.py"
    module.parent.mkdir()
    module.write_text("x = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    module.write_text("def f():\n    return 1\n")
    old, new = measure_code.sources_at(tmp_path, "HEAD"), measure_code.sources_now(tmp_path)

    assert (old, new) == (
        {"testmon_cli/a.py": "x = 1\n"},
        {"testmon_cli/a.py": "def f():\n    return 1\n"},
    )
    rows = measure_code.table(
        {"HEAD": measure_code.measure(old), "now": measure_code.measure(new)}
    ).splitlines()
    assert rows[0] == "|  | HEAD | now |"
    assert "| functions | 0 | 1 |" in rows
    assert "| decisions a line of functions | 0.00 | 0.50 |" in rows

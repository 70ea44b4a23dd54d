import ast

import scaling


def test_half_of_the_sources_are_modules_of_ten_functions(tmp_path):
    scaling.write_project(tmp_path / "project", 3)

    for folder, lines in (("app", 3), ("tests", 2)):
        files = list((tmp_path / "project" / folder).glob("*.py"))
        assert len(files) == 3
        for path in files:
            functions = [
                node
                for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.FunctionDef)
            ]
            assert [node.end_lineno - node.lineno + 1 for node in functions] == [lines] * 10

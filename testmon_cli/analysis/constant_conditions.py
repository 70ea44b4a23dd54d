"""Conditions whose value is known: `if TYPE_CHECKING:` is false whenever code runs."""

import ast


def is_type_checking(test: ast.expr) -> bool:
    """`TYPE_CHECKING` or `typing.TYPE_CHECKING`."""
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def is_main_guard(test: ast.expr) -> bool:
    """`__name__ == "__main__"`: false in a module that is imported."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
    )


def live_statements(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Statements that run on import: those under such conditions left out, their `else` folded in.

    `TYPE_CHECKING` stays, as a statement of its own: it is looked up, and may no longer be bound.
    """
    found: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.If) and (
            is_type_checking(statement.test) or is_main_guard(statement.test)
        ):
            if is_type_checking(statement.test):
                found.append(ast.copy_location(ast.Expr(statement.test), statement.test))
            found += live_statements(statement.orelse)
        else:
            found.append(statement)
    return found

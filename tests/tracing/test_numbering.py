from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.protocol import Hits, LoadedFile
from testmon_cli.tracing.numbering import Numbering

A = LoadedFile("/p/a.py", "d1", 10, 1)
B = LoadedFile("/p/b.py", "d2", 20, 2)


def test_hits_are_written_once_with_their_file_before_them() -> None:
    numbering = Numbering()
    again = Hits(A, b"\0\1")
    first = numbering.hits([Hits(A, b"\1\0"), again])
    assert first == (
        [
            wire.File(0, "/p/a.py", "d1", 10, 1),
            wire.Hits(0, 0, b"\1\0"),
            wire.Hits(1, 0, b"\0\1"),
        ],
        (0, 1),
    )
    assert numbering.hits([again, Hits(B, b"\1")]) == (
        [wire.File(1, "/p/b.py", "d2", 20, 2), wire.Hits(2, 1, b"\1")],
        (1, 2),
    )


def test_a_file_that_was_numbered_is_not_written_again_with_its_hits() -> None:
    numbering = Numbering()
    assert numbering.file(A) == wire.File(0, "/p/a.py", "d1", 10, 1)
    assert numbering.hits([Hits(A, b"\1")]) == ([wire.Hits(0, 0, b"\1")], (0,))


def test_names_are_sorted_and_added_to_the_records_of_the_hits() -> None:
    numbering = Numbering()
    records, _ = numbering.hits([Hits(A, b"\1")])
    assert numbering.names([(A, frozenset({"y", "x"}))], records) == (0,)
    assert records[-1] == wire.Asked(0, 0, ("x", "y"))
    more: list[wire.Record] = []
    assert numbering.names([(A, frozenset({"x", "y"}))], more) == (0,)
    assert more == []

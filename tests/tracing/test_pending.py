from testmon_cli.tracing import wire
from testmon_cli.tracing.engines.protocol import Drained, Hits, LoadedFile
from testmon_cli.tracing.pending import Unwritten
from testmon_cli.tracing.watch.states import EVERYTHING, KEPT

FILE = LoadedFile("/p/a.py", "d1", 10, 1)
HITS = Hits(FILE, b"\1")


def drained(**parts: object) -> Drained:
    empty: dict[str, object] = {name: [] if name == "files" else {} for name in Drained._fields}
    return Drained(**{**empty, **parts})  # type: ignore[arg-type]


def test_what_an_engine_saw_is_added_to_what_is_known_of_an_identity() -> None:
    unwritten = Unwritten()
    unwritten.of("test:t").uses.append("fixture:1:f")
    unwritten.add(
        drained(hits={"test:t": [HITS]}, unknown={"test:t": {"why"}}), keeps_everything=False
    )
    pending = unwritten.of("test:t")
    assert (pending.hits, pending.uses, pending.unknown) == ([HITS], ["fixture:1:f"], {"why"})
    assert pending.resources == {}


def test_an_engine_that_knows_of_no_objects_lets_all_that_it_saw_be_kept() -> None:
    unwritten = Unwritten()
    unwritten.add(drained(hits={"test:t": [HITS]}), keeps_everything=True)
    assert list(unwritten.of("test:t").resources) == [(KEPT, f"\t{EVERYTHING}")]


def test_what_is_taken_is_known_no_more() -> None:
    unwritten = Unwritten()
    unwritten.of("test:t").uses.append("fixture:1:f")
    assert list(unwritten.take()) == ["test:t"]
    assert unwritten.take() == {}


def test_a_resource_that_was_read_is_looked_at_once_but_for_statements_of_a_module() -> None:
    unwritten = Unwritten()
    read = wire.Resource("file", "a.txt", "digest", frames=(("app.py", "f", 3),))
    for identity in ("test:t", "module:app.py"):
        assert unwritten.state(identity, "file", "a.txt") is None
        unwritten.add_reading(identity, read)
    assert unwritten.state("test:t", "file", "a.txt") == "digest"
    assert unwritten.state("module:app.py", "file", "a.txt") is None

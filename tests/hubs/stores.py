"""What every kind of hub must do."""

from pathlib import Path

import pytest

from testmon_cli.bundles import files
from testmon_cli.bundles.files import Header
from testmon_cli.domain.evidence import Row
from testmon_cli.domain.provenance import Provenance
from testmon_cli.domain.records import RUN_KEY, Environment
from testmon_cli.hubs.naming import name_of
from testmon_cli.hubs.store import Gone, Store
from testmon_cli.storage.datafile import Datafile
from tests.storage.rows import execution, start

MAIN = Provenance(
    provider="github", event="push", ref="main", workflow="ci", job="unit", actor="ann"
)


def run_of(
    datafile: Datafile,
    started: float,
    *tests: str,
    provenance: Provenance | None = MAIN,
    environment: Environment | None = None,
    commit: str = "abc",
    outcome: str = "passed",
    end: bool = True,
) -> int:
    """Store a run that says where it comes from."""
    begun = start(started, **({} if environment is None else {"environment": environment}))
    run = datafile.begin_run(begun._replace(git_head=commit))
    facts = {RUN_KEY: f"key of {started}"}
    datafile.set_facts(
        run, facts | ({} if provenance is None else {"provenance": provenance.as_facts()})
    )
    datafile.write(run, [], [execution(name, outcome) for name in tests])
    if end:
        datafile.finish_run(run, started + 1, True, 0)
    return run


def bundle_of(
    folder: Path, started: float, *tests: str, key: bytes = b"", **fields: object
) -> tuple[Path, Header, str]:
    """A bundle of one run: where it is, what it says and what a hub calls it."""
    folder.mkdir(exist_ok=True)
    with Datafile.open(folder / f"datafile-{started}", "write", create=True) as datafile:
        run_of(datafile, started, *tests, **fields)  # type: ignore[arg-type]
        (run,) = datafile.runs()
        rows: list[Row] = list(datafile.export([run]))
        path, header = files.write(run.environment, rows, folder, f"bundle-{started}", key)
    return path, header, str(name_of(header))


def check_contract(store: Store, folder: Path) -> None:
    """What holds for all of them."""
    assert list(store.entries()) == []
    given = {}
    for started, ref in ((1.5, "main"), (2.5, "topic/a b"), (3.5, "main")):
        provenance = MAIN._replace(ref=ref)
        path, header, name = bundle_of(
            folder, started, "test_one", "test_two", provenance=provenance
        )
        assert store.put(name, path, header)
        given[name] = path
    assert {entry.name: entry.size for entry in store.entries()} == {
        n: p.stat().st_size for n, p in given.items()
    }
    assert len(list(store.entries("push/main/"))) == 2
    got = folder / "got"
    for name, path in given.items():
        store.get(name, got)
        assert got.read_bytes() == path.read_bytes()

    name, path = next(iter(given.items()))
    assert not store.put(name, path, files.header_of(path))
    store.remove(name)
    store.remove(name)
    with pytest.raises(Gone):
        store.get(name, got)
    assert {entry.name for entry in store.entries()} == given.keys() - {name}
    assert store.tidy(1e10) == 0
    assert store.put(name, path, files.header_of(path))
    store.get(name, got)
    assert got.read_bytes() == path.read_bytes()

"""Bundles as files: what is written is read again, and nothing else is."""

import hashlib
import io
import os
import random
from pathlib import Path

import pytest

from testmon_cli.analysis import codec
from testmon_cli.analysis.model import build_model
from testmon_cli.analysis.model_key import MODEL_KEY
from testmon_cli.bundles import compressing, files
from testmon_cli.bundles.encoding import encoded
from testmon_cli.bundles.errors import BundleError
from testmon_cli.domain.evidence import (
    FactsRow,
    FingerprintRow,
    OriginRow,
    PackagesRow,
    Row,
    RunRow,
    SetRow,
    SourceRow,
    StateRow,
    SubjectRow,
    TraceRow,
    VersionRow,
)
from testmon_cli.domain.records import Environment
from testmon_cli.storage.datafile import Datafile
from tests.storage.rows import table_sizes, whole_run

LINUX = Environment("default", "3.12", "linux-x86_64")
MODEL = codec.encode(build_model("def f():\n    return 1\n"))
ROWS: list[Row] = [
    SourceRow("app.py", (5).to_bytes(8, "little") + (9).to_bytes(8, "little")),
    SourceRow("odd\udc80.py", b""),
    VersionRow(1, "digest", MODEL_KEY, b"abcd", MODEL),
    VersionRow(2, "", "-", b"", b""),
    FingerprintRow(1, b"\x01\x01"),
    SetRow(b"\x01"),
    SubjectRow("fixture", "1:f", "", "", ""),
    SubjectRow("test", "test_a.py::test_one", "test_a.py", "test_one", "function"),
    StateRow("file", "data.json", "digest"),
    OriginRow("app.py\tf\t2"),
    PackagesRow('[["pytest","9.0","",["pytest"],[]]]'),
    FactsRow('{"config":"c","hash_key":"k","inert":{"a.py":["d",["x"]]}}'),
    RunRow(1, 1, 1, b"\x01\x01", 100.0, 101.0, 1, "-2", '["-x"]', "abc", 0, "probes", "0.1.0"),
    TraceRow(1, 1, "", 1, 1, b"", b"", b"", "", 0.0, "", ""),
    TraceRow(1, 2, "", 1, 1, b"\x01", b"\x01", b"\1\0\0\0", "failed", 0.5, "", "boo \ud800"),
]


def _write(folder: Path, rows: list[Row] = ROWS, name: str | None = None) -> Path:
    return files.write(LINUX, rows, folder, name)[0]


def test_what_is_written_is_read_again_under_the_name_of_its_content(tmp_path: Path) -> None:
    path, header = files.write(LINUX, ROWS, tmp_path, None)
    with files.reading(path) as bundle:
        assert list(bundle.rows) == ROWS
        assert bundle.header == header
    assert path.name == f"{header.content}.testmonbundle"
    assert (header.environment, header.runs, header.tests, header.executions) == (LINUX, 1, 1, 1)
    assert (header.first, header.last, header.commits, header.analyses) == (
        100.0,
        100.0,
        ("abc",),
        (MODEL_KEY,),
    )
    assert files.header_of(path) == header
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_bytes() == _write(tmp_path, name="again").read_bytes()


def _with_header(path: Path, old: bytes, new: bytes) -> None:
    first, header, body = path.read_bytes().split(b"\n", 2)
    assert old in header
    path.write_bytes(b"\n".join((first, header.replace(old, new), body)))


REFUSED = {
    "empty": (lambda path: path.write_bytes(b""), "is no bundle of testmon"),
    "foreign": (lambda path: path.write_bytes(b"PK\3\4" * 100), "is no bundle of testmon"),
    "newer": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"bundle 1\n", b"bundle 2\n")),
        "is a bundle of format 2, which another testmon wrote: upgrade testmon-cli",
    ),
    "no format": (
        lambda path: path.write_bytes(b"testmon bundle x\n"),
        "it does not say its format",
    ),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "it is cut off"),
    "more": (lambda path: path.write_bytes(path.read_bytes() + b"\0"), "or has more than it says"),
    "no header": (
        lambda path: path.write_bytes(b"testmon bundle 1\n[" + b"[" * 99_999),
        "its header cannot be read",
    ),
    "large": (
        lambda path: _with_header(path, b'"size": ', b'"size": 99999999'),
        "is too large: 99,999,999",
    ),
    "other counts": (
        lambda path: _with_header(path, b'"tests": 1', b'"tests": 2'),
        "it does not hold what it says",
    ),
    "other content": (
        lambda path: _with_header(path, b'"content": "', b'"content": "0'),
        "header cannot be read",
    ),
    "other environment": (
        lambda path: _with_header(path, b'"3.12"', b'"3.13"'),
        "of another environment",
    ),
    "more provenance": (
        lambda path: _with_header(path, b"{}", b'{"a": "b"}'),
        "its header cannot be read",
    ),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "is no regular file"),
    "pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "is no regular file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bundle_that_is_not_whole_is_refused(tmp_path: Path, case: str) -> None:
    change, message = REFUSED[case]
    path = _write(tmp_path)
    change(path)
    with pytest.raises(BundleError) as error:
        files.check(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(BundleError), files.reading(path, is_own=True) as bundle:
        list(bundle.rows)


def _forged(folder: Path, content: bytes) -> Path:
    """A bundle of any content, with a header that is right about its size and digest."""
    packed = io.BytesIO()
    packing = compressing.writer(packed)
    packing.write(content)
    packing.close()
    header = files.header_of(_write(folder, name="whole"))
    named = header._replace(
        content=hashlib.sha256(content).hexdigest(),
        size=len(content),
        packed=len(packed.getvalue()),
    )
    path = folder / "forged"
    path.write_bytes(
        b"testmon bundle 1\n" + files.as_json(named).encode() + b"\n" + packed.getvalue()
    )
    return path


def _content(rows: list[Row]) -> bytes:
    return b'["default", "3.12", "linux-x86_64"]\n' + b"".join(map(encoded, rows)) + b"\0"


WRONG = {
    "absolute path": (0, SourceRow("/app.py", ROWS[0].checksums), "a path that is not relative"),
    "checksums": (
        0,
        SourceRow("app.py", ROWS[0].checksums[::-1]),
        "checksums that are not in order",
    ),
    "order": (1, SourceRow("aaa.py", b""), "rows that are not in order"),
    "model": (2, ROWS[2]._replace(model=MODEL[:-9]), "a model of a source that cannot be read"),
    "source": (2, ROWS[2]._replace(source=3), "a row that names a SourceRow that is not there"),
    "block": (4, FingerprintRow(1, b"\x01\x02"), "numbers of rows that are not there"),
    "numbers": (4, FingerprintRow(1, b"\x81"), "numbers that are not in order"),
    "endless number": (4, FingerprintRow(1, b"\xff" * 99_999), "numbers that do not end"),
    "subject": (6, SubjectRow("thing", "", "", "", ""), "a subject of no kind"),
    "resource": (8, StateRow("file", "/etc/passwd", ""), "a path that is not relative"),
    "packages": (10, PackagesRow('[["pytest"]]'), "a list of packages that cannot be"),
    "deep JSON": (11, FactsRow("[" * 99_999), "JSON that cannot be read"),
    "fact": (11, FactsRow('{"inert":{"a.py":[]}}'), "a fact 'inert' that cannot be"),
    "new fact": (11, FactsRow('{"later":1}'), "a fact 'later' that this testmon does not know"),
    "time": (12, ROWS[12]._replace(started=float("nan")), "a run that began at no time"),
    "exit code": (12, ROWS[12]._replace(exitstatus="x"), "an exit code that is none"),
    "outcome": (14, ROWS[14]._replace(outcome="fine"), "an outcome that is none"),
    "origin": (
        14,
        ROWS[14]._replace(origins=b"\2\0\0\0"),
        "a row that names a OriginRow that is not there",
    ),
    "duration": (14, ROWS[14]._replace(duration=float("inf")), "a duration that cannot be"),
}


@pytest.mark.parametrize("case", WRONG)
def test_evidence_that_no_runs_left_is_refused(tmp_path: Path, case: str) -> None:
    place, row, message = WRONG[case]
    with pytest.raises(BundleError, match=message):
        files.check(_forged(tmp_path, _content([*ROWS[:place], row, *ROWS[place + 1 :]])))


def test_what_would_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="a path that is not relative"):
        _write(tmp_path, [SourceRow("/app.py", b"")])
    assert not [*tmp_path.iterdir()]


def test_what_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    path = _forged(tmp_path, _content(ROWS)[:-1] + b"\0" * (64 << 20))
    _with_header(path, b'"size": 67', b'"size": ')
    assert path.stat().st_size < 100_000
    with pytest.raises(BundleError, match=r"it is larger than it says|bytes after the last row"):
        files.check(path)


def _mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(len(changed))
        what = chance.randrange(4)
        if what == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif what == 1:
            changed[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif what == 2:
            del changed[place : place + chance.choice((1, 2, 50))]
        else:
            changed[place:place] = changed[chance.randrange(len(changed)) :][
                : chance.choice((1, 5, 40))
            ]
    return bytes(changed)


def _merge_and_refuse(datafile: Datafile, path: Path, taken: list[Path]) -> None:
    with datafile.uniting(), files.reading(path) as bundle:
        datafile.merge(bundle.header.environment, bundle.rows)
        taken.append(path)
        raise BundleError("as if a later bundle were refused")


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.slow)])
def test_no_mutation_of_a_bundle_is_taken_in_part_or_gives_a_traceback(
    tmp_path: Path, count: int
) -> None:
    """Half of the mutations are of the evidence, with a digest that fits.

    Only what rows can be refuses these.
    """
    chance = random.Random(21)
    file, content = _write(tmp_path).read_bytes(), _content(ROWS)
    taken: list[Path] = []
    with Datafile.open(tmp_path / "datafile", "write", create=True) as datafile:
        whole_run(datafile, 50.0, "test_one")
        before = table_sizes(tmp_path / "datafile")
        for number in range(count):
            if number % 2:
                path = tmp_path / "mutated"
                path.write_bytes(_mutated(file, chance))
            else:
                path = _forged(tmp_path, _mutated(content, chance))
            with pytest.raises(BundleError) as error:
                _merge_and_refuse(datafile, path, taken)
            assert "\n" not in str(error.value)
        assert table_sizes(tmp_path / "datafile") == before
        assert [run.started for run in datafile.runs()] == [50.0]
    assert len(taken) < count / 4

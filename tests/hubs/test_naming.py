"""A name in a hub says exactly what it was made from, whatever a branch is called."""

from hypothesis import given
from hypothesis import strategies as st

from testmon_cli.domain.provenance import EVENTS, Origin, Provenance
from testmon_cli.hubs.naming import BundleName, parsed

_NAMES = st.text(max_size=60) | st.sampled_from(
    [
        "main",
        "..",
        ".",
        "a/b",
        "=",
        "=2e",
        "refs/pull/12",
        "x\udc80",
        "renovate/" + "long" * 40,
        "A b%c",
    ]
)


@given(st.sampled_from(EVENTS), _NAMES, st.floats(1, 3.9e9), st.sampled_from(["", "0123456789ab"]))
def test_a_name_is_read_as_it_was_written(
    event: str, ref: str, started: float, commit: str
) -> None:
    origin = Provenance(event=event, ref=ref, actor=ref).origin
    written = str(BundleName(origin, started, commit, "0" * 16, "f" * 64))
    read = parsed(written)
    assert read is not None
    assert (read.origin, read.commit, str(read)) == (origin, commit, written)
    first, second, file = written.split("/")
    assert first == event
    assert second.lstrip(".") == second != ""
    assert second.isascii()
    assert max(len(second), len(file)) <= 250


def test_two_origins_have_two_folders() -> None:
    long = "x" * 100
    names = ["main", "Main", "mai=6e", "ma", "", "main/", long, f"{long}y"]
    folders = {
        str(BundleName(Provenance(event="push", ref=n).origin, 1.0, "", "0" * 16, "f" * 64))
        for n in names
    }
    assert len(folders) == len(names)


def test_what_is_no_name_of_a_bundle_is_not_read() -> None:
    good = str(BundleName(Origin("push", "main"), 1.0, "", "0" * 16, "f" * 64))
    assert parsed(good) is not None
    for bad in (
        good.replace("push/", "../"), good.replace("main", "..=2fx"), good.replace("main", "=6dain"), good + "x",
        good.replace("0101T", "1301T"), good.upper(), "", good.replace("-f", "-F", 1),
        good.replace("main", "=ff=fe"), good.replace("main/", ""), f"/{good}", good.replace("main", "main\n"),
    ):  # fmt: skip
        assert parsed(bad) is None, bad

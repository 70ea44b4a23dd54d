import gc

import pytest

from testmon_cli.domain import garbage


@pytest.mark.parametrize("is_enabled", [True, False])
def test_collecting_garbage_goes_on_as_it_was(*, is_enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if is_enabled else gc.disable)()
    try:
        with garbage.left_lying():
            assert not gc.isenabled()
        assert gc.isenabled() == is_enabled
    finally:
        (gc.enable if before else gc.disable)()

"""Stand-ins for parts of libraries that are loaded only once they are used."""

import json
import sys

import pytest

from xraylab.later import later

LIBRARY = "LOADED = True\ndef double(number):\n    return 2 * number\n"


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "a_library_for_later.py").write_text(LIBRARY, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "a_library_for_later"
    sys.modules.pop("a_library_for_later", None)


def test_a_name_is_there_at_once_and_its_library_with_the_first_use(library):
    with later(library):
        from a_library_for_later import double
    assert library not in sys.modules
    assert double(21) == 42
    assert sys.modules[library].LOADED


def test_a_module_that_is_imported_afterwards_is_the_library_itself(library):
    with later(library):
        import a_library_for_later as early
    import a_library_for_later as late

    assert late.double.__name__ == early.double.__name__ == "double"
    assert late is not early
    assert late.LOADED is True


def test_a_library_that_is_loaded_already_stays_as_it_is():
    with later("json"):
        import json as again
    assert again is json


def test_a_fault_in_the_block_leaves_no_stand_in(library):
    with pytest.raises(RuntimeError), later(library):
        raise RuntimeError
    assert library not in sys.modules

import pytest
from streamlit.testing.v1 import AppTest

from xraylab.app.faults import record_fault


def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_the_log_names_kinds_and_lines_but_no_messages(tmp_path):
    path = tmp_path / "logs" / "app.log"
    record_fault(raised(RuntimeError("Jane"), KeyError("Doe")), "3f9a2c", path)
    written = path.read_text("utf-8")
    assert "reference 3f9a2c" in written
    assert "builtins.RuntimeError" in written
    assert "builtins.KeyError" in written
    assert "test_faults.py" in written
    assert "Jane" not in written
    assert "Doe" not in written


def test_the_log_rotates(tmp_path, monkeypatch):
    monkeypatch.setattr("xraylab.app.faults._LOG_BYTES", 300)
    for turn in range(10):
        record_fault(raised(RuntimeError()), f"{turn:06x}", tmp_path / "app.log")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "app.log",
        "app.log.1",
        "app.log.2",
        "app.log.3",
    ]


def test_a_log_that_cannot_be_written_is_an_error_and_not_silence(tmp_path):
    path = tmp_path / "app.log"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        record_fault(raised(RuntimeError()), "3f9a2c", path)


def test_without_a_log_the_screen_still_has_its_sentence(tmp_path, monkeypatch):
    (tmp_path / "logs").write_text("a file where the folder should be")
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path))

    def script():
        from xraylab.app.faults import guard

        with guard():
            raise RuntimeError("Jane")

    shown = AppTest.from_function(script, default_timeout=60).run().error[0].value
    assert shown.startswith("Something went wrong (reference ")
    assert shown.endswith("The log could not be written.")


def test_what_streamlit_steers_with_is_no_fault():
    def script():
        import streamlit as st

        from xraylab.app.faults import guard

        with guard():
            st.stop()
        st.write("went on")

    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.error
    assert not app.markdown

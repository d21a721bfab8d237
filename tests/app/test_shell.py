import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from streamlit import config
from streamlit.web import skills

from xraylab.app import shell

ROOT = Path(__file__).parents[2]


def test_the_shell_opens_without_torch():
    code = "import sys, xraylab.app.shell; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_screen_that_does_not_exist_is_the_callers_bug():
    with pytest.raises(ValueError, match="compass"), shell.page("compass", title="Compass", purpose="North."):
        pass


def test_nothing_calls_home_and_nobody_is_asked_for_an_address():
    options = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert options["browser"]["gatherUsageStats"] is False
    assert options["server"]["showEmailPrompt"] is False
    assert options["server"]["address"] == "127.0.0.1"


def test_streamlit_offers_a_reader_no_tools_for_programmers(monkeypatch):
    options = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    given = {f"{part}.{name}": value for part, names in options.items() for name, value in names.items()}
    monkeypatch.setattr(config, "get_option", lambda name: given.get(name, False))
    monkeypatch.setattr(skills, "agent_harness_present", lambda: True)
    assert skills.nudge_suppression_reason(str(ROOT)) == "welcome_hidden"


def test_names_in_the_sidebar_are_text_and_not_markup():
    written = shell._status_html(shell.Status(model="<b>mine</b>", lock="locked 0.412 <script>"))
    assert "<b>" not in written
    assert "<script>" not in written

"""Settings: flag > variable > config.toml > default."""

from pathlib import Path

import pytest

from xraylab.errors import SettingsError
from xraylab.settings import load_settings


@pytest.fixture
def default_home(tmp_path, monkeypatch):
    """A machine on which nobody has set anything."""
    for name in ("HOME", "THREADS", "DEVICE", "ALLOW_HOSTS"):
        monkeypatch.delenv(f"XRAYLAB_{name}", raising=False)
    monkeypatch.setattr("xraylab.settings.user_data_path", lambda *_, **__: tmp_path / "default")
    return tmp_path / "default"


def configure(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(text)
    return home


def test_without_any_setting_the_defaults_hold(default_home):
    settings = load_settings()
    assert settings.home == default_home
    assert (settings.threads, settings.device) == (0, "auto")


def test_the_platforms_folder_is_named_after_the_product(monkeypatch):
    monkeypatch.delenv("XRAYLAB_HOME", raising=False)
    assert load_settings().home.name == "xraylab"


def test_a_variable_beats_the_config_and_an_argument_beats_both(tmp_path, default_home, monkeypatch):
    monkeypatch.setenv("XRAYLAB_HOME", str(configure(tmp_path / "home", 'threads = 3\ndevice = "cuda"')))
    assert (load_settings().threads, load_settings().device) == (3, "cuda")
    monkeypatch.setenv("XRAYLAB_THREADS", "5")
    assert (load_settings().threads, load_settings().device) == (5, "cuda")
    assert load_settings(home=tmp_path / "other").home == tmp_path / "other"


@pytest.mark.parametrize("text", ["films,10.0.0.7", "films 10.0.0.7", "films, 10.0.0.7"])
def test_allowed_hosts_are_a_list_in_the_file_and_a_text_in_the_variable(
    tmp_path, default_home, monkeypatch, text
):
    home = configure(tmp_path / "home", 'allow_hosts = ["films", "10.0.0.7"]')
    assert load_settings(home=home).allow_hosts == ("films", "10.0.0.7")
    monkeypatch.setenv("XRAYLAB_ALLOW_HOSTS", text)
    assert load_settings(home=tmp_path).allow_hosts == ("films", "10.0.0.7")


def test_the_config_is_that_of_the_home_in_use(tmp_path, default_home, monkeypatch):
    configure(default_home, "threads = 1")
    monkeypatch.setenv("XRAYLAB_HOME", str(configure(tmp_path / "variable", "threads = 2")))
    given = configure(tmp_path / "given", "threads = 3")
    assert load_settings().threads == 2
    assert load_settings(home=given).threads == 3
    monkeypatch.delenv("XRAYLAB_HOME")
    assert load_settings().threads == 1


def test_settings_are_read_anew_each_time(tmp_path, default_home):
    configure(default_home, "threads = 1")
    before = load_settings()
    configure(default_home, "threads = 2")
    assert (before.threads, load_settings().threads) == (1, 2)


def test_an_empty_variable_counts_as_not_set(default_home, monkeypatch):
    for name in ("HOME", "THREADS", "DEVICE"):
        monkeypatch.setenv(f"XRAYLAB_{name}", "")
    assert load_settings().home == default_home
    assert (load_settings().threads, load_settings().device) == (0, "auto")


def test_a_home_is_the_same_folder_from_anywhere(tmp_path, default_home, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("XRAYLAB_HOME", "~/films")
    configure(tmp_path / "films", "threads = 4")
    assert (load_settings().home, load_settings().threads) == (tmp_path / "films", 4)
    monkeypatch.chdir(tmp_path)
    assert load_settings(home=Path("films")).home == tmp_path / "films"


def test_everything_lies_in_the_home(tmp_path):
    settings = load_settings(home=tmp_path)
    places = [
        settings.database,
        settings.datasets,
        settings.models,
        settings.runs,
        settings.weights,
        settings.logs,
    ]
    assert {place.parent for place in places} == {tmp_path}
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("threads = ", "not valid TOML"),
        ("threads = -1", "The setting “threads” can't be -1"),
        ('threads = "many"', "The setting “threads” can't be 'many'"),
        ("allow_hosts = 7", "The setting “allow_hosts” can't be 7.*XRAYLAB_ALLOW_HOSTS"),
        ('device = "gpu"', "The setting “device” can't be 'gpu'.*XRAYLAB_DEVICE"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence(tmp_path, default_home, text, sentence):
    with pytest.raises(SettingsError, match=sentence):
        load_settings(home=configure(tmp_path / "home", text))


def test_a_config_that_is_no_text_is_a_sentence(tmp_path, default_home):
    (configure(tmp_path / "home", "") / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(home=tmp_path / "home")


def test_a_home_that_no_path_can_be_is_a_sentence(tmp_path, default_home, monkeypatch):
    monkeypatch.setenv("XRAYLAB_HOME", "~nobody-of-this-name/films")
    with pytest.raises(SettingsError, match="no such account"):
        load_settings()
    with pytest.raises(SettingsError, match=r"can't be read: .*XRAYLAB_HOME"):
        load_settings(home=tmp_path / ("x" * 5000))


def test_what_a_newer_version_may_set_is_passed_over(tmp_path, default_home):
    assert load_settings(home=configure(tmp_path / "home", "colour = 1\nthreads = 2")).threads == 2

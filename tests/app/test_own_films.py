"""The guide “Bring your own films”, followed literally in a fresh home: by page and by command line."""

import re
import shlex

import pytest

from tests.support.own_films import GUIDE, fields, write_sources
from xraylab.data.datasets import list_datasets, load_dataset
from xraylab.data.mapping import Columns, Mapping
from xraylab.settings import load_settings


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Give the reader a fresh home, and a folder with the sources of the guide."""
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    (tmp_path / "reader").mkdir()
    write_sources(tmp_path / "reader")
    monkeypatch.chdir(tmp_path / "reader")


def counted(name):
    info = load_dataset(load_settings(), name).info
    return info.finding.name, info.labels, info.patients, info.n


EXPECTED = {
    "clinic-tb": ("tuberculosis", {"Healthy": 10, "Tuberculosis": 10}, 10, 20),
    "nih-pneumonia": ("pneumonia", {"no pneumonia": 16, "Pneumonia": 8}, 12, 24),
    "nih-effusion": ("effusion", {"no effusion": 16, "Effusion": 8}, 12, 24),
    "hospital": ("pneumonia", {"NORMAL": 4, "PNEUMONIA": 4}, 8, 8),
    "clinic-disease": ("lung disease", {"Healthy": 10, "lung disease": 20}, 15, 30),
}


def test_the_commands_of_the_guide_import_its_films(run):
    # A fetch asks another machine; tests/data/test_public.py has it ask a server here.
    commands = re.findall(r"^python -m xraylab ((?!fetch).*)$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        run(*[word for word in shlex.split(command) if word != "--json"])
    assert {info.name: counted(info.name) for info in list_datasets(load_settings())} == EXPECTED


def test_the_page_imports_the_films_of_the_guide(show):
    app = show("data")
    assert len(fields()) == 3
    for path, name, finding in fields():
        for key, value in (("path", path), ("name", name), ("finding", finding)):
            app.text_input(key=f"import {key}").input(value)
        for label in ("Preview", "Import"):
            next(button for button in app.button if button.label == label).click().run()
            assert not app.error
        assert counted(name) == EXPECTED[name]


def test_every_field_of_a_mapping_is_in_the_guide():
    text = GUIDE.read_text("utf-8")
    named = {name for name in Mapping.model_fields if name != "schema_"} | set(Columns.model_fields)
    assert {name for name in named if f"`{name}`" not in text} == set()

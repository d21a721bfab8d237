"""The form that imports films: every layout by the page, its preview, and its correction there."""

import re

import pytest

from tests.support.layouts import COPIES
from xraylab.app.import_form import name_of, told_ignored
from xraylab.data.datasets import list_datasets, load_dataset
from xraylab.files import check_name
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.public"]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Give each test a home of its own."""
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))


def press(app, label):
    return next(button for button in app.button if button.label == label).click().run()


def fill(app, source, name="", finding=""):
    app.text_input(key="import path").input(str(source))
    app.text_input(key="import name").input(name)
    app.text_input(key="import finding").input(finding)


def test_every_layout_is_imported_by_the_page(show, tmp_path):
    app = show("data")
    for number, (name, copy) in enumerate(COPIES.items()):
        (tmp_path / str(number)).mkdir()
        fill(app, copy.make(tmp_path / str(number)), f"copy{number}", "".join(copy.options[1:]))
        press(app, "Import")
        assert not app.error, name
        info = load_dataset(load_settings(), f"copy{number}").info
        assert (info.labels, info.patients, info.ignored) == (copy.labels, copy.patients, copy.ignored), name


def test_a_preview_shows_what_is_understood_and_the_labels_are_corrected_there(show, tmp_path):
    app = show("data")
    fill(app, COPIES["covid"].make(tmp_path), "covid")
    press(app, "Preview")
    assert not app.error
    told = "".join(markdown.value for markdown in app.markdown).replace("\\", "")
    assert "Understood as: folders of labels." in told
    assert "Splits: none stated; they are drawn by patient at the import." in told
    assert not list(load_settings().datasets.glob("*"))
    app.multiselect(key="import present").select("Viral Pneumonia").select("COVID")
    app.multiselect(key="import absent").select("Normal").select("Lung_Opacity")
    press(app, "Import")
    assert not app.error
    info = load_dataset(load_settings(), "covid").info
    assert info.labels == {"no pneumonia": 10, "pneumonia": 9}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/films/chest_xray.zip", "chest_xray"),
        ("C:\\films\\My films (2024).tar.gz", "My-films-2024"),
        ("pneumoniamnist.npz", "pneumoniamnist"),
        ("/films/chest xray/", "chest-xray"),
        ("v1.2", "v1.2"),
        ("größe.csv", "gr-e"),
        ("/", ""),
        ("___.zip", ""),
        ("n" * 70, "n" * 64),
    ],
)
def test_a_source_gives_the_name(source, name):
    assert name_of(source) == name
    assert not name or check_name(name, what="dataset") == name


def test_without_a_name_the_dataset_is_called_as_its_folder(show, tmp_path):
    app = show("data")
    source = COPIES["covid"].make(tmp_path)
    fill(app, source, "")
    press(app, "Import")
    assert not app.error
    assert [info.name for info in list_datasets(load_settings())] == [name_of(str(source))]


def test_a_mistake_leaves_the_form_open_and_all_that_follows_on_the_page(show, tmp_path):
    app = show("data")
    source = COPIES["covid"].make(tmp_path)
    fill(app, source, "taken")
    press(app, "Import")
    fill(app, source, "taken")
    press(app, "Import")
    [error] = app.error
    assert error.value.replace("\\", "").endswith("Choose another name, or replace it on purpose.")
    assert app.text_input(key="import path").value == str(source)
    assert app.selectbox(key="data dataset").value == "taken"
    assert "Classes" in [heading.value for heading in app.subheader]


def test_a_file_and_files_that_are_ignored_are_counted():
    assert told_ignored({"mask": 1, "not an image": 1200}) == [
        "1 file ignored: mask.",
        "1\N{THIN SPACE}200 files ignored: not an image.",
    ]


@pytest.mark.parametrize(
    ("copy", "says"),
    [
        ("pneumoniamnist", {"normal": "absent", "pneumonia": "present"}),  # the finding writes them large
        ("covid", {"Normal": "absent", "Viral Pneumonia": "present", "COVID": "left out"}),
    ],
)
def test_a_preview_says_what_each_label_counts_as(show, tmp_path, copy, says):
    app = show("data")
    fill(app, COPIES[copy].make(tmp_path))
    press(app, "Preview")
    (table,) = [html.proto.body for html in app.get("html") if "Says of pneumonia" in html.proto.body]
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", table)
    assert says.items() <= dict(zip(cells[::3], cells[2::3], strict=True)).items()


def test_the_whole_mapping_can_be_typed_and_a_fault_in_it_is_a_sentence(show, tmp_path):
    app = show("data")
    fill(app, COPIES["mimic"].make(tmp_path), "mimic")
    app.text_area(key="import map").input('{"laterals": "keep"}')
    press(app, "Preview")
    assert "The mapping can't be used: at laterals" in app.error[0].value.replace("\\", "")
    app.text_area(key="import map").input('{"laterals": "kept"}')
    press(app, "Import")
    assert load_dataset(load_settings(), "mimic").info.n == 17


def test_a_public_dataset_is_fetched_after_a_dialog_named_host_and_size(show, published, server):
    dataset = published("pneumoniamnist")
    app = show("data")
    app.button(key="fetch").click().run()
    assert any(dataset.request in markdown.value.replace("\\", "") for markdown in app.markdown)
    assert "127.0.0.1" in app.button(key="fetch for good").label
    assert server.asked == []
    app.button(key="fetch for good").click().run()
    assert not app.error
    assert server.asked == [0]
    assert "Understood as: MedMNIST." in "".join(markdown.value for markdown in app.markdown)
    assert not list(load_settings().datasets.glob("*"))
    app.text_input(key="import path").input("")
    app.button(key="fetch").click().run()  # it is here: no dialog, and no request
    assert app.text_input(key="import path").value == str(dataset.place(load_settings()))
    assert server.asked == [0]
    press(app, "Import")
    assert not app.error
    assert load_dataset(load_settings(), "pneumoniamnist").info.labels == COPIES["pneumoniamnist"].labels


def test_a_fetch_that_fails_is_a_sentence_in_the_dialog_and_can_be_tried_again(show, published):
    published("pneumoniamnist", way="missing")
    app = show("data")
    app.button(key="fetch").click().run()
    app.button(key="fetch for good").click().run()
    assert "answered 404" in app.error[0].value
    published("pneumoniamnist")
    app.button(key="fetch for good").click().run()
    assert app.text_input(key="import name").value == "pneumoniamnist"


def test_films_are_in_use_as_soon_as_they_are_imported(show, tmp_path):
    app = show("data")
    for number, name in enumerate(("first", "second", "third")):
        (tmp_path / name).mkdir()
        fill(app, list(COPIES.values())[number].make(tmp_path / name), name)
        press(app, "Import")
        assert not app.error
        assert app.selectbox(key="data dataset").value == name
    app.selectbox(key="data dataset").set_value("first").run()
    assert app.selectbox(key="data dataset").value == "first"
    assert app.run().selectbox(key="data dataset").value == "first"

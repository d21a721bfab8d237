"""The form that mends a dataset: it begins with what the audit asks for, and makes a new dataset."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.screens import written
from xraylab.audit.found import Found
from xraylab.audit.kept import keep
from xraylab.data.datasets import list_datasets, load_dataset
from xraylab.data.split import LEFT_OUT

pytest_plugins = ["tests.support.trained"]


def screen():
    """A screen with nothing but the form, for the dataset that is newest."""
    from xraylab.app import mend_form, status
    from xraylab.app.faults import guard
    from xraylab.data.datasets import list_datasets, load_dataset
    from xraylab.settings import load_settings

    settings = load_settings()
    with guard():
        status.recall("data")
        mend_form.draw(settings, load_dataset(settings, list_datasets(settings)[-1].name))


@pytest.fixture
def dataset(imported):
    [info] = list_datasets(imported)
    return load_dataset(imported, info.name)


@pytest.fixture
def form():
    return AppTest.from_function(screen, default_timeout=120)


def found(check, severity, step, *films):
    words = {"sentence": "Something is wrong.", "mend": "Mend it.", "figure": 1}
    return Found(check=check, severity=severity, mend_by=(step,), films=films, **words)


def labelled(elements, label):
    return next(element for element in elements if element.label.startswith(label))


def mend(app):
    return labelled(app.button, "Mend").click().run()


def made(imported):
    return load_dataset(imported, list_datasets(imported)[0].name)


def test_without_an_audit_nothing_is_ticked_and_that_is_a_sentence(form, dataset):
    app = form.run()
    assert [expander.label for expander in app.expander] == ["Mend these films"]
    assert not any(box.value for box in app.checkbox)
    mend(app)
    assert "Choose what to mend" in app.error[0].value


def test_the_form_begins_with_what_the_audit_asks_for_most(form, dataset):
    keep(dataset, [found("near_duplicates", "high", "split again"), found("shift", "low", "one encoding")])
    app = form.run()
    assert labelled(app.checkbox, "Split again").value
    assert not labelled(app.checkbox, "Bring all films").value
    keep(dataset, [found("near_duplicates", "low", "split again"), found("shift", "high", "one encoding")])
    app.run()
    assert not labelled(app.checkbox, "Split again").value
    assert labelled(app.checkbox, "Bring all films").value


def test_a_new_dataset_is_made_and_the_old_one_stays(form, dataset, imported):
    before = {file: file.read_bytes() for file in dataset.folder.iterdir()}
    app = form.run()
    labelled(app.checkbox, "Split again").check()
    labelled(app.checkbox, "Bring all films").check()
    labelled(app.selectbox, "Films that may").set_value("number")
    mend(app)
    assert not app.exception
    assert not app.error
    new = made(imported)
    assert new.info.name == f"{dataset.info.name}-mended"
    assert [line.get("step") for line in new.lineage] == [None, "one encoding", "split again"]
    assert "by the number in names of files alone" in new.lineage[-1]["note"]
    assert f"Made {new.info.name} from {dataset.info.name}." in written(app)
    assert new.lineage[-1]["note"].split(". ")[-1] in written(app)
    assert {file: file.read_bytes() for file in dataset.folder.iterdir()} == before


def test_films_that_the_audit_named_are_left_out_with_one_reason(form, dataset, imported):
    films = dataset.catalog["image_id"].tolist()[:3]
    keep(dataset, [found("label_errors", "low", "leave out", *films)])
    app = form.run()
    labelled(app.multiselect, "Films to leave out").select(films[0]).select(films[2])
    mend(app)
    assert "has no reason" in app.error[0].value
    labelled(app.text_input, "Reason").input("wrong label")
    mend(app)
    assert not app.error
    new = made(imported)
    assert new.lineage[-1]["reasons"] == {"wrong label": [films[0], films[2]]}
    assert new.info.n == dataset.info.n - 2
    assert LEFT_OUT not in new.info.splits


def test_a_table_of_films_is_read_and_a_fault_in_it_is_a_sentence(form, dataset, imported):
    film = dataset.catalog["image_id"][0]
    app = form.run()
    labelled(app.file_uploader, "Table").upload("out.csv", b"image_id,reason\nnone.png,x\n", "text/csv")
    mend(app)
    assert "none.png” can't be left out" in app.error[0].value.replace("\\", "")
    upload = f"image_id,reason\n{film},seen by two readers\n".encode()
    labelled(app.file_uploader, "Table").upload("out.csv", upload, "text/csv")
    mend(app)
    assert not app.error
    assert made(imported).lineage[-1]["reasons"] == {"seen by two readers": [film]}

"""The films behind a cell of the 2 × 2, on the Threshold screen."""

import numpy as np
import pytest

from tests.support.brief import DATASET, MODEL
from tests.support.screens import listed, thumbnails, written
from tests.support.waiting import eventually
from xraylab import formats
from xraylab.app import session_films
from xraylab.app.thumbnails import shape_of
from xraylab.data.datasets import load_dataset
from xraylab.evaluation.cells import cases
from xraylab.models import load_model

pytest_plugins = ["tests.support.shipped"]

CELLS = ("tp", "fn", "fp", "tn")


def opened(show, name, cell, **state):
    app = show("threshold")
    app.session_state[f"threshold cell {name} validation"] = cell
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def films_of(settings, name, cell):
    model = load_model(settings, name)
    said = model.films("validation").scored
    return said.frame.iloc[cases(said.labels, said.scores, model.lock.threshold, cell)]


def with_films(settings):
    return next(cell for cell in CELLS if len(films_of(settings, MODEL, cell)))


@pytest.mark.parametrize("cell", CELLS)
def test_the_films_of_a_cell_are_listed_with_their_scores_the_worst_first(show, trained, cell):
    app = opened(show, MODEL, cell)
    assert not app.exception
    assert not app.error
    films = films_of(trained, MODEL, cell)
    assert [film["key"] for film in listed(app)] == films["image_id"].tolist()
    assert [film["title"] for film in listed(app)] == [formats.score(score) for score in films["score"]]
    if films.empty:
        assert "No film is in this cell" in written(app)
    else:
        label = "PNEUMONIA" if cell in ("tp", "fn") else "NORMAL"
        words = " ".join(written(app).split())
        assert f"{formats.score(films['score'].iloc[0])} {label}" in words


def test_no_film_is_shown_before_a_cell_is_chosen(show, trained):
    app = show("threshold")
    assert not listed(app)
    assert not thumbnails(app)


def test_what_names_no_cell_opens_none(show, trained):
    assert not listed(opened(show, MODEL, "rp")), "there is no review band"


def test_where_the_films_are_elsewhere_their_scores_are_listed_and_the_screen_says_so(show, newcomer):
    app = opened(show, "ensemble", "tp")
    assert not app.error
    assert not listed(app)
    assert "aren’t on this machine" in " ".join(caption.value for caption in app.caption)
    first = films_of(newcomer, "ensemble", "tp").iloc[0]
    assert any(first["image_id"] in part.proto.body for part in app.get("html"))


def test_all_films_are_shown_as_thumbnails_and_a_click_opens_one(show, trained, monkeypatch):
    cell = with_films(trained)
    app = opened(show, MODEL, cell, **{f"threshold cell {MODEL} validation {cell} all": True})
    films = films_of(trained, MODEL, cell)
    plain = thumbnails(app)
    assert [film["key"] for film in plain] == films["image_id"].tolist()[:16]
    [toggle] = [toggle for toggle in app.toggle if toggle.label == "Heatmaps"]
    toggle.set_value(True).run(timeout=120)
    assert not app.exception
    coloured = thumbnails(app)
    assert [film["key"] for film in coloured] == [film["key"] for film in plain]
    assert all(one["url"] != other["url"] for one, other in zip(plain, coloured, strict=True))
    monkeypatch.setattr("xraylab.app.cells.film_grid", lambda films, **_: films[0].key)
    assert "History" in written(app.run())


def test_the_heatmap_comes_once_it_is_drawn(show, trained, monkeypatch):
    viewed = []
    monkeypatch.setattr(
        "xraylab.app.screens.threshold.cell_films.film_viewer", lambda film, **_: viewed.append(film)
    )
    app = opened(show, MODEL, with_films(trained))

    def drawn():
        app.run()
        return bool(viewed[-1].overlays)

    eventually(drawn)
    assert viewed[0].png == viewed[-1].png
    assert [overlay.name for overlay in viewed[-1].overlays] == ["Grad-CAM"]


def test_a_film_goes_to_read_with_its_name_and_its_pixels_and_without_its_label(show, trained):
    cell = with_films(trained)
    app = opened(show, MODEL, cell)
    [button] = [button for button in app.button if button.label == "Read"]
    button.click().run()
    [(film, copy)] = app.session_state["films of datasets"].values()
    dataset = load_dataset(trained, DATASET)
    [row] = dataset.rows_of(films_of(trained, MODEL, cell)["image_id"].tolist()[:1])
    assert film.name == dataset.catalog["path"].iloc[row].rpartition("/")[2]
    assert np.array_equal(film.standard.pixels, dataset.pixels[row])
    assert film.facts.synthetic, "a phantom stays marked"
    assert copy == session_films.Copy(DATASET, shape_of(dataset, row))

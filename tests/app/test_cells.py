"""The films behind a cell of the 2 × 2, on the Threshold screen."""

import pytest

from tests.support.brief import MODEL
from tests.support.screens import thumbnails, written
from xraylab import formats
from xraylab.evaluation.cells import cases
from xraylab.models import load_model

pytest_plugins = ["tests.support.shipped"]

CELLS = ("tp", "fn", "fp", "tn")


def opened(show, name, cell, threshold=0.5):
    app = show("threshold")
    app.session_state[f"threshold cell {name} validation"] = cell
    return app.run()


def films_of(settings, name, threshold, cell):
    said = load_model(settings, name).films("validation").scored
    return said.frame.iloc[cases(said.labels, said.scores, threshold, cell)]


@pytest.mark.parametrize("cell", CELLS)
def test_the_films_of_a_cell_are_shown_with_their_scores_the_worst_first(show, trained, cell):
    app = opened(show, MODEL, cell)
    assert not app.exception
    assert not app.error
    films = films_of(trained, MODEL, load_model(trained, MODEL).lock.threshold, cell)
    shown = [film["title"].split(" ·")[0] for film in thumbnails(app)]
    assert shown == [formats.score(s) for s in films["score"][:16]]
    if films.empty:
        assert "No film is in this cell" in " ".join(caption.value for caption in app.caption)


def test_no_film_is_shown_before_a_cell_is_chosen(show, trained):
    assert not thumbnails(show("threshold"))


def test_where_the_films_are_elsewhere_their_scores_are_listed_and_the_screen_says_so(show, newcomer):
    app = opened(show, "ensemble", "tp")
    assert not app.error
    assert not thumbnails(app)
    assert "aren’t on this machine" in " ".join(caption.value for caption in app.caption)
    first = films_of(newcomer, "ensemble", load_model(newcomer, "ensemble").lock.threshold, "tp").iloc[0]
    assert any(first["image_id"] in part.proto.body for part in app.get("html"))


def test_heatmaps_lie_over_the_same_films_and_a_click_opens_one(show, trained, monkeypatch):
    at = load_model(trained, MODEL).lock.threshold
    app = opened(show, MODEL, next(cell for cell in CELLS if len(films_of(trained, MODEL, at, cell))))
    plain = thumbnails(app)
    [toggle] = [toggle for toggle in app.toggle if toggle.label == "Heatmaps"]
    toggle.set_value(True).run(timeout=120)
    assert not app.exception
    coloured = thumbnails(app)
    assert [film["key"] for film in coloured] == [film["key"] for film in plain]
    assert all(one["url"] != other["url"] for one, other in zip(plain, coloured, strict=True))
    monkeypatch.setattr("xraylab.app.cells.film_grid", lambda films, **_: films[0].key)
    assert "History" in written(app.run())

"""The Compare screen: two models on the films that both held out."""

import pytest

from tests.app.conftest import written
from tests.brief import MODEL
from xraylab import actions
from xraylab.errors import ComparisonError, HonestOrderError
from xraylab.evaluation.comparison import verdict
from xraylab.models import load_model

pytest_plugins = ["tests.shipped"]


def test_two_models_are_compared_with_a_verdict_their_numbers_and_the_films_that_flip(show, newcomer):
    app = show("compare")
    assert not app.exception
    assert not app.error
    first, second = (app.selectbox(key=f"compare {which}").value for which in ("first", "second"))
    assert first == "ensemble"
    found = actions.compare(newcomer, first, second)
    said = written(app)
    assert verdict(found.comparison) in said
    assert f"{found.comparison.calls.first_only} right with {first} alone" in str(
        app.get("button_group")[0].proto
    )
    for name in (first, second):
        auc = actions.evaluate_validation(newcomer, name).auc
        assert f"{auc:.3f}" in said


def test_the_films_that_flip_are_those_that_one_model_alone_calls_rightly(newcomer):
    found = actions.compare(newcomer, "mobilenet_v2", "cnn")
    films = {}
    for name in ("mobilenet_v2", "cnn"):
        model = load_model(newcomer, name)
        said = model.validation.scored
        right = (said.scores >= model.lock.threshold) == (said.labels == 1)
        films[name] = set(said.frame["image_id"][right])
    flipped = [
        set(found.films["image_id"].iloc[rows])
        for rows in (found.comparison.first_only, found.comparison.second_only)
    ]
    assert flipped == [films["mobilenet_v2"] - films["cnn"], films["cnn"] - films["mobilenet_v2"]]


def test_test_scores_stay_sealed(show, newcomer, monkeypatch):
    monkeypatch.setattr(
        "xraylab.models.Model.test", property(lambda _: pytest.fail("the test films were looked at"))
    )
    assert not show("compare").error


def test_a_second_choice_is_compared_on_the_spot(show, newcomer):
    app = show("compare")
    app.selectbox(key="compare second").set_value("mobilenet_v2").run()
    assert not app.error
    assert verdict(actions.compare(newcomer, "ensemble", "mobilenet_v2").comparison) in written(app)
    app.selectbox(key="compare first").set_value("mobilenet_v2").run()  # what was the second is the first now
    assert not app.error
    assert app.selectbox(key="compare second").value != "mobilenet_v2"


def test_one_model_alone_is_no_comparison_and_the_screen_offers_a_training(show, trained):
    app = show("compare")
    assert not app.error
    assert "There are not two models yet to compare" in written(app)


def test_only_models_of_the_same_films_are_offered_and_without_one_a_training_is(show, settled):
    app = show("compare")
    assert app.selectbox(key="compare first").value == MODEL
    assert not app.error
    assert app.selectbox(key="compare second").options == [
        "ensemble · shipped",
        "mobilenet_v2 · shipped",
        "cnn · shipped",
    ]
    card = settled.models / MODEL / "card.json"
    hashed = load_model(settled, MODEL).card.dataset.pixel_hash
    card.write_text(card.read_text().replace(hashed, "of other films"))
    app = show("compare")
    assert not app.error
    assert f"No other model was trained on the films of {MODEL}" in written(app)


@pytest.mark.parametrize(
    ("first", "second", "error", "sentence"),
    [
        ("cnn", "cnn", ComparisonError, "can't be compared with itself"),
        ("cnn", "unlocked", HonestOrderError, "no locked threshold"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(newcomer, starter, first, second, error, sentence):
    (starter / "mobilenet_v2" / "lock.json").unlink()
    with pytest.raises(error, match=sentence):
        actions.compare(newcomer, first, "mobilenet_v2" if second == "unlocked" else second)


def test_models_scored_on_other_films_are_refused_on_the_screen(show, newcomer, starter, monkeypatch):
    real = actions.comparison._films
    monkeypatch.setattr(
        "xraylab.actions.comparison._films",
        lambda model: real(model).iloc[1:] if model.name == "ensemble" else real(model),
    )
    app = show("compare")
    assert "can't be compared" in app.error[0].value

"""The Models screen's card, without a browser."""

import json

import pytest

from tests.support.brief import MODEL
from tests.support.screens import written
from xraylab import actions
from xraylab.models import load_model

pytest_plugins = ["tests.support.perturbed"]


@pytest.fixture
def opened(show):
    """Show the screen with the model card open."""

    def opened():
        app = show("models")
        app.session_state["models card"] = True
        return app.run()

    return opened


def test_the_card_is_written_only_when_it_is_opened(show, trained, monkeypatch):
    def too_early(*_):
        raise AssertionError

    monkeypatch.setattr(actions, "model_card", too_early)
    app = show("models")
    assert not app.error
    assert "Model card" in [expander.label for expander in app.expander]
    assert not app.get("download_button")


def test_an_open_card_shows_what_the_action_writes_and_can_be_saved(opened, trained):
    app = opened()
    assert not app.error
    markdown = actions.model_card(trained, MODEL)
    assert markdown.partition("\n")[2].strip() in [element.value.strip() for element in app.markdown]
    [button] = app.get("download_button")
    assert button.proto.label == "Save as a file"


def test_words_of_a_card_are_never_read_as_markup(opened, trained):
    file = trained.models / MODEL / "card.json"
    card = json.loads(file.read_text())
    card["intended_use"] = "<script>alert(1)</script> [here](http://example.org)"
    file.write_text(json.dumps(card))
    [shown] = [element.value for element in opened().markdown if "## Intended use" in element.value]
    assert r"\<script\>alert(1)\</script\> \[here\](http://example.org)" in shown


def test_damaged_predictions_are_a_sentence_and_the_card_is_still_there(opened, trained):
    (load_model(trained, MODEL).folder / "predictions.parquet").write_bytes(b"PAR1 no parquet")
    app = opened()
    assert not app.exception
    assert "are missing or damaged" in app.error[0].value
    assert "Weights hash" in written(app)
    assert any("How to repeat it" in element.value for element in app.markdown)


def test_the_models_screen_shows_the_suite_only_of_models_that_were_scored_under_it(show, perturbed):
    def heads(app):
        return [element.value for element in app.subheader]

    app = show("models")
    app.selectbox(key="models model").set_value("locked").run()
    assert "Results on degraded films (suite)" in heads(app)
    assert "JPEG at quality 30" in written(app)
    assert written(app).count("not trained for") == 3
    app.selectbox(key="models model").set_value("plain").run()
    assert not app.exception
    assert "Results on degraded films (suite)" not in heads(app)

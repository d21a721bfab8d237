"""The Compare screen: models on the films that all held out."""

import dataclasses
import json

import pytest

from tests.support.brief import MODEL
from tests.support.screens import written
from xraylab import actions, formats, predictions
from xraylab.app.screens.compare import overlaid
from xraylab.errors import ComparisonError, HonestOrderError
from xraylab.evaluation.comparison import verdict
from xraylab.models import Model, load_model

pytest_plugins = ["tests.support.shipped"]
KEY = "compare models"


def chosen(app):
    return app.multiselect(key=KEY).value


def choose(app, *entries):
    return app.multiselect(key=KEY).set_value(list(entries)).run()


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def table_rows(app, table=0):
    """The rows of a table as lists of cells, worded."""
    import html
    import re

    bodies = [part.proto.body for part in app.get("html") if "xl-table" in part.proto.body]
    rows = re.findall(r"<tr>(.*?)</tr>", bodies[table])
    return [
        [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        for row in rows
    ]


def test_two_models_are_compared_with_a_verdict_their_numbers_and_the_films_that_flip(show, newcomer):
    app = show("compare")
    assert not app.exception
    assert not app.error
    first, second = chosen(app)
    assert first == "ensemble"
    found = actions.compare(newcomer, first, second)
    said = written(app)
    assert verdict(found.comparison) in said
    flips = next(group for group in app.get("button_group") if "right with" in str(group.proto))
    assert f"{found.comparison.calls.first_only} right with {first} alone" in str(flips.proto)
    for name in (first, second):
        auc = actions.evaluate_validation(newcomer, name).auc
        assert f"{auc:.3f}" in said


def test_the_films_that_flip_are_those_that_one_model_alone_calls_rightly(newcomer):
    found = actions.compare(newcomer, "mobilenet_v2", "cnn")
    films = {}
    for name in ("mobilenet_v2", "cnn"):
        model = load_model(newcomer, name)
        said = model.films("validation").scored
        right = (said.scores >= model.lock.threshold) == (said.labels == 1)
        films[name] = set(said.frame["image_id"][right])
    flipped = [
        set(found.films["image_id"].iloc[rows])
        for rows in (found.comparison.first_only, found.comparison.second_only)
    ]
    assert flipped == [films["mobilenet_v2"] - films["cnn"], films["cnn"] - films["mobilenet_v2"]]


def test_test_scores_stay_sealed(show, newcomer, monkeypatch):
    look = Model.films

    def films(model, split):
        return look(model, split) if split == "validation" else pytest.fail("looked at the test films")

    monkeypatch.setattr(Model, "films", films)
    app = show("compare")
    actions.name_pair(newcomer, "mobilenet_v2", "cnn", actor="test")
    app = choose(app, "ensemble", "mobilenet_v2", "cnn")
    assert not app.error
    assert "waiting" in written(app)


def test_another_choice_is_compared_on_the_spot_and_the_first_is_the_reference(show, newcomer):
    app = choose(show("compare"), "ensemble", "mobilenet_v2")
    assert not app.error
    assert verdict(actions.compare(newcomer, "ensemble", "mobilenet_v2").comparison) in written(app)
    app = choose(app, "mobilenet_v2", "ensemble")
    assert verdict(actions.compare(newcomer, "mobilenet_v2", "ensemble").comparison) in written(app)


def test_three_models_get_a_column_each_and_are_held_against_the_first(show, newcomer):
    names = ["cnn", "mobilenet_v2", "ensemble"]
    app = choose(show("compare"), *names)
    assert not app.error
    found = actions.compare_models(newcomer, names)
    assert found.verdict in written(app)
    head, *rows = table_rows(app)
    assert head == ["Figure", *(f"{name} · shipped" for name in names)]
    numbers = {row[0]: row[1:] for row in rows}
    for cell, model in zip(numbers["AUC"], found.models, strict=True):
        assert cell.startswith(f"{model.metrics['auc'].value:.3f}")
    assert set(numbers) >= {"NPV", "Kappa", "Matthews correlation", "Locked at", "Recipe", "Training took"}
    head, *rows = table_rows(app, 1)
    assert head == ["cnn minus", "mobilenet_v2", "ensemble"]
    assert len(rows[0]) == 3
    assert "adjusted for 2 pairs" in written(app)


def test_every_chart_has_all_models_told_apart_by_dash_and_marker(show, newcomer):
    names = ["cnn", "mobilenet_v2", "ensemble"]
    app = choose(show("compare"), *names)
    assert len(figures(app)) == 2, "the others wait until they are asked for"
    app.session_state["compare curves further"] = True
    roc, recall, *calibrations = figures(app.run())
    for chart in (roc, recall):
        shown = [trace for trace in chart["data"] if trace.get("showlegend") is not False]
        assert [trace["name"] for trace in shown] == [f"{name} · shipped" for name in names]
        assert len({trace["line"]["dash"] for trace in shown}) == 3
        assert len({trace["marker"]["symbol"] for trace in shown}) == 3
    assert len(calibrations) == 3  # these models have no history


def test_the_lock_lies_on_the_curves(show, newcomer):
    app = choose(show("compare"), "cnn", "mobilenet_v2")
    roc, recall, *_ = figures(app)
    said = actions.evaluate_validation(newcomer, "cnn")
    locks = [next(trace for trace in chart["data"] if trace["mode"] == "markers") for chart in (roc, recall)]
    assert (locks[0]["x"], locks[0]["y"]) == (
        [pytest.approx(1 - said.specificity)],
        [pytest.approx(said.sensitivity)],
    )
    assert (locks[1]["x"], locks[1]["y"]) == (
        [pytest.approx(said.sensitivity)],
        [pytest.approx(said.precision)],
    )


def test_a_chart_is_made_anew_only_if_something_in_it_changes(show, newcomer, monkeypatch):
    made, make = [], overlaid._framed
    monkeypatch.setattr(overlaid, "_framed", lambda *args, **kwargs: made.append(1) or make(*args, **kwargs))
    app = choose(show("compare"), "ensemble", "mobilenet_v2")
    before = figures(app)
    made.clear()
    assert figures(app.run()) == before
    assert not made
    actions.lock(newcomer, "mobilenet_v2", 0.25, actor="test")
    after = figures(app.run())
    assert len(made) == 2, "the two charts with the models' locks"
    assert after != before
    app = app.toggle(key="compare curves corner").set_value(True).run()
    assert len(made) == 4
    assert figures(app)[0]["layout"]["xaxis"]["range"] != after[0]["layout"]["xaxis"]["range"]


def test_the_corner_where_good_models_differ_can_be_enlarged(show, newcomer):
    app = show("compare")
    app = app.toggle(key="compare curves corner").set_value(True).run()
    roc, recall, *_ = figures(app)
    for chart, (low, high) in ((roc, (0, 0.2)), (recall, (0.8, 1))):
        shown = chart["layout"]["xaxis"]["range"]
        assert shown == pytest.approx([low, high], abs=0.01)


def test_charts_can_be_saved_and_nothing_else_be_done_with_them(show, newcomer):
    app = show("compare")
    configs = [json.loads(chart.proto.config) for chart in app.get("plotly_chart")]
    assert configs
    for config in configs:
        assert config["modeBarButtons"] == [["toImage"]]
        assert config["toImageButtonOptions"]["format"] == "png"
    picked = next(group for group in app.get("button_group") if "SVG" in str(group.proto))
    app.session_state[picked.proto.id.rsplit("-", 1)[-1]] = "SVG"
    app = app.run()
    configs = [json.loads(chart.proto.config) for chart in app.get("plotly_chart")]
    assert {config["toImageButtonOptions"]["format"] for config in configs} == {"svg"}


def test_one_model_alone_is_no_comparison_and_the_screen_offers_a_training(show, trained):
    app = show("compare")
    assert not app.error
    assert "There are not two models yet to compare" in written(app)


def test_only_models_of_the_same_films_are_offered_and_without_one_a_training_is(show, settled):
    actions.use_for_reading(settled, MODEL, actor="test")
    app = show("compare")
    assert not app.error
    assert chosen(app)[0] == MODEL
    shipped = ["ensemble · shipped", "mobilenet_v2 · shipped", "cnn · shipped"]
    assert app.multiselect(key=KEY).options == [MODEL, *shipped]
    card = settled.models / MODEL / "card.json"
    hashed = load_model(settled, MODEL).card.dataset.pixel_hash
    card.write_text(card.read_text().replace(hashed, "of other films"))
    app = show("compare")
    assert not app.error
    assert f"No other model was trained on the films of {MODEL}" in written(app)
    app = choose(app)  # without any, everything is offered again
    assert "Choose two or more models" in written(app)
    assert app.multiselect(key=KEY).options == [MODEL, *shipped]
    app = choose(app, "cnn")
    assert app.multiselect(key=KEY).options == shipped


def test_what_was_chosen_is_still_there_when_the_screen_is_opened_again_unless_it_is_gone(show, settled):
    app = choose(show("compare"), "cnn", MODEL, "ensemble")
    app = app.switch_page("pages/models.py").run().switch_page("pages/compare.py").run()
    assert chosen(app) == ["cnn", MODEL, "ensemble"]
    (settled.models / MODEL / "card.json").unlink()
    app = app.run()
    assert not app.error
    assert chosen(app) == ["cnn", "ensemble"]


def test_a_ready_made_comparison_fills_the_choice(show, newcomer):
    app = show("compare")
    [button] = [one for one in app.button if one.label == "Ensemble against its best member"]
    app = button.click().run()
    assert not app.error
    best = max(("mobilenet_v2", "cnn"), key=lambda name: actions.evaluate_validation(newcomer, name).auc)
    assert chosen(app) == ["ensemble", best]
    assert not [one for one in app.button if one.label.startswith(("Before and after", "CNN against"))]


@pytest.fixture
def seeded(settled, add_model):
    for seed in range(3):
        add_model(settled, f"net-s{seed}", "small_cnn", 20 + seed)
    return settled


def test_seeds_are_chosen_as_one_and_shown_with_their_spread(show, seeded):
    app = show("compare")
    assert "net, 3 seeds" in app.multiselect(key=KEY).options
    app = choose(app, "cnn", "seeds:net")
    assert not app.error
    spread = actions.compare_models(seeded, ["cnn", "seeds:net"]).models[1].spread["auc"]
    row = next(row for row in table_rows(app) if row[0] == "AUC")
    assert f"{spread.mean:.3f} ± {spread.sd:.3f}" in row[2] or "<0.001" in row[2]
    assert "not an interval" in written(app)
    assert "no test is made with them" in written(app)
    assert not [button for button in app.button if button.key == "name pair"]


def test_a_pair_is_named_for_the_test_and_its_result_appears_once_both_were_opened(show, newcomer):
    app = choose(show("compare"), "mobilenet_v2", "cnn")
    app = app.button(key="name pair").click().run()
    assert not app.error
    said = written(app)
    assert "mobilenet_v2 and cnn are named for the test." in said
    assert "waiting" in said
    assert actions.named_pairs(newcomer)[0].actor == "app"
    assert not [button for button in app.button if button.key == "name pair"]  # once is enough
    for name in ("mobilenet_v2", "cnn"):
        actions.open_test(newcomer, name, actor="test")
    app = app.run()
    assert not app.error
    [row] = actions.test_pairs(newcomer, None)
    assert "tested" in written(app)
    assert row.result.verdict in written(app)


def test_whoever_has_looked_is_told_why_no_pair_can_be_named(show, newcomer):
    actions.open_test(newcomer, "cnn", actor="test")
    app = choose(show("compare"), "mobilenet_v2", "cnn")
    assert not app.error
    assert "a pair is named before anybody has looked" in written(app)
    assert not [button for button in app.button if button.key == "name pair"]


def test_which_pair_flips_is_chosen_among_several(show, newcomer):
    app = choose(show("compare"), "ensemble", "mobilenet_v2", "cnn")
    [box] = [box for box in app.selectbox if box.label == "Pair of models"]
    assert len(box.options) == 3
    app = box.set_value(box.options[2]).run()
    assert not app.error
    found = actions.compare(newcomer, "mobilenet_v2", "cnn").comparison
    flips = next(group for group in app.get("button_group") if "right with" in str(group.proto))
    assert f"{found.calls.first_only} right with mobilenet_v2 alone" in str(flips.proto)


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


@pytest.mark.parametrize("kept", ["label == 1", "label == 0", "group == group.iloc[0]"])
def test_films_of_one_class_or_of_one_patient_give_dashes_and_a_sentence(show, newcomer, starter, kept):
    for name in ("mobilenet_v2", "cnn", "ensemble"):
        file = starter / name / "predictions.parquet"
        said = predictions.read(file)
        frame = said.frame.query("split == 'validation'").sort_values("image_id").query(kept)
        predictions.write(file, dataclasses.replace(said, frame=frame))
    app = choose(show("compare"), "mobilenet_v2", "cnn", "ensemble")
    assert not app.exception
    assert not app.error
    assert "can't tell cnn and ensemble from mobilenet_v2" in written(app)
    row = next(row for row in table_rows(app, 1) if row[0] == "AUC: p by DeLong")
    assert row[1:] == [formats.DASH, formats.DASH]


def test_models_scored_on_other_films_are_refused_on_the_screen(show, newcomer, starter, monkeypatch):
    real = actions.comparison._films
    monkeypatch.setattr(
        "xraylab.actions.comparison._films",
        lambda model, *more: real(model, *more).iloc[1:] if model.name == "ensemble" else real(model, *more),
    )
    app = show("compare")
    assert "can't be compared" in app.error[0].value

"""Details and Export on the Threshold screen: computed when they are asked for, and what they then say."""

import json

import pytest
from sklearn import metrics

from tests.support.brief import BOTH, MODEL
from tests.support.screens import written
from xraylab import actions, formats
from xraylab.evaluation import estimates
from xraylab.evaluation.calibration import measure_calibration
from xraylab.models import load_model

pytest_plugins = ["tests.support.averaged", "tests.support.shipped"]

EXPORTS = ["Thresholds as CSV", "Film scores as CSV", "Evaluation as JSON", "Evaluation as PDF"]


def opened(show, name=MODEL, split="validation"):
    app = show("threshold")
    if app.selectbox(key="threshold model").value != name:
        app = app.selectbox(key="threshold model").set_value(name).run()
    app.session_state[f"threshold details {name} {split}"] = True
    return app.run()


def test_details_are_not_computed_until_they_are_opened(show, trained, monkeypatch):
    monkeypatch.setattr(
        "xraylab.app.screens.threshold.details.rate_estimates", lambda *_: pytest.fail("computed")
    )
    app = show("threshold")
    assert not app.exception
    assert not app.error
    assert "Cohen’s kappa" not in written(app)


def test_opened_they_give_every_figure_with_both_intervals(show, trained):
    app = opened(show)
    assert not app.exception
    assert not app.error
    lock = load_model(trained, MODEL).lock
    said = load_model(trained, MODEL).films("validation").scored
    called = said.scores >= lock.threshold
    text = " ".join(written(app).split())
    found = estimates.rate_estimates(said.labels, said.scores, said.groups, lock.threshold)
    kappa = found["kappa"]
    assert (
        f"Cohen’s kappa {formats.ratio(metrics.cohen_kappa_score(said.labels, called))} "
        f"{formats.ratio_interval(*kappa.interval)} {formats.ratio_interval(*kappa.by_film)} jackknife"
    ) in text
    accuracy = found["balanced_accuracy"]
    assert (
        " ".join(
            f"Balanced accuracy {formats.percent(metrics.balanced_accuracy_score(said.labels, called))} "
            f"{formats.interval(*accuracy.interval)} {formats.interval(*accuracy.by_film)} MOVER".split()
        )
        in text
    )
    for name in ("micro average (the accuracy)", "macro average", "weighted average"):
        assert name in text


def test_calibration_has_intervals_or_a_reason_and_says_where_the_scores_are(show, trained):
    text = " ".join(written(opened(show)).split())
    films = load_model(trained, MODEL).films("validation").scored
    measured = measure_calibration(films.labels, films.scores, films.frame["logit"], films.groups)
    for words in (
        f"Slope {measured.slope:.3f}".replace("-", "−"),
        f"Observed / expected pneumonias {measured.ratio:.3f}",
        f"Observed over expected pneumonias: {measured.observed} of {measured.expected:.1f}",
        measured.too_few,
        "With pneumonia, 95 % by patient",
    ):
        assert words in text
    assert "calibrated on these same films" not in text


def test_the_figures_of_an_ensemble_are_said_to_be_of_the_films_that_calibrated_it(show, averaged):
    text = " ".join(written(opened(show, BOTH)).split())
    assert "The model was calibrated on these same films, so these figures look better than they are." in text


def test_an_export_takes_its_cost_from_the_user_alone(show, trained):
    assert "It has a net benefit only if you type a cost above" in written(show("threshold"))
    app = show("threshold")
    app.session_state["cost of a miss"] = 7.0
    assert "A missed pneumonia costs 7 false alarms, as typed above." in written(app.run())


def test_a_model_of_kinds_has_a_report_of_three_classes(show, kinds):
    app = opened(show, "three-1")
    assert not app.error
    text = written(app)
    assert "called BACTERIAL" in text
    assert "AUC against the rest" in text


def test_the_four_files_are_offered_and_none_is_made_until_it_is_asked_for(show, trained, monkeypatch):
    for name in ("threshold_csv", "predictions_csv", "evaluation_report", "drawn"):
        monkeypatch.setattr(actions, name, lambda *_, **__: pytest.fail("made"))
    app = show("threshold")
    assert not app.exception
    assert not app.error
    offered = app.get("download_button")
    assert [one.proto.label for one in offered] == EXPORTS
    assert all(one.proto.deferred_file_id for one in offered)


@pytest.mark.parametrize("lock", [None, {"model_sha256": "ff" * 32}])
def test_without_a_lock_that_fits_there_is_no_evaluation_to_export(show, trained, lock):
    file = trained.models / MODEL / "lock.json"
    told = json.loads(file.read_text())
    file.unlink() if lock is None else file.write_text(json.dumps(told | lock))
    app = show("threshold")
    assert not app.error
    disabled = {one.proto.label: one.proto.disabled for one in app.get("download_button")}
    assert disabled == dict(zip(EXPORTS, [False, False, True, True], strict=True))
    assert "An evaluation needs a lock that was made for these weights." in written(app)

"""The audit on Data: offered, started by its button, told while it goes on, worst first, and plain text."""

from datetime import UTC, datetime
from typing import get_args

import pytest

from tests.support.screens import written
from xraylab.app import audit_view
from xraylab.app.audit_view import progress_words
from xraylab.audit.found import Check, Found
from xraylab.audit.kept import keep
from xraylab.audit.naive import Claim, Measured, Naive
from xraylab.data.datasets import load_dataset
from xraylab.formats import NARROW_SPACE, THIN_SPACE
from xraylab.runs import auditing
from xraylab.runs.auditing import AuditProgress
from xraylab.runs.lease import acquire

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def dataset(imported):
    [folder] = imported.datasets.iterdir()
    return load_dataset(imported, folder.name)


@pytest.fixture
def started(show, monkeypatch):
    """Note which parts of an audit the screen starts, of which dataset."""
    asked = []
    monkeypatch.setattr(
        "xraylab.runs.auditing.start", lambda _, dataset, parts: asked.append((dataset.info.name, parts))
    )
    return asked


def progress(dataset, state="running", **facts):
    return AuditProgress(
        imported_at=dataset.info.created_at,
        parts=("quick", "slow"),
        state=state,
        at=datetime.now(UTC),
        **{"doing": "Looking for wrong labels", "done": 1200, "total": 5216} | facts,
    )


def test_every_check_has_a_title():
    assert set(audit_view.TITLES) == set(get_args(Check))


def test_films_that_were_not_checked_say_so_and_a_button_starts_the_checks(show, dataset, started):
    app = show("data")
    assert "weren't checked yet" in written(app)
    app.button(key="audit").click().run()
    assert not app.exception
    assert started == [(dataset.info.name, ("quick", "slow"))]


def test_a_split_by_image_is_measured_if_somebody_asks_for_it(show, dataset, started):
    app = show("data")
    app.button(key="audit naive").click().run()
    assert started == [(dataset.info.name, ("naive",))]


def test_an_import_starts_the_checks_unless_its_box_is_cleared(show, imported, phantom_folder, started):
    for name, check in (("checked", True), ("unchecked", False)):
        app = show("data")
        app.text_input(key="import path").set_value(str(phantom_folder))
        app.text_input(key="import name").set_value(name)
        if not check:
            app.checkbox(key="import check").uncheck()
        [button] = [button for button in app.button if button.label == "Import"]
        button.click().run(timeout=120)
        assert not app.exception
    assert started == [("checked", ("quick", "slow"))]


def test_the_worst_comes_first_and_what_a_file_is_called_stays_text(show, dataset):
    high = Found(
        check="duplicates",
        severity="high",
        figure=1,
        sentence="<b>a.png</b> occurs 1\u2009200 times.",
        mend="Leave one <i>out</i>.",
    )
    none = Found(check="unreadable", severity="none", figure=0, sentence="All 3 files could be read.")
    keep(dataset, [none, high])
    app = show("data")
    [shown, quiet] = [
        html for node in app.get("html") if '<div class="xl-findings"' in (html := node.proto.body)
    ]
    assert f"&lt;b&gt;a.png&lt;/b&gt; occurs 1{NARROW_SPACE}200 times." in shown
    assert THIN_SPACE not in shown
    assert "Leave one &lt;i&gt;out&lt;/i&gt;." in shown
    assert "Mend this first · Identical pictures" in shown
    assert "All 3 files could be read." in quiet
    assert "1 check found nothing" in [expander.label for expander in app.expander]
    assert "Checked " in written(app)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "Looking for wrong labels: 1\u2009200 of 5\u2009216 films"),
        ({"doing": "Looking at the files", "done": 0}, "Looking at the files"),
        ({"doing": "Comparing films", "done": 7, "total": 90}, "Comparing films: 7 of 90 pairs of films"),
        (
            {"doing": "Training by image and by patient", "done": 3, "total": 42},
            "Training by image and by patient: 3 of 42 trainings",
        ),
        ({"state": "stopping"}, "Stopping"),
    ],
)
def test_progress_is_told_in_words(dataset, facts, words):
    assert progress_words(progress(dataset, **facts)) == words


def test_an_audit_at_work_shows_how_far_it_is_with_a_stop_and_no_second_start(show, imported, dataset):
    keep(dataset, [Found(check="duplicates", severity="high", figure=1, sentence="One occurs twice.")])
    name = dataset.info.name
    assert acquire(imported, auditing.lease_of(name))  # this process counts as the worker
    auditing.write(imported, name, progress(dataset))
    app = show("data")
    assert "You can leave this screen." in written(app)
    assert "One occurs twice." in written(app)  # while the rest goes on
    keys = {button.key for button in app.button}
    assert "audit stop" in keys
    assert not keys & {"audit", "audit naive"}
    app.button(key="audit stop").click().run()
    assert auditing.cancelled(imported, name)
    assert app.button(key="audit stop").disabled


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("running", "ended before its time"),  # its process is gone
        ("cancelled", "The last check was stopped."),
        ("failed", "No ImageNet weights."),
        ("done", ""),
    ],
)
def test_the_end_of_an_audit_is_told_and_it_can_be_started_again(show, imported, dataset, state, words):
    auditing.write(imported, dataset.info.name, progress(dataset, state, error="No ImageNet weights."))
    app = show("data")
    assert words in written(app)
    assert not app.exception
    assert app.button(key="audit").label == "Check these films"
    assert "audit stop" not in {button.key for button in app.button}


def test_what_a_split_by_image_would_claim_stands_in_a_sentence_and_a_table(show, dataset):
    def claim(auc, accuracy):
        return Claim(
            auc=Measured(value=auc, low=auc - 0.002, high=auc + 0.001),
            accuracy=Measured(value=accuracy, low=accuracy - 0.01, high=accuracy + 0.01),
        )

    naive = Naive(
        recipe="quick",
        network="Lite",
        n=4434,
        patients=3105,
        draws=3,
        trainings=21,
        shared=0.4,
        by_image=claim(0.998, 0.975),
        by_patient=claim(0.994, 0.965),
        auc=Measured(value=0.004, low=0.003, high=0.005),
        accuracy=Measured(value=0.01, low=-0.001, high=0.021),
        minutes=4.0,
        sentence="Split by image, the recipe would have claimed more.",
    )
    keep(dataset, naive=naive)
    app = show("data")
    words = written(app)
    assert "Split by image, the recipe would have claimed more." in words
    assert "Means of 21 trainings by each way, on 4\u202f434 training and validation films" in words
    for cell in ("0.998", "0.996–0.999", "0.994", "+0.0040", "+0.0030 to +0.0050", "+1.0 points"):
        assert cell in words

"""The audit on Data: offered, made with its button, shown with the worst first, and plain text throughout."""

import pytest

from tests.support.screens import written
from xraylab.audit.found import Found
from xraylab.audit.kept import keep, last_audit
from xraylab.data.datasets import load_dataset
from xraylab.formats import NARROW_SPACE, THIN_SPACE

pytest_plugins = ["tests.support.trained"]


@pytest.fixture
def dataset(imported):
    [folder] = imported.datasets.iterdir()
    return load_dataset(imported, folder.name)


def test_films_that_were_not_checked_say_so_and_a_button_checks_them(show, dataset):
    app = show("data")
    assert "weren't checked yet" in written(app)
    app.button(key="audit").click().run()
    assert not app.exception
    audit = last_audit(dataset)
    assert audit is not None
    words = written(app)
    assert "Checked today" in words or "Checked" in words
    assert "weren't checked yet" not in words
    for found in audit.findings:
        assert found.sentence.replace(THIN_SPACE, NARROW_SPACE) in words
    assert "label_errors" not in {found.check for found in audit.findings}


def test_the_worst_comes_first_and_what_a_file_is_called_stays_text(show, dataset):
    high = Found(
        check="duplicates",
        severity="high",
        figure=1,
        sentence="<b>a.png</b> occurs twice.",
        mend="Leave one <i>out</i>.",
    )
    none = Found(check="unreadable", severity="none", figure=0, sentence="All 3 files could be read.")
    keep(dataset, [high, none])
    app = show("data")
    [shown, quiet] = [
        html for node in app.get("html") if '<div class="xl-findings"' in (html := node.proto.body)
    ]
    assert "&lt;b&gt;a.png&lt;/b&gt; occurs twice." in shown
    assert "Leave one &lt;i&gt;out&lt;/i&gt;." in shown
    assert "Mend this first" in shown
    assert "All 3 files could be read." in quiet
    assert "1 check found nothing" in [expander.label for expander in app.expander]


def test_labels_are_checked_if_somebody_asks_for_it(show, dataset):
    app = show("data")
    app.checkbox(key="audit labels").check().run()
    app.button(key="audit").click().run(timeout=300)
    assert not app.exception
    audit = last_audit(dataset)
    assert audit is not None
    assert "label_errors" in {found.check for found in audit.findings}

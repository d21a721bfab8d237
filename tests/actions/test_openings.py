"""An opening isn't forgotten, whatever happens to the dataset meanwhile."""

from tests.support.brief import DATASET, FILMS, MODEL
from xraylab import actions
from xraylab.data.datasets import load_dataset
from xraylab.models import load_model, openings_of_dataset

pytest_plugins = ["tests.support.trained"]


def test_an_opening_in_the_moment_of_a_replacement_counts_and_stamps_the_next_lock(trained, phantom_folder):
    def open_meanwhile(done, _total):
        if done == FILMS:
            actions.open_test(trained, MODEL, actor="app")

    again = actions.import_dataset(trained, phantom_folder, DATASET, replace=True, on_progress=open_meanwhile)
    assert again.test_openings == 1
    assert len(openings_of_dataset(trained, load_dataset(trained, DATASET))) == 1
    assert actions.lock(trained, MODEL, "f1", actor="app").after_opening


def test_an_opening_is_remembered_when_a_killed_replacement_moved_the_dataset_aside(trained, phantom_folder):
    actions.open_test(trained, MODEL, actor="app")
    (trained.datasets / DATASET).rename(trained.datasets / f".{DATASET}.{'0' * 32}.retired")
    assert [row.test_openings for row in actions.list_datasets(trained)] == [1]
    (trained.datasets / DATASET).rename(trained.datasets / f".{DATASET}.{'1' * 32}.retired")
    assert actions.import_dataset(trained, phantom_folder, DATASET, replace=True).test_openings == 1
    assert load_model(trained, MODEL).test_opened

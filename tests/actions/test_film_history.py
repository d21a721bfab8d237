"""The history of a film, and films like it."""

import numpy as np
import pytest

from xraylab import actions
from xraylab.audit.features import features_of_dataset
from xraylab.audit.found import Found
from xraylab.audit.kept import keep
from xraylab.data.datasets import load_dataset
from xraylab.formats import score
from xraylab.models import load_model

pytest_plugins = ["tests.support.trained"]


def dataset_of(settings):
    [folder] = settings.datasets.iterdir()
    return load_dataset(settings, folder.name)


def row_of(dataset, split):
    return int(dataset.rows(split)[0])


def test_a_film_tells_its_import_its_findings_and_who_used_and_scored_it(trained):
    dataset = dataset_of(trained)
    [name] = [path.name for path in trained.models.iterdir()]
    row = row_of(dataset, "validation")
    film = dataset.catalog["image_id"].iloc[row]
    lines = actions.history_of_film(trained, dataset, row)
    assert lines[0].startswith("Imported on 20")
    assert lines[0].endswith(f"with {dataset.info.n} films.")
    assert lines[1] == "These films weren't audited yet."
    assert f"Used to choose or calibrate “{name}”." in lines
    frame = load_model(trained, name).films("validation").frame
    [value] = frame["score"][frame["image_id"] == film]
    assert any(line.startswith(f"Scored {score(value)} by “{name}”") for line in lines)

    keep(dataset, [Found(check="near_duplicates", severity="low", figure=1, sentence="One.", films=(film,))])
    assert "Named by the audit under “Versions of one picture”." in actions.history_of_film(
        trained, dataset, row
    )
    assert f"Used to train “{name}”." in actions.history_of_film(trained, dataset, row_of(dataset, "train"))


def test_the_score_of_a_sealed_test_film_stays_sealed(trained):
    dataset = dataset_of(trained)
    [name] = [path.name for path in trained.models.iterdir()]
    row = row_of(dataset, "test")
    told = " ".join(actions.history_of_film(trained, dataset, row))
    assert f"by “{name}”" not in told
    actions.lock(trained, name, "youden", actor="test")
    actions.open_test(trained, name, actor="test")
    assert f"by “{name}”" in " ".join(actions.history_of_film(trained, dataset, row))


def test_films_alike_are_found_once_a_dataset_was_described(imported):
    dataset = dataset_of(imported)
    assert actions.similar_in(imported, dataset, 0, 5) is None
    assert actions.described(imported) == []
    features_of_dataset(imported, dataset)
    [known] = actions.described(imported)
    assert known.info.name == dataset.info.name
    found = actions.similar_in(imported, dataset, 4, 5)
    assert found is not None
    assert len(found.films.rows) == 5
    assert 4 not in found.films.rows
    # The film itself, read from elsewhere, is nearest to itself.
    [other] = actions.similar_to(imported, np.asarray(dataset.pixels[4]), [dataset], 3)
    assert other.films.rows[0] == 4
    assert other.films.distances[0] == pytest.approx(0, abs=1e-3)

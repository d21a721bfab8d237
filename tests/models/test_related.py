"""Which models belong together, told from their cards."""

import json

import pytest

from tests.support.brief import BOTH, DATASET, MEMBERS
from xraylab.findings import state_finding
from xraylab.models import list_models, load_model, ready_made, seed_groups
from xraylab.models.related import BEST_MEMBER, FINE_TUNING, TRANSFER

pytest_plugins = ["tests.support.averaged"]

TASKS = ("pneumonia", "finding")
HEAD = {"trains": "head", "epochs": 15, "learning_rate": 1e-3}
TAIL = {"trains": "tail:1", "epochs": 5, "learning_rate": 1e-4}
ALL = {"trains": "all", "epochs": 3, "learning_rate": 1e-3}


@pytest.fixture
def home(members):
    """The home, whose models get the names and cards that a test asks for."""
    original = members.models / MEMBERS[0]
    for folder in members.models.iterdir():
        if folder != original:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def add(name, **card):
        said = json.loads((original / "card.json").read_text())
        recipe = {"name": "mine", "seed": 0, "stages": [ALL]} | card.pop("recipe", {})
        folder = members.models / name
        folder.mkdir()
        told = {"name": name, "recipe": recipe, "model_sha256": f"of {name}"} | card
        (folder / "card.json").write_text(json.dumps(said | told))
        for file in ("predictions.parquet", "lock.json"):
            (folder / file).write_bytes((original / file).read_bytes())
        return load_model(members, name)

    return add


def asked(*models):
    return {question: [model.name for model in pair] for question, pair in ready_made(models).items()}


def grouped(*models):
    return {group.name: [model.name for model in group.models] for group in seed_groups(models)}


def test_seeds_of_one_training_are_one_group_by_seed(home):
    models = [home(f"net-s{n}", recipe={"seed": n}) for n in (1, 0, 2)]
    assert grouped(*models) == {"net": ["net-s0", "net-s1", "net-s2"]}


def test_seeds_of_different_findings_are_no_group_and_an_older_name_of_the_task_is_the_same(home):
    before, now = (home(f"net-s{n}", recipe={"seed": n, "task": task}) for n, task in enumerate(TASKS))
    assert grouped(before, now) == {"net": ["net-s0", "net-s1"]}
    other = now.card.dataset.model_copy(
        update={"finding": state_finding("effusion", ["PNEUMONIA"], ["NORMAL"])}
    )
    third = home("net-s2", recipe={"seed": 2}, dataset=other.model_dump(mode="json"))
    assert grouped(before, now, third) == {"net": ["net-s0", "net-s1"]}


def test_the_first_seed_may_lack_its_number_and_the_recipe_may_be_named_after_it(home):
    models = [
        home("net", recipe={"name": "long", "seed": 0}),
        home("net-seed1", recipe={"name": "long-seed1", "seed": 1}),
    ]
    assert grouped(*models) == {"net": ["net", "net-seed1"]}


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": {"seed": 1, "stages": [HEAD]}},
        {"recipe": {"seed": 1, "batch_size": 8}},
        {"recipe": {"seed": 1}, "arch": "cnn"},
        {"recipe": {"seed": 1}, "weights": "imagenet"},
        {"recipe": {"seed": 1}, "weights_sha256": "another file"},
        {"recipe": {"seed": 1}, "classes": ["NORMAL", "BACTERIAL", "VIRAL"]},
        {"recipe": {"seed": 0}},
        {"recipe": {"seed": "0, 1"}, "arch": "ensemble"},
    ],
)
def test_what_differs_in_more_than_the_seed_or_not_at_all_is_no_group(home, other):
    assert grouped(home("net-s0"), home("net-s1", **other)) == {}


def test_other_films_or_another_name_are_no_group(home):
    first = home("net-s0")
    dataset = first.card.dataset.model_dump() | {"pixel_hash": "of other films"}
    assert grouped(first, home("net-s1", recipe={"seed": 1}, dataset=dataset)) == {}
    assert grouped(first, home("mesh-s1", recipe={"seed": 1})) == {}


def test_before_and_after_fine_tuning_are_one_network_frozen_and_trained_further(home):
    frozen = home("frozen", weights="imagenet", recipe={"stages": [HEAD]})
    tuned = home("tuned", weights="imagenet", recipe={"stages": [HEAD, TAIL]})
    assert asked(tuned, frozen)[FINE_TUNING] == ["frozen", "tuned"]
    assert FINE_TUNING not in asked(frozen, home("other", weights="imagenet", arch="cnn"))
    assert FINE_TUNING not in asked(frozen, home("scratch", recipe={"stages": [HEAD, TAIL]}))


def test_of_several_the_one_that_goes_on_where_the_other_ended_is_preferred(home):
    frozen = home("frozen", weights="imagenet", recipe={"stages": [HEAD]})
    unlike = home("unlike", weights="imagenet", recipe={"stages": [ALL]})
    longer = home("longer", weights="imagenet", recipe={"stages": [HEAD, TAIL]})
    seeded = home("seeded", weights="imagenet", recipe={"stages": [HEAD, TAIL], "seed": 1})
    started = home("started", weights="frozen", weights_sha256="of frozen")
    assert asked(frozen, unlike, seeded, longer)[FINE_TUNING] == ["frozen", "longer"]
    assert asked(frozen, unlike, seeded, longer, started)[FINE_TUNING] == ["frozen", "started"]


def test_a_network_from_random_weights_stands_against_one_from_imagenets(home):
    cnn, net = home("cnn"), home("net", weights="imagenet")
    alike = home("alike", weights="imagenet", recipe={"name": "other", "seed": 1})
    assert asked(alike, net, cnn)[TRANSFER] == ["cnn", "net"]
    assert TRANSFER not in asked(cnn)


def test_an_ensemble_stands_against_the_member_that_ranks_validation_best(averaged):
    models = {model.name: model for model in list_models(averaged)}
    [(question, pair)] = ready_made(list(models.values())).items()
    assert (question, pair[0].name) == (BEST_MEMBER, BOTH)
    from sklearn.metrics import roc_auc_score

    aucs = {
        name: roc_auc_score(models[name].films("validation").labels, models[name].films("validation").scores)
        for name in MEMBERS
    }
    assert aucs[pair[1].name] == max(aucs.values())


def test_a_member_that_was_replaced_is_not_what_the_ensemble_averages(averaged, add_model):
    for name in MEMBERS:
        card = averaged.models / name / "card.json"
        said = json.loads(card.read_text())
        card.write_text(json.dumps(said | {"model_sha256": f"of another {name}"}))
    assert ready_made(list_models(averaged)) == {}


def test_models_of_other_films_or_without_a_lock_are_not_offered(home):
    cnn, net = home("cnn"), home("net", weights="imagenet")
    (net.folder / "lock.json").unlink()
    assert asked(cnn, net) == {}
    dataset = cnn.card.dataset.model_dump() | {"pixel_hash": "of other films"}
    assert asked(cnn, home("strange", weights="imagenet", dataset=dataset)) == {}
    assert cnn.card.dataset.name == DATASET

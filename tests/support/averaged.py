"""
Homes with models to average: made once per run, copied for each test.

Only the heads are fitted, by logistic regression on the features of a random network. That takes a second,
and unlike a brief training it always tells the classes apart to some degree. A test module loads the fixtures
with ``pytest_plugins = ["tests.support.averaged"]``.
"""

import hashlib
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.linear_model import LogisticRegression

from tests.support.brief import BOTH, DATASET, KINDS, MEMBERS
from tests.support.workers import made_once
from xraylab import actions
from xraylab import predictions as predictions_file
from xraylab.data.datasets import Dataset, load_dataset
from xraylab.imaging import PREPROCESS_VERSION
from xraylab.models import FILMS_FILE, Card, Model, TrainedOn, films_bytes, made_from
from xraylab.networks.inputs import to_input
from xraylab.networks.registry import Network, build, network
from xraylab.predictions import Predictions
from xraylab.reading.scoring import score_network
from xraylab.settings import Settings, load_settings

pytest_plugins = ["tests.support.trained"]


def fitted(entry: Network, dataset: Dataset, targets: np.ndarray, seed: int) -> torch.nn.Module:
    """Return a random network with a fitted head."""
    torch.manual_seed(seed)
    net = build(entry, classes=len(set(targets.tolist())))
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # keep the statistics of the single pass that follows
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    linear = net.get_submodule(entry.head)[1]
    seen = []
    hook = linear.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    x = to_input(torch.from_numpy(np.array(dataset.pixels)), entry)
    with torch.no_grad():
        net.train()(x)
        net.eval()(x)
        hook.remove()
        features = seen[1].double().numpy()
        centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
        model = LogisticRegression(C=2e-3).fit((features - centre) / scale, targets)
        weight = model.coef_ / scale
        bias = model.intercept_ - weight @ centre
        if len(weight) == 1:  # scikit-learn keeps one row for two classes
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        linear.weight.copy_(torch.from_numpy(weight))
        linear.bias.copy_(torch.from_numpy(bias))
    return net


def make_model(
    settings: Settings, name: str, arch: str, seed: int, *, dataset: str = DATASET, task: str = "finding"
) -> Model:
    """Write the folder of a model as the executor does, but without a history."""
    films, entry = load_dataset(settings, dataset), network(arch)
    finding = films.info.finding
    classes = finding.classes_by_kind if task == "subtype" else finding.classes
    net = fitted(entry, films, films.targets(task), seed)
    rows = np.concatenate([films.rows("validation"), films.rows("test")])
    scores = score_network(net, entry, films.pixels, rows, device=torch.device("cpu"))
    raw = safetensors.torch.save({key: value.contiguous() for key, value in net.state_dict().items()})
    info = films.info
    card = Card(
        name=name,
        arch=arch,
        classes=classes,
        created_at=datetime.now(UTC),
        run="",
        dataset=TrainedOn(
            name=dataset,
            kind=info.kind,
            finding=info.finding,
            pixel_hash=info.pixel_hash,
            patient_key=info.patient_key,
            splits=info.splits,
        ),
        weights="none",
        weights_sha256="",
        recipe={"name": "head", "seed": seed},
        best_epoch=1,
        epochs=1,
        parameters=sum(p.numel() for p in net.parameters()),
        seconds=1.0,
        device="cpu",
        preprocess_version=PREPROCESS_VERSION,
        model_sha256=hashlib.sha256(raw).hexdigest(),
        versions={},
    )
    folder = settings.models / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(raw)
    (folder / "card.json").write_text(card.model_dump_json())
    columns = ["image_id", "patient", "group", "split", "label", "subtype"]
    frame = films.catalog.iloc[rows][columns].reset_index(drop=True).assign(**scores.columns(classes))
    predictions_file.write(
        folder / "predictions.parquet", Predictions(frame, card.model_sha256, info.pixel_hash)
    )
    made = made_from(films.catalog, films.fingerprints(), None)
    (folder / FILMS_FILE).write_bytes(films_bytes(made))
    actions.lock(settings, name, "youden", actor="training")
    return Model(folder, card)


@pytest.fixture(scope="session")
def members_home(tmp_path_factory: pytest.TempPathFactory, imported_home: Path) -> Path:
    def make(home: Path) -> None:
        shutil.copytree(imported_home, home)
        for seed, name in enumerate(MEMBERS, 1):
            make_model(load_settings(home=home), name, "small_cnn", seed)

    return made_once(tmp_path_factory, "members", make)


@pytest.fixture(scope="session")
def averaged_home(tmp_path_factory: pytest.TempPathFactory, members_home: Path) -> Path:
    def make(home: Path) -> None:
        shutil.copytree(members_home, home)
        actions.ensemble(load_settings(home=home), BOTH, list(MEMBERS), actor="app")

    return made_once(tmp_path_factory, "averaged", make)


@pytest.fixture(scope="session")
def kinds_folder(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    """Return a folder of phantoms with names like those of the Kermany films, which say bacteria or virus."""

    def make(folder: Path) -> None:
        for label in ("NORMAL", "PNEUMONIA"):
            (folder / label).mkdir(parents=True)
            for n, file in enumerate(sorted(phantom_folder.rglob(f"{label}/*.png"))):
                kind = "bacteria" if n % 3 else "virus"
                name = f"person{n}_{kind}_{n}" if label == "PNEUMONIA" else f"IM-{n}-1"
                shutil.copy(file, folder / label / f"{name}.png")

    return made_once(tmp_path_factory, "kinds", make)


@pytest.fixture(scope="session")
def kinds_home(tmp_path_factory: pytest.TempPathFactory, kinds_folder: Path) -> Path:
    def make(home: Path) -> None:
        settings = load_settings(home=home)
        actions.import_dataset(settings, kinds_folder, KINDS)
        for number in (1, 2):
            make_model(settings, f"three-{number}", "small_cnn", number, dataset=KINDS, task="subtype")
        make_model(settings, "plain", "small_cnn", 3, dataset=KINDS)

    return made_once(tmp_path_factory, "three", make)


@pytest.fixture
def members(copied: Callable[[Path], Settings], members_home: Path) -> Settings:
    """Return the settings of a home with two locked models of the same films."""
    return copied(members_home)


@pytest.fixture
def averaged(copied: Callable[[Path], Settings], averaged_home: Path) -> Settings:
    """Return the settings of a home with two models and their ensemble."""
    return copied(averaged_home)


@pytest.fixture
def kinds(copied: Callable[[Path], Settings], kinds_home: Path) -> Settings:
    """Return the settings of a home with two models of three classes and one of two."""
    return copied(kinds_home)


@pytest.fixture(scope="session")
def add_model() -> Callable[..., Model]:
    """Return ``make_model``, to add a model."""
    return make_model

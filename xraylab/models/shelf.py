"""
Where models are found: in the home first, then among those that came with the package.

- a folder that can't be read is passed over in a list, and told in a sentence when it is asked for by name
- of a shipped model the home holds a lock at most; that alone is no model
- the names of shipped models stand here, once: they are nobody else's to take, and lists follow their order
"""

import contextlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xraylab.data.datasets import Dataset, load_dataset
from xraylab.errors import NameTakenError, NotFoundError, XRayLabError
from xraylab.files import check_name
from xraylab.models.folder import Card, Model
from xraylab.settings import Settings, shipped_models

SHIPPED_NAMES = ("ensemble", "mobilenet_v2", "mobilenet_v2-seed1", "mobilenet_v2-seed2", "cnn", "phantom")
RESERVED_NAMES = frozenset({"none", "imagenet", *SHIPPED_NAMES})


def list_models(settings: Settings) -> list[Model]:
    """Every model in the home, newest first, then the shipped ones; what can't be read is passed over."""
    models = []
    for file in settings.models.glob("*/card.json"):
        if not file.parent.name.startswith("."):
            with contextlib.suppress(ValidationError, OSError):
                models.append(Model(file.parent, Card.model_validate_json(file.read_bytes())))
    models.sort(key=lambda model: model.card.created_at, reverse=True)
    for name in shipped_names():
        if not _card_at_home(settings, name).exists():
            with contextlib.suppress(NotFoundError):
                models.append(load_shipped(settings, name))
    return models


def load_model(settings: Settings, name: str) -> Model:
    """Find a model by name.

    Raises
    ------
    NotFoundError
        If there is none of that name, or another version of XRayLab wrote it.
    """
    file = _card_at_home(settings, check_name(name, what="model"))
    if not file.exists():
        if name in shipped_names():
            return load_shipped(settings, name)
        known = ", ".join(model.name for model in list_models(settings)) or "none yet"
        raise NotFoundError(f"There is no model “{name}”. There are: {known}.")
    try:
        return Model(file.parent, Card.model_validate_json(file.read_bytes()))
    except ValidationError as error:
        raise NotFoundError(
            f"The model “{name}” was written by another version of XRayLab, or is damaged. Train it again."
        ) from error


def shipped_names() -> list[str]:
    """The names of the models that came with the package, damaged or not, in the order of lists."""
    return [name for name in SHIPPED_NAMES if (shipped_models() / name).is_dir()]


def load_shipped(settings: Settings, name: str) -> Model:
    """Find a model that came with the package, whatever the home holds under its name.

    Raises
    ------
    NotFoundError
        If there is none of that name, or it is damaged.
    """
    folder = shipped_models() / check_name(name, what="model")
    try:
        card = Card.model_validate_json((folder / "card.json").read_bytes())
    except (OSError, ValidationError) as error:
        raise NotFoundError(
            f"The model “{name}”, which comes with XRayLab, is missing or damaged. Install XRayLab again."
        ) from error
    return Model(folder, card, kept=settings.models / name)


def check_name_free(settings: Settings, name: str, *, replace: bool = False) -> None:
    """Make sure that a model of this name may be made.

    Raises
    ------
    NameTakenError
        If the name is no name, is reserved, or is taken and shall not be replaced.
    """
    check_name(name, what="model")
    if name.lower() in SHIPPED_NAMES:
        raise NameTakenError(
            f"“{name}” is reserved for a model that comes with XRayLab and can't be replaced. Choose another "
            "name for the model."
        )
    if name.lower() in RESERVED_NAMES:
        raise NameTakenError(f"“{name}” is reserved. Choose another name for the model.")
    if (settings.models / name).exists() and not replace:
        raise NameTakenError(
            f"There is a model “{name}” already. Choose another name, or replace it on purpose (--replace)."
        )


def openings_of(settings: Settings, model: Model) -> list[dict[str, Any]]:
    """Every opening of the test split that a model was trained beside, by any model.

    Without its dataset, those that its lock knows of. A shipped model was opened before it came, which no
    dataset here has logged.
    """
    dataset = dataset_of(settings, model)
    lock = model.lock if dataset is None else model.lock_as_made if model.shipped else None
    known = [{"model": model.name, "at": at.isoformat()} for at in lock.opened_at] if lock else []
    return known + (dataset.openings if dataset is not None else [])


def dataset_of(settings: Settings, model: Model) -> Dataset | None:
    """The dataset that a model was trained on; None if it isn't in the home, or is damaged.

    A shipped model was trained elsewhere: a dataset here that only has the same name is another one.
    """
    try:
        dataset = load_dataset(settings, model.card.dataset.name)
    except XRayLabError:
        return None
    same = dataset.info.pixel_hash == model.card.dataset.pixel_hash
    return dataset if same or not model.shipped else None


def _card_at_home(settings: Settings, name: str) -> Path:
    return settings.models / name / "card.json"

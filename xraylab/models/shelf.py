"""
Where models are found: in the home.

- a folder that can't be read is passed over in a list, and told in a sentence when it is asked for by name
- some names are no model's to take
"""

import contextlib
from typing import Any

from pydantic import ValidationError

from xraylab.data.datasets import load_dataset
from xraylab.errors import NameTakenError, NotFoundError, XRayLabError
from xraylab.files import check_name
from xraylab.models.folder import Card, Model
from xraylab.settings import Settings

RESERVED_NAMES = frozenset({"none", "imagenet", "ensemble", "cnn", "mobilenet_v2", "densenet121", "phantom"})


def list_models(settings: Settings) -> list[Model]:
    """Every model in the home, newest first; a folder that can't be read is passed over."""
    models = []
    for file in settings.models.glob("*/card.json"):
        if not file.parent.name.startswith("."):
            with contextlib.suppress(ValidationError, OSError):
                models.append(Model(file.parent, Card.model_validate_json(file.read_bytes())))
    return sorted(models, key=lambda model: model.card.created_at, reverse=True)


def load_model(settings: Settings, name: str) -> Model:
    """Find a model by name.

    Raises
    ------
    NotFoundError
        If there is none of that name, or another version of XRayLab wrote it.
    """
    file = settings.models / check_name(name, what="model") / "card.json"
    if not file.exists():
        known = ", ".join(model.name for model in list_models(settings)) or "none yet"
        raise NotFoundError(f"There is no model “{name}”. There are: {known}.")
    try:
        return Model(file.parent, Card.model_validate_json(file.read_bytes()))
    except ValidationError as error:
        raise NotFoundError(
            f"The model “{name}” was written by another version of XRayLab, or is damaged. Train it again."
        ) from error


def check_name_free(settings: Settings, name: str, *, replace: bool = False) -> None:
    """Make sure that a model of this name may be made.

    Raises
    ------
    NameTakenError
        If the name is no name, is reserved, or is taken and shall not be replaced.
    """
    check_name(name, what="model")
    if name.lower() in RESERVED_NAMES:
        raise NameTakenError(f"“{name}” is reserved. Choose another name for the model.")
    if (settings.models / name).exists() and not replace:
        raise NameTakenError(
            f"There is a model “{name}” already. Choose another name, or replace it on purpose (--replace)."
        )


def openings(settings: Settings, dataset: str) -> list[dict[str, Any]]:
    """Every opening of a dataset's test split, by any model; none if the dataset is gone."""
    with contextlib.suppress(XRayLabError):
        return load_dataset(settings, dataset).openings
    return []

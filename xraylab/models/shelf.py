"""
Where models are found: first in the home, then among those that came with the package.

- a list passes over a folder that can't be read; asked for by its name, the folder gives a sentence
- for a shipped model the home holds at most a lock, which alone is no model
- the names of shipped models are listed here only: they are reserved, and lists follow their order
"""

import contextlib
from pathlib import Path

from pydantic import ValidationError

from xraylab.data.datasets import Dataset, load_dataset
from xraylab.errors import NameTakenError, NotFoundError, XRayLabError
from xraylab.files import check_name
from xraylab.leftovers import mend
from xraylab.models.films_file import MadeFrom, made_from
from xraylab.models.folder import Model
from xraylab.settings import Settings, shipped_models

SHIPPED_NAMES = ("ensemble", "mobilenet_v2", "mobilenet_v2-seed1", "mobilenet_v2-seed2", "cnn", "phantom")
# "none" and "imagenet" are values of --weights, where a model's name may stand too.
RESERVED_NAMES = frozenset({"none", "imagenet", *SHIPPED_NAMES})


def list_models(settings: Settings) -> list[Model]:
    """Return every model in the home, newest first, then the shipped ones; pass over unreadable folders."""
    mend(settings.models)
    models = []
    for file in settings.models.glob("*/card.json"):
        # A name that starts with a dot is a folder that is still being built, or that a crash left.
        if not file.parent.name.startswith("."):
            with contextlib.suppress(ValidationError, OSError):
                models.append(Model.read(file.parent))
    models.sort(key=lambda model: model.card.created_at, reverse=True)
    for name in shipped_names():
        if not _card_at_home(settings, name).exists():
            with contextlib.suppress(NotFoundError):
                models.append(load_shipped(settings, name))
    return models


def load_model(settings: Settings, name: str) -> Model:
    """Find a model by its name.

    Raises
    ------
    NotFoundError
        If there is no such model, or another version of XRayLab wrote it.
    """
    mend(settings.models)
    file = _card_at_home(settings, check_name(name, what="model"))
    if not file.exists():
        if name in shipped_names():
            return load_shipped(settings, name)
        known = ", ".join(model.name for model in list_models(settings)) or "none yet"
        raise NotFoundError(f"There is no model “{name}”. There are: {known}.")
    try:
        return Model.read(file.parent)
    except ValidationError as error:
        raise NotFoundError(
            f"The model “{name}” was written by another version of XRayLab, or is damaged. Train it again."
        ) from error


def shipped_names() -> list[str]:
    """Return the names of the models that came with the package, damaged or not, in the order of lists."""
    return [name for name in SHIPPED_NAMES if (shipped_models() / name).is_dir()]


def load_shipped(settings: Settings, name: str) -> Model:
    """Find a model that came with the package, even if the home has a model of the same name.

    Raises
    ------
    NotFoundError
        If there is no such model, or it is damaged.
    """
    folder = shipped_models() / check_name(name, what="model")
    try:
        return Model.read(folder, kept=settings.models / name)
    except (OSError, ValidationError) as error:
        raise NotFoundError(
            f"The model “{name}”, which comes with XRayLab, is missing or damaged. Install XRayLab again."
        ) from error


def check_name_free(settings: Settings, name: str, *, replace: bool = False) -> None:
    """Check that a new model may have this name.

    Parameters
    ----------
    replace : bool
        Whether a model of this name may be replaced.

    Raises
    ------
    NameTakenError
        If it can't be a name, is reserved, or is taken and must not be replaced.
    """
    check_name(name, what="model")
    mend(settings.models)
    # Lower case, because some file systems don't tell "CNN" from "cnn".
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


def films_of(settings: Settings, model: Model) -> MadeFrom | None:
    """Return the films a model was made from; None if neither its folder nor a dataset here tells."""
    films = model.made_from
    dataset = None if films is not None else dataset_of(settings, model)
    if dataset is None or not model.card.dataset.is_of(dataset.info):
        return films
    incomplete = model.card.weights not in {"none", "imagenet"}
    return made_from(dataset.catalog, dataset.fingerprints(), None, incomplete=incomplete)


def dataset_of(settings: Settings, model: Model) -> Dataset | None:
    """Return the dataset that a model was trained on; None if it isn't in the home, or is damaged."""
    try:
        dataset = load_dataset(settings, model.card.dataset.name)
    except XRayLabError:
        return None
    # A shipped model was trained elsewhere, so a dataset here may have the same name and other films.
    same = dataset.info.pixel_hash == model.card.dataset.pixel_hash
    return dataset if same or not model.shipped else None


def _card_at_home(settings: Settings, name: str) -> Path:
    return settings.models / name / "card.json"

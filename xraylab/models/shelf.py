"""
Where models are found: first in the home, then among those that came with the package.

- a list passes over a folder that can't be read; asked for by its name, the folder gives a sentence, and
  ``faults_of_models`` has them all
- the name of a shipped model always means that one: a folder in the home can't take its place
- for a shipped model the home holds at most a lock, which alone is no model
- the names of shipped models are listed here only: they are reserved, and lists follow their order
"""

import contextlib
import os
from pathlib import Path

from xraylab.data.datasets import Dataset, list_datasets, load_dataset
from xraylab.errors import NameTakenError, NotFoundError, XRayLabError
from xraylab.files import check_name
from xraylab.leftovers import mend
from xraylab.marks import renamed_from
from xraylab.models.films_file import MadeFrom, made_from
from xraylab.models.folder import Model
from xraylab.settings import OF_HOME, Settings, shipped_models

SHIPPED_NAMES = ("ensemble", "mobilenet_v2", "mobilenet_v2-seed1", "mobilenet_v2-seed2", "cnn", "phantom")
# "none" and "imagenet" are values of --weights, where a model's name may stand too.
RESERVED_NAMES = frozenset({"none", "imagenet", *SHIPPED_NAMES})


def list_models(settings: Settings) -> list[Model]:
    """Return every model in the home, newest first, then the shipped ones; pass over unreadable folders."""
    mend(settings.models)
    models = []
    for folder in _folders_at_home(settings):
        with contextlib.suppress(XRayLabError):
            models.append(_read_at_home(folder))
    # By number before time: a training under a clock that was set back is still the newest.
    models.sort(key=lambda model: model.card.age, reverse=True)
    for name in shipped_names():
        with contextlib.suppress(NotFoundError):
            models.append(load_shipped(settings, name))
    return models


def faults_of_models(settings: Settings) -> list[str]:
    """Return a sentence for each folder of models in the home that isn't used as its name says."""
    faults = []
    for folder in _folders_at_home(settings):
        try:
            model = _read_at_home(folder)
        except XRayLabError as error:
            faults.append(str(error))
            continue
        if model.listed_as:
            faults.append(
                f"Your home has its own model “{folder.name}”. It is listed as “{model.name}”, because "
                f"“{folder.name}” means the model that comes with XRayLab."
            )
        if model.lock_fault:
            faults.append(model.lock_fault)
    return faults


def next_number(settings: Settings) -> int:
    """Return the number of the next model in the home, higher than that of every model there."""
    return 1 + max((model.card.sequence or 0 for model in list_models(settings)), default=0)


def load_model(settings: Settings, name: str) -> Model:
    """Find a model by its name.

    A name that a shipped model has always means the shipped one; with ``@home`` it means the home's. A name
    that a model had before it was renamed means that one, until another has the name.

    Raises
    ------
    NotFoundError
        If there is no such model, another version of XRayLab wrote it, or its folder was renamed.
    """
    mend(settings.models)
    plain = check_name(name.removesuffix(OF_HOME), what="model")
    shipped = plain in shipped_names()
    if shipped and name == plain:
        return load_shipped(settings, name)
    folder = settings.models / plain
    if not _has_card(folder) and (renamed := renamed_from(_folders_at_home(settings), plain)) is not None:
        return _read_at_home(renamed)
    if name not in (plain, _name_of_home(plain)) or not _has_card(folder):
        known = ", ".join(model.name for model in list_models(settings)) or "none yet"
        raise NotFoundError(f"There is no model “{name}”. There are: {known}.")
    return _read_at_home(folder)


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
    return Model.read(folder, kept=_kept(settings, name))


def _folders_at_home(settings: Settings) -> list[Path]:
    """Return the folders of models in the home, by name."""
    # A name that starts with a dot is a folder that is still being built, or that a crash left.
    folders = [file.parent for file in settings.models.glob("*/card.json")]
    return sorted(folder for folder in folders if not folder.name.startswith("."))


def _read_at_home(folder: Path) -> Model:
    check_name(folder.name, what="model")
    named = _name_of_home(folder.name)
    return Model.read(folder, listed_as=None if named == folder.name else named)


def _name_of_home(name: str) -> str:
    """Return what a folder in the home is listed as."""
    return f"{name}{OF_HOME}" if name in shipped_names() else name


def _has_card(folder: Path) -> bool:
    return os.path.lexists(folder / "card.json")


def _kept(settings: Settings, name: str) -> Path:
    """Return the folder in the home that keeps the lock of a shipped model."""
    # A model of the home has its own lock in the folder of this name.
    apart = settings.models / f"{name}@shipped"
    folder = settings.models / name
    return apart if apart.exists() or _has_card(folder) else folder


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
    named = _dataset(settings, model.card.dataset.name)
    if named is not None and named.info.pixel_hash == model.card.dataset.pixel_hash:
        return named
    # A renamed dataset has another name than the card says, and another dataset may have got that name.
    own = (info.name for info in list_datasets(settings) if model.card.dataset.is_of(info))
    renamed = _dataset(settings, next(own, ""))
    # A shipped model was trained elsewhere, so a dataset here may have the same name and other films.
    return renamed or (None if model.shipped else named)


def _dataset(settings: Settings, name: str) -> Dataset | None:
    try:
        return load_dataset(settings, name)
    except XRayLabError:
        return None

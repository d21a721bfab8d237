"""Overlap: which of some films a model was made from, so that no figure stands on them in silence."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xraylab import documents
from xraylab.data.datasets import Dataset
from xraylab.errors import HonestOrderError
from xraylab.formats import count
from xraylab.imaging.fingerprint import Fingerprints
from xraylab.models import Model, films_of, list_models
from xraylab.settings import Settings


@dataclass(frozen=True, eq=False)
class Overlap:
    """What a model used each of some films for."""

    model: str
    uses: NDArray[np.object_]  # (n,) "train", "validation", or an empty text
    known: Literal["all", "some", "none"]  # of the films that the model was made from

    @property
    def used(self) -> NDArray[np.bool_]:
        """Whether the model was made from a film, (n,)."""
        used: NDArray[np.bool_] = self.uses != ""
        return used

    @property
    def trained_on(self) -> int:
        """Number of films that the model, or the one it started from, was trained on."""
        return int((self.uses == "train").sum())

    def check_any_left(self, *, remedy: str = "") -> None:
        """Check that some films are left that the model wasn't made from.

        Parameters
        ----------
        remedy : str
            A further sentence on what can be done.

        Raises
        ------
        HonestOrderError
            If the model was made from all of them.
        """
        if len(self.uses) and self.used.all():
            raise HonestOrderError(
                f"{self.sentence} Figures on them say nothing about new films. Choose films that the model "
                f"hasn't seen.{' ' if remedy else ''}{remedy}"
            )

    @property
    def sentence(self) -> str:
        """One sentence with the numbers; empty if there is no overlap and all is known."""
        n, used = len(self.uses), int(self.used.sum())
        if used:
            which = "all" if used == n else count(used)
            were = "was" if used == 1 else "were"
            return (
                f"{which.capitalize()} of these {count(n)} films {were} used to make “{self.model}” "
                f"({count(self.trained_on)} trained on)."
            )
        if self.known == "none":
            return f"It isn't known which films “{self.model}” was made from: these may be among them."
        if self.known == "some":
            return f"“{self.model}” started from weights whose films aren't known: these may be among them."
        return ""

    def document(self, *, included: bool) -> documents.Overlap:
        """Lay out the overlap; ``included`` says whether the films are in the figures nevertheless."""
        return documents.Overlap(
            films=len(self.uses),
            used=int(self.used.sum()),
            trained_on=self.trained_on,
            included=included,
            known=self.known,
            sentence=self.sentence,
        )


def overlap(settings: Settings, model: Model, films: Fingerprints) -> Overlap:
    """Find the films that a model was made from: trained on, or used to choose or calibrate."""
    behind = films_of(settings, model)
    if behind is None:
        return Overlap(model.name, np.full(len(films), "", object), "none")
    return Overlap(model.name, behind.uses(films), "some" if behind.incomplete else "all")


def overlap_of_held_out(model: Model, split: str) -> Overlap:
    """Find the films of a model's own validation or test split that its first weights were made from.

    Raises
    ------
    HonestOrderError, NotFoundError, WeightsError
        As ``Model.films``.
    """
    before = {} if model.made_from is None else model.made_from.used_before
    films = replace(model, include_used=True).films(split).frame["image_id"]
    uses = np.array([before.get(film, "") for film in films], object)
    return Overlap(model.name, uses, "all")


def overlaps_of_test(settings: Settings, dataset: Dataset) -> list[str]:
    """Say which models were made from films of a dataset's test split, a sentence per number of films."""
    films = dataset.fingerprints("test")
    names: dict[tuple[int, int], list[str]] = {}
    for model in list_models(settings):
        shared = overlap(settings, model, films)
        if shared.used.any():
            names.setdefault((int(shared.used.sum()), shared.trained_on), []).append(f"“{model.name}”")
    n = count(len(films))
    return [
        f"{count(used)} of these {n} test films were used to make {', '.join(models)} ({count(trained)} "
        "trained on). They are left out when these models are evaluated here."
        for (used, trained), models in names.items()
    ]

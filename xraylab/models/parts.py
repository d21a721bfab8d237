"""
The folder of a model without its numbers and its lock: card, weights, members and what describes its films.

- each file is read when it is first needed; a folder may come from anybody, so every read has a limit
- the card's name is held against the folder's: a copy under another name would be taken for another model
- the parts of a model are the networks that score: the members of an ensemble, else the model itself
"""

import contextlib
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from xraylab.errors import NotFoundError, WeightsError
from xraylab.evaluation.averaging import ALONE, Averaging
from xraylab.evaluation.novelty import Novelty
from xraylab.files import check_name
from xraylab.formats import visible
from xraylab.marks import earlier_names, was_renamed
from xraylab.models.films_file import FILMS_FILE, MadeFrom, read_films
from xraylab.models.novelty_file import NOVELTY_FILE, read_novelty
from xraylab.models.schema import BACKEND, ENSEMBLE, Card, Member, Members
from xraylab.networks.registry import network
from xraylab.settings import shipped_models
from xraylab.stored import WEIGHTS_BYTES, read_file, read_lines

_DAMAGED = "The model “{}” was written by another version of XRayLab, or is damaged. Train it again."
_DAMAGED_SHIPPED = "The model “{}”, which comes with XRayLab, is missing or damaged. Install XRayLab again."
_RENAMED = (
    "The folder “{0}” holds the model “{1}”, so it was renamed or copied and isn't used. Name the folder "
    "“{1}” again, or remove the copy."
)
_Folder = TypeVar("_Folder", bound="ModelFolder")


@dataclass(frozen=True)
class ModelFolder:
    """The folder of a model: card, weights, members. Each file is read when it is first needed."""

    folder: Path
    card: Card
    kept: Path | None = None  # for a shipped model, the folder in the home that keeps its lock
    listed_as: str | None = None  # for a model in the home that has the name of a shipped one

    @classmethod
    def read(cls, folder: Path, kept: Path | None = None, *, listed_as: str | None = None) -> Self:
        """Read the card in a folder and return its model.

        Raises
        ------
        NotFoundError
            If the card is missing or damaged, another version of XRayLab wrote it, or it describes a model of
            another name than the folder's.
        """
        try:
            card = Card.model_validate_json(read_file(folder / "card.json"))
        except (OSError, ValidationError) as error:
            words = _DAMAGED_SHIPPED if kept else _DAMAGED
            raise NotFoundError(words.format(folder.name)) from error
        # A copy under another name would be opened, locked and chosen as if it were another model.
        if card.name != folder.name:
            if not was_renamed(folder, card.name):
                raise NotFoundError(_RENAMED.format(folder.name, visible(card.name)))
            # The file stays as it was made; everything in the program knows the present name.
            card = card.model_copy(update={"name": folder.name})
        return cls(folder, card, kept, listed_as)

    @property
    def name(self) -> str:
        """Name of the model in lists and commands; that of its folder, unless a shipped model has it."""
        return self.listed_as or self.card.name

    @cached_property
    def earlier_names(self) -> tuple[str, ...]:
        """Names that the model had before it was renamed, oldest first."""
        return earlier_names(self.folder)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name under which a record may speak of the model, the present one first."""
        return tuple(dict.fromkeys((self.name, self.card.name, *self.earlier_names)))

    @property
    def shipped(self) -> bool:
        """Whether the model came with the package, where nothing is written."""
        return self.kept is not None

    @property
    def remedy(self) -> str:
        """What to do if a file in the folder is missing or damaged, as a sentence."""
        if self.shipped:
            return "Install XRayLab again."
        return "Make the ensemble again." if self.card.arch == ENSEMBLE else "Train it again."

    @property
    def weights(self) -> Path:
        """Path of the file with the weights."""
        return self.folder / "model.safetensors"

    def read_weights(self) -> bytes:
        """Return the whole file with the weights.

        Raises
        ------
        WeightsError
            If the file can't be read, or isn't the one that the card describes.
        """
        try:
            raw = read_file(self.weights, WEIGHTS_BYTES)
        except OSError as error:
            raise WeightsError(f"The weights of “{self.name}” can't be read. {self.remedy}") from error
        if hashlib.sha256(raw).hexdigest() != self.card.model_sha256:
            raise WeightsError(
                f"The weights of “{self.name}” have changed since its card was written. {self.remedy}"
            )
        return raw

    @cached_property
    def members(self) -> Members | None:
        """Members of an ensemble and their calibration; None for any other model.

        Raises
        ------
        WeightsError
            If the file can't be read, or isn't the one that the card describes.
        """
        if self.card.arch != ENSEMBLE:
            return None
        # The hash is checked before the content: a changed list of members is another ensemble.
        with contextlib.suppress(OSError, ValidationError):
            raw = read_file(self.folder / "members.json")
            if hashlib.sha256(raw).hexdigest() == self.card.model_sha256:
                return Members.model_validate_json(raw)
        raise WeightsError(f"The list of members of “{self.name}” is missing or has changed. {self.remedy}")

    @property
    def parts(self) -> tuple[Self, ...]:
        """Models whose networks score a film: the members of an ensemble, else the model itself.

        Raises
        ------
        WeightsError
            If a member is gone, or was replaced since the ensemble was made.
        """
        # Callers never ask whether a model is an ensemble: one network is a tuple of one.
        if self.members is None:
            return (self,)
        return tuple(_find_member(self, member) for member in self.members.members)

    @cached_property
    def novelty(self) -> Novelty | None:
        """What the training films are like to the model's own network; None if the folder doesn't say."""
        try:
            layer = network(self.card.arch).middle
        except NotFoundError:  # an ensemble, or a network of a package that is gone
            return None
        return read_novelty(self.folder / NOVELTY_FILE, model_sha256=self.card.model_sha256, layer=layer)

    @property
    def tells_novelty(self) -> bool:
        """Whether the model can tell a film that is unlike its training films.

        Raises
        ------
        WeightsError
            As for ``parts``.
        """
        # Other backends run the network as a whole and don't give the activations that are compared.
        return any(part.novelty is not None and part.card.backend == BACKEND for part in self.parts)

    @property
    def averaging(self) -> Averaging:
        """How the logits of the parts become one; the logit of a single model stays as it is."""
        return ALONE if self.members is None else self.members.averaging

    @property
    def made_from(self) -> MadeFrom | None:
        """Films the model was made from; None if the folder doesn't say, as in earlier versions."""
        return read_films(self.folder / FILMS_FILE)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry per epoch of the training."""
        return read_lines(self.folder / "history.jsonl")


def _find_member(ensemble: _Folder, member: Member) -> _Folder:
    """Find a member of an ensemble: in the folder of models next to it, or among the shipped models."""
    name = check_name(member.model, what="model")  # it comes from a file and becomes part of a path
    home = (ensemble.kept or ensemble.folder).parent
    matches = []
    for place in dict.fromkeys((ensemble.folder.parent, shipped_models())):
        kept = home / name if place == shipped_models() else None
        with contextlib.suppress(NotFoundError):
            matches.append(type(ensemble).read(place / name, kept))
    for part in matches:
        if part.card.model_sha256 == member.model_sha256:
            return part
    if (renamed := _renamed_member(ensemble, member)) is not None:
        return renamed
    fate = "was replaced since" if matches else "is gone or damaged"
    raise WeightsError(f"“{ensemble.name}” averages “{name}”, which {fate}. {ensemble.remedy}")


def _renamed_member(ensemble: _Folder, member: Member) -> _Folder | None:
    """Find a member that was renamed since the ensemble was made, by the hash of its weights."""
    for file in sorted((ensemble.kept or ensemble.folder).parent.glob("*/card.json")):
        if member.model in earlier_names(file.parent):
            with contextlib.suppress(NotFoundError):
                part = type(ensemble).read(file.parent)
                if part.card.model_sha256 == member.model_sha256:
                    return part
    return None

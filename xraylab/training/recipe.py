"""
Recipes: how a network is trained, as plain data.

- frozen, JSON in and out, no torch; a mistake in one is a sentence a clinician can read
- stages run one after another; ``head`` trains on cached features of a frozen backbone, ``all`` fine-tunes
- a recipe never says what it is trained on: that is the request's business
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from xraylab.errors import NotFoundError, RecipeError
from xraylab.files import Record

_LARGEST_SEED = 2**32 - 1


class Stage(Record, extra="forbid"):
    """One stage of a training."""

    trains: Literal["head", "all"] = Field(description="What is trainable: the head alone, or everything.")
    epochs: int = Field(ge=1, le=1000)
    learning_rate: float = Field(gt=0, le=10, allow_inf_nan=False)
    views: int = Field(
        default=1, ge=1, le=16, description="Cached views a film; all but the first augmented."
    )


class Recipe(Record, extra="forbid"):
    """A whole training."""

    schema_: Literal["xraylab.recipe/1"] = Field("xraylab.recipe/1", alias="schema")
    name: str = Field(min_length=1, max_length=64)
    about: str = ""
    stages: tuple[Stage, ...] = Field(min_length=1)
    batch_size: int = Field(default=32, ge=2, le=4096)
    weight_decay: float = Field(default=1e-2, ge=0, le=1, allow_inf_nan=False)
    balance_classes: bool = Field(default=True, description="Weigh both classes alike in the loss.")
    augmentation: float = Field(
        default=1.0, ge=0, le=2, allow_inf_nan=False, description="Strength; 0 is none."
    )
    seed: int = Field(default=0, ge=0, le=_LARGEST_SEED)
    rule: str = Field(default="youden", description="How the threshold is locked on validation at the end.")

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)


class TrainingRequest(Record, extra="forbid"):
    """One training as asked for: what, on what, from which weights."""

    schema_: str = Field("xraylab.request/1", alias="schema")
    name: str
    dataset: str
    arch: str
    weights: str
    recipe: Recipe
    replace: bool = Field(default=False, description="Whether a model of that name gives way at the end.")


PRESETS = (
    Recipe(
        name="quick",
        about="Frozen backbone, head on cached features: one pass over the films, then seconds.",
        stages=(Stage(trains="head", epochs=40, learning_rate=2e-3),),
        batch_size=64,
    ),
    Recipe(
        name="standard",
        about="The head first on cached features, then everything fine-tuned with augmentation.",
        stages=(
            Stage(trains="head", epochs=15, learning_rate=2e-3),
            Stage(trains="all", epochs=3, learning_rate=6e-4),
        ),
    ),
    Recipe(
        name="scratch",
        about="Everything from random weights with augmentation, for networks without pretrained weights.",
        stages=(Stage(trains="all", epochs=20, learning_rate=3e-3),),
        augmentation=0.5,
    ),
)


def load_recipe(name_or_file: str) -> Recipe:
    """A preset by name, or a recipe from a JSON file.

    Raises
    ------
    NotFoundError
        If it is neither.
    RecipeError
        If the file isn't a valid recipe; the message names each fault.
    """
    for preset in PRESETS:
        if preset.name == name_or_file:
            return preset
    file = Path(name_or_file)
    if not file.is_file():
        names = ", ".join(preset.name for preset in PRESETS)
        raise NotFoundError(
            f"There is no recipe “{name_or_file}”. Choose {names}, or the path of a JSON file."
        )
    try:
        return Recipe.model_validate_json(file.read_bytes())
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise RecipeError(f"{file.name} is not a valid recipe. {faults}.") from error


def plan(recipe: Recipe, *, pretrained: bool) -> Recipe:
    """The recipe as it will be run: without pretrained weights a frozen stage would teach nothing.

    Raises
    ------
    RecipeError
        If nothing is left to train.
    """
    if pretrained:
        return recipe
    stages = tuple(stage for stage in recipe.stages if stage.trains != "head")
    if not stages:
        raise RecipeError(
            f"The recipe “{recipe.name}” trains only the head of a frozen network, which needs pretrained "
            "weights. Choose the recipe scratch, or give weights."
        )
    return recipe.model_copy(update={"stages": stages})

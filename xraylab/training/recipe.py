"""
Recipes: how a network is trained, as plain data.

- frozen, JSON in and out, no torch; a mistake in one is a sentence a clinician can read
- stages run one after another: ``head`` and ``tail:N`` train on what the frozen rest makes of the films,
  computed once; ``all`` trains everything on films varied anew in every epoch
- a recipe never says what it is trained on: that is the request's business
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from xraylab.errors import NotFoundError, RecipeError
from xraylab.files import Record
from xraylab.networks.registry import CLASSES, SUBTYPES, Network

LARGEST_SEED = 2**32 - 1
_LONGEST = 1000  # epochs of all stages together

Trains = Annotated[str, StringConstraints(pattern=r"^(head|tail:[1-9][0-9]?|all)$")]

Family = Literal["jpeg", "blur", "rescaling", "gamma", "contrast", "noise"]


class Stage(Record, extra="forbid"):
    """One stage of a training."""

    trains: Trains = Field(description="What is trainable: head, tail:N (the last N stages too), or all.")
    epochs: int = Field(ge=1, le=_LONGEST)
    learning_rate: float = Field(gt=0, le=10, allow_inf_nan=False, description="Of the head; the highest.")
    optimiser: Literal["sgd", "adam", "adamw"] = "adamw"
    schedule: Literal["constant", "cosine", "one-cycle"] = "one-cycle"
    depth_factor: float = Field(
        default=1.0, gt=0, le=1, description="Rate of each stage of the network over that of the one above."
    )
    views: int = Field(
        default=1, ge=1, le=16, description="Cached views a film; all but the first varied. Not for all."
    )

    @property
    def tail(self) -> int | None:
        """How many of the network's stages train beside the head; None means all of them."""
        if self.trains == "all":
            return None
        return 0 if self.trains == "head" else int(self.trains.removeprefix("tail:"))


class Recipe(Record, extra="forbid"):
    """A whole training."""

    schema_: Literal["xraylab.recipe/1"] = Field("xraylab.recipe/1", alias="schema")
    name: str = Field(min_length=1, max_length=64)
    about: str = ""
    task: Literal["pneumonia", "subtype"] = Field(
        default="pneumonia", description="Two classes, or normal, bacterial and viral by file name."
    )
    stages: tuple[Stage, ...] = Field(min_length=1)
    batch_size: int = Field(default=32, ge=2, le=4096)
    weight_decay: float = Field(default=1e-2, ge=0, le=1, allow_inf_nan=False)
    balance: Literal["none", "loss", "sampling"] = Field(
        default="loss", description="Weigh the classes alike in the loss, or draw them equally often."
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5, allow_inf_nan=False)
    dropout: float | None = Field(
        default=None, ge=0, lt=1, description="Of every dropout layer; by default each keeps its own."
    )
    augmentation: float = Field(
        default=1.0, ge=0, le=2, allow_inf_nan=False, description="Posture and grey values; 0 is none."
    )
    degradation: float = Field(
        default=0.0,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="Loss of quality: re-encoding, down- and up-scaling, blur, noise; 0 is none.",
    )
    erasing: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False, description="Share of films.")
    flips: bool = Field(default=False, description="Mirror half of the films; the heart then has no side.")
    stretch: float = Field(
        default=0.0, ge=0, le=2, allow_inf_nan=False, description="Width over height; 0 is none."
    )
    leave_out: tuple[Family, ...] = Field(
        default=(), description="Changes never trained for, so that the suite can tell how they are borne."
    )
    patience: int | None = Field(
        default=None, ge=1, le=_LONGEST, description="End a stage after so many epochs without a better AUC."
    )
    ema: float | None = Field(
        default=None, gt=0, lt=1, description="Decay a step of the weights' moving average, which is kept."
    )
    keep: Literal["best", "last"] = Field(
        default="best", description="The epoch of the highest validation AUC, or the last."
    )
    compile: bool = Field(default=False, description="Let torch compile the network first.")
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    suite: bool = Field(
        default=False, description="Score the held-out films under the suite of perturbations too."
    )
    rule: str = Field(default="youden", description="How the threshold is locked on validation at the end.")

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def classes(self) -> tuple[str, ...]:
        """What the network tells apart, NORMAL first."""
        return SUBTYPES if self.task == "subtype" else CLASSES


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
        name="robust",
        about="Like standard, longer, on films re-encoded, rescaled, blurred and noised at random, so that "
        "nothing can be learnt from how a file was compressed.",
        stages=(
            Stage(trains="head", epochs=15, learning_rate=2e-3, views=2),
            Stage(trains="all", epochs=5, learning_rate=6e-4),
        ),
        degradation=1.0,
        erasing=0.1,
        label_smoothing=0.05,
        ema=0.99,
    ),
    Recipe(
        name="scratch",
        about="Everything from random weights with augmentation, for networks without pretrained weights.",
        stages=(Stage(trains="all", epochs=20, learning_rate=3e-3),),
        augmentation=0.5,
    ),
    Recipe(
        name="resnet50-transfer",
        about="After the first report: a frozen backbone (there ResNet50), its head trained by SGD for 5 "
        "epochs.",
        stages=(Stage(trains="head", epochs=5, learning_rate=1e-2, optimiser="sgd", schedule="constant"),),
        weight_decay=0.0,
        balance="none",
        augmentation=0.0,
    ),
    Recipe(
        name="cnn-scratch",
        about="After the first report: the custom CNN from random weights for 15 epochs.",
        stages=(Stage(trains="all", epochs=15, learning_rate=1e-3, optimiser="adam", schedule="constant"),),
        weight_decay=0.0,
        balance="none",
        augmentation=0.0,
    ),
    Recipe(
        name="densenet121-frozen",
        about="After the second report: a frozen backbone (there DenseNet121), the head for 15 epochs.",
        stages=(Stage(trains="head", epochs=15, learning_rate=1e-3, optimiser="adam", schedule="constant"),),
        weight_decay=0.0,
        augmentation=0.0,
    ),
    Recipe(
        name="densenet121-finetune",
        about="After the second report: 15 epochs frozen, then 5 more with the last stage of the network.",
        stages=(
            Stage(trains="head", epochs=15, learning_rate=1e-3, optimiser="adam", schedule="constant"),
            Stage(trains="tail:1", epochs=5, learning_rate=1e-4, optimiser="adam", schedule="constant"),
        ),
        weight_decay=0.0,
        augmentation=0.0,
    ),
    Recipe(
        name="equal-epochs",
        about="Frozen for all 20 epochs: what densenet121-finetune must beat at the same total.",
        stages=(Stage(trains="head", epochs=20, learning_rate=1e-3, optimiser="adam", schedule="constant"),),
        weight_decay=0.0,
        augmentation=0.0,
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
    return parse_recipe(file.read_bytes(), file.name)


def parse_recipe(raw: bytes, called: str) -> Recipe:
    """A recipe from JSON.

    Raises
    ------
    RecipeError
        If it isn't a valid recipe; the message names each fault.
    """
    try:
        return Recipe.model_validate_json(raw)
    except ValidationError as error:
        found = error.errors()
        # A stage with a fault doesn't count, so pydantic says that there are too few, too.
        told = [one for one in found if one["type"] != "too_short"] or found
        faults = "; ".join(map(_fault, told))
        raise RecipeError(f"{called} is not a valid recipe. {faults}.") from error


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not part of a recipe",
    "string_pattern_mismatch": "must be head, tail:N (N from 1) or all",
    "too_short": "must have at least one stage",
}


def _fault(error: Any) -> str:
    """One fault in words: where, and what would be right."""
    where = [f"stage {part + 1}" if isinstance(part, int) else str(part) for part in error["loc"]]
    words = _WORDS.get(error["type"]) or str(error["msg"]).replace("Input should", "should")
    return f"{' '.join(part for part in where if part != 'stages') or 'The file'}: {words}"


def plan(recipe: Recipe, entry: Network, *, pretrained: bool) -> Recipe:
    """The recipe as it will be run: without pretrained weights a frozen stage would teach nothing.

    Raises
    ------
    RecipeError
        If nothing is left to train, or a stage asks for more stages than the network has.
    """
    for stage in recipe.stages:
        if stage.tail is not None and stage.tail >= len(entry.stages):
            raise RecipeError(
                f"The recipe “{recipe.name}” asks for {stage.trains}, but {entry.title} has only "
                f"{len(entry.stages)} stages. Choose tail:1 to tail:{len(entry.stages) - 1}, or all."
            )
    if pretrained:
        return recipe
    stages = tuple(stage for stage in recipe.stages if stage.trains == "all")
    if not stages:
        raise RecipeError(
            f"The recipe “{recipe.name}” trains only on top of a frozen network, which needs pretrained "
            "weights. Choose the recipe scratch, or give weights."
        )
    return recipe.model_copy(update={"stages": stages})

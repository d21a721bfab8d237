"""
Recipes: how a network is trained, as plain data.

- frozen models, read from and written as JSON; torch isn't imported; a mistake in a recipe becomes a sentence
  that a clinician can read
- stages run one after another: ``head`` and ``tail:N`` train on the output of the frozen part, which is
  computed once; ``all`` trains the whole network on films that are varied anew in every epoch
- a recipe doesn't name dataset, network or weights: a ``TrainingRequest`` does
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, model_validator

from xraylab.errors import NotFoundError, RecipeError
from xraylab.files import Record
from xraylab.findings import Finding
from xraylab.networks.registry import Network
from xraylab.stored import read_file

LARGEST_SEED = 2**32 - 1
_LONGEST = 1000  # epochs of all stages together
_MOST_STAGES = 16
_FILE_BYTES = 2**20

Trains = Annotated[str, StringConstraints(pattern=r"^(head|tail:[1-9][0-9]?|all)$")]

Family = Literal["jpeg", "blur", "rescaling", "gamma", "contrast", "noise"]


def _task(value: object) -> object:
    return "finding" if value == "pneumonia" else value  # the only finding of older versions


class Stage(Record, extra="forbid"):
    """One stage of a training."""

    trains: Trains = Field(description="Trained part: head, tail:N (the last N stages too), or all.")
    epochs: int = Field(ge=1, le=_LONGEST)
    learning_rate: float = Field(
        gt=0, le=10, allow_inf_nan=False, description="Learning rate of the head, at its highest."
    )
    optimiser: Literal["sgd", "adam", "adamw"] = "adamw"
    schedule: Literal["constant", "cosine", "one-cycle"] = "one-cycle"
    depth_factor: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Learning rate of each stage of the network, relative to that of the stage above it.",
    )
    views: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Cached views per film; all but the first are varied. Not used by stages of all.",
    )

    @property
    def tail(self) -> int | None:
        """Number of stages trained together with the head; None for the whole network."""
        if self.trains == "all":
            return None
        return 0 if self.trains == "head" else int(self.trains.removeprefix("tail:"))


class Recipe(Record, extra="forbid"):
    """A whole training: its stages, and the settings that they share."""

    schema_: Literal["xraylab.recipe/1"] = Field("xraylab.recipe/1", alias="schema")
    name: str = Field(min_length=1, max_length=64)
    about: str = Field(default="", max_length=2000)
    task: Annotated[Literal["finding", "subtype"], BeforeValidator(_task)] = Field(
        default="finding", description="Two classes; or the subtypes of the finding apart as well."
    )
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=_MOST_STAGES)
    batch_size: int = Field(default=32, ge=2, le=4096)
    weight_decay: float = Field(default=1e-2, ge=0, le=1, allow_inf_nan=False)
    balance: Literal["none", "loss", "sampling"] = Field(
        default="loss",
        description="How classes get the same weight: by weights in the loss, by sampling, or not at all.",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5, allow_inf_nan=False)
    dropout: float | None = Field(
        default=None, ge=0, lt=1, description="Rate of every dropout layer; by default each keeps its own."
    )
    augmentation: float = Field(
        default=1.0,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="Strength of changes in posture and grey values; 0 is none.",
    )
    degradation: float = Field(
        default=0.0,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="Strength of quality loss: re-encoding, down- and up-scaling, blur, noise; 0 is none.",
    )
    erasing: float = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Share of films in which a rectangle is hidden.",
    )
    flips: bool = Field(
        default=False, description="Mirror half of the films; the heart is then on either side."
    )
    stretch: float = Field(
        default=0.0,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="Strength of changes in the ratio of width to height; 0 is none.",
    )
    leave_out: tuple[Family, ...] = Field(
        default=(),
        description="Kinds of changes that training leaves out, so that the suite tests with unknown ones.",
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        le=_LONGEST,
        description="Number of epochs without a better AUC after which a stage ends.",
    )
    ema: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Decay per step of a moving average of the weights; the average is then kept.",
    )
    keep: Literal["best", "last"] = Field(
        default="best", description="Epoch to keep: that of the highest validation AUC, or the last."
    )
    compile: bool = Field(default=False, description="Compile the network with torch first.")
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    suite: bool = Field(
        default=False, description="Score the held-out films under the suite of perturbations too."
    )
    rule: str = Field(
        default="youden",
        max_length=100,
        description="Rule by which the threshold is locked on validation at the end.",
    )

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if self.epochs > _LONGEST:
            raise ValueError(
                f"all stages together have {self.epochs} epochs, and at most {_LONGEST} can be trained"
            )
        return self

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)

    def classes(self, finding: Finding) -> tuple[str, ...]:
        """Return the classes of the network for films with this finding, absent first."""
        return finding.classes_by_kind if self.task == "subtype" else finding.classes


class TrainingRequest(Record, extra="forbid"):
    """One training as requested: network, dataset, first weights and recipe."""

    schema_: Literal["xraylab.request/1"] = Field("xraylab.request/1", alias="schema")
    name: str
    dataset: str
    arch: str
    weights: str
    recipe: Recipe
    replace: bool = Field(
        default=False, description="True to replace a model of the same name when the training is done."
    )


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
    """Return a preset by name, or a recipe from a JSON file.

    Raises
    ------
    NotFoundError
        If there is no such preset and no such file.
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
        raw = read_file(file, _FILE_BYTES)
    except OSError as error:
        raise RecipeError(
            f"{file.name} can't be read as a recipe. Check its permissions and its size: at most 1 MB."
        ) from error
    return parse_recipe(raw, file.name)


def parse_recipe(raw: bytes, called: str) -> Recipe:
    """Read a recipe from JSON.

    Parameters
    ----------
    called : str
        Name of the file, for the message.

    Raises
    ------
    RecipeError
        If it isn't a valid recipe; the message names each fault.
    """
    try:
        return Recipe.model_validate_json(raw)
    except ValidationError as error:
        faults = error.errors()
        # Pydantic doesn't count a stage with a fault, and so reports too few stages as well.
        relevant = [fault for fault in faults if fault["type"] != "too_short"] or faults
        sentence = "; ".join(map(_fault, relevant))
        raise RecipeError(f"{called} is not a valid recipe. {sentence}.") from error


def presets_for(entry: Network, *, pretrained: bool) -> list[Recipe]:
    """List the presets for a network: those that use pretrained weights, or those that don't.

    The first one is the recipe of a training that names none.
    """
    return [
        preset
        for preset in PRESETS
        if pretrained == any(stage.trains != "all" for stage in preset.stages)
        and _can_run(preset, entry, pretrained=pretrained)
    ]


def _can_run(recipe: Recipe, entry: Network, *, pretrained: bool) -> bool:
    try:
        plan(recipe, entry, pretrained=pretrained)
    except RecipeError:
        return False
    return True


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not part of a recipe",
    "string_pattern_mismatch": "must be head, tail:N (N from 1) or all",
    "too_short": "must have at least one stage",
    "too_long": f"must have at most {_MOST_STAGES} stages",
}


def _fault(error: Any) -> str:
    """Describe one fault: its place, and what would be right."""
    where = [f"stage {part + 1}" if isinstance(part, int) else str(part) for part in error["loc"]]
    words = _WORDS.get(error["type"]) or str(error["msg"]).replace("Input should", "should")
    words = words.removeprefix("Value error, ")
    return f"{' '.join(part for part in where if part != 'stages') or 'The file'}: {words}"


def plan(recipe: Recipe, entry: Network, *, pretrained: bool) -> Recipe:
    """Return the recipe as it will be run, which without pretrained weights has no frozen stages.

    Parameters
    ----------
    pretrained : bool
        True if the network starts from trained weights.

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
    # A head on top of frozen random weights would learn from random features.
    stages = tuple(stage for stage in recipe.stages if stage.trains == "all")
    if not stages:
        raise RecipeError(
            f"The recipe “{recipe.name}” trains only on top of a frozen network, which needs pretrained "
            "weights. Choose the recipe scratch, or give weights."
        )
    return recipe.model_copy(update={"stages": stages})

"""
Work of a training job: all that passes through its network, from the first film to the locked model.

- the unit is one forward pass of one film through the whole network
- torch isn't imported, since screens estimate a training before it begins
"""

from dataclasses import dataclass

from xraylab.evaluation.novelty import learnt_from
from xraylab.evaluation.rules import parse_rule
from xraylab.imaging.perturbations import SUITE
from xraylab.models.heatmap_scale import PASSES
from xraylab.networks.entry import Network
from xraylab.training.recipe import Recipe, Stage

BACKWARD = 2  # a backward pass costs about two forward passes
TO_MIDDLE = 2 / 3  # share of a pass that shows what the training films are like
_HEAD = 5e-4  # share of a head alone in a pass


def needs_suite(recipe: Recipe) -> bool:
    """Return whether the held-out films are scored under the suite of changes too."""
    return recipe.suite or parse_rule(recipe.rule).suite


def passes_once(recipe: Recipe) -> bool:
    """Return whether one pass of the films gives all that a job needs: nothing below the head is trained."""
    return all(stage.tail == 0 and stage.views == 1 for stage in recipe.stages)


@dataclass(frozen=True)
class Work:
    """Work of one training, or of the whole job that it is a part of."""

    entry: Network
    training: int  # films
    validation: int
    test: int = 0
    once: bool = False  # whether the films pass the frozen part once, before the training

    def stages(self, recipe: Recipe) -> float:
        """Return the work of all stages of a recipe."""
        return sum(self.stage(stage) for stage in recipe.stages)

    def stage(self, stage: Stage) -> float:
        """Return the work of a whole stage."""
        return self.frozen(stage) + stage.epochs * self.epoch(stage)

    def frozen(self, stage: Stage) -> float:
        """Return the work of the frozen part, which runs once over all films, for each view of them."""
        if stage.tail is None or self.once:
            return 0
        return stage.views * self.training + self.validation

    def epoch(self, stage: Stage) -> float:
        """Return the work of one epoch of a stage."""
        # With a frozen part validation starts from the cache too, and costs next to nothing.
        validation = self.validation if stage.tail is None else 0
        return self.step(stage) * self.training + validation

    def step(self, stage: Stage) -> float:
        """Return the work of training on one film once."""
        # Stages of a network cost about the same, so n of them are n parts of the whole.
        share = 1.0 if stage.tail is None else stage.tail / len(self.entry.stages)
        return (1 + BACKWARD) * (share or _HEAD)

    @property
    def before(self) -> float:
        """Work before the training."""
        return self.training + self.validation + self.test if self.once else 0

    def after(self, recipe: Recipe) -> float:
        """Return the work after the training: scores, what the films are like, the heatmaps' scale."""
        held_out = self.validation + self.test
        scored = 0 if self.once else held_out
        changed = len(SUITE) * held_out if needs_suite(recipe) else 0
        learnt = 0 if self.once else TO_MIDDLE * learnt_from(self.training, self.validation)
        return scored + changed + learnt + PASSES

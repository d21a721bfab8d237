"""A training that takes a second, and what ``tests.trained`` calls what came of it."""

from xraylab.training.recipe import Recipe, Stage

FILMS = 60
DATASET, MODEL = "films", "first"
BRIEF = Recipe(
    name="brief", stages=(Stage(trains="all", epochs=2, learning_rate=3e-3),), batch_size=16, augmentation=0.5
)

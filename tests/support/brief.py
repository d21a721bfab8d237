"""A training of about a second, and the names of what ``trained`` and ``averaged`` make with it."""

from xraylab.training.recipe import Recipe, Stage

FILMS = 60
DATASET, MODEL = "films", "first"
MEMBERS = ("one", "two")
BOTH, KINDS = "both", "kinds"  # their ensemble; a dataset whose names tell the kind of pneumonia
SHIPPED = ("ensemble", "mobilenet_v2", "cnn")  # in the order of lists; the first averages the others
BRIEF = Recipe(
    name="brief", stages=(Stage(trains="all", epochs=2, learning_rate=3e-3),), batch_size=16, augmentation=0.5
)

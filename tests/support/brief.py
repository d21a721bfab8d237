"""A recipe that trains for about a second, and the names of datasets and models in the homes of tests."""

from xraylab.training.recipe import Recipe, Stage

FILMS = 60
DATASET, MODEL = "films", "first"
MEMBERS = ("one", "two")
BOTH, KINDS = "both", "kinds"  # an ensemble of MEMBERS; a dataset whose file names tell the kind of pneumonia
SHIPPED = ("ensemble", "mobilenet_v2", "cnn")  # in the order of lists; the first is an ensemble of the others
BRIEF = Recipe(
    name="brief", stages=(Stage(trains="all", epochs=2, learning_rate=3e-3),), batch_size=16, augmentation=0.5
)

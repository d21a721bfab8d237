"""Predictions that belong to the weights of another model, as in a copied or half-replaced folder."""

from xraylab import predictions as predictions_file
from xraylab.models import SUITE_FILE, Model
from xraylab.predictions import Predictions

OTHER_WEIGHTS = "ff" * 32


def stale(model: Model, *files: str) -> str:
    """Put the hash of other weights into a model's predictions, and return the sentence that refuses them.

    Parameters
    ----------
    files : str, optional
        Names of the files to change; by default all that there are.
    """
    for name in files or ("predictions.parquet", SUITE_FILE):
        file = model.folder / name
        if file.exists():
            kept = predictions_file.read(file)
            predictions_file.write(
                file, Predictions(kept.frame, OTHER_WEIGHTS, kept.dataset_hash, kept.extra)
            )
    return f"The stored predictions of “{model.name}” are those of other weights. {model.remedy}"

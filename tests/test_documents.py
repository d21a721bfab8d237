import json
from pathlib import Path

import pytest

from xraylab import documents
from xraylab.files import Record

FILE = Path(__file__).parent / "schemas" / "documents.json"
UPDATE = "PYTHONPATH=. python -m tests.test_documents"


def schemas():
    """The JSON schema of every document, by name."""
    classes = [
        value
        for value in vars(documents).values()
        if isinstance(value, type)
        and issubclass(value, Record)
        and value.__module__.startswith(f"{documents.__name__}.")
    ]
    return {document.__name__: document.model_json_schema(mode="serialization") for document in classes}


def test_the_documents_are_as_agreed():
    assert schemas() == json.loads(FILE.read_text()), (
        f"The command line's documents have changed. If that is meant, update the copy with `{UPDATE}`, "
        "commit it, and say so in the changelog: other programs read these keys."
    )


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("Imported", "name n labels patients splits ignored refused"),
        ("Trained", "run model seconds val"),
        ("Locked", "model rule threshold val"),
        (
            "Evaluated",
            "n refused warned auc auc_ci threshold accuracy balanced_accuracy sensitivity specificity "
            "precision npv f1 kappa confusion brier ece",
        ),
        ("Predicted", "file score decision threshold warnings refused"),
        ("Phantoms", "n labels"),
        ("Doctor", "ok checks"),
    ],
)
def test_every_key_of_the_contract_is_there(name, keys):
    assert set(keys.split()) <= set(schemas()[name]["properties"])


if __name__ == "__main__":
    FILE.write_text(json.dumps(schemas(), indent=2) + "\n")

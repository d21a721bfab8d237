"""The table of films to leave out: read as people write it, and each fault is a sentence."""

import pytest

from xraylab.data.reasons import read_reasons
from xraylab.errors import DatasetError


@pytest.mark.parametrize(
    "text",
    [
        "image_id,reason\na.png,wrong label\nb.png,seen  twice\n",
        "Reason;reader;Image_ID\nwrong label;me;a.png\nseen twice;;b.png\n",
        "\ufeffimage_id\treason\na.png\twrong label\na.png\twrong label\nb.png\t seen twice \n",
    ],
)
def test_films_have_the_reasons_of_the_table(tmp_path, text):
    (tmp_path / "out.csv").write_text(text, "utf-8")
    assert read_reasons(tmp_path / "out.csv") == {"a.png": "wrong label", "b.png": "seen twice"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("film,reason\na.png,x\n", "has no column image_id"),
        ("a.png\nb.png\n", "has no column image_id and no column reason"),
        ("image_id,reason\na.png,\n", "Say why “a.png” is left out"),
        ("image_id,reason\na.png,x\na.png,y\n", "“a.png” has two reasons, “x” and “y”"),
        (f"image_id,reason\na.png,{'x' * 201}\n", "too long"),
        ("", "can't be read"),
    ],
)
def test_a_fault_of_the_table_is_a_sentence(tmp_path, text, words):
    (tmp_path / "out.csv").write_text(text, "utf-8")
    with pytest.raises(DatasetError, match=words):
        read_reasons(tmp_path / "out.csv")


def test_a_table_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(DatasetError, match="can't be opened"):
        read_reasons(tmp_path / "out.csv")

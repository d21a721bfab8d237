"""Which model reads films: the one that somebody chose, never the newest."""

from datetime import timedelta

import pytest

from tests.support.brief import MODEL, SHIPPED
from xraylab import actions
from xraylab.__main__ import main
from xraylab.errors import NotFoundError
from xraylab.models import chosen_to_read, list_models, load_model, model_that_reads
from xraylab.models.in_use import _FILE

pytest_plugins = ["tests.support.shipped", "tests.support.averaged"]


def test_by_default_the_shipped_ensemble_reads_and_no_newer_model_takes_over(settled):
    assert list_models(settled)[0].name == MODEL, "the newest, made here"
    assert model_that_reads(settled).name == SHIPPED[0]
    assert actions.reading_model(settled) == SHIPPED[0]


def test_the_chosen_model_reads_from_then_on(settled):
    actions.use_for_reading(settled, MODEL, actor="test")
    assert model_that_reads(settled).name == MODEL
    assert [row.name for row in actions.model_rows(settled) if row.reads] == [MODEL]
    assert actions.model_row(settled, MODEL).reads
    actions.use_for_reading(settled, "cnn", actor="test")
    assert model_that_reads(settled).name == "cnn"
    assert chosen_to_read(settled).actor == "test"


def test_without_shipped_models_the_first_one_made_here_reads(averaged):
    models = list_models(averaged)
    assert len(models) > 1
    assert model_that_reads(averaged).card.created_at == min(model.card.created_at for model in models)


def test_other_weights_under_the_chosen_name_were_not_chosen(settled):
    actions.use_for_reading(settled, MODEL, actor="test")
    model = load_model(settled, MODEL)
    card = model.card.model_copy(
        update={"model_sha256": "f" * 64, "created_at": model.card.created_at + timedelta(days=1)}
    )
    (model.folder / "card.json").write_text(card.model_dump_json())
    assert model_that_reads(settled).name == SHIPPED[0]


@pytest.mark.parametrize("raw", ["", "{", '{"model": "cnn"}', "[]"])
def test_a_damaged_choice_is_none(settled, raw):
    (settled.home / _FILE).write_text(raw)
    assert chosen_to_read(settled) is None
    assert model_that_reads(settled).name == SHIPPED[0]


def test_a_model_that_is_gone_or_none_at_all(settled, tmp_path, monkeypatch):
    actions.use_for_reading(settled, MODEL, actor="test")
    (settled.models / MODEL / "card.json").unlink()
    assert model_that_reads(settled).name == SHIPPED[0]
    with pytest.raises(NotFoundError):
        actions.use_for_reading(settled, MODEL, actor="test")
    monkeypatch.setattr("xraylab.settings.STARTER", tmp_path / "nothing")
    assert model_that_reads(settled) is None
    with pytest.raises(NotFoundError, match="no model to read a film with"):
        actions.reading_model(settled)


def test_the_command_line_chooses_too_and_reads_with_it(settled, phantom_folder, capsys):
    film = str(next(phantom_folder.rglob("*.png")))
    assert main(["use", "cnn"]) == 0
    assert "cnn" in capsys.readouterr().out
    assert main(["predict", film, "--json"]) == 0
    chosen = capsys.readouterr().out
    assert main(["predict", film, "--model", "cnn", "--json"]) == 0
    assert capsys.readouterr().out == chosen

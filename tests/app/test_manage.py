"""Models, datasets and runs are renamed, noted, deleted and restored on their screens."""

import pytest

from tests.support.brief import DATASET, MEMBERS, MODEL
from tests.support.run_rows import submit
from tests.support.screens import written
from xraylab import actions
from xraylab.models import list_models
from xraylab.runs import table

pytest_plugins = ["tests.support.averaged"]


def press(app, key):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def save(app, name, note):
    old = next(field.key for field in app.text_input if field.key.startswith("manage name"))
    app.text_input(key=old).set_value(name)
    app.text_input(key=old.replace("name", "note", 1)).set_value(note)
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    return app


def names(settings):
    return sorted(model.name for model in list_models(settings))


def fail(settings, name):
    run = submit(settings, name, dataset=DATASET)
    table.give_up(settings, run.id, "It broke.")
    return run.id


def test_a_model_is_renamed_and_noted_and_stays_the_one_looked_at(show, members):
    app = show("models")
    app.selectbox(key="models model").set_value("one").run()
    app = save(press(app, "manage model"), "best", "for the talk")
    assert "Saved best" in written(app)
    assert names(members) == ["best", "two"]
    assert app.selectbox(key="models model").value == "best"
    assert "for the talk" in written(app)
    assert "On the disk: " in written(app)


def test_a_name_that_is_taken_is_a_sentence_in_the_dialog(show, members):
    app = show("models")
    app.selectbox(key="models model").set_value("one").run()
    app = save(press(app, "manage model"), "two", "")
    assert "There is a model “two” already. Choose another name." in written(app)
    assert names(members) == ["one", "two"]


def test_a_model_is_deleted_after_saying_who_reads_then_and_comes_back(show, members):
    actions.use_for_reading(members, "one", actor="app")
    app = show("models")
    app.selectbox(key="models model").set_value("one").run()
    app = press(press(app, "manage model"), "manage delete")
    assert "It reads films. “two” takes over." in written(app)
    assert names(members) == ["one", "two"]
    app = press(app, "manage delete now")
    assert names(members) == ["two"]
    assert "Deleted one. You can undo this for a day." in written(app)
    assert app.selectbox(key="models model").value == "two"
    app = press(app, "manage undo button")
    assert names(members) == ["one", "two"]
    assert "Restored" in written(app)
    assert not [button for button in app.button if button.key == "manage undo button"]


def test_the_list_of_the_last_day_restores_under_another_name_and_removes_for_good(show, members):
    one = actions.delete_object(members, "model", "one", actor="app").id
    actions.rename_object(members, "model", "two", "one", actor="app")
    app = show("models")
    assert "Deleted in the last day: 1" in [part.label for part in app.expander]
    app = press(app, f"Restore {one}")
    assert "There is a model “one” already" in app.error[0].value
    app = press(app, f"Restore {one}")
    assert names(members) == ["one", "one-restored"]
    again = actions.delete_object(members, "model", "one-restored", actor="app").id
    app = press(app.run(), f"Remove for good {again}")
    assert actions.list_deleted(members) == []
    assert "Removed one-restored for good" in written(app)


def test_the_last_model_can_be_undone_on_the_empty_screen(show, trained):
    app = press(press(press(show("models"), "manage model"), "manage delete"), "manage delete now")
    assert "There are no models yet." in written(app)
    press(app, "manage undo button")
    assert names(trained) == [MODEL]


def test_a_dataset_is_renamed_deleted_and_restored(show, trained):
    app = save(press(show("data"), "manage dataset"), "children", "")
    assert app.selectbox(key="data dataset").value == "children"
    app = press(press(app, "manage dataset"), "manage delete")
    assert f"The films of “{MODEL}” can't be shown any more. Their numbers stay." in written(app)
    app = press(app, "manage delete now")
    assert actions.list_datasets(trained) == []
    app = press(app, "manage undo button")
    assert [row.name for row in actions.list_datasets(trained)] == ["children"]


def test_a_run_is_managed_from_its_menu_and_all_failed_ones_go_at_once(show, trained):
    first, second = fail(trained, "first-try"), fail(trained, "second-try")
    app = save(press(show("train"), f"row manage {first}"), "typo-gone", "no memory")
    assert table.get(trained, first).name == "typo-gone"
    app = press(app, "delete failed runs")
    assert "Every run that failed goes" in written(app)
    app = press(app, "manage delete failed")
    assert not {first, second} & {row.run for row in actions.list_runs(trained)}
    assert "Deleted 2 failed runs" in written(app)
    press(app, "manage undo button")
    assert {first, second} <= {row.run for row in actions.list_runs(trained)}


def test_a_run_at_work_is_not_offered(show, trained):
    run = submit(trained, "new", dataset=DATASET)
    app = show("train")
    assert f"row manage {run.id}" not in [button.key for button in app.button]
    app = press(press(show("data"), "manage dataset"), "manage delete")
    assert "The training of “new” needs it" in app.warning[0].value
    assert "manage delete now" not in [button.key for button in app.button]


def test_what_comes_with_the_program_can_only_be_noted(show, averaged, monkeypatch, tmp_path):
    (tmp_path / "starter").mkdir()
    (averaged.models / MEMBERS[0]).rename(tmp_path / "starter" / "cnn")
    card = tmp_path / "starter" / "cnn" / "card.json"
    card.write_text(card.read_text().replace(f'"{MEMBERS[0]}"', '"cnn"'))
    monkeypatch.setattr("xraylab.settings.STARTER", tmp_path / "starter")
    app = show("models")
    app.selectbox(key="models model").set_value("cnn").run()
    app = press(app, "manage model")
    assert "comes with XRayLab, so it can be neither renamed nor deleted" in written(app)
    assert "manage delete" not in [button.key for button in app.button]


@pytest.mark.parametrize("name", ["models", "data", "train"])
def test_a_session_that_undoes_what_another_removed_for_good_says_nothing(show, members, name):
    app = show(name)
    removed = actions.delete_object(members, "model", "one", actor="app")
    actions.remove_deleted(members, removed.id, actor="app")
    app.run()
    assert not app.exception


def test_a_model_that_reads_in_one_window_only_is_named_alike_everywhere_in_it(show, members):
    actions.use_for_reading(members, "one", actor="app")
    app = show("models")
    app.session_state["model in use"] = "two"
    app.selectbox(key="models model").set_value("two").run()
    words = " ".join(written(app).split())
    assert "Reads films two" in words
    assert "two · reads films" in words
    assert "one · reads films" not in words
    assert "This model reads films in this window only." in words
    app = press(app, "use for reading")
    assert "in this window only" not in written(app)


def test_a_choice_of_this_session_follows_a_rename_in_another(show, members):
    app = show("models")
    app.session_state["model in use"] = "two"
    app.session_state["model looked at"] = "two"
    actions.rename_object(members, "model", "two", "third", actor="app")
    app.run()
    assert "Reads films third" in " ".join(written(app).split())
    assert app.selectbox(key="models model").value == "third"


def test_the_members_of_an_ensemble_have_their_present_names(show, averaged):
    actions.rename_object(averaged, "model", MEMBERS[0], "renamed", actor="app")
    app = show("models")
    app.selectbox(key="models model").set_value("both").run()
    assert "renamed small_cnn" in " ".join(written(app).split())

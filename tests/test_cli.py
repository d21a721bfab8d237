import io
import json
import logging
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from tests.support.brief import DATASET, FILMS, MODEL, SHIPPED
from xraylab import actions, documents
from xraylab.__main__ import main
from xraylab.actions import labelled, training
from xraylab.cli import installation
from xraylab.cli.output import tell_films
from xraylab.data.datasets import load_dataset
from xraylab.data.openings import read_openings
from xraylab.models import load_model
from xraylab.networks.registry import networks
from xraylab.reading import golden
from xraylab.training.recipe import PRESETS

pytest_plugins = ["tests.support.public", "tests.support.shipped"]
USER, OURS, INTERRUPTED = 2, 1, 130


@pytest.fixture
def fail(capsys):
    """Run a command that fails and return its code and the last line of standard error."""

    def fail(*arguments):
        code = main([*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err.splitlines()[-1]

    return fail


@pytest.fixture
def film(phantom_folder):
    return min(phantom_folder.rglob("NORMAL/*.png"))


def test_fetch_names_host_and_size_and_waits_for_a_person(capsys, monkeypatch, tmp_path, published, server):
    monkeypatch.setenv("XRAYLAB_HOME", str(tmp_path / "home"))
    dataset = published("pneumoniamnist")
    assert main(["fetch", "pneumoniamnist"]) == USER
    out, err = capsys.readouterr()
    assert (out, server.asked) == ("", [])
    assert re.search(
        r"about [\d.]+ MB are downloaded from 127\.0\.0\.1\. .* Agree to it first \(--yes\)\.", err
    )
    assert main(["fetch", "pneumoniamnist", "--yes", "--json"]) == 0
    out, err = capsys.readouterr()
    assert dataset.request in err
    document = json.loads(out)
    assert document["preview"]["layout"] == "MedMNIST"
    assert document["file"] in err.splitlines()[-1]
    assert main(shlex.split(err.splitlines()[-1].partition(": ")[2])) == 0
    assert server.asked == [0]


def test_import_tells_what_it_found_and_refuses_a_taken_name(run, fail, imported, phantom_folder):
    document = run("import", phantom_folder, "--name", "again")
    assert document["n"] == sum(document["labels"].values()) == FILMS
    assert {"name", "n", "labels", "patients", "splits", "ignored", "refused"} <= set(document)
    assert set(document["splits"]) == {"train", "validation", "test"}
    code, error = fail("import", phantom_folder, "--name", "again")
    assert (code, error) == (
        USER,
        "There is already a dataset “again”. Choose another name, or replace it on purpose (--replace).",
    )
    assert run("import", phantom_folder, "--name", "again", "--replace")["n"] == FILMS


def test_train_ends_with_a_locked_model_and_its_validation_numbers(run, fail, imported, brief_recipe):
    command = ("train", "--dataset", DATASET, "--arch", "small_cnn", "--recipe", brief_recipe, "--run", "one")
    document = run(*command)
    assert {"run", "model", "seconds", "val"} <= set(document)
    assert (document["model"], document["val"]["split"]) == ("one", "validation")
    assert load_model(imported, "one").lock.threshold == document["val"]["threshold"]
    code, error = fail(*command)
    assert code == USER
    assert error.startswith("There is a model “one” already.")
    assert run("runs")[0]["state"] == "done"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--dataset": "nothing"}, "There is no dataset “nothing”."),
        ({"--arch": "nothing"}, "There is no network “nothing”."),
        ({"--recipe": "nothing"}, "There is no recipe “nothing”."),
        ({"--recipe": "quick"}, "The recipe “quick” trains only on top of a frozen network"),
        ({"--weights": "imagenet"}, "There are no ImageNet weights for Small CNN."),
        ({"--weights": "nothing.pth"}, "“nothing.pth” is neither imagenet, none, a model"),
        ({"--run": "imagenet"}, "“imagenet” is reserved."),
        ({"--run": "a/b"}, "“a/b” can't be the name of a model."),
    ],
)
def test_what_cannot_be_trained_is_refused_before_it_is_queued(fail, imported, brief_recipe, change, said):
    options = {"--dataset": DATASET, "--arch": "small_cnn", "--recipe": brief_recipe, "--run": "one"} | change
    code, error = fail("train", *[word for option in options.items() for word in option])
    assert code == USER
    assert error.startswith(said)
    assert actions.list_runs(imported) == []


def test_a_recipe_of_any_name_gives_a_model_a_name_that_can_be_one(imported, brief_recipe, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(brief_recipe.read_text().replace('"brief"', '"Zwölf Böxkämpfer / über alles!"'))
    request = actions.request_training(imported, dataset=DATASET, arch="small_cnn", recipe=str(file))
    assert re.fullmatch(r"small_cnn-Zw-lf-[A-Za-z0-9-]+-\d{4}-\d{6}", request.name)


def test_weights_of_a_model_are_kept_as_its_name_and_a_file_as_its_whole_path(trained, monkeypatch):
    def source(weights):
        request = actions.request_training(
            trained, dataset=DATASET, arch="small_cnn", recipe="scratch", weights=weights
        )
        return request.weights

    file = trained.models / MODEL / "model.safetensors"
    monkeypatch.chdir(file.parent)
    assert source(MODEL) == MODEL
    assert source(file.name) == source(str(file)) == str(file.resolve())


def test_lock_takes_a_rule_and_refuses_what_is_none(run, fail, trained):
    document = run("lock", "--model", MODEL, "--rule", "value:0.3")
    assert {"model", "rule", "threshold", "val"} <= set(document)
    assert (document["rule"], document["threshold"]) == ("value:0.3", 0.3)
    assert document["val"]["threshold"] == 0.3
    assert run("lock", "--model", MODEL, "--rule", "sensitivity:1")["val"]["sensitivity"] == 1
    before = load_model(trained, MODEL).lock
    assert fail("lock", "--model", MODEL, "--rule", "argmax")[0] == USER
    assert load_model(trained, MODEL).lock == before


def test_the_test_split_opens_after_the_lock_only_and_every_opening_counts(run, fail, trained):
    (trained.models / MODEL / "lock.json").unlink()
    command = ("evaluate", "--model", MODEL, "--data", DATASET)
    assert fail(*command) == (USER, f"{MODEL} has no locked threshold yet. Lock one on validation first.")
    assert read_openings(trained) == []
    run("lock", "--model", MODEL, "--rule", "youden")
    assert [run(*command)["test_openings"] for _ in range(2)] == [1, 2]
    openings = read_openings(trained)
    assert [(event.model, event.actor) for event in openings] == [(MODEL, "command line")] * 2
    again = run("lock", "--model", MODEL, "--rule", "f1")
    assert again["after_opening"]
    assert run(*command)["lock_after_opening"]


def test_looking_at_validation_opens_nothing(run, trained):
    document = run("evaluate", "--model", MODEL, "--data", DATASET, "--split", "validation")
    assert (document["split"], document["test_openings"]) == ("validation", 0)


def test_evaluate_gives_the_numbers_of_the_stored_predictions(run, trained):
    document = run("evaluate", "--model", MODEL, "--data", DATASET)
    test = load_model(trained, MODEL).films("test")
    assert document["n"] == len(test)
    assert document["auc"] == pytest.approx(roc_auc_score(test.labels, test.scores))
    [[tn, fp], [fn, tp]] = document["confusion"]
    called = test.scores >= document["threshold"]
    assert (tp, fp) == (int((called & (test.labels == 1)).sum()), int((called & (test.labels == 0)).sum()))
    assert (tn, fn) == (int((~called & (test.labels == 0)).sum()), int((~called & (test.labels == 1)).sum()))
    assert document["accuracy"] == pytest.approx((tp + tn) / document["n"])
    assert len(document["auc_ci"]) == 2


def test_a_labelled_source_is_scored_whole_and_a_rate_of_nothing_is_null(run, trained, other_phantoms):
    assert run("evaluate", "--model", MODEL, "--data", other_phantoms)["n"] == FILMS
    one = trained.home / "one" / "NORMAL"
    one.mkdir(parents=True)
    shutil.copy(min(other_phantoms.rglob("NORMAL/*.png")), one)
    (one / "broken.png").write_bytes(b"no film")
    document = run("evaluate", "--model", MODEL, "--data", one.parent)
    assert (document["n"], document["refused"], document["split"]) == (1, 1, None)
    assert (document["auc"], document["sensitivity"]) == (None, None)


@pytest.mark.parametrize("data", ["nowhere", "broken"])
def test_what_cannot_be_evaluated_is_a_sentence(fail, trained, data, tmp_path):
    (tmp_path / "broken" / "NORMAL").mkdir(parents=True)
    (tmp_path / "broken" / "NORMAL" / "film.png").write_bytes(b"no film")
    code, error = fail("evaluate", "--model", MODEL, "--data", tmp_path / data)
    assert code == USER
    assert "neither a dataset nor a path" in error or "None of the 1 labelled files" in error
    assert fail("evaluate", "--model", MODEL, "--data", DATASET, "--split", "all")[0] == USER


@pytest.mark.parametrize("split", ["validation", "test"])
def test_predict_evaluate_and_the_stored_predictions_agree_on_every_film(run, trained, phantom_folder, split):
    model = load_model(trained, MODEL)
    model.write_opening()
    stored = model.films(split).frame
    files = [phantom_folder / name for name in stored["image_id"]]
    rows = run("predict", "--model", MODEL, *files)
    np.testing.assert_allclose([row["score"] for row in rows], stored["score"], rtol=0, atol=1e-6)
    dataset = load_dataset(trained, DATASET)
    fresh = labelled.score_films(trained, model, labelled.LabelledFilms.of_split(dataset, split))
    np.testing.assert_allclose(fresh.scores, stored["score"], rtol=0, atol=1e-6)
    lock = model.lock.threshold
    assert [row["decision"] for row in rows] == [
        "positive" if row["score"] >= lock else "negative" for row in rows
    ]


def test_predict_names_films_as_they_were_given(run, trained, film, tmp_path, monkeypatch):
    (tmp_path / "films" / "sub").mkdir(parents=True)
    (tmp_path / "films" / ".hidden").mkdir()
    for place in ("films/one.png", "films/sub/two.png", "films/.hidden/three.png"):
        shutil.copy(film, tmp_path / place)
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for member in ("a/one.png", "./b.png", "__MACOSX/._b.png"):
            archive.writestr(member, film.read_bytes())
    monkeypatch.chdir(tmp_path)
    rows = run("predict", "--model", MODEL, "films", "films/", "films/one.png", "films.zip")
    assert [row["file"] for row in rows] == [
        "films/one.png",
        "films/sub/two.png",
        "films/one.png",
        "films/sub/two.png",
        "films/one.png",
        "films.zip::./b.png",
        "films.zip::a/one.png",
    ]
    scores = [row["score"] for row in rows]
    np.testing.assert_allclose(scores, scores[0], rtol=0, atol=1e-6)
    keys = {"file", "score", "decision", "threshold", "warnings", "refused"}
    assert all(keys <= set(row) and row["refused"] is None for row in rows)


def test_a_bad_file_is_a_row_and_never_the_end(run, trained, film, tmp_path, monkeypatch):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("a text")
    (tmp_path / "cut.png").write_bytes(film.read_bytes()[:5000])
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(film, "../outside.png")
        archive.writestr("bomb.png", b"\0" * 50_000_000)
    whole = (tmp_path / "bad.zip").read_bytes()
    directory = whole.index(b"PK\x01\x02")
    (tmp_path / "torn.zip").write_bytes(whole[:directory] + b"XXXX" + whole[directory + 4 :])
    names = ["empty.png", "text.png", "cut.png", "bad.zip", "torn.zip"]
    rows = run("predict", "--model", MODEL, *(tmp_path / name for name in names), film)
    refused = {Path(row["file"]).name: row["refused"] for row in rows[:-1]}
    assert list(refused) == [
        "empty.png",
        "text.png",
        "cut.png",
        "outside.png",
        "bad.zip::bomb.png",
        "torn.zip",
    ]
    assert all(reason and reason.endswith(".") for reason in refused.values())
    assert "leads outside the archive" in refused["outside.png"]
    assert rows[3]["file"] == f"{tmp_path / 'bad.zip'}::../outside.png"
    assert all((row["score"], row["decision"]) == (None, None) for row in rows[:-1])
    assert rows[-1]["score"] is not None


def test_a_file_that_may_not_be_opened_is_a_row(run, trained, film, tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    shutil.copy(film, tmp_path / "film.png")
    monkeypatch.setattr(
        Path, "read_bytes", lambda self: refuse(self) if self.suffix == ".png" else READ(self)
    )
    [row] = run("predict", "--model", MODEL, tmp_path / "film.png")
    assert row["refused"] == "The file can't be opened. Check its permissions."


@pytest.mark.parametrize(
    ("page", "name", "dash"),
    [("cp437", "??.png", "?"), ("cp1252", "??.png", "–"), ("utf-8", "胸片.png", "–")],
)
def test_a_result_comes_out_in_every_code_page(trained, monkeypatch, tmp_path, page, name, dash):
    file = tmp_path / "胸片.png"
    file.write_bytes(b"no film")

    def printed(*arguments):
        out, err = (io.TextIOWrapper(io.BytesIO(), page, write_through=True) for _ in range(2))
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        code = main(["predict", *map(str, arguments)])
        return code, out.buffer.getvalue(), err.buffer.getvalue()

    code, out, _ = printed("--model", MODEL, file)
    assert code == 0
    lines = out.decode(page).splitlines()
    assert lines[0].endswith(name)
    assert lines[1].split() == ["score", dash]
    code, out, _ = printed("--model", MODEL, file, "--json")
    assert code == 0
    assert json.loads(out.decode("ascii"))[0]["file"] == str(file)
    code, _, err = printed("--model", "胸", file)
    assert code == USER
    assert "胸".encode(page, "replace").decode(page) in err.decode(page).splitlines()[-1]


READ = Path.read_bytes


def test_a_path_that_is_not_there_is_the_users_mistake(fail, trained, film):
    assert fail("predict", "--model", MODEL, film, "nowhere.png") == (
        USER,
        "nowhere.png doesn't exist. Check the path.",
    )


def test_heatmaps_are_written_for_films_that_could_be_read(run, fail, trained, film, tmp_path):
    (tmp_path / "broken.png").touch()
    rows = run("predict", "--model", MODEL, film, tmp_path / "broken.png", "--heatmaps", tmp_path / "maps")
    assert rows[1]["heatmap"] is None
    with Image.open(rows[0]["heatmap"]) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (128, 128))
    assert len(list((tmp_path / "maps").iterdir())) == 1
    code, error = fail("predict", "--model", MODEL, film, "--heatmaps", tmp_path / "broken.png")
    assert code == USER
    assert "is not a folder" in error


def test_lists_tell_what_there_is(run, trained):
    [model], [dataset], [ran] = run("models"), run("datasets"), run("runs")
    assert (model["name"], model["dataset"], model["rule"]) == (MODEL, DATASET, "youden")
    validation = load_model(trained, MODEL).films("validation")
    assert model["val_auc"] == pytest.approx(roc_auc_score(validation.labels, validation.scores))
    assert (dataset["name"], dataset["n"]) == (DATASET, FILMS)
    assert (ran["state"], ran["epoch"], ran["name"]) == ("done", 2, MODEL)
    assert run("runs", "--rebuild") == [ran]
    assert [row["name"] for row in run("networks")] == [entry.name for entry in networks()]
    assert [row["name"] for row in run("recipes")] == [preset.name for preset in PRESETS]


def test_a_card_is_shown_or_written_and_seals_what_is_sealed(run, capsys, trained, tmp_path):
    document = run("card", MODEL)
    assert document["model"] == MODEL
    markdown = document["markdown"]
    assert markdown == actions.model_card(trained, MODEL)
    assert markdown.startswith(f"# Model card: `{MODEL}`\n")
    assert f"The test films of {MODEL} are sealed." in markdown
    assert read_openings(trained) == []
    file = tmp_path / "cards" / "card.md"
    assert run("card", MODEL, "--out", file) == document
    assert file.read_text("utf-8") == markdown
    assert main(["card", MODEL]) == 0
    assert capsys.readouterr().out == markdown
    assert main(["card", MODEL, "--out", str(file)]) == 0
    assert capsys.readouterr().out == ""
    run("evaluate", "--model", MODEL, "--data", DATASET)
    assert "are sealed" not in run("card", MODEL)["markdown"]
    run("lock", "--model", MODEL, "--rule", "f1")
    again = run("card", MODEL)["markdown"]
    assert f"The test films of {MODEL} are sealed." in again
    assert "changed after test results were seen" in again


def test_a_card_of_no_model_or_into_a_folder_is_the_users_mistake(fail, trained, tmp_path):
    assert fail("card", "nothing") == (USER, f"There is no model “nothing”. There are: {MODEL}.")
    code, error = fail("card", MODEL, "--out", tmp_path)
    assert code == USER
    assert "is a directory" in error


@pytest.mark.parametrize("damage", [b"", b"PAR1 no parquet", None])
def test_damaged_predictions_leave_the_rest_of_a_card(run, trained, damage):
    file = trained.models / MODEL / "predictions.parquet"
    file.unlink() if damage is None else file.write_bytes(damage)
    (trained.models / MODEL / "lock.json").write_text("{")
    markdown = run("card", MODEL)["markdown"]
    assert f"The predictions of the model “{MODEL}” are missing or damaged." in markdown
    assert "Not locked" in markdown
    assert "--recipe recipe.json --weights none" in markdown


def test_a_model_is_trained_again_by_what_its_card_says(run, trained, tmp_path, monkeypatch):
    markdown = run("card", MODEL)["markdown"]
    monkeypatch.chdir(tmp_path)
    Path("recipe.json").write_text(re.search(r"```json\n(.*?)\n```", markdown, re.DOTALL)[1])
    command = re.search(r"python -m xraylab (train .*)", markdown)[1].split()
    run(*command, "--replace")
    again = run("card", MODEL)["markdown"]
    first, second = (re.search(r"- weights: `(\w{64})`", text)[1] for text in (markdown, again))
    assert first == second


def test_cancel_takes_a_run_out_of_the_queue(run, fail, imported):
    request = actions.request_training(imported, dataset=DATASET, arch="small_cnn", recipe="scratch")
    [waiting] = training.submit_all(imported, [request])
    document = run("cancel", waiting.id)
    assert (document["run"], document["state"]) == (waiting.id, "cancelled")
    assert fail("cancel", "nothing") == (USER, "There is no run “nothing”.")


def test_several_seeds_are_a_row_each_and_a_spread(run, fail, imported, brief_recipe, capsys):
    command = ("train", "--dataset", DATASET, "--arch", "small_cnn", "--recipe", brief_recipe, "--run", "two")
    document = run(*command, "--seeds", 2)
    assert [(row["model"], row["seed"]) for row in document["seeds"]] == [("two-s0", 0), ("two-s1", 1)]
    assert (document["run"], document["model"]) == (document["seeds"][0]["run"], "two-s0")
    assert set(document["spread"]["kappa"]) == {"n", "mean", "sd", "low", "high"}
    assert fail(*command, "--seeds", 2)[1].startswith("There is a model “two-s0” already.")
    for wrong in (1, 21, "some"):
        assert fail(*command, "--seeds", wrong)[0] == USER


def test_people_get_the_spread_as_lines(capsys, imported, brief_recipe):
    arguments = f"train --dataset {DATASET} --arch small_cnn --run two --seeds 2 --recipe".split()
    assert main([*arguments, str(brief_recipe)]) == 0
    out = capsys.readouterr().out
    assert "two-s1  seed 1, validation AUC " in out
    assert "mean ± standard deviation" in out


def test_a_run_that_cannot_be_resumed_is_a_sentence(fail, trained, imported_home):
    [done] = actions.list_runs(trained)
    assert fail("resume", done.run) == (USER, f"The run {done.run} is done: its model is “{MODEL}”.")
    assert fail("resume", "nothing", "--keep-best") == (USER, "There is no run “nothing”.")


def test_phantoms_are_written_in_the_layout_that_import_reads(run, fail, imported, tmp_path):
    document = run("phantoms", "--n", 10, "--out", tmp_path / "made")
    assert document["n"] == sum(document["labels"].values()) == 10
    assert len(list((tmp_path / "made").rglob("train/*/*.png"))) == 10
    assert fail("phantoms", "--n", 10, "--out", tmp_path / "made")[0] == USER


def test_phantoms_never_take_the_place_of_radiographs(imported, monkeypatch):
    file = imported.datasets / DATASET / "dataset.json"
    file.write_text(
        file.read_text()
        .replace('"kind":"phantoms"', '"kind":"radiographs"')
        .replace('"kind": "phantoms"', '"kind": "radiographs"')
    )
    with pytest.raises(Exception, match="There is already a dataset “films” of radiographs"):
        actions.import_phantoms(imported, DATASET, n=30)
    assert load_dataset(imported, DATASET).info.n == FILMS


def test_importing_phantoms_twice_gives_the_same_dataset(imported):
    told = []
    first = actions.import_phantoms(imported, "made", n=30, on_progress=lambda *now: told.append(now))
    again = actions.import_phantoms(imported, "made", n=30)
    assert (first.n, first.kind) == (again.n, again.kind) == (30, "phantoms")
    assert told[-1] == (60, 60)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_doctor_finds_this_installation_well(run, imported):
    document = run("doctor")
    assert document["ok"]
    details = {check["name"]: check["detail"] for check in document["checks"]}
    assert {"device", "home", "golden film", "golden score"} <= set(details)
    assert details["shipped models"] == "none"


def test_the_doctor_says_what_is_broken_and_the_exit_code_too(capsys, imported, monkeypatch):
    monkeypatch.setattr("xraylab.reading.golden.pixel_difference", lambda: 40)
    assert main(["doctor", "--json"]) == OURS
    document = json.loads(capsys.readouterr().out)
    faults = [check["name"] for check in document["checks"] if not check["ok"]]
    assert (document["ok"], faults) == (False, ["golden film"])


@pytest.fixture
def well(newcomer, starter):
    """A folder of shipped models with the scores expected of them."""
    golden.make_shipped(newcomer)
    return starter


def shipped_check(capsys, code=0):
    assert main(["doctor", "--json"]) == code
    [check] = [
        check for check in json.loads(capsys.readouterr().out)["checks"] if check["name"] == "shipped models"
    ]
    return check


def test_the_doctor_scores_the_golden_film_by_every_shipped_model(capsys, well):
    check = shipped_check(capsys)
    assert check["ok"]
    assert check["detail"].startswith(f"{', '.join(SHIPPED)}: scores differ by at most")


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("cnn/model.safetensors", b"", "The weights of “cnn” have changed"),
        ("cnn/model.safetensors", None, "The weights of “cnn” can't be read. Install XRayLab again."),
        ("cnn/predictions.parquet", b"", "predictions of the model “cnn” are missing or damaged"),
        ("cnn/card.json", None, "The model “cnn”, which comes with XRayLab, is missing or damaged"),
        ("cnn", None, "The model “cnn”, which comes with XRayLab, is missing or damaged"),
        ("cnn", None, "“ensemble” averages “cnn”, which is gone or damaged. Install XRayLab again."),
        ("golden.json", None, "scores expected of the models that come with XRayLab are missing"),
        ("golden.json", b'{"scores": {"cnn": 0.123}}', "by “ensemble” differs by nan"),
        ("golden.json", b'{"scores": {"cnn": 0.123}}', "by “cnn” differs by"),
    ],
)
def test_the_doctor_finds_a_damaged_shipped_model(capsys, well, file, damage, said):
    path = well / file
    if damage is not None:
        path.write_bytes(damage)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    check = shipped_check(capsys, OURS)
    assert not check["ok"]
    assert check["detail"].count(said) == 1


def test_models_lists_the_shipped_ones(run, settled):
    rows = run("models")
    assert [(row["name"], row["shipped"]) for row in rows] == [(MODEL, False)] + [(n, True) for n in SHIPPED]


def test_a_shipped_model_reads_films_and_is_locked_in_the_home(run, newcomer, film):
    [row] = run("predict", "--model", "ensemble", film)
    assert row["decision"] in ("positive", "negative")
    assert run("lock", "--model", "ensemble", "--rule", "value:0")["threshold"] == 0
    assert run("predict", "--model", "ensemble", film)[0]["decision"] == "positive"
    assert (newcomer.models / "ensemble" / "lock.json").exists()


def test_a_shipped_model_is_evaluated_on_what_it_held_out_without_the_films(run, fail, newcomer):
    command = ("evaluate", "--model", "ensemble", "--data", DATASET, "--split")
    assert run(*command, "validation")["test_openings"] == 0
    assert [run(*command, "test")["test_openings"] for _ in range(2)] == [1, 2]
    test = load_model(newcomer, "ensemble").films("test")
    assert run(*command, "test")["auc"] == pytest.approx(roc_auc_score(test.labels, test.scores))
    assert fail(*command, "train")[1].startswith("“films” is neither a dataset nor a path")
    assert fail(*command, "all")[1].startswith("There is no split “all”.")


def test_a_training_may_start_from_a_shipped_model(run, fail, settled, brief_recipe):
    command = ("train", "--dataset", DATASET, "--arch", "small_cnn", "--recipe", brief_recipe)
    document = run(*command, "--weights", "cnn", "--run", "mine")
    card = load_model(settled, "mine").card
    assert document["model"] == "mine"
    assert (card.weights, card.weights_sha256) == ("cnn", load_model(settled, "cnn").card.model_sha256)
    code, error = fail(*command, "--weights", "ensemble")
    assert (code, error.startswith("“ensemble” is an ensemble and has no weights")) == (USER, True)
    code, error = fail(*command, "--run", "cnn", "--replace")
    assert (code, error.startswith("“cnn” is reserved for a model that comes with XRayLab")) == (USER, True)
    code, error = fail("resume", "cnn")
    assert (code, error.startswith("“cnn” is a model that comes with XRayLab, not a run")) == (USER, True)


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["lock"], ["lock", "--model"], ["phantoms", "--n", "many", "--out", "x"]]
)
def test_a_command_that_is_none_is_the_users_mistake(capsys, arguments):
    assert main(arguments) == USER
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1


def test_without_a_command_the_commands_are_shown(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["xraylab"])
    assert main() == 0
    assert "predict" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(KeyboardInterrupt(), INTERRUPTED, "Stopped."), (ZeroDivisionError(), OURS, "our fault (reference ")],
)
def test_ctrl_c_and_our_own_faults_have_their_codes(fail, monkeypatch, caplog, error, code, said):
    def stumble(*_, **__):
        raise error

    monkeypatch.setattr(actions, "model_rows", stumble)
    with caplog.at_level(logging.ERROR):
        found, line = fail("models")
    assert found == code
    assert said in line


def test_people_get_lines_instead_of_json(capsys, trained):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert f"name  {MODEL}" in out
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(out)


def test_people_get_a_fact_a_line_and_never_the_inside_of_a_program(capsys, trained):
    assert main(["lock", "--model", MODEL, "--rule", "youden"]) == 0
    told = dict(line.split("  ", 1) for line in map(str.strip, capsys.readouterr().out.splitlines()) if line)
    assert told["rule"].strip() == "youden"
    assert told["after_opening"].strip() == "no"
    assert float(told["val auc"]) == pytest.approx(told_auc(trained), abs=1e-3)
    assert re.fullmatch(r"<?[\d.]+, [\d.]+", told["val auc_ci"].strip())
    assert not set("{}[]'") & set("".join(told.values()))


def told_auc(settings):
    validation = load_model(settings, MODEL).films("validation")
    return roc_auc_score(validation.labels, validation.scores)


def test_the_app_is_started_on_the_port_asked_for():
    command = installation._app_command(8765, browser=False)
    assert "--server.port=8765" in command
    assert "--server.headless=true" in command
    assert Path(command[4]).name == "streamlit_app.py"


@pytest.fixture
def started(monkeypatch):
    """The commands that the process would become, with the hosts that they allow."""
    started = []
    monkeypatch.delenv("XRAYLAB_ALLOW_HOSTS", raising=False)
    monkeypatch.setattr(installation.sys, "platform", "linux")
    monkeypatch.setattr(
        installation.os,
        "execve",
        lambda _, command, env: started.append((command, env["XRAYLAB_ALLOW_HOSTS"])),
    )
    return started


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.7"])  # noqa: S104
def test_the_app_is_not_started_for_other_machines_without_the_flag(capsys, monkeypatch, started, address):
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", address)
    assert main(["app"]) == 2
    assert f"XRayLab would be open to other machines at {address}" in capsys.readouterr().err
    assert started == []


@pytest.mark.parametrize(
    ("hosts", "address"),
    [
        (["10.0.0.7"], "10.0.0.7"),
        (["films"], "0.0.0.0"),  # noqa: S104 - a name may belong to any address
        (["10.0.0.7", "films"], "0.0.0.0"),  # noqa: S104
    ],
)
def test_the_flag_names_the_addresses_that_others_open(started, hosts, address):
    assert main(["app", *(text for host in hosts for text in ("--expose", host))]) == 0
    ((command, allowed),) = started
    assert f"--server.address={address}" in command
    assert allowed == ",".join(hosts)


def test_the_app_without_the_flag_keeps_the_address_of_its_configuration(started):
    assert main(["app"]) == 0
    ((command, allowed),) = started
    assert not [option for option in command if option.startswith("--server.address")]
    assert allowed == ""


def test_a_host_that_cant_be_exposed_is_a_sentence(capsys, started):
    assert main(["app", "--expose", "*"]) == 2
    assert "There is no word for every host" in capsys.readouterr().err


def test_the_score_of_a_film_that_is_not_decided_stands_last_for_a_person(capsys):
    decided = documents.Predicted(
        file="a.png",
        score=0.9,
        decision="review",
        threshold=0.95,
        review_from=0.1,
        warnings=[],
        notes=[],
        refused=None,
        heatmap=None,
        spread=None,
        subtype=None,
    )
    undecided = decided.model_copy(update={"decision": None, "warnings": ["A cat."]})
    tell_films([decided])
    lines = capsys.readouterr().out.split("\n")
    assert "score  0.9" in lines[1]
    tell_films([undecided])
    lines = capsys.readouterr().out.rstrip().split("\n")
    assert lines[-1].strip() == "not decided, score  0.9"
    assert not [line for line in lines[:-1] if line.strip().startswith("score")]

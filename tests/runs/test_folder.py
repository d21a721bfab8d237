import json

from xraylab.runs import folder


def test_what_is_not_there_yet_reads_as_nothing(settings):
    assert folder.read_history(settings, "none") == []
    assert folder.read_progress(settings, "none") is None
    assert folder.read_result(settings, "none") is None
    assert folder.read_log(settings, "none") == ""


def test_progress_is_replaced_whole_and_leaves_nothing_beside_it(settings, submit):
    run = submit()
    for step in range(3):
        folder.write_progress(settings, run.id, {"step": step})
    assert folder.read_progress(settings, run.id) == {"step": 2}
    assert {file.name for file in folder.path(settings, run.id).iterdir()} == {"recipe.json", "progress.json"}


def test_a_number_that_is_none_is_null(settings, submit):
    run = submit()
    epoch = {"epoch": 1, "auc": float("nan"), "each": [1.0, float("inf")], "pair": (0.5, float("-inf"))}
    folder.append_history(settings, run.id, epoch)
    folder.write_progress(settings, run.id, epoch)
    expected = {"epoch": 1, "auc": None, "each": [1.0, None], "pair": [0.5, None]}
    assert folder.read_history(settings, run.id) == [expected]
    assert folder.read_progress(settings, run.id) == expected


def test_a_last_line_torn_by_a_kill_is_left_out(settings, submit):
    run = submit()
    folder.append_history(settings, run.id, {"epoch": 1})
    with (folder.path(settings, run.id) / "history.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 2})[:-4])
    assert folder.read_history(settings, run.id) == [{"epoch": 1}]


def test_the_tail_of_a_log_begins_with_a_whole_line(settings, submit):
    run = submit()
    (folder.path(settings, run.id) / "log.txt").write_text(
        "first line\nzweite Zeile: ü\nlast\n", encoding="utf-8"
    )
    assert folder.read_log(settings, run.id, tail=12) == "last\n"
    assert folder.read_log(settings, run.id).startswith("first line\nzweite Zeile: ü")

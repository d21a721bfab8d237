"""Files: whole or not at all, and a full disk is a sentence."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xraylab import files, leftovers, system
from xraylab.errors import NameTakenError, StorageError
from xraylab.files import append_line, check_name, new_folder, read_lines, write_bytes, write_json, write_text

# A process that may not write files of more than 4 KB, which is what a full disk looks like from inside.
SMALL_DISK = """
import resource, sys
from pathlib import Path
from xraylab.errors import StorageError
from xraylab.files import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_bytes(Path(sys.argv[1]), b"n" * 10_000)
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["a", "kermany224", "2024-01.v2_final", "A" * 64, "console", "com"])
def test_a_plain_name_is_taken_as_it_is(name):
    assert check_name(name, what="dataset") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "-x",
        "_x",
        "a b",
        "a/b",
        "a\\b",
        "a\n",
        "é",
        "A" * 65,
        "dot.",
        "NUL",
        "con.txt",
    ],
)
def test_what_is_no_folder_name_everywhere_is_refused(name):
    with pytest.raises(NameTakenError, match="can't be the name of a model"):
        check_name(name, what="model")


def test_a_file_is_written_with_the_folders_it_needs(tmp_path):
    write_text(tmp_path / "a" / "b" / "note.txt", "größer\n")
    assert (tmp_path / "a" / "b" / "note.txt").read_bytes() == "größer\n".encode()
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_text(tmp_path / "note.txt", "old")

    def no_room(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StorageError, match="is full, so nothing was saved"):
        write_text(tmp_path / "note.txt", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]
    assert (tmp_path / "note.txt").read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit to set")
def test_a_real_limit_of_the_system_is_a_sentence(tmp_path):
    write_text(tmp_path / "note.txt", "old")
    done = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(tmp_path / "note.txt")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.startswith(f"The disk that holds {tmp_path} is full")
    assert [file.name for file in tmp_path.iterdir()] == ["note.txt"]
    assert (tmp_path / "note.txt").read_text() == "old"


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"auc": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "x.json", {"auc": 0.5})
    assert json.loads((tmp_path / "x.json").read_text()) == {"auc": 0.5}


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EFBIG, "is full"),
        (errno.EACCES, "may not write to"),
        (errno.EROFS, "may not write to"),
        (errno.ENOTDIR, "is not a folder"),
        (errno.EIO, "can't be reached"),
        (errno.ENOTCONN, "can't be reached"),
        (errno.ESTALE, "can't be reached"),
    ],
)
def test_what_the_system_says_about_storage_is_a_sentence(tmp_path, number, sentence):
    with pytest.raises(StorageError, match=sentence), files.storage_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_other_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(InterruptedError), files.storage_errors(tmp_path):
        raise InterruptedError(errno.EINTR, "interrupted")


def test_a_home_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "home").write_text("")
    with pytest.raises(StorageError, match="is not a folder"):
        write_bytes(tmp_path / "home" / "x", b"")
    with (
        pytest.raises(StorageError, match="is not a folder"),
        new_folder(tmp_path / "home" / "datasets" / "x"),
    ):
        pass


def test_lines_come_back_in_order(tmp_path):
    for number in range(3):
        append_line(tmp_path / "log.jsonl", {"n": number, "what": "é"})
    assert read_lines(tmp_path / "log.jsonl") == [{"n": n, "what": "é"} for n in range(3)]
    assert read_lines(tmp_path / "missing.jsonl") == []


def test_a_torn_line_costs_only_itself(tmp_path):
    log = tmp_path / "log.jsonl"
    append_line(log, {"n": 0})
    whole = log.read_bytes()
    for length in range(1, len(whole)):
        log.write_bytes(whole + whole[:length])
        complete = [{"n": 0}] * (1 + (length == len(whole) - 1))  # all but the newline is there
        assert read_lines(log) == complete
        append_line(log, {"n": 1})
        assert read_lines(log) == [*complete, {"n": 1}]


def test_a_new_folder_appears_at_the_end(tmp_path):
    target = tmp_path / "datasets" / "films"
    with new_folder(target) as folder:
        (folder / "x").write_text("x")
        assert not target.exists()
    assert [file.name for file in target.iterdir()] == ["x"]
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_is_there_already_is_kept(tmp_path):
    target = tmp_path / "films"
    for content in ([], ["old"]):
        target.mkdir(exist_ok=True)
        for name in content:
            (target / name).write_text("")
        with pytest.raises(NameTakenError, match="appeared meanwhile"), new_folder(target) as folder:
            (folder / "new").write_text("")
        assert [file.name for file in target.iterdir()] == content
        assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "films"
    target.mkdir()
    (target / "old").write_text("")
    with new_folder(target, replace=True) as folder:
        (folder / "new").write_text("")
    assert [file.name for file in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


# Replaces the folder argv[1] again and again, in children that are killed before their nth step. Prints the
# signal, what then lies in the folder after it was mended, and what lies beside it after a sweep.
REPLACING = """
import json, os, shutil, signal, sys
from pathlib import Path
from xraylab import files, leftovers, system
target = Path(sys.argv[1])
STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.fsync"}
if sys.argv[2] == "two steps":
    system.exchange = lambda first, second: False

def replace(moment):
    left = iter(range(1, moment))
    def see(event, given):
        writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in STEPS) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
    flush = system.flush
    system.flush = lambda descriptor: (sys.audit("os.fsync"), flush(descriptor))
    sys.addaudithook(see)
    with files.new_folder(target, replace=True) as folder:
        for name in "abc":
            (folder / name).write_text("new")
    os._exit(0)

results, code = [], None
while code in (None, -signal.SIGKILL):
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in "abc":
        (target / name).write_text("old")
    child = os.fork() or replace(len(results) + 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    leftovers.mend(target.parent)
    mended = sorted(file.read_text() for file in target.iterdir())
    leftovers.sweep(target.parent)
    results.append([code, mended, sorted(os.listdir(target.parent))])
print(json.dumps(results))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("way", ["one step", "two steps"])
def test_a_kill_at_any_moment_of_a_replacement_leaves_one_whole_folder_and_a_sweep_the_rest(tmp_path, way):
    command = [sys.executable, "-c", REPLACING, str(tmp_path / "films"), way]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    killed = json.loads(done.stdout)
    assert len(killed) > 15
    assert killed.pop() == [0, ["new"] * 3, ["films"]]
    assert {code for code, _, _ in killed} == {-signal.SIGKILL}
    assert all(mended in (["old"] * 3, ["new"] * 3) for _, mended, _ in killed)
    assert all(beside == ["films"] for _, _, beside in killed)


def test_folders_are_exchanged_in_one_step_and_a_rename_is_seen_by_an_audit(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not system.exchange(tmp_path / "one", tmp_path / "two"):
        pytest.skip("this system or drive exchanges no folders")
    assert (tmp_path / "one" / "two").exists()
    assert (tmp_path / "two" / "one").exists()
    with pytest.raises(FileNotFoundError):
        system.exchange(tmp_path / "one", tmp_path / "missing")


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full"), ValueError("bug")])
def test_a_failure_inside_leaves_the_old_folder_and_nothing_else(tmp_path, failure):
    target = tmp_path / "films"
    target.mkdir()
    (target / "old").write_text("")
    expected = StorageError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected), new_folder(target, replace=True):
        raise failure
    assert [file.name for file in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.EACCES, "denied")])
def test_a_failure_between_old_and_new_brings_the_old_one_back(tmp_path, monkeypatch, failure):
    monkeypatch.setattr(system, "exchange", lambda first, second: False)
    target = tmp_path / "films"
    target.mkdir()
    (target / "old").write_text("")
    rename = Path.rename

    def fail_on_the_new_one(self: Path, to: Path) -> Path:
        if self.name.endswith(".partial"):
            raise failure
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fail_on_the_new_one)
    expected = StorageError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected), new_folder(target, replace=True) as folder:
        (folder / "new").write_text("")
    assert [file.name for file in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def leftover(folder, name, kind="partial", *, file=False):
    path = folder / f".{name}.{'0' * 31}{len(list(folder.iterdir())):x}.{kind}"
    if file:
        path.write_text("")
    else:
        path.mkdir()
        (path / "pixels").write_text("old")
    return path


def test_a_sweep_removes_what_dead_processes_left_and_nothing_else(tmp_path):
    left = {leftover(tmp_path, "films"), leftover(tmp_path, "card.json", file=True)}
    (tmp_path / "new").mkdir()
    left.add(leftover(tmp_path, "new", "retired"))
    alike = [".films.partial", ".films.0.partial", f"films.{'0' * 32}.partial", f".films.{'0' * 32}.part"]
    for name in alike:
        (tmp_path / name).mkdir()
    swept = leftovers.sweep(tmp_path)
    assert (set(swept.removed), swept.restored, swept.in_use, swept.stuck) == (left, (), (), ())
    assert {file.name for file in tmp_path.iterdir()} == {"new", *alike}


def test_a_folder_whose_replacement_never_came_goes_back_to_its_place(tmp_path):
    for undo_only in (True, False):
        old, half = leftover(tmp_path, "films", "retired"), leftover(tmp_path, "films")
        swept = leftovers.sweep(tmp_path, undo_only=undo_only)
        assert (swept.restored, half.exists()) == ((tmp_path / "films",), undo_only)
        assert not old.exists()
        assert (tmp_path / "films" / "pixels").read_text() == "old"
        shutil.rmtree(tmp_path / "films")


def test_what_a_live_process_writes_is_left_alone(tmp_path):
    with new_folder(tmp_path / "films") as folder, files.replacing(tmp_path / "card.json") as file:
        file.write(b"1")
        swept = leftovers.sweep(tmp_path)
        assert (len(swept.in_use), swept.removed) == (2, ())
        (folder / "pixels").write_text("new")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["card.json", "films"]


def test_without_holds_only_what_is_a_day_old_counts_as_left(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_take", lambda descriptor: None)
    fresh, old = leftover(tmp_path, "fresh"), leftover(tmp_path, "old")
    os.utime(old, (0, 0))
    swept = leftovers.sweep(tmp_path)
    assert (swept.removed, swept.in_use) == ((old,), (fresh,))


def test_a_new_folder_first_sweeps_what_an_earlier_try_left_in_its_place(tmp_path):
    leftover(tmp_path, "films"), leftover(tmp_path, "films.v2")
    with new_folder(tmp_path / "films"):
        pass
    assert sorted(file.name[:9] for file in tmp_path.iterdir()) == [".films.v2", "films"]


def test_files_and_their_folders_are_flushed_before_and_after_the_rename(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(system, "flush", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    write_text(tmp_path / "a" / "note.txt", "x")
    inode = {name: (tmp_path / name).stat().st_ino for name in (".", "a", "a/note.txt")}
    assert flushed == [inode["."], inode["a/note.txt"], inode["a"]]
    flushed.clear()
    append_line(tmp_path / "a" / "log.jsonl", {"n": 1})
    append_line(tmp_path / "a" / "log.jsonl", {"n": 2})
    log = (tmp_path / "a" / "log.jsonl").stat().st_ino
    assert flushed == [log, inode["a"], log]
    flushed.clear()
    with new_folder(tmp_path / "films") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "pixels").write_text("x")
    assert flushed[0] == (tmp_path / "films" / "sub" / "pixels").stat().st_ino
    assert set(flushed) == {
        file.stat().st_ino for file in (tmp_path, *(tmp_path / "films").rglob("*"), tmp_path / "films")
    }
    assert flushed[-1] == inode["."]
    flushed.clear()
    write_bytes(tmp_path / "progress.json", b"{}", durable=False)
    assert flushed == []


# Ways to write, move or remove a file that pass by ``files``, and the modules that may use them.
PAST_FILES = re.compile(
    r"\.(write_bytes|write_text|touch|unlink)\(|\.open\(\"[wax]|os\.(replace|rename|remove)\(|tempfile"
    r"|shutil\.(copy|move)|np\.save|save_file\(|to_parquet\("
)
MAY = {
    "files.py",
    "leftovers.py",  # removes what it finds
    "imaging/decoding/confine.py",  # a switch of the kernel, no file on a disk
    "data/phantoms.py",  # into a new folder, which is flushed as a whole
    "runs/launch.py",  # a log
    "training/cache.py",  # activations that may be lost at any time
}


def test_every_write_goes_through_files():
    package = Path(files.__file__).parent
    past = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if PAST_FILES.search(file.read_text("utf-8"))
    }
    assert past <= MAY

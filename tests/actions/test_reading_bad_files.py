"""Bad files and bad names given to ``predict``: a reason each, the rest read, nothing written elsewhere."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.brief import MODEL
from tests.support.dicoms import bundled
from tests.support.films import encoded, grey
from tests.support.serving import ROOT
from tests.support.sizes import cases
from xraylab import actions
from xraylab.__main__ import main

pytest_plugins = ["tests.support.trained"]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names and pipes as Linux has them")

FILM = encoded(grey(3, width=80, height=64))
TURNED = "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"
NAMES = (
    "<script>alert(1)<script>.png",
    f"a{TURNED}.png",
    "a\nb.png",
    "a\x1b]0;owned\x07.png",
    "=cmd|' C calc'!A0.png",
    ":fire: $x$ [a](javascript:alert(1)).png",
    "a::..png",
    "  .png",
    "-rf.png",
    "x" * 251 + ".png",
    "\N{FIRE}" * 60 + ".png",
)
LISTED = cases(NAMES, brief=4)  # of those that are read with a map and a report each
NO_FILE = "This is a pipe, a device or a broken link, not a file. Name the film itself."


def archive(members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return made.getvalue()


@pytest.fixture
def films(tmp_path):
    """A folder of good films under bad names, and of bad files."""
    folder = tmp_path / "films"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(FILM)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png")).write_bytes(FILM)
    return folder


def listing(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


@linux
@pytest.mark.sampled
def test_bad_files_are_rows_and_nothing_is_written_but_what_was_asked_for(trained, films, tmp_path):
    bad = {
        "empty.png": b"",
        "a.pdf": b"%PDF-1.7\n%%EOF",
        "ecg.dcm": bundled("waveform_ecg.dcm"),
        "noise": bytes(range(9, 250)) * 9,
        "cut.png": FILM[: len(FILM) // 2],
        "damaged.zip": b"PK\x05\x06" + bytes(200),
    }
    for name in set(NAMES) - set(LISTED):
        (films / name).unlink()
    for name, data in bad.items():
        (films / name).write_bytes(data)
    os.mkfifo(films / "pipe.png")
    (films / "loop.png").symlink_to("loop.png")
    (films / "up.png").symlink_to(films)
    packed = tmp_path / "films.zip"
    inside = {
        "../../etc/passwd.png": FILM,
        "/etc/passwd.png": FILM,
        "C:\\passwd.png": FILM,
        "again.zip": archive({"a.png": FILM}),
        "bomb.png": bytes(50 * 2**20),
        f"{TURNED}<script>.png": FILM,
    }
    packed.write_bytes(archive(inside))
    places = {name: tmp_path / name for name in ("cwd", "user", "tmp")}
    for place in places.values():
        place.mkdir()
    before = listing(tmp_path)
    out = tmp_path / "out"
    asked = [films, packed, "/dev/zero", "--heatmaps", out / "maps", "--report", out / "pdf", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "xraylab", "predict", "--model", MODEL, *map(str, asked)],
        cwd=places["cwd"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XRAYLAB_HOME": str(trained.home),
            "HOME": str(places["user"]),
            "TMPDIR": str(places["tmp"]),
        },
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    rows = json.loads(done.stdout)
    read = [row for row in rows if row["refused"] is None]
    refused = {row["file"].rpartition("/")[2]: row["refused"] for row in rows if row["refused"]}
    assert len(rows) == len(LISTED) + 1 + len(bad) + 3 + len(inside) + 1
    assert len(read) == len(LISTED) + 2
    assert all(0 <= row["score"] <= 1 for row in read)
    assert all(reason.endswith(".") and "\n" not in reason for reason in refused.values())
    assert refused["pipe.png"] == refused["loop.png"] == refused["zero"] == NO_FILE
    assert refused["up.png"].startswith("This is a link to a folder")
    assert refused["films.zip::again.zip"] == "An archive inside an archive isn't opened. Unpack it first."
    assert "ECG" in refused["ecg.dcm"]

    maps = {Path(row["heatmap"]) for row in read}
    assert {path.parent for path in maps} == {out / "maps"}
    assert all(path.name.isprintable() and not set('<>:"\\|?*') & set(path.name) for path in maps)
    pages = {Path(row["report"]) for row in read}
    after = listing(tmp_path)
    assert set(after) - set(before) == maps | pages | {out / "pdf" / "scores.csv"}
    # The trail says that films were read, and with which hashes.
    trail = {path for path in before if path.name.startswith(("xraylab.db", "trail-anchors"))}
    assert {path: after[path] for path in before.keys() - trail} == {
        path: before[path] for path in before.keys() - trail
    }


@linux
def test_people_get_names_that_neither_move_the_cursor_nor_turn_the_line(capsys, trained, films):
    assert main(["predict", "--model", MODEL, str(films)]) == 0
    out = capsys.readouterr().out
    assert out.count("file  ") == len(NAMES) + 1
    assert all(line.isprintable() for line in out.splitlines())


@linux
def test_a_folder_that_may_not_be_entered_is_a_row(monkeypatch, trained, films):
    (films / "closed").mkdir()
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)
    rows = actions.predict(trained, MODEL, [str(films)])
    [closed] = [row for row in rows if row.refused]
    assert closed.file.endswith("/closed")
    assert closed.refused == "The folder can't be opened. Check its permissions."
    assert len(rows) == len(NAMES) + 2

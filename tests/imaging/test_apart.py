"""Films are decoded apart: a hostile one costs itself alone, and the limits are really set."""

import itertools
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.imaging import test_dicom, test_standard
from tests.support.bad_decoder import HARMS, harmful
from tests.support.damaged import whole
from tests.support.dicoms import BUNDLED, dicom
from tests.support.films import encoded, film, grey
from tests.support.waiting import eventually
from xraylab.errors import UnreadableImageError
from xraylab.imaging import decode, standardise
from xraylab.imaging.apart import Decoders, pool, protocol
from xraylab.imaging.apart import decoders as current
from xraylab.imaging.apart.process import Decoder
from xraylab.imaging.decoding import pixels
from xraylab.imaging.decoding.confine import MOST_CPU, MOST_MEMORY

pytest_plugins = ["tests.support.harmful"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and filters as Linux has them")
STOPPED, TOO_LONG = "stopped at this file", "takes too long to decode"
ROOT = Path(__file__).parents[2]
WIDE = encoded(grey(width=640, height=480))


def gone(pid):
    """Whether a process has ended, even if nobody has asked yet how."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def outcome(read, data):
    """The pixels and all that is stated of a film, or the sentence that refuses it."""
    try:
        made = read(data)
    except UnreadableImageError as error:
        return str(error)
    if isinstance(made, np.ndarray):
        return made.shape, made.tobytes()
    return made.pixels.shape, made.pixels.tobytes(), made.facts, made.signs, made.hung


# The same films as without


@pytest.mark.parametrize("name", ["standardise", "decode"])
def test_every_kind_of_film_is_what_it_would_be_in_this_process(name):
    files = [*whole(), *(path.read_bytes() for path in sorted(BUNDLED.glob("*.dcm")))]
    for bad in (test_standard.BAD, test_dicom.BAD):
        files += [data for data, _ in bad.values()]
    files += test_standard.REAL
    files += [data for data, *_ in test_dicom.PACKED_OTHERWISE.values()]
    here, apart = getattr(pixels, name), {"standardise": standardise, "decode": decode}[name]
    films = 0
    for number, data in enumerate(files):
        expected = outcome(here, data)
        assert outcome(apart, data) == expected, number
        films += not isinstance(expected, str)
    assert films > 60


def test_a_picture_larger_than_a_pipe_arrives_whole():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1500, 2000), dtype=np.uint8)
    np.testing.assert_array_equal(decode(encoded(picture)), picture)


def test_threads_get_their_own_films():
    files = [film(number) for number in range(40)]
    expected = [outcome(pixels.standardise, data) for data in files]
    made = [None] * len(files)

    def read(number):
        made[number] = outcome(standardise, files[number])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == expected


# One way


@linux
def test_the_process_that_asks_for_films_loads_no_decoder():
    code = """
        import sys
        from xraylab.imaging import Film
        for file in sys.argv[1:]:
            film = Film(file, open(file, "rb").read())
            assert film.standard.pixels.shape == (256, 256) and film.picture.ndim == 2
        loaded = {name.partition(".")[0] for name in sys.modules}
        print(sorted(loaded & {"PIL", "pydicom", "gdcm", "openjpeg", "rle", "jpeg_ls"}))
    """
    files = [str(BUNDLED / name) for name in ("MR_small.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_gdcm.dcm")]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *files, str(ROOT / "xraylab/reading/golden/film.jpeg")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_files_of_strangers_are_opened_in_the_decoder_alone():
    calls = re.compile(r"\b(Image\.open|dcmread|read_dataset|get_decoder)\(")
    package = ROOT / "xraylab"
    files = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if calls.search(path.read_text("utf-8"))
    }
    own = {
        "app/samples.py",  # the overlay of a heatmap, to draw the lesion into it
        "imaging/headers.py",  # patient and study, written anew by a decoder
        "imaging/perturbations.py",  # a JPEG that it has just made of standard pixels
        "reports/film_picture.py",  # the overlay of a heatmap
        "reports/secondary_capture.py",  # patient and study, written anew by a decoder
    }
    assert {file for file in files if not file.startswith("imaging/decoding/")} == own


# What a broken decoder costs

SENTENCES = dict.fromkeys(HARMS, STOPPED) | {
    "hoard": "too large for this machine's memory",
    "too much": None,  # the film is whole, and the bytes behind it are thrown away with the decoder
}
SLOW = {"wait", "nap", "spin", "attempts"}


@linux
@pytest.mark.parametrize("name", sorted(SENTENCES.keys() - SLOW))
def test_a_broken_decoder_costs_one_film(worn, name):
    expected = outcome(pixels.standardise, film(1))
    assert outcome(standardise, film(1)) == expected
    if SENTENCES[name]:
        with pytest.raises(UnreadableImageError, match=SENTENCES[name]) as caught:
            standardise(harmful(film(), name))
        assert str(caught.value).endswith(".")
    else:
        standardise(harmful(film(), name))
    for _ in range(3):
        assert outcome(standardise, film(1)) == expected


@linux
def test_a_film_that_hangs_is_given_up_by_the_clock(worn, monkeypatch):
    standardise(film())  # it runs, so that only the film is measured
    with monkeypatch.context() as patch:
        patch.setattr(protocol, "SECONDS", 0.2)
        patch.setattr(protocol, "SECONDS_STILL", 0.2)
        with pytest.raises(UnreadableImageError, match=TOO_LONG):
            standardise(harmful(film(), "wait"))
    assert standardise(film()).facts.format == "PNG"


@linux
def test_a_film_that_is_decoded_slowly_is_waited_for_but_not_for_ever(worn, monkeypatch):
    worked = itertools.count(5, 5)
    standardise(film())
    monkeypatch.setattr("xraylab.imaging.apart.process._processor_seconds", lambda pid: next(worked))
    monkeypatch.setattr(protocol, "SECONDS", 0.0)
    monkeypatch.setattr(protocol, "SECONDS_STILL", 0.0)
    assert standardise(harmful(film(), "nap")).facts.format == "PNG"
    assert next(worked) > 10  # it was looked at while it slept
    monkeypatch.setattr(protocol, "SECONDS_MOST", 1.0)
    with pytest.raises(UnreadableImageError, match=TOO_LONG):
        standardise(harmful(film(), "wait"))


@linux
def test_a_film_that_needs_too_much_of_the_processor_is_given_up_even_if_nobody_looks(worn, monkeypatch):
    monkeypatch.setattr(worn, "_look", lambda: False)
    with pytest.raises(UnreadableImageError, match=TOO_LONG):
        standardise(harmful(film(), "spin"))
    assert standardise(film()).facts.format == "PNG"


# Limits


@linux
def test_the_limits_are_set(bad):
    for data in (film(), dicom(grey())):
        standardise(data)
    assert len(bad.pids) == 2
    for pid in bad.pids:
        limits = Path(f"/proc/{pid}/limits").read_text()
        hard = {line[:25].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
        for name, most in {
            "Max data size": MOST_MEMORY,
            "Max address space": MOST_MEMORY + 2**30,
            "Max cpu time": MOST_CPU,
            "Max file size": 0,
            "Max core file size": 0,
            "Max processes": 0,
            "Max open files": 64,
        }.items():
            assert hard[name] == [str(most), str(most)], name
        status = Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1\n" in status
        assert "Seccomp:\t2\n" in status
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n"
        assert len(psutil.Process(pid).environ().keys() - {"LD_LIBRARY_PATH", "TMPDIR"}) == 3


@linux
def test_a_decoder_can_do_nothing_but_decode(worn):
    assert outcome(standardise, harmful(film(), "attempts")) == "Worked: ."


# Life and death


@linux
def test_decoders_are_started_when_needed_and_taken_again(bad):
    assert bad.pids == []
    standardise(film())
    first = bad.pids
    for number in range(5):
        standardise(film(number))
        decode(film(number))
    assert bad.pids == first
    standardise(dicom(grey()))
    assert len(bad.pids) == 2


@linux
def test_decoders_are_started_ahead_of_need_but_not_twice(bad):
    for _ in range(3):
        bad.prepare()
    ahead = bad.pids
    assert len(ahead) == 2
    standardise(film())
    assert set(bad.pids) == set(ahead)


@linux
def test_a_decoder_that_was_killed_while_idle_costs_no_film(bad):
    standardise(film())
    [pid] = bad.pids
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))
    standardise(film())
    assert pid not in bad.pids


@linux
def test_a_decoder_that_cannot_be_started_is_a_sentence(monkeypatch):
    for broken in (["/nowhere/python"], [sys.executable, "-c", "pass"]):
        made = Decoders(lambda family, broken=broken: Decoder(broken), 1)
        monkeypatch.setattr(pool, "_decoders", made)
        with pytest.raises(UnreadableImageError, match="could not be started"):
            standardise(film())
        made.close()


@linux
def test_idle_decoders_end_after_a_while_and_others_start_again(bad, monkeypatch):
    standardise(film())
    [pid] = bad.pids
    with monkeypatch.context() as patch:
        patch.setattr(pool, "_IDLE_SECONDS", 0.0)
        eventually(lambda: not bad.pids)
    standardise(film())
    assert len(bad.pids) == 1
    assert pid not in bad.pids


@linux
def test_a_forked_process_has_its_own_decoders():
    standardise(film())
    code = outcome(standardise, film(3))
    before = current().pids
    reading, writing = os.pipe()
    if not (child := os.fork()):
        same = outcome(standardise, film(3)) == code and not set(before) & set(current().pids)
        current().close()
        os.write(writing, b"1" if same else b"0")
        os._exit(0)
    assert os.read(reading, 1) == b"1"
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert outcome(standardise, film(3)) == code
    assert set(current().pids) & set(before)


SCRIPT = """
    import os, signal, sys
    from xraylab.imaging import standardise
    from xraylab.imaging.apart import decoders
    data = open(sys.argv[1], "rb").read()  # no __main__ guard, and a module numpy.py in the folder of work
    standardise(data)
    decoders().prepare()
    print(*decoders().pids, flush=True)
    {end}
"""


@linux
@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_no_decoder_outlives_its_program(tmp_path, end):
    (tmp_path / "numpy.py").write_text("raise SystemExit('loaded from the folder of work')")
    script = tmp_path / "scripts" / "script.py"
    script.parent.mkdir()
    script.write_text(textwrap.dedent(SCRIPT.format(end=end)))
    (tmp_path / "film.png").write_bytes(film())
    done = subprocess.run(
        [sys.executable, str(script), "film.png"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    eventually(lambda: all(map(gone, pids)))

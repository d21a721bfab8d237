"""
Hostile folders of models and datasets, and hostile archives; the same number gives the same one.

- a bundle is a good folder of which a few things were changed; the hash in its card is corrected half of the
  time, so that the content is reached
- each use must give a result or a sentence, within ``LIMIT`` seconds
- a decision must have a finite score; scoring is left out in the bundles of a test, where it would take long
"""

import contextlib
import hashlib
import io
import json
import math
import os
import pickle
import shutil
import signal
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from xraylab import actions
from xraylab.data.datasets import faults_of_datasets
from xraylab.errors import UnreadableImageError, XRayLabError
from xraylab.models import faults_of_models, list_models, load_model
from xraylab.settings import Settings

LIMIT = 20  # seconds
MODEL_FILES = (
    *("card.json", "lock.json", "model.safetensors", "predictions.parquet", "films.parquet", "scale.json"),
    *("history.jsonl", "novelty.safetensors"),
)
DATASET_FILES = ("dataset.json", "catalog.parquet", "split.json", "pixels.npy", "lineage.jsonl")
_STRANGE = (
    *(
        None,
        True,
        -1,
        0,
        10**12 + 1,
        10**400,
        1e308,
        -1e308,
        math.nan,
        math.inf,
        "",
        "x" * 5000,
        "\x00",
        "nan",
    ),
    *("../../etc/passwd", "/etc/passwd", "<script>alert(1)</script>", "\u202ecod.exe", "=cmd|' /C calc'!A0"),
    *([], {}, [[]], [None], {"a": None}, "2026-01-01", "0001-01-01T00:00:00", "9999-12-31T23:59:59-12:00"),
    *(
        "ensemble",
        "sortition:2",
        "abacus",
        "xraylab.card/9",
        ["NORMAL"] * 99,
        {"stages": 3},
        [{"epochs": "x"}],
    ),
)


def hostile_bundle(number: int, settings: Settings, model: str, dataset: str) -> tuple[str, str]:
    """Make a hostile folder in a home; return its kind, ``models`` or ``datasets``, and its name."""
    rng = np.random.default_rng(number)
    kind, source, files = (
        ("datasets", dataset, DATASET_FILES) if number % 4 == 3 else ("models", model, MODEL_FILES)
    )
    name = f"hostile{number}"
    folder = settings.home / kind / name
    shutil.copytree(settings.home / kind / source, folder, symlinks=True)
    record = folder / files[0]
    _change(record, lambda values: values | {"name": name})
    for _ in range(int(rng.integers(1, 4))):
        _spoil(rng, folder, files)
    if kind == "models" and rng.random() < 0.5:
        _correct_hash(folder)
    return kind, name


def _spoil(rng: np.random.Generator, folder: Path, files: tuple[str, ...]) -> None:
    file = folder / files[int(rng.integers(len(files)))]
    # A damaged card ends every use at once, so half of the bundles have a sound one.
    if file.name == files[0] and rng.random() < 0.5:
        file = folder / files[1]
    if file.suffix == ".json" and rng.random() < 0.7:
        _change(file, lambda values: _strange(rng, values))
    elif file.name == "model.safetensors" and rng.random() < 0.5:
        _overflow(file)
    else:
        _replace(rng, file)


def _strange(rng: np.random.Generator, values: dict) -> dict:
    """Give one field, at any depth, a value that it can't have."""
    at = values
    keys = list(at)
    key = keys[int(rng.integers(len(keys)))]
    while isinstance(at[key], dict) and at[key] and rng.random() < 0.5:
        at = at[key]
        keys = list(at)
        key = keys[int(rng.integers(len(keys)))]
    choice = int(rng.integers(len(_STRANGE) + 3))
    if choice < len(_STRANGE):
        at[key] = _STRANGE[choice]
    elif choice == len(_STRANGE):
        del at[key]
    elif choice == len(_STRANGE) + 1:
        at["surprise"] = {"deep": [1]}
    else:
        nested: object = 0
        for _ in range(150):
            nested = [nested]
        at[key] = nested
    return values


def _replace(rng: np.random.Generator, file: Path) -> None:
    whole = file.read_bytes() if file.is_file() and file.stat().st_size < 2**30 else b""
    with contextlib.suppress(FileNotFoundError):
        file.unlink() if file.is_symlink() or not file.is_dir() else shutil.rmtree(file)
    match int(rng.integers(11)):
        case 0:
            os.mkfifo(file)
        case 1:
            file.mkdir()
        case 2:
            file.symlink_to(file.name)
        case 3:
            file.symlink_to("/dev/zero")
        case 4:
            file.symlink_to("/etc/passwd")
        case 5:
            file.write_bytes(pickle.dumps({"a": 1}))
        case 6:
            file.write_bytes(b"")
        case 7:
            file.write_bytes(whole[: len(whole) // 2])
        case 8:
            with file.open("wb") as opened:
                opened.truncate(2**42)
        case 9:
            file.write_bytes(b"[" * 100_000)
        case 10:
            changed = bytearray(whole or b"x")
            for _ in range(20):
                changed[int(rng.integers(len(changed)))] ^= int(rng.integers(1, 256))
            file.write_bytes(bytes(changed))


def _overflow(file: Path) -> None:
    """Multiply weights by 1e38, so that they stay finite and no score does."""
    if not file.is_file() or file.stat().st_size > 2**30:
        return
    with contextlib.suppress(Exception):  # it may be damaged already
        state = safetensors.torch.load(file.read_bytes())
        most = torch.finfo(torch.float32).max
        floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
        larger = {name: (tensor.float() * 1e38).clamp(-most, most) for name, tensor in floats.items()}
        file.write_bytes(safetensors.torch.save(state | larger))


def _correct_hash(folder: Path) -> None:
    weights = folder / "model.safetensors"
    if weights.is_file() and not weights.is_symlink() and weights.stat().st_size < 2**30:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        for name in ("card.json", "lock.json"):
            _change(folder / name, lambda values: values | {"model_sha256": digest})


def _change(file: Path, change: Callable[[dict], dict]) -> None:
    with contextlib.suppress(OSError, ValueError, RecursionError, IndexError, TypeError):
        if file.is_file() and file.stat().st_size < 2**20:
            file.write_text(json.dumps(change(json.loads(file.read_text()))))


def use_bundle(settings: Settings, kind: str, name: str, good: str, films: Path) -> list[str]:
    """Use a hostile folder in every way; return what was no result and no sentence."""
    uses: dict[str, Callable[[], object]] = {
        "list of models": lambda: _check_listed(settings, good),
        "list of datasets": lambda: (actions.list_datasets(settings), faults_of_datasets(settings)),
        "status": lambda: _status(settings),
    }
    if kind == "models":
        uses |= {
            "history": lambda: (load_model(settings, name).history, load_model(settings, name).made_from),
            "predict": lambda: _check_decisions(actions.predict(settings, name, [str(films)])),
            "card": lambda: actions.model_card(settings, name),
            "validation": lambda: actions.evaluate_validation(settings, name),
            "report": lambda: actions.evaluation_report(settings, name),
            "compare": lambda: actions.compare(settings, good, name),
            "lock": lambda: actions.lock(settings, name, "youden", actor="test"),
            "test": lambda: actions.open_test(settings, name, actor="test"),
            "use": lambda: actions.use_for_reading(settings, name, actor="test"),
            "average": lambda: actions.ensemble(settings, f"of-{name}", [good, name], actor="test"),
        }
    else:
        uses |= {
            "evaluate": lambda: actions.evaluate(settings, good, name, split="validation", actor="test"),
            "evaluate test": lambda: actions.evaluate(settings, good, name, actor="test"),
            "request": lambda: actions.request_training(
                settings, dataset=name, arch="small_cnn", recipe="scratch", name=f"from-{name}"
            ),
        }
    return [fault for use, call in uses.items() for fault in _fault_of(use, call)]


def _check_listed(settings: Settings, good: str) -> None:
    rows = actions.model_rows(settings)
    assert good in [row.name for row in rows], f"{good} is gone from the list"
    for row in rows:
        row.model_dump_json()
    faults_of_models(settings)


def _status(settings: Settings) -> None:
    """Write what the sidebar and the lists write of every model."""
    from xraylab.app import status, wording

    for model in list_models(settings):
        wording.when(model.card.created_at)
        if model.lock is not None:
            status.lock_words(model.lock)


def _check_decisions(rows: list) -> None:
    for row in rows:
        if row.decision is not None:
            assert row.score is not None, f"{row.decision} without a score"
            assert math.isfinite(row.score), f"{row.decision} at {row.score}"
            assert row.threshold is not None, f"{row.decision} without a threshold"


def _fault_of(use: str, call: Callable[[], object]) -> list[str]:
    began = time.monotonic()
    try:
        with _limited():
            call()
    except XRayLabError as error:
        if not str(error).rstrip().endswith((".", ".)", "”")):
            return [f"{use}: not a sentence: {error}"]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return [f"{use}: {type(error).__name__}: {str(error)[:300]}"]
    took = time.monotonic() - began
    return [f"{use}: took {took:.0f} s"] if took > LIMIT else []


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise ``TimeoutError`` in the block after the limit, also out of a system call."""

    def ring(*_args: object) -> None:
        raise TimeoutError(f"no answer in {LIMIT} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def hostile_archive(number: int, folder: Path, film: bytes) -> Path:
    """Write a hostile archive."""
    rng = np.random.default_rng(number)
    file = folder / f"hostile{number}.zip"
    kinds = (
        *(_bomb, _nested, _traversal, _links, _twice, _wrong_crc, _encrypted, _many, overlapping, _methods),
        *(_cut, _scattered, _names, _not_zip),
    )
    file.write_bytes(kinds[number % len(kinds)](rng, film))
    return file


def _zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def _bomb(rng: np.random.Generator, film: bytes) -> bytes:
    return _zipped([("NORMAL/a.png", film), ("NORMAL/b.png", b"\0" * int(rng.integers(2**24, 2**28)))])


def _nested(rng: np.random.Generator, film: bytes) -> bytes:
    data = film
    for depth in range(int(rng.integers(1, 30))):
        data = _zipped([(f"PNEUMONIA/{depth}.zip", data)])
    return _zipped([("NORMAL/a.png", film), ("PNEUMONIA/b.png", data), ("PNEUMONIA/c", data)])


def _traversal(rng: np.random.Generator, film: bytes) -> bytes:
    names = (
        "../../NORMAL/a.png",
        "/NORMAL/b.png",
        "C:\\NORMAL\\c.png",
        "NORMAL/../../d.png",
        "\\\\host\\NORMAL\\e.png",
    )
    return _zipped([("NORMAL/x.png", film), (names[int(rng.integers(len(names)))], film)])


def _links(rng: np.random.Generator, film: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("NORMAL/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, ("/etc/passwd", "link.png", "../" * 40)[int(rng.integers(3))])
        archive.writestr("PNEUMONIA/a.png", film)
    return buffer.getvalue()


def _twice(_rng: np.random.Generator, film: bytes) -> bytes:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _zipped([("NORMAL/a.png", film), ("NORMAL/a.png", film[:-9]), ("NORMAL/A.PNG", b"")])


def _wrong_crc(rng: np.random.Generator, film: bytes) -> bytes:
    data = bytearray(_zipped([("NORMAL/a.png", film), ("PNEUMONIA/b.png", film)], zipfile.ZIP_STORED))
    for _ in range(5):
        data[int(rng.integers(40, len(film)))] ^= 0xFF
    return bytes(data)


def _encrypted(_rng: np.random.Generator, film: bytes) -> bytes:
    data = bytearray(_zipped([("NORMAL/a.png", film)]))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.rindex(mark) + at
        data[place] |= 1
    return bytes(data)


def _many(_rng: np.random.Generator, film: bytes) -> bytes:
    return _zipped([("NORMAL/a.png", film), *((f"NORMAL/{n}.png", b"") for n in range(3000))])


def overlapping(_rng: np.random.Generator, _film: bytes) -> bytes:
    """Let a thousand entries of the directory share the bytes of one member."""
    size = 150 * 2**20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(b"\0" * 2**20) + packer.flush()
    data += b"\0" * (size // 180)  # long enough that each entry alone has a harmless ratio
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, len(data), size, 4, 0) + b"N/aa"
    entries = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 0, 0, len(data), size, 15, 0, 0, 0, 0, 0, 0)
        + f"NORMAL/{n:04d}.png".encode()
        for n in range(1000)
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1000, 1000, len(entries), len(head) + len(data), 0)
    return head + data + entries + end


def _methods(rng: np.random.Generator, film: bytes) -> bytes:
    method = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)[int(rng.integers(2))]
    return _zipped([("NORMAL/a.png", film), ("PNEUMONIA/b.png", b"\0" * 2**22)], method)


def _cut(rng: np.random.Generator, film: bytes) -> bytes:
    data = _zipped([("NORMAL/a.png", film)])
    return data[: int(rng.integers(4, len(data)))]


def _scattered(rng: np.random.Generator, film: bytes) -> bytes:
    """Change bytes of the directory, where sizes, offsets and names stand."""
    data = bytearray(_zipped([("NORMAL/a.png", film), ("PNEUMONIA/b.png", film)]))
    start = data.index(b"PK\x01\x02")
    for _ in range(int(rng.integers(1, 12))):
        data[int(rng.integers(start, len(data)))] = int(rng.integers(256))
    return bytes(data)


def _names(_rng: np.random.Generator, film: bytes) -> bytes:
    names = (
        "NORMAL/" + "x" * 60_000 + ".png",
        "NORMAL/=cmd.png",
        "NORMAL/\u202egnp.exe.png",
        "NORMAL/a\nb.png",
    )
    return _zipped([(name, film) for name in names])


def _not_zip(rng: np.random.Generator, film: bytes) -> bytes:
    # A tar, and other formats that are no zip.
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=("w", "w:gz", "w:xz")[int(rng.integers(3))]) as archive:
        member = tarfile.TarInfo("../../NORMAL/a.png")
        member.size = len(film)
        archive.addfile(member, io.BytesIO(film))
    return buffer.getvalue()


def use_archive(settings: Settings, model: str, file: Path) -> list[str]:
    """Import an archive, read it as an upload and by its path, and evaluate it; return the faults."""
    from xraylab.data.intake import films_in

    uses: dict[str, Callable[[], object]] = {
        "import": lambda: actions.import_dataset(settings, file, f"of-{file.stem}"),
        "upload": lambda: _decode(films_in(file.name, file.read_bytes())),
        "predict": lambda: _check_decisions(actions.predict(settings, model, [str(file)])),
        "evaluate": lambda: actions.evaluate(settings, model, str(file), include_used=True, actor="test"),
    }
    faults = [fault for use, call in uses.items() for fault in _fault_of(use, call)]
    outside = [place for place in (settings.home.parent, Path("/")) for place in place.glob("NORMAL*")]
    return faults + [f"{place} was written" for place in outside]


def _decode(films: Iterable) -> None:
    for film in films:
        with contextlib.suppress(UnreadableImageError):  # a sentence for this film
            _ = getattr(film, "standard", None)

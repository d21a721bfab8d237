"""The doctor: check everything that a fault report would ask for."""

import platform
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from xraylab import __version__, documents, trail
from xraylab.actions import deep as deep_checks
from xraylab.actions import mending
from xraylab.actions.catalogue import network_rows
from xraylab.actions.leftovers import look_at_leftovers
from xraylab.actions.objects import disk_used
from xraylab.copies import kept_copies
from xraylab.data.datasets import faults_of_datasets
from xraylab.errors import XRayLabError
from xraylab.files import scratch, write_bytes
from xraylab.formats import size
from xraylab.models import faults_of_models, load_shipped, shipped_names
from xraylab.runs import table
from xraylab.settings import Settings

_LOW_DISK = 2**30  # bytes


def doctor(
    settings: Settings, *, deep: bool = False, mend: bool = False, actor: str = trail.PYTHON
) -> documents.Doctor:
    """Check everything that a fault report would ask for, one line per check.

    Parameters
    ----------
    deep : bool
        Whether hashes, the database, orphans and the chain of the trail are checked too.
    mend : bool
        Whether what can be mended is mended before the checks, the deep ones too.
    """
    mended = mending.mend(settings, actor=actor) if mend else []
    looks: dict[str, Callable[[], tuple[bool, str]]] = {
        "versions": _look_at_versions,
        "device": lambda: _look_at_device(settings),
        "home": lambda: _look_at_home(settings),
        "disk used": lambda: _look_at_use(settings),
        "folders": lambda: _look_at_folders(settings),
        "database": lambda: _look_at_database(settings),
        "leftovers": lambda: look_at_leftovers(settings),
        "weights": lambda: _look_at_weights(settings),
        "golden film": _look_at_pixels,
        "golden score": _look_at_score,
        "shipped models": lambda: _look_at_shipped(settings),
    }
    if deep or mend:
        looks |= {name: partial(look, settings) for name, look in deep_checks.looks().items()}
    checks = []
    for name, look in looks.items():
        try:
            ok, detail = look()
        except Exception as error:  # a broken part must not keep the others from being checked
            ok, detail = False, f"{type(error).__name__}: {error}"
        checks.append(documents.Check(name=name, ok=ok, detail=detail))
    return documents.Doctor(ok=all(check.ok for check in checks), checks=checks, mended=mended)


def _look_at_versions() -> tuple[bool, str]:
    packages = ("torch", "torchvision", "streamlit", "grad-cam", "pillow", "scikit-learn", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return True, f"xraylab {__version__}, Python {platform.python_version()}, {versions}"


def _look_at_device(settings: Settings) -> tuple[bool, str]:
    import torch  # takes seconds, and no other check needs it

    from xraylab.training.device import bf16_pays, pick_device, use_threads

    device = pick_device(settings)
    use_threads(settings)
    return True, f"{device}, {torch.get_num_threads()} threads, bf16 {'yes' if bf16_pays(device) else 'no'}"


def _look_at_home(settings: Settings) -> tuple[bool, str]:
    # Only a write shows whether writing works: permissions alone say little on network drives.
    with scratch(settings.home / "doctor") as folder:
        write_bytes(folder / "probe", b"")
    free = shutil.disk_usage(settings.home).free
    return free > _LOW_DISK, f"{settings.home}, {free / 2**30:.1f} GB free"


def _look_at_use(settings: Settings) -> tuple[bool, str]:
    used = {kind: size(number) for kind, number in disk_used(settings).items()}
    deleted = used.pop("deleted")
    kinds = ", ".join(f"{kind} {number}" for kind, number in used.items())
    return True, f"{kinds}; deleted in the last day {deleted}"


def _look_at_folders(settings: Settings) -> tuple[bool, str]:
    """Check that every folder of a model and a dataset is used as its name says."""
    faults = [*faults_of_models(settings), *faults_of_datasets(settings)]
    return not faults, " ".join(faults) or "every model and dataset can be used"


def _look_at_database(settings: Settings) -> tuple[bool, str]:
    runs, copies = len(table.list_runs(settings)), kept_copies(settings.database)
    kept = f"; {len(copies)} kept from before an upgrade, {copies[0]} is the newest" if copies else ""
    return True, f"{runs} runs, up to date{kept}"


def _look_at_weights(settings: Settings) -> tuple[bool, str]:
    here = [row.name for row in network_rows(settings) if row.weights_here]
    return True, f"ImageNet weights here: {', '.join(here) or 'none'}; your own belong in {settings.weights}"


def _look_at_pixels() -> tuple[bool, str]:
    from xraylab.reading import golden

    difference = golden.pixel_difference()
    return difference <= golden.PIXEL_TOLERANCE, f"differs by at most {difference} grey levels"


def _look_at_score() -> tuple[bool, str]:
    from xraylab.reading import golden

    difference = golden.score_difference()
    return difference <= golden.SCORE_TOLERANCE, f"differs by {difference:.1e}"


def _look_at_shipped(settings: Settings) -> tuple[bool, str]:
    """Check the weights, the predictions and the golden film's score of every shipped model."""
    from xraylab.reading import golden

    names = dict.fromkeys((*shipped_names(), *golden.expected_of_shipped()))
    if not names:
        return True, "none"
    faults: dict[str, None] = {}  # a set in order: a member's damage is also its ensemble's, but said once
    worst = 0.0
    for name in names:
        try:
            load_shipped(settings, name).films("validation")
            difference = golden.shipped_difference(settings, name)
        except XRayLabError as error:
            faults[str(error)] = None
            continue
        worst = max(worst, difference)
        if not difference <= golden.SCORE_TOLERANCE:  # so written, a NaN is a fault too
            faults[f"The score of the golden film by “{name}” differs by {difference:.1e}."] = None
    return not faults, " ".join(faults) or f"{', '.join(names)}: scores differ by at most {worst:.1e}"

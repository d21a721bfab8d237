"""What depends on a model, dataset, run or case, and what happens to it if that is deleted."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from xraylab.actions.things import Thing
from xraylab.data import datasets
from xraylab.data.datasets import DatasetInfo
from xraylab.errors import XRayLabError
from xraylab.formats import count, counted, listed
from xraylab.models import Model, list_models, model_that_reads
from xraylab.models.pairs import read_pairs
from xraylab.runs import auditing, removing, table
from xraylab.runs.orphans import reconcile
from xraylab.runs.resume import resumable
from xraylab.runs.run import ACTIVE, Run
from xraylab.settings import Settings

_MOST = 5  # names in a sentence


@dataclass(frozen=True)
class Uses:
    """What depends on a thing."""

    refused: str | None = None  # why it can't be deleted now
    follows: tuple[str, ...] = ()  # what happens if it is deleted


def uses_of(settings: Settings, thing: Thing) -> Uses:
    """Return what depends on a thing."""
    if thing.fixed is not None:
        return Uses(thing.fixed)
    if thing.of is None:
        return Uses(follows=("Its folder can't be read, so what depends on it isn't known.",))
    return _LOOKS[thing.kind](settings, thing)


def why_busy(settings: Settings, thing: Thing) -> str | None:
    """Return why a thing can be neither renamed nor deleted at this moment; None if it can."""
    reconcile(settings)  # the run of a dead worker keeps nothing busy
    if thing.kind == "run" and isinstance(thing.of, Run):
        return (
            f"The run {thing.name} ({thing.title}) is {thing.of.state}. Cancel it first."
            if (thing.of.active)
            else None
        )
    active = table.list_runs(settings, states=ACTIVE)
    known = _names(thing)
    uses = {"model": lambda run: {run.name, removing.first_weights(settings, run.id)}}
    uses["dataset"] = lambda run: {run.dataset}
    busy = [run.name for run in active if thing.kind in uses and known & uses[thing.kind](run)]
    if busy:
        return f"The training of {_named(busy)} needs it. Cancel that first, or wait until it is done."
    if thing.kind == "dataset" and _is_audited(settings, thing):
        return "Its films are being checked. Stop the check first, or wait until it is done."
    return None


def _names(thing: Thing) -> set[str]:
    return {thing.name, *(thing.of.names if isinstance(thing.of, Model) else ())}


def _is_audited(settings: Settings, thing: Thing) -> bool:
    try:
        progress = auditing.progress_of(settings, datasets.load_dataset(settings, thing.name))
    except XRayLabError:
        return False
    return progress is not None and progress.active


def _of_model(settings: Settings, thing: Thing) -> Uses:
    model, known = thing.of, list_models(settings)
    if not isinstance(model, Model):
        return Uses()
    reads = model_that_reads(settings, known)
    averaging = [other for other in known if _averages(other, model)]
    if reads is not None and reads.name in [other.name for other in averaging]:
        return Uses(
            f"“{reads.name}” reads films, and averages “{model.name}”. Let another model read films first."
        )
    follows = []
    if reads is not None and reads.name == model.name:
        follows.append(_heir(settings, [other for other in known if other.name != model.name]))
    if averaging:
        names = _named([other.name for other in averaging])
        follows.append(f"{names} can't read films without it. Stored numbers stay.")
    if pairs := [pair for pair in read_pairs(settings) if model.card.model_sha256 in pair.hashes.values()]:
        follows.append(f"{counted(len(pairs), 'named comparison')} on test films can't be made without it.")
    follows += _stopped(settings, lambda run: removing.first_weights(settings, run.id) in model.names)
    return Uses(why_busy(settings, thing), tuple(follows))


def _heir(settings: Settings, others: list[Model]) -> str:
    heir = model_that_reads(settings, others)
    if heir is None:
        return "It reads films, and no other model is left to read them."
    return f"It reads films. “{heir.name}” takes over."


def _averages(ensemble: Model, model: Model) -> bool:
    try:
        members = ensemble.members.members if ensemble.members else ()
    except XRayLabError:  # a damaged ensemble reads no films anyway
        return False
    return any(
        member.model_sha256 == model.card.model_sha256 and member.model in model.names for member in members
    )


def _of_dataset(settings: Settings, thing: Thing) -> Uses:
    info = thing.of
    if not isinstance(info, DatasetInfo):
        return Uses()
    made = [model.name for model in list_models(settings) if model.card.dataset.is_of(info)]
    follows = []
    if made:
        follows.append(f"The films of {_named(made)} can't be shown any more. Their numbers stay.")
    follows += _stopped(settings, lambda run: run.dataset == thing.name)
    follows.append(
        "The files that it was imported from stay where they are."
        if thing.originals is None
        else "The films that were drawn for it go with it."
    )
    return Uses(why_busy(settings, thing), tuple(follows))


def _of_run(settings: Settings, thing: Thing) -> Uses:
    run = thing.of
    if not isinstance(run, Run):
        return Uses()
    follows = ["Its log and its learning curve go with it."]
    if run.state == "done":
        follows.append(f"The model “{run.name}” stays.")
    elif resumable(settings, run):
        follows.append("It can't be resumed any more.")
    return Uses(why_busy(settings, thing), tuple(follows))


def _of_case(_settings: Settings, _thing: Thing) -> Uses:
    return Uses(
        follows=(
            "Score, call, note and picture go. Its number and its times stay in the log, which records the "
            "deletion.",
        )
    )


def _stopped(settings: Settings, needs: Callable[[Run], bool]) -> list[str]:
    """Say how many stopped runs can't go on."""
    stopped = [run for run in removing.over(settings) if resumable(settings, run) and needs(run)]
    return [f"{counted(len(stopped), 'stopped training')} can't be resumed without it."] if stopped else []


def _named(names: Collection[str]) -> str:
    """Write names in a sentence; of many only the first."""
    first = [f"“{name}”" for name in list(names)[:_MOST]]
    rest = len(names) - len(first)
    return listed([*first, *([f"{count(rest)} more"] if rest else [])])


_LOOKS: dict[str, Callable[[Settings, Thing], Uses]] = {
    "model": _of_model,
    "dataset": _of_dataset,
    "run": _of_run,
    "case": _of_case,
}

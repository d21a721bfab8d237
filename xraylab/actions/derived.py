"""Derived datasets: mend what an audit found, in a new dataset."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab import documents, trail
from xraylab.actions.datasets import imported
from xraylab.actions.overlap import overlaps_of_test
from xraylab.audit.duplicates import find_near, near_pictures
from xraylab.audit.leakage import names_of
from xraylab.data.datasets import DatasetInfo, load_dataset
from xraylab.data.derived import OnStep, derive_dataset
from xraylab.data.mends import Mends, MendStep
from xraylab.formats import listed
from xraylab.models import openings_of_dataset
from xraylab.settings import Settings


def mend_dataset(
    settings: Settings,
    name: str,
    new: str,
    mends: Mends,
    *,
    replace: bool = False,
    on_step: OnStep | None = None,
    actor: str = trail.PYTHON,
) -> documents.Mended:
    """Make a new dataset from one that is here, with its faults mended; see ``derived.derive_dataset``.

    Versions of one picture are found as in the audit. Its entry in the trail is written when the dataset is
    complete, before it is in its place.
    """
    parent = load_dataset(settings, name)

    def pictures(films: pd.DataFrame, pixels: NDArray[np.uint8]) -> Mapping[str, str]:
        def searched(done: int, total: int) -> None:
            if on_step is not None:
                on_step("Comparing films", done, total)

        return names_of(near_pictures(films, find_near(films, pixels, on_progress=searched)))

    def note(info: DatasetInfo, steps: list[MendStep]) -> None:
        done = listed([step.step for step in steps])
        trail.enter(
            settings,
            trail.DATASET,
            "mended",
            actor=actor,
            name=new,
            objects={"pixels": info.pixel_hash, "manifest": steps[-1].manifest_after},
            changed=f"{info.n} films of {info.patients} patients, from “{name}”: {done}",
        )

    dataset, steps = derive_dataset(
        settings,
        name,
        new,
        mends,
        pictures=pictures,
        opened=len(openings_of_dataset(settings, parent)),
        replace=replace,
        on_step=on_step,
        before=note,
    )
    facts = imported(dataset.info, len(openings_of_dataset(settings, dataset)))
    overlaps = overlaps_of_test(settings, dataset)
    return documents.Mended(
        **facts.model_dump(exclude={"overlaps"}), overlaps=overlaps, made_from=name, steps=steps
    )

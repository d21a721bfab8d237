"""Datasets: import labelled films and split them by patient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fsdecode
from pathlib import Path
from typing import TYPE_CHECKING

from xraylab import actions, formats
from xraylab.front.results import Result, labelled
from xraylab.settings import Settings, load_settings

if TYPE_CHECKING:
    import pandas as pd

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, repr=False)
class ImportedDataset(Result):
    """A dataset: films of patients, split by patient.

    Attributes
    ----------
    name : str
    kind : str
        ``radiographs`` or ``phantoms``.
    films, patients : int
    labels : dict
        Films by label.
    splits : dict
        Films by split and label.
    patient_key : str
        How file names tell patients apart.
    ignored : dict
        Files outside the layout, by the reason.
    refused : dict
        Files that couldn't be read, with the reason.
    notes : tuple of str
    test_openings : int
        Openings of the test split, by any model.
    created_at : datetime
    """

    name: str
    kind: str
    films: int
    patients: int
    labels: Mapping[str, int]
    splits: Mapping[str, Mapping[str, int]]
    patient_key: str
    ignored: Mapping[str, int]
    refused: Mapping[str, str]
    notes: tuple[str, ...]
    test_openings: int
    created_at: datetime

    def frame(self) -> "pd.DataFrame":
        """Return a pandas frame of film counts, one row per split and one column per label."""
        import pandas as pd

        # A split may lack a label altogether.
        rows = [[counts.get(label, 0) for label in self.labels] for counts in self.splits.values()]
        return pd.DataFrame(
            rows, columns=pd.Index(self.labels, name="label"), index=pd.Index(self.splits, name="split")
        )

    def lines(self) -> list[str]:
        """Return films, patients, splits and what wasn't read, a fact per line."""
        parts = ", ".join(
            f"{split} {formats.count(sum(counts.values()))}" for split, counts in self.splits.items()
        )
        lines = [
            f"{self.name}: {formats.count(self.films)} {self.kind}, {formats.count(self.patients)} patients",
            labelled("labels", ", ".join(f"{n} {label}" for label, n in self.labels.items())),
            labelled("splits", parts),
        ]
        if self.refused:
            lines.append(labelled("not readable", f"{len(self.refused)} files"))
        return [*lines, *(labelled("note", sentence) for sentence in self.notes)]


def import_dataset(
    source: str | PathLike[str],
    name: str,
    *,
    patient_key: str = "prefix-number",
    replace: bool = False,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> ImportedDataset:
    """Import a folder or zip archive of labelled films, and split it by patient.

    Parameters
    ----------
    source : str or path-like
        With folders ``NORMAL`` and ``PNEUMONIA``, which may lie in ``train``, ``val`` and ``test``.
    name : str
        Name of the dataset.
    patient_key : str
        How file names tell patients apart.
    replace : bool
        Whether to replace a dataset of that name.
    on_progress : callable, optional
        Called with the files read so far, and all of them.
    settings : Settings, optional
        By default ``load_settings()``.

    Returns
    -------
    ImportedDataset

    Raises
    ------
    DatasetError, NotFoundError
        If the source doesn't exist or can't be used.
    NameTakenError
        If there is a dataset of that name, or the name is invalid.
    """
    document = actions.import_dataset(
        settings or load_settings(),
        Path(fsdecode(source)),  # a path-like object may hold bytes
        name,
        patient_key=patient_key,
        replace=replace,
        on_progress=on_progress,
    )
    return ImportedDataset(
        name=document.name,
        kind=document.kind,
        films=document.n,
        patients=document.patients,
        labels=document.labels,
        splits=document.splits,
        patient_key=document.patient_key,
        ignored=document.ignored,
        refused={file.file: file.reason for file in document.refused},
        notes=tuple(document.notes),
        test_openings=document.test_openings,
        created_at=document.created_at,
    )

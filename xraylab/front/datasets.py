"""Datasets: import labelled films and split them by patient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fsdecode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xraylab import actions, formats
from xraylab.data import mapping as mappings
from xraylab.findings import Finding
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
    finding : str
        What the labels are about.
    labels : dict
        Films by label.
    splits : dict
        Films and patients of each split, and its films by label.
    patient_key : str
        How file names tell patients apart.
    patients_from : str
        Where the patients come from, in words.
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
    finding: str
    labels: Mapping[str, int]
    splits: Mapping[str, Mapping[str, int]]
    patient_key: str
    patients_from: str
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
            f"{split} {formats.count(counts['films'])}" for split, counts in self.splits.items()
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
    finding: Finding | None = None,
    mapping: str | PathLike[str] | Mapping[str, Any] | None = None,
    patient_key: str = "prefix-number",
    replace: bool = False,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> ImportedDataset:
    """Import labelled films from any source that is recognised, and split them by patient.

    Parameters
    ----------
    source : str or path-like
        A folder or archive of films in folders of labels or with a table, or the table itself.
    name : str
        Name of the dataset.
    finding : Finding, optional
        Which labels count as present and as absent, from ``xraylab.findings.state_finding``; by default
        pneumonia, by what the labels of the source say of it.
    mapping : str, path-like, mapping or None
        What isn't recognised as you mean it: a file as for ``import --map``, or its fields.
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
        If the source or the mapping doesn't exist or can't be used.
    NameTakenError
        If there is a dataset of that name, or the name is invalid.
    """
    document = actions.import_dataset(
        settings or load_settings(),
        Path(fsdecode(source)),  # a path-like object may hold bytes
        name,
        finding=finding,
        mapping=_mapping(mapping),
        patient_key=patient_key,
        replace=replace,
        on_progress=on_progress,
    )
    return ImportedDataset(
        name=document.name,
        kind=document.kind,
        films=document.n,
        patients=document.patients,
        finding=document.finding,
        labels=document.labels,
        splits=document.splits,
        patient_key=document.patient_key,
        patients_from=document.patients_from,
        ignored=document.ignored,
        refused={file.file: file.reason for file in document.refused},
        notes=tuple(document.notes),
        test_openings=document.test_openings,
        created_at=document.created_at,
    )


def _mapping(given: str | PathLike[str] | Mapping[str, Any] | None) -> mappings.Mapping | None:
    if given is None:
        return None
    if isinstance(given, Mapping):
        return mappings.mapping_of(given)
    return mappings.read_mapping(Path(fsdecode(given)))

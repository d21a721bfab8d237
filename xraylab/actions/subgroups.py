"""
Subgroups: a model's figures by what a film's row in the dataset says of it.

- the scores, labels and kinds are those that the model stored; ages, sexes, views and the columns of a table
  are read from the dataset, and only while it still has the very films that the model was made from
- a column is offered if it tells two groups apart, each of ten patients or more
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xraylab import documents
from xraylab.data.datasets import KEPT, Dataset, list_datasets, load_dataset
from xraylab.errors import NotFoundError, XRayLabError
from xraylab.evaluation import subgroups as evaluation
from xraylab.evaluation.subgroup_columns import age_bands, stated
from xraylab.evaluation.subgroups import GroupFigure, GroupResult, sentences
from xraylab.findings import Finding
from xraylab.formats import visible
from xraylab.models import Model, load_model
from xraylab.settings import Settings

KIND = "kind"
_FEWEST_PATIENTS = 10  # a column of dates or numbers of patients would divide films into hundreds of groups
_SEXES = {"F": "female", "M": "male", "O": "other"}
_OURS = ("age", "sex", "view", "modality")
_UNKNOWN = "Age, sex, view and the columns of a table can’t be shown for this model"
_GONE = f"{_UNKNOWN}: its films, “{{name}}”, aren’t in this home."
_REPLACED = f"{_UNKNOWN}: the dataset “{{name}}” holds other films now."
_NAMED_OTHERWISE = f"{_UNKNOWN}: the dataset “{{name}}” has its films under other names."


@dataclass(frozen=True)
class Source:
    """Where the columns of a model's films are."""

    dataset: Dataset | None
    why: str = ""  # they can't be read, as a sentence


@dataclass(frozen=True, eq=False)
class FilmColumns:
    """Columns that films can be divided by."""

    values: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)  # by name in words, (n,) each
    why: str = ""  # there are no columns of the dataset, as a sentence


def source_of(settings: Settings, model: Model) -> Source:
    """Find the dataset with a model's films, under any name; the same pixels are the same films."""
    made_from, datasets = model.card.dataset, list_datasets(settings)
    same = [info.name for info in datasets if info.pixel_hash == made_from.pixel_hash]
    if same:
        return _opened(settings, made_from.name if made_from.name in same else same[0])
    replaced = made_from.name in [info.name for info in datasets]
    return Source(None, (_REPLACED if replaced else _GONE).format(name=made_from.name))


def _opened(settings: Settings, name: str) -> Source:
    try:
        return Source(load_dataset(settings, name))
    except XRayLabError as error:
        return Source(None, f"{_UNKNOWN}. {error}")


def film_columns(films: pd.DataFrame, source: Source) -> FilmColumns:
    """Return the columns that tell groups of these films apart, with a value per film.

    Parameters
    ----------
    films : DataFrame, (n,)
        Rows of predictions.
    source : Source
        Of the model that made them.
    """
    rows, why = _rows_of(films, source)
    columns = dict(_of_catalog(rows)) | {KIND: stated(films["subtype"].tolist())} | _of_table(rows)
    patients = films["group"].to_numpy(object)
    return FilmColumns({name: values for name, values in columns.items() if _tells(values, patients)}, why)


def _rows_of(films: pd.DataFrame, source: Source) -> tuple[pd.DataFrame, str]:
    """Return what the dataset says of these films, (n,), and why it says nothing."""
    if source.dataset is None:
        return pd.DataFrame(), source.why
    try:
        catalog = source.dataset.catalog.set_index("image_id")
    except XRayLabError as error:
        return pd.DataFrame(), f"{_UNKNOWN}. {error}"
    known = films["image_id"].isin(catalog.index).any()
    why = "" if known else _NAMED_OTHERWISE.format(name=source.dataset.info.name)
    return catalog.reindex(films["image_id"]), why


def _of_catalog(rows: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.object_]]]:
    """Yield the columns that every import knows, in words; an older dataset may lack some."""
    for name in _OURS:
        if name not in rows:
            continue
        values = rows[name].astype(object).where(rows[name].notna(), None).to_numpy(object)
        if name == "age":
            yield name, age_bands(values)
        elif name == "sex":
            yield name, stated([_SEXES.get(value, value) for value in values])
        else:
            yield name, stated(values)


def _of_table(rows: pd.DataFrame) -> dict[str, NDArray[np.object_]]:
    """Return the columns that were kept from a table, by names that none of ours has."""
    columns: dict[str, NDArray[np.object_]] = {}
    for kept in (str(name) for name in rows.columns if str(name).startswith(KEPT)):
        name = visible(kept.removeprefix(KEPT))
        while name in (*_OURS, KIND, *columns):
            name += " (table)"
        columns[name] = stated(rows[kept].tolist())
    return columns


def _tells(values: NDArray[np.object_], patients: NDArray[np.object_]) -> bool:
    """Return whether at least two groups have enough patients to be looked at."""
    pairs = pd.DataFrame({"value": values, "patient": patients}).drop_duplicates()
    pairs = pairs[pairs["value"].astype(bool)]  # not those that aren't stated
    return int((pairs["value"].value_counts() >= _FEWEST_PATIENTS).sum()) > 1


def divided(films: pd.DataFrame, values: Any, column: str, finding: Finding) -> evaluation.Subgroups:
    """Divide scored films by one column.

    Parameters
    ----------
    films : DataFrame, (n,)
        Rows of predictions with scores and labels.
    values : sequence, (n,)
        As ``film_columns`` gives them.
    """
    return evaluation.subgroups(
        films["label"].to_numpy(np.int8),
        films["score"].to_numpy(np.float64),
        films["group"].to_numpy(object),
        {column: values},
        finding=finding,
    )


def subgroups(settings: Settings, name: str, by: str, *, split: str = "validation") -> documents.Subgroups:
    """Return the figures of each group of a model's held-out films at its lock.

    Parameters
    ----------
    by : str
        ``age``, ``sex``, ``view``, ``modality``, ``kind``, or a column that was kept from a table.
    split : str
        ``validation``, or ``test`` once it has been opened for the model.

    Raises
    ------
    HonestOrderError
        If the model isn't locked, or the test films are sealed.
    NotFoundError
        If there is no such model, split or column, or its predictions are missing or damaged.
    WeightsError
        If its stored predictions are those of other weights.
    """
    model = load_model(settings, name)
    lock = model.require_lock()
    films = model.films(split).scored.frame
    columns = film_columns(films, source_of(settings, model))
    if by not in columns.values:
        raise NotFoundError(_no_column(by, split, columns))
    groups = divided(films, columns.values[by], by, model.card.finding)
    return documents.Subgroups(
        model=name,
        split=split,
        column=by,
        threshold=lock.threshold,
        rule=lock.rule,
        n=len(films),
        not_stated=groups.not_stated[by],
        fewest_patients=groups.fewest,
        comparisons=len(groups.tests),
        groups=[_row(result) for result in groups.at(lock.threshold)],
        verdict=sentences(groups, lock.threshold),
    )


def _no_column(by: str, split: str, columns: FilmColumns) -> str:
    known = ", ".join(columns.values) or "none"
    return (
        f"The {split} films can't be divided by “{by}”. A column needs two values, each of at least "
        f"{_FEWEST_PATIENTS} patients. There are: {known}. {columns.why}".strip()
    )


def _row(result: GroupResult) -> documents.Subgroup:
    point = result.point
    return documents.Subgroup(
        name=result.name,
        films=point.n,
        patients=result.patients,
        tp=point.tp,
        fp=point.fp,
        tn=point.tn,
        fn=point.fn,
        sensitivity=_figure(result.sensitivity),
        specificity=_figure(result.specificity),
        auc=_figure(result.auc),
    )


def _figure(figure: GroupFigure) -> documents.SubgroupFigure:
    return documents.SubgroupFigure(
        value=figure.value,
        interval=(figure.low, figure.high),
        others=figure.others,
        adjusted_p=figure.adjusted_p,
        differs=figure.differs,
    )

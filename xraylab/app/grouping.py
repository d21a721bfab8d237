"""
Groups of films on screens: the column that the user chose, and what is counted of it only once.

- the choice holds for every model and for both screens, as far as their films have the column
- counts are kept until the model, its films or the dataset's table change
"""

from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from xraylab.actions.subgroups import FilmColumns, Source, film_columns, source_of
from xraylab.actions.subgroups import divided as divide
from xraylab.evaluation.subgroups import Subgroups
from xraylab.findings import Finding
from xraylab.models import Model
from xraylab.settings import Settings

COLUMN = "split films by"  # session key


@dataclass(frozen=True, eq=False)
class Offered:
    """Columns of some films, with what tells them from all others for the caches."""

    columns: FilmColumns
    key: Hashable

    @property
    def chosen(self) -> str | None:
        """The column that the user chose; None if it isn't among these."""
        column = st.session_state.get(COLUMN)
        return column if column in self.columns.values else None


def offered(settings: Settings, model: Model, films: pd.DataFrame, which: Hashable) -> Offered:
    """Return the columns that divide a model's films.

    Parameters
    ----------
    films : DataFrame, (n,)
        Rows of its predictions.
    which : hashable
        Tells these films from others of the same model.
    """
    source = source_of(settings, model)
    key = (str(model.folder), model.card.model_sha256, which, *_stamp(source))
    return Offered(_columns(key, films, source), key)


def divided(
    offered: Offered, column: str, films: pd.DataFrame, finding: Finding, which: Hashable = ""
) -> Subgroups:
    """Divide films by one of their columns.

    Parameters
    ----------
    films : DataFrame, (n,)
        Rows of predictions with scores and labels, in the order of the columns.
    which : hashable
        Names the model if the scores are those of another one.
    """
    return _divided(offered.key, which, column, offered.columns, films, finding)


def _stamp(source: Source) -> tuple[str, int]:
    """Return what changes when a dataset goes, or is imported again with another table."""
    if source.dataset is None:
        return source.why, 0
    file = source.dataset.folder / "catalog.parquet"
    return str(file), file.stat().st_mtime_ns if file.exists() else 0


# Resources and not data: they are never changed, so no rerun needs a copy of its own.
@st.cache_resource(max_entries=16, show_spinner=False)
def _columns(key: Hashable, _films: pd.DataFrame, _source: Source) -> FilmColumns:
    return film_columns(_films, _source)


@st.cache_resource(max_entries=32, show_spinner="Counting the groups")
def _divided(
    key: Hashable,
    which: Hashable,
    column: str,
    _columns: FilmColumns,
    _films: pd.DataFrame,
    _finding: Finding,
) -> Subgroups:
    return divide(_films, _columns.values[column], column, _finding)

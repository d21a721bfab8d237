"""
Results: the shape that every answer of the front door has.

- ``Result`` is a frozen dataclass with a readable ``repr`` and ``to_dict`` of plain JSON values
- ``Rows`` is a sequence of results of one kind, with a pandas frame
- a number that isn't defined is NaN in Python and None in ``to_dict``
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar, overload

from xraylab import formats

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20  # rows of a sequence that its repr writes
_LABEL = 13  # columns of a label in a repr


class Named(Protocol):
    """Anything with a name, such as a model from ``load_model``."""

    @property
    def name(self) -> str:
        """Name of the model."""


@dataclass(frozen=True, repr=False)
class Result:
    """One answer; subclasses say in ``lines`` how it is shown."""

    def lines(self) -> list[str]:
        """Return what ``repr`` shows, line by line."""
        return [f"{name}  {value}" for name, value in self.to_dict().items()]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON values; NaN and infinity become None."""
        # A field with repr=False is an array or a handle: it has no place in JSON.
        return {part.name: plain(getattr(self, part.name)) for part in fields(self) if part.repr}

    def __repr__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True, repr=False)
class Measure(Result):
    """A number with its 95 % interval, clustered by patient; the bounds are NaN if there is no interval."""

    value: float
    low: float = math.nan
    high: float = math.nan

    def __float__(self) -> float:
        return self.value

    def lines(self) -> list[str]:
        """Return ``0.954 (0.931–0.971)`` as the only line."""
        # Three decimals for every measure: the lists of AUC and of rates then stand in line.
        bounds = formats.auc_interval(self.low, self.high)
        return [formats.score(self.value) + ("" if bounds == formats.DASH else f" ({bounds})")]


Row = TypeVar("Row", bound=Result)


@dataclass(frozen=True, repr=False)
class Rows(Sequence[Row], ABC, Generic[Row]):
    """A sequence of results of one kind."""

    results: tuple[Row, ...]
    columns: ClassVar[tuple[str, ...]] = ()  # of the frame

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> Row | Self:
        if isinstance(place, slice):
            return replace(self, results=self.results[place])
        return self.results[place]

    def __len__(self) -> int:
        return len(self.results)

    def frame(self) -> "pd.DataFrame":
        """Return a pandas frame with one row per result; a number that isn't defined is NaN."""
        import pandas as pd

        # Columns are named even without rows, so that code that picks one works on an empty list.
        return pd.DataFrame([self.cells(result) for result in self.results], columns=list(self.columns))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the ``to_dict`` of every result."""
        return [result.to_dict() for result in self.results]

    @abstractmethod
    def cells(self, result: Row) -> tuple[Any, ...]:
        """Return one result as a row of the frame, in the order of ``columns``."""

    @abstractmethod
    def title(self) -> str:
        """Return the first line of ``repr``."""

    @abstractmethod
    def brief(self, result: Row) -> str:
        """Return one result as one line of ``repr``."""

    def __repr__(self) -> str:
        lines = [f"  {self.brief(result)}" for result in self.results[:_SHOWN]]
        more = [f"  … and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return "\n".join((self.title(), *lines, *more))

    def _repr_html_(self) -> str:
        return str(self.frame().to_html(max_rows=_SHOWN, border=0))  # pandas escapes names from outside


def labelled(label: str, text: str) -> str:
    """Return one line of a ``repr``: a label, padded, and its text."""
    return f"{label:<{_LABEL}}{text}"


def name_of(model: str | Named) -> str:
    """Return the name of a model that is given by name or as an object."""
    return model if isinstance(model, str) else model.name


def number(value: float | None) -> float:
    """Return a number for a frame, NaN for None, so that pandas keeps a column of floats."""
    return math.nan if value is None else value


def plain(value: Any) -> Any:
    """Return a value as plain JSON: results as dicts, tuples as lists, times as ISO 8601."""
    if isinstance(value, float):
        # JSON has neither NaN nor infinity.
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value

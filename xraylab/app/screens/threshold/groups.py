"""Groups of films under the handle: the columns that divide them, and the groups of the chosen one."""

from xraylab.app import grouping
from xraylab.app.components.threshold_cockpit.groups import SplitBy
from xraylab.models import Model
from xraylab.settings import Settings


def offered(settings: Settings, model: Model, split: str) -> grouping.Offered:
    """Return the columns that divide a model's films of a split.

    Raises
    ------
    HonestOrderError, NotFoundError, WeightsError
        As ``Model.films``.
    """
    films = model.films(split).scored.frame
    return grouping.offered(settings, model, films, (split, model.include_used))


def split_by(model: Model, split: str, offered: grouping.Offered) -> SplitBy:
    """Divide the films by the column that the user chose, if these films have it."""
    columns, column = offered.columns, offered.chosen
    if column is None:
        return SplitBy(list(columns.values), why=columns.why)
    groups = grouping.divided(offered, column, model.films(split).scored.frame, model.card.finding)
    return SplitBy(list(columns.values), column, groups, columns.why)

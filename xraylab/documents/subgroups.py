"""Documents of subgroups: the figures of each group of films at the lock."""

from pydantic import Field

from xraylab.documents.intervals import Interval
from xraylab.files import Record


class SubgroupFigure(Record):
    """One figure of one group; all numbers are null if the group has too few patients."""

    value: float
    interval: Interval
    others: float = Field(description="The same figure of all other groups; null if there is no other one.")
    adjusted_p: float = Field(
        description="Two-sided p of no difference from the others, clustered by patient and adjusted by "
        "Holm's method over all comparisons; null if it wasn't tested."
    )
    differs: bool = Field(description="Whether the adjusted p is below 0.05.")


class Subgroup(Record):
    """Films of one group at the lock."""

    name: str
    films: int
    patients: int
    tp: int
    fp: int
    tn: int
    fn: int
    sensitivity: SubgroupFigure
    specificity: SubgroupFigure
    auc: SubgroupFigure


class Subgroups(Record):
    """Figures of a model by the groups of one column, at its lock."""

    model: str
    split: str
    column: str
    threshold: float
    rule: str = Field(description="The rule that chose the threshold.")
    n: int = Field(description="Films of the split with a score and a label.")
    not_stated: int = Field(description="Films for which the column says nothing; they are in no group.")
    fewest_patients: int = Field(description="Patients of a class that a figure needs.")
    comparisons: int = Field(description="Number of tests that p is adjusted for.")
    groups: list[Subgroup]
    verdict: list[str] = Field(description="Differences and omissions, in sentences.")

"""The documents of audits and of compared datasets."""

from pydantic import Field

from xraylab.audit.found import Found, Severity
from xraylab.audit.naive import Naive
from xraylab.audit.shift import Differing
from xraylab.documents.intervals import Interval
from xraylab.documents.shift import Difference
from xraylab.files import Record


class Audited(Record):
    """What was looked for in a dataset, and found, in the output of ``audit``."""

    name: str
    findings: list[Found] = Field(description="One for each check that was made now, the worst first.")
    naive: Naive | None = Field(
        default=None, description="What a split by image would have claimed, if that was asked for."
    )


class ComparedDatasets(Record):
    """How the films of two datasets differ, the second against the first, in ``audit NAME --against``."""

    names: tuple[str, str]
    finding: str
    n: tuple[int, int] = Field(description="Films that were compared.")
    patients: tuple[int, int]
    same_pictures: int = Field(
        description="Films of the second that show a picture of the first, pixel by pixel; they are left out."
    )
    prevalence: tuple[float, float] = Field(description="Shares of films with the finding.")
    prevalence_ci: tuple[Interval, Interval]
    prevalence_difference: Difference = Field(description="Second minus first.")
    severity: Severity = Field(
        description="high if a measure differs with a chance of at least 0.71 within a class, low from 0.56."
    )
    sentences: list[str]
    differences: list[Differing] = Field(description="Measures that differ, the largest difference first.")
    tested: int = Field(description="Number of tests that p was adjusted for.")

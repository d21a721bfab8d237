"""The document of an audit."""

from pydantic import Field

from xraylab.audit.found import Found
from xraylab.files import Record


class Audited(Record):
    """What was looked for in a dataset, and found, in the output of ``audit``."""

    name: str
    findings: list[Found] = Field(description="One for each check, the worst first.")

"""Documents of ``doctor``, which checks an installation."""

from xraylab.files import Record


class Check(Record):
    """One check of ``doctor``."""

    name: str
    ok: bool
    detail: str


class Doctor(Record):
    """The state of this installation."""

    ok: bool
    checks: list[Check]

"""
Reasons: a table of films that a person wants left out, each with the reason.

A reason is a person's own words: it is kept with the dataset, and goes into no document and no log.
"""

from collections.abc import Callable
from pathlib import Path

from xraylab.data.archives import LARGEST_FILE
from xraylab.data.entries import Entry
from xraylab.data.tables import read_table
from xraylab.errors import DatasetError
from xraylab.findings import fold
from xraylab.stored import read_file

FILM, REASON = "image_id", "reason"  # the columns
_LONGEST = 200  # characters of a reason


def read_reasons(path: Path) -> dict[str, str]:
    """Read a table of films to leave out from a file.

    Returns
    -------
    dict of str to str
        Image id of a film -> the reason.

    Raises
    ------
    DatasetError
        If the file can't be read, a column or a reason is missing, or a film has two reasons.
    """
    try:
        data = read_file(path, LARGEST_FILE)
    except OSError as error:
        raise DatasetError(f"The table {path} can't be opened. Check its path.") from error
    return reasons_of(path.name, lambda: data)


def reasons_of(name: str, read: Callable[[], bytes]) -> dict[str, str]:
    """Read a table of films to leave out; see ``read_reasons``."""
    table, _ = read_table(Entry(name, read))
    columns = {fold(column): column for column in table.columns}
    if missing := [column for column in (FILM, REASON) if column not in columns]:
        raise DatasetError(
            f"The table {name} has no column {' and no column '.join(missing)}. Its first line must be "
            f"{FILM},{REASON}; each line after it names a film, as the audit does, and why it is left out."
        )
    reasons: dict[str, str] = {}
    for film, reason in zip(table[columns[FILM]], table[columns[REASON]], strict=True):
        reasons[film] = checked(film, reason, reasons.get(film))
    return reasons


def checked(film: str, reason: str, known: str | None = None) -> str:
    """Return the reason for a film in one line.

    Parameters
    ----------
    known : str, optional
        The reason that this film has already.

    Raises
    ------
    DatasetError
        If there is none, it is too long, or the film has another one.
    """
    reason = " ".join(reason.split())
    if not reason:
        raise DatasetError(f"Say why “{film}” is left out: it has no reason.")
    if len(reason) > _LONGEST:
        raise DatasetError(f"The reason for “{film}” is too long. Use up to {_LONGEST} characters.")
    if known not in (None, reason):
        raise DatasetError(f"“{film}” has two reasons, “{known}” and “{reason}”. Keep one of them.")
    return reason

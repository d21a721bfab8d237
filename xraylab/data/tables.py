"""
Tables: read CSV, TSV and Excel files as people and programs write them.

- encoding and separator are recognised by looking; every value stays the text that stands in the file
- a formula is never computed: of an Excel file the stored values are read, and in a text it is a text
- a table that can't be read is one sentence
"""

import csv
import gzip
import io
import zipfile
import zlib

import pandas as pd

from xraylab.data.archives import LARGEST_FILE, danger, danger_of_all
from xraylab.data.entries import Entry
from xraylab.data.spellings import is_table
from xraylab.errors import DatasetError, UnreadableImageError

_SEPARATORS = ",;\t|"
_HEAD = 64 * 2**10  # bytes in which the first line ends
_MOST_COLUMNS = 2000


def is_readable_table(entry: Entry) -> bool:
    """Return whether an entry is a table by its name, and not a hidden file of a system."""
    return is_table(entry.path) and not any(
        part.startswith((".", "~$")) or part == "__MACOSX" for part in entry.path.split("/")
    )


def columns_of(entry: Entry) -> list[str]:
    """Return the names of a table's columns without reading its rows; none if it can't be read."""
    try:
        return list(read_table(entry, rows=0)[0].columns)
    except DatasetError:
        return []


def read_table(entry: Entry, *, rows: int | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Read a table.

    Parameters
    ----------
    entry : Entry
    rows : int or None
        How many rows to read; None for all.

    Returns
    -------
    table : DataFrame
        Every value as text without outer blanks; empty text for a value that is missing.
    notes : list of str
        Sentences about what was assumed.

    Raises
    ------
    DatasetError
        If the file isn't a table that can be read.
    """
    name = entry.path.rsplit("/", 1)[-1]
    notes: list[str] = []
    try:
        data = entry.read()
        if name.lower().endswith((".xlsx", ".xlsm")):
            table = _excel(data, rows)
        else:
            text, notes = _decoded(_unpacked(data), name)
            table = _text(text, rows)
    except UnreadableImageError as error:
        raise DatasetError(f"The table {name} can't be read. {error}") from error
    except ImportError as error:
        raise DatasetError(
            f"The table {name} is an Excel file, and the package that reads them (openpyxl) isn't installed. "
            "Install it, or save the table as CSV."
        ) from error
    except (ValueError, KeyError, OSError, EOFError, zlib.error, zipfile.BadZipFile, csv.Error) as error:
        raise DatasetError(
            f"The table {name} can't be read: {' '.join(str(error).split())[:200]}. Save it again as "
            "CSV in UTF-8."
        ) from error
    if len(table.columns) > _MOST_COLUMNS:
        raise DatasetError(
            f"The table {name} has {len(table.columns)} columns, and {_MOST_COLUMNS} are read at most."
        )
    table.columns = _unique([" ".join(str(column).split()) for column in table.columns])
    return table.map(str.strip), notes


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    made = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return made


def _unpacked(data: bytes) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        unpacked = file.read(LARGEST_FILE + 1)
    if len(unpacked) > LARGEST_FILE:
        raise ValueError(f"it has more than {LARGEST_FILE // 2**20} MB")
    return unpacked


def _decoded(data: bytes, name: str) -> tuple[str, list[str]]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding), []
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        note = (
            f"The table {name} isn't written in UTF-8 and was read as Windows-1252; check words with accents."
        )
        return data.decode("cp1252", "replace"), [note]


def _text(text: str, rows: int | None) -> pd.DataFrame:
    head = text[:_HEAD].lstrip("\r\n").splitlines()[:1]
    if not head or "\0" in text[:_HEAD]:
        raise ValueError("it is empty or not a text")
    separator = max(_SEPARATORS, key=_outside_quotes(head[0]).count)
    frame: pd.DataFrame = pd.read_csv(
        io.StringIO(text),
        sep=separator,
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        index_col=False,
        nrows=rows,
        skip_blank_lines=True,
        low_memory=False,
    )
    return frame.fillna("")


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _excel(data: bytes, rows: int | None) -> pd.DataFrame:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:  # an Excel file is one, with the same dangers
        members = archive.infolist()
        fault = danger_of_all(members, len(data)) or next(filter(None, map(danger, members)), None)
    if fault:
        raise ValueError(fault)
    frame = pd.read_excel(
        io.BytesIO(data), dtype=str, keep_default_na=False, na_filter=False, nrows=rows, engine="openpyxl"
    )
    return frame.fillna("").astype(str)

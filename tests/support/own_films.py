"""What the guide “Bring your own films” speaks of: its sources, its mapping and its table of fields."""

import re
from pathlib import Path

from tests.support.layouts import dicom_by_uid, nih, plain

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "bring-your-own-films.md"


def write_sources(folder: Path) -> None:
    """Write the three sources of the guide, and the mapping that it shows."""
    for make in (plain, nih, dicom_by_uid):
        make(folder)
    (mapping,) = re.findall(r"```json\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (folder / "map.json").write_text(mapping)


def fields() -> list[list[str]]:
    """Return what the guide says to type on the page: path, name and finding of each source."""
    table = GUIDE.read_text("utf-8").partition("| Or the path | Name | Finding |\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[1:]]

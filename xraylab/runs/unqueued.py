"""
Folders of runs that were never queued, because the process that submitted them died.

The folder of a run comes before its row in the table, and carries a mark until the row is there. A folder
without a mark and without a row stays: the table itself was lost, and can be rebuilt from it.
"""

from xraylab.database import writing
from xraylab.leftovers import Swept
from xraylab.runs import folder, rows
from xraylab.settings import Settings


def sweep_unqueued(settings: Settings) -> Swept:
    """Remove the folders of runs that were never queued.

    Raises
    ------
    StorageError
        If the database can't be read or written.
    """
    if not folder.marked(settings):
        return Swept()
    removed = []
    # Under the write lock no process is between a folder and its row.
    with writing(settings) as db:
        for place in folder.marked(settings):
            if rows.find(db, place.name) is None:
                folder.remove(settings, place.name)
                removed.append(place)
            else:
                folder.confirm(settings, place.name)
    return Swept(removed=tuple(removed))

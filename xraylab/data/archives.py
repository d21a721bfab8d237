"""
Archives: check the members of zip archives, and read them without unpacking more than they declare.

- an archive is read in place and never unpacked to disk, so no member can be written anywhere
- the same rules hold for datasets and for single films
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from xraylab.errors import UnreadableImageError

LARGEST_FILE = 200 * 2**20  # bytes of one file
_MAX_RATIO = 200  # radiographs hardly shrink in a zip; a zip bomb shrinks a thousandfold
_RATIO_MATTERS_FROM = 2**20  # bytes; small text files shrink as much and do no harm
MOST_MEMBERS = 100_000  # a hundred thousand films; a list of more would fill the memory by itself
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # both can be unpacked up to a limit
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGED_MEMBER = "This part of the archive is damaged. Download or copy the archive again."


def leads_outside(name: str) -> bool:
    """Return whether the path of a member leads outside its archive."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)) is not None


def most_bytes(size: int) -> int:
    """Return what an archive of ``size`` bytes may unpack to, as a whole."""
    return max(LARGEST_FILE, _MAX_RATIO * size)


def danger(member: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with a member, from the archive's directory alone.

    Returns
    -------
    str or None
        Half a sentence, to follow a colon; None if the member may be read.
    """
    if leads_outside(member.filename):
        return "its path leads outside the archive"
    # An attack can hide a huge file in a small archive (a zip bomb).
    swollen = member.file_size > _RATIO_MATTERS_FROM and member.file_size > _MAX_RATIO * max(
        member.compress_size, 1
    )
    if swollen or member.file_size > LARGEST_FILE:
        return f"it would unpack to {member.file_size / 2**20:.0f} MB, too much for a radiograph"
    if member.flag_bits & 1:
        return "it is protected with a password"
    if member.compress_type not in _METHODS:
        return "its compression method isn't supported"
    return None


def danger_of_all(members: Sequence[zipfile.ZipInfo], size: int) -> str | None:
    """Return what is wrong with an archive as a whole, from its directory alone.

    Parameters
    ----------
    members : sequence of ZipInfo
    size : int
        Bytes of the archive itself.

    Returns
    -------
    str or None
        Half a sentence, to follow a colon; None if its members may be read.
    """
    if len(members) > MOST_MEMBERS:
        return f"it has {len(members)} files, and at most {MOST_MEMBERS} are read"
    # Members may share the same bytes, so that each alone looks harmless.
    whole = sum(member.file_size for member in members if danger(member) is None)
    if whole > most_bytes(size):
        return f"it would unpack to {whole / 2**30:.1f} GB, too much for its size"
    return None


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a whole member, but never more bytes than the archive's directory declares for it.

    Parameters
    ----------
    archive : ZipFile
    member : ZipInfo
        A member for which ``danger`` returns None.

    Raises
    ------
    UnreadableImageError
        If the member is damaged.
    """
    try:
        with archive.open(member) as file:
            # Without a size, read() would unpack everything before it compares sizes.
            data = file.read(member.file_size)
            while len(data) < member.file_size and (more := file.read(member.file_size - len(data))):
                data += more
    except Exception as error:  # zipfile raises many kinds of exception on hostile bytes
        raise UnreadableImageError(_DAMAGED_MEMBER) from error
    if len(data) < member.file_size:
        raise UnreadableImageError(_DAMAGED_MEMBER)
    return data

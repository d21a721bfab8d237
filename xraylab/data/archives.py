"""
Members of zip archives: which may be read, and how to read one without unpacking more than it says it holds.

- an archive is read in place and never unpacked to the disk, so no member can be written anywhere
- datasets and single films are read from archives by the same rules
"""

import re
import zipfile
from pathlib import PurePosixPath

from xraylab.errors import UnreadableImageError

LARGEST_FILE = 200 * 2**20  # bytes of one file
_MAX_RATIO = 200  # radiographs barely shrink in a zip; a bomb shrinks a thousandfold
_RATIO_MATTERS_FROM = 2**20  # bytes; small texts shrink as much and do no harm
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # both can be unpacked up to a limit
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGED_MEMBER = "This part of the archive is damaged. Download or copy the archive again."


def danger(member: zipfile.ZipInfo) -> str | None:
    """Return what is wrong with a member, from the archive's directory alone.

    Returns
    -------
    str or None
        Half a sentence that goes on after a colon; None if the member may be read.
    """
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or _DRIVE.match(str(path)):
        return "its path leads outside of the archive"
    swollen = member.file_size > _RATIO_MATTERS_FROM and member.file_size > _MAX_RATIO * max(
        member.compress_size, 1
    )
    if swollen or member.file_size > LARGEST_FILE:
        return f"it would unpack to {member.file_size / 2**20:.0f} MB, which no radiograph does"
    if member.flag_bits & 1:
        return "it is protected with a password"
    if member.compress_type not in _METHODS:
        return "it is packed in an unusual way"
    return None


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a whole member, and never more than the archive's directory says it holds.

    Parameters
    ----------
    archive : ZipFile
    member : ZipInfo
        One without ``danger``.

    Raises
    ------
    UnreadableImageError
        If the member is damaged.
    """
    try:
        with archive.open(member) as file:
            data = file.read(member.file_size)  # a plain read() unpacks first and compares sizes afterwards
            while len(data) < member.file_size and (more := file.read(member.file_size - len(data))):
                data += more
    except Exception as error:  # zipfile raises many kinds of exception on hostile bytes
        raise UnreadableImageError(_DAMAGED_MEMBER) from error
    if len(data) < member.file_size:
        raise UnreadableImageError(_DAMAGED_MEMBER)
    return data

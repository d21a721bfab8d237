"""A file name that identifies a patient, and a search for such words in a home."""

FILE = "DOE-JANE-1999-11-02-MRN5550123.png"


def everywhere(home):
    """Return all bytes and all file names below a home."""
    files = [file for file in home.rglob("*") if file.is_file()]
    return b"\n".join([*(file.read_bytes() for file in files), *(str(file).encode() for file in files)])

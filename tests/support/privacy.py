"""A file name that tells whose film it is, and every place where a home could keep it."""

FILE = "DOE-JANE-1999-11-02-MRN5550123.png"


def everywhere(home):
    """Every byte and every file name below the home."""
    files = [file for file in home.rglob("*") if file.is_file()]
    return b"\n".join([*(file.read_bytes() for file in files), *(str(file).encode() for file in files)])

"""Pictures to bytes: what is shown, kept or written leaves as PNG, in which no grey is lost."""

import io

from PIL import Image


def png(image: Image.Image, *, compress_level: int = -1) -> bytes:
    """An image as the bytes of a PNG file.

    Parameters
    ----------
    compress_level : int
        0 for none to 9; -1 leaves it to zlib. 1 is quick, for what travels no further than a browser here.
    """
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=compress_level)
    return buffer.getvalue()

"""Write pictures as PNG, which loses no grey value: for the screen, the case log and documents."""

import io

from PIL import Image


def png(image: Image.Image, *, compress_level: int = -1) -> bytes:
    """Return an image as the bytes of a PNG file.

    Parameters
    ----------
    image : PIL.Image.Image
    compress_level : int
        From 0 (none) to 9; -1 leaves it to zlib. 1 is quick, for a picture that only goes to a local browser.
    """
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=compress_level)
    return buffer.getvalue()

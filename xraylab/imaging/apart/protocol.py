"""
The bytes that a decoder and its caller exchange; both sides load this module.

::

    ready:    1 byte, once, when the decoder has loaded its libraries and set its limits
    request:  what is wanted (1 byte), token (8 bytes), length (8 bytes), the film's file
    answer:   token of the request (8 bytes), length (4 bytes), JSON, pixels for networks, picture, study

The token ties an answer to its request: bytes that a decoder sent too many are never taken for the next film.
"""

import struct

READY = b"\x06"
STANDARD, PICTURE, BOTH = b"S", b"P", b"B"  # the film for networks, for people, or for both
LOSSY, STUDY = b"L", b"T"  # of a DICOM file: whether it was compressed with loss; its patient and study
TOKEN = 8  # bytes
REQUEST = struct.Struct(f">c{TOKEN}sQ")
ANSWER = struct.Struct(f">{TOKEN}sI")
MOST_STUDY = 2**20  # bytes of a patient and study
MOST_JSON = 64 * 2**10  # bytes; an answer without its pixels has less than 1,000

# Per film. A film plate in JPEG 2000 takes 2 s of the processor; by the clock many more on a busy machine.
SECONDS_CPU = 15.0
SECONDS = 15.0  # by the clock; after that a decoder may go on while it works
SECONDS_STILL = 5.0  # after which a decoder that doesn't work is ended
SECONDS_MOST = 60.0  # by the clock, at work or not

PICTURES, DICOM = "pictures", "dicom"  # what a decoder loads; pydicom takes longer than all others together

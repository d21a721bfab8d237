"""
Start a decoder: ``python -I -S …/decoding/__main__.py pictures|dicom PATH...``.

The paths are those of the program that asks. Python itself adds none, so that neither the folder in which a
user works nor the environment decides what is loaded.
"""

import sys

if __name__ == "__main__":
    sys.path[:] = sys.argv[2:]
    from xraylab.imaging.decoding.serve import serve

    serve(sys.argv[1])

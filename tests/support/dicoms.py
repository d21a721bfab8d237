"""DICOM files for tests: made when asked for, or taken from the package pydicom."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

BUNDLED = Path(DATA_ROOT) / "test_files"


def bundled(name: str) -> bytes:
    """Return a file of the installed pydicom; nothing is downloaded."""
    return (BUNDLED / name).read_bytes()


def dataset(stored: np.ndarray, *, bits: int | None = None, **fields: Any) -> FileDataset:
    """Return a film with these stored values, (rows, columns) or (rows, columns, 3), and further fields."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds = FileDataset("", {}, preamble=bytes(128), file_meta=meta)
    ds.SOPClassUID, ds.SOPInstanceUID = ComputedRadiographyImageStorage, "1.2.3.4"
    ds.Rows, ds.Columns = stored.shape[:2]
    ds.SamplesPerPixel = 3 if stored.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if stored.ndim == 3 else "MONOCHROME2"
    if stored.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = stored.dtype.itemsize * 8
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    for keyword, value in fields.items():
        setattr(ds, keyword, value)
    ds.PixelData = stored.tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def written(ds: FileDataset, *, implicit: bool = False, little: bool = True, meta: bool = True) -> bytes:
    """Return the bytes of a file, with or without preamble, mark and meta header."""
    out = io.BytesIO()
    if meta:
        ds.save_as(out, enforce_file_format=True)
    else:
        bare = FileDataset("", ds)
        if not little:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
        from pydicom import dcmwrite

        dcmwrite(out, bare, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return out.getvalue()


def dicom(stored: np.ndarray, **fields: Any) -> bytes:
    """Return the bytes of a DICOM film; see ``dataset``."""
    return written(dataset(stored, **fields))


__all__ = ["BUNDLED", "ImplicitVRLittleEndian", "bundled", "dataset", "dicom", "written"]

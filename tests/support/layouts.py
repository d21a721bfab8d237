"""Small made-up copies of well-known collections: their folders, names and tables, with drawn films.

Nothing of the collections themselves is here. Each copy has its films' paths, and what an import must count.
"""

import csv
import io
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.support.dicoms import dicom
from tests.support.films import film, grey, kermany, write_folder, write_zip

CHEXPERT = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema"),
    *("Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other"),
    *("Fracture", "Support Devices"),
)


@dataclass(frozen=True)
class Copy:
    """A copy of a collection, and what must be understood of it."""

    name: str  # as the preview calls the layout
    make: Callable[[Path], Path]  # writes it into a folder and returns the source
    labels: dict[str, int]
    patients: int
    splits: dict[str, int] = field(default_factory=dict)  # that the source states
    ignored: dict[str, int] = field(default_factory=dict)
    options: tuple[str, ...] = ()  # of the command
    by_tag: int = 0  # laterals that only the tags of DICOM tell
    patients_from: str = "nothing: every film is a patient of its own"


def table(rows: Iterable[Iterable[object]], separator: str = ",") -> bytes:
    """Write rows as a CSV file."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(rows)
    return out.getvalue().encode()


def kaggle(folder: Path) -> Path:
    """Kaggle's chest_xray.zip: it holds itself once more, and what a Mac adds."""
    films = kermany(6, 8) | {
        f"chest_xray/test/{label}/{stem}.jpeg": film(7000 + n, "JPEG")
        for n, (label, stem) in enumerate(
            [("NORMAL", f"NORMAL2-IM-{n:04d}-0001") for n in (500, 501)]
            + [("PNEUMONIA", f"person{n}_virus_1") for n in (500, 501)]
        )
    }
    films["chest_xray/train/PNEUMONIA/person3_virus_99.jpeg"] = film(1900, "JPEG")
    nested = {f"chest_xray/{path}": data for path, data in films.items()}
    clutter = {"__MACOSX/chest_xray/train/NORMAL/._IM-0000-0001.png": b"mac", "chest_xray/.DS_Store": b"mac"}
    return write_zip(folder / "chest_xray.zip", films | nested | clutter)


def mendeley(folder: Path) -> Path:
    """Version 3 of the archive at Mendeley Data: two films of each child."""
    return write_folder(
        folder / "ChestXRay2017",
        {
            f"chest_xray/{split}/{label}/{kind}-{first + child}-{n:04d}.jpeg": film(
                10 * (first + child) + n, "JPEG"
            )
            for split, first in (("train", 1001000), ("test", 2001000))
            for label, kind in (("NORMAL", "NORMAL"), ("PNEUMONIA", "BACTERIA"), ("PNEUMONIA", "VIRUS"))
            for child in range(4)
            for n in (1, 2)
        },
    )


def nih(folder: Path) -> Path:
    """ChestX-ray14: lists of findings, several films of a patient, and the official lists of names."""
    heads = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender"]
    rows, files, names = [], {}, []
    for number in range(24):
        name = f"{number // 2:08d}_{number % 2:03d}.png"
        finding = ["No Finding", "Pneumonia|Infiltration", "Effusion"][number // 2 % 3]
        view = "PA" if number % 4 else "AP"
        rows.append([name, finding, number % 2, number // 2, "058Y" if number % 2 else 63, "M", view])
        files[f"images_{number // 12 + 1:03d}/images/{name}"] = film(number)
        names.append(name)
    rows.append(["00009999_000.png", "Hernia", 0, 9999, 40, "F", "PA"])  # of a part that wasn't unpacked
    tables = {
        "Data_Entry_2017.csv": table([[*heads, "View Position"], *rows]),
        "BBox_List_2017.csv": table([["Image Index", "Finding Label", "x"], [names[2], "Infiltrate", 1]]),
        "train_val_list.txt": "\n".join(names[:18]).encode(),
        "test_list.txt": "\n".join(names[18:]).encode(),
    }
    return write_folder(folder / "nih", files | tables)


def rsna(folder: Path) -> Path:
    """The RSNA's challenge: DICOM, a row for each box, and a table of detailed classes."""
    rows: list[list[object]] = [["patientId", "x", "y", "width", "height", "Target"]]
    detailed: list[list[object]] = [["patientId", "class"]]
    files = {}
    for number in range(12):
        ill = number % 2
        name = f"{number:08x}-aaaa-bbbb"
        for box in range(1 + (number % 3) * ill):
            rows.append([name, *([box, 1, 10, 10] if ill else [""] * 4), ill])
            detailed.append([name, ["Normal", "Lung Opacity"][ill]])
        files[f"stage_2_train_images/{name}.dcm"] = dicom(
            grey(number), SOPInstanceUID=f"1.2.{number + 1}", PatientID=name, ViewPosition="AP"
        )
    files["stage_2_train_labels.csv"] = table(rows)
    files["stage_2_detailed_class_info.csv"] = table(detailed)
    return write_folder(folder / "rsna", files)


def chexpert(folder: Path) -> Path:
    """CheXpert: blank, 1, 0 and -1, laterals beside frontal films, and an own table for validation."""
    heads = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT]
    files: dict[str, bytes] = {}
    for part, patients in (("train", range(16)), ("valid", range(100, 108))):
        rows: list[list[object]] = [heads]
        for patient in patients:
            # present, denied, no finding, not mentioned; the last one is uncertain
            values = dict.fromkeys(CHEXPERT, "")
            values |= [{"Pneumonia": "1.0"}, {"Pneumonia": "0.0"}, {"No Finding": "1.0"}, {}][patient % 4]
            if patient == 15:
                values["Pneumonia"] = "-1.0"
            for side, number in (("frontal", 1), ("lateral", 2))[: 1 + (patient % 4 == 0)]:
                path = f"CheXpert-v1.0-small/{part}/patient{patient:05d}/study1/view{number}_{side}.jpg"
                view = "AP" if side == "frontal" else ""
                rows.append([path, "Female", 40 + patient, side.title(), view, *values.values()])
                files[path] = film(100 * patient + number, "JPEG")
        files[f"CheXpert-v1.0-small/{part}.csv"] = table(rows)
    return write_folder(folder / "chexpert", files)


def vindr(folder: Path) -> Path:
    """VinDr: three readers of each film, each with rows of their own, and DICOM with another ending."""
    rows: list[list[object]] = [["image_id", "class_name", "class_id", "rad_id", "x_min"]]
    files = {}
    for number in range(12):
        name = f"{number:032x}"
        for reader in range(3):
            # 0: all see it, 1: two of three, 2: one of three, 3: nobody
            sees = reader < [3, 2, 1, 0][number % 4]
            label, code = ("Pneumonia", 5) if sees else ("No finding", 14)
            rows.append([name, label, code, f"R{number % 2}{reader}", "" if not sees else 7])
        files[f"train/{name}.dicom"] = dicom(grey(number), SOPInstanceUID=f"1.2.{number + 1}")
    return write_folder(folder / "vindr", {"train.csv": table(rows), **files})


def mimic(folder: Path) -> Path:
    """MIMIC-CXR-JPG: films, labels of studies and splits in three tables."""
    metadata: list[list[object]] = [["dicom_id", "subject_id", "study_id", "ViewPosition", "Rows"]]
    labels: list[list[object]] = [["subject_id", "study_id", *CHEXPERT]]
    splits: list[list[object]] = [["dicom_id", "study_id", "subject_id", "split"]]
    files = {}
    for number in range(16):
        subject, study = 10000000 + number, 50000000 + number
        value = ["1.0", "0.0"][number % 2]
        labels.append([subject, study, *(value if name == "Pneumonia" else "" for name in CHEXPERT)])
        for view in ("PA", "LATERAL")[: 1 + (number == 0)]:
            name = f"{number:08x}-{view.lower()}"
            metadata.append([name, subject, study, view, 3056])
            splits.append([name, study, subject, "test" if number >= 12 else "train"])
            files[f"files/p10/p{subject}/s{study}/{name}.jpg"] = film(number, "JPEG")
    tables = {
        "mimic-cxr-2.0.0-metadata.csv": table(metadata),
        "mimic-cxr-2.0.0-chexpert.csv": table(labels),
        "mimic-cxr-2.0.0-split.csv": table(splits),
    }
    return write_folder(folder / "mimic", tables | files)


def covid(folder: Path) -> Path:
    """The COVID-19 Radiography Database: images/ and masks/ below the labels, and tables without labels."""
    import pandas as pd

    files = {}
    for number, (label, n) in enumerate(
        (("COVID", 3), ("Lung_Opacity", 2), ("Normal", 8), ("Viral Pneumonia", 6))
    ):
        for one in range(1, n + 1):
            for place in ("images", "masks"):
                seed = 100 * number + one + 50 * (place == "masks")
                files[f"COVID-19_Radiography_Dataset/{label}/{place}/{label}-{one}.png"] = film(seed)
        out = io.BytesIO()
        names = [f"{label.upper()}-{one}" for one in range(1, n + 1)]
        pd.DataFrame({"FILE NAME": names, "FORMAT": "PNG", "SIZE": "256*256", "URL": "-"}).to_excel(
            out, index=False
        )
        files[f"COVID-19_Radiography_Dataset/{label}.metadata.xlsx"] = out.getvalue()
    return write_zip(folder / "archive.zip", files)


def pneumoniamnist(folder: Path) -> Path:
    """PneumoniaMNIST: arrays of 28 × 28 pixels with splits."""
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split, n in (("train", 20), ("val", 6), ("test", 8)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
    np.savez_compressed(folder / "pneumoniamnist.npz", **arrays)
    return folder / "pneumoniamnist.npz"


def _hospital() -> dict[str, bytes]:
    """Return DICOM of eight patients without endings; two of them have a lateral film too."""
    files = {}
    for patient in range(8):
        for n, view in enumerate(("PA", "LL")[: 1 + (patient < 2)]):
            uid = f"1.2.840.{patient + 1}.{n + 1}"
            files[f"DICOM/S{patient:04d}/IM{n:06d}"] = dicom(
                grey(10 * patient + n),
                SOPInstanceUID=uid,
                StudyInstanceUID=f"1.2.840.{patient + 1}",
                PatientID=f"MRN{patient}",
                PatientAge="045Y",
                ViewPosition=view,
            )
    return files


def dicom_by_uid(folder: Path) -> Path:
    """A folder of DICOM with a table by SOP Instance UID, written by a spreadsheet of a country of commas."""
    rows: list[list[object]] = [["SOP Instance UID", "Label", "Score"]]
    for patient in range(8):
        rows += [[f"1.2.840.{patient + 1}.1", ["normal", "Pneumonia"][patient % 2], "0,5"]]
    rows += [["1.2.840.1.2", "normal", "0,5"], ["1.2.840.2.2", "Pneumonia", "0,5"]]
    return write_folder(folder / "export", _hospital() | {"labels.csv": table(rows, ";")})


def dicom_by_study(folder: Path) -> Path:
    """The same with a table by Study Instance UID: a row is about all films of a study."""
    rows: list[list[object]] = [["StudyInstanceUID", "diagnosis"]]
    rows += [[f"1.2.840.{patient + 1}", ["normal", "Pneumonia"][patient % 2]] for patient in range(8)]
    return write_folder(folder / "export", _hospital() | {"labels.tsv": table(rows, "\t")})


def dicom_by_patient(folder: Path) -> Path:
    """The same with a table by patient."""
    rows: list[list[object]] = [["Patient ID", "pneumonia"]]
    rows += [[f"MRN{patient}", patient % 2] for patient in range(8)]
    return write_folder(folder / "export", _hospital() | {"labels.csv": table(rows)})


def dicom_in_folders(folder: Path) -> Path:
    """DICOM in folders of labels: patients and views come from the tags."""
    films = {
        f"{['NORMAL', 'PNEUMONIA'][int(path.split('/')[1][1:]) % 2]}/{path.replace('/', '-')}": data
        for path, data in _hospital().items()
    }
    return write_folder(folder / "export", films)


def plain(folder: Path) -> Path:
    """Folders of three labels of one's own, each with a folder for every patient."""
    return write_folder(
        folder / "clinic",
        {
            f"{label}/patient{first + n:03d}/{view}.png": film(10 * (first + n) + len(view))
            for label, first in (("Tuberculosis", 0), ("Healthy", 100), ("Other disease", 200))
            for n in range(5)
            for view in ("a", "bb")
        },
    )


def plain_tar(folder: Path) -> Path:
    """The same as a tar.gz."""
    source = plain(folder)
    with tarfile.open(folder / "clinic.tar.gz", "w:gz") as archive:
        archive.add(source, "clinic")
    return folder / "clinic.tar.gz"


_TB = ("--finding", "tuberculosis")
_OTHER = {"labelled “Other disease”, which is neither present nor absent": 10}
_LATERALS = {"lateral view": 2}
_FOLDERS, _TABLE = "folders of labels", "table of films"
COPIES = {
    "kaggle": Copy(
        _FOLDERS,
        kaggle,
        {"NORMAL": 8, "PNEUMONIA": 11},
        18,
        {"train": 15, "test": 4},
        {"nested copy": 19, "system file": 2},
        patients_from="names of files",
    ),
    "mendeley": Copy(
        _FOLDERS,
        mendeley,
        {"NORMAL": 16, "PNEUMONIA": 32},
        24,
        {"train": 24, "test": 24},
        patients_from="names of files",
    ),
    "nih": Copy(
        "NIH ChestX-ray14",
        nih,
        {"no pneumonia": 16, "Pneumonia": 8},
        12,
        {"train": 18, "test": 6},
        {"named in the table, but missing": 1, "not an image": 3},
        patients_from="column “Patient ID”",
    ),
    "rsna": Copy(
        "RSNA Pneumonia Detection",
        rsna,
        {"no pneumonia": 6, "pneumonia": 6},
        12,
        {"train": 12},
        {"not an image": 1},
        patients_from="column “patientId”",
    ),
    "chexpert": Copy(
        "CheXpert",
        chexpert,
        {"no pneumonia": 12, "Pneumonia": 6},
        18,
        {"train": 12, "val": 6},
        {"lateral view": 6, "uncertain about pneumonia": 1, "named in the table without a label": 5},
        patients_from="folders",
    ),
    "vindr": Copy("VinDr", vindr, {"No finding": 6, "Pneumonia": 6}, 12, {"train": 12}),
    "mimic": Copy(
        "MIMIC-CXR-JPG",
        mimic,
        {"no Pneumonia": 8, "Pneumonia": 8},
        16,
        {"train": 12, "test": 4},
        {"lateral view": 1},
        patients_from="column “subject_id”",
    ),
    "covid": Copy(
        _FOLDERS,
        covid,
        {"Normal": 8, "Viral Pneumonia": 6},
        14,
        ignored={
            "labelled “COVID”, which is neither present nor absent": 3,
            "labelled “Lung_Opacity”, which is neither present nor absent": 2,
            "mask": 19,
            "not an image": 4,
        },
    ),
    "pneumoniamnist": Copy(
        "MedMNIST",
        pneumoniamnist,
        {"NORMAL": 17, "PNEUMONIA": 17},
        34,
        {"train": 20, "val": 6, "test": 8},
    ),
    "dicom by UID": Copy(
        _TABLE,
        dicom_by_uid,
        {"NORMAL": 4, "PNEUMONIA": 4},
        8,
        ignored=_LATERALS,
        by_tag=2,
        patients_from="tags of DICOM",
    ),
    "dicom by study": Copy(
        _TABLE,
        dicom_by_study,
        {"NORMAL": 4, "PNEUMONIA": 4},
        8,
        ignored=_LATERALS,
        by_tag=2,
        patients_from="tags of DICOM",
    ),
    "dicom by patient": Copy(
        _TABLE,
        dicom_by_patient,
        {"no pneumonia": 4, "pneumonia": 4},
        8,
        ignored=_LATERALS,
        by_tag=2,
        patients_from="column “Patient ID”",
    ),
    "dicom in folders": Copy(
        _FOLDERS,
        dicom_in_folders,
        {"NORMAL": 4, "PNEUMONIA": 4},
        8,
        ignored=_LATERALS,
        by_tag=2,
        patients_from="tags of DICOM",
    ),
    "plain folders": Copy(
        _FOLDERS,
        plain,
        {"Healthy": 10, "Tuberculosis": 10},
        10,
        ignored=_OTHER,
        options=_TB,
        patients_from="folders",
    ),
    "tar.gz": Copy(
        _FOLDERS,
        plain_tar,
        {"Healthy": 10, "Tuberculosis": 10},
        10,
        ignored=_OTHER,
        options=_TB,
        patients_from="folders",
    ),
}

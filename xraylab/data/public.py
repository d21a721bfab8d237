"""
Public datasets: where they are published, and their way into the home folder.

- nothing is asked of another machine before a person has been told its name and the size, and has agreed
- plain requests instead of the packages of the publishers, which look for credentials or report their use
- the MD5 is the published one; Kaggle publishes none, and its storage names it with the file
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from xraylab import formats
from xraylab.errors import DatasetError, NotConfirmedError, NotFoundError
from xraylab.files import growing
from xraylab.settings import Settings
from xraylab.transfer import OnProgress, Remote, hash_of, receive

_KAGGLE, _GOOGLE, _ZENODO = "https://www.kaggle.com", "https://storage.googleapis.com", "https://zenodo.org"
_KERMANY = "paultimothymooney/chest-xray-pneumonia"
_MEDMNIST = f"{_ZENODO}/records/10519652"


@dataclass(frozen=True)
class PublicDataset:
    """A dataset that anyone may download, under an open licence."""

    name: str
    title: str
    file: str  # its name in the home's folder
    page: str  # where a person downloads it with a browser
    size: int  # bytes; about, if the publisher may replace the file
    licence: str
    remote: Remote

    @property
    def hosts(self) -> str:
        """Names of the machines that are asked."""
        return " and ".join(str(urlsplit(origin).hostname) for origin in self.remote.origins)

    def place(self, settings: Settings) -> Path:
        """Return where its file lies, or is to be placed."""
        return settings.fetched / self.file

    @property
    def request(self) -> str:
        """Sentence that a person reads before they agree."""
        size = formats.size(self.size)
        return (
            f"{self.title} ({self.licence}): about {size} are downloaded from {self.hosts}. "
            "Nothing but the request leaves this machine."
        )


def _kermany() -> PublicDataset:
    size = 2_463_365_435
    return PublicDataset(
        name="kermany",
        title="Chest films of children (Kermany, Zhang and Goldbaum 2018), Kaggle's copy",
        file="chest-xray-pneumonia.zip",
        page=f"{_KAGGLE}/datasets/{_KERMANY}",
        size=size,
        licence="CC BY 4.0",
        remote=Remote(
            url=f"{_KAGGLE}/api/v1/datasets/download/{_KERMANY}",
            origins=(_KAGGLE, _GOOGLE),
            at_most=2 * size,  # Kaggle may pack the same films anew
            algorithm="md5",
            digest=None,
        ),
    )


def _pneumoniamnist(side: int, size: int, md5: str) -> PublicDataset:
    suffix = "" if side == 28 else f"_{side}"  # noqa: PLR2004 - the first edition's size
    file = f"pneumoniamnist{suffix}.npz"
    return PublicDataset(
        name=f"pneumoniamnist{suffix}",
        title=f"PneumoniaMNIST, {side} × {side} pixels",
        file=file,
        page=_MEDMNIST,
        size=size,
        licence="CC BY 4.0",
        remote=Remote(f"{_MEDMNIST}/files/{file}?download=1", (_ZENODO,), size, "md5", md5),
    )


_PUBLIC = (
    _kermany(),
    _pneumoniamnist(28, 4_170_669, "28209eda62fecd6e6a2d98b1501bb15f"),
    _pneumoniamnist(64, 20_606_998, "8f4eceb4ccffa70c672198ea285246c6"),
    _pneumoniamnist(128, 75_506_212, "05b46931834c231683c68f40c47b2971"),
    _pneumoniamnist(224, 214_384_716, "d6a3c71de1b945ea11211b03746c1fe1"),
)


def public_datasets() -> tuple[PublicDataset, ...]:
    """Return every public dataset that can be fetched."""
    return _PUBLIC


def public_dataset(name: str) -> PublicDataset:
    """Return a public dataset by its name.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    match = next((dataset for dataset in public_datasets() if dataset.name == name), None)
    if match is None:
        names = ", ".join(dataset.name for dataset in public_datasets())
        raise NotFoundError(f"No public dataset is called “{formats.visible(name)}”. Choose one of: {names}.")
    return match


def fetch(
    settings: Settings, name: str, *, confirmed: bool = False, on_progress: OnProgress | None = None
) -> Path:
    """Download a public dataset into the home's folder, or go on with a download that was stopped.

    Nothing is asked of another machine if the file is there already.

    Parameters
    ----------
    confirmed : bool
        Whether a person has read ``PublicDataset.request`` and agreed.
    on_progress : callable, optional
        Called with the bytes done and the bytes in total (0 if the server doesn't say). It may raise to
        cancel.

    Raises
    ------
    NotFoundError
        If there is no public dataset of that name.
    NotConfirmedError
        If nobody has agreed.
    DatasetError
        If the download fails, or a file in its place is another one; the message says which file to place
        where.
    StorageError
        If the disk is full or the folder isn't writable.
    """
    dataset = public_dataset(name)
    place = dataset.place(settings)
    if place.exists():
        _check_placed(dataset, place)
        return place
    if not confirmed:
        raise NotConfirmedError(f"{dataset.request} Agree to it first (--yes).")
    with growing(place) as file:
        if why := receive(dataset.remote, file, on_progress or (lambda _done, _total: None)):
            raise DatasetError(
                f"{dataset.title} couldn't be fetched: {why}. Try again, which goes on where it stopped, or "
                f"download it from {dataset.page} on any machine and place it at {place}."
            )
    return place


def _check_placed(dataset: PublicDataset, place: Path) -> None:
    """Check a file that a person may have placed, if its hash is published."""
    if dataset.remote.digest is None or not place.is_file():
        return
    with place.open("rb") as file:
        if hash_of(file, dataset.remote.algorithm) != dataset.remote.digest:
            raise DatasetError(
                f"{place} isn't the published file: its MD5 is another one. Remove it, and fetch again."
            )

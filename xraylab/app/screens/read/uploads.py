"""
Uploads of a session: they stay while another screen is looked at, until a person removes them.

- Streamlit forgets what an uploader holds when its screen is left, although it keeps the files in memory
- they end with the session (see ``app.sessions``); nothing is written to disk
- they count towards the session's room for uploads until they are removed (see ``door.limits``)
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from xraylab import formats
from xraylab.app import serving, shell

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_KEPT = "uploads kept"  # by their id, in the order in which they came
_LISTED = "uploads listed"  # ids of those that the uploader lists itself
_UPLOADER, _VISIT = "uploader", "visit of the uploader"


def draw(*, most_megabytes: int) -> "list[UploadedFile]":
    """Draw the uploader; return its files after those of earlier visits to this screen.

    Parameters
    ----------
    most_megabytes : int
        A larger file is refused.
    """
    kept: dict[str, UploadedFile] = st.session_state.setdefault(_KEPT, {})
    if st.session_state.setdefault(_VISIT, shell.visit()) != shell.visit():
        st.session_state[_VISIT] = shell.visit()
        _empty_uploader()
    number = st.session_state.get(_UPLOADER, 0)
    listed = st.file_uploader(
        "Films (DICOM, PNG, JPEG, TIFF, BMP, WebP) or zip archives of them",
        type=None,  # DICOM files often have no extension, so the content decides
        accept_multiple_files=True,
        key=f"films {number}" if number else "films",
        max_upload_size=most_megabytes,  # a larger file would fill the memory and not be read
    )
    now = {upload.file_id: upload for upload in listed}
    for gone in st.session_state.get(_LISTED, set()) - now.keys():  # its cross was pressed
        kept.pop(gone, None)
    kept.update(now)
    st.session_state[_LISTED] = set(now)
    return list(kept.values())


def _empty_uploader() -> None:
    """Let a new uploader take the place of the present one, whose files stay."""
    # A new key: under the same one, files that Streamlit forgot would look like files that a person removed.
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1
    st.session_state[_LISTED] = set()


def draw_removal(owners: "Sequence[UploadedFile]", chosen: int) -> None:
    """Draw the buttons that remove the chosen film, with the archive it came in, or all films.

    Parameters
    ----------
    owners : sequence of UploadedFile
        The upload that each film came in.
    chosen : int
        Place of the film that is on the screen.
    """
    upload = owners[chosen]
    together = sum(owner.file_id == upload.file_id for owner in owners)
    one = "Remove film" if together == 1 else f"Remove archive ({formats.count(together)} films)"
    with st.container(horizontal=True, key="xl-remove-films"):
        if st.button(one, key="remove upload", type="tertiary", icon=":material/close:"):
            _remove([upload.file_id])
        if together < len(owners) and st.button("Remove all", key="remove uploads", type="tertiary"):
            _remove(st.session_state[_KEPT])


def _remove(uploads: Collection[str]) -> None:
    """Forget uploads, free their memory, and draw the screen without them."""
    serving.release_uploads(uploads)
    kept: dict[str, UploadedFile] = st.session_state[_KEPT]
    st.session_state[_KEPT] = {file: upload for file, upload in kept.items() if file not in uploads}
    _empty_uploader()
    st.rerun()

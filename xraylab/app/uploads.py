"""
Uploads of a session: they stay while another screen is looked at, until a person removes them.

- Streamlit forgets what an uploader holds when its screen is left, although it keeps the files in memory
- they end with the session (see ``app.sessions``); nothing is written to disk
- they count towards the session's room for uploads until they are removed (see ``door.limits``)
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from xraylab import formats
from xraylab.app import serving, visits

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_KEPT = "uploads kept"  # by their id, in the order in which they came
_LISTED = "uploads listed"  # ids of those that the uploader lists itself
_UPLOADER, _VISIT = "uploader", "visit of the uploader"


def draw(*, most_megabytes: int) -> "list[UploadedFile]":
    """Draw the uploader of a screen; return its files after those that came before.

    Parameters
    ----------
    most_megabytes : int
        A larger file is refused.
    """
    kept: dict[str, UploadedFile] = st.session_state.setdefault(_KEPT, {})
    # Once its files are kept, a new uploader takes the place of the present one, which would copy all of them
    # on every rerun. What arrived since the last run is taken first.
    before, now_listed = st.session_state.get(_LISTED, set()), st.session_state.get(_key(), ())
    arrived = {upload.file_id for upload in now_listed} == before
    if st.session_state.setdefault(_VISIT, visits.visit()) != visits.visit() or (before and arrived):
        st.session_state[_VISIT] = visits.visit()
        _empty_uploader()
    listed = st.file_uploader(
        "Films (DICOM, PNG, JPEG, TIFF, BMP, WebP) or zip archives of them",
        type=None,  # DICOM files often have no extension, so the content decides
        accept_multiple_files=True,
        key=_key(),
        max_upload_size=most_megabytes,  # a larger file would fill the memory and not be read
    )
    now = {upload.file_id: upload for upload in listed}
    for gone in st.session_state.get(_LISTED, set()) - now.keys():  # its cross was pressed
        kept.pop(gone, None)
    kept.update(now)
    st.session_state[_LISTED] = set(now)
    return list(kept.values())


def present() -> "list[UploadedFile]":
    """Return the uploads of this session that came up to now."""
    return list(st.session_state.get(_KEPT, {}).values())


def _key() -> str:
    number = st.session_state.get(_UPLOADER, 0)
    return f"films {number}" if number else "films"


def _empty_uploader() -> None:
    """Let a new uploader take the place of the present one, whose files stay."""
    # A new key: under the same one, files that Streamlit forgot would look like files that a person removed.
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1
    st.session_state[_LISTED] = set()


def draw_removal(owners: Sequence[str], chosen: int, *, forget: Callable[[Collection[str]], None]) -> None:
    """Draw the buttons that remove the chosen film, with the others that came with it, or all films.

    Parameters
    ----------
    owners : sequence of str
        For each film the id of its upload; any other word for films that weren't uploaded.
    chosen : int
        Place of the film that is on the screen.
    forget : callable
        Removes the films of owners that uploaded nothing.
    """
    owner = owners[chosen]
    together = owners.count(owner)
    uploaded = owner in st.session_state[_KEPT]
    words = "archive" if uploaded else "samples"
    one = "Remove film" if together == 1 else f"Remove {words} ({formats.count(together)} films)"
    with st.container(horizontal=True, key="xl-remove-films"):
        if st.button(one, key="remove upload", type="tertiary", icon=":material/close:"):
            if not uploaded:
                forget([owner])
            _remove([owner])
        if together < len(owners) and st.button("Remove all", key="remove uploads", type="tertiary"):
            forget(set(owners))
            _remove(set(owners))


def _remove(uploads: Collection[str]) -> None:
    """Forget uploads, free their memory, and draw the screen without them."""
    kept: dict[str, UploadedFile] = st.session_state[_KEPT]
    serving.release_uploads([file for file in kept if file in uploads])
    st.session_state[_KEPT] = {file: upload for file, upload in kept.items() if file not in uploads}
    _empty_uploader()
    st.rerun()

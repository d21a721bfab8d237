"""
The part of the import form that fetches a public dataset, after a dialog has named host and size.

The file is then previewed, and its path stands in the form like that of any source.
"""

import streamlit as st

from xraylab import actions, formats
from xraylab.app import import_form, wording
from xraylab.app.faults import guard
from xraylab.data.public import PublicDataset, public_dataset, public_datasets
from xraylab.settings import Settings

_ASKED = "fetch asked"  # name of the dataset whose dialog is open, in the session


def draw(settings: Settings) -> None:
    """Draw the choice and its button; the dialog follows."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Or fetch a public dataset",
            [dataset.name for dataset in public_datasets()],
            format_func=_title,
            key="fetch name",
        )
        pressed = st.button("Fetch", key="fetch")
    dataset = public_dataset(name)
    if pressed and dataset.place(settings).exists():
        _fetch(settings, dataset)  # nothing is asked of another machine
    elif pressed:
        st.session_state[_ASKED] = name
    # By a session key, because a dialog must be opened again on each rerun while it is shown.
    if asked := st.session_state.get(_ASKED):
        _confirm(settings, public_dataset(asked))


def _title(name: str) -> str:
    dataset = public_dataset(name)
    return f"{dataset.title}, {formats.size(dataset.size)}"


def _think_again() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Fetch a public dataset", on_dismiss=_think_again)
def _confirm(settings: Settings, dataset: PublicDataset) -> None:
    """Ask first, because the request leaves this machine."""
    # A guard of its own, because a dialog reruns without its page, like a fragment.
    with guard():
        st.markdown(wording.plain(dataset.request))
        st.markdown(
            "It is previewed before anything is imported. If you close this, the download stops, and the "
            "next one goes on from there."
        )
        if st.button(f"Download from {dataset.hosts}", type="primary", key="fetch for good"):
            _fetch(settings, dataset)


def _fetch(settings: Settings, dataset: PublicDataset) -> None:
    bar = st.progress(0.0, text="Asking for the file")

    def report(done: int, total: int) -> None:
        whole = max(total or dataset.size, done)  # a server may not name the size
        bar.progress(done / whole, text=f"{formats.size(done)} of {formats.size(whole)}")

    try:
        fetched = actions.fetch_dataset(settings, dataset.name, confirmed=True, on_progress=report)
    finally:
        bar.empty()
    _think_again()
    import_form.propose(fetched)
    st.rerun()

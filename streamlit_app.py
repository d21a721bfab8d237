"""The entry of ``streamlit run``: the Overview, and the server of all screens.

The server imports this file once and takes ``app`` from it. Streamlit then runs the file as a script for each
visit of the Overview.
"""

import streamlit as st

from xraylab.app import serving, shell, status
from xraylab.app.screens import overview

if __name__ == "__main__":
    with shell.page(
        "overview",
        title="Overview",
        purpose="Films, a model, a threshold: where you are and what comes next.",
        status=status.now,
    ):
        overview.draw()
else:
    app = st.App(__file__, middleware=serving.middleware(), lifespan=serving.lifespan)

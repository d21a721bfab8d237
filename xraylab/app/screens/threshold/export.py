"""Export: tables as CSV, the evaluation as JSON or PDF; each file is made when its button is pressed."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from xraylab import actions, formats
from xraylab.app.components.threshold_cockpit import COST, PREVALENCE
from xraylab.findings import Finding
from xraylab.models import Model
from xraylab.settings import Settings

_ACTOR = "app"


def draw(settings: Settings, model: Model, split: str) -> None:
    """Draw the buttons of four kinds of file, in an expander.

    Parameters
    ----------
    split : str
        The films of the two tables: ``validation``, or ``test`` once its results were revealed. The
        evaluation always has validation, and then test too.
    """
    prevalence = st.session_state.get(PREVALENCE, actions.PREVALENCE)
    cost = st.session_state.get(COST)  # None until the user types one: a usual cost is nobody's preference
    name = model.name
    lock = model.lock
    # A lock in the home may belong to other weights, if the shipped model was updated since.
    locked = lock is not None and lock.fits(model.card)
    with st.expander("Export"):
        with st.container(horizontal=True):
            _offer(
                "Thresholds as CSV",
                partial(actions.threshold_csv, settings, name, split, actor=_ACTOR),
                f"{name}-{split}-thresholds.csv",
                "text/csv",
            )
            _offer(
                "Film scores as CSV",
                partial(actions.predictions_csv, settings, name, split, actor=_ACTOR),
                f"{name}-{split}-scores.csv",
                "text/csv",
            )
            _offer(
                "Evaluation as JSON",
                partial(_file, settings, name, prevalence, cost, "JSON"),
                f"{name}-evaluation.json",
                "application/json",
                disabled=not locked,
            )
            _offer(
                "Evaluation as PDF",
                partial(_file, settings, name, prevalence, cost, "PDF"),
                f"{name}-evaluation.pdf",
                "application/pdf",
                disabled=not locked,
            )
        evaluation = (
            "The evaluation is made at the lock and includes the model card, with PPV and NPV also for a "
            f"prevalence of {formats.percent(prevalence)}, as set above.{_weighed(cost, model.card.finding)}"
            if locked
            else "An evaluation needs a lock that was made for these weights."
        )
        st.caption(f"{evaluation} Names of files may identify patients: check them before you pass them on.")


def _offer(
    label: str, make: Callable[[], str | bytes], file_name: str, mime: str, *, disabled: bool = False
) -> None:
    st.download_button(
        label,
        make,  # a callable, which Streamlit calls only when the button is pressed
        file_name=file_name,
        mime=mime,
        key=f"export {label}",
        on_click="ignore",  # a rerun would redraw the whole page for a download
        disabled=disabled,
    )


def _weighed(cost: float | None, finding: Finding) -> str:
    if cost is None:
        return " It has a net benefit only if you type a cost above, or the lock’s rule names one."
    return f" A missed {finding.case} costs {cost:g} false alarms, as typed above."


def _file(settings: Settings, name: str, prevalence: float, cost: float | None, kind: str) -> bytes:
    report = actions.evaluation_report(settings, name, prevalence=prevalence, cost=cost)
    return actions.export_report(settings, report, kind, actor=_ACTOR)

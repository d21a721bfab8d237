"""The heatmap of a film with its methods, scale and test, and the place of its score among others."""

import html
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xraylab import actions, formats
from xraylab.app import waiting, wording
from xraylab.app.loaded import loaded, prepare
from xraylab.app.screens.read.readings import heatmaps
from xraylab.errors import HeatmapError
from xraylab.evaluation.thresholds import ThresholdTable
from xraylab.imaging import Film
from xraylab.models import Lock, Model
from xraylab.reports import film_words
from xraylab.reports.film import DrawnHeatmap

if TYPE_CHECKING:
    from xraylab.reading.faithfulness import Faithfulness
    from xraylab.reading.heatmap import Heatmap

_BINS = 25


def draw_heatmaps(model: Model, film: Film) -> tuple[list[DrawnHeatmap], tuple[int, int] | None]:
    """Draw the choice of methods with a line on each; return the heatmaps, and the grid of the first.

    Returns
    -------
    heatmaps : list of DrawnHeatmap
        The first with its faithfulness if that was asked for; empty if none could be drawn.
    grid : (rows, columns) or None
        The true grid of the network's square, if it has one.
    """
    prepare()  # what follows needs torch
    from xraylab.reading.heatmap import DEFAULT, METHODS, QUICK

    captions = st.container()  # above the switches, but filled after them
    names: tuple[str, ...] = (DEFAULT,)
    if st.toggle("Compare methods", key="compare methods", help="Other ways to draw the heatmap."):
        names = QUICK
        slow = next(method for method in METHODS.values() if not method.quick)
        if st.checkbox(
            f"{slow.title} too",
            key="slow method",
            help="Runs the network hundreds of times, which takes one to several minutes.",
        ):
            names = (*QUICK, slow.name)
    maps: list[Heatmap] = []
    try:
        # In three groups, so that asking for more methods doesn't draw again what is there.
        for group in (names[:1], names[1 : len(QUICK)], names[len(QUICK) :]):
            maps += heatmaps(model, film, group) if group else ()
    except HeatmapError as error:  # the film is still worth seeing
        captions.error(wording.plain(str(error)))
    if not maps:
        return [], None
    drawn = [actions.drawn_heatmap(heatmap, model.card.finding) for heatmap in maps]
    captions.caption(drawn[0].words)
    if len(maps) > 1:
        captions.caption(
            "\n".join(
                f"- **{METHODS[heatmap.method].title}**: {METHODS[heatmap.method].about}" for heatmap in maps
            )
        )
    judged = _draw_faithfulness(model, film, maps[0])
    if judged is not None:
        drawn[0] = replace(drawn[0], faithful=(judged.beaten, len(judged.random)))
    return drawn, maps[0].grids[0] if len(maps[0].grids) == 1 else None


def _draw_faithfulness(model: Model, film: Film, drawn: "Heatmap") -> "Faithfulness | None":
    """On demand, measure how faithful the heatmap is to the model; return the result if there is one."""
    asked: dict[str, Faithfulness | None] = st.session_state.setdefault("faithfulness", {})
    key = f"{model.card.model_sha256} {film.sha256}"
    if key not in asked:
        if not drawn.blank and st.button(
            "Test this heatmap",
            key="faithful",
            help="Removes the regions that the heatmap marks, and compares the change of the score with that "
            "of 20 random maps. It takes about half a minute on two cores, longer for an ensemble.",
        ):
            asked.clear()  # only the last result is kept
            asked[key] = _judge(model, film, drawn)
            st.rerun()
        return None
    st.caption(faithful_words(asked[key]))
    return asked[key]


def _judge(model: Model, film: Film, drawn: "Heatmap") -> "Faithfulness | None":
    with waiting.progress("Removing the marked regions") as (move, place):
        network, pixels = loaded(model, place), film.standard.pixels
        from xraylab.reading.faithfulness import faithfulness

        return faithfulness(network, pixels, drawn, on_progress=lambda share: move(share, ""))


def faithful_words(result: "Faithfulness | None") -> str:
    """Write how faithful a heatmap is to the model, in words that don't claim that the model is right."""
    if result is None:
        return "The heatmap is blank, so there is nothing to test."
    return film_words.faithful(result.beaten, len(result.random))


def draw_standing(model: Model, validation: ThresholdTable, score: float, lock: Lock | None) -> None:
    """Draw two histograms of validation scores with this film's score, and their prevalence."""
    cuts = [] if lock is None else [cut for cut in (lock.review_from, lock.threshold) if cut is not None]
    st.html(standing(validation, score, cuts))
    card = model.card
    copies = 0 if card.calibrated_on is None else card.calibrated_on.copies
    words = film_words.prevalence(
        validation.positives,
        validation.n,
        calibrated=card.calibrated,
        copies=copies,
        finding=card.finding,
    )
    st.caption(words)


def standing(validation: ThresholdTable, score: float, cuts: list[float]) -> str:
    """Return two mirrored histograms as HTML: films with the finding below, with marks."""
    wells, ills = (html.escape(words) for words in (validation.finding.wells, validation.finding.cases))
    rows = "".join(
        f'<div class="{kind}">{_bars(counts)}</div>'
        for kind, counts in zip(("normal", "ill"), validation.histogram(_BINS), strict=True)
    )
    marks = "".join(f'<i class="cut" style="left:{100 * cut:.1f}%"></i>' for cut in cuts)
    # Near both ends the words are shifted inwards, so that they stay inside.
    leaning = f"left:{100 * score:.1f}%;translate:{-100 * score:.0f}% 0"
    here = f'<span class="here" style="{leaning}">you are here</span>'
    label = html.escape(
        f"Scores of the validation films, {wells} above and {ills} below; this film at {formats.score(score)}"
    )
    cut_words = f"; dashed: {'threshold' if len(cuts) == 1 else 'thresholds'}" if cuts else ""
    return (
        f'<div class="xl-standing" role="img" aria-label="{label}">{rows}{marks}'
        f'<i class="here" style="left:{100 * score:.1f}%"></i>{here}</div>'
        '<p class="xl-standing-axis"><span>0</span><span>score</span><span>1</span></p>'
        f'<p class="xl-standing-legend">Validation films by score (√ scale): <span class="normal">{wells}'
        f'</span> above, <span class="ill">{ills}</span> below{cut_words}</p>'
    )


def _bars(counts: NDArray[np.int64]) -> str:
    """Return bars as square roots of counts, in percent of the tallest: most films score near an end."""
    tallest = max(int(counts.max(initial=0)), 1)
    return "".join(f'<b style="height:{100 * math.sqrt(n / tallest):.1f}%"></b>' for n in counts.tolist())

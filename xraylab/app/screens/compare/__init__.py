"""Compare: models on their common validation films, each at its lock; the first is the reference."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import streamlit as st

from xraylab import actions, documents, formats
from xraylab.actions import comparison
from xraylab.app import cells, choice, shell, status, widgets, wording
from xraylab.app.faults import guard
from xraylab.app.screens.compare import compared, groups, named, overlaid
from xraylab.models import Model, Seeds, list_models, ready_made, seed_groups
from xraylab.settings import Settings, load_settings

_KEY = "compare models"
_KEPT = "compare chosen"  # the choice, kept because a widget's state is lost when its page is left
_HELP = "The first model is the reference. Only models of the same films can be compared."


@dataclass(frozen=True)
class _Entry:
    """An option of the choice: a model, or all seeds of a training together."""

    key: str
    words: str
    models: tuple[Model, ...]

    @property
    def films(self) -> str:
        return self.models[0].card.dataset.pixel_hash

    @property
    def identity(self) -> tuple[tuple[str, str, float], ...]:
        """Everything that its numbers depend on: folder, weights and lock of each model."""
        for model in self.models:
            model.films("validation")  # raises if they are refused, also for cached numbers
        return tuple(
            (str(model.folder), model.card.model_sha256, model.require_lock().threshold)
            for model in self.models
        )


def draw() -> None:
    """Draw the screen."""
    settings = load_settings()
    status.recall("compare")
    models = list_models(settings)
    if len(models) < comparison.FEWEST:
        _offer_training("There are not two models yet to compare.")
        return
    entries = _entries(models)
    with guard():
        # Before the choice is drawn, because its buttons set the choice.
        _draw_ready_made(models)
    chosen = _pick(settings, entries)
    if len(chosen) == 1 and not _others(entries, chosen[0]):
        only = chosen[0].models[0]
        _offer_training(f"No other model was trained on the films of {only.name} ({only.card.dataset.name}).")
    elif len(chosen) < comparison.FEWEST:
        st.markdown("Choose two or more models.")
    else:
        with guard():
            _draw_comparison(settings, chosen)
        shell.next_step("Move the threshold", "threshold")


def _offer_training(sentence: str) -> None:
    shell.empty_state(sentence, "Train one", key="compare train", to="train")


def _entries(models: Sequence[Model]) -> dict[str, _Entry]:
    """List the models, newest first, then the trainings of several seeds."""
    single = [_Entry(model.name, choice.model_words(model), (model,)) for model in models]
    return {entry.key: entry for entry in (*single, *map(_of_seeds, seed_groups(models)))}


def _of_seeds(group: Seeds) -> _Entry:
    words = wording.model(f"{group.name}, {len(group.models)} seeds", shipped=group.shipped)
    return _Entry(f"{comparison.SEEDS}{group.name}", words, group.models)


def _draw_ready_made(models: Sequence[Model]) -> None:
    """Draw a button for each usual comparison; a click only fills the choice."""
    questions = ready_made(models)
    if not questions:
        return
    with st.container(horizontal=True):
        for question, pair in questions.items():
            names = [model.name for model in pair]
            st.button(
                question,
                key=f"compare {question}",
                help=wording.plain(" and ".join(names)),
                on_click=_choose,
                args=(names,),
            )


def _choose(keys: list[str]) -> None:
    st.session_state[_KEY] = keys


def _pick(settings: Settings, entries: dict[str, _Entry]) -> list[_Entry]:
    """Draw the choice; drop chosen models that are gone or have other films than the first."""
    wanted = st.session_state.get(_KEY, st.session_state.get(_KEPT))
    if wanted is None:
        wanted = _start(settings, entries)
    known = [entries[key] for key in wanted if key in entries]
    kept = [entry.key for entry in known if entry.films == known[0].films]
    if wanted and not kept:
        kept = _start(settings, entries)
    # Before the widget is drawn, since Streamlit allows no change of its value afterwards.
    if st.session_state.get(_KEY) != kept:
        st.session_state[_KEY] = kept
    offered = [key for key, entry in entries.items() if not kept or entry.films == entries[kept[0]].films]
    chosen = st.multiselect(
        "Models",
        offered,
        format_func=lambda key: entries[key].words if key in entries else key,
        key=_KEY,
        max_selections=comparison.MOST,
        placeholder="Choose two or more models",
        select_all=False,
        help=_HELP,
    )
    st.session_state[_KEPT] = chosen
    return [entries[key] for key in chosen]


def _start(settings: Settings, entries: dict[str, _Entry]) -> list[str]:
    """Choose the model in use, and if possible another network outside of its ensemble."""
    model = choice.model_looked_at(settings)
    first = entries.get(model.name if model else "") or next(iter(entries.values()))
    others = [other.models[0] for other in _others(entries, first) if len(other.models) == 1]
    model_one = first.models[0]
    # A member and its ensemble agree on most films, so their comparison says little.
    unrelated = [
        other
        for other in others
        if other.name not in model_one.card.members
        and model_one.name not in other.card.members
        and other.card.arch != model_one.card.arch
    ]
    return [first.key, *(other.name for other in (unrelated or others)[:1])]


def _others(entries: dict[str, _Entry], first: _Entry) -> list[_Entry]:
    """List the entries that can be compared with an entry."""
    return [other for other in entries.values() if other.key != first.key and other.films == first.films]


def _draw_comparison(settings: Settings, chosen: Sequence[_Entry]) -> None:
    by_key = {entry.key: entry for entry in chosen}
    seen = comparison.films_seen(settings, list(by_key))
    pairs = [
        _paired(settings, by_key[first], by_key[second], seen)
        for first, second in comparison.pairs_of(list(by_key))
    ]
    # Each model is measured once, however many pairs it is in.
    measured = [_measured(entry.key, entry.identity, seen, settings) for entry in chosen]
    document = comparison.put_together(measured, pairs, left_out=len(seen))
    verdict = document.verdict
    st.html(f'<p class="xl-verdict"{widgets.hover(verdict)}>{html.escape(verdict)}</p>')
    compared.draw(document, [entry.words for entry in chosen])
    overlaid.draw([overlaid.Drawn(entry.words, entry.models) for entry in chosen], key="compare curves")
    # Groups, films that flip and named pairs are about single models, not about a group of seeds.
    single = [entry for entry in chosen if len(entry.models) == 1]
    if single:
        with guard():
            groups.draw(
                settings,
                {entry.words: entry.models[0] for entry in single},
                seen,
                left_out=[entry.words for entry in chosen if entry not in single],
            )
    if len(single) >= comparison.FEWEST:
        _draw_flipped(settings, single, seen)
        with guard():
            named.draw(settings, [entry.models[0] for entry in single])


# Keys and identities are hashed, the settings aren't: a new lock or new weights make a new entry.
@st.cache_data(max_entries=64, show_spinner="Measuring")
def _measured(
    key: str, identity: tuple[tuple[str, str, float], ...], seen: frozenset[str], _settings: Settings
) -> documents.ComparedModel:
    return comparison.measure(_settings, key, seen=seen)


def _paired(settings: Settings, first: _Entry, second: _Entry, seen: frozenset[str]) -> actions.Compared:
    return _compared((first.key, second.key), (*first.identity, *second.identity), seen, settings)


@st.cache_data(max_entries=64, show_spinner="Comparing")
def _compared(
    keys: tuple[str, str],
    identity: tuple[tuple[str, str, float], ...],
    seen: frozenset[str],
    _settings: Settings,
) -> actions.Compared:
    return actions.compare(_settings, *keys, seen=seen)


def _draw_flipped(settings: Settings, single: Sequence[_Entry], seen: frozenset[str]) -> None:
    """Draw the films that one model classifies correctly and the other one doesn't."""
    pairs = {
        f"{first.words} and {second.words}": (first, second) for first, second in combinations(single, 2)
    }
    pair = next(iter(pairs))
    if len(pairs) > 1:
        pair = st.selectbox(
            "Pair of models",
            list(pairs),
            key=f"flips of {list(pairs)}",
            width=420,
        )
    first, second = pairs[pair]  # not always a pair of the table, which has only pairs with the first
    paired = _paired(settings, first, second, seen)
    flips = {
        f"{formats.count(len(rows))} right with {entry.key} alone": rows
        for entry, rows in (
            (first, paired.comparison.first_only),
            (second, paired.comparison.second_only),
        )
    }
    chosen = st.segmented_control(
        "Films that only one model gets right", list(flips), key=f"flips {first.key} {second.key}"
    )
    if chosen is None:
        return
    if not flips[chosen].size:
        st.caption("There is no such film.")
        return
    cells.strip(settings, first.models[0], paired.films.iloc[flips[chosen]], key=f"flipped {chosen}")
    st.caption(f"Scores and heatmaps are those of {wording.plain(first.key)}.")

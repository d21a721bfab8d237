"""The sidebar's words: the model in use with its lock, and the present training. No torch, and quick."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from xraylab import formats
from xraylab.app import wording
from xraylab.app.choice import model_in_use, model_words
from xraylab.app.loaded import is_loading
from xraylab.app.shell import Status
from xraylab.app.watch import look
from xraylab.evaluation.rules import rule_words
from xraylab.models import Lock
from xraylab.runs.run import Run
from xraylab.settings import load_settings

AFTER_OPENING = "changed after test results were seen"


def now() -> Status:
    """Return the sidebar's status."""
    settings = load_settings()
    model = model_in_use(settings)
    lock = model.lock if model else None
    now = look(settings)  # shared with the page, so that both show the same moment
    return Status(
        model=model_words(model) if model else None,
        lock=lock_words(lock) if lock else None,
        training=training_words(now.current, now.progress) if now.current else None,
        fraction=fraction(now.progress) if now.current else None,
        loading=is_loading(),
    )


def lock_words(lock: Lock) -> str:
    """Write a lock in a line: "locked 0.412 · Youden · 12 May, 14:05".

    With a review band both cuts come first, then both rules: "locked 0.954, review from 0.412 ·
    specificity ≥ 95 %, sensitivity ≥ 99 % · 12 May, 14:05".
    """
    return f"locked {cut_words(lock.threshold, lock.review_from)} · {lock_origin(lock)}"


def cut_words(threshold: float, review_from: float | None) -> str:
    """Write the cut of a lock, or both cuts: "0.954, review from 0.412"."""
    band = "" if review_from is None else f", review from {formats.score(review_from)}"
    return f"{formats.score(threshold)}{band}"


def lock_origin(lock: Lock) -> str:
    """Write the rule and the time of a lock: "Youden · 12 May, 14:05"."""
    rules = [rule for rule in (lock.rule, lock.review_rule) if rule is not None]
    # Such a lock was chosen with knowledge of the test films, so the words must never be left out.
    stamp = f" · {AFTER_OPENING}" if lock.after_opening else ""
    chosen = ", ".join(formats.visible(rule_words(rule)) for rule in rules)
    return f"{chosen} · {wording.when(lock.locked_at)}{stamp}"


def training_words(run: Run, progress: Mapping[str, Any]) -> str:
    """Write a run in a line: "small_cnn · whole network, epoch 4 of 20 · 2 min left"."""
    if run.state == "queued":
        return f"{run.arch} · waiting in the queue"
    left = progress.get("seconds_left")
    # A cancelled run goes on to the end of its batch; its time left would be that of the whole training.
    words = [run.arch, "stopping" if run.cancel else str(progress.get("doing") or "starting")]
    return " · ".join([*words, f"{formats.duration(left)} left"] if left and not run.cancel else words)


def fraction(progress: Mapping[str, Any]) -> float | None:
    """Return the finished part of a run, in [0, 1]; None if it has reported nothing yet."""
    value = progress.get("fraction")  # from a JSON file of the worker, which may be older than this field
    return float(value) if isinstance(value, int | float) else None


def remember(key: str, value: str) -> None:
    """Keep a note for the next run of a page; ``recall`` shows it once.

    A message that is drawn just before ``st.rerun`` would never be seen.
    """
    st.session_state[f"note {key}"] = value


def recall(key: str) -> None:
    """Show the note kept by ``remember``, if there is one."""
    if note := st.session_state.pop(f"note {key}", None):
        st.success(note)


def remember_fault(key: str, sentence: str) -> None:
    """Keep a fault until ``forget_fault``.

    Whatever a callback draws is lost, because the page is drawn after it.
    """
    st.session_state[f"fault {key}"] = sentence


def forget_fault(key: str) -> None:
    """Delete the fault kept by ``remember_fault``."""
    st.session_state.pop(f"fault {key}", None)


def show_fault(key: str) -> None:
    """Show the fault kept by ``remember_fault``, if there is one."""
    if sentence := st.session_state.get(f"fault {key}"):
        st.error(wording.plain(sentence))

"""
The reader's call on a film: its words, and how often it agrees with the model's decision.

- agreement is derived from call and decision, so it can't contradict them
- a film on which reader or model gave no clear answer counts neither as agreement nor as disagreement
- an interval takes each film for a patient of its own: nothing that is kept says whose film it is
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from xraylab.evaluation.intervals import wilson_interval

# As the table holds them since its first version: whatever the finding, "pneumonia" stands for present.
Call = Literal["pneumonia", "no pneumonia", "unsure"]
CALLS: tuple[Call, ...] = get_args(Call)
_SAME = {
    "positive": "pneumonia",
    "negative": "no pneumonia",
}  # the reader's call that agrees with each decision


@dataclass(frozen=True)
class Agreement:
    """Films on which reader and model agree; rate and interval are derived."""

    agreed: int
    n: int  # films with a clear call and a clear decision

    @property
    def rate(self) -> float:
        """Share of the films on which both agree; NaN without films."""
        return self.agreed / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate; NaN without films."""
        return wilson_interval(self.agreed, self.n)


def agrees(call: Call | None, decision: str | None) -> bool | None:
    """Return whether a reader's call and a model's decision agree; None if either gives no clear answer."""
    # "review" is a decision that needs a reader, so no call can agree or disagree with it.
    if call in (None, "unsure") or decision not in _SAME:
        return None
    return call == _SAME[decision]


def agreements(films: Iterable[tuple[Call | None, str | None, str]]) -> dict[str, Agreement]:
    """Count how often reader and model agree, by the reader's call.

    Parameters
    ----------
    films : iterable of (call, decision, finding)

    Returns
    -------
    dict of str to Agreement
        By the words of the call, present before absent; a call without a film that counts is left out.
    """
    answers: dict[tuple[str, Call], list[bool]] = {}
    for call, decision, finding in films:
        same = agrees(call, decision)
        if call is not None and same is not None:
            answers.setdefault((finding, call), []).append(same)
    order = sorted(answers, key=lambda group: (group[0], CALLS.index(group[1])))
    return {
        call_words(call, finding): Agreement(sum(same), len(same))
        for finding, call in order
        for same in [answers[finding, call]]
    }


def all_agreements(groups: Iterable[Agreement]) -> Agreement:
    """Add the counts of groups of films."""
    counts = [(group.agreed, group.n) for group in groups]
    return Agreement(sum(agreed for agreed, _ in counts), sum(n for _, n in counts))


def call_words(call: Call, finding: str) -> str:
    """Write a reader's call: ``tuberculosis``, ``no tuberculosis`` or ``unsure``."""
    return {"pneumonia": finding, "no pneumonia": f"no {finding}"}.get(call, call)

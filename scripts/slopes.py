"""
Compare three ways to measure the slope of a perfectly calibrated model: ``python -m scripts.slopes``.

The films have the scores and patients of the shipped ensemble, and labels drawn from these scores, so the
true slope is 1. The printed rows stand in ``docs/explanation/calibration.md``.
"""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tests.support.calibrated_films import drawn
from xraylab.evaluation.calibration import fit_platt, measure_calibration

FILMS, DRAWS = (250, 782), 1000
_FAILED = (
    10  # a larger slope means that the scores separate the classes, and grows with every step of the fit
)


def slopes(n: int, draws: int) -> dict[str, list[float]]:
    """Measure the slope of ``draws`` sets of ``n`` films in three ways; one that failed is infinite."""
    rng = np.random.default_rng(n)
    ways: dict[str, list[float]] = {
        "Platt's smoothed targets": [],
        "maximum likelihood": [],
        "Firth's penalised likelihood": [],
    }
    platt, likelihood, firth = ways.values()
    for _ in range(draws):
        labels, scores, logits, patients = drawn(rng, n)
        platt.append(fit_platt(labels, logits).slope)
        likelihood.append(_largest_likelihood(labels, logits))
        firth.append(measure_calibration(labels, scores, logits, patients).slope)
    return ways


def _largest_likelihood(labels: NDArray[np.int64], logits: NDArray[np.float64]) -> float:
    scale = logits.std()
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", max_iter=500, tol=1e-10)
    slope = float(model.fit(logits[:, None] / scale, labels).coef_[0, 0] / scale)
    return slope if slope < _FAILED else math.inf


def main() -> None:
    """Print the rows of the table."""
    measured = [slopes(n, DRAWS) for n in FILMS]
    for way in measured[0]:
        print(f"| {way} | {' | '.join(_cell(ways[way]) for ways in measured)} |")


def _cell(values: list[float]) -> str:
    found = np.array([value for value in values if math.isfinite(value)])
    failed = 1 - found.size / len(values)
    left_out = f", without the {100 * failed:.1f} % where it fails" if failed else ""
    return f"{found.mean():.2f}{left_out}"


if __name__ == "__main__":
    main()

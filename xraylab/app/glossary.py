"""
Glossary: one sentence for each term that a reader of films may not know.

Heads of tables, names of figures and labels of controls show it on hover (``widgets``, or ``help=``).
"""

LOCK = "The threshold that decisions on new films use, chosen on validation films and then left alone."
RECIPE = "The settings of a training: what is trained, for how long, and how films are varied."
SEED = "The number that starts the random numbers of a training; another seed shows how much is chance."
SPLIT = (
    "Part of the films: training films teach the network, validation films choose the threshold, and test "
    "films measure the result. All films of one patient are in the same part."
)
SUITE = (
    "Fixed changes of every film, such as blur, noise or another window, that imitate other machines and "
    "other software."
)

FEW = (
    "With fewer than 100 patients with the finding, or fewer than 100 without, intervals are too wide to "
    "judge a model by."
)
BELOW = "The films below both thresholds that have the finding after all: nobody would have looked at them."

_CALIBRATION_ERROR = "How far scores are from the share of the finding among films with such scores"

EXPLAINED = {
    "too few to judge": FEW,
    "Validation films": FEW,
    "3 Lock": LOCK,
    "Lock": LOCK,
    "Locked at": LOCK,
    "Recipe": RECIPE,
    "Split": SPLIT,
    "Test revealed": "How often test results were revealed. Each time is recorded.",
    "Test results revealed": "How often test results were revealed. Each time is recorded.",
    "AUC": "The chance that a film with the finding scores higher than one without; 0.5 is guessing.",
    "Validation AUC": (
        "The chance that a validation film with the finding scores higher than one without; 0.5 is guessing."
    ),
    "Average precision": "The mean PPV over all sensitivities; chance gives the share of the finding.",
    "Brier score": "The mean squared distance between score and truth (0 or 1); 0 is perfect.",
    "Calibration error": _CALIBRATION_ERROR + ".",
    "Calibration error (ECE)": _CALIBRATION_ERROR + ".",
    "Calibration error, ten bins": _CALIBRATION_ERROR + ", in ten groups by score.",
    "F1": "The harmonic mean of precision (PPV) and sensitivity.",
    "Kappa": "Agreement between calls and truth beyond chance: 0 is chance, 1 is perfect.",
    "Cohen’s kappa": "Agreement between calls and truth beyond chance: 0 is chance, 1 is perfect.",
    "Matthews correlation": "The correlation between calls and truth: 0 is chance, 1 is perfect.",
    "Calibration slope": "Factor of the logit (log odds) that fits best; below 1, scores are too extreme.",
    "Calibration intercept": "Shift of the logit (log odds) that fits best; below 0, scores are too high.",
    "Share of films": "Share of all these films whose score lies in the bin.",
    "Slope": "Factor of the logit, which is the logarithm of the odds; below 1, scores were too extreme.",
    "Intercept": "Shift of the logit, which is the logarithm of the odds; below 0, scores were too high.",
    "How": (
        "Method of the interval. MOVER combines the intervals of two rates; a jackknife leaves out each "
        "patient once and measures how much the number changes."
    ),
    "adjusted by Holm": "The p value, made larger because several pairs are tested.",
    "by Holm": "The p value, made larger because several pairs are tested.",
    "McNemar p": "Tests whether one model is right more often on films where only one of the two is right.",
    "AUC: p by DeLong": "Tests whether the two AUCs differ by more than chance, on the same films.",
    "Calls: p by McNemar": (
        "Tests whether one model is right more often on films where only one of the two is right."
    ),
}

# Terms that go on with words of the finding.
BEGINNINGS = {
    "Films below with ": BELOW,
    "Observed / expected ": (
        "Films with the finding, divided by the number that the scores expect as probabilities; 1 is perfect."
    ),
}


def explanation(term: str) -> str:
    """Return the sentence that explains a term; empty if the glossary doesn't know it."""
    begun = (sentence for beginning, sentence in BEGINNINGS.items() if term.startswith(beginning))
    return EXPLAINED.get(term) or next(begun, "")

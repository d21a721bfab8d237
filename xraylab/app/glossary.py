"""
Glossary: one sentence for each term that a reader of films may not know.

Heads of tables, names of figures and labels of controls show it on hover (``widgets``, or ``help=``).
"""

import re

LOCK = "The threshold that decisions on new films use, chosen on validation films and then left alone."
RECIPE = "The settings of a training: what is trained, for how long, and how films are varied."
EPOCH = "An epoch is one pass of a training over all of its films."
ENSEMBLE = "An ensemble is several networks that read a film; its score is the mean of their probabilities."
OPENING = "Results on the test films were shown. Each time is recorded, since only the first is independent."
CALIBRATED = (
    "Calibrated scores can be read as probabilities: of films that score 0.2, a fifth has the finding, if "
    "they are like those that the scores were fitted to."
)
JACKKNIFE = "A jackknife leaves out each patient once, and measures how much a number changes."

SEED = "The number that starts the random numbers of a training; another seed shows how much is chance."
SPLIT = (
    "Part of the films: training films teach the network, validation films choose the threshold, and test "
    "films measure the result. All films of one patient are in the same part."
)
SUITE = (
    "Fixed changes of every film, such as blur, noise or another window, that imitate other machines and "
    "other software."
)

HEAD = "The head is the last layer of a network, which makes the score; the layers before it find features."
LOGIT = "The logit is the logarithm of the odds of a score: 0 at 0.5, and without end towards 0 and 1."
YOUDEN = "Youden’s rule takes the threshold at which sensitivity plus specificity is largest."

FEW = (
    "With fewer than 100 patients with the finding, or fewer than 100 without, intervals are too wide to "
    "judge a model by."
)
BELOW = "The films below both thresholds that have the finding after all: nobody would have looked at them."

_CALIBRATION_ERROR = "How far scores are from the share of the finding among films with such scores"

EXPLAINED = {
    "Threshold": "A film whose score is at least this is called positive, and any other film negative.",
    "Move to the lock": f"Move to the lock. {LOCK}",
    "Sensitivity": "The share of films with the finding that lie above the threshold.",
    "Specificity": "The share of films without the finding that lie below the threshold.",
    "95 % interval": (
        "If the study were repeated with other patients, 95 of 100 such intervals would hold the true rate. "
        "Films of one patient count as a cluster, because they are alike."
    ),
    "Prevalence": "The share of films with the finding where the threshold is to be used.",
    "PPV": "Of the films above the threshold, the share with the finding, at this prevalence.",
    "NPV": "Of the films below the threshold, the share without the finding, at this prevalence.",
    "ROC": "Sensitivity against false alarms, for every threshold; the higher the curve, the better.",
    "Precision–recall": "PPV of these films (precision) against sensitivity (recall), for every threshold.",
    "Decision curve": (
        "Found cases less false alarms, weighed by what a false alarm costs; above both other lines, the "
        "model helps."
    ),
    "Accuracy": "The share of these films that are called rightly.",
    "Balanced accuracy": "The mean of sensitivity and specificity.",
    "Positive likelihood ratio": "The odds of the finding rise by this factor above the threshold.",
    "Negative likelihood ratio": "The odds of the finding change by this factor below the threshold.",
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
    "Your call": "What the reader said of the film; “blind” if no score of it had been shown before.",
    "Blind call": "A call that was made before a score of the film was shown.",
    "Agree": (
        "The share of films on which call and decision are the same, with Wilson’s 95 % interval, which "
        "takes each film for another patient."
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


# Terms inside a sentence or a cell: whole words only, large or small.
INSIDE = {
    "lock": LOCK,
    "locked": LOCK,
    "opening": OPENING,
    "openings": OPENING,
    "AUC": EXPLAINED["AUC"],
    "PPV": EXPLAINED["PPV"],
    "NPV": EXPLAINED["NPV"],
    "F1": EXPLAINED["F1"],
    "kappa": EXPLAINED["Kappa"],
    "Matthews correlation": EXPLAINED["Matthews correlation"],
    "epoch": EPOCH,
    "epochs": EPOCH,
    "ensemble": ENSEMBLE,
    "recipe": RECIPE,
    "recipes": RECIPE,
    "calibrated": CALIBRATED,
    "calibration": CALIBRATED,
    "jackknife": JACKKNIFE,
    "DeLong": "DeLong’s method gives the interval and the p value of an AUC, and of the difference of two.",
    "McNemar": EXPLAINED["McNemar p"],
    "Newcombe": "Newcombe’s method gives the interval of a difference of two rates.",
    "Youden": YOUDEN,
    "sensitivity": EXPLAINED["Sensitivity"],
    "specificity": EXPLAINED["Specificity"],
    "review from": "Films between the two thresholds get no decision, but a reader.",
    "after test results were seen": "Test results may have guided the choice, so they aren’t independent.",
    "degraded films": SUITE,
    "suite": SUITE,
    "head": HEAD,
    "backbone": "The backbone is the part of a network before its head; frozen, it isn’t trained.",
    "ImageNet": "ImageNet is a large set of photographs; networks that have learnt from it need fewer films.",
    "seed": SEED,
    "seeds": SEED,
    "split": SPLIT,
    "splits": SPLIT,
    "logit": LOGIT,
    "MOVER": "MOVER combines the intervals of two rates.",
    "Brier": "The Brier score is the mean squared distance between score and truth; 0 is perfect.",
}
_INSIDE = re.compile(rf"(?<![\w-])({'|'.join(INSIDE)})(?![\w-])", re.IGNORECASE)
_SENTENCES = {term.lower(): sentence for term, sentence in INSIDE.items()}


def explained(words: str) -> str:
    """Return the sentences that explain the terms in some words; empty without any."""
    return " ".join(dict.fromkeys(_SENTENCES[term.lower()] for term in _INSIDE.findall(words)))


def explanation(term: str) -> str:
    """Return the sentence that explains a term; empty if the glossary doesn't know it."""
    begun = (sentence for beginning, sentence in BEGINNINGS.items() if term.startswith(beginning))
    return EXPLAINED.get(term) or next(begun, "")

"""
The model card: what a model is, for whom, how good and where it fails, as Markdown.

- from data to text: nothing is read or written here
- figures are computed from the stored predictions at the lock, never typed
- what a person has to say stands in the card's ``about``; where nobody has, that is said
- words from outside go through ``markdown``: no name can break the document or add to it
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from xraylab.documents import Robustness
from xraylab.errors import RecipeError
from xraylab.evaluation.band import Band
from xraylab.evaluation.calibration import Platt
from xraylab.evaluation.figures import Figures, Interval, measure
from xraylab.evaluation.novelty import WARNED
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.evaluation.rules import parse_rule
from xraylab.formats import DASH, auc, auc_interval, count, duration, interval, kept_epoch, percent, score
from xraylab.models import ENSEMBLE, About, Card, Lock, Members
from xraylab.models.heatmap_scale import MapScale
from xraylab.predictions import Predictions
from xraylab.reports.markdown import MOST, bullets, named, plain, table
from xraylab.reports.repeat import how_to_repeat

_UNTOLD = "Not described: whoever trained it should say."
_ABOUT_PHANTOMS = About(
    users=("Whoever learns how such models are trained, locked and read.",),
    population=("Nobody: the films are drawn, not taken.",),
    data=("Teaching phantoms, synthetic chest films with lesions whose place is known.",),
    faults=("Phantoms are far more alike than people are, and what tells them apart is simple.",),
    failures=("Radiographs: of a real film the score says nothing.",),
    licences=("The films are XRayLab’s own drawings.",),
)
_NOT_FOR = (
    "Not for diagnosis, for triage, or to leave a film unread. A score above the threshold is no diagnosis, "
    "one below it doesn’t mean that nothing is wrong, and no other finding is looked for."
)
_RULES = {
    "youden": "the highest sum of sensitivity and specificity",
    "sensitivity": "the highest threshold that reaches it",
    "specificity": "the lowest threshold that reaches it",
    "floor": "the highest threshold that reaches it on films like these",
    "f1": "the highest F1",
    "cost": "the lowest cost, of missed pneumonias in false alarms",
    "value": "set by hand",
}
_RATES = {
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV (precision)",
    "npv": "NPV",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
}
_HEAD = ("Figure", "Estimate", "95 % interval")
_ABOUT_FIGURES = (
    "XRayLab wrote this from the model’s folder; every figure is computed from its stored predictions. "
    "Intervals are at 95 % and clustered by patient: Wilson’s on effective sample sizes for rates, DeLong’s "
    "as Obuchowski extended it for the AUC. PPV and NPV hold at these films’ own share of pneumonia."
)


def model_card(
    card: Card,
    *,
    lock: Lock | None,
    members: Members | str | None,
    validation: Predictions | str,
    test: Predictions | str,
    openings: int = 0,
    suites: Sequence[Robustness | str] = (),
    tells_novelty: bool | str = False,
    scales: Mapping[str, MapScale] | str = MappingProxyType({}),
) -> str:
    """Write a model card.

    Parameters
    ----------
    lock : Lock, optional
        The model's, as it stands now.
    members : Members or str, optional
        Those of an ensemble, or why they can't be told.
    validation, test : Predictions or str
        As ``Model.films`` returns them; the sentence of its error if the films are sealed, or the predictions
        damaged or those of other weights.
    openings : int
        How often the dataset's test split has been opened, by any model.
    suites : sequence of Robustness or str
        What the suite of perturbations leaves of it, split by split, or why that can't be told; none if it
        wasn't scored under it.
    tells_novelty : bool or str
        Whether it can tell a film that is unlike its training films, or why that can't be told.
    scales : mapping of str to MapScale, or str
        Of its heatmaps, by the name of the network's model; or why they can't be told.

    Returns
    -------
    str
        Markdown, ending in a line feed.
    """
    fits = lock is not None and lock.fits(card)
    if not fits and not isinstance(test, str):
        test = "Not shown, since there is no lock that fits the model."
    usable = lock if fits else None
    about = card.about
    parts = (
        f"# Model card: {named(card.name)}",
        _ABOUT_FIGURES,
        _section("Intended use", plain(card.intended_use), _NOT_FOR),
        _section("Users", _told(card, about.users, _ABOUT_PHANTOMS.users)),
        _section("Population", _told(card, about.population, _ABOUT_PHANTOMS.population)),
        _section("Data", _told(card, about.data, _ABOUT_PHANTOMS.data), _films(card)),
        _section("Known faults of the data", _told(card, about.faults, _ABOUT_PHANTOMS.faults)),
        _section("How it was made", _making(card), *_members(members)),
        _section("Lock", *_lock(lock, fits=fits)),
        _section("Validation films, which it was chosen by", *_validation(card, validation, usable)),
        _section("Test films", *_test(card, test, usable, openings)),
        _section("Under the suite of perturbations", *map(_suite, suites)) if suites else "",
        _section("Unusual films", _gate(tells_novelty)),
        _section("Heatmaps", *_heatmaps(scales)),
        _section("Known failures", _told(card, about.failures, _ABOUT_PHANTOMS.failures)),
        _section("Licences", _told(card, about.licences, _ABOUT_PHANTOMS.licences)),
        _section("How to repeat it", how_to_repeat(card)),
        _section("Hashes", _hashes(card, members)),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _gate(tells_novelty: bool | str) -> str:
    """What happens to a film that the model doesn't know."""
    if isinstance(tells_novelty, str):
        return plain(tells_novelty)
    every = (
        "A film is scored whatever it is. One that is unusual carries warnings, and has no decision until a "
        "person asks for it: by its size, colour, contrast or tags"
    )
    if tells_novelty:
        return (
            f"{every}, or because it is unlike the training films. How unlike is too unlike was chosen on "
            f"the validation films: no more than {100 * WARNED:g} % of them are."
        )
    return f"{every}. Whether it is unlike the training films isn’t checked: there is no record of them."


def _heatmaps(scales: Mapping[str, MapScale] | str) -> tuple[str, ...]:
    """What full colour means in its heatmaps, and whether they hang on what was learnt."""
    if isinstance(scales, str):
        return (plain(scales),)
    if not scales:
        return ("Coloured up to the most on each film: there is no fixed scale.",)
    rows = [
        (named(name), count(scale.films), _likeness(scale.randomised), count(scale.randomised_films))
        for name, scale in scales.items()
    ]
    return (
        "Grad-CAM of the pneumonia logit. Full colour is as strong as the strongest 1 % of places on "
        "validation films with pneumonia. Likeness is the mean rank correlation of a map with that of the "
        "same network with random weights: near 0, what is drawn hangs on what was learnt; near 1 it would "
        "hang on the film alone.",
        table(("Network of", "Films for the scale", "Likeness", "Films for it"), rows),
    )


def _likeness(value: float | None) -> str:
    return DASH if value is None else f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _section(title: str, *parts: str) -> str:
    return "\n\n".join((f"## {title}", *(part for part in parts if part)))


def _told(card: Card, sentences: tuple[str, ...], of_phantoms: tuple[str, ...]) -> str:
    """What a person said, what follows from the films, or that nobody has said anything."""
    if sentences:
        return bullets(plain(sentence, longest=2000) for sentence in sentences)
    return bullets(of_phantoms if card.dataset.kind == "phantoms" else (_UNTOLD,))


def _films(card: Card) -> str:
    films = card.dataset
    splits = [
        f"{plain(split)}: {plain(', '.join(f'{count(n)} {label}' for label, n in labels.items()))}"
        for split, labels in films.splits.items()
    ]
    key = f"patients told apart by {named(films.patient_key)}"
    return f"Dataset {named(films.name)}, {plain(films.kind)}; {key}.\n\n{bullets(splits)}"


def _making(card: Card) -> str:
    recipe = plain(card.recipe.get("name", DASH))
    seed = f", seed {plain(card.recipe['seed'])}" if "seed" in card.recipe else ""
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    if card.arch == ENSEMBLE:
        start = f"Averages {', '.join(map(named, card.members[:MOST])) or DASH}"
    else:
        start = f"Started from {'random weights' if card.weights == 'none' else named(card.weights)}"
    kept = kept_epoch(card.best_epoch, card.epochs, str(card.recipe.get("keep")))
    epochs = [f"Kept: {kept}"] if card.epochs else []
    return bullets(
        [
            f"Network {named(card.arch)}, {count(card.parameters)} parameters, tells apart "
            f"{plain(', '.join(card.classes).lower())}",
            start,
            f"Recipe {recipe}{seed}",
            *epochs,
            f"Training took {duration(card.seconds)} on {plain(card.device.upper())}",
            f"Scores by {named(card.backend)}, on films prepared by version {card.preprocess_version}",
            f"Made {_time(card.created_at)}{f' with {plain(versions)}' if versions else ''}",
            *(plain(note, longest=2000) for note in card.notes),
        ]
    )


def _members(members: Members | str | None) -> tuple[str, ...]:
    """The members of an ensemble, with how the logit of each is calibrated."""
    if members is None:
        return ()
    if isinstance(members, str):
        return (plain(members),)
    rows = [
        (named(one.model), named(one.arch), f"{one.slope:.3f}", f"{one.intercept:+.3f}")
        for one in members.members
    ]
    return (
        "Each member’s logit is multiplied by its slope and moved by its intercept; the probabilities are "
        "averaged, and the average is calibrated once more.",
        table(
            ("Member", "Network", "Slope", "Intercept"),
            [*rows, ("their mean", "", f"{members.slope:.3f}", f"{members.intercept:+.3f}")],
        ),
    )


def _lock(lock: Lock | None, *, fits: bool) -> tuple[str, ...]:
    if lock is None:
        return ("Not locked: there are scores, and no decisions.",)
    stamp = "It was made after the test split had been opened, so the test films may have played a part."
    wrong = "**It was made for other weights, another backend or other pixels: it decides nothing.**"
    chosen_on = f"{_of(lock.n, 'validation film')} of {named(lock.dataset)}"
    facts = [
        f"Threshold {_exact(lock.threshold)}: a film is called positive when its score is that or more",
        f"Rule: {_rule(lock.rule)}",
        *_band_facts(lock),
        f"Chosen on {chosen_on}, {_time(lock.locked_at)}, by {plain(lock.actor)}",
        f"Test split opened: {', '.join(map(_time, lock.opened_at[-MOST:])) or 'never'}",
    ]
    return bullets(facts), stamp if lock.after_opening else "", "" if fits else wrong


def _band_facts(lock: Lock) -> list[str]:
    """The review band of a lock, and what chose it; nothing without one."""
    if lock.review_from is None:
        return []
    between = "a film needs a reader when its score is that or more, but less than the threshold"
    rule = [] if lock.review_rule is None else [f"Rule of the review band: {_rule(lock.review_rule)}"]
    return [f"Review band from {_exact(lock.review_from)}: {between}", *rule]


def _rule(text: str) -> str:
    try:
        rule = parse_rule(text)
    except RecipeError:
        return plain(text)
    return f"{plain(rule.words)}, {_RULES[rule.kind]}"


def _exact(threshold: float) -> str:
    """A threshold with all its digits, three at least: it has to classify as the lock does."""
    return max(f"{threshold:.3f}", repr(threshold), key=len)


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")


def _validation(card: Card, predictions: Predictions | str, lock: Lock | None) -> tuple[str, ...]:
    epoch = "" if card.recipe.get("keep") == "last" else "epoch and "
    chosen = "calibration and threshold" if card.arch == ENSEMBLE else f"{epoch}threshold"
    return (
        f"They chose its {chosen}, so these figures flatter it.",
        *_figures(card, predictions, lock),
    )


def _test(card: Card, predictions: Predictions | str, lock: Lock | None, openings: int) -> tuple[str, ...]:
    if isinstance(predictions, str):
        return (plain(predictions),)
    free = "Nothing was chosen by them before they were opened."
    stamped = "They had been opened before the lock was made, so they are no longer free of choices."
    times = f"The dataset’s test split has been opened {count(openings)} times, counting every model."
    return (
        stamped if lock is not None and lock.after_opening else free,
        times if openings > 1 else "",
        *_figures(card, predictions, lock),
    )


def _figures(card: Card, predictions: Predictions | str, lock: Lock | None) -> tuple[str, ...]:
    if isinstance(predictions, str):
        return (plain(predictions),)
    if lock is None:
        found = measure(predictions, None)
    else:
        found = measure(predictions, lock.threshold, review_from=lock.review_from)
    if not found.n:
        return ("There are no scored films.",)
    return _told_figures(found)


def _told_figures(found: Figures) -> tuple[str, ...]:
    films = (
        f"{_of(found.n, 'film')} of {_of(found.patients, 'patient')}; {_of(found.positives, 'film')} with "
        f"pneumonia, {count(found.n - found.positives)} without."
    )
    rows = [("AUC", auc(found.auc), auc_interval(*found.auc_ci))]
    if found.point is None:
        return (films, table(_HEAD, rows), "The rest needs a lock.", _calibrated(found))
    rows += [
        _rate(words, getattr(found.point, name), found.intervals[name]) for name, words in _RATES.items()
    ]
    rows += [
        _rate(f"Sensitivity, {plain(kind)} ({_of(one.n, 'film')})", one.sensitivity, one.interval)
        for kind, one in found.kinds.items()
    ]
    untold = "" if found.kinds else "The kinds of pneumonia aren’t known of these films."
    band = found.band
    counts = (_confusion(found.point),) if band is None else (_zones(band), _band(band))
    return films, table(_HEAD, rows), untold, *counts, _calibrated(found)


def _suite(told: Robustness | str) -> str:
    if isinstance(told, str):
        return plain(told)
    rows = [
        (
            row.title + (", not trained for" if row.left_out else ""),
            auc(row.auc),
            auc_interval(*row.auc_ci),
            percent(row.sensitivity),
            percent(row.specificity),
        )
        for row in told.rows
    ]
    heads = ("Change of every film", "AUC", "95 % interval", "Sensitivity", "Specificity")
    films = f"{_of(told.n, f'{told.split} film')} of {_of(told.patients, 'patient')}, at the lock:"
    return f"{films}\n\n{table(heads, rows)}"


def _of(number: int, what: str) -> str:
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def _rate(words: str, rate: float, bounds: Interval) -> tuple[str, str, str]:
    return words, percent(rate), interval(*bounds)


def _confusion(point: OperatingPoint) -> str:
    return table(
        ("Films", "Called positive", "Called negative"),
        [
            ("with pneumonia", count(point.tp), count(point.fn)),
            ("without", count(point.fp), count(point.tn)),
        ],
    )


def _band(band: Band) -> str:
    """What a review band leaves to readers, and what lies below it all the same."""
    reader = f"With the review band {percent(band.review.share)} of the films need a reader."
    counted = "The rates above count a film that needs a reader as not called positive."
    if not band.below.all_diseased:
        return (
            f"{reader} What is missed below both cuts can’t be told without films with pneumonia. {counted}"
        )
    low, high = band.missed_interval
    return (
        f"{reader} Below both cuts lie {count(band.missed)} of "
        f"{_of(band.below.all_diseased, 'film')} with pneumonia, {percent(band.missed_rate)} "
        f"({interval(low, high)}), so up to {percent(high)} of pneumonias may be missed there: below both is "
        f"never “cleared”. {counted}"
    )


def _zones(band: Band) -> str:
    zones = {"above both": band.above, "needs a reader": band.review, "below both": band.below}
    return table(
        ("Score", "With pneumonia", "Without", "Share of all films"),
        [
            (words, count(zone.diseased), count(zone.healthy), percent(zone.share))
            for words, zone in zones.items()
        ],
    )


def _calibrated(found: Figures) -> str:
    fit = found.calibration
    if isinstance(fit, Platt):
        line = (
            f"Calibration slope {fit.slope:.3f}, intercept {fit.intercept:+.3f}, of a logistic regression of "
            "pneumonia on the model’s logit (1 and 0 would be perfect)."
        )
    else:
        line = f"Calibration slope and intercept: {DASH}. {plain(fit)}"
    errors = f"Brier score {score(found.brier)}, expected calibration error {score(found.ece)} over ten bins"
    return f"{line} {errors} (0 would be perfect)."


def _hashes(card: Card, members: Members | str | None) -> str:
    what = "list of members" if card.arch == ENSEMBLE else "weights"
    found = [f"{what}: {named(card.model_sha256)}", f"pixels of all films: {named(card.dataset.pixel_hash)}"]
    if card.weights_sha256:
        found.append(f"weights it started from: {named(card.weights_sha256)}")
    if isinstance(members, Members):
        found += [f"weights of {named(one.model)}: {named(one.model_sha256)}" for one in members.members]
    return bullets(found)

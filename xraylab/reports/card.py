"""
The model card as Markdown: purpose, users, data, results and known failures of a model.

- data in, text out: no file is read or written here
- figures are computed from the stored predictions at the lock, never typed by hand
- descriptions by a person come from the card's ``about``; if one is missing, the card says so
- outside text goes through ``markdown``, so no name can break the document or add to it
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from xraylab.data.patients import told
from xraylab.documents import Robustness
from xraylab.errors import RecipeError
from xraylab.evaluation.few import too_few
from xraylab.evaluation.figures import Figures, Interval, measure, table_of
from xraylab.evaluation.novelty import WARNED
from xraylab.evaluation.one_decision import one_decision
from xraylab.evaluation.prevalence import USUAL
from xraylab.evaluation.rules import parse_rule
from xraylab.findings import Finding
from xraylab.formats import DASH, auc, auc_interval, count, duration, interval, kept_epoch, percent
from xraylab.models import ENSEMBLE, About, Card, Lock, Members, order_words
from xraylab.models.heatmap_scale import MapScale
from xraylab.predictions import Predictions
from xraylab.reports import film_words
from xraylab.reports.calibration import calibrated, fitted_to, sentences
from xraylab.reports.card_band import band_words, confusion, of_films, zones
from xraylab.reports.markdown import MOST, bullets, named, plain, table
from xraylab.reports.repeat import how_to_repeat

UNDESCRIBED = "Not described. The person who trained the model should add this."
_ABOUT_PHANTOMS = About(
    users=("People who want to learn how such models are trained, locked and used.",),
    population=("No patients: the films are drawn by a program.",),
    data=("Teaching phantoms: synthetic chest films with lesions at known places.",),
    faults=("Phantoms differ far less than people do, and the signs of illness in them are simple.",),
    failures=("Real radiographs: for these the score means nothing.",),
    licences=("The films were drawn by XRayLab itself.",),
)
_NOT_FOR = (
    "Not for diagnosis or triage, and no reason to leave a film unread. A score above the threshold is not a "
    "diagnosis. A score below it doesn’t mean that nothing is wrong. No other finding is looked for."
)
_RULES = {
    "youden": "the highest sum of sensitivity and specificity",
    "sensitivity": "the highest threshold that reaches it",
    "specificity": "the lowest threshold that reaches it",
    "floor": "the highest threshold that reaches it on one film per patient, for films like these",
    "f1": "the highest F1",
    "cost": "the lowest cost, if one missed {case} costs that many false alarms",
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
    "XRayLab wrote this page from the model’s folder; every figure is computed from its stored predictions. "
    "Intervals are at 95 % and clustered by patient: Wilson’s with effective sample sizes for rates, "
    "DeLong’s with Obuchowski’s extension for the AUC. PPV and NPV hold only at the prevalence of these "
    "films."
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
        The model's current lock.
    members : Members or str, optional
        Members of an ensemble, or a sentence that says why they are unknown.
    validation, test : Predictions or str
        As ``Model.films`` returns them; the sentence of its error if the films are sealed, or the predictions
        damaged or those of other weights.
    openings : int
        How often the dataset's test split has been opened, for any model.
    suites : sequence of Robustness or str
        Results on degraded films for each split, or a sentence that says why they are unknown; empty if the
        model wasn't scored on degraded films.
    tells_novelty : bool or str
        Whether the model can detect films that differ from its training films, or why that is unknown.
    scales : mapping of str to MapScale, or str
        Scales of its heatmaps by the name of the network's model, or why they are unknown.

    Returns
    -------
    str
        Markdown, ending in a line feed.
    """
    fits = lock is not None and lock.fits(card)
    # Test figures without a valid lock would let somebody choose a threshold on test films.
    if not fits and not isinstance(test, str):
        test = "Not shown, because there is no valid lock for this model."
    usable = lock if fits else None
    about = card.about
    parts = (  # in the order of the page
        f"# Model card: {named(card.name)}",
        _ABOUT_FIGURES,
        _section("Intended use", plain(card.intended_use), _NOT_FOR),
        _section("Users", _described(card, about.users, _ABOUT_PHANTOMS.users)),
        _section("Population", _described(card, about.population, _ABOUT_PHANTOMS.population)),
        _section("Data", _described(card, about.data, _ABOUT_PHANTOMS.data), _films(card)),
        _section("Known faults of the data", _described(card, about.faults, _ABOUT_PHANTOMS.faults)),
        _section("How it was made", _making(card), *_members(card, members)),
        _section("Lock", *_lock(lock, card.finding, fits=fits)),
        _section("Validation films, which it was chosen on", *_validation(card, validation, usable)),
        _section("Test films", *_test(card, test, usable, openings)),
        _section("Degraded films (the suite of perturbations)", *map(_suite, suites)) if suites else "",
        _section("Unusual films", _gate(tells_novelty), _known(card)),
        _section("Heatmaps", *_heatmaps(scales, card.finding)),
        _section("Known failures", _described(card, about.failures, _ABOUT_PHANTOMS.failures)),
        _section("Licences", _described(card, about.licences, _ABOUT_PHANTOMS.licences)),
        _section("How to repeat it", how_to_repeat(card)),
        _section("Hashes", _hashes(card, members)),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _gate(tells_novelty: bool | str) -> str:
    """Describe how an unusual film is handled."""
    if isinstance(tells_novelty, str):
        return plain(tells_novelty)
    every = (
        "Every film gets a score. An unusual film gets warnings too, and no decision until a person asks for "
        "one. A film is unusual by its size, colour, contrast or tags"
    )
    if tells_novelty:
        return (
            f"{every}, or because it differs from the training films. The limit for this difference was "
            f"chosen on the validation films: at most {100 * WARNED:g} % of them exceed it."
        )
    return f"{every}. Whether it differs from the training films isn’t checked: there is no record of them."


def _known(card: Card) -> str:
    """Write which ages and views the training films show, if the card knows it."""
    shown = card.dataset.shown
    if shown is None or card.dataset.kind != "radiographs":
        return ""
    if shown.ages is None:
        ages = "The training films don’t state ages, so no age is unusual."
    else:
        low, high = (f"{age:g}" for age in shown.ages)
        ages = f"Ages {low} to {high} are those of the training films; any other is unusual."
    if "lateral" in shown.views:
        return f"{ages} Lateral films were among them."
    return f"{ages} Lateral films were not among them, so they are unusual."


def _heatmaps(scales: Mapping[str, MapScale] | str, finding: Finding) -> tuple[str, ...]:
    """Describe the scale of the heatmaps, and whether they depend on the trained weights."""
    if isinstance(scales, str):
        return (plain(scales),)
    if not scales:
        return ("Full colour is the strongest place of each film: there is no fixed scale.",)
    rows = [
        (named(name), count(scale.films), _similarity(scale.randomised), count(scale.randomised_films))
        for name, scale in scales.items()
    ]
    return (
        f"Grad-CAM of the {finding.name} logit. Full colour is as strong as the strongest 1 % of places on "
        f"validation films {finding.ill}. Similarity is the mean rank correlation of a map with the map of "
        "the same network with random weights. Near 0, the map depends on what the network learnt; near 1, "
        "it would depend on the film alone.",
        table(("Network of", "Films for the scale", "Similarity", "Films for similarity"), rows),
    )


def _similarity(value: float | None) -> str:
    return DASH if value is None else f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _section(title: str, *parts: str) -> str:
    return "\n\n".join((f"## {title}", *(part for part in parts if part)))


def _described(card: Card, sentences: tuple[str, ...], of_phantoms: tuple[str, ...]) -> str:
    """List a person's sentences; without any, those for phantoms, or that a description is missing."""
    if sentences:
        return bullets(plain(sentence, longest=2000) for sentence in sentences)
    return bullets(of_phantoms if card.dataset.kind == "phantoms" else (UNDESCRIBED,))


def _films(card: Card) -> str:
    films = card.dataset
    # Names of splits and labels come from a file, so they are outside text like any other.
    splits = [
        f"{plain(split)}: {plain(', '.join(f'{count(n)} {label}' for label, n in labels.items()))}"
        for split, labels in films.splits.items()
    ]
    key = f"patients from {plain(told(films.patient_key, films.patients_from))}"
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
            f"Network {named(card.arch)}, {count(card.parameters)} parameters, classes "
            f"{plain(', '.join(card.classes).lower())}",
            start,
            f"Recipe {recipe}{seed}",
            *epochs,
            f"Training took {duration(card.seconds)} on {plain(card.device.upper())}",
            f"Scored with {named(card.backend)}, on films prepared by version {card.preprocess_version}",
            f"Made {_time(card.created_at)}{f' with {plain(versions)}' if versions else ''}",
            *(plain(note, longest=2000) for note in card.notes),
        ]
    )


def _members(card: Card, members: Members | str | None) -> tuple[str, ...]:
    """Tabulate the members of an ensemble, with the calibration of each logit and the films it is from."""
    if members is None:
        return ()
    if isinstance(members, str):
        return (plain(members),)
    rows = [
        (named(member.model), named(member.arch), f"{member.slope:.3f}", f"{member.intercept:+.3f}")
        for member in members.members
    ]
    return (
        "The logit of each member is multiplied by its slope, and its intercept is added. The probabilities "
        "are averaged, and the average is calibrated once more.",
        table(
            ("Member", "Network", "Slope", "Intercept"),
            [*rows, ("their mean", "", f"{members.slope:.3f}", f"{members.intercept:+.3f}")],
        ),
        fitted_to(card.calibrated_on, card.finding),
    )


def _lock(lock: Lock | None, finding: Finding, *, fits: bool) -> tuple[str, ...]:
    if lock is None:
        return ("Not locked: the model gives scores, but no decisions.",)
    stamp = "It was made or changed after test results were seen, so the test films may have influenced it."
    wrong = "**It was made for other weights, another backend or other pixels, so it is not used.**"
    chosen_on = f"{of_films(lock.n, 'validation film')} of {named(lock.dataset)}"
    facts = [
        f"Threshold {_exact(lock.threshold)}: a film is called positive when its score is this or higher",
        f"Rule: {_rule(lock.rule, finding)}",
        *_band_facts(lock, finding),
        f"Chosen on {chosen_on}, {_time(lock.locked_at)}, by {plain(lock.actor)}",
        f"Test split opened: {', '.join(map(_time, lock.opened_at[-MOST:])) or 'never'}",
    ]
    return bullets(facts), stamp if lock.after_opening else "", "" if fits else wrong


def _band_facts(lock: Lock, finding: Finding) -> list[str]:
    """Describe the review band of a lock and its rule; return nothing without one."""
    if lock.review_from is None:
        return []
    between = "a film needs a reader when its score is this or higher, but below the threshold"
    rule = (
        [] if lock.review_rule is None else [f"Rule of the review band: {_rule(lock.review_rule, finding)}"]
    )
    return [f"Review band from {_exact(lock.review_from)}: {between}", *rule]


def _rule(text: str, finding: Finding) -> str:
    try:
        rule = parse_rule(text)
    except RecipeError:  # the lock was made by another version, which knew other rules
        return plain(text)
    return f"{plain(rule.words)}, {_RULES[rule.kind].format(case=finding.case)}"


def _exact(threshold: float) -> str:
    """Write a threshold with all its digits, at least three: it has to classify as the lock does."""
    return max(f"{threshold:.3f}", repr(threshold), key=len)


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")


def _validation(card: Card, predictions: Predictions | str, lock: Lock | None) -> tuple[str, ...]:
    epoch = "" if card.recipe.get("keep") == "last" else "epoch and "
    chosen = "calibration and threshold" if card.arch == ENSEMBLE else f"{epoch}threshold"
    return (
        f"They were used to choose its {chosen}, so these figures look better than they are.",
        *_figures("validation", predictions, lock),
    )


def _test(card: Card, predictions: Predictions | str, lock: Lock | None, openings: int) -> tuple[str, ...]:
    if isinstance(predictions, str):
        return (plain(predictions),)
    return (
        "" if lock is None else order_words(lock, openings),
        *_figures("test", predictions, lock),
    )


def _figures(split: str, predictions: Predictions | str, lock: Lock | None) -> tuple[str, ...]:
    if isinstance(predictions, str):
        return (plain(predictions),)
    if lock is None:
        figures = measure(predictions, None)
    else:
        figures = measure(predictions, lock.threshold, review_from=lock.review_from)
    if not figures.n:
        return ("There are no scored films.",)
    films = table_of(predictions.scored)
    few = too_few(films, split=split)
    below = lock and film_words.below(films, lock.threshold, lock.review_from, prevalence=USUAL, split=split)
    same = lock and split == "validation" and one_decision(films, lock.threshold, lock.review_from)
    return (
        f"**{few}.**" if few else "",
        f"**{same}**" if same else "",
        *_figure_parts(figures, films.finding),
        below or "",
    )


def _figure_parts(figures: Figures, finding: Finding) -> tuple[str, ...]:
    films = (
        f"{of_films(figures.n, 'film')} of {of_films(figures.patients, 'patient')}; "
        f"{of_films(figures.positives, 'film')} {finding.ill}, "
        f"{count(figures.n - figures.positives)} without."
    )
    rows = [("AUC", auc(figures.auc), auc_interval(*figures.auc_ci))]
    if figures.point is None:
        return (films, table(_HEAD, rows), "The other figures need a lock.", _calibrated(figures, finding))
    rows += [
        _rate(words, getattr(figures.point, name), figures.intervals[name]) for name, words in _RATES.items()
    ]
    rows += [
        _rate(f"Sensitivity, {plain(name)} ({of_films(kind.n, 'film')})", kind.sensitivity, kind.interval)
        for name, kind in figures.kinds.items()
    ]
    unknown = "" if figures.kinds else f"The kinds of {finding.name} of these films aren’t known."
    band = figures.band
    counts = (
        confusion(figures.point, finding),
        *(() if band is None else (zones(band, finding), band_words(band, figures.review_interval, finding))),
    )
    return films, table(_HEAD, rows), unknown, *counts, _calibrated(figures, finding)


def _suite(robustness: Robustness | str) -> str:
    if isinstance(robustness, str):
        return plain(robustness)
    rows = [
        (
            # A family of changes that the augmentation left out is a harder test.
            row.title + (", not trained for" if row.left_out else ""),
            auc(row.auc),
            auc_interval(*row.auc_ci),
            percent(row.sensitivity),
            percent(row.specificity),
        )
        for row in robustness.rows
    ]
    heads = ("Change of every film", "AUC", "95 % interval", "Sensitivity", "Specificity")
    films = of_films(robustness.n, f"{robustness.split} film")
    return f"{films} of {of_films(robustness.patients, 'patient')}, at the lock:\n\n{table(heads, rows)}"


def _rate(words: str, rate: float, bounds: Interval) -> tuple[str, str, str]:
    return words, percent(rate), interval(*bounds)


def _calibrated(figures: Figures, finding: Finding) -> str:
    return sentences(calibrated(figures.calibration, brier=figures.brier, ece=figures.ece), finding)


def _hashes(card: Card, members: Members | str | None) -> str:
    what = "list of members" if card.arch == ENSEMBLE else "weights"
    hashes = [f"{what}: {named(card.model_sha256)}", f"pixels of all films: {named(card.dataset.pixel_hash)}"]
    if card.weights_sha256:
        hashes.append(f"weights it started from: {named(card.weights_sha256)}")
    if isinstance(members, Members):
        hashes += [f"weights of {named(each.model)}: {named(each.model_sha256)}" for each in members.members]
    return bullets(hashes)

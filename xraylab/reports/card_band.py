"""The parts of a model card about calls at the threshold, and about the films by review band, as Markdown."""

from xraylab.evaluation.band import Band
from xraylab.evaluation.operating_point import OperatingPoint
from xraylab.findings import Finding
from xraylab.formats import count, interval, percent
from xraylab.reports.markdown import table


def confusion(point: OperatingPoint, finding: Finding) -> str:
    """Tabulate the films by truth and call at the threshold."""
    return table(
        ("Films", "Called positive", "Called negative"),
        [
            (finding.ill, count(point.tp), count(point.fn)),
            ("without", count(point.fp), count(point.tn)),
        ],
    )


def band_words(band: Band, review_interval: tuple[float, float], finding: Finding) -> str:
    """Describe how many films need a reader, and how many films with the finding lie below both cuts."""
    reader = (
        f"With the review band {percent(band.review.share)} of the films need a reader "
        f"({interval(*review_interval)})."
    )
    counted = "In the rates above, a film that needs a reader counts as not called positive."
    if not band.below.all_diseased:
        return (
            f"{reader} Without films {finding.ill}, the number missed below both cuts is unknown. {counted}"
        )
    low, high = band.missed_interval
    return (
        f"{reader} Below both cuts lie {count(band.missed)} of "
        f"{of_films(band.below.all_diseased, 'film')} {finding.ill}, {percent(band.missed_rate)} "
        f"({interval(low, high)}), so up to {percent(high)} of {finding.cases} may be missed there: a film "
        f"below both is never “cleared”. {counted}"
    )


def zones(band: Band, finding: Finding) -> str:
    """Tabulate the films by truth and zone."""
    zones = {"above both": band.above, "needs a reader": band.review, "below both": band.below}
    return table(
        ("Score", f"With {finding.name}", "Without", "Share of all films"),
        [
            (words, count(zone.diseased), count(zone.healthy), percent(zone.share))
            for words, zone in zones.items()
        ],
    )


def of_films(number: int, what: str) -> str:
    """Write a number with its noun: ``1 film``, ``15 films``."""
    return f"{count(number)} {what}{'' if number == 1 else 's'}"

"""
Labels: what a source says of a film, and which finding that can be the question of.

- a label may be stated, denied (``no X``) or left uncertain; what is only not mentioned is neither
- labels that differ in case, blanks or signs are one label
- a finding is never guessed from a single unknown word: if no label can be told to mean it, a person decides
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from xraylab.data.spellings import words
from xraylab.errors import DatasetError
from xraylab.findings import PNEUMONIA, Finding, state_finding

_ABSENT = {
    *("normal", "no finding", "no findings", "healthy", "negative", "none", "clear", "no disease", "control"),
    *("normals", "no abnormality", "not diseased", "0"),
}
_DENIALS = ("no", "not", "non", "without")
_ALIASES = {"pneumonia": ("bacteria", "bacterial", "virus", "viral"), "tuberculosis": ("tb",)}
_MOST_NAMED = 8  # labels in a sentence

How = Literal["exclusive", "exhaustive", "stated"]
"""Whether a film has one label, all labels that apply to it, or a statement for some labels."""


@dataclass(frozen=True, slots=True)
class Says:
    """What a source says of a film."""

    yes: tuple[str, ...] = ()  # with ``no X`` for a label X that is denied
    unsure: tuple[str, ...] = ()


def is_absent_word(label: str) -> bool:
    """Return whether a label is a usual word for films without a finding."""
    return words(label) in _ABSENT


def names(label: str, finding: str) -> bool:
    """Return whether a label names a finding, alone or with words that refine it."""
    told, name = words(label), words(finding)
    if told.split()[:1] and told.split()[0] in _DENIALS:
        return False
    return f" {name} " in f" {told} " or told in _ALIASES.get(name, ()) or told == f"{name}s"


def denies(label: str, finding: str) -> bool:
    """Return whether a label says that a film lacks this very finding, as ``No Pneumonia`` does."""
    first, _, rest = words(label).partition(" ")
    return first in _DENIALS and bool(rest) and names(rest, finding)


def unify(labels: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Choose one spelling of each label.

    Returns
    -------
    spelling : dict
        The label as written, and the most frequent of its spellings.
    notes : list of str
        A sentence for each label with several spellings.
    """
    counted = Counter(labels)
    groups: dict[str, list[str]] = {}
    for label, _ in counted.most_common():
        groups.setdefault(words(label) or label.strip(), []).append(label)
    notes = [
        f"The labels {_quoted(group)} were taken for one, “{group[0].strip()}”."
        for group in groups.values()
        if len({" ".join(label.split()) for label in group}) > 1 or len(group) > 1
    ]
    return {label: " ".join(group[0].split()) for group in groups.values() for label in group}, notes


def propose(
    counts: Mapping[str, int],
    how: How,
    *,
    finding: str,
    present: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
    subtypes: tuple[str, ...] = (),
) -> Finding:
    """Return the finding that the labels of a source can be the question of.

    Parameters
    ----------
    counts : mapping
        The labels of the source, with the number of films that have each.
    how : str
        See ``How``.
    finding : str
        Its name.
    present, absent, subtypes : tuples of str
        What a person decided; empty for what the labels say by themselves.

    Raises
    ------
    DatasetError
        If no label means that the finding is present, or none that it is absent.
    """
    present = present or _present(counts, finding)
    if not present:
        raise DatasetError(
            f"No label of the source says {finding}. Its labels are {told(counts)}. Name the finding with "
            "--finding, or say in a mapping which labels count as present and as absent."
        )
    absent = absent or _absent(counts, how, finding, present)
    if not absent:
        raise DatasetError(
            f"No label of the source says that {finding} is absent. Its labels are {told(counts)}. Say in a "
            "mapping which of them count as absent."
        )
    refining = subtypes or (present if len(present) > 1 else ())
    made = state_finding(finding, present, absent, tuple(x for x in refining if words(x) != words(finding)))
    return PNEUMONIA if _is_pneumonia(made) else made


def _present(counts: Mapping[str, int], finding: str) -> tuple[str, ...]:
    if set(counts) == {"0", "1"}:
        return ("1",)
    return tuple(sorted(label for label in counts if names(label, finding)))


def _absent(counts: Mapping[str, int], how: How, finding: str, present: tuple[str, ...]) -> tuple[str, ...]:
    others = tuple(sorted(set(counts) - set(present)))
    if how == "exhaustive":
        return others
    told_absent = tuple(label for label in others if is_absent_word(label) or denies(label, finding))
    return told_absent or (others if len(others) == 1 else ())


def _is_pneumonia(finding: Finding) -> bool:
    """Return whether a finding is the default one, up to the case of its labels."""
    return (
        words(finding.name) == PNEUMONIA.name
        and [*map(words, finding.present)] == ["pneumonia"]
        and [*map(words, finding.absent)] == ["normal"]
    )


def number(says: Says, finding: Finding, how: How, uncertain: str) -> Literal[0, 1] | None:
    """Return what a source says of a finding on a film: 1 present, 0 absent, None if the film is left out."""
    means = finding.number(says.yes)
    if means == 1:
        contradicted = how == "exclusive" and any(finding.number([label]) == 0 for label in says.yes)
        return None if contradicted else 1
    if finding.number(says.unsure) == 1:
        return {"present": 1, "absent": 0}.get(uncertain)  # type: ignore[return-value]
    return means


def told(counts: Mapping[str, int]) -> str:
    """Write labels with the number of their films, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"“{label}” ({n})" for label, n in ranked[:_MOST_NAMED])
    others = len(ranked) - _MOST_NAMED
    return f"{listed} and {others} others" if others > 0 else listed or "none"


def _quoted(labels: list[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)

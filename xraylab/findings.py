"""
Findings: the question that a dataset asks of its films, and every word that is made from it.

- a dataset states its finding, and a model keeps that of its films; neither ever guesses it
- a label counts as present, as absent, or not at all: films of all other labels are left out
- labels are compared without case and without outer blanks, because tools write them differently
- the words may come from a stranger: they hold only characters that are safe in every document
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from xraylab.errors import DatasetError
from xraylab.files import Record

LONGEST_NAME = 60  # characters
LONGEST_LABEL = 100
MOST_LABELS = 200  # of each kind
# Counted beside the classes of a split, so that no class can have their names.
_TAKEN = ("films", "patients")
# No other character has a meaning in Markdown, HTML, a file's name or a DICOM text.
_UNSAFE = re.compile(r"[^\w '+,()-]|_")
_NO_PLURAL = re.compile(r".*([^a-z]|[shxyz])")  # tuberculosis, COVID-19


def fold(label: str) -> str:
    """Return a label as it is compared: without case and outer blanks, in one form of its accents."""
    return " ".join(unicodedata.normalize("NFC", label).split()).casefold()


def capital(text: str) -> str:
    """Return a text as the beginning of a sentence; its other letters stay as they are."""
    return text[:1].upper() + text[1:]


def score_of(name: str) -> str:
    """Return what a model for the finding of this name gives a film: ``Pneumonia score``."""
    return f"{capital(name)} score"


def _stripped(text: str) -> str:
    text = " ".join(text.split())
    if not text or not text.isprintable():
        raise ValueError("a label is empty or holds characters that can't be printed")
    return text


def _named(name: str) -> str:
    safe = _readable(name)
    if not any(letter.isalpha() for letter in safe) or fold(safe) in _TAKEN:
        raise ValueError(f"{name!r} can't be the name of a finding")
    return safe


def _readable(text: str) -> str:
    """Return a text without the characters that mean something to a document."""
    readable = " ".join(_UNSAFE.sub(" ", unicodedata.normalize("NFC", text)).split())
    return readable.lstrip("'+,()- ")  # a list in Markdown, a formula in a table


_Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_named)]
_Text = Annotated[str, Field(max_length=LONGEST_LABEL), AfterValidator(_stripped)]


class Finding(Record):
    """One finding: which labels of a film say that it is present, and which that it is absent.

    The name stands in sentences and is written as there, ``tuberculosis`` or ``COVID-19``. Labels keep the
    spelling of the films.
    """

    name: _Name
    present: tuple[_Text, ...] = Field(min_length=1, max_length=MOST_LABELS)
    absent: tuple[_Text, ...] = Field(min_length=1, max_length=MOST_LABELS)
    subtypes: tuple[_Text, ...] = Field(
        default=(), max_length=MOST_LABELS, description="Labels that refine present, and count as present."
    )

    @model_validator(mode="after")
    def _check_labels(self) -> Self:
        ill, well = {*map(fold, self.present), *map(fold, self.subtypes)}, set(map(fold, self.absent))
        if both := sorted(ill & well):
            raise ValueError(f"the label {both[0]!r} counts as present and as absent")
        for labels in (self.present, self.absent, self.subtypes):
            if len(set(map(fold, labels))) < len(labels):
                raise ValueError("a label is given twice")
        kinds = [name.lower() for name in self.classes_by_kind]
        if "" in kinds or len(set(kinds)) < len(kinds):
            raise ValueError("a subtype has no letters, or can't be told from another class")
        return self

    # What a film's labels say.

    def number(self, labels: Iterable[str]) -> Literal[0, 1] | None:
        """Return what the labels of one film say: 1 present, 0 absent, None for a film that is left out.

        One label that counts as present is enough: a film may show other things beside the finding.
        """
        meant = {number for number, _ in self._meanings(labels)}
        return 1 if 1 in meant else 0 if 0 in meant else None

    def subtype(self, labels: Iterable[str]) -> str:
        """Return the subtype among the labels of one film, in lower case; empty if it isn't exactly one."""
        kinds = {kind for _, kind in self._meanings(labels)} - {""}
        return kinds.pop() if len(kinds) == 1 else ""

    def _meanings(self, labels: Iterable[str]) -> "list[_Meaning]":
        known = _meanings(self)
        return [known[label] for label in map(fold, labels) if label in known]

    # Words for tables.

    @property
    def classes(self) -> tuple[str, str]:
        """Names of the two classes, absent first: the labels themselves where there is one of each."""
        absent = _class(self.absent, f"no {self.name}")
        present = _class(self.present, self.name)
        # Two labels may differ only in a sign that no document can show.
        return (absent, present) if fold(absent) != fold(present) else (f"no {self.name}", self.name)

    @property
    def classes_by_kind(self) -> tuple[str, ...]:
        """Names of the classes of a network that also tells the subtypes apart, absent first."""
        return (self.classes[0], *map(_readable, self.subtypes))

    # Words for sentences.

    @property
    def title(self) -> str:
        """The name at the beginning of a sentence."""
        return capital(self.name)

    @property
    def score(self) -> str:
        """What a model gives a film: ``Pneumonia score``."""
        return score_of(self.name)

    @property
    def ill(self) -> str:
        """What follows “films” or “patients”: ``with pneumonia``."""
        return f"with {self.name}"

    @property
    def well(self) -> str:
        """What follows “films” or “patients”: ``without pneumonia``."""
        return f"without {self.name}"

    @property
    def case(self) -> str:
        """One film's finding, counted: ``pneumonia``, ``case of tuberculosis``."""
        return f"case of {self.name}" if _NO_PLURAL.fullmatch(self.name) else self.name

    @property
    def cases(self) -> str:
        """The findings of several films, counted: ``pneumonias``, ``cases of tuberculosis``."""
        return f"cases of {self.name}" if _NO_PLURAL.fullmatch(self.name) else f"{self.name}s"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The subtypes as words, in lower case."""
        return tuple(kind.lower() for kind in self.classes_by_kind[1:])

    @property
    def kinds_caveat(self) -> str:
        """How far the subtypes can be trusted, wherever a network is to tell them apart."""
        if set(self.kinds) == {"bacterial", "viral"}:
            return "from file names; films don't reliably tell bacterial from viral"
        return "from labels; whether films tell them apart isn't known"

    @property
    def without(self) -> str:
        """One word for a film without the finding: ``normal``, ``no tuberculosis``."""
        return "normal" if self.is_against_normal else f"no {self.name}"

    @property
    def capital_cases(self) -> str:
        """The findings of several films, at the beginning of a sentence."""
        return capital(self.cases)

    @property
    def is_against_normal(self) -> bool:
        """Whether the films without the finding are called normal."""
        return [fold(label) for label in self.absent] == ["normal"]

    @property
    def well_films(self) -> str:
        """The films without the finding: ``normal films``, or ``films without tuberculosis``."""
        return "normal films" if self.is_against_normal else f"films {self.well}"

    @property
    def well_film(self) -> str:
        """One film without the finding: ``normal film``, or ``film without tuberculosis``."""
        return "normal film" if self.is_against_normal else f"film {self.well}"

    @property
    def wells(self) -> str:
        """The films without the finding, counted: ``normals``, or ``films without tuberculosis``."""
        return "normals" if self.is_against_normal else f"films {self.well}"

    @property
    def both_films(self) -> str:
        """The films of both classes: ``normal and pneumonia films``, or ``films with and without …``."""
        if self.is_against_normal:
            return f"normal and {self.name} films"
        return f"films with and without {self.name}"

    @property
    def contrast(self) -> str:
        """What a network of two classes tells apart: ``normal against pneumonia``."""
        well = "normal" if self.is_against_normal else self.well
        return f"{well} against {self.name if self.is_against_normal else self.ill}"


_Meaning = tuple[Literal[0, 1], str]  # the class and the subtype of a label


@lru_cache(maxsize=16)  # asked for every film
def _meanings(finding: Finding) -> dict[str, _Meaning]:
    """Return what each label means, by its folded form."""
    absent: dict[str, _Meaning] = {fold(label): (0, "") for label in finding.absent}
    present: dict[str, _Meaning] = {fold(label): (1, "") for label in finding.present}
    return (
        absent
        | present
        | {fold(label): (1, kind) for label, kind in zip(finding.subtypes, finding.kinds, strict=True)}
    )


def _class(labels: tuple[str, ...], otherwise: str) -> str:
    """Return the name of a class: its only label, or another name if it has several or an unusable one."""
    name = _readable(labels[0]) if len(labels) == 1 else ""
    return otherwise if not name or fold(name) in _TAKEN else name


def state_finding(
    name: str, present: Iterable[str], absent: Iterable[str], subtypes: Iterable[str] = ()
) -> Finding:
    """Make a finding from words that a person gave.

    Raises
    ------
    DatasetError
        If a word is empty, too long or not printable, or a label counts as present and as absent.
    """
    try:
        return Finding(name=name, present=tuple(present), absent=tuple(absent), subtypes=tuple(subtypes))
    except ValidationError as error:
        fault = error.errors()[0]
        where = "".join(f"{part} " for part in fault["loc"][:1])
        message = str(fault["msg"]).removeprefix("Value error, ")
        raise DatasetError(
            f"This finding can't be used: {where and f'{where.strip()}: '}{message}. Give it a name of up to "
            f"{LONGEST_NAME} letters, and labels of up to {LONGEST_LABEL} characters that count as present "
            "or as absent."
        ) from error


PNEUMONIA = Finding(
    name="pneumonia",
    present=("PNEUMONIA",),
    absent=("NORMAL",),
    subtypes=("BACTERIAL", "VIRAL"),  # by the file names of the Kermany films
)

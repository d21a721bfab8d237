"""
Class folders: films in folders that are called as their labels, however deep.

- the label's folder is the one whose name is a known label, or else the level that divides the films best
- words for splits and for images are no labels, wherever they stand
- a folder level that is neither gets a note: it was taken for no split
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence

from xraylab.data.described import Described, Layout, patient_folder, split_by_folders, split_of
from xraylab.data.entries import Entry
from xraylab.data.labels import Says, is_absent_word, names, unify
from xraylab.data.mapping import Mapping
from xraylab.data.spellings import says_nothing, words

NO_FOLDER = "in no folder of a label"
_MOST_NAMED = 5  # folders in a note
_MOST_LABELS = 50

_Folders = tuple[str, ...]
_Choose = Callable[[_Folders], int | None]


def describe(films: Sequence[Entry], mapping: Mapping, finding: str) -> Layout:
    """Return what the folders of films say of them."""
    folders = [tuple(film.path.split("/")[:-1]) for film in films]
    known = _known(mapping, finding)
    choose = _chooser(folders, mapping, known)
    at = [choose(names) for names in folders]
    spelling, notes = unify(names[i] for names, i in zip(folders, at, strict=True) if i is not None)
    described = []
    for film, above, i in zip(films, folders, at, strict=True):
        if i is not None:
            label = mapping.rename.get(above[i], spelling[above[i]])
            split = split_by_folders("/".join((*above[:i], "")), mapping) or split_by_folders(
                "/".join((*above[i + 1 :], "")), mapping
            )
            described.append(Described(film, Says(yes=(label,)), split, patient_folder(film.path)))
    labelled = [(above, i) for above, i in zip(folders, at, strict=True) if i is not None]
    return Layout(
        name="folders of labels",
        films=described,
        how="exclusive",
        patients_from="folders" if any(film.patient for film in described) else None,
        ignored=+Counter({NO_FOLDER: len(films) - len(described)}),
        notes=[*notes, *_unknown_folders(labelled, mapping)],
    )


def _known(mapping: Mapping, finding: str) -> Callable[[str], bool]:
    """Return a function that says whether a folder is called as a label that is known."""
    given = {*map(words, (*mapping.present, *mapping.absent, *mapping.rename))}
    if given:
        return lambda name: words(name) in given
    return lambda name: not name.isdigit() and (is_absent_word(name) or names(name, finding))


def _chooser(folders: Sequence[_Folders], mapping: Mapping, known: Callable[[str], bool]) -> _Choose:
    """Return a function that gives the position of the label among the folders of a film."""
    if mapping.label_folder:
        back = mapping.label_folder
        return lambda above: len(above) - back if len(above) >= back else None
    useful = [tuple(i for i, name in enumerate(above) if _may_be_label(name, mapping)) for above in folders]
    hits = [
        next((i for i in reversed(places) if known(above[i])), None)
        for above, places in zip(folders, useful, strict=True)
    ]
    named = [
        (above, places, i) for above, places, i in zip(folders, useful, hits, strict=True) if i is not None
    ]
    if named:
        return _beside_known(named, mapping, known)
    return _by_level(folders, mapping)


def _may_be_label(name: str, mapping: Mapping) -> bool:
    return not split_of(name, mapping) and not says_nothing(name) and name not in mapping.splits


def _beside_known(
    named: list[tuple[_Folders, tuple[int, ...], int]], mapping: Mapping, known: Callable[[str], bool]
) -> _Choose:
    """Take a known label, and otherwise the folder at the place where the known labels are."""
    innermost = all(i == places[-1] for _, places, i in named)
    shared = len(os.path.commonprefix([above[:i] for above, _, i in named]))  # noqa: RUF071 (of tuples)

    def choose(above: _Folders) -> int | None:
        places = [i for i, name in enumerate(above) if _may_be_label(name, mapping)]
        if (hit := next((i for i in reversed(places) if known(above[i])), None)) is not None:
            return hit
        beside = [i for i in places if i >= shared]
        if not beside:
            return None
        return beside[-1] if innermost else beside[0]

    return choose


def _by_level(folders: Sequence[_Folders], mapping: Mapping) -> _Choose:
    """Take the level with the fewest names, at least two; of equal ones the innermost."""
    shared = len(os.path.commonprefix(list(folders)))  # noqa: RUF071 (of tuples)

    def places(above: _Folders) -> list[int]:
        return [i for i, name in enumerate(above) if i >= shared and _may_be_label(name, mapping)]

    levels: dict[int, set[str]] = {}
    for above in set(folders):
        for level, i in enumerate(places(above)):
            levels.setdefault(level, set()).add(words(above[i]) or above[i])
    fitting = [(len(found), -level) for level, found in levels.items() if 1 < len(found) <= _MOST_LABELS]
    if not fitting:
        return lambda above: None
    chosen = -min(fitting)[1]
    return lambda above: there[chosen] if len(there := places(above)) > chosen else None


def _unknown_folders(labelled: list[tuple[_Folders, int]], mapping: Mapping) -> list[str]:
    """Say which folders divide the films although they are known as no split and no patient."""
    shared = len(os.path.commonprefix([above[:i] for above, i in labelled]))  # noqa: RUF071 (of tuples)
    unknown = Counter(
        name
        for above, i in labelled
        for place, name in enumerate(above)
        if place >= shared and place != i and _may_be_label(name, mapping) and not patient_folder(f"{name}/")
    )
    if not unknown:
        return []
    shown = ", ".join(f"“{name}” (films: {n})" for name, n in unknown.most_common(_MOST_NAMED))
    others = len(unknown) - _MOST_NAMED
    more = f" and {others} others" if others > 0 else ""
    return [f"Folders beside the labels whose names say no split were taken for none: {shown}{more}."]

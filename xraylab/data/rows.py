"""
Rows: what the rows of a manifest say of the films of a source.

- rows of one film are joined; of several readers, more than half must give a label
- a label that a row doesn't mention is neither stated nor denied, unless the row lists all that apply
- each row without a film, and each film without a row, is counted
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import pandas as pd

from xraylab.data.described import (
    Described,
    Facts,
    Layout,
    age,
    patient_folder,
    sex,
    split_by_folders,
    split_of,
    view,
)
from xraylab.data.entries import Entry
from xraylab.data.labels import How, Says, unify
from xraylab.data.manifests import FLAGS, Manifest
from xraylab.data.mapping import Mapping

NO_ROW = "not named in the table"
NO_LABEL = "named in the table without a label"


def describe(manifest: Manifest, films: Sequence[Entry], mapping: Mapping, finding: str) -> Layout:
    """Return what a table says of the films of a source.

    Parameters
    ----------
    finding : str
        What the 1 of a column that is called ``label`` or ``target`` means.
    """
    statements, how, notes = _statements(manifest, mapping, finding)
    ignored: Counter[str] = Counter()
    rows: dict[str, list[int]] = defaultdict(list)
    entries: dict[str, Entry] = {}
    for number, files in enumerate(manifest.files):
        if isinstance(files, str):
            ignored[files] += 1
        else:
            for file in files:
                entries[file.path] = file
                rows[file.path].append(number)
    ignored[NO_ROW] = sum(entry.path not in entries for entry in films)
    kept = _kept_columns(manifest)
    described = []
    for path, numbers in rows.items():
        says = _together([statements[number] for number in numbers], _readers(manifest, numbers))
        if says == Says():
            ignored[NO_LABEL] += 1
        else:
            described.append(_film(manifest, entries[path], numbers[0], says, mapping, kept))
    repeated = sum(len(numbers) - 1 for numbers in rows.values())
    if repeated and not manifest.roles["reader"]:
        notes.append(f"{repeated} rows are about a film that an earlier row names; they were joined.")
    return Layout(
        name=_name(manifest),
        films=described,
        how=how,
        patients_from=_patients_from(manifest, described),
        ignored=+ignored,
        notes=[*manifest.notes, *notes, *_examples(manifest)],
        columns=tuple(kept),
        manifest=manifest.entry.path,
        tables=manifest.used,
    )


def _name(manifest: Manifest) -> str:
    return manifest.collection or "table of films"


def _examples(manifest: Manifest) -> list[str]:
    """Name the first film that each kind of fault concerns, so that a person can look for it."""
    named = dict(
        reversed(
            [
                (files, value)
                for files, value in zip(
                    manifest.files, manifest.table[manifest.roles["path"][0]], strict=True
                )
                if isinstance(files, str)
            ]
        )
    )
    return [f"The first film {reason} is “{value}”." for reason, value in named.items()]


def _statements(manifest: Manifest, mapping: Mapping, finding: str) -> tuple[list[Says], How, list[str]]:
    """Return what each row says, and in which way the table says it."""
    if manifest.flags:
        return _of_flags(manifest.table, manifest.flags, mapping), "stated", []
    texts = manifest.table[manifest.roles["label"][0]].tolist()
    if set(map(str.lower, texts)) - {""} <= FLAGS.keys() and not mapping.rename:
        meaning = {1: Says(yes=(finding,)), 0: Says(yes=(f"no {finding}",)), -1: Says(unsure=(finding,))}
        return [meaning[FLAGS[text.lower()]] if text else Says() for text in texts], "exclusive", []
    listed = [tuple(part for part in map(str.strip, text.split("|")) if part) for text in texts]
    spelling, notes = unify(label for labels in listed for label in labels)
    meaning_of = {
        label: mapping.rename.get(label, mapping.rename.get(one, one)) for label, one in spelling.items()
    }
    cache = {labels: Says(yes=tuple(meaning_of[label] for label in labels)) for labels in set(listed)}
    several = any(len(labels) > 1 for labels in cache) or bool(manifest.roles["reader"])
    return [cache[labels] for labels in listed], "exhaustive" if several else "exclusive", notes


def _of_flags(table: pd.DataFrame, flags: list[str], mapping: Mapping) -> list[Says]:
    names = [mapping.rename.get(flag, flag) for flag in flags]
    cache: dict[tuple[str, ...], Says] = {}
    statements = []
    for row in table[flags].itertuples(index=False, name=None):
        if row not in cache:
            values = [FLAGS.get(value.lower()) for value in row]
            stated = list(zip(names, values, strict=True))
            denied = (f"no {name}" for name, value in stated if value == 0)
            cache[row] = Says(
                yes=(*(name for name, value in stated if value == 1), *denied),
                unsure=tuple(name for name, value in stated if value == -1),
            )
        statements.append(cache[row])
    return statements


def _readers(manifest: Manifest, numbers: list[int]) -> list[str] | None:
    """Return who read the film in each of these rows; None if the table doesn't tell."""
    if not manifest.roles["reader"]:
        return None
    column = manifest.values[manifest.roles["reader"][0]]
    return [column[number] for number in numbers]


def _together(statements: list[Says], readers: list[str] | None) -> Says:
    """Join what several rows say of one film; of several readers, more than half must give a label."""
    if len(statements) == 1:
        return statements[0]
    if readers is None:
        yes = {label: None for says in statements for label in says.yes}
        unsure = {label: None for says in statements for label in says.unsure if label not in yes}
        return Says(tuple(yes), tuple(unsure))
    votes: dict[str, set[str]] = defaultdict(set)
    for says, reader in zip(statements, readers, strict=True):
        for label in says.yes:
            votes[label].add(reader)
    most = len(set(readers)) / 2
    return Says(tuple(label for label, by in votes.items() if len(by) > most))


def _kept_columns(manifest: Manifest) -> list[str]:
    used = {column for role, columns in manifest.roles.items() if role != "view" for column in columns}
    return [column for column in manifest.table.columns if column and column not in used]


def _film(
    manifest: Manifest, entry: Entry, number: int, says: Says, mapping: Mapping, kept: list[str]
) -> Described:
    def value(role: str) -> str:
        columns = manifest.roles[role]
        return manifest.values[columns[0]][number] if columns else ""

    facts = Facts(
        age(value("age")),
        sex(value("sex")),
        view({column: manifest.values[column][number] for column in manifest.roles["view"]}),
        tuple((column, manifest.values[column][number]) for column in kept),
    )
    split = (
        split_of(value("split"), mapping)
        if manifest.roles["split"]
        else split_by_folders(entry.path, mapping)
    )
    return Described(entry, says, split, value("patient") or patient_folder(entry.path), facts)


def _patients_from(manifest: Manifest, films: list[Described]) -> str | None:
    if manifest.roles["patient"]:
        return f"column “{manifest.roles['patient'][0]}”"
    return "folders" if any(film.patient for film in films) else None

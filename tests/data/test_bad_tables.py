"""Tables as people write them: each oddity is read rightly, or costs one sentence and no film."""

import gzip

import pandas as pd
import pytest

from tests.support.films import film, write_folder
from tests.support.layouts import table
from xraylab.data.mapping import Columns, Mapping
from xraylab.data.sources import Understood, open_source
from xraylab.errors import DatasetError

FILMS = {f"films/{n}.png": film(n) for n in range(8)}
ROWS = [[f"{n}.png", ["normal", "pneumonia"][n % 2]] for n in range(8)]
GOOD = table([["file", "label"], *ROWS])


def understood(folder, files, mapping=None, source="") -> Understood:
    write_folder(folder, files)
    with open_source(folder / source, None, mapping) as opened:
        return opened.understood("prefix-number")


@pytest.mark.parametrize(
    "data",
    [
        GOOD,
        GOOD.replace(b",", b";"),
        GOOD.replace(b",", b"\t"),
        GOOD.replace(b",", b"|"),
        GOOD.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"\r\n", b"\n"),
        GOOD.replace(b"\r\n", b"\r\n\r\n"),  # blank lines
        gzip.compress(GOOD, mtime=0),
        table([["file", "label"], *([f'"{file}"', f" {label} "] for file, label in ROWS)]).replace(
            b'"""', b'"'
        ),
        table([["File", "LABEL", "remark"], *([*row, 'with "quotes", and\nlines'] for row in ROWS)]),
        table([["File Path", "Diagnosis"], *([f"C:\\data\\films\\{file}", label] for file, label in ROWS)]),
        table([["path", "class"], *([f"./films/{file}", label] for file, label in ROWS)]),
        table([["image", "label"], *([file.removesuffix(".png"), label.upper()] for file, label in ROWS)]),
    ],
)
def test_a_table_is_read_however_it_is_written(tmp_path, data):
    name = "labels.csv.gz" if data.startswith(b"\x1f\x8b") else "labels.csv"
    seen = understood(tmp_path, FILMS | {name: data})
    assert (seen.n, tuple(seen.classes.values()), seen.ignored) == (8, (4, 4), {})
    assert seen.layout == "table of films"


def test_labels_that_differ_by_case_and_blanks_are_one(tmp_path):
    rows = [[f"{n}.png", ["Normal", "Pneumonia ", "normal", "PNEUMONIA"][n % 4]] for n in range(8)]
    rows[0][1] = "normal"
    seen = understood(tmp_path, FILMS | {"labels.csv": table([["file", "label"], *rows])})
    assert seen.labels == {"Pneumonia": 4, "normal": 4}
    assert "were taken for one, “normal”." in seen.notes[0]


def test_unknown_labels_are_left_out_and_named(tmp_path):
    rows = [*ROWS[:6], ["6.png", "fracture"], ["7.png", ""]]
    seen = understood(tmp_path, FILMS | {"labels.csv": table([["file", "label"], *rows])})
    assert (seen.n, seen.ignored) == (
        6,
        {
            "labelled “fracture”, which is neither present nor absent": 1,
            "named in the table without a label": 1,
        },
    )


OUTSIDE = "named in the table by a path that leads outside the source"


@pytest.mark.parametrize(
    ("rows", "n", "reason", "sentence"),
    [
        ([["gone.png", "normal"]], 8, "named in the table, but missing", "“gone.png”"),
        (
            [["../films/0.png", "normal"]],
            8,
            "named in the table by a path that leads outside the source",
            "“../f",
        ),
        (
            [["/etc/0.png", "normal"]],
            8,
            "named in the table by a path that leads outside the source",
            "“/etc/",
        ),
        ([["=HYPERLINK(1)", "normal"]], 8, "named in the table, but missing", "“=HYPERLINK(1)”"),
        ([["0.png", "pneumonia"]], 7, "labelled as present and as absent", "1 rows are about a film"),
    ],
)
def test_a_row_that_cannot_be_used_costs_itself_and_is_named(tmp_path, rows, n, reason, sentence):
    seen = understood(tmp_path, FILMS | {"labels.csv": table([["file", "label"], *ROWS, *rows])})
    assert (seen.n, seen.ignored) == (n, {reason: 1})
    assert any(sentence in note for note in seen.notes)


def test_a_duplicate_row_counts_once_and_is_said(tmp_path):
    seen = understood(tmp_path, FILMS | {"labels.csv": table([["file", "label"], *ROWS, ROWS[0], ROWS[1]])})
    assert (seen.n, seen.ignored) == (8, {})
    assert "2 rows are about a film that an earlier row names; they were joined." in seen.notes


def test_two_files_of_one_name_are_told_apart_by_their_folders_or_said(tmp_path):
    files = FILMS | {"other/0.png": film(100)}
    seen = understood(tmp_path / "a", files | {"labels.csv": GOOD})
    assert (seen.n, seen.ignored["named in the table by a name that several files have"]) == (7, 1)
    rows = [*([f"films/{file}", label] for file, label in ROWS), ["other/0.png", "pneumonia"]]
    seen = understood(tmp_path / "b", files | {"labels.csv": table([["file", "label"], *rows])})
    assert (seen.n, seen.ignored) == (9, {})


def test_decimal_commas_other_encodings_and_formulas_are_kept_as_they_stand(tmp_path):
    rows = [[*row, "4,5", "=1+1", "Müller"] for row in ROWS]
    data = table([["file", "label", "age", "note", "arzt"], *rows], ";").decode().encode("cp1252")
    write_folder(tmp_path, FILMS | {"labels.csv": data})
    with open_source(tmp_path) as opened:
        facts = opened.files[0].facts
    assert (facts.age, facts.kept) == (4.5, (("note", "=1+1"), ("arzt", "Müller")))
    assert "was read as Windows-1252" in opened.notes[0]


def test_formulas_of_excel_count_by_their_stored_values(tmp_path):
    import openpyxl

    write_folder(tmp_path, FILMS)
    book = openpyxl.Workbook()
    for row in [["file", "label"], *ROWS[:6], ["6.png", '=IF(1,"normal","x")']]:
        book.active.append(row)
    book.save(tmp_path / "labels.xlsx")  # openpyxl computes nothing, so this formula has no stored value
    seen = understood(tmp_path, {})
    assert (seen.n, seen.ignored) == (
        6,
        {"named in the table without a label": 1, "not named in the table": 1},
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The table labels.csv can't be read: it is empty or not a text"),
        (b"\0\1\2", "The table labels.csv can't be read: it is empty or not a text"),
        (b"file,label\n0.png,normal\n1.png,a,b,c\n", "The table labels.csv can't be read"),
        (table([["file", "label"], ["x.png", "normal"]]), "names none of the 8 films beside it"),
        (
            table([["file", "remark"], ["0.png", "quiet"]]),
            "no column of labels. Its columns are file, remark",
        ),
        (
            table([["file", "label"], ["0.png", "mass"], ["1.png", "cyst"]]),
            "No label of the source says pneumonia",
        ),
        (
            table([["file", "label"], ["0.png", ""]]),
            "radiographs (7 not named in the table, 1 ",
        ),
        (gzip.compress(GOOD, mtime=0)[:-20], "The table labels.csv can't be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(tmp_path, data, sentence):
    with pytest.raises(DatasetError) as caught:
        understood(tmp_path, FILMS | {"labels.csv": data}, source="labels.csv")
    assert sentence in str(caught.value)


def test_a_damaged_excel_file_is_one_sentence(tmp_path):
    with pytest.raises(DatasetError, match=r"The table labels.xlsx can't be read"):
        understood(tmp_path, FILMS | {"labels.xlsx": b"PK\x03\x04 no"}, source="labels.xlsx")


def test_without_the_package_for_excel_a_sentence_says_what_to_do(tmp_path, monkeypatch):
    pd.DataFrame(ROWS, columns=["file", "label"]).to_excel(tmp_path / "labels.xlsx", index=False)

    def missing(*_, **__):
        raise ImportError("no module")

    monkeypatch.setattr(pd, "read_excel", missing)
    with pytest.raises(DatasetError, match="Install it, or save the table as CSV"):
        understood(tmp_path, FILMS, source="labels.xlsx")


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            Mapping(columns=Columns(label=("etikett",))),
            "no column “etikett”. Its columns are file, label.",
        ),
        (Mapping(manifest="other.csv"), "There is no table other.csv in films. There are: labels.csv."),
        (Mapping(present=("normal",), absent=("normal",)), "counts as present and as absent"),
    ],
)
def test_a_mapping_that_does_not_fit_is_one_sentence(tmp_path, mapping, sentence):
    with pytest.raises(DatasetError) as caught:
        understood(tmp_path / "films", FILMS | {"labels.csv": GOOD}, mapping)
    assert sentence in str(caught.value)


def test_a_table_that_is_no_list_of_films_gives_way_to_the_folders(tmp_path):
    films = {f"{['NORMAL', 'PNEUMONIA'][n % 2]}/{n}.png": film(n) for n in range(8)}
    seen = understood(
        tmp_path, films | {"README.csv": b"\0", "README.txt": b"a, b\nc", "scores.csv": b"run,auc\n1,0.9\n"}
    )
    assert (seen.layout, seen.n, seen.ignored) == ("folders of labels", 8, {"not an image": 3})
    assert seen.notes[0].startswith("The table README.csv can't be read")


def test_of_several_readers_more_than_half_must_give_a_label(tmp_path):
    readings = {0: "PPP", 1: "PPN", 2: "PNN", 3: "NNN", 4: "PN"}
    rows = [
        [f"{n}.png", reader, {"P": "pneumonia", "N": "normal"}[letter]]
        for n, letters in readings.items()
        for reader, letter in enumerate(letters)
    ]
    write_folder(tmp_path, FILMS | {"labels.csv": table([["file", "rad_id", "label"], *rows])})
    with open_source(tmp_path) as opened:
        assert {file.stem: file.label for file in opened.files} == {"0": 1, "1": 1, "2": 0, "3": 0}
        assert opened.ignored["named in the table without a label"] == 1  # two readers who disagree

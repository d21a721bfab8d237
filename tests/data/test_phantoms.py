"""Teaching phantoms: the same on every call, honest about what they are, and hard only because of disease."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from xraylab.data import phantoms
from xraylab.data.phantoms import CAPTION_ROWS, MARK, NUISANCES, Phantom
from xraylab.errors import DatasetError
from xraylab.findings import PNEUMONIA


@pytest.fixture(scope="module")
def made() -> list[Phantom]:
    return list(phantoms.generate(300, seed=5))


@pytest.fixture(scope="module")
def labels(made: list[Phantom]) -> np.ndarray:
    return np.array([one.label for one in made])


def separation(labels: np.ndarray, values: list[float]) -> float:
    return float(roc_auc_score(labels, values))


def test_a_film_depends_on_its_three_numbers_alone(made):
    one = made[17]
    again = phantoms.phantom(one.patient, one.film, seed=5)
    np.testing.assert_array_equal(again.pixels, one.pixels)
    np.testing.assert_array_equal(again.mask, one.mask)
    assert (again.label, again.pattern, again.mimic) == (one.label, one.pattern, one.mimic)
    assert (again.pixels != phantoms.phantom(one.patient, one.film, seed=6).pixels).mean() > 0.5


def test_a_longer_series_starts_with_the_shorter_one(made):
    for short, long in zip(phantoms.generate(4, seed=5), made, strict=False):
        np.testing.assert_array_equal(short.pixels, long.pixels)


def test_every_array_is_a_film_of_256(made):
    for one in made:
        assert one.pixels.shape == one.mask.shape == one.lungs.shape == (256, 256)
        assert (one.pixels.dtype, one.mask.dtype, one.lungs.dtype) == (np.uint8, np.bool_, np.bool_)


def test_two_patients_in_five_are_ill(made):
    ill = {one.patient: one.label for one in made}
    whole_blocks = [ill[patient] for patient in range(len(ill) // 5 * 5)]
    assert np.mean(whole_blocks) == pytest.approx(0.4)
    assert 0.34 < np.mean([one.label for one in made]) < 0.46


def test_both_patterns_and_every_mimic_occur(made):
    assert {one.pattern for one in made} == {"normal", "focal", "interstitial"}
    assert {one.mimic for one in made} == {None, *NUISANCES}


def test_only_normals_are_called_mimics(made):
    assert all(one.mimic is None for one in made if one.label)
    assert all((one.pattern == "normal") == (one.label == 0) for one in made)


def test_a_mask_is_there_exactly_when_there_is_disease(made):
    assert all(one.mask.any() == bool(one.label) for one in made)


def test_a_lesion_lies_inside_the_lungs(made):
    assert not any((one.mask & ~one.lungs).any() for one in made)


def test_a_focal_lesion_is_smaller_than_a_lung(made):
    shares = [one.mask.sum() / one.lungs.sum() for one in made if one.pattern == "focal"]
    assert min(shares) > 0.005
    assert max(shares) < 0.45


def test_an_interstitial_lesion_is_on_both_sides(made):
    for one in made:
        if one.pattern == "interstitial":
            middle = round(np.nonzero(one.lungs)[1].mean())
            assert one.mask[:, :middle].any()
            assert one.mask[:, middle:].any()


def test_a_lesion_is_whiter_than_the_same_place_would_be_without_it(made, monkeypatch):
    ill = [one for one in made if one.label][:8]
    monkeypatch.setattr(phantoms, "_ILL", 0)
    for one in ill:
        well = phantoms.phantom(one.patient, one.film, seed=5)
        assert well.label == 0
        difference = one.pixels.astype(int) - well.pixels
        assert difference[one.mask].mean() > 1
        assert not difference[~one.lungs & (np.abs(difference) > 60)].any()


def test_disease_changes_nothing_far_from_the_lungs(made, monkeypatch):
    ill = next(one for one in made if one.label)
    monkeypatch.setattr(phantoms, "_ILL", 0)
    well = phantoms.phantom(ill.patient, ill.film, seed=5)
    np.testing.assert_array_equal(ill.lungs, well.lungs)
    np.testing.assert_array_equal(ill.pixels[-12:], well.pixels[-12:])
    np.testing.assert_array_equal(ill.pixels[:12], well.pixels[:12])


def test_films_of_one_patient_share_their_chest_but_not_their_pixels(made):
    first, second = (phantoms.phantom(3, film, seed=5) for film in (1, 2))
    other = phantoms.phantom(8, 1, seed=5)
    assert (first.label, first.pattern) == (second.label, second.pattern)
    assert (first.pixels != second.pixels).mean() > 0.5
    assert overlap(first.lungs, second.lungs) > 0.7
    assert overlap(first.lungs, second.lungs) > overlap(first.lungs, other.lungs)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Best Jaccard index over small shifts: how alike two outlines are wherever the child stood."""
    shifts = [(down, right) for down in range(-12, 13, 3) for right in range(-12, 13, 3)]
    moved = [np.roll(other, shift, (0, 1)) for shift in shifts]
    return max(float((one & m).sum() / (one | m).sum()) for m in moved)


def test_most_patients_have_one_film_and_some_have_more(made):
    films = Counter(one.patient for one in made)
    assert Counter(films.values()).most_common(1)[0][0] == 1
    assert set(films.values()) == {1, 2, 3}


@pytest.mark.parametrize("part", ["outside the lungs", "top rows", "whole film", "grain"])
def test_exposure_does_not_tell_who_is_ill(made, labels, part):
    measure = {
        "outside the lungs": lambda one: one.pixels[~one.lungs].mean(),
        "top rows": lambda one: one.pixels[:30].std(),
        "whole film": lambda one: np.percentile(one.pixels, 99),
        "grain": lambda one: np.abs(np.diff(one.pixels[220:].astype(int))).mean(),
    }[part]
    assert 0.4 < separation(labels, [measure(one) for one in made]) < 0.6


def test_size_of_the_lungs_does_not_tell_who_is_ill(made, labels):
    assert 0.4 < separation(labels, [one.lungs.sum() for one in made]) < 0.6


def test_what_imitates_disease_is_as_common_among_the_ill():
    cases = [phantoms._draw_case(patient, seed=1) for patient in range(2000)]
    ill = np.array([pattern != "normal" for pattern, _ in cases])
    for nuisance in NUISANCES:
        has = np.array([found == nuisance for _, found in cases])
        assert has[ill].mean() == pytest.approx(has[~ill].mean(), abs=0.04)


def test_the_difficulty_is_not_in_the_mean_brightness_of_the_lungs(made, labels):
    lungs = [one.pixels[one.lungs].mean() for one in made]
    assert separation(labels, lungs) < 0.8


def test_burning_in_leaves_the_film_alone_and_writes_below_it(made):
    page = phantoms.burn_in(made[0].pixels)
    assert page.shape == (256 + CAPTION_ROWS, 256)
    np.testing.assert_array_equal(page[:256], made[0].pixels)
    assert (page[256:] > 128).sum() > 200
    np.testing.assert_array_equal(page[256:], phantoms.burn_in(made[1].pixels)[256:])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("phantoms") / "out"
    return folder, phantoms.write(folder, 20, seed=3)


def test_written_films_are_counted_per_label(written):
    folder, counts = written
    assert sum(counts.values()) == 20
    for label, count in counts.items():
        assert len(list((folder / "chest_xray" / "train" / label).iterdir())) == count


def test_a_written_film_is_marked_and_gives_back_its_clean_pixels(written):
    folder, _ = written
    for one in phantoms.generate(20, seed=3):
        name = f"phantom{one.patient:04d}_{one.pattern}_{one.film}.png"
        with Image.open(folder / "chest_xray" / "train" / PNEUMONIA.classes[one.label] / name) as image:
            assert image.mode == "L"
            assert image.info == {MARK: "1"}
            np.testing.assert_array_equal(np.asarray(image)[:-CAPTION_ROWS], one.pixels)


def test_each_ill_film_has_its_mask_beside_it_and_no_other(written):
    folder, _ = written
    ill = [one for one in phantoms.generate(20, seed=3) if one.label]
    assert {path.stem for path in (folder / "masks").iterdir()} == {one.stem for one in ill}
    for one in ill:
        with Image.open(folder / "masks" / f"{one.stem}.png") as image:
            np.testing.assert_array_equal(np.asarray(image).astype(bool), one.mask)


def test_the_length_of_a_file_tells_nothing(written):
    folder, _ = written
    assert len({path.stat().st_size for path in folder.glob("chest_xray/train/*/*.png")}) == 1


def test_progress_is_told_film_by_film(tmp_path):
    told: list[tuple[int, int]] = []
    phantoms.write(tmp_path / "out", 3, on_progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DatasetError, match="not an empty folder"):
        phantoms.write(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("keep")
    with pytest.raises(DatasetError, match="not an empty folder"):
        phantoms.write(tmp_path / "out", 2)
    assert (tmp_path / "out").read_text() == "keep"


def test_an_empty_folder_is_filled(tmp_path):
    assert sum(phantoms.write(tmp_path, 2).values()) == 2


def test_an_interrupted_writing_leaves_nothing(tmp_path):
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        phantoms.write(tmp_path / "out", 3, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("patient", "film", "seed"), [(-1, 1, 0), (0, 0, 0), (0, 1, -1)])
def test_numbers_out_of_range_are_the_callers_bug(patient, film, seed):
    with pytest.raises(ValueError, match="from 0, from 1 and from 0"):
        phantoms.phantom(patient, film, seed=seed)

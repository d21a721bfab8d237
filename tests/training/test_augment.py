import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from xraylab.data.phantoms import phantom
from xraylab.imaging.perturbations import FAMILIES
from xraylab.training.augment import Variation, apply, augment, draw, reencode, warp
from xraylab.training.recipe import Recipe, Stage

ALL = Variation(augmentation=1.0, degradation=1.0, erasing=0.5, flips=True)


def films(n=4, side=48):
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(9))


def chest_films(n, side=64):
    pixels = np.stack([phantom(patient, 1, seed=0).pixels for patient in range(n)])
    grey = torch.from_numpy(pixels).float().div(255).unsqueeze(1)
    return functional.interpolate(grey, size=(side, side), mode="bilinear", antialias=True)


def varied(how=ALL, seed=0, given=None):
    given = films() if given is None else given
    return augment(given, how, torch.Generator().manual_seed(seed))


def only(**fields):
    return Variation(**fields)


EACH = [
    only(augmentation=1.0),
    only(degradation=1.0),
    only(erasing=1.0),
    only(flips=True),
    Variation(2.0, 2.0, 1.0, True),
]


def test_a_variation_is_what_the_recipe_asks_for():
    stages = (Stage(trains="all", epochs=1, learning_rate=1e-3),)
    recipe = Recipe(name="one", stages=stages, augmentation=0.5, degradation=2, erasing=0.25, flips=True)
    assert Variation.of(recipe) == Variation(0.5, 2.0, 0.25, True)
    more = recipe.model_copy(update={"stretch": 0.5, "leave_out": ("blur", "jpeg")})
    assert Variation.of(more) == Variation(0.5, 2.0, 0.25, True, 0.5, frozenset({"jpeg", "blur"}))


@pytest.mark.parametrize("how", EACH)
@pytest.mark.parametrize("side", [32, 33])
def test_shape_and_range_are_kept_and_something_changes(how, side):
    given = films(16, side)
    out = varied(how, given=given)
    assert out.shape == given.shape
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.isfinite(out).all()
    assert not torch.equal(out, given)


@pytest.mark.parametrize("how", EACH)
@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_an_even_film_stays_finite_and_in_range(how, grey):
    out = varied(how, given=torch.full((3, 1, 32, 32), grey))
    assert torch.isfinite(out).all()
    assert 0 <= out.min() <= out.max() <= 1


def test_no_variation_changes_nothing_and_draws_nothing():
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    given = films()
    assert not Variation()
    assert torch.equal(augment(given, Variation(), generator), given)
    assert torch.equal(apply(given[1:], draw(4, Variation(), generator)[1:]), given[1:])
    assert torch.equal(generator.get_state(), before)


def test_every_kind_of_variation_draws_alike():
    states = set()
    for how in EACH:
        generator = torch.Generator().manual_seed(1)
        draw(5, how, generator)
        states.add(generator.get_state().numpy().tobytes())
    assert len(states) == 1


def test_a_slice_of_the_draws_gives_that_slice_of_the_films():
    given = films(9, 40)
    draws = draw(9, ALL, torch.Generator().manual_seed(3))
    whole = apply(given, draws)
    for part in (slice(0, None, 2), slice(1, None, 2), slice(4, 5), torch.tensor([7, 2])):
        torch.testing.assert_close(apply(given[part], draws[part]), whole[part], atol=2e-6, rtol=0)


def test_draws_of_other_films_are_refused():
    draws = draw(3, ALL, torch.Generator())
    with pytest.raises(ValueError, match="draws of 3 films for 4 films"):
        apply(films(4), draws)


def test_the_same_seed_repeats_and_another_does_not():
    assert torch.equal(varied(seed=4), varied(seed=4))
    assert not torch.equal(varied(seed=4), varied(seed=5))


def test_each_film_of_a_batch_has_its_own_draw():
    one = films(1)
    out = varied(only(augmentation=1.0), given=one.expand(3, -1, -1, -1))
    assert not torch.allclose(out[0], out[1], atol=0.02)
    assert not torch.allclose(out[1], out[2], atol=0.02)


@pytest.mark.parametrize("how", EACH)
def test_the_given_films_are_left_as_they_are(how):
    given = films()
    before = given.clone()
    varied(how, given=given)
    assert torch.equal(given, before)


def test_more_strength_changes_more():
    smooth = torch.linspace(0.1, 0.9, 48).expand(16, 1, 48, 48).contiguous()
    weak, strong = ((varied(only(augmentation=s), given=smooth) - smooth).abs().mean() for s in (0.25, 1.0))
    assert weak < strong / 2


ONLY = {"augmentation": 1.0, "degradation": 1.0}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_is_left_out_is_not_made_and_the_others_are_as_before(family):
    def without(*families, **strengths):
        return varied(Variation(**(strengths or ONLY), leave_out=frozenset(families)))

    assert not torch.equal(without(), without(family))
    others = [one for one in FAMILIES if one != family]
    assert not torch.equal(without(*others), without(*FAMILIES))
    assert torch.equal(without(*FAMILIES), without(*FAMILIES, augmentation=1.0))  # posture is what remains


def test_stretching_changes_width_over_height_and_only_as_far_as_asked():
    disc = ((torch.arange(128) - 63.5)[:, None] ** 2 + (torch.arange(128) - 63.5) ** 2 < 30**2).float()
    given = disc.expand(200, 1, 128, 128)
    out = varied(Variation(stretch=1.0), given=given)[:, 0] > 0.5
    ratio = (out.any(1).sum(1) / out.any(2).sum(1)).log()
    assert ratio.abs().max() <= 0.2 + 2 / 60
    assert ratio.max() > 0.12
    assert ratio.min() < -0.12
    assert out.sum((1, 2)) == pytest.approx(float(disc.sum()), rel=0.05)


def test_what_was_added_later_leaves_the_earlier_draws_as_they_were():
    generator, again = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    drawn = draw(5, Variation(1.0), generator)
    assert torch.equal(drawn.values[:, :22], torch.rand(5, 22, generator=again))
    assert drawn.grain == int(torch.randint(2**62, (), generator=again))
    assert not torch.equal(drawn.values[:, 22], drawn.values[:, 21])


def test_the_heart_keeps_its_side():
    left = torch.zeros(32, 1, 48, 48)
    left[..., 8:-8, 4:16] = 1.0
    out = varied(Variation(1.0, 1.0, 0.0, flips=False), given=left)
    assert (out[..., :24].mean(dim=(1, 2, 3)) > out[..., 24:].mean(dim=(1, 2, 3))).all()


def test_flips_mirror_half_of_the_films_and_do_nothing_else():
    given = films(200, 8)
    out = varied(only(flips=True), given=given)
    mirrored = (out == given.flip(-1)).flatten(1).all(dim=1)
    assert (mirrored ^ (out == given).flatten(1).all(dim=1)).all()
    assert 70 < mirrored.sum() < 130


def sharpness(of):
    return (of - functional.avg_pool2d(of, 3, stride=1, padding=1)).abs().mean(dim=(1, 2, 3))


def test_without_degradation_sharpness_still_varies_a_little():
    given = chest_films(1, 128).expand(40, -1, -1, -1)
    ratio = sharpness(varied(only(augmentation=1.0), given=given)) / sharpness(given)
    assert ratio.min() < 0.8
    assert ratio.max() > 1.2


def test_degradation_leaves_posture_and_exposure_alone():
    given = chest_films(24, 128)
    out = varied(only(degradation=1.0), given=given)
    assert (out.mean(dim=(1, 2, 3)) - given.mean(dim=(1, 2, 3))).abs().max() < 0.01
    assert (out - given).abs().mean() < 0.03
    assert (sharpness(out) / sharpness(given)).std() > 0.2


def test_noise_is_another_field_in_each_film():
    even = torch.full((12, 1, 64, 64), 0.5)
    grain = varied(Variation(degradation=1e-2), given=even)[:, 0].flatten(1)
    loud = grain[grain.std(dim=1) > 0]
    between = torch.corrcoef(loud).abs().fill_diagonal_(0)
    assert len(loud) > 4
    assert between.max() < 0.2


def test_erasing_hides_a_rectangle_of_the_films_mean_in_a_share_of_the_films():
    given = films(200, 30)
    out = varied(only(erasing=0.3), given=given)
    changed = out != given
    touched = changed.flatten(1).any(dim=1)
    assert 40 < touched.sum() < 80
    for film, mask, before in zip(out[touched, 0], changed[touched, 0], given[touched, 0], strict=True):
        rows, columns = mask.any(dim=1), mask.any(dim=0)
        assert torch.equal(mask, rows.outer(columns))  # one full rectangle
        assert 3 <= rows.sum() <= 12
        assert 3 <= columns.sum() <= 12
        torch.testing.assert_close(film[mask], before.mean().expand(int(mask.sum())))


def pillow_jpeg(film, quality):
    file = io.BytesIO()
    Image.fromarray((film[0] * 255).round().byte().numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.asarray(Image.open(file)).copy()).float().div(255).unsqueeze(0)


@pytest.mark.parametrize("side", [64, 83])
def test_re_encoding_comes_to_what_pillow_makes_of_a_file(side):
    given = chest_films(5, side)
    qualities = torch.tensor([5, 30, 50, 75, 95])
    ours = reencode(given, qualities)
    theirs = torch.stack([pillow_jpeg(film, int(q)) for film, q in zip(given, qualities, strict=True)])
    lost = (theirs - given).abs().mean(dim=(1, 2, 3))
    apart = (theirs - ours).abs().mean(dim=(1, 2, 3))
    assert (apart < 0.5 / 255).all()  # half a grey level: libjpeg's transform is in whole numbers
    assert (apart < lost / 3).all()
    assert (lost[:-1] > lost[1:]).all()


def test_a_warp_is_torchs_own():
    given = films(3, 40)[..., :33]
    theta = torch.eye(2, 3) + 0.2 * torch.randn(3, 2, 3, generator=torch.Generator().manual_seed(2))
    grid = functional.affine_grid(theta, list(given.shape), align_corners=False)
    torch.testing.assert_close(
        warp(given, theta), functional.grid_sample(given, grid, align_corners=False), atol=1e-5, rtol=0
    )

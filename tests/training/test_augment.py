import pytest
import torch

from xraylab.training.augment import augment


def films(n=4, side=48):
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(9))


def varied(strength=1.0, seed=0, given=None):
    given = films() if given is None else given
    return augment(given, strength, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("side", [32, 33])
def test_shape_and_range_are_kept(strength, side):
    out = varied(strength, given=films(side=side))
    assert out.shape == (4, 1, side, side)
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_an_even_film_stays_finite_and_in_range(grey):
    out = varied(2.0, given=torch.full((3, 1, 32, 32), grey))
    assert torch.isfinite(out).all()
    assert 0 <= out.min() <= out.max() <= 1


def test_strength_zero_changes_nothing_and_draws_nothing():
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    given = films()
    assert torch.equal(augment(given, 0, generator), given)
    assert torch.equal(generator.get_state(), before)


def test_the_same_seed_repeats_and_another_does_not():
    assert torch.equal(varied(seed=4), varied(seed=4))
    assert not torch.equal(varied(seed=4), varied(seed=5))


def test_each_film_of_a_batch_has_its_own_draw():
    one = films(1)
    out = varied(given=one.expand(3, -1, -1, -1))
    assert not torch.allclose(out[0], out[1], atol=0.02)
    assert not torch.allclose(out[1], out[2], atol=0.02)


def test_the_given_films_are_left_as_they_are():
    given = films()
    before = given.clone()
    varied(given=given)
    assert torch.equal(given, before)


def test_more_strength_changes_more():
    smooth = torch.linspace(0.1, 0.9, 48).expand(16, 1, 48, 48).contiguous()
    weak, strong = ((varied(s, given=smooth) - smooth).abs().mean() for s in (0.25, 1.0))
    assert weak < strong / 2


def test_the_heart_keeps_its_side():
    left = torch.zeros(32, 1, 48, 48)
    left[..., 8:-8, 4:16] = 1.0
    out = varied(given=left)
    assert (out[..., :24].mean(dim=(1, 2, 3)) > out[..., 24:].mean(dim=(1, 2, 3))).all()

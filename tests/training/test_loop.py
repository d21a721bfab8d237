import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from xraylab.errors import TrainingError
from xraylab.networks.inference import logits
from xraylab.networks.inputs import to_input
from xraylab.networks.registry import build, network
from xraylab.training import loop
from xraylab.training.loop import Films, Monitor, fit
from xraylab.training.recipe import Recipe, Stage

CPU = torch.device("cpu")
ENTRY = dataclasses.replace(network("small_cnn"), side=32)  # it takes any side; this one is quick
HEAD = Stage(trains="head", epochs=6, learning_rate=2e-2)
ALL = Stage(trains="all", epochs=2, learning_rate=3e-3)


def film(rng, ill):
    """Noise; the ill have a bright patch on one side."""
    pixels = rng.integers(40, 120, (256, 256))
    if ill:
        pixels[96:192, 32:112] += 90
    return pixels.astype(np.uint8)


@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(4)
    labels = np.tile([0, 1, 1], 14)[:41].astype(np.int64)
    pixels = np.stack([film(rng, label) for label in labels])
    return Films(pixels=pixels, labels=labels, train=np.arange(25), validation=np.arange(25, 41))


def recipe(*stages, **options):
    return Recipe(**{"name": "test", "stages": stages, "batch_size": 8, "augmentation": 0.3} | options)


def fresh(seed=0):
    torch.manual_seed(seed)
    return build(ENTRY)


def train(films, *stages, net=None, monitor=None, bf16=False, **options):
    net = fresh() if net is None else net
    return fit(
        net, ENTRY, films, recipe(*stages, **options), device=CPU, monitor=monitor or Monitor(), bf16=bf16
    )


def copied(net):
    return {key: value.clone() for key, value in net.state_dict().items()}


def test_a_separable_set_is_learnt_and_the_best_epoch_is_the_one_kept(films):
    fitted = train(films, lasting(ALL, 4))
    rows = films.validation
    scores = logits(fitted.net, ENTRY, films.pixels, rows, device=CPU)
    auc = roc_auc_score(films.labels[rows], scores)
    assert auc > 0.95
    assert auc == pytest.approx(fitted.best.validation_auc)
    assert fitted.best.validation_auc == max(epoch.validation_auc for epoch in fitted.history)
    assert [epoch.epoch for epoch in fitted.history] == [1, 2, 3, 4]
    assert not fitted.net.training


def lasting(stage, epochs):
    return stage.model_copy(update={"epochs": epochs})


def test_the_weights_kept_are_those_of_the_best_epoch_not_of_the_last(films, monkeypatch):
    aucs = iter([0.5, 0.6, 0.9, 0.4, 0.9, 0.8, 0.7, 0.7])  # training and validation take turns
    monkeypatch.setattr(loop, "_auc", lambda *_: next(aucs))
    net, states = fresh(), []
    monitor = Monitor(on_epoch=lambda _: states.append(copied(net)))
    fitted = train(films, lasting(ALL, 4), net=net, monitor=monitor)
    assert fitted.best.epoch == 3
    assert all(torch.equal(value, states[2][key]) for key, value in fitted.net.state_dict().items())
    assert not torch.equal(states[2]["features.0.weight"], states[3]["features.0.weight"])


def test_the_earliest_of_equal_epochs_is_kept(films, monkeypatch):
    monkeypatch.setattr(loop, "_auc", lambda *_: 0.75)
    assert train(films, HEAD).best.epoch == 1


def test_an_epoch_without_an_auc_is_never_the_best(films, monkeypatch):
    aucs = iter([0.5, math.nan, 0.5, 0.6, 0.5, math.nan])
    monkeypatch.setattr(loop, "_auc", lambda *_: next(aucs))
    assert train(films, lasting(HEAD, 3)).best.epoch == 2


def test_a_frozen_backbone_is_bit_identical_after_a_head_stage(films):
    net = fresh()
    before = copied(net)
    train(films, HEAD, net=net)
    after = net.state_dict()
    frozen = [key for key in before if not key.startswith("classifier.")]
    assert any("running_mean" in key for key in frozen)
    assert all(torch.equal(after[key], before[key]) for key in frozen)
    assert not torch.equal(after["classifier.1.weight"], before["classifier.1.weight"])


def test_a_head_stage_is_training_on_the_features_of_every_batch_anew(films):
    """The cache against the plain loop: features passed forward in every epoch, the same draws."""
    stage, plain = HEAD, fresh()
    fitted = train(films, stage, augmentation=0)
    weights = by_hand(plain, films, stage)
    scores = logits(fitted.net, ENTRY, films.pixels, device=CPU)
    plain.get_submodule("classifier").load_state_dict(weights[fitted.best.epoch - 1])
    np.testing.assert_allclose(scores, logits(plain, ENTRY, films.pixels, device=CPU), atol=1e-4)


def by_hand(net, films, stage):
    """Return the head's weights after each epoch."""
    head, draws = net.get_submodule("classifier"), torch.Generator().manual_seed(0)
    labels = torch.from_numpy(films.labels[films.train])
    counts = torch.bincount(labels)
    weight = len(labels) / (2 * counts)
    optimiser = torch.optim.AdamW(head.parameters(), lr=stage.learning_rate, weight_decay=1e-2)
    steps = math.ceil(len(labels) / 8) * stage.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=stage.learning_rate, total_steps=steps)
    torch.manual_seed(0)
    kept = []
    for _ in range(stage.epochs):
        net.eval()
        head.train()
        for batch in torch.split(torch.randperm(len(labels), generator=draws), 8):
            x = to_input(torch.from_numpy(films.pixels[films.train[batch.numpy()]]), ENTRY)
            optimiser.zero_grad()
            functional.cross_entropy(net(x), labels[batch], weight=weight).backward()
            optimiser.step()
            schedule.step()
        kept.append({key: value.clone() for key, value in head.state_dict().items()})
    return kept


def test_several_views_train_too(films):
    fitted = train(films, HEAD.model_copy(update={"views": 3}))
    assert len(fitted.history) == HEAD.epochs


@pytest.mark.parametrize("stage", [HEAD, ALL], ids=["head", "all"])
def test_a_seed_repeats_a_training_bit_for_bit(films, stage):
    one, two, other = (train(films, stage, net=fresh(7), seed=seed) for seed in (1, 1, 2))
    key = "classifier.1.weight"
    assert all(torch.equal(value, two.net.state_dict()[name]) for name, value in one.net.state_dict().items())
    losses = [[epoch.train_loss for epoch in fitted.history] for fitted in (one, two, other)]
    assert losses[0] == losses[1] != losses[2]
    assert not torch.equal(one.net.state_dict()[key], other.net.state_dict()[key])


def test_a_last_batch_of_one_film_is_no_trouble(films):
    odd = Films(films.pixels, films.labels, films.train[:9], films.validation)  # 8 and 1
    fitted = train(odd, HEAD, ALL)
    assert len(fitted.history) == HEAD.epochs + ALL.epochs
    assert all(math.isfinite(epoch.train_loss) for epoch in fitted.history)


def test_bf16_trains_too_and_leaves_weights_in_fp32(films):
    fitted = train(films, ALL, bf16=True)
    assert fitted.best.validation_auc >= 0
    assert all(parameter.dtype == torch.float32 for parameter in fitted.net.parameters())


class Poisoned(torch.nn.Module):
    """Gives NaN from a given forward pass in training on."""

    def __init__(self, net, after):
        super().__init__()
        self.features, self.classifier = net.features, net.classifier
        self.after, self.passes = after, 0

    def forward(self, x):
        self.passes += self.training
        out = self.classifier(self.features(x).mean(dim=(2, 3)))
        return out * math.nan if self.passes > self.after else out


def test_a_loss_that_is_no_number_before_any_epoch_is_a_sentence(films):
    with pytest.raises(TrainingError, match=r"nothing could be kept\. Lower the learning rate"):
        train(films, ALL, net=Poisoned(fresh(), after=1))


def test_a_loss_that_is_no_number_later_keeps_the_best_so_far(films):
    fitted = train(films, lasting(ALL, 5), net=Poisoned(fresh(), after=9))  # 4 batches an epoch
    assert len(fitted.history) == 2
    assert fitted.best in fitted.history
    assert all(bool(torch.isfinite(value).all()) for value in fitted.net.state_dict().values())


@pytest.mark.parametrize(("train_label", "named"), [(1, "training"), (None, "validation")])
def test_a_split_of_one_kind_is_refused_before_anything_is_trained(films, train_label, named):
    rows = films.train
    if train_label is not None:
        rows = rows[films.labels[rows] == train_label]
        given = dataclasses.replace(films, train=rows)
    else:
        given = dataclasses.replace(films, validation=films.validation[:0])
    with pytest.raises(TrainingError, match=f"The {named} films are not of both kinds"):
        train(given, HEAD)


class Stop(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("stage", [HEAD, ALL], ids=["head", "all"])
@pytest.mark.parametrize("call", ["on_progress", "on_epoch"])
def test_a_monitor_that_raises_stops_the_training_and_leaves_a_whole_network(films, stage, call):
    calls = itertools.count()

    def raise_later(_):
        if next(calls) >= (1 if call == "on_epoch" else 3):
            raise Stop

    net = fresh()
    with pytest.raises(Stop):
        train(films, stage, net=net, monitor=Monitor(**{call: raise_later}))
    assert isinstance(net.get_submodule("classifier"), torch.nn.Sequential)


@pytest.mark.parametrize("stages", [(HEAD,), (ALL,), (HEAD, ALL)], ids=["head", "all", "both"])
def test_progress_runs_from_nothing_to_all_and_never_back(films, stages):
    told = []
    train(films, *stages, monitor=Monitor(on_progress=told.append))
    fractions = [progress.fraction for progress in told]
    assert fractions[0] == 0
    assert fractions[-1] == pytest.approx(1)
    assert fractions == sorted(fractions)
    assert all(progress.doing for progress in told)
    assert all(progress.seconds_left >= 0 for progress in told[2:])


def test_both_classes_count_alike_in_the_loss_unless_the_recipe_says_otherwise(films):
    labels = films.labels[films.train]
    for balance, expected in (("loss", len(labels) / (2 * np.bincount(labels))), ("none", [1, 1])):
        weights = loop._Training(
            fresh(), ENTRY, films, recipe(HEAD, balance=balance), CPU, Monitor(), autocast=False
        )._class_weights(torch.from_numpy(labels))
        np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)

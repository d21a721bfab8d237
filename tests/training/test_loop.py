import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from xraylab.errors import TrainingError
from xraylab.findings import PNEUMONIA
from xraylab.networks.inference import logits
from xraylab.networks.inputs import to_input
from xraylab.networks.passes import activations
from xraylab.networks.registry import build, network
from xraylab.training import batches, epochs, loop
from xraylab.training.contract import Films, Monitor
from xraylab.training.frozen import trained_part
from xraylab.training.loop import best_so_far, fit
from xraylab.training.measures import measure
from xraylab.training.memory import in_smaller_pieces
from xraylab.training.optimise import class_weights, film_order, optimiser
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


def train(films, *stages, net=None, monitor=None, bf16=False, checkpoints=None, cache=None, **options):
    return fit(
        fresh() if net is None else net,
        ENTRY,
        films,
        recipe(*stages, **options),
        device=CPU,
        monitor=monitor or Monitor(),
        bf16=bf16,
        checkpoints=checkpoints,
        cache=cache,
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


def say_aucs(monkeypatch, *aucs):
    """Let the epochs come to these validation AUCs; training and validation take turns."""
    turns = iter([auc for each in aucs for auc in (0.5, each)])
    monkeypatch.setattr(epochs, "measure", lambda *seen: measure(*seen) | {"auc": next(turns)})


def lasting(stage, epochs):
    return stage.model_copy(update={"epochs": epochs})


def test_the_weights_kept_are_those_of_the_best_epoch_not_of_the_last(films, monkeypatch):
    say_aucs(monkeypatch, 0.6, 0.4, 0.8, 0.7)
    net, states = fresh(), []
    monitor = Monitor(on_epoch=lambda _: states.append(copied(net)))
    fitted = train(films, lasting(ALL, 4), net=net, monitor=monitor)
    assert fitted.best.epoch == 3
    assert all(torch.equal(value, states[2][key]) for key, value in fitted.net.state_dict().items())
    assert not torch.equal(states[2]["features.0.weight"], states[3]["features.0.weight"])


def test_the_earliest_of_equal_epochs_is_kept(films, monkeypatch):
    say_aucs(monkeypatch, *[0.75] * 6)
    assert train(films, HEAD).best.epoch == 1


def test_the_last_epoch_is_kept_where_the_recipe_says_so_over_all_stages(films, monkeypatch):
    say_aucs(monkeypatch, 0.9, 0.8, 0.6, 0.7)
    net, states = fresh(), []
    monitor = Monitor(on_epoch=lambda _: states.append(copied(net)))
    fitted = train(films, lasting(ALL, 2), lasting(ALL, 2), net=net, monitor=monitor, keep="last")
    assert fitted.best == fitted.history[-1]
    assert all(torch.equal(value, states[-1][key]) for key, value in fitted.net.state_dict().items())


def test_an_epoch_without_an_auc_is_never_the_best(films, monkeypatch):
    say_aucs(monkeypatch, math.nan, 0.6, math.nan)
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


def test_a_compiled_network_trains_to_the_same_weights(films, monkeypatch):
    plain = train(films, HEAD, ALL)
    real, compiled = torch.compile, []

    def without_a_compiler(net):
        compiled.append(net)
        return real(net, backend="eager")  # traced as ever, but not turned into C++

    monkeypatch.setattr(torch, "compile", without_a_compiler)
    fitted = train(films, HEAD, ALL, compile=True)
    assert len(compiled) == 2
    for key, value in plain.net.state_dict().items():
        torch.testing.assert_close(fitted.net.state_dict()[key], value, rtol=0, atol=1e-6)


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
    with pytest.raises(TrainingError, match=rf"{named} films are not of all classes \(NORMAL, PNEUMONIA\)"):
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


@pytest.mark.parametrize("balance", ["loss", "none"])
def test_the_classes_count_alike_in_the_loss_only_if_the_recipe_says_so(films, balance):
    labels = films.labels[films.train]
    expected = len(labels) / (2 * np.bincount(labels)) if balance == "loss" else [1, 1]
    weights = class_weights(torch.from_numpy(labels), 2, recipe(HEAD, balance=balance))
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)


def test_balanced_sampling_draws_every_class_equally_often():
    targets = torch.tensor([0] * 900 + [1] * 80 + [2] * 20)
    drawn = targets[film_order(targets, recipe(HEAD, balance="sampling"), torch.Generator().manual_seed(1))]
    assert len(drawn) == len(targets)
    np.testing.assert_allclose(torch.bincount(drawn), 1000 / 3, rtol=0.15)


def test_without_balanced_sampling_every_film_comes_once(films):
    targets = torch.from_numpy(films.labels[films.train])
    order = film_order(targets, recipe(HEAD), torch.Generator().manual_seed(1))
    assert sorted(order.tolist()) == list(range(len(targets)))


TAIL = Stage(trains="tail:2", epochs=3, learning_rate=3e-3)


@pytest.mark.parametrize("tail", [1, 2, 4])
def test_a_trained_part_on_cached_activations_is_the_network(films, tail):
    net = fresh().eval()
    x = to_input(torch.from_numpy(films.pixels[:6]), ENTRY)
    expected, before = net(x), copied(net)
    cached = activations(net, ENTRY, tail, x)
    with trained_part(net, ENTRY, tail) as part:
        torch.testing.assert_close(part(cached), expected, rtol=0, atol=1e-6)
        assert sum(p.numel() for p in part.parameters()) < sum(value.numel() for value in before.values())
    torch.testing.assert_close(net(x), expected, rtol=0, atol=0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_tail_stage_has_the_gradients_of_a_full_forward_pass(films):
    net = fresh().eval()
    x = to_input(torch.from_numpy(films.pixels[:8]), ENTRY)
    targets = torch.from_numpy(films.labels[:8])
    functional.cross_entropy(net(x), targets).backward()
    trained = [name for stage in ENTRY.stages[-2:] for name in stage]
    full = {n: p.grad.clone() for n, p in net.named_parameters() if n.rpartition(".")[0] in trained}
    assert full
    net.zero_grad()
    with torch.no_grad():
        cached = activations(net, ENTRY, 2, x)
    with trained_part(net, ENTRY, 2) as part:
        functional.cross_entropy(part(cached), targets).backward()
    for name, parameter in net.named_parameters():
        if name in full:
            torch.testing.assert_close(parameter.grad, full[name], rtol=0, atol=1e-6)
        elif not name.startswith("classifier"):
            assert parameter.grad is None


def test_a_tail_stage_leaves_the_frozen_stages_and_their_batch_norms_bit_identical(films):
    net = fresh()
    before = copied(net)
    train(films, TAIL, net=net)
    after = net.state_dict()
    trained = (*(f"{name}." for stage in ENTRY.stages[-2:] for name in stage), "classifier.")
    assert all(torch.equal(after[key], before[key]) for key in before if not key.startswith(trained))
    assert not torch.equal(after["features.11.weight"], before["features.11.weight"])
    assert not torch.equal(after["features.12.running_mean"], before["features.12.running_mean"])


def test_a_cache_that_finds_no_room_changes_nothing_but_the_time_and_is_told(films, monkeypatch):
    cached = train(films, TAIL, augmentation=0)
    monkeypatch.setattr(loop, "room", lambda *_: False)
    anew = train(films, TAIL, augmentation=0)
    assert "doesn't fit in memory" in anew.notes[0]
    for name, value in anew.net.state_dict().items():
        torch.testing.assert_close(value, cached.net.state_dict()[name], rtol=0, atol=1e-4)
    assert anew.history[-1].validation_auc == pytest.approx(cached.history[-1].validation_auc)


class Interrupted(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("stage", [HEAD, TAIL], ids=["head", "tail"])
def test_a_second_training_finds_the_films_passed_already_and_ends_with_the_same_weights(
    films, stage, tmp_path, monkeypatch
):
    films = dataclasses.replace(films, key="these films")
    plain, first = train(films, stage), train(films, stage, cache=tmp_path)
    passes = []
    real = batches.activations
    monkeypatch.setattr(batches, "activations", lambda *given: passes.append(1) or real(*given))
    second = train(films, stage, cache=tmp_path)
    assert len(passes) == 1  # one film, to see how much memory it takes
    assert "forward" in first.speeds
    assert "forward" not in second.speeds  # nothing was passed, so nothing is learnt about how fast it goes
    for key, value in plain.net.state_dict().items():
        assert torch.equal(first.net.state_dict()[key], value)
        assert torch.equal(second.net.state_dict()[key], value)


def test_varied_views_and_films_without_a_key_are_never_cached(films, tmp_path):
    known = dataclasses.replace(films, key="these films")
    train(films, HEAD, cache=tmp_path)
    assert not list(tmp_path.iterdir())
    train(known, HEAD.model_copy(update={"views": 3}), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # training and validation films as they are


def stop_after(epochs):
    def on_epoch(epoch):
        if epoch.epoch == epochs:
            raise Interrupted

    return Monitor(on_epoch=on_epoch)


STAGES = (lasting(HEAD, 2), lasting(TAIL, 2), lasting(ALL, 2))


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "options", [{}, {"ema": 0.9, "balance": "sampling", "dropout": 0.5}], ids=["", "ema"]
)
def test_a_resumed_training_ends_with_the_same_weights_bit_for_bit(films, tmp_path, epochs, options):
    stages = (STAGES[0].model_copy(update={"views": 2}), *STAGES[1:])
    whole = train(films, *stages, **options)
    with pytest.raises(Interrupted):
        train(films, *stages, monitor=stop_after(epochs), checkpoints=tmp_path, **options)
    torch.manual_seed(99)  # another process: nothing of the first is left
    told = []
    monitor = Monitor(on_return=told.append)
    resumed = train(films, *stages, net=fresh(seed=5), monitor=monitor, checkpoints=tmp_path, **options)
    assert [epoch.epoch for epoch in told[0]] == list(range(1, epochs + 1))
    assert [without_time(e) for e in resumed.history] == [without_time(e) for e in whole.history]
    assert resumed.best.epoch == whole.best.epoch
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name]), name


def without_time(epoch):
    return dataclasses.replace(epoch, seconds=0)


def test_the_best_so_far_can_be_had_without_training_on(films, tmp_path, monkeypatch):
    say_aucs(monkeypatch, 0.6, 0.7, 0.9, 0.8, 0.5, 0.4)
    states = []
    net = fresh()

    def on_epoch(epoch):
        states.append(copied(net) if epoch.stage == "all" else None)
        if epoch.epoch == 5:
            raise Interrupted

    for stage in (2, 1):  # the best is of an earlier stage, then of the present one
        stages = (lasting(HEAD, 2), lasting(ALL, 4)) if stage == 2 else (lasting(ALL, 6),)
        folder = tmp_path / str(stage)
        with pytest.raises(Interrupted):
            train(films, *stages, net=net, monitor=Monitor(on_epoch=on_epoch), checkpoints=folder)
        kept = best_so_far(fresh(seed=7), ENTRY, recipe(*stages), folder)
        assert kept.best.epoch == 3
        assert len(kept.history) == 5
        assert all(torch.equal(value, states[2][name]) for name, value in kept.net.state_dict().items())
        states.clear()
        say_aucs(monkeypatch, 0.6, 0.7, 0.9, 0.8, 0.5, 0.4)


def test_a_training_without_a_complete_epoch_has_no_best(films, tmp_path):
    def stop(_):
        raise Interrupted

    with pytest.raises(Interrupted):
        train(films, ALL, monitor=Monitor(on_progress=stop), checkpoints=tmp_path / "a")
    with pytest.raises(TrainingError, match="before its first epoch was complete"):
        best_so_far(fresh(), ENTRY, recipe(ALL), tmp_path / "a")


def test_a_training_does_not_go_on_with_other_films(films, tmp_path):
    with pytest.raises(Interrupted):
        train(films, ALL, monitor=stop_after(1), checkpoints=tmp_path)
    with pytest.raises(TrainingError, match=r"dataset has changed .* Start it again"):
        train(dataclasses.replace(films, key="others"), ALL, checkpoints=tmp_path)


@pytest.mark.parametrize("name", ["stage.pt", "epoch.pt"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None], ids=["empty", "no archive", "half"])
def test_a_damaged_checkpoint_is_a_sentence(films, tmp_path, name, content):
    with pytest.raises(Interrupted):
        train(films, ALL, monitor=stop_after(1), checkpoints=tmp_path)
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if content is None else content)
    with pytest.raises(TrainingError, match=rf"{name} of this run is damaged.* Start it again"):
        train(films, ALL, checkpoints=tmp_path)


def test_an_epoch_of_an_earlier_stage_is_not_taken_for_one_of_this(films, tmp_path):
    stages = (lasting(ALL, 2), lasting(TAIL, 2))
    whole = train(films, *stages)

    def stop_in_second_stage(progress):
        if progress.doing.startswith("passing"):
            raise Interrupted

    with pytest.raises(Interrupted):
        train(films, *stages, monitor=Monitor(on_progress=stop_in_second_stage), checkpoints=tmp_path)
    assert (tmp_path / "epoch.pt").exists()
    resumed = train(films, *stages, net=fresh(seed=5), checkpoints=tmp_path)
    assert all(torch.equal(v, resumed.net.state_dict()[k]) for k, v in whole.net.state_dict().items())


class Hungry(torch.nn.Module):
    """Runs out of memory on more films than it can hold at once, in training."""

    def __init__(self, net, most):
        super().__init__()
        self.features, self.classifier = net.features, net.classifier
        self.most = most

    def forward(self, x):
        if self.training and len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return self.classifier(self.features(x).mean(dim=(2, 3)))


def test_memory_that_runs_out_halves_the_batch_and_adds_the_gradients_up(films):
    options = {"dropout": 0.0, "augmentation": 0}
    stage = lasting(ALL, 2).model_copy(update={"optimiser": "sgd", "schedule": "constant"})
    nets = [frozen_norms(Hungry(fresh(), most)) for most in (64, 3)]
    whole, pieces = (train(films, stage, net=net, **options) for net in nets)
    assert not whole.notes
    assert pieces.notes == (
        "The memory ran out with batches of 8 films, so they pass in pieces of 2 and their gradients are "
        "added up.",
    )
    for name, value in whole.net.state_dict().items():
        torch.testing.assert_close(value, pieces.net.state_dict()[name], rtol=0, atol=1e-5)


def frozen_norms(net):
    """Batch norms see a piece, not the batch: without them both ways must agree."""
    for name, module in list(net.features.named_children()):
        if isinstance(module, torch.nn.BatchNorm2d):
            net.features.set_submodule(name, torch.nn.Identity())
    return net


def test_a_single_film_that_finds_no_memory_is_the_machine_s_error(films):
    with pytest.raises(torch.OutOfMemoryError):
        train(films, ALL, net=Hungry(fresh(), 0))


def test_another_error_is_not_taken_for_a_lack_of_memory():
    def work(_):
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        in_smaller_pieces(work, 8)


def test_a_stage_without_improvement_ends_early_and_says_so(films, monkeypatch):
    say_aucs(monkeypatch, 0.7, 0.6, 0.6, 0.8, 0.8)
    fitted = train(films, lasting(HEAD, 9), ALL, patience=2)
    assert [epoch.stage for epoch in fitted.history] == ["head"] * 3 + ["all"] * 2
    assert fitted.best.epoch == 4
    assert fitted.notes[0].startswith("Stopped early after epoch 3: validation AUC had not improved for 2")


def test_the_average_of_the_weights_is_what_is_kept(films):
    stage = lasting(HEAD, 4).model_copy(update={"schedule": "constant", "optimiser": "sgd"})
    heads = []
    net = fresh()
    monitor = Monitor(on_epoch=lambda _: heads.append(net.classifier[1].weight.detach().clone()))
    fitted = train(films, stage, net=net, monitor=monitor, ema=0.9, batch_size=25)  # a step an epoch
    average = heads[0]  # torch's average starts at the first weights that it is given
    for head in heads[1 : fitted.best.epoch]:
        average = 0.9 * average + 0.1 * head
    torch.testing.assert_close(fitted.net.classifier[1].weight, average, rtol=0, atol=1e-7)


def test_a_deeper_stage_learns_at_a_lower_rate():
    net = fresh()
    stage = Stage(trains="all", epochs=1, learning_rate=1e-2, depth_factor=0.5)
    groups = optimiser(net, ENTRY, stage, recipe(stage)).param_groups
    assert [group["lr"] for group in groups] == [1e-2 * 0.5**depth for depth in range(6)]
    assert [p.shape for p in groups[0]["params"]] == [p.shape for p in net.classifier.parameters()]
    assert groups[-1]["params"][0] is net.features[0].weight
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("shape", ["constant", "cosine", "one-cycle"])
def test_every_optimiser_and_schedule_trains(films, kind, shape):
    stage = lasting(ALL, 4).model_copy(update={"optimiser": kind, "schedule": shape})
    fitted = train(films, stage)
    rates = [epoch.learning_rate for epoch in fitted.history]
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss
    if shape == "constant":
        assert rates == [stage.learning_rate] * 4
    else:
        assert rates[-1] < 0.05 * max(rates)


def test_an_epoch_tells_the_rates_at_a_score_of_a_half(films):
    fitted = train(films, lasting(ALL, 3))
    rows = films.validation
    scores = logits(fitted.net, ENTRY, films.pixels, rows, device=CPU)
    called, labels, best = scores >= 0, films.labels[rows], fitted.best
    assert best.validation_accuracy == pytest.approx(metrics.accuracy_score(labels, called))
    assert best.validation_balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, called))
    assert best.validation_f1 == pytest.approx(metrics.f1_score(labels, called))
    assert best.validation_kappa == pytest.approx(metrics.cohen_kappa_score(labels, called))


def test_three_classes_are_trained_and_judged_as_normal_against_the_rest(films):
    labels = films.labels.copy()
    labels[2::3] = 2
    torch.manual_seed(0)
    net = build(ENTRY, classes=3)
    films = dataclasses.replace(films, labels=labels, classes=PNEUMONIA.classes_by_kind)
    fitted = train(films, lasting(ALL, 4), net=net, task="subtype")
    rows = films.validation
    scores = logits(fitted.net, ENTRY, films.pixels, rows, device=CPU)
    assert roc_auc_score(labels[rows] > 0, scores) == pytest.approx(fitted.best.validation_auc)
    assert fitted.best.validation_auc > 0.9


@pytest.mark.parametrize("stage", [HEAD, ALL], ids=["head", "all"])
@pytest.mark.parametrize("balance", ["loss", "sampling"])
def test_a_batch_larger_than_the_training_set_takes_all_training_films(films, stage, balance):
    larger = train(films, lasting(stage, 2), batch_size=4096, balance=balance)
    exact = train(films, lasting(stage, 2), batch_size=25, balance=balance)
    assert all(
        torch.equal(value, exact.net.state_dict()[key]) for key, value in larger.net.state_dict().items()
    )
    assert exact.notes == ()
    assert larger.notes == (
        "The recipe's batches of 4096 films are larger than the training set of 25, so each batch has all "
        "training films.",
    )


def test_a_training_that_goes_on_tells_of_its_smaller_batch_once(films, tmp_path):
    def stop(_epoch):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        train(films, lasting(ALL, 2), batch_size=64, monitor=Monitor(on_epoch=stop), checkpoints=tmp_path)
    fitted = train(films, lasting(ALL, 2), batch_size=64, checkpoints=tmp_path)
    assert len(fitted.history) == 2
    assert len(fitted.notes) == 1


def test_a_loss_that_stops_being_a_number_is_told_with_its_epoch(films):
    fitted = train(films, lasting(ALL, 5), net=Poisoned(fresh(), after=9))
    kept = fitted.best.epoch
    assert fitted.notes == (
        f"The loss stopped being a number in epoch 3, so the training ended there and the network as it was "
        f"after epoch {kept} was kept. A lower learning rate would help.",
    )

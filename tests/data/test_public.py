"""Public datasets: asked of named machines after a person agreed, and then a source like any other."""

import os
import re
from urllib.parse import urlsplit

import pytest

from tests.support.layouts import COPIES
from xraylab import actions
from xraylab.data.public import fetch, public_dataset, public_datasets
from xraylab.errors import DatasetError, NotConfirmedError, NotFoundError, StorageError
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.public"]


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path / "home")


def inside(settings):
    return sorted(file.name for file in settings.fetched.iterdir())


@pytest.mark.parametrize("dataset", public_datasets(), ids=lambda dataset: dataset.name)
def test_every_machine_is_named_with_the_size_and_asked_with_tls(dataset):
    assert {urlsplit(origin).scheme for origin in dataset.remote.origins} == {"https"}
    assert dataset.remote.url.startswith(dataset.remote.origins[0] + "/")
    for origin in dataset.remote.origins:
        assert urlsplit(origin).hostname in dataset.request
    assert re.search(r"about [\d.]+ [MG]B are downloaded from", dataset.request)
    assert dataset.size <= dataset.remote.at_most <= 2 * dataset.size


@pytest.mark.parametrize(
    ("name", "copy"),
    [("kermany", "kaggle"), ("pneumoniamnist", "pneumoniamnist"), ("pneumoniamnist_224", "pneumoniamnist")],
)
def test_what_was_fetched_is_previewed_and_imported_like_any_source(settings, published, server, name, copy):
    published(name, copy)
    told = []
    fetched = actions.fetch_dataset(settings, name, confirmed=True, on_progress=lambda *now: told.append(now))
    assert told[-1] == (len(server.content),) * 2
    assert fetched.preview.layout == COPIES[copy].name
    assert sum(fetched.preview.classes.values()) == sum(COPIES[copy].labels.values())
    imported = actions.import_dataset(settings, settings.fetched / public_dataset(name).file, name)
    assert imported.labels == COPIES[copy].labels
    assert inside(settings) == [public_dataset(name).file]


def test_nothing_is_asked_before_a_person_agreed_or_if_the_file_is_there(settings, published, server):
    dataset = published("pneumoniamnist")
    with pytest.raises(NotConfirmedError, match=r"are downloaded from 127\.0\.0\.1"):
        fetch(settings, "pneumoniamnist")
    assert server.asked == []
    assert not settings.fetched.exists()
    settings.fetched.mkdir(parents=True)
    (settings.fetched / dataset.file).write_bytes(server.content)
    assert fetch(settings, "pneumoniamnist", confirmed=True).read_bytes() == server.content
    assert server.asked == []


def test_a_fetch_that_was_cut_goes_on_where_it_stopped(settings, published, server):
    content = os.urandom(3_000_000)
    dataset = published("pneumoniamnist", way="cut", content=content)
    with pytest.raises(DatasetError, match="couldn't be fetched: the connection broke off"):
        fetch(settings, "pneumoniamnist", confirmed=True)
    assert inside(settings) == [f".{dataset.file}.part"]
    published("pneumoniamnist", content=content)
    assert fetch(settings, "pneumoniamnist", confirmed=True).read_bytes() == content
    assert server.asked == [0, len(content) // 2 - (1 << 20)]
    assert inside(settings) == [dataset.file]


@pytest.mark.parametrize(
    ("way", "why"),
    [("missing", "127.0.0.1 answered 404"), ("wrong", "the file received has another MD5")],
)
def test_a_fetch_that_fails_says_which_file_to_place_where(settings, published, way, why):
    dataset = published("kermany", "kaggle", way)
    with pytest.raises(DatasetError) as caught:
        fetch(settings, "kermany", confirmed=True)
    assert str(caught.value) == (
        f"{dataset.title} couldn't be fetched: {why}. Try again, which goes on where it stopped, or download "
        f"it from https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia on any machine and "
        f"place it at {settings.fetched / 'chest-xray-pneumonia.zip'}."
    )


def test_another_file_in_its_place_is_not_taken_for_it(settings, published, server):
    dataset = published("pneumoniamnist")
    settings.fetched.mkdir(parents=True)
    (settings.fetched / dataset.file).write_bytes(b"other")
    with pytest.raises(DatasetError, match="isn't the published file: its MD5 is another one"):
        fetch(settings, "pneumoniamnist", confirmed=True)
    assert server.asked == []


def test_two_fetches_of_one_file_do_not_meet(settings, published, server):
    published("pneumoniamnist")

    def meanwhile(done, total):
        if done == total:
            with pytest.raises(StorageError, match="is being written already"):
                fetch(settings, "pneumoniamnist", confirmed=True)

    assert fetch(settings, "pneumoniamnist", confirmed=True, on_progress=meanwhile).exists()
    assert server.asked == [0]


def test_an_unknown_name_is_answered_with_those_that_are_known(settings):
    with pytest.raises(NotFoundError, match="Choose one of: kermany, pneumoniamnist, pneumoniamnist_64"):
        fetch(settings, "chexpert", confirmed=True)

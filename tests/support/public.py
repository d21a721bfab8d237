"""Public datasets as made-up copies, which a server on this machine publishes. No test asks the real ones."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.layouts import COPIES
from xraylab.data import public

pytest_plugins = ["tests.support.remote"]
REAL = public.public_datasets()


@pytest.fixture
def published(server, monkeypatch, tmp_path):
    """Return a function that has this machine's server publish a made-up copy of a dataset, in some way."""
    # Whatever a test forgets to publish has no address that could be asked.
    monkeypatch.setattr(public, "_PUBLIC", ())

    def publish(name, copy="pneumoniamnist", way="whole", content=None):
        made = tmp_path / "made-up"
        made.mkdir(exist_ok=True)
        server.content = content or Path(COPIES[copy].make(made)).read_bytes()
        real = next(dataset for dataset in REAL if dataset.name == name)
        digest = real.remote.digest and hashlib.md5(server.content, usedforsecurity=False).hexdigest()
        remote = replace(
            real.remote,
            url=f"{server.origin}/{way}/{real.file}",
            origins=(server.origin,),
            at_most=len(server.content),
            digest=digest,
        )
        dataset = replace(real, remote=remote, size=len(server.content))
        monkeypatch.setattr(public, "_PUBLIC", (dataset,))
        return dataset

    return publish

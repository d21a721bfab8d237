"""pytorch-grad-cam and torchvision come without the libraries that only their other parts use."""

import os
import subprocess
import sys

from tests.support.serving import ROOT

HEAVY = ("torch._dynamo", "matplotlib", "sklearn")
READ = f"""
import sys
import xraylab.reading
print("torch" in sys.modules)
from xraylab import actions
from xraylab.app.samples import samples
from xraylab.settings import load_settings
loaded = actions.load_for_reading(load_settings(), "cnn")
film = samples()[0].film
list(actions.read_films(load_settings(), loaded, [film], actor="test"))
from xraylab.reading.heatmap import heatmaps
heatmaps(loaded, film.standard.pixels)
print([name for name in {HEAVY} if name in sys.modules])
"""
LATE = """
import sys
import numpy as np
import torch
from xraylab.networks.vision import torchvision
from xraylab.reading import cams
import pytorch_grad_cam.utils.svd_on_activations as factors
print(torchvision.ops.roi_align(torch.ones(1, 1, 4, 4), [torch.tensor([[0.0, 0, 4, 4]])], 2).tolist())
print(factors.get_2d_projection_kernel(np.random.default_rng(0).normal(size=(1, 3, 4, 4))).shape)
import matplotlib.pyplot, sklearn.decomposition, torch._dynamo.utils
print(isinstance(sklearn.decomposition.KernelPCA, type), torch._dynamo.utils.__spec__ is not None)
"""


def run(code, home):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"XRAYLAB_HOME": str(home), "MPLCONFIGDIR": str(home / "fonts")},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_film_is_read_without_a_compiler_matplotlib_or_scikit_learn(tmp_path):
    assert run(READ, tmp_path) == ["False", "[]"]


def test_what_is_left_out_is_loaded_once_it_is_used(tmp_path):
    assert run(LATE, tmp_path) == ["[[[[1.0, 1.0], [1.0, 1.0]]]]", "(1, 4, 4)", "True True"]

"""Load the libraries that read a film: whole, against without the parts that nothing here uses."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.frame import Difference
from benchmarks.material import Material

_ROOT = Path(__file__).parents[1]
_WHOLE = "import torch, torchvision, pytorch_grad_cam"
_OURS = "import xraylab.networks.vision, xraylab.reading.cams"
_NAMES = """
import json, torchvision, pytorch_grad_cam
print(json.dumps([sorted(dir(one)) for one in (torchvision.models, torchvision.ops, pytorch_grad_cam)]))
"""


class Libraries:
    """The start of a process that reads films."""

    name = "libraries"
    target = 1.5
    compared = (
        "A new process imports torch, torchvision and pytorch-grad-cam: as they are, against with stand-ins "
        "for torch's compiler, matplotlib and scikit-learn, which nothing here uses."
    )

    def unavailable(self) -> str | None:
        """Return None: the row runs everywhere."""
        return None

    def prepare(self, material: Material) -> None:
        """Do nothing: no film is needed."""

    def check(self) -> Sequence[Difference]:
        """Compare the names that the libraries offer, of networks, layers and heatmaps."""
        whole, ours = (json.loads(_run(f"{code}{_NAMES}")) for code in (_WHOLE, _OURS))
        names = zip(("networks", "layers", "heatmaps"), whole, ours, strict=True)
        return [
            Difference(what=f"names of {what} that differ", largest=len({*usual} ^ {*own}), allowed=0)
            for what, usual, own in names
        ]

    def baseline(self) -> None:
        """Import everything."""
        _run(_WHOLE)

    def ours(self) -> None:
        """Import what is used."""
        _run(_OURS)


def _run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True).stdout

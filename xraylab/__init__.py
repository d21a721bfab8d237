"""
XRayLab: train chest-radiograph classifiers, move the threshold, see what the network looked at.

::

    import xraylab

    xraylab.read("film.png")

- a name is looked up on first use, so that ``import xraylab`` loads nothing else: no pandas, no torch
- modules are named as text: a real import here would make every room import the front door
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xraylab.errors import XRayLabError
    from xraylab.front import (
        evaluate,
        import_dataset,
        list_models,
        load_model,
        lock,
        read,
        restore_lock,
        train,
    )
else:
    _FRONT = "evaluate import_dataset list_models load_model lock read restore_lock train"
    _MODULES = {"XRayLabError": "xraylab.errors"} | dict.fromkeys(_FRONT.split(), "xraylab.front")

    def __getattr__(name: str) -> object:
        # Python asks here for submodules too, before it imports them: they must be unknown.
        if name not in _MODULES:
            raise AttributeError(f"module 'xraylab' has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value  # the next look-up doesn't come here
        return value


__version__ = "0.1.0"
__all__ = [
    "XRayLabError",
    "__version__",
    "evaluate",
    "import_dataset",
    "list_models",
    "load_model",
    "lock",
    "read",
    "restore_lock",
    "train",
]


def __dir__() -> list[str]:
    return sorted(__all__)

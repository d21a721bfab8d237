"""
Parts of libraries that we never use, loaded only if something uses them after all.

- torchvision loads torch's compiler for a layer of detectors, and pytorch-grad-cam loads matplotlib and
  scikit-learn for drawings and factors; together that is longer than loading torch itself
- ``from library import name`` gives a stand-in inside ``later``, which loads the library at the first use
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


class _Name:
    """A name of a module that isn't loaded yet."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _loaded(self) -> Any:
        return getattr(importlib.import_module(self._module), self._name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._loaded()(*args, **kwargs)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._loaded(), attribute)


class _Module(ModuleType):
    """A module whose names load it once they are used."""

    def __getattr__(self, name: str) -> _Name:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(self.__name__, name)


@contextlib.contextmanager
def later(*modules: str) -> Iterator[None]:
    """Let what is imported in the block have stand-ins for functions of some modules.

    Parameters
    ----------
    *modules : str
        Full names. A module that is loaded already stays as it is. A stand-in can be called and asked for
        attributes; it is no class to inherit from.
    """
    standing = {name: _Module(name) for name in modules if name not in sys.modules}
    sys.modules.update(standing)
    try:
        yield
    finally:
        for name, module in standing.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]

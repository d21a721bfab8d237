"""Records of evaluation, models and reading: none can be changed, and arrays are never compared."""

import importlib
import pkgutil
import runpy
import typing
from concurrent.futures import Future
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import ArrayLike

from xraylab import evaluation, models, reading
from xraylab.imaging import Film

MODULES = [
    module.name
    for room in (evaluation, models, reading)
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}.")
    if module.name.rpartition(".")[2]
    not in {"cams", "faithfulness", "heatmap", "measure_scale"}  # load slowly
]
# Of two arrays or tables ``==`` gives no truth value; of the others each is one of its kind.
NO_VALUES = (np.ndarray, pd.DataFrame, torch.nn.Module, Future, Film)


def records(names, module):
    return {
        name: one
        for name, one in names.items()
        if isinstance(one, type) and is_dataclass(one) and one.__module__ == module
    }


def holds_no_values(kind):
    """Whether a field of this type can't be compared with ``==``, or holds something that can't."""
    if (typing.get_origin(kind) or kind) in NO_VALUES or kind == ArrayLike:
        return True
    if is_dataclass(kind):
        return any(map(holds_no_values, typing.get_type_hints(kind).values()))
    return any(map(holds_no_values, typing.get_args(kind)))


@pytest.mark.parametrize("module", MODULES)
def test_a_record_is_frozen_and_equal_by_its_values_unless_it_holds_arrays(module):
    loaded = importlib.import_module(module)
    # Run anew, so that the lines of the classes are lines of this test.
    again = records(runpy.run_path(str(Path(loaded.__file__)), run_name="again"), "again")
    for name, record in records(vars(loaded), module).items():
        by_identity = holds_no_values(record)
        for one in (record, again[name]):
            assert (one.__eq__ is object.__eq__) == by_identity, name
            assert one.__dataclass_params__.frozen, name

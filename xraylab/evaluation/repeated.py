"""Results that are asked for again and again: a screen is drawn anew at each click, on the same films."""

import hashlib
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")


def repeated(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep the last results of a function of arrays and numbers, by the content of the arrays.

    The results are shared, so nobody may change them. Errors aren't kept.

    Parameters
    ----------
    most : int
        Number of results that are kept; those that were used last stay.
    """

    def keeping(function: Callable[P, T]) -> Callable[P, T]:
        changing = threading.Lock()
        results: dict[tuple[object, ...], T] = {}

        @wraps(function)
        def kept(*args: P.args, **kwargs: P.kwargs) -> T:
            key = (*map(_content, args), *((name, _content(value)) for name, value in sorted(kwargs.items())))
            with changing:
                if key in results:
                    results[key] = results.pop(key)
                    return results[key]
            result = function(*args, **kwargs)  # two threads may compute the same, which does no harm
            with changing:
                results[key] = result
                while len(results) > most:
                    del results[next(iter(results))]
            return result

        return kept

    return keeping


def _content(value: Any) -> object:
    """Return what tells a value from others: of an array its type, shape and a hash of its bytes."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.hasobject:
        raise TypeError("the bytes of an array of objects don't tell its content")
    return value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).digest()

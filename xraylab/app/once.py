"""Results that are made once, whichever thread asks first, and kept until others take their place."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Results of one kind by their keys; those that were used last stay.

    Parameters
    ----------
    most : int
        Number of results that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changing = threading.Lock()
        self._results: dict[Hashable, Future[T]] = {}

    def take(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return a result; make it if it is missing, or wait for the thread that makes it.

        Parameters
        ----------
        key : hashable
            All that the result depends on.
        make : callable
            Makes the result. What it raises is raised for all that wait, and the next call makes it anew.
        """
        with self._changing:
            known = self._results.pop(key, None)
            result: Future[T] = known or Future()
            self._results[key] = result
            while len(self._results) > self._most:
                del self._results[next(iter(self._results))]
        if known is None:
            try:
                result.set_result(make())
            except BaseException as error:
                with self._changing:
                    if self._results.get(key) is result:
                        del self._results[key]
                result.set_exception(error)
        return result.result()

    def has(self, key: Hashable) -> bool:
        """Return whether a result is there, so that ``take`` wouldn't wait."""
        with self._changing:
            result = self._results.get(key)
        return result is not None and result.done()

    def keys(self) -> list[Hashable]:
        """Return the keys of the results, the one that was used last at the end."""
        with self._changing:
            return list(self._results)

    def keep_only(self, fits: Callable[[Hashable], bool]) -> None:
        """Forget the results whose keys don't fit."""
        with self._changing:
            self._results = {key: result for key, result in self._results.items() if fits(key)}

    def clear(self) -> None:
        """Forget all results."""
        with self._changing:
            self._results.clear()

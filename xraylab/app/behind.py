"""
Results that are made in the background, for a screen that doesn't wait for them.

- a thread works while something is wanted and ends afterwards; what is wanted anew replaces what waited
- an error is a result too: it is raised when the result is asked for
- it never touches Streamlit's session
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 24  # results that are kept


class Behind(Generic[T]):
    """Results of one kind and one session, by their keys; those that were wanted last stay."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._wanted: list[tuple[Hashable, Callable[[], T]]] = []
        self._results: dict[Hashable, T | Exception] = {}
        self._working = False

    def want(self, wanted: Sequence[tuple[Hashable, Callable[[], T]]]) -> None:
        """Have results made, each by its function, in this order; others that waited are forgotten."""
        with self._changing:
            for key, _ in reversed(wanted):
                if key in self._results:
                    self._results[key] = self._results.pop(key)  # used last
            self._wanted = [(key, make) for key, make in wanted if key not in self._results]
            if self._wanted and not self._working:
                self._working = True
                threading.Thread(target=self._work, name="behind", daemon=True).start()

    def take(self, key: Hashable) -> T | None:
        """Return a result; None if it isn't made yet. Raise the error that came in its place, once."""
        with self._changing:
            result = self._results.get(key)
            if isinstance(result, Exception):
                del self._results[key]  # so that the result is made anew when it is wanted again
        if isinstance(result, Exception):
            raise result
        return result

    def _work(self) -> None:
        while (todo := self._next()) is not None:
            key, make = todo
            result: T | Exception
            try:
                result = make()
            except Exception as error:  # raised by ``take``, in the session that asks
                result = error
            with self._changing:
                self._results[key] = result
                self._wanted = [other for other in self._wanted if other[0] != key]
                while len(self._results) > _MOST:
                    del self._results[next(iter(self._results))]

    def _next(self) -> tuple[Hashable, Callable[[], T]] | None:
        with self._changing:
            if not self._wanted:
                self._working = False
                return None
            return self._wanted[0]

"""Kept: what was decoded last, within a bound, so that a slice that is looked at is decoded once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

__all__ = ["KEPT", "Kept"]

#: Bytes that are kept in each process.
LIMIT = 128 << 20


class Kept:
    """A bounded memory for values that take long to get; the least recently used go first.

    Parameters
    ----------
    limit : int
        Bytes of all values together; a value that is larger by itself is not kept.

    Examples
    --------
    >>> kept = Kept(limit=10)
    >>> [kept.get(key, lambda: key * 2, len) for key in ("abc", "abcd", "abc")]
    ['abcabc', 'abcdabcd', 'abcabc']
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """Return the value of a key; it is made, and its size measured, when it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value = make()  # other threads go on meanwhile
        count = size(value)
        with self._lock:
            if count <= self.limit and key not in self._values:
                self._values[key] = value, count
                self._size += count
                while self._size > self.limit:
                    self._size -= self._values.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._size = 0


#: The memory that all lazy volumes of the process share.
KEPT = Kept()

"""Quiet: warnings of pydicom are kept back while files are read, on any number of threads."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["quiet"]

_LOCK = Lock()
_INSIDE = 0
_FILTERS = warnings.catch_warnings()


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings: the first thread in changes the filters, the last one out restores them.

    ``warnings.catch_warnings`` alone would let threads restore one another's filters.
    """
    global _INSIDE, _FILTERS
    with _LOCK:
        if not _INSIDE:
            _FILTERS = warnings.catch_warnings()
            _FILTERS.__enter__()
            warnings.simplefilter("ignore")
        _INSIDE += 1
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE -= 1
            if not _INSIDE:
                _FILTERS.__exit__(None, None, None)

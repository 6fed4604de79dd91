"""Quiet: warnings of pydicom are kept back while files are read, on any number of threads."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

__all__ = ["quiet", "warn"]

_LOCK = Lock()
_INSIDE = 0
_FILTERS = warnings.catch_warnings()
#: What is to be said when it is no longer quiet.
_SAVED: list[tuple[str, type[Warning]]] = []


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
            saved: list[tuple[str, type[Warning]]] = []
            if not _INSIDE:
                _FILTERS.__exit__(None, None, None)
                saved, _SAVED[:] = _SAVED[:], []
        for message, category in saved:
            warnings.warn(message, category, stacklevel=3)


def warn(message: str, category: type[Warning] = RuntimeWarning) -> None:
    """Give a warning of our own, also out of what is quiet: then when that ends."""
    with _LOCK:
        if _INSIDE:
            _SAVED.append((message, category))
            return
    warnings.warn(message, category, stacklevel=2)

"""Progress of long reads: a bar in notebooks, silence elsewhere."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from dicomview.options import options

__all__ = ["bytes_bar", "progress", "watched"]

T = TypeVar("T")

#: Seconds before a bar appears.
DELAY = 1.0
#: Who is told instead, of what this thread reads.
_watcher: ContextVar[Callable[[str, int, int], object] | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(tell: Callable[[str, int, int], object]) -> Iterator[None]:
    """Tell a function of the progress of what is read within; no bar is shown.

    Parameters
    ----------
    tell : callable
        Takes what is read, how much of it has been, and how much there is. To end the reading
        it raises an exception that is no ``Exception``, such as KeyboardInterrupt.

    Examples
    --------
    >>> import dicomview as dv
    >>> told = []
    >>> with watched(lambda *progress: told.append(progress)):
    ...     found = dv.find_series(dv.samples.head_ct())
    >>> told[-1]
    ('headers', 68, 68)
    """
    token = _watcher.set(tell)
    try:
        yield
    finally:
        _watcher.reset(token)


def progress(items: Sequence[T], what: str, *, unit: str = "file") -> Iterable[T]:
    """Iterate over items with a bar, when it takes more than a second and a notebook is there to show it."""
    tell = _watcher.get()
    if tell is not None:
        return _told(items, what, tell)
    if not (options.progress and _in_notebook()):
        return items
    from tqdm.notebook import tqdm

    bar: Iterable[T] = tqdm(items, desc=what, delay=DELAY, leave=False, unit=unit)
    return bar


def bytes_bar(what: str, size: int) -> Any:
    """Return a bar for so many bytes, which is told of them by the caller; None without a notebook."""
    if not (options.progress and _in_notebook()):
        return None
    from tqdm.notebook import tqdm

    return tqdm(total=size, desc=what, delay=DELAY, leave=False, unit="B", unit_scale=True)


def _told(items: Sequence[T], what: str, tell: Callable[[str, int, int], object]) -> Iterator[T]:
    """Iterate over items and tell how many are done."""
    for number, item in enumerate(items):
        tell(what, number, len(items))
        yield item
    tell(what, len(items), len(items))


def _in_notebook() -> bool:
    """Return whether this is a Jupyter kernel; IPython is asked only if it is there already."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")

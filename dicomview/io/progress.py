"""Progress of long reads: a bar in notebooks, silence elsewhere."""

import sys
from collections.abc import Iterable, Sequence
from typing import TypeVar

from dicomview.options import options

__all__ = ["progress"]

T = TypeVar("T")

#: Seconds before a bar appears.
DELAY = 1.0


def progress(items: Sequence[T], what: str) -> Iterable[T]:
    """Iterate over items with a bar, when it takes more than a second and a notebook is there to show it."""
    if not (options.progress and _in_notebook()):
        return items
    from tqdm.notebook import tqdm

    bar: Iterable[T] = tqdm(items, desc=what, delay=DELAY, leave=False, unit="file")
    return bar


def _in_notebook() -> bool:
    """Return whether this is a Jupyter kernel; IPython is asked only if it is there already."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")

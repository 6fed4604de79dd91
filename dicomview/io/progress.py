"""Progress of long reads: a bar in notebooks, silence elsewhere."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from tqdm.auto import tqdm
from tqdm.std import tqdm as plain_tqdm

from dicomview.options import options

__all__ = ["progress"]

T = TypeVar("T")

#: Seconds before a bar appears.
DELAY = 1.0


def progress(items: Sequence[T], what: str) -> Iterable[T]:
    """Iterate over items with a bar, when it takes more than a second and somebody is there to see it."""
    in_notebook = not issubclass(tqdm, plain_tqdm) or tqdm.__module__.endswith("notebook")
    if not (options.progress and in_notebook):
        return items
    bar: Iterable[T] = tqdm(items, desc=what, delay=DELAY, leave=False, unit="file")
    return bar

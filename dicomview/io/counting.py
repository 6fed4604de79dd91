"""Counting: how many elements a file may have, since damage and bombs have millions of them."""

from collections.abc import Callable

__all__ = ["counting"]

#: So many elements a header may have, sequences apart.
MOST_ELEMENTS = 200_000


def counting() -> Callable[[int, str | None, int], bool]:
    """Return what stops reading, with an error, where there are more elements than any header has."""
    count = 0

    def stop(tag: int, vr: str | None, length: int) -> bool:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS:
            raise ValueError(f"the file has more than {MOST_ELEMENTS} elements: it is damaged")
        return False

    return stop

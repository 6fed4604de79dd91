"""Counting: how many elements and items a file may have, since damage and bombs have millions of them."""

from collections.abc import Callable

__all__ = ["MOST_ITEMS", "Heads", "counting"]

#: So many elements a header may have, sequences apart.
MOST_ELEMENTS = 50_000
#: So many items a sequence may have that is served to the user.
MOST_ITEMS = 50_000
#: So many items without contents a file may have, and elements of nothing but zeros in a row.
_MOST_EMPTY, _MOST_ZEROS = 20_000, 16
_EMPTY_ITEM, _ZEROS = b"\xfe\xff\x00\xe0\0\0\0\0", bytes(8)


def counting() -> Callable[[int, str | None, int], bool]:
    """Return what stops reading, with an error, where there are more elements than any header has.

    It stops without one at an element of nothing but zeros: a file may be filled up with them.
    """
    count = 0

    def stop(tag: int, vr: str | None, length: int) -> bool:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS:
            raise ValueError(f"the file has more than {MOST_ELEMENTS} elements: it is damaged")
        return tag == 0

    return stop


class Heads:
    """Counts what begins elements and items, also inside of sequences, while they are read."""

    def __init__(self) -> None:
        self._zeros = self._empty = 0

    def see(self, head: bytes) -> None:
        """Take note of eight bytes; ValueError where there is no end of empty ones."""
        self._zeros = self._zeros + 1 if head == _ZEROS else 0
        self._empty += head == _EMPTY_ITEM
        if self._zeros > _MOST_ZEROS:
            raise ValueError("zeros are where elements should be: the file is damaged")
        if self._empty > _MOST_EMPTY:
            raise ValueError(f"the file has more than {_MOST_EMPTY} empty items: it is damaged")

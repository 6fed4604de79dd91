"""Inflating: how large deflated data may become, by the memory budget and by its own size."""

import io
import sys
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

from dicomview.errors import MemoryBudgetError
from dicomview.io.counting import Heads
from dicomview.volume.memory import allowed_memory

__all__ = ["Bounded", "Room", "check_inflated", "most_inflated", "opened"]

#: Up to so many bytes the ratio does not count; beyond them nothing is this many times as large as its file.
_ALWAYS, _RATIO = 1 << 30, 100
#: What is inflated at once is in memory so many times while it is read.
_COPIES = 4
#: Bytes that are inflated, and made, at a time.
_PIECE, _CHUNK = 1 << 15, 1 << 20
#: No byte of deflated data becomes more than so many (RFC 1951: 258 by two bits, and some).
_MOST_DEFLATED = 1040
_REMEDY = "if the file can be trusted, raise dicomview.options.memory_budget (None for no limit)"


def most_inflated(size: int, copies: int = 1) -> int | None:
    """Return how many bytes so many may become; None for any number.

    Examples
    --------
    >>> import dicomview as dv
    >>> most_inflated(1000) <= 1 << 30
    True
    """
    allowed = allowed_memory()
    return None if allowed is None else min(int(allowed) // copies, max(_ALWAYS, _RATIO * size))


class Room:
    """How much the members of an archive may still take, all together.

    Parameters
    ----------
    size : int
        Bytes of the archive.
    """

    def __init__(self, size: int) -> None:
        self._most = most_inflated(size)
        self._taken = 0

    @property
    def left(self) -> int:
        """Bytes that are left."""
        return sys.maxsize if self._most is None else max(self._most - self._taken, 0)

    def take(self, size: int) -> None:
        """Take so many bytes; MemoryBudgetError if there are fewer."""
        if size > self.left:
            raise MemoryBudgetError(
                f"its files take more than {(self._most or 0) >> 20} MB, and are not read any further",
                remedy=_REMEDY.replace("file", "archive"),
            )
        self._taken += size


def check_inflated(data: bytes) -> None:
    """Refuse deflated data that becomes too large; it is inflated piece by piece, and nothing is kept.

    Raises
    ------
    MemoryBudgetError
        If it is larger than the memory budget allows.
    """
    most = most_inflated(len(data), _COPIES)
    if most is None or len(data) * _MOST_DEFLATED <= most:
        return
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        for at in range(0, len(data), _PIECE):
            rest = data[at : at + _PIECE]  # what is not used up is copied each time
            while rest and not inflater.eof:
                size += len(inflater.decompress(rest, _CHUNK))
                rest = inflater.unconsumed_tail
                if size > most:
                    raise MemoryBudgetError(
                        f"{len(data)} deflated bytes become more than {most >> 20} MB",
                        remedy=_REMEDY,
                    )
    except zlib.error:
        pass  # whoever inflates it says so


class Bounded(io.RawIOBase):
    """A stream that refuses to give too much at once.

    Parameters
    ----------
    stream : binary file
    most : int, optional
        The most bytes that may be asked for; without it, what is asked for without a number is taken for
        deflated data, as pydicom reads it, and may not become too large.
    """

    def __init__(self, stream: Any, most: int | None = None) -> None:
        self._stream = stream
        self._most = most
        self._heads = Heads()
        self.name = getattr(stream, "name", None)

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes."""
        if self._most is not None and size is not None and size > self._most:
            raise MemoryBudgetError(f"a part of it takes more than {self._most >> 20} MB", remedy=_REMEDY)
        data: bytes = self._stream.read(-1 if size is None else size)
        if self._most is None:
            if size == 8:  # how pydicom reads what begins an element
                self._heads.see(data)
            elif size is None or size < 0:
                check_inflated(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._stream.tell())

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can go to a place."""
        return True

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()


def opened(file: Any) -> BinaryIO:
    """Open a file for pydicom, which inflates what is deflated as a whole."""
    stream = file.open("rb") if isinstance(file, Path) or hasattr(file, "open") else file
    return cast(BinaryIO, Bounded(stream))

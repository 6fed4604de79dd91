"""Inflated: how large files that are deflated may become, and how many elements a file may have."""

import zlib
from collections.abc import Callable
from typing import BinaryIO

__all__ = ["check_inflated", "counting"]

#: So many bytes a deflated file may become, and so many elements a header may have, sequences apart.
MOST_BYTES, MOST_ELEMENTS = 1 << 30, 200_000
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_STEP = 1 << 20


def check_inflated(file: BinaryIO) -> None:
    """Refuse a deflated file that becomes larger than any image; the file stands at its beginning.

    Raises
    ------
    ValueError
        If it does.
    """
    start = file.read(1024)
    file.seek(0)
    if start[128:132] != b"DICM" or _DEFLATED not in start or start[132:140] != b"\x02\0\0\0UL\x04\0":
        return
    file.seek(144 + int.from_bytes(start[140:144], "little"))
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    try:
        while data := inflater.unconsumed_tail or file.read(_STEP):
            size += len(inflater.decompress(data, _STEP))
            if size > MOST_BYTES:
                raise ValueError(f"the file is deflated, and becomes larger than {MOST_BYTES >> 20} MB")
    except zlib.error:
        pass  # said where it is read
    file.seek(0)


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

"""Deflate: bytes for the page, compressed lightly and fast."""

import zlib
from typing import Any

try:
    from isal import isal_zlib
except ImportError:  # no wheel for this machine
    isal_zlib = None  # type: ignore[assignment,unused-ignore]

__all__ = ["deflated"]


def deflated(data: Any) -> bytes:
    """Return bytes in zlib's format, as small as its level 1 makes them; by ISA-L, in a quarter of the time.

    Examples
    --------
    >>> zlib.decompress(deflated(b"slice" * 100)) == b"slice" * 100
    True
    """
    return bytes(zlib.compress(data, 1) if isal_zlib is None else isal_zlib.compress(data, 2))

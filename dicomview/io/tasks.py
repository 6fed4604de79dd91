"""Tasks of the workers: what calls decoders written in C, C++ or Rust on data that may be damaged.

A task takes items, and rooms: for each item bytes that it may put the array into, or None. It gives an array
for each. It is called by name, in a worker or in this process, so that both run the same code. Where its
module has a function ``prepare``, that takes the items and the settings and imports what they need: the time
of the first item begins behind it. Only what decoding needs is imported here, and no pydicom, so that workers
start at once; ``general`` has what needs it.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dicomview.io.cells import Cells
from dicomview.io.codecs import Unsuited, decoder, frame_of

__all__ = ["CodedPart", "decode_parts", "prepare"]


@dataclass(frozen=True)
class CodedPart:
    """Encapsulated pixel data of one frame in a file on this machine, of known size and time of change."""

    path: str
    start: int
    state: tuple[int, int]

    def read(self) -> bytes:
        """Return the codestream."""
        with open(self.path, "rb", buffering=0) as stream:  # noqa: PTH123
            told = os.fstat(stream.fileno())
            if (told.st_size, told.st_mtime_ns) != self.state:
                raise Unsuited
            stream.seek(self.start)
            return frame_of(stream.read())


def prepare(items: Sequence[CodedPart | bytes], cells: Cells) -> None:
    """Import what decodes such items."""
    decoder(cells.syntax)


def decode_parts(
    items: Sequence[CodedPart | bytes], rooms: Sequence[np.ndarray | None], cells: Cells
) -> Iterator[np.ndarray]:
    """Decode codestreams, or what a file holds of them, by imagecodecs."""
    decode = decoder(cells.syntax)
    for item, room in zip(items, rooms):
        yield decode(item if isinstance(item, bytes) else item.read(), cells, room)

"""Tasks of the workers: what calls decoders written in C, C++ or Rust on data that may be damaged.

A task takes items, and rooms: for each item bytes that it may put the array into, or None. It gives an array
for each. It is called by name, in a worker or in this process, so that both run the same code. Of dicomview
only what decoding needs is imported here.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pixel_array

from dicomview.io.cells import Cells
from dicomview.io.codecs import Unsuited, decoder, frame_of

__all__ = ["CodedFrame", "CodedPart", "decode_frames", "decode_parts"]


@dataclass(frozen=True)
class CodedFrame:
    """A compressed frame and the elements that tell how; ``index`` is None for all frames of the data."""

    syntax: str
    elements: dict[str, Any]
    data: bytes
    index: int | None = 0


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


def decode_frames(
    items: Sequence[CodedFrame], rooms: Sequence[np.ndarray | None], **options: Any
) -> Iterator[np.ndarray]:
    """Decode frames by pydicom and its plugins; options are those of ``pydicom.pixels.pixel_array``."""
    for item in items:
        dataset = Dataset()
        for keyword, value in item.elements.items():
            setattr(dataset, keyword, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = item.syntax
        dataset.PixelData = item.data
        dataset["PixelData"].is_undefined_length = True
        yield pixel_array(dataset, index=item.index, **options)


def decode_parts(
    items: Sequence[CodedPart | bytes], rooms: Sequence[np.ndarray | None], cells: Cells
) -> Iterator[np.ndarray]:
    """Decode codestreams, or what a file holds of them, by imagecodecs."""
    decode = decoder(cells.syntax)
    for item, room in zip(items, rooms):
        yield decode(item if isinstance(item, bytes) else item.read(), cells, room)

"""The general decoder: frames of all kinds by pydicom and its plugins, as a task of workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, JPEGBaseline8Bit

__all__ = ["CodedFrame", "decode_frames", "prepare"]

#: Plugins of pydicom that are tried, in this order; others only where none of these is there.
_PLUGINS = ("pyjpegls", "pylibjpeg", "pydicom")
#: Lossy 8-bit JPEG: pillow's libjpeg-turbo is quicker, and rounds as most viewers do.
_LOSSY_PLUGINS = ("pillow", *_PLUGINS)


@dataclass(frozen=True)
class CodedFrame:
    """A compressed frame and the elements that tell how; ``index`` is None for all frames of the data.

    Frames of one syntax may share one dictionary of elements.
    """

    syntax: str
    elements: dict[str, Any]
    data: bytes
    index: int | None = 0


def prepare(items: Sequence[CodedFrame], **options: Any) -> None:
    """Import what decodes such items."""
    if any(item.syntax == JPEGBaseline8Bit for item in items):
        Image.preinit()  # the other plugins are there when pydicom is


def decode_frames(
    items: Sequence[CodedFrame], rooms: Sequence[np.ndarray | None], **options: Any
) -> Iterator[np.ndarray]:
    """Decode frames by pydicom and its plugins; options are those of ``pydicom.pixels.pixel_array``."""
    dataset, elements = Dataset(), None
    for item in items:
        if item.elements is not elements:
            dataset, elements = Dataset(), item.elements
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = UID(item.syntax)
        dataset.PixelData = item.data
        dataset["PixelData"].is_undefined_length = True
        yield _decoded(dataset, item, options)


def _decoded(dataset: Dataset, item: CodedFrame, options: dict[str, Any]) -> np.ndarray:
    """Decode by the first plugin that can; what the first of them says is the error."""
    available = get_decoder(item.syntax).available_plugins
    plugins = _LOSSY_PLUGINS if item.syntax == JPEGBaseline8Bit else _PLUGINS
    errors = []
    for plugin in [name for name in plugins if name in available] or [""]:
        try:
            return np.asarray(pixel_array(dataset, index=item.index, decoding_plugin=plugin, **options))
        except Exception as error:
            errors.append(error)
    raise errors[0]

"""The little picture beside a volume's description."""

from base64 import b64encode
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np

from dicomview.display import rgb8

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["thumbnail"]

#: Longest side in pixels.
SIDE = 128


def thumbnail(volume: "Volume") -> str:
    """Return the middle slice as a base64 PNG in true proportion, with the volume's default window."""
    image, aspect = volume.middle_slice()
    image = np.asarray(image)
    height, width = image.shape[0] * (aspect or 1.0), float(image.shape[1])
    scale = SIDE / max(height, width)
    rows = _nearest(image.shape[0], max(1, round(height * scale)))
    columns = _nearest(image.shape[1], max(1, round(width * scale)))
    image = image[rows][:, columns]
    if volume.is_color:
        image = rgb8(image)
    else:
        low, high = volume.default_window.limits
        grey = (np.nan_to_num(image.astype(np.float64), nan=low) - low) / (high - low)
        image = (grey.clip(0, 1) * 255).astype(np.uint8)
        if volume.meta.get("PhotometricInterpretation") == "MONOCHROME1":
            image = 255 - image
    return b64encode(iio.imwrite("<bytes>", image, extension=".png")).decode("ascii")


def _nearest(size: int, wanted: int) -> np.ndarray:
    """Return the indices that stretch or shrink an axis to the wanted number of pixels."""
    return ((np.arange(wanted) + 0.5) * size / wanted).astype(np.intp)

"""The little picture beside a volume's description."""

from base64 import b64encode
from typing import TYPE_CHECKING

import imageio.v3 as iio
import numpy as np

from dicomview.display import rgb8
from dicomview.volume.windows import default_colormap, is_negative

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
        image = rgb8(image, volume.meta.get("BitsStored"))
    else:
        image = np.nan_to_num(volume.default_window.apply(image, ymax=255)).round().astype(np.uint8)
        if is_negative(volume.meta) or default_colormap(volume.meta) == "gray_r":
            image = 255 - image
    return b64encode(iio.imwrite("<bytes>", image, extension=".png")).decode("ascii")


def _nearest(size: int, wanted: int) -> np.ndarray:
    """Return the indices that stretch or shrink an axis to the wanted number of pixels."""
    return ((np.arange(wanted) + 0.5) * size / wanted).astype(np.intp)

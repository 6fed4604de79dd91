"""Colour values for the screen."""

import numpy as np

__all__ = ["rgb8"]


def rgb8(image: np.ndarray, bits: int | None = None) -> np.ndarray:
    """Return colours in 8 bits a channel.

    Parameters
    ----------
    image : ndarray of shape (..., 3 or 4)
        uint8 values are returned as they are; wider integers are scaled from their range, floats from 0 to 1.
    bits : int, optional
        BitsStored (0028,0101) of integers; the bits of their type by default.

    Examples
    --------
    >>> rgb8(np.array([[[0, 32768, 65535]]], dtype=np.uint16)).tolist()
    [[[0, 128, 255]]]
    """
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind in "iu":
        return np.asarray(image >> max((bits or 8 * image.dtype.itemsize) - 8, 0), dtype=np.uint8)
    return np.asarray((np.clip(image, 0, 1) * 255).round(), dtype=np.uint8)

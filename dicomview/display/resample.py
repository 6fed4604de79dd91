"""Resampling: pictures to screen pixels, by short sums along rows and then along columns."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["INTERPOLATIONS", "Interpolation", "Taps", "resampled", "taps"]

Interpolation = Literal["nearest", "linear", "lanczos"]
INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)

#: Halfway between two samples the upper one counts, whatever the last bits say.
TIE = 1e-9
#: Half the width of each kernel, in samples.
_RADIUS = {"linear": 1.0, "lanczos": 3.0}


@dataclass(frozen=True, eq=False)
class Taps:
    """Which samples make each pixel of a line, and with what weight.

    Attributes
    ----------
    index : ndarray of int, shape (taps, pixels)
    weight : ndarray of float32, shape (taps, pixels)
        Every column adds up to 1.
    """

    index: NDArray[np.intp]
    weight: NDArray[np.float32]


@lru_cache(maxsize=64)
def taps(samples: int, start: float, step: float, pixels: int, kind: Interpolation) -> Taps:
    """Return the taps of a line of pixels.

    Parameters
    ----------
    samples : int
        Length of the line that is resampled; beyond its ends the last value continues.
    start, step : float
        Coordinate of the centre of the first pixel, and distance to the next; sample 0 is at 0. A negative
        step runs backwards.
    pixels : int
    kind : {"nearest", "linear", "lanczos"}
        Where pixels are larger than samples, ``"linear"`` and ``"lanczos"`` average over a pixel.

    Examples
    --------
    >>> taps(4, 0.5, 1.0, 2, "linear").weight.tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    centers = start + step * np.arange(pixels)
    if kind == "nearest":
        index = np.floor(centers + 0.5 + TIE).astype(np.intp)[None]
        weight = np.ones(index.shape)
    else:
        scale = max(abs(step), 1.0)
        reach = _RADIUS[kind] * scale
        first = np.floor(centers - reach).astype(np.intp) + 1
        index = first + np.arange(int(np.ceil(2 * reach)))[:, None]
        distance = (index - centers) / scale
        if kind == "linear":
            weight = np.maximum(1 - abs(distance), 0)
        else:
            weight = np.where(abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
        weight /= weight.sum(axis=0)
        used = weight.any(axis=1)
        index, weight = index[used], weight[used]
    return Taps(index.clip(0, samples - 1), weight.astype(np.float32))


def resampled(image: NDArray[Any], rows: Taps, columns: Taps) -> NDArray[Any]:
    """Return the pixels of a picture.

    Parameters
    ----------
    image : ndarray of shape (rows, columns) or (rows, columns, channels)
    rows, columns : Taps

    Returns
    -------
    ndarray
        Of the dtype of the image where single samples are taken, else float32 (float64 for values beyond
        float32's 24 bits). A pixel that a NaN takes part in is NaN.
    """
    if len(rows.index) == len(columns.index) == 1:
        return np.asarray(image[rows.index[0]][:, columns.index[0]])
    kind = np.float64 if image.dtype.itemsize > 4 or image.dtype in (np.int32, np.uint32) else np.float32
    # The shorter way first: rows are cheap to gather.
    lines = _summed(image.astype(kind), rows)
    return np.swapaxes(_summed(np.ascontiguousarray(np.swapaxes(lines, 0, 1)), columns), 0, 1)


def _summed(values: NDArray[Any], line: Taps) -> NDArray[Any]:
    """Add up weighted rows."""
    shape = (-1,) + (1,) * (values.ndim - 1)
    result: NDArray[Any] = values[line.index[0]] * line.weight[0].reshape(shape)
    for index, weight in zip(line.index[1:], line.weight[1:]):
        result += values[index] * weight.reshape(shape)
    return result

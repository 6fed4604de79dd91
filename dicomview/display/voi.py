"""VOI: the functions of the standard that turn values into grey levels, for whole arrays."""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.errors import DisplayError

__all__ = ["WindowFunction", "apply_voi_lut", "apply_window", "check_window", "look_up", "read_lut"]

#: VOILUTFunction (0028,1056) in lower case.
WindowFunction = Literal["linear", "linear_exact", "sigmoid"]


def apply_window(
    values: ArrayLike,
    center: float,
    width: float,
    function: WindowFunction = "linear",
    *,
    ymin: float = 0.0,
    ymax: float = 1.0,
) -> NDArray[np.float64]:
    """Apply a window to values, exactly as the standard defines it.

    Parameters
    ----------
    values : array_like
        Values after the Modality LUT, any shape and numeric dtype; calculated as float64. NaN stays NaN.
    center, width : float
        WindowCenter (0028,1050) and WindowWidth (0028,1051), in the unit of the values.
    function : {"linear", "linear_exact", "sigmoid"}
        VOILUTFunction (0028,1056). ``"linear"``, the default of DICOM files, needs a width of at least 1
        and with 1 is a threshold; the others need a positive width.
    ymin, ymax : float
        What black and white become. ``ymin`` may be the greater one.

    Returns
    -------
    ndarray of float64
        Of the shape of the values, between ``ymin`` and ``ymax``.

    Raises
    ------
    DisplayError
        If the function is unknown, a number is not finite, or the width is not allowed.

    References
    ----------
    DICOM PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT).

    Examples
    --------
    >>> apply_window([-1, 0, 40, 79, 80], 40, 80, "linear", ymax=79).tolist()
    [0.0, 0.0, 40.0, 79.0, 79.0]
    >>> apply_window([39, 40], 40, 1).tolist()
    [0.0, 1.0]
    """
    center, width, ymin, ymax = float(center), float(width), float(ymin), float(ymax)
    check_window(center, width, function)
    if not (math.isfinite(ymin) and math.isfinite(ymax)):
        raise DisplayError(
            f"a window maps onto finite numbers, not {ymin} to {ymax}", remedy="give finite limits"
        )
    x = np.asarray(values, dtype=np.float64)
    if function == "sigmoid":
        with np.errstate(over="ignore"):  # exp() of a value far below is infinite: ymin
            return np.asarray((ymax - ymin) / (1 + np.exp(-4 * (x - center) / width)) + ymin)
    if function == "linear":
        center, width = center - 0.5, width - 1
    y = np.where(x > center + width / 2, ymax, ymin)
    ramp = ~((x <= center - width / 2) | (x > center + width / 2))
    if width > 0:
        with np.errstate(over="ignore", invalid="ignore"):  # of values that are not on the ramp
            line = ((x - center) / width + 0.5) * (ymax - ymin) + ymin
        np.copyto(y, line, where=ramp)
    y[np.isnan(x)] = np.nan
    return y


def check_window(center: float, width: float, function: str) -> None:
    """Refuse what no window can be.

    Raises
    ------
    DisplayError
        If the function is unknown, a number is not finite, or the width is not allowed.
    """
    if function not in get_args(WindowFunction):
        raise DisplayError(
            f"there is no window function {function!r}", remedy='take "linear", "linear_exact" or "sigmoid"'
        )
    allowed = width >= 1 if function == "linear" else width > 0
    if not (allowed and math.isfinite(center) and math.isfinite(width)):
        least = ">= 1" if function == "linear" else "> 0"
        raise DisplayError(
            f"a {function} window needs a finite centre and a width {least}, not {center}/{width}",
            remedy="give such a window, or let auto_window find one",
        )


def apply_voi_lut(
    values: ArrayLike, lut_descriptor: ArrayLike, lut_data: ArrayLike | bytes
) -> NDArray[np.float64]:
    """Apply the table of an item of a VOI LUT Sequence (0028,3010) to values.

    Parameters
    ----------
    values : array_like
        Values after the Modality LUT, any shape and numeric dtype. Values between two entries take the
        nearest one; NaN stays NaN.
    lut_descriptor : array_like of 3 ints
        LUTDescriptor (0028,3002): number of entries (0 means 65536), first value mapped (negative for
        signed values), bits of an entry (8, or 10 to 16).
    lut_data : array_like of ints or bytes
        LUTData (0028,3006). Bytes are little-endian; entries of 8 bits may be packed two to a word.

    Returns
    -------
    ndarray of float64
        Of the shape of the values: the entries as they are, 0 to ``2**bits - 1``. Values below the first
        value mapped get the first entry, values above the last one the last entry.

    Raises
    ------
    DisplayError
        If the descriptor is not allowed or the table is shorter than it says.

    References
    ----------
    DICOM PS3.3 C.11.2.1.1 (LUT Descriptor and LUT Data of the VOI LUT Module).

    Examples
    --------
    >>> apply_voi_lut([-1000, -2, -1, 0, 1, 1000], [4, -2, 8], [10, 20, 30, 40]).tolist()
    [10.0, 10.0, 20.0, 30.0, 40.0, 40.0]
    """
    first, _, table = read_lut(lut_descriptor, lut_data)
    return look_up(values, first, table)


def read_lut(lut_descriptor: ArrayLike, lut_data: ArrayLike | bytes) -> tuple[int, int, NDArray[np.float64]]:
    """Return the first value mapped, the bits of an entry and the entries of a table.

    Parameters and errors are those of :func:`apply_voi_lut`.
    """
    descriptor = [int(v) for v in np.asarray(lut_descriptor).ravel()]
    if (
        len(descriptor) != 3
        or not 0 <= descriptor[0] <= 65536
        or not -(2**15) <= descriptor[1] < 2**16
        or descriptor[2] not in (8, *range(10, 17))
    ):
        raise DisplayError(
            "LUTDescriptor holds the number of entries, the first value mapped (16 bits) and "
            f"the bits of an entry (8, 10 to 16), not {descriptor}",
            tag="LUTDescriptor",
            remedy="show it with a window instead",
        )
    count, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
    return first, bits, _entries(lut_data, count, bits)


def look_up(values: ArrayLike, first: int, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entry of each value in a table that starts at ``first``; NaN stays NaN."""
    last = first + len(table) - 1
    x = np.asarray(values, dtype=np.float64)
    # In float64 nothing overflows, and all that lies between the ends is exact.
    nan = np.isnan(x)
    index = np.floor(np.where(nan, first, x).clip(first, last) - first + 0.5).astype(np.intp)
    return np.where(nan, np.nan, table[index])


def _entries(lut_data: ArrayLike | bytes, count: int, bits: int) -> NDArray[np.float64]:
    """Return the entries of a table."""
    table: NDArray[np.generic]
    if isinstance(lut_data, bytes):
        words = bits > 8 or len(lut_data) >= 2 * count
        table = np.frombuffer(lut_data[: len(lut_data) // 2 * 2], "<u2") if words else _bytes(lut_data)
    else:
        table = np.asarray(lut_data).ravel()
        if bits == 8 and len(table) < count <= 2 * len(table):  # two entries to a word, the lower byte first
            table = _bytes(table.astype("<u2").tobytes())
    if len(table) < count:
        raise DisplayError(
            f"LUTData must hold the {count} entries that LUTDescriptor (0028,3002) says, not {len(table)}",
            tag="LUTData",
            remedy="show it with a window instead",
        )
    return table[:count].astype(np.float64)


def _bytes(data: bytes) -> NDArray[np.uint8]:
    """Return entries of one byte."""
    return np.frombuffer(data, np.uint8)

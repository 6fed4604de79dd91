"""Window: the range of values that is spread over the grey levels."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from dicomview.errors import DisplayError

__all__ = ["Window", "auto_window", "valid_values"]

#: Percentiles that an automatic window spans.
AUTO_PERCENTILES = (0.1, 99.9)
#: At most so many values are sorted to find them.
AUTO_SAMPLES = 1_000_000


@dataclass(frozen=True)
class Window:
    """A window: centre and width in the unit of the values.

    Parameters
    ----------
    center, width : float
        WindowCenter (0028,1050) and WindowWidth (0028,1051). The width is positive.
    function : {"linear_exact", "linear"}
        VOILUTFunction (0028,1056). ``"linear_exact"`` spans ``center - width / 2`` (black) to
        ``center + width / 2`` (white) and suits every scale. ``"linear"``, the default of DICOM files,
        ends one unit earlier and needs a width of at least 1; a width of 1 is a threshold.

    Raises
    ------
    DisplayError
        If a number is not finite or the width is not allowed.

    References
    ----------
    DICOM PS3.3 C.11.2.1.2.1 and C.11.2.1.3.

    Examples
    --------
    >>> Window(40, 80).limits
    (0.0, 80.0)
    >>> Window(40, 80, "linear").limits
    (0.0, 79.0)
    """

    center: float
    width: float
    function: Literal["linear_exact", "linear"] = "linear_exact"

    def __post_init__(self) -> None:
        if self.function not in ("linear_exact", "linear"):
            raise DisplayError(f'a window function is "linear_exact" or "linear", not {self.function!r}')
        exact = self.function == "linear_exact"
        allowed = self.width > 0 if exact else self.width >= 1
        if not (math.isfinite(self.center) and math.isfinite(self.width) and allowed):
            raise DisplayError(
                f"a {self.function} window needs a finite centre and a width {'> 0' if exact else '>= 1'}, "
                f"not {self.center}/{self.width}"
            )

    def __repr__(self) -> str:
        function = "" if self.function == "linear_exact" else f", function={self.function!r}"
        return f"Window(center={self.center:.12g}, width={self.width:.12g}{function})"

    @property
    def limits(self) -> tuple[float, float]:
        """The values shown black and white, as matplotlib's ``vmin`` and ``vmax``."""
        low, high = self.center - self.width / 2, self.center + self.width / 2
        if self.function == "linear":
            high -= 1
        if not high > low:
            high = low + max(abs(low), 1.0) * 1e-9
        return float(low), float(high)

    @classmethod
    def from_limits(cls, low: float, high: float) -> "Window":
        """Make the window between two values; equal values get a width of 1."""
        low, high = float(low), float(high)
        width = high - low
        # Half the sum may overflow where the sum of halves does not.
        return cls(low / 2 + high / 2, width if width > 0 else max(abs(low) * 1e-6, 1.0))

    @classmethod
    def coerce(cls, value: Any) -> "Window":
        """Accept a Window or a ``(center, width)`` pair."""
        if isinstance(value, cls):
            return value
        try:
            center, width = value
            return cls(float(center), float(width))
        except (TypeError, ValueError) as error:
            if isinstance(error, DisplayError):
                raise
            raise DisplayError(f"a window is a pair (center, width), not {value!r}") from None


def auto_window(values: np.ndarray, *, padding: tuple[float, float] | None = None) -> Window:
    """Return the window from the 0.1th to the 99.9th percentile of the values.

    Parameters
    ----------
    values : ndarray
        Any shape and numeric or boolean dtype. NaN and infinity do not count.
    padding : tuple of float, optional
        Closed range of values that mean "no data" and do not count (Pixel Padding Value).

    Returns
    -------
    Window

    Examples
    --------
    >>> auto_window(np.arange(1001))
    Window(center=500, width=998)
    """
    sample = valid_values(values, padding=padding)
    if not sample.size:
        return Window(0.5, 1.0)
    low, high = np.percentile(sample, AUTO_PERCENTILES)
    if not high > low:
        low, high = sample.min(), sample.max()
    return Window.from_limits(low, high)


def valid_values(values: Any, *, padding: tuple[float, float] | None = None) -> np.ndarray:
    """Return a sample of at most a million values as float64, without NaN, infinity and padding.

    Parameters
    ----------
    values : array_like
        Any shape.
    padding : tuple of float, optional
        Closed range of values that mean "no data".

    Examples
    --------
    >>> valid_values([1, np.nan, -2000], padding=(-2000, -2000)).tolist()
    [1.0]
    """
    flat = np.asarray(values).reshape(-1)
    # An odd number of steps without small factors does not fall in with the rows of the image.
    step = max(1, flat.size // AUTO_SAMPLES)
    if step > 1:
        step += 1 - step % 2
        while any(step % p == 0 for p in (3, 5, 7)):
            step += 2
    sample = flat[::step].astype(np.float64)
    keep = np.isfinite(sample)
    if padding is not None:
        keep &= (sample < padding[0]) | (sample > padding[1])
    return sample[keep]

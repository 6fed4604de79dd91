"""Window: the range of values that is spread over the grey levels."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.display.voi import apply_window, check_window
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
    function : {"linear_exact", "linear", "sigmoid"}
        VOILUTFunction (0028,1056). ``"linear_exact"`` spans ``center - width / 2`` (black) to
        ``center + width / 2`` (white) and suits every scale. ``"linear"``, the default of DICOM files,
        ends one unit earlier and needs a width of at least 1; a width of 1 is a threshold. ``"sigmoid"`` is
        an S-shaped curve, as steep in the centre as ``"linear_exact"``. (Of a
        :class:`~dicomview.display.VOILUT` it is ``"table"``.)

    Raises
    ------
    DisplayError
        If a number is not finite or the width is not allowed.

    References
    ----------
    DICOM PS3.3 C.11.2.1.2.1 and C.11.2.1.3.

    See Also
    --------
    dicomview.display.VOILUT : a window whose curve is a table.

    Examples
    --------
    >>> Window(40, 80).limits
    (0.0, 80.0)
    >>> Window(40, 80, "linear").limits
    (0.0, 79.0)
    >>> Window(40, 80, "sigmoid").apply([-np.inf, 40, np.inf]).tolist()
    [0.0, 0.5, 1.0]
    """

    center: float
    width: float
    function: Literal["linear_exact", "linear", "sigmoid", "table"] = "linear_exact"

    def __post_init__(self) -> None:
        check_window(self.center, self.width, self.function)

    def __repr__(self) -> str:
        function = "" if self.function == "linear_exact" else f", function={self.function!r}"
        return f"Window(center={self.center:.12g}, width={self.width:.12g}{function})"

    @property
    def limits(self) -> tuple[float, float]:
        """The values shown black and white, as matplotlib's ``vmin`` and ``vmax``.

        A sigmoid reaches neither: they are those of the linear window that touches it in the centre. Of a
        table they are the first and the last value mapped.
        """
        low, high = self.center - self.width / 2, self.center + self.width / 2
        if self.function == "linear":
            high -= 1
        if not high > low:
            high = low + max(abs(low), 1.0) * 1e-9
        return float(low), float(high)

    def apply(self, values: ArrayLike, *, ymin: float = 0.0, ymax: float = 1.0) -> NDArray[np.float64]:
        """Return the brightness of values, exactly as the standard defines it.

        Parameters
        ----------
        values : array_like
            Values after the Modality LUT, any shape and numeric or boolean dtype. NaN stays NaN.
        ymin, ymax : float
            What black and white become. ``ymin`` may be the greater one.

        Returns
        -------
        ndarray of float64
            Of the shape of the values, between ``ymin`` and ``ymax``.

        See Also
        --------
        dicomview.display.apply_window : the formulas.

        Examples
        --------
        >>> Window(40, 80).apply([-5, 20, 90], ymax=255).tolist()
        [0.0, 63.75, 255.0]
        """
        function = cast(Any, self.function)  # never "table", which VOILUT applies itself
        return apply_window(values, self.center, self.width, function, ymin=ymin, ymax=ymax)

    def moved(self, center: float, width: float) -> "Window":
        """Return the window at another place, of the same function where that can be.

        A table becomes linear, and so does ``"linear"`` below a width of 1: both ``"linear_exact"``.

        Examples
        --------
        >>> Window(40, 80, "sigmoid").moved(50, 90)
        Window(center=50, width=90, function='sigmoid')
        """
        stays = self.function == "sigmoid" or (self.function == "linear" and width >= 1)
        return Window(center, width, self.function if stays else "linear_exact")

    @classmethod
    def from_limits(cls, low: float, high: float) -> "Window":
        """Make the window between two values; equal values get a width of 1."""
        low, high = float(low), float(high)
        width = high - low
        # Half the sum may overflow where the sum of halves does not.
        return Window(low / 2 + high / 2, width if width > 0 else max(abs(low) * 1e-6, 1.0))

    @classmethod
    def coerce(cls, value: Any) -> "Window":
        """Accept a Window, also a VOILUT, or a ``(center, width)`` pair."""
        if isinstance(value, Window):
            return value
        try:
            center, width = value
            return Window(float(center), float(width))
        except (TypeError, ValueError) as error:
            if isinstance(error, DisplayError):
                raise
            raise DisplayError(
                f"a window is a pair (center, width), not {value!r}", remedy="give two finite numbers"
            ) from None


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

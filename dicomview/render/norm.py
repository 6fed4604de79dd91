"""From a window to matplotlib's Normalize, exactly."""

from typing import Any

import numpy as np
from matplotlib.colors import Normalize

from dicomview.display import Window

__all__ = ["CurveNorm", "norm_of"]

#: Points of a curve between which its inverse is a line.
INVERSE_POINTS = 4096


class CurveNorm(Normalize):
    """Normalizes by the curve of a window: a sigmoid or a table.

    Parameters
    ----------
    window : Window
        Its ``limits`` become ``vmin`` and ``vmax``, where a colorbar ends; changing these does not change
        the curve.

    Examples
    --------
    >>> CurveNorm(Window(40, 80, "sigmoid"))([-np.inf, 40, np.inf]).tolist()
    [0.0, 0.5, 1.0]
    """

    def __init__(self, window: Window) -> None:
        super().__init__(*window.limits)
        self.window = window

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        """Return brightness from 0 to 1; masked values stay masked."""
        values, is_scalar = self.process_value(value)
        shown = np.ma.array(self.window.apply(values.data), mask=values.mask)
        return shown[0] if is_scalar else shown

    def inverse(self, value: Any) -> Any:
        """Return the values of brightnesses, within the limits; for the ticks of a colorbar."""
        values = np.linspace(*self.window.limits, INVERSE_POINTS)
        shown = self.window.apply(values)
        if shown[-1] < shown[0]:
            values, shown = values[::-1], shown[::-1]
        return np.interp(value, np.maximum.accumulate(shown), values)


def norm_of(window: Window) -> Normalize:
    """Return what draws a window: matplotlib's own Normalize for the linear ones.

    Examples
    --------
    >>> norm_of(Window(40, 80, "linear"))([0, 39.5, 79]).tolist()
    [0.0, 0.5, 1.0]
    """
    linear = window.function in ("linear", "linear_exact")
    return Normalize(*window.limits) if linear else CurveNorm(window)

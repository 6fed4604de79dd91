"""SliderTie: what a person moves, told from what the page answers to a number that it was sent."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["SliderTie"]

#: Seconds in which a value of the page may be the echo of one that was sent to it.
ECHO = 1.0
#: Part of a step that is no difference: the page counts in binary fractions of it.
SAME = 1e-6


class SliderTie:
    """Shows numbers on a slider, and hears of those that a person chooses.

    The page answers each number that a slider is sent with its own rounding of it to whole steps, perhaps
    when a newer one has been sent already. Such an answer is no wish.

    Parameters
    ----------
    slider : FloatSlider or FloatRangeSlider
    moved : callable
        Called with what a person has chosen.

    Examples
    --------
    >>> import ipywidgets
    >>> slider = ipywidgets.FloatSlider(step=1)
    >>> chosen = []
    >>> tie = SliderTie(slider, chosen.append)
    >>> tie.show(40.3)
    >>> slider.value = 40  # the page rounds
    >>> slider.value = 42
    >>> chosen
    [42.0]
    """

    def __init__(self, slider: Any, moved: Callable[[Any], object]) -> None:
        self._slider, self._call = slider, moved
        self._sent: deque[tuple[float, Any]] = deque(maxlen=32)
        self._shown: Any = slider.value
        self._is_showing = False
        slider.observe(self._changed, "value")

    def show(self, value: Any) -> None:
        """Bring the slider to a number, or to both of a range."""
        self._shown = value
        if self._near(value, self._slider.value, SAME):
            return
        self._sent.append((time.monotonic(), value))
        self._is_showing = True
        try:
            self._slider.value = value
        finally:
            self._is_showing = False

    def _changed(self, change: Any) -> None:
        if self._is_showing:
            return
        value, since = change["new"], time.monotonic() - ECHO
        if not any(when > since and self._near(value, sent, 0.51) for when, sent in self._sent):
            self._sent.clear()
            self._call(value)
        elif not self._near(value, self._shown, 0.51):
            self.show(self._shown)  # the answer to an older number

    def _near(self, a: Any, b: Any, steps: float) -> bool:
        return bool(np.all(np.abs(np.subtract(a, b)) <= steps * self._slider.step))

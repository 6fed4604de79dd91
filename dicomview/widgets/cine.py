"""CinePlayer: a clock for the cine."""

import asyncio
import time
from typing import Any

from dicomview.state import ViewState
from dicomview.tools import CineTool
from dicomview.widgets.pacing import Pacer

__all__ = ["CinePlayer"]

#: Seconds after which to look again whether the frame before has been seen.
AGAIN = 0.005


class CinePlayer:
    """Moves a state on while its ``playing`` is true, ``fps`` times a second.

    Where frames take longer than that, some are left out, so that the speed stays.

    Parameters
    ----------
    state : ViewState
    pacer : Pacer
    """

    def __init__(self, state: ViewState, pacer: Pacer) -> None:
        self._state, self._pacer, self._tool = state, pacer, CineTool(state)
        self._timer: asyncio.TimerHandle | None = None
        self._shown = 0.0
        state.observe(self._switched, "playing")
        self._is_open = True
        self._switched()

    def close(self) -> None:
        """Stop for good; again does nothing."""
        if self._is_open:
            self._is_open = False
            self._state.unobserve(self._switched, "playing")
        if self._timer is not None:
            self._timer.cancel()

    def _switched(self, change: Any = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._state.playing:
            self._shown = time.monotonic()
            self._wait()

    def _wait(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # no kernel, no clock
        due = self._shown + 1 / self._state.fps - time.monotonic()
        self._timer = loop.call_later(max(due, AGAIN), self._tick)

    def _tick(self) -> None:
        steps = int((time.monotonic() - self._shown) * self._state.fps + 0.01)
        if steps and self._pacer.is_free:
            self._shown += steps / self._state.fps
            self._tool.advance(steps)
        self._wait()

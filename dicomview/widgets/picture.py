"""KeptPicture: an output beside the viewer's that holds its last view, for the saved notebook."""

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable
from uuid import uuid4

import numpy as np
from IPython.display import display, update_display

from dicomview.widgets.frames import png

__all__ = ["KeptPicture"]

#: Seconds without a change after which the picture is brought up to date.
REST = 1.5
#: Seconds that the first picture gives way to the viewer.
FIRST = 0.3


class KeptPicture:
    """A PNG in the output of the cell that follows the view at rest.

    A widget leaves nothing in a saved notebook that could be seen without a kernel. The page hides the
    picture while the viewer is there.

    Parameters
    ----------
    draw : callable
        Returns the view as PNG.
    """

    def __init__(self, draw: Callable[[], bytes]) -> None:
        self._draw = draw
        self._id = f"dicomview-{uuid4().hex}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._changed_at, self._drawn_at = 0.0, -1.0

    def publish(self) -> None:
        """Put the picture into the output of the cell that runs."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None  # it will stay as it is
        if self._loop is None:
            display(_bundle(self._draw()), raw=True, display_id=self._id)
            return
        display(_bundle(png(np.zeros((1, 1, 4), np.uint8))), raw=True, display_id=self._id)
        self._loop.call_later(FIRST, self._show)

    def changed(self) -> None:
        """Note that the view is another one."""
        self._changed_at = time.monotonic()
        if self._timer is None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wait)

    def close(self) -> None:
        """Leave the picture as it is."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is None and self._loop is not None:
            rest = self._changed_at + REST - time.monotonic()
            self._timer = self._loop.call_later(max(rest, 0), self._update)

    def _update(self) -> None:
        self._timer = None
        if time.monotonic() < self._changed_at + REST:
            self._wait()
        else:
            self._show()

    def _show(self) -> None:
        if self._loop is not None and self._drawn_at < self._changed_at:
            self._drawn_at = time.monotonic()
            update_display(_bundle(self._draw()), raw=True, display_id=self._id)


def _bundle(picture: bytes) -> dict[str, str]:
    return {"image/png": b64encode(picture).decode("ascii")}

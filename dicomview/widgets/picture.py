"""KeptPicture: an output beside the viewer's that holds its last view, for the saved notebook."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from uuid import uuid4

from IPython.display import display, update_display

__all__ = ["KeptPicture"]

#: Seconds without a change after which the picture is brought up to date.
REST = 1.5


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

    def publish(self) -> None:
        """Put the picture into the output of the cell that runs."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None  # it will stay as it is
        display(self._bundle(), raw=True, display_id=self._id)

    def changed(self) -> None:
        """Note that the view is another one."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wait)

    def close(self) -> None:
        """Leave the picture as it is."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is not None:
            self._timer = self._loop.call_later(REST, self._update)

    def _update(self) -> None:
        self._timer = None
        update_display(self._bundle(), raw=True, display_id=self._id)

    def _bundle(self) -> dict[str, str]:
        return {"image/png": b64encode(self._draw()).decode("ascii")}

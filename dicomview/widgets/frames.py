"""Frames: the canvas of ipympl, with pictures that are encoded faster and no larger than what changed."""

import struct
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any

import matplotlib
import numpy as np

from dicomview.widgets.deflate import deflated

__all__ = ["frame_canvas", "import_ipympl", "png"]


def import_ipympl() -> Any:
    """Import ipympl without its becoming the back end of pyplot, which its import asks for."""
    use = matplotlib.use
    matplotlib.use = lambda *args, **kwargs: None
    try:
        return import_module("ipympl.backend_nbagg")
    finally:
        matplotlib.use = use


@cache
def frame_canvas() -> Any:
    """Return the class of canvas: ipympl's, with its own way to encode frames.

    Raises
    ------
    ImportError
        If ipympl cannot be imported.
    """

    class FrameCanvas(import_ipympl().Canvas):  # type: ignore[misc]
        _force_full: bool
        _last_buff: np.ndarray
        _png_is_old: bool
        #: Asks the page to tell when it has drawn a frame of a number; returns whether there is a page.
        ask: Callable[[int], bool] = staticmethod(lambda number: False)
        #: Whether no parts are sent: for frames that are transparent.
        always_whole = False
        #: Held while anything is drawn: messages of the page come on another thread than cells run on.
        lock: AbstractContextManager[Any] = nullcontext()
        _number = 0
        _undrawn = 0  # the frame that the page has not told of, if any

        def __init__(self, figure: Any) -> None:
            super().__init__(figure)
            # Until a page is there ipympl keeps a picture of every frame for notebooks without a kernel, in a
            # form that its own page cannot read; the viewer keeps one of its own.
            self.syncing_data_url = False

        def draw(self) -> None:
            """Draw everything and send what changed."""
            with self.lock:
                super().draw()

        def blit(self, bbox: Any = None) -> None:
            """Send what changed."""
            with self.lock:
                super().blit(bbox)

        def _handle_message(self, widget: Any, content: Any, buffers: Any) -> None:
            with self.lock:
                super()._handle_message(widget, content, buffers)

        def send_binary(self, data: bytes) -> None:
            """Send a frame."""
            super().send_binary(data)
            self._number += 1
            self._undrawn = self._number if self.ask(self._number) else 0

        def drawn(self, number: int) -> None:
            """Note that the page has drawn a frame."""
            if number == self._undrawn:
                self._undrawn = 0

        def send_json(self, content: dict[str, Any]) -> None:
            """Send what the page needs to know: not the hover text, which nobody sees."""
            if content["type"] != "message":
                super().send_json(content)

        def get_diff_image(self) -> bytes | None:
            """Return what changed since the last frame as PNG, transparent where it did not."""
            if not self._png_is_old:
                return None
            pixels = np.asarray(self.get_renderer().buffer_rgba())
            now = pixels.view(np.uint32).squeeze(2)
            last = self._last_buff
            # A page that gets frames faster than it decodes them lets go of all but the last.
            is_lost = self._undrawn > 0
            # The page hears of another mode later than of the frame. Where whole frames are opaque they may
            # be drawn over the ones before like parts, so the mode stays the same.
            is_cleared = self.always_whole or bool((pixels[..., 3] != 255).any())
            mode = "full" if is_cleared else "diff"
            is_whole = is_cleared or self._force_full or is_lost or mode != self._current_image_mode
            self.set_image_mode(mode)
            if is_whole or now.shape != last.shape:
                output = now
            else:
                changed = now != last
                # The page draws a frame from the upper left corner: what lies below and right may go.
                bottom, right = (int(np.flatnonzero(changed.any(axis=a)).max(initial=0)) + 1 for a in (1, 0))
                output = np.where(changed[:bottom, :right], now[:bottom, :right], 0)
            self._last_buff = now.copy()
            self._force_full = False
            self._png_is_old = False
            return png(output.view(np.uint8).reshape(*output.shape, 4))

    return FrameCanvas


def png(pixels: np.ndarray) -> bytes:
    """Return RGBA pixels as PNG, without filters and lightly compressed: for a frame that is seen once.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 4)

    References
    ----------
    PNG specification, https://www.w3.org/TR/png-3/.

    Examples
    --------
    >>> png(np.zeros((2, 3, 4), np.uint8))[1:4]
    b'PNG'
    """
    height, width = pixels.shape[:2]
    lines = np.zeros((height, 1 + 4 * width), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = pixels.reshape(height, -1)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
            _chunk(b"IDAT", deflated(lines.data)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))

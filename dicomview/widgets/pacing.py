"""Pacer: one frame on its way to the page at a time, and then the newest."""

import time
from collections.abc import Callable
from threading import RLock

__all__ = ["Pacer"]

#: Seconds after which a frame counts as lost: the page is hidden, or gone.
PATIENCE = 1.0


class Pacer:
    """Paints what is wanted as soon as the page has seen the frame before.

    The answer of the page waits behind the events that it sent meanwhile, so they have all been seen when
    the next frame is painted: none queue up, the newest wins.

    Parameters
    ----------
    paint : callable
        Paints; returns whether a frame was sent.
    ask : callable
        Asks the page to answer with the number of a frame.
    lock : RLock

    Examples
    --------
    >>> frames = []
    >>> pacer = Pacer(lambda: frames.append("painted") or True, lambda number: None, RLock())
    >>> for _ in range(10):
    ...     pacer.request()
    >>> len(frames)
    1
    >>> pacer.seen(1)
    >>> len(frames)
    2
    """

    def __init__(self, paint: Callable[[], bool], ask: Callable[[int], object], lock: RLock) -> None:
        self._paint, self._ask, self._lock = paint, ask, lock
        self._number = 0
        self._sent: float | None = None
        self._is_due = False

    @property
    def is_free(self) -> bool:
        """Whether no frame is on its way."""
        return self._sent is None or time.monotonic() - self._sent > PATIENCE

    def request(self) -> None:
        """Paint now, or when the frame on its way has been seen."""
        with self._lock:
            self._is_due = True
            if self.is_free:
                self._send()

    def seen(self, number: int) -> None:
        """Note that the page has seen a frame."""
        with self._lock:
            if number == self._number:
                self._sent = None
                if self._is_due:
                    self._send()

    def _send(self) -> None:
        self._is_due = False
        self._sent = None
        if self._paint():
            self._number += 1
            self._sent = time.monotonic()
            self._ask(self._number)

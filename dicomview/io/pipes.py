"""Pipes to other processes: reading and writing that ends in time."""

import os
import select
import sys
import time
from collections.abc import Callable
from importlib import import_module
from threading import Event, Timer

__all__ = ["is_readable", "write"]


def is_readable(number: int, seconds: float) -> bool:
    """Wait until a pipe has something to read or is closed; return whether that came in time."""
    if sys.platform == "win32":
        return _is_readable_there(number, seconds)
    return _is_ready(number, select.POLLIN, seconds)


def write(number: int, data: bytes, seconds: float, end: Callable[[], None]) -> bool:
    """Write to a pipe; return whether all went through in time.

    Parameters
    ----------
    number : int
        Of the pipe.
    data : bytes
    seconds : float
    end : callable
        Ends the process at the other end: on Windows only this ends a write.

    Raises
    ------
    OSError
        If the other end is closed.
    """
    if sys.platform == "win32":
        return _write_there(number, data, seconds, end)
    os.set_blocking(number, False)
    until, left = time.monotonic() + seconds, memoryview(data)
    while left:
        try:
            left = left[os.write(number, left) :]
        except BlockingIOError:
            if not _is_ready(number, select.POLLOUT, until - time.monotonic()):
                return False
    return True


def _is_ready(number: int, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(number, event)
    return bool(poll.poll(max(0.0, seconds) * 1000))


def _is_readable_there(number: int, seconds: float) -> bool:
    """Do the same on Windows, where a pipe can only be looked at again and again."""
    winapi, runtime = import_module("_winapi"), import_module("msvcrt")
    until, handle = time.monotonic() + seconds, runtime.get_osfhandle(number)
    while time.monotonic() < until:
        try:
            if winapi.PeekNamedPipe(handle)[0]:
                return True
        except OSError:
            return True  # closed: reading says so
        time.sleep(0.0005)
    return False


def _write_there(number: int, data: bytes, seconds: float, end: Callable[[], None]) -> bool:
    """Do the same on Windows, where only the end of the other process ends a write that it does not read."""
    is_late = Event()

    def end_late() -> None:
        is_late.set()
        end()

    timer = Timer(seconds, end_late)
    timer.daemon = True
    timer.start()
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(number, left) :]
    except OSError:
        if is_late.is_set():
            return False
        raise
    finally:
        timer.cancel()
    return True

"""Loading: a path as a volume that can be shown at once, while its slices are fetched behind."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from html import escape
from threading import Event, Thread, current_thread
from typing import Any

import ipywidgets as widgets
import numpy as np

from dicomview.errors import DecodeError, DicomviewError, MemoryBudgetError, MissingPackageError
from dicomview.io import Series, find_series, volread
from dicomview.io.foreign import is_foreign
from dicomview.io.omezarr import is_zarr, level_shapes
from dicomview.io.progress import watched
from dicomview.io.remote import is_of_imageio
from dicomview.io.series import choose
from dicomview.volume import Volume
from dicomview.volume.memory import check_budget

__all__ = ["Loading", "is_path", "opened"]

#: Steps of the bar.
STEPS = 50
#: Seconds after which reading begins in a notebook also if no page has shown anything, and after it has.
PATIENCE, PAUSE = 3.0, 0.75


def is_path(data: Any) -> bool:
    """Return whether data is a path, or several, or a series of files."""
    several = isinstance(data, list | tuple) and data and all(isinstance(d, str | os.PathLike) for d in data)
    return bool(several) or isinstance(data, str | os.PathLike | Series)


def opened(path: Any, *, series: Any = None, pixels: float) -> tuple[Volume, Callable[[], Volume]]:
    """Return the volume at a path, lazy where that can be, and what reads it as a whole.

    Parameters
    ----------
    path : path-like, list of path-like, or Series
    series : optional
        As for :func:`dicomview.volread`.
    pixels : float
        Width of a pane: of a multiscale image the coarsest level is taken that has as many rows and columns.
    """
    level = _level(path, pixels)
    if level is not None:
        return level, lambda: level
    chosen = _chosen(path, series)
    read = partial(volread, path, series=series) if chosen is None else chosen.read
    try:
        volume = read(lazy=True) if chosen is None else chosen.read_planewise()
        if chosen is not None and not Loading.suits(volume):
            volume = read(lazy=True)
        if volume.geometry.shape[0] // 2 not in volume.missing_slices(volume.middle_frame):
            np.asarray(volume.middle_slice()[0])
    except (DecodeError, MissingPackageError):
        # Of another format, with a middle that cannot be shown, or too large without dask: as a whole.
        volume = read()
    return volume, read


def _level(path: Any, pixels: float) -> Volume | None:
    """Return the level of a multiscale image that is as fine as a pane; None of anything else."""
    if isinstance(path, Series) or not is_zarr(path):
        return None
    shapes = level_shapes(path)
    fitting = [i for i, shape in enumerate(shapes) if min(shape[-2:]) >= pixels]
    level = fitting[-1] if fitting else 0
    volume = volread(path, level=level)
    if level:
        rows, columns = shapes[0][-2:]
        told = (
            f"level {level} of 0 to {len(shapes) - 1} is shown, as fine as the panes: level 0 has "
            f"{rows} × {columns} voxels a slice"
        )
        volume.report = replace(volume.report, warnings=(*volume.report.warnings, told))
    return volume


def _chosen(path: Any, series: Any) -> Series | None:
    """Return the series at a path; None for a file that imageio fetches, or of another format."""
    if isinstance(path, Series):
        return path
    if isinstance(path, str | os.PathLike) and (is_of_imageio(str(path)) or is_foreign(path)):
        return None
    return choose(find_series(path), series)


class _Stopped(BaseException):
    """The slices are no longer wanted."""


class Loading(widgets.HBox):  # type: ignore[misc]
    """Reads a lazy volume as a whole on a thread, shows how far it is, and can be stopped.

    Meanwhile slices are decoded when they are asked for. When all are there they take the place of the lazy
    array; slices that cannot be decoded are then missing ones.

    Parameters
    ----------
    volume : Volume
        Lazy.
    read : callable
        Reads it as a whole.
    on_done : callable
        Called when all slices are there, in the event loop where one runs.

    Attributes
    ----------
    bar : IntProgress
    stop : Button
    """

    def __init__(self, volume: Volume, read: Callable[[], Volume], on_done: Callable[[], None]) -> None:
        self._volume, self._read, self._on_done = volume, read, on_done
        self._is_stopped, self._is_seen = Event(), Event()
        self.bar = widgets.IntProgress(max=STEPS, description="loading")
        self.stop = widgets.Button(description="stop", tooltip="fetch slices only when they are looked at")
        self.stop.on_click(lambda _: self.halt())
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._thread = Thread(target=self._fetch, name="dicomview loading", daemon=True)
        super().__init__([self.bar, self.stop])

    @staticmethod
    def suits(volume: Volume) -> bool:
        """Return whether a volume is lazy, of files, and within the memory budget."""
        if not (volume.sources and volume.is_lazy):
            return False
        try:
            check_budget(volume.shape, volume.dtype.itemsize, "the volume")
        except MemoryBudgetError:
            return False
        return True

    def start(self) -> None:
        """Begin; in a notebook when the page has its first picture, for which it needs the processors too."""
        self._thread.start()

    def seen(self) -> None:
        """Note that the page gets its first picture."""
        self._is_seen.set()

    def halt(self) -> None:
        """Stop fetching; the volume stays lazy."""
        self._is_stopped.set()
        self._is_seen.set()
        self.layout.display = "none"

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the end, at most so many seconds."""
        if self._thread.is_alive() and current_thread() is not self._thread:
            self._thread.join(timeout)

    def close(self) -> None:
        """Stop, and wait for the slices that are being decoded."""
        self.halt()
        self.wait(5)
        super().close()

    def _fetch(self) -> None:
        if self._loop is not None:
            self._is_seen.wait(PATIENCE)
            self._is_stopped.wait(PAUSE)
        try:
            with watched(self._tell):
                found = self._read()
                self._tell("", 1, 1)
        except _Stopped:
            return
        except DicomviewError as error:  # it stays lazy
            self.children = [widgets.HTML(escape(str(error)))]
            return
        self._volume.array, self._volume.report = found.array, found.report
        if self._loop is None or self._loop.is_closed():
            self._finish()
        else:
            self._loop.call_soon_threadsafe(self._finish)

    def _tell(self, what: str, done: int, count: int) -> None:
        """Show how far it is, or end it."""
        if self._is_stopped.is_set():
            raise _Stopped
        self.bar.value = STEPS * done // max(count, 1)

    def _finish(self) -> None:
        if not self._is_stopped.is_set():
            self.layout.display = "none"
            self._on_done()

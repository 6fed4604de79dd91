"""Loading: a path as a volume that can be shown at once, while its slices are fetched behind."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Thread, current_thread
from typing import Any

import ipywidgets as widgets
import numpy as np

from dicomview.errors import DecodeError, MemoryBudgetError, MissingPackageError
from dicomview.io import Series, find_series, volread
from dicomview.io.build import with_padding
from dicomview.io.foreign import is_foreign
from dicomview.io.omezarr import is_zarr, level_shapes
from dicomview.io.pixels import THREADS
from dicomview.io.remote import is_of_imageio
from dicomview.io.series import choose
from dicomview.volume import Volume
from dicomview.volume.memory import check_budget

__all__ = ["Loading", "is_path", "opened"]

#: Slices that are decoded together, on several threads.
TOGETHER = 8


def is_path(data: Any) -> bool:
    """Return whether data is a path, or several, or a series of files."""
    several = isinstance(data, list | tuple) and data and all(isinstance(d, str | os.PathLike) for d in data)
    return bool(several) or isinstance(data, str | os.PathLike | Series)


def opened(path: Any, *, series: Any = None, pixels: float) -> Volume:
    """Return the volume at a path, lazy where that can be.

    Parameters
    ----------
    path : path-like, list of path-like, or Series
    series : optional
        As for :func:`dicomview.volread`.
    pixels : float
        Width of a pane: of a multiscale image the coarsest level is taken that has as many rows and columns.
    """
    is_series = isinstance(path, Series)
    if not is_series and is_zarr(path):
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
    chosen = path if is_series else None
    is_single = isinstance(path, str | os.PathLike)
    if not is_series and not (is_single and (is_of_imageio(str(path)) or is_foreign(path))):
        chosen = choose(find_series(path), series)
    try:
        if chosen is None:  # a file that imageio fetches, or of another format
            volume = volread(path, series=series, lazy=True)
        else:
            volume = chosen.read_planewise()
            if not Loading.suits(volume):
                volume = chosen.read(lazy=True)
        if volume.geometry.shape[0] // 2 not in volume.missing_slices(volume.middle_frame):
            np.asarray(volume.middle_slice()[0])
    except (DecodeError, MissingPackageError):
        # Of another format, with a middle that cannot be shown, or too large without dask: as a whole.
        return volread(path, series=series) if chosen is None else chosen.read()
    return volume


class Loading(widgets.HBox):  # type: ignore[misc]
    """Fetches the slices of a lazy volume on a thread, shows how far it is, and can be stopped.

    When all are there they take the place of the lazy array; slices that cannot be decoded are then missing
    ones, as in a plain read.

    Parameters
    ----------
    volume : Volume
        Lazy.
    on_done : callable
        Called when all slices are there, in the event loop where one runs.

    Attributes
    ----------
    bar : IntProgress
    stop : Button
    """

    def __init__(self, volume: Volume, on_done: Callable[[], None]) -> None:
        self._volume, self._on_done = volume, on_done
        self._lazy = volume.array
        self._is_stopped = Event()
        frames = [tuple(place) for place in np.ndindex(*map(len, volume.dimensions))]
        frames.sort(key=lambda frame: frame != volume.middle_frame)
        count = volume.geometry.shape[0]
        starts = sorted(range(0, count, TOGETHER), key=lambda k: abs(k + TOGETHER / 2 - count / 2))
        self._parts = [(frame, slice(k, min(k + TOGETHER, count))) for frame in frames for k in starts]
        self.bar = widgets.IntProgress(max=len(self._parts), description="loading")
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
        """Begin."""
        self._thread.start()

    def halt(self) -> None:
        """Stop fetching; the volume stays lazy."""
        self._is_stopped.set()
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
        volume = self._volume
        array = np.empty(volume.shape, volume.dtype)
        failed: dict[tuple[int, ...], DecodeError] = {}
        for number, (frame, slices) in enumerate(self._parts):
            if self._is_stopped.is_set():
                return
            absent = volume.missing_slices(frame)
            failed.update(_filled(array, self._lazy, frame, slices, absent))
            self.bar.value = number + 1
        if self._is_stopped.is_set():
            return
        _fill_empty(volume, array, failed)
        volume.array = array
        if self._loop is None or self._loop.is_closed():
            self._finish()
        else:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self._is_stopped.is_set():
            self.layout.display = "none"
            self._on_done()


def _filled(
    array: np.ndarray, lazy: Any, frame: tuple[int, ...], slices: slice, absent: Sequence[int]
) -> dict[tuple[int, ...], DecodeError]:
    """Decode slices into an array on several threads; return what is the matter with those that cannot be."""

    def problem(place: tuple[int, ...]) -> DecodeError | None:
        try:
            array[place] = np.asarray(lazy[place])
        except DecodeError as error:
            return error
        return None

    places = [(*frame, k) for k in range(slices.start, slices.stop) if k not in absent]
    with ThreadPoolExecutor(THREADS) as pool:
        problems = zip(places, pool.map(problem, places))
        return {place: error for place, error in problems if error is not None}


def _fill_empty(volume: Volume, array: np.ndarray, failed: dict[tuple[int, ...], DecodeError]) -> None:
    """Give slices that are not there their value, and report those that cannot be decoded."""
    missing: set[tuple[int, ...]] = {
        (place,) if isinstance(place, int) else place for place in volume.report.missing
    }
    empty: list[tuple[int, ...]] = sorted(missing | failed.keys())
    if not empty:
        return
    good = np.ones(array.shape[: len(volume.extra_dims) + 1], bool)
    for place in empty:
        good[place] = False
    fill = with_padding(volume.padding, array.dtype, is_color=volume.is_color)
    array[~good] = (array[good].min() if good.any() else 0) if fill is None else fill
    if failed:
        told = [
            f"slice {place[0] if len(place) == 1 else place} is empty: {e}" for place, e in failed.items()
        ]
        if len(told) > 5:
            told = [*told[:5], f"{len(told) - 5} more slices are empty"]
        volume.report = replace(
            volume.report,
            warnings=(*volume.report.warnings, *told),
            missing=tuple(place[0] if len(place) == 1 else place for place in empty),
        )

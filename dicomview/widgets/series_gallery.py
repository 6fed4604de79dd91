"""Gallery: the series of a study as thumbnails, one of which is opened."""

from base64 import b64decode
from textwrap import wrap
from threading import Event, Thread, current_thread
from typing import Any

import imageio.v3 as iio
import ipywidgets as widgets

from dicomview.errors import DicomviewError, SeriesError
from dicomview.io import Series, find_series
from dicomview.io.glance import read_glance
from dicomview.render import PLAIN, STYLE, PictureFigure
from dicomview.volume.thumbnail import thumbnail
from dicomview.widgets.cells import forget, take_over
from dicomview.widgets.choices import Choices, item
from dicomview.widgets.displayed import Displayed, Keeper, close_all
from dicomview.widgets.frontend import Bundle, is_live
from dicomview.widgets.loading import is_path
from dicomview.widgets.picture import KeptPicture
from dicomview.widgets.place import ViewerPlace
from dicomview.widgets.viewer import SliceViewer

__all__ = ["Gallery", "gallery"]

#: Pictures in a row of the picture that is kept, and at most so many in all.
ACROSS, MOST = 6, 36
#: Seconds that the picture waits for thumbnails where nobody can see them come.
PATIENCE = 60.0


def gallery(series: Any, **options: Any) -> "Gallery":
    """Show the series of a study as thumbnails; a click opens one below.

    Parameters
    ----------
    series : path, SeriesList, or sequence of Series
        Of each the middle slice is read, behind. Those that are no volumes say why.
    **options
        For the :class:`SliceViewer` that is opened.

    Returns
    -------
    Gallery

    Examples
    --------
    >>> import dicomview as dv
    >>> study = dv.gallery(dv.find_series(dv.samples.head_ct()))
    >>> viewer = study.choose(0)
    >>> viewer.volume.meta.Modality
    'CT'
    >>> study.close()
    """
    return Gallery(series, **options)


class Gallery(Displayed, widgets.VBox):  # type: ignore[misc]
    """Thumbnails of series; see :func:`gallery`.

    Attributes
    ----------
    series : tuple of Series
    viewer : SliceViewer or None
        The one that is open.

    Examples
    --------
    >>> import dicomview as dv
    >>> from dicomview.widgets import Gallery
    >>> study = Gallery(dv.samples.head_ct())
    >>> [series.modality for series in study.series]
    ['CT']
    >>> study.close()
    """

    def __init__(self, series: Any, **options: Any) -> None:
        if isinstance(series, Series):
            series = [series]
        elif is_path(series):
            series = find_series(series)
        self.series: tuple[Series, ...] = tuple(series)
        for one in self.series:
            if not isinstance(one, Series):
                raise SeriesError(
                    f"a gallery does not take {type(one).__name__}",
                    remedy="give a path or series of find_series",
                )
        self._open = True
        self._pictures: dict[int, str] = {}
        self._notes = {i: one.reason or "" for i, one in enumerate(self.series)}
        self.choices = Choices(self.choose)
        self.choices.items = [
            item(_lines(one), note=self._notes[i], enabled=one.reason is None)
            for i, one in enumerate(self.series)
        ]
        self._place = ViewerPlace(**options)
        self._picture, self._keeper = KeptPicture(self._png), Keeper()
        self._is_stopped = Event()
        self._thread = Thread(target=self._read, name="dicomview thumbnails", daemon=True)
        super().__init__([self.choices, self._place, self._keeper])
        take_over(self)
        self._thread.start()

    @property
    def viewer(self) -> SliceViewer | None:
        """The viewer that is open."""
        return self._place.viewer

    def choose(self, number: int) -> SliceViewer | None:
        """Open a series below, in the place of the one before.

        Raises
        ------
        SeriesError
            If there is no such series, or it is no volume.
        """
        if not 0 <= number < len(self.series):
            raise SeriesError(
                f"there is no series number {number}", remedy=f"the gallery has {len(self.series)}"
            )
        one = self.series[number]
        if one.reason is not None:
            raise SeriesError(
                f"{one.title or 'the series'} is no volume: {one.reason}",
                remedy="choose another series",
            )
        self.choices.chosen = number
        return self._place.show(one)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all thumbnails are there, at most so many seconds."""
        if self._thread.is_alive() and current_thread() is not self._thread:
            self._thread.join(timeout)

    def close(self) -> None:
        """Free the viewer and the thumbnails."""
        if self._open:
            self._open = False
            self._is_stopped.set()
            self.wait(5)
            self._picture.close()
            forget(self)
            for child in self.children:
                close_all(child)
            self.layout.close()
        super().close()

    def _read(self) -> None:
        """Read the thumbnails one by one."""
        for i, one in enumerate(self.series):
            if self._is_stopped.is_set():
                return
            if one.shape is None:
                continue
            try:
                self._pictures[i] = thumbnail(read_glance(one))
            except DicomviewError as error:
                self._notes[i] = self._notes[i] or " ".join(str(error).split())
            if not self._is_stopped.is_set():
                self.choices.show(i, picture=self._pictures.get(i, ""), note=self._notes[i])
                self._picture.changed()

    def _png(self) -> bytes:
        """Return the thumbnails in rows."""
        shown = self.series[:MOST]
        across = min(ACROSS, max(len(shown), 1))
        down = -(-len(shown) // across) or 1
        figure = PictureFigure(figsize=(1.6 * across, 2.2 * down), dpi=STYLE.dpi)
        for i, one in enumerate(shown):
            ax = figure.add_axes(
                ((i % across + 0.03) / across, 1 - (i // across + 0.62) / down, 0.94 / across, 0.6 / down)
            )
            ax.set_facecolor("black")
            ax.set(xticks=[], yticks=[])
            if i in self._pictures:
                pixels = iio.imread(b64decode(self._pictures[i]))
                ax.imshow(pixels, cmap="gray", vmin=0, vmax=255)
                ax.set_anchor("C")
            text = "\n".join(line for line in (*_lines(one), self._notes[i]) if line)
            ax.text(
                0, -0.04, _wrapped(text), transform=ax.transAxes, va="top", size=7, **PLAIN
            )  # fmt: skip
        left = len(self.series) - len(shown)
        if left or not shown:
            told = f"and {left} more" if left else "no series"
            figure.text(0.99, 0.01, told, ha="right", size=8)
        return figure.png()

    def _told(self) -> str:
        return "\n".join(["Gallery of", *map(repr, self.series)])

    # pyright infers from ipywidgets, which has no types, that there is a dict only.
    def _repr_mimebundle_(self, **kwargs: Any) -> Bundle:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not is_live():
            self.wait(PATIENCE)
        return super()._repr_mimebundle_(**kwargs)


def _lines(series: Series) -> list[str]:
    """Return modality and description, and the shape."""
    modality, description, shape = series.row()[:3]
    return [" ".join(filter(None, (modality, description))) or "unnamed", shape]


def _wrapped(text: str) -> str:
    """Break lines that are too long for a thumbnail, at most five."""
    lines = [part for line in text.splitlines() for part in wrap(line, 26)]
    return "\n".join(lines[:5])

"""SeriesBrowser: pick a folder, see its series, open one."""

import asyncio
import os
import time
from html import escape
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import ipywidgets as widgets

from dicomview.errors import DicomviewError, SeriesError
from dicomview.io import SeriesList, find_series
from dicomview.io.progress import watched
from dicomview.volume.meta import safe_text
from dicomview.widgets.cells import forget, take_over
from dicomview.widgets.choices import Choices, item
from dicomview.widgets.displayed import close_all
from dicomview.widgets.frontend import Bundle, is_live, with_view
from dicomview.widgets.place import ViewerPlace
from dicomview.widgets.viewer import SliceViewer

__all__ = ["SeriesBrowser"]

#: Seconds between two words of the progress.
BEAT = 0.1
#: Folders that are offered at most.
FOLDERS = 500
_UP = ".."


class _StoppedError(BaseException):
    """Somebody does not want to wait."""


class SeriesBrowser(widgets.VBox):  # type: ignore[misc]
    """Pick a folder, see its series in a table, open one in a viewer.

    Only headers are read, on a thread: the notebook goes on meanwhile, and the search can be stopped.

    Parameters
    ----------
    path : path-like, optional
        Folder or file; it is searched at once, with the folders in it. Without one the working folder is
        shown, and searched when the button says so.
    **options
        For the :class:`SliceViewer` that is opened.

    Attributes
    ----------
    path : Text
        Typed and entered, it is searched.
    folders : Dropdown
        The folders in it; to go there searches nothing yet.
    search, stop : Button
    bar : IntProgress
    status : HTML
    table : Choices
    found : SeriesList or None
        What is in the table.
    viewer : SliceViewer or None
        The one that is open.

    Examples
    --------
    >>> import dicomview as dv
    >>> browser = dv.SeriesBrowser(dv.samples.head_ct())
    >>> browser.wait()
    >>> len(browser.found)
    1
    >>> browser.close()
    """

    # Older ipywidgets show themselves with this method; _repr_mimebundle_ is to be used throughout.
    _ipython_display_ = None

    def __init__(self, path: str | os.PathLike[str] | None = None, **options: Any) -> None:
        self._open, self._is_going = True, False
        self.found: SeriesList | None = None
        self._thread: Thread | None = None
        self._is_stopped = Event()
        self._pending: tuple[SeriesList | str, Event] | None = None
        self._beat = 0.0
        wide = widgets.Layout(flex="1 1 320px", width="auto", min_width="0")
        self.path = widgets.Text(
            str(Path().resolve() if path is None else Path(path).expanduser()),
            description="folder", continuous_update=False, layout=wide,
        )  # fmt: skip
        self.folders = widgets.Dropdown(layout=widgets.Layout(width="200px"), tooltip="go to a folder in it")
        self.search = widgets.Button(description="find series", icon="search", tooltip="read the headers")
        self.stop = widgets.Button(description="stop", layout=widgets.Layout(width="80px", display="none"))
        self.bar = widgets.IntProgress(layout=widgets.Layout(width="200px", display="none"))
        self.status = widgets.HTML()
        self.table = Choices(self.choose, head=SeriesList.COLUMNS[1:])
        self._place = ViewerPlace(**options)
        self.path.observe(self._typed, "value")
        self.folders.observe(self._chosen, "value")
        self.search.on_click(lambda _: self.find())
        self.stop.on_click(lambda _: self._is_stopped.set())
        row = widgets.Layout(flex_flow="row wrap", align_items="center")
        super().__init__(
            [
                widgets.HBox([self.path, self.folders, self.search], layout=row),
                widgets.HBox([self.bar, self.stop, self.status], layout=row),
                self.table,
                self._place,
            ]
        )
        take_over(self)
        self._list_folders()
        if path is not None:
            self.find()

    @property
    def viewer(self) -> SliceViewer | None:
        """The viewer that is open."""
        return self._place.viewer

    def find(self, path: str | os.PathLike[str] | None = None) -> None:
        """Search a folder, on a thread; the one that is shown by default. A search that runs is stopped.

        Parameters
        ----------
        path : path-like, optional
        """
        self._halt()
        if path is not None:
            self._go(Path(path).expanduser())
        try:
            loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self.found = None
        self.table.items, self.table.chosen = [], -1
        self.bar.value, self.bar.max = 0, 1
        self.bar.layout.display = self.stop.layout.display = ""
        self.status.value = "looking for files"
        self._is_stopped = Event()
        self._thread = Thread(
            target=self._find,
            args=(self.path.value, self._is_stopped, loop),
            name="dicomview series",
            daemon=True,
        )
        self._thread.start()

    def choose(self, number: int) -> SliceViewer | None:
        """Open a series of the table in a viewer.

        Raises
        ------
        SeriesError
            If there is no such series, or it is no volume.
        """
        series = self.found or ()
        if not 0 <= number < len(series):
            raise SeriesError(f"there is no series number {number}", remedy=f"the table has {len(series)}")
        one = series[number]
        if one.reason is not None:
            raise SeriesError(
                f"{one.title or 'the series'} is no volume: {one.reason}",
                remedy="choose another series",
            )
        self.table.chosen = number
        return self._place.show(one)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the search is done, at most so many seconds."""
        if self._thread is not None and current_thread() is not self._thread:
            self._thread.join(timeout)
            if not self._thread.is_alive():
                self._show()  # the event loop may not have come to it

    def close(self) -> None:
        """Stop the search, and free viewer and controls."""
        if self._open:
            self._open = False
            self._halt()
            forget(self)
            for child in self.children:
                close_all(child)
            self.layout.close()
        super().close()

    # -- the search -----------------------------------------------------------------------------------

    def _find(self, path: str, is_stopped: Event, loop: asyncio.AbstractEventLoop | None) -> None:
        """Read headers; what was found is shown in the event loop where one runs."""

        def tell(what: str, done: int, count: int) -> None:
            if is_stopped.is_set():
                raise _StoppedError
            now = time.monotonic()
            if now - self._beat > BEAT or done == count:
                self._beat = now
                self.bar.max, self.bar.value = max(count, 1), done
                self.status.value = f"{escape(what)}: {done:d} of {count:d} files"

        found: SeriesList | str
        try:
            with watched(tell):
                found = find_series(path)
        except _StoppedError:
            found = "stopped: nothing is shown of what was read"
        except DicomviewError as error:
            found = str(error)
        except OSError as error:
            found = f"the folder cannot be read ({error.strerror or type(error).__name__})"

        self._pending = found, is_stopped
        if loop is None or loop.is_closed():
            self._show()
        else:
            loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        """Fill the table, or say what is the matter; of the newest search, and once."""
        pending, self._pending = self._pending, None
        if pending is None or pending[1] is not self._is_stopped or not self._open:
            return
        found = pending[0]
        self.bar.layout.display = self.stop.layout.display = "none"
        if isinstance(found, str):
            self.status.value = escape(found)
            return
        self.found = found
        self.table.items = [item(one.row(), enabled=one.reason is None) for one in found]
        count, volumes = len(found), len(found.volumes)
        told = [f"{count} series, {volumes} of them volumes" if count else "no DICOM series here"]
        told += [f"not readable: {dropped}" for dropped in found.dropped[:5]]
        told += [f"and {len(found.dropped) - 5} more"] * (len(found.dropped) > 5)
        told += [f"{found.others} other files"] * bool(found.others)
        self.status.value = "<br>".join(map(escape, told))

    def _halt(self) -> None:
        """Stop a search that runs."""
        self._is_stopped.set()
        self.wait(5)

    # -- folders --------------------------------------------------------------------------------------

    def _go(self, folder: Path) -> None:
        """Show a folder; nothing is searched."""
        self._is_going = True
        try:
            self.path.value = str(folder)
        finally:
            self._is_going = False
        self._list_folders()

    def _typed(self, change: Any) -> None:
        if not self._is_going:
            self._list_folders()
            self.find()

    def _chosen(self, change: Any) -> None:
        name = change["new"]
        if name and not self._is_going:
            here = Path(self.path.value)
            self._go(here.resolve().parent if name == _UP else here / name)

    def _list_folders(self) -> None:
        """Offer the folders in the one that is shown."""
        names: list[str] = []
        self.status.value = ""
        try:
            with os.scandir(self.path.value) as entries:
                names = sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
        except OSError as error:
            if not Path(self.path.value).is_file():
                reason = error.strerror or type(error).__name__
                self.status.value = escape(f"the folder cannot be listed: {reason}")
        self._is_going = True
        try:
            shown = [(safe_text(name), name) for name in names[:FOLDERS]]
            self.folders.options = [(f"{len(names)} folders", ""), (_UP, _UP), *shown]
            self.folders.value = ""
        finally:
            self._is_going = False

    # pyright infers from ipywidgets, which has no types, that there is a dict only.
    def _repr_mimebundle_(self, **kwargs: Any) -> Bundle:  # pyright: ignore[reportIncompatibleMethodOverride]
        displayed = getattr(self, "_handle_displayed", None)  # ipywidgets 7 calls what waits for the display
        if displayed is not None:
            displayed()
        if not is_live():
            self.wait()
        bundle: dict[str, Any] = {"text/plain": f"SeriesBrowser\n{self.found!r}"}
        if self.found is not None:
            bundle["text/html"] = self.found._repr_html_()
        return with_view(bundle, self)

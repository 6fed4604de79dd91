"""The canvas in the middle: ipympl where it is installed, a picture elsewhere."""

import math
from collections.abc import Callable
from threading import RLock
from typing import Any

import ipywidgets as widgets
from matplotlib.backend_bases import MouseEvent
from matplotlib.figure import Figure

from dicomview.render import STYLE, LivePainter, PanesRenderer, PictureFigure
from dicomview.state import Scene
from dicomview.volume import Volume
from dicomview.widgets.displayed import close_all
from dicomview.widgets.frames import frame_canvas, import_ipympl

__all__ = ["LiveCanvas", "StillCanvas", "inches", "make_canvas"]


class LiveCanvas:
    """An ipympl canvas outside pyplot.

    Attributes
    ----------
    widget : ipywidgets.DOMWidget
    figure : Figure
    """

    #: Whether voxels may be painted below it.
    can_overlay = True

    def __init__(self, volume: Volume, size: tuple[float, float], lock: RLock) -> None:
        canvas = frame_canvas()
        self.figure = Figure(figsize=inches(size), dpi=STYLE.dpi)
        self.widget: Any = canvas(self.figure)
        self.widget.lock = lock
        self.widget.toolbar_visible = False
        self.widget.header_visible = False
        self.widget.footer_visible = False
        self.widget.resizable = False
        # The trait, not set_capture_scroll(): the page listens to the trait.
        self.widget.capture_scroll = True
        self._manager = import_ipympl().FigureManager(self.widget, 1)
        self._painter = LivePainter(self.figure, volume)

    @property
    def renderer(self) -> PanesRenderer:
        """The panes, as of the newest scene."""
        self._painter.catch_up()
        return self._painter.renderer

    def paint(self, scene: Scene, volume: Volume) -> bool:
        """Show a scene; returns whether a frame is sent."""
        return self._painter.paint(scene, volume)

    def resize(self, size: tuple[float, float]) -> None:
        """Take another size, in pixels of the page; nothing happens where it is the same."""
        if tuple(self.figure.get_size_inches()) != inches(size):
            self.figure.set_size_inches(inches(size), forward=False)
            self._manager.resize(*self.figure.bbox.size)
            self._painter.redraw()

    def may_overlay(self, may: bool) -> None:
        """Send whole frames before they are transparent: the page hears too late that they are."""
        self.widget.always_whole = may

    def overlay(self) -> None:
        """Leave the voxels to the page, which paints them below this canvas."""
        self._painter.overlay()

    def scroll(self, steps: int, x: float, y: float, ctrl: bool) -> None:
        """Tell matplotlib of the wheel; x and y are parts of the canvas from its upper left corner."""
        width, height = self.figure.bbox.size
        place = round(x * width), round((1 - y) * height)
        event = MouseEvent("scroll_event", self.widget, *place, step=steps)
        event.modifiers = frozenset(["ctrl"] if ctrl else [])
        event._process()  # type: ignore[attr-defined]

    def watch(self, ask: Callable[[int], bool]) -> None:
        """Have the page asked to tell, with the number, when it has drawn a frame."""
        self.widget.ask = ask

    def drawn(self, number: int) -> None:
        """Note that the page has drawn a frame."""
        self.widget.drawn(number)

    def close(self) -> None:
        """Free canvas, toolbar and figure."""
        self._painter.close()
        close_all(self._manager.toolbar)
        self.widget.close()
        self.figure.clear()


class StillCanvas:
    """A PNG that is drawn anew for every scene: no events, but it works without ipympl."""

    can_overlay = False

    def __init__(self, volume: Volume, size: tuple[float, float]) -> None:
        self.figure = PictureFigure(figsize=inches(size), dpi=STYLE.dpi)
        self.renderer = PanesRenderer(self.figure, volume)
        self.widget = widgets.Image(format="png", layout=widgets.Layout(width=f"{size[0]:.0f}px"))

    def paint(self, scene: Scene, volume: Volume) -> bool:
        """Show a scene."""
        if self.renderer.update(scene, volume):
            self.widget.value = self.figure.png()
        return False

    def resize(self, size: tuple[float, float]) -> None:
        """Take another size, in pixels of the page."""
        if tuple(self.figure.get_size_inches()) != inches(size):
            self.figure.set_size_inches(inches(size))
            self.widget.layout.width = f"{size[0]:.0f}px"
            self.renderer.arrange()
            self.widget.value = self.figure.png()

    def scroll(self, steps: int, x: float, y: float, ctrl: bool) -> None:
        """Do nothing: a picture hears no wheel."""

    def watch(self, ask: Callable[[int], bool]) -> None:
        """Do nothing: every picture is a whole one."""

    def drawn(self, number: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Free widget and figure."""
        self.widget.close()
        self.figure.clear()


def make_canvas(volume: Volume, size: tuple[float, float], lock: RLock) -> LiveCanvas | StillCanvas:
    """Return the best canvas that can be had here, of a size in pixels; it draws while it holds the lock."""
    try:
        return LiveCanvas(volume, size, lock)
    except ImportError:
        return StillCanvas(volume, size)


def inches(size: tuple[float, float]) -> tuple[float, float]:
    """Return a size in pixels of the page as one in inches.

    Examples
    --------
    >>> inches((870, 290))[0] * 200 >= 1740 > 8.7 * 200  # would be cut to 1739 pixels
    True
    """
    return _whole(size[0]), _whole(size[1])


def _whole(pixels: float) -> float:
    """Return a length in inches that comes to whole pixels on finer screens too."""
    length = pixels / STYLE.dpi
    while any(length * (STYLE.dpi * ratio) < pixels * ratio for ratio in (1, 2, 3)):
        length = math.nextafter(length, math.inf)
    return length

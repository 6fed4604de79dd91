"""The canvas in the middle: ipympl where it is installed, a picture elsewhere."""

from typing import Any

import ipywidgets as widgets
from matplotlib.figure import Figure

from dicomview.render import STYLE, LivePainter, PanesRenderer, PictureFigure
from dicomview.state import Scene
from dicomview.volume import Volume
from dicomview.widgets.frames import frame_canvas, import_ipympl

__all__ = ["LiveCanvas", "StillCanvas", "make_canvas"]


class LiveCanvas:
    """An ipympl canvas outside pyplot.

    Attributes
    ----------
    widget : ipywidgets.DOMWidget
    figure : Figure
    renderer : PanesRenderer
    """

    def __init__(self, volume: Volume, size: tuple[float, float]) -> None:
        canvas = frame_canvas()
        self.figure = Figure(figsize=_inches(size), dpi=STYLE.dpi)
        self.widget: Any = canvas(self.figure)
        self.widget.toolbar_visible = False
        self.widget.header_visible = False
        self.widget.footer_visible = False
        self.widget.resizable = False
        # The trait, not set_capture_scroll(): the page listens to the trait.
        self.widget.capture_scroll = True
        self._manager = import_ipympl().FigureManager(self.widget, 1)
        self._painter = LivePainter(self.figure, volume)
        self.renderer = self._painter.renderer

    def paint(self, scene: Scene) -> None:
        """Show a scene."""
        self._painter.paint(scene)

    def close(self) -> None:
        """Free canvas, toolbar and figure."""
        self._painter.close()
        self._manager.toolbar.close()
        self.widget.close()
        self.figure.clear()


class StillCanvas:
    """A PNG that is drawn anew for every scene: no events, but it works without ipympl."""

    def __init__(self, volume: Volume, size: tuple[float, float]) -> None:
        self.figure = PictureFigure(figsize=_inches(size), dpi=STYLE.dpi)
        self.renderer = PanesRenderer(self.figure, volume)
        self.widget = widgets.Image(format="png", layout=widgets.Layout(width=f"{size[0]:.0f}px"))

    def paint(self, scene: Scene) -> None:
        """Show a scene."""
        if self.renderer.update(scene):
            self.widget.value = self.figure.png()

    def close(self) -> None:
        """Free widget and figure."""
        self.widget.close()
        self.figure.clear()


def make_canvas(volume: Volume, size: tuple[float, float]) -> LiveCanvas | StillCanvas:
    """Return the best canvas that can be had here, of a size in pixels."""
    try:
        return LiveCanvas(volume, size)
    except ImportError:
        return StillCanvas(volume, size)


def _inches(size: tuple[float, float]) -> tuple[float, float]:
    return size[0] / STYLE.dpi, size[1] / STYLE.dpi

"""From a scene to matplotlib Axes; no pyplot, no widgets."""

from dicomview.render.figure import PictureFigure
from dicomview.render.live import LivePainter
from dicomview.render.panes import PanesRenderer, figure_size
from dicomview.render.plain import PLAIN
from dicomview.render.raster import forget_rasters, overlay_raster
from dicomview.render.style import STYLE, colormap

__all__ = [
    "PLAIN",
    "STYLE",
    "LivePainter",
    "PanesRenderer",
    "PictureFigure",
    "colormap",
    "figure_size",
    "forget_rasters",
    "overlay_raster",
]

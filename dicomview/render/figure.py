"""PictureFigure: a matplotlib Figure outside pyplot that a notebook shows by itself."""

from io import BytesIO
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["PictureFigure"]


class PictureFigure(Figure):
    """A Figure that displays as a PNG when it ends a notebook cell.

    It is not known to pyplot, so nothing has to be closed.

    Examples
    --------
    >>> PictureFigure(figsize=(2, 1)).png()[1:4]
    b'PNG'
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)

    def png(self, dpi: float | None = None) -> bytes:
        """Return the figure as PNG, at its own resolution by default."""
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=dpi or "figure")
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()

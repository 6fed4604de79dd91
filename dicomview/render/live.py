"""LivePainter: redraws on an interactive canvas only what a new scene changes."""

from typing import Any

from matplotlib.figure import Figure

from dicomview.geometry import PLANES, Plane
from dicomview.render.panes import PanesRenderer
from dicomview.state import Scene
from dicomview.volume import Volume

__all__ = ["LivePainter"]


class LivePainter:
    """Paints scenes on a canvas that can restore parts of itself.

    The background (everything that does not move) is kept after each full draw; a change restores it under
    the panes concerned and draws their moving artists over it.

    Parameters
    ----------
    figure : Figure
        With an Agg canvas that has ``copy_from_bbox`` and ``blit``.
    volume : Volume
    """

    def __init__(self, figure: Figure, volume: Volume) -> None:
        self.figure = figure
        self.renderer = PanesRenderer(figure, volume, animated=True)
        self._backgrounds: dict[Plane, Any] = {}
        self._connection = figure.canvas.mpl_connect("draw_event", self._drawn)

    def paint(self, scene: Scene) -> bool:
        """Show a scene; returns whether anything had to be drawn."""
        what = self.renderer.update(scene)
        if not what:
            return False
        canvas: Any = self.figure.canvas
        if what.layout:
            self._backgrounds.clear()
            canvas.draw_idle()
            return True
        if not self._backgrounds:
            # The first full draw is still to come and will show this scene.
            return True
        planes = set(PLANES) if what.colors else what.pixels | what.marks
        for plane in planes & self._backgrounds.keys():
            canvas.restore_region(self._backgrounds[plane])
            self._draw_moving(plane)
        canvas.blit()
        return True

    def close(self) -> None:
        """Stop listening to the canvas."""
        self.figure.canvas.mpl_disconnect(self._connection)

    def _drawn(self, event: Any) -> None:
        """Keep the background after a full draw and put the moving artists on it."""
        canvas: Any = self.figure.canvas
        if canvas.is_saving() or event.renderer is None or self.renderer.scene is None:
            return
        self._backgrounds = {
            pane.plane: canvas.copy_from_bbox(self.renderer.axes[pane.plane].bbox)
            for pane in self.renderer.scene.panes
            if pane.visible
        }
        for plane in self._backgrounds:
            self._draw_moving(plane)

    def _draw_moving(self, plane: Plane) -> None:
        ax = self.renderer.axes[plane]
        for artist in self.renderer.moving(plane):
            ax.draw_artist(artist)

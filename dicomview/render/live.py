"""LivePainter: redraws on an interactive canvas only the panes that a new scene changes."""

from typing import Any

from matplotlib.figure import Figure

from dicomview.geometry import PLANES
from dicomview.render.panes import PanesRenderer
from dicomview.state import Scene
from dicomview.volume import Volume

__all__ = ["LivePainter"]


class LivePainter:
    """Paints scenes on an Agg canvas, pane by pane.

    A pane is opaque, so drawing its Axes again, with whatever the user has added to them, replaces it in the
    buffer of the canvas.

    Parameters
    ----------
    figure : Figure
        With an interactive Agg canvas.
    volume : Volume

    Attributes
    ----------
    renderer : PanesRenderer
    """

    def __init__(self, figure: Figure, volume: Volume) -> None:
        self.figure = figure
        self.renderer = PanesRenderer(figure, volume)
        self._is_drawn = False
        #: What an overlay shows, once it is one.
        self._over: tuple[Any, ...] | None = None
        self._behind: tuple[Scene, Volume | None] | None = None
        self._connection = figure.canvas.mpl_connect("draw_event", self._drawn)

    def overlay(self) -> None:
        """Leave the voxels to the page: from now on the canvas is transparent over them."""
        assert self.renderer.scene is not None
        self._over = _over(self.renderer.scene)
        self.renderer.overlay()
        self.figure.canvas.draw()

    def paint(self, scene: Scene, volume: Volume | None = None) -> bool:
        """Show a scene; what did not change is not drawn. Returns whether anything is."""
        canvas: Any = self.figure.canvas
        if self._over is not None:
            before, self._over = self._over, _over(scene)
            self._behind = scene, volume
            if before == self._over:
                return False
            self.catch_up()
            canvas.draw()  # all of it: what is transparent cannot be painted over
            return True
        what = self.renderer.update(scene, volume)
        if not self._is_drawn:
            return False  # the first full draw is still to come and will show this scene
        if not what:
            return False
        if what.layout:
            canvas.draw_idle()
            return True
        for plane in set(PLANES) if what.colors else what.pixels | what.marks:
            ax = self.renderer.axes[plane]
            if ax.get_visible():
                ax.draw(canvas.get_renderer())
        canvas.blit()
        return True

    def catch_up(self) -> None:
        """Bring the axes to the newest scene, of which an overlay may show nothing."""
        if self._behind is not None:
            behind, self._behind = self._behind, None
            self.renderer.update(*behind)

    def redraw(self) -> None:
        """Arrange the panes anew, in a figure of another size."""
        self.renderer.arrange()
        self.figure.canvas.draw_idle()

    def close(self) -> None:
        """Stop listening to the canvas."""
        self.figure.canvas.mpl_disconnect(self._connection)

    def _drawn(self, event: Any) -> None:
        self._is_drawn = True


def _over(scene: Scene) -> tuple[Any, ...]:
    """Return what an overlay shows of a scene."""
    colors = (scene.window, scene.colormap, scene.reverse) if scene.look.colorbar else None
    panes = [*scene.panes, *scene.tiles]
    return (
        scene.layout,
        scene.look,
        colors,
        *((p.view, p.box, p.corners[:2], p.edges, p.legend, p.outlines) for p in panes),
    )

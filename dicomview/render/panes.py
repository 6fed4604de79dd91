"""PanesRenderer: three planes of a volume on three matplotlib Axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import FigureBase

from dicomview.geometry import PLANES, Geometry, Plane, PlaneView, plane_view
from dicomview.render.pane import PaneDrawing
from dicomview.render.plain import PLAIN
from dicomview.render.style import STYLE
from dicomview.state import Changes, Pane, Scene, changes
from dicomview.volume import Volume

__all__ = ["PanesRenderer", "figure_size", "pane_size"]

#: Height of the panes in pixels is kept within these.
HEIGHTS = (180, 640)
#: Height of a montage, as part of its width.
MONTAGE_HEIGHT = 0.7
#: Pixels that the colorbar takes, with its numbers ("−800000") and the unit beside them.
COLORBAR = 112


class PanesRenderer:
    """Draws scenes of one volume into a figure.

    Parameters
    ----------
    figure : Figure or SubFigure
        Empty; gets three Axes, more for a montage and a colorbar.
    volume : Volume

    Attributes
    ----------
    axes : dict of str to Axes
        By plane. Data coordinates are array indices: x along the axis shown to the right, y downwards.
    drawings : dict of str to PaneDrawing
        By plane.
    scene : Scene or None
        What was drawn last.
    """

    def __init__(self, figure: FigureBase, volume: Volume) -> None:
        self.figure = figure
        self.volume = volume
        self.scene: Scene | None = None
        self.axes: dict[Plane, Axes] = {}
        self.drawings: dict[Plane, PaneDrawing] = {}
        self._tiles: list[PaneDrawing] = []
        self._colorbar: Colorbar | None = None
        self._is_overlay = False

    def update(self, scene: Scene, volume: Volume | None = None) -> Changes:
        """Bring the artists to a scene, of another volume too; returns what changed. Nothing is drawn yet."""
        is_other = volume is not None and volume is not self.volume
        if volume is not None:
            self.volume = volume
        what = changes(None if is_other else self.scene, scene)
        for drawing, pane in [*zip(self.drawings.values(), scene.panes), *zip(self._tiles, scene.tiles)]:
            drawing.volume = pane.volume
        if self.scene is None:
            for pane in scene.panes:
                self.drawings[pane.plane] = self._made(pane, scene, pane.plane)
                self.axes[pane.plane] = self.drawings[pane.plane].ax
        turned = {p.plane for p in scene.panes if self.scene and self.scene.pane(p.plane).view != p.view}
        for pane in scene.panes:
            if self.scene is not None and pane.plane in what.pixels | turned:
                self.drawings[pane.plane].show_slice(pane)
            if what.colors:
                self.drawings[pane.plane].show_colors(scene)
        if what.layout:
            self._show_tiles(scene)
            self._show_colorbar(scene)
            self._arrange(scene)
        for pane in scene.panes:
            if what.layout or (self.scene and self.scene.pane(pane.plane).box != pane.box):
                self.drawings[pane.plane].show_view(pane, scene)
            elif pane.plane in what.marks:
                self.drawings[pane.plane].show_marks(pane, scene)
        if what.colors:
            for drawing in self._tiles:
                drawing.show_colors(scene)
        self.scene = scene
        return what

    def shown(self) -> list[tuple[Axes, Pane, bool]]:
        """Return the visible panes with their Axes, and whether each is a tile of a montage."""
        assert self.scene is not None
        if self.scene.tiles:
            return [(d.ax, pane, True) for d, pane in zip(self._tiles, self.scene.tiles)]
        return [(self.axes[pane.plane], pane, False) for pane in self.scene.panes if pane.visible]

    def overlay(self, is_on: bool = True) -> None:
        """Leave voxels, crosshair and the texts that follow them to somebody below the canvas; or do not."""
        self._is_overlay = is_on
        self.figure.patch.set_alpha(0 if is_on else None)  # type: ignore[attr-defined]
        for drawing in (*self.drawings.values(), *self._tiles):
            drawing.overlay(is_on)

    def catch_up(self) -> None:
        """Have the voxels of all panes, also of those that somebody else draws."""
        for drawing in (*self.drawings.values(), *self._tiles):
            drawing.catch_up()

    def arrange(self) -> None:
        """Give every pane its place again: the figure has another size."""
        if self.scene is not None:
            self._arrange(self.scene)
            for pane in self.scene.panes:
                self.drawings[pane.plane].show_view(pane, self.scene)

    @property
    def pixels_per_voxel(self) -> float:
        """Pixels of the figure that a voxel of the first visible pane is wide at a zoom of 1."""
        assert self.scene is not None
        tiles = [drawing.ax for drawing in self._tiles]
        shown = self.scene.tiles or [pane for pane in self.scene.panes if pane.visible]
        ax = tiles[0] if tiles else self.axes[shown[0].plane]
        return float(ax.bbox.width / shown[0].volume.home[shown[0].view.right])

    def pane_on(self, ax: Axes) -> Pane | None:
        """Return the pane that an Axes shows; None for an Axes of somebody else."""
        if self.scene is None:
            return None
        drawn = [*self.drawings.values(), *self._tiles]
        panes = [self.scene.pane(plane) for plane in self.drawings]
        found = (pane for drawing, pane in zip(drawn, [*panes, *self.scene.tiles]) if drawing.ax is ax)
        return next(found, None)

    def _made(self, pane: Pane, scene: Scene, name: str) -> PaneDrawing:
        ax = self.figure.add_axes((0.0, 0.0, 1.0, 1.0), label=name)
        drawing = PaneDrawing(ax, pane.volume, pane, scene)
        drawing.overlay(self._is_overlay)
        return drawing

    def _show_tiles(self, scene: Scene) -> None:
        """Have as many Axes as the montage has slices."""
        while len(self._tiles) > len(scene.tiles):
            self._tiles.pop().ax.remove()
        for drawing, pane in zip(self._tiles, scene.tiles):
            drawing.show_slice(pane)
        for pane in scene.tiles[len(self._tiles) :]:
            self._tiles.append(self._made(pane, scene, f"tile {len(self._tiles)}"))

    def _show_colorbar(self, scene: Scene) -> None:
        """Have a colorbar, or none."""
        wanted = scene.look.colorbar and scene.window is not None
        if self._colorbar is not None and not wanted:
            self._colorbar.ax.remove()
            self._colorbar = None
        if not wanted:
            return
        if self._colorbar is None:
            ax = self.figure.add_axes((0.9, 0.1, 0.02, 0.8), label="colorbar")
            image = self.drawings[self.volume.slice_plane].image
            self._colorbar = Colorbar(ax, image)
        text = STYLE.surrounds[scene.look.theme][1]
        self._colorbar.ax.tick_params(colors=text, labelsize=STYLE.font_size)
        self._colorbar.outline.set_visible(False)
        self._colorbar.set_label(self.volume.unit, color=text, size=STYLE.font_size, **PLAIN)

    def _arrange(self, scene: Scene) -> None:
        """Give every visible pane its rectangle: one scale in mm for all, as large as fits."""
        self.figure.set_facecolor(STYLE.surrounds[scene.look.theme][0])
        for ax in self.axes.values():
            ax.set_visible(False)
        shown = [(self.drawings[pane.plane], pane) for pane in scene.panes if pane.visible]
        rows = [shown] if shown else []
        if scene.tiles:
            tiles = list(zip(self._tiles, scene.tiles))
            across = self._columns(scene.tiles)
            rows = [tiles[i : i + across] for i in range(0, len(tiles), across)]
        width, height = self._space()
        sizes = [[_size(pane) for _, pane in row] for row in rows]
        gap = STYLE.gap * self._dot
        scale = min(
            min((width - gap * (len(row) - 1)) / sum(w for w, _ in row) for row in sizes),
            (height - gap * (len(sizes) - 1)) / sum(max(h for _, h in row) for row in sizes),
        )
        tall = [scale * max(h for _, h in row) for row in sizes]
        top = (height + sum(tall) + gap * (len(rows) - 1)) / 2
        full = width + self._aside()
        for row, row_sizes, high in zip(rows, sizes, tall):
            x = (width - gap * (len(row) - 1) - scale * sum(w for w, _ in row_sizes)) / 2
            for (drawing, pane), (w, h) in zip(row, row_sizes):
                drawing.ax.set_visible(True)
                bottom = top - (high + scale * h) / 2
                drawing.ax.set_position(
                    (x / full, bottom / height, scale * w / full, scale * h / height), which="both"
                )
                if scene.tiles:
                    drawing.show_view(pane, scene)
                x += scale * w + gap
            top -= high + gap
        if self._colorbar is not None:
            dot = self._dot
            self._colorbar.ax.set_position(((width + 10 * dot) / full, 0.08, 14 * dot / full, 0.82))

    def _columns(self, tiles: Sequence[Pane]) -> int:
        """Return in how many columns the tiles of a montage become largest."""
        w, h = _size(tiles[0])
        width, height = self._space()

        def scale(columns: int) -> float:
            return min(width / (columns * w), height / (-(-len(tiles) // columns) * h))

        return max(range(1, len(tiles) + 1), key=scale)

    @property
    def _dot(self) -> float:
        """Pixels of the figure that a pixel of the page has."""
        return float(self.figure.dpi) / STYLE.dpi  # type: ignore[attr-defined]

    def _aside(self) -> float:
        return COLORBAR * self._dot if self._colorbar is not None else 0

    def _space(self) -> tuple[float, float]:
        """Return width and height for the panes, in pixels."""
        width, height = self.figure.bbox.size  # type: ignore[attr-defined]
        return width - self._aside(), height


def _size(pane: Pane) -> tuple[float, float]:
    """Return width and height of what a pane shows at a zoom of 1; turned planes get no other place."""
    volume = pane.volume
    return pane_size(volume.upright, pane.view, None if volume.is_turned else volume.home)


def pane_size(
    geometry: Geometry, view: PlaneView, extents: Sequence[float] | None = None
) -> tuple[float, float]:
    """Return width and height of a plane in mm; in pixels of equal sides where the spacing is unknown.

    Extents in voxels are those of the geometry unless others are given.
    """
    extents = extents or geometry.shape
    if view.aspect is None:
        return float(extents[view.right]), float(extents[view.down])
    width, height = geometry.spacing[view.right], geometry.spacing[view.down]
    assert width is not None and height is not None  # the aspect is known
    return extents[view.right] * width, extents[view.down] * height


def figure_size(geometry: Geometry, width: float, layout: str = "ortho") -> tuple[float, float]:
    """Return the size in pixels of a figure in which the panes of a layout fill the width, of whole height.

    Examples
    --------
    >>> figure_size(Geometry((100, 100, 100), spacing=(1, 1, 1)), 612)
    (612, 200.0)
    >>> figure_size(Geometry((100, 100, 100), spacing=(1, 1, 1)), 612, "axial")
    (612, 612.0)
    """
    planes: list[Plane] = [plane for plane in PLANES if layout in ("ortho", plane)]
    sizes = [pane_size(geometry, plane_view(geometry, plane)) for plane in planes]
    if not planes:  # a montage
        return width, float(np.clip(round(width * MONTAGE_HEIGHT), *HEIGHTS))
    scale = (width - STYLE.gap * (len(planes) - 1)) / sum(w for w, _ in sizes)
    return width, float(np.clip(round(scale * max(h for _, h in sizes)), *HEIGHTS))

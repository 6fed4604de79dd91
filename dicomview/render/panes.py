"""PanesRenderer: three planes of a volume on three matplotlib Axes."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from dicomview.display import Window
from dicomview.geometry import PLANES, Geometry, Plane, PlaneView, plane_view
from dicomview.render.image import SliceImage
from dicomview.render.label import Label
from dicomview.render.norm import norm_of
from dicomview.render.style import STYLE, colormap
from dicomview.state import Changes, Pane, Scene, changes, pane_pixels
from dicomview.volume import Volume

__all__ = [
    "PanesRenderer",
    "caption",
    "draw_crosshair",
    "figure_size",
    "frame_axes",
    "pane_size",
    "show_pixels",
]

#: Height of the panes in pixels is kept within these.
HEIGHTS = (180, 620)


def show_pixels(
    ax: Axes, image: np.ndarray, view: PlaneView, *, cmap: Colormap, window: Window | None
) -> SliceImage:
    """Draw the pixels of a plane and turn the axes as the plane is turned; data stay array indices."""
    artist = SliceImage(ax, image, cmap=cmap, norm=None if window is None else norm_of(window))
    ax.set_aspect(view.aspect or 1.0)
    rows, columns = image.shape[:2]
    ax.set_xlim((columns - 0.5, -0.5) if view.flip_right else (-0.5, columns - 0.5))
    ax.set_ylim((-0.5, rows - 0.5) if view.flip_down else (rows - 0.5, -0.5))
    return artist


def frame_axes(ax: Axes, view: PlaneView) -> None:
    """Make a black pane without ticks and write the sides of the patient at its edges."""
    ax.set_facecolor(STYLE.background)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    places = [
        ((0.5, 1), "center", "top", (0, -3)),
        ((0.5, 0), "center", "bottom", (0, 3)),
        ((0, 0.5), "left", "center", (4, 0)),
        ((1, 0.5), "right", "center", (-4, 0)),
    ]
    for letter, place in zip(view.edges, places):
        _label(ax, letter, *place)


def caption(ax: Axes, text: str) -> Label:
    """Write into the upper left corner of a pane."""
    return _label(ax, text, (0, 1), "left", "top", (4, -3))


def draw_crosshair(ax: Axes, point: tuple[float, float]) -> tuple[Line2D, Line2D]:
    """Mark a column and a row; the lines leave the letters at the edges free."""
    style = {"color": STYLE.crosshair, "linewidth": 0.8, "alpha": 0.85}
    margin = STYLE.crosshair_margin
    return (
        ax.axvline(point[0], margin, 1 - margin, **style),
        ax.axhline(point[1], margin, 1 - margin, **style),
    )


def _label(
    ax: Axes, text: str, place: tuple[float, float], ha: str, va: str, offset: tuple[float, float]
) -> Label:
    """Write at a place of the axes."""
    label = Label(
        text, place, ha, va, offset,
        color=STYLE.text, outline=STYLE.background, size=STYLE.font_size, zorder=5,
    )  # fmt: skip
    ax.add_artist(label)
    return label


@dataclass
class PaneArtists:
    """What moves in one pane."""

    image: SliceImage
    column: Line2D
    row: Line2D
    label: Label


class PanesRenderer:
    """Draws scenes of one volume into a figure.

    Parameters
    ----------
    figure : Figure or SubFigure
        Empty; gets three Axes.
    volume : Volume

    Attributes
    ----------
    axes : dict of str to Axes
        By plane. Data coordinates are array indices: x along the axis shown to the right, y downwards.
    scene : Scene or None
        What was drawn last.
    """

    def __init__(self, figure: FigureBase, volume: Volume) -> None:
        self.figure = figure
        self.volume = volume
        self.scene: Scene | None = None
        self.axes: dict[Plane, Axes] = {}
        self.artists: dict[Plane, PaneArtists] = {}
        figure.set_facecolor(STYLE.surround)

    def update(self, scene: Scene) -> Changes:
        """Bring the artists to a scene; returns what changed. Nothing is drawn yet."""
        what = changes(self.scene, scene)
        if self.scene is None:
            for pane in scene.panes:
                self._make_pane(pane, scene)
        if what.layout:
            self._arrange(scene)
        for pane in scene.panes:
            artists = self.artists[pane.plane]
            if self.scene is not None and pane.plane in what.pixels:
                artists.image.set_data(pane_pixels(self.volume, pane))
            if pane.plane in what.marks:
                self._mark(artists, pane)
            if what.colors and scene.window is not None:
                artists.image.set_cmap(colormap(scene.colormap, scene.reverse))
                _set_window(artists.image, scene.window)
        self.scene = scene
        return what

    def _make_pane(self, pane: Pane, scene: Scene) -> None:
        ax = self.figure.add_axes((0.0, 0.0, 1.0, 1.0), label=pane.plane)
        image = show_pixels(
            ax,
            pane_pixels(self.volume, pane),
            pane.view,
            cmap=colormap(scene.colormap, scene.reverse),
            window=scene.window,
        )
        frame_axes(ax, pane.view)
        self.axes[pane.plane] = ax
        self.artists[pane.plane] = PaneArtists(image, *draw_crosshair(ax, (0, 0)), caption(ax, ""))

    def _mark(self, artists: PaneArtists, pane: Pane) -> None:
        artists.label.set_text(pane.label)
        for line in (artists.column, artists.row):
            line.set_visible(pane.crosshair is not None)
        if pane.crosshair is not None:
            x, y = pane.crosshair
            artists.column.set_xdata([x, x])
            artists.row.set_ydata([y, y])

    def _arrange(self, scene: Scene) -> None:
        """Give every visible pane its rectangle: one scale in mm for all, as large as fits."""
        shown = [pane for pane in scene.panes if pane.visible]
        sizes = [pane_size(self.volume.geometry, pane.view) for pane in shown]
        width, height = self.figure.bbox.size  # type: ignore[attr-defined]
        gap = STYLE.gap * (len(shown) - 1)
        scale = min((width - gap) / sum(w for w, _ in sizes), height / max(h for _, h in sizes))
        x = (width - gap - scale * sum(w for w, _ in sizes)) / 2
        for ax in self.axes.values():
            ax.set_visible(False)
        for pane, (w, h) in zip(shown, sizes):
            ax = self.axes[pane.plane]
            ax.set_visible(True)
            ax.set_position(
                (x / width, (height - scale * h) / 2 / height, scale * w / width, scale * h / height)
            )
            x += scale * w + STYLE.gap


def pane_size(geometry: Geometry, view: PlaneView) -> tuple[float, float]:
    """Return width and height of a plane in mm; in pixels of equal sides where the spacing is unknown."""
    if view.aspect is None:
        return float(geometry.shape[view.right]), float(geometry.shape[view.down])
    width, height = geometry.spacing[view.right], geometry.spacing[view.down]
    assert width is not None and height is not None  # the aspect is known
    return geometry.shape[view.right] * width, geometry.shape[view.down] * height


def figure_size(geometry: Geometry, width: float) -> tuple[float, float]:
    """Return the size in pixels of a figure in which the three panes fill the width.

    Examples
    --------
    >>> figure_size(Geometry((100, 100, 100), spacing=(1, 1, 1)), 612)
    (612, 200.0)
    """
    sizes = [pane_size(geometry, plane_view(geometry, plane)) for plane in PLANES]
    scale = (width - 2 * STYLE.gap) / sum(w for w, _ in sizes)
    return width, float(np.clip(scale * max(h for _, h in sizes), *HEIGHTS))


def _set_window(artist: SliceImage, window: Window) -> None:
    """Give an image another window; a norm that stays a line keeps what the user has tied to it."""
    norm = norm_of(window)
    if type(norm) is type(artist.norm) is Normalize:
        artist.set_clim(*window.limits)
    else:
        artist.set_norm(norm)

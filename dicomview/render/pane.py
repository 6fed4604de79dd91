"""PaneDrawing: one plane of a volume on one matplotlib Axes, with everything that is written over it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.lines import Line2D

from dicomview.display import Window
from dicomview.geometry import PlaneView
from dicomview.render.image import SliceImage
from dicomview.render.label import Label
from dicomview.render.norm import norm_of
from dicomview.render.outlines import OutlinesDrawing
from dicomview.render.raster import OverlayImage, legend_color, overlay_raster
from dicomview.render.style import STYLE, colormap
from dicomview.state import Pane, Scene, pane_pixels
from dicomview.volume import Volume

__all__ = ["PaneDrawing", "bar_length", "caption", "draw_crosshair", "frame_axes", "show_pixels"]

#: Part of the width of a pane that its scale bar takes at most.
BAR_FRACTION = 0.3
#: Pixels at the ends of the crosshair that are left to the letters, and to the scale bar below.
LETTER_MARGIN, BAR_HEIGHT = 24, 14
#: Width of a letter, as part of its height; of digits and capitals it is a little less.
LETTER_WIDTH = 0.62
#: The same of a name in capitals.
CAPITAL_WIDTH = 0.78
#: Distance of the lines of a text, as part of the height of its letters.
LINE_STEP = 1.1
#: Distance of the lines of a legend, as part of the height of its letters.
LEGEND_STEP = 1.3


def show_pixels(
    ax: Axes, image: np.ndarray, view: PlaneView, *, cmap: Colormap, window: Window | None
) -> SliceImage:
    """Draw the pixels of a plane and turn the axes as the plane is turned; data stay array indices."""
    artist = SliceImage(ax, image, cmap=cmap, norm=None if window is None else norm_of(window))
    rows, columns = image.shape[:2]
    _turn(ax, view, (-0.5, columns - 0.5, -0.5, rows - 0.5))
    return artist


def frame_axes(ax: Axes, view: PlaneView, *, raised: float = 0.0) -> list[Label]:
    """Make a black pane without ticks and write the sides of the patient at its edges.

    The letter at the bottom is raised by so many points.
    """
    ax.set_facecolor(STYLE.background)
    ax.patch.set_antialiased(False)  # a pane that is drawn again must not add to its edges
    ax.xaxis.set_visible(False)
    ax.yaxis.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    places = [
        ((0.5, 1), "center", "top", (0, -3)),
        ((0.5, 0), "center", "bottom", (0, 3 + raised)),
        ((0, 0.5), "left", "center", (4, 0)),
        ((1, 0.5), "right", "center", (-4, 0)),
    ]
    return [_label(ax, letter, *place) for letter, place in zip(view.edges, places)]


def caption(ax: Axes, text: str) -> Label:
    """Write into the upper left corner of a pane."""
    return _label(ax, text, (0, 1), "left", "top", (4, -3))


def draw_crosshair(ax: Axes, point: tuple[float, float]) -> tuple[Line2D, Line2D]:
    """Mark a column and a row; the lines leave the letters at the edges free."""
    margin = STYLE.crosshair_margin
    return (
        ax.axvline(point[0], margin, 1 - margin, **_crosshair_style()),
        ax.axhline(point[1], margin, 1 - margin, **_crosshair_style()),
    )


def bar_length(width: float) -> float:
    """Return the length of a scale bar: 1, 2 or 5 times a power of ten, at most 0.3 of a width.

    Examples
    --------
    >>> bar_length(230), bar_length(30), bar_length(1)
    (50.0, 5.0, 0.2)
    """
    limit = width * BAR_FRACTION
    power = 10.0 ** np.floor(np.log10(limit))
    return float(max(step * power for step in (1, 2, 5) if step * power <= limit * (1 + 1e-9)))


def _crosshair_style() -> dict[str, object]:
    return {"color": STYLE.crosshair, "linewidth": 0.8, "alpha": 0.85, "zorder": 4}


def _turn(ax: Axes, view: PlaneView, box: tuple[float, float, float, float]) -> None:
    """Show a part of a plane, turned as the plane is turned."""
    left, right, top, bottom = box
    ax.set_aspect(view.aspect or 1.0)
    ax.set_xlim((right, left) if view.flip_right else (left, right))
    ax.set_ylim((top, bottom) if view.flip_down else (bottom, top))


def _label(
    ax: Axes,
    text: str,
    place: tuple[float, float],
    ha: str,
    va: str,
    offset: tuple[float, float],
    color: Any = STYLE.text,
) -> Label:
    """Write at a place of the axes."""
    label = Label(
        text, place, ha, va, offset,
        color=color, outline=STYLE.background, size=STYLE.font_size, zorder=5,
    )  # fmt: skip
    ax.add_artist(label)
    return label


class PaneDrawing:
    """Brings one Axes to one pane of a scene.

    Parameters
    ----------
    ax : Axes
        Empty.
    volume : Volume
    pane : Pane
    scene : Scene

    Attributes
    ----------
    ax : Axes
    image : SliceImage
    volume : Volume
    """

    def __init__(self, ax: Axes, volume: Volume, pane: Pane, scene: Scene) -> None:
        self.ax, self.volume = ax, volume
        self._is_blank = not pane.visible
        self._waiting: Pane | None = None
        self.image = show_pixels(
            ax,
            self._pixels(pane),
            pane.view,
            cmap=colormap(scene.colormap, scene.reverse, scene.empty_color),
            window=scene.window,
        )
        self._edges = frame_axes(ax, pane.view, raised=BAR_HEIGHT * 72 / ax.figure.dpi)
        self._corners = (
            caption(ax, ""),
            _label(ax, "", (1, 1), "right", "top", (-4, -3)),
            _label(ax, "", (0, 0), "left", "bottom", (4, 3)),
            _label(ax, "", (1, 0), "right", "bottom", (-4, 3)),
        )
        self._lines = (Line2D([], [], **_crosshair_style()), Line2D([], [], **_crosshair_style()))  # type: ignore[arg-type]
        self._bar = Line2D(
            [], [], color=STYLE.text, linewidth=2, solid_capstyle="butt", transform=ax.transAxes, zorder=5
        )
        for line in (*self._lines, self._bar):
            ax.add_artist(line)
        self._bar_label = _label(ax, "", (0.5, 0), "left", "bottom", (4, 2))
        self._legend: list[Label] = []
        self._named: Any = ((), 0, (), 0.0)  # what the legend was made for
        self._raster: OverlayImage | None = None
        self._leaves_slices = False
        self._show_raster(pane)
        self._outlines = OutlinesDrawing(ax)

    def overlay(self, is_on: bool) -> None:
        """Draw only what lies over the voxels and does not move with them, or everything."""
        self._leaves_slices = is_on
        if not is_on:
            self.catch_up()
        if self._raster is not None:
            self._raster.set_animated(is_on)
        for artist in (self.image, *self._lines, *self._corners[2:], self._bar, self._bar_label):
            artist.set_animated(is_on)
        self.ax.patch.set_alpha(0 if is_on else None)

    def show_slice(self, pane: Pane) -> None:
        """Show another slice; where somebody else draws it, not before :meth:`catch_up`."""
        self._is_blank = not pane.visible
        self._waiting = pane
        if not self._leaves_slices:
            self.catch_up()
        self._show_raster(pane)

    def catch_up(self) -> None:
        """Have the voxels of the slice that is shown."""
        if self._waiting is not None:
            self.image.set_data(self._pixels(self._waiting))
            self._waiting = None

    def _show_raster(self, pane: Pane) -> None:
        """Show the overlays; none as long as the pane is hidden, or somebody else draws them."""
        raster = overlay_raster(self.volume, pane) if pane.visible and not self._leaves_slices else None
        if raster is not None and self._raster is not None:
            self._raster.show(raster)
        elif raster is not None:
            self._raster = OverlayImage(self.ax, raster)
        elif self._raster is not None:
            self._raster.remove()
            self._raster = None

    def _pixels(self, pane: Pane) -> np.ndarray:
        """Return the voxels of a pane; none as long as it is hidden."""
        if pane.visible:
            return pane_pixels(self.volume, pane)
        shape = [self.volume.geometry.shape[axis] for axis in (pane.view.down, pane.view.right)]
        return np.zeros([*shape, *(3,) * self.volume.is_color], np.uint8)

    def show_colors(self, scene: Scene) -> None:
        """Show values in other colours."""
        if scene.window is None:
            return
        self.image.set_cmap(colormap(scene.colormap, scene.reverse, scene.empty_color))
        norm = norm_of(scene.window)
        # A norm that stays a line keeps what the user has tied to it.
        if type(norm) is type(self.image.norm) is Normalize:
            self.image.set_clim(*scene.window.limits)
        else:
            self.image.set_norm(norm)

    def show_view(self, pane: Pane, scene: Scene) -> None:
        """Turn the pane, and show another part of it."""
        look = scene.look
        if self.image.kind != look.interpolation:
            self.image.kind = look.interpolation
        if pane.visible and self._is_blank:
            self.show_slice(pane)
        _turn(self.ax, pane.view, pane.box)
        self.show_marks(pane, scene)

    def show_marks(self, pane: Pane, scene: Scene) -> None:
        """Place crosshair, texts, scale bar and outlines; the axes must have their place in the figure."""
        for label, letter in zip(self._edges, pane.edges):
            label.set_text(letter)
        self._cross(pane, scene.look.gap)
        length = self._bar_of(pane) if scene.look.scale_bar else None
        texts, length = self._fitting(pane, length)
        for label, text in zip(self._corners, texts):
            label.set_text(text)
        self._show_legend(pane, texts[1].count("\n") + bool(texts[1]))
        part = 0.0 if length is None else length / self._millimetres(pane)
        self._bar.set_data([0.5 - part / 2, 0.5 + part / 2], [6 * self._dot / self.ax.bbox.height] * 2)
        self._bar.set_visible(length is not None)
        self._bar_label.xy = (0.5 + part / 2, 0)
        self._bar_label.set_text("" if length is None else f"{length:g} mm")
        self._outlines.show(pane.outlines)

    def _show_legend(self, pane: Pane, lines: int) -> None:
        """Name the overlays in their colours, below so many lines in the upper right corner."""
        key = pane.legend, lines, tuple(self.ax.bbox.size), self._dot
        if key == self._named:
            return
        self._named = key
        for label in self._legend:
            label.remove()
        step = STYLE.font_size * LEGEND_STEP
        room = max(int((self.ax.bbox.height / self._dot) * 72 / STYLE.dpi / 2 / step) - lines, 1)
        shown = list(pane.legend[: room if len(pane.legend) <= room else room - 1])
        texts = [(text, legend_color(color)) for text, color in shown]
        if len(shown) < len(pane.legend):
            texts.append((f"and {len(pane.legend) - len(shown)} more", STYLE.text))
        letters = int(self.ax.bbox.width / 2 / self._dot * 72 / STYLE.dpi / (STYLE.font_size * LETTER_WIDTH))
        self._legend = [
            _label(self.ax, _cut(text, letters), (1, 1), "right", "top", (-4, -3 - step * (lines + i)), color)
            for i, (text, color) in enumerate(texts)
        ]

    def _cross(self, pane: Pane, gap: float) -> None:
        for line in self._lines:
            line.set_visible(pane.crosshair is not None)
        if pane.crosshair is None:
            return
        left, right, top, bottom = pane.box
        dot = self._dot
        pixel = (right - left) / self.ax.bbox.width * dot, (bottom - top) / self.ax.bbox.height * dot
        # Letters stand at the ends; whichever end is turned downwards, there is the scale bar as well.
        beside, above = LETTER_MARGIN * pixel[0], (LETTER_MARGIN + BAR_HEIGHT) * pixel[1]
        box = (left + beside, right - beside), (top + above, bottom - above)
        for line, direction in zip(self._lines, pane.lines):
            line.set_data(*_ends(pane.crosshair, direction, box, pixel=pixel, gap=gap))

    @property
    def _dot(self) -> float:
        """Pixels of the figure that a pixel of the page has."""
        return float(self.ax.figure.dpi) / STYLE.dpi

    def _millimetres(self, pane: Pane) -> float:
        """Return the width of the pane in mm."""
        spacing = self.volume.geometry.spacing[pane.view.right]
        return (pane.box[1] - pane.box[0]) * (spacing or 0.0)

    def _bar_of(self, pane: Pane) -> float | None:
        """Return the length of the scale bar; None where nothing is known in mm."""
        width = self._millimetres(pane)
        return bar_length(width) if width > 0 else None

    def _fitting(self, pane: Pane, length: float | None) -> tuple[list[str], float | None]:
        """Return the texts and the bar as far as there is room for them side by side."""
        width = float(self.ax.bbox.width)
        letter = STYLE.font_size * LETTER_WIDTH * self.ax.figure.dpi / 72

        def taken(text: str) -> float:
            return max(map(len, text.split("\n"))) * letter + 8 * self._dot

        def cut(line: str) -> str:
            wide = letter * CAPITAL_WIDTH / LETTER_WIDTH if line.isupper() else letter
            return _cut(line, int((width - 8 * self._dot) / wide))

        upper_left, upper_right, lower_left, lower_right = (
            "\n".join(map(cut, text.split("\n"))) for text in pane.corners
        )
        # Beside the letter at the top there is room in the first line for less.
        beside = (width - len(pane.edges[0]) * letter) / 2
        if taken(upper_left.partition("\n")[0]) > beside:
            upper_left = upper_left.replace(" ", "\n", 1)
            if pane.edges[0] and taken(upper_left.partition("\n")[0]) > beside:
                upper_left = f"\n{upper_left}"  # below the letter
        if upper_right and (
            taken(upper_right) > beside or taken(upper_left) + taken(upper_right) + 2 * letter > width
        ):
            upper_left, upper_right = f"{upper_left}\n{upper_right}", ""
        if length is not None:
            half = length / self._millimetres(pane) * width / 2
            beside = width / 2 - half
            # Of two texts that only just fit nobody sees where one ends: a letter stays free.
            if taken(lower_left) > beside or taken(lower_right) + taken(f"{length:g} mm") + letter > beside:
                length = None
        if pane.edges[1] and taken(lower_right) > (width - len(pane.edges[1]) * letter) / 2:
            lower_right = lower_right.partition("\n")[0]  # below the letter
        if taken(lower_left) + taken(lower_right) > width:
            lower_left = ""
        texts = [upper_left, upper_right, lower_left, lower_right]
        return ["\n".join(text.split("\n")[: self._room(pane)]) for text in texts], length

    def _room(self, pane: Pane) -> int:
        """Return how many lines have room in a corner above or below the letters at the sides."""
        line = STYLE.font_size * LINE_STEP * self.ax.figure.dpi / 72
        letter = line if any(pane.edges[2:]) else 0.0
        return max(int(((self.ax.bbox.height - letter) / 2 - 4 * self._dot) / line), 0)


def _cut(text: str, letters: int) -> str:
    """Return a line that is no longer than so many letters; of a name and its value the name is cut."""
    if len(text) <= letters:
        return text
    _, sign, value = text.rpartition(" = ")
    kept = sign + value if len(sign + value) < letters - 1 else ""
    return f"{text[: max(letters - 1 - len(kept), 0)]}…{kept}"


def _ends(
    point: tuple[float, float],
    direction: tuple[float, float],
    box: tuple[tuple[float, float], tuple[float, float]],
    *,
    pixel: tuple[float, float],
    gap: float,
) -> list[list[float]]:
    """Return x and y of a line through a point, as far as a box reaches, without a gap of so many pixels.

    A part that the gap swallows has no length.
    """
    start, end = -np.inf, np.inf
    for at, step, (low, high) in zip(point, direction, box):
        if step:
            first, last = sorted(((low - at) / step, (high - at) / step))
            start, end = max(start, first), min(end, last)
    half = gap / float(np.hypot(direction[0] / pixel[0], direction[1] / pixel[1]))
    end = max(start, end)
    along = [start, min(max(start, -half), end), np.nan, max(min(half, end), start), end]
    return [[at + step * t if step or t != t else at for t in along] for at, step in zip(point, direction)]

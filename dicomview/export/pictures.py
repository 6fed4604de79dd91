"""The pictures of an image or volume that go into a notebook, slide or paper."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dicomview.display import Window, valid_values
from dicomview.errors import DisplayError
from dicomview.export.single import draw_pane, pane_of, view_of, window_of
from dicomview.geometry import Geometry, Plane
from dicomview.render import STYLE, PanesRenderer, PictureFigure, figure_size
from dicomview.render.pane import caption, draw_crosshair
from dicomview.render.panes import pane_size
from dicomview.state import ViewState, resolve
from dicomview.volume import Image, Volume

__all__ = ["compare_aspect", "looks", "montage", "planes"]

#: Width of a figure that is made here, inches.
WIDTH = 10.0
#: Percentiles of the high-contrast look.
CONTRAST = (5, 95)


def looks(
    image: Any,
    *,
    window: Window | tuple[float, float] | None = None,
    colormap: str = "magma",
    ax: Sequence[Axes] | None = None,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Show three looks of an image: original, high contrast, coloured.

    Parameters
    ----------
    image : Image, Volume or array_like of shape (rows, columns)
        Of a volume the middle slice is taken.
    window : Window or (center, width), optional
        Of the second and third look. By default the file's window, or the 5th to 95th percentile.
    colormap : str
        matplotlib colormap of the third look.
    ax : sequence of 3 Axes, optional
        Where to draw.
    fig : Figure or SubFigure, optional
        An empty figure to draw in; a new one by default.

    Returns
    -------
    Figure
        Not known to pyplot.

    Raises
    ------
    DisplayError
        If the image is colour or has other than two dimensions, or not three Axes are given.

    Examples
    --------
    >>> len(looks(np.arange(64).reshape(8, 8)).axes)
    3
    """
    volume = _as_slice(image)
    if volume.is_color:
        raise DisplayError(
            "looks need one value per pixel; a colour image already has its look",
            remedy="take a channel of it",
        )
    chosen = _look_window(volume) if window is None else Window.coerce(window)
    present = valid_values(volume.array, padding=volume.padding)
    full = Window.from_limits(present.min(), present.max()) if present.size else chosen
    pane = pane_of(volume, volume.slice_plane, 0)
    contents = [("Original", full, None), ("High contrast", chosen, None), ("Colored", chosen, colormap)]
    figure, axes = _axes(3, 3, pane_size(volume.geometry, pane.view), ax, fig, titles=True)
    for (title, look, cmap), where in zip(contents, axes):
        draw_pane(where, volume, pane, look, cmap)
        where.set_title(title)
    return figure


def montage(
    volume: Any,
    slices: Iterable[int] | None = None,
    *,
    plane: Plane | None = None,
    columns: int | None = None,
    window: Window | tuple[float, float] | None = None,
    colormap: str | None = None,
    ax: Sequence[Axes] | None = None,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Show slices side by side.

    Parameters
    ----------
    volume : Volume or array_like of shape (slices, rows, columns)
    slices : iterable of int, optional
        Indices, e.g. ``range(15, 20)``; negative ones count from the end. By default 12 of the inner slices,
        evenly spread.
    plane : {"axial", "coronal", "sagittal"}, optional
        Plane of the pictures; that of the acquisition by default, so that index ``k`` is ``vol[k]``.
    columns : int, optional
        Pictures in a row; at most 6 by default.
    window : Window or (center, width), optional
        One for all pictures; the volume's own by default.
    colormap : str, optional
        Name of a matplotlib colormap; by default ``"gray"``, for PET ``"gray_r"``.
    ax : sequence of Axes, optional
        Where to draw, one per slice.
    fig : Figure or SubFigure, optional
        An empty figure to draw in; a new one by default.

    Returns
    -------
    Figure
        Not known to pyplot.

    Raises
    ------
    DisplayError
        If a slice does not exist, there are none, or the number of Axes is another one.

    Examples
    --------
    >>> len(montage(np.zeros((30, 8, 8)), range(15, 20)).axes)
    5
    """
    volume = Volume.coerce(volume)
    across: Plane = volume.slice_plane if plane is None else plane
    count = volume.geometry.shape[view_of(volume, across).axis]
    if slices is None:
        shown = np.unique(np.linspace(0, count - 1, 14).round().astype(int)[1:-1]).tolist()
    else:
        shown = [int(k) for k in slices]
    if not shown:
        raise DisplayError("a montage needs at least one slice", remedy="leave slices out for all")
    for k in shown:
        if not -count <= k < count:
            raise DisplayError(f"there is no {across} slice {k}", remedy=f"the volume has 0 to {count - 1}")
    panes = [pane_of(volume, across, k % count) for k in shown]
    figure, axes = _axes(
        len(panes), columns or min(len(panes), 6), pane_size(volume.geometry, panes[0].view), ax, fig
    )
    chosen = window_of(volume, window)
    for pane, where in zip(panes, axes):
        draw_pane(where, volume, pane, chosen, colormap)
        caption(where, str(pane.index))
    return figure


def planes(
    volume: Any,
    position: Sequence[float] | None = None,
    *,
    index: Sequence[int] | None = None,
    window: Window | tuple[float, float] | None = None,
    colormap: str | None = None,
    crosshair: bool = True,
    fig: FigureBase | None = None,
    ax: Sequence[Axes] | None = None,
) -> FigureBase:
    """Show the axial, coronal and sagittal plane through a point, in true proportion.

    Parameters
    ----------
    volume : Volume or array_like of shape (slices, rows, columns)
    position : sequence of 3 floats, optional
        LPS position in mm; the middle by default.
    index : sequence of 3 ints, optional
        The voxel (slice, row, column) instead of a position.
    window : Window or (center, width), optional
        The volume's own by default.
    colormap : str, optional
        Name of a matplotlib colormap; by default ``"gray"``, for PET ``"gray_r"``.
    crosshair : bool
        Whether lines mark the point.
    fig : Figure or SubFigure, optional
        An empty figure to draw in; a new one by default.
    ax : sequence of 3 Axes, optional
        Where to draw: axial, coronal, sagittal.

    Returns
    -------
    Figure
        Not known to pyplot.

    Raises
    ------
    DisplayError
        If both a position and an index are given, or not three Axes.

    Examples
    --------
    >>> [axes.get_label() for axes in planes(np.zeros((9, 8, 7))).axes]
    ['axial', 'coronal', 'sagittal']
    """
    volume = Volume.coerce(volume)
    if position is not None and index is not None:
        raise DisplayError("a position in mm and an index are given", remedy="give either of them")
    traits: dict[str, Any] = {"crosshair": crosshair}
    if colormap is not None:
        traits["colormap"] = colormap
    if window is not None:
        traits["window"] = Window.coerce(window)
    if position is not None:
        traits["position"] = tuple(position)
    if index is not None:
        traits["index"] = tuple(index)
    scene = resolve(volume, ViewState(volume, **traits))
    if ax is None:
        figure = fig
        if figure is None:
            width, height = figure_size(volume.geometry, WIDTH * STYLE.dpi)
            figure = PictureFigure(figsize=(width / STYLE.dpi, height / STYLE.dpi), dpi=STYLE.dpi)
        PanesRenderer(figure, volume).update(scene)
        return figure
    figure, axes = _axes(3, 3, (1, 1), ax, fig)
    chosen = None if volume.is_color else traits.get("window", volume.default_window)
    for pane, where in zip(scene.panes, axes):
        draw_pane(where, volume, pane, chosen, colormap)
        if pane.crosshair is not None:
            draw_crosshair(where, pane.crosshair)
        where.set_label(pane.plane)
        caption(where, pane.corners[0])
    return figure


def compare_aspect(
    volume: Any,
    plane: Plane = "sagittal",
    *,
    index: int | None = None,
    window: Window | tuple[float, float] | None = None,
    colormap: str | None = None,
    ax: Sequence[Axes] | None = None,
    fig: FigureBase | None = None,
) -> FigureBase:
    """Show a plane with square pixels beside the same plane in true proportion.

    Parameters
    ----------
    volume : Volume
    plane : {"axial", "coronal", "sagittal"}
    index : int, optional
        Slice; the middle one by default.
    window : Window or (center, width), optional
        The volume's own by default.
    colormap : str, optional
        Name of a matplotlib colormap; by default ``"gray"``, for PET ``"gray_r"``.
    ax : sequence of 2 Axes, optional
        Where to draw.
    fig : Figure or SubFigure, optional
        An empty figure to draw in; a new one by default.

    Returns
    -------
    Figure
        Not known to pyplot.

    Raises
    ------
    DisplayError
        If the spacing is not known, so that there is nothing to correct.

    Examples
    --------
    >>> vol = Volume.from_array(np.zeros((10, 64, 64)), sampling=(3, 1, 1))
    >>> [float(axes.get_aspect()) for axes in compare_aspect(vol).axes]
    [1.0, 3.0]
    """
    volume = Volume.coerce(volume)
    view = view_of(volume, plane)
    if view.aspect is None:
        raise DisplayError(
            "the distance between voxels is not known, so there is no aspect to correct",
            remedy="give it with Volume.from_array(array, sampling=...)",
        )
    count = volume.geometry.shape[view.axis]
    if index is not None and not -count <= index < count:
        raise DisplayError(f"there is no {plane} slice {index}", remedy=f"the volume has 0 to {count - 1}")
    pane = pane_of(volume, plane, count // 2 if index is None else index % count)
    width, height = pane_size(volume.geometry, view)
    # Square pixels may make the picture taller than the true one.
    tallest = max(height, width * volume.geometry.shape[view.down] / volume.geometry.shape[view.right])
    figure, axes = _axes(2, 2, (width, tallest), ax, fig, titles=True)
    chosen = window_of(volume, window)
    for where, aspect, title in zip(axes, (1.0, view.aspect), ("Square pixels", "True proportion")):
        draw_pane(where, volume, pane, chosen, colormap)
        where.set_aspect(aspect)
        where.set_title(f"{title} (aspect {aspect:.3g})")
    return figure


def _as_slice(data: Any) -> Volume:
    """Return a volume of one slice; the middle one of a volume."""
    if not isinstance(data, Image | Volume):
        data = np.asarray(data)
        if data.ndim == 3 and data.shape[-1] in (3, 4):
            return Volume.from_array(data[None], dims=("slice", "row", "column", "rgb"))
        if data.ndim not in (2, 3):
            raise DisplayError(f"an image has two dimensions, not {data.ndim}", remedy="give a slice of it")
    volume = Volume.coerce(data)
    k = volume.geometry.shape[0] // 2
    geometry = Geometry(
        (1, *volume.geometry.shape[1:]),
        spacing=(None, *volume.geometry.spacing[1:]),
        affine=volume.geometry.affine,
    )
    dims = tuple(d for d in volume.dims if d not in volume.extra_dims)
    slices = np.asarray(volume.frame(volume.middle_frame)[k : k + 1])
    return Volume(slices, geometry=geometry, dims=dims, meta=volume.meta, padding=volume.padding)


def _look_window(volume: Volume) -> Window:
    """Return the file's window, or one that is narrower than the full range."""
    if volume.windows:
        return volume.default_window
    present = valid_values(volume.array, padding=volume.padding)
    low, high = np.percentile(present, CONTRAST) if present.size else (0, 0)
    return Window.from_limits(low, high) if high > low else volume.auto_window()


def _axes(
    count: int,
    columns: int,
    size: tuple[float, float],
    ax: Sequence[Axes] | None,
    fig: FigureBase | None,
    *,
    titles: bool = False,
) -> tuple[FigureBase, list[Axes]]:
    """Return the axes to draw on: the caller's, or a grid in the caller's or a new figure."""
    if ax is not None:
        given: list[Axes] = [ax] if isinstance(ax, Axes) else [*np.ravel(np.asarray(ax, dtype=object))]
        if len(given) != count:
            raise DisplayError(
                f"{count} pictures need {count} axes, not {len(given)}", remedy="give as many, or none"
            )
        return given[0].figure, given
    rows = -(-count // columns)
    if fig is None:
        width, height = size
        head = 0.4 if titles else 0.0
        tall = rows * (WIDTH / columns * height / width + head)
        tight = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.04, wspace=0, hspace=0)
        fig = PictureFigure(figsize=(WIDTH, min(20.0, tall)), layout=tight)
    grid = fig.subplots(rows, columns, squeeze=False).ravel()
    for unused in grid[count:]:
        unused.remove()
    return fig, list(grid[:count])

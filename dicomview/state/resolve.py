"""resolve(): from the wish of the user and the volume to a frozen scene, and what differs between two."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dicomview.display import Interpolation, Window, rgb8
from dicomview.geometry import PLANES, Plane, PlaneView
from dicomview.options import options
from dicomview.state.corners import corner_texts
from dicomview.state.model import ViewState
from dicomview.state.outlines import Outline, Placed, outlines, placed
from dicomview.state.overlay import Overlay
from dicomview.state.rotation import DIGITS, carried, kept_center
from dicomview.state.slab import SlabMode, projected, slab_range
from dicomview.volume import Volume
from dicomview.volume.windows import is_negative

__all__ = ["Changes", "Look", "Pane", "Scene", "changes", "pane_pixels", "resolve"]

#: Slices of a montage.
TILES = 12

Place = tuple[float, float]


@dataclass(frozen=True)
class Pane:
    """One plane on the screen.

    Attributes
    ----------
    view : PlaneView
        Which axes are shown and how they are turned.
    index : int
        Slice along ``view.axis``.
    frame : tuple of int
        Index per extra dimension.
    visible : bool
        Whether the layout shows it.
    crosshair : tuple of float or None
        Column and row (data coordinates) of the crosshair.
    lines : tuple of two (float, float)
        Directions of its lines in data coordinates: the one that stands upright where the planes are not
        turned, and the one that lies. They are where the two other planes cut this one.
    box : tuple of float
        Data coordinates that are shown: first and last along ``view.right``, first and last along
        ``view.down``, each rising.
    corners : tuple of str
        Texts: upper left, upper right, lower left, lower right.
    edges : tuple of str
        Letters at the top, bottom, left and right.
    mark_padding : bool
        Whether voxels that mean "no data" are masked.
    slab : tuple of int or None
        Slices that are seen as one: the first, and the one behind the last.
    slab_mode : {"max", "mean", "min"}
    overlays : tuple of Overlay
        What lies over the slice, the last on top.
    legend : tuple of (str, str)
        Names, each with a colour or the name of a colormap.
    outlines : tuple of Outline
        Measurements that lie in the slice.
    volume : Volume or None
        Whose slice it is: ``index``, ``view`` and data coordinates count its voxels.
    """

    view: PlaneView
    index: int
    frame: tuple[int, ...]
    visible: bool
    crosshair: tuple[float, float] | None = None
    lines: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 1.0), (1.0, 0.0))
    box: tuple[float, float, float, float] = (-0.5, 0.5, -0.5, 0.5)
    corners: tuple[str, str, str, str] = ("", "", "", "")
    edges: tuple[str, str, str, str] = ("", "", "", "")
    mark_padding: bool = False
    slab: tuple[int, int] | None = None
    slab_mode: SlabMode = "max"
    overlays: tuple[Overlay, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    outlines: tuple[Outline, ...] = ()
    volume: Any = field(default=None, compare=False, repr=False)

    @property
    def plane(self) -> Plane:
        """Name of the plane."""
        return self.view.plane


@dataclass(frozen=True)
class Look:
    """What all panes have in common, besides the colours of values.

    Attributes
    ----------
    interpolation : str
    gap : float
        Pixels that the crosshair leaves free.
    scale_bar, colorbar : bool
    theme : str
    """

    interpolation: Interpolation
    gap: float
    scale_bar: bool
    colorbar: bool
    theme: str


@dataclass(frozen=True)
class Scene:
    """All that is needed to draw, besides the voxels.

    Attributes
    ----------
    panes : tuple of Pane
        Axial, coronal, sagittal.
    tiles : tuple of Pane
        Neighbouring slices of the acquired plane, in the layout ``"montage"``.
    window : Window or None
        From values to colours of the map; None for colour volumes.
    colormap : str
    reverse : bool
        Whether the colormap runs backwards: ``invert``, or a negative (MONOCHROME1), but not both.
    empty_color : str
    layout : str
    look : Look
    """

    panes: tuple[Pane, ...]
    tiles: tuple[Pane, ...]
    window: Window | None
    colormap: str
    reverse: bool
    empty_color: str
    layout: str
    look: Look

    def pane(self, plane: Plane) -> Pane:
        """Return the pane of a plane."""
        return self.panes[PLANES.index(plane)]


@dataclass(frozen=True)
class Changes:
    """What must be drawn again.

    Attributes
    ----------
    layout : bool
        Panes come, go, move or are turned, or look different, or what stands beside them does: everything
        is drawn again.
    pixels : frozenset of Plane
        Another slice.
    marks : frozenset of Plane
        Crosshair, texts, or the part that is shown.
    colors : bool
        Window or colormap.
    """

    layout: bool
    pixels: frozenset[Plane]
    marks: frozenset[Plane]
    colors: bool

    def __bool__(self) -> bool:
        return bool(self.layout or self.pixels or self.marks or self.colors)


def resolve(
    volume: Volume,
    state: ViewState,
    *,
    patient: bool | None = None,
    measured: bool = True,
    upright: bool = True,
) -> Scene:
    """Return what a state shows of a volume; pure.

    Parameters
    ----------
    volume : Volume
        ``state.volume``, or one like it.
    state : ViewState
    patient : bool, optional
        Whether the patient is named; by default as ``options.show_patient`` says.
    measured : bool
        Whether measurements are shown.
    upright : bool
        Whether the panes show turned planes as upright as can be; else along the axes of the volume.

    Examples
    --------
    >>> vol = Volume.from_array(np.zeros((9, 8, 7)))
    >>> scene = resolve(vol, ViewState(vol, layout="axial"))
    >>> [pane.corners[3] for pane in scene.panes if pane.visible]
    ['5/9']
    """
    named = options.show_patient if patient is None else patient
    faces = state.faces if upright and volume is state.volume else dict.fromkeys(PLANES, volume)
    first = PLANES[0] if state.layout in ("ortho", "montage") else state.layout
    grids = {id(face): face.geometry for face in faces.values()}
    shapes = {name: placed(state, grid) if measured else [] for name, grid in grids.items()}
    views = {plane: state.view(plane, faces[plane]) for plane in PLANES}
    panes = tuple(
        _pane(
            faces[plane], state, views[plane], state.index[views[plane].axis], shapes[id(faces[plane])],
            window=plane == first, named=named,
        )
        for plane in PLANES
    )  # fmt: skip
    tiled = faces[volume.slice_plane]
    return Scene(
        panes=panes,
        tiles=_tiles(tiled, state, shapes[id(tiled)]) if state.layout == "montage" else (),
        window=None if volume.is_color else state.window,
        colormap=state.colormap,
        reverse=state.invert != is_negative(volume.meta),
        empty_color=state.empty_color,
        layout=state.layout,
        look=Look(state.interpolation, state.gap, state.scale_bar, state.colorbar, state.theme),
    )


def _pane(
    volume: Volume,
    state: ViewState,
    view: PlaneView,
    index: int,
    shapes: list[Placed],
    *,
    window: bool,
    named: bool,
) -> Pane:
    """Return a pane that shows one slice."""
    box: list[float] = []
    center = kept_center(state.volume, volume, state.center) or volume.middle
    for axis in (view.right, view.down):
        half = volume.home[axis] / 2 / state.zoom
        box += [center[axis] - half, center[axis] + half]
    is_here = index == state.index[view.axis]
    thickness = state.slab.get(view.plane)
    overlays = tuple(
        o.in_slice(volume.geometry, view.axis, index) for o in state.overlays if o.visible and o.opacity > 0
    )
    visible = state.layout in ("ortho", "montage", view.plane)
    point, lines = _cross(volume, state, view)
    return Pane(
        view=view,
        index=index,
        frame=state.frame,
        visible=state.layout in ("ortho", view.plane),
        crosshair=point if state.crosshair and is_here else None,
        lines=lines,
        box=(box[0], box[1], box[2], box[3]),
        corners=corner_texts(volume, state, view, index, window=window, named=named)
        if state.texts
        else ("", "", "", ""),
        edges=view.edges if state.letters else ("", "", "", ""),
        mark_padding=state.mark_padding and volume.padding is not None and not volume.is_color,
        slab=thickness and slab_range(volume.geometry, view.axis, index, thickness=thickness),
        slab_mode=state.slab_mode if thickness else "max",
        overlays=overlays,
        legend=tuple(entry for o in overlays for entry in o.legend) if window and state.texts else (),
        outlines=outlines(state, shapes, volume.geometry, view, index) if visible else (),
        volume=volume,
    )


def _cross(volume: Volume, state: ViewState, view: PlaneView) -> tuple[Place, tuple[Place, Place]]:
    """Return where the crosshair is in a pane, and the directions of its lines."""
    if volume is state.volume or not volume.is_turned:
        return (state.index[view.right], state.index[view.down]), ((0.0, 1.0), (1.0, 0.0))
    index = np.array(state.index, float)
    ends = np.stack([index, index + np.eye(3)[view.down], index + np.eye(3)[view.right]])
    places = carried(ends, state.volume, volume)[:, [view.right, view.down]]
    (x, y), (a, b), (c, d) = np.round([places[0], *(places[1:] - places[0])], DIGITS).tolist()
    return (x, y), ((a, b), (c, d))


def _tiles(volume: Volume, state: ViewState, shapes: list[Placed]) -> tuple[Pane, ...]:
    """Return neighbouring slices, the one in view among them."""
    view = state.view(volume.slice_plane, volume)
    count, here = volume.geometry.shape[view.axis], state.index[view.axis]
    shown = min(TILES, count)
    # Pages: within one the tiles stay where they are.
    start = min(here // shown * shown, count - shown)
    panes = (
        _pane(volume, state, view, k, shapes, window=k == start, named=False)
        for k in range(start, start + shown)
    )
    # Small as they are there is room for the number of the slice and the sides only.
    return tuple(
        replace(
            pane,
            visible=True,
            corners=("", "", pane.corners[2], pane.corners[3].partition("\n")[0]),
            edges=("", "", *pane.edges[2:]),
            legend=(),
        )
        for pane in panes
    )


def changes(old: Scene | None, new: Scene) -> Changes:
    """Return what a new scene changes; everything when there was none.

    Examples
    --------
    >>> vol = Volume.from_array(np.zeros((9, 8, 7)))
    >>> state = ViewState(vol)
    >>> before = resolve(vol, state)
    >>> state.step(0, 1)
    >>> sorted(changes(before, resolve(vol, state)).pixels)
    ['axial']
    """
    if old is None:
        everything = frozenset(PLANES)
        return Changes(layout=True, pixels=everything, marks=everything, colors=True)
    pairs = list(zip(old.panes, new.panes))
    colors = _colors(old) != _colors(new)
    return Changes(
        layout=(old.layout, old.look, old.tiles) != (new.layout, new.look, new.tiles)
        or any(a.view != b.view for a, b in pairs)
        or (colors and bool(new.tiles or new.look.colorbar)),
        pixels=frozenset(b.plane for a, b in pairs if _voxels(a) != _voxels(b)),
        marks=frozenset(b.plane for a, b in pairs if _marks(a) != _marks(b)),
        colors=colors,
    )


def _marks(pane: Pane) -> tuple[Any, ...]:
    """Return what is drawn over the pixels of a pane."""
    return pane.crosshair, pane.lines, pane.box, pane.corners, pane.edges, pane.legend, pane.outlines


def _colors(scene: Scene) -> tuple[Any, ...]:
    """Return what the colours of values depend on."""
    return scene.window, scene.colormap, scene.reverse, scene.empty_color


def _voxels(pane: Pane) -> tuple[Any, ...]:
    """Return what the pixels of a pane depend on, besides the volume and the turn."""
    return pane.index, pane.frame, pane.mark_padding, pane.slab, pane.slab_mode, pane.overlays


def pane_pixels(volume: Volume, pane: Pane) -> np.ndarray:
    """Return the voxels of a pane, rows downwards, before the flips; what has no value is masked.

    Returns
    -------
    ndarray or masked array of shape (down, right) or (down, right, 3)
    """
    if pane.slab is not None:
        return projected(
            volume, pane.view, pane.frame,
            index=pane.index, slab=pane.slab, mode=pane.slab_mode, mark_padding=pane.mark_padding,
        )  # fmt: skip
    missing: Any = volume.missing_slices(pane.frame)
    if pane.view.axis == 0 and pane.index in missing and not volume.is_color:
        # What stands there is not looked at: of a lazy volume it may take all others to find.
        shape = [volume.geometry.shape[axis] for axis in (pane.view.down, pane.view.right)]
        return np.ma.array(np.zeros(shape, volume.dtype), mask=True)
    image = np.asarray(pane.view.take(volume.frame(pane.frame), pane.index))
    if volume.is_color:
        return rgb8(image, volume.meta.get("BitsStored"))
    if image.dtype == np.bool_:
        image = image.view(np.uint8)
    index: list[Any] = [pane.index] * 3
    index[pane.view.down], index[pane.view.right] = np.ogrid[: image.shape[0], : image.shape[1]]
    absent = volume.without_data(index, pane.frame)
    if not (pane.mark_padding or absent.any()):
        return image
    mask = np.array(np.broadcast_to(absent, image.shape))
    if pane.mark_padding and volume.padding is not None:
        mask |= (image >= volume.padding[0]) & (image <= volume.padding[1])
    return np.ma.array(image, mask=mask)

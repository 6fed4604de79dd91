"""resolve(): from the wish of the user and the volume to a frozen scene, and what differs between two."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dicomview.display import Window, rgb8
from dicomview.geometry import PLANES, Plane, PlaneView, plane_view
from dicomview.state.model import ViewState
from dicomview.volume import Volume
from dicomview.volume.windows import is_negative

__all__ = ["Changes", "Pane", "Scene", "changes", "pane_pixels", "resolve"]


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
    label : str
    """

    view: PlaneView
    index: int
    frame: tuple[int, ...]
    visible: bool
    crosshair: tuple[float, float] | None
    label: str

    @property
    def plane(self) -> Plane:
        """Name of the plane."""
        return self.view.plane


@dataclass(frozen=True)
class Scene:
    """All that is needed to draw, besides the voxels.

    Attributes
    ----------
    panes : tuple of Pane
        Axial, coronal, sagittal.
    window : Window or None
        From values to colours of the map; None for colour volumes.
    colormap : str
    reverse : bool
        Whether the colormap runs backwards: ``invert``, or a negative (MONOCHROME1), but not both.
    layout : str
    """

    panes: tuple[Pane, ...]
    window: Window | None
    colormap: str
    reverse: bool
    layout: str

    def pane(self, plane: Plane) -> Pane:
        """Return the pane of a plane."""
        return self.panes[PLANES.index(plane)]


@dataclass(frozen=True)
class Changes:
    """What must be drawn again.

    Attributes
    ----------
    layout : bool
        Panes come, go or move.
    pixels : frozenset of Plane
        Another slice.
    marks : frozenset of Plane
        Crosshair or label.
    colors : bool
        Window or colormap.
    """

    layout: bool
    pixels: frozenset[Plane]
    marks: frozenset[Plane]
    colors: bool

    def __bool__(self) -> bool:
        return bool(self.layout or self.pixels or self.marks or self.colors)


def resolve(volume: Volume, state: ViewState) -> Scene:
    """Return what a state shows of a volume; pure.

    Examples
    --------
    >>> vol = Volume.from_array(np.zeros((9, 8, 7)))
    >>> scene = resolve(vol, ViewState(vol, layout="axial"))
    >>> [pane.label.split() for pane in scene.panes if pane.visible]
    [['axial', '4/8']]
    """
    panes = []
    for plane in PLANES:
        view = plane_view(volume.geometry, plane)
        k = state.index[view.axis]
        panes.append(
            Pane(
                view=view,
                index=k,
                frame=state.frame,
                visible=state.layout in ("ortho", plane),
                crosshair=(state.index[view.right], state.index[view.down]) if state.crosshair else None,
                label=f"{plane}\n{k}/{volume.geometry.shape[view.axis] - 1}",
            )
        )
    return Scene(
        panes=tuple(panes),
        window=None if volume.is_color else state.window,
        colormap=state.colormap,
        reverse=state.invert != is_negative(volume.meta),
        layout=state.layout,
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
    return Changes(
        layout=old.layout != new.layout,
        pixels=frozenset(b.plane for a, b in pairs if (a.index, a.frame) != (b.index, b.frame)),
        marks=frozenset(b.plane for a, b in pairs if (a.crosshair, a.label) != (b.crosshair, b.label)),
        colors=(old.window, old.colormap, old.reverse) != (new.window, new.colormap, new.reverse),
    )


def pane_pixels(volume: Volume, pane: Pane) -> np.ndarray:
    """Return the voxels of a pane, rows downwards, before the flips; missing slices are masked.

    Returns
    -------
    ndarray or masked array of shape (down, right) or (down, right, 3)
    """
    image = np.asarray(pane.view.take(volume.frame(pane.frame), pane.index))
    if volume.is_color:
        return rgb8(image, volume.meta.get("BitsStored"))
    if image.dtype == np.bool_:
        image = image.view(np.uint8)
    missing: Any = volume.missing_slices(pane.frame)
    if not missing:
        return image
    mask = np.zeros(image.shape, dtype=bool)
    if pane.view.axis == 0:
        mask[:] = pane.index in missing
    elif pane.view.down == 0:
        mask[missing] = True
    else:
        mask[:, missing] = True
    return np.ma.array(image, mask=mask)

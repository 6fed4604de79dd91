"""Voxels on their way to the page: slices, and a coarse copy of a whole frame."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dicomview.geometry import Geometry, PlaneView, plane_axes, plane_view
from dicomview.render import overlay_raster
from dicomview.state import Overlay, Pane, SlabMode, pane_pixels
from dicomview.volume import Volume
from dicomview.widgets.deflate import compressed, deflated

__all__ = ["OVER", "coarse_copy", "raster_of", "slice_key", "slice_of", "upright"]

#: Voxels of a coarse copy at most: with 16 bits and compressed less than 2 MB.
COARSE_VOXELS = 700_000
#: Begins the names of what lies over slices.
OVER = "over "
#: What the page can hold as it is; everything else travels as float32.
TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32")


def slice_key(frame: Sequence[int], axis: int, index: int) -> str:
    """Return the name by which the page keeps a slice."""
    return f"{','.join(map(str, frame))}|{axis}|{index}"


def slice_of(
    volume: Volume,
    frame: Sequence[int],
    axis: int,
    index: int,
    *,
    mark_padding: bool,
    packed: bool,
    slab: tuple[int, int] | None = None,
    slab_mode: SlabMode = "max",
) -> tuple[dict[str, Any], Any]:
    """Return a slice for the page: what it is, and its bytes.

    Parameters
    ----------
    volume : Volume
    frame : sequence of int
    axis, index : int
        Array axis that the slice is perpendicular to, and where. The two others keep their order.
    mark_padding : bool
        Whether padding has no value.
    packed : bool
        Whether the bytes are compressed: see :func:`dicomview.widgets.deflate.compressed`.
    slab : tuple of int, optional
        Slices that are seen as one, as of a :class:`Pane`.
    slab_mode : {"max", "mean", "min"}

    Returns
    -------
    dict
        ``key``, ``height``, ``width``, ``channels``, ``type``, ``packed``, ``differs`` (whether these are
        differences), ``whole``.
    bytes or memoryview
        What has no value is NaN, and then all are float32.
    """
    pane = Pane(
        upright(volume.geometry, axis),
        index,
        tuple(frame),
        visible=True,
        mark_padding=mark_padding,
        slab=slab,
        slab_mode=slab_mode,
    )
    pixels = pane_pixels(volume, pane)
    array = _plain(pixels)
    header = {
        "key": slice_key(frame, axis, index),
        "height": array.shape[0],
        "width": array.shape[1],
        "channels": array.shape[2] if array.ndim == 3 else 1,
        "type": array.dtype.name,
        "packed": packed,
        "differs": False,
        "whole": pixels.dtype.kind in "iub",
    }
    if not packed:
        return header, array.data.cast("B")
    data, header["differs"] = compressed(array.reshape(*array.shape[:2], -1))
    return header, data


def raster_of(
    volume: Volume, frame: Sequence[int], axis: int, index: int, *, overlays: tuple[Overlay, ...]
) -> tuple[dict[str, Any], bytes]:
    """Return what lies over a slice for the page: colours, premultiplied by their opacity, deflated.

    Returns
    -------
    dict
        As of :func:`slice_of`, with ``over``, and ``start`` and ``step`` in voxels of the slice: where the
        first point lies, and how far it is to the next. Height and width are 0 where there is nothing.
    bytes
    """
    seen = tuple(overlay.in_slice(volume.geometry, axis, index) for overlay in overlays)
    pane = Pane(upright(volume.geometry, axis), index, tuple(frame), visible=True, overlays=seen)
    raster = overlay_raster(volume, pane)
    pixels, finer, first = raster or (np.zeros((0, 0, 4), np.uint8), (1, 1), (0, 0))
    header = {
        "key": OVER + slice_key(frame, axis, index),
        "over": True,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "channels": 4,
        "type": "uint8",
        "packed": True,
        "differs": False,
        "start": [(i + 0.5) / n - 0.5 for i, n in zip(first, finer)],
        "step": [1 / n for n in finer],
    }
    return header, deflated(pixels.reshape(-1).data)


def upright(geometry: Geometry, axis: int) -> PlaneView:
    """Return the view across an array axis whose two others keep their order."""
    view = plane_view(geometry, next(p for p, a in plane_axes(geometry).items() if a == axis))
    return replace(view, down=min(view.down, view.right), right=max(view.down, view.right))


def coarse_copy(
    volume: Volume, frame: Sequence[int], *, mark_padding: bool, voxels: int = COARSE_VOXELS
) -> tuple[dict[str, Any], bytes]:
    """Return every second, third ... voxel of a frame for the page, deflated, and where they lie.

    Parameters
    ----------
    volume : Volume
    frame : sequence of int
    mark_padding : bool
        Whether padding has no value.
    voxels : int
        At most so many; all, where there are no more.

    Returns
    -------
    dict
        ``frame``, ``shape``, ``start``, ``step`` (indices of the volume); ``channels``, ``type``, ``differs``
        as of :func:`slice_of`.
    bytes
    """
    shape = volume.geometry.shape
    steps = [1, 1, 1]
    while np.prod([-(-n // s) for n, s in zip(shape, steps)]) > voxels:
        # The finest axis gets coarser, as far as the spacing is known.
        sizes = [s * (d or 1.0) for s, d in zip(steps, volume.geometry.spacing)]
        able = [a for a in range(3) if steps[a] < shape[a]]
        steps[min(able, key=lambda a: sizes[a])] += 1
    start = [min(s // 2, n - 1) for s, n in zip(steps, shape)]
    part = tuple(slice(first, None, step) for first, step in zip(start, steps))
    if volume.is_resliced and not volume.is_color:
        array = _plain(_thinned(volume, frame, part, mark_padding))
    else:
        view = plane_view(volume.upright, volume.slice_plane)
        upright = replace(view, down=1, right=2)
        panes = (
            Pane(upright, k, tuple(frame), visible=True, mark_padding=mark_padding)
            for k in range(shape[0])[part[0]]
        )
        planes = [pane_pixels(volume, pane)[part[1:]] for pane in panes]
        is_masked = any(np.ma.isMaskedArray(p) for p in planes)
        array = _plain(np.ma.stack(planes) if is_masked else np.stack(planes))
    channels = array.shape[3] if array.ndim == 4 else 1
    data, differs = compressed(array.reshape(-1, array.shape[2], channels))
    header = {
        "frame": ",".join(map(str, frame)),
        "shape": list(array.shape[:3]),
        "start": start,
        "step": steps,
        "channels": channels,
        "type": array.dtype.name,
        "differs": differs,
    }
    return header, data


def _thinned(volume: Volume, frame: Sequence[int], part: tuple[slice, ...], mark_padding: bool) -> Any:
    """Return every second, third ... voxel of a volume whose voxels are calculated: no others are."""
    array = volume.frame(frame)[part]
    places = [np.arange(n)[p] for n, p in zip(volume.geometry.shape, part)]
    mask = np.broadcast_to(volume.without_data(np.ix_(*places), frame), array.shape)
    if mark_padding and volume.padding is not None:
        mask = mask | ((array >= volume.padding[0]) & (array <= volume.padding[1]))
    return np.ma.array(array, mask=mask)


def _plain(array: Any) -> np.ndarray:
    """Return values of a type that the page can hold, contiguous, NaN where there is none."""
    if np.ma.getmask(array) is not np.ma.nomask and np.ma.getmaskarray(array).any():
        array = np.where(
            np.ma.getmaskarray(array), np.float32(np.nan), np.ma.getdata(array).astype(np.float32)
        )
    array = np.ma.getdata(array)
    kind = array.dtype.name if array.dtype.name in TYPES else "float32"
    return np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<"))

"""Slab: neighbouring slices seen as one, by their highest, mean or lowest value."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from traitlets import TraitError, TraitType

from dicomview.display import rgb8
from dicomview.geometry import PLANES, Geometry, PlaneView
from dicomview.volume import Volume

__all__ = ["SLAB_MODES", "SlabMode", "SlabTrait", "projected", "slab_range", "slab_text", "slab_value"]

SlabMode = Literal["max", "mean", "min"]
SLAB_MODES: tuple[SlabMode, ...] = get_args(SlabMode)
_NAMES = {"max": "MIP", "mean": "mean", "min": "MinIP"}
#: Distances (in slices) that differ by less are the same.
SAME = 1e-3


class SlabTrait(TraitType):  # type: ignore[type-arg]
    """Thickness in mm by plane; planes that are not named show single slices."""

    def default(self, obj: Any = None) -> Any:
        """Have no slab."""
        return {}

    def validate(self, obj: Any, value: Any) -> dict[str, float]:
        """Leave out planes of no thickness."""
        try:
            slab = {str(plane): float(thickness) for plane, thickness in value.items()}
        except (AttributeError, TypeError, ValueError):
            slab = {"": 0.0}
        if not set(slab) <= set(PLANES) or not all(0 <= t < math.inf for t in slab.values()):
            raise TraitError(f"slab maps planes to a thickness in mm, not {value!r}")
        slab = {plane: thickness for plane, thickness in slab.items() if thickness > 0}
        for plane in slab:
            axis = obj.volume.plane_axes[plane]
            if obj.volume.geometry.spacing[axis] is None:
                raise TraitError(f"a {plane} slab needs the distance between {plane} slices in mm")
        return slab


def slab_text(thickness: float, mode: SlabMode) -> str:
    """Return what a slab is called.

    Examples
    --------
    >>> slab_text(10.0, "max")
    'MIP 10 mm'
    """
    return f"{_NAMES[mode]} {thickness:.6g} mm"


def slab_range(geometry: Geometry, axis: int, index: int, *, thickness: float) -> tuple[int, int]:
    """Return the slices of a slab: the first, and the one behind the last.

    Parameters
    ----------
    geometry : Geometry
    axis, index : int
        Array axis across the slices, and the slice in the middle.
    thickness : float
        In mm. The slices whose centres lie within half of it belong to the slab, the middle one always.

    Examples
    --------
    >>> slab_range(Geometry((20, 64, 64), spacing=(2.5, 1, 1)), 0, 10, thickness=10)
    (8, 13)
    """
    count = geometry.shape[axis]
    places = np.arange(count) * (geometry.spacing[axis] or math.inf)
    if axis == 0 and geometry.slice_positions is not None and geometry.normal is not None:
        places = geometry.slice_positions @ geometry.normal  # also unevenly spaced, or stacked at a slant
    margin = SAME * (geometry.spacing[axis] or 1.0)
    near = np.flatnonzero(abs(places - places[index]) <= thickness / 2 + margin) if count > 1 else [index]
    return int(near[0]), int(near[-1]) + 1


def projected(
    volume: Volume,
    view: PlaneView,
    frame: Sequence[int],
    *,
    index: int,
    slab: tuple[int, int],
    mode: SlabMode,
    mark_padding: bool = False,
) -> np.ndarray:
    """Return slices as one picture, rows downwards, before the flips.

    Only the slices of the slab are read. What has no value (missing slices, padding, NaN, what was not
    acquired) is not counted.

    Parameters
    ----------
    volume : Volume
    view : PlaneView
    frame : sequence of int
    index : int
        The slice in the middle, whose value stands where no slice has one.
    slab : tuple of int
        The first slice, and the one behind the last.
    mode : {"max", "mean", "min"}
    mark_padding : bool
        Whether places with nothing but padding are masked.

    Returns
    -------
    ndarray or masked array of shape (down, right) or (down, right, 3)
        Of the dtype of the volume; the mean float32, or float64 of larger types.
    """
    shape = [volume.geometry.shape[axis] for axis in (view.down, view.right)]
    place: list[Any] = [slice(None)] * 3
    mixed, is_empty, nowhere = _projected(
        volume, frame, place, axis=view.axis, index=index, slab=slab, mode=mode
    )
    if view.down > view.right:
        mixed, is_empty, nowhere = mixed.swapaxes(0, 1), is_empty.T, nowhere.T
    if volume.is_color:
        return rgb8(mixed, volume.meta.get("BitsStored"))
    mask = is_empty if mark_padding else nowhere
    return np.ma.array(mixed, mask=np.broadcast_to(mask, shape)) if mask.any() else mixed


def slab_value(
    volume: Volume,
    frame: Sequence[int],
    *,
    axis: int,
    index: Sequence[int],
    slab: tuple[int, int],
    mode: SlabMode,
) -> NDArray[Any] | None:
    """Return what :func:`projected` has at one voxel, a value or colours; None where nothing has data."""
    place: list[Any] = [slice(i, i + 1) for i in index]
    mixed, _, nowhere = _projected(volume, frame, place, axis=axis, index=index[axis], slab=slab, mode=mode)
    return None if nowhere.any() else np.ravel(mixed)


def _projected(
    volume: Volume,
    frame: Sequence[int],
    place: list[Any],
    *,
    axis: int,
    index: int,
    slab: tuple[int, int],
    mode: SlabMode,
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the projection of a part of a volume, where nothing counts, and where nothing was acquired."""
    missing = volume.missing_slices(frame) if axis == 0 else []
    slices = [k for k in range(*slab) if k not in missing]
    shape = [len(range(n)[p]) for i, (n, p) in enumerate(zip(volume.geometry.shape, place)) if i != axis]
    everywhere, nowhere = np.ones(shape, bool), np.zeros((1, 1), bool)
    if not slices:
        colors = (volume.shape[-1],) * volume.is_color
        return np.zeros([*shape, *colors], volume.dtype), everywhere, everywhere
    is_whole = slices[-1] - slices[0] + 1 == len(slices)
    key = [*place]
    key[axis] = slice(slices[0], slices[-1] + 1) if is_whole else slices
    block = np.moveaxis(np.asarray(volume.frame(frame)[tuple(key)]), axis, 0)
    if block.dtype == np.bool_:
        block = block.view(np.uint8)
    if volume.is_color:
        mixed = _REDUCE[mode](block)
        mixed = np.rint(mixed).astype(block.dtype) if mode == "mean" else mixed
        return mixed, nowhere, nowhere
    absent = [_absent(volume, frame, place, axis, k) for k in slices]
    if not any(a.any() for a in absent) and volume.padding is None and block.dtype.kind != "f":
        return _REDUCE[mode](block), nowhere, nowhere
    middle = min(range(len(slices)), key=lambda i: abs(slices[i] - index))
    mixed, is_empty = _counted(block, absent, volume.padding, mode, middle)
    return mixed, is_empty, np.logical_and.reduce([np.broadcast_to(a, shape) for a in absent])


def _absent(volume: Volume, frame: Sequence[int], place: list[Any], axis: int, k: int) -> NDArray[np.bool_]:
    """Return where a slice has no data."""
    across = [np.arange(n)[p] for n, p in zip(volume.geometry.shape, place)]
    across[axis] = np.array([k])
    return volume.without_data(np.ix_(*across), frame).squeeze(axis)


def _mean(block: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(block.mean(axis=0, dtype=_sum_type(block.dtype)))


def _sum_type(dtype: np.dtype[Any]) -> Any:
    return np.float64 if dtype.itemsize > 4 or dtype in (np.int32, np.uint32) else np.float32


_REDUCE: dict[str, Any] = {"max": lambda b: b.max(axis=0), "mean": _mean, "min": lambda b: b.min(axis=0)}


def _counted(
    block: NDArray[Any],
    absent: Sequence[NDArray[np.bool_]],
    padding: tuple[float, float] | None,
    mode: SlabMode,
    middle: int,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the projection of what counts, and where nothing does."""
    limits: Any = np.iinfo(block.dtype) if block.dtype.kind in "iu" else None
    low, high = (-np.inf, np.inf) if limits is None else (limits.min, limits.max)
    neutral = block.dtype.type({"max": low, "mean": 0, "min": high}[mode])
    kind = _sum_type(block.dtype) if mode == "mean" else block.dtype
    add = {"max": np.maximum, "mean": np.add, "min": np.minimum}[mode]
    if abs(block.strides[0]) < abs(block.strides[-1]):
        block = np.ascontiguousarray(block)  # slices of neighbours in memory
    result = np.full(block.shape[1:], neutral, kind)
    count = np.zeros(block.shape[1:], np.int32)
    for image, lacks in zip(block, absent):
        bad: Any = lacks
        if padding is not None:
            bad = bad | ((image >= padding[0]) & (image <= padding[1]))
        if image.dtype.kind == "f":
            bad = bad | np.isnan(image)
        bad = np.broadcast_to(bad, image.shape)
        add(result, np.where(bad, neutral, image), out=result, casting="same_kind")
        count += ~bad
    if mode == "mean":
        result /= np.maximum(count, 1)
    is_empty = count == 0
    result[is_empty] = block[middle][is_empty]
    return result, is_empty

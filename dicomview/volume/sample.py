"""Sample: values that stand for all of a volume, without looking at all of a volume that is not in memory."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dicomview.display import valid_values
from dicomview.errors import DecodeError
from dicomview.volume.planewise import PlanewiseArray

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["sampled"]

#: So many slices of a volume that is not in memory are looked at, or fewer that are read with so many bytes.
SLICES, BYTES = 16, 256 << 20


def sampled(volume: "Volume") -> NDArray[np.float64]:
    """Return a sample of the values; see :meth:`dicomview.Volume.sample`."""
    missing = {(place,) if isinstance(place, int) else tuple(place) for place in volume.report.missing}
    array = volume.array
    if isinstance(array, np.ndarray):
        if missing:
            present = np.ones(array.shape[: volume.dims.index("slice") + 1], dtype=bool)
            present[tuple(np.transpose(list(missing)))] = False
            array = array[present]
        return valid_values(array, padding=volume.padding)
    if isinstance(array, PlanewiseArray) and array.sample is not None:
        return valid_values(array.sample(), padding=volume.padding)
    extents = (*map(len, volume.dimensions), volume.geometry.shape[0])
    places = [place for place in np.ndindex(*extents) if place not in missing]
    count = max(1, min(SLICES, len(places), BYTES // _bytes_of_slice(volume)))
    chosen = [places[(2 * i + 1) * len(places) // (2 * count)] for i in range(count)] if places else []
    if not chosen:
        return np.empty(0)
    slices = [volume.frame(place[:-1])[place[-1]] for place in chosen]
    try:
        found = np.asarray(np.stack(slices))  # stacked first, so that dask gets them all at once
    except DecodeError:
        found = np.array([image for image in map(_readable, slices) if image is not None])
    return valid_values(found, padding=volume.padding)


def _readable(image: Any) -> np.ndarray | None:
    """Return the values of a slice; None where they cannot be decoded."""
    try:
        return np.asarray(image)
    except DecodeError:
        return None


def _bytes_of_slice(volume: "Volume") -> int:
    """Return what is read for one slice: all chunks that it goes through."""
    read = volume.dtype.itemsize
    for axis, name in enumerate(volume.dims):
        chunks = getattr(volume.array, "chunks", None)
        if name in ("row", "column", "rgb"):
            read *= volume.shape[axis]
        elif chunks is not None:
            read *= max(chunks[axis])
    return read

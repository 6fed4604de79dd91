"""Build: the Volume of a series from its slices, once they are an array."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dicomview.errors import DicomviewError
from dicomview.io.decode import Rescale, value_padding
from dicomview.io.elements import SliceElements
from dicomview.io.realworld import mapping_elements
from dicomview.io.remarks import report_of
from dicomview.io.series import Series, is_color
from dicomview.io.sources import plain
from dicomview.volume import Dropped, Source, Volume
from dicomview.volume.planewise import PlanewiseArray

__all__ = ["empty_slices", "volume_of", "with_padding"]


def empty_slices(series: Series, failed: Iterable[int]) -> list[int]:
    """Return the slices without an image, all frames counted."""
    stack = series.stack
    empty = sorted({k for k, header in enumerate(stack.headers) if header is None} | set(failed))
    if stack.present[0].modality == "SEG" and not failed:
        return []  # frames that are not stored are empty masks: the zeros that they are
    return empty


def with_padding(padding: tuple[float, float] | None, dtype: np.dtype[Any], *, is_color: bool) -> Any:
    """Return the value for slices that are not there: the padding, or None where there is none that fits."""
    if padding is None or is_color:
        return None
    low = np.array(padding[0])
    return low.astype(dtype) if dtype.kind == "f" or low == low.astype(dtype) else None


def volume_of(
    series: Series,
    array: Any,
    elements: SliceElements,
    rescale: Rescale,
    *,
    failed: Mapping[int, DicomviewError],
    unreadable: Sequence[Dropped],
    told: Sequence[str] = (),
) -> Volume:
    """Return the volume of a series.

    Parameters
    ----------
    series : Series
    array : array of shape (all slices, rows, columns) or (all slices, rows, columns, 3)
        In the order of ``series.stack.headers``; or a PlanewiseArray of the shape of the volume.
    elements : SliceElements
    rescale : Rescale
    failed : mapping of int to DicomviewError
        Slices that could not be decoded.
    unreadable : sequence of Dropped
        Files beside the series that could not be read.
    told : sequence of str
        What was noticed while the slices were decoded.
    """
    stack = series.stack
    first = stack.present[0]
    slices = stack.geometry.shape[0]
    extra = tuple(len(dimension) for dimension in stack.dimensions)
    empty = empty_slices(series, failed)
    missing = [tuple(int(i) for i in np.unravel_index(k, (*extra, slices))) for k in empty]
    meta = elements.meta()
    meta.update(mapping_elements(stack.present))
    return Volume(
        array if isinstance(array, PlanewiseArray) else array.reshape(*extra, slices, *array.shape[1:]),
        geometry=stack.geometry,
        dims=(
            *(d.name for d in stack.dimensions),
            "slice",
            "row",
            "column",
            *(("rgb",) if is_color(first) else ()),
        ),
        dimensions=stack.dimensions,
        meta=meta,
        report=report_of(
            series, meta, failed, unreadable, tuple(place if extra else place[0] for place in missing), told
        ),
        sources=[
            None if h is None else Source(plain(h.path), h.sop_instance_uid, h.frame) for h in stack.headers
        ],
        padding=value_padding(first, rescale),
    )

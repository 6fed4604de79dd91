"""Laying: what is given, as masks, layers and volumes that have a place over a volume."""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from traitlets import TraitError

from dicomview.errors import GeometryError
from dicomview.geometry import Geometry
from dicomview.state.painted import PaintLayer
from dicomview.state.placing import cropped
from dicomview.volume import Segment, Segmentation, Volume
from dicomview.volume.memory import check_budget
from dicomview.volume.meta import slice_thickness
from dicomview.volume.onto import in_memory
from dicomview.volume.reference import other_frame_of_reference

__all__ = [
    "isodose_levels",
    "level_labels",
    "mask_on",
    "mask_parts",
    "paint_layer",
    "placed_on",
    "segment_masks",
]

Mask = NDArray[np.bool_]

#: A fraction that belongs to a fractional segment.
INSIDE = 0.5
#: Unit normals, which single slices of unknown thickness have for a step, are as long to within this.
UNIT = 1e-6
#: Cosine of the angle between slices that count as parallel, at least.
PARALLEL = 0.999


def placed_on(acquired: Volume, given: Any, geometry: Geometry | None = None) -> Volume:
    """Return data as a volume with a place in the patient, or on the very grid of another.

    Raises
    ------
    GeometryError
        If it has no place there, or another frame of reference.
    """
    data: Volume = given
    if not isinstance(given, Volume):
        array = np.asarray(given)
        if array.ndim != 3:
            raise GeometryError(
                f"an overlay has the dimensions (slice, row, column), not the shape {array.shape}",
                remedy="pass one frame, mask[k]" if array.ndim > 3 else "one slice is mask[None]",
            )
        data = Volume(array, geometry=geometry or acquired.geometry)
    if data.is_lazy or data.is_resliced:
        data = in_memory(data, data.middle_frame, name="the overlay")
    if data.geometry.affine is None or acquired.geometry.affine is None:
        if data.geometry.shape != acquired.geometry.shape or data.geometry.affine is not None:
            raise GeometryError(
                "an overlay is placed by position, but it or the volume has no affine, and "
                f"{data.geometry.shape} voxels are not the volume's {acquired.geometry.shape}",
                remedy="give it an affine, or the shape of the volume",
            )
        return data
    differs = other_frame_of_reference(data.meta, acquired.meta)
    if differs:
        raise GeometryError(
            f"an overlay and the volume must share a frame of reference: {differs}",
            tag="FrameOfReferenceUID",
            remedy="register them, and pass a Volume without this element",
        )
    if data.geometry.shape[0] == 1 and data.geometry != acquired.geometry:
        return _thickened(data, acquired.geometry)
    return data


def _thickened(data: Volume, grid: Geometry) -> Volume:
    """Return a single slice as thick as its header says; without that it is 1 mm, and has to be seen so."""
    affine, place = data.geometry.affine, grid.slice_positions
    assert affine is not None and place is not None and grid.normal is not None
    step = np.linalg.norm(affine[:3, 0])
    thickness = slice_thickness(data.meta)
    if thickness is not None:
        affine = affine.copy()
        affine[:3, 0] *= thickness / step
        thick = copy(data)
        thick.geometry = Geometry(data.geometry.shape, affine=affine)
        return thick
    away = (place - affine[:3, 3]) @ grid.normal
    is_parallel = abs(affine[:3, 0] @ grid.normal) > PARALLEL * step
    if is_parallel and away.min() < 0 < away.max() and abs(away).min() > step / 2:
        raise GeometryError(
            "a single slice of unknown thickness lies between two slices of the volume, "
            f"{abs(away).min():.3g} mm from the nearest, and SliceThickness is not known",
            tag="SliceThickness",
            remedy='give it, as Volume.from_array(..., meta={"SliceThickness": 5})',
        )
    return data


def mask_parts(placed: Volume, name: str, labels: dict[int, str] | None) -> dict[str, Mask]:
    """Return the masks that a volume holds, by what they are called: one for each number but 0."""
    array = np.asarray(placed.frame(placed.middle_frame))
    if labels:
        return _labelled(array, labels)
    if array.dtype.kind == "f" and not _are_numbers(array):
        array = array >= INSIDE
    if array.dtype == np.bool_:
        return {name: array}
    numbers = np.unique(array[np.isfinite(array)])
    return {f"{name} {int(n)}": array == n for n in numbers if n}


def _labelled(array: NDArray[Any], labels: dict[int, str]) -> dict[str, Mask]:
    """Return the masks of numbers, by their labels; of true and false, true is 1."""
    numbers = [n for n in labels if isinstance(n, int | np.integer)]
    if len(numbers) < len(labels):
        raise TraitError(f"labels map whole numbers to names, as {{1: 'liver'}}, not {labels!r}")
    if array.dtype.kind == "f" and not _are_whole(array):
        raise TraitError(
            "labels name whole numbers, and the mask holds fractions; "
            "pass mask >= 0.5 if these are parts of voxels"
        )
    if len(set(labels.values())) < len(labels):
        raise TraitError(f"the names of labels must differ: {labels!r}")
    masks = {str(name): array == number for number, name in labels.items()}
    if not any(mask.any() for mask in masks.values()):
        held = ", ".join(str(int(n)) for n in np.unique(array[np.isfinite(array)])[:9])
        raise TraitError(
            f"the mask holds none of the numbers of labels, {sorted(numbers)}; it holds {held} ..."
        )
    return masks


def _are_numbers(array: NDArray[Any]) -> bool:
    """Return whether floats are numbers of segments, not parts of voxels that belong to one."""
    return bool((array > 1).any()) and _are_whole(array)


def _are_whole(array: NDArray[Any]) -> bool:
    return all(bool((np.isnan(part) | (part == np.rint(part))).all()) for part in array)


def mask_on(acquired: Volume, mask: Mask, geometry: Geometry) -> Mask:
    """Return a mask on the grid of a volume; without an affine it is on that already."""
    if geometry == acquired.geometry or geometry.affine is None:
        return mask
    thickness = None
    step = float(np.linalg.norm(geometry.affine[:3, 0]))
    if geometry.shape[0] == 1 and abs(step - 1) > UNIT:  # a part of a mask, or a slice as thick as it is
        affine, thickness = geometry.affine.copy(), step
        affine[:3, 0] /= step
        geometry = Geometry(geometry.shape, affine=affine)
    return np.asarray(
        Segmentation.from_masks({"mask": mask}, geometry, thickness=thickness).on(acquired)[1].array
    )


def paint_layer(acquired: Volume, start: Volume | None) -> PaintLayer:
    """Return a layer on the grid of a volume that begins with a copy of a mask, or empty."""
    check_budget(acquired.geometry.shape, 1, "a mask to paint", "paint on a smaller volume")
    layer = PaintLayer(acquired.geometry, frame_of_reference=acquired.meta.get("FrameOfReferenceUID"))
    if start is not None:
        array = np.asarray(start.frame(start.middle_frame))
        array = array >= INSIDE if array.dtype.kind == "f" else array != 0
        layer.array[:] = mask_on(acquired, array, start.geometry)
    return layer


def segment_masks(
    placed: Segmentation, segments: Sequence[int | str] | None
) -> Iterator[tuple[Segment, Volume]]:
    """Return segments, all by default, each with the part of its mask that is not empty."""
    for segment in list(placed) if segments is None else [placed.segment(key) for key in segments]:
        mask = placed[segment]
        array = np.asarray(mask.array)
        yield segment, cropped(array if array.dtype == np.bool_ else array >= INSIDE, mask.geometry)


def isodose_levels(
    dose: Volume, levels: Sequence[float], *, unit: str, reference: float | None, colors: Sequence[str]
) -> tuple[tuple[tuple[float, str], ...], tuple[str, ...]]:
    """Return values with colours, the highest first, and what they are called."""
    if unit not in ("Gy", "%"):
        raise TraitError(f"levels are in 'Gy' or '%', not {unit!r}")
    colors = [colors] if isinstance(colors, str) else list(colors)
    if not colors:
        raise TraitError("there are no colours for the levels: give one or more, as colors=['#ff0000']")
    if unit == "%" and reference is None:
        reference = _highest(dose)
    part = (reference or 0.0) / 100 if unit == "%" else 1.0
    falling = sorted(map(float, levels), reverse=True)
    lines = tuple((v * part, colors[i % len(colors)]) for i, v in enumerate(falling))
    if unit == "%":
        return lines, tuple(f"{v:g} %" for v in falling)
    return lines, level_labels(dose, lines)


def level_labels(dose: Volume, levels: Any) -> tuple[str, ...]:
    """Return what values of a volume are called, in its own unit; in Gy where it tells none."""
    unit = dose.unit or "Gy"
    unit = {"GY": "Gy", "RELATIVE": ""}.get(unit.upper(), unit)
    try:
        return tuple(f"{float(value):g} {unit}".strip() for value, _ in levels)
    except (TypeError, ValueError):
        return ()  # they are no levels, which is told where they are kept


def _highest(dose: Volume) -> float:
    """Return the highest value, without padding, missing slices, NaN and infinity."""
    frame = dose.middle_frame
    there = np.setdiff1d(np.arange(dose.geometry.shape[0]), dose.missing_slices(frame))
    highest = -np.inf
    for values in map(np.asarray, map(dose.frame(frame).__getitem__, there)):
        is_dose = np.isfinite(values)
        if dose.padding is not None:
            is_dose &= (values < dose.padding[0]) | (values > dose.padding[1])
        highest = max(highest, float(values[is_dose].max())) if is_dose.any() else highest
    if not np.isfinite(highest):
        raise TraitError("the dose has no values of which levels could be parts: give reference=, in Gy")
    return highest

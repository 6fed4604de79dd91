"""Assembling: from the headers of a series to ordered slices with geometry, gaps and duplicates."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dicomview.errors import GeometryError
from dicomview.geometry import Geometry
from dicomview.io.headers import Header
from dicomview.volume import Dropped

__all__ = ["Stack", "assemble"]

#: Positions closer than this along the normal are the same, mm.
SAME_POSITION = 0.01
#: Steps may differ by the larger of these (mm, fraction) and still count as even.
EVEN_MM, EVEN_FRACTION = 0.01, 0.01
#: Beyond this fraction the slices are not called evenly spaced at all.
UNEVEN_FRACTION = 0.10
#: Sideways departure of a slice from the common line that deserves a warning, mm.
DRIFT_MM = 0.1


@dataclass(frozen=True)
class Stack:
    """Slices in order of position.

    Attributes
    ----------
    headers : tuple of (Header or None)
        One for each slice of the volume; None where a slice is missing.
    geometry : Geometry
    warnings : tuple of str
    dropped : tuple of Dropped
    reason : str or None
        Why these files are no volume.
    """

    headers: tuple[Header | None, ...]
    geometry: Geometry
    warnings: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    reason: str | None = None

    @property
    def present(self) -> list[Header]:
        """The headers without the gaps."""
        return [header for header in self.headers if header is not None]

    @property
    def missing(self) -> tuple[int, ...]:
        """Indices of the slices without a file."""
        return tuple(i for i, header in enumerate(self.headers) if header is None)


def assemble(headers: Sequence[Header]) -> Stack:
    """Put the slices of one series in order and work out where they are.

    Parameters
    ----------
    headers : sequence of Header
        One series, one size and one orientation.

    Returns
    -------
    Stack
        Sorted by position along the normal of the slices; only where positions are absent by
        InstanceNumber, with a warning and without an affine.

    References
    ----------
    DICOM PS3.3 C.7.6.2 (Image Plane Module).
    """
    unique, dropped = _without_copies(headers)
    first = unique[0]
    if any(h.position is None or h.orientation is None for h in unique):
        return _unplaced(unique, dropped)
    orientation = np.median([h.orientation for h in unique], axis=0)
    normal = np.cross(orientation[:3], orientation[3:])
    along = {id(h): float(np.dot(h.position, normal)) for h in unique}  # type: ignore[arg-type]
    order = sorted(unique, key=lambda h: along[id(h)])
    slots: list[list[Header]] = []
    for header in order:
        if slots and along[id(header)] - along[id(slots[-1][0])] < SAME_POSITION:
            slots[-1].append(header)
        else:
            slots.append([header])
    warnings: list[str] = []
    counts = Counter(map(len, slots))
    if len(counts) == 1 and len(slots[0]) > 1:
        reason = (
            f"{len(slots[0])} images at each of {len(slots)} positions (a 4D series): not read as one volume"
        )
        return replace(_unplaced(unique, dropped), warnings=(), reason=reason)
    kept, repeated = _first_of_each(slots)
    if repeated:
        warnings.append(
            "left out for being at the position of another image (the first by AcquisitionNumber was kept): "
            + _names(d.path.name for d in repeated)
        )
        dropped += repeated
    if first.pixel_spacing is None:
        stack = _unplaced(kept, dropped)
        return replace(stack, warnings=(*warnings, "PixelSpacing (0028,0030) is absent: no geometry"))
    places: list[Header | None] = list(kept)
    positions = np.array([h.position for h in kept])
    steps = np.diff(positions @ normal)
    if len(steps) and not _even(steps):
        places, positions, gap_warnings = _fill_gaps(kept, positions, steps)
        warnings += gap_warnings
        warnings += _spacing_warnings(np.diff(positions @ normal))
    try:
        geometry = Geometry.from_attributes(
            (len(places), first.rows, first.columns),
            orientation=orientation,
            pixel_spacing=first.pixel_spacing,
            positions=positions,
        )
    except GeometryError as error:
        stack = _unplaced(kept, dropped)
        return replace(stack, warnings=(*warnings, f"no geometry: {error} ({first.name})"))
    warnings += _shape_warnings(geometry)
    return Stack(tuple(places), geometry, tuple(warnings), tuple(dropped))


def _without_copies(headers: Sequence[Header]) -> tuple[list[Header], list[Dropped]]:
    """Drop files with the SOP instance of an earlier one."""
    unique: dict[str, Header] = {}
    dropped = []
    for header in headers:
        twin = unique.setdefault(header.sop_instance_uid or str(header.path), header)
        if twin is not header:
            dropped.append(Dropped(header.path, f"a copy of {twin.name}: same SOPInstanceUID"))
    return list(unique.values()), dropped


def _unplaced(headers: Sequence[Header], dropped: Sequence[Dropped]) -> Stack:
    """Order by InstanceNumber what has no position."""
    first = headers[0]
    warnings = []
    if len(headers) > 1:
        warnings.append(
            "ImagePositionPatient (0020,0032) or ImageOrientationPatient (0020,0037) is absent: "
            "sorted by InstanceNumber, sides and slice distance unknown"
        )
    order = sorted(headers, key=lambda h: (h.instance_number is None, h.instance_number or 0))
    pixel = first.pixel_spacing
    spacing = (None, None, None) if pixel is None or min(pixel) <= 0 else (None, *pixel)
    shape = (len(order), max(first.rows, 1), max(first.columns, 1))
    geometry = Geometry(shape, spacing=spacing)  # type: ignore[arg-type]
    return Stack(tuple(order), geometry, tuple(warnings), tuple(dropped))


def _first_of_each(slots: Sequence[Sequence[Header]]) -> tuple[list[Header], list[Dropped]]:
    """Keep one image at each position."""
    kept, repeated = [], []
    for slot in slots:
        first, *rest = sorted(slot, key=lambda h: (h.acquisition_number or 0, h.instance_number or 0))
        kept.append(first)
        repeated += [Dropped(h.path, f"at the position of {first.name}") for h in rest]
    return kept, repeated


def _even(steps: np.ndarray) -> bool:
    """Return whether all steps are the same within the tolerance."""
    median = _base_step(steps)
    return bool(abs(steps - median).max() <= max(EVEN_MM, EVEN_FRACTION * median))


def _base_step(steps: np.ndarray) -> float:
    """Return the median step; of two middle ones the smaller, so that one gap among two steps shows."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def _fill_gaps(
    headers: Sequence[Header], positions: np.ndarray, steps: np.ndarray
) -> tuple[list[Header | None], np.ndarray, list[str]]:
    """Keep the places of missing slices where every step is a multiple of the median one."""
    base = _base_step(steps)
    multiples = np.rint(steps / base).astype(int)
    tolerance = np.maximum(EVEN_MM, EVEN_FRACTION * base) * np.maximum(multiples, 1)
    lost = int((multiples - 1).sum())
    if (
        multiples.min() < 1
        or (abs(steps - multiples * base) > tolerance).any()
        or not 0 < lost <= len(headers)
    ):
        return list(headers), positions, []
    places: list[Header | None] = [headers[0]]
    points = [positions[0]]
    warnings = []
    for k, count in enumerate(multiples):
        for i in range(1, count):
            places.append(None)
            points.append(positions[k] + (positions[k + 1] - positions[k]) * i / count)
        places.append(headers[k + 1])
        points.append(positions[k + 1])
        if count > 1:
            missing = "1 slice is" if count == 2 else f"{count - 1} slices are"
            warnings.append(
                f"{missing} missing between {headers[k].name} and {headers[k + 1].name} "
                f"(step of {steps[k]:.4g} mm, others {base:.4g} mm): kept as empty slices"
            )
    return places, np.array(points), warnings


def _spacing_warnings(steps: np.ndarray) -> list[str]:
    """Say how uneven the steps are."""
    if _even(steps):
        return []
    median = _base_step(steps)
    text = f"slices are unevenly spaced: steps of {steps.min():.4g} to {steps.max():.4g} mm"
    if abs(steps - median).max() > UNEVEN_FRACTION * median:
        text += "; no single affine fits, geometry.slice_positions holds the exact positions"
    return [text]


def _shape_warnings(geometry: Geometry) -> list[str]:
    """Say when the stack is sheared or its slices wander sideways."""
    warnings = []
    if geometry.tilt:
        warnings.append(
            f"the slices are tilted by {geometry.tilt:.1f}° against their stacking direction (gantry tilt): "
            "the affine is sheared"
        )
    normal = geometry.normal
    if geometry.slice_positions is not None and geometry.affine is not None and normal is not None:
        ideal = geometry.affine[:3, 3] + np.arange(geometry.shape[0])[:, None] * geometry.affine[:3, 0]
        off = geometry.slice_positions - ideal
        sideways = np.linalg.norm(off - np.outer(off @ normal, normal), axis=1).max()
        if sideways > DRIFT_MM:
            warnings.append(
                f"slices are shifted sideways against a straight stack by up to {sideways:.2g} mm"
            )
    return warnings


def _names(names: Iterable[str]) -> str:
    """List file names, cut after a few."""
    names = list(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

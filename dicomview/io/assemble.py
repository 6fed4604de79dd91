"""Assembling: from the headers of a series to ordered slices with geometry, gaps and extra dimensions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dicomview.errors import GeometryError, file_name
from dicomview.geometry import Geometry
from dicomview.geometry.geometry import COSINE_TOLERANCE
from dicomview.geometry.middle import median
from dicomview.io.dimensions import arrange
from dicomview.io.header import Header
from dicomview.volume import Dimension, Dropped, Gap

__all__ = ["Stack", "assemble", "names", "slots_of"]

#: Positions closer than this along the normal are the same: mm, or part of a pixel where that is less.
SAME_POSITION_MM, SAME_POSITION_PIXELS = 0.05, 0.1
#: Steps may differ by the larger of these (mm, fraction) and still count as even.
EVEN_MM, EVEN_FRACTION = 0.01, 0.01
#: Slices that are so many times as thick as the thinnest lie farther apart without any missing between them.
THICKER = 1.5
#: Beyond this fraction the slices are not called evenly spaced at all.
UNEVEN_FRACTION = 0.10
#: Cosines that are further off than allowed are still understood up to here: those with two decimals.
ROUNDED_COSINES = 0.02
#: Sideways departure of a slice from the common line that deserves a warning, mm.
DRIFT_MM = 0.1


@dataclass(frozen=True)
class Stack:
    """Slices in order of position.

    Attributes
    ----------
    headers : tuple of (Header or None)
        One for each slice, all slices of the first frame first; None where there is no file.
    geometry : Geometry
    dimensions : tuple of Dimension
        Beyond space.
    warnings : tuple of str
    dropped : tuple of Dropped
    reason : str or None
        Why these files are no volume.
    sorted_by : str
        Keyword of the element that gave the order.
    gaps : tuple of Gap
    """

    headers: tuple[Header | None, ...]
    geometry: Geometry
    dimensions: tuple[Dimension, ...] = ()
    warnings: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    reason: str | None = None
    sorted_by: str = "ImagePositionPatient"
    gaps: tuple[Gap, ...] = ()

    @property
    def present(self) -> list[Header]:
        """The headers without the gaps."""
        return [header for header in self.headers if header is not None]


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
    unique, dropped, warnings = _without_copies(headers)
    placed = [h for h in unique if h.position is not None and h.orientation is not None]
    if len(placed) * 2 <= len(unique):
        return _unplaced(unique, dropped, warnings)
    strays = [h for h in unique if h.position is None or h.orientation is None]
    if strays:
        warnings.append(f"left out for having no ImagePositionPatient: {names(h.name for h in strays)}")
        dropped += [Dropped(Path(h.path), "no ImagePositionPatient (0020,0032)") for h in strays]
    first = placed[0]
    orientation, normal, slots = slots_of(placed)
    orientation, rounded = _perpendicular(orientation)
    warnings += rounded
    slots = _moved_mosaics(placed, normal) or slots
    dimensions: tuple[Dimension, ...] = ()
    frames: list[list[Header | None]]
    crowded = sum(len(slot) > 1 for slot in slots)
    segments = {h.key_values.get("ReferencedSegmentNumber") for h in placed}
    mostly = crowded * 2 > len(slots) or len(segments) > 1
    arranged = arrange(slots) if mostly or (crowded and first.frame is not None) else None
    if mostly or arranged is not None:
        if arranged is None:
            shape = (len(placed), max(first.rows, 1), max(first.columns, 1))
            reason = (
                f"up to {max(map(len, slots))} images at each of {len(slots)} positions, "
                "and nothing in the headers tells them apart evenly"
            )
            return Stack(tuple(placed), Geometry(shape), (), tuple(warnings), tuple(dropped), reason)
        dimensions, frames, told = arranged
        warnings += told + _motion(slots)
    else:
        kept, repeated = _first_of_each(slots)
        if repeated:
            warnings.append(
                "left out for being at the position of another image (of the larger acquisition, or of the "
                f"first, one was kept): {names(f'{file_name(d.path)} ({d.reason})' for d in repeated)}"
            )
            dropped += repeated
        frames = [list(kept)]
    positions = np.array([slot[0].position for slot in slots])
    steps = np.diff(positions @ normal)
    gaps: list[Gap] = []
    if len(steps) and not _even(steps):
        places, gaps, gap_warnings = _gaps([slot[0] for slot in slots], steps)
        if places is not None:
            frames = [[None if k is None else frame[k] for k in places] for frame in frames]
            positions = _filled(positions, places)
        if first.modality != "SEG":  # empty slices of a segmentation need not be stored
            warnings += gap_warnings
        warnings += _spacing_warnings(np.diff(positions @ normal))
    geometry, problem = _geometry(first, orientation, positions, normal)
    warnings += [problem] if problem else _shape_warnings(geometry)
    flat = tuple(header for frame in frames for header in frame)
    return Stack(flat, geometry, dimensions, tuple(warnings), tuple(dropped), gaps=tuple(gaps))


def slots_of(headers: Sequence[Header]) -> tuple[np.ndarray, np.ndarray, list[list[Header]]]:
    """Return the common orientation, its normal, and the images at each position along it, in order."""
    first, *others = {h.orientation for h in headers}
    orientation = median(np.array([h.orientation for h in headers])) if others else np.array(first)
    normal = np.cross(orientation[:3], orientation[3:])
    normal /= np.linalg.norm(normal)
    pixel = min(map(min, {h.pixel_spacing for h in headers if h.pixel_spacing}), default=0.0)
    same = min(SAME_POSITION_MM, SAME_POSITION_PIXELS * pixel) if pixel > 0 else SAME_POSITION_MM
    along = (np.array([h.position for h in headers]) * normal).sum(axis=1)
    order = np.argsort(along, kind="stable").tolist()
    along = along.tolist()
    slots: list[list[Header]] = []
    start = -np.inf
    for i in order:
        if along[i] - start < same:
            slots[-1].append(headers[i])
        else:
            slots.append([headers[i]])
            start = along[i]
    return orientation, normal, slots


def _perpendicular(orientation: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return perpendicular unit vectors for ones that were rounded to a few decimals, and say so."""
    axes = orientation.reshape(2, 3)
    off = max(*abs(np.linalg.norm(axes, axis=1) - 1), abs(axes[0] @ axes[1]))
    if not COSINE_TOLERANCE < off <= ROUNDED_COSINES:
        return orientation, []
    u, _, v = np.linalg.svd(axes, full_matrices=False)
    return (u @ v).ravel(), [
        f"ImageOrientationPatient (0020,0037) is rounded, off by {off:.1g}: made perpendicular unit vectors"
    ]


def _moved_mosaics(headers: Sequence[Header], normal: np.ndarray) -> list[list[Header]] | None:
    """Return the slots of mosaics that do not lie at one place: the slices of a mosaic stay together.

    A scanner that follows the motion of the head moves the whole stack between time points.
    """
    mosaics: dict[str, list[Header]] = {}
    for header in headers:
        if header.tile is None:
            return None
        mosaics.setdefault(str(header.path), []).append(header)
    if len(mosaics) < 2 or len({len(slices) for slices in mosaics.values()}) > 1:
        return None
    stacks = [sorted(slices, key=lambda h: np.dot(h.position, normal)) for slices in mosaics.values()]  # type: ignore[arg-type]
    return [list(slot) for slot in zip(*stacks)]


def _motion(slots: Sequence[Sequence[Header]]) -> list[str]:
    """Say when the images of a slice do not lie at one place."""
    away = max(
        float(np.linalg.norm(np.subtract(h.position, slot[0].position)))  # type: ignore[arg-type]
        for slot in slots
        for h in slot
    )
    if away <= DRIFT_MM:
        return []
    return [f"the images of a slice lie up to {away:.2g} mm apart: all are placed where the first is"]


def names(texts: Iterable[str]) -> str:
    """List file names, cut after a few."""
    listed = list(texts)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")


def _without_copies(headers: Sequence[Header]) -> tuple[list[Header], list[Dropped], list[str]]:
    """Drop copies of the same image; of two the larger file stays, since the other may be cut short."""
    unique: dict[object, Header] = {}
    dropped: list[Dropped] = []
    for header in headers:
        key = (header.identity, header.position, header.instance_number, header.acquisition_number)
        twin = unique.setdefault(key, header)
        if twin is header:
            continue
        better, worse = (header, twin) if _size(header) > _size(twin) else (twin, header)
        unique[key] = better
        copy = Dropped(Path(worse.path), f"a copy of {better.name}: same SOPInstanceUID")
        if copy not in dropped[-1:]:  # once for all frames of a file
            dropped.append(copy)
    kept = list(unique.values())
    shared = len(kept) - len({h.identity for h in kept})
    warnings = [f"{shared + 1} different images carry the same SOPInstanceUID"] if shared else []
    return kept, dropped, warnings


def _size(header: Header) -> int:
    try:
        return header.path.stat().st_size
    except OSError:
        return 0


def _unplaced(headers: Sequence[Header], dropped: Sequence[Dropped], warnings: Sequence[str]) -> Stack:
    """Order by InstanceNumber what has no position; frames of a film run in time."""
    first = headers[0]
    pixel = first.pixel_spacing
    spacing = (None, None, None) if pixel is None or min(pixel) <= 0 else (None, *pixel)
    rows, columns = max(first.rows, 1), max(first.columns, 1)
    if first.frame is not None and len({h.film for h in headers}) == 1 and len(headers) > 1:
        geometry = Geometry((1, rows, columns), spacing=spacing)  # type: ignore[arg-type]
        arranged = arrange([headers])
        if arranged is not None:
            dimensions, frames, _ = arranged
            return Stack(
                tuple(frame[0] for frame in frames),
                geometry,
                dimensions,
                tuple(warnings),
                tuple(dropped),
                sorted_by="frame number",
            )
    warnings = list(warnings)
    if len(headers) > 1:
        warnings.append(
            "ImagePositionPatient (0020,0032) or ImageOrientationPatient (0020,0037) is absent: "
            "sorted by InstanceNumber, sides and slice distance unknown"
        )
    order = sorted(headers, key=lambda h: (h.instance_number is None, h.instance_number or 0, h.frame or 0))
    geometry = Geometry((len(order), rows, columns), spacing=spacing)  # type: ignore[arg-type]
    return Stack(tuple(order), geometry, (), tuple(warnings), tuple(dropped), sorted_by="InstanceNumber")


def _first_of_each(slots: Sequence[Sequence[Header]]) -> tuple[list[Header], list[Dropped]]:
    """Keep one image at each position, of the acquisition that covers most: no volume is pieced together."""
    extent = Counter(number for slot in slots for number in {h.acquisition_number for h in slot})

    def rank(header: Header) -> tuple[int, ...]:
        number = header.acquisition_number
        return -extent[number], number or 0, header.instance_number or 0, header.frame or 0

    kept, repeated = [], []
    for slot in slots:
        first, *rest = sorted(slot, key=rank)
        kept.append(first)
        repeated += [Dropped(Path(h.path), f"{_number(h)} at the place of {_number(first)}") for h in rest]
    return kept, repeated


def _label(header: Header) -> str:
    """Name the file of an image, and the frame in it."""
    return header.name if header.frame is None else f"{header.name} ({_number(header)})"


def _number(header: Header) -> str:
    """Name an image by its number, a frame by its own from 1 on."""
    if header.frame is not None:
        return f"frame number {header.frame + 1}"
    return f"InstanceNumber {header.instance_number}"


def _geometry(
    first: Header, orientation: np.ndarray, positions: np.ndarray, normal: np.ndarray
) -> tuple[Geometry, str | None]:
    """Return the geometry; without an affine, and why, where the header does not give one."""
    shape = (len(positions), max(first.rows, 1), max(first.columns, 1))
    spacing = first.pixel_spacing
    if not first.in_patient:
        problem = f"positions are relative to the volume, not to the patient: no affine ({first.name})"
    elif spacing is None or min(spacing) <= 0:
        problem = f"PixelSpacing (0028,0030) is absent or not positive in {first.name}: no affine"
    else:
        try:
            return (
                Geometry.from_attributes(
                    shape, orientation=orientation, pixel_spacing=spacing, positions=positions
                ),
                None,
            )
        except GeometryError as error:
            problem = f"no affine: {error} ({first.name})"
    step = float(median(np.diff(positions @ normal))) if len(positions) > 1 else None
    rows, columns = (None, None) if spacing is None or min(spacing) <= 0 else spacing
    return Geometry(shape, spacing=(step, rows, columns)), problem


def _even(steps: np.ndarray) -> bool:
    """Return whether all steps are the same within the tolerance."""
    median = _base_step(steps)
    return bool(abs(steps - median).max() <= max(EVEN_MM, EVEN_FRACTION * median))


def _base_step(steps: np.ndarray) -> float:
    """Return the median step; of two middle ones the smaller, so that one gap among two steps shows."""
    return float(np.sort(steps)[(len(steps) - 1) // 2])


def _gaps(
    headers: Sequence[Header], steps: np.ndarray
) -> tuple[list[int | None] | None, list[Gap], list[str]]:
    """Return the slices with None at the places of missing ones, where all steps are multiples of one."""
    base = _base_step(steps)
    multiples = np.rint(steps / base).astype(int)
    tolerance = max(EVEN_MM, UNEVEN_FRACTION * base)
    lost = int((multiples - 1).sum())
    if multiples.min() < 1 or (abs(steps - multiples * base) > tolerance).any() or lost > len(headers):
        return None, [], []
    thickness = [h.slice_thickness or 0.0 for h in headers]
    if any(max(thickness[k : k + 2]) > THICKER * min(thickness) > 0 for k in np.flatnonzero(multiples > 1)):
        return None, [], []  # farther apart for being thicker
    places: list[int | None] = [0]
    gaps, warnings = [], []
    for k, count in enumerate(multiples):
        places += [None] * (int(count) - 1) + [k + 1]
        if count > 1:
            ends = Path(headers[k].path), Path(headers[k + 1].path)
            gaps.append(Gap(*ends, int(count) - 1, float(steps[k])))
            missing = "1 slice is" if count == 2 else f"{count - 1} slices are"
            warnings.append(
                f"{missing} missing between {_label(headers[k])} and {_label(headers[k + 1])} "
                f"(step of {steps[k]:.4g} mm, others {base:.4g} mm): kept as empty slices"
            )
    return places, gaps, warnings


def _filled(positions: np.ndarray, places: Sequence[int | None]) -> np.ndarray:
    """Return the positions of all places, those of missing slices between their neighbours."""
    known = np.array([i for i, k in enumerate(places) if k is not None])
    return np.column_stack([np.interp(range(len(places)), known, positions[:, axis]) for axis in range(3)])


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
    sideways, normal = 0.0, geometry.normal
    if geometry.slice_positions is not None and geometry.affine is not None and normal is not None:
        steps = geometry.slice_positions - geometry.slice_positions[0]
        # A tilted stack moves sideways in proportion to the distance, also where that is uneven.
        direction = geometry.affine[:3, 0] / (geometry.affine[:3, 0] @ normal)
        sideways = float(np.linalg.norm(steps - np.outer(steps @ normal, direction), axis=1).max())
    warnings = []
    if geometry.tilt:
        warnings.append(
            f"the slices are tilted by {geometry.tilt:.1f}° against their stacking direction (gantry tilt): "
            "the affine is sheared"
        )
    if sideways > DRIFT_MM:
        warnings.append(
            f"slices are shifted sideways against a straight stack by up to {sideways:.2g} mm; "
            "geometry.slice_positions holds the exact positions"
        )
    return warnings

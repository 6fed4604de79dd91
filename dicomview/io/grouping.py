"""Grouping: which images of a folder can be slices of one volume."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from dicomview.geometry import plane_of
from dicomview.geometry.middle import median
from dicomview.io.assemble import SAME_POSITION_MM, names, slots_of
from dicomview.io.doubts import FILES
from dicomview.io.failures import failure
from dicomview.io.header import Header
from dicomview.io.series import Series, is_color, is_localizer
from dicomview.io.sources import plain
from dicomview.volume import Dropped, Volume

__all__ = ["group_headers"]

#: Orientations whose cosines differ by less belong to one stack.
ORIENTATION_TOLERANCE = 1e-3
#: Relative difference of PixelSpacing within one stack; it is rounded differently in the files of some.
SPACING_TOLERANCE = 1e-3
#: Attributes that separate images taken at the same positions, and how they are called.
_SEPARATORS: tuple[tuple[str, Callable[[Header], Any]], ...] = (
    ("ImageType", lambda h: "\\".join(h.image_type)),
    ("ConvolutionKernel", lambda h: h.convolution_kernel),
    ("SliceThickness", lambda h: "" if h.slice_thickness is None else f"{h.slice_thickness:.4g}"),
)
#: Attributes that separate images whose positions lie between each other's.
_INTERLEAVED: tuple[tuple[str, Callable[[Header], Any]], ...] = (
    ("TemporalPositionIdentifier", lambda h: h.key_values.get("TemporalPositionIdentifier")),
    ("ConvolutionKernel", lambda h: h.convolution_kernel or None),
    ("AcquisitionNumber", lambda h: h.acquisition_number),
)
#: Slices that are farther apart in their plane than the larger of these (mm, fraction of the step) belong to
#: stacks that lie side by side.
APART_MM, APART_FRACTION = 5.0, 0.1
#: A kind of image must be at this part of the positions, equally often, to be one of its own.
MOSTLY = 0.6
#: Acquisitions that interleave make one stack if steps differ by less than this fraction from a multiple of
#: one, and if the slices are less than so many steps thick.
WOVEN, OVERLAPPING = 0.1, 1.5


def group_headers(
    headers: Sequence[Header], *, reader: Callable[..., Volume], dropped: list[Dropped] | None = None
) -> list[Series]:
    """Group headers into series, and series into stacks of one size, orientation and kind.

    Parameters
    ----------
    headers : sequence of Header
    reader : callable
        Reads the pixels of a Series; given to each of them.
    dropped : list of Dropped, optional
        Takes a row for each series that cannot be put together; without it, that raises.

    Returns
    -------
    list of Series
        By SeriesNumber.
    """
    by_uid: dict[tuple[str, str], list[Header]] = {}
    for header in headers:
        # Images that name no series are kept together by their folder.
        key = (header.series_instance_uid, "" if header.series_instance_uid else str(header.path.parent))
        by_uid.setdefault(key, []).append(header)
    result: list[Series] = []
    for members in by_uid.values():
        try:
            result += _stacks_of(members, reader)
        except Exception as error:
            if dropped is None:
                raise
            first, count = plain(members[0].path), len({header.path for header in members})
            cause = "its series cannot be put together" if count > 1 else "it cannot be put in place"
            problem = failure(first, error, cause, remedy="read its files one by one with imread")
            assert problem is not None
            row = Dropped.of(first, problem)
            others = f" (and {count - 1} more files of its series)" * (count > 1)
            dropped.append(replace(row, reason=row.reason + others))

    def rank(series: Series) -> float:
        number = series.stack.present[0].series_number
        return float("inf") if number is None else number

    return sorted(result, key=rank)


def _stacks_of(members: Sequence[Header], reader: Callable[..., Volume]) -> list[Series]:
    """Return the stacks of one series."""
    absent = "SeriesInstanceUID (0020,000E) is absent: the images of the folder are taken for one series"
    remarks = () if members[0].series_instance_uid else (absent,)
    stacks = [
        (" ".join(filter(None, (part, kind))), subset)
        for part, group in _alike(members)
        for kind, subset in _separate_kinds(group)
    ]
    survey = _is_survey([group for _, group in stacks])
    result = []
    for part, group in stacks:
        others = [
            f"{len({h.path for h in other})} file(s) {label}".rstrip()
            for label, other in stacks
            if other is not group
        ]
        series = Series(
            group,
            part=part if len(stacks) > 1 else "",
            remarks=(*remarks, *_of_headers(group), *_mixed_scales(group), *_lost_parts(group)),
            beside=others,
            is_survey=survey,
            reader=reader,
        )
        result.append(series)
    return result


def _of_headers(group: Sequence[Header]) -> list[str]:
    """Return each remark of the headers once, with the names of the files that have it."""
    told: dict[str, dict[str, None]] = {}
    for header in group:
        for remark in header.remarks:
            told.setdefault(remark, {})[header.name] = None
    return [remark.replace(FILES, names(files)) for remark, files in told.items()]


def _mixed_scales(group: Sequence[Header]) -> list[str]:
    """Say that slices without a rescale are among others: their values may be of another scale.

    A scale of its own for each slice is in order for PET and MR, for CT it is not.
    """
    scales = {(h.rescale_slope, h.rescale_intercept) for h in group}
    if len(scales) < 2 or ((1.0, 0.0) not in scales and group[0].modality != "CT"):
        return []
    odd = [h.name for h in group if (h.rescale_slope, h.rescale_intercept) == (1.0, 0.0)]
    which = f"{names(odd)} have none" if odd else f"{len(scales)} different ones"
    return [f"slices differ in RescaleSlope and RescaleIntercept ({which}): their values may not compare"]


def _lost_parts(group: Sequence[Header]) -> list[str]:
    """Say which parts of a multi-frame object that was split over files are not there."""
    parts: dict[str, set[tuple[int, int]]] = {}
    for header in group:
        if header.concatenation:
            parts.setdefault(header.concatenation, set()).add(header.part)
    told = []
    for numbers in parts.values():
        total = max(total or number for number, total in numbers)
        lost = sorted(set(range(1, total + 1)) - {number for number, _ in numbers})
        if lost:
            told.append(
                f"of {total} parts (InConcatenationNumber 0020,9162) these are not there: "
                f"{names(map(str, lost))}"
            )
    return told


def _is_survey(groups: Sequence[Sequence[Header]]) -> bool:
    """Return whether the parts of a series look like a localizer: several orientations, few slices each."""
    planes = {_orientation_name(group[0]) for group in groups if group[0].orientation is not None}
    return len(planes) > 1 and max(map(len, groups)) <= 20


def _alike(members: Sequence[Header]) -> list[tuple[str, list[Header]]]:
    """Split by what makes a common grid impossible; label the parts by what differs."""
    groups: list[list[Header]] = []
    for header in members:
        for group in groups:
            if _same_grid(group[0], header) and not _has_moved(group, header):
                group.append(header)
                break
        else:
            groups.append([header])
    if len(groups) == 1:
        return [("", groups[0])]
    labels = [", ".join(dict.fromkeys(filter(None, words))) for words in _differences([g[0] for g in groups])]
    twice = {label for label in labels if labels.count(label) > 1}
    return [
        (f"{label} part {i}".strip() if label in twice else label, group)
        for i, (label, group) in enumerate(zip(labels, groups), 1)
    ]


def _has_moved(group: Sequence[Header], header: Header) -> bool:
    """Return whether a tile is of a mosaic that lies elsewhere than the first one of the group.

    Scanners that follow the head move the stack between time points. By less than half a voxel it stays one
    volume over time, and the motion is told.
    """
    first = group[0]
    if header.tile is None or first.tile is None or group[-1].path == header.path:
        return False
    if header.tile != first.tile or header.position is None or first.position is None:
        return True
    voxel = min(*(first.pixel_spacing or (np.inf,)), first.slice_thickness or np.inf)
    return bool(np.linalg.norm(np.subtract(header.position, first.position)) >= voxel / 2)


def _differences(firsts: Sequence[Header]) -> list[tuple[str, ...]]:
    """Describe each of several images by what is not the same for all of them."""
    described = [
        (
            f"{h.rows} × {h.columns}",
            "" if h.has_pixels else "without pixel data",
            f"{h.number_of_frames} frames" if h.frame is not None else "",
            f"stack {h.stack_id}" if h.stack_id else "",
            "" if h.orientation is not None else "without orientation",
            _orientation_name(h),
            "" if h.pixel_spacing is None else f"{h.pixel_spacing[0]:.3g} mm pixels",
            "localizer" if is_localizer(h) else "",
            "colour" if h.samples_per_pixel > 1 else "",
        )
        for h in firsts
    ]
    varies = [len(set(column)) > 1 for column in zip(*described)]
    return [tuple(word for word, differs in zip(words, varies) if differs) for words in described]


def _orientation_name(header: Header) -> str:
    """Name the plane of an image."""
    if header.orientation is None:
        return ""
    return plane_of(np.cross(header.orientation[:3], header.orientation[3:]))


def _same_grid(a: Header, b: Header) -> bool:
    """Return whether two images can be slices of one volume."""
    return (
        (a.rows, a.columns, a.samples_per_pixel, a.has_pixels, a.stack_id)
        == (b.rows, b.columns, b.samples_per_pixel, b.has_pixels, b.stack_id)
        and ((a.frame is None) == (b.frame is None))
        and is_color(a) == is_color(b)
        # Films without a place are each on their own.
        and (a.frame is None or a.position is not None or a.film == b.film)
        and is_localizer(a) == is_localizer(b)
        and _close(a.pixel_spacing, b.pixel_spacing, relative=SPACING_TOLERANCE)
        and _close(a.orientation, b.orientation, absolute=ORIENTATION_TOLERANCE)
    )


def _close(
    a: Sequence[float] | None, b: Sequence[float] | None, *, relative: float = 0.0, absolute: float = 0.0
) -> bool:
    if a == b:
        return True
    if a is None or b is None:
        return False
    return all(abs(x - y) <= absolute + relative * abs(y) for x, y in zip(a, b))


def _separate_kinds(group: Sequence[Header]) -> list[tuple[str, list[Header]]]:
    """Split images taken at the same positions by kind: magnitude and phase, kernels."""
    placed = [h for h in group if h.position is not None and h.orientation is not None]
    if len(placed) < len(group):
        return [("", list(group))]
    places = _separate_places(group)
    if len(places) > 1:
        return [
            (" ".join(filter(None, (f"stack {i}", label))), subset)
            for i, place in enumerate(places, 1)
            for label, subset in _separate_kinds(place)
        ]
    if not _crowded(group):
        return _separate_interleaved(group)
    slots = slots_of(group)[2]
    for name, value_of in _SEPARATORS:
        parts: dict[Any, list[Header]] = {}
        for header in group:
            parts.setdefault(value_of(header), []).append(header)
        # It is the kind that puts two images at one place if no two of a kind share one, or if each kind
        # covers all places equally often (and time or another dimension does the rest).
        whole = all(_covers(part, len(slots)) for part in parts.values())
        if len(parts) > 1 and (whole or not any(_crowded(part) for part in parts.values())):
            return [
                (" ".join(filter(None, (f"{name} {value}", label))), subset)
                for value, part in parts.items()
                for label, subset in _separate_kinds(part)
            ]
    return [("", list(group))]


def _separate_places(group: Sequence[Header]) -> list[list[Header]]:
    """Split stacks of one orientation that lie side by side, or whose slices jump sideways."""
    if group[0].frame is not None or group[0].tile is not None:
        return [list(group)]
    orientation, normal, slots = slots_of(group)
    in_plane = np.stack([orientation[:3], orientation[3:]])
    steps = np.diff(np.array([slot[0].position for slot in slots]), axis=0)
    # A stack that is tilted moves sideways with each step, in proportion.
    slope = median(steps @ in_plane.T / (steps @ normal)[:, None]) if len(steps) else np.zeros(2)
    ordered = [header for slot in slots for header in slot]
    pixel = min(ordered[0].pixel_spacing or (0.0,))
    half = pixel / 2 if pixel > 0 else APART_MM
    positions = np.array([header.position for header in ordered])
    along = positions @ normal
    places = positions @ in_plane.T - along[:, None] * slope
    if np.ptp(places, axis=0).max() < half:
        return [list(group)]
    stacks: list[list[Header]] = []
    ends: list[int] = []  # the last image of each stack so far
    for i, header in enumerate(ordered):
        away = np.linalg.norm(places[ends] - places[i], axis=1)
        steps = along[i] - along[ends]
        # Images of one position may differ by less than half a pixel, as where a scanner follows the head;
        # from slice to slice a stack may wander, and its slope is known only roughly.
        room = np.where(steps < SAME_POSITION_MM, half, np.maximum(APART_MM, APART_FRACTION * steps))
        away[away >= room] = np.inf
        nearest = int(np.argmin(away)) if ends else -1
        if ends and np.isfinite(away[nearest]):
            stacks[nearest].append(header)
            ends[nearest] = i
        else:
            stacks.append([header])
            ends.append(i)
    return stacks


def _covers(part: Sequence[Header], count: int) -> bool:
    """Return whether a part has equally many images at each of so many positions, but for a few lost ones."""
    sizes = Counter(len(slot) for slot in slots_of(part)[2])
    return max(sizes.values()) >= MOSTLY * count and sum(sizes.values()) <= count


def _separate_interleaved(group: Sequence[Header]) -> list[tuple[str, list[Header]]]:
    """Split images whose slices lie between each other's and that are no one stack.

    These are time points of shuttle scans or of a head that is followed, phases of contrast, and kernels.
    """
    for name, value_of in _INTERLEAVED:
        if value_of(group[0]) is None:
            continue
        parts: dict[Any, list[Header]] = {}
        for header in group:
            parts.setdefault(value_of(header), []).append(header)
        if len(parts) < 2 or None in parts or min(map(len, parts.values())) < 2:
            continue
        if group[0].tile is not None and name != "TemporalPositionIdentifier":
            continue  # mosaics that moved are told apart already
        if name == "TemporalPositionIdentifier":
            is_apart = len({len(part) for part in parts.values()}) == 1
        elif name == "AcquisitionNumber":
            is_apart = _overlap(parts.values()) and not _weave(group)
        else:
            is_apart = _overlap(parts.values())
        if is_apart:
            return [
                (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}", part)
                for value, part in parts.items()
            ]
    return [("", list(group))]


def _overlap(parts: Iterable[Sequence[Header]]) -> bool:
    """Return whether a part begins before another one ends."""
    normal = None
    ends = []
    for part in parts:
        orientation = np.asarray(part[0].orientation)
        normal = np.cross(orientation[:3], orientation[3:]) if normal is None else normal
        along = [float(np.dot(h.position, normal)) for h in part]  # type: ignore[arg-type]
        ends.append((min(along), max(along)))
    return any(b[0] < a[1] for a, b in pairwise(sorted(ends)))


def _weave(group: Sequence[Header]) -> bool:
    """Return whether all slices together make one stack: steps of one length that slices do not overlap."""
    normal = slots_of(group)[1]
    steps = np.diff(sorted(float(np.dot(h.position, normal)) for h in group))  # type: ignore[arg-type]
    base = float(median(steps))
    thickness = group[0].slice_thickness
    fits = abs(steps / base - np.rint(steps / base)).max() <= WOVEN and steps.min() > base / 2
    return bool(fits and (not thickness or thickness < OVERLAPPING * base))


def _crowded(group: Sequence[Header]) -> bool:
    """Return whether several images lie at one position."""
    unique = {h.identity: h for h in group}
    return any(len(slot) > 1 for slot in slots_of(list(unique.values()))[2])

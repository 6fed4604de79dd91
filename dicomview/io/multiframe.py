"""Multi-frame files: one header for each of their frames."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from dicomview.io.header import Header, floats, number, strings
from dicomview.io.realworld import real_world_of

__all__ = ["FRAME_KEYWORDS", "frame_headers"]

#: Elements beyond the common ones that the frames of a file are told apart by.
FRAME_KEYWORDS = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionIndexSequence",
    "DetectorInformationSequence",
    "GridFrameOffsetVector",
    "SpacingBetweenSlices",
    "SliceThickness",
    "SliceVector",
    "TimeSlotVector",
    "PhaseVector",
    "RRIntervalVector",
    "EnergyWindowVector",
    "DetectorVector",
    "FrameTime",
    "FrameTimeVector",
    "CineRate",
    "RecommendedDisplayFrameRate",
)

#: Dimension pointers that say where a frame is, not which of several at its place.
_PLACE = frozenset(
    Tag(keyword)
    for keyword in ("StackID", "InStackPositionNumber", "ImagePositionPatient", "PlanePositionSequence")
)
_NM_VECTORS = ("TimeSlotVector", "PhaseVector", "RRIntervalVector", "EnergyWindowVector", "DetectorVector")
#: Elements of functional groups that tell frames at one place apart.
_GROUP_KEYS = {
    "ReferencedSegmentNumber": ("SegmentIdentificationSequence", "ReferencedSegmentNumber"),
    "TemporalPositionIndex": ("FrameContentSequence", "TemporalPositionIndex"),
    "DiffusionBValue": ("MRDiffusionSequence", "DiffusionBValue"),
    "TriggerTime": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "TemporalPositionTimeOffset": ("TemporalPositionSequence", "TemporalPositionTimeOffset"),
}


def frame_headers(header: Header, dataset: Dataset) -> list[Header]:
    """Return a header for every frame of a multi-frame file.

    Parameters
    ----------
    header : Header
        Of the file.
    dataset : Dataset
        With functional groups, frame vectors and the like.

    Returns
    -------
    list of Header
        In the order of the frames.

    References
    ----------
    DICOM PS3.3 C.7.6.16 (functional groups), C.8.8.3.2 (Grid Frame Offset Vector), C.7.6.5 (Cine).
    """
    count = header.number_of_frames
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups:
        if len(groups) != count:
            raise ValueError(f"PerFrameFunctionalGroupsSequence holds {len(groups)} items for {count} frames")
        return _enhanced(header, dataset, groups)
    if dataset.get("GridFrameOffsetVector") is not None and header.position and header.orientation:
        return _grid(header, _numbers(dataset, "GridFrameOffsetVector"))
    if header.modality == "NM":
        return _nuclear(header, dataset)
    times, unit = _frame_times(dataset, count)
    key = "FrameTime" if unit else "FrameNumber"
    return [replace(header, frame=i, keys=((key, times[i]),), time_unit=unit) for i in range(count)]


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values of an element, also of a single one."""
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [float(v) for v in value] if isinstance(value, MultiValue | list) else [float(value)]


def _nuclear(header: Header, dataset: Dataset) -> list[Header]:
    """Place the slices of a nuclear medicine image by its SliceVector; projections have no place.

    References
    ----------
    DICOM PS3.3 C.8.4.8 (NM Multi-frame Module).
    """
    count = header.number_of_frames
    vectors = {name: v for name in _NM_VECTORS if len(v := _numbers(dataset, name)) == count}
    keys = [tuple((name, v[i]) for name, v in vectors.items() if len(set(v)) > 1) for i in range(count)]
    slices = _numbers(dataset, "SliceVector")
    placed = header if header.position is not None else _detector(header, dataset)
    step = number(dataset.get("SpacingBetweenSlices"), float)
    is_stack = len(slices) == count or "".join(header.image_type[2:3]).startswith("RECON")
    if not (is_stack and step and placed.position is not None and placed.orientation is not None):
        bare = replace(header, position=None, orientation=None)
        return [replace(bare, frame=i, keys=(*keys[i], ("FrameNumber", float(i)))) for i in range(count)]
    places = [s - 1 for s in slices] if len(slices) == count else [float(i) for i in range(count)]
    return [replace(h, keys=keys[i]) for i, h in enumerate(_stepped(placed, [step * k for k in places]))]


def _enhanced(header: Header, dataset: Dataset, groups: Sequence[Dataset]) -> list[Header]:
    """Read the functional groups: per frame, else shared."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    pointers = [item.get("DimensionIndexPointer") for item in dataset.get("DimensionIndexSequence") or ()]
    free = [i for i, pointer in enumerate(pointers) if pointer not in _PLACE]
    headers = []
    for i, group in enumerate(groups):
        get = _Groups(group, shared[0])
        keys: dict[str, float] = {}
        for name, (sequence, keyword) in _GROUP_KEYS.items():
            value = number(get(sequence, keyword), float)
            if value is not None:
                keys[name] = value
        keys["FrameNumber"] = float(i)
        indices = get("FrameContentSequence", "DimensionIndexValues")
        indices = list(indices) if isinstance(indices, MultiValue | list) else [indices]
        known = len(indices) == len(pointers) and None not in indices
        slope = number(get("PixelValueTransformationSequence", "RescaleSlope"), float)
        intercept = number(get("PixelValueTransformationSequence", "RescaleIntercept"), float)
        kind = strings(get("MRImageFrameTypeSequence", "FrameType")) or strings(
            get("CTImageFrameTypeSequence", "FrameType")
        )
        component = get("MRImageFrameTypeSequence", "ComplexImageComponent")
        headers.append(
            replace(
                header,
                frame=i,
                keys=tuple(keys.items()),
                dimension_index=tuple(int(indices[p]) for p in free) if known else (),
                position=floats(get("PlanePositionSequence", "ImagePositionPatient"), 3),
                orientation=floats(get("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
                pixel_spacing=floats(get("PixelMeasuresSequence", "PixelSpacing"), 2) or header.pixel_spacing,
                rescale_slope=header.rescale_slope if slope is None else slope,
                rescale_intercept=header.rescale_intercept if intercept is None else intercept,
                image_type=(*(kind or header.image_type), *([str(component)] if component else [])),
                stack_id=str(get("FrameContentSequence", "StackID") or ""),
                real_world=real_world_of(header.sop_class_uid, group, shared[0]),
            )
        )
    return headers


class _Groups:
    """Looks elements up in the groups of a frame, then in the shared ones."""

    def __init__(self, own: Mapping[str, Any] | Dataset, shared: Dataset) -> None:
        self._own, self._shared = own, shared

    def __call__(self, sequence: str, keyword: str) -> Any:
        for groups in (self._own, self._shared):
            items = groups.get(sequence)
            if items and items[0].get(keyword) is not None:
                return items[0].get(keyword)
        return None


def _grid(header: Header, offsets: Sequence[float]) -> list[Header]:
    """Place the frames of a dose grid: offsets are relative to the position, or are positions along z."""
    if len(offsets) != header.number_of_frames:
        raise ValueError(
            f"GridFrameOffsetVector (3004,000C) holds {len(offsets)} offsets "
            f"for {header.number_of_frames} frames"
        )
    if offsets[0] == 0:
        return _stepped(header, offsets)
    assert header.position is not None
    x, y, _ = header.position
    return [replace(header, frame=i, position=(x, y, z)) for i, z in enumerate(offsets)]


def _stepped(header: Header, offsets: Sequence[float]) -> list[Header]:
    """Place frames along the normal of the first one."""
    orientation = np.asarray(header.orientation)
    normal = np.cross(orientation[:3], orientation[3:])
    return [
        replace(header, frame=i, position=tuple((np.asarray(header.position) + normal * offset).tolist()))
        for i, offset in enumerate(offsets)
    ]


def _detector(header: Header, dataset: Dataset) -> Header:
    """Take position and orientation of the first detector of a nuclear medicine image."""
    detectors = dataset.get("DetectorInformationSequence")
    if not detectors:
        return header
    return replace(
        header,
        position=floats(detectors[0].get("ImagePositionPatient"), 3),
        orientation=floats(detectors[0].get("ImageOrientationPatient"), 6),
    )


def _frame_times(dataset: Dataset, count: int) -> tuple[list[float], str]:
    """Return the time of every frame and its unit; mere numbers where the file does not say."""
    vector = dataset.get("FrameTimeVector")
    if vector is not None and not isinstance(vector, str) and len(vector) == count:
        return np.cumsum([float(step) for step in vector]).tolist(), "ms"
    step = number(dataset.get("FrameTime"), float)
    if not step:
        rate = number(dataset.get("CineRate"), float) or number(
            dataset.get("RecommendedDisplayFrameRate"), float
        )
        step = 1000.0 / rate if rate else None
    if step:
        return [step * i for i in range(count)], "ms"
    return [float(i) for i in range(count)], ""

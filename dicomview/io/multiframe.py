"""Multi-frame files: one header for each frame of films, dose grids and nuclear medicine."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pydicom.uid
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicomview.errors import DecodeError
from dicomview.io.doubts import FILES, named
from dicomview.io.failures import COPY
from dicomview.io.functional import FUNCTIONAL_KEYWORDS, enhanced_headers
from dicomview.io.groups import FrameGroups
from dicomview.io.header import Header, directions, floats, number

__all__ = ["FRAME_KEYWORDS", "frame_headers"]

#: What the frames of a nuclear medicine image are counted by.
_NM_VECTORS = (
    "EnergyWindowVector",
    "DetectorVector",
    "RRIntervalVector",
    "TimeSlotVector",
    "PhaseVector",
    "TimeSliceVector",
    "RotationVector",
    "AngularViewVector",
)
#: Images whose functional groups must say where the frames are.
_PLACED = frozenset(
    (
        pydicom.uid.EnhancedCTImageStorage,
        pydicom.uid.EnhancedMRImageStorage,
        pydicom.uid.EnhancedMRColorImageStorage,
        pydicom.uid.EnhancedPETImageStorage,
        pydicom.uid.LegacyConvertedEnhancedCTImageStorage,
        pydicom.uid.LegacyConvertedEnhancedMRImageStorage,
        pydicom.uid.LegacyConvertedEnhancedPETImageStorage,
        pydicom.uid.XRay3DAngiographicImageStorage,
        pydicom.uid.XRay3DCraniofacialImageStorage,
        pydicom.uid.BreastTomosynthesisImageStorage,
    )
)
#: Which group an attribute of a frame comes from.
_GROUP_OF = {
    "position": "PlanePositionSequence",
    "orientation": "PlaneOrientationSequence",
    "pixel_spacing": "PixelMeasuresSequence",
}
#: Elements beyond the common ones that the frames of a file are told apart by.
FRAME_KEYWORDS = (
    *FUNCTIONAL_KEYWORDS,
    "ConcatenationUID",
    "ConcatenationFrameOffsetNumber",
    "InConcatenationNumber",
    "InConcatenationTotalNumber",
    "DetectorInformationSequence",
    "GridFrameOffsetVector",
    "SpacingBetweenSlices",
    "SliceThickness",
    "SliceVector",
    *_NM_VECTORS,
    "FrameTime",
    "FrameTimeVector",
    "CineRate",
    "RecommendedDisplayFrameRate",
)


def frame_headers(header: Header, dataset: Dataset, scanned: FrameGroups | None = None) -> list[Header]:
    """Return a header for every frame of a multi-frame file.

    Parameters
    ----------
    header : Header
        Of the file.
    dataset : Dataset
        With functional groups, frame vectors and the like.
    scanned : FrameGroups, optional
        The functional groups of the frames, where the dataset is without them.

    Returns
    -------
    list of Header
        In the order of the frames.

    References
    ----------
    DICOM PS3.3 C.7.6.16 (functional groups), C.8.8.3.2 (Grid Frame Offset Vector), C.7.6.5 (Cine).
    """
    headers = _frame_headers(_part(header, dataset), dataset, scanned)
    lost = _lost_groups(headers, dataset, scanned) if header.sop_class_uid in _PLACED else []
    return [h.like(remarks=(*h.remarks, *lost)) for h in headers] if lost else headers


def _lost_groups(headers: Sequence[Header], dataset: Dataset, scanned: FrameGroups | None) -> list[str]:
    """Say which functional groups are not there, where that leaves the place of frames open."""
    whole = [
        keyword
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
        if not dataset.get(keyword) and not (scanned and keyword.startswith("Per"))
    ]
    told = [f"{named(keyword)} is absent or empty in {FILES}" for keyword in whole]
    lost = []
    for attribute, keyword in _GROUP_OF.items():
        count = sum(getattr(h, attribute) is None for h in headers)
        if count:
            lost.append(
                f"{named(keyword)} is absent or unusable in {count} of {len(headers)} frames of {FILES}: "
                "where they are is not known"
            )
    return [*told, *lost] if lost or len(whole) == 2 else []


def _frame_headers(header: Header, dataset: Dataset, scanned: FrameGroups | None) -> list[Header]:
    """Return the headers by what kind of multi-frame file it is."""
    count = header.number_of_frames
    times, unit = _frame_times(dataset, count, header.first_frame)
    groups = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
    if scanned or any(dataset.get(k) for k in groups):
        frames = enhanced_headers(header, dataset, scanned)
        return frames if any(h.position for h in frames) else _timed(frames, times, unit)
    if dataset.get("GridFrameOffsetVector") is not None and header.position and header.orientation:
        return _grid(header, _numbers(dataset, "GridFrameOffsetVector"))
    if header.modality == "NM":
        return _nuclear(header, dataset)
    return _timed([replace(header, frame=i, keys=_counted(header, i)) for i in range(count)], times, unit)


def _counted(header: Header, i: int) -> tuple[tuple[str, float], ...]:
    """Return the number of a frame as its key."""
    return (("FrameNumber", header.first_frame + i),)


def _part(header: Header, dataset: Dataset) -> Header:
    """Say which part of a concatenation a file is, if it is one.

    References
    ----------
    DICOM PS3.3 C.7.6.16.2.2.4 (Concatenations).
    """
    uid = str(dataset.get("ConcatenationUID") or "")
    if not uid:
        # Frames of several files follow each other by the number of the file.
        return replace(header, first_frame=1e6 * (header.instance_number or 0))
    return replace(
        header,
        concatenation=uid,
        first_frame=number(dataset.get("ConcatenationFrameOffsetNumber"), float) or 0.0,
        part=(
            number(dataset.get("InConcatenationNumber"), int) or 0,
            number(dataset.get("InConcatenationTotalNumber"), int) or 0,
        ),
    )


def _timed(frames: Sequence[Header], times: Sequence[float], unit: str) -> list[Header]:
    """Give frames without a place the times of a film: of the file, or else of each frame."""
    moments = [h.key_values.get("AcquisitionTime") for h in frames]
    if not unit and None not in moments and len(set(moments)) == len(frames):
        first = min(m for m in moments if m is not None)
        times, unit = [round(1000 * ((m or 0.0) - first), 3) for m in moments], "ms"
    if not unit:
        return list(frames)
    return [replace(h, keys=(*h.keys, ("FrameTime", time))) for h, time in zip(frames, times)]


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values of an element, also of a single one; none unless all are finite numbers."""
    try:
        value = dataset.get(keyword)
    except Exception:
        return []
    values = list(value) if isinstance(value, MultiValue | list) else [value]
    numbers = [number(v, float) for v in values]
    return [] if None in numbers else numbers


def _nuclear(header: Header, dataset: Dataset) -> list[Header]:
    """Place the slices of a nuclear medicine image by its SliceVector; projections have no place.

    Slices of a detector that does not say where it is are placed relative to each other.

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
    if not (len(slices) == count or "".join(header.image_type[2:3]).startswith("RECON")):
        bare = replace(header, position=None, orientation=None)
        return [replace(bare, frame=i, keys=(*keys[i], *_counted(header, i))) for i in range(count)]
    if not step:
        remark = (
            "SpacingBetweenSlices (0018,0088) is absent: the frames are slices whose places are not known"
        )
        bare = replace(header, position=None, orientation=None, remarks=(*header.remarks, remark))
        return [replace(bare, frame=i, keys=(*keys[i], *_counted(header, i))) for i in range(count)]
    if placed.position is None or placed.orientation is None:  # both may be empty: distances remain
        placed = replace(
            header, position=(0.0, 0.0, 0.0), orientation=(1.0, 0, 0, 0, 1.0, 0), in_patient=False
        )
    places = [s - 1 for s in slices] if len(slices) == count else [float(i) for i in range(count)]
    return [replace(h, keys=keys[i]) for i, h in enumerate(_stepped(placed, [step * k for k in places]))]


def _grid(header: Header, offsets: Sequence[float]) -> list[Header]:
    """Place the frames of a dose grid: offsets are relative to the position, or are positions along z."""
    if len(offsets) != header.number_of_frames:
        raise DecodeError(
            f"GridFrameOffsetVector holds {len(offsets)} offsets for {header.number_of_frames} frames",
            path=header.path,
            tag="GridFrameOffsetVector",
            remedy=COPY,
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
        orientation=directions(detectors[0].get("ImageOrientationPatient")),
    )


def _frame_times(dataset: Dataset, count: int, first: float) -> tuple[list[float], str]:
    """Return the time of every frame and its unit; mere numbers where the file does not say."""
    start = first if dataset.get("ConcatenationUID") else 0.0
    vector = _numbers(dataset, "FrameTimeVector")
    if len(vector) == count - 1:  # the step to the first frame, which is 0, was left out
        vector = [0.0, *vector]
    if len(vector) == count and any(vector):
        return np.cumsum(vector).tolist(), "ms"
    step = number(dataset.get("FrameTime"), float)
    if not step:
        rate = number(dataset.get("CineRate"), float) or number(
            dataset.get("RecommendedDisplayFrameRate"), float
        )
        step = 1000.0 / rate if rate else None
    if step:
        return [step * (start + i) for i in range(count)], "ms"
    return [start + i for i in range(count)], ""

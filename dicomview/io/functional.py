"""Functional groups: a header for every frame of an enhanced multi-frame file."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from dicomview.errors import DecodeError
from dicomview.io.alike import FrameLikenesses
from dicomview.io.doubts import misunderstood, zero_slope
from dicomview.io.failures import COPY
from dicomview.io.groups import FrameGroups
from dicomview.io.header import Header, directions, exact, floats, number, strings
from dicomview.io.items import first_item
from dicomview.io.keys import moment, sorting_keys
from dicomview.io.realworld import PARAMETRIC_MAP, real_world_of

__all__ = ["FUNCTIONAL_KEYWORDS", "enhanced_headers"]

#: Elements of a file that its functional groups are read with.
FUNCTIONAL_KEYWORDS = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionIndexSequence",
)
#: Dimension pointers that say where a frame is, not which of several at its place.
_PLACE = frozenset(
    Tag(keyword)
    for keyword in (
        "StackID", "InStackPositionNumber", "ImagePositionPatient", "PlanePositionSequence",
        "ImageOrientationPatient", "PlaneOrientationSequence", "ImagePositionVolume",
        "PlanePositionVolumeSequence", "ImageOrientationVolume", "PlaneOrientationVolumeSequence",
    )
)  # fmt: skip
#: Elements of functional groups that tell frames at one place apart; keys are called as in classic files.
_KEYS = (
    ("ReferencedSegmentNumber", "SegmentIdentificationSequence", "ReferencedSegmentNumber"),
    ("TemporalPositionIndex", "FrameContentSequence", "TemporalPositionIndex"),
    ("AcquisitionNumber", "FrameContentSequence", "FrameAcquisitionNumber"),
    ("TemporalPositionTimeOffset", "TemporalPositionSequence", "TemporalPositionTimeOffset"),
    ("DiffusionBValue", "MRDiffusionSequence", "DiffusionBValue"),
    ("TriggerTime", "CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    ("NominalPercentageOfCardiacPhase", "CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
    ("NominalPercentageOfRespiratoryPhase", "RespiratorySynchronizationSequence",
     "NominalPercentageOfRespiratoryPhase"),
    ("EchoTime", "MREchoSequence", "EffectiveEchoTime"),
    ("InversionTime", "MRModifierSequence", "InversionTimes"),
    ("FlipAngle", "MRTimingAndRelatedParametersSequence", "FlipAngle"),
)  # fmt: skip
#: Those of them that nothing else depends on.
_NUMBERS = {(sequence, keyword): name for name, sequence, keyword in _KEYS if name != "DiffusionBValue"}
#: Where each kind of image keeps FrameType.
_FRAME_TYPES = (
    "MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence",
    "XRay3DFrameTypeSequence", "USImageDescriptionSequence",
)  # fmt: skip
_ASL_CONTEXTS = {"CONTROL": 0.0, "LABEL": 1.0, "M_ZERO_SCAN": 2.0}


def enhanced_headers(header: Header, dataset: Dataset, scanned: FrameGroups | None = None) -> list[Header]:
    """Return a header for every frame: what its own functional groups say, else the shared ones.

    Parameters
    ----------
    header : Header
        Of the file.
    dataset : Dataset
        With functional groups.
    scanned : FrameGroups, optional
        The groups of the frames, where the dataset is without them.

    Returns
    -------
    list of Header
        In the order of the frames.

    Raises
    ------
    DecodeError
        If there are fewer groups than frames.

    References
    ----------
    DICOM PS3.3 C.7.6.16 (functional groups), C.7.6.17 (dimensions), A.70 (legacy converted).
    """
    count = header.number_of_frames
    frames = scanned or dataset.get("PerFrameFunctionalGroupsSequence") or [Dataset()] * count
    if len(frames) != count:
        problem = f"PerFrameFunctionalGroupsSequence (5200,9230) holds {len(frames)} items for {count} frames"
        if len(frames) < count:
            raise DecodeError(problem, path=header.path, tag="PerFrameFunctionalGroupsSequence", remedy=COPY)
        header = replace(header, remarks=(*header.remarks, f"{problem}: the first {count} are taken"))
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    pointers = [item.get("DimensionIndexPointer") for item in dataset.get("DimensionIndexSequence") or ()]
    common = _Groups(shared, None)
    converted = _legacy_keys(common)
    alike: FrameLikenesses | None = None
    if scanned and header.sop_class_uid != PARAMETRIC_MAP:  # its mapping is read from datasets
        counted = [(int(p), _index_name(p)) if p and _is_counted(p) else None for p in pointers]
        alike = FrameLikenesses(scanned, counted, _NUMBERS)
    headers = []
    for i in range(count):
        found = alike.header(i) if alike else None
        if found is None:
            frame = frames[i]
            get = _Groups(frame, common)
            found = _frame_header(header, i, get, converted, pointers).like(
                real_world=real_world_of(header.sop_class_uid, frame, shared)
            )
            if alike:
                alike.learn(i, found, get.asked)
        headers.append(found)
    return _without_mere_stacks(headers)


def _frame_header(
    header: Header, i: int, get: "_Groups", converted: dict[str, float], pointers: Sequence[int]
) -> Header:
    """Return the header of one frame."""
    indices = _indices(get, pointers)
    keys = {
        **header.key_values,
        **converted,
        **_legacy_keys(get),
        **_keys(get),
        **{name: float(n) for pointer, n in indices.items() if (name := _index_name(pointer))},
        "FrameNumber": header.first_frame + i,
    }
    slope = _number(get, "RescaleSlope", header.rescale_slope)
    kernel = get("CTReconstructionSequence", "ConvolutionKernel") or header.convolution_kernel
    placed = _placed(header, get)
    remarks = [*header.remarks, *_misunderstood(placed, get), *([] if slope else [zero_slope()])]
    return placed.like(
        frame=i,
        keys=tuple(keys.items()),
        dimension_index=tuple(indices.values()),
        rescale_slope=slope or 1.0,
        rescale_intercept=_number(get, "RescaleIntercept", header.rescale_intercept),
        image_type=_kind(header, get),
        convolution_kernel=str(kernel),
        stack_id=str(get("FrameContentSequence", "StackID") or ""),
        remarks=tuple(remarks),
    )


def _misunderstood(header: Header, get: "_Groups") -> list[str]:
    """Return the remarks about elements that should say where a frame is, and do not."""
    return [
        misunderstood(keyword)
        for group, keyword, found in (
            ("PlanePositionSequence", "ImagePositionPatient", header.position),
            ("PlaneOrientationSequence", "ImageOrientationPatient", header.orientation),
            ("PixelMeasuresSequence", "PixelSpacing", header.pixel_spacing),
        )
        if found is None and get.is_filled(group, keyword)
    ]


def _without_mere_stacks(headers: list[Header]) -> list[Header]:
    """Leave StackID out where every slice is called a stack of its own: it then tells nothing apart."""
    places: dict[str, set[tuple[float, ...] | None]] = {}
    for header in headers:
        places.setdefault(header.stack_id, set()).add(header.position)
    if len(places) > 1 and all(len(positions) == 1 for positions in places.values()):
        return [replace(header, stack_id="") for header in headers]
    return headers


class _Groups:
    """Looks elements up in the groups of a frame, then in the shared ones."""

    def __init__(self, own: Dataset, shared: "_Groups | None") -> None:
        self._own, self._shared = own, shared
        self._tags = {int(tag) for tag in own.keys()}  # noqa: SIM118 - iterating a Dataset gives elements
        self._items: dict[str, list[Dataset]] = {}
        self._values: dict[tuple[str, str], Any] = {}
        self._whole: set[str] = set()
        #: Groups that many frames have alike, by their bytes.
        self._alike: dict[tuple[int, bytes], list[Dataset]] = shared._alike if shared else {}

    def __call__(self, sequence: str, keyword: str) -> Any:
        # The shared groups are the same for thousands of frames: what they say is kept.
        if (sequence, keyword) not in self._values:
            items = self._first(sequence)
            value = _safely(items[0], keyword) if items else None
            if value is None and self._shared:
                value = self._shared(sequence, keyword)
            self._values[sequence, keyword] = value
        return self._values[sequence, keyword]

    def is_filled(self, sequence: str, keyword: str) -> bool:
        """Return whether an element is there with a value, also one that cannot be understood."""
        tag = _tag_of(keyword)
        items = [item for item in self._first(sequence) if tag in item]
        if items:
            return bool(items[0].get_item(tag).value)
        return self._shared is not None and self._shared.is_filled(sequence, keyword)

    @property
    def asked(self) -> set[tuple[int, int]]:
        """Tags of the groups and elements that were looked up; 0 for all elements of a group."""
        single = {(int(_tag_of(group)), int(_tag_of(element))) for group, element in self._values}
        return single | {(int(_tag_of(group)), 0) for group in self._whole}

    def items(self, sequence: str) -> list[Dataset]:
        """Return the first item of the frame's own group."""
        self._whole.add(sequence)
        return self._first(sequence)

    def _first(self, sequence: str) -> list[Dataset]:
        if sequence not in self._items:
            tag = int(_tag_of(sequence))
            self._items[sequence] = self._read(tag) if tag in self._tags else []
        return self._items[sequence]

    def _read(self, tag: int) -> list[Dataset]:
        raw = self._own.get_item(tag)
        key = (tag, raw.value) if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes) else None
        if key is not None and key in self._alike:
            return self._alike[key]
        try:
            item = first_item(self._own, tag)
        except Exception:  # a group that cannot be read counts as absent
            item = None
        items = [] if item is None else [item]
        if key is not None:
            self._alike[key] = items
        return items


_tag_of = lru_cache(maxsize=None)(Tag)


def _safely(dataset: Dataset, keyword: str) -> Any:
    """Return a value; None where it is absent or breaks the rules of its type."""
    tag = _tag_of(keyword)
    try:
        return dataset[tag].value if tag in dataset else None
    except Exception:
        return None


def _number(get: _Groups, keyword: str, default: float) -> float:
    """Return a number of the pixel value transformation, which must not be guessed."""
    value = get("PixelValueTransformationSequence", keyword)
    try:
        if value is None and get.is_filled("PixelValueTransformationSequence", keyword):
            raise ValueError("of another type")
        found = exact(value, float)
    except (ValueError, TypeError):
        raise DecodeError(f"{keyword} of a frame is no number", tag=keyword, remedy=COPY) from None
    if found is None:
        return default
    if not math.isfinite(found):
        raise DecodeError(f"{keyword} of a frame must be finite, not {found}", tag=keyword, remedy=COPY)
    return float(found)


def _indices(get: _Groups, pointers: Sequence[int]) -> dict[int, int]:
    """Return the dimension indices by pointer, without those that say where the frame is."""
    values = get("FrameContentSequence", "DimensionIndexValues")
    values = list(values) if isinstance(values, MultiValue | list) else [values]
    if len(values) != len(pointers) or None in values:
        return {}
    return {pointer: int(v) for pointer, v in zip(pointers, values) if _is_counted(pointer)}


def _is_counted(pointer: int | None) -> bool:
    """Return whether a dimension tells several frames at one place apart."""
    return bool(pointer) and pointer not in _PLACE


def _index_name(pointer: int) -> str:
    """Return what the key of a dimension is called; empty where its pointer has no keyword."""
    keyword = keyword_for_tag(pointer)
    return f"Index of {keyword}" if keyword else ""


def _keys(get: _Groups) -> dict[str, float]:
    """Return what tells a frame from others at its place."""
    keys = {name: number(get(sequence, keyword), float) for name, sequence, keyword in _KEYS}
    content = "FrameContentSequence"
    time = moment(get(content, "FrameAcquisitionDateTime"))
    keys["AcquisitionTime"] = moment(get(content, "FrameReferenceDateTime")) if time is None else time
    keys["ASLContext"] = _ASL_CONTEXTS.get(str(get("MRArterialSpinLabelingSequence", "ASLContext")))
    if keys["DiffusionBValue"] and get("MRDiffusionSequence", "DiffusionDirectionality") == "ISOTROPIC":
        keys["Isotropic"] = 1.0
    gradients = get("MRDiffusionSequence", "DiffusionGradientDirectionSequence")
    gradient = floats(_safely(gradients[0], "DiffusionGradientOrientation"), 3) if gradients else None
    velocity = floats(get("MRVelocityEncodingSequence", "VelocityEncodingDirection"), 3)
    for name, direction in (("Gradient", gradient), ("Velocity", velocity)):
        keys |= {f"{name}{axis}": round(d, 4) for axis, d in zip("XYZ", direction or ())}
    return {name: value for name, value in keys.items() if value is not None}


def _legacy_keys(get: _Groups) -> dict[str, float]:
    """Return the keys of a converted classic image, whose elements have no group of their own."""
    keys: dict[str, float] = {}
    for sequence in (
        "UnassignedSharedConvertedAttributesSequence",
        "UnassignedPerFrameConvertedAttributesSequence",
    ):
        for item in get.items(sequence):
            keys |= sorting_keys(item, partial(_safely, item))
    return keys


def _kind(header: Header, get: _Groups) -> tuple[str, ...]:
    """Return FrameType, and which part of a complex image it is."""
    types = (strings(get(sequence, "FrameType")) for sequence in _FRAME_TYPES)
    kind = next(filter(None, types), header.image_type)
    component = get("MRImageFrameTypeSequence", "ComplexImageComponent")
    return (*kind, str(component)) if component else kind


def _placed(header: Header, get: _Groups) -> Header:
    """Place a frame in the patient, or else in the volume that it is part of."""
    position = floats(get("PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = directions(get("PlaneOrientationSequence", "ImageOrientationPatient")) or header.orientation
    in_patient = True
    if position is None:
        position = floats(get("PlanePositionVolumeSequence", "ImagePositionVolume"), 3)
        if position is not None:
            in_patient = False
            orientation = directions(get("PlaneOrientationVolumeSequence", "ImageOrientationVolume"))
        elif header.number_of_frames == 1:
            position = header.position
    measures = "PixelMeasuresSequence"
    return header.like(
        position=position,
        orientation=orientation,
        pixel_spacing=floats(get(measures, "PixelSpacing"), 2) or header.pixel_spacing,
        slice_thickness=number(get(measures, "SliceThickness"), float) or header.slice_thickness,
        in_patient=in_patient,
    )

"""Reading segmentation objects (SEG): segments and their frames."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from dicomview.errors import DecodeError, SegmentError, SeriesError, file_name
from dicomview.geometry import Geometry
from dicomview.io.assemble import names, slots_of
from dicomview.io.decode import PixelFile
from dicomview.io.doubts import FILES
from dicomview.io.failures import COPY, reading
from dicomview.io.header import Header, number
from dicomview.io.headers import meta_from_dataset
from dicomview.io.inflate import opened
from dicomview.io.lab import lab_to_rgb
from dicomview.io.structures import text_of
from dicomview.volume import Report, Segment, Segmentation
from dicomview.volume.masks import MaskPlane
from dicomview.volume.memory import check_budget
from dicomview.volume.meta import safe_text
from dicomview.volume.segmentation import Kind

__all__ = ["SEGMENTATION", "read_segments"]

SEGMENTATION = frozenset(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"))
_UNDECIDED = "and nothing says which of them is the mask"
_AS_STORED = "read the frames as they are stored with volread"
_KINDS: dict[str, Kind] = {"BINARY": "binary", "FRACTIONAL": "fractional", "LABELMAP": "labelmap"}
#: Frames lie on a regular grid when none leaves it by more than this part of a step.
REGULAR = 0.05
#: No grid of frames is filled up to more slices than this.
MOST_SLICES = 4096


def read_segments(headers: Sequence[Header]) -> Segmentation:
    """Read a segmentation object.

    Parameters
    ----------
    headers : sequence of Header
        Of all frames of the file.

    Raises
    ------
    DecodeError, SeriesError, GeometryError
        As for :func:`dicomview.segread`.

    References
    ----------
    DICOM PS3.3 C.8.20.2 (Segmentation Image Module), C.8.20.4 (Segment Description Macro).
    """
    file = headers[0].path
    with reading(file, "the segments cannot be read"):
        with opened(file) as stream:
            dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
        return _segmentation(headers, dataset)


def _segmentation(headers: Sequence[Header], dataset: Dataset) -> Segmentation:
    file, meta = headers[0].path, meta_from_dataset(dataset)
    segments = [_segment(item) for item in dataset.get("SegmentSequence") or ()]
    kind = _KINDS.get(str(dataset.get("SegmentationType", "")))
    if kind is None:
        raise DecodeError(
            "SegmentationType must be BINARY, FRACTIONAL or LABELMAP, "
            f"not {safe_text(text_of(dataset, 'SegmentationType'))}",
            path=file,
            tag="SegmentationType",
            remedy="mend the element, or read the frames with volread",
        )
    if any(h.position is None or h.orientation is None or h.pixel_spacing is None for h in headers):
        raise SeriesError(
            f"masks cannot be placed in space: {_placeless(dataset)}",
            path=file,
            tag="PlanePositionSequence",
            remedy=_AS_STORED,
        )
    numbers = [s.number for s in segments]
    if len(set(numbers)) < len(numbers):
        raise DecodeError(
            f"two segments carry the same SegmentNumber, {numbers}",
            path=file,
            tag="SegmentNumber",
            remedy="mend the file, or read its frames with volread",
        )
    step, thickness = _declared(dataset)
    geometry, slice_of = _grid(headers, step)
    told = dict.fromkeys(remark for h in headers for remark in h.remarks)
    warnings = [remark.replace(FILES, file_name(file)) for remark in told]
    parts = number(dataset.get("InConcatenationTotalNumber"), int) or 1
    if parts > 1:
        warnings.append(
            f"{file_name(file)} is one of {parts} parts of a concatenation: "
            "the frames of the others are absent"
        )
    if not geometry.is_uniform:
        warnings.append(
            "the frames are unevenly spaced: between them a mask is taken from the nearest, unless it is put "
            "on the series from which it was made"
        )
    pixels = PixelFile(file, expected=[h.frame or 0 for h in headers] if kind == "labelmap" else ())
    if kind == "labelmap":
        planes, present = _label_planes(pixels, headers, slice_of)
        background = {0, number(dataset.get("PixelPaddingValue"), int)}
        strays = sorted(present - set(numbers) - background)
    else:
        planes, present = _segment_planes(pixels, headers, slice_of, segments, kind, dataset)
        strays = sorted(present - set(numbers))
    warnings += _lost_and_doubled(numbers, present, kind, headers, slice_of)
    if strays:
        warnings.append(f"segments {names(map(str, strays))} have frames, but no item in SegmentSequence")
        segments += [Segment(n, "") for n in strays]
    series = [text_of(item, "SeriesInstanceUID") for item in dataset.get("ReferencedSeriesSequence") or ()]
    return Segmentation(
        segments,
        kind=kind,
        geometry=geometry,
        planes=planes,
        frame_of_reference_uid=text_of(dataset, "FrameOfReferenceUID"),
        referenced_series_uids=[uid for uid in series if uid],
        referenced_image_uids=[] if any(series) else _source_images(dataset),
        fractional_type=text_of(dataset, "SegmentationFractionalType"),
        thickness=thickness or step,
        meta=meta,
        report=Report(tuple(warnings)),
    )


def _lost_and_doubled(
    numbers: Sequence[int], present: set[int], kind: Kind, headers: Sequence[Header], slice_of: Sequence[int]
) -> list[str]:
    """Say which segments have no frames, which frames name no segment, and which share their place."""
    told = []
    lost = [n for n in numbers if n not in present and not (kind == "labelmap" and n == 0)]
    if lost:
        told.append(f"segments {names(map(str, lost))} have no frames: their masks are empty")
    named = [h.key_values.get("ReferencedSegmentNumber") for h in headers]
    if kind != "labelmap" and None in named:
        told.append(
            f"{named.count(None)} frames name no segment (ReferencedSegmentNumber (0062,000B) is absent): "
            "they are taken for the only one"
        )
    places: dict[tuple[float | None, int], list[int]] = {}
    for header, number_of, k in zip(headers, named, slice_of):
        key = (None if kind == "labelmap" else number_of, k)
        places.setdefault(key, []).append((header.frame or 0) + 1)
    doubled = [frames for frames in places.values() if len(frames) > 1]
    if doubled:
        listed = names(" and ".join(map(str, frames)) for frames in doubled)
        told.append(f"frames {listed} are of one segment at one position: where they differ there is no mask")
    return told


def _placeless(dataset: Dataset) -> str:
    """Say why masks have no place in the patient."""
    tiled = "TILED" in str(dataset.get("DimensionOrganizationType", "")) or "TotalPixelMatrixRows" in dataset
    if tiled:
        return "the frames are tiles of a slide (TotalPixelMatrixRows), not slices in a patient"
    return (
        "the frames have no PlanePositionSequence, PlaneOrientationSequence and PixelMeasuresSequence, "
        "the images that were segmented have no place in the patient"
    )


def _segment(item: Dataset) -> Segment:
    """Read an item of SegmentSequence."""

    def meaning(keyword: str) -> str | None:
        codes = item.get(keyword)
        return text_of(codes[0], "CodeMeaning") if codes else None

    lab = item.get("RecommendedDisplayCIELabValue")
    return Segment(
        number=int(item.SegmentNumber),
        label=text_of(item, "SegmentLabel") or "",
        description=text_of(item, "SegmentDescription"),
        algorithm_type=text_of(item, "SegmentAlgorithmType"),
        category=meaning("SegmentedPropertyCategoryCodeSequence"),
        property_type=meaning("SegmentedPropertyTypeCodeSequence"),
        color=lab_to_rgb(lab) if lab is not None and len(lab) == 3 else None,
        tracking_id=text_of(item, "TrackingID"),
        tracking_uid=text_of(item, "TrackingUID"),
    )


def _declared(dataset: Dataset) -> tuple[float | None, float | None]:
    """Return SpacingBetweenSlices and SliceThickness of the frames."""
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in (dataset.get(keyword) or ())[:1]:
            for measures in (group.get("PixelMeasuresSequence") or ())[:1]:
                values = [number(measures.get(k), float) for k in ("SpacingBetweenSlices", "SliceThickness")]
                step, thickness = (abs(v) if v else None for v in values)
                return step, thickness
    return None, None


def _source_images(dataset: Dataset) -> list[str]:
    """Return SOPInstanceUID of the images from which the frames were made."""
    uids = [
        text_of(source, "ReferencedSOPInstanceUID")
        for group in dataset.get("PerFrameFunctionalGroupsSequence") or ()
        for derivation in group.get("DerivationImageSequence") or ()
        for source in derivation.get("SourceImageSequence") or ()
    ]
    return [uid for uid in dict.fromkeys(uids) if uid]


def _grid(headers: Sequence[Header], declared: float | None) -> tuple[Geometry, list[int]]:
    """Return the grid of all frames, and the slice of each frame.

    Frames that are empty need not be stored: where the steps between frames are multiples of the declared
    spacing, or of the smallest step, the grid has slices for them too.
    """
    first = headers[0]
    assert first.orientation is not None and first.pixel_spacing is not None
    if np.ptp([h.orientation for h in headers], axis=0).max() > 1e-3:  # type: ignore[arg-type]
        raise SeriesError(
            "the frames must have one orientation, they have several",
            path=first.path,
            tag="ImageOrientationPatient",
            remedy=_AS_STORED,
        )
    orientation, normal, slots = slots_of(headers)
    positions = np.array([slot[0].position for slot in slots])
    places = _regular(positions @ normal, declared)
    if places is not None:
        every = np.arange(places[-1] + 1)
        positions = np.column_stack([np.interp(every, places, positions[:, axis]) for axis in range(3)])
    else:
        places = np.arange(len(slots))
    geometry = Geometry.from_attributes(
        (len(positions), first.rows, first.columns),
        orientation=orientation,
        pixel_spacing=first.pixel_spacing,
        positions=positions,
    )
    slice_of = {id(h): int(k) for k, slot in zip(places, slots) for h in slot}
    return geometry, [slice_of[id(h)] for h in headers]


def _regular(along: np.ndarray, declared: float | None) -> np.ndarray | None:
    """Return the place of each distance on a regular grid, or None."""
    steps = np.diff(along)
    if not len(steps):
        return np.zeros(1, dtype=int)
    for step in (declared, float(steps.min())):
        if not step or step > (1 + REGULAR) * steps.min():
            continue
        places = np.concatenate([[0], np.rint(steps / step).cumsum()]).astype(int)
        offsets = along - along[0]
        fitted = offsets @ places / (places @ places)
        if places[-1] < MOST_SLICES and abs(offsets - fitted * places).max() <= REGULAR * fitted:
            return places
    return None


def _label_planes(
    pixels: PixelFile, headers: Sequence[Header], slice_of: Sequence[int]
) -> tuple[Any, set[int]]:
    """Return what gives the masks of a label map, and the labels in it."""
    first = headers[0]
    shape, itemsize = (len(headers), first.rows, first.columns), -(-first.bits_allocated // 8)
    check_budget(
        shape, itemsize, "the label map", "split the file into parts of fewer frames", path=first.path
    )
    stored: dict[int, np.ndarray] = {}
    for header, k in zip(headers, slice_of):
        frame = _stored(pixels, header)
        if k in stored and not np.array_equal(stored[k], frame):
            raise SeriesError(
                f"several frames lie at one position, and they differ, {_UNDECIDED}",
                path=header.path,
                tag="ImagePositionPatient",
                remedy=_AS_STORED,
            )
        stored[k] = frame
    present = {int(v) for frame in stored.values() for v in np.unique(frame)}

    def planes(segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
        for k, frame in stored.items():
            mask = frame == segment.number
            if mask.any():
                yield k, mask

    return planes, present


def _segment_planes(
    pixels: PixelFile,
    headers: Sequence[Header],
    slice_of: Sequence[int],
    segments: Sequence[Segment],
    kind: Kind,
    dataset: Dataset,
) -> tuple[Any, set[int]]:
    """Return what gives the masks of frames that hold one segment each, and the segments that have frames."""
    highest = number(dataset.get("MaximumFractionalValue"), float)
    if kind == "fractional" and not highest:
        raise DecodeError(
            "MaximumFractionalValue must be a positive number",
            path=headers[0].path,
            tag="MaximumFractionalValue",
            remedy="mend the element, or read the frames with volread",
        )
    frames: dict[int, list[tuple[int, Header]]] = {}
    for header, k in zip(headers, slice_of):
        value = dict(header.keys).get("ReferencedSegmentNumber")
        if value is None:
            if len(segments) != 1:
                raise DecodeError(
                    f"frame {header.frame} must name one of {len(segments)} segments, "
                    "and ReferencedSegmentNumber is absent",
                    path=header.path,
                    tag="ReferencedSegmentNumber",
                    remedy=_AS_STORED,
                )
            value = segments[0].number
        frames.setdefault(int(value), []).append((k, header))

    def planes(segment: Segment, notes: list[str]) -> Iterator[MaskPlane]:
        last: MaskPlane | None = None
        for k, header in sorted(frames.get(segment.number, ()), key=lambda item: item[0]):
            frame = _stored(pixels, header)
            plane = (frame / highest).astype(np.float32) if kind == "fractional" else frame != 0
            if last is not None and last[0] == k:
                if np.array_equal(last[1], plane):
                    continue
                raise SegmentError(
                    f"several frames of segment {segment} lie at one position, and they differ, {_UNDECIDED}",
                    path=header.path,
                    tag="ImagePositionPatient",
                    remedy=_AS_STORED,
                )
            last = k, plane
            if plane.any():
                yield k, plane

    return planes, set(frames)


def _stored(pixels: PixelFile, header: Header) -> np.ndarray:
    """Decode the numbers of one frame; of a palette not the colours."""
    frame = pixels.stored(Header(header.path, frame=header.frame))
    if frame.shape != (header.rows, header.columns):
        raise DecodeError(
            f"the pixels have shape {frame.shape}, Rows and Columns say {(header.rows, header.columns)}",
            path=header.path,
            tag="Rows",
            remedy=COPY,
        )
    return frame

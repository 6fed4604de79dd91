"""Reading headers: which elements are asked for, and what becomes of them."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_file_meta_info, read_partial
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    UID,
    MediaStorageDirectoryStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)
from pydicom.valuerep import IS, DSclass, PersonName

from dicomview.errors import DecodeError
from dicomview.io.counting import MOST_ITEMS, counting
from dicomview.io.doubts import doubts_of, repeated_in, zero_slope
from dicomview.io.encoding import elements_behind, fragments_behind
from dicomview.io.failures import COPY, reading, tag_in, words_of
from dicomview.io.functional import FUNCTIONAL_KEYWORDS
from dicomview.io.groups import PER_FRAME, scan_frames
from dicomview.io.header import Header, directions, exact, floats, number, strict, strings
from dicomview.io.inflate import opened
from dicomview.io.keys import KEY_TAGS, complex_component, sorting_keys
from dicomview.io.mosaic import MOSAIC_TAGS, diffusion_of_csa, mosaic_headers, united_headers
from dicomview.io.multiframe import FRAME_KEYWORDS, frame_headers
from dicomview.io.plausible import check_type, has_table, plausible, remarks_of
from dicomview.io.quiet import quiet
from dicomview.io.repeats import repeated_in_groups
from dicomview.io.sources import File, start_of
from dicomview.volume import Meta

__all__ = [
    "HEADER_TAGS",
    "is_directory",
    "keyword_of",
    "looks_like_dicom",
    "meta_from_dataset",
    "read_headers",
]

_KEYWORDS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SeriesDescription",
    "ConvolutionKernel",
    "SeriesInstanceUID",
    "SeriesNumber",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "SequenceOfUltrasoundRegions",
    "BitsAllocated",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "FloatPixelPaddingValue",
    "FloatPixelPaddingRangeLimit",
    "DoubleFloatPixelPaddingValue",
    "DoubleFloatPixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "DoseGridScaling",
    "ModalityLUTSequence",
]
#: Everything that a header depends on.
HEADER_TAGS = [tag for tag in map(tag_for_keyword, [*_KEYWORDS, *FRAME_KEYWORDS]) if tag is not None]
HEADER_TAGS += [*KEY_TAGS, *MOSAIC_TAGS]
_WANTED = frozenset(HEADER_TAGS)
#: Their Modality LUT leads back to X-ray intensity, not for display; windows are those of stored values.
_ANGIO = (XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage)
#: Factors of Philips PET in counts: to SUV by body weight, and to Bq/ml.
PRIVATE_NAMES = {0x70531000: "PhilipsSUVScaleFactor", 0x70531009: "PhilipsActivityConcentrationScaleFactor"}
_UNDEFINED = 0xFFFFFFFF  # length of compressed pixel data
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
#: PixelData and its floating-point forms.
_FIRST_PIXEL_TAG, _PIXEL_DATA = 0x7FE00008, 0x7FE00010
_PIXEL_TAGS = frozenset((_FIRST_PIXEL_TAG, 0x7FE00009, _PIXEL_DATA))


def looks_like_dicom(path: File) -> bool:
    """Return whether the first bytes of a file are those of DICOM, with or without preamble.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    start = start_of(path, 132)[0]
    if start[128:] == b"DICM":
        return True
    # Without preamble a file begins with a tag of group 0002 or 0008, followed by a VR or a short length.
    group = start[:2]
    if len(start) < 12 or group not in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08"):
        return False
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    little = group[1] == 0
    length = int.from_bytes(start[4:8], "little" if little else "big")
    element = int.from_bytes(start[2:4], "little" if little else "big")
    return explicit or (length < 1024 and element in (0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0016))


def is_directory(path: Path) -> bool:
    """Return whether a DICOM file is a DICOMDIR, going by its file meta information."""
    with quiet():
        try:
            meta = read_file_meta_info(path)
        except Exception:  # without preamble
            return False
    return bool(meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage)


def read_headers(path: File) -> list[Header]:
    """Read the headers of the images in one file; pixel data is not touched.

    Returns
    -------
    list of Header
        One for each frame or tile; a single one for a file without images.

    Raises
    ------
    DecodeError
        If the file cannot be read as DICOM.
    """
    with reading(path, "cannot be read as DICOM"), opened(path) as file, quiet():
        dataset, stopped_at, size, repeated = _read(file, PER_FRAME)
        frames = scan_frames(path) if stopped_at == PER_FRAME else None
        if frames is not None:
            dataset, stopped_at, size = frames.dataset, _PIXEL_DATA, frames.pixels[1]
            file.seek(frames.element)
        elif stopped_at == PER_FRAME:
            file.seek(0)
            dataset, stopped_at, size, repeated = _read(file)
        if any(keyword in dataset for keyword in FUNCTIONAL_KEYWORDS[:2]):
            repeated += repeated_in_groups(file, dataset)
        header = _from_dataset(path, dataset, has_pixels=stopped_at in _PIXEL_TAGS, repeated=repeated)
        if not header.sop_class_uid:
            raise DecodeError(
                "SOPClassUID is absent, the file ends too early", path=path, tag="SOPClassUID", remedy=COPY
            )
        if not header.has_pixels:
            is_image = UID(header.sop_class_uid).name.endswith("Image Storage")
            is_index = header.sop_class_uid == MediaStorageDirectoryStorage
            if not (header.series_instance_uid or is_index) or (is_image and not header.rows):
                raise DecodeError(
                    "the file has no PixelData, or ends before it", path=path, tag="PixelData", remedy=COPY
                )
            return [header]
        fragments, is_tabled, at = None, False, file.tell()
        if (tag := elements_behind(file, size)) is not None:
            raise DecodeError(
                f"{tag} is behind the pixel data, where no element of the header may be",
                path=path,
                tag=tag_in(tag),
                remedy=COPY,
            )
        file.seek(at)
        if header.number_of_frames > 1 and size == _UNDEFINED:
            is_tabled = has_table(file)
            fragments = fragments_behind(file, dataset.file_meta.get("TransferSyntaxUID"))
        _check_frames(header, size, fragments)
        remarks = remarks_of(header, dataset, size, None if is_tabled else fragments)
        header = plausible(header.like(remarks=(*header.remarks, *remarks)))
        if frames is not None:
            return [*map(plausible, frame_headers(header.like(scanned=frames), dataset, frames.groups))]
        if header.number_of_frames > 1 or any(keyword in dataset for keyword in FUNCTIONAL_KEYWORDS[:2]):
            return [*map(plausible, frame_headers(header, dataset))]
        header = diffusion_of_csa(header, dataset)
        if "MOSAIC" in header.image_type:
            return mosaic_headers(header, dataset)
        if "VFRAME" in header.image_type:
            return united_headers(header, dataset)
        return [header]


def _read(file: BinaryIO, last: int = 0) -> tuple[Dataset, int, int, list[int]]:
    """Read the elements that are asked for, up to the pixels or to the element that is named.

    Tag and length of that are returned too, and which tags come several times; the file stands before it.
    """
    stopped_at, size = 0, 0
    tags: list[int] = []
    count = counting()

    def stop(tag: int, vr: str | None, length: int) -> bool:
        nonlocal stopped_at, size
        tags.append(int(tag))
        if tag >= _FIRST_PIXEL_TAG or tag == last:
            if tag == _PIXEL_DATA:
                check_type(vr)
            stopped_at, size = int(tag), int(length)
            return True
        return count(tag, vr, length)

    dataset = read_partial(file, stop_when=stop, force=True, specific_tags=list(HEADER_TAGS))
    return dataset, stopped_at, size, repeated_in(tags, _WANTED)


def _check_frames(header: Header, size: int, fragments: int | None) -> None:
    """Refuse more frames than the pixel data can hold, before each of them gets a header of its own."""
    if header.number_of_frames <= 1:
        return
    if fragments is not None and fragments < header.number_of_frames:
        raise DecodeError(
            f"NumberOfFrames is {header.number_of_frames}, "
            f"and PixelData (7FE0,0010) has {fragments} fragments, of which a frame needs one at least",
            path=header.path,
            tag="NumberOfFrames",
            remedy=COPY,
        )
    if size == _UNDEFINED:  # compressed: every frame is an item, which has 8 bytes at least
        size, needed = header.path.stat().st_size, 8 * header.number_of_frames
    else:
        # Chroma may be stored for every other pixel only.
        samples = 2 if header.photometric_interpretation == "YBR_FULL_422" else header.samples_per_pixel
        bits = header.rows * header.columns * samples * header.bits_allocated
        needed = bits * header.number_of_frames // 8
    if size < needed:
        raise DecodeError(
            f"NumberOfFrames is {header.number_of_frames}, which takes {needed} bytes, "
            f"and PixelData (7FE0,0010) has {size}",
            path=header.path,
            tag="NumberOfFrames",
            remedy=COPY,
        )


def _from_dataset(path: File, dataset: Dataset, *, has_pixels: bool, repeated: Sequence[int]) -> Header:
    """Pick the elements out of a dataset.

    A value that breaks the rules of its type counts as absent, except where values or shape depend on it.
    """

    def get(keyword: str) -> Any:
        try:
            return dataset.get(keyword)
        except Exception:
            return None

    def whole(keyword: str, default: int = 0) -> int:
        return int(_exactly(dataset, keyword, int) or default)

    slope, intercept = (_exactly(dataset, k, float) for k in ("RescaleSlope", "RescaleIntercept"))
    for name, value in (("RescaleSlope", slope), ("RescaleIntercept", intercept)):
        if value is not None and not math.isfinite(value):
            raise DecodeError(f"{name} must be finite, not {value}", path=path, tag=name, remedy=COPY)
    is_angio = get("SOPClassUID") in _ANGIO
    places = {
        "ImagePositionPatient": floats(get("ImagePositionPatient"), 3),
        "ImageOrientationPatient": directions(get("ImageOrientationPatient")),
        "PixelSpacing": floats(get("PixelSpacing"), 2),
    }
    remarks = doubts_of(dataset, places, repeated=repeated)
    if slope == 0:
        slope = None
        remarks.append(zero_slope())
    if slope is None and get("Modality") == "RTDOSE":
        slope = _exactly(dataset, "DoseGridScaling", float)
    if is_angio:
        slope = intercept = None
    bits_allocated, is_signed = whole("BitsAllocated", 16), bool(get("PixelRepresentation"))
    return Header(
        path=path,
        sop_class_uid=str(get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""),
        sop_instance_uid=str(get("SOPInstanceUID") or ""),
        series_instance_uid=str(get("SeriesInstanceUID") or ""),
        series_number=number(get("SeriesNumber"), int),
        series_description=str(get("SeriesDescription") or ""),
        modality=str(get("Modality") or ""),
        image_type=_kind(strings(get("ImageType")), complex_component(dataset, get)),
        convolution_kernel=str(get("ConvolutionKernel") or ""),
        acquisition_number=number(get("AcquisitionNumber"), int),
        instance_number=number(get("InstanceNumber"), int),
        position=places["ImagePositionPatient"],
        orientation=places["ImageOrientationPatient"],
        pixel_spacing=places["PixelSpacing"] or _region_spacing(get("SequenceOfUltrasoundRegions")),
        slice_thickness=number(get("SliceThickness"), float),
        rows=whole("Rows"),
        columns=whole("Columns"),
        samples_per_pixel=whole("SamplesPerPixel", 1),
        number_of_frames=whole("NumberOfFrames", 1),
        photometric_interpretation=str(get("PhotometricInterpretation") or ""),
        bits_allocated=bits_allocated,
        is_signed=is_signed,
        padding=_padding(get, bits_allocated, is_signed),
        rescale_slope=1.0 if slope is None else slope,
        rescale_intercept=0.0 if intercept is None else intercept,
        has_modality_lut=bool(dataset.get("ModalityLUTSequence")) and not is_angio,
        has_pixels=has_pixels,
        remarks=tuple(remarks),
        keys=sorting_keys(dataset, get),
    )


def _exactly(dataset: Dataset, keyword: str, kind: Callable[[Any], Any]) -> Any:
    """Return a number that shape or values depend on, so that nothing may stand in for it; None if absent."""
    try:
        value = dataset.get(keyword)
        if kind is int and isinstance(value, MultiValue):
            raise ValueError("several values")
        return exact(value, kind)
    except Exception as error:
        problem = DecodeError(f"{keyword} is no number ({words_of(error)})", tag=keyword, remedy=COPY)
    raise problem


def _region_spacing(regions: Any) -> tuple[float, ...] | None:
    """Return the pixel spacing of an ultrasound picture, where all its regions are planes of one scale.

    Traces (of an ECG) and bars of colours are drawn beside or over the picture; there is nothing to measure.
    ImagerPixelSpacing of projection radiography is no spacing in the patient: it is measured at the detector,
    and by how much the patient is magnified there is not known (DICOM PS3.3 10.7.1).
    """
    scales = set()
    for region in regions or ():
        if region.get("RegionSpatialFormat") in (4, 5):  # waveform, graphics
            continue
        units = [region.get(f"PhysicalUnits{axis}Direction") for axis in "XY"]
        deltas = [number(region.get(f"PhysicalDelta{axis}"), float) for axis in "YX"]
        is_plane = region.get("RegionSpatialFormat") == 1 and units == [3, 3]  # 2D, centimetres
        scales.add(tuple(abs(d) * 10 for d in deltas) if is_plane and None not in deltas else None)
    found = scales.pop() if len(scales) == 1 else None
    return found if found and all(0 < s < math.inf for s in found) else None


def _kind(image_type: tuple[str, ...], component: str) -> tuple[str, ...]:
    """Add to ImageType which part of a complex image this is, where only another element says so."""
    return (*image_type, component) if component and component not in image_type else image_type


def _padding(get: Callable[[str], Any], bits: int, is_signed: bool) -> tuple[float, float] | None:
    """Return the range of stored values that mean "no data".

    Files carry it signed for unsigned pixels and the other way round: it is wrapped into their range.
    """
    for kind in ("Float", "DoubleFloat"):
        values = [number(get(f"{kind}PixelPadding{end}"), float) for end in ("Value", "RangeLimit")]
        if values[0] is not None:
            ends = [v for v in values if v is not None]
            return min(ends), max(ends)
    first = get("PixelPaddingValue")
    if not isinstance(first, int):
        return None
    last = get("PixelPaddingRangeLimit")
    lowest = -(1 << (bits - 1)) if is_signed else 0
    both = (first, last if isinstance(last, int) else first)
    ends = [(int(v) - lowest) % (1 << bits) + lowest for v in both]
    return min(ends), max(ends)


def meta_from_dataset(dataset: Dataset) -> Meta:
    """Convert a dataset to plain Python values; private, binary and unreadable elements are left out.

    LUTData becomes the list of its words.
    """
    with quiet():
        return _meta_from_dataset(dataset)


def _meta_from_dataset(dataset: Dataset) -> Meta:
    meta = Meta()
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset gives elements
        if tag == PER_FRAME or _is_endless(dataset, tag):
            continue
        try:
            element = dataset[tag]
            keyword = keyword_of(tag)
            if not keyword or keyword == "PixelData":
                continue
            value = _plain(element.value)
            if tag in PRIVATE_NAMES and isinstance(value, bytes):  # its creator, or its type, went astray
                value = value.decode("ascii", "replace").strip("\0 ")
            if element.keyword == "LUTData" and isinstance(value, bytes):
                value = _words(value, little_endian=dataset.original_encoding[1] is not False)
        except Exception:  # one broken element must not hide all others
            continue
        if not isinstance(value, bytes):
            meta[keyword] = value
    return meta


def _is_endless(dataset: Dataset, tag: int) -> bool:
    """Return whether an element, not converted yet, is a sequence of more items than anyone needs."""
    try:
        value = dataset.get_item(tag).value
    except Exception:  # said where it is converted
        return False
    is_long = isinstance(value, bytes) and len(value) > 8 * MOST_ITEMS
    return is_long and max(value.count(item) for item in _ITEMS) > MOST_ITEMS


def keyword_of(tag: int) -> str:
    """Return the keyword of a tag; the name here of the few private ones that are served, else nothing."""
    return PRIVATE_NAMES.get(tag) or keyword_for_tag(tag)


def _words(data: bytes, *, little_endian: bool) -> list[int]:
    """Return the 16-bit words of binary data."""
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2")
    return [int(word) for word in words]


def _plain(value: Any) -> Any:
    """Convert one element's value."""
    if isinstance(value, DicomSequence):
        return [_meta_from_dataset(item) for item in value]
    if isinstance(value, MultiValue | list):
        return [_plain(v) for v in value]
    if isinstance(value, DSclass):
        return float(strict(value))
    if isinstance(value, IS):
        return int(strict(value))
    if isinstance(value, PersonName | str):
        return str(value)
    return value

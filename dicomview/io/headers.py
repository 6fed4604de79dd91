"""Header: the elements of one file that assembling a volume needs."""

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.valuerep import IS, DSclass, PersonName

from dicomview.errors import DecodeError
from dicomview.volume import Meta

__all__ = ["Header", "looks_like_dicom", "meta_from_dataset", "read_header", "read_meta"]

_KEYWORDS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SeriesDescription",
    "ConvolutionKernel",
    "EchoTime",
    "EchoNumbers",
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
    "PixelRepresentation",  # says how the next one is stored
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
]
_TAGS = [tag for tag in map(tag_for_keyword, _KEYWORDS) if tag is not None]
#: PixelData and its floating-point forms.
_PIXEL_TAGS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))


@dataclass(frozen=True)
class Header:
    """What one file says about itself; None where it is silent.

    Attributes are named after their DICOM keywords.
    """

    path: Path
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""
    series_number: int | None = None
    series_description: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    convolution_kernel: str = ""
    echo_time: float | None = None
    echo_numbers: int | None = None
    acquisition_number: int | None = None
    instance_number: int | None = None
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    pixel_spacing: tuple[float, ...] | None = None
    rows: int = 0
    columns: int = 0
    samples_per_pixel: int = 1
    number_of_frames: int = 1
    photometric_interpretation: str = ""
    padding: tuple[int, int] | None = None
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    has_modality_lut: bool = False
    has_pixels: bool = False

    @property
    def name(self) -> str:
        """File name for messages; the folder is left out, since it may carry the patient's name."""
        return self.path.name


def looks_like_dicom(path: str | os.PathLike[str]) -> bool:
    """Return whether the first bytes of a file are those of DICOM, with or without preamble.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        start = file.read(132)
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


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of one file; pixel data is not touched.

    Raises
    ------
    DecodeError
        If the file cannot be read as DICOM.
    """
    path = Path(path)
    stopped_at = 0

    def stop(tag: int, vr: str | None, length: int) -> bool:
        nonlocal stopped_at
        if tag >= 0x7FE00008:
            stopped_at = int(tag)
            return True
        return False

    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = read_partial(file, stop_when=stop, force=True, specific_tags=list(_TAGS))
            return _from_dataset(path, dataset, has_pixels=stopped_at in _PIXEL_TAGS)
    except Exception as error:
        raise DecodeError(
            f"{path.name} cannot be read as DICOM ({type(error).__name__}: {error}); "
            "it is damaged or incomplete: copy it again from its source"
        ) from error


def _from_dataset(path: Path, dataset: Dataset, *, has_pixels: bool) -> Header:
    """Pick the elements out of a dataset.

    A value that breaks the rules of its type counts as absent, except where values or shape depend on it.
    """

    def get(keyword: str) -> Any:
        try:
            return dataset.get(keyword)
        except Exception:
            return None

    padding = get("PixelPaddingValue")
    if padding is not None:
        limit = get("PixelPaddingRangeLimit")
        padding = tuple(sorted((int(padding), int(padding if limit is None else limit))))
    return Header(
        path=path,
        sop_class_uid=str(get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""),
        sop_instance_uid=str(get("SOPInstanceUID") or ""),
        series_instance_uid=str(get("SeriesInstanceUID") or ""),
        series_number=_number(get("SeriesNumber"), int),
        series_description=str(get("SeriesDescription") or ""),
        modality=str(get("Modality") or ""),
        image_type=_strings(get("ImageType")),
        convolution_kernel=str(get("ConvolutionKernel") or ""),
        echo_time=_number(get("EchoTime"), float),
        echo_numbers=_number(get("EchoNumbers"), int),
        acquisition_number=_number(get("AcquisitionNumber"), int),
        instance_number=_number(get("InstanceNumber"), int),
        position=_floats(get("ImagePositionPatient"), 3),
        orientation=_floats(get("ImageOrientationPatient"), 6),
        pixel_spacing=_floats(get("PixelSpacing"), 2),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        samples_per_pixel=int(dataset.get("SamplesPerPixel") or 1),
        number_of_frames=int(dataset.get("NumberOfFrames") or 1),
        photometric_interpretation=str(get("PhotometricInterpretation") or ""),
        padding=padding,
        rescale_slope=_default(_exact(dataset.get("RescaleSlope"), float), 1.0),
        rescale_intercept=_default(_exact(dataset.get("RescaleIntercept"), float), 0.0),
        has_modality_lut=bool(dataset.get("ModalityLUTSequence")),
        has_pixels=has_pixels,
    )


def _number(value: Any, kind: Any) -> Any:
    """Return the (first) value as a number; None where there is none."""
    try:
        return _exact(value, kind)
    except ValueError:
        return None


def _exact(value: Any, kind: Any) -> Any:
    """Return the (first) value as a number, None where it is empty; text that is no number raises."""
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return None if value is None or value == "" else kind(value)


def _default(value: float | None, default: float) -> float:
    return default if value is None else value


def _strings(value: Any) -> tuple[str, ...]:
    """Return all values as text."""
    if value is None or value == "":
        return ()
    return tuple(str(v) for v in value) if isinstance(value, MultiValue) else (str(value),)


def _floats(value: Any, count: int) -> tuple[float, ...] | None:
    """Return exactly so many floats, or None."""
    if value is None or value == "" or not isinstance(value, MultiValue) or len(value) != count:
        return None
    try:
        numbers = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def read_meta(path: str | os.PathLike[str]) -> Meta:
    """Read all header elements of a file, without pixel data."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return meta_from_dataset(pydicom.dcmread(path, stop_before_pixels=True, force=True))


def meta_from_dataset(dataset: Dataset) -> Meta:
    """Convert a dataset to plain Python values; private, binary and unreadable elements are left out."""
    meta = Meta()
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset gives elements
        try:
            element = dataset[tag]
            if not element.keyword or element.keyword == "PixelData":
                continue
            value = _plain(element.value)
        except Exception:  # one broken element must not hide all others
            continue
        if not isinstance(value, bytes):
            meta[element.keyword] = value
    return meta


def _plain(value: Any) -> Any:
    """Convert one element's value."""
    if isinstance(value, DicomSequence):
        return [meta_from_dataset(item) for item in value]
    if isinstance(value, MultiValue | list):
        return [_plain(v) for v in value]
    if isinstance(value, DSclass):
        return float(value)
    if isinstance(value, IS):
        return int(value)
    if isinstance(value, PersonName | str):
        return str(value)
    return value

"""Plausibility: what a header says must fit the pixel data, and be possible at all."""

from contextlib import suppress
from typing import BinaryIO

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from dicomview.io.codestream import MOST_PER_BYTE
from dicomview.io.doubts import FILES, named
from dicomview.io.encoding import COMPRESSED
from dicomview.io.header import Header
from dicomview.io.values import FARTHEST

__all__ = ["check_type", "plausible", "remarks_of", "table_entries"]

#: No pixel is smaller or larger, mm.
_SMALLEST, _LARGEST = 1e-6, 1e4
_UNDEFINED = 0xFFFFFFFF
_BINARY = ("FD", "FL", "US", "SS", "UL", "SL", "UV", "SV")
_PIXEL_TYPES = ("OB", "OW", "OF", "OD", "OV", "UN")
#: Values, shape and place depend on these.
_CRUCIAL = (
    "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "BitsAllocated", "PixelRepresentation",
    "RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
)  # fmt: skip


def check_type(vr: str | None) -> None:
    """Refuse pixel data of a type that it cannot have: then it does not begin where it seems to."""
    if vr is not None and vr not in _PIXEL_TYPES:
        raise ValueError(f"PixelData (7FE0,0010) cannot be of type {vr!r}")


def table_entries(file: BinaryIO) -> int:
    """Return for how many frames compressed pixel data has offsets; the file stands before the element."""
    start = file.tell()
    file.seek(start + 16)  # tag, VR and length, and the tag of the first item
    length = int.from_bytes(file.read(4), "little")
    file.seek(start)
    return length // 4


def remarks_of(
    header: Header, dataset: Dataset, size: int, *, has_numbers: bool, entries: int, fragments: int | None
) -> list[str]:
    """Return what in a header cannot quite be so, in words.

    Parameters
    ----------
    header : Header
    dataset : Dataset
        Without pixel data.
    size : int
        Length of the pixel data.
    has_numbers : bool
        Whether that is PixelData, whose values are whole numbers.
    entries : int
        Of its offset table.
    fragments : int or None
        Of compressed pixel data.

    Raises
    ------
    ValueError
        If header and pixel data contradict each other so that values would be wrong.
    """
    is_coded = dataset.file_meta.get("TransferSyntaxUID") in COMPRESSED
    remarks = _of_size(header, size, is_coded=is_coded)
    if has_numbers:
        remarks += _guessed(header, dataset, is_coded=is_coded)
    if entries > header.number_of_frames:
        remarks.append(
            f"PixelData (7FE0,0010) of {FILES} has an offset table of {entries} frames, "
            f"NumberOfFrames (0028,0008) is {header.number_of_frames}: there may be more frames"
        )
    if not entries and fragments is not None and fragments > header.number_of_frames > 1:
        remarks.append(
            f"PixelData (7FE0,0010) of {FILES} has {fragments} fragments, "
            f"NumberOfFrames (0028,0008) is {header.number_of_frames}: there may be more frames"
        )
    for keyword, default in (("RescaleSlope", 1), ("RescaleIntercept", 0), ("DoseGridScaling", 1)):
        value = dataset.get(keyword)
        if isinstance(value, MultiValue | list):
            raise ValueError(f"{named(keyword)} must be one value, not {len(value)}")
        if keyword in dataset and value in (None, ""):
            remarks.append(f"{named(keyword)} is empty in {FILES}: taken for {default}")
    if header.modality == "RTDOSE" and "DoseGridScaling" not in dataset:
        remarks.append(f"{named('DoseGridScaling')} is absent in {FILES}: taken for 1")
    if "RescaleSlope" in dataset and "RescaleIntercept" not in dataset:
        remarks.append(f"{named('RescaleIntercept')} is absent beside RescaleSlope in {FILES}: taken for 0")
    for keyword in _CRUCIAL:
        found = dataset[keyword].VR if keyword in dataset else None
        tag = tag_for_keyword(keyword)
        assert tag is not None
        if found in _BINARY and dictionary_VR(tag) in ("DS", "IS"):
            raise ValueError(f"{named(keyword)} is of type {found} in place of {dictionary_VR(tag)}")
        if found not in (None, "UN", dictionary_VR(tag)):
            remarks.append(
                f"{named(keyword)} is of type {found} in place of {dictionary_VR(tag)} in {FILES}: "
                "its value may be misread"
            )
    return remarks


def _guessed(header: Header, dataset: Dataset, *, is_coded: bool) -> list[str]:
    """Say what is taken for the usual where values depend on it and the header does not tell it."""
    kinds = {"PixelRepresentation": "values are taken for unsigned"}
    if header.samples_per_pixel > 1 and not is_coded:
        kinds["PlanarConfiguration"] = "colours are taken pixel by pixel"
    told = []
    for keyword, guess in kinds.items():
        value = None
        with suppress(Exception):  # elements of types that they must not have
            value = dataset.get(keyword)
        if value not in (0, 1):
            told.append(f"{named(keyword)} is neither 0 nor 1 in {FILES}: {guess}")
    return told


def _of_size(header: Header, size: int, *, is_coded: bool) -> list[str]:
    """Compare the length of uncompressed pixel data with what the header makes of it."""
    pixels = header.rows * header.columns * header.number_of_frames
    if size == _UNDEFINED and pixels > header.path.stat().st_size * MOST_PER_BYTE:
        raise ValueError(
            f"{header.number_of_frames} frames of {header.rows} x {header.columns} pixels cannot be in "
            f"{header.path.stat().st_size} bytes"
        )
    if is_coded or size == _UNDEFINED or not pixels:
        return []
    is_halved = header.photometric_interpretation == "YBR_FULL_422"
    bits = header.rows * header.columns * header.bits_allocated * header.number_of_frames
    least = -(-bits * (2 if is_halved else header.samples_per_pixel) // 8)
    most = -(-bits * header.samples_per_pixel // 8)
    if size >= least and size <= most + 1:
        return []
    told = (
        f"PixelData (7FE0,0010) has {size} bytes, and {header.rows} x {header.columns} pixels of "
        f"{header.bits_allocated} bits take {least}"
    )
    if header.number_of_frames > 1:
        told += f" in {header.number_of_frames} frames"
    if size < least or size >= 2 * most:
        raise ValueError(f"{told}: Rows, Columns, BitsAllocated or NumberOfFrames is wrong")
    return [f"{told} in {FILES}: what is behind them is not shown"]


def plausible(header: Header) -> Header:
    """Return a header without a position or spacing that is not possible, and with a remark on that."""
    changes: dict[str, object] = {}
    remarks = list(header.remarks)
    if header.position is not None and max(map(abs, header.position)) > FARTHEST:
        changes["position"] = None
        remarks.append(f"ImagePositionPatient (0020,0032) is impossible in {FILES}: not used")
    spacing = header.pixel_spacing
    if spacing is not None and not all(s == 0 or _SMALLEST <= abs(s) <= _LARGEST for s in spacing):
        changes["pixel_spacing"] = None
        remarks.append(f"PixelSpacing (0028,0030) is impossible in {FILES}: not used")
    return header.like(**changes, remarks=tuple(remarks)) if changes else header

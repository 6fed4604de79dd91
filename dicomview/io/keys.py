"""Sorting keys: what tells images at the same place apart, in classic files."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.values import convert_SQ

from dicomview.io.header import number

__all__ = [
    "DIFFUSION_TAGS",
    "KEY_ORDER",
    "KEY_TAGS",
    "NUMBERS",
    "SOURCE_TAGS",
    "complex_component",
    "diffusion_keys",
    "moment",
    "private_value",
    "seconds",
    "seconds_of",
    "sorting_keys",
]

#: Elements that are keys as they are.
NUMBERS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "NumberOfTemporalPositions",
    "DiffusionBValue",
    "TriggerTime",
    "NominalPercentageOfCardiacPhase",
    "EchoTime",
    "EchoNumbers",
    "InversionTime",
    "FlipAngle",
    "FrameReferenceTime",
    "AcquisitionNumber",
    "InstanceNumber",
)
_OTHERS = (
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "ContentDate",
    "ContentTime",
    "DiffusionGradientOrientation",
    "DiffusionDirectionality",
    "ComplexImageComponent",
    "Manufacturer",
    "SequenceName",
    "ImageComments",
)
#: Private elements: group, private creator, element, and how the bytes of an unknown type are read.
_Private = tuple[int, str, int, str]
_B_VALUES: tuple[_Private, ...] = (
    (0x2001, "PHILIPS IMAGING DD 001", 0x03, "<f4"),
    (0x0019, "SIEMENS MR HEADER", 0x0C, "text"),
    (0x0043, "GEMS_PARM_01", 0x39, "text"),
    (0x0065, "IMAGE PRIVATE HEADER", 0x09, "<f8"),
)
_GE_B_VALUE = _B_VALUES[2]
_GRADIENTS: tuple[tuple[_Private, ...], ...] = (
    ((0x0019, "SIEMENS MR HEADER", 0x0E, "<f8"),),
    ((0x0065, "IMAGE PRIVATE HEADER", 0x37, "<f8"),),
    tuple((0x2005, "PHILIPS MR IMAGING DD 001", e, "<f4") for e in (0xB0, 0xB1, 0xB2)),
    tuple((0x0019, "GEMS_ACQU_01", e, "text") for e in (0xBB, 0xBC, 0xBD)),
)
#: What GE calls 0 to 3.
_GE_COMPONENT: _Private = (0x0043, "GEMS_PARM_01", 0x2F, "<i2")
_COMPONENTS = ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY")
#: Private elements mostly lie in the first block of their group; other systems' elements shift them.
_BLOCKS = (0x10, 0x11, 0x12)


_DIFFUSION = (*_B_VALUES, *(element for triple in _GRADIENTS for element in triple))


#: Hours, minutes and seconds, with or without the last ones.
_DIGITS = re.compile(r"\d{1,6}(\.\d*)?", re.ASCII)


def _tags_of(*keywords: str) -> list[int]:
    return [tag for tag in map(tag_for_keyword, keywords) if tag is not None]


def _blocks_of(elements: Sequence[_Private]) -> list[int]:
    """Return the tags of private elements in each of the blocks that they may lie in."""
    return [group << 16 | block << 8 | element for group, _, element, _ in elements for block in _BLOCKS]


#: What diffusion_keys takes from each file.
DIFFUSION_TAGS = [
    *_tags_of(
        "DiffusionBValue", "DiffusionGradientOrientation", "DiffusionDirectionality", "SequenceName",
        "ImageComments",
    ),
    *_blocks_of(_DIFFUSION),
]  # fmt: skip
#: What says how to read that: the vendor, and the creators of private blocks.
SOURCE_TAGS = [
    *_tags_of("Manufacturer"),
    *(
        group << 16 | block
        for group in sorted({element[0] for element in (*_DIFFUSION, _GE_COMPONENT)})
        for block in _BLOCKS
    ),
]
#: Everything that sorting_keys looks at.
KEY_TAGS = [*_tags_of(*NUMBERS, *_OTHERS), *SOURCE_TAGS, *DIFFUSION_TAGS, *_blocks_of([_GE_COMPONENT])]
#: The order of the keys.
KEY_ORDER = (*NUMBERS, "AcquisitionTime", "ContentTime", *(f"Gradient{axis}" for axis in "XYZ"), "Isotropic")


def sorting_keys(dataset: Dataset, get: Callable[[str], Any]) -> tuple[tuple[str, float], ...]:
    """Return the keys that a classic file has, by keyword.

    Parameters
    ----------
    dataset : Dataset
    get : callable
        Gives the value of a keyword; None where it is absent or unreadable.

    Returns
    -------
    tuple of (str, float)
        Times of day are seconds, counted over midnight where the date is given. The direction of a diffusion
        gradient is three keys.
    """
    keys: dict[str, float | None] = {keyword: number(get(keyword), float) for keyword in NUMBERS}
    for kind in ("Acquisition", "Content"):
        keys[f"{kind}Time"] = seconds_of(get(f"{kind}Time"), get(f"{kind}Date"))
    if keys["AcquisitionTime"] is None:
        keys["AcquisitionTime"] = moment(get("AcquisitionDateTime"))
    keys |= diffusion_keys(dataset, get)
    return tuple((key, value) for key, value in keys.items() if value is not None and np.isfinite(value))


def diffusion_keys(dataset: Dataset, get: Callable[[str], Any]) -> dict[str, float | None]:
    """Return those of the keys that tell diffusion, by what ``DIFFUSION_TAGS`` and ``SOURCE_TAGS`` name."""
    b_value: float | None = number(get("DiffusionBValue"), float)
    if b_value is None:
        private = _private_b_value(dataset)
        b_value = _told_b_value(get) if private is None else private
    keys: dict[str, float | None] = {"DiffusionBValue": b_value}
    if b_value:
        gradient = _three(get("DiffusionGradientOrientation")) or _private_gradient(dataset)
        keys |= {f"Gradient{axis}": round(g, 4) for axis, g in zip("XYZ", gradient or ())}
    # Without diffusion there is no direction either: some files call that isotropic.
    if b_value and get("DiffusionDirectionality") == "ISOTROPIC":
        keys["Isotropic"] = 1.0
    return keys


def complex_component(dataset: Dataset, get: Callable[[str], Any]) -> str:
    """Return whether an image is magnitude, phase, real or imaginary part; empty where ImageType must do."""
    told = str(get("ComplexImageComponent") or "")
    value = number(private_value(dataset, _GE_COMPONENT), int)
    return told or (_COMPONENTS[value] if value in range(4) else "")


def moment(text: Any) -> float | None:
    """Return a DICOM date and time (DT) as seconds since 1970; the time zone is left out."""
    digits = re.split("[+-]", str(text or ""))[0]
    return seconds_of(digits[8:], digits[:8]) if len(digits) > 8 else None


def seconds_of(time: Any, date: Any) -> float | None:
    """Return a DICOM time as seconds; with a date, as seconds since 1970."""
    digits = str(time or "").replace(":", "").strip()
    if not _DIGITS.fullmatch(digits):
        return None
    try:
        return seconds(digits, str(date or "").replace(".", ""))
    except ValueError:
        return None


def seconds(digits: str, date: str) -> float:
    """Return seconds of a time of two, four or more digits, since 1970 where the date is not empty.

    Raises
    ------
    ValueError
        If there is no such time or day.
    """
    found = int(digits[:2]) * 3600.0 + int(digits[2:4] or 0) * 60 + float(digits[4:] or 0)
    return found + _day(date) if date else found


@lru_cache(maxsize=64)
def _day(date: str) -> float:
    """Return a date as seconds since 1970."""
    day = np.datetime64(f"{date[:4]}-{date[4:6]}-{date[6:8]}") - np.datetime64("1970-01-01")
    return float(day / np.timedelta64(1, "s"))


def private_value(dataset: Dataset, wanted: _Private) -> Any:
    """Return the value of a private element, found by its creator; None where it is absent.

    Creators are compared without case. A group without any creator, as some anonymizers leave it, is read as
    if its first block were the one; a block of another creator never is.
    """
    group, creator, element, kind = wanted
    owners: Mapping[int, str] = {
        block: str(dataset[group, block].value).strip().upper()
        for block in _BLOCKS
        if (group, block) in dataset
    }
    blocks = [block for block, owner in owners.items() if owner == creator] if owners else [_BLOCKS[0]]
    for block in blocks:
        tag = (group, block << 8 | element)
        if tag in dataset:
            try:
                value = dataset[tag].value
                return _unpacked(value, kind) if isinstance(value, bytes) else value
            except Exception:  # what is no value of its type counts as absent
                return None
    return None


def _unpacked(raw: bytes, kind: str) -> Any:
    """Return the values of an element of unknown type."""
    if kind == "bytes":
        return raw
    if kind == "items":  # whatever the file is written in (PS3.5 6.2.2)
        return convert_SQ(raw, is_implicit_VR=True, is_little_endian=True)
    if kind == "text":
        return MultiValue(str, raw.decode("latin-1").strip("\0 ").split("\\"))
    return MultiValue(float, np.frombuffer(raw, kind).tolist())


def _private_b_value(dataset: Dataset) -> float | None:
    """Return the b-value of a vendor's private element."""
    for wanted in _B_VALUES:
        found: float | None = number(private_value(dataset, wanted), float)
        if found is not None:
            # GE adds a flag of 1e9 to the b-value.
            return found % 100_000 if wanted is _GE_B_VALUE else found
    return None


def _told_b_value(get: Callable[[str], Any]) -> float | None:
    """Return the b-value in SequenceName of Siemens ("*ep_b1000#12") or ImageComments of Canon."""
    vendor = str(get("Manufacturer") or "").upper()
    found = None
    if "SIEMENS" in vendor:
        found = re.search(r"_b([0-9]+)(t|#[0-9]+)?$", str(get("SequenceName") or "").strip())
    elif "CANON" in vendor or "TOSHIBA" in vendor:
        found = re.match(r"\s*b=([0-9]+(?:\.[0-9]+)?)\s*(\(|$)", str(get("ImageComments") or ""))
    return float(found[1]) if found else None


def _private_gradient(dataset: Dataset) -> tuple[float, ...] | None:
    """Return the gradient direction of a vendor's private elements."""
    for elements in _GRADIENTS:
        values = [private_value(dataset, element) for element in elements]
        found = _three(values[0] if len(values) == 1 else [number(value, float) for value in values])
        if found:
            return found
    return None


def _three(values: Any) -> tuple[float, ...] | None:
    """Return three finite numbers, or None."""
    if not isinstance(values, MultiValue | list) or len(values) != 3:
        return None
    numbers = [number(value, float) for value in values]
    return tuple(numbers) if all(n is not None and np.isfinite(n) for n in numbers) else None

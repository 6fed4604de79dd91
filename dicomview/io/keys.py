"""Sorting keys: what tells images at the same place apart, in classic files."""

from collections.abc import Callable
from typing import Any

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dicomview.io.header import number

__all__ = ["KEY_TAGS", "sorting_keys"]

_KEYWORDS = (
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "DiffusionBValue",
    "TriggerTime",
    "EchoTime",
    "EchoNumbers",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "FrameReferenceTime",
    "AcquisitionNumber",
    "InstanceNumber",
)
#: b-values of the vendors: Philips, Siemens, GE.
_PHILIPS_B, _SIEMENS_B, _GE_B = (0x2001, 0x1003), (0x0019, 0x100C), (0x0043, 0x1039)
KEY_TAGS = [tag for tag in map(tag_for_keyword, _KEYWORDS) if tag is not None]
KEY_TAGS += [group << 16 | element for group, element in (_PHILIPS_B, _SIEMENS_B, _GE_B)]


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
        Times of day are seconds, counted over midnight where the date is given.
    """
    keys: dict[str, float] = {}
    for keyword in _KEYWORDS:
        if keyword.endswith("Date"):
            continue
        if keyword in ("AcquisitionTime", "ContentTime"):
            value = _seconds(get(keyword), get(keyword.replace("Time", "Date")))
        else:
            value = number(get(keyword), float)
        if value is not None:
            keys[keyword] = value
    b_value = keys.get("DiffusionBValue", _private_b_value(dataset))
    if b_value is not None:
        keys["DiffusionBValue"] = b_value
    return tuple(keys.items())


def _seconds(time: Any, date: Any) -> float | None:
    """Return a DICOM time as seconds; with a date, as seconds since 1970."""
    digits = str(time or "").replace(":", "")
    try:
        seconds = int(digits[:2]) * 3600.0 + int(digits[2:4] or 0) * 60 + float(digits[4:] or 0)
        if date:
            text = str(date)
            day = np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:8]}") - np.datetime64("1970-01-01")
            seconds += float(day / np.timedelta64(1, "s"))
    except ValueError:
        return None
    return seconds


def _private_b_value(dataset: Dataset) -> float | None:
    """Return the b-value of a vendor's private element."""
    for tag in (_PHILIPS_B, _SIEMENS_B, _GE_B):
        if tag not in dataset:
            continue
        value = dataset[tag].value
        if isinstance(value, bytes):
            value = _unpacked(value)
        found: float | None = number(value, float)
        if found is not None:
            # GE adds a flag of 1e9 to the b-value.
            return found % 100_000 if tag == _GE_B else found
    return None


def _unpacked(raw: bytes) -> Any:
    """Return the value of an element of unknown type: a float32, or text."""
    if len(raw) == 4:
        return float(np.frombuffer(raw, "<f4")[0])
    return raw.decode("latin-1").strip("\0 ").split("\\")[0]

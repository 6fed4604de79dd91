"""Reference: whether the positions of two volumes are counted from the same place."""

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicomview.volume.meta import is_hidden

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["other_frame_of_reference", "remark", "with_remark"]


def other_frame_of_reference(a: Any, b: Any) -> str:
    """Return in what the frames of reference of two headers differ; empty where they may be the same.

    Parameters
    ----------
    a, b : Meta or mapping

    References
    ----------
    DICOM PS3.3 C.7.4.1 (Frame of Reference).

    Examples
    --------
    >>> other_frame_of_reference({"FrameOfReferenceUID": "1.2"}, {"FrameOfReferenceUID": "1.3"})
    'FrameOfReferenceUID (0020,0052) is not the same'
    >>> other_frame_of_reference({"FrameOfReferenceUID": "1.2"}, {})
    ''
    """
    first, second = (header.get("FrameOfReferenceUID") for header in (a, b))
    if not first or not second or first == second:
        return ""
    told = "not the same" if is_hidden("FrameOfReferenceUID") else f"{first} and {second}"
    return f"FrameOfReferenceUID (0020,0052) is {told}"


def with_remark(volume: "Volume", a: "Volume", b: "Volume") -> "Volume":
    """Return a volume whose report says that those that went into it have other frames of reference."""
    text = remark(a, b)
    if text:
        volume = copy(volume)
        volume.report = replace(volume.report, warnings=(*volume.report.warnings, text))
    return volume


def remark(a: "Volume", b: "Volume") -> str:
    """Return what is to be known where two volumes are brought together by position."""
    differs = other_frame_of_reference(a.meta, b.meta)
    if not differs or a.geometry.affine is None or b.geometry.affine is None:
        return ""
    return f"places may not fit: {differs}, so that positions need not mean the same; register them"

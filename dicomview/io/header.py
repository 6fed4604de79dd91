"""Header: what one image says about itself, as far as assembling a volume needs it."""

import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydicom.multival import MultiValue

from dicomview.errors import file_name
from dicomview.io.groups import ScannedFrames
from dicomview.io.layout import Scanned
from dicomview.io.realworld import RealWorld
from dicomview.io.sources import File

__all__ = ["Header", "directions", "exact", "floats", "number", "strict", "strings"]

#: Text that is a number, finite or not: Python alone takes more for one, such as 1_0.
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class Header:
    """What one image says about itself; None where it is silent.

    Most attributes are named after their DICOM keywords.

    Attributes
    ----------
    frame : int or None
        Which frame of a multi-frame file; None in a file of one image.
    tile : tuple of int or None
        Row and column of the image's corner in a mosaic.
    tiles : int
        How many images the mosaic holds.
    keys : tuple of (str, float)
        What may tell this image from others at the same place, by keyword.
    dimension_index : tuple of int
        DimensionIndexValues without those that say where the frame is.
    remarks : tuple of str
        What a reader of the images should know about their headers.
    in_patient : bool
        Whether position and orientation are those in the patient, not in a volume that stands nowhere.
    concatenation : str
        UID of the multi-frame object that the file is one part of.
    part : tuple of int
        Number of this part, from 1, and of all parts; 0 where it is not told.
    first_frame : float
        What the frames of the file are counted from.
    real_world : RealWorld or None
        The mapping of a parametric map, in place of the rescale.
    scanned : Scanned, ScannedFrames or None
        The header as it lies in the file, where that is an ordinary one.
    """

    path: File
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    series_instance_uid: str = ""
    series_number: int | None = None
    series_description: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    convolution_kernel: str = ""
    acquisition_number: int | None = None
    instance_number: int | None = None
    position: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    pixel_spacing: tuple[float, ...] | None = None
    slice_thickness: float | None = None
    rows: int = 0
    columns: int = 0
    samples_per_pixel: int = 1
    number_of_frames: int = 1
    photometric_interpretation: str = ""
    bits_allocated: int = 16
    is_signed: bool = False
    padding: tuple[float, float] | None = None
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    has_modality_lut: bool = False
    has_pixels: bool = False
    frame: int | None = None
    tile: tuple[int, int] | None = None
    tiles: int = 0
    keys: tuple[tuple[str, float], ...] = ()
    dimension_index: tuple[int, ...] = ()
    stack_id: str = ""
    remarks: tuple[str, ...] = ()
    in_patient: bool = True
    concatenation: str = ""
    part: tuple[int, int] = (0, 0)
    first_frame: float = 0.0
    real_world: RealWorld | None = None
    scanned: Scanned | ScannedFrames | None = field(default=None, compare=False, repr=False)

    def like(self, **changes: Any) -> "Header":
        """Return a copy with some attributes changed, many times as fast as by dataclasses.replace."""
        attributes = vars(self).copy()
        attributes.pop("key_values", None)  # kept of the keys that were
        attributes.update(changes)
        copy = object.__new__(Header)
        object.__setattr__(copy, "__dict__", attributes)
        return copy

    def __repr__(self) -> str:
        return f"Header({self.name})"  # errors of others may quote it

    @cached_property
    def key_values(self) -> dict[str, float]:
        """The keys as a mapping."""
        return dict(self.keys)

    @property
    def identity(self) -> tuple[str, int | None, tuple[int, int] | None]:
        """What only a copy of the same image shares."""
        return (self.sop_instance_uid or str(self.path), self.frame, self.tile)

    @property
    def film(self) -> str:
        """What the frames of one multi-frame object share, also when it is split over files."""
        return self.concatenation or self.sop_instance_uid or str(self.path)

    @property
    def name(self) -> str:
        """File name for messages; the folder is left out, since it may carry the patient's name."""
        return file_name(self.path)


def number(value: Any, kind: Any) -> Any:
    """Return the (first) value as a finite number; None where there is none."""
    try:
        found = exact(value, kind)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found is None or math.isfinite(found) else None


def exact(value: Any, kind: Any) -> Any:
    """Return the (first) value as a number, None where it is empty; text that is no number raises."""
    if isinstance(value, MultiValue | list):
        value = value[0] if value else None
    return None if value is None or value == "" else kind(strict(value))


def strict(value: Any) -> Any:
    """Return a value as it is; text that is no number by the rules of DS and IS raises ValueError.

    Numbers of pydicom remember the text that they were made of.
    """
    text = getattr(value, "original_string", value)
    if isinstance(text, str) and not _NUMBER.fullmatch(text.strip(" \t\r\n\0")):
        raise ValueError(f"could not convert string to float: {text!r}")
    return value


def strings(value: Any) -> tuple[str, ...]:
    """Return all values as text."""
    if value is None or value == "":
        return ()
    return tuple(str(v) for v in value) if isinstance(value, MultiValue) else (str(value),)


def floats(value: Any, count: int) -> tuple[float, ...] | None:
    """Return exactly so many floats, or None."""
    if value is None or value == "" or not isinstance(value, MultiValue | list) or len(value) != count:
        return None
    try:
        numbers = tuple(float(strict(v)) for v in value)
    except (TypeError, ValueError):
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def directions(value: Any) -> tuple[float, ...] | None:
    """Return ImageOrientationPatient; None where its two directions span no plane, as when all are zero."""
    found = floats(value, 6)
    if found is None:
        return None
    (a, b, c), (x, y, z) = found[:3], found[3:]
    return found if math.hypot(b * z - c * y, c * x - a * z, a * y - b * x) > 0.1 else None

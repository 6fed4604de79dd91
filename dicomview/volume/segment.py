"""Segment: what a file says of one segment or region of interest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dicomview.errors import SegmentError
from dicomview.volume.meta import is_hidden, safe_text

__all__ = ["Segment", "pick"]


@dataclass(frozen=True, repr=False)
class Segment:
    """What is known of one segment (SEG) or region of interest (RTSTRUCT); None where the file is silent.

    Attributes
    ----------
    number : int
        SegmentNumber (0062,0004) or ROINumber (3006,0022).
    label : str
        SegmentLabel or ROIName.
    description : str or None
        SegmentDescription or ROIDescription.
    algorithm_type : str or None
        SegmentAlgorithmType (``"MANUAL"``, ``"AUTOMATIC"`` ...) or ROIGenerationAlgorithm.
    category, property_type : str or None
        Code meanings of SegmentedPropertyCategoryCodeSequence and SegmentedPropertyTypeCodeSequence.
    color : tuple of int or None
        Recommended colour, sRGB of 8 bits; calculated from RecommendedDisplayCIELabValue in a SEG.
    tracking_id, tracking_uid : str or None
    interpreted_type : str or None
        RTROIInterpretedType (3006,00A4): ``"ORGAN"``, ``"PTV"`` ...
    frame_of_reference_uid : str or None
        To which coordinates the region belongs.
    is_region : bool
        Whether it is a region of interest (RTSTRUCT). Its name may be anything that people type, and is
        shown only with ``dicomview.options.show_descriptions``.

    Examples
    --------
    >>> Segment(1, "Liver").label
    'Liver'
    """

    number: int
    label: str
    description: str | None = None
    algorithm_type: str | None = None
    category: str | None = None
    property_type: str | None = None
    color: tuple[int, int, int] | None = None
    tracking_id: str | None = None
    tracking_uid: str | None = None
    interpreted_type: str | None = None
    frame_of_reference_uid: str | None = None
    is_region: bool = False

    @property
    def title(self) -> str:
        """What it is called where it is shown; empty where it has no label."""
        if self.is_region and self.label and is_hidden("ROIName"):
            return f"region {self.number}"
        return safe_text(self.label)

    def __str__(self) -> str:
        return f"'{self.title}' ({self.number})"

    def __repr__(self) -> str:
        return f"Segment({self.number}, {self.title!r})"


def pick(segments: Sequence[Segment], key: int | str | Segment) -> Segment:
    """Return the one segment of a number or label, or raise SegmentError with those there are."""
    if isinstance(key, Segment):
        return pick(segments, key.number)
    if isinstance(key, int | np.integer):
        hits = [s for s in segments if s.number == key]
    else:
        hits = [s for s in segments if s.label == key] or [
            s for s in segments if s.label.casefold() == str(key).casefold()
        ]
    if len(hits) == 1:
        return hits[0]
    if hits:
        numbers = ", ".join(str(s.number) for s in hits)
        raise SegmentError(
            f"{len(hits)} segments are called {safe_text(key)!r}", remedy=f"take a number, {numbers}"
        )
    known = ", ".join(map(str, segments[:20])) + (" ..." if len(segments) > 20 else "")
    raise SegmentError(
        f"there is no segment {safe_text(key)!r}; there are: {known or 'none at all'}",
        remedy="take one of these, by number or name",
    )

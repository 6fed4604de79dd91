"""Doubts: what a header leaves open where values or places depend on it, said in its remarks."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset

__all__ = ["FILES", "doubts_of", "misunderstood", "named", "repeated_in", "zero_slope"]

#: Stands in a remark for the names of all files that have it.
FILES = "{files}"
#: Group of what says how pixels are stored and what they mean.
_IMAGE = 0x0028


def zero_slope() -> str:
    """Say that a slope of zero, which would wipe out all values, is not applied."""
    return f"RescaleSlope (0028,1053) is 0 in {FILES}: taken for 1"


def misunderstood(keyword: str) -> str:
    """Say that an element has a value that is none of its kind."""
    return f"{named(keyword)} cannot be understood in {FILES}: taken as absent"


def repeated_in(tags: Sequence[int], wanted: frozenset[int]) -> list[int]:
    """Return the tags that come several times, of those that are wanted or describe the pixels.

    Parameters
    ----------
    tags : sequence of int
        In the order of the file; the first may be told twice, as pydicom looks at it before it begins.
    wanted : frozenset of int
    """
    tags = tags[1:] if tags[:1] == tags[1:2] else tags
    seen: set[int] = set()
    found: dict[int, None] = {}
    for tag in tags:
        if tag in seen and (tag in wanted or tag >> 16 == _IMAGE):
            found[tag] = None
        seen.add(tag)
    return list(found)


def doubts_of(dataset: Dataset, places: Mapping[str, Any], *, repeated: Sequence[int]) -> list[str]:
    """Return the remarks about elements that are not as they must be.

    Parameters
    ----------
    dataset : Dataset
    places : mapping of str to (tuple or None)
        By keyword what was understood of elements that say where the image is.
    repeated : sequence of int
        Tags that come several times in the file.
    """
    told = [f"{named(tag)} comes several times in {FILES}: the last one is taken" for tag in repeated]
    told += [
        misunderstood(keyword)
        for keyword, found in places.items()
        if found is None and _is_filled(dataset, keyword)
    ]
    return told


def named(element: int | str) -> str:
    """Return the keyword of an element with its number, or the number alone."""
    tag = element if isinstance(element, int) else (tag_for_keyword(element) or 0)
    return f"{keyword_for_tag(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})".strip()


def _is_filled(dataset: Dataset, keyword: str) -> bool:
    """Return whether an element is there with a value, of whatever kind."""
    tag = tag_for_keyword(keyword)
    value = dataset.get_item(tag).value if tag is not None and tag in dataset else None
    return bool(value.strip(b" \0") if isinstance(value, bytes) else value)

"""Extra dimensions: what tells several images at each position apart, and in which order they come."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

from dicomview.geometry.middle import median
from dicomview.io.frames import (
    COUNTS,
    DIRECTIONS,
    EXACT,
    INDEX,
    RANKED,
    Arranged,
    Frames,
    Slots,
    counted_frames,
    guess,
    key_of,
    mixes,
    name_of,
    pause,
    ranked_dimension,
    ranks,
    sorted_by,
    told_dimension,
    tuple_of,
    values_of,
)  # fmt: skip
from dicomview.io.header import Header
from dicomview.io.incomplete import arrange_incomplete
from dicomview.volume import Dimension

__all__ = ["arrange"]


def arrange(slots: Slots) -> Arranged | None:
    """Arrange several images at each position into frames.

    Parameters
    ----------
    slots : sequence of sequence of Header
        The images at each position.

    Returns
    -------
    dimensions : tuple of Dimension
    frames : list of list of (Header or None)
        Every frame holds one image for each position.
    warnings : list of str
        Images that are missing.

    ``None`` when nothing tells the images apart evenly.
    """
    segments = any("ReferencedSegmentNumber" in h.key_values for slot in slots for h in slot)
    arranged = None
    if not segments and len({len(slot) for slot in slots}) == 1:
        arranged = _grid(slots) or _listed(slots) or _ranked(slots)
    arranged = arranged or arrange_incomplete(slots, segments=segments)
    if arranged is None:
        return None
    dimensions, frames, told = arranged
    return dimensions, frames, [*told, *_means(frames)]


def _means(frames: Frames) -> list[str]:
    """Say which frames are no direction of diffusion but the mean over all, stored beside these."""
    firsts = [next((h.key_values for h in frame if h is not None), {}) for frame in frames]
    means = [str(i) for i, keys in enumerate(firsts) if keys.get("Isotropic")]
    if not means or not any("GradientX" in keys for keys in firsts):
        return []
    return [
        f"frame {', '.join(means)} is the mean over the directions of diffusion "
        "(DiffusionDirectionality 0018,9075 is ISOTROPIC)"
    ]


def _grid(slots: Slots) -> Arranged | None:
    """Arrange by one, two or three keys whose values are the same at every position and fill a grid."""
    names = [*EXACT, *sorted({k for k in slots[0][0].key_values if k.startswith(INDEX)})]
    if len(slots) == 1:
        names.remove("TriggerTime")  # any values are common to one position: other times must confirm them
    common = {
        key: values
        for key in names
        if (values := _common_values(slots, key_of(key))) is not None and len(values) > 1
    }
    known = _known(slots)
    for count in (1, 2, 3):
        for keys in combinations(common, count):
            if math.prod(len(common[key]) for key in keys) != len(slots[0]):
                continue
            if len({name_of(key)[0] for key in keys}) < count:
                continue
            frames = _by_value(slots, tuple_of(keys), list(product(*(common[key] for key in keys))))
            full = all(header is not None for frame in frames for header in frame)
            if full and not mixes(frames, known):
                dimensions = tuple(Dimension(name_of(k)[0], tuple(common[k]), name_of(k)[1]) for k in keys)
                if count == 1 and not dimensions[0].unit:
                    dimensions = (_meaning(dimensions[0], frames, common),)
                return dimensions, frames, []
    return None


def _meaning(counted: Dimension, frames: Frames, common: dict[str, list]) -> Dimension:  # type: ignore[type-arg]
    """Name frames that are merely counted by what they are: b-values, or what differs between all."""
    for key, values in common.items():
        name, unit = name_of(key)
        if unit and key != "TriggerTime" and (key == "DiffusionBValue" or len(values) == len(frames)):
            found = [{key_of(key)(h) for h in frame if h is not None} for frame in frames]
            if all(len(value) == 1 for value in found):
                return Dimension(name, tuple(float(value.pop() or 0.0) for value in found), unit)
    return counted


def _listed(slots: Slots) -> Arranged | None:
    """Arrange by DimensionIndexValues."""
    indices = _common_values(slots, lambda h: h.dimension_index or None)
    if indices is None or len(indices) != len(slots[0]):
        return None
    frames = _by_value(slots, lambda h: h.dimension_index, indices)
    return None if mixes(frames, _known(slots)) else ((told_dimension(frames),), frames, [])


def _ranked(slots: Slots) -> Arranged | None:
    """Arrange by what orders the images of every position, such as a time, without mixing known values."""
    strata = _strata(slots)
    directions = [key for key in DIRECTIONS if _splits(slots, key)]
    strata = _in_turn(slots, strata, directions)
    key, is_sure = _believed(slots, [*strata, *directions])
    if key is None:
        return None
    name, unit = RANKED[key]
    frames = _in_order(slots, strata, directions, key)
    ranked: Frames = [list(frame) for frame in frames]
    told = [] if is_sure else [guess(slots, key)]
    if not strata and not directions:
        return (ranked_dimension(frames, key, name, unit),), ranked, told
    outer = sorted({values_of(h, strata) for h in slots[0]})
    each = len(frames) // len(outer)
    is_grid = each * len(outer) == len(frames) and all(
        values_of(frame[0], strata) == outer[i // each] for i, frame in enumerate(frames)
    )
    if len(strata) == 1 and not directions and each > 1 and is_grid:
        known, known_unit = name_of(strata[0])
        inner = ranked_dimension(frames[:each], key, name, unit)
        return (Dimension(known, tuple(o[0] for o in outer), known_unit), inner), ranked, told
    return (told_dimension(ranked),), ranked, told


def _in_turn(slots: Slots, strata: Sequence[str], directions: Sequence[str]) -> list[str]:
    """Return the strata without counts of time points that start again: time itself gives the order then."""
    kept = list(strata)
    for counted in strata:
        rest = [key for key in kept if key != counted]
        key = _believed(slots, [*rest, *directions])[0] if EXACT[counted] == ("time", "") else None
        if key:
            frames = _in_order(slots, rest, directions, key)
            told = [{values_of(h, (*rest, counted)) for h in frame} for frame in frames]
            if all(len(values) == 1 for values in told) and told != sorted(told, key=min):
                kept = rest
    return kept


def _believed(slots: Slots, apart: Sequence[str]) -> tuple[str | None, bool]:
    """Return the first key that another one confirms, or whose frames follow each other; else the first.

    Also returned is whether that is more than a guess. Times of one position alone need nothing else; numbers
    of images say something where they only bring those of one kind into order, or where the header counts as
    many time points.

    Trigger times of perfusion are delays that jitter about one value, and ContentTime may be when an image
    left the reconstruction: both tell the images of every position apart, in an order of no meaning.
    """
    orders = {
        key: [[id(h) for h in slot] for slot in sorted_by(slots, apart, key)]
        for key in RANKED
        if ranks(slots, apart, key)
    }
    for key, order in orders.items():
        confirmed = any(order == other for name, other in orders.items() if name != key)
        frames = list(zip(*sorted_by(slots, (), key)))
        if confirmed or (len(slots) > 1 and pause(frames, key) > 0):
            is_counted = counted_frames(frames).name == "time"
            return key, confirmed or key not in COUNTS or bool(apart) or is_counted
    first = next(iter(orders), None)
    if first is None:
        return None, False
    # Values may also run through all images of a position before they go on to the next one.
    positions = sorted(slots, key=lambda slot: slot[0].key_values[first])
    return first, (first not in COUNTS and len(slots) == 1) or (bool(apart) and pause(positions, first) > 0)


def _in_order(slots: Slots, strata: Sequence[str], directions: Sequence[str], key: str) -> list[list[Header]]:
    """Return frames that hold one stratum each, in the order of the strata and of the key."""
    apart = [*strata, *directions]
    frames = [list(frame) for frame in zip(*sorted_by(slots, apart, key))]

    def place(frame: Sequence[Header]) -> tuple[float, ...]:
        order = [values_of(h, (key, "InstanceNumber", "FrameNumber")) for h in frame]
        return (*values_of(frame[0], strata), *median(order).tolist())

    return sorted(frames, key=place)


def _strata(slots: Slots) -> list[str]:
    """Return the exact keys that split every position in the same way: no frame may mix their values."""
    # Slices of one time point have trigger times of their own.
    keys = [key for key in EXACT if key != "TriggerTime" and all(key in h.key_values for h in slots[0])]
    return [key for key in keys if _splits(slots, key)]


def _known(slots: Slots) -> list[str]:
    """Return the keys whose values no frame may mix: the strata, and directions."""
    return [*_strata(slots), *(key for key in DIRECTIONS if _splits(slots, key))]


def _splits(slots: Slots, key: str) -> bool:
    """Return whether a key has several values, each equally often at every position."""
    first = Counter(key_of(key)(h) for h in slots[0])
    return len(first) > 1 and all(Counter(key_of(key)(h) for h in slot) == first for slot in slots)


def _common_values(slots: Slots, value_of: Callable[[Header], Any]) -> list | None:  # type: ignore[type-arg]
    """Return the values that every position has, sorted; None where positions differ or values are absent."""
    expected = {value_of(h) for h in slots[0]}
    if None in expected or any({value_of(h) for h in slot} != expected for slot in slots):
        return None
    return sorted(expected)


def _by_value(slots: Slots, value_of: Callable[[Header], object], values: Sequence[object]) -> Frames:
    tables = [{value_of(h): h for h in slot} for slot in slots]
    return [[table.get(value) for table in tables] for value in values]

"""Incomplete frames: the order of images some of which are missing, which leave their places empty."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from dicomview.io.frames import (
    DIRECTIONS,
    EXACT,
    RANKED,
    Arranged,
    Frames,
    Slots,
    guess,
    mixes,
    pause,
    ranked_dimension,
    ranks,
    sorted_by,
    told_dimension,
    tuple_of,
    values_of,
)  # fmt: skip
from dicomview.io.header import Header
from dicomview.volume import Dimension

__all__ = ["arrange_incomplete"]

#: What orders images where some are missing: values that are the same at all positions.
_UNEVEN = {**EXACT, **{key: RANKED[key] for key in list(RANKED)[:5]}}
#: What tells when an image was taken.
_TIMES = ("AcquisitionTime", "FrameReferenceTime", "TriggerTime", "ContentTime")
#: A grid with some places empty is accepted when at least this part of it is filled.
_FILLED = 0.6


def arrange_incomplete(slots: Slots, *, segments: bool) -> Arranged | None:
    """Arrange images some of which are missing: the grid keeps their places empty."""
    for keys in [("ReferencedSegmentNumber",)] if segments else _candidates(slots):
        value_of = tuple_of(keys)
        table = [{value_of(h): h for h in slot} for slot in slots]
        if any(len(cells) != len(slot) for cells, slot in zip(table, slots)):
            continue
        if any(None in value for cells in table for value in cells):
            continue
        axes = [sorted({value[i] or 0.0 for cells in table for value in cells}) for i in range(len(keys))]
        places = list(product(*axes))
        lost = len(places) * len(slots) - sum(map(len, slots))
        # Empty frames of a segmentation need not be stored.
        if min(map(len, axes)) < 2 or (not segments and lost > (1 - _FILLED) * len(places) * len(slots)):
            continue
        frames: Frames = [[cells.get(place) for cells in table] for place in places]
        dimensions = tuple(_dimension_of(key, axis) for key, axis in zip(keys, axes))
        return dimensions, frames, [] if segments else _lost(lost, dimensions)
    return None if segments else _by_direction(slots) or _counted(slots) or _broken_off(slots)


def _candidates(slots: Slots) -> Iterator[tuple[str, ...]]:
    """Give the keys, then pairs of keys, that all images have."""
    headers = [h for slot in slots for h in slot]
    keys = [key for key in _UNEVEN if all(key in h.key_values for h in headers)]
    keys = [key for key in keys if len({h.key_values[key] for h in headers}) > 1]
    yield from ((key,) for key in keys)
    paired = [key for key in keys if key in EXACT or key == "AcquisitionNumber"]
    yield from ((a, b) for a, b in combinations(paired, 2) if _UNEVEN[a][0] != _UNEVEN[b][0])


def _by_direction(slots: Slots) -> Arranged | None:
    """Arrange by b-value and direction where both tell the images of every position apart."""
    keys = ("DiffusionBValue", *DIRECTIONS[:4])
    return _finished(_cells(slots, [{values_of(h, keys): h for h in slot} for slot in slots]))


def _broken_off(slots: Slots) -> Arranged | None:
    """Arrange by time a scan whose last frame is not complete.

    Frames must follow each other, no slice may skip one, and the frames must not stand out better if the
    images were missing in the first one instead.
    """
    length = max(map(len, slots))
    if min(map(len, slots)) < max(length - 1, 2):
        return None
    for key in _TIMES:
        if not ranks(slots, (), key):
            continue
        rows = sorted_by(slots, (), key)
        frames = _cells(slots, [dict(enumerate(row)) for row in rows])
        late = _cells(slots, [dict(enumerate(row, length - len(row))) for row in rows])
        if not frames or not late or _skips(rows, key):
            continue
        if pause(frames, key) > 0 and pause(frames, key) >= pause(late, key):
            present = [[h for h in frame if h is not None] for frame in frames]
            return _finished(frames, ranked_dimension(present, key, *RANKED[key]))
    return None


def _skips(rows: Slots, key: str) -> bool:
    """Return whether the times of a slice jump against those of the first one that has all images."""
    times = [np.array([h.key_values[key] for h in row]) for row in rows]
    whole = max(times, key=len)
    return any(np.ptp(t - whole[: len(t)]) > np.diff(whole).min() / 2 for t in times)


def _counted(slots: Slots) -> Arranged | None:
    """Arrange by InstanceNumber where it runs through all positions again and again, or stays at each."""
    if any(h.instance_number is None or h.frame is not None for slot in slots for h in slot):
        return None
    numbers = [[h.instance_number or 0 for h in slot] for slot in slots]
    lowest = min(map(min, numbers))
    for count, runs_through in ((len(slots), True), (max(map(len, slots)), False)):
        # The first image may be one of those that are missing: numbers begin with 1 as a rule.
        base = min(lowest, 1) if lowest <= count else lowest
        table: list[dict[int, Header]] = []
        places = []
        for slot, row in zip(slots, numbers):
            # Turned round so that the frame comes first, the position second.
            split = [divmod(n - base, count)[:: 1 if runs_through else -1] for n in row]
            table.append({frame: h for (frame, _), h in zip(split, slot)})
            places.append({place for _, place in split})
        if all(len(p) == 1 for p in places) and len(set.union(*places)) == len(slots):
            found = _finished(_cells(slots, table))
            if found:
                dimensions, frames, told = found
                is_guess = dimensions[0].name == "frame"
                return dimensions, frames, [*told, guess(slots, "InstanceNumber")] if is_guess else told
    return None


def _cells(slots: Slots, table: Sequence[Mapping[Any, Header]]) -> Frames | None:
    """Return the frames that the keys of a table make.

    ``None`` where keys do not tell images apart, where too many are missing, or where a frame mixes values.
    """
    places = sorted({place for cells in table for place in cells})
    most = len(places) * len(slots)
    if any(len(cells) != len(slot) for cells, slot in zip(table, slots)):
        return None
    frames: Frames = [[cells.get(place) for cells in table] for place in places]
    mixed = mixes(frames, ("DiffusionBValue", *DIRECTIONS, "EchoNumbers"))
    return None if mixed or sum(map(len, slots)) < _FILLED * most else frames


def _finished(frames: Frames | None, dimension: Dimension | None = None) -> Arranged | None:
    """Name frames that are not complete, and say so."""
    if frames is None:
        return None
    told = told_dimension(frames)
    is_named = told.unit or told.name not in ("frame", "time")
    dimensions = (told if dimension is None or is_named else dimension,)
    return dimensions, frames, _lost(sum(h is None for frame in frames for h in frame), dimensions)


def _lost(count: int, dimensions: Sequence[Dimension]) -> list[str]:
    """Say how many images are missing."""
    if not count:
        return []
    return [f"{count} images are missing in the grid of {', '.join(d.name for d in dimensions)} and slices"]


def _dimension_of(key: str, values: Sequence[float]) -> Dimension:
    name, unit = _UNEVEN[key]
    start = values[0] if key in ("AcquisitionTime", "ContentTime") else 0.0
    return Dimension(name, tuple(round(v - start, 6) if start else v for v in values), unit)

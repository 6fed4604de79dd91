"""Extra dimensions: what tells several images at each position apart, and in which order they come."""

from collections.abc import Callable, Sequence
from itertools import combinations, product

import numpy as np

from dicomview.io.header import Header
from dicomview.volume import Dimension

__all__ = ["arrange"]

Slots = Sequence[Sequence[Header]]
Frames = list[list[Header | None]]

#: Elements whose values are the same at every position, in order of preference: name and unit.
_EXACT = {
    "ReferencedSegmentNumber": ("segment", ""),
    "TemporalPositionIdentifier": ("time", ""),
    "TemporalPositionIndex": ("time", ""),
    "DiffusionBValue": ("b_value", "s/mm2"),
    "EchoTime": ("echo_time", "ms"),
    "EchoNumbers": ("echo", ""),
}
#: Elements whose order at each position counts, since their values differ from slice to slice.
_RANKED = {
    "TriggerTime": ("trigger_time", "ms"),
    "AcquisitionTime": ("time", "s"),
    "ContentTime": ("time", "s"),
    "FrameReferenceTime": ("time", "ms"),
    "AcquisitionNumber": ("acquisition", ""),
    "InstanceNumber": ("frame", ""),
}
#: A grid with some places empty is accepted when at least this part of it is filled.
_FILLED = 0.75


def arrange(slots: Slots) -> tuple[tuple[Dimension, ...], Frames, list[str]] | None:
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
    even = len({len(slot) for slot in slots}) == 1
    if even:
        return _even(slots)
    for key, (name, unit) in _EXACT.items():
        values = sorted({v for slot in slots for h in slot if (v := _key(key)(h)) is not None})
        table = [{_key(key)(h): h for h in slot} for slot in slots]
        alone = all(len(cells) == len(slot) and None not in cells for cells, slot in zip(table, slots))
        lost = len(values) * len(slots) - sum(map(len, slots))
        is_mask = name == "segment"  # empty frames of a segmentation need not be stored
        if alone and len(values) > 1 and (is_mask or lost <= (1 - _FILLED) * len(values) * len(slots)):
            frames: Frames = [[cells.get(value) for cells in table] for value in values]
            told = [] if is_mask else [f"{lost} images are missing in the grid of {name} and slices"]
            return (Dimension(name, tuple(values), unit),), frames, told
    return None


def _even(slots: Slots) -> tuple[tuple[Dimension, ...], Frames, list[str]] | None:
    """Arrange slots of equal length."""
    for key, (name, unit) in _EXACT.items():
        values = _common_values(slots, _key(key))
        if values is not None and len(values) == len(slots[0]):
            frames = _by_value(slots, _key(key), values)
            return (Dimension(name, tuple(values), unit),), frames, []
    for a, b in combinations(_EXACT, 2):
        first, second = _common_values(slots, _key(a)), _common_values(slots, _key(b))
        if first is None or second is None or len(first) * len(second) != len(slots[0]):
            continue
        if min(len(first), len(second)) > 1:
            pairs = list(product(first, second))
            frames = _by_value(slots, lambda h, a=a, b=b: (_key(a)(h), _key(b)(h)), pairs)  # type: ignore[misc]
            if all(header is not None for frame in frames for header in frame):
                return (
                    (Dimension(_EXACT[a][0], tuple(first), _EXACT[a][1]),
                     Dimension(_EXACT[b][0], tuple(second), _EXACT[b][1])),
                    frames,
                    [],
                )  # fmt: skip
    indices = _common_values(slots, lambda h: h.dimension_index or None)
    if indices is not None and len(indices) == len(slots[0]):
        frames = _by_value(slots, lambda h: h.dimension_index, indices)
        return (_told(frames),), frames, []
    for key, (name, unit) in _RANKED.items():
        value_of = _key(key)
        if any(len({value_of(h) for h in slot} - {None}) < len(slot) for slot in slots):
            continue
        ordered = [sorted(slot, key=lambda h, value_of=value_of: value_of(h) or 0.0) for slot in slots]  # type: ignore[misc]
        ranked = [list(frame) for frame in zip(*ordered)]
        told = _told(ranked)
        if told.name == "frame" and name != "frame":
            values = [float(np.median([value_of(h) for h in frame])) for frame in ranked]
            start = values[0] if unit == "s" else 0.0
            told = Dimension(name, tuple(round(v - start, 6) for v in values), unit)
        return (told,), [list(frame) for frame in ranked], []
    return None


def _key(name: str) -> Callable[[Header], float | None]:
    return lambda header: dict(header.keys).get(name)


def _common_values(slots: Slots, value_of: Callable[[Header], object]) -> list | None:  # type: ignore[type-arg]
    """Return the values that every position has, sorted; None where positions differ or values are absent."""
    expected = {value_of(h) for h in slots[0]}
    if None in expected or any({value_of(h) for h in slot} != expected for slot in slots):
        return None
    return sorted(expected)


def _by_value(slots: Slots, value_of: Callable[[Header], object], values: Sequence[object]) -> Frames:
    tables = [{value_of(h): h for h in slot} for slot in slots]
    return [[table.get(value) for table in tables] for value in values]


def _told(frames: Sequence[Sequence[Header | None]]) -> Dimension:
    """Name the dimension of ordered frames by what is the same within each frame and varies between them."""
    for key, (name, unit) in _EXACT.items():
        values = [{_key(key)(h) for h in frame if h is not None} for frame in frames]
        if all(len(v) == 1 and None not in v for v in values) and len(set.union(*values)) > 1:
            return Dimension(name, tuple(float(next(iter(v))) for v in values), unit)  # type: ignore[arg-type]
    return Dimension("frame", tuple(float(i) for i in range(len(frames))))

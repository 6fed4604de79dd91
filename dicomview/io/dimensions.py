"""Extra dimensions: what tells several images at each position apart, and in which order they come."""

from collections import Counter
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
    "TemporalPositionTimeOffset": ("time", "s"),
    "DiffusionBValue": ("b_value", "s/mm2"),
    "EchoTime": ("echo_time", "ms"),
    "EchoNumbers": ("echo", ""),
    "FrameTime": ("time", "ms"),
    "TimeSlotVector": ("time_slot", ""),
    "PhaseVector": ("phase", ""),
    "RRIntervalVector": ("rr_interval", ""),
    "EnergyWindowVector": ("energy_window", ""),
    "DetectorVector": ("detector", ""),
}
#: Elements whose order at each position counts, since their values differ from slice to slice.
_RANKED = {
    "TriggerTime": ("trigger_time", "ms"),
    "AcquisitionTime": ("time", "s"),
    "ContentTime": ("time", "s"),
    "FrameReferenceTime": ("time", "ms"),
    "AcquisitionNumber": ("acquisition", ""),
    "InstanceNumber": ("frame", ""),
    "FrameNumber": ("frame", ""),
}
#: What orders images where some are missing: values that are the same at all positions.
_UNEVEN = {**_EXACT, **{key: _RANKED[key] for key in ("TriggerTime", "AcquisitionNumber")}}
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
    segments = {_key("ReferencedSegmentNumber")(h) for slot in slots for h in slot} - {None}
    if not segments and len({len(slot) for slot in slots}) == 1:
        arranged = _even(slots)
        if arranged is not None:
            return arranged
    uneven = {"ReferencedSegmentNumber": _EXACT["ReferencedSegmentNumber"]} if segments else _UNEVEN
    for key, (name, unit) in uneven.items():
        values = sorted({v for slot in slots for h in slot if (v := _key(key)(h)) is not None})
        table = [{_key(key)(h): h for h in slot} for slot in slots]
        alone = all(len(cells) == len(slot) and None not in cells for cells, slot in zip(table, slots))
        lost = len(values) * len(slots) - sum(map(len, slots))
        # Empty frames of a segmentation need not be stored.
        if alone and len(values) > 1 and (segments or lost <= (1 - _FILLED) * len(values) * len(slots)):
            frames: Frames = [[cells.get(value) for cells in table] for value in values]
            told = (
                []
                if segments or not lost
                else [f"{lost} images are missing in the grid of {name} and slices"]
            )
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
    strata = _strata(slots)
    for key, (name, unit) in _RANKED.items():
        value_of = _key(key)
        if not _ranks(slots, strata, value_of):
            continue
        ordered = [
            sorted(slot, key=lambda h, f=value_of: (*_values(h, strata), f(h) or 0.0))  # type: ignore[misc]
            for slot in slots
        ]
        ranked = [list(frame) for frame in zip(*ordered)]
        frames = [list(frame) for frame in ranked]
        outer = sorted({_values(h, strata) for h in slots[0]})
        each = len(ranked) // len(outer)
        parts = [ranked[i * each : (i + 1) * each] for i in range(len(outer))]
        is_grid = all(
            _values(h, strata) == o for o, part in zip(outer, parts) for frame in part for h in frame
        )
        if not strata or (len(strata) == 1 and len(outer) > 1 and each > 1 and is_grid):
            inner = _ranked_dimension(parts[0], value_of, name, unit)
            if not strata:
                return (inner,), frames, []
            known, known_unit = _EXACT[strata[0]]
            return (Dimension(known, tuple(o[0] for o in outer), known_unit), inner), frames, []
        return (_told(ranked),), frames, []
    return None


def _strata(slots: Slots) -> list[str]:
    """Return the exact keys that split every position in the same way: no frame may mix their values."""
    found = []
    for key in _EXACT:
        counts = [Counter(_key(key)(h) for h in slot) for slot in slots]
        if None not in counts[0] and len(counts[0]) > 1 and all(c == counts[0] for c in counts):
            found.append(key)
    return found


def _values(header: Header, keys: Sequence[str]) -> tuple[float, ...]:
    return tuple(_key(key)(header) or 0.0 for key in keys)


def _ranks(slots: Slots, strata: Sequence[str], value_of: Callable[[Header], float | None]) -> bool:
    """Return whether a value orders the images of every position, within each stratum."""
    if any(value_of(h) is None for slot in slots for h in slot):
        return False
    return all(len({(*_values(h, strata), value_of(h)) for h in slot}) == len(slot) for slot in slots)


def _ranked_dimension(
    frames: Sequence[Sequence[Header]], value_of: Callable[[Header], float | None], name: str, unit: str
) -> Dimension:
    """Name ranked frames by their median value; times of day count from the first."""
    if name == "frame":
        return Dimension(name, tuple(float(i) for i in range(len(frames))))
    values = [float(np.median([value_of(h) or 0.0 for h in frame])) for frame in frames]
    start = values[0] if unit == "s" else 0.0
    return Dimension(name, tuple(round(v - start, 6) for v in values), unit)


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

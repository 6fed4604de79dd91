"""Extra dimensions: what tells several images at each position apart, and in which order they come."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise, product
from typing import Any

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
    "InversionTime": ("inversion_time", "ms"),
    "FlipAngle": ("flip_angle", "deg"),
    "ASLContext": ("asl_context", ""),
    "FrameTime": ("time", "ms"),
    "EnergyWindowVector": ("energy_window", ""),
    "DetectorVector": ("detector", ""),
    "RRIntervalVector": ("rr_interval", ""),
    "TimeSlotVector": ("time_slot", ""),
    "PhaseVector": ("phase", ""),
    "TimeSliceVector": ("time_slice", ""),
    "RotationVector": ("rotation", ""),
    "AngularViewVector": ("angular_view", ""),
    "NominalPercentageOfCardiacPhase": ("cardiac_phase", "%"),
    "NominalPercentageOfRespiratoryPhase": ("respiratory_phase", "%"),
    "FrameReferenceTime": ("time", "ms"),
    "TriggerTime": ("trigger_time", "ms"),
}
#: Elements whose order at each position counts, since their values differ from slice to slice.
_RANKED = {
    "TriggerTime": ("trigger_time", "ms"),
    "AcquisitionTime": ("time", "s"),
    "FrameReferenceTime": ("time", "ms"),
    "ContentTime": ("time", "s"),
    "AcquisitionNumber": ("acquisition", ""),
    "InstanceNumber": ("frame", ""),
    "FrameNumber": ("frame", ""),
}
#: What orders images where some are missing: values that are the same at all positions.
_UNEVEN = {**_EXACT, **{key: _RANKED[key] for key in list(_RANKED)[:5]}}
#: What tells when an image was taken.
_TIMES = ("AcquisitionTime", "FrameReferenceTime", "TriggerTime", "ContentTime")
#: Directions of diffusion (or their mean) and of velocities: they tell images apart, but are no axis.
_DIRECTIONS = ("GradientX", "GradientY", "GradientZ", "Isotropic", "VelocityX", "VelocityY", "VelocityZ")
#: Keys of dimensions that only a DimensionIndexSequence tells begin so; the keyword of the pointer follows.
_INDEX = "Index of "
#: A grid with some places empty is accepted when at least this part of it is filled.
_FILLED = 0.6

Arranged = tuple[tuple[Dimension, ...], Frames, list[str]]


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
    arranged = arranged or _uneven(slots, segments=segments)
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
    names = [*_EXACT, *sorted({k for k in slots[0][0].key_values if k.startswith(_INDEX)})]
    if len(slots) == 1:
        names.remove("TriggerTime")  # any values are common to one position: other times must confirm them
    common = {
        key: values
        for key in names
        if (values := _common_values(slots, _key(key))) is not None and len(values) > 1
    }
    known = _known(slots)
    for count in (1, 2, 3):
        for keys in combinations(common, count):
            if math.prod(len(common[key]) for key in keys) != len(slots[0]):
                continue
            if len({_name(key)[0] for key in keys}) < count:
                continue
            frames = _by_value(slots, _tuple_of(keys), list(product(*(common[key] for key in keys))))
            full = all(header is not None for frame in frames for header in frame)
            if full and not _mixes(frames, known):
                dimensions = tuple(Dimension(_name(k)[0], tuple(common[k]), _name(k)[1]) for k in keys)
                if count == 1 and not dimensions[0].unit:
                    dimensions = (_meaning(dimensions[0], frames, common),)
                return dimensions, frames, []
    return None


def _meaning(counted: Dimension, frames: Frames, common: dict[str, list]) -> Dimension:  # type: ignore[type-arg]
    """Name frames that are merely counted by what they are: b-values, or what differs between all."""
    for key, values in common.items():
        name, unit = _name(key)
        if unit and key != "TriggerTime" and (key == "DiffusionBValue" or len(values) == len(frames)):
            found = [{_key(key)(h) for h in frame if h is not None} for frame in frames]
            if all(len(value) == 1 for value in found):
                return Dimension(name, tuple(float(value.pop() or 0.0) for value in found), unit)
    return counted


def _listed(slots: Slots) -> Arranged | None:
    """Arrange by DimensionIndexValues."""
    indices = _common_values(slots, lambda h: h.dimension_index or None)
    if indices is None or len(indices) != len(slots[0]):
        return None
    frames = _by_value(slots, lambda h: h.dimension_index, indices)
    return None if _mixes(frames, _known(slots)) else ((_told(frames),), frames, [])


def _ranked(slots: Slots) -> Arranged | None:
    """Arrange by what orders the images of every position, such as a time, without mixing known values."""
    strata = _strata(slots)
    directions = [key for key in _DIRECTIONS if _splits(slots, key)]
    strata = _in_turn(slots, strata, directions)
    key = _believed(slots, [*strata, *directions])
    if key is None:
        return None
    name, unit = _RANKED[key]
    frames = _in_order(slots, strata, directions, key)
    ranked: Frames = [list(frame) for frame in frames]
    if not strata and not directions:
        return (_ranked_dimension(frames, key, name, unit),), ranked, []
    outer = sorted({_values(h, strata) for h in slots[0]})
    each = len(frames) // len(outer)
    is_grid = each * len(outer) == len(frames) and all(
        _values(frame[0], strata) == outer[i // each] for i, frame in enumerate(frames)
    )
    if len(strata) == 1 and not directions and each > 1 and is_grid:
        known, known_unit = _name(strata[0])
        inner = _ranked_dimension(frames[:each], key, name, unit)
        return (Dimension(known, tuple(o[0] for o in outer), known_unit), inner), ranked, []
    return (_told(ranked),), ranked, []


def _in_turn(slots: Slots, strata: Sequence[str], directions: Sequence[str]) -> list[str]:
    """Return the strata without counts of time points that start again: time itself gives the order then."""
    kept = list(strata)
    for counted in strata:
        rest = [key for key in kept if key != counted]
        key = _believed(slots, [*rest, *directions]) if _EXACT[counted] == ("time", "") else None
        if key:
            frames = _in_order(slots, rest, directions, key)
            told = [{_values(h, (*rest, counted)) for h in frame} for frame in frames]
            if all(len(values) == 1 for values in told) and told != sorted(told, key=min):
                kept = rest
    return kept


def _believed(slots: Slots, apart: Sequence[str]) -> str | None:
    """Return the first key that another one confirms, or whose frames follow each other; else the first.

    Trigger times of perfusion are delays that jitter about one value, and ContentTime may be when an image
    left the reconstruction: both tell the images of every position apart, in an order of no meaning.
    """
    orders = {
        key: [[id(h) for h in slot] for slot in _sorted(slots, apart, key)]
        for key in _RANKED
        if _ranks(slots, apart, key)
    }
    for key, order in orders.items():
        confirmed = any(order == other for name, other in orders.items() if name != key)
        if confirmed or (len(slots) > 1 and _pause(list(zip(*_sorted(slots, (), key))), key) > 0):
            return key
    return next(iter(orders), None)


def _sorted(slots: Slots, apart: Sequence[str], key: str) -> list[list[Header]]:
    """Return the images of every position in the order of a key, within each stratum."""
    return [sorted(slot, key=lambda h: _values(h, (*apart, key))) for slot in slots]


def _pause(frames: Sequence[Sequence[Header | None]], key: str) -> float:
    """Return the shortest time from the end of a frame to the next one; negative where they overlap."""
    values = [[h.key_values[key] for h in frame if h is not None] for frame in frames]
    return min((min(b) - max(a) for a, b in pairwise(values)), default=math.inf)


def _in_order(slots: Slots, strata: Sequence[str], directions: Sequence[str], key: str) -> list[list[Header]]:
    """Return frames that hold one stratum each, in the order of the strata and of the key."""
    apart = [*strata, *directions]
    frames = [list(frame) for frame in zip(*_sorted(slots, apart, key))]

    def place(frame: Sequence[Header]) -> tuple[float, ...]:
        order = [_values(h, (key, "InstanceNumber", "FrameNumber")) for h in frame]
        return (*_values(frame[0], strata), *np.median(order, axis=0).tolist())

    return sorted(frames, key=place)


def _strata(slots: Slots) -> list[str]:
    """Return the exact keys that split every position in the same way: no frame may mix their values."""
    # Slices of one time point have trigger times of their own.
    keys = [key for key in _EXACT if key != "TriggerTime" and all(key in h.key_values for h in slots[0])]
    return [key for key in keys if _splits(slots, key)]


def _known(slots: Slots) -> list[str]:
    """Return the keys whose values no frame may mix: the strata, and directions."""
    return [*_strata(slots), *(key for key in _DIRECTIONS if _splits(slots, key))]


def _mixes(frames: Frames, known: Sequence[str]) -> bool:
    """Return whether a frame holds several values of a key."""
    return any(len({_key(key)(h) for h in frame if h is not None}) > 1 for key in known for frame in frames)


def _splits(slots: Slots, key: str) -> bool:
    """Return whether a key has several values, each equally often at every position."""
    first = Counter(_key(key)(h) for h in slots[0])
    return len(first) > 1 and all(Counter(_key(key)(h) for h in slot) == first for slot in slots)


def _values(header: Header, keys: Sequence[str]) -> tuple[float, ...]:
    return tuple(header.key_values.get(key, 0.0) for key in keys)


def _ranks(slots: Slots, apart: Sequence[str], key: str) -> bool:
    """Return whether a value orders the images of every position, within each stratum."""
    if any(key not in h.key_values for slot in slots for h in slot):
        return False
    return all(len({_values(h, (*apart, key)) for h in slot}) == len(slot) for slot in slots)


def _ranked_dimension(frames: Sequence[Sequence[Header]], key: str, name: str, unit: str) -> Dimension:
    """Name ranked frames by their median value; times of day count from the first."""
    if name == "frame":
        return _counted_frames(frames)
    values = [float(np.median([h.key_values[key] for h in frame])) for frame in frames]
    start = values[0] if unit == "s" else 0.0
    return Dimension(name, tuple(round(v - start, 6) for v in values), unit)


def _uneven(slots: Slots, *, segments: bool) -> Arranged | None:
    """Arrange images some of which are missing: the grid keeps their places empty."""
    for keys in [("ReferencedSegmentNumber",)] if segments else _candidates(slots):
        value_of = _tuple_of(keys)
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
    paired = [key for key in keys if key in _EXACT or key == "AcquisitionNumber"]
    yield from ((a, b) for a, b in combinations(paired, 2) if _UNEVEN[a][0] != _UNEVEN[b][0])


def _by_direction(slots: Slots) -> Arranged | None:
    """Arrange by b-value and direction where both tell the images of every position apart."""
    keys = ("DiffusionBValue", *_DIRECTIONS[:4])
    return _finished(_cells(slots, [{_values(h, keys): h for h in slot} for slot in slots]))


def _broken_off(slots: Slots) -> Arranged | None:
    """Arrange by time a scan whose last frame is not complete.

    Frames must follow each other, no slice may skip one, and the frames must not stand out better if the
    images were missing in the first one instead.
    """
    length = max(map(len, slots))
    if min(map(len, slots)) < max(length - 1, 2):
        return None
    for key in _TIMES:
        if not _ranks(slots, (), key):
            continue
        rows = _sorted(slots, (), key)
        frames = _cells(slots, [dict(enumerate(row)) for row in rows])
        late = _cells(slots, [dict(enumerate(row, length - len(row))) for row in rows])
        if not frames or not late or _skips(rows, key):
            continue
        if _pause(frames, key) > 0 and _pause(frames, key) >= _pause(late, key):
            present = [[h for h in frame if h is not None] for frame in frames]
            return _finished(frames, _ranked_dimension(present, key, *_RANKED[key]))
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
                return found
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
    mixed = _mixes(frames, ("DiffusionBValue", *_DIRECTIONS, "EchoNumbers"))
    return None if mixed or sum(map(len, slots)) < _FILLED * most else frames


def _finished(frames: Frames | None, dimension: Dimension | None = None) -> Arranged | None:
    """Name frames that are not complete, and say so."""
    if frames is None:
        return None
    told = _told(frames)
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


def _name(key: str) -> tuple[str, str]:
    """Return name and unit of the dimension that a key makes."""
    if key in _EXACT:
        return _EXACT[key]
    words = re.sub("Sequence$", "", key.removeprefix(_INDEX))
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", words).lower() or "frame", ""


def _key(name: str) -> Callable[[Header], float | None]:
    return lambda header: header.key_values.get(name)


def _tuple_of(keys: Sequence[str]) -> Callable[[Header], tuple[float | None, ...]]:
    return lambda header: tuple(header.key_values.get(key) for key in keys)


def _common_values(slots: Slots, value_of: Callable[[Header], object]) -> list | None:  # type: ignore[type-arg]
    """Return the values that every position has, sorted; None where positions differ or values are absent."""
    expected = {value_of(h) for h in slots[0]}
    if None in expected or any({value_of(h) for h in slot} != expected for slot in slots):
        return None
    return sorted(expected)


def _by_value(slots: Slots, value_of: Callable[[Header], object], values: Sequence[object]) -> Frames:
    tables = [{value_of(h): h for h in slot} for slot in slots]
    return [[table.get(value) for table in tables] for value in values]


def _told(frames: Frames) -> Dimension:
    """Name the dimension of ordered frames by what is the same within each frame and varies between them."""
    for key, (name, unit) in _EXACT.items():
        values = [{_key(key)(h) for h in frame if h is not None} for frame in frames]
        if all(len(v) == 1 and None not in v for v in values) and len(set.union(*values)) > 1:
            return Dimension(name, tuple(float(next(iter(v)) or 0.0) for v in values), unit)
    return _counted_frames(frames)


def _counted_frames(frames: Sequence[Sequence[Header | None]]) -> Dimension:
    """Count frames that nothing names, as time points where there are as many of these (fMRI of GE)."""
    told = {h.key_values.get("NumberOfTemporalPositions") for frame in frames for h in frame if h is not None}
    if told == {len(frames)}:
        return Dimension("time", tuple(float(i) for i in range(1, len(frames) + 1)))
    return Dimension("frame", tuple(float(i) for i in range(len(frames))))

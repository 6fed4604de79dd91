"""Frames: elements that tell the images of a position apart, the order they give and what it is called."""

import math
import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from dicomview.geometry.middle import median
from dicomview.io.header import Header
from dicomview.volume import Dimension

__all__ = [
    "COUNTS",
    "DIRECTIONS",
    "EXACT",
    "INDEX",
    "RANKED",
    "Arranged",
    "Frames",
    "Slots",
    "counted_frames",
    "guess",
    "key_of",
    "mixes",
    "name_of",
    "pause",
    "ranked_dimension",
    "ranks",
    "sorted_by",
    "told_dimension",
    "tuple_of",
    "values_of",
]

Slots = Sequence[Sequence[Header]]
Frames = list[list[Header | None]]
Arranged = tuple[tuple[Dimension, ...], Frames, list[str]]

#: Elements whose values are the same at every position, in order of preference: name and unit.
EXACT = {
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
RANKED = {
    "TriggerTime": ("trigger_time", "ms"),
    "AcquisitionTime": ("time", "s"),
    "FrameReferenceTime": ("time", "ms"),
    "ContentTime": ("time", "s"),
    "AcquisitionNumber": ("acquisition", ""),
    "InstanceNumber": ("frame", ""),
    "FrameNumber": ("frame", ""),
}
#: Those of them that only count images, in an order that need not mean anything.
COUNTS = ("InstanceNumber", "FrameNumber")
#: Directions of diffusion (or their mean) and of velocities: they tell images apart, but are no axis.
DIRECTIONS = ("GradientX", "GradientY", "GradientZ", "Isotropic", "VelocityX", "VelocityY", "VelocityZ")
#: Keys of dimensions that only a DimensionIndexSequence tells begin so; the keyword of the pointer follows.
INDEX = "Index of "


def pause(frames: Sequence[Sequence[Header | None]], key: str) -> float:
    """Return the shortest time from the end of a frame to the next one; negative where they overlap."""
    values = [[h.key_values[key] for h in frame if h is not None] for frame in frames]
    return min((min(b) - max(a) for a, b in pairwise(values)), default=math.inf)


def ranked_dimension(frames: Sequence[Sequence[Header]], key: str, name: str, unit: str) -> Dimension:
    """Name ranked frames by their median value; times of day count from the first."""
    if name == "frame":
        return counted_frames(frames)
    values = [float(median([h.key_values[key] for h in frame])) for frame in frames]
    start = values[0] if unit == "s" else 0.0
    return Dimension(name, tuple(round(v - start, 6) for v in values), unit)


def mixes(frames: Frames, known: Sequence[str]) -> bool:
    """Return whether a frame holds several values of a key."""
    return any(len({key_of(key)(h) for h in frame if h is not None}) > 1 for key in known for frame in frames)


def values_of(header: Header, keys: Sequence[str]) -> tuple[float, ...]:
    """Return the values of keys, 0 for those that are absent."""
    return tuple(header.key_values.get(key, 0.0) for key in keys)


def ranks(slots: Slots, apart: Sequence[str], key: str) -> bool:
    """Return whether a value orders the images of every position, within each stratum."""
    if any(key not in h.key_values for slot in slots for h in slot):
        return False
    return all(len({values_of(h, (*apart, key)) for h in slot}) == len(slot) for slot in slots)


def sorted_by(slots: Slots, apart: Sequence[str], key: str) -> list[list[Header]]:
    """Return the images of every position in the order of a key, within each stratum."""
    return [sorted(slot, key=lambda h: values_of(h, (*apart, key))) for slot in slots]


def name_of(key: str) -> tuple[str, str]:
    """Return name and unit of the dimension that a key makes."""
    if key in EXACT:
        return EXACT[key]
    words = re.sub("Sequence$", "", key.removeprefix(INDEX))
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", words).lower() or "frame", ""


def key_of(name: str) -> Callable[[Header], float | None]:
    """Return a function that gives the value of a key."""
    return lambda header: header.key_values.get(name)


def tuple_of(keys: Sequence[str]) -> Callable[[Header], tuple[float | None, ...]]:
    """Return a function that gives the values of keys."""
    return lambda header: tuple(header.key_values.get(key) for key in keys)


def told_dimension(frames: Frames) -> Dimension:
    """Name the dimension of ordered frames by what is the same within each frame and varies between them."""
    for key, (name, unit) in EXACT.items():
        values = [{key_of(key)(h) for h in frame if h is not None} for frame in frames]
        if all(len(v) == 1 and None not in v for v in values) and len(set.union(*values)) > 1:
            return Dimension(name, tuple(float(next(iter(v)) or 0.0) for v in values), unit)
    return counted_frames(frames)


def guess(slots: Slots, key: str) -> str:
    """Say that frames are in an order that no other element confirms, and which elements there are."""
    there = {name for slot in slots for h in slot for name in h.key_values}
    tried = [name for name in dict.fromkeys((*EXACT, *RANKED, *DIRECTIONS)) if name in there and name != key]
    tried += sorted(name for name in there if name.startswith(INDEX))
    count = max(map(len, slots))
    where = "one position" if len(slots) == 1 else f"each of {len(slots)} positions"
    return (
        f"no element tells the {count} images at {where} apart as it should "
        f"(there is {', '.join(tried) or 'none that could'}): frames are in the order of {key}, a guess"
    )


def counted_frames(frames: Sequence[Sequence[Header | None]]) -> Dimension:
    """Count frames that nothing names, as time points where there are as many of these (fMRI of GE)."""
    told = {h.key_values.get("NumberOfTemporalPositions") for frame in frames for h in frame if h is not None}
    if told == {len(frames)}:
        return Dimension("time", tuple(float(i) for i in range(1, len(frames) + 1)))
    return Dimension("frame", tuple(float(i) for i in range(len(frames))))

"""Frames: which frames of two volumes belong to one index of a volume that is made of both."""

from collections.abc import Sequence
from dataclasses import replace

from dicomview.volume.dimension import Dimension
from dicomview.volume.volume import Volume

__all__ = ["PairedFrames"]

Frame = tuple[int, ...]


class PairedFrames:
    """The extra dimensions of two volumes as those of one.

    Parameters
    ----------
    a, b : Volume
    linked : bool
        Whether frames of the same index belong together, where both have the same extra dimensions; else
        each keeps its own.

    Attributes
    ----------
    dimensions : tuple of Dimension
    can_link, is_linked : bool
        Whether both have the same extra dimensions, by name and length; and whether they go along.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = (Volume.from_array(np.zeros((n, 2, 3, 4))) for n in (5, 6))
    >>> PairedFrames(a, a, linked=True).split((3,))
    ((3,), (3,))
    >>> frames = PairedFrames(a, b, linked=True)
    >>> [dimension.name for dimension in frames.dimensions], frames.split((3, 5))
    (['frame of a', 'frame of b'], ((3,), (5,)))
    """

    def __init__(self, a: Volume, b: Volume, *, linked: bool) -> None:
        ours, theirs = ([(d.name, len(d)) for d in v.dimensions] for v in (a, b))
        self.can_link = ours == theirs and bool(ours)
        self.is_linked = linked and self.can_link
        self._count = len(ours)
        if self.is_linked:
            self.dimensions = tuple(map(_both, a.dimensions, b.dimensions))
        else:
            twice = set(a.extra_dims) & set(b.extra_dims)
            self.dimensions = tuple(
                replace(d, name=f"{d.name} of {name}") if d.name in twice else d
                for name, volume in (("a", a), ("b", b))
                for d in volume.dimensions
            )

    def split(self, frame: Sequence[int]) -> tuple[Frame, Frame]:
        """Return the frame of each."""
        first = tuple(frame[: self._count])
        return first, first if self.is_linked else tuple(frame[self._count :])

    def joined(self, first: Frame, second: Frame) -> Frame:
        """Return the index of a frame of each; where they go along, that of the first."""
        return first if self.is_linked else (*first, *second)


def _both(ours: Dimension, theirs: Dimension) -> Dimension:
    """Return a dimension that tells the values of both where they differ."""
    if (ours.values, ours.unit, ours.names) == (theirs.values, theirs.unit, theirs.names):
        return ours
    unit = ours.unit if ours.unit == theirs.unit else ""
    texts = [
        [
            label.removeprefix(f"{d.name} = ").removesuffix(unit).rstrip()
            for label in map(d.label, range(len(d)))
        ]
        for d in (ours, theirs)
    ]
    names = tuple(f"{one} | {other}" for one, other in zip(*texts))
    return Dimension(ours.name, ours.values, unit, names)

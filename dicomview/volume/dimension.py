"""Dimension: what varies along an axis beyond space, with its values and unit."""

from dataclasses import dataclass

__all__ = ["Dimension"]


@dataclass(frozen=True)
class Dimension:
    """One extra dimension of a volume.

    Attributes
    ----------
    name : str
        ``"time"``, ``"b_value"``, ``"echo_time"`` ...; the name in ``Volume.dims``.
    values : tuple of float
        One for each index.
    unit : str
        ``"s"``, ``"ms"``, ``"s/mm2"``; empty for numbers that only count.

    Examples
    --------
    >>> Dimension("b_value", (0, 1000), "s/mm2").label(1)
    'b_value = 1000 s/mm2'
    """

    name: str
    values: tuple[float, ...]
    unit: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def label(self, index: int) -> str:
        """Return name, value and unit at an index."""
        return f"{self.name} = {self.values[index]:g} {self.unit}".rstrip()

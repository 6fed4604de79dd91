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
    names : tuple of str
        What the values are called, where they only tell things apart.

    Examples
    --------
    >>> Dimension("b_value", (0, 1000), "s/mm2").label(1)
    'b_value = 1000 s/mm2'
    """

    name: str
    values: tuple[float, ...]
    unit: str = ""
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def label(self, index: int) -> str:
        """Return name, value and unit at an index."""
        value = self.names[index] if self.names else f"{self.values[index]:g}"
        return f"{self.name} = {value} {self.unit}".rstrip()

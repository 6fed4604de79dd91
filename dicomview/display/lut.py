"""VOILUT: a window whose curve is a table that the file carries."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.display.voi import look_up, read_lut
from dicomview.display.window import Window

__all__ = ["VOILUT"]


@dataclass(frozen=True, init=False, repr=False, eq=False, kw_only=True)
class VOILUT(Window):
    """A window whose curve is a table: an item of the VOI LUT Sequence (0028,3010).

    Parameters
    ----------
    lut_descriptor : array_like of 3 ints
        LUTDescriptor (0028,3002): number of entries (0 means 65536), first value mapped, bits of an entry.
    lut_data : array_like of ints or bytes
        LUTData (0028,3006).
    name : str
        LUTExplanation (0028,3003).

    Attributes
    ----------
    first : int
        First value mapped, in the unit of the values. Values below it get the first entry, values behind the
        table the last one, values between two entries the nearest.
    bits : int
        Of an entry: ``2**bits - 1`` is white; entries above it are white too.
    table : ndarray of uint16
        The entries; read-only.
    center, width : float
        Those of the linear window that spans the values mapped.
    function : str
        ``"table"``.

    Raises
    ------
    DisplayError
        If the descriptor is not allowed or the table is shorter than it says.

    References
    ----------
    DICOM PS3.3 C.11.2.1.1.

    See Also
    --------
    dicomview.display.apply_voi_lut : the entries as they are.

    Examples
    --------
    >>> lut = VOILUT([4, -2, 8], [0, 51, 204, 255], name="CONTRAST")
    >>> lut
    VOILUT('CONTRAST', first=-2, entries=4, bits=8)
    >>> lut.apply([-100, -1, 0, 100]).tolist()
    [0.0, 0.2, 0.8, 1.0]
    >>> lut.limits
    (-2.0, 1.0)
    """

    first: int
    bits: int
    table: NDArray[np.uint16]
    name: str

    def __init__(self, lut_descriptor: ArrayLike, lut_data: ArrayLike | bytes, *, name: str = "") -> None:
        first, bits, entries = read_lut(lut_descriptor, lut_data)
        table = entries.astype(np.uint16)
        table.setflags(write=False)
        width = max(len(table) - 1, 1)
        values = {"center": first + width / 2, "width": float(width), "function": "table"}
        for key, value in {**values, "first": first, "bits": bits, "table": table, "name": name}.items():
            object.__setattr__(self, key, value)

    def __repr__(self) -> str:
        return f"VOILUT({self.name!r}, first={self.first}, entries={len(self.table)}, bits={self.bits})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VOILUT) and (self is other or self._key() == other._key())

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.name, self.first, self.bits, self.table.tobytes()

    def apply(self, values: ArrayLike, *, ymin: float = 0.0, ymax: float = 1.0) -> NDArray[np.float64]:
        """Return the brightness of values, looked up in the table; as :meth:`dicomview.Window.apply`."""
        white = 2**self.bits - 1
        entries = np.minimum(self.table, white).astype(np.float64)
        scale = float(ymax - ymin) / white
        return np.asarray(look_up(values, self.first, entries) * scale + ymin)

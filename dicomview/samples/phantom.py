"""The phantom: bodies painted in order on a voxel grid, with bounded noise that never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.samples.shapes import Body, Point

__all__ = ["Phantom"]


def _noise_table(amplitude: int) -> NDArray[np.int16]:
    """Return the noise of every 16-bit word: the sum of its four digits, scaled to -amplitude..amplitude."""
    word = np.arange(65536, dtype=np.int64)
    digits = (word & 15) + (word >> 4 & 15) + (word >> 8 & 15) + (word >> 12)
    table: NDArray[np.int16] = ((digits * 2 * amplitude + 30) // 60 - amplitude).astype(np.int16)
    return table


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic subject whose value is known in closed form at every point.

    Parameters
    ----------
    name : str
        Short name, for descriptions.
    modality : {"CT", "MR"}
        What the values mean: HU or signal.
    shape : tuple of int
        Number of slices, rows and columns.
    affine : ndarray of float, shape (4, 4)
        Takes (slice, row, column, 1) to LPS mm.
    background : float
        Value outside all bodies.
    bodies : tuple of Body
        Painted in order, later over earlier.
    noise : int
        Amplitude: the noise of a voxel is an integer between -noise and noise, nearly Gaussian with a
        standard deviation of 0.31 times the amplitude.
    landmarks : mapping of str to (position, value)
        Named points: LPS position in mm and the closed-form value there.
    seed : int, optional
        Slice k takes its noise from ``PCG64(seed + k)``.

    Examples
    --------
    >>> import numpy as np
    >>> from dicomview.samples import Ellipsoid
    >>> ball = Ellipsoid((0, 0, 0), (3, 3, 3), 40)
    >>> phantom = Phantom("ball", "CT", (1, 2, 2), np.diag([1.0, 9, 9, 1]), -1000, (ball,), 0, {})
    >>> phantom.slice(0).tolist()
    [[40, -1000], [-1000, -1000]]
    """

    name: str
    modality: str
    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    background: float
    bodies: tuple[Body, ...]
    noise: int
    landmarks: Mapping[str, tuple[Point, float]] = field(default_factory=dict)
    seed: int = 2020

    @property
    def bound(self) -> float:
        """The largest possible difference of a voxel from `values` at its centre: noise plus rounding."""
        return self.noise + 0.5

    def values(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return the noiseless values at any points.

        Parameters
        ----------
        points : array_like of float, shape (n, 3)
            LPS positions in mm.

        Returns
        -------
        ndarray of float64, shape (n,)
            HU or signal.
        """
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        out = np.full(len(points), float(self.background))
        for body in self.bodies:
            low, high = body.bounds()
            inside = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
            if len(inside):
                x, y, z = points[inside].T
                part = out[inside]
                body.paint(part, x, y, z)
                out[inside] = part
        return out

    def slice(self, k: int) -> NDArray[np.int16]:
        """Return the voxels of one slice, noise included.

        Parameters
        ----------
        k : int
            Index of the slice.

        Returns
        -------
        ndarray of int16, shape (rows, columns)
            At most `bound` away from `values` at the voxel centres.
        """
        if not 0 <= k < self.shape[0]:
            raise IndexError(f"slice {k} is not in 0..{self.shape[0] - 1}")
        rows, columns = self.shape[1:]
        out = np.full((rows, columns), float(self.background))
        for body, box in zip(self.bodies, self._boxes):
            (k0, k1), (r0, r1), (c0, c1) = box
            if k0 <= k <= k1 and r0 <= r1 and c0 <= c1:
                body.paint(out[r0 : r1 + 1, c0 : c1 + 1], *self._grid(k, (r0, r1), (c0, c1)))
        noise = self._table[self._noise_words(k)].reshape(rows, columns)
        voxels: NDArray[np.int16] = np.rint(out).astype(np.int16) + noise
        return voxels

    def volume(self) -> NDArray[np.int16]:
        """Return all voxels.

        Returns
        -------
        ndarray of int16, shape (slices, rows, columns)
            HU or signal.
        """
        return np.stack([self.slice(k) for k in range(self.shape[0])])

    @cached_property
    def _table(self) -> NDArray[np.int16]:
        return _noise_table(self.noise)

    def _noise_words(self, k: int) -> NDArray[np.uint16]:
        count = self.shape[1] * self.shape[2]
        raw = np.random.PCG64(self.seed + k).random_raw(-(-count // 4))
        return np.asarray(raw).astype("<u8").view("<u2")[:count]

    @cached_property
    def _boxes(self) -> list[list[tuple[int, int]]]:
        """First and last (slice, row, column) that each body can touch."""
        inverse = np.linalg.inv(self.affine)
        boxes = []
        for body in self.bodies:
            low, high = body.bounds()
            corners = np.array([(x, y, z, 1) for x in (low[0], high[0])
                                for y in (low[1], high[1]) for z in (low[2], high[2])])  # fmt: skip
            index = corners @ inverse.T
            boxes.append(
                [
                    (max(0, int(np.floor(index[:, i].min()))), min(n - 1, int(np.ceil(index[:, i].max()))))
                    for i, n in enumerate(self.shape)
                ]
            )
        return boxes

    def _grid(
        self, k: int, rows: tuple[int, int], columns: tuple[int, int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return x, y and z of a part of slice k, each no larger than broadcasting needs."""
        row = np.arange(rows[0], rows[1] + 1, dtype=np.float64)[:, None]
        column = np.arange(columns[0], columns[1] + 1, dtype=np.float64)[None, :]
        grid: list[NDArray[np.float64]] = []
        for along_slice, along_row, along_column, origin in self.affine[:3].tolist():
            total = np.full((1, 1), origin + k * along_slice)
            if along_row:
                total = total + along_row * row
            if along_column:
                total = total + along_column * column
            grid.append(total)
        return grid[0], grid[1], grid[2]

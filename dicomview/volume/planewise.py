"""PlanewiseArray: an array of a volume whose planes are made by a function when they are asked for."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from dicomview.volume.reslice import full_key

__all__ = ["PlanewiseArray"]

#: Planes that are kept.
KEPT = 24


class PlanewiseArray:
    """Looks like an array (..., slice, row, column), or of colours (..., slice, row, column, rgb).

    An index that leaves space whole gives another of its kind, all others an array of numpy. What is picked
    with a number along a spatial axis comes from the plane across it; everything else from the slices.

    Parameters
    ----------
    make : callable
        Takes frame (a tuple of int), axis (0 slice, 1 row, 2 column) and index; returns the plane, its two
        other axes in their order, and colours behind.
    shape : sequence of int
        Extra dimensions first, then slices, rows, columns, then perhaps colours.
    dtype : dtype
    sample : callable, optional
        Returns values that stand for all; by default they come from a few slices.
    colors : bool
        Whether the last axis holds them.

    Examples
    --------
    >>> array = PlanewiseArray(lambda frame, axis, index: np.full((2, 2), 10 * axis + index), (2, 2, 2), int)
    >>> int(array[1, 0, 0]), array[:, 1].tolist(), np.asarray(array).tolist()
    (1, [[11, 11], [11, 11]], [[[0, 0], [0, 0]], [[1, 1], [1, 1]]])
    """

    def __init__(
        self,
        make: Callable[[tuple[int, ...], int, int], np.ndarray],
        shape: Sequence[int],
        dtype: Any,
        *,
        sample: Callable[[], np.ndarray] | None = None,
        colors: bool = False,
    ) -> None:
        self._make, self.sample = make, sample
        self._plane, self._whole = lru_cache(KEPT)(make), lru_cache(1)(self._stacked)
        self.shape, self.dtype, self.ndim = tuple(shape), np.dtype(dtype), len(shape)
        self._lead = self.ndim - 3 - colors

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.empty(self.shape, self.dtype)
        for place in np.ndindex(*self.shape[: self._lead + 1]):
            whole[place] = self._make(place[:-1], 0, place[-1])
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        keys = full_key(key, self.ndim)
        lead, space, rest = keys[: self._lead], list(keys[self._lead :][:3]), keys[self._lead + 3 :]
        frame = tuple(range(n)[k] for k, n in zip(lead, self.shape) if not isinstance(k, slice))
        if len(frame) < len(lead):
            return self if all(k == slice(None) for k in keys) else np.asarray(self)[keys]
        shape = self.shape[self._lead :]
        if all(k == slice(None) for k in (*space, *rest)):
            part = self._part(frame)
            return self if not lead else PlanewiseArray(part, shape, self.dtype, colors=len(shape) > 3)
        axis = next((i for i, k in enumerate(space) if not isinstance(k, slice)), None)
        if axis is not None:
            plane = self._plane(frame, axis, range(shape[axis])[space.pop(axis)])
            return plane[(*space, *rest)]
        chosen = range(shape[0])[space[0]]
        if 2 * len(chosen) > shape[0]:  # all of them will be asked for again
            return self._whole(frame)[(*space, *rest)]
        slices = [self._plane(frame, 0, k)[(*space[1:], *rest)] for k in chosen]
        return (
            np.stack(slices)
            if slices
            else np.empty((0, *shape[1:]), self.dtype)[(slice(None), *space[1:], *rest)]
        )

    def _stacked(self, frame: tuple[int, ...]) -> np.ndarray:
        """Return all slices of a frame."""
        return np.stack([self._make(frame, 0, k) for k in range(self.shape[self._lead])])

    def _part(self, frame: tuple[int, ...]) -> Callable[[tuple[int, ...], int, int], np.ndarray]:
        """Return what makes the planes of a frame; those that are kept stay shared."""
        return lambda _, axis, index: self._plane(frame, axis, index)

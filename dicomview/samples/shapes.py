"""Closed-form bodies: ellipsoids, tubes and folded ellipsoids that paint themselves onto points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Body", "Ellipsoid", "Folds", "HalfSpace", "Tube"]

Point = tuple[float, float, float]
HalfSpace = tuple[float, float, float, float]
"""(a, b, c, d): keeps the points with ``a x + b y + c z <= d``; (a, b, c) is a unit vector."""

Floats = NDArray[np.float64]

_FAR = 1e5  # mm; stands for infinity in bounds


class Body(Protocol):
    """Anything that covers a part of space with a value.

    Only additions, multiplications, divisions and square roots of single numbers are used, because IEEE
    754 defines their results to the last bit on every machine.
    """

    def bounds(self) -> tuple[Point, Point]:
        """Return the lowest and the highest LPS corner (mm) of a box that contains the body."""
        ...

    def paint(self, out: Floats, x: Floats, y: Floats, z: Floats) -> None:
        """Blend the body into `out` at the LPS coordinates (mm), which broadcast to its shape."""
        ...


Index = tuple[NDArray[np.intp], ...]


def _blend(out: Floats, index: Index, cover: Floats, value: float | Floats) -> None:
    before = out[index]
    out[index] = before + cover * (value - before)


def _at(index: Index, *arrays: Floats) -> list[Floats]:
    """Pick from arrays that need not be broadcast first."""
    picked = (a[tuple(i if n > 1 else np.intp(0) for i, n in zip(index, a.shape))] for a in arrays)
    return [np.broadcast_to(a, index[0].shape) for a in picked]


def _cut(distance: Floats, clips: tuple[HalfSpace, ...], x: Floats, y: Floats, z: Floats) -> Floats:
    for *normal, d in clips:
        margin = np.full((1,) * x.ndim, float(d))
        for a, p in zip(normal, (x, y, z)):
            if a != 0:
                margin = margin - a * p
        distance = np.minimum(distance, margin)
    return distance


@dataclass(frozen=True)
class Ellipsoid:
    """A filled ellipsoid, perhaps turned, egg-shaped and cut by planes.

    Parameters
    ----------
    center : tuple of float
        LPS position in mm.
    radii : tuple of float
        Half axes in mm along the body's own x, y and z; ``math.inf`` makes a cylinder.
    value : float
        HU or signal inside.
    rotation : tuple of float, optional
        Degrees about x, then y, then z, right-handed.
    egg : float, optional
        The x half axis is multiplied by ``1 + egg * t``, where t runs from -1 to 1 along the body's y.
    clips : tuple of HalfSpace, optional
        Only the part inside all of them is painted.
    edge : float, optional
        Width in mm of the ramp at the surface, like the partial volume of a scanner.

    Examples
    --------
    >>> import numpy as np
    >>> ball = Ellipsoid((0, 0, 0), (10, 10, 10), 40.0)
    >>> out = np.zeros(2)
    >>> ball.paint(out, np.array([0.0, 20.0]), np.zeros(2), np.zeros(2))
    >>> out.tolist()
    [40.0, 0.0]
    """

    center: Point
    radii: Point
    value: float
    rotation: Point = (0.0, 0.0, 0.0)
    egg: float = 0.0
    clips: tuple[HalfSpace, ...] = ()
    edge: float = 0.8

    @cached_property
    def axes(self) -> tuple[Point, Point, Point]:
        """The body's own x, y and z directions in LPS, rounded so that all platforms agree."""
        (cx, sx), (cy, sy), (cz, sz) = (
            (round(math.cos(math.radians(a)), 12), round(math.sin(math.radians(a)), 12))
            for a in self.rotation
        )
        return (
            (cz * cy, sz * cy, -sy),
            (cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx),
            (cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx),
        )

    @cached_property
    def reach(self) -> float:
        """The distance from the centre, in units of the radii, from which nothing is painted.

        This is the root r of ``r r = 1 + e r`` with e = edge / least radius; see `depth`.
        """
        e = self.edge * 1.001 / min(self.radii)
        return (e + math.sqrt(e * e + 4)) / 2

    def bounds(self) -> tuple[Point, Point]:
        """Return the lowest and the highest LPS corner (mm) of a box that contains the body."""
        radii = [min(r, _FAR) * self.reach for r in self.radii]
        radii[0] *= 1 + abs(self.egg) * min(self.reach, 1.5)
        low, high = [], []
        for i, middle in enumerate(self.center):
            reach = math.sqrt(sum((r * axis[i]) * (r * axis[i]) for r, axis in zip(radii, self.axes)))
            low.append(middle - reach)
            high.append(middle + reach)
        for *normal, d in self.clips:
            least = [min(a * p, a * q) for a, p, q in zip(normal, low, high)]
            for i, a in enumerate(normal):
                if a != 0:
                    end = (d + 2 * self.edge - sum(least) + least[i]) / a
                    low[i], high[i] = (low[i], min(high[i], end)) if a > 0 else (max(low[i], end), high[i])
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def unit(self, x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return u, v, w and f, where (u f, v, w) are the coordinates in which the body is the unit ball.

        All have the smallest shape that broadcasts.
        """
        offsets = (x - self.center[0], y - self.center[1], z - self.center[2])
        unit: list[Floats] = []
        for axis, radius in zip(self.axes, self.radii):
            total = np.zeros((1,) * x.ndim)
            for a, offset in zip(axis, offsets):
                if a != 0:
                    total = total + a * offset
            unit.append(total / radius)
        factor = 1 / (1 + self.egg * np.clip(unit[1], -1.5, 1.5)) if self.egg else np.ones((1,) * x.ndim)
        return unit[0], unit[1], unit[2], factor

    def depth(self, u: Floats, v: Floats, w: Floats, x: Floats, y: Floats, z: Floats) -> Floats:
        """Return how deep below the surface the points are, in mm and to first order; negative outside."""
        a, b, c = self.radii
        slope = np.sqrt((u / a) * (u / a) + (v / b) * (v / b) + (w / c) * (w / c))
        inside = (1 - (u * u + v * v + w * w)) / (2 * slope + 1e-9)
        return _cut(inside, self.clips, x, y, z)

    def paint(self, out: Floats, x: Floats, y: Floats, z: Floats) -> None:
        """Blend the body into `out` at the LPS coordinates (mm), which broadcast to its shape."""
        u, v, w, f = self.unit(x, y, z)
        square = (u * u) * (f * f) + (v * v + w * w)
        near = np.broadcast_to(square < self.reach * self.reach, out.shape)
        core = np.broadcast_to(square <= 1 - 1.001 * self.edge / min(self.radii), out.shape)
        if self.clips:
            margin = _cut(np.full((1,) * x.ndim, np.inf), self.clips, x, y, z)
            near = near & (margin > -self.edge)
            core = core & (margin > self.edge)
        rim = np.nonzero(near & ~core)
        np.copyto(out, self.value, where=core)
        u, v, w, f, x, y, z = _at(rim, u, v, w, f, x, y, z)
        cover = np.clip(self.depth(u * f, v, w, x, y, z) / self.edge + 0.5, 0, 1)
        _blend(out, rim, cover, self.value)


@dataclass(frozen=True)
class Tube:
    """A straight tube with round ends whose radius changes linearly.

    Parameters
    ----------
    start, end : tuple of float
        LPS ends of the axis in mm.
    radii : tuple of float
        Radius in mm at either end.
    value : float
        HU or signal inside.
    width : float, optional
        The cross-section is stretched by this along x.
    edge : float, optional
        Width in mm of the ramp at the surface.
    """

    start: Point
    end: Point
    radii: tuple[float, float]
    value: float
    width: float = 1.0
    edge: float = 0.8

    def bounds(self) -> tuple[Point, Point]:
        """Return the lowest and the highest LPS corner (mm) of a box that contains the body."""
        low, high = [], []
        for i, (a, b) in enumerate(zip(self.start, self.end)):
            ra, rb = ((r + self.edge) * (self.width if i == 0 else 1) for r in self.radii)
            low.append(min(a - ra, b - rb))
            high.append(max(a + ra, b + rb))
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def paint(self, out: Floats, x: Floats, y: Floats, z: Floats) -> None:
        """Blend the body into `out` at the LPS coordinates (mm), which broadcast to its shape."""
        scale = (1 / self.width, 1.0, 1.0)
        axis = [(b - a) * s for a, b, s in zip(self.start, self.end, scale)]
        length = axis[0] * axis[0] + axis[1] * axis[1] + axis[2] * axis[2]
        px, py, pz = ((p - a) * s for p, a, s in zip((x, y, z), self.start, scale))
        t = np.clip((px * axis[0] + py * axis[1] + pz * axis[2]) / length, 0, 1)
        px, py, pz = px - t * axis[0], py - t * axis[1], pz - t * axis[2]
        radius = self.radii[0] + t * (self.radii[1] - self.radii[0])
        distance = radius - np.sqrt(px * px + py * py + pz * pz)
        cover = np.broadcast_to(np.clip(distance / self.edge + 0.5, 0, 1), out.shape)
        near = np.nonzero(cover > 0)
        _blend(out, near, cover[near], self.value)


@dataclass(frozen=True)
class Folds:
    """An ellipsoid with a folded rind, like the cortex of the brain.

    The folds are the places where a sum of plane waves (built of parabolas, not of sines) vanishes. The waves
    are taken mostly at the foot point on the surface, so folds dive straight down.

    Parameters
    ----------
    host : Ellipsoid
        The outer form; its value is that of the core (white matter).
    rind, gap : float
        Value of the rind (grey matter) and of what fills the folds (CSF).
    wavelength : float
        mm; folds are about half of it apart.
    floor : float
        Depth in mm at which the folds end.
    thickness : float
        Of the rind, in mm.
    width : float
        Half width of a fold in mm.
    seed : int
        Chooses the directions of the waves.
    """

    host: Ellipsoid
    rind: float
    gap: float
    wavelength: float
    floor: float
    thickness: float
    width: float
    seed: int

    @cached_property
    def waves(self) -> list[tuple[float, float, float, float]]:
        """Wave vectors (cycles per mm) and phases (cycles), from raw random bits."""
        waves: list[tuple[float, float, float, float]] = []
        bits = iter(np.random.PCG64(self.seed).random_raw(400).tolist())
        while len(waves) < 5:
            a, b, c, phase = ((next(bits) >> 11) / 2.0**52 - 1 for _ in range(4))
            norm = math.sqrt(a * a + b * b + c * c)
            if 0.3 < norm < 1:
                scale = norm * self.wavelength
                waves.append((a / scale, b / scale, c / scale, phase))
        return waves

    def bounds(self) -> tuple[Point, Point]:
        """Return the lowest and the highest LPS corner (mm) of a box that contains the body."""
        return self.host.bounds()

    def paint(self, out: Floats, x: Floats, y: Floats, z: Floats) -> None:
        """Blend the body into `out` at the LPS coordinates (mm), which broadcast to its shape."""
        host = self.host
        u, v, w, f = host.unit(x, y, z)
        square = (u * u) * (f * f) + (v * v + w * w)
        near = np.nonzero(np.broadcast_to(square < host.reach * host.reach, out.shape))
        u, v, w, f, x, y, z = _at(near, u, v, w, f, x, y, z)
        u = u * f
        depth = host.depth(u, v, w, x, y, z)
        cover = np.clip(depth / host.edge + 0.5, 0, 1)
        value = np.full(depth.shape, host.value)
        shallow = depth < self.floor + self.width + self.thickness + 2
        value[shallow] = self._rind(depth[shallow], u[shallow], v[shallow], w[shallow])
        _blend(out, near, cover, value)

    def _rind(self, depth: Floats, u: Floats, v: Floats, w: Floats) -> Floats:
        foot = 0.25 + 0.75 / (np.sqrt(u * u + v * v + w * w) + 1e-3)
        px, py, pz = (
            unit * (r * foot) for unit, r in zip((u, v, w), (np.float64(r) for r in self.host.radii))
        )
        total = np.zeros(depth.shape)
        for a, b, c, phase in self.waves:
            cycle = a * px + b * py + c * pz + phase
            cycle = cycle - np.floor(cycle) - 0.5  # -0.5..0.5
            total = total + cycle * (1 - 2 * np.abs(cycle))  # a parabolic sine of amplitude 1/8
        # The sum's root mean square slope is about 0.9 / wavelength: turns it into mm.
        fold = np.abs(total) * (self.wavelength / 0.9) + np.maximum(depth - self.floor, 0)
        away = np.minimum(depth, fold - self.width * (1 - 0.6 * np.minimum(depth / self.floor, 1)))
        grey = np.clip(away + 0.5, 0, 1)
        white = np.clip((away - self.thickness) / 1.5 + 0.5, 0, 1)
        return self.gap + grey * (self.rind - self.gap) + white * (self.host.value - self.rind)

"""Tracers in the head phantom: contrast medium that passes, glucose that stays."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dicomview.samples.head import head_phantom
from dicomview.samples.materials import EGG, tubes
from dicomview.samples.phantom import Phantom
from dicomview.samples.shapes import Body, Ellipsoid, Tube

__all__ = ["INTERVAL", "PERFUSION", "PET", "passing_contrast", "uptake"]

Floats = NDArray[np.float64]

#: Grid of the CT perfusion: 10 slices of 5 mm, from the base of the brain to above the ventricles.
PERFUSION = ((10, 128, 128), np.array([[0, 0, 1.8, -114.3], [0, 1.8, 0, -113], [5, 0, 0, 5], [0, 0, 0, 1.0]]))
#: Seconds between its frames, and their number.
INTERVAL, FRAMES = 2.0, 24
#: Grid of the PET.
PET = ((68, 96, 96), np.array([[0, 0, 2.4, -114], [0, 2.4, 0, -113], [2.5, 0, 0, -55.3], [0, 0, 0, 1.0]]))

_INSIDE: tuple[Body, ...] = (Ellipsoid((0, 0, 32), (61, 79.6, 65), 1000, egg=EGG),)
_ARTERIES: tuple[Body, ...] = (
    *tubes((7, -10, 9), (24, -12, 11), (2.6, 2.4), 1000),  # middle cerebral
    *tubes((24, -12, 11), (43, -8, 27), (2.4, 2.0), 1000),
    *tubes((1.6, -24, 10), (1.6, -53, 32), (2.2, 2.0), 1000),  # anterior cerebral
    *tubes((1.6, -53, 32), (1.6, -30, 60), (2.0, 1.8), 1000),
)
_VEINS: tuple[Body, ...] = (
    Tube((-1.5, 30, 93), (-3, 65, 71), (3, 4), 1000),  # superior sagittal sinus
    Tube((-3, 65, 71), (-1, 79, 32), (4, 4.5), 1000),
    *tubes((0, 79, 26), (28, 71, 10), (4, 4), 1000),  # transverse sinuses
    *tubes((28, 71, 10), (49, 44, -2), (4, 4), 1000),
)
#: Highest enhancement in HU, arrival and time to peak from there in s.
_ARTERY, _TISSUE, _VEIN = (240, 6, 7), (1, 8, 9), (190, 11, 9)
_NODE: tuple[Body, ...] = (Ellipsoid((-46, 12, -44), (7, 8, 9), 1000, edge=2),)

#: SUV by HU: of brain, and of all other tissue. Blood that has left the vessels takes up nothing.
_BRAIN = ((7, 19, 28, 38, 48, 56, 130), (0.4, 1.0, 3.0, 9.0, 6.0, 1.0, 0.4))
_REST = ((-1000, -300, -95, 25, 58, 300), (0, 0.1, 0.3, 0.5, 0.9, 0.6))
#: Enhancement of brain in HU, by its HU before.
_BLOOD_VOLUME = ((7, 19, 28, 38, 48, 56), (0.0, 1.5, 5.0, 12.0, 10.0, 0.0))


def _part(bodies: tuple[Body, ...], shape: tuple[int, int, int], affine: Floats) -> Floats:
    """Return how much of each voxel centre some bodies cover, 0 to 1."""
    return Phantom("part", "CT", shape, affine, 0, bodies, 0).volume() / 1000


@cache
def _clean(kind: str) -> tuple[Floats, Floats]:
    """Return the head on the grid of a kind of scan in HU, without noise, and what lies in the skull."""
    shape, affine = PERFUSION if kind == "perfusion" else PET
    head = replace(head_phantom(), shape=shape, affine=affine, noise=0)
    return head.volume().astype(float), _part(_INSIDE, shape, affine)


def _bolus(time: float, peak: float, arrival: float, rise: float) -> float:
    """Return a gamma variate, the usual model of a first pass, at a time in s."""
    x = max(0.0, time - arrival) / rise
    return float(peak * x**3 * np.exp(3 * (1 - x)))


def passing_contrast(frame: int) -> NDArray[np.int16]:
    """Return a frame of the CT perfusion.

    Parameters
    ----------
    frame : int
        0 to 23; frames are 2 s apart.

    Returns
    -------
    ndarray of int16, shape (10, 128, 128)
        HU, on the grid ``PERFUSION``. Arteries are brightest at 13 s, grey matter at 17 s, veins at 20 s;
        the haemorrhage does not change.

    Examples
    --------
    >>> passing_contrast(0).shape
    (10, 128, 128)
    """
    shape, affine = PERFUSION
    time = frame * INTERVAL
    values, inside = _clean("perfusion")
    values = values + np.interp(values, *_BLOOD_VOLUME) * inside * _bolus(time, *_TISSUE)
    values += _part(_ARTERIES, shape, affine) * _bolus(time, *_ARTERY)
    values += _part(_VEINS, shape, affine) * _bolus(time, *_VEIN)
    still = replace(head_phantom(), shape=shape, affine=affine, bodies=(), background=0)
    noise = replace(still, noise=8, seed=2020 + 100 * frame).volume()
    return np.rint(values).astype(np.int16) + noise


def uptake() -> Floats:
    """Return the uptake of glucose as a PET scanner of 5 mm resolution sees it.

    Returns
    -------
    ndarray of float, shape (68, 96, 96)
        SUV, on the grid ``PET``, without noise: about 6 in grey matter, next to nothing in the haemorrhage,
        and a node in the right side of the neck.
    """
    from scipy.ndimage import gaussian_filter

    shape, affine = PET
    values, inside = _clean("pet")
    suv = np.interp(values, *_REST) * (1 - inside) + np.interp(values, *_BRAIN) * inside
    node = _part(_NODE, shape, affine)
    suv = suv * (1 - node) + 14 * node
    sigma = 5 / 2.355 / np.linalg.norm(affine[:3, :3], axis=0)  # 2.355: full width at half maximum
    blurred: Floats = gaussian_filter(suv, sigma)
    return blurred

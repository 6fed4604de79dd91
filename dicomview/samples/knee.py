"""The knee phantom: a sagittal MR of a right knee, as fluid-sensitive proton density shows it."""

from __future__ import annotations

from functools import cache

import numpy as np

from dicomview.samples.phantom import Phantom
from dicomview.samples.shapes import Body, Ellipsoid, Folds, HalfSpace, Point, Tube

__all__ = ["knee_phantom"]

NOTHING, SKIN, FAT, MUSCLE, MARROW = 36.0, 360.0, 820.0, 340.0, 690.0
CORTEX, TENDON, MENISCUS, CARTILAGE, FLUID, VEIN = 70.0, 60.0, 75.0, 520.0, 930.0, 420.0

PLATEAU: HalfSpace = (0.0, 0.0, 1.0, -6.0)  # the top of the tibia
SHELLS = ((2.4, CARTILAGE), (0.0, CORTEX), (-1.6, MARROW))  # outset in mm and signal, outside first


def _grown(radii: Point, by: float) -> Point:
    return radii[0] + by, radii[1] + by, radii[2] + by


def _limb() -> list[Body]:
    """Return skin, fat and the muscles with the fat between them."""
    bodies: list[Body] = []
    for inset, value in ((0.0, SKIN), (1.6, FAT)):
        i = inset
        bodies += [
            Tube((0, 8, 0), (0, 12, 140), (50 - i, 68 - i), value, width=1.14, edge=1),
            Tube((0, 8, 0), (0, 14, -140), (50 - i, 54 - i), value, width=1.14, edge=1),
            Ellipsoid((-1, -14, 28), (42 - i, 43 - i, 44 - i), value, edge=1),
            Ellipsoid((0, -18, -36), (34 - i, 31 - i, 30 - i), value, edge=1),
        ]
    strands: list[tuple[Point, Point, tuple[float, float], float]] = [
        ((25, 32, 120), (33, 39, 14), (25, 11), 1.0),  # semimembranosus
        ((14, 60, 120), (36, 49, 0), (11, 3.5), 1.1),  # semitendinosus
        ((-30, 38, 120), (-37, 35, 4), (25, 9), 1.0),  # biceps femoris
        ((46, 20, 120), (45, 22, -10), (9, 6), 0.8),  # sartorius
        ((19, 40, 12), (20, 44, -110), (11, 22), 1.2),  # gastrocnemius, medial head
        ((-21, 40, 12), (-21, 44, -110), (10, 20), 1.2),  # and lateral head
        ((-6, 27, -36), (-2, 28, -120), (6, 15), 2.2),  # soleus
        ((-12, 24, -16), (10, 25, -60), (5, 7), 1.8),  # popliteus
        ((-31, 2, -34), (-30, -2, -120), (6, 19), 1.0),  # extensors of the foot
        ((0, -22, 64), (0, -26, 140), (5, 20), 2.2),  # vastus intermedius and rectus femoris
        ((35, -8, 44), (33, -8, 120), (10, 25), 1.0),  # vastus medialis
        ((-37, -6, 50), (-33, -8, 120), (8, 26), 1.0),  # vastus lateralis
    ]
    for start, end, (a, b), width in strands:
        bodies.append(Tube(start, end, (a + 1.4, b + 1.4), FAT + 40, width=width, edge=1.2))
        bodies.append(Tube(start, end, (a, b), MUSCLE, width=width, edge=1.2))
        streak: Point = (start[0] + 0.35 * a, start[1] - 0.2 * a, start[2])
        bodies.append(Tube(streak, end, (0.8, 0.5), FAT - 200, edge=1.2))
    return bodies


def _vessels() -> list[Body]:
    """Return popliteal artery, vein and nerve in the fat behind the joint."""
    return [
        Ellipsoid((-1, 43, 6), (10, 11, 46), FAT + 20, edge=2),
        Tube((2, 36, 120), (-2, 37, 10), (3.4, 3.2), 45, edge=1),
        Tube((-2, 37, 10), (-3, 32, -60), (3.2, 2.6), 45, edge=1),
        Tube((5, 42, 120), (1, 43, 10), (4.2, 4.0), VEIN, edge=1),
        Tube((1, 43, 10), (0, 38, -60), (4.0, 3.2), VEIN, edge=1),
        Tube((-6, 51, 120), (-4, 50, -30), (2.6, 2.4), 420, edge=1.5),
    ]


def _femur() -> list[Body]:
    """Return the femur: condyles, trochlea, shaft; the outermost shell of the joint part is cartilage."""
    bodies: list[Body] = []
    for by, value in SHELLS:
        bone = min(by, 0.0)
        bodies += [
            Ellipsoid((20.5, 10, 15.0), _grown((14.5, 27, 19.6), by), value, rotation=(-3, 0, 0)),
            Ellipsoid((-20.5, 9, 14.6), _grown((14.5, 25, 19.2), by), value, rotation=(-2, 0, 0)),
            Ellipsoid((15, -7, 24), _grown((15, 17, 20), by), value),
            Ellipsoid((-15, -8, 25), _grown((16, 18, 21), by), value),
            Ellipsoid((0, -4, 30), _grown((22, 19, 19), by), value),
            Ellipsoid((0, 0, 38), _grown((31, 19, 24), bone), value if value != CARTILAGE else CORTEX),
            Tube(
                (0, -2, 42),
                (0, -6, 78),
                (21 + bone, 14 + 2.4 * bone),
                CORTEX if bone == 0 else MARROW,
                width=1.15,
            ),
            Tube(
                (0, -6, 78),
                (0, -10, 140),
                (14 + 2.4 * bone, 13.5 + 2.6 * bone),
                CORTEX if bone == 0 else MARROW,
            ),
        ]
    marrow = Ellipsoid((0, 2, 33), (27, 13, 15), MARROW + 25)
    bodies += [
        Folds(marrow, MARROW - 25, MARROW - 50, 9.0, 20.0, 1.5, 0.3, 7),
        Ellipsoid((0, -1, 41), (29, 17, 0.7), MARROW - 260, rotation=(8, 0, 0), edge=1),  # growth plate scar
    ]
    return bodies


def _notch() -> list[Body]:
    """Return the notch between the condyles with its fat and the two cruciate ligaments."""
    return [
        Ellipsoid((0, 27, 9), (7.5, 20, 17), FAT - 120, edge=1.5),
        Ellipsoid((0, 10, 3), (7, 16, 11), FAT - 120, edge=1.5),
        Tube((-5, 22, 18), (3, -9, -5), (3.2, 4.0), 190, width=1.1, edge=1.5),  # anterior
        Tube((4, 4, 17), (2, 19, 13), (4.4, 4.2), TENDON, width=1.1, edge=1.2),  # posterior, an arc
        Tube((2, 19, 13), (0, 28, 2), (4.2, 3.8), TENDON, width=1.1, edge=1.2),
        Tube((0, 28, 2), (-1, 27, -14), (3.8, 3.0), TENDON, width=1.2, edge=1.2),
    ]


def _tibia() -> list[Body]:
    """Return tibia and fibula; the fibula is lateral: at negative x in a right knee."""
    bodies: list[Body] = []
    for by, value in SHELLS:
        top = (*PLATEAU[:3], PLATEAU[3] + by)
        bone = min(by, 0.0)
        solid = CORTEX if bone == 0 else MARROW
        bodies += [
            Ellipsoid((19, 6, -16), _grown((20, 28, 24), bone), value, clips=(top,)),
            Ellipsoid((-19, 6, -16), _grown((19.5, 26, 23), bone), value, clips=(top,)),
            Ellipsoid((0, 4, -17), _grown((26, 25, 24), bone), solid, clips=(PLATEAU if by else top,)),
            Tube((0, 3, -26), (0, 0, -64), (23 + bone, 14.5 + 2 * bone), solid, width=1.2),
            Tube((0, 0, -64), (0, 2, -140), (14.5 + 2 * bone, 13 + 2.8 * bone), solid),
            Ellipsoid((0, -18, -36), _grown((10, 9, 15), bone), solid),
            Ellipsoid((0, 5, -6), _grown((6, 9, 5), bone), solid),  # the spines
        ]
    marrow = Ellipsoid((0, 4, -24), (30, 20, 14), MARROW + 20, clips=((0.0, 0.0, 1.0, -10.0),))
    bodies += [
        Folds(marrow, MARROW - 20, MARROW - 45, 9.0, 20.0, 1.5, 0.3, 8),
        Ellipsoid((0, 4, -25), (28, 19, 0.7), MARROW - 260, rotation=(-4, 0, 0), edge=1),
    ]
    for by, solid in ((0.0, CORTEX), (-1.5, MARROW)):
        bodies += [
            Ellipsoid((-37, 25, -25), _grown((9.5, 10.5, 12), by), solid),
            Tube((-37, 25, -28), (-35, 28, -60), (8.5 + by, 6 + 1.3 * by), solid),
            Tube((-35, 28, -60), (-33, 28, -140), (6 + 1.3 * by, 6 + 1.6 * by), solid),
        ]
    return bodies


def _menisci() -> list[Body]:
    """Return two discs; the condyles painted over their middle leave wedges at the rims."""
    bodies: list[Body] = [Ellipsoid((0, 6, -1), (39, 30, 7), FAT, edge=2)]
    for center, radii in (((20.5, 9, -0.4), (18.5, 25.5, 6.6)), ((-20.5, 8, -0.4), (18, 23.5, 6.6))):
        bodies.append(
            Ellipsoid(center, _grown(radii, 1.2), FLUID - 60, clips=((0.0, 0.0, -1.0, 4.4),), edge=1.2)
        )
        bodies.append(Ellipsoid(center, radii, MENISCUS, clips=((0.0, 0.0, -1.0, 3.6),)))
    return bodies


def _front() -> list[Body]:
    """Return patella, its tendons, the fat pad of Hoffa and the fluid above the patella."""
    bodies: list[Body] = [
        Ellipsoid((0, -31, 4), (25, 12, 17), FAT + 30, rotation=(12, 0, 0), edge=1.5),
        Tube((1, -31, 34), (2, -25, 66), (2.0, 1.2), FLUID, width=9, edge=1),
        Ellipsoid((-1, -34, 30), (21, 4.5, 17), CARTILAGE + 40),
        Tube((0, -35, 62), (0, -33, 58), (3, 3), FAT, width=4, edge=1.5),
    ]
    for by, value in ((0.0, CORTEX), (-1.5, MARROW)):
        bodies.append(Ellipsoid((-1, -41, 31), _grown((21, 8.5, 20), by), value, rotation=(-5, 0, 0)))
    return [
        *bodies,
        Tube((-1, -46, 47), (0, -40, 78), (3.6, 3.0), TENDON, width=4.5, edge=1.2),
        Tube((0, -40, 78), (0, -42, 140), (3.0, 2.2), TENDON, width=4.5, edge=1.2),
        Tube((-1, -48, 17), (0, -31, -34), (2.7, 2.9), TENDON, width=4.5, edge=1.2),
        Tube((-1, -48.8, 46), (-1, -49.5, 17), (1.5, 1.5), TENDON, width=7, edge=1.2),
    ]


@cache
def knee_phantom() -> Phantom:
    """Return a RIGHT knee, as a sagittal MR of 27 slices of 320 x 320 voxels shows it.

    Slices run to the left (+x), that is from lateral to medial, rows down (-z), columns to posterior (+y).
    The fibula is lateral, at negative x; the patella anterior, at negative y; the femur above, at positive z.

    Returns
    -------
    Phantom
        In arbitrary signal units; landmarks ``patella``, ``fibula``, ``femur``, ``tibia``, ``artery``.

    Examples
    --------
    >>> knee = knee_phantom()
    >>> position, value = knee.landmarks["fibula"]
    >>> knee.values([position]).tolist() == [value]
    True
    """
    affine = np.array(
        [[3.5, 0.0, 0.0, -45.7], [0.0, 0.0, 0.5, -75.3], [0.0, -0.5, 0.0, 81.2], [0.0, 0.0, 0.0, 1.0]]
    )
    landmarks = {
        "patella": ((-1.0, -41.0, 31.0), MARROW),
        "fibula": ((-37.0, 25.0, -25.0), MARROW),
        "femur": ((0.0, -7.0, 70.0), MARROW),
        "tibia": ((0.0, 0.5, -60.0), MARROW),
        "artery": ((0.0, 36.5, 65.0), 45.0),
    }
    bodies = (*_limb(), *_vessels(), *_menisci(), *_tibia(), *_femur(), *_notch(), *_front())
    return Phantom("knee", "MR", (27, 320, 320), affine, NOTHING, bodies, 36, landmarks, seed=4040)

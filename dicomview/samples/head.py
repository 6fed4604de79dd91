"""The head phantom: an axial CT of a head with a small haemorrhage in the left hemisphere."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from dicomview.samples.brain import brain
from dicomview.samples.materials import (
    AIR,
    BLOOD,
    CALCIUM,
    DIPLOE,
    EGG,
    FAT,
    FLOOR,
    MIDDLE,
    MUSCLE,
    PETROUS,
    SKIN,
    TABLE,
    above,
    both,
    tubes,
)
from dicomview.samples.phantom import Phantom
from dicomview.samples.shapes import Body, Ellipsoid, HalfSpace, Point, Tube

__all__ = ["head_phantom"]


def _muscle(center: Point, radii: Point, turn: float) -> list[Body]:
    """Return a muscle in its sheath of fat, on either side."""
    a, b, c = radii
    return both(center, (a + 1.4, b + 1.4, c + 1.4), FAT, turn) + both(center, radii, MUSCLE, turn)


def _rest() -> list[Body]:
    """Return the curved head rest: a thin shell filled with foam."""
    far = math.inf
    lower: tuple[HalfSpace, ...] = ((0.0, -1.0, 0.0, -52.0), (0.0, 0.0, 1.0, 92.0))
    return [
        Ellipsoid((0, 0, 0), (108, 113.5, far), 180, clips=lower),
        Ellipsoid((0, 0, 0), (106, 111.5, far), -930, clips=lower),
        Ellipsoid((0, 0, 0), (97, 103, far), 60, clips=lower),
        Ellipsoid((0, 0, 0), (95.6, 101.6, far), AIR, clips=lower),
    ]


def _soft_tissue() -> list[Body]:
    """Return scalp, face, neck, nose and ears: skin, fat beneath, muscle in depth."""
    bodies: list[Body] = []
    for inset, value in ((0.0, SKIN), (2.0, FAT), (5.5, 34.0)):
        i = inset
        bodies += [
            Ellipsoid((0, 28, -66), (60 - i, 61 - i, 92 - i), value),
            Ellipsoid((0, -26, -36), (66 - i, 64 - i, 66 - i), value, egg=0.1),
            Ellipsoid((0, -44, -62), (46 - i, 52 - i, 30 - i), value),
            Ellipsoid((0, -18, 2), (71.5 - i, 70 - i, 44 - i), value),
        ]
        if value != 34:
            bodies += [
                Ellipsoid((0, 0, 32), (75 - i, 94 - i, 79 - i), value, egg=EGG),
                Tube((0, -76, 4), (0, -84, -28), (7 - i, 12 - i), value, width=1.6),
                Tube((0, -82, 8), (0, -95, -25), (8 - i, 11.5 - i), value, width=1.1, edge=1.2),
                *tubes((0, -90, -27), (12, -84, -28), (9 - i, 7.5 - i), value),
            ]
    for side, tilt in ((1, 24.0), (-1, 29.0)):  # ears
        turn = (0, 0, -side * tilt)
        bodies += [
            Ellipsoid((side * 71, 20, -6), (3.4, 19, 29), SKIN, rotation=turn, edge=1.2),
            Ellipsoid((side * 75.5, 20, -4), (3, 8, 15), AIR, rotation=turn, edge=1.2),
            Ellipsoid((side * 68, 13, -30), (4, 7, 8), FAT + 60, rotation=turn, edge=1.5),
        ]
    # Temporal, masseter, pterygoid muscles, the neck in layers, and the parotid glands.
    bodies += _muscle((59.5, -24, 4), (7, 26, 35), -8)
    bodies += _muscle((54, -24, -46), (7.5, 19, 27), -8)
    bodies += _muscle((34, -18, -44), (8, 16, 22), 24)
    bodies += _muscle((17, 68, -50), (15, 11, 22), 10)
    bodies += _muscle((36, 60, -52), (11, 14, 24), 36)
    bodies += _muscle((54, 38, -52), (6, 20, 30), 10)
    bodies += _muscle((9, 52, -48), (8, 8, 26), 0)
    bodies += _muscle((14, -4, -60), (13, 9, 20), 0)
    bodies += both((46, -4, -58), (9, 13, 17), -5.0)
    bodies += both((40, -58, -50), (10, 9, 16), FAT, turn=30)  # cheeks
    bodies += [Ellipsoid((0, -44, -64), (25, 36, 14), MUSCLE)]  # tongue
    bodies += tubes((36, 12, -110), (36, 12, -34), (4, 3.5), 48.0)  # carotid sheath
    return bodies


def _skull() -> list[Body]:
    """Return the bones: the vault in three layers, the base, the face, the jaw and the first vertebra."""
    base: tuple[HalfSpace, ...] = (above(FLOOR, -9.0),)
    bodies: list[Body] = [
        Ellipsoid((0, 0, 32), (69, 88, 73), TABLE, egg=EGG, clips=base),
        Ellipsoid((0, 42, -14), (53, 43.5, 33), TABLE),
        Ellipsoid((0, 0, 32), (66.8, 85.8, 70.8), DIPLOE, egg=EGG, clips=base, edge=1.2),
        Ellipsoid((0, 42, -14), (51, 41.5, 31), DIPLOE, edge=1.2),
        Ellipsoid((0, 0, 32), (64, 82.6, 68), TABLE, egg=EGG, clips=base),
        *both(MIDDLE, (25.5, 29.5, 22.5), TABLE),
        # Base of the skull between the fossae.
        *tubes((56, 20, -16), (13, -8, -12), (10, 6), PETROUS),
        Tube((0, -26, -12), (0, 4, -30), (13, 8), DIPLOE, width=1.1),
        *tubes((50, -30, 10), (14, -36, 8), (3, 3), TABLE),  # sphenoid wings
        *both((59, 29, -24), (10, 15, 19), 700.0),  # mastoids
        *tubes((60, 30, -36), (57, 29, -46), (8, 4), 700.0),
        # Face.
        *tubes((65, 2, -17), (63, -34, -20), (3.2, 3.2), TABLE),  # zygomatic arches
        *tubes((63, -34, -20), (47, -60, -18), (3.4, 6), TABLE),
        *tubes((47, -60, -18), (50, -55, 14), (5, 4.5), TABLE),
        *tubes((20, -66, -14), (46, -61, -16), (4, 5), TABLE),
        *both((25, -56, -30), (19, 22, 19), TABLE),  # maxillae
        Ellipsoid((0, -62, -50), (27, 28, 6), 700.0),  # palate
        Tube((0, -83, 10), (0, -90, -7), (3.2, 2), 800.0, width=1.6),  # nasal bone
        Ellipsoid((0, -58, -3), (15, 27, 16), 300.0, edge=1.5),  # ethmoid
        Ellipsoid((0, -78, 18), (40, 8, 9), TABLE),  # brow
        *tubes((18, -18, -24), (17, -20, -46), (3, 2.2), 600.0),  # pterygoid plates
        # Jaw: head, ramus, angle.
        *tubes((51, 3, -22), (49, 0, -42), (5.5, 4.5), 1000.0),
        *tubes((49, 0, -42), (46, -8, -76), (4.5, 6), 1000.0),
        *tubes((50, -22, -32), (47, -12, -58), (2.5, 4), 900.0),
        # First vertebra and dens.
        Ellipsoid((0, 24, -52), (37, 21, 6), 750.0),
        Ellipsoid((0, 26, -52), (15.5, 15.5, 9), FAT + 80),
        *both((21, 18, -48), (9, 11, 9), 800.0),
        Tube((0, 11, -38), (0, 12, -110), (4.5, 6.5), 800.0),
    ]
    return bodies + _teeth() + _air_cells()


def _teeth() -> list[Body]:
    """Return the upper teeth, on a parabola."""
    bodies: list[Body] = []
    for i in range(-6, 7):
        x = 4.1 * i
        y = -87 + 0.045 * x * x
        bodies.append(Tube((x, y, -47), (x, y - 1, -64), (2.1, 3.0), 1900.0))
    return bodies


def _air_cells() -> list[Body]:
    """Return nose, sinuses and the cells of the mastoids, none of them quite symmetric."""
    bodies: list[Body] = [
        Ellipsoid((25, -56, -30), (16.5, 19.5, 16), AIR),
        Ellipsoid((-25, -56, -29), (17, 20, 16.5), AIR),
        Ellipsoid((-27, -52, -43), (12, 13, 4.5), 22),  # a cyst on the floor of the right maxillary sinus
        Ellipsoid((0, -62, -26), (11.5, 30, 21), 45),  # nasal cavity: lining, air, septum, turbinates
        Ellipsoid((0, -62, -26), (10, 29, 19.5), AIR),
        Ellipsoid((1.0, -60, -24), (1.3, 31, 20), 120, rotation=(0, 0, 1.5), edge=0.6),
        *both((7.0, -60, -35), (2.6, 22, 5.0), 50),
        *both((6.8, -54, -22), (2.2, 16, 4.5), 50),
        Tube((0, -22, -36), (0, -14, -62), (8.5, 7), AIR, width=1.5),  # pharynx
        Tube((0, -16, -62), (0, -12, -110), (8, 7), AIR, width=1.4),
        Ellipsoid((9, -24, -8), (7, 10, 8), AIR),  # sphenoid sinus
        Ellipsoid((-7, -25, -9), (6.5, 11, 9), AIR),
        Ellipsoid((13, -79, 21), (13, 4.5, 10), AIR, rotation=(0, 0, 10)),  # frontal sinus
        Ellipsoid((-9, -80, 19), (7.5, 4, 7), AIR, rotation=(0, 0, -8)),
    ]
    for side in (1, -1):
        for i in range(5):  # ethmoid cells in two files
            y = -78 + 9.4 * i
            bodies.append(Ellipsoid((side * 4.6, y, -1 + 2 * (i % 2)), (3.6, 4.2, 9), AIR))
            bodies.append(Ellipsoid((side * 11.2, y + 3, -2 + i % 2), (2.6, 4.0, 8), AIR))
        bodies.append(Tube((side * 84, 12, -12), (side * 45, 9, -13), (2.8, 2.6), AIR))  # ear canal
        bodies.append(Ellipsoid((side * 42, 10, -12), (3, 6, 6), AIR))
        bodies.append(Ellipsoid((side * 29, 3, -12), (3, 2.2, 3), 60))  # cochlea
        bodies.append(Tube((side * 25, 9, -12), (side * 10, 11, -11), (2.2, 3), 15))  # inner ear canal
        count = 80 if side > 0 else 50  # the left mastoid has more air
        for i in range(count):
            a, b, c = ((i * step + 5) % 83 / 41.5 - 1 for step in (23, 37, 54))
            center = (side * (59 + 6.5 * a), 29 + 11.5 * b, -24 + 15.5 * c)
            size = 1.3 + 0.25 * (i * 13 % 5)
            bodies.append(Ellipsoid(center, (size, size * 1.3, size * 1.4), -850))
    return bodies


def _orbits() -> list[Body]:
    """Return the eye sockets: bone, fat, globe, lens, nerve and muscles."""
    bodies: list[Body] = []
    bodies += tubes((32, -58, -1), (17, -26, 2), (19.5, 4), TABLE)
    bodies += tubes((32, -61, -1), (16, -28, 2), (18, 2.5), FAT)
    for side in (1, -1):
        bodies += [
            Ellipsoid((side * 32, -70, -1), (17, 11, 16), 0.0, edge=1.5),  # lids
            Tube((side * 32, -62, -1), (side * 13, -26, 3), (2.4, 2.2), 40),
            Tube((side * 20, -64, -1), (side * 14, -34, 1), (2.0, 1.6), MUSCLE),
            Tube((side * 44, -62, -1), (side * 19, -34, 1), (2.0, 1.6), MUSCLE),
            Tube((side * 32, -64, 11), (side * 17, -34, 4), (2.0, 1.6), MUSCLE, width=1.8),
            Tube((side * 32, -64, -13), (side * 17, -34, -2), (2.0, 1.6), MUSCLE, width=1.8),
            Ellipsoid((side * 32, -67, -1), (12.6, 12.6, 12.6), 55),
            Ellipsoid((side * 32, -67, -1), (11.4, 11.4, 11.4), 12),
            Ellipsoid((side * 32, -75.5, -1), (4.8, 2.4, 4.8), 95, edge=0.5),
        ]
    return bodies


@cache
def head_phantom() -> Phantom:
    """Return a head, as an axial CT of 68 slices of 512 x 512 voxels shows it.

    The nose points to anterior (-y), the vertex to superior (+z). It is not symmetric: there is a small
    haemorrhage in the LEFT hemisphere (+x), and the left lateral ventricle is narrower than the right.

    Returns
    -------
    Phantom
        In HU; landmarks ``haemorrhage``, ``left_lens``, ``right_lens``, ``nose``, ``pineal``, ``vertex``.

    Examples
    --------
    >>> head = head_phantom()
    >>> position, value = head.landmarks["haemorrhage"]
    >>> head.values([position]).tolist() == [value] == [70.0]
    True
    """
    affine = np.array(
        [
            [0.0, 0.0, 0.453125, -115.7],
            [0.0, 0.453125, 0.0, -113.1],
            [2.5, 0.0, 0.0, -55.3],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    landmarks = {
        "haemorrhage": ((27.0, -2.0, 34.0), BLOOD),
        "left_lens": ((32.0, -75.5, -1.0), 95.0),
        "right_lens": ((-32.0, -75.5, -1.0), 95.0),
        "pineal": ((-0.5, 21.0, 31.0), CALCIUM),
        "nose": ((0.0, -105.8, -25.0), SKIN),
        "vertex": ((0.0, 0.0, 104.0), TABLE),
    }
    bodies = (*_rest(), *_soft_tissue(), *_skull(), *_orbits(), *brain())
    return Phantom("head", "CT", (68, 512, 512), affine, AIR, bodies, 12, landmarks)

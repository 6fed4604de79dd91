"""The inside of the skull of the head phantom: brain, ventricles, haemorrhage, vessels."""

from __future__ import annotations

from dicomview.samples.materials import (
    BLOOD,
    CALCIUM,
    CSF,
    EGG,
    FLOOR,
    GREY,
    MIDDLE,
    TURN,
    WHITE,
    above,
    both,
    tubes,
)
from dicomview.samples.shapes import Body, Ellipsoid, Folds, Tube

__all__ = ["brain"]


def brain() -> list[Body]:
    """Return everything inside the skull."""
    base = above(FLOOR, 1.5)
    inner = (62.0, 80.6, 66.0)
    bodies: list[Body] = [
        Ellipsoid((0, 0, 32), inner, CSF, egg=EGG, clips=(above(FLOOR, 0),)),
        *both(MIDDLE, (22.5, 26.5, 19.5), CSF),
        Ellipsoid((0, 42, -14), (48.5, 39, 28.5), CSF),
        Tube((0, 22, -30), (0, 26, -110), (14, 11), CSF, width=1.1),
    ]
    for side in (1, -1):
        center = (side * MIDDLE[0], *MIDDLE[1:])
        pole = Ellipsoid(center, (21.2, 25.2, 18.2), WHITE, clips=((0, 0, 1, 20), (0, 1, 0, 0)))
        bodies.append(Folds(pole, GREY, CSF, 22.0, 10.0, 3.0, 0.7, 51 + side))
        fissure = (-side * TURN[0], -side * TURN[1], 0.0, -0.9)
        half = Ellipsoid((0, 0, 32), (60.6, 79.2, 64.6), WHITE, egg=EGG, clips=(base, fissure))
        bodies.append(Folds(half, GREY, CSF, 27.0, 15.0, 3.2, 1.1, 31 + side))
    falx = ((*TURN, 0.0, 0.6), (-TURN[0], -TURN[1], 0.0, 0.6), base)
    bodies += [
        Ellipsoid((0, 0, 32), (62, 80.6, 66), 52, egg=EGG, clips=falx, edge=0.6),
        Ellipsoid((0, -8, 34), (44, 54, 27), CSF, clips=falx, edge=0.6),
    ]
    for side in (1, -1):  # Sylvian fissures and the insula beneath
        bodies += [
            Ellipsoid((side * 49, -12, 22), (11, 14, 1.7), CSF, rotation=(24, -side * 12, 0)),
            Ellipsoid((side * 40.5, -8, 27), (1.5, 17, 11), CSF, rotation=(0, 0, side * 6)),
            Ellipsoid((side * 37.5, -7, 28), (1.7, 15, 10), GREY, rotation=(0, 0, side * 6)),
        ]
    bodies += [
        Ellipsoid((0, -4, 47), (22, 40, 10), WHITE, edge=2),  # corpus callosum
        Ellipsoid((0, 0, 30), (34, 34, 17), WHITE, edge=3),
        *both((23.5, -7, 30), (5.5, 18, 11), GREY + 2, turn=14, edge=1.5),  # lentiform
        *both((10.5, 9, 31), (8, 13, 9), GREY + 1, turn=-18, edge=1.5),  # thalamus
        *both((12, -24, 37), (5, 9, 9), GREY + 2, turn=16, edge=1.5),  # caudate
    ]
    return bodies + _ventricles() + _posterior_fossa() + _midline()


def _ventricles() -> list[Body]:
    """Return the ventricles: the left ones are compressed by the haemorrhage."""
    return [
        Ellipsoid((6.8, -27, 39), (3.2, 12, 8), CSF, rotation=(0, 0, 20)),
        Ellipsoid((-9.0, -27, 39), (4.6, 14, 9), CSF, rotation=(0, 0, -20)),
        Ellipsoid((8.5, 2, 47), (5.0, 28, 5), CSF, rotation=(0, 0, -10)),
        Ellipsoid((-11.5, 2, 47), (6.5, 30, 6.5), CSF, rotation=(0, 0, 10)),
        Ellipsoid((23, 34, 35), (6, 15, 9), CSF, rotation=(0, 0, -24)),
        Ellipsoid((-24, 34, 35), (7.5, 17, 10), CSF, rotation=(0, 0, 24)),
        Tube((25, 44, 33), (19, 60, 31), (4, 1.5), CSF),
        Tube((-26, 45, 33), (-20, 62, 31), (4.5, 1.5), CSF),
        *tubes((30, 26, 27), (34, -2, 7), (3, 1.6), CSF),  # temporal horns
        Ellipsoid((-1.2, 0, 28), (2.1, 14, 9), CSF),  # third ventricle
        Ellipsoid((-0.8, -27, 40), (1.2, 10, 8), GREY),  # septum
        Ellipsoid((22, 33, 34), (3, 5.5, 4), 150, edge=1.5),  # choroid plexus, calcified
        Ellipsoid((-24, 36, 35), (3, 5, 4), 130, edge=1.5),
        Ellipsoid((-0.5, 21, 31), (2.5, 3, 2.5), CALCIUM),  # pineal gland
        Ellipsoid((27, -2, 34), (15.5, 20, 15), 19, rotation=(0, 0, 12), edge=5),  # oedema
        Ellipsoid((27, -2, 34), (10, 14.5, 10), BLOOD, rotation=(0, 0, 12), edge=1.6),
        Ellipsoid((31, 9, 39), (6, 7, 6), BLOOD, edge=1.6),
    ]


def _posterior_fossa() -> list[Body]:
    """Return cerebellum, brain stem, cisterns and tentorium."""
    bodies: list[Body] = [
        Ellipsoid((0, 42, -13), (48, 39, 27.8), 48),  # tentorium: what stays visible of this shell
        Ellipsoid((0, 42, -14), (47, 38.5, 27.5), CSF),
    ]
    for side in (1, -1):
        half = Ellipsoid((side * 20.5, 46, -14), (24, 31, 23.5), WHITE + 2, rotation=(0, 0, -side * 12))
        bodies.append(Folds(half, GREY + 1, CSF + 10, 10.0, 13.0, 1.6, 0.35, 77 + side))
    return [
        *bodies,
        Folds(Ellipsoid((0, 50, -10), (9, 24, 20), WHITE + 4), GREY + 2, CSF + 8, 9.0, 6.0, 1.5, 0.4, 90),
        Ellipsoid((0, 2, 7), (15, 16, 10), CSF, edge=1.5),  # suprasellar and ambient cisterns
        Ellipsoid((0, 14, 12), (21, 18, 7), CSF, edge=1.5),
        Ellipsoid((0, 12, 10), (16, 13, 9), WHITE + 5, edge=1.5),  # midbrain, pons, medulla
        Ellipsoid((0, 11, -10), (16, 13, 14), WHITE + 4, edge=1.5),
        Tube((0, 15, -16), (0, 25, -44), (10, 7), WHITE + 4, edge=1.5),
        Tube((0, 25, -44), (0, 27, -110), (6.5, 5.5), WHITE + 5, edge=1.5),
        Ellipsoid((0.5, 27, -13), (6, 3.6, 11), CSF),  # fourth ventricle
        Tube((0, 22, 2), (-0.8, 16, 22), (1.3, 1.3), CSF),
        Tube((0.8, -7, -16), (0.2, -5, 6), (1.8, 1.8), 55),  # basilar artery
    ]


def _midline() -> list[Body]:
    """Return the calcification of the falx and the great sinuses."""
    return [
        Ellipsoid((2.4, -52, 66), (1.9, 8, 5), CALCIUM + 200),
        Tube((-1.5, 30, 93), (-3, 65, 71), (3, 4), 58),
        Tube((-3, 65, 71), (-1, 79, 32), (4, 4.5), 58),
        *tubes((0, 79, 26), (28, 71, 10), (4, 4), 58),  # transverse sinuses
        *tubes((28, 71, 10), (49, 44, -2), (4, 4), 58),
    ]

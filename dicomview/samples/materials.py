"""What the parts of the head are made of, where its skull base lies, and how sides are mirrored."""

from __future__ import annotations

import math

from dicomview.samples.shapes import Body, Ellipsoid, HalfSpace, Point, Tube

__all__ = [
    "AIR",
    "BLOOD",
    "CALCIUM",
    "CSF",
    "DIPLOE",
    "EGG",
    "FAT",
    "FLOOR",
    "GREY",
    "MIDDLE",
    "MUSCLE",
    "PETROUS",
    "SKIN",
    "TABLE",
    "TURN",
    "WHITE",
    "above",
    "both",
    "tubes",
]

AIR, FAT, MUSCLE, SKIN = -1000.0, -95.0, 58.0, 25.0
CSF, WHITE, GREY, BLOOD = 7.0, 28.0, 38.0, 70.0
TABLE, DIPLOE, PETROUS, CALCIUM = 1150.0, 520.0, 1350.0, 260.0

EGG = 0.09  # the back of the head is wider than the forehead
MIDDLE: Point = (33.0, -14.0, 0.0)  # of the left middle fossa
FLOOR: HalfSpace = (0.0, -0.35, -math.sqrt(1 - 0.35 * 0.35), 9.5)  # of the skull: high in front, low behind
TURN = (math.sqrt(1 - 0.045 * 0.045), 0.045)  # normal of the midline plane, which is not quite x = 0


def above(plane: HalfSpace, gap: float) -> HalfSpace:
    """Return a half space drawn in by a gap in mm."""
    return (*plane[:3], plane[3] - gap)


def both(center: Point, radii: Point, value: float, turn: float = 0.0, edge: float = 0.8) -> list[Body]:
    """Return a body on the left and its mirror image on the right."""
    x, y, z = center
    return [
        Ellipsoid((side * x, y, z), radii, value, rotation=(0, 0, side * turn), edge=edge) for side in (1, -1)
    ]


def tubes(start: Point, end: Point, radii: tuple[float, float], value: float) -> list[Body]:
    """Return a tube on the left and its mirror image on the right."""
    return [Tube((s * start[0], *start[1:]), (s * end[0], *end[1:]), radii, value) for s in (1, -1)]

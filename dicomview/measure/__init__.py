"""Measuring: lengths, angles, areas and the values inside of regions, by patient position; no GUI."""

from dicomview.measure.evaluate import Result, evaluate, region_mask
from dicomview.measure.shapes import (
    KINDS,
    Angle,
    Distance,
    Ellipse,
    Measurement,
    Point,
    Polygon,
    Rectangle,
    Region,
)

__all__ = [
    "KINDS",
    "Angle",
    "Distance",
    "Ellipse",
    "Measurement",
    "Point",
    "Polygon",
    "Rectangle",
    "Region",
    "Result",
    "evaluate",
    "region_mask",
]

"""Measuring: lengths, angles, areas and the values inside of regions, by patient position; no GUI.

Functions take the volume (or geometry) first, then what is measured in it.
"""

from dicomview.measure.evaluate import Result, evaluate, lies_in, misplaced, region_mask, region_values
from dicomview.measure.files import from_json, to_json
from dicomview.measure.profile import Profile, profile, time_curve
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
from dicomview.measure.space import index_of, point_of
from dicomview.measure.sr import structured_report
from dicomview.measure.words import table, words

__all__ = [
    "KINDS",
    "Angle",
    "Distance",
    "Ellipse",
    "Measurement",
    "Point",
    "Polygon",
    "Profile",
    "Rectangle",
    "Region",
    "Result",
    "evaluate",
    "from_json",
    "index_of",
    "lies_in",
    "misplaced",
    "point_of",
    "profile",
    "region_mask",
    "region_values",
    "structured_report",
    "table",
    "time_curve",
    "to_json",
    "words",
]

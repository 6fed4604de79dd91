"""Where voxels are: affines, anatomical planes, letters, numpy only."""

from dicomview.geometry.geometry import Geometry
from dicomview.geometry.planes import (
    CONVENTIONS,
    PLANES,
    Convention,
    Plane,
    PlaneView,
    letters,
    obliquity,
    plane_axes,
    plane_of,
    plane_view,
)
from dicomview.geometry.reslice import StraightCanvas, deshear, interpolated, outside, patient_grid, resample

__all__ = [
    "CONVENTIONS",
    "PLANES",
    "Convention",
    "Geometry",
    "Plane",
    "PlaneView",
    "StraightCanvas",
    "deshear",
    "interpolated",
    "letters",
    "obliquity",
    "outside",
    "patient_grid",
    "plane_axes",
    "plane_of",
    "plane_view",
    "resample",
]

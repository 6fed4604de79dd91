"""Where voxels are: affines, anatomical planes, letters, numpy only."""

from dicomview.geometry.geometry import Geometry
from dicomview.geometry.oblique import (
    oblique_grid,
    plane_through,
    rotation_matrix,
    rotation_vector,
    turned_grid,
)
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
from dicomview.geometry.trilinear import beyond_plane, plane_values

__all__ = [
    "CONVENTIONS",
    "PLANES",
    "Convention",
    "Geometry",
    "Plane",
    "PlaneView",
    "StraightCanvas",
    "beyond_plane",
    "deshear",
    "interpolated",
    "letters",
    "oblique_grid",
    "obliquity",
    "outside",
    "patient_grid",
    "plane_axes",
    "plane_of",
    "plane_through",
    "plane_values",
    "plane_view",
    "resample",
    "rotation_matrix",
    "rotation_vector",
    "turned_grid",
]

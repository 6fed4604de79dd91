"""Where voxels are: affines, anatomical planes, letters, numpy only."""

from dicomview.geometry.brush import Box, connected, stroke
from dicomview.geometry.geometry import Geometry
from dicomview.geometry.oblique import (
    facing_grid,
    oblique_grid,
    plane_through,
    rotation_matrix,
    rotation_vector,
    straight_axes,
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
    "Box",
    "Convention",
    "Geometry",
    "Plane",
    "PlaneView",
    "StraightCanvas",
    "beyond_plane",
    "connected",
    "deshear",
    "facing_grid",
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
    "straight_axes",
    "stroke",
    "turned_grid",
]
